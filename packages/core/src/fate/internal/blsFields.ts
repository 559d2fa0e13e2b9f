/**
 * The fields of BLS12-381. What takes time is not the products but the remainders, so that products, sums and
 * differences are left as they are ("wide": any integer, also a negative one) until `reduce` makes numbers of the
 * field of them. Numbers are reduced wherever it is not said that they may be wide.
 */

/** The parameter that everything comes from. */
export const seed = -0xd201000000010000n
const square = seed * seed

/** Orders of the groups and of the field. */
export const groupOrder = square * square - square + 1n
export const fieldOrder = ((seed - 1n) * (seed - 1n) * groupOrder) / 3n + seed

/** A number of the field of G1, and of G2. */
export type Fp = bigint
export interface Fp2 {
  readonly c0: Fp
  readonly c1: Fp
}
interface Fp6 {
  readonly c0: Fp2
  readonly c1: Fp2
  readonly c2: Fp2
}

/** An element of the target group (or of the field it is part of). */
export interface Fp12 {
  readonly c0: Fp6
  readonly c1: Fp6
}

/** What formulas need of a field. Products are wide, and all operations but `inverse` take wide numbers. */
export interface Field<F> {
  readonly zero: F
  readonly one: F
  readonly add: (a: F, b: F) => F
  readonly sub: (a: F, b: F) => F
  readonly times: (a: F, n: bigint) => F
  readonly mul: (a: F, b: F) => F
  readonly sqr: (a: F) => F
  readonly reduce: (a: F) => F
  readonly inverse: (a: F) => F
  /** Of reduced numbers. */
  readonly equal: (a: F, b: F) => boolean
}

const remainder = (n: bigint): Fp => {
  const rest = n % fieldOrder
  return rest < 0n ? rest + fieldOrder : rest
}

/** Numbers of so many bits are looked at instead of the whole ones, which are not longer than the order. */
const leadingBits = 50
const orderBits = 381
const bitLength = (n: number): number => (n === 0 ? 0 : Math.floor(Math.log2(n)) + 1)

/** How far to shift for the leading bits; `before` is at least as far. */
const leading = (n: bigint, before: number): number => {
  let shift = before
  for (;;) {
    const length = bitLength(Number(n >> BigInt(shift)))
    shift = Math.max(shift - leadingBits + length, 0)
    if (length > 0 || shift === 0) return shift
  }
}

/** Lehmer's algorithm: most steps of Euclid's are done on the leading bits. The number is not zero. */
const inverseOf = (n: Fp): Fp => {
  let [x, y] = [fieldOrder, n]
  // x and y are these multiples of n.
  let [u, v] = [0n, 1n]
  let shift = orderBits - leadingBits
  for (;;) {
    shift = leading(x, shift)
    const bits = BigInt(shift)
    let [high, low] = [Number(x >> bits), Number(y >> bits)]
    let [a, b, c, d] = [1, 0, 0, 1]
    // What was cut off may be anything; without it every step is right.
    const error = shift > 0 ? 1 : 0
    while (low + error * c > 0 && low + error * d > 0) {
      const quotient = Math.floor((high + error * a) / (low + error * c))
      if (quotient !== Math.floor((high + error * b) / (low + error * d))) break
      ;[a, c] = [c, a - quotient * c]
      ;[b, d] = [d, b - quotient * d]
      ;[high, low] = [low, high - quotient * low]
    }
    if (error === 0) return remainder(BigInt(a) * u + BigInt(b) * v)
    if (b === 0) {
      const quotient = x / y
      ;[x, y] = [y, x - quotient * y]
      ;[u, v] = [v, u - quotient * v]
    } else {
      const [p, q, r, s] = [BigInt(a), BigInt(b), BigInt(c), BigInt(d)]
      ;[x, y] = [p * x + q * y, r * x + s * y]
      ;[u, v] = [p * u + q * v, r * u + s * v]
    }
  }
}

