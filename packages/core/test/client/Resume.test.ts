/** A client in a new process: what it finds in its store, what it finds at the node, and how it goes on. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted, Stream } from "effect"
import type { Channel, OpenOptions } from "../../src/client/Channel.js"
import type { ChannelEvent } from "../../src/client/ChannelEvent.js"
import { Crypto } from "../../src/crypto/Crypto.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import type { ChannelRecord, ChannelStoreService } from "../../src/services/ChannelStore.js"
import * as Signer from "../../src/services/Signer.js"
import { coin, initiator, layer, networkId, other as stranger, responder } from "../support/NodeUnderTest.js"
import * as Trees from "../../src/state/Trees.js"
import * as TestCrypto from "../support/TestCrypto.js"
import { cheat } from "./support/Cheating.js"
import { eventOf } from "./support/Flow.js"
import { returners, type Returner } from "./support/Returns.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]

const reaches = (channel: Channel, round: number) =>
  Stream.runHead(Stream.filter(channel.latest.changes, (state) => state.round >= round)).pipe(
    Effect.timeout("5 seconds"),
    Effect.orDie
  )

/** Both ends, seen from one role; a transfer was made. */
const opened = (role: Role, changes: Partial<OpenOptions> = {}, theirChanges = changes) =>
  Effect.gen(function* () {
    const parties = yield* returners
    const [own, other] =
      role === "initiator" ? [parties.initiator, parties.responder] : [parties.responder, parties.initiator]
    const [mine, theirs] = yield* Effect.all([own.open({ changes }), other.open({ changes: theirChanges })], {
      concurrency: 2
    })
    yield* reaches(theirs, (yield* mine.transfer({ amount: 3n })).round)
    return { own, other, mine, theirs }
  })

const recordOf = ({ role, store }: Returner, { id }: Channel): Effect.Effect<ChannelRecord> =>
  store.read({ channelId: id, role }).pipe(
    Effect.flatMap((stored) =>
      stored === undefined ? Effect.dieMessage("no record") : Effect.succeed(stored.record)
    ),
    Effect.orDie
  )

/** Writes the record anew, as a hand that restores an old copy does. */
const rewrite = (
  { role, store }: { readonly role: Role; readonly store: ChannelStoreService },
  { id: channelId }: Channel,
  change: (record: ChannelRecord) => Partial<ChannelRecord>
) =>
  Effect.gen(function* () {
    const stored = yield* store.read({ channelId, role })
    if (stored === undefined) throw new Error("no record")
    const fence = yield* store.claim({ channelId, role })
    yield* store.write({ ...stored.record, ...change(stored.record) }, { version: stored.version, fence })
  })

const eventsUntilBack = (channel: Channel): Effect.Effect<ReadonlyArray<ChannelEvent["_tag"]>> =>
  channel.events.pipe(
    Stream.takeUntil((event) => event._tag === "Reconnected"),
    Stream.map(({ _tag }) => _tag),
    Stream.runCollect,
    Effect.map((chunk) => Array.from(chunk))
  )

const bothWork = (one: Channel, two: Channel, round: number) =>
  Effect.gen(function* () {
    expect(yield* one.transfer({ amount: coin })).toMatchObject({ round })
    yield* reaches(two, round)
    expect(yield* two.transfer({ amount: 1n })).toMatchObject({ round: round + 1 })
  })

