/**
 * The table of rules: which kinds of transactions the simulated chain accepts, what it checks in which order, and what
 * they do. Another kind is another row.
 *
 * Specification: æternity consensus, processing of transactions; channel on-chain transactions.
 *
 * @internal
 */
import * as ChannelObject from "../../../chain/ChannelObject.js"
import * as Ids from "../../../chain/Ids.js"
import * as Protocol from "../../../chain/Protocol.js"
import type * as Transaction from "../../../chain/Transaction.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import type { AccountAddress, ChannelId } from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"
import * as ChainState from "./ChainState.js"
import {
  type Check,
  type Context,
  type Rule,
  funds,
  isParticipant,
  make,
  originNonce,
  signsPlainly
} from "./Rule.js"

type Create = Transaction.ChannelCreateTx
type CloseMutual = Transaction.ChannelCloseMutualTx
type Spend = Transaction.SpendTx

/** Oracles and contracts keep their money under their own key, like accounts. A name has no key. @internal */
export const recipientOf = (tx: Spend): AccountAddress | undefined =>
  ApiEncoding.prefixOf(tx.recipientId) === "nm"
    ? undefined
    : ApiEncoding.encode("ak", ApiEncoding.bytesOf(tx.recipientId))

const notPayable = 1

/** Whether money may be sent to an account; an account that is not there yet takes it. @internal */
export const isPayable = (state: ChainState.ChainState, id: AccountAddress): boolean => {
  const account = ChainState.account(state, id)
  return account === undefined || (account.flags & notPayable) === 0
}

const spend = make({
  kind: "SpendTx",
  checks: [
    originNonce((tx: Spend) => tx.senderId),
    ({ tx }) => (recipientOf(tx) === undefined ? "name_does_not_exist" : undefined),
    funds(
      (tx) => tx.senderId,
      (tx) => tx.fee + tx.amount
    ),
    ({ state, tx }) => {
      const recipient = recipientOf(tx)
      return recipient === undefined || isPayable(state, recipient) ? undefined : "account_is_not_payable"
    }
  ],
  effect: ({ state, tx }) => {
    const paid = ChainState.spend(state, tx.senderId, tx.fee + tx.amount, tx.nonce)
    const recipient = recipientOf(tx)
    return ChainState.collectFee(
      recipient === undefined ? paid : ChainState.earn(paid, recipient, tx.amount),
      tx.fee
    )
  }
})

/** What the initiator's account loses counts first, also where it is the responder's account. */
const takenBefore = (tx: Create): bigint =>
  tx.initiatorId === tx.responderId ? tx.fee + tx.initiatorAmount : 0n

const idOf = ({ signedTx, tx }: Context<Create>): ChannelId =>
  Ids.channelIdOf(signedTx) ?? Ids.channelId(tx.initiatorId, tx.nonce, tx.responderId)

/** How a party authenticates, as the channel remembers it. */
const authOf = (state: ChainState.ChainState, id: AccountAddress): Uint8Array => {
  const authentication = ChainState.account(state, id)?.authentication
  return authentication === undefined
    ? new Uint8Array()
    : Bytes.concat(authentication.functionHash, ApiEncoding.bytesOf(authentication.contract))
}

const newChannel = ({ state, tx, environment }: Context<Create>): ChannelObject.ChannelObject => {
  const common = {
    initiatorId: tx.initiatorId,
    responderId: tx.responderId,
    channelAmount: tx.initiatorAmount + tx.responderAmount,
    initiatorAmount: tx.initiatorAmount,
    responderAmount: tx.responderAmount,
    channelReserve: tx.channelReserve,
    stateHash: tx.stateHash,
    round: 1,
    soloRound: 0,
    lockPeriod: tx.lockPeriod,
    lockedUntil: 0
  }
  const auths = { initiatorAuth: authOf(state, tx.initiatorId), responderAuth: authOf(state, tx.responderId) }
  if (tx.version === 2) {
    const { initiatorDelegateIds, responderDelegateIds } = tx
    return { version: 3, ...common, ...auths, initiatorDelegateIds, responderDelegateIds }
  }
  const { delegateIds } = tx
  return ChannelObject.versionAt(environment.protocol) === 1
    ? { version: 1, ...common, delegateIds }
    : { version: 2, ...common, ...auths, delegateIds }
}

