/** A deposit or withdrawal that the mempool refuses after both have signed: who goes on how, and that the error says it. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TestNode from "../../src/testing/TestNode.js"

describe("a movement that both have signed and the mempool refuses", () => {
  for (const kind of ["deposit", "withdraw"] as const)
    it.scoped(kind, () =>
      Effect.gen(function* () {
        const { initiator: first, responder: second } = yield* TestNode.openPair()
        // The nonce of the create transaction.
        const error = yield* Effect.flip(first[kind]({ amount: 1n, nonce: 1n }))
        expect(error).toMatchObject({ _tag: "RejectedOnChainError", operation: kind, round: 1 })
        expect(error.message).toMatch(/Check fee, nonce .*; .* let that party propose next\.$/)
        // It may be mined after all, for all that the second can know.
        expect(yield* Effect.flip(first.transfer({ amount: 1n }))).toMatchObject({
          _tag: "ValidationError",
          endedBy: "peer"
        })
        expect(yield* second.transfer({ amount: 1n })).toMatchObject({ round: 2 })
        expect(yield* first.transfer({ amount: 1n })).toMatchObject({ round: 3 })
      }).pipe(Effect.provide(TestNode.layer()))
    )
})
