/** Contracts in the rounds of a channel: what the executor adds to a run of the virtual machine. */
import { describe, expect, it } from "@effect/vitest"
import * as CallObject from "../../src/chain/CallObject.js"
import * as CodeObject from "../../src/chain/CodeObject.js"
import * as Ids from "../../src/chain/Ids.js"
import type { AccountAddress, ContractId } from "../../src/encoding/ApiEncoding.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Bytecode from "../../src/fate/Bytecode.js"
import * as CallData from "../../src/fate/CallData.js"
import * as Contracts from "../../src/fate/Contracts.js"
import { type Environment, unavailable } from "../../src/fate/Environment.js"
import type { Instruction } from "../../src/fate/internal/machine.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import * as Apply from "../../src/state/Apply.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import * as Update from "../../src/state/Update.js"
import { fixture } from "../support/Shared.js"
import { native } from "../support/TestCrypto.js"
import { type Body, byteCode, codeOf, immediate, op, stack } from "./support/assembly.js"
import * as Scenarios from "./support/scenarios.js"

type Form = { readonly [key: string]: unknown }

interface Round {
  readonly round: number
  readonly note: string
  readonly updates: ReadonlyArray<Form>
  readonly stateHash: string
  readonly balances: { readonly [id: string]: string }
  readonly call?: Form
  readonly callObject?: string
  readonly contractState: { readonly [key: string]: string }
}

interface EdgeCase {
  readonly why: string
  readonly from: string
  readonly updates: ReadonlyArray<Form>
  readonly error?: string
  readonly stateHash?: string
  readonly call?: Form
}

interface Known {
  readonly channelReserve: string
  readonly initial: { readonly stateTrees: string; readonly stateHash: string }
  readonly contractId: ContractId
  readonly compiledCode: string
  readonly rounds: ReadonlyArray<Round>
  readonly edgeCases: ReadonlyArray<EdgeCase>
}

const known: Known = fixture("fate/contract")
const initial = Trees.fromTextOrThrow(known.initial.stateTrees)
const channelReserve = BigInt(known.channelReserve)

const base = Scenarios.environment(6)
const environment: Environment = {
  ...base,
  networkId: "ae_dev",
  block: { _tag: "PinnedBlock", height: 1000, timestamp: 0, beneficiary: new Uint8Array(32), difficulty: 0n }
}

/** The client form, with numbers as such; code that is not there is the known one. */
const updateOf = (form: Form): Update.Update => {
  const numbers = ["amount", "deposit", "gas", "gas_price"].flatMap((key) =>
    key in form ? [[key, BigInt(String(form[key]))]] : []
  )
  const code = form["op"] === "OffChainNewContract" && !("code" in form) ? { code: known.compiledCode } : {}
  return Update.fromJsonOrThrow({ ...form, ...code, ...Object.fromEntries(numbers) })
}

const apply = (
  trees: Trees.Trees,
  updates: ReadonlyArray<Update.Update>,
  round: number,
  at: Environment = environment,
  reserve = channelReserve
) =>
  Apply.applyUpdates(trees, updates, {
    round,
    channelReserve: reserve,
    contracts: Contracts.executor(at, native)
  })

const applied = (result: Trees.Trees | Apply.UpdateError): Trees.Trees => {
  if (result instanceof Apply.UpdateError) throw result
  return result
}

const text = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, each) =>
      typeof each === "bigint" || typeof each === "number" ? String(each) : each
    )
  )

/** The state after each known round; 1 is the beginning. */
const states = new Map<number, Trees.Trees>([[1, initial]])

const stateAt = (round: number): Trees.Trees => {
  const state = states.get(round)
  if (state !== undefined) return state
  const known = rounds.find((each) => each.round === round)
  if (known === undefined) throw new Error(`no round ${round}`)
  const next = applied(apply(stateAt(round - 1), known.updates.map(updateOf), round))
  states.set(round, next)
  return next
}

const { rounds } = known

const callOf = (trees: Trees.Trees, update: Update.Update | undefined, round: number) =>
  update?._tag === "OffChainCallContract"
    ? Contracts.callObject(trees, update.contractId, update.callerId, round)
    : undefined

