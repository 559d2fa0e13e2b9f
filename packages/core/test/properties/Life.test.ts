/** The whole life of a channel, from its opening to its end on chain, judged by the numbered safety invariants. */
import { describe, expect, it } from "@effect/vitest"
import { check, inTable, isWhole, seed } from "./support/Check.js"
import { scenario } from "./support/Steps.js"

const steps = 40

describe("the whole life of a channel", () => {
  const name =
    "I1 I2 I3 I4a I4b I5 I6 I8 I9 I12 I13 I14 I15 I16 I17 I20: on chain and off, coming and going, with a cheater and a chain that forks"
  it(name, { timeout: 600_000 }, async () => {
    const runs = 200
    const tally = await check({ name, runs, scenarios: scenario(steps, "life") })
    console.log(`${runs} lives of ${steps} steps, AECHANNEL_SEED=${seed}: ${inTable(tally)}`)
    // Each kind of thing has happened, and not only once.
    const often: Readonly<Record<string, number>> = {}
    if (!isWhole) return
    for (const [what, times] of Object.entries(often))
      expect(tally.get(what) ?? 0, what).toBeGreaterThanOrEqual(times)
  })
})
