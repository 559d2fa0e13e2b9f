/**
 * Coming back to a channel: a machine made from what the node kept of an earlier one, a look at what happened on chain
 * meanwhile, and the handshake by which both sides find that they hold the same state.
 *
 * Specification: channel state machine, reconnect, leave/reestablish, persistence; chain watching on reestablish.
 *
 * @since 0.1.0
 */
import type { ChannelObject } from "../../chain/ChannelObject.js"
import * as SignedTx from "../../chain/SignedTx.js"
import type { ChannelId } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { FsmId } from "../../protocol/NodeMessage.js"
import type { OpenParameters } from "../../protocol/OpenParameters.js"
import { signTags } from "../../protocol/SignTag.js"
import type { PeerMessage, TemporaryChannelId } from "../PeerMessage.js"
import type { CachedChannel } from "../StateCache.js"
import { signedByBoth } from "./Checks.js"
import { endingOf } from "./Endings.js"
import * as Forcing from "./Forcing.js"
import { reportUp } from "./Life.js"
import * as Locks from "./Locks.js"
import * as Movements from "./Movements.js"
import * as Solo from "./Solo.js"
import * as State from "./State.js"
import type { Outcome, Step } from "./Step.js"

type Message<T extends PeerMessage["_tag"]> = Extract<PeerMessage, { readonly _tag: T }>

/**
 * The ids of a machine that comes back; they are new.
 *
 * @since 0.1.0
 * @category models
 */
export interface MachineIds {
  readonly fsmId: FsmId
  readonly temporaryChannelId: TemporaryChannelId
  /** How many key blocks old a pinned block may be. Default 10. */
  readonly oldestPin?: number
}

/**
 * A machine that goes on where an earlier one ended. Its first event is `Started`: it looks at what happened on chain
 * since, reports it, then `fsm_up`. At the initiator `LinkUp` begins the handshake.
 *
 * @since 0.1.0
 * @category constructors
 */
export const restored = (cached: CachedChannel, ids: MachineIds): State.FsmState => {
  const { calls, channelId, halfSignedTx, lastChannelChange, ownAddress, parameters } = cached
  const { role, round, signedTx, trees } = cached
  const state = State.initial({
    ...ids,
    role,
    parameters: { ...parameters, role },
    ownAddress,
    initiatorId: parameters.initiatorId
  })
  return {
    ...state,
    name: role === "initiator" ? "awaiting_connect" : "awaiting_reestablish",
    channelId,
    offChain: { trees, calls, round, signedTx, halfSignedTx },
    lastChannelChange,
    reestablish: "due"
  }
}

/** The options that survive; the others are the defaults after coming back. */
const keptParameters = (state: State.FsmState, parameters: OpenParameters): OpenParameters => {
  const { host, keepRunning, logKeep, reports, slogan, timeouts } = parameters
  return {
    role: parameters.role,
    port: parameters.port,
    initiatorId: parameters.initiatorId,
    responderId: parameters.responderId,
    initiatorAmount: parameters.initiatorAmount,
    responderAmount: parameters.responderAmount,
    pushAmount: parameters.pushAmount,
    channelReserve: state.channelReserve,
    lockPeriod: parameters.lockPeriod,
    ...(state.minimumDepth === undefined ? {} : { minimumDepth: state.minimumDepth.value }),
    ...(host === undefined ? {} : { host }),
    ...(keepRunning === undefined ? {} : { keepRunning }),
    ...(logKeep === undefined ? {} : { logKeep }),
    ...(reports === undefined ? {} : { reports }),
    ...(slogan === undefined ? {} : { slogan }),
    ...(timeouts === undefined ? {} : { timeouts })
  }
}

/**
 * What is to be kept of a machine, at any time and after its end. `undefined` before there is a state with both
 * signatures, and when the channel is closed for good.
 *
 * @since 0.1.0
 * @category getters
 */
export const cachedOf = (state: State.FsmState): CachedChannel | undefined => {
  const { channelId, closedConfirmed, initiatorId, lastChannelChange, offChain, options } = state
  const { calls, halfSignedTx, round, signedTx, trees } = offChain
  if (channelId === null || initiatorId === "any" || signedTx === undefined || closedConfirmed) {
    return undefined
  }
  return {
    channelId,
    role: options.role,
    ownAddress: options.ownAddress,
    parameters: keptParameters(state, { ...options.parameters, initiatorId }),
    trees,
    calls,
    round,
    signedTx,
    halfSignedTx: (Movements.locking(state) ?? Movements.setAside(state))?.pending.signedTx ?? halfSignedTx,
    lastChannelChange
  }
}

// ------------------------------------------------------------------ the chain

const channelOnChain = (step: Step): ChannelObject | undefined => {
  const { channelId } = step.state
  return channelId === null ? undefined : step.env.chain.channel(channelId)
}

const closesAlone: ReadonlySet<string> = new Set([
  "ChannelCloseSoloTx",
  "ChannelSlashTx",
  "ChannelForceProgressTx"
])

