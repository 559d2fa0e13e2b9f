/**
 * Waiting for the chain: what becomes of a deposit or withdrawal that both parties signed.
 *
 * Such a transaction can get on chain at any time, whoever gives it to a mempool. So from the acknowledger's signature on
 * the operation does not run out of time: it ends with the new state, or when the transaction cannot get on chain any
 * more. Only a mempool that refuses it at once (code 5) ends it earlier.
 *
 * Specification: channel state machine, deposit and withdraw, mempool refusals, min depth.
 *
 * @since 0.1.0
 */
import * as SignedTx from "../../chain/SignedTx.js"
import { signTags } from "../../protocol/SignTag.js"
import type { CallId } from "../FsmEvent.js"
import type { PeerMessage } from "../PeerMessage.js"
import { signedByBoth } from "./Checks.js"
import { endingOf, refuseProposal } from "./Endings.js"
import { catchUp } from "./Forcing.js"
import {
  accountOf,
  isLocking,
  type Locking,
  locking,
  movementOf,
  operationOfTx,
  rows,
  setAside,
  treesAfter
} from "./Movements.js"
import type { Pending } from "./State.js"
import type { StateName } from "./States.js"
import type { Outcome, Step } from "./Step.js"
import type { Proposal } from "./Table.js"
import { type Movement, notPinned, push } from "./Transactions.js"
import { apply } from "./Updates.js"

type Message<T extends PeerMessage["_tag"]> = Extract<PeerMessage, { readonly _tag: T }>

/** The new state counts. */
const complete = (step: Step, pending: Pending): void => {
  apply(step, pending, pending.signedTx)
  step.enter("open")
}

/** The new state counts although the peer has not said so: it sees the same chain, and there is nobody to wait for. */
const completeAlone = (step: Step, { pending, row }: Locking): void => {
  step.info(row.locked)
  complete(step, pending)
}

/**
 * The transaction is deep enough for this party. Without a peer there is nobody to wait for: when it comes back it
 * finds the transaction on chain.
 *
 * @since 0.1.0
 * @category transitions
 */
export const deepEnough = (step: Step): Outcome => {
  const { channelId, peerConnected, reestablish } = step.state
  const found = locking(step.state)
  if (found === undefined || channelId === null) return "unhandled"
  const { operation, pending, row } = found
  step.set({ depthWatch: undefined })
  step.info(row.ownLocked)
  if (!peerConnected || reestablish !== "none") return completeAlone(step, found)
  step.tell({ _tag: "Locked", operation, channelId, txHash: SignedTx.hash(pending.signedTx) })
  step.enter(row.deep)
}

/**
 * The transaction is deep enough for the peer too.
 *
 * @since 0.1.0
 * @category handlers
 */
export const peerLocked = (step: Step, message: Message<"Locked">): Outcome => {
  const found = locking(step.state)
  if (found === undefined) return "unhandled"
  const { operation, pending, row } = found
  step.received(message)
  if (message.channelId !== step.state.channelId) return step.stopWithError("channel_id_mismatch")
  if (message.operation !== operation || message.txHash !== SignedTx.hash(pending.signedTx)) {
    return step.stopWithError("unexpected_tx_hash")
  }
  step.info(row.locked)
  complete(step, pending)
}

/**
 * A `locked` that nobody waits for. The reference node's machine ends in some states; it is harmless.
 *
 * @since 0.1.0
 * @category handlers
 */
export const strayLocked = (step: Step): Outcome =>
  step.state.suspended === undefined ? step.dropped("locked", "not_expected") : "postpone"

/**
 * A proposal while a deposit or withdrawal waits for the chain: the peer had given that one up before it learned of
 * the co-signature, which will reach it. The proposal is refused and the operation goes on.
 *
 * @since 0.1.0
 * @category handlers
 */
export const proposalWhileLocking = (step: Step, message: Proposal): Outcome => {
  if (!isLocking(step.state)) return "unhandled"
  step.received(message)
  refuseProposal(step, message, 2, "transaction_on_its_way")
}

/**
 * Whether a transaction cannot get on chain any more: its nonce is used up there, or its time is over. What a generalized
 * account's contract will agree to later nobody knows.
 */
const isDead = (step: Step, tx: Movement): boolean => {
  const { chain } = step.env
  const account = accountOf(tx)
  const isUsed = chain.isGeneralized(account)
    ? tx.nonce > 0n
    : (chain.account(account)?.nonce ?? 0n) >= tx.nonce
  return isUsed || (tx.ttl > 0 && chain.topHeight > tx.ttl)
}