const create = make({
  kind: "ChannelCreateTx",
  checks: [
    originNonce((tx: Create) => tx.initiatorId),
    funds(
      (tx) => tx.initiatorId,
      (tx) => tx.fee + tx.initiatorAmount
    ),
    funds(
      (tx) => tx.responderId,
      (tx) => takenBefore(tx) + tx.responderAmount
    ),
    ({ tx }) => (tx.initiatorAmount < tx.channelReserve ? "insufficient_initiator_amount" : undefined),
    ({ tx }) => (tx.responderAmount < tx.channelReserve ? "insufficient_responder_amount" : undefined),
    ({ tx }) => (tx.initiatorId === tx.responderId ? "initiator_is_responder" : undefined),
    signsPlainly(({ tx }) => tx.responderId),
    (context) =>
      ChainState.channel(context.state, idOf(context)) === undefined ? undefined : "channel_exists"
  ],
  effect: (context) => {
    const { state, tx } = context
    const paid = ChainState.spend(
      ChainState.spend(state, tx.initiatorId, tx.fee + tx.initiatorAmount, tx.nonce),
      tx.responderId,
      tx.responderAmount
    )
    return ChainState.collectFee(ChainState.setChannel(paid, idOf(context), newChannel(context)), tx.fee)
  }
})

/** A check of the transaction's channel, which must be there. */
const ofChannel =
  (
    check: (channel: ChannelObject.ChannelObject, context: Context<CloseMutual>) => string | undefined
  ): Check<CloseMutual> =>
  (context) => {
    const channel = ChainState.channel(context.state, context.tx.channelId)
    return channel === undefined ? "channel_does_not_exist" : check(channel, context)
  }

const otherParty = ({ state, tx }: Context<CloseMutual>): AccountAddress | undefined => {
  const channel = ChainState.channel(state, tx.channelId)
  return channel?.initiatorId === tx.fromId ? channel.responderId : channel?.initiatorId
}

const payout = (tx: CloseMutual): bigint => tx.initiatorAmountFinal + tx.responderAmountFinal + tx.fee

const closeMutual = make({
  kind: "ChannelCloseMutualTx",
  patience: { account_not_peer: 1, channel_not_active: 1, wrong_amounts: 20 },
  checks: [
    originNonce((tx: CloseMutual) => tx.fromId),
    ofChannel((channel, { tx }) => (isParticipant(channel, tx.fromId) ? undefined : "account_not_peer")),
    signsPlainly(otherParty),
    ofChannel((channel, { environment }) =>
      environment.protocol < Protocol.lima && channel.lockedUntil !== 0 ? "channel_not_active" : undefined
    ),
    ofChannel((channel, { tx }) => (payout(tx) > channel.channelAmount ? "wrong_amounts" : undefined))
  ],
  effect: ({ state, tx }) => {
    const channel = ChainState.channel(state, tx.channelId)
    if (channel === undefined) return state
    // The channel pays the fee: the sender's account only counts the transaction.
    const counted = ChainState.spend(state, tx.fromId, 0n, tx.nonce)
    const paid = ChainState.earn(
      ChainState.earn(counted, channel.initiatorId, tx.initiatorAmountFinal),
      channel.responderId,
      tx.responderAmountFinal
    )
    const rest = ChainState.lock(paid, channel.channelAmount - payout(tx))
    return ChainState.collectFee(ChainState.removeChannel(rest, tx.channelId), tx.fee)
  }
})

const table: ReadonlyMap<Transaction.Tag, Rule> = new Map(
  [spend, create, closeMutual].map((rule): [Transaction.Tag, Rule] => [rule.kind, rule])
)

/** The rule of a kind, `undefined` for a kind this chain does not support. @internal */
export const of = (tx: Transaction.Transaction): Rule | undefined => table.get(tx._tag)

/** The kinds this chain supports. @internal */
export const kinds: ReadonlyArray<Transaction.Tag> = [...table.keys()]

/**
 * The channel a transaction is about. Meta and paying-for transactions are not looked into.
 *
 * @internal
 */
export const channelOf = (signedTx: Context<Transaction.Transaction>["signedTx"]): ChannelId | undefined =>
  "channelId" in signedTx.tx ? signedTx.tx.channelId : Ids.channelIdOf(signedTx)
