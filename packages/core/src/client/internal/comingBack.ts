/**
 * Coming back to the node, after the connection was lost or in another process: which machine is there, what it holds
 * against what we hold, and what becomes of what was under way.
 *
 * - Nothing is signed before both are known to hold the same. What cannot be explained freezes the channel.
 * - The node repeats nothing. A signature that may have been lost is sent again, the same bytes, where a node that has
 *   it already only drops it; where it would not, the node is told that we call the operation off, which it refuses
 *   when it is too late for that.
 * - Whatever else the node may wait for is called off, so that both sides are at the same round with nothing under way.
 *
 * Specification: channel WebSocket API, reconnect and reestablish.
 *
 * @internal
 */
import { Redacted } from "effect"
import * as SignedTx from "../../chain/SignedTx.js"
import { RejectedError, type StoreError, TransportError } from "../../protocol/Errors.js"
import type { FsmId, NodeMessage, OnChainInfo } from "../../protocol/NodeMessage.js"
import type { ReconnectParameters } from "../../protocol/OpenParameters.js"
import { type SignTag, signTagRow, signTags } from "../../protocol/SignTag.js"
import * as Trees from "../../state/Trees.js"
import type { FlowError } from "../ChannelEvent.js"
import * as Calls from "./calls.js"
import { wrong } from "./checks.js"
import { contentOf } from "./agreement.js"
import { roundOf } from "./coSigned.js"
import { compare } from "./comparison.js"
import { type Draft, errorFor } from "./draft.js"
import { missed, type Missed, readMissed } from "./history.js"
import type {
  CallId,
  ClientState,
  Coming,
  Command,
  OwnOperation,
  ReportedMessage,
  SentRequest
} from "./model.js"
import { dropSettling } from "./settling.js"
import { reading, shownBy } from "./verifySolo.js"
import { nameOf, isKind, isSolo, kinds, leadsToState, needsDepth } from "./operations.js"
import { isForced, keepShown, prepareBase, takeForced } from "./forced.js"
import { adopt, onReported as onReport, openIfReady } from "./reports.js"

/** The key of the timer that guards the node's answers; callers' keys are positive. */
export const comingTimer: CallId = -3

/** The code with which we call off what is left over. */
const calledOff = 4

/** A return at its beginning. */
export const beginning: Coming = {
  step: "away",
  isResumed: false,
  isNewMachine: false,
  callers: [],
  sent: [],
  refused: new Set(),
  left: undefined,
  held: [],
  request: undefined,
  forced: [],
  missed: undefined
}

const patchComing = (draft: Draft, changes: Partial<Coming>): void => {
  const { coming } = draft.state
  if (coming !== undefined) draft.patch({ coming: { ...coming, ...changes } })
}

const isSameId = (a: FsmId | undefined, b: FsmId): boolean =>
  a !== undefined && Redacted.value(a) === Redacted.value(b)

// ------------------------------------------------------------------ going away

/** How to come back; undefined when there is nothing to come back to. */
const wayBack = ({ channelId, config, fsmId, phase }: ClientState): ReconnectParameters | undefined => {
  if (channelId === null || fsmId === undefined || (phase !== "open" && phase !== "closing")) return undefined
  const { host, port } = config.parameters
  return { role: config.role, channelId, fsmId, port, ...(host === undefined ? {} : { host }) }
}

/**
 * There is no connection any more. What the node did not yet hear our signature for begins anew after the return; what
 * was answered, or could have been, is not asked again.
 */
const goAway = (draft: Draft, error: TransportError, after: TransportError | undefined): void => {
  const parameters = wayBack(draft.state)
  if (parameters === undefined) return
  const { own, peer } = draft.state
  draft.endCalls(error, false)
  if (own !== undefined && own.step !== "signed") startAnew(draft, own)
  if (peer !== undefined && peer.step !== "signed") draft.endPeer("we", peer.abortCode ?? calledOff)
  dropSettling(draft)
  draft.patch({ coming: beginning, locks: "unknown" })
  draft.emit({ _tag: "Disconnected", error })
  draft.do({ _tag: "Connect", parameters, after })
}

const startAnew = (draft: Draft, own: OwnOperation): void => {
  const isWanted = (own.waiting || own.byItself) && own.abortCode === undefined
  draft.endOwn("told")
  if (!isWanted) return
  const again: OwnOperation = {
    ...own,
    step: "waiting",
    requestId: undefined,
    taken: false,
    signing: undefined,
    answer: undefined,
    aborts: []
  }
  draft.patch({ queue: [again, ...draft.state.queue] })
}

