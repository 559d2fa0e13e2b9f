import * as assert from "node:assert"
import { ProposalPolicy } from "@aechannel/core"
import { SeededScheduler, TestNode } from "@aechannel/core/testing"
import { Effect } from "effect"

const program = Effect.gen(function* () {
  const { initiator, responder } = yield* TestNode.openPair({
    responder: { policy: ProposalPolicy.declineAll(777) },
    options: { initiatorAmount: 100n * TestNode.AE }
  })
  const error = yield* Effect.flip(initiator.transfer({ amount: 1n }))
  assert.ok(error._tag === "UserDefinedError" && error.code === 777)
  return yield* responder.transfer({ amount: 3n })
}).pipe(Effect.scoped, Effect.provide(TestNode.layer({ seed: 1 })))

const { balances, round } = Effect.runSync(SeededScheduler.runSeeded(1, program))
assert.deepStrictEqual([round, balances.initiator], [2, 100n * TestNode.AE + 3n])
