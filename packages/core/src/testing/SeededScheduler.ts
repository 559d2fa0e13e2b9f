/**
 * A world of its own for fibers: a scheduler that decides by a seed who goes on next, and a clock that moves on when
 * nobody has anything left to do. Nothing in it waits for the machine it runs on, so that a run takes as long as its
 * work does, an hour of sleep takes microseconds, and the same seed replays every step.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import type { Scheduler } from "effect/Scheduler"
import * as Supervisor from "effect/Supervisor"
import { PCGRandom } from "effect/Utils"

/**
 * - `startTime`: what the clock shows at first, in milliseconds since the epoch. Default 1700000000000.
 * - `timeLimit`: how much time of its own clock a program may take until its end. Default one day.
 * - `switchAfter`: a fiber may have to let others go first after any number of operations up to this one. Default:
 *   when it waits, and after 2048 operations, as under the usual scheduler. Small numbers, from 1, find what holds
 *   only as long as nobody comes in between, and cost time.
 *
 * @since 0.1.0
 * @category models
 */
export interface SimulationOptions {
  readonly startTime?: number
  readonly timeLimit?: Duration.DurationInput
  readonly switchAfter?: number
}

/**
 * The defect of a program that cannot come to its end: `waiting`, everybody waits and nobody for the clock; `time`,
 * the time limit has passed; `endless`, tasks follow tasks and no time passes. What waits for the outside (a promise,
 * a socket, a fiber that was started elsewhere) waits in vain here.
 *
 * @since 0.1.0
 * @category errors
 */
export class StuckError extends Error {
  override readonly name = "StuckError"
  constructor(
    readonly reason: "waiting" | "time" | "endless",
    detail: string
  ) {
    super(`the program does not end: ${detail}`)
  }
}

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** How many tasks in a row, with no time passing, are taken for a program that never rests. */
const tooManyTasks = 1_000_000

/** How many of the waiting tasks, oldest first, may be the next one. */
const choice = 6

const usualSwitch = 2048

/** A scheduler that puts fibers aside after so many operations, and tasks into a list. */
const schedulerOf = (ready: Array<() => void>, stride: () => number, putAside: () => void): Scheduler => ({
  shouldYield: (fiber) => {
    if (fiber.currentOpCount <= stride()) return false
    putAside()
    return 0
  },
  scheduleTask: (task) => void ready.push(task)
})

/** Whether a fiber that is put aside after so many operations each time ever comes any further. */
const comesFurther = (stride: number): boolean => {
  const ready: Array<() => void> = []
  const scheduler = schedulerOf(
    ready,
    () => stride,
    () => {}
  )
  const work = Effect.replicateEffect(Effect.void, 5, { discard: true })
  const fiber = Effect.runFork(work, { scheduler, immediate: false })
  for (let turns = 0; turns < 100; turns++) ready.shift()?.()
  return fiber.unsafePoll() !== null
}

let resumingCost: number | undefined

/**
 * After how many operations a fiber may be put aside again, at the least: going on takes it some, how many is a matter
 * of Effect's version.
 */
const resuming = (): number => {
  if (resumingCost === undefined) for (resumingCost = 1; !comesFurther(resumingCost); resumingCost++);
  return resumingCost
}

class Living extends Supervisor.AbstractSupervisor<void> {
  readonly fibers = new Set<AnyFiber>()
  override readonly value = Effect.void

  override onStart<A, E, R>(
    _context: Context.Context<R>,
    _effect: Effect.Effect<A, E, R>,
    _parent: Option.Option<AnyFiber>,
    fiber: Fiber.RuntimeFiber<A, E>
  ): void {
    this.fibers.add(fiber)
  }

  override onEnd<A, E>(_exit: Exit.Exit<A, E>, fiber: Fiber.RuntimeFiber<A, E>): void {
    this.fibers.delete(fiber)
  }
}

