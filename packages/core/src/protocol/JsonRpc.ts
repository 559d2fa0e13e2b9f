/**
 * Either of the dialects that speak JSON-RPC 2.0, for a client that does not know which its node speaks: the URL is the
 * same for both, and each signing request tells by itself.
 *
 * Specification: channel WebSocket API.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import { Codec } from "./Codec.js"
import type { CodecService } from "./Codec.js"
import { either } from "./internal/accent.js"
import * as Envelope from "./internal/jsonRpc.js"

/**
 * The codec of the dialect `json-rpc`, for clients.
 *
 * A signing request is read whether it has `tx` or `signed_tx`; which it was is part of the message (`bare`), and an
 * answer with the same `bare` is written with the same member. Nothing is remembered: what holds for one request holds
 * for no other. Requests name contracts and callers in both ways, of which a node reads its own.
 *
 * At the node's end it takes either, and writes like {@link ./JsonRpcSignedTx}.
 *
 * @since 0.1.0
 * @category codecs
 */
export const codec: CodecService = Envelope.make(either)

/**
 * Provides {@link codec}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Codec> = Layer.succeed(Codec, codec)
