/**
 * Off-chain updates: proposing and co-signing.
 *
 * Specification: channel state machine, update.
 *
 * @since 0.1.0
 */
import * as SignedTx from "../../chain/SignedTx.js"
import type { BlockHash } from "../../encoding/ApiEncoding.js"
import type { CallId } from "../FsmEvent.js"
import type { Transfer } from "../../protocol/Request.js"
import type { Update } from "../../state/Update.js"
import type { MutualOperation } from "../PeerMessage.js"
import { applied, refuseUpdate, withCalls } from "./Applying.js"
import { ownSignatureFault, peerUpdate, signedByBoth } from "./Checks.js"
import { badOwnSignature, refuseProposal } from "./Endings.js"
import * as Forcing from "./Forcing.js"
import type { Pending } from "./State.js"
import type { Outcome, Step } from "./Step.js"
import { operationOf, type Proposal } from "./Table.js"
import { fitsFrame, fitsSigned, offChainTx, participants, pickBlock } from "./Transactions.js"

/**
 * Proposes updates of the own client: they are applied once, here, and the result is kept until the peer agrees.
 *
 * @since 0.1.0
 * @category transitions
 */
export const proposeUpdates = (
  step: Step,
  updates: ReadonlyArray<Update>,
  asked: BlockHash | undefined,
  callId: CallId
): void => {
  const blockHash = pickBlock(step, asked)
  if (blockHash === undefined) return step.refuse(callId, "unknown_block_hash")
  const trees = applied(step, updates, blockHash)
  if ("reason" in trees) return refuseUpdate(step, callId, trees)
  const tx = offChainTx(step, trees, updates)
  if (tx === undefined) return step.refuse(callId, "unknown_request")
  const signedTx = SignedTx.unsigned(tx)
  if (!fitsFrame(signedTx, updates)) return step.refuse(callId, "frame_too_large")
  step.accept(callId)
  step.requestSignature(
    {
      stage: "sign",
      tag: "update",
      signedTx,
      serial: undefined,
      updates,
      blockHash,
      trees,
      origin: "open"
    },
    true
  )
}

/**
 * The own client proposes a transfer.
 *
 * @since 0.1.0
 * @category handlers
 */
export const transfer = (step: Step, request: Transfer, callId: CallId): Outcome => {
  const both = participants(step.state)
  if (!step.state.clientConnected || both === undefined) return step.refuse(callId, "client_disconnected")
  const { amount, from, to } = request
  if (from === to || !both.includes(from) || !both.includes(to)) return step.refuse(callId, "invalid_pubkeys")
  const updates: ReadonlyArray<Update> = [
    { _tag: "OffChainTransfer", from, to, amount },
    ...request.meta.map((data): Update => ({ _tag: "OffChainMeta", data }))
  ]
  proposeUpdates(step, updates, request.blockHash, callId)
}

/** An own proposal has left: until the peer answers, nothing else is co-signed for the round. */
const expose = (step: Step, operation: MutualOperation, pending: Pending): void => {
  if (!step.state.peerConnected) return
  step.set({ exposed: [...step.state.exposed, { operation, pending }] })
}

/**
 * Hands the half-signed proposal of the own client to the peer.
 *
 * @since 0.1.0
 * @category handlers
 */
export const propose = (
  step: Step,
  signedTx: SignedTx.SignedTx,
  pending: Pending,
  next: "awaiting_update_ack" | "dep_half_signed" | "wdraw_half_signed" | "mutual_closing"
): Outcome => {
  const fault = fitsSigned(signedTx, pending.updates)
    ? ownSignatureFault(step, signedTx, pending)
    : "frame_too_large"
  if (fault !== undefined) return badOwnSignature(step, fault, pending)
  const { channelId } = step.state
  if (channelId === null) return "unhandled"
  const operation = operationOf(pending.tag)
  const serial = step.state.nextSerial
  const signed: Pending = { ...pending, stage: "ack", signedTx, serial }
  step.log("rcv", "signed", { _tag: "Signed", signedTx })
  step.set({ pending: signed, nextSerial: serial + 1 })
  if (operation === "update") step.setOffChain({ halfSignedTx: signedTx })
  const { blockHash, updates } = pending
  step.tell({ _tag: "Proposal", operation, serial, channelId, blockHash, signedTx, updates })
  expose(step, operation, signed)
  step.enter(next)
}

/** The round of a state's transaction, where it has one. */
const roundIn = (signedTx: SignedTx.SignedTx): number | undefined => {
  const { tx } = SignedTx.innermost(signedTx)
  return "round" in tx ? tx.round : undefined
}

/**
 * A new co-signed state. Proposals for its round or an older one can never be acknowledged any more. A late one can take
 * the place of a state that was forced on chain for the same round.
 *
 * @since 0.1.0
 * @category transitions
 */
export const apply = (step: Step, pending: Pick<Pending, "trees">, signedTx: SignedTx.SignedTx): void => {
  const { exposed, offChain } = step.state
  const { trees } = pending
  if (trees === undefined) return
  const round = roundIn(signedTx) ?? offChain.round + 1
  const calls = withCalls(offChain.calls, trees)
  // What was forced and is not the state any more had been reported under its round.
  if (round <= offChain.round) step.set({ lastReportedRound: 0 })
  step.setOffChain({ trees, calls, round, signedTx, halfSignedTx: undefined, coSigned: undefined })
  if (exposed.length > 0) step.set({ exposed: exposed.filter(({ operation }) => operation === "shutdown") })
}

/**
 * The peer proposes an update to an idle machine.
 *
 * @since 0.1.0
 * @category handlers
 */
export const peerProposesUpdate = (step: Step, message: Proposal): Outcome => {
  step.received(message)
  const { blockHash, signedTx, updates } = message
  // An own proposal that the peer has not answered may still be acknowledged: never two bodies for a round.
  if (step.state.exposed.length > 0) return refuseProposal(step, message, 2, "own_proposal_unanswered")
  const checked = peerUpdate(step, message)
  if ("reason" in checked) return refuseProposal(step, message, 2, checked.reason)
  const { trees } = checked
  const pending: Pending = {
    stage: "sign",
    tag: "update_ack",
    signedTx,
    serial: message.serial,
    updates,
    blockHash,
    trees,
    origin: "open"
  }
  step.info("update")
  if (!step.state.clientConnected) {
    if (!signedByBoth(step, signedTx)) return refuseProposal(step, message, 2, "client_disconnected")
    return acknowledge(step, signedTx, pending)
  }
  step.requestSignature(pending, true)
}

const acknowledge = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): void => {
  const { channelId } = step.state
  if (channelId === null) return
  const { blockHash } = pending
  step.tell({ _tag: "Acknowledgement", operation: "update", channelId, blockHash, signedTx })
  step.answered(pending.serial)
  apply(step, pending, signedTx)
  step.enter("open")
  Forcing.catchUp(step)
}

/**
 * The own client co-signed the peer's update.
 *
 * @since 0.1.0
 * @category handlers
 */
export const updateCoSigned = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): Outcome => {
  const fault = ownSignatureFault(step, signedTx, pending)
  if (fault !== undefined) return badOwnSignature(step, fault, pending)
  step.log("rcv", "signed", { _tag: "Signed", signedTx })
  acknowledge(step, signedTx, pending)
}
