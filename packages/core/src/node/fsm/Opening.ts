/**
 * Opening a channel: from the first message to the locked create transaction.
 *
 * Specification: channel state machine, opening.
 *
 * @since 0.1.0
 */
import * as Ids from "../../chain/Ids.js"
import * as SignedTx from "../../chain/SignedTx.js"
import type { AccountAddress } from "../../encoding/ApiEncoding.js"
import type { PeerMessage } from "../PeerMessage.js"
import { createFault, opensOwnState, signedByBoth } from "./Checks.js"
import { adoptedMinimumDepth, initialTrees, type Pending } from "./State.js"
import type { Outcome, Step } from "./Step.js"
import { blockFault, createTx, pickBlock } from "./Transactions.js"

type Message<T extends PeerMessage["_tag"]> = Extract<PeerMessage, { readonly _tag: T }>

/**
 * The link stands: the initiator speaks first, the responder waits for it.
 *
 * @since 0.1.0
 * @category handlers
 */
export const linkUp = (step: Step): Outcome => {
  const { initiatorId, options, responderId, temporaryChannelId } = step.state
  step.set({ peerConnected: true })
  if (options.role === "responder") {
    step.set({ status: "attached" })
    return
  }
  if (initiatorId === "any") return step.stop("unknown_initiator")
  const { channelReserve, initiatorAmount, lockPeriod, pushAmount, responderAmount } = options.parameters
  step.tell({
    _tag: "ChannelOpen",
    chainHash: step.env.chain.genesisHash,
    temporaryChannelId,
    lockPeriod,
    pushAmount,
    initiatorAmount,
    responderAmount,
    channelReserve,
    initiatorId,
    responderId
  })
  step.enter("initialized")
}

/**
 * The responder takes over the initiator's terms; its first state keeps its own amounts, so that parties who disagree
 * find out by the state hash.
 *
 * @since 0.1.0
 * @category handlers
 */
export const channelOpen = (step: Step, message: Message<"ChannelOpen">): Outcome => {
  const { initiatorId, options } = step.state
  step.received(message)
  // The message may come before the shell has said that the link stands.
  step.set({ peerConnected: true, status: "attached" })
  if (message.chainHash !== step.env.chain.genesisHash) return step.stopWithError("chain_hash_mismatch")
  const known = initiatorId === "any" || initiatorId === message.initiatorId
  if (!known || message.responderId !== step.ownAddress) return step.stop("invalid_attach")
  step.set({
    initiatorId: message.initiatorId,
    channelReserve: message.channelReserve,
    temporaryChannelId: message.temporaryChannelId
  })
  if (message.initiatorId === message.responderId) {
    step.info("channel_open")
    return step.stop("invalid_pubkeys")
  }
  if (initiatorId === "any") step.setOffChain({ trees: initialTrees(options, message.initiatorId) })
  step.info("channel_open")
  const { parameters } = options
  const depth = step.state.minimumDepth ?? adoptedMinimumDepth(10, "txfee")
  step.tell({
    _tag: "ChannelAccept",
    chainHash: message.chainHash,
    temporaryChannelId: message.temporaryChannelId,
    minimumDepth: depth.value,
    minimumDepthStrategy: depth.strategy,
    initiatorAmount: parameters.initiatorAmount,
    responderAmount: parameters.responderAmount,
    channelReserve: message.channelReserve,
    initiatorId: message.initiatorId,
    responderId: message.responderId
  })
  step.enter("accepted")
}

/**
 * The responder is there: the initiator's node makes the create transaction and asks for the signature.
 *
 * @since 0.1.0
 * @category handlers
 */
export const channelAccept = (step: Step, message: Message<"ChannelAccept">): Outcome => {
  const { initiatorId, minimumDepth, responderId, temporaryChannelId } = step.state
  step.received(message)
  if (message.chainHash !== step.env.chain.genesisHash) return step.stopWithError("chain_hash_mismatch")
  if (message.temporaryChannelId !== temporaryChannelId) {
    return step.stopWithError("temporary_channel_id_mismatch")
  }
  if (initiatorId === responderId) return step.stop("invalid_pubkeys")
  step.set({
    minimumDepth: minimumDepth ?? adoptedMinimumDepth(message.minimumDepth, message.minimumDepthStrategy)
  })
  step.info("channel_accept")
  const tx = createTx(step)
  if ("reason" in tx) return step.stopWithError(tx.reason)
  const blockHash = pickBlock(step, undefined) ?? step.env.chain.topHash
  step.requestSignature(
    {
      stage: "sign",
      tag: "initiator_sign",
      signedTx: SignedTx.unsigned(tx),
      serial: undefined,
      updates: [],
      blockHash,
      trees: undefined,
      origin: "open"
    },
    false
  )
}

