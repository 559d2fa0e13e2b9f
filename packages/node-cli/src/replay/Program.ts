/**
 * What `aechannel replay` does.
 *
 * @since 0.1.0
 */
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as Json from "@aechannel/core/encoding/Json"
import * as Replay from "@aechannel/core/testing/Replay"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { Reported } from "../Failure.js"
import * as Live from "./Live.js"
import { resultOf, type Result, textOf, totalsOf } from "./Result.js"

/**
 * There is nothing to replay, or nothing to replay it against.
 *
 * @since 0.1.0
 * @category errors
 */
export class ReplayError extends Data.TaggedError("ReplayError")<{ readonly message: string }> {}

/**
 * @since 0.1.0
 * @category models
 */
export interface RunOptions {
  readonly transcripts: ReadonlyArray<string>
  readonly url: string | undefined
  readonly httpUrl: string | undefined
  readonly networkId: string
  readonly keyFile: string | undefined
  /** Seconds. */
  readonly timeout: number
  readonly json: boolean
}

const targetsFor = (options: RunOptions) =>
  Effect.gen(function* () {
    const crypto = yield* Crypto
    const { httpUrl, keyFile, networkId, timeout, url } = options
    if (url === undefined) return Replay.embedded({ crypto })
    if (httpUrl === undefined || keyFile === undefined)
      return yield* new ReplayError({
        message:
          "another node has to fund the accounts of the recording: say where its HTTP API is with --http-url, and name the key of an account that has coins there with --key-file. `aechannel node --config-out FILE` writes such a file."
      })
    return yield* Live.targets({ url, httpUrl, networkId, keyFile, timeoutMillis: timeout * 1000 })
  })

const seedFor = (url: string | undefined) =>
  Effect.gen(function* () {
    // A node that lasts must not meet the same accounts twice, neither in one run nor in the next.
    if (url === undefined) return "replay"
    const bytes = yield* (yield* Crypto).randomBytes(16)
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
  })

const replayFile = (file: string, targets: Replay.Targets, seed: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const crypto = yield* Crypto
    const content = yield* Effect.mapError(
      fs.readFileString(file),
      () => new ReplayError({ message: `cannot read ${file}: check its name and your rights` })
    )
    const read = yield* Effect.either(Replay.read(path.basename(file), content))
    if (read._tag === "Left") return resultOf(file, read.left)
    return resultOf(file, yield* Replay.replay(read.right, { targets, crypto, seed }))
  })

/**
 * Replays all transcripts and prints what became of them. Fails with `Reported` when one is different or damaged.
 *
 * @since 0.1.0
 * @category execution
 */
export const run = (
  options: RunOptions
): Effect.Effect<void, ReplayError | Replay.TargetError | Reported, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    if (options.transcripts.length === 0)
      return yield* new ReplayError({
        message: "there is nothing to replay: name recorded sessions (files of JSON lines)."
      })
    const targets = yield* targetsFor(options)
    const seed = yield* seedFor(options.url)
    const results: Array<Result> = []
    for (const file of options.transcripts) {
      const result = yield* replayFile(file, targets, `${seed}/${results.length}`)
      results.push(result)
      yield* Console.log(options.json ? Json.stringify(result.json) : textOf(result))
    }
    const totals = totalsOf(results)
    yield* Console.log(options.json ? Json.stringify(totals.json) : `\n${totals.text}`)
    if (totals.failed) return yield* new Reported()
  }).pipe(Effect.provide(NativeCrypto.layer))

/**
 * Prints the tables.
 *
 * @since 0.1.0
 * @category execution
 */
export const listVariants = (json: boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const obstacles = Object.entries(Replay.obstacles)
    if (json) {
      for (const { kind, name, reason } of Replay.variants)
        yield* Console.log(Json.stringify({ type: "variant", name, kind, reason }))
      for (const [name, reason] of obstacles)
        yield* Console.log(Json.stringify({ type: "obstacle", name, reason }))
      return
    }
    yield* Console.log("Differences that are accepted:")
    for (const { kind, name, reason } of Replay.variants) yield* Console.log(`  ${name} (${kind}): ${reason}`)
    yield* Console.log("\nWhy recordings cannot be replayed:")
    for (const [name, reason] of obstacles) yield* Console.log(`  ${name}: ${reason}`)
  })
