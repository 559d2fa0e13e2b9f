/**
 * What happens in a channel, as the names and facts that a script expects and `--json` prints.
 *
 * @since 0.1.0
 */
import type { Balances, ChannelEvent } from "@aechannel/core/client/ChannelEvent"
import { hash, innermost, type SignedTx } from "@aechannel/core/chain/SignedTx"
import type { Json, JsonObject } from "@aechannel/core/encoding/Json"
import { infoEvents, onChainInfos } from "@aechannel/core/protocol/NodeMessage"
import type { Proposal } from "@aechannel/core/services/ProposalPolicy"
import type { Update } from "@aechannel/core/state/Update"
import type { Names } from "../Conversation.js"
import { errorJson } from "./Problems.js"

/**
 * An event of one party: its name, and facts as JSON (amounts are texts of digits: aettos).
 *
 * @since 0.1.0
 * @category models
 */
export interface NamedEvent {
  readonly name: string
  readonly data: JsonObject
}

/** How events show people and amounts. @since 0.1.0 @category models */
export interface EventWords {
  readonly names: Names
  readonly balances: (balances: Balances) => JsonObject
}

const roundOf = (signedTx: SignedTx): Json => {
  const { tx } = innermost(signedTx)
  if (tx._tag === "ChannelCreateTx") return 1
  return "round" in tx ? tx.round : null
}

/** What is present. */
const only = (facts: { readonly [key: string]: Json | undefined }): JsonObject =>
  Object.fromEntries(
    Object.entries(facts).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))
  )

/**
 * Off-chain updates as JSON.
 *
 * @since 0.1.0
 * @category formatting
 */
export const updatesJson = (updates: ReadonlyArray<Update>, names: Names): ReadonlyArray<JsonObject> =>
  updates.map((update) => {
    switch (update._tag) {
      case "OffChainTransfer":
        return {
          op: update._tag,
          from: names(update.from),
          to: names(update.to),
          amount: update.amount.toString()
        }
      case "OffChainMeta":
        return { op: update._tag, data: update.data }
      case "OffChainNewContract":
        return { op: update._tag, owner: names(update.owner), deposit: update.deposit.toString() }
      case "OffChainCallContract":
        return {
          op: update._tag,
          caller: names(update.callerId),
          contractId: update.contractId,
          amount: update.amount.toString()
        }
      default:
        return { op: update._tag }
    }
  })

/**
 * A proposal as the event of that name: own balances before and after it.
 *
 * @since 0.1.0
 * @category formatting
 */
export const proposalEvent = (
  { operation, proposer, round, before, after, updates, call }: Proposal,
  decision: string,
  names: Names
): NamedEvent => ({
  name: "proposal",
  data: {
    operation,
    from: names(proposer),
    round,
    before: before.own.toString(),
    after: after.own.toString(),
    updates: updatesJson(updates, names),
    ...(call === undefined ? {} : { call: { returnType: call.returnType, gasUsed: Number(call.gasUsed) } }),
    decision
  }
})

/** A transaction of the channel that the client was told of. */
const transaction = (
  name: string,
  { type, txHash }: { readonly type: string; readonly txHash: string }
): NamedEvent => ({ name, data: { type, txHash } })

type Rows = {
  readonly [T in ChannelEvent["_tag"]]: (
    event: Extract<ChannelEvent, { readonly _tag: T }>,
    words: EventWords
  ) => NamedEvent
}

