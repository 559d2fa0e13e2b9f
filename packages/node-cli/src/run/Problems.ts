/**
 * What can go wrong in a run, next to the channel's own failures.
 *
 * @since 0.1.0
 */
import type { FlowError } from "@aechannel/core/client/ChannelEvent"
import type { Json, JsonObject } from "@aechannel/core/encoding/Json"
import * as Data from "effect/Data"
import { type Issue, showIssue } from "./Values.js"

/** The script, or a step that came on stdin, cannot be understood. @since 0.1.0 @category errors */
export class ScriptError extends Data.TaggedError("ScriptError")<{
  /** The script's file, or `stdin`. */
  readonly source: string
  /** What the problem is in: `parties`, `step 3 (transfer)`. */
  readonly part: string
  readonly line: number | undefined
  readonly issues: ReadonlyArray<Issue>
  /** What this kind of step is for. */
  readonly advice?: string
}> {
  override get message(): string {
    const line = this.line === undefined ? "" : `, line ${this.line}`
    return `${this.source}${line}: ${this.part}: ${this.issues.map(showIssue).join("; ")}. ${this.advice ?? "SCRIPTS.md of the package describes scripts; `aechannel run --steps` lists the steps."}`
  }
}

/** The run cannot begin: a file, a key, a node or an option is missing or wrong. @since 0.1.0 @category errors */
export class SetupError extends Data.TaggedError("SetupError")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** Something that was to come did not. @since 0.1.0 @category errors */
export class ExpectationError extends Data.TaggedError("ExpectationError")<{
  readonly expected: string
  readonly came: string
}> {
  override get message(): string {
    return `expected ${this.expected}; came ${this.came}`
  }
}

/** The step makes no sense now, such as a transfer before the opening. @since 0.1.0 @category errors */
export class ImpossibleError extends Data.TaggedError("ImpossibleError")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** The step took longer than its `within`. @since 0.1.0 @category errors */
export class TooSlowError extends Data.TaggedError("TooSlowError")<{ readonly within: string }> {
  override get message(): string {
    return `it was not done within ${this.within}`
  }
}

/**
 * The chain did not do what was asked, or its HTTP API did not answer as it should. `reason`: why the mempool refused a
 * transaction, or the chain a fork.
 *
 * @since 0.1.0
 * @category errors
 */
export class ChainError extends Data.TaggedError("ChainError")<{
  readonly detail: string
  readonly reason?: string
}> {
  override get message(): string {
    return this.detail
  }
}

/** How a step can fail. @since 0.1.0 @category errors */
export type StepError =
  | FlowError
  | ExpectationError
  | ImpossibleError
  | TooSlowError
  | ChainError
  | StepFailed

/** The tags that `fails` may name. @since 0.1.0 @category tables */
export const errorTags = [
  "ValidationError",
  "ConflictError",
  "TimeoutError",
  "AbortError",
  "UserDefinedError",
  "RejectedOnChainError",
  "ReservedCodeError",
  "RejectedError",
  "TransportError",
  "DecodeError",
  "VerificationError",
  "SignerError",
  "StoreError",
  "ExpectationError",
  "ImpossibleError",
  "TooSlowError",
  "ChainError"
] as const satisfies ReadonlyArray<Exclude<StepError["_tag"], "StepFailed">>

/** A step did not do what the script says. @since 0.1.0 @category errors */
export class StepFailed extends Data.TaggedError("StepFailed")<{
  /** The number of the step; inside branches `4.2.1`. */
  readonly step: string
  readonly kind: string
  readonly name: string | undefined
  readonly describe: string
  readonly line: number | undefined
  readonly expected: string
  readonly came: string
  /** The error that came, as {@link errorJson}. */
  readonly error: JsonObject | undefined
}> {
  override get message(): string {
    const name = this.name === undefined ? "" : ` “${this.name}”`
    const line = this.line === undefined ? "" : `, line ${this.line}`
    return `step ${this.step}${name} (${this.describe}${line}) failed: expected ${this.expected}; came ${sentence(this.came)}`
  }
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

/** The run ended with failed steps (`--keep-going`). @since 0.1.0 @category errors */
export class RunFailed extends Data.TaggedError("RunFailed")<{
  readonly steps: number
  readonly failed: ReadonlyArray<string>
}> {
  override get message(): string {
    return `${this.failed.length} of ${this.steps} steps failed: ${this.failed.join(", ")}. What was expected and came is told above.`
  }
}

/** The facts of an error that a script can name and a program can read. None of them is ever a secret. */
const facts = [
  "operation",
  "step",
  "endedBy",
  "code",
  "round",
  "channelId",
  "reason",
  "field",
  "expected",
  "actual",
  "came",
  "closeCode",
  "detail"
] as const

const isPlain = (value: unknown): value is string | number | null =>
  typeof value === "string" || typeof value === "number" || value === null

/**
 * An error as JSON: `tag`, `message` and what else it says; `data` are the codes of a refusal.
 *
 * @since 0.1.0
 * @category formatting
 */
export const errorJson = (error: StepError): JsonObject => {
  const json: Record<string, Json> = { tag: error._tag, message: error.message }
  for (const fact of facts) {
    const value: unknown = Reflect.get(error, fact)
    if (Object.hasOwn(error, fact) && isPlain(value)) json[fact] = value
  }
  if (error._tag === "RejectedError") json["data"] = error.data.map(({ code }) => code)
  return json
}
