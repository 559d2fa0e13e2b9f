/** Runs a property over scenarios; a failure tells the seed, the shrunk steps and how to see it again. */
import { setImmediate } from "node:timers/promises"
import * as FastCheck from "effect/FastCheck"
import type { Violation } from "./Auditor.js"
import { run } from "./Run.js"
import { inWords, type Scenario, simpler } from "./Steps.js"

/**
 * `AECHANNEL_SEED=<seed>` repeats all runs of a seed, `AECHANNEL_SEED=<seed>/<run>` one of them, `AECHANNEL_SEED=new`
 * looks for something new. Without it the runs are the same every time.
 */
const [givenSeed = "", givenRun] = (process.env["AECHANNEL_SEED"] ?? "").split("/")

export const seed: number =
  givenSeed === "new" ? (FastCheck.sample(FastCheck.integer(), 1)[0] ?? 0) : Number(givenSeed || 2026)

/** Whether all runs are made, so that they show everything. */
export const isWhole = givenRun === undefined

/** `AECHANNEL_RUNS=<n>` runs n times as many scenarios. */
const factor = Number(process.env["AECHANNEL_RUNS"] ?? "1")

export interface Options {
  /** The test's name, to be found again by. */
  readonly name: string
  readonly runs: number
  readonly scenarios: FastCheck.Arbitrary<Scenario>
}

/** A scenario with as few and as simple steps as still break one of the same invariants. */
export const shrink = (
  scenario: Scenario,
  judge: (scenario: Scenario) => ReadonlyArray<Violation>
): Scenario => {
  const broken = new Set(judge(scenario).map(({ invariant }) => invariant))
  const fails = (candidate: Scenario): boolean =>
    judge(candidate).some(({ invariant }) => broken.has(invariant))
  let best = scenario
  for (let before: Scenario | undefined; before !== best; ) {
    before = best
    for (let size = 16; size >= 1; size >>= 1) {
      for (let at = 0; at < best.steps.length; ) {
        const candidate = { ...best, steps: best.steps.toSpliced(at, size) }
        if (fails(candidate)) best = candidate
        else at += size
      }
    }
    for (const change of simpler(best)) {
      const candidate = change(best)
      if (inWords(candidate) !== inWords(best) && fails(candidate)) best = candidate
    }
  }
  return best
}

/** What happened in all runs, added up. Throws when an invariant is broken. */
export const check = async ({ name, runs, scenarios }: Options): Promise<ReadonlyMap<string, number>> => {
  const tally = new Map<string, number>()
  const judge = (scenario: Scenario): ReadonlyArray<Violation> => {
    const { tally: more, violations } = run(scenario)
    for (const [what, times] of more) tally.set(what, (tally.get(what) ?? 0) + times)
    return violations
  }
  const details = await FastCheck.check(
    FastCheck.asyncProperty(scenarios, async (scenario) => {
      // The test runner wants to hear from us now and then.
      await setImmediate()
      return judge(scenario).length === 0
    }),
    {
      seed,
      numRuns: runs * factor,
      endOnFailure: true,
      ...(givenRun === undefined ? {} : { path: givenRun })
    }
  )
  if (!details.failed) return tally
  const [scenario] = details.counterexample ?? []
  if (scenario === undefined) throw details.errorInstance
  const shrunk = shrink(scenario, judge)
  const { journal, violations } = run(shrunk)
  throw new Error(
    [
      `an invariant is broken after ${shrunk.steps.length} of ${scenario.steps.length} steps:`,
      ...violations.map(({ detail, invariant }) => `  ${invariant}: ${detail}`),
      inWords(shrunk),
      "what happened last:",
      journal.inWords(60),
      `this run again: AECHANNEL_SEED=${details.seed}/${details.counterexamplePath}, all runs: AECHANNEL_SEED=${details.seed}`,
      `  npx vitest run --project core properties -t "${name}"`
    ].join("\n"),
    { cause: details.errorInstance }
  )
}

export const inTable = (tally: ReadonlyMap<string, number>): string =>
  [...tally]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, times]) => `${what} ${times}`)
    .join(", ")
