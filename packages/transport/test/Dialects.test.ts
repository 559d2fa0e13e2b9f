/** The same conversation in each dialect, over real sockets: our client, our node. */
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { converse, layerNode, type Pair, pairs } from "../../core/test/node/support/Dialects.js"

const layerOf = (pair: Pair) =>
  Layer.unwrapScoped(
    Effect.map(NodeServer.NodeServer, ({ url }) => WebSocketTransport.layerNode({ url }))
  ).pipe(Layer.provide(NodeServer.layer({ port: 0 })), Layer.provide(layerNode(pair)))

describe("open, update, conflict, shutdown over a WebSocket", () => {
  for (const [name, pair] of Object.entries(pairs))
    it.scopedLive(name, () => Effect.provide(converse(pair), layerOf(pair)))
})
