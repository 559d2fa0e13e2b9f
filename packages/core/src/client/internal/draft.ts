/**
 * A transition being written: the state as it becomes and the effects in order. Everything here is used by more than
 * one kind of event.
 *
 * @internal
 */
import type { Json } from "../../encoding/Json.js"
import {
  type EndedBy,
  endedError,
  StoreError,
  TransportError,
  type VerificationError
} from "../../protocol/Errors.js"
import type { NodeMessage } from "../../protocol/NodeMessage.js"
import type { Request } from "../../protocol/Request.js"
import type { SignTag } from "../../protocol/SignTag.js"
import { signTagRow } from "../../protocol/SignTag.js"
import type { ChannelRecord, PendingOperation } from "../../services/ChannelStore.js"
import * as Trees from "../../state/Trees.js"
import type { ChannelEvent, FlowError } from "../ChannelEvent.js"
import type {
  CallId,
  CallResult,
  ClientEffect,
  ClientEnvironment,
  ClientState,
  Freeze,
  OwnKind,
  OwnOperation,
  PeerOperation,
  PendingCall,
  Question,
  SentRequest,
  Transition,
  WorkId
} from "./model.js"
import type { Context } from "./checks.js"
import { kinds, nameOf, operationOf } from "./operations.js"
import { canShow } from "./verifySolo.js"

/** The code with which we call off what we cannot sign. */
const refusedByUs = 4

/** The key of the timer that guards our refusals of the peer's proposals; callers' keys are positive. */
export const peerTimer: CallId = -1

/** See the module. */
export class Draft {
  /** Copied once, before its first change. Whoever wants a value of before a change takes it out of here first. */
  state: ClientState
  private readonly before: ClientState
  readonly env: ClientEnvironment
  private readonly effects: Array<ClientEffect> = []
  private mustPersist = false
  private readonly waiting: Array<NodeMessage> = []
  /** Whether what happened elsewhere is being taken over. */
  private catching = false

  constructor(state: ClientState, env: ClientEnvironment) {
    this.state = state
    this.before = state
    this.env = env
  }

  finish(): Transition {
    const { state } = this
    // A pending operation that is over is not to be found as pending by who comes back.
    const isOver =
      state.hasStoredPending &&
      pendingOf(state) === undefined &&
      state.end === undefined &&
      state.coming === undefined
    const isWritten = this.mustPersist || (isOver && state.frozen === undefined)
    const record = isWritten ? recordOf(state) : undefined
    if (record === undefined) return { state, effects: this.effects }
    const expected = state.version
    return {
      state: { ...state, version: expected + 1, hasStoredPending: record.pending !== undefined },
      effects: [{ _tag: "Persist", record, expected }, ...this.effects]
    }
  }

  /** Messages that waited are heard before the transition ends. */
  release(messages: ReadonlyArray<NodeMessage>): void {
    this.waiting.push(...messages)
  }

