/**
 * Runs a target. Each run depends on the seed, the target's name and its number only, so that it can be repeated alone.
 */
import { performance } from "node:perf_hooks"
import * as Bytes from "../src/encoding/Bytes.js"
import * as Rng from "./Rng.js"
import type { Input, Target } from "./Target.js"

export interface Options {
  readonly seed: number
  readonly runs: number
  /** Number of the first run; 0 when left out. */
  readonly first?: number
  /** Milliseconds one input may take; without limit when left out. */
  readonly budget?: number
  /** Told before each run. */
  readonly onRun?: (run: number) => void
}

export interface Failure {
  readonly run: number
  readonly input: Input
  readonly reason: string
}

export interface Outcome {
  readonly runs: number
  readonly accepted: number
  readonly rejected: number
  /** Milliseconds in all. */
  readonly time: number
  /** Milliseconds of the slowest input. */
  readonly slowest: number
  readonly failure?: Failure
}

/** The input of one run. */
export const inputOf = (target: Target, seed: number, run: number): Input =>
  target.make(Rng.make(`${seed}/${target.name}/${run}`))

const hexOfText = (text: string): string =>
  !/\p{Surrogate}/u.test(text)
    ? `utf8:${Bytes.toHex(Bytes.utf8(text))}`
    : `utf16:${Bytes.toHex(Uint8Array.from({ length: text.length * 2 }, (_, i) => (text.charCodeAt(i >> 1) >> (i % 2 === 0 ? 8 : 0)) & 0xff))}`

/** The input as one word; text is marked `utf8:`, or `utf16:` (big-endian) where it is not well-formed. */
export const toHex = (input: Input): string =>
  typeof input === "string" ? hexOfText(input) : Bytes.toHex(input)

/** Reads what `toHex` wrote. */
export const fromHex = (word: string): Input => {
  const [form = "", digits = ""] = word.includes(":") ? word.split(":") : ["bytes", word]
  const bytes = Bytes.fromHex(digits)
  if (form === "utf8") return Bytes.fromUtf8OrThrow(bytes)
  if (form !== "utf16") return bytes
  let text = ""
  for (let i = 0; i < bytes.length; i += 2)
    text += String.fromCharCode((bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0))
  return text
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error)

// On a busy machine time passes without this process, and the garbage collector works beside it.
const timed = (target: Target, input: Input): { readonly accepted: boolean; readonly time: number } => {
  const start = performance.now()
  const used = process.cpuUsage()
  const accepted = target.check(input)
  const { system, user } = process.cpuUsage(used)
  return { accepted, time: Math.min(performance.now() - start, (system + user) / 1000) }
}

// A pause of the machine is not the reader's fault: only what is slow each time is slow.
const attempts = 4

const timeOf = (target: Target, input: Input, budget: number, first: number): number => {
  let time = first
  for (let i = 1; i < attempts && time > budget; i++) time = Math.min(time, timed(target, input).time)
  return time
}

interface Result {
  readonly accepted: boolean
  readonly time: number
  readonly failure?: Failure
}

/** Checks one input. */
export const runInput = (
  target: Target,
  input: Input,
  run: number,
  most: number = Number.POSITIVE_INFINITY
): Result => {
  const budget = Math.max(most, target.budget ?? most)
  try {
    const { accepted, time: first } = timed(target, input)
    const time = timeOf(target, input, budget, first)
    if (time <= budget) return { accepted, time }
    const reason = `took ${time.toFixed(1)} ms at best of ${attempts}, more than the budget of ${budget} ms`
    return { accepted, time, failure: { run, input, reason } }
  } catch (error) {
    return { accepted: false, time: 0, failure: { run, input, reason: reasonOf(error) } }
  }
}

/** Runs a target until the number of runs is reached or a promise is broken. */
export const runTarget = (target: Target, options: Options): Outcome => {
  const { budget, first = 0, onRun, runs, seed } = options
  const start = performance.now()
  let accepted = 0
  let slowest = 0
  for (let i = 0; i < runs; i++) {
    const run = first + i
    onRun?.(run)
    const result = runInput(target, inputOf(target, seed, run), run, budget)
    slowest = Math.max(slowest, result.time)
    if (result.failure !== undefined) {
      const time = performance.now() - start
      return { runs: i + 1, accepted, rejected: i - accepted, time, slowest, failure: result.failure }
    }
    if (result.accepted) accepted++
  }
  return { runs, accepted, rejected: runs - accepted, time: performance.now() - start, slowest }
}

// A turn is long enough for the look at the clock not to matter, and short enough for all targets to have many.
const turn = 10

/** Runs targets in turns for some milliseconds; one that broke a promise has no more turns. */
export const inTurns = (
  targets: ReadonlyArray<Target>,
  milliseconds: number,
  run: (index: number, target: Target, range: { readonly runs: number; readonly first: number }) => Outcome
): ReadonlyArray<Outcome> => {
  const end = performance.now() + milliseconds
  const none: Outcome = { runs: 0, accepted: 0, rejected: 0, time: 0, slowest: 0 }
  const outcomes = targets.map(() => none)
  while (performance.now() < end && outcomes.some(({ failure }) => failure === undefined))
    for (const [index, target] of targets.entries()) {
      const before = outcomes[index] as Outcome
      if (before.failure !== undefined) continue
      const { accepted, rejected, runs, slowest, time, ...more } = run(index, target, {
        runs: Math.ceil(turn * Math.min(target.weight, 1)),
        first: before.runs
      })
      outcomes[index] = {
        runs: before.runs + runs,
        accepted: before.accepted + accepted,
        rejected: before.rejected + rejected,
        time: before.time + time,
        slowest: Math.max(before.slowest, slowest),
        ...more
      }
    }
  return outcomes
}
