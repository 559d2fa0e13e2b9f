import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Bytes from "../../src/encoding/Bytes.js"
import { Crash } from "../../src/fate/internal/machine.js"
import * as SortedMap from "../../src/fate/internal/sortedMap.js"
import * as Order from "../../src/fate/Order.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"
import * as Arbitraries from "../support/fate/Arbitraries.js"
import { fromJson } from "../support/fate/Values.js"
import { fixture } from "../support/Shared.js"

const sign = (n: number): number => Math.sign(n)

describe("the order", () => {
  it("is the known one", () => {
    const [{ hex, lt, values }] = fixture("fate/order")
    const all: ReadonlyArray<Value.Value> = values.map(fromJson)
    const encoded: ReadonlyArray<string> = hex
    const smaller: ReadonlyArray<ReadonlyArray<number>> = lt
    let count = 0
    for (const [i, a] of all.entries()) {
      expect(Bytes.toHex(ValueCodec.encode(a))).toBe(encoded[i])
      for (const [j, b] of all.entries()) {
        expect(Order.compare(a, b) < 0, `${i} ${j}`).toBe(smaller[i]?.[j] === 1)
        expect(Order.equals(a, b)).toBe(i === j)
        count++
      }
    }
    console.log(`${all.length} values, ${count} pairs compared`)
    expect(count).toBe(37 * 37)
  })

  it("is total and agrees with equality", () => {
    const value = Arbitraries.orderedValue
    FastCheck.assert(
      FastCheck.property(value, value, value, (a, b, c) => {
        expect(Order.compare(a, a)).toBe(0)
        expect(sign(Order.compare(a, b))).toBe(-sign(Order.compare(b, a)) + 0)
        if (Order.compare(a, b) <= 0 && Order.compare(b, c) <= 0)
          expect(Order.compare(a, c)).toBeLessThanOrEqual(0)
        expect(Order.equals(a, b)).toBe(Order.compare(a, b) === 0)
        expect(Order.equals(a, b)).toBe(Bytes.equals(ValueCodec.encode(a), ValueCodec.encode(b)))
        expect(sign(Order.compareKeys(a, b))).toBe(sign(Order.compare(a, b)))
      }),
      { numRuns: 2000 }
    )
  })

  it("of values that are alike is total, too", () => {
    const near = FastCheck.letrec<{ value: Value.Value }>((tie) => ({
      value: FastCheck.oneof(
        { depthSize: "medium" },
        FastCheck.constantFrom<Value.Value>(0n, 1n, false, Value.text("a"), Value.bits(-1n), Value.none),
        FastCheck.array(tie("value"), { maxLength: 3 }).map(Value.list),
        FastCheck.array(tie("value"), { maxLength: 2 }).map(Value.tuple),
        tie("value").map(Value.some),
        FastCheck.array(FastCheck.tuple(FastCheck.bigInt(0n, 2n), tie("value")), { maxLength: 2 }).map(
          (entries) => Value.map(SortedMap.fromEntries(entries))
        )
      )
    })).value
    FastCheck.assert(
      FastCheck.property(near, near, near, (a, b, c) => {
        const [x, y, z] = [a, b, c].sort(Order.compare)
        expect(Order.compare(x as Value.Value, z as Value.Value)).toBeLessThanOrEqual(0)
        expect(Order.compare(x as Value.Value, y as Value.Value)).toBeLessThanOrEqual(0)
        expect(Order.equals(a, b)).toBe(Bytes.equals(ValueCodec.encode(a), ValueCodec.encode(b)))
      }),
      { numRuns: 3000 }
    )
  })

  it("is not that of types, where they decide", () => {
    const one = Value.typeRepresentation(Type.list(Type.integer))
    const other = Value.typeRepresentation(Type.bytes("any"))
    expect(() => Order.compare(one, one)).toThrow(Crash)
    expect(() => Order.compare(one, 1n)).toThrow(Crash)
    expect(() => Order.compare(Value.storeMap(0, SortedMap.empty), 1n)).toThrow(Crash)
    expect(() => Order.compare(Value.tuple([one]), Value.tuple([other]))).toThrow(Crash)
    expect(Order.compare(Value.tuple([one, 1n]), Value.tuple([one, 2n]))).toBeLessThan(0)
    expect(Order.compare(Value.tuple([one]), Value.tuple([one, 2n]))).toBeLessThan(0)
    expect(Order.equals(one, Value.typeRepresentation(Type.list(Type.integer)))).toBe(true)
    expect(Order.equals(one, other)).toBe(false)
    expect(sign(Order.compareKeys(one, other))).toBe(-sign(Order.compareKeys(other, one)))
  })
})
