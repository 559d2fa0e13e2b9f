/**
 * Failures as one readable paragraph.
 *
 * @since 0.1.0
 */
import * as ValidationError from "@effect/cli/ValidationError"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const paragraph = (error: unknown): string =>
  error instanceof Error ? error.message : typeof error === "string" ? error : String(error)

/**
 * Prints what went wrong, without a stack trace: the failures' own messages, or a request to report a defect. What
 * the command line parser has already explained is not said again.
 *
 * @since 0.1.0
 * @category formatting
 */
export const reportFailure = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.isInterruptedOnly(cause)) return Effect.void
  const failures = [...Cause.failures(cause)].filter((error) => !ValidationError.isValidationError(error))
  const defects = [...Cause.defects(cause)]
  return Effect.forEach(
    [
      ...failures.map((error) => `aechannel: ${paragraph(error)}`),
      ...defects.map(
        (defect) => `aechannel: this should not have happened: ${paragraph(defect)}. Please report it.`
      )
    ],
    (line) => Console.error(line),
    { discard: true }
  )
}
