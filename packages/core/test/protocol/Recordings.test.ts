import * as Fs from "node:fs"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Json from "../../src/encoding/Json.js"
import type { ClientCall, ClientFrame } from "../../src/protocol/Codec.js"
import { codec } from "../../src/protocol/JsonRpcSignedTx.js"
import type { NodeMessage, Refusal } from "../../src/protocol/NodeMessage.js"
import { hasShared, sharedPath, transcriptFiles } from "../support/Shared.js"

type Calls = Extract<ClientFrame, { readonly _tag: "Calls" }>

/** One recorded frame; `text` is what was on the wire, as far as the recording tells. */
interface Frame {
  readonly file: string
  readonly line: number
  /** Names a socket. */
  readonly socket: string
  readonly isOut: boolean
  readonly text: string
  readonly isJson: boolean
}

const isOwn = (json: Json.JsonObject): boolean => {
  const { method } = json
  return (
    typeof method === "string" &&
    !method.startsWith("channels.sign.") &&
    !Json.isObject(Json.isObject(json["params"]) ? json["params"]["data"] : undefined) &&
    json["version"] === undefined
  )
}

const frameOf = (file: string, line: string, index: number): Frame | undefined => {
  const entry = Json.parseOrThrow(line)
  if (!Json.isObject(entry) || entry["elided"] === true) return undefined
  const { conn, dir, kind, msg, text, textLength, who } = entry
  // The API document's examples have no direction.
  const isExample = kind === undefined && Json.isObject(msg)
  if (kind !== "frame" && !isExample) return undefined
  if (textLength !== undefined) return undefined
  return {
    file: Path.basename(file),
    line: index + 1,
    socket: `${file} ${String(who)} ${String(conn)}`,
    isOut: isExample ? isOwn(msg) : dir === "out",
    text: msg === undefined ? String(text) : Json.stringify(msg),
    isJson: msg !== undefined
  }
}

const framesOf = (file: string): ReadonlyArray<Frame> =>
  Fs.readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line, index) => frameOf(file, line, index))
    .filter((frame) => frame !== undefined)

/** Floats as text: we echo `1e10` as it came, the node reprints it as `1.0e10`. Nothing else is touched. */
const canonical = (json: Json.Json): Json.Json => {
  if (json instanceof Json.JsonNumber) return `float ${Number(json.lexeme)}`
  if (Json.isArray(json)) return json.map(canonical)
  if (!Json.isObject(json)) return json
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, canonical(value)]))
}

const print = (json: Json.Json): string => Json.stringifySorted(canonical(json))

const sameJson = (a: Json.Json, b: Json.Json): boolean => print(a) === print(b)

/** What may be left out of the parameters of a method, and is then this. */
const defaults: Readonly<Record<string, Json.JsonObject>> = {
  "channels.update.new": { meta: [] },
  "channels.update.new_contract": { meta: [] },
  "channels.update.call_contract": { meta: [] },
  "channels.dry_run.call_contract": { meta: [] },
  "channels.deposit": { meta: [] },
  "channels.withdraw": { meta: [] },
  "channels.get.poi": { accounts: [], contracts: [] },
  "channels.force_progress": { gas: 1_000_000 },
  "channels.history.fetch": { n: 10 }
}

/** A request with all its parameters written out. */
const normalCall = (json: Json.Json): Json.Json => {
  if (!Json.isObject(json)) return json
  const params = Json.isObject(json["params"]) ? json["params"] : {}
  return { ...json, params: { ...defaults[String(json["method"])], ...params } }
}

// Differences between what was recorded and what we print again, each with its reason.
const accepted = {
  otherName: "an alias of a signing reply: we send the other name",
  extraParameter: "a parameter that no node reads",
  decimalText: "a signing error code sent as text",
  signatureOrder: "two signatures in the order of signing: we send them sorted"
} as const

type Reason = keyof typeof accepted

const aliases: ReadonlyMap<Json.Json | undefined, string> = new Map([
  ["channels.force_progress_tx", "channels.force_progress_sign"],
  ["channels.slash_tx", "channels.slash_sign"],
  ["channels.settle_tx", "channels.settle_sign"],
  ["channels.close_solo_tx", "channels.close_solo_sign"]
])

