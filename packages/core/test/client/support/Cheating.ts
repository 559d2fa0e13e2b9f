/** A cheater on a node in memory. */
import { Effect } from "effect"
import * as Fee from "../../../src/chain/Fee.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type { KeyPair } from "../../../src/crypto/KeyPair.js"
import type { ChannelId } from "../../../src/encoding/ApiEncoding.js"
import * as ChannelNode from "../../../src/node/ChannelNode.js"
import * as Ledger from "../../../src/node/Ledger.js"
import * as Poi from "../../../src/state/Poi.js"
import type { Trees } from "../../../src/state/Trees.js"
import { initiator, networkId, responder } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"

/** The cheater closes with the state that came on chain last, which is one of long ago. */
export const cheat = (from: KeyPair, state: { readonly trees: Trees }, channelId: ChannelId) =>
  Effect.gen(function* () {
    const node = yield* ChannelNode.ChannelNode
    const view = Ledger.view(yield* node.ledger, TestCrypto.native)
    const poi = Poi.build(state.trees, { accounts: [initiator.address, responder.address] })
    if (poi instanceof Poi.NotFound) throw poi
    const tx = Fee.withMinimumFee(
      {
        _tag: "ChannelCloseSoloTx",
        version: 1,
        channelId,
        fromId: from.address,
        payload: new Uint8Array(),
        poi: Poi.encode(poi),
        ttl: 0,
        fee: 0n,
        nonce: BigInt(view.account(from.address)?.nonce ?? 0) + 1n
      } as const,
      Fee.defaultMinerGasPrice
    )
    yield* node.submit(SignedTx.sign(SignedTx.unsigned(tx), from, { networkId, crypto: TestCrypto.native }))
  })
