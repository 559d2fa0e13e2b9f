/**
 * Opening, leaving, coming back, and what else passes on the sockets of two parties next to their operations, over real
 * WebSockets, by either party, frame by frame.
 */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { play, sessions } from "./support/Sessions.js"
import { roles } from "./support/World.js"

let played = 0
const names = Object.keys(sessions)

for (const name of names) {
  it.live.each(roles)(`${name}: the %s`, (starter) =>
    Effect.tap(play(name, starter), () => {
      played += 1
    })
  )
}

it("every session was played by both parties", () => {
  console.log(`${played} sessions played: ${names.length}, by either party`)
  expect(played).toBe(28)
})
