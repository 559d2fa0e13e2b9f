import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Account from "../../src/chain/Account.js"
import * as ContractObject from "../../src/chain/ContractObject.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Hash from "../../src/crypto/Hash.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import * as Poi from "../../src/state/Poi.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import { fixture } from "../support/Shared.js"
import { account as address, amount } from "../../src/testing/Arbitraries.js"

interface Vectors {
  readonly participants: { readonly A: ApiEncoding.AccountAddress; readonly B: ApiEncoding.AccountAddress }
  readonly states: ReadonlyArray<{
    readonly state: string
    readonly stateHash: string
    readonly stateTrees: string
    readonly poiBoth: string
    readonly poiAliceOnly: string
  }>
  readonly poiNegative: ReadonlyArray<{
    readonly why: string
    readonly poi: string
    readonly accounts: ReadonlyArray<ApiEncoding.AccountAddress>
    readonly node: {
      readonly error?: string
      readonly accounts?: ReadonlyArray<string>
      readonly hash?: string
    }
  }>
}

const vectors: Vectors = fixture("trees")
const { A, B } = vectors.participants

const built = (result: Poi.Poi | Poi.NotFound): Poi.Poi => {
  if (result instanceof Poi.NotFound) throw result
  return result
}

const accountsArbitrary = FastCheck.uniqueArray(FastCheck.tuple(address, amount), {
  selector: ([id]) => id,
  minLength: 1,
  maxLength: 12
})

const treesOf = (accounts: ReadonlyArray<readonly [ApiEncoding.AccountAddress, bigint]>): Trees.Trees =>
  accounts.reduce(
    (trees, [id, balance]) => Trees.setAccount(trees, id, Account.make({ balance })),
    Trees.empty
  )

