/**
 * The off-chain state of a channel: six tries, of which accounts, contracts and calls are in use off chain while
 * channels, name service and oracles stay empty.
 *
 * Values in the tries are serialized objects, kept as the bytes they are: a dump that is read and written again is the
 * same dump. Objects are decoded when asked for.
 *
 * Implements "æternity serializations" (state_trees, tag 62, and its wrappers 621 to 626) and the state hash of "State
 * trees".
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Account from "../chain/Account.js"
import * as CallObject from "../chain/CallObject.js"
import * as ContractObject from "../chain/ContractObject.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import * as DecodeError from "../encoding/DecodeError.js"
import { bytesField, encodeObject, objectFields } from "./internal/objects.js"
import type { ObjectKind } from "./internal/objects.js"
import * as StateHash from "./internal/stateHash.js"
import * as Trie from "./Trie.js"

/**
 * The six state trees. Immutable: an update yields a new value that shares what did not change.
 *
 * Keys and values: `accounts` public key (32 bytes) to account, contract accounts included; `contracts` contract key to
 * contract, `key || 0x10 || store key` to store value; `calls` `contract key || call id` to call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Trees {
  readonly accounts: Trie.Trie
  readonly calls: Trie.Trie
  readonly channels: Trie.Trie
  readonly contracts: Trie.Trie
  readonly ns: Trie.Trie
  readonly oracles: Trie.Trie
}

/**
 * Trees without any entry.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: Trees = {
  accounts: Trie.empty,
  calls: Trie.empty,
  channels: Trie.empty,
  contracts: Trie.empty,
  ns: Trie.empty,
  oracles: Trie.empty
}

/**
 * The trees of a new channel (round 1): one account for each participant with nonce 0. All amounts in aettos; the
 * initiator gets `initiatorAmount - pushAmount`, the responder `responderAmount + pushAmount`. Amounts that leave a
 * negative balance are a defect: check open parameters first.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initial = (options: {
  readonly initiatorId: ApiEncoding.AccountAddress
  readonly responderId: ApiEncoding.AccountAddress
  readonly initiatorAmount: bigint
  readonly responderAmount: bigint
  readonly pushAmount: bigint
}): Trees => {
  const initiator = Account.make({ balance: options.initiatorAmount - options.pushAmount })
  const responder = Account.make({ balance: options.responderAmount + options.pushAmount })
  return setAccount(setAccount(empty, options.initiatorId, initiator), options.responderId, responder)
}

const hashes = new WeakMap<Trees, Uint8Array>()

/**
 * The state hash (32 bytes) that transactions carry: the hash of the six roots. Computed once per value.
 *
 * @since 0.1.0
 * @category hashing
 */
export const stateHash = (trees: Trees): Uint8Array => {
  const known = hashes.get(trees)
  if (known !== undefined) return known
  const hash = StateHash.combine((name) => Trie.rootHash(trees[name]))
  hashes.set(trees, hash)
  return hash
}

/**
 * The state hash as text (`st_`).
 *
 * @since 0.1.0
 * @category hashing
 */
export const stateHashText = (trees: Trees): ApiEncoding.StateHashText =>
  ApiEncoding.encode("st", stateHash(trees))

const stateTrees: ObjectKind = { what: "state trees", tag: 62, version: 0, arity: 6 }

// Serialized order, which is not the order of hashing, with the tag of each tree's wrapper.
const wrappers = [
  ["contracts", 621],
  ["calls", 622],
  ["channels", 623],
  ["ns", 624],
  ["oracles", 625],
  ["accounts", 626]
] as const

const wrapper = (name: StateHash.TreeName, tag: number): ObjectKind => ({
  what: `${name} tree`,
  tag,
  version: 1,
  arity: 1
})

const encodeWrapped = (trie: Trie.Trie, tag: number): Uint8Array =>
  (Trie.isEmpty(trie) ? emptyWrapped.get(tag) : undefined) ?? encodeObject(tag, 1, [Trie.encodeMtree(trie)])

// Most trees of most channels are empty.
const emptyWrapped: ReadonlyMap<number, Uint8Array> = new Map(
  wrappers.map(([, tag]) => [tag, encodeObject(tag, 1, [Trie.encodeMtree(Trie.empty)])])
)

