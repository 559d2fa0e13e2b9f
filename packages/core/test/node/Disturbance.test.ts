/** A node's network and time on request: frames and peer messages held up, lost and doubled; time that jumps. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import { channelIdOf, connect, disconnect, openQuietly } from "../support/OpenedChannel.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import { initiator, layer, query, responder } from "../support/NodeUnderTest.js"
import type * as RawClient from "../support/RawClient.js"

const idOf = (client: RawClient.RawClient) => ApiEncoding.parseOrThrow("ch", channelIdOf(client))

const pay = (client: RawClient.RawClient, amount = 1) =>
  client.send("update.new", { from: initiator.address, to: responder.address, amount })

const settle = TestClock.adjust("100 millis")

/** Both ends of a channel, whose clients read and sign all the time. */
const opened = Effect.gen(function* () {
  const pair = yield* openQuietly()
  for (const client of [pair.i, pair.r]) yield* Effect.forkScoped(client.end)
  yield* settle
  return { ...pair, node: yield* ChannelNode.ChannelNode, id: idOf(pair.i) }
})

const names = (client: RawClient.RawClient, after: number) => client.names.slice(after)

describe("frames to a client", () => {
  it.effect("come later, in order, and at once again when it is healed", () =>
    Effect.gen(function* () {
      const { i, r, node, id } = yield* opened
      expect(yield* node.disturb(id, { way: "to_client", role: "initiator", delay: 1000 })).toBe(1)
      const before = [i.names.length, r.names.length]
      yield* i.send("get.balances", { accounts: [initiator.address] }, 1)
      yield* i.send("get.balances", { accounts: [initiator.address] }, 2)
      yield* settle
      expect(i.names.length).toBe(before[0])
      yield* TestClock.adjust("900 millis")
      expect(names(i, before[0] ?? 0).length).toBe(2)
      yield* node.disturb(id, { way: "to_client" })
      yield* i.send("get.balances", { accounts: [initiator.address] }, 1)
      yield* settle
      expect(names(i, before[0] ?? 0).length).toBe(3)
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("are lost, and come twice, as many as were named", () =>
    Effect.gen(function* () {
      const { i, node, id } = yield* opened
      yield* node.disturb(id, { way: "to_client", role: "initiator", drop: 2, duplicate: 1 })
      const before = i.names.length
      for (let n = 0; n < 4; n++) yield* i.send("get.balances", { accounts: [initiator.address] }, n)
      yield* settle
      // Of four answers two are lost, the third comes twice.
      expect(i.names.length - before).toBe(3)
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )
})

describe("frames of a client", () => {
  it.effect("are lost on their way: the node knows of nothing", () =>
    Effect.gen(function* () {
      const { i, r, node, id } = yield* opened
      yield* node.disturb(id, { way: "from_client", role: "initiator", drop: 1 })
      const before = [i.names.length, r.names.length]
      yield* pay(i)
      yield* settle
      expect([i.names.length, r.names.length]).toEqual(before)
      expect((yield* node.channels).map(({ fsmState }) => fsmState)).toEqual(["open", "open"])
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("that were under way arrive before the end of the socket", () =>
    Effect.gen(function* () {
      const { i, r, node, id } = yield* opened
      yield* node.disturb(id, { way: "from_client", role: "initiator", delay: 50 })
      yield* i.send("leave")
      yield* disconnect(i)
      expect((yield* node.channels).find(({ role }) => role === "initiator")?.clientConnected).toBe(true)
      expect(r.names).not.toContain("leave")
      yield* settle
      expect(r.names).toContain("leave")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )
})

describe("the link", () => {
  it.effect("that loses a proposal leaves the peer without it, and the round is given up in time", () =>
    Effect.gen(function* () {
      const { i, r, node, id } = yield* opened
      yield* node.disturb(id, { way: "link", role: "responder", drop: 1 })
      const before = r.names.length
      yield* pay(i)
      yield* settle
      expect(names(r, before)).toEqual([])
      expect((yield* node.channels).map(({ round }) => round)).toEqual([1, 1])
      yield* node.travel("3 minutes")
      yield* settle
      expect((yield* node.channels).map(({ fsmState }) => fsmState)).not.toContain("awaiting_update_ack")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("that is slow holds a round up, and no longer", () =>
    Effect.gen(function* () {
      const { i, node, id } = yield* opened
      expect(yield* node.disturb(id, { way: "link", delay: 5000 })).toBe(2)
      yield* pay(i)
      yield* settle
      expect((yield* node.channels).map(({ round }) => round)).toEqual([1, 1])
      yield* TestClock.adjust("11 seconds")
      yield* settle
      expect((yield* node.channels).map(({ round }) => round)).toEqual([2, 2])
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("of a channel that nobody knows is not there to disturb", () =>
    Effect.gen(function* () {
      const { node } = yield* opened
      const other = ApiEncoding.encode("ch", new Uint8Array(32))
      for (const way of ["to_client", "from_client", "link"] as const)
        expect(yield* node.disturb(other, { way, drop: 1 })).toBe(0)
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )
})

describe("time travel", () => {
  it.effect("ends what has waited long enough, before it returns", () =>
    Effect.gen(function* () {
      const { i, node } = { ...(yield* openQuietly()), node: yield* ChannelNode.ChannelNode }
      // Nobody reads for this client: it is asked for a signature and does not answer.
      yield* pay(i)
      expect((yield* node.channels).map(({ fsmState }) => fsmState)).toContain("awaiting_signature")
      yield* node.travel("1 hour")
      expect((yield* node.channels).map(({ fsmState }) => fsmState)).not.toContain("awaiting_signature")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("dates the next blocks", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode.ChannelNode
      yield* node.mine(1)
      const before = (yield* node.ledger).top.timeMs
      yield* node.travel("1 day")
      yield* node.mine(1)
      expect((yield* node.ledger).top.timeMs - before).toBeGreaterThanOrEqual(86_400_000)
    }).pipe(Effect.provide(layer()))
  )
})

describe("an observer", () => {
  it.effect("hears of open sockets, of each frame once, and of nothing when it has gone", () =>
    Effect.gen(function* () {
      const { i, node } = yield* opened
      const heard: Array<string> = []
      const listening = yield* Effect.fork(
        Effect.scoped(
          Effect.zipRight(
            node.observe((traffic) => void heard.push(`${traffic.socket} ${traffic._tag}`)),
            Effect.never
          )
        )
      )
      yield* settle
      expect(heard).toEqual(["1 Opened", "2 Opened"])
      yield* i.send("get.balances", { accounts: [initiator.address] }, 1)
      yield* settle
      expect(heard.slice(2)).toEqual(["2 Received", "2 Sent"])
      yield* disconnect(i)
      yield* settle
      expect(heard.filter((line) => line === "2 Closed").length).toBe(1)
      const count = heard.length
      yield* Fiber.interrupt(listening)
      yield* connect(query("responder", { port: 5555 }), responder)
      expect(heard.length).toBe(count)
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )
})
