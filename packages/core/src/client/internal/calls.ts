/**
 * What callers ask, and the node's replies and refusals.
 *
 * @internal
 */
import * as SignedTx from "../../chain/SignedTx.js"
import * as DecodeError from "../../encoding/DecodeError.js"
import * as Json from "../../encoding/Json.js"
import type { StoreError, VerificationError } from "../../protocol/Errors.js"
import { RejectedError, TransportError } from "../../protocol/Errors.js"
import type { NodeMessage, ReplyValue } from "../../protocol/NodeMessage.js"
import type { Request } from "../../protocol/Request.js"
import type { SignTag } from "../../protocol/SignTag.js"
import * as Poi from "../../state/Poi.js"
import * as Trees from "../../state/Trees.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { FlowError } from "../ChannelEvent.js"
import { type Draft, operationOf, peerTimer } from "./draft.js"
import type {
  CallId,
  CallResult,
  ClientEvent,
  Command,
  OwnOperation,
  PendingCall,
  Question,
  SentRequest
} from "./model.js"
import { onUnreadableRequest, releaseHeld } from "./signing.js"
import * as Verify from "./verify.js"

/** A caller asks for something. */
export const onAsked = (draft: Draft, callId: CallId, command: Command): void => {
  const { end, config } = draft.state
  if (end !== undefined) {
    draft.fail(callId, new TransportError({ ...fieldsOf(end), operation: nameOf(command) }))
    return
  }
  switch (command._tag) {
    case "Open":
      draft.patch({
        own: {
          ...ownOperation(callId, "open"),
          step: "requested",
          tag: config.role === "initiator" ? "initiator_sign" : "responder_sign"
        }
      })
      return
    case "Transfer":
      enqueue(draft, { ...ownOperation(callId, "transfer"), request: command.request, tag: "update" })
      return
    case "Shutdown":
      enqueue(draft, {
        ...ownOperation(callId, "shutdown"),
        request: { _tag: "Shutdown", ...command.options },
        tag: "shutdown_sign"
      })
      return
    case "Leave":
      enqueue(draft, { ...ownOperation(callId, "leave"), request: { _tag: "Leave" } })
      return
    case "Abort":
      onAbort(draft, callId, command.code)
      return
    default:
      ask(draft, callId, command, requestOf(draft, command))
  }
}

const fieldsOf = (end: TransportError) => ({
  reason: end.reason,
  detail: end.detail,
  ...(end.closeCode === undefined ? {} : { closeCode: end.closeCode })
})

const nameOf = (command: Command): string => command._tag.toLowerCase()

const ownOperation = (callId: CallId, kind: OwnOperation["kind"]): OwnOperation => ({
  callId,
  kind,
  request: undefined,
  requestId: undefined,
  taken: false,
  tag: undefined,
  step: "waiting",
  waiting: true,
  signing: undefined,
  answer: undefined,
  aborts: [],
  abortCode: undefined
})

const enqueue = (draft: Draft, operation: OwnOperation): void => {
  draft.patch({ queue: [...draft.state.queue, operation] })
  draft.startNext()
}

const requestOf = (
  { state: { config } }: Draft,
  command: Exclude<Question, { readonly _tag: "Abort" }>
): Request => {
  switch (command._tag) {
    case "SendMessage":
      return { _tag: "SendMessage", to: config.peer, info: command.text }
    case "Ping":
      return { _tag: "Ping" }
    case "Stop":
      return { _tag: "Stop" }
    case "Balances":
      return { _tag: "GetBalances", accounts: command.accounts }
    case "Poi":
      return { _tag: "GetPoi", accounts: command.accounts, contracts: command.contracts }
    case "OffChainState":
      return { _tag: "GetOffChainState" }
  }
}

/** Sends a request that one reply ends. A message without an id has no reply, so it is done when it is out. */
const ask = (draft: Draft, callId: CallId, command: Question, request: Request): void => {
  const { requestId } = draft.send(request)
  const silent = requestId === undefined && command._tag === "SendMessage"
  if (silent) draft.succeed(callId, { _tag: "Done" })
  else draft.startTimer(callId)
  const call: PendingCall = { callId, command, request, requestId, waiting: !silent }
  const sameKind = draft.state.calls.filter((each) => each.waiting || each.request._tag !== request._tag)
  draft.patch({ calls: [...sameKind, call] })
}

