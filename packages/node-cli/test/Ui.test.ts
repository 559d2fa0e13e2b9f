/** The page of `aechannel node --ui`: what it shows while channels live, in a browser, and who may see it. */
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import type { SocketTraffic } from "@aechannel/core/node/ChannelNode"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { existsSync } from "node:fs"
import { chromium } from "playwright-core"
import { query } from "../../core/test/support/NodeUnderTest.js"
import * as RawClient from "../../core/test/support/RawClient.js"
import * as TestCrypto from "../../core/test/support/TestCrypto.js"
import { Sessions } from "../src/ui/Sessions.js"
import { start } from "./cli.js"

interface Ready {
  readonly networkId: string
  readonly httpUrl: string
  readonly channelUrl: string
  readonly accounts: ReadonlyArray<{ readonly address: string; readonly secretKey: string }>
}

/** A node with its page, until the scope closes. */
const node = (...options: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const running = start("node", "--ui", "--json", "--port", "0", "--channel-port", "0", ...options)
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => {
        running.process.kill()
        return running.ended
      })
    )
    const [line] = yield* Effect.promise(() => running.line(/\{.*\}\n/))
    const ready: Ready = JSON.parse(line)
    const keys = yield* Effect.forEach(ready.accounts.slice(0, 2), ({ secretKey }) =>
      KeyPair.fromText(Redacted.make(secretKey))
    ).pipe(Effect.provideService(Crypto, TestCrypto.native))
    const [initiator, responder] = keys
    if (initiator === undefined || responder === undefined) return yield* Effect.dieMessage("two accounts")
    return { ...ready, initiator, responder }
  })

/** Both ends of a channel at the node, by clients that know nothing of this library. */
const opened = ({
  channelUrl,
  initiator,
  networkId,
  responder
}: Effect.Effect.Success<ReturnType<typeof node>>) =>
  Effect.gen(function* () {
    const ids = { initiatorId: initiator.address, responderId: responder.address }
    const r = yield* RawClient.connect(query("responder", ids), responder, TestCrypto.native, networkId)
    const i = yield* RawClient.connect(query("initiator", ids), initiator, TestCrypto.native, networkId)
    yield* Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
    return { i, r }
  }).pipe(Effect.provide(WebSocketTransport.layerNode({ url: channelUrl })))

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync
)
if (executable === undefined) console.log("skipped: no Chromium here to look at the node's page with")

const browser = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({
      executablePath: executable ?? "",
      args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    })
  ),
  (instance) => Effect.promise(() => instance.close())
)

