/**
 * Operations on the groups of BLS12-381.
 *
 * Results are those of the reference to the last byte, also where its formulas show: in points that are not
 * normalized and in the value of a Miller loop.
 */
import * as Value from "../../Value.js"
import * as Bls from "../bls12381.js"
import * as Errors from "../errorTexts.js"
import { crash, fail, type Operation, type Operations } from "../machine.js"
import { isBytes, isTagged } from "./operands.js"
import { work } from "./work.js"

/** How values of one kind are read and written; `read` is undefined for what is no such value. */
interface Kind<A> {
  readonly read: (value: Value.Value) => A | undefined
  readonly write: (a: A) => Value.Value
}

const number = (length: number, codec: typeof Bls.fp): Kind<bigint> => ({
  read: (value) => (isBytes(value, length) ? codec.fromBytes(value.bytes) : undefined),
  write: (n) => Value.bytes(codec.toBytes(n))
})

const fp = number(Bls.fpLength, Bls.fp)
const fr = number(Bls.frLength, Bls.fr)

const elements = <A>(kind: Kind<A>, value: Value.Value, length: number): ReadonlyArray<A> | undefined => {
  if (!isTagged(value) || value._tag !== "tuple" || value.elements.length !== length) return undefined
  const result: Array<A> = []
  for (const element of value.elements) {
    const a = kind.read(element)
    if (a === undefined) return undefined
    result.push(a)
  }
  return result
}

const fp2: Kind<Bls.Fp2> = {
  read: (value) => {
    const [c0, c1] = elements(fp, value, 2) ?? []
    return c0 === undefined || c1 === undefined ? undefined : { c0, c1 }
  },
  write: ({ c0, c1 }) => Value.tuple([fp.write(c0), fp.write(c1)])
}

const point = <F>(kind: Kind<F>): Kind<Bls.Point<F>> => ({
  read: (value) => {
    const [x, y, z] = elements(kind, value, 3) ?? []
    return x === undefined || y === undefined || z === undefined ? undefined : { x, y, z }
  },
  write: ({ x, y, z }) => Value.tuple([kind.write(x), kind.write(y), kind.write(z)])
})

const g1 = point(fp)
const g2 = point(fp2)

const gt: Kind<Bls.Gt> = {
  read: (value) => {
    const numbers = elements(fp, value, 12)
    return numbers === undefined ? undefined : Bls.fromCoordinates(numbers)
  },
  write: (a) => Value.tuple(Bls.coordinatesOf(a).map(fp.write))
}

const truth: Kind<boolean> = {
  read: (value) => (typeof value === "boolean" ? value : undefined),
  write: (a) => a
}

const integerBelow = (limit: bigint): Kind<bigint> => ({
  read: (value) => (typeof value === "bigint" && value >= 0n && value < limit ? value : undefined),
  write: (n) => n
})

const integer = integerBelow(Bls.fieldOrder)
// One less than the order: the reference refuses the greatest scalar too.
const scalar = integerBelow(Bls.groupOrder - 1n)

/** Estimated microseconds: gas prices those that take long at a hundredth of what it pays for elsewhere. */
const times = {
  final_exp: 3000,
  fp_to_int: 1,
  fr_to_int: 1,
  g1_add: 12,
  g1_is_zero: 2,
  g1_mul: 800,
  g1_neg: 5,
  g1_norm: 20,
  g1_valid: 4,
  g2_add: 25,
  g2_is_zero: 4,
  g2_mul: 1400,
  g2_neg: 7,
  g2_norm: 22,
  g2_valid: 10,
  gt_add: 20,
  gt_inv: 20,
  gt_is_one: 8,
  gt_mul: 35,
  gt_pow: 1500,
  int_to_fp: 1,
  int_to_fr: 1,
  miller_loop: 2200,
  pairing: 5000
} as const

type Name = keyof typeof times

/** Which share of its time a multiplication takes with a small scalar. */
const shareOf = (n: bigint): number => (n < 32n ? 0.05 : n < 1n << 64n ? 0.35 : 1)

