/**
 * Connections that fail as planned: a transport around another one, in which single frames get lost, late, doubled or
 * damaged, and connections break at a given frame. Which, says a plan: rows for one place each, a function, or a seed.
 *
 * Put it around the transport of one party (`TestNode.openPair({ initiator: { transport: Faults.layer(plan) } })`), or
 * around that of all. It works around every transport, also around a WebSocket.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Hash from "../crypto/Hash.js"
import * as Bytes from "../encoding/Bytes.js"
import { TransportError } from "../protocol/Errors.js"
import {
  type Connection,
  type PassingFrame,
  Transport,
  type TransportService
} from "../services/Transport.js"

/**
 * What can happen at a frame.
 *
 * - `CloseBefore`: the connection breaks and the frame is not passed on (out: close before send)
 * - `CloseAfter`: the frame is passed on, then the connection breaks (out: close after send; in: close after receive)
 * - `Drop`: the frame is lost
 * - `Blackhole`: this frame and all that follow in its direction are lost, also the news that the connection ended
 * - `Duplicate`: the frame arrives twice
 * - `Delay`: it arrives so many milliseconds later; what follows in its direction waits behind it
 * - `Truncate`: only its first `length` characters arrive
 * - `Garbage`: another text arrives instead
 *
 * @since 0.1.0
 * @category models
 */
export type Fault =
  | { readonly _tag: "CloseBefore" | "CloseAfter" | "Drop" | "Blackhole" | "Duplicate" }
  | { readonly _tag: "Delay"; readonly milliseconds: number }
  | { readonly _tag: "Truncate"; readonly length: number }
  | { readonly _tag: "Garbage"; readonly text: string }

/** The connection breaks instead of passing on the frame. @since 0.1.0 @category faults */
export const closeBefore: Fault = { _tag: "CloseBefore" }
/** The connection breaks when it has passed on the frame. @since 0.1.0 @category faults */
export const closeAfter: Fault = { _tag: "CloseAfter" }
/** The frame is lost. @since 0.1.0 @category faults */
export const drop: Fault = { _tag: "Drop" }
/** This frame and all that follow in its direction are lost. @since 0.1.0 @category faults */
export const blackhole: Fault = { _tag: "Blackhole" }
/** The frame arrives twice. @since 0.1.0 @category faults */
export const duplicate: Fault = { _tag: "Duplicate" }
/** The frame arrives later, and what follows it not before it. @since 0.1.0 @category faults */
export const delay = (duration: Duration.DurationInput): Fault => ({
  _tag: "Delay",
  milliseconds: Duration.toMillis(duration)
})
/** Only so many characters of the frame arrive. @since 0.1.0 @category faults */
export const truncate = (length: number): Fault => ({ _tag: "Truncate", length })
/** Another text arrives instead of the frame; default: something that is no JSON. @since 0.1.0 @category faults */
export const garbage = (text = '\u0000{"jsonrpc":'): Fault => ({ _tag: "Garbage", text })

/**
 * One of each kind.
 *
 * @since 0.1.0
 * @category faults
 */
export const all: ReadonlyArray<Fault> = [
  closeBefore,
  closeAfter,
  drop,
  blackhole,
  duplicate,
  delay("3 seconds"),
  truncate(40),
  garbage()
]

/**
 * A frame where it passes: the how manyth in its direction (`out`: from the client to the node), on the how manyth
 * connection made through this layer. Both count from 1.
 *
 * @since 0.1.0
 * @category models
 */
export interface Place extends PassingFrame {
  readonly connection: number
  readonly frame: number
}

/**
 * What happens at a frame; nothing where it is undefined. Asked once for each frame, in order.
 *
 * @since 0.1.0
 * @category models
 */
export type Plan = (place: Place) => Fault | undefined

/**
 * A fault at one place; on every connection unless one is named.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedFault {
  readonly connection?: number
  readonly direction: PassingFrame["direction"]
  readonly frame: number
  readonly fault: Fault
}

/**
 * The plan that rows say; the first that fits counts.
 *
 * @since 0.1.0
 * @category plans
 */
