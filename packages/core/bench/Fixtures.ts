/**
 * The values that benches work on: two parties, a channel and its latest state.
 */
import type { ChannelOffchainTx } from "../src/chain/Transaction.js"
import * as SignedTx from "../src/chain/SignedTx.js"
import { noble } from "../src/crypto/Crypto.js"
import * as Hash from "../src/crypto/Hash.js"
import * as KeyPair from "../src/crypto/KeyPair.js"
import * as ApiEncoding from "../src/encoding/ApiEncoding.js"
import * as Bytes from "../src/encoding/Bytes.js"
import * as Trees from "../src/state/Trees.js"

/** 32 bytes that depend on a word. */
export const digest = (word: string): Uint8Array => Hash.sha256(Bytes.utf8(word))

export const initiator = KeyPair.fromSeed(noble, digest("initiator"))
export const responder = KeyPair.fromSeed(noble, digest("responder"))

export const networkId = "ae_uat"

export const channelId = ApiEncoding.encode("ch", digest("channel"))

export const trees = Trees.initial({
  initiatorId: initiator.address,
  responderId: responder.address,
  initiatorAmount: 10n ** 21n,
  responderAmount: 10n ** 21n,
  pushAmount: 0n
})

/** The off-chain transaction of a round. */
export const offchainTx = (round: number): ChannelOffchainTx => ({
  _tag: "ChannelOffchainTx",
  version: 2,
  channelId,
  round,
  stateHash: Trees.stateHash(trees)
})

/** The same, signed by both. */
export const coSigned = (round: number): SignedTx.SignedTx =>
  [initiator, responder].reduce(
    (signed, keyPair) => SignedTx.sign(signed, keyPair, { networkId, crypto: noble }),
    SignedTx.unsigned(offchainTx(round))
  )
