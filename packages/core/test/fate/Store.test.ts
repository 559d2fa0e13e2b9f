/** Stores of contracts: reading, writing, taking back, and what random programs leave behind. */
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Bytes from "../../src/encoding/Bytes.js"
import { Crash } from "../../src/fate/internal/machine.js"
import * as SortedMap from "../../src/fate/internal/sortedMap.js"
import { mapEntries, mapSize, Stores, unfold } from "../../src/fate/internal/store.js"
import * as Metadata from "../../src/fate/internal/storeMetadata.js"
import { compareTerms } from "../../src/fate/internal/termOrder.js"
import * as Value from "../../src/fate/Value.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"
import * as Trie from "../../src/state/Trie.js"

const contract = new Uint8Array(32).fill(0xc1)
const other = new Uint8Array(32).fill(0xc2)
const prefixOf = (key: Uint8Array): Uint8Array => Bytes.concat(key, Uint8Array.of(0x10))

const withStore = (trie: Trie.Trie, key: Uint8Array): Trie.Trie => {
  const object = Trie.put(trie, key, Uint8Array.of(1))
  const marked = Trie.put(object, prefixOf(key), Uint8Array.of(0))
  return Trie.put(marked, Bytes.concat(prefixOf(key), Uint8Array.of(0, 0)), Uint8Array.of(0x2f, 0))
}

const twoContracts = withStore(withStore(Trie.empty, contract), other)

const free = { traverse: () => {}, spend: () => {} }

const finish = (stores: Stores, trie: Trie.Trie): Trie.Trie => stores.finish(trie, free)

const map = (...entries: ReadonlyArray<readonly [Value.Value, Value.Value]>): Value.MapValue =>
  Value.map(SortedMap.fromEntries(entries))

const words = (n: number): Value.StringValue => Value.text("x".repeat(n))

const storeMapIn = (stores: Stores, register: number): Value.StoreMap => {
  const value = stores.read(contract, register)?.value
  if (typeof value !== "object" || value._tag !== "store_map") throw new Error("no store map")
  return value
}

const updated = (value: Value.StoreMap, key: Value.Value, to: Value.Value | typeof Value.removed) =>
  Value.storeMap(value.id, SortedMap.set(value.cache, key, to))

/** The store without the mark of its beginning. */
const hexEntries = (trie: Trie.Trie): ReadonlyArray<string> =>
  Array.from(Trie.entries(trie, prefixOf(contract)))
    .filter(([key]) => key.length > 33)
    .map(([key, value]) => `${Bytes.toHex(key.subarray(33))} ${Bytes.toHex(value)}`)

/** Why a run crashes; `undefined` if it does not. */
const crashOf = (run: () => unknown): string | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof Crash) return error.reason
    throw error
  }
}

const metadataIn = (trie: Trie.Trie): Uint8Array =>
  Trie.get(trie, Bytes.concat(prefixOf(contract), Uint8Array.of(0, 0))) ?? new Uint8Array()

