import { execFileSync } from "node:child_process"
import { Effect, Either } from "effect"
import { describe, expect, it } from "vitest"
import * as Arguments from "../src/Arguments.js"
import { piped } from "./piped.js"

const root: Arguments.Outline = {
  name: "tool",
  commands: [
    { name: "inspect", commands: [] },
    { name: "keys", commands: ["new", "show"].map((name) => ({ name, commands: [] })) },
    { name: "node", commands: [] }
  ]
}

const prepare = (...args: ReadonlyArray<string>) =>
  Effect.runSync(Effect.either(Arguments.prepare(["node", "tool.js", ...args], root))).pipe(
    Either.match({ onLeft: ({ message }) => message, onRight: (all) => all.slice(2) })
  )

describe("arguments", () => {
  it("suggest the command that was meant", () => {
    for (const [typed, meant] of [
      ["nod", "node"],
      ["Node", "node"],
      ["inspct", "inspect"],
      ["ins", "inspect"],
      ["keey", "keys"]
    ])
      expect(prepare(typed ?? "")).toContain(`Did you mean “${meant}”?`)
    expect(prepare("keys", "sho")).toContain('there is no command "tool keys sho". Did you mean “show”?')
    expect(prepare("--log-level", "debug", "keys", "nw")).toContain("Did you mean “new”?")
    for (const far of ["x", "channel", "ak_123", "-"]) expect(prepare(far)).not.toContain("Did you mean")
    expect(prepare("x\u001b[31m")).not.toContain("\u001b")
  })

  it("of commands are left to them", () => {
    for (const args of [
      [],
      ["node", "--port", "0"],
      ["inspect", "nod", "--anything"],
      ["keys", "show", "x", "--secret"],
      ["keys"],
      ["--help"],
      ["node", "--help"],
      ["--log-level=debug", "node"],
      ["inspect", "--completions"].slice(0, 1)
    ])
      expect(prepare(...args)).toEqual(args)
  })

  it("that every command has are checked", () => {
    expect(prepare("--log-level", "loud", "node")).toContain('not "loud"')
    expect(prepare("node", "--log-level=loud")).toContain("--log-level takes one of all, trace, debug")
    expect(prepare("--completions", "tcsh")).toContain("--completions takes one of sh, bash, fish, zsh")
    expect(prepare("--completions")).toContain("--completions takes one of")
    expect(prepare("--hlep", "node")).toContain("Did you mean “--help”?")
  })

  it("may have an = in their value", () => {
    expect(prepare("node", "--key-file=Alice=a.key", "--url=ws://x", "a=b")).toEqual([
      "node",
      "--key-file",
      "Alice=a.key",
      "--url=ws://x",
      "a=b"
    ])
  })

  it("may stand behind a lone dash", () => {
    expect(prepare("inspect", "-", "--json")).toEqual(["inspect", "--json", "-"])
    expect(prepare("keys", "show", "-", "--secret")).toEqual(["keys", "show", "--secret", "-"])
    // The value of an option stays where it is.
    expect(prepare("inspect", "--file", "-", "--json")).toEqual(["inspect", "--file", "-", "--json"])
  })
})

describe("aechannel", () => {
  const commands = ["demo", "inspect", "keys", "node", "run"]

  it("names the command that was meant and fails", async () => {
    const { code, err, out } = await piped("", "nod")
    expect([code, out]).toEqual([1, ""])
    expect(err).toMatch(/^aechannel: there is no command "aechannel nod"\. Did you mean “node”\? .*\n$/)
    for (const command of commands) expect(err).toContain(`\`aechannel ${command}\``)
  })

  it("has help for every command, in plain text where there is no terminal", async () => {
    for (const args of [
      [],
      ["inspect"],
      ["keys"],
      ["keys", "new"],
      ["keys", "show"],
      ["node"],
      ["demo"],
      ["demo", "dispute"],
      ["demo", "game"]
    ]) {
      const { code, err, out } = await piped("", ...args, "--help")
      expect([code, err]).toEqual([0, ""])
      expect(out).toContain("DESCRIPTION")
      expect(out.replaceAll("\n", "")).not.toMatch(/\p{C}/u)
    }
    const { out } = await piped("", "--help")
    for (const command of commands) expect(out).toContain(command)
    expect(out).toContain("  - keys\n      Make an account's keys")
    expect(out).not.toMatch(/\S {8}/)
    // Without anything to do, too.
    expect((await piped("")).out).toBe(out)
    expect((await piped("", "keys")).code).toBe(0)
  })

  it("has completions for the shells, and bash understands its own", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, err, out } = await piped("", "--completions", shell)
      expect([code, err]).toEqual([0, ""])
      for (const word of [...commands, "dispute", "json", "network-id", "force"]) expect(out).toContain(word)
      if (shell === "bash" && process.platform !== "win32") execFileSync("bash", ["-n"], { input: out })
    }
  })

  it("says its version without loading anything else", async () => {
    expect(await piped("", "--version")).toEqual({ code: 0, out: "0.1.0\n", err: "" })
    expect((await piped("", "node", "--version")).out.trim()).toBe("0.1.0")
  })
})