export const fp: Field<Fp> = {
  zero: 0n,
  one: 1n,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  times: (a, n) => a * n,
  mul: (a, b) => a * b,
  sqr: (a) => a * a,
  reduce: remainder,
  inverse: (a) => {
    if (a === 0n) throw new RangeError("zero has no inverse")
    return inverseOf(a)
  },
  equal: (a, b) => a === b
}

const add2 = (a: Fp2, b: Fp2): Fp2 => ({ c0: a.c0 + b.c0, c1: a.c1 + b.c1 })
const sub2 = (a: Fp2, b: Fp2): Fp2 => ({ c0: a.c0 - b.c0, c1: a.c1 - b.c1 })
const mul2 = (a: Fp2, b: Fp2): Fp2 => {
  const t0 = a.c0 * b.c0
  const t1 = a.c1 * b.c1
  return { c0: t0 - t1, c1: (a.c0 + a.c1) * (b.c0 + b.c1) - t0 - t1 }
}
const sqr2 = ({ c0, c1 }: Fp2): Fp2 => ({ c0: (c0 + c1) * (c0 - c1), c1: (c0 + c0) * c1 })
const reduce2 = ({ c0, c1 }: Fp2): Fp2 => ({ c0: remainder(c0), c1: remainder(c1) })

/** Times 1 + u, of which the greater fields are made. */
const shifted = ({ c0, c1 }: Fp2): Fp2 => ({ c0: c0 - c1, c1: c0 + c1 })

export const fp2: Field<Fp2> & {
  readonly conjugate: (a: Fp2) => Fp2
  /** Times 4 (u + 1), the constant of the twisted curve. */
  readonly timesB: (a: Fp2) => Fp2
  readonly half: (a: Fp2) => Fp2
  readonly scale: (a: Fp2, n: Fp) => Fp2
} = {
  zero: { c0: 0n, c1: 0n },
  one: { c0: 1n, c1: 0n },
  add: add2,
  sub: sub2,
  times: ({ c0, c1 }, n) => ({ c0: c0 * n, c1: c1 * n }),
  mul: mul2,
  sqr: sqr2,
  reduce: reduce2,
  inverse: ({ c0, c1 }) => {
    const inverse = fp.inverse(remainder(c0 * c0 + c1 * c1))
    return reduce2({ c0: c0 * inverse, c1: -c1 * inverse })
  },
  equal: (a, b) => a.c0 === b.c0 && a.c1 === b.c1,
  conjugate: ({ c0, c1 }) => ({ c0, c1: c1 === 0n ? c1 : fieldOrder - c1 }),
  timesB: ({ c0, c1 }) => ({ c0: (c0 - c1) << 2n, c1: (c0 + c1) << 2n }),
  half: ({ c0, c1 }) => ({ c0: half(c0), c1: half(c1) }),
  scale: ({ c0, c1 }, n) => ({ c0: c0 * n, c1: c1 * n })
}

const half = (n: Fp): Fp => ((n & 1n) === 0n ? n : n + fieldOrder) >> 1n

const add6 = (a: Fp6, b: Fp6): Fp6 => ({
  c0: add2(a.c0, b.c0),
  c1: add2(a.c1, b.c1),
  c2: add2(a.c2, b.c2)
})
const sub6 = (a: Fp6, b: Fp6): Fp6 => ({
  c0: sub2(a.c0, b.c0),
  c1: sub2(a.c1, b.c1),
  c2: sub2(a.c2, b.c2)
})
const reduce6 = ({ c0, c1, c2 }: Fp6): Fp6 => ({ c0: reduce2(c0), c1: reduce2(c1), c2: reduce2(c2) })
const negative6 = ({ c0, c1, c2 }: Fp6): Fp6 => reduce6(sub6(zero6, { c0, c1, c2 }))
const zero6: Fp6 = { c0: fp2.zero, c1: fp2.zero, c2: fp2.zero }
const shifted6 = ({ c0, c1, c2 }: Fp6): Fp6 => ({ c0: shifted(c2), c1: c0, c2: c1 })

