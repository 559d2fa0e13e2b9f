/** What both signed before progress was forced is kept until both have signed something later. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { ChannelForceProgressTx } from "../../src/chain/Transaction.js"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Signer from "../../src/services/Signer.js"
import * as Trees from "../../src/state/Trees.js"
import { native } from "../support/TestCrypto.js"
import { body, calling, computed, contractId, created, forcing, withContract } from "./support/Computed.js"
import { input } from "./support/Contracting.js"
import { eventOf, failure } from "./support/Flow.js"
import { oldClose, proofOf, slashTx, tell } from "./support/OnChain.js"
import { transfer } from "./support/Rounds.js"
import {
  channelId,
  initiator,
  networkId,
  type Open,
  openScripted,
  responder,
  type ScriptedNode,
  settle,
  signedBy,
  signedTxOf
} from "./support/ScriptedNode.js"
import { comeBack, returns, stored } from "./support/ScriptedReturn.js"

const both = [initiator, responder]
const second = signedBy(body(created, 2), both)

/** The responder forces twice: the third round shows the second, and the fourth what is on chain then. */
const call = calling(responder.address, contractId, "add", [1n])
const thirdTrees = computed([call], 3, created)
const third = signedBy(forcing(call), [responder])
const fourthTrees = computed([call], 4, thirdTrees)
const onThird: Partial<ChannelForceProgressTx> = {
  payload: new Uint8Array(),
  round: 4,
  offchainTrees: Trees.encode(thirdTrees),
  nonce: 3n
}
const fourth = signedBy(forcing(call, onThird, fourthTrees), [responder])

const forceTwice = (open: Open) =>
  Effect.gen(function* () {
    const { channel, node } = open
    yield* withContract(open)
    for (const tx of [third, fourth]) {
      tell(node, "consumed_forced_progress", tx)
      yield* settle
    }
    expect((yield* channel.latest.get).round).toBe(4)
  })

const showsSecond = slashTx(initiator, {
  payload: SignedTx.encode(second),
  poi: proofOf(created)
})

/** Forks have dropped both, and the peer closes with the first state. */
const isAnswered = (node: ScriptedNode) =>
  Effect.gen(function* () {
    tell(node, "can_slash", oldClose(responder))
    yield* node.expect("slash")
    node.ask("slash_tx", SignedTx.unsigned(showsSecond))
    expect(signedTxOf(yield* node.expect("slash_sign")).tx).toEqual(showsSecond)
  })

describe("two forced states are dropped by forks", () => {
  it.live("I16: an older state is answered with what both signed before them", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      yield* forceTwice(open)
      yield* isAnswered(open.node)
    }).pipe(Effect.scoped)
  )

  it.scopedLive("I16: also by a client that has come back", () =>
    Effect.gen(function* () {
      const before = yield* stored("initiator", forceTwice)
      const { fiber, node } = yield* comeBack(before)
      const { channel } = yield* returns(node, fiber, fourth, fourthTrees)
      expect((yield* channel.latest.get).round).toBe(4)
      yield* isAnswered(node)
    })
  )

  it.scopedLive("a machine that has let go of them holds nothing unknown", () =>
    Effect.gen(function* () {
      const before = yield* stored("initiator", forceTwice)
      const { fiber, node } = yield* comeBack(before)
      const { channel } = yield* returns(node, fiber, second, created)
      expect(yield* channel.status.get).toMatchObject({ frozen: undefined })
      expect((yield* channel.latest.get).round).toBe(4)
    })
  )

  it.live("a round that both sign then takes their place", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { channel, node } = open
      yield* withContract(open)
      // Our signature under the third round is with the node when progress is forced.
      const update = transfer(initiator.address, responder.address, 5n)
      const trees = computed([update], 3, created)
      yield* Effect.fork(channel.transfer({ amount: 5n }))
      yield* node.expect("update.new")
      node.ask("update", SignedTx.unsigned(body(trees, 3)), [update])
      yield* node.expect("update")
      for (const tx of [third, fourth]) tell(node, "consumed_forced_progress", tx)
      yield* settle
      expect((yield* channel.latest.get).round).toBe(4)
      node.say({ _tag: "StateUpdate", state: signedBy(body(trees, 3), both) })
      yield* settle
      expect(yield* channel.latest.get).toMatchObject({ round: 3, trees })
      expect(yield* channel.status.get).toMatchObject({ frozen: undefined })
    }).pipe(Effect.scoped)
  )
})

