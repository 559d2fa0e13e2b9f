/**
 * The rule of channel_create transactions.
 *
 * @internal
 */
import * as ChannelObject from "../../../../chain/ChannelObject.js"
import * as Ids from "../../../../chain/Ids.js"
import * as Protocol from "../../../../chain/Protocol.js"
import type * as Transaction from "../../../../chain/Transaction.js"
import * as ApiEncoding from "../../../../encoding/ApiEncoding.js"
import type { AccountAddress, ChannelId } from "../../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../../encoding/Bytes.js"
import * as Authentication from "../Authentication.js"
import * as ChainState from "../ChainState.js"
import { type Context, type Rule, crash, funds, make, originNonce, signsPlainly } from "../Rule.js"

type Create = Transaction.ChannelCreateTx

/** What the initiator's account loses counts first, also where it is the responder's account. */
const takenBefore = (tx: Create): bigint =>
  tx.initiatorId === tx.responderId ? tx.fee + tx.initiatorAmount : 0n

const idOf = ({ around, tx }: Context<Create>): ChannelId =>
  Ids.channelId(tx.initiatorId, around.authenticated.get(tx.initiatorId) ?? tx.nonce, tx.responderId)

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

/**
 * The reference node names the new channel after the outermost transaction and breaks where that does not lead to the
 * create transaction by meta transactions alone, or where nonce and authentication do not fit together.
 */
const isNamed = ({ around, tx }: Context<Create>): boolean =>
  Ids.channelIdOf(around.outermost) !== undefined &&
  (tx.nonce === 0n) === around.authenticated.has(tx.initiatorId)

/** @internal */
export const create: Rule = make({
  kind: "ChannelCreateTx",
  checks: [
    (context) => (isNamed(context) ? undefined : crash),
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
    const { environment, state, tx } = context
    const nonce = context.around.authenticated.has(tx.initiatorId) ? undefined : tx.nonce
    const paid = ChainState.spend(
      ChainState.spend(state, tx.initiatorId, tx.fee + tx.initiatorAmount, nonce),
      tx.responderId,
      tx.responderAmount
    )
    const id = idOf(context)
    const opened = ChainState.setChannel(paid, id, newChannel(context))
    const remembered =
      environment.protocol < Protocol.fortuna
        ? opened
        : [tx.initiatorId, tx.responderId].reduce(
            (each, party) => Authentication.copyStore(each, id, party),
            opened
          )
    return ChainState.collectFee(remembered, tx.fee)
  }
})
