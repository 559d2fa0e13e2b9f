import { Transport } from "@aechannel/core/services/Transport"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"
import * as StubNode from "./support/StubNode.js"

const serving = () => {
  const stub = StubNode.make()
  return { ...stub, server: NodeServer.make({ port: 0 }).pipe(Effect.provide(stub.layer)) }
}

const connect = (
  url: string,
  query: string,
  options: Omit<WebSocketTransport.WebSocketTransportOptions, "url"> = {}
) =>
  Effect.flatMap(Transport, (transport) => transport.connect(query)).pipe(
    Effect.provide(WebSocketTransport.layerNode({ url, ...options }))
  )

/** A TCP or HTTP server of our own making, and the URL of its channel. */
const listening = (server: Net.Server) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<string>((resolve) =>
          server.listen(0, "127.0.0.1", () =>
            resolve(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/channel`)
          )
        )
    ),
    () => Effect.sync(() => server.close())
  )

/** A WebSocket server without a node. */
const bare = Effect.acquireRelease(
  Effect.promise(
    () =>
      new Promise<{ readonly server: WebSocketServer; readonly url: string }>((resolve) => {
        const server: WebSocketServer = new WebSocketServer({ host: "127.0.0.1", port: 0 }, () =>
          resolve({ server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/channel` })
        )
      })
  ),
  ({ server }) =>
    Effect.sync(() => {
      for (const client of server.clients) client.terminate()
      server.close()
    })
)

