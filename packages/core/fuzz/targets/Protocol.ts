/**
 * Frames of both directions and the query strings of openings.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Json from "../../src/encoding/Json.js"
import type { Answer, ClientCall, ClientFrame, CodecService } from "../../src/protocol/Codec.js"
import * as ErrorCodes from "../../src/protocol/ErrorCodes.js"
import * as JsonRpc from "../../src/protocol/JsonRpc.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import * as JsonRpcTx from "../../src/protocol/JsonRpcTx.js"
import * as Legacy from "../../src/protocol/Legacy.js"
import type { NodeMessage } from "../../src/protocol/NodeMessage.js"
import * as OpenParameters from "../../src/protocol/OpenParameters.js"
import type { Request } from "../../src/protocol/Request.js"
import type { Corpus } from "../Corpus.js"
import * as MutateText from "../MutateText.js"
import { ofText, promise, read, type Target, Violation } from "../Target.js"

/** Under the name of its targets; frames are mutated for each from those of its own kind. */
const codecs: ReadonlyArray<readonly [name: string, codec: CodecService]> = [
  ["json-rpc-signed-tx", JsonRpcSignedTx.codec],
  ["json-rpc-tx", JsonRpcTx.codec],
  ["json-rpc", JsonRpc.codec],
  ["legacy", Legacy.codec],
  ["legacy-oldest", Legacy.oldest]
]

const channelId = ApiEncoding.encode("ch", new Uint8Array(32).fill(7))

const isRequest = (request: ClientCall["request"]): request is Request =>
  request._tag !== "Refusal" && request._tag !== "Swallowed"

const answers: ReadonlyArray<Answer> = [
  { _tag: "NoReply" },
  { _tag: "Value", value: { _tag: "Ok" } },
  { _tag: "Value", value: { _tag: "EmptyList" } },
  ErrorCodes.refusal("insufficient_balance")
]

const answerTo = ({ request }: ClientCall, answer: Answer): Answer => {
  if (isRequest(request)) return answer
  return request._tag === "Refusal" ? request : { _tag: "NoReply" }
}

const messagesOf = (codec: CodecService, text: string): ReadonlyArray<NodeMessage> | undefined =>
  read(() => {
    const result = Effect.runSync(Effect.either(codec.decodeNodeFrame(text)))
    if (result._tag === "Left") throw result.left
    return result.right
  })

