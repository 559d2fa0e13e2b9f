/**
 * BLS12-381 on the bytes of the reference: numbers are little-endian in Montgomery form, points have Jacobian
 * coordinates (x / z², y / z³), and z is zero for the point at infinity.
 *
 * What is computed is what the reference computes, also for points that are not in the group or not on the curve.
 */
import {
  type Field,
  type Fp,
  type Fp12,
  type Fp2,
  fieldOrder,
  fp12,
  frobeniusFactors,
  groupOrder
} from "./blsFields.js"
import { fp as field1, fp2 as field2, lazy, seed } from "./blsFields.js"
import { type Endomorphism, multiply, multiplySplit } from "./blsMultiply.js"

export { fieldOrder, type Fp, type Fp2, groupOrder } from "./blsFields.js"

/** An element of the target group (or of the field it is part of). */
export type Gt = Fp12

/** A point in Jacobian coordinates. */
export interface Point<F> {
  readonly x: F
  readonly y: F
  readonly z: F
}

export const fpLength = 48
export const frLength = 32

/** Numbers as bytes. */
export interface Montgomery {
  readonly fromBytes: (bytes: Uint8Array) => bigint
  readonly toBytes: (n: bigint) => Uint8Array
}

const wordLength = 8

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Of whole words. */
const littleEndian = (bytes: Uint8Array): bigint => {
  const view = viewOf(bytes)
  let n = 0n
  for (let at = bytes.length - wordLength; at >= 0; at -= wordLength)
    n = (n << 64n) | view.getBigUint64(at, true)
  return n
}

const montgomery = (order: bigint, length: number): Montgomery => {
  const bits = BigInt(8 * length)
  // The order is odd, so halves are known without an inversion: as often as there are bits.
  const inverse = lazy(() => {
    let power = 1n
    for (let i = 0n; i < bits; i++) power = (power & 1n) === 0n ? power / 2n : (power + order) / 2n
    return power
  })
  // Views take longer to make than copies of their bytes.
  const written = new Uint8Array(length)
  const view = viewOf(written)
  return {
    fromBytes: (bytes) => (littleEndian(bytes) * inverse()) % order,
    toBytes: (n) => {
      let rest = (n << bits) % order
      for (let at = 0; at < length; at += wordLength, rest >>= 64n) view.setBigUint64(at, rest, true)
      return written.slice()
    }
  }
}

/** Numbers of the field. */
export const fp = montgomery(fieldOrder, fpLength)
/** Scalars. */
export const fr = montgomery(groupOrder, frLength)

/** A group of points. */
export interface Group<F> {
  readonly zero: Point<F>
  readonly add: (p: Point<F>, q: Point<F>) => Point<F>
  readonly double: (p: Point<F>) => Point<F>
  readonly negate: (p: Point<F>) => Point<F>
  /** With z = 1, as far as the point is not at infinity. */
  readonly normalize: (p: Point<F>) => Point<F>
  readonly multiply: (p: Point<F>, scalar: bigint) => Point<F>
  readonly isZero: (p: Point<F>) => boolean
  /** On the curve: whether it is in the group is not asked. */
  readonly isValid: (p: Point<F>) => boolean
}

