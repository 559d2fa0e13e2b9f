import { describe, expect, it } from "@effect/vitest"
import { bls12_381 } from "@noble/curves/bls12-381.js"
import * as fc from "effect/FastCheck"
import * as Bls from "../../src/fate/internal/bls12381.js"
import { nonAdjacent } from "../../src/fate/internal/blsMultiply.js"
import * as Value from "../../src/fate/Value.js"
import { chainMachine } from "./support/chainMachine.js"
import { perform } from "./support/plainMachine.js"

const run = (mnemonic: string, ...values: ReadonlyArray<Value.Value>) =>
  perform(chainMachine(), `BLS12_381_${mnemonic}`, ...values)

const { G1, G2 } = bls12_381
const base1 = { ...G1.Point.BASE.toAffine(), z: 1n }
const base2 = { ...G2.Point.BASE.toAffine(), z: bls12_381.fields.Fp2.ONE }

const scalar = fc.bigInt({ min: 0n, max: Bls.groupOrder - 1n })
// Where the way to multiply changes.
const edges = [
  ...Array.from({ length: 20 }, (_, i) => BigInt(i)),
  ...[31n, 32n, 33n, 63n, 64n, 65n, 127n, 128n].flatMap((bit) => [
    (1n << bit) - 1n,
    1n << bit,
    (1n << bit) + 1n
  ]),
  Bls.groupOrder - 1n
]

const same = <F>(
  group: Bls.Group<F>,
  got: Bls.Point<F>,
  wanted: { toAffine: () => { x: F; y: F }; is0: () => boolean }
) => {
  if (wanted.is0()) return expect(group.isZero(got)).toBe(true)
  const { x, y } = group.normalize(got)
  expect({ x, y }).toEqual(wanted.toAffine())
}

