/** A fork drops what was forced on chain, and the channel is closed with an older state: what both signed is not lost. */
import { expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import { closeWithFirst, view } from "../support/Chain.js"
import { layer, responder } from "../support/NodeUnderTest.js"
import { create, input, inRound } from "./support/Contracting.js"
import { openBoth } from "./support/Parties.js"

const settled = TestClock.adjust("100 millis")

it.scoped.each([
  ["one state", 1],
  ["two states, the second upon the first", 2]
] as const)(
  "I16: %s: the client slashes by itself, and the channel settles by the co-signed state",
  ([, times]) =>
    Effect.gen(function* () {
      const node = yield* ChannelNode.ChannelNode
      const [alice, bob] = yield* openBoth()
      const first = yield* alice.latest.get
      const { contractId } = yield* create(alice, bob)
      yield* alice.contracts.call(input(contractId, "add", 2n))
      yield* inRound(bob, 3)
      const coSigned = yield* alice.latest.get
      yield* node.auto(false)
      for (const [index, party] of [bob, alice].slice(0, times).entries()) {
        yield* Effect.fork(Effect.exit(party.forceProgress(input(contractId, "add", 1n))))
        yield* settled
        yield* node.mine(1)
        yield* inRound(alice, 4 + index)
      }
      const roundOnChain = Effect.map(view(node), ({ channel }) => channel(alice.id)?.round)
      expect(yield* roundOnChain).toBe(3 + times)

      // One block after the other.
      for (let dropped = 0; dropped < times; dropped++) yield* node.fork(2, { returnTransactions: false })
      yield* closeWithFirst(node, responder, first)
      yield* node.mine(1)
      yield* settled
      yield* node.mine(1)
      yield* settled
      expect(yield* roundOnChain).toBe(coSigned.round)

      const settling = yield* Effect.fork(alice.settle())
      yield* settled
      yield* node.mine(12)
      yield* settled
      yield* node.mine(5)
      const { signedTx } = yield* settling
      expect(signedTx.tx).toMatchObject({
        _tag: "ChannelSettleTx",
        initiatorAmountFinal: coSigned.balances.initiator,
        responderAmountFinal: coSigned.balances.responder
      })
    }).pipe(Effect.provide(layer({ acceptDelay: 0, closeDelay: 0 })))
)