describe("a client that comes back to a machine that runs", () => {
  for (const role of roles) {
    it.scopedLive(`${role}: goes on with what it had`, () =>
      Effect.gen(function* () {
        const { own, mine, theirs } = yield* opened(role)
        yield* own.kill
        const back = yield* own.resume(mine.id)
        expect(yield* back.latest.get).toEqual(yield* mine.latest.get)
        expect(yield* back.status.get).toEqual({
          phase: "open",
          connected: true,
          channelId: mine.id,
          peerConnected: true,
          frozen: undefined,
          end: undefined
        })
        expect(yield* eventsUntilBack(back)).toEqual(["Reported", "Reconnected"])
        expect(yield* eventOf(back, "Reconnected")).toEqual({
          _tag: "Reconnected",
          isNewMachine: false,
          round: 2
        })
        yield* bothWork(back, theirs, 3)
      }).pipe(Effect.provide(layer()))
    )

    it.scopedLive(`${role}: takes the place of the client before it`, () =>
      Effect.gen(function* () {
        const { own, mine } = yield* opened(role)
        // It still has its connection: it said something, so that the node lets another one take its place.
        const back = yield* own.resume(mine.id)
        expect(yield* Effect.flip(mine.transfer({ amount: 1n }))).toMatchObject({ _tag: "TransportError" })
        expect(yield* back.transfer({ amount: 1n })).toMatchObject({ round: 3 })
      }).pipe(Effect.provide(layer()))
    )

    it.scopedLive(`${role}: I16: slashes what happened while it was away`, () =>
      Effect.gen(function* () {
        // The cheater's client would slash its own cheat, too.
        const { own, mine } = yield* opened(role, {}, { autoSlash: false })
        const cheater = role === "initiator" ? responder : initiator
        yield* own.kill
        const first = yield* recordOf(own, mine)
        expect(first.round).toBe(2)
        yield* cheat(cheater, { trees: Trees.initial(first.terms) }, mine.id)
        const back = yield* own.resume(mine.id)
        expect(yield* eventOf(back, "CanSlash")).toMatchObject({ type: "channel_offchain_tx" })
        const slashed = yield* Stream.runHead(
          Stream.filter(
            back.events,
            (event) => event._tag === "SoloClosing" && event.type === "channel_slash_tx"
          )
        ).pipe(Effect.timeout("5 seconds"))
        expect(slashed._tag).toBe("Some")
        expect((yield* back.status.get).phase).toBe("closing")
      }).pipe(Effect.provide(layer()))
    )

    it.scopedLive(`${role}: the end of the channel, seen while it was away`, () =>
      Effect.gen(function* () {
        const { own, mine, theirs } = yield* opened(role)
        yield* own.kill
        yield* theirs.closeSolo()
        const back = yield* own.resume(mine.id)
        expect(yield* eventOf(back, "SoloClosing")).toMatchObject({ type: "channel_close_solo_tx" })
        expect((yield* back.status.get).phase).toBe("closing")
        const node = yield* ChannelNode.ChannelNode
        yield* node.mine(20)
        expect((yield* back.settle()).confirmed).toBe(true)
      }).pipe(Effect.provide(layer()))
    )
  }

  it.scopedLive("a deposit that waits for the chain is taken over when it is deep enough", () =>
    Effect.gen(function* () {
      for (const part of ["starter", "acknowledger"] as const) {
        const node = yield* ChannelNode.ChannelNode
        const { own, mine, theirs } = yield* opened("initiator")
        yield* node.auto(false)
        const starter = part === "starter" ? mine : theirs
        yield* Effect.fork(starter.deposit({ amount: coin }))
        yield* eventOf(theirs, "SignatureGiven")
        yield* Effect.repeat(Effect.zipLeft(recordOf(own, mine), Effect.sleep("1 millis")), {
          until: ({ exposure }) => exposure.length > 0
        })
        yield* own.kill
        const back = yield* own.resume(mine.id)
        expect(yield* back.latest.get).toMatchObject({ round: 2 })
        if (part === "starter")
          expect(yield* eventOf(back, "PendingResolved")).toMatchObject({ outcome: "unknown" })
        yield* node.auto(true)
        yield* node.mine(15)
        yield* Effect.all([reaches(back, 3), reaches(theirs, 3)])
        yield* bothWork(back, theirs, 4)
      }
    }).pipe(Effect.provide(layer()))
  )
})

