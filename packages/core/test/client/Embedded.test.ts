/** The client on the embedded node, over the in-memory transport. */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Context, Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { Crypto } from "../../src/crypto/Crypto.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as Ledger from "../../src/node/Ledger.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Signer from "../../src/services/Signer.js"
import { coin, initiator, layer, networkId, responder } from "../support/NodeUnderTest.js"
import * as TestCrypto from "../support/TestCrypto.js"
import { open, openBoth } from "./support/Parties.js"

const fees = (balances: ReadonlyArray<bigint>): bigint =>
  2000n * coin - balances.reduce((sum, balance) => sum + balance, 0n)

describe("Channel on the embedded node", () => {
  it.scopedLive("opens, transfers, talks, declines and closes", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth({
        responder: {
          policy: ProposalPolicy.make((proposal) =>
            proposal.operation === "update" && proposal.after.own < proposal.before.own
              ? ProposalPolicy.decline(777)
              : ProposalPolicy.accept
          )
        }
      })
      expect(alice.id).toBe(bob.id)
      expect(yield* alice.latest.get).toMatchObject({ round: 1, balances: { initiator: 9n * coin } })

      const second = yield* alice.transfer({ amount: coin, meta: ["for tea"] })
      expect(second).toMatchObject({ round: 2, balances: { initiator: 8n * coin, responder: 7n * coin } })
      const third = yield* bob.transfer({ amount: 2n * coin })
      expect(third).toMatchObject({ round: 3, balances: { initiator: 10n * coin, responder: 5n * coin } })

      const declined = yield* Effect.flip(alice.transfer({ amount: 1n, from: responder.address }))
      expect(declined).toMatchObject({
        _tag: "UserDefinedError",
        code: 777,
        endedBy: "peer",
        round: 3,
        operation: "transfer"
      })

      yield* alice.sendMessage("hello")
      yield* bob.sendMessage("hello back")
      yield* alice.ping
      expect(yield* alice.balances()).toEqual([
        { account: initiator.address, balance: 10n * coin },
        { account: responder.address, balance: 5n * coin }
      ])
      expect((yield* bob.offChainState).signedTx).toBeDefined()
      yield* bob.poi()

      const refused = yield* Effect.flip(alice.transfer({ amount: 100n * coin }))
      expect(refused).toMatchObject({ _tag: "RejectedError", data: [{ code: 1001 }] })

      const closed = yield* bob.shutdown()
      expect(closed.confirmed).toBe(true)
      const ended = yield* Stream.runLast(alice.events)
      expect(ended).toMatchObject({ value: { _tag: "Ended", error: { reason: "channel_ended" } } })
      expect((yield* alice.status.get).phase).toBe("closed")
      const texts = yield* Stream.runCollect(
        Stream.filter(bob.events, (event) => event._tag === "MessageReceived")
      )
      expect(Chunk.toReadonlyArray(texts)).toMatchObject([{ text: "hello" }])
      expect(yield* Effect.flip(bob.transfer({ amount: 1n }))).toMatchObject({
        _tag: "TransportError",
        reason: "channel_ended"
      })
      const view = Ledger.view(
        yield* Effect.flatMap(ChannelNode.ChannelNode, (node) => node.ledger),
        TestCrypto.native
      )
      const balances = [initiator, responder].map(({ address }) => view.account(address)?.balance ?? 0n)
      expect(fees(balances)).toBeGreaterThan(0n)
      expect(fees(balances)).toBeLessThan(coin / 1000n)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("leaves, and the peer's session ends typed", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      yield* bob.leave
      const error = yield* Effect.flip(alice.transfer({ amount: 1n }))
      expect(error).toMatchObject({ _tag: "TransportError" })
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("two proposals at once: each ends, and both stay usable", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const both = yield* Effect.all(
        [Effect.either(alice.transfer({ amount: 1n })), Effect.either(bob.transfer({ amount: 2n }))],
        { concurrency: "unbounded" }
      )
      for (const outcome of both)
        if (outcome._tag === "Left") expect(outcome.left).toMatchObject({ _tag: "ConflictError", code: 2 })
      const next = yield* alice.transfer({ amount: 1n })
      yield* Stream.runHead(Stream.filter(bob.latest.changes, (state) => state.round === next.round))
      const after = yield* bob.transfer({ amount: 1n })
      expect(after.round).toBe(next.round + 1)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("own operations wait for their turn", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const states = yield* Effect.all(
        Array.from({ length: 10 }, () => alice.transfer({ amount: 1n })),
        { concurrency: "unbounded" }
      )
      expect(states.map(({ round }) => round)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
      const seen = yield* Effect.fork(
        Stream.runHead(Stream.filter(bob.latest.changes, (state) => state.round === 11))
      )
      expect(yield* Fiber.join(seen)).toMatchObject({ value: { round: 11 } })
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("a refused opening is a RejectedError with its data code", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(open("initiator", { changes: { channelReserve: 100n * coin } }))
      expect(error).toMatchObject({ _tag: "RejectedError", operation: "open", data: [{ code: 105 }] })
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("a party may take its time while others open channels and blocks pass in bursts", () => {
    const pairs = Array.from({ length: 5 }, (_, index) => ({
      initiator: TestCrypto.keyPairOf(`initiator ${index}`),
      responder: TestCrypto.keyPairOf(`responder ${index}`)
    }))
    const accounts = pairs
      .flatMap((pair) => [pair.initiator, pair.responder])
      .map(({ address }) => ({ address, balance: 1000n * coin }))
    const crypto = Layer.succeed(Crypto, TestCrypto.native)
    const signerOf = (keyPair: KeyPair, ready: Effect.Effect<void>) =>
      Layer.map(Layer.provide(Signer.layerKeyPair(keyPair, networkId), crypto), (context) => {
        const signer = Context.get(context, Signer.Signer)
        return Context.make(Signer.Signer, {
          ...signer,
          sign: (details) => Effect.zipRight(ready, signer.sign(details))
        })
      })
    const openPair = (pair: (typeof pairs)[number], ready: Effect.Effect<void> = Effect.void) => {
      const changes = { initiatorId: pair.initiator.address, responderId: pair.responder.address }
      return openBoth({
        initiator: { changes, signer: signerOf(pair.initiator, ready) },
        responder: { changes, signer: signerOf(pair.responder, Effect.void) }
      })
    }
    return Effect.gen(function* () {
      const [slow, ...others] = pairs
      if (slow === undefined) return
      const asked = yield* Deferred.make<void>()
      const ready = yield* Deferred.make<void>()
      const opening = yield* Effect.fork(
        openPair(slow, Effect.zipRight(Deferred.succeed(asked, undefined), Deferred.await(ready)))
      )
      yield* Deferred.await(asked)
      yield* Effect.forEach(others, (pair) => openPair(pair), { concurrency: "unbounded" })
      yield* Deferred.succeed(ready, undefined)
      const [left] = yield* Fiber.join(opening)
      expect((yield* left.transfer({ amount: 1n })).round).toBe(2)
    }).pipe(Effect.provide(layer({ ledger: Ledger.make({ networkId, accounts }) })))
  })
})
