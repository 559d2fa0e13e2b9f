import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as SortedMap from "../../src/fate/internal/sortedMap.js"
import type { Value } from "../../src/fate/Value.js"
import * as Order from "../../src/fate/Order.js"
import * as Arbitraries from "../support/fate/Arbitraries.js"

/** The definition, slowly: entries in order. */
type Model = ReadonlyArray<readonly [Value, number]>

const without = (model: Model, key: Value): Model => model.filter(([each]) => !Order.equals(each, key))
const withEntry = (model: Model, key: Value, value: number): Model =>
  [...without(model, key), [key, value] as const].sort(([a], [b]) => Order.compare(a, b))

const depth = (m: SortedMap.SortedMap<unknown>): number =>
  "left" in m ? 1 + Math.max(depth(m.left), depth(m.right)) : 0

const keys = FastCheck.oneof(
  FastCheck.bigInt({ min: -12n, max: 12n }),
  FastCheck.bigInt({ min: -12n, max: 12n }),
  Arbitraries.keyValue
)
const steps = FastCheck.array(FastCheck.tuple(keys, FastCheck.option(FastCheck.nat(9))), { maxLength: 80 })

const isSame = (m: SortedMap.SortedMap<number>, model: Model): void => {
  expect(m.size).toBe(model.length)
  expect(SortedMap.entries(m)).toStrictEqual(model)
}

describe("a sorted map", () => {
  it("does what its model does, and old maps stay as they were", () => {
    FastCheck.assert(
      FastCheck.property(steps, (all) => {
        let map: SortedMap.SortedMap<number> = SortedMap.empty
        let model: Model = []
        const history: Array<readonly [SortedMap.SortedMap<number>, Model]> = []
        for (const [key, value] of all) {
          history.push([map, model])
          const had = model.find(([each]) => Order.equals(each, key))?.[1]
          expect(SortedMap.get(map, key)).toBe(had)
          expect(SortedMap.has(map, key)).toBe(had !== undefined)
          map = value === null ? SortedMap.remove(map, key) : SortedMap.set(map, key, value)
          model = value === null ? without(model, key) : withEntry(model, key, value)
          isSame(map, model)
          expect(depth(map)).toBeLessThanOrEqual(2 + 2.5 * Math.log2(1 + map.size))
        }
        for (const [old, was] of history) isSame(old, was)
        isSame(SortedMap.fromEntries(model), model)
        isSame(
          SortedMap.fromSorted(
            model.map(([key]) => key),
            model.map(([, value]) => value)
          ),
          model
        )
        isSame(
          SortedMap.mapValues(map, (value, key) => value + Number(SortedMap.has(map, key))),
          model.map(([key, value]) => [key, value + 1] as const)
        )
      }),
      { numRuns: 300 }
    )
  })

  it("is the same map when nothing is removed", () => {
    const map = SortedMap.fromEntries([1n, 2n, 3n].map((key) => [key, 0] as const))
    expect(SortedMap.remove(map, 4n)).toBe(map)
    expect(SortedMap.remove(SortedMap.empty, 4n)).toBe(SortedMap.empty)
  })

  it("stays shallow for ascending, descending and mixed keys", () => {
    const count = 20_000
    const numbers = Array.from({ length: count }, (_, i) => i)
    const orders = [numbers, numbers.toReversed(), numbers.map((i) => (i * 7919) % count)]
    for (const order of orders) {
      let map = SortedMap.fromEntries(order.map((i) => [BigInt(i), i] as const))
      expect(map.size).toBe(count)
      expect(depth(map)).toBeLessThanOrEqual(36)
      for (const i of order.slice(0, count / 2)) map = SortedMap.remove(map, BigInt(i))
      expect(map.size).toBe(count / 2)
      expect(depth(map)).toBeLessThanOrEqual(33)
      expect(SortedMap.entries(map).map(([, i]) => i)).toStrictEqual(
        order.slice(count / 2).toSorted((a, b) => a - b)
      )
    }
  })
})
