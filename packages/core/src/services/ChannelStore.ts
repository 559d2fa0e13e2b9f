/**
 * Where a channel's memory is kept: what we have signed, what is co-signed, and how to come back.
 *
 * The client writes before it acts: an intent before it asks for a signature, the signed body before the signature
 * leaves, a co-signed state before anybody is told. Each of these is one write of the whole record.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer, Ref } from "effect"
import type { SignedTx } from "../chain/SignedTx.js"
import type { AccountAddress, ChannelId, TxHash } from "../encoding/ApiEncoding.js"
import { StoreError } from "../protocol/Errors.js"
import type { FsmId } from "../protocol/NodeMessage.js"
import type { ChannelTerms, Role } from "../protocol/OpenParameters.js"
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
 * Everything that must outlive the process, for one channel and one party.
 *
 * - `round`, `coSigned`, `trees`: the latest co-signed state; round 0 and no transaction before the opening is
 *   co-signed. `trees` are the serialized off-chain trees (state_trees object) of that round.
 * - `fsmId`: the latest secret for coming back to the node
 * - `intents`: decisions since the latest co-signed round
 * - `exposure`: what the peer could still complete
 * - `frozen`: why nothing is signed any more
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
  readonly intents: ReadonlyArray<Intent>
  readonly exposure: ReadonlyArray<Exposure>
  readonly frozen: string | undefined
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
 * - `read`: the record as last written
 * - `write`: writes the whole record, all or nothing, if the stored version is `expected` (0: there is none yet). It
 *   is durable and has version `expected + 1` when the effect succeeds. Fails with `conflict` when another writer was
 *   there, with `write` when it could not be written; then nothing has changed.
 * - `list`: the keys of all records
 *
 * @since 0.1.0
 * @category models
 */
export interface ChannelStoreService {
  readonly read: (key: RecordKey) => Effect.Effect<StoredRecord | undefined, StoreError>
  readonly write: (record: ChannelRecord, expected: number) => Effect.Effect<void, StoreError>
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

const textOf = (key: RecordKey): string => `${key.channelId}/${key.role}`

/**
 * A store in memory; gone with the process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<ChannelStoreService> = /*#__PURE__*/ Effect.map(
  Ref.make<ReadonlyMap<string, StoredRecord>>(new Map()),
  (records): ChannelStoreService => ({
    read: (key) => Effect.map(Ref.get(records), (all) => all.get(textOf(key))),
    write: (record, expected) =>
      Effect.flatten(
        Ref.modify(
          records,
          (all): readonly [Effect.Effect<void, StoreError>, ReadonlyMap<string, StoredRecord>] => {
            const stored = all.get(textOf(record))?.version ?? 0
            if (stored !== expected)
              return [
                Effect.fail(
                  new StoreError({
                    operation: "write",
                    reason: "conflict",
                    detail: `version ${stored} is stored where ${expected} was expected; another writer is at work`
                  })
                ),
                all
              ]
            return [Effect.void, new Map(all).set(textOf(record), { version: expected + 1, record })]
          }
        )
      ),
    list: Effect.map(Ref.get(records), (all) =>
      Array.from(all.values(), ({ record: { channelId, role } }) => ({ channelId, role }))
    )
  })
)

/**
 * Provides a store in memory.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<ChannelStore> = /*#__PURE__*/ Layer.effect(ChannelStore, makeMemory)
