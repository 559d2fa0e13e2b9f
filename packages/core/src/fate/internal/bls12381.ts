/**
 * BLS12-381 on the bytes of the reference: numbers are little-endian in Montgomery form, points have Jacobian
 * coordinates (x / z², y / z³), and z is zero for the point at infinity.
 *
 * What is computed is what the reference computes, also for points that are not in the group or not on the curve.
 */
import { type Fp12 as Fp12Element, tower12 } from "@noble/curves/abstract/tower.js"
import * as Bytes from "../../encoding/Bytes.js"
import { type Endomorphism, multiply, multiplySplit } from "./blsMultiply.js"

/** A number of the field of G1, and of G2. */
export type Fp = bigint
export interface Fp2 {
  readonly c0: Fp
  readonly c1: Fp
}

/** An element of the target group (or of the field it is part of). */
export type Gt = Fp12Element

/** A point in Jacobian coordinates. */
export interface Point<F> {
  readonly x: F
  readonly y: F
  readonly z: F
}

/** The parameter that everything comes from. */
const seed = -0xd201000000010000n
const square = seed * seed

/** Orders of the groups and of the field. */
export const groupOrder = square * square - square + 1n
export const fieldOrder = ((seed - 1n) * (seed - 1n) * groupOrder) / 3n + seed

// Only the fields: the whole curves of the library would have to be loaded by everybody.
const { Fp, Fp2, Fp12 } = /*#__PURE__*/ tower12({
  ORDER: fieldOrder,
  X_LEN: 64,
  FP2_NONRESIDUE: [1n, 1n],
  Fp2mulByB: (n: Fp2): Fp2 => Fp2.mul(n, twistB),
  Fp12finalExponentiate: (n: Gt): Gt => finalExponentiation(n)
})

/** The constant of the twisted curve: 4 (u + 1). */
const twistB = Fp2.fromBigTuple([4n, 4n])

export const fpLength = 48
export const frLength = 32

/** Numbers as bytes. */
export interface Montgomery {
  readonly fromBytes: (bytes: Uint8Array) => bigint
  readonly toBytes: (n: bigint) => Uint8Array
}

const littleEndian = (bytes: Uint8Array): bigint =>
  BigInt(`0x${Bytes.toHex(new Uint8Array(bytes).reverse())}`)

/** Made at the first use: most processes never need it. */
const lazy = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

const montgomery = (order: bigint, length: number): Montgomery => {
  const bits = BigInt(8 * length)
  // The order is odd, so halves are known without an inversion: as often as there are bits.
  const inverse = lazy(() => {
    let power = 1n
    for (let i = 0n; i < bits; i++) power = (power & 1n) === 0n ? power / 2n : (power + order) / 2n
    return power
  })
  return {
    fromBytes: (bytes) => (littleEndian(bytes) * inverse()) % order,
    toBytes: (n) => Bytes.uintToFixed((n << bits) % order, length).reverse()
  }
}

/** Numbers of the field. */
export const fp = montgomery(fieldOrder, fpLength)
/** Scalars. */
export const fr = montgomery(groupOrder, frLength)

/** What the formulas need of a field. */
interface Field<F> {
  readonly ZERO: F
  readonly ONE: F
  readonly add: (a: F, b: F) => F
  readonly sub: (a: F, b: F) => F
  readonly mul: (a: F, b: F | bigint) => F
  readonly sqr: (a: F) => F
  readonly neg: (a: F) => F
  readonly inv: (a: F) => F
  readonly eql: (a: F, b: F) => boolean
  readonly is0: (a: F) => boolean
}

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