describe("the page", () => {
  it.scopedLive.skipIf(executable === undefined)(
    "shows a channel, its frames as they pass, the chain, and makes blocks at the press of a button",
    () =>
      Effect.gen(function* () {
        const running = yield* node()
        const instance = yield* browser
        const newPage = () => instance.newPage({ viewport: { width: 1360, height: 900 } })
        const page = yield* Effect.promise(newPage)
        const noise: Array<string> = []
        page.on("console", (message) => noise.push(message.text()))
        page.on("pageerror", (error) => noise.push(error.message))
        const wait = (selector: string) => Effect.promise(() => page.locator(selector).first().waitFor())
        const count = (selector: string) => Effect.promise(() => page.locator(selector).count())
        const click = (name: string) =>
          Effect.promise(() => page.getByRole("button", { name, exact: true }).click())

        yield* Effect.promise(() => page.goto(`${running.httpUrl}/ui`))
        yield* wait("#live.on")
        expect(yield* count(".channel")).toBe(0)
        expect(yield* count(".account")).toBe(4)

        const { i, r } = yield* opened(running)
        yield* wait(".channel .share")
        const before = yield* count(".frame")
        expect(before).toBeGreaterThan(15)
        const parties = { from: running.initiator.address, to: running.responder.address }
        yield* i.send("update.new", { ...parties, amount: 1_500_000_000_000_000_000n })
        yield* Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
        // The request, its answer, two requests to sign and their answers, news for the peer, and the new state for both;
        // the page hears of them a little after the clients.
        yield* Effect.promise(() =>
          page
            .locator(".frame")
            .nth(before + 7)
            .waitFor()
        )
        yield* Effect.promise(() => page.getByText("round 2").first().waitFor())
        yield* Effect.promise(() => page.locator(".milestone").nth(1).waitFor())
        expect(yield* count(".milestone")).toBe(2)
        // A secret of either client is on no page.
        const content = yield* Effect.promise(() => page.content())
        expect(content).toContain("fsm_up")
        expect(content).not.toMatch(/ba_[A-Za-z0-9+/=]{20}/)

        const height = () => Effect.promise(() => page.locator("#facts b").innerText().then(Number))
        const low = yield* height()
        yield* click("mine 10")
        yield* Effect.promise(() => page.locator("#facts b", { hasText: String(low + 10) }).waitFor())

        yield* click("snapshot")
        yield* click("break the link")
        yield* Effect.promise(() => page.getByText("peer_disconnected").first().waitFor())
        const picture = yield* Effect.promise(() => page.screenshot())
        expect(picture.length).toBeGreaterThan(20_000)

        // A page that is opened later sees all of it, too.
        const later = yield* Effect.promise(newPage)
        yield* Effect.promise(() => later.goto(`${running.httpUrl}/ui`))
        yield* Effect.promise(() => later.getByText("peer_disconnected").first().waitFor())
        expect(yield* Effect.promise(() => later.locator(".frame").count())).toBe(yield* count(".frame"))
        expect(noise).toEqual([])
      }),
    60_000
  )

  it.scopedLive("is not there without --ui, and not for pages of other origins", () =>
    Effect.gen(function* () {
      const { httpUrl } = yield* node()
      const status = (path: string, headers: Record<string, string> = {}) =>
        Effect.promise(async () => {
          const answer = await fetch(`${httpUrl}${path}`, { headers })
          await answer.body?.cancel()
          return answer.status
        })
      expect(yield* status("/ui")).toBe(200)
      for (const path of ["/ui", "/ui/script.js", "/ui/events"])
        expect([path, yield* status(path, { origin: "https://elsewhere.example" })]).toEqual([path, 403])
      const closed = yield* node("--controls", "nobody")
      expect((yield* Effect.promise(() => fetch(`${closed.httpUrl}/ui/events`))).status).toBe(403)
    })
  )
})

describe("sessions", () => {
  const opening = (socket: number, role: string, changes = ""): SocketTraffic => ({
    _tag: "Opened",
    socket,
    query: `role=${role}&port=3333&initiator_id=ak_one&responder_id=ak_two${changes}`
  })
  const report = (socket: number, channelId: string): SocketTraffic => ({
    _tag: "Sent",
    socket,
    text: JSON.stringify({
      jsonrpc: "2.0",
      method: "channels.info",
      version: 1,
      params: { channel_id: channelId, data: { event: "fsm_up" } }
    })
  })
  const keys = (...traffic: ReadonlyArray<SocketTraffic>) => {
    const sessions = new Sessions()
    return traffic.map((each, at) => sessions.take(each, at)?.session.key)
  }

  it("belong together by parties and port, and when somebody comes back, by channel", () => {
    expect(
      keys(
        opening(1, "responder"),
        opening(2, "initiator"),
        opening(3, "initiator"),
        opening(4, "responder", "&port=1"),
        report(1, "ch_a"),
        { _tag: "Closed", socket: 1, code: 1000 },
        { _tag: "Opened", socket: 5, query: "role=responder&existing_channel_id=ch_a&existing_fsm_id=ba_x" },
        { _tag: "Opened", socket: 6, query: "role=responder&existing_channel_id=ch_b&existing_fsm_id=ba_x" },
        report(9, "ch_a")
      )
    ).toEqual(["1", "1", "2", "2", "1", "1", "1", "3", undefined])
  })

  it("forget their oldest rows, and the oldest of them", () => {
    const sessions = new Sessions()
    sessions.take(opening(1, "responder"), 0)
    for (let n = 0; n < 3000; n++) sessions.take(report(1, "ch_a"), n)
    expect(sessions.all[0]?.rows.length).toBe(2000)
    for (let n = 2; n < 300; n++) sessions.take(opening(n, "responder", `&x=${n}`), n)
    expect(sessions.all.length).toBeLessThanOrEqual(200)
  })
})
