/** The JavaScript SDK's chain client against the node's HTTP port: money for an account, and a channel with it. */
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import { ChannelNode } from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import { AeSdk, buildTx, encode, Encoding, Node, Tag } from "@aeternity/aepp-sdk"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Own from "./support/OwnParty.js"
import { agreed } from "./support/Party.js"
import * as Sdk from "./support/SdkParty.js"
import * as World from "./support/World.js"

const repeats = Number(process.env["AECHANNEL_REPEATS"] ?? 1)

const fresh = Effect.provide(KeyPair.generate, NativeCrypto.layer)

/** The SDK as its users set it up, with the rich account. */
const start = Effect.gen(function* () {
  const { httpUrl: url, initiator: rich, meeting } = yield* World.World
  const instance = new Node(url)
  const aeSdk = new AeSdk({ nodes: [{ name: "embedded", instance }], accounts: [Sdk.accountOf(rich)] })
  return { aeSdk, instance, meeting, node: yield* ChannelNode, rich, url }
})

const run = <A>(call: () => Promise<A>): Effect.Effect<A> => Effect.promise(call)

describe("the SDK's chain client", { repeats: repeats - 1 }, () => {
  it.live("reads what the node says of itself and of its chain", () =>
    Effect.gen(function* () {
      const { aeSdk, instance, node } = yield* start
      const { genesis, top } = yield* node.ledger
      expect(yield* run(() => aeSdk.getNodeInfo())).toMatchObject({
        consensusProtocolVersion: 6,
        nodeNetworkId: "ae_dev",
        version: "7.2.2"
      })
      expect(yield* run(() => instance.getStatus())).toMatchObject({
        difficulty: 1338,
        genesisKeyBlockHash: genesis.hash,
        listening: true,
        peerConnections: { inbound: 0, outbound: 0 },
        pendingTransactionsCount: 0,
        syncProgress: 100,
        topBlockHeight: 1,
        topKeyBlockHash: top.hash
      })
      expect(yield* run(() => aeSdk.getHeight())).toBe(1)
      expect(yield* run(() => instance.getCurrentKeyBlock())).toMatchObject({
        hash: top.hash,
        height: 1,
        prevHash: genesis.hash,
        version: 6
      })
      expect((yield* run(() => instance.getRecentGasPrices()))[0]).toEqual({
        minGasPrice: 1_000_000_000n,
        minutes: 1,
        utilization: 0
      })
    }).pipe(Effect.provide(World.layer()))
  )

  it.live("funds a fresh account by a spend", () =>
    Effect.gen(function* () {
      const { aeSdk, instance, node, rich } = yield* start
      const { address } = yield* fresh
      expect(yield* run(() => aeSdk.getBalance(address))).toBe("0")
      const spent = yield* run(() => aeSdk.spend(3e15, address))
      expect(spent).toMatchObject({ blockHeight: 1, tx: { type: "SpendTx", nonce: 1, version: 1 } })
      expect(spent.blockHash).toMatch(/^mh_/)
      expect(yield* run(() => aeSdk.getBalance(address))).toBe("3000000000000000")
      expect(yield* run(() => instance.getAccountNextNonce(rich.address))).toEqual({ nextNonce: 2 })

      const ledger = yield* node.ledger
      const fees = Ledger.collectedFees(ledger)
      expect(Ledger.balance(ledger, rich.address)).toBe(World.wealth - 3n * 10n ** 15n - fees)
      expect(yield* run(() => instance.getTransactionByHash(spent.hash))).toMatchObject({
        blockHash: spent.blockHash,
        blockHeight: 1,
        encodedTx: spent.rawTx,
        hash: spent.hash,
        tx: { amount: 3n * 10n ** 15n, fee: fees, recipientId: address, senderId: rich.address }
      })
      yield* run(() =>
        expect(instance.getTransactionInfoByHash(spent.hash)).rejects.toThrow("Tx has no info")
      )
    }).pipe(Effect.provide(World.layer()))
  )

  it.live("waits until a block is made, and counts what waits for the next nonce", () =>
    Effect.gen(function* () {
      const { aeSdk, instance, node, rich, url } = yield* start
      const { address } = yield* fresh
      yield* node.fund(address, 1n)
      yield* node.auto(false)
      const posted = yield* run(() => aeSdk.spend(10, address, { waitMined: false }))
      expect(yield* run(() => instance.getTransactionByHash(posted.hash))).toMatchObject({
        blockHash: "none",
        blockHeight: -1
      })
      expect(yield* run(() => instance.getAccountNextNonce(rich.address))).toEqual({ nextNonce: 2 })

      const waiting = yield* Effect.fork(run(() => aeSdk.spend(20, address, { confirm: 2 })))
      const pending = Effect.map(node.ledger, (ledger) => Ledger.pending(ledger).length)
      while ((yield* pending) < 2) yield* Effect.sleep("5 millis")
      yield* Effect.sleep("50 millis")
      expect(yield* Fiber.poll(waiting)).toMatchObject({ _tag: "None" })
      yield* run(() => fetch(`${url}/emit_mb`))
      yield* run(() => fetch(`${url}/emit_kb?n=2`))
      expect(yield* Fiber.join(waiting)).toMatchObject({
        blockHeight: 1,
        confirmationHeight: 3,
        tx: { nonce: 2 }
      })
      expect(yield* run(() => aeSdk.getBalance(address))).toBe("31")
    }).pipe(Effect.provide(World.layer()))
  )

  it.live("is told why a transaction is refused", () =>
    Effect.gen(function* () {
      const { aeSdk, node, rich } = yield* start
      const { address } = yield* fresh
      yield* node.fund(address, 1n)
      yield* run(() => expect(aeSdk.spend(9e18, address)).rejects.toThrow(/is not enough to execute/))
      yield* run(() => aeSdk.spend(1, address))
      const late = buildTx({
        tag: Tag.SpendTx,
        senderId: rich.address,
        recipientId: address,
        amount: 2,
        nonce: 1,
        payload: encode(new Uint8Array(), Encoding.Bytearray)
      })
      yield* run(() =>
        expect(aeSdk.sendTransaction(late, { verify: false })).rejects.toThrow(
          "v3/transactions error: Invalid tx (nonce_too_low)"
        )
      )
    }).pipe(Effect.provide(World.layer()))
  )

  it.live("works on a network that it does not know", () =>
    Effect.gen(function* () {
      const { aeSdk, node } = yield* start
      const { address } = yield* fresh
      yield* node.fund(address, 1n)
      // It asks whether the chain is a hyperchain, of which no node outside of one has heard.
      expect(yield* run(() => aeSdk.spend(1, address))).toMatchObject({ blockHeight: 1 })
    }).pipe(Effect.provide(World.layer("my_net")))
  )

  it.live("funds two accounts, which then open a channel and close it", () =>
    Effect.gen(function* () {
      const { aeSdk, instance, meeting: terms } = yield* start
      const [alice, bob] = [yield* fresh, yield* fresh]
      for (const { address } of [alice, bob]) yield* run(() => aeSdk.spend(3e15, address))
      const meeting = { ...terms, initiatorId: alice.address, responderId: bob.address }
      const [initiator, responder] = yield* Effect.all(
        [Sdk.open("initiator", alice, meeting), Own.open("responder", bob, meeting)],
        { concurrency: 2 }
      )
      yield* agreed([initiator, responder], 1)
      expect(yield* run(() => instance.getChannelByPubkey(initiator.channelId))).toMatchObject({
        channelAmount: 10n ** 15n,
        delegateIds: { initiator: [], responder: [] },
        id: initiator.channelId,
        initiatorAmount: 5n * 10n ** 14n,
        initiatorId: alice.address,
        lockPeriod: 1,
        responderId: bob.address,
        round: 1
      })
      expect(yield* run(() => instance.getAccountNextNonce(alice.address))).toEqual({ nextNonce: 2 })
      yield* responder.shutdown
      yield* run(() =>
        expect(instance.getChannelByPubkey(initiator.channelId)).rejects.toThrow("Channel not found")
      )
      expect(BigInt(yield* run(() => aeSdk.getBalance(bob.address)))).toBeGreaterThan(3n * 10n ** 15n)
      expect(yield* initiator.ended).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(World.layer()))
  )
})
