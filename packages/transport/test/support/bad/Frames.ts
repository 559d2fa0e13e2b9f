/** Bad frames on an open channel in which nothing is under way: what is sent, and every frame that comes back. */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import * as ErrorCodes from "@aechannel/core/protocol/ErrorCodes"
import { other } from "../../../../core/test/support/NodeUnderTest.js"
import { at } from "../../../../core/test/support/RawClient.js"

/** Who sends, and where. */
export interface Sender {
  readonly own: string
  readonly peer: string
  readonly channelId: string
  /** The latest co-signed transaction. */
  readonly state: SignedTx.SignedTx
}

export interface FrameRow {
  readonly name: string
  readonly send: (sender: Sender) => string | Uint8Array
  readonly replies: (sender: Sender) => ReadonlyArray<Json.Json>
}

type Params = Json.Json | ((sender: Sender) => Json.Json)

const resolved = (params: Params, sender: Sender): Json.Json =>
  typeof params === "function" ? params(sender) : params

/** The frame with which a node answers a request that it refuses. */
const refusal = (
  request: Json.Json,
  channelId: string,
  code: number,
  data: ReadonlyArray<number>
): Json.Json => ({
  jsonrpc: "2.0",
  version: 1,
  id: at(request, "id") ?? null,
  channel_id: channelId,
  error: {
    code,
    message: ErrorCodes.errorText(code),
    ...(data.length === 0
      ? {}
      : { data: data.map((each) => ({ code: each, message: ErrorCodes.dataText(each) })) }),
    // As it is read: fractions keep their digits.
    request: Json.parseOrThrow(Json.stringify(request))
  }
})

const result = (id: Json.Json, value: Json.Json, channelId: string): Json.Json => ({
  jsonrpc: "2.0",
  version: 1,
  id,
  channel_id: channelId,
  result: value
})

const none = (): ReadonlyArray<Json.Json> => []

const request = (method: Json.Json, params: Json.Json | undefined, id?: Json.Json): Json.JsonObject => ({
  jsonrpc: "2.0",
  method,
  ...(params === undefined ? {} : { params }),
  ...(id === undefined ? {} : { id })
})

const dropped = (
  name: string,
  send: string | Uint8Array | ((sender: Sender) => string | Uint8Array)
): FrameRow => ({
  name: `dropped: ${name}`,
  send: typeof send === "string" || send instanceof Uint8Array ? () => send : send,
  replies: none
})

const fullName = (method: Json.Json): Json.Json =>
  typeof method === "string" ? `channels.${method}` : method

/** A request, with an id and without, and the refusal of both. */
const refused = (
  method: Json.Json,
  what: string,
  params: Params | undefined,
  code: number,
  ...data: ReadonlyArray<number>
): ReadonlyArray<FrameRow> =>
  [undefined, 7].map((id) => {
    const made = (sender: Sender) =>
      request(fullName(method), params === undefined ? undefined : resolved(params, sender), id)
    return {
      name: `${[code, ...data].join(" ")}: ${String(method)}, ${what}${id === undefined ? "" : ", with an id"}`,
      send: (sender) => Json.stringify(made(sender)),
      replies: (sender) => [refusal(made(sender), sender.channelId, code, data)]
    }
  })

/** What breaks a real node's handler, and what is signed without being asked for: "ok" by id, else nothing. */
const swallowed = (method: string, what: string, params: Params): ReadonlyArray<FrameRow> =>
  [undefined, "s"].map((id) => ({
    name: `swallowed: ${method}, ${what}${id === undefined ? "" : ", with an id"}`,
    send: (sender) => Json.stringify(request(fullName(method), resolved(params, sender), id)),
    replies: (sender) => (id === undefined ? [] : [result(id, "ok", sender.channelId)])
  }))

const contract = ApiEncoding.encode("ct", new Uint8Array(32).fill(5))
const code = ApiEncoding.encode("cb", new Uint8Array([1, 2, 3]))
const block = ApiEncoding.encode("kh", new Uint8Array(32).fill(5))
const hash = ApiEncoding.encode("th", new Uint8Array(32).fill(5))
const megabyte = "x".repeat(1024 * 1024)
const ping = request("channels.system", { action: "ping" })
const pong = { action: "system", tag: "pong" }

