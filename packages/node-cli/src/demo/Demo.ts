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

const game = Command.make("game", {}, () =>
  Effect.flatMap(
    Effect.promise(() => import("./Game.js")),
    ({ play }) => play
  )
).pipe(
  Command.withDescription(
    "Watch a game with stakes by the rules of a contract: stone, paper, scissors. One party goes silent when it has lost; the other has the chain decide, closes the channel alone and is paid."
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
    "Watch two parties open a channel on an embedded node, pay, decline, talk and close it; or, with a command, how a cheater fares, or a game with stakes."
  ),
  Command.withSubcommands([dispute, game])
)
