/** What a revert of the node is for clients that keep a store. */
import { Channel, JsonRpcSignedTx, ProposalPolicy, Signer } from "@aechannel/core"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { alice, bob, networkId, startWith } from "./support/HttpNode.js"

const terms = {
  initiatorId: alice.address,
  responderId: bob.address,
  initiatorAmount: 10n ** 17n,
  responderAmount: 10n ** 17n,
  pushAmount: 0n,
  channelReserve: 2n,
  lockPeriod: 10,
  port: 3333,
  networkId,
  reconnect: Schedule.intersect(Schedule.exponential("50 millis"), Schedule.recurs(5))
}

const services = (key: typeof alice) =>
  Layer.mergeAll(Signer.layerKeyPair(key, networkId), ProposalPolicy.acceptAll, ChannelStore.layerMemory)

/** A channel of two clients at round 2, and a node that remembers it. */
const opened = Effect.gen(function* () {
  const { context, node } = yield* startWith()
  const server = yield* Effect.provide(NodeServer.make({ port: 0 }), context)
  const open = (role: "initiator" | "responder", key: typeof alice) =>
    Effect.flatMap(Layer.build(services(key)), (own) => Effect.provide(Channel.open({ ...terms, role }), own))
  const [initiator] = yield* Effect.all([open("initiator", alice), open("responder", bob)], {
    concurrency: 2
  }).pipe(
    Effect.provide(WebSocketTransport.layerNode({ url: server.url })),
    Effect.provide([NativeCrypto.layer, JsonRpcSignedTx.layer])
  )
  yield* initiator.transfer({ amount: 1n })
  const snapshot = yield* node.snapshot
  const revert = Effect.gen(function* () {
    yield* node.revert(snapshot)
    const back = Effect.repeat(node.channels, {
      until: (ends) => ends.every(({ clientConnected }) => clientConnected),
      schedule: Schedule.spaced("10 millis")
    })
    yield* Effect.timeout(back, "5 seconds")
  })
  return { initiator, revert }
})

describe("a client at a node that is reverted", () => {
  it.scopedLive("comes back by itself and goes on, where the snapshot has its latest state", () =>
    Effect.gen(function* () {
      const { initiator, revert } = yield* opened
      yield* revert
      expect((yield* initiator.transfer({ amount: 2n })).round).toBe(3)
    })
  )

  it.scopedLive("does not go on from a state that is older than its own", () =>
    Effect.gen(function* () {
      const { initiator, revert } = yield* opened
      yield* initiator.transfer({ amount: 2n })
      yield* revert
      expect(yield* Effect.flip(initiator.transfer({ amount: 3n }))).toMatchObject({
        _tag: "StoreError",
        reason: "state_lost"
      })
    })
  )
})
