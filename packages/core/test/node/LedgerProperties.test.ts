import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as ChannelObject from "../../src/chain/ChannelObject.js"
import * as Rules from "../../src/node/internal/ledger/Rules.js"
import * as Ledger from "../../src/node/Ledger.js"
import { runs } from "../chain/known.js"
import { fold, opening, operation, printOf, start, step } from "./support/Operations.js"
import { supply } from "./support/Transactions.js"

describe("Ledger: properties of a channel's whole life", () => {
  const kinds = new Map<string, number>()
  const errors = new Set<string>()

  it.prop(
    "I17: good and bad transactions, blocks and forks: no rule throws, not one aetto is made or lost, old values stay",
    [FastCheck.array(operation, { minLength: 20, maxLength: 70, size: "max" })],
    ([operations]) => {
      let world = fold(start(), opening)
      const past: Array<readonly [Ledger.Ledger, string]> = []
      for (const [index, op] of operations.entries()) {
        if (index % 10 === 0) past.push([world.ledger, printOf(world.ledger)])
        world = step(world, op)
        expect(supply(world.ledger)).toBe(world.given)
        expect(Ledger.accounts(world.ledger).every(([, { balance }]) => balance >= 0n)).toBe(true)
        for (const [, channel] of Ledger.channels(world.ledger)) {
          expect(channel.channelAmount >= 0n).toBe(true)
          // A deposit or withdrawal leaves the parties' shares as they were; only closing sets them.
          if (channel.lockedUntil !== 0) {
            expect(channel.initiatorAmount + channel.responderAmount <= channel.channelAmount).toBe(true)
          }
          expect(ChannelObject.decodeOrThrow(ChannelObject.encode(channel))).toEqual(channel)
        }
      }
      for (const { signedTx } of world.included) {
        const kind = `${signedTx.tx._tag === "PayingForTx" ? "paid " : ""}${Rules.coreOf(signedTx).tx._tag}`
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      }
      for (const reason of world.refused) errors.add(reason)
      for (const [old, print] of past) expect(printOf(old)).toBe(print)
    },
    { fastCheck: runs(150) }
  )

  it("the random runs did something: every kind was mined, most errors were met", () => {
    console.log(`random lives: mined ${[...kinds].map(([kind, n]) => `${kind} ${n}`).join(", ")}`)
    console.log(`random lives: refused for ${[...errors].sort().join(", ")}`)
    const supported = Ledger.supportedKinds.filter(
      (kind) => !/^(Ga|PayingFor|ChannelForceProgress)/.test(kind)
    )
    expect(supported.filter((kind) => !kinds.has(kind))).toEqual([])
    expect(errors.size).toBeGreaterThan(15)
  })

  it("a fold of nothing is the start", () => {
    expect(printOf(fold(start(), []).ledger)).toBe(printOf(start().ledger))
  })
})
