/** A node as bytes: dumps, and nodes that go on from them. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Crypto } from "../../src/crypto/Crypto.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as InMemoryTransport from "../../src/node/InMemoryTransport.js"
import * as Ledger from "../../src/node/Ledger.js"
import { makeMemory, NodeStorage, type NodeStorageService } from "../../src/node/NodeStorage.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import * as Trees from "../../src/state/Trees.js"
import { initiator, layer, ledger, responder } from "../support/NodeUnderTest.js"
import { both, comeBack, openQuietly, pay, type RawPair } from "../support/OpenedChannel.js"
import * as TestCrypto from "../support/TestCrypto.js"

const bothComeBack = (before: RawPair) =>
  Effect.gen(function* () {
    const r = yield* comeBack("responder", before.r)
    const i = yield* comeBack("initiator", before.i)
    yield* both({ i, r }, "info channel_reestablished")
    yield* both({ i, r }, "update")
    return { i, r }
  })

const chainOf = Effect.gen(function* () {
  const chain = yield* Effect.flatMap(ChannelNode.ChannelNode, (node) => node.ledger)
  return {
    top: chain.top.hash,
    tip: chain.tip.hash,
    accounts: Trees.stateHashText(chain.state.trees),
    pending: Ledger.pending(chain).map(({ txHash }) => txHash)
  }
})

const stateHashes = Effect.flatMap(ChannelNode.ChannelNode, (node) =>
  Effect.map(node.channels, (ends) => ends.map(({ role, round, stateHash }) => [role, round, stateHash]))
)

/** A channel at round 3, blocks, gifts, a fork and a revert: all that can be in a chain's log. */
const lived = Effect.gen(function* () {
  const node = yield* ChannelNode.ChannelNode
  const pair: RawPair = yield* openQuietly()
  yield* pay(pair)
  yield* node.mine(3)
  const snapshot = yield* node.snapshot
  yield* node.fund(responder.address, 5n)
  yield* node.fork(1)
  yield* node.revert(snapshot)
  const again = {
    r: yield* comeBack("responder", pair.r),
    i: yield* comeBack("initiator", pair.i)
  }
  yield* both(again, "info fsm_up")
  yield* pay(again)
  yield* node.fund(initiator.address, 7n)
  return again
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

const another = (seed: string) => layer({}, TestCrypto.seededDouble(seed))

describe("a dump", () => {
  it.scoped("is where another node goes on, with the chain and all channels", () =>
    Effect.gen(function* () {
      const { before, dump, ends, pair } = yield* Effect.gen(function* () {
        const node = yield* ChannelNode.ChannelNode
        const pair = yield* lived
        return { pair, before: yield* chainOf, ends: yield* stateHashes, dump: yield* node.dump }
      }).pipe(Effect.provide(layer()))
      yield* Effect.gen(function* () {
        const node = yield* ChannelNode.ChannelNode
        yield* node.load(dump)
        expect(yield* chainOf).toEqual(before)
        const back = yield* bothComeBack(pair)
        expect(yield* stateHashes).toEqual(ends)
        yield* pay(back)
      }).pipe(Effect.provide(another("second")))
    })
  )

  it.scoped("takes nothing from the node, and brings it back to that moment", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode.ChannelNode
      const pair = yield* lived
      const before = yield* chainOf
      const ends = yield* stateHashes
      const dump = yield* node.dump
      expect(yield* node.dump).toHaveLength(dump.length)
      yield* pay(pair)
      yield* node.mine(2)
      yield* node.load(dump)
      for (const client of [pair.i, pair.r]) expect(yield* client.end).toMatchObject({ closeCode: 1012 })
      expect(yield* chainOf).toEqual(before)
      expect(yield* node.channels).toEqual([])
      const back = yield* bothComeBack(pair)
      expect(yield* stateHashes).toEqual(ends)
      yield* pay(back)
      // Also what was dumped after a dump was loaded.
      yield* node.load(yield* node.dump)
      expect((yield* Effect.flip(node.revert(1)))._tag).toBe("SnapshotError")
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("stays loaded on a storage", () =>
    Effect.gen(function* () {
      const storage = makeMemory()
      const { dump, pair } = yield* Effect.gen(function* () {
        const pair = yield* lived
        return { pair, dump: yield* Effect.flatMap(ChannelNode.ChannelNode, (node) => node.dump) }
      }).pipe(Effect.provide(layer()))
      const before = yield* Effect.gen(function* () {
        const node = yield* ChannelNode.ChannelNode
        yield* node.mine(1)
        yield* node.load(dump)
        yield* node.mine(1)
        return yield* chainOf
      }).pipe(Effect.provide(durable(storage, "first")))
      yield* Effect.gen(function* () {
        expect(yield* chainOf).toEqual(before)
        yield* pay(yield* bothComeBack(pair))
      }).pipe(Effect.provide(durable(storage, "second")))
    })
  )

  it.scoped("that is none, or damaged anywhere, is refused and changes nothing", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode.ChannelNode
      yield* node.mine(2)
      yield* node.fund(initiator.address, 5n)
      const dump = yield* node.dump
      const before = yield* chainOf
      const refusals = new Map<string, number>()
      for (let at = 0; at < dump.length; at++) {
        for (const bytes of [
          dump.slice(0, at),
          Uint8Array.from(dump, (byte, n) => (n === at ? byte ^ 1 : byte))
        ]) {
          const loaded = yield* Effect.either(node.load(bytes))
          // A flipped bit may be in what no block commits to: the last gift.
          if (loaded._tag === "Right") {
            yield* node.load(dump)
            continue
          }
          expect(yield* chainOf).toEqual(before)
          refusals.set(loaded.left.reason, (refusals.get(loaded.left.reason) ?? 0) + 1)
        }
      }
      expect([...refusals.keys()].sort()).toEqual(["damaged", "other_chain", "other_version"])
      console.log(`${dump.length * 2} damaged dumps:`, Object.fromEntries(refusals))
    }).pipe(Effect.provide(layer()))
  )
})
