/**
 * The Poseidon hash of two elements of the scalar field of BLS12-381: state of three elements, x^5, 8 full rounds and
 * 57 partial ones in their middle.
 *
 * Specification: "Poseidon: A New Hash Function for Zero-Knowledge Proof Systems", parameters by its Grain LFSR.
 */

/** The order of the field. */
export const order = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n

const bits = 255
const width = 3
const fullRounds = 8
const partialRounds = 57
const rounds = fullRounds + partialRounds

const modulo = (n: bigint): bigint => n % order

const power = (base: bigint, exponent: bigint): bigint => {
  let result = 1n
  let square = modulo(base)
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = modulo(result * square)
    square = modulo(square * square)
  }
  return result
}

const inverse = (n: bigint): bigint => power(n, order - 2n)

const bitsOf = (n: number, length: number): ReadonlyArray<number> =>
  Array.from({ length }, (_, i) => Math.floor(n / 2 ** (length - 1 - i)) % 2)

/** The seed: prime field, x^5, sizes, and ones to the length of the register. */
const seed = (): Array<number> => [
  ...bitsOf(1, 2),
  ...bitsOf(0, 4),
  ...bitsOf(bits, 12),
  ...bitsOf(width, 12),
  ...bitsOf(fullRounds, 10),
  ...bitsOf(partialRounds, 10),
  ...Array.from({ length: 30 }, () => 1)
]

const registerLength = 80
const taps = [62, 51, 38, 23, 13, 0]
const discarded = 160

/** Elements drawn from the register; those that are too large are thrown away, or taken modulo the order. */
const generator = (): { readonly below: () => bigint; readonly reduced: () => bigint } => {
  const register = seed()
  let head = 0
  const step = (): number => {
    let bit = 0
    for (const tap of taps) bit ^= register[(head + tap) % registerLength] ?? 0
    register[head] = bit
    head = (head + 1) % registerLength
    return bit
  }
  for (let i = 0; i < discarded; i++) step()
  // Of two bits the second one counts if the first one is set.
  const next = (): number => {
    for (;;) {
      const keep = step()
      const bit = step()
      if (keep === 1) return bit
    }
  }
  const draw = (): bigint => {
    let digits = "0b"
    for (let i = 0; i < bits; i++) digits += next()
    return BigInt(digits)
  }
  const below = (): bigint => {
    for (;;) {
      const n = draw()
      if (n < order) return n
    }
  }
  return { below, reduced: () => modulo(draw()) }
}

/** What is added in each round, and the matrix that mixes. */
export interface Parameters {
  readonly constants: ReadonlyArray<bigint>
  readonly matrix: ReadonlyArray<ReadonlyArray<bigint>>
}

const drawParameters = (): Parameters => {
  const { below, reduced } = generator()
  const constants = Array.from({ length: rounds * width }, below)
  // A Cauchy matrix of two times three elements; the first draw is of different ones.
  const drawn = Array.from({ length: 2 * width }, reduced)
  const matrix = drawn.slice(0, width).map((x) => drawn.slice(width).map((y) => inverse(x + y)))
  return { constants, matrix }
}

let drawn: Parameters | undefined

/** Drawn at the first use: most processes never need them. */
export const parameters = (): Parameters => {
  drawn ??= drawParameters()
  return drawn
}

const fifth = (n: bigint): bigint => {
  const square = modulo(n * n)
  return modulo(modulo(square * square) * n)
}

const isFull = (round: number): boolean => round < fullRounds / 2 || round >= fullRounds / 2 + partialRounds

/** The hash of two elements, each below {@link order}. */
export const hash = (a: bigint, b: bigint): bigint => {
  const { constants, matrix } = parameters()
  let state: ReadonlyArray<bigint> = [0n, a, b]
  for (let round = 0; round < rounds; round++) {
    const full = isFull(round)
    const mapped = state.map((element, i) => {
      const sum = element + (constants[round * width + i] ?? 0n)
      return full || i === 0 ? fifth(modulo(sum)) : sum
    })
    state = matrix.map((row) => modulo(row.reduce((sum, factor, i) => sum + factor * (mapped[i] ?? 0n), 0n)))
  }
  return state[0] ?? 0n
}
