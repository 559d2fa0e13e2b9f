/**
 * The stores of the contracts of one run: reads are cached, writes are held back until the run has ended well.
 *
 * Registers and maps of a contract lie in the contracts tree below its key: register r under `00 r`, the entries of a
 * map under `01 raw-id key`, and in register 0 what is known of the maps (see `storeMetadata`).
 */
import * as Bytes from "../../encoding/Bytes.js"
import { storeMark } from "../../state/Trees.js"
import * as Trie from "../../state/Trie.js"
import type { Value } from "../Value.js"
import * as ValueCodec from "../ValueCodec.js"
import { crash } from "./machine.js"
import * as SortedMap from "./sortedMap.js"
import * as Metadata from "./storeMetadata.js"
import { writeStore } from "./storeWrite.js"

export { mapEntries, mapSize, unfold } from "./storeMaps.js"

/** A point in the run to which {@link Stores.restore} goes back. Valid until an earlier one is restored. */
export interface Snapshot {
  readonly changes: number
}

interface Register {
  readonly value: Value
  readonly written: boolean
  /** How many snapshots there were: what was set since the latest need not be taken back twice. */
  readonly age: number
}

interface Entry {
  readonly contract: Uint8Array
  /** The key of the contracts tree below which the store lies. */
  readonly prefix: Uint8Array
  readonly registers: Map<number, Register>
  initialized: boolean
  /** What does not change in a run, so it need not be rolled back. */
  metadata: Metadata.Metadata | undefined
  readonly lookups: Map<string, Value | undefined>
  readonly maps: Map<number, SortedMap.SortedMap<Value>>
}

/** What the end of a run takes its gas from: both end the run if there is not enough. */
export interface Meter {
  /** Walking a written value for its serialization. */
  readonly traverse: (value: Value) => void
  readonly spend: (gas: number) => void
}

const present = Uint8Array.of(0)

/** What was written, by ascending register. */
const writtenOf = ({ registers }: Entry): ReadonlyArray<readonly [register: number, value: Value]> => {
  const found: Array<readonly [number, Value]> = []
  for (const [index, { value, written }] of registers) if (written) found.push([index, value])
  return found.length > 1 ? found.sort(([a], [b]) => a - b) : found
}

export class Stores {
  readonly #contracts: Trie.Trie
  readonly #keyOf: (contract: Uint8Array) => Uint8Array
  readonly #entries = new Map<string, Entry>()
  /** How to take back what was done, newest last. */
  readonly #undo: Array<() => void> = []
  #latest: Entry | undefined
  #age = 0

  /** `keyOf`: the key of the contracts tree under which a contract's store lies, if that is not the contract's own. */
  constructor(contracts: Trie.Trie, keyOf: (contract: Uint8Array) => Uint8Array = (contract) => contract) {
    this.#contracts = contracts
    this.#keyOf = keyOf
  }

