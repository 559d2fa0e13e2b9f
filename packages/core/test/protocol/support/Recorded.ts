/**
 * Recorded frames, read and printed again by a codec: what is printed must be what was recorded.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { expect } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Json from "../../../src/encoding/Json.js"
import type { ClientCall, ClientFrame, CodecService } from "../../../src/protocol/Codec.js"
import type { NodeMessage, Refusal } from "../../../src/protocol/NodeMessage.js"

type Calls = Extract<ClientFrame, { readonly _tag: "Calls" }>

/** One recorded frame; `text` is what was on the wire, as far as the recording tells. */
export interface Frame {
  readonly file: string
  readonly line: number
  /** Names a socket. */
  readonly socket: string
  readonly isOut: boolean
  readonly text: string
  readonly isJson: boolean
}

/** The API documents' examples have no direction. */
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

export const sameJson = (a: Json.Json, b: Json.Json): boolean => print(a) === print(b)

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

/** Method of a frame, also of one of the oldest dialect. */
const methodOf = ({ action, method, tag }: Json.JsonObject): string =>
  typeof action === "string"
    ? `channels.${action}${typeof tag === "string" ? `.${tag}` : ""}`
    : String(method)

const paramsKey = (json: Json.JsonObject): "params" | "payload" =>
  json["action"] === undefined ? "params" : "payload"

const paramsOf = (json: Json.JsonObject): Json.JsonObject => {
  const params = json[paramsKey(json)]
  return Json.isObject(params) ? params : {}
}

const withParams = (json: Json.JsonObject, params: Json.JsonObject): Json.JsonObject => ({
  ...json,
  [paramsKey(json)]: params
})

/** A request with all its parameters written out. */
const normalCall = (json: Json.Json): Json.Json =>
  Json.isObject(json) ? withParams(json, { ...defaults[methodOf(json)], ...paramsOf(json) }) : json

// Differences between what was recorded and what we print again, each with its reason.
const accepted = {
  otherName: "an alias of a signing reply: we send the other name",
  extraParameter: "a parameter that no node reads",
  decimalText: "a signing error code sent as text",
  signatureOrder: "two signatures in the order of signing: we send them sorted"
} as const

type Reason = keyof typeof accepted

const aliases: ReadonlyMap<string, string> = new Map([
  ["channels.force_progress_tx", "channels.force_progress_sign"],
  ["channels.slash_tx", "channels.slash_sign"],
  ["channels.settle_tx", "channels.settle_sign"],
  ["channels.close_solo_tx", "channels.close_solo_sign"]
])

/** Sent by the recordings' clients to see what happens, or to have a payload at all. */
const strays: ReadonlyArray<readonly [name: string, method: string | undefined]> = [
  ["foo", undefined],
  ["a", "channels.get.offchain_state"]
]

const isStray = (name: string, method: string): boolean =>
  strays.some(([stray, only]) => stray === name && (only ?? method) === method)

/** The reason for which a request may differ from our print of it. */
const excuse = (raw: Json.JsonObject, again: Json.JsonObject): Reason | undefined => {
  const method = methodOf(raw)
  if (aliases.get(method) === again["method"] && sameJson({ ...raw, method: again["method"] ?? null }, again))
    return "otherName"
  const [params, written] = [paramsOf(raw), paramsOf(again)]
  const known = Object.fromEntries(Object.entries(params).filter(([name]) => !isStray(name, method)))
  if (
    Object.keys(known).length < Object.keys(params).length &&
    sameJson(normalCall(withParams(raw, known)), normalCall(again))
  )
    return "extraParameter"
  for (const key of ["signed_tx", "tx"]) {
    const [theirs, ours] = [params[key], written[key]]
    if (typeof theirs === "string" && typeof ours === "string" && theirs.length === ours.length)
      if (sameJson(withParams(raw, { [key]: ours }), again)) return "signatureOrder"
  }
  if (typeof params["error"] === "string" && params["error"] === String(written["error"]))
    return "decimalText"
  return undefined
}

