/**
 * The bytes of FATE values: in call data, results, stores and code. Reading is strict, and neither way recurses.
 *
 * Specification: æternity FATE virtual machine, serialization.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as DecodeError from "../encoding/DecodeError.js"
import { crash } from "./internal/machine.js"
import { Reader } from "./internal/reader.js"
import * as SortedMap from "./internal/sortedMap.js"
import { readType, writeType } from "./internal/typeCodec.js"
import { readValue } from "./internal/valueReader.js"
import { Writer } from "./internal/writer.js"
import type { Type } from "./Type.js"
import { isCons, type ListValue, type MapValue, type Value, type VariantValue } from "./Value.js"

const objectKinds = { address: 0, bytes: 1, contract: 2, oracle: 3, oracle_query: 4, channel: 5 } as const

/** What is still to be written, the next last. */
type Pending = Array<Value>

const pushAll = (pending: Pending, values: ReadonlyArray<Value>): void => {
  for (let i = values.length - 1; i >= 0; i--) pending.push(values[i] as Value)
}

const writeTuple = (writer: Writer, pending: Pending, values: ReadonlyArray<Value>): void => {
  const size = values.length
  if (size === 0) return writer.byte(0x3f)
  if (size < 16) writer.byte(16 * size + 0x0b)
  else {
    writer.byte(0x0b)
    writer.rlpUint(size - 16)
  }
  pushAll(pending, values)
}

const writeList = (writer: Writer, pending: Pending, list: ListValue): void => {
  const size = list.length
  if (size < 16) writer.byte(16 * size + 0x03)
  else {
    writer.byte(0x1f)
    writer.rlpUint(size - 16)
  }
  const start = pending.length
  for (let rest = list; isCons(rest); rest = rest.tail) pending.push(rest.head)
  reverse(pending, start)
}

const reverse = (values: Array<Value>, from: number): void => {
  for (let i = from, j = values.length - 1; i < j; i++, j--) {
    const swapped = values[i] as Value
    values[i] = values[j] as Value
    values[j] = swapped
  }
}

const isScalar = (value: Value): boolean =>
  typeof value === "bigint" || typeof value === "boolean" || "bytes" in value

const checkKey = (key: Value): void => {
  const pending: Array<Value> = [key]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (isScalar(next) || typeof next !== "object") continue
    if (next._tag === "map" || next._tag === "store_map") crash("a key contains a map")
    else if (next._tag === "tuple") pushAll(pending, next.elements)
    else if (next._tag === "variant") pushAll(pending, next.values)
    else if (next._tag === "list")
      for (let rest: ListValue = next; isCons(rest); rest = rest.tail) pending.push(rest.head)
  }
}

const writeMap = (writer: Writer, pending: Pending, { entries }: MapValue): void => {
  writer.byte(0x2f)
  writer.rlpUint(entries.size)
  const start = pending.length
  SortedMap.forEach(entries, (key, value) => {
    if (!isScalar(key)) checkKey(key)
    pending.push(key, value)
  })
  reverse(pending, start)
}

const writeVariant = (writer: Writer, pending: Pending, value: VariantValue): void => {
  writer.byte(0xaf)
  writer.rlp(Uint8Array.from(value.arities))
  writer.byte(value.tag)
  writeTuple(writer, pending, value.values)
}

const writeHead = (writer: Writer, pending: Pending, value: Value): void => {
  if (typeof value === "bigint") return writer.integer(value)
  if (typeof value === "boolean") return writer.byte(value ? 0xff : 0x7f)
  switch (value._tag) {
    case "string":
      return writer.string(value.bytes)
    case "bytes":
      writer.byte(0x9f)
      writer.byte(objectKinds.bytes)
      return writer.string(value.bytes)
    case "bits":
      writer.byte(value.bits < 0n ? 0xcf : 0x4f)
      return writer.rlpBigUint(value.bits < 0n ? -value.bits : value.bits)
    case "tuple":
      return writeTuple(writer, pending, value.elements)
    case "list":
      return writeList(writer, pending, value)
    case "map":
      return writeMap(writer, pending, value)
    case "store_map":
      if (value.cache.size > 0) crash("a map of the store has changes that were not written")
      writer.byte(0xbf)
      return writer.rlpUint(value.id)
    case "variant":
      return writeVariant(writer, pending, value)
    case "typerep":
      return writeType(writer, value.type)
    case "contract_bytearray":
      writer.byte(0x8f)
      writer.smallInteger(value.bytes.length)
      return writer.raw(value.bytes)
    default:
      writer.byte(0x9f)
      writer.byte(objectKinds[value._tag])
      return writer.rlp(value.bytes)
  }
}

/** Writes one value behind what is there. */
const write = (writer: Writer, value: Value): void => {
  const pending: Pending = []
  writeHead(writer, pending, value)
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) writeHead(writer, pending, next)
}

/**
 * The bytes of a value. A map with a map in a key, or a map of the store with unwritten changes, has none: `Crash` is
 * thrown.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (value: Value): Uint8Array => {
  const writer = new Writer()
  write(writer, value)
  return writer.finish()
}

/**
 * Reads one value that fills the input; see `decode`. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const decodeOrThrow = (bytes: Uint8Array): Value => {
  const reader = new Reader(bytes)
  const value = readValue(reader)
  if (reader.left > 0) reader.fail("trailing", "there are bytes after the value")
  return value
}

/**
 * Reads one value that fills the input. Strings, bytes and keys are views of the input: do not change it afterwards.
 * Fails with `DecodeError` on anything that the machine does not read; with reason, among others, `truncated`,
 * `trailing`, `not_minimal`, `minus_zero`, `keys_not_ascending`, `map_in_key`, `unknown_tag`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<Value, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))

/**
 * Reads the value that starts at an offset; `next` is the offset after it. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const readOrThrow = (
  bytes: Uint8Array,
  offset: number
): { readonly value: Value; readonly next: number } => {
  const reader = new Reader(bytes, offset)
  const value = readValue(reader)
  return { value, next: reader.offset }
}

/**
 * The bytes of a type. A type with more than 255 parts has none, which is a defect.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeType = (type: Type): Uint8Array => {
  const writer = new Writer()
  writeType(writer, type)
  return writer.finish()
}

/**
 * Reads the type that starts at an offset; `next` is the offset after it. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const readTypeOrThrow = (
  bytes: Uint8Array,
  offset: number
): { readonly type: Type; readonly next: number } => {
  const reader = new Reader(bytes, offset)
  const type = readType(reader)
  return { type, next: reader.offset }
}

/**
 * Reads one type that fills the input; see `decodeType`. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const decodeTypeOrThrow = (bytes: Uint8Array): Type => {
  const reader = new Reader(bytes)
  const type = readType(reader)
  if (reader.left > 0) reader.fail("trailing", "there are bytes after the type")
  return type
}

/**
 * Reads one type that fills the input. Fails with `DecodeError`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeType = (bytes: Uint8Array): Effect.Effect<Type, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeTypeOrThrow(bytes))
