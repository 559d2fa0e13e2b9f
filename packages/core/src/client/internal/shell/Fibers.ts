/**
 * Effects that a shell runs next to its machine: what ends at once is told at once, and only the rest is watched.
 *
 * @internal
 */
import { Effect, Exit, Fiber, FiberId, FiberRef, FiberRefs, Runtime } from "effect"

/** A fiber that is running or has ended. */
export type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** Whether an effect is its own end, so that there is nothing to run. */
export const isOver = <A, E>(effect: Effect.Effect<A, E>): effect is Exit.Exit<A, E> => Exit.isExit(effect)

/**
 * The same runtime for fibers that start often: context and flags come from the runtime itself, and to copy them once
 * more for each fiber is half of what it costs to start one.
 */
const lean = (runtime: Runtime.Runtime<never>): Runtime.Runtime<never> =>
  Runtime.make({
    ...runtime,
    fiberRefs: runtime.fiberRefs.pipe(
      FiberRefs.delete(FiberRef.currentContext),
      FiberRefs.delete(FiberRef.currentRuntimeFlags)
    )
  })

export class Fibers {
  /** Those that run, and whether anybody wants to know how they end. */
  private readonly running = new Map<AnyFiber, boolean>()
  private closed = false

  private readonly runtime: Runtime.Runtime<never>

  constructor(runtime: Runtime.Runtime<never>) {
    this.runtime = lean(runtime)
  }

  /** Runs an effect up to its first wait. Whoever finds that it has not ended gives the fiber to `watch`. */
  start<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    return Runtime.runFork(this.runtime, effect)
  }

  /** Tells how a fiber has ended, when it has, unless it was interrupted from here. */
  watch<A, E>(fiber: Fiber.RuntimeFiber<A, E>, ended: (exit: Exit.Exit<A, E>) => void): void {
    this.running.set(fiber, true)
    fiber.addObserver((exit) => {
      const wanted = this.running.get(fiber)
      this.running.delete(fiber)
      if (wanted === true) ended(exit)
    })
    // Whoever it was that has closed everything: nothing goes on after that.
    if (this.closed) this.interrupt(fiber)
  }

  /** Nobody wants to know any more. Not waited for: a signer may be slow to let go. */
  interrupt(fiber: AnyFiber): void {
    if (!this.running.has(fiber)) return
    this.running.set(fiber, false)
    fiber.unsafeInterruptAsFork(FiberId.none)
  }

  /** Interrupts all, for good, and ends when they have. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.closed = true
    const fibers = Array.from(this.running.keys())
    for (const fiber of fibers) this.running.set(fiber, false)
    return Fiber.interruptAll(fibers)
  })
}