describe("registers", () => {
  it("the first read of a register is told from later ones and from reads of what was written", () => {
    const before = finish(
      (() => {
        const stores = new Stores(twoContracts)
        stores.write(contract, 1, 7n)
        return stores
      })(),
      twoContracts
    )
    const stores = new Stores(before)
    expect(stores.read(contract, 1)).toEqual({ value: 7n, first: true })
    expect(stores.read(contract, 1)).toEqual({ value: 7n, first: false })
    expect(stores.read(contract, 2)).toBeUndefined()
    expect(stores.read(other, 1)).toBeUndefined()
    stores.write(contract, 2, 8n)
    expect(stores.read(contract, 2)).toEqual({ value: 8n, first: false })
  })

  it("what was read and written since a snapshot is taken back, one inside the other", () => {
    const first = new Stores(twoContracts)
    first.write(contract, 1, 1n)
    const before = finish(first, twoContracts)
    const stores = new Stores(before)
    stores.write(contract, 2, 20n)
    const outer = stores.snapshot()
    expect(stores.read(contract, 1)?.first).toBe(true)
    stores.write(contract, 2, 21n)
    const inner = stores.snapshot()
    stores.write(contract, 1, 11n)
    stores.write(other, 300, 5n)
    stores.restore(inner)
    expect(stores.read(contract, 1)).toEqual({ value: 1n, first: false })
    expect(stores.read(contract, 2)?.value).toBe(21n)
    stores.restore(outer)
    stores.restore(outer)
    expect(stores.read(contract, 1)).toEqual({ value: 1n, first: true })
    expect(stores.read(contract, 2)?.value).toBe(20n)
    expect(stores.read(other, 300)).toBeUndefined()
    const after = finish(stores, before)
    expect(Array.from(Trie.entries(after, prefixOf(other))).length).toBe(2)
    expect(Trie.get(after, Bytes.concat(prefixOf(contract), Uint8Array.of(0, 2)))).toEqual(
      ValueCodec.encode(20n)
    )
  })

  it("a run that only read leaves the tree itself", () => {
    const stores = new Stores(twoContracts)
    stores.read(contract, 1)
    expect(finish(stores, twoContracts)).toBe(twoContracts)
  })

  it("a new contract has a store; one that was taken back has none", () => {
    const made = new Uint8Array(32).fill(0xc3)
    const stores = new Stores(twoContracts)
    stores.initialize(made)
    stores.write(made, 1, 5n)
    expect(stores.read(made, 1)?.value).toBe(5n)
    const withObject = Trie.put(twoContracts, made, Uint8Array.of(1))
    const keys = Array.from(Trie.entries(finish(stores, withObject), made), ([key]) =>
      Bytes.toHex(key.subarray(32))
    )
    expect(keys).toEqual(["", "10", "100000", "100001"])
    const back = new Stores(twoContracts)
    const snapshot = back.snapshot()
    back.initialize(made)
    back.restore(snapshot)
    expect(finish(back, twoContracts)).toBe(twoContracts)
    const gone = new Stores(twoContracts)
    gone.initialize(made)
    expect(finish(gone, twoContracts)).toBe(twoContracts)
  })

  it("a store can lie elsewhere than under its contract", () => {
    const stores = new Stores(twoContracts, () => other)
    stores.write(contract, 1, 5n)
    const after = finish(stores, twoContracts)
    expect(new Stores(after).read(other, 1)?.value).toBe(5n)
    expect(new Stores(after).read(contract, 1)).toBeUndefined()
  })

  it("every written value is walked, and every byte costs 5 gas", () => {
    const stores = new Stores(twoContracts)
    stores.write(contract, 2, words(10))
    stores.write(contract, 1, 1n)
    stores.write(other, 256, 3n)
    const walked: Array<Value.Value> = []
    let gas = 0
    stores.finish(twoContracts, {
      traverse: (value) => walked.push(value),
      spend: (more) => {
        gas += more
      }
    })
    expect(walked).toEqual([1n, words(10), 3n])
    // Two registers and the metadata, one register and the metadata.
    expect(gas).toBe(5 * (2 + 1 + (2 + 11) + (2 + 2) + (3 + 1) + (2 + 2)))
  })

  it("a store without metadata, with unreadable values or with code as a value makes the run crash", () => {
    const stores = new Stores(Trie.empty)
    stores.write(contract, 1, 1n)
    expect(crashOf(() => finish(stores, Trie.empty))).toBe("the contract has no store")
    const minusZero = Uint8Array.of(0x80)
    const broken = Trie.put(twoContracts, Bytes.concat(prefixOf(contract), Uint8Array.of(0, 1)), minusZero)
    expect(crashOf(() => new Stores(broken).read(contract, 1))).toContain("cannot be read")
    const code = new Stores(twoContracts)
    code.write(contract, 1, Value.byteArray(new Uint8Array(3)))
    expect(crashOf(() => finish(code, twoContracts))).toBe("code as a value cannot be stored")
    expect(crashOf(() => new Stores(twoContracts).lookup(contract, 3, 1n))).toBe("the store has no map 3")
  })
})

