/**
 * What callers ask, and the node's replies and refusals.
 *
 * @internal
 */
import type { DecodeError } from "../../encoding/DecodeError.js"
import * as Json from "../../encoding/Json.js"
import type { StoreError } from "../../protocol/Errors.js"
import { RejectedError, TransportError } from "../../protocol/Errors.js"
import type { NodeMessage } from "../../protocol/NodeMessage.js"
import type { Request } from "../../protocol/Request.js"
import type { SignTag } from "../../protocol/SignTag.js"
import { type Draft, peerTimer } from "./draft.js"
import type {
  CallId,
  ClientEvent,
  Command,
  OwnOperation,
  Question,
  SentRequest,
  WaitingDryRun
} from "./model.js"
import { slashIfOlder } from "./onChain.js"
import { ends, nameOf, opening, operation, operationOf } from "./operations.js"
import { fits, isSilent, requestOf, resultOf } from "./questions.js"
import { whyRefused } from "./refusals.js"
import { hurry } from "./settling.js"
import { onUnreadableRequest, releaseHeld } from "./signing.js"

/** A caller asks for something. */
export const onAsked = (draft: Draft, callId: CallId, command: Command): void => {
  const { end, config } = draft.state
  if (end !== undefined) {
    draft.fail(callId, new TransportError({ ...fieldsOf(end), operation: nameOf(command) }))
    return
  }
  switch (command._tag) {
    case "Open":
      draft.patch({ own: opening(callId, config.role === "initiator" ? "initiator_sign" : "responder_sign") })
      return
    case "Operate":
      enqueue(draft, operation(callId, command.request))
      return
    case "Abort":
      onAbort(draft, callId, command.code)
      return
    case "Resume":
    case "Reconnect":
      // What comes back is not asked of the node.
      return
    case "DryRun":
      tryOut(draft, { callId, command })
      return
    default:
      ask(draft, callId, command, requestOf(draft, command))
  }
}

const enqueue = (draft: Draft, asked: OwnOperation): void => {
  draft.patch({ queue: [...draft.state.queue, asked] })
  if (ends(asked.kind)) hurry(draft)
  draft.startNext()
}

const fieldsOf = (end: TransportError) => ({
  reason: end.reason,
  detail: end.detail,
  ...(end.closeCode === undefined ? {} : { closeCode: end.closeCode })
})

const ask = (draft: Draft, callId: CallId, command: Question, request: Request): void =>
  draft.ask(callId, command, request, isSilent(command))

/** Tries a call as soon as nothing is under way: the node would take it for a second proposal, and end the first. */
const tryOut = (draft: Draft, waiting: WaitingDryRun): void => {
  draft.patch({ dryRuns: [...draft.state.dryRuns, waiting] })
  draft.startNext()
}

const dropCall = (draft: Draft, callId: CallId): void =>
  draft.patch({ calls: draft.state.calls.filter((each) => each.callId !== callId) })

/** Calls off what is under way: first what waits for our signature, our own operation before the peer's. */
const onAbort = (draft: Draft, callId: CallId, code: number): void => {
  const { peer } = draft.state
  // What we do by ourselves is nobody's to call off.
  const own = draft.state.own?.byItself === true ? undefined : draft.state.own
  if (own !== undefined && (own.step === "signing" || own.step === "deciding" || own.step === "loading")) {
    draft.patchOwn({ aborts: [...own.aborts, callId] })
    draft.failCaller(draft.ended(own.kind, `sign.${own.tag ?? ""}`, "we", code))
    draft.refuseOwn(code)
  } else if (
    peer !== undefined &&
    (peer.step === "signing" || peer.step === "deciding" || peer.step === "held")
  ) {
    draft.patchPeer({ aborts: [...peer.aborts, callId] })
    draft.refusePeer(code)
  } else if (own?.step === "requested" && own.kind !== "open" && own.tag !== undefined) {
    // The node has not asked yet: it is refused as soon as it does.
    draft.failCaller(draft.ended(own.kind, "awaiting the node", "we", code))
    draft.patchOwn({ aborts: [...own.aborts, callId], abortCode: own.abortCode ?? code })
  } else {
    const tag = own?.step === "signed" ? own.tag : peer?.step === "signed" ? peer.tag : undefined
    if (tag === undefined) draft.succeed(callId, { _tag: "Done" })
    // Our signature is out. The node decides whether that is too late.
    else ask(draft, callId, { _tag: "Abort", code }, { _tag: "SigningError", tag, code })
  }
}

/** A caller does not wait any more. */
export const onCallerGone = (draft: Draft, callId: CallId): void => {
  const { own, watched, queue, calls } = draft.state
  draft.patch({
    queue: queue.filter((each) => each.callId !== callId),
    watched: watched.map((each) => (each.callId === callId ? { ...each, waiting: false } : each)),
    calls: calls.map((each) => (each.callId === callId ? { ...each, waiting: false } : each))
  })
  if (own?.callId !== callId) return
  draft.patchOwn({ waiting: false })
  if (own.step === "signing" || own.step === "deciding" || own.step === "loading") draft.refuseOwn(4)
}

