/** The encoding of types. Neither way recurses: a stranger may nest them as deep as the bytes allow. */
import type { SimpleType, TupleType, Type } from "../Type.js"
import type { Reader } from "./reader.js"
import type { Writer } from "./writer.js"

const list = 0x27
const tuple = 0x37
const object = 0x47
const map = 0x67
const variant = 0x87
const bytes = 0x97
const tvar = 0xe7

type Plain = Exclude<SimpleType, keyof typeof objects>

const objects = { address: 0, contract: 2, oracle: 3, oracle_query: 4, channel: 5 } as const

const plain: { readonly [name in Plain]: number } = {
  integer: 0x07,
  boolean: 0x17,
  bits: 0x57,
  string: 0x77,
  contract_bytearray: 0xa7,
  any: 0xf7
}

const byTag = new Map<number, Type>(
  Object.entries(plain).map(([name, tag]) => [tag, { _tag: name as SimpleType }])
)
const objectByKind = new Map<number, Type>(
  Object.entries(objects).map(([name, kind]) => [kind, { _tag: name as SimpleType }])
)

const writeParts = (writer: Writer, pending: Array<Type>, tag: number, parts: ReadonlyArray<Type>): void => {
  if (parts.length > 255) throw new RangeError("a type has at most 255 parts")
  writer.byte(tag)
  writer.byte(parts.length)
  for (let i = parts.length - 1; i >= 0; i--) pending.push(parts[i] as Type)
}

export const writeType = (writer: Writer, type: Type): void => {
  const pending: Array<Type> = [type]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    switch (next._tag) {
      case "list":
        writer.byte(list)
        pending.push(next.element)
        break
      case "tuple":
        writeParts(writer, pending, tuple, next.elements)
        break
      case "variant":
        writeParts(writer, pending, variant, next.constructors)
        break
      case "map":
        writer.byte(map)
        pending.push(next.value, next.key)
        break
      case "bytes":
        writer.byte(bytes)
        writer.integer(next.size === "any" ? -1n : next.size)
        break
      case "tvar":
        writer.byte(tvar)
        writer.byte(next.index)
        break
      case "address":
      case "contract":
      case "oracle":
      case "oracle_query":
      case "channel":
        writer.byte(object)
        writer.byte(objects[next._tag])
        break
      default:
        writer.byte(plain[next._tag])
    }
  }
}

/** A type whose parts are being read. */
interface Frame {
  readonly tag: number
  readonly parts: Array<Type>
  /** Parts that are still to come. */
  left: number
}

/** The start of a type that has so many parts. */
interface Start {
  readonly tag: number
  readonly count: number
}

const tupleParts = (reader: Reader, parts: ReadonlyArray<Type>): ReadonlyArray<TupleType> => {
  const constructors: Array<TupleType> = []
  for (const part of parts)
    if (part._tag === "tuple") constructors.push(part)
    else reader.fail("no_tuple_type", "a constructor of a variant type is no tuple")
  return constructors
}

const close = (reader: Reader, tag: number, parts: ReadonlyArray<Type>): Type => {
  const [first, second] = parts
  if (tag === list && first !== undefined) return { _tag: "list", element: first }
  if (tag === map && first !== undefined && second !== undefined)
    return { _tag: "map", key: first, value: second }
  return tag === variant
    ? { _tag: "variant", constructors: tupleParts(reader, parts) }
    : { _tag: "tuple", elements: parts }
}

const readBytesType = (reader: Reader): Type => {
  const size = reader.integer()
  if (size < -1n) reader.fail("negative_length", "bytes of a negative size")
  return { _tag: "bytes", size: size === -1n ? "any" : size }
}

const open = (reader: Reader): Type | Start => {
  const tag = reader.byte()
  const simple = byTag.get(tag)
  if (simple !== undefined) return simple
  switch (tag) {
    case list:
      return { tag, count: 1 }
    case map:
      return { tag, count: 2 }
    case tuple:
    case variant:
      return { tag, count: reader.byte() }
    case bytes:
      return readBytesType(reader)
    case tvar:
      return { _tag: "tvar", index: reader.byte() }
    case object:
      return (
        objectByKind.get(reader.byte()) ?? reader.fail("unknown_type", "there is no such kind of reference")
      )
    default:
      return reader.fail("unknown_type", "there is no such type")
  }
}

const isStart = (opened: Type | Start): opened is Start => !("_tag" in opened)

export const readType = (reader: Reader): Type => {
  const frames: Array<Frame> = []
  // Parts that are not complete. Each has a byte at least, and those that have begun are not to come.
  let missing = 0
  for (;;) {
    const opened = open(reader)
    let type: Type
    if (!isStart(opened)) type = opened
    else if (opened.count === 0) type = close(reader, opened.tag, [])
    else {
      const { count, tag } = opened
      missing += count
      if (missing - frames.length > reader.left) reader.fail("truncated", "there are more parts than bytes")
      frames.push({ tag, parts: new Array<Type>(count), left: count })
      continue
    }
    for (;;) {
      const frame = frames.at(-1)
      if (frame === undefined) return type
      frame.parts[frame.parts.length - frame.left--] = type
      missing--
      if (frame.left > 0) break
      frames.pop()
      type = close(reader, frame.tag, frame.parts)
    }
  }
}
