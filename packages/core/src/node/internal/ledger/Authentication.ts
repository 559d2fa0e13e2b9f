/**
 * Who agreed to a co-signed state that is given to the chain as a payload, and how generalized accounts authenticate.
 *
 * Specification: æternity consensus, channel payloads, generalized accounts.
 *
 * @internal
 */
import type { ChannelObject } from "../../../chain/ChannelObject.js"
import * as Protocol from "../../../chain/Protocol.js"
import * as SignedTx from "../../../chain/SignedTx.js"
import type * as Transaction from "../../../chain/Transaction.js"
import * as Hash from "../../../crypto/Hash.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import type { AccountAddress, ChannelId, ContractId } from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"
import { DecodeError } from "../../../encoding/DecodeError.js"
import * as Poi from "../../../state/Poi.js"
import * as Trees from "../../../state/Trees.js"
import * as Trie from "../../../state/Trie.js"
import type { GaCall, GaOutcome } from "../../GaAuthenticator.js"
import * as ChainState from "./ChainState.js"
import { type Context, authenticatorOf, crash, fateEnvironment } from "./Rule.js"

/** Reads bytes once; `undefined` for bytes that are no such thing. @internal */
export const readOnce = <A>(read: (bytes: Uint8Array) => A | undefined) => {
  const known = new WeakMap<Uint8Array, { readonly value: A | undefined }>()
  return (bytes: Uint8Array): A | undefined => {
    let entry = known.get(bytes)
    if (entry === undefined) {
      entry = { value: readOrNothing(bytes, read) }
      known.set(bytes, entry)
    }
    return entry.value
  }
}

