/**
 * The rule of force_progress: one party calls a contract of the channel on chain, from the latest co-signed or forced
 * state, when the other does not answer.
 *
 * @internal
 */
import type { CallObject } from "../../../../chain/CallObject.js"
import type { ChannelObject } from "../../../../chain/ChannelObject.js"
import * as ContractObject from "../../../../chain/ContractObject.js"
import * as Ids from "../../../../chain/Ids.js"
import * as Protocol from "../../../../chain/Protocol.js"
import * as SignedTx from "../../../../chain/SignedTx.js"
import type * as Transaction from "../../../../chain/Transaction.js"
import * as ApiEncoding from "../../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../../encoding/Bytes.js"
import * as Rlp from "../../../../encoding/Rlp.js"
import { DecodeError } from "../../../../encoding/DecodeError.js"
import * as Contracts from "../../../../fate/Contracts.js"
import * as Trees from "../../../../state/Trees.js"
import type { OffChainCallContract } from "../../../../state/Update.js"
import * as Authentication from "../Authentication.js"
import * as ChainState from "../ChainState.js"
import * as Forced from "../Forced.js"
import {
  type Check,
  type Context,
  type Refused,
  type Rule,
  changed,
  channelExists,
  crash,
  fateEnvironment,
  isParticipant,
  make,
  ofChannel,
  payerOf,
  refuse,
  roundError,
  soloAccount
} from "../Rule.js"
import { hasPayload, lockedUntil, payloadIsGood, where } from "./Solo.js"

type Force = Transaction.ChannelForceProgressTx

/** The state the call starts from: that of the payload or, without one, the chain's. */
const baseOf = (
  channel: ChannelObject,
  tx: Force
): { readonly stateHash: Uint8Array; readonly round: number } =>
  Authentication.payloadOf(tx.payload)?.offchain ?? channel

const isDelegateOf = (channel: ChannelObject, tx: Force, call: OffChainCallContract): boolean => {
  if (channel.version !== 3) return channel.delegateIds.includes(tx.fromId)
  return (
    channel.initiatorId === call.callerId ? channel.initiatorDelegateIds : channel.responderDelegateIds
  ).includes(tx.fromId)
}

/** A party calls for itself or, while the channel closes, by a delegate of its own. */
const callerIsGood: Check<Force> = ofChannel((channel, { environment, tx }) => {
  const call = Forced.callOf(tx)
  if (call === undefined) return "update_not_call"
  if (call.callerId === tx.fromId) return isParticipant(channel, tx.fromId) ? undefined : "account_not_peer"
  if (environment.protocol < Protocol.iris) return "not_caller"
  if (channel.lockedUntil === 0) return "channel_not_closing"
  return isParticipant(channel, call.callerId) && isDelegateOf(channel, tx, call)
    ? undefined
    : "not_caller_or_delegate"
})

/** The protocols from which on contracts of a virtual machine may be called, by its version. */
const callableFrom: { readonly [vmVersion: number]: number } = {
  1: Protocol.roma,
  3: Protocol.minerva,
  4: Protocol.fortuna,
  5: Protocol.lima,
  6: Protocol.lima,
  7: Protocol.iris,
  8: Protocol.ceres
}

/** The code that runs, that of another contract for one that was cloned. */
const codeOf = (trees: Trees.Trees, contract: ContractObject.ContractObject): Uint8Array | undefined =>
  contract.codeRef === undefined ? contract.code : Trees.contract(trees, contract.codeRef)?.code

