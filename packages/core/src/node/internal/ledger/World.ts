/**
 * What contracts see of the simulated chain: facts of a block and the state after it. There are no oracles, no names and
 * no miners; blocks are made on demand, without work.
 *
 * @internal
 */
import * as Fee from "../../../chain/Fee.js"
import * as Protocol from "../../../chain/Protocol.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import type { ChainReads, Environment } from "../../../fate/Environment.js"
import * as Trees from "../../../state/Trees.js"
import * as Trie from "../../../state/Trie.js"

/** Of a chain and a block of it; times are milliseconds, the height is that of the generation. @internal */
export interface Place {
  readonly networkId: string
  readonly protocol: number
  readonly height: number
  readonly timestamp: number
  /** The hash (32 bytes) of the key block at a height; there are none between the genesis block and the first. */
  readonly blockHash: (height: number) => Uint8Array | undefined
}

const nobody = new Uint8Array(32)
const difficulty = BigInt(Protocol.onDemandTarget)
const noHash = new Uint8Array(32)

const readsOf = (trees: Trees.Trees, blockHash: Place["blockHash"]): ChainReads => {
  const account = (key: Uint8Array) =>
    key.length === 32 ? Trees.account(trees, ApiEncoding.encode("ak", key)) : undefined
  return {
    balance: (key) => account(key)?.balance,
    blockHash: (height) => blockHash(height) ?? noHash,
    isContract: (key) => key.length === 32 && Trie.has(trees.contracts, key),
    isPayable: (key) => ((account(key)?.flags ?? 0) & 1) === 0,
    oracle: () => undefined,
    oracleQuery: () => undefined,
    name: () => undefined
  }
}

/** @internal */
export const environment = (
  { blockHash, height, networkId, protocol, timestamp }: Place,
  trees: Trees.Trees
): Environment => ({
  networkId,
  protocol,
  block: { _tag: "PinnedBlock", height, timestamp, beneficiary: nobody, difficulty },
  gasLimit: Number(Fee.blockGasLimit),
  chain: readsOf(trees, blockHash)
})
