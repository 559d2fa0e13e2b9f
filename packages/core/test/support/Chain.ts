/** What goes to the chain without a channel client. */
import * as Effect from "effect/Effect"
import * as Fee from "../../src/chain/Fee.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { Transaction } from "../../src/chain/Transaction.js"
import type { CoSignedState } from "../../src/client/ChannelEvent.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import type { ChannelNodeService } from "../../src/node/ChannelNode.js"
import * as Ledger from "../../src/node/Ledger.js"
import * as Poi from "../../src/state/Poi.js"
import { initiator, networkId, responder } from "./NodeUnderTest.js"
import * as TestCrypto from "./TestCrypto.js"

/** The chain as it is now. */
export const view = (node: ChannelNodeService) =>
  Effect.map(node.ledger, (ledger) => Ledger.view(ledger, TestCrypto.native))

/** Gives the chain a transaction of this account, with its next nonce and the usual fee. */
export const submit = <T extends Transaction & { readonly fee: bigint }>(
  node: ChannelNodeService,
  key: KeyPair,
  make: (nonce: bigint) => T
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const nonce = (yield* view(node)).nextNonce(key.address)
    const tx = Fee.withMinimumFee(make(nonce), Fee.defaultMinerGasPrice)
    const signed = SignedTx.sign(SignedTx.unsigned(tx), key, { networkId, crypto: TestCrypto.native })
    yield* Effect.orDie(node.submit(signed))
  })

/** Closes a channel alone, with the state that the create transaction put on chain. */
export const closeWithFirst = (
  node: ChannelNodeService,
  key: KeyPair,
  first: CoSignedState
): Effect.Effect<void> =>
  submit(node, key, (nonce) => {
    const poi = Poi.build(first.trees, { accounts: [initiator.address, responder.address] })
    if (poi instanceof Poi.NotFound) throw poi
    return {
      _tag: "ChannelCloseSoloTx",
      version: 1,
      channelId: first.channelId,
      fromId: key.address,
      payload: new Uint8Array(),
      poi: Poi.encode(poi),
      ttl: 0,
      fee: 0n,
      nonce
    }
  })
