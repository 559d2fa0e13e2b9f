/**
 * The node's side of a channel as a pure state machine: an event and a state give the next state and what is to be
 * done. It holds no socket, clock or key; {@link transition} is the only way in.
 *
 * The table below has a row for each state and one for all of them; a cell names the handler of one kind of event.
 * What no cell takes is treated by the state's default mode (see `fsm/States`).
 *
 * Specification: channel state machine, state × event table.
 *
 * @since 0.1.0
 */
import type { Request } from "../protocol/Request.js"
import { acknowledged, operationError } from "./fsm/Answers.js"
import * as Chain from "./fsm/Chain.js"
import { signedBy } from "./fsm/Checks.js"
import * as Closing from "./fsm/Closing.js"
import * as Contracts from "./fsm/Contracts.js"
import * as Deposits from "./fsm/Deposits.js"
import { proposalWhileSigning, race, secondProposal, signingError } from "./fsm/Endings.js"
import * as Forcing from "./fsm/Forcing.js"
import * as Life from "./fsm/Life.js"
import * as Locks from "./fsm/Locks.js"
import * as Movements from "./fsm/Movements.js"
import * as Opening from "./fsm/Opening.js"
import * as Queries from "./fsm/Queries.js"
import * as Reestablish from "./fsm/Reestablish.js"
import * as Solo from "./fsm/Solo.js"
import * as State from "./fsm/State.js"
import { type StateName, stateRow } from "./fsm/States.js"
import { type Outcome, Step } from "./fsm/Step.js"
import {
  type Cell,
  keyOf,
  onAttached,
  onCall,
  onChain,
  onEvent,
  onPeer,
  onProposal,
  onSigned,
  type Row,
  row
} from "./fsm/Table.js"
import * as Updates from "./fsm/Updates.js"
import type { CallId, FsmEffect, FsmEnvironment, FsmEvent } from "./FsmEvent.js"
import type { CachedChannel } from "./StateCache.js"

/**
 * What a state machine is started with.
 *
 * @since 0.1.0
 * @category models
 */
export interface FsmOptions extends State.FsmOptions {}

/**
 * The value of a state machine. For the shell: `name`, `channelId` (what frames show), `offChain` (trees, round, latest
 * co-signed transaction), `clientConnected`, `clientMayDisconnect`, `peerConnected`, `isStopped`.
 *
 * @since 0.1.0
 * @category models
 */
export interface FsmState extends State.FsmState {}

export {
  /**
   * The name of a state.
   *
   * @since 0.1.0
   * @category models
   */
  type StateName
}

/**
 * Options with every default filled in.
 *
 * @since 0.1.0
 * @category constructors
 */
export const normalize: (options: FsmOptions) => State.NormalizedOptions = State.normalize

/**
 * A state machine before its first event, which is `Started`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initial: (options: FsmOptions) => FsmState = State.initial

/**
 * A state machine that goes on where an earlier one ended, from what {@link cachedOf} had kept of that. Its first event
 * is `Started`: it reports what happened on chain meanwhile, then `fsm_up` with its new id. With `LinkUp` the initiator
 * begins the handshake; a client may come and go once that is done. If the channel is being closed on chain the machine
 * goes on without its peer.
 *
 * @since 0.1.0
 * @category constructors
 */
export const restored: (cached: CachedChannel, ids: Reestablish.MachineIds) => FsmState = Reestablish.restored

/**
 * What is to be kept of a machine, while it runs or after its end: `undefined` before there is a state with both
 * signatures, and when the channel is closed for good.
 *
 * @since 0.1.0
 * @category getters
 */
export const cachedOf: (state: FsmState) => CachedChannel | undefined = Reestablish.cachedOf

/**
 * Requests that this machine does not serve: nodes knew them once. They are refused with -32603 in every state.
 *
 * @since 0.1.0
 * @category tables
 */
export const notServed: ReadonlySet<Request["_tag"]> = new Set<Request["_tag"]>(["NewContractFromOnChain"])

/** Requests that a responder without a peer swallows where it refuses all others with 108. */
const swallowedBeforePeer: ReadonlySet<Request["_tag"]> = new Set<Request["_tag"]>([
  "Leave",
  "GetOffChainState",
  "FetchHistory",
  "CleanContractCalls"
])

