/**
 * Applying one signed transaction to the chain's state.
 *
 * Specification: æternity consensus, processing of transactions.
 *
 * @internal
 */
import * as Fee from "../../../chain/Fee.js"
import * as SignedTx from "../../../chain/SignedTx.js"
import * as Transaction from "../../../chain/Transaction.js"
import type { CryptoService } from "../../../crypto/Crypto.js"
import type { AccountAddress } from "../../../encoding/ApiEncoding.js"
import * as ChainState from "./ChainState.js"
import { type Environment, Refused } from "./Rule.js"
import * as Rules from "./Rules.js"

/**
 * Who must have signed, as far as the chain knows: `undefined` where the transaction names a channel that is not there.
 *
 * @internal
 */
export const signersOf = (
  state: ChainState.ChainState,
  tx: Transaction.Transaction
): ReadonlyArray<AccountAddress> | undefined => {
  const channel = "channelId" in tx ? ChainState.channel(state, tx.channelId) : undefined
  return Transaction.signers(
    tx,
    channel === undefined ? undefined : [channel.initiatorId, channel.responderId]
  )
}

/** @internal */
export const isSigned = (
  state: ChainState.ChainState,
  signedTx: SignedTx.SignedTx,
  environment: Environment,
  crypto: CryptoService
): boolean => {
  const signers = signersOf(state, signedTx.tx)
  return signers !== undefined && SignedTx.verify(signedTx, signers, { ...environment, crypto }) === "ok"
}

/** @internal */
export const notSupported = (tx: Transaction.Transaction): string =>
  `not_supported: ${Transaction.typeName(tx)}`

/** The lowest fee (aettos) any block takes a transaction for. @internal */
export const consensusFee = (tx: Transaction.Transaction, protocol: number): bigint =>
  Fee.gas(tx, protocol) * Fee.consensusGasPrice(protocol)

/**
 * The state after a transaction, or why a block cannot hold it; then it changes nothing. A transaction known to be
 * signed (see `isSigned`) by `signedFor` is not verified again as long as those are the ones who must sign.
 *
 * @internal
 */
export const apply = (
  state: ChainState.ChainState,
  signedTx: SignedTx.SignedTx,
  environment: Environment,
  crypto: CryptoService,
  signedFor?: ReadonlyArray<AccountAddress>
): ChainState.ChainState | Refused => {
  const { tx } = signedTx
  const { height, protocol } = environment
  const rule = Rules.of(tx)
  if (rule === undefined) return new Refused({ reason: notSupported(tx) })
  const signers = signersOf(state, tx)
  const known = signedFor !== undefined && signers?.join() === signedFor.join()
  if (!known && !isSigned(state, signedTx, environment, crypto)) {
    return new Refused({ reason: "signature_check_failed" })
  }
  if (Transaction.fee(tx) < consensusFee(tx, protocol)) return new Refused({ reason: "too_low_fee" })
  const ttl = Transaction.ttl(tx)
  if (ttl !== 0 && ttl < height) return new Refused({ reason: "ttl_expired" })
  if (!Transaction.validAtProtocol(tx, protocol)) return new Refused({ reason: "invalid_at_protocol" })
  return rule.run({ state, tx, signedTx, environment })
}
