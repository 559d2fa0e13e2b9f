/** What a node shows to a client that comes back, against what that client has stored. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { ChannelEvent } from "../../src/client/ChannelEvent.js"
import * as Json from "../../src/encoding/Json.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import type { Update } from "../../src/state/Update.js"
import { askUpdate, body, eventOf, failure, paying } from "./support/Flow.js"
import { offChainTx, treesAfter } from "./support/Rounds.js"
import {
  channelId,
  createTx,
  errorOf,
  initialTrees,
  initiator,
  keysOf,
  openScripted,
  responder,
  type ScriptedNode,
  type Sent,
  settle,
  signedBy,
  signedTxOf
} from "./support/ScriptedNode.js"
import { asked, comeBack, fsmId, holds, refuseAll, returns, stored, up } from "./support/ScriptedReturn.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]
const both = [initiator, responder]
const first = signedBy(createTx(), both)

/** Round 2: five aettos went to the responder. */
const five = paying(5n)
const fiveTrees = treesAfter(five, 2)
const second = signedBy(body(five), both)

/** Another round 2, and what follows from the first. */
const six = paying(6n)
const otherSecond = signedBy(body(six), both)
const thirdTrees = treesAfter(five, 3, fiveTrees)
const third = signedBy(offChainTx(thirdTrees, 3), both)

const tagsUntilBack = (events: Stream.Stream<ChannelEvent>) =>
  Stream.runCollect(
    Stream.map(
      Stream.takeUntil(events, (event) => event._tag === "Reconnected"),
      (event) => event._tag
    )
  ).pipe(Effect.map((chunk) => Array.from(chunk)))

/** The client has signed round 2 and has not heard of its end; it proposed it, or the peer did. */
const signedSecond = (role: Role, part: "starter" | "acknowledger", updates: ReadonlyArray<Update> = five) =>
  stored(role, ({ channel, node, peer }) =>
    Effect.gen(function* () {
      if (part === "starter") {
        yield* Effect.fork(channel.transfer({ amount: 5n, from: initiator.address }))
        node.reply(yield* node.expect("update.new"), "ok")
        askUpdate(node, updates)
        yield* node.expect("update")
      } else {
        node.info("update")
        node.ask("update_ack", signedBy(body(updates), [peer]), updates)
        yield* node.expect("update_ack")
      }
    })
  )

/** At round 2, co-signed. */
const atSecond = (role: Role) =>
  stored(role, ({ channel, node, peer }) =>
    Effect.gen(function* () {
      node.info("update")
      node.ask("update_ack", signedBy(body(five), [peer]), five)
      yield* node.expect("update_ack")
      node.say({ _tag: "StateUpdate", state: second })
      yield* Stream.runHead(Stream.filter(channel.latest.changes, ({ round }) => round === 2))
    })
  )

const signatures = (sent: ReadonlyArray<Sent>): ReadonlyArray<Sent> =>
  sent.filter((each) => Json.field(each["params"], "signed_tx") !== undefined)

