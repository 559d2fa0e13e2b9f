/**
 * Nobody is left waiting, nothing is left running, and no signature is given that is not asked for any more: broken
 * connections, unreadable signing requests, late answers.
 */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Clock, Deferred, Effect, Exit, Fiber, Layer, Option, Scope, Stream, TestClock } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Channel from "../../src/client/Channel.js"
import type { FlowError } from "../../src/client/ChannelEvent.js"
import { glimpse } from "../../src/client/internal/glimpse.js"
import * as Json from "../../src/encoding/Json.js"
import { TransportError } from "../../src/protocol/Errors.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import { type SignTag, signTagRow, signTags } from "../../src/protocol/SignTag.js"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import * as Signer from "../../src/services/Signer.js"
import { Transport } from "../../src/services/Transport.js"
import { layer } from "../support/NodeUnderTest.js"
import * as TestCrypto from "../support/TestCrypto.js"
import {
  askUpdate,
  body,
  coSigned,
  eventOf,
  failure,
  paying,
  propose,
  slowSigner,
  stillWorks,
  transferAt
} from "./support/Flow.js"
import { layerParty, openBoth, options, type Party } from "./support/Parties.js"
import { closeTx, offChainTx, transfer, treesAfter } from "./support/Rounds.js"
import {
  askCreate,
  channelId,
  coin,
  connect,
  createTx,
  errorOf,
  initialTrees,
  initiator,
  keysOf,
  networkId,
  type Open,
  openScripted,
  responder,
  type Scripted,
  ScriptedNode,
  settle,
  signedBy
} from "./support/ScriptedNode.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]

/** The clock in use, and how many wait on it. */
const counted = Effect.map(Effect.clock, (clock) => {
  const sleeping = { count: 0 }
  const it: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis(),
    currentTimeMillis: clock.currentTimeMillis,
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeNanos: clock.currentTimeNanos,
    sleep: (duration) =>
      Effect.acquireUseRelease(
        Effect.sync(() => sleeping.count++),
        () => clock.sleep(duration),
        () => Effect.sync(() => sleeping.count--)
      )
  }
  return { sleeping, clock: it }
})

const errorsOf = ({ channel, node, peer }: Open) => {
  node.say({ _tag: "MessageReport", from: peer.address, to: peer.address, info: "that is all" })
  return channel.events.pipe(
    Stream.takeUntil((event) => event._tag === "MessageReceived"),
    Stream.runCollect,
    Effect.map((events) =>
      Chunk.toReadonlyArray(events).flatMap((event) =>
        ["VerificationFailed", "Refused", "Undecodable", "OperationFailed"].includes(event._tag)
          ? [event._tag]
          : []
      )
    )
  )
}

