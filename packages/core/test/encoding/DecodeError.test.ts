import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as DecodeError from "../../src/encoding/DecodeError.js"
import { errorOf } from "../support/Reason.js"

const bad = () => {
  throw DecodeError.make("transaction", "bad_checksum", "the checksum is wrong", ["fee"])
}

describe("DecodeError", () => {
  it.effect("becomes a typed failure", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(DecodeError.attempt(bad))
      expect(error._tag).toBe("DecodeError")
      expect(error.message).toBe("Could not read transaction at fee: the checksum is wrong (bad_checksum)")
      expect(yield* DecodeError.attempt(() => 7)).toBe(7)
    })
  )

  it.effect("anything else is a defect", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        DecodeError.attempt(() => {
          throw new RangeError("ours")
        })
      )
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
    })
  )

  it("an error of a part tells its place in the whole", () => {
    const error = errorOf(() => DecodeError.within(["updates", 3], bad))
    expect(error.where).toEqual(["updates", 3, "fee"])
    expect(error.message).toContain("at updates.3.fee")
    expect(() => DecodeError.within(["x"], () => JSON.parse("{"))).toThrow(SyntaxError)
  })
})
