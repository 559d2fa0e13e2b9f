/**
 * The envelope of the oldest dialect: `action`, `tag` and `payload`. Inside it a node translates to the methods of
 * JSON-RPC, and so does this codec.
 *
 * Specification: channel WebSocket API, releases of 2018.
 */
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import type { ChannelId } from "../../encoding/ApiEncoding.js"
import * as DecodeErrors from "../../encoding/DecodeError.js"
import { DecodeError } from "../../encoding/DecodeError.js"
import * as Json from "../../encoding/Json.js"
import type { Answer, ClientCall, ClientFrame, CodecService } from "../Codec.js"
import * as ErrorCodes from "../ErrorCodes.js"
import type { NodeMessage, ReplyValue } from "../NodeMessage.js"
import { legacy } from "./accent.js"
import { toOldest, toPresent } from "./oldest.js"
import * as Replies from "./replies.js"
import * as Reports from "./reports.js"
import * as Requests from "./requests.js"

const methods = Requests.make(legacy)
const reports = Reports.make(legacy)

const prefix = "channels."
const replySuffix = ".reply"

const member = (json: Json.JsonObject, name: string): Json.Json | undefined =>
  Object.hasOwn(json, name) ? json[name] : undefined

const malformed = (reason: string, detail: string): DecodeError => DecodeErrors.make("frame", reason, detail)

interface Names {
  readonly action: string
  readonly tag?: string
}

/** `channels.update.new` is action `update` with tag `new`. */
const namesOf = (method: string): Names => {
  const name = method.startsWith(prefix) ? method.slice(prefix.length) : method
  const dot = name.indexOf(".")
  return dot < 0 ? { action: name } : { action: name.slice(0, dot), tag: name.slice(dot + 1) }
}

const methodOf = (action: string, tag: string | undefined): string =>
  tag === undefined ? `${prefix}${action}` : `${prefix}${action}.${tag}`

// What a node takes.

/** A tag without a payload is not looked at. */
const requestOf = (json: Json.JsonObject): ClientCall | DecodeError => {
  const [action, payload] = [member(json, "action"), member(json, "payload")]
  const tag = payload === undefined ? undefined : member(json, "tag")
  if (typeof action !== "string" || (tag !== undefined && typeof tag !== "string"))
    return malformed("no_request", "a frame has an action, and a tag that is a string or left out")
  return {
    raw: json,
    request: methods.take(methodOf(action, tag), payload === undefined ? undefined : toPresent(payload))
  }
}

const decodeClientFrame = (text: string): ClientFrame => {
  try {
    const json = Json.parseOrThrow(text)
    const call = Json.isObject(json) ? requestOf(json) : malformed("no_request", "a frame is an object")
    return call instanceof DecodeError
      ? { _tag: "Dropped", reason: call }
      : { _tag: "Calls", batch: false, calls: [call] }
  } catch (error) {
    if (error instanceof DecodeError) return { _tag: "Dropped", reason: error }
    throw error
  }
}

// What a client takes.

const channelOf = (json: Json.Json): ChannelId | null => {
  if (json === null) return null
  if (typeof json === "string") return ApiEncoding.parseOrThrow("ch", json)
  throw malformed("channel_id", "a channel id is a text or null")
}

/** The oldest frames name the channel inside, and only some of them. */
const channelInside = (payload: Json.Json | undefined): ChannelId | null => {
  if (!Json.isObject(payload)) return null
  const message = member(payload, "message")
  const channelId = member(Json.isObject(message) ? message : payload, "channel_id")
  return ApiEncoding.is("ch", channelId) ? channelId : null
}

/** Newer nodes echo what they translated a request to. */
const askedOf = (request: Json.Json | undefined): Json.Json | undefined => {
  if (!Json.isObject(request) || member(request, "action") !== undefined) return undefined
  const [method, params] = [member(request, "method"), member(request, "params")]
  if (typeof method !== "string") return undefined
  return { ...namesOf(method), ...(params !== undefined && { payload: params }) }
}

const refusedOf = (
  reason: string,
  request: Json.Json | undefined,
  channelId: ChannelId | null
): NodeMessage => {
  const { code, data } = ErrorCodes.fromLegacyReason(reason)
  const asked = askedOf(request)
  return {
    _tag: "Refused",
    channelId,
    id: null,
    code,
    message: reason,
    data: data.map((one) => ({ code: one, message: ErrorCodes.oldDataText(one) })),
    request: request ?? null,
    ...(asked !== undefined && { asked })
  }
}

