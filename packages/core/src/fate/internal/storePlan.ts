/**
 * What becomes of the maps of a store when values are written that refer to them: which are changed in place, which
 * are copied, and which are garbage.
 */
import * as Bytes from "../../encoding/Bytes.js"
import * as Trie from "../../state/Trie.js"
import * as ValueCodec from "../ValueCodec.js"
import { crash } from "./machine.js"
import * as SortedMap from "./sortedMap.js"
import type { NewMap } from "./storeAllocate.js"
import { add, referencesIn } from "./storeCounts.js"
import type { Counts } from "./storeCounts.js"
import * as Metadata from "./storeMetadata.js"

/** In the middle of the work a new map has only its references. */
export interface Facts {
  readonly rawId: number | undefined
  readonly references: number
  readonly size: number | undefined
}

export type Working = Map<number, Facts>

/** The store as it was, and what its parts refer to, each counted once. */
export class Source {
  readonly #counts = new Map<string, Counts>()

  constructor(
    readonly contracts: Trie.Trie,
    readonly prefix: Uint8Array
  ) {}

  register(register: number): Uint8Array | undefined {
    return Trie.get(this.contracts, Bytes.concat(this.prefix, Metadata.registerKey(register)))
  }

  /** References in the entries of a stored map that the changes replace. */
  overwritten(rawId: number, changes: NewMap): Counts {
    return this.#once(`overwritten ${changes.id}`, (counts) => {
      const prefix = Bytes.concat(this.prefix, Metadata.mapKey(rawId))
      for (const [key] of SortedMap.entries(changes.entries)) {
        add(counts, referencesIn(Trie.get(this.contracts, Bytes.concat(prefix, ValueCodec.encode(key)))))
      }
    })
  }

  /** References in the entries of a stored map that a changed copy keeps. */
  kept(rawId: number, changes: NewMap): Counts {
    return this.#once(`kept ${changes.id}`, (counts) => {
      add(counts, this.all(rawId))
      add(counts, this.overwritten(rawId, changes), -1)
    })
  }

  /** References in all entries of a stored map. */
  all(rawId: number): Counts {
    return this.#once(`all ${rawId}`, (counts) => {
      for (const [, value] of storedEntries(this.contracts, this.prefix, rawId)) {
        add(counts, referencesIn(value))
      }
    })
  }

  #once(name: string, count: (counts: Counts) => void): Counts {
    let counts = this.#counts.get(name)
    if (counts === undefined) {
      counts = new Map()
      count(counts)
      this.#counts.set(name, counts)
    }
    return counts
  }
}

/** Serialized keys and values of a stored map. */
export function* storedEntries(
  contracts: Trie.Trie,
  prefix: Uint8Array,
  rawId: number
): Generator<readonly [key: Uint8Array, value: Uint8Array], void> {
  const start = Bytes.concat(prefix, Metadata.mapKey(rawId))
  for (const [key, value] of Trie.entries(contracts, start)) {
    if (key.length > start.length) yield [key.subarray(start.length), value]
  }
}

export const applyCounts = (metadata: Working, counts: Counts): void => {
  for (const [id, change] of counts) {
    const facts = metadata.get(id)
    metadata.set(
      id,
      facts === undefined
        ? { rawId: undefined, references: change, size: undefined }
        : { ...facts, references: facts.references + change }
    )
  }
}

export const withCounts = (metadata: ReadonlyMap<number, Facts>, counts: Counts): Working => {
  const result = new Map(metadata)
  applyCounts(result, counts)
  return result
}

const unusedMaps = (metadata: ReadonlyMap<number, Facts>): Set<number> => {
  const unused = new Set<number>()
  for (const [id, facts] of metadata) if (facts.references === 0) unused.add(id)
  return unused
}

export const rawIdOf = (metadata: ReadonlyMap<number, Facts>, id: number): number =>
  metadata.get(id)?.rawId ?? crash(`the store has no map ${id}`)

/** Erlang goes through more maps than this in an order of its own making. */
const orderedSize = 32