/** The reason for which a request may differ from our print of it. */
const excuse = (raw: Json.JsonObject, again: Json.JsonObject): Reason | undefined => {
  const { method, params } = raw
  if (aliases.get(method) === again["method"] && sameJson({ ...raw, method: again["method"] ?? null }, again))
    return "otherName"
  if (!Json.isObject(params) || !Json.isObject(again["params"])) return undefined
  const written = again["params"]
  // Sent by the recording's client to see what happens.
  const { foo, ...known } = params
  if (foo !== undefined && sameJson(normalCall({ ...raw, params: known }), normalCall(again)))
    return "extraParameter"
  const [theirs, ours] = [params["signed_tx"], written["signed_tx"]]
  if (typeof theirs === "string" && typeof ours === "string" && theirs.length === ours.length)
    if (sameJson({ ...raw, params: { signed_tx: ours } }, again)) return "signatureOrder"
  if (typeof params["error"] === "string" && params["error"] === String(written["error"]))
    return "decimalText"
  return undefined
}

class Tally {
  readonly counts = new Map<string, number>()
  add(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }
  get(what: string): number {
    return this.counts.get(what) ?? 0
  }
  print(title: string): void {
    const rows = [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1))
    console.log(`${title}: ${rows.map(([what, count]) => `${what} ${count}`).join(", ")}`)
  }
}

const channelIn = (json: Json.Json): NodeMessage["channelId"] => {
  const [message] = Effect.runSync(codec.decodeNodeFrame(Json.stringify(json)))
  return message?.channelId ?? null
}

/** What the node answered to a request with an id: the first later frame on the socket that carries it. */
const answersTo = (id: Json.Json, raw: Json.Json, later: ReadonlyArray<Json.JsonObject>) =>
  later.find(
    (json) =>
      json["method"] === undefined &&
      sameJson(json["id"] ?? null, id) &&
      (!Json.isObject(json["error"]) || sameJson(json["error"]["request"] ?? null, raw))
  )

const checkCall = (
  call: ClientCall,
  later: ReadonlyArray<Json.JsonObject>,
  where: string,
  tally: Tally
): void => {
  const { request } = call
  if (request._tag === "Refusal") {
    const reply = answersTo(call.id ?? null, call.raw, later)
    const frame: Calls = { _tag: "Calls", batch: false, calls: [call] }
    // Our refusal, with the channel id that the node had at that time, is what the node sent.
    const ours = reply && codec.encodeAnswers(frame, [request], channelIn(reply))
    expect([where, ours && print(Json.parseOrThrow(ours))]).toEqual([where, reply && print(reply)])
    if (reply === undefined) tally.add("requests refused without a recorded reply")
    else tally.add(`requests refused as recorded`)
    return
  }
  if (request._tag === "Swallowed") {
    if (call.id !== undefined)
      expect([where, answersTo(call.id, call.raw, later)?.["result"]]).toEqual([where, "ok"])
    tally.add("requests swallowed as recorded")
    return
  }
  const again = Json.parseOrThrow(codec.encodeRequest(request, call.id))
  if (sameJson(normalCall(again), normalCall(call.raw))) return tally.add("requests equal")
  const reason = Json.isObject(call.raw) && Json.isObject(again) ? excuse(call.raw, again) : undefined
  expect([where, reason ?? { raw: call.raw, again }]).toEqual([where, expect.any(String)])
  tally.add(`requests accepted (${reason === undefined ? "" : accepted[reason]})`)
}

/** The name of the notification that would bring the value of a call without an id. */
const replyName = ({ raw, request }: ClientCall): string | undefined => {
  const frame: Calls = { _tag: "Calls", batch: false, calls: [{ raw, request }] }
  const text = codec.encodeAnswers(frame, [{ _tag: "Value", value: { _tag: "EmptyList" } }], null)
  return text === undefined ? undefined : String((JSON.parse(text) as { readonly method: unknown }).method)
}

/** The text of one message, printed as a node would. */
const printAgain = (
  message: NodeMessage,
  json: Json.JsonObject,
  calls: ReadonlyMap<string, ClientCall>
): string => {
  switch (message._tag) {
    case "Reported":
      return codec.encodeReport(message.report, message.channelId) ?? ""
    case "Refused": {
      const refusal: Refusal = {
        _tag: "Refusal",
        code: message.code,
        data: message.data.map(({ code }) => code)
      }
      const raw = message.request
      if (Json.isObject(raw) && Object.keys(raw).length === 0) return codec.encodeOpenRefusal(refusal) ?? ""
      const hasId = Json.isObject(raw) && Object.hasOwn(raw, "id")
      const call: ClientCall = { raw, request: refusal, ...(hasId && { id: message.id }) }
      return (
        codec.encodeAnswers({ _tag: "Calls", batch: false, calls: [call] }, [refusal], message.channelId) ??
        ""
      )
    }
    case "Replied": {
      const { id, value } = message
      const asked = typeof json["method"] === "string" ? calls.get(json["method"])?.request : undefined
      const request = asked ?? { _tag: "Leave" as const }
      const call: ClientCall = { raw: null, request, ...(id !== undefined && { id }) }
      const frame: Calls = { _tag: "Calls", batch: false, calls: [call] }
      return codec.encodeAnswers(frame, [{ _tag: "Value", value }], message.channelId) ?? ""
    }
  }
}