describe("a conflict at a round that is not ours", () => {
  it.live("is no lie of a machine that has not heard of what was forced, or has let go of it", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { channel, node } = open
      yield* forceTwice(open)
      const before = node.log.length
      for (const round of [4, 3, 2, 1, 5]) {
        const fiber = yield* Effect.fork(channel.transfer({ amount: 1n }))
        const sent = yield* node.expect("update.new")
        node.reply(sent, "ok")
        node.conflict(2, round)
        expect(yield* failure(fiber)).toMatchObject({ _tag: "ConflictError", round: 4 })
      }
      const doubts = yield* channel.events.pipe(
        Stream.filterMap((event) =>
          event._tag === "VerificationFailed" ? Option.some(event.error) : Option.none()
        ),
        Stream.take(2),
        Stream.runCollect
      )
      expect([...doubts].map(({ actual, field }) => [field, actual])).toEqual([
        ["round", "1"],
        ["round", "5"]
      ])
      expect(node.signedSince(before)).toBe(false)
      expect(yield* channel.status.get).toMatchObject({ frozen: undefined })
      expect((yield* channel.latest.get).round).toBe(4)
    }).pipe(Effect.scoped)
  )

  it.live("is one where nothing was forced", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      yield* withContract(open)
      open.node.conflict(2, 1)
      expect((yield* eventOf(open.channel, "VerificationFailed")).error).toMatchObject({
        field: "round",
        actual: "1"
      })
    }).pipe(Effect.scoped)
  )
})

describe("progress that we force", () => {
  it.live.each([
    ["computed", "add", [3n]],
    ["not computed", "height", []]
  ] as const)("is about the latest round: %s", ([, name, args]) =>
    Effect.gen(function* () {
      const rounds: Array<number> = []
      const asked: Array<number> = []
      const signer = Signer.layer({
        address: initiator.address,
        sign: ({ round, signedTx, tag }) =>
          Effect.sync(() => {
            if (tag === "force_progress_tx") rounds.push(round)
            return SignedTx.sign(signedTx, initiator, { networkId, crypto: native })
          })
      })
      const policy = ProposalPolicy.make(
        () => ProposalPolicy.accept,
        ({ round }) => {
          asked.push(round)
          return ProposalPolicy.accept
        }
      )
      const store = yield* ChannelStore.makeMemory
      const layer = Layer.succeed(ChannelStore.ChannelStore, store)
      const open = yield* openScripted("initiator", { signer, policy, store: layer })
      const { channel, node } = open
      yield* withContract(open)
      yield* Effect.fork(channel.forceProgress(input(contractId, name, ...args)))
      yield* node.expect("force_progress")
      const ours = calling(initiator.address, contractId, name, args, {
        gas: 1_000_000n,
        gasPrice: 1_000_000_000n
      })
      node.ask("force_progress_tx", SignedTx.unsigned(forcing(ours)), [ours])
      yield* node.expect("force_progress_sign")
      expect(rounds).toEqual([2])
      // The state that nobody knows is the next.
      expect(asked).toEqual(name === "add" ? [] : [3])
      expect(yield* eventOf(channel, "SignatureGiven")).toMatchObject({ tag: "initiator_sign" })
      const found = yield* store.read({ channelId, role: "initiator" })
      expect(found?.record.round).toBe(2)
      expect(found?.record.intents.filter(({ tag }) => tag === "force_progress_tx")).toMatchObject([
        { round: 2, decision: "requested" }
      ])
    }).pipe(Effect.scoped)
  )
})
