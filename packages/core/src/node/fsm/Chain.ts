/**
 * What happens on chain, and what it means for the channel.
 *
 * Specification: channel state machine, chain watching and assumed minimum depth.
 *
 * @since 0.1.0
 */
import * as SignedTx from "../../chain/SignedTx.js"
import type { ChannelObject } from "../../chain/ChannelObject.js"
import type { ChannelId, TxHash } from "../../encoding/ApiEncoding.js"
import type { AssumeMinimumDepth } from "../../protocol/Request.js"
import { signTags } from "../../protocol/SignTag.js"
import type { ChainEvent } from "../ChainView.js"
import type { CallId } from "../FsmEvent.js"
import * as Deposits from "./Deposits.js"
import { endingOf } from "./Endings.js"
import * as Forcing from "./Forcing.js"
import * as Locks from "./Locks.js"
import * as Movements from "./Movements.js"
import { createDeepEnough } from "./Opening.js"
import * as Solo from "./Solo.js"
import type { DepthKind } from "./State.js"
import { type StateName, stateRow } from "./States.js"
import type { Outcome, Step } from "./Step.js"
import type { Proposal } from "./Table.js"
import { push } from "./Transactions.js"

type Event<T extends ChainEvent["_tag"]> = Extract<ChainEvent, { readonly _tag: T }>

const isAwaited = (step: Step, kind: DepthKind, txHash: TxHash): boolean =>
  step.state.depthWatch?.kind === kind && step.state.depthWatch.txHash === txHash

/** The transaction that is awaited is deep enough. @since 0.1.0 @category handlers */
export const depthWhileLocking = (step: Step, event: Event<"MinimumDepthReached">): Outcome => {
  const { depthWatch } = step.state
  if (depthWatch === undefined || depthWatch.txHash !== event.txHash) return depthReached(step, event)
  return depthWatch.kind === "create" ? createDeepEnough(step) : Locks.deepEnough(step)
}

/** The closing transaction is deep enough: the end. @since 0.1.0 @category handlers */
export const depthWhileClosed = (step: Step, event: Event<"MinimumDepthReached">): Outcome => {
  if (!isAwaited(step, "close", event.txHash)) return depthReached(step, event)
  step.info("closed_confirmed")
  step.set({ closedConfirmed: true })
  step.stop("closed_confirmed")
}

/**
 * A depth that nobody waits for any more, because the client had assumed it.
 *
 * @since 0.1.0
 * @category handlers
 */
export const depthReached = (step: Step, event: Event<"MinimumDepthReached">): Outcome => {
  const { txHash } = event
  if (Solo.snapshotDeepEnough(step, txHash)) return
  const kind = step.state.assumed.get(txHash)
  // Watches outlive operations that came to nothing.
  if (kind === undefined) return step.dropped("minimum_depth_reached", "not_awaited")
  const assumed = new Map(step.state.assumed)
  assumed.delete(txHash)
  step.set({ assumed })
  step.info("minimum_depth_achieved", {
    notice: "already_assumed",
    txHash,
    txType: depthTypes[kind]
  })
}

/** How an assumed transaction is called when its real depth is reported. */
const depthTypes: Record<DepthKind, string> = {
  create: "channel_create_tx",
  deposit: "channel_deposit_tx",
  withdraw: "channel_withdraw_tx",
  close: "close"
}

const maximumAssumptions = 10_000

/**
 * The client takes a transaction as deep enough. Only for the transaction that is awaited now.
 *
 * @since 0.1.0
 * @category handlers
 */
export const assumeMinimumDepth = (step: Step, request: AssumeMinimumDepth, callId: CallId): Outcome => {
  const { assumed, depthWatch, name } = step.state
  const { txHash } = request
  if (depthWatch?.txHash !== txHash) return "unhandled"
  const waiting = name === "awaiting_locked" || name === "channel_closed"
  if (!waiting || assumed.size >= maximumAssumptions) return step.refuse(callId, "not_allowed_now")
  step.accept(callId)
  step.set({ assumed: new Map(assumed).set(txHash, depthWatch.kind) })
  const event: Event<"MinimumDepthReached"> = { _tag: "MinimumDepthReached", txHash }
  return name === "awaiting_locked" ? depthWhileLocking(step, event) : depthWhileClosed(step, event)
}

