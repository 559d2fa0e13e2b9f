/**
 * A client that could not store what was co-signed, or that has forgotten what it signed: it signs nothing more, blames
 * nobody for being ahead of it, and everything that needs no signature works.
 */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Layer, Stream } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { FlowError } from "../../src/client/ChannelEvent.js"
import { StoreError } from "../../src/protocol/Errors.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import * as Poi from "../../src/state/Poi.js"
import * as Trees from "../../src/state/Trees.js"
import {
  askUpdate,
  body,
  coSigned,
  eventOf,
  failure,
  hasTag,
  paying,
  propose,
  slowSigner,
  transferAt
} from "./support/Flow.js"
import type { Party } from "./support/Parties.js"
import { offChainTx, treesAfter } from "./support/Rounds.js"
import {
  askCreate,
  connect,
  errorOf,
  initialTrees,
  initiator,
  type Open,
  openScripted,
  responder,
  settle,
  signedBy
} from "./support/ScriptedNode.js"

const diskFull = new StoreError({ operation: "write", reason: "write", detail: "disk full" })

/** A store that works until it is told otherwise. */
const fragile = () => {
  const told: { fails: StoreError | undefined } = { fails: undefined }
  const party: Party = {
    store: Layer.effect(
      ChannelStore.ChannelStore,
      Effect.map(ChannelStore.makeMemory, (memory) => ({
        ...memory,
        write: (record: ChannelStore.ChannelRecord, expected: ChannelStore.Expected) =>
          Effect.suspend(() => told.fails ?? memory.write(record, expected))
      }))
    )
  }
  return { told, party }
}

/** The node and the peer are at round 2, of which we know and which we could not store. */
const behind = (role: Role) =>
  Effect.gen(function* () {
    const { told, party } = fragile()
    const open = yield* openScripted(role, party)
    const fiber = yield* Effect.fork(open.channel.transfer({ amount: 5n, from: initiator.address }))
    yield* open.node.expect("update.new")
    askUpdate(open.node)
    yield* open.node.expect("update")
    told.fails = diskFull
    open.node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
    expect(yield* failure(fiber)).toMatchObject({ _tag: "StoreError", detail: "disk full" })
    expect((yield* open.channel.latest.get).round).toBe(1)
    return { ...open, told }
  })

const lies = ({ channel, node, peer }: Open) => {
  node.say({ _tag: "MessageReport", from: peer.address, to: peer.address, info: "that is all" })
  return channel.events.pipe(
    Stream.takeUntil((event) => event._tag === "MessageReceived"),
    Stream.runCollect,
    Effect.map((events) => Chunk.toReadonlyArray(events).filter((each) => hasTag(each, "VerificationFailed")))
  )
}

const after = treesAfter(paying(5n), 2)
const balancesIn = (trees: Trees.Trees) =>
  [initiator, responder].map(({ address }) => ({
    account: address,
    balance: Trees.balance(trees, address) ?? 0n
  }))
const poiIn = (trees: Trees.Trees) => {
  const poi = Poi.build(trees, { accounts: [initiator.address, responder.address] })
  if (poi instanceof Poi.NotFound) throw poi
  return { poi: Poi.toText(poi) }
}
const stateIn = (trees: Trees.Trees, state: SignedTx.SignedTx) => ({
  trees: Trees.toText(trees),
  calls: Trees.callsToText(trees.calls),
  signed_tx: SignedTx.toText(state),
  half_signed_tx: ""
})

const roles: ReadonlyArray<Role> = ["initiator", "responder"]

