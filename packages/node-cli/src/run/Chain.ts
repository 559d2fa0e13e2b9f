/**
 * What a script does to the chain and asks of it, on the embedded node or over a node's HTTP API.
 *
 * @since 0.1.0
 */
import type { AccountAddress } from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import type { ChannelNodeService } from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as Effect from "effect/Effect"
import { ChainError, ImpossibleError } from "./Problems.js"

/** @since 0.1.0 @category models */
export interface Chain {
  /** The top key block's height. */
  readonly height: Effect.Effect<number, ChainError | ImpossibleError>
  /** Aettos of an account; 0 when there is none. */
  readonly balance: (address: AccountAddress) => Effect.Effect<bigint, ChainError | ImpossibleError>
  /** Makes key blocks, waiting transactions in the first of them. */
  readonly mine: (keyBlocks: number) => Effect.Effect<void, ChainError | ImpossibleError>
}

/** The chain of the embedded node. @since 0.1.0 @category constructors */
export const embedded = (node: ChannelNodeService): Chain => ({
  height: Effect.map(node.ledger, ({ top }) => top.height),
  balance: (address) => Effect.map(node.ledger, (ledger) => Ledger.balance(ledger, address)),
  mine: node.mine
})

const unknown = new ImpossibleError({
  detail: "this step needs the node's HTTP API: say where it is with --http-url"
})

/** No way to the chain. @since 0.1.0 @category constructors */
export const none: Chain = {
  height: unknown,
  balance: () => unknown,
  mine: () => unknown
}

/** The chain of a node elsewhere. Blocks on demand are a control of the embedded node (`aechannel node`). @since 0.1.0 @category constructors */
export const http = (url: string): Chain => {
  const base = url.replace(/\/+$/, "")
  const get = (path: string) =>
    Effect.tryPromise({
      try: async (signal) => {
        const response = await fetch(`${base}${path}`, { signal })
        return { status: response.status, text: await response.text() }
      },
      catch: () =>
        new ChainError({ detail: `no answer from ${base}: check --http-url and that a node runs there` })
    })
  const integer = (path: string, key: string) =>
    Effect.flatMap(get(path), ({ status, text }) =>
      Json.parse(text).pipe(
        Effect.map((json) => Json.toBigInt(Json.field(json, key))),
        Effect.orElseSucceed(() => undefined),
        Effect.flatMap((value) => {
          if (status === 404 && key === "balance") return Effect.succeed(0n)
          return status !== 200 || value === undefined
            ? new ChainError({ detail: `${base}${path} answered HTTP ${status} without ${key}` })
            : Effect.succeed(value)
        })
      )
    )
  return {
    height: Effect.map(integer("/v3/key-blocks/current", "height"), Number),
    balance: (address) => integer(`/v3/accounts/${address}`, "balance"),
    mine: (keyBlocks) =>
      Effect.flatMap(get(`/emit_kb?n=${keyBlocks}`), ({ status }) =>
        status === 200
          ? Effect.void
          : new ChainError({
              detail: `${base}/emit_kb answered HTTP ${status}: only \`aechannel node\` makes blocks on demand`
            })
      )
  }
}