const transfer =
  (changes: Json.JsonObject = {}) =>
  ({ own, peer }: Sender): Json.Json => ({ from: own, to: peer, amount: 1, ...changes })

const message =
  (changes: Json.JsonObject = {}) =>
  ({ peer }: Sender): Json.Json => ({ to: peer, info: "hello", ...changes })

const call = { contract_id: contract, abi_version: 3, amount: 0, call_data: code }
const newContract = { vm_version: 7, abi_version: 3, deposit: 0, code, call_data: code }

const droppedRows: ReadonlyArray<FrameRow> = [
  dropped("nothing", ""),
  dropped("blanks", " \n\t"),
  dropped("words", "this is not json"),
  dropped("a NUL", "\u0000"),
  dropped("a byte order mark", `\ufeff${Json.stringify(ping)}`),
  dropped("half of a request", '{"jsonrpc":"2.0","method":"channels.leave"'),
  dropped("a request and more", `${Json.stringify(request("channels.leave", {}))}}`),
  dropped("two requests in a row", Json.stringify(request("channels.leave", {})).repeat(2)),
  dropped("single quotes", "{'jsonrpc':'2.0','method':'channels.leave'}"),
  dropped("a comma too many", '{"jsonrpc":"2.0","method":"channels.leave",}'),
  dropped("NaN", '{"jsonrpc":"2.0","method":"channels.leave","id":NaN}'),
  dropped("a number", "42"),
  dropped("a text", '"channels.leave"'),
  dropped("null", "null"),
  dropped("true", "true"),
  dropped("an empty object", "{}"),
  dropped("no jsonrpc", '{"method":"channels.leave","id":1}'),
  dropped("another jsonrpc", '{"jsonrpc":"1.0","method":"channels.leave","id":1}'),
  dropped("jsonrpc as a number", '{"jsonrpc":2.0,"method":"channels.leave","id":1}'),
  dropped("no method", '{"jsonrpc":"2.0","id":1,"params":{}}'),
  dropped("a reply", '{"jsonrpc":"2.0","id":1,"result":"ok"}'),
  dropped("the older envelope", '{"action":"leave"}'),
  dropped("a megabyte of letters", megabyte),
  dropped("a megabyte as a text", `"${megabyte}"`),
  dropped("a megabyte of brackets", "[".repeat(1024 * 1024)),
  dropped("a request a hundred thousand objects deep", () => {
    const depth = 100_000
    return `{"jsonrpc":"2.0","method":"channels.leave","params":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`
  }),
  dropped("a megabyte of an id cut off", `{"jsonrpc":"2.0","method":"channels.leave","id":"${megabyte}`),
  dropped(
    "a request as a binary frame",
    new TextEncoder().encode(Json.stringify(request("channels.leave", {}, 1)))
  ),
  dropped("an empty binary frame", new Uint8Array()),
  dropped("a megabyte of bytes", new Uint8Array(1024 * 1024).fill(255)),
  dropped("an empty batch", "[]"),
  dropped("a batch of a number", "[1]"),
  dropped("a batch in a batch", `[[${Json.stringify(ping)}]]`),
  dropped("a good request and a number", `[${Json.stringify(request("channels.leave", {}, 1))},5]`),
  dropped(
    "a good request and one without a method",
    `[${Json.stringify(request("channels.leave", {}, 1))},{"jsonrpc":"2.0"}]`
  ),
  dropped("a batch of pings that does not end", `[${`${Json.stringify(ping)},`.repeat(1000)}`)
]

const notFound = -32601
const internal = -32603

