/**
 * What a channel tells those who listen, and the values that its operations end with.
 *
 * @since 0.1.0
 */
import type { ContractObject } from "../chain/ContractObject.js"
import type { SignedTx } from "../chain/SignedTx.js"
import type { AccountAddress, CallsTreeText, ChannelId, ContractId, TxHash } from "../encoding/ApiEncoding.js"
import type { DecodeError } from "../encoding/DecodeError.js"
import type {
  EndedBy,
  EndedError,
  RejectedError,
  SignerError,
  StoreError,
  TransportError,
  VerificationError
} from "../protocol/Errors.js"
import type { MessageReport, Report, SignRequest } from "../protocol/NodeMessage.js"
import type { Request } from "../protocol/Request.js"
import type { SignTag } from "../protocol/SignTag.js"
import type { UnverifiedProposal } from "../services/ProposalPolicy.js"
import type { Trees } from "../state/Trees.js"
import type { Entry } from "../state/Trie.js"
import type { Update } from "../state/Update.js"

/**
 * How an operation of a channel can fail.
 *
 * - `ValidationError`, `ConflictError`, `TimeoutError`, `AbortError`, `UserDefinedError`, `RejectedOnChainError`,
 *   `ReservedCodeError`: both parties fell back to the last co-signed round; `endedBy` says who ended it. A deposit or
 *   withdrawal that both have signed may still be mined
 * - `RejectedError`: the node refused the request
 * - `VerificationError`: what we were to sign, or were told, is not what it claims; we did not sign
 * - `SignerError`, `StoreError`: our signer or store failed; we did not sign. `StoreError` also when the node's answer
 *   is of a state that we may have failed to store, so that it cannot be compared with ours
 * - `TransportError`: the connection or the node's state machine is gone
 * - `DecodeError`: the node's answer could not be read
 *
 * @since 0.1.0
 * @category errors
 */
export type FlowError =
  | EndedError
  | RejectedError
  | TransportError
  | VerificationError
  | StoreError
  | SignerError
  | DecodeError

/**
 * How an opening can fail.
 *
 * @since 0.1.0
 * @category errors
 */
export type ChannelError = FlowError

/**
 * Off-chain balances of the parties in aettos.
 *
 * @since 0.1.0
 * @category models
 */
export interface Balances {
  readonly initiator: bigint
  readonly responder: bigint
}

/**
 * A state with both signatures, verified against our own trees. After a forced progress it is the forced state: its
 * transaction is that of one party alone, and the chain holds it.
 *
 * @since 0.1.0
 * @category models
 */
export interface CoSignedState {
  readonly channelId: ChannelId
  /** 1 after the opening, one more with every co-signed update, deposit and withdrawal. */
  readonly round: number
  readonly balances: Balances
  readonly signedTx: SignedTx
  readonly trees: Trees
}

/**
 * A transaction of one party that the node has seen on chain. `txHash` is of the whole signed transaction.
 *
 * @since 0.1.0
 * @category models
 */
export interface SoloTransaction {
  readonly signedTx: SignedTx
  readonly txHash: TxHash
}

/**
 * A contract of the channel as it is in the latest state: what our trees and the node's hold of it.
 *
 * - `balance`: of its account, in aettos
 * - `store`: raw keys and values, ascending by key
 *
 * @since 0.1.0
 * @category models
 */
export interface Contract {
  readonly contractId: ContractId
  readonly object: ContractObject
  readonly balance: bigint
  readonly store: ReadonlyArray<Entry>
}

/**
 * How a channel was closed.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClosedChannel {
  /** What closed it: a closing transaction of both parties, or one party's settlement. */
  readonly signedTx: SignedTx
  /** Whether the node saw it deep enough in the chain; if not, it was handed to the mempool. */
  readonly confirmed: boolean
}

/**
 * The node's whole off-chain state; the trees were compared with ours.
 *
 * @since 0.1.0
 * @category models
 */
export interface OffChainState {
  readonly trees: Trees
  /** The results of all contract calls that the node keeps, as a serialized tree. */
  readonly calls: CallsTreeText
  /** Absent before the channel is open. */
  readonly signedTx: SignedTx | undefined
  /** Our own proposal while the peer's signature is awaited. */
  readonly halfSignedTx: SignedTx | undefined
}

/**
 * Where a channel is in its life.
 *
 * - `opening`: connected, being opened
 * - `open`: usable
 * - `closing`: a closing transaction of both is under way, or one party is closing on chain
 * - `closed`: the transaction that pays out is confirmed
 * - `ended`: the connection is over, whether the channel lives on or not
 *
 * @since 0.1.0
 * @category models
 */
export type Phase = "opening" | "open" | "closing" | "closed" | "ended"

/**
 * The channel's condition.
 *
 * - `connected`: false while the client comes back to the node, and after the end
 * - `peerConnected`: false from the node's `peer_disconnected` to the peer's return
 * - `frozen`: why nothing is signed any more (a failed store, a suspected loss of state)
 * - `end`: how the connection ended
 *
 * @since 0.1.0
 * @category models
 */
