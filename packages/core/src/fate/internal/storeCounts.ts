/** How often store maps are referred to. */
import { removed } from "../Value.js"
import type { Value } from "../Value.js"
import { crash } from "./machine.js"
import * as SortedMap from "./sortedMap.js"
import { stored } from "./storeMetadata.js"

/** By map id: how many references, or by how many they change. */
export type Counts = Map<number, number>

export const add = (counts: Counts, more: ReadonlyMap<number, number>, sign: 1 | -1 = 1): void => {
  for (const [id, count] of more) counts.set(id, (counts.get(id) ?? 0) + sign * count)
}

const children = (value: Value | typeof removed, todo: Array<Value | typeof removed>): void => {
  if (typeof value !== "object") return
  switch (value._tag) {
    case "tuple":
      for (const element of value.elements) todo.push(element)
      return
    case "variant":
      for (const element of value.values) todo.push(element)
      return
    case "list":
      if (value.length > 0) todo.push(value.head as Value, value.tail as Value)
      return
    case "map":
      for (const [, element] of SortedMap.entries(value.entries)) todo.push(element)
      return
    case "store_map":
      for (const [, element] of SortedMap.entries(value.cache)) todo.push(element)
      return
    case "contract_bytearray":
      return crash("code as a value cannot be stored")
  }
}

/** The references to store maps in some values. */
export const references = (values: Iterable<Value | typeof removed>): Counts => {
  const counts: Counts = new Map()
  const todo = Array.from(values)
  for (let value = todo.pop(); value !== undefined; value = todo.pop()) {
    if (typeof value === "object" && value._tag === "store_map") {
      counts.set(value.id, (counts.get(value.id) ?? 0) + 1)
    }
    children(value, todo)
  }
  return counts
}

const storeMapTag = 0xbf
const none: ReadonlyMap<number, number> = new Map()

/** The references in a serialized value; most have not even the byte that one begins with. */
export const referencesIn = (bytes: Uint8Array | undefined): ReadonlyMap<number, number> =>
  bytes?.includes(storeMapTag) === true ? references([stored(bytes)]) : none