  /** Messages that are to be heard now, one after the other, also those that are released meanwhile. */
  *released(): Generator<NodeMessage> {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) yield next
  }

  patch(changes: Partial<ClientState>): void {
    if (this.before === this.state) this.state = { ...this.before }
    Object.assign(this.state, changes)
  }

  patchOwn(changes: Partial<OwnOperation>): void {
    if (this.state.own !== undefined) this.patch({ own: { ...this.state.own, ...changes } })
  }

  patchPeer(changes: Partial<PeerOperation>): void {
    if (this.state.peer !== undefined) this.patch({ peer: { ...this.state.peer, ...changes } })
  }

  do(effect: ClientEffect): void {
    this.effects.push(effect)
  }

  emit(event: ChannelEvent): void {
    this.do({ _tag: "Emit", event })
  }

  /** The record is written before the other effects of this transition happen. */
  persist(): void {
    this.mustPersist = true
  }

  newWork(): WorkId {
    const work = this.state.nextWork
    this.patch({ nextWork: work + 1 })
    return work
  }

  send(request: Request): SentRequest {
    const { config, nextRequestId } = this.state
    let requestId: Json | undefined
    if (config.requestIds[request._tag]) {
      requestId = nextRequestId
      this.patch({ nextRequestId: nextRequestId + 1n })
    }
    this.do({ _tag: "Send", request, id: requestId })
    return { request, requestId }
  }

  succeed(callId: CallId, result: CallResult): void {
    this.do({ _tag: "Succeed", callId, result })
    this.stopTimer(callId)
  }

  fail(callId: CallId, error: FlowError): void {
    this.do({ _tag: "Fail", callId, error })
    this.stopTimer(callId)
  }

  startTimer(callId: CallId, milliseconds = this.state.config.requestTimeout): void {
    this.do({ _tag: "SetTimer", callId, milliseconds })
  }

  stopTimer(callId: CallId): void {
    this.do({ _tag: "SetTimer", callId, milliseconds: undefined })
  }

  context(operation: string): Context {
    return {
      config: this.state.config,
      crypto: this.env.crypto,
      operation,
      channelId: this.state.channelId,
      generalized: this.state.generalized,
      latest: (this.state.ground ?? this.state.latest)?.signedTx,
      verdicts: this.state.verdicts
    }
  }

  get round(): number {
    return this.state.latest?.round ?? 0
  }

  /** The error of an operation that ended with a code. */
  ended(operation: string, step: string, endedBy: EndedBy, code: number): FlowError {
    return endedError({ operation, step, endedBy, code, round: this.round, channelId: this.state.channelId })
  }

  /** Why an operation cannot be: its own error, with what became of the store. */
  frozenError(operation: string): StoreError {
    const { reason, detail } = this.state.freeze ?? {
      reason: "corrupt",
      detail: "nothing is signed any more"
    }
    return new StoreError({ operation, reason, detail })
  }

  /**
   * Nothing is signed any more: what is with our store, policy or signer is refused, and who waits for a turn waits no
   * longer. `text` is what the status and the record say, `errorOf` what callers get.
   */
  freeze(text: string, freeze: Freeze, errorOf: (operation: string) => StoreError): void {
    const { own, peer, queue } = this.state
    if (this.state.frozen === undefined) this.patch({ frozen: text, freeze })
    if (own?.step === "loading" || own?.step === "deciding" || own?.step === "signing") {
      this.failCaller(errorOf(own.kind))
      this.refuseOwn(refusedByUs)
    }
    if (peer?.step === "deciding" || peer?.step === "signing" || peer?.step === "held")
      this.refusePeer(refusedByUs)
    for (const waiting of queue)
      if (waiting.kind !== "leave") this.failWaiting(waiting, errorOf(waiting.kind))
    this.patch({ queue: queue.filter((each) => each.kind === "leave") })
  }

  lie(error: VerificationError): void {
    this.emit({ _tag: "VerificationFailed", error })
  }

  // Own operations.

  /** Tells the caller how it ended; the operation keeps its place until the node has let go of it. */
  failCaller(error: FlowError): void {
    const { own } = this.state
    if (own === undefined) return
    if (own.waiting) this.fail(own.callId, error)
    this.emit({ _tag: "OperationFailed", operation: own.kind, error })
    this.patchOwn({ waiting: false, byItself: false })
  }

  /** Tells who waits for a turn that there will be none. */
  private failWaiting({ callId, kind, waiting }: OwnOperation, error: FlowError): void {
    if (waiting) this.fail(callId, error)
    else this.emit({ _tag: "OperationFailed", operation: kind, error })
  }

  /** Tells all who wait for a turn that there will be none; what we do by ourselves waits on. */
  failQueue(errorOf: (operation: string) => FlowError): void {
    const { queue } = this.state
    for (const each of queue) if (!each.byItself) this.failWaiting(each, errorOf(each.kind))
    this.patch({ queue: queue.filter((each) => each.byItself) })
    for (const { callId, command } of this.state.dryRuns)
      this.fail(callId, errorOf(operationOf(command.request)))
    this.patch({ dryRuns: [] })
  }

  /** Ends the own operation and lets the next begin. */
  endOwn(outcome: { readonly result: CallResult } | { readonly error: FlowError } | "told"): void {
    const { own } = this.state
    if (own === undefined) return
    if (outcome === "told") {
      // Whoever waited was told when we refused to sign.
    } else if ("error" in outcome) this.failCaller(outcome.error)
    else if (own.waiting) this.succeed(own.callId, outcome.result)
    this.stopTimer(own.callId)
    this.endAborts(own.aborts)
    if (own.signing !== undefined && own.step !== "signed")
      this.do({ _tag: "CallOff", work: own.signing.work })
    this.patch({ own: undefined })
  }

  // What only the chain ends.

  /** Our transaction is with the node: from now on only the chain is waited for, and the turn is free. */
  watchOwn(): void {
    const { own, watched, config } = this.state
    if (own === undefined) return
    this.patch({ own: undefined, watched: [...watched, own] })
    this.startTimer(own.callId, config.chainTimeout)
    this.startNext()
  }

  /** Ends a watched operation. */
  endWatched(
    operation: OwnOperation,
    outcome: { readonly result: CallResult } | { readonly error: FlowError }
  ): void {
    const { callId, kind, waiting } = operation
    if ("error" in outcome) {
      if (waiting) this.fail(callId, outcome.error)
      this.emit({ _tag: "OperationFailed", operation: kind, error: outcome.error })
    } else if (waiting) this.succeed(callId, outcome.result)
    this.stopTimer(callId)
    this.patch({ watched: this.state.watched.filter((each) => each.callId !== callId) })
  }

  /** Nothing is left that could be called off. */
  private endAborts(aborts: ReadonlyArray<CallId>): void {
    const { calls } = this.state
    const late = calls.filter(({ command }) => command._tag === "Abort")
    for (const callId of [...aborts, ...late.flatMap((call) => (call.waiting ? [call.callId] : []))])
      this.succeed(callId, { _tag: "Done" })
    if (late.length > 0) this.patch({ calls: calls.filter((call) => !late.includes(call)) })
  }

  /** Ends the peer's operation. */
  endPeer(endedBy?: EndedBy, code?: number): void {
    const { peer } = this.state
    if (peer === undefined) return
    this.stopTimer(peerTimer)
    this.endAborts(peer.aborts)
    if (peer.signing !== undefined && peer.step !== "signed")
      this.do({ _tag: "CallOff", work: peer.signing.work })
    if (endedBy !== undefined && code !== undefined)
      this.emit({ _tag: "ProposalEnded", tag: peer.tag, endedBy, code, round: this.round })
    this.patch({ peer: undefined })
  }

  /** Tells the node that we do not sign; a create transaction can only be left unsigned. */
  sendRefusal(tag: SignTag, code: number): SentRequest | undefined {
    return signTagRow(tag).abortable ? this.send({ _tag: "SigningError", tag, code }) : undefined
  }

  /** Refuses the signature for the own operation. */
  refuseOwn(code: number): void {
    const { own } = this.state
    if (own?.tag === undefined) return
    if (own.signing !== undefined) this.do({ _tag: "CallOff", work: own.signing.work })
    const answer = this.sendRefusal(own.tag, code)
    // Without the first signature there is no channel, whatever the node has asked for.
    if (answer === undefined || own.kind === "open") {
      this.endOwn("told")
      this.do({ _tag: "Disconnect" })
      return
    }
    this.patchOwn({ step: "aborting", answer, abortCode: code, signing: undefined })
    this.startTimer(own.callId)
  }

  /** Refuses the signature for the peer's operation. */
  refusePeer(code: number): void {
    const { peer } = this.state
    if (peer === undefined) return
    if (peer.signing !== undefined) this.do({ _tag: "CallOff", work: peer.signing.work })
    const answer = this.sendRefusal(peer.tag, code)
    this.patchPeer({ step: "aborting", answer, abortCode: code, signing: undefined })
    this.startTimer(peerTimer)
  }

  /** Takes over what is known to have happened; nothing of our own begins before all of it is. */
  catchUp(take: () => void): void {
    this.catching = true
    take()
    this.catching = false
  }

  /** Lets the next own operation begin when nothing is under way. */
  startNext(): void {
    for (;;) {
      const { own, peer, queue, phase, frozen, end, coming, settling } = this.state
      // What was said before is heard first: it may lead to another state.
      if (coming !== undefined || settling !== undefined || this.waiting.length > 0 || this.catching) return
      const [next, ...rest] = queue
      if (own !== undefined || peer !== undefined || end !== undefined || phase === "opening") return
      this.sendDryRuns()
      if (next === undefined) return
      this.patch({ queue: rest })
      if (frozen !== undefined && next.kind !== "leave") {
        this.failWaiting(next, this.frozenError(next.kind))
        continue
      }
      if (next.request === undefined) continue
      if (next.kind === "slash" && !canShow(this.state)) {
        // What came on chain by itself is there: nothing that the chain shows is older.
        this.failWaiting(next, this.ended(next.kind, "nothing newer than the chain's state", "we", 1))
        continue
      }
      const { requestId } = this.send(next.request)
      this.patch({ own: { ...next, step: "requested", requestId } })
      this.startTimer(next.callId)
    }
  }

  /** They take no turn: the node answers each before it comes to the next request. */
  private sendDryRuns(): void {
    const { dryRuns } = this.state
    if (dryRuns.length === 0) return
    this.patch({ dryRuns: [] })
    for (const { callId, command } of dryRuns) this.ask(callId, command, command.request, false)
  }

  /** Sends a request that one reply ends. A `silent` one has none, so that it is done when it is out. */
  ask(callId: CallId, command: Question, request: Request, silent: boolean): void {
    const { requestId } = this.send(request)
    const isDone = silent && requestId === undefined
    if (isDone) this.succeed(callId, { _tag: "Done" })
    else this.startTimer(callId)
    const call: PendingCall = { callId, command, request, requestId, waiting: !isDone }
    const sameKind = this.state.calls.filter((each) => each.waiting || each.request._tag !== request._tag)
    this.patch({ calls: [...sameKind, call] })
  }

  // The end of everything.

  /** Nobody will answer what the node was asked. */
  endCalls(error: TransportError, died: boolean): void {
    for (const { callId, command, request, waiting } of this.state.calls) {
      if (!waiting) this.stopTimer(callId)
      else if (command._tag === "Stop" && died) this.succeed(callId, { _tag: "Done" })
      else this.fail(callId, errorFor(error, operationOf(request)))
    }
    this.patch({ calls: [] })
  }

  /** The connection is over, or the node's state machine is: nothing stays pending. */
  endAll(error: TransportError, died: boolean): void {
    if (this.state.end !== undefined) return
    const { own, watched, queue, dryRuns, coming, closeTx, closeConfirmed, phase } = this.state
    const errorOf = (operation: string): TransportError => errorFor(error, operation)
    this.endCalls(error, died)
    for (const { callId } of coming?.callers ?? []) this.fail(callId, errorOf(error.operation))
    for (const { callId, command } of coming?.held ?? []) this.fail(callId, errorOf(nameOf(command)))
    const outcomeOf = (
      kind: OwnKind
    ): { readonly result: CallResult } | { readonly error: TransportError } => {
      const { ends } = kinds[kind]
      if (ends === "closed" && closeTx !== undefined && (died || closeConfirmed))
        return { result: { _tag: "Closed", closed: { signedTx: closeTx, confirmed: closeConfirmed } } }
      return ends === "left" && died ? { result: { _tag: "Done" } } : { error: errorOf(kind) }
    }
    if (own !== undefined) this.endOwn(outcomeOf(own.kind))
    for (const each of watched) this.endWatched(each, outcomeOf(each.kind))
    this.endPeer()
    for (const waiting of queue) this.failWaiting(waiting, errorOf(waiting.kind))
    for (const { callId, command } of dryRuns) this.fail(callId, errorOf(operationOf(command.request)))
    const end = errorOf(error.operation)
    this.patch({
      end,
      queue: [],
      dryRuns: [],
      coming: undefined,
      settling: undefined,
      phase: phase === "closed" ? "closed" : "ended"
    })
    this.emit({ _tag: "Ended", error: end })
  }
}

