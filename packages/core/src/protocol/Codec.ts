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

/** The three generations of the API. @since 0.1.0 @category models */
export type Dialect = "legacy" | "json-rpc-tx" | "json-rpc-signed-tx"

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
