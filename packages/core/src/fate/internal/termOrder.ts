/**
 * The order of Erlang terms, in which the reference engine walks the entries of a map of up to 32 entries. It is not
 * the order of FATE values, and it decides which map gets which number.
 */
import * as Bytes from "../../encoding/Bytes.js"
import { isCons } from "../Value.js"
import type { Value } from "../Value.js"
import { crash } from "./machine.js"

type Compound = Exclude<Value, bigint | boolean>

// Numbers, atoms, tuples (most values are tuples with their kind in front), lists, binaries; maps cannot be keys.
const rank = (value: Value): number => {
  if (typeof value === "bigint") return 0
  if (typeof value === "boolean") return 1
  switch (value._tag) {
    case "list":
      return 3
    case "string":
      return 4
    case "map":
    case "store_map":
    case "typerep":
      return crash("a map or a type as a key of a map")
    default:
      return 2
  }
}

const order = <A>(a: A, b: A): number => (a < b ? -1 : a > b ? 1 : 0)

type Pair = readonly [Value, Value]

const pushPairs = (stack: Array<Pair>, a: ReadonlyArray<Value>, b: ReadonlyArray<Value>): void => {
  for (let i = a.length - 1; i >= 0; i--) stack.push([a[i] as Value, b[i] as Value])
}

const integers = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const result = order(a[i] as number, b[i] as number)
    if (result !== 0) return result
  }
  return order(a.length, b.length)
}

/** Compares what is not yet known to be equal; what is left to compare goes on the stack, first on top. */
const step = (a: Compound, b: Compound, stack: Array<Pair>): number => {
  if (a._tag === "list" && b._tag === "list") {
    if (!isCons(a) || !isCons(b)) return order(a.length > 0, b.length > 0)
    stack.push([a.tail, b.tail], [a.head, b.head])
    return 0
  }
  if (a._tag === "string" && b._tag === "string") return Bytes.compare(a.bytes, b.bytes)
  // A variant is a tuple of four, all others have two elements.
  if (a._tag === "variant" && b._tag === "variant") {
    const result =
      integers(a.arities, b.arities) || order(a.tag, b.tag) || order(a.values.length, b.values.length)
    if (result === 0) pushPairs(stack, a.values, b.values)
    return result
  }
  if (a._tag === "variant" || b._tag === "variant") return a._tag === "variant" ? 1 : -1
  if (a._tag !== b._tag) return order<string>(a._tag, b._tag)
  if (a._tag === "tuple" && b._tag === "tuple") {
    const result = order(a.elements.length, b.elements.length)
    if (result === 0) pushPairs(stack, a.elements, b.elements)
    return result
  }
  if ("bits" in a && "bits" in b) return order(a.bits, b.bits)
  if ("bytes" in a && "bytes" in b) return Bytes.compare(a.bytes, b.bytes)
  return crash("a map or a type as a key of a map")
}

/** Negative, zero or positive, as Erlang orders the terms of two values. */
export const compareTerms = (a: Value, b: Value): number => {
  const stack: Array<Pair> = [[a, b]]
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    const [left, right] = pair
    if (left === right) continue
    const result =
      order(rank(left), rank(right)) ||
      (typeof left === "object" && typeof right === "object" ? step(left, right, stack) : order(left, right))
    if (result !== 0) return result
  }
  return 0
}
