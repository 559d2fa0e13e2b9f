/**
 * JSON-RPC 2.0 as the node speaks it: envelopes, batches and the reply rule, for every dialect that uses it.
 *
 * Specification: channel WebSocket API, envelopes.
 */
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import type { ChannelId } from "../../encoding/ApiEncoding.js"
import * as DecodeErrors from "../../encoding/DecodeError.js"
import { DecodeError } from "../../encoding/DecodeError.js"
import * as Json from "../../encoding/Json.js"
import type { Answer, ClientCall, ClientFrame, CodecService } from "../Codec.js"
import * as ErrorCodes from "../ErrorCodes.js"
import type { NodeMessage, Refusal, ReplyValue } from "../NodeMessage.js"
import type { Request } from "../Request.js"
import type { Accent } from "./accent.js"
import { toPresent } from "./oldest.js"
import * as Replies from "./replies.js"
import * as Reports from "./reports.js"
import * as Requests from "./requests.js"

const has = (json: Json.JsonObject, name: string): boolean => Object.hasOwn(json, name)

const member = (json: Json.JsonObject, name: string): Json.Json | undefined =>
  has(json, name) ? json[name] : undefined

const quoted = (channelId: ChannelId | null): string => (channelId === null ? "null" : `"${channelId}"`)

const malformed = (reason: string, detail: string, where: ReadonlyArray<string | number> = []): DecodeError =>
  DecodeErrors.make("frame", reason, detail, where)

const channelOf = (json: Json.Json | undefined): ChannelId | null => {
  if (json === undefined || json === null) return null
  if (typeof json === "string") return ApiEncoding.parseOrThrow("ch", json)
  throw malformed("channel_id", "a channel id is a ch_ text or null", ["channel_id"])
}

// What a node prints. All its objects have their keys sorted.

const notification = (method: string, data: Json.Json, channelId: ChannelId | null): string =>
  `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":{"channel_id":${quoted(channelId)},"data":${Json.stringifySorted(data)}},"version":1}`

const result = (id: Json.Json, value: Json.Json, channelId: ChannelId | null): string =>
  `{"channel_id":${quoted(channelId)},"id":${Json.stringifySorted(id)},"jsonrpc":"2.0","result":${Json.stringifySorted(value)},"version":1}`

const errorData = ({ data }: Refusal, { dataText }: Accent): string =>
  data.length === 0
    ? ""
    : `"data":[${data.map((code) => `{"code":${code},"message":${JSON.stringify(dataText(code))}}`).join(",")}],`

const error = (
  given: Refusal,
  {
    accent,
    channelId,
    id,
    request
  }: {
    readonly accent: Accent
    readonly channelId: ChannelId | null
    readonly id: Json.Json
    readonly request: Json.Json
  }
): string => {
  const refusal = accent.refusal(given)
  return `{"channel_id":${quoted(channelId)},"error":{"code":${refusal.code},${errorData(refusal, accent)}"message":${JSON.stringify(ErrorCodes.errorText(refusal.code))},"request":${Json.stringifySorted(request)}},"id":${Json.stringifySorted(id)},"jsonrpc":"2.0","version":1}`
}

// What a node takes.

const dropped = (reason: DecodeError): ClientFrame => ({ _tag: "Dropped", reason })

const isRequest = (json: Json.Json): json is Json.JsonObject =>
  Json.isObject(json) && member(json, "jsonrpc") === "2.0" && has(json, "method")

