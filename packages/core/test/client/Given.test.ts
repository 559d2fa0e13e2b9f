/**
 * What callers give that is no value of its type, as programs without a compiler do: a typed failure that names the field,
 * before anything is sent; never a defect, and never something that looks like a lie of the node.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as Channel from "../../src/client/Channel.js"
import type { FlowError } from "../../src/client/ChannelEvent.js"
import * as TestNode from "../../src/testing/TestNode.js"

/** As a program does that nobody has checked the types of. */
const unchecked = (value: unknown): never => value as never

const secret = "sk_2CuofqWZHrABCrM7GY95YSQn8PyFvKQadnvFnpwhjUnDCFAWmf"

const openings: ReadonlyArray<readonly [field: keyof Channel.OpenOptions, given: unknown]> = [
  ["initiatorAmount", 100],
  ["responderAmount", "100"],
  ["pushAmount", 1.5],
  ["channelReserve", null],
  ["lockPeriod", 1.5],
  ["lockPeriod", 10n],
  ["port", 0],
  ["port", 99_999],
  ["port", "3333"],
  ["initiatorId", "ak_foo"],
  ["responderId", secret]
]

describe("options that are no values of their types", () => {
  for (const [field, given] of openings)
    it.scoped(`an opening with ${field} ${String(given).slice(0, 6)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(TestNode.openPair({ options: unchecked({ [field]: given }) }))
        expect(error).toMatchObject({ _tag: "DecodeError", what: "the options of open", where: [field] })
        expect(error.message).not.toContain(secret)
      }).pipe(Effect.provide(TestNode.layer()))
    )

  it.scoped("amounts, code and call data of operations, after which the channel goes on", () =>
    Effect.gen(function* () {
      const { initiator: ours, responder: theirs } = yield* TestNode.openPair()
      const attempts: ReadonlyArray<Effect.Effect<unknown, FlowError>> = [
        ours.transfer(unchecked({ amount: 5 })),
        ours.transfer(unchecked({})),
        ours.deposit(unchecked({ amount: "5" })),
        ours.withdraw(unchecked({ amount: 1.5 })),
        ours.contracts.create(unchecked({ code: undefined, callData: "cb_Xfbg4g==" })),
        ours.contracts.create(unchecked({ code: "cb_Xfbg4g==", callData: "cb_Xfbg4g==", deposit: 1 })),
        ours.contracts.call(unchecked({ contractId: "ct_", callData: [1], amount: 1n })),
        ours.contracts.dryRun(unchecked({ contractId: "ct_", callData: "cb_Xfbg4g==", amount: 1 })),
        ours.abort(0),
        ours.abort(unchecked("4")),
        ours.abort(65_536),
        ours.forceProgress(unchecked({ contractId: "ct_", callData: 1 }))
      ]
      const found: Array<unknown> = []
      for (const attempt of attempts) {
        const error = yield* Effect.flip(attempt)
        found.push(error._tag === "DecodeError" ? error.where : error)
      }
      const fields = "amount amount amount amount code deposit callData amount code code code callData".split(
        " "
      )
      expect(found).toEqual(fields.map((field) => [field]))
      expect(yield* ours.transfer({ amount: 1n })).toMatchObject({ round: 2 })
      expect(yield* theirs.transfer({ amount: 1n })).toMatchObject({ round: 3 })
    }).pipe(Effect.provide(TestNode.layer()))
  )
})
