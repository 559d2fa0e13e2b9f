/** Deposits and withdrawals through the whole node: sessions, links, chain. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { ChannelNode } from "../../src/node/ChannelNode.js"
import * as Ledger from "../../src/node/Ledger.js"
import { coin, initiator, layer, responder } from "../support/NodeUnderTest.js"
import { openQuietly } from "../support/OpenedChannel.js"
import * as RawClient from "../support/RawClient.js"

const total = 15n * coin

describe("deposits and withdrawals on the ledger", () => {
  it.scoped("change what the channel and the accounts hold, by either party", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode
      const { i, r } = yield* openQuietly()
      const parties = [
        { own: i, peer: r, address: initiator.address },
        { own: r, peer: i, address: responder.address }
      ]
      let expected = total
      for (const { address, own, peer } of parties) {
        for (const [operation, amount] of [
          ["deposit", 3n * coin],
          ["withdraw", coin]
        ] as const) {
          const before = yield* node.ledger
          const [ownFrames, peerFrames] = [own.names.length, peer.names.length]
          yield* own.send(operation, { amount })
          yield* Effect.all([own.until("update"), peer.until("update")], { concurrency: "unbounded" })
          const end = [
            "on_chain_tx channel_changed",
            `info own_${operation}_locked`,
            `info ${operation}_locked`,
            "update"
          ]
          expect(own.names.slice(ownFrames)).toEqual([
            `sign.${operation}_tx`,
            `on_chain_tx ${operation}_signed`,
            ...end
          ])
          expect(peer.names.slice(peerFrames)).toEqual([
            `info ${operation}_created`,
            `sign.${operation}_ack`,
            `on_chain_tx ${operation}_created`,
            ...end
          ])
          const moved = operation === "deposit" ? amount : -amount
          expected += moved
          const after = yield* node.ledger
          const [channel] = Ledger.channels(after)
          expect(channel?.[1].channelAmount).toBe(expected)
          const fee = Ledger.collectedFees(after) - Ledger.collectedFees(before)
          expect(Ledger.balance(before, address) - Ledger.balance(after, address)).toBe(moved + fee)
        }
      }
      yield* i.send("get.balances", { accounts: [initiator.address, responder.address] }, "b")
      expect(RawClient.at(yield* i.next, "result")).toEqual([
        { account: initiator.address, balance: 11n * coin },
        { account: responder.address, balance: 8n * coin }
      ])
      yield* r.send("deposit", { amount: 10_000n * coin }, "too much")
      expect(RawClient.at(yield* r.next, "error", "data")).toEqual([
        { code: 1001, message: "Insufficient balance" }
      ])
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("a nonce that is far ahead: code 5 for both, and the channel goes on", () =>
    Effect.gen(function* () {
      const { i, r } = yield* openQuietly()
      yield* i.send("deposit", { amount: coin, nonce: 5_000 })
      const [mine, theirs] = yield* Effect.all([i.until("conflict"), r.until("conflict")], {
        concurrency: "unbounded"
      })
      for (const frame of [mine, theirs]) {
        expect(RawClient.at(frame, "params", "data")).toMatchObject({ error_code: 5, round: 1 })
      }
      yield* r.send("withdraw", { amount: coin })
      yield* Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
    }).pipe(Effect.provide(layer()))
  )
})
