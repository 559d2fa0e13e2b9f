/**
 * The rules that change what a channel holds: deposit and withdraw.
 *
 * @internal
 */
import type * as Transaction from "../../../../chain/Transaction.js"
import * as ChainState from "../ChainState.js"
import {
  type Rule,
  amountAndFee,
  changed,
  counted,
  feePaid,
  isActive,
  isPeer,
  make,
  ofChannel,
  originNonce,
  otherParty,
  roundError,
  signsPlainly
} from "../Rule.js"

type Deposit = Transaction.ChannelDepositTx
type Withdraw = Transaction.ChannelWithdrawTx

const patience = { channel_does_not_exist: 5, channel_not_active: 1, old_round: 1, same_round: 1 }

/** @internal */
export const deposit: Rule = make({
  kind: "ChannelDepositTx",
  patience,
  checks: [
    originNonce((tx: Deposit) => tx.fromId),
    amountAndFee(
      (tx) => tx.fromId,
      (tx) => tx.amount
    ),
    isActive(),
    isPeer((tx) => tx.fromId),
    signsPlainly(otherParty((tx: Deposit) => tx.fromId)),
    ofChannel((channel, { tx }) => roundError(channel, tx.round))
  ],
  effect: (context) => {
    const { state, tx } = context
    const channel = ChainState.channel(state, tx.channelId)
    if (channel === undefined) return state
    const { amount, round, stateHash } = tx
    const paid = feePaid(context, counted(context, tx.fromId, tx.nonce), tx.fromId)
    return ChainState.setChannel(
      ChainState.spend(paid, tx.fromId, amount),
      tx.channelId,
      changed(channel, { channelAmount: channel.channelAmount + amount, round, stateHash, soloRound: 0 })
    )
  }
})

/** @internal */
export const withdraw: Rule = make({
  kind: "ChannelWithdrawTx",
  patience: { ...patience, not_enough_channel_funds: 20 },
  checks: [
    originNonce((tx: Withdraw) => tx.toId),
    amountAndFee((tx) => tx.toId),
    isActive(),
    isPeer((tx) => tx.toId),
    signsPlainly(otherParty((tx: Withdraw) => tx.toId)),
    ofChannel((channel, { tx }) =>
      channel.channelAmount >= 2n * channel.channelReserve + tx.amount
        ? undefined
        : "not_enough_channel_funds"
    ),
    ofChannel((channel, { tx }) => roundError(channel, tx.round))
  ],
  effect: (context) => {
    const { state, tx } = context
    const channel = ChainState.channel(state, tx.channelId)
    if (channel === undefined) return state
    const { amount, round, stateHash } = tx
    const paid = feePaid(context, counted(context, tx.toId, tx.nonce), tx.toId)
    return ChainState.setChannel(
      ChainState.earn(paid, tx.toId, amount),
      tx.channelId,
      changed(channel, { channelAmount: channel.channelAmount - amount, round, stateHash, soloRound: 0 })
    )
  }
})