// Replies.

/** A reply with a value. */
export const onReplied = (
  draft: Draft,
  message: Extract<NodeMessage, { readonly _tag: "Replied" }>
): void => {
  const { id, value } = message
  const call =
    id === undefined
      ? draft.state.calls.find((each) => each.requestId === undefined && fits(each.command, value))
      : draft.state.calls.find((each) => sameId(each.requestId, id))
  const { own } = draft.state
  if (call === undefined && own?.step === "requested" && sameId(own.requestId, id))
    draft.patchOwn({ taken: true })
  // Most "ok" replies belong to operations, which end by reports.
  if (call === undefined) return
  dropCall(draft, call.callId)
  if (!call.waiting) return
  const { callId, command } = call
  if (command._tag === "DryRun" && value._tag === "Ok" && draft.state.peer !== undefined) {
    // It met a proposal of the peer, and the node has taken it for another.
    draft.stopTimer(callId)
    tryOut(draft, { callId, command })
    return
  }
  const result = resultOf(draft, call, value)
  if ("error" in result) {
    if (result.error._tag === "VerificationError") draft.lie(result.error)
    draft.fail(call.callId, result.error)
  } else draft.succeed(call.callId, result)
}

export const sameId = (a: Json.Json | undefined, b: Json.Json | undefined): boolean => {
  const [left, right] = [Json.toBigInt(a ?? null), Json.toBigInt(b ?? null)]
  return left === undefined || right === undefined ? a !== undefined && a === b : left === right
}

// Refusals.

/** The node refuses a request. */
export const onRefused = (
  draft: Draft,
  refused: Extract<NodeMessage, { readonly _tag: "Refused" }>
): void => {
  const matches = matcher(draft, refused)
  const errorOf = (operation: string, request?: Request): RejectedError => {
    const detail = request && whyRefused(draft, refused, request)
    return new RejectedError({
      operation,
      code: refused.code,
      reason: refused.message,
      data: refused.data,
      channelId: refused.channelId,
      ...(detail === undefined ? {} : { detail })
    })
  }
  const { own, watched, peer, calls } = draft.state
  const call = calls.find(matches)
  const refusedAnswer = watched.find(({ answer }) => answer !== undefined && matches(answer))
  if (call !== undefined) {
    dropCall(draft, call.callId)
    if (call.waiting) draft.fail(call.callId, errorOf(operationOf(call.request), call.request))
    else draft.emit({ _tag: "Refused", error: errorOf(operationOf(call.request)) })
  } else if (own?.request !== undefined && matches({ request: own.request, requestId: own.requestId })) {
    draft.endOwn(own.abortCode !== undefined ? "told" : { error: errorOf(own.kind, own.request) })
    releaseHeld(draft)
    draft.startNext()
  } else if (own?.kind === "open" && own.step === "requested" && isOfOpening(refused)) {
    draft.endOwn({ error: errorOf("open") })
  } else if (own?.answer !== undefined && matches(own.answer)) {
    onAnswerRefused(draft, own, errorOf(own.kind))
  } else if (refusedAnswer !== undefined) {
    // The node waits for another signature, so it gets a refusal.
    if (refusedAnswer.tag !== undefined) draft.sendRefusal(refusedAnswer.tag, 4)
    draft.endWatched(refusedAnswer, { error: errorOf(refusedAnswer.kind) })
  } else if (peer?.answer !== undefined && matches(peer.answer)) {
    if (peer.step === "aborting") draft.endPeer("node", peer.abortCode ?? 4)
    else draft.refusePeer(4)
    draft.emit({ _tag: "Refused", error: errorOf(peer.tag) })
    draft.startNext()
  } else draft.emit({ _tag: "Refused", error: errorOf("unknown request") })
}

/** Our answer to a signing request is refused: a signature leaves the node waiting for another, so it gets an abort. */
const onAnswerRefused = (draft: Draft, own: OwnOperation, error: RejectedError): void => {
  if (own.step === "aborting") {
    draft.emit({ _tag: "Refused", error })
    draft.endOwn("told")
    releaseHeld(draft)
    draft.startNext()
    return
  }
  draft.failCaller(error)
  draft.refuseOwn(4)
}

/** An opening is no request: its refusal has no id and echoes nothing. */
export const isOfOpening = ({ id, request }: Extract<NodeMessage, { readonly _tag: "Refused" }>): boolean =>
  id === null && Json.isObject(request) && Object.keys(request).length === 0

/** Whether a refusal is about a request: by its id or, without one, by the request that the refusal echoes. */
export const matcher = (
  draft: Draft,
  { asked, id, request: echo }: Extract<NodeMessage, { readonly _tag: "Refused" }>
): ((sent: SentRequest) => boolean) => {
  if (id !== null) return ({ requestId }) => sameId(requestId, id)
  const wanted = Json.stringifySorted(asked ?? echo)
  return ({ request, requestId }) =>
    requestId === undefined &&
    Json.stringifySorted(Json.parseOrThrow(draft.env.encodeRequest(request))) === wanted
}

