/**
 * What happens on chain, and what it means for the channel.
 *
 * Specification: channel state machine, chain watching and assumed minimum depth.
 *
 * @since 0.1.0
 */
import * as SignedTx from "../../chain/SignedTx.js"
import type { TxHash } from "../../encoding/ApiEncoding.js"
import type { AssumeMinimumDepth } from "../../protocol/Request.js"
import type { ChainEvent } from "../ChainView.js"
import type { CallId } from "../FsmEvent.js"
import { createDeepEnough } from "./Opening.js"
import type { Outcome, Step } from "./Step.js"

type Event<T extends ChainEvent["_tag"]> = Extract<ChainEvent, { readonly _tag: T }>

const isAwaited = (step: Step, kind: "create" | "close", txHash: TxHash): boolean =>
  step.state.depthWatch?.kind === kind && step.state.depthWatch.txHash === txHash

/** The create transaction is deep enough. @since 0.1.0 @category handlers */
export const depthWhileLocking = (step: Step, event: Event<"MinimumDepthReached">): Outcome =>
  isAwaited(step, "create", event.txHash) ? createDeepEnough(step) : depthReached(step, event)

/** The closing transaction is deep enough: the end. @since 0.1.0 @category handlers */
export const depthWhileClosed = (step: Step, event: Event<"MinimumDepthReached">): Outcome => {
  if (!isAwaited(step, "close", event.txHash)) return depthReached(step, event)
  step.info("closed_confirmed")
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
  const kind = step.state.assumed.get(txHash)
  if (kind === undefined) return "unhandled"
  const assumed = new Map(step.state.assumed)
  assumed.delete(txHash)
  step.set({ assumed })
  step.info("minimum_depth_achieved", {
    notice: "already_assumed",
    txHash,
    txType: kind === "create" ? "channel_create_tx" : "close"
  })
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
  if (!waiting || assumed.size > maximumAssumptions) return step.refuse(callId, "not_allowed_now")
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

/** A transaction of this channel is in a block and the channel goes on. @since 0.1.0 @category handlers */
export const channelChanged = (step: Step, event: Event<"ChannelChanged">): Outcome => {
  const { depthWatch } = step.state
  received(step, event)
  if (depthWatch !== undefined && depthWatch.txHash !== SignedTx.hash(event.tx)) {
    return step.stopWithError("unexpected_tx_on_chain")
  }
  step.onChainTx("channel_changed", event.tx)
}

/** The channel is back although it was seen closed. @since 0.1.0 @category handlers */
export const changedAfterClose = (step: Step, event: Event<"ChannelChanged">): Outcome => {
  received(step, event)
  if (isAwaited(step, "close", SignedTx.hash(event.tx))) return
  step.info("zombie_channel")
  step.stop("zombie_channel")
}

/**
 * Somebody closes alone. What is under way ends; with an older state on chain than the own one both are told that it
 * can be slashed.
 *
 * @since 0.1.0
 * @category handlers
 */
export const channelClosing = (step: Step, event: Event<"ChannelClosing">): Outcome => {
  const { channel, tx } = event
  const { round, signedTx } = step.state.offChain
  received(step, event)
  if (channel.lockedUntil === 0) return
  // A co-signed state beats forced ones, so those do not count.
  const onChainRound = channel.soloRound > 0 ? channel.soloRound - 1 : channel.round
  step.forget()
  if (signedTx !== undefined && round > onChainRound) step.onChainTx("can_slash", signedTx)
  else step.onChainTx("solo_closing", tx)
  step.enter("channel_closing")
}

/** The closing transaction is in a block. @since 0.1.0 @category handlers */
export const channelClosed = (step: Step, event: Event<"ChannelClosed">): Outcome => {
  received(step, event)
  step.forget()
  step.watchDepth("close", event.tx)
  step.onChainTx("channel_closed", event.tx)
  step.enter("channel_closed")
}
