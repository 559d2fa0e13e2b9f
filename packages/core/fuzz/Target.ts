/**
 * What is fuzzed: a reader with the inputs it is fed and the promises it must keep.
 */
import { DecodeError } from "../src/encoding/DecodeError.js"
import type { Rng } from "./Rng.js"

/** Bytes or text. */
export type Input = Uint8Array | string

/**
 * One reader under test. `make` gives an input, `check` tells whether it was accepted, and throws if the reader broke
 * a promise.
 */
export interface Target {
  readonly name: string
  readonly seeds: number
  /** How many times as many runs as others it gets. */
  readonly weight: number
  /** Milliseconds one input may take, where that is more than others. */
  readonly budget?: number
  readonly make: (rng: Rng) => Input
  readonly check: (input: Input) => boolean
}

/** A promise that was broken other than by an exception. */
export class Violation extends Error {
  override readonly name = "Violation"
}

/** Throws a `Violation` unless the condition holds. */
export const promise = (holds: boolean, what: string): void => {
  if (!holds) throw new Violation(what)
}

// Errors are printed and logged: they must not grow with what a stranger sends.
const longestMessage = 1_000

/**
 * The value that is read, or `undefined` where the input was refused with a `DecodeError` that is fit to be shown:
 * short, and without the `secret` if there is one. Any other exception passes through.
 */
export const read = <A>(reader: () => A, secret?: string): A | undefined => {
  try {
    return reader()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const message = error.message
    promise(message.length <= longestMessage, `an error message has ${message.length} characters`)
    promise(secret === undefined || !message.includes(secret), "an error message holds a secret")
    return undefined
  }
}

interface Options<I extends Input> {
  readonly seeds: ReadonlyArray<I>
  readonly mutate: (rng: Rng, input: I, other: () => I) => I
  /** Whether the input was accepted. */
  readonly check: (input: I) => boolean
  readonly weight?: number
}

const define =
  <I extends Input>(isInput: (input: Input) => input is I, empty: I) =>
  (name: string, { check, mutate, seeds, weight = 1 }: Options<I>): Target => {
    const pool = seeds.length === 0 ? [empty] : seeds
    return {
      name,
      seeds: seeds.length,
      weight,
      make: (rng) => mutate(rng, rng.pick(pool), () => rng.pick(pool)),
      check: (input) => {
        if (!isInput(input))
          throw new Violation(`${name} takes ${typeof empty === "string" ? "text" : "bytes"}`)
        return check(input)
      }
    }
  }

/** A reader of bytes. */
export const ofBytes = define((input): input is Uint8Array => input instanceof Uint8Array, new Uint8Array(0))

/** A reader of text. */
export const ofText = define((input): input is string => typeof input === "string", "")
