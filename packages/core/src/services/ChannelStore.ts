/**
 * Where a channel's memory is kept: what we have signed, what is co-signed, and how to come back.
 *
 * The client writes before it acts: an intent before it asks for a signature, the signed body before the signature
 * leaves, a co-signed state before anybody is told. Each of these is one write of the whole record.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import type { SignedTx } from "../chain/SignedTx.js"
import type { AccountAddress, ChannelId, TxHash } from "../encoding/ApiEncoding.js"
import { StoreError } from "../protocol/Errors.js"
import type { FsmId } from "../protocol/NodeMessage.js"
import type { ChannelTerms, Role } from "../protocol/OpenParameters.js"
import type { Request } from "../protocol/Request.js"
import type { SignTag } from "../protocol/SignTag.js"
import type { Update } from "../state/Update.js"

/**
 * Why we signed: we asked for it ourselves, or our policy accepted the peer's proposal.
 *
 * @since 0.1.0
 * @category models
 */
export type IntentDecision = "requested" | "policy accepted"

/**
 * The decision to sign one transaction. `txHash` is the hash of the transaction without signatures: it names what is
 * signed, whoever has signed already.
 *
 * @since 0.1.0
 * @category models
 */
export interface Intent {
  readonly txHash: TxHash
  readonly tag: SignTag
  readonly round: number
  readonly decision: IntentDecision
}

/**
 * A transaction with our signature that left us and that is not overtaken by a higher co-signed round: the peer may
 * still complete it.
 *
 * - `side`: `acknowledger` when ours was the second signature, so that it may be complete already
 * - `signedTx`: as it left us, or with the peer's signature too once something on chain has shown that
 * - `ownBalance`: what we have when it is completed, in aettos
 *
 * @since 0.1.0
 * @category models
 */
export interface Exposure {
  readonly txHash: TxHash
  readonly tag: SignTag
  readonly side: "starter" | "acknowledger"
  readonly round: number
  readonly signedTx: SignedTx
  readonly updates: ReadonlyArray<Update>
  readonly ownBalance: bigint
}

/**
 * Our own operation under way, so that a client that comes back can tell what became of it.
 *
 * - `kind`: the operation's name, as events and errors have it, such as `transfer`
 * - `request`: what the node was asked; none with the opening, which is asked for by connecting
 * - `txHash`: what we decided to sign for it, if the node has asked already; the intent and the exposure of the same
 *   hash say how far it came
 *
 * @since 0.1.0
 * @category models
 */
export interface PendingOperation {
  readonly kind: string
  readonly request: Request | undefined
  readonly txHash: TxHash | undefined
}

/**
 * A state that both have signed: its transaction and its serialized off-chain trees (state_trees object).
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredState {
  readonly signedTx: SignedTx
  readonly trees: Uint8Array
}

/**
 * Everything that must outlive the process, for one channel and one party.
 *
 * - `round`, `coSigned`, `trees`: the latest co-signed state; round 0 and no transaction before the opening is
 *   co-signed. `trees` are the serialized off-chain trees (state_trees object) of that round.
 * - `ground`: while that state is one that was forced on chain: the latest that both signed, which counts again if forks
 *   drop what was forced
 * - `fsmId`: the latest secret for coming back to the node
 * - `intents`: decisions since the latest co-signed round
 * - `exposure`: what the peer could still complete
 * - `frozen`: why nothing is signed any more
 * - `pending`: our own operation under way when this was written
 * - `forced`: what was forced on chain after that state and is not taken over yet, oldest first; nodes do not tell twice
 * - `generalized`: who of the parties was a generalized account when the channel was created: off chain they authenticate
 *   by their contracts as long as it lives. Undefined before that is known
 *
 * @since 0.1.0
 * @category models
 */
export interface ChannelRecord {
  readonly channelId: ChannelId
  readonly role: Role
  readonly ownAddress: AccountAddress
  readonly networkId: string
  readonly terms: ChannelTerms
  readonly fsmId: FsmId | undefined
  readonly round: number
  readonly coSigned: SignedTx | undefined
  readonly trees: Uint8Array
  readonly ground: StoredState | undefined
  readonly intents: ReadonlyArray<Intent>
  readonly exposure: ReadonlyArray<Exposure>
  readonly frozen: string | undefined
  readonly pending: PendingOperation | undefined
  readonly forced: ReadonlyArray<SignedTx>
  readonly generalized: ReadonlyArray<AccountAddress> | undefined
}

/**
 * What a record is found by: the two parties of one channel may share a store.
 *
 * @since 0.1.0
 * @category models
 */
export interface RecordKey {
  readonly channelId: ChannelId
  readonly role: Role
}