/**
 * A world to be driven step by step: fork effects, give turns, let time pass. For all who do not need that there is
 * {@link runSeeded}. With seed 0 tasks are taken in the order in which they came.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { SeededScheduler } from "@aechannel/core/testing"
 * import { Effect } from "effect"
 *
 * const world = new SeededScheduler.Simulation(7)
 * const fiber = world.fork(Effect.as(Effect.sleep("1 hour"), "awake"))
 *
 * world.pass(3_599_999)
 * assert.strictEqual(fiber.unsafePoll(), null)
 * world.pass(1)
 * assert.strictEqual(world.run(fiber), "awake")
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export class Simulation {
  /** Chance that follows from the seed; the scheduler draws from it too. */
  readonly random: PCGRandom
  /** The scheduler and the clock of this world. */
  readonly scheduler: Scheduler
  readonly clock: Clock.Clock
  private readonly fair: boolean
  private readonly programRandom: Random.Random
  private readonly timeLimit: number
  private readonly ready: Array<() => void> = []
  /** By time, then in the order in which they fell asleep. */
  private readonly sleepers: Array<Sleeper> = []
  private readonly supervisor = new Living()
  private time: number

  constructor(seed: number, options: SimulationOptions = {}) {
    const { startTime = 1_700_000_000_000, switchAfter, timeLimit = "1 day" } = options
    this.random = new PCGRandom(seed)
    this.programRandom = Random.make(seed)
    this.fair = seed === 0
    this.time = startTime
    this.timeLimit = Duration.toMillis(timeLimit)
    const nextStride = (): number =>
      switchAfter === undefined
        ? usualSwitch
        : resuming() + (this.fair ? switchAfter : this.random.integer(Math.max(1, switchAfter)))
    let stride = nextStride()
    this.scheduler = schedulerOf(
      this.ready,
      () => stride,
      () => {
        stride = nextStride()
      }
    )
    const now = (): number => this.time
    const nanos = (): bigint => BigInt(Math.round(now())) * 1_000_000n
    this.clock = {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: now,
      unsafeCurrentTimeNanos: nanos,
      currentTimeMillis: Effect.sync(now),
      currentTimeNanos: Effect.sync(nanos),
      sleep: (duration) => Effect.async<void>((resume) => this.sleep(duration, () => resume(Effect.void)))
    }
  }

  private sleep(duration: Duration.Duration, wake: () => void): Effect.Effect<void> {
    const sleeper: Sleeper = { at: this.time + Duration.toMillis(duration), wake }
    let low = 0
    for (let high = this.sleepers.length; low < high; ) {
      const middle = (low + high) >> 1
      if ((this.sleepers[middle] ?? sleeper).at > sleeper.at) high = middle
      else low = middle + 1
    }
    this.sleepers.splice(low, 0, sleeper)
    return Effect.sync(() => {
      const index = this.sleepers.indexOf(sleeper)
      if (index >= 0) this.sleepers.splice(index, 1)
    })
  }

  /** Milliseconds since the epoch of this world. */
  get now(): number {
    return this.time
  }

  /** Fibers that have not ended. */
  get living(): number {
    return this.supervisor.fibers.size
  }

  /** Fibers that wait for the clock. */
  get sleeping(): number {
    return this.sleepers.length
  }

  /** Starts an effect; it does nothing before its first turn. */
  fork<A, E>(
    effect: Effect.Effect<A, E>,
    runtime: Runtime.Runtime<never> = Runtime.defaultRuntime
  ): Fiber.RuntimeFiber<A, E> {
    const here = effect.pipe(
      Effect.supervised(this.supervisor),
      Effect.withClock(this.clock),
      Effect.withRandom(this.programRandom)
    )
    const fiber = Runtime.runFork(runtime, here, { scheduler: this.scheduler, immediate: false })
    this.supervisor.fibers.add(fiber)
    fiber.addObserver(() => this.supervisor.fibers.delete(fiber))
    return fiber
  }

  /** Gives one waiting task its turn; false if none waits. */
  turn(): boolean {
    const { length } = this.ready
    if (length === 0) return false
    const index = this.fair || length === 1 ? 0 : this.random.integer(Math.min(length, choice))
    const [task] = this.ready.splice(index, 1)
    task?.()
    return true
  }

  /** Gives so many turns, or until nothing is left to be done without time passing. */
  turns(count: number): void {
    for (let done = 0; done < count && this.turn(); done++);
  }

  /**
   * Gives so many turns; where nobody has anything to do, lets time pass to the next awakening within the horizon
   * (milliseconds). False when there is none before the turns are given.
   */
  advance(count: number, horizon: number): boolean {
    for (let done = 0; done < count; done++)
      if (!this.turn() && !this.wakeNext(this.time + horizon)) return false
    return true
  }

  /** Turns until nothing is left to be done without time passing. Throws `StuckError` when that does not happen. */
  rest(): void {
    for (let done = 0; this.turn(); done++)
      if (done > tooManyTasks)
        throw new StuckError("endless", `${tooManyTasks} tasks in a row, with no time passing`)
  }

  /** Lets milliseconds pass; who is to wake up does so in order, and everybody rests in between. */
  pass(milliseconds: number): void {
    const end = this.time + milliseconds
    this.rest()
    while (this.wakeNext(end)) this.rest()
    this.time = end
  }

  /**
   * Lets time pass until nobody is to wake up within the horizon (milliseconds from now, and from each awakening), or
   * something holds.
   */
  settle(horizon: number, done: () => boolean = () => false): void {
    for (;;) {
      this.rest()
      if (done() || !this.wakeNext(this.time + horizon)) return
    }
  }

  private wakeNext(end: number): boolean {
    const [next] = this.sleepers
    if (next === undefined || next.at > end) return false
    this.sleepers.shift()
    this.time = Math.max(this.time, next.at)
    next.wake()
    return true
  }

  /**
   * Runs an effect to its end, with as much time as it needs within the time limit. Ends with a defect, a
   * {@link StuckError}, if it does not end; then it is interrupted.
   */
  exit<A, E>(effect: Effect.Effect<A, E>, runtime?: Runtime.Runtime<never>): Exit.Exit<A, E> {
    const fiber = this.fork(effect, runtime)
    const end = this.time + this.timeLimit
    try {
      do this.rest()
      while (fiber.unsafePoll() === null && this.wakeNext(end))
      return fiber.unsafePoll() ?? this.stuck(fiber)
    } catch (error) {
      if (error instanceof StuckError) return Exit.die(error)
      throw error
    }
  }

  private stuck(fiber: AnyFiber): Exit.Exit<never> {
    const [next] = this.sleepers
    const error =
      next === undefined || next.at === Number.POSITIVE_INFINITY
        ? new StuckError(
            "waiting",
            `${this.living} fibers wait, and none of them for the clock. What they wait for never comes, or comes from outside (a promise, a socket, a layer that was built elsewhere)`
          )
        : new StuckError("time", `the time limit of ${Duration.format(this.timeLimit)} has passed`)
    fiber.unsafeInterruptAsFork(FiberId.none)
    this.settle(this.timeLimit, () => fiber.unsafePoll() !== null)
    return Exit.die(error)
  }

  /** As {@link exit}, for what must succeed: throws otherwise. */
  run<A, E>(effect: Effect.Effect<A, E>): A {
    return Effect.runSync(this.exit(effect))
  }

  /** Interrupts everybody who is left, and lets them put away what they have. */
  close(): void {
    for (const fiber of this.supervisor.fibers) fiber.unsafeInterruptAsFork(FiberId.none)
    this.settle(this.timeLimit, () => this.living === 0)
  }
}