const mul6 = (a: Fp6, b: Fp6): Fp6 => {
  const t0 = mul2(a.c0, b.c0)
  const t1 = mul2(a.c1, b.c1)
  const t2 = mul2(a.c2, b.c2)
  const t12 = sub2(sub2(mul2(add2(a.c1, a.c2), add2(b.c1, b.c2)), t1), t2)
  const t01 = sub2(sub2(mul2(add2(a.c0, a.c1), add2(b.c0, b.c1)), t0), t1)
  const t02 = sub2(sub2(mul2(add2(a.c0, a.c2), add2(b.c0, b.c2)), t0), t2)
  return { c0: add2(t0, shifted(t12)), c1: add2(t01, shifted(t2)), c2: add2(t02, t1) }
}

/** Times b0 + b1 v. */
const mulFirst6 = (a: Fp6, b0: Fp2, b1: Fp2): Fp6 => {
  const t0 = mul2(a.c0, b0)
  const t1 = mul2(a.c1, b1)
  const t12 = sub2(mul2(add2(a.c1, a.c2), b1), t1)
  const t01 = sub2(sub2(mul2(add2(a.c0, a.c1), add2(b0, b1)), t0), t1)
  const t02 = sub2(mul2(add2(a.c0, a.c2), b0), t0)
  return { c0: add2(t0, shifted(t12)), c1: t01, c2: add2(t02, t1) }
}

const inverse6 = ({ c0, c1, c2 }: Fp6): Fp6 => {
  const t0 = reduce2(sub2(sqr2(c0), shifted(mul2(c1, c2))))
  const t1 = reduce2(sub2(shifted(sqr2(c2)), mul2(c0, c1)))
  const t2 = reduce2(sub2(sqr2(c1), mul2(c0, c2)))
  const norm = reduce2(add2(shifted(add2(mul2(c2, t1), mul2(c1, t2))), mul2(c0, t0)))
  const inverse = fp2.inverse(norm)
  return reduce6({ c0: mul2(t0, inverse), c1: mul2(t1, inverse), c2: mul2(t2, inverse) })
}

const one12: Fp12 = { c0: { ...zero6, c0: fp2.one }, c1: zero6 }
const reduce12 = ({ c0, c1 }: Fp12): Fp12 => ({ c0: reduce6(c0), c1: reduce6(c1) })

const mul12 = (a: Fp12, b: Fp12): Fp12 => {
  const t0 = mul6(a.c0, b.c0)
  const t1 = mul6(a.c1, b.c1)
  const t2 = mul6(add6(a.c0, a.c1), add6(b.c0, b.c1))
  return reduce12({ c0: add6(t0, shifted6(t1)), c1: sub6(sub6(t2, t0), t1) })
}

const sqr12 = ({ c0, c1 }: Fp12): Fp12 => {
  const product = mul6(c0, c1)
  const sums = mul6(add6(c0, c1), add6(c0, shifted6(c1)))
  return reduce12({ c0: sub6(sub6(sums, product), shifted6(product)), c1: add6(product, product) })
}

/** Times a + c v + b v w. */
const mulLine12 = (value: Fp12, a: Fp2, b: Fp2, c: Fp2): Fp12 => {
  const { c0, c1 } = value
  const t0 = mulFirst6(c0, a, c)
  const t1 = { c0: shifted(mul2(c1.c2, b)), c1: mul2(c1.c0, b), c2: mul2(c1.c1, b) }
  const t2 = mulFirst6(add6(c0, c1), a, add2(b, c))
  return reduce12({ c0: add6(t0, shifted6(t1)), c1: sub6(sub6(t2, t0), t1) })
}

const inverse12 = ({ c0, c1 }: Fp12): Fp12 => {
  const inverse = inverse6(reduce6(sub6(mul6(c0, c0), shifted6(mul6(c1, c1)))))
  return { c0: reduce6(mul6(c0, inverse)), c1: negative6(mul6(c1, inverse)) }
}

const conjugate12 = ({ c0, c1 }: Fp12): Fp12 => ({ c0, c1: negative6(c1) })

