/** Whom a node's ports listen to: this machine, pages that were named, bodies and frames that are not too long. */
import { ChannelNode } from "@aechannel/core/node/ChannelNode"
import * as NodeServer from "@aechannel/transport/NodeServer"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import * as Net from "node:net"
import { networkInterfaces } from "node:os"
import WebSocket from "ws"
import { type Headers, isLoopback, refusal } from "../src/internal/http/guard.js"
import { routes } from "../src/internal/http/routes.js"
import { startWith } from "./support/HttpNode.js"

interface Answer {
  readonly status: number | undefined
  readonly text: string
  readonly headers: Http.IncomingHttpHeaders
}

/** As a browser or another program would: any header, Host included. */
const ask = (url: string, headers: Http.OutgoingHttpHeaders = {}, method = "GET", localAddress?: string) =>
  Effect.promise(
    () =>
      new Promise<Answer>((resolve, reject) => {
        const request = Http.request(url, { method, headers, ...(localAddress && { localAddress }) })
        request.on("response", (response) => {
          let text = ""
          response.on("data", (data) => (text += String(data)))
          response.on("end", () => resolve({ status: response.statusCode, text, headers: response.headers }))
        })
        request.on("error", reject)
        request.end()
      })
  )

/** How an attempt to connect to the WebSocket ends. */
const attempt = (url: string, options: WebSocket.ClientOptions) =>
  Effect.promise(
    () =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(`${url}?role=initiator`, options)
        socket.on("open", () => resolve("open"))
        socket.on("close", () => resolve("closed"))
        socket.on("error", (error) => resolve(error.message))
        socket.on("open", () => socket.terminate())
      })
  )

const otherAddress = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address

const refusesToConnect = (host: string, port: number) =>
  Effect.promise(
    () =>
      new Promise<boolean>((resolve) => {
        const socket = Net.connect({ host, port })
        socket.on("connect", () => {
          socket.destroy()
          resolve(false)
        })
        socket.on("error", () => resolve(true))
      })
  )

const controls = routes.filter(({ control }) => control)
const evil = "https://evil.example"

