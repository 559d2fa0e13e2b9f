/**
 * The way to a node: frames of text in both directions, in order.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer, type Scope } from "effect"
import type { TransportError } from "../protocol/Errors.js"

/**
 * One connection. What is written here is never delivered on another.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  /** Hands a frame over; fails when the connection is gone. */
  readonly send: (text: string) => Effect.Effect<void, TransportError>
  /** The next frame, in order; when all are taken and the connection is gone, fails with how it ended. One reader. */
  readonly receive: Effect.Effect<string, TransportError>
}

/**
 * Hands a frame over at once and says so, or does nothing, where only `send` can wait or fail.
 *
 * @since 0.1.0
 * @category models
 */
export type Offer = (text: string) => boolean

/**
 * Frames that have come, for who does not want to wait in a fiber.
 *
 * @since 0.1.0
 * @category models
 */
export interface Incoming {
  /** The next frame, in order. Undefined while there is none; how the connection ended, when all are taken. */
  readonly poll: () => string | TransportError | undefined
  /** Who is called when there may be something to poll after there was nothing. There is one at a time. */
  readonly onReadable: (wake: () => void) => void
}

// Known by the function or effect itself, so that a connection whose `send` or `receive` is wrapped has no way past it.
const offers = new WeakMap<Connection["send"], Offer>()
const arrivals = new WeakMap<Connection["receive"], Incoming>()

/**
 * A `send` that has a way without a fiber too, which whoever sends may use instead.
 *
 * @since 0.1.0
 * @category constructors
 */
export const sending = (send: Connection["send"], offer: Offer): Connection["send"] => {
  offers.set(send, offer)
  return send
}

/**
 * The way without a fiber of a connection's `send`; undefined where it has none.
 *
 * @since 0.1.0
 * @category getters
 */
export const offerOf = ({ send }: Connection): Offer | undefined => offers.get(send)

/**
 * A `receive` that has a way without a fiber that waits, for transports whose frames come by callbacks. That of
 * {@link Arrived} has it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const receiving = (receive: Connection["receive"], incoming: Incoming): Connection["receive"] => {
  arrivals.set(receive, incoming)
  return receive
}

/**
 * The way without a fiber of a connection's `receive`; undefined where it has none. Who reads uses either.
 *
 * @since 0.1.0
 * @category getters
 */
export const incomingOf = ({ receive }: Connection): Incoming | undefined => arrivals.get(receive)

/** @since 0.1.0 @category models */
export interface TransportService {
  /**
   * Opens a connection with this query string (without `?`); it closes with the scope. Fails with `connect` when
   * no connection could be made. What the node refuses by closing shows in {@link Connection.receive}.
   */
  readonly connect: (query: string) => Effect.Effect<Connection, TransportError, Scope.Scope>
}

/**
 * The transport in use.
 *
 * @since 0.1.0
 * @category tags
 */
export class Transport extends Context.Tag("@aechannel/core/Transport")<Transport, TransportService>() {}

/**
 * Frames that have come and were not taken yet, in order, and then how the connection ended: the receiving half of a
 * connection, for transports whose frames come by callbacks.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { Transport } from "@aechannel/core"
 * import { Effect } from "effect"
 *
 * const arrived = new Transport.Arrived()
 * const waiting = Effect.runPromise(arrived.receive)
 * arrived.offer("a frame")
 *
 * assert.strictEqual(await waiting, "a frame")
 * assert.strictEqual(arrived.poll(), undefined)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export class Arrived implements Incoming {
  private frames: Array<string> = []
  private taken = 0
  private end: TransportError | undefined
  private wake: () => void = () => {}

  /** A frame has come; after the end it is lost. */
  offer(text: string): void {
    if (this.end !== undefined) return
    this.frames.push(text)
    this.wake()
  }

  /** The connection is gone. The first time counts. */
  close(error: TransportError): void {
    if (this.end !== undefined) return
    this.end = error
    this.wake()
  }

  /** See {@link Incoming}. */
  readonly poll = (): string | TransportError | undefined => {
    const text = this.frames[this.taken]
    if (text === undefined) return this.end
    this.taken += 1
    if (this.taken === this.frames.length) {
      this.frames = []
      this.taken = 0
    }
    return text
  }

  /** See {@link Incoming}. */
  readonly onReadable = (wake: () => void): void => {
    this.wake = wake
  }

  /** See {@link Connection}. */
  readonly receive: Effect.Effect<string, TransportError> = receiving(
    Effect.suspend(() => {
      const next = this.poll()
      if (next !== undefined) return typeof next === "string" ? Effect.succeed(next) : Effect.fail(next)
      // What is there is taken only by who goes on: whoever is interrupted in between loses nothing.
      return Effect.zipRight(
        Effect.async<void>((resume) => {
          this.wake = () => resume(Effect.void)
        }),
        this.receive
      )
    }),
    this
  )
}

/**
 * A frame on its way: `out` goes from the client to the node.
 *
 * @since 0.1.0
 * @category models
 */
export interface PassingFrame {
  readonly direction: "out" | "in"
  readonly text: string
}

/**
 * The transport in the environment, with an observer that is shown every frame in the order in which it passes: what
 * goes out before it is sent, what comes in when it is taken. Frames hold what a party may keep for itself, the
 * fsm id among it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTapped = (
  observe: (frame: PassingFrame) => Effect.Effect<void>
): Layer.Layer<Transport, never, Transport> =>
  Layer.effect(
    Transport,
    Effect.map(
      Transport,
      (transport): TransportService => ({
        connect: (query) =>
          Effect.map(transport.connect(query), ({ receive, send }) => ({
            send: (text) => Effect.zipRight(observe({ direction: "out", text }), send(text)),
            receive: Effect.tap(receive, (text) => observe({ direction: "in", text }))
          }))
      })
    )
  )
