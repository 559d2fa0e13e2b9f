/**
 * What a party does on chain alone: snapshot, solo close, slash, settle. The peer is not asked; the node only makes the
 * transaction, has it signed and gives it to the chain.
 *
 * Specification: channel state machine, solo operations.
 *
 * @since 0.1.0
 */
import * as SignedTx from "../../chain/SignedTx.js"
import * as Transaction from "../../chain/Transaction.js"
import type { ChannelObject } from "../../chain/ChannelObject.js"
import type { ChannelId, TxHash } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { CloseSolo, OnChainOptions, Settle, Slash, SnapshotSolo } from "../../protocol/Request.js"
import { type SignTag, signTags } from "../../protocol/SignTag.js"
import * as Poi from "../../state/Poi.js"
import * as Trees from "../../state/Trees.js"
import type { Update } from "../../state/Update.js"
import type { CallId } from "../FsmEvent.js"
import { ownSignatureFault } from "./Checks.js"
import { badOwnSignature, endingOf } from "./Endings.js"
import type { OffChain, Pending } from "./State.js"
import type { Outcome, Step } from "./Step.js"
import { paid, participants, pickBlock, push, type Paid } from "./Transactions.js"

/**
 * What every solo operation needs: a channel on chain and a state.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ground {
  readonly channelId: ChannelId
  readonly channel: ChannelObject
  readonly signedTx: SignedTx.SignedTx
  readonly round: number
}

/**
 * The latest state that the chain can be shown. One that was forced there and that a fork has dropped since is none: what
 * both signed before it is.
 *
 * @since 0.1.0
 * @category getters
 */
export const evidenceOf = (step: Step): OffChain => {
  const { offChain } = step.state
  const { coSigned, signedTx } = offChain
  if (coSigned === undefined || signedTx === undefined || !isForced(signedTx)) return offChain
  return typeof step.env.chain.locate(SignedTx.hash(signedTx)) === "object" ? offChain : coSigned
}

/** Refuses where a solo operation has nothing to stand on. @since 0.1.0 @category getters */
export const groundOf = (
  step: Step,
  callId: CallId,
  { round, signedTx }: OffChain = step.state.offChain
): Ground | undefined => {
  const { channelId, clientConnected } = step.state
  const channel = channelId === null ? undefined : step.env.chain.channel(channelId)
  if (!clientConnected) {
    step.refuse(callId, "client_disconnected")
    return undefined
  }
  if (channelId === null || channel === undefined || signedTx === undefined) {
    step.refuse(callId, "unknown_request")
    return undefined
  }
  return { channelId, channel, signedTx, round }
}

const isOffChain = (signedTx: SignedTx.SignedTx): boolean =>
  SignedTx.innermost(signedTx).tx._tag === "ChannelOffchainTx"

/** Whether the chain holds the latest state already. */
const isOnChain = ({ round, trees }: OffChain, channel: ChannelObject): boolean =>
  round === channel.round && Bytes.equals(Trees.stateHash(trees), channel.stateHash)

/**
 * What shows the chain the latest state: nothing where that is the chain's own. Another state of the same round is not:
 * that is how a call looks which was forced instead of a round that both signed.
 *
 * @since 0.1.0
 * @category getters
 */
export const payloadFor = (state: OffChain, { channel, signedTx }: Ground): Uint8Array =>
  isOnChain(state, channel) ? new Uint8Array(0) : SignedTx.encode(signedTx)

/** A proof of both parties' accounts in a state. */
const poiOfBoth = (step: Step, { trees }: OffChain): Uint8Array | undefined => {
  const both = participants(step.state)
  if (both === undefined) return undefined
  const poi = Poi.build(trees, { accounts: both, contracts: [] })
  return poi instanceof Poi.NotFound ? undefined : Poi.encode(poi)
}

/**
 * Asks the own client to sign a transaction that it alone is responsible for.
 *
 * @since 0.1.0
 * @category transitions
 */
