/**
 * Waiting for something to be true.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ExpectationError } from "./Problems.js"

const pollMillis = 10

/**
 * Looks until there is nothing left to complain about; after `within` ms fails with the last complaint. Looks at least
 * once.
 *
 * @since 0.1.0
 * @category combinators
 */
export const eventually = <E>(
  within: number,
  look: Effect.Effect<ExpectationError | undefined, E>
): Effect.Effect<void, E | ExpectationError> =>
  Effect.flatMap(Clock.currentTimeMillis, (start) => {
    const again: Effect.Effect<void, E | ExpectationError> = Effect.flatMap(look, (complaint) =>
      complaint === undefined
        ? Effect.void
        : Effect.flatMap(Clock.currentTimeMillis, (now) =>
            now - start >= within ? complaint : Effect.zipRight(Effect.sleep(pollMillis), again)
          )
    )
    return again
  })