const received = (step: Step, event: ChainEvent): void =>
  step.log(
    "rcv",
    event._tag.replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase(),
    "tx" in event ? { _tag: "Signed", signedTx: event.tx } : { _tag: "Note", note: event._tag }
  )

const saw = (step: Step, tx: SignedTx.SignedTx): void => step.set({ lastChannelChange: SignedTx.hash(tx) })

/**
 * Whether a transaction cannot be there: it makes a new state, and it is not the one that is awaited. What one party
 * does alone is no matter, and neither are older transactions, which are the newest again after a fork.
 */
const isUnexpected = (step: Step, signedTx: SignedTx.SignedTx): boolean => {
  const { depthWatch, offChain } = step.state
  const { tx } = SignedTx.innermost(signedTx)
  if (depthWatch === undefined || depthWatch.txHash === SignedTx.hash(signedTx)) return false
  if (tx._tag === "ChannelCreateTx") return offChain.round === 0
  return (tx._tag === "ChannelDepositTx" || tx._tag === "ChannelWithdrawTx") && tx.round > offChain.round
}

/**
 * Whether a machine that comes back is told what it has seen on chain for itself: a watch begins with the newest
 * transaction.
 */
const isKnown = (step: Step, signedTx: SignedTx.SignedTx): boolean => {
  const { lastChannelChange, name, reestablish } = step.state
  const waits =
    name === "awaiting_connect" ||
    name === "reestablish_init" ||
    name === "awaiting_reestablish" ||
    name === "channel_closing"
  return waits && reestablish !== "none" && lastChannelChange === SignedTx.hash(signedTx)
}

/** States that a forced progress does not end: it changes what the machine holds, and nothing else. */
const heldThroughout: ReadonlySet<StateName> = new Set<StateName>([
  "awaiting_leave_ack",
  "awaiting_connect",
  "awaiting_reestablish",
  "reestablish_init"
])

/**
 * Whether a forced progress must wait: for the first state that both have signed, or for the end of what the chain is
 * awaited for.
 */
const mustWait = ({ state }: Step): boolean => {
  const { name, offChain, reestablish } = state
  if (offChain.signedTx === undefined || Movements.isLocking(state)) return true
  if (Movements.setAside(state) !== undefined) return true
  return !stateRow(name).interruptible && !(heldThroughout.has(name) && reestablish !== "none")
}

const closesAlone = (signedTx: SignedTx.SignedTx): boolean => {
  const { tx } = SignedTx.innermost(signedTx)
  return tx._tag === "ChannelCloseSoloTx" || tx._tag === "ChannelSlashTx"
}

/** Says with what one party is closing the channel: an older state than the own one, or one that is as new. */
const tellClosing = (step: Step, channelId: ChannelId, channel: ChannelObject): void => {
  const { signedTx } = Solo.evidenceOf(step)
  if (signedTx !== undefined && Solo.isAhead(step, channel)) return step.onChainTx("can_slash", signedTx)
  const closing = step.env.chain.channelTransactions(channelId).findLast(closesAlone)
  if (closing !== undefined) step.onChainTx("solo_closing", closing)
}

/**
 * A channel that is being closed takes no deposits and withdrawals: one that is in a block counts, and one that is not
 * comes to nothing. Whether one was waited for.
 */
const endLock = (step: Step): boolean => {
  if (!Movements.isLocking(step.state) && Movements.setAside(step.state) === undefined) return false
  Locks.takeMined(step)
  dropUnderWay(step)
  step.set({ suspended: undefined, depthWatch: undefined })
  return true
}

/**
 * Somebody forced progress. If it follows the latest state it is the new one: what is under way ends, without a conflict
 * report. If it follows an older state, a snapshot or a slash with the latest can take its place. One that follows a state
 * that is not known here is passed over, and so is one that something newer has taken the place of already.
 */
