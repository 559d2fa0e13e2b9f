/**
 * Closing together: from the request to the co-signed transaction in the mempool.
 *
 * Specification: channel state machine, shutdown.
 *
 * @since 0.1.0
 */
import * as Protocol from "../../chain/Protocol.js"
import * as SignedTx from "../../chain/SignedTx.js"
import type { Shutdown } from "../../protocol/Request.js"
import type { CallId } from "../FsmEvent.js"
import type { PeerMessage } from "../PeerMessage.js"
import { ownSignatureFault, peerShutdownFault, signedByBoth } from "./Checks.js"
import { badOwnSignature, refusedByMempool, refuseProposal } from "./Endings.js"
import type { Pending } from "./State.js"
import type { Outcome, Step } from "./Step.js"
import type { Proposal } from "./Table.js"
import { closeMutualTx, pickBlock, push } from "./Transactions.js"

type Message<T extends PeerMessage["_tag"]> = Extract<PeerMessage, { readonly _tag: T }>

const origin = (step: Step): Pending["origin"] => {
  const { name } = step.state
  return name === "channel_closing" || name === "signed" || name === "dep_signed" || name === "wdraw_signed"
    ? name
    : "open"
}

/**
 * The own client wants to close together. While a solo close runs this is possible from Lima on.
 *
 * @since 0.1.0
 * @category handlers
 */
export const shutdown = (step: Step, request: Shutdown, callId: CallId): Outcome => {
  const { clientConnected, name } = step.state
  if (!clientConnected) return step.refuse(callId, "client_disconnected")
  if (name === "channel_closing" && step.env.chain.protocol < Protocol.lima) {
    return step.refuse(callId, "unknown_request")
  }
  const tx = closeMutualTx(step, step.ownAddress, request)
  if ("reason" in tx) return step.refuse(callId, tx.reason)
  step.accept(callId)
  step.requestSignature(
    {
      stage: "sign",
      tag: "shutdown_sign",
      signedTx: SignedTx.unsigned(tx),
      serial: undefined,
      updates: [],
      blockHash: pickBlock(step, undefined) ?? step.env.chain.topHash,
      trees: undefined,
      origin: origin(step)
    },
    true
  )
}

/**
 * The peer proposes to close together.
 *
 * @since 0.1.0
 * @category handlers
 */
export const peerProposesShutdown = (step: Step, message: Proposal): Outcome => {
  step.received(message)
  const { blockHash, signedTx } = message
  if (step.state.exposed.length > 0) return refuseProposal(step, message, 2, "own_proposal_unanswered")
  const fault = peerShutdownFault(step, message)
  if (fault !== undefined) {
    if (step.state.name === "channel_closing") return step.dropped("shutdown", fault)
    return refuseProposal(step, message, 1, fault)
  }
  const pending: Pending = {
    stage: "sign",
    tag: "shutdown_sign_ack",
    signedTx,
    serial: message.serial,
    updates: [],
    blockHash,
    trees: undefined,
    origin: origin(step)
  }
  const { clientConnected } = step.state
  step.info("shutdown")
  if (!clientConnected && !signedByBoth(step, signedTx))
    return step.dropped("shutdown", "client_disconnected")
  if (step.state.pending !== undefined) step.suspend()
  if (!clientConnected) return coSign(step, signedTx, pending)
  step.requestSignature(pending, true)
}

const coSign = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): void => {
  const { channelId } = step.state
  if (channelId === null) return
  const { blockHash } = pending
  step.tell({ _tag: "Acknowledgement", operation: "shutdown", channelId, blockHash, signedTx })
  step.answered(pending.serial)
  step.onChainTx("close_mutual", signedTx)
  step.set({ pending: { ...pending, stage: "close", signedTx } })
  step.enter("mutual_closed")
}

/**
 * The own client co-signed the peer's mutual close. The starter gives it to the chain.
 *
 * @since 0.1.0
 * @category handlers
 */
export const shutdownCoSigned = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): Outcome => {
  const fault = ownSignatureFault(step, signedTx, pending)
  if (fault !== undefined) return badOwnSignature(step, fault, pending)
  step.log("rcv", "signed", { _tag: "Signed", signedTx })
  coSign(step, signedTx, pending)
}

/**
 * The own mutual close is back with both signatures: on to the chain. When the mempool refuses it both operations end
 * with code 5.
 *
 * @since 0.1.0
 * @category transitions
 */
export const closingAcknowledged = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): void => {
  if (!push(step, signedTx)) return refusedByMempool(step, signedTx, pending)
  step.onChainTx("close_mutual", signedTx)
  step.set({ pending: { ...pending, stage: "close", signedTx }, exposed: [] })
  step.enter("mutual_closed")
}

/**
 * The peer co-signed a mutual close after this side had given it up: it waits for the chain, so the close goes on.
 *
 * @since 0.1.0
 * @category transitions
 */
export const adoptClosing = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): void => {
  const here = step.stable
  closingAcknowledged(step, signedTx, { ...pending, origin: here })
}

/**
 * The starter could not close. A transaction that is known to the chain is waited for; an unknown one is given to it
 * once more; a refused one ends the close with the peer's code.
 *
 * @since 0.1.0
 * @category handlers
 */
export const closingError = (step: Step, message: Message<"OperationError">): Outcome => {
  const { channelId, pending } = step.state
  if (message.operation !== "shutdown" || message.channelId !== channelId) return "unhandled"
  const unnamed = message.refuses === undefined && message.withdraws === undefined
  const coSigned = pending?.tag === "shutdown_sign_ack" && pending.serial === message.withdraws
  if (pending === undefined || !(unnamed || coSigned)) return "unhandled"
  step.received(message)
  const { errorCode, round } = message
  // A starter that only ran out of time takes the co-signature that is on its way.
  if (errorCode === 3) return step.dropped("shutdown_error", "co-signed")
  const { signedTx } = pending
  const { chain } = step.env
  const place = chain.locate(SignedTx.hash(signedTx))
  if (place !== undefined && place !== "in_vain") return step.conflict(errorCode, round)
  if (signedByBoth(step, signedTx) && chain.admits(signedTx) === "ok") {
    step.effects.push({ _tag: "Submit", signedTx })
    return
  }
  const { stable } = step
  step.forget()
  step.conflict(errorCode, round)
  step.enter(stable)
}
