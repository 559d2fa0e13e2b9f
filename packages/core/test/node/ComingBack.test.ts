import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import { ChannelNode } from "../../src/node/ChannelNode.js"
import { coin, initiator, layer, responder } from "../support/NodeUnderTest.js"
import {
  channelIdOf,
  comeBack,
  connect,
  disconnect,
  fsmIdOf,
  openQuietly,
  outcome,
  returnQuery
} from "../support/OpenedChannel.js"
import * as RawClient from "../support/RawClient.js"

const wrongId = ApiEncoding.encode("ba", new Uint8Array(32).fill(7))

const invalidId = {
  frames: [
    {
      jsonrpc: "2.0",
      version: 1,
      id: null,
      channel_id: null,
      error: { code: 3, message: "Rejected", data: [{ code: 1016, message: "Invalid fsm id" }], request: {} }
    }
  ],
  code: 1000
}
const letGo = { frames: [], code: 1000 }

/** The first report of a connection, with the id in it. */
const up = (client: RawClient.RawClient) =>
  Effect.map(client.until("info fsm_up"), (frame) => RawClient.at(frame, "params", "data", "fsm_id"))

const balances = (client: RawClient.RawClient) =>
  Effect.gen(function* () {
    yield* client.send("get.balances", { accounts: [initiator.address, responder.address] }, "b")
    const result = RawClient.at(yield* client.until("result"), "result")
    return Array.isArray(result) ? result.map((row) => RawClient.at(row, "balance")) : result
  })

const transfer = (from: RawClient.RawClient, to: RawClient.RawClient, amount: bigint) =>
  Effect.gen(function* () {
    yield* from.send("update.new", {
      from: from.keyPair.address,
      to: to.keyPair.address,
      amount
    })
    yield* Effect.all([from.until("update"), to.until("update")], { concurrency: "unbounded" })
  })

/** Both leave, and their sockets are closed. */
const leave = (i: RawClient.RawClient, r: RawClient.RawClient) =>
  Effect.gen(function* () {
    const left = yield* Effect.fork(Effect.all([i.end, r.until("leave")], { concurrency: "unbounded" }))
    yield* i.send("leave")
    yield* TestClock.adjust("5 millis")
    yield* Fiber.join(left)
  })

/** The responder stops too, which would stay otherwise. */
const stop = (client: RawClient.RawClient) =>
  Effect.gen(function* () {
    yield* client.send("system", { action: "stop" })
    yield* outcome(client)
  })

