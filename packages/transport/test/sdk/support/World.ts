/** A node with its servers on free ports, and two people with money on its chain. */
import type { KeyPair } from "@aechannel/core/crypto/KeyPair"
import * as Json from "@aechannel/core/encoding/Json"
import { ChannelNode } from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as NodeHttp from "@aechannel/transport/NodeHttp"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerNode } from "../../../../core/test/support/NodeUnderTest.js"
import * as TestCrypto from "../../../../core/test/support/TestCrypto.js"
import type { Meeting } from "./Party.js"

/** Where the node is, who meets there, and on which terms. */
export interface WorldService {
  readonly httpUrl: string
  readonly initiator: KeyPair
  readonly responder: KeyPair
  readonly meeting: Meeting
}

export class World extends Context.Tag("test/sdk/World")<World, WorldService>() {}

export const wealth = 10n ** 18n

/** The amounts of the SDK's own tests, which know what the create transaction costs. */
export const terms = {
  port: 3114,
  initiatorAmount: 500_000_000_000_000n,
  responderAmount: 500_000_000_000_000n,
  pushAmount: 10_000_000_000_000n,
  channelReserve: 0n,
  lockPeriod: 1
}

const people = {
  initiator: TestCrypto.keyPairOf("initiator"),
  responder: TestCrypto.keyPairOf("responder")
}

/** A node in this process, whose network has this id. */
export const layer = (networkId = "ae_dev"): Layer.Layer<World | ChannelNode> =>
  Layer.effect(
    World,
    Effect.map(Effect.all([NodeHttp.NodeHttp, NodeServer.NodeServer]), ([http, server]) => ({
      ...people,
      httpUrl: http.url,
      meeting: {
        ...terms,
        networkId,
        url: server.url,
        initiatorId: people.initiator.address,
        responderId: people.responder.address
      }
    }))
  ).pipe(
    Layer.provide(Layer.orDie(Layer.merge(NodeHttp.layer({ port: 0 }), NodeServer.layer({ port: 0 })))),
    Layer.provideMerge(
      layerNode({
        ledger: Ledger.make({
          networkId,
          accounts: Object.values(people).map(({ address }) => ({ address, balance: wealth }))
        })
      })
    )
  )

/** What the node's HTTP port says, whatever the status. */
export const look = (path: string): Effect.Effect<Json.Json, never, World> =>
  Effect.flatMap(World, ({ httpUrl }) =>
    Effect.promise(async () => Json.parseOrThrow(await (await fetch(`${httpUrl}${path}`)).text()))
  )

export const balanceOf = (id: string): Effect.Effect<bigint, never, World> =>
  Effect.map(look(`/v3/accounts/${id}`), (account) => Json.toBigInt(Json.field(account, "balance")) ?? -1n)