const messageOf = (given: Json.Json): NodeMessage => {
  const json = toPresent(given)
  if (!Json.isObject(json)) throw malformed("no_message", "a node sends objects")
  const [action, tag, payload] = [member(json, "action"), member(json, "tag"), member(json, "payload")]
  if (typeof action !== "string" || (tag !== undefined && typeof tag !== "string"))
    throw malformed("no_message", "a message has an action, and a tag that is a string or left out")
  const named = member(json, "channel_id")
  const channelId = named === undefined ? channelInside(payload) : channelOf(named)
  const reason =
    Json.isObject(payload) && action === "error" && tag === undefined ? member(payload, "reason") : undefined
  if (typeof reason === "string" && Json.isObject(payload))
    return refusedOf(reason, member(payload, "request"), channelId)
  const method = methodOf(action, tag)
  const value =
    Replies.readNotified(`${method}${replySuffix}`, payload ?? null) ??
    Replies.readNotified(method, payload ?? null)
  return value === undefined
    ? { _tag: "Reported", channelId, report: reports.take(method, payload ?? null) }
    : { _tag: "Replied", channelId, value }
}

export interface Options {
  /** As of July 2018. */
  readonly oldest: boolean
}

/** A value that is told by its names alone. */
const hasNoPayload = ({ _tag }: ReplyValue): boolean => _tag === "Pong" || _tag === "CallsPruned"

const withoutUpdates = (payload: Json.Json): Json.Json => {
  if (!Json.isObject(payload)) return payload
  const { updates: _, ...rest } = payload
  return rest
}

export const make = ({ oldest }: Options): CodecService => {
  const print = (names: Names, payload: Json.Json | undefined, channelId: ChannelId | null): string => {
    const frame: Json.JsonObject = { ...names, ...(payload !== undefined && { payload }) }
    return Json.stringifySorted(oldest ? toOldest(frame) : { ...frame, channel_id: channelId, version: 1 })
  }

  const printValue = (call: ClientCall, value: ReplyValue, channelId: ChannelId | null) => {
    const { request } = call
    if (value._tag === "Ok" || request._tag === "Refusal" || request._tag === "Swallowed") return undefined
    const method = methods.replyMethod(request)
    if (method === undefined) return undefined
    const name = method.endsWith(replySuffix) ? method.slice(0, -replySuffix.length) : method
    return print(namesOf(name), hasNoPayload(value) ? undefined : Replies.write(value), channelId)
  }

  const printAnswer = (call: ClientCall, answer: Answer, channelId: ChannelId | null): string | undefined => {
    switch (answer._tag) {
      case "NoReply":
        return undefined
      case "Value":
        return printValue(call, answer.value, channelId)
      case "Refusal": {
        const reason = ErrorCodes.legacyReason(legacy.refusal(answer))
        return print({ action: "error" }, { reason, request: call.raw }, channelId)
      }
    }
  }

  return {
    dialect: legacy.dialect,
    encodeRequest: (request) => {
      const { method, params } = methods.give(request)
      const names = namesOf(method)
      // A node reads the tag only where there is a payload, and takes a missing payload for an empty one elsewhere.
      const isEmpty = names.tag === undefined && Object.keys(params).length === 0
      const frame = { ...names, ...(!isEmpty && { payload: params }) }
      return Json.stringify(oldest ? toOldest(frame) : frame)
    },
    decodeNodeFrame: (text) => DecodeErrors.attemptNow(() => [messageOf(Json.parseOrThrow(text))]),
    decodeClientFrame,
    encodeAnswers: ({ calls }, answers, channelId) => {
      const [call, answer] = [calls[0], answers[0]]
      return call === undefined || answer === undefined ? undefined : printAnswer(call, answer, channelId)
    },
    encodeReport: (report, channelId) => {
      const given = reports.give(report, channelId)
      if (given === undefined) return undefined
      const isOldestSigning = oldest && report._tag === "SignRequest"
      return print(
        namesOf(given.method),
        isOldestSigning ? withoutUpdates(given.data) : given.data,
        channelId
      )
    },
    encodeOpenRefusal: () => undefined
  }
}