const methodRows = [
  ...[5, null, true, ["channels.leave"], {}].flatMap((method) =>
    refused(method, `as ${Json.stringify(method)}`, {}, notFound)
  ),
  ...["nope", "", "Leave", "update.new_contract_from_onchain", "reconnect"].flatMap((method) =>
    refused(method, "unknown", {}, notFound)
  ),
  ...refused("system", "unknown action", { action: "reboot" }, notFound),
  ...refused("system", "no action", {}, notFound),
  ...[undefined, null, [1], 5, "text"].flatMap((params) =>
    ["update.new", "deposit", "withdraw", "message", "get.balances", "update.call_contract"].flatMap(
      (method) =>
        refused(
          method,
          `params ${params === undefined ? "missing" : Json.stringify(params)}`,
          params,
          notFound
        )
    )
  ),
  ...["from", "to", "amount"].flatMap((name) =>
    refused(
      "update.new",
      `${name} missing`,
      (sender) => {
        const { [name]: _, ...rest } = transfer()(sender) as Json.JsonObject
        return rest
      },
      notFound
    )
  ),
  ...refused("get.offchain_state", "params missing", undefined, notFound),
  ...refused("history.fetch", "params missing", undefined, notFound),
  ...refused("get.poi", "params missing", undefined, notFound),
  ...refused("assume_minimum_depth", "tx_hash missing", {}, notFound),
  ...refused("update", "no params", undefined, notFound),
  ...refused("update", "an empty signing reply", {}, notFound),
  ...refused("update", "the older dialect's", ({ state }) => ({ tx: SignedTx.toText(state) }), notFound)
]

const typeRows = [
  ...["1", 1.5, true, null, [], {}].flatMap((amount) =>
    refused("update.new", `amount ${Json.stringify(amount)}`, transfer({ amount }), 3, 1008)
  ),
  ...refused("deposit", "amount as a text", { amount: "1" }, 3, 1008),
  ...refused("withdraw", "amount as a text", { amount: "1" }, 3, 1008),
  ...["ak_nonsense", "", 5, null, contract].flatMap((from) =>
    refused("update.new", `from ${Json.stringify(from)}`, transfer({ from }), 3, 1005)
  ),
  ...refused("update.new", "to a contract", transfer({ to: contract }), 3, 1005),
  ...refused("message", "to nobody", message({ to: "ak_nobody" }), 3, 1005),
  ...refused("get.balances", "accounts no list", ({ own }) => ({ accounts: own }), 3, 1005),
  ...refused("get.balances", "one of them broken", ({ own }) => ({ accounts: [own, "ak_x"] }), 3, 1005),
  ...refused("get.poi", "both lists broken", { accounts: ["ak_x"], contracts: ["ct_x"] }, 3, 1005, 1006),
  ...refused("get.contract", "an account", ({ own }) => ({ pubkey: own }), 3, 1006),
  ...refused("get.contract_call", "all wrong", { contract_id: 1, caller_id: 1, round: 1 }, 3, 1006, 1005),
  ...refused("update.new_contract", "code as a number", { ...newContract, code: 1 }, 3, 1009),
  ...refused(
    "update.call_contract",
    "both broken",
    { ...call, contract_id: "ct_x", call_data: "" },
    3,
    1006,
    1009
  ),
  ...refused("force_progress", "call data", { ...call, gas_price: 1, call_data: "cb_x" }, 3, 1005),
  ...refused("update.new", "meta a text", transfer({ meta: "m" }), 3, 1014),
  ...refused("update.new", "meta with a number", transfer({ meta: ["a", 1] }), 3, 1014),
  ...["tx_nonsense", "", 5, null, contract].flatMap((text) =>
    refused("update", `signed_tx ${Json.stringify(text)}`, { signed_tx: text }, 3, 1010)
  ),
  ...refused(
    "update",
    "a transaction cut short, and with it its checksum",
    ({ state }) => ({ signed_tx: SignedTx.toText(state).slice(0, -8) }),
    3,
    1010
  )
]

