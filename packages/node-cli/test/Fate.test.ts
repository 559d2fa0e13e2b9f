import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { piped } from "./piped.js"

const folder = mkdtempSync(join(tmpdir(), "aechannel-fate-"))
afterAll(() => rmSync(folder, { recursive: true }))
const path = (name: string) => join(folder, name)

interface Contract {
  readonly code: string
  readonly aci: unknown
}

const { Meter } = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../core/test/fixtures/fate/sophia.json", import.meta.url)), "utf8")
) as { readonly Meter: Contract }

const code = path("meter.cb")
writeFileSync(code, `${Meter.code}\n`)
const aci = path("meter.json")
writeFileSync(aci, JSON.stringify(Meter.aci))

const fate = (...args: ReadonlyArray<string>) => piped("", "fate", ...args)
const alice = "ak_2EBf5Q2rQKAtLaZekHpHH4m44GW2Wt6uhTvyvhtFZsHUdMnF6P"

const paragraph = (err: string) => {
  expect(err).toMatch(/^aechannel: .*\n$/)
  return err
}

const lines = (out: string) => out.trimEnd().split("\n")

/** The store after init. */
const initialized = async () => {
  const file = path("initialized.json")
  const { code: exit, err } = await fate("run", code, "init", "7", "--save", file)
  expect([exit, err]).toEqual([0, ""])
  return file
}

describe("aechannel fate disasm", () => {
  it("shows functions, blocks and instructions, from a file, an argument or the standard input", async () => {
    const { err, out } = await fate("disasm", code)
    expect(err).toBe("")
    expect(out).toContain("function height 386f1daa : () => integer\n  0:\n    GENERATION a\n    RETURN\n")
    expect(out).toContain("function add 4b050ea9 payable : (integer) => integer\n")
    expect(out).toContain('    ABORT "NOT_POSITIVE"\n')
    expect((await fate("disasm", Meter.code)).out).toBe(out)
    expect((await piped(`${Meter.code}\n`, "fate", "disasm", "-")).out).toBe(out)
  })

  it("says what is wrong with what is no code", async () => {
    const missing = await fate("disasm", path("nowhere"))
    expect(missing.code).toBe(1)
    expect(paragraph(missing.err)).toContain("there is no file")
    expect(paragraph((await fate("disasm", `${Meter.code.slice(0, -8)}AAAAAAAA`)).err)).toContain("checksum")
    const callData = await fate("disasm", "cb_KxHwzCuVGyl3aG9vbHltb2x5zwMSnw==")
    expect(paragraph(callData.err)).toContain("call data and values are no code")
  })
})

describe("aechannel fate run", () => {
  it("runs a contract's life over stores in files", async () => {
    const store = await initialized()
    const after = path("after.json")
    const added = await fate("run", code, "add", "5", "--store", store, "--save", after, "--caller", alice)
    expect([added.code, added.err]).toEqual([0, ""])
    expect(lines(added.out)).toEqual([
      "ok        12",
      "gas       6337 of 1000000",
      "log       1 event",
      '  "added"',
      expect.stringMatching(/^ {4}#[0-9a-f]{64}$/),
      `    #${"a1".repeat(32)}`,
      `    #${"c".padStart(64, "0")}`,
      "store     4 entries, 84 bytes; written 2 entries, 43 bytes",
      "  register 2 = 12",
      `  register 3 = {${alice}: 1}`
    ])
    const reads = await fate("run", code, "reads_of", alice, "--aci", aci, "--store", after, "--json")
    expect(reads.code).toBe(0)
    expect(JSON.parse(reads.out)).toMatchObject({
      return_type: "ok",
      text: "1",
      decoded: "1",
      log: [],
      store: { entries: 4, bytes: 84, changes: [] }
    })
  })

  it("takes call data as it is, and a store as nodes answer it", async () => {
    const store = path("answered.json")
    writeFileSync(
      store,
      JSON.stringify({ contract_state: JSON.parse(readFileSync(await initialized(), "utf8")) })
    )
    const byData = await fate("run", code, "cb_KxFhaWmaP5e/GIA=", "--store", store)
    expect(lines(byData.out)[0]).toBe("ok        7")
    expect(byData.out).toContain("written nothing")
    expect((await fate("run", code, "total", "--store", store)).out).toBe(byData.out)
  })

  it("knows the amount, the height and the gas", async () => {
    const store = await initialized()
    const height = await fate("run", code, "height", "--height", "4711", "--store", store)
    expect(lines(height.out)[0]).toBe("ok        4711")
    const paid = await fate("run", code, "pay", alice, "3", "--store", store, "--balance", "3")
    expect(lines(paid.out)[0]).toBe("ok        ()")
    const poor = await fate("run", code, "pay", alice, "3", "--store", store)
    expect(poor.code).toBe(1)
    expect(paragraph(poor.err)).toContain("insufficient_funds")
    const refused = await fate("run", code, "total", "--amount", "1", "--store", store)
    expect(paragraph(refused.err)).toContain("is not payable")
    const exhausted = await fate("run", code, "spin", "1000", "--gas", "500", "--store", store)
    expect(lines(exhausted.out).slice(0, 2)).toEqual(["error     Out of gas", "gas       500 of 500"])
  })

  it("shows a revert, fails, and keeps the store", async () => {
    const store = await initialized()
    const save = path("kept.json")
    const { code: exit, err, out } = await fate("run", code, "add", "-5", "--store", store, "--save", save)
    expect(exit).toBe(1)
    expect(lines(out)[0]).toBe('revert    "NOT_POSITIVE"')
    expect(out).toContain("written nothing")
    expect(paragraph(err)).toBe('aechannel: add ended in a revert: "NOT_POSITIVE". Nothing of it stays.\n')
    expect(() => readFileSync(save)).toThrow()
  })

  it("says in one paragraph what is wrong with a call", async () => {
    const store = await initialized()
    const wrong: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
      [["ad", "1"], "Did you mean “add”?"],
      [["add"], "Non matching number of arguments"],
      [["add", "x"], "Cannot convert x to a BigInt"],
      [["add", "5", "--amount", "-1"], "--amount takes a whole number of aettos"],
      [["add", "5", "--caller", "ak_x"], "--caller takes an account"],
      [["add", "5", "--protocol", "3"], "--protocol takes a number from 4 to 6"],
      [["add", "5", "--gas", "-1"], "--gas takes a number from 0"],
      [["add", "5", "--aci", store], "is no contract's interface"],
      [["add", "5", "--aci", code], "is no JSON"],
      [["add", "5", "--store", aci], "is no contract's store"],
      [["cb_KxHwzCuVGyl3aG9vbHltb2x5zwMSnw==", "5"], "call data (cb_…) holds its arguments"]
    ]
    for (const [args, what] of wrong) {
      const withStore = args.includes("--store") ? args : [...args, "--store", store]
      const { code: exit, err, out } = await fate("run", code, ...withStore)
      expect([exit, out]).toEqual([1, ""])
      expect(paragraph(err)).toContain(what)
    }
    const fresh = await fate("run", code, "add", "5")
    expect(paragraph(fresh.err)).toContain("run init with --save FILE")
  })

  it("completes its options", async () => {
    const { out } = await piped("", "--completions", "bash")
    expect(out).toContain("aechannel__fate__run")
    expect(out).toContain("--store")
  })
})
