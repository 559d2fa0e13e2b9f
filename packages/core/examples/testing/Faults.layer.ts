import * as assert from "node:assert"
import { Faults, SeededScheduler, TestNode } from "@aechannel/core/testing"
import { Effect } from "effect"

// The initiator's connection breaks at the third frame that it sends, its signature of the transfer.
const program = Effect.gen(function* () {
  const transport = Faults.layer([{ direction: "out", frame: 3, fault: Faults.closeBefore }])
  const { initiator, responder } = yield* TestNode.openPair({ initiator: { transport } })
  const error = yield* Effect.flip(initiator.transfer({ amount: 1n }))
  const { round } = yield* responder.latest.get
  return [error._tag, round]
}).pipe(Effect.scoped, Effect.provide(TestNode.layer()))

assert.deepStrictEqual(Effect.runSync(SeededScheduler.runSeeded(1, program)), ["TransportError", 1])
