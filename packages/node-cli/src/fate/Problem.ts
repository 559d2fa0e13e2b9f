/**
 * What is wrong with a contract, a call or a store that was given.
 *
 * @since 0.1.0
 */
import type { DecodeError } from "@aechannel/core/encoding/DecodeError"
import * as Data from "effect/Data"

/** A paragraph that says what to do. @since 0.1.0 @category errors */
export class FateError extends Data.TaggedError("FateError")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** What a decoder found, and where. @since 0.1.0 @category formatting */
export const complaint = ({ detail, reason, where }: DecodeError): string =>
  `${reason}: ${detail}${where.length === 0 ? "" : `, at ${where.join(".")}`}`