/**
 * Whether a deposit or withdrawal is nowhere, and cannot get on chain any more, or was paid for there in vain.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isLost = (step: Step, signedTx: SignedTx.SignedTx): boolean => {
  const movement = movementOf(SignedTx.innermost(signedTx).tx)
  const place = step.env.chain.locate(SignedTx.hash(signedTx))
  if (movement === undefined) return false
  return place === "in_vain" || (place === undefined && isDead(step, movement))
}

/** Whether the depth that this side waited for is there, and not only because its client says so. */
const isDeep = (step: Step, { signedTx }: Pending): boolean => {
  const { assumed, name } = step.state
  const txHash = SignedTx.hash(signedTx)
  const place = step.env.chain.locate(txHash)
  return name !== "awaiting_locked" && typeof place === "object" && !assumed.has(txHash)
}

/**
 * Waiting takes long. A transaction that is lost for good ends the operation; one that nobody gave to the chain, or that
 * the mempool forgot, is given to it again, and the client gets code 3, need not wait and may close alone. Where only the
 * peer's word is missing for what is deep in the chain, this side goes on; the peer follows when it has seen the same.
 *
 * @since 0.1.0
 * @category transitions
 */
export const lockTimedOut = (step: Step): Outcome => {
  const found = locking(step.state)
  if (found === undefined) return
  const { pending } = found
  if (isDeep(step, pending)) return completeAlone(step, found)
  if (isLost(step, pending.signedTx)) {
    step.set({ depthWatch: undefined })
    step.fallBack({ ...endingOf(pending, 3), conflict: pending.overdue !== true })
    return catchUp(step)
  }
  push(step, pending.signedTx)
  if (pending.overdue === true) return
  step.set({ pending: { ...pending, overdue: true } })
  // The client need not wait for it any longer, nor for what it has asked for meanwhile. It learns of the new state.
  step.conflict(3)
  step.requeue()
}

const isOverdue = (step: Step): boolean => locking(step.state)?.pending.overdue === true

/**
 * A request while a transaction is awaited that nobody knows the time of: it is refused, and does not wait.
 *
 * @since 0.1.0
 * @category transitions
 */
export const callWhileLocking = (step: Step, callId: CallId): Outcome =>
  isOverdue(step) ? step.refuse(callId, "unknown_request") : "postpone"

/**
 * A client that leaves while a transaction is awaited that nobody knows the time of need not wait for it. It is
 * remembered.
 *
 * @since 0.1.0
 * @category handlers
 */
export const leave = (step: Step, callId: CallId): Outcome => {
  if (!isOverdue(step)) return "unhandled"
  step.accept(callId)
  step.reportLeave()
  step.stop("leave")
}

/**
 * A way out for a client whose channel waits for a transaction that no block takes: the request `close` (a solo close)
 * is served as in an idle channel. If it comes to nothing the transaction is awaited as before.
 *
 * @since 0.1.0
 * @category combinators
 */
export const whenOverdue =
  <R>(close: (step: Step, request: R, callId: CallId) => Outcome) =>
  (step: Step, asked: R, callId: CallId): Outcome => {
    const found = locking(step.state)
    if (found === undefined || !isOverdue(step)) return "unhandled"
    // In a block it has made the own state an old one. It will count.
    if (typeof step.env.chain.locate(SignedTx.hash(found.pending.signedTx)) === "object") return "unhandled"
    const { name } = step.state
    if (name !== "awaiting_locked" && name !== "dep_signed" && name !== "wdraw_signed") return "unhandled"
    step.suspend()
    // What was forced while it is awaited is the state that the chain can be closed with.
    catchUp(step)
    const outcome = close(step, asked, callId)
    const { pending } = step.state
    // Nothing to be signed: the request was refused.
    if (pending === undefined) step.enter(name)
    else step.set({ pending: { ...pending, origin: name } })
    return outcome
  }

/**
 * The peer gives up an operation that is co-signed. This counts only if the transaction cannot get on chain: a starter
 * that ran out of time takes the co-signature that is on its way, and what its mempool refused is tried once more.
 *
 * @since 0.1.0
 * @category transitions
 */
export const endedByPeer = (step: Step, code: number, round: number): void => {
  const found = locking(step.state)
  if (found === undefined) return
  const { pending } = found
  const isOver = code === 5 ? !push(step, pending.signedTx) : isLost(step, pending.signedTx)
  if (!isOver) return step.dropped("operation_error", "co-signed")
  step.set({ depthWatch: undefined })
  step.forget()
  // Once it was overdue the client does not wait any more.
  if (pending.overdue !== true) step.conflict(code, round)
  step.enter("open")
  catchUp(step)
}

