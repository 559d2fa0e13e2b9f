/** What the JavaScript SDK's channel client, as either party, demands of a node and its users rely on. */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import { buildTx, Channel, ChannelConnectionError, Tag, unpackTx } from "@aeternity/aepp-sdk"
import { IllegalArgumentError, InsufficientBalanceError } from "@aeternity/aepp-sdk"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestCrypto from "../../../core/test/support/TestCrypto.js"
import { agreed, eventually, within } from "./support/Party.js"
import * as Sdk from "./support/SdkParty.js"
import * as World from "./support/World.js"

const repeats = Number(process.env["AECHANNEL_REPEATS"] ?? 1)

const networkId = "ae_dev"
const keys = { initiator: TestCrypto.keyPairOf("initiator"), responder: TestCrypto.keyPairOf("responder") }
const { address: alice } = keys.initiator
const { address: bob } = keys.responder

const openings = {
  initiator: ["connected", "accepted", "signed", "open"],
  responder: ["connected", "halfSigned", "open"]
}

/** Both parties on the SDK, the initiator first, and both listening from the start. */
const start = Effect.gen(function* () {
  const { meeting } = yield* World.World
  const initiator = yield* Sdk.connecting("initiator", keys.initiator, meeting)
  const responder = yield* Sdk.connecting("responder", keys.responder, meeting)
  yield* Effect.all([initiator.opened, responder.opened])
  yield* agreed([initiator, responder], 1)
  return { initiator, responder, both: [initiator, responder], meeting }
})

const run = <A>(what: string, call: () => Promise<A>): Effect.Effect<A> => within(what, Effect.promise(call))

const pay = (party: Sdk.SdkParty, amount: number, from = alice, to = bob) =>
  party.channel.update(from, to, amount, (tx) =>
    Sdk.accountOf(keys[party.role]).signTransaction(tx, { networkId })
  )

