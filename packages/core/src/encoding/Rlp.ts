/**
 * Recursive length prefix encoding, read strictly: every value has exactly one encoding.
 *
 * Specification: æternity serializations, "RLP encoding"; Ethereum yellow paper, appendix B.
 *
 * @since 0.1.0
 */
import * as DecodeError from "./DecodeError.js"
import type * as Effect from "effect/Effect"
import { allocate } from "./internal/allocate.js"

/**
 * A byte string or a list of further items.
 *
 * @since 0.1.0
 * @category models
 */
export type Rlp = Uint8Array | ReadonlyArray<Rlp>

/**
 * Lists may be nested this deep; deeper input is refused (`too_deep`) before it exhausts the stack. No object of the
 * protocol needs more than a handful of levels.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximumDepth = 512

const isBytes = (item: Rlp): item is Uint8Array => item instanceof Uint8Array

const sizeOfSize = (size: number): number =>
  size < 0x100 ? 1 : size < 0x10000 ? 2 : size < 0x1000000 ? 3 : size < 0x100000000 ? 4 : 5

const headerSize = (size: number): number => (size <= 55 ? 1 : 1 + sizeOfSize(size))

// The body size of every list, in the order in which `write` meets the lists: measured once, not once per level.
const measure = (item: Rlp, sizes: Array<number>): number => {
  if (isBytes(item)) {
    const length = item.length
    return length === 1 && (item[0] ?? 0) < 0x80 ? 1 : headerSize(length) + length
  }
  const index = sizes.length
  sizes.push(0)
  let body = 0
  for (const child of item) body += measure(child, sizes)
  sizes[index] = body
  return headerSize(body) + body
}

interface Output {
  readonly bytes: Uint8Array
  readonly sizes: ReadonlyArray<number>
  offset: number
  list: number
}

const writeHeader = (out: Output, base: number, size: number): void => {
  if (size <= 55) {
    out.bytes[out.offset++] = base + size
    return
  }
  const width = sizeOfSize(size)
  out.bytes[out.offset++] = base + 55 + width
  let rest = size
  for (let i = width - 1; i >= 0; i--) {
    out.bytes[out.offset + i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  out.offset += width
}

const write = (out: Output, item: Rlp): void => {
  if (isBytes(item)) {
    const length = item.length
    const first = item[0] ?? 0
    if (length === 1 && first < 0x80) {
      out.bytes[out.offset++] = first
      return
    }
    writeHeader(out, 0x80, length)
    out.bytes.set(item, out.offset)
    out.offset += length
    return
  }
  writeHeader(out, 0xc0, out.sizes[out.list++] ?? 0)
  for (const child of item) write(out, child)
}

/**
 * The encoding of an item.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (item: Rlp): Uint8Array => {
  const sizes: Array<number> = []
  const out: Output = { bytes: allocate(measure(item, sizes)), sizes, offset: 0, list: 0 }
  write(out, item)
  return out.bytes
}

/**
 * The encoding of a list whose items are encoded already.
 *
 * @internal
 * @since 0.1.0
 * @category encoding
 */
export const encodeList = (items: ReadonlyArray<Uint8Array>): Uint8Array => {
  let size = 0
  for (const item of items) size += item.length
  const out: Output = { bytes: allocate(headerSize(size) + size), sizes: [], offset: 0, list: 0 }
  writeHeader(out, 0xc0, size)
  for (const item of items) {
    out.bytes.set(item, out.offset)
    out.offset += item.length
  }
  return out.bytes
}

interface Input {
  readonly bytes: Uint8Array
  offset: number
}

const fail = (reason: string, offset: number, detail: string): never => {
  throw DecodeError.make("rlp", reason, `${detail} (byte ${offset})`)
}

const readLongSize = (input: Input, width: number, end: number): number => {
  const start = input.offset
  if (start + width > end) fail("truncated", start, "the input ends inside a size")
  if (input.bytes[start] === 0) fail("leading_zeroes_in_size", start, "a size starts with a zero byte")
  if (width > 6) fail("truncated", start, "a size is larger than the input")
  let size = 0
  for (let i = 0; i < width; i++) size = size * 256 + (input.bytes[start + i] ?? 0)
  if (size <= 55) fail("noncanonical_size", start, "a short item is written in the long form")
  input.offset = start + width
  return size
}

const checkFits = (input: Input, size: number, end: number): number => {
  const last = input.offset + size
  if (last > end) fail("truncated", input.offset, "an item is longer than what is left")
  return last
}

const readBytes = (input: Input, size: number, end: number): Uint8Array => {
  const last = checkFits(input, size, end)
  const item = input.bytes.subarray(input.offset, last)
  input.offset = last
  return item
}

const readList = (input: Input, size: number, end: number, depth: number): ReadonlyArray<Rlp> => {
  if (depth >= maximumDepth) fail("too_deep", input.offset, `lists are nested deeper than ${maximumDepth}`)
  const last = checkFits(input, size, end)
  const items: Array<Rlp> = []
  while (input.offset < last) items.push(readItem(input, last, depth + 1))
  return items
}

const readItem = (input: Input, end: number, depth: number): Rlp => {
  const start = input.offset
  const first = input.bytes[input.offset++] ?? 0
  if (first < 0x80) return input.bytes.subarray(start, start + 1)
  if (first <= 0xb7) {
    const item = readBytes(input, first - 0x80, end)
    if (item.length === 1 && (item[0] ?? 0) < 0x80)
      fail("noncanonical_single_byte", start, "a byte below 0x80 must stand for itself")
    return item
  }
  if (first <= 0xbf) return readBytes(input, readLongSize(input, first - 0xb7, end), end)
  if (first <= 0xf7) return readList(input, first - 0xc0, end, depth)
  return readList(input, readLongSize(input, first - 0xf7, end), end, depth)
}

/**
 * Reads exactly one item that fills the input. The byte strings of the result are views of the input: do not change
 * it afterwards. Throws `DecodeError` with reason `empty`, `truncated`, `trailing`, `leading_zeroes_in_size`,
 * `noncanonical_size`, `noncanonical_single_byte` or `too_deep`.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const decodeOrThrow = (bytes: Uint8Array): Rlp => {
  if (bytes.length === 0) fail("empty", 0, "there is no item")
  // A view of the plain class: subclasses (such as the Buffer of Node) would hand their own kind to the items.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const input: Input = { bytes: plain, offset: 0 }
  const item = readItem(input, plain.length, 0)
  if (input.offset !== plain.length) fail("trailing", input.offset, "there are bytes after the item")
  return item
}

/**
 * Reads exactly one item that fills the input. The byte strings of the result are views of the input. Fails with
 * `DecodeError` on anything that `encode` does not write.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<Rlp, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))
