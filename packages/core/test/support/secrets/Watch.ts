/** Knows the secrets of a test run and what the run has shown, and says which secret shows where. */
import { needlesOf } from "./Forms.js"
import { withoutAllowed } from "./Places.js"
import { type Hit, Index } from "./Scan.js"

/** Where something was shown. */
export type Way = "console" | "log" | "span" | "error" | "file" | "output of a process" | "transcript"

export interface Finding {
  readonly way: Way
  readonly name: string
  /** Which form of which secret. */
  readonly what: string
  /** The words around it, without it. */
  readonly around: string
}

interface Shown {
  readonly way: Way
  readonly name: string
}

interface Secret {
  readonly kind: string
  /** Its stack says where it was made. */
  readonly made: Error
}

/** Bytes kept to be looked at in the end; beyond it they are looked at, and let go, at once. */
const keptAtMost = 1 << 26

const kindOf = (value: unknown): string =>
  typeof value !== "string"
    ? "secret bytes"
    : value.startsWith("ba_")
      ? "fsm id"
      : value.startsWith("sk_")
        ? "secret key"
        : "secret text"

const placeOf = ({ made }: Secret): string =>
  made.stack
    ?.split("\n")
    .map((line) => line.trim())
    .find((line) => line.includes("/packages/") && !/support\/secrets\/(?!.*\.test\.)/.test(line)) ??
  "at an unknown place"

/** Up to 80 characters on both sides, without the rest of the word, or of the list of numbers, in which it stands. */
const aroundOf = (bytes: Uint8Array, { end, start }: Hit): string => {
  const text = (part: Uint8Array) => Buffer.from(part).toString("latin1")
  const before = text(bytes.subarray(Math.max(0, start - 400), start))
    .replace(/[\da-fA-F\s,":]*$/, "")
    .replace(/[\w+/=%]*$/, "")
  const after = text(bytes.subarray(end, end + 400))
    .replace(/^[\da-fA-F\s,":]*/, "")
    .replace(/^[\w+/=%]*/, "")
  const clean = (side: string) => side.replaceAll(/[^ -~]+/g, " ")
  return `…${clean(before).slice(-80)} ‹secret› ${clean(after).slice(0, 80)}…`
}

/** A text, without what may stand in the middle of a secret: spaces in a list of numbers, a URL's escapes. */
const versionsOf = (text: string): ReadonlyArray<string> => [
  text,
  ...(/\d\s*,\s+\d+\s*,\s+\d/.test(text) ? [text.replaceAll(/\s+/g, "")] : []),
  ...(/%(?:2B|2F|3D)/i.test(text)
    ? [text.replaceAll(/%(?:2B|2F|3D)/gi, (escape) => decodeURIComponent(escape))]
    : [])
]

/** One test file's. */
export class Watch {
  /** By what was wrapped, as text. */
  readonly #secrets = new Map<string, { readonly number: number; readonly value: unknown }>()
  readonly #made: Array<Secret> = []
  readonly #shown = new Map<string, Shown>()
  readonly #files: Array<Shown & { readonly bytes: Uint8Array }> = []
  readonly #findings = new Map<string, Finding>()
  /** Called before anything is looked at: brings in what was put off. */
  readonly beforeLook: Array<() => void> = []
  /** Called when the test file is over. */
  readonly atEnd: Array<() => void> = []
  #index = new Index()
  #indexed = 0
  #kept = 0
  #weak = 0
  #texts = 0
  #size = 0

  /** A value that must not be shown. */
  learn(value: unknown): void {
    const isText = typeof value === "string"
    if (!isText && !(value instanceof Uint8Array)) return
    const key = isText ? value : Buffer.from(value).toString("latin1")
    if (this.#secrets.has(key)) return
    this.#secrets.set(key, { number: this.#made.length, value: isText ? value : Uint8Array.from(value) })
    this.#made.push({ kind: kindOf(value), made: new Error("made") })
  }

  /** Something was shown. */
  text(way: Way, name: string, text: string): void {
    const rest = text === "" || this.#shown.has(text) ? "" : (withoutAllowed(way, name, text) ?? "")
    if (rest === "") return
    this.#shown.set(rest, { way, name })
    this.#count(rest.length)
  }

  /** A file was written. */
  file(name: string, content: Uint8Array): void {
    // One character for each byte.
    const rest = withoutAllowed("file", name, Buffer.from(content).toString("latin1")) ?? ""
    if (rest === "") return
    this.#files.push({ way: "file", name, bytes: Buffer.from(rest, "latin1") })
    this.#count(rest.length)
  }

  #count(size: number): void {
    this.#texts += 1
    this.#size += size
    this.#kept += size
    if (this.#kept > keptAtMost) this.#look()
  }

  #addNeedles(): void {
    const all = [...this.#secrets.values()]
    for (const { number, value } of all.slice(this.#indexed)) {
      const needles = needlesOf(value)
      if (needles.length === 0) this.#weak += 1
      for (const needle of needles) this.#index.add({ ...needle, secret: number })
    }
    this.#indexed = all.length
  }

  #lookAt(shown: Shown, bytes: Uint8Array): void {
    const hit = this.#index.find(bytes)
    if (hit === undefined) return
    const secret = this.#made[hit.needle.secret]
    const finding = {
      way: shown.way,
      name: shown.name,
      what: `${secret?.kind} made ${secret === undefined ? "" : placeOf(secret)}, as ${hit.needle.form}`,
      around: aroundOf(bytes, hit)
    }
    this.#findings.set(Object.values(finding).join("\n"), finding)
  }

  #look(): void {
    this.#addNeedles()
    for (const [text, shown] of this.#shown)
      for (const version of versionsOf(text)) this.#lookAt(shown, Buffer.from(version, "utf8"))
    for (const { bytes, ...shown } of this.#files) this.#lookAt(shown, bytes)
    this.#shown.clear()
    this.#files.length = 0
    this.#kept = 0
  }

  /** What has shown until now; it is forgotten here. */
  take(): ReadonlyArray<Finding> {
    for (const prepare of this.beforeLook) prepare()
    this.#look()
    const findings = [...this.#findings.values()]
    this.#findings.clear()
    return findings
  }

  /** How much was looked at; `weak` are the secrets too plain to look for. */
  get counts(): {
    readonly secrets: number
    readonly weak: number
    readonly texts: number
    readonly bytes: number
  } {
    return { secrets: this.#secrets.size, weak: this.#weak, texts: this.#texts, bytes: this.#size }
  }
}

/** A sentence for each, for the person who has to find the leak. */
export const report = (findings: ReadonlyArray<Finding>): string =>
  [
    `${findings.length} secret${findings.length === 1 ? "" : "s"} shown:`,
    ...findings
      .slice(0, 20)
      .map(({ around, name, way, what }) => `  ${way} (${name}): a ${what}\n    ${around}`),
    ...(findings.length > 20 ? [`  … and ${findings.length - 20} more`] : []),
    "A place where a secret belongs is a row of packages/core/test/support/secrets/Places.ts."
  ].join("\n")
