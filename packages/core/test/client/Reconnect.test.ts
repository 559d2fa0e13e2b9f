/** A connection that is lost, and the next one in its place. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule, Stream, TestClock } from "effect"
import type { Channel, OpenOptions } from "../../src/client/Channel.js"
import * as ChannelClient from "../../src/client/Channel.js"
import { TransportError } from "../../src/protocol/Errors.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import { Transport, type TransportService } from "../../src/services/Transport.js"
import { coin, layer } from "../support/NodeUnderTest.js"
import { askUpdate, body, eventOf, failure, paying } from "./support/Flow.js"
import { layerParty, options } from "./support/Parties.js"
import { returners } from "./support/Returns.js"
import { treesAfter } from "./support/Rounds.js"
import {
  askCreate,
  channelId,
  closedByNode,
  createTx,
  initialTrees,
  initiator,
  keysOf,
  responder,
  ScriptedNode,
  settle,
  signedBy
} from "./support/ScriptedNode.js"
import { asked, fsmId, holds, refuseAll, up } from "./support/ScriptedReturn.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]
const both = [initiator, responder]
const first = signedBy(createTx(), both)
const five = paying(5n)
const second = signedBy(body(five), both)

const lost = new TransportError({
  reason: "connection_lost",
  operation: "receive",
  detail: "the connection to the node broke",
  closeCode: 1006
})

/** A node that is another one for every connection. */
class Nodes {
  readonly nodes: Array<ScriptedNode> = []
  /** Connections that cannot be made, from the second on. */
  refuses = false
  /** Whether frames get stuck on their way. */
  stuck = false
  attempts = 0
  readonly layer = Layer.succeed(Transport, {
    connect: (query) =>
      Effect.suspend(() => {
        this.attempts += 1
        if (this.refuses)
          return new TransportError({ reason: "connect", operation: "connect", detail: "nothing listens" })
        const node = new ScriptedNode()
        if (this.nodes.length > 0) node.channelId = channelId
        this.nodes.push(node)
        return Effect.flatMap(Transport, (transport: TransportService) => transport.connect(query)).pipe(
          Effect.provide(node.layer),
          Effect.map(({ receive, send }) => ({
            send: (text: string) => Effect.suspend(() => (this.stuck ? Effect.never : send(text))),
            receive
          }))
        )
      })
  } satisfies TransportService)

  /** The how manyth connection. */
  at(number: number): Effect.Effect<ScriptedNode> {
    return Effect.suspend(() => Effect.succeed(this.nodes[number - 1])).pipe(
      Effect.zipLeft(Effect.yieldNow()),
      Effect.repeat({ until: (node) => node !== undefined }),
      Effect.flatMap((node) => (node === undefined ? Effect.never : Effect.succeed(node)))
    )
  }
}

/** Open at round 1, with the first secret. */
const opened = (role: Role, changes: Partial<OpenOptions> = {}) =>
  Effect.gen(function* () {
    const nodes = new Nodes()
    const opening = yield* ChannelClient.connect(options(role, changes)).pipe(
      Effect.provide(layerParty(role)),
      Effect.provide(nodes.layer)
    )
    const node = yield* nodes.at(1)
    up(node, 1)
    askCreate({ node, opening, ...keysOf(role) })
    node.reply(yield* node.next, "ok")
    node.channelId = channelId
    node.info("own_funding_locked")
    node.info("funding_locked")
    node.info("open")
    node.say({ _tag: "StateUpdate", state: first })
    return { nodes, node, channel: yield* opening.opened }
  })

const at = (millis: number) => Schedule.spaced(`${millis} millis`)

/** The node shows the first state to a client that has come back. */
const showsFirst = (node: ScriptedNode) =>
  Effect.gen(function* () {
    up(node, 1)
    holds(node, (yield* asked(node)).question, first, initialTrees)
    const { question, before } = yield* asked(node)
    refuseAll(node, before)
    holds(node, question, first, initialTrees)
  })

