/** What happened in a run, in the order in which it happened: the evidence that the invariants are judged by. */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type { SignedTx } from "../../../src/chain/SignedTx.js"
import type { TxHash } from "../../../src/encoding/ApiEncoding.js"
import type { ChannelEvent, CoSignedState, FlowError } from "../../../src/client/ChannelEvent.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { ChannelRecord } from "../../../src/services/ChannelStore.js"
import type { Proposal, UnverifiedProposal } from "../../../src/services/ProposalPolicy.js"
import type { Update } from "../../../src/state/Update.js"
import type { SigningDetails } from "../../../src/services/Signer.js"

/** What a caller asked for. */
export type Request =
  | { readonly _tag: "Open" }
  | {
      readonly _tag: "Transfer"
      readonly payer: Role
      readonly amount: bigint
      readonly meta: ReadonlyArray<string>
    }
  | { readonly _tag: "Move"; readonly operation: "deposit" | "withdraw"; readonly amount: bigint }
  /** `update`: what is to be made or called; of a forced call too. */
  | {
      readonly _tag: "Contract"
      readonly name: "new_contract" | "call_contract" | "force_progress"
      readonly update: Update
    }
  /** `txHash`: what it is about. */
  | { readonly _tag: "Other"; readonly name: string; readonly txHash?: TxHash }

export type Entry =
  /** A connection begins; `again`: the party comes back. */
  | { readonly _tag: "Connected"; readonly role: Role; readonly session: number; readonly again: boolean }
  /** `out`: the node takes it from its client; `in`: the node gives it to its client. */
  | {
      readonly _tag: "Frame"
      readonly role: Role
      readonly session: number
      readonly direction: "out" | "in"
      readonly text: string
    }
  | { readonly _tag: "Disconnected"; readonly role: Role; readonly session: number }
  | { readonly _tag: "PolicyAsked"; readonly role: Role; readonly proposal: Proposal }
  | {
      readonly _tag: "PolicyDecided"
      readonly role: Role
      readonly proposal: Proposal | UnverifiedProposal
      readonly accepted: boolean
    }
  | { readonly _tag: "SignerAsked"; readonly role: Role; readonly details: SigningDetails }
  | { readonly _tag: "SignerSigned"; readonly role: Role; readonly signedTx: SignedTx }
  /** The store has it. */
  | { readonly _tag: "Written"; readonly role: Role; readonly record: ChannelRecord }
  | { readonly _tag: "Called"; readonly role: Role; readonly call: number; readonly request: Request }
  | {
      readonly _tag: "Returned"
      readonly role: Role
      readonly call: number
      readonly request: Request
      readonly exit: Exit.Exit<CoSignedState | undefined, FlowError>
    }
  /** `isCurrent`: it comes from the party's latest client. */
  | {
      readonly _tag: "Happened"
      readonly role: Role
      readonly event: ChannelEvent
      readonly isCurrent: boolean
    }
  /** What is done to the chain and to the links between machines, in words. */
  | { readonly _tag: "World"; readonly what: string }

const nameOf = (request: Request): string =>
  "name" in request ? request.name : request._tag === "Move" ? request.operation : request._tag

const outcomeOf = (exit: Exit.Exit<unknown, FlowError>): string =>
  Exit.isSuccess(exit)
    ? "well"
    : [...Cause.failures(exit.cause)].map(({ message, _tag }) => `${_tag}: ${message}`).join(", ") ||
      Cause.pretty(exit.cause)

/** A frame without what all frames have. */
const shortened = (text: string): string =>
  text
    .replaceAll(/"((?:tx|ss|cs|pi)_.{8})[^"]*"/g, '"$1…"')
    .replaceAll(/"((?:ak|ch|th|ba|kh)_.{4})[^"]*"/g, '"$1…"')
    .replaceAll(/,?"(?:jsonrpc":"2.0"|version":1\b|channel_id":"[^"]*")/g, "")
    .slice(0, 300)

/** An entry for people; nothing where something else tells the same. */
const inWords = (entry: Entry): string | undefined => {
  if (entry._tag === "World") return entry.what
  const { _tag: what, role } = entry
  switch (entry._tag) {
    case "Frame":
      return `${role} ${entry.direction === "in" ? "<-" : "->"} ${shortened(entry.text)}`
    case "Called":
      return `${role}: ${what} ${entry.call} ${nameOf(entry.request)}`
    case "Returned":
      return `${role}: ${what} ${entry.call} ${nameOf(entry.request)} ${outcomeOf(entry.exit)}`
    case "Written":
      return `${role}: ${what} round ${entry.record.round}`
    case "Happened":
      return entry.event._tag === "Reported"
        ? undefined
        : `${role}: ${entry.event._tag}${"error" in entry.event ? ` ${entry.event.error.message}` : ""}`
    default:
      return `${role}: ${what}`
  }
}

/** A list that only grows. */
export class Journal {
  readonly entries: Array<Entry> = []
  private readonly times: Array<number> = []

  /** `now`: milliseconds since the epoch. */
  constructor(private readonly now: () => number = () => 0) {}

  add(entry: Entry): void {
    this.entries.push(entry)
    this.times.push(this.now())
  }

  /** The last entries for people, one a line. */
  inWords(last: number): string {
    const from = Math.max(0, this.entries.length - last)
    return this.entries
      .slice(from)
      .flatMap((entry, index) => {
        const words = inWords(entry)
        return words === undefined ? [] : [`  ${(this.times[from + index] ?? 0) % 10_000_000} ${words}`]
      })
      .join("\n")
  }

  /** All frames of all connections, as the node saw them. */
  get frames(): ReadonlyArray<string> {
    return this.entries.flatMap((entry) =>
      entry._tag === "Frame" ? [`${entry.role} ${entry.session} ${entry.direction} ${entry.text}`] : []
    )
  }
}
