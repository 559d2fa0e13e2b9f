/**
 * What a client asks of a node, in one vocabulary for all dialects.
 *
 * Specification: channel WebSocket API, client to node messages.
 *
 * @since 0.1.0
 */
import type { SignedTx } from "../chain/SignedTx.js"
import type { AccountAddress, BlockHash, ContractId, TxHash } from "../encoding/ApiEncoding.js"
import type { SignTag } from "./SignTag.js"

/**
 * Options of every request that leads to an on-chain transaction. All absent: the node computes them.
 *
 * @since 0.1.0
 * @category models
 */
export interface OnChainOptions {
  /** Fee in aettos. */
  readonly fee?: bigint
  /** Gas price in aettos per gas unit; with `fee` the larger result counts. */
  readonly gasPrice?: bigint
  /** Nonce of the own account. */
  readonly nonce?: bigint
}

/**
 * Options of every request that proposes a new off-chain state.
 *
 * @since 0.1.0
 * @category models
 */
export interface UpdateOptions {
  /** Block whose state the update is computed in; absent: the node picks one. */
  readonly blockHash?: BlockHash
  /** Texts that travel with the update, one meta update each. */
  readonly meta: ReadonlyArray<string>
}

/** What a contract is called with. @since 0.1.0 @category models */
export interface ContractCallInput {
  readonly contractId: ContractId
  readonly abiVersion: number
  /** Aettos moved from the caller to the contract. */
  readonly amount: bigint
  readonly callData: Uint8Array
}

/** Proposes a transfer (`channels.update.new`). @since 0.1.0 @category models */
export interface Transfer extends UpdateOptions {
  readonly _tag: "Transfer"
  readonly from: AccountAddress
  readonly to: AccountAddress
  /** Aettos; the node refuses negative ones with 1002. */
  readonly amount: bigint
}
/** Proposes a contract (`channels.update.new_contract`). @since 0.1.0 @category models */
export interface NewContract extends UpdateOptions {
  readonly _tag: "NewContract"
  readonly vmVersion: number
  readonly abiVersion: number
  /** Aettos moved from the owner to the contract. */
  readonly deposit: bigint
  readonly code: Uint8Array
  readonly callData: Uint8Array
}
/**
 * Proposes a contract with the code of one that is on chain (`channels.update.new_contract_from_onchain`). Nodes knew
 * it until July 2019.
 *
 * @since 0.1.0
 * @category models
 */
