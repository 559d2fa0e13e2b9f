import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Bytes from "../../src/encoding/Bytes.js"
import { elements, list, type ListValue, nil, string, text, type Value } from "../../src/fate/Value.js"
import { exhaust, longest, outcome, perform, plainMachine } from "./support/plainMachine.js"
import { runGroup } from "./support/vectors.js"

runGroup("ops-basic", "string")

const run = (mnemonic: string, ...values: ReadonlyArray<Value>): Value =>
  perform(plainMachine(), mnemonic, ...values)
const textOf = (value: Value): string =>
  typeof value === "object" && value._tag === "string" ? Bytes.fromUtf8OrThrow(value.bytes) : "no string"

const composing = fc.constantFrom(
  "e",
  "\u0301",
  "\u0323",
  "\u1100",
  "\u1161",
  "\u11a8",
  "Σ",
  "ß",
  "\u00c5",
  "ﬀ",
  "x"
)
const anyText = fc.oneof(fc.fullUnicodeString(), fc.string({ unit: composing }))

describe("strings", () => {
  it("work on the characters of the normal form", () => {
    fc.assert(
      fc.property(anyText, (s) => {
        const characters = Array.from(s.normalize("NFC"))
        expect(run("STR_LENGTH", text(s))).toBe(BigInt(characters.length))
        const all = run("STR_TO_LIST", text(s)) as ListValue
        expect(elements(all)).toEqual(characters.map((c) => BigInt(c.codePointAt(0) ?? 0)))
        expect(textOf(run("STR_FROM_LIST", all))).toBe(s.normalize("NFC"))
        expect(textOf(run("STR_REVERSE", text(s)))).toBe(characters.reverse().join("").normalize("NFC"))
      })
    )
  })

  it("change letters one by one", () => {
    fc.assert(
      fc.property(anyText, (s) => {
        const lower = Array.from(s, (c) => c.toLowerCase()).join("")
        const upper = Array.from(s, (c) => c.toUpperCase()).join("")
        expect(textOf(run("STR_TO_LOWER", text(s)))).toBe(lower)
        expect(textOf(run("STR_TO_UPPER", text(s)))).toBe(upper)
      })
    )
    expect(textOf(run("STR_TO_LOWER", text("ΟΔΟΣ Σ")))).toBe("οδοσ σ")
  })

  it("that are no UTF-8 end the run, one way or the other", () => {
    for (const hex of ["ff", "c080", "eda080", "f4908080", "e282", "61cc"]) {
      const bad = string(Bytes.fromHex(hex))
      expect(outcome({}, "STR_LENGTH", bad), hex).toHaveProperty("failed")
      expect(outcome({}, "STR_TO_LIST", bad), hex).toHaveProperty("failed")
      expect(outcome({}, "STR_REVERSE", bad), hex).toHaveProperty("crashed")
      expect(outcome({}, "STR_TO_UPPER", bad), hex).toHaveProperty("crashed")
      expect(outcome({ vm: 5 }, "STR_LENGTH", bad), hex).toBe(BigInt(hex.length / 2))
    }
    expect(run("STR_TO_LIST", text(""))).toEqual(nil)
    expect(run("STR_LENGTH", text("\ufeffa"))).toBe(2n)
  })

  it("of any size cost what they cost: no run takes much longer than its gas", () => {
    const megabyte = string(new Uint8Array(1_000_000).fill(0x61))
    const marks = text(`a${"\u0316\u0301".repeat(100_000)}`)
    const accents = text("e\u0301".repeat(300_000))
    const cases: ReadonlyArray<readonly [string, ReadonlyArray<Value>]> = [
      ["STR_LENGTH", [marks]],
      ["STR_REVERSE", [accents]],
      ["STR_REVERSE", [megabyte]],
      ["STR_JOIN", [megabyte, megabyte]],
      ["STR_TO_LOWER", [accents]],
      ["EQ", [megabyte, string(new Uint8Array(1_000_000).fill(0x61))]],
      ["STR_FROM_LIST", [list(Array.from({ length: 200_000 }, () => 0x301n))]]
    ]
    for (const [mnemonic, values] of cases)
      expect(exhaust(mnemonic, ...values).elapsed, mnemonic).toBeLessThan(longest)
  })
})
