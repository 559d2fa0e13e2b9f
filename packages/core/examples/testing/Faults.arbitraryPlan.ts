import * as assert from "node:assert"
import { Faults, SeededScheduler, TestNode } from "@aechannel/core/testing"
import { Effect, FastCheck } from "effect"

// Whatever happens to one party's first ten frames, the opening ends well, or with a typed failure.
const opens = (plan: ReadonlyArray<Faults.PlannedFault>) =>
  TestNode.openPair({ responder: { transport: Faults.layer(plan) } }).pipe(
    Effect.timeout("10 minutes"),
    Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: () => "open" }),
    Effect.scoped,
    Effect.provide(TestNode.layer())
  )

FastCheck.assert(
  FastCheck.property(Faults.arbitraryPlan({ frames: 10 }), FastCheck.nat(), (plan, seed) => {
    const end = Effect.runSync(SeededScheduler.runSeeded(seed, opens(plan)))
    assert.match(end, /^(open|\w+(Error|Exception))$/)
  }),
  { numRuns: 10 }
)
