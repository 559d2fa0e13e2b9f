import * as Json from "@aechannel/core/encoding/Json"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as HttpControls from "@aechannel/transport/HttpControls"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import * as Net from "node:net"

const request = (url: string, method = "GET") =>
  Effect.promise(async () => {
    const response = await fetch(url, { method })
    const text = await response.text()
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      text,
      json: Json.parseOrThrow(text)
    }
  })

const balance = 9_939_999_798_160_000_000_000n

const start = Effect.gen(function* () {
  const { address } = yield* KeyPair.generate
  const context = yield* Layer.build(
    ChannelNode.layer({
      ledger: Ledger.make({ networkId: "ae_dev", accounts: [{ address, balance }] })
    }).pipe(Layer.provide(JsonRpcSignedTx.layer))
  )
  const http = yield* Effect.provide(HttpControls.make({ port: 0 }), context)
  return { ...http, address, context }
}).pipe(Effect.provide(NativeCrypto.layer))

describe("HttpControls", () => {
  it.scopedLive("answers the look-ups of channel tools, with bare integers", () =>
    Effect.gen(function* () {
      const { address, url } = yield* start
      const status = yield* request(`${url}/v3/status?__sdk-retry=1`)
      expect(status.type).toContain("application/json")
      expect(status.json).toMatchObject({
        network_id: "ae_dev",
        node_version: "7.2.2",
        top_block_height: 1,
        protocols: [{ version: 6 }]
      })
      const account = yield* request(`${url}/v3/accounts/${address}`)
      expect(account.text).toContain(`"balance":${balance},`)
      expect(account.json).toEqual({ balance, id: address, kind: "basic", nonce: 0, payable: true })
      expect((yield* request(`${url}/v3/key-blocks/current`)).json).toMatchObject({ height: 1 })
    })
  )

  it.scopedLive("makes blocks on request, by any method", () =>
    Effect.gen(function* () {
      const { context, url } = yield* start
      expect((yield* request(`${url}/emit_kb?n=3`)).json).toMatchObject({ height: 4 })
      expect((yield* request(`${url}/emit_kb`, "POST")).json).toMatchObject({ height: 5 })
      expect((yield* request(`${url}/emit_mb`, "POST")).json).toMatchObject({ height: 5 })
      expect((yield* request(`${url}/auto?on=false`)).json).toEqual({ auto: false })
      const node = yield* Effect.provide(ChannelNode.ChannelNode, context)
      expect((yield* node.ledger).top.height).toBe(5)
    })
  )

  it.scopedLive("refuses what it cannot read with a reason", () =>
    Effect.gen(function* () {
      const { url } = yield* start
      const unknown = "ak_2ZqTNa1ywrfE9PcW7LCSWis5okEKeBPFDCbfEEuKvuWk1Z1aJV"
      const answers = yield* Effect.forEach(
        [
          "/emit_kb?n=0",
          "/emit_kb?n=-1",
          "/emit_kb?n=1e9",
          "/emit_kb?n=99999999999999999999",
          "/auto",
          "/auto?on=maybe",
          "/v3/accounts/ak_nonsense",
          `/v3/accounts/${unknown}`,
          "/v3/nothing",
          "/",
          "/v3/accounts/%zz"
        ],
        (path) => Effect.map(request(`${url}${path}`), ({ json, status }) => ({ path, status, json }))
      )
      expect(answers.map(({ status }) => status)).toEqual([
        400, 400, 400, 400, 400, 400, 400, 404, 404, 404, 404
      ])
      for (const { json } of answers) expect(json).toMatchObject({ reason: expect.stringMatching(/./) })
      expect(answers[7]?.json).toEqual({ reason: "Account not found" })
    })
  )

  it.scopedLive("says which port is in use", () =>
    Effect.gen(function* () {
      const { context, port } = yield* start
      const error = yield* Effect.flip(Effect.provide(HttpControls.make({ port }), context))
      expect(error).toMatchObject({ _tag: "ListenError", reason: "port_in_use", port })
      expect(error.message).toContain(String(port))
    })
  )

  it.live("stops at once with connections open", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port, url } = yield* Scope.extend(start, scope)
      yield* request(`${url}/v3/status`)
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
