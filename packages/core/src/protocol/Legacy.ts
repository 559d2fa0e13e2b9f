/**
 * The oldest dialect: frames of `action`, `tag` and `payload`, which nodes spoke until March 2019. Like in the dialect
 * after it, signing requests show the transaction alone, and the node adds the signature of the answer to those it has.
 *
 * Requests have no ids. A value comes under the names of its request; what has no value is not answered at all.
 *
 * Specification: channel WebSocket API, releases of 2018.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { Codec } from "./Codec.js"
import type { CodecService } from "./Codec.js"
import * as Envelope from "./internal/legacy.js"

/**
 * The codec of the dialect `legacy`, for both ends of the wire, as nodes spoke it from November 2018 on. It reads the
 * older frames as well.
 *
 * @since 0.1.0
 * @category codecs
 */
export const codec: CodecService = Envelope.make({ oldest: false })

/**
 * The same as of July 2018: ids and transactions are written with `$` and in base58, and frames of nodes have neither
 * `channel_id` nor `version` nor `updates`.
 *
 * @since 0.1.0
 * @category codecs
 */
export const oldest: CodecService = Envelope.make({ oldest: true })

/**
 * Provides {@link codec}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Codec> = Layer.succeed(Codec, codec)
