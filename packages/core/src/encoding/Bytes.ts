/**
 * Byte strings: hexadecimal, UTF-8, comparison and the big-endian integers of the æternity serializations.
 *
 * @since 0.1.0
 */
import * as DecodeError from "./DecodeError.js"
import { bytesToHex } from "@noble/hashes/utils.js"
import { allocate } from "./internal/allocate.js"

// Present in Node, Deno, Bun and browsers; declared here because the library is typed without a platform.
declare const TextEncoder: new () => { readonly encode: (text: string) => Uint8Array }
declare const TextDecoder: new (
  label: string,
  options: { readonly fatal: boolean; readonly ignoreBOM: boolean }
) => { readonly decode: (bytes: Uint8Array) => string }

const encoder = /*#__PURE__*/ new TextEncoder()
const decoder = /*#__PURE__*/ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const hexDigit = (code: number): number => {
  if (code >= 48 && code <= 57) return code - 48
  if (code >= 97 && code <= 102) return code - 87
  if (code >= 65 && code <= 70) return code - 55
  return -1
}

/**
 * Reads hexadecimal digits (either case, no `0x`). Throws `DecodeError` (`odd_length`, `invalid_hex`); the text
 * itself is never part of the error.
 *
 * @since 0.1.0
 * @category hexadecimal
 */
export const fromHex = (text: string): Uint8Array => {
  if (text.length % 2 !== 0)
    throw DecodeError.make("hex", "odd_length", `expected an even number of digits, got ${text.length}`)
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    const high = hexDigit(text.charCodeAt(2 * i))
    const low = hexDigit(text.charCodeAt(2 * i + 1))
    if (high < 0 || low < 0)
      throw DecodeError.make("hex", "invalid_hex", `no hexadecimal digits at offset ${2 * i}`)
    bytes[i] = high * 16 + low
  }
  return bytes
}

/**
 * Writes lower case hexadecimal digits, two per byte.
 *
 * @since 0.1.0
 * @category hexadecimal
 */
export const toHex = (bytes: Uint8Array): string => bytesToHex(bytes)

/**
 * Joins byte strings into a new one.
 *
 * @since 0.1.0
 * @category combinators
 */
export const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  let length = 0
  for (const part of parts) length += part.length
  const bytes = allocate(length)
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}

/**
 * Whether both hold the same bytes. Not constant in time: not for secrets.
 *
 * @since 0.1.0
 * @category comparison
 */
export const equals = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * Lexicographic order of bytes: negative, zero or positive. A prefix comes before what it begins.
 *
 * @since 0.1.0
 * @category comparison
 */
export const compare = (a: Uint8Array, b: Uint8Array): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/**
 * Text with one character for each byte (Latin-1).
 *
 * @since 0.1.0
 * @category conversions
 */
export const toLatin1 = (bytes: Uint8Array): string => {
  let text = ""
  // As many at a time as any engine takes for arguments.
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096))
  return text
}

/**
 * The UTF-8 bytes of a text. A lone surrogate becomes U+FFFD.
 *
 * @since 0.1.0
 * @category text
 */
export const utf8 = (text: string): Uint8Array => encoder.encode(text)

/**
 * Reads UTF-8 strictly; a byte order mark is kept. Throws `DecodeError` (`invalid_utf8`).
 *
 * @internal
 * @since 0.1.0
 * @category text
 */
export const fromUtf8OrThrow = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes)
  } catch {
    throw DecodeError.make("text", "invalid_utf8", "the bytes are not UTF-8")
  }
}

/**
 * The integer that big-endian bytes are, as many as there may be; none are zero.
 *
 * @internal
 * @since 0.1.0
 * @category integers
 */
export const toBigInt = (bytes: Uint8Array): bigint => {
  if (bytes.length === 0) return 0n
  if (bytes.length !== 32) return BigInt(`0x${bytesToHex(bytes)}`)
  // Hashes and topics of events, without a text in between.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let n = 0n
  for (let at = 0; at < 32; at += 8) n = (n << 64n) | view.getBigUint64(at)
  return n
}

const checkUint = (n: bigint | number): void => {
  const valid = typeof n === "bigint" ? n >= 0n : Number.isSafeInteger(n) && n >= 0
  if (!valid) throw new RangeError("expected a non-negative integer (a bigint or a safe integer number)")
}

const writeUint = (n: bigint | number, bytes: Uint8Array): void => {
  if (typeof n === "bigint" && n > 9007199254740991n) {
    let hex = n.toString(16)
    if (hex.length % 2 !== 0) hex = "0" + hex
    let offset = bytes.length - hex.length / 2
    for (let i = 0; i < hex.length; i += 2)
      bytes[offset++] = hexDigit(hex.charCodeAt(i)) * 16 + hexDigit(hex.charCodeAt(i + 1))
    return
  }
  let rest = Number(n)
  for (let i = bytes.length - 1; rest > 0; i--) {
    bytes[i] = rest % 256
    rest = Math.floor(rest / 256)
  }
}

const uintLength = (n: bigint | number): number => {
  if (typeof n === "bigint" && n > 9007199254740991n) return Math.ceil(n.toString(16).length / 2)
  let length = 1
  for (let rest = Math.floor(Number(n) / 256); rest > 0; rest = Math.floor(rest / 256)) length++
  return length
}

/**
 * The fewest big-endian bytes of a non-negative integer; zero is the one byte `0x00`. A negative or unsafe number
 * is a defect.
 *
 * Specification: æternity serializations, "int".
 *
 * @since 0.1.0
 * @category integers
 */
export const uintToBytes = (n: bigint | number): Uint8Array => {
  checkUint(n)
  const bytes = new Uint8Array(uintLength(n))
  writeUint(n, bytes)
  return bytes
}

/**
 * Exactly `width` big-endian bytes of a non-negative integer. One that does not fit is a defect.
 *
 * @since 0.1.0
 * @category integers
 */
export const uintToFixed = (n: bigint | number, width: number): Uint8Array => {
  checkUint(n)
  if (n !== 0 && n !== 0n && uintLength(n) > width) throw new RangeError(`integer wider than ${width} bytes`)
  const bytes = new Uint8Array(width)
  writeUint(n, bytes)
  return bytes
}

/**
 * An integer may have this many bytes; a longer one is refused (`integer_too_long`), for writing it as decimal text
 * takes more than linear time. The text of every integer that is accepted stays within the digits that JSON may have.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximumUintBytes = 6_800

/**
 * Reads what `uintToBytes` writes and nothing else. Throws `DecodeError`: `empty_integer` for no bytes (zero is one
 * byte), `leading_zero` for a byte too many, `integer_too_long`. `where` is the path for the error.
 *
 * Specification: æternity serializations, "int".
 *
 * @internal
 * @since 0.1.0
 * @category integers
 */
export const uintFromBytesOrThrow = (
  bytes: Uint8Array,
  where: ReadonlyArray<string | number> = []
): bigint => {
  const length = bytes.length
  if (length === 0)
    throw DecodeError.make("integer", "empty_integer", "zero must be written as one zero byte", where)
  if (length > 1 && bytes[0] === 0)
    throw DecodeError.make("integer", "leading_zero", "an integer must not start with a zero byte", where)
  if (length <= 6) {
    let n = 0
    for (let i = 0; i < length; i++) n = n * 256 + (bytes[i] ?? 0)
    return BigInt(n)
  }
  if (length > maximumUintBytes) {
    const detail = `an integer of ${length} bytes is longer than ${maximumUintBytes}`
    throw DecodeError.make("integer", "integer_too_long", detail, where)
  }
  return toBigInt(bytes)
}
