/**
 * What the node's HTTP API says of blocks.
 *
 * Specification: æternity node HTTP API, chain.
 */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as Effect from "effect/Effect"
import { type Call, type HttpProblem, type Route, problem } from "./answer.js"
import * as Bodies from "./bodies.js"
import { type Answer, height, identifier, look, orElse } from "./reading.js"

export const topKeyBlock = look(({ top }) => Bodies.keyBlock(top))

const notFound = (errorCode?: string): HttpProblem => problem(404, "Block not found", errorCode)

const keyBlockByHash = (call: Call): Answer =>
  Effect.gen(function* () {
    if (!ApiEncoding.is("kh", call.parameter)) return yield* problem(400, "Invalid hash")
    const found = Ledger.keyBlock(yield* call.node.ledger, call.parameter)
    return Bodies.keyBlock(yield* orElse(found, notFound()))
  })

const keyBlockByHeight = (call: Call): Answer =>
  Effect.gen(function* () {
    const found = Ledger.keyBlock(yield* call.node.ledger, yield* height(call))
    return Bodies.keyBlock(yield* orElse(found, notFound("chain_too_short")))
  })

const generationOn = (ledger: Ledger.Ledger, key: Ledger.KeyBlock) =>
  Bodies.generation(key, Ledger.microBlocks(ledger, key.hash) ?? [])

const generationByHash = (call: Call): Answer =>
  Effect.gen(function* () {
    const hash = yield* identifier(call, "kh", "hash")
    const ledger = yield* call.node.ledger
    const key = yield* orElse(Ledger.keyBlock(ledger, hash), problem(400, "Hash not on main chain"))
    return generationOn(ledger, key)
  })

const generationByHeight = (call: Call): Answer =>
  Effect.gen(function* () {
    const ledger = yield* call.node.ledger
    const found = Ledger.keyBlock(ledger, yield* height(call))
    return generationOn(ledger, yield* orElse(found, problem(404, "Chain too short")))
  })

const microBlock = (
  { node }: Call,
  hash: ApiEncoding.BlockHash,
  refusal: HttpProblem
): Effect.Effect<Ledger.MicroBlock, HttpProblem> =>
  Effect.flatMap(node.ledger, (ledger) => {
    const found = Ledger.block(ledger, hash)
    return found?._tag === "MicroBlock" ? Effect.succeed(found) : Effect.fail(refusal)
  })

const microBlockByHash = (call: Call): Effect.Effect<Ledger.MicroBlock, HttpProblem> =>
  Effect.flatMap(identifier(call, "mh", "hash"), (hash) =>
    microBlock(call, hash, notFound("block_not_found"))
  )

const transactionsOf = (ledger: Ledger.Ledger, block: Ledger.MicroBlock) =>
  block.txHashes.flatMap((txHash) => {
    const found = Ledger.transaction(ledger, txHash)
    return found === undefined ? [] : [Bodies.transaction(found)]
  })

const microBlockTransactions = (call: Call): Answer =>
  Effect.gen(function* () {
    const block = yield* microBlockByHash(call)
    return { transactions: transactionsOf(yield* call.node.ledger, block) }
  })

/** Counted from 1. */
const microBlockTransaction = (call: Call): Answer =>
  Effect.gen(function* () {
    const wrong = problem(400, "Invalid hash or index")
    const { parameter, second } = call
    if (!ApiEncoding.is("mh", parameter) || !/^\d{1,9}$/.test(second)) return yield* wrong
    const block = yield* microBlock(call, parameter, notFound())
    const all = transactionsOf(yield* call.node.ledger, block)
    return yield* orElse(all[Number(second) - 1], wrong)
  })

export const blockRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v3/key-blocks/current",
    operation: "GetCurrentKeyBlock",
    summary: "The top key block",
    gives: "KeyBlock",
    answer: topKeyBlock
  },
  {
    method: "GET",
    path: "/v3/key-blocks/current/height",
    operation: "GetCurrentKeyBlockHeight",
    summary: "The height of the top key block",
    gives: "Height",
    answer: look(({ top }) => ({ height: top.height }))
  },
  {
    method: "GET",
    path: "/v3/key-blocks/current/hash",
    operation: "GetCurrentKeyBlockHash",
    summary: "The hash of the top key block",
    gives: "Hash",
    answer: look(({ top }) => ({ hash: top.hash }))
  },
  {
    method: "GET",
    path: "/v3/key-blocks/pending",
    operation: "GetPendingKeyBlock",
    summary: "The key block that is being mined: there is none, nobody mines",
    gives: "KeyBlock",
    answer: () => problem(400, "Beneficiary not configured", "beneficiary_not_configured")
  },
  {
    method: "GET",
    path: "/v3/key-blocks/hash/{kh}",
    operation: "GetKeyBlockByHash",
    summary: "A key block by its hash",
    gives: "KeyBlock",
    answer: keyBlockByHash
  },
  {
    method: "GET",
    path: "/v3/key-blocks/height/{height}",
    operation: "GetKeyBlockByHeight",
    summary: "A key block by its height",
    gives: "KeyBlock",
    answer: keyBlockByHeight
  },
  {
    method: "GET",
    path: "/v3/generations/current",
    operation: "GetCurrentGeneration",
    summary: "The top key block and the hashes of the micro blocks on it",
    gives: "Generation",
    answer: look((ledger) => generationOn(ledger, ledger.top))
  },
  {
    method: "GET",
    path: "/v3/generations/hash/{kh}",
    operation: "GetGenerationByHash",
    summary: "A key block by its hash and the hashes of the micro blocks on it",
    gives: "Generation",
    answer: generationByHash
  },
  {
    method: "GET",
    path: "/v3/generations/height/{height}",
    operation: "GetGenerationByHeight",
    summary: "A key block by its height and the hashes of the micro blocks on it",
    gives: "Generation",
    answer: generationByHeight
  },
  {
    method: "GET",
    path: "/v3/micro-blocks/hash/{mh}/header",
    operation: "GetMicroBlockHeaderByHash",
    summary: "The header of a micro block",
    gives: "MicroBlock",
    answer: (call) => Effect.map(microBlockByHash(call), Bodies.microBlock)
  },
  {
    method: "GET",
    path: "/v3/micro-blocks/hash/{mh}/transactions",
    operation: "GetMicroBlockTransactionsByHash",
    summary: "The transactions of a micro block",
    gives: "Transactions",
    answer: microBlockTransactions
  },
  {
    method: "GET",
    path: "/v3/micro-blocks/hash/{mh}/transactions/count",
    operation: "GetMicroBlockTransactionsCountByHash",
    summary: "How many transactions a micro block has",
    gives: "Count",
    answer: (call) => Effect.map(microBlockByHash(call), ({ txHashes }) => ({ count: txHashes.length }))
  },
  {
    method: "GET",
    path: "/v3/micro-blocks/hash/{mh}/transactions/index/{index}",
    operation: "GetMicroBlockTransactionByHashAndIndex",
    summary: "A transaction of a micro block, counted from 1",
    gives: "Transaction",
    answer: microBlockTransaction
  }
]
