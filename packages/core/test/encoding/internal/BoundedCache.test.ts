import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as BoundedCache from "../../../src/encoding/internal/BoundedCache.js"

describe("BoundedCache", () => {
  it.prop(
    "never holds more than its bound, never answers wrongly, keeps what was just used",
    [
      FastCheck.integer({ min: 1, max: 5 }),
      FastCheck.array(FastCheck.tuple(FastCheck.boolean(), FastCheck.nat({ max: 12 })), { maxLength: 200 })
    ],
    ([size, steps]) => {
      const cache = BoundedCache.make<number>(size)
      const model = new Map<string, number>()
      for (const [index, [isWrite, n]] of steps.entries()) {
        const key = String(n)
        if (isWrite) {
          cache.set(key, index)
          model.set(key, index)
          expect(cache.get(key)).toBe(index)
        } else {
          const value = cache.get(key)
          expect(value === undefined || value === model.get(key)).toBe(true)
          expect(cache.has(key)).toBe(value !== undefined)
        }
        expect(cache.size()).toBeLessThanOrEqual(2 * size)
      }
    }
  )

  it("forgets what is not used and keeps what is", () => {
    const cache = BoundedCache.make<number>(4)
    cache.set("hot", 1)
    for (let i = 0; i < 100; i++) {
      expect(cache.get("hot")).toBe(1)
      cache.set(`cold ${i}`, i)
    }
    expect(cache.has("cold 0")).toBe(false)
    expect(cache.has("cold 99")).toBe(true)
  })
})