const readOrNothing = <A>(bytes: Uint8Array, read: (bytes: Uint8Array) => A | undefined): A | undefined => {
  try {
    return read(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** A co-signed state: the signed transaction, meta transactions included, and the off-chain transaction in it. */
interface Payload {
  readonly signedTx: SignedTx.SignedTx
  readonly offchain: Transaction.ChannelOffchainTx
}

/** The co-signed state in a payload; `undefined` for an empty one and for other bytes. @internal */
export const payloadOf: (payload: Uint8Array) => Payload | undefined = readOnce((bytes) => {
  if (bytes.length === 0) return undefined
  const signedTx = SignedTx.decodeOrThrow(bytes)
  const { tx } = SignedTx.innermost(signedTx)
  return tx._tag === "ChannelOffchainTx" ? { signedTx, offchain: tx } : undefined
})

/** A proof of inclusion; `undefined` for bytes that are none. @internal */
export const poiOf: (poi: Uint8Array) => Poi.Poi | undefined = readOnce(Poi.decodeOrThrow)

const fateAbi = 3
const aevmAbi = 1
const fateTrue = 0xff

/** Serialized FATE call data starts as a pair whose first element is a byte array of 4: the function. */
const functionOf = (callData: Uint8Array): Uint8Array | undefined =>
  callData[0] === 0x2b && callData[1] === 0x11 && callData.length > 6 ? callData.subarray(2, 6) : undefined

/** Whether call data is for the account's authentication function. @internal */
export const authDataError = (
  abiVersion: number,
  authData: Uint8Array,
  functionHash: Uint8Array
): string | undefined => {
  if (abiVersion === aevmAbi) return "not_supported: authentication by the AEVM"
  if (abiVersion !== fateAbi) return crash
  const called = functionOf(authData)
  if (called === undefined) return "bad_auth_data"
  return Bytes.equals(called, functionHash.subarray(0, 4)) ? undefined : "wrong_auth_function"
}

/** @internal */
export const saysYes = ({ returnType, returnValue }: GaOutcome): boolean =>
  returnType === "ok" && returnValue.length === 1 && returnValue[0] === fateTrue

/** The key of the copy of a party's authentication store that a channel keeps. */
const channelStoreKey = (channelId: ChannelId, party: AccountAddress): Uint8Array =>
  Hash.blake2b256(Bytes.concat(ApiEncoding.bytesOf(channelId), ApiEncoding.bytesOf(party)))

const storeOf = (key: Uint8Array): Uint8Array => Bytes.concat(key, Trees.storeMark)

/** A channel keeps the authentication store of a generalized party as it is when the channel is created. @internal */
export const copyStore = (
  state: ChainState.ChainState,
  channelId: ChannelId,
  party: AccountAddress
): ChainState.ChainState => {
  const contract = ChainState.account(state, party)?.authentication?.contract
  if (contract === undefined) return state
  const from = storeOf(ApiEncoding.bytesOf(contract))
  const to = storeOf(channelStoreKey(channelId, party))
  let contracts = Trie.put(state.trees.contracts, to, Uint8Array.of(0))
  for (const [key, value] of Trie.entries(state.trees.contracts, from)) {
    if (key.length > from.length) {
      contracts = Trie.put(contracts, Bytes.concat(to, key.subarray(from.length)), value)
    }
  }
  return ChainState.withTrees(state, { ...state.trees, contracts })
}

/** What authenticating takes. @internal */
export type Place = Pick<Context<unknown>, "crypto" | "environment" | "state">

/** A call of an authentication function for a meta transaction. @internal */
export const callOf = (
  context: Place,
  meta: Transaction.GaMetaTx,
  options: {
    readonly trees: Trees.Trees
    readonly contractId: ContractId
    readonly storeKey: Uint8Array
    readonly functionHash: Uint8Array
    /** The bytes the function is asked about. */
    readonly txBytes: Uint8Array
    /** That of the meta transaction unless given. */
    readonly gas?: bigint
  }
): GaCall => {
  const { networkId, protocol } = context.environment
  const { gas = meta.gas, txBytes, ...where } = options
  return {
    environment: fateEnvironment(context.environment, context.state),
    crypto: context.crypto,
    ...where,
    caller: meta.gaId,
    callData: meta.authData,
    gas,
    gasPrice: meta.gasPrice,
    fee: meta.fee,
    authTxHash: SignedTx.authTxHash(txBytes, meta, networkId, protocol)
  }
}

/** How the parties authenticated when the channel was created. */
const authsOf = (channel: ChannelObject): ReadonlyMap<AccountAddress, Uint8Array> =>
  new Map(
    channel.version === 1
      ? [
          [channel.initiatorId, new Uint8Array()],
          [channel.responderId, new Uint8Array()]
        ]
      : [
          [channel.initiatorId, channel.initiatorAuth],
          [channel.responderId, channel.responderAuth]
        ]
  )

/** What a meta transaction takes of a block, next to its size and the gas of its function. */
const metaGas = 75_000n

/** In a payload the gas of a meta transaction is its own and that of all inside. */
const gasOf = (layers: ReadonlyArray<Transaction.GaMetaTx>, index: number): bigint =>
  layers.slice(index + 1).reduce((sum, { gas }) => sum + metaGas + gas, layers[index]?.gas ?? 0n)

/** What the contract of a generalized account says to a meta transaction. */
const answerError = (call: GaCall, { environment }: Place): string | undefined => {
  const outcome = authenticatorOf(environment).authenticate(call)
  if (outcome.returnType !== "ok") return "signature_verification_failed_contract_error"
  return saysYes(outcome) ? undefined : "signature_verification_failed_authenticate_false"
}

/** One meta transaction around an off-chain one, which authenticates the innermost transaction. */
const metaError = (
  channelId: ChannelId,
  auth: Uint8Array | undefined,
  meta: Transaction.GaMetaTx,
  gas: bigint,
  txBytes: Uint8Array,
  place: Place
): string | undefined => {
  if (auth === undefined) return "id_is_not_a_participant"
  if (auth.length === 0) return "meta_tx_for_basic_account"
  const functionHash = auth.subarray(0, 32)
  const wrong = authDataError(meta.abiVersion, meta.authData, functionHash)
  if (wrong !== undefined) return wrong
  const { trees } = place.state
  const contractId = ApiEncoding.encode("ct", auth.subarray(32))
  if (Trees.contract(trees, contractId) === undefined) return "signature_verification_failed_no_contract"
  const storeKey = channelStoreKey(channelId, meta.gaId)
  if (!Trie.has(trees.contracts, storeOf(storeKey))) return "signature_verification_failed_no_state"
  return answerError(callOf(place, meta, { trees, contractId, storeKey, functionHash, txBytes, gas }), place)
}

/**
 * Why the meta transactions around an off-chain transaction do not authenticate it: each must be by a party that was
 * generalized when the channel was created, and is asked with its store as it was then.
 *
 * @internal
 */
export const offChainError = (
  channelId: ChannelId,
  channel: ChannelObject,
  signedTx: SignedTx.SignedTx,
  place: Place
): string | undefined => {
  const auths = authsOf(channel)
  const { txBytes } = SignedTx.innermost(signedTx)
  const layers = SignedTx.metaLayers(signedTx)
  for (const [depth, meta] of layers.entries()) {
    const gas = gasOf(layers, depth)
    const error = metaError(channelId, auths.get(meta.gaId), meta, gas, txBytes, place)
    if (error !== undefined) return error
  }
  return undefined
}

/**
 * Why the meta transactions around an on-chain transaction do not authenticate it as the chain is now: each is about the
 * transaction directly inside.
 *
 * @internal
 */
export const onChainError = (signedTx: SignedTx.SignedTx, place: Place): string | undefined => {
  const { tx } = signedTx
  const inner = SignedTx.inner(signedTx)
  if (tx._tag !== "GaMetaTx" || inner === undefined) return undefined
  const { state } = place
  const account = ChainState.account(state, tx.gaId)
  if (account === undefined) return "account_not_found"
  if (account.authentication === undefined) return "meta_tx_for_basic_account"
  const { contract, functionHash } = account.authentication
  const wrong = authDataError(tx.abiVersion, tx.authData, functionHash)
  if (wrong !== undefined) return wrong
  const call = callOf(place, tx, {
    trees: state.trees,
    contractId: contract,
    storeKey: ApiEncoding.bytesOf(contract),
    functionHash,
    txBytes: inner.txBytes
  })
  return answerError(call, place) ?? onChainError(inner, place)
}

/** Whether a party was generalized when the channel was created. @internal */
export const wasGeneralized = (channel: ChannelObject, party: AccountAddress): boolean =>
  (authsOf(channel).get(party)?.length ?? 0) > 0

/**
 * Whether both parties agreed to a co-signed state, and nobody else: who was generalized when the channel was created by
 * a meta transaction, the others by signatures.
 *
 * @internal
 */
export const payloadError = (
  channel: ChannelObject,
  payload: SignedTx.SignedTx,
  context: Context<{ readonly channelId: ChannelId }>
): string | undefined => {
  const { crypto, environment, tx } = context
  const error = offChainError(tx.channelId, channel, payload, context)
  if (error !== undefined) return error
  const { gaIds } = SignedTx.authentications(payload)
  const signers = [channel.initiatorId, channel.responderId].filter((id) => !gaIds.includes(id))
  const { networkId, protocol } = environment
  if (protocol >= Protocol.lima && signers.some((id) => wasGeneralized(channel, id))) {
    return "ga_using_signature_not_allowed"
  }
  const checked = SignedTx.verify(SignedTx.innermost(payload), signers, { networkId, protocol, crypto })
  return checked === "ok" ? undefined : checked
}
