/** New contracts: with code of their own, or as clones of others. The order of what is paid, checked and changed is part of the result. */
import * as Account from "../../chain/Account.js"
import * as ContractObject from "../../chain/ContractObject.js"
import * as Ids from "../../chain/Ids.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import * as Trie from "../../state/Trie.js"
import { none, reference, some, type Value } from "../Value.js"
import type { Run } from "./control.js"
import type { Engine } from "./engine.js"
import type { Loaded } from "./frames.js"
import { init } from "./functions.js"
import { crash, type Operand } from "./machine.js"
import { accountOf, withAccount } from "./ops/operands.js"
import { isTrue, request, transferred } from "./remote.js"
import type { Snapshot } from "./store.js"
import { codeObject, storedContract } from "./stored.js"

type Make = (operands: ReadonlyArray<Operand>) => Run

/** The code of a new contract: its own, or that of another one. */
type Source = { readonly code: Uint8Array } | { readonly contract: Uint8Array }

interface Placed {
  readonly key: Uint8Array
  /** The stores without the new contract's. */
  readonly stores: Snapshot
}

const notPayableFlag = 1

const newContract = (
  engine: Engine,
  source: Source
): { readonly vm: number; readonly payable: boolean; readonly code: Source } => {
  if ("code" in source) return { vm: engine.vm, payable: codeObject(source.code).payable, code: source }
  let key = source.contract
  for (let i = 0; ; i++) {
    const contract = storedContract(engine.trees, key) ?? crash("there is no contract to clone")
    if (contract.code instanceof Uint8Array) {
      const account = accountOf(engine.trees, key) ?? crash("the contract to clone has no account")
      if (contract.vm < 7) return crash("contracts of the first version cannot be cloned")
      return { vm: contract.vm, payable: (account.flags & notPayableFlag) === 0, code: { contract: key } }
    }
    if (i > 8) return crash("the contract to clone refers to another without end")
    key = contract.code.contract
  }
}

/** Puts a new contract with its account and first store into the trees, and the value on its account. */
const place = (engine: Engine, source: Source, value: Value): Placed => {
  const owner = engine.contract
  const account = accountOf(engine.trees, owner) ?? crash("the contract has no account")
  if (Account.isGeneralized(account)) crash("a generalized account creates a contract")
  const nonce = account.nonce + 1n
  const counted = withAccount(engine.trees, owner, { ...account, nonce })
  const { code, payable, vm } = newContract(engine, source)
  const ownerId = ApiEncoding.encode("ak", owner)
  const contractId = Ids.contractId(ownerId, nonce)
  const key = ApiEncoding.bytesOf(contractId)
  const object = ContractObject.make({
    ownerId,
    ctVersion: ContractObject.packVersions({ vmVersion: vm, abiVersion: 3 }),
    code: "code" in code ? code.code : new Uint8Array(),
    deposit: 0n
  })
  const encoded = ContractObject.encode(
    "contract" in code ? { ...object, codeRef: ApiEncoding.encode("ct", code.contract) } : object
  )
  const flags = payable ? 0 : notPayableFlag
  const existing = accountOf(counted, key) ?? Account.make({ balance: 0n })
  const placed = withAccount({ ...counted, contracts: Trie.put(counted.contracts, key, encoded) }, key, {
    ...existing,
    flags: payable ? existing.flags & ~notPayableFlag : existing.flags | flags
  })
  if (typeof value !== "bigint" || value < 0n) return crash("the value of a new contract is no amount")
  engine.trees = transferred(placed, owner, key, value) ?? crash("there are too few coins for a new contract")
  const stores = engine.stores.snapshot()
  engine.stores.initialize(key)
  return { key, stores }
}

/** Takes a contract away that was placed but could not begin; its value goes to the contract that runs. */
const unplace = (engine: Engine, { key, stores }: Placed, value: Value): void => {
  engine.stores.restore(stores)
  engine.trees = { ...engine.trees, contracts: Trie.remove(engine.trees.contracts, key) }
  engine.trees =
    transferred(engine.trees, key, engine.contract, value as bigint) ?? crash("a contract lost its value")
  engine.loaded = without(engine.loaded, key)
}

const without = (loaded: Loaded | undefined, key: Uint8Array): Loaded | undefined => {
  if (loaded === undefined) return undefined
  if (Bytes.equals(loaded.contract, key)) return loaded.before
  const kept: Array<Loaded> = []
  for (let known: Loaded | undefined = loaded; known !== undefined; known = known.before)
    if (!Bytes.equals(known.contract, key)) kept.push(known)
  let result: Loaded | undefined
  for (const known of kept.reverse()) result = { ...known, before: result }
  return result
}

const isUnit = (value: Value | undefined): boolean =>
  typeof value === "object" && value._tag === "tuple" && value.elements.length === 0

/** What `init` returned becomes the new contract. */
const replaceResult =
  (placed: Placed, value: Value, isProtected: boolean): Run =>
  (engine) => {
    const result = engine.pop()
    const contract = reference("contract", placed.key)
    if (!isProtected) {
      if (!isUnit(result)) crash("init returned something")
      return engine.push(contract)
    }
    if (typeof result !== "object" || result._tag !== "variant" || result.arities.length !== 2)
      return crash("init returned something")
    if (result.tag === 1) {
      if (!isUnit(result.values[0])) crash("init returned something")
      return engine.push(some(contract))
    }
    unplace(engine, placed, value)
    engine.push(none)
  }

const unitType: Value = { _tag: "typerep", type: { _tag: "tuple", elements: [] } }

const deploy = (
  engine: Engine,
  source: Source,
  types: Value,
  value: Value,
  cap: Value | undefined,
  isProtected: boolean
): void => {
  const placed = place(engine, source, value)
  const made = request(engine, {
    contract: reference("contract", placed.key),
    function: init,
    arguments: types,
    result: unitType,
    value: 0n,
    cap,
    protected: isProtected,
    creation: { contract: placed.key, run: replaceResult(placed, value, isProtected) }
  })
  if (made) return engine.jump(0)
  unplace(engine, placed, value)
  engine.push(none)
}

/** Gas for every byte of the code of a new contract. */
const byteGas = 5

export const create: Make =
  ([code, types, value]) =>
  (engine) => {
    const source = engine.read(code)
    const typesValue = engine.read(types)
    const amount = engine.read(value)
    if (typeof source !== "object" || source._tag !== "contract_bytearray")
      return crash("a contract is created from what is no code")
    engine.spend(byteGas * source.bytes.length)
    deploy(engine, { code: source.bytes }, typesValue, amount, undefined, false)
  }

const cloned = (value: Value): Source =>
  typeof value === "object" && value._tag === "contract"
    ? { contract: value.bytes }
    : crash("what is no contract is cloned")

export const clone: Make =
  ([contract, types, value, flag]) =>
  (engine) => {
    const source = engine.read(contract)
    const typesValue = engine.read(types)
    const amount = engine.read(value)
    const isProtected = engine.read(flag)
    deploy(engine, cloned(source), typesValue, amount, undefined, isTrue(isProtected))
  }

export const cloneWithGas: Make =
  ([contract, types, value, cap, flag]) =>
  (engine) => {
    const source = engine.read(contract)
    const typesValue = engine.read(types)
    const amount = engine.read(value)
    const limitValue = engine.read(cap)
    const isProtected = engine.read(flag)
    deploy(engine, cloned(source), typesValue, amount, limitValue, isTrue(isProtected))
  }