describe("a client that comes back to a machine that is over", () => {
  for (const role of roles)
    it.scopedLive(`${role}: after both have left, both go on with new machines`, () =>
      Effect.gen(function* () {
        const { own, other, mine, theirs } = yield* opened(role, { keepRunning: false })
        const before = yield* Effect.all([recordOf(own, mine), recordOf(other, theirs)])
        yield* mine.leave
        yield* eventOf(theirs, "Ended")
        yield* Effect.all([own.kill, other.kill])
        const [back, backToo] = yield* Effect.all([own.resume(mine.id), other.resume(mine.id)], {
          concurrency: 2
        })
        expect(yield* eventOf(back, "Reconnected")).toEqual({
          _tag: "Reconnected",
          isNewMachine: true,
          round: 2
        })
        const after = yield* Effect.all([recordOf(own, mine), recordOf(other, theirs)])
        const ids = [...before, ...after].map(({ fsmId }) => fsmId && Redacted.value(fsmId))
        expect(new Set(ids).size).toBe(4)
        yield* bothWork(back, backToo, 3)
        // And once more, to the machine that came of it.
        yield* own.kill
        yield* bothWork(yield* own.resume(mine.id), backToo, 5)
      }).pipe(Effect.provide(layer()))
    )

  it.scopedLive("the responder stayed: the initiator comes back to it", () =>
    Effect.gen(function* () {
      const { own, mine, theirs } = yield* opened("initiator")
      yield* mine.leave
      yield* own.kill
      const back = yield* own.resume(mine.id)
      expect(yield* eventOf(back, "Reconnected")).toMatchObject({ isNewMachine: true })
      yield* bothWork(back, theirs, 3)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("the responder stayed, and its client went: both come back", () =>
    Effect.gen(function* () {
      const { own, other, mine } = yield* opened("initiator")
      yield* mine.leave
      yield* Effect.all([own.kill, other.kill])
      const peer = yield* other.resume(mine.id)
      expect((yield* peer.status.get).peerConnected).toBe(false)
      const back = yield* own.resume(mine.id)
      yield* bothWork(back, peer, 3)
      expect((yield* peer.status.get).peerConnected).toBe(true)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("it was closed alone meanwhile: the channel is there, closing", () =>
    Effect.gen(function* () {
      const { own, mine, theirs } = yield* opened("initiator")
      yield* mine.leave
      yield* own.kill
      yield* theirs.closeSolo()
      const back = yield* own.resume(mine.id)
      expect((yield* back.status.get).phase).toBe("closing")
    }).pipe(Effect.provide(layer()))
  )
})

describe("Channel.resume fails", () => {
  it.scopedLive("when the store knows nothing of the channel, or of this party in it", () =>
    Effect.gen(function* () {
      const { own, mine } = yield* opened("initiator")
      yield* own.kill
      const error = yield* Effect.flip(own.resume(mine.id, { resume: { role: "responder" } }))
      expect(error).toMatchObject({ _tag: "StoreError", reason: "missing", operation: "resume" })
      expect(error.message).toContain("Check the channel id and the role")
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive(
    "when the signer or the network is another one, and takes nothing from whoever has the lease",
    () =>
      Effect.gen(function* () {
        const { own, mine } = yield* opened("initiator")
        const signer = Layer.provide(
          Signer.layerKeyPair(stranger, networkId),
          Layer.succeed(Crypto, TestCrypto.native)
        )
        expect(yield* Effect.flip(own.resume(mine.id, { signer }))).toMatchObject({ _tag: "SignerError" })
        expect(yield* Effect.flip(own.resume(mine.id, { resume: { networkId: "ae_uat" } }))).toMatchObject({
          _tag: "VerificationError",
          field: "networkId"
        })
        expect(yield* mine.transfer({ amount: 1n })).toMatchObject({ round: 3 })
      }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("when the secret is not the latest", () =>
    Effect.gen(function* () {
      const { own, mine } = yield* opened("initiator")
      yield* own.kill
      const fsmId = Redacted.make(ApiEncoding.encode("ba", new Uint8Array(32).fill(9)))
      yield* rewrite(own, mine, () => ({ fsmId }))
      const error = yield* Effect.flip(own.resume(mine.id))
      expect(error).toMatchObject({ _tag: "RejectedError", operation: "resume", data: [{ code: 1016 }] })
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("when the node does not know the channel any more", () =>
    Effect.gen(function* () {
      const { own, mine } = yield* opened("initiator").pipe(Effect.provide(layer()))
      yield* own.kill
      const error = yield* Effect.flip(own.resume(mine.id))
      expect(error).toMatchObject({ _tag: "TransportError", reason: "closed_by_node" })
      expect(error.message).toContain("does not know this channel any more")
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("when the record does not fit together", () =>
    Effect.gen(function* () {
      const { own, mine } = yield* opened("initiator")
      yield* own.kill
      const damages: ReadonlyArray<(record: ChannelRecord) => Partial<ChannelRecord>> = [
        () => ({ trees: new Uint8Array([1, 2, 3]) }),
        ({ round }) => ({ round: round + 1 }),
        ({ coSigned }) => ({
          coSigned: coSigned && { ...coSigned, signatures: coSigned.signatures.slice(1) }
        }),
        () => ({ trees: Trees.encode(Trees.empty) })
      ]
      const good = yield* recordOf(own, mine)
      for (const damage of damages) {
        yield* rewrite(own, mine, () => damage(good))
        const error = yield* Effect.flip(own.resume(mine.id))
        expect(error).toMatchObject({ _tag: "StoreError", reason: "corrupt", operation: "resume" })
        yield* rewrite(own, mine, () => good)
      }
      expect(yield* (yield* own.resume(mine.id)).transfer({ amount: 1n })).toMatchObject({ round: 3 })
    }).pipe(Effect.provide(layer()))
  )

  it.live("when the peer does not come, with the machine that waits for it", () =>
    Effect.gen(function* () {
      const { own, other, mine, theirs } = yield* opened("initiator", {
        keepRunning: false,
        timeouts: { accept: 200 }
      })
      yield* mine.leave
      yield* eventOf(theirs, "Ended")
      yield* Effect.all([own.kill, other.kill])
      const alone = yield* Effect.fork(Effect.flip(own.resume(mine.id)))
      expect(yield* Fiber.join(alone)).toMatchObject({ _tag: "TransportError", reason: "channel_ended" })
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )
})