describe("WebSocketTransport", () => {
  it.scopedLive("carries text in order, both ways, and the first frame is not lost", () =>
    Effect.gen(function* () {
      const { heard, server } = serving()
      const { receive, send } = yield* connect((yield* server).url, "greet")
      const long = "x".repeat(1_000_000)
      for (const word of ["a", long, "b"]) yield* send(`echo ${word}`)
      expect(yield* receive).toBe("hello")
      expect(yield* receive).toBe("a")
      expect((yield* receive) === long).toBe(true)
      expect(yield* receive).toBe("b")
      expect(heard).toEqual(["accept greet", "echo a", "1000005 characters", "echo b"])
    })
  )

  it.scopedLive("gives what was sent before the end, then how it ended, again and again", () =>
    Effect.gen(function* () {
      const { url } = yield* serving().server
      for (const [query, code] of [
        ["refuse", 1000],
        ["crash", 1011]
      ] as const) {
        const { receive, send } = yield* connect(url, query)
        if (query === "refuse") expect(yield* receive).toBe("no")
        for (const _ of [1, 2])
          expect(yield* Effect.flip(receive)).toMatchObject({
            _tag: "TransportError",
            reason: "closed_by_node",
            closeCode: code
          })
        expect(yield* Effect.flip(send("more"))).toMatchObject({
          reason: "closed_by_node",
          operation: "send"
        })
      }
    })
  )

  it.scopedLive("does not take a connection that broke for one that was closed well", () =>
    Effect.gen(function* () {
      const { receive, send } = yield* connect((yield* serving().server).url, "q")
      yield* send("cut")
      expect(yield* Effect.flip(receive)).toMatchObject({ reason: "connection_lost", closeCode: 1006 })
      expect(yield* Effect.flip(send("more"))).toMatchObject({ reason: "connection_lost" })
    })
  )

  it.live("closes with its scope: the node is told, and both directions end", () =>
    Effect.gen(function* () {
      const { heard, server } = serving()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { url } = yield* server
          const scope = yield* Scope.make()
          const { receive, send } = yield* Scope.extend(connect(url, "q"), scope)
          const waiting = yield* Effect.fork(Effect.flip(receive))
          yield* Effect.yieldNow()
          yield* Scope.close(scope, Exit.void)
          expect(yield* Fiber.join(waiting)).toMatchObject({ reason: "closed_by_us" })
          expect(yield* Effect.flip(send("late"))).toMatchObject({ reason: "closed_by_us" })
          for (let i = 0; i < 500 && !heard.includes("closed"); i++) yield* Effect.sleep("2 millis")
        })
      )
      expect(heard).toEqual(["accept q", "closed"])
    })
  )

  it.scopedLive("never delivers on one connection what was written to another", () =>
    Effect.gen(function* () {
      const { server, heard } = serving()
      const { url } = yield* server
      const first = yield* connect(url, "first")
      yield* first.send("cut")
      yield* Effect.flip(first.receive)
      yield* Effect.flip(first.send("echo lost"))
      const second = yield* connect(url, "second")
      yield* second.send("echo found")
      expect(yield* second.receive).toBe("found")
      expect(heard).not.toContain("echo lost")
    })
  )

  it.scopedLive("ignores binary frames", () =>
    Effect.gen(function* () {
      const { server, url } = yield* bare
      server.on("connection", (socket) => {
        socket.send(Buffer.from("binary"))
        socket.send("text")
      })
      const { receive } = yield* connect(url, "q")
      expect(yield* receive).toBe("text")
    })
  )

  it.scopedLive("send waits for a node that does not read, and gives it up in the end", () =>
    Effect.gen(function* () {
      const { server, url } = yield* bare
      server.on("connection", (socket) => socket.pause())
      const { send } = yield* connect(url, "q", {
        maxBufferedBytes: 100_000,
        drainTimeout: "100 millis"
      })
      let sent = 0
      const error = yield* Effect.flip(
        Effect.forever(
          Effect.tap(send("x".repeat(1_000_000)), () => {
            sent += 1
          })
        )
      )
      expect(error).toMatchObject({ reason: "connection_lost", operation: "send" })
      expect(error.detail).toContain("100ms")
      expect(sent).toBeLessThan(100)
    })
  )

  describe("says why it cannot connect", () => {
    const failure = (url: string, query = "q") =>
      Effect.map(Effect.flip(connect(url, query)), (error) => {
        expect(error).toMatchObject({ _tag: "TransportError", reason: "connect", operation: "connect" })
        return error.message
      })

    it.scopedLive("when nothing listens", () =>
      Effect.gen(function* () {
        const server = Net.createServer()
        const url = yield* Effect.scoped(listening(server))
        const message = yield* failure(url)
        expect(message).toContain("nothing listens")
        expect(message).toContain("aechannel node")
      })
    )

    it.scopedLive("when the path or the query is wrong, or it is no WebSocket server", () =>
      Effect.gen(function* () {
        const { url } = yield* serving().server
        expect(yield* failure(url.replace("/channel", "/other"))).toContain("/channel")
        expect(yield* failure(url, "")).toContain("parameters")
        const plain = yield* listening(
          Http.createServer((_, response) => response.writeHead(200).end("hello"))
        )
        expect(yield* failure(plain)).toContain("HTTP 200")
      })
    )

    it.scopedLive("when the host is unknown or the URL is none", () =>
      Effect.gen(function* () {
        expect(yield* failure("ws://no-such-host.invalid/channel")).toContain("not known")
        expect(yield* failure("nonsense")).toContain("Give one such as ws://localhost:3014/channel")
      })
    )

    it.scoped("when nobody answers", () =>
      Effect.gen(function* () {
        // The connection is taken by the operating system, and the request never answered.
        const url = yield* listening(Net.createServer())
        const attempt = yield* Effect.fork(failure(url))
        yield* TestClock.adjust("9 seconds")
        expect(attempt.unsafePoll()).toBeNull()
        yield* TestClock.adjust("1 seconds")
        expect(yield* Fiber.join(attempt)).toContain("no answer")
      })
    )
  })

  it.live("can be interrupted while it connects", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const url = yield* listening(
            Net.createServer((socket) => void setTimeout(() => socket.destroy(), 100))
          )
          const attempt = yield* Effect.fork(Effect.scoped(connect(url, "q")))
          yield* Effect.sleep("20 millis")
          expect(Exit.isInterrupted(yield* Fiber.interrupt(attempt))).toBe(true)
        })
      )
    })
  )
})
