/**
 * The typed failures of channel operations.
 *
 * An operation that both parties were working on ends with one of the signing-reply codes, one class each;
 * the other classes say that the operation never got that far, or that something we rely on failed.
 *
 * Specification: channel WebSocket API, signing error replies and conflicts.
 *
 * @since 0.1.0
 */
import { Data } from "effect"
import type { ChannelId } from "../encoding/ApiEncoding.js"

/**
 * Who ended the operation: `we` (our policy, signer or caller), `peer` (the other party, told by our node) or
 * `node` (our node's own timer or check).
 *
 * @since 0.1.0
 * @category models
 */
export type EndedBy = "we" | "peer" | "node"

/** What every ended operation tells. @since 0.1.0 @category models */
export interface EndedFields {
  /** The flow, such as `transfer`, `shutdown` or `open`. */
  readonly operation: string
  /** The step that was reached, such as `sign.update`; `chain` when only the chain was waited for. */
  readonly step: string
  readonly endedBy: EndedBy
  /** The code on the wire. */
  readonly code: number
  /** The last co-signed round, to which both parties fell back. */
  readonly round: number
  readonly channelId: ChannelId | null
}

/** What helps when only the chain, not the peer, was waited for. */
const chainAdvice: { readonly [code: number]: string } = {
  2: "Another transaction of the channel came first; see what it did before you ask again.",
  3: "The transaction may still be mined; look at the chain before you ask again, with a higher fee."
}

/** What to look at when it is the opening that ended. */
const openAdvice: { readonly [code: number]: string } = {
  1: "Compare both parties' terms, keys and networks, then open another one.",
  3: "Check that the peer is there, with the same terms, that the network id is the node's, and that each party can pay its amount and the initiator the fee; then open another one.",
  4: "Nothing is on chain; open another one when both parties want it."
}

const adviceFor = ({ code, operation, step }: EndedFields): string | undefined =>
  step === "chain" ? chainAdvice[code] : operation === "open" ? openAdvice[code] : undefined

const explain = (error: EndedFields, what: string, advice: string): string =>
  `${error.operation} ended at ${error.step}: ${what} by ${
    error.endedBy === "we" ? "us" : error.endedBy === "peer" ? "the peer" : "our node"
  } (code ${error.code}). Both parties are at round ${error.round} of ${error.channelId ?? "a channel without an id yet"}. ${adviceFor(error) ?? advice}`

/** Code 1: what was to be signed, or a signature, was found invalid. @since 0.1.0 @category errors */
export class ValidationError extends Data.TaggedError("ValidationError")<EndedFields> {
  override get message(): string {
    return explain(this, "refused as invalid", "Compare both parties' view of the state before trying again.")
  }
}

/** Code 2: two proposals met. @since 0.1.0 @category errors */
export class ConflictError extends Data.TaggedError("ConflictError")<EndedFields> {
  override get message(): string {
    return explain(this, "dropped in a conflict", "Nothing was changed; propose again, with a random delay.")
  }
}

/** Code 3: an answer did not come in time. @since 0.1.0 @category errors */
export class TimeoutError extends Data.TaggedError("TimeoutError")<EndedFields> {
  override get message(): string {
    return explain(this, "timed out", "Check that the peer is there (message, ping), then propose again.")
  }
}

/** Code 4: the operation was aborted. @since 0.1.0 @category errors */
export class AbortError extends Data.TaggedError("AbortError")<EndedFields> {
  override get message(): string {
    return explain(this, "aborted", "Nothing was changed; propose again when both parties want it.")
  }
}

/** Codes 128 to 65535: declined with a code whose meaning the parties agreed on. @since 0.1.0 @category errors */
export class UserDefinedError extends Data.TaggedError("UserDefinedError")<EndedFields> {
  override get message(): string {
    return explain(
      this,
      "declined with a code of its own",
      "The parties' agreement says what the code means."
    )
  }
}

/** Code 5: the chain's mempool refused the transaction. @since 0.1.0 @category errors */
export class RejectedOnChainError extends Data.TaggedError("RejectedOnChainError")<EndedFields> {
  override get message(): string {
    const { operation } = this
    const both = operation === "deposit" || operation === "withdraw"
    return explain(
      this,
      "refused by the chain",
      `Check fee, nonce and the account's balance${both ? "; who has signed it second accepts nothing else for this round, so let that party propose next" : ""}.`
    )
  }
}