/**
 * A deposit or withdrawal on chain that is not part of the own state yet. It is when the channel is being closed, with it
 * or with an older state; at the initiator once it is deep enough. The responder follows the initiator in that: blocks
 * come while they meet. Until then it is remembered, and awaited when the peer is there.
 */
const takeMovement = (step: Step, signedTx: SignedTx.SignedTx): void => {
  const after = Movements.afterMovement(step.state, signedTx)
  if (after === undefined) return
  const isClosing = (channelOnChain(step)?.lockedUntil ?? 0) > 0
  const counts = isClosing || (step.state.options.role === "initiator" && step.isDeep(signedTx))
  if (counts) step.set(after)
  else step.setOffChain({ halfSignedTx: signedTx })
}

/** Whether a deposit or withdrawal that both signed may still take the place of what was forced. */
const awaitsMovement = (step: Step): boolean => {
  const { halfSignedTx } = step.state.offChain
  return (
    halfSignedTx !== undefined &&
    Movements.afterMovement(step.state, halfSignedTx) !== undefined &&
    !Locks.isLost(step, halfSignedTx)
  )
}

/** A state that was forced on chain while the machine was away. */
const takeForced = (step: Step, signedTx: SignedTx.SignedTx, channel: ChannelObject): void => {
  // A channel that is being closed takes no deposits.
  if (channel.lockedUntil === 0 && awaitsMovement(step)) return
  const offChain = Forcing.afterForced(step, signedTx, channel)
  if (offChain !== undefined) step.set({ offChain })
}

/** What was remembered may count by now. */
const takeRemembered = (step: Step): void => {
  const { halfSignedTx } = step.state.offChain
  if (halfSignedTx !== undefined && step.isDeep(halfSignedTx)) takeMovement(step, halfSignedTx)
}

/**
 * A peer that holds the state after a deposit or withdrawal which is deep enough here too, or after a call that was
 * forced, is followed.
 */
const follow = (step: Step, { signedTx }: Message<"Reestablish">): void => {
  const after = Movements.afterMovement(step.state, signedTx)
  if (after !== undefined && step.isDeep(signedTx)) step.set(after)
  const channel = channelOnChain(step)
  if (channel !== undefined) takeForced(step, signedTx, channel)
}

/**
 * Tells what happened since the last transaction this channel's machine saw, and takes over what was forced. What was
 * forced since the latest state that both signed is told every time a machine comes back, and so is a close with an older
 * state, for as long as it can be slashed.
 */
const lookAtChain = (step: Step, channelId: ChannelId, channel: ChannelObject): void => {
  const transactions = step.env.chain.channelTransactions(channelId)
  const hashes = transactions.map(SignedTx.hash)
  const { lastChannelChange } = step.state
  const known = lastChannelChange === undefined ? -1 : hashes.indexOf(lastChannelChange)
  const news = transactions.slice(known + 1)
  for (const signedTx of transactions) {
    takeMovement(step, signedTx)
    takeForced(step, signedTx, channel)
  }
  const isClosing = channel.lockedUntil > 0
  const closes = (signedTx: SignedTx.SignedTx): boolean =>
    closesAlone.has(SignedTx.innermost(signedTx).tx._tag)
  const offending = !isClosing
    ? news.find((signedTx) => Forcing.isStale(step, signedTx, channel))
    : Solo.isAhead(step, channel)
      ? transactions.filter(closes).at(-1)
      : undefined
  const forced = Forcing.sinceCoSigned(step)
  for (const signedTx of transactions) {
    if (signedTx === offending) break
    if (!news.includes(signedTx) && !forced.includes(signedTx)) continue
    step.onChainTx("channel_changed", signedTx)
  }
  if (offending !== undefined) step.onChainTx(isClosing ? "can_slash" : "can_snapshot", offending)
  step.set({ lastChannelChange: hashes.at(-1) ?? lastChannelChange })
}

/**
 * A machine that comes back starts: first what the chain says, then `fsm_up`. From here on it hears of the channel
 * again. A responder whose channel is being closed need not wait for its peer.
 *
 * @since 0.1.0
 * @category handlers
 */
export const cameBack = (step: Step): Outcome => {
  const { channelId, options } = step.state
  const channel = channelOnChain(step)
  if (channelId === null || channel === undefined) {
    reportUp(step)
    return step.stop("missing_channel")
  }
  step.set({ channelReserve: channel.channelReserve })
  lookAtChain(step, channelId, channel)
  reportUp(step)
  step.effects.push({ _tag: "WatchChannel", channelId })
  if (options.role === "responder") step.goesOnAlone()
}

// -------------------------------------------------------------- the handshake

/** What has been proposed to nobody while the peer was away cannot be answered any more. */
const endUnheard = (step: Step): void => {
  const { pending } = step.state
  if (pending === undefined || signTags[pending.tag].side !== "starter") return
  if (pending.stage === "sign" || pending.stage === "ack") step.fallBack(endingOf(pending, 3))
}

