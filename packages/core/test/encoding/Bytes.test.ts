import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import { fixture } from "../support/Shared.js"
import { reasonOf } from "../support/Reason.js"

const bytes = FastCheck.uint8Array({ maxLength: 80 })
const uint = FastCheck.oneof(
  FastCheck.bigInt({ min: 0n, max: 1n << 300n }),
  FastCheck.nat({ max: 300 }).map((bits) => 1n << BigInt(bits)),
  FastCheck.nat({ max: 300 }).map((bits) => (1n << BigInt(bits)) - 1n)
)

// The obvious way, slowly.
const naive = (n: bigint): ReadonlyArray<number> =>
  n < 256n ? [Number(n)] : [...naive(n >> 8n), Number(n & 255n)]

describe("Bytes", () => {
  it.prop("hexadecimal text comes back", [bytes], ([b]) => {
    const hex = Bytes.toHex(b)
    expect(hex).toBe(Buffer.from(b).toString("hex"))
    expect(Bytes.fromHex(hex)).toEqual(b)
    expect(Bytes.fromHex(hex.toUpperCase())).toEqual(b)
  })

  it("refuses what is not hexadecimal", () => {
    expect(reasonOf(() => Bytes.fromHex("abc"))).toBe("odd_length")
    for (const text of ["0x", "zz", " 1", "1 ", "+1", "0g", "é0", "٠0"])
      expect(reasonOf(() => Bytes.fromHex(text))).toBe("invalid_hex")
  })

  it.prop("integers are written in the fewest bytes", [uint], ([n]) => {
    const written = Bytes.uintToBytes(n)
    expect([...written]).toEqual(naive(n))
    expect(Bytes.uintFromBytesOrThrow(written)).toBe(n)
    if (n <= BigInt(Number.MAX_SAFE_INTEGER)) expect(Bytes.uintToBytes(Number(n))).toEqual(written)
    const fixed = Bytes.uintToFixed(n, 40)
    expect([...fixed]).toEqual([...new Uint8Array(40 - written.length), ...written])
    const refused = new Uint8Array(written.length + 1)
    refused.set(written, 1)
    expect(reasonOf(() => Bytes.uintFromBytesOrThrow(refused))).toBe("leading_zero")
  })

  it.prop("reads any number of bytes as an integer", [FastCheck.uint8Array({ maxLength: 40 })], ([given]) => {
    for (const bytes of [given, Bytes.concat(given, new Uint8Array(40)).subarray(3, 35)]) {
      let n = 0n
      for (const byte of bytes) n = n * 256n + BigInt(byte)
      expect(Bytes.toBigInt(bytes)).toBe(n)
    }
  })

  it("reads the known integers", () => {
    const { intDecode, ints } = fixture("rlp")
    for (const { bytes: hex, int } of ints) expect(Bytes.toHex(Bytes.uintToBytes(BigInt(int)))).toBe(hex)
    for (const { bytes: hex, value } of intDecode) {
      const read = () => Bytes.uintFromBytesOrThrow(Bytes.fromHex(hex), ["nonce"])
      // A lenient reader takes no bytes for zero, but never hashes them: here there is one way to write zero.
      if (value === "reject" || hex === "") expect(read).toThrow(DecodeError)
      else expect(read()).toBe(BigInt(value))
    }
    expect(reasonOf(() => Bytes.uintFromBytesOrThrow(new Uint8Array()))).toBe("empty_integer")
    console.log(`rlp.json: ${ints.length} integers, ${intDecode.length} integer encodings`)
  })

  it("zero has a byte of its own but needs no width", () => {
    expect(Bytes.uintToBytes(0)).toEqual(Uint8Array.of(0))
    expect(Bytes.uintToBytes(0n)).toEqual(Uint8Array.of(0))
    expect(Bytes.uintToFixed(0, 0)).toEqual(new Uint8Array())
  })

  it("refuses integers that are negative, unsafe or too wide", () => {
    for (const n of [-1, -1n, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => Bytes.uintToBytes(n)).toThrow(RangeError)
    expect(() => Bytes.uintToFixed(256, 1)).toThrow(RangeError)
    expect(() => Bytes.uintToFixed(1n << 256n, 32)).toThrow(RangeError)
  })

  it.prop("order and equality agree with Buffer", [bytes, bytes], ([a, b]) => {
    expect(Math.sign(Bytes.compare(a, b))).toBe(Buffer.compare(a, b))
    expect(Bytes.equals(a, b)).toBe(Buffer.from(a).equals(b))
    expect(Bytes.equals(a, a.slice())).toBe(true)
    expect(Bytes.compare(a, a.slice())).toBe(0)
    expect(Bytes.concat(a, b, a)).toEqual(Uint8Array.from([...a, ...b, ...a]))
  })

  it.prop("text comes back", [FastCheck.fullUnicodeString()], ([text]) => {
    expect(Bytes.fromUtf8OrThrow(Bytes.utf8(text))).toBe(text)
  })

  it("reads UTF-8 strictly and keeps a byte order mark", () => {
    for (const hex of ["ff", "c3", "eda080", "c080", "f8888080"])
      expect(reasonOf(() => Bytes.fromUtf8OrThrow(Bytes.fromHex(hex)))).toBe("invalid_utf8")
    expect(Bytes.fromUtf8OrThrow(Bytes.fromHex("efbbbf61"))).toBe("\ufeffa")
  })
})