/** The next attempt; without a way back there is none. */
const tryAgain = (draft: Draft, after: TransportError | undefined): void => {
  const parameters = wayBack(draft.state)
  if (parameters === undefined) return
  draft.stopTimer(comingTimer)
  patchComing(draft, { step: "away", sent: [], refused: new Set(), request: undefined })
  draft.do({ _tag: "Connect", parameters, after })
}

const nothingSaid =
  "the node closed the connection without a word: it does not know this channel any more, another client of this party is connected, or its state machine is not ready yet"

/** The connection is over, or an attempt at one. */
export const onDisconnected = (draft: Draft, error: TransportError, isFinal = false): void => {
  const { coming, config, own } = draft.state
  if (error.reason === "closed_by_us" || isFinal) return draft.endAll(error, false)
  if (coming === undefined) {
    const mayReturn = config.reconnects && own?.kind !== "leave" && wayBack(draft.state) !== undefined
    return mayReturn ? goAway(draft, error, error) : draft.endAll(error, false)
  }
  const silent = coming.step === "greeting" && error.reason === "closed_by_node"
  const explained = silent ? new TransportError({ ...fieldsOf(error), detail: nothingSaid }) : error
  if (coming.isResumed) draft.endAll(explained, false)
  else tryAgain(draft, explained)
}

const fieldsOf = (error: TransportError) => {
  const { reason, operation, detail } = error
  return {
    reason,
    operation,
    detail,
    ...(error.closeCode === undefined ? {} : { closeCode: error.closeCode })
  }
}

/** A caller wants a new connection, now. */
export const onReconnect = (draft: Draft, callId: CallId): void => {
  const { coming, end } = draft.state
  const caller = { callId, ends: "Done" } as const
  if (end !== undefined) return draft.fail(callId, errorFor(end, "reconnect"))
  if (coming !== undefined) {
    patchComing(draft, { callers: [...coming.callers, caller] })
    if (coming.step === "away") tryAgain(draft, undefined)
    return
  }
  const error = new TransportError({
    reason: "closed_by_us",
    operation: "reconnect",
    detail: "the connection was replaced by a new one"
  })
  goAway(draft, error, undefined)
  if (draft.state.coming !== undefined) return patchComing(draft, { callers: [caller] })
  const detail = "there is no open channel to come back to"
  draft.fail(callId, new TransportError({ reason: "channel_ended", operation: "reconnect", detail }))
}

// ------------------------------------------------------------------ meanwhile

/** A question that cannot be asked now. */
export const hold = (
  draft: Draft,
  callId: CallId,
  command: Exclude<Command, { _tag: "Open" | "Resume" | "Reconnect" | "Operate" }>
): void => {
  const { coming } = draft.state
  if (coming !== undefined) patchComing(draft, { held: [...coming.held, { callId, command }] })
}

/** A caller does not wait any more. */
export const onCallerGone = (draft: Draft, callId: CallId): void => {
  const { coming, own } = draft.state
  if (coming === undefined) return
  patchComing(draft, {
    held: coming.held.filter((each) => each.callId !== callId),
    callers: coming.callers.filter((each) => each.callId !== callId)
  })
  if (own?.callId === callId) draft.patchOwn({ waiting: false })
  draft.patch({ queue: draft.state.queue.filter((each) => each.callId !== callId) })
}

// ------------------------------------------------------------------ coming back

/** The process has come back, and its connection is there. */
export const onResumed = (draft: Draft, callId: CallId): void => {
  const { coming, end, own } = draft.state
  if (end !== undefined) return draft.fail(callId, errorFor(end, "resume"))
  if (own?.kind === "open") draft.patchOwn({ callId, waiting: true })
  else if (coming !== undefined) patchComing(draft, { callers: [{ callId, ends: "CoSigned" }] })
  onConnected(draft)
}

/** There is a connection; the node speaks first. */
export const onConnected = (draft: Draft): void => {
  patchComing(draft, { step: "greeting", isNewMachine: false })
  draft.startTimer(comingTimer)
}

/** The node did not say what it had to. */
export const onTimer = (draft: Draft): void => {
  if (draft.state.coming?.step === "agreeing") return peerMissing(draft)
  onDisconnected(
    draft,
    new TransportError({
      reason: "connection_lost",
      operation: "reconnect",
      detail: `the node gave no answer for ${draft.state.config.requestTimeout} ms`
    })
  )
}