export interface ChannelStatus {
  readonly phase: Phase
  readonly connected: boolean
  readonly channelId: ChannelId | null
  readonly peerConnected: boolean
  readonly frozen: string | undefined
  readonly end: TransportError | undefined
}

/**
 * A transaction of this channel that the node tells of. Its channel was checked; whether it is where the node says, and
 * what it claims, are the node's and its author's word.
 *
 * - `type`: such as `channel_close_solo_tx`
 * - `txHash`: of the whole signed transaction
 *
 * @since 0.1.0
 * @category models
 */
export interface OnChainTransaction {
  readonly signedTx: SignedTx
  readonly txHash: TxHash
  readonly type: string
}

/**
 * What happens in a channel, in order.
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelEvent =
  /** A report of the node that is no message and no signing request. */
  | {
      readonly _tag: "Reported"
      readonly channelId: ChannelId | null
      readonly report: Exclude<Report, MessageReport | SignRequest>
    }
  /** A transaction of this channel is on chain, and the channel goes on. */
  | ({ readonly _tag: "ChannelChanged" } & OnChainTransaction)
  /** One party is closing the channel on chain, with a state as new as ours. */
  | ({ readonly _tag: "SoloClosing" } & OnChainTransaction)
  /**
   * The channel is being closed with an older state than ours. The transaction is our latest co-signed one, or the
   * offending one. Unless `autoSlash` is off, the client answers it itself.
   */
  | ({ readonly _tag: "CanSlash" } & OnChainTransaction)
  /** A state older than ours was put on chain, and the channel goes on. The transaction is the offending one. */
  | ({ readonly _tag: "CanSnapshot" } & OnChainTransaction)
  /**
   * One party had the chain run a contract call on the latest state, and this is the state that it led to: verified, and
   * now the latest.
   */
  | ({ readonly _tag: "ProgressForced"; readonly state: CoSignedState } & OnChainTransaction)
  /** The channel was paid out by this transaction. */
  | ({ readonly _tag: "ChannelClosed" } & OnChainTransaction)
  /** A text from the peer. */
  | {
      readonly _tag: "MessageReceived"
      readonly from: AccountAddress
      readonly to: AccountAddress
      readonly text: string
    }
  /** A signing request that was verified. `txHash` is of the transaction without signatures. */
  | {
      readonly _tag: "SignatureAsked"
      readonly tag: SignTag
      readonly operation: string
      readonly round: number
      readonly txHash: TxHash
      readonly updates: ReadonlyArray<Update>
    }
  /**
   * A signing request whose round could not be computed here, or something that a generalized account is said to have
   * authenticated and nobody could ask its contract; the policy decides. See `UnverifiedProposal`.
   */
  | {
      readonly _tag: "RoundUnverified"
      readonly tag: SignTag
      readonly round: number
      readonly reason: UnverifiedProposal["reason"]
      readonly detail: string
    }
  /** Our signature was given to the node. */
  | {
      readonly _tag: "SignatureGiven"
      readonly tag: SignTag
      readonly round: number
      readonly txHash: TxHash
    }
  /** A new co-signed state, verified and stored. */
  | { readonly _tag: "CoSigned"; readonly state: CoSignedState }
  /** The peer's proposal ended without a signature of ours, or without effect. */
  | {
      readonly _tag: "ProposalEnded"
      readonly tag: SignTag
      readonly endedBy: EndedBy
      readonly code: number
      readonly round: number
    }
  /** An own operation failed, also when nobody waits for it any more. */
  | { readonly _tag: "OperationFailed"; readonly operation: string; readonly error: FlowError }
  /** We were lied to, and signed or believed nothing. */
  | { readonly _tag: "VerificationFailed"; readonly error: VerificationError }
  /** Our signer gave no signature for the peer's proposal. */
  | { readonly _tag: "SignerFailed"; readonly error: SignerError }
  /** The store failed; nothing is signed from now on. */
  | { readonly _tag: "StoreFailed"; readonly error: StoreError }
  /** A frame of the node could not be read. */
  | { readonly _tag: "Undecodable"; readonly error: DecodeError }
  /** A refusal that no caller waits for. */
  | { readonly _tag: "Refused"; readonly error: RejectedError }
  /** The connection is lost, or is being replaced. The client is about to come back; what was asked waits, or has failed. */
  | { readonly _tag: "Disconnected"; readonly error: TransportError }
  /**
   * The client is back, and both hold the same; `isNewMachine` when the node's state machine of this channel is another
   * one than before (reestablish), which the peer's has joined.
   */
  | { readonly _tag: "Reconnected"; readonly isNewMachine: boolean; readonly round: number }
  /**
   * After a resume: what became of the operation that was under way when the record was last written.
   *
   * - `co-signed`: it is the latest state
   * - `called off`: it did not happen, and will not
   * - `unknown`: it has our signature, and may still happen; a new state is told when it is one
   */
  | {
      readonly _tag: "PendingResolved"
      readonly operation: string
      readonly request: Request | undefined
      readonly outcome: "co-signed" | "called off" | "unknown"
    }
  /** The last event: the connection is over. */
  | { readonly _tag: "Ended"; readonly error: TransportError }