describe("maps", () => {
  const big = map([1n, words(60)], [2n, words(60)])
  const stored = (() => {
    const stores = new Stores(twoContracts)
    stores.write(contract, 1, big)
    return finish(stores, twoContracts)
  })()

  it("a map of 100 bytes is a store map, one of 99 is not", () => {
    for (const [length, tag] of [
      [94, "map"],
      [95, "store_map"]
    ] as const) {
      const value = map([1n, words(length)])
      const stores = new Stores(twoContracts)
      stores.write(contract, 1, value)
      expect(ValueCodec.encode(value).length).toBe(length + 5)
      expect(new Stores(finish(stores, twoContracts)).read(contract, 1)?.value).toMatchObject({ _tag: tag })
    }
  })

  it("look-ups, entries and sizes see the store below the changes", () => {
    const stores = new Stores(stored)
    const value = storeMapIn(stores, 1)
    const changed = updated(updated(updated(value, 1n, Value.removed), 3n, 30n), 4n, Value.removed)
    expect(stores.lookup(contract, value.id, 1n)).toEqual(words(60))
    expect(stores.lookup(contract, value.id, 3n)).toBeUndefined()
    expect(stores.lookup(contract, value.id, 3n)).toBeUndefined()
    expect(stores.size(contract, value.id)).toBe(2)
    expect(mapSize(stores, contract, changed)).toBe(2)
    expect(Array.from(SortedMap.entries(mapEntries(stores, contract, changed)))).toEqual([
      [2n, words(60)],
      [3n, 30n]
    ])
    expect(ValueCodec.encode(unfold(stores, contract, Value.tuple([changed, value])))).toEqual(
      ValueCodec.encode(Value.tuple([map([2n, words(60)], [3n, 30n]), big]))
    )
    const plain = Value.list([1n, big])
    expect(unfold(stores, contract, plain)).toBe(plain)
  })

  it("a changed map is changed in place, and the write touches only what changed", () => {
    const many = map(...Array.from({ length: 400 }, (_, i) => [BigInt(i), words(20)] as const))
    const first = new Stores(twoContracts)
    first.write(contract, 1, many)
    const before = finish(first, twoContracts)
    const stores = new Stores(before)
    stores.write(contract, 1, updated(storeMapIn(stores, 1), 7n, 7n))
    let gas = 0
    const after = stores.finish(before, {
      traverse: () => {},
      spend: (more) => {
        gas += more
      }
    })
    // Register 1, one entry, register 0.
    expect(gas).toBe(5 * (2 + 2 + (1 + 1) + (2 + 10)))
    const old = new Set(hexEntries(before))
    expect(hexEntries(after).filter((entry) => !old.has(entry))).toEqual([
      "0000 2f01023b00026f820150",
      "0001 bf01",
      "01000000000e 0e"
    ])
  })

  it("a map kept beside its changed version is copied, and collected when nothing refers to it", () => {
    const first = new Stores(stored)
    const value = storeMapIn(first, 1)
    first.write(contract, 2, updated(value, 2n, 22n))
    const shared = finish(first, stored)
    expect(Array.from(Metadata.decodeOrThrow(metadataIn(shared)))).toEqual([
      [0, { rawId: 0, references: 1, size: 2 }],
      [1, { rawId: 1, references: 1, size: 2 }]
    ])
    const second = new Stores(shared)
    second.write(contract, 1, 0n)
    const after = finish(second, shared)
    expect(Array.from(Metadata.decodeOrThrow(metadataIn(after)))).toEqual([
      [1, { rawId: 1, references: 1, size: 2 }]
    ])
    expect(hexEntries(after).some((entry) => entry.startsWith("0100000000"))).toBe(false)
  })

  /** A map whose only value is a store map (number 0), itself number 1, in register 1. */
  const nested = (at: Value.Value) => {
    const stores = new Stores(twoContracts)
    stores.write(contract, 1, map([at, big], [0n, words(100)]))
    const trie = finish(stores, twoContracts)
    expect(Array.from(Metadata.decodeOrThrow(metadataIn(trie)).keys())).toEqual([0, 1])
    return trie
  }

  it("what a change in place overwrites is collected; before Iris it stays", () => {
    const before = nested(1n)
    const left = (lima: boolean) => {
      const stores = new Stores(before)
      stores.write(contract, 1, updated(storeMapIn(stores, 1), 1n, 5n))
      return Array.from(Metadata.decodeOrThrow(metadataIn(stores.finish(before, free, { lima }))))
    }
    expect(left(false)).toEqual([[2, { rawId: 1, references: 1, size: 2 }]])
    expect(left(true)).toEqual([
      [0, { rawId: 0, references: 1, size: 2 }],
      [2, { rawId: 1, references: 1, size: 2 }]
    ])
  })

  it("a key that looks like the place of an entry takes a reference away, as in the reference engine", () => {
    const inside = new Uint8Array(60).fill(0x61)
    const before = nested(Value.string(inside))
    // Serialized, this string is the store key of that entry: 01 00000001 f1 61…
    const looksLike = Value.string(Bytes.concat(Uint8Array.of(0, 0, 1, 0xf1), inside))
    const stores = new Stores(before)
    stores.write(contract, 1, updated(storeMapIn(stores, 1), looksLike, 5n))
    expect(Array.from(Metadata.decodeOrThrow(metadataIn(finish(stores, before))))).toEqual([
      [0, { rawId: 0, references: 0, size: 2 }],
      [2, { rawId: 1, references: 1, size: 3 }]
    ])
  })

  it("values as deep as gas allows are written, counted and unfolded", () => {
    let value: Value.Value = big
    for (let i = 0; i < 60_000; i++) value = i % 2 === 0 ? Value.tuple([value]) : Value.list([value])
    const stores = new Stores(twoContracts)
    stores.write(contract, 1, value)
    const after = finish(stores, twoContracts)
    const again = new Stores(after)
    const read = again.read(contract, 1)?.value as Value.Value
    expect(ValueCodec.encode(unfold(again, contract, read))).toEqual(ValueCodec.encode(value))
    again.write(contract, 1, 0n)
    expect(hexEntries(finish(again, after))).toEqual(["0000 2f00", "0001 00"])
  })

  it("new maps are numbered in the order of Erlang terms, not in that of FATE", () => {
    // FATE has the shorter string first, Erlang the smaller first byte.
    const value = map([Value.text("b"), map([1n, words(100)])], [Value.text("aa"), map([2n, words(100)])])
    const stores = new Stores(twoContracts)
    stores.write(contract, 1, value)
    const after = finish(stores, twoContracts)
    const again = new Stores(after)
    expect(again.read(contract, 1)?.value).toMatchObject({ _tag: "map" })
    expect(again.lookup(contract, 0, 2n)).toEqual(words(100))
    expect(again.lookup(contract, 1, 1n)).toEqual(words(100))
    // A changed store map has its number before the maps that were put into it.
    const first = new Stores(stored)
    first.write(contract, 1, updated(storeMapIn(first, 1), 3n, big))
    const ids = Array.from(Metadata.decodeOrThrow(metadataIn(finish(first, stored))))
    expect(ids).toEqual([
      [1, { rawId: 0, references: 1, size: 3 }],
      [2, { rawId: 2, references: 1, size: 2 }]
    ])
  })

  it("where the order inside a big Erlang map would decide, the run crashes", () => {
    const nested = (count: number, inner: number) =>
      map(
        ...Array.from(
          { length: count },
          (_, i) => [BigInt(i), i < inner ? big : words(3)] as readonly [Value.Value, Value.Value]
        )
      )
    const write = (value: Value.Value) => () => {
      const stores = new Stores(twoContracts)
      stores.write(contract, 1, value)
      return finish(stores, twoContracts)
    }
    expect(crashOf(write(nested(33, 2)))).toContain("more than 32 entries")
    expect(crashOf(write(nested(33, 1)))).toBeUndefined()
    expect(crashOf(write(nested(32, 32)))).toBeUndefined()
    const base = write(nested(100, 0))()
    const stores = new Stores(base)
    let value = storeMapIn(stores, 1)
    for (let i = 0; i < 33; i++) value = updated(value, BigInt(i), i < 2 ? big : Value.removed)
    stores.write(contract, 1, value)
    expect(crashOf(() => finish(stores, base))).toContain("more than 32 entries")
  })
})