export const planned =
  (rows: ReadonlyArray<PlannedFault>): Plan =>
  (place) =>
    rows.find(
      ({ connection = place.connection, direction, frame }) =>
        connection === place.connection && direction === place.direction && frame === place.frame
    )?.fault

/**
 * A plan by chance, which depends on the seed and on the frame's number and on nothing else: `rate` is the share of
 * frames with a fault (0 to 1, default 0.02), `faults` those to choose from (default {@link all}), `connections` how
 * many of the first connections are touched (default: all of them).
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { Faults } from "@aechannel/core/testing"
 *
 * const plan = Faults.seeded(1, { rate: 0.5, faults: [Faults.drop, Faults.delay("1 second")] })
 * const place = { connection: 1, direction: "out", text: "" } as const
 * const faults = Array.from({ length: 100 }, (_, frame) => plan({ ...place, frame }))
 *
 * assert.deepStrictEqual(new Set(faults), new Set([undefined, Faults.drop, Faults.delay("1 second")]))
 * assert.deepStrictEqual(plan({ ...place, frame: 7 }), faults[7])
 * ```
 *
 * @since 0.1.0
 * @category plans
 */
export const seeded =
  (
    seed: number | string,
    options: {
      readonly rate?: number
      readonly faults?: ReadonlyArray<Fault>
      readonly connections?: number
    } = {}
  ): Plan =>
  ({ connection, direction, frame }) => {
    const { connections = Number.POSITIVE_INFINITY, faults = all, rate = 0.02 } = options
    if (connection > connections) return undefined
    const hash = Hash.sha256(Bytes.utf8(`${seed}/${connection}/${direction}/${frame}`))
    const chance = new DataView(hash.buffer, hash.byteOffset)
    return chance.getUint32(0) < rate * 2 ** 32 ? faults[chance.getUint32(4) % faults.length] : undefined
  }

/**
 * Any fault.
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const arbitrary: FastCheck.Arbitrary<Fault> = FastCheck.oneof(
  FastCheck.constantFrom(drop, duplicate, closeBefore, closeAfter, blackhole),
  FastCheck.integer({ min: 1, max: 200_000 }).map(delay),
  FastCheck.nat(300).map(truncate),
  FastCheck.oneof(FastCheck.fullUnicodeString(), FastCheck.json()).map(garbage)
)

/**
 * Rows of a plan, few of them, among the first frames of the first connections. They shrink to fewer and simpler ones.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { Faults, SeededScheduler, TestNode } from "@aechannel/core/testing"
 * import { Effect, FastCheck } from "effect"
 *
 * // Whatever happens to one party's first ten frames, the opening ends well, or with a typed failure.
 * const opens = (plan: ReadonlyArray<Faults.PlannedFault>) =>
 *   TestNode.openPair({ responder: { transport: Faults.layer(plan) } }).pipe(
 *     Effect.timeout("10 minutes"),
 *     Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: () => "open" }),
 *     Effect.scoped,
 *     Effect.provide(TestNode.layer())
 *   )
 *
 * FastCheck.assert(
 *   FastCheck.property(Faults.arbitraryPlan({ frames: 10 }), FastCheck.nat(), (plan, seed) => {
 *     const end = Effect.runSync(SeededScheduler.runSeeded(seed, opens(plan)))
 *     assert.match(end, /^(open|\w+(Error|Exception))$/)
 *   }),
 *   { numRuns: 10 }
 * )
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const arbitraryPlan = (
  limits: { readonly connections?: number; readonly frames?: number; readonly faults?: number } = {}
): FastCheck.Arbitrary<ReadonlyArray<PlannedFault>> =>
  FastCheck.array(
    FastCheck.record({
      connection: FastCheck.integer({ min: 1, max: limits.connections ?? 1 }),
      direction: FastCheck.constantFrom<PassingFrame["direction"]>("out", "in"),
      frame: FastCheck.integer({ min: 1, max: limits.frames ?? 30 }),
      fault: arbitrary
    }),
    { maxLength: limits.faults ?? 3 }
  )

/** What becomes of one frame. */
interface Passing {
  readonly texts: ReadonlyArray<string>
  readonly later: number
  /** The connection breaks: before or after it. */
  readonly breaks?: "before" | "after"
  readonly blackhole?: true
}

