/**
 * Deposits and withdrawals: from the request to the transaction that both parties signed. The two differ in their names
 * only: everything here is written once, for both rows of the table.
 *
 * Specification: channel state machine, deposit and withdraw, mempool refusals.
 *
 * @since 0.1.0
 */
import * as SignedTx from "../../chain/SignedTx.js"
import * as Transaction from "../../chain/Transaction.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { Deposit, Withdraw } from "../../protocol/Request.js"
import { signTags } from "../../protocol/SignTag.js"
import * as Apply from "../../state/Apply.js"
import * as Trees from "../../state/Trees.js"
import type { Update } from "../../state/Update.js"
import type { CallId } from "../FsmEvent.js"
import { ownSignatureFault, signedByBoth, signedByStarter } from "./Checks.js"
import { badOwnSignature, endingOf, refusedByMempool, refuseProposal } from "./Endings.js"
import { accountOf, isCovered, movementOf, type Operation, operationOfTx, rows } from "./Movements.js"
import * as Forcing from "./Forcing.js"
import type { Pending } from "./State.js"
import type { Outcome, Step } from "./Step.js"
import { operationOf, type Proposal } from "./Table.js"
import { blockFault, fitsFrame, isTooLow, movementTx, participants, pickBlock, push } from "./Transactions.js"
import { propose } from "./Updates.js"

/**
 * The own client proposes to put coins in or take some out. What could never get into a block is refused: it would
 * hold up the channel.
 *
 * @since 0.1.0
 * @category handlers
 */
export const request = (step: Step, asked: Deposit | Withdraw, callId: CallId): Outcome => {
  const { channelReserve, clientConnected, offChain } = step.state
  const operation: Operation = asked._tag === "Deposit" ? "deposit" : "withdraw"
  const row = rows[operation]
  const both = participants(step.state)
  if (!clientConnected || both === undefined) return step.refuse(callId, "client_disconnected")
  const { amount } = asked
  if (amount < 0n) return step.refuse(callId, "negative_amount")
  if (amount === 0n) return step.refuse(callId, "zero_amount")
  const blockHash = pickBlock(step, asked.blockHash)
  if (blockHash === undefined) return step.refuse(callId, "unknown_block_hash")
  const updates: ReadonlyArray<Update> = [
    row.update(step.ownAddress, amount),
    ...asked.meta.map((data): Update => ({ _tag: "OffChainMeta", data }))
  ]
  const round = offChain.round + 1
  const trees = Apply.applyUpdates(offChain.trees, updates, { round, channelReserve, participants: both })
  if (trees instanceof Apply.UpdateError) {
    // The reference node does not say why.
    return step.refuse(callId, step.env.helpfulErrors ? trees.reason : "off_chain_update_error")
  }
  const tx = movementTx(step, operation, amount, trees, asked)
  if ("reason" in tx) return step.refuse(callId, tx.reason)
  if (!isCovered(step, tx)) return step.refuse(callId, "insufficient_balance")
  const signedTx = SignedTx.unsigned(tx)
  if (!fitsFrame(signedTx, updates)) return step.refuse(callId, "frame_too_large")
  step.accept(callId)
  step.requestSignature(
    {
      stage: "sign",
      tag: row.starts,
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
 * The own client signed its deposit or withdrawal: on to the peer.
 *
 * @since 0.1.0
 * @category handlers
 */
export const starterSigned = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): Outcome =>
  propose(
    step,
    signedTx,
    pending,
    operationOf(pending.tag) === "deposit" ? rows.deposit.halfSigned : rows.withdraw.halfSigned
  )

/**
 * What is wrong with a deposit or withdrawal of the peer, or the trees after it. Next to what holds for updates, the
 * transaction must move exactly what the update moves, for the peer's own account, and must be able to get on chain.
 */
const peerMovement = (
  step: Step,
  message: Proposal,
  operation: Operation
): { readonly reason: string } | { readonly trees: Trees.Trees } => {
  const { channelId, channelReserve, offChain } = step.state
  const { blockHash, signedTx, updates } = message
  const row = rows[operation]
  const both = participants(step.state)
  const other = step.otherAddress
  const { tx } = SignedTx.innermost(signedTx)
  if (both === undefined || other === undefined || message.channelId !== channelId) {
    return { reason: "channel_id_mismatch" }
  }
  const block = blockFault(step, blockHash)
  if (block !== undefined) return { reason: block }
  const movement = movementOf(tx)
  if (movement === undefined || operationOfTx(movement) !== operation) return { reason: row.wrongType }
  if (movement.channelId !== channelId) return { reason: "different_channel_id" }
  const round = offChain.round + 1
  if (movement.round !== round) return { reason: "wrong_round" }
  if (!Transaction.validAtProtocol(movement, step.env.chain.protocol)) {
    return { reason: "invalid_at_protocol" }
  }
  const [first, ...metas] = updates
  const expected = row.update(other, movement.amount)
  const moves =
    accountOf(movement) === other &&
    movement.amount > 0n &&
    first?._tag === expected._tag &&
    "amount" in first &&
    first.amount === movement.amount &&
    metas.every((update) => update._tag === "OffChainMeta")
  if (!moves) return { reason: "amounts_mismatch" }
  if (isTooLow(step.env.chain, movement)) return { reason: "too_low_fee" }
  const trees = Apply.applyUpdates(offChain.trees, [expected, ...metas], {
    round,
    channelReserve,
    participants: both
  })
  if (trees instanceof Apply.UpdateError) return { reason: trees.reason }
  const account =
    first._tag === "OffChainDeposit" ? first.from : first._tag === "OffChainWithdrawal" && first.to
  if (account !== other || !Bytes.equals(Trees.stateHash(trees), movement.stateHash)) {
    return { reason: "bad_state_hash" }
  }
  if (!isCovered(step, movement)) return { reason: "insufficient_balance" }
  return signedByStarter(step, signedTx, other) ? { trees } : { reason: "bad_signature" }
}

/**
 * The peer proposes a deposit or withdrawal to an idle machine.
 *
 * @since 0.1.0
 * @category handlers
 */
export const peerProposes =
  (operation: Operation) =>
  (step: Step, message: Proposal): Outcome => {
    step.received(message)
    const row = rows[operation]
    const { blockHash, serial, signedTx, updates } = message
    // An own proposal that the peer has not answered may still be acknowledged: never two bodies for a round.
    if (step.state.exposed.length > 0) return refuseProposal(step, message, 2, "own_proposal_unanswered")
    const checked = peerMovement(step, message, operation)
    if ("reason" in checked) return refuseProposal(step, message, 2, checked.reason)
    const { trees } = checked
    const pending: Pending = {
      stage: "sign",
      tag: row.acknowledges,
      signedTx,
      serial,
      updates,
      blockHash,
      trees,
      origin: "open"
    }
    step.info(row.created)
    if (!step.state.clientConnected) {
      if (!signedByBoth(step, signedTx)) return refuseProposal(step, message, 2, "client_disconnected")
      return coSign(step, signedTx, pending)
    }
    step.requestSignature(pending, true)
  }

/** Waits for the depth of a co-signed transaction. */
const lock = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending, operation: Operation): void => {
  step.set({ pending: { ...pending, stage: "lock", signedTx }, ongoing: true })
  step.watchDepth(operation, signedTx)
}

const coSign = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): void => {
  const { channelId } = step.state
  const operation = operationOf(pending.tag)
  if (channelId === null || operation === "update" || operation === "shutdown") return
  step.tell({
    _tag: "Acknowledgement",
    operation,
    channelId,
    blockHash: pending.blockHash,
    signedTx
  })
  step.answered(pending.serial)
  lock(step, signedTx, pending, operation)
  step.onChainTx(rows[operation].created, signedTx)
  step.enter("awaiting_locked")
}

