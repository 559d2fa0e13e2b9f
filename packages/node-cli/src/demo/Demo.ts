/**
 * `aechannel demo`: two parties and an embedded node, over real WebSockets.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"

// What is played is loaded when it is played: the other commands start faster without it.
const dispute = Command.make("dispute", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./Dispute.js")),
    ({ play }) => play
  )
).pipe(
  Command.withDescription(
    "Watch a party close a channel with an old state while the other is away, and what it gets from that: the answer, the lock period, and the balances of the latest state."
  )
)

/**
 * @since 0.1.0
 * @category commands
 */
export const demo = Command.make("demo", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./Life.js")),
    ({ play }) => play
  )
).pipe(
  Command.withDescription(
    "Watch two parties open a channel on an embedded node, pay, decline, talk and close it; or, with a command, how a cheater fares."
  ),
  Command.withSubcommands([dispute])
)
