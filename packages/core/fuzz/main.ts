/**
 * `pnpm fuzz [--runs N] [--seconds N] [--seed S] [--budget MS] [--only RUN] [--input HEX] [--list] [target…]`: feeds
 * mutated inputs to every reader of the library and ends with 1 when one breaks a promise.
 */
import { randomInt } from "node:crypto"
import { parseArgs } from "node:util"
import * as Corpus from "./Corpus.js"
import * as Run from "./Run.js"
import type { Target } from "./Target.js"
import * as Targets from "./Targets.js"
import * as Watchdog from "./Watchdog.js"

const usage = `usage: pnpm fuzz [options] [target or group of targets…]
  --runs N     inputs per target (default 5000, and 100000 of frames for each codec and direction)
  --seconds N  goes round the targets for this long, however many inputs that are, and tells the memory that it took
  --seed S     0 to 4294967295; the same seed gives the same inputs (default: random, printed)
  --budget MS  time one input may take (default 500)
  --only RUN   just this run of the seed
  --input HEX  just this input, as a failure printed it
  --list       names of the targets`

const numberOf = (name: string, text: string | undefined, absent: number): number => {
  if (text === undefined) return absent
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= 0) return number
  console.error(`--${name} takes a whole number, not ${text}\n${usage}`)
  process.exit(2)
}

const arguments_ = () => {
  try {
    return parseArgs({
      // Some package managers pass the mark on that sets their own arguments apart.
      args: process.argv.slice(2).filter((argument) => argument !== "--"),
      allowPositionals: true,
      options: {
        runs: { type: "string" },
        seconds: { type: "string" },
        seed: { type: "string" },
        budget: { type: "string" },
        only: { type: "string" },
        input: { type: "string" },
        list: { type: "boolean" },
        help: { type: "boolean", short: "h" }
      }
    })
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
    process.exit(2)
  }
}

const longestShown = 4_000

const report = (target: Target, seed: number, failure: Run.Failure): void => {
  const hex = Run.toHex(failure.input)
  console.error(`\nFAILED ${target.name}: ${failure.reason}`)
  console.error(
    `  seed ${seed}, run ${failure.run}; repeat with: pnpm fuzz --seed ${seed} --only ${failure.run} ${target.name}`
  )
  console.error(
    hex.length <= longestShown
      ? `  input ${hex}`
      : `  input ${hex.slice(0, longestShown)}… (${hex.length} characters; --only makes it again)`
  )
}

const row = (...cells: ReadonlyArray<string>): string =>
  cells.map((cell, index) => (index === 0 ? cell.padEnd(34) : cell.padStart(10))).join("")

const perSecond = ({ runs, time }: Run.Outcome): string =>
  String(Math.round((runs * 1000) / Math.max(time, 0.001)))

const printOutcome = ({ name, seeds }: Target, outcome: Run.Outcome): void => {
  const { accepted, rejected, runs, slowest } = outcome
  const cells = [seeds, runs, accepted, rejected, perSecond(outcome), slowest.toFixed(1)]
  console.log(row(name, ...cells.map(String)))
}

const main = async (): Promise<number> => {
  const { positionals, values } = arguments_()
  if (values.help === true) {
    console.log(usage)
    return 0
  }
  const seconds = values.seconds === undefined ? undefined : numberOf("seconds", values.seconds, 60)
  // Without recordings where memory is looked at.
  const targets = Targets.select(
    Targets.make(Corpus.load({ recordings: seconds === undefined })),
    positionals
  )
  if (values.list === true) {
    for (const { name } of targets) console.log(name)
    return 0
  }
  if (targets.length === 0) {
    console.error(`there is no target ${positionals.join(", ")}; --list shows them`)
    return 2
  }
  const seed = numberOf("seed", values.seed, randomInt(2 ** 32))
  const budget = numberOf("budget", values.budget, 500)
  if (values.input !== undefined) {
    const input = Run.fromHex(values.input)
    const failures = targets.map((target) => ({
      target,
      failure: Run.runInput(target, input, 0, budget).failure
    }))
    for (const { failure, target } of failures) if (failure !== undefined) report(target, seed, failure)
    return failures.some(({ failure }) => failure !== undefined) ? 1 : 0
  }
  const only = values.only === undefined ? undefined : numberOf("only", values.only, 0)
  const rangeOf = ({ weight }: Target) =>
    only === undefined ? { runs: numberOf("runs", values.runs, 5000 * weight) } : { runs: 1, first: only }

  console.log(`seed ${seed}, budget ${budget} ms per input`)
  console.log(row("target", "seeds", "runs", "accepted", "rejected", "runs/s", "slowest ms"))
  const started = Math.round(process.memoryUsage.rss() / 2 ** 20)
  const watchdog = Watchdog.start(
    targets.map(({ name }) => name),
    seed,
    Math.max(20_000, 20 * budget)
  )
  const total = { runs: 0, accepted: 0, rejected: 0, time: 0, slowest: 0, failed: 0 }
  const finish = (target: Target, outcome: Run.Outcome): void => {
    printOutcome(target, outcome)
    if (outcome.failure !== undefined) {
      report(target, seed, outcome.failure)
      total.failed++
    }
    total.runs += outcome.runs
    total.accepted += outcome.accepted
    total.rejected += outcome.rejected
    total.time += outcome.time
    total.slowest = Math.max(total.slowest, outcome.slowest)
  }
  const run = (index: number, target: Target, range: { readonly runs: number; readonly first?: number }) =>
    Run.runTarget(target, { seed, budget, ...range, onRun: (each) => watchdog.onRun(index, each) })
  if (seconds === undefined)
    for (const [index, target] of targets.entries()) finish(target, run(index, target, rangeOf(target)))
  else
    for (const [index, outcome] of Run.inTurns(targets, seconds * 1000, run).entries())
      finish(targets[index] as Target, outcome)
  await watchdog.stop()
  printOutcome(
    {
      name: `${targets.length} targets`,
      seeds: targets.reduce((sum, { seeds }) => sum + seeds, 0),
      weight: 1,
      make: () => "",
      check: () => true
    },
    total
  )
  if (seconds !== undefined)
    console.log(
      `most memory: ${Math.round(process.resourceUsage().maxRSS / 1024)} MB (${started} MB at the start)`
    )
  if (total.failed > 0) console.error(`\n${total.failed} of ${targets.length} targets failed (seed ${seed})`)
  return total.failed > 0 ? 1 : 0
}

process.exitCode = await main()