/**
 * The peer's machine is gone while a deposit or withdrawal waits for the chain. One that is deep enough here is taken
 * over; the other goes on waiting, and is given to the chain if the peer had not done it.
 *
 * @since 0.1.0
 * @category transitions
 */
export const peerLost = (step: Step): void => {
  const found = locking(step.state)
  if (found === undefined) return
  const { operation, pending } = found
  const { signedTx } = pending
  if (isDeep(step, found.pending)) return completeAlone(step, found)
  if (step.state.name !== "awaiting_locked") {
    // That the client took it for deep enough counts only together with the peer's word.
    const assumed = new Map(step.state.assumed)
    assumed.delete(SignedTx.hash(signedTx))
    step.set({ assumed })
    step.watchDepth(operation, signedTx)
    step.enter("awaiting_locked")
  }
  push(step, signedTx)
}

/**
 * The peer's machine is back while a deposit or withdrawal waits for the chain. It is kept until both have agreed on what
 * they hold; then both wait for it.
 *
 * @since 0.1.0
 * @category transitions
 */
export const peerReturns = (step: Step): void => {
  const found = locking(step.state)
  if (found === undefined || step.state.name !== "awaiting_locked") return
  const { signedTx } = found.pending
  step.set({ depthWatch: undefined })
  step.forget()
  step.setOffChain({ halfSignedTx: signedTx })
  step.enter("open")
}

/**
 * A machine that is idle again remembers a deposit or withdrawal (`kept`) that both parties signed and that may still
 * get on chain: it is awaited as before. Other half-signed transactions are left alone.
 *
 * @since 0.1.0
 * @category transitions
 */
export const resume = (step: Step, kept: SignedTx.SignedTx | undefined): void => {
  if (kept === undefined || step.state.name !== "open") return
  const movement = movementOf(SignedTx.innermost(kept).tx)
  const trees = movement === undefined ? undefined : treesAfter(step.state, movement)
  if (movement === undefined || trees === undefined || !signedByBoth(step, kept) || isLost(step, kept)) return
  const operation = operationOfTx(movement)
  const account = accountOf(movement)
  const row = rows[operation]
  const pending: Pending = {
    stage: "lock",
    tag: account === step.ownAddress ? row.starts : row.acknowledges,
    signedTx: kept,
    serial: undefined,
    updates: [row.update(account, movement.amount)],
    blockHash: notPinned,
    trees,
    origin: "open"
  }
  step.set({ pending, ongoing: true })
  step.watchDepth(operation, kept)
  push(step, kept)
  step.enter("awaiting_locked")
}

/**
 * Somebody closes alone while a deposit or withdrawal waits for its depth: if it is in a block, its state is the latest.
 *
 * @since 0.1.0
 * @category transitions
 */
export const takeMined = (step: Step): void => {
  const found = locking(step.state) ?? setAside(step.state)
  if (found === undefined) return
  const place = step.env.chain.locate(SignedTx.hash(found.pending.signedTx))
  if (typeof place !== "object") return
  step.set({ depthWatch: undefined })
  apply(step, found.pending, found.pending.signedTx)
}

/** States in which an operation of both parties has not been co-signed yet. */
const busyStates: ReadonlySet<StateName> = new Set<StateName>([
  "awaiting_signature",
  "awaiting_update_ack",
  "dep_half_signed",
  "wdraw_half_signed",
  "mutual_closing"
])

/**
 * A deposit or withdrawal is in a block that this machine had given up: it is awaited like any other, and what it crosses
 * ends in a conflict.
 *
 * @since 0.1.0
 * @category transitions
 */
export const takeOver = (step: Step, signedTx: SignedTx.SignedTx): void => {
  const { channelId, name, pending } = step.state
  const movement = movementOf(SignedTx.innermost(signedTx).tx)
  if (movement === undefined || channelId === null) return
  if (isLocking(step.state) || setAside(step.state) !== undefined) return
  const trees = treesAfter(step.state, movement)
  if (trees === undefined) return
  const { stable } = step
  if (busyStates.has(name) && pending !== undefined && signTags[pending.tag].side !== "solo") {
    step.forget()
    step.tellEnding(endingOf(pending, 2))
    step.conflict(2)
    step.enter(stable)
  }
  if (step.state.name === "open") return resume(step, signedTx)
  apply(step, { trees }, signedTx)
  // A machine that is about to end waits for nothing, and its peer need not wait for it.
  const operation = operationOfTx(movement)
  step.tell({ _tag: "Locked", operation, channelId, txHash: SignedTx.hash(signedTx) })
}