export const ask = (
  step: Step,
  callId: CallId,
  tag: SignTag,
  draft: Paid,
  options: OnChainOptions,
  origin: Pending["origin"],
  updates: ReadonlyArray<Update> = []
): void => {
  const tx = paid(step, step.ownAddress, draft, options)
  if ("reason" in tx) return step.refuse(callId, tx.reason)
  step.accept(callId)
  // A machine that waits for its peer need not wait any more: to close a channel takes one.
  if (origin === "channel_closing" && step.state.name !== "channel_closing") step.goesOnAlone()
  step.requestSignature(
    {
      stage: "sign",
      tag,
      signedTx: SignedTx.unsigned(tx),
      serial: undefined,
      updates,
      blockHash: pickBlock(step, undefined) ?? step.env.chain.topHash,
      trees: undefined,
      origin
    },
    true
  )
}

const priced = { ttl: 0, fee: 0n, nonce: 0n } as const

/**
 * The round a co-signed state must be above to beat the one on chain. Forced rounds do not count: any co-signed state of
 * a forced round or later beats them.
 *
 * @since 0.1.0
 * @category getters
 */
export const closingRound = (channel: ChannelObject): number =>
  channel.soloRound > 0 ? channel.soloRound - 1 : channel.round

/**
 * Whether the latest state beats the one on chain. One that was forced on chain itself beats nothing: where the chain has
 * it, or a later one, there is nothing to be done. Below the height at which the chain forgets with every close what was
 * forced before it, only the state itself tells that it is there: what was forced last may be long ago.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isAhead = (step: Step, channel: ChannelObject): boolean => {
  const state = evidenceOf(step)
  const { round, signedTx } = state
  if (signedTx === undefined || isForced(signedTx)) return false
  return round > closingRound(channel) && !isOnChain(state, channel)
}

/** Whether a state was forced on chain by one party. @since 0.1.0 @category predicates */
export const isForced = (signedTx: SignedTx.SignedTx): boolean =>
  SignedTx.innermost(signedTx).tx._tag === "ChannelForceProgressTx"

/**
 * Puts the latest state on chain without closing. It must be an off-chain state (1012) newer than the chain's (1013).
 *
 * @since 0.1.0
 * @category handlers
 */
export const snapshotSolo = (step: Step, request: SnapshotSolo, callId: CallId): Outcome => {
  const ground = groundOf(step, callId)
  if (ground === undefined) return
  const { channel, channelId, round, signedTx } = ground
  if (!isOffChain(signedTx)) return step.refuse(callId, "not_offchain_tx")
  // A state with both signatures takes the place of all that was forced after the one before it.
  if (round <= closingRound(channel)) return step.refuse(callId, "already_onchain")
  const payload = SignedTx.encode(signedTx)
  const draft: Transaction.ChannelSnapshotSoloTx = {
    _tag: "ChannelSnapshotSoloTx",
    version: 1,
    channelId,
    fromId: step.ownAddress,
    payload,
    ...priced
  }
  ask(step, callId, "snapshot_solo_tx", draft, request, "open")
}

/**
 * Closes alone. A state that is on chain already needs no payload.
 *
 * @since 0.1.0
 * @category handlers
 */
export const closeSolo = (step: Step, request: CloseSolo, callId: CallId): Outcome => {
  const state = evidenceOf(step)
  const ground = groundOf(step, callId, state)
  if (ground === undefined) return
  const { channelId } = ground
  const poi = poiOfBoth(step, state)
  if (poi === undefined) return step.refuse(callId, "unknown_request")
  const payload = payloadFor(state, ground)
  const draft: Transaction.ChannelCloseSoloTx = {
    _tag: "ChannelCloseSoloTx",
    version: 1,
    channelId,
    fromId: step.ownAddress,
    payload,
    poi,
    ...priced
  }
  ask(step, callId, "close_solo_sign", draft, request, "open")
}