const rows: Rows = {
  Reported: ({ report }) => {
    switch (report._tag) {
      case "Info": {
        const { event, txType, txHash, notice } = report
        return { name: event, data: only({ txType, txHash, notice }) }
      }
      case "OnChainTx":
        return {
          name: `on_chain.${report.info ?? "transaction"}`,
          data: only({ type: report.type, txHash: hash(report.tx) })
        }
      case "StateUpdate":
        return { name: "state", data: { round: roundOf(report.state) } }
      case "LeaveReport":
        return { name: "leave", data: { round: roundOf(report.state) } }
      case "Conflict":
        return {
          name: "conflict",
          data: only({ code: report.errorCode, reason: report.errorMessage, round: report.round })
        }
      case "ErrorReport":
        return { name: "error", data: { message: report.message } }
      case "DebugReport":
        return { name: "debug", data: {} }
      case "UnknownReport":
        return { name: "unknown", data: { method: report.method } }
    }
  },
  ChannelChanged: (event) => transaction("channel_changed", event),
  SoloClosing: (event) => transaction("solo_closing", event),
  CanSlash: (event) => transaction("can_slash", event),
  CanSnapshot: (event) => transaction("can_snapshot", event),
  ProgressForced: ({ state, txHash, type }, { balances }) => ({
    name: "progress_forced",
    data: { type, txHash, round: state.round, balances: balances(state.balances) }
  }),
  ChannelClosed: (event) => transaction("channel_closed", event),
  MessageReceived: ({ from, to, text }, { names }) => ({
    name: "message",
    data: { from: names(from), to: names(to), text }
  }),
  SignatureAsked: ({ tag, operation, round, txHash, updates }, { names }) => ({
    name: "signature_asked",
    data: { tag, operation, round, txHash, updates: updatesJson(updates, names) }
  }),
  RoundUnverified: ({ tag, round, reason, detail }) => ({
    name: "round_unverified",
    data: { tag, round, reason, detail }
  }),
  SignatureGiven: ({ tag, round, txHash }) => ({ name: "signature_given", data: { tag, round, txHash } }),
  CoSigned: ({ state }, { balances }) => ({
    name: "co_signed",
    data: { channelId: state.channelId, round: state.round, balances: balances(state.balances) }
  }),
  ProposalEnded: ({ tag, endedBy, code, round }) => ({
    name: "proposal_ended",
    data: { tag, endedBy, code, round }
  }),
  OperationFailed: ({ operation, error }) => ({
    name: "operation_failed",
    data: { operation, error: errorJson(error) }
  }),
  VerificationFailed: ({ error }) => ({ name: "verification_failed", data: { error: errorJson(error) } }),
  SignerFailed: ({ error }) => ({ name: "signer_failed", data: { error: errorJson(error) } }),
  StoreFailed: ({ error }) => ({ name: "store_failed", data: { error: errorJson(error) } }),
  Undecodable: ({ error }) => ({ name: "undecodable", data: { error: errorJson(error) } }),
  Refused: ({ error }) => ({ name: "refused", data: { error: errorJson(error) } }),
  Disconnected: ({ error }) => ({
    name: "disconnected",
    data: only({ reason: error.reason, closeCode: error.closeCode })
  }),
  Reconnected: ({ isNewMachine, round }) => ({ name: "reconnected", data: { isNewMachine, round } }),
  PendingResolved: ({ operation, outcome }) => ({ name: "pending_resolved", data: { operation, outcome } }),
  Ended: ({ error }) => ({ name: "ended", data: only({ reason: error.reason, closeCode: error.closeCode }) })
}

const ownNames = [
  "state",
  "leave",
  "conflict",
  "error",
  "debug",
  "unknown",
  "channel_changed",
  "solo_closing",
  "can_slash",
  "can_snapshot",
  "progress_forced",
  "channel_closed",
  "message",
  "proposal",
  "signature_asked",
  "round_unverified",
  "signature_given",
  "co_signed",
  "proposal_ended",
  "operation_failed",
  "verification_failed",
  "signer_failed",
  "store_failed",
  "undecodable",
  "refused",
  "disconnected",
  "reconnected",
  "pending_resolved",
  "ended"
]

/**
 * All names that an event can have.
 *
 * @since 0.1.0
 * @category tables
 */
export const eventNames: ReadonlyArray<string> = [
  ...infoEvents,
  ...onChainInfos.map((info) => `on_chain.${info}`),
  ...ownNames
]

const row = <T extends ChannelEvent["_tag"]>(
  event: Extract<ChannelEvent, { readonly _tag: T }>,
  tag: T,
  words: EventWords
): NamedEvent => rows[tag](event, words)

/**
 * An event of a channel by name.
 *
 * @since 0.1.0
 * @category formatting
 */
export const named = (event: ChannelEvent, words: EventWords): NamedEvent => row(event, event._tag, words)

/**
 * Whether facts hold everything that is asked for: objects key by key, all else equal; a number fits the same digits
 * as text.
 *
 * @since 0.1.0
 * @category inspection
 */
export const holds = (facts: unknown, wanted: unknown): boolean => {
  if (typeof wanted === "object" && wanted !== null) {
    if (typeof facts !== "object" || facts === null) return false
    if (Array.isArray(wanted))
      return (
        Array.isArray(facts) &&
        facts.length === wanted.length &&
        wanted.every((item, index) => holds(facts[index], item))
      )
    return Object.entries(wanted).every(([key, value]) => holds(Reflect.get(facts, key), value))
  }
  return (
    facts === wanted ||
    (typeof facts === "string" &&
      (typeof wanted === "number" || typeof wanted === "bigint") &&
      facts === String(wanted))
  )
}
