/** Calls of contracts that are written down as instructions. */
import * as Account from "../../../src/chain/Account.js"
import * as ContractObject from "../../../src/chain/ContractObject.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as Bytecode from "../../../src/fate/Bytecode.js"
import * as CallData from "../../../src/fate/CallData.js"
import * as Engine from "../../../src/fate/Engine.js"
import type { Environment } from "../../../src/fate/Environment.js"
import type { Operand } from "../../../src/fate/internal/machine.js"
import type { Type } from "../../../src/fate/Type.js"
import type { Value } from "../../../src/fate/Value.js"
import * as Trees from "../../../src/state/Trees.js"
import * as Trie from "../../../src/state/Trie.js"
import { native } from "../../support/TestCrypto.js"
import { type Body, byteCode, codeOf, immediate } from "./assembly.js"

export const keyOf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

export const caller = keyOf(0x99)

/** A contract under the key of one repeated byte. */
export interface Contract {
  readonly key: number
  readonly functions: { readonly [name: string]: Body } | Uint8Array
  readonly vm?: number
  readonly balance?: bigint
  /** Keys and values in hexadecimal, next to the empty metadata. */
  readonly store?: { readonly [key: string]: string }
}

/** A state of contracts. The caller owns them all. */
export const treesOf = (contracts: ReadonlyArray<Contract>): Trees.Trees => {
  const owner = ApiEncoding.encode("ak", caller)
  let trees = Trees.setAccount(Trees.empty, owner, Account.make({ balance: 1000n }))
  for (const { balance = 100n, functions, key, store = {}, vm = 8 } of contracts) {
    const id = keyOf(key)
    const object = ContractObject.make({
      ownerId: owner,
      ctVersion: ContractObject.packVersions({ vmVersion: vm, abiVersion: 3 }),
      code: codeOf(functions instanceof Uint8Array ? functions : byteCode(functions)),
      deposit: 0n
    })
    const below = Bytes.concat(id, Trees.storeMark)
    let tree = Trie.put(trees.contracts, id, ContractObject.encode(object))
    tree = Trie.put(tree, below, Uint8Array.of(0))
    for (const [name, value] of Object.entries({ "0000": "2f00", ...store }))
      tree = Trie.put(tree, Bytes.concat(below, Bytes.fromHex(name)), Bytes.fromHex(value))
    trees = Trees.setAccount(
      { ...trees, contracts: tree },
      ApiEncoding.encode("ak", id),
      Account.make({ balance })
    )
  }
  return trees
}

export const environment: Environment = {
  networkId: "ae_test",
  protocol: 6,
  block: {
    _tag: "PinnedBlock",
    height: 1_000_000,
    timestamp: 1_700_000_000_000,
    beneficiary: keyOf(0xbe),
    difficulty: 42n
  },
  gasLimit: 6_000_000,
  chain: {
    balance: () => undefined,
    blockHash: () => undefined,
    isContract: () => false,
    isPayable: () => true,
    oracle: () => undefined,
    oracleQuery: () => undefined,
    name: () => undefined
  }
}

export const main = Bytecode.functionId("main")

/** A call of `main` of the contract 0x01. */
export const callOf = (trees: Trees.Trees, fields: Partial<Engine.Call> = {}): Engine.Call => ({
  trees,
  contract: keyOf(1),
  caller,
  origin: caller,
  value: 0n,
  gas: 1_000_000,
  gasPrice: 1n,
  fee: 0n,
  callData: CallData.encode(main, []),
  allowInit: false,
  ...fields
})

export const execute = (call: Engine.Call, changes: Partial<Environment> = {}): Engine.Outcome =>
  Engine.execute(call, { ...environment, ...changes }, native)

/** The outcome in one line: `ok 54`, `error Out of gas`, `crash …`. */
export const said = (outcome: Engine.Outcome): string => {
  if (outcome._tag === "Crashed") return `crash ${outcome.reason}`
  if (outcome._tag === "MissingRead") return `missing ${outcome.read._tag}`
  const { returnType, returnValue } = outcome
  return returnType === "error"
    ? `error ${String.fromCharCode(...returnValue)}`
    : `${returnType} ${Bytes.toHex(returnValue)}`
}

export const gasOf = (outcome: Engine.Outcome): number => (outcome._tag === "Finished" ? outcome.gasUsed : -1)

export const id = (name: string): Operand => immediate({ _tag: "string", bytes: Bytecode.functionId(name) })

export const contract = (byte: number): Operand => immediate({ _tag: "contract", bytes: keyOf(byte) })

export const types = (...elements: ReadonlyArray<Type>): Operand =>
  immediate({ _tag: "typerep", type: { _tag: "tuple", elements } })

export const type = (one: Type): Operand => immediate({ _tag: "typerep", type: one })

export const number = (value: bigint): Operand => immediate(value)

export const values = (name: string, ...args: ReadonlyArray<Value>): Uint8Array =>
  CallData.encode(Bytecode.functionId(name), args)
