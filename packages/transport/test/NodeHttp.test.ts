/** The node's HTTP port: every route, every refusal, and the server's own life. */
import * as ChannelObject from "@aechannel/core/chain/ChannelObject"
import * as Ids from "@aechannel/core/chain/Ids"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as NodeHttp from "@aechannel/transport/NodeHttp"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { readFileSync } from "node:fs"
import * as Net from "node:net"
import * as TestCrypto from "../../core/test/support/TestCrypto.js"
import { uptime } from "../src/internal/http/bodies.js"
import { routes } from "../src/internal/http/routes.js"
import {
  alice,
  ask,
  balance,
  bob,
  create,
  nobody,
  post,
  spend,
  start,
  startWith
} from "./support/HttpNode.js"

describe("what channel tools ask for", () => {
  it.scopedLive("status, blocks and gas prices", () =>
    Effect.gen(function* () {
      const { get, node } = yield* start
      const { genesis, top } = yield* node.ledger
      const status = yield* get("/v3/status")
      expect(status.status).toBe(200)
      expect(status.headers.get("content-type")).toContain("application/json")
      expect(status.json).toEqual({
        difficulty: 1338,
        genesis_key_block_hash: genesis.hash,
        hashrate: 0,
        listening: true,
        network_id: "ae_dev",
        node_revision: "aechannel",
        node_version: "7.2.2",
        peer_connections: { inbound: 0, outbound: 0 },
        peer_count: 0,
        peer_pubkey: expect.stringMatching(/^pp_/),
        pending_transactions_count: 0,
        protocols: [{ effective_at_height: 1, version: 6 }],
        solutions: 0,
        sync_progress: new Json.JsonNumber("100.0"),
        syncing: false,
        top_block_height: 1,
        top_key_block_hash: top.hash,
        uptime: expect.stringMatching(/^\d+s\.\d+$/)
      })
      expect((yield* get("/v3/key-blocks/current")).json).toEqual({
        beneficiary: expect.stringMatching(/^ak_/),
        flags: ApiEncoding.encode("ba", Uint8Array.of(0x80, 0, 0, 0)),
        hash: top.hash,
        height: 1,
        info: expect.stringMatching(/^cb_/),
        miner: expect.stringMatching(/^ak_/),
        prev_hash: genesis.hash,
        prev_key_hash: genesis.hash,
        state_hash: top.stateHash,
        target: 1338,
        time: top.timeMs,
        version: 6
      })
      expect((yield* get("/v3/key-blocks/current/height")).text).toBe('{"height":1}')
      expect((yield* get("/v3/recent-gas-prices")).text).toBe(
        `[${[1, 5, 15, 60].map((minutes) => `{"min_gas_price":1000000000,"minutes":${minutes},"utilization":0}`).join(",")}]`
      )
    })
  )

  it.scopedLive("accounts, with bare integers of any size", () =>
    Effect.gen(function* () {
      const { get, node } = yield* start
      const known = yield* get(`/v3/accounts/${alice.address}`)
      expect(known.text).toBe(
        `{"balance":${balance},"id":"${alice.address}","kind":"basic","nonce":0,"payable":true}`
      )
      const asContract = ApiEncoding.encode("ct", ApiEncoding.bytesOf(alice.address))
      expect((yield* get(`/v3/accounts/${asContract}`)).text).toBe(known.text)
      expect(yield* get(`/v3/accounts/${nobody.address}`)).toMatchObject({
        status: 404,
        text: '{"reason":"Account not found"}'
      })
      yield* node.fund(nobody.address, 3n)
      expect((yield* get(`/v3/accounts/${nobody.address}`)).json).toMatchObject({ balance: 3 })
    })
  )

  it.scopedLive("the next nonce counts what waits, and finds gaps", () =>
    Effect.gen(function* () {
      const { get, node, submit } = yield* start
      const next = (query = "") =>
        Effect.map(get(`/v3/accounts/${alice.address}/next-nonce${query}`), ({ text }) => text)
      yield* node.auto(false)
      expect(yield* next()).toBe('{"next_nonce":1}')
      yield* submit(spend(1n))
      yield* submit(spend(3n))
      expect(yield* next()).toBe('{"next_nonce":4}')
      expect(yield* next("?strategy=max")).toBe('{"next_nonce":4}')
      expect(yield* next("?strategy=continuity")).toBe('{"next_nonce":2}')
      yield* node.mine(1)
      expect(yield* next("?strategy=continuity")).toBe('{"next_nonce":2}')
      yield* submit(spend(2n))
      yield* node.mine(1)
      expect(yield* next("?strategy=continuity")).toBe('{"next_nonce":4}')
      const stranger = TestCrypto.keyPairOf("stranger")
      expect(yield* get(`/v3/accounts/${stranger.address}/next-nonce`)).toMatchObject({
        status: 404,
        text: '{"error_code":"account_not_found","reason":"Account not found"}'
      })
      expect(yield* get(`/v3/accounts/${alice.address}/next-nonce?strategy=luck`)).toMatchObject({
        status: 400,
        json: { reason: "validation_error", parameter: "strategy" }
      })
    })
  )

  it.scopedLive("an account as it was after a block", () =>
    Effect.gen(function* () {
      const { get, node, send, submit } = yield* start
      const before = (yield* node.ledger).top
      yield* submit(spend(1n))
      yield* send("/devnet/mine")
      const after = (yield* node.ledger).top
      const rich = `/v3/accounts/${alice.address}`
      const poor = `/v3/accounts/${nobody.address}`
      const nonce = (path: string) => Effect.map(get(path), ({ json }) => Json.field(json ?? null, "nonce"))
      for (const [block, expected] of [
        [`hash/${before.hash}`, 0],
        [`height/${before.height}`, 0],
        [`hash/${after.hash}`, 1],
        [`height/${after.height}`, 1]
      ] as const)
        expect([block, yield* nonce(`${rich}/${block}`)]).toEqual([block, expected])
      expect((yield* get(`${poor}/height/${after.height}`)).json).toMatchObject({ balance: 5 })
      for (const [path, status, reason] of [
        [`${poor}/height/${before.height}`, 404, "Account not found"],
        [`${rich}/height/999`, 404, "Block not found"],
        [`${rich}/hash/${before.hash.slice(0, -1)}`, 400, "Invalid hash"],
        [`${rich}/height/x`, 400, "Invalid height"]
      ] as const)
        expect([path, yield* get(path)]).toMatchObject([path, { status, json: { reason } }])
    })
  )

  it.scopedLive("a transaction from its post into a block", () =>
    Effect.gen(function* () {
      const { get, node, submit } = yield* start
      yield* node.auto(false)
      const signedTx = spend(1n, { ttl: 4, amount: 10n ** 20n })
      const hash = SignedTx.hash(signedTx)
      const path = `/v3/transactions/${hash}`
      expect(yield* get(path)).toMatchObject({ status: 404, text: '{"reason":"Transaction not found"}' })
      expect(yield* get(`${path}/info`)).toMatchObject({ text: '{"reason":"Transaction not found"}' })

      expect(yield* submit(signedTx)).toMatchObject({ status: 200, text: `{"tx_hash":"${hash}"}` })
      const [signature] = signedTx.signatures
      const waiting = {
        block_hash: "none",
        block_height: -1,
        encoded_tx: SignedTx.toText(signedTx),
        hash,
        signatures: [ApiEncoding.encode("sg", signature ?? new Uint8Array())],
        tx: {
          amount: 10n ** 20n,
          fee: 20_000_000_000_000,
          nonce: 1,
          payload: "ba_Xfbg4g==",
          recipient_id: nobody.address,
          sender_id: alice.address,
          ttl: 4,
          type: "SpendTx",
          version: 1
        }
      }
      expect((yield* get(path)).json).toEqual(waiting)
      expect(yield* get(`${path}/info`)).toMatchObject({ status: 404, text: '{"reason":"Tx not mined"}' })
      expect((yield* get("/v3/status")).json).toMatchObject({ pending_transactions_count: 1 })

      yield* get("/emit_mb")
      expect((yield* get(path)).json).toEqual({
        ...waiting,
        block_hash: expect.stringMatching(/^mh_/),
        block_height: 1
      })
      expect(yield* get(`${path}/info`)).toMatchObject({ status: 400, text: '{"reason":"Tx has no info"}' })
    })
  )

  it.scopedLive("a post that is refused says why", () =>
    Effect.gen(function* () {
      const { get, submit, url } = yield* start
      const raw = (body: string) =>
        Effect.map(post(`${url}/v3/transactions`, body), ({ json, status }) => ({ status, json }))
      const text = SignedTx.toText(spend(1n))
      const invalid = (reason: string, code: string) => ({
        status: 400,
        json: { reason, error_code: code }
      })
      const shapeless = (parameter: string, error: string) => ({
        status: 400,
        json: { reason: "validation_error", parameter, info: expect.objectContaining({ error }) }
      })
      expect(yield* raw(JSON.stringify({ tx: `${text}x` }))).toEqual(
        invalid("Invalid api encoding", "invalid_encoding")
      )
      expect(yield* raw(JSON.stringify({ tx: alice.address }))).toEqual(
        invalid("Invalid api encoding", "invalid_prefix")
      )
      const noTransaction = ApiEncoding.encode("tx", new Uint8Array([1, 2, 3]))
      expect(yield* raw(JSON.stringify({ tx: noTransaction }))).toEqual(invalid("Invalid tx", "broken_tx"))
      expect(yield* raw("{")).toEqual(shapeless("", "invalid_body"))
      expect(yield* raw("")).toEqual(shapeless("", "invalid_body"))
      expect(yield* raw("{}")).toEqual(shapeless("EncodedTx", "missing_required_property"))
      expect(yield* raw("[]")).toEqual(shapeless("EncodedTx", "wrong_type"))
      expect(yield* raw('{"tx":5}')).toEqual(shapeless("EncodedTx", "wrong_type"))

      const refused = (signedTx: SignedTx.SignedTx) =>
        Effect.map(submit(signedTx), ({ json, status }) => ({ status, json }))
      expect(yield* refused(spend(99n))).toEqual(invalid("Invalid tx", "nonce_too_high"))
      expect(yield* refused(spend(1n, { fee: 1n }))).toEqual(invalid("Invalid tx", "too_low_fee"))
      expect(yield* refused(SignedTx.unsigned(spend(1n).tx))).toEqual(
        invalid("Invalid tx", "signature_check_failed")
      )
      yield* submit(spend(1n))
      expect(yield* refused(spend(1n))).toEqual(invalid("Invalid tx", "already_accepted"))
      expect((yield* get(`/v3/accounts/${nobody.address}`)).json).toMatchObject({ balance: 5 })
    })
  )

  it.scopedLive("a body that is too big is refused unread, or cut off, and the server lives on", () =>
    Effect.gen(function* () {
      const { get, port } = yield* start
      const answer = (headers: string, body: string) =>
        Effect.promise(
          () =>
            new Promise<string>((done) => {
              let said = ""
              const socket = Net.connect(port, "127.0.0.1")
              socket.on("data", (data) => {
                said += String(data)
                if (said.includes("body_too_big")) socket.destroy()
              })
              socket.on("error", () => {})
              socket.on("close", () => done(said))
              socket.write(`POST /v3/transactions HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n${body}`)
            })
        )
      expect(yield* answer("Content-Length: 6000000", "{")).toMatch(/^HTTP\/1.1 400 /)
      const size = 6_000_000
      const chunk = `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`
      expect(yield* answer("Transfer-Encoding: chunked", chunk)).not.toContain("200 OK")
      expect((yield* get("/v3/key-blocks/current/height")).status).toBe(200)
    })
  )

  it.scopedLive("channels", () =>
    Effect.gen(function* () {
      const { get, node, submit } = yield* start
      const id = Ids.channelId(alice.address, 1n, bob.address)
      expect(yield* get(`/v3/channels/${id}`)).toMatchObject({
        status: 404,
        text: '{"error_code":"not_found","reason":"Channel not found"}'
      })
      expect(yield* submit(create)).toMatchObject({ status: 200 })
      const open = yield* get(`/v3/channels/${id}`)
      expect(open.json).toEqual({
        channel_amount: 11n * 10n ** 19n,
        channel_reserve: 2,
        delegate_ids: { initiator: [], responder: [] },
        id,
        initiator_amount: 10n ** 20n,
        initiator_id: alice.address,
        lock_period: 10,
        locked_until: 0,
        responder_amount: 10n ** 19n,
        responder_id: bob.address,
        round: 1,
        solo_round: 0,
        state_hash: ApiEncoding.encode("st", new Uint8Array(32).fill(7))
      })
      const onChain = Ledger.channel(yield* node.ledger, id)
      if (onChain === undefined) throw new Error("the channel is not there")
      expect(open.text).toBe(Json.stringify(ChannelObject.toClientForm(id, onChain)))
    })
  )

  it.scopedLive(
    "query parameters that nobody knows are ignored, and integers come as strings on demand",
    () =>
      Effect.gen(function* () {
        const { get } = yield* start
        expect((yield* get("/v3/key-blocks/current/height?__sdk-retry=2&x=%zz")).text).toBe('{"height":1}')
        expect((yield* get(`/v3/accounts/${alice.address}?int-as-string=true`)).json).toEqual({
          balance: String(balance),
          id: alice.address,
          kind: "basic",
          nonce: "0",
          payable: true
        })
        expect((yield* get("/v3/recent-gas-prices?int-as-string=true")).text).toContain('"minutes":"1"')
      })
  )
})

