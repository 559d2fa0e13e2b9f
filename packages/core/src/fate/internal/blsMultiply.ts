/**
 * Products of scalars and points as the reference computes them: a point's z tells the way that led to it, and
 * contracts can see it.
 *
 * The way: small scalars by a fixed chain, those below 2^64 by a window, greater ones split into short ones by the
 * group's endomorphism, with a window for each.
 */

/** A group, written additively. */
export interface Additive<G> {
  readonly zero: G
  readonly add: (a: G, b: G) => G
  readonly double: (a: G) => G
  readonly negate: (a: G) => G
}

/** An endomorphism that multiplies by a number, and scalars as sums of short ones times that number's powers. */
export interface Endomorphism<G> {
  readonly apply: (a: G) => G
  readonly split: (scalar: bigint) => ReadonlyArray<bigint>
}

/** Up to 16: d doubles, + and - add and subtract the point, s saves, a adds what was saved, b is added to it. */
const chains = [
  undefined,
  "",
  "d",
  "d+",
  "dd",
  "dd+",
  "d+d",
  "ddd-",
  "ddd",
  "ddd+",
  "dd+d",
  "dsdda+",
  "ddsdb",
  "ddsdb+",
  "ddd-d",
  "dddd-",
  "dddd"
] as const

const followed = <G>(group: Additive<G>, point: G, chain: string): G => {
  let sum = point
  let saved = point
  for (const step of chain) {
    if (step === "d") sum = group.double(sum)
    else if (step === "+") sum = group.add(sum, point)
    else if (step === "-") sum = group.add(sum, group.negate(point))
    else if (step === "s") saved = sum
    else if (step === "a") sum = group.add(sum, saved)
    else sum = group.add(saved, sum)
  }
  return sum
}

/** Signed odd digits with at least `width` - 1 zeros after each, the lowest first. */
export const nonAdjacent = (scalar: bigint, width: number): ReadonlyArray<number> => {
  const sign = scalar < 0n ? -1 : 1
  const full = 1 << width
  const digits: Array<number> = []
  let rest = scalar < 0n ? -scalar : scalar
  while (rest > 0n) {
    let digit = 0
    if ((rest & 1n) === 1n) {
      digit = Number(rest & BigInt(full - 1))
      if (digit >= full / 2) digit -= full
    }
    digits.push(sign * digit)
    rest = (rest - BigInt(digit)) >> 1n
  }
  return digits
}

/** 1, 3, 5, … times the point. */
const oddMultiples = <G>(group: Additive<G>, point: G, width: number): ReadonlyArray<G> => {
  const twice = group.double(point)
  const multiples = [point]
  let last = point
  for (let i = 1; i < 1 << (width - 2); i++) {
    last = group.add(last, twice)
    multiples.push(last)
  }
  return multiples
}

interface Track<G> {
  readonly digits: ReadonlyArray<number>
  readonly multiples: ReadonlyArray<G>
}

const interleaved = <G>(group: Additive<G>, tracks: ReadonlyArray<Track<G>>): G => {
  let sum = group.zero
  for (let bit = Math.max(...tracks.map(({ digits }) => digits.length)) - 1; bit >= 0; bit--) {
    sum = group.double(sum)
    for (const { digits, multiples } of tracks) {
      const digit = digits[bit] ?? 0
      const multiple = multiples[(Math.abs(digit) - 1) >> 1]
      if (digit !== 0 && multiple !== undefined)
        sum = group.add(sum, digit > 0 ? multiple : group.negate(multiple))
    }
  }
  return sum
}

const splitWidth = 5

/** By the endomorphism, whatever the size of the scalar. */
export const multiplySplit = <G>(
  group: Additive<G>,
  endomorphism: Endomorphism<G>,
  point: G,
  scalar: bigint
): G => {
  let multiples = oddMultiples(group, point, splitWidth)
  const tracks = endomorphism.split(scalar).map((part, i) => {
    if (i > 0) multiples = multiples.map(endomorphism.apply)
    return { digits: nonAdjacent(part, splitWidth), multiples }
  })
  return interleaved(group, tracks)
}

const wordBits = 64n
const shortBits = 32n

/** `scalar` times the point. */
export const multiply = <G>(
  group: Additive<G>,
  endomorphism: Endomorphism<G>,
  point: G,
  scalar: bigint
): G => {
  if (scalar === 0n) return group.zero
  if (scalar < BigInt(chains.length)) return followed(group, point, chains[Number(scalar)] ?? "")
  if (scalar >> wordBits > 0n) return multiplySplit(group, endomorphism, point, scalar)
  const width = scalar <= 1n << shortBits ? 3 : 4
  const track = { digits: nonAdjacent(scalar, width), multiples: oddMultiples(group, point, width) }
  return interleaved(group, [track])
}
