/** Who listens to what goes over the sockets of a node. */
import type { Conduit } from "./Conduit.js"
import type { ClientLink } from "./Machine.js"
import type { Timers } from "./Timers.js"

/**
 * What happened on a socket of the node. `socket` counts the connections from 1. Frames are as they went over the wire,
 * secrets such as `fsm_id` included. A `Closed` without a code was the client's doing, or the connection broke.
 *
 * @since 0.1.0
 * @category models
 */
export type SocketTraffic =
  | { readonly _tag: "Opened"; readonly socket: number; readonly query: string }
  | { readonly _tag: "Received"; readonly socket: number; readonly text: string }
  | { readonly _tag: "Sent"; readonly socket: number; readonly text: string }
  | { readonly _tag: "Closed"; readonly socket: number; readonly code: number | undefined }

/**
 * {@link SocketTraffic} at a time of the node, in ms since 1970.
 *
 * @since 0.1.0
 * @category models
 */
export type TrafficListener = (traffic: SocketTraffic, at: number) => void

export class Observers {
  private readonly listeners = new Set<TrafficListener>()
  private readonly open = new Map<number, string>()

  constructor(private readonly timers: Timers) {}

  /** Hears of sockets that are open already first. Gives what ends it. */
  add(listener: TrafficListener): () => void {
    for (const [socket, query] of this.open) listener({ _tag: "Opened", socket, query }, this.timers.now())
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  tell(traffic: SocketTraffic): void {
    if (traffic._tag === "Opened") this.open.set(traffic.socket, traffic.query)
    // The end of a socket is told once, whoever began it.
    if (traffic._tag === "Closed" && !this.open.delete(traffic.socket)) return
    for (const listener of this.listeners) listener(traffic, this.timers.now())
  }

  /** A client's link whose frames take a way, and are heard when they set out. */
  wire(socket: number, way: Conduit, link: ClientLink): ClientLink {
    return {
      send: (text) => {
        this.tell({ _tag: "Sent", socket, text })
        way.send(() => link.send(text))
      },
      close: (code) => {
        way.pass(() => {
          this.tell({ _tag: "Closed", socket, code })
          link.close(code)
        })
      },
      terminate: () => {
        way.dispose()
        this.tell({ _tag: "Closed", socket, code: undefined })
        link.terminate()
      }
    }
  }
}
