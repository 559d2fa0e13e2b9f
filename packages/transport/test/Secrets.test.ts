/** I19: what goes wrong on the way to a node never tells the fsm id, which is in the query of who comes back. */
import { createServer as createHttpServer } from "node:http"
import { type AddressInfo, createServer, type Server } from "node:net"
import { inspect } from "node:util"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import * as OpenParameters from "@aechannel/core/protocol/OpenParameters"
import { Transport } from "@aechannel/core/services/Transport"
import * as NodeHttp from "@aechannel/transport/NodeHttp"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ledger } from "../../core/test/support/NodeUnderTest.js"
import { layerShowing, renderings, withEverythingLogged } from "../../core/test/support/secrets/Renderings.js"
import { watch as ofThisFile } from "../../core/test/support/secrets/setup.js"
import { report, Watch } from "../../core/test/support/secrets/Watch.js"
import * as TestCrypto from "../../core/test/support/TestCrypto.js"

const fsmId = ApiEncoding.encode("ba", TestCrypto.keyPairOf("an fsm id").publicKey)
const query = OpenParameters.toQuery({
  role: "initiator",
  channelId: ApiEncoding.encode("ch", TestCrypto.keyPairOf("a channel").publicKey),
  fsmId: Redacted.make(fsmId),
  port: 3333
})

const listening = (server: Server) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<number>((resolve) => {
          server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))
        })
    ),
    () => Effect.sync(() => server.close())
  )

const answering = (status: number) =>
  createHttpServer((_, response) => void response.writeHead(status).end()).on("upgrade", (_, socket) => {
    socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
  })

const servers: { readonly [name: string]: () => Server } = {
  "a server that hangs up": () => createServer((socket) => socket.destroy()),
  "a server that talks otherwise": () => createServer((socket) => void socket.end("hello\n")),
  "a server that says nothing": () => createServer(() => {}),
  ...Object.fromEntries([302, 400, 404, 500].map((status) => [`HTTP ${status}`, () => answering(status)]))
}

it.scopedLive("neither as a client nor as a node", () => {
  const watch = new Watch()
  watch.learn(fsmId)
  const show = (name: string, value: unknown) => {
    for (const text of renderings(value)) watch.text("error", name, text)
  }
  const attempt = (name: string, url: string) =>
    Effect.flatMap(Transport, (transport) => transport.connect(query)).pipe(
      Effect.flatMap((connection) => Effect.forever(connection.receive)),
      Effect.withSpan("come back"),
      Effect.either,
      Effect.scoped,
      Effect.provide(WebSocketTransport.layerNode({ url, openTimeout: "200 millis" })),
      Effect.map((result) => {
        expect(Either.isLeft(result)).toBe(true)
        show(name, result)
      })
    )
  return Effect.gen(function* () {
    for (const [name, make] of Object.entries(servers)) {
      const port = yield* listening(make())
      yield* attempt(name, `ws://127.0.0.1:${port}/channel`)
    }
    yield* attempt("nobody", "ws://127.0.0.1:1/channel")
    yield* attempt("no host", "ws://nowhere.invalid/channel")
    yield* attempt("no URL", "channel")

    const node = yield* ChannelNode.ChannelNode
    const { url } = yield* NodeServer.make({ port: 0 })
    const http = yield* NodeHttp.make({ port: 0 })
    yield* attempt("a node that does not know it", url)
    yield* attempt("another path", url.replace("/channel", "/other"))
    for (const path of ["/channel", "/v3/accounts/x", "/"])
      show(path, yield* Effect.promise(async () => (await fetch(`${http.url}${path}?${query}`)).text()))
    for (const value of [node, http]) watch.text("error", "node", inspect(value, { depth: 2 }))

    const all = [...watch.take(), ...ofThisFile.take()]
    if (all.length > 0) throw new Error(report(all))
    expect(watch.counts.texts).toBeGreaterThan(50)
    console.log(`not in ${watch.counts.texts} texts`)
  }).pipe(
    withEverythingLogged,
    Effect.provide(
      ChannelNode.layer({ ledger }).pipe(
        Layer.provide([Layer.succeed(Crypto, TestCrypto.seededDouble("secrets")), JsonRpcSignedTx.layer])
      )
    ),
    Effect.provide(layerShowing(watch))
  )
})
