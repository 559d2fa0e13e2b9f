/**
 * How rows of the transition table are written: a key for each kind of event, with a handler that gets exactly that
 * kind.
 *
 * @since 0.1.0
 */
import type { SignedTx } from "../../chain/SignedTx.js"
import type { Request } from "../../protocol/Request.js"
import { type SignTag, signTags } from "../../protocol/SignTag.js"
import type { ChainEvent } from "../ChainView.js"
import type { CallId, FsmEvent } from "../FsmEvent.js"
import type { MutualOperation, PeerMessage } from "../PeerMessage.js"
import type { InnerEvent, Pending } from "./State.js"
import type { Outcome, Step } from "./Step.js"

/**
 * The name of a kind of events: `call Transfer`, `sign update`, `peer Leave`, `proposal shutdown`, `chain
 * ChannelClosed`, or the event's own tag.
 *
 * @since 0.1.0
 * @category models
 */
export type EventKey = string

/**
 * One cell of the table.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cell {
  readonly key: EventKey
  readonly handle: (step: Step, event: InnerEvent) => Outcome
}

/**
 * The key of an event.
 *
 * @since 0.1.0
 * @category getters
 */
export const keyOf = (event: InnerEvent): EventKey => {
  switch (event._tag) {
    case "Called":
      return `call ${event.request._tag}`
    case "Signed":
      return `sign ${event.tag}`
    case "PeerSaid":
      return event.message._tag === "Proposal"
        ? `proposal ${event.message.operation}`
        : `peer ${event.message._tag}`
    case "ChainSaid":
      return `chain ${event.event._tag}`
    default:
      return event._tag
  }
}

type Tagged<U extends { readonly _tag: string }, T extends U["_tag"]> = Extract<U, { readonly _tag: T }>

const cell = <E extends InnerEvent>(
  key: EventKey,
  is: (event: InnerEvent) => event is E,
  handle: (step: Step, event: E) => Outcome
): Cell => ({ key, handle: (step, event) => (is(event) ? handle(step, event) : "unhandled") })

/** A request of the own client. The handler answers it, now or (`postpone`) later. @since 0.1.0 @category constructors */
export const onCall = <T extends Request["_tag"]>(
  tag: T,
  handle: (step: Step, request: Tagged<Request, T>, callId: CallId) => Outcome
): Cell =>
  cell(
    `call ${tag}`,
    (event): event is Tagged<FsmEvent, "Called"> & { readonly request: Tagged<Request, T> } =>
      event._tag === "Called" && event.request._tag === tag,
    (step, event) => handle(step, event.request, event.callId)
  )

/**
 * What the own client signed, if this is what it was asked for.
 *
 * @since 0.1.0
 * @category constructors
 */
export const onSigned = (
  tag: SignTag,
  handle: (step: Step, signedTx: SignedTx, pending: Pending) => Outcome
): Cell =>
  cell(
    `sign ${tag}`,
    (event): event is Tagged<InnerEvent, "Signed"> => event._tag === "Signed" && event.tag === tag,
    (step, { signedTx }) => {
      const { pending } = step.state
      return pending?.tag === tag && pending.stage === "sign" ? handle(step, signedTx, pending) : "unhandled"
    }
  )

/** A message of the peer. @since 0.1.0 @category constructors */
export const onPeer = <T extends PeerMessage["_tag"]>(
  tag: T,
  handle: (step: Step, message: Tagged<PeerMessage, T>) => Outcome
): Cell =>
  cell(
    `peer ${tag}`,
    (event): event is Tagged<FsmEvent, "PeerSaid"> & { readonly message: Tagged<PeerMessage, T> } =>
      event._tag === "PeerSaid" && event.message._tag === tag,
    (step, event) => handle(step, event.message)
  )

/** A half-signed proposal of the peer. @since 0.1.0 @category models */
export type Proposal = Tagged<PeerMessage, "Proposal">

/** A proposal of the peer for one operation. @since 0.1.0 @category constructors */
export const onProposal = (
  operation: MutualOperation,
  handle: (step: Step, message: Proposal) => Outcome
): Cell =>
  cell(
    `proposal ${operation}`,
    (event): event is Tagged<FsmEvent, "PeerSaid"> & { readonly message: Proposal } =>
      event._tag === "PeerSaid" && event.message._tag === "Proposal" && event.message.operation === operation,
    (step, event) => handle(step, event.message)
  )

/** Something the chain watcher saw. @since 0.1.0 @category constructors */
export const onChain = <T extends ChainEvent["_tag"]>(
  tag: T,
  handle: (step: Step, event: Tagged<ChainEvent, T>) => Outcome
): Cell =>
  cell(
    `chain ${tag}`,
    (event): event is Tagged<FsmEvent, "ChainSaid"> & { readonly event: Tagged<ChainEvent, T> } =>
      event._tag === "ChainSaid" && event.event._tag === tag,
    (step, event) => handle(step, event.event)
  )

/** The own client (re)connected. @since 0.1.0 @category constructors */
export const onAttached = (handle: (step: Step, anew: boolean) => Outcome): Cell =>
  cell(
    "ClientAttached",
    (event): event is Tagged<FsmEvent, "ClientAttached"> => event._tag === "ClientAttached",
    (step, { anew }) => handle(step, anew === true)
  )

/** An event without content. @since 0.1.0 @category constructors */
export const onEvent = (
  tag: "Started" | "ClientGone" | "LinkUp" | "LinkDown" | "TimerFired",
  handle: (step: Step) => Outcome
): Cell => ({ key: tag, handle: (step) => handle(step) })

/**
 * A row of the table: the cells of one state by key.
 *
 * @since 0.1.0
 * @category models
 */
export type Row = ReadonlyMap<EventKey, Cell>

/**
 * A row from its cells; two cells for one key are a defect of the table.
 *
 * @since 0.1.0
 * @category constructors
 */
export const row = (...cells: ReadonlyArray<Cell>): Row => {
  const byKey = new Map<EventKey, Cell>()
  for (const each of cells) {
    if (byKey.has(each.key)) throw new Error(`the transition table has two cells for ${each.key}`)
    byKey.set(each.key, each)
  }
  return byKey
}

/**
 * The operation that a signing tag belongs to, which names the error message the peer gets.
 *
 * @since 0.1.0
 * @category getters
 */
export const operationOf = (tag: SignTag): MutualOperation => {
  switch (signTags[tag].transaction) {
    case "channel_deposit_tx":
      return "deposit"
    case "channel_withdraw_tx":
      return "withdraw"
    case "channel_close_mutual_tx":
      return "shutdown"
    default:
      return "update"
  }
}
