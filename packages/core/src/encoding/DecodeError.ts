/**
 * The one failure of every reader of this library: text or bytes that are not what they should be.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

// What was read is quoted in part, and a stranger chooses how long that is.
const cut = (text: string): string => (text.length <= 300 ? text : `${text.slice(0, 300)}…`)

/**
 * Text or bytes could not be read.
 *
 * - `what`: the thing that was being read, e.g. `"transaction"`, `"rlp"`, `"api encoding"`, `"frame"`
 * - `reason`: a stable code in snake case, e.g. `"invalid_prefix"`, `"truncated"`
 * - `where`: the path to the offending part, outermost first; empty for the whole
 * - `detail`: a sentence that says what was wrong and what to do; never holds secrets
 *
 * @since 0.1.0
 * @category errors
 */
export class DecodeError extends Data.TaggedError("DecodeError")<{
  readonly what: string
  readonly reason: string
  readonly where: ReadonlyArray<string | number>
  readonly detail: string
}> {
  override get message(): string {
    const place = this.where.length === 0 ? "" : ` at ${cut(this.where.join("."))}`
    return `Could not read ${this.what}${place}: ${cut(this.detail)} (${this.reason})`
  }
}

/**
 * Builds a `DecodeError`; `where` is empty when left out.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  what: string,
  reason: string,
  detail: string,
  where: ReadonlyArray<string | number> = []
): DecodeError => new DecodeError({ what, reason, where, detail })

/**
 * Runs a reader that throws `DecodeError` as an effect that fails with it. Anything else that is thrown is a
 * defect.
 *
 * @since 0.1.0
 * @category combinators
 */
export const attempt = <A>(f: () => A): Effect.Effect<A, DecodeError> => Effect.suspend(() => attemptNow(f))

/**
 * The same at once.
 *
 * @since 0.1.0
 * @category combinators
 */
export const attemptNow = <A>(f: () => A): Exit.Exit<A, DecodeError> => {
  try {
    return Exit.succeed(f())
  } catch (error) {
    return error instanceof DecodeError ? Exit.fail(error) : Exit.die(error)
  }
}

/**
 * Runs a reader and puts `where` in front of the path of the `DecodeError` it throws, so that an error of a part
 * tells its place in the whole.
 *
 * @internal
 * @since 0.1.0
 * @category combinators
 */
export const within = <A>(where: ReadonlyArray<string | number>, f: () => A): A => {
  try {
    return f()
  } catch (error) {
    if (error instanceof DecodeError)
      throw make(error.what, error.reason, error.detail, [...where, ...error.where])
    throw error
  }
}