describe("the node's last words", () => {
  it.scoped.each(roles)("are heard before the end of the connection that follows at once [%s]", (role) =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const ours = role === "initiator" ? alice : bob
      yield* ours.stop
      expect(yield* Effect.flip(ours.transfer({ amount: 1n }))).toMatchObject({ reason: "channel_ended" })
      for (const call of [ours.ping, ours.leave, Effect.asVoid(ours.balances())])
        expect(yield* Effect.flip(call)).toMatchObject({ reason: "channel_ended" })
      expect((yield* ours.status.get).end).toMatchObject({ reason: "channel_ended" })
      expect(yield* Stream.runLast(ours.events)).toMatchObject({
        value: { _tag: "Ended", error: { reason: "channel_ended" } }
      })
    }).pipe(Effect.provide(layer({ acceptDelay: 0, closeDelay: 0 })))
  )

  const lost = new TransportError({
    reason: "connection_lost",
    operation: "send",
    detail: "nothing was sent"
  })

  /** A client whose frames do not leave any more once it is said so. */
  const cut = (role: Role) =>
    Effect.gen(function* () {
      const node = new ScriptedNode()
      let isCut = false
      const opening = yield* Channel.connect(options(role)).pipe(
        Effect.updateService(Transport, ({ connect }) => ({
          connect: (query) =>
            Effect.map(connect(query), ({ receive, send }) => ({
              receive,
              send: (text) => Effect.suspend(() => (isCut ? Effect.fail(lost) : send(text)))
            }))
        })),
        Effect.provide(layerParty(role)),
        Effect.provide(node.layer)
      )
      const scripted: Scripted = { node, opening, ...keysOf(role) }
      askCreate(scripted)
      yield* node.next
      node.channelId = channelId
      node.info("open")
      node.say({ _tag: "StateUpdate", state: signedBy(createTx(), [initiator, responder]) })
      const channel = yield* opening.opened
      return { ...scripted, channel, cuts: () => void (isCut = true) }
    })

  it.scoped.each(roles)(
    "come as long as the node speaks, however late, and whatever cannot be sent [%s]",
    (role) =>
      Effect.gen(function* () {
        const { channel, cuts, node, peer } = yield* cut(role)
        cuts()
        const ping = yield* Effect.fork(channel.ping)
        yield* settle
        for (let i = 0; i < 5; i++) {
          yield* TestClock.adjust("4 seconds")
          node.say({ _tag: "MessageReport", from: peer.address, to: peer.address, info: `${i}` })
          yield* settle
        }
        expect((yield* channel.status.get).end).toBeUndefined()
        node.info("died")
        expect(yield* Effect.flip(Fiber.join(ping))).toMatchObject({ reason: "channel_ended" })
      })
  )

  it.scoped.each(roles)("do not come: then the connection ended as what was to be sent says [%s]", (role) =>
    Effect.gen(function* () {
      const { clock, sleeping } = yield* counted
      const { channel, cuts } = yield* Effect.withClock(cut(role), clock)
      cuts()
      const pending = yield* Effect.forEach(
        [channel.ping, channel.transfer({ amount: 1n }), channel.leave, channel.balances()],
        (call) => Effect.fork<unknown, FlowError, never>(call)
      )
      yield* settle
      yield* TestClock.adjust("4999 millis")
      expect((yield* channel.status.get).end).toBeUndefined()
      yield* TestClock.adjust("1 millis")
      for (const fiber of pending)
        expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ reason: "connection_lost" })
      expect((yield* channel.status.get).end).toMatchObject({ reason: "connection_lost" })
      yield* settle
      expect(sleeping.count).toBe(0)
    })
  )
})

describe("a connection or a store that breaks in an unexpected way", () => {
  it.scoped("ends everything typed", () =>
    Effect.gen(function* () {
      for (const breaks of [Effect.die(new Error("a bug in the transport")), Effect.interrupt]) {
        const node = new ScriptedNode()
        const gate = yield* Deferred.make<void>()
        const opening = yield* Channel.connect(options("initiator")).pipe(
          Effect.updateService(Transport, ({ connect }) => ({
            connect: (query) =>
              Effect.map(connect(query), ({ receive, send }) => ({
                send,
                receive: Effect.raceFirst(receive, Effect.zipRight(Deferred.await(gate), breaks))
              }))
          })),
          Effect.provide(layerParty("initiator")),
          Effect.provide(node.layer)
        )
        const ping = yield* Effect.fork(opening.ping)
        yield* settle
        yield* Deferred.succeed(gate, undefined)
        for (const each of [Fiber.join(ping), opening.opened, opening.ping])
          expect(yield* Effect.flip<unknown, FlowError, never>(each)).toMatchObject({
            _tag: "TransportError"
          })
        expect((yield* opening.status.get).phase).toBe("ended")
      }
    })
  )

  it.live("a store whose reading breaks: the opening fails", () =>
    Effect.gen(function* () {
      const party: Party = {
        store: Layer.effect(
          ChannelStore.ChannelStore,
          Effect.map(ChannelStore.makeMemory, (memory) => ({
            ...memory,
            read: () => Effect.die(new Error("bug"))
          }))
        )
      }
      const scripted = yield* connect("initiator", party)
      askCreate(scripted)
      expect(yield* Effect.flip(scripted.opening.opened)).toMatchObject({
        _tag: "StoreError",
        reason: "read"
      })
      expect(scripted.node.log).toEqual([])
    }).pipe(Effect.scoped)
  )
})

