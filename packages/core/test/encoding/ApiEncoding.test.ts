import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { errorOf, reasonOf } from "../support/Reason.js"
import { fixture } from "../support/Shared.js"

const allPrefixes = Object.keys(ApiEncoding.prefixes) as ReadonlyArray<ApiEncoding.Prefix>

const prefixAndPayload = FastCheck.constantFrom(...allPrefixes).chain((prefix) => {
  const { size } = ApiEncoding.prefixes[prefix]
  const payload = FastCheck.uint8Array({ minLength: size ?? 0, maxLength: size ?? 300, size: "max" })
  // Leading zero bytes are the odd case of base58.
  const zeros = FastCheck.tuple(payload, FastCheck.nat({ max: size ?? 40 })).map(([bytes, n]) =>
    bytes.fill(0, 0, n)
  )
  return FastCheck.tuple(FastCheck.constant(prefix), FastCheck.oneof(payload, zeros))
})

const id = (n: number): Uint8Array => Bytes.uintToFixed(n + 1, 32)

describe("ApiEncoding", () => {
  it("has the table of the specification", () => {
    const { prefixes } = fixture("encoding")
    expect([...allPrefixes].sort()).toEqual(Object.keys(prefixes).sort())
    for (const prefix of allPrefixes) {
      const row = ApiEncoding.prefixes[prefix]
      expect([row.encoding, row.size ?? null]).toEqual([
        prefixes[prefix].encoding,
        prefixes[prefix].payloadBytes
      ])
    }
  })

  it("knows the answers", () => {
    const { bad, good } = fixture("encoding")
    for (const { hex, prefix, string } of good) {
      const payload = Bytes.fromHex(hex)
      expect(ApiEncoding.encode(prefix, payload)).toBe(string)
      expect(ApiEncoding.decodeOrThrow(prefix, string)).toEqual(payload)
      expect(ApiEncoding.parseOrThrow(prefix, string)).toBe(string)
      expect(ApiEncoding.is(prefix, string)).toBe(true)
      expect(ApiEncoding.prefixOf(string)).toBe(prefix)
    }
    for (const { strictReason, string, why } of bad) {
      const error = errorOf(() => ApiEncoding.decodeOrThrow(allPrefixes, string))
      expect(error.reason, why).toBe("invalid_encoding")
      expect(error.detail, why).toContain(`(${strictReason})`)
      expect(ApiEncoding.is(allPrefixes, string), why).toBe(false)
    }
    console.log(`encoding.json: ${good.length} good, ${bad.length} bad`)
  })

  it.prop("every payload comes back", [prefixAndPayload], ([[prefix, payload]]) => {
    const text = ApiEncoding.encode(prefix, payload)
    expect(ApiEncoding.decodeOrThrow(prefix, text)).toEqual(payload)
    expect(ApiEncoding.bytesOf(text)).toEqual(payload)
    expect(ApiEncoding.encode(prefix, payload)).toBe(text)
  })

  it.prop(
    "a text with one character changed, added or removed is refused",
    [
      prefixAndPayload,
      FastCheck.nat(),
      FastCheck.constantFrom("", ..."ABCxyz019+/=_- \n\t\u0000é"),
      FastCheck.nat({ max: 1 })
    ],
    ([[prefix, payload], at, character, removed]) => {
      const text = ApiEncoding.encode(prefix, payload)
      const index = at % (text.length + 1)
      const changed = text.slice(0, index) + character + text.slice(index + removed)
      if (changed === text) return
      expect(ApiEncoding.is(allPrefixes, changed)).toBe(false)
      expect(errorOf(() => ApiEncoding.decodeOrThrow(allPrefixes, changed)).reason).toBe("invalid_encoding")
    }
  )

  it("tells a valid text of another type from nonsense", () => {
    const channel = ApiEncoding.encode("ch", id(1))
    expect(reasonOf(() => ApiEncoding.decodeOrThrow("ak", channel))).toBe("invalid_prefix")
    expect(reasonOf(() => ApiEncoding.decodeOrThrow(["ak", "ct"], channel))).toBe("invalid_prefix")
    expect(reasonOf(() => ApiEncoding.parseOrThrow("ak", channel))).toBe("invalid_prefix")
    expect(reasonOf(() => ApiEncoding.decodeOrThrow("ak", channel.slice(0, -1)))).toBe("invalid_encoding")
    expect(ApiEncoding.decodeOrThrow(["ak", "ch"], channel)).toEqual(id(1))
    expect(ApiEncoding.is("ak", channel)).toBe(false)
    expect(ApiEncoding.is(["ak", "ch"], channel)).toBe(true)
    for (const other of [undefined, null, 1, {}, ["ak_"]]) expect(ApiEncoding.is("ak", other)).toBe(false)
  })

  it("base64 has one text per payload: spare bits are zero, padding is complete", () => {
    // One payload byte and the checksum make five bytes: 2 spare bits before one padding character.
    const text = ApiEncoding.encode("ba", Uint8Array.of(7))
    expect(text.endsWith("=")).toBe(true)
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    const last = alphabet.indexOf(text.at(-2) ?? "")
    for (const spare of [1, 2, 3])
      expect(ApiEncoding.is("ba", `${text.slice(0, -2)}${alphabet[last + spare]}=`)).toBe(false)
    for (const other of [text.slice(0, -1), `${text}=`, `${text}====`, text.replace("_", "_ ")])
      expect(ApiEncoding.is("ba", other)).toBe(false)
  })

  it("hostile lengths of base58 are refused quickly", () => {
    for (const prefix of ["ak", "sg", "nm"] as const)
      expect(
        errorOf(() => ApiEncoding.decodeOrThrow(prefix, `${prefix}_${"z".repeat(2_000_000)}`)).detail
      ).toContain("incorrect_size")
    // The longest texts there are: all bits set, and all zero.
    for (const [prefix, size] of [
      ["ak", 32],
      ["sg", 64],
      ["nm", 1024]
    ] as const)
      for (const byte of [0, 255]) {
        const payload = new Uint8Array(size).fill(byte)
        expect(ApiEncoding.decodeOrThrow(prefix, ApiEncoding.encode(prefix, payload))).toEqual(payload)
      }
  })

  it("a payload of the wrong size is a defect", () => {
    expect(() => ApiEncoding.encode("ak", new Uint8Array(31))).toThrow(RangeError)
    expect(() => ApiEncoding.encode("nm", new Uint8Array(1025))).toThrow(RangeError)
  })

  it("errors never hold the text", () => {
    const secret = ApiEncoding.encode("sk", id(77))
    const fsmId = ApiEncoding.encode("ba", id(78))
    const bodies = [secret.slice(3), fsmId.slice(3)]
    const changed = bodies.flatMap((body) => [
      body,
      body.slice(1),
      `${body}0`,
      ` ${body}`,
      body.replace(/.$/, "!")
    ])
    const texts = changed.flatMap((body) =>
      ["sk_", "ba_", "SK_", "", "ak_", "xx_"].map((start) => start + body)
    )
    let refused = 0
    for (const text of texts)
      for (const prefix of ["sk", "ba", "ak"] as const) {
        if (ApiEncoding.is(prefix, text)) continue
        refused++
        const error = errorOf(() => ApiEncoding.decodeOrThrow(prefix, text))
        const shown = [error.message, String(error), JSON.stringify(error), error.stack].join()
        for (const body of bodies)
          for (let i = 0; i + 8 <= body.length; i++) expect(shown.includes(body.slice(i, i + 8))).toBe(false)
        const exit = Schema.decodeUnknownEither(ApiEncoding.schema(prefix))(text)
        expect(exit._tag === "Left" && !exit.left.message.includes(text.slice(3, 11))).toBe(true)
      }
    expect(refused).toBeGreaterThan(100)
  })

  it("the memory of ids is bounded, survives changes of what it gave and never mixes types", () => {
    const count = ApiEncoding.maximumRememberedTexts
    for (let n = 0; n < count; n++) {
      const payload = id(n % 9000)
      const prefix = n % 2 === 0 ? "ak" : "ct"
      const text = ApiEncoding.encode(prefix, payload)
      const first = ApiEncoding.bytesOf(text)
      expect(Bytes.equals(first, payload)).toBe(true)
      payload.fill(9)
      first.fill(8)
      const second = ApiEncoding.decodeOrThrow(prefix, text)
      expect(Bytes.equals(second, id(n % 9000))).toBe(true)
      expect(ApiEncoding.is(prefix === "ak" ? "ct" : "ak", text)).toBe(false)
    }
    const before = ApiEncoding.rememberedTexts()
    expect(before).toBeLessThanOrEqual(count)
    expect(before).toBeGreaterThan(1000)
    // Secrets and texts of any size are not remembered.
    for (let n = 0; n < 100; n++) {
      ApiEncoding.decodeOrThrow("sk", ApiEncoding.encode("sk", id(1_000_000 + n)))
      ApiEncoding.decodeOrThrow("ba", ApiEncoding.encode("ba", id(1_000_000 + n)))
      ApiEncoding.decodeOrThrow("tx", ApiEncoding.encode("tx", id(1_000_000 + n)))
    }
    expect(ApiEncoding.rememberedTexts()).toBe(before)
  })

  it("short byte strings are remembered too, and the same rules hold for them", () => {
    for (let n = 0; n < 24; n++) {
      const payload = Uint8Array.from({ length: n }, (_, i) => i + 1)
      const text = ApiEncoding.encode("cb", payload)
      const first = ApiEncoding.decodeOrThrow("cb", text)
      expect(first).toEqual(payload)
      first.fill(7)
      payload.fill(8)
      expect(ApiEncoding.decodeOrThrow("cb", text)).toEqual(Uint8Array.from({ length: n }, (_, i) => i + 1))
      expect(ApiEncoding.is("ck", text)).toBe(false)
      expect(
        ApiEncoding.encode(
          "ck",
          Uint8Array.from({ length: n }, (_, i) => i + 1)
        )
      ).not.toBe(text)
      const before = ApiEncoding.rememberedTexts()
      ApiEncoding.decodeOrThrow("ba", ApiEncoding.encode("ba", payload))
      expect(ApiEncoding.rememberedTexts()).toBe(before)
    }
  })

  it("a Buffer is a payload like any other", () => {
    const text = ApiEncoding.encode("ak", Buffer.from(id(5)))
    expect(text).toBe(ApiEncoding.encode("ak", id(5)))
    expect(Object.getPrototypeOf(ApiEncoding.bytesOf(text))).toBe(Uint8Array.prototype)
    const fresh = ApiEncoding.encode("ak", Buffer.alloc(32, 200))
    expect(Object.getPrototypeOf(ApiEncoding.bytesOf(fresh))).toBe(Uint8Array.prototype)
  })

  it.effect("schemas check, say what is wrong and generate", () =>
    Effect.gen(function* () {
      for (const prefix of allPrefixes) {
        const schema = ApiEncoding.schema(prefix)
        for (const text of FastCheck.sample(Arbitrary.make(schema), { numRuns: 5, seed: 1 })) {
          expect(ApiEncoding.is(prefix, text)).toBe(true)
          expect(yield* Schema.decode(schema)(text)).toBe(text)
        }
      }
      const error = yield* Effect.flip(Schema.decode(ApiEncoding.schema("ak"))("ch_x"))
      expect(error.message).toContain("ak_")
    })
  )

  it.effect("fails as a value", () =>
    Effect.gen(function* () {
      const text = ApiEncoding.encode("th", id(3))
      expect(yield* ApiEncoding.decode("th", text)).toEqual(id(3))
      expect(yield* ApiEncoding.parse(["th", "kh"], text)).toBe(text)
      expect((yield* Effect.flip(ApiEncoding.decode("tx", text))).reason).toBe("invalid_prefix")
      expect((yield* Effect.flip(ApiEncoding.parse("tx", "tx"))).reason).toBe("invalid_encoding")
    })
  )
})
