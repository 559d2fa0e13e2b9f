/** Values and types as people read them. Nothing recurses: a stranger may nest values as deep as the bytes allow. */
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { Type } from "../Type.js"
import { elements, type ReferenceKind, type Value } from "../Value.js"
import { entries } from "./sortedMap.js"

/** What is still to be written, the next last: finished text and parts that are not. */
type Pending<A extends object | bigint | boolean> = Array<A | string>

const drain = <A extends object | bigint | boolean>(
  start: A,
  write: (part: A, pending: Pending<A>) => string
): string => {
  const pending: Pending<A> = [start]
  const words: Array<string> = []
  for (let next = pending.pop(); next !== undefined; next = pending.pop())
    words.push(typeof next === "string" ? next : write(next, pending))
  return words.join("")
}

const enclose = <A extends object | bigint | boolean>(
  pending: Pending<A>,
  parts: ReadonlyArray<A>,
  close: string,
  separators: ReadonlyArray<string> = [", "]
): void => {
  pending.push(close)
  for (let i = parts.length - 1; i >= 0; i--) {
    pending.push(parts[i] as A)
    if (i > 0) pending.push(separators[(i - 1) % separators.length] ?? "")
  }
}

const prefixes: { readonly [kind in ReferenceKind]: ApiEncoding.Prefix } = {
  address: "ak",
  contract: "ct",
  oracle: "ok",
  oracle_query: "oq",
  channel: "ch"
}

const stringText = (bytes: Uint8Array): string => {
  try {
    return JSON.stringify(Bytes.fromUtf8OrThrow(bytes))
  } catch {
    return `"#${Bytes.toHex(bytes)}"`
  }
}

const referenceText = (kind: ReferenceKind, bytes: Uint8Array): string =>
  bytes.length === 32 ? ApiEncoding.encode(prefixes[kind], bytes) : `${kind}(#${Bytes.toHex(bytes)})`

const writeValue = (value: Value, pending: Pending<Value>): string => {
  if (typeof value !== "object") return String(value)
  switch (value._tag) {
    case "string":
      return stringText(value.bytes)
    case "bytes":
      return `#${Bytes.toHex(value.bytes)}`
    case "contract_bytearray":
      return `code(#${Bytes.toHex(value.bytes)})`
    case "bits":
      return `bits(${value.bits})`
    case "typerep":
      return `type(${typeText(value.type)})`
    case "store_map":
      return `stored(${value.id})`
    case "tuple":
      enclose(pending, value.elements, ")")
      return "("
    case "list":
      enclose(pending, elements(value), "]")
      return "["
    case "map":
      enclose(pending, entries(value.entries).flat(), "}", [": ", ", "])
      return "{"
    case "variant":
      enclose(pending, value.values, ")")
      return `constructor ${value.tag} of [${value.arities.join(", ")}](`
    default:
      return referenceText(value._tag, value.bytes)
  }
}

/** A value in one line. */
export const valueText = (value: Value): string => drain(value, writeValue)

const writeType = (type: Type, pending: Pending<Type>): string => {
  switch (type._tag) {
    case "list":
      enclose(pending, [type.element], ")")
      return "list("
    case "map":
      enclose(pending, [type.key, type.value], ")")
      return "map("
    case "tuple":
      enclose(pending, type.elements, ")")
      return "("
    case "variant":
      enclose(pending, type.constructors, ")", [" | "])
      return "variant("
    case "bytes":
      return `bytes(${type.size})`
    case "tvar":
      return `'${type.index}`
    default:
      return type._tag
  }
}

/** A type in one line. */
export const typeText = (type: Type): string => drain(type, writeType)
