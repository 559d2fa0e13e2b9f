/**
 * The dialect of October 2018 to July 2019: JSON-RPC 2.0 with `tx`. Signing requests show the transaction alone, and the
 * node adds the signature of the answer to those it has.
 *
 * Specification: channel WebSocket API, releases v1 to v3.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { Codec } from "./Codec.js"
import type { CodecService } from "./Codec.js"
import { tx } from "./internal/accent.js"
import * as JsonRpc from "./internal/jsonRpc.js"

/**
 * The codec of the dialect `json-rpc-tx`, for both ends of the wire.
 *
 * Also read are texts of 2018 (`tx_` in base58, `$` in place of `_`) and notifications whose `params` are the data
 * themselves. A node's reports leave out what this dialect does not tell, and those it does not have.
 *
 * @since 0.1.0
 * @category codecs
 */
export const codec: CodecService = JsonRpc.make(tx)

/**
 * Provides {@link codec}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Codec> = Layer.succeed(Codec, codec)