/** The version of serialized code; FATE knows only the third. */
const codeVersion = (code: Uint8Array): number | undefined => {
  try {
    const items = Rlp.decodeOrThrow(code)
    const version = items instanceof Uint8Array ? undefined : items[1]
    return version instanceof Uint8Array ? version[0] : undefined
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

const fateAbi = 3

const contractIsGood: Check<Force> = ({ environment, tx }) => {
  const call = Forced.callOf(tx)
  const trees = Forced.treesOf(tx.offchainTrees)
  const contract = call && trees && Trees.contract(trees, call.contractId)
  if (call === undefined || trees === undefined || contract === undefined) return "contract_missing"
  const code = codeOf(trees, contract)
  if (code === undefined) return crash
  const { abiVersion, vmVersion } = ContractObject.unpackVersions(contract.ctVersion)
  if (call.abiVersion !== abiVersion) return "wrong_abi_version"
  if (environment.protocol < (callableFrom[vmVersion] ?? Number.POSITIVE_INFINITY))
    return "unknown_vm_version"
  if (abiVersion !== fateAbi) return "not_supported: contracts of the AEVM"
  const version = codeVersion(code)
  if (version === undefined) return crash
  return version === 3 ? undefined : "illegal_contract_compiler_version"
}

const startsFromBase: Check<Force> = ofChannel((channel, { tx }) => {
  const trees = Forced.treesOf(tx.offchainTrees)
  return trees !== undefined && Bytes.equals(Trees.stateHash(trees), baseOf(channel, tx).stateHash)
    ? undefined
    : "invalid_poi_hash"
})

/** The fee, and all the gas that the call may use. */
const need = (tx: Force): bigint => {
  const call = Forced.callOf(tx)
  return tx.fee + (call === undefined ? 0n : call.gas * call.gasPrice)
}

interface Progress {
  readonly trees: Trees.Trees
  readonly call: CallObject
}

/** The round that is forced, from the off-chain state in the transaction. */
const progressOf = (
  context: Context<Force>,
  channel: ChannelObject,
  update: OffChainCallContract,
  trees: Trees.Trees
): Progress | Refused => {
  const { crypto, environment, state, tx } = context
  const world = fateEnvironment(environment, state)
  const next = Contracts.dryRun(
    trees,
    update,
    { round: tx.round, channelReserve: channel.channelReserve },
    world,
    crypto
  )
  // The reference node means to take the gas for an update that cannot be applied, and breaks on it.
  return "reason" in next ? refuse(crash) : next
}

const balancesOf = (channel: ChannelObject, trees: Trees.Trees): readonly [bigint, bigint] | undefined => {
  const initiator = Trees.balance(trees, channel.initiatorId)
  const responder = Trees.balance(trees, channel.responderId)
  return initiator === undefined || responder === undefined ? undefined : [initiator, responder]
}

/** The channel after the round, as it was where the state is not the one that was promised. */
const progressed = (
  { environment: { height }, tx }: Context<Force>,
  channel: ChannelObject,
  trees: Trees.Trees
): ChannelObject | undefined => {
  if (!Bytes.equals(Trees.stateHash(trees), tx.stateHash)) return channel
  const balances = balancesOf(channel, trees)
  if (balances === undefined) return undefined
  const [initiatorAmount, responderAmount] = balances
  const isClosing = channel.lockedUntil !== 0
  if (isClosing && initiatorAmount + responderAmount > channel.channelAmount) return channel
  const startsAnew = channel.soloRound === 0 || (hasPayload(tx) && height >= Protocol.soloRoundResetHeight)
  return changed(channel, {
    stateHash: tx.stateHash,
    round: tx.round,
    soloRound: startsAnew ? tx.round : channel.soloRound,
    initiatorAmount,
    responderAmount,
    ...(isClosing ? { lockedUntil: lockedUntil(height, channel.lockPeriod) } : {})
  })
}

/** The call on chain: it stands under the hash of the transaction, as if that were its contract. */
const withReceipt = (
  { around }: Context<Force>,
  state: ChainState.ChainState,
  caller: OffChainCallContract["callerId"],
  call: CallObject
): ChainState.ChainState | Refused => {
  const contractId = ApiEncoding.encode("ct", ApiEncoding.bytesOf(SignedTx.hash(around.outermost)))
  const nonce = around.authenticated.get(caller) ?? call.callerNonce
  const key = Bytes.concat(ApiEncoding.bytesOf(contractId), Ids.callId(caller, nonce, contractId))
  return ChainState.hasCall(state, key)
    ? refuse(crash)
    : ChainState.setCall(state, key, { ...call, contractId })
}

const effect = (context: Context<Force>): ChainState.ChainState | Refused => {
  const { state, tx } = context
  const channel = ChainState.channel(state, tx.channelId)
  const update = Forced.callOf(tx)
  const trees = Forced.treesOf(tx.offchainTrees)
  if (channel === undefined || update === undefined || trees === undefined) return refuse(crash)
  const progress = progressOf(context, channel, update, trees)
  if (!("trees" in progress)) return progress
  const after = progressed(context, channel, progress.trees)
  if (after === undefined) return refuse(crash)
  const charge = tx.fee + progress.call.gasUsed * progress.call.gasPrice
  const known = ChainState.spend(state, tx.fromId, 0n, tx.nonce)
  const paid = ChainState.collectFee(ChainState.spend(known, payerOf(context, tx.fromId), charge), charge)
  const received = withReceipt(context, paid, update.callerId, progress.call)
  return "trees" in received ? ChainState.setChannel(received, tx.channelId, after) : received
}

/** @internal */
export const forceProgress: Rule = make({
  kind: "ChannelForceProgressTx",
  checks: [
    channelExists(),
    where(hasPayload, payloadIsGood<Force>(Protocol.iris, true)),
    ({ tx }) => (Forced.callOf(tx) === undefined ? "update_not_call" : undefined),
    ofChannel((channel, { tx }) => roundError(channel, tx.round, true)),
    callerIsGood,
    ofChannel((channel, { tx }) => (baseOf(channel, tx).round === tx.round - 1 ? undefined : "wrong_round")),
    startsFromBase,
    contractIsGood,
    soloAccount<Force>(need)
  ],
  effect
})
