import { describe, expect, it } from "@effect/vitest"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Ledger from "../../src/node/Ledger.js"
import { fixture } from "../support/Shared.js"
import { native } from "../support/TestCrypto.js"
import { forcedScenarios } from "./support/Forced.js"
import {
  type Scenario,
  type Step,
  accountsOf,
  balances,
  changedIn,
  channelBytes,
  networkId,
  play
} from "./support/Scenario.js"

const onchain: ReadonlyArray<Scenario> = fixture("onchain").scenarios
const generalized: ReadonlyArray<Scenario> = fixture("ga-chain").scenarios
const forced = forcedScenarios()

const stepsOf = (scenarios: ReadonlyArray<Scenario>): ReadonlyArray<Step> =>
  scenarios.flatMap(({ steps }) => steps)

describe("Ledger: known answers of the reference node (onchain.json)", () => {
  it.each(onchain)("$name", (scenario) => {
    expect(play(scenario)).toBe(scenario.steps.length)
  })

  it("counts", () => {
    const steps = stepsOf(onchain)
    const kinds = new Set(steps.map(({ type }) => type))
    const refusals = new Set(steps.map(({ result }) => result).filter((result) => result !== "ok"))
    console.log(`onchain.json: ${onchain.length} scenarios, ${steps.length} steps equal`)
    console.log(`kinds: ${[...kinds].sort().join(", ")}; ${refusals.size} errors`)
    expect([onchain.length, steps.length, kinds.size, refusals.size]).toEqual([121, 245, 10, 34])
  })
})

describe("Ledger: known answers of the reference node (ga-chain.json)", () => {
  it.each(generalized)("$name", (scenario) => {
    expect(play(scenario)).toBe(scenario.steps.length)
  })

  it("counts", () => {
    console.log(
      `ga-chain.json: ${generalized.length} scenarios, ${stepsOf(generalized).length} steps equal; the authentication contract runs`
    )
    expect(generalized).toHaveLength(15)
  })
})

describe("Ledger: known answers of the reference node (force progress of contract.json)", () => {
  it.each(forced)("$name", (scenario) => {
    expect(play(scenario)).toBe(scenario.steps.length)
  })

  it("counts", () => {
    const steps = stepsOf(forced)
    const tries = steps.filter(({ type }) => type === "channel_force_progress_tx")
    console.log(
      `contract.json: ${forced.length} scenarios, ${steps.length} steps equal, ${tries.length} of them force progress`
    )
    expect([forced.length, steps.length, tries.length]).toEqual([25, 67, 31])
    expect(Ledger.supportedKinds).toContain("ChannelForceProgressTx")
  })
})

describe("Ledger: known answers through mempool and blocks", () => {
  /** The mempool sees some errors before a block does, under names of its own. */
  const earlier: { readonly [reason: string]: ReadonlyArray<string> } = {
    tx_nonce_already_used_for_account: ["nonce_too_low"],
    tx_nonce_too_high_for_account: ["nonce_too_high"],
    "{error,badmatch}": ["nonce_too_low"],
    not_a_basic_account: ["generalized_account_cant_sign_non_meta_tx"],
    not_a_generalized_account: ["nonce_too_low"],
    // In a block signatures come before the protocol, in the mempool after it.
    signature_check_failed: ["invalid_at_protocol"],
    // A block takes it and lets it pay in vain.
    ok: ["generalized_account_cant_sign_non_meta_tx"]
  }

  const isReachable = ({ steps }: Scenario): boolean =>
    steps.every((step, index) => {
      const before = steps[index - 1]
      return before === undefined || (before.height <= step.height && before.protocol === step.protocol)
    })

  const readable = (text: string): SignedTx.SignedTx | undefined => {
    try {
      return SignedTx.fromTextOrThrow(text)
    } catch {
      return undefined
    }
  }

  const through = (scenario: Scenario): void => {
    const [first] = scenario.steps
    if (first === undefined) throw new Error("a scenario without steps")
    let ledger = Ledger.make({
      networkId,
      accounts: accountsOf(scenario),
      protocol: first.protocol,
      startHeight: first.height,
      minimumGasPrice: 1n
    })
    let before = balances(ledger.state)
    for (const step of scenario.steps) {
      while (ledger.top.height < step.height) ledger = Ledger.mineKeyBlock(ledger, native).ledger
      const tx = readable(step.tx)
      if (tx === undefined) {
        expect(step.result).not.toBe("ok")
        continue
      }
      const taken = Ledger.submit(ledger, tx, native)
      if (taken instanceof Ledger.MempoolError) {
        expect([step.result, ...(earlier[step.result] ?? [])]).toContain(taken.reason)
        continue
      }
      const block = Ledger.mineMicroBlock(taken.ledger, native)
      expect(block.included.length).toBe(step.result === "ok" ? 1 : 0)
      if (step.result !== "ok") {
        const failure = Ledger.pending(block.ledger).find(
          ({ txHash }) => txHash === taken.txHash
        )?.lastFailure
        expect([step.result, "dropped"]).toContain(failure ?? "dropped")
      }
      // What was refused must not come in later.
      ledger = step.result === "ok" ? block.ledger : ledger
      expect(balances(ledger.state)).toEqual({ ...before, ...changedIn(step) })
      expect(channelBytes(ledger.state)).toEqual(step.channels)
      before = balances(ledger.state)
    }
  }

  const all = [...onchain, ...generalized, ...forced]

  it.each(all.filter(isReachable))("$name", through)

  it("counts", () => {
    const others = all.filter((scenario) => !isReachable(scenario)).map(({ name }) => name)
    console.log(
      `through mempool and blocks: ${all.length - others.length} scenarios; not: ${others.join(", ")} (its protocol goes back)`
    )
    expect(others).toEqual(["set delegates: at protocol 4"])
  })
})
