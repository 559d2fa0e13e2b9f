import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc, type Layer } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import { channelId, createTx, initiator } from "../client/support/ScriptedNode.js"

const proposal = (operation: ProposalPolicy.Proposal["operation"]): ProposalPolicy.Proposal => ({
  operation,
  tag: "update_ack",
  proposer: initiator.address,
  channelId,
  signedTx: SignedTx.unsigned(createTx()),
  updates: [],
  round: 2,
  before: { own: 5n, peer: 5n },
  after: { own: 4n, peer: 6n },
  worstOwnBalance: 3n
})

const decide = (
  layer: Layer.Layer<ProposalPolicy.ProposalPolicy>,
  operation: ProposalPolicy.Proposal["operation"] = "update"
): Effect.Effect<ProposalPolicy.Decision> =>
  Effect.flatMap(ProposalPolicy.ProposalPolicy, (policy) => policy.decide(proposal(operation))).pipe(
    Effect.provide(layer)
  )

describe("ProposalPolicy", () => {
  it.effect("acceptAll accepts, declineAll declines everything but the opening", () =>
    Effect.gen(function* () {
      expect(yield* decide(ProposalPolicy.acceptAll)).toEqual(ProposalPolicy.accept)
      const none = ProposalPolicy.declineAll(200)
      expect(yield* decide(none)).toEqual(ProposalPolicy.decline(200))
      expect(yield* decide(none, "shutdown")).toEqual(ProposalPolicy.decline(200))
      expect(yield* decide(none, "open")).toEqual(ProposalPolicy.accept)
    })
  )

  it.effect("make takes decisions and effects", () =>
    Effect.gen(function* () {
      const byBalance = ProposalPolicy.make(({ before, after }) =>
        after.own < before.own ? ProposalPolicy.decline(128) : ProposalPolicy.accept
      )
      expect(yield* decide(byBalance)).toEqual(ProposalPolicy.decline(128))
      const slow = ProposalPolicy.make(() => Effect.succeed(ProposalPolicy.accept))
      expect(yield* decide(slow)).toEqual(ProposalPolicy.accept)
    })
  )

  it("a code is 1 to 65535", () => {
    fc.assert(
      fc.property(fc.integer({ min: -70_000, max: 140_000 }), (code) => {
        const make = () => ProposalPolicy.decline(code).code
        if (code >= 1 && code <= 65_535) expect(make()).toBe(code)
        else expect(make).toThrow(RangeError)
      })
    )
    expect(() => ProposalPolicy.declineAll(1.5)).toThrow(RangeError)
  })
})
