/**
 * Values for any number of listeners, none of whom has to listen.
 *
 * @internal
 */
import { Chunk, Effect, Stream } from "effect"

/**
 * The last values, in order. Each listener gets those that are kept when it comes, then the new ones, at its own pace;
 * who is behind by more than is kept loses the oldest.
 */
export class Recent<A> {
  private readonly ring: Array<A> = []
  private readonly kept: number
  private written = 0
  private readonly waiting = new Set<() => void>()

  constructor(kept: number) {
    this.kept = Math.max(1, Math.floor(kept))
  }

  add(value: A): void {
    this.ring[this.written % this.kept] = value
    this.written += 1
    for (const wake of this.waiting) wake()
    this.waiting.clear()
  }

  readonly stream: Stream.Stream<A> = Stream.suspend(() => {
    let position = 0
    const next: Effect.Effect<Chunk.Chunk<A>> = Effect.suspend(() => {
      position = Math.max(position, this.written - this.kept)
      if (position === this.written)
        return Effect.zipRight(
          Effect.async<void>((resume) => {
            const wake = (): void => resume(Effect.void)
            this.waiting.add(wake)
            return Effect.sync(() => this.waiting.delete(wake))
          }),
          next
        )
      const values: Array<A> = []
      for (; position < this.written; position++) {
        const value = this.ring[position % this.kept]
        if (value !== undefined) values.push(value)
      }
      return Effect.succeed(Chunk.unsafeFromArray(values))
    })
    return Stream.repeatEffectChunk(next)
  })
}

/** One value that changes. A listener gets it as it is when it comes, and then every change. */
export class Changing<A> {
  private readonly listeners = new Set<(value: A) => void>()

  constructor(private value: A) {}

  get current(): A {
    return this.value
  }

  set(value: A): void {
    this.value = value
    for (const listener of this.listeners) listener(value)
  }

  readonly changes: Stream.Stream<A> = Stream.asyncPush<A>(
    (emit) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const listener = (value: A): void => void emit.single(value)
          listener(this.value)
          this.listeners.add(listener)
          return listener
        }),
        (listener) => Effect.sync(() => this.listeners.delete(listener))
      ),
    { bufferSize: "unbounded" }
  )
}
