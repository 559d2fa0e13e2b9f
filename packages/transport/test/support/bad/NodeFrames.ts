/** What no good node sends, and how a client takes it. */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Json from "@aechannel/core/encoding/Json"
import {
  channelId,
  createTx,
  initiator,
  responder,
  signedBy
} from "../../../../core/test/client/support/ScriptedNode.js"

/**
 * The event it leads to, with some of its fields: `Undecodable` (with the error's reason), `Refused`, `Reported` (a
 * report that is passed on as it is), `VerificationFailed`, `MessageReceived`, or none.
 */
export interface NodeFrameRow {
  readonly name: string
  readonly frame: string | Uint8Array
  readonly event: { readonly _tag: string; readonly [field: string]: unknown } | undefined
}

const unreadable = (name: string, frame: string, reason?: string): NodeFrameRow => ({
  name,
  frame,
  event: { _tag: "Undecodable", error: { _tag: "DecodeError", ...(reason === undefined ? {} : { reason }) } }
})

const notified = (method: string, data: Json.Json, id: Json.Json = channelId): string =>
  Json.stringify({
    jsonrpc: "2.0",
    version: 1,
    method: `channels.${method}`,
    params: { channel_id: id, data }
  })

const unknownReport = (name: string, method: string, data: Json.Json): NodeFrameRow => ({
  name,
  frame: notified(method, data),
  event: { _tag: "Reported", report: { _tag: "UnknownReport", method: `channels.${method}` } }
})

const ignored = (name: string, frame: string | Uint8Array): NodeFrameRow => ({
  name,
  frame,
  event: undefined
})

const lie = (name: string, frame: string, field: string): NodeFrameRow => ({
  name,
  frame,
  event: { _tag: "VerificationFailed", error: { field } }
})

const megabyte = "x".repeat(1024 * 1024)
const state = SignedTx.toText(signedBy(createTx(), [initiator, responder]))
const bare = ApiEncoding.encode("tx", signedBy(createTx(), []).txBytes)
const otherChannel = ApiEncoding.encode("ch", new Uint8Array(32).fill(5))

const replied = (id: Json.Json, result: Json.Json): string =>
  Json.stringify({ jsonrpc: "2.0", version: 1, id, channel_id: channelId, result })

const refusedFrame = (id: Json.Json, error: Json.Json): string =>
  Json.stringify({ jsonrpc: "2.0", version: 1, id, channel_id: channelId, error })

// A refusal without an id that echoes an empty request is that of an opening.
const request = { jsonrpc: "2.0", method: "channels.nope" }
const refusal = {
  code: 3,
  message: "Rejected",
  data: [{ code: 1001, message: "Insufficient balance" }],
  request
}

const refused = (name: string, frame: string, fields: Json.JsonObject): NodeFrameRow => ({
  name,
  frame,
  event: { _tag: "Refused", error: { _tag: "RejectedError", operation: "unknown request", ...fields } }
})

