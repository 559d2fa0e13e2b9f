import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, FastCheck, Fiber, TestClock } from "effect"
import { Timers } from "../../../../src/node/internal/shell/Timers.js"

/** Timers whose fiber runs until the scope of the test closes. */
const start = Effect.gen(function* () {
  const timers = new Timers(yield* Effect.clock)
  const fiber = yield* Effect.forkScoped(timers.run(Effect.void))
  return { timers, fiber }
})

describe("Timers", () => {
  it.scoped("fire at their time, those of the same time in the order in which they were set", () =>
    Effect.gen(function* () {
      const { timers } = yield* start
      const fired: Array<string> = []
      for (const [name, after] of [
        ["c", 30],
        ["a", 10],
        ["b", 20],
        ["b2", 20],
        ["a2", 10]
      ] as const)
        timers.after(after, () => fired.push(`${name}@${timers.now()}`))
      yield* TestClock.adjust("9 millis")
      expect(fired).toEqual([])
      yield* TestClock.adjust("1 millis")
      expect(fired).toEqual(["a@10", "a2@10"])
      yield* TestClock.adjust("1 second")
      expect(fired).toEqual(["a@10", "a2@10", "b@20", "b2@20", "c@30"])
    })
  )

  it.scoped("a restarted timer fires once, at its last deadline", () =>
    Effect.gen(function* () {
      const { timers } = yield* start
      const fired: Array<number> = []
      const timer = timers.timer(() => fired.push(timers.now()))
      timer.set(100)
      yield* TestClock.adjust("60 millis")
      timer.set(100)
      yield* TestClock.adjust("60 millis")
      expect(fired).toEqual([])
      timer.set(10)
      yield* TestClock.adjust("10 millis")
      expect(fired).toEqual([130])
      yield* TestClock.adjust("1 second")
      expect(fired).toEqual([130])
      timer.set(5)
      timer.stop()
      yield* TestClock.adjust("1 second")
      expect(fired).toEqual([130])
    })
  )

  it.scoped("a callback may set timers, its own too", () =>
    Effect.gen(function* () {
      const { timers } = yield* start
      const fired: Array<number> = []
      const timer = timers.timer(() => {
        fired.push(timers.now())
        timer.set(10)
      })
      timer.set(10)
      yield* TestClock.adjust("35 millis")
      expect(fired).toEqual([10, 20, 30])
    })
  )

  it.scoped("nothing fires after the fiber's end, nor after dispose", () =>
    Effect.gen(function* () {
      const { fiber, timers } = yield* start
      let fired = 0
      const timer = timers.timer(() => fired++)
      timer.set(5)
      timer.dispose()
      timers.after(20, () => fired++)
      yield* TestClock.adjust("10 millis")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      expect(fired).toBe(0)
    })
  )

  const scripts = FastCheck.array(
    FastCheck.record({
      timer: FastCheck.integer({ min: 0, max: 3 }),
      action: FastCheck.oneof(FastCheck.integer({ min: 0, max: 40 }), FastCheck.constant("stop" as const)),
      wait: FastCheck.integer({ min: 0, max: 25 })
    }),
    { maxLength: 12 }
  )

  it.effect.prop(
    "agree with a model that looks at every millisecond",
    { script: scripts },
    ({ script }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { timers } = yield* start
          const fired: Array<string> = []
          const handles = [0, 1, 2, 3].map((i) => timers.timer(() => fired.push(`${i}@${timers.now()}`)))
          const expected: Array<string> = []
          const deadlines = new Map<number, number>()
          let now = 0
          for (const { action, timer, wait } of [
            ...script,
            { timer: 0, action: "stop" as const, wait: 50 }
          ]) {
            if (action === "stop") {
              handles[timer]?.stop()
              deadlines.delete(timer)
            } else {
              handles[timer]?.set(action)
              deadlines.set(timer, now + action)
            }
            for (let step = 0; step <= wait; step++) {
              const due = [...deadlines].filter(([, deadline]) => deadline === now + step)
              for (const [each] of due) deadlines.delete(each)
              expected.push(...due.map(([each]) => `${each}@${now + step}`).sort())
            }
            now += wait
            yield* TestClock.adjust(Duration.millis(wait))
          }
          // Which of two that are due in the same millisecond comes first is told by the first test.
          const byTime = (a: string, b: string) =>
            Number(a.slice(2)) - Number(b.slice(2)) || a.localeCompare(b)
          expect([...fired].sort(byTime)).toEqual([...expected].sort(byTime))
        })
      ),
    { fastCheck: { numRuns: 40 } }
  )
})
