/**
 * The way to a node in the same process: frames as text, in order, close codes kept, and no socket.
 *
 * The texts are the very ones of a WebSocket, so the codec is exercised; under a test clock nothing happens that the
 * test does not make happen.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Scheduler } from "effect/Scheduler"
import { TransportError, type TransportReason } from "../protocol/Errors.js"
import { Arrived, type Incoming, receiving, Transport, type TransportService } from "../services/Transport.js"
import { ChannelNode, type ClientLink } from "./ChannelNode.js"

const details: Record<"closed_by_node" | "connection_lost" | "closed_by_us", string> = {
  closed_by_node: "the node closed the connection",
  connection_lost: "the connection to the node broke",
  closed_by_us: "the connection was closed by its owner"
}

const gone = (
  reason: keyof typeof details & TransportReason,
  operation: string,
  closeCode?: number
): TransportError =>
  new TransportError({
    reason,
    operation,
    detail: details[reason],
    ...(closeCode === undefined ? {} : { closeCode })
  })

/**
 * Builds the transport over the node in the environment. See {@link layer}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<TransportService, never, ChannelNode> = Effect.map(ChannelNode, (node) => ({
  connect: (query) =>
    Effect.gen(function* () {
      if (query === "")
        return yield* new TransportError({
          reason: "connect",
          operation: "connect",
          detail: "the parameters of the opening are missing (a server answers HTTP 500)"
        })
      const arrived = new Arrived()
      let ended: ((operation: string) => TransportError) | undefined
      const end = (reason: keyof typeof details, closeCode?: number): void => {
        if (ended !== undefined) return
        ended = (operation) => gone(reason, operation, closeCode)
        arrived.close(ended("receive"))
      }
      const link: ClientLink = {
        send: (text) => arrived.offer(text),
        close: (code) => end("closed_by_node", code),
        terminate: () => end("connection_lost", 1006)
      }
      const session = yield* Effect.acquireRelease(node.accept(query, link), ({ closed }) =>
        Effect.zipRight(
          Effect.sync(() => end("closed_by_us")),
          closed
        )
      )
      const scheduler = yield* Effect.withFiberRuntime<Scheduler>((fiber) =>
        Effect.succeed(fiber.currentScheduler)
      )
      const incoming: Incoming = {
        poll: arrived.poll,
        // In a turn of its own: the node is not done with its step while it sends.
        onReadable: (wake) => {
          let due = false
          arrived.onReadable(() => {
            if (due) return
            due = true
            scheduler.scheduleTask(() => {
              due = false
              wake()
            }, 0)
          })
        }
      }
      return {
        send: (text: string) =>
          Effect.suspend(() => (ended === undefined ? session.receive(text) : Effect.fail(ended("send")))),
        receive: receiving(arrived.receive, incoming)
      }
    })
}))

/**
 * The transport to the node in the environment. A connection ends with `closed_by_node` and the close code, with
 * `connection_lost` (1006) when the node cut it off, or with `closed_by_us`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Transport, never, ChannelNode> = Layer.effect(Transport, make)
