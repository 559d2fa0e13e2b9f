/** The embedded node over real WebSockets: whole sessions, bad openings, and clients that misbehave. */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Json from "@aechannel/core/encoding/Json"
import type { KeyPair } from "@aechannel/core/crypto/KeyPair"
import { ChannelNode } from "@aechannel/core/node/ChannelNode"
import * as InMemoryTransport from "@aechannel/core/node/InMemoryTransport"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import WebSocket from "ws"
import {
  coin,
  initiator,
  layerNode,
  networkId,
  other,
  query,
  responder
} from "../../core/test/support/NodeUnderTest.js"
import * as RawClient from "../../core/test/support/RawClient.js"
import * as TestCrypto from "../../core/test/support/TestCrypto.js"

const connect = (text: string, keyPair: KeyPair) =>
  RawClient.connect(text, keyPair, TestCrypto.native, networkId)

const open = Effect.fnUntraced(function* (port: number) {
  const r = yield* connect(query("responder", { port }), responder)
  const i = yield* connect(query("initiator", { port }), initiator)
  yield* Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
  return { i, r }
})

const pay = (from: RawClient.RawClient, to: RawClient.RawClient, amount: bigint) =>
  Effect.zipRight(
    from.send("update.new", { from: from.keyPair.address, to: to.keyPair.address, amount }),
    Effect.all([from.until("update"), to.until("update")], { concurrency: "unbounded" })
  )

/** The node, its server, and the way to it. */
const layerWebSocket = Layer.unwrapEffect(
  Effect.map(NodeServer.NodeServer, ({ url }) => WebSocketTransport.layerNode({ url }))
).pipe(Layer.provideMerge(NodeServer.layer({ port: 0 })), Layer.provideMerge(layerNode()))

const layerMemory = Layer.provideMerge(InMemoryTransport.layer, layerNode())

const session = Effect.scoped(
  Effect.gen(function* () {
    const node = yield* ChannelNode
    const { i, r } = yield* open(1)
    yield* pay(i, r, 3n * coin)
    yield* pay(r, i, coin)
    yield* r.send("message", { to: initiator.address, info: "ready to close" })
    yield* i.until("message")
    yield* i.send("shutdown", {}, 1)
    const [endI, endR] = yield* Effect.all([i.end, r.end], { concurrency: "unbounded" })
    const chain = yield* node.ledger
    return {
      names: { i: i.names, r: r.names },
      frames: { i: i.texts.length, r: r.texts.length },
      ends: [endI, endR].map(({ closeCode, reason }) => ({ closeCode, reason })),
      balances: [initiator, responder].map(({ address }) => Ledger.balance(chain, address)),
      fees: Ledger.collectedFees(chain)
    }
  })
)