const anyState: Row = row(
  onEvent("Started", (step) =>
    step.state.reestablish === "none" ? Life.started(step) : Reestablish.cameBack(step)
  ),
  onEvent("LinkUp", Reestablish.linkUp),
  onEvent("ClientGone", Life.clientGone),
  onAttached(Life.clientAttached),
  onEvent("LinkDown", Life.linkDown),
  onEvent("TimerFired", Life.timerFired),
  onCall("Leave", (step, _, callId) =>
    stateRow(step.state.name).transition ? "postpone" : step.accept(callId)
  ),
  onCall("SendMessage", Queries.sendMessage),
  onCall("AssumeMinimumDepth", Chain.assumeMinimumDepth),
  onCall("GetBalances", Queries.getBalances),
  onCall("GetPoi", Queries.getPoi),
  onCall("GetOffChainState", (step, _, callId) => Queries.getOffChainState(step, callId)),
  onCall("GetContract", Contracts.getContract),
  onCall("CleanContractCalls", (step, _, callId) => Contracts.cleanContractCalls(step, callId)),
  onCall("FetchHistory", Queries.fetchHistory),
  onCall("SnapshotSolo", (step, _, callId) => step.refuse(callId, "unknown_request")),
  onCall("CloseSolo", (step, _, callId) => step.refuse(callId, "unknown_request")),
  onCall("Slash", (step, _, callId) => step.refuse(callId, "unknown_request")),
  onCall("Settle", (step, _, callId) => step.refuse(callId, "unknown_request")),
  onCall("SigningError", (step, { code, tag }, callId) => signingError(step, tag, code, callId)),
  onPeer("InbandMessage", Queries.inbandMessage),
  onPeer("Acknowledgement", acknowledged),
  onPeer("OperationError", operationError),
  onPeer("Reestablish", Reestablish.handshakeWaits),
  onPeer("ReestablishAck", Reestablish.handshakeWaits),
  onPeer("Locked", Locks.strayLocked),
  onPeer("PeerError", (step, message) => step.dropped("error", message.data)),
  onChain("ChannelChanged", Chain.channelChanged),
  onChain("ChannelClosing", Chain.channelClosing),
  onChain("ChannelClosed", Chain.channelClosed),
  onChain("MinimumDepthReached", Chain.depthReached),
  onChain("ChannelUnlocked", Solo.unlocked)
)

/** A close on chain can be answered and concluded whether the peer comes back or not. */
const whileClosing: ReadonlyArray<Cell> = [onCall("Slash", Solo.slash), onCall("Settle", Solo.settle)]

/**
 * An own proposal is with the peer, and the peer's proposal meets it: a race. The reference node ends a machine whose
 * signed shutdown meets a proposal, or whose deposit or withdrawal meets a shutdown; here they are races like any
 * other. A leaving peer answers nothing: it is heard when the operation has run out of time.
 */
const halfSigned: Row = row(
  onProposal("update", race),
  onProposal("deposit", race),
  onProposal("withdraw", race),
  onProposal("shutdown", race),
  onPeer("Leave", () => "postpone")
)

/** A co-signed deposit or withdrawal waits for the chain: whatever the peer begins meanwhile, it will learn of that. */
const whileLocking: ReadonlyArray<Cell> = [
  onProposal("update", Locks.proposalWhileLocking),
  onProposal("deposit", Locks.proposalWhileLocking),
  onProposal("withdraw", Locks.proposalWhileLocking),
  onPeer("Leave", (step) => (Movements.isLocking(step.state) ? "postpone" : "unhandled"))
]

const deepEnough: Row = row(
  ...whileLocking,
  onProposal("shutdown", Closing.peerProposesShutdown),
  onPeer("Locked", Locks.peerLocked),
  onCall("CloseSolo", Locks.whenOverdue(Solo.closeSolo))
)

