import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, LogLevel, Logger, Scope, TestClock } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import type { CryptoService } from "../../src/crypto/Crypto.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Json from "../../src/encoding/Json.js"
import { ChannelNode } from "../../src/node/ChannelNode.js"
import * as Ledger from "../../src/node/Ledger.js"
import {
  coin,
  initiator,
  layer,
  layerNode,
  ledger,
  networkId,
  other,
  query,
  responder
} from "../support/NodeUnderTest.js"
import { connect, openQuietly } from "../support/OpenedChannel.js"
import * as RawClient from "../support/RawClient.js"
import * as TestCrypto from "../support/TestCrypto.js"

const openedByInitiator = [
  "info fsm_up",
  "info channel_accept",
  "sign.initiator_sign",
  "info funding_signed",
  "on_chain_tx funding_signed",
  "on_chain_tx channel_changed",
  "info own_funding_locked",
  "info funding_locked",
  "info open",
  "update"
]
const openedByResponder = [
  "info fsm_up",
  "info channel_open",
  "info funding_created",
  "sign.responder_sign",
  "on_chain_tx funding_created",
  "on_chain_tx channel_changed",
  "info own_funding_locked",
  "info funding_locked",
  "info open",
  "update"
]

/** What came since the names were last taken. */
const since = (client: RawClient.RawClient, before: number) => client.names.slice(before)

