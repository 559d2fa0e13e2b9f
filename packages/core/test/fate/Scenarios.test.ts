/** Whole lives of contracts in a channel, as the reference node went through them. */
import { describe, expect, it } from "@effect/vitest"
import * as Update from "../../src/state/Update.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Contracts from "../../src/fate/Contracts.js"
import * as Apply from "../../src/state/Apply.js"
import { native } from "../support/TestCrypto.js"
import { environment, initialTrees, runScenarios, scenarios } from "./support/scenarios.js"

runScenarios(["counter", "rps", "events", "factory", "failures", "remote", "token"])

describe("contracts of the AEVM", () => {
  it("cannot be created, whatever their version", () => {
    const [scenario] = scenarios("aevm")
    const [step] = scenario?.steps ?? []
    if (scenario === undefined || step === undefined) throw new Error("no scenario")
    const update = Update.decodeOrThrow(Bytes.fromHex(step.update))
    const contracts = Contracts.executor(environment(scenario.protocol), native)
    const options = { round: step.round, channelReserve: 0n, contracts }
    const result = Apply.applyUpdates(initialTrees(scenario), [update], options)
    expect(result).toBeInstanceOf(Apply.UpdateError)
    expect(result).toMatchObject({
      reason: "contracts_not_supported",
      detail: "contracts of the AEVM cannot be run"
    })
  })
})
