/**
 * What the peer answers to a proposal: its co-signature or an error, in time or late.
 *
 * Specification: channel state machine, checks on what the peer sends, races.
 *
 * @since 0.1.0
 */
import * as SignedTx from "../../chain/SignedTx.js"
import { signTags } from "../../protocol/SignTag.js"
import type { PeerMessage } from "../PeerMessage.js"
import { reportSlashable } from "./Chain.js"
import { completedBy } from "./Checks.js"
import { adoptClosing, closingAcknowledged } from "./Closing.js"
import * as Deposits from "./Deposits.js"
import { endingOf } from "./Endings.js"
import * as Forcing from "./Forcing.js"
import * as Locks from "./Locks.js"
import * as Movements from "./Movements.js"
import type { Exposed, Pending } from "./State.js"
import type { StateName } from "./States.js"
import type { Ending, Outcome, Step } from "./Step.js"
import { operationOf } from "./Table.js"
import { apply } from "./Updates.js"

type Message<T extends PeerMessage["_tag"]> = Extract<PeerMessage, { readonly _tag: T }>

const isAnswerTo = (message: Message<"Acknowledgement">, { operation, pending }: Exposed): boolean =>
  operation === message.operation && SignedTx.sameTransaction(message.signedTx, pending.signedTx)

/**
 * The peer co-signed. In time it ends the operation under way. Late, after the own side had given up (a timeout, a
 * conflict), it still counts: the peer holds a state with both signatures, so this side takes it over, and what it had
 * begun since ends in a conflict. Anything else is dropped, and a wrong answer to the operation under way ends it.
 *
 * @since 0.1.0
 * @category handlers
 */
export const acknowledged = (step: Step, message: Message<"Acknowledgement">): Outcome => {
  const { channelId, exposed, pending } = step.state
  step.received(message)
  const awaited = pending?.stage === "ack" && operationOf(pending.tag) === message.operation
  const current: Exposed | undefined = awaited ? { operation: message.operation, pending } : undefined
  const late = exposed.find((each) => each.pending !== pending && isAnswerTo(message, each))
  const half = (current !== undefined && isAnswerTo(message, current) ? current : late)?.pending.signedTx
  const good =
    half !== undefined &&
    message.channelId === channelId &&
    completedBy(step, message.signedTx, half, step.otherAddress)
  if (current !== undefined && (!good || !isAnswerTo(message, current))) {
    if (late !== undefined && good) return adopt(step, message, late)
    step.set({ exposed: exposed.filter((each) => each.pending !== pending) })
    return step.fallBack(endingOf(current.pending, message.operation === "shutdown" ? 1 : 2))
  }
  if (current !== undefined) {
    const { pending } = current
    if (message.operation === "shutdown") return closingAcknowledged(step, message.signedTx, pending)
    if (message.operation !== "update") return Deposits.acknowledged(step, message.signedTx, pending)
    apply(step, pending, message.signedTx)
    step.enter("open")
    return Forcing.catchUp(step)
  }
  if (late !== undefined && good) return adopt(step, message, late)
  step.dropped("acknowledgement", message.operation)
}

/** States with an operation that is not co-signed yet. */
const busyStates: ReadonlySet<StateName> = new Set<StateName>([
  "awaiting_signature",
  "awaiting_update_ack",
  "dep_half_signed",
  "wdraw_half_signed",
  "mutual_closing"
])

/** Takes over what the peer co-signed although the own side had given it up. */
const adopt = (step: Step, message: Message<"Acknowledgement">, late: Exposed): void => {
  const { stable } = step
  const { name } = step.state
  const idle = name === "open" || name === "channel_closing" || name === "awaiting_leave_ack"
  const busy = busyStates.has(name)
  step.set({ exposed: step.state.exposed.filter((each) => each !== late) })
  if (!idle && !busy) return step.dropped("acknowledgement", "late")
  if (message.operation === "shutdown") {
    dropPending(step)
    return adoptClosing(step, message.signedTx, late.pending)
  }
  dropPending(step)
  if (message.operation !== "update") {
    // A channel that is being closed takes no deposits; should a fork undo the close, a block tells of this one.
    if (name === "channel_closing") return step.dropped("acknowledgement", "closing")
    return Deposits.adopt(step, message.signedTx, late.pending)
  }
  apply(step, late.pending, message.signedTx)
  reportSlashable(step)
  if (busy) step.enter(stable)
  else if (name !== "awaiting_leave_ack") step.reportUpdate()
  Forcing.catchUp(step)
}

