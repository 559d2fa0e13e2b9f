/**
 * A transport that shows every frame to an observer, in the order in which it passes.
 *
 * @since 0.1.0
 */
import { type Connection, Transport, type TransportService } from "@aechannel/core/services/Transport"
import { Effect, Layer } from "effect"

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

const tapConnection = (
  connection: Connection,
  observe: (frame: PassingFrame) => Effect.Effect<void>
): Connection => ({
  send: (text) => Effect.zipRight(observe({ direction: "out", text }), connection.send(text)),
  receive: Effect.tap(connection.receive, (text) => observe({ direction: "in", text }))
})

/**
 * The transport in the environment, observed.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  observe: (frame: PassingFrame) => Effect.Effect<void>
): Layer.Layer<Transport, never, Transport> =>
  Layer.effect(
    Transport,
    Effect.map(
      Transport,
      (transport): TransportService => ({
        connect: (query) => Effect.map(transport.connect(query), (connection) => tapConnection(connection, observe))
      })
    )
  )
