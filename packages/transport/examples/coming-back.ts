import { Channel, JsonRpcSignedTx, KeyPair, ProposalPolicy, Signer } from "@aechannel/core"
import { LmdbChannelStore, NativeCrypto, WebSocketTransport } from "@aechannel/transport"
import { Effect, Layer, Redacted, Schedule } from "effect"

// What `aechannel node --config-out FILE` wrote; with a real node, your own URL, network and keys.
interface Config {
  readonly networkId: string
  readonly channelUrl: string
  readonly accounts: ReadonlyArray<{ readonly secretKey: string }>
}

/** A party's services: its key, its policy, and a store on disk that outlives the process. */
const party = (key: KeyPair.KeyPair, networkId: string, path: string) =>
  Layer.mergeAll(
    Signer.layerKeyPair(key, networkId),
    ProposalPolicy.acceptAll,
    LmdbChannelStore.layer({ path })
  )

export const program = (config: Config, directory: string) =>
  Effect.gen(function* () {
    const { networkId } = config
    const key = (index: number) => KeyPair.fromText(Redacted.make(config.accounts[index]?.secretKey ?? ""))
    const [alice, bob] = [yield* key(0), yield* key(1)]
    // Built for as long as the program runs: a store that is provided to `open` alone would be closed with it.
    const services = {
      initiator: yield* Layer.build(party(alice, networkId, `${directory}/alice.db`)),
      responder: yield* Layer.build(party(bob, networkId, `${directory}/bob.db`))
    }
    const terms = {
      initiatorId: alice.address,
      responderId: bob.address,
      initiatorAmount: 10n ** 17n, // 0.1 AE, in aettos
      responderAmount: 10n ** 17n,
      pushAmount: 0n,
      channelReserve: 2n,
      lockPeriod: 10,
      port: 3333,
      networkId
    }
    // A lost connection is made again by itself, for as long as the schedule says.
    const reconnect = Schedule.intersect(Schedule.exponential("100 millis"), Schedule.recurs(10))
    const open = (role: "initiator" | "responder") =>
      Channel.open({ ...terms, role, reconnect }).pipe(Effect.provide(services[role]))
    // Everything this needs is in the store: the terms, the latest state, the secret for coming back.
    const resume = (role: "initiator" | "responder", channelId: Channel.Channel["id"]) =>
      Channel.resume({ channelId, role, networkId, reconnect }).pipe(Effect.provide(services[role]))

    const channelId = yield* Effect.scoped(
      Effect.gen(function* () {
        const [left] = yield* Effect.all([open("initiator"), open("responder")], { concurrency: 2 })
        yield* left.transfer({ amount: 10n ** 16n })
        return left.id
      })
    )
    // Both connections are closed; the program may end here. Later, or in another process:
    return yield* Effect.scoped(
      Effect.gen(function* () {
        const both = [resume("initiator", channelId), resume("responder", channelId)] as const
        const [left] = yield* Effect.all(both, { concurrency: 2 })
        return yield* left.transfer({ amount: 10n ** 16n })
      })
    )
  }).pipe(
    Effect.provide(WebSocketTransport.layerNode({ url: config.channelUrl })),
    Effect.provide(Layer.merge(NativeCrypto.layer, JsonRpcSignedTx.layer))
  )
