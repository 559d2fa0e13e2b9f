/** A node with two rich accounts and its HTTP port, and how tests ask it. */
import * as Fee from "@aechannel/core/chain/Fee"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import type * as Transaction from "@aechannel/core/chain/Transaction"
import * as Json from "@aechannel/core/encoding/Json"
import { ChannelNode } from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as NodeHttp from "@aechannel/transport/NodeHttp"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { initiator as alice, layerNode, responder as bob } from "../../../core/test/support/NodeUnderTest.js"
import * as TestCrypto from "../../../core/test/support/TestCrypto.js"

export { alice, bob }

export const networkId = "ae_dev"
export const balance = 9_939_999_798_160_000_000_000n
export const nobody = TestCrypto.keyPairOf("nobody")
export const ledger = Ledger.make({
  networkId,
  accounts: [alice, bob].map(({ address }) => ({ address, balance }))
})

export const ask = (url: string, init: RequestInit = {}) =>
  Effect.promise(async () => {
    const response = await fetch(url, init)
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: text === "" ? undefined : Json.parseOrThrow(text)
    }
  })

export const post = (url: string, body: string) =>
  ask(url, { method: "POST", body, headers: { "content-type": "application/json" } })

/** A node and its HTTP port. */
export const startWith = Effect.fnUntraced(function* (options: NodeHttp.NodeHttpOptions = {}) {
  const context = yield* Layer.build(layerNode({ ledger }))
  const http = yield* Effect.provide(NodeHttp.make({ port: 0, ...options }), context)
  return {
    ...http,
    context,
    node: Context.get(context, ChannelNode),
    get: (path: string) => ask(`${http.url}${path}`),
    submit: (signedTx: SignedTx.SignedTx) =>
      post(`${http.url}/v3/transactions`, JSON.stringify({ tx: SignedTx.toText(signedTx) })),
    send: (path: string) => ask(`${http.url}${path}`, { method: "POST" })
  }
})

export const start = startWith()

export const spend = (nonce: bigint, changes: Partial<Transaction.SpendTx> = {}): SignedTx.SignedTx =>
  SignedTx.sign(
    SignedTx.unsigned({
      _tag: "SpendTx",
      version: 1,
      senderId: alice.address,
      recipientId: nobody.address,
      amount: 5n,
      fee: 20_000_000_000_000n,
      ttl: 0,
      nonce,
      payload: new Uint8Array(),
      ...changes
    }),
    alice,
    { networkId, crypto: TestCrypto.native }
  )

export const create = [alice, bob].reduce(
  (signed, key) => SignedTx.sign(signed, key, { networkId, crypto: TestCrypto.native }),
  SignedTx.unsigned(
    Fee.withMinimumFee(
      {
        _tag: "ChannelCreateTx",
        version: 2,
        initiatorId: alice.address,
        responderId: bob.address,
        initiatorAmount: 10n ** 20n,
        responderAmount: 10n ** 19n,
        channelReserve: 2n,
        lockPeriod: 10,
        ttl: 0,
        fee: 0n,
        initiatorDelegateIds: [],
        responderDelegateIds: [],
        stateHash: new Uint8Array(32).fill(7),
        nonce: 1n
      },
      Fee.defaultMinerGasPrice
    )
  )
)
