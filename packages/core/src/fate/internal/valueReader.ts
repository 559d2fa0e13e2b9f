/** Reads values with a stack of its own: a stranger may nest them as deep as the bytes allow. */
import { compare } from "../Order.js"
import {
  bits,
  byteArray,
  bytes,
  nil,
  reference,
  string,
  storeMap,
  tuple,
  typeRepresentation,
  unit,
  map,
  variant,
  type ListValue,
  type ReferenceKind,
  type Value
} from "../Value.js"
import { Crash } from "./machine.js"
import type { Reader } from "./reader.js"
import { empty, fromSorted } from "./sortedMap.js"
import { readType } from "./typeCodec.js"

/** A value whose parts are being read. */
type Frame = TupleFrame | ListFrame | MapFrame | VariantFrame

interface Parts {
  /** How many parts there are, and how many of them are still to come. */
  readonly count: number
  left: number
}

interface TupleFrame extends Parts {
  readonly kind: "tuple"
  readonly parts: Array<Value>
}

interface VariantFrame extends Parts {
  readonly kind: "variant"
  readonly arities: ReadonlyArray<number>
  readonly tag: number
  readonly parts: Array<Value>
}

interface MapFrame extends Parts {
  readonly kind: "map"
  readonly keys: Array<Value>
  readonly values: Array<Value>
}

/** The cells are made front to back; the tail of the last one is filled in with the next. */
interface ListFrame extends Parts {
  readonly kind: "list"
  first: ListValue
  last: Cell | undefined
}

interface Cell {
  readonly _tag: "list"
  readonly length: number
  readonly head: Value
  tail: ListValue
}

// Room for so many parts; room for many is only made when they come, for their number may be a lie.
const room = (count: number): Array<Value> => (count <= 16 ? new Array<Value>(count) : [])

const counted = (reader: Reader, count: number): number => {
  if (count > reader.left) reader.fail("truncated", "there are more parts than bytes")
  return count
}

const openList = (reader: Reader, count: number): Value | Frame =>
  count === 0 ? nil : { kind: "list", count, left: counted(reader, count), first: nil, last: undefined }

const tupleSize = (reader: Reader, tag: number): number => {
  if (tag === 0x3f) return 0
  if (tag % 16 !== 0x0b) reader.fail("no_tuple", "expected the tuple of a variant")
  return counted(reader, tag === 0x0b ? reader.rlpNumber() + 16 : tag >> 4)
}

const openTuple = (count: number): Frame => ({ kind: "tuple", count, left: count, parts: room(count) })

const openVariant = (reader: Reader): Value | Frame => {
  const arities = Array.from(reader.rlp())
  const tag = reader.byte()
  const arity = arities[tag] ?? reader.fail("unknown_constructor", "a variant has no such constructor")
  const size = tupleSize(reader, reader.byte())
  if (size !== arity) reader.fail("wrong_arity", "a variant has too few or too many values")
  return size === 0
    ? variant(arities, tag, [])
    : { kind: "variant", count: size, left: size, arities, tag, parts: room(size) }
}

const references: ReadonlyArray<ReferenceKind | undefined> = [
  "address",
  undefined,
  "contract",
  "oracle",
  "oracle_query",
  "channel"
]

const readObject = (reader: Reader): Value => {
  const kind = reader.byte()
  if (kind === 1) return bytes(reader.stringAfter(reader.byte()))
  const name = references[kind] ?? reader.fail("unknown_tag", "there is no such kind of reference")
  return reference(name, reader.rlp())
}

const readInfinite = (reader: Reader): Value => {
  const value = reader.rlpUint()
  if (value === 0n) reader.fail("minus_zero", "an empty set has no sign")
  return bits(-value)
}

const noMap = (reader: Reader): never => reader.fail("map_in_key", "a key of a map contains a map")

const openMap = (reader: Reader, inKey: boolean): Value | Frame => {
  if (inKey) noMap(reader)
  const size = reader.rlpNumber()
  if (size === 0) return map(empty)
  const count = counted(reader, 2 * size)
  return { kind: "map", count, left: count, keys: room(size), values: room(size) }
}

