/**
 * The parameters of an opening: the query string of the channel URL as a value.
 *
 * Specification: channel WebSocket API, opening parameters.
 *
 * @since 0.1.0
 */
import type { AccountAddress, ChannelId } from "../encoding/ApiEncoding.js"
import * as Query from "./internal/query.js"
import type { FsmId, Refusal } from "./NodeMessage.js"

/** Which end of the channel a party is: the initiator pays the opening fee. @since 0.1.0 @category models */
export type Role = "initiator" | "responder"

/** How `minimumDepth` is read: as a factor of the transaction's fee, or as a number of blocks. @since 0.1.0 @category models */
export type MinimumDepthStrategy = "txfee" | "plain"

/** Classes of reports that can be switched off. @since 0.1.0 @category models */
export type ReportClass =
  | "info"
  | "update"
  | "leave"
  | "conflict"
  | "message"
  | "error"
  | "debug"
  | "on_chain_tx"
  | "min_depth"

/** Names of the state machine's timers; values are milliseconds. @since 0.1.0 @category models */
export type TimerName =
  | "idle"
  | "funding_create"
  | "funding_sign"
  | "funding_lock"
  | "sign"
  | "accept"
  | "initialized"
  | "awaiting_open"

/** The terms of a channel, on which both parties must agree. @since 0.1.0 @category models */
export interface ChannelTerms {
  readonly initiatorId: AccountAddress
  readonly responderId: AccountAddress
  /** Aettos the initiator puts in. */
  readonly initiatorAmount: bigint
  /** Aettos the responder puts in. */
  readonly responderAmount: bigint
  /** Aettos moved from initiator to responder in the first state. */
  readonly pushAmount: bigint
  /** Aettos below which no party's balance may fall by its own payment. */
  readonly channelReserve: bigint
  /** Blocks that a solo close can be disputed. */
  readonly lockPeriod: number
}

/**
 * Everything an opening can carry. Only what is given is sent; the node's defaults are in the docstrings.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenParameters extends ChannelTerms {
  readonly role: Role
  /** The responder's node, for the initiator. Default of the library: `localhost`. */
  readonly host?: string
  /** Port on which the responder's node listens for the initiator's node. */
  readonly port: number
  /** Default 10 with `txfee`, 3 with `plain`. */
  readonly minimumDepth?: number
  /** Default `txfee`. */
  readonly minimumDepthStrategy?: MinimumDepthStrategy
  /** Default ttl (height) of later on-chain transactions; 0, the default, is no limit. */
  readonly ttl?: number
  /** Fee of the create transaction, in aettos. */
  readonly fee?: bigint
  /** Gas price of the create transaction. */
  readonly gasPrice?: bigint
  /** Nonce of the create transaction. */
  readonly nonce?: bigint
  /** Whether messages may name any sender and receiver. Default false. */
  readonly msgForwarding?: boolean
  /** Whether the responder's state machine outlives its peer's and its own timers: it then waits for its initiator for ever. Default true. */
  readonly keepRunning?: boolean
  /** Entries of the node's log that are kept. Default 10. */
  readonly logKeep?: number
  /** A label for the node's logs. */
  readonly slogan?: string
  /** Milliseconds. */
  readonly timeouts?: Partial<Record<TimerName, number>>
  readonly reports?: Partial<Record<ReportClass, boolean>>
  readonly blockHashDelta?: {
    readonly notOlderThan: number
    readonly notNewerThan: number
    readonly pick: number
  }
}

/**
 * What a responder's client may leave open: with `any` it takes the initiator that comes.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestedParameters extends Omit<OpenParameters, "initiatorId"> {
  readonly initiatorId: AccountAddress | "any"
}

/**
 * What brings a client back to its channel. All other parameters are those of the opening.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReconnectParameters {
  readonly role: Role
  readonly channelId: ChannelId
  /** The latest one received, on any socket. */
  readonly fsmId: FsmId
  /** The responder's node, for the initiator. Default of the library: `localhost`. */
  readonly host?: string
  readonly port: number
}

/**
 * How a connection is to be spoken on, as the URL names it. Both dialects of JSON-RPC have one name.
 *
 * @since 0.1.0
 * @category models
 */
export type Protocol = "json-rpc" | "legacy"

/**
 * What a query string asks of a node.
 *
 * - `Open`, `Reconnect`: go on
 * - `Refused`: send this refusal, then close with 1000
 * - `Closed`: close with 1000 and say nothing
 * - `Crashed`: close with 1011 and say nothing (unknown `protocol`)
 *
 * @since 0.1.0
 * @category models
 */
export type OpenQuery =
  | {
      readonly _tag: "Open"
      readonly parameters: RequestedParameters
    }
  | ({ readonly _tag: "Reconnect" } & ReconnectParameters)
  | { readonly _tag: "Refused"; readonly refusal: Refusal }
  | { readonly _tag: "Closed"; readonly reason: string }
  | { readonly _tag: "Crashed" }

/**
 * The query string (without `?`) with which a client opens a channel or comes back to one. Only what is given is
 * written. The text of a reconnect holds the `fsm_id`, a secret: do not log it. The protocol is `json-rpc` unless given.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toQuery: (
  parameters: OpenParameters | RequestedParameters | ReconnectParameters,
  protocol?: Protocol
) => string = Query.write

/**
 * The protocol that a query string names, or `undefined` where it names none that is known.
 *
 * @since 0.1.0
 * @category decoding
 */
export const protocolOf: (query: string) => Protocol | undefined = Query.protocolOf

/**
 * Reads a query string as a node does, with its checks in its order. Never fails: bad queries have outcomes of their
 * own. `accountExists` tells whether an account is on the chain; `channelKnown` whether a channel is (an existing one
 * is asked for before its `fsm_id`).
 *
 * `spoken` are the protocols that the node speaks, `json-rpc` alone unless given; another one ends in `Crashed`.
 *
 * An integer that a field cannot hold (beyond the safe ones) closes the connection where it is a lock period and is
 * cut to the nearest safe integer elsewhere.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parseQuery: (
  query: string,
  accountExists?: (id: AccountAddress) => boolean,
  channelKnown?: (id: ChannelId, role: Role) => boolean,
  spoken?: ReadonlyArray<Protocol>
) => OpenQuery = Query.read
