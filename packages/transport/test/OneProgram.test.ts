/**
 * One program, two layers: the same Effect program over the in-memory and over the WebSocket transport gives each party
 * the same log of events and the same frames.
 */
import type { Channel, OpenOptions } from "@aechannel/core/client/Channel"
import * as Channels from "@aechannel/core/client/Channel"
import type { ChannelEvent } from "@aechannel/core/client/ChannelEvent"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as InMemoryTransport from "@aechannel/core/node/InMemoryTransport"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Signer from "@aechannel/core/services/Signer"
import * as Transport from "@aechannel/core/services/Transport"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { initiator, ledger, networkId, parameters, responder } from "../../core/test/support/NodeUnderTest.js"
import * as TestCrypto from "../../core/test/support/TestCrypto.js"

interface Log {
  readonly events: Array<string>
  readonly frames: Array<string>
}

const layerNode = ChannelNode.layer({ ledger }).pipe(
  Layer.provide([Layer.succeed(Crypto, TestCrypto.seededDouble("one program")), JsonRpcSignedTx.layer])
)

const layers = {
  memory: Layer.provide(InMemoryTransport.layer, layerNode),
  webSocket: Layer.unwrapScoped(
    Effect.map(NodeServer.NodeServer, ({ url }) => WebSocketTransport.layerNode({ url }))
  ).pipe(Layer.provide(NodeServer.layer({ port: 0 })), Layer.provide(layerNode))
} as const

/** Fsm ids are drawn in the order in which the clients happen to connect. */
const withoutFsmIds = (text: string): string => text.replaceAll(/ba_[A-Za-z0-9+/=]+/g, "ba_")

const show = (event: ChannelEvent): string =>
  withoutFsmIds(
    JSON.stringify(event, (key, value: unknown) =>
      typeof value === "bigint"
        ? `${value}n`
        : value instanceof Uint8Array
          ? `${value.length} bytes`
          : key === "trees"
            ? "trees"
            : value
    )
  )

const openAs = (role: Role, log: Log, policy: Layer.Layer<ProposalPolicy.ProposalPolicy>) => {
  const crypto = Layer.succeed(Crypto, TestCrypto.native)
  const options: OpenOptions = { ...openParameters(role), networkId }
  return Effect.provide(Channels.open(options), [
    Transport.layerTapped(({ direction, text }) =>
      Effect.sync(() => void log.frames.push(withoutFsmIds(`${direction} ${text}`)))
    ),
    Signer.layerKeyPair(role === "initiator" ? initiator : responder, networkId).pipe(Layer.provide(crypto)),
    policy,
    ChannelStore.layerMemory,
    JsonRpcSignedTx.layer,
    crypto
  ])
}

const openParameters = (role: Role) => ({
  ...parameters(role),
  initiatorId: initiator.address
})

const program = Effect.gen(function* () {
  const logs: Record<Role, Log> = {
    initiator: { events: [], frames: [] },
    responder: { events: [], frames: [] }
  }
  const listen = (role: Role, channel: Channel) =>
    Effect.fork(
      Stream.runForEach(channel.events, (event) =>
        Effect.sync(() => void logs[role].events.push(show(event)))
      )
    )
  const [left, right] = yield* Effect.all(
    [
      openAs("initiator", logs.initiator, ProposalPolicy.acceptAll),
      openAs(
        "responder",
        logs.responder,
        ProposalPolicy.make((proposal) =>
          proposal.operation === "update" && proposal.after.own < proposal.before.own
            ? ProposalPolicy.decline(147)
            : ProposalPolicy.accept
        )
      )
    ],
    { concurrency: 2 }
  )
  const listeners = [yield* listen("initiator", left), yield* listen("responder", right)]

  yield* left.transfer({ amount: 5n, meta: ["first"] })
  yield* right.transfer({ amount: 3n })
  const declined = yield* Effect.flip(left.transfer({ amount: 2n, from: responder.address }))
  yield* left.sendMessage("hello")
  yield* Stream.runHead(Stream.filter(right.events, (event) => event._tag === "MessageReceived"))
  const balances = yield* left.balances()
  const poi = yield* right.poi()
  yield* left.offChainState
  const closed = yield* left.shutdown()
  yield* Effect.forEach(listeners, Fiber.join)
  return { logs, declined: declined._tag, balances, poi, closed: closed.confirmed }
}).pipe(Effect.scoped)

it.live("the same program gives the same logs in memory and over a WebSocket", () =>
  Effect.gen(function* () {
    const memory = yield* Effect.provide(program, layers.memory)
    const webSocket = yield* Effect.provide(program, layers.webSocket)
    expect(memory.declined).toBe("UserDefinedError")
    expect(memory.closed).toBe(true)
    expect(webSocket).toEqual(memory)
    for (const role of ["initiator", "responder"] as const) {
      const { events, frames } = memory.logs[role]
      expect(events.length).toBeGreaterThan(20)
      expect(frames.length).toBeGreaterThan(30)
      console.log(`${role}: ${events.length} events and ${frames.length} frames, equal in both layers`)
    }
  })
)
