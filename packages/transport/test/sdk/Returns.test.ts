/**
 * Deposits, withdrawals, leaving and coming back with the JavaScript SDK's channel client and ours, as either party and
 * against each other, over real sockets and one node. `AECHANNEL_REPEATS` says how often.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Pairing } from "./support/Life.js"
import { coins, returns } from "./support/Returns.js"
import * as World from "./support/World.js"

const repeats = Number(process.env["AECHANNEL_REPEATS"] ?? 1)

const pairings: ReadonlyArray<Pairing> = [
  ["sdk", "own"],
  ["own", "sdk"],
  ["sdk", "sdk"]
]
const roles = ["initiator", "responder"] as const

describe.each(pairings)("%s as initiator with %s as responder", (...pairing) => {
  for (let repeat = 1; repeat <= repeats; repeat++) {
    it.live.each(roles)(`deposits and withdrawals, first of the %s (${repeat} of ${repeats})`, (first) =>
      Effect.gen(function* () {
        expect(yield* coins(pairing, first)).toBe(9)
      }).pipe(Effect.provide(World.layer()))
    )

    it.live.each(roles)(`the %s leaves and comes back, and reconnects (${repeat} of ${repeats})`, (leaver) =>
      Effect.gen(function* () {
        expect(yield* returns(pairing, leaver)).toBe(12)
      }).pipe(Effect.provide(World.layer()))
    )
  }
})
