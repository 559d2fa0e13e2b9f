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