describe("Contracts: the rounds of a channel", () => {
  it.each(rounds)("$round: $note", ({ balances, callObject, contractState, round, updates, ...expected }) => {
    const trees = stateAt(round)
    expect(Bytes.toHex(Trees.stateHash(trees))).toBe(expected.stateHash)
    for (const [id, balance] of Object.entries(balances)) {
      expect(Trees.balance(trees, id as AccountAddress), id).toBe(BigInt(balance))
    }
    expect(Contracts.storeForm(trees, known.contractId)).toEqual(contractState)
    const call = callOf(trees, updates[0] && updateOf(updates[0]), round)
    if (callObject !== undefined) {
      expect(call && Bytes.toHex(CallObject.encode(call))).toBe(callObject)
      expect(call && text(CallObject.toClientForm(call))).toEqual(text(expected.call))
    }
  })

  /** The reference node's errors and what they are called here. */
  const reasons: ReadonlyArray<readonly [pattern: RegExp, reason: Apply.UpdateErrorReason]> = [
    [/insufficient_balance/, "insufficient_balance"],
    [/contract_init_failed/, "contract_init_failed"],
    [/illegal,ct_version/, "bad_contract_code"],
    [/^badmatch$/, "bad_contract_code"],
    [/not_present/, "contract_not_found"],
    [/wrong_abi_version/, "wrong_abi_version"],
    [/already_present/, "call_already_exists"]
  ]

  it.each(known.edgeCases)("$why", ({ call, error, from, stateHash, updates }) => {
    const round = from === "initial" ? 1 : Number(from.replace("round ", ""))
    const all = updates.map(updateOf)
    const result = apply(stateAt(round), all, round + 1)
    if (error !== undefined) {
      const reason = reasons.find(([pattern]) => pattern.test(error))?.[1]
      expect(reason).toBeDefined()
      expect(result).toMatchObject({ reason })
      return
    }
    const trees = applied(result)
    expect(Bytes.toHex(Trees.stateHash(trees))).toBe(stateHash)
    const made = callOf(trees, all[0], round + 1)
    expect(made && text(CallObject.toClientForm(made))).toEqual(text(call))
  })

  it("counts", () => {
    console.log(`contract.json: ${rounds.length} rounds and ${known.edgeCases.length} edge cases`)
    expect([rounds.length, known.edgeCases.length]).toEqual([9, 11])
  })
})

const owner = (): AccountAddress => {
  const update = updateOf(rounds[0]?.updates[0] ?? {})
  if (update._tag !== "OffChainNewContract") throw new Error("no contract")
  return update.owner
}

const call = (fields: Partial<Update.OffChainCallContract> = {}): Update.OffChainCallContract => ({
  _tag: "OffChainCallContract",
  callerId: owner(),
  contractId: known.contractId,
  abiVersion: 3,
  amount: 0n,
  gas: BigInt(Contracts.gasOffChain),
  gasPrice: 1n,
  callData: CallData.encode("get", []),
  callStack: [],
  ...fields
})

const create = (fields: Partial<Update.OffChainNewContract> = {}): Update.OffChainNewContract => ({
  _tag: "OffChainNewContract",
  owner: owner(),
  ctVersion: 0x80003,
  code: ApiEncoding.decodeOrThrow("cb", known.compiledCode),
  deposit: 0n,
  callData: CallData.encode("init", [7n]),
  ...fields
})

