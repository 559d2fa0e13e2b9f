/** Generators of off-chain updates, trees and proofs. */
import * as FastCheck from "effect/FastCheck"
import * as CallObject from "../../chain/CallObject.js"
import * as ContractObject from "../../chain/ContractObject.js"
import type { AccountAddress, ContractId } from "../../encoding/ApiEncoding.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import * as Poi from "../../state/Poi.js"
import * as Trees from "../../state/Trees.js"
import * as Trie from "../../state/Trie.js"
import type { Update } from "../../state/Update.js"
import { accountObject, callObject, contractObject } from "./chain.js"
import { type Arbitrary, oneOf, oneTag, record, type Table } from "./combinators.js"
import { account, amount, bytes, bytesOf, contractId, text } from "./encodings.js"

const version = FastCheck.integer({ min: 0, max: 0xffff })

/** One generator for each kind of off-chain update. @since 0.1.0 @category state */
export const updates: Table<Update> = {
  OffChainTransfer: record({ ...oneTag("OffChainTransfer"), from: account, to: account, amount }),
  OffChainDeposit: record({ ...oneTag("OffChainDeposit"), from: account, amount }),
  OffChainWithdrawal: record({ ...oneTag("OffChainWithdrawal"), to: account, amount }),
  OffChainNewContract: record({
    ...oneTag("OffChainNewContract"),
    owner: account,
    // What unpacks and packs to itself: an absent machine version stands for one equal to a small ABI version.
    ctVersion: FastCheck.oneof(
      FastCheck.integer({ min: 0, max: 2 }),
      FastCheck.tuple(FastCheck.integer({ min: 3, max: 0xffff }), version).map(
        ([vm, abi]) => vm * 0x10000 + abi
      )
    ),
    code: bytes,
    deposit: amount,
    callData: bytes
  }),
  OffChainCallContract: record({
    ...oneTag("OffChainCallContract"),
    callerId: account,
    contractId,
    abiVersion: version,
    amount,
    gas: amount,
    gasPrice: amount,
    callData: bytes,
    callStack: FastCheck.array(amount, { maxLength: 3 })
  }),
  OffChainMeta: record({ ...oneTag("OffChainMeta"), data: text })
}

/** Any off-chain update. @since 0.1.0 @category state */
export const update: Arbitrary<Update> = oneOf(updates)

const distinct = <K extends string, A>(
  id: Arbitrary<K>,
  value: Arbitrary<A>,
  lengths: { readonly minLength?: number; readonly maxLength: number }
): Arbitrary<ReadonlyArray<readonly [K, A]>> =>
  FastCheck.uniqueArray(FastCheck.tuple(id, value), { ...lengths, selector: ([id]) => id })

const storeValue = FastCheck.uint8Array({ minLength: 1, maxLength: 40 })

const contracts = distinct(
  contractId,
  record({
    object: contractObject,
    store: FastCheck.array(
      FastCheck.tuple(FastCheck.uint8Array({ minLength: 1, maxLength: 4 }), storeValue),
      {
        maxLength: 3
      }
    )
  }),
  { maxLength: 2 }
)

const contractTrie = (
  all: ReadonlyArray<
    readonly [
      ContractId,
      { readonly object: ContractObject.ContractObject; readonly store: ReadonlyArray<Trie.Entry> }
    ]
  >
): Trie.Trie =>
  Trie.fromEntries(
    all.flatMap(([id, { object, store }]) => {
      const key = ApiEncoding.bytesOf(id)
      const prefix = Bytes.concat(key, Trees.storeMark)
      return [
        [key, ContractObject.encode(object)],
        [prefix, Uint8Array.of(0)],
        ...store.map(([entry, value]): Trie.Entry => [Bytes.concat(prefix, entry), value])
      ] satisfies ReadonlyArray<Trie.Entry>
    })
  )

const callTrie = (
  all: ReadonlyArray<readonly [ContractId, readonly [Uint8Array, CallObject.CallObject]]>
): Trie.Trie =>
  Trie.fromEntries(
    all.map(
      ([id, [callId, call]]): Trie.Entry => [
        Bytes.concat(ApiEncoding.bytesOf(id), callId),
        CallObject.encode(call)
      ]
    )
  )

interface Content {
  readonly accounts: ReadonlyArray<AccountAddress | ContractId>
  readonly contracts: ReadonlyArray<ContractId>
  readonly trees: Trees.Trees
}

const content: Arbitrary<Content> = FastCheck.tuple(
  distinct(account, accountObject, { minLength: 1, maxLength: 8 }),
  contracts,
  distinct(contractId, FastCheck.tuple(bytesOf(32), callObject), { maxLength: 2 })
).map(([accounts, contracts, calls]) => ({
  accounts: accounts.map(([id]) => id),
  contracts: contracts.map(([id]) => id),
  trees: accounts.reduce((trees, [id, object]) => Trees.setAccount(trees, id, object), {
    ...Trees.empty,
    contracts: contractTrie(contracts),
    calls: callTrie(calls)
  })
}))

/** Off-chain trees with accounts, contracts, their stores, and calls. @since 0.1.0 @category state */
export const trees: Arbitrary<Trees.Trees> = content.map((all) => all.trees)

/**
 * A proof of inclusion with what it is about: the trees, and the accounts and contracts in it that it proves (possibly
 * none).
 *
 * @since 0.1.0
 * @category state
 */
export interface Proof {
  readonly trees: Trees.Trees
  readonly accounts: ReadonlyArray<AccountAddress | ContractId>
  readonly contracts: ReadonlyArray<ContractId>
  readonly poi: Poi.Poi
}

/** A proof with what it proves. @since 0.1.0 @category state */
export const proof: Arbitrary<Proof> = content.chain(({ trees, ...all }) =>
  record({
    accounts: FastCheck.subarray([...all.accounts]),
    contracts: FastCheck.subarray([...all.contracts])
  }).map((some) => {
    const poi = Poi.build(trees, some)
    if (poi instanceof Poi.NotFound) throw poi
    return { ...some, trees, poi }
  })
)

/** A proof of inclusion. @since 0.1.0 @category state */
export const poi: Arbitrary<Poi.Poi> = proof.map((one) => one.poi)