const valueRows = [
  ...refused("update.new", "a negative amount", transfer({ amount: -1 }), 3, 1002),
  ...refused("deposit", "a negative amount", { amount: -1 }, 3, 1002),
  ...refused("update.new", "to oneself", ({ own }) => ({ from: own, to: own, amount: 1 }), 3, 1003),
  ...refused("update.new", "to a stranger", transfer({ to: other.address }), 3, 1003),
  ...refused("update.new", "from a stranger", transfer({ from: other.address }), 3, 1003),
  ...refused("update.new", "more than there is", transfer({ amount: 2n ** 200n }), 3, 1001),
  ...refused("update.new", "an unknown block", transfer({ block_hash: block }), internal),
  ...refused("update.new", "a block hash of another kind", transfer({ block_hash: hash }), internal),
  ...refused(
    "update.new",
    "more text than a frame between nodes holds",
    transfer({ meta: [megabyte] }),
    internal
  ),
  ...refused("message", "info no text", message({ info: { a: 1 } }), -32000),
  ...refused("message", "a byte too long", message({ info: "x".repeat(65_001) }), -32000),
  ...refused("message", "a megabyte", message({ info: megabyte }), -32000),
  ...refused("message", "to a stranger", message({ to: other.address }), internal),
  ...refused("message", "from a stranger", message({ from: other.address }), internal),
  ...refused("message", "from nobody", message({ from: "ak_nobody" }), internal),
  ...refused("get.poi", "of a stranger", { accounts: [other.address] }, 3, 100),
  ...refused("get.contract", "unknown", { pubkey: contract }, 3, 100),
  ...refused(
    "get.contract_call",
    "unknown",
    ({ own }) => ({ contract_id: contract, caller_id: own, round: 1 }),
    3,
    1004
  ),
  ...["abc", null, -1, 1.5, {}].flatMap((fee) =>
    refused("shutdown", `fee ${Json.stringify(fee)}`, { fee }, internal)
  ),
  ...refused("shutdown", "a fee below the minimum", { fee: 1 }, internal),
  ...refused("shutdown", "a fee above the balances", { fee: 10n ** 30n }, 3, 1001),
  ...refused("history.fetch", "an unknown word", { type: ["report"] }, internal),
  ...refused("history.fetch", "a text for a list", { tag: "info" }, internal),
  ...refused("assume_minimum_depth", "nothing is waiting", { tx_hash: hash }, internal),
  ...["slash", "settle"].flatMap((method) => refused(method, "the channel is not closing", {}, internal)),
  ...[0, 65_536, -1, 1.5, null, {}, "abc"].flatMap((error) =>
    refused("update", `error ${Json.stringify(error)}`, { error }, internal)
  ),
  ...["update", "update_ack", "shutdown_sign", "shutdown_sign_ack", "deposit_tx", "initiator_sign"].flatMap(
    (method) => refused(method, "an error where nothing is to be signed", { error: 4 }, 3, 1018)
  )
]

const swallowedRows = [
  ...swallowed("shutdown", "params a list", []),
  ...swallowed("get.poi", "params a number", 5),
  ...swallowed("get.contract_call", "round 0", ({ own }) => ({
    contract_id: contract,
    caller_id: own,
    round: 0
  })),
  ...swallowed("update.call_contract", "a negative amount", { ...call, amount: -1 }),
  ...swallowed("update", "a transaction that is none", {
    signed_tx: ApiEncoding.encode("tx", new Uint8Array([1, 2]))
  }),
  ...swallowed("update", "the transaction without its envelope", ({ state }) => ({
    signed_tx: ApiEncoding.encode("tx", state.txBytes)
  })),
  ...swallowed("update", "a truncated transaction", ({ state }) => ({
    signed_tx: ApiEncoding.encode("tx", SignedTx.encode(state).slice(0, -1))
  })),
  // A signature that nobody has asked for.
  ...[
    "update",
    "update_ack",
    "shutdown_sign",
    "shutdown_sign_ack",
    "initiator_sign",
    "responder_sign"
  ].flatMap((method) =>
    swallowed(method, "a signature where nothing is to be signed", ({ state }) => ({
      signed_tx: SignedTx.toText(state)
    }))
  )
]

const silent: ReadonlyArray<FrameRow> = [
  {
    name: "silent even with an id: assume_minimum_depth, a hash that is none",
    send: () => Json.stringify(request("channels.assume_minimum_depth", { tx_hash: "th_x" }, 1)),
    replies: none
  }
]

const unknown = (id?: Json.Json) => request("channels.nope", {}, id)

const batch = (name: string, requests: ReadonlyArray<Json.Json>, replies: FrameRow["replies"]): FrameRow => ({
  name: `batch: ${name}`,
  send: () => Json.stringify(requests),
  replies
})