export interface NewContractFromOnChain {
  readonly _tag: "NewContractFromOnChain"
  /** The contract on chain. */
  readonly contractId: ContractId
  /** Aettos moved from the owner to the contract. */
  readonly deposit: bigint
  readonly callData: Uint8Array
}
/** Proposes a contract call (`channels.update.call_contract`). @since 0.1.0 @category models */
export interface CallContract extends UpdateOptions, ContractCallInput {
  readonly _tag: "CallContract"
}
/** Runs a contract call without changing anything (`channels.dry_run.call_contract`). @since 0.1.0 @category models */
export interface DryRunContract extends UpdateOptions, ContractCallInput {
  readonly _tag: "DryRunContract"
}
/** Reads the result of an earlier call (`channels.get.contract_call`). @since 0.1.0 @category models */
export interface GetContractCall {
  readonly _tag: "GetContractCall"
  readonly contractId: ContractId
  readonly callerId: AccountAddress
  readonly round: number
}
/** Reads a contract and its store (`channels.get.contract`). @since 0.1.0 @category models */
export interface GetContract {
  readonly _tag: "GetContract"
  readonly contractId: ContractId
}
/** Forgets the results of earlier calls (`channels.clean_contract_calls`). @since 0.1.0 @category models */
export interface CleanContractCalls {
  readonly _tag: "CleanContractCalls"
}
/** Enforces a contract call on chain (`channels.force_progress`). @since 0.1.0 @category models */
export interface ForceProgress extends ContractCallInput {
  readonly _tag: "ForceProgress"
  readonly gas: bigint
  readonly gasPrice: bigint
  readonly nonce?: bigint
}
/** Proposes to add coins of the own account (`channels.deposit`). @since 0.1.0 @category models */
export interface Deposit extends UpdateOptions, OnChainOptions {
  readonly _tag: "Deposit"
  readonly amount: bigint
}
/** Proposes to take own coins out (`channels.withdraw`). @since 0.1.0 @category models */
export interface Withdraw extends UpdateOptions, OnChainOptions {
  readonly _tag: "Withdraw"
  readonly amount: bigint
}
/** Proposes to close the channel together (`channels.shutdown`). @since 0.1.0 @category models */
export interface Shutdown extends OnChainOptions {
  readonly _tag: "Shutdown"
}
/** Leaves the channel open and ends both sessions (`channels.leave`). @since 0.1.0 @category models */
export interface Leave {
  readonly _tag: "Leave"
}
/** Sends a text to the peer (`channels.message`); at most 65000 UTF-8 bytes. @since 0.1.0 @category models */
export interface SendMessage {
  readonly _tag: "SendMessage"
  readonly to: AccountAddress
  readonly from?: AccountAddress
  readonly info: string
}
/** Keeps the socket alive (`channels.system`, `ping`). @since 0.1.0 @category models */
export interface Ping {
  readonly _tag: "Ping"
}
/** Ends the node's state machine at once (`channels.system`, `stop`). @since 0.1.0 @category models */
export interface Stop {
  readonly _tag: "Stop"
}
/** Takes a transaction as deep enough (`channels.assume_minimum_depth`). @since 0.1.0 @category models */
export interface AssumeMinimumDepth {
  readonly _tag: "AssumeMinimumDepth"
  readonly txHash: TxHash
}
/** Reads off-chain balances (`channels.get.balances`). @since 0.1.0 @category models */
export interface GetBalances {
  readonly _tag: "GetBalances"
  readonly accounts: ReadonlyArray<AccountAddress>
}
/** Reads a proof of inclusion (`channels.get.poi`). @since 0.1.0 @category models */
export interface GetPoi {
  readonly _tag: "GetPoi"
  readonly accounts: ReadonlyArray<AccountAddress>
  readonly contracts: ReadonlyArray<ContractId>
}
/** Reads the node's whole off-chain state (`channels.get.offchain_state`). @since 0.1.0 @category models */
export interface GetOffChainState {
  readonly _tag: "GetOffChainState"
}
/** Reads the node's log of this channel (`channels.history.fetch`). @since 0.1.0 @category models */
export interface FetchHistory {
  readonly _tag: "FetchHistory"
  readonly n: number
  readonly types?: ReadonlyArray<HistoryType>
  readonly tags?: ReadonlyArray<HistoryTag>
}
/** Kinds of log entries: report, receive, send, request. @since 0.1.0 @category models */
export type HistoryType = "rpt" | "rcv" | "snd" | "req"
/** Classes of reports in the log. @since 0.1.0 @category models */
export type HistoryTag = "info" | "on_chain_tx" | "conflict" | "update" | "leave" | "error" | "debug"
/** Puts the latest state on chain without closing (`channels.snapshot_solo`). @since 0.1.0 @category models */
export interface SnapshotSolo extends OnChainOptions {
  readonly _tag: "SnapshotSolo"
}
/** Closes alone with the latest state (`channels.close_solo`). @since 0.1.0 @category models */
export interface CloseSolo extends OnChainOptions {
  readonly _tag: "CloseSolo"
}
/** Answers an old state on chain with the latest (`channels.slash`). @since 0.1.0 @category models */
export interface Slash extends OnChainOptions {
  readonly _tag: "Slash"
}
/** Pays out after the lock period (`channels.settle`). @since 0.1.0 @category models */
export interface Settle extends OnChainOptions {
  readonly _tag: "Settle"
}
/** The signed transaction that a signing request asked for. @since 0.1.0 @category models */
export interface SigningReply {
  readonly _tag: "SigningReply"
  readonly tag: SignTag
  readonly signedTx: SignedTx
  /**
   * Set where the request was (`SignRequest.bare`): the signer's own signature is all there is, and the node adds
   * it to those it has.
   */
  readonly bare?: true
}
/** A refusal to sign: 1 validation, 2 conflict, 3 timeout, 4 abort, 128…65535 user defined. @since 0.1.0 @category models */
export interface SigningError {
  readonly _tag: "SigningError"
  readonly tag: SignTag
  readonly code: number
}

/**
 * Everything a client can ask of a node.
 *
 * @since 0.1.0
 * @category models
 */
export type Request =
  | Transfer
  | NewContract
  | NewContractFromOnChain
  | CallContract
  | DryRunContract
  | GetContractCall
  | GetContract
  | CleanContractCalls
  | ForceProgress
  | Deposit
  | Withdraw
  | Shutdown
  | Leave
  | SendMessage
  | Ping
  | Stop
  | AssumeMinimumDepth
  | GetBalances
  | GetPoi
  | GetOffChainState
  | FetchHistory
  | SnapshotSolo
  | CloseSolo
  | Slash
  | Settle
  | SigningReply
  | SigningError
