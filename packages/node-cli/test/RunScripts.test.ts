/** Every example of SCRIPTS.md runs; the table of steps there is that of the program. */
import { chmodSync, writeFileSync } from "node:fs"
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { start } from "./cli.js"
import { expectSuccess, folder, packageFolder, read, run, runText, script } from "./run.js"

const text = read("SCRIPTS.md")
const blocks = [...text.matchAll(/^(#+ .*)$|```(\w+)\n([\s\S]*?)```/gm)].reduce<{
  heading: string
  found: Array<{ heading: string; language: string; body: string }>
}>(
  ({ heading, found }, [, title, language, body]) =>
    title === undefined
      ? { heading, found: [...found, { heading, language: String(language), body: String(body) }] }
      : { heading: title, found },
  { heading: "", found: [] }
).found

const yaml = blocks.filter(({ language }) => language === "yaml")
const shell = blocks.filter(({ language }) => language === "sh")

describe("SCRIPTS.md", () => {
  it("has only examples that are run here", () => {
    expect(yaml).toHaveLength(13)
    expect(shell).toHaveLength(3)
    expect(blocks).toHaveLength(yaml.length + shell.length)
  })

  it.each(yaml)("$heading: its script does what it says", async ({ body }) => {
    const { out, ...ended } = await runText(body.startsWith("- ") ? script(body) : body)
    expectSuccess({ out, ...ended })
    expect(out).toMatch(/All \d+ steps did what the script says\.\n$/)
  })

  it("its commands run", async () => {
    const bin = folder()
    const command = join(bin, "aechannel")
    writeFileSync(
      command,
      `#!/bin/sh\nexec "${process.execPath}" "${join(packageFolder, "dist/bin.js")}" "$@"\n`
    )
    chmodSync(command, 0o755)
    const sh = (lines: string, cwd: string) =>
      spawnSync("sh", ["-e", "-c", lines], {
        cwd,
        encoding: "utf8",
        env: { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}` }
      })
    for (const { body } of shell.filter(({ body }) => !body.includes("--url"))) {
      const { status, stderr } = sh(body, packageFolder)
      expect(stderr).toBe("")
      expect(status).toBe(0)
    }

    // Other ports than those of the text, which may be in use on this machine.
    const [{ body } = { body: "" }] = shell.filter(({ body }) => body.includes("--url"))
    const [nodeLine = "", runLine = ""] = body.trim().split("\n")
    const cwd = folder()
    expect(nodeLine).toBe("aechannel node --config-out node.json")
    const node = start("node", "--port", "0", "--channel-port", "0", "--config-out", join(cwd, "node.json"))
    const [, http = ""] = await node.line(/^Chain and controls: (\S+)$/m)
    const [, channel = ""] = await node.line(/^Channels: +(\S+)$/m)
    await node.line(/^Ready/m)
    writeFileSync(
      join(cwd, "script.yaml"),
      script(
        "- transfer: { from: Alice, amount: 1 AE }\n- expect: { onChain: { Alice: { atMost: 990 AE } } }\n- mine: 2\n- wait: 10 ms\n"
      )
    )
    const { status, stderr, stdout } = sh(
      runLine.replace("ws://127.0.0.1:3014/channel", channel).replace("http://127.0.0.1:3013", http),
      cwd
    )
    node.process.kill("SIGINT")
    expect(stderr).toBe("")
    expect(stdout).toContain(`Node: ${channel}, network ae_dev`)
    expect(stdout).toContain("All 5 steps did what the script says.")
    expect(status).toBe(0)
    await node.ended
  })

  it("has the program's table of steps", async () => {
    const { out } = await run(["--steps"])
    const rows = out
      .trim()
      .split("\n")
      .map((line) => /^(\S+) +(.+)$/.exec(line))
    expect(rows.length).toBeGreaterThan(15)
    for (const row of rows) expect(text).toContain(`| \`${row?.[1]}\` | ${row?.[2]} |`)
    const [, table = ""] = /^\| step \|.*\n\|.*\n((?:\|.*\n)+)/m.exec(text) ?? []
    expect(table.trim().split("\n")).toHaveLength(rows.length)
  })
})

it.each(
  [...read("../../README.md").matchAll(/```yaml\n(parties:[\s\S]*?)```/g)].map(([, body]) => String(body))
)("the script of the README does what it says", async (body) => expectSuccess(await runText(body)))