/**
 * A record and its version: 1 for the first, one more with every write.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoredRecord {
  readonly version: number
  readonly record: ChannelRecord
}

/**
 * A claim's number: 1 for the first claim of a channel's record, one more with every later one.
 *
 * @since 0.1.0
 * @category models
 */
export type Fence = number

/**
 * What a writer expects to find: the version it has seen (0: there is no record yet), and that nobody has claimed the
 * record after it did.
 *
 * @since 0.1.0
 * @category models
 */
export interface Expected {
  readonly version: number
  readonly fence: Fence
}

/**
 * Where records are kept. Every effect fails with `read` or `write` when the store cannot work, with `corrupt` when
 * what it finds is damaged, with `unsupported` when a later version of this library has written it.
 *
 * - `claim`: makes the caller the only writer of a record, written or not. Whoever claimed it before cannot write any
 *   more. Durable when the effect succeeds.
 * - `read`: the record as last written; needs no claim
 * - `write`: writes the whole record, all or nothing, if the latest claim and the stored version are `expected`. It is
 *   durable and has version `expected.version + 1` when the effect succeeds. Fails with `lease_lost` when there was a
 *   later claim (or none), with `conflict` when the version is another one, with `write` when it could not be written;
 *   then nothing has changed. Fence and version are checked in the transaction that writes.
 * - `list`: the keys of all records, sorted
 *
 * `testing/ChannelStoreSuite` has the tests that every store must pass.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChannelStoreService {
  readonly claim: (key: RecordKey) => Effect.Effect<Fence, StoreError>
  readonly read: (key: RecordKey) => Effect.Effect<StoredRecord | undefined, StoreError>
  readonly write: (record: ChannelRecord, expected: Expected) => Effect.Effect<void, StoreError>
  readonly list: Effect.Effect<ReadonlyArray<RecordKey>, StoreError>
}

/**
 * The store in use.
 *
 * @since 0.1.0
 * @category tags
 */
export class ChannelStore extends Context.Tag("@aechannel/core/ChannelStore")<
  ChannelStore,
  ChannelStoreService
>() {}

/**
 * Why a write must not happen, for makers of stores: what is stored against what the writer expects. Nothing when it
 * may happen.
 *
 * @since 0.1.0
 * @category constructors
 */
export const refusalOf = (stored: Expected, expected: Expected): StoreError | undefined => {
  if (stored.fence !== expected.fence)
    return new StoreError({
      operation: "write",
      reason: "lease_lost",
      detail:
        stored.fence === 0
          ? `nobody has claimed the record, and the writer came with claim ${expected.fence}`
          : `claim ${stored.fence} is in force where the writer came with claim ${expected.fence}`
    })
  if (stored.version !== expected.version)
    return new StoreError({
      operation: "write",
      reason: "conflict",
      detail: `version ${stored.version} is stored where ${expected.version} was expected; another writer is at work`
    })
  return undefined
}

const textOf = (key: RecordKey): string => `${key.channelId}/${key.role}`

/** What is kept for one key: its latest claim and its record, if it was written. */
interface Slot {
  readonly key: RecordKey
  readonly fence: Fence
  readonly stored: StoredRecord | undefined
}

/**
 * A store in memory; gone with the process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<ChannelStoreService> = /*#__PURE__*/ Effect.sync(
  (): ChannelStoreService => {
    const slots = new Map<string, Slot>()
    return {
      claim: ({ channelId, role }) =>
        Effect.sync(() => {
          const key = { channelId, role }
          const before = slots.get(textOf(key))
          const fence = (before?.fence ?? 0) + 1
          slots.set(textOf(key), { key, fence, stored: before?.stored })
          return fence
        }),
      read: (key) => Effect.sync(() => slots.get(textOf(key))?.stored),
      write: (record, expected) =>
        Effect.suspend(() => {
          const { channelId, role } = record
          const key = { channelId, role }
          const slot = slots.get(textOf(key)) ?? { key, fence: 0, stored: undefined }
          const refusal = refusalOf({ version: slot.stored?.version ?? 0, fence: slot.fence }, expected)
          if (refusal !== undefined) return Effect.fail(refusal)
          slots.set(textOf(key), { ...slot, stored: { version: expected.version + 1, record } })
          return Effect.void
        }),
      list: Effect.sync(() =>
        Array.from(slots)
          .filter(([, { stored }]) => stored !== undefined)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([, { key }]) => key)
      )
    }
  }
)

/**
 * Provides a store in memory.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<ChannelStore> = /*#__PURE__*/ Layer.effect(ChannelStore, makeMemory)
