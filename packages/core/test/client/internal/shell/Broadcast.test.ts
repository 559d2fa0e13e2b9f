import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Stream } from "effect"
import { Changing, Recent } from "../../../../src/client/internal/shell/Broadcast.js"

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

/** Everybody who was forked listens. */
const listening = Effect.repeatN(Effect.yieldNow(), 9)

const untilLast = (stream: Stream.Stream<number>, last: number) =>
  Effect.map(Stream.runCollect(Stream.takeUntil(stream, (value) => value === last)), Chunk.toReadonlyArray)

describe("Recent", () => {
  it.effect("gives everybody what is kept, then the new ones, each at its own pace", () =>
    Effect.gen(function* () {
      const recent = new Recent<number>(10)
      const early = yield* Effect.fork(untilLast(recent.stream, 99))
      for (const value of numbers(0, 25)) recent.add(value)
      const late = yield* Effect.fork(untilLast(recent.stream, 99))
      yield* Effect.yieldNow()
      yield* Effect.yieldNow()
      for (const value of numbers(25, 30)) {
        recent.add(value)
        yield* Effect.yieldNow()
      }
      recent.add(99)
      // The first one had no turn before 25 had come.
      expect(yield* Fiber.join(early)).toEqual([...numbers(15, 30), 99])
      expect(yield* Fiber.join(late)).toEqual([...numbers(15, 30), 99])
    })
  )

  it.effect("who is too far behind loses the oldest", () =>
    Effect.gen(function* () {
      const recent = new Recent<number>(3)
      const seen: Array<number> = []
      const slow = yield* Effect.fork(
        Stream.runForEach(
          Stream.takeUntil(recent.stream, (value) => value === 7),
          (value) =>
            Effect.sync(() => {
              seen.push(value)
              if (value === 1) for (const next of numbers(2, 8)) recent.add(next)
            })
        )
      )
      yield* Effect.yieldNow()
      recent.add(1)
      yield* Fiber.join(slow)
      expect(seen).toEqual([1, 5, 6, 7])
    })
  )

  it.effect("does not keep who has stopped listening", () =>
    Effect.gen(function* () {
      const recent = new Recent<number>(3)
      for (let times = 0; times < 3; times++) {
        const fiber = yield* Effect.fork(Stream.runDrain(recent.stream))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
      }
      recent.add(1)
      expect(yield* Stream.runHead(recent.stream)).toMatchObject({ value: 1 })
    })
  )
})

describe("Changing", () => {
  it.effect("gives everybody the value as it is, then every change", () =>
    Effect.gen(function* () {
      const changing = new Changing(0)
      const first = yield* Effect.fork(untilLast(changing.changes, 99))
      yield* listening
      for (const value of numbers(1, 6)) changing.set(value)
      expect(changing.current).toBe(5)
      const second = yield* Effect.fork(untilLast(changing.changes, 99))
      yield* listening
      for (const value of [...numbers(6, 9), 99]) changing.set(value)
      expect(yield* Fiber.join(first)).toEqual([...numbers(0, 9), 99])
      expect(yield* Fiber.join(second)).toEqual([...numbers(5, 9), 99])
    })
  )
})
