/**
 * The rules of what one party (or its delegate) does with a co-signed state: close_solo, slash, snapshot_solo; and
 * set_delegates, which both agree on but which looks at states the same way.
 *
 * @internal
 */
import type { ChannelObject } from "../../../../chain/ChannelObject.js"
import * as Protocol from "../../../../chain/Protocol.js"
import type * as Transaction from "../../../../chain/Transaction.js"
import type { AccountAddress, ChannelId } from "../../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../../encoding/Bytes.js"
import * as Poi from "../../../../state/Poi.js"
import * as Authentication from "../Authentication.js"
import * as ChainState from "../ChainState.js"
import {
  type Check,
  type Context,
  type Rule,
  channelExists,
  changed,
  crash,
  isActive,
  isParticipant,
  isPeer,
  make,
  ofChannel,
  payerOf,
  roundError,
  soloAccount
} from "../Rule.js"

type CloseSolo = Transaction.ChannelCloseSoloTx
type Slash = Transaction.ChannelSlashTx
type Closing = CloseSolo | Slash
type Snapshot = Transaction.ChannelSnapshotSoloTx
type SetDelegates = Transaction.ChannelSetDelegatesTx

/** Transactions that may carry a co-signed state. @internal */
export interface WithPayload {
  readonly channelId: ChannelId
  readonly fromId: AccountAddress
  readonly payload: Uint8Array
}

/** @internal */
export const hasPayload = (tx: { readonly payload: Uint8Array }): boolean => tx.payload.length > 0

const isDelegate = (channel: ChannelObject, id: AccountAddress): boolean =>
  (channel.version === 3
    ? [...channel.initiatorDelegateIds, ...channel.responderDelegateIds]
    : channel.delegateIds
  ).includes(id)

/**
 * The co-signed state belongs to the channel, is newer than the chain's (than what was forced too, where it is `forced`
 * on), is sent by one who may, and is co-signed.
 *
 * @internal
 */
export const payloadIsGood = <T extends WithPayload>(
  delegatesFrom: number | undefined,
  forced = false
): Check<T> =>
  ofChannel<T>((channel, context) => {
    const { tx, environment } = context
    const payload = Authentication.payloadOf(tx.payload)
    if (payload === undefined) return "payload_deserialization_failed"
    if (payload.offchain.channelId !== tx.channelId) return "bad_state_channel_pubkey"
    const round = roundError(channel, payload.offchain.round, forced)
    if (round !== undefined) return round
    if (!isParticipant(channel, tx.fromId)) {
      if (delegatesFrom === undefined || environment.protocol < delegatesFrom) return "account_not_peer"
      if (!isDelegate(channel, tx.fromId)) return "account_not_peer_or_delegate"
    }
    return Authentication.payloadError(channel, payload.signedTx, context)
  })

/** A check for those with a payload (or without one) only. @internal */
export const where =
  <T extends WithPayload>(condition: (tx: T) => boolean, check: Check<T>): Check<T> =>
  (context) =>
    condition(context.tx) ? check(context) : undefined

const withoutPayload = (tx: WithPayload): boolean => !hasPayload(tx)

const poiOf = (tx: Closing): Poi.Poi | undefined => Authentication.poiOf(tx.poi)

/** What the proof says both parties have. */
const balancesOf = (
  channel: ChannelObject,
  tx: Closing
): { readonly initiator: bigint; readonly responder: bigint } | undefined => {
  const poi = poiOf(tx)
  if (poi === undefined) return undefined
  const initiator = Poi.account(poi, channel.initiatorId)?.balance
  const responder = Poi.account(poi, channel.responderId)?.balance
  return initiator === undefined || responder === undefined ? undefined : { initiator, responder }
}

const proves = (tx: Closing, stateHash: Uint8Array): boolean => {
  const poi = poiOf(tx)
  return poi !== undefined && Bytes.equals(Poi.stateHash(poi), stateHash)
}

const poiHash: Check<Closing> = ofChannel((channel, { tx }) => {
  if (!hasPayload(tx)) return proves(tx, channel.stateHash) ? undefined : "invalid_poi_hash_in_channel"
  const payload = Authentication.payloadOf(tx.payload)
  return payload !== undefined && proves(tx, payload.offchain.stateHash) ? undefined : "invalid_poi_hash"
})

const poiAmounts: Check<Closing> = ofChannel((channel, { tx }) => {
  const balances = balancesOf(channel, tx)
  if (balances === undefined) return "wrong_channel_peers"
  // Contracts may hold the rest.
  return balances.initiator + balances.responder <= channel.channelAmount
    ? undefined
    : "poi_amounts_change_channel_funds"
})

/** Solo transactions set the nonce they have, also that of a generalized account (to 0). */
const paidSolo = (
  context: Context<{ readonly fromId: AccountAddress; readonly fee: bigint; readonly nonce: bigint }>
): ChainState.ChainState => {
  const { state, tx } = context
  const known = ChainState.spend(state, tx.fromId, 0n, tx.nonce)
  return ChainState.collectFee(ChainState.spend(known, payerOf(context, tx.fromId), tx.fee), tx.fee)
}

/** Heights beyond what a number can count are as far away as any. @internal */
export const lockedUntil = (height: number, lockPeriod: number): number =>
  Math.min(height + lockPeriod, Number.MAX_SAFE_INTEGER)

