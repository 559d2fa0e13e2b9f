/**
 * The JavaScript SDK closes channels alone: it makes, signs and posts the transactions of a solo close, a slash and a
 * settlement over the node's HTTP port, while its channel clients are connected.
 */
import { ChannelNode } from "@aechannel/core/node/ChannelNode"
import { AeSdk, buildTx, type Channel, Node, Tag, unpackTx } from "@aeternity/aepp-sdk"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestCrypto from "../../../core/test/support/TestCrypto.js"
import { agreed, eventually, within } from "./support/Party.js"
import * as Sdk from "./support/SdkParty.js"
import * as World from "./support/World.js"

const repeats = Number(process.env["AECHANNEL_REPEATS"] ?? 1)
const keys = { initiator: TestCrypto.keyPairOf("initiator"), responder: TestCrypto.keyPairOf("responder") }
const [alice, bob] = [Sdk.accountOf(keys.initiator), Sdk.accountOf(keys.responder)]
const lockPeriod = 20

const run = <A>(call: () => Promise<A>): Effect.Effect<A> => within("a call of the SDK", Effect.promise(call))

/** What a party needs to close with the state it has now. */
const evidence = (channel: Channel) =>
  run(async () => {
    const { signedTx } = await channel.state()
    if (signedTx === undefined) throw new Error("there is a co-signed state")
    return {
      channelId: channel.id(),
      payload: buildTx(signedTx),
      poi: await channel.poi({ accounts: [alice.address, bob.address] })
    }
  })

const start = Effect.gen(function* () {
  const { httpUrl, meeting: terms } = yield* World.World
  const meeting = { ...terms, lockPeriod }
  const initiator = yield* Sdk.connecting("initiator", keys.initiator, meeting)
  const responder = yield* Sdk.connecting("responder", keys.responder, meeting)
  yield* Effect.all([initiator.opened, responder.opened])
  const both = [initiator, responder]
  yield* agreed(both, 1)
  const instance = new Node(httpUrl)
  const aeSdk = new AeSdk({ nodes: [{ name: "embedded", instance }], accounts: [alice, bob] })
  return { aeSdk, both, initiator, instance, node: yield* ChannelNode, responder }
})

const infos = ({ onChain }: Sdk.SdkParty) => onChain.map(({ info }) => info)

describe("the SDK closing alone", { repeats: repeats - 1 }, () => {
  it.live("cheats with an old state, is slashed, and both are paid what they have", () =>
    Effect.gen(function* () {
      const { aeSdk, both, initiator, instance, node, responder } = yield* start
      const { channelId } = initiator
      expect(yield* responder.pay(7n)).toEqual({ _tag: "Accepted", round: 2 })
      const old = yield* evidence(initiator.channel)
      expect(yield* initiator.pay(100_000_000_000_000n)).toEqual({ _tag: "Accepted", round: 3 })
      expect(yield* responder.pay(1_000n)).toEqual({ _tag: "Accepted", round: 4 })
      yield* agreed(both, 4)
      const latest = yield* evidence(responder.channel)
      const balances = yield* responder.balances
      const before = yield* run(() => aeSdk.getBalance(bob.address).then(BigInt))

      const closing = yield* run(async () =>
        aeSdk.sendTransaction(
          await aeSdk.buildTx({ tag: Tag.ChannelCloseSoloTx, ...old, fromId: alice.address }),
          { onAccount: alice }
        )
      )
      expect(closing).toMatchObject({ tx: { type: "ChannelCloseSoloTx", channelId } })
      const closed = yield* run(() => instance.getChannelByPubkey(channelId))
      expect(closed).toMatchObject({ round: 2, responderAmount: 509_999_999_999_993n })
      expect(closed.lockedUntil).toBe((closing.blockHeight ?? 0) + lockPeriod)
      // The node tells who has the newer state.
      yield* eventually("both clients hear of it", () =>
        both.every((party) => infos(party).includes("can_slash")) ? true : undefined
      )

      const slash = yield* run(async () =>
        aeSdk.sendTransaction(
          await aeSdk.buildTx({ tag: Tag.ChannelSlashTx, ...latest, fromId: bob.address }),
          { onAccount: bob }
        )
      )
      expect(slash).toMatchObject({ tx: { type: "ChannelSlashTx", channelId } })
      const finals = {
        initiatorAmountFinal: balances.initiator.toString(),
        responderAmountFinal: balances.responder.toString()
      }
      const settle = (amounts: typeof finals) =>
        aeSdk.buildTx({ tag: Tag.ChannelSettleTx, channelId, fromId: bob.address, ...amounts })
      yield* node.mine(lockPeriod)
      const settled = yield* run(async () => aeSdk.sendTransaction(await settle(finals), { onAccount: bob }))
      expect(settled).toMatchObject({ tx: { type: "ChannelSettleTx", ...mapped(balances) } })
      yield* run(() => expect(instance.getChannelByPubkey(channelId)).rejects.toThrow("Channel not found"))

      const fees = yield* Effect.map(
        Effect.forEach([slash, settled], ({ hash }) => run(() => instance.getTransactionByHash(hash))),
        (found) => found.reduce((sum, { tx }) => sum + BigInt(String(Reflect.get(tx, "fee"))), 0n)
      )
      const after = yield* run(() => aeSdk.getBalance(bob.address).then(BigInt))
      expect(after - before).toBe(balances.responder - fees)
      for (const party of both) expect(yield* party.ended).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )

  it.live("closes with the latest state, which nobody can slash", () =>
    Effect.gen(function* () {
      const { aeSdk, both, initiator, node, responder } = yield* start
      const { channelId } = initiator
      expect(yield* responder.pay(5n)).toEqual({ _tag: "Accepted", round: 2 })
      yield* agreed(both, 2)
      const latest = yield* evidence(responder.channel)
      const tx = yield* run(() =>
        aeSdk.buildTx({ tag: Tag.ChannelCloseSoloTx, ...latest, fromId: bob.address })
      )
      expect(unpackTx(tx)).toMatchObject({ tag: Tag.ChannelCloseSoloTx, fromId: bob.address })
      yield* run(() => aeSdk.sendTransaction(tx, { onAccount: bob }))
      yield* eventually("both clients hear of it", () =>
        both.every((party) => infos(party).includes("solo_closing")) ? true : undefined
      )
      yield* run(async () => {
        const slash = await aeSdk.buildTx({ tag: Tag.ChannelSlashTx, ...latest, fromId: alice.address })
        await expect(aeSdk.sendTransaction(slash, { onAccount: alice, verify: false })).rejects.toThrow()
      })
      yield* node.mine(lockPeriod)
      const balances = yield* initiator.balances
      yield* run(async () =>
        aeSdk.sendTransaction(
          await aeSdk.buildTx({
            tag: Tag.ChannelSettleTx,
            channelId,
            fromId: alice.address,
            initiatorAmountFinal: balances.initiator.toString(),
            responderAmountFinal: balances.responder.toString()
          }),
          { onAccount: alice }
        )
      )
      for (const party of both) expect(yield* party.ended).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )
})

const mapped = ({ initiator, responder }: { readonly initiator: bigint; readonly responder: bigint }) => ({
  initiatorAmountFinal: initiator,
  responderAmountFinal: responder
})
