/** Many clients at once, one of which does not read; the long form is `npm run bench -- --load`. */
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as NodeServer from "@aechannel/transport/NodeServer"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Crowd, pairOf, type Tally } from "../bench/load/Crowd.js"
import { floodUnread } from "../bench/load/Flood.js"
import { Watch } from "../bench/load/Watch.js"
import { coupleOf, networkId } from "../bench/World.js"

const pairs = 10
const slow = pairs

/** Where money is for this many couples. */
const ledger = Ledger.make({
  networkId,
  accounts: Array.from({ length: pairs + 1 }, (_, index) => coupleOf(index))
    .flat()
    .map(({ address }) => ({ address, balance: 10n ** 24n }))
})

const limit = 4 * 2 ** 20

const start = Effect.gen(function* () {
  const context = yield* Layer.build(
    ChannelNode.layer({ ledger }).pipe(
      Layer.provideMerge(Layer.merge(NativeCrypto.layer, JsonRpcSignedTx.layer))
    )
  )
  const server = NodeServer.make({ port: 0, maxBufferedBytes: limit })
  const { url } = yield* Effect.provide(server, context)
  return { url, node: Context.get(context, ChannelNode.ChannelNode) }
})

/** Connections of this process, both ends of each. */
const sockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length

/**
 * No state machine is left after a while: who has gone in the moment in which its channel opened leaves one behind until
 * that has been idle for ten seconds.
 */
const expectNobody = (node: ChannelNode.ChannelNodeService) =>
  Effect.gen(function* () {
    const states = Effect.map(node.channels, (ends) =>
      ends.map(
        (end) => `${end.role} ${end.fsmState} ${end.channelId} ${end.clientConnected} ${end.peerConnected}`
      )
    )
    for (let i = 0; i < 1500 && (yield* states).length > 0; i++) yield* Effect.sleep("10 millis")
    expect(yield* states).toEqual([])
  })

const eventually = (holds: Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    for (let i = 0; i < 500 && !(yield* holds); i++) yield* Effect.sleep("10 millis")
    expect(yield* holds).toBe(true)
  })

const expectSane = (tally: Tally, watch: Watch): void => {
  expect(watch.wrong).toEqual([])
  expect(tally.failures).toEqual([])
  expect(tally.opened).toBe(tally.closed)
}

describe("load", () => {
  it.scopedLive("clients that come, pay, drop and go leave nothing behind and hear nothing of others", () =>
    Effect.gen(function* () {
      const { node, url } = yield* start
      const before = sockets()
      const watch = new Watch()
      const { run, tally } = new Crowd({ url, watch, seed: 1, isOver: (sessions) => sessions >= 5 })
      yield* run(pairs)
      console.log(
        `${tally.opened} channels, ${tally.updates.length} updates, ${tally.messages} messages, ${tally.drops} drops, ` +
          `${tally.droppedOpenings} dropped openings, ${tally.resumed} comebacks, ${watch.frames} frames`
      )
      expectSane(tally, watch)
      for (const count of [tally.opened, tally.updates.length, tally.messages, tally.drops, tally.resumed])
        expect(count).toBeGreaterThan(10)
      yield* expectNobody(node)
      yield* eventually(Effect.sync(() => sockets() <= before))
    })
  )

  it.scopedLive("who does not read is cut off at the limit, and the others never notice", () =>
    Effect.gen(function* () {
      const { node, url } = yield* start
      const watch = new Watch()
      const pair = yield* pairOf(url, watch, slow, coupleOf(slow))
      const parties = yield* Effect.orDie(pair.open)
      const end = Effect.map(node.channels, (ends) =>
        ends.find(({ channelId, role }) => channelId === parties[1].id && role === "responder")
      )
      const others = new Crowd({ url, watch, seed: 2, isOver: (sessions) => sessions >= 2 })
      const [{ cutAfter }] = yield* Effect.all(
        [
          floodUnread({
            pair,
            parties,
            index: slow,
            isOver: () => false,
            isConnected: Effect.map(end, (known) => known?.clientConnected === true)
          }),
          others.run(4)
        ],
        { concurrency: 2 }
      )
      console.log(`cut off after ${cutAfter} bytes; ${others.tally.updates.length} updates of others`)
      expectSane(others.tally, watch)
      // What the system's buffers took before is on top of what waits in the node.
      expect(cutAfter).toBeGreaterThan(limit)
      expect(cutAfter).toBeLessThan(limit + 40 * 2 ** 20)
      // It is back: nothing of the channel is lost.
      const { round } = yield* Effect.orDie(parties[0].transfer({ amount: 1n }))
      expect(round).toBe(2)
      yield* Effect.orDie(parties[1].shutdown())
      yield* expectNobody(node)
    })
  )
})