export const nodeFrameRows: ReadonlyArray<NodeFrameRow> = [
  // No JSON.
  unreadable("nothing", ""),
  unreadable("words", "this is not json"),
  unreadable("a NUL", "\u0000"),
  unreadable("half of a report", notified("info", { event: "open" }).slice(0, -9)),
  unreadable("a report and a bracket more", `${notified("info", { event: "open" })}]`),
  unreadable("two reports in a row", notified("info", { event: "open" }).repeat(2)),
  unreadable("a megabyte of letters", megabyte),
  unreadable("a megabyte of brackets", "[".repeat(1024 * 1024)),
  unreadable("a hundred thousand objects deep", `${'{"result":'.repeat(100_000)}1${"}".repeat(100_000)}`),
  // No message.
  unreadable("a number", "42", "no_message"),
  unreadable("null", "null", "no_message"),
  unreadable("a text", '"ok"', "no_message"),
  unreadable("an empty object", "{}", "no_message"),
  unreadable("a list of a number", "[1]", "no_message"),
  unreadable("a list whose second is none", `[${notified("info", { event: "update" })},7]`, "no_message"),
  unreadable("neither result nor error", '{"jsonrpc":"2.0","id":"x"}', "no_message"),
  unreadable("an error without a code", refusedFrame("x", { message: "Rejected" }), "error_code"),
  unreadable("an error code as a text", refusedFrame("x", { ...refusal, code: "3" }), "error_code"),
  unreadable("a channel id as a number", notified("info", { event: "update" }, 5), "channel_id"),
  unreadable("a channel id that is none", notified("info", { event: "update" }, "ch_nonsense")),
  // Known reports with broken parts.
  unreadable("a state that is a number", notified("update", { state: 5 })),
  unreadable("a state without a text", notified("update", {})),
  unreadable("a state of another kind", notified("update", { state: otherChannel })),
  unreadable("a state cut short", notified("update", { state: state.slice(0, -8) })),
  unreadable("a state without its envelope", notified("update", { state: bare })),
  unreadable(
    "a transaction on chain that is none",
    notified("on_chain_tx", { info: "channel_changed", tx: "tx_AAAA" })
  ),
  unreadable("a leave without a state", notified("leave", {})),
  unreadable("a conflict whose round is a text", notified("conflict", { round: "1" })),
  unreadable("a conflict with a negative code", notified("conflict", { round: 1, error_code: -1 })),
  unreadable(
    "a message from nobody",
    notified("message", { message: { from: "ak_x", to: "ak_y", info: "" } })
  ),
  unreadable(
    "a message that is no text",
    notified("message", { message: { from: initiator.address, to: responder.address, info: 5 } })
  ),
  unreadable("a signing request without a transaction", notified("sign.update", { updates: [] })),
  unreadable(
    "a signing request for a bare transaction",
    notified("sign.update", { signed_tx: bare, updates: [] })
  ),
  unreadable(
    "a signing request whose updates are no list",
    notified("sign.update_ack", { signed_tx: state, updates: 5 })
  ),
  unreadable(
    "a signing request with an unknown update",
    notified("sign.update_ack", { signed_tx: state, updates: [{ op: "OffChainWish" }] })
  ),
  unreadable("an fsm id that is none", notified("info", { event: "fsm_up", fsm_id: "ba_nonsense" })),
  // Unknown reports are passed on.
  unknownReport("an unknown report", "weather", { rain: true }),
  unknownReport("an unknown event", "info", { event: "tea_time" }),
  unknownReport("an event that is a number", "info", { event: 5 }),
  unknownReport("no event", "info", {}),
  unknownReport("data that is a list", "info", []),
  unknownReport("data that is missing", "update", null),
  unknownReport("an unknown signing request", "sign.marriage", { signed_tx: state, updates: [] }),
  unknownReport("a message that is none", "message", { message: "hello" }),
  {
    name: "a report without a prefix",
    frame: '{"jsonrpc":"2.0","method":"info","params":{"data":{"event":"died"}}}',
    event: { _tag: "Reported", report: { _tag: "UnknownReport", method: "info" } }
  },
  {
    name: "a report named like a member of every object",
    frame: notified("constructor", { __proto__: 1 }),
    event: { _tag: "Reported", report: { _tag: "UnknownReport", method: "channels.constructor" } }
  },
  {
    name: "a megabyte in an unknown report",
    frame: notified("weather", { text: megabyte }),
    event: { _tag: "Reported", report: { _tag: "UnknownReport" } }
  },
  {
    name: "a message of a megabyte",
    frame: notified("message", {
      message: { channel_id: channelId, from: initiator.address, to: responder.address, info: megabyte }
    }),
    event: { _tag: "MessageReceived", text: megabyte }
  },
  // Replies to what nobody has asked.
  ...[999, -576460752303422895n, 2n ** 200n, "x", null, true, [], {}].map((id) =>
    ignored(`a reply to ${Json.stringify(id)}`, replied(id, "ok"))
  ),
  ignored("a value without a request", notified("get.balances.reply", [])),
  ignored("a pong without a ping", notified("system.pong", { action: "system", tag: "pong" })),
  ignored("a reply without an id", '{"jsonrpc":"2.0","version":1,"result":"ok"}'),
  ignored("an empty list", "[]"),
  ignored("bytes", new Uint8Array([1, 2, 3])),
  ignored("a report as bytes", new TextEncoder().encode(notified("info", { event: "died" }))),
  ignored("a megabyte of bytes", new Uint8Array(1024 * 1024)),
  refused("a refusal of what nobody has asked", refusedFrame(999, refusal), { code: 3 }),
  refused(
    "a refusal without an id",
    refusedFrame(null, { ...refusal, request: { method: "channels.leave" } }),
    { code: 3 }
  ),
  refused("a refusal whose data are none", refusedFrame(999, { ...refusal, data: [5, { code: "x" }] }), {
    data: []
  }),
  refused("a refusal whose data are no list", refusedFrame(999, { ...refusal, data: 5 }), { data: [] }),
  refused("a refusal with an id that echoes nothing", refusedFrame(999, { ...refusal, request: {} }), {
    code: 3
  }),
  refused("a refusal without a text", refusedFrame(999, { code: -32603 }), { reason: "" }),
  // Readable, and not true.
  lie("a report of another channel", notified("info", { event: "update" }, otherChannel), "channelId"),
  lie(
    "a state that nobody has signed",
    notified("update", { state: SignedTx.toText(signedBy(createTx({ nonce: 9n }), [])) }),
    "channelId"
  ),
  lie("a conflict at a round that is none", notified("conflict", { round: 77, error_code: 2 }), "round"),
  lie(
    "a leave with an unsigned state",
    notified("leave", { state: SignedTx.toText(signedBy(createTx(), [])) }),
    "signature"
  ),
  lie(
    "a signing request that nobody has asked for",
    notified("sign.update", { signed_tx: state, updates: [] }),
    "operation"
  )
]
