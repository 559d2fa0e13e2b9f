/**
 * The log of a state machine: a window of what it received, sent, reported and asked, kept as values and printed only
 * when asked for.
 *
 * Specification: channel WebSocket API, `channels.history.fetch`.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as SignedTx from "../../chain/SignedTx.js"
import type { ChannelId } from "../../encoding/ApiEncoding.js"
import type { Json, JsonObject } from "../../encoding/Json.js"
import type { HistoryEntry, Report } from "../../protocol/NodeMessage.js"
import type { FetchHistory } from "../../protocol/Request.js"
import { signTagRow } from "../../protocol/SignTag.js"
import * as Update from "../../state/Update.js"
import type { MutualOperation, PeerMessage } from "../PeerMessage.js"

/**
 * Kinds of entries: received from the peer or the client, sent to the peer, reported, asked to sign, an event of the
 * machine itself, dropped, or a lost client or peer.
 *
 * @since 0.1.0
 * @category models
 */
export type EntryKind = "rcv" | "snd" | "rpt" | "req" | "evt" | "drop" | "disconnect"

/**
 * What an entry is about.
 *
 * @since 0.1.0
 * @category models
 */
export type Payload =
  | { readonly _tag: "Report"; readonly report: Report }
  | { readonly _tag: "Message"; readonly message: PeerMessage }
  | { readonly _tag: "Signed"; readonly signedTx: SignedTx.SignedTx }
  | { readonly _tag: "Note"; readonly note: string }

/**
 * An entry; `time` is in milliseconds since the epoch.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  readonly kind: EntryKind
  readonly tag: string
  readonly time: number
  readonly payload: Payload
  readonly channelId: ChannelId | null
}

/**
 * The window: two lists, newest first, so that at least `keep` and at most twice as many entries are there.
 *
 * @since 0.1.0
 * @category models
 */
export interface History {
  readonly keep: number
  readonly newer: ReadonlyArray<Entry>
  readonly older: ReadonlyArray<Entry>
}

/**
 * An empty log that keeps at least so many entries.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (keep: number): History => ({ keep, newer: [], older: [] })

/**
 * Adds an entry; one that repeats the newest is not added.
 *
 * @since 0.1.0
 * @category combinators
 */
export const add = (history: History, entry: Entry): History => {
  const last = history.newer[0]
  const repeated =
    last !== undefined &&
    last.kind === entry.kind &&
    last.tag === entry.tag &&
    last.time === entry.time &&
    last.payload === entry.payload
  if (repeated) return history
  return history.newer.length < history.keep
    ? { ...history, newer: [entry, ...history.newer] }
    : { ...history, newer: [entry], older: history.newer }
}

const printedKinds = { rpt: "report", rcv: "receive", snd: "send", req: "request" } as const
const isPrinted = (kind: EntryKind): kind is keyof typeof printedKinds => Object.hasOwn(printedKinds, kind)

/** `report_*` classes are the tags of report entries. */
const reportTags: Record<Report["_tag"], string> = {
  Info: "info",
  OnChainTx: "on_chain_tx",
  StateUpdate: "update",
  LeaveReport: "leave",
  Conflict: "conflict",
  MessageReport: "message",
  ErrorReport: "error",
  DebugReport: "debug",
  SignRequest: "sign",
  UnknownReport: "unknown"
}

/**
 * The class of a report, which is the tag of its entry.
 *
 * @since 0.1.0
 * @category getters
 */
export const reportTag = (report: Report): string => reportTags[report._tag]

const operations: Record<MutualOperation, { readonly created: string; readonly signed: string }> = {
  update: { created: "update", signed: "update_ack" },
  deposit: { created: "deposit_created", signed: "deposit_signed" },
  withdraw: { created: "withdraw_created", signed: "withdraw_signed" },
  shutdown: { created: "shutdown", signed: "shutdown_ack" }
}

const messageTags = {
  ChannelOpen: "channel_open",
  ChannelAccept: "channel_accept",
  FundingCreated: "funding_created",
  FundingSigned: "funding_signed",
  FundingLocked: "funding_locked",
  Leave: "leave",
  LeaveAck: "leave_ack",
  InbandMessage: "inband_msg",
  Reestablish: "channel_reestablish",
  ReestablishAck: "channel_reest_ack",
  PeerError: "error"
} as const