const passing = (text: string, fault: Fault | undefined): Passing => {
  switch (fault?._tag) {
    case undefined:
      return { texts: [text], later: 0 }
    case "CloseBefore":
      return { texts: [], later: 0, breaks: "before" }
    case "CloseAfter":
      return { texts: [text], later: 0, breaks: "after" }
    case "Drop":
      return { texts: [], later: 0 }
    case "Blackhole":
      return { texts: [], later: 0, blackhole: true }
    case "Duplicate":
      return { texts: [text, text], later: 0 }
    case "Delay":
      return { texts: [text], later: fault.milliseconds }
    case "Truncate":
      return { texts: [text.slice(0, fault.length)], later: 0 }
    case "Garbage":
      return { texts: [fault.text], later: 0 }
  }
}

const lost = (operation: string): TransportError =>
  new TransportError({
    reason: "connection_lost",
    operation,
    detail: "the connection broke as planned",
    closeCode: 1006
  })

const closedByUs = new TransportError({
  reason: "closed_by_us",
  operation: "receive",
  detail: "the connection was closed by its owner"
})

/** Something on its way, and when it arrives. */
interface Held<A> {
  readonly at: number
  readonly what: A
}

/** What is on its way in one direction, in order. */
class Lane<A> {
  /** When the last one arrives; nobody overtakes it. */
  private last = Number.NEGATIVE_INFINITY
  private head: Held<A> | undefined
  private waiting = 0

  constructor(private readonly queue: Queue.Queue<Held<A>>) {}

  get isEmpty(): boolean {
    return this.waiting === 0
  }

  readonly offer = (what: A, later: number): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      this.last = Math.max(this.last, now + later)
      this.waiting++
      this.queue.unsafeOffer({ at: this.last, what })
    })

  /** Waits for the next one and until it arrives, and shows it. It stays the next one until it is taken away. */
  readonly next: Effect.Effect<A> = Effect.suspend(() => {
    const { head } = this
    if (head === undefined)
      return Effect.uninterruptibleMask((restore) =>
        Effect.map(restore(Queue.take(this.queue)), (item) => void (this.head = item))
      ).pipe(Effect.zipRight(this.next))
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      head.at <= now ? Effect.succeed(head.what) : Effect.as(Effect.sleep(head.at - now), head.what)
    )
  })

  takeAway(): void {
    this.head = undefined
    this.waiting--
  }
}

