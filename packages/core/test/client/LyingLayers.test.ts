/** What a node may say of generalized accounts: layers around states and transactions, of which their contracts are asked. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, TestClock } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { Transaction } from "../../src/chain/Transaction.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import * as ChainReader from "../../src/services/ChainReader.js"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Trees from "../../src/state/Trees.js"
import { body, calling, computed, contractId, created, forcing, withContract } from "./support/Computed.js"
import { depositing, depositTx, lockAndTell, tell } from "./support/OnChain.js"
import type { Party } from "./support/Parties.js"
import { offChainTx, transfer, treesAfter } from "./support/Rounds.js"
import {
  channelId,
  connect,
  createTx,
  errorOf,
  initiator,
  openScripted,
  responder,
  type ScriptedNode,
  settle,
  signedBy,
  signedTxOf
} from "./support/ScriptedNode.js"
import { comeBack, returns, stored, up } from "./support/ScriptedReturn.js"

const within = (signedTx: SignedTx.SignedTx, { address }: KeyPair, data = 1): SignedTx.SignedTx =>
  SignedTx.wrapMeta(signedTx, {
    gaId: address,
    authData: Uint8Array.of(data >> 8, data & 0xff),
    abiVersion: 3,
    fee: 1n,
    gas: 1n,
    gasPrice: 1n
  })

const second = signedBy(body(created, 2), [initiator, responder])
const price = { gas: 1_000_000n, gasPrice: 1_000_000_000n }
const call = calling(responder.address, contractId, "add", [3n], price)
const forced = SignedTx.unsigned(forcing(call))
const third = computed([call], 3, created)
const fourth = computed([call], 4, third)
const next = { payload: new Uint8Array(), round: 4, offchainTrees: Trees.encode(third) }
/** Forced upon what was forced. */
const forcedNext = SignedTx.unsigned(forcing(call, next, fourth))

describe("a policy that never answers whether it believes a layer", () => {
  const policy = ProposalPolicy.make(
    () => ProposalPolicy.accept,
    () => Effect.never
  )

  it.scoped("holds up nothing for ever", () =>
    Effect.gen(function* () {
      const { channel, node } = yield* openScripted("initiator", { policy })
      node.say({ _tag: "StateUpdate", state: within(signedBy(second.tx, [initiator]), responder) })
      yield* settle
      const fiber = yield* Effect.fork(Effect.flip(channel.transfer({ amount: 1n })))
      yield* settle
      yield* TestClock.adjust("10 minutes")
      yield* settle
      yield* TestClock.adjust("10 minutes")
      yield* settle
      expect(node.methods).toContain("channels.update.new")
      expect((yield* Fiber.poll(fiber))._tag).toBe("Some")
    })
  )
})

describe("a contract that does not agree to what is said to be forced", () => {
  const reader = (answer: boolean) =>
    Layer.succeed(ChainReader.ChainReader, {
      ...ChainReader.none,
      // Only the first of them is denied, where one is.
      authenticate: ({ signedTx }) => Effect.succeed(answer || !SignedTx.sameTransaction(signedTx, forced))
    })

  /** The client is told of it before the node has shown what it holds, and of much else. */
  const toldWhileComing = (answer: boolean, others: number) =>
    Effect.gen(function* () {
      const kept = yield* stored("initiator", withContract)
      const { fiber, node } = yield* comeBack(kept)
      tell(node, "consumed_forced_progress", within(forced, responder))
      for (let data = 2; data < others; data++)
        tell(node, "can_snapshot", within(SignedTx.unsigned(second.tx), responder, data))
      yield* settle
      const record = yield* kept.store.read({ channelId, role: "initiator" })
      const last = within(forcedNext, responder)
      const { channel } = yield* returns(node, fiber, last, fourth)
      yield* settle
      return {
        round: (yield* channel.latest.get).round,
        kept: record?.record.forced.some((each) => SignedTx.sameTransaction(each, forced))
      }
    }).pipe(Effect.provide(reader(answer)))

  it.live("is not heard, whatever comes in between", () =>
    Effect.gen(function* () {
      expect(yield* toldWhileComing(false, 300)).toEqual({ round: 2, kept: false })
    }).pipe(Effect.scoped)
  )

  it.live("is the latest where it agrees", () =>
    Effect.gen(function* () {
      expect(yield* toldWhileComing(true, 100)).toEqual({ round: 4, kept: true })
    }).pipe(Effect.scoped)
  )
})