describe("Contracts.executor", () => {
  it("is the same for the same environment, so that a round runs once", () => {
    expect(Contracts.executor(environment, native)).toBe(Contracts.executor(environment, native))
    expect(Contracts.executor({ ...environment }, native)).not.toBe(Contracts.executor(environment, native))
    const updates = [call()]
    const first = applied(apply(stateAt(2), updates, 3))
    expect(apply(stateAt(2), updates, 3)).toBe(first)
    const other = applied(apply(stateAt(2), updates, 3, { ...environment }))
    expect(other).not.toBe(first)
    expect(Trees.stateHash(other)).toEqual(Trees.stateHash(first))
  })

  it("needs no chain for a contract that asks it nothing", () => {
    const blind: Environment = { ...environment, block: unavailable({ _tag: "Block" }) }
    expect(Trees.stateHash(applied(apply(stateAt(2), [call()], 3, blind)))).toEqual(
      Trees.stateHash(applied(apply(stateAt(2), [call()], 3)))
    )
  })

  it("says what the chain was asked for where it could not tell", () => {
    const somebody = new Uint8Array(32).fill(3)
    const ask = (...instructions: ReadonlyArray<Instruction>): Body => [
      [],
      Type.integer,
      [[...instructions, op("RETURN")]]
    ]
    const bodies: { readonly [name: string]: Body } = {
      init: [[], Type.tuple([]), [[op("RETURNR", immediate(Value.unit))]]],
      height: ask(op("GENERATION", stack)),
      time: ask(op("TIMESTAMP", stack)),
      balance: ask(op("BALANCE_OTHER", stack, immediate(Value.reference("address", somebody)))),
      hash: ask(op("BLOCKHASH", stack, immediate(990n)))
    }
    const code = codeOf(byteCode(bodies))
    const made = create({ code, callData: CallData.encode("init", []) })
    const trees = applied(apply(initial, [made], 2))
    const contractId = Contracts.contractIdOf(made, 2)
    const reasonOf = (name: string, at: Environment) =>
      apply(trees, [call({ contractId, callData: CallData.encode(name, []) })], 3, at)
    const blind: Environment = {
      ...environment,
      block: unavailable({ _tag: "Block" }),
      chain: {
        ...environment.chain,
        balance: (account) => unavailable({ _tag: "Balance", account }),
        blockHash: (height) => unavailable({ _tag: "BlockHash", height })
      }
    }
    const seeing: Environment = { ...blind, block: environment.block }
    const reason = "chain_data_unavailable"
    expect(reasonOf("height", blind)).toMatchObject({ reason, read: { _tag: "Block" } })
    expect(reasonOf("time", blind)).toMatchObject({ reason, read: { _tag: "Block" } })
    expect(reasonOf("balance", blind)).toMatchObject({ reason, read: { _tag: "Balance", account: somebody } })
    expect(reasonOf("hash", seeing)).toMatchObject({ reason, read: { _tag: "BlockHash", height: 990 } })
    for (const name of ["height", "time", "balance"]) {
      expect(reasonOf(name, environment)).not.toBeInstanceOf(Apply.UpdateError)
    }
  })

  it("gives the amount of a failed call back from Iris on", () => {
    const failing = call({ callerId: owner(), amount: 5n, callData: CallData.encode("boom", []) })
    const kept = (protocol: number) =>
      Trees.balance(applied(apply(stateAt(2), [failing], 3, { ...environment, protocol })), known.contractId)
    const before = Trees.balance(stateAt(2), known.contractId) ?? 0n
    expect([kept(6), kept(5), kept(4)]).toEqual([before, before, before + 5n])
  })

  it("keeps FATE 1 without its init function, and up to Lima without its compiler", () => {
    const id = Ids.contractId(owner(), 2)
    const kept = (ctVersion: number, protocol: number) => {
      const trees = applied(apply(initial, [create({ ctVersion })], 2, { ...environment, protocol }))
      const object = Trees.contract(trees, id)
      if (object === undefined) throw new Error("no contract")
      const code = CodeObject.decodeOrThrow(object.code)
      const hasInit = Bytecode.parseOrThrow(code.byteCode).functions.has(
        Bytes.toHex(Bytecode.functionId("init"))
      )
      return [object.version, hasInit, CodeObject.compilerVersionText(code)]
    }
    const compiler = CodeObject.compilerVersionText(CodeObject.decodeOrThrow(create().code))
    expect(kept(0x80003, 6)).toEqual([2, true, compiler])
    expect(kept(0x70003, 6)).toEqual([2, true, compiler])
    expect(kept(0x50003, 6)).toEqual([1, false, compiler])
    expect(kept(0x50003, 4)).toEqual([1, false, "unknown"])
  })

  it("makes payable accounts", () => {
    const trees = applied(apply(initial, [create({ deposit: 3n })], 2))
    const id = Ids.contractId(owner(), 2)
    expect(Trees.account(trees, id)).toEqual({ balance: 3n, nonce: 0n, flags: 0 })
    expect(Trees.contract(trees, id)).toMatchObject({ deposit: 3n, ownerId: owner(), active: true })
  })

  it("refuses what no node does", () => {
    expect(apply(stateAt(2), [call({ gas: 6_000_001n })], 3)).toMatchObject({ reason: "contract_crashed" })
    expect(apply(initial, [create(), create()], 2)).toMatchObject({ reason: "contract_crashed", index: 1 })
    expect(apply(stateAt(2), [call({ amount: -1n })], 3)).toMatchObject({ reason: "negative_amount" })
    for (const ctVersion of [1, 0x30001, 0x40001, 0x60001]) {
      expect(apply(initial, [create({ ctVersion })], 2)).toMatchObject({ reason: "contracts_not_supported" })
    }
    for (const ctVersion of [2, 0x60003, 0x80001, 0x90003, 0x20002]) {
      expect(apply(initial, [create({ ctVersion })], 2)).toMatchObject({ reason: "bad_contract_code" })
    }
    expect(apply(initial, [create({ deposit: -1n })], 2)).toMatchObject({ reason: "negative_amount" })
  })

  it("rejects code that cannot be parsed where it would run", () => {
    const code = CodeObject.decodeOrThrow(create().code)
    const broken = CodeObject.encode({ ...code, byteCode: Bytes.fromHex("830102038003") })
    const result = apply(initial, [create({ code: broken })], 2)
    expect(result).toBeInstanceOf(Apply.UpdateError)
    expect(["contract_crashed", "bad_contract_code"]).toContain(
      result instanceof Apply.UpdateError ? result.reason : undefined
    )
  })
})

