import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { bits, type Value } from "../../src/fate/Value.js"
import { perform, plainMachine } from "./support/plainMachine.js"
import { runGroup } from "./support/vectors.js"

runGroup("ops-basic", "bits")

const run = (mnemonic: string, ...values: ReadonlyArray<Value>): Value =>
  perform(plainMachine(), mnemonic, ...values)
const set = fc.bigInt({ min: -(1n << 300n), max: 1n << 300n }).map(bits)
const position = fc.bigInt({ min: 0n, max: 400n })

describe("bits", () => {
  it("are set and cleared one by one", () => {
    fc.assert(
      fc.property(set, position, position, (value, i, other) => {
        fc.pre(i !== other)
        expect(run("BITS_TEST", run("BITS_SET", value, i), i)).toBe(true)
        expect(run("BITS_TEST", run("BITS_CLEAR", value, i), i)).toBe(false)
        const before = run("BITS_TEST", value, other)
        expect(run("BITS_TEST", run("BITS_SET", value, i), other)).toBe(before)
        expect(run("BITS_TEST", run("BITS_CLEAR", value, i), other)).toBe(before)
      })
    )
  })

  it("make sets", () => {
    fc.assert(
      fc.property(set, set, position, (a, b, i) => {
        const [inA, inB] = [run("BITS_TEST", a, i), run("BITS_TEST", b, i)]
        expect(run("BITS_TEST", run("BITS_OR", a, b), i)).toBe(inA || inB)
        expect(run("BITS_TEST", run("BITS_AND", a, b), i)).toBe(inA && inB)
        expect(run("BITS_TEST", run("BITS_DIFF", a, b), i)).toBe(inA && !inB)
      })
    )
  })

  it("are counted", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 1n << 3000n }), (value) => {
        const ones = Array.from(value.toString(2)).filter((digit) => digit === "1").length
        expect(run("BITS_SUM", bits(value))).toBe(BigInt(ones))
      })
    )
  })
})
