import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Account from "../../src/chain/Account.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Apply from "../../src/state/Apply.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import * as Update from "../../src/state/Update.js"
import { fixture } from "../support/Shared.js"
import { account as address, amount, contractId } from "../../src/testing/Arbitraries.js"

type Json = { readonly [key: string]: string }

interface Vectors {
  readonly participants: { readonly A: ApiEncoding.AccountAddress; readonly B: ApiEncoding.AccountAddress }
  readonly channelReserve: string
  readonly states: ReadonlyArray<{
    readonly state: string
    readonly round: number
    readonly updates: ReadonlyArray<Json>
    readonly stateHash: string
    readonly stateTrees: string
  }>
  readonly applyEdgeCases: ReadonlyArray<{
    readonly why: string
    readonly reserve: string
    readonly updates: ReadonlyArray<Json>
    readonly result: { readonly error?: string; readonly stateHash?: string }
  }>
}

const vectors: Vectors = fixture("trees")
const { A, B } = vectors.participants
const first = Trees.fromTextOrThrow(vectors.states[0]?.stateTrees ?? "")

const toUpdate = ({ amount, ...rest }: Json): Update.Update =>
  Update.fromJsonOrThrow(amount === undefined ? rest : { ...rest, amount: BigInt(amount) })

const applied = (result: Trees.Trees | Apply.UpdateError): Trees.Trees => {
  if (result instanceof Apply.UpdateError) throw result
  return result
}

const reasonOf = (result: Trees.Trees | Apply.UpdateError) =>
  result instanceof Apply.UpdateError ? result.reason : "applied"

