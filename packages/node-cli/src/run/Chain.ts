/**
 * What a script does to the chain and asks of it, on the embedded node or over a node's HTTP API.
 *
 * @since 0.1.0
 */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Transaction from "@aechannel/core/chain/Transaction"
import type { AccountAddress, ChannelId } from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import type { ChannelNodeService } from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as Effect from "effect/Effect"
import { ChainError, ImpossibleError } from "./Problems.js"

/**
 * A channel as the chain has it: how many aettos it holds, the round of its latest state there, and the height up to
 * which a solo closing can be answered; 0 where there is none.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChannelOnChain {
  readonly amount: bigint
  readonly round: number
  readonly lockedUntil: number
}

/** An answer of the chain. */
type Answer<A> = Effect.Effect<A, ChainError | ImpossibleError>

/** @since 0.1.0 @category models */
export interface Chain {
  /** The top key block's height. */
  readonly height: Answer<number>
  /** The top key block's hash. */
  readonly topHash: Answer<string>
  /** Aettos of an account; 0 when there is none. */
  readonly balance: (address: AccountAddress) => Answer<bigint>
  /** The nonce of an account's next transaction. */
  readonly nextNonce: (address: AccountAddress) => Answer<bigint>
  /** A channel; `undefined` when there is none, or no longer. */
  readonly channel: (id: ChannelId) => Answer<ChannelOnChain | undefined>
  /** Gives a transaction to the mempool. */
  readonly submit: (signedTx: SignedTx.SignedTx) => Answer<void>
  /** Makes key blocks, waiting transactions in the first of them. */
  readonly mine: (keyBlocks: number) => Answer<void>
  /** Drops the newest key blocks and what is on them; their transactions wait again if `returnTransactions`. */
  readonly fork: (keyBlocks: number, returnTransactions: boolean) => Answer<void>
}

const refused = (type: string, reason: string) =>
  new ChainError({ detail: `the mempool refuses ${type}: ${reason}`, reason })

const typeOf = ({ tx }: SignedTx.SignedTx): string => Transaction.typeName(tx)

/** The chain of the embedded node. @since 0.1.0 @category constructors */
export const embedded = (node: ChannelNodeService): Chain => {
  const look = <A>(f: (ledger: Ledger.Ledger) => A) => Effect.map(node.ledger, f)
  return {
    height: look(({ top }) => top.height),
    topHash: look(({ top }) => top.hash),
    balance: (address) => look((ledger) => Ledger.balance(ledger, address)),
    nextNonce: (address) => look((ledger) => Ledger.nextNonce(ledger, address)),
    channel: (id) =>
      look((ledger) => {
        const found = Ledger.channel(ledger, id)
        return found && { amount: found.channelAmount, round: found.round, lockedUntil: found.lockedUntil }
      }),
    submit: (signedTx) =>
      Effect.mapError(Effect.asVoid(node.submit(signedTx)), ({ reason }) =>
        refused(typeOf(signedTx), reason)
      ),
    mine: node.mine,
    fork: (keyBlocks, returnTransactions) =>
      Effect.mapError(
        node.fork(keyBlocks, { returnTransactions }),
        ({ detail, reason }) => new ChainError({ detail, reason })
      )
  }
}

const unknown = new ImpossibleError({
  detail: "this step needs the node's HTTP API: say where it is with --http-url"
})

/** No way to the chain. @since 0.1.0 @category constructors */
export const none: Chain = {
  height: unknown,
  topHash: unknown,
  balance: () => unknown,
  nextNonce: () => unknown,
  channel: () => unknown,
  submit: () => unknown,
  mine: () => unknown,
  fork: () => unknown
}

/** The chain of a node elsewhere. Blocks on demand are a control of the embedded node (`aechannel node`). @since 0.1.0 @category constructors */
export const http = (url: string): Chain => {
  const base = url.replace(/\/+$/, "")
  const ask = (path: string, init: RequestInit = {}) =>
    Effect.tryPromise({
      try: async (signal) => {
        const response = await fetch(`${base}${path}`, { ...init, signal })
        const text = await response.text()
        return { status: response.status, text }
      },
      catch: () =>
        new ChainError({ detail: `no answer from ${base}: check --http-url and that a node runs there` })
    })
  const jsonOf = (text: string) => Effect.orElseSucceed(Json.parse(text), () => undefined)
  /** The whole numbers under these keys; `undefined` where the node has no such thing. */
  const integers = <K extends string>(path: string, ...keys: ReadonlyArray<K>) =>
    Effect.gen(function* () {
      const { status, text } = yield* ask(path)
      if (status === 404) return undefined
      const json = yield* jsonOf(text)
      const found: Partial<Record<K, bigint>> = {}
      for (const key of keys) {
        const value = Json.toBigInt(Json.field(json, key))
        if (status !== 200 || value === undefined) return yield* without(path, status, key)
        found[key] = value
      }
      return (key: K): bigint => found[key] ?? 0n
    })
  const without = (path: string, status: number, key: string) =>
    new ChainError({ detail: `${base}${path} answered HTTP ${status} without ${key}` })
  const top = "/v3/key-blocks/current"
  return {
    height: Effect.flatMap(integers(top, "height"), (found) =>
      found === undefined ? without(top, 404, "height") : Effect.succeed(Number(found("height")))
    ),
    topHash: Effect.gen(function* () {
      const { status, text } = yield* ask(top)
      const hash = Json.field(yield* jsonOf(text), "hash")
      return typeof hash === "string" ? hash : yield* without(top, status, "hash")
    }),
    balance: (address) =>
      Effect.map(integers(`/v3/accounts/${address}`, "balance"), (found) => found?.("balance") ?? 0n),
    nextNonce: (address) =>
      Effect.map(
        integers(`/v3/accounts/${address}/next-nonce`, "next_nonce"),
        (found) => found?.("next_nonce") ?? 1n
      ),
    channel: (id) =>
      Effect.map(
        integers(`/v3/channels/${id}`, "channel_amount", "round", "locked_until"),
        (found) =>
          found && {
            amount: found("channel_amount"),
            round: Number(found("round")),
            lockedUntil: Number(found("locked_until"))
          }
      ),
    submit: (signedTx) =>
      Effect.gen(function* () {
        const { status, text } = yield* ask("/v3/transactions", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: Json.stringify({ tx: SignedTx.toText(signedTx) })
        })
        if (status === 200) return
        const reason = Json.field(yield* jsonOf(text), "error_code")
        return yield* refused(
          typeOf(signedTx),
          typeof reason === "string" ? reason : `HTTP ${status} without a reason`
        )
      }),
    mine: (keyBlocks) =>
      Effect.flatMap(ask(`/emit_kb?n=${keyBlocks}`), ({ status }) =>
        status === 200
          ? Effect.void
          : new ChainError({
              detail: `${base}/emit_kb answered HTTP ${status}: only \`aechannel node\` makes blocks on demand`
            })
      ),
    fork: () =>
      new ImpossibleError({
        detail: "only the node inside the run can drop blocks: leave --url away, or this step"
      })
  }
}