describe("after the end", () => {
  const everything = (open: Open) => [
    open.channel.ping,
    open.channel.balances(),
    open.channel.transfer({ amount: 1n }),
    open.channel.transfer({ amount: 2n }),
    open.channel.leave
  ]

  it.scoped("no timer is left, whoever ended it, and whoever still waited", () =>
    Effect.gen(function* () {
      for (const end of ["died", "close", "scope"] as const) {
        const scope = yield* Scope.make()
        const { clock, sleeping } = yield* counted
        const open = yield* Scope.extend(Effect.withClock(openScripted("initiator"), clock), scope)
        const fibers = yield* Effect.forEach(everything(open), (call) =>
          Effect.fork<unknown, FlowError, never>(call)
        )
        yield* settle
        // A refusal of ours that waits for its confirmation, and a caller that has gone.
        open.node.ask("update_ack", signedBy(body([]), [responder]))
        yield* settle
        const [gone] = fibers
        if (gone !== undefined) yield* Fiber.interrupt(gone)
        expect(sleeping.count).toBeGreaterThan(0)
        if (end === "died") open.node.info("died")
        else if (end === "close") yield* open.node.close()
        else yield* Scope.close(scope, Exit.void)
        for (const fiber of fibers.slice(1))
          expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "TransportError" })
        yield* settle
        expect(sleeping.count).toBe(0)
        yield* Scope.close(scope, Exit.void)
      }
    })
  )

  it.live("those who follow the status or the state hear that nothing more comes", () =>
    Effect.gen(function* () {
      const { channel, node } = yield* openScripted("initiator")
      const statuses = yield* Effect.fork(Stream.runLast(channel.status.changes))
      const states = yield* Effect.fork(Stream.runCollect(channel.latest.changes))
      const never = yield* Effect.fork(
        Stream.runHead(Stream.filter(channel.latest.changes, ({ round }) => round > 1))
      )
      yield* settle
      node.info("died")
      expect(yield* Fiber.join(statuses)).toMatchObject({ value: { phase: "ended" } })
      expect(Chunk.toReadonlyArray(yield* Fiber.join(states)).map(({ round }) => round)).toEqual([1])
      expect(yield* Fiber.join(never)).toEqual(Option.none())
      // Who comes later sees the last of both.
      expect(yield* Stream.runCollect(channel.status.changes)).toMatchObject({ length: 1 })
      expect(yield* Stream.runLast(channel.latest.changes)).toMatchObject({ value: { round: 1 } })
    }).pipe(Effect.scoped)
  )
})

const damaged = (tag: SignTag, data: Json.Json = { signed_tx: "tx_AAAA", updates: [] }): string =>
  Json.stringify({
    jsonrpc: "2.0",
    version: 1,
    method: `channels.sign.${tag}`,
    params: { channel_id: null, data }
  })

