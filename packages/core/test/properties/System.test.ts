/** Two clients and their node, through everything that parties may do, judged by the numbered safety invariants. */
import { setImmediate } from "node:timers/promises"
import { describe, expect, it } from "@effect/vitest"
import { roles } from "./support/Doubles.js"
import { check, inTable, isWhole, seed } from "./support/Check.js"
import { cutOpening } from "./support/Run.js"
import { scenario } from "./support/Steps.js"

const steps = 30

describe("the whole system", () => {
  const everyDay = "I1 I2 I4a I4b I5 I6 I8 I9 I12 I13 I20: transfers, refusals, collisions and disconnects"
  it(everyDay, { timeout: 600_000 }, async () => {
    const runs = 300
    const tally = await check({ name: everyDay, runs, scenarios: scenario(steps, "talk") })
    console.log(`${runs} runs of ${steps} steps, AECHANNEL_SEED=${seed}: ${inTable(tally)}`)
    // Each kind of thing has happened, and not only once.
    const often: Readonly<Record<string, number>> = {
      "co-signed rounds at a node": 1_000,
      "signatures that lower the own balance": 300,
      "conflict 2": 100,
      "conflict 3": 30,
      disconnected: 600,
      "second bodies for a round refused": 1,
      "abort failed, RejectedError": 5,
      "transfer failed, RejectedError": 100,
      "transfer failed, SignerError": 10,
      "transfer failed, UserDefinedError": 10,
      "transfer failed, TransportError": 100,
      "transfer interrupted": 30
    }
    if (!isWhole) return
    for (const [what, times] of Object.entries(often))
      expect(tally.get(what) ?? 0, what).toBeGreaterThanOrEqual(times)
  })

  const endings = "I1 I2 I4a I4b I5 I6 I8 I9 I12 I13 I20: the same with shutdown, leave and stop"
  it(endings, { timeout: 600_000 }, async () => {
    const runs = 100
    const tally = await check({ name: endings, runs, scenarios: scenario(steps, "endings") })
    console.log(`${runs} runs of ${steps} steps with endings, AECHANNEL_SEED=${seed}: ${inTable(tally)}`)
    if (!isWhole) return
    for (const what of ["shutdown succeeded", "leave succeeded", "stop succeeded"])
      expect(tally.get(what) ?? 0, what).toBeGreaterThan(0)
  })

  it("I8 I12 I13: an opening that is cut off at any moment ends typed, and leaves nothing behind", {
    timeout: 600_000
  }, async () => {
    let turns = 0
    let over = false
    for (; !over; turns++) {
      await setImmediate()
      for (const role of roles) {
        const outcome = cutOpening(turns, turns, role, turns % 2 === 0 ? "cut" : "close")
        expect(outcome.violations, `cut off after ${turns} turns: ${role}`).toEqual([])
        over ||= outcome.over
      }
    }
    console.log(`openings cut off after 0 to ${turns} turns, each party once`)
    expect(turns).toBeGreaterThan(30)
  })
})
