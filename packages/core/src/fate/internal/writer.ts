/** Bytes of FATE as they are written, and the parts that values, types and code have in common. */
import * as Bytes from "../../encoding/Bytes.js"

const largestExact = 9007199254740991n

// The memory of the writer that finished last: most write little, and memory of its own would cost more than that.
let spare: Uint8Array | undefined
const largestSpare = 65_536
const none = new Uint8Array()

const memory = (): Uint8Array => {
  const bytes = spare ?? new Uint8Array(1024)
  spare = undefined
  return bytes
}

export class Writer {
  private bytes = memory()
  private length = 0

  private reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.bytes.length))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1)
    this.bytes[this.length++] = value
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  private fixed(value: number, width: number): void {
    this.reserve(width)
    let rest = value
    for (let i = this.length + width - 1; i >= this.length; i--) {
      this.bytes[i] = rest % 256
      rest = Math.floor(rest / 256)
    }
    this.length += width
  }

  private rlpHeader(size: number): void {
    if (size <= 55) return this.byte(0x80 + size)
    const width = widthOf(size)
    this.byte(0xb7 + width)
    this.fixed(size, width)
  }

  /** The RLP string of some bytes. */
  rlp(bytes: Uint8Array): void {
    const only = bytes.length === 1 ? (bytes[0] ?? 0) : 0x80
    if (only >= 0x80) this.rlpHeader(bytes.length)
    this.raw(bytes)
  }

  /** The RLP string of the fewest big-endian bytes of a number. */
  rlpUint(value: number): void {
    if (value < 0x80) return this.byte(value)
    const width = widthOf(value)
    this.byte(0x80 + width)
    this.fixed(value, width)
  }

  rlpBigUint(value: bigint): void {
    if (value <= largestExact) return this.rlpUint(Number(value))
    this.rlp(Bytes.uintToBytes(value))
  }

  /** A FATE integer. */
  integer(value: bigint): void {
    if (value >= -largestExact && value <= largestExact) return this.smallInteger(Number(value))
    this.byte(value < 0n ? 0xef : 0x6f)
    this.rlpBigUint((value < 0n ? -value : value) - 64n)
  }

  /** A FATE integer that a number holds exactly. */
  smallInteger(value: number): void {
    const magnitude = Math.abs(value)
    if (magnitude < 64) return this.byte((value < 0 ? 0x80 : 0) + 2 * magnitude)
    this.byte(value < 0 ? 0xef : 0x6f)
    this.rlpUint(magnitude - 64)
  }

  /** A FATE string. */
  string(bytes: Uint8Array): void {
    const length = bytes.length
    if (length === 0) return this.byte(0x5f)
    if (length < 64) this.byte(4 * length + 1)
    else {
      this.byte(0x01)
      this.smallInteger(length - 64)
    }
    this.raw(bytes)
  }

  /** What was written; the writer is used up. */
  finish(): Uint8Array {
    const written = this.bytes.slice(0, this.length)
    if (this.bytes.length <= largestSpare) spare = this.bytes
    this.bytes = none
    this.length = 0
    return written
  }
}

const widthOf = (value: number): number => {
  let width = 1
  for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256)) width++
  return width
}