/** Counts of what was compared. */
export class Tally {
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

const isKnown = (message: NodeMessage): boolean =>
  message._tag === "Reported"
    ? message.report._tag !== "UnknownReport"
    : message._tag === "Refused" || message.value._tag !== "UnknownValue"

/** Codes that only the reading of a request gives, never the state machine. */
const readingCodes = [-32601, -32000, 1005, 1006, 1008, 1009, 1010, 1014]

const wholeOf = (json: Json.Json): ReadonlyArray<Json.Json> => (Json.isArray(json) ? json : [json])

const oneCall = (call: ClientCall): Calls => ({ _tag: "Calls", batch: false, calls: [call] })

/** What nodes of the oldest dialect echo: the request as they translated it. */
const translated = (raw: Json.Json): Json.Json => {
  if (!Json.isObject(raw) || raw["action"] === undefined) return raw
  const { payload } = raw
  return { method: methodOf(raw), ...(payload !== undefined && { params: payload }) }
}

const echoIn = (reply: Json.JsonObject): Json.Json | undefined => {
  const error = reply["error"] ?? (reply["action"] === "error" ? reply["payload"] : undefined)
  return Json.isObject(error) ? error["request"] : undefined
}

const withEcho = (reply: Json.Json, request: Json.Json): Json.Json => {
  if (!Json.isObject(reply)) return reply
  const { error, payload } = reply
  if (Json.isObject(error)) return { ...reply, error: { ...error, request } }
  return Json.isObject(payload) ? { ...reply, payload: { ...payload, request } } : reply
}

/** The comparison of recordings with one codec. */
export const checker = (codec: CodecService) => {
  const isLegacy = codec.dialect === "legacy"

  const messagesOf = (text: string): ReadonlyArray<NodeMessage> => Effect.runSync(codec.decodeNodeFrame(text))

  const channelIn = (json: Json.Json): NodeMessage["channelId"] => {
    const [message] = messagesOf(Json.stringify(json))
    return message?.channelId ?? null
  }

  /** What the node answered to a request that it refused, or that has an id: the first later frame that can be it. */
  const answerTo = ({ id = null, raw }: ClientCall, later: ReadonlyArray<Json.JsonObject>) =>
    later.find((json) => {
      const echo = echoIn(json)
      if (isLegacy) return echo !== undefined && (sameJson(echo, raw) || sameJson(echo, translated(raw)))
      if (json["method"] !== undefined || !sameJson(json["id"] ?? null, id)) return false
      return echo === undefined || sameJson(echo, raw)
    })

  const checkRefused = (
    call: ClientCall,
    refusal: Refusal,
    later: ReadonlyArray<Json.JsonObject>,
    where: string,
    tally: Tally
  ): void => {
    const reply = answerTo(call, later)
    // Our refusal, with the channel id that the node had at that time, is what the node sent.
    const ours = reply && codec.encodeAnswers(oneCall(call), [refusal], channelIn(reply))
    const echo = reply && echoIn(reply)
    const printed = ours === undefined ? undefined : Json.parseOrThrow(ours)
    const isTranslated = echo !== undefined && !sameJson(echo, call.raw)
    const compared =
      printed === undefined || !isTranslated ? printed : withEcho(printed, translated(call.raw))
    expect([where, compared && print(compared)]).toEqual([where, reply && print(reply)])
    tally.add(
      reply === undefined
        ? "requests refused without a recorded reply"
        : `requests refused as recorded${isTranslated ? " (echo: we send the request as it came)" : ""}`
    )
  }

  const checkCall = (
    call: ClientCall,
    later: ReadonlyArray<Json.JsonObject>,
    where: string,
    tally: Tally
  ): void => {
    const { request } = call
    if (request._tag === "Refusal") return checkRefused(call, request, later, where, tally)
    if (request._tag === "Swallowed") {
      if (call.id !== undefined) expect([where, answerTo(call, later)?.["result"]]).toEqual([where, "ok"])
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
    const value =
      request._tag === "CleanContractCalls"
        ? ({ _tag: "CallsPruned" } as const)
        : ({ _tag: "EmptyList" } as const)
    const text = codec.encodeAnswers(oneCall({ raw, request }), [{ _tag: "Value", value }], null)
    const frame = text === undefined ? undefined : Json.parseOrThrow(text)
    return Json.isObject(frame) ? methodOf(frame) : undefined
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
        return codec.encodeAnswers(oneCall(call), [refusal], message.channelId) ?? ""
      }
      case "Replied": {
        const { id, value } = message
        const request = calls.get(methodOf(json))?.request ?? { _tag: "Leave" as const }
        const call: ClientCall = { raw: null, request, ...(id !== undefined && { id }) }
        return codec.encodeAnswers(oneCall(call), [{ _tag: "Value", value }], message.channelId) ?? ""
      }
    }
  }

  /** A recorded refusal of the reading is one of ours, too. */
  const checkRefusal = (message: NodeMessage, where: string, tally: Tally): void => {
    if (message._tag !== "Refused") return
    const codes = [message.code, ...message.data.map(({ code }) => code)]
    if (!codes.some((code) => readingCodes.includes(code))) return
    const frame = codec.decodeClientFrame(Json.stringify(message.asked ?? message.request))
    const request = frame._tag === "Calls" ? frame.calls[0]?.request : undefined
    const ours = request?._tag === "Refusal" ? [request.code, ...request.data] : request?._tag
    expect([where, ours]).toEqual([where, codes])
    tally.add("refusals of the reading equal")
  }

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
    const messages = messagesOf(frame.text)
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

  const checkFrames = (frames: ReadonlyArray<Frame>, tally: Tally): void => {
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
      const refused = taken.calls.some(
        ({ id, request }) => request._tag === "Refusal" || (request._tag === "Swallowed" && id !== undefined)
      )
      const later = refused
        ? frames
            .slice(index + 1, index + 400)
            .filter(({ isOut, isJson, socket }) => !isOut && isJson && socket === frame.socket)
            .flatMap(({ text }) => wholeOf(Json.parseOrThrow(text)))
            .filter(Json.isObject)
        : []
      for (const call of taken.calls) checkCall(call, later, where, tally)
    }
  }

  return {
    checkFrames,
    checkFile: (file: string, tally: Tally): void => checkFrames(framesOf(file), tally)
  }
}
