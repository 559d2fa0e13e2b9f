/**
 * Secret keys in files: one line, `sk_…`.
 *
 * @since 0.1.0
 */
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import type { Crypto } from "@aechannel/core/crypto/Crypto"
import * as FileSystem from "@effect/platform/FileSystem"
import type * as PlatformError from "@effect/platform/Error"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stdin from "../Stdin.js"

/**
 * A key could not be read or written; `detail` says why and what to do, without the key.
 *
 * @since 0.1.0
 * @category errors
 */
export class KeyFileError extends Data.TaggedError("KeyFileError")<{
  readonly file: string
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}

/** Larger files hold something else. */
const maximumSize = 4096

const reasons: { readonly [reason: string]: string } = {
  NotFound: "there is no such file or folder",
  PermissionDenied: "permission denied",
  AlreadyExists: "it exists already"
}

const because = (error: PlatformError.PlatformError): string =>
  error._tag === "SystemError" ? (reasons[error.reason] ?? error.description ?? error.reason) : error.message

const fail = (file: string, detail: string) => new KeyFileError({ file, detail })

/** Owner only. */
const mode = 0o600

/**
 * Writes the secret key to a new file that only its owner may read. Without `force` an existing file is an error; with
 * it the file is replaced in one step, and what was in it is lost.
 *
 * @since 0.1.0
 * @category encoding
 */
export const write = (
  file: string,
  keyPair: KeyPair.KeyPair,
  options: { readonly force: boolean }
): Effect.Effect<void, KeyFileError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const text = new TextEncoder().encode(`${Redacted.value(KeyPair.toText(keyPair))}\n`)
    const create = (path: string) =>
      Effect.scoped(
        Effect.gen(function* () {
          const handle = yield* fs.open(path, { flag: "wx", mode })
          yield* handle.writeAll(text)
          // Somebody may send coins to the address at once: the key has to outlive a power cut.
          yield* handle.sync
        })
      )
    if (!options.force) return yield* create(file)
    // Under a name of its own first: a link is replaced, not followed, and the mode is that of a new file.
    const part = `${file}.${process.pid}.part`
    yield* Effect.onError(Effect.zipRight(create(part), fs.rename(part, file)), () =>
      Effect.ignore(fs.remove(part, { force: true }))
    )
  }).pipe(
    Effect.mapError((error) =>
      error._tag === "SystemError" && error.reason === "AlreadyExists"
        ? fail(
            file,
            `“${file}” exists already and stays as it is. Choose another file, or add --force to replace it; a key in it is then lost, and so are the coins of its account.`
          )
        : fail(file, `cannot write the key to “${file}”: ${because(error)}. Choose another file with --out.`)
    )
  )

/**
 * Reads a key pair from a file, or from the standard input for `-`: `sk_…`, 64 hexadecimal digits (the seed) or 128
 * (seed and public key).
 *
 * @since 0.1.0
 * @category decoding
 */
export const read = (
  file: string
): Effect.Effect<KeyPair.KeyPair, KeyFileError | Stdin.StdinError, FileSystem.FileSystem | Crypto> =>
  Effect.gen(function* () {
    const text = file === "-" ? yield* Stdin.read(maximumSize) : yield* readFile(file)
    return yield* Effect.mapError(KeyPair.fromText(Redacted.make(text.trim())), ({ detail, reason }) =>
      fail(
        file,
        `${file === "-" ? "the standard input" : `“${file}”`} holds no secret key: ${reason}: ${detail}. \`aechannel keys new --out FILE\` makes one.`
      )
    )
  })

const readFile = (file: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { size } = yield* fs.stat(file)
    if (size > BigInt(maximumSize))
      return yield* fail(file, `“${file}” holds no secret key: it is too large for one (${size} bytes).`)
    return yield* fs.readFileString(file)
  }).pipe(
    Effect.catchTags({
      SystemError: (error) => fail(file, `cannot read the key in “${file}”: ${because(error)}.`),
      BadArgument: (error) => fail(file, `cannot read the key in “${file}”: ${error.message}.`)
    })
  )

/**
 * Whether others than the owner may read a file; never on systems without such modes.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isExposed = (file: string): Effect.Effect<boolean, never, FileSystem.FileSystem> =>
  file === "-" || process.platform === "win32"
    ? Effect.succeed(false)
    : Effect.flatMap(FileSystem.FileSystem, (fs) => fs.stat(file)).pipe(
        Effect.map((info) => (info.mode & 0o077) !== 0),
        Effect.orElseSucceed(() => false)
      )