describe("Contracts.dryRun", () => {
  const round = { round: 3, channelReserve }

  it("tells what a call would do, and forgets it", () => {
    const before = Trees.stateHash(stateAt(2))
    const tried = Contracts.dryRun(stateAt(2), call(), round, environment, native)
    if ("reason" in tried) throw new Error(tried.reason)
    expect(tried.call).toMatchObject({ callerNonce: 3n, height: 3, gasPrice: 1n, returnType: "ok" })
    expect(tried.call.returnValue).toEqual(Uint8Array.of(14))
    expect(Trees.stateHash(tried.trees)).toEqual(Trees.stateHash(applied(apply(stateAt(2), [call()], 3))))
    expect(Trees.stateHash(stateAt(2))).toEqual(before)
  })

  it("a call is tried out to the same result without the trees", () => {
    const calls = [
      call(),
      call({ amount: 5n }),
      call({ callData: Uint8Array.of(1) }),
      call({ abiVersion: 1 })
    ]
    for (const each of calls)
      for (const round of [2, 3]) {
        const next = { round: round + 1, channelReserve }
        const tried = Contracts.dryRun(stateAt(round), each, next, environment, native)
        const alone = Contracts.tryOut(stateAt(round), each, next, environment, native)
        expect(alone).toEqual("call" in tried ? tried.call : tried)
      }
  })

  it("does so without the calls of the round before", () => {
    const tried = Contracts.dryRun(stateAt(3), call(), { ...round, round: 4 }, environment, native)
    expect("reason" in tried ? 0 : Trie.size(tried.trees.calls)).toBe(1)
  })

  it("tells of a new contract too", () => {
    const tried = Contracts.dryRun(stateAt(2), create(), round, environment, native)
    if ("reason" in tried) throw new Error(tried.reason)
    expect(tried.call).toMatchObject({ gasPrice: 0n, returnType: "ok", callerId: owner() })
    expect(Trees.contract(tried.trees, Contracts.contractIdOf(create(), 3))).toBeDefined()
  })

  it("fails where no round would come of it", () => {
    const result = Contracts.dryRun(initial, call(), round, environment, native)
    expect(result).toEqual({ reason: "contract_not_found" })
    const poor = call({ amount: Trees.balance(stateAt(2), owner()) ?? 0n })
    expect(Contracts.dryRun(stateAt(2), poor, round, environment, native)).toEqual({
      reason: "insufficient_balance"
    })
    expect(Contracts.dryRun(stateAt(2), call({ abiVersion: 1 }), round, environment, native)).toEqual({
      reason: "wrong_abi_version"
    })
  })
})
