/** Which maps of the written registers become maps of the store, and their numbers. */
import { map, removed, storeMap } from "../Value.js"
import type { MapValue, StoreMap, Value } from "../Value.js"
import * as ValueCodec from "../ValueCodec.js"
import { crash, refuse } from "./machine.js"
import { contains, rebuild } from "./rebuild.js"
import type { Parts } from "./rebuild.js"
import * as SortedMap from "./sortedMap.js"
import type { Metadata } from "./storeMetadata.js"
import { compareTerms } from "./termOrder.js"

/** A map to be written: a new one, or what was changed in the stored map `base`. */
export interface NewMap {
  readonly id: number
  readonly base: number | undefined
  readonly entries: SortedMap.SortedMap<Value | typeof removed>
}

/** Serialized maps of fewer bytes stay inside the value they are part of. */
const threshold = 100

/** Up to this size Erlang walks a map in the order of its keys, beyond in one of its own making. */
const orderedSize = 32

const orderUnknown =
  "the numbers of new store maps depend on the inner order of an Erlang map of more than 32 entries"

const noCache: SortedMap.SortedMap<Value | typeof removed> = SortedMap.empty

/**
 * Replaces the maps of the values that are to be written: big ones by new store maps, changed store maps by others
 * with the changes among `maps`, which come by ascending number.
 */
export const allocate = (
  metadata: Metadata,
  values: ReadonlyArray<Value>
): { readonly values: ReadonlyArray<Value>; readonly maps: ReadonlyArray<NewMap> } => {
  const used = new Set<number>()
  for (const [id, { rawId }] of metadata) used.add(id).add(rawId)
  let next = 0
  const newId = () => {
    while (used.has(next)) next++
    return next++
  }
  const maps: Array<NewMap> = []

  const changed = (value: StoreMap): Parts => {
    const id = newId()
    const make = (entries: SortedMap.SortedMap<Value | typeof removed>) => {
      maps.push({ id, base: value.id, entries })
      return storeMap(id, noCache)
    }
    return walk(value.cache, make)
  }

  const plain = (value: MapValue): Parts =>
    walk(value.entries, (entries) => {
      const rebuilt = entries === value.entries ? value : map(entries as SortedMap.SortedMap<Value>)
      if (isSmall(rebuilt)) return rebuilt
      const id = newId()
      maps.push({ id, base: undefined, entries })
      return storeMap(id, noCache)
    })

  const rule = (value: Value): Parts | undefined => {
    if (typeof value !== "object") return undefined
    if (value._tag === "map") return plain(value)
    if (value._tag === "store_map" && value.cache.size > 0) return changed(value)
    if (value._tag === "contract_bytearray") return crash("code as a value cannot be stored")
    return undefined
  }

  const rebuilt = values.map((value) => (contains(value, concerns) ? rebuild(value, rule) : value))
  return { values: rebuilt, maps: maps.sort((a, b) => a.id - b.id) }
}

/** Whether the rule says something of a part. */
const concerns = ({ _tag }: Exclude<Value, bigint | boolean>): boolean =>
  _tag === "map" || _tag === "store_map" || _tag === "contract_bytearray"

// Serializing also finds keys that no map may have. An entry has at least two bytes, and the map itself has two.
const isSmall = (value: MapValue): boolean => {
  const isSurelyBig = value.entries.size >= threshold / 2
  if (isSurelyBig && !SortedMap.entries(value.entries).some(([key]) => hasParts(key))) return false
  return ValueCodec.encode(value).length < threshold
}

const hasParts = (value: Value | typeof removed): value is Exclude<Value, bigint | boolean> =>
  typeof value === "object" && !("bytes" in value && value._tag !== "contract_bytearray")

/** The walk over the entries of a map as the reference does it; `make` gets them with the new values. */
const walk = (
  from: SortedMap.SortedMap<Value | typeof removed>,
  make: (entries: SortedMap.SortedMap<Value | typeof removed>) => Value
): Parts => {
  const found = inOrder(from)
  const keys = found.map(([key]) => key)
  const children = found.map(([, value]) => value)
  return {
    children,
    make: (values) => {
      let entries = from
      let replaced = 0
      values.forEach((value, i) => {
        if (value === children[i]) return
        replaced++
        entries = SortedMap.set(entries, keys[i] as Value, value)
      })
      // One that gets numbers gets the same ones wherever it stands.
      if (from.size > orderedSize && replaced > 1) return refuse(orderUnknown)
      return make(entries)
    }
  }
}

/** The entries that are worth a visit, as the reference comes to them if that can be known. */
const inOrder = (
  from: SortedMap.SortedMap<Value | typeof removed>
): ReadonlyArray<readonly [Value, Value]> => {
  const found: Array<readonly [Value, Value]> = []
  SortedMap.forEach(from, (key, value) => {
    if (hasParts(value)) found.push([key, value])
  })
  return from.size > orderedSize || found.length < 2 ? found : found.sort(([a], [b]) => compareTerms(a, b))
}
