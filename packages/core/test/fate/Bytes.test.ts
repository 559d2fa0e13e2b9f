import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import { bytes, none, some, tuple, type Value } from "../../src/fate/Value.js"
import { perform, plainMachine } from "./support/plainMachine.js"
import { runGroup } from "./support/vectors.js"

runGroup("ops-basic", "bytes")

const run = (mnemonic: string, ...values: ReadonlyArray<Value>): Value =>
  perform(plainMachine(), mnemonic, ...values)

describe("bytes", () => {
  it("are the integers that they write", () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.integer({ min: 0, max: 100 }), (i, size) => {
        const written = run("INT_TO_BYTES", i, BigInt(size))
        expect(run("BYTES_SIZE", written)).toBe(BigInt(size))
        expect(run("BYTES_TO_INT", written)).toBe(BigInt.asUintN(8 * size, i))
      })
    )
  })

  it("split and join", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: -90, max: 90 }), (content, at) => {
        const size = content.length
        const index = at > 0 ? at : size + at
        const parts =
          index < 0 || index > size
            ? none
            : some(tuple([bytes(content.subarray(0, index)), bytes(content.subarray(index))]))
        expect(run("BYTES_SPLIT_ANY", bytes(content), BigInt(at))).toEqual(parts)
        if (index < 0 || index > size) return
        expect(run("BYTES_SPLIT", bytes(content), BigInt(index))).toEqual(parts.values[0])
        expect(
          run("BYTES_CONCAT", bytes(content.subarray(0, index)), bytes(content.subarray(index)))
        ).toEqual(bytes(content))
      })
    )
  })
})
