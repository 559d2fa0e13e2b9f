import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { minimumDepth } from "../../src/node/MinimumDepth.js"

const gwei = 1_000_000_000n

describe("MinimumDepth", () => {
  it("plain: the value itself, whatever the fee", () => {
    expect([0, 1, 7, 100].map((value) => minimumDepth("plain", value, 17_480n * gwei, gwei))).toEqual([
      0, 1, 7, 100
    ])
  })

  it("txfee: factor 0 is a depth of 1, whatever the fee", () => {
    expect([0n, 1n, 10n ** 30n].map((fee) => minimumDepth("txfee", 0, fee, gwei))).toEqual([1, 1, 1])
  })

  it.each([
    { factor: 10, fee: 17_480n * gwei, depth: 3 },
    { factor: 1, fee: 1_500_000_000n, depth: 2 },
    { factor: 2, fee: 6n * gwei, depth: 3 },
    { factor: 3, fee: 30n * gwei, depth: 4 }
  ])("txfee: factor $factor, fee $fee → $depth", ({ factor, fee, depth }) => {
    expect(minimumDepth("txfee", factor, fee, gwei)).toBe(depth)
  })

  it("txfee: perfect powers are exact where floating point numbers are not", () => {
    expect(Math.ceil(Math.pow(16_807, 1 / 5))).toBe(8)
    expect(minimumDepth("txfee", 5, 16_807n * gwei, gwei)).toBe(7)
    expect(minimumDepth("txfee", 5, 16_807n * gwei + 1n, gwei)).toBe(8)
    expect(minimumDepth("txfee", 3, 125n * gwei, gwei)).toBe(5)
  })

  it("txfee: the edges — no fee, less than the price, a huge factor, a huge fee", () => {
    expect(minimumDepth("txfee", 4, 0n, gwei)).toBe(0)
    expect(minimumDepth("txfee", 4, 1n, gwei)).toBe(1)
    expect(minimumDepth("txfee", 4, gwei, gwei)).toBe(1)
    expect(minimumDepth("txfee", 4, gwei + 1n, gwei)).toBe(2)
    expect(minimumDepth("txfee", Number.MAX_SAFE_INTEGER, 10n ** 40n, gwei)).toBe(2)
    expect(minimumDepth("txfee", 1, 10n ** 15n * gwei + 1n, gwei)).toBe(10 ** 15 + 1)
  })

  it("the default price is that of the mempool", () => {
    expect(minimumDepth("txfee", 10, 17_480n * gwei)).toBe(3)
  })

  it.prop(
    "txfee: the smallest depth whose power reaches the fee",
    [
      FastCheck.bigInt({ min: 1n, max: 10n ** 24n }),
      FastCheck.bigInt({ min: 1n, max: 10n ** 12n }),
      FastCheck.integer({ min: 1, max: 90 })
    ],
    ([fee, price, factor]) => {
      const depth = BigInt(minimumDepth("txfee", factor, fee, price))
      FastCheck.pre(depth <= BigInt(Number.MAX_SAFE_INTEGER))
      expect(depth ** BigInt(factor) * price >= fee).toBe(true)
      expect((depth - 1n) ** BigInt(factor) * price >= fee).toBe(false)
    },
    { fastCheck: { numRuns: 500 } }
  )
})