const table: { readonly [Name in StateName]: Row } = {
  awaiting_connect: row(
    onEvent("LinkUp", (step) =>
      step.state.reestablish === "none" ? Opening.linkUp(step) : Reestablish.linkUp(step)
    ),
    ...whileClosing
  ),
  initialized: row(onPeer("ChannelAccept", Opening.channelAccept)),
  awaiting_open: row(onEvent("LinkUp", Opening.linkUp), onPeer("ChannelOpen", Opening.channelOpen)),
  accepted: row(onPeer("FundingCreated", Opening.fundingCreated)),
  awaiting_signature: row(
    onSigned("initiator_sign", Opening.initiatorSigned),
    onSigned("responder_sign", Opening.responderSigned),
    onSigned("update", (step, tx, pending) => Updates.propose(step, tx, pending, "awaiting_update_ack")),
    onSigned("update_ack", Updates.updateCoSigned),
    onSigned("deposit_tx", Deposits.starterSigned),
    onSigned("withdraw_tx", Deposits.starterSigned),
    onSigned("deposit_ack", Deposits.acknowledgerSigned),
    onSigned("withdraw_ack", Deposits.acknowledgerSigned),
    onSigned("shutdown_sign", (step, tx, pending) => Updates.propose(step, tx, pending, "mutual_closing")),
    onSigned("shutdown_sign_ack", Closing.shutdownCoSigned),
    onSigned("snapshot_solo_tx", Solo.snapshotSigned),
    onSigned("close_solo_sign", Solo.closeSoloSigned),
    onSigned("slash_tx", Solo.slashSigned),
    onSigned("settle_sign", Solo.settleSigned),
    onSigned("force_progress_tx", Forcing.forceProgressSigned),
    onCall("SnapshotSolo", Solo.insteadOfUnsigned(Solo.snapshotSolo)),
    onCall("CloseSolo", Solo.insteadOfUnsigned(Solo.closeSolo)),
    onCall("Transfer", (step, _, callId) => secondProposal(step, callId)),
    onCall("NewContract", (step, _, callId) => secondProposal(step, callId)),
    onCall("CallContract", (step, _, callId) => secondProposal(step, callId)),
    onCall("DryRunContract", (step, _, callId) => secondProposal(step, callId)),
    onCall("Deposit", (step, _, callId) => secondProposal(step, callId)),
    onCall("Withdraw", (step, _, callId) => secondProposal(step, callId)),
    onProposal("update", proposalWhileSigning),
    onProposal("deposit", proposalWhileSigning),
    onProposal("withdraw", proposalWhileSigning)
  ),
  half_signed: row(onPeer("FundingSigned", Opening.fundingSigned)),
  awaiting_locked: row(
    onChain("MinimumDepthReached", Chain.depthWhileLocking),
    onPeer("FundingLocked", () => "postpone"),
    ...whileLocking,
    onCall("CloseSolo", Locks.whenOverdue(Solo.closeSolo)),
    onCall("Leave", (step, _, callId) => Locks.leave(step, callId)),
    onProposal("shutdown", Locks.proposalWhileLocking),
    onPeer("Locked", (step) => (Movements.isLocking(step.state) ? "postpone" : "unhandled"))
  ),
  signed: row(
    onPeer("FundingLocked", Opening.fundingLocked),
    onProposal("shutdown", Closing.peerProposesShutdown)
  ),
  open: row(
    onCall("Transfer", Updates.transfer),
    onCall("NewContract", Contracts.newContract),
    onCall("CallContract", Contracts.callContract),
    onCall("DryRunContract", Contracts.dryRun),
    onCall("ForceProgress", Forcing.forceProgress),
    onCall("Deposit", Deposits.request),
    onCall("Withdraw", Deposits.request),
    onCall("Shutdown", Closing.shutdown),
    onCall("SnapshotSolo", Solo.snapshotSolo),
    onCall("CloseSolo", Solo.closeSolo),
    onCall("Leave", (step, _, callId) => Life.leave(step, callId)),
    onCall("GetContractCall", Contracts.getContractCall),
    onProposal("update", Updates.peerProposesUpdate),
    onProposal("deposit", Deposits.peerProposes("deposit")),
    onProposal("withdraw", Deposits.peerProposes("withdraw")),
    onProposal("shutdown", Closing.peerProposesShutdown),
    onPeer("Leave", Life.peerLeaves),
    onPeer("Reestablish", Reestablish.peerComesBack)
  ),
  awaiting_update_ack: row(
    onProposal("update", race),
    onProposal("deposit", race),
    onProposal("withdraw", race)
  ),
  dep_half_signed: halfSigned,
  wdraw_half_signed: halfSigned,
  dep_signed: deepEnough,
  wdraw_signed: deepEnough,
  awaiting_leave_ack: row(onPeer("LeaveAck", Life.leaveAcknowledged), onPeer("Leave", Life.leavesCross)),
  mutual_closing: halfSigned,
  mutual_closed: row(
    onPeer("OperationError", (step, message) => {
      const outcome = Closing.closingError(step, message)
      return outcome === "unhandled" ? operationError(step, message) : outcome
    })
  ),
  channel_closing: row(
    ...whileClosing,
    onCall("ForceProgress", Forcing.forceProgress),
    onCall("Shutdown", Closing.shutdown),
    onPeer("Reestablish", Reestablish.peerComesBack),
    onPeer("ReestablishAck", Reestablish.peerAgrees),
    onProposal("update", Chain.proposalWhileClosing),
    onProposal("deposit", Chain.proposalWhileClosing),
    onProposal("withdraw", Chain.proposalWhileClosing),
    onProposal("shutdown", Closing.peerProposesShutdown)
  ),
  channel_closed: row(
    onChain("MinimumDepthReached", Chain.depthWhileClosed),
    onChain("ChannelChanged", Chain.changedAfterClose)
  ),
  awaiting_reestablish: row(...whileClosing, onPeer("Reestablish", Reestablish.peerComesBack)),
  reestablish_init: row(...whileClosing, onPeer("ReestablishAck", Reestablish.peerAgrees))
}