describe("I15: before anything else a client that comes back asks what the node holds", () => {
  it.scopedLive.each(roles)("%s: and neither signs nor asks for anything before it knows", (role) =>
    Effect.gen(function* () {
      const { node, fiber } = yield* comeBack(yield* atSecond(role))
      expect(node.queries[0]).toContain(`existing_channel_id=${channelId}`)
      expect(node.log).toEqual([])
      up(node, 1)
      const { question, before } = yield* asked(node)
      expect(before.map(({ method }) => method)).toEqual(["channels.history.fetch"])
      // The peer's proposal has to wait.
      const { peer } = keysOf(role)
      node.info("update")
      node.ask("update_ack", signedBy(offChainTx(thirdTrees, 3), [peer]), five)
      yield* settle
      expect(signatures(node.log)).toEqual([])
      holds(node, question, second, fiveTrees)
      const { question: again, before: cleared } = yield* asked(node)
      expect(cleared.every((sent) => errorOf(sent) === 4)).toBe(true)
      // It is known, and so not called off.
      expect(cleared.map(({ method }) => method)).not.toContain("channels.update_ack")
      refuseAll(node, cleared)
      holds(node, again, second, fiveTrees)
      yield* Fiber.join(fiber)
      const answer = yield* node.expect("update_ack")
      expect(SignedTx.bodyHash(signedTxOf(answer))).toBe(SignedTx.bodyHash(third))
    })
  )

  it.scopedLive("a new machine has to agree with the peer's first", () =>
    Effect.gen(function* () {
      const { node, fiber } = yield* comeBack(yield* atSecond("initiator"))
      up(node, 2)
      yield* settle
      expect(node.log).toEqual([])
      node.info("channel_reestablished")
      node.info("open")
      node.say({ _tag: "StateUpdate", state: second })
      const { question, before } = yield* asked(node)
      expect(before).toEqual([])
      holds(node, question, second, fiveTrees)
      const channel = yield* Fiber.join(fiber)
      expect(yield* eventOf(channel, "Reconnected")).toEqual({
        _tag: "Reconnected",
        isNewMachine: true,
        round: 2
      })
      expect(node.log.length).toBe(1)
    })
  )

  it.scopedLive("a new id is stored before it is used for anything", () =>
    Effect.gen(function* () {
      const before = yield* atSecond("initiator")
      const { node, fiber } = yield* comeBack(before)
      up(node, 2)
      yield* settle
      const found = yield* before.store.read({ channelId, role: "initiator" })
      expect(found?.record.fsmId).toEqual(fsmId(2))
      yield* Fiber.interrupt(fiber)
    })
  )
})