const isKnown = (message: NodeMessage): boolean =>
  message._tag === "Reported"
    ? message.report._tag !== "UnknownReport"
    : message._tag === "Refused" || message.value._tag !== "UnknownValue"

/** Codes that only the reading of a request gives, never the state machine. */
const readingCodes = [-32601, -32000, 1005, 1006, 1008, 1009, 1010, 1014]

/** A recorded refusal of the reading is one of ours, too. */
const checkRefusal = (message: NodeMessage, where: string, tally: Tally): void => {
  if (message._tag !== "Refused") return
  const codes = [message.code, ...message.data.map(({ code }) => code)]
  if (!codes.some((code) => readingCodes.includes(code))) return
  const frame = codec.decodeClientFrame(Json.stringify(message.request))
  const request = frame._tag === "Calls" ? frame.calls[0]?.request : undefined
  const ours = request?._tag === "Refusal" ? [request.code, ...request.data] : request?._tag
  expect([where, ours]).toEqual([where, codes])
  tally.add("refusals of the reading equal")
}

const wholeOf = (json: Json.Json): ReadonlyArray<Json.Json> => (Json.isArray(json) ? json : [json])

/** The calls of a session that ask for a value, by the name of its notification. */
const byReplyName = (frames: ReadonlyArray<Frame>): ReadonlyMap<string, ClientCall> => {
  const calls = new Map<string, ClientCall>()
  for (const { isJson, isOut, text } of frames) {
    const frame = isOut && isJson ? codec.decodeClientFrame(text) : undefined
    for (const call of frame?._tag === "Calls" ? frame.calls : []) {
      const name = replyName(call)
      if (name !== undefined) calls.set(name, call)
    }
  }
  return calls
}

const checkNodeFrame = (
  frame: Frame,
  calls: ReadonlyMap<string, ClientCall>,
  where: string,
  tally: Tally
): void => {
  const json = Json.parseOrThrow(frame.text)
  const messages = Effect.runSync(codec.decodeNodeFrame(frame.text))
  const parts = wholeOf(json)
  expect([where, messages.length]).toEqual([where, parts.length])
  for (const [index, message] of messages.entries()) {
    const part = parts[index]
    if (!Json.isObject(part)) throw new Error(where)
    expect([where, isKnown(message)]).toEqual([where, true])
    expect([where, printAgain(message, part, calls)]).toEqual([where, Json.stringifySorted(part)])
    tally.add(`${message._tag.toLowerCase()} equal`)
    checkRefusal(message, where, tally)
  }
}

const checkFile = (file: string, tally: Tally): void => {
  const frames = framesOf(file)
  const calls = byReplyName(frames)
  for (const [index, frame] of frames.entries()) {
    const where = `${frame.file}:${frame.line}`
    tally.add(frame.isOut ? "frames of clients" : "frames of nodes")
    if (!frame.isOut) {
      checkNodeFrame(frame, calls, where, tally)
      continue
    }
    const taken = codec.decodeClientFrame(frame.text)
    if (taken._tag === "Dropped") {
      tally.add("frames dropped")
      continue
    }
    const later = frames
      .slice(index + 1)
      .filter(({ isOut, isJson, socket }) => !isOut && isJson && socket === frame.socket)
      .flatMap(({ text }) => wholeOf(Json.parseOrThrow(text)))
      .filter(Json.isObject)
    for (const call of taken.calls) checkCall(call, later, where, tally)
  }
}

const fixture = Path.resolve(
  Path.dirname(fileURLToPath(import.meta.url)),
  "../fixtures/api-document-session.jsonl"
)

describe("recorded sessions", () => {
  it("of the API document print again as they were", () => {
    const tally = new Tally()
    checkFile(fixture, tally)
    tally.print("api-document-session")
    expect(tally.get("frames of nodes")).toBe(40)
    expect(tally.get("frames of clients")).toBe(15)
  })

  it.skipIf(!hasShared)("of real nodes print again as they were", () => {
    for (const folder of ["signed_tx", "v7"]) {
      const tally = new Tally()
      const files = transcriptFiles(folder)
      for (const file of files) checkFile(file, tally)
      tally.print(`${folder}, ${files.length} sessions`)
      expect(tally.get("frames of nodes")).toBeGreaterThan(0)
    }
    const tally = new Tally()
    for (const name of ["001_f12ae55e22ebfc4e__examples", "003_f8382f35c005667d__transcript"])
      checkFile(sharedPath("transcripts", "seeds", `${name}.jsonl`), tally)
    tally.print("API documents")
  })
})