describe("BLS12-381", () => {
  it("multiplies every scalar", () => {
    const check = (n: bigint) => {
      same(Bls.g1, Bls.g1.multiply(base1, n), G1.Point.BASE.multiplyUnsafe(n))
      same(Bls.g2, Bls.g2.multiply(base2, n), G2.Point.BASE.multiplyUnsafe(n))
    }
    for (const n of edges) check(n)
    fc.assert(fc.property(scalar, check), { numRuns: 15 })
    console.log(`BLS12-381: ${edges.length + 15} scalars in both groups`)
  })

  it("adds points however they are written", () => {
    fc.assert(
      fc.property(scalar, scalar, (a, b) => {
        const [p, q] = [Bls.g1.multiply(base1, a), Bls.g1.multiply(base1, b)]
        same(Bls.g1, Bls.g1.add(p, q), G1.Point.BASE.multiplyUnsafe((a + b) % Bls.groupOrder))
        expect(Bls.g1.isValid(Bls.g1.add(p, q))).toBe(true)
        same(
          Bls.g1,
          Bls.g1.add(p, Bls.g1.normalize(p)),
          G1.Point.BASE.multiplyUnsafe((a + a) % Bls.groupOrder)
        )
        expect(Bls.g1.isZero(Bls.g1.add(p, Bls.g1.negate(Bls.g1.normalize(p))))).toBe(true)
      }),
      { numRuns: 10 }
    )
  })

  it("pairs like the library, and powers move through", () => {
    const { Fp12 } = bls12_381.fields
    const pairing = Bls.pairing(base1, base2)
    expect(Fp12.eql(pairing, bls12_381.pairing(G1.Point.BASE, G2.Point.BASE))).toBe(true)
    for (const n of [0n, 1n, 5n, 1n << 70n, Bls.groupOrder - 1n]) {
      const power = Bls.gt.power(pairing, n)
      expect(Fp12.eql(power, Fp12.pow(pairing, n))).toBe(true)
      expect(Fp12.eql(power, Bls.pairing(Bls.g1.multiply(base1, n), base2))).toBe(true)
      expect(Fp12.eql(power, Bls.pairing(base1, Bls.g2.multiply(base2, n)))).toBe(true)
    }
    expect(Bls.gt.isOne(Bls.gt.multiply(pairing, Bls.gt.invert(pairing)))).toBe(true)
  })

  it("computes in the fields like the library, with any numbers", () => {
    const { Fp, Fp12 } = bls12_381.fields
    const number = fc.oneof(
      fc.constantFrom(0n, 1n, 2n, (1n << 50n) - 1n, 1n << 51n, 1n << 380n, Bls.fieldOrder - 1n),
      fc.bigInt({ min: 0n, max: Bls.fieldOrder - 1n })
    )
    const element = fc.array(number, { minLength: 12, maxLength: 12 }).map(Bls.fromCoordinates)
    fc.assert(
      fc.property(element, element, (a, b) => {
        expect(Bls.gt.multiply(a, b)).toEqual(Fp12.mul(a, b))
        expect(Bls.gt.add(a, b)).toEqual(Fp12.add(a, b))
        expect(Bls.gt.invert(a)).toEqual(Fp12.conjugate(a))
        expect(Bls.gt.isOne(a)).toBe(Fp12.eql(a, Fp12.ONE))
        expect(Bls.finalExponentiation(a)).toEqual(Fp12.is0(a) ? a : Fp12.finalExponentiate(a))
      }),
      { numRuns: 10 }
    )
    fc.assert(
      fc.property(number, fc.bigInt({ min: 1n, max: 380n }), (n, shift) => {
        for (const z of [n, n >> shift].filter((each) => each > 0n))
          expect(Bls.g1.normalize({ x: 1n, y: 1n, z }).x).toBe(Fp.sqr(Fp.inv(z)))
      })
    )
  })

  it("writes digits that make up the number", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(1n << 130n), max: 1n << 130n }),
        fc.integer({ min: 3, max: 5 }),
        (n, width) => {
          const digits = nonAdjacent(n, width)
          expect(digits.reduceRight((sum, digit) => 2n * sum + BigInt(digit), 0n)).toBe(n)
          for (const [i, digit] of digits.entries())
            if (digit !== 0) {
              expect(Math.abs(digit)).toBeLessThan(1 << (width - 1))
              expect(digits.slice(i + 1, i + width).every((next) => next === 0)).toBe(true)
            }
        }
      )
    )
  })

  it("turns numbers into bytes and back, up to the order", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: Bls.groupOrder - 2n }), (n) => {
        expect(run("FR_TO_INT", run("INT_TO_FR", n))).toBe(n)
        expect(run("FP_TO_INT", run("INT_TO_FP", n))).toBe(n)
      })
    )
    expect(run("FP_TO_INT", run("INT_TO_FP", Bls.fieldOrder - 1n))).toBe(Bls.fieldOrder - 1n)
    for (const [mnemonic, n] of [
      ["INT_TO_FR", Bls.groupOrder - 1n],
      ["INT_TO_FP", Bls.fieldOrder]
    ] as const)
      expect(() => run(mnemonic, n)).toThrow(
        expect.objectContaining({ text: `Bad arguments to bls12_381_${mnemonic.toLowerCase()}: [${n}]` })
      )
  })

  it("takes points that are none", () => {
    const number = (n: bigint) => Value.bytes(Bls.fp.toBytes(n))
    const pair = (n: bigint) => Value.tuple([number(n), number(n)])
    const g1 = (x: bigint, y: bigint, z: bigint) => Value.tuple([number(x), number(y), number(z)])
    const g2 = (x: bigint, y: bigint, z: bigint) => Value.tuple([pair(x), pair(y), pair(z)])
    const three = run("INT_TO_FR", 3n)
    const many = run("INT_TO_FR", 1n << 200n)
    for (const [z, zero] of [
      [0n, true],
      [5n, false]
    ] as const) {
      const [p, q] = [g1(1n, 2n, z), g2(1n, 2n, z)]
      expect(run("G1_IS_ZERO", p)).toBe(zero)
      expect(run("G2_IS_ZERO", q)).toBe(zero)
      expect(run("G1_VALID", p)).toBe(false)
      expect(run("G2_VALID", q)).toBe(false)
      for (const n of [three, many]) {
        run("G1_MUL", n, p)
        run("G2_MUL", n, q)
      }
      run("G1_NORM", p)
      run("G2_NORM", q)
      run("GT_IS_ONE", run("FINAL_EXP", run("MILLER_LOOP", p, q)))
      run("PAIRING", p, q)
    }
    const nothing = Value.tuple(Array.from({ length: 12 }, () => number(0n)))
    expect(run("FINAL_EXP", nothing)).toEqual(nothing)
    expect(run("GT_POW", nothing, three)).toEqual(nothing)
    expect(run("G1_NEG", g1(1n, 2n, 0n))).toEqual(g1(0n, 0n, 0n))
  })
})