describe("I7: what both hold", () => {
  for (const role of roles)
    for (const part of ["starter", "acknowledger"] as const) {
      it.scopedLive(`${role}, ${part}: what was completed meanwhile is adopted, stored and told`, () =>
        Effect.gen(function* () {
          const before = yield* signedSecond(role, part)
          const { node, fiber } = yield* comeBack(before)
          const { channel, sent } = yield* returns(node, fiber, second, fiveTrees)
          expect(yield* channel.latest.get).toMatchObject({ round: 2 })
          expect(signatures(sent)).toEqual([])
          const tags = yield* tagsUntilBack(channel.events)
          expect(tags).toContain("CoSigned")
          if (part === "starter")
            expect(yield* eventOf(channel, "PendingResolved")).toMatchObject({
              operation: "transfer",
              outcome: "co-signed"
            })
          else expect(tags).not.toContain("PendingResolved")
          const found = yield* before.store.read({ channelId, role })
          expect(found?.record).toMatchObject({
            round: 2,
            exposure: [],
            pending: undefined,
            frozen: undefined
          })
        })
      )

      it.scopedLive(`${role}, ${part}: I4a: a signature that may be lost is sent again, the same bytes`, () =>
        Effect.gen(function* () {
          const before = yield* signedSecond(role, part)
          const found = yield* before.store.read({ channelId, role })
          const { node, fiber } = yield* comeBack(before)
          up(node, 1)
          const { question } = yield* asked(node)
          holds(node, question, first, initialTrees)
          const { question: again, before: cleared } = yield* asked(node)
          const [signed, ...more] = signatures(cleared)
          expect(more).toEqual([])
          expect(signed?.["method"]).toBe(part === "starter" ? "channels.update" : "channels.update_ack")
          expect(signed && signedTxOf(signed)).toEqual(found?.record.exposure[0]?.signedTx)
          refuseAll(node, cleared)
          // The acknowledger's was the last that was missing; the starter's goes to the peer.
          if (part === "starter") {
            holds(node, again, first, initialTrees, found?.record.exposure[0]?.signedTx)
            const channel = yield* Fiber.join(fiber)
            expect(yield* eventOf(channel, "PendingResolved")).toMatchObject({ outcome: "unknown" })
            node.say({ _tag: "StateUpdate", state: second })
            yield* Stream.runHead(Stream.filter(channel.latest.changes, ({ round }) => round === 2))
          } else {
            node.say({ _tag: "StateUpdate", state: second })
            holds(node, again, second, fiveTrees)
            expect(yield* (yield* Fiber.join(fiber)).latest.get).toMatchObject({ round: 2 })
          }
        })
      )

      it.scopedLive(`${role}, ${part}: what the node has dropped did not happen`, () =>
        Effect.gen(function* () {
          const { node, fiber } = yield* comeBack(yield* signedSecond(role, part))
          const { channel } = yield* returns(node, fiber, first, initialTrees)
          expect(yield* channel.latest.get).toMatchObject({ round: 1 })
          if (part === "starter")
            expect(yield* eventOf(channel, "PendingResolved")).toMatchObject({ outcome: "called off" })
          // The turn is free.
          yield* Effect.fork(channel.transfer({ amount: 1n }))
          yield* node.expect("update.new")
        })
      )
    }

  const frozen = (
    name: string,
    shown: (node: ScriptedNode, question: Sent) => void,
    isStored: boolean,
    detail: RegExp
  ) =>
    it.scopedLive.each(roles)(`%s: ${name} freezes the channel`, (role) =>
      Effect.gen(function* () {
        const before = yield* atSecond(role)
        const { node, fiber } = yield* comeBack(before)
        up(node, 1)
        const { question } = yield* asked(node)
        shown(node, question)
        const { question: again, before: cleared } = yield* asked(node)
        refuseAll(node, cleared)
        shown(node, again)
        const channel = yield* Fiber.join(fiber)
        expect((yield* channel.status.get).frozen).toMatch(detail)
        expect(yield* channel.latest.get).toMatchObject({ round: 2 })
        const error = yield* Effect.flip(channel.transfer({ amount: 1n }))
        expect(error).toMatchObject({ _tag: "StoreError", reason: "state_lost", operation: "transfer" })
        const length = node.log.length
        const { peer } = keysOf(role)
        node.info("update")
        node.ask("update_ack", signedBy(offChainTx(thirdTrees, 3), [peer]), five)
        expect(errorOf(yield* node.expect("update_ack"))).toBe(4)
        expect(node.signedSince(length)).toBe(false)
        const found = yield* before.store.read({ channelId, role })
        expect(found?.record.frozen !== undefined).toBe(isStored)
      })
    )

  frozen(
    "a later round of which the store knows nothing",
    (node, question) => holds(node, question, third, thirdTrees),
    true,
    /round 3 with both signatures.*at round 2, knows nothing/
  )
  frozen(
    "another transaction of the same round, with both signatures",
    (node, question) => holds(node, question, otherSecond, treesAfter(six, 2)),
    true,
    /round 2 with both signatures.*at round 2, knows nothing/
  )
  frozen(
    "a node that holds an older round",
    (node, question) => holds(node, question, first, initialTrees),
    false,
    /the node holds round 1 .*round 2 has both signatures/
  )

  it.scopedLive.each(roles)("%s: a frozen channel stays frozen, whatever the node shows then", (role) =>
    Effect.gen(function* () {
      const before = yield* atSecond(role)
      const lost = yield* comeBack(before)
      yield* returns(lost.node, lost.fiber, third, thirdTrees)
      yield* Fiber.interrupt(lost.fiber)
      const { node, fiber } = yield* comeBack(before)
      const { channel } = yield* returns(node, fiber, second, fiveTrees)
      expect((yield* channel.status.get).frozen).toMatch(/round 3/)
      expect(yield* Effect.flip(channel.transfer({ amount: 1n }))).toMatchObject({ reason: "state_lost" })
    })
  )

  for (const [name, state, field] of [
    ["without the peer's signature", (role: Role) => signedBy(third.tx, [keysOf(role).own]), "body"],
    ["without ours", (role: Role) => signedBy(third.tx, [keysOf(role).peer]), "body"],
    [
      "of another channel",
      () =>
        signedBy(
          offChainTx(thirdTrees, 3, {
            channelId: "ch_11111111111111111111111111111111273Yts" as typeof channelId
          }),
          both
        ),
      "channelId"
    ]
  ] as const)
    it.scopedLive.each(roles)(`%s: a node that shows a state ${name} is not used`, (role) =>
      Effect.gen(function* () {
        const { node, fiber } = yield* comeBack(yield* atSecond(role))
        up(node, 1)
        const { question } = yield* asked(node)
        holds(node, question, state(role), thirdTrees)
        expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "VerificationError", field })
        yield* settle
        expect(signatures(node.log)).toEqual([])
      })
    )
})

