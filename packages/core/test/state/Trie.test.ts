import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import * as Trie from "../../src/state/Trie.js"
import { fixture } from "../support/Shared.js"

interface Vector {
  readonly name: string
  readonly steps: ReadonlyArray<{
    readonly op: "put" | "del"
    readonly key: string
    readonly value?: string
    readonly root: string
  }>
  readonly serialized: string
}

const hex = Bytes.fromHex
const rootHex = (trie: Trie.Trie): string => {
  const root = Trie.rootHash(trie)
  return root === undefined ? "" : Bytes.toHex(root)
}

// Short keys over few nibbles collide, nest and share prefixes; values around 32 bytes cross the inline limit.
const key = FastCheck.oneof(
  FastCheck.uint8Array({ maxLength: 3 }),
  FastCheck.array(FastCheck.constantFrom(0x00, 0x01, 0x10, 0x11), { maxLength: 4 }).map((a) =>
    Uint8Array.from(a)
  ),
  FastCheck.uint8Array({ minLength: 32, maxLength: 32 })
)
const value = FastCheck.oneof(
  FastCheck.uint8Array({ minLength: 1, maxLength: 3 }),
  FastCheck.uint8Array({ minLength: 24, maxLength: 40 })
)
const step = FastCheck.oneof(
  { weight: 3, arbitrary: FastCheck.record({ op: FastCheck.constant("put" as const), key, value }) },
  { weight: 1, arbitrary: FastCheck.record({ op: FastCheck.constant("remove" as const), key, value }) },
  { weight: 1, arbitrary: FastCheck.record({ op: FastCheck.constant("removeKnown" as const), key, value }) }
)
const entryList = FastCheck.uniqueArray(FastCheck.tuple(key, value), {
  selector: ([k]) => Bytes.toHex(k),
  maxLength: 40
})

const nodeSet = (trie: Trie.Trie) => new Set(Array.from(Trie.nodes(trie), ({ node }) => node))

/** Shape rules of the tree, checked on every node. */
const expectCanonicalShape = (trie: Trie.Trie) => {
  for (const { node } of Trie.nodes(trie)) {
    if (node.kind === "extension") {
      expect(node.path.length).toBeGreaterThan(0)
      expect(node.child.kind).toBe("branch")
    } else if (node.kind === "branch") {
      const parts =
        node.children.filter((child) => child !== undefined).length + (node.value === undefined ? 0 : 1)
      expect(parts).toBeGreaterThanOrEqual(2)
    }
  }
}