describe("a signing request that cannot be read", () => {
  const others = (Object.keys(signTags) as ReadonlyArray<SignTag>).filter((tag) => signTagRow(tag).abortable)

  it.live.each(others)("sign.%s is answered with code 1 while nothing is under way", (tag) =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      for (const text of [damaged(tag), damaged(tag).slice(0, -20), damaged(tag, { signed_tx: 5 })]) {
        open.node.raw(text)
        expect(errorOf(yield* open.node.expect(signTagRow(tag).reply))).toBe(1)
      }
      expect(yield* errorsOf(open)).toEqual(["Undecodable", "Undecodable", "Undecodable"])
      yield* stillWorks(open)
    }).pipe(Effect.scoped)
  )

  it.live("of the peer's does not end our transfer, which the node has not come to", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const [fiber] = yield* transferAt(open, "requested")
      open.node.raw(damaged("update_ack"))
      expect(errorOf(yield* open.node.expect("update_ack"))).toBe(1)
      askUpdate(open.node)
      yield* open.node.expect("update")
      open.node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
      expect(yield* Fiber.join(fiber)).toMatchObject({ round: 2 })
      expect(yield* errorsOf(open)).toEqual(["Undecodable"])
    }).pipe(Effect.scoped)
  )

  it.live("of the peer's takes the place of the proposal that we were signing", () =>
    Effect.gen(function* () {
      const { layer, reached } = yield* slowSigner("responder")
      const open = yield* openScripted("responder", { signer: layer })
      propose(open.node)
      yield* reached("asked")
      open.node.raw(damaged("shutdown_sign_ack"))
      expect(errorOf(yield* open.node.expect("shutdown_sign_ack"))).toBe(1)
      yield* reached("interrupted")
      expect(yield* eventOf(open.channel, "ProposalEnded")).toMatchObject({ tag: "update_ack", code: 2 })
      yield* Effect.fork(open.channel.ping)
      yield* open.node.expect("system")
    }).pipe(Effect.scoped)
  )

  it.live("of ours ends our operation; one that is readable and late is no lie", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const [fiber] = yield* transferAt(open, "requested")
      open.node.raw(damaged("update"))
      expect(yield* failure(fiber)).toMatchObject({ _tag: "DecodeError" })
      expect(errorOf(yield* open.node.expect("update"))).toBe(1)
      const before = open.node.log.length
      askUpdate(open.node)
      yield* settle
      expect(open.node.log.length).toBe(before)
      open.node.info("aborted_update")
      expect(yield* errorsOf(open)).toEqual(["Undecodable", "OperationFailed"])
      yield* stillWorks(open)
    }).pipe(Effect.scoped)
  )

  it.live("of another operation than ours ends ours, with the tag that was asked for", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const [fiber] = yield* transferAt(open, "requested")
      open.node.raw(damaged("shutdown_sign"))
      expect(yield* failure(fiber)).toMatchObject({ _tag: "DecodeError" })
      expect(errorOf(yield* open.node.expect("shutdown_sign"))).toBe(1)
      open.node.info("aborted_update")
      yield* stillWorks(open)
    }).pipe(Effect.scoped)
  )

  it.live.each(roles)("ends an opening, whichever it is [%s]", (role) =>
    Effect.gen(function* () {
      for (const tag of [`${role}_sign`, "update", "update_ack"] as const) {
        const { node, opening } = yield* connect(role)
        node.raw(damaged(tag))
        expect(yield* Effect.flip(opening.opened)).toMatchObject({ _tag: "DecodeError" })
        yield* Effect.repeat(Effect.zipRight(Effect.yieldNow(), opening.status.get), {
          until: ({ phase }) => phase === "ended"
        })
        expect(node.signedSince(0)).toBe(false)
      }
    }).pipe(Effect.scoped)
  )

  it("shows its tag in every dialect, and when it is cut off", () => {
    const tags = (text: string) => glimpse(text).tag
    expect(tags('{"action":"sign","tag":"update_ack","payload":{}}')).toBe("update_ack")
    expect(tags('{"method":"channels.sign.shutdown_sign","params":')).toBe("shutdown_sign")
    for (const text of [
      '{"action":"info","tag":"update"}',
      '{"action":"sign","tag":"toString"}',
      '{"method":"channels.update"}',
      '{"method":"channels.sign."}',
      '{"method":["channels.sign.update"]}',
      '["channels.sign.update"]',
      ""
    ])
      expect(tags(text)).toBeUndefined()
    expect(glimpse('{"id":7,"result":')).toEqual({ id: undefined, tag: undefined })
    expect(glimpse('{"id":7}')).toEqual({ id: 7, tag: undefined })
  })

  it.live("is none: a tag inside of a text, an unknown tag, a reply", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const before = open.node.log.length
      const text = JSON.stringify('{"method":"channels.sign.update_ack"}')
      for (const raw of [
        `{"jsonrpc":"2.0","method":"channels.message","params":{"data":{"message":{"info":${text}`,
        damaged("update_ack").replace("update_ack", "constructor").slice(0, -5),
        '{"id":7,"error":{"request":{"method":"channels.update_ack"}}}'
      ])
        open.node.raw(raw)
      expect(yield* errorsOf(open)).toEqual(["Undecodable", "Undecodable", "Undecodable"])
      expect(open.node.log.length).toBe(before)
      yield* stillWorks(open)
    }).pipe(Effect.scoped)
  )
})

