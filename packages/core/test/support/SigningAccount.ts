/**
 * A generalized account that is as good as a plain one: its contract takes a signature of its key over what it is asked
 * about, and counts.
 *
 *     record state = { count : int, owner : address }
 *     entrypoint init(owner : address) = { count = 0, owner = owner }
 *     stateful entrypoint authorize(s : bytes(64), n : int) : bool =
 *       put(state{ count = state.count + 1 })
 *       n == state.count && verify_sig(Auth.tx_hash, state.owner, s)
 */
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytecode from "../../src/fate/Bytecode.js"
import * as CallData from "../../src/fate/CallData.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import { attachment } from "../../src/testing/internal/attachment.js"
import { argument, byteCode, codeOf, immediate, op, stack, variable } from "../fate/support/assembly.js"
import { native } from "./TestCrypto.js"

const [count, owner] = [variable(-1), variable(-2)]
const [hash, isNext, isSigned] = [variable(0), variable(1), variable(2)]

const code = codeOf(
  byteCode({
    init: [
      [Type.simple("address")],
      Type.tuple([]),
      [
        [
          op("STORE", count, immediate(0n)),
          op("STORE", owner, argument(0)),
          op("RETURNR", immediate(Value.unit))
        ]
      ]
    ],
    authorize: [
      [Type.bytes(64n), Type.integer],
      Type.boolean,
      [
        [
          op("INC", count),
          op("EQ", isNext, count, argument(1)),
          op("AUTH_TX_HASH", hash),
          op("VARIANT_ELEMENT", hash, hash, immediate(0n)),
          op("VERIFY_SIG", isSigned, hash, owner, argument(0)),
          op("AND", stack, isNext, isSigned),
          op("RETURN")
        ]
      ]
    ]
  })
)

/** How the contract begins. */
export const init = (key: KeyPair): Uint8Array =>
  CallData.encode("init", [Value.reference("address", ApiEncoding.bytesOf(key.address))])

/** The transaction by which a key's account becomes generalized. */
export const attach = (key: KeyPair, networkId: string): SignedTx.SignedTx => {
  const tx = attachment({
    ownerId: key.address,
    nonce: 1n,
    code,
    functionId: Bytecode.functionId("authorize"),
    callData: init(key),
    protocol: 6
  })
  return SignedTx.sign(SignedTx.unsigned(tx), key, { networkId, crypto: native })
}

/** What the account's function is called with. */
export const authData = (key: KeyPair, authTxHash: Uint8Array, n: number): Uint8Array =>
  CallData.encode("authorize", [Value.bytes(native.sign(authTxHash, key.secretKey)), BigInt(n)])
