import * as assert from "node:assert"
import { ChannelNode, Ledger } from "@aechannel/core"
import { TestNode } from "@aechannel/core/testing"
import { Effect } from "effect"

const program = Effect.gen(function* () {
  const { parties } = yield* TestNode.TestNode
  const node = yield* ChannelNode.ChannelNode
  yield* node.fund(parties.initiator.address, TestNode.AE)
  return Ledger.balance(yield* node.ledger, parties.initiator.address)
})

const layer = TestNode.layer({ balance: 5n * TestNode.AE })
assert.strictEqual(Effect.runSync(Effect.provide(program, layer)), 6n * TestNode.AE)