describe("a connection that is lost", () => {
  it.scoped.each(roles)("%s: is made again by the schedule, and everybody can see it", (role) =>
    Effect.gen(function* () {
      const { nodes, node, channel } = yield* opened(role, { reconnect: at(1000) })
      expect(yield* channel.status.get).toMatchObject({ phase: "open", connected: true })
      yield* node.close(lost)
      expect(yield* eventOf(channel, "Disconnected")).toEqual({ _tag: "Disconnected", error: lost })
      expect(yield* channel.status.get).toMatchObject({ phase: "open", connected: false, end: undefined })
      yield* TestClock.adjust("999 millis")
      expect(nodes.attempts).toBe(1)
      yield* TestClock.adjust("1 millis")
      const next = yield* nodes.at(2)
      expect(next.queries[0]).toContain("existing_fsm_id=")
      yield* showsFirst(next)
      yield* eventOf(channel, "Reconnected")
      expect(yield* channel.status.get).toMatchObject({ phase: "open", connected: true })
    })
  )

  it.scoped("is not made again when the schedule ends: then all calls have ended", () =>
    Effect.gen(function* () {
      const { nodes, node, channel } = yield* opened("initiator", {
        reconnect: Schedule.intersect(at(1000), Schedule.recurs(3))
      })
      const signed = yield* Effect.fork(channel.transfer({ amount: 5n }))
      const waits = yield* Effect.fork(channel.transfer({ amount: 6n }))
      yield* node.expect("update.new")
      askUpdate(node)
      yield* node.expect("update")
      nodes.refuses = true
      yield* node.close(lost)
      yield* settle
      const later = yield* Effect.fork(channel.balances())
      yield* TestClock.adjust("10 seconds")
      expect(nodes.attempts).toBe(4)
      for (const each of [yield* failure(signed), yield* failure(waits), yield* failure(later)])
        expect(each).toMatchObject({ _tag: "TransportError", reason: "connect" })
      expect(yield* eventOf(channel, "Ended")).toMatchObject({ error: { detail: "nothing listens" } })
      expect(yield* Effect.flip(channel.ping)).toMatchObject({ _tag: "TransportError" })
    })
  )

  it.scoped("every return begins the schedule anew", () =>
    Effect.gen(function* () {
      const { nodes, node, channel } = yield* opened("initiator", {
        reconnect: Schedule.intersect(at(1000), Schedule.recurs(1))
      })
      let current = node
      for (const number of [2, 3, 4]) {
        yield* current.close(lost)
        yield* settle
        yield* TestClock.adjust("1 seconds")
        current = yield* nodes.at(number)
        yield* showsFirst(current)
        yield* Stream.runHead(Stream.filter(channel.status.changes, ({ connected }) => connected))
      }
    })
  )

  it.scoped("a node that says nothing, or closes at once, was not reached", () =>
    Effect.gen(function* () {
      const { nodes, node, channel } = yield* opened("initiator", {
        reconnect: at(1000),
        requestTimeout: "5 seconds"
      })
      yield* node.close(lost)
      yield* settle
      yield* TestClock.adjust("1 seconds")
      yield* nodes.at(2)
      yield* TestClock.adjust("6 seconds")
      yield* (yield* nodes.at(3)).close(closedByNode)
      yield* settle
      yield* TestClock.adjust("1 seconds")
      yield* showsFirst(yield* nodes.at(4))
      yield* eventOf(channel, "Reconnected")
    })
  )

  it.scoped("a node that refuses is not asked again", () =>
    Effect.gen(function* () {
      const { nodes, node, channel } = yield* opened("initiator", { reconnect: at(1000) })
      yield* node.close(lost)
      yield* settle
      yield* TestClock.adjust("1 seconds")
      const next = yield* nodes.at(2)
      next.raw(
        `{"jsonrpc":"2.0","version":1,"id":null,"channel_id":null,"error":{"code":3,"message":"Rejected","data":[{"code":1016,"message":"Invalid fsm id"}],"request":{}}}`
      )
      const { error } = yield* eventOf(channel, "Ended")
      expect(error.detail).toContain("1016")
      yield* TestClock.adjust("1 minute")
      expect(nodes.attempts).toBe(2)
    })
  )

  it.scoped("a channel whose machine has ended, or that nobody wants any more, is left alone", () =>
    Effect.gen(function* () {
      for (const end of ["died", "leave"] as const) {
        const { nodes, node, channel } = yield* opened("initiator", { reconnect: at(1000) })
        if (end === "died") node.info("died")
        else {
          yield* Effect.fork(channel.leave)
          yield* node.expect("leave")
        }
        yield* node.close(closedByNode)
        yield* eventOf(channel, "Ended")
        yield* TestClock.adjust("1 minute")
        expect(nodes.attempts).toBe(1)
      }
    })
  )
})