/** What happens to a request that no cell takes. */
const defaultCall = (step: Step, callId: CallId): Outcome => {
  if (!stateRow(step.state.name).transition) return step.refuse(callId, "unknown_request")
  return step.state.name === "awaiting_locked" ? Locks.callWhileLocking(step, callId) : "postpone"
}

/** What happens to everything else that no cell takes. */
const defaultMessage = (step: Step, event: State.InnerEvent): Outcome => {
  const { mode } = stateRow(step.state.name)
  const isMessage = event._tag === "PeerSaid" || event._tag === "ChainSaid"
  if (mode === "postpone" && (isMessage || event._tag === "Signed")) return "postpone"
  // A stray signature ends the reference node's machine too; it is harmless.
  if (mode.startsWith("error") && isMessage) return step.stop("protocol_error")
  step.dropped(keyOf(event), "not_expected")
}

/** A request to a responder that has no peer yet. */
const callBeforePeer = (step: Step, request: Request, callId: CallId): void =>
  swallowedBeforePeer.has(request._tag) ? step.accept(callId) : step.refuse(callId, "not_ready")

const dispatch = (step: Step, event: State.InnerEvent): Outcome => {
  const { name } = step.state
  if (event._tag === "Called") {
    const { callId, request } = event
    if (request._tag === "Stop") return Life.stopped(step, callId)
    if (request._tag === "SigningReply") {
      // A signing reply is taken note of and needs no more answer, whatever becomes of it.
      step.accept(callId)
      return handle(step, { _tag: "Signed", tag: request.tag, signedTx: signedBy(step.state, request) })
    }
    if (stateRow(name).mode === "error_all") return callBeforePeer(step, request, callId)
    if (notServed.has(request._tag)) return step.refuse(callId, "unknown_request")
  }
  const key = keyOf(event)
  for (const cells of [table[name], anyState]) {
    const outcome = cells.get(key)?.handle(step, event)
    if (outcome !== "unhandled" && cells.has(key)) return outcome
  }
  return event._tag === "Called" ? defaultCall(step, event.callId) : defaultMessage(step, event)
}

const handle = (step: Step, event: State.InnerEvent): void => {
  if (dispatch(step, event) === "postpone") step.postpone(event)
}

/** After a change of state all that waited is taken again, oldest first. */
const replay = (step: Step, before: StateName): void => {
  let name = before
  while (!step.state.isStopped) {
    if (step.state.name !== name) {
      name = step.state.name
      step.requeue()
    }
    const next = step.takeQueued()
    if (next === undefined) return
    handle(step, next)
  }
}

/**
 * What an event does to a state machine. Total: no event throws, none is lost, every `Called` is answered exactly once,
 * at once or when a later event lets a postponed call run. Effects are in the order in which they are to be done; the
 * answer to a call comes before the reports it causes. A stopped machine refuses calls and ignores everything else.
 *
 * @since 0.1.0
 * @category transitions
 */
export const transition = (
  state: FsmState,
  event: FsmEvent,
  env: FsmEnvironment
): { readonly state: FsmState; readonly effects: ReadonlyArray<FsmEffect> } => {
  const step = new Step(state, env)
  if (event._tag === "Called" && event.request._tag === "Ping") {
    // Pings keep the socket alive and do not reach the machine: no timer starts again.
    step.value(event.callId, { _tag: "Pong" })
    return { state, effects: step.effects }
  }
  if (state.isStopped) {
    if (event._tag === "Called") step.refuse(event.callId, "unknown_request")
    return { state, effects: step.effects }
  }
  handle(step, event)
  replay(step, state.name)
  if (!step.state.isStopped) {
    const milliseconds = step.state.options.timeouts[stateRow(step.state.name).timer]
    step.effects.push({ _tag: "SetTimer", milliseconds })
  }
  return { state: step.state, effects: step.effects }
}
