/**
 * The rules that end a channel: mutual close and settle.
 *
 * @internal
 */
import type { ChannelObject } from "../../../../chain/ChannelObject.js"
import * as Protocol from "../../../../chain/Protocol.js"
import type * as Transaction from "../../../../chain/Transaction.js"
import * as ChainState from "../ChainState.js"
import {
  type Context,
  type Rule,
  amountAndFee,
  counted,
  feePaid,
  funds,
  isPeer,
  make,
  ofChannel,
  originNonce,
  otherParty,
  signsPlainly
} from "../Rule.js"

type CloseMutual = Transaction.ChannelCloseMutualTx
type Settle = Transaction.ChannelSettleTx

const amounts = (tx: CloseMutual | Settle): bigint => tx.initiatorAmountFinal + tx.responderAmountFinal

/** The channel pays the fee of a mutual close unless somebody pays for all. */
const fromChannel = ({ around, tx }: Context<CloseMutual>): bigint =>
  amounts(tx) + (around.payer === undefined ? tx.fee : 0n)

/** Both parties have their amounts, what nobody gets is locked, and the channel is gone. */
const paidOut = (
  state: ChainState.ChainState,
  channel: ChannelObject,
  tx: CloseMutual | Settle,
  total: bigint
): ChainState.ChainState => {
  const paid = ChainState.earn(
    ChainState.earn(state, channel.initiatorId, tx.initiatorAmountFinal),
    channel.responderId,
    tx.responderAmountFinal
  )
  return ChainState.removeChannel(ChainState.lock(paid, channel.channelAmount - total), tx.channelId)
}

/** @internal */
export const closeMutual: Rule = make({
  kind: "ChannelCloseMutualTx",
  patience: { account_not_peer: 1, channel_does_not_exist: 5, channel_not_active: 1, wrong_amounts: 20 },
  checks: [
    originNonce((tx: CloseMutual) => tx.fromId),
    isPeer((tx) => tx.fromId),
    signsPlainly(otherParty((tx: CloseMutual) => tx.fromId)),
    ofChannel((channel, { environment }) =>
      environment.protocol < Protocol.lima && channel.lockedUntil !== 0 ? "channel_not_active" : undefined
    ),
    (context) => {
      const { payer } = context.around
      return payer === undefined
        ? undefined
        : funds<CloseMutual>(
            () => payer,
            (tx) => tx.fee
          )(context)
    },
    ofChannel((channel, context) =>
      fromChannel(context) > channel.channelAmount ? "wrong_amounts" : undefined
    )
  ],
  effect: (context) => {
    const { around, state, tx } = context
    const channel = ChainState.channel(state, tx.channelId)
    if (channel === undefined) return state
    // Where the channel pays, the sender's account only counts the transaction.
    const known = counted(context, tx.fromId, tx.nonce)
    const fee =
      around.payer === undefined ? ChainState.collectFee(known, tx.fee) : feePaid(context, known, tx.fromId)
    return paidOut(fee, channel, tx, fromChannel(context))
  }
})

/** @internal */
export const settle: Rule = make({
  kind: "ChannelSettleTx",
  patience: {
    account_not_peer: 1,
    channel_does_not_exist: 5,
    channel_not_closed: 20,
    wrong_amt: 20,
    insufficient_channel_funds: 1
  },
  checks: [
    originNonce((tx: Settle) => tx.fromId),
    amountAndFee((tx) => tx.fromId),
    isPeer((tx) => tx.fromId),
    ofChannel(({ lockedUntil }, { environment }) =>
      lockedUntil !== 0 && lockedUntil <= environment.height ? undefined : "channel_not_closed"
    ),
    ofChannel((channel, { tx }) =>
      amounts(tx) > channel.channelAmount ? "insufficient_channel_funds" : undefined
    ),
    ofChannel((channel, { tx }) =>
      tx.initiatorAmountFinal === channel.initiatorAmount &&
      tx.responderAmountFinal === channel.responderAmount
        ? undefined
        : "wrong_amt"
    )
  ],
  effect: (context) => {
    const { state, tx } = context
    const channel = ChainState.channel(state, tx.channelId)
    if (channel === undefined) return state
    const paid = feePaid(context, counted(context, tx.fromId, tx.nonce), tx.fromId)
    return paidOut(paid, channel, tx, amounts(tx))
  }
})
