import { afterAll, describe, expect, it } from "@effect/vitest"
import * as Replay from "@aechannel/core/testing/Replay"
import * as Json from "@aechannel/core/encoding/Json"
import { Effect, Exit } from "effect"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { chromium } from "playwright-core"
import { hasShared, transcriptFiles } from "../../core/test/support/Shared.js"
import { type Diagram, isProblem, make, type Row } from "../src/report/Model.js"
import { draw, type Format, formats, renderers } from "../src/report/Program.js"
import * as Redaction from "../src/report/Redaction.js"
import { run } from "./cli.js"

const fixtureFile = fileURLToPath(new URL("fixtures/session.jsonl", import.meta.url))
const fixture = readFileSync(fixtureFile, "utf8")
const lines = fixture.trimEnd().split("\n")

const folders: Array<string> = []
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "aechannel-report-"))
  folders.push(folder)
  return folder
}
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))

const diagramOf = (content: string, file = "session.jsonl"): Diagram =>
  make(Effect.runSync(Replay.read(file, content)))

const drawn = (content: string, format: Format, file = "session.jsonl"): string =>
  Effect.runSync(draw(file, content, format)).text

const problemOf = (content: string): string => {
  const exit = Effect.runSyncExit(draw("session.jsonl", content, "html"))
  if (Exit.isSuccess(exit)) return "nothing"
  return exit.cause._tag === "Fail" ? exit.cause.error.message : "a defect"
}

const told = (row: Row): string => {
  switch (row._tag) {
    case "Frame": {
      const [from, to] = row.direction === "toNode" ? [row.who, "node"] : ["node", row.who]
      const round = row.round === undefined ? "" : ` [${row.round}]`
      return `${row.seq} ${from} > ${to} ${row.tone} | ${row.kind} | ${row.text}${round}`
    }
    case "SocketEvent":
      return `${row.seq} ${row.who} ${row.event}${row.bad ? " (bad)" : ""}: ${row.text}`
    case "Note":
      return `${row.seq} note: ${row.text}`
    case "Milestone":
      return `  = ${row.text} ${row.round ?? ""} ${row.balances?.initiator}/${row.balances?.responder}`
  }
}

