/** Values and types as the known answers of the fixtures write them. */
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as SortedMap from "../../../src/fate/internal/sortedMap.js"
import * as Type from "../../../src/fate/Type.js"
import * as Value from "../../../src/fate/Value.js"

type Json = unknown
type Fields = { readonly [name: string]: Json }

const items = (json: Json): ReadonlyArray<Json> => {
  if (!Array.isArray(json)) throw new Error(`expected an array, got ${JSON.stringify(json)}`)
  return json
}

const fieldsOf = (json: Json): Fields => {
  if (typeof json !== "object" || json === null) throw new Error(`expected an object, got ${String(json)}`)
  return { ...json }
}

const hex = (json: Json): Uint8Array => Bytes.fromHex(String(json))

const pairOf = (json: Json): readonly [Value.Value, Value.Value] => {
  const [key, value] = items(json)
  return [fromJson(key), fromJson(value)]
}

const variantOf = (json: Json): Value.Value => {
  const { arities, tag, values } = fieldsOf(json)
  return Value.variant(items(arities).map(Number), Number(tag), items(values).map(fromJson))
}

const readers: { readonly [kind: string]: (json: Json) => Value.Value } = {
  int: (json) => BigInt(String(json)),
  bool: (json) => json === true,
  string_hex: (json) => Value.string(hex(json)),
  bytes: (json) => Value.bytes(hex(json)),
  address: (json) => Value.reference("address", hex(json)),
  contract: (json) => Value.reference("contract", hex(json)),
  oracle: (json) => Value.reference("oracle", hex(json)),
  oracle_query: (json) => Value.reference("oracle_query", hex(json)),
  channel: (json) => Value.reference("channel", hex(json)),
  bits: (json) => Value.bits(BigInt(String(json))),
  tuple: (json) => Value.tuple(items(json).map(fromJson)),
  list: (json) => Value.list(items(json).map(fromJson)),
  map: (json) => Value.map(SortedMap.fromEntries(items(json).map(pairOf))),
  store_map: (json) => Value.storeMap(Number(json), SortedMap.empty),
  variant: variantOf,
  typerep: (json) => Value.typeRepresentation(typeFromText(String(json))),
  contract_bytearray: (json) => Value.byteArray(hex(json))
}

/** A value such as `{"tuple":[{"int":"1"},{"string_hex":"61"}]}`. */
export const fromJson = (json: Json): Value.Value => {
  const [[kind, content] = ["", undefined]] = Object.entries(fieldsOf(json))
  const read = readers[kind]
  if (read === undefined) throw new Error(`unknown kind of value: ${kind}`)
  return read(content)
}

/** A term of the texts of types: a word, `{…}` or `[…]`. */
type Term = string | ReadonlyArray<Term>

const parseTerms = (text: string): Term => {
  let offset = 0
  const term = (): Term => {
    const close = { "{": "}", "[": "]" }[text[offset] ?? ""]
    if (close === undefined) return word()
    offset++
    const parts: Array<Term> = []
    while (text[offset] !== close) {
      if (text[offset] === ",") offset++
      else parts.push(term())
    }
    offset++
    return parts
  }
  const word = (): string => {
    const found = /^[a-z_0-9]+/.exec(text.slice(offset))?.[0]
    if (found === undefined) throw new Error(`cannot read the type ${text} at ${offset}`)
    offset += found.length
    return found
  }
  return term()
}

const typesOf = (term: Term | undefined): ReadonlyArray<Type.Type> =>
  typeof term === "object" ? term.map(typeOf) : []

const tupleOf = (term: Term): Type.TupleType => {
  const type = typeOf(term)
  if (type._tag !== "tuple") throw new Error("expected a tuple type")
  return type
}

const typeOf = (term: Term | undefined): Type.Type => {
  if (typeof term === "string") {
    const type: Type.Type = { _tag: simpleType(term) }
    return type
  }
  const [kind, first, second] = term ?? []
  switch (kind) {
    case "list":
      return Type.list(typeOf(first))
    case "tuple":
      return Type.tuple(typesOf(first))
    case "map":
      return Type.map(typeOf(first), typeOf(second))
    case "bytes":
      return Type.bytes(first === "any" ? "any" : BigInt(String(first)))
    case "variant":
      return Type.variant(typeof first === "object" ? first.map(tupleOf) : [])
    case "tvar":
      return { _tag: "tvar", index: Number(first) }
    default:
      throw new Error(`unknown kind of type: ${String(kind)}`)
  }
}

const simpleTypes: ReadonlyArray<Type.SimpleType> = [
  "integer",
  "boolean",
  "address",
  "contract",
  "oracle",
  "oracle_query",
  "channel",
  "bits",
  "string",
  "contract_bytearray",
  "any"
]

const simpleType = (name: string): Type.SimpleType => {
  const found = simpleTypes.find((each) => each === name)
  if (found === undefined) throw new Error(`unknown type: ${name}`)
  return found
}

/** A type such as `{map,string,{list,{tvar,3}}}`. */
export const typeFromText = (text: string): Type.Type => typeOf(parseTerms(text))
