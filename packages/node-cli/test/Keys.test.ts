import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import { Effect, Redacted } from "effect"
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { known } from "./inspected.js"
import { piped } from "./piped.js"

const folder = mkdtempSync(join(tmpdir(), "aechannel-keys-"))
afterAll(() => rmSync(folder, { recursive: true }))
const path = (name: string) => join(folder, name)

const addressOf = (secret: string): Promise<string> =>
  Effect.runPromise(
    Effect.map(KeyPair.fromText(Redacted.make(secret)), ({ address }) => address).pipe(
      Effect.provide(NativeCrypto.layer)
    )
  )

const keys = (...args: ReadonlyArray<string>) => piped("", "keys", ...args)

const paragraph = (err: string) => {
  expect(err).toMatch(/^aechannel: .*\n$/)
  return err
}

describe("aechannel keys new", () => {
  it("writes a new key that only its owner may read, and prints its address alone", async () => {
    const file = path("new")
    const { code, err, out } = await keys("new", "--out", file)
    expect([code, err]).toEqual([0, ""])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const content = readFileSync(file, "utf8")
    expect(content).toMatch(/^sk_\w+\n$/)
    expect(out).toBe(`${await addressOf(content.trim())}\n`)
  })

  it("never makes the same key twice", async () => {
    const first = await keys("new")
    const second = await keys("new")
    expect(first.out).toMatch(/^address {5}ak_\w+\nsecret key {2}sk_\w+\n$/)
    expect(second.out).not.toBe(first.out)
    const [, address, secret = ""] = /(ak_\w+)[\s\S]*(sk_\w+)/.exec(first.out) ?? []
    expect(await addressOf(secret)).toBe(address)
  })

  it("leaves an existing file as it is, unless it is told to replace it", async () => {
    const file = path("twice")
    writeFileSync(file, "precious\n", { mode: 0o644 })
    const refused = await keys("new", "--out", file)
    expect(refused.code).toBe(1)
    expect(refused.out).toBe("")
    expect(paragraph(refused.err)).toContain("--force")
    expect(readFileSync(file, "utf8")).toBe("precious\n")

    const forced = await keys("new", "--out", file, "--force", "--json")
    expect([forced.code, forced.err]).toEqual([0, ""])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(JSON.parse(forced.out)).toEqual({ address: await addressOf(readFileSync(file, "utf8").trim()) })
    expect(readdirSync(folder).filter((name) => name.startsWith("twice"))).toEqual(["twice"])
  })

  it("replaces a link, not what it leads to", async () => {
    writeFileSync(path("target"), "precious\n")
    symlinkSync(path("target"), path("link"))
    expect((await keys("new", "--out", path("link"))).code).toBe(1)
    expect((await keys("new", "--out", path("link"), "--force")).code).toBe(0)
    expect(readFileSync(path("target"), "utf8")).toBe("precious\n")
    expect(readFileSync(path("link"), "utf8")).toMatch(/^sk_/)
  })

  it("says where it cannot write, and leaves nothing behind", async () => {
    for (const force of [[], ["--force"]]) {
      const { code, err } = await keys("new", "--out", path("nowhere/key"), ...force)
      expect(code).toBe(1)
      expect(paragraph(err)).toContain("there is no such file or folder")
      expect(existsSync(path("nowhere"))).toBe(false)
    }
    const onFolder = await keys("new", "--out", folder, "--force")
    expect(onFolder.code).toBe(1)
    paragraph(onFolder.err)
  })
})

describe("aechannel keys show", () => {
  const [{ address, secretKey64, secretString, seed }] = known("ed25519").keys

  it("shows the address of every form of a key, and the key only when asked", async () => {
    for (const [name, content] of [
      ["sk", `${secretString}\n`],
      ["seed", seed],
      ["both", `  ${secretKey64}\r\n`]
    ]) {
      writeFileSync(path(name), content, { mode: 0o600 })
      expect(await keys("show", path(name))).toEqual({ code: 0, out: `${address}\n`, err: "" })
      const secret = await keys("show", path(name), "--secret", "--json")
      expect(JSON.parse(secret.out)).toEqual({ address, secretKey: secretString })
    }
    expect((await keys("show", "--json", path("sk"))).out).toBe(`{"address":"${address}"}\n`)
  })

  it("reads the standard input", async () => {
    expect((await piped(`${secretString}\n`, "keys", "show", "-")).out).toBe(`${address}\n`)
    const secret = await piped(secretString, "keys", "show", "-", "--secret")
    expect(secret).toMatchObject({ code: 0, out: `address     ${address}\nsecret key  ${secretString}\n` })
  })

  it("warns of a file that others may read", async () => {
    writeFileSync(path("open"), secretString)
    chmodSync(path("open"), 0o644)
    const { code, err, out } = await keys("show", path("open"))
    expect([code, out]).toEqual([0, `${address}\n`])
    expect(paragraph(err)).toContain("chmod 600")
  })

  it("says what is wrong with a file, never what is in it", async () => {
    const table: ReadonlyArray<readonly [name: string, content: string | undefined, error: string]> = [
      ["absent", undefined, "there is no such file or folder"],
      ["empty", "", "invalid_secret_key"],
      ["address", address, "invalid_secret_key"],
      ["mistyped", `${secretString.slice(0, -1)}1`, "bad_checksum"],
      ["short", seed.slice(2), "invalid_secret_key"],
      ["mismatch", `${secretKey64.slice(0, 64)}${"11".repeat(32)}`, "public_key_mismatch"],
      ["large", "x".repeat(5000), "too large"]
    ]
    for (const [name, content, error] of table) {
      if (content !== undefined) writeFileSync(path(name), content, { mode: 0o600 })
      const { code, err, out } = await keys("show", path(name))
      expect([code, out]).toEqual([1, ""])
      expect(paragraph(err)).toContain(error)
      if (content !== undefined && content.length > 12) expect(err).not.toContain(content.slice(3, 12))
    }
    const onFolder = await keys("show", folder)
    expect(onFolder.code).toBe(1)
    paragraph(onFolder.err)
  })

  it("shows the address of a key that was just made", async () => {
    const made = await keys("new", "--out", path("fresh"))
    expect((await keys("show", path("fresh"))).out).toBe(made.out)
    expect(ApiEncoding.is("ak", made.out.trim())).toBe(true)
  })
})
