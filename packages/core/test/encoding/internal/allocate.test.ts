import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { allocate } from "../../../src/encoding/internal/allocate.js"

describe("allocate", () => {
  it.prop(
    "gives zeros of the right length that nobody else has",
    [FastCheck.array(FastCheck.nat(1200), { maxLength: 60 })],
    ([lengths]) => {
      const all = lengths.map((length, index) => {
        const bytes = allocate(length)
        expect(bytes).toEqual(new Uint8Array(length))
        return bytes.fill(index + 1)
      })
      for (const [index, bytes] of all.entries()) expect(bytes.every((byte) => byte === index + 1)).toBe(true)
    }
  )
})
