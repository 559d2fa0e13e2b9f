/** The same conversation in each dialect: our client, our node. */
import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as InMemoryTransport from "../../src/node/InMemoryTransport.js"
import { converse, layerNode, pairs } from "./support/Dialects.js"

describe("open, update, conflict, shutdown", () => {
  for (const [name, pair] of Object.entries(pairs))
    it.scopedLive(name, () =>
      Effect.provide(converse(pair), Layer.provideMerge(InMemoryTransport.layer, layerNode(pair)))
    )
})
