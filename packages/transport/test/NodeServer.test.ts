import * as NodeServer from "@aechannel/transport/NodeServer"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Layer, LogLevel, Logger, Scope, TestClock } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import WebSocket from "ws"
import * as StubNode from "./support/StubNode.js"

/** The status of a plain GET. */
const status = (url: string) =>
  Effect.promise(
    () =>
      new Promise<number | undefined>((resolve, reject) => {
        Http.get(url.replace("ws:", "http:"), (response) => {
          response.resume()
          resolve(response.statusCode)
        }).on("error", reject)
      })
  )

/** How an attempt to connect ends. */
const attempt = (url: string, protocols: ReadonlyArray<string> = []) =>
  Effect.promise(
    () =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(url, [...protocols])
        socket.on("open", () => {
          resolve(`open ${socket.protocol}|${socket.extensions}`)
          socket.terminate()
        })
        socket.on("error", (error) => resolve(error.message))
      })
  )

interface Client {
  readonly socket: WebSocket
  readonly frames: Array<string>
  /** The close code, once there is one. */
  readonly closed: Promise<number>
  readonly has: (count: number) => Promise<ReadonlyArray<string>>
}

const open = (
  url: string,
  options: WebSocket.ClientOptions = {}
): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<Client>((resolve, reject) => {
          const socket = new WebSocket(url, options)
          const frames: Array<string> = []
          let wake = () => {}
          socket.on("message", (data) => {
            frames.push(data.toString())
            wake()
          })
          const closed = new Promise<number>((done) => socket.on("close", done))
          const has = async (count: number) => {
            while (frames.length < count) await new Promise<void>((more) => (wake = more))
            return frames
          }
          socket.on("open", () => resolve({ socket, frames, closed, has }))
          socket.on("error", reject)
        })
    ),
    ({ socket }) => Effect.sync(() => socket.terminate())
  )

/** A TCP connection that has been upgraded, and that never ends by itself. */
const bare = (url: string): Effect.Effect<Net.Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<Net.Socket>((resolve, reject) => {
          const { hostname, port } = new URL(url)
          const socket = Net.connect({ host: hostname, port: Number(port), allowHalfOpen: true })
          socket.on("error", reject)
          socket.once("data", () => resolve(socket))
          socket.write(
            [
              "GET /channel?q HTTP/1.1",
              `Host: ${hostname}`,
              "Upgrade: websocket",
              "Connection: Upgrade",
              "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
              "\r\n"
            ].join("\r\n")
          )
        })
    ),
    (socket) => Effect.sync(() => socket.destroy())
  )

const later = <A>(promise: Promise<A>) => Effect.promise(() => promise)

/** Waits in real time until something holds. */
const eventually = (holds: () => boolean) =>
  Effect.promise(async () => {
    for (let i = 0; i < 1000 && !holds(); i++) await new Promise((next) => setTimeout(next, 5))
    expect(holds()).toBe(true)
  })

const serving = (options: NodeServer.NodeServerOptions = {}) => {
  const stub = StubNode.make()
  const server = NodeServer.make({ port: 0, ...options }).pipe(Effect.provide(stub.layer))
  return { ...stub, server }
}