describe("a client comes back to its machine", () => {
  for (const role of ["initiator", "responder"] as const)
    it.scoped(`${role}: hears fsm_up with the same id and nothing it has missed`, () =>
      Effect.gen(function* () {
        const clients = yield* openQuietly()
        const [own, other] = role === "initiator" ? [clients.i, clients.r] : [clients.r, clients.i]
        yield* disconnect(own)
        yield* other.send("message", { to: own.keyPair.address, info: "nobody hears this" })
        const back = yield* comeBack(role, own)
        expect(yield* up(back)).toBe(fsmIdOf(own))
        expect(channelIdOf(back)).toBe(channelIdOf(own))
        yield* other.send("message", { to: own.keyPair.address, info: "but this" })
        expect(RawClient.at(yield* back.until("message"), "params", "data", "message", "info")).toBe(
          "but this"
        )
        yield* transfer(back, other, coin)
        expect(back.names).toEqual(["info fsm_up", "message", "sign.update", "update"])
      }).pipe(Effect.provide(layer()))
    )

  it.scoped("a request for a signature waits for the client that comes back", () =>
    Effect.gen(function* () {
      const { i, r } = yield* openQuietly()
      yield* i.send("update.new", { from: initiator.address, to: responder.address, amount: coin })
      yield* i.until("sign.update")
      let request = yield* r.next
      while (RawClient.name(request) !== "sign.update_ack") request = yield* r.next
      yield* disconnect(r)
      const back = yield* comeBack("responder", r)
      yield* up(back)
      yield* back.sign(request)
      yield* Effect.all([i.until("update"), back.until("update")])
      expect(back.names).toEqual(["info fsm_up", "update"])
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("takes the place of one that has said something, which is cut off", () =>
    Effect.gen(function* () {
      const { i, r } = yield* openQuietly()
      const second = yield* comeBack("initiator", i)
      const end = yield* i.end
      expect([end.reason, end.closeCode]).toEqual(["connection_lost", 1006])
      expect(yield* up(second)).toBe(fsmIdOf(i))

      // The second has not said anything yet: a third one is let go.
      expect(yield* outcome(yield* comeBack("initiator", i))).toEqual(letGo)
      yield* transfer(second, r, coin)
      const third = yield* comeBack("initiator", i)
      expect((yield* second.end).closeCode).toBe(1006)
      yield* up(third)
      yield* transfer(r, third, coin)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("needs the id, whether or not a client is there", () =>
    Effect.gen(function* () {
      const { i, r } = yield* openQuietly()
      const wrong = [wrongId, fsmIdOf(r)]
      for (const id of wrong) expect(yield* outcome(yield* comeBack("initiator", i, id))).toEqual(invalidId)
      yield* disconnect(i)
      for (const id of wrong) expect(yield* outcome(yield* comeBack("initiator", i, id))).toEqual(invalidId)
      yield* up(yield* comeBack("initiator", i))
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("answers to the calls of the client before it are for nobody", () =>
    Effect.gen(function* () {
      const { i, r } = yield* openQuietly()
      yield* i.send("update.new", { from: initiator.address, to: responder.address, amount: coin })
      let frame = yield* i.next
      while (RawClient.name(frame) !== "sign.update") frame = yield* i.next
      // Leaving waits for the end of the update.
      yield* i.send("leave", {}, "late")
      const back = yield* comeBack("initiator", i)
      yield* up(back)
      yield* back.sign(frame)
      yield* Effect.all([back.until("leave"), r.until("leave")], { concurrency: "unbounded" })
      expect(back.names).not.toContain("result")
    }).pipe(Effect.provide(layer()))
  )
})

describe("a client comes back to its channel", () => {
  it.scoped("after both have left: with new ids, and with the state they had", () =>
    Effect.gen(function* () {
      const { i, r } = yield* openQuietly()
      yield* transfer(i, r, coin)
      yield* leave(i, r)
      yield* stop(r)
      const backR = yield* comeBack("responder", r)
      const idR = yield* up(backR)
      const backI = yield* comeBack("initiator", i)
      const idI = yield* up(backI)
      yield* Effect.all([backI.until("update"), backR.until("update")], { concurrency: "unbounded" })
      const expected = ["info fsm_up", "info channel_reestablished", "info open", "update"]
      expect(backI.names).toEqual(expected)
      expect(backR.names).toEqual(expected)
      expect(new Set([idI, idR, fsmIdOf(i), fsmIdOf(r)]).size).toBe(4)
      expect(yield* balances(backI)).toEqual([8n * coin, 7n * coin])
      yield* transfer(backR, backI, 2n * coin)
      expect(yield* balances(backR)).toEqual([10n * coin, 5n * coin])

      // The ids before are dead, the new ones bring back.
      expect(yield* outcome(yield* comeBack("initiator", i))).toEqual(invalidId)
      expect(yield* outcome(yield* comeBack("responder", r))).toEqual(invalidId)
      yield* disconnect(backI)
      expect(yield* up(yield* comeBack("initiator", backI))).toBe(idI)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("the initiator first: it waits for its responder", () =>
    Effect.gen(function* () {
      const { i, r } = yield* openQuietly()
      yield* leave(i, r)
      yield* stop(r)
      const backI = yield* comeBack("initiator", i)
      yield* up(backI)
      yield* TestClock.adjust("10 seconds")
      const backR = yield* comeBack("responder", r)
      yield* Effect.all([backI.until("update"), backR.until("update")], { concurrency: "unbounded" })
      yield* transfer(backI, backR, coin)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("the initiator alone, until its timer runs out; and once more", () =>
    Effect.gen(function* () {
      const { i, r } = yield* openQuietly()
      yield* leave(i, r)
      yield* stop(r)
      const alone = yield* comeBack("initiator", i)
      const end = yield* Effect.fork(alone.end)
      yield* TestClock.adjust("3 minutes")
      yield* Fiber.join(end)
      expect(alone.names).toEqual(["info fsm_up", "info timeout", "info died"])
      // Its id has been replaced by the one it was told.
      yield* up(yield* comeBack("initiator", alone))
    }).pipe(Effect.provide(layer()))
  )

  for (const present of [true, false])
    it.scoped(`the responder stayed ${present ? "with" : "without"} its client: it is joined as it is`, () =>
      Effect.gen(function* () {
        const { i, r } = yield* openQuietly()
        if (!present) yield* disconnect(r)
        yield* i.send("leave")
        const end = yield* Effect.fork(i.end)
        yield* TestClock.adjust("5 millis")
        yield* Fiber.join(end)
        const before = r.names.length
        const back = yield* comeBack("initiator", i)
        yield* back.until("update")
        if (present) {
          yield* r.until("update")
          expect(r.names.slice(before)).toEqual([
            "leave",
            "info peer_disconnected",
            "info channel_reestablished",
            "info open",
            "update"
          ])
        }
        const other = present ? r : yield* comeBack("responder", r)
        if (!present) expect(yield* up(other)).toBe(fsmIdOf(r))
        yield* transfer(other, back, coin)
      }).pipe(Effect.provide(layer()))
    )

  it.scoped("a lost fsm_up does not lock it out: the id it came with counts until it speaks", () =>
    Effect.gen(function* () {
      const { i, r } = yield* openQuietly()
      yield* leave(i, r)
      yield* stop(r)
      // The machine ends with the socket, as long as its peer is not there.
      const deaf = yield* comeBack("responder", r)
      yield* disconnect(deaf)
      const again = yield* comeBack("responder", r)
      const id = yield* up(again)
      // Here it runs on: the client may have got the first id or not.
      const backI = yield* comeBack("initiator", i)
      yield* Effect.all([backI.until("update"), again.until("update")], { concurrency: "unbounded" })
      yield* disconnect(again)
      const third = yield* comeBack("responder", r)
      expect(yield* up(third)).toBe(id)
      // To this client the machine is new: it is told where it stands.
      yield* third.until("update")
      yield* transfer(third, backI, coin)
      expect(yield* outcome(yield* comeBack("responder", r))).toEqual(invalidId)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("a broken link ends the initiator's machine; the responder's waits for it", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode
      const { i, r } = yield* openQuietly()
      yield* node.breakLinks
      yield* r.until("info peer_disconnected")
      yield* TestClock.adjust("5 millis")
      expect((yield* i.end).closeCode).toBe(1000)
      const back = yield* comeBack("initiator", i)
      yield* Effect.all([back.until("update"), r.until("update")], { concurrency: "unbounded" })
      yield* transfer(r, back, coin)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("needs the id, and a channel on chain", () =>
    Effect.gen(function* () {
      const { i, r } = yield* openQuietly()
      yield* leave(i, r)
      yield* stop(r)
      for (const id of [wrongId, fsmIdOf(r)])
        expect(yield* outcome(yield* comeBack("initiator", i, id))).toEqual(invalidId)
      const unknown = ApiEncoding.encode("ch", new Uint8Array(32))
      const client = yield* connect(returnQuery("initiator", unknown, fsmIdOf(i)), initiator)
      expect(yield* outcome(client)).toEqual(letGo)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("of the two that come at once one gets it", () =>
    Effect.gen(function* () {
      const { i, r } = yield* openQuietly()
      yield* leave(i, r)
      yield* stop(r)
      const first = yield* comeBack("initiator", i)
      yield* up(first)
      // Not a second machine: the first one is not left yet.
      expect(yield* outcome(yield* comeBack("initiator", i))).toEqual(letGo)
      expect(yield* outcome(yield* comeBack("initiator", i, wrongId))).toEqual(invalidId)
      const backR = yield* comeBack("responder", r)
      yield* Effect.all([first.until("update"), backR.until("update")], { concurrency: "unbounded" })
    }).pipe(Effect.provide(layer()))
  )

  for (const [depth, isKept] of [
    [3, true],
    [4, false]
  ] as const)
    it.scoped(
      `with its end ${depth} key blocks deep what was kept is ${isKept ? "still there" : "gone"}`,
      () =>
        Effect.gen(function* () {
          const node = yield* ChannelNode
          const { i, r } = yield* openQuietly()
          yield* node.auto(false)
          yield* node.mine(1)
          yield* i.send("shutdown")
          yield* Effect.all([i.until("info closing"), r.until("info closing")], { concurrency: "unbounded" })
          yield* node.mineMicro
          yield* Effect.all([i.until("on_chain_tx channel_closed"), r.until("on_chain_tx channel_closed")])
          yield* stop(i)
          yield* stop(r)
          yield* node.mine(depth)
          // Another chain, on which the channel is open.
          yield* node.fork(depth + 1, { returnTransactions: false })
          const back = yield* comeBack("initiator", i)
          if (isKept) yield* up(back)
          else expect(yield* outcome(back)).toEqual(letGo)
        }).pipe(Effect.provide(layer()))
    )
})