describe("replies to requests that started an operation", () => {
  it.live("one that cannot be read ends the operation: it may have been a refusal", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const [fiber, sent] = yield* transferAt(open, "requested")
      open.node.raw(`{"jsonrpc":"2.0","version":1,"id":${String(sent["id"])},"error":{}}`)
      expect(yield* failure(fiber)).toMatchObject({ _tag: "DecodeError" })
      const refusal = yield* open.node.expect("update")
      expect(errorOf(refusal)).toBe(1)
      open.node.refuse(refusal, 3, [1018])
      yield* stillWorks(open)
    }).pipe(Effect.scoped)
  )

  it.live("a refusal that comes after our own refusal tells nobody a second time", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const [fiber, sent] = yield* transferAt(open, "requested")
      open.node.raw(damaged("update"))
      yield* failure(fiber)
      yield* open.node.expect("update")
      open.node.refuse(sent, 3, [1001])
      expect(yield* errorsOf(open)).toEqual(["Undecodable", "OperationFailed"])
      yield* stillWorks(open)
    }).pipe(Effect.scoped)
  )

  it.live.each(roles)(
    "a refusal with an id is not that of the opening, even if it echoes nothing [%s]",
    (role) =>
      Effect.gen(function* () {
        for (const id of [999, "x", true]) {
          const scripted = yield* connect(role)
          const { node, opening } = scripted
          node.raw(
            Json.stringify({
              jsonrpc: "2.0",
              version: 1,
              id,
              channel_id: null,
              error: { code: 3, message: "Rejected", data: [{ code: 1011, message: "no" }], request: {} }
            })
          )
          expect(yield* eventOf(opening, "Refused")).toMatchObject({
            error: { operation: "unknown request" }
          })
          askCreate(scripted)
          yield* node.expect(`${role}_sign`)
        }
      }).pipe(Effect.scoped)
  )
})

describe("abort", () => {
  it.live("before the node has asked: the caller fails at once, and the node is refused when it asks", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const [fiber] = yield* transferAt(open, "requested")
      const abort = yield* Effect.fork(open.channel.abort(300))
      expect(yield* failure(fiber)).toMatchObject({
        _tag: "UserDefinedError",
        step: "awaiting the node",
        endedBy: "we"
      })
      askUpdate(open.node)
      expect(errorOf(yield* open.node.expect("update"))).toBe(300)
      open.node.info("aborted_update")
      yield* Fiber.join(abort)
      expect(yield* errorsOf(open)).toEqual(["OperationFailed"])
      yield* stillWorks(open)
    }).pipe(Effect.scoped)
  )

  it.live("ends also if the node refuses the request, or lets it collide", () =>
    Effect.gen(function* () {
      for (const end of ["refuse", "conflict"] as const) {
        const open = yield* openScripted("initiator")
        const [fiber, sent] = yield* transferAt(open, end === "refuse" ? "asked" : "requested")
        const abort = yield* Effect.fork(open.channel.abort())
        expect(yield* failure(fiber)).toMatchObject({ _tag: "AbortError" })
        if (end === "refuse") open.node.refuse(sent, 3, [1001])
        else open.node.conflict(2, 1)
        yield* Fiber.join(abort)
        expect(yield* errorsOf(open)).toEqual(["OperationFailed"])
        yield* stillWorks(open)
      }
    }).pipe(Effect.scoped)
  )
})

describe("a shutdown that the node postpones for the peer's proposal", () => {
  it.scoped("waits for as long as our signer takes", () =>
    Effect.gen(function* () {
      const { layer, word, reached } = yield* slowSigner("responder")
      const open = yield* openScripted("responder", { signer: layer })
      const { channel, node } = open
      const fiber = yield* Effect.fork(channel.shutdown())
      yield* node.expect("shutdown")
      propose(node)
      yield* reached("asked")
      yield* TestClock.adjust("3 minutes")
      expect(fiber.unsafePoll()).toBeNull()
      yield* Deferred.succeed(word, "sign")
      yield* node.expect("update_ack")
      node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
      node.ask("shutdown_sign", SignedTx.unsigned(closeTx(responder.address, treesAfter(paying(5n), 2))))
      yield* node.expect("shutdown_sign")
      expect(yield* errorsOf(open)).toEqual([])
      yield* Fiber.interrupt(fiber)
    })
  )
})

