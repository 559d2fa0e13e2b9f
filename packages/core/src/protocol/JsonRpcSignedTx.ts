/**
 * The current dialect: JSON-RPC 2.0 with `signed_tx`, spoken by nodes since July 2019 (v4.0.0).
 *
 * Specification: channel WebSocket API.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { Codec } from "./Codec.js"
import type { CodecService } from "./Codec.js"
import { signedTx } from "./internal/accent.js"
import * as JsonRpc from "./internal/jsonRpc.js"

/**
 * The codec of the dialect `json-rpc-signed-tx`, for both ends of the wire.
 *
 * A client's frame never fails to decode: what a node refuses, swallows or drops comes out as such. A node's frame
 * fails with `DecodeError` when it is no message, or a known report with broken parts; reports and values that this
 * library does not know come out as `UnknownReport` and `UnknownValue`.
 *
 * @since 0.1.0
 * @category codecs
 */
export const codec: CodecService = JsonRpc.make(signedTx)

/**
 * Provides {@link codec}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Codec> = Layer.succeed(Codec, codec)
