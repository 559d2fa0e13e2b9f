import * as assert from "node:assert"
import { SeededScheduler } from "@aechannel/core/testing"
import { Effect } from "effect"

const race = Effect.gen(function* () {
  const log: Array<string> = []
  const runner = (name: string) => Effect.andThen(Effect.yieldNow(), () => void log.push(name))
  yield* Effect.forEach(["a", "b", "c"], runner, { concurrency: 3 })
  return log.join("")
})
const outcome = (seed: number) => Effect.runSync(SeededScheduler.runSeeded(seed, race))

assert.strictEqual(outcome(42), outcome(42))
assert.ok(new Set(Array.from({ length: 50 }, (_, seed) => outcome(seed))).size > 1)
