/** A way on which messages travel in order, and on which they can be held up, lost or doubled on request. */
import type { Timers, TimerHandle } from "./Timers.js"

/**
 * What is done to messages on their way. It lasts until it is replaced, or its socket or link is gone.
 *
 * - `delay`: milliseconds that each takes longer; none overtakes another
 * - `drop`: so many of the next are lost
 * - `duplicate`: so many of the next, after those that are lost, come twice
 *
 * @since 0.1.0
 * @category models
 */
export interface Disturbance {
  readonly delay?: number
  readonly drop?: number
  readonly duplicate?: number
}

export class Conduit {
  private delay = 0
  private drops = 0
  private doubles = 0
  private waiting: Array<{ readonly due: number; readonly arrive: () => void }> = []
  private timer: TimerHandle | undefined

  constructor(
    private readonly timers: Timers,
    /** How what was delayed arrives: as an event of its own. */
    private readonly dispatch: (job: () => void) => void
  ) {}

  disturb({ delay = 0, drop = 0, duplicate = 0 }: Disturbance): void {
    this.delay = delay
    this.drops = drop
    this.doubles = duplicate
  }

  /** A message: `arrive` is what happens at the other end. */
  send(arrive: () => void): void {
    if (this.drops > 0) {
      this.drops -= 1
      return
    }
    this.pass(arrive)
    if (this.doubles > 0) {
      this.doubles -= 1
      this.pass(arrive)
    }
  }

  /** Something that is neither lost nor doubled, such as the end: it only keeps its place. */
  pass(arrive: () => void): void {
    if (this.delay === 0 && this.waiting.length === 0) return arrive()
    const last = this.waiting.at(-1)
    const due = Math.max(this.timers.now() + this.delay, last?.due ?? 0)
    this.waiting.push({ due, arrive })
    if (last === undefined) this.wait(due)
  }

  /** Nothing arrives any more, also of what is on its way. */
  dispose(): void {
    this.waiting = []
    this.timer?.dispose()
    this.timer = undefined
  }

  private wait(due: number): void {
    this.timer ??= this.timers.timer(() => this.dispatch(() => this.arriveDue()))
    this.timer.set(due - this.timers.now())
  }

  private arriveDue(): void {
    for (;;) {
      const first = this.waiting[0]
      if (first === undefined) return
      if (first.due > this.timers.now()) return this.wait(first.due)
      this.waiting.shift()
      first.arrive()
    }
  }
}