/** How a connection ended, as what was under way then tells it. */
export const errorFor = ({ reason, detail, closeCode }: TransportError, operation: string): TransportError =>
  new TransportError({ reason, operation, detail, ...(closeCode === undefined ? {} : { closeCode }) })

/** What the store keeps; nothing before the channel has an id. */
const recordOf = (state: ClientState): ChannelRecord | undefined =>
  state.channelId === null
    ? undefined
    : {
        channelId: state.channelId,
        role: state.config.role,
        ownAddress: state.config.own,
        networkId: state.config.networkId,
        terms: state.config.terms,
        fsmId: state.fsmId,
        round: state.latest?.round ?? 0,
        coSigned: state.latest?.signedTx,
        trees: Trees.encode(state.trees),
        ground:
          state.ground === undefined
            ? undefined
            : { signedTx: state.ground.signedTx, trees: Trees.encode(state.ground.trees) },
        intents: state.intents,
        exposure: state.exposure,
        frozen: state.frozen,
        pending: pendingOf(state) ?? state.coming?.left,
        forced: state.coming?.forced ?? [],
        generalized: state.generalized
      }

const pendingOf = ({ own, watched }: ClientState): PendingOperation | undefined => {
  const operation = own ?? watched.at(-1)
  if (operation === undefined) return undefined
  const { kind, request, signing } = operation
  return { kind, request, txHash: signing?.txHash }
}