const group = <F>(field: Field<F>, b: F, endomorphism: () => Endomorphism<Point<F>>): Group<F> => {
  const zero: Point<F> = { x: field.ZERO, y: field.ZERO, z: field.ZERO }
  const isZero = (p: Point<F>): boolean => field.is0(p.z)

  const double = (p: Point<F>): Point<F> => {
    if (isZero(p)) return zero
    const y2 = field.sqr(p.y)
    const slope = field.mul(field.sqr(p.x), 3n)
    const s = field.mul(field.mul(p.x, y2), 4n)
    const x = field.sub(field.sqr(slope), field.add(s, s))
    return {
      x,
      y: field.sub(field.mul(slope, field.sub(s, x)), field.mul(field.sqr(y2), 8n)),
      z: field.mul(field.mul(p.y, p.z), 2n)
    }
  }

  const add = (p: Point<F>, q: Point<F>): Point<F> => {
    if (isZero(p)) return q
    if (isZero(q)) return p
    const pz2 = field.sqr(p.z)
    const qz2 = field.sqr(q.z)
    const u = field.mul(p.x, qz2)
    const s = field.mul(p.y, field.mul(q.z, qz2))
    const h = field.sub(field.mul(q.x, pz2), u)
    const r = field.sub(field.mul(q.y, field.mul(p.z, pz2)), s)
    if (field.is0(h)) return field.is0(r) ? double(p) : zero
    const h2 = field.sqr(h)
    const h3 = field.mul(h, h2)
    const v = field.mul(u, h2)
    const x = field.sub(field.sub(field.sqr(r), h3), field.add(v, v))
    return {
      x,
      y: field.sub(field.mul(r, field.sub(v, x)), field.mul(s, h3)),
      z: field.mul(field.mul(p.z, q.z), h)
    }
  }

  const normalize = (p: Point<F>): Point<F> => {
    if (isZero(p) || field.eql(p.z, field.ONE)) return p
    const inverse = field.inv(p.z)
    const inverse2 = field.sqr(inverse)
    return {
      x: field.mul(p.x, inverse2),
      y: field.mul(field.mul(p.y, inverse2), inverse),
      z: field.ONE
    }
  }

  const isValid = ({ x, y, z }: Point<F>): boolean => {
    const z6 = field.sqr(field.mul(z, field.sqr(z)))
    return field.eql(field.sqr(y), field.add(field.mul(field.sqr(x), x), field.mul(b, z6)))
  }

  const negate = (p: Point<F>): Point<F> => (isZero(p) ? zero : { ...p, y: field.neg(p.y) })

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

const endomorphism1 = lazy((): Endomorphism<Point<Fp>> => {
  const first = -(square << splitShift) / groupOrder
  const second = (1n << splitShift) / groupOrder
  return {
    apply: (p) => ({ ...p, x: Fp.mul(p.x, beta) }),
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

const conjugate = ({ c0, c1 }: Fp2): Fp2 => ({ c0, c1: Fp.neg(c1) })

/** Frobenius' endomorphism on the twisted curve, which multiplies by the seed. */
const endomorphism2 = lazy((): Endomorphism<Point<Fp2>> => {
  const inverse = Fp2.inv(Fp2.NONRESIDUE)
  const onX = Fp2.pow(inverse, (fieldOrder - 1n) / 3n)
  const onY = Fp2.pow(inverse, (fieldOrder - 1n) / 2n)
  return {
    apply: ({ x, y, z }) => ({
      x: Fp2.mul(conjugate(x), onX),
      y: Fp2.mul(conjugate(y), onY),
      z: conjugate(z)
    }),
    split: digits
  }
})

export const g1 = group<Fp>(Fp, 4n, endomorphism1)
export const g2 = group<Fp2>(Fp2, twistB, endomorphism2)

const gtAdditive = {
  zero: Fp12.ONE,
  add: (a: Gt, b: Gt): Gt => Fp12.mul(a, b),
  double: (a: Gt): Gt => Fp12.sqr(a),
  negate: (a: Gt): Gt => Fp12.conjugate(a)
}
const gtEndomorphism = { apply: (a: Gt): Gt => Fp12.frobeniusMap(a, 1), split: digits }

/**
 * The target group. `add` is the addition of the field it is part of; `invert` and `power` take for granted that the
 * element is of the group.
 */
export const gt = {
  add: (a: Gt, b: Gt): Gt => Fp12.add(a, b),
  invert: gtAdditive.negate,
  isOne: (a: Gt): boolean => Fp12.eql(a, Fp12.ONE),
  multiply: gtAdditive.add,
  power: (a: Gt, exponent: bigint): Gt => multiplySplit(gtAdditive, gtEndomorphism, a, exponent)
}

/** A line's value at a point: `a` + `c` x v + `b` y v w. */
interface Line {
  readonly a: Fp2
  readonly b: Fp2
  readonly c: Fp2
}

/** The inverse of 2, without computing it: half of the order and one. */
const half = (fieldOrder + 1n) / 2n

/** The tangent, and twice the point; other than elsewhere coordinates are homogeneous (x / z, y / z). */
const tangent = ({ x, y, z }: Point<Fp2>): readonly [Line, Point<Fp2>] => {
  const y2 = Fp2.sqr(y)
  const bz2 = Fp2.mul(Fp2.mul(twistB, Fp2.sqr(z)), 3n)
  const yz = Fp2.mul(Fp2.mul(y, z), 2n)
  const mean = Fp2.mul(Fp2.add(Fp2.mul(bz2, 3n), y2), half)
  const next = {
    x: Fp2.mul(Fp2.sub(y2, Fp2.mul(bz2, 3n)), Fp2.mul(Fp2.mul(x, y), half)),
    y: Fp2.sub(Fp2.sqr(mean), Fp2.mul(Fp2.sqr(bz2), 3n)),
    z: Fp2.mul(y2, yz)
  }
  return [{ a: Fp2.sub(bz2, y2), b: Fp2.neg(yz), c: Fp2.mul(Fp2.sqr(x), 3n) }, next]
}

/** The line through two points, the second one normalized, and their sum. */
const chord = (p: Point<Fp2>, q: Point<Fp2>): readonly [Line, Point<Fp2>] => {
  const dx = Fp2.sub(p.x, Fp2.mul(p.z, q.x))
  const dy = Fp2.sub(p.y, Fp2.mul(p.z, q.y))
  const dx2 = Fp2.sqr(dx)
  const dx3 = Fp2.mul(dx2, dx)
  const v = Fp2.mul(dx2, p.x)
  const t = Fp2.sub(Fp2.add(Fp2.mul(Fp2.sqr(dy), p.z), dx3), Fp2.add(v, v))
  const next = {
    x: Fp2.mul(dx, t),
    y: Fp2.sub(Fp2.mul(dy, Fp2.sub(v, t)), Fp2.mul(dx3, p.y)),
    z: Fp2.mul(dx3, p.z)
  }
  return [{ a: Fp2.sub(Fp2.mul(dy, q.x), Fp2.mul(dx, q.y)), b: dx, c: Fp2.neg(dy) }, next]
}

const valueAt = ({ a, b, c }: Line, { x, y }: Point<Fp>): Gt => ({
  c0: { c0: a, c1: Fp2.mul(c, x), c2: Fp2.ZERO },
  c1: { c0: Fp2.ZERO, c1: Fp2.mul(b, y), c2: Fp2.ZERO }
})

/** The Miller loop over the binary digits of the seed. */
export const millerLoop = (first: Point<Fp>, second: Point<Fp2>): Gt => {
  const p = g1.normalize(first)
  const q = g2.normalize(second)
  if (g2.isZero(q)) return Fp12.ONE
  let value: Gt = Fp12.ONE
  let point = q
  for (const bit of (-seed).toString(2).slice(1)) {
    const [line, twice] = tangent(point)
    value = Fp12.mul(Fp12.sqr(value), valueAt(line, p))
    point = twice
    if (bit === "0") continue
    const [through, sum] = chord(point, q)
    value = Fp12.mul(value, valueAt(through, p))
    point = sum
  }
  return Fp12.conjugate(value)
}

/** Of an element whose inverse is its conjugate. */
const toTheSeed = (a: Gt): Gt => Fp12.conjugate(Fp12._cyclotomicExp(a, -seed))

/** To the power of three times the cofactor: (p¹² - 1) / r · 3. */
export const finalExponentiation = (a: Gt): Gt => {
  if (Fp12.is0(a)) return a
  const unitary = Fp12.div(Fp12.conjugate(a), a)
  const easy = Fp12.mul(Fp12.frobeniusMap(unitary, 2), unitary)
  // 3 (p⁴ - p² + 1) / r = (s - 1)² (s + p) (s² + p² - 1) + 3, s being the seed.
  const withoutOne = (b: Gt): Gt => Fp12.mul(toTheSeed(b), Fp12.conjugate(b))
  const b = withoutOne(withoutOne(easy))
  const c = Fp12.mul(toTheSeed(b), Fp12.frobeniusMap(b, 1))
  const d = Fp12.mul(toTheSeed(toTheSeed(c)), Fp12.mul(Fp12.frobeniusMap(c, 2), Fp12.conjugate(c)))
  return Fp12.mul(d, Fp12.mul(Fp12.sqr(easy), easy))
}

/** The pairing of two points. */
export const pairing = (p: Point<Fp>, q: Point<Fp2>): Gt => finalExponentiation(millerLoop(p, q))

/** The twelve numbers of an element. */
export const coordinatesOf = ({ c0, c1 }: Gt): ReadonlyArray<Fp> =>
  [c0.c0, c0.c1, c0.c2, c1.c0, c1.c1, c1.c2].flatMap((pair) => [pair.c0, pair.c1])

/** The element with twelve numbers. */
export const fromCoordinates = (numbers: ReadonlyArray<Fp>): Gt => {
  const at = (i: number): Fp2 => ({ c0: numbers[2 * i] ?? 0n, c1: numbers[2 * i + 1] ?? 0n })
  return {
    c0: { c0: at(0), c1: at(1), c2: at(2) },
    c1: { c0: at(3), c1: at(4), c2: at(5) }
  }
}
