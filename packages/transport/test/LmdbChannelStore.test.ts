import * as Crypto from "@aechannel/core/crypto/Crypto"
import * as Hash from "@aechannel/core/crypto/Hash"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import { StoreError } from "@aechannel/core/protocol/Errors"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as RecordCodec from "@aechannel/core/services/RecordCodec"
import { Arbitraries, ChannelStoreSuite, TestCrypto } from "@aechannel/core/testing"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Effect, Exit, FastCheck, Redacted } from "effect"
import * as Lmdb from "lmdb"
import * as fs from "node:fs"
import { join } from "node:path"
import * as LmdbChannelStore from "../src/LmdbChannelStore.js"
import { temporaryDirectory } from "./support/StoreProcess.js"

const { path: directory, remove } = temporaryDirectory()
afterAll(remove)

let files = 0
const newPath = (): string => join(directory, `channels-${files++}.db`)

const key = Redacted.make(Uint8Array.from({ length: RecordCodec.keyLength }, (_, i) => i))
const crypto = TestCrypto.seeded("store")

const openAt = (path: string, options: { readonly key?: Redacted.Redacted<Uint8Array> } = {}) =>
  Effect.provideService(LmdbChannelStore.make({ path, ...options }), Crypto.Crypto, crypto)

const [first, second] = FastCheck.sample(
  Arbitraries.channelRecord.filter(({ fsmId }) => fsmId !== undefined),
  { seed: 3, numRuns: 2 }
)
if (first === undefined || second === undefined) throw new Error("no record was generated")
const secret = first.fsmId
if (secret === undefined) throw new Error("no secret")

const keyBytes = (record: ChannelStore.RecordKey): Uint8Array =>
  Bytes.concat(ApiEncoding.bytesOf(record.channelId), Bytes.utf8(record.role))

/** A store with the rounds 1 to 3 of one record. */
const written = (path: string, options: { readonly key?: Redacted.Redacted<Uint8Array> } = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* openAt(path, options)
      const fence = yield* store.claim(first)
      for (const version of [0, 1, 2])
        yield* store.write({ ...first, round: version + 1 }, { version, fence })
    })
  )

const reading = (path: string, options: { readonly key?: Redacted.Redacted<Uint8Array> } = {}) =>
  Effect.scoped(Effect.flatMap(openAt(path, options), (store) => store.read(first)))

/** A store that opens the same file each time. */
const fresh = (options: { readonly key?: Redacted.Redacted<Uint8Array> } = {}) =>
  Effect.map(Effect.sync(newPath), (path) => ({ open: openAt(path, options) }))

/** Changes a file behind the store's back. */
const tamper = (
  path: string,
  change: (databases: { readonly [name: string]: Lmdb.Database<Uint8Array, Uint8Array> }) => void
) =>
  Effect.promise(async () => {
    const common = { encoding: "binary", keyEncoding: "binary" } as const
    const root = Lmdb.open<Uint8Array, Uint8Array>({
      path,
      noSubdir: true,
      maxDbs: 8,
      overlappingSync: false,
      ...common
    })
    const databases = Object.fromEntries(
      ["records", "claims", "about"].map((name) => [
        name,
        root.openDB<Uint8Array, Uint8Array>({ name, ...common })
      ])
    )
    root.transactionSync(() => change(databases))
    await root.close()
  })

const failsWith = (
  effect: Effect.Effect<unknown, StoreError>,
  reason: StoreError["reason"],
  detail: string
) =>
  Effect.map(Effect.flip(effect), (error) => {
    expect(error).toBeInstanceOf(StoreError)
    expect(error.reason).toBe(reason)
    expect(error.detail).toContain(detail)
    expect(error.message).not.toContain(Redacted.value(secret))
    return error
  })

describe("LmdbChannelStore", () => {
  for (const { name, run } of ChannelStoreSuite.cases) {
    it.live(name, () => run(fresh()))
    it.live(`encrypted: ${name}`, () => run(fresh({ key })))
  }
})