const dropCall = (draft: Draft, callId: CallId): void =>
  draft.patch({ calls: draft.state.calls.filter((each) => each.callId !== callId) })

/** Calls off what is under way: first what waits for our signature, our own operation before the peer's. */
const onAbort = (draft: Draft, callId: CallId, code: number): void => {
  const { own, peer } = draft.state
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
  const { own, queue, calls } = draft.state
  draft.patch({
    queue: queue.filter((each) => each.callId !== callId),
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
  const result = resultOf(draft, call, value)
  if ("error" in result) {
    if (result.error._tag === "VerificationError") draft.lie(result.error)
    draft.fail(call.callId, result.error)
  } else draft.succeed(call.callId, result)
}

const sameId = (a: Json.Json | undefined, b: Json.Json | undefined): boolean => {
  const [left, right] = [Json.toBigInt(a ?? null), Json.toBigInt(b ?? null)]
  return left === undefined || right === undefined ? a !== undefined && a === b : left === right
}

const replyTags: { readonly [T in Question["_tag"]]: ReadonlyArray<ReplyValue["_tag"]> } = {
  Abort: ["Ok"],
  SendMessage: ["Ok"],
  Ping: ["Pong"],
  Stop: ["Ok"],
  Balances: ["Balances", "EmptyList"],
  Poi: ["Poi"],
  OffChainState: ["OffChainState"]
}

const fits = (command: Question, value: ReplyValue): boolean => replyTags[command._tag].includes(value._tag)

type Outcome = CallResult | { readonly error: FlowError }

const resultOf = (draft: Draft, call: PendingCall, value: ReplyValue): Outcome => {
  const operation = operationOf(call.request)
  if (!fits(call.command, value))
    return {
      error: DecodeError.make(
        "reply",
        "unexpected_value",
        `the reply to ${operation} is ${value._tag}; the node may speak another dialect`
      )
    }
  switch (value._tag) {
    case "Balances":
      return checkedBalances(draft, value, call.command)
    case "EmptyList":
      return checkedBalances(draft, { _tag: "Balances", balances: [] }, call.command)
    case "Poi":
      return call.command._tag === "Poi" ? checkedPoi(draft, value.poi, call.command) : { _tag: "Done" }
    case "OffChainState":
      return checkedState(draft, value)
    default:
      return { _tag: "Done" }
  }
}

/**
 * The node's state is not ours. Usually that is a lie; but once we are frozen we may be the ones who are behind, so that
 * nobody is blamed, and nothing that could not be compared is passed on.
 */
const differs = (draft: Draft, error: VerificationError): Outcome => ({
  error: draft.state.frozen === undefined ? error : draft.frozenError(error.operation)
})

const checkedBalances = (
  draft: Draft,
  { balances }: Extract<ReplyValue, { readonly _tag: "Balances" }>,
  command: Question
): Outcome => {
  if (command._tag !== "Balances") return { _tag: "Done" }
  const context = draft.context("get.balances")
  for (const account of command.accounts) {
    const own = Trees.balance(draft.state.trees, account)
    const said = balances.find((each) => each.account === account)?.balance
    if (own !== said) return differs(draft, Verify.wrong(context, "balance", String(own), String(said)))
  }
  const foreign = balances.find((each) => !command.accounts.includes(each.account))
  if (foreign !== undefined)
    return { error: Verify.wrong(context, "account", command.accounts.join(", "), foreign.account) }
  return { _tag: "Balances", balances }
}

const reading = (read: () => Outcome): Outcome => {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError.DecodeError) return { error }
    throw error
  }
}

