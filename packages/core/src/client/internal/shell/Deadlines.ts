/**
 * The deadlines of a machine's questions. To set and to remove one costs next to nothing, as nearly all are removed
 * before they come: one fiber sleeps until the earliest that it knew of when it fell asleep, and then looks again.
 *
 * @internal
 */
import { type Clock, Duration } from "effect"
import type { AnyFiber, Fibers } from "./Fibers.js"

const nanosPerMilli = 1_000_000n

export class Deadlines<K> {
  /** Nanoseconds of the clock, which does not jump where that of the wall is set. */
  private readonly due = new Map<K, bigint>()
  private sleeper: AnyFiber | undefined
  private wakesAt: bigint | undefined

  constructor(
    private readonly clock: Clock.Clock,
    private readonly fibers: Fibers,
    private readonly fire: (key: K) => void
  ) {}

  /** Replaces what was set before. */
  set(key: K, milliseconds: number): void {
    this.due.delete(key)
    if (milliseconds === Number.POSITIVE_INFINITY) return
    const at = this.clock.unsafeCurrentTimeNanos() + BigInt(Math.ceil(milliseconds)) * nanosPerMilli
    this.due.set(key, at)
    if (this.wakesAt === undefined || at < this.wakesAt) this.sleepUntil(at)
  }

  remove(key: K): void {
    this.due.delete(key)
  }

  /** Removes all, and sleeps no longer. */
  clear(): void {
    this.due.clear()
    this.wakeUp()
  }

  private wakeUp(): void {
    const { sleeper } = this
    this.sleeper = undefined
    this.wakesAt = undefined
    if (sleeper !== undefined) this.fibers.interrupt(sleeper)
  }

  private sleepUntil(at: bigint): void {
    this.wakeUp()
    this.wakesAt = at
    const nanos = at - this.clock.unsafeCurrentTimeNanos()
    const milliseconds = nanos > 0n ? Number((nanos + nanosPerMilli - 1n) / nanosPerMilli) : 0
    this.sleeper = this.fibers.start(this.clock.sleep(Duration.millis(milliseconds)))
    this.fibers.watch(this.sleeper, () => this.look())
  }

  private look(): void {
    this.sleeper = undefined
    this.wakesAt = undefined
    const now = this.clock.unsafeCurrentTimeNanos()
    const fired = Array.from(this.due).filter(([, at]) => at <= now)
    fired.sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0))
    for (const [key, at] of fired) {
      // What came before it may have changed it.
      if (this.due.get(key) !== at) continue
      this.due.delete(key)
      this.fire(key)
    }
    let next: bigint | undefined
    for (const at of this.due.values()) if (next === undefined || at < next) next = at
    if (next !== undefined && (this.wakesAt === undefined || next < this.wakesAt)) this.sleepUntil(next)
  }
}
