/**
 * The total order of FATE values, which sorts the keys of maps and from Iris on decides every comparison.
 *
 * Specification: æternity FATE virtual machine, total order of terms.
 *
 * @since 0.1.0
 */
import * as Bytes from "../encoding/Bytes.js"
import { Crash } from "./internal/machine.js"
import { forEach } from "./internal/sortedTree.js"
import type * as Type from "./Type.js"
import { isCons, type ListValue, type MapValue, type Value, type VariantValue } from "./Value.js"

const ranks = {
  address: 2,
  channel: 3,
  contract: 4,
  oracle: 5,
  bytes: 6,
  bits: 7,
  string: 8,
  tuple: 9,
  map: 10,
  list: 11,
  variant: 12,
  oracle_query: 13,
  contract_bytearray: 14,
  // Without a place in the order of the machine; keys of maps in memory need one nevertheless.
  typerep: 15,
  store_map: 16
} as const

const unordered = ranks.typerep

const rank = (value: Value): number => {
  if (typeof value === "bigint") return 0
  if (typeof value === "boolean") return 1
  return ranks[value._tag]
}

/** What is still to be compared, the next last: pairs of a value of the one and a value of the other side. */
interface Pending {
  readonly left: Array<Value>
  readonly right: Array<Value>
}

const numbers = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

const shorterFirst = (a: Uint8Array, b: Uint8Array): number =>
  a.length === b.length ? Bytes.compare(a, b) : a.length - b.length

// An infinite set comes after all finite ones.
const bitSets = (a: bigint, b: bigint): number => (a < 0n === b < 0n ? numbers(a, b) : a < 0n ? 1 : -1)

const pushAll = (pending: Pending, a: ReadonlyArray<Value>, b: ReadonlyArray<Value>): void => {
  for (let i = a.length - 1; i >= 0; i--) {
    pending.left.push(a[i] as Value)
    pending.right.push(b[i] as Value)
  }
}

const sequences = (pending: Pending, a: ReadonlyArray<Value>, b: ReadonlyArray<Value>): number => {
  if (a.length === b.length) pushAll(pending, a, b)
  return a.length - b.length
}

const lists = (pending: Pending, a: ListValue, b: ListValue): number => {
  if (a === b) return 0
  if (!isCons(a) || !isCons(b)) return a.length - b.length
  pending.left.push(a.tail, a.head)
  pending.right.push(b.tail, b.head)
  return 0
}

const flatten = (map: MapValue): ReadonlyArray<Value> => {
  const result: Array<Value> = []
  forEach(map.entries, (key, value) => result.push(key, value))
  return result
}

const maps = (pending: Pending, a: MapValue, b: MapValue): number => {
  if (a.entries === b.entries) return 0
  const size = a.entries.size - b.entries.size
  return size === 0 ? sequences(pending, flatten(a), flatten(b)) : size
}

const variants = (pending: Pending, a: VariantValue, b: VariantValue): number => {
  const count = a.arities.length - b.arities.length
  if (count !== 0) return count
  for (let i = 0; i < a.arities.length; i++) {
    const arity = (a.arities[i] ?? 0) - (b.arities[i] ?? 0)
    if (arity !== 0) return arity
  }
  return a.tag === b.tag ? sequences(pending, a.values, b.values) : a.tag - b.tag
}

// A type as a flat text; it serves to tell types apart and nothing else.
const typeText = (type: Type.Type): string => {
  const words: Array<string> = []
  const pending: Array<Type.Type> = [type]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    words.push(next._tag)
    switch (next._tag) {
      case "list":
        pending.push(next.element)
        break
      case "map":
        pending.push(next.value, next.key)
        break
      case "bytes":
        words.push(String(next.size))
        break
      case "tvar":
        words.push(String(next.index))
        break
      case "tuple":
      case "variant": {
        const parts = next._tag === "tuple" ? next.elements : next.constructors
        words.push(String(parts.length))
        for (let i = parts.length - 1; i >= 0; i--) pending.push(parts[i] as Type.Type)
      }
    }
  }
  return words.join(" ")
}

const types = (a: Type.Type, b: Type.Type): number => {
  if (a === b) return 0
  const left = typeText(a)
  const right = typeText(b)
  return left < right ? -1 : left > right ? 1 : 0
}

// The order of two values of the same kind as far as it is known without their parts, which are left pending.
const heads = (pending: Pending, a: Value, b: Value): number => {
  if (typeof a === "bigint") return numbers(a, b as bigint)
  if (typeof a === "boolean") return Number(a) - Number(b)
  if (typeof b === "bigint" || typeof b === "boolean") return 1
  switch (a._tag) {
    case "string":
    case "bytes":
    case "contract_bytearray":
      return b._tag === a._tag ? shorterFirst(a.bytes, b.bytes) : 0
    case "address":
    case "channel":
    case "contract":
    case "oracle":
    case "oracle_query":
      return b._tag === a._tag ? Bytes.compare(a.bytes, b.bytes) : 0
    case "bits":
      return b._tag === a._tag ? bitSets(a.bits, b.bits) : 0
    case "tuple":
      return b._tag === a._tag ? sequences(pending, a.elements, b.elements) : 0
    case "list":
      return b._tag === a._tag ? lists(pending, a, b) : 0
    case "map":
      return b._tag === a._tag ? maps(pending, a, b) : 0
    case "variant":
      return b._tag === a._tag ? variants(pending, a, b) : 0
    case "typerep":
      return b._tag === a._tag ? types(a.type, b.type) : 0
    case "store_map":
      return b._tag === a._tag ? a.id - b.id : 0
  }
}

const pair = (pending: Pending, a: Value, b: Value, strict: boolean, inside: boolean): number => {
  if (inside && a === b) return 0
  const kind = rank(a)
  const other = rank(b)
  const order = kind === other ? heads(pending, a, b) : kind - other
  // Equal parts are not looked at by the machine, so that types are only a fault where they would decide.
  if (strict && (kind >= unordered || other >= unordered) && !(inside && order === 0))
    throw new Crash("type representations and maps of the store have no order")
  return order
}

// For values without parts, which leave nothing pending.
const noParts: Pending = { left: [], right: [] }

const hasParts = (value: Value): boolean =>
  typeof value === "object" && ranks[value._tag] >= ranks.tuple && ranks[value._tag] <= ranks.variant

const ordered = (a: Value, b: Value, strict: boolean): number => {
  if (!hasParts(a)) return pair(noParts, a, b, strict, false)
  const pending: Pending = { left: [], right: [] }
  const order = pair(pending, a, b, strict, false)
  if (order !== 0) return order
  for (let left = pending.left.pop(); left !== undefined; left = pending.left.pop()) {
    const inner = pair(pending, left, pending.right.pop() as Value, strict, true)
    if (inner !== 0) return inner
  }
  return 0
}

/**
 * The order of two values: negative, zero or positive. Type representations and maps of the store have no place in
 * it: where one would decide, `Crash` is thrown.
 *
 * @since 0.1.0
 * @category comparison
 */
export const compare = (a: Value, b: Value): number => ordered(a, b, true)

/**
 * The same order for keys in memory, where type representations come last instead of being a fault.
 *
 * @internal
 * @since 0.1.0
 * @category comparison
 */
export const compareKeys = (a: Value, b: Value): number => ordered(a, b, false)

/**
 * Whether two values are the same. Of maps of the store only the number is looked at.
 *
 * @since 0.1.0
 * @category comparison
 */
export const equals = (a: Value, b: Value): boolean => a === b || ordered(a, b, false) === 0
