import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Base64 from "../../../src/encoding/internal/base64.js"

const standard = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")

// What remains of a lenient reading when only texts that are written again count.
const strictly = (text: string): Uint8Array | undefined => {
  const bytes = Buffer.from(text, "base64")
  return bytes.toString("base64") === text ? new Uint8Array(bytes) : undefined
}

const almostBase64 = FastCheck.stringOf(FastCheck.constantFrom(..."ABz09+/=-_ é"), { maxLength: 12 })

describe("base64", () => {
  it.prop("is the standard one, both ways", [FastCheck.uint8Array({ maxLength: 2000 })], ([bytes]) => {
    const text = Base64.encode(bytes)
    expect(text).toBe(standard(bytes))
    expect(Base64.decode(text)).toEqual(bytes)
  })

  it("long byte strings pass through the small buffer", () => {
    for (const length of [3071, 3072, 3073, 6144, 100_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff)
      expect(Base64.encode(bytes)).toBe(standard(bytes))
      expect(Base64.decode(standard(bytes))).toEqual(bytes)
    }
  })

  it.prop("reads nothing but what is written", [almostBase64], ([text]) => {
    expect(Base64.decode(text)).toEqual(strictly(text))
  })

  it("every character outside the alphabet is refused, wherever it stands", () => {
    for (let code = 0; code < 0x180; code++) {
      const character = String.fromCharCode(code)
      for (const text of ["?AAA", "A?AA", "AA?A", "AAA?", "?A==", "A?==", "AA?="])
        for (const padded of [text, `AAAA${text}`]) {
          const whole = padded.replace("?", character)
          expect(Base64.decode(whole), JSON.stringify(whole)).toEqual(strictly(whole))
        }
    }
  })
})
