/**
 * The table of routes, one row for each call: what the node's HTTP API answers to those who fund accounts and open
 * channels, and the controls of a node that makes blocks when they are wanted.
 *
 * Specification: æternity node HTTP API.
 */
import * as CallObject from "@aechannel/core/chain/CallObject"
import * as ChannelObject from "@aechannel/core/chain/ChannelObject"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { BlockHash } from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as Effect from "effect/Effect"
import { type Call, type HttpProblem, type Route, invalidParameter, problem } from "./answer.js"
import { blockRoutes } from "./blockRoutes.js"
import * as Bodies from "./bodies.js"
import { controlRoutes } from "./controlRoutes.js"
import { describe } from "./openApi.js"
import { type Answer, identifier, look, orElse } from "./reading.js"

const account = (call: Call): Answer =>
  Effect.gen(function* () {
    const id = yield* identifier(call, ["ak", "ct"], "public key")
    const owner = ApiEncoding.encode("ak", ApiEncoding.bytesOf(id))
    const found = Ledger.account(yield* call.node.ledger, owner)
    return Bodies.account(owner, yield* orElse(found, problem(404, "Account not found")))
  })

const noSuchBlock = problem(404, "Block not found", "not_found")

/** As it was after a block, which is named by its hash or, a key block, by its height. */
const accountAfter = (call: Call, find: (ledger: Ledger.Ledger) => BlockHash | undefined): Answer =>
  Effect.gen(function* () {
    const id = yield* identifier(call, ["ak", "ct"], "public key")
    const owner = ApiEncoding.encode("ak", ApiEncoding.bytesOf(id))
    const ledger = yield* call.node.ledger
    const hash = yield* orElse(find(ledger), noSuchBlock)
    const found = Ledger.accountAfter(ledger, hash, owner)
    if (found === "no block") return yield* noSuchBlock
    return Bodies.account(owner, yield* orElse(found, problem(404, "Account not found")))
  })

const accountAtHash = (call: Call): Answer => {
  const { second } = call
  return ApiEncoding.is("kh", second) || ApiEncoding.is("mh", second)
    ? accountAfter(call, () => second)
    : Effect.fail(problem(400, "Invalid hash"))
}

const accountAtHeight = (call: Call): Answer =>
  /^\d{1,9}$/.test(call.second)
    ? accountAfter(call, (ledger) => Ledger.keyBlock(ledger, Number(call.second))?.hash)
    : Effect.fail(problem(400, "Invalid height"))

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

