import { noble } from "@aechannel/core/crypto/Crypto"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import { initiator, networkId, offchainTx } from "../../core/bench/Fixtures.js"
import * as Harness from "../../core/bench/Harness.js"
import * as NativeCrypto from "../src/NativeCrypto.js"

/** Signing and verifying, each natively and portably. */
export const groups = () => {
  const native = NativeCrypto.make()
  const { publicKey, secretKey } = initiator
  const message = SignedTx.signingMessage(SignedTx.unsigned(offchainTx(7)).txBytes, networkId, "hash")
  const signature = native.sign(message, secretKey)
  const compared = (
    title: string,
    run: Record<"native" | "portable", Harness.Case["run"]>
  ): Harness.Group => ({
    title,
    compare: true,
    cases: [
      { name: "native (node:crypto, known key)", run: run.native },
      { name: "portable (noble)", run: run.portable }
    ]
  })
  return {
    sign: compared(`Ed25519, sign ${message.length} bytes`, {
      native: () => native.sign(message, secretKey),
      portable: () => noble.sign(message, secretKey)
    }),
    verify: compared(`Ed25519, verify ${message.length} bytes`, {
      native: () => native.verify(signature, message, publicKey),
      portable: () => noble.verify(signature, message, publicKey)
    })
  }
}

export const signatures = Harness.theme("signatures", () => Object.values(groups()))
