/**
 * State trees, call trees and proofs of inclusion.
 *
 * @since 0.1.0
 */
import * as Account from "@aechannel/core/chain/Account"
import * as CallObject from "@aechannel/core/chain/CallObject"
import * as ContractObject from "@aechannel/core/chain/ContractObject"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import type { DecodeError } from "@aechannel/core/encoding/DecodeError"
import * as Poi from "@aechannel/core/state/Poi"
import * as Trees from "@aechannel/core/state/Trees"
import * as Trie from "@aechannel/core/state/Trie"
import * as Effect from "effect/Effect"
import { readable } from "./Binary.js"
import {
  type Fact,
  type Value,
  amount,
  count,
  fact,
  facts,
  flag,
  list,
  nothing,
  said,
  text
} from "./Explanation.js"
import { numberOf } from "./Numbers.js"
import { provenEntries } from "./Proof.js"
import { formatAmount, many, quote, shorten } from "./Render.js"

/** What is said about a state, and its hash. */
export interface Content {
  readonly facts: ReadonlyArray<Fact>
  readonly stateHash?: ApiEncoding.StateHashText
}

/** The six trees, in the order in which their roots are hashed. */
const treeNames = ["accounts", "calls", "channels", "contracts", "ns", "oracles"] as const

const rootsFact = (rootOf: (name: (typeof treeNames)[number]) => Uint8Array | undefined): Fact =>
  fact(
    "roots",
    facts(
      treeNames.map((name) => {
        const root = rootOf(name)
        return fact(name, root === undefined ? nothing("empty") : text(Bytes.toHex(root)))
      })
    )
  )

const unreadable = (key: Uint8Array, error: DecodeError): Value =>
  said(
    facts([fact("key", text(Bytes.toHex(key))), fact("unreadable", text(error.message))]),
    `${Bytes.toHex(key)}: ${error.message}`
  )

/** An object of a tree as a value: a damaged one is shown as what is wrong with it. */
const objectOr = <A>(
  key: Uint8Array,
  decoded: Effect.Effect<A, DecodeError>,
  show: (object: A) => Value
): Effect.Effect<Value> =>
  decoded.pipe(
    Effect.map(show),
    Effect.catchTag("DecodeError", (error) => Effect.succeed(unreadable(key, error)))
  )

const accountValue = (id: string, account: Account.Account): Value => {
  const { authentication } = account
  const remarks = [
    `nonce ${account.nonce}`,
    ...(account.flags === 0 ? [] : [`flags ${account.flags}`]),
    ...(authentication === undefined ? [] : [`generalized, by ${authentication.contract}`])
  ]
  return said(
    facts([
      fact("id", text(id)),
      fact("balance", amount(account.balance, "aettos")),
      fact("nonce", amount(account.nonce)),
      fact("flags", count(account.flags)),
      fact("generalized_by", authentication === undefined ? nothing("a key") : text(authentication.contract))
    ]),
    `${id}: ${formatAmount(account.balance)}, ${remarks.join(", ")}`
  )
}

const accountsFacts = (
  entries: ReadonlyArray<Trie.Entry>,
  isContract: (key: Uint8Array) => boolean
): Effect.Effect<ReadonlyArray<Fact>> =>
  Effect.gen(function* () {
    let total = 0n
    const values: Array<Value> = []
    for (const [key, bytes] of entries) {
      if (key.length !== 32) continue
      const id = ApiEncoding.encode(isContract(key) ? "ct" : "ak", key)
      values.push(
        yield* objectOr(key, Account.decode(bytes), (account) => {
          total += account.balance
          return accountValue(id, account)
        })
      )
    }
    return [fact("accounts", list(values)), fact("total_balance", amount(total, "aettos"))]
  })

const contractValue = (id: string, contract: ContractObject.ContractObject, storeEntries: number): Value => {
  const { abiVersion, vmVersion } = ContractObject.unpackVersions(contract.ctVersion)
  return said(
    facts([
      fact("id", text(id)),
      fact("owner_id", text(contract.ownerId)),
      fact("vm_version", count(vmVersion)),
      fact("abi_version", count(abiVersion)),
      fact("deposit", amount(contract.deposit, "aettos")),
      fact("active", flag(contract.active)),
      fact("code_size", count(contract.code.length, "bytes")),
      fact("store_entries", count(storeEntries))
    ]),
    `${id}: owner ${contract.ownerId}, virtual machine ${vmVersion}, ABI ${abiVersion}, deposit ${formatAmount(contract.deposit)}, ${many(contract.code.length, "byte")} of code, ${many(storeEntries, "store entry", "store entries")}`
  )
}

