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

/**
 * A value whose parts are being read: a small tuple is the room for them and nothing else, for deep values are mostly
 * these.
 */
type Frame = Array<Value> | TupleFrame | ListFrame | MapFrame | VariantFrame

interface TupleFrame {
  readonly kind: "tuple"
  readonly count: number
  readonly parts: Array<Value>
}

interface VariantFrame {
  readonly kind: "variant"
  readonly count: number
  readonly arities: ReadonlyArray<number>
  readonly tag: number
  readonly parts: Array<Value>
}

interface MapFrame {
  readonly kind: "map"
  readonly count: number
  readonly keys: Array<Value>
  readonly values: Array<Value>
}

/** The cells are made front to back; the tail of the last one is filled in with the next. */
interface ListFrame {
  readonly kind: "list"
  readonly count: number
  first: ListValue
  last: Cell | undefined
}

interface Cell {
  readonly _tag: "list"
  readonly length: number
  readonly head: Value
  tail: ListValue
}

/** Room for so many parts is made at once; for more when they come, for their number may be a lie. */
const roomy = 16
const room = (count: number): Array<Value> => (count <= roomy ? new Array<Value>(count) : [])

const counted = (reader: Reader, count: number): number => {
  if (count > reader.left) reader.fail("truncated", "there are more parts than bytes")
  return count
}

const openList = (reader: Reader, count: number): Value | Frame =>
  count === 0 ? nil : { kind: "list", count: counted(reader, count), first: nil, last: undefined }

const tupleSize = (reader: Reader, tag: number): number => {
  if (tag === 0x3f) return 0
  if (tag % 16 !== 0x0b) reader.fail("no_tuple", "expected the tuple of a variant")
  return counted(reader, tag === 0x0b ? reader.rlpNumber() + 16 : tag >> 4)
}

const openTuple = (count: number): Frame =>
  count <= roomy ? room(count) : { kind: "tuple", count, parts: [] }

const openVariant = (reader: Reader): Value | Frame => {
  const arities = Array.from(reader.rlp())
  const tag = reader.byte()
  const arity = arities[tag] ?? reader.fail("unknown_constructor", "a variant has no such constructor")
  const size = tupleSize(reader, reader.byte())
  if (size !== arity) reader.fail("wrong_arity", "a variant has too few or too many values")
  return size === 0
    ? variant(arities, tag, [])
    : { kind: "variant", count: size, arities, tag, parts: room(size) }
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
  return { kind: "map", count, keys: room(size), values: room(size) }
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
  if (Array.isArray(frame)) return tuple(frame)
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

const append = (frame: ListFrame, head: Value, length: number): void => {
  const cell: Cell & ListValue = { _tag: "list", length, head, tail: nil }
  if (frame.last === undefined) frame.first = cell
  else frame.last.tail = cell
  frame.last = cell
}

const isFrame = (opened: Value | Frame): opened is Frame =>
  typeof opened === "object" && (Array.isArray(opened) || "kind" in opened)

const countOf = (frame: Frame): number => (Array.isArray(frame) ? frame.length : frame.count)

/** The values that have begun and not ended, the innermost last. */
class Frames {
  private readonly frames: Array<Frame> = []
  /** Of each the parts that are not complete. */
  private readonly lefts: Array<number> = []
  private missing = 0
  /** How many there were when the key of a map was begun, as long as it lasts: a key contains no map. */
  private keyDepth = 0

  constructor(private readonly reader: Reader) {}

  get inKey(): boolean {
    return this.keyDepth > 0
  }

  push(frame: Frame): void {
    const count = countOf(frame)
    // Every part has a byte at least, and those that have begun are not to come.
    this.missing += count
    if (this.missing - this.frames.length > this.reader.left)
      this.reader.fail("truncated", "there are more parts than bytes")
    this.frames.push(frame)
    this.lefts.push(count)
    if (!Array.isArray(frame) && frame.kind === "map") this.keyDepth = this.frames.length
  }

  /** Puts a part into the innermost, and what is complete by that into the one before; the whole if it is complete. */
  add(part: Value): Value | undefined {
    let value = part
    for (let last = this.frames.length - 1; last >= 0; last--) {
      const frame = this.frames[last] as Frame
      const left = this.lefts[last] as number
      this.put(frame, value, left, last + 1)
      this.missing--
      this.lefts[last] = left - 1
      if (left > 1) return undefined
      this.frames.pop()
      this.lefts.pop()
      value = close(this.reader, frame)
    }
    return value
  }

  private put(frame: Frame, value: Value, left: number, depth: number): void {
    const index = countOf(frame) - left
    if (Array.isArray(frame)) frame[index] = value
    else if (frame.kind === "list") append(frame, value, left)
    else if (frame.kind !== "map") frame.parts[index] = value
    else {
      const isKey = index % 2 === 0
      const parts = isKey ? frame.keys : frame.values
      parts[index >> 1] = value
      this.keyDepth = isKey || left === 1 ? 0 : depth
    }
  }
}

/** Reads one value. Throws `DecodeError`. */
export const readValue = (reader: Reader): Value => {
  let opened = open(reader, false)
  if (!isFrame(opened)) return opened
  const frames = new Frames(reader)
  for (;;) {
    if (isFrame(opened)) frames.push(opened)
    else {
      const value = frames.add(opened)
      if (value !== undefined) return value
    }
    opened = open(reader, frames.inKey)
  }
}
