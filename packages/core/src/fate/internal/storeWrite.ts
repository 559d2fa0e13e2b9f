/**
 * The end of a run: what a contract wrote goes into its store.
 *
 * Written values refer to maps of the store. A map to which nothing refers any more is garbage, unless a changed
 * version of it takes over its entries; every other changed version is a copy.
 */
import * as Bytes from "../../encoding/Bytes.js"
import * as Trie from "../../state/Trie.js"
import { removed } from "../Value.js"
import type { Value } from "../Value.js"
import * as ValueCodec from "../ValueCodec.js"
import { crash } from "./machine.js"
import * as SortedMap from "./sortedMap.js"
import { allocate } from "./storeAllocate.js"
import type { NewMap } from "./storeAllocate.js"
import { add, references, referencesIn } from "./storeCounts.js"
import type { Counts } from "./storeCounts.js"
import * as Metadata from "./storeMetadata.js"
import {
  applyCounts,
  collect,
  limaReuseOf,
  rawIdOf,
  reuseOf,
  Source,
  storedEntries,
  withCounts
} from "./storePlan.js"
import type { Plan, Working } from "./storePlan.js"

const gasPerByte = 5

type SerializedEntry = readonly [key: Uint8Array, value: Uint8Array | undefined]

const serialized = (changes: NewMap): ReadonlyArray<SerializedEntry> =>
  SortedMap.entries(changes.entries).map(([key, value]) => [
    ValueCodec.encode(key),
    value === removed ? undefined : ValueCodec.encode(value)
  ])

/** Gas for bytes. */
class Purse {
  /** Gas that was taken before. */
  #prepaid = 0

  constructor(readonly takeGas: (gas: number) => void) {}