describe("the file of LmdbChannelStore", () => {
  it.live("I19: is its owner's alone, and so is the lock beside it", () =>
    Effect.gen(function* () {
      const path = newPath()
      yield* Effect.scoped(
        Effect.map(openAt(path), () => {
          for (const file of [path, `${path}-lock`]) expect(fs.statSync(file).mode & 0o777).toBe(0o600)
        })
      )
      // Nothing else is left of making it.
      expect(fs.readdirSync(directory).filter((name) => name.includes(".new-"))).toEqual([])
    })
  )

  it.live("I19: is refused when others can read it, and taken again when they cannot", () =>
    Effect.gen(function* () {
      const path = newPath()
      yield* written(path)
      for (const mode of [0o644, 0o620, 0o604]) {
        fs.chmodSync(path, mode)
        yield* failsWith(reading(path), "read", `(mode ${mode.toString(8)}); make it 600`)
      }
      fs.chmodSync(path, 0o600)
      expect(yield* reading(path)).toMatchObject({ version: 3, record: { round: 3 } })
    })
  )

  it.live("I19: shows the fsm id in plain and hides it when there is a key", () =>
    Effect.gen(function* () {
      const needle = Buffer.from(ApiEncoding.bytesOf(Redacted.value(secret)))
      for (const options of [{}, { key }]) {
        const path = newPath()
        yield* written(path, options)
        expect(yield* reading(path, options)).toMatchObject({ version: 3, record: { round: 3 } })
        expect(fs.readFileSync(path).includes(needle)).toBe(!("key" in options))
      }
    })
  )

  it.live("cannot be read with another key, without the key, or with a key where there was none", () =>
    Effect.gen(function* () {
      const [sealed, plain] = [newPath(), newPath()]
      yield* written(sealed, { key })
      yield* written(plain)
      const other = Redacted.make(new Uint8Array(32))
      const error = yield* failsWith(reading(sealed, { key: other }), "corrupt", "another key")
      expect(error.message).not.toContain(Bytes.toHex(Redacted.value(key)))
      yield* failsWith(reading(sealed), "corrupt", "give the key")
      yield* failsWith(reading(plain, { key }), "corrupt", "a sealed record was expected")
    })
  )

  it.live("is refused when it is something else", () =>
    Effect.gen(function* () {
      const text = newPath()
      fs.writeFileSync(text, "a file of another program\n".repeat(1000), { mode: 0o600 })
      yield* failsWith(reading(text), "unsupported", "it is no LMDB database")
      const short = newPath()
      fs.writeFileSync(short, "short", { mode: 0o600 })
      yield* failsWith(reading(short), "corrupt", "it ends before byte")
      const empty = newPath()
      fs.writeFileSync(empty, "", { mode: 0o600 })
      yield* failsWith(reading(empty), "corrupt", "is empty")
      const foreign = newPath()
      yield* Effect.promise(async () => {
        const database = Lmdb.open({ path: foreign, noSubdir: true })
        await database.put("a", 1)
        await database.close()
        fs.chmodSync(foreign, 0o600)
      })
      const before = fs.readFileSync(foreign)
      yield* failsWith(reading(foreign), "unsupported", "another program")
      expect(fs.readFileSync(foreign).equals(before)).toBe(true)
    })
  )

  it.live("is refused when its place is none", () =>
    Effect.gen(function* () {
      yield* failsWith(
        reading(join(directory, "missing", "channels.db")),
        "read",
        "the directory does not exist"
      )
      yield* failsWith(reading(directory), "read", "no file")
      const file = newPath()
      fs.writeFileSync(file, "")
      yield* failsWith(reading(join(file, "channels.db")), "read", "is no directory")
    })
  )

  it.live("is refused when a later version has made it, and its records are", () =>
    Effect.gen(function* () {
      const path = newPath()
      yield* written(path)
      yield* tamper(path, ({ records }) => {
        const body = Uint8Array.of(RecordCodec.formatVersion + 1)
        records?.putSync(keyBytes(first), Bytes.concat(Bytes.utf8("aecr"), Hash.blake2b256(body), body))
      })
      yield* failsWith(reading(path), "unsupported", `the record has format ${RecordCodec.formatVersion + 1}`)
      yield* tamper(path, ({ about }) => {
        about?.putSync(Bytes.utf8("format"), Bytes.utf8("aechannel store 2"))
      })
      yield* failsWith(reading(path), "unsupported", "another format: aechannel store 2")
    })
  )

  it.live("I10: misses a record that is lost, old, somebody else's or damaged", () =>
    Effect.gen(function* () {
      const at = keyBytes(first)
      const rows: ReadonlyArray<readonly [string, Parameters<typeof tamper>[1]]> = [
        ["the record is missing", ({ records }) => void records?.removeSync(at)],
        [
          "version 2 stands where version 3 was written",
          ({ records }) => void records?.putSync(at, RecordCodec.encode({ version: 2, record: first }))
        ],
        [
          `the record of ${second.channelId}`,
          ({ records }) => void records?.putSync(at, RecordCodec.encode({ version: 3, record: second }))
        ],
        [
          "damaged",
          ({ records }) => {
            const row = Uint8Array.from(records?.get(at) ?? [])
            row[row.length - 5] = (row[row.length - 5] ?? 0) ^ 4
            void records?.putSync(at, row)
          }
        ],
        [
          "the claim of a channel's record is damaged",
          ({ claims }) => void claims?.putSync(at, Uint8Array.from(claims.get(at) ?? []).fill(2, 7, 8))
        ]
      ]
      for (const [detail, change] of rows) {
        const path = newPath()
        yield* written(path)
        yield* tamper(path, change)
        yield* failsWith(reading(path), "corrupt", detail)
      }
    })
  )

  it.live("a damaged claim is no reason to take over", () =>
    Effect.gen(function* () {
      const path = newPath()
      yield* written(path)
      yield* tamper(path, ({ claims }) => void claims?.putSync(keyBytes(first), new Uint8Array(24)))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* openAt(path)
          yield* failsWith(store.claim(first), "corrupt", "damaged")
          yield* failsWith(store.write(first, { version: 3, fence: 1 }), "corrupt", "damaged")
          yield* failsWith(store.list, "corrupt", "damaged")
          // Others are not concerned.
          yield* store.write(second, { version: 0, fence: yield* store.claim(second) })
        })
      )
    })
  )

  it.live("everything fails after its scope has ended, and what was asked for before is written", () =>
    Effect.gen(function* () {
      const path = newPath()
      let exit: Exit.Exit<void, StoreError> | undefined
      const store = yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* openAt(path)
          const fence = yield* store.claim(first)
          yield* Effect.forkDaemon(
            Effect.map(Effect.exit(store.write(first, { version: 0, fence })), (ended) => {
              exit = ended
            })
          )
          yield* Effect.yieldNow()
          return store
        })
      )
      yield* Effect.sleep("10 millis")
      expect(exit).toStrictEqual(Exit.void)
      yield* failsWith(store.read(first), "read", "the store is closed")
      yield* failsWith(store.list, "read", "the store is closed")
      yield* failsWith(store.claim(first), "write", "the store is closed")
      yield* failsWith(store.write(first, { version: 1, fence: 1 }), "write", "the store is closed")
      expect(yield* reading(path)).toMatchObject({ version: 1 })
    })
  )
})
