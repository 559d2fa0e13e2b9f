/** The whole life of a channel with contracts, judged by the numbered safety invariants. */
import { describe, expect, it } from "@effect/vitest"
import type { Role } from "../../src/protocol/OpenParameters.js"
import { check, inTable, isWhole, seed } from "./support/Check.js"
import { contractScenario } from "./support/ContractSteps.js"
import { run } from "./support/Run.js"
import type { Step } from "./support/Steps.js"

const steps = 36

const create = (role: Role, amount = 0n): Step => ({ kind: "create", role, what: "Till", first: 1n, amount })
const pause: Step = { kind: "wait", milliseconds: 30 }
const invoke = (role: Role, way: "call" | "force", what: "add" | "pay" | "time"): Step => ({
  kind: "invoke",
  role,
  way,
  which: 0,
  what,
  whose: "responder",
  argument: 8n,
  amount: what === "add" ? 9n : 0n,
  pin: "none"
})
const collide = (first: Role, other: "force" | "call"): Step => ({ kind: "collideCalls", first, other })

/** Lives that went wrong once, with as few steps as it took. */
const lives: Readonly<Record<string, ReadonlyArray<Step>>> = {
  "closed with a newer state than the one that was forced long before": [
    create("responder"),
    pause,
    collide("initiator", "force"),
    pause
  ],
  "forced in vain, because the call depends on the block; then away and back": [
    create("responder"),
    pause,
    invoke("initiator", "force", "time"),
    { kind: "stop", role: "initiator" }
  ],
  "forced while a deposit waits that no block takes": [
    create("responder", 100n),
    pause,
    invoke("initiator", "call", "pay"),
    collide("responder", "force"),
    { kind: "solo", role: "initiator", what: "snapshotSolo" },
    { kind: "assume", role: "responder" }
  ],
  "closed with an old state, and a call forced on another while the answer is being signed": [
    create("responder", 100n),
    pause,
    invoke("responder", "call", "add"),
    pause,
    { kind: "cheat", role: "responder", age: 3 },
    { kind: "outdo", role: "responder", what: "force", age: 1, which: 0 }
  ]
}

describe("the whole life of a channel with contracts", () => {
  it.each(Object.entries(lives))("%s", (_, taken) => {
    for (let schedule = 0; schedule < 6; schedule++)
      expect(run({ schedule, life: true, steps: taken }).violations).toEqual([])
  })

  const name =
    "I1 I2 I3 I4a I4b I5 I6 I8 I9 I12 I13 I14 I15 I16 I17 I20: created, called, tried, refused and forced, in the midst of all else"
  it(name, { timeout: 600_000 }, async () => {
    const runs = 150
    const tally = await check({ name, runs, scenarios: contractScenario(steps) })
    console.log(`${runs} lives with contracts of ${steps} steps, AECHANNEL_SEED=${seed}: ${inTable(tally)}`)
    // Each kind of thing has happened, and not only once.
    const often: Readonly<Record<string, number>> = {
      "co-signed rounds at a node": 500,
      "forced rounds at a node": 60,
      "to be signed, OffChainNewContract, ok": 100,
      "to be signed, OffChainCallContract, ok": 80,
      "to be signed, OffChainCallContract, error": 50,
      "to be signed, OffChainCallContract, revert": 5,
      "to be signed, OffChainCallContract, fails": 5,
      "call_contract succeeded": 40,
      "call_contract failed, ConflictError": 50,
      "force_progress succeeded": 40,
      "dry runs looked at": 5,
      "older states forced on": 2,
      "older states snapshot": 2,
      "comeBack succeeded": 40,
      "on chain, channel_force_progress_tx": 40,
      "on chain, channel_settle_tx": 40,
      "on chain, channel_slash_tx": 15,
      "on_chain_tx can_snapshot": 2,
      "settled with a party's latest state": 80,
      cheats: 20,
      forks: 5,
      "ends open": 30,
      "ends closing": 10
    }
    expect(tally.get("dry_run failed, DecodeError")).toBeUndefined()
    if (!isWhole) return
    for (const [what, times] of Object.entries(often))
      expect(tally.get(what) ?? 0, what).toBeGreaterThanOrEqual(times)
  })
})
