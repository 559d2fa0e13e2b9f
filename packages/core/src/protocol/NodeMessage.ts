/**
 * What a node tells its client, in one vocabulary for all dialects: reports, signing requests and replies.
 *
 * Specification: channel WebSocket API, node to client messages.
 *
 * @since 0.1.0
 */
import type { Redacted } from "effect"
import type { SignedTx } from "../chain/SignedTx.js"
import type { CallObject } from "../chain/CallObject.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import type { AccountAddress, ChannelId, ContractId, Encoded } from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import type { Json } from "../encoding/Json.js"
import type { Update } from "../state/Update.js"
import type { SignTag } from "./SignTag.js"

/**
 * The secret by which a client comes back to its state machine in the node (`ba_…`, 32 bytes).
 *
 * @since 0.1.0
 * @category models
 */
export type FsmId = Redacted.Redacted<Encoded<"ba">>

/** Events of `channels.info`. @since 0.1.0 @category tables */
export const infoEvents = [
  "fsm_up",
  "channel_open",
  "channel_accept",
  "funding_created",
  "funding_signed",
  "own_funding_locked",
  "funding_locked",
  "open",
  "update",
  "deposit_created",
  "withdraw_created",
  "own_deposit_locked",
  "own_withdraw_locked",
  "deposit_locked",
  "withdraw_locked",
  "shutdown",
  "closing",
  "close_mutual",
  "closed_confirmed",
  "channel_reestablished",
  "peer_disconnected",
  "aborted_update",
  "timeout",
  "died",
  "bad_signature",
  "bad_state_hash",
  "not_create_tx",
  "zombie_channel",
  "min_depth_achieved",
  "minimum_depth_achieved",
  "deposit_update",
  "withdraw_update"
] as const
/** An event of `channels.info`. @since 0.1.0 @category models */
export type InfoEvent = (typeof infoEvents)[number]

/** Kinds of `channels.on_chain_tx`. @since 0.1.0 @category tables */
export const onChainInfos = [
  "funding_created",
  "funding_signed",
  "deposit_created",
  "deposit_signed",
  "withdraw_created",
  "withdraw_signed",
  "close_mutual",
  "channel_changed",
  "solo_closing",
  "can_slash",
  "can_snapshot",
  "consumed_forced_progress",
  "channel_closed"
] as const
/** A kind of `channels.on_chain_tx`. @since 0.1.0 @category models */
export type OnChainInfo = (typeof onChainInfos)[number]

/** `channels.info`. @since 0.1.0 @category models */
export interface Info {
  readonly _tag: "Info"
  readonly event: InfoEvent
  /** With `fsm_up`, `funding_created`, `funding_signed`. */
  readonly fsmId?: FsmId
  /** With `min_depth_achieved`: the transaction's type; with `minimum_depth_achieved`: `tx_type`. */
  readonly txType?: string
  /** With both minimum depth events. Raw text, since some nodes send undecodable bytes. */
  readonly txHash?: string
  /** With `minimum_depth_achieved`. */
  readonly notice?: string
}
/** `channels.on_chain_tx`: a transaction of this channel was made, seen or concluded. @since 0.1.0 @category models */
export interface OnChainTx {
  readonly _tag: "OnChainTx"
  /** Absent in the oldest dialects. */
  readonly info?: OnChainInfo
  /** Absent in the oldest dialects. */
  readonly type?: string
  readonly tx: SignedTx
}
/** `channels.update`: the latest co-signed state. @since 0.1.0 @category models */
export interface StateUpdate {
  readonly _tag: "StateUpdate"
  readonly state: SignedTx
}
/** `channels.leave`: the state with which the session ended. @since 0.1.0 @category models */
export interface LeaveReport {
  readonly _tag: "LeaveReport"
  readonly state: SignedTx
}
/** `channels.conflict`: an operation ended and both sides fell back to `round`. @since 0.1.0 @category models */
export interface Conflict {
  readonly _tag: "Conflict"
  readonly round: number
  /** 1 validation, 2 conflict, 3 timeout, 4 abort, 5 rejected on chain, 128…65535 user defined. Absent in the oldest dialects. */
  readonly errorCode?: number
  readonly errorMessage?: string
}
/** `channels.message`: a text from the peer. @since 0.1.0 @category models */
export interface MessageReport {
  readonly _tag: "MessageReport"
  readonly from: AccountAddress
  readonly to: AccountAddress
  readonly info: string
}
/** `channels.error`: why the node gave something up. @since 0.1.0 @category models */
export interface ErrorReport {
  readonly _tag: "ErrorReport"
  readonly message: string
}
/** `channels.debug`. @since 0.1.0 @category models */
export interface DebugReport {
  readonly _tag: "DebugReport"
  readonly data: Json
}
/** `channels.sign.*`: the node asks for a signature. @since 0.1.0 @category models */
export interface SignRequest {
  readonly _tag: "SignRequest"
  readonly tag: SignTag
  /** Holds the signatures made so far, unless it is `bare`. */
  readonly signedTx: SignedTx
  readonly updates: ReadonlyArray<Update>
  /**
   * The older dialects show the transaction alone: whether the peer has signed it is not to be seen before the
   * co-signed state is reported. The answer says `bare` as well and brings the own signature only.
   */
  readonly bare?: true
}
/** A notification that this library does not know; kept whole so that nothing is lost. @since 0.1.0 @category models */
export interface UnknownReport {
  readonly _tag: "UnknownReport"
  readonly method: string
  readonly data: Json
}

