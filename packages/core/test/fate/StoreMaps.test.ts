/** Maps in the stores of contracts, as the reference engine numbers, shares, changes and collects them. */
import { describe, expect, it } from "@effect/vitest"
import * as Engine from "../../src/fate/Engine.js"
import { native } from "../support/TestCrypto.js"
import { runScenarios } from "./support/scenarios.js"
import { load, prepare, runCase, runGroup } from "./support/vectors.js"

runScenarios(["maps", "nested-maps", "fuzz-store"])

runGroup("ops-store-errors", "store_maps")

describe("maps of more than 32 entries that hold maps", () => {
  const fixture = load("order-hazard")

  it("32 maps in a map get their numbers in the order of the keys", () => {
    const one = fixture.cases.find(({ name }) => name === "nested_maps_32_keys")
    if (one === undefined) throw new Error("no such case")
    runCase(fixture, one)
  })

  it("33 would get them in an order that is nowhere written down: the call is refused", () => {
    const one = fixture.cases.find(({ name }) => name === "nested_maps_33_keys")
    if (one === undefined) throw new Error("no such case")
    const prepared = prepare(fixture, one)
    if (prepared === undefined) throw new Error("no such call")
    const outcome = Engine.execute(prepared.call, prepared.environment, native)
    expect(outcome).toMatchObject({
      _tag: "Crashed",
      reason: expect.stringContaining("Erlang map of more than 32")
    })
  })
})