describe("a peer that was generalized when the channel was created", () => {
  const agreeing = Layer.succeed(ChainReader.ChainReader, {
    ...ChainReader.none,
    authenticate: () => Effect.succeed(true)
  })
  const update = depositing(initiator, 7n)
  const trees = treesAfter([update], 2)
  const tx = depositTx(initiator, 7n)
  const both = (each: Transaction) => within(signedBy(each, [initiator]), responder)

  /** Opened, and with a deposit, in which its layer says nothing of the beginning. */
  const deposited = (party: Party) =>
    Effect.gen(function* () {
      const { node, opening } = yield* connect("initiator", party)
      node.info("channel_accept")
      node.ask("initiator_sign", SignedTx.unsigned(createTx()))
      node.reply(yield* node.expect("initiator_sign"), "ok")
      node.channelId = channelId
      up(node, 1)
      node.info("own_funding_locked")
      node.info("funding_locked")
      node.info("open")
      node.say({ _tag: "StateUpdate", state: both(createTx()) })
      const channel = yield* opening.opened
      const fiber = yield* Effect.fork(channel.deposit({ amount: 7n }))
      yield* node.expect("deposit")
      node.ask("deposit_tx", SignedTx.unsigned(tx), [update])
      yield* node.expect("deposit_tx")
      lockAndTell(node, "deposit", both(tx))
      expect(yield* Fiber.join(fiber)).toMatchObject({ round: 2 })
      return { channel, node }
    })

  const paid = transfer(responder.address, initiator.address, 5n)
  const proposed = offChainTx(treesAfter([paid], 3, trees), 3)

  /** The chain takes no state with its plain signature, and we would have no evidence. */
  const refuses = (node: ScriptedNode) =>
    Effect.gen(function* () {
      node.ask("update_ack", signedBy(proposed, [responder]), [paid])
      expect(errorOf(yield* node.expect("update_ack"))).toBe(1)
      node.ask("update_ack", within(SignedTx.unsigned(proposed), responder), [paid])
      expect(SignedTx.authentications(signedTxOf(yield* node.expect("update_ack"))).total).toBe(2)
    })

  it.live("does not sign plainly after a deposit", () =>
    Effect.flatMap(deposited({}), ({ node }) => refuses(node)).pipe(Effect.provide(agreeing), Effect.scoped)
  )

  it.live("nor when we come back after that", () =>
    Effect.gen(function* () {
      const store = yield* ChannelStore.makeMemory
      const layer = Layer.succeed(ChannelStore.ChannelStore, store)
      yield* Effect.scoped(deposited({ store: layer }))
      const { fiber, node } = yield* comeBack({ role: "initiator", layer })
      yield* returns(node, fiber, both(tx), trees)
      yield* refuses(node)
    }).pipe(Effect.provide(agreeing), Effect.scoped)
  )
})

describe("a reader that is broken", () => {
  const hostile: ReadonlyArray<readonly [string, () => Effect.Effect<boolean>]> = [
    ["throws", () => JSON.parse("{")],
    ["dies", () => Effect.die("no")],
    ["is interrupted", () => Effect.interrupt],
    ["answers with a text", () => Effect.succeed(JSON.parse('"true"'))],
    ["answers with nothing", () => Effect.succeed(JSON.parse("null"))],
    ["answers with a number", () => Effect.succeed(JSON.parse("1"))]
  ]
  it.live.each(hostile)("%s: nothing is believed, and the channel goes on", ([, authenticate]) =>
    Effect.gen(function* () {
      const { channel, node } = yield* openScripted("initiator")
      node.say({ _tag: "StateUpdate", state: within(signedBy(second.tx, [initiator]), responder) })
      node.ask("update_ack", within(SignedTx.unsigned(second.tx), responder))
      expect(errorOf(yield* node.expect("update_ack"))).toBe(1)
      const update = transfer(responder.address, initiator.address, 5n)
      node.ask("update_ack", signedBy(offChainTx(treesAfter([update], 2), 2), [responder]), [update])
      expect(errorOf(yield* node.expect("update_ack"))).toBeUndefined()
      expect((yield* channel.latest.get).round).toBe(1)
    }).pipe(
      Effect.provide(Layer.succeed(ChainReader.ChainReader, { ...ChainReader.none, authenticate })),
      Effect.scoped
    )
  )
})