describe("Apply", () => {
  it("follows the known chain of states", () => {
    let trees = first
    for (const { round, state, stateHash, stateTrees, updates } of vectors.states.slice(1)) {
      const channelReserve = BigInt(vectors.channelReserve)
      trees = applied(
        Apply.applyUpdates(trees, updates.map(toUpdate), { round, channelReserve, participants: [A, B] })
      )
      expect(Bytes.toHex(Trees.stateHash(trees)), state).toBe(stateHash)
      expect(Trees.toText(trees), state).toBe(stateTrees)
    }
    console.log(`trees.json: ${vectors.states.length - 1} rounds applied, state hashes equal`)
  })

  it("decides the known edge cases as the node does", () => {
    for (const { reserve, result, updates, why } of vectors.applyEdgeCases) {
      const outcome = Apply.applyUpdates(first, updates.map(toUpdate), {
        round: 2,
        channelReserve: BigInt(reserve)
      })
      if (outcome instanceof Apply.UpdateError) {
        const expected = result.error?.includes("not_present") ? "account_not_found" : "insufficient_balance"
        expect(result.error, why).toBeDefined()
        expect(outcome.reason, why).toBe(expected)
        expect(outcome.message, why).toContain(outcome.reason)
      } else {
        expect(Bytes.toHex(Trees.stateHash(outcome)), why).toBe(result.stateHash)
      }
    }
    console.log(`trees.json: ${vectors.applyEdgeCases.length} edge cases decided as the node does`)
    expect(vectors.applyEdgeCases.length).toBeGreaterThan(0)
  })

  const balances = FastCheck.tuple(amount, amount)
  const parties = FastCheck.tuple(address, address).filter(([a, b]) => a !== b)
  const transfers = FastCheck.array(FastCheck.tuple(FastCheck.boolean(), amount), { maxLength: 20 })

  it.prop(
    "transfers keep the sum of balances, and who paid keeps the reserve",
    [parties, balances, amount, transfers],
    ([[initiatorId, responderId], [initiatorAmount, responderAmount], channelReserve, runs]) => {
      let trees = Trees.initial({
        initiatorId,
        responderId,
        initiatorAmount,
        responderAmount,
        pushAmount: 0n
      })
      const model = new Map([
        [initiatorId, initiatorAmount],
        [responderId, responderAmount]
      ])
      for (const [index, [forward, amount]] of runs.entries()) {
        const [from, to] = forward ? [initiatorId, responderId] : [responderId, initiatorId]
        const update: Update.Update = { _tag: "OffChainTransfer", from, to, amount }
        const before = Trees.stateHash(trees)
        const rest = (model.get(from) ?? 0n) - amount
        const options = {
          round: index + 2,
          channelReserve,
          participants: [initiatorId, responderId]
        } as const
        const result = Apply.applyUpdates(trees, [update], options)
        expect(result instanceof Apply.UpdateError).toBe(rest < channelReserve)
        if (result instanceof Apply.UpdateError) {
          expect(result.reason).toBe("insufficient_balance")
          expect(Trees.stateHash(trees)).toStrictEqual(before)
          continue
        }
        model.set(from, rest)
        model.set(to, (model.get(to) ?? 0n) + amount)
        trees = result
        expect(Trees.balance(trees, from)).toBeGreaterThanOrEqual(channelReserve)
        for (const [id, balance] of model) expect(Trees.balance(trees, id)).toBe(balance)
        expect(Trees.totalBalance(trees)).toBe(initiatorAmount + responderAmount)
      }
    }
  )

  it.prop(
    "deposit and withdrawal change the sum by their amount",
    [amount, amount],
    ([deposit, withdrawal]) => {
      const sum = Trees.totalBalance(first)
      const options = { round: 2, channelReserve: 0n, participants: [A, B] } as const
      const more = applied(
        Apply.applyUpdates(first, [{ _tag: "OffChainDeposit", from: A, amount: deposit }], options)
      )
      expect(Trees.totalBalance(more)).toBe(sum + deposit)
      const balance = Trees.balance(more, A) ?? 0n
      const less = Apply.applyUpdates(
        more,
        [{ _tag: "OffChainWithdrawal", to: A, amount: withdrawal }],
        options
      )
      if (withdrawal > balance) expect(reasonOf(less)).toBe("insufficient_balance")
      else expect(Trees.totalBalance(applied(less))).toBe(sum + deposit - withdrawal)
    }
  )

  it("needs the reserve of who withdraws but not of who deposits or receives", () => {
    const poor = Trees.setAccount(first, A, Account.make({ balance: 3n }))
    const options = { round: 2, channelReserve: 10n }
    const run = (update: Update.Update) => reasonOf(Apply.applyUpdates(poor, [update], options))
    expect(run({ _tag: "OffChainDeposit", from: A, amount: 1n })).toBe("applied")
    expect(run({ _tag: "OffChainTransfer", from: B, to: A, amount: 1n })).toBe("applied")
    expect(run({ _tag: "OffChainWithdrawal", to: A, amount: 0n })).toBe("insufficient_balance")
    expect(run({ _tag: "OffChainTransfer", from: A, to: B, amount: 0n })).toBe("insufficient_balance")
  })

  it("applies all or nothing, in order, and says which failed", () => {
    const total = Trees.balance(first, A) ?? 0n
    const options = { round: 2, channelReserve: 0n }
    const give: Update.Update = { _tag: "OffChainTransfer", from: A, to: B, amount: total }
    const back: Update.Update = { _tag: "OffChainTransfer", from: B, to: A, amount: total }
    const hash = Trees.stateHash(first)
    const both = applied(Apply.applyUpdates(first, [give, back], options))
    expect(Trees.stateHash(both)).toStrictEqual(hash)
    const failed = Apply.applyUpdates(first, [{ _tag: "OffChainMeta", data: "x" }, give, give], options)
    expect(failed instanceof Apply.UpdateError && [failed.index, failed.update]).toStrictEqual([
      2,
      { ...give, amount: total }
    ])
    expect(Trees.stateHash(first)).toStrictEqual(hash)
  })

  it.prop("accepts only the participants where they are given", [address, amount], ([stranger, amount]) => {
    const trees = Trees.setAccount(first, stranger, Account.make({ balance: 10n ** 30n }))
    const options = { round: 2, channelReserve: 0n, participants: [A, B] } as const
    const updates: ReadonlyArray<Update.Update> = [
      { _tag: "OffChainTransfer", from: stranger, to: A, amount },
      { _tag: "OffChainTransfer", from: A, to: stranger, amount },
      { _tag: "OffChainTransfer", from: A, to: A, amount },
      { _tag: "OffChainDeposit", from: stranger, amount },
      { _tag: "OffChainWithdrawal", to: stranger, amount }
    ]
    for (const update of updates)
      expect(reasonOf(Apply.applyUpdates(trees, [update], options))).toBe("invalid_pubkeys")
  })

  it("does not let a negative amount take from the other side", () => {
    const options = { round: 2, channelReserve: 0n }
    const updates: ReadonlyArray<Update.Update> = [
      { _tag: "OffChainTransfer", from: A, to: B, amount: -1n },
      { _tag: "OffChainDeposit", from: A, amount: -1n },
      { _tag: "OffChainWithdrawal", to: A, amount: -1n }
    ]
    for (const update of updates)
      expect(reasonOf(Apply.applyUpdates(first, [update], options))).toBe("negative_amount")
  })

  it("empties the calls tree first, even for no update", () => {
    const called = { ...first, calls: Trie.put(Trie.empty, new Uint8Array(64), Uint8Array.of(1)) }
    for (const updates of [[], [{ _tag: "OffChainMeta", data: "note" }]] satisfies ReadonlyArray<
      ReadonlyArray<Update.Update>
    >) {
      const next = applied(Apply.applyUpdates(called, updates, { round: 2, channelReserve: 0n }))
      expect(Trees.stateHash(next)).toStrictEqual(Trees.stateHash(first))
    }
    expect(Trie.isEmpty(called.calls)).toBe(false)
  })

  it("the same updates are applied once, other circumstances are looked at anew", () => {
    const updates: ReadonlyArray<Update.Update> = [
      { _tag: "OffChainTransfer", from: A, to: B, amount: Trees.balance(first, A) ?? 0n }
    ]
    const options = { round: 2, channelReserve: 0n, participants: [A, B] } as const
    const next = applied(Apply.applyUpdates(first, updates, options))
    expect(Apply.applyUpdates(first, updates, { ...options, participants: [A, B] })).toBe(next)
    expect(Apply.applyUpdates(first, [...updates], options)).toEqual(next)
    expect(reasonOf(Apply.applyUpdates(first, updates, { ...options, channelReserve: 1n }))).toBe(
      "insufficient_balance"
    )
    expect(reasonOf(Apply.applyUpdates(first, updates, { ...options, participants: [A, A] }))).toBe(
      "invalid_pubkeys"
    )
    expect(reasonOf(Apply.applyUpdates(next, updates, options))).toBe("insufficient_balance")
  })

  it("what led to the state before is forgotten: the states of a channel do not hold each other", () => {
    const options = { round: 2, channelReserve: 0n }
    const updates: ReadonlyArray<Update.Update> = [{ _tag: "OffChainTransfer", from: A, to: B, amount: 1n }]
    const second = applied(Apply.applyUpdates(first, updates, options))
    expect(Apply.applyUpdates(first, updates, options)).toBe(second)
    const third = applied(Apply.applyUpdates(second, updates, options))
    expect(Apply.applyUpdates(second, updates, options)).toBe(third)
    const anew = applied(Apply.applyUpdates(first, updates, options))
    expect(anew).not.toBe(second)
    expect(Trees.stateHash(anew)).toEqual(Trees.stateHash(second))
  })

  it.prop("contract updates need an executor and are its to decide", [contractId], ([contract]) => {
    const create: Update.Update = {
      _tag: "OffChainNewContract",
      owner: A,
      ctVersion: 0x80003,
      code: new Uint8Array(0),
      deposit: 1n,
      callData: new Uint8Array(0)
    }
    const call: Update.Update = {
      _tag: "OffChainCallContract",
      callerId: B,
      contractId: contract,
      abiVersion: 3,
      amount: 0n,
      gas: 1n,
      gasPrice: 1n,
      callData: new Uint8Array(0),
      callStack: []
    }
    const options = { round: 9, channelReserve: 0n, participants: [A, B] } as const
    expect(reasonOf(Apply.applyUpdates(first, [create], options))).toBe("contracts_not_supported")
    expect(reasonOf(Apply.applyUpdates(first, [call], options))).toBe("contracts_not_supported")
    const contracts: Apply.ContractExecutor = {
      create: (trees, update, { channelReserve, round }) => {
        const paid = Apply.debit(trees, update.owner, update.deposit, channelReserve)
        return typeof paid === "string"
          ? paid
          : Trees.setAccount(paid, contract, Account.make({ balance: BigInt(round) }))
      },
      call: () => "wrong_abi_version"
    }
    const created = applied(Apply.applyUpdates(first, [create], { ...options, contracts }))
    expect(Trees.balance(created, contract)).toBe(9n)
    expect(Trees.balance(created, A)).toBe((Trees.balance(first, A) ?? 0n) - 1n)
    expect(reasonOf(Apply.applyUpdates(first, [call], { ...options, contracts }))).toBe("wrong_abi_version")
  })

  it("an executor is asked once for the same round, another executor anew; its failures say more", () => {
    const create: Update.Update = {
      _tag: "OffChainNewContract",
      owner: A,
      ctVersion: 0x80003,
      code: new Uint8Array(0),
      deposit: 1n,
      callData: new Uint8Array(0)
    }
    let runs = 0
    const executor = (): Apply.ContractExecutor => ({
      create: (trees) => {
        runs++
        return { ...trees }
      },
      call: () => "contract_not_found"
    })
    const updates = [create]
    const options = { round: 2, channelReserve: 0n, contracts: executor() }
    const next = applied(Apply.applyUpdates(first, updates, options))
    expect(Apply.applyUpdates(first, updates, { ...options })).toBe(next)
    expect(runs).toBe(1)
    expect(Apply.applyUpdates(first, updates, { ...options, contracts: executor() })).not.toBe(next)
    expect(runs).toBe(2)
    const read = { _tag: "BlockHash", height: 7 } as const
    const blind: Apply.ContractExecutor = {
      ...executor(),
      create: () => ({ reason: "chain_data_unavailable", read, detail: "of height 7" })
    }
    const failed = Apply.applyUpdates(first, updates, { ...options, contracts: blind })
    expect(failed).toMatchObject({ reason: "chain_data_unavailable", read, index: 0, update: create })
    expect(failed instanceof Apply.UpdateError ? failed.message : "").toContain(
      "(chain_data_unavailable; of height 7)"
    )
  })
})
