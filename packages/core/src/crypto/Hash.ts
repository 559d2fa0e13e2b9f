/**
 * The hash functions of æternity.
 *
 * They are pure JavaScript until a platform brings faster ones, see {@link accelerate}.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Bytes from "../encoding/Bytes.js"
import * as Hashes from "../encoding/internal/hashes.js"

/**
 * From any bytes, which must stay as they are, to 32 new ones.
 *
 * @since 0.1.0
 * @category models
 */
export type HashFunction = (bytes: Uint8Array) => Uint8Array

/**
 * The hash functions a platform may bring.
 *
 * @since 0.1.0
 * @category models
 */
export interface Implementation {
  readonly blake2b256: HashFunction
  readonly sha256: HashFunction
}

/**
 * A hash function that is not the one it claims to be: `hash` is its name, `length` the number of bytes of an input
 * that it hashes to something else or not at all.
 *
 * @since 0.1.0
 * @category errors
 */
export class WrongHashError extends Data.TaggedError("WrongHashError")<{
  readonly hash: keyof Implementation
  readonly length: number
}> {
  override get message(): string {
    return `The implementation of ${this.hash} is wrong for an input of ${this.length} bytes, so it is not used`
  }
}

/**
 * BLAKE2b with 32 bytes of output and no key: transaction hashes, ids, tree nodes.
 *
 * Specification: æternity consensus, "cryptography".
 *
 * @since 0.1.0
 * @category hashing
 */
export const blake2b256 = (bytes: Uint8Array): Uint8Array => Hashes.inUse().blake2b256(bytes)

/**
 * SHA-256.
 *
 * @since 0.1.0
 * @category hashing
 */
export const sha256 = (bytes: Uint8Array): Uint8Array => Hashes.inUse().sha256(bytes)

/**
 * The implementation that runs everywhere: pure JavaScript.
 *
 * @since 0.1.0
 * @category implementations
 */
export const portable: Implementation = Hashes.portable

// Around the sizes of blocks and of their padding, and beyond the buffers that implementations use.
const trialLengths = [0, 1, 32, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 255, 256, 257, 1000, 17_000]

const trialInput = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 167 + length) & 0xff)

const attempt = (hash: HashFunction, input: Uint8Array): Uint8Array | undefined => {
  try {
    return hash(input)
  } catch {
    return undefined
  }
}

const isPlain = (bytes: Uint8Array): boolean => Object.getPrototypeOf(bytes) === Uint8Array.prototype

/** The length of the first input for which the two differ. */
const firstWrong = (hash: HashFunction, expected: HashFunction): number | undefined => {
  const trials = trialLengths.map((length) => {
    const input = trialInput(length)
    return { length, input, output: attempt(hash, input) }
  })
  // Looked at when all are made: a hash must not be written over by the next one.
  return trials.find(
    ({ input, length, output }) =>
      output === undefined ||
      !isPlain(output) ||
      !Bytes.equals(output, expected(trialInput(length))) ||
      !Bytes.equals(input, trialInput(length))
  )?.length
}

/** Functions that gave the right hashes: once is enough. */
const proven = new WeakMap<HashFunction, keyof Implementation>()

/**
 * Replaces hash functions for the whole process by faster ones that give the same hashes; those that are left out stay
 * as they are. They are tried first: fails with {@link WrongHashError}, and changes nothing, when one gives another
 * hash than {@link portable}, throws, changes its input, or returns anything but a new plain `Uint8Array`.
 *
 * @since 0.1.0
 * @category implementations
 */
export const accelerate = (implementation: Partial<Implementation>): Effect.Effect<void, WrongHashError> =>
  Effect.suspend(() => {
    for (const name of ["blake2b256", "sha256"] as const) {
      const hash = implementation[name]
      if (hash === undefined || proven.get(hash) === name) continue
      const length = firstWrong(hash, portable[name])
      if (length !== undefined) return Effect.fail(new WrongHashError({ hash: name, length }))
      proven.set(hash, name)
    }
    Hashes.use({ ...Hashes.inUse(), ...implementation })
    return Effect.void
  })
