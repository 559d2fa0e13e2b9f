/** Maps of a contract's store as the operations see them: what is stored, below what a run changed. */
import { map, removed } from "../Value.js"
import type { StoreMap, Value } from "../Value.js"
import { rebuild } from "./rebuild.js"
import * as SortedMap from "./sortedMap.js"
import type { Stores } from "./store.js"

/** The number of entries. One look-up for every changed key. */
export const mapSize = (stores: Stores, contract: Uint8Array, value: StoreMap): number => {
  let size = stores.size(contract, value.id)
  for (const [key, changed] of SortedMap.entries(value.cache)) {
    const stored = stores.lookup(contract, value.id, key) !== undefined
    if (stored && changed === removed) size--
    if (!stored && changed !== removed) size++
  }
  return size
}

/** All entries; the values may be store maps themselves. */
export const mapEntries = (
  stores: Stores,
  contract: Uint8Array,
  value: StoreMap
): SortedMap.SortedMap<Value> => withCache(stores.entries(contract, value.id), value)

const withCache = (stored: SortedMap.SortedMap<Value>, value: StoreMap): SortedMap.SortedMap<Value> => {
  let entries = stored
  for (const [key, changed] of SortedMap.entries(value.cache)) {
    entries = changed === removed ? SortedMap.remove(entries, key) : SortedMap.set(entries, key, changed)
  }
  return entries
}

/** The value with its store maps replaced by plain maps. */
export const unfold = (stores: Stores, contract: Uint8Array, value: Value): Value =>
  rebuild(value, (part) => {
    if (typeof part !== "object" || part._tag !== "store_map") return undefined
    const entries = mapEntries(stores, contract, part)
    const keys = Array.from(SortedMap.entries(entries), ([key]) => key)
    return {
      children: Array.from(SortedMap.entries(entries), ([, child]) => child),
      make: (values) => map(SortedMap.fromEntries(keys.map((key, i) => [key, values[i] as Value] as const)))
    }
  })
