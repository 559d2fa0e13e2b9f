/** An opening that a party cannot pay ends at once, leaves nothing in the mempool, and stands in no later one's way. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as TestNode from "../../src/testing/TestNode.js"

describe("an opening that a party cannot pay", () => {
  for (const field of ["initiatorAmount", "responderAmount"] as const)
    it.scoped(field, () =>
      Effect.gen(function* () {
        const node = yield* ChannelNode.ChannelNode
        const before = yield* node.ledger
        const error = yield* Effect.flip(TestNode.openPair({ options: { [field]: 10n ** 40n } }))
        expect(error).toMatchObject({ _tag: "TransportError", operation: "open", reason: "channel_ended" })
        expect(error.message).toContain("that each can pay its amount and the initiator the fee")
        expect(yield* node.ledger).toEqual(before)
        const { initiator } = yield* TestNode.openPair()
        expect(yield* initiator.transfer({ amount: 1n })).toMatchObject({ round: 2 })
      }).pipe(Effect.provide(TestNode.layer()))
    )

  it.scoped("all that the initiator has, but for the fee", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(TestNode.openPair({ options: { initiatorAmount: TestNode.AE } }))
      expect(error).toMatchObject({ _tag: "TransportError", reason: "channel_ended" })
      yield* TestNode.openPair({
        options: { initiatorAmount: TestNode.AE / 2n, responderAmount: TestNode.AE }
      })
    }).pipe(Effect.provide(TestNode.layer({ balance: TestNode.AE })))
  )
})
