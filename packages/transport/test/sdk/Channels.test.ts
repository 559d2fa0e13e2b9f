/**
 * The JavaScript SDK's channel client and ours, as either party and against each other, over real sockets and one
 * node: whole lives of channels. `AECHANNEL_REPEATS` says how often.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Pairing, life } from "./support/Life.js"
import * as World from "./support/World.js"

const repeats = Number(process.env["AECHANNEL_REPEATS"] ?? 1)

const pairings: ReadonlyArray<Pairing> = [
  ["sdk", "own"],
  ["own", "sdk"],
  ["sdk", "sdk"]
]

describe.each(pairings)("%s as initiator with %s as responder", (...pairing) => {
  for (let repeat = 1; repeat <= repeats; repeat++) {
    it.live(`two whole channels, closed by one party and by the other (${repeat} of ${repeats})`, () =>
      Effect.gen(function* () {
        const before = performance.now()
        const rounds = [yield* life(pairing, "initiator"), yield* life(pairing, "responder")]
        expect(rounds).toEqual([43, 43])
        const took = Math.round(performance.now() - before)
        if (repeat === 1)
          console.log(`${pairing.join(" with ")}: ${rounds.join(" and ")} rounds in ${took} ms`)
      }).pipe(Effect.provide(World.layer()))
    )
  }
})