/** What cannot be computed is no value, whatever the reason. */
const computed = <A>(compute: () => A): A => {
  try {
    return compute()
  } catch {
    return crash("no element of BLS12-381")
  }
}

const unary =
  <A, R>(name: Name, a: Kind<A>, result: Kind<R>, compute: (a: A) => R): Operation =>
  (machine, [to, operand]) => {
    const value = machine.read(operand)
    const one = a.read(value)
    if (one === undefined) return fail(() => Errors.badArguments(`bls12_381_${name}`, [value]))
    work(machine, 1000 * times[name])
    machine.write(to, result.write(computed(() => compute(one))))
  }

const binary =
  <A, B, R>(
    name: Name,
    a: Kind<A>,
    b: Kind<B>,
    result: Kind<R>,
    compute: (a: A, b: B) => R,
    share: (a: A) => number = () => 1
  ): Operation =>
  (machine, [to, first, second]) => {
    const values = [machine.read(first), machine.read(second)] as const
    const one = a.read(values[0])
    const two = b.read(values[1])
    if (one === undefined || two === undefined)
      return fail(() => Errors.badArguments(`bls12_381_${name}`, values))
    work(machine, 1000 * times[name] * share(one))
    machine.write(to, result.write(computed(() => compute(one, two))))
  }

export const bls: Operations = {
  BLS12_381_FINAL_EXP: unary("final_exp", gt, gt, Bls.finalExponentiation),
  BLS12_381_FP_TO_INT: unary("fp_to_int", fp, integer, (n) => n),
  BLS12_381_FR_TO_INT: unary("fr_to_int", fr, scalar, (n) => n),
  BLS12_381_G1_ADD: binary("g1_add", g1, g1, g1, Bls.g1.add),
  BLS12_381_G1_IS_ZERO: unary("g1_is_zero", g1, truth, Bls.g1.isZero),
  BLS12_381_G1_MUL: binary("g1_mul", fr, g1, g1, (n, p) => Bls.g1.multiply(p, n), shareOf),
  BLS12_381_G1_NEG: unary("g1_neg", g1, g1, Bls.g1.negate),
  BLS12_381_G1_NORM: unary("g1_norm", g1, g1, Bls.g1.normalize),
  BLS12_381_G1_VALID: unary("g1_valid", g1, truth, Bls.g1.isValid),
  BLS12_381_G2_ADD: binary("g2_add", g2, g2, g2, Bls.g2.add),
  BLS12_381_G2_IS_ZERO: unary("g2_is_zero", g2, truth, Bls.g2.isZero),
  BLS12_381_G2_MUL: binary("g2_mul", fr, g2, g2, (n, p) => Bls.g2.multiply(p, n), shareOf),
  BLS12_381_G2_NEG: unary("g2_neg", g2, g2, Bls.g2.negate),
  BLS12_381_G2_NORM: unary("g2_norm", g2, g2, Bls.g2.normalize),
  BLS12_381_G2_VALID: unary("g2_valid", g2, truth, Bls.g2.isValid),
  BLS12_381_GT_ADD: binary("gt_add", gt, gt, gt, Bls.gt.add),
  BLS12_381_GT_INV: unary("gt_inv", gt, gt, Bls.gt.invert),
  BLS12_381_GT_IS_ONE: unary("gt_is_one", gt, truth, Bls.gt.isOne),
  BLS12_381_GT_MUL: binary("gt_mul", gt, gt, gt, Bls.gt.multiply),
  BLS12_381_GT_POW: binary("gt_pow", gt, fr, gt, Bls.gt.power),
  BLS12_381_INT_TO_FP: unary("int_to_fp", integer, fp, (n) => n),
  BLS12_381_INT_TO_FR: unary("int_to_fr", scalar, fr, (n) => n),
  BLS12_381_MILLER_LOOP: binary("miller_loop", g1, g2, gt, Bls.millerLoop),
  BLS12_381_PAIRING: binary("pairing", g1, g2, gt, Bls.pairing)
}
