/**
 * A small deterministic generator of random numbers (xoshiro128**), so that a run is repeated by its seed. Not for
 * secrets.
 */

/** Random choices; the same seed text gives the same choices in the same order. */
export interface Rng {
  /** A random integer from 0 to `limit - 1`; 0 for a limit below 1. */
  readonly below: (limit: number) => number
  /** True with the given probability. */
  readonly chance: (probability: number) => boolean
  /** One of the items; the list must not be empty. */
  readonly pick: <A>(items: ReadonlyArray<A>) => A
  /** Random bytes. */
  readonly bytes: (length: number) => Uint8Array
}

/** Four well mixed words of a text (FNV-1a, then the finalizer of MurmurHash3). */
const wordsOf = (text: string): Uint32Array => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return Uint32Array.from([1, 2, 3, 4], (k) => {
    let word = Math.imul(hash ^ Math.imul(k, 0x9e3779b9), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    return (word ^ (word >>> 16)) | 1
  })
}

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))

/** A generator that depends on the seed text only. */
export const make = (seed: string): Rng => {
  const words = wordsOf(seed)
  let [a = 1, b = 1, c = 1, d = 1] = words
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotate(d, 11)
    return result
  }
  // The first words are still close to the seed.
  for (let i = 0; i < 8; i++) next()
  const below = (limit: number): number => Math.floor((next() / 0x1_0000_0000) * limit)
  return {
    below,
    chance: (probability) => next() / 0x1_0000_0000 < probability,
    pick: (items) => {
      const item = items[below(items.length)]
      if (item === undefined && items.length === 0) throw new RangeError("nothing to pick from")
      // An index below the length.
      return item as (typeof items)[number]
    },
    bytes: (length) => Uint8Array.from({ length }, () => next() >>> 24)
  }
}