const jsonOf = (text: string): Json.Json | DecodeError => {
  try {
    return Json.parseOrThrow(text)
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
}

// What a refusal echoes lies deeper in the answer than it lay in the request.
const isTooDeep = (text: string): boolean => {
  const json = jsonOf(text)
  return json instanceof DecodeError && json.reason === "too_deep"
}

/** A reply must find its request whatever its value. */
const isReply = (codec: CodecService, text: string): boolean => {
  if (codec.dialect === "legacy") return false
  const json = jsonOf(text)
  if (json instanceof DecodeError || !Json.isObject(json)) return false
  const [channel, method] = [Json.field(json, "channel_id"), Json.field(json, "method")]
  return (
    Json.field(json, "result") !== undefined &&
    typeof method !== "string" &&
    !Json.isObject(Json.field(json, "error")) &&
    (channel === undefined || channel === null)
  )
}

const checkAnswers = (codec: CodecService, frame: Extract<ClientFrame, { readonly _tag: "Calls" }>): void => {
  for (const answer of answers) {
    const text = codec.encodeAnswers(
      frame,
      frame.calls.map((call) => answerTo(call, answer)),
      channelId
    )
    if (text === undefined || isTooDeep(text)) continue
    promise(messagesOf(codec, text) !== undefined, "the client cannot read the answer")
  }
}

const checkRequest = (codec: CodecService, { id, request }: ClientCall): void => {
  if (!isRequest(request)) return
  const text = codec.encodeRequest(request, id)
  const again = codec.decodeClientFrame(text)
  const [call] = again._tag === "Calls" ? again.calls : []
  if (call === undefined || !isRequest(call.request))
    throw new Violation("a request cannot be read when written again")
  promise(
    codec.encodeRequest(call.request, call.id) === text,
    "a request changes when it is read and written again"
  )
}

// Frames come from strangers, and there are many kinds of them.
const frameWeight = 20

/** After whatever came, a good frame is taken as ever. */
const checkNext = (codec: CodecService): void => {
  const next = codec.decodeClientFrame(codec.encodeRequest({ _tag: "Shutdown" }))
  promise(next._tag === "Calls" && next.calls[0]?.request._tag === "Shutdown", "a later good frame is lost")
}

const seedsFor = (codec: CodecService, frames: ReadonlyArray<string>): ReadonlyArray<string> => {
  const isLegacy = codec.dialect === "legacy"
  const own = frames.filter((text) => text.includes('"action":') === isLegacy || !text.includes('"jsonrpc":'))
  return own.length === 0 ? frames : own
}

const clientFrame = (name: string, codec: CodecService, corpus: Corpus): Target =>
  ofText(`client_frame/${name}`, {
    seeds: seedsFor(codec, corpus.clientFrames),
    weight: frameWeight,
    mutate: MutateText.jsonText,
    check: (input) => {
      const frame = codec.decodeClientFrame(input)
      checkNext(codec)
      if (frame._tag === "Dropped") {
        promise(frame.reason instanceof DecodeError, "a frame is dropped without a DecodeError")
        return false
      }
      for (const call of frame.calls.slice(0, 20)) checkRequest(codec, call)
      checkAnswers(codec, frame)
      return frame.calls.some(({ request }) => isRequest(request))
    }
  })

const checkMessage = (codec: CodecService, message: NodeMessage): void => {
  if (message._tag !== "Reported") return
  const text = codec.encodeReport(message.report, message.channelId)
  if (text === undefined) return
  const [again] = messagesOf(codec, text) ?? []
  if (again === undefined || again._tag !== "Reported")
    throw new Violation("a report cannot be read when written again")
  promise(
    codec.encodeReport(again.report, again.channelId) === text,
    "a report changes when it is read and written again"
  )
}

const nodeFrame = (name: string, codec: CodecService, corpus: Corpus): Target =>
  ofText(`node_frame/${name}`, {
    seeds: seedsFor(codec, corpus.nodeFrames),
    weight: frameWeight,
    mutate: MutateText.jsonText,
    check: (input) => {
      const messages = messagesOf(codec, input)
      if (messages === undefined) {
        promise(!isReply(codec, input), "a reply is lost because of its value")
        return false
      }
      for (const message of messages.slice(0, 20)) checkMessage(codec, message)
      return true
    }
  })

const reconnect =
  "protocol=json-rpc&role=responder&port=3179&existing_channel_id=" +
  `${channelId}&existing_fsm_id=${ApiEncoding.encode("ba", new Uint8Array(32).fill(9))}`

const optional =
  "&minimum_depth=3&minimum_depth_strategy=plain&ttl=0&fee=100&gas_price=1000000000&nonce=7&msg_forwarding=true" +
  "&keep_running=false&log_keep=20&slogan=a%20b&timeout_idle=600000&timeout_awaiting_open=1000&report_info=true" +
  "&report_debug=false&bh_delta_not_older_than=10&bh_delta_not_newer_than=0&bh_delta_pick=2"

/** Two queries that ask for the same, secrets included. */
const sameQuery = (a: OpenParameters.OpenQuery, b: OpenParameters.OpenQuery): boolean => {
  const plain = (_: string, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : Redacted.isRedacted(value) ? Redacted.value(value) : value
  const text = (query: OpenParameters.OpenQuery) => JSON.stringify(query, plain)
  return text(a) === text(b)
}

const written = (query: OpenParameters.OpenQuery): string | undefined => {
  if (query._tag === "Open") return OpenParameters.toQuery(query.parameters)
  return query._tag === "Reconnect" ? OpenParameters.toQuery(query) : undefined
}

const query = (corpus: Corpus): Target => {
  const seeds = corpus.queries.flatMap((one) => [one, one + optional])
  return ofText("open_query", {
    seeds: [...seeds, reconnect, `${reconnect}${optional}`],
    mutate: MutateText.query,
    check: (input) => {
      OpenParameters.parseQuery(
        input,
        () => false,
        () => false
      )
      const parsed = OpenParameters.parseQuery(input)
      const text = written(parsed)
      if (text === undefined) return false
      const again = OpenParameters.parseQuery(text)
      promise(sameQuery(again, parsed), "the parameters change when they are written and read")
      promise(written(again) === text, "the query changes when it is read and written again")
      return true
    }
  })
}

export const make = (corpus: Corpus): ReadonlyArray<Target> => [
  ...codecs.flatMap(([name, codec]) => [clientFrame(name, codec, corpus), nodeFrame(name, codec, corpus)]),
  query(corpus)
]