const parse = (text: string): Json.Json | DecodeError => {
  try {
    return Json.parseOrThrow(text)
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
}

const noRequest = malformed(
  "no_request",
  `a frame is a request or a list of requests: objects with "jsonrpc":"2.0" and a method`
)

const toCall = (json: Json.JsonObject, { accent, methods }: Tables): ClientCall => {
  const params = member(json, "params")
  const present = accent.readsOldest && params !== undefined ? toPresent(params) : params
  const request = methods.take(member(json, "method"), present)
  const id = member(json, "id")
  return id === undefined ? { raw: json, request } : { id, raw: json, request }
}

const decodeClientFrame =
  (tables: Tables) =>
  (text: string): ClientFrame => {
    const json = parse(text)
    if (json instanceof DecodeError) return dropped(json)
    const batch = Json.isArray(json)
    const calls: Array<ClientCall> = []
    for (const one of batch ? json : [json]) {
      if (!isRequest(one)) return dropped(noRequest)
      calls.push(toCall(one, tables))
    }
    return { _tag: "Calls", batch, calls }
  }

const isCalled = (request: ClientCall["request"]): request is Request =>
  request._tag !== "Refusal" && request._tag !== "Swallowed"

const isSilent = ({ request }: ClientCall): boolean => request._tag === "Swallowed" && request.silent === true

/** No value: `"ok"` if the call has an id and no call of the frame has a value. */
const isValueless = (answer: Answer | undefined): boolean =>
  answer === undefined || answer._tag === "NoReply" || (answer._tag === "Value" && answer.value._tag === "Ok")

const joined = (frames: ReadonlyArray<string>): string | undefined =>
  frames.length < 2 ? frames[0] : `[${frames.join(",")}]`

interface Tables {
  readonly methods: Requests.Methods
  readonly reports: Reports.Reports
  readonly accent: Accent
}

const encodeAnswers =
  ({ accent, methods }: Tables): CodecService["encodeAnswers"] =>
  (frame, answers, channelId) => {
    const printValue = (call: ClientCall, value: ReplyValue): string | undefined => {
      if (call.id !== undefined) return result(call.id, Replies.write(value), channelId)
      const method = isCalled(call.request) ? methods.replyMethod(call.request) : undefined
      return method === undefined ? undefined : notification(method, Replies.write(value), channelId)
    }
    const print = (call: ClientCall, answer: Answer | undefined): string | undefined => {
      if (answer === undefined || isValueless(answer) || answer._tag === "NoReply") return undefined
      return answer._tag === "Value"
        ? printValue(call, answer.value)
        : error(answer, { accent, channelId, id: call.id ?? null, request: call.raw })
    }
    const broken = frame.calls.some((call, index) => isSilent(call) && isValueless(answers[index]))
    if (broken) return undefined
    const frames = frame.calls
      .map((call, index) => print(call, answers[index]))
      .filter((text) => text !== undefined)
    if (frames.length > 0) return joined(frames)
    return joined(
      frame.calls
        .map(({ id }) => id)
        .filter((id) => id !== undefined)
        .map((id) => result(id, "ok", channelId))
    )
  }

// What a client takes.

const refusedOf = (json: Json.JsonObject, error: Json.JsonObject): NodeMessage => {
  const { code, message } = error
  if (typeof code !== "number")
    throw malformed("error_code", "an error has an integer code", ["error", "code"])
  const data = member(error, "data")
  return {
    _tag: "Refused",
    channelId: channelOf(member(json, "channel_id")),
    id: member(json, "id") ?? null,
    code,
    message: typeof message === "string" ? message : "",
    data: Json.isArray(data) ? data.flatMap(dataEntry) : [],
    request: member(error, "request") ?? null
  }
}

const dataEntry = (entry: Json.Json): ReadonlyArray<{ readonly code: number; readonly message: string }> => {
  if (!Json.isObject(entry)) return []
  const { code, message } = entry
  return typeof code === "number" && typeof message === "string" ? [{ code, message }] : []
}

/** In 2018 the data were the parameters themselves. */
const dataOf = (params: Json.JsonObject, { readsOldest }: Accent): Json.Json =>
  readsOldest && !has(params, "channel_id") && !has(params, "data")
    ? params
    : (member(params, "data") ?? null)

const notifiedOf = (method: string, params: Json.JsonObject, { accent, reports }: Tables): NodeMessage => {
  const channelId = channelOf(member(params, "channel_id"))
  const data = dataOf(params, accent)
  const value = Replies.readNotified(method, data)
  return value === undefined
    ? { _tag: "Reported", channelId, report: reports.take(method, data) }
    : { _tag: "Replied", channelId, value }
}

const messageOf = (json: Json.Json, tables: Tables): NodeMessage => {
  if (!Json.isObject(json)) throw malformed("no_message", "a node sends objects, or lists of them")
  const method = member(json, "method")
  if (typeof method === "string") {
    const params = member(json, "params")
    return notifiedOf(method, Json.isObject(params) ? params : {}, tables)
  }
  const refused = member(json, "error")
  if (Json.isObject(refused)) return refusedOf(json, refused)
  const value = member(json, "result")
  if (value === undefined) throw malformed("no_message", "there is no method, no result and no error")
  const id = member(json, "id")
  return {
    _tag: "Replied",
    channelId: channelOf(member(json, "channel_id")),
    ...(id !== undefined && { id }),
    value: Replies.read(value)
  }
}

const decodeNodeFrame = (text: string, tables: Tables): ReadonlyArray<NodeMessage> => {
  const given = Json.parseOrThrow(text)
  const json = tables.accent.readsOldest ? toPresent(given) : given
  return Json.isArray(json)
    ? json.map((one, index) => DecodeErrors.within([index], () => messageOf(one, tables)))
    : [messageOf(json, tables)]
}

export const make = (accent: Accent): CodecService => {
  const tables: Tables = {
    methods: Requests.make(accent),
    reports: Reports.make(accent),
    accent
  }
  return {
    dialect: accent.dialect,
    encodeRequest: (request, id) => {
      const { method, params } = tables.methods.give(request)
      const suffix = id === undefined ? "" : `,"id":${Json.stringify(id)}`
      return `{"jsonrpc":"2.0","method":"${method}","params":${Json.stringify(params)}${suffix}}`
    },
    decodeNodeFrame: (text) => DecodeErrors.attemptNow(() => decodeNodeFrame(text, tables)),
    decodeClientFrame: decodeClientFrame(tables),
    encodeAnswers: encodeAnswers(tables),
    encodeReport: (report, channelId) => {
      const given = tables.reports.give(report, channelId)
      return given && notification(given.method, given.data, channelId)
    },
    encodeOpenRefusal: (refusal) =>
      accent.openRefusals ? error(refusal, { accent, channelId: null, id: null, request: {} }) : undefined
  }
}