/** What a node says of its own accord. @since 0.1.0 @category models */
export type Report =
  | Info
  | OnChainTx
  | StateUpdate
  | LeaveReport
  | Conflict
  | MessageReport
  | ErrorReport
  | DebugReport
  | SignRequest
  | UnknownReport

/** One account with its off-chain balance in aettos. @since 0.1.0 @category models */
export interface Balance {
  readonly account: AccountAddress
  readonly balance: bigint
}
/** A contract call's result. @since 0.1.0 @category models */
export interface ContractCallResult {
  readonly callerId: AccountAddress
  readonly callerNonce: bigint
  readonly height: number
  readonly contractId: ContractId
  readonly gasPrice: bigint
  readonly gasUsed: bigint
  readonly log: ReadonlyArray<{
    readonly address: ContractId
    readonly topics: ReadonlyArray<bigint>
    readonly data: Uint8Array
  }>
  readonly returnType: "ok" | "error" | "revert"
  readonly returnValue: Uint8Array
}

/**
 * The result of a call, as a node tells it, from the call object in a channel's state.
 *
 * @since 0.1.0
 * @category constructors
 */
export const contractCallResult = (call: CallObject): ContractCallResult => ({
  callerId: ApiEncoding.encode("ak", ApiEncoding.bytesOf(call.callerId)),
  callerNonce: call.callerNonce,
  height: call.height,
  contractId: call.contractId,
  gasPrice: call.gasPrice,
  gasUsed: call.gasUsed,
  returnType: call.returnType,
  returnValue: call.returnValue,
  log: call.log.map(({ address, data, topics }) => ({
    address: ApiEncoding.encode("ct", address),
    topics: topics.map(Bytes.toBigInt),
    data
  }))
})
/** An entry of the node's log. @since 0.1.0 @category models */
export interface HistoryEntry {
  readonly type: "report" | "receive" | "send" | "request"
  readonly tag: string
  /** RFC 3339 with microseconds. */
  readonly time: string
  readonly info: Json
}

/**
 * The value of a successful reply.
 *
 * @since 0.1.0
 * @category models
 */
export type ReplyValue =
  | { readonly _tag: "Ok" }
  | { readonly _tag: "Pong" }
  | { readonly _tag: "Balances"; readonly balances: ReadonlyArray<Balance> }
  | { readonly _tag: "Poi"; readonly poi: Encoded<"pi"> }
  | {
      readonly _tag: "OffChainState"
      readonly trees: Encoded<"ss">
      readonly calls: Encoded<"cs">
      readonly signedTx: SignedTx | undefined
      readonly halfSignedTx: SignedTx | undefined
    }
  | { readonly _tag: "ContractCallResult"; readonly call: ContractCallResult }
  | { readonly _tag: "Contract"; readonly contract: Json; readonly store: Json }
  | { readonly _tag: "CallsPruned" }
  | { readonly _tag: "History"; readonly entries: ReadonlyArray<HistoryEntry> }
  /** An empty list, which without its request may be balances or history. */
  | { readonly _tag: "EmptyList" }
  /** A value that this library does not know; kept whole. */
  | { readonly _tag: "UnknownValue"; readonly value: Json }

/**
 * A refusal: the top-level code and its data codes (the table is in {@link ./ErrorCodes}).
 *
 * @since 0.1.0
 * @category models
 */
export interface Refusal {
  readonly _tag: "Refusal"
  readonly code: number
  readonly data: ReadonlyArray<number>
}

/** Everything a node can send. @since 0.1.0 @category models */
export type NodeMessage =
  | { readonly _tag: "Reported"; readonly channelId: ChannelId | null; readonly report: Report }
  /** A reply; `id` is absent for values that were asked for without an id and came as `….reply`. */
  | {
      readonly _tag: "Replied"
      readonly channelId: ChannelId | null
      readonly id?: Json
      readonly value: ReplyValue
    }
  | {
      readonly _tag: "Refused"
      readonly channelId: ChannelId | null
      readonly id: Json
      readonly code: number
      readonly message: string
      /** Absent and empty differ on the wire only; here absent is empty. */
      readonly data: ReadonlyArray<{ readonly code: number; readonly message: string }>
      /** The request, as the node echoes it. */
      readonly request: Json
      /** The request as it was sent, where nodes echo it in another form (legacy). */
      readonly asked?: Json
    }