const decodeWrapped = (bytes: Uint8Array, kind: ObjectKind): Trie.Trie =>
  Trie.decodeMtreeOrThrow(bytesField(objectFields(bytes, kind)[0], kind.what))

const dumps = new WeakMap<Trees, Uint8Array>()

/**
 * The serialized trees (state_trees object). They are kept for the next time: do not write into them.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (trees: Trees): Uint8Array => {
  const known = dumps.get(trees)
  if (known !== undefined) return known
  const bytes = encodeObject(
    stateTrees.tag,
    stateTrees.version,
    wrappers.map(([name, tag]) => encodeWrapped(trees[name], tag))
  )
  dumps.set(trees, bytes)
  return bytes
}

/**
 * Reads serialized trees. Accounts are checked to be well-formed; contracts and calls are read when asked for.
 *
 * @internal
 */
export const decodeOrThrow = (bytes: Uint8Array): Trees => {
  const fields = objectFields(bytes, stateTrees)
  const tries = wrappers.map(([name, tag], index) =>
    DecodeError.within([name], () =>
      decodeWrapped(bytesField(fields[index], stateTrees.what), wrapper(name, tag))
    )
  )
  const [contracts = Trie.empty, calls = Trie.empty, channels = Trie.empty] = tries
  const [, , , ns = Trie.empty, oracles = Trie.empty, accounts = Trie.empty] = tries
  for (const [key, value] of Trie.entries(accounts)) {
    DecodeError.within(["accounts", Bytes.toHex(key)], () => {
      if (key.length !== 32)
        throw DecodeError.make(stateTrees.what, "invalid_key", "an account's key has 32 bytes")
      Account.decodeOrThrow(value)
    })
  }
  return { accounts, calls, channels, contracts, ns, oracles }
}

/**
 * Reads serialized trees; fails with a `DecodeError` for other bytes.
 *
 * @since 0.1.0
 * @category encoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<Trees, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))

/**
 * The trees as text (`ss_`).
 *
 * @since 0.1.0
 * @category encoding
 */
export const toText = (trees: Trees): ApiEncoding.StateTreesText => ApiEncoding.encode("ss", encode(trees))

/**
 * Reads trees from text (`ss_`).
 *
 * @internal
 */
export const fromTextOrThrow = (text: string): Trees => decodeOrThrow(ApiEncoding.decodeOrThrow("ss", text))

/**
 * Reads trees from text (`ss_`); fails with a `DecodeError` for other text.
 *
 * @since 0.1.0
 * @category encoding
 */
export const fromText = (text: string): Effect.Effect<Trees, DecodeError.DecodeError> =>
  DecodeError.attempt(() => fromTextOrThrow(text))

const callsTag = 622

/**
 * A calls tree as text (`cs_`): that of the current round or a history of earlier rounds.
 *
 * @since 0.1.0
 * @category encoding
 */
export const callsToText = (calls: Trie.Trie): ApiEncoding.CallsTreeText =>
  ApiEncoding.encode("cs", encodeWrapped(calls, callsTag))

/**
 * Reads a calls tree from text (`cs_`).
 *
 * @internal
 */
export const callsFromTextOrThrow = (text: string): Trie.Trie =>
  decodeWrapped(ApiEncoding.decodeOrThrow("cs", text), wrapper("calls", callsTag))

/**
 * Reads a calls tree from text (`cs_`); fails with a `DecodeError` for other text.
 *
 * @since 0.1.0
 * @category encoding
 */
export const callsFromText = (text: string): Effect.Effect<Trie.Trie, DecodeError.DecodeError> =>
  DecodeError.attempt(() => callsFromTextOrThrow(text))

/**
 * The account of a participant or a contract, `undefined` if there is none.
 *
 * @since 0.1.0
 * @category getters
 */
export const account = (
  trees: Trees,
  id: ApiEncoding.AccountAddress | ApiEncoding.ContractId
): Account.Account | undefined => {
  const node = Trie.find(trees.accounts, ApiEncoding.viewOf(id))
  if (node?.value === undefined) return undefined
  node.account ??= Account.decodeOrThrow(node.value)
  return node.account
}

