/**
 * What the client asks the chain when a contract looked at it: a round that depends on a block can only be checked by
 * who knows that block. Most contracts never ask. And whether a generalized account agrees to a transaction, which its
 * contract says.
 *
 * A client without a reader checks all rounds that depend on nothing but the channel, and leaves the others to the
 * policy as unverified, which declines them unless it says otherwise.
 *
 * Specification: æternity channels, pinned environment; node HTTP API, blocks and accounts.
 *
 * @since 0.1.0
 */
import { Context, Data, Effect, Layer } from "effect"
import type { SignedTx } from "../chain/SignedTx.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import type { BlockHash, ChannelId, TxHash } from "../encoding/ApiEncoding.js"
import type {
  ChainReads,
  Environment,
  NameState,
  OracleQueryState,
  OracleState,
  PinnedBlock,
  Unavailable
} from "../fate/Environment.js"
import type { ChainRead } from "../state/ChainRead.js"

/**
 * The chain could not be asked, or does not answer such questions.
 *
 * @since 0.1.0
 * @category errors
 */
export class ChainReadError extends Data.TaggedError("ChainReadError")<{ readonly detail: string }> {
  override get message(): string {
    return `The chain could not be read: ${this.detail}`
  }
}

/**
 * The end of the chain: the height of its newest key block, and the hash of its newest block, which may be a micro
 * block on that.
 *
 * @since 0.1.0
 * @category models
 */
export interface Top {
  readonly height: number
  readonly newest: BlockHash
}

/**
 * A block with what contracts that are pinned to it can see of it; `protocol` is that of its key block.
 *
 * @since 0.1.0
 * @category models
 */
export interface KnownBlock {
  readonly hash: BlockHash
  readonly protocol: number
  readonly facts: PinnedBlock
}

/**
 * What is read of each kind; `undefined` where there is no such thing on the chain. A balance is in aettos, a block hash
 * has 32 bytes.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChainValues {
  readonly Balance: bigint | undefined
  readonly BlockHash: Uint8Array | undefined
  readonly IsContract: boolean
  readonly IsPayable: boolean
  readonly Oracle: OracleState | undefined
  readonly OracleQuery: OracleQueryState | undefined
  readonly Name: NameState | undefined
}

/**
 * The answer to a read of the same kind.
 *
 * @since 0.1.0
 * @category models
 */
export type ChainAnswer = {
  [T in keyof ChainValues]: { readonly _tag: T; readonly value: ChainValues[T] }
}[keyof ChainValues]

/**
 * A transaction that generalized accounts have authenticated by meta transactions around it.
 *
 * - `txHash`: of all that was told of, which may have more around it
 * - `channelId`: of an off-chain transaction, for which counts how the parties authenticated when the channel was created
 *
 * @since 0.1.0
 * @category models
 */
export interface Authentication {
  readonly signedTx: SignedTx
  readonly txHash: TxHash
  readonly channelId: ChannelId | undefined
}

/**
 * - `top`: the end of the chain
 * - `block`: a block of the main chain by its hash, or the key block at a height; `undefined` if there is none
 * - `read`: what the chain's state after a block holds (a read of `Block` itself is asked with `block`)
 * - `authenticate`: whether the contracts of all generalized accounts around a transaction agree to it; they do to one
 *   that is in a block, unless what is inside failed there: then only the outermost has surely agreed
 *
 * All fail with `ChainReadError` when there is no answer to be had.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChainReaderService {
  readonly top: Effect.Effect<Top, ChainReadError>
  readonly block: (which: BlockHash | number) => Effect.Effect<KnownBlock | undefined, ChainReadError>
  readonly read: (read: ChainRead, at: BlockHash) => Effect.Effect<ChainAnswer, ChainReadError>
  readonly authenticate: (question: Authentication) => Effect.Effect<boolean, ChainReadError>
}

/**
 * The reader in use. Optional: a client without one is a client whose reader knows nothing.
 *
 * @since 0.1.0
 * @category tags
 */
export class ChainReader extends Context.Tag("@aechannel/core/ChainReader")<
  ChainReader,
  ChainReaderService
