import {
  elements,
  list,
  map,
  type MapValue,
  removed,
  type StoreMap,
  storeMap,
  tuple,
  type Value
} from "../../Value.js"
import { expectedMap, keyDoesNotExist } from "../errorTexts.js"
import { crash, fail, type Machine, type Operations } from "../machine.js"
import * as SortedMap from "../sortedMap.js"
import { mapEntries, mapSize } from "../store.js"
import { compareTerms } from "../termOrder.js"
import { bad, ceres, iris } from "./common.js"
import { tupleCells } from "./tuples.js"
import { afford, keyWork, searchWork, work } from "./work.js"

/** Nanoseconds to look a key up in a stored map. */
const lookupTime = 1000

/** Gas of what is looked up in the store, from Ceres on. */
const storeGas = 5000

const chargeStore = (m: Machine, count: number): void => {
  if (m.environment.protocol >= ceres) m.spend(count * storeGas)
}

const isMap = (value: Value): value is MapValue => typeof value === "object" && value._tag === "map"
const isStoreMap = (value: Value): value is StoreMap =>
  typeof value === "object" && value._tag === "store_map"

const mapOr = (m: Machine, op: string, value: Value): MapValue | StoreMap =>
  isMap(value) || isStoreMap(value)
    ? value
    : m.environment.protocol < iris
      ? crash(`${op} of what is no map`)
      : fail(() => expectedMap(op, value))

const lookup = (m: Machine, from: MapValue | StoreMap, key: Value): Value | undefined => {
  if (isMap(from)) {
    keyWork(m, key, from.entries.size)
    return SortedMap.get(from.entries, key)
  }
  keyWork(m, key, from.cache.size)
  const changed = SortedMap.get(from.cache, key)
  if (changed !== undefined) return changed === removed ? undefined : changed
  chargeStore(m, 1)
  searchWork(m, key)
  return m.stores.lookup(m.contract, from.id, key)
}

const put = (m: Machine, to: Value, key: Value, value: Value): Value => {
  if (isMap(to) && !isMap(key)) {
    keyWork(m, key, to.entries.size)
    return map(SortedMap.set(to.entries, key, value))
  }
  if (!isStoreMap(to)) return bad("map_update", to, key, value)
  keyWork(m, key, to.cache.size)
  return storeMap(to.id, SortedMap.set(to.cache, key, value))
}

const without = (m: Machine, from: Value, key: Value): Value => {
  if (isMap(from) && !isMap(key)) {
    keyWork(m, key, from.entries.size)
    const entries = SortedMap.remove(from.entries, key)
    return entries === from.entries ? from : map(entries)
  }
  if (!isStoreMap(from)) return bad("map_delete", from, key)
  keyWork(m, key, from.cache.size)
  return storeMap(from.id, SortedMap.set(from.cache, key, removed))
}

const fromList = (m: Machine, from: Value): MapValue => {
  if (typeof from !== "object" || from._tag !== "list") return bad("map_from_list", from)
  // Equal keys make a small map of a long list, which then costs nearly nothing.
  work(m, from.length * (300 + 60 * Math.log2(from.length + 1)))
  let entries: SortedMap.SortedMap<Value> = SortedMap.empty
  for (const pair of elements(from)) {
    if (typeof pair !== "object" || pair._tag !== "tuple") continue
    const [key, value] = pair.elements
    if (key === undefined || value === undefined || pair.elements.length !== 2)
      return crash("a map of tuples that are no pairs")
    keyWork(m, key, entries.size)
    entries = SortedMap.set(entries, key, value)
  }
  return map(entries)
}

// Up to so many entries the maps of the reference are sorted; larger ones were in the order of its hashes.
const mostSorted = 32

const pairs = (m: Machine, entries: SortedMap.SortedMap<Value>): Array<readonly [Value, Value]> => {
  const all = Array.from(SortedMap.entries(entries))
  if (m.environment.protocol >= iris) return all
  if (all.length > mostSorted)
    return crash("before Iris the order of the entries of a large map is not defined")
  return all.sort(([a], [b]) => compareTerms(a, b))
}

const entriesOf = (m: Machine, from: MapValue | StoreMap): SortedMap.SortedMap<Value> => {
  if (isMap(from)) return from.entries
  chargeStore(m, m.stores.size(m.contract, from.id))
  return mapEntries(m.stores, m.contract, from)
}

const sizeOf = (m: Machine, from: MapValue | StoreMap): number => {
  if (isMap(from)) return from.entries.size
  chargeStore(m, from.cache.size)
  // Before Ceres they are looked up for nothing.
  work(m, from.cache.size * lookupTime)
  SortedMap.forEach(from.cache, (key) => searchWork(m, key))
  return mapSize(m.stores, m.contract, from)
}

const emptyMap = map(SortedMap.empty)

/** Operations on maps, in memory and of the store. Cells are charged after the result is put. */
export const maps: Operations = {
  MAP_EMPTY: (m, o) => {
    m.write(o[0], emptyMap)
    m.cells(2)
  },
  MAP_LOOKUP: (m, o) => {
    const from = m.read(o[1])
    const key = m.read(o[2])
    m.write(o[0], lookup(m, mapOr(m, "map_lookup", from), key) ?? fail(keyDoesNotExist))
  },
  MAP_LOOKUPD: (m, o) => {
    const from = m.read(o[1])
    const key = m.read(o[2])
    const otherwise = m.read(o[3])
    m.write(o[0], lookup(m, mapOr(m, "map_lookupd", from), key) ?? otherwise)
  },
  MAP_UPDATE: (m, o) => {
    const to = m.read(o[1])
    const key = m.read(o[2])
    m.write(o[0], put(m, to, key, m.read(o[3])))
    m.cells(2)
  },
  MAP_DELETE: (m, o) => {
    const from = m.read(o[1])
    m.write(o[0], without(m, from, m.read(o[2])))
  },
  MAP_MEMBER: (m, o) => {
    const from = m.read(o[1])
    const key = m.read(o[2])
    m.write(o[0], lookup(m, mapOr(m, "map_member", from), key) !== undefined)
  },
  MAP_FROM_LIST: (m, o) => {
    const result = fromList(m, m.read(o[1]))
    m.write(o[0], result)
    m.cells(tupleCells(result.entries.size))
  },
  MAP_SIZE: (m, o) => {
    m.write(o[0], BigInt(sizeOf(m, mapOr(m, "map_size", m.read(o[1])))))
  },
  MAP_TO_LIST: (m, o) => {
    const entries = entriesOf(m, mapOr(m, "map_to_list", m.read(o[1])))
    afford(m, 2 * entries.size)
    m.write(o[0], list(pairs(m, entries).map(tuple)))
    m.cells(2 * entries.size)
  }
}