// By the upper half of the tags whose lower half is all ones.
const tagged: ReadonlyArray<((reader: Reader, inKey: boolean, tag: number) => Value | Frame) | undefined> = [
  undefined,
  (reader) => openList(reader, reader.rlpNumber() + 16),
  openMap,
  () => unit,
  (reader) => bits(reader.rlpUint()),
  (reader, _, tag) => string(reader.stringAfter(tag)),
  (reader, _, tag) => reader.integerAfter(tag),
  () => false,
  (reader) => byteArray(reader.take(reader.length(0))),
  readObject,
  openVariant,
  (reader, inKey) => (inKey ? noMap(reader) : storeMap(reader.rlpNumber(), empty)),
  readInfinite,
  undefined,
  (reader, _, tag) => reader.integerAfter(tag),
  () => true
]

const readTypeValue = (reader: Reader): Value => {
  reader.offset--
  return typeRepresentation(readType(reader))
}

const open = (reader: Reader, inKey: boolean): Value | Frame => {
  const tag = reader.byte()
  if (tag % 2 === 0) return reader.integerAfter(tag)
  if (tag % 4 === 1) return string(reader.stringAfter(tag))
  switch (tag % 16) {
    case 0x03:
      return openList(reader, tag >> 4)
    case 0x07:
      return readTypeValue(reader)
    case 0x0b:
      return openTuple(tupleSize(reader, tag))
    default: {
      const read = tagged[tag >> 4] ?? reader.fail("unknown_tag", "no value starts with this byte")
      return read(reader, inKey, tag)
    }
  }
}

// Types have no order, so that keys with types in them can not be known to be sorted.
const ascending = (a: Value, b: Value): boolean => {
  try {
    return compare(a, b) < 0
  } catch (error) {
    if (error instanceof Crash) return false
    throw error
  }
}

const closeMap = (reader: Reader, { keys, values }: MapFrame): Value => {
  for (let i = 1; i < keys.length; i++)
    if (!ascending(keys[i - 1] as Value, keys[i] as Value))
      reader.fail("keys_not_ascending", "the keys of a map are not in ascending order")
  return map(fromSorted(keys, values))
}

const close = (reader: Reader, frame: Frame): Value => {
  switch (frame.kind) {
    case "tuple":
      return tuple(frame.parts)
    case "list":
      return frame.first
    case "map":
      return closeMap(reader, frame)
    case "variant":
      return variant(frame.arities, frame.tag, frame.parts)
  }
}

const append = (frame: ListFrame, head: Value): void => {
  const cell: Cell & ListValue = { _tag: "list", length: frame.left, head, tail: nil }
  if (frame.last === undefined) frame.first = cell
  else frame.last.tail = cell
  frame.last = cell
}

// Puts a part into what it belongs to.
const add = (frame: Frame, part: Value): void => {
  const index = frame.count - frame.left
  if (frame.kind === "list") append(frame, part)
  else if (frame.kind !== "map") frame.parts[index] = part
  else if (index % 2 === 0) frame.keys[index / 2] = part
  else frame.values[(index - 1) / 2] = part
  frame.left--
}

const isFrame = (opened: Value | Frame): opened is Frame => typeof opened === "object" && "kind" in opened

/** Reads one value. Throws `DecodeError`. */
export const readValue = (reader: Reader): Value => {
  const frames: Array<Frame> = []
  // How many frames there were when the key of a map was begun, as long as it lasts: a key contains no map.
  let keyDepth = 0
  for (;;) {
    const opened = open(reader, keyDepth > 0)
    if (isFrame(opened)) {
      frames.push(opened)
      if (opened.kind === "map") keyDepth = frames.length
      continue
    }
    let value = opened
    for (;;) {
      const frame = frames.at(-1)
      if (frame === undefined) return value
      add(frame, value)
      if (frame.kind === "map") keyDepth = frame.left % 2 === 0 && frame.left > 0 ? frames.length : 0
      if (frame.left > 0) break
      frames.pop()
      value = close(reader, frame)
    }
  }
}