/** Codes 6 to 127, which the protocol reserves. @since 0.1.0 @category errors */
export class ReservedCodeError extends Data.TaggedError("ReservedCodeError")<EndedFields> {
  override get message(): string {
    return explain(
      this,
      "ended with a reserved code",
      "Ask the peer what it means; use 4 or 128 to 65535 yourself."
    )
  }
}

/** An operation that ended with a code. @since 0.1.0 @category errors */
export type EndedError =
  | ValidationError
  | ConflictError
  | TimeoutError
  | AbortError
  | UserDefinedError
  | RejectedOnChainError
  | ReservedCodeError

/** The error class of a code. @since 0.1.0 @category constructors */
export const endedError = (fields: EndedFields): EndedError => {
  switch (fields.code) {
    case 1:
      return new ValidationError(fields)
    case 2:
      return new ConflictError(fields)
    case 3:
      return new TimeoutError(fields)
    case 4:
      return new AbortError(fields)
    case 5:
      return new RejectedOnChainError(fields)
    default:
      return fields.code >= 128 ? new UserDefinedError(fields) : new ReservedCodeError(fields)
  }
}

const adviceByData: ReadonlyMap<number, string> = new Map([
  [100, "Ask for what is in the latest off-chain state."],
  [105, "Raise the amounts, or lower reserve, push amount or lock period, none of them below zero."],
  [107, "Propose again, with a random delay."],
  [108, "Wait until the peer is there."],
  [1001, "Lower the amount: what is left must not be below the channel reserve."],
  [1002, "Amounts start at zero; to be paid, exchange sender and receiver."],
  [1003, "Name the two parties of the channel, one as sender and the other as receiver."],
  [1004, "Check contract, caller and round; old results are forgotten."],
  [1005, "Check the ak_ text."],
  [1006, "Check the ct_ text."],
  [1009, "Check the cb_ text."],
  [1011, "Check both account ids; each account must exist on chain, so fund it first."],
  [1012, "The latest state came on chain by itself; there is nothing to put there."],
  [1013, "The chain holds the latest state already; there is nothing to do."],
  [1016, "Use the latest fsm id that this party received."],
  [1018, "It is too late to call it off; wait for its end."],
  [2000, "Give the fsm id together with the channel id."]
])

const adviceByCode: ReadonlyMap<number, string> = new Map([
  [-32700, "Report this: the request was no JSON."],
  [-32000, "A message is a text of at most 65000 bytes in UTF-8."],
  [-32601, "Check that this node knows the request; it may be older or speak another dialect."],
  [-32603, "The node does not say why: check the parameters, and that the channel's state allows it."]
])

/** The node refused a request. @since 0.1.0 @category errors */
export class RejectedError extends Data.TaggedError("RejectedError")<{
  /** The request's method without `channels.`, or `open`. */
  readonly operation: string
  readonly code: number
  readonly reason: string
  readonly data: ReadonlyArray<{ readonly code: number; readonly message: string }>
  readonly channelId: ChannelId | null
  /** Why, as far as it can be computed here, where the node does not say it. */
  readonly detail?: string
}> {
  override get message(): string {
    const data = this.data.map(({ code, message }) => `${code} ${message}`).join(", ")
    const computed = this.detail && `Computed here: ${this.detail}.`
    const advice =
      computed ??
      this.data.map(({ code }) => adviceByData.get(code)).find((text) => text !== undefined) ??
      adviceByCode.get(this.code) ??
      "Check the parameters, and that the channel's state allows it."
    return `The node refused ${this.operation}: ${this.code} ${this.reason}${data === "" ? "" : ` (${data})`}. ${advice}`
  }
}

/** Why a connection cannot be used. @since 0.1.0 @category models */
export type TransportReason =
  /** No connection could be made. */
  | "connect"
  /** The node closed the connection without saying why; `closeCode` says how. */
  | "closed_by_node"
  /** The connection broke. */
  | "connection_lost"
  /** The channel's state machine ended (`died`), by timeout, by the peer's end, or after leaving or closing. */
  | "channel_ended"
  /** We closed it. */
  | "closed_by_us"

const adviceByReason: { readonly [R in TransportReason]: string } = {
  connect: "Check the node's address and that it runs.",
  closed_by_node: "Check the parameters of the opening; the node's log may say more.",
  connection_lost: "Check the network; whether the last request arrived is not known.",
  channel_ended: "Nothing more can be done on this connection; open another one.",
  closed_by_us: "Keep the channel's scope open for as long as it is used."
}

const adviceOf = (reason: TransportReason, operation: string): string =>
  reason === "channel_ended" && operation === "open"
    ? "Check that both parties gave the same terms, that each can pay its amount and the initiator the fee, with a nonce that is free, and that the peer did not decline or leave; then open another one."
    : adviceByReason[reason]

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

