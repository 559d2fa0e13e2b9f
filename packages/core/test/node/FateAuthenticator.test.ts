/** The authentication contracts of generalized accounts on the library's own virtual machine. */
import { describe, expect, it } from "@effect/vitest"
import * as ContractObject from "../../src/chain/ContractObject.js"
import * as Ids from "../../src/chain/Ids.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Bytecode from "../../src/fate/Bytecode.js"
import * as CallData from "../../src/fate/CallData.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import { authenticator } from "../../src/node/FateAuthenticator.js"
import type { GaCall } from "../../src/node/GaAuthenticator.js"
import * as Ledger from "../../src/node/Ledger.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import {
  type Body,
  argument,
  byteCode,
  codeOf,
  immediate,
  op,
  stack,
  variable
} from "../fate/support/assembly.js"
import { native } from "../support/TestCrypto.js"
import { alice, bob, chain } from "./support/Transactions.js"

const hash = Type.bytes(32n)
const yes = op("RETURNR", immediate(true))

const bodies: { readonly [name: string]: Body } = {
  init: [
    [],
    Type.tuple([]),
    [[op("STORE", variable(-1), immediate(1n)), op("RETURNR", immediate(Value.unit))]]
  ],
  always: [[Type.integer], Type.boolean, [[yes]]],
  number: [[], Type.integer, [[op("RETURNR", immediate(1n))]]],
  spends: [
    [],
    Type.boolean,
    [[op("SPEND", immediate(Value.reference("address", new Uint8Array(32))), immediate(0n)), yes]]
  ],
  endless: [[], Type.boolean, [[op("JUMP", immediate(0n))]]],
  counts: [
    [Type.integer],
    Type.boolean,
    [[op("INC", variable(-1)), op("EQ", stack, variable(-1), argument(0)), op("RETURN")]]
  ],
  isAsked: [
    [hash],
    Type.boolean,
    [
      [
        op("AUTH_TX_HASH", variable(0)),
        op("VARIANT_ELEMENT", variable(1), variable(0), immediate(0n)),
        op("EQ", stack, variable(1), argument(0)),
        op("RETURN")
      ]
    ]
  ],
  breaks: [[], Type.boolean, [[op("RETURN")]]]
}

const all = byteCode(bodies)
const contractId = Ids.contractId(alice.address, 1)
const key = ApiEncoding.bytesOf(contractId)

const treesWith = (code: Uint8Array): Trees.Trees => {
  const contract = ContractObject.make({ ownerId: alice.address, ctVersion: 0x80003, code, deposit: 0n })
  const contracts = Trie.put(
    Trie.put(Trie.empty, key, ContractObject.encode(contract)),
    Bytes.concat(key, Trees.storeMark),
    Uint8Array.of(0)
  )
  return { ...Trees.empty, contracts }
}

const environment = (() => {
  const found = Ledger.view(chain(), native).environmentAt(undefined)
  if (found === undefined) throw new Error("no environment")
  return found
})()

const call = (name: string, fields: Partial<GaCall> = {}): GaCall => ({
  environment,
  crypto: native,
  trees: treesWith(codeOf(all)),
  contractId,
  storeKey: key,
  functionHash: Bytes.concat(Bytecode.functionId(name), new Uint8Array(28)),
  caller: alice.address,
  callData: CallData.encode(name, []),
  gas: 50_000n,
  gasPrice: 10n ** 9n,
  fee: 1n,
  authTxHash: new Uint8Array(32).fill(9),
  ...fields
})

const attach = (name: string, fields: Partial<GaCall> = {}) =>
  authenticator.attach(
    call(name, { callData: CallData.encode("init", []), authTxHash: undefined, ...fields })
  )

const attached = (): Trees.Trees => {
  const outcome = attach("always")
  if ("refused" in outcome) throw new Error(outcome.refused)
  return outcome.trees
}

const ask = (name: string, args: ReadonlyArray<Value.Value> = [], fields: Partial<GaCall> = {}) => {
  const { gasUsed, returnType, returnValue, trees } = authenticator.authenticate(
    call(name, { trees: attached(), callData: CallData.encode(name, args), ...fields })
  )
  return { gasUsed, returnType, returnValue, trees, text: String.fromCharCode(...returnValue) }
}