/**
 * The own client co-signed the peer's deposit or withdrawal. The starter gives it to the chain.
 *
 * @since 0.1.0
 * @category handlers
 */
export const acknowledgerSigned = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): Outcome => {
  const fault = ownSignatureFault(step, signedTx, pending)
  if (fault !== undefined) return badOwnSignature(step, fault, pending)
  step.log("rcv", "signed", { _tag: "Signed", signedTx })
  coSign(step, signedTx, pending)
}

/**
 * The own deposit or withdrawal is back with both signatures: on to the chain. When the mempool refuses it the
 * operation ends on both sides with code 5.
 *
 * @since 0.1.0
 * @category transitions
 */
export const acknowledged = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): void => {
  const operation = operationOf(pending.tag)
  if (operation === "update" || operation === "shutdown") return
  if (!push(step, signedTx)) return refusedByMempool(step, signedTx, pending)
  step.set({ pending, exposed: step.state.exposed.filter((each) => each.pending.serial !== pending.serial) })
  lock(step, signedTx, pending, operation)
  step.onChainTx(rows[operation].signed, signedTx)
  step.enter("awaiting_locked")
}

/**
 * The peer co-signed a deposit or withdrawal after this side had given it up: it waits for the chain, so the operation
 * goes on. A client that leaves does not wait for it.
 *
 * @since 0.1.0
 * @category transitions
 */
export const adopt = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): void => {
  const movement = movementOf(SignedTx.innermost(signedTx).tx)
  if (movement !== undefined) Forcing.backToCoSigned(step, movement.round)
  if (step.state.name !== "awaiting_leave_ack") {
    acknowledged(step, signedTx, pending)
    return step.state.name === "open" ? Forcing.catchUp(step) : undefined
  }
  if (!push(step, signedTx)) step.tellEnding(endingOf(pending, 5))
}

/**
 * A transaction of this channel is in a block, and the own machine waits for its signatures: the other party's client
 * was faster than its node. The chain is as good a messenger.
 *
 * @since 0.1.0
 * @category transitions
 */
export const published = (step: Step, signedTx: SignedTx.SignedTx): void => {
  const { pending } = step.state
  const movement = movementOf(SignedTx.innermost(signedTx).tx)
  if (movement === undefined || pending === undefined) return
  if (!SignedTx.sameTransaction(pending.signedTx, signedTx)) return
  if (pending.stage === "ack") return acknowledged(step, signedTx, pending)
  if (pending.stage === "sign") {
    if (signTags[pending.tag].side === "acknowledger") coSign(step, signedTx, pending)
    return
  }
  // The same body under other signatures: from now on this is the transaction.
  const sameSignatures = SignedTx.hash(pending.signedTx) === SignedTx.hash(signedTx)
  if (!sameSignatures && step.state.name === "awaiting_locked") {
    lock(step, signedTx, pending, operationOfTx(movement))
  }
}