describe("the order of Erlang terms", () => {
  const bytes = (...all: ReadonlyArray<number>) => Uint8Array.from(all)
  const ascending: ReadonlyArray<Value.Value> = [
    -5n,
    0n,
    2n ** 70n,
    false,
    true,
    Value.reference("address", bytes(9)),
    Value.bits(-3n),
    Value.bits(2n),
    Value.bytes(bytes(1, 2)),
    Value.bytes(bytes(2)),
    Value.reference("channel", bytes(1)),
    Value.reference("contract", bytes(1)),
    Value.reference("oracle", bytes(1)),
    Value.reference("oracle_query", bytes(1)),
    Value.unit,
    Value.tuple([5n]),
    Value.tuple([1n, false]),
    Value.tuple([1n, Value.unit]),
    Value.variant([0, 0], 1, []),
    Value.variant([0, 1], 0, []),
    Value.variant([0, 1], 1, [1n]),
    Value.variant([0, 1, 0], 0, []),
    Value.nil,
    Value.list([1n]),
    Value.list([1n, 0n]),
    Value.list([2n]),
    Value.string(bytes()),
    Value.string(bytes(1, 255)),
    Value.string(bytes(2))
  ]

  it("numbers, atoms, tuples, lists, binaries; inside a kind as Erlang compares them", () => {
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries()) {
        expect(Math.sign(compareTerms(a, b)), `${i} ${j}`).toBe(Math.sign(i - j))
      }
    }
  })

  it("is not bothered by depth, and refuses maps", () => {
    let a: Value.Value = 1n
    let b: Value.Value = 2n
    for (let i = 0; i < 50_000; i++) {
      a = Value.list([a])
      b = Value.list([b])
    }
    expect(compareTerms(a, b)).toBe(-1)
    expect(crashOf(() => compareTerms(map(), map()))).toContain("as a key")
  })
})

