/**
 * The channel store on disk: one file, an LMDB database. A write has succeeded when it is on disk; a process or a machine
 * that dies at any point leaves the record as it was before the write or as it is after it.
 *
 * Several processes may use the same file; claims decide which of them writes a channel's record. Writes that are asked
 * for together are written together, so that many channels cost little more than one.
 *
 * **Secrets.** Records hold the `fsm_id` with which a client comes back to its channel. The file is made for its owner
 * only (mode 0600), and a file that others can read is refused. With `key` each record is encrypted as well
 * (XSalsa20-Poly1305); channel ids, roles and versions are not.
 *
 * **Damage.** A file that is cut short, damaged in its structure or no store is refused when it is opened, and a damaged
 * record when it is read, both with a `StoreError`; neither is ever taken for an older or other record. The disk must
 * be local: LMDB does not work on network file systems.
 *
 * @since 0.1.0
 */
import * as Crypto from "@aechannel/core/crypto/Crypto"
import * as Hash from "@aechannel/core/crypto/Hash"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import type * as DecodeError from "@aechannel/core/encoding/DecodeError"
import { StoreError } from "@aechannel/core/protocol/Errors"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as RecordCodec from "@aechannel/core/services/RecordCodec"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Lmdb from "lmdb"
import * as fs from "node:fs"
import { dirname } from "node:path"
import { check } from "./internal/lmdbFile.js"

/**
 * - `path`: of the file; it is made when there is none, its directory must exist. A second file, `path-lock`, stands
 *   beside it while the store is in use and may stay.
 * - `key`: 32 bytes with which records are encrypted; those that were written with another key, or without one, cannot
 *   be read. Default: no encryption.
 *
 * @since 0.1.0
 * @category models
 */
export interface LmdbOptions {
  readonly path: string
  readonly key?: Redacted.Redacted<Uint8Array>
}

type Reason = StoreError["reason"]

const failure = (operation: string, reason: Reason, detail: string): StoreError =>
  new StoreError({ operation, reason, detail })

/** What the operating system's errors mean for who has to repair it. LMDB gives them as numbers. */
const systemErrors: { readonly [code: string]: string } = {
  ENOSPC: "the disk is full",
  "28": "the disk is full",
  EDQUOT: "the disk quota is used up",
  "122": "the disk quota is used up",
  EFBIG: "the file may not grow any further",
  "27": "the file may not grow any further",
  EACCES: "the permissions do not allow it",
  "13": "the permissions do not allow it",
  EPERM: "the permissions do not allow it",
  EROFS: "the file system is read-only",
  "30": "the file system is read-only",
  EIO: "the disk is full or does not work",
  "5": "the disk is full or does not work",
  ENOENT: "the directory does not exist",
  ENOTDIR: "the directory does not exist",
  EISDIR: "a directory stands where the file should be"
}

const detailOf = (error: unknown): string => {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && "code" in error ? systemErrors[String(error.code)] : undefined
  return code === undefined ? message : `${code} (${message})`
}

const codecFailure = (operation: string, error: DecodeError.DecodeError): StoreError =>
  failure(operation, error.reason === "unsupported_version" ? "unsupported" : "corrupt", error.detail)

// The databases in the file: records by key, what was claimed and written by key, and what the file is. The second
// stands apart from the first so that a record that is lost to damage is missed.
const recordsName = "records"
const claimsName = "claims"
const aboutName = "about"
const formatKey = Bytes.utf8("format")
const format = Bytes.utf8("aechannel store 1")

interface Opened {
  readonly root: Lmdb.RootDatabase<Uint8Array, Uint8Array>
  readonly records: Lmdb.Database<Uint8Array, Uint8Array>
  readonly claims: Lmdb.Database<Uint8Array, Uint8Array>
  readonly about: Lmdb.Database<Uint8Array, Uint8Array>
}

// LMDB's own order of things: a commit is done when it is on disk, and says when it could not be written.
const openFile = (path: string): Opened => {
  const common = { encoding: "binary", keyEncoding: "binary" } as const
  const options = {
    path,
    noSubdir: true,
    maxDbs: 8,
    overlappingSync: false,
    permissionsMode: 0o600,
    ...common
  }
  const root = Lmdb.open<Uint8Array, Uint8Array>(options)
  const database = (name: string) => root.openDB<Uint8Array, Uint8Array>({ name, ...common })
  return { root, records: database(recordsName), claims: database(claimsName), about: database(aboutName) }
}