/**
 * A snapshot or a solo close while another signature is awaited takes the place of that operation, if nobody but the
 * own client knows of it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const insteadOfUnsigned =
  <R>(run: (step: Step, request: R, callId: CallId) => Outcome) =>
  (step: Step, request: R, callId: CallId): Outcome => {
    const { ongoing, pending } = step.state
    const replaceable =
      ongoing &&
      pending !== undefined &&
      pending.origin === "open" &&
      signTags[pending.tag].side !== "acknowledger"
    return replaceable ? run(step, request, callId) : step.refuse(callId, "unknown_request")
  }

/**
 * Answers an older state on chain with the latest. Whether it can succeed is not looked at, but a state that one party
 * has forced is none that the chain takes from anybody.
 *
 * @since 0.1.0
 * @category handlers
 */
export const slash = (step: Step, request: Slash, callId: CallId): Outcome => {
  const state = evidenceOf(step)
  const ground = groundOf(step, callId, state)
  if (ground === undefined) return
  const poi = poiOfBoth(step, state)
  if (poi === undefined || ground.channel.lockedUntil === 0 || isForced(ground.signedTx))
    return step.refuse(callId, "unknown_request")
  const draft: Transaction.ChannelSlashTx = {
    _tag: "ChannelSlashTx",
    version: 1,
    channelId: ground.channelId,
    fromId: step.ownAddress,
    payload: SignedTx.encode(ground.signedTx),
    poi,
    ...priced
  }
  ask(step, callId, "slash_tx", draft, request, "channel_closing")
}

/**
 * Pays out by the latest state. Before the end of the lock period it is signed already and kept until then.
 *
 * @since 0.1.0
 * @category handlers
 */
export const settle = (step: Step, request: Settle, callId: CallId): Outcome => {
  const state = evidenceOf(step)
  const ground = groundOf(step, callId, state)
  const both = participants(step.state)
  if (ground === undefined) return
  if (both === undefined || ground.channel.lockedUntil === 0) return step.refuse(callId, "unknown_request")
  const { trees } = state
  const draft: Transaction.ChannelSettleTx = {
    _tag: "ChannelSettleTx",
    version: 1,
    channelId: ground.channelId,
    fromId: step.ownAddress,
    initiatorAmountFinal: Trees.balance(trees, both[0]) ?? 0n,
    responderAmountFinal: Trees.balance(trees, both[1]) ?? 0n,
    ...priced
  }
  ask(step, callId, "settle_sign", draft, request, "channel_closing")
}

/**
 * The operation is over on this side; what becomes of the transaction the chain will tell.
 *
 * @since 0.1.0
 * @category transitions
 */
export const done = (step: Step, pending: Pending): void => {
  step.forget()
  step.enter(pending.origin)
}

/** Gives a signed transaction to the chain, or ends the operation with code 5. @since 0.1.0 @category transitions */
export const give = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): void =>
  push(step, signedTx) ? done(step, pending) : step.fallBack(endingOf(pending, 5))

const channelOf = (step: Step): ChannelObject | undefined => {
  const { channelId } = step.state
  return channelId === null ? undefined : step.env.chain.channel(channelId)
}

/**
 * The own client signed a snapshot. A bad signature ends it without a word.
 *
 * @since 0.1.0
 * @category handlers
 */
export const snapshotSigned = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): Outcome => {
  const fault = ownSignatureFault(step, signedTx, pending)
  if (fault !== undefined) {
    step.error(fault)
    return done(step, pending)
  }
  step.log("rcv", "signed", { _tag: "Signed", signedTx })
  if (channelOf(step)?.lockedUntil !== 0) return step.fallBack(endingOf(pending, 5))
  give(step, signedTx, pending)
}

/**
 * The own client signed a solo close. Where somebody was faster there is nothing left to do.
 *
 * @since 0.1.0
 * @category handlers
 */
export const closeSoloSigned = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): Outcome => {
  const fault = ownSignatureFault(step, signedTx, pending)
  if (fault !== undefined) {
    step.error(fault)
    return step.fallBack(endingOf(pending, 5))
  }
  step.log("rcv", "signed", { _tag: "Signed", signedTx })
  if ((channelOf(step)?.lockedUntil ?? 0) > 0) return done(step, pending)
  give(step, signedTx, pending)
}

