/**
 * One transition in the making: the handlers change the state and collect effects through this object, which never
 * leaves the transition.
 *
 * @since 0.1.0
 */
import * as SignedTx from "../../chain/SignedTx.js"
import * as Transaction from "../../chain/Transaction.js"
import type { AccountAddress } from "../../encoding/ApiEncoding.js"
import type { Answer } from "../../protocol/Codec.js"
import * as ErrorCodes from "../../protocol/ErrorCodes.js"
import type { Info, InfoEvent, OnChainInfo, ReplyValue, Report } from "../../protocol/NodeMessage.js"
import type { ReportClass } from "../../protocol/OpenParameters.js"
import type { CallId, FsmEffect, FsmEnvironment } from "../FsmEvent.js"
import * as MinimumDepth from "../MinimumDepth.js"
import type { MutualOperation, PeerMessage } from "../PeerMessage.js"
import * as History from "./History.js"
import type { DepthKind, FsmState, InnerEvent, OffChain, Origin, Pending } from "./State.js"
import type { StateName } from "./States.js"

/**
 * What a handler says about an event: done (nothing), keep it for the next state, or treat it as if there were no
 * handler.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = void | "postpone" | "unhandled"

/**
 * How an operation that ends early is told: to the peer (`refuses`, `withdraws`; nothing if both are absent) and to the
 * own client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ending {
  readonly code: number
  readonly operation: MutualOperation
  /** Serial of the peer's proposal that is not co-signed. */
  readonly refuses?: number | undefined
  /** Serial of the own proposal that is taken back. */
  readonly withdraws?: number | undefined
  /** Whether the own client gets a conflict report; default true. */
  readonly conflict?: boolean
}

/**
 * The machine within one transition.
 *
 * @since 0.1.0
 * @category models
 */
export class Step {
  /** Copied once, before its first change. Whoever wants a value of before a change takes it out of here first. */
  state: FsmState
  private readonly before: FsmState
  readonly env: FsmEnvironment
  readonly effects: Array<FsmEffect> = []
  /** Events that waited and are being taken again. */
  private queue: ReadonlyArray<InnerEvent> = []

  constructor(state: FsmState, env: FsmEnvironment) {
    this.state = state
    this.before = state
    this.env = env
  }

  set(change: Partial<FsmState>): void {
    if (this.before === this.state) this.state = { ...this.before }
    Object.assign(this.state, change)
  }

  setOffChain(change: Partial<OffChain>): void {
    this.set({ offChain: { ...this.state.offChain, ...change } })
  }

  log(kind: History.EntryKind, tag: string, payload: History.Payload): void {
    const { channelId, log } = this.state
    this.set({ log: History.add(log, { kind, tag, time: this.env.now, payload, channelId }) })
  }

  answer(callId: CallId, answer: Answer): void {
    this.effects.push({ _tag: "Answer", callId, answer })
  }

  /** The request is taken and has no value to return. */
  accept(callId: CallId): void {
    this.answer(callId, { _tag: "NoReply" })
  }

  value(callId: CallId, value: ReplyValue): void {
    this.answer(callId, { _tag: "Value", value })
  }

  /** Refuses a request with what the table of codes has for the reason. */
  refuse(callId: CallId, reason: string): void {
    this.answer(callId, ErrorCodes.refusal(reason))
  }

  /** Reports unless the class is switched off; without a client it is only logged. */
  report(reportClass: ReportClass, report: Report): void {
    const { clientConnected, channelId, options } = this.state
    if (!options.reports[reportClass]) return
    if (clientConnected) this.effects.push({ _tag: "Report", report, channelId })
    this.log("rpt", History.reportTag(report), { _tag: "Report", report })
  }

  info(event: InfoEvent, extra: Omit<Info, "_tag" | "event"> = {}): void {
    this.report("info", { _tag: "Info", event, ...extra })
  }

  onChainTx(info: OnChainInfo, tx: SignedTx.SignedTx): void {
    const type = Transaction.typeName(SignedTx.innermost(tx).tx)
    this.report("on_chain_tx", { _tag: "OnChainTx", info, type, tx })
  }

  conflict(code: number, round: number = this.state.offChain.round): void {
    const errorMessage = ErrorCodes.conflictText(code)
    this.report("conflict", { _tag: "Conflict", round, errorCode: code, errorMessage })
  }