/**
 * The balance in aettos of a participant or a contract, `undefined` if there is no such account.
 *
 * @since 0.1.0
 * @category getters
 */
export const balance = (
  trees: Trees,
  id: ApiEncoding.AccountAddress | ApiEncoding.ContractId
): bigint | undefined => account(trees, id)?.balance

/**
 * The sum of all balances in aettos, contract accounts included.
 *
 * @since 0.1.0
 * @category getters
 */
export const totalBalance = (trees: Trees): bigint => {
  let sum = 0n
  for (const [, bytes] of Trie.entries(trees.accounts)) sum += Account.decodeOrThrow(bytes).balance
  return sum
}

/**
 * Trees in which an account is there as given.
 *
 * @since 0.1.0
 * @category combinators
 */
export const setAccount = (
  trees: Trees,
  id: ApiEncoding.AccountAddress | ApiEncoding.ContractId,
  value: Account.Account
): Trees => {
  const key = ApiEncoding.viewOf(id)
  const accounts = Trie.put(trees.accounts, key, Account.encode(value))
  const node = Trie.find(accounts, key)
  if (node !== undefined) node.account = value
  return { ...trees, accounts }
}

/**
 * Trees without calls, as at the start of every round.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withoutCalls = (trees: Trees): Trees =>
  Trie.isEmpty(trees.calls) ? trees : { ...trees, calls: Trie.empty }

/**
 * What stands between a contract's key and the key of a store entry in the contracts tree.
 *
 * @internal
 */
export const storeMark = Uint8Array.of(0x10)

const contracts = new WeakMap<Uint8Array, ContractObject.ContractObject>()

/** The same bytes are read in every round that calls the contract. */
const readContractOrThrow = (bytes: Uint8Array): ContractObject.ContractObject => {
  const known = contracts.get(bytes)
  if (known !== undefined) return known
  const object = ContractObject.decodeOrThrow(bytes)
  contracts.set(bytes, object)
  return object
}

/**
 * The contract object, `undefined` if the contract is not there or not readable.
 *
 * @since 0.1.0
 * @category contracts
 */
export const contract = (
  trees: Trees,
  id: ApiEncoding.ContractId
): ContractObject.ContractObject | undefined =>
  readOrUndefined(Trie.get(trees.contracts, ApiEncoding.viewOf(id)), readContractOrThrow)

/**
 * The entries of a contract's store, ascending, keys without the contract's prefix; none for an unknown contract.
 *
 * @since 0.1.0
 * @category contracts
 */
export const contractStore = (trees: Trees, id: ApiEncoding.ContractId): ReadonlyArray<Trie.Entry> => {
  const prefix = Bytes.concat(ApiEncoding.viewOf(id), storeMark)
  const store: Array<Trie.Entry> = []
  for (const [key, value] of Trie.entries(trees.contracts, prefix)) {
    // The bare prefix only marks that there is a store.
    if (key.length > prefix.length) store.push([key.subarray(prefix.length), value])
  }
  return store
}

/**
 * The call object of a call in a calls tree, that of a state (`trees.calls`) or a history of calls; `undefined` if it
 * is not there or not readable. `callId` is 32 bytes.
 *
 * @since 0.1.0
 * @category contracts
 */
export const call = (
  calls: Trie.Trie,
  contractId: ApiEncoding.ContractId,
  callId: Uint8Array
): CallObject.CallObject | undefined =>
  readOrUndefined(
    Trie.get(calls, Bytes.concat(ApiEncoding.viewOf(contractId), callId)),
    CallObject.decodeOrThrow
  )

/**
 * An object from bytes of a foreign dump; `undefined` if they are no such object.
 *
 * @internal
 */
export const readOrUndefined = <A>(
  bytes: Uint8Array | undefined,
  read: (bytes: Uint8Array) => A
): A | undefined => {
  if (bytes === undefined) return undefined
  try {
    return read(bytes)
  } catch (error) {
    if (error instanceof DecodeError.DecodeError) return undefined
    throw error
  }
}
