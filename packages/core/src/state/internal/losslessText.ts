/**
 * Bytes as text and back without loss, for data that is bytes on one side and a JSON string on the other.
 *
 * UTF-8 is read and written as usual. A byte that is no part of well-formed UTF-8 becomes the lone surrogate
 * U+DC00 + byte (U+DC80..U+DCFF), which no well-formed UTF-8 contains, and is written back as that byte. So every byte
 * array survives `toText` and `fromText`, and JSON keeps such a text too (`"\udc80"`). A lone surrogate that stands for
 * no byte is written as U+FFFD, as UTF-8 encoders do.
 *
 * @since 0.1.0
 */
import * as Bytes from "../../encoding/Bytes.js"
import { DecodeError } from "../../encoding/DecodeError.js"

const isContinuation = (byte: number | undefined): byte is number =>
  byte !== undefined && (byte & 0xc0) === 0x80

/** Length of the well-formed UTF-8 sequence at an offset, 0 if there is none (Unicode, table 3-7). */
const sequenceLength = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at] as number
  const second = bytes[at + 1]
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4 || !isContinuation(second)) return 0
  if (first < 0xe0) return 2
  if (!isContinuation(bytes[at + 2])) return 0
  if (first < 0xf0) {
    if (first === 0xe0 && second < 0xa0) return 0
    return first === 0xed && second > 0x9f ? 0 : 3
  }
  if (!isContinuation(bytes[at + 3])) return 0
  if (first === 0xf0 && second < 0x90) return 0
  return first === 0xf4 && second > 0x8f ? 0 : 4
}

/**
 * The text of any bytes.
 *
 * @since 0.1.0
 * @category internal
 */
export const toText = (bytes: Uint8Array): string => {
  try {
    return Bytes.fromUtf8OrThrow(bytes)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
  }
  const parts: Array<string> = []
  let at = 0
  while (at < bytes.length) {
    const start = at
    for (let length = 1; length > 0 && at < bytes.length; at += length) length = sequenceLength(bytes, at)
    if (at > start) parts.push(Bytes.fromUtf8OrThrow(bytes.subarray(start, at)))
    if (at < bytes.length) parts.push(String.fromCharCode(0xdc00 + (bytes[at++] as number)))
  }
  return parts.join("")
}

const escapedByte = /[\ud800-\udbff][\udc00-\udfff]|[\udc80-\udcff]/g

/**
 * The bytes of a text.
 *
 * @since 0.1.0
 * @category internal
 */
export const fromText = (text: string): Uint8Array => {
  const parts: Array<Uint8Array> = []
  let start = 0
  for (const match of text.matchAll(escapedByte)) {
    // A pair of surrogates is an ordinary character; it is matched so that its second half is not taken for a byte.
    if (match[0].length !== 1) continue
    parts.push(Bytes.utf8(text.slice(start, match.index)), Uint8Array.of(match[0].charCodeAt(0) - 0xdc00))
    start = match.index + 1
  }
  return start === 0 ? Bytes.utf8(text) : Bytes.concat(...parts, Bytes.utf8(text.slice(start)))
}