// A random program: what it holds (values of the machine beside plain values of the model), what it does with them.

type Held = readonly [actual: Value.Value, model: Value.Value]

const pick = FastCheck.oneof(FastCheck.nat({ max: 3 }), FastCheck.nat({ max: 30 }))
const key = FastCheck.nat({ max: 5 })
const op = <Op extends string, A>(
  weight: number,
  name: Op,
  fields: { [K in keyof A]: FastCheck.Arbitrary<A[K]> }
) => ({
  weight,
  arbitrary: FastCheck.record(fields).map((record) => ({ op: name, ...record }))
})
const step = FastCheck.oneof(
  op(1, "map", {}),
  op(6, "text", { key, to: pick, size: FastCheck.integer({ min: 20, max: 120 }) }),
  op(6, "put", { key, to: pick, value: pick }),
  op(1, "delete", { key, from: pick }),
  op(3, "get", { key, from: pick }),
  op(1, "pair", { one: pick, two: pick }),
  op(5, "read", { register: FastCheck.nat(3) }),
  op(6, "write", { register: FastCheck.nat(3), value: pick }),
  op(1, "unfold", { value: pick }),
  op(1, "snapshot", {}),
  op(1, "restore", {})
)
type Step = typeof step extends FastCheck.Arbitrary<infer A> ? A : never

const isKind = <T extends "map" | "store_map">(
  value: Value.Value,
  tag: T
): value is Extract<Value.Value, { _tag: T }> => typeof value === "object" && value._tag === tag

/** Bounded: a value that doubles with every step would end the test, not the machine. */
const isModest = (model: Value.Value): boolean => ValueCodec.encode(model).length < 20_000

const changed = ([actual, model]: Held, at: Value.Value, to: Held | undefined): Held => {
  if (!isKind(model, "map")) return [actual, model]
  const entries =
    to === undefined ? SortedMap.remove(model.entries, at) : SortedMap.set(model.entries, at, to[1])
  if (isKind(actual, "store_map")) return [updated(actual, at, to?.[0] ?? Value.removed), Value.map(entries)]
  if (!isKind(actual, "map")) throw new Error("a map that is none")
  return [
    Value.map(
      to === undefined ? SortedMap.remove(actual.entries, at) : SortedMap.set(actual.entries, at, to[0])
    ),
    Value.map(entries)
  ]
}

