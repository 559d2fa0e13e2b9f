/** The options of `aechannel node`, and how it begins and ends. */
import { createServer } from "node:net"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { type Running, run, start } from "./cli.js"

const folder = mkdtempSync(join(tmpdir(), "aechannel-node-"))
afterAll(() => rmSync(folder, { recursive: true }))

interface Ready {
  readonly ready: true
  readonly height: number
  readonly networkId: string
  readonly httpUrl: string
  readonly channelUrl: string
  readonly accounts: ReadonlyArray<{ readonly address: string; readonly secretKey: string }>
}

interface Begun extends Ready {
  readonly node: Running
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>
  readonly height: number
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>
}

const ports = ["--port", "0", "--channel-port", "0"]

/** What a failed test leaves behind. */
const running = new Set<Running>()
afterAll(() => {
  for (const { process } of running) process.kill("SIGKILL")
})

const begin = async (...args: ReadonlyArray<string>): Promise<Begun> => {
  const node = start("node", ...ports, "--json", ...args)
  running.add(node)
  const [line] = await node.line(/^.*\n/)
  const ready: Ready = JSON.parse(line)
  return {
    ...ready,
    node,
    get: (path, headers = {}) => fetch(`${ready.httpUrl}${path}`, { headers }),
    stop: async (signal = "SIGTERM") => {
      node.process.kill(signal)
      const { code, err, out } = await node.ended
      running.delete(node)
      expect([code, err, out]).toEqual([130, "", line])
    }
  }
}

const heightOf = async ({ get }: Begun): Promise<number> =>
  Number(/\d+/.exec(await (await get("/v3/key-blocks/current/height")).text())?.[0])

const refused = async (...args: ReadonlyArray<string>): Promise<string> => {
  const rest = ports.filter((_, index) => !args.includes(ports[index - (index % 2)] ?? ""))
  const { code, err } = await run("node", ...rest, ...args)
  expect([args, code]).toEqual([args, 1])
  expect(err).toMatch(/^aechannel: [^\n]+\n$/)
  return err
}

