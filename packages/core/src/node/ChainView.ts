/**
 * What a channel's state machine may ask of the chain: pure look-ups in one ledger value.
 *
 * @since 0.1.0
 */
import type { Account } from "../chain/Account.js"
import type { ChannelObject } from "../chain/ChannelObject.js"
import type { SignedTx } from "../chain/SignedTx.js"
import type { AccountAddress, BlockHash, ChannelId, TxHash } from "../encoding/ApiEncoding.js"
import type { Environment } from "../fate/Environment.js"

/** @since 0.1.0 @category models */
export interface ChainView {
  readonly networkId: string
  /** Protocol number at the top (6 is Ceres). */
  readonly protocol: number
  /** Height of the top key block. */
  readonly topHeight: number
  /** Hash of the top key block (`kh_`). */
  readonly topHash: BlockHash
  readonly genesisHash: BlockHash
  /** Aettos per gas unit below which the mempool refuses. */
  readonly minimumGasPrice: bigint
  /** Height of a known key or micro block on the main chain; undefined when unknown. */
  readonly heightOf: (hash: BlockHash) => number | undefined
  readonly keyBlockAt: (height: number) => BlockHash | undefined
  readonly account: (id: AccountAddress) => Account | undefined
  readonly channel: (id: ChannelId) => ChannelObject | undefined
  /** The nonce after the account's and its highest waiting one that no block has failed to take. */
  readonly nextNonce: (id: AccountAddress) => bigint
  /** Whether a transaction of the account with this nonce is in a block or waits for one. */
  readonly hasUsed: (id: AccountAddress, nonce: bigint) => boolean
  /** Whether the mempool would take a transaction; otherwise the error's name. */
  readonly admits: (signedTx: SignedTx) => "ok" | { readonly refused: string }
  /** The transactions of a channel that are on the main chain, oldest first. */
  readonly channelTransactions: (id: ChannelId) => ReadonlyArray<SignedTx>
  /**
   * Where a transaction is; `blockHash` is that of the micro block. `in_vain`: a block has it, its meta transaction was
   * paid for, and what is inside failed and never takes effect.
   */
  readonly locate: (
    hash: TxHash
  ) => { readonly height: number; readonly blockHash: BlockHash } | "pending" | "in_vain" | undefined
  /**
   * Whether an account authenticates by a contract: now or, with a channel, in its off-chain transactions, for which
   * counts what the account was when the channel was created.
   */
  readonly isGeneralized: (id: AccountAddress, channelId?: ChannelId) => boolean
  /**
   * Why the meta transactions around a transaction do not authenticate it, by the reference node's names; undefined where
   * all do, or there are none. With a channel as for its off-chain transactions, else as the chain would now; what is in a
   * block was authenticated then.
   */
  readonly metaFault: (signedTx: SignedTx, channelId?: ChannelId) => string | undefined
  /**
   * What contracts see that are pinned to a block of the main chain: its facts, and the chain's state after it. Without
   * a hash, at the newest block. The same value for the same block; undefined when the block is unknown.
   */
  readonly environmentAt: (hash: BlockHash | undefined) => Environment | undefined
}

/**
 * What the chain watcher tells a state machine.
 *
 * @since 0.1.0
 * @category models
 */
export type ChainEvent =
  | { readonly _tag: "ChannelChanged"; readonly tx: SignedTx; readonly channel: ChannelObject }
  | { readonly _tag: "ChannelClosing"; readonly tx: SignedTx; readonly channel: ChannelObject }
  | { readonly _tag: "ChannelClosed"; readonly tx: SignedTx }
  | { readonly _tag: "MinimumDepthReached"; readonly txHash: TxHash }
  | { readonly _tag: "ChannelUnlocked" }