/**
 * What {@link layer} can be told besides the plan: `onFault` is told of every fault when it happens.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly onFault?: (place: Place, fault: Fault) => Effect.Effect<void>
}

type Direction = PassingFrame["direction"]

const connect = (
  transport: TransportService,
  query: string,
  connection: number,
  plan: Plan,
  { onFault }: Options
): Effect.Effect<Connection, TransportError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const inner = yield* Scope.fork(scope, ExecutionStrategy.sequential)
    const under = yield* Scope.extend(transport.connect(query), inner)
    const arriving = new Lane(yield* Queue.unbounded<Held<Exit.Exit<string, TransportError>>>())
    const leaving = new Lane(yield* Queue.unbounded<Held<string>>())
    const frames: Record<Direction, number> = { out: 0, in: 0 }
    const swallows: Record<Direction, boolean> = { out: false, in: false }
    let broken = false

    const decide = (direction: Direction, text: string): Effect.Effect<Passing> =>
      Effect.suspend(() => {
        const place: Place = { connection, direction, frame: ++frames[direction], text }
        if (swallows[direction]) return Effect.succeed(passing(text, drop))
        const fault = plan(place)
        const result = passing(text, fault)
        if (result.blackhole === true) swallows[direction] = true
        return fault === undefined || onFault === undefined
          ? Effect.succeed(result)
          : Effect.as(onFault(place, fault), result)
      })

    /** From now on the node has no client any more, and the client reads to the end of what has arrived. */
    const breakOff = Effect.suspend(() => {
      if (broken) return Effect.void
      broken = true
      const news = swallows.in ? Effect.void : arriving.offer(Exit.fail(lost("receive")), 0)
      return Effect.zipRight(news, Effect.uninterruptible(Scope.close(inner, Exit.void)))
    })

    /** Brings one frame; false when it was the last. */
    const receiving = Effect.gen(function* () {
      const exit = yield* Effect.exit(under.receive)
      if (broken) return false
      if (Exit.isFailure(exit)) {
        if (!swallows.in) yield* arriving.offer(exit, 0)
        return false
      }
      const { breaks, later, texts } = yield* decide("in", exit.value)
      for (const text of texts) yield* arriving.offer(Exit.succeed(text), later)
      if (breaks !== undefined) yield* breakOff
      return breaks === undefined
    })
    yield* Effect.forkIn(Effect.repeat(receiving, { while: (more) => more }), scope)
    yield* Effect.addFinalizer(() => arriving.offer(Exit.fail(closedByUs), 0))

    const sendingLate = Effect.flatMap(leaving.next, (text) =>
      Effect.ensuring(
        Effect.ignore(Effect.suspend(() => (broken ? Effect.void : under.send(text)))),
        Effect.sync(() => leaving.takeAway())
      )
    )
    yield* Effect.forkIn(Effect.forever(sendingLate), scope)

    const pass = (text: string, later: number): Effect.Effect<void, TransportError> =>
      later === 0 && leaving.isEmpty ? under.send(text) : leaving.offer(text, later)

    return {
      send: (text) =>
        Effect.gen(function* () {
          if (broken) return yield* lost("send")
          const { breaks, later, texts } = yield* decide("out", text)
          if (breaks === "before") return yield* Effect.zipRight(breakOff, lost("send"))
          for (const each of texts) yield* pass(each, later)
          if (breaks === "after") yield* breakOff
        }),
      receive: Effect.flatMap(arriving.next, (exit) => {
        if (Exit.isSuccess(exit)) arriving.takeAway()
        return exit
      })
    }
  })

/**
 * The transport in the environment, with faults at the frames that the plan says. A connection that breaks ends with
 * `connection_lost` (1006) on this side; the node sees that its client is gone.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { Faults, SeededScheduler, TestNode } from "@aechannel/core/testing"
 * import { Effect } from "effect"
 *
 * // The initiator's connection breaks at the third frame that it sends, its signature of the transfer.
 * const program = Effect.gen(function* () {
 *   const transport = Faults.layer([{ direction: "out", frame: 3, fault: Faults.closeBefore }])
 *   const { initiator, responder } = yield* TestNode.openPair({ initiator: { transport } })
 *   const error = yield* Effect.flip(initiator.transfer({ amount: 1n }))
 *   const { round } = yield* responder.latest.get
 *   return [error._tag, round]
 * }).pipe(Effect.scoped, Effect.provide(TestNode.layer()))
 *
 * assert.deepStrictEqual(Effect.runSync(SeededScheduler.runSeeded(1, program)), ["TransportError", 1])
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  plan: Plan | ReadonlyArray<PlannedFault>,
  options: Options = {}
): Layer.Layer<Transport, never, Transport> =>
  Layer.effect(
    Transport,
    Effect.map(Transport, (transport): TransportService => {
      const at = typeof plan === "function" ? plan : planned(plan)
      let connections = 0
      return {
        connect: (query) => Effect.suspend(() => connect(transport, query, ++connections, at, options))
      }
    })
  )