const syncDirectory = (path: string): void => {
  if (process.platform === "win32") return
  const fd = fs.openSync(dirname(path), "r")
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

const removeFiles = (path: string): void => {
  fs.rmSync(path, { force: true })
  fs.rmSync(`${path}-lock`, { force: true })
}

let made = 0

/** Makes a store under another name and gives it its own when it is complete, so that no half-made one is ever seen. */
const createFile = async (path: string): Promise<void> => {
  const temporary = `${path}.new-${process.pid}-${made++}`
  try {
    const { about, root } = openFile(temporary)
    try {
      root.transactionSync(() => void about.putSync(formatKey, format))
    } finally {
      await root.close()
    }
    try {
      fs.linkSync(temporary, path)
    } catch (error) {
      // Another process was faster.
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
    }
    syncDirectory(path)
  } finally {
    removeFiles(temporary)
  }
}

/** Refuses a file that is not ours, damaged, or open to others. */
const inspect = (path: string, sealed: boolean): StoreError | undefined => {
  const fd = fs.openSync(path, "r")
  try {
    const stat = fs.fstatSync(fd)
    if (!stat.isFile()) return failure("open", "read", `${path} is no file`)
    if (stat.size === 0)
      return failure("open", "corrupt", `${path} is empty; remove it if it never was a store`)
    if (process.platform !== "win32" && !sealed && (stat.mode & 0o077) !== 0)
      return failure(
        "open",
        "read",
        `others may read or write ${path}, which holds secrets (mode ${(stat.mode & 0o777).toString(8)}); make it 600`
      )
    const found = check(fd)
    if ("kind" in found)
      return failure("open", found.kind === "foreign" ? "unsupported" : "corrupt", `${path}: ${found.detail}`)
    if (![recordsName, claimsName, aboutName].every((name) => found.includes(name)))
      return failure("open", "unsupported", `${path} is an LMDB database of another program`)
    return undefined
  } finally {
    fs.closeSync(fd)
  }
}

const keyOf = ({ channelId, role }: ChannelStore.RecordKey): Uint8Array =>
  Bytes.concat(ApiEncoding.bytesOf(channelId), Bytes.utf8(role))

const textOf = (key: ChannelStore.RecordKey): string => `${key.channelId}/${key.role}`

const roles: ReadonlyArray<Role> = ["initiator", "responder"]

const keyIn = (bytes: Uint8Array): ChannelStore.RecordKey | undefined => {
  const role = roles.find((each) => Bytes.equals(Bytes.utf8(each), bytes.subarray(32)))
  return role === undefined ? undefined : { channelId: ApiEncoding.encode("ch", bytes.slice(0, 32)), role }
}

// A claim's row: the claim in force, the version that is written, and a checksum over both and the key.
const claimLength = 24

const claimBytes = (key: Uint8Array, { fence, version }: ChannelStore.Expected): Uint8Array => {
  const numbers = Bytes.concat(Bytes.uintToFixed(fence, 8), Bytes.uintToFixed(version, 8))
  return Bytes.concat(numbers, Hash.blake2b256(Bytes.concat(key, numbers)).subarray(0, 8))
}

const noClaim: ChannelStore.Expected = { fence: 0, version: 0 }

const claimIn = (key: Uint8Array, bytes: Uint8Array): ChannelStore.Expected | undefined => {
  if (bytes.length !== claimLength) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, claimLength)
  const claim = { fence: Number(view.getBigUint64(0)), version: Number(view.getBigUint64(8)) }
  return Bytes.equals(claimBytes(key, claim), bytes) ? claim : undefined
}

/** Work for the next transaction; `end` is called when that is on disk, or has failed. */
interface Job {
  readonly operation: string
  readonly run: () => void
  readonly end: (failed: StoreError | undefined) => void
}