/** A new machine waits for the peer's as long as it takes; those who have asked for something do not. */
const peerMissing = (draft: Draft): void => {
  const { coming, config, own } = draft.state
  const errorOf = (operation: string): TransportError =>
    new TransportError({
      reason: "connection_lost",
      operation,
      detail:
        "the connection was lost, and the peer has not come back to the channel since. The client waits for it"
    })
  if (own?.waiting === true) draft.failCaller(errorOf(own.kind))
  for (const { callId, command } of coming?.held ?? []) draft.fail(callId, errorOf(nameOf(command)))
  patchComing(draft, { held: [] })
  draft.failQueue(errorOf)
  draft.startTimer(comingTimer, config.chainTimeout)
}

/** What the node said could not be kept. */
export const onStoreFailed = (draft: Draft, error: StoreError): void => giveUp(draft, error)

/** The return is over, and failed for good. */
const giveUp = (draft: Draft, error: FlowError): void => {
  const { coming, own } = draft.state
  for (const { callId } of coming?.callers ?? []) draft.fail(callId, error)
  patchComing(draft, { callers: [] })
  if (own?.kind === "open") draft.failCaller(error)
  const { message: detail } = error
  draft.endAll(new TransportError({ reason: "closed_by_us", operation: "reconnect", detail }), false)
  draft.stopTimer(comingTimer)
  draft.do({ _tag: "Disconnect" })
}

const endsAll: ReadonlySet<OnChainInfo> = new Set(["solo_closing", "can_slash", "channel_closed"])

/** What the node says while we are coming back. */
export const onReported = (draft: Draft, message: ReportedMessage): void => {
  const { coming, fsmId } = draft.state
  const { report } = message
  if (coming === undefined || coming.step === "away") return
  switch (report._tag) {
    case "SignRequest":
      return patchComing(draft, { request: message })
    case "StateUpdate":
      draft.emit({ _tag: "Reported", channelId: message.channelId, report })
      // What was asked before led to this state, or to none.
      patchComing(draft, { request: undefined })
      return void takeState(draft, report.state)
    case "LeaveReport":
      // The peer leaves, with what may have been completed while we were away.
      draft.emit({ _tag: "Reported", channelId: message.channelId, report })
      return void takeState(draft, report.state)
    case "Conflict":
      // What it is about, and at which round, is not known yet: what the node holds tells what became of everything.
      patchComing(draft, { request: undefined })
      return draft.emit({ _tag: "Reported", channelId: message.channelId, report })
    case "Info":
      break
    case "OnChainTx": {
      // Whoever closes alone ends what is under way.
      if (report.info !== undefined && endsAll.has(report.info)) patchComing(draft, { request: undefined })
      // Something may have been forced upon it.
      const shown = shownBy(report.tx)
      if (shown !== undefined) patchComing(draft, { forced: [...coming.forced, shown] })
      return onReport(draft, message)
    }
    default:
      return onReport(draft, message)
  }
  onReport(draft, message)
  if (draft.state.coming === undefined) return
  switch (report.event) {
    case "fsm_up":
      if (coming.step === "greeting" && report.fsmId !== undefined)
        greeted(draft, !isSameId(fsmId, report.fsmId))
      return
    case "closing":
      // A new machine goes on with a channel that is being closed only if one party does it alone.
      if (coming.step === "agreeing" && draft.state.soloClosing === "no")
        draft.patch({ soloClosing: "current" })
      if (coming.step === "agreeing") ask(draft)
      return
    case "open":
      if (coming.step === "agreeing") ask(draft)
      return
    case "aborted_update":
    case "peer_disconnected":
      return patchComing(draft, { request: undefined })
    default:
  }
}

/** The node has said which machine this is. One that went on without us is asked what we have missed. */
const greeted = (draft: Draft, isNewMachine: boolean): void => {
  patchComing(draft, { isNewMachine })
  if (isNewMachine) {
    draft.startTimer(comingTimer, draft.state.config.chainTimeout)
    patchComing(draft, { step: "agreeing" })
    return
  }
  draft.patch({ peerConnected: true })
  const log = draft.send(missed)
  ask(draft)
  patchComing(draft, { sent: [log, ...(draft.state.coming?.sent ?? [])] })
}

const ask = (draft: Draft): void => {
  const sent = [draft.send({ _tag: "GetOffChainState" })]
  patchComing(draft, { step: "comparing", sent })
  draft.startTimer(comingTimer)
}

