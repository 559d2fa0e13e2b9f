/** Bytes of FATE as they are read, and the parts that values, types and code have in common. */
import * as Bytes from "../../encoding/Bytes.js"
import * as DecodeError from "../../encoding/DecodeError.js"

/** No integer of a contract comes near this many bytes; beyond it engines refuse to make one. */
const maximumIntegerBytes = 1 << 24

const small: ReadonlyArray<bigint> = Array.from({ length: 128 }, (_, i) => BigInt(i - 64))

const smallest = (value: number): bigint => small[value + 64] ?? BigInt(value)

const unsigned = (bytes: Uint8Array): bigint => {
  if (bytes.length > 6) return Bytes.toBigInt(bytes)
  let value = 0
  for (let i = 0; i < bytes.length; i++) value = value * 256 + (bytes[i] ?? 0)
  return smallest(value)
}

export class Reader {
  readonly bytes: Uint8Array
  offset: number

  constructor(bytes: Uint8Array, offset = 0) {
    // A view of the plain class: subclasses (such as the Buffer of Node) would hand their own kind to the parts.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.offset = offset
  }

  get left(): number {
    return this.bytes.length - this.offset
  }

  fail(reason: string, detail: string): never {
    throw DecodeError.make("fate", reason, `${detail} (byte ${this.offset})`)
  }

  byte(): number {
    return this.bytes[this.offset++] ?? this.ended()
  }

  private ended(): never {
    this.offset--
    return this.fail("truncated", "the input ends too early")
  }

  peek(): number {
    return this.bytes[this.offset] ?? -1
  }

  take(length: number): Uint8Array {
    if (length > this.left) this.fail("truncated", "a part is longer than what is left")
    const start = this.offset
    this.offset = start + length
    return this.bytes.subarray(start, this.offset)
  }

  /** An RLP string; like the machine, it takes sizes that are written longer than need be. */
  rlp(): Uint8Array {
    const first = this.byte()
    if (first < 0x80) return this.bytes.subarray(this.offset - 1, this.offset)
    if (first <= 0xb7) return this.take(first - 0x80)
    if (first > 0xbf) this.fail("unexpected_list", "expected a byte string, found a list")
    return this.take(this.rlpSize(first - 0xb7))
  }

  private rlpSize(width: number): number {
    if (this.peek() === 0) this.fail("leading_zero", "a size starts with a zero byte")
    let size = 0
    for (let i = 0; i < width; i++) size = size * 256 + this.byte()
    return size
  }

  private rlpUintBytes(): Uint8Array {
    const first = this.peek()
    const bytes = this.rlp()
    const length = bytes.length
    const alone = (bytes[0] ?? 0) < 0x80
    const minimal =
      length === 1
        ? first === (alone ? bytes[0] : 0x81)
        : length > 0 && bytes[0] !== 0 && first <= 0xb7 === length <= 55
    if (!minimal) this.fail("not_minimal", "an integer is not written in its shortest form")
    if (length > maximumIntegerBytes) this.fail("integer_too_long", "an integer is too long")
    return bytes
  }

  /** An integer as an RLP string in its only form. */
  rlpUint(): bigint {
    return unsigned(this.rlpUintBytes())
  }

  /** The same where only a small number makes sense. */
  rlpNumber(): number {
    const bytes = this.rlpUintBytes()
    if (bytes.length > 6) this.fail("number_too_large", "a number is larger than anything it could count")
    let value = 0
    for (let i = 0; i < bytes.length; i++) value = value * 256 + (bytes[i] ?? 0)
    return value
  }

  /** The rest of an integer after its first byte. */
  integerAfter(tag: number): bigint {
    if (tag % 2 === 0) {
      if (tag === 0x80) this.fail("minus_zero", "zero has no sign")
      return smallest(tag < 0x80 ? tag / 2 : -(tag - 0x80) / 2)
    }
    if (tag === 0x6f) return this.rlpUint() + 64n
    if (tag === 0xef) return -this.rlpUint() - 64n
    return this.fail("no_integer", "expected an integer")
  }

  integer(): bigint {
    return this.integerAfter(this.byte())
  }

  /** An integer that counts bytes of what follows. */
  length(more: number): number {
    const value = this.integer()
    if (value < 0n) this.fail("negative_length", "a length is negative")
    if (value > BigInt(this.left)) this.fail("truncated", "a part is longer than what is left")
    return Number(value) + more
  }

  /** The rest of a string after its first byte. */
  stringAfter(tag: number): Uint8Array {
    if (tag === 0x5f) return this.take(0)
    if (tag % 4 !== 1) this.fail("no_string", "expected a string")
    return this.take(tag === 1 ? this.length(64) : tag >> 2)
  }
}