describe("the node over WebSockets", () => {
  it.live("serves a whole session, and the in-memory way gives the same", () =>
    Effect.gen(function* () {
      const overWebSocket = yield* Effect.provide(session, layerWebSocket)
      const inMemory = yield* Effect.provide(session, layerMemory)
      expect(overWebSocket).toEqual(inMemory)
      expect(overWebSocket.ends).toEqual([
        { closeCode: 1000, reason: "closed_by_node" },
        { closeCode: 1000, reason: "closed_by_node" }
      ])
      expect(overWebSocket.names.i.at(-1)).toBe("info died")
      // 10 - 1 pushed - 3 + 1, and 5 + 1 + 3 - 1: 7 and 8 of 15, on top of what stayed on the chain.
      const [ofI = 0n, ofR = 0n] = overWebSocket.balances
      expect(ofI + ofR + overWebSocket.fees).toBe(2000n * coin)
      expect(ofR > 1002n * coin && ofR <= 1003n * coin).toBe(true)
    })
  )

  const attempt = (url: string) =>
    Effect.promise(
      () =>
        new Promise<{ readonly frames: ReadonlyArray<Json.Json>; readonly code: number }>(
          (resolve, reject) => {
            const socket = new WebSocket(url)
            const frames: Array<Json.Json> = []
            socket.on("message", (data) => void frames.push(Json.parseOrThrow(data.toString())))
            socket.on("close", (code) => resolve({ frames, code }))
            socket.on("error", reject)
          }
        )
    )

  it.live("answers bad openings with a refusal, in silence, or as a crash", () =>
    Effect.gen(function* () {
      const { url } = yield* NodeServer.NodeServer
      const good = query("responder")
      const replaced = (name: string, value: string) =>
        good.replace(new RegExp(`(^|&)${name}=[^&]*`), `$1${name}=${encodeURIComponent(value)}`)
      const refused = (code: number, message: string) => ({
        code: 1000,
        frames: [
          {
            jsonrpc: "2.0",
            version: 1,
            id: null,
            channel_id: null,
            error: { code: 3, message: "Rejected", data: [{ code, message }], request: {} }
          }
        ]
      })
      const silent = { code: 1000, frames: [] }
      const absent = TestCrypto.keyPairOf("absent").address
      expect(yield* attempt(`${url}?${replaced("protocol", "other")}`)).toEqual({ code: 1011, frames: [] })
      expect(yield* attempt(`${url}?${replaced("role", "onlooker")}`)).toEqual(silent)
      expect(yield* attempt(`${url}?${replaced("lock_period", "1.5")}`)).toEqual(silent)
      expect(yield* attempt(`${url}?nothing=known`)).toEqual(silent)
      expect(yield* attempt(`${url}?${replaced("lock_period", "-1")}`)).toEqual(refused(105, "Value too low"))
      expect(yield* attempt(`${url}?${replaced("initiator_id", absent)}`)).toEqual(
        refused(1011, "Participant not found")
      )
    }).pipe(Effect.provide(layerWebSocket))
  )

  it.scopedLive("bad frames of one client harm neither its channel nor another's", () =>
    Effect.gen(function* () {
      const { url } = yield* NodeServer.NodeServer
      const healthy = yield* open(1)
      const { i, r } = yield* open(2)
      const megabyte = "x".repeat(1024 * 1024)
      for (const text of [
        "",
        "garbage",
        "[1,2",
        "\u0000",
        megabyte,
        Json.stringify({ jsonrpc: "1.0", method: "channels.leave" })
      ])
        yield* i.connection.send(text)
      // Answered as a node answers: unknown method, misshapen parameters, text above the limit, a bad signature.
      yield* i.send("no.such.method", {}, 1)
      yield* i.send("update.new", { amount: "many" }, 2)
      yield* i.send("message", { to: responder.address, info: megabyte }, 3)
      yield* i.send("update", { signed_tx: "tx_nonsense" }, 4)
      const codes: Array<Json.Json | undefined> = []
      for (let n = 0; n < 4; n++) codes.push(RawClient.at(yield* i.next, "error", "code"))
      expect(codes).toEqual([-32601, -32601, -32000, 3])

      // A client that only makes noise, and one that goes away in the middle of a frame.
      const noise = new WebSocket(`${url}?${query("responder", { port: 3 })}`)
      yield* Effect.promise(() => new Promise((done) => noise.on("open", done)))
      noise.send(Buffer.from([1, 2, 3]))
      noise.send(megabyte, { fin: false })
      noise.terminate()

      yield* pay(i, r, 1n)
      yield* pay(healthy.r, healthy.i, 1n)
    }).pipe(Effect.provide(layerWebSocket))
  )

  it.scopedLive("a client cut off in an open channel leaves it open for its peer, and others alone", () =>
    Effect.gen(function* () {
      const healthy = yield* open(1)
      const { url } = yield* NodeServer.NodeServer
      const i = yield* connect(query("initiator", { port: 2 }), initiator)
      const raw = new WebSocket(`${url}?${query("responder", { port: 2 })}`)
      const opened = new Promise<void>((done) =>
        raw.on("message", (data) => {
          const frame = Json.parseOrThrow(data.toString())
          if (RawClient.name(frame) === "update") done()
          if (RawClient.name(frame) !== "sign.responder_sign") return
          const text = String(RawClient.at(frame, "params", "data", "signed_tx"))
          const signed = SignedTx.sign(SignedTx.fromTextOrThrow(text), responder, {
            networkId,
            crypto: TestCrypto.native
          })
          raw.send(
            Json.stringify({
              jsonrpc: "2.0",
              method: "channels.responder_sign",
              params: { signed_tx: SignedTx.toText(signed) }
            })
          )
        })
      )
      yield* i.until("update")
      yield* Effect.promise(() => opened)
      raw.terminate()
      yield* pay(healthy.i, healthy.r, 1n)
      yield* i.send("get.balances", { accounts: [responder.address] }, 1)
      expect(RawClient.at(yield* i.next, "result")).toEqual([
        { account: responder.address, balance: 6n * coin }
      ])
    }).pipe(Effect.provide(layerWebSocket))
  )

  it.scopedLive("a proposer hears of its peer's absence at once", () =>
    Effect.gen(function* () {
      const r = yield* connect(query("responder"), responder)
      const scope = yield* Scope.make()
      const i = yield* Scope.extend(connect(query("initiator"), initiator), scope)
      yield* Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
      yield* Scope.close(scope, Exit.void)
      yield* r.send("update.new", { from: responder.address, to: initiator.address, amount: 1 })
      const conflict = yield* Effect.timeout(r.until("conflict"), "3 seconds")
      expect(RawClient.at(conflict, "params", "data", "round")).toBe(1)
    }).pipe(Effect.provide(layerWebSocket))
  )

  it.scopedLive("many channels at once", () =>
    Effect.gen(function* () {
      const channels = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, port) => port + 100),
        (port) =>
          Effect.gen(function* () {
            const { i, r } = yield* open(port)
            yield* pay(i, r, 1n)
            yield* pay(r, i, 2n)
            return RawClient.at(Json.parseOrThrow(i.texts.at(-1) ?? ""), "params", "channel_id")
          }),
        { concurrency: 1 }
      )
      expect(new Set(channels).size).toBe(20)
    }).pipe(Effect.provide(layerWebSocket))
  )

  it.live("stops at once with a channel open", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layerWebSocket, scope)
      yield* Effect.gen(function* () {
        const { i, r } = yield* open(1)
        const before = performance.now()
        yield* Scope.close(scope, Exit.void)
        expect(performance.now() - before).toBeLessThan(300)
        for (const client of [i, r])
          expect(yield* client.end).toMatchObject({ reason: "connection_lost", closeCode: 1006 })
      }).pipe(Effect.provide(context), Effect.scoped)
    })
  )

  it.scopedLive("an unknown account is nobody's peer, a known one is", () =>
    Effect.gen(function* () {
      const node = yield* ChannelNode
      const late = TestCrypto.keyPairOf("late")
      const text = query("responder", { initiatorId: "any", responderId: late.address })
      const { url } = yield* NodeServer.NodeServer
      expect((yield* attempt(`${url}?${text}`)).frames.length).toBe(1)
      yield* node.fund(late.address, 100n * coin)
      const r = yield* connect(text, late)
      const i = yield* connect(
        query("initiator", { initiatorId: other.address, responderId: late.address }),
        other
      )
      yield* Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
    }).pipe(Effect.provide(layerWebSocket))
  )
})
