/** Parties that go and come back: each has a store that outlives its clients, and clients that end when a test says so. */
import { Effect, Exit, Layer, Scope } from "effect"
import * as Channel from "../../../src/client/Channel.js"
import type { ChannelError } from "../../../src/client/ChannelEvent.js"
import type { ChannelId } from "../../../src/encoding/ApiEncoding.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as ChannelStore from "../../../src/services/ChannelStore.js"
import { Transport, type TransportService } from "../../../src/services/Transport.js"
import { networkId } from "../../support/NodeUnderTest.js"
import { layerParty, options, type Party } from "./Parties.js"

export interface ClientOptions extends Omit<Party, "store"> {
  /** Around the store and the connections of this client. */
  readonly store?: (store: ChannelStore.ChannelStoreService) => ChannelStore.ChannelStoreService
  readonly transport?: (transport: TransportService) => TransportService
  readonly faults?: Layer.Layer<Transport, never, Transport>
  readonly resume?: Partial<Channel.ResumeOptions>
}

export class Returner {
  private scope: Scope.CloseableScope | undefined

  constructor(
    readonly role: Role,
    readonly store: ChannelStore.ChannelStoreService
  ) {}

  private run<A>(
    effect: Effect.Effect<A, ChannelError, Channel.Requirements>,
    {
      store = (same) => same,
      transport = (same) => same,
      faults = Layer.effect(Transport, Transport),
      ...party
    }: ClientOptions
  ): Effect.Effect<A, ChannelError, Transport | Scope.Scope> {
    return Effect.gen(this, function* () {
      const scope = yield* Scope.fork(yield* Effect.scope, { _tag: "Sequential" })
      this.scope = scope
      const own = layerParty(this.role, {
        ...party,
        store: Layer.succeed(ChannelStore.ChannelStore, store(this.store))
      })
      return yield* effect.pipe(
        Effect.provide(own),
        Effect.provide(faults),
        Effect.updateService(Transport, transport),
        Scope.extend(scope)
      )
    })
  }

  open(client: ClientOptions = {}): Effect.Effect<Channel.Channel, ChannelError, Transport | Scope.Scope> {
    return this.run(Channel.open(options(this.role, client.changes)), client)
  }

  resume(
    channelId: ChannelId,
    client: ClientOptions = {}
  ): Effect.Effect<Channel.Channel, ChannelError, Transport | Scope.Scope> {
    const { role } = this
    return this.run(Channel.resume({ channelId, role, networkId, ...client.resume }), client)
  }

  /** The client is gone, from one moment to the next. */
  get kill(): Effect.Effect<void> {
    return Effect.suspend(() => (this.scope === undefined ? Effect.void : Scope.close(this.scope, Exit.void)))
  }
}

export const returner = (role: Role): Effect.Effect<Returner> =>
  Effect.map(ChannelStore.makeMemory, (store) => new Returner(role, store))

export const returners = Effect.all({ initiator: returner("initiator"), responder: returner("responder") })
