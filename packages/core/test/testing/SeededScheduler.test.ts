import { describe, expect, it } from "@effect/vitest"
import {
  Cause,
  Clock,
  Deferred,
  Effect,
  Exit,
  FastCheck,
  Fiber,
  FiberRef,
  Option,
  Random,
  TestClock
} from "effect"
import { runSeeded, Simulation, StuckError } from "../../src/testing/SeededScheduler.js"

const run = <A, E>(seed: number, effect: Effect.Effect<A, E>, options?: Parameters<typeof runSeeded>[2]): A =>
  Effect.runSync(runSeeded(seed, effect, options))

/** Fibers that rest, sleep and draw at random, and what they did when. */
const bustle = (plans: ReadonlyArray<ReadonlyArray<number>>) =>
  Effect.gen(function* () {
    const log: Array<string> = []
    yield* Effect.forEach(
      plans,
      (plan, who) =>
        Effect.forEach(plan, (pause) =>
          Effect.gen(function* () {
            yield* pause === 0 ? Effect.yieldNow() : Effect.sleep(pause)
            log.push(`${yield* Clock.currentTimeMillis} ${who} ${yield* Random.nextInt}`)
          })
        ),
      { concurrency: "unbounded" }
    )
    return log.join("\n")
  })

const plans = FastCheck.array(FastCheck.array(FastCheck.nat(3), { maxLength: 5 }), { maxLength: 5 })
const seed = FastCheck.nat(0x7fff_ffff)

describe("runSeeded", () => {
  it.prop("equal seeds replay equally", [plans, seed, FastCheck.nat(20)], ([plans, seed, switchAfter]) => {
    const options = switchAfter === 0 ? {} : { switchAfter }
    expect(run(seed, bustle(plans), options)).toBe(run(seed, bustle(plans), options))
  })

  it("other seeds find other orders, all of them in the end", () => {
    const race = Effect.gen(function* () {
      const log: Array<string> = []
      const runner = (name: string) => Effect.andThen(Effect.yieldNow(), () => void log.push(name))
      yield* Effect.forEach(["a", "b", "c"], runner, { concurrency: 3 })
      return log.join("")
    })
    const orders = new Set(Array.from({ length: 200 }, (_, seed) => run(seed, race)))
    expect([...orders].sort()).toEqual(["abc", "acb", "bac", "bca", "cab", "cba"])
    expect(run(0, race)).toBe("abc")
  })

  it("finds what is not atomic when fibers may be put aside anywhere", () => {
    const lossy = Effect.gen(function* () {
      let balance = 0
      const add = Effect.sync(() => balance).pipe(
        Effect.flatMap((before) => Effect.sync(() => void (balance = before + 1)))
      )
      yield* Effect.all([add, add, add], { concurrency: 3 })
      return balance
    })
    const outcomes = (switchAfter?: number) =>
      new Set(
        Array.from({ length: 50 }, (_, seed) =>
          run(seed, lossy, switchAfter === undefined ? {} : { switchAfter })
        )
      )
    expect(outcomes()).toEqual(new Set([3]))
    expect(Math.min(...outcomes(5))).toBeLessThan(3)
  })

  it("time passes when everybody rests, and in no time", () => {
    const program = Effect.gen(function* () {
      const before = yield* Clock.currentTimeMillis
      const late = yield* Effect.fork(Effect.sleep("20 hours"))
      yield* Effect.sleep("1 hour")
      const between = yield* Clock.currentTimeNanos
      yield* Fiber.join(late)
      return [before, Number(between / 1_000_000n) - before, (yield* Clock.currentTimeMillis) - before]
    })
    expect(run(1, program, { startTime: 5 })).toEqual([5, 3_600_000, 72_000_000])
  })

  it("ends as the program does", () => {
    const exits = [Exit.fail("no"), Exit.die(new Error("broken")), Exit.succeed(1)]
    for (const exit of exits) expect(run(3, Effect.exit(runSeeded(1, exit)))).toEqual(exit)
    expect(Exit.isInterrupted(run(3, Effect.exit(runSeeded(1, Effect.interrupt))))).toBe(true)
  })

  it.effect("works inside a test clock, with the caller's references, and lets that clock alone", () =>
    Effect.gen(function* () {
      const reference = FiberRef.unsafeMake("default")
      const program = Effect.zipRight(Effect.sleep("1 day"), FiberRef.get(reference))
      expect(yield* Effect.locally(runSeeded(1, program, { timeLimit: "2 days" }), reference, "ours")).toBe(
        "ours"
      )
      expect(yield* TestClock.currentTimeMillis).toBe(0)
    })
  )

  it("puts away what the program leaves behind", () => {
    const log: Array<string> = []
    const program = Effect.gen(function* () {
      const leaving = Effect.zipRight(
        Effect.sleep(5),
        Effect.sync(() => log.push("left"))
      )
      yield* Effect.forkDaemon(Effect.onInterrupt(Effect.never, () => leaving))
      yield* Effect.yieldNow()
    })
    run(1, program)
    expect(log).toEqual(["left"])
  })

  const stuck = (effect: Effect.Effect<unknown>): unknown =>
    run(
      1,
      Effect.map(Effect.exit(runSeeded(1, effect, { timeLimit: "1 hour" })), (exit) =>
        Exit.isFailure(exit) ? Option.getOrNull(Cause.dieOption(exit.cause)) : exit
      )
    )

  it("says why a program does not end, and releases what it holds", () => {
    const released: Array<string> = []
    const holding = (name: string) =>
      Effect.acquireUseRelease(
        Effect.void,
        () => Effect.flatMap(Deferred.make<void>(), Deferred.await),
        () =>
          Effect.zipRight(
            Effect.sleep(10),
            Effect.sync(() => released.push(name))
          )
      )
    expect(stuck(holding("first"))).toMatchObject({ name: "StuckError", reason: "waiting" })
    expect(stuck(Effect.forever(Effect.sleep("1 minute")))).toMatchObject({ reason: "time" })
    expect(
      stuck(Effect.zipRight(Effect.fork(Effect.forever(Effect.sleep(1000))), holding("second")))
    ).toMatchObject({ reason: "time" })
    expect(stuck(Effect.promise(() => Promise.resolve()))).toMatchObject({ reason: "waiting" })
    expect(released).toEqual(["first", "second"])
  })

  it("says that a program never rests", () => {
    const error = stuck(Effect.forever(Effect.yieldNow()))
    expect(error).toBeInstanceOf(StuckError)
    expect(error).toMatchObject({ reason: "endless" })
  })
})

