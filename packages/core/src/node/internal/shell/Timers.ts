/**
 * All timers of a node on one fiber. State timers restart with every event of their machine, so a deadline that
 * moves to a later time only changes a number; the heap learns of it when the old deadline comes.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Clock from "effect/Clock"

interface Timer {
  /** When it is due; undefined while it is stopped. */
  deadline: number | undefined
  /** When the heap will look at it; undefined while it is not in the heap. */
  scheduled: number | undefined
  fire: () => void
}

interface Entry {
  readonly at: number
  /** Timers of the same millisecond fire in the order in which they were set. */
  readonly order: number
  readonly timer: Timer
}

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A handle of a timer that can be set again and again. */
export interface TimerHandle {
  /** Due in so many milliseconds from now; replaces what was set before. */
  readonly set: (milliseconds: number) => void
  readonly stop: () => void
  /** Milliseconds until it is due; undefined while it is stopped. */
  readonly left: () => number | undefined
  /** Stops for good, and lets go of the callback at once. */
  readonly dispose: () => void
}

const nothing = (): void => {}

export class Timers {
  private readonly heap: Array<Entry> = []
  private readonly wake = Effect.unsafeMakeLatch(false)
  private order = 0
  /** Milliseconds by which this time is ahead of the clock. */
  private ahead = 0

  constructor(private readonly clock: Clock.Clock) {}

  now(): number {
    return this.clock.unsafeCurrentTimeMillis() + this.ahead
  }

  /** It is so many milliseconds later, at once: what has become due is called back before this returns. */
  travel(milliseconds: number): void {
    this.ahead += milliseconds
    this.fireDue()
    this.wake.unsafeOpen()
  }

  timer(fire: () => void): TimerHandle {
    const timer: Timer = { deadline: undefined, scheduled: undefined, fire }
    return {
      set: (milliseconds) => {
        timer.deadline = this.now() + Math.max(0, milliseconds)
        if (timer.scheduled === undefined || timer.scheduled > timer.deadline)
          this.schedule(timer, timer.deadline)
      },
      stop: () => {
        timer.deadline = undefined
      },
      left: () => (timer.deadline === undefined ? undefined : Math.max(0, timer.deadline - this.now())),
      dispose: () => {
        timer.deadline = undefined
        timer.fire = nothing
      }
    }
  }

  /** Calls back once. */
  after(milliseconds: number, fire: () => void): TimerHandle {
    const handle = this.timer(fire)
    handle.set(milliseconds)
    return handle
  }

  /** Runs until it is interrupted. `afterwards` follows each time that callbacks were called. */
  run(afterwards: Effect.Effect<void>): Effect.Effect<never> {
    return Effect.suspend(() => {
      this.fireDue()
      this.wake.unsafeClose()
      const next = this.heap[0]
      const rest =
        next === undefined
          ? this.wake.await
          : Effect.raceFirst(
              this.clock.sleep(Duration.millis(Math.max(0, next.at - this.now()))),
              this.wake.await
            )
      return Effect.zipRight(afterwards, rest)
    }).pipe(Effect.forever)
  }

  private fireDue(): void {
    for (;;) {
      const first = this.heap[0]
      if (first === undefined || first.at > this.now()) return
      this.pop()
      const { timer } = first
      // An entry that a nearer one has replaced.
      if (timer.scheduled !== first.at) continue
      timer.scheduled = undefined
      if (timer.deadline === undefined) continue
      if (timer.deadline > this.now()) this.schedule(timer, timer.deadline)
      else {
        timer.deadline = undefined
        timer.fire()
      }
    }
  }

  private schedule(timer: Timer, at: number): void {
    timer.scheduled = at
    const entry = { at, order: this.order++, timer }
    this.push(entry)
    if (this.heap[0] === entry) this.wake.unsafeOpen()
  }

  private push(entry: Entry): void {
    const { heap } = this
    let i = heap.length
    heap.push(entry)
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !before(entry, above)) break
      heap[i] = above
      i = parent
    }
    heap[i] = entry
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      let below = heap[child]
      if (below === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && before(right, below)) {
        child += 1
        below = right
      }
      if (!before(below, last)) break
      heap[i] = below
      i = child
    }
    heap[i] = last
  }
}
