/**
 * A client that dies at a given boundary: before or after a write of its store, a frame that it sends or one that it
 * receives. From there on nothing of it happens any more; its connection ends when the test closes its scope.
 */
import { Deferred, Effect } from "effect"
import type { ChannelStoreService } from "../../../src/services/ChannelStore.js"
import type { Connection, TransportService } from "../../../src/services/Transport.js"

export class Death {
  /** What happened, in order, by name; the first boundary has number 1. */
  readonly boundaries: Array<string> = []
  private counting = false
  private dead = false
  private readonly died = Effect.runSync(Deferred.make<void>())

  /** Dies at the how manyth boundary after `start`; never when it is 0. */
  constructor(private readonly at: number) {}

  /** From now on boundaries count. */
  start(): void {
    this.counting = true
  }

  stop(): void {
    this.counting = false
  }

  /** Ends when the client has died. */
  get death(): Effect.Effect<void> {
    return Deferred.await(this.died)
  }

  private boundary(name: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.dead) return Effect.never
      if (!this.counting) return Effect.void
      this.boundaries.push(name)
      if (this.boundaries.length !== this.at) return Effect.void
      this.dead = true
      Deferred.unsafeDone(this.died, Effect.void)
      return Effect.never
    })
  }

  readonly store = (store: ChannelStoreService): ChannelStoreService => ({
    claim: store.claim,
    read: store.read,
    write: (record, expected) =>
      this.boundary("before write").pipe(
        Effect.zipRight(store.write(record, expected)),
        Effect.zipLeft(this.boundary("after write"))
      ),
    list: store.list
  })

  readonly transport = (transport: TransportService): TransportService => ({
    connect: (query) => Effect.map(transport.connect(query), (connection) => this.connection(connection))
  })

  private connection({ receive, send }: Connection): Connection {
    return {
      send: (text) =>
        this.boundary("before send").pipe(
          Effect.zipRight(send(text)),
          Effect.zipLeft(this.boundary("after send"))
        ),
      receive: Effect.zipLeft(receive, this.boundary("receive"))
    }
  }
}
