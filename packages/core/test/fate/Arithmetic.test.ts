import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { words } from "../../src/fate/internal/ops/work.js"
import type { Value } from "../../src/fate/Value.js"
import { exhaust, longest, outcome, perform, plainMachine } from "./support/plainMachine.js"
import { runGroup } from "./support/vectors.js"

runGroup("ops-basic", "arithmetic")

const integer = fc.oneof(
  fc.bigInt({ min: -100n, max: 100n }),
  fc.bigInt({ min: -(1n << 200n), max: 1n << 200n }),
  fc
    .tuple(fc.integer({ min: 0, max: 5000 }), fc.bigInt({ min: -3n, max: 3n }))
    .map(([n, d]) => (1n << BigInt(n)) + d)
)

const wordsBySize = (i: bigint): number => Math.max(1, Math.ceil((i < 0n ? -i : i).toString(16).length / 16))

const run = (mnemonic: string, ...values: ReadonlyArray<Value>): Value =>
  perform(plainMachine(), mnemonic, ...values)

describe("arithmetic", () => {
  it("counts the words of an integer", () => {
    fc.assert(fc.property(integer, (i) => words(i) === wordsBySize(i) && words(-i) === wordsBySize(i)))
  })

  it("divides towards zero, and the remainder belongs to it", () => {
    fc.assert(
      fc.property(integer, integer, (a, b) => {
        fc.pre(b !== 0n)
        const quotient = run("DIV", a, b) as bigint
        const remainder = run("MOD", a, b) as bigint
        const size = (i: bigint): bigint => (i < 0n ? -i : i)
        return (
          quotient * b + remainder === a &&
          size(remainder) < size(b) &&
          (remainder === 0n || remainder < 0n === a < 0n) &&
          run("MULMOD", a, b, 97n) === (run("MOD", run("MUL", a, b), 97n) as bigint)
        )
      })
    )
  })

  it("raises to a power as multiplication does", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -50n, max: 50n }), fc.integer({ min: 0, max: 150 }), (base, exponent) => {
        return run("POW", base, BigInt(exponent)) === base ** BigInt(exponent)
      })
    )
  })

  it("shifts right by negative positions to the left and the other way round", () => {
    fc.assert(
      fc.property(integer, fc.integer({ min: 0, max: 3000 }), (a, n) => {
        const by = BigInt(n)
        return (
          run("BSL", a, by) === a * 2n ** by &&
          run("BSR", a, -by) === a * 2n ** by &&
          run("BSR", a, by) === run("BSL", a, -by)
        )
      })
    )
  })

  it("has no result that gas cannot pay, and does not compute it first", () => {
    const huge = 1n << 40_000_000n
    const started = performance.now()
    const all = [
      outcome({}, "MUL", huge, huge),
      outcome({}, "POW", 3n, huge),
      outcome({}, "POW", 2n, 1n << 60n),
      outcome({}, "BSL", 1n, 1n << 31n),
      outcome({}, "BSL", 1n, 1n << 4000n),
      outcome({}, "BSR", 1n, -(1n << 31n)),
      outcome({}, "INT_TO_STR", huge),
      outcome({}, "BITS_ALL_N", 1n << 4000n),
      outcome({}, "BITS_SET", { _tag: "bits", bits: 0n }, 1n << 31n),
      outcome({}, "INT_TO_BYTES", 1n, 1n << 40n)
    ]
    const elapsed = performance.now() - started
    console.log(`${all.length} hopeless operations in ${elapsed.toFixed(0)} ms`)
    for (const result of all) expect(result).toEqual({ failed: "Out of gas" })
    expect(outcome({}, "BSR", 1n, -(1n << 4000n))).toHaveProperty("crashed")
    expect(elapsed).toBeLessThan(longest)
  })

  it("refuses runs whose operands are so large that gas pays for next to nothing", () => {
    const large = (1n << 3_000_000n) + 12_345n
    const half = 1n << 1_500_000n
    const cheap: ReadonlyArray<readonly [string, ReadonlyArray<Value>]> = [
      ["MOD", [large, half]],
      ["BAND", [large, large]],
      ["SUB", [large, large]],
      ["EQ", [large, large + 1n - 1n]],
      ["BSR", [large, 2_999_999n]],
      ["BITS_SUM", [{ _tag: "bits", bits: large }]],
      [
        "BITS_AND",
        [
          { _tag: "bits", bits: large },
          { _tag: "bits", bits: half }
        ]
      ]
    ]
    for (const [mnemonic, values] of cheap)
      expect(exhaust(mnemonic, ...values).elapsed, mnemonic).toBeLessThan(longest)
  })
})