>() {}

const nobody = new ChainReadError({ detail: "the client was given no way to ask the chain" })

/**
 * A reader that knows nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: ChainReaderService = {
  top: nobody,
  block: () => nobody,
  read: () => nobody,
  authenticate: () => nobody
}

/**
 * Provides {@link none}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNone: Layer.Layer<ChainReader> = /*#__PURE__*/ Layer.succeed(ChainReader, none)

/**
 * A chain in memory: its end, the hash of the key block at a height, what contracts see that are pinned to a block, and
 * whether generalized accounts agree to a transaction.
 *
 * @since 0.1.0
 * @category models
 */
export interface MemoryChain {
  readonly top: Top
  readonly keyBlockAt: (height: number) => BlockHash | undefined
  readonly environmentAt: (hash: BlockHash) => Environment | undefined
  readonly authenticates?: (question: Authentication) => boolean
}

/** The answer of a view. */
const answerOf = (chain: ChainReads, read: ChainRead): ChainAnswer | undefined => {
  switch (read._tag) {
    case "Block":
      return undefined
    case "Balance":
      return known(read._tag, chain.balance(read.account))
    case "BlockHash":
      return known(read._tag, chain.blockHash(read.height))
    case "IsContract":
      return known(read._tag, chain.isContract(read.contract))
    case "IsPayable":
      return known(read._tag, chain.isPayable(read.account))
    case "Oracle":
      return known(read._tag, chain.oracle(read.oracle))
    case "OracleQuery":
      return known(read._tag, chain.oracleQuery(read.oracle, read.query))
    case "Name":
      return known(read._tag, chain.name(read.name))
  }
}

const known = <T extends keyof ChainValues>(
  _tag: T,
  value: ChainValues[T] | Unavailable
): { readonly _tag: T; readonly value: ChainValues[T] } | undefined =>
  isUnavailable(value) ? undefined : { _tag, value }

const isUnavailable = (value: unknown): value is Unavailable =>
  typeof value === "object" && value !== null && "_tag" in value && value._tag === "Unavailable"

const unanswered = (read: ChainRead): ChainReadError =>
  new ChainReadError({ detail: `this reader does not answer ${read._tag}` })

const unasked = new ChainReadError({ detail: "this reader asks no generalized accounts" })

/**
 * A reader of a chain in memory, which is looked at anew with every question.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = <R>(chain: Effect.Effect<MemoryChain, never, R>) =>
  Effect.map(Effect.context<R>(), (context): ChainReaderService => {
    const now = Effect.provide(chain, context)
    return {
      top: Effect.map(now, ({ top }) => top),
      block: (which) =>
        Effect.map(now, ({ environmentAt, keyBlockAt }) => {
          const hash = typeof which === "number" ? keyBlockAt(which) : which
          const found = hash === undefined ? undefined : environmentAt(hash)
          if (hash === undefined || found === undefined || found.block._tag === "Unavailable")
            return undefined
          return { hash, protocol: found.protocol, facts: found.block }
        }),
      read: (read, at) =>
        Effect.flatMap(now, ({ environmentAt }) => {
          const found = environmentAt(at)
          const answer = found === undefined ? undefined : answerOf(found.chain, read)
          return answer === undefined ? unanswered(read) : Effect.succeed(answer)
        }),
      authenticate: (question) =>
        Effect.flatMap(now, ({ authenticates }) =>
          authenticates === undefined ? unasked : Effect.succeed(authenticates(question))
        )
    }
  })

/**
 * Provides a reader of a chain in memory.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = <R = never>(
  chain: MemoryChain | Effect.Effect<MemoryChain, never, R>
): Layer.Layer<ChainReader, never, R> =>
  Layer.effect(ChainReader, makeMemory(Effect.isEffect(chain) ? chain : Effect.succeed(chain)))

/**
 * A hash that pins nothing: whoever names it means the newest block.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isNotPinned = (hash: BlockHash): boolean => ApiEncoding.bytesOf(hash).every((byte) => byte === 0)
