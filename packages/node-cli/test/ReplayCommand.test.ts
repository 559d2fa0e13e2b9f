/** `aechannel replay` and `aechannel record` as processes. */
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import * as WS from "ws"
import { run, start } from "./cli.js"

const fixture = fileURLToPath(new URL("../../core/test/fixtures/recorded-session.jsonl", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "aechannel-replay-command-"))

const changed = (name: string, change: (text: string) => string): string => {
  const file = join(folder, name)
  writeFileSync(file, change(readFileSync(fixture, "utf8")))
  return file
}

describe("aechannel replay", () => {
  it("tells of each recording, and the totals", async () => {
    const { code, err, out } = await run("replay", fixture)
    expect({ code, err }).toEqual({ code: 0, err: "" })
    expect(out).toBe(
      `${fixture}: exact, 89 frames\n\n1 recordings: 1 exact, 0 with accepted variants, 0 different, 0 not replayable; 89 frames of the node compared.\n`
    )
  })

  it("ends with 1 when one is different or damaged, and says where", async () => {
    const different = changed("different.jsonl", (text) =>
      text.replace('"error_msg":"user-defined"', '"error_msg":"abort"')
    )
    const damaged = changed("damaged.jsonl", (text) => text.slice(0, -30))
    const { code, err, out } = await run("replay", different, damaged, fixture)
    expect({ code, err }).toEqual({ code: 1, err: "" })
    expect(out).toContain(
      "initiator: conflict 777 differs at params.data.error_msg\n      expected “abort”\n      came     “user-defined”\n"
    )
    expect(out).toMatch(/damaged\.jsonl: damaged, line 119: no JSON/)
    expect(out).toContain(
      "3 recordings: 1 exact, 0 with accepted variants, 1 different, 1 damaged, 0 not replayable"
    )
  })

  it("prints lines of JSON", async () => {
    const older = changed("older.jsonl", (text) => text.replaceAll('"signed_tx":"tx_', '"tx":"tx_'))
    const { code, out } = await run("replay", "--json", older, fixture)
    expect(code).toBe(0)
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(lines).toMatchObject([
      { type: "recording", verdict: "not replayable", reason: "an older generation" },
      { type: "recording", file: fixture, verdict: "exact", frames: 89 },
      { type: "totals", recordings: 2, exact: 1, "not replayable": 1, different: 0 }
    ])
  })

  it("lists what it accepts, each with the reason", async () => {
    const { code, out } = await run("replay", "--variants")
    expect(code).toBe(0)
    expect(out).toContain("  leave without a peer (course): a party that leaves")
    expect(out).toContain("  AEVM: ")
  })

  it("says what is missing", async () => {
    for (const [args, words] of [
      [[], "there is nothing to replay"],
      [["--url", "ws://localhost:1/channel", fixture], "say where its HTTP API is with --http-url"],
      [[join(folder, "nowhere.jsonl")], "cannot read"]
    ] as const) {
      const { code, err, out } = await run("replay", ...args)
      expect({ code, out }).toEqual({ code: 1, out: "" })
      expect(err).toContain(words)
    }
  })
})

describe("aechannel record", () => {
  it("says where to connect, and keeps the file from others", async () => {
    const out = join(folder, "session.jsonl")
    const recorder = start("record", "--listen", "0", "--to", "ws://localhost:1/channel", "--out", out)
    const [, url] = await recorder.line(/Channels: +(ws:\S+)/)
    await recorder.line(/Ready/)
    await new Promise((resolve) => {
      const socket = new WS.WebSocket(`${url ?? ""}?role=initiator&existing_fsm_id=ba_secret`)
      socket.on("close", resolve)
    })
    recorder.process.kill("SIGINT")
    expect((await recorder.ended).code).toBe(130)
    expect(statSync(out).mode & 0o077).toBe(0)
    const lines = readFileSync(out, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(lines).toMatchObject([
      { seq: 1, who: "initiator", conn: 1, kind: "open" },
      { seq: 2, kind: "close", code: 1006 }
    ])
    const again = await run("record", "--listen", "0", "--to", "ws://localhost:1/channel", "--out", out)
    expect(again.code).toBe(1)
    expect(again.err).toContain("Choose another file with --out.")
  })
})