const group = <F>(
  field: Field<F>,
  timesB: (a: F) => F,
  endomorphism: () => Endomorphism<Point<F>>
): Group<F> => {
  const { add: plus, mul, reduce, sqr, sub, times } = field
  const zero: Point<F> = { x: field.zero, y: field.zero, z: field.zero }
  const isNothing = (a: F): boolean => field.equal(a, field.zero)
  const isZero = (p: Point<F>): boolean => isNothing(p.z)

  const double = (p: Point<F>): Point<F> => {
    if (isZero(p)) return zero
    const y2 = reduce(sqr(p.y))
    const slope = times(reduce(sqr(p.x)), 3n)
    const s = times(reduce(mul(p.x, y2)), 4n)
    const x = reduce(sub(sqr(slope), plus(s, s)))
    return {
      x,
      y: reduce(sub(mul(slope, sub(s, x)), times(sqr(y2), 8n))),
      z: reduce(times(mul(p.y, p.z), 2n))
    }
  }

  const add = (p: Point<F>, q: Point<F>): Point<F> => {
    if (isZero(p)) return q
    if (isZero(q)) return p
    const pz2 = reduce(sqr(p.z))
    const qz2 = reduce(sqr(q.z))
    const u = reduce(mul(p.x, qz2))
    const s = reduce(mul(p.y, reduce(mul(q.z, qz2))))
    const h = reduce(sub(mul(q.x, pz2), u))
    const r = reduce(sub(mul(q.y, reduce(mul(p.z, pz2))), s))
    if (isNothing(h)) return isNothing(r) ? double(p) : zero
    const h2 = reduce(sqr(h))
    const h3 = reduce(mul(h, h2))
    const v = reduce(mul(u, h2))
    const x = reduce(sub(sub(sqr(r), h3), plus(v, v)))
    return {
      x,
      y: reduce(sub(mul(r, sub(v, x)), mul(s, h3))),
      z: reduce(mul(reduce(mul(p.z, q.z)), h))
    }
  }

  const normalize = (p: Point<F>): Point<F> => {
    if (isZero(p) || field.equal(p.z, field.one)) return p
    const inverse = field.inverse(p.z)
    const inverse2 = reduce(sqr(inverse))
    return {
      x: reduce(mul(p.x, inverse2)),
      y: reduce(mul(reduce(mul(p.y, inverse2)), inverse)),
      z: field.one
    }
  }

  const isValid = ({ x, y, z }: Point<F>): boolean => {
    const z6 = reduce(sqr(reduce(mul(z, reduce(sqr(z))))))
    const right = plus(mul(reduce(sqr(x)), x), timesB(z6))
    return isNothing(reduce(sub(sqr(y), right)))
  }

  const negate = (p: Point<F>): Point<F> => (isZero(p) ? zero : { ...p, y: reduce(sub(field.zero, p.y)) })

  const additive = { zero, add, double, negate }
  return {
    ...additive,
    isValid,
    isZero,
    multiply: (p, scalar) => multiply(additive, endomorphism(), p, scalar),
    normalize
  }
}

const splitShift = 256n

/** A cube root of one: the one for which (βx, y) is (x, y) times seed² - 1. */
const beta =
  0x1a0111ea397fe699ec02408663d4de85aa0d857d89759ad4897d29650fb85f9b409427eb4f49fffd8bfd00000000aaacn

const square = seed * seed

const endomorphism1 = lazy((): Endomorphism<Point<Fp>> => {
  const first = -(square << splitShift) / groupOrder
  const second = (1n << splitShift) / groupOrder
  return {
    apply: (p) => ({ ...p, x: field1.reduce(p.x * beta) }),
    split: (scalar) => {
      const s = (scalar * first) >> splitShift
      const t = (scalar * second) >> splitShift
      return [scalar - (s * (1n - square) + t), -(s + t * square)]
    }
  }
})

/** The digits of a scalar with the seed as its base. */
const digits = (scalar: bigint): ReadonlyArray<bigint> => {
  const base = -seed
  let rest = scalar
  return [1n, -1n, 1n, -1n].map((sign) => {
    const digit = sign * (rest % base)
    rest /= base
    return digit
  })
}

/** Frobenius' endomorphism on the twisted curve, which multiplies by the seed. */
const endomorphism2 = lazy((): Endomorphism<Point<Fp2>> => {
  const [, , x2 = field2.one, x3 = field2.one] = frobeniusFactors()
  const onX = field2.inverse(x2)
  const onY = field2.inverse(x3)
  const { conjugate, mul, reduce } = field2
  return {
    apply: ({ x, y, z }) => ({
      x: reduce(mul(conjugate(x), onX)),
      y: reduce(mul(conjugate(y), onY)),
      z: conjugate(z)
    }),
    split: digits
  }
})

export const g1 = group<Fp>(field1, (a) => a << 2n, endomorphism1)
export const g2 = group<Fp2>(field2, field2.timesB, endomorphism2)

const gtAdditive = { zero: fp12.one, add: fp12.mul, double: fp12.sqr, negate: fp12.conjugate }
const gtEndomorphism = { apply: fp12.frobenius, split: digits }

/**
 * The target group. `add` is the addition of the field it is part of; `invert` and `power` take for granted that the
 * element is of the group.
 */
export const gt = {
  add: fp12.add,
  invert: gtAdditive.negate,
  isOne: fp12.isOne,
  multiply: gtAdditive.add,
  power: (a: Gt, exponent: bigint): Gt => multiplySplit(gtAdditive, gtEndomorphism, a, exponent)
}

/** A line's value at a point: `a` + `c` x v + `b` y v w. */
interface Line {
  readonly a: Fp2
  readonly b: Fp2
  readonly c: Fp2
}