describe("Trie", () => {
  it("gives the known root after every step and the known serialized tree", () => {
    const { trees }: { readonly trees: ReadonlyArray<Vector> } = fixture("mpt")
    let steps = 0
    for (const vector of trees) {
      let trie = Trie.empty
      for (const { op, key, value, root } of vector.steps) {
        trie = op === "put" ? Trie.put(trie, hex(key), hex(value ?? "")) : Trie.remove(trie, hex(key))
        expect(rootHex(trie), `${vector.name}, step ${steps}`).toBe(root)
        steps++
      }
      expect(Bytes.toHex(Trie.encodeMtree(trie)), vector.name).toBe(vector.serialized)
      const again = Trie.decodeMtreeOrThrow(hex(vector.serialized))
      expect(rootHex(again), vector.name).toBe(rootHex(trie))
      expect(Bytes.toHex(Trie.encodeMtree(again)), vector.name).toBe(vector.serialized)
    }
    console.log(`mpt.json: ${trees.length} trees, ${steps} steps, each root and serialized tree equal`)
    expect(steps).toBeGreaterThan(0)
  })

  it.prop(
    "behaves as a map under any run of put and remove",
    [FastCheck.array(step, { maxLength: 60 })],
    ([steps]) => {
      const model = new Map<string, Uint8Array>()
      let trie = Trie.empty
      for (const { op, key, value } of steps) {
        const known = [...model.keys()]
        const target =
          op === "removeKnown" && known.length > 0 ? hex(known[value.length % known.length] ?? "") : key
        if (op === "put") {
          model.set(Bytes.toHex(target), value)
          trie = Trie.put(trie, target, value)
        } else {
          model.delete(Bytes.toHex(target))
          trie = Trie.remove(trie, target)
        }
        expect(Trie.get(trie, target)).toStrictEqual(model.get(Bytes.toHex(target)))
      }
      const expected = [...model]
        .map(([k, v]) => [hex(k), v] as const)
        .sort(([a], [b]) => Bytes.compare(a, b))
      expect([...Trie.entries(trie)]).toStrictEqual(expected)
      expect(Trie.size(trie)).toBe(model.size)
      expect(Trie.isEmpty(trie)).toBe(model.size === 0)
      expectCanonicalShape(trie)
      // The history has left no trace: the same content put in afresh has the same root.
      expect(rootHex(trie)).toBe(rootHex(Trie.fromEntries(expected)))
    },
    { fastCheck: { numRuns: 200 } }
  )

  it.prop(
    "root does not depend on the order of insertion, and encoding round-trips",
    [entryList, FastCheck.infiniteStream(FastCheck.nat())],
    ([list, random]) => {
      const trie = Trie.fromEntries(list)
      const shuffled = list.map((entry) => [random.next().value as number, entry] as const)
      shuffled.sort(([a], [b]) => a - b)
      const other = Trie.fromEntries(shuffled.map(([, entry]) => entry))
      expect(rootHex(other)).toBe(rootHex(trie))
      expect(Trie.equals(other, trie)).toBe(true)
      const bytes = Trie.encodeMtree(trie)
      const decoded = Trie.decodeMtreeOrThrow(bytes)
      expect(rootHex(decoded)).toBe(rootHex(trie))
      expect(Trie.encodeMtree(decoded)).toStrictEqual(bytes)
    }
  )

  it.prop(
    "encoded after every step, it is what all its entries encode to",
    [
      FastCheck.array(FastCheck.tuple(key, FastCheck.uint8Array({ maxLength: 600 })), {
        minLength: 30,
        maxLength: 80
      })
    ],
    ([list]) => {
      const values = (trie: Trie.Trie) =>
        Array.from(Trie.entries(trie), ([key, value]) =>
          Rlp.encode([Uint8Array.of(64), Uint8Array.of(1), key, value])
        ).reverse()
      // Large enough for pieces of it to be remembered; an empty value removes its key.
      let trie = Trie.empty
      for (const [key, value] of list) {
        trie = Trie.put(trie, key, value)
        const whole = Rlp.encode([Uint8Array.of(63), Uint8Array.of(1), values(trie)])
        expect(Bytes.toHex(Trie.encodeMtree(trie))).toBe(Bytes.toHex(whole))
      }
    }
  )

  it.prop("hashed after every step or at the end, the root is the same", [entryList], ([list]) => {
    const prefix = new Uint8Array(40).fill(7)
    const long = list.map(([key, value]): Trie.Entry => [Bytes.concat(prefix, key), value])
    let hashed = Trie.empty
    for (const [key, value] of long) {
      hashed = Trie.put(hashed, key, value)
      Trie.rootHash(hashed)
    }
    const once = Trie.fromEntries(long)
    expect(rootHex(hashed)).toBe(rootHex(once))
    const encodings = (trie: Trie.Trie) =>
      Array.from(Trie.nodes(trie), ({ byHash, node }) => [byHash, node.encoding])
    expect(encodings(hashed)).toEqual(encodings(once))
    expect([...Trie.entries(hashed)]).toStrictEqual([...Trie.entries(once)])
  })

  it.prop(
    "another value or one more key gives another root",
    [entryList, key, value],
    ([list, key, value]) => {
      const trie = Trie.fromEntries(list)
      const changed = Trie.put(trie, key, value)
      const before = Trie.get(trie, key)
      const same = before !== undefined && Bytes.equals(before, value)
      expect(Trie.equals(trie, changed)).toBe(same)
      if (same) expect(changed).toBe(trie)
    }
  )

  it.prop("entries with a prefix are those whose keys start with it", [entryList, key], ([list, key]) => {
    const trie = Trie.fromEntries(list)
    for (const prefix of [key, key.subarray(0, 1), list[0]?.[0].subarray(0, 2) ?? key]) {
      const expected = [...Trie.entries(trie)].filter(([k]) =>
        Bytes.equals(k.subarray(0, prefix.length), prefix)
      )
      expect([...Trie.entries(trie, prefix)]).toStrictEqual(expected)
    }
  })

  it.prop("an update leaves the old trie as it was", [entryList, key, value], ([list, key, value]) => {
    const trie = Trie.fromEntries(list)
    const before = [...Trie.entries(trie)]
    const root = rootHex(trie)
    Trie.rootHash(Trie.put(trie, key, value))
    for (const [k] of list) Trie.rootHash(Trie.remove(trie, k))
    expect([...Trie.entries(trie)]).toStrictEqual(before)
    expect(rootHex(trie)).toBe(root)
  })

  it("makes new nodes along one path only", () => {
    const at = (i: number) =>
      Bytes.concat(Uint8Array.of((i * 37) % 256, (i * 101) % 256), Bytes.uintToFixed(i, 30))
    let trie = Trie.empty
    for (let i = 0; i < 2000; i++) trie = Trie.put(trie, at(i), Bytes.uintToFixed(i + 1, 33))
    const all = nodeSet(trie)
    const counts: Array<number> = []
    for (let i = 0; i < 2000; i += 97) {
      const fresh = (other: Trie.Trie) => [...nodeSet(other)].filter((node) => !all.has(node)).length
      counts.push(fresh(Trie.put(trie, at(i), Uint8Array.of(1))), fresh(Trie.remove(trie, at(i))))
      counts.push(fresh(Trie.put(trie, at(i + 5000), Uint8Array.of(1))))
    }
    console.log(
      `structural sharing: at most ${Math.max(...counts)} new nodes per update of a trie of ${all.size} nodes`
    )
    // 2000 keys fork within their first few nibbles: root, at most five nodes below it, a fork and a leaf.
    expect(Math.max(...counts)).toBeLessThanOrEqual(8)
    expect(all.size).toBeGreaterThan(2000)
    expect(Trie.put(trie, at(3), Bytes.uintToFixed(4, 33))).toBe(trie)
    expect(Trie.remove(trie, at(99_999))).toBe(trie)
  })

  it("hashes only what is new", () => {
    const trie = Trie.fromEntries([
      [hex("10"), new Uint8Array(40).fill(1)],
      [hex("20"), new Uint8Array(40).fill(2)],
      [hex("30"), new Uint8Array(40).fill(3)]
    ])
    Trie.rootHash(trie)
    const changed = Trie.put(trie, hex("20"), new Uint8Array(40).fill(4))
    const unencoded = (t: Trie.Trie) =>
      (t.root?.kind === "branch" ? t.root.children : []).filter((c) => c?.isEncoded === false)
    expect(unencoded(changed).length).toBe(1)
    Trie.rootHash(changed)
    expect(unencoded(changed).length).toBe(0)
  })

  it("is as deep as its keys without exhausting the stack", () => {
    let trie = Trie.empty
    const depth = 10_000
    const long = new Uint8Array(depth).fill(0x11)
    // The longest key first: then each further one is put in at the root.
    for (let i = depth; i >= 0; i--) trie = Trie.put(trie, long.subarray(0, i), Uint8Array.of(1))
    expect(Trie.rootHash(trie)?.length).toBe(32)
    expect(Trie.get(trie, long)).toStrictEqual(Uint8Array.of(1))
    // A branch for each key but the longest, an extension between any two; the last leaf is inside its branch.
    expect(Trie.proofNodes(trie, long)?.length).toBe(2 * depth - 1)
    const without = Trie.remove(trie, long)
    expect(Trie.get(without, long)).toBeUndefined()
    expect(Trie.equals(Trie.put(without, long, Uint8Array.of(1)), trie)).toBe(true)
  })

  describe("refuses", () => {
    const entry = (k: string, v: string) => Rlp.encode([Uint8Array.of(64), Uint8Array.of(1), hex(k), hex(v)])
    const tree = (...items: ReadonlyArray<Rlp.Rlp>) =>
      Rlp.encode([Uint8Array.of(63), Uint8Array.of(1), items])
    const cases: ReadonlyArray<readonly [name: string, bytes: Uint8Array, reason: string]> = [
      ["a key that comes twice", tree(entry("01", "02"), entry("01", "03")), "duplicate_key"],
      ["an empty value", tree(entry("01", "")), "empty_value"],
      ["another object", Rlp.encode([Uint8Array.of(62), Uint8Array.of(0), []]), "unexpected_tag"],
      ["another version", Rlp.encode([Uint8Array.of(63), Uint8Array.of(2), []]), "unexpected_tag"],
      [
        "an entry of another kind",
        tree(Rlp.encode([Uint8Array.of(65), Uint8Array.of(1), hex("01"), hex("01")])),
        "unexpected_tag"
      ],
      ["an entry that is no object", tree([hex("01"), hex("01")]), "invalid_field"],
      ["a field too many", Rlp.encode([Uint8Array.of(63), Uint8Array.of(1), [], []]), "wrong_field_count"],
      ["trailing bytes", Bytes.concat(tree(), Uint8Array.of(0)), "trailing"]
    ]
    for (const [name, bytes, reason] of cases) {
      it.effect(name, () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(Trie.decodeMtree(bytes))
          expect(error).toBeInstanceOf(DecodeError)
          expect(error.reason).toBe(reason)
        })
      )
    }

    it("no order of entries", () => {
      const ascending = Trie.decodeMtreeOrThrow(tree(entry("01", "0a"), entry("02", "0b")))
      const descending = Trie.decodeMtreeOrThrow(tree(entry("02", "0b"), entry("01", "0a")))
      expect(Trie.encodeMtree(ascending)).toStrictEqual(Trie.encodeMtree(descending))
    })
  })
})
