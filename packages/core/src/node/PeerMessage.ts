/**
 * What two channel state machines tell each other. They run in one process, so these are values and not bytes.
 *
 * Specification: off-chain peer messages (channel_open … shutdown_error).
 *
 * @since 0.1.0
 */
import type { SignedTx } from "../chain/SignedTx.js"
import type { AccountAddress, BlockHash, ChannelId, TxHash } from "../encoding/ApiEncoding.js"
import type { MinimumDepthStrategy } from "../protocol/OpenParameters.js"
import type { Update } from "../state/Update.js"

/** A 32 byte id that pairs the messages of an opening, as hex. @since 0.1.0 @category models */
export type TemporaryChannelId = string

/** The operations whose failure the peer is told: update, deposit, withdraw, shutdown. @since 0.1.0 @category models */
export type MutualOperation = "update" | "deposit" | "withdraw" | "shutdown"

/** @since 0.1.0 @category models */
export type PeerMessage =
  | {
      readonly _tag: "ChannelOpen"
      readonly chainHash: BlockHash
      readonly temporaryChannelId: TemporaryChannelId
      readonly lockPeriod: number
      readonly pushAmount: bigint
      readonly initiatorAmount: bigint
      readonly responderAmount: bigint
      readonly channelReserve: bigint
      readonly initiatorId: AccountAddress
      readonly responderId: AccountAddress
    }
  | {
      readonly _tag: "ChannelAccept"
      readonly chainHash: BlockHash
      readonly temporaryChannelId: TemporaryChannelId
      readonly minimumDepth: number
      readonly minimumDepthStrategy: MinimumDepthStrategy
      readonly initiatorAmount: bigint
      readonly responderAmount: bigint
      readonly channelReserve: bigint
      readonly initiatorId: AccountAddress
      readonly responderId: AccountAddress
    }
  | {
      readonly _tag: "FundingCreated"
      readonly temporaryChannelId: TemporaryChannelId
      readonly blockHash: BlockHash
      readonly signedTx: SignedTx
    }
  | {
      readonly _tag: "FundingSigned"
      readonly temporaryChannelId: TemporaryChannelId
      readonly blockHash: BlockHash
      readonly signedTx: SignedTx
    }
  | {
      readonly _tag: "FundingLocked"
      readonly temporaryChannelId: TemporaryChannelId
      readonly channelId: ChannelId
    }
  /** `update`, `deposit_created`, `withdraw_created`, `shutdown`: a half-signed proposal. */
  | {
      readonly _tag: "Proposal"
      readonly operation: MutualOperation
      /** Names the proposal among all of its sender; the same transaction may be proposed twice. */
      readonly serial: number
      readonly channelId: ChannelId
      readonly blockHash: BlockHash
      readonly signedTx: SignedTx
      readonly updates: ReadonlyArray<Update>
    }
  /** `update_ack`, `deposit_signed`, `withdraw_signed`, `shutdown_ack`: the co-signed transaction. */
  | {
      readonly _tag: "Acknowledgement"
      readonly operation: MutualOperation
      readonly channelId: ChannelId
      readonly blockHash: BlockHash
      readonly signedTx: SignedTx
    }
  /**
   * `update_error`, `deposit_error`, `withdraw_error`, `shutdown_error`. The two serials say which proposal is meant,
   * so that an error that crosses another message on its way ends the right one and both parties stay in step;
   * without them the error is about whatever the receiver waits for.
   */
  | {
      readonly _tag: "OperationError"
      readonly operation: MutualOperation
      readonly channelId: ChannelId
      readonly round: number
      readonly errorCode: number
      /** Serial of the receiver's proposal that the sender does not co-sign. */
      readonly refuses?: number
      /** Serial of the sender's proposal that it takes back. */
      readonly withdraws?: number
    }
  /** `deposit_locked`, `withdraw_locked`. */
  | {
      readonly _tag: "Locked"
      readonly operation: "deposit" | "withdraw"
      readonly channelId: ChannelId
      readonly txHash: TxHash
    }
  | { readonly _tag: "Leave"; readonly channelId: ChannelId }
  | { readonly _tag: "LeaveAck"; readonly channelId: ChannelId }
  | {
      readonly _tag: "InbandMessage"
      readonly channelId: ChannelId
      readonly from: AccountAddress
      readonly to: AccountAddress
      readonly info: string
    }
  | {
      readonly _tag: "Reestablish"
      readonly chainHash: BlockHash
      readonly channelId: ChannelId
      readonly signedTx: SignedTx
    }
  | {
      readonly _tag: "ReestablishAck"
      readonly chainHash: BlockHash
      readonly channelId: ChannelId
      readonly signedTx: SignedTx
    }
  | { readonly _tag: "PeerError"; readonly channelId: ChannelId; readonly data: string }