/**
 * Runs a program in a world of its own: a {@link Simulation} whose scheduler, clock and `Random` follow from the seed.
 * Equal seeds and equal programs give equal runs. The result is an effect that needs no time and no event loop, so
 * that it fits into `Effect.runSync`, into the property of a property test, and into `it.effect`.
 *
 * Everything must happen inside: build layers in the program. Loggers, tracers and config providers are those of the
 * caller. When the program has ended, the fibers that it has left behind are interrupted. Ends with the defect
 * {@link StuckError} if the program does not end.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { SeededScheduler } from "@aechannel/core/testing"
 * import { Effect } from "effect"
 *
 * const race = Effect.gen(function* () {
 *   const log: Array<string> = []
 *   const runner = (name: string) => Effect.andThen(Effect.yieldNow(), () => void log.push(name))
 *   yield* Effect.forEach(["a", "b", "c"], runner, { concurrency: 3 })
 *   return log.join("")
 * })
 * const outcome = (seed: number) => Effect.runSync(SeededScheduler.runSeeded(seed, race))
 *
 * assert.strictEqual(outcome(42), outcome(42))
 * assert.ok(new Set(Array.from({ length: 50 }, (_, seed) => outcome(seed))).size > 1)
 * ```
 *
 * @since 0.1.0
 * @category execution
 */
export const runSeeded = <A, E>(
  seed: number,
  effect: Effect.Effect<A, E>,
  options?: SimulationOptions
): Effect.Effect<A, E> =>
  Effect.flatMap(Effect.runtime<never>(), (runtime) =>
    Effect.suspend(() => {
      const world = new Simulation(seed, options)
      const exit = world.exit(effect, runtime)
      world.close()
      return exit
    })
  )
