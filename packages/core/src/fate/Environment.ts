/**
 * What a contract may see of the world: the pinned block, and reads of the chain's state after it.
 *
 * Specification: æternity FATE virtual machine, environment; channels, pinned environment.
 *
 * @since 0.1.0
 */
import type { ChainRead } from "../state/ChainRead.js"

/**
 * The environment of a run.
 *
 * - `protocol` of the pinned key block
 * - `block`: the facts of the pinned block that contracts can ask for, or {@link Unavailable}
 * - `gasLimit` of a block, 6,000,000
 * - `authentication` only while the authentication function of a generalized account runs
 *
 * @since 0.1.0
 * @category models
 */
export interface Environment {
  readonly networkId: string
  readonly protocol: number
  readonly block: PinnedBlock | Unavailable
  readonly gasLimit: number
  readonly chain: ChainReads
  readonly authentication?: { readonly txHash: Uint8Array }
}

/**
 * The pinned block: height, beneficiary (32 bytes) and difficulty are those of its key block (of the generation, for a
 * micro block), `timestamp` (ms) is a micro block's own, for a key block its time and one more.
 *
 * @since 0.1.0
 * @category models
 */
export interface PinnedBlock {
  readonly _tag: "PinnedBlock"
  readonly height: number
  readonly timestamp: number
  readonly beneficiary: Uint8Array
  readonly difficulty: bigint
}

/**
 * An answer of the chain that cannot be given. The run that asked for it has no outcome: nobody guesses.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unavailable {
  readonly _tag: "Unavailable"
  readonly read: ChainRead
}

/** @since 0.1.0 @category constructors */
export const unavailable = (read: ChainRead): Unavailable => ({ _tag: "Unavailable", read })

/**
 * Read-only look-ups in the chain's state after the pinned block. `undefined` means that there is no such thing on the
 * chain; {@link Unavailable} that this view cannot say.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChainReads {
  /** In aettos; `undefined` without an account. */
  readonly balance: (account: Uint8Array) => bigint | undefined | Unavailable
  /** The key block at a height, 32 bytes. */
  readonly blockHash: (height: number) => Uint8Array | undefined | Unavailable
  readonly isContract: (contract: Uint8Array) => boolean | Unavailable
  /** True for an unknown account. */
  readonly isPayable: (account: Uint8Array) => boolean | Unavailable
  readonly oracle: (oracle: Uint8Array) => OracleState | undefined | Unavailable
  readonly oracleQuery: (oracle: Uint8Array, query: Uint8Array) => OracleQueryState | undefined | Unavailable
  /** `name` is the text with its `.chain`. */
  readonly name: (name: Uint8Array) => NameState | undefined | Unavailable
}

/** An oracle on chain; formats are serialized FATE types for ABI 3. @since 0.1.0 @category models */
export interface OracleState {
  readonly abiVersion: number
  readonly queryFormat: Uint8Array
  readonly responseFormat: Uint8Array
  /** In aettos. */
  readonly queryFee: bigint
  /** The height at which it expires. */
  readonly ttl: number
}

/** A query on chain; question and answer are serialized values. @since 0.1.0 @category models */
export interface OracleQueryState {
  readonly question: Uint8Array
  readonly answer: Uint8Array | undefined
}

/** A name on chain. `revoked` names do not resolve. @since 0.1.0 @category models */
export interface NameState {
  readonly owner: Uint8Array
  readonly ttl: number
  readonly revoked: boolean
  readonly pointers: ReadonlyArray<{
    readonly key: Uint8Array
    readonly target:
      | { readonly _tag: "account" | "contract" | "oracle" | "channel"; readonly id: Uint8Array }
      | { readonly _tag: "data"; readonly data: Uint8Array }
  }>
}