const batchRows: ReadonlyArray<FrameRow> = [
  batch("one bad request: an object", [unknown(1)], ({ channelId }) => [
    refusal(unknown(1), channelId, notFound, [])
  ]),
  batch("two bad requests: a list", [unknown(1), unknown()], ({ channelId }) => [
    [refusal(unknown(1), channelId, notFound, []), refusal(unknown(), channelId, notFound, [])]
  ]),
  batch(
    "a bad request and one without a value, which gets no ok",
    [unknown(1), request("channels.update", { signed_tx: ApiEncoding.encode("tx", new Uint8Array([1])) }, 2)],
    ({ channelId }) => [refusal(unknown(1), channelId, notFound, [])]
  ),
  batch(
    "two that a node swallows",
    [1, 2].map((id) => request("channels.shutdown", [], id)),
    ({ channelId }) => [[1, 2].map((id) => result(id, "ok", channelId))]
  ),
  batch("a bad request and a good one", [unknown("a"), { ...ping, id: "b" }], ({ channelId }) => [
    [refusal(unknown("a"), channelId, notFound, []), result("b", pong, channelId)]
  ]),
  batch(
    "a thousand bad requests",
    Array.from({ length: 1000 }, (_, id) => unknown(id)),
    ({ channelId }) => [
      Array.from({ length: 1000 }, (_, id) => refusal(unknown(id), channelId, notFound, []))
    ]
  )
]

const ids: ReadonlyArray<Json.Json> = [
  0,
  -1,
  -576460752303422895n,
  2n ** 200n,
  "",
  "id",
  true,
  null,
  [1, { a: [] }],
  { b: 1, a: 2 },
  megabyte
]

const idRows: ReadonlyArray<FrameRow> = ids.map((id) => {
  const text = Json.stringify(id)
  return {
    name: `echoed: the id ${text.length > 40 ? `of ${text.length} characters` : text}`,
    send: () => Json.stringify([unknown(id), { ...ping, id }]),
    replies: ({ channelId }) => [[refusal(unknown(id), channelId, notFound, []), result(id, pong, channelId)]]
  }
})

const oddRows: ReadonlyArray<FrameRow> = [
  {
    name: "odd: the last of two members of one name counts",
    send: () =>
      '{"jsonrpc":"2.0","method":"channels.leave","method":"channels.nope","params":{"a":1,"a":2},"id":1}',
    replies: ({ channelId }) => [refusal(request("channels.nope", { a: 2 }, 1), channelId, notFound, [])]
  },
  {
    name: "odd: names that mean something in JavaScript",
    send: () =>
      '{"jsonrpc":"2.0","method":"channels.system","params":{"action":"ping","__proto__":{"action":"stop"},"constructor":1},"id":1}',
    replies: ({ channelId }) => [result(1, pong, channelId)]
  },
  {
    name: "odd: members that nobody knows",
    send: () => Json.stringify({ ...ping, id: 1, extra: [[[[]]]], version: 7 }),
    replies: ({ channelId }) => [result(1, pong, channelId)]
  },
  {
    name: "odd: a request an acceptable number of lists deep",
    send: () =>
      `{"jsonrpc":"2.0","method":"channels.nope","params":{"a":${"[".repeat(50)}${"]".repeat(50)}},"id":1}`,
    replies: ({ channelId }) => [
      refusal(
        Json.parseOrThrow(
          `{"jsonrpc":"2.0","method":"channels.nope","params":{"a":${"[".repeat(50)}${"]".repeat(50)}},"id":1}`
        ),
        channelId,
        notFound,
        []
      )
    ]
  },
  {
    name: "odd: half of a surrogate pair",
    send: () => '{"jsonrpc":"2.0","method":"channels.system","params":{"action":"ping"},"id":"\\ud800"}',
    replies: ({ channelId }) => [result("\ud800", pong, channelId)]
  },
  {
    name: "odd: a method of a megabyte",
    send: () => Json.stringify(request(megabyte, {}, 1)),
    replies: ({ channelId }) => [refusal(request(megabyte, {}, 1), channelId, notFound, [])]
  }
]

export const frameRows: ReadonlyArray<FrameRow> = [
  ...droppedRows,
  ...methodRows,
  ...typeRows,
  ...valueRows,
  ...swallowedRows,
  ...silent,
  ...batchRows,
  ...idRows,
  ...oddRows
]
