/**
 * What mutations start from: every text, object and frame that the known answers hold and, where the shared folder is
 * there, those of the recorded sessions.
 */
import * as Fs from "node:fs"
import * as ApiEncoding from "../src/encoding/ApiEncoding.js"
import * as Bytes from "../src/encoding/Bytes.js"
import { DecodeError } from "../src/encoding/DecodeError.js"
import * as Json from "../src/encoding/Json.js"
import type * as Rlp from "../src/encoding/Rlp.js"
import { transcriptFiles } from "../test/support/Shared.js"
import { readItem } from "./MutateBytes.js"
import { payloadOf } from "./MutateText.js"
import * as Seeds from "./Seeds.js"

/** Inputs by kind; each list is without doubles and in a fixed order. */
export interface Corpus {
  /** Encoded texts by prefix. */
  readonly texts: (prefix: ApiEncoding.Prefix) => ReadonlyArray<string>
  /** Serialized objects by tag and version; all versions when it is left out. */
  readonly objects: (tag: number, version?: number) => ReadonlyArray<Uint8Array>
  /** Anything that is recursive length prefix encoding. */
  readonly rlp: ReadonlyArray<Uint8Array>
  /** Whole JSON texts. */
  readonly json: ReadonlyArray<string>
  /** Frames from client to node. */
  readonly clientFrames: ReadonlyArray<string>
  /** Frames from node to client. */
  readonly nodeFrames: ReadonlyArray<string>
  /** Query strings of openings. */
  readonly queries: ReadonlyArray<string>
}

const fixtures = new URL("../test/fixtures/", import.meta.url)

// Long known answers are many of a kind; a mutation needs few of each.
const perKind = 40

class Collector {
  readonly #byText = new Map<string, Map<string, string>>()
  readonly #byBytes = new Map<string, Map<string, Uint8Array>>()

  text(kind: string, text: string, limit: number = perKind): boolean {
    const known = this.#byText.get(kind) ?? new Map<string, string>()
    this.#byText.set(kind, known)
    if (known.has(text) || known.size >= limit) return false
    known.set(text, text)
    return true
  }

