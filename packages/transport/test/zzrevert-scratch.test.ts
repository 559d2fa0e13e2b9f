import { Channel, JsonRpcSignedTx, ProposalPolicy, Signer } from "@aechannel/core"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import * as NodeServer from "@aechannel/transport/NodeServer"
import { it } from "@effect/vitest"
import { Effect, Layer, Schedule, Stream } from "effect"
import { alice, bob, networkId, startWith } from "./support/HttpNode.js"

for (const newer of [false, true])
  it.scopedLive(`revert ${newer}`, () =>
    Effect.gen(function* () {
      const { context, node } = yield* startWith()
      const server = yield* Effect.provide(NodeServer.make({ port: 0 }), context)
      const services = (key: typeof alice) =>
        Layer.mergeAll(Signer.layerKeyPair(key, networkId), ProposalPolicy.acceptAll, ChannelStore.layerMemory)
      yield* Effect.gen(function* () {
        const reconnect = Schedule.intersect(Schedule.exponential("50 millis"), Schedule.recurs(5))
        const terms = {
          initiatorId: alice.address, responderId: bob.address, initiatorAmount: 10n ** 17n,
          responderAmount: 10n ** 17n, pushAmount: 0n, channelReserve: 2n, lockPeriod: 10, port: 3333, networkId, reconnect
        }
        const a = yield* Layer.build(services(alice))
        const b = yield* Layer.build(services(bob))
        const [l, r] = yield* Effect.all(
          [Channel.open({ ...terms, role: "initiator" }).pipe(Effect.provide(a)), Channel.open({ ...terms, role: "responder" }).pipe(Effect.provide(b))],
          { concurrency: 2 }
        )
        yield* l.transfer({ amount: 1n })
        yield* node.snapshot
        if (newer) yield* l.transfer({ amount: 2n })
        yield* node.revert(1)
        yield* Effect.sleep("600 millis")
        console.log(newer, (yield* node.channels).map((e) => [e.role, e.fsmState, e.round, e.clientConnected]))
        console.log(newer, yield* Effect.exit(l.transfer({ amount: 3n })).pipe(Effect.timeout("3 seconds"), Effect.exit, Effect.map((x) => JSON.stringify(x, (_, v) => typeof v === "bigint" ? String(v) : v).slice(0, 600))))
        console.log(newer, (yield* node.channels).map((e) => [e.role, e.fsmState, e.round, e.clientConnected]))
      }).pipe(Effect.provide(WebSocketTransport.layerNode({ url: server.url })), Effect.provide(Layer.merge(NativeCrypto.layer, JsonRpcSignedTx.layer)))
    }), 20000)
