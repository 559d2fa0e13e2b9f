/** What happened in a run, in the order in which it happened: the evidence that the invariants are judged by. */
import type * as Exit from "effect/Exit"
import type { SignedTx } from "../../../src/chain/SignedTx.js"
import type { ChannelEvent, CoSignedState, FlowError } from "../../../src/client/ChannelEvent.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { ChannelRecord } from "../../../src/services/ChannelStore.js"
import type { Proposal } from "../../../src/services/ProposalPolicy.js"
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
  | { readonly _tag: "Other"; readonly name: string }

export type Entry =
  /** `out`: the node takes it from its client; `in`: the node gives it to its client. */
  | { readonly _tag: "Frame"; readonly role: Role; readonly direction: "out" | "in"; readonly text: string }
  | { readonly _tag: "Disconnected"; readonly role: Role }
  | { readonly _tag: "PolicyAsked"; readonly role: Role; readonly proposal: Proposal }
  | {
      readonly _tag: "PolicyDecided"
      readonly role: Role
      readonly proposal: Proposal
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
  | { readonly _tag: "Happened"; readonly role: Role; readonly event: ChannelEvent }

/** A list that only grows. */
export class Journal {
  readonly entries: Array<Entry> = []

  add(entry: Entry): void {
    this.entries.push(entry)
  }

  /** The last entries for people, one a line. */
  inWords(last: number): string {
    return this.entries
      .slice(-last)
      .map((entry) => {
        const { _tag: what, role } = entry
        switch (entry._tag) {
          case "Frame": {
            const arrow = entry.direction === "in" ? "<-" : "->"
            return `  ${role} ${arrow} ${entry.text.replaceAll(/"((?:tx|ss|cs|pi)_.{8})[^"]*"/g, '"$1…"').slice(0, 300)}`
          }
          case "Called":
          case "Returned":
            return `  ${role}: ${what} ${entry.call} ${entry.request._tag === "Other" ? entry.request.name : entry.request._tag}${
              entry._tag === "Returned" ? ` ${entry.exit._tag}` : ""
            }`
          case "Written":
            return `  ${role}: ${what} round ${entry.record.round}`
          case "Happened":
            return `  ${role}: ${entry.event._tag}`
          default:
            return `  ${role}: ${what}`
        }
      })
      .join("\n")
  }

  /** All frames of all connections, as the node saw them. */
  get frames(): ReadonlyArray<string> {
    return this.entries.flatMap((entry) =>
      entry._tag === "Frame" ? [`${entry.role} ${entry.direction} ${entry.text}`] : []
    )
  }
}