/** What is on chain and has not become the node's state came to nothing there, or the node will tell of it. */
const forgetForced = (draft: Draft): void => patchComing(draft, { forced: [] })

/**
 * What the node holds, against what we hold; whether the return goes on.
 */
const takeState = (draft: Draft, signedTx: SignedTx.SignedTx, offered?: Trees.Trees): boolean => {
  const comparison = compare(draft, signedTx)
  switch (comparison._tag) {
    case "same":
      forgetForced(draft)
      openIfReady(draft)
      return true
    case "completes":
      forgetForced(draft)
      adopt(draft, signedTx, comparison.known, offered)
      return true
    case "forced": {
      const { base, chain } = comparison
      if (base !== undefined) prepareBase(draft, base)
      // Before anything else is said of what we have signed.
      if (base !== undefined && !isForced(base.signedTx)) adopt(draft, base.signedTx, base.known)
      patchComing(draft, { forced: chain })
      dropOutdated(draft, signedTx)
      return true
    }
    case "state_lost":
    case "forced_beyond":
    case "node_behind": {
      const { _tag, detail } = comparison
      if (draft.state.frozen === undefined)
        draft.freeze(detail, { reason: "state_lost", detail }, (operation) => draft.frozenError(operation))
      // What both have signed stays signed. A node that is behind may be another one the next time.
      if (_tag === "state_lost") draft.persist()
      return true
    }
    case "lie":
      draft.lie(comparison.error)
      giveUp(draft, comparison.error)
      return false
  }
}

/** The node does not wait any more for a state of the round that was forced, or of one before. */
const dropOutdated = (draft: Draft, forced: SignedTx.SignedTx): void => {
  const report = draft.state.coming?.request?.report
  if (report?._tag !== "SignRequest" || !leadsToState(report.tag)) return
  const round = roundOf(contentOf(report.signedTx).tx) ?? 0
  if (round <= (roundOf(contentOf(forced).tx) ?? 0)) patchComing(draft, { request: undefined })
}

const isAnswerTo = ({ requestId }: SentRequest, id: NodeMessageId): boolean =>
  id === undefined || requestId === undefined ? id === requestId : Calls.sameId(requestId, id)

type Replied = Extract<NodeMessage, { readonly _tag: "Replied" }>
type Refused = Extract<NodeMessage, { readonly _tag: "Refused" }>
type NodeMessageId = Replied["id"]

/** A reply, if it is to what was asked here. */
export const onReplied = (draft: Draft, { id, value }: Replied): boolean => {
  const { coming } = draft.state
  if (coming === undefined) return false
  const answered = coming.sent.find(
    (each) => isAnswerTo(each, id) && (id !== undefined || askedFor[value._tag] === each.request._tag)
  )
  if (answered === undefined) return false
  patchComing(draft, { sent: coming.sent.filter((each) => each !== answered) })
  if (value._tag === "History") {
    const missed = readMissed(value.entries)
    patchComing(draft, { missed })
    for (const signedTx of missed.onChain) keepShown(draft, signedTx)
  } else if (value._tag === "OffChainState" && answered.request._tag === "GetOffChainState")
    onHeld(draft, value)
  return true
}

/** What values without an id are the answer to. */
const askedFor: { readonly [tag: string]: SentRequest["request"]["_tag"] } = {
  History: "FetchHistory",
  OffChainState: "GetOffChainState"
}

/** A refusal, if it is of what was sent here. */
export const onRefused = (draft: Draft, refused: Refused): boolean => {
  const { coming } = draft.state
  if (coming === undefined) return false
  const errorOf = (operation: string): RejectedError =>
    new RejectedError({
      operation,
      code: refused.code,
      reason: refused.message,
      data: refused.data,
      channelId: refused.channelId
    })
  if (coming.step === "greeting" && Calls.isOfOpening(refused)) {
    giveUp(draft, errorOf(coming.isResumed ? "resume" : "reconnect"))
    return true
  }
  const answered = coming.sent.find(Calls.matcher(draft, refused))
  if (answered === undefined) return false
  patchComing(draft, { sent: coming.sent.filter((each) => each !== answered) })
  const { request } = answered
  if (request._tag === "SigningError")
    patchComing(draft, { refused: new Set([...coming.refused, request.tag]) })
  else if (request._tag === "GetOffChainState") giveUp(draft, errorOf("get.offchain_state"))
  return true
}