/**
 * The link to the peer of an existing channel stands: the initiator says what it holds, the responder listens. The
 * responder may be one that stayed, with or without a client.
 *
 * @since 0.1.0
 * @category handlers
 */
export const linkUp = (step: Step): Outcome => {
  const { channelId, options, reestablish } = step.state
  if (reestablish === "none" || channelId === null || step.state.offChain.signedTx === undefined) {
    return step.dropped("link_up", "not_expected")
  }
  endUnheard(step)
  Locks.peerReturns(step)
  step.set({ peerConnected: true })
  if (options.role === "responder") {
    if (step.state.name === "open") step.enter("awaiting_reestablish")
    return
  }
  takeRemembered(step)
  const chainHash = step.env.chain.genesisHash
  const { signedTx } = step.state.offChain
  if (signedTx === undefined) return
  step.tell({ _tag: "Reestablish", chainHash, channelId, signedTx })
  step.set({ reestablish: "asked" })
  if (step.state.name === "awaiting_connect") step.enter("reestablish_init")
}

/** Why both sides cannot go on together, in the order of the checks. */
const handshakeFault = (
  step: Step,
  message: Message<"Reestablish"> | Message<"ReestablishAck">
): string | undefined => {
  const { channelId, offChain } = step.state
  if (message.chainHash !== step.env.chain.genesisHash) return "chain_hash_mismatch"
  if (message.channelId !== channelId) return "channel_id_mismatch"
  if (channelOnChain(step) === undefined) return "channel_not_found"
  // What one party forced has its signature alone, and was found on chain by this machine itself.
  if (!Solo.isForced(message.signedTx) && !signedByBoth(step, message.signedTx)) return "not_mutually_signed"
  const own = offChain.signedTx
  return own !== undefined && Bytes.equals(SignedTx.encode(message.signedTx), SignedTx.encode(own))
    ? undefined
    : "not_latest_state"
}

/** A state that was made by a transaction on chain holds only as long as that is in a block. */
const onChainFault = (step: Step): string | undefined => {
  const { signedTx } = step.state.offChain
  if (signedTx === undefined || SignedTx.innermost(signedTx).tx._tag === "ChannelOffchainTx") return undefined
  const place = step.env.chain.locate(SignedTx.hash(signedTx))
  if (place === "pending") return "on_chain_transaction_in_mempool"
  return typeof place === "object" ? undefined : "on_chain_transaction_rejected"
}

/** A closing channel goes on without a peer; any other machine ends. */
const failed = (step: Step, fault: string): void =>
  step.state.name === "channel_closing"
    ? step.dropped("channel_reestablish", fault)
    : step.stopWithError(fault)

/** Both hold the same state: what either had begun with an earlier machine is over. */
const agreed = (step: Step): void => {
  step.set({
    reestablish: "none",
    peerConnected: true,
    clientMayDisconnect: true,
    exposed: [],
    answeredSerial: 0
  })
  step.info("channel_reestablished")
  if (step.state.name === "channel_closing") return
  const { halfSignedTx } = step.state.offChain
  step.setOffChain({ halfSignedTx: undefined })
  step.set({ status: "attached", lastReportedRound: 0 })
  step.enter((channelOnChain(step)?.lockedUntil ?? 0) > 0 ? "channel_closing" : "open")
  Locks.resume(step, halfSignedTx)
}

/** The initiator is back and says what it holds. @since 0.1.0 @category handlers */
export const peerComesBack = (step: Step, message: Message<"Reestablish">): Outcome => {
  const { options, reestablish } = step.state
  step.received(message)
  if (options.role === "initiator" || reestablish === "none" || step.state.offChain.signedTx === undefined) {
    return step.dropped("channel_reestablish", "not_expected")
  }
  follow(step, message)
  const fault = handshakeFault(step, message)
  if (fault !== undefined) return failed(step, fault)
  const { chainHash, channelId, signedTx } = message
  step.set({ peerConnected: true })
  step.tell({ _tag: "ReestablishAck", chainHash, channelId, signedTx })
  agreed(step)
}

/** The responder holds the same. @since 0.1.0 @category handlers */
export const peerAgrees = (step: Step, message: Message<"ReestablishAck">): Outcome => {
  step.received(message)
  if (step.state.reestablish !== "asked") return step.dropped("channel_reest_ack", "not_expected")
  const fault = handshakeFault(step, message) ?? onChainFault(step)
  if (fault !== undefined) return failed(step, fault)
  agreed(step)
}

/**
 * A message of the handshake in a state that must be over first.
 *
 * @since 0.1.0
 * @category handlers
 */
export const handshakeWaits = (
  step: Step,
  message: Message<"Reestablish"> | Message<"ReestablishAck">
): Outcome => {
  if (step.state.reestablish !== "none") return "postpone"
  step.dropped(message._tag === "Reestablish" ? "channel_reestablish" : "channel_reest_ack", "not_expected")
}
