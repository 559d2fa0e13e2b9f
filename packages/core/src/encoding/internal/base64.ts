/**
 * Base64 with padding (RFC 4648, section 4), read strictly: every byte string has exactly one text.
 *
 * @since 0.1.0
 */
import { allocate } from "./allocate.js"

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
const padding = 61

const codes = Uint8Array.from(alphabet, (character) => character.charCodeAt(0))

// Above every digit, so that one comparison finds it in what several digits have in common.
const noDigit = 64
const digits = new Uint8Array(128).fill(noDigit)
for (const [digit, code] of codes.entries()) digits[code] = digit

// As many characters as may well be the arguments of one call.
const chunk = 4096
const buffer = new Uint8Array(chunk)

/** One character for each byte. */
export const latin1 = (bytes: Uint8Array): string => Reflect.apply(String.fromCharCode, undefined, bytes)

export const encode = (bytes: Uint8Array): string => {
  const { length } = bytes
  let text = ""
  let out = 0
  for (let i = 0; i < length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    buffer[out++] = codes[group >> 18] ?? 0
    buffer[out++] = codes[(group >> 12) & 63] ?? 0
    buffer[out++] = i + 1 < length ? (codes[(group >> 6) & 63] ?? 0) : padding
    buffer[out++] = i + 2 < length ? (codes[group & 63] ?? 0) : padding
    if (out === chunk) {
      text += latin1(buffer)
      out = 0
    }
  }
  return text + latin1(buffer.subarray(0, out))
}

const digitAt = (text: string, at: number): number => digits[text.charCodeAt(at)] ?? noDigit

/** The bytes of a text, `undefined` if `encode` writes no such text. */
export const decode = (text: string): Uint8Array | undefined => {
  const { length } = text
  if (length === 0) return new Uint8Array(0)
  const padded = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0
  if (length % 4 !== 0) return undefined
  const bytes = allocate((length / 4) * 3 - padded)
  // The last group is the one that may be padded.
  const last = length - 4
  let out = 0
  let all = 0
  for (let i = 0; i < last; i += 4) {
    const a = digitAt(text, i)
    const b = digitAt(text, i + 1)
    const c = digitAt(text, i + 2)
    const d = digitAt(text, i + 3)
    all |= a | b | c | d
    bytes[out++] = (a << 2) | (b >> 4)
    bytes[out++] = (b << 4) | (c >> 2)
    bytes[out++] = (c << 6) | d
  }
  const a = digitAt(text, last)
  const b = digitAt(text, last + 1)
  const c = padded > 1 ? 0 : digitAt(text, last + 2)
  const d = padded > 0 ? 0 : digitAt(text, last + 3)
  all |= a | b | c | d
  bytes[out++] = (a << 2) | (b >> 4)
  if (padded < 2) bytes[out++] = (b << 4) | (c >> 2)
  if (padded < 1) bytes[out++] = (c << 6) | d
  const spare = padded === 2 ? b & 15 : padded === 1 ? c & 3 : 0
  return all < noDigit && spare === 0 ? bytes : undefined
}