/** Ends the operation under way, without change of state, because the peer's co-signature takes its place. */
const dropPending = (step: Step): void => {
  const { pending } = step.state
  if (pending === undefined) return
  step.forget()
  step.tellEnding(endingOf(pending, 2))
  step.conflict(2)
}

/**
 * An error message of the peer. It may refuse an own proposal, take back one of its own, or both; with neither it is
 * about whatever is awaited. What it is not about stays untouched.
 *
 * @since 0.1.0
 * @category handlers
 */
export const operationError = (step: Step, message: Message<"OperationError">): Outcome => {
  const { pending } = step.state
  step.received(message)
  if (message.channelId !== step.state.channelId) {
    const awaited = pending?.stage === "ack" && operationOf(pending.tag) === message.operation
    return awaited ? step.stop("channel_id_mismatch") : step.dropped("operation_error", "channel_id_mismatch")
  }
  const tookBack = message.withdraws !== undefined && withdrawn(step, message)
  const refusedNow = message.refuses !== undefined && refused(step, message)
  const unnamed = message.refuses === undefined && message.withdraws === undefined
  if (unnamed && Movements.isLocking(step.state)) {
    return Locks.endedByPeer(step, message.errorCode, message.round)
  }
  if (unnamed && pending?.stage === "ack" && operationOf(pending.tag) === message.operation) {
    step.set({ exposed: step.state.exposed.filter((each) => each.pending !== pending) })
    return endByPeer(step, message)
  }
  if (!tookBack && !refusedNow) step.dropped("operation_error", `${message.operation} ${message.errorCode}`)
}

const endByPeer = (step: Step, message: Message<"OperationError">): void => {
  const { stable } = step
  step.forget()
  step.conflict(message.errorCode, message.round)
  step.enter(stable)
}

const isOwn = (pending: Pending, serial: number | undefined): boolean =>
  signTags[pending.tag].side === "starter" && pending.serial !== undefined && pending.serial === serial

/** The peer does not co-sign an own proposal. It may be one that was given up before. */
const refused = (step: Step, message: Message<"OperationError">): boolean => {
  const { exposed, pending } = step.state
  if (pending?.stage === "lock" && isOwn(pending, message.refuses)) {
    Locks.endedByPeer(step, message.errorCode, message.round)
    return true
  }
  const one = exposed.find((each) => each.pending.serial === message.refuses)
  if (one !== undefined) step.set({ exposed: exposed.filter((each) => each !== one) })
  const current = pending?.stage === "ack" && pending.serial === message.refuses
  if (current) endByPeer(step, message)
  return one !== undefined || current
}

/** The peer gives up a proposal of its own: wherever it is now, it ends, and the peer is told so. */
const withdrawn = (step: Step, message: Message<"OperationError">): boolean => {
  const { errorCode, operation, withdraws } = message
  const { pending, postponed } = step.state
  const refusal: Ending = { code: errorCode, operation, refuses: withdraws }
  const isPending =
    pending !== undefined &&
    signTags[pending.tag].side === "acknowledger" &&
    pending.serial !== undefined &&
    pending.serial === withdraws
  const waiting = postponed.find(
    (event) =>
      event._tag === "PeerSaid" && event.message._tag === "Proposal" && event.message.serial === withdraws
  )
  if (waiting !== undefined) {
    step.set({ postponed: postponed.filter((event) => event !== waiting) })
    step.tellEnding(refusal)
    return true
  }
  if (isPending && pending.stage === "sign") {
    step.tellEnding(refusal)
    endByPeer(step, message)
    return true
  }
  if (isPending && pending.stage === "lock") {
    Locks.endedByPeer(step, errorCode, message.round)
    return true
  }
  // It was ignored when it came, which some proposals are: now it gets its answer.
  if (withdraws !== undefined && withdraws > step.state.answeredSerial) step.tellEnding(refusal)
  return false
}