  /**
   * Takes what the copies will cost at least (two bytes for every old entry) before anybody goes through them: all
   * changed versions of a map but one are copies.
   */
  prepay(maps: ReadonlyArray<NewMap>, before: Metadata.Metadata): void {
    const bases = new Set<number>()
    for (const { base } of maps) {
      if (base === undefined) continue
      if (bases.has(base)) this.#prepaid += 2 * gasPerByte * (before.get(base)?.size ?? 0)
      bases.add(base)
    }
    if (this.#prepaid > 0) this.takeGas(this.#prepaid)
  }

  pay(bytes: number): void {
    const gas = gasPerByte * bytes
    const prepaid = Math.min(gas, this.#prepaid)
    this.#prepaid -= prepaid
    if (gas > prepaid) this.takeGas(gas - prepaid)
  }
}

/** Writes into one contract's store. */
class Writer {
  constructor(
    public contracts: Trie.Trie,
    readonly prefix: Uint8Array,
    readonly metadata: Working,
    readonly purse: Purse
  ) {}

  register(register: number, value: Uint8Array): void {
    const key = Metadata.registerKey(register)
    this.purse.pay(key.length + value.length)
    this.contracts = Trie.put(this.contracts, Bytes.concat(this.prefix, key), value)
  }

  /** A new map, or a changed copy of a stored one as `before` has it. */
  copy(changes: NewMap, before: Metadata.Metadata): void {
    let size = 0
    if (changes.base !== undefined) {
      const old = before.get(changes.base) ?? crash(`the store has no map ${changes.base}`)
      size = old.size
      for (const entry of storedEntries(this.contracts, this.prefix, old.rawId)) this.#put(changes.id, entry)
    }
    // The copy has the old entries by now, so what is new to it is new to the old one.
    size += this.#putAll(changes.id, serialized(changes))
    this.contracts = Trie.put(this.contracts, this.#key(changes.id), Uint8Array.of(0))
    this.#setFacts(changes.id, changes.id, size)
  }

  /** Changes the entries of a stored map, which gets a new number. */
  update(changes: NewMap, base: number): void {
    const entries = serialized(changes)
    const rawId = rawIdOf(this.metadata, base)
    const oldSize = this.metadata.get(base)?.size ?? crash(`the store has no map ${base}`)
    // The reference engine subtracts what lies under the bare keys, as if they were keys of the store. They hardly
    // ever are.
    const counts: Counts = new Map()
    for (const [key] of entries) {
      add(counts, referencesIn(Trie.get(this.contracts, Bytes.concat(this.prefix, key))), -1)
    }
    const size = oldSize + this.#putAll(rawId, entries)
    this.metadata.delete(base)
    this.#setFacts(changes.id, rawId, size)
    applyCounts(this.metadata, counts)
  }

  remove(rawId: number): void {
    for (const [key] of storedEntries(this.contracts, this.prefix, rawId)) {
      this.#put(rawId, [key, undefined])
    }
    this.contracts = Trie.remove(this.contracts, this.#key(rawId))
  }

  #setFacts(id: number, rawId: number, size: number): void {
    this.metadata.set(id, { rawId, references: this.metadata.get(id)?.references ?? 0, size })
  }

  #key(rawId: number): Uint8Array {
    return Bytes.concat(this.prefix, Metadata.mapKey(rawId))
  }

  /** By how much the map grew. */
  #putAll(rawId: number, entries: ReadonlyArray<SerializedEntry>): number {
    const prefix = this.#key(rawId)
    let growth = 0
    for (const [key, value] of entries) {
      const there = Trie.has(this.contracts, Bytes.concat(prefix, key))
      if (there && value === undefined) growth--
      if (!there && value !== undefined) growth++
      this.#put(rawId, [key, value])
    }
    return growth
  }

  /** The key in the map and the value are paid for; a removal is free. */
  #put(rawId: number, [key, value]: SerializedEntry): void {
    const storeKey = Bytes.concat(this.#key(rawId), key)
    if (value === undefined) {
      this.contracts = Trie.remove(this.contracts, storeKey)
    } else {
      this.purse.pay(key.length + value.length)
      this.contracts = Trie.put(this.contracts, storeKey, value)
    }
  }
}

const complete = (metadata: Working): Metadata.Metadata => {
  const result = new Map<number, Metadata.MapFacts>()
  for (const [id, { rawId, references: count, size }] of metadata) {
    if (rawId === undefined || size === undefined) return crash(`the store has no map ${id}`)
    result.set(id, { rawId, references: count, size })
  }
  return result
}

/**
 * Writes registers (ascending) of one contract, whose store lies below `prefix`, into the contracts tree. Gas is
 * taken for every byte that is written.
 */
export const writeStore = (
  contracts: Trie.Trie,
  prefix: Uint8Array,
  before: Metadata.Metadata,
  registers: ReadonlyArray<readonly [register: number, value: Value]>,
  spend: (gas: number) => void,
  lima: boolean
): Trie.Trie => {
  const source = new Source(contracts, prefix)
  const { maps, values } = allocate(
    before,
    registers.map(([, value]) => value)
  )

  const counts = references(values)
  for (const { entries } of maps) {
    add(counts, references(SortedMap.entries(entries).map(([, value]) => value)))
  }
  for (const [register] of registers) add(counts, referencesIn(source.register(register)), -1)

  const purse = new Purse(spend)
  const writeRegisters = (writer: Writer): void =>
    registers.forEach(([register], i) => writer.register(register, ValueCodec.encode(values[i] as Value)))
  // Without maps in the store there is nothing to plan.
  if (before.size + maps.length + counts.size === 0) {
    const writer = new Writer(contracts, prefix, new Map(), purse)
    writeRegisters(writer)
    writer.register(0, Metadata.encodedEmpty)
    return writer.contracts
  }
  const plan: Plan = { source, maps, metadata: withCounts(before, counts) }
  purse.prepay(maps, before)
  const reuse = lima ? limaReuseOf(plan) : reuseOf(plan)
  const { garbage, metadata } = collect(source, reuse)

  const writer = new Writer(contracts, prefix, metadata, purse)
  writeRegisters(writer)
  const successor = ({ base, id }: NewMap) => base !== undefined && reuse.successors.get(base) === id
  for (const changes of maps) if (!successor(changes)) writer.copy(changes, before)
  for (const changes of maps) if (successor(changes)) writer.update(changes, changes.base as number)
  for (const rawId of garbage) writer.remove(rawId)
  writer.register(0, Metadata.encode(complete(writer.metadata)))
  return writer.contracts
}
