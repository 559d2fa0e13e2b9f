/** The watch over secrets finds what it has to find: a secret planted in each way in which one could show. */
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import { describe, expect, it } from "vitest"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import { base58 } from "@scure/base"
import { sha256 } from "../../../src/crypto/Hash.js"
import { needlesOf } from "./Forms.js"
import { quiet } from "./Hooks.js"
import { Index } from "./Scan.js"
import { watch } from "./setup.js"
import { report, Watch } from "./Watch.js"

const bytesOf = (name: string): Uint8Array => sha256(new TextEncoder().encode(name))

/** A new secret, as a node or client would keep it: 32 bytes and the fsm id of these. */
const secret = (name: string): { readonly bytes: Uint8Array; readonly text: string } => {
  const bytes = bytesOf(name)
  Redacted.make(bytes)
  const text = ApiEncoding.encode("ba", bytesOf(`${name} text`))
  Redacted.make(text)
  return { bytes, text }
}

class Planted extends Data.TaggedError("Planted")<{ readonly detail: unknown }> {}
class Worded extends Data.TaggedError("Worded")<{ readonly hidden: Redacted.Redacted<string> }> {
  override get message(): string {
    return `the id is ${Redacted.value(this.hidden)}`
  }
}

/** What the watch of this test file finds in what `plant` does; nothing of it is left when the file ends. */
const found = async (plant: () => unknown): Promise<ReadonlyArray<string>> => {
  expect(watch.take()).toEqual([])
  quiet.on = true
  try {
    await plant()
  } finally {
    quiet.on = false
  }
  const findings = watch.take()
  for (const finding of findings) expect(finding.around).toContain("‹secret›")
  return findings.map(({ way }) => way)
}

const run = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(effect)

describe("a planted secret is found", () => {
  const ways: ReadonlyArray<readonly [string, string, (name: string) => unknown]> = [
    ["the console", "console", (name) => console.log("id", secret(name).text)],
    ["standard output", "console", (name) => process.stdout.write(`${secret(name).text}\n`)],
    ["standard error", "console", (name) => console.error(inspect({ key: secret(name).bytes }))],
    ["a log that no logger shows", "log", (name) => run(Effect.logTrace("id", secret(name).text))],
    ["the cause in a log", "log", (name) => run(Effect.logDebug("oh", new Error(`no ${secret(name).text}`)))],
    [
      "an annotation of a log",
      "log",
      (name) => run(Effect.logDebug("hi").pipe(Effect.annotateLogs({ id: secret(name).text })))
    ],
    [
      "a span of a log",
      "log",
      (name) => run(Effect.logDebug("hi").pipe(Effect.withLogSpan(secret(name).text)))
    ],
    ["a defect of a fiber", "log", (name) => Effect.runPromiseExit(Effect.die(new Error(secret(name).text)))],
    ["a span's name", "span", (name) => run(Effect.withSpan(Effect.void, secret(name).text))],
    [
      "a span's attribute",
      "span",
      (name) => run(Effect.withSpan(Effect.void, "s", { attributes: { url: `/?id=${secret(name).text}` } }))
    ],
    [
      "a late attribute of a span",
      "span",
      (name) => run(Effect.withSpan(Effect.annotateCurrentSpan("key", secret(name).bytes), "s"))
    ],
    [
      "the failure of a span",
      "span",
      (name) => run(Effect.ignore(Effect.withSpan(Effect.fail(secret(name).text), "s")))
    ],
    ["an error nobody looks at", "error", (name) => void new Planted({ detail: secret(name).text })],
    [
      "bytes deep in an error",
      "error",
      (name) =>
        void new Planted({ detail: { cause: new Map([["k", [new Error("e", { cause: secret(name) })]]]) } })
    ],
    [
      "something behind a symbol of an error",
      "error",
      (name) => void new Planted({ detail: { [Symbol("target")]: { url: `/?id=${secret(name).text}` } } })
    ],
    [
      "an error whose message unwraps it",
      "error",
      (name) => void new Worded({ hidden: Redacted.make(secret(name).text) })
    ]
  ]
  it.each(ways)("in %s", async (name, way, plant) => {
    const all = await found(() => plant(name))
    expect(all.length).toBeGreaterThan(0)
    expect(all).toContain(way)
  })

  it("in a file, removed or not", async () => {
    const folder = mkdtempSync(join(tmpdir(), "aechannel-planted-"))
    expect(
      await found(() => {
        writeFileSync(join(folder, "raw"), Buffer.concat([Buffer.from("log"), secret("in a file").bytes]))
        rmSync(join(folder, "raw"))
      })
    ).toEqual(["file"])
    expect(await found(() => writeFileSync(join(folder, "log"), secret("still there").text))).toEqual([
      "file"
    ])
    writeFileSync(join(folder, "log"), "")
    rmSync(folder, { recursive: true })
    expect(await found(() => undefined)).toEqual([])
  })

  it("in what another process prints, whether it is ours or its own", async () => {
    const start = (script: string) =>
      new Promise((resolve) => spawn(process.execPath, ["-e", script]).on("close", resolve))
    expect(await found(() => start(`console.error("${secret("to a process").text}")`))).toEqual([
      // The command line is printed too.
      "output of a process"
    ])
    expect(
      await found(() =>
        spawnSync("sh", ["-c", 'echo "$0"', Buffer.from(secret("to a shell").bytes).toString("hex")])
      )
    ).toEqual(["output of a process"])
    const own = `
      import * as Redacted from "effect/Redacted"
      const text = "its own secret: " + "x1y2z3".repeat(3)
      Redacted.make(text)
      console.log(JSON.stringify({ text }))
      process.kill(process.pid, "SIGKILL")
    `
    expect(
      await found(
        () =>
          new Promise((resolve) =>
            spawn(process.execPath, ["--input-type=module", "-e", own], {
              cwd: import.meta.dirname,
              env: {}
            }).on("close", resolve)
          )
      )
    ).toEqual(["output of a process"])
  })

  it("in a text that was shown before anybody called it secret", async () => {
    const text = ApiEncoding.encode("ba", bytesOf("late"))
    expect(
      await found(async () => {
        await run(Effect.logDebug(`received ${text}`))
        Redacted.make(text)
      })
    ).toEqual(["log"])
  })
})