/** What is wrong with the tags of a document, as a strict reader of markup sees it. */
const wrongMarkup = (markup: string): string | undefined => {
  const open: Array<string> = []
  const rest = markup.replace(/^<!DOCTYPE html>\n/, "").replace(/<style>[^<]*<\/style>/, "")
  const tag = /<(\/?)([a-zA-Z][\w-]*)((?: [\w:-]+="[^"<]*")*)( ?\/)?>/y
  for (let at = rest.indexOf("<"); at >= 0; at = rest.indexOf("<", tag.lastIndex)) {
    tag.lastIndex = at
    const found = tag.exec(rest)
    if (found === null) return `no tag: ${rest.slice(at, at + 60)}`
    const [, end, name = "", , empty] = found
    if (end === "/") {
      if (open.pop() !== name) return `closes ${name}: ${rest.slice(Math.max(0, at - 60), at + 20)}`
    } else if (empty === undefined) open.push(name)
  }
  if (open.length > 0) return `never closed: ${open.join(", ")}`
  const bare = /&(?!(?:amp|lt|gt|quot|#39);)/.exec(rest)
  return bare === null ? undefined : `a bare &: ${rest.slice(bare.index, bare.index + 30)}`
}

/** The secrets of a recording: what its fsm ids are. */
const secretsOf = (content: string): ReadonlyArray<string> => [
  ...new Set(
    [...content.matchAll(/(?:fsm_id"\s*:\s*"|existing_fsm_id=)(ba_[^"&]{20,})/g)].flatMap(([, id = ""]) => [
      id,
      decodeURIComponent(id)
    ])
  )
]

const count = (text: string, what: string): number => text.split(what).length - 1

/** The line with this number, changed. */
const changed = (seq: number, change: (line: Json.JsonObject) => Json.JsonObject): string =>
  lines
    .map((line, index) => {
      const json = Json.parseOrThrow(line)
      return index + 1 === seq && Json.isObject(json) ? Json.stringify(change(json)) : line
    })
    .join("\n")

describe("report: the model", () => {
  it("tells a session row by row", () => {
    const { rows, ...summary } = diagramOf(fixture)
    expect(summary).toMatchSnapshot("summary")
    expect(rows.map(told).join("\n")).toMatchSnapshot("rows")
  })

  it("knows who is connected", () => {
    const { rows } = diagramOf(fixture)
    const opened = rows.findIndex((row) => row._tag === "SocketEvent" && row.who === "responder")
    expect(rows[opened - 1]?.open.responder).toBe(false)
    expect(rows[opened]?.open.responder).toBe(true)
  })

  it("shows the transaction of a frame and the frame", () => {
    const frame = diagramOf(fixture).rows.find(
      (row) => row._tag === "Frame" && row.kind === "sign.initiator_sign"
    )
    if (frame?._tag !== "Frame") throw new Error("there is no such frame")
    const facts = new Map(frame.facts)
    expect(facts.get("transaction")).toBe("channel_create_tx")
    expect(facts.get("hash")).toMatch(/^th_/)
    expect(frame.content).toContain('"method": "channels.sign.initiator_sign"')
  })

  it("says so where a client's frame is no JSON", () => {
    const broken = changed(8, ({ msg: _msg, ...rest }) => ({ ...rest, text: '{"jsonrpc":' }))
    const row = diagramOf(broken).rows.find((row) => row.seq === 8)
    expect(row).toMatchObject({ _tag: "Frame", tone: "error", content: '{"jsonrpc":' })
  })
})

describe("report: what is drawn", () => {
  it("is well-formed, of one piece, and has every frame", () => {
    const { frames } = diagramOf(fixture)
    for (const format of ["html", "svg"] as const) {
      const text = drawn(fixture, format)
      expect(wrongMarkup(text)).toBeUndefined()
      expect(text).not.toMatch(/<script|<link|<img|@import|url\(|src=|href="(?!#)/)
      expect(count(text, format === "html" ? "row frame " : "<g><title>")).toBe(frames)
    }
    expect(drawn(fixture, "mermaid").match(/^ {2}(?:[IR]->>N|N-->>[IR]): /gm)).toHaveLength(frames)
    expect(drawn(fixture, "md")).toMatch(/^# session\.jsonl\n[^]*```mermaid\nsequenceDiagram\n[^]*```\n$/)
  })

  it("has no fsm id, wherever it stands", () => {
    const id = secretsOf(fixture)[0] ?? ""
    expect(id).toMatch(/^ba_/)
    const hostile = [
      fixture,
      changed(1, (line) => ({
        ...line,
        url: `${String(line["url"])}&existing_fsm_id=${encodeURIComponent(id)}`
      })),
      changed(8, ({ msg: _msg, ...rest }) => ({ ...rest, text: `{"fsm_id":"${id.replaceAll("/", "\\/")}` })),
      changed(3, (line) => ({ ...line, kind: "info", note: `the id is ${id}`, msg: null })),
      changed(8, (line) => ({
        ...line,
        msg: { jsonrpc: "2.0", method: "channels.message", params: { to: id, info: `take ${id}` } }
      }))
    ]
    for (const content of hostile)
      for (const format of formats) {
        const text = drawn(content, format)
        for (const secret of [...secretsOf(fixture), ...secretsOf(content)]) {
          expect(text).not.toContain(secret)
          expect(text.replaceAll("\\/", "/")).not.toContain(secret.slice(3, 30))
        }
      }
  })

  it("has nothing of secret keys", () => {
    expect(Redaction.ofText("key sk_2MGLPW2CHTDXJhqFJezqSwYSNwbZokSKkG7wSbGtVmeyjGfHtm!")).toBe(
      "key sk_(hidden)!"
    )
  })

  it("lets no text become markup", () => {
    const evil = `</summary><script>alert(1)</script>&"'<b x="\u202e\u0000\ud800 end; %%{init} # \`\`\``
    const content = changed(8, (line) => ({
      ...line,
      msg: { jsonrpc: "2.0", method: `channels.${evil}`, params: { info: evil, [evil]: [evil] } }
    }))
    for (const format of ["html", "svg"] as const) {
      const text = drawn(content, format, `${evil.replaceAll("/", "")}.jsonl`)
      expect(wrongMarkup(text)).toBeUndefined()
      expect(text).not.toContain("<script")
      expect(text).not.toMatch(/[\u202e\ud800-\udfff]/)
      expect(text).not.toContain("\0")
    }
    const mermaid = drawn(content, "mermaid")
    expect(mermaid).not.toMatch(/[`{}<]|%%|\bend[;: ]/)
    expect(count(drawn(content, "md", evil), "\n```")).toBe(2)
  })
})

describe("report: damaged recordings", () => {
  const cases: ReadonlyArray<readonly [string, string, RegExp]> = [
    ["nothing", "", /session\.jsonl: the recording is damaged: it is empty\.$/],
    [
      "a line cut short",
      `${lines[0]}\n${lines[1]?.slice(0, 40)}`,
      /line 2: the recording is damaged: no JSON/
    ],
    ["a missing line", [lines[0], ...lines.slice(2)].join("\n"), /line 2: .*a line is missing/],
    ["another file", "# Read me\n", /line 1: .*no JSON/],
    ["an unknown kind", changed(2, (line) => ({ ...line, kind: "frames" })), /line 2: .*unknown kind/]
  ]
  for (const [name, content, expected] of cases)
    it(name, () => {
      expect(problemOf(content)).toMatch(expected)
    })

  it("quote no secret", () => {
    const id = secretsOf(fixture)[0] ?? ""
    const broken = fixture.replaceAll(id, `${id.slice(0, -1)}x`)
    expect(problemOf(broken)).toMatch(/does not decode/)
    expect(problemOf(broken)).not.toContain(id.slice(3, 12))
  })
})

describe("report: recorded sessions", () => {
  const files = transcriptFiles("signed_tx", "tx", "legacy", "v7").filter((file) => file.endsWith(".jsonl"))

  it.skipIf(!hasShared)("are drawn with all their frames, readable, without secrets", () => {
    const totals = { files: 0, frames: 0, milestones: 0, problems: 0, unread: 0, secrets: 0 }
    for (const file of files) {
      const content = readFileSync(file, "utf8")
      const diagram = diagramOf(content, basename(file))
      const frames = content.split("\n").filter((line) => /"kind": ?"frame"/.test(line)).length
      const cutShort = diagram.rows.filter(
        (row) => row._tag === "Note" && row.text.includes("recorder cut short")
      ).length
      expect(diagram.frames + cutShort, file).toBe(frames)
      const texts = formats.map((format) => renderers[format](diagram))
      expect(count(texts[0] ?? "", "row frame "), file).toBe(diagram.frames)
      expect(wrongMarkup(texts[0] ?? ""), file).toBeUndefined()
      expect(wrongMarkup(texts[1] ?? ""), file).toBeUndefined()
      for (const secret of secretsOf(content)) {
        totals.secrets += 1
        for (const text of texts) expect(text.includes(secret.slice(3, 30)), file).toBe(false)
      }
      totals.files += 1
      totals.frames += diagram.frames
      for (const row of diagram.rows) {
        if (row._tag === "Milestone") totals.milestones += 1
        if (row._tag !== "Frame") continue
        if (row.tone === "error" || row.tone === "conflict") totals.problems += 1
        if (row.text.startsWith("not understood") && row.direction === "toClient") totals.unread += 1
      }
    }
    console.log(`drawn: ${JSON.stringify(totals)}`)
    expect(totals.unread).toBe(0)
  })
})

describe("report: the page in a browser", () => {
  const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
    existsSync
  )
  if (browser === undefined) console.log("skipped: no Chromium here to look at a report with")

  it.skipIf(browser === undefined)(
    "shows every frame, opens one on a click, hides what is not wanted",
    async () => {
      const folder = newFolder()
      const file = join(folder, "session.html")
      writeFileSync(file, drawn(fixture, "html"))
      const { frames, rows } = diagramOf(fixture)
      const instance = await chromium.launch({
        executablePath: browser ?? "",
        args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
      })
      try {
        const page = await instance.newPage({ viewport: { width: 1280, height: 900 } })
        const noise: Array<string> = []
        page.on("console", (message) => noise.push(message.text()))
        page.on("pageerror", (error) => noise.push(error.message))
        page.on("request", (request) =>
          noise.push(...(request.url().startsWith("file:") ? [] : [request.url()]))
        )
        await page.goto(pathToFileURL(file).href)
        expect(await page.locator(".frame").count()).toBe(frames)
        const heights = await page
          .locator(".frame")
          .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().height))
        expect(Math.min(...heights)).toBeGreaterThan(10)
        const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        expect(await page.evaluate(overflow)).toBe(0)

        const first = page.locator(".frame pre").first()
        expect(await first.isVisible()).toBe(false)
        await page.locator(".frame summary").first().click()
        expect(await first.isVisible()).toBe(true)
        expect(await first.innerText()).toContain('"event": "fsm_up"')

        await page.locator("label[for=only-problems]").click()
        const problems = rows.filter(isProblem).length
        expect(problems).toBeGreaterThan(0)
        expect(await page.locator(".frame:visible, .socket:visible").count()).toBe(problems)

        const folded = await instance.newPage({ viewport: { width: 420, height: 800 } })
        await folded.goto(pathToFileURL(file).href)
        expect(await folded.evaluate(overflow)).toBe(0)
        expect(noise).toEqual([])
      } finally {
        await instance.close()
      }
    }
  )
})

describe("report: the command", () => {
  it("writes what the file's name says, and tells what it wrote", async () => {
    const folder = newFolder()
    for (const [name, start] of [
      ["a.html", "<!DOCTYPE html>"],
      ["a.svg", "<svg "],
      ["a.md", "# session"],
      ["a.mmd", "sequenceDiagram"]
    ] as const) {
      const ended = await run("report", fixtureFile, "-o", join(folder, name))
      expect(ended).toMatchObject({ code: 0, err: "" })
      expect(ended.out).toMatch(/: \d+ frames, /)
      expect(readFileSync(join(folder, name), "utf8").startsWith(start)).toBe(true)
    }
    const piped = await run("report", "--format", "mermaid", fixtureFile)
    expect(piped.out.startsWith("sequenceDiagram\n")).toBe(true)
  })

  it("says what to do instead", async () => {
    const folder = newFolder()
    const transcript = join(folder, "session.jsonl")
    writeFileSync(transcript, `${lines[0]}\n${lines[1]}\n`)
    const refused = async (...args: ReadonlyArray<string>) => {
      const ended = await run("report", ...args)
      expect(ended.code).toBe(1)
      expect(ended.err.trimEnd().split("\n")).toHaveLength(1)
      return ended.err
    }
    expect(await refused(transcript, "-o", join(folder, "a.pdf"))).toMatch(/end it with \.html/)
    expect(await refused(transcript, "-o", transcript, "--format", "html")).toMatch(
      /would replace the recording/
    )
    expect(await refused(join(folder, "none.jsonl"), "-o", join(folder, "a.html"))).toMatch(/cannot read/)
    writeFileSync(transcript, `${lines[0]}\nnonsense`)
    expect(await refused(transcript, "-o", join(folder, "a.html"))).toMatch(
      /line 2: the recording is damaged/
    )
    expect(existsSync(join(folder, "a.html"))).toBe(false)
  })
})