const startClosing = (context: Context<Closing>): ChainState.ChainState => {
  const { environment, state, tx } = context
  const channel = ChainState.channel(state, tx.channelId)
  const balances = channel === undefined ? undefined : balancesOf(channel, tx)
  if (channel === undefined || balances === undefined) return state
  const payload = Authentication.payloadOf(tx.payload)
  const closing = changed(channel, {
    initiatorAmount: balances.initiator,
    responderAmount: balances.responder,
    lockedUntil: lockedUntil(environment.height, channel.lockPeriod)
  })
  const co = payload?.offchain
  const resets = environment.height >= Protocol.soloRoundResetHeight
  return ChainState.setChannel(
    paidSolo(context),
    tx.channelId,
    co === undefined
      ? closing
      : changed(closing, {
          round: co.round,
          stateHash: co.stateHash,
          soloRound: resets ? 0 : channel.soloRound
        })
  )
}

const hopeless = {
  account_not_found: 1,
  account_not_peer: 1,
  bad_offchain_state_type: 1,
  bad_state_channel_pubkey: 1,
  channel_does_not_exist: 5,
  invalid_poi_hash_in_channel: 1,
  old_round: 1,
  payload_deserialization_failed: 1,
  poi_amounts_change_channel_funds: 1,
  same_round: 1,
  signature_check_failed: 1,
  wrong_channel_peers: 1
}

/** @internal */
export const closeSolo: Rule = make({
  kind: "ChannelCloseSoloTx",
  patience: { ...hopeless, channel_not_active: 1 },
  checks: [
    channelExists(),
    soloAccount<CloseSolo>(),
    where(
      withoutPayload,
      isPeer((tx: CloseSolo) => tx.fromId)
    ),
    isActive(),
    where(hasPayload, payloadIsGood(undefined)),
    poiHash,
    poiAmounts
  ],
  effect: startClosing
})

/** @internal */
export const slash: Rule = make({
  kind: "ChannelSlashTx",
  patience: { ...hopeless, channel_not_closing: 20, slash_must_have_payload: 1 },
  checks: [
    channelExists(),
    ({ tx }) => (hasPayload(tx) ? undefined : "slash_must_have_payload"),
    soloAccount<Slash>(),
    ofChannel((channel) => (channel.lockedUntil === 0 ? "channel_not_closing" : undefined)),
    payloadIsGood(Protocol.roma),
    poiHash,
    poiAmounts
  ],
  effect: startClosing
})

/** The channel with the co-signed state of the payload. */
const snapshotOf = (channel: ChannelObject, payload: Uint8Array): ChannelObject => {
  const offchain = Authentication.payloadOf(payload)?.offchain
  return offchain === undefined
    ? channel
    : changed(channel, { round: offchain.round, stateHash: offchain.stateHash, soloRound: 0 })
}

/** @internal */
export const snapshotSolo: Rule = make({
  kind: "ChannelSnapshotSoloTx",
  patience: {
    account_not_found: 1,
    account_not_peer: 1,
    bad_offchain_state_type: 1,
    channel_does_not_exist: 5,
    channel_not_active: 1,
    old_round: 1,
    payload_deserialization_failed: 1,
    same_round: 1,
    signature_check_failed: 1,
    snapshot_must_have_payload: 1
  },
  checks: [
    channelExists(),
    ({ tx }) => (hasPayload(tx) ? undefined : "snapshot_must_have_payload"),
    soloAccount<Snapshot>(),
    isActive(),
    payloadIsGood(Protocol.iris)
  ],
  effect: (context) => {
    const { state, tx } = context
    const channel = ChainState.channel(state, tx.channelId)
    if (channel === undefined) return state
    return ChainState.setChannel(paidSolo(context), tx.channelId, snapshotOf(channel, tx.payload))
  }
})

/** What the transaction claims about the state must be so: that of the payload or, without one, of the chain. */
const claimed = (channel: ChannelObject, tx: SetDelegates): { stateHash: Uint8Array; round: number } =>
  Authentication.payloadOf(tx.payload)?.offchain ?? channel

/** @internal */
export const setDelegates: Rule = make({
  kind: "ChannelSetDelegatesTx",
  patience: {
    account_not_found: 1,
    account_not_peer: 1,
    bad_offchain_state_type: 1,
    channel_does_not_exist: 5,
    channel_not_active: 1,
    payload_deserialization_failed: 1,
    unexpected_round: 5,
    unexpected_state_hash: 5
  },
  checks: [
    channelExists(),
    soloAccount<SetDelegates>(),
    where(
      withoutPayload,
      isPeer((tx: SetDelegates) => tx.fromId)
    ),
    isActive(),
    where(hasPayload, payloadIsGood(undefined)),
    ofChannel((channel, { tx }) =>
      Bytes.equals(claimed(channel, tx).stateHash, tx.stateHash) ? undefined : "unexpected_state_hash"
    ),
    ofChannel((channel, { tx }) =>
      claimed(channel, tx).round === tx.round ? undefined : "unexpected_round"
    ),
    // A channel from before Iris has one list of delegates; the reference node cannot write two into it.
    ofChannel((channel) => (channel.version === 3 ? undefined : crash))
  ],
  effect: (context) => {
    const { state, tx } = context
    const channel = ChainState.channel(state, tx.channelId)
    if (channel === undefined) return state
    const after = snapshotOf(channel, tx.payload)
    const { initiatorDelegateIds, responderDelegateIds } = tx
    return ChainState.setChannel(
      paidSolo(context),
      tx.channelId,
      after.version === 3 ? { ...after, initiatorDelegateIds, responderDelegateIds } : after
    )
  }
})
