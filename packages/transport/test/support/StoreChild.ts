/**
 * What another process does to a channel store: writes until it is killed, fights for the lease, fills the disk, or looks
 * at damaged files. Says in lines what came of it; a line is out when the call that wrote it returns.
 */
import type * as ChannelStore from "@aechannel/core/services/ChannelStore"
import { TestCrypto } from "@aechannel/core/testing"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as LmdbChannelStore from "../../src/LmdbChannelStore.js"
import { recordOf, records } from "./StoreRecords.js"

const say = (...words: ReadonlyArray<string | number>): void => {
  fs.writeSync(1, `${words.join(" ")}\n`)
}

const crypto = TestCrypto.layerSeeded(process.pid)

const openAt = (path: string) => Effect.provide(LmdbChannelStore.make({ path }), crypto)

const write = (store: ChannelStore.ChannelStoreService, limit: number, growth = 0) =>
  Effect.gen(function* () {
    const fence = yield* store.claim(recordOf(0))
    let version = (yield* store.read(recordOf(0)))?.version ?? 0
    for (let i = 0; i < limit; i++) {
      const record = recordOf(version + 1)
      const trees = growth === 0 ? record.trees : new Uint8Array(growth * version)
      yield* store.write({ ...record, trees }, { version, fence })
      version += 1
      say(version)
    }
  })

/** Claims and writes again and again, whoever else does. */
const fight = (store: ChannelStore.ChannelStoreService, wins: number) =>
  Effect.gen(function* () {
    for (let won = 0; won < wins; ) {
      const fence = yield* store.claim(recordOf(0))
      for (let i = 0; i < 5 && won < wins; i++) {
        const version = (yield* store.read(recordOf(0)))?.version ?? 0
        const result = yield* Effect.either(store.write(recordOf(version + 1), { version, fence }))
        if (result._tag === "Left") {
          say("lost", result.left.reason)
          break
        }
        say("wrote", version + 1, fence)
        won += 1
        yield* Effect.sleep("1 millis")
      }
    }
  })

/** Writes until that fails, and shows that what was written is still there. */
const fill = (store: ChannelStore.ChannelStoreService) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(write(store, 100_000, 5000))
    say("failed", error.reason, error.detail)
    const stored = yield* store.read(recordOf(0))
    say("holds", stored?.version ?? 0, stored?.record.round ?? 0)
  })

/** What a store makes of a file: each record right, or an error; also after a write. */
const outcome = (path: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* openAt(path)
      const results: Array<string> = []
      for (const [index, record] of records.entries()) {
        const stored = yield* Effect.either(store.read(record))
        results.push(
          stored._tag === "Left"
            ? stored.left.reason
            : stored.right === undefined
              ? "MISSING"
              : stored.right.version === 3 &&
                  stored.right.record.trees.length === recordOf(3, index).trees.length
                ? "right"
                : "WRONG"
        )
      }
      const fence = yield* store.claim(recordOf(0))
      yield* store.write(recordOf(4), { version: 3, fence })
      return [...new Set(results)].sort().join("+")
    })
  ).pipe(Effect.catchAll(({ operation, reason }) => Effect.succeed(`${operation}:${reason}`)))

const probe = (directory: string, names: ReadonlyArray<string>) =>
  Effect.forEach(
    names,
    (name) =>
      Effect.gen(function* () {
        say("looking", name)
        say("found", name, yield* outcome(`${directory}/${name}`))
      }),
    { discard: true }
  )

const [, , mode, path = "", ...rest] = process.argv
const run = (use: (store: ChannelStore.ChannelStoreService) => Effect.Effect<void, unknown>) =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(openAt(path), use)))

if (mode === "start") say("ready")
if (mode === "write" || mode === "start") await run((store) => write(store, Number(rest[0])))
if (mode === "fight") await run((store) => fight(store, Number(rest[0])))
if (mode === "fill") await run(fill)
if (mode === "probe") await Effect.runPromise(probe(path, rest))
