/**
 * The words for transactions; everything else about them comes from the transaction table.
 *
 * @since 0.1.0
 */
import type { SignerRule, Tag } from "@aechannel/core/chain/Transaction"

/**
 * What each kind of transaction does, in a few words.
 *
 * @since 0.1.0
 * @category constants
 */
export const purposes: { readonly [T in Tag]: string } = {
  SpendTx: "pays an account, contract, name or oracle",
  ContractCreateTx: "creates a contract on chain",
  ContractCallTx: "calls a contract on chain",
  ChannelCreateTx: "opens a channel",
  ChannelDepositTx: "moves coins from an account into the channel",
  ChannelWithdrawTx: "moves coins from the channel to an account",
  ChannelCloseMutualTx: "closes the channel with amounts both agree on; the fee comes out of the channel",
  ChannelCloseSoloTx: "starts to close the channel with the word of one party",
  ChannelSlashTx: "answers a solo close with a newer state",
  ChannelSettleTx: "pays out a channel whose lock period after a solo close is over",
  ChannelOffchainTx: "one round of the off-chain state, never sent to the chain by itself",
  ChannelSnapshotSoloTx: "puts a co-signed state on chain without closing",
  ChannelSetDelegatesTx: "replaces the delegates of both sides",
  ChannelForceProgressTx: "makes the chain execute a contract call on the off-chain state",
  GaAttachTx: "turns an account into a generalized account",
  GaMetaTx: "authenticates the transaction inside it by the contract of a generalized account",
  GaMetaAuthData: "what an authentication function sees the hash of, never sent",
  PayingForTx: "pays the fee of the transaction inside it",
  ChannelClientReconnectTx: "proved who a reconnecting client was; current nodes do not know it"
}

/**
 * Who signs, in words.
 *
 * @since 0.1.0
 * @category constants
 */
export const signerRules: { readonly [R in SignerRule]: string } = {
  origin: "the account that pays the fee",
  initiator_and_responder: "initiator and responder",
  channel_participants: "both parties of the channel",
  nobody: "nobody: it is authenticated by a contract, or never sent"
}

/**
 * How many authentications (signatures or generalized accounts) the rule asks for.
 *
 * @since 0.1.0
 * @category constants
 */
export const signersNeeded: { readonly [R in SignerRule]: number } = {
  origin: 1,
  initiator_and_responder: 2,
  channel_participants: 2,
  nobody: 0
}
