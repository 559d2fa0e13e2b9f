import { describe, expect, it } from "@effect/vitest"
import * as ErrorCodes from "../../src/protocol/ErrorCodes.js"

describe("ErrorCodes", () => {
  it("every reason has codes with texts", () => {
    const refusals = Object.values(ErrorCodes.reasons)
    for (const { code, data } of refusals) {
      expect(ErrorCodes.errorTexts.has(code)).toBe(true)
      for (const one of data) expect(ErrorCodes.dataTexts.has(one)).toBe(true)
      // The table of the API: data codes go with 2 and 3, and only 1012 with 2.
      expect(data.length === 0).toBe(code < 0)
      expect(code === 2).toBe(data.includes(1012))
    }
    console.log(
      `${refusals.length} reasons, ${ErrorCodes.errorTexts.size} top-level codes, ${ErrorCodes.dataTexts.size} data codes`
    )
  })

  it("knows the reasons of the state machine, and takes others for internal errors", () => {
    expect(ErrorCodes.refusal("insufficient_balance")).toEqual({ _tag: "Refusal", code: 3, data: [1001] })
    expect(ErrorCodes.refusal("not_offchain_tx")).toEqual({ _tag: "Refusal", code: 2, data: [1012] })
    for (const reason of ["unknown_request", "too_low_fee", "toString", "", "error_code"])
      expect(ErrorCodes.refusal(reason)).toEqual({ _tag: "Refusal", code: -32603, data: [] })
  })

  it("has texts for all codes", () => {
    expect(ErrorCodes.errorText(3)).toBe("Rejected")
    expect(ErrorCodes.errorText(99)).toBe("Unknown error")
    expect(ErrorCodes.dataText(1018)).toBe("Not allowed at current channel state")
    expect(ErrorCodes.dataText(3)).toBe("Unknown error")
    const texts = [1, 2, 3, 4, 5, 6, 127, 128, 65535].map(ErrorCodes.conflictText)
    expect(texts).toEqual([
      "validation error",
      "conflict",
      "timeout",
      "abort",
      "rejected on-chain",
      "unknown",
      "unknown",
      "user-defined",
      "user-defined"
    ])
  })
})