/** What the log says of the time when we were not there. */
const catchUp = (draft: Draft, { ending, peerConnected }: Missed): void => {
  if (peerConnected === false) draft.patch({ peerConnected })
  const { channelId, closeTx, soloClosing } = draft.state
  if (ending === undefined) return
  const isKnown =
    ending.info === "can_slash"
      ? soloClosing === "older"
      : ending.info === "solo_closing"
        ? soloClosing === "current"
        : closeTx !== undefined
  if (!isKnown) onReport(draft, { _tag: "Reported", channelId, report: ending })
}

type Held = Extract<Replied["value"], { readonly _tag: "OffChainState" }>

/** What the node holds: its latest co-signed state, and our own proposal while the peer's signature is awaited. */
const onHeld = (draft: Draft, { halfSignedTx, signedTx, trees }: Held): void => {
  const step = draft.state.coming?.step
  if (signedTx !== undefined) {
    // An opening whose end we have missed: there is a state only once the channel is open.
    if (draft.state.latest === undefined) draft.patch({ nodeOpen: true })
    const offered = reading(() => Trees.fromTextOrThrow(trees))
    if (!takeState(draft, signedTx, offered)) return
    if (compare(draft, signedTx)._tag === "completes") freezeUnknown(draft, signedTx)
  }
  const { coming } = draft.state
  if (coming === undefined) return
  if (coming.missed !== undefined) {
    patchComing(draft, { missed: undefined })
    catchUp(draft, coming.missed)
  }
  if (coming.isNewMachine) finish(draft, () => false)
  else if (step === "comparing" && draft.state.latest !== undefined) clear(draft, halfSignedTx)
  else finish(draft, (own) => isHeld(own, halfSignedTx))
}

/**
 * What both have signed is complete, and nobody can say what it holds: nothing can be signed on top of it, nor beside it.
 * The next time the node may give back the trees.
 */
const freezeUnknown = (draft: Draft, signedTx: SignedTx.SignedTx): void => {
  const { tx } = contentOf(signedTx)
  if (draft.state.frozen !== undefined) return
  const expected = "the trees of the latest state"
  draft.lie(wrong(draft.context("get.offchain_state"), "trees", expected, "others, or nothing to read"))
  const detail = `round ${roundOf(tx) ?? 0} of the channel has both signatures, but could not be computed here, and the node did not give its trees`
  draft.freeze(detail, { reason: "state_lost", detail }, (operation) => draft.frozenError(operation))
}

/** Whether the node has our proposal and waits for the peer's signature. */
const isHeld = ({ signing }: OwnOperation, halfSignedTx: SignedTx.SignedTx | undefined): boolean =>
  halfSignedTx !== undefined && SignedTx.bodyHash(halfSignedTx) === signing?.txHash

// ------------------------------------------------------------------ what was under way

const abortable = (Object.keys(signTags) as ReadonlyArray<SignTag>).filter((tag) => signTagRow(tag).abortable)

/**
 * Sends again what may have been lost, and calls off the rest. Nodes drop a signature that they do not wait for, but not
 * while they wait for the chain or for the peer's signature under what closes the channel: there we only ask.
 */
const clear = (draft: Draft, halfSignedTx: SignedTx.SignedTx | undefined): void => {
  const { coming, own, peer, watched } = draft.state
  const again = new Set<SignTag>()
  const sendAgain = (answer: SentRequest | undefined): SentRequest | undefined => {
    if (answer?.request._tag !== "SigningReply") return answer
    again.add(answer.request.tag)
    return draft.send(answer.request)
  }
  if (own?.step === "signed" && own.tag === "update" && !isHeld(own, halfSignedTx))
    draft.patchOwn({ answer: sendAgain(own.answer) })
  if (peer?.step === "signed") draft.patchPeer({ answer: sendAgain(peer.answer) })
  const last = watched.at(-1)
  if (last !== undefined) {
    const answer = sendAgain(last.answer)
    draft.patch({ watched: [...watched.slice(0, -1), { ...last, answer }] })
  }
  const waits = coming?.request?.report
  const known = waits?._tag === "SignRequest" ? waits.tag : undefined
  const offs = abortable
    .filter((tag) => !again.has(tag) && tag !== known)
    .map((tag) => draft.send({ _tag: "SigningError", tag, code: calledOff }))
  const asked = draft.send({ _tag: "GetOffChainState" })
  patchComing(draft, { step: "clearing", sent: [...(draft.state.coming?.sent ?? []), ...offs, asked] })
  draft.startTimer(comingTimer)
}