describe("Poi", () => {
  it("builds the known proofs", () => {
    let proofs = 0
    for (const { poiAliceOnly, poiBoth, state, stateHash, stateTrees } of vectors.states) {
      const trees = Trees.fromTextOrThrow(stateTrees)
      for (const [accounts, text] of [
        [[A, B], poiBoth],
        [[A], poiAliceOnly]
      ] as const) {
        const poi = built(Poi.build(trees, { accounts }))
        expect(Poi.toText(poi), state).toBe(text)
        const read = Poi.fromTextOrThrow(text)
        expect(Poi.toText(read), state).toBe(text)
        expect(Bytes.toHex(Poi.stateHash(read)), state).toBe(stateHash)
        for (const id of accounts) expect(Poi.account(read, id)?.balance).toBe(Trees.balance(trees, id))
        if (accounts.length === 1) expect(Poi.account(read, B)).toBeUndefined()
        proofs++
      }
    }
    console.log(`trees.json: ${proofs} proofs built and read, bytes equal`)
    expect(proofs).toBeGreaterThan(0)
  })

  it("reads the known bad proofs as the node does", () => {
    for (const { accounts, node, poi: text, why } of vectors.poiNegative) {
      if (node.error !== undefined) {
        expect(() => Poi.fromTextOrThrow(text), why).toThrow("root hash")
        continue
      }
      const poi = Poi.fromTextOrThrow(text)
      // One of them is not in order, which is accepted; written again it has the same length.
      expect(Poi.toText(poi).length, why).toBe(text.length)
      expect(Bytes.toHex(Poi.stateHash(poi)), why).toBe(node.hash)
      const found = accounts.map((id) => String(Poi.account(poi, id)?.balance ?? "{error,not_found}"))
      expect(found, why).toStrictEqual(node.accounts)
    }
    console.log(`trees.json: ${vectors.poiNegative.length} bad proofs read as the node does`)
    expect(vectors.poiNegative.length).toBeGreaterThan(0)
  })

  it.prop(
    "proves what was asked for, and the state it is about",
    [accountsArbitrary, FastCheck.infiniteStream(FastCheck.boolean()), address],
    ([accounts, coins, stranger]) => {
      const trees = treesOf(accounts)
      const asked = accounts.filter(() => coins.next().value === true)
      const poi = Poi.decodeOrThrow(
        Poi.encode(built(Poi.build(trees, { accounts: asked.map(([id]) => id) })))
      )
      expect(Poi.stateHash(poi)).toStrictEqual(Trees.stateHash(trees))
      for (const [id, balance] of asked) expect(Poi.account(poi, id)?.balance).toBe(balance)
      if (accounts.every(([id]) => id !== stranger)) {
        expect(Poi.account(poi, stranger)).toBeUndefined()
        const missing = Poi.build(trees, { accounts: [...asked.map(([id]) => id), stranger] })
        expect(missing instanceof Poi.NotFound && missing.id).toBe(stranger)
      }
    }
  )

  it.prop(
    "a proof with any byte changed is refused, about another state, or proves nothing false",
    [accountsArbitrary, FastCheck.nat(), FastCheck.integer({ min: 1, max: 255 })],
    ([accounts, position, flip]) => {
      const trees = treesOf(accounts)
      const bytes = Poi.encode(built(Poi.build(trees, { accounts: accounts.map(([id]) => id) })))
      const index = position % bytes.length
      bytes[index] = (bytes[index] as number) ^ flip
      let poi: Poi.Poi
      try {
        poi = Poi.decodeOrThrow(bytes)
      } catch {
        return
      }
      if (!Bytes.equals(Poi.stateHash(poi), Trees.stateHash(trees))) return
      const shown = accounts.map(([id, balance]) => [balance, Poi.account(poi, id)?.balance] as const)
      for (const [balance, proven] of shown) expect([balance, undefined]).toContain(proven)
      // Some node has changed, and every node is on the way to some account.
      expect(shown.some(([, proven]) => proven === undefined)).toBe(true)
    }
  )

  it.prop(
    "a proof without one of its nodes proves less",
    [accountsArbitrary, FastCheck.nat()],
    ([accounts, which]) => {
      const poi = built(Poi.build(treesOf(accounts), { accounts: accounts.map(([id]) => id) }))
      const part = poi.accounts
      if (part === undefined) throw new Error("no proof of accounts")
      const nodes = new Map(part.nodes)
      nodes.delete([...nodes.keys()][which % nodes.size] ?? "")
      const less: Poi.Poi = { ...poi, accounts: { ...part, nodes } }
      expect(accounts.some(([id]) => Poi.account(less, id) === undefined)).toBe(true)
    }
  )

  it("does not take a node for another that hashes differently", () => {
    const trees = treesOf([
      [A, 5n],
      [B, 6n]
    ])
    const rich = treesOf([
      [A, 5_000n],
      [B, 6n]
    ])
    const poi = built(Poi.build(trees, { accounts: [A, B] }))
    const other = built(Poi.build(rich, { accounts: [A] }))
    const rootHash = poi.accounts?.rootHash ?? new Uint8Array(32)
    const forged: Poi.Poi = {
      ...poi,
      accounts: {
        rootHash,
        nodes: new Map([[Bytes.toHex(rootHash), other.accounts?.nodes.values().next().value ?? []]])
      }
    }
    expect(Poi.account(forged, A)).toBeUndefined()
  })

  describe("of contracts", () => {
    const one = ApiEncoding.encode("ct", new Uint8Array(32).fill(7))
    const two = ApiEncoding.encode("ct", new Uint8Array(32).fill(8))
    // A contract object as a node writes it: FATE, no code, active, no deposit.
    const object = (owner: ApiEncoding.AccountAddress) =>
      Rlp.encode([
        Uint8Array.of(40),
        Uint8Array.of(2),
        Bytes.concat(Uint8Array.of(1), ApiEncoding.bytesOf(owner)),
        Bytes.fromHex("080003"),
        Uint8Array.of(1, 2, 3),
        [],
        new Uint8Array(0),
        Uint8Array.of(1),
        [],
        Uint8Array.of(0)
      ])
    const store = (id: ApiEncoding.ContractId, entries: ReadonlyArray<readonly [string, Uint8Array]>) =>
      entries.map(
        ([key, value]) =>
          [Bytes.concat(ApiEncoding.bytesOf(id), Trees.storeMark, Bytes.fromHex(key)), value] as const
      )
    const contracts = Trie.fromEntries([
      [ApiEncoding.bytesOf(one), object(A)],
      [ApiEncoding.bytesOf(two), object(B)],
      ...store(one, [
        ["", Uint8Array.of(0)],
        ["0000", Uint8Array.of(0x2f, 0)],
        ["0001", new Uint8Array(50).fill(3)]
      ]),
      ...store(two, [
        ["", Uint8Array.of(0)],
        ["0000", Uint8Array.of(1)]
      ])
    ])
    const trees: Trees.Trees = { ...treesOf([[A, 1n]]), contracts }

    it("proves a contract with its whole store and no other", () => {
      const poi = Poi.decodeOrThrow(Poi.encode(built(Poi.build(trees, { accounts: [A], contracts: [one] }))))
      expect(Poi.stateHash(poi)).toStrictEqual(Trees.stateHash(trees))
      const proven = Poi.contract(poi, one)
      expect(ContractObject.decodeOrThrow(proven?.serialized ?? new Uint8Array(0))).toStrictEqual(
        Trees.contract(trees, one)
      )
      expect(proven?.store).toStrictEqual(Trees.contractStore(trees, one))
      expect(proven?.store.length).toBe(2)
      expect(Poi.contract(poi, two)).toBeUndefined()
      const both = built(Poi.build(trees, { accounts: [], contracts: [one, two] }))
      expect(Poi.contract(both, two)?.store).toStrictEqual(Trees.contractStore(trees, two))
    })

    it("proves nothing of a contract if one node of its store is missing", () => {
      const poi = built(Poi.build(trees, { accounts: [], contracts: [one] }))
      const part = poi.contracts
      if (part === undefined) throw new Error("no proof of contracts")
      let refused = 0
      for (const hash of part.nodes.keys()) {
        const nodes = new Map(part.nodes)
        nodes.delete(hash)
        if (Poi.contract({ ...poi, contracts: { ...part, nodes } }, one) === undefined) refused++
      }
      expect(refused).toBe(part.nodes.size)
    })

    it("does not find a contract that is not there", () => {
      const missing = ApiEncoding.encode("ct", new Uint8Array(32).fill(1))
      const result = Poi.build(trees, { accounts: [], contracts: [missing] })
      expect(result instanceof Poi.NotFound && result.message).toContain(missing)
      expect(Poi.contract(built(Poi.build(treesOf([[A, 1n]]), { accounts: [A] })), one)).toBeUndefined()
    })

    it("gives up on a proof that unfolds without end", () => {
      // Each level is a branch whose 16 children are the same node: 16^40 entries from 41 nodes.
      const nodes = new Map<string, ReadonlyArray<Uint8Array>>()
      const add = (items: ReadonlyArray<Uint8Array>): Uint8Array => {
        const hash = Hash.blake2b256(Rlp.encode(items))
        nodes.set(Bytes.toHex(hash), items)
        return hash
      }
      const id = ApiEncoding.encode("ct", new Uint8Array(32).fill(0x11))
      const sixteen = (hash: Uint8Array) => Array.from({ length: 16 }, () => hash)
      let reference = add([Uint8Array.of(0x20), new Uint8Array(40).fill(1)])
      for (let i = 0; i < 40; i++) reference = add([...sixteen(reference), new Uint8Array(0)])
      // extension over the 66 nibbles of key and mark, whose path the proof may choose freely
      const path = Bytes.concat(Uint8Array.of(0), ApiEncoding.bytesOf(id))
      const below = add([...sixteen(reference), object(A)])
      const rootHash = add([path, below])
      const poi: Poi.Poi = {
        ...built(Poi.build(Trees.empty, { accounts: [] })),
        contracts: { rootHash, nodes }
      }
      expect(Poi.contract(poi, id)).toBeUndefined()
    })
  })

  describe("refuses", () => {
    const part = (nodes: Rlp.Rlp) => [[new Uint8Array(32), nodes]]
    const poi = (accounts: Rlp.Rlp) =>
      Rlp.encode([Uint8Array.of(60), Uint8Array.of(1), accounts, [], [], [], [], []])
    const node = [new Uint8Array(32), [Uint8Array.of(0x20), Uint8Array.of(1)]]
    const cases: ReadonlyArray<readonly [name: string, bytes: Uint8Array, reason: string]> = [
      ["a node twice", poi(part([node, node])), "duplicate_node"],
      ["two parts for a tree", poi([...part([]), ...part([])]), "wrong_field_count"],
      ["a node without content", poi(part([[new Uint8Array(32)]])), "wrong_field_count"],
      ["a list inside a node", poi(part([[new Uint8Array(32), [[]]]])), "invalid_field"],
      ["a byte array for a part", poi(Uint8Array.of(1, 2)), "invalid_field"],
      [
        "another object",
        Rlp.encode([Uint8Array.of(61), Uint8Array.of(1), [], [], [], [], [], []]),
        "unexpected_tag"
      ]
    ]
    for (const [name, bytes, reason] of cases) {
      it.effect(name, () =>
        Effect.gen(function* () {
          expect((yield* Effect.flip(Poi.decode(bytes))).reason).toBe(reason)
        })
      )
    }
    it("no order of nodes", () => {
      const [state] = vectors.states
      const poi = Poi.fromTextOrThrow(state?.poiBoth ?? "")
      const reversed = new Map([...(poi.accounts?.nodes ?? [])].reverse())
      const accounts = { rootHash: poi.accounts?.rootHash ?? new Uint8Array(32), nodes: reversed }
      expect(Poi.toText({ ...poi, accounts })).toBe(state?.poiBoth)
    })
  })
})
