/** Many clients at once, some of which do what they should not; the long form is `npm run bench -- --load`. */
import { ChannelNode } from "@aechannel/core/node/ChannelNode"
import * as NodeServer from "@aechannel/transport/NodeServer"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerNode } from "../../core/test/support/NodeUnderTest.js"
import { Crowd } from "../bench/load/Crowd.js"
import { Watch } from "../bench/load/Watch.js"
import { coupleOf, networkId } from "../bench/World.js"
import * as Ledger from "@aechannel/core/node/Ledger"

const pairs = 10
const ledger = Ledger.make({
  networkId,
  accounts: Array.from({ length: pairs + 1 }, (_, index) => coupleOf(index))
    .flat()
    .map(({ address }) => ({ address: address, balance: 10n ** 24n }))
})

const eventually = (holds: Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    for (let i = 0; i < 400 && !(yield* holds); i++) yield* Effect.sleep("10 millis")
    expect(yield* holds).toBe(true)
  })

describe("load", () => {
  it.scopedLive("clients that come, pay, drop and go leave nothing behind and hear nothing of others", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(layerNode({ ledger }))
      const node = Context.get(context, ChannelNode)
      const { url } = yield* Effect.provide(NodeServer.make({ port: 0 }), context)
      const watch = new Watch()
      const until = performance.now() + 3000
      const crowd = new Crowd({ url, watch, seed: 1, isOver: () => performance.now() > until })
      yield* crowd.run(pairs)
      const { tally } = crowd
      console.log({ ...tally, updates: tally.updates.length, frames: watch.frames })
      expect(watch.wrong).toEqual([])
      expect(tally.failures).toEqual([])
      yield* eventually(Effect.map(node.channels, (ends) => ends.length === 0))
    })
  )
})
