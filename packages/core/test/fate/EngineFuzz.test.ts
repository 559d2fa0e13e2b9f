/** Random programs: whatever a contract does, a run has an outcome, twice the same, and no coins come or go. */
import { expect, it } from "@effect/vitest"
import * as Trees from "../../src/state/Trees.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"
import { callOf, execute, said, treesOf } from "./support/calls.js"
import { Programs } from "./support/programs.js"

const runs = 3000

const one = (seed: number): string => {
  const programs = new Programs(seed)
  programs.prepare()
  const vm = programs.pick([8, 8, 8, 7, 5])
  const trees = treesOf([
    { key: 1, functions: programs.program(), store: { "0001": "02" } },
    {
      key: 2,
      functions: programs.program(),
      vm,
      ...(programs.chance(0.5) ? { store: { "0001": "02" } } : {})
    }
  ])
  const call = callOf(trees, { gas: programs.pick([30_000, 100_000, 300_000]) })
  const environment = { protocol: programs.pick([6, 6, 6, 5, 4]) }
  const outcome = execute(call, environment)
  expect(said(outcome)).not.toContain("the machine failed")
  if (outcome._tag === "Finished") {
    expect(outcome.gasUsed).toBeGreaterThanOrEqual(0)
    expect(outcome.gasUsed).toBeLessThanOrEqual(call.gas)
    expect(Trees.totalBalance(outcome.trees)).toBe(Trees.totalBalance(trees))
    if (outcome.returnType === "ok") ValueCodec.decodeOrThrow(outcome.returnValue)
    const again = execute(call, environment)
    expect(said(again)).toBe(said(outcome))
    expect(again._tag === "Finished" && Trees.stateHashText(again.trees)).toBe(
      Trees.stateHashText(outcome.trees)
    )
  }
  return outcome._tag === "Finished" ? outcome.returnType : outcome._tag
}

it(`${runs} random programs`, () => {
  const counts = new Map<string, number>()
  for (let seed = 1; seed <= runs; seed++) {
    try {
      const kind = one(seed)
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error
      })
    }
  }
  console.log(`random programs: ${[...counts].map(([kind, count]) => `${count} ${kind}`).join(", ")}`)
  expect(counts.get("ok") ?? 0).toBeGreaterThan(runs / 20)
})
