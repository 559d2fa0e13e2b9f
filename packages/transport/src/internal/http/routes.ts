/**
 * The table of routes, one row for each call: what the node's HTTP API answers to those who fund accounts and open
 * channels, and the controls of a node that makes blocks when they are wanted.
 *
 * Specification: æternity node HTTP API.
 */
import * as ChannelObject from "@aechannel/core/chain/ChannelObject"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as Effect from "effect/Effect"
import { type Call, type HttpProblem, type Route, invalidParameter, problem } from "./answer.js"
import * as Bodies from "./bodies.js"

/** More blocks than this in one request would hold up every channel of the node. */
const mostBlocks = 10_000

type Answer = Effect.Effect<Json.Json, HttpProblem>

/** The path's variable as an id of one of these types, or what is said of one that is none. */
const identifier = <P extends ApiEncoding.Prefix>(
  { parameter }: Call,
  prefix: P | ReadonlyArray<P>,
  what: "public key" | "hash"
): Effect.Effect<ApiEncoding.Encoded<P>, HttpProblem> =>
  Effect.mapError(ApiEncoding.parse(prefix, parameter), ({ reason }) =>
    problem(400, `Invalid ${what}`, reason)
  )

const orElse = <A>(found: A | undefined, refusal: HttpProblem): Effect.Effect<A, HttpProblem> =>
  found === undefined ? Effect.fail(refusal) : Effect.succeed(found)

const look =
  (body: (ledger: Ledger.Ledger) => Json.Json) =>
  ({ node }: Call): Answer =>
    Effect.map(node.ledger, body)

const topKeyBlock = look(({ top }) => Bodies.keyBlock(top))

const account = (call: Call): Answer =>
  Effect.gen(function* () {
    const id = yield* identifier(call, ["ak", "ct"], "public key")
    const owner = ApiEncoding.encode("ak", ApiEncoding.bytesOf(id))
    const found = Ledger.account(yield* call.node.ledger, owner)
    return Bodies.account(owner, yield* orElse(found, problem(404, "Account not found")))
  })

/** `max` is after the account's highest waiting transaction, `continuity` in the first gap. */
const nextNonce = (call: Call): Answer =>
  Effect.gen(function* () {
    const id = yield* identifier(call, "ak", "public key")
    const strategy = call.query("strategy") ?? "max"
    if (strategy !== "max" && strategy !== "continuity")
      return yield* invalidParameter("strategy", { error: "not_in_enum", data: strategy })
    const ledger = yield* call.node.ledger
    const found = Ledger.account(ledger, id)
    const known = yield* orElse(found, problem(404, "Account not found", "account_not_found"))
    const highest = Ledger.nextNonce(ledger, id)
    if (strategy === "max" || highest === 0n) return { next_nonce: highest }
    const waiting = new Set(
      Ledger.pending(ledger)
        .filter(({ signedTx }) => Transaction.origin(signedTx.tx) === id)
        .map(({ signedTx }) => Transaction.nonce(signedTx.tx))
    )
    let nonce = known.nonce + 1n
    while (waiting.has(nonce)) nonce += 1n
    return { next_nonce: nonce }
  })

/** The text of the transaction in the body of a post. */
const postedText = ({ body }: Call): Effect.Effect<string, HttpProblem> =>
  Effect.gen(function* () {
    const text = yield* body
    const json = yield* Effect.mapError(Json.parse(text), () =>
      invalidParameter("", { error: "invalid_body" })
    )
    const tx = Json.field(json, "tx")
    if (typeof tx === "string") return tx
    return yield* invalidParameter(
      "EncodedTx",
      Json.isObject(json) && tx === undefined
        ? { data: "tx", error: "missing_required_property", path: [] }
        : { error: "wrong_type", path: tx === undefined ? [] : ["tx"] }
    )
  })

const postTransaction = (call: Call): Answer =>
  Effect.gen(function* () {
    const text = yield* postedText(call)
    const bytes = yield* Effect.mapError(ApiEncoding.decode("tx", text), ({ reason }) =>
      problem(400, "Invalid api encoding", reason)
    )
    const signedTx = yield* Effect.mapError(SignedTx.decode(bytes), () =>
      problem(400, "Invalid tx", "broken_tx")
    )
    const txHash = yield* Effect.mapError(call.node.submit(signedTx), ({ reason }) =>
      problem(400, "Invalid tx", reason)
    )
    return { tx_hash: txHash }
  })

const findTransaction = (call: Call, hash: ApiEncoding.TxHash) =>
  Effect.flatMap(call.node.ledger, (ledger) =>
    orElse(Ledger.transaction(ledger, hash), problem(404, "Transaction not found"))
  )

const transaction = (call: Call): Answer =>
  Effect.gen(function* () {
    const hash = yield* identifier(call, "th", "hash")
    return Bodies.transaction(yield* findTransaction(call, hash))
  })

/** Only contracts leave more than their transaction, and this chain runs none. */
const transactionInfo = (call: Call): Answer =>
  Effect.gen(function* () {
    if (!ApiEncoding.is("th", call.parameter)) return yield* problem(400, "Invalid hash: hash")
    const { blockHash } = yield* findTransaction(call, call.parameter)
    return yield* blockHash === undefined ? problem(404, "Tx not mined") : problem(400, "Tx has no info")
  })

const channel = (call: Call): Answer =>
  Effect.gen(function* () {
    const id = yield* identifier(call, "ch", "public key")
    const found = Ledger.channel(yield* call.node.ledger, id)
    return ChannelObject.toClientForm(
      id,
      yield* orElse(found, problem(404, "Channel not found", "not_found"))
    )
  })

const emitKeyBlocks = (call: Call): Answer =>
  Effect.gen(function* () {
    const text = call.query("n") ?? "1"
    const n = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (!(n >= 1 && n <= mostBlocks))
      return yield* problem(400, `n must be a number of blocks from 1 to ${mostBlocks}`)
    yield* call.node.mine(n)
    return yield* topKeyBlock(call)
  })

const automatic = (call: Call): Answer =>
  Effect.gen(function* () {
    const on = call.query("on")
    if (on !== "true" && on !== "false") return yield* problem(400, "on must be true or false")
    yield* call.node.auto(on === "true")
    return { auto: on === "true" }
  })

const row = (method: Route["method"], path: Route["path"], answer: Route["answer"]): Route => ({
  method,
  path,
  answer
})

/** In the order in which they are documented. */
export const routes: ReadonlyArray<Route> = [
  row("GET", "/v3/status", ({ node, uptimeMillis }) =>
    Effect.zipWith(node.ledger, uptimeMillis, Bodies.status)
  ),
  row("GET", "/v3/key-blocks/current", topKeyBlock),
  row(
    "GET",
    "/v3/key-blocks/current/height",
    look(({ top }) => ({ height: top.height }))
  ),
  row("GET", "/v3/recent-gas-prices", look(Bodies.gasPrices)),
  row("GET", "/v3/accounts/{ak}", account),
  row("GET", "/v3/accounts/{ak}/next-nonce", nextNonce),
  row("POST", "/v3/transactions", postTransaction),
  row("GET", "/v3/transactions/{th}", transaction),
  row("GET", "/v3/transactions/{th}/info", transactionInfo),
  row("GET", "/v3/channels/{ch}", channel),
  row("*", "/emit_kb", emitKeyBlocks),
  row("*", "/emit_mb", (call) => Effect.zipRight(call.node.mineMicro, topKeyBlock(call))),
  row("*", "/auto", automatic)
]
