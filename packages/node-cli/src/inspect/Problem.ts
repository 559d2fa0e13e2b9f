/**
 * Why a string could not be explained.
 *
 * @since 0.1.0
 */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { DecodeError } from "@aechannel/core/encoding/DecodeError"
import type { JsonObject } from "@aechannel/core/encoding/Json"
import * as Data from "effect/Data"
import * as Redacted from "effect/Redacted"

/** A string as it may be named: its prefix and its length, since the rest may be a secret. */
const nameOf = (input: string): string => {
  const end = input.indexOf("_")
  const start = /^[a-zA-Z0-9]{1,8}_/.test(input) ? `${input.slice(0, end + 1)}…, ` : ""
  return `${start}${input.length} character${input.length === 1 ? "" : "s"}`
}

const prefixed = (prefix: string): string =>
  ApiEncoding.prefixOf(`${prefix}_`) === undefined ? "" : ` Did you mean ${prefix}_?`

const known = Object.keys(ApiEncoding.prefixes)
  .map((prefix) => `${prefix}_`)
  .join(", ")

/** What is wrong, as the end of a sentence. */
const complaintOf = (input: string, { detail, reason, what, where }: DecodeError): string => {
  const prefix = ApiEncoding.prefixOf(input)
  if (prefix === undefined)
    return `${reason}: it begins with no known prefix (${input.includes("_") ? "unknown_prefix" : "missing_prefix"}). Known are ${known}`
  if (what === "api encoding") return `${reason}: ${detail}`
  const place = where.length === 0 ? "" : `, at ${where.join(".")}`
  return `it holds no valid ${ApiEncoding.prefixes[prefix].meaning}: ${reason}: ${detail}${place}`
}

/** What to do about it, where the error does not say so itself. */
const adviceFor = (input: string, { what }: DecodeError): string => {
  if (what !== "api encoding")
    return "The string arrived whole (its checksum is right), so whoever made it put something else in."
  if (/^(?:0x)?(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{128})$/.test(input))
    return "Hexadecimal digits do not say what they are. For a secret key: put it into a file and use `aechannel keys show FILE`."
  if (ApiEncoding.prefixOf(input) === undefined)
    return `Only æternity's encoded strings can be explained.${prefixed(input.slice(0, Math.max(0, input.indexOf("_"))).toLowerCase())}`
  return /\s/.test(input) ? "There is white space in it: put it on one line." : "Copy it again, whole."
}

/**
 * A string could not be explained. The message names it by position, prefix and length, never by its content.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotExplained extends Data.TaggedError("NotExplained")<{
  /** Counted from 1. */
  readonly position: number
  readonly of: number
  /** Redacted, since it may be a secret key that was mistyped. */
  readonly input: Redacted.Redacted<string>
  readonly error: DecodeError
}> {
  override get message(): string {
    const which = this.of === 1 ? "the string" : `string ${this.position} of ${this.of}`
    const input = Redacted.value(this.input)
    const complaint = complaintOf(input, this.error)
    const sentence = /[.!?]$/.test(complaint) ? complaint : `${complaint}.`
    return `cannot read ${which} (${nameOf(input)}): ${sentence} ${adviceFor(input, this.error)}`
  }
}

/**
 * The problem as JSON: `position` (from 1), and of the `error` its `what`, `reason`, `where` and `message`.
 *
 * @since 0.1.0
 * @category formatting
 */
export const problemToJson = (problem: NotExplained): JsonObject => ({
  position: problem.position,
  error: {
    what: problem.error.what,
    reason: problem.error.reason,
    where: [...problem.error.where],
    message: problem.message
  }
})
