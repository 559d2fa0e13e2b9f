/**
 * The ways in which an operation of both parties ends early on this side: races, refusals, bad signatures, second
 * thoughts of the own client.
 *
 * Specification: channel state machine, races and signing errors.
 *
 * @since 0.1.0
 */
import * as SignedTx from "../../chain/SignedTx.js"
import { type SignTag, signTags } from "../../protocol/SignTag.js"
import type { CallId } from "../FsmEvent.js"
import type { Pending } from "./State.js"
import type { Ending, Outcome, Step } from "./Step.js"
import { operationOf, type Proposal } from "./Table.js"

/**
 * How an operation that has not come to its end is told to the peer: what was refused or taken back, if anything.
 *
 * @since 0.1.0
 * @category constructors
 */
export const endingOf = (pending: Pending, code: number): Ending => ({
  code,
  operation: operationOf(pending.tag),
  ...(signTags[pending.tag].side === "acknowledger"
    ? { refuses: pending.serial }
    : { withdraws: pending.serial })
})

/**
 * The mempool refused what both parties signed (`pending` is this side's proposal of it): it ends with code 5. The
 * peer may have co-signed an earlier proposal of the very same transaction, which this side had given up and made again:
 * it is told of that one too, after the later one, which it has kept waiting.
 *
 * @since 0.1.0
 * @category transitions
 */
export const refusedByMempool = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): void => {
  const { exposed } = step.state
  const same = exposed.filter((each) => SignedTx.sameTransaction(each.pending.signedTx, signedTx))
  step.set({ pending, exposed: exposed.filter((each) => !same.includes(each)) })
  step.fallBack(endingOf(pending, 5))
  for (const earlier of same.reverse())
    if (earlier.pending.serial !== pending.serial) step.tellEnding(endingOf(earlier.pending, 5))
}

/**
 * What the own client signed is not what it was asked to sign: the operation ends with code 1. The peer learns of it
 * only if it is waiting.
 *
 * @since 0.1.0
 * @category handlers
 */
export const badOwnSignature = (step: Step, fault: string, pending: Pending): Outcome => {
  step.error(fault)
  step.fallBack(endingOf(pending, 1))
}

/**
 * Refuses a proposal: the peer's operation ends, and the own client learns that there was one. Where a transaction is on
 * its way to the chain nothing else ends, so the own client has nothing to learn.
 *
 * @since 0.1.0
 * @category transitions
 */
export const refuseProposal = (step: Step, message: Proposal, code: number, reason: string): void => {
  step.error(reason)
  const { operation, serial } = message
  const ending: Ending = { code, operation, refuses: serial }
  return step.state.pending?.stage === "lock" ? step.tellEnding(ending) : step.fallBack(ending)
}

/**
 * Two proposals met: the arriving one is refused, the own one ends, each client gets one conflict. Whatever is only
 * being signed has not reached the peer, so there is nothing to take back.
 *
 * @since 0.1.0
 * @category handlers
 */
export const race = (step: Step, message: Proposal): Outcome => {
  const { pending } = step.state
  step.received(message)
  if (pending === undefined) return "unhandled"
  const own = endingOf(pending, 2)
  // What the peer had proposed before is refused as well; a peer that keeps to the order never has two.
  if (own.refuses !== undefined) step.tellEnding(own)
  const { operation, serial } = message
  step.fallBack({ code: 2, operation, refuses: serial, withdraws: own.withdraws })
}

/**
 * A proposal while the own client's signature is awaited: a race, unless the pending operation is no operation of both
 * parties (the create transaction), or the proposal is a shutdown, which can wait.
 *
 * @since 0.1.0
 * @category handlers
 */
export const proposalWhileSigning = (step: Step, message: Proposal): Outcome => {
  const { ongoing, pending } = step.state
  if (!ongoing || pending === undefined || signTags[pending.tag].side === "solo") return "postpone"
  return race(step, message)
}

/**
 * A second proposal of the own client while a signature is awaited: both are dropped.
 *
 * @since 0.1.0
 * @category handlers
 */
export const secondProposal = (step: Step, callId: CallId): Outcome => {
  const { ongoing, pending } = step.state
  if (!ongoing || pending === undefined || signTags[pending.tag].side === "solo") return "postpone"
  step.accept(callId)
  step.fallBack(endingOf(pending, 2))
}

/**
 * The own client refuses to sign.
 *
 * @since 0.1.0
 * @category handlers
 */
export const signingError = (step: Step, tag: SignTag, code: number, callId: CallId): Outcome => {
  const { channelId, name, pending } = step.state
  const allowed =
    name === "awaiting_signature" &&
    pending?.stage === "sign" &&
    pending.tag === tag &&
    signTags[tag].abortable
  if (!allowed) return step.refuse(callId, "not_allowed_now")
  step.accept(callId)
  step.info("aborted_update")
  const locked = channelId !== null && (step.env.chain.channel(channelId)?.lockedUntil ?? 0) > 0
  const idle = pending.origin === "channel_closing" ? "open" : pending.origin
  const origin = locked ? "channel_closing" : idle
  step.set({ pending: { ...pending, origin } })
  step.fallBack({ ...endingOf(pending, code), conflict: false })
}