describe("a close that both have signed and that no block takes", () => {
  const tx = closeTx(initiator.address, initialTrees)
  const closing = (node: ScriptedNode): void => {
    const signedTx = signedBy(tx, [initiator, responder])
    node.say({ _tag: "OnChainTx", info: "close_mutual", type: "channel_close_mutual_tx", tx: signedTx })
    node.info("closing")
  }

  it.scoped("I13: who has signed it second does not wait for it for ever, nor who waits for his turn", () =>
    Effect.gen(function* () {
      const { channel, node } = yield* openScripted("responder", { changes: { chainTimeout: "30 seconds" } })
      node.info("shutdown")
      node.ask("shutdown_sign_ack", signedBy(tx, [initiator]))
      yield* node.expect("shutdown_sign_ack")
      closing(node)
      const fiber = yield* Effect.fork(channel.transfer({ amount: 5n }))
      yield* settle
      yield* TestClock.adjust("29 seconds")
      expect(node.methods).not.toContain("channels.update.new")
      yield* TestClock.adjust("2 seconds")
      node.refuse(yield* node.expect("update.new"), -32603, [])
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "RejectedError" })
    })
  )
})

/** Signs the first operations at once and then holds back. */
const signsFirst = (role: Role, count: number) =>
  Effect.map(Deferred.make<void>(), (gate) => {
    const { own } = keysOf(role)
    const asked: Array<string> = []
    const sign = (signedTx: SignedTx.SignedTx) =>
      SignedTx.sign(signedTx, own, { networkId, crypto: TestCrypto.native })
    return {
      gate,
      asked,
      party: {
        signer: Signer.layer({
          address: own.address,
          sign: ({ operation, signedTx }) =>
            Effect.suspend(() => {
              if (operation !== "open") asked.push(operation)
              return asked.length > count ? Deferred.await(gate) : Effect.void
            }).pipe(Effect.map(() => sign(signedTx)))
        })
      }
    }
  })

