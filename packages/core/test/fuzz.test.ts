/**
 * A short fuzzing run with a fixed seed; `pnpm fuzz` runs for as long as it is told to, with recorded sessions as well.
 */
import { afterAll, describe, expect, it } from "@effect/vitest"
import * as Corpus from "../fuzz/Corpus.js"
import * as Rng from "../fuzz/Rng.js"
import * as Run from "../fuzz/Run.js"
import * as Target from "../fuzz/Target.js"
import * as Targets from "../fuzz/Targets.js"
import * as DecodeError from "../src/encoding/DecodeError.js"

const seed = 20_260
const runs = 250

// Runs that take as long as they may are for the fuzzer itself.
const targets = Targets.make(Corpus.load({ recordings: false })).filter(({ weight }) => weight >= 0.1)

describe("fuzzing", () => {
  const total = { runs: 0, accepted: 0, rejected: 0 }

  it.each(targets.map((target) => [target.name, target] as const))("%s keeps its promises", (_, target) => {
    const { accepted, failure, rejected } = Run.runTarget(target, { seed, runs })
    if (failure !== undefined) {
      const where = `seed ${seed}, run ${failure.run}, input ${Run.toHex(failure.input).slice(0, 2_000)}`
      throw new Error(`${target.name}: ${failure.reason}\n${where}`)
    }
    // Only accepted inputs are checked for what follows, only refused ones for how.
    expect(accepted).toBeGreaterThan(0)
    expect(rejected).toBeGreaterThan(0)
    total.runs += runs
    total.accepted += accepted
    total.rejected += rejected
  })

  afterAll(() => {
    const { accepted, rejected } = total
    console.log(
      `fuzz: seed ${seed}, ${targets.length} targets, ${total.runs} runs, ${accepted} accepted, ${rejected} rejected`
    )
  })
})

describe("the fuzzer", () => {
  const failing = (check: (input: string) => boolean) =>
    Target.ofText("planted", {
      seeds: ["some text"],
      mutate: (rng, input) => input.slice(rng.below(input.length)),
      check
    })

  const failureOf = (check: (input: string) => boolean) =>
    Run.runTarget(failing(check), { seed, runs: 200 }).failure

  it("gives the same inputs for the same seed and others for another", () => {
    for (const target of targets.slice(0, 40)) {
      const inputs = (from: number) =>
        Array.from({ length: 20 }, (_, run) => Run.toHex(Run.inputOf(target, from, run)))
      expect(inputs(1)).toEqual(inputs(1))
      expect(inputs(1)).not.toEqual(inputs(2))
    }
  })

  it("repeats a run by its number alone", () => {
    const isShort = (input: string) => {
      Target.promise(input.length > 2, "too short")
      return true
    }
    const first = failureOf(isShort)
    expect(first?.reason).toContain("too short")
    const again = Run.runTarget(failing(isShort), { seed, runs: 1, first: first?.run ?? -1 }).failure
    expect([again?.run, again?.input]).toEqual([first?.run, first?.input])
  })

  it("takes a DecodeError for a refusal and any other exception for a failure", () => {
    const refuse = (error: Error) => () =>
      Target.read<true>(() => {
        throw error
      }) ?? false
    expect(failureOf(refuse(DecodeError.make("text", "bad", "it is bad")))).toBeUndefined()
    expect(failureOf(refuse(new RangeError("out of range")))?.reason).toContain("RangeError")
  })

  it("takes a message that grows with the input, or tells a secret, for a failure", () => {
    const refuse =
      (detail: string, what = "text") =>
      () => {
        throw DecodeError.make(what, "bad", detail)
      }
    expect(() => Target.read(refuse("a secret here"), "secret")).toThrow(Target.Violation)
    expect(() => Target.read(refuse("it is bad", "long ".repeat(1_000)))).toThrow(Target.Violation)
    expect(Target.read(refuse("nothing here"), "secret")).toBeUndefined()
  })

  it("reports an input that takes too long each time", () => {
    const slow = failing(() => true)
    expect(Run.runInput(slow, "text", 0, -1).failure?.reason).toContain("budget")
    expect(Run.runInput(slow, "text", 0).failure).toBeUndefined()
  })

  it("prints inputs so that they can be read again", () => {
    for (const input of ["plain", "lone \ud800 surrogate", "", Uint8Array.of(0, 255)]) {
      expect(Run.fromHex(Run.toHex(input))).toEqual(input)
    }
  })

  it("picks evenly enough", () => {
    const rng = Rng.make("even")
    const counts = Array.from({ length: 16 }, () => 0)
    for (let i = 0; i < 16_000; i++) {
      const at = rng.below(16)
      counts[at] = (counts[at] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150)
    expect(rng.below(0)).toBe(0)
    expect(() => rng.pick([])).toThrow(RangeError)
  })
})