describe("NodeServer", () => {
  it.scopedLive("answers what is no WebSocket request", () =>
    Effect.gen(function* () {
      const { url } = yield* serving().server
      expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/channel$/)
      const base = url.replace("/channel", "")
      expect(yield* status(`${base}/`)).toBe(404)
      expect(yield* status(`${base}/channels?role=initiator`)).toBe(404)
      expect(yield* status(url)).toBe(500)
      expect(yield* status(`${url}?`)).toBe(500)
      expect(yield* status(`${url}?role=initiator`)).toBe(426)
    })
  )

  it.scopedLive("refuses an upgrade on another path or without a query", () =>
    Effect.gen(function* () {
      const { heard, server } = serving()
      const { url } = yield* server
      expect(yield* attempt(`${url}/more?q`)).toContain("404")
      expect(yield* attempt(url)).toContain("500")
      expect(yield* attempt(`${url}?`)).toContain("500")
      expect(heard).toEqual([])
    })
  )

  it.scopedLive("agrees to no sub-protocol and no extension, and passes the query on as it is", () =>
    Effect.gen(function* () {
      const { heard, server } = serving()
      const { url } = yield* server
      expect(yield* attempt(`${url}?a=%20&b=1+2&a=`)).toBe("open |")
      // The WebSocket standard lets a client that asked for a sub-protocol refuse a server that chose none.
      expect(yield* attempt(`${url}?q`, ["chat"])).toContain("no subprotocol")
      expect(heard[0]).toBe("accept a=%20&b=1+2&a=")
    })
  )

  it.scopedLive("carries text in order, a frame of a megabyte too", () =>
    Effect.gen(function* () {
      const { heard, server } = serving()
      const client = yield* open(`${(yield* server).url}?greet`)
      const long = "é".repeat(500_000)
      for (const word of ["a", "b", long, "c"]) client.socket.send(`echo ${word}`)
      expect((yield* later(client.has(5))).map((text) => (text === long ? "long" : text))).toEqual([
        "hello",
        "a",
        "b",
        "long",
        "c"
      ])
      expect(heard).toContain("500005 characters")
    })
  )

  it.scopedLive("many clients are served apart", () =>
    Effect.gen(function* () {
      const { server } = serving()
      const { url } = yield* server
      const clients = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, i) => i),
        (i) => Effect.map(open(`${url}?${i}`), (client) => ({ client, i })),
        { concurrency: "unbounded" }
      )
      for (const { client, i } of clients) for (let k = 0; k < 400; k++) client.socket.send(`echo ${i}.${k}`)
      for (const { client, i } of clients)
        expect(yield* later(client.has(400))).toEqual(Array.from({ length: 400 }, (_, k) => `${i}.${k}`))
    })
  )

  it.scopedLive("ignores binary frames", () =>
    Effect.gen(function* () {
      const { heard, server } = serving()
      const client = yield* open(`${(yield* server).url}?q`)
      client.socket.send(Buffer.from("echo binary"))
      client.socket.send("echo text")
      expect(yield* later(client.has(1))).toEqual(["text"])
      expect(heard).toEqual(["accept q", "echo text"])
    })
  )

  it.scopedLive("closes with the node's codes, after the frames", () =>
    Effect.gen(function* () {
      const { url } = yield* serving().server
      const refused = yield* open(`${url}?refuse`)
      expect(yield* later(refused.closed)).toBe(1000)
      expect(refused.frames).toEqual(["no"])
      const crashed = yield* open(`${url}?crash`)
      expect(yield* later(crashed.closed)).toBe(1011)
      const cut = yield* open(`${url}?q`)
      cut.socket.send("cut")
      expect(yield* later(cut.closed)).toBe(1006)
    })
  )

  it.scopedLive("a session that fails is closed with 1011 and harms no other", () => {
    const lines: Array<LogLevel.LogLevel> = []
    return Effect.gen(function* () {
      const { heard, server } = serving()
      const { url } = yield* server
      const healthy = yield* open(`${url}?healthy`)
      const failing = yield* open(`${url}?failing`)
      failing.socket.send("die")
      expect(yield* later(failing.closed)).toBe(1011)
      healthy.socket.send("echo alive")
      expect(yield* later(healthy.has(1))).toEqual(["alive"])
      expect(heard).toContain("closed")
      expect(lines).toEqual([LogLevel.Error])
    }).pipe(
      Effect.provide(
        Logger.replace(
          Logger.defaultLogger,
          Logger.make(({ logLevel }) => void lines.push(logLevel))
        )
      )
    )
  })

  it.scopedLive(
    "tells the node at the client's close frame, whatever its code, and at a broken connection",
    () =>
      Effect.gen(function* () {
        const { heard, server } = serving()
        const { url } = yield* server
        const codes: Array<number> = []
        for (const close of [
          (socket: WebSocket) => socket.close(1000),
          (socket: WebSocket) => socket.close(4321),
          (socket: WebSocket) => socket.close(),
          (socket: WebSocket) => socket.terminate()
        ]) {
          heard.length = 0
          const client = yield* open(`${url}?q`)
          client.socket.send("before")
          close(client.socket)
          codes.push(yield* later(client.closed))
          yield* eventually(() => heard.includes("closed"))
          if (codes.length < 4) expect(heard).toEqual(["accept q", "before", "closed"])
        }
        // A client's code is echoed, an empty close too.
        expect(codes).toEqual([1000, 4321, 1005, 1006])
      })
  )

  it.scopedLive("does not wait for a client to end the connection that it closes", () =>
    Effect.gen(function* () {
      const { heard, server } = serving()
      const socket = yield* bare((yield* server).url)
      const before = performance.now()
      socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]))
      yield* eventually(() => heard.includes("closed"))
      expect(performance.now() - before).toBeLessThan(1000)
      expect(socket.destroyed).toBe(false)
    })
  )

  it.scopedLive("closes with 1007 on text that is not UTF-8 and with 1002 on a frame without a mask", () =>
    Effect.gen(function* () {
      const { url } = yield* serving().server
      const closeCode = Effect.fnUntraced(function* (frame: Buffer) {
        const socket = yield* bare(url)
        const answer = new Promise<Buffer>((resolve) => socket.once("data", resolve))
        socket.write(frame)
        return (yield* later(answer)).readUInt16BE(2)
      })
      expect(yield* closeCode(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]))).toBe(1007)
      expect(yield* closeCode(Buffer.from([0x81, 0x01, 0x61]))).toBe(1002)
    })
  )

  it.scopedLive("closes a frame above the limit with 1009", () =>
    Effect.gen(function* () {
      const { url } = yield* serving({ maxFrameBytes: 1000 }).server
      const client = yield* open(`${url}?q`)
      client.socket.send(`echo ${"x".repeat(2000)}`)
      expect(yield* later(client.closed)).toBe(1009)
    })
  )

  it.scopedLive("cuts off a client that does not read", () =>
    Effect.gen(function* () {
      const { heard, server } = serving({ maxBufferedBytes: 1024 * 1024 })
      const { url } = yield* server
      const slow = yield* open(`${url}?slow`)
      slow.socket.pause()
      slow.socket.send("repeat 200 1000000")
      yield* eventually(() => heard.includes("closed"))
      const other = yield* open(`${url}?other`)
      other.socket.send("echo alive")
      expect(yield* later(other.has(1))).toEqual(["alive"])
    })
  )

  it.scoped("closes a client from which nothing came for the idle time with 1000", () =>
    Effect.gen(function* () {
      const { heard, server } = serving()
      const { url } = yield* server
      const silent = yield* open(`${url}?silent`)
      const talking = yield* open(`${url}?talking`)
      const pinging = yield* open(`${url}?pinging`)
      // A session begins a moment after its upgrade.
      yield* TestClock.adjust("1 millis")
      yield* eventually(() => heard.length === 3)
      yield* TestClock.adjust("50 seconds")
      talking.socket.send("echo here")
      yield* later(talking.has(1))
      const ponged = new Promise((done) => pinging.socket.on("pong", done))
      pinging.socket.ping()
      yield* later(ponged)
      yield* TestClock.adjust("9 seconds")
      expect(silent.socket.readyState).toBe(WebSocket.OPEN)
      yield* TestClock.adjust("1 seconds")
      expect(yield* later(silent.closed)).toBe(1000)
      yield* TestClock.adjust("49 seconds")
      expect([talking.socket.readyState, pinging.socket.readyState]).toEqual([WebSocket.OPEN, WebSocket.OPEN])
      yield* TestClock.adjust("1 seconds")
      expect([yield* later(talking.closed), yield* later(pinging.closed)]).toEqual([1000, 1000])
    })
  )

  it.live("stops at once with clients connected, who see no close frame, and frees the port", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { heard, server } = serving()
      const { port, url } = yield* Scope.extend(server, scope)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const clients = yield* Effect.all([open(`${url}?a`), open(`${url}?b`)])
          // One that is stuck in its request, and one that does not read its close.
          const { hostname } = new URL(url)
          const stuck = Net.connect(port, hostname)
          stuck.on("error", () => {})
          stuck.write("GET /channel?c HTTP/1.1\r\n")
          yield* eventually(() => heard.length === 2)
          clients[0]?.socket.pause()
          const before = performance.now()
          yield* Scope.close(scope, Exit.void)
          expect(performance.now() - before).toBeLessThan(200)
          clients[0]?.socket.resume()
          for (const client of clients) expect(yield* later(client.closed)).toBe(1006)
          const again = yield* NodeServer.make({ port }).pipe(Effect.provide(StubNode.make().layer))
          expect(again.port).toBe(port)
          stuck.destroy()
        })
      )
      expect(heard.filter((line) => line === "closed").length).toBe(2)
    })
  )

  it.scopedLive("says which port is in use", () =>
    Effect.gen(function* () {
      const { port } = yield* serving().server
      const error = yield* Effect.flip(serving({ port }).server)
      expect(error).toBeInstanceOf(NodeServer.ListenError)
      expect(error.reason).toBe("port_in_use")
      expect(error.message).toContain(String(port))
      expect(error.message).toContain("--channel-port")
    })
  )

  it.live("is a layer over its node", () =>
    Effect.gen(function* () {
      const { url } = yield* NodeServer.NodeServer
      expect(yield* attempt(`${url}?q`)).toBe("open |")
    }).pipe(Effect.provide(NodeServer.layer({ port: 0 }).pipe(Layer.provide(StubNode.make().layer))))
  )
})