/** The own client signed a slash. @since 0.1.0 @category handlers */
export const slashSigned = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): Outcome => {
  const fault = ownSignatureFault(step, signedTx, pending)
  if (fault !== undefined) {
    step.error(fault)
    return step.fallBack(endingOf(pending, 5))
  }
  step.log("rcv", "signed", { _tag: "Signed", signedTx })
  give(step, signedTx, pending)
}

/** Whether the lock period of a closing channel still runs. */
const isLocked = (step: Step): boolean => {
  const channel = channelOf(step)
  return channel !== undefined && channel.lockedUntil > 0 && channel.lockedUntil >= step.env.chain.topHeight
}

/** Orders the end of the lock period, if a settle waits for it. @since 0.1.0 @category transitions */
export const watchUnlock = (step: Step): void => {
  const { channelId, pendingSettle } = step.state
  if (pendingSettle !== undefined && channelId !== null) step.effects.push({ _tag: "WatchUnlock", channelId })
}

/**
 * The own client signed a settle: now it goes to the chain, or it is kept, apart from all other operations, until the
 * lock period is over. A newer one takes the place of one that is kept.
 *
 * @since 0.1.0
 * @category handlers
 */
export const settleSigned = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): Outcome => {
  const fault = ownSignatureFault(step, signedTx, pending)
  if (fault !== undefined) return badOwnSignature(step, fault, pending)
  step.log("rcv", "signed", { _tag: "Signed", signedTx })
  if (!isLocked(step)) {
    step.set({ pendingSettle: undefined })
    return give(step, signedTx, pending)
  }
  step.set({ pendingSettle: signedTx })
  watchUnlock(step)
  done(step, pending)
}

/** Whether a settle pays what the chain will pay: with other amounts no block ever takes it. */
const paysAsOnChain = (signedTx: SignedTx.SignedTx, channel: ChannelObject): boolean => {
  const { tx } = SignedTx.innermost(signedTx)
  return (
    tx._tag === "ChannelSettleTx" &&
    tx.initiatorAmountFinal === channel.initiatorAmount &&
    tx.responderAmountFinal === channel.responderAmount
  )
}

/**
 * The lock period is over: a settle that waited for it goes to the chain. If a slash made it longer, or a fork made the
 * channel active again, it waits on. Where the chain has another state by now it can never be mined: code 5.
 *
 * @since 0.1.0
 * @category handlers
 */
export const unlocked = (step: Step): Outcome => {
  const { pendingSettle } = step.state
  const channel = channelOf(step)
  step.log("rcv", "channel_unlocked", { _tag: "Note", note: "channel_unlocked" })
  if (pendingSettle === undefined || channel === undefined || channel.lockedUntil === 0) return
  if (isLocked(step)) return watchUnlock(step)
  step.set({ pendingSettle: undefined })
  if (!paysAsOnChain(pendingSettle, channel) || !push(step, pendingSettle)) step.conflict(5)
}

/**
 * An own snapshot is in a block: its depth is told too.
 *
 * @since 0.1.0
 * @category transitions
 */
export const watchOwnSnapshot = (step: Step, signedTx: SignedTx.SignedTx): void => {
  const { snapshots } = step.state
  const { tx } = SignedTx.innermost(signedTx)
  if (tx._tag !== "ChannelSnapshotSoloTx" || tx.fromId !== step.ownAddress) return
  const txHash = SignedTx.hash(signedTx)
  step.set({ snapshots: new Set(snapshots).add(txHash) })
  step.effects.push({ _tag: "WatchDepth", txHash, depth: step.wantedDepth(signedTx) })
}

/**
 * Whether a depth is that of an own snapshot; then it is reported, in whatever state.
 *
 * @since 0.1.0
 * @category transitions
 */
export const snapshotDeepEnough = (step: Step, txHash: TxHash): boolean => {
  const { snapshots } = step.state
  if (!snapshots.has(txHash)) return false
  step.set({ snapshots: new Set([...snapshots].filter((each) => each !== txHash)) })
  step.info("min_depth_achieved", { txType: "channel_snapshot_solo_tx", txHash })
  return true
}