const checksum = (bytes: Uint8Array) => sha256(sha256(bytes)).subarray(0, 4)

const shapes: { readonly [name: string]: (bytes: Uint8Array) => string } = {
  "ba_ text": (bytes) => ApiEncoding.encode("ba", bytes),
  "base64 in the middle": (bytes) =>
    Buffer.concat([Buffer.from("a"), bytes, Buffer.from("b")]).toString("base64"),
  "base64 further on": (bytes) => Buffer.concat([Buffer.from("ab"), bytes]).toString("base64"),
  "sk_ text": (bytes) => ApiEncoding.encode("sk", bytes),
  "sk_ text made by others": (bytes) => `sk_${base58.encode(Buffer.concat([bytes, checksum(bytes)]))}`,
  "shortened sk_ text": (bytes) => `${ApiEncoding.encode("sk", bytes).slice(0, 16)}…`,
  "the end of an sk_ text": (bytes) => `…${ApiEncoding.encode("sk", bytes).slice(-14)}`,
  hexadecimal: (bytes) => Buffer.from(bytes).toString("hex"),
  "upper case hexadecimal": (bytes) => Buffer.from(bytes).toString("hex").toUpperCase(),
  "seed and public key": (bytes) => `${Buffer.from(bytes).toString("hex")}${"0".repeat(64)}`,
  "inspected bytes": (bytes) => inspect({ key: bytes }),
  "inspected buffer": (bytes) => inspect({ key: Buffer.from(bytes) }),
  "JSON of bytes": (bytes) => JSON.stringify({ key: bytes }),
  "JSON of a list": (bytes) => JSON.stringify([...bytes], null, 2),
  "Erlang's bytes": (bytes) => `<<${bytes.join(",")}>>`,
  "escaped in a URL": (bytes) => encodeURIComponent(ApiEncoding.encode("ba", bytes))
}

const wrapped: { readonly [name: string]: (bytes: Uint8Array) => unknown } = {
  bytes: (bytes) => bytes,
  "ba_ text": (bytes) => ApiEncoding.encode("ba", bytes),
  "sk_ text": (bytes) => ApiEncoding.encode("sk", bytes),
  hexadecimal: (bytes) => `${Buffer.from(bytes).toString("hex")}\n`,
  "seed and public key": (bytes) => Buffer.from(bytes).toString("hex") + "ab".repeat(32)
}

describe("the forms of a secret", () => {
  it("are found whatever form was kept", () => {
    const missed: Array<string> = []
    let tried = 0
    for (const [kept, wrap] of Object.entries(wrapped))
      for (const [shown, shape] of Object.entries(shapes))
        for (let n = 0; n < 20; n++) {
          const bytes = bytesOf(`form ${n}`)
          const own = new Watch()
          own.learn(wrap(bytes))
          own.text("log", "test", `{"some": "text", "and": ${shape(bytes)}, "more": 1}`)
          tried += 1
          const [finding] = own.take()
          if (finding === undefined) missed.push(`${kept} as ${shown}`)
          else
            for (const { form, bytes: needle } of needlesOf(bytes))
              if (form !== "bytes")
                expect(report([finding])).not.toContain(Buffer.from(needle).toString("latin1"))
        }
    expect(missed).toEqual([])
    console.log(`${tried} forms of secrets found`)
  })

  it("are not seen in what is no secret", () => {
    const own = new Watch()
    const plain = [
      new Uint8Array(32),
      new Uint8Array(32).fill(7),
      Uint8Array.from({ length: 32 }, (_, i) => i)
    ]
    for (const value of [...plain, "ak_2a1j2Mk9YSmC1gioUq4PWRm3bsv887MbuRVwyv4KaUGoR1eiKi", "short", 5])
      own.learn(value)
    own.learn(Buffer.concat([bytesOf("seed"), bytesOf("public key")]))
    for (const bytes of plain)
      for (const shape of Object.values(shapes)) own.text("log", "test", shape(bytes))
    own.text("log", "test", "ak_2a1j2Mk9YSmC1gioUq4PWRm3bsv887MbuRVwyv4KaUGoR1eiKi")
    own.text("log", "test", Buffer.from(bytesOf("public key")).toString("hex"))
    for (let n = 0; n < 2000; n++) {
      own.learn(bytesOf(`secret ${n}`))
      own.text("log", "test", ApiEncoding.encode("tx", bytesOf(`public ${n}`)))
    }
    expect(own.take()).toEqual([])
    expect(own.counts.weak).toBe(5)
  })

  it("are found as a slow search would find them", () => {
    const few = FastCheck.uint8Array({ minLength: 4, maxLength: 6, max: 2 })
    const many = FastCheck.uint8Array({ maxLength: 200, max: 2 })
    FastCheck.assert(
      FastCheck.property(FastCheck.array(few), many, (needles, bytes) => {
        const index = new Index()
        for (const [secret, needle] of needles.entries()) index.add({ form: "", bytes: needle, secret })
        const hit = index.find(bytes)
        const places = needles
          .map((needle) => Buffer.from(bytes).indexOf(needle))
          .filter((place) => place >= 0)
        expect(hit?.start).toBe(places.length === 0 ? undefined : Math.min(...places))
      })
    )
  })
})