  /** Why something was given up, for clients that handle `channels.error`; reference nodes lose it. */
  error(message: string): void {
    if (this.env.helpfulErrors) this.report("error", { _tag: "ErrorReport", message })
  }

  /** Says something to the peer; without a peer it is lost. */
  tell(message: PeerMessage): void {
    if (this.state.peerConnected) this.effects.push({ _tag: "Tell", message })
    this.log("snd", History.messageTag(message), { _tag: "Message", message })
  }

  received(message: PeerMessage): void {
    this.log("rcv", History.messageTag(message), { _tag: "Message", message })
  }

  dropped(tag: string, note: string): void {
    this.log("drop", tag, { _tag: "Note", note })
  }

  /** Tells the peer how a proposal ended. */
  tellEnding(ending: Ending): void {
    const { channelId, offChain } = this.state
    const { code, operation, refuses, withdraws } = ending
    if (channelId === null || (refuses === undefined && withdraws === undefined)) return
    this.answered(refuses)
    this.tell({
      _tag: "OperationError",
      operation,
      channelId,
      round: offChain.round,
      errorCode: code,
      ...(refuses === undefined ? {} : { refuses }),
      ...(withdraws === undefined ? {} : { withdraws })
    })
  }

  /** A proposal of the peer has got its answer. */
  answered(serial: number | undefined): void {
    if (serial !== undefined && serial > this.state.answeredSerial) this.set({ answeredSerial: serial })
  }

  /** Asks the own client to sign and waits for it. Sign requests know no report flag. */
  requestSignature(pending: Pending, ongoing: boolean): void {
    const { channelId, clientConnected } = this.state
    const { tag, signedTx, updates } = pending
    const report: Report = { _tag: "SignRequest", tag, signedTx, updates }
    this.set({ pending, ongoing })
    if (clientConnected) this.effects.push({ _tag: "Report", report, channelId })
    this.log("req", "sign", { _tag: "Report", report })
    this.enter("awaiting_signature")
  }

  /** Ends the operation under way: back to the last co-signed state, with everybody told. */
  fallBack(ending: Ending): void {
    const { stable } = this
    this.forget()
    this.tellEnding(ending)
    if (ending.conflict !== false) this.conflict(ending.code)
    this.enter(stable)
  }

  /** Where the machine goes when the operation under way ends. */
  get stable(): Origin {
    const { name, pending } = this.state
    return pending?.origin ?? (name === "channel_closing" ? "channel_closing" : "open")
  }

  /** Drops the operation under way without a word. */
  forget(): void {
    this.set({ pending: undefined, ongoing: false })
    this.setOffChain({ halfSignedTx: undefined })
  }

  /** Reports the latest co-signed state if its round has not been reported. */
  reportUpdate(): void {
    const { lastReportedRound, offChain } = this.state
    if (offChain.signedTx === undefined || offChain.round === lastReportedRound) return
    this.report("update", { _tag: "StateUpdate", state: offChain.signedTx })
    this.set({ lastReportedRound: offChain.round })
  }

  reportLeave(): void {
    const { signedTx } = this.state.offChain
    if (signedTx !== undefined) this.report("leave", { _tag: "LeaveReport", state: signedTx })
  }

  /** Goes to a state and does what every entry into it does. */
  enter(name: StateName): void {
    this.set({ name })
    switch (name) {
      case "awaiting_locked":
      case "signed":
      case "dep_signed":
      case "wdraw_signed":
        this.resume()
        return
      case "open":
        this.set({ pending: undefined, suspended: undefined, ongoing: false })
        this.enterStatus("open", "open")
        return
      case "channel_closing":
        this.set({ pending: undefined, suspended: undefined, ongoing: false })
        this.enterStatus("closing", "closing")
        return
      case "mutual_closed":
        this.enterStatus("closing", "closing")
        return
      case "channel_closed":
        this.set({ suspended: undefined, ongoing: false })
    }
  }

  /** Sets the operation under way aside; `enter` takes it up again in the state it was in. */
  suspend(): void {
    const { ongoing, pending } = this.state
    this.set({ suspended: { pending, ongoing }, pending: undefined })
  }

  /** What was forced meanwhile waits again: what is awaited follows the last state that both have signed. */
  private standAside(): void {
    const { offChain, pending } = this.state
    const { calls, coSigned } = offChain
    const tx = pending === undefined ? undefined : SignedTx.innermost(pending.signedTx).tx
    if (tx === undefined || coSigned === undefined) return
    if ("round" in tx && tx.round === coSigned.round + 1)
      this.set({
        offChain: { ...coSigned, calls, halfSignedTx: undefined },
        lastReportedRound: coSigned.round
      })
  }