const progressForced = (step: Step, event: Event<"ChannelChanged" | "ChannelClosing">): Outcome => {
  const { tx } = event
  const { channelId, lastChannelChange } = step.state
  const channel = channelId === null ? undefined : step.env.chain.channel(channelId)
  if (channelId === null || channel === undefined) return step.dropped("force_progress", "channel_not_found")
  const isClosing = channel.lockedUntil > 0
  const isEnded = isClosing && endLock(step)
  if (!isEnded && mustWait(step)) return "postpone"
  received(step, event)
  if (!isEnded && lastChannelChange === SignedTx.hash(tx)) return
  saw(step, tx)
  const isStale = Forcing.isStale(step, tx, channel)
  const begins = isClosing && step.state.status !== "closing"
  // Only the newest transaction of a block is told: somebody has closed alone in the same one.
  if (begins && !isStale) tellClosing(step, channelId, channel)
  if (isStale) step.onChainTx(isClosing ? "can_slash" : "can_snapshot", tx)
  // The client learns of the state by reports of what was forced, and nothing else.
  const { round } = step.state.offChain
  Forcing.catchUp(step)
  const isTaken = step.state.offChain.round > round
  if (isTaken) dropUnderWay(step)
  if (heldThroughout.has(step.state.name)) return
  if (begins) dropUnderWay(step)
  else if (!isTaken && !isEnded) return
  step.enter(isClosing ? "channel_closing" : "open")
}

/** A transaction of this channel is in a block and the channel goes on. @since 0.1.0 @category handlers */
export const channelChanged = (step: Step, event: Event<"ChannelChanged">): Outcome => {
  const { channel, tx } = event
  if (Forcing.forcedOf(tx) !== undefined) return progressForced(step, event)
  received(step, event)
  if (channel.lockedUntil === 0 && step.state.name !== "channel_closing" && isKnown(step, tx)) return
  saw(step, tx)
  Deposits.published(step, tx)
  if (isUnexpected(step, tx)) return step.stopWithError("unexpected_tx_on_chain")
  step.onChainTx("channel_changed", tx)
  Solo.watchOwnSnapshot(step, tx)
  Locks.takeOver(step, tx)
  if (channel.lockedUntil === 0) activeAgain(step)
}

/**
 * A fork dropped the close that somebody had made alone: the channel goes on as before. Should the close come back, it
 * is looked at again, and a settle that waits is kept for that.
 */
const activeAgain = (step: Step): void => {
  const { name, pending } = step.state
  if (name === "channel_closing") return step.enter("open")
  if (pending?.origin !== "channel_closing") return
  step.set({ pending: { ...pending, origin: "open" } })
  // Of the operations that only a closing channel has, a shutdown is none.
  if (signTags[pending.tag].side === "solo") step.fallBack(endingOf(pending, 2))
}

/**
 * A fork dropped what had closed the channel: it is given to the chain again, unless it is there already.
 */
const closeAgain = (step: Step): SignedTx.SignedTx | undefined => {
  const { closeTx } = step.state
  step.set({ closeTx: undefined, depthWatch: undefined })
  return closeTx !== undefined && push(step, closeTx) ? closeTx : undefined
}

/**
 * The channel was seen closed and goes on. In the reference node it is a zombie and the machine ends; here a fork does
 * not make a machine forget its channel: it waits for the close once more, or goes on with the latest state if that
 * cannot come back.
 *
 * @since 0.1.0
 * @category handlers
 */
export const changedAfterClose = (step: Step, event: Event<"ChannelChanged">): Outcome => {
  const { channelId } = step.state
  const isForced = Forcing.forcedOf(event.tx) !== undefined
  // What waited for the end of another operation comes here too.
  if (isForced && (channelId === null || step.env.chain.channel(channelId) === undefined)) {
    return step.dropped("force_progress", "channel_not_found")
  }
  received(step, event)
  if (isAwaited(step, "close", SignedTx.hash(event.tx))) return
  if (!isForced) saw(step, event.tx)
  const again = closeAgain(step)
  step.onChainTx("channel_changed", event.tx)
  step.enter(again?.tx._tag === "ChannelCloseMutualTx" ? "mutual_closed" : "open")
  if (isForced) return progressForced(step, event)
}