describe("aechannel node", () => {
  it("says in one line of JSON that it is ready, and stops at once", async () => {
    const node = await begin()
    expect(node).toMatchObject({
      ready: true,
      networkId: "ae_dev",
      height: 1,
      httpUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      channelUrl: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/channel$/)
    })
    expect(node.accounts).toHaveLength(4)
    const before = performance.now()
    await node.stop("SIGINT")
    expect(performance.now() - before).toBeLessThan(2000)
  })

  it("has the accounts of a seed, with the balance that was asked for", async () => {
    const first = await begin("--seed", "for tests", "--accounts", "3", "--balance", "7")
    const second = await begin("--seed", "for tests", "--accounts", "5")
    const other = await begin("--seed", "others", "--accounts", "1")
    expect(first.accounts).toHaveLength(3)
    expect(second.accounts.slice(0, 3).map(({ secretKey }) => secretKey)).toEqual(
      first.accounts.map(({ secretKey }) => secretKey)
    )
    // What the seed leads to is not to change.
    expect(first.accounts[0]?.address).toBe("ak_2h3c9KmKpMRJyxBWD5rs3W196opfWAwnDUKat4PArryVKSxHZ1")
    expect(other.accounts[0]?.address).not.toBe(first.accounts[0]?.address)
    for (const { address } of first.accounts)
      expect(await (await first.get(`/v3/accounts/${address}`)).text()).toContain(
        `"balance":7${"0".repeat(18)},`
      )
    await Promise.all([first, second, other].map(({ stop }) => stop()))
  })

  it("keeps the accounts of a state directory", async () => {
    const state = join(folder, "state")
    const first = await begin("--state", state, "--seed", "kept", "--accounts", "2")
    await first.get("/emit_kb?n=2")
    await first.stop()
    const second = await begin("--state", state)
    expect(second.accounts).toEqual(first.accounts)
    expect(second.height).toBe(3)
    await second.stop()
    expect(await refused("--state", state, "--protocol", "5")).toContain("another genesis block")
  })

  it("begins with what another node has dumped", async () => {
    const file = join(folder, "dump.json")
    const first = await begin("--seed", "dumped")
    const address = first.accounts[0]?.address ?? ""
    await fetch(`${first.httpUrl}/devnet/fund?address=${address}&amount=1`, { method: "POST" })
    await fetch(`${first.httpUrl}/devnet/mine?n=4`, { method: "POST" })
    writeFileSync(file, await (await first.get("/devnet/dump")).text())
    const account = await (await first.get(`/v3/accounts/${address}`)).text()
    await first.stop()
    const second = await begin("--load", file)
    expect(await heightOf(second)).toBe(5)
    expect(await (await second.get(`/v3/accounts/${address}`)).text()).toBe(account)
    await second.stop()
    writeFileSync(file, '{"dump":"AAAA"}')
    expect(await refused("--load", file)).toContain("the bytes are no dump of a node")
  })

  it("makes blocks by the clock, or only on request", async () => {
    const began = performance.now()
    const clock = await begin("--block-time", "0.05")
    const quiet = await begin("--no-mining")
    await new Promise((later) => setTimeout(later, 500))
    const height = await heightOf(clock)
    expect(height).toBeGreaterThan(3)
    expect(height).toBeLessThan(3 + (performance.now() - began) / 50)
    expect(await heightOf(quiet)).toBe(1)
    await quiet.get("/emit_kb")
    expect(await heightOf(quiet)).toBe(2)
    await Promise.all([clock, quiet].map(({ stop }) => stop()))
    expect(await refused("--no-mining", "--block-time", "1")).toContain("choose one of them")
  })

  it("speaks of the protocol, and to the pages that it was told of", async () => {
    const origin = "http://localhost:8080"
    const node = await begin("--protocol", "5", "--allow-origin", origin, "--controls", "nobody")
    const status = await node.get("/v3/status", { origin })
    expect(await status.text()).toContain('"protocols":[{"effective_at_height":1,"version":5}]')
    expect(status.headers.get("access-control-allow-origin")).toBe(origin)
    expect((await node.get("/v3/status", { origin: "http://localhost:8081" })).status).toBe(403)
    expect((await node.get("/emit_kb")).status).toBe(403)
    await node.stop()
  })

  it("names the option that is out of bounds, and what it takes", async () => {
    const outside = [
      ["--port", "65536", "--port takes a number from 0 to 65535, not 65536."],
      ["--channel-port", "-1", "--channel-port takes a number from 0 to 65535, not -1."],
      ["--accounts", "0", "--accounts takes a number from 1 to 1000, not 0."],
      ["--block-time", "NaN", "--block-time takes a number from 0.01 to 86400, not NaN."],
      ["--allow-origin", "localhost:8080", "--allow-origin takes an origin as browsers send it"],
      ["--allow-origin", "http://localhost:8080/", 'or *; not ["http://localhost:8080/"]'],
      ["--accounts", "some", "'some' is not an integer"]
    ] as const
    for (const [option, value, said] of outside) {
      const err = await refused(option, value)
      expect(err).toContain(said)
      expect(err).not.toMatch(/refinement|should not have happened/)
    }
    const recording = join(folder, "session.jsonl")
    const record = await run("record", "--to", "localhost:3014", "--listen", "0", "--out", recording)
    expect([record.code, record.err]).toEqual([
      1,
      expect.stringContaining("such as ws://localhost:3014/channel")
    ])
  })

  it("refuses in one paragraph what it cannot do", async () => {
    const server = createServer()
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready))
    const address = server.address()
    const taken = typeof address === "object" && address !== null ? String(address.port) : ""
    expect(await refused("--port", taken)).toContain(`Port ${taken} on 127.0.0.1 is in use`)
    expect(await refused("--channel-port", taken)).toContain("choose another port (--channel-port)")
    server.close()
    expect(await refused("--host", "192.0.2.1")).toContain("192.0.2.1 is no address of this machine")
    for (const wrong of [
      ["--accounts", "0"],
      ["--accounts", "many"],
      ["--balance", "-1"],
      ["--block-time", "0"],
      ["--protocol", "7"],
      ["--max-channels", "0"],
      ["--controls", "some"]
    ])
      expect(await refused(...wrong)).toContain("--help")
  })
})