/** The tangent, and twice the point; other than elsewhere coordinates are homogeneous (x / z, y / z). */
const tangent = ({ x, y, z }: Point<Fp2>): readonly [Line, Point<Fp2>] => {
  const { add, half, mul, reduce, sqr, sub, times, timesB, zero } = field2
  const y2 = reduce(sqr(y))
  const bz2 = reduce(times(timesB(sqr(z)), 3n))
  const yz = reduce(times(mul(y, z), 2n))
  const bz2Thrice = times(bz2, 3n)
  const mean = half(reduce(add(bz2Thrice, y2)))
  const next = {
    x: reduce(mul(sub(y2, bz2Thrice), half(reduce(mul(x, y))))),
    y: reduce(sub(sqr(mean), times(sqr(bz2), 3n))),
    z: reduce(mul(y2, yz))
  }
  return [{ a: reduce(sub(bz2, y2)), b: sub(zero, yz), c: reduce(times(sqr(x), 3n)) }, next]
}

/** The line through two points, the second one normalized, and their sum. */
const chord = (p: Point<Fp2>, q: Point<Fp2>): readonly [Line, Point<Fp2>] => {
  const { add, mul, reduce, sqr, sub, zero } = field2
  const dx = reduce(sub(p.x, mul(p.z, q.x)))
  const dy = reduce(sub(p.y, mul(p.z, q.y)))
  const dx2 = reduce(sqr(dx))
  const dx3 = reduce(mul(dx2, dx))
  const v = reduce(mul(dx2, p.x))
  const t = reduce(sub(add(mul(reduce(sqr(dy)), p.z), dx3), add(v, v)))
  const next = {
    x: reduce(mul(dx, t)),
    y: reduce(sub(mul(dy, sub(v, t)), mul(dx3, p.y))),
    z: reduce(mul(dx3, p.z))
  }
  return [{ a: reduce(sub(mul(dy, q.x), mul(dx, q.y))), b: dx, c: sub(zero, dy) }, next]
}

const timesLine = (value: Gt, { a, b, c }: Line, { x, y }: Point<Fp>): Gt =>
  fp12.mulLine(value, a, field2.reduce(field2.scale(b, y)), field2.reduce(field2.scale(c, x)))

const seedDigits = (-seed).toString(2).slice(1)

/** The Miller loop over the binary digits of the seed. */
export const millerLoop = (first: Point<Fp>, second: Point<Fp2>): Gt => {
  const p = g1.normalize(first)
  const q = g2.normalize(second)
  if (g2.isZero(q)) return fp12.one
  let value: Gt = fp12.one
  let point = q
  for (const bit of seedDigits) {
    const [line, twice] = tangent(point)
    value = timesLine(fp12.sqr(value), line, p)
    point = twice
    if (bit === "0") continue
    const [through, sum] = chord(point, q)
    value = timesLine(value, through, p)
    point = sum
  }
  return fp12.conjugate(value)
}

/** Of an element whose inverse is its conjugate. */
const toTheSeed = (a: Gt): Gt => {
  let power = a
  for (const bit of seedDigits) {
    power = fp12.cyclotomicSqr(power)
    if (bit === "1") power = fp12.mul(power, a)
  }
  return fp12.conjugate(power)
}

/** To the power of three times the cofactor: (p¹² - 1) / r · 3. */
export const finalExponentiation = (a: Gt): Gt => {
  if (fp12.isZero(a)) return a
  const { conjugate, frobenius, inverse, mul } = fp12
  const unitary = mul(conjugate(a), inverse(a))
  const easy = mul(frobenius(frobenius(unitary)), unitary)
  // 3 (p⁴ - p² + 1) / r = (s - 1)² (s + p) (s² + p² - 1) + 3, s being the seed.
  const withoutOne = (b: Gt): Gt => mul(toTheSeed(b), conjugate(b))
  const b = withoutOne(withoutOne(easy))
  const c = mul(toTheSeed(b), frobenius(b))
  const d = mul(toTheSeed(toTheSeed(c)), mul(frobenius(frobenius(c)), conjugate(c)))
  return mul(d, mul(fp12.cyclotomicSqr(easy), easy))
}

/** The pairing of two points. */
export const pairing = (p: Point<Fp>, q: Point<Fp2>): Gt => finalExponentiation(millerLoop(p, q))

/** The twelve numbers of an element, and the element with them. */
export const coordinatesOf = fp12.numbersOf
export const fromCoordinates = fp12.ofNumbers