/** Of the fields in between: (a + b s)² = (a² + (1 + u) b²) + 2 a b s. */
const squareOfPair = (a: Fp2, b: Fp2): readonly [Fp2, Fp2] => {
  const a2 = sqr2(a)
  const b2 = sqr2(b)
  return [add2(a2, shifted(b2)), sub2(sub2(sqr2(add2(a, b)), a2), b2)]
}

const triple = (a: Fp2): Fp2 => ({ c0: a.c0 * 3n, c1: a.c1 * 3n })
const twice = (a: Fp2): Fp2 => ({ c0: a.c0 << 1n, c1: a.c1 << 1n })

/** The square of an element whose order divides p⁴ - p² + 1 (Granger and Scott). */
const cyclotomicSqr12 = ({ c0, c1 }: Fp12): Fp12 => {
  const [t0, t1] = squareOfPair(c0.c0, c1.c1)
  const [t2, t3] = squareOfPair(c1.c0, c0.c2)
  const [t4, t5] = squareOfPair(c0.c1, c1.c2)
  const less = (t: Fp2, c: Fp2): Fp2 => reduce2(sub2(triple(t), twice(c)))
  const more = (t: Fp2, c: Fp2): Fp2 => reduce2(add2(triple(t), twice(c)))
  return {
    c0: { c0: less(t0, c0.c0), c1: less(t2, c0.c1), c2: less(t4, c0.c2) },
    c1: { c0: more(shifted(t5), c1.c0), c1: more(t1, c1.c1), c2: more(t3, c1.c2) }
  }
}

/** Computed at the first use: most processes never need it. */
export const lazy = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** The powers of (1 + u)^((p - 1) / 6), up to the fifth: what w, w², … are multiplied with by Frobenius' map. */
export const frobeniusFactors = lazy((): ReadonlyArray<Fp2> => {
  let factor = fp2.one
  for (const bit of ((fieldOrder - 1n) / 6n).toString(2)) {
    factor = reduce2(sqr2(factor))
    if (bit === "1") factor = reduce2(shifted(factor))
  }
  const factors = [fp2.one]
  for (let i = 1; i < 6; i++) factors.push(reduce2(mul2(factors[i - 1] as Fp2, factor)))
  return factors
})

const frobenius12 = ({ c0, c1 }: Fp12): Fp12 => {
  const factors = frobeniusFactors()
  const times = (a: Fp2, power: number): Fp2 => reduce2(mul2(fp2.conjugate(a), factors[power] as Fp2))
  return {
    c0: { c0: fp2.conjugate(c0.c0), c1: times(c0.c1, 2), c2: times(c0.c2, 4) },
    c1: { c0: times(c1.c0, 1), c1: times(c1.c1, 3), c2: times(c1.c2, 5) }
  }
}

const numbersOf = ({ c0, c1 }: Fp12): ReadonlyArray<Fp> =>
  [c0.c0, c0.c1, c0.c2, c1.c0, c1.c1, c1.c2].flatMap((pair) => [pair.c0, pair.c1])

/** The field of the target group; other than in the small ones everything is reduced. */
export const fp12 = {
  one: one12,
  add: (a: Fp12, b: Fp12): Fp12 => ({ c0: reduce6(add6(a.c0, b.c0)), c1: reduce6(add6(a.c1, b.c1)) }),
  mul: mul12,
  mulLine: mulLine12,
  sqr: sqr12,
  cyclotomicSqr: cyclotomicSqr12,
  conjugate: conjugate12,
  frobenius: frobenius12,
  inverse: inverse12,
  numbersOf,
  ofNumbers: (numbers: ReadonlyArray<Fp>): Fp12 => {
    const at = (i: number): Fp2 => ({ c0: numbers[2 * i] ?? 0n, c1: numbers[2 * i + 1] ?? 0n })
    return {
      c0: { c0: at(0), c1: at(1), c2: at(2) },
      c1: { c0: at(3), c1: at(4), c2: at(5) }
    }
  },
  isZero: (a: Fp12): boolean => numbersOf(a).every((n) => n === 0n),
  isOne: (a: Fp12): boolean => numbersOf(a).every((n, i) => n === (i === 0 ? 1n : 0n))
}