describe("a client whose co-signed state could not be stored", () => {
  it.live.each(roles)(
    "does not blame its node for being ahead: the %s's questions fail with StoreError",
    (role) =>
      Effect.gen(function* () {
        const open = yield* behind(role)
        const { channel, node } = open
        const questions = [
          [channel.balances(), balancesIn(after), "get.balances"],
          [channel.poi(), poiIn(after), "get.poi"],
          [channel.offChainState, stateIn(after, coSigned(paying(5n))), "get.offchain_state"],
          // The trees are those of a round that changed nothing.
          [
            channel.offChainState,
            stateIn(initialTrees, signedBy(offChainTx(initialTrees, 2), [initiator, responder])),
            "get.offchain_state"
          ]
        ] as const
        for (const [question, answer, operation] of questions) {
          const fiber = yield* Effect.fork<unknown, FlowError, never>(question)
          node.reply(yield* node.next, answer)
          const error = yield* failure(fiber)
          expect(error).toMatchObject({ _tag: "StoreError", operation, reason: "write", detail: "disk full" })
          expect(error.message).toBe(
            `${operation}: the channel store could not be written: disk full. Nothing is signed from now on; repair the store, then open the channel again.`
          )
        }
        // What agrees with ours is ours.
        const fiber = yield* Effect.fork(channel.balances())
        node.reply(yield* node.next, balancesIn(initialTrees))
        expect(yield* Fiber.join(fiber)).toEqual(balancesIn(initialTrees))
        node.conflict(2, 2)
        expect(yield* lies(open)).toEqual([])
      }).pipe(Effect.scoped)
  )

  it.live("says in one sentence why it signs nothing, in the status and in every error", () =>
    Effect.gen(function* () {
      const { channel, node } = yield* behind("initiator")
      expect((yield* channel.status.get).frozen).toBe("the channel store could not be written: disk full")
      expect(yield* failure(yield* Effect.fork(channel.transfer({ amount: 1n })))).toMatchObject({
        message:
          "transfer: the channel store could not be written: disk full. Nothing is signed from now on; repair the store, then open the channel again."
      })
      expect(node.methods.filter((method) => method === "channels.update.new")).toHaveLength(1)
    }).pipe(Effect.scoped)
  )

  it.live("catches up when the node shows the state again and the store works, and stays frozen", () =>
    Effect.gen(function* () {
      const { channel, node, told } = yield* behind("initiator")
      told.fails = undefined
      node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
      yield* Stream.runHead(Stream.filter(channel.latest.changes, ({ round }) => round === 2))
      const fiber = yield* Effect.fork(channel.balances())
      node.reply(yield* node.next, balancesIn(after))
      expect(yield* Fiber.join(fiber)).toEqual(balancesIn(after))
      expect((yield* channel.status.get).frozen).toBeDefined()
    }).pipe(Effect.scoped)
  )

  it.live("leaves, also with the later state", () =>
    Effect.gen(function* () {
      for (const state of [coSigned(paying(5n)), signedBy(body(paying(5n)), [initiator])]) {
        const open = yield* behind("initiator")
        const fiber = yield* Effect.fork(Effect.either(open.channel.leave))
        yield* open.node.expect("leave")
        open.node.say({ _tag: "LeaveReport", state })
        const left = yield* Fiber.join(fiber)
        const isWhole = state.signatures.length === 2
        expect(left).toMatchObject(
          isWhole
            ? { _tag: "Right" }
            : { _tag: "Left", left: { _tag: "VerificationError", field: "signature" } }
        )
        expect(yield* lies(open)).toHaveLength(isWhole ? 0 : 1)
      }
    }).pipe(Effect.scoped)
  )

  it.live("a leave that waited for its turn leaves, and what else waited fails", () =>
    Effect.gen(function* () {
      const { told, party } = fragile()
      const open = yield* openScripted("initiator", party)
      const [first] = yield* transferAt(open, "signed")
      const second = yield* Effect.fork(open.channel.transfer({ amount: 1n }))
      const leave = yield* Effect.fork(open.channel.leave)
      yield* settle
      told.fails = diskFull
      open.node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
      for (const fiber of [first, second]) expect(yield* failure(fiber)).toMatchObject({ _tag: "StoreError" })
      yield* open.node.expect("leave")
      open.node.say({ _tag: "LeaveReport", state: coSigned(paying(5n)) })
      yield* Fiber.join(leave)
    }).pipe(Effect.scoped)
  )
})

