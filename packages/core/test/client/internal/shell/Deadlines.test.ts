import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Scope, TestClock } from "effect"
import { Deadlines } from "../../../../src/client/internal/shell/Deadlines.js"
import { Fibers } from "../../../../src/client/internal/shell/Fibers.js"

type Step =
  | { readonly _tag: "Set"; readonly key: number; readonly after: number }
  | { readonly _tag: "Remove"; readonly key: number }
  | { readonly _tag: "Pass"; readonly milliseconds: number }
  | { readonly _tag: "Clear" }

const key = FastCheck.integer({ min: 1, max: 4 })
const steps = FastCheck.array(
  FastCheck.oneof(
    {
      weight: 5,
      arbitrary: FastCheck.record({ _tag: FastCheck.constant("Set"), key, after: FastCheck.nat(50) })
    },
    { weight: 3, arbitrary: FastCheck.record({ _tag: FastCheck.constant("Remove"), key }) },
    {
      weight: 5,
      arbitrary: FastCheck.record({ _tag: FastCheck.constant("Pass"), milliseconds: FastCheck.nat(40) })
    },
    { weight: 1, arbitrary: FastCheck.record({ _tag: FastCheck.constant("Clear") }) }
  ) as FastCheck.Arbitrary<Step>,
  { maxLength: 40 }
)

const make = (fire: (key: number) => void) =>
  Effect.gen(function* () {
    const fibers = new Fibers(yield* Effect.runtime<never>())
    yield* Effect.flatMap(Effect.scope, (scope) => Scope.addFinalizer(scope, fibers.close))
    return new Deadlines<number>(yield* Effect.clock, fibers, fire)
  })

describe("Deadlines", () => {
  it.effect.prop("fire when they are due, in order, unless they were removed or replaced", [steps], ([all]) =>
    Effect.gen(function* () {
      const fired: Array<readonly [number, number]> = []
      const expected: Array<readonly [number, number]> = []
      const due = new Map<number, number>()
      let now = 0
      const clock = yield* Effect.clock
      const start = clock.unsafeCurrentTimeMillis()
      const deadlines = yield* make((fires) => fired.push([clock.unsafeCurrentTimeMillis() - start, fires]))
      const pass = (milliseconds: number) => {
        now += milliseconds
        const over = Array.from(due).filter(([, at]) => at <= now)
        for (const [each, at] of over.sort(([, a], [, b]) => a - b)) {
          due.delete(each)
          expected.push([at, each])
        }
        return TestClock.adjust(milliseconds)
      }
      for (const step of all) {
        if (step._tag === "Set") {
          // One that is due at once still fires later than now.
          deadlines.set(step.key, step.after + 1)
          due.delete(step.key)
          due.set(step.key, now + step.after + 1)
        } else if (step._tag === "Remove") {
          deadlines.remove(step.key)
          due.delete(step.key)
        } else if (step._tag === "Clear") {
          deadlines.clear()
          due.clear()
        } else yield* pass(step.milliseconds)
      }
      yield* pass(100)
      expect(fired).toEqual(expected)
    }).pipe(Effect.scoped)
  )

  it.scoped("never come where there is no time limit, and may be set again by what they call", () =>
    Effect.gen(function* () {
      const fired: Array<number> = []
      const deadlines: Deadlines<number> = yield* make((each) => {
        fired.push(each)
        if (fired.length < 3) deadlines.set(each, 10)
      })
      deadlines.set(1, Number.POSITIVE_INFINITY)
      deadlines.set(2, 10)
      yield* TestClock.adjust("1 hour")
      expect(fired).toEqual([2, 2, 2])
    })
  )
})
