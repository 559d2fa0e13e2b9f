/**
 * Ids that follow from transactions: channels, contracts, calls and authentications.
 *
 * Specification: æternity serializations, "hashes and ids".
 *
 * @since 0.1.0
 */
import * as Hash from "../crypto/Hash.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import type { AccountAddress, ChannelId, ContractId } from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import * as SignedTx from "./SignedTx.js"

/** A nonce in 32 bytes, or the 32 byte authentication id that takes its place. */
const wideNonce = (nonce: bigint | number | Uint8Array): Uint8Array => {
  // The reference cuts a wider nonce, which no account ever reaches, but which a stranger can write.
  if (!(nonce instanceof Uint8Array)) return Bytes.uintToFixed(BigInt.asUintN(256, BigInt(nonce)), 32)
  if (nonce.length !== 32) throw new RangeError(`an authentication id has 32 bytes, not ${nonce.length}`)
  return nonce
}

/**
 * The id of a channel: from the nonce of its create transaction or, for a generalized initiator, from the
 * 32 byte authentication id.
 *
 * @since 0.1.0
 * @category constructors
 */
export const channelId = (
  initiator: AccountAddress,
  nonce: bigint | Uint8Array,
  responder: AccountAddress
): ChannelId =>
  ApiEncoding.encode(
    "ch",
    Hash.blake2b256(
      Bytes.concat(ApiEncoding.bytesOf(initiator), wideNonce(nonce), ApiEncoding.bytesOf(responder))
    )
  )

/**
 * The id of the channel a signed create transaction opens; `undefined` for any other transaction. For a
 * generalized initiator it follows from the innermost of the initiator's meta transactions.
 *
 * @since 0.1.0
 * @category constructors
 */
export const channelIdOf = (signed: SignedTx.SignedTx): ChannelId | undefined => {
  const { tx } = SignedTx.innermost(signed)
  if (tx._tag !== "ChannelCreateTx") return undefined
  const meta = SignedTx.metaLayers(signed).findLast((each) => each.gaId === tx.initiatorId)
  const nonce = meta === undefined ? tx.nonce : authId(meta.gaId, meta.authData)
  return channelId(tx.initiatorId, nonce, tx.responderId)
}

/**
 * The id of a contract: from its owner's nonce on chain, from the round off chain, or, created inside a meta
 * transaction, from the authentication id.
 *
 * @since 0.1.0
 * @category constructors
 */
export const contractId = (
  owner: AccountAddress | ContractId,
  nonceOrRound: bigint | number | Uint8Array
): ContractId =>
  ApiEncoding.encode(
    "ct",
    Hash.blake2b256(
      Bytes.concat(
        ApiEncoding.bytesOf(owner),
        nonceOrRound instanceof Uint8Array ? nonceOrRound : Bytes.uintToBytes(nonceOrRound)
      )
    )
  )

/**
 * The 32 byte id of a contract call: from the caller's nonce on chain or the round off chain. With an
 * authentication id in place of the nonce the caller has no part in it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const callId = (
  caller: AccountAddress | ContractId,
  nonceOrRound: bigint | number | Uint8Array,
  contract: ContractId
): Uint8Array =>
  Hash.blake2b256(
    nonceOrRound instanceof Uint8Array
      ? Bytes.concat(nonceOrRound, ApiEncoding.viewOf(contract))
      : Bytes.concat(ApiEncoding.viewOf(caller), wideNonce(nonceOrRound), ApiEncoding.viewOf(contract))
  )

/**
 * The 32 byte id of one authentication by a generalized account.
 *
 * @since 0.1.0
 * @category constructors
 */
export const authId = (ga: AccountAddress, authData: Uint8Array): Uint8Array =>
  Hash.blake2b256(Bytes.concat(ApiEncoding.bytesOf(ga), authData))
