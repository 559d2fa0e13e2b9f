/** A client comes back, and progress was forced upon a round whose end it has not heard of. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import * as Ids from "../../src/chain/Ids.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { ChannelForceProgressTx } from "../../src/chain/Transaction.js"
import type * as Channel from "../../src/client/Channel.js"
import { readMissed } from "../../src/client/internal/history.js"
import * as Trees from "../../src/state/Trees.js"
import { body, calling, computed, contractId, created, forcing, withContract } from "./support/Computed.js"
import { eventOf } from "./support/Flow.js"
import { depositing, depositTx, snapshotTx, tell } from "./support/OnChain.js"
import { transfer } from "./support/Rounds.js"
import {
  channelId,
  createTx,
  initialTrees,
  initiator,
  type Open,
  openScripted,
  responder,
  settle,
  signedBy
} from "./support/ScriptedNode.js"
import { comeBack, returns, stored } from "./support/ScriptedReturn.js"

const both = [initiator, responder]
const inRound = (channel: Channel.Channel, round: number) =>
  Stream.runHead(Stream.filter(channel.latest.changes, (state) => state.round === round)).pipe(
    Effect.timeout("2 seconds"),
    Effect.orDie
  )

/** The third round: five aettos go to the responder. Then the responder forces a call. */
const paid = transfer(initiator.address, responder.address, 5n)
const thirdTrees = computed([paid], 3, created)
const third = body(thirdTrees, 3)
const call = calling(responder.address, contractId, "add", [1n])
const fourthTrees = computed([call], 4, thirdTrees)
const onThird = (changes: Partial<ChannelForceProgressTx> = {}): ChannelForceProgressTx =>
  forcing(
    call,
    {
      payload: SignedTx.encode(signedBy(third, both)),
      round: 4,
      offchainTrees: Trees.encode(thirdTrees),
      ...changes
    },
    fourthTrees
  )

/** The client has signed the third round, first or second, and has not heard of its end. */
const signThird = (part: "starter" | "acknowledger") => (open: Open) =>
  Effect.gen(function* () {
    const { channel, node } = open
    yield* withContract(open)
    yield* inRound(channel, 2)
    if (part === "starter") {
      yield* Effect.fork(channel.transfer({ amount: 5n, from: initiator.address }))
      yield* node.expect("update.new")
      node.ask("update", SignedTx.unsigned(third), [paid])
      yield* node.expect("update")
    } else {
      node.info("update")
      node.ask("update_ack", signedBy(third, [responder]), [paid])
      yield* node.expect("update_ack")
    }
  })

const onlyContract = (open: Open) => Effect.zipRight(withContract(open), inRound(open.channel, 2))

/** What the client that has come back holds, and whether it has frozen. */
const outcome = (channel: Channel.Channel) =>
  Effect.gen(function* () {
    yield* settle
    const { frozen } = yield* channel.status.get
    const { round, trees } = yield* channel.latest.get
    return { frozen, round, hash: Trees.stateHashText(trees) }
  })

const isAt = (round: number, trees: Trees.Trees) => ({
  frozen: undefined,
  round,
  hash: Trees.stateHashText(trees)
})