/** Does the work that is asked for in one turn of the event loop in one transaction. */
const makeQueue = (root: Opened["root"]) => {
  let waiting: Array<Job> = []
  let isClosed = false
  const drain = (): void => {
    const jobs = waiting
    waiting = []
    if (jobs.length === 0) return
    let failed: unknown
    let hasFailed = false
    try {
      root.transactionSync(() => {
        for (const { run } of jobs) run()
      })
    } catch (error) {
      failed = error
      hasFailed = true
    }
    for (const { end, operation } of jobs)
      end(hasFailed ? failure(operation, "write", detailOf(failed)) : undefined)
  }
  const perform = <A>(operation: string, work: () => A | StoreError): Effect.Effect<A, StoreError> =>
    Effect.uninterruptible(
      Effect.async((resume) => {
        if (isClosed) {
          resume(closedFailure(operation))
          return
        }
        let outcome: A | StoreError = closedError(operation)
        const run = (): void => {
          outcome = work()
        }
        const end = (failed: StoreError | undefined): void => {
          const result = failed ?? outcome
          resume(result instanceof StoreError ? Effect.fail(result) : Effect.succeed(result))
        }
        waiting.push({ operation, run, end })
        if (waiting.length === 1) setImmediate(drain)
      })
    )
  const close = (): void => {
    isClosed = true
    drain()
  }
  return { perform, close, isOpen: () => !isClosed }
}

const closedError = (operation: string): StoreError =>
  failure(operation, operation === "write" || operation === "claim" ? "write" : "read", "the store is closed")
const closedFailure = (operation: string): Effect.Effect<never, StoreError> =>
  Effect.fail(closedError(operation))

const makeService = (
  { claims, records, root }: Opened,
  { key: secret }: LmdbOptions,
  crypto: Crypto.CryptoService
) => {
  const queue = makeQueue(root)

  const claimOf = (operation: string, key: Uint8Array): ChannelStore.Expected | StoreError => {
    const row = claims.get(key)
    if (row === undefined) return noClaim
    return claimIn(key, row) ?? failure(operation, "corrupt", "the claim of a channel's record is damaged")
  }

  const bytesOf = (stored: ChannelStore.StoredRecord): Effect.Effect<Uint8Array> => {
    const bytes = RecordCodec.encode(stored)
    return secret === undefined
      ? Effect.succeed(bytes)
      : Effect.map(crypto.randomBytes(RecordCodec.nonceLength), (nonce) =>
          RecordCodec.seal(bytes, { key: secret, nonce })
        )
  }

  const storedIn = (row: Uint8Array): Effect.Effect<ChannelStore.StoredRecord, DecodeError.DecodeError> =>
    secret === undefined
      ? RecordCodec.decode(row)
      : Effect.flatMap(RecordCodec.open(row, secret), RecordCodec.decode)

  const recordAt = (
    key: ChannelStore.RecordKey
  ): Effect.Effect<ChannelStore.StoredRecord | undefined, StoreError> => {
    const corrupt = (detail: string) => Effect.fail(failure("read", "corrupt", `${textOf(key)}: ${detail}`))
    const at = keyOf(key)
    // What other processes have written in the meantime is seen too.
    root.resetReadTxn()
    const claim = claimOf("read", at)
    const row = records.get(at)
    if (claim instanceof StoreError) return Effect.fail(claim)
    if (row === undefined)
      return claim.version === 0 ? Effect.succeed(undefined) : corrupt("the record is missing")
    return storedIn(row).pipe(
      Effect.mapError((error) => codecFailure("read", error)),
      Effect.flatMap((stored) => {
        const { record, version } = stored
        if (version !== claim.version)
          return corrupt(`version ${version} stands where version ${claim.version} was written`)
        if (textOf(record) !== textOf(key)) return corrupt(`the record of ${textOf(record)} stands there`)
        return Effect.succeed(stored)
      })
    )
  }

  const keys = (): ReadonlyArray<ChannelStore.RecordKey> | StoreError => {
    root.resetReadTxn()
    const found: Array<ChannelStore.RecordKey> = []
    for (const { key: at, value } of claims.getRange()) {
      const key = keyIn(at)
      const claim = claimIn(at, value)
      if (key === undefined || claim === undefined)
        return failure("list", "corrupt", "the claim of a channel's record is damaged")
      if (claim.version > 0) found.push(key)
    }
    return found.sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1))
  }

  /** A look at the database, which may fail in ways that only the operating system knows. */
  const look = <A>(operation: string, f: () => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
    Effect.suspend(() => {
      if (!queue.isOpen()) return closedFailure(operation)
      try {
        return f()
      } catch (error) {
        return Effect.fail(failure(operation, "read", detailOf(error)))
      }
    })

  const service: ChannelStore.ChannelStoreService = {
    claim: (key) =>
      queue.perform("claim", () => {
        const at = keyOf(key)
        const claim = claimOf("claim", at)
        if (claim instanceof StoreError) return claim
        const fence = claim.fence + 1
        claims.putSync(at, claimBytes(at, { ...claim, fence }))
        return fence
      }),
    read: (key) => look("read", () => recordAt(key)),
    write: (record, expected) =>
      Effect.flatMap(
        Effect.suspend(() => bytesOf({ version: expected.version + 1, record })),
        (bytes) =>
          queue.perform("write", () => {
            const at = keyOf(record)
            const claim = claimOf("write", at)
            if (claim instanceof StoreError) return claim
            const refusal = ChannelStore.refusalOf(claim, expected)
            if (refusal !== undefined) return refusal
            records.putSync(at, bytes)
            claims.putSync(at, claimBytes(at, { ...claim, version: claim.version + 1 }))
            return undefined
          })
      ),
    list: look("list", () => {
      const found = keys()
      return found instanceof StoreError ? Effect.fail(found) : Effect.succeed(found)
    })
  }
  return { service, close: queue.close }
}

