/**
 * Channels, as they stand in the channels tree on chain.
 *
 * Specification: æternity serializations (channel).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { AccountAddress, ChannelId } from "../encoding/ApiEncoding.js"
import * as DecodeError from "../encoding/DecodeError.js"
import type { Json } from "../encoding/Json.js"
import {
  binary,
  id,
  int,
  list,
  objectCodec,
  readObjectOrThrow,
  safeInt,
  sequence,
  sortKeys,
  stateHash,
  unexpectedObject
} from "./internal/fields.js"
import * as Protocol from "./Protocol.js"

const tag = 58
const account = id("ak")

const money = {
  initiatorId: account,
  responderId: account,
  channelAmount: int,
  initiatorAmount: int,
  responderAmount: int,
  channelReserve: int
}
const commonDelegates = { delegateIds: list(account) }
const sideDelegates = { initiatorDelegateIds: list(account), responderDelegateIds: list(account) }
const progress = { stateHash, round: safeInt, soloRound: safeInt, lockPeriod: safeInt, lockedUntil: safeInt }
const auths = { initiatorAuth: binary("ba"), responderAuth: binary("ba") }

const state = sequence({ ...money, ...progress })
const version1 = objectCodec(tag, 1, { ...money, ...commonDelegates, ...progress })
const version2 = objectCodec(tag, 2, { ...money, ...commonDelegates, ...progress, ...auths })
const version3 = objectCodec(tag, 3, { ...money, ...sideDelegates, ...progress, ...auths })

/**
 * What all versions of a channel have: amounts in aettos, rounds, and heights in blocks. `lockedUntil` is 0 while
 * the channel is active; `soloRound` is the first forced round or 0.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChannelState {
  readonly initiatorId: AccountAddress
  readonly responderId: AccountAddress
  readonly channelAmount: bigint
  readonly initiatorAmount: bigint
  readonly responderAmount: bigint
  readonly channelReserve: bigint
  readonly stateHash: Uint8Array
  readonly round: number
  readonly soloRound: number
  readonly lockPeriod: number
  readonly lockedUntil: number
}

/**
 * How the two parties authenticated when the channel was created: empty for a plain account, else the hash of
 * the authentication function (32 bytes) and the contract (32 bytes).
 *
 * @since 0.1.0
 * @category models
 */
export interface ChannelAuths {
  readonly initiatorAuth: Uint8Array
  readonly responderAuth: Uint8Array
}

/**
 * A channel on chain: version 1 at Roma and Minerva, 2 at Fortuna and Lima, 3 from Iris on, where each side has
 * its own delegates.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelObject =
  | (ChannelState & { readonly version: 1; readonly delegateIds: ReadonlyArray<AccountAddress> })
  | (ChannelState &
      ChannelAuths & { readonly version: 2; readonly delegateIds: ReadonlyArray<AccountAddress> })
  | (ChannelState &
      ChannelAuths & {
        readonly version: 3
        readonly initiatorDelegateIds: ReadonlyArray<AccountAddress>
        readonly responderDelegateIds: ReadonlyArray<AccountAddress>
      })

/**
 * The version channels are created in at a protocol version.
 *
 * @since 0.1.0
 * @category accessors
 */
export const versionAt = (protocol: number): ChannelObject["version"] =>
  protocol >= Protocol.iris ? 3 : protocol >= Protocol.fortuna ? 2 : 1

/**
 * The serialized channel.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (channel: ChannelObject): Uint8Array => {
  switch (channel.version) {
    case 1:
      return version1.encode(channel)
    case 2:
      return version2.encode(channel)
    case 3:
      return version3.encode(channel)
  }
}

/**
 * Reads a serialized channel; see `decode`. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category internal
 */
export const decodeOrThrow = (bytes: Uint8Array): ChannelObject =>
  readObjectOrThrow("channel", bytes, (header): ChannelObject => {
    if (header.tag !== tag) throw unexpectedObject(header, "channel")
    switch (header.version) {
      case 1:
        return { version: 1, ...version1.fromItemsOrThrow(header.items) }
      case 2:
        return { version: 2, ...version2.fromItemsOrThrow(header.items) }
      case 3:
        return { version: 3, ...version3.fromItemsOrThrow(header.items) }
      default:
        throw unexpectedObject(header, "channel")
    }
  })

/**
 * Reads a serialized channel. Fails with `DecodeError`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<ChannelObject, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))

/**
 * The node's JSON for a channel, keys in alphabetical order.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toClientForm = (
  channelId: ChannelId,
  channel: ChannelObject
): { readonly [key: string]: Json } => {
  const form =
    channel.version === 3
      ? {
          ...state.toClient(channel),
          delegate_ids: { initiator: channel.initiatorDelegateIds, responder: channel.responderDelegateIds }
        }
      : { ...state.toClient(channel), delegate_ids: channel.delegateIds }
  return sortKeys({ ...form, id: channelId })
}