/** The client may try again after a bad signature: nothing has left the machine yet. */
const createSignatureFault = (
  step: Step,
  signedTx: SignedTx.SignedTx,
  pending: Pending
): string | undefined => {
  const fault =
    pending.tag === "initiator_sign"
      ? createFault(step, signedTx)
      : signedByBoth(step, signedTx)
        ? undefined
        : "bad_signature"
  if (fault !== undefined) return fault
  if (!opensOwnState(step, SignedTx.innermost(signedTx).tx)) return "bad_state_hash"
  return SignedTx.sameTransaction(SignedTx.innermost(signedTx), SignedTx.innermost(pending.signedTx))
    ? undefined
    : "different_transaction"
}

/**
 * Whether the nonce of the create transaction is used. Then it never gets into a block; and since the channel's id is
 * made of the nonce, the chain may know another channel by that id. With a generalized initiator the id is made of what
 * it authenticated with, which it may have used before.
 */
const isNonceUsed = (step: Step, signedTx: SignedTx.SignedTx): boolean => {
  const { chain } = step.env
  const { tx } = SignedTx.innermost(signedTx)
  if (tx._tag !== "ChannelCreateTx") return false
  if (!chain.isGeneralized(tx.initiatorId)) return chain.hasUsed(tx.initiatorId, tx.nonce)
  const channelId = Ids.channelIdOf(signedTx)
  return channelId === undefined || chain.channelTransactions(channelId).length > 0
}

/**
 * What keeps the create transaction from ever getting into a block: its nonce, or a party that cannot pay. Then it would
 * stay in the mempool, in the way of all others of the initiator.
 */
const hindranceOf = (
  step: Step,
  signedTx: SignedTx.SignedTx
): "nonce_used" | "insufficient_balance" | undefined => {
  const { tx } = SignedTx.innermost(signedTx)
  if (tx._tag !== "ChannelCreateTx") return undefined
  if (isNonceUsed(step, signedTx)) return "nonce_used"
  const has = (id: AccountAddress, amount: bigint) => (step.env.chain.account(id)?.balance ?? 0n) >= amount
  return has(tx.initiatorId, tx.initiatorAmount + tx.fee) && has(tx.responderId, tx.responderAmount)
    ? undefined
    : "insufficient_balance"
}

/**
 * The initiator signed the create transaction: from now on the channel's id is known. What can never get
 * into a block ends here, before the responder is asked.
 *
 * @since 0.1.0
 * @category handlers
 */
export const initiatorSigned = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): Outcome => {
  const fault = createSignatureFault(step, signedTx, pending)
  if (fault !== undefined) return step.error(fault)
  const hindrance = hindranceOf(step, signedTx)
  if (hindrance !== undefined) return step.stop(hindrance)
  step.set({
    channelId: Ids.channelIdOf(signedTx) ?? null,
    pending: { ...pending, stage: "ack", signedTx },
    clientMayDisconnect: true
  })
  step.tell({
    _tag: "FundingCreated",
    temporaryChannelId: step.state.temporaryChannelId,
    blockHash: pending.blockHash,
    signedTx
  })
  step.enter("half_signed")
}

/**
 * The half-signed create transaction reached the responder.
 *
 * @since 0.1.0
 * @category handlers
 */
export const fundingCreated = (step: Step, message: Message<"FundingCreated">): Outcome => {
  const { blockHash, signedTx } = message
  step.received(message)
  if (message.temporaryChannelId !== step.state.temporaryChannelId) return step.stop("invalid_funding")
  const fault = createFault(step, signedTx)
  if (fault === "bad_signature" || fault === "not_create_tx") {
    step.info(fault)
    return step.stop(fault)
  }
  const block = blockFault(step, blockHash)
  if (block !== undefined) return step.stop(block)
  if (!opensOwnState(step, SignedTx.innermost(signedTx).tx)) {
    step.info("bad_state_hash")
    return step.stop("bad_state_hash")
  }
  // The initiator's node has looked, but another opening may have been faster.
  const hindrance = hindranceOf(step, signedTx)
  if (hindrance !== undefined) return step.stop(hindrance)
  step.set({ channelId: Ids.channelIdOf(signedTx) ?? null })
  step.info("funding_created", { fsmId: step.state.options.fsmId })
  step.requestSignature(
    {
      stage: "sign",
      tag: "responder_sign",
      signedTx,
      serial: undefined,
      updates: [],
      blockHash,
      trees: undefined,
      origin: "open"
    },
    false
  )
}