// Time and broken things.

/** An answer did not come. */
export const onTimer = (draft: Draft, callId: CallId): void => {
  const { own, peer, calls } = draft.state
  if (callId === peerTimer) {
    if (peer?.step === "aborting") draft.endPeer("we", peer.abortCode ?? 4)
    // What closes the channel may still be mined; but nobody waits for his turn any longer.
    else draft.endPeer(draft.state.closeTx === undefined ? "node" : "we", 3)
    draft.startNext()
    return
  }
  if (own?.callId === callId && own.step === "signed") {
    onNotHeardOf(draft, own)
    return
  }
  const call = calls.find((each) => each.callId === callId)
  if (call !== undefined) {
    dropCall(draft, callId)
    if (call.waiting) draft.fail(callId, draft.ended(operationOf(call.request), "awaiting reply", "node", 3))
    return
  }
  const notSeen = draft.state.watched.find((each) => each.callId === callId)
  if (notSeen !== undefined) {
    onNotSeen(draft, notSeen)
    return
  }
  if (own?.callId !== callId) return
  if (own.step === "signing") {
    // The node has let go of it, and says nothing of that while the channel is being closed.
    draft.failCaller(draft.ended(own.kind, `sign.${own.tag ?? ""}`, "node", 3))
    draft.refuseOwn(4)
    return
  }
  if (own.step !== "requested" && own.step !== "aborting") return
  if (own.step === "requested" && own.kind === "shutdown" && peer !== undefined) {
    // The node comes to it when the peer's proposal has its answer.
    draft.startTimer(callId)
    return
  }
  if (own.abortCode !== undefined) draft.endOwn("told")
  else draft.endOwn({ error: draft.ended(own.kind, "awaiting the node", "node", 3) })
  releaseHeld(draft)
  draft.startNext()
}

/**
 * Nothing was heard of what we had signed before the connection was lost. It may still come, and is then taken over; but
 * nobody waits for it any longer.
 */
const onNotHeardOf = (draft: Draft, own: OwnOperation): void => {
  draft.endOwn({ error: draft.ended(own.kind, "chain", "we", 3) })
  draft.startNext()
}

/** Our transaction is not on chain. It may still come; but nobody waits for it any longer. */
const onNotSeen = (draft: Draft, operation: OwnOperation): void => {
  draft.endWatched(operation, { error: draft.ended(operation.kind, "chain", "we", 3) })
  if (operation.byItself) slashIfOlder(draft)
  draft.startNext()
}

/**
 * A frame that is no message: whoever may be waiting for it is told. A signing request is answered although it cannot be
 * read, and what may have been one as well, so that nobody waits for a timer.
 */
export const onUndecodable = (
  draft: Draft,
  error: DecodeError,
  id: Json.Json | undefined,
  tag: SignTag | undefined
): void => {
  draft.emit({ _tag: "Undecodable", error })
  if (tag !== undefined) {
    onUnreadableRequest(draft, tag, error)
    return
  }
  const call = id === undefined ? undefined : draft.state.calls.find((each) => sameId(each.requestId, id))
  if (call !== undefined) {
    dropCall(draft, call.callId)
    if (call.waiting) draft.fail(call.callId, error)
    return
  }
  const { own } = draft.state
  // It may have been the signing request, or the refusal of ours. The node is told not to wait, and says so if it does
  // not. A reply to something else is neither.
  if (own?.step !== "requested" || own.tag === undefined) return
  if (id !== undefined && !sameId(own.requestId, id)) return
  draft.failCaller(error)
  draft.refuseOwn(1)
}

const broken: { readonly [R in StoreError["reason"]]: string } = {
  read: "the channel store could not be read",
  write: "the channel store could not be written",
  conflict: "another writer uses the channel's record",
  corrupt: "the channel's record is damaged",
  unsupported: "the channel's record is of a later version of the library",
  lease_lost: "another client has taken over the channel",
  missing: "the channel store knows nothing of the channel",
  state_lost: "the channel store is older than the channel"
}

/** The store failed. Without a memory nothing is signed; what is not about signing goes on. */
export const onStoreFailed = (draft: Draft, error: StoreError, during: ClientEvent | undefined): void => {
  const { reason, detail } = error
  const asked =
    during?._tag === "Received" &&
    during.message._tag === "Reported" &&
    during.message.report._tag === "SignRequest"
  const isAsked = asked && draft.state.own?.step === "requested"
  draft.emit({ _tag: "StoreFailed", error })
  draft.freeze(`${broken[reason]}: ${detail}`, { reason, detail }, () => error)
  const { own, peer } = draft.state
  if (own !== undefined && own.kind !== "leave" && (own.step === "requested" || own.step === "signed")) {
    draft.failCaller(error)
    if (isAsked) draft.refuseOwn(4)
    // What was co-signed could not be kept. The node is done with it, so nothing more will come.
    else if (own.step === "signed") draft.endOwn("told")
  }
  if (peer?.step === "signed") draft.endPeer()
  draft.startNext()
}
