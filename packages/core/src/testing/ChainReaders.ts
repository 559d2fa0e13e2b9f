/**
 * Asking the chain of an embedded node in the same process, as a client does that checks rounds whose contracts look at
 * the chain.
 *
 * @since 0.1.0
 */
import { Effect, Layer } from "effect"
import { Crypto } from "../crypto/Crypto.js"
import { ChannelNode } from "../node/ChannelNode.js"
import * as Ledger from "../node/Ledger.js"
import * as ChainReader from "../services/ChainReader.js"

/**
 * Provides a reader of the chain of the node in the environment: blocks, balances and all else that its contracts see,
 * and what generalized accounts agree to.
 *
 * @since 0.1.0
 * @category layers
 */
export const ofNode: Layer.Layer<ChainReader.ChainReader, never, ChannelNode | Crypto> = Layer.unwrapEffect(
  Effect.map(Effect.all([ChannelNode, Crypto]), ([{ ledger }, crypto]) =>
    ChainReader.layerMemory(
      Effect.map(ledger, (chain): ChainReader.MemoryChain => {
        const { environmentAt, keyBlockAt, locate, metaFault, topHeight } = Ledger.view(chain, crypto)
        return {
          top: { height: topHeight, newest: chain.tip.hash },
          environmentAt,
          keyBlockAt,
          authenticates: ({ channelId, signedTx, txHash }) => {
            return typeof locate(txHash) === "object" || metaFault(signedTx, channelId) === undefined
          }
        }
      })
    )
  )
)
