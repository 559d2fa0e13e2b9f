import * as assert from "node:assert"
import { ChannelStore } from "@aechannel/core"
import { StoreFaults } from "@aechannel/core/testing"
import { Effect, Layer } from "effect"

// The store cannot be listed the second time.
const plan = StoreFaults.at("list", 2, StoreFaults.fail("the disk is gone"))
const store = StoreFaults.layer(plan).pipe(Layer.provide(ChannelStore.layerMemory))

const program = Effect.gen(function* () {
  const { list } = yield* ChannelStore.ChannelStore
  assert.deepStrictEqual(yield* list, [])
  assert.strictEqual((yield* Effect.flip(list)).detail, "the disk is gone")
})
await Effect.runPromise(Effect.provide(program, store))
