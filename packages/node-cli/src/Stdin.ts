/**
 * What is piped into the program.
 *
 * @since 0.1.0
 */
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/**
 * The standard input could not be read.
 *
 * @since 0.1.0
 * @category errors
 */
export class StdinError extends Data.TaggedError("StdinError")<{ readonly detail: string }> {
  override get message(): string {
    return `cannot read the standard input: ${this.detail}. Name a file or a string in place of “-”.`
  }
}

/**
 * All of the standard input as text, at most that many bytes. Fails with `StdinError`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const read = (maxBytes: number): Effect.Effect<string, StdinError> =>
  NodeStream.toString(() => process.stdin, {
    maxBytes,
    onFailure: (error) => new StdinError({ detail: error instanceof Error ? error.message : String(error) })
  })