/** Of the changed versions of an unused map the one with the highest number takes it over. */
const inPlace = (unused: ReadonlySet<number>, maps: ReadonlyArray<NewMap>): Map<number, number> => {
  const reuse = new Map<number, number>()
  for (const { base, id } of maps) {
    if (base === undefined || !unused.has(base)) continue
    if (maps.length > orderedSize && reuse.has(base)) {
      return crash(
        "which changed version takes over a store map depends on the inner order of a big Erlang map"
      )
    }
    reuse.set(base, id)
  }
  return reuse
}

interface Reuse {
  readonly unused: ReadonlySet<number>
  /** By the number of the map that is taken over: the number of its successor. */
  readonly successors: ReadonlyMap<number, number>
  readonly metadata: Working
}

export interface Plan {
  readonly source: Source
  readonly maps: ReadonlyArray<NewMap>
  readonly metadata: Working
}

/** How the references in old entries change: those overwritten in place go, those copied are doubled. */
const countsOf = (
  { maps, metadata, source }: Plan,
  successors: ReadonlyMap<number, number>,
  which: { readonly inPlace: boolean; readonly copies: boolean }
): Counts => {
  const counts: Counts = new Map()
  for (const changes of maps) {
    if (changes.base === undefined) continue
    if (successors.get(changes.base) === changes.id) {
      if (which.inPlace) add(counts, source.overwritten(rawIdOf(metadata, changes.base), changes), -1)
    } else if (which.copies) add(counts, source.kept(rawIdOf(metadata, changes.base), changes))
  }
  return counts
}

const maximalRounds = 100

const sameSet = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean => {
  if (a.size !== b.size) return false
  for (const id of a) if (!b.has(id)) return false
  return true
}

// What is unused decides what is copied, and copies refer to maps: until nothing changes. Every round starts with the
// metadata as they were before the first.
const fixpoint = (plan: Plan, copies: boolean): Reuse => {
  let unused = unusedMaps(plan.metadata)
  for (let round = 0; round < maximalRounds; round++) {
    const successors = inPlace(unused, plan.maps)
    const metadata = withCounts(plan.metadata, countsOf(plan, successors, { inPlace: true, copies }))
    const next = unusedMaps(metadata)
    if (sameSet(unused, next)) return { unused, successors, metadata }
    unused = next
  }
  const successors = inPlace(unused, plan.maps)
  const metadata = withCounts(plan.metadata, countsOf(plan, successors, { inPlace: true, copies }))
  return { unused, successors, metadata }
}

/** Without reading whole maps for copies where none turns out to be one. */
export const reuseOf = (plan: Plan): Reuse => {
  const hopeful = fixpoint(plan, false)
  const changed = plan.maps.filter(({ base }) => base !== undefined).length
  return hopeful.successors.size === changed ? hopeful : fixpoint(plan, true)
}

/** Before Iris: one look, and what is overwritten in place keeps its references. */
export const limaReuseOf = (plan: Plan): Reuse => {
  const unused = unusedMaps(plan.metadata)
  const successors = inPlace(unused, plan.maps)
  const counts = countsOf(plan, successors, { inPlace: false, copies: true })
  return { unused, successors, metadata: withCounts(plan.metadata, counts) }
}

/** The raw ids of maps to be removed, and the metadata without them. */
export const collect = (
  source: Source,
  { metadata, successors, unused }: Reuse
): { readonly garbage: ReadonlyArray<number>; readonly metadata: Working } => {
  const garbage: Array<number> = []
  const left = new Map(metadata)
  let ids = Array.from(unused).filter((id) => !successors.has(id))
  while (ids.length > 0) {
    const counts: Counts = new Map()
    for (const id of ids) {
      const rawId = rawIdOf(left, id)
      garbage.push(rawId)
      add(counts, source.all(rawId), -1)
    }
    applyCounts(left, counts)
    for (const id of ids) left.delete(id)
    // All that was unused before is gone, so what is unused now lost its last reference just now.
    ids = Array.from(counts.keys()).filter((id) => left.get(id)?.references === 0 && !successors.has(id))
  }
  return { garbage, metadata: left }
}