/** Only contract calls leave more than their transaction, and on this chain they are those that channels force. */
const transactionInfo = (call: Call): Answer =>
  Effect.gen(function* () {
    if (!ApiEncoding.is("th", call.parameter)) return yield* problem(400, "Invalid hash: hash")
    const { blockHash } = yield* findTransaction(call, call.parameter)
    if (blockHash === undefined) return yield* problem(404, "Tx not mined")
    const left = Ledger.contractCall(yield* call.node.ledger, call.parameter)
    return { call_info: CallObject.toClientForm(yield* orElse(left, problem(400, "Tx has no info"))) }
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

const pendingBodies = (ledger: Ledger.Ledger, of?: ApiEncoding.AccountAddress) => ({
  transactions: Ledger.pending(ledger)
    .filter(({ signedTx }) => of === undefined || Transaction.origin(signedTx.tx) === of)
    .map(({ signedTx, txHash }) => Bodies.transaction({ signedTx, txHash, blockHash: undefined, height: -1 }))
})

const accountPending = (call: Call): Answer =>
  Effect.gen(function* () {
    const id = yield* identifier(call, "ak", "public key")
    const ledger = yield* call.node.ledger
    yield* orElse(Ledger.account(ledger, id), problem(404, "Account not found"))
    return pendingBodies(ledger, id)
  })

/** What this chain has none of: the id is read, and then there is nothing. */
const nothing =
  (prefix: ApiEncoding.Prefix, refusal: HttpProblem) =>
  (call: Call): Answer =>
    Effect.zipRight(identifier(call, prefix, "public key"), refusal)

const noContract = problem(404, "Contract not found", "not_present")

/** Of the calls about contracts, this one refuses a wrong key without a code. */
const contract = ({ parameter }: Call): Answer =>
  Effect.fail(ApiEncoding.is("ct", parameter) ? noContract : problem(400, "Invalid public key"))

const noName = problem(404, "Name not found", "name_not_found")

const nameProblem = (name: string): HttpProblem => {
  const invalid = (reason: string) => problem(400, `Name validation failed with a reason: ${reason}`, reason)
  const labels = name.split(".")
  if (labels.length < 2) return invalid("no_registrar")
  if (labels.at(-1) !== "chain") return invalid("registrar_unknown")
  return labels.length > 2 ? invalid("multiple_namespaces") : noName
}

const nameByHash = ({ parameter }: Call): Answer =>
  Effect.zipRight(
    Effect.mapError(ApiEncoding.parse("nm", parameter), ({ reason }) =>
      problem(400, "Invalid name hash", reason)
    ),
    noName
  )

const nodeRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v3/status",
    operation: "GetStatus",
    summary: "Network, versions, height",
    gives: "Status",
    answer: ({ node, uptimeMillis }) => Effect.zipWith(node.ledger, uptimeMillis, Bodies.status)
  },
  ...blockRoutes,
  {
    method: "GET",
    path: "/v3/recent-gas-prices",
    operation: "GetRecentGasPrices",
    summary: "The least gas price",
    gives: "GasPrices",
    answer: look(Bodies.gasPrices)
  },
  {
    method: "GET",
    path: "/v3/accounts/{ak}",
    operation: "GetAccountByPubkey",
    summary: "Balance and nonce of an account",
    gives: "Account",
    answer: account
  },
  {
    method: "GET",
    path: "/v3/accounts/{ak}/hash/{hash}",
    operation: "GetAccountByPubkeyAndHash",
    summary: "An account as it was after a key or micro block",
    gives: "Account",
    answer: accountAtHash
  },
  {
    method: "GET",
    path: "/v3/accounts/{ak}/height/{height}",
    operation: "GetAccountByPubkeyAndHeight",
    summary: "An account as it was after the key block of a height",
    gives: "Account",
    answer: accountAtHeight
  },
  {
    method: "GET",
    path: "/v3/accounts/{ak}/next-nonce",
    operation: "GetAccountNextNonce",
    summary: "The nonce after all mined and waiting transactions",
    gives: "NextNonce",
    query: { strategy: "max (default): after the highest that waits; continuity: the first gap" },
    answer: nextNonce
  },
  {
    method: "GET",
    path: "/v3/accounts/{ak}/transactions/pending",
    operation: "GetPendingAccountTransactionsByPubkey",
    summary: "The waiting transactions of an account",
    gives: "Transactions",
    answer: accountPending
  },
  {
    method: "POST",
    path: "/v3/transactions",
    operation: "PostTransaction",
    summary: "Takes a signed transaction",
    gives: "TransactionHash",
    takes: "EncodedTx",
    answer: postTransaction
  },
  {
    method: "GET",
    path: "/v3/transactions/{th}",
    operation: "GetTransactionByHash",
    summary: "A transaction, waiting or in a block",
    gives: "Transaction",
    answer: transaction
  },
  {
    method: "GET",
    path: "/v3/transactions/{th}/info",
    operation: "GetTransactionInfoByHash",
    summary: "What a transaction left behind",
    gives: "TransactionInfo",
    answer: transactionInfo
  },
  {
    method: "GET",
    path: "/v3/debug/transactions/pending",
    operation: "GetPendingTransactions",
    summary: "All waiting transactions",
    gives: "Transactions",
    answer: look((ledger) => pendingBodies(ledger))
  },
  {
    method: "GET",
    path: "/v3/channels/{ch}",
    operation: "GetChannelByPubkey",
    summary: "An open channel",
    gives: "Channel",
    answer: channel
  },
  {
    method: "GET",
    path: "/v3/contracts/{ct}",
    operation: "GetContract",
    summary: "A contract: the chain has none",
    gives: "Contract",
    answer: contract
  },
  {
    method: "GET",
    path: "/v3/contracts/{ct}/code",
    operation: "GetContractCode",
    summary: "The code of a contract: the chain has none",
    gives: "Contract",
    answer: nothing("ct", noContract)
  },
  {
    method: "GET",
    path: "/v3/names/{name}",
    operation: "GetNameEntryByName",
    summary: "A name: the chain has none",
    gives: "Name",
    answer: ({ parameter }) => Effect.fail(nameProblem(parameter))
  },
  {
    method: "GET",
    path: "/v3/names/hash/{nm}",
    operation: "GetNameEntryByNameHash",
    summary: "A name by its hash: the chain has none",
    gives: "Name",
    answer: nameByHash
  },
  {
    method: "GET",
    path: "/v3/names/auctions/{name}",
    operation: "GetAuctionEntryByName",
    summary: "The auction of a name: the chain has none",
    gives: "Name",
    answer: ({ parameter }) => Effect.fail(nameProblem(parameter))
  },
  {
    method: "GET",
    path: "/v3/oracles/{ok}",
    operation: "GetOracleByPubkey",
    summary: "An oracle: the chain has none",
    gives: "Oracle",
    answer: nothing("ok", problem(404, "Oracle not found", "not_found"))
  },
  {
    method: "GET",
    path: "/v3/peers/pubkey",
    operation: "GetPeerPubkey",
    summary: "The key by which peers know the node: nobody's, it has no peers",
    gives: "Pubkey",
    answer: () => Effect.succeed({ pubkey: Bodies.peerKey })
  },
  {
    method: "GET",
    path: "/v3/currency",
    operation: "GetCurrency",
    summary: "How the network calls its coin",
    gives: "Currency",
    answer: () => Effect.succeed(Bodies.currency)
  }
]

/** All of them, in the order in which they are documented. */
export const routes: ReadonlyArray<Route> = [
  ...nodeRoutes,
  {
    method: "GET",
    path: "/api",
    operation: "GetApi",
    summary: "This description, as OpenAPI 3.0",
    gives: "ApiDescription",
    answer: () => Effect.succeed(describe(routes, Bodies.nodeVersion))
  },
  ...controlRoutes
]
