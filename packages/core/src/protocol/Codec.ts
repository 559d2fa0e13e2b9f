/**
 * The codec: frame texts of one dialect on one side, the domain vocabulary on the other.
 *
 * @since 0.1.0
 */
import { Context, type Effect } from "effect"
import type { ChannelId } from "../encoding/ApiEncoding.js"
import type { DecodeError } from "../encoding/DecodeError.js"
import type { Json } from "../encoding/Json.js"
import type { NodeMessage, Refusal, ReplyValue, Report } from "./NodeMessage.js"
import type { Request } from "./Request.js"

/**
 * What a codec speaks: one of the three generations of the API, or (`json-rpc`) either of the newer two, as the other
 * end does. See {@link dialects}.
 *
 * @since 0.1.0
 * @category models
 */
export type Dialect = "legacy" | "json-rpc-tx" | "json-rpc-signed-tx" | "json-rpc"

/**
 * What sets a dialect apart.
 *
 * @since 0.1.0
 * @category models
 */
export interface DialectRow {
  /** The module whose `codec` and `layer` speak it. */
  readonly module: string
  /** Nodes that speak it. */
  readonly nodes: string
  /** The value of `protocol` in the URL. The newer two share one: a client sees which it is from what it is asked. */
  readonly protocol: "legacy" | "json-rpc"
  readonly envelope: string
  /** Member of signing requests and replies that holds the transaction. */
  readonly signingKey: string
  /**
   * Who brings the signatures together. `signer`: a request shows those made so far, and the reply brings them back
   * with one more. `node`: a request shows the transaction alone, the reply brings the own signature alone; whether the
   * peer has signed shows only when the co-signed state is reported. An acknowledger is then where a starter always
   * is: what it signs may come into force later, or not at all.
   */
  readonly merges: "signer" | "node" | "as asked"
  /** Whether requests carry ids, and every one that does is answered. */
  readonly ids: boolean
  /** Requests that nodes of this dialect do not know; they refuse them with -32601 (`unhandled`). */
  readonly lacks: ReadonlyArray<Request["_tag"]>
  /** What reports and refusals do not tell. */
  readonly silentAbout: ReadonlyArray<string>
}

const newInSignedTx: ReadonlyArray<Request["_tag"]> = [
  "ForceProgress",
  "AssumeMinimumDepth",
  "FetchHistory",
  "SnapshotSolo",
  "Stop",
  "SigningError"
]

const soloRequests: ReadonlyArray<Request["_tag"]> = ["CloseSolo", "Slash", "Settle"]

const silent: ReadonlyArray<string> = [
  "why a conflict arose",
  "the type and the kind of an on-chain transaction",
  "on-chain transactions other than those that were just made",
  "refused openings",
  "data codes from 108 on, apart from 1001 to 1010"
]

/**
 * The dialects, one row each.
 *
 * @since 0.1.0
 * @category tables
 */
export const dialects = {
  legacy: {
    module: "Legacy",
    nodes: "2018 to March 2019 (v0.x to v2.x)",
    protocol: "legacy",
    envelope: "action, tag, payload",
    signingKey: "tx",
    merges: "node",
    ids: false,
    lacks: [...newInSignedTx, ...soloRequests, "Ping"],
    silentAbout: silent
  },
  "json-rpc-tx": {
    module: "JsonRpcTx",
    nodes: "October 2018 to July 2019 (v1.x to v3.x)",
    protocol: "json-rpc",
    envelope: "JSON-RPC 2.0",
    signingKey: "tx",
    merges: "node",
    ids: true,
    lacks: [...newInSignedTx, ...soloRequests],
    silentAbout: silent
  },
  "json-rpc-signed-tx": {
    module: "JsonRpcSignedTx",
    nodes: "since July 2019 (v4.0.0)",
    protocol: "json-rpc",
    envelope: "JSON-RPC 2.0",
    signingKey: "signed_tx",
    merges: "signer",
    ids: true,
    lacks: ["NewContractFromOnChain"],
    silentAbout: []
  },
  "json-rpc": {
    module: "JsonRpc",
    nodes: "either of the two that speak JSON-RPC",
    protocol: "json-rpc",
    envelope: "JSON-RPC 2.0",
    signingKey: "tx or signed_tx, as asked",
    merges: "as asked",
    ids: true,
    lacks: [],
    silentAbout: []
  }
} as const satisfies { readonly [D in Dialect]: DialectRow }

/**
 * A request as it reached the node: the request itself, or what a node does with one it cannot take.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientCall {
  /** Present (also as `null`) when a reply by id is wanted. */
  readonly id?: Json
  /** The request object as it came; echoed in refusals. */
  readonly raw: Json
  readonly request:
    | Request
    | Refusal
    /**
     * A request whose handling fails inside a real node without an error reply: nothing without an id, `"ok"`
     * with one. Under `helpfulErrors` it is refused with -32603.
     */
    | Swallowed
}

/**
 * See {@link ClientCall}. A `silent` one breaks the node's handler while it prints the reply: then not even a call
 * with an id, nor any other call of the same batch, is answered.
 *
 * @since 0.1.0
 * @category models
 */
export interface Swallowed {
  readonly _tag: "Swallowed"
  readonly error: DecodeError
  readonly silent?: true
}

/** A frame as it reached the node. @since 0.1.0 @category models */
export type ClientFrame =
  | { readonly _tag: "Calls"; readonly batch: boolean; readonly calls: ReadonlyArray<ClientCall> }
  /** The protocol gives no reply to such a frame; the reason is for logs. */
  | { readonly _tag: "Dropped"; readonly reason: DecodeError }

/** What a node answers to one call. @since 0.1.0 @category models */
export type Answer =
  | { readonly _tag: "NoReply" }
  | { readonly _tag: "Value"; readonly value: ReplyValue }
  | Refusal

/**
 * The functions of a dialect. All are pure.
 *
 * @since 0.1.0
 * @category models
 */
export interface CodecService {
  readonly dialect: Dialect
  /** Client: the frame of a request; without `id` no reply by id is wanted. */
  readonly encodeRequest: (request: Request, id?: Json) => string
  /** Client: the messages of a node's frame (several if it is a batch reply). */
  readonly decodeNodeFrame: (text: string) => Effect.Effect<ReadonlyArray<NodeMessage>, DecodeError>
  /** Node: the calls of a client's frame. Never fails: each bad call carries its refusal. */
  readonly decodeClientFrame: (text: string) => ClientFrame
  /** Node: the frame that answers the calls (same order and number), or nothing when none is due. */
  readonly encodeAnswers: (
    frame: Extract<ClientFrame, { readonly _tag: "Calls" }>,
    answers: ReadonlyArray<Answer>,
    channelId: ChannelId | null
  ) => string | undefined
  /** Node: the frame of a report, or nothing when the dialect has no such report. */
  readonly encodeReport: (report: Report, channelId: ChannelId | null) => string | undefined
  /** Node: the frame that refuses an opening before the socket is closed. */
  readonly encodeOpenRefusal: (refusal: Refusal) => string | undefined
}

/**
 * The dialect in use.
 *
 * @since 0.1.0
 * @category tags
 */
export class Codec extends Context.Tag("@aechannel/core/Codec")<Codec, CodecService>() {}
