import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import { errorOf, reasonOf } from "../support/Reason.js"
import { fixture } from "../support/Shared.js"

const leaf: FastCheck.Arbitrary<Rlp.Rlp> = FastCheck.oneof(
  FastCheck.uint8Array({ maxLength: 3 }),
  FastCheck.uint8Array({ minLength: 50, maxLength: 60 }),
  FastCheck.uint8Array({ minLength: 250, maxLength: 260 })
)
const item: FastCheck.Arbitrary<Rlp.Rlp> = FastCheck.letrec<{ item: Rlp.Rlp }>((tie) => ({
  item: FastCheck.oneof({ depthSize: "medium" }, leaf, FastCheck.array(tie("item"), { maxLength: 8 }))
})).item

type Hex = string | ReadonlyArray<Hex>
const fromHex = (value: Hex): Rlp.Rlp =>
  typeof value === "string" ? Bytes.fromHex(value) : value.map(fromHex)

// The definition, slowly.
const naive = (value: Rlp.Rlp): ReadonlyArray<number> => {
  const body = value instanceof Uint8Array ? [...value] : value.flatMap((one) => [...naive(one)])
  const base = value instanceof Uint8Array ? 0x80 : 0xc0
  if (value instanceof Uint8Array && body.length === 1 && (body[0] ?? 0) < 0x80) return body
  if (body.length <= 55) return [base + body.length, ...body]
  const size = [...Bytes.uintToBytes(body.length)]
  return [base + 55 + size.length, ...size, ...body]
}

const nested = (depth: number): Uint8Array => {
  let value: Rlp.Rlp = new Uint8Array()
  for (let i = 0; i < depth; i++) value = [value]
  return Uint8Array.from(naive(value))
}

describe("Rlp", () => {
  it("knows the answers", () => {
    const { encode, ints, reject } = fixture("rlp")
    for (const { rlp, value } of encode) {
      expect(Bytes.toHex(Rlp.encode(fromHex(value)))).toBe(rlp)
      expect(Rlp.decodeOrThrow(Bytes.fromHex(rlp))).toEqual(fromHex(value))
    }
    for (const { int, rlp } of ints) expect(Bytes.toHex(Rlp.encode(Bytes.uintToBytes(BigInt(int))))).toBe(rlp)
    for (const { rlp, strict } of reject)
      expect(`reject: ${reasonOf(() => Rlp.decodeOrThrow(Bytes.fromHex(rlp)))}`).toBe(strict)
    console.log(`rlp.json: ${encode.length} items, ${ints.length} integers, ${reject.length} refused`)
  })

  it.prop("every item comes back, and is written as defined", [item], ([value]) => {
    const written = Rlp.encode(value)
    expect([...written]).toEqual(naive(value))
    expect(Rlp.decodeOrThrow(written)).toEqual(value)
  })

  it.prop(
    "what is read is exactly what would be written",
    [FastCheck.uint8Array({ maxLength: 12 })],
    ([bytes]) => {
      try {
        expect(Rlp.encode(Rlp.decodeOrThrow(bytes))).toEqual(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }
  )

  it.prop(
    "a changed byte gives another item or an error",
    [item, FastCheck.nat(), FastCheck.integer({ min: 1, max: 255 })],
    ([value, at, change]) => {
      const bytes = Rlp.encode(value)
      const index = at % bytes.length
      bytes[index] = (bytes[index] ?? 0) ^ change
      try {
        const read = Rlp.decodeOrThrow(bytes)
        expect(Rlp.encode(read)).toEqual(bytes)
        expect(read).not.toEqual(value)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }
  )

  it("bounds the depth", () => {
    const deepest = nested(Rlp.maximumDepth)
    expect(Rlp.encode(Rlp.decodeOrThrow(deepest))).toEqual(deepest)
    expect(reasonOf(() => Rlp.decodeOrThrow(nested(Rlp.maximumDepth + 1)))).toBe("too_deep")
    // A hundred thousand levels, outermost first: the size of each list is what is left.
    const hostile = new Uint8Array(400_000)
    for (let at = 0; at < hostile.length; at += 4)
      hostile.set([0xfa, ...Bytes.uintToFixed(hostile.length - at - 4, 3)], at)
    expect(reasonOf(() => Rlp.decodeOrThrow(hostile))).toBe("too_deep")
  })

  it("refuses sizes beyond all memory", () => {
    for (const hex of ["bfffffffffffffffff", "ffffffffffffffffff", "bdffffffffffff", "bb7fffffff00"])
      expect(reasonOf(() => Rlp.decodeOrThrow(Bytes.fromHex(hex)))).toBe("truncated")
  })

  it("gives plain byte arrays for a Buffer too, at its own offset", () => {
    const read = Rlp.decodeOrThrow(Buffer.from("00c3820102ff", "hex").subarray(1, 5))
    expect(read).toEqual([Uint8Array.of(1, 2)])
    expect(Object.getPrototypeOf((read as ReadonlyArray<Uint8Array>)[0])).toBe(Uint8Array.prototype)
  })

  it.effect("fails as a value", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Rlp.decode(Uint8Array.of(0x83, 1)))
      expect(error.reason).toBe("truncated")
      expect(error.message).toContain("rlp")
      expect(yield* Rlp.decode(Uint8Array.of(0xc0))).toEqual([])
      expect(errorOf(() => Rlp.decodeOrThrow(new Uint8Array())).reason).toBe("empty")
    })
  )
})
