/** The chain and the channels as they were: snapshots of a node, and the way back to them. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, TestClock } from "effect"
import { Crypto } from "../../src/crypto/Crypto.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as InMemoryTransport from "../../src/node/InMemoryTransport.js"
import * as Ledger from "../../src/node/Ledger.js"
import { makeMemory, NodeStorage, type NodeStorageService } from "../../src/node/NodeStorage.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import * as Trees from "../../src/state/Trees.js"
import { layer, ledger, query, responder } from "../support/NodeUnderTest.js"
import {
  both,
  channelIdOf,
  comeBack,
  connect,
  disconnect,
  openQuietly,
  pay,
  type RawPair
} from "../support/OpenedChannel.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as TestCrypto from "../support/TestCrypto.js"

const deposit = (pair: RawPair) =>
  Effect.zipRight(pair.i.send("deposit", { amount: 1000 }), both(pair, "update"))

/** Hashes and states, but not who is connected at the moment. */
const picture = Effect.gen(function* () {
  const node = yield* ChannelNode.ChannelNode
  const chain = yield* node.ledger
  return {
    top: chain.top.hash,
    tip: chain.tip.hash,
    accounts: Trees.stateHashText(chain.state.trees),
    pending: Ledger.pending(chain).map(({ txHash }) => txHash),
    ends: (yield* node.channels).map((end) => ({ ...end, clientConnected: undefined }))
  }
})

const tenOperations = (pair: RawPair) =>
  Effect.gen(function* () {
    const node = yield* ChannelNode.ChannelNode
    for (let n = 0; n < 4; n++) yield* pay(pair, n + 2)
    yield* deposit(pair)
    yield* pay(pair)
    yield* node.mine(3)
    yield* node.fund(responder.address, 5n)
    yield* node.fork(1)
    yield* openQuietly({ port: 4444 })
  })

const durable = (storage: NodeStorageService, seed: string) =>
  Layer.provideMerge(
    InMemoryTransport.layer,
    ChannelNode.layerDurable({ ledger }).pipe(
      Layer.provide([
        Layer.succeed(NodeStorage, storage),
        Layer.succeed(Crypto, TestCrypto.seededDouble(seed)),
        JsonRpcSignedTx.layer
      ])
    )
  )

const bothComeBack = (pair: RawPair) =>
  Effect.gen(function* () {
    const r = yield* comeBack("responder", pair.r)
    const i = yield* comeBack("initiator", pair.i)
    yield* both({ i, r }, "info fsm_up")
    return { i, r }
  })

const thereAndBack = Effect.gen(function* () {
  const node = yield* ChannelNode.ChannelNode
  let pair: RawPair = yield* openQuietly()
  yield* pay(pair)
  const before = yield* picture
  expect(before.ends.map(({ fsmState, role, round }) => [role, fsmState, round])).toEqual([
    ["responder", "open", 2],
    ["initiator", "open", 2]
  ])
  const snapshot = yield* node.snapshot

  for (let round = 0; round < 3; round++) {
    yield* tenOperations(pair)
    const after = yield* picture
    expect(after.tip).not.toBe(before.tip)
    expect(after.ends[0]?.stateHash).not.toBe(before.ends[0]?.stateHash)
    expect(after.ends).toHaveLength(4)

    yield* node.revert(snapshot)
    expect(yield* picture).toEqual(before)
    expect(yield* Effect.map(node.channels, (ends) => ends.map((end) => end.clientConnected))).toEqual([
      false,
      false
    ])
    for (const client of [pair.i, pair.r]) expect(yield* client.end).toMatchObject({ closeCode: 1012 })

    pair = yield* bothComeBack(pair)
    expect(yield* picture).toEqual(before)
    yield* pay(pair)
    yield* pay(pair)
    expect((yield* node.channels).map((end) => [end.round, end.clientConnected])).toEqual([
      [4, true],
      [4, true]
    ])
  }
  return { before, pair }
})

describe("snapshot and revert", () => {
  it.scoped("bring back the chain and all channels, and clients go on from there", () =>
    thereAndBack.pipe(Effect.provide(layer()))
  )

  it.scoped("also on a storage, from which the next node goes on", () =>
    Effect.gen(function* () {
      const storage = makeMemory()
      const { last, pair } = yield* Effect.gen(function* () {
        const { pair } = yield* thereAndBack
        return { pair, last: yield* picture }
      }).pipe(Effect.provide(durable(storage, "first")))
      yield* Effect.gen(function* () {
        const { ends, ...chain } = yield* picture
        expect({ ...chain, ends: last.ends }).toEqual(last)
        expect(ends).toEqual([])
        const r = yield* comeBack("responder", pair.r)
        const i = yield* comeBack("initiator", pair.i)
        yield* both({ i, r }, "info channel_reestablished")
        yield* both({ i, r }, "update")
        expect((yield* picture).ends.map(({ stateHash }) => stateHash)).toEqual(
          last.ends.map(({ stateHash }) => stateHash)
        )
        yield* pay({ i, r })
      }).pipe(Effect.provide(durable(storage, "second")))
    })
  )

  it.scoped("find clients that came back with a new id since then", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode.ChannelNode
      const first = yield* openQuietly()
      const snapshot = yield* node.snapshot
      for (const client of [first.i, first.r]) {
        yield* client.send("leave", {})
        yield* TestClock.adjust("20 millis")
      }
      const second = {
        r: yield* comeBack("responder", first.r),
        i: yield* comeBack("initiator", first.i)
      }
      yield* both(second, "info channel_reestablished")
      yield* node.revert(snapshot)
      const third = yield* bothComeBack(second)
      yield* pay(third)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("end openings under way, and channels that were not there", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode.ChannelNode
      const empty = yield* node.snapshot
      const alone = yield* connect(query("responder"), responder)
      yield* alone.until("info fsm_up")
      const waiting = yield* node.snapshot
      expect(yield* node.channels).toMatchObject([{ channelId: undefined, stateHash: undefined }])
      yield* node.revert(waiting)
      expect(yield* alone.end).toMatchObject({ closeCode: 1012 })
      expect(yield* node.channels).toEqual([])
      yield* openQuietly()
      yield* node.revert(empty)
      expect(yield* node.channels).toEqual([])
      expect(Ledger.channels(yield* node.ledger)).toEqual([])
      expect((yield* Effect.flip(node.revert(3))).message).toContain("no snapshot 3")
    }).pipe(Effect.provide(layer()))
  )
})

describe("disconnect", () => {
  it.scoped("cuts off clients or the link of a channel", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode.ChannelNode
      const { i, r } = yield* openQuietly()
      const id = yield* ApiEncoding.parse("ch", channelIdOf(i))
      const seen = Effect.map(node.channels, (ends) =>
        ends.map(({ clientConnected, peerConnected }) => [clientConnected, peerConnected])
      )
      expect(yield* node.disconnect(id, { what: "client", role: "initiator" })).toBe(1)
      expect(yield* i.end).toMatchObject({ closeCode: 1006 })
      expect(yield* seen).toEqual([
        [true, true],
        [false, true]
      ])
      expect(yield* node.disconnect(id, { what: "client" })).toBe(1)
      expect(yield* r.end).toMatchObject({ closeCode: 1006 })
      const back = yield* bothComeBack({ i, r })
      expect(yield* node.disconnect(id, { what: "link" })).toBeGreaterThan(0)
      yield* disconnect(back.i)
      expect(yield* node.disconnect(id, { what: "link" })).toBe(0)
    }).pipe(Effect.provide(layer()))
  )
})