describe("what the node may still wait for", () => {
  it.scopedLive("is called off, whatever it is", () =>
    Effect.gen(function* () {
      const before = yield* stored("initiator", ({ channel, node }) =>
        Effect.gen(function* () {
          yield* Effect.fork(channel.transfer({ amount: 5n }))
          yield* node.expect("update.new")
        })
      )
      const { node, fiber } = yield* comeBack(before)
      const { sent } = yield* returns(node, fiber, first, initialTrees)
      const methods = sent.filter((each) => errorOf(each) !== undefined).map(({ method }) => method)
      expect(methods).toEqual(
        [
          "update",
          "update_ack",
          "deposit_tx",
          "deposit_ack",
          "withdraw_tx",
          "withdraw_ack",
          "shutdown_sign",
          "shutdown_sign_ack",
          "snapshot_solo_sign",
          "close_solo_sign",
          "slash_sign",
          "settle_sign",
          "force_progress_sign"
        ].map((method) => `channels.${method}`)
      )
    })
  )

  it.scopedLive(
    "a peer's proposal that came while the client was away, and was ended since, is not signed",
    () =>
      Effect.gen(function* () {
        const { node, fiber } = yield* comeBack(yield* atSecond("initiator"))
        up(node, 1)
        const { question } = yield* asked(node)
        node.info("update")
        node.ask("update_ack", signedBy(offChainTx(thirdTrees, 3), [responder]), five)
        node.conflict(2, 2)
        holds(node, question, second, fiveTrees)
        const { question: again, before: cleared } = yield* asked(node)
        expect(cleared.map(({ method }) => method)).toContain("channels.update_ack")
        refuseAll(node, cleared)
        holds(node, again, second, fiveTrees)
        yield* Fiber.join(fiber)
        yield* settle
        expect(signatures(node.log)).toEqual([])
      })
  )
})

describe("I11: another client has come back to the channel", () => {
  it.scopedLive.each(roles)(
    "%s: the one before it signs nothing any more, even if its node lets it",
    (role) =>
      Effect.gen(function* () {
        const store = yield* ChannelStore.makeMemory
        const layer = Layer.succeed(ChannelStore.ChannelStore, store)
        const open = yield* openScripted(role, { store: layer })
        up(open.node, 1)
        yield* settle
        const { node, fiber } = yield* comeBack({ role, layer })
        const { channel } = yield* returns(node, fiber, first, initialTrees)
        const before = yield* Effect.fork(open.channel.transfer({ amount: 5n, from: initiator.address }))
        open.node.reply(yield* open.node.expect("update.new"), "ok")
        askUpdate(open.node)
        expect(errorOf(yield* open.node.expect("update"))).toBe(4)
        expect(yield* failure(before)).toMatchObject({ _tag: "StoreError", reason: "lease_lost" })
        expect(open.node.signedSince(1)).toBe(false)
        yield* Effect.fork(channel.transfer({ amount: 5n, from: initiator.address }))
        yield* node.expect("update.new")
        askUpdate(node)
        expect(errorOf(yield* node.expect("update"))).toBe(undefined)
      })
  )
})
