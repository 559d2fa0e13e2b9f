/** The whole life of a channel, from its opening to its end on chain, judged by the numbered safety invariants. */
import { describe, expect, it } from "@effect/vitest"
import { check, inTable, isWhole, seed } from "./support/Check.js"
import { scenario } from "./support/Steps.js"

const steps = 40

describe("the whole life of a channel", () => {
  const name =
    "I1 I2 I3 I4a I4b I5 I6 I8 I9 I12 I13 I14 I15 I16 I17 I20: on chain and off, coming and going, with a cheater and a chain that forks"
  it(name, { timeout: 600_000 }, async () => {
    const runs = 400
    const tally = await check({ name, runs, scenarios: scenario(steps, "life") })
    console.log(`${runs} lives of ${steps} steps, AECHANNEL_SEED=${seed}: ${inTable(tally)}`)
    // Each kind of thing has happened, and not only once.
    const often: Readonly<Record<string, number>> = {
      "co-signed rounds at a node": 1_500,
      "signatures that lower the own balance": 300,
      "deposits that count at a node": 120,
      "withdrawals that count at a node": 35,
      "deposit failed, ConflictError": 30,
      "withdraw failed, TimeoutError": 5,
      "assume succeeded": 30,
      "info minimum_depth_achieved": 10,
      "snapshot_solo succeeded": 3,
      "close_solo succeeded": 20,
      "settle succeeded": 60,
      "settle failed, TimeoutError": 2,
      "shutdown succeeded": 15,
      "leave succeeded": 15,
      "stop succeeded": 25,
      "comeBack succeeded": 300,
      "comeBack failed, TransportError": 10,
      "co-signed rounds found at a node": 2,
      disconnected: 300,
      "info channel_reestablished": 90,
      "info peer_disconnected": 20,
      cheats: 100,
      "older states seen closing": 6,
      "on_chain_tx can_slash": 40,
      "on chain, channel_slash_tx": 50,
      "on chain, channel_settle_tx": 60,
      "on chain, channel_close_mutual_tx": 15,
      "settled with a party's latest state": 120,
      forks: 60,
      "conflict 3": 60,
      "transfer failed, UserDefinedError": 10,
      "ends open": 40,
      "ends closing": 30,
      "ends closed": 6
    }
    if (!isWhole) return
    for (const [what, times] of Object.entries(often))
      expect(tally.get(what) ?? 0, what).toBeGreaterThanOrEqual(times)
  })
})