describe("the SDK's channel client", { repeats: repeats - 1 }, () => {
  it.live("sees the statuses of an opening, and nothing between", () =>
    Effect.gen(function* () {
      const { both, initiator, responder } = yield* start
      expect(initiator.statuses).toEqual(openings.initiator)
      expect(responder.statuses).toEqual(openings.responder)
      expect(both.map(({ channel }) => channel.round())).toEqual([1, 1])
      expect(initiator.channel.fsmId()).not.toBe(responder.channel.fsmId())
      expect(initiator.onChain.map(({ info, type }) => [info, type])).toEqual([
        ["channel_changed", "channel_create_tx"]
      ])
      expect(responder.onChain.map(({ info, type }) => [info, type])).toEqual([
        ["channel_changed", "channel_create_tx"]
      ])
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("is asked to sign the create transaction that it expects, to the aetto", () =>
    Effect.gen(function* () {
      const { initiator, responder } = yield* start
      const { signedTx } = yield* run("state", () => initiator.channel.state())
      const text = signedTx === undefined ? "" : buildTx(signedTx)
      expect(SignedTx.fromTextOrThrow(text)).toMatchObject({
        signatures: [expect.any(Uint8Array), expect.any(Uint8Array)],
        tx: {
          _tag: "ChannelCreateTx",
          version: 2,
          channelReserve: 0n,
          fee: 17_680_000_000_000n,
          initiatorAmount: 500_000_000_000_000n,
          initiatorDelegateIds: [],
          initiatorId: alice,
          lockPeriod: 1,
          nonce: 1n,
          responderAmount: 500_000_000_000_000n,
          responderDelegateIds: [],
          responderId: bob,
          ttl: 0
        }
      })
      const [reported] = [initiator, responder].map(({ onChain }) => onChain[0]?.tx)
      expect(reported).toBe(text)
      expect(responder.onChain[0]?.tx).toBe(text)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("gives its signer the updates, with numbers as it knows them, and metadata", () =>
    Effect.gen(function* () {
      const { both, initiator, responder } = yield* start
      const own: Array<unknown> = []
      const sign = Sdk.accountOf(keys.initiator)
      const sent = yield* run("update", () =>
        initiator.channel.update(
          alice,
          bob,
          1e14,
          (tx, options) => {
            own.push(options)
            return sign.signTransaction(tx, { networkId })
          },
          ["for coffee", "and cake"]
        )
      )
      expect(sent.accepted).toBe(true)
      const updates = [
        { amount: 1e14, from: alice, op: "OffChainTransfer", to: bob },
        { data: "for coffee", op: "OffChainMeta" },
        { data: "and cake", op: "OffChainMeta" }
      ]
      expect(own).toEqual([{ updates }])
      expect(responder.asked.at(-1)).toEqual({ tag: "update_ack", updates })
      yield* agreed(both, 2)
      // Parsed as text from 10¹⁵ on, as a number below.
      const balances = yield* run("balances", () => responder.channel.balances([alice, bob]))
      expect(balances).toEqual({ [alice]: 390_000_000_000_000, [bob]: 610_000_000_000_000 })
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("hears which way a proposal ended", () =>
    Effect.gen(function* () {
      const { both, initiator, responder } = yield* start
      responder.answerWith("refuse")
      expect(yield* run("update", () => pay(initiator, 1))).toEqual({
        accepted: false,
        errorCode: 1,
        errorMessage: "validation error"
      })
      responder.answerWith(1234)
      expect(yield* run("update", () => pay(initiator, 1))).toEqual({
        accepted: false,
        errorCode: 1234,
        errorMessage: "user-defined"
      })
      responder.answerWith("sign")
      const called = yield* run("update", () =>
        initiator.channel.update(alice, bob, 1, () => Promise.resolve(12_345))
      )
      expect(called).toEqual({ accepted: false })
      yield* agreed(both, 1)
      // An update may also take from the peer, if the peer signs.
      expect(yield* run("update", () => pay(initiator, 1, bob, alice))).toMatchObject({ accepted: true })
      yield* agreed(both, 2)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("is refused what cannot be, and goes on", () =>
    Effect.gen(function* () {
      const { both, initiator } = yield* start
      yield* run("update", () => expect(pay(initiator, 999e18)).rejects.toThrow(InsufficientBalanceError))
      yield* run("update", () => expect(pay(initiator, -10)).rejects.toThrow(IllegalArgumentError))
      const misspelt = pay(initiator, 1, "ak_123" as typeof alice)
      yield* run("update", () => expect(misspelt).rejects.toThrow(new ChannelConnectionError("Rejected")))
      yield* run("balances", () =>
        expect(initiator.channel.poi({ accounts: [TestCrypto.keyPairOf("nobody").address] })).rejects.toThrow(
          "Rejected"
        )
      )
      expect(yield* run("update", () => pay(initiator, 1))).toMatchObject({ accepted: true })
      yield* agreed(both, 2)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("leaves, and its peer stays", () =>
    Effect.gen(function* () {
      const { both, initiator, responder } = yield* start
      yield* run("update", () => pay(initiator, 5))
      const latest = yield* agreed(both, 2)
      const left = yield* run("leave", () => initiator.channel.leave())
      expect(left).toEqual({ channelId: responder.channelId, signedTx: latest })
      expect(yield* initiator.ended).toEqual([])
      yield* eventually("the peer hears of it", () => responder.events[0])
      expect(responder.events).toEqual(["peerDisconnected"])
      expect(responder.channel.status()).toBe("open")
      const { responder: balance } = yield* responder.balances
      expect(balance).toBe(510_000_000_000_005n)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live(
    "without its peer's client a proposal is declined at once, and one that both have signed is taken",
    () =>
      Effect.gen(function* () {
        const { initiator, responder } = yield* start
        initiator.channel.disconnect()
        const before = performance.now()
        expect(yield* run("update", () => pay(responder, 100))).toMatchObject({ accepted: false })
        expect(performance.now() - before).toBeLessThan(1000)
        expect(responder.channel.round()).toBe(1)
        const taken = yield* run("update", () =>
          responder.channel.update(alice, bob, 100, (tx) => Promise.resolve(signedByBoth(tx)))
        )
        expect(taken.accepted).toBe(true)
        expect(responder.channel.round()).toBe(2)
      }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("uses the same port and keys again and again", () =>
    Effect.gen(function* () {
      const ids = new Set<string>()
      for (let n = 0; n < 3; n++) {
        const { both, initiator, responder } = yield* start
        ids.add(initiator.channelId)
        yield* responder.shutdown
        for (const party of both) {
          const opening = openings[party.role]
          expect(yield* party.ended).toEqual([])
          const end = party === responder ? [] : ["closing", "open", "closed"]
          expect(party.statuses.slice(opening.length)).toEqual([...end, "disconnected"])
        }
      }
      expect(ids.size).toBe(3)
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("cannot open with somebody who is not on the chain", () =>
    Effect.gen(function* () {
      const { meeting } = yield* World.World
      const stranger = TestCrypto.keyPairOf("stranger")
      const party = yield* Sdk.connecting("initiator", stranger, {
        ...meeting,
        initiatorId: stranger.address
      })
      const [refused] = yield* party.ended
      expect(party.statuses).toEqual(["connected", "disconnected"])
      // The SDK has no state for it, but keeps what the node said.
      expect(refused).toMatchObject({
        incomingMessage: { error: { code: 3, data: [{ code: 1011, message: "Participant not found" }] } }
      })
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("takes the answer to its ping for a pong", () =>
    Effect.gen(function* () {
      const { channel } = (yield* start).initiator
      const timer = channel._pingTimeoutId
      // What it sends when ten seconds have passed; a pong starts them anew.
      channel._websocket.send(
        JSON.stringify({ jsonrpc: "2.0", method: "channels.system", params: { action: "ping" } })
      )
      yield* eventually("a pong", () => (channel._pingTimeoutId === timer ? undefined : true))
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )
})

/** A transaction with the signatures of both parties, as one gets it who was given the other's by other ways. */
const signedByBoth = (tx: Parameters<Parameters<Channel["update"]>[3]>[0]) =>
  SignedTx.toText(
    Object.values(keys).reduce(
      (signed, key) => SignedTx.sign(signed, key, { networkId, crypto: TestCrypto.native }),
      SignedTx.fromTextOrThrow(buildTx({ tag: Tag.SignedTx, encodedTx: unpackTx(tx), signatures: [] }))
    )
  )