const checkedPoi = (
  draft: Draft,
  text: string,
  { accounts, contracts }: Extract<Question, { readonly _tag: "Poi" }>
): Outcome =>
  reading(() => {
    const poi = Poi.fromTextOrThrow(text)
    const context = draft.context("get.poi")
    const own = Trees.stateHash(draft.state.trees)
    const said = Poi.stateHash(poi)
    if (!Bytes.equals(own, said))
      return differs(draft, Verify.wrong(context, "stateHash", Bytes.toHex(own), Bytes.toHex(said)))
    for (const account of accounts)
      if (Poi.account(poi, account) === undefined)
        return { error: Verify.wrong(context, "account", account, "not in the proof") }
    for (const contract of contracts)
      if (Poi.contract(poi, contract) === undefined)
        return { error: Verify.wrong(context, "contract", contract, "not in the proof") }
    return { _tag: "Poi", poi }
  })

const checkedState = (
  draft: Draft,
  { trees, calls, signedTx, halfSignedTx }: Extract<ReplyValue, { readonly _tag: "OffChainState" }>
): Outcome =>
  reading(() => {
    const { state } = draft
    const context = draft.context("get.offchain_state")
    const read = Trees.fromTextOrThrow(trees)
    const own = Trees.stateHash(state.trees)
    const said = Trees.stateHash(read)
    if (!Bytes.equals(own, said))
      return differs(draft, Verify.wrong(context, "stateHash", Bytes.toHex(own), Bytes.toHex(said)))
    if (state.latest !== undefined && signedTx !== undefined) {
      const [ours, theirs] = [SignedTx.bodyHash(state.latest.signedTx), SignedTx.bodyHash(signedTx)]
      if (ours !== theirs) return differs(draft, Verify.wrong(context, "body", ours, theirs))
    }
    return { _tag: "OffChainState", state: { trees: read, calls, signedTx, halfSignedTx } }
  })

// Refusals.

/** The node refuses a request. */
export const onRefused = (
  draft: Draft,
  refused: Extract<NodeMessage, { readonly _tag: "Refused" }>
): void => {
  const matches = matcher(draft, refused)
  const errorOf = (operation: string): RejectedError =>
    new RejectedError({
      operation,
      code: refused.code,
      reason: refused.message,
      data: refused.data,
      channelId: refused.channelId
    })
  const { own, peer, calls } = draft.state
  const call = calls.find(matches)
  if (call !== undefined) {
    dropCall(draft, call.callId)
    if (call.waiting) draft.fail(call.callId, errorOf(operationOf(call.request)))
    else draft.emit({ _tag: "Refused", error: errorOf(operationOf(call.request)) })
  } else if (own?.request !== undefined && matches({ request: own.request, requestId: own.requestId })) {
    draft.endOwn(own.abortCode !== undefined ? "told" : { error: errorOf(own.kind) })
    releaseHeld(draft)
    draft.startNext()
  } else if (own?.kind === "open" && own.step === "requested" && isOfOpening(refused)) {
    draft.endOwn({ error: errorOf("open") })
  } else if (own?.answer !== undefined && matches(own.answer)) {
    onAnswerRefused(draft, own, errorOf(own.kind))
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
const isOfOpening = ({ id, request }: Extract<NodeMessage, { readonly _tag: "Refused" }>): boolean =>
  id === null && Json.isObject(request) && Object.keys(request).length === 0

/** Whether a refusal is about a request: by its id or, without one, by the request that the refusal echoes. */
const matcher = (
  draft: Draft,
  { id, request: echo }: Extract<NodeMessage, { readonly _tag: "Refused" }>
): ((sent: SentRequest) => boolean) => {
  if (id !== null) return ({ requestId }) => sameId(requestId, id)
  const wanted = Json.stringifySorted(echo)
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
    draft.startNext()
    return
  }
  const call = calls.find((each) => each.callId === callId)
  if (call !== undefined) {
    dropCall(draft, callId)
    if (call.waiting) draft.fail(callId, draft.ended(operationOf(call.request), "awaiting reply", "node", 3))
    return
  }
  if (own?.callId !== callId) return
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
 * A frame that is no message: whoever may be waiting for it is told. A signing request is answered although it cannot be
 * read, and what may have been one as well, so that nobody waits for a timer.
 */
export const onUndecodable = (
  draft: Draft,
  error: DecodeError.DecodeError,
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
  corrupt: "the channel's record is damaged"
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
