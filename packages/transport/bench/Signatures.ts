import { noble } from "@aechannel/core/crypto/Crypto"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import { initiator, networkId, offchainTx } from "../../core/bench/Fixtures.js"
import * as Harness from "../../core/bench/Harness.js"
import * as NativeCrypto from "../src/NativeCrypto.js"

export const signatures = Harness.theme("signatures", () => {
  const native = NativeCrypto.make()
  const { publicKey, secretKey } = initiator
  const message = SignedTx.signingMessage(SignedTx.unsigned(offchainTx(7)).txBytes, networkId, "hash")
  const signature = native.sign(message, secretKey)
  return [
    {
      title: `Ed25519, sign ${message.length} bytes`,
      compare: true,
      cases: [
        { name: "native (node:crypto, known key)", run: () => native.sign(message, secretKey) },
        { name: "portable (noble)", run: () => noble.sign(message, secretKey) }
      ]
    },
    {
      title: `Ed25519, verify ${message.length} bytes`,
      compare: true,
      cases: [
        { name: "native (node:crypto, known key)", run: () => native.verify(signature, message, publicKey) },
        { name: "portable (noble)", run: () => noble.verify(signature, message, publicKey) }
      ]
    }
  ]
})