describe("progress was forced upon a round that the client has signed", () => {
  it.scopedLive.each(["starter", "acknowledger"] as const)(
    "%s: both are taken over, told, and stored; the next round is signed on top",
    (part) =>
      Effect.gen(function* () {
        const before = yield* stored("initiator", signThird(part))
        const { node, fiber } = yield* comeBack(before)
        const { channel } = yield* returns(node, fiber, signedBy(onThird(), [responder]), fourthTrees)
        expect(yield* eventOf(channel, "CoSigned")).toMatchObject({ state: { round: 3 } })
        yield* inRound(channel, 4)
        expect(yield* outcome(channel)).toEqual(isAt(4, fourthTrees))
        const found = yield* before.store.read({ channelId, role: "initiator" })
        expect(found?.record).toMatchObject({ round: 4, exposure: [], frozen: undefined })
        const after = computed([paid], 5, fourthTrees)
        node.info("update")
        node.ask("update_ack", signedBy(body(after, 5), [responder]), [paid])
        yield* node.expect("update_ack")
      })
  )

  it.scopedLive.each(["before", "now", "never"])(
    "a deposit that the chain holds; the node shows it %s",
    (when) =>
      Effect.gen(function* () {
        const isShown = when !== "never"
        const update = depositing(initiator, 7n)
        const trees = computed([update], 3, created)
        const tx = depositTx(initiator, 7n, {}, 3, trees)
        const before = yield* stored("initiator", (open) =>
          Effect.gen(function* () {
            yield* onlyContract(open)
            yield* Effect.fork(open.channel.deposit({ amount: 7n }))
            yield* open.node.expect("deposit")
            open.node.ask("deposit_tx", SignedTx.unsigned(tx), [update])
            yield* open.node.expect("deposit_tx")
            if (when === "before") tell(open.node, "deposit_signed", signedBy(tx, both))
            yield* settle
          })
        )
        const next = computed([call], 4, trees)
        const changes = { payload: new Uint8Array(), round: 4, offchainTrees: Trees.encode(trees) }
        const { node, fiber } = yield* comeBack(before)
        if (when === "now") tell(node, "channel_changed", signedBy(tx, both))
        const { channel } = yield* returns(
          node,
          fiber,
          signedBy(forcing(call, changes, next), [responder]),
          next
        )
        if (isShown) yield* inRound(channel, 4)
        const seen = yield* outcome(channel)
        // Without the peer's signature there is nothing to keep.
        if (isShown) expect(seen).toEqual(isAt(4, next))
        else expect(seen).toMatchObject({ round: 2, frozen: expect.stringContaining("round 4") })
      })
  )

  it.scopedLive.each([
    ["both signatures", signedBy(third, both), true],
    ["ours alone", signedBy(third, [initiator]), false],
    ["another round", signedBy(body(created, 2), both), false]
  ] as const)("a round that the peer has put on chain before, which shows %s", ([, payload, isComplete]) =>
    Effect.gen(function* () {
      const before = yield* stored("initiator", signThird("starter"))
      const { node, fiber } = yield* comeBack(before)
      tell(
        node,
        "channel_changed",
        signedBy(snapshotTx(responder, { payload: SignedTx.encode(payload) }), [responder])
      )
      const tx = signedBy(onThird({ payload: new Uint8Array() }), [responder])
      const { channel } = yield* returns(node, fiber, tx, fourthTrees)
      if (isComplete) yield* inRound(channel, 4)
      const seen = yield* outcome(channel)
      if (isComplete) expect(seen).toEqual(isAt(4, fourthTrees))
      else expect(seen).toMatchObject({ round: 2, frozen: expect.stringContaining("round 4") })
    })
  )

  it.scopedLive("another call, of which only the client before this one was told: it has been kept", () =>
    Effect.gen(function* () {
      const one = calling(responder.address, contractId, "add", [1n])
      const two = calling(responder.address, contractId, "add", [2n])
      const trees = computed([one], 3, created)
      const last = computed([two], 4, trees)
      const firstCall = forcing(one, {}, trees)
      const secondCall = forcing(
        two,
        { payload: new Uint8Array(), round: 4, offchainTrees: Trees.encode(trees) },
        last
      )
      const before = yield* stored("initiator", onlyContract)
      const gone = yield* comeBack(before)
      tell(gone.node, "channel_changed", signedBy(firstCall, [responder]))
      const found = before.store.read({ channelId, role: "initiator" })
      yield* Effect.repeat(Effect.zipLeft(found, Effect.yieldNow()), {
        until: (read) => (read?.record.forced.length ?? 0) > 0
      })
      yield* Fiber.interrupt(gone.fiber)
      const { node, fiber } = yield* comeBack(before)
      const { channel } = yield* returns(node, fiber, signedBy(secondCall, [responder]), last)
      yield* inRound(channel, 4)
      expect(yield* outcome(channel)).toEqual(isAt(4, last))
      expect((yield* found)?.record.forced).toEqual([])
    })
  )

  it("what is shown on chain is found in the node's log, in order", () => {
    const shown = signedBy(third, both)
    const shows = signedBy(snapshotTx(responder, { payload: SignedTx.encode(shown) }), [responder])
    const forced = signedBy(onThird({ payload: new Uint8Array() }), [responder])
    const entry = (info: string, tx: SignedTx.SignedTx) => ({
      type: "report" as const,
      tag: "on_chain_tx",
      time: "2023-11-14T22:15:20.000000Z",
      info: { info, tx: SignedTx.toText(tx) }
    })
    const { onChain } = readMissed([
      entry("consumed_forced_progress", forced),
      entry("channel_changed", shows),
      entry("channel_changed", signedBy(createTx(), both))
    ])
    expect(onChain.map(SignedTx.bodyHash)).toEqual([shown, forced].map(SignedTx.bodyHash))
  })

  it.scopedLive("while the client was there, and its node told of it too late", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { channel, node } = open
      yield* signThird("acknowledger")(open)
      tell(node, "consumed_forced_progress", signedBy(onThird(), [responder]))
      yield* inRound(channel, 4)
      expect(yield* outcome(channel)).toEqual(isAt(4, fourthTrees))
    })
  )
})