describe("a late co-signature", () => {
  const late = coSigned(paying(5n))
  const roundThree = (open: Open) =>
    Effect.gen(function* () {
      const updates = [transfer(initiator.address, responder.address, 3n)]
      const fiber = yield* Effect.fork(open.channel.transfer({ amount: 3n, from: initiator.address }))
      yield* open.node.expect("update.new")
      const tx = offChainTx(treesAfter(updates, 3, treesAfter(paying(5n), 2)), 3)
      open.node.ask("update", SignedTx.unsigned(tx), updates)
      yield* open.node.expect("update")
      open.node.say({ _tag: "StateUpdate", state: signedBy(tx, [initiator, responder]) })
      expect(yield* Fiber.join(fiber)).toMatchObject({ round: 3 })
    })
  const atRoundTwo = ({ channel }: Open) =>
    Stream.runHead(Stream.filter(channel.latest.changes, ({ round }) => round === 2))

  it.live.each(roles)("counts although the node has given up (conflict 3, then update) [%s]", (role) =>
    Effect.gen(function* () {
      const open = yield* openScripted(role)
      const fiber = yield* Effect.fork(open.channel.transfer({ amount: 5n, from: initiator.address }))
      yield* open.node.expect("update.new")
      askUpdate(open.node)
      yield* open.node.expect("update")
      open.node.conflict(3, 1)
      expect(yield* failure(fiber)).toMatchObject({ _tag: "TimeoutError", round: 1 })
      open.node.say({ _tag: "StateUpdate", state: late })
      yield* atRoundTwo(open)
      expect(yield* errorsOf(open)).toEqual(["OperationFailed"])
      expect((yield* open.channel.latest.get).balances).toEqual({
        initiator: 9n * coin - 5n,
        responder: 6n * coin + 5n
      })
      yield* roundThree(open)
    }).pipe(Effect.scoped)
  )

  it.live("takes the place of our next proposal, whose conflict comes first", () =>
    Effect.gen(function* () {
      for (const reaches of ["requested", "signed"] as const) {
        const open = yield* openScripted("initiator")
        const [first] = yield* transferAt(open, "signed")
        open.node.conflict(3, 1)
        yield* failure(first)
        const [second] = yield* transferAt(open, reaches, 9n)
        open.node.conflict(2, 1)
        open.node.say({ _tag: "StateUpdate", state: late })
        expect(yield* failure(second)).toMatchObject({ _tag: "ConflictError", round: 1 })
        yield* atRoundTwo(open)
        expect(yield* errorsOf(open)).toEqual(["OperationFailed", "OperationFailed"])
        yield* roundThree(open)
      }
    }).pipe(Effect.scoped)
  )

  it.live("of a shutdown closes the channel", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const fiber = yield* Effect.fork(open.channel.shutdown())
      yield* open.node.expect("shutdown")
      open.node.ask("shutdown_sign", SignedTx.unsigned(closeTx(initiator.address)))
      yield* open.node.expect("shutdown_sign")
      open.node.conflict(3, 1)
      expect(yield* failure(fiber)).toMatchObject({ _tag: "TimeoutError", operation: "shutdown" })
      const tx = signedBy(closeTx(initiator.address), [initiator, responder])
      open.node.say({ _tag: "OnChainTx", info: "close_mutual", type: "channel_close_mutual_tx", tx })
      open.node.info("closing")
      open.node.info("closed_confirmed")
      yield* Effect.repeat(Effect.zipRight(Effect.yieldNow(), open.channel.status.get), {
        until: ({ phase }) => phase === "closed"
      })
      expect(yield* errorsOf(open)).toEqual(["OperationFailed"])
    }).pipe(Effect.scoped)
  )

  it.live(
    "I5: what our signer still has for the round is not signed any more, whatever the node forgets to say",
    () =>
      Effect.gen(function* () {
        for (const what of ["transfer", "shutdown", "proposal"] as const) {
          const { asked, gate, party } = yield* signsFirst("initiator", 1)
          const open = yield* openScripted("initiator", party)
          const { channel, node } = open
          const [first] = yield* transferAt(open, "signed")
          node.conflict(3, 1)
          yield* failure(first)
          const second = yield* Effect.fork(
            Effect.either<unknown, FlowError, never>(
              what === "transfer"
                ? channel.transfer({ amount: 9n })
                : what === "shutdown"
                  ? channel.shutdown()
                  : Effect.void
            )
          )
          if (what === "transfer") {
            yield* node.expect("update.new")
            askUpdate(node, paying(9n))
          } else if (what === "shutdown") {
            yield* node.expect("shutdown")
            node.ask("shutdown_sign", SignedTx.unsigned(closeTx(initiator.address)))
          } else {
            const back = [transfer(responder.address, initiator.address, 1n)]
            node.ask("update_ack", signedBy(body(back), [responder]), back)
          }
          yield* Effect.repeat(Effect.yieldNow(), { until: () => asked.length === 2 })
          const before = node.log.length
          node.say({ _tag: "StateUpdate", state: late })
          const tag = { transfer: "update", shutdown: "shutdown_sign", proposal: "update_ack" }[what]
          expect(errorOf(yield* node.expect(tag))).toBe(2)
          yield* Deferred.succeed(gate, undefined)
          yield* settle
          expect(node.signedSince(before)).toBe(false)
          if (what !== "proposal")
            expect(yield* Fiber.join(second)).toMatchObject({
              left: { _tag: "ConflictError", operation: what, endedBy: "node", round: 2 }
            })
          node.info("aborted_update")
          yield* roundThree(open)
        }
      }).pipe(Effect.scoped)
  )

  it.live("what was signed for the same round cannot become the next state: it ends", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const [first] = yield* transferAt(open, "signed")
      open.node.conflict(3, 1)
      yield* failure(first)
      const [second] = yield* transferAt(open, "signed", 9n)
      open.node.say({ _tag: "StateUpdate", state: late })
      expect(yield* failure(second)).toMatchObject({ _tag: "ConflictError", endedBy: "node", round: 2 })
      yield* roundThree(open)
    }).pipe(Effect.scoped)
  )
})