  private resume(): void {
    const { suspended } = this.state
    if (suspended === undefined) return
    this.set({ ...suspended, suspended: undefined })
    this.standAside()
    // The depth may have been reached while nobody waited for it.
    const { depthWatch, pending } = this.state
    if (depthWatch !== undefined && pending !== undefined) this.watchDepth(depthWatch.kind, pending.signedTx)
  }

  /**
   * Whether a machine that waits for its peer to come back goes on without: it does if the channel is being closed on
   * chain, which takes no peer.
   */
  goesOnAlone(): boolean {
    const { channelId, name, reestablish } = this.state
    const waits =
      name === "awaiting_connect" || name === "reestablish_init" || name === "awaiting_reestablish"
    if (!waits || reestablish === "none" || channelId === null) return false
    if ((this.env.chain.channel(channelId)?.lockedUntil ?? 0) === 0) return false
    this.set({ clientMayDisconnect: true })
    this.enter("channel_closing")
    return true
  }

  private enterStatus(status: "open" | "closing", event: InfoEvent): void {
    if (this.state.status !== status) {
      this.info(event)
      this.set({ status })
    }
    this.reportUpdate()
  }

  /** Ends the machine: calls that still wait are refused, then `died`. */
  stop(reason: string): void {
    this.log("evt", "close", { _tag: "Note", note: reason })
    this.requeue()
    for (const event of this.queue) {
      if (event._tag === "Called") this.refuse(event.callId, "unknown_request")
    }
    this.info("died")
    // A deposit or withdrawal that both signed is remembered: it can still get on chain.
    const awaited = this.state.suspended?.pending ?? this.state.pending
    if (awaited?.stage === "lock") this.setOffChain({ halfSignedTx: awaited.signedTx })
    this.set({ isStopped: true, clientConnected: false, peerConnected: false, pending: undefined })
    this.effects.push({ _tag: "Stopped", reason })
  }

  /** Ends the machine because of an error that the client (with helpful errors) and the peer are told. */
  stopWithError(reason: string): void {
    this.error(reason)
    const { channelId } = this.state
    if (channelId !== null) this.tell({ _tag: "PeerError", channelId, data: reason })
    this.stop(reason)
  }

  /** Adds an event to those that wait for the next state. */
  postpone(event: InnerEvent): void {
    this.set({ postponed: [...this.state.postponed, event] })
  }

  /** Takes all that waits into the queue, before what is still in it. */
  requeue(): void {
    if (this.state.postponed.length === 0) return
    this.queue = [...this.state.postponed, ...this.queue]
    this.set({ postponed: [] })
  }

  takeQueued(): InnerEvent | undefined {
    const [next, ...rest] = this.queue
    this.queue = rest
    return next
  }

  /** How many key blocks must stand on a transaction's block for this party. */
  wantedDepth(tx: SignedTx.SignedTx): number {
    const { strategy, value } = this.state.minimumDepth ?? { strategy: "txfee" as const, value: 10 }
    const fee = Transaction.fee(tx.tx)
    return MinimumDepth.minimumDepth(strategy, value, fee, this.env.chain.minimumGasPrice)
  }

  /** Whether a transaction is as deep as this party wants it. */
  isDeep(tx: SignedTx.SignedTx): boolean {
    const { chain } = this.env
    const place = chain.locate(SignedTx.hash(tx))
    return typeof place === "object" && chain.topHeight - place.height >= this.wantedDepth(tx)
  }

  /** Waits until a transaction is as deep as this party wants it. */
  watchDepth(kind: DepthKind, tx: SignedTx.SignedTx): void {
    const txHash = SignedTx.hash(tx)
    this.set({ depthWatch: { kind, txHash } })
    this.effects.push({ _tag: "WatchDepth", txHash, depth: this.wantedDepth(tx) })
  }

  get ownAddress(): AccountAddress {
    return this.state.options.ownAddress
  }

  /** The other party's account, once it is known. */
  get otherAddress(): AccountAddress | undefined {
    const { initiatorId, options, responderId } = this.state
    if (options.role === "initiator") return responderId
    return initiatorId === "any" ? undefined : initiatorId
  }
}