const openStore = (options: LmdbOptions): Effect.Effect<Opened, StoreError> =>
  Effect.tryPromise({
    try: async (): Promise<Opened | StoreError> => {
      const { path, key } = options
      if (!fs.statSync(dirname(path)).isDirectory())
        return failure("open", "read", `${dirname(path)} is no directory`)
      if (!fs.existsSync(path)) await createFile(path)
      const problem = inspect(path, key !== undefined)
      if (problem !== undefined) return problem
      const opened = openFile(path)
      const found = opened.about.get(formatKey)
      if (found !== undefined && Bytes.equals(found, format)) return opened
      await opened.root.close()
      return found === undefined
        ? failure("open", "unsupported", `${path} is an LMDB database of another program`)
        : failure("open", "unsupported", `${path} has another format: ${new TextDecoder().decode(found)}`)
    },
    catch: (error) => failure("open", "read", `${options.path}: ${detailOf(error)}`)
  }).pipe(
    Effect.flatMap((opened) => (opened instanceof StoreError ? Effect.fail(opened) : Effect.succeed(opened)))
  )

/**
 * Opens the store; it is closed with the scope, after what was being written is on disk. Fails with `StoreError`: `read`
 * when the file cannot be opened or others can read it, `corrupt` when it is damaged, `unsupported` when it is something
 * else or of a later version.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: LmdbOptions
): Effect.Effect<ChannelStore.ChannelStoreService, StoreError, Scope.Scope | Crypto.Crypto> =>
  Effect.gen(function* () {
    const crypto = yield* Crypto.Crypto
    const { service } = yield* Effect.acquireRelease(
      Effect.map(openStore(options), (opened) => ({ ...makeService(opened, options, crypto), opened })),
      ({ close, opened }) =>
        Effect.zipRight(
          Effect.sync(close),
          Effect.promise(() => opened.root.close())
        )
    )
    return service
  })

/**
 * Provides the store; see {@link make}.
 *
 * @example
 * ```ts
 * import { Crypto } from "@aechannel/core"
 * import { LmdbChannelStore } from "@aechannel/transport"
 * import { Layer } from "effect"
 *
 * const store = LmdbChannelStore.layer({ path: "channels.db" }).pipe(Layer.provide(Crypto.layerNoble))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: LmdbOptions
): Layer.Layer<ChannelStore.ChannelStore, StoreError, Crypto.Crypto> =>
  Layer.scoped(ChannelStore.ChannelStore, make(options))