describe("Simulation", () => {
  it("counts who lives and who sleeps, and goes on step by step", () => {
    const world = new Simulation(0)
    const fiber = world.fork(Effect.sleep(10))
    expect([world.living, world.sleeping]).toEqual([1, 0])
    world.rest()
    expect([world.living, world.sleeping]).toEqual([1, 1])
    const start = world.now
    world.pass(9)
    expect([world.now - start, fiber.unsafePoll()]).toEqual([9, null])
    world.settle(1)
    expect([world.now - start, fiber.unsafePoll()]).toEqual([10, Exit.void])
    expect([world.living, world.sleeping]).toEqual([0, 0])
    expect(world.turn()).toBe(false)
  })

  it("wakes in order of time, then of falling asleep", () => {
    const world = new Simulation(0)
    const log: Array<number> = []
    const sleeps = [30, 10, 20, 10, 0, 20]
    for (const [index, ms] of sleeps.entries())
      world.fork(
        Effect.zipRight(
          Effect.sleep(ms),
          Effect.sync(() => log.push(index))
        )
      )
    const interrupted = world.fork(
      Effect.zipRight(
        Effect.sleep(15),
        Effect.sync(() => log.push(99))
      )
    )
    world.rest()
    interrupted.unsafeInterruptAsFork(interrupted.id())
    world.pass(100)
    expect(log).toEqual([4, 1, 3, 2, 5, 0])
  })

  it("throws what a program that must succeed ends with", () => {
    expect(() => new Simulation(1).run(Effect.fail("no"))).toThrow("no")
  })
})
