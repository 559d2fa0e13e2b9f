/**
 * Reads of the chain by contracts, as values: what was asked for when a run could not go on without it.
 *
 * @since 0.1.0
 */

/**
 * A read of the chain's state after the block that an update is pinned to: facts of that block itself, an account's
 * balance, the hash of the key block at a height, and so on. Keys have 32 bytes; `name` is text with its `.chain`.
 *
 * @since 0.1.0
 * @category models
 */
export type ChainRead =
  | { readonly _tag: "Block" }
  | { readonly _tag: "Balance"; readonly account: Uint8Array }
  | { readonly _tag: "BlockHash"; readonly height: number }
  | { readonly _tag: "IsContract"; readonly contract: Uint8Array }
  | { readonly _tag: "IsPayable"; readonly account: Uint8Array }
  | { readonly _tag: "Oracle"; readonly oracle: Uint8Array }
  | { readonly _tag: "OracleQuery"; readonly oracle: Uint8Array; readonly query: Uint8Array }
  | { readonly _tag: "Name"; readonly name: Uint8Array }