/** Contract objects have the contract's key; all longer keys are those of store entries. */
const contractsFact = (entries: ReadonlyArray<Trie.Entry>): Effect.Effect<Fact> =>
  Effect.gen(function* () {
    // Behind the contract's key stands one byte for "store"; without more it only marks that there is a store.
    const storeEntries = new Map<string, number>()
    for (const [key] of entries) {
      const contract = Bytes.toHex(key.subarray(0, 32))
      if (key.length > 33) storeEntries.set(contract, (storeEntries.get(contract) ?? 0) + 1)
    }
    const values: Array<Value> = []
    for (const [key, bytes] of entries) {
      if (key.length !== 32) continue
      const size = storeEntries.get(Bytes.toHex(key)) ?? 0
      values.push(
        yield* objectOr(key, ContractObject.decode(bytes), (contract) =>
          contractValue(ApiEncoding.encode("ct", key), contract, size)
        )
      )
    }
    return fact("contracts", list(values))
  })

const callValue = (call: CallObject.CallObject): Value => {
  const returned = ApiEncoding.encode("cb", call.returnValue)
  const words = call.returnType === "error" ? readable(call.returnValue) : undefined
  return said(
    facts([
      fact("contract_id", text(call.contractId)),
      fact("caller_id", text(call.callerId)),
      fact("caller_nonce", numberOf("caller_nonce", call.callerNonce)),
      fact("height", count(call.height)),
      fact("gas_price", numberOf("gas_price", call.gasPrice)),
      fact("gas_used", numberOf("gas_used", call.gasUsed)),
      fact("return_type", text(call.returnType)),
      fact("return_value", text(returned)),
      fact("events", count(call.log.length))
    ]),
    `${call.contractId} called by ${call.callerId} at ${call.height}: ${call.returnType}, ${call.gasUsed} gas, returned ${words === undefined ? shorten(returned) : quote(words)}, ${many(call.log.length, "event")}`
  )
}

const callsFact = (calls: Trie.Trie): Effect.Effect<Fact> =>
  Effect.map(
    Effect.forEach(Trie.entries(calls), ([key, bytes]) => objectOr(key, CallObject.decode(bytes), callValue)),
    (values) => fact("calls", list(values))
  )

const sizeFact = (bytes: Uint8Array): Fact => fact("size", count(bytes.length, "bytes"))

const keysOf = (entries: Iterable<Trie.Entry>): ReadonlySet<string> =>
  new Set(Array.from(entries, ([key]) => Bytes.toHex(key)))

/**
 * Serialized state trees: the state hash, accounts and their balances, contracts, calls.
 *
 * @since 0.1.0
 * @category explanations
 */
export const explainTrees = (bytes: Uint8Array): Effect.Effect<Content, DecodeError> =>
  Effect.gen(function* () {
    const trees = yield* Trees.decode(bytes)
    const contracts = Array.from(Trie.entries(trees.contracts))
    const contractKeys = keysOf(contracts)
    const stateHash = Trees.stateHashText(trees)
    return {
      stateHash,
      facts: [
        sizeFact(bytes),
        fact("state_hash", text(stateHash)),
        rootsFact((name) => Trie.rootHash(trees[name])),
        ...(yield* accountsFacts(Array.from(Trie.entries(trees.accounts)), (key) =>
          contractKeys.has(Bytes.toHex(key))
        )),
        yield* contractsFact(contracts),
        yield* callsFact(trees.calls)
      ]
    }
  })

/**
 * A calls tree: its root and what was called.
 *
 * @since 0.1.0
 * @category explanations
 */
export const explainCalls = (bytes: Uint8Array): Effect.Effect<Content, DecodeError> =>
  Effect.gen(function* () {
    const calls = yield* Trees.callsFromText(ApiEncoding.encode("cs", bytes))
    const root = Trie.rootHash(calls)
    return {
      facts: [
        sizeFact(bytes),
        fact("root", root === undefined ? nothing("empty") : text(Bytes.toHex(root))),
        yield* callsFact(calls)
      ]
    }
  })

/**
 * A proof of inclusion: the hash of the state it is about, and the accounts and contracts it proves.
 *
 * @since 0.1.0
 * @category explanations
 */
export const explainPoi = (bytes: Uint8Array): Effect.Effect<Content, DecodeError> =>
  Effect.gen(function* () {
    const poi = yield* Poi.decode(bytes)
    const contracts = provenEntries(poi.contracts)
    const contractKeys = keysOf(contracts)
    const stateHash = ApiEncoding.encode("st", Poi.stateHash(poi))
    return {
      stateHash,
      facts: [
        sizeFact(bytes),
        fact("state_hash", text(stateHash)),
        rootsFact((name) => poi[name]?.rootHash),
        ...(yield* accountsFacts(provenEntries(poi.accounts), (key) => contractKeys.has(Bytes.toHex(key)))),
        yield* contractsFact(contracts)
      ]
    }
  })
