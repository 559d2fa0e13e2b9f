/**
 * Key and micro blocks: headers and their hashes.
 *
 * Specification: æternity serializations, block headers. Proof of work, miner and signature are zero: nobody mines
 * this chain.
 */
import * as Protocol from "../../../chain/Protocol.js"
import * as Hash from "../../../crypto/Hash.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import type { BlockHash, Encoded, TxHash } from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"
import * as Trie from "../../../state/Trie.js"

/**
 * A key block. Times are milliseconds since the epoch.
 *
 * @since 0.1.0
 * @category models
 */
export interface KeyBlock {
  readonly _tag: "KeyBlock"
  readonly hash: Encoded<"kh">
  readonly height: number
  readonly protocol: number
  /** The block before: a key block or the last micro block on one. */
  readonly prevHash: BlockHash
  readonly prevKeyHash: Encoded<"kh">
  readonly stateHash: Encoded<"bs">
  readonly timeMs: number
}

/**
 * A micro block: transactions in the order in which they took effect. Its height is that of its key block.
 *
 * @since 0.1.0
 * @category models
 */
export interface MicroBlock {
  readonly _tag: "MicroBlock"
  readonly hash: Encoded<"mh">
  readonly height: number
  readonly protocol: number
  readonly prevHash: BlockHash
  readonly prevKeyHash: Encoded<"kh">
  readonly stateHash: Encoded<"bs">
  readonly timeMs: number
  readonly txsHash: Encoded<"bx">
  readonly txHashes: ReadonlyArray<TxHash>
}

/** @internal */
export type Block = KeyBlock | MicroBlock

/** @internal */
export const noHash: Encoded<"kh"> = ApiEncoding.encode("kh", new Uint8Array(32))

interface Position {
  readonly height: number
  readonly protocol: number
  readonly prevHash: BlockHash
  readonly prevKeyHash: Encoded<"kh">
  /** 32 bytes. */
  readonly stateHash: Uint8Array
  readonly timeMs: number
}

const keyFlags = Uint8Array.of(0x80, 0, 0, 0)
const microFlags = new Uint8Array(4)
const nobody = new Uint8Array(64)
const emptyRoot = new Uint8Array(32)
/** Target (4); proof of work (42 numbers of 4) and nonce (8), which are none. */
const noWork = Bytes.concat(Bytes.uintToFixed(Protocol.onDemandTarget, 4), new Uint8Array(42 * 4 + 8))

const start = (position: Position, flags: Uint8Array): Uint8Array =>
  Bytes.concat(
    Bytes.uintToFixed(position.protocol, 4),
    flags,
    Bytes.uintToFixed(position.height, 8),
    ApiEncoding.bytesOf(position.prevHash),
    ApiEncoding.bytesOf(position.prevKeyHash),
    position.stateHash
  )

const described = ({ stateHash, ...position }: Position) => ({
  ...position,
  stateHash: ApiEncoding.encode("bs", stateHash)
})

/** @internal */
export const keyBlock = (position: Position): KeyBlock => {
  const header = Bytes.concat(
    start(position, keyFlags),
    nobody,
    noWork,
    Bytes.uintToFixed(position.timeMs, 8)
  )
  return { _tag: "KeyBlock", hash: ApiEncoding.encode("kh", Hash.blake2b256(header)), ...described(position) }
}

const transactionsRoot = (txHashes: ReadonlyArray<TxHash>): Uint8Array => {
  const trie = Trie.fromEntries(
    txHashes.map((txHash, index): Trie.Entry => [Bytes.uintToBytes(index), ApiEncoding.bytesOf(txHash)])
  )
  return Trie.rootHash(trie) ?? emptyRoot
}

/** @internal */
export const microBlock = (position: Position, txHashes: ReadonlyArray<TxHash>): MicroBlock => {
  const txsHash = transactionsRoot(txHashes)
  const header = Bytes.concat(
    start(position, microFlags),
    txsHash,
    Bytes.uintToFixed(position.timeMs, 8),
    nobody
  )
  return {
    _tag: "MicroBlock",
    hash: ApiEncoding.encode("mh", Hash.blake2b256(header)),
    ...described(position),
    txsHash: ApiEncoding.encode("bx", txsHash),
    txHashes
  }
}
