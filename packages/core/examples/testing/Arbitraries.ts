import * as assert from "node:assert"
import { JsonRpcSignedTx, SignedTx } from "@aechannel/core"
import { Arbitraries, TestCrypto } from "@aechannel/core/testing"
import { Effect, FastCheck } from "effect"

const { codec } = JsonRpcSignedTx

// Every report is read as it was written.
FastCheck.assert(
  FastCheck.property(Arbitraries.report, Arbitraries.channelId, (report, channelId) => {
    const frame = codec.encodeReport(report, channelId) ?? ""
    const [message] = Effect.runSync(codec.decodeNodeFrame(frame))
    assert.deepStrictEqual(message, { _tag: "Reported", channelId, report })
  })
)

// A good signature does not cover another network.
const alice = TestCrypto.keyPair("alice")
const crypto = TestCrypto.seeded(0)
const signed = Arbitraries.signedBy([alice], {
  networkId: "ae_mainnet",
  transaction: Arbitraries.transactions.SpendTx
})
FastCheck.assert(
  FastCheck.property(signed, (signedTx) => {
    const by = (networkId: string) => SignedTx.isSignedBy(signedTx, alice.address, { networkId, crypto })
    return by("ae_mainnet") && !by("ae_uat")
  }),
  { numRuns: 10 }
)
