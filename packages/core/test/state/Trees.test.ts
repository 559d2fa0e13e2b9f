import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Account from "../../src/chain/Account.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import { fixture } from "../support/Shared.js"
import { account as address, amount } from "../../src/testing/Arbitraries.js"

interface Vectors {
  readonly emptyTrees: { readonly stateHash: string; readonly stateTrees: string }
  readonly participants: { readonly A: ApiEncoding.AccountAddress; readonly B: ApiEncoding.AccountAddress }
  readonly states: ReadonlyArray<{
    readonly state: string
    readonly balances: { readonly [id: ApiEncoding.AccountAddress]: string }
    readonly subtreeRoots: { readonly [name: string]: string }
    readonly stateHash: string
    readonly stateHashEncoded: string
    readonly stateTrees: string
  }>
}

const vectors: Vectors = fixture("trees")
const { A, B } = vectors.participants

describe("Trees", () => {
  it("knows the trees of nothing", () => {
    expect(Bytes.toHex(Trees.stateHash(Trees.empty))).toBe(vectors.emptyTrees.stateHash)
    expect(Trees.toText(Trees.empty)).toBe(vectors.emptyTrees.stateTrees)
  })

  it("reads and writes the known states", () => {
    for (const vector of vectors.states) {
      const trees = Trees.fromTextOrThrow(vector.stateTrees)
      expect(Trees.toText(trees), vector.state).toBe(vector.stateTrees)
      expect(Bytes.toHex(Trees.stateHash(trees)), vector.state).toBe(vector.stateHash)
      expect(Trees.stateHashText(trees), vector.state).toBe(vector.stateHashEncoded)
      for (const name of ["accounts", "calls", "channels", "contracts", "ns", "oracles"] as const) {
        const root = Trie.rootHash(trees[name])
        expect(root === undefined ? "" : Bytes.toHex(root), `${vector.state} ${name}`).toBe(
          vector.subtreeRoots[name]
        )
      }
      for (const id of [A, B]) expect(Trees.balance(trees, id)).toBe(BigInt(vector.balances[id] ?? -1))
    }
    console.log(`trees.json: ${vectors.states.length} states, hashes, roots, balances and ss_ equal`)
    expect(vectors.states.length).toBeGreaterThan(0)
  })

  it("starts a channel with the pushed amount moved", () => {
    const trees = Trees.initial({
      initiatorId: A,
      responderId: B,
      initiatorAmount: 10n ** 19n,
      responderAmount: 2n * 10n ** 19n,
      pushAmount: 10n ** 18n
    })
    expect(Trees.toText(trees)).toBe(vectors.states[0]?.stateTrees)
    expect(Trees.totalBalance(trees)).toBe(3n * 10n ** 19n)
    expect(Trees.account(trees, A)).toStrictEqual(Account.make({ balance: 9n * 10n ** 18n }))
  })

  it.prop(
    "text round-trips for any accounts, and every account is found",
    [
      FastCheck.uniqueArray(FastCheck.tuple(address, amount), { selector: ([id]) => id, maxLength: 8 }),
      address
    ],
    ([accounts, stranger]) => {
      let trees = Trees.empty
      for (const [id, balance] of accounts)
        trees = Trees.setAccount(trees, id, Account.make({ balance, nonce: 7n }))
      const again = Trees.fromTextOrThrow(Trees.toText(trees))
      expect(Trees.toText(again)).toBe(Trees.toText(trees))
      expect(Trees.stateHash(again)).toStrictEqual(Trees.stateHash(trees))
      for (const [id, balance] of accounts) expect(Trees.balance(again, id)).toBe(balance)
      expect(Trees.balance(again, stranger)).toBe(accounts.find(([id]) => id === stranger)?.[1])
      expect(Trees.totalBalance(again)).toBe(accounts.reduce((sum, [, balance]) => sum + balance, 0n))
    }
  )

  it.prop("another balance gives another hash", [address, amount, amount], ([id, one, other]) => {
    const at = (balance: bigint) =>
      Trees.stateHash(Trees.setAccount(Trees.empty, id, Account.make({ balance })))
    expect(Bytes.equals(at(one), at(other))).toBe(one === other)
  })

  it("drops calls and nothing else", () => {
    const [first] = vectors.states
    const trees = Trees.fromTextOrThrow(first?.stateTrees ?? "")
    expect(Trees.withoutCalls(trees)).toBe(trees)
    const called = { ...trees, calls: Trie.put(trees.calls, new Uint8Array(64), Uint8Array.of(1)) }
    expect(Bytes.equals(Trees.stateHash(called), Trees.stateHash(trees))).toBe(false)
    expect(Trees.stateHash(Trees.withoutCalls(called))).toStrictEqual(Trees.stateHash(trees))
    expect(Trees.callsFromTextOrThrow(Trees.callsToText(called.calls))).toStrictEqual(called.calls)
    expect(
      Trees.call(called.calls, ApiEncoding.encode("ct", new Uint8Array(32)), new Uint8Array(32))
    ).toBeUndefined()
  })

  it("shows a contract's store without the contract's key and the mark", () => {
    const id = ApiEncoding.encode("ct", new Uint8Array(32).fill(9))
    const prefix = Bytes.concat(ApiEncoding.bytesOf(id), Trees.storeMark)
    const contracts = Trie.fromEntries([
      [ApiEncoding.bytesOf(id), Uint8Array.of(1)],
      [prefix, Uint8Array.of(0)],
      [Bytes.concat(prefix, Uint8Array.of(0, 2)), Uint8Array.of(5)],
      [Bytes.concat(prefix, Uint8Array.of(0, 1)), Uint8Array.of(4)],
      [new Uint8Array(32).fill(10), Uint8Array.of(1)]
    ])
    const trees = { ...Trees.empty, contracts }
    expect(Trees.contractStore(trees, id)).toStrictEqual([
      [Uint8Array.of(0, 1), Uint8Array.of(4)],
      [Uint8Array.of(0, 2), Uint8Array.of(5)]
    ])
    // One byte is no contract object.
    expect(Trees.contract(trees, id)).toBeUndefined()
    expect(Trees.contract(Trees.empty, id)).toBeUndefined()
    expect(Trees.contractStore(Trees.empty, id)).toStrictEqual([])
  })

  describe("refuses", () => {
    const object = (tag: string, version: number, ...fields: ReadonlyArray<Rlp.Rlp>) =>
      Rlp.encode([Bytes.fromHex(tag), Uint8Array.of(version), ...fields])
    const mtree = (...entries: ReadonlyArray<readonly [Uint8Array, Uint8Array]>) =>
      Trie.encodeMtree(Trie.fromEntries(entries))
    const tags = ["026d", "026e", "026f", "0270", "0271", "0272"]
    const trees = (accounts: Uint8Array, order = tags) =>
      object("3e", 0, ...order.map((tag, i) => object(tag, 1, i === 5 ? accounts : mtree())))
    const account = Account.encode(Account.make({ balance: 1n }))
    const cases: ReadonlyArray<readonly [name: string, bytes: Uint8Array, reason: string]> = [
      ["trees in another order", trees(mtree(), [...tags].reverse()), "unexpected_tag"],
      ["another version", object("3e", 1, ...tags.map((tag) => object(tag, 1, mtree()))), "unexpected_tag"],
      [
        "a tree missing",
        object("3e", 0, ...tags.slice(1).map((tag) => object(tag, 1, mtree()))),
        "wrong_field_count"
      ],
      ["an account's key of 31 bytes", trees(mtree([new Uint8Array(31), account])), "invalid_key"]
    ]
    for (const [name, bytes, reason] of cases) {
      it.effect(name, () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(Trees.decode(bytes))
          expect(error.reason).toBe(reason)
        })
      )
    }
    it.effect("an account that is none, saying which", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          Trees.decode(trees(mtree([new Uint8Array(32).fill(1), Uint8Array.of(1)])))
        )
        expect(error.where.slice(0, 2)).toStrictEqual(["accounts", "01".repeat(32)])
      })
    )
    it.effect("text of another kind", () =>
      Effect.gen(function* () {
        expect((yield* Effect.flip(Trees.fromText(Trees.callsToText(Trie.empty)))).reason).toBe(
          "invalid_prefix"
        )
        expect((yield* Effect.flip(Trees.callsFromText(Trees.toText(Trees.empty)))).reason).toBe(
          "invalid_prefix"
        )
      })
    )
  })
})
