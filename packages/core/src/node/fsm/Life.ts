/**
 * Beginning and end of a session: start, clients that come and go, leaving, lost peers, timers.
 *
 * Specification: channel state machine, timeouts, leave, client gone, peer link lost.
 *
 * @since 0.1.0
 */
import type { CallId } from "../FsmEvent.js"
import type { PeerMessage } from "../PeerMessage.js"
import { reportClosing } from "./Chain.js"
import { endingOf } from "./Endings.js"
import { signTags } from "../../protocol/SignTag.js"
import { sinceCoSigned } from "./Forcing.js"
import * as Locks from "./Locks.js"
import * as Movements from "./Movements.js"
import type { Outcome, Step } from "./Step.js"

type Message<T extends PeerMessage["_tag"]> = Extract<PeerMessage, { readonly _tag: T }>

/** Says that the machine is there, and by which id a client comes back to it. @since 0.1.0 @category transitions */
export const reportUp = (step: Step): void => step.info("fsm_up", { fsmId: step.state.options.fsmId })

/** The machine starts. @since 0.1.0 @category handlers */
export const started = (step: Step): Outcome => reportUp(step)

/**
 * A client (re)connected: it learns that the machine is there, and nothing it missed, but what was forced since the latest
 * state that both signed, and that one party is closing the channel alone. One that knows only the machine before this one hears how both ends have met again, as it would
 * have if it had been there.
 *
 * @since 0.1.0
 * @category handlers
 */
export const clientAttached = (step: Step, anew: boolean): Outcome => {
  step.set({ clientConnected: true })
  reportUp(step)
  for (const signedTx of sinceCoSigned(step)) step.onChainTx("consumed_forced_progress", signedTx)
  reportClosing(step)
  const { reestablish, status } = step.state
  if (anew && (status === "open" || status === "closing")) {
    if (reestablish === "none") step.info("channel_reestablished")
    step.info(status)
    step.set({ lastReportedRound: 0 })
    step.reportUpdate()
  }
}

/** The client's socket is gone. @since 0.1.0 @category handlers */
export const clientGone = (step: Step): Outcome => {
  step.set({ clientConnected: false })
  step.log("disconnect", "error", { _tag: "Note", note: "client_disconnected" })
  if (!step.state.clientMayDisconnect) step.stop("client_disconnected")
}

/** The client ends the machine at once. @since 0.1.0 @category handlers */
export const stopped = (step: Step, callId: CallId): Outcome => {
  step.accept(callId)
  step.stop("stopped")
}

/**
 * The client leaves: the peer is told and acknowledges. Without a peer nobody would, so the machine ends at once.
 *
 * @since 0.1.0
 * @category handlers
 */
export const leave = (step: Step, callId: CallId): Outcome => {
  const { channelId, peerConnected } = step.state
  step.accept(callId)
  if (channelId === null || !peerConnected) {
    step.reportLeave()
    return step.stop("leave")
  }
  step.tell({ _tag: "Leave", channelId })
  step.enter("awaiting_leave_ack")
}

/** The peer leaves; a responder that keeps running stays. @since 0.1.0 @category handlers */
export const peerLeaves = (step: Step, message: Message<"Leave">): Outcome => {
  const { channelId, options } = step.state
  step.received(message)
  if (message.channelId !== channelId) return step.dropped("leave", "channel_id_mismatch")
  step.tell({ _tag: "LeaveAck", channelId })
  step.reportLeave()
  if (!options.keepRunning) step.stop("leave")
}

/** Both leave at once: both end. @since 0.1.0 @category handlers */
export const leavesCross = (step: Step, message: Message<"Leave">): Outcome => {
  const { channelId } = step.state
  step.received(message)
  if (message.channelId !== channelId) return step.stopWithError("channel_id_mismatch")
  step.tell({ _tag: "LeaveAck", channelId })
  step.reportLeave()
  step.stop("leave")
}

/** The peer knows that this side leaves. @since 0.1.0 @category handlers */
export const leaveAcknowledged = (step: Step, message: Message<"LeaveAck">): Outcome => {
  step.received(message)
  if (message.channelId !== step.state.channelId) return step.stopWithError("channel_id_mismatch")
  step.reportLeave()
  step.stop("leave")
}

/**
 * The peer's machine is gone. What it had said and nobody has looked at yet is forgotten: it could not be answered.
 *
 * @since 0.1.0
 * @category handlers
 */
export const linkDown = (step: Step): Outcome => {
  const { clientMayDisconnect, name, offChain, options, pending, postponed, status } = step.state
  step.set({
    peerConnected: false,
    postponed: postponed.filter((event) => event._tag !== "PeerSaid" && event._tag !== "LinkUp"),
    // Whoever comes next is another machine: both must find out that they hold the same.
    ...(offChain.signedTx === undefined ? {} : { reestablish: "due" as const }),
    // Nothing that was on its way on this link arrives any more.
    exposed: []
  })
  step.log("rcv", "disconnect", { _tag: "Note", note: "disconnect" })
  const side = pending === undefined ? undefined : signTags[pending.tag].side
  if (status === "closing" || name === "channel_closed") {
    // A peer that is gone cannot be given the co-signature it asked for.
    if (name === "awaiting_signature" && side === "acknowledger") {
      step.forget()
      step.enter("channel_closing")
    }
    return
  }
  if (name === "awaiting_leave_ack") {
    step.reportLeave()
    return step.stop("leave")
  }
  if (step.goesOnAlone()) return
  if (!options.keepRunning || !clientMayDisconnect) return step.stop("disconnect")
  step.info("peer_disconnected")
  // Before the create transaction is locked there is no state to fall back to.
  if (offChain.signedTx === undefined) return step.stop("no_stable_state")
  if (Movements.setAside(step.state) !== undefined && side !== "solo") {
    const { stable } = step
    step.forget()
    step.enter(stable)
  }
  if (Movements.isLocking(step.state)) return Locks.peerLost(step)
  // What one party does alone does not need the peer.
  if (name === "awaiting_signature" && side === "solo") return
  step.forget()
  step.enter("open")
  Locks.resume(step, offChain.halfSignedTx)
}

/**
 * The state's timer ran out; the first case that fits counts.
 *
 * @since 0.1.0
 * @category handlers
 */
export const timerFired = (step: Step): Outcome => {
  const { name, offChain, ongoing, options, pending, pendingSettle, status } = step.state
  const closesTogether =
    name === "mutual_closing" ||
    (name === "awaiting_signature" &&
      (pending?.tag === "shutdown_sign" || pending?.tag === "shutdown_sign_ack"))
  if (status === "closing" && closesTogether && pending !== undefined) {
    step.forget()
    step.tellEnding(endingOf(pending, 3))
    return step.enter(pending.origin)
  }
  if (name === "mutual_closed") return step.stop("timeout")
  if (Movements.isLocking(step.state)) return Locks.lockTimedOut(step)
  if (ongoing && pending !== undefined) {
    // The responder's part of the opening: there is no state to fall back to.
    if (offChain.signedTx === undefined && pending.origin !== "signed") return step.stop("no_stable_state")
    return step.fallBack(endingOf(pending, 3))
  }
  if (options.keepRunning) return
  // A machine that has to give a settle to the chain is not idle.
  if (name === "channel_closing" && pendingSettle !== undefined) return
  if (step.goesOnAlone()) return
  step.info("timeout")
  step.stop("timeout")
}