const watchCreate = (step: Step, createTx: SignedTx.SignedTx): void => {
  const { channelId } = step.state
  step.set({ createTx })
  if (channelId !== null) step.effects.push({ _tag: "WatchChannel", channelId })
  step.watchDepth("create", createTx)
}

/**
 * The responder co-signed the create transaction: it goes back to the initiator, who gives it to the chain.
 *
 * @since 0.1.0
 * @category handlers
 */
export const responderSigned = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): Outcome => {
  const fault = createSignatureFault(step, signedTx, pending)
  if (fault !== undefined) return step.error(fault)
  const hindrance = hindranceOf(step, signedTx)
  if (hindrance !== undefined) return step.stop(hindrance)
  step.set({
    pending: { ...pending, stage: "lock", signedTx },
    clientMayDisconnect: true,
    ongoing: true
  })
  watchCreate(step, signedTx)
  step.tell({
    _tag: "FundingSigned",
    temporaryChannelId: step.state.temporaryChannelId,
    blockHash: pending.blockHash,
    signedTx
  })
  step.onChainTx("funding_created", signedTx)
  step.enter("awaiting_locked")
}

/**
 * The co-signed create transaction is back at the initiator, who gives it to the chain.
 *
 * @since 0.1.0
 * @category handlers
 */
export const fundingSigned = (step: Step, message: Message<"FundingSigned">): Outcome => {
  const { pending, temporaryChannelId } = step.state
  const { signedTx } = message
  step.received(message)
  if (message.temporaryChannelId !== temporaryChannelId) return step.stop("invalid_funding_ack")
  const { tx } = SignedTx.innermost(signedTx)
  const fault =
    tx._tag !== "ChannelCreateTx"
      ? "not_create_tx"
      : signedByBoth(step, signedTx)
        ? undefined
        : "bad_signature"
  if (fault !== undefined) {
    step.info(fault)
    return step.stop(fault)
  }
  // A responder that signs something else must not have it put on chain.
  const isSame =
    pending !== undefined &&
    SignedTx.sameTransaction(signedTx, pending.signedTx) &&
    Ids.channelIdOf(signedTx) === step.state.channelId
  if (!isSame) return step.stop("different_transaction")
  if (hindranceOf(step, signedTx) !== undefined || step.env.chain.admits(signedTx) !== "ok") {
    return step.stop("rejected_on_chain")
  }
  step.info("funding_signed", { fsmId: step.state.options.fsmId })
  step.set({ pending: { ...pending, stage: "lock", signedTx } })
  watchCreate(step, signedTx)
  step.effects.push({ _tag: "Submit", signedTx })
  step.onChainTx("funding_signed", signedTx)
  step.enter("awaiting_locked")
}

/**
 * The create transaction is deep enough for this party.
 *
 * @since 0.1.0
 * @category handlers
 */
export const createDeepEnough = (step: Step): Outcome => {
  const { channelId, temporaryChannelId } = step.state
  step.info("own_funding_locked")
  step.set({ depthWatch: undefined })
  if (channelId !== null) step.tell({ _tag: "FundingLocked", temporaryChannelId, channelId })
  step.enter("signed")
}

/**
 * The create transaction is deep enough for the peer too: the channel is open.
 *
 * @since 0.1.0
 * @category handlers
 */
export const fundingLocked = (step: Step, message: Message<"FundingLocked">): Outcome => {
  const { channelId, createTx, temporaryChannelId } = step.state
  step.received(message)
  if (message.temporaryChannelId !== temporaryChannelId) {
    return step.stopWithError("temporary_channel_id_mismatch")
  }
  if (message.channelId !== channelId) return step.stopWithError("channel_id_mismatch")
  step.info("funding_locked")
  step.setOffChain({ round: 1, signedTx: createTx })
  step.enter("open")
}