  snapshot(): Snapshot {
    this.#age++
    return { changes: this.#undo.length }
  }

  restore(snapshot: Snapshot): void {
    this.#age++
    while (this.#undo.length > snapshot.changes) this.#undo.pop()?.()
  }

  /** `first`: the register was neither read nor written before in this run. */
  read(
    contract: Uint8Array,
    register: number
  ): { readonly value: Value; readonly first: boolean } | undefined {
    const entry = this.#entry(contract)
    const known = entry.registers.get(register)
    if (known !== undefined) return { value: known.value, first: false }
    if (entry.initialized) return undefined
    const bytes = Trie.get(this.#contracts, Bytes.concat(entry.prefix, Metadata.registerKey(register)))
    if (bytes === undefined) return undefined
    const value = Metadata.stored(bytes)
    this.#set(entry, register, { value, written: false, age: this.#age })
    return { value, first: true }
  }

  write(contract: Uint8Array, register: number, value: Value): void {
    this.#set(this.#entry(contract), register, { value, written: true, age: this.#age })
  }

  /** The value under a key of a stored map; nothing of what the run changed. */
  lookup(contract: Uint8Array, id: number, key: Value): Value | undefined {
    const entry = this.#entry(contract)
    const storeKey = Bytes.concat(Metadata.mapKey(this.#map(entry, id).rawId), ValueCodec.encode(key))
    const cacheKey = Bytes.toHex(storeKey)
    if (entry.lookups.has(cacheKey)) return entry.lookups.get(cacheKey)
    const bytes = Trie.get(this.#contracts, Bytes.concat(entry.prefix, storeKey))
    const value = bytes === undefined ? undefined : Metadata.stored(bytes)
    entry.lookups.set(cacheKey, value)
    return value
  }

  /** A stored map, whole. */
  entries(contract: Uint8Array, id: number): SortedMap.SortedMap<Value> {
    const entry = this.#entry(contract)
    const known = entry.maps.get(id)
    if (known !== undefined) return known
    const prefix = Bytes.concat(entry.prefix, Metadata.mapKey(this.#map(entry, id).rawId))
    const found: Array<readonly [Value, Value]> = []
    for (const [key, value] of Trie.entries(this.#contracts, prefix)) {
      if (key.length === prefix.length) continue
      found.push([Metadata.stored(key.subarray(prefix.length)), Metadata.stored(value)])
    }
    const entries = SortedMap.fromEntries(found)
    entry.maps.set(id, entries)
    return entries
  }

  /** The number of entries of a stored map. */
  size(contract: Uint8Array, id: number): number {
    return this.#map(this.#entry(contract), id).size
  }

  /** A new contract: its store is empty but for register 0. */
  initialize(contract: Uint8Array): void {
    const entry = this.#entry(contract)
    const before = { initialized: entry.initialized, metadata: entry.metadata }
    entry.initialized = true
    entry.metadata = Metadata.empty
    this.#undo.push(() => Object.assign(entry, before))
  }

  /**
   * Writes what the run changed into the contracts tree as it is at the end of the run. Throws what the meter throws,
   * and `Crash` where the outcome depends on the inner order of big Erlang maps.
   */
  finish(contracts: Trie.Trie, meter: Meter, options: { readonly lima?: boolean } = {}): Trie.Trie {
    const written = Array.from(this.#entries.values(), (entry) => ({ entry, registers: writtenOf(entry) }))
    for (const { registers } of written) for (const [, value] of registers) meter.traverse(value)
    let result = contracts
    for (const { entry, registers } of written) {
      // What a protected call created and then took back is not there any more.
      if (entry.initialized && Trie.has(result, entry.contract)) {
        result = Trie.put(result, entry.prefix, present)
        result = Trie.put(result, Bytes.concat(entry.prefix, Metadata.registerKey(0)), Metadata.encodedEmpty)
      }
      if (registers.length > 0) {
        const metadata = this.#metadata(entry)
        result = writeStore(result, entry.prefix, metadata, registers, meter.spend, options.lima === true)
      }
    }
    return result
  }

  #entry(contract: Uint8Array): Entry {
    const latest = this.#latest
    if (latest !== undefined && Bytes.equals(latest.contract, contract)) return latest
    const name = Bytes.toHex(contract)
    let entry = this.#entries.get(name)
    if (entry === undefined) {
      entry = {
        contract,
        prefix: Bytes.concat(this.#keyOf(contract), storeMark),
        registers: new Map(),
        initialized: false,
        metadata: undefined,
        lookups: new Map(),
        maps: new Map()
      }
      this.#entries.set(name, entry)
    }
    this.#latest = entry
    return entry
  }

  #set(entry: Entry, register: number, value: Register): void {
    const before = entry.registers.get(register)
    entry.registers.set(register, value)
    if (before?.age === value.age) return
    this.#undo.push(() => {
      if (before === undefined) entry.registers.delete(register)
      else entry.registers.set(register, before)
    })
  }

  #metadata(entry: Entry): Metadata.Metadata {
    if (entry.metadata !== undefined) return entry.metadata
    const bytes = Trie.get(this.#contracts, Bytes.concat(entry.prefix, Metadata.registerKey(0)))
    if (bytes === undefined) return crash("the contract has no store")
    entry.metadata = Metadata.decodeOrThrow(bytes)
    return entry.metadata
  }

  #map(entry: Entry, id: number): Metadata.MapFacts {
    return this.#metadata(entry).get(id) ?? crash(`the store has no map ${id}`)
  }
}