  texts(kind: string): ReadonlyArray<string> {
    return [...(this.#byText.get(kind)?.values() ?? [])]
  }

  bytes(kind: string, bytes: Uint8Array): boolean {
    const known = this.#byBytes.get(kind) ?? new Map<string, Uint8Array>()
    this.#byBytes.set(kind, known)
    const key = Bytes.toHex(bytes)
    if (known.has(key) || known.size >= perKind) return false
    known.set(key, bytes)
    return true
  }

  bytesOf(isWanted: (kind: string) => boolean): ReadonlyArray<Uint8Array> {
    return [...this.#byBytes].flatMap(([kind, known]) => (isWanted(kind) ? [...known.values()] : []))
  }
}

const small = (item: Rlp.Rlp | undefined): number | undefined =>
  item instanceof Uint8Array && item.length > 0 && item.length <= 2
    ? (item[0] ?? 0) * (item.length === 2 ? 256 : 1) + (item[1] ?? 0)
    : undefined

/** An object, and the objects inside of its fields. */
const addObject = (into: Collector, bytes: Uint8Array): void => {
  const item = readItem(bytes)
  if (item === undefined || item instanceof Uint8Array) return
  const tag = small(item[0])
  const version = small(item[1])
  if (!into.bytes(tag === undefined || version === undefined ? "other" : `${tag}.${version}`, bytes)) return
  addParts(into, item)
}

const addParts = (into: Collector, item: Rlp.Rlp): void => {
  if (!(item instanceof Uint8Array)) for (const part of item) addParts(into, part)
  else if (item.length > 8) addObject(into, item)
}

const isHex = /^([0-9a-f]{2})+$/

const addString = (into: Collector, text: string): void => {
  const payload = payloadOf(text)
  const prefix = ApiEncoding.prefixOf(text)
  if (prefix !== undefined) into.text(prefix, text)
  if (payload !== undefined && payload.length > 8) addObject(into, payload)
  if (isHex.test(text)) addObject(into, Bytes.fromHex(text))
}

const addJson = (into: Collector, json: Json.Json): void => {
  if (typeof json === "string") addString(into, json)
  else if (Json.isArray(json)) for (const item of json) addJson(into, item)
  else if (Json.isObject(json)) for (const item of Object.values(json)) addJson(into, item)
}

/** Method, event and member names: frames that agree in these teach little new. */
const shapeOf = (json: Json.Json): string => {
  if (Json.isArray(json)) return `[${json.slice(0, 3).map(shapeOf).join()}]`
  if (!Json.isObject(json)) return typeof json
  const words = ["method", "action", "tag", "event", "op", "info"].map((key) => {
    const value = Json.field(json, key)
    return typeof value === "string" ? value.slice(0, 40) : ""
  })
  return `${words.join()}{${Object.entries(json)
    .map(([key, value]) => `${key}:${shapeOf(value)}`)
    .join()}}`
}

const directions = { out: "clientFrames", in: "nodeFrames" } as const

const addFrame = (into: Collector, line: Json.JsonObject): void => {
  const { dialect, dir, msg, text } = line
  // An example of a document, which may be a frame of either side.
  if (dialect !== undefined && msg !== undefined) {
    for (const direction of Object.values(directions)) into.text(direction, Json.stringify(msg), 10_000)
    return addJson(into, msg)
  }
  const direction = dir === "out" || dir === "in" ? directions[dir] : undefined
  if (direction === undefined) return
  if (msg === undefined) {
    if (typeof text === "string") into.text(direction, text, 10_000)
  } else if (into.text(`shape/${direction}/${shapeOf(msg)}`, Json.stringify(msg), 2)) {
    into.text(direction, Json.stringify(msg), 10_000)
    into.text("json", Json.stringify(msg), 200)
    addJson(into, msg)
  }
}

const addLine = (into: Collector, text: string): void => {
  if (text.trim() === "") return
  const line = Json.parseOrThrow(text)
  if (!Json.isObject(line)) return
  addFrame(into, line)
  const { query, url } = line
  if (typeof query === "string") into.text("queries", query, 200)
  if (typeof url === "string" && url.includes("?")) into.text("queries", url.slice(url.indexOf("?") + 1), 200)
}

const addLines = (into: Collector, path: string | URL): void => {
  for (const line of Fs.readFileSync(path, "utf8").split("\n")) {
    try {
      addLine(into, line)
    } catch (error) {
      // A recording holds what it holds.
      if (!(error instanceof DecodeError)) throw error
    }
  }
}

const addFixtures = (into: Collector): void => {
  for (const name of Fs.readdirSync(fixtures).sort()) {
    const file = new URL(name, fixtures)
    if (name.endsWith(".jsonl")) addLines(into, file)
    if (!name.endsWith(".json")) continue
    const text = Fs.readFileSync(file, "utf8")
    const json = Json.parseOrThrow(text)
    addJson(into, json)
    for (const part of Json.isObject(json) ? Object.values(json) : []) {
      const first = Json.isArray(part) ? part[0] : part
      if (first !== undefined) into.text("json", Json.stringify(first))
    }
  }
}

/** The corpus; with `recordings` also that of the recorded sessions, if they are there. */
export const load = (options: { readonly recordings: boolean }): Corpus => {
  const into = new Collector()
  addFixtures(into)
  for (const bytes of Seeds.objects) addObject(into, bytes)
  if (options.recordings)
    for (const file of transcriptFiles()) if (file.endsWith(".jsonl")) addLines(into, file)
  return {
    texts: (prefix) => into.texts(prefix),
    objects: (tag, version) =>
      into.bytesOf((kind) =>
        version === undefined ? kind.startsWith(`${tag}.`) : kind === `${tag}.${version}`
      ),
    rlp: into.bytesOf(() => true),
    json: into.texts("json"),
    clientFrames: into.texts("clientFrames"),
    nodeFrames: into.texts("nodeFrames"),
    queries: into.texts("queries")
  }
}