/** States of a channel that is being closed alone, if it is. */
const goesToClosing: ReadonlySet<StateName> = new Set<StateName>([
  "channel_closing",
  "awaiting_signature",
  "mutual_closing"
])

/**
 * A co-signed state came in while the channel closes with an older one: the client learns that it can slash.
 *
 * @since 0.1.0
 * @category transitions
 */
export const reportSlashable = (step: Step): void => {
  const { channelId, name } = step.state
  const { signedTx } = Solo.evidenceOf(step)
  const channel = channelId === null ? undefined : step.env.chain.channel(channelId)
  if (!goesToClosing.has(name) || signedTx === undefined || channel === undefined) return
  if (channel.lockedUntil === 0 || !Solo.isAhead(step, channel)) return
  step.onChainTx("can_slash", signedTx)
}

/**
 * A client that was not there learns that one party is closing the channel alone, and whether with an older state.
 *
 * @since 0.1.0
 * @category transitions
 */
export const reportClosing = (step: Step): void => {
  const { channelId, name } = step.state
  const channel = channelId === null ? undefined : step.env.chain.channel(channelId)
  if (channelId === null || channel === undefined || channel.lockedUntil === 0 || !goesToClosing.has(name))
    return
  tellClosing(step, channelId, channel)
}

/**
 * The chain ends what is under way: no conflict for the own client, but the peer, which sees the same, gets its answer,
 * so that neither waits for one from then on.
 */
const dropUnderWay = (step: Step): void => {
  const { pending } = step.state
  if (pending?.stage === "sign" || pending?.stage === "ack") step.tellEnding(endingOf(pending, 2))
  step.forget()
}

/**
 * A proposal that a closing channel has no use for.
 *
 * @since 0.1.0
 * @category handlers
 */
export const proposalWhileClosing = (step: Step, message: Proposal): Outcome => {
  const { operation, serial } = message
  step.received(message)
  step.tellEnding({ code: 2, operation, refuses: serial })
}

/** A channel that is closed before it was open has the state it was created with. */
const takeCreated = (step: Step): void => {
  const { createTx, offChain } = step.state
  if (offChain.signedTx === undefined && createTx !== undefined) {
    step.setOffChain({ round: 1, signedTx: createTx })
  }
}

/**
 * Somebody closes alone. What is under way ends; with an older state on chain than the own one both are told that it
 * can be slashed. A channel that was seen closed can come here too, when a fork dropped its settle.
 *
 * @since 0.1.0
 * @category handlers
 */
export const channelClosing = (step: Step, event: Event<"ChannelClosing">): Outcome => {
  const { channel, tx } = event
  if (Forcing.forcedOf(tx) !== undefined) return progressForced(step, event)
  received(step, event)
  if (channel.lockedUntil === 0 || isKnown(step, tx)) return
  saw(step, tx)
  if (step.state.name === "channel_closed") closeAgain(step)
  Locks.takeMined(step)
  takeCreated(step)
  // Something may have been forced before it, in the same block.
  Forcing.catchUp(step)
  const { reestablish } = step.state
  const { signedTx } = Solo.evidenceOf(step)
  const isAhead = Solo.isAhead(step, channel)
  dropUnderWay(step)
  step.set({ depthWatch: undefined })
  // A machine that waits for its peer has something to do alone: its client may come and go.
  if (reestablish !== "none") step.set({ clientMayDisconnect: true })
  if (signedTx !== undefined && isAhead) step.onChainTx("can_slash", signedTx)
  else step.onChainTx("solo_closing", tx)
  Solo.watchUnlock(step)
  step.enter("channel_closing")
}

/** The closing transaction is in a block. @since 0.1.0 @category handlers */
export const channelClosed = (step: Step, event: Event<"ChannelClosed">): Outcome => {
  received(step, event)
  if (isAwaited(step, "close", SignedTx.hash(event.tx))) return
  saw(step, event.tx)
  dropUnderWay(step)
  step.set({ pendingSettle: undefined, closeTx: event.tx })
  step.watchDepth("close", event.tx)
  step.onChainTx("channel_closed", event.tx)
  step.enter("channel_closed")
}
