/**
 * The dialects by the names the command line has for them.
 *
 * @since 0.1.0
 */
import type { Codec } from "@aechannel/core/protocol/Codec"
import * as JsonRpc from "@aechannel/core/protocol/JsonRpc"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import * as JsonRpcTx from "@aechannel/core/protocol/JsonRpcTx"
import * as Legacy from "@aechannel/core/protocol/Legacy"
import type * as Layer from "effect/Layer"

/**
 * `signed_tx`: nodes since July 2019. `tx`: JSON-RPC before that. `legacy`: action, tag and payload.
 *
 * @since 0.1.0
 * @category models
 */
export const names = ["signed_tx", "tx", "legacy"] as const

/** @since 0.1.0 @category models */
export type Dialect = (typeof names)[number]

const layers: { readonly [D in Dialect]: Layer.Layer<Codec> } = {
  signed_tx: JsonRpcSignedTx.layer,
  tx: JsonRpcTx.layer,
  legacy: Legacy.layer
}

/** @since 0.1.0 @category layers */
export const layer = (dialect: Dialect): Layer.Layer<Codec> => layers[dialect]

/** For a client that does not know its node: whatever of the two JSON-RPC dialects it is asked in. @since 0.1.0 @category layers */
export const detected: Layer.Layer<Codec> = JsonRpc.layer
