/** A policy that thinks about a state that was forced on chain: everything waits for it, but not the end of the channel. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Stream, TestClock } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { ChannelEvent } from "../../src/client/ChannelEvent.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import { body, calling, contractId, created, forcing, withContract } from "./support/Computed.js"
import { eventOf } from "./support/Flow.js"
import { closeSoloTx, oldClose, proofOf, settleTx, slashTx, tell } from "./support/OnChain.js"
import { initiator, openScripted, responder, settle, signedBy, signedTxOf } from "./support/ScriptedNode.js"

const second = signedBy(body(created, 2), [initiator, responder])
const shown = { payload: SignedTx.encode(second), poi: proofOf(created) }

/** The call looks at the chain, so that nobody can compute it here. */
const forced = signedBy(forcing(calling(responder.address, contractId, "height", [])), [responder])

/** The second round, perhaps being closed with it; then progress is forced, and the policy thinks. */
const thinking = (phase: "open" | "closing") =>
  Effect.gen(function* () {
    const answer = yield* Deferred.make<ProposalPolicy.Decision>()
    const gone = yield* Deferred.make<void>()
    const policy = ProposalPolicy.make(
      () => ProposalPolicy.accept,
      () => Effect.onInterrupt(Deferred.await(answer), () => Deferred.succeed(gone, undefined))
    )
    const open = yield* openScripted("initiator", { policy })
    const { channel, node } = open
    yield* withContract(open)
    if (phase === "closing") tell(node, "solo_closing", signedBy(closeSoloTx(responder, shown), [responder]))
    tell(node, "consumed_forced_progress", forced)
    yield* eventOf(channel, "RoundUnverified")
    yield* settle
    const doubts = channel.events.pipe(
      Stream.filterMap((event: ChannelEvent) =>
        event._tag === "VerificationFailed" ? Option.some(event.error.field) : Option.none()
      ),
      Stream.runHead
    )
    return { ...open, answer, gone, doubts, sent: () => node.log.length }
  })

const soon = Effect.zipRight(TestClock.adjust("59 seconds"), settle)
const late = Effect.zipRight(TestClock.adjust("1 seconds"), settle)

describe("a policy that does not answer", () => {
  it.scoped("has as long as it wants in a channel that goes on", () =>
    Effect.gen(function* () {
      const { answer, channel, node } = yield* thinking("open")
      const fiber = yield* Effect.fork(channel.transfer({ amount: 1n }))
      yield* TestClock.adjust("1 days")
      yield* settle
      expect(Option.isNone(yield* Fiber.poll(fiber))).toBe(true)
      yield* Deferred.succeed(answer, ProposalPolicy.accept)
      yield* node.expect("get.offchain_state")
      expect(yield* channel.status.get).toMatchObject({ frozen: undefined })
    })
  )

  it.scoped("I16: a slash waits for it, but not for ever; the answer is void then", () =>
    Effect.gen(function* () {
      const { answer, channel, gone, node, sent } = yield* thinking("closing")
      const before = sent()
      tell(node, "can_slash", oldClose(responder))
      yield* soon
      expect(sent()).toBe(before)
      yield* late
      yield* node.expect("slash")
      node.ask("slash_tx", SignedTx.unsigned(slashTx(initiator, shown)))
      expect(signedTxOf(yield* node.expect("slash_sign")).tx).toEqual(slashTx(initiator, shown))
      yield* Deferred.await(gone)
      yield* Deferred.succeed(answer, ProposalPolicy.accept)
      yield* settle
      expect(node.methods.at(-1)).toBe("channels.slash_sign")
      expect((yield* channel.latest.get).round).toBe(2)
    })
  )

  it.scoped("I13: a settlement goes on", () =>
    Effect.gen(function* () {
      const { channel, node, sent } = yield* thinking("closing")
      const before = sent()
      const fiber = yield* Effect.fork(channel.settle())
      yield* soon
      expect(sent()).toBe(before)
      yield* late
      yield* node.expect("settle")
      const tx = settleTx(initiator, {}, created)
      node.ask("settle_sign", SignedTx.unsigned(tx))
      const signed = signedTxOf(yield* node.expect("settle_sign"))
      tell(node, "channel_closed", signed)
      node.info("closed_confirmed")
      expect(yield* Fiber.join(fiber)).toMatchObject({ confirmed: true })
    })
  )

  it.scoped("I13: one that was begun before ends when the chain has it", () =>
    Effect.gen(function* () {
      const { channel, node } = yield* thinking("closing")
      tell(node, "channel_closed", signedBy(settleTx(responder, {}, created), [responder]))
      node.info("closed_confirmed")
      yield* soon
      expect(yield* channel.status.get).toMatchObject({ phase: "closing" })
      yield* late
      expect(yield* channel.status.get).toMatchObject({ phase: "closed" })
    })
  )

  it.scoped("in time it counts, also while the channel is being closed", () =>
    Effect.gen(function* () {
      const { answer, channel, node } = yield* thinking("closing")
      yield* Effect.fork(channel.settle())
      yield* soon
      yield* Deferred.succeed(answer, ProposalPolicy.accept)
      yield* node.expect("get.offchain_state")
    })
  )

  it.scoped("I13: a close of a channel that goes on: as if it had declined", () =>
    Effect.gen(function* () {
      const { channel, doubts, node, sent } = yield* thinking("open")
      const before = sent()
      const fiber = yield* Effect.fork(Effect.flip(channel.closeSolo()))
      yield* soon
      expect(Option.isNone(yield* Fiber.poll(fiber))).toBe(true)
      yield* late
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "StoreError", reason: "state_lost" })
      expect(yield* doubts).toEqual(Option.some("update"))
      expect((yield* channel.status.get).frozen).toContain("round 3")
      expect(node.signedSince(before)).toBe(false)
    })
  )

  it.scoped("who leaves does not freeze the channel", () =>
    Effect.gen(function* () {
      const { channel, node } = yield* thinking("open")
      yield* Effect.fork(channel.leave)
      yield* soon
      yield* late
      yield* node.expect("leave")
      expect(yield* channel.status.get).toMatchObject({ frozen: undefined })
    })
  )
})