describe("ChannelNode", () => {
  it.scoped("two clients open a channel, move coins and close it", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode
      const { i, r } = yield* openQuietly()
      expect(i.names).toEqual(openedByInitiator)
      expect(r.names).toEqual(openedByResponder)

      yield* i.send("update.new", { from: initiator.address, to: responder.address, amount: 2n * coin })
      yield* Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
      expect(since(i, openedByInitiator.length)).toEqual(["sign.update", "update"])
      expect(since(r, openedByResponder.length)).toEqual(["info update", "sign.update_ack", "update"])
      yield* i.send("get.balances", { accounts: [initiator.address, responder.address] }, "b")
      expect(RawClient.at(yield* i.next, "result")).toEqual([
        { account: initiator.address, balance: 7n * coin },
        { account: responder.address, balance: 8n * coin }
      ])

      const [beforeI, beforeR] = [i.names.length, r.names.length]
      yield* r.send("shutdown")
      const ends = yield* Effect.fork(Effect.all([i.end, r.end], { concurrency: "unbounded" }))
      yield* TestClock.adjust("4 millis")
      expect(ends.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      const [endI, endR] = yield* Fiber.join(ends)
      expect([endI.reason, endI.closeCode, endR.reason, endR.closeCode]).toEqual([
        "closed_by_node",
        1000,
        "closed_by_node",
        1000
      ])
      const closed = [
        "on_chain_tx close_mutual",
        "info closing",
        "on_chain_tx channel_closed",
        "info closed_confirmed",
        "info died"
      ]
      expect(since(i, beforeI)).toEqual(["info shutdown", "sign.shutdown_sign_ack", ...closed])
      expect(since(r, beforeR)).toEqual(["sign.shutdown_sign", ...closed])

      const chain = yield* node.ledger
      const paid = Ledger.balance(chain, initiator.address) + Ledger.balance(chain, responder.address)
      expect(paid + Ledger.collectedFees(chain)).toBe(2000n * coin)
      expect(Ledger.channels(chain)).toEqual([])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("two runs with the same seed are equal to the byte", () => {
    const session = Effect.scoped(
      Effect.gen(function* () {
        const { i, r } = yield* openQuietly()
        for (const [from, to] of [
          [initiator, responder],
          [responder, initiator]
        ] as const) {
          yield* i.send("update.new", { from: from.address, to: to.address, amount: 5 })
          yield* Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
        }
        yield* i.send("shutdown")
        const ends = yield* Effect.fork(Effect.all([i.end, r.end], { concurrency: "unbounded" }))
        yield* TestClock.adjust("5 millis")
        yield* Fiber.join(ends)
        return { i: i.texts, r: r.texts }
      })
    )
    const run = (seed: string) => Effect.provide(session, layer({}, TestCrypto.seededDouble(seed)))
    return Effect.gen(function* () {
      const first = yield* run("a")
      expect(first.i.length).toBeGreaterThan(15)
      expect(yield* run("a")).toEqual(first)
      expect(yield* run("b")).not.toEqual(first)
    })
  })

  describe("answers a query", () => {
    const absent = TestCrypto.keyPairOf("absent").address
    const without = (name: string, role: "initiator" | "responder" = "responder") =>
      query(role)
        .split("&")
        .filter((part) => !part.startsWith(`${name}=`))
        .join("&")
    const withValue = (name: string, value: string, role: "initiator" | "responder" = "responder") =>
      `${without(name, role)}&${name}=${value}`
    const refused = (code: number, message: string) => ({
      frames: [
        {
          jsonrpc: "2.0",
          version: 1,
          id: null,
          channel_id: null,
          error: { code: 3, message: "Rejected", data: [{ code, message }], request: {} }
        }
      ],
      code: 1000
    })
    const closed = { frames: [], code: 1000 }
    const channel = "ch_2aQa9uAdedV4cyoLitVsNVaT65pQo9UCLMsQ1gH4EafhpHdZq9"

    const cases: ReadonlyArray<
      readonly [string, string, { readonly frames: Json.Json; readonly code: number }]
    > = [
      ["no protocol", without("protocol"), closed],
      ["an unknown protocol", withValue("protocol", "xml"), { frames: [], code: 1011 }],
      ["a protocol of another dialect", withValue("protocol", "legacy"), { frames: [], code: 1011 }],
      ["no role", without("role"), closed],
      ["no port", without("port"), closed],
      ["no host at the initiator", without("host", "initiator"), closed],
      ["a broken account", withValue("initiator_id", "ak_nonsense"), closed],
      ["any as the initiator's own id", withValue("initiator_id", "any", "initiator"), closed],
      ["a lock period that is no number", withValue("lock_period", "ten"), closed],
      ["a negative minimum depth", withValue("minimum_depth", "-1"), closed],
      ["a port nobody can listen at", withValue("port", "65536"), closed],
      ["a negative reserve", withValue("channel_reserve", "-1"), refused(105, "Value too low")],
      [
        "a push above the amount",
        withValue("push_amount", String(11n * coin)),
        refused(105, "Value too low")
      ],
      ["an unknown account", withValue("initiator_id", absent), refused(1011, "Participant not found")],
      ["an unknown channel", `${query("responder")}&existing_channel_id=${channel}`, closed]
    ]
    it.scoped.each(cases)("with %s", ([, text, expected]) =>
      Effect.gen(function* () {
        const client = yield* connect(text, responder)
        const end = yield* Effect.fork(client.end)
        yield* TestClock.adjust("5 millis")
        const error = yield* Fiber.join(end)
        expect({
          frames: client.texts.map((frame) => Json.parseOrThrow(frame)),
          code: error.closeCode
        }).toEqual(expected)
      }).pipe(Effect.provide(layer()))
    )

    it.scoped("of a known channel with its fsm id missing or wrong", () =>
      Effect.gen(function* () {
        const { i, r } = yield* openQuietly()
        const id = String(RawClient.at(Json.parseOrThrow(i.texts.at(-1) ?? ""), "params", "channel_id"))
        const fsmId = (client: RawClient.RawClient) =>
          String(RawClient.at(Json.parseOrThrow(client.texts[0] ?? ""), "params", "data", "fsm_id"))
        const back = (role: "initiator" | "responder", given?: string) =>
          `${query(role)}&existing_channel_id=${id}${given === undefined ? "" : `&existing_fsm_id=${encodeURIComponent(given)}`}`
        const other = ApiEncoding.encode("ba", new Uint8Array(32).fill(7))
        for (const [text, expected] of [
          [back("initiator"), refused(2000, "Missing field: existing_fsm_id")],
          [back("initiator", "nonsense"), refused(1016, "Invalid fsm id")],
          [back("initiator", ApiEncoding.encode("ba", new Uint8Array(31))), refused(1016, "Invalid fsm id")],
          [back("initiator", other), refused(1016, "Invalid fsm id")],
          [back("responder", other), refused(1016, "Invalid fsm id")],
          [back("initiator", fsmId(r)), refused(1016, "Invalid fsm id")],
          [back("responder", fsmId(i)), refused(1016, "Invalid fsm id")]
        ] as const) {
          const client = yield* connect(text, initiator)
          const end = yield* Effect.fork(client.end)
          yield* TestClock.adjust("5 millis")
          const error = yield* Fiber.join(end)
          expect({
            frames: client.texts.map((frame) => Json.parseOrThrow(frame)),
            code: error.closeCode
          }).toEqual(expected)
        }
      }).pipe(Effect.provide(layer()))
    )

    it.scoped(
      "of a channel that waits for its first block: each end is known once its transaction is complete",
      () =>
        Effect.gen(function* () {
          const r = yield* connect(query("responder"), responder)
          const i = yield* connect(query("initiator"), initiator)
          const opening = yield* Effect.fork(
            Effect.all([i.until("info own_funding_locked"), r.until("info own_funding_locked")], {
              concurrency: "unbounded"
            })
          )
          yield* TestClock.adjust("10 millis")
          expect(i.names.at(-1)).toBe("on_chain_tx funding_signed")
          const id = String(RawClient.at(Json.parseOrThrow(i.texts.at(-1) ?? ""), "params", "channel_id"))
          const wrong = encodeURIComponent(ApiEncoding.encode("ba", new Uint8Array(32)))
          for (const role of ["initiator", "responder"] as const) {
            const back = `${query(role)}&existing_channel_id=${id}&existing_fsm_id=${wrong}`
            const client = yield* connect(back, initiator)
            expect(RawClient.at(yield* client.next, "error", "data")).toEqual([
              { code: 1016, message: "Invalid fsm id" }
            ])
          }
          yield* Fiber.interrupt(opening)
        }).pipe(Effect.provide(layer({ mining: { automatic: false } })))
    )

    it.scoped("of a channel whose machine has ended: without the right id", () =>
      Effect.gen(function* () {
        const { i, r } = yield* openQuietly()
        const id = String(RawClient.at(Json.parseOrThrow(i.texts.at(-1) ?? ""), "params", "channel_id"))
        yield* i.send("system", { action: "stop" })
        yield* r.until("info peer_disconnected")
        const wrong = encodeURIComponent(ApiEncoding.encode("ba", new Uint8Array(32)))
        const back = (role: string) =>
          `protocol=json-rpc&role=${role}&host=localhost&port=3333&existing_channel_id=${id}&existing_fsm_id=${wrong}`
        for (const [role, keyPair] of [
          ["initiator", initiator],
          ["responder", responder]
        ] as const) {
          const refusal = yield* (yield* connect(back(role), keyPair)).next
          expect(RawClient.at(refusal, "error", "data")).toEqual([{ code: 1016, message: "Invalid fsm id" }])
        }
      }).pipe(Effect.provide(layer()))
    )

    it.scoped("above the limit of channels with -32603 and no data", () =>
      Effect.gen(function* () {
        yield* connect(query("responder"), responder)
        yield* connect(query("responder"), responder)
        const third = yield* connect(query("responder"), responder)
        const refusal = yield* third.next
        expect(RawClient.at(refusal, "error", "code")).toBe(-32603)
        expect(RawClient.at(refusal, "error", "data")).toBeUndefined()
        const end = yield* Effect.fork(third.end)
        yield* TestClock.adjust("5 millis")
        expect((yield* Fiber.join(end)).closeCode).toBe(1000)
      }).pipe(Effect.provide(layer({ maxChannels: 1 })))
    )
  })

  describe("brings peers together", () => {
    it.scoped("when the responder comes later", () =>
      Effect.gen(function* () {
        const i = yield* connect(query("initiator"), initiator)
        yield* TestClock.adjust("100 seconds")
        const r = yield* connect(query("responder"), responder)
        const opened = yield* Effect.fork(
          Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("10 millis")
        yield* Fiber.join(opened)
        expect(i.names).toEqual(openedByInitiator)
      }).pipe(Effect.provide(layer()))
    )

    it.scoped("unless nobody comes before the accept timer", () =>
      Effect.gen(function* () {
        const i = yield* connect(query("initiator", { timeouts: { accept: 3000 } }), initiator)
        const end = yield* Effect.fork(i.end)
        yield* TestClock.adjust("2999 millis")
        expect(i.names).toEqual(["info fsm_up"])
        yield* TestClock.adjust("6 millis")
        expect((yield* Fiber.join(end)).closeCode).toBe(1000)
        expect(i.names).toEqual(["info fsm_up", "info timeout", "info died"])
      }).pipe(Effect.provide(layer()))
    )

    it.scoped("the one that named the initiator before one that takes anybody", () =>
      Effect.gen(function* () {
        const anybody = yield* connect(query("responder", { initiatorId: "any" }), responder)
        const exact = yield* connect(query("responder"), responder)
        const i = yield* connect(query("initiator"), initiator)
        const opened = yield* Effect.fork(
          Effect.all([i.until("update"), exact.until("update")], { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("10 millis")
        yield* Fiber.join(opened)
        expect(RawClient.name(yield* anybody.next)).toBe("info fsm_up")

        // The one that takes anybody is left for the next initiator.
        const second = yield* connect(query("initiator", { initiatorId: other.address }), other)
        const also = yield* Effect.fork(
          Effect.all([second.until("update"), anybody.until("update")], { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("10 millis")
        yield* Fiber.join(also)
        expect(anybody.names).toEqual(openedByResponder)
      }).pipe(Effect.provide(layer()))
    )

    it.scoped("and ends an initiator after half a second when those who listen are not its peer", () =>
      Effect.gen(function* () {
        const r = yield* connect(query("responder", { initiatorId: other.address }), responder)
        const i = yield* connect(query("initiator"), initiator)
        const end = yield* Effect.fork(i.end)
        yield* TestClock.adjust("499 millis")
        expect(i.names).toEqual(["info fsm_up"])
        yield* TestClock.adjust("6 millis")
        expect((yield* Fiber.join(end)).closeCode).toBe(1000)
        expect(i.names).toEqual(["info fsm_up", "info died"])

        // The responder goes on waiting, and is found by its peer.
        const peer = yield* connect(query("initiator", { initiatorId: other.address }), other)
        const opened = yield* Effect.fork(
          Effect.all([peer.until("update"), r.until("update")], { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("10 millis")
        yield* Fiber.join(opened)
      }).pipe(Effect.provide(layer()))
    )

    it.scoped("and tells the initiator of the acceptance not before the delay", () =>
      Effect.gen(function* () {
        yield* connect(query("responder"), responder)
        const i = yield* connect(query("initiator"), initiator)
        const accepted = yield* Effect.fork(i.until("info channel_accept"))
        yield* TestClock.adjust("19 millis")
        expect(i.names).toEqual(["info fsm_up"])
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(accepted)
      }).pipe(Effect.provide(layer({ acceptDelay: "20 millis" })))
    )
  })

  it.scoped(
    "a nonce that a channel of the same parties has used: nobody but the initiator is asked to sign",
    () =>
      Effect.gen(function* () {
        const first = yield* openQuietly()
        const [before, quiet] = [first.i.names.length, first.r.names.length]
        const changes = { port: 4444, nonce: 1n }
        const r = yield* connect(query("responder", changes), responder)
        const i = yield* connect(query("initiator", changes), initiator)
        const ends = yield* Effect.fork(Effect.all([i.end, r.end], { concurrency: "unbounded" }))
        yield* TestClock.adjust("20 millis")
        expect((yield* Fiber.join(ends)).map(({ closeCode }) => closeCode)).toEqual([1000, 1000])
        expect(i.names).toEqual(["info fsm_up", "info channel_accept", "sign.initiator_sign", "info died"])
        expect(r.names).toEqual(["info fsm_up", "info channel_open", "info died"])
        // The channel that has the nonce works on and has heard nothing.
        yield* first.i.send("update.new", { from: initiator.address, to: responder.address, amount: 1 })
        yield* Effect.all([first.i.until("update"), first.r.until("update")], { concurrency: "unbounded" })
        expect(since(first.i, before)).toEqual(["sign.update", "update"])
        expect(since(first.r, quiet)).toEqual(["info update", "sign.update_ack", "update"])
      }).pipe(Effect.provide(layer()))
  )

  it.scoped("two openings that take the same nonce at once: one channel opens, the other opening ends", () =>
    Effect.gen(function* () {
      const pair = Effect.fnUntraced(function* (port: number) {
        const r = yield* connect(query("responder", { port }), responder)
        const i = yield* connect(query("initiator", { port }), initiator)
        return { i, r }
      })
      const [a, b] = [yield* pair(1), yield* pair(2)]
      yield* TestClock.adjust("10 millis")
      const asked = yield* Effect.all(
        [a, b].map(({ i }) =>
          Effect.repeat(i.next, { until: (frame) => RawClient.name(frame).startsWith("sign.") })
        )
      )
      for (const [index, { i }] of [a, b].entries()) yield* i.sign(asked[index] ?? null)
      const opened = yield* Effect.fork(
        Effect.all([a.i.until("update"), a.r.until("update")], { concurrency: "unbounded" })
      )
      const ended = yield* Effect.fork(Effect.all([b.i.end, b.r.end], { concurrency: "unbounded" }))
      yield* TestClock.adjust("10 millis")
      yield* Fiber.join(opened)
      yield* Fiber.join(ended)
      expect(a.r.names).toEqual(openedByResponder)
      expect(b.i.names.at(-1)).toBe("info died")
      expect(b.r.names.at(-1)).toBe("info died")
      for (const { names } of [b.i, b.r])
        expect(names.some((each) => each.includes("channel_changed"))).toBe(false)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("answers a batch with one frame, before what its calls cause", () =>
    Effect.gen(function* () {
      const { i } = yield* openQuietly()
      const before = i.names.length
      const call = (id: number, method: string, params: Json.Json) => ({
        jsonrpc: "2.0",
        method: `channels.${method}`,
        params,
        id
      })
      yield* i.connection.send(
        Json.stringify([
          call(1, "update.new", { from: initiator.address, to: responder.address, amount: 1 }),
          call(2, "get.balances", { accounts: [initiator.address] }),
          call(3, "no.such.method", {})
        ])
      )
      const answers = yield* i.next
      expect(Array.isArray(answers) && answers.map((answer) => RawClient.at(answer, "id"))).toEqual([2, 3])
      expect(RawClient.name(yield* i.next)).toBe("sign.update")
      expect(i.names.length).toBe(before + 2)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("drops what is no request and goes on", () =>
    Effect.gen(function* () {
      const { i } = yield* openQuietly()
      for (const text of [
        "",
        "{",
        "[]",
        "1",
        "null",
        "{}",
        '{"jsonrpc":"2.0"}',
        "[".repeat(100_000),
        "\u0000"
      ])
        yield* i.connection.send(text)
      yield* i.send("system", { action: "ping" }, 7)
      expect(RawClient.at(yield* i.next, "id")).toBe(7)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("a machine that fails is stopped with 1011, and other channels do not notice", () => {
    let broken = false
    const crypto: CryptoService = {
      ...TestCrypto.seededDouble("node"),
      verify: (signature, message, publicKey) => {
        if (broken) throw new Error("the library broke")
        return TestCrypto.native.verify(signature, message, publicKey)
      }
    }
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === LogLevel.Error) lines.push(String(Array.isArray(message) ? message[0] : message))
    })
    return Effect.gen(function* () {
      const healthy = yield* openQuietly({ port: 1 })
      const { i, r } = yield* openQuietly(
        { port: 2, initiatorId: other.address },
        { initiator: other, responder }
      )
      yield* i.send("update.new", { from: other.address, to: responder.address, amount: 1 })
      const request = yield* i.next
      broken = true
      yield* i.sign(request)
      broken = false
      expect((yield* i.end).closeCode).toBe(1011)
      expect(RawClient.name(yield* r.next)).toBe("info peer_disconnected")
      expect(lines.length).toBe(1)
      expect(lines[0]).toContain("initiator")

      yield* healthy.i.send("update.new", { from: initiator.address, to: responder.address, amount: 1 })
      yield* Effect.all([healthy.i.until("update"), healthy.r.until("update")], { concurrency: "unbounded" })
    }).pipe(Effect.provide(layer({}, crypto)), Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })

  it.scoped("a client that goes away before its channel is safe takes its machine and its peer's along", () =>
    Effect.gen(function* () {
      const r = yield* connect(query("responder"), responder)
      const scope = yield* Scope.make()
      const i = yield* Scope.extend(connect(query("initiator"), initiator), scope)
      yield* TestClock.adjust("10 millis")
      expect(RawClient.name(yield* i.next)).toBe("info fsm_up")
      yield* Scope.close(scope, Exit.void)
      const end = yield* Effect.fork(r.end)
      yield* TestClock.adjust("5 millis")
      yield* Fiber.join(end)
      expect(r.names).toEqual(["info fsm_up", "info channel_open", "info died"])
    }).pipe(Effect.provide(layer()))
  )

  describe("makes blocks", () => {
    const height = Effect.flatMap(ChannelNode, (node) => Effect.map(node.ledger, ({ top }) => top.height))

    it.scoped("when it is told to", () =>
      Effect.gen(function* () {
        const node = yield* ChannelNode
        const r = yield* connect(query("responder"), responder)
        const i = yield* connect(query("initiator"), initiator)
        const opened = yield* Effect.fork(
          Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("10 millis")
        expect(i.names.at(-1)).toBe("on_chain_tx funding_signed")
        expect(yield* height).toBe(1)
        yield* node.mineMicro
        yield* TestClock.adjust(0)
        expect(i.names.at(-1)).toBe("on_chain_tx channel_changed")
        yield* node.mine(2)
        expect(opened.unsafePoll()).toBeNull()
        yield* node.mine(1)
        yield* Fiber.join(opened)
        expect(yield* height).toBe(4)
      }).pipe(Effect.provide(layer({ mining: { automatic: false } })))
    )

    it.scoped("as soon as a transaction waits, also one that waited before", () =>
      Effect.gen(function* () {
        const node = yield* ChannelNode
        const r = yield* connect(query("responder"), responder)
        const i = yield* connect(query("initiator"), initiator)
        const opened = yield* Effect.fork(
          Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("10 millis")
        expect(yield* height).toBe(1)
        yield* node.auto(true)
        yield* Fiber.join(opened)
        expect(yield* height).toBe(4)
      }).pipe(Effect.provide(layer({ mining: { automatic: false, keyBlocksAfter: 3 } })))
    )

    it.scoped("on an interval, until the scope closes", () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(layerNode({ mining: { interval: "10 seconds" } }), scope)
        const now = Effect.provide(height, context)
        expect(yield* now).toBe(1)
        yield* TestClock.adjust("9 seconds")
        expect(yield* now).toBe(1)
        yield* TestClock.adjust("21 seconds")
        expect(yield* now).toBe(4)
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("1 minute")
        expect(yield* now).toBe(4)
        expect([...(yield* TestClock.sleeps())]).toEqual([])
      })
    )
  })

  it.scoped("lets another chain take over, as far as this one goes", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode
      yield* node.mine(4)
      yield* node.fork(3)
      expect((yield* node.ledger).top.height).toBe(2)
      const error = yield* Effect.flip(node.fork(100))
      expect(error).toMatchObject({ _tag: "LedgerError", reason: "not_enough_blocks" })
      expect((yield* node.ledger).top.height).toBe(2)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("gives money, and refuses transactions by name", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode
      const poor = TestCrypto.keyPairOf("poor")
      yield* node.fund(poor.address, 5n)
      expect(Ledger.balance(yield* node.ledger, poor.address)).toBe(5n)
      expect(Ledger.balance(ledger, poor.address)).toBe(0n)

      const spend = (nonce: bigint) =>
        SignedTx.unsigned(
          Transaction.decodeOrThrow(
            Transaction.encode({
              _tag: "SpendTx",
              version: 1,
              senderId: initiator.address,
              recipientId: poor.address,
              amount: 1n,
              fee: 20_000_000_000_000n,
              ttl: 0,
              nonce,
              payload: new Uint8Array()
            })
          )
        )
      const unsigned = spend(1n)
      expect(yield* Effect.flip(node.submit(unsigned))).toMatchObject({
        _tag: "MempoolError",
        reason: "signature_check_failed"
      })
      const signed = SignedTx.sign(unsigned, initiator, { networkId, crypto: TestCrypto.native })
      expect(yield* node.submit(signed)).toBe(SignedTx.hash(signed))
      expect(Ledger.balance(yield* node.ledger, poor.address)).toBe(6n)
      expect(yield* Effect.flip(node.submit(signed))).toMatchObject({ reason: "already_accepted" })
    }).pipe(Effect.provide(layerNode()))
  )

  it.scoped(
    "a request between the machine's end and the socket's gets ok by its id, as from a real node",
    () =>
      Effect.gen(function* () {
        const { i, r } = yield* openQuietly()
        yield* r.send("system", { action: "stop" })
        yield* r.until("info died")
        yield* i.until("info died")
        yield* i.send("system", { action: "stop" }, 9)
        expect(yield* i.next).toMatchObject({ id: 9, result: "ok" })
        yield* i.send("update.new", { from: initiator.address, to: responder.address, amount: 1 })
        const ends = yield* Effect.fork(Effect.all([i.end, r.end]))
        yield* TestClock.adjust("300 millis")
        expect((yield* Fiber.join(ends)).map(({ closeCode }) => closeCode)).toEqual([1000, 1000])
        expect(i.names.at(-1)).toBe("result")
      }).pipe(Effect.provide(layer({ closeDelay: "300 millis" })))
  )

  it.effect("accepts nothing without a query", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode
      const said: Array<string | number> = []
      const link = {
        send: (text: string) => void said.push(text),
        close: (code: number) => void said.push(code),
        terminate: () => {}
      }
      for (const text of [undefined, ""]) {
        const session = yield* node.accept(text, link)
        yield* session.receive("[]")
        yield* session.closed
        yield* session.closed
      }
      expect(said).toEqual([1011, 1011])
    }).pipe(Effect.provide(layerNode()))
  )

  it.effect("takes a frame without a fiber, and leaves the log to whoever runs the rest", () => {
    const lines: Array<unknown> = []
    const log = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ message }) => lines.push(String(message)))
    )
    return Effect.gen(function* () {
      const node = yield* ChannelNode
      const said: Array<string> = []
      const link = { send: (text: string) => void said.push(text), close: () => {}, terminate: () => {} }
      const session = yield* node.accept(query("initiator"), link)
      expect(session.take?.('{"jsonrpc":"2.0","method":"channels.system","params":{"action":"ping"}}')).toBe(
        undefined
      )
      expect(said.at(-1)).toContain("pong")
      const rest = session.take?.("nonsense")
      expect(lines).toEqual([])
      yield* rest ?? Effect.void
      expect(lines).toEqual([expect.stringContaining("dropped")])
    }).pipe(Effect.provide(layerNode()), Effect.provide(log), Logger.withMinimumLogLevel(LogLevel.Debug))
  })
})