const storeOf = (trees: Trees.Trees) =>
  Trees.contractStore(trees, contractId).map((entry) => entry.map(Bytes.toHex))

describe("FateAuthenticator.attach", () => {
  it("runs init, which writes the first store", () => {
    expect(attach("always")).toMatchObject({ returnType: "ok", returnValue: Uint8Array.of(0x3f) })
    expect(storeOf(attached())).toEqual([
      ["0000", "2f00"],
      ["0001", "02"]
    ])
  })

  it("refuses contracts that cannot authenticate", () => {
    expect(attach("unknown")).toEqual({ refused: "bad_function_hash" })
    expect(attach("number")).toEqual({ refused: "bad_auth_function_return_type" })
    expect(attach("always", { callData: CallData.encode("always", [1n]) })).toEqual({
      refused: "bad_init_function"
    })
    expect(attach("always", { trees: treesWith(codeOf(Uint8Array.of(1, 2, 3))) })).toEqual({
      refused: "crash"
    })
    expect(attach("always", { trees: Trees.empty })).toEqual({ refused: "crash" })
  })

  it("an init that fails is an outcome", () => {
    expect(attach("always", { gas: 3n })).toMatchObject({ returnType: "error", gasUsed: 3n })
    const without = treesWith(codeOf(byteCode({ always: [[Type.integer], Type.boolean, [[yes]]] })))
    expect(attach("always", { trees: without })).toMatchObject({ returnType: "error" })
  })
})

describe("FateAuthenticator.authenticate", () => {
  const yesBytes = Uint8Array.of(0xff)

  it("answers what the function says", () => {
    expect(ask("always", [1n])).toMatchObject({ returnType: "ok", returnValue: yesBytes })
    expect(ask("number").returnValue).toEqual(Uint8Array.of(2))
  })

  it("the function knows what it is asked about", () => {
    const asked = (byte: number) => ask("isAsked", [Value.bytes(new Uint8Array(32).fill(byte))]).returnValue
    expect([asked(9), asked(8)]).toEqual([yesBytes, Uint8Array.of(0x7f)])
  })

  it("the function may remember, in the store that it is given", () => {
    const first = ask("counts", [2n])
    expect(first).toMatchObject({ returnType: "ok", returnValue: yesBytes })
    expect(storeOf(first.trees)[1]).toEqual(["0001", "04"])
    expect(ask("counts", [3n], { trees: first.trees }).returnValue).toEqual(yesBytes)
    // A channel has a copy of its own.
    const copy = new Uint8Array(32).fill(5)
    const before = first.trees
    let contracts = before.contracts
    for (const [storeKey, value] of Trie.entries(attached().contracts, Bytes.concat(key, Trees.storeMark))) {
      contracts = Trie.put(contracts, Bytes.concat(copy, storeKey.subarray(32)), value)
    }
    const trees = { ...before, contracts }
    expect(ask("counts", [2n], { trees, storeKey: copy }).returnValue).toEqual(yesBytes)
    expect(ask("counts", [3n], { trees }).returnValue).toEqual(yesBytes)
  })

  it("no money is spent meanwhile, and gas has an end", () => {
    const forbidden = ask("spends")
    expect(forbidden).toMatchObject({ returnType: "error", gasUsed: 50_000n })
    expect(forbidden.text).toMatch(/SPEND.* not allowed in GA Authentication context/)
    expect(ask("endless")).toMatchObject({ returnType: "error", gasUsed: 50_000n, text: "Out of gas" })
    expect(ask("endless", [], { gas: 10n ** 30n })).toMatchObject({ gasUsed: 6_000_000n })
  })

  it("what breaks the machine is no agreement", () => {
    expect(ask("breaks")).toMatchObject({ returnType: "error", gasUsed: 50_000n, text: "crash" })
    expect(ask("init")).toMatchObject({ returnType: "error" })
    expect(ask("always", [true])).toMatchObject({ returnType: "error" })
    expect(ask("always", [1n], { callData: Uint8Array.of(1) }).text).toBe("bad_call_data")
    expect(ask("always", [1n], { caller: bob.address })).toMatchObject({ returnType: "ok" })
  })
})