describe("a node's ports", () => {
  it.scopedLive("are on this machine only, unless told otherwise", () =>
    Effect.gen(function* () {
      const http = yield* startWith()
      const server = yield* Effect.provide(NodeServer.make({ port: 0 }), http.context)
      for (const { host, port } of [http, server]) {
        expect(host).toBe("127.0.0.1")
        expect(yield* refusesToConnect("127.0.0.2", port)).toBe(true)
        if (otherAddress !== undefined) expect(yield* refusesToConnect(otherAddress, port)).toBe(true)
      }
    })
  )

  it.scopedLive("refuse pages of origins that were not named, whatever they ask", () =>
    Effect.gen(function* () {
      const { node, url } = yield* startWith({ allowOrigins: ["http://localhost:8080"] })
      const before = (yield* node.ledger).top.height
      const pages: ReadonlyArray<Http.OutgoingHttpHeaders> = [
        { origin: evil },
        { origin: "null" },
        { origin: "http://localhost:8081" },
        // An image, a script, a form without an origin.
        { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
        { "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors" },
        // A name that the page's owner lets lead to this machine.
        { host: "evil.example:3013" },
        { host: "evil.example:3013", origin: "http://evil.example:3013" },
        { host: "evil.example:3013", "sec-fetch-site": "same-origin" }
      ]
      for (const headers of pages)
        for (const { method, path } of routes) {
          const answer = yield* ask(
            `${url}${path.replaceAll(/\{\w+\}/g, "x")}`,
            headers,
            method === "*" ? "GET" : method
          )
          expect([path, answer.status, answer.text]).toEqual([
            path,
            403,
            expect.stringContaining("origin_not_allowed")
          ])
          expect(answer.headers["access-control-allow-origin"]).toBeUndefined()
        }
      expect((yield* node.ledger).top.height).toBe(before)
      console.log(`${pages.length} kinds of pages, ${routes.length} calls each: all refused`)
    })
  )

  it.scopedLive("let in programs, their own pages, and pages that were named", () =>
    Effect.gen(function* () {
      const named = "http://localhost:8080"
      const { port, url } = yield* startWith({ allowOrigins: [named] })
      const welcome: ReadonlyArray<Http.OutgoingHttpHeaders> = [
        {},
        { host: `localhost:${port}` },
        { origin: named, "sec-fetch-site": "same-site" },
        { origin: url, "sec-fetch-site": "same-origin" },
        { host: `localhost:${port}`, origin: `http://localhost:${port}` },
        { "sec-fetch-site": "none", "sec-fetch-mode": "navigate" }
      ]
      for (const headers of welcome)
        for (const path of ["/v3/status", "/emit_kb"])
          expect([headers, (yield* ask(`${url}${path}`, headers)).status]).toEqual([headers, 200])
      // A link on another page leads to what can be read, and not to what changes something.
      const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }
      expect((yield* ask(`${url}/v3/status`, link)).status).toBe(200)
      expect((yield* ask(`${url}/emit_kb`, link)).status).toBe(403)
      const read = yield* ask(`${url}/v3/status`, { origin: named })
      expect(read.headers["access-control-allow-origin"]).toBe(named)
    })
  )

  it.scopedLive("let pages connect to channels only where they were named", () =>
    Effect.gen(function* () {
      const { context } = yield* startWith()
      const named = "http://localhost:8080"
      const layer = { port: 0, allowOrigins: [named] }
      const { port, url } = yield* Effect.provide(NodeServer.make(layer), context)
      expect(yield* attempt(url, {})).toBe("open")
      expect(yield* attempt(url, { origin: named })).toBe("open")
      const wrong: ReadonlyArray<WebSocket.ClientOptions> = [
        { origin: evil },
        { origin: "null" },
        { headers: { host: `evil.example:${port}` } },
        { origin: `http://evil.example:${port}`, headers: { host: `evil.example:${port}` } }
      ]
      for (const options of wrong)
        expect(yield* attempt(url, options)).toBe("Unexpected server response: 403")
      const open = yield* Effect.provide(NodeServer.make({ port: 0, allowOrigins: ["*"] }), context)
      expect(yield* attempt(open.url, { origin: evil })).toBe("open")
    })
  )

  it.scopedLive("have controls for callers on this machine only", () =>
    Effect.gen(function* () {
      const nobody = yield* startWith({ controls: "nobody" })
      for (const { method, path } of controls)
        expect(yield* ask(`${nobody.url}${path}`, {}, method === "*" ? "GET" : method)).toMatchObject({
          status: 403,
          text: expect.stringContaining("controls_not_allowed")
        })
      expect((yield* ask(`${nobody.url}/v3/status`)).status).toBe(200)
      if (otherAddress === undefined) return console.log("skipped: this machine has no other address")
      const local = yield* startWith({ host: "0.0.0.0" })
      const everybody = yield* startWith({ host: "0.0.0.0", controls: "everybody" })
      const at = ({ port }: { readonly port: number }, path: string) =>
        `http://${otherAddress}:${port}${path}`
      const before = (yield* local.node.ledger).top.height
      for (const { method, path } of controls)
        expect((yield* ask(at(local, path), {}, method === "*" ? "GET" : method)).status).toBe(403)
      expect((yield* local.node.ledger).top.height).toBe(before)
      expect((yield* ask(at(local, "/v3/status"))).status).toBe(200)
      expect((yield* ask(`http://127.0.0.1:${local.port}/emit_kb`)).status).toBe(200)
      expect((yield* ask(at(everybody, "/emit_kb"))).status).toBe(200)
      expect((yield* ask(at(everybody, "/emit_kb"), { host: "node:3013" })).status).toBe(200)
      expect((yield* ask(at(everybody, "/emit_kb"), { origin: evil })).status).toBe(403)
    })
  )

  it.scopedLive("read bodies, headers and frames up to a limit", () =>
    Effect.gen(function* () {
      const { context, url } = yield* startWith({ maxBodyBytes: 1000 })
      const posted = (length: number) =>
        Effect.promise(() => fetch(`${url}/v3/transactions`, { method: "POST", body: "x".repeat(length) }))
      for (const [length, error] of [
        [1000, "invalid_body"],
        [1001, "body_too_big"]
      ] as const) {
        const answer = yield* posted(length)
        expect(answer.status).toBe(400)
        expect(yield* Effect.promise(() => answer.text())).toContain(error)
      }
      expect((yield* ask(`${url}/v3/status`, { cookie: "x".repeat(20_000) })).status).toBe(431)
      expect((yield* ask(`${url}/v3/status?${"x".repeat(20_000)}`)).status).toBe(431)

      const node = Context.get(context, ChannelNode)
      const server = yield* NodeServer.make({ port: 0, maxFrameBytes: 1000 }).pipe(
        Effect.provideService(ChannelNode, {
          ...node,
          accept: () => Effect.succeed({ receive: () => Effect.void, closed: Effect.void })
        })
      )
      const code = yield* Effect.promise(
        () =>
          new Promise<number>((resolve) => {
            const socket = new WebSocket(`${server.url}?x`)
            socket.on("open", () => socket.send("x".repeat(1001)))
            socket.on("close", resolve)
          })
      )
      expect(code).toBe(1009)
    })
  )
})

describe("the guard", () => {
  it("knows the addresses of this machine", () => {
    for (const address of ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "localhost"])
      expect([address, isLoopback(address)]).toEqual([address, true])
    for (const address of [
      "",
      "10.0.0.1",
      "::ffff:10.0.0.1",
      "0.0.0.0",
      "::",
      "127.0.0.1.evil.example",
      "::2"
    ])
      expect([address, isLoopback(address)]).toEqual([address, false])
  })

  it("knows the names that lead here and nowhere else", () => {
    const refused = (headers: Headers, control = true) =>
      refusal(headers, { allowed: [], control, ownHost: "127.0.0.1" }) !== undefined
    for (const host of ["localhost", "localhost:3013", "127.0.0.1:3013", "[::1]:3013", "a.localhost:1"])
      expect([host, refused({ host })]).toEqual([host, false])
    for (const host of ["evil.example", "localhost.evil.example:3013", "127.0.0.1.evil.example", "", "a b"])
      expect([host, refused({ host })]).toEqual([host, true])
    // Others reach a port that is open to them by names that nobody here knows; but not its controls.
    const open = { allowed: [], ownHost: "0.0.0.0" }
    expect(refusal({ host: "node:3013" }, { ...open, control: false })).toBeUndefined()
    expect(refusal({ host: "node:3013" }, { ...open, control: true })).toBeDefined()
  })
})
