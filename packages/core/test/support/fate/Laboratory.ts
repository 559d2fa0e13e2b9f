/** A small world in which hostile and random contracts run, and the promises that every run keeps. */
import * as Account from "../../../src/chain/Account.js"
import * as CodeObject from "../../../src/chain/CodeObject.js"
import * as ContractObject from "../../../src/chain/ContractObject.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as Engine from "../../../src/fate/Engine.js"
import type { Environment } from "../../../src/fate/Environment.js"
import { withCall } from "../../../src/fate/internal/calling.js"
import * as Value from "../../../src/fate/Value.js"
import * as ValueCodec from "../../../src/fate/ValueCodec.js"
import * as Trees from "../../../src/state/Trees.js"
import * as Trie from "../../../src/state/Trie.js"
import { native } from "../TestCrypto.js"

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

export const caller = key(0x11)
export const other = key(0x22)
/** The contract that is called, one that it may call, and one whose code is the second's. */
export const main = key(0x33)
export const helper = key(0x44)
const clone = key(0x55)

export const environment = (protocol = 6): Environment => ({
  networkId: "ae_uat",
  protocol,
  block: {
    _tag: "PinnedBlock",
    height: 1000,
    timestamp: 1_700_000_000_000,
    beneficiary: key(0x66),
    difficulty: 123_456_789n
  },
  gasLimit: 6_000_000,
  chain: {
    balance: (account) => (account[0] === 0x77 ? 5_000_000n : undefined),
    blockHash: (height) => (height > 700 ? key(height % 256) : undefined),
    isContract: () => false,
    isPayable: () => true,
    oracle: () => undefined,
    oracleQuery: () => undefined,
    name: () => undefined
  }
})

export const codeOf = (byteCode: Uint8Array): Uint8Array =>
  CodeObject.encode({
    sourceHash: key(0),
    typeInfo: [],
    byteCode,
    compilerVersion: Bytes.utf8("8.0.0"),
    payable: true
  })

/** Registers of a store by number. */
export interface Registers {
  readonly [register: number]: Value.Value
}

const ownerId = ApiEncoding.encode("ak", caller)

const withContract = (
  contracts: Trie.Trie,
  id: Uint8Array,
  code: Pick<ContractObject.ContractObject, "code" | "codeRef">,
  registers: Registers,
  vmVersion: number
): Trie.Trie => {
  const ctVersion = ContractObject.packVersions({ vmVersion, abiVersion: 3 })
  const object = ContractObject.make({ ownerId, ctVersion, deposit: 0n, ...code })
  const below = Bytes.concat(id, Trees.storeMark)
  let result = Trie.put(contracts, id, ContractObject.encode(object))
  result = Trie.put(result, below, Uint8Array.of(0))
  result = Trie.put(result, Bytes.concat(below, Uint8Array.of(0, 0)), Uint8Array.of(0x2f, 0))
  for (const [register, value] of Object.entries(registers)) {
    const name = Uint8Array.of(0, Number(register))
    result = Trie.put(result, Bytes.concat(below, name), ValueCodec.encode(value))
  }
  return result
}

/** A state with two contracts and a clone; everybody has 1000 coins. */
export const world = (
  mainCode: Uint8Array,
  helperCode: Uint8Array = mainCode,
  registers: Registers = {},
  vm = 8
): Trees.Trees => {
  let trees = Trees.empty
  for (const id of [caller, other, main, helper, clone])
    trees = {
      ...trees,
      accounts: Trie.put(trees.accounts, id, Account.encode(Account.make({ balance: 1000n })))
    }
  let contracts = withContract(Trie.empty, main, { code: codeOf(mainCode) }, registers, vm)
  contracts = withContract(contracts, helper, { code: codeOf(helperCode) }, registers, vm)
  contracts = withContract(
    contracts,
    clone,
    { code: new Uint8Array(), codeRef: ApiEncoding.encode("ct", helper) },
    registers,
    vm
  )
  return { ...trees, contracts }
}

/** Call data for a function by its id, whatever its arguments are. */
export const callData = (id: Uint8Array, args: ReadonlyArray<Value.Value>): Uint8Array =>
  ValueCodec.encode(Value.tuple([Value.string(id), Value.tuple(args)]))

export interface Given {
  readonly callData: Uint8Array
  readonly gas?: number
  readonly value?: bigint
  readonly protocol?: number
}

export const run = (trees: Trees.Trees, given: Given): Engine.Outcome => {
  const { gas = 1_000_000, protocol, value = 0n } = given
  const call: Engine.Call = {
    trees,
    contract: main,
    caller,
    origin: caller,
    value,
    gas,
    gasPrice: 1n,
    fee: 0n,
    callData: given.callData,
    allowInit: false
  }
  return Engine.execute(call, environment(protocol), native)
}

/** The coins of all accounts. */
export const coins = (trees: Trees.Trees): bigint => {
  let sum = 0n
  for (const [, bytes] of Trie.entries(trees.accounts)) sum += Account.decodeOrThrow(bytes).balance
  return sum
}

/** An outcome as a text; two are the same if their texts are. */
export const textOf = (outcome: Engine.Outcome): string => {
  if (outcome._tag === "Crashed") return `crashed: ${outcome.reason}`
  if (outcome._tag === "MissingRead") return `missing ${outcome.read._tag}`
  const { gasUsed, log, returnType, returnValue, trees } = outcome
  const events = log.map(({ address, data, topics }) => [address, data, ...topics].map(Bytes.toHex).join())
  return [returnType, Bytes.toHex(returnValue), gasUsed, ...events, Bytes.toHex(Trees.stateHash(trees))].join(
    " "
  )
}

/** The text of an error. */
export const errorOf = (outcome: Engine.Outcome): string =>
  outcome._tag === "Finished" && outcome.returnType === "error"
    ? String.fromCharCode(...outcome.returnValue.subarray(0, 1000))
    : outcome._tag === "Crashed"
      ? outcome.reason
      : outcome._tag

/** What is wrong with the outcome of a run; nothing as a rule. */
export const complaint = (
  before: Trees.Trees,
  outcome: Engine.Outcome,
  gas: number = 1_000_000
): string | undefined => {
  if (outcome._tag !== "Finished")
    return outcome._tag === "Crashed" && /the machine failed/.test(outcome.reason)
      ? outcome.reason
      : undefined
  const { gasUsed, returnType, trees } = outcome
  if (!Number.isSafeInteger(gasUsed) || gasUsed < 0 || gasUsed > gas)
    return `it used ${gasUsed} of ${gas} gas`
  if (returnType !== "ok" && trees !== before) return "the state changed although the call failed"
  // It must fit into a call object.
  withCall(
    trees,
    { caller: ownerId, contractId: ApiEncoding.encode("ct", main), round: 9, gasPrice: 1n },
    outcome
  )
  if (coins(trees) !== coins(before)) return `there were ${coins(before)} coins and are ${coins(trees)}`
  return undefined
}
