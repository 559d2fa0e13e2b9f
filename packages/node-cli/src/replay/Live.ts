/**
 * A node elsewhere as the target of a replay: frames over its WebSocket, accounts and blocks over its HTTP API.
 *
 * @since 0.1.0
 */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import type { Transaction } from "@aechannel/core/chain/Transaction"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Replay from "@aechannel/core/testing/Replay"
import * as Transport from "@aechannel/core/services/Transport"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { ae } from "../Amounts.js"
import * as Chain from "../run/Chain.js"
import * as Keys from "../run/Keys.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface LiveOptions {
  readonly url: string
  readonly httpUrl: string
  readonly networkId: string
  readonly keyFile: string
  readonly timeoutMillis: number
}

/** No account of a recording gets more. */
const mostCoins = ae(50)

/** More than any such transaction costs. */
const fee = 10n ** 15n

/** Recorded accounts had made transactions before; so many are made up for, so that nonces are as they were. */
const mostNonces = 300n

const stepMillis = 25

const failed = (message: string) => new Replay.TargetError({ message })

/** A control of `aechannel node`, or nothing where the node has none. */
const control = (httpUrl: string, path: string): Effect.Effect<boolean> =>
  Effect.promise(() =>
    fetch(`${httpUrl.replace(/\/+$/, "")}${path}`).then(
      async (response) => {
        await response.arrayBuffer()
        return response.status === 200
      },
      () => false
    )
  )

/** The funding account's key. */
const faucetOf = (keyFile: string) =>
  Effect.gen(function* () {
    const { inOrder } = yield* Effect.mapError(Keys.fromFiles([keyFile], []), ({ message }) =>
      failed(message)
    )
    const [text] = inOrder
    if (text === undefined) return yield* failed(`${keyFile} holds no key`)
    return yield* Effect.mapError(KeyPair.fromText(text), ({ detail }) =>
      failed(`the key in ${keyFile} is none: ${detail}`)
    )
  })

/**
 * Prepares a node for recordings. Needs the key of an account with coins there. Without `/emit_kb` and `/emit_mb`, which
 * only `aechannel node` has, the node's own blocks are waited for.
 *
 * @since 0.1.0
 * @category constructors
 */
export const targets = (
  options: LiveOptions
): Effect.Effect<Replay.Targets, Replay.TargetError, Crypto | FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const crypto = yield* Crypto
    const { httpUrl, networkId, timeoutMillis, url } = options
    const chain = Chain.http(httpUrl)
    const faucet = yield* faucetOf(options.keyFile)
    const transport = yield* Effect.provide(WebSocketTransport.make({ url }), WebSocketTransport.layerWs)
    const told = <A, E extends { readonly message: string }>(effect: Effect.Effect<A, E>) =>
      Effect.mapError(effect, ({ message }) => failed(message))

    const spend = (
      from: KeyPair.KeyPair,
      recipientId: ApiEncoding.AccountAddress,
      amount: bigint,
      nonce: bigint
    ) => {
      const tx: Transaction = {
        _tag: "SpendTx",
        version: 1,
        senderId: from.address,
        recipientId,
        amount,
        fee,
        ttl: 0,
        nonce,
        payload: new Uint8Array()
      }
      return told(chain.submit(SignedTx.sign(SignedTx.unsigned(tx), from, { networkId, crypto })))
    }

    const mine = (keyBlocks: number) =>
      Effect.flatMap(control(httpUrl, `/emit_kb?n=${keyBlocks}`), (made) =>
        made ? Effect.void : Effect.sleep(200)
      )

    const prepare: Replay.Targets = ({ accounts }) =>
      Effect.gen(function* () {
        yield* Effect.acquireRelease(control(httpUrl, "/auto?on=false"), () =>
          control(httpUrl, "/auto?on=true")
        )
        for (const { address, need } of accounts)
          yield* spend(
            faucet,
            address,
            need < mostCoins ? need : mostCoins,
            yield* told(chain.nextNonce(faucet.address))
          )
        yield* mine(1)
        const nonces = new Map<ApiEncoding.AccountAddress, bigint>()
        for (const { address, keyPair, nonce } of accounts) {
          const wanted = nonce < mostNonces ? nonce : mostNonces
          for (let next = 1n; next <= wanted; next++) {
            yield* spend(keyPair, address, 0n, next)
            // Mempools take only a few transactions of an account at a time.
            if (next % 4n === 0n) yield* mine(1)
          }
          nonces.set(address, wanted)
        }
        yield* mine(1)
        for (let waited = 0; waited < timeoutMillis; waited += stepMillis) {
          const balances = yield* Effect.forEach(accounts, ({ address }) => told(chain.balance(address)))
          if (balances.every((balance) => balance > 0n)) break
          yield* Effect.sleep(stepMillis)
        }
        const scope = yield* Effect.scope
        return {
          networkId,
          nonces,
          connect: (path, query) => connect(scope, path, query),
          top: Effect.flatMap(told(chain.topHash), (hash) =>
            ApiEncoding.is("kh", hash) ? Effect.succeed(hash) : failed(`${hash} is no block hash`)
          ),
          mineMicro: Effect.asVoid(control(httpUrl, "/emit_mb")),
          mine,
          submit: (signedTx) => told(chain.submit(signedTx)),
          settle: Effect.sleep(stepMillis),
          later: (times) => Effect.as(Effect.sleep(stepMillis), times * stepMillis < timeoutMillis),
          until: () => Effect.void
        }
      })

    const connect = (
      scope: Scope.Scope,
      path: string,
      query: string
    ): Effect.Effect<Replay.Connection | Replay.Refusal, Replay.TargetError> =>
      Effect.gen(function* () {
        // Paths are no matter of the channel protocol: only the query goes to the node that was named.
        if (path !== "/channel") return { status: 404 }
        const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
        const opened = yield* Effect.either(Scope.extend(transport.connect(query), own))
        if (opened._tag === "Left") {
          const status = /HTTP (\d+)/.exec(opened.left.detail)?.[1]
          return status === undefined ? yield* failed(opened.left.message) : { status: Number(status) }
        }
        const { send } = opened.right
        const incoming = Transport.incomingOf(opened.right)
        if (incoming === undefined) return yield* failed("this transport cannot be polled")
        return {
          send: (text) => Effect.match(send(text), { onFailure: () => false, onSuccess: () => true }),
          poll: () => {
            const next = incoming.poll()
            return next === undefined || typeof next === "string"
              ? next
              : { closeCode: next.closeCode ?? 1006 }
          },
          close: () => Scope.close(own, Exit.void)
        }
      })
    return prepare
  })