describe("what was under way", () => {
  it.scoped("messages fail, whether they arrived is not known; questions and operations of later wait", () =>
    Effect.gen(function* () {
      const { nodes, node, channel } = yield* opened("initiator", { reconnect: at(1000) })
      const message = yield* Effect.fork(channel.sendMessage("hello"))
      yield* node.expect("message")
      yield* node.close(lost)
      expect(yield* failure(message)).toMatchObject({
        _tag: "TransportError",
        reason: "connection_lost",
        operation: "message"
      })
      const ping = yield* Effect.fork(channel.ping)
      const transfer = yield* Effect.fork(channel.transfer({ amount: 5n }))
      yield* settle
      yield* TestClock.adjust("1 seconds")
      const next = yield* nodes.at(2)
      yield* showsFirst(next)
      next.reply(yield* next.expect("system"), { action: "system", tag: "pong" })
      yield* Fiber.join(ping)
      yield* next.expect("update.new")
      askUpdate(next)
      yield* next.expect("update")
      next.say({ _tag: "StateUpdate", state: second })
      expect(yield* Fiber.join(transfer)).toMatchObject({ round: 2 })
    })
  )

  it.scoped("an operation that was not signed begins anew; one whose caller is gone does not", () =>
    Effect.gen(function* () {
      const { nodes, node, channel } = yield* opened("initiator", { reconnect: at(1000) })
      const gone = yield* Effect.fork(channel.transfer({ amount: 7n }))
      const stays = yield* Effect.fork(channel.transfer({ amount: 5n }))
      yield* node.expect("update.new")
      yield* node.close(lost)
      yield* settle
      yield* Fiber.interrupt(gone)
      yield* TestClock.adjust("1 seconds")
      const next = yield* nodes.at(2)
      yield* showsFirst(next)
      yield* next.expect("update.new")
      askUpdate(next)
      yield* next.expect("update")
      next.say({ _tag: "StateUpdate", state: second })
      expect(yield* Fiber.join(stays)).toMatchObject({ round: 2, balances: { initiator: 9n * coin - 5n } })
    })
  )

  /** A transfer with our signature, and a connection that is lost then. */
  const signed = Effect.gen(function* () {
    const world = yield* opened("initiator", { reconnect: at(1000) })
    const transfer = yield* Effect.fork(world.channel.transfer({ amount: 5n }))
    yield* world.node.expect("update.new")
    askUpdate(world.node)
    const answer = yield* world.node.expect("update")
    yield* world.node.close(lost)
    yield* settle
    yield* TestClock.adjust("1 seconds")
    return { ...world, transfer, answer, next: yield* world.nodes.at(2) }
  })

  it.scoped("a signed operation that was completed ends well", () =>
    Effect.gen(function* () {
      const { next, transfer } = yield* signed
      up(next, 1)
      const trees = treesAfter(five, 2)
      holds(next, (yield* asked(next)).question, second, trees)
      expect(yield* Fiber.join(transfer)).toMatchObject({ round: 2 })
      expect(next.signedSince(0)).toBe(false)
    })
  )

  it.scoped("one that the node waits for the peer with goes on waiting, and is not sent again", () =>
    Effect.gen(function* () {
      const { next, transfer } = yield* signed
      up(next, 1)
      const half = signedBy(body(five), [initiator])
      holds(next, (yield* asked(next)).question, first, initialTrees, half)
      const { question, before } = yield* asked(next)
      refuseAll(next, before)
      holds(next, question, first, initialTrees, half)
      yield* settle
      expect(next.signedSince(0)).toBe(false)
      next.conflict(777, 1)
      expect(yield* failure(transfer)).toMatchObject({ _tag: "UserDefinedError", code: 777 })
    })
  )

  it.scoped("one that the node has let go of fails, and the turn is free", () =>
    Effect.gen(function* () {
      const { channel, next, transfer } = yield* signed
      yield* showsFirst(next)
      const error = yield* failure(transfer)
      expect(error).toMatchObject({
        _tag: "TransportError",
        reason: "connection_lost",
        operation: "transfer"
      })
      expect(error.message).toContain("both parties are at round 1")
      yield* Effect.fork(channel.transfer({ amount: 1n }))
      yield* next.expect("update.new")
    })
  )

  it.scoped("a new machine knows nothing of it", () =>
    Effect.gen(function* () {
      const { channel, next, transfer } = yield* signed
      up(next, 2)
      next.info("channel_reestablished")
      next.info("open")
      next.say({ _tag: "StateUpdate", state: first })
      const { question, before } = yield* asked(next)
      expect(before).toEqual([])
      holds(next, question, first, initialTrees)
      expect(yield* failure(transfer)).toMatchObject({ _tag: "TransportError", reason: "connection_lost" })
      expect(yield* eventOf(channel, "Reconnected")).toMatchObject({ isNewMachine: true })
      expect(yield* channel.fsmId).toEqual(fsmId(2))
    })
  )

  it.scoped("I7: a node that is ahead of us freezes the channel, and the operation fails with it", () =>
    Effect.gen(function* () {
      const { channel, next, transfer } = yield* signed
      const six = paying(6n)
      const other = signedBy(body(six), both)
      up(next, 1)
      holds(next, (yield* asked(next)).question, other, treesAfter(six, 2))
      const { question, before } = yield* asked(next)
      refuseAll(next, before)
      holds(next, question, other, treesAfter(six, 2))
      expect(yield* failure(transfer)).toMatchObject({ _tag: "StoreError", reason: "state_lost" })
      expect((yield* channel.status.get).frozen).toContain("round 2")
    })
  )
})

