/**
 * What the contracts of the runs do, written down once more in a few lines: who has how much after a round, what the
 * contracts remember, and what a call gives back. No virtual machine is involved.
 */
import { readFileSync } from "node:fs"
import * as ContractObject from "../../../../src/chain/ContractObject.js"
import * as Ids from "../../../../src/chain/Ids.js"
import * as ApiEncoding from "../../../../src/encoding/ApiEncoding.js"
import type { AccountAddress, ContractId } from "../../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../../src/encoding/Bytes.js"
import * as CallData from "../../../../src/fate/CallData.js"
import * as Value from "../../../../src/fate/Value.js"
import type { OffChainCallContract, OffChainNewContract } from "../../../../src/state/Update.js"

/** Two compiled contracts that count, pay, fail and look at the chain. */
export const kinds = ["Till", "Meter"] as const
export type Kind = (typeof kinds)[number]

type Fixture = { readonly [name: string]: { readonly code: string } }

const fixture = (name: string): Fixture =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/fate/${name}.json`, import.meta.url), "utf8")) as Fixture

const fixtures: Fixture = { ...fixture("till"), ...fixture("sophia") }

export const codes: Readonly<Record<Kind, Uint8Array>> = {
  Till: ApiEncoding.decodeOrThrow("cb", fixtures["Till"]?.code ?? ""),
  Meter: ApiEncoding.decodeOrThrow("cb", fixtures["Meter"]?.code ?? "")
}

const ctVersion = ContractObject.packVersions({ vmVersion: 8, abiVersion: 3 })

/** What one contract has and remembers; what depends on a block is not known. */
export interface Held {
  readonly kind: Kind
  readonly balance: bigint
  readonly total: bigint | undefined
  /** How often an account has added something. */
  readonly seen: ReadonlyMap<AccountAddress, bigint>
}

/** Who has how much in the channel: participants and everybody that contracts have paid. */
export interface Books {
  readonly accounts: ReadonlyMap<string, bigint>
  readonly contracts: ReadonlyMap<ContractId, Held>
}

/** What a call comes to: a value, where it does not depend on a block, or a failure. */
export interface Outcome {
  readonly contractId: ContractId
  readonly callerId: AccountAddress
  readonly round: number
  readonly ends: "ok" | "revert" | "error" | "fails"
  readonly value: Value.Value | undefined
}

export interface Ran {
  readonly books: Books
  readonly outcome: Outcome
}

class Failure {
  constructor(readonly ends: "revert" | "error" | "fails") {}
}

/** An update that nobody can apply, so that nobody may be asked to sign it. */
class Impossible {
  readonly _tag = "Impossible"
}

/** What accounts are found by. */
export const keyOf = (id: AccountAddress | ContractId): string => Bytes.toHex(ApiEncoding.bytesOf(id))

/** Books that can be written into. */
class Draft {
  readonly accounts: Map<string, bigint>
  readonly contracts: Map<ContractId, Held>
  constructor(books: Books) {
    this.accounts = new Map(books.accounts)
    this.contracts = new Map(books.contracts)
  }
  contract(id: ContractId): Held {
    const held = this.contracts.get(id)
    if (held === undefined) throw new Impossible()
    return held
  }
  change(id: ContractId, how: Partial<Held>): void {
    this.contracts.set(id, { ...this.contract(id), ...how })
  }
  /** What an account or a contract has, by its key; nothing of what is on chain. */
  balance(key: string): bigint | undefined {
    for (const [id, { balance }] of this.contracts) if (keyOf(id) === key) return balance
    return this.accounts.get(key)
  }
  credit(key: string, amount: bigint): void {
    for (const [id, { balance }] of this.contracts)
      if (keyOf(id) === key) return this.change(id, { balance: balance + amount })
    this.accounts.set(key, (this.accounts.get(key) ?? 0n) + amount)
  }
  /** Participants keep the reserve. */
  debit(id: AccountAddress, amount: bigint, reserve: bigint): void {
    const balance = this.accounts.get(keyOf(id)) ?? 0n
    if (amount < 0n || balance - amount < reserve) throw new Impossible()
    this.accounts.set(keyOf(id), balance - amount)
  }
}

interface Call {
  readonly draft: Draft
  readonly id: ContractId
  readonly caller: AccountAddress
}

interface Entrypoint {
  readonly payable?: true
  readonly arguments: ReadonlyArray<"int" | "address">
  /** The result; `undefined`: only the chain knows it. */
  readonly run: (call: Call, args: ReadonlyArray<Value.Value>) => Value.Value | undefined
}

const integer = (value: Value.Value | undefined): bigint => {
  if (typeof value !== "bigint") throw new Failure("error")
  return value
}

const address = (value: Value.Value | undefined): string => {
  if (typeof value !== "object" || value._tag !== "address") throw new Failure("error")
  return Bytes.toHex(value.bytes)
}

const add =
  (least: bigint) =>
  ({ caller, draft, id }: Call, [x]: ReadonlyArray<Value.Value>): bigint | undefined => {
    const amount = integer(x)
    if (amount < least) throw new Failure("revert")
    const { kind, seen, total } = draft.contract(id)
    const sum = total === undefined ? undefined : total + amount
    // What is too long for an event.
    if ((kind === "Till" ? amount : (sum ?? 0n)) >= 2n ** 256n) throw new Failure("error")
    draft.change(id, { total: sum, seen: new Map(seen).set(caller, (seen.get(caller) ?? 0n) + 1n) })
    return sum
  }

const pay = ({ draft, id }: Call, [to, x]: ReadonlyArray<Value.Value>): Value.Value => {
  const [key, amount] = [address(to), integer(x)]
  const { balance } = draft.contract(id)
  // The virtual machine has no answer to this.
  if (amount < 0n) throw new Impossible()
  if (amount > balance) throw new Failure("fails")
  draft.change(id, { balance: balance - amount })
  draft.credit(key, amount)
  return Value.unit
}

const total = ({ draft, id }: Call): bigint | undefined => draft.contract(id).total

const chainOnly = (): undefined => undefined

const forgetTotal = ({ draft, id }: Call): undefined => {
  draft.change(id, { total: undefined })
  return undefined
}

const entrypoints: Readonly<Record<Kind, { readonly [name: string]: Entrypoint }>> = {
  Till: {
    add: { payable: true, arguments: ["int"], run: add(0n) },
    pay: { arguments: ["address", "int"], run: pay },
    total: { arguments: [], run: total },
    fail: {
      payable: true,
      arguments: [],
      run: () => {
        throw new Failure("revert")
      }
    },
    stop: {
      arguments: [],
      run: ({ caller, draft, id }) => {
        const times = draft.contract(id).seen.get(caller) ?? 0n
        if (times === 0n) throw new Failure("error")
        return 1n / times
      }
    },
    height: { arguments: [], run: forgetTotal },
    time: { arguments: [], run: chainOnly },
    holds: {
      arguments: ["address"],
      run: ({ draft, id }, [whose]) => {
        const balance = draft.balance(address(whose))
        draft.change(id, { total: balance })
        return balance
      }
    }
  },
  Meter: {
    add: { payable: true, arguments: ["int"], run: add(1n) },
    pay: { arguments: ["address", "int"], run: pay },
    total: { arguments: [], run: total },
    reads_of: {
      arguments: ["address"],
      run: ({ draft, id }, [whose]) => {
        const key = address(whose)
        for (const [account, times] of draft.contract(id).seen) if (keyOf(account) === key) return times
        return 0n
      }
    },
    height: { arguments: [], run: chainOnly },
    time: { arguments: [], run: chainOnly },
    mark: { arguments: [], run: forgetTotal },
    balance_of: { arguments: ["address"], run: ({ draft }, [whose]) => draft.balance(address(whose)) },
    spin: {
      arguments: ["int"],
      run: (_call, [times]) => {
        const rounds = integer(times)
        // It does not end, or not with the gas there is.
        if (rounds < 0n || rounds > 100_000n) throw new Failure("error")
        return rounds
      }
    }
  }
}

const named = new Map(
  [...new Set(kinds.flatMap((kind) => Object.keys(entrypoints[kind])))].map((name) => [
    Bytes.toHex(CallData.decodeOrThrow(CallData.encode(name, [])).functionId),
    name
  ])
)

const initId = CallData.decodeOrThrow(CallData.encode("init", [])).functionId

/** A contract is created; `undefined` where that cannot be. */
export const create = (
  books: Books,
  { callData, code, deposit, owner, ...update }: OffChainNewContract,
  round: number,
  reserve: bigint
): Ran | undefined => {
  const kind = kinds.find((each) => Bytes.equals(codes[each], code))
  const call = CallData.read(callData)
  const [first, ...more] = call?.args ?? []
  if (kind === undefined || call === undefined || update.ctVersion !== ctVersion) return undefined
  if (!Bytes.equals(call.functionId, initId) || typeof first !== "bigint" || more.length > 0) return undefined
  if (kind === "Meter" && first < 0n) return undefined
  const draft = new Draft(books)
  try {
    draft.debit(owner, deposit, reserve)
  } catch (error) {
    if (error instanceof Impossible) return undefined
    throw error
  }
  const contractId = Ids.contractId(owner, round)
  draft.contracts.set(contractId, { kind, balance: deposit, total: first, seen: new Map() })
  return { books: draft, outcome: { contractId, callerId: owner, round, ends: "ok", value: undefined } }
}

const runEntrypoint = (call: Call, callData: Uint8Array, amount: bigint): Value.Value | undefined => {
  const read = CallData.read(callData)
  const name = read === undefined ? undefined : named.get(Bytes.toHex(read.functionId))
  const entrypoint = name === undefined ? undefined : entrypoints[call.draft.contract(call.id).kind][name]
  if (read === undefined || entrypoint === undefined) throw new Failure("error")
  if (read.args.length !== entrypoint.arguments.length) throw new Failure("error")
  if (amount > 0n && entrypoint.payable !== true) throw new Failure("error")
  for (const [index, type] of entrypoint.arguments.entries())
    void (type === "int" ? integer(read.args[index]) : address(read.args[index]))
  return entrypoint.run(call, read.args)
}

/** A contract is called; `undefined` where that cannot be. What ends badly leaves nothing but its outcome. */
export const call = (
  books: Books,
  { abiVersion, amount, callData, callerId, contractId }: OffChainCallContract,
  round: number,
  reserve: bigint
): Ran | undefined => {
  const draft = new Draft(books)
  const outcome = { contractId, callerId, round }
  try {
    draft.debit(callerId, amount, reserve)
    if (abiVersion !== 3) return undefined
    draft.change(contractId, { balance: draft.contract(contractId).balance + amount })
    const value = runEntrypoint({ draft, id: contractId, caller: callerId }, callData, amount)
    return { books: draft, outcome: { ...outcome, ends: "ok", value } }
  } catch (error) {
    if (error instanceof Impossible) return undefined
    if (error instanceof Failure)
      return { books, outcome: { ...outcome, ends: error.ends, value: undefined } }
    throw error
  }
}

/** Whether a call's result, or what it leaves, depends on the block that it is pinned to. */
export const looksAtChain = (callData: Uint8Array): boolean => {
  const read = CallData.read(callData)
  const name = read === undefined ? undefined : named.get(Bytes.toHex(read.functionId))
  return name !== undefined && ["height", "time", "mark", "holds", "balance_of"].includes(name)
}