/**
 * The name of a message between state machines.
 *
 * @since 0.1.0
 * @category getters
 */
export const messageTag = (message: PeerMessage): string => {
  switch (message._tag) {
    case "Proposal":
      return operations[message.operation].created
    case "Acknowledgement":
      return operations[message.operation].signed
    case "OperationError":
      return `${message.operation}_error`
    case "Locked":
      return `${message.operation}_locked`
    default:
      return messageTags[message._tag]
  }
}

const text = (signedTx: SignedTx.SignedTx): Json => SignedTx.toText(signedTx)

/** Secrets stay out: no fsm id. */
const reportInfo = (report: Report, channelId: ChannelId | null): Json => {
  switch (report._tag) {
    case "Info":
      return {
        event: report.event,
        ...(report.txType === undefined ? {} : { type: report.txType }),
        ...(report.txHash === undefined ? {} : { tx_hash: report.txHash }),
        ...(report.notice === undefined ? {} : { notice: report.notice })
      }
    case "OnChainTx":
      return { info: report.info ?? null, type: report.type ?? null, tx: text(report.tx) }
    case "StateUpdate":
    case "LeaveReport":
      return { state: text(report.state) }
    case "Conflict":
      return {
        channel_id: channelId,
        round: report.round,
        error_code: report.errorCode ?? null,
        error_msg: report.errorMessage ?? null
      }
    case "MessageReport":
      return { message: { channel_id: channelId, from: report.from, to: report.to, info: report.info } }
    case "ErrorReport":
      return { message: report.message }
    case "DebugReport":
    case "UnknownReport":
      return report.data
    case "SignRequest":
      return {
        method: signTagRow(report.tag).reply,
        signed_tx: text(report.signedTx),
        updates: report.updates.map(Update.toJson)
      }
  }
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** All fields of a message, in the words of the wire; transactions and updates as they are written there. */
const messageInfo = (message: PeerMessage): JsonObject => {
  const fields: Record<string, Json> = {}
  for (const [name, value] of Object.entries(message)) {
    if (name === "signedTx") fields["signed_tx"] = "signedTx" in message ? text(message.signedTx) : null
    else if (name === "updates")
      fields["updates"] = "updates" in message ? message.updates.map(Update.toJson) : []
    else if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") {
      if (name !== "_tag") fields[snake(name)] = value
    }
  }
  return fields
}

const infoOf = (entry: Entry): Json => {
  switch (entry.payload._tag) {
    case "Report":
      return reportInfo(entry.payload.report, entry.channelId)
    case "Message":
      return messageInfo(entry.payload.message)
    case "Signed":
      return { signed_tx: text(entry.payload.signedTx) }
    case "Note":
      return { event: entry.payload.note }
  }
}

/** RFC 3339 with microseconds; the clock gives milliseconds. */
const printTime = (time: number): string =>
  DateTime.formatIso(DateTime.unsafeMake(time)).replace(/\.(\d{3})Z$/, ".$1000Z")

/**
 * The newest entries that pass the filters, newest first. `n` below 1 gives one entry. Entries that are none of report,
 * receive, send and request are left out.
 *
 * @since 0.1.0
 * @category getters
 */
export const fetch = (history: History, filter: FetchHistory): ReadonlyArray<HistoryEntry> => {
  const found: Array<HistoryEntry> = []
  const types: ReadonlyArray<string> | undefined = filter.types
  const tags: ReadonlyArray<string> | undefined = filter.tags
  for (const entry of [...history.newer, ...history.older]) {
    if (!isPrinted(entry.kind)) continue
    if (types !== undefined && !types.includes(entry.kind)) continue
    if (tags !== undefined && !tags.includes(entry.tag)) continue
    found.push({
      type: printedKinds[entry.kind],
      tag: entry.tag,
      time: printTime(entry.time),
      info: infoOf(entry)
    })
    if (found.length >= filter.n) break
  }
  return found
}
