import * as Bytes from "../../../encoding/Bytes.js"
import { bytes, type BytesValue, none, some, string, tuple } from "../../Value.js"
import { crash, type Machine, type Operations } from "../machine.js"
import { bad, binary, byteCells, charge, unary } from "./common.js"
import { isBytes, isReference } from "./operands.js"
import { tupleCells } from "./tuples.js"
import { afford, linear, work, words } from "./work.js"

const integerOf = (m: Machine, value: Uint8Array): bigint => {
  work(m, 60 * value.length)
  return Bytes.toBigInt(value)
}

/** Both parts of bytes; `undefined` if they are shorter than `at`. */
const split = (value: Uint8Array, at: bigint): readonly [BytesValue, BytesValue] | undefined => {
  const index = Number(at)
  return index < 0 || index > value.length
    ? undefined
    : [bytes(value.subarray(0, index)), bytes(value.subarray(index))]
}

// The size of a binary of the reference, in bits, is an integer of one of its words.
const mostBits = 1n << 59n

/** The last `size` bytes of an integer in two's complement. */
const toBytes = (m: Machine, value: bigint, size: bigint): Uint8Array => {
  if (size < 0n || 8n * size >= mostBits) return crash("a size that no bytes have")
  const length = Number(size)
  afford(m, byteCells(length))
  linear(m, value, 0n)
  work(m, 60 * length)
  if (length === 0) return new Uint8Array(0)
  const hex = BigInt.asUintN(8 * length, value).toString(16)
  return Bytes.fromHex(hex.padStart(2 * length, "0"))
}

/** Operations on bytes. */
export const bytesOperations: Operations = {
  BYTES_TO_INT: unary((value, m) =>
    isBytes(value) ? integerOf(m, value.bytes) : bad("bytes_to_int", value)
  ),
  BYTES_TO_STR: (m, o) => {
    const value = m.read(o[1])
    if (!isBytes(value)) return bad("bytes_to_str", value)
    const length = 2 * value.bytes.length
    afford(m, byteCells(length))
    work(m, 60 * length)
    charge(m, o[0], byteCells(length) + 1, string(Bytes.utf8(Bytes.toHex(value.bytes).toUpperCase())))
  },
  BYTES_CONCAT: (m, o) => {
    const a = m.read(o[1])
    const b = m.read(o[2])
    if (!isBytes(a) || !isBytes(b)) return bad("bytes_concat", a, b)
    const length = a.bytes.length + b.bytes.length
    afford(m, byteCells(length))
    work(m, length)
    charge(m, o[0], byteCells(length), bytes(Bytes.concat(a.bytes, b.bytes)))
  },
  BYTES_SPLIT: (m, o) => {
    const value = m.read(o[1])
    const at = m.read(o[2])
    const parts = isBytes(value) && typeof at === "bigint" ? split(value.bytes, at) : undefined
    m.write(o[0], parts === undefined ? bad("bytes_split", value, at) : tuple(parts))
    m.cells(tupleCells(2))
  },
  BYTES_SPLIT_ANY: (m, o) => {
    const value = m.read(o[1])
    const at = m.read(o[2])
    if (!isBytes(value) || typeof at !== "bigint") return bad("bytes_split_any", value, at)
    const parts = split(value.bytes, at > 0n ? at : BigInt(value.bytes.length) + at)
    if (parts === undefined) return m.write(o[0], none)
    m.cells(byteCells(parts[0].bytes.length) + byteCells(parts[1].bytes.length))
    charge(m, o[0], tupleCells(2), some(tuple(parts)))
  },
  BYTES_SIZE: (m, o) => {
    const value = m.read(o[1])
    const size = isBytes(value) ? BigInt(value.bytes.length) : bad("bytes_size", value)
    charge(m, o[0], words(size), size)
  },
  BYTES_TO_FIXED_SIZE: binary((value, size) =>
    isBytes(value) && typeof size === "bigint"
      ? BigInt(value.bytes.length) === size
        ? some(value)
        : none
      : bad("bytes_to_fixed_size", value, size)
  ),
  INT_TO_BYTES: (m, o) => {
    const value = m.read(o[1])
    const size = m.read(o[2])
    if (typeof value !== "bigint" || typeof size !== "bigint") return bad("int_to_bytes", value, size)
    const result = toBytes(m, value, size)
    charge(m, o[0], byteCells(result.length) + 1, bytes(result))
  },
  ADDRESS_TO_BYTES: (m, o) => {
    const value = m.read(o[1])
    if (!isReference(value, "address")) return bad("addr_to_bytes", value)
    charge(m, o[0], byteCells(value.bytes.length) + 1, bytes(value.bytes))
  }
}