describe("lies about what progress was forced upon", () => {
  const other = computed([transfer(initiator.address, responder.address, 6n)], 3, created)
  const elsewhere = Ids.channelId(initiator.address, 2n, responder.address)
  const payload = (signedTx: SignedTx.SignedTx) => ({ payload: SignedTx.encode(signedTx) })

  it.scopedLive.each<readonly [string, ChannelForceProgressTx]>([
    ["a payload without our signature", onThird(payload(signedBy(third, [responder])))],
    ["a payload without the peer's", onThird(payload(signedBy(third, [initiator])))],
    ["a payload signed for another network", onThird(payload(signedBy(third, both, "ae_other")))],
    ["trees that do not hash", onThird({ offchainTrees: Trees.encode(other) })],
    ["no trees", onThird({ offchainTrees: Uint8Array.of(1) })],
    ["an older round", onThird(payload(signedBy(body(created, 2), both)))],
    ["a later round", onThird(payload(signedBy(body(thirdTrees, 4), both)))],
    ["what we have not signed", onThird(payload(signedBy(body(other, 3), [responder])))],
    [
      "what the store does not know, with our signature",
      onThird({ ...payload(signedBy(body(other, 3), both)), offchainTrees: Trees.encode(other) })
    ],
    ["nothing, with trees of a round that is not on chain", onThird({ payload: new Uint8Array() })],
    ["another channel", onThird(payload(signedBy({ ...third, channelId: elsewhere }, both)))],
    ["no payload that can be read", onThird({ payload: Uint8Array.of(1, 2, 3) })]
  ])("%s: nothing is taken, and nothing signed", ([, tx]) =>
    Effect.gen(function* () {
      const before = yield* stored("initiator", signThird("acknowledger"))
      const { node, fiber } = yield* comeBack(before)
      const { channel } = yield* returns(node, fiber, signedBy(tx, [responder]), fourthTrees)
      const { frozen, round } = yield* outcome(channel)
      expect(round).toBe(2)
      expect(frozen).toContain("up to round 4")
      const length = node.log.length
      expect(yield* Effect.flip(channel.transfer({ amount: 1n }))).toMatchObject({ _tag: "StoreError" })
      expect(node.signedSince(length)).toBe(false)
    })
  )

  it.scopedLive("a forced transaction without its sender's signature", () =>
    Effect.gen(function* () {
      const { node, fiber } = yield* comeBack(yield* stored("initiator", signThird("acknowledger")))
      const { channel } = yield* returns(node, fiber, signedBy(onThird(), [initiator]), fourthTrees)
      expect((yield* outcome(channel)).round).toBe(2)
    })
  )

  it.scopedLive("a call that leads elsewhere: what both have signed counts, what was forced does not", () =>
    Effect.gen(function* () {
      const tx = onThird({ stateHash: Trees.stateHash(initialTrees) })
      const { node, fiber } = yield* comeBack(yield* stored("initiator", signThird("acknowledger")))
      const { channel } = yield* returns(node, fiber, signedBy(tx, [responder]), fourthTrees)
      expect((yield* eventOf(channel, "VerificationFailed")).error.field).toBe("stateHash")
      expect((yield* outcome(channel)).round).toBe(3)
    })
  )
})