describe("the server", () => {
  it.scopedLive("makes blocks on request, by any method", () =>
    Effect.gen(function* () {
      const { get, node, submit, url } = yield* start
      const posted = (path: string) => ask(`${url}${path}`, { method: "POST" })
      expect((yield* get("/emit_kb?n=3")).json).toMatchObject({ height: 4 })
      expect((yield* posted("/emit_kb")).json).toMatchObject({ height: 5 })
      expect((yield* get("/auto?on=false")).text).toBe('{"auto":false}')
      yield* submit(spend(1n))
      expect(Ledger.hasPending(yield* node.ledger)).toBe(true)
      expect((yield* posted("/emit_mb")).json).toMatchObject({ height: 5 })
      expect(Ledger.hasPending(yield* node.ledger)).toBe(false)
      expect((yield* posted("/auto?on=true")).text).toBe('{"auto":true}')
      yield* submit(spend(2n))
      expect(Ledger.hasPending(yield* node.ledger)).toBe(false)
      expect((yield* node.ledger).top.height).toBe(10)
    })
  )

  it.scopedLive("refuses what it cannot read with a reason", () =>
    Effect.gen(function* () {
      const { get } = yield* start
      const reason = (path: string) =>
        Effect.map(get(path), ({ json, status }) => [status, Json.field(json, "reason")])
      const blocks = "n must be a number of blocks from 1 to 10000"
      for (const n of ["0", "-1", "1e9", "1.5", "10001", "99999999999999999999"])
        expect(yield* reason(`/emit_kb?n=${n}`)).toEqual([400, blocks])
      expect(yield* reason("/auto")).toEqual([400, "on must be true or false"])
      expect(yield* reason("/auto?on=maybe")).toEqual([400, "on must be true or false"])
      const wrong = [
        ["/v3/accounts/ak_nonsense", "Invalid public key", "invalid_encoding"],
        [`/v3/accounts/${SignedTx.hash(create)}`, "Invalid public key", "invalid_prefix"],
        ["/v3/accounts/nonsense/next-nonce", "Invalid public key", "invalid_encoding"],
        [`/v3/channels/${alice.address}`, "Invalid public key", "invalid_prefix"],
        [`/v3/transactions/${alice.address}`, "Invalid hash", "invalid_prefix"]
      ] as const
      for (const [path, words, code] of wrong)
        expect(yield* get(path)).toMatchObject({ status: 400, json: { reason: words, error_code: code } })
      expect(yield* get("/v3/transactions/th_nonsense/info")).toMatchObject({
        status: 400,
        text: '{"reason":"Invalid hash: hash"}'
      })
    })
  )

  it.scopedLive("a path or a method it does not know has no body", () =>
    Effect.gen(function* () {
      const { get, url } = yield* start
      for (const path of ["/", "/v3", "/v3/hyperchain/contracts", "/v3/accounts", "/v3/accounts/%zz"])
        expect(yield* get(path)).toMatchObject({ status: 404, text: "" })
      for (const { method, path } of routes.filter((route) => route.method !== "*")) {
        const other = method === "GET" ? "POST" : "GET"
        const answer = yield* ask(`${url}${path.replace(/\{\w+\}/, "x")}`, { method: other })
        expect(answer).toMatchObject({ status: 405, text: "" })
        expect(answer.headers.get("allow")).toBe(method)
      }
    })
  )

  it.scopedLive("lets the pages of the origins that were named ask", () =>
    Effect.gen(function* () {
      const origin = "http://localhost:8080"
      const { url } = yield* startWith({ allowOrigins: [origin] })
      const asked = yield* ask(`${url}/v3/status`, { headers: { origin } })
      expect(asked.headers.get("access-control-allow-origin")).toBe(origin)
      const before = yield* ask(`${url}/v3/transactions`, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-headers": "content-type" }
      })
      expect(before.headers.get("access-control-allow-origin")).toBe(origin)
      expect(before.headers.get("access-control-allow-headers")).toBe("content-type")
      expect(before.headers.get("access-control-allow-methods")).toContain("POST")
      const refused = yield* ask(`${url}/nowhere`, { headers: { origin } })
      expect(refused.headers.get("access-control-allow-origin")).toBe(origin)
      const elsewhere = yield* ask(`${url}/v3/status`)
      expect(elsewhere.headers.get("access-control-allow-origin")).toBeNull()
    })
  )

  it.scopedLive("says which port is in use", () =>
    Effect.gen(function* () {
      const { context, port } = yield* start
      const error = yield* Effect.flip(Effect.provide(NodeHttp.make({ port }), context))
      expect(error).toMatchObject({ _tag: "ListenError", reason: "port_in_use", port })
      expect(error.message).toContain(String(port))
    })
  )

  it.live("stops at once with connections open", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { get, port } = yield* Scope.extend(start, scope)
      yield* get("/v3/status")
      const stuck = Net.connect(port, "127.0.0.1")
      stuck.on("error", () => {})
      stuck.write("GET /v3/status HTTP/1.1\r\n")
      yield* Effect.sleep("20 millis")
      const before = performance.now()
      yield* Scope.close(scope, Exit.void)
      expect(performance.now() - before).toBeLessThan(200)
      stuck.destroy()
    })
  )
})

it("writes the time since the start as a node does", () => {
  const second = 1000
  const day = 86_400 * second
  expect([0, 12_345, 192 * second, 3_725 * second, 2 * day + 3_600 * second].map(uptime)).toEqual([
    "0s.0",
    "12s.345",
    "3m:12s",
    "1h:2m",
    "2d:1h"
  ])
})

it("the README names every control, and where all calls are described", () => {
  const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8")
  const named = routes.filter(({ control, path }) => control || path === "/api").map(({ path }) => path)
  expect(named.filter((path) => !readme.includes(path))).toEqual([])
})
