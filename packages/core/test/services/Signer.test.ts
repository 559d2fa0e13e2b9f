import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Signer from "../../src/services/Signer.js"
import {
  channelId,
  createTx,
  initiator,
  networkId,
  responder,
  signedBy
} from "../client/support/ScriptedNode.js"
import * as TestCrypto from "../support/TestCrypto.js"

const details = (network: string, signedTx: SignedTx.SignedTx): Signer.SigningDetails => ({
  tag: "responder_sign",
  operation: "open",
  signedTx,
  updates: [],
  round: 1,
  channelId,
  networkId: network
})

describe("Signer.layerKeyPair", () => {
  const withSigner = <A, E>(
    use: (signer: Signer.SignerService) => Effect.Effect<A, E>
  ): Effect.Effect<A, E> =>
    Effect.flatMap(Signer.Signer, use).pipe(
      Effect.provide(Signer.layerKeyPair(responder, networkId)),
      Effect.provide(TestCrypto.layerNative)
    )

  it.effect("adds its signature, in hash mode, to those that are there", () =>
    withSigner((signer) =>
      Effect.gen(function* () {
        expect(signer.address).toBe(responder.address)
        const signed = yield* signer.sign(details(networkId, signedBy(createTx(), [initiator])))
        const parties = [initiator.address, responder.address]
        expect(SignedTx.verify(signed, parties, { networkId, crypto: TestCrypto.native })).toBe("ok")
        const hashed = SignedTx.signingMessage(signed.txBytes, networkId, "hash")
        expect(
          signed.signatures.filter((each) => TestCrypto.native.verify(each, hashed, responder.publicKey))
        ).toHaveLength(1)
      })
    )
  )

  it.effect("signs for no other network", () =>
    withSigner((signer) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(signer.sign(details("ae_mainnet", SignedTx.unsigned(createTx()))))
        expect(error).toMatchObject({
          _tag: "SignerError",
          reason: "invalid",
          detail: `the signer signs for the network ${networkId}, but the channel is for ae_mainnet`
        })
      })
    )
  )
})