describe("a client whose channel another client has taken over", () => {
  it.live.each(roles)("I7, I11: signs nothing more, and says why: %s", (role) =>
    Effect.gen(function* () {
      const memory = yield* ChannelStore.makeMemory
      const open = yield* openScripted(role, { store: Layer.succeed(ChannelStore.ChannelStore, memory) })
      const { channel, node } = open
      const [key] = yield* memory.list
      if (key === undefined) throw new Error("nothing was stored")
      const before = yield* memory.read(key)
      yield* memory.claim(key)
      const signed = node.log.length
      const fiber = yield* Effect.fork(channel.transfer({ amount: 5n, from: initiator.address }))
      yield* node.expect("update.new")
      askUpdate(node)
      const error = yield* failure(fiber)
      expect(error).toMatchObject({ _tag: "StoreError", reason: "lease_lost" })
      expect(error.message).toContain("another client has taken over the channel's record")
      expect(yield* eventOf(channel, "StoreFailed")).toMatchObject({ error: { reason: "lease_lost" } })
      expect((yield* channel.status.get).frozen).toContain("another client has taken over the channel")
      expect(errorOf(yield* node.expect("update"))).toBe(4)
      node.conflict(1, 4)
      // Also later, and to the peer.
      expect(yield* failure(yield* Effect.fork(channel.transfer({ amount: 1n })))).toMatchObject({
        _tag: "StoreError",
        reason: "lease_lost"
      })
      propose(node)
      expect(errorOf(yield* node.expect("update_ack"))).toBeDefined()
      expect(node.signedSince(signed)).toBe(false)
      expect(yield* memory.read(key)).toBe(before)
    }).pipe(Effect.scoped)
  )
})

describe("a client that finds that it has forgotten something", () => {
  const forgotten = signedBy(body(paying(7n), 2), [initiator, responder])

  it.live("I7: takes no signature any more from a signer who is still at it", () =>
    Effect.gen(function* () {
      for (const side of ["own", "peer"] as const) {
        const { layer, reached } = yield* slowSigner("responder")
        const open = yield* openScripted("responder", { signer: layer })
        const { channel, node } = open
        const fiber = yield* Effect.fork(
          Effect.either(
            side === "own" ? channel.transfer({ amount: 5n, from: initiator.address }) : Effect.void
          )
        )
        if (side === "own") {
          yield* node.expect("update.new")
          askUpdate(node)
        } else propose(node)
        yield* reached("asked")
        const waiting = yield* Effect.fork(channel.transfer({ amount: 1n }))
        yield* settle
        const before = node.log.length
        node.say({ _tag: "StateUpdate", state: forgotten })
        expect(errorOf(yield* node.expect(side === "own" ? "update" : "update_ack"))).toBe(4)
        yield* reached("interrupted")
        expect(yield* eventOf(channel, "VerificationFailed")).toMatchObject({ error: { field: "body" } })
        const stored = {
          _tag: "StoreError",
          reason: "corrupt",
          detail: "the node shows round 2 with our signature, of which we know nothing"
        }
        if (side === "own") expect(yield* Fiber.join(fiber)).toMatchObject({ left: stored })
        expect(yield* failure(waiting)).toMatchObject({ ...stored, operation: "transfer" })
        expect(node.signedSince(before)).toBe(false)
      }
    }).pipe(Effect.scoped)
  )

  it.live("a record that says so opens nothing", () =>
    Effect.gen(function* () {
      const party: Party = {
        store: Layer.effect(
          ChannelStore.ChannelStore,
          Effect.map(ChannelStore.makeMemory, (memory) => ({
            ...memory,
            read: () =>
              Effect.succeed({
                version: 3,
                record: { coSigned: undefined, frozen: "disk full" } as ChannelStore.ChannelRecord
              })
          }))
        )
      }
      const scripted = yield* connect("initiator", party)
      askCreate(scripted)
      const error = yield* Effect.flip(scripted.opening.opened)
      expect(error).toMatchObject({ _tag: "StoreError", operation: "open", reason: "corrupt" })
      expect(error.message).toBe(
        "open: what the channel store holds is damaged: the channel was frozen before: disk full. Nothing is signed; restore the record before you use the channel."
      )
      expect(scripted.node.log).toEqual([])
    }).pipe(Effect.scoped)
  )
})
