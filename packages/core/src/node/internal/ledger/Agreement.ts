/**
 * What a chain says about generalized accounts as parties of a channel: who is one, whether they agree to a transaction,
 * and whether one that they paid for came to nothing.
 *
 * @internal
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Account from "../../../chain/Account.js"
import * as SignedTx from "../../../chain/SignedTx.js"
import * as Transaction from "../../../chain/Transaction.js"
import type { CryptoService } from "../../../crypto/Crypto.js"
import type { AccountAddress, ChannelId } from "../../../encoding/ApiEncoding.js"
import type { Ledger } from "../../Ledger.js"
import * as Authentication from "./Authentication.js"
import * as ChainState from "./ChainState.js"
import * as Mempool from "./Mempool.js"
import * as Pinned from "./Pinned.js"
import * as Rules from "./Rules.js"

/**
 * Whether a transaction about a channel is in a block, paid for by its meta transaction, and has changed nothing: what is
 * inside failed.
 *
 * @internal
 */
export const isInVain = ({ history, transactions }: Ledger, signedTx: SignedTx.SignedTx): boolean => {
  const { _tag } = signedTx.tx
  const canBe = _tag === "GaMetaTx" || _tag === "PayingForTx"
  const channelId = canBe ? Rules.channelOf(signedTx) : undefined
  if (channelId === undefined) return false
  const txHash = SignedTx.hash(signedTx)
  const known = Option.getOrUndefined(HashMap.get(history, channelId))
  return HashMap.has(transactions, txHash) && known?.includes(txHash) !== true
}

/** Whether an account is generalized, or was when the channel was created, where that is there. @internal */
export const isGeneralized = (
  { state }: Ledger,
  id: AccountAddress,
  channelId: ChannelId | undefined
): boolean => {
  const channel = channelId === undefined ? undefined : ChainState.channel(state, channelId)
  if (channel !== undefined) return Authentication.wasGeneralized(channel, id)
  const account = ChainState.account(state, id)
  return account !== undefined && Account.isGeneralized(account)
}

/** Why the meta transactions around a transaction do not authenticate it, if so. @internal */
export const metaFault = (
  ledger: Ledger,
  signedTx: SignedTx.SignedTx,
  channelId: ChannelId | undefined,
  crypto: CryptoService
): string | undefined => {
  const { state } = ledger
  const place = { state, environment: Pinned.nextBlock(ledger), crypto }
  // Chains ask before they take a transaction, and what they were told then counts. Where it was paid for in vain, who is
  // inside may have been the one that did not agree.
  if (HashMap.has(ledger.transactions, SignedTx.hash(signedTx))) {
    const inner = SignedTx.inner(signedTx)
    return isInVain(ledger, signedTx) && inner !== undefined
      ? Authentication.onChainError(inner, place)
      : undefined
  }
  if (!Transaction.validAtProtocol(signedTx.tx, ledger.protocol)) return "invalid_at_protocol"
  if (Mempool.wantsTooMuchGas(signedTx)) return "too_much_gas_for_auth_function"
  if (channelId === undefined) return Authentication.onChainError(signedTx, place)
  const channel = ChainState.channel(state, channelId)
  return channel === undefined
    ? "channel_does_not_exist"
    : Authentication.offChainError(channelId, channel, signedTx, place)
}