/** Both hold the same, or we are frozen: what was under way ends or goes on, and then all the rest. */
const finish = (draft: Draft, isWithNode: (own: OwnOperation) => boolean): void => {
  const { coming, own } = draft.state
  if (coming === undefined) return
  draft.stopTimer(comingTimer)
  if (own?.step === "signed" && own.kind !== "open") resolve(draft, coming, own, isWithNode(own))
  // If both have signed, the node tells the new state whenever it is one.
  if (draft.state.peer?.step === "signed") draft.endPeer()
  tellLeft(draft, coming, own)
  const { latest, phase } = draft.state
  draft.patch({
    coming: undefined,
    ...(phase === "opening" && latest !== undefined ? { phase: "open" as const } : {})
  })
  draft.emit({ _tag: "Reconnected", isNewMachine: coming.isNewMachine, round: draft.round })
  for (const { callId, ends } of coming.callers) {
    if (ends === "Done") draft.succeed(callId, { _tag: "Done" })
    else if (latest !== undefined) draft.succeed(callId, { _tag: "CoSigned", state: latest })
  }
  takeAllForced(draft, coming.forced)
  for (const { callId, command } of coming.held) Calls.onAsked(draft, callId, command)
  // It may follow from what is still to be computed.
  if (coming.request !== undefined)
    if (draft.state.settling === undefined) onReport(draft, coming.request)
    else draft.release([coming.request])
  openIfReady(draft)
  draft.startNext()
}

/** One after the other; what cannot be computed at once keeps the others waiting. */
const takeAllForced = (draft: Draft, forced: ReadonlyArray<SignedTx.SignedTx>): void => {
  const { channelId } = draft.state
  draft.catchUp(() => {
    for (const tx of forced)
      if (draft.state.settling === undefined) takeForced(draft, tx)
      else
        draft.release([
          {
            _tag: "Reported",
            channelId,
            report: { _tag: "OnChainTx", info: "consumed_forced_progress", tx }
          }
        ])
  })
}

/** Whether the node may still be about to bring a signed operation to its end. */
const mayGoOn = ({ closeTx }: ClientState, { isNewMachine, refused }: Coming, own: OwnOperation): boolean => {
  const { tag } = own
  if (tag === undefined) return false
  if (needsDepth(tag)) return isNewMachine || refused.has(tag)
  return tag === "shutdown_sign" && (isNewMachine ? closeTx !== undefined : refused.has(tag))
}

/** What has our signature and is no state yet. */
const resolve = (draft: Draft, coming: Coming, own: OwnOperation, isWithNode: boolean): void => {
  const { config, frozen } = draft.state
  if (frozen !== undefined) return draft.endOwn({ error: draft.frozenError(own.kind) })
  if (isWithNode) return
  if (mayGoOn(draft.state, coming, own)) {
    // Nobody waits for it after a restart, and what comes of it is taken over without anybody who waits.
    if (own.waiting) draft.startTimer(own.callId, config.chainTimeout)
    else draft.endOwn("told")
    return
  }
  const wasCalledOff = own.tag !== "update" && !coming.isNewMachine
  draft.endOwn({
    error: wasCalledOff
      ? draft.ended(own.kind, `sign.${own.tag ?? ""}`, "we", calledOff)
      : new TransportError({
          reason: "connection_lost",
          operation: own.kind,
          detail: `the node let go of it while the connection was lost; both parties are at round ${draft.round}. Ask again if it is still wanted`
        })
  })
}

/** What became of what the process before had begun; `own` is that, if it was signed. */
const tellLeft = (draft: Draft, coming: Coming, own: OwnOperation | undefined): void => {
  const { left, refused, isNewMachine } = coming
  if (left === undefined || left.kind === "open") return
  const { latest } = draft.state
  const isDone = latest !== undefined && SignedTx.bodyHash(latest.signedTx) === left.txHash
  const tag =
    left.txHash !== undefined && isKind(left.kind) && isSolo(left.kind) ? kinds[left.kind].tag : undefined
  const mayBe =
    draft.state.own !== undefined ||
    (own !== undefined && mayGoOn(draft.state, coming, own)) ||
    (tag !== undefined && (isNewMachine || refused.has(tag)))
  draft.emit({
    _tag: "PendingResolved",
    operation: left.kind,
    request: left.request,
    outcome: isDone ? "co-signed" : mayBe ? "unknown" : "called off"
  })
}