/** The connection to the node is gone, or never was. @since 0.1.0 @category errors */
export class TransportError extends Data.TaggedError("TransportError")<{
  readonly reason: TransportReason
  /** The operation that was under way. */
  readonly operation: string
  readonly detail: string
  readonly closeCode?: number
}> {
  override get message(): string {
    const code = this.closeCode === undefined ? "" : ` (close code ${this.closeCode})`
    const said = sentence(`${this.operation}: ${this.detail}${code}`)
    // A failed attempt to connect is explained by the transport, which knows more.
    return this.reason === "connect" && /[.!?]$/.test(this.detail)
      ? said
      : `${said} ${adviceOf(this.reason, this.operation)}`
  }
}

/** What we were asked to sign, or were given as co-signed, is not what it claims to be; we did not sign. @since 0.1.0 @category errors */
export class VerificationError extends Data.TaggedError("VerificationError")<{
  readonly operation: string
  /** Such as `channelId`, `round`, `stateHash`, `amount`, `fee`, `signature`, `type`. */
  readonly field: string
  readonly expected: string
  readonly actual: string
  readonly channelId: ChannelId | null
  /** What to do, where nobody need have lied. */
  readonly advice?: string
}> {
  override get message(): string {
    const advice = this.advice ?? "Do not trust this node or peer before you know why."
    return `${this.operation}: ${this.field} is ${this.actual} where ${this.expected} was expected; nothing was signed for it. ${advice}`
  }
}

const storeFailures = {
  read: "the channel store could not be read",
  write: "the channel store could not be written",
  conflict: "another writer uses the same channel's record",
  corrupt: "what the channel store holds is damaged",
  unsupported: "what the channel store holds cannot be read by this version of the library",
  lease_lost: "another client has taken over the channel's record",
  missing: "the channel store knows nothing of the channel",
  state_lost: "what the channel store holds and what the node holds do not fit together"
} as const

const storeAdvice = {
  read: "Nothing was signed; repair the store, then open the channel again.",
  write: "Nothing is signed from now on; repair the store, then open the channel again.",
  conflict: "Nothing is signed from now on; run one client for each party of a channel.",
  corrupt: "Nothing is signed; restore the record before you use the channel.",
  unsupported: "Nothing is signed; use the version that wrote it or a later one.",
  lease_lost:
    "Nothing is signed here from now on; use the client that took over, or resume the channel here.",
  missing: "Check the channel id and the role, and that this is the store with which the channel was opened.",
  state_lost: "Nothing is signed; find the newer copy of whichever is behind, then resume the channel."
} as const

/** The channel store could not read or write. Nothing is signed while it cannot. @since 0.1.0 @category errors */
export class StoreError extends Data.TaggedError("StoreError")<{
  readonly operation: string
  /**
   * `read`, `write`, `conflict`, `corrupt`, `unsupported`, `lease_lost`: the store failed; `missing`: there is no record
   * to come back with; `state_lost`: the store, or the node, has an older state than both parties signed.
   */
  readonly reason:
    | "read"
    | "write"
    | "conflict"
    | "corrupt"
    | "unsupported"
    | "lease_lost"
    | "missing"
    | "state_lost"
  readonly detail: string
}> {
  override get message(): string {
    return `${sentence(`${this.operation}: ${storeFailures[this.reason]}: ${this.detail}`)} ${storeAdvice[this.reason]}`
  }
}

const signerEnds = {
  refused: "the signer refused",
  interrupted: "the signer was interrupted",
  failed: "the signer failed",
  invalid: "the signer's answer is invalid"
} as const

const signerAdvice = {
  refused: "Nothing left us; ask again when the signer agrees.",
  interrupted: "Nothing left us; ask again when the signer is there.",
  failed: "Nothing left us; repair the signer, then try again.",
  invalid: "Nothing left us; check the signer's key and network id."
} as const

/** The signer gave no signature. @since 0.1.0 @category errors */
export class SignerError extends Data.TaggedError("SignerError")<{
  readonly operation: string
  /** `refused`: it said no; `interrupted`: it was called off; `failed`: it could not; `invalid`: its signature is wrong. */
  readonly reason: "refused" | "interrupted" | "failed" | "invalid"
  readonly detail: string
}> {
  override get message(): string {
    return `${sentence(`${this.operation}: ${signerEnds[this.reason]}: ${this.detail}`)} ${signerAdvice[this.reason]}`
  }
}
