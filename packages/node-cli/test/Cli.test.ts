import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import WebSocket from "ws"
import { run, start } from "./cli.js"

const folder = mkdtempSync(join(tmpdir(), "aechannel-"))
afterAll(() => rmSync(folder, { recursive: true }))

describe("aechannel demo", () => {
  it("shows a whole channel's life and balances its books", async () => {
    const { code, err, out } = await run("demo")
    expect(err).toBe("")
    expect(code).toBe(0)
    for (const passage of [
      "node  → Alice  please sign initiator_sign",
      "Bob   → node   signed responder_sign",
      "= round 2: Alice 7 AE, Bob 13 AE",
      "= round 3: Alice 8 AE, Bob 12 AE",
      "= round 4: Alice 7.5 AE, Bob 12.5 AE",
      "note “invoice 17”",
      "Bob   → node   decline update_ack with code 147",
      "conflict: code 147 (user-defined), back to round 4",
      "Bob    message from Alice: “Thank you, Bob!”",
      "Alice  message from Bob: “Any time, Alice!”",
      "info: closed_confirmed"
    ])
      expect(out).toContain(passage)
    expect(out).toMatch(/200 AE at the start = 199\.\d+ AE now \+ 0\.0000\d+ AE of fees\n$/)
  })
})

describe("aechannel demo dispute", () => {
  it("shows a cheating close, its answer, the lock period and who gets what", async () => {
    const { code, err, out } = await run("demo", "dispute")
    expect(err).toBe("")
    expect(code).toBe(0)
    for (const passage of [
      "= round 2: Alice 4 AE, Bob 16 AE",
      "= round 3: Alice 13 AE, Bob 7 AE",
      "Bob   → chain  channel_close_solo_tx with round 2: Alice 4 AE, Bob 16 AE",
      "Alice's client stops; what it knows is on disk\n  /",
      "Alice → node   answer the older state on chain with our latest",
      "Alice → node   signed slash_sign: slash (by Alice, fee ",
      "the lock period is over",
      "settlement (13 AE and 7 AE paid out, by Alice, fee ",
      "info: closed_confirmed"
    ])
      expect(out).toContain(passage)
    const heights = [...out.matchAll(/mined by hand: block (\d+)/g)].map(([, height]) => Number(height))
    expect(heights.length).toBeGreaterThan(11)
    expect(heights).toEqual(heights.map((_, index) => (heights[0] ?? 0) + index))
    // The end is the latest state, and the arithmetic that is shown is right.
    const sums = [
      ...out.matchAll(
        /^ {2}(Alice|Bob) +100 AE − 10 AE put in \+ (\d+) AE of round 3 − ([\d.]+) AE of fees = ([\d.]+) AE$/gm
      )
    ]
    expect(sums.map(([, name, latest]) => [name, latest])).toEqual([
      ["Alice", "13"],
      ["Bob", "7"]
    ])
    for (const [, , latest, fees, has] of sums)
      expect(Number(has)).toBeCloseTo(90 + Number(latest) - Number(fees), 10)
    expect(out).toMatch(/200 AE at the start = 199\.\d+ AE now \+ 0\.0000\d+ AE of fees\n$/)
  })

  it("is named by the demo's help, and nothing else is", async () => {
    const { out } = await run("demo", "--help")
    expect(out).toContain("dispute")
    const { code, err } = await run("demo", "dispite")
    expect(code).toBe(1)
    expect(err).toMatch(
      /^aechannel: there is no command "aechannel demo dispite"\. Did you mean “dispute”\? .*\n$/
    )
  })
})

describe("aechannel node", () => {
  const begin = async (name: string) => {
    const file = join(folder, name)
    const node = start("node", "--port", "0", "--channel-port", "0", "--config-out", file)
    await node.line(/^Ready/m)
    const config: unknown = JSON.parse(readFileSync(file, "utf8"))
    return { node, file, config: config as Record<"networkId" | "httpUrl" | "channelUrl", string> }
  }

  it("says where it is, makes blocks on request, and stops at once with a client connected", async () => {
    const { config, file, node } = await begin("node.json")
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(config.networkId).toBe("ae_dev")
    const height = async () =>
      Number(
        /"height":(\d+)/.exec(await (await fetch(`${config.httpUrl}/v3/key-blocks/current`)).text())?.[1]
      )
    const before = await height()
    await fetch(`${config.httpUrl}/emit_kb?n=3`)
    expect(await height()).toBe(before + 3)

    const accounts = [...(await node.line(/(?:ak_\w+[\s\S]*){4}/))[0].matchAll(/ak_\w+/g)].map(([id]) => id)
    expect(accounts).toHaveLength(4)
    const query = new URLSearchParams({
      protocol: "json-rpc",
      role: "responder",
      port: "3333",
      initiator_id: String(accounts[0]),
      responder_id: String(accounts[1]),
      lock_period: "1",
      push_amount: "0",
      initiator_amount: "10",
      responder_amount: "10",
      channel_reserve: "1"
    })
    const socket = new WebSocket(`${config.channelUrl}?${query}`)
    const first = await new Promise((resolve) => socket.once("message", (data) => resolve(String(data))))
    expect(first).toContain("fsm_up")

    const closed = new Promise((resolve) => socket.once("close", resolve))
    node.process.kill("SIGINT")
    const end = await node.ended
    await closed
    expect(end.err).toBe("")
    expect(end.code).toBe(130)
  })

  it("says in one sentence which port is in use", async () => {
    const server = createServer()
    const port = await new Promise<number>((resolve) =>
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resolve(typeof address === "object" && address !== null ? address.port : 0)
      })
    )
    for (const [option, other] of [
      ["--channel-port", "--port"],
      ["--port", "--channel-port"]
    ] as const) {
      const { code, err } = await run("node", option, String(port), other, "0")
      expect(code).toBe(1)
      expect(err).toMatch(
        new RegExp(`^aechannel: Port ${port} on 127\\.0\\.0\\.1 is in use.*${option}.*\\n$`)
      )
    }
    server.close()
  })

  it("says where it cannot write its configuration", async () => {
    const { code, err } = await run(
      "node",
      "--port",
      "0",
      "--channel-port",
      "0",
      "--config-out",
      "/nowhere/x.json"
    )
    expect(code).toBe(1)
    expect(err).toMatch(/^aechannel: cannot write the configuration to \/nowhere\/x\.json.*\n$/)
  })
})

describe("aechannel", () => {
  it("has a version and help", async () => {
    expect((await run("--version")).out.trim()).toBe("0.1.0")
    for (const args of [["--help"], ["node", "--help"], ["demo", "--help"], ["demo", "dispute", "--help"]]) {
      const { code, out } = await run(...args)
      expect(code).toBe(0)
      expect(out).toContain("DESCRIPTION")
    }
  })

  it("refuses what it does not know, without a stack trace", async () => {
    for (const args of [["nod"], ["node", "--port", "x"], ["demo", "--unknown"]]) {
      const { code, err, out } = await run(...args)
      expect(code).toBe(1)
      expect(err + out).not.toMatch(/\n\s+at /)
      expect(err + out).not.toBe("")
    }
  })
})
