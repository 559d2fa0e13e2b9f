/** Fee, gas price and nonce of what both parties sign. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Transaction from "../../src/chain/Transaction.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import type { OnChainOptions } from "../../src/protocol/Request.js"
import { layer } from "../support/NodeUnderTest.js"
import { fixture } from "../support/Shared.js"
import { consensusPrice, isPaid, minerPrice, minimum, operations, suite } from "./support/FeeOptions.js"
import { openBoth } from "./support/Parties.js"

suite(["deposit", "withdraw", "shutdown", "shutdown while closing"], 136)

describe("the opening", () => {
  const opened = (changes: OnChainOptions) =>
    Effect.flatMap(openBoth({ initiator: { changes } }), ([{ latest }]) =>
      Effect.map(latest.get, ({ signedTx: { tx } }) => {
        if (tx._tag !== "ChannelCreateTx") throw new Error(`opened with a ${tx._tag}`)
        return tx
      })
    )
  const price = 2n * minerPrice
  const rows: ReadonlyArray<readonly [string, OnChainOptions, "the fee" | bigint]> = [
    ["none", {}, minerPrice],
    ["a fee", { fee: 10n ** 14n }, "the fee"],
    ["a gas price", { gasPrice: price }, price],
    ["both, and the price gives more", { fee: 1n, gasPrice: price }, price],
    ["both, and the fee is larger", { fee: 10n ** 14n, gasPrice: price }, "the fee"],
    ["a nonce", { nonce: 1n }, minerPrice]
  ]
  it.scopedLive.each(rows)("with %s", ([, options, due]) =>
    Effect.gen(function* () {
      const tx = yield* opened(options)
      expect(tx.fee).toBe(due === "the fee" ? options.fee : minimum(tx, due))
      expect(tx.nonce).toBe(1n)
    }).pipe(Effect.provide(layer()))
  )

  const inVain: ReadonlyArray<readonly [string, OnChainOptions]> = [
    ["a fee below consensus", { fee: 1n }],
    ["a gas price below consensus", { gasPrice: consensusPrice - 1n }],
    ["the gas price of consensus, which no miner takes", { gasPrice: consensusPrice }],
    ["a used nonce", { nonce: 0n }],
    ["a nonce too far ahead", { nonce: 50n }]
  ]
  it.scopedLive.each(inVain)("not with %s: the machine ends", ([, options]) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(opened(options))).toMatchObject({
        _tag: "TransportError",
        reason: "channel_ended"
      })
    }).pipe(Effect.provide(layer()))
  )
})

interface KnownFee {
  readonly type: string
  readonly minFeeAt1e9: string
  readonly minFeeAt1e6: string
  readonly unsignedTx: string
}

it("what is due is what the known answers say", () => {
  const known: ReadonlyArray<KnownFee> = fixture("fees").vectors
  const types = new Set<string>(Object.values(operations).map(({ type }) => type))
  const ours = known.filter(({ type }) => types.has(type))
  for (const { minFeeAt1e6, minFeeAt1e9, unsignedTx } of ours) {
    const tx = Transaction.decodeOrThrow(ApiEncoding.decodeOrThrow("tx", unsignedTx))
    if (!isPaid(tx)) throw new Error("a transaction without a fee")
    // The amounts of a known closing are as they are, whatever the fee.
    const due = (price: bigint) => String(minimum(tx, price, (each, fee) => ({ ...each, fee })))
    expect([due(minerPrice), due(consensusPrice)]).toEqual([minFeeAt1e9, minFeeAt1e6])
  }
  console.log(`fees.json: ${ours.length} transactions of ${types.size} kinds`)
  expect(new Set(ours.map(({ type }) => type))).toEqual(types)
})
