/**
 * Failures as one readable paragraph.
 *
 * @since 0.1.0
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as LogLevel from "effect/LogLevel"
import { stripVTControlCharacters } from "node:util"

/**
 * A command failed and its failure was printed; only the exit code is left to set.
 *
 * @since 0.1.0
 * @category errors
 */
export class Reported extends Data.TaggedError("Reported") {}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : typeof error === "string" ? error : String(error)

/** What the parser has to say, without colours and line breaks. */
const usage = (error: ValidationError.ValidationError): string => {
  const text = stripVTControlCharacters(HelpDoc.toAnsiText(error.error))
    .replaceAll(/\s+/g, " ")
    .replaceAll(" a integer", " an integer")
    .trim()
  return `${text}${/[.!?]$/.test(text) ? "" : "."} The command's --help shows what it takes.`
}

const paragraph = (error: unknown): string =>
  ValidationError.isValidationError(error) ? usage(error) : messageOf(error)

const paragraphs = (cause: Cause.Cause<unknown>): ReadonlyArray<string> => [
  ...Array.from(Cause.failures(cause))
    .filter((error) => !(error instanceof Reported))
    .map((error) => `aechannel: ${paragraph(error)}`),
  ...Array.from(
    Cause.defects(cause),
    (defect) =>
      `aechannel: this should not have happened: ${messageOf(defect)}. Please report it, with what --log-level debug adds.`
  )
]

/**
 * Prints what went wrong, each failure as one paragraph that says what to do, without a stack trace; a defect with a
 * request to report it. Where debug messages are asked for (`--log-level debug`), the whole cause follows, with its
 * stack traces and spans.
 *
 * @since 0.1.0
 * @category formatting
 */
export const reportFailure = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.isInterruptedOnly(cause)) return Effect.void
  const lines = paragraphs(cause)
  if (lines.length === 0) return Effect.void
  return Effect.gen(function* () {
    for (const line of lines) yield* Console.error(line)
    const level = yield* FiberRef.get(FiberRef.currentMinimumLogLevel)
    if (LogLevel.lessThanEqual(level, LogLevel.Debug))
      yield* Console.error(Cause.pretty(cause, { renderErrorCause: true }))
  })
}

const isUsage = (cause: Cause.Cause<unknown>): boolean =>
  Array.from(Cause.failures(cause)).some(ValidationError.isValidationError)

/**
 * Reports the failure of a command where its log level is known, and fails with `Reported` instead. What the parser has
 * to answer, such as a request for help, passes through.
 *
 * @since 0.1.0
 * @category combinators
 */
export const reporting = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Reported, R> =>
  Effect.catchAllCause(
    effect,
    (cause): Effect.Effect<never, E | Reported> =>
      Cause.isInterruptedOnly(cause) || isUsage(cause)
        ? Effect.failCause(cause)
        : Effect.zipRight(reportFailure(cause), new Reported())
  )
