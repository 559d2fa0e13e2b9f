/**
 * Erlang terms, as far as they occur in the error texts of the reference engine.
 */
import type { Type } from "../Type.js"
import { elements, isCons, type ListValue, removed, type Value } from "../Value.js"
import * as SortedMap from "./sortedMap.js"
import { compareTerms } from "./termOrder.js"

export type Term = bigint | AtomTerm | BinaryTerm | TupleTerm | ListTerm | MapTerm

export interface AtomTerm {
  readonly atom: string
}

export interface BinaryTerm {
  readonly binary: Uint8Array
}

export interface TupleTerm {
  readonly tuple: ReadonlyArray<Term>
}

export interface ListTerm {
  readonly list: ReadonlyArray<Term>
}

/**
 * The entries in the order of the reference engine, which for more than 32 entries is that of a hash nobody else has:
 * `undefined` then.
 */
export interface MapTerm {
  readonly map: ReadonlyArray<readonly [Term, Term]> | undefined
}

export const atom = (name: string): AtomTerm => ({ atom: name })

export const tuple = (...elements: ReadonlyArray<Term>): TupleTerm => ({ tuple: elements })

/** The depth to which error texts print. */
export const printDepth = 6

/** Up to this many entries the reference engine keeps a map in the order of its keys. */
const orderedEntries = 32

/** Stands for everything that is too deep to be printed. */
const deep = atom("...")

/**
 * The elements that can be seen at a depth, and one more if there are more: it costs one depth to go into a container
 * and one to go on to the next element. Thus a value that shares its parts many times over is not spread out.
 */
const seen = <A>(items: Iterable<A>, depth: number, term: (item: A, depth: number) => Term): Array<Term> => {
  const terms: Array<Term> = []
  for (const item of items) {
    const below = depth - 1 - terms.length
    if (below < 1) {
      terms.push(deep)
      break
    }
    terms.push(term(item, below))
  }
  return terms
}

/** The term that stands for a value in the reference engine; what is too deep to be printed is left out. */
export const termOf = (value: Value): Term => valueTerm(value, printDepth)

const valueTerm = (value: Value, depth: number): Term => {
  if (typeof value === "bigint") return value
  if (typeof value === "boolean") return atom(value ? "true" : "false")
  switch (value._tag) {
    case "string":
      return { binary: value.bytes }
    case "bits":
      return tuple(atom("bits"), value.bits)
    case "tuple":
      return tuple(atom("tuple"), { tuple: seen(value.elements, depth, valueTerm) })
    case "list":
      return { list: listTerms(value, depth) }
    case "map":
      return mapTerm(value.entries, depth)
    case "store_map":
      return tuple(atom("store_map"), mapTerm(value.cache, depth), BigInt(value.id))
    case "variant":
      return tuple(atom("variant"), { list: value.arities.map(BigInt) }, BigInt(value.tag), {
        tuple: seen(value.values, depth, valueTerm)
      })
    case "typerep":
      return tuple(atom("typerep"), typeTerm(value.type, depth))
    default:
      return tuple(atom(value._tag), { binary: value.bytes })
  }
}

/** A list of character codes is printed wholly, as a string. */
const listTerms = (list: ListValue, depth: number): ReadonlyArray<Term> => {
  let rest = list
  while (isCons(rest) && isPrintable(rest.head)) rest = rest.tail
  if (list.length > 0 && rest.length === 0) return elements(list) as ReadonlyArray<bigint>
  const terms = seen(walk(list), depth, valueTerm)
  return terms.length < list.length ? [...terms, deep] : terms
}

function* walk(list: ListValue): Iterable<Value> {
  for (let rest = list; isCons(rest); rest = rest.tail) yield rest.head
}

/** Whether a term is the code of a character of latin1 that strings show. */
export const isPrintable = (term: Value | Term): term is bigint =>
  typeof term === "bigint" && term >= 0n && term < 256n && isPrintableByte(Number(term))

/** As {@link isPrintable}, for a byte: no control characters but `\b \t \n \v \f \r \e`. */
export const isPrintableByte = (byte: number): boolean =>
  (byte >= 32 && byte <= 126) || byte >= 160 || (byte >= 8 && byte <= 13) || byte === 27

const mapTerm = (entries: SortedMap.SortedMap<Value | typeof removed>, depth: number): MapTerm => {
  if (entries.size > orderedEntries) return { map: undefined }
  const sorted = [...SortedMap.entries(entries)].sort(([a], [b]) => compareTerms(a, b))
  const terms: Array<readonly [Term, Term]> = []
  for (const [key, value] of sorted) {
    if (depth - terms.length <= 1) {
      terms.push([deep, deep])
      break
    }
    terms.push([
      valueTerm(key, depth - 1),
      value === removed ? atom("__DELETED__") : valueTerm(value, depth - 1)
    ])
  }
  return { map: terms }
}

/** The term that stands for a type in the reference engine. */
export const termOfType = (type: Type): Term => typeTerm(type, printDepth)

const typeTerm = (type: Type, depth: number): Term => {
  const part = (inner: Type): Term => (depth > 1 ? typeTerm(inner, depth - 1) : deep)
  switch (type._tag) {
    case "list":
      return tuple(atom("list"), part(type.element))
    case "tuple":
      return tuple(atom("tuple"), { list: seen(type.elements, depth, typeTerm) })
    case "map":
      return tuple(atom("map"), part(type.key), part(type.value))
    case "bytes":
      return tuple(atom("bytes"), type.size === "any" ? atom("any") : type.size)
    case "variant":
      return tuple(atom("variant"), { list: seen(type.constructors, depth, typeTerm) })
    case "tvar":
      return tuple(atom("tvar"), BigInt(type.index))
    default:
      return atom(type._tag)
  }
}
