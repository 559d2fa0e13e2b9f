import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Json from "../../src/encoding/Json.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import * as Text from "../../src/state/internal/losslessText.js"
import * as Update from "../../src/state/Update.js"
import { fixture } from "../support/Shared.js"
import { update as anyUpdate } from "../../src/testing/Arbitraries.js"
import { numbersAsText } from "./support.js"

interface Vector {
  readonly bytes: string
  readonly clientForm: object
}

const hex = Bytes.fromHex
const alice = ApiEncoding.encode("ak", new Uint8Array(32).fill(1))
const bob = ApiEncoding.encode("ak", new Uint8Array(32).fill(2))
const contract = ApiEncoding.encode("ct", new Uint8Array(32).fill(3))

describe("Update", () => {
  it("has the known bytes and the known client form", () => {
    const { updates }: { readonly updates: ReadonlyArray<Vector> } = fixture("updates")
    const ops = new Set<string>()
    for (const { bytes, clientForm } of updates) {
      const update = Update.decodeOrThrow(hex(bytes))
      ops.add(update._tag)
      expect(Bytes.toHex(Update.encode(update))).toBe(bytes)
      const form = Update.toJson(update)
      // The known client forms carry the whole byte arrays of which the known fields show the first bytes only.
      const { call_data, code, ...members } = numbersAsText(form) as Record<string, unknown>
      expect({ ...members, ...pick(clientForm, ["call_data", "code"]) }).toStrictEqual(clientForm)
      if ("call_data" in clientForm) expect(ApiEncoding.is("cb", call_data)).toBe(true)
      if ("code" in clientForm) expect(ApiEncoding.is("cb", code)).toBe(true)
      // The node writes members in alphabetical order.
      expect(Json.stringify(form)).toBe(Json.stringifySorted(form))
      expect(Bytes.toHex(Update.encode(Update.fromJsonOrThrow(form)))).toBe(bytes)
    }
    console.log(`updates.json: ${updates.length} updates of ${ops.size} kinds, bytes and client forms equal`)
    expect(ops.size).toBe(6)
  })

  it.prop("bytes and client form round-trip", [anyUpdate], ([update]) => {
    expect(Update.decodeOrThrow(Update.encode(update))).toStrictEqual(update)
    const text = Json.stringify(Update.toJson(update))
    expect(Update.fromJsonOrThrow(Json.parseOrThrow(text))).toStrictEqual(update)
  })

  it.prop("a note keeps every byte", [FastCheck.uint8Array({ maxLength: 20 })], ([data]) => {
    const bytes = Rlp.encode([hex("0240"), hex("02"), data])
    const update = Update.decodeOrThrow(bytes)
    expect(Update.encode(update)).toStrictEqual(bytes)
    const text = Json.stringify(Update.toJson(update))
    expect(Update.encode(Update.fromJsonOrThrow(Json.parseOrThrow(text)))).toStrictEqual(bytes)
  })

  it("reads well-formed text as it is and escapes only what is not", () => {
    const cases: ReadonlyArray<readonly [bytes: string, text: string]> = [
      ["", ""],
      ["efbbbf61", "\ufeffa"],
      ["c3a9e282acf09f9880", "é€😀"],
      ["61ff62", "a\udcffb"],
      ["c3", "\udcc3"],
      ["c0af", "\udcc0\udcaf"],
      ["eda080", "\udced\udca0\udc80"],
      ["f09f98", "\udcf0\udc9f\udc98"],
      ["f4908080", "\udcf4\udc90\udc80\udc80"],
      ["f09f9880ff", "😀\udcff"],
      ["e0808061", "\udce0\udc80\udc80a"]
    ]
    for (const [bytes, text] of cases) {
      expect(Text.toText(hex(bytes))).toBe(text)
      expect(Bytes.toHex(Text.fromText(text))).toBe(bytes)
    }
    expect(Bytes.toHex(Text.fromText("a\ud800b"))).toBe("61efbfbd62")
  })

  it("treats a negative amount as a defect", () => {
    expect(() => Update.encode({ _tag: "OffChainTransfer", from: alice, to: bob, amount: -1n })).toThrow(
      RangeError
    )
  })

  describe("refuses bytes", () => {
    const id = (tag: number) => Bytes.concat(Uint8Array.of(tag), new Uint8Array(32))
    const cases: ReadonlyArray<readonly [name: string, bytes: Uint8Array, reason: string]> = [
      ["of an unknown tag", Rlp.encode([hex("023f"), hex("01"), hex("00")]), "unexpected_tag"],
      ["of another version", Rlp.encode([hex("0240"), hex("01"), hex("00")]), "unexpected_tag"],
      ["with a field missing", Rlp.encode([hex("023a"), hex("01"), id(1), id(1)]), "wrong_field_count"],
      [
        "with a contract as sender",
        Rlp.encode([hex("023a"), hex("01"), id(5), id(1), hex("00")]),
        "invalid_id"
      ],
      ["with a short id", Rlp.encode([hex("023b"), hex("01"), hex("01"), hex("00")]), "invalid_id"],
      ["with a list for an amount", Rlp.encode([hex("023b"), hex("01"), id(1), []]), "invalid_field"],
      ["with an empty amount", Rlp.encode([hex("023b"), hex("01"), id(1), hex("")]), "empty_integer"],
      ["with a padded amount", Rlp.encode([hex("023b"), hex("01"), id(1), hex("0001")]), "leading_zero"],
      ["that are no object", Rlp.encode(hex("023b")), "invalid_field"],
      [
        "with a version beyond 32 bits",
        Rlp.encode([hex("023d"), hex("01"), id(1), hex("0100000000"), hex(""), hex("00"), hex("")]),
        "out_of_range"
      ]
    ]
    for (const [name, bytes, reason] of cases) {
      it.effect(name, () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(Update.decode(bytes))
          expect(error).toBeInstanceOf(DecodeError)
          expect(error.reason).toBe(reason)
        })
      )
    }
  })

  describe("refuses a client form", () => {
    const transfer = { op: "OffChainTransfer", from: alice, to: bob, amount: 1 }
    const cases: ReadonlyArray<readonly [name: string, json: Json.Json, reason: string, where: string]> = [
      ["that is no object", [transfer], "invalid_field", ""],
      ["without op", { from: alice }, "invalid_field", "op"],
      ["with an unknown op", { ...transfer, op: "OffChainGift" }, "unknown_op", "op"],
      ["with an op every object has", { ...transfer, op: "toString" }, "unknown_op", "op"],
      ["with a negative amount", { ...transfer, amount: -1 }, "invalid_field", "amount"],
      ["with an amount as text", { ...transfer, amount: "1" }, "invalid_field", "amount"],
      [
        "with an amount that is no integer",
        { ...transfer, amount: new Json.JsonNumber("1.0") },
        "invalid_field",
        "amount"
      ],
      ["with a contract as receiver", { ...transfer, to: contract }, "invalid_prefix", "to"],
      ["with a damaged address", { ...transfer, to: `${bob}x` }, "invalid_encoding", "to"]
    ]
    for (const [name, json, reason, where] of cases) {
      it.effect(name, () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(Update.fromJson(json))
          expect(error.reason).toBe(reason)
          expect(error.where.join(".")).toBe(where)
        })
      )
    }
  })
})

function pick(value: object, names: ReadonlyArray<string>): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)))
}