describe("I14: nothing of one session reaches another", () => {
  it.scoped("frames that could not be sent are not sent on the next connection", () =>
    Effect.gen(function* () {
      const { channel, nodes, node } = yield* opened("initiator", { reconnect: at(1000) })
      nodes.stuck = true
      const messages = yield* Effect.all([
        Effect.fork(channel.sendMessage("one")),
        Effect.fork(channel.sendMessage("two"))
      ])
      yield* settle
      nodes.stuck = false
      yield* node.close(lost)
      for (const message of messages)
        expect(yield* failure(message)).toMatchObject({ _tag: "TransportError", operation: "message" })
      yield* TestClock.adjust("1 seconds")
      const next = yield* nodes.at(2)
      yield* showsFirst(next)
      yield* eventOf(channel, "Reconnected")
      yield* settle
      expect([...node.methods, ...next.methods]).not.toContain("channels.message")
    })
  )

  it.scoped("frames that come late on the old connection are not heard", () =>
    Effect.gen(function* () {
      const { channel, nodes, node } = yield* opened("initiator", { reconnect: at(1000) })
      const again = yield* Effect.fork(channel.reconnect)
      const next = yield* nodes.at(2)
      // A proposal to which only the old session's answer would belong.
      node.info("update")
      node.ask("update_ack", signedBy(body(five), [responder]), five)
      yield* showsFirst(next)
      yield* Fiber.join(again)
      yield* settle
      expect(next.signedSince(0)).toBe(false)
      expect(node.signedSince(0)).toBe(true)
      expect(node.methods).toEqual(["channels.initiator_sign"])
    })
  )
})

describe("Channel.reconnect", () => {
  it.scoped("makes a new connection without a schedule, and at once with one", () =>
    Effect.gen(function* () {
      const { channel, nodes } = yield* opened("initiator")
      const again = yield* Effect.fork(channel.reconnect)
      yield* showsFirst(yield* nodes.at(2))
      yield* Fiber.join(again)
      expect(yield* channel.status.get).toMatchObject({ connected: true })

      const scheduled = yield* opened("responder", { reconnect: at(1_000_000) })
      yield* scheduled.node.close(lost)
      yield* settle
      const now = yield* Effect.fork(scheduled.channel.reconnect)
      yield* showsFirst(yield* scheduled.nodes.at(2))
      yield* Fiber.join(now)
    })
  )

  it.scoped("fails with what the attempt failed with; without a schedule that is the end", () =>
    Effect.gen(function* () {
      const { channel, nodes } = yield* opened("initiator")
      nodes.refuses = true
      expect(yield* Effect.flip(channel.reconnect)).toMatchObject({
        _tag: "TransportError",
        reason: "connect"
      })
      expect((yield* channel.status.get).phase).toBe("ended")
      expect(yield* Effect.flip(channel.reconnect)).toMatchObject({ _tag: "TransportError" })
    })
  )

  it.scopedLive("on a real node: in both roles, again and again", () =>
    Effect.gen(function* () {
      const parties = yield* returners
      const [one, two] = yield* Effect.all([parties.initiator.open(), parties.responder.open()], {
        concurrency: 2
      })
      const reaches = (channel: Channel, round: number) =>
        Stream.runHead(Stream.filter(channel.latest.changes, (state) => state.round >= round))
      for (let round = 2; round < 10; round += 2) {
        yield* one.reconnect
        yield* two.transfer({ amount: 1n })
        yield* reaches(one, round)
        yield* Effect.all([one.reconnect, two.reconnect], { concurrency: 2 })
        expect(yield* one.transfer({ amount: 1n })).toMatchObject({ round: round + 1 })
        yield* reaches(two, round + 1)
      }
    }).pipe(Effect.provide(layer()))
  )
})
