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
  /** The step that was reached, such as `sign.update` or `awaiting update`. */
  readonly step: string
  readonly endedBy: EndedBy
  /** The code on the wire. */
  readonly code: number
  /** The last co-signed round, to which both parties fell back. */
  readonly round: number
  readonly channelId: ChannelId | null
}

const explain = (error: EndedFields, what: string, advice: string): string =>
  `${error.operation} ended at ${error.step}: ${what} by ${
    error.endedBy === "we" ? "us" : error.endedBy === "peer" ? "the peer" : "our node"
  } (code ${error.code}). Both parties are at round ${error.round} of ${error.channelId ?? "a channel without an id yet"}. ${advice}`

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
    return explain(this, "aborted", "Nothing was changed.")
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
    return explain(this, "refused by the chain", "Check fee, nonce and the account's balance.")
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

/** The node refused a request. @since 0.1.0 @category errors */
export class RejectedError extends Data.TaggedError("RejectedError")<{
  /** The request's method without `channels.`, or `open`. */
  readonly operation: string
  readonly code: number
  readonly reason: string
  readonly data: ReadonlyArray<{ readonly code: number; readonly message: string }>
  readonly channelId: ChannelId | null
}> {
  override get message(): string {
    const data = this.data.map(({ code, message }) => `${code} ${message}`).join(", ")
    return `The node refused ${this.operation}: ${this.code} ${this.reason}${data === "" ? "" : ` (${data})`}.`
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

/** The connection to the node is gone, or never was. @since 0.1.0 @category errors */
export class TransportError extends Data.TaggedError("TransportError")<{
  readonly reason: TransportReason
  /** The operation that was under way. */
  readonly operation: string
  readonly detail: string
  readonly closeCode?: number
}> {
  override get message(): string {
    return `${this.operation}: ${this.detail}${this.closeCode === undefined ? "" : ` (close code ${this.closeCode})`}`
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
}> {
  override get message(): string {
    return `${this.operation}: refused to sign, ${this.field} is ${this.actual} where ${this.expected} was expected. Do not trust this node or peer before you know why.`
  }
}

/** The channel store could not read or write. Nothing is signed while it cannot. @since 0.1.0 @category errors */
export class StoreError extends Data.TaggedError("StoreError")<{
  readonly operation: string
  readonly reason: "read" | "write" | "conflict" | "corrupt"
  readonly detail: string
}> {
  override get message(): string {
    return `${this.operation}: the channel store failed to ${this.reason === "read" ? "read" : "write"}: ${this.detail}`
  }
}

/** The signer gave no signature. @since 0.1.0 @category errors */
export class SignerError extends Data.TaggedError("SignerError")<{
  readonly operation: string
  /** `refused`: it said no; `interrupted`: it was called off; `failed`: it could not; `invalid`: its signature is wrong. */
  readonly reason: "refused" | "interrupted" | "failed" | "invalid"
  readonly detail: string
}> {
  override get message(): string {
    return `${this.operation}: the signer ${this.reason === "failed" ? "failed" : this.reason}: ${this.detail}`
  }
}