/** Runs a program on the store and on the model (registers by number); the registers of the model afterwards. */
const runProgram = (
  stores: Stores,
  registers: ReadonlyMap<number, Value.Value>,
  steps: ReadonlyArray<Step>
): ReadonlyMap<number, Value.Value> => {
  const held: Array<Held> = [
    [words(60), words(60)],
    [map(), map()]
  ]
  let model = new Map(registers)
  const snapshots: Array<readonly [ReturnType<Stores["snapshot"]>, Map<number, Value.Value>]> = []
  const at = (i: number): Held => held[held.length - 1 - (i % held.length)] as Held
  // Most of what happens should happen to maps.
  const mapAt = (i: number): Held => {
    const found = held.filter(([, plain]) => isKind(plain, "map"))
    return found[found.length - 1 - (i % found.length)] ?? at(i)
  }
  for (const one of steps) {
    switch (one.op) {
      case "text": {
        const next = changed(mapAt(one.to), BigInt(one.key), [words(one.size), words(one.size)])
        if (isModest(next[1])) held.push(next)
        break
      }
      case "map":
        held.push([map(), map()])
        break
      case "put": {
        const next = changed(mapAt(one.to), BigInt(one.key), at(one.value))
        if (isModest(next[1])) held.push(next)
        break
      }
      case "delete":
        held.push(changed(mapAt(one.from), BigInt(one.key), undefined))
        break
      case "get": {
        const [actual, plain] = mapAt(one.from)
        if (!isKind(plain, "map")) break
        const wanted = SortedMap.get(plain.entries, BigInt(one.key))
        let got: Value.Value | typeof Value.removed | undefined
        if (isKind(actual, "map")) got = SortedMap.get(actual.entries, BigInt(one.key))
        if (isKind(actual, "store_map")) {
          got =
            SortedMap.get(actual.cache, BigInt(one.key)) ??
            stores.lookup(contract, actual.id, BigInt(one.key))
          expect(mapSize(stores, contract, actual)).toBe(plain.entries.size)
        }
        if (got === Value.removed) got = undefined
        expect(got === undefined).toBe(wanted === undefined)
        if (got !== undefined && wanted !== undefined) held.push([got, wanted])
        break
      }
      case "pair": {
        const [one_, two] = [at(one.one), at(one.two)]
        const model_ = Value.tuple([one_[1], two[1]])
        if (isModest(model_)) held.push([Value.tuple([one_[0], two[0]]), model_])
        break
      }
      case "read": {
        const wanted = model.get(one.register + 1)
        const got = stores.read(contract, one.register + 1)
        expect(got === undefined).toBe(wanted === undefined)
        if (got !== undefined && wanted !== undefined) held.push([got.value, wanted])
        break
      }
      case "write": {
        const [actual, plain] = mapAt(one.value)
        stores.write(contract, one.register + 1, actual)
        model.set(one.register + 1, plain)
        break
      }
      case "unfold": {
        const [actual, plain] = at(one.value)
        expect(ValueCodec.encode(unfold(stores, contract, actual))).toEqual(ValueCodec.encode(plain))
        break
      }
      case "snapshot":
        snapshots.push([stores.snapshot(), new Map(model)])
        break
      case "restore": {
        const snapshot = snapshots.pop()
        if (snapshot === undefined) break
        stores.restore(snapshot[0])
        model = snapshot[1]
        break
      }
    }
  }
  return model
}

const count = (value: Value.Value, counts: Map<number, number>): void => {
  if (typeof value !== "object") return
  if (value._tag === "store_map") {
    expect(value.cache.size).toBe(0)
    counts.set(value.id, (counts.get(value.id) ?? 0) + 1)
  }
  if (value._tag === "tuple") for (const element of value.elements) count(element, counts)
  if (value._tag === "map") for (const [, element] of SortedMap.entries(value.entries)) count(element, counts)
}

/** Everything below the store's prefix belongs to a register or a counted map; counts and sizes are right. */
const checkStore = (trie: Trie.Trie, model: ReadonlyMap<number, Value.Value>): number => {
  const stores = new Stores(trie)
  const metadata = Metadata.decodeOrThrow(metadataIn(trie))
  const counts = new Map<number, number>()
  let keys = 2 + model.size
  for (const [register, wanted] of model) {
    const value = stores.read(contract, register)?.value
    if (value === undefined) throw new Error("a lost register")
    count(value, counts)
    expect(ValueCodec.encode(unfold(stores, contract, value))).toEqual(ValueCodec.encode(wanted))
  }
  for (const [id, facts] of metadata) {
    const entries = stores.entries(contract, id)
    expect(entries.size).toBe(facts.size)
    for (const [, value] of SortedMap.entries(entries)) count(value, counts)
    keys += 1 + entries.size
  }
  const references = Array.from(metadata, ([id, facts]) => [id, facts.references] as const)
  expect(new Map(references)).toEqual(counts)
  expect(new Set(Array.from(metadata.values(), ({ rawId }) => rawId)).size).toBe(metadata.size)
  expect(Array.from(Trie.entries(trie, prefixOf(contract))).length).toBe(keys)
  return metadata.size
}

describe("random programs", () => {
  it("leave what a plain model has, with right counts, and nothing else", () => {
    let runs = 0
    let maps = 0
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.array(step, { minLength: 20, maxLength: 60 }), {
          minLength: 1,
          maxLength: 8
        }),
        (programs) => {
          let trie = twoContracts
          let model: ReadonlyMap<number, Value.Value> = new Map()
          for (const program of programs) {
            const stores = new Stores(trie)
            model = runProgram(stores, model, program)
            trie = finish(stores, trie)
            maps += checkStore(trie, model)
            runs++
          }
          // When everything is given up, nothing is left.
          const last = new Stores(trie)
          for (const register of model.keys()) last.write(contract, register, 0n)
          expect(hexEntries(finish(last, trie)).length).toBe(1 + model.size)
        }
      ),
      { numRuns: 200, seed: 20_240_601 }
    )
    console.log(`random store programs: ${runs} runs, ${maps} store maps checked`)
  })
})
