/**
 * The client's state machine: its state, what can happen to it and what it asks of its shell.
 *
 * @internal
 */
import type { CallObject } from "../../chain/CallObject.js"
import type { SignedTx } from "../../chain/SignedTx.js"
import type { CryptoService } from "../../crypto/Crypto.js"
import type { AccountAddress, ChannelId, ContractId, TxHash } from "../../encoding/ApiEncoding.js"
import type { DecodeError } from "../../encoding/DecodeError.js"
import type { Json } from "../../encoding/Json.js"
import type { SignerError, StoreError, TransportError } from "../../protocol/Errors.js"
import type {
  Balance,
  ContractCallResult,
  FsmId,
  HistoryEntry,
  NodeMessage
} from "../../protocol/NodeMessage.js"
import type {
  ChannelTerms,
  OpenParameters,
  ReconnectParameters,
  Role
} from "../../protocol/OpenParameters.js"
import type {
  CallContract,
  CloseSolo,
  Deposit,
  DryRunContract,
  FetchHistory,
  ForceProgress,
  GetContractCall,
  Leave,
  NewContract,
  Request,
  Settle,
  Shutdown,
  Slash,
  SnapshotSolo,
  Transfer,
  Withdraw
} from "../../protocol/Request.js"
import type { SignTag } from "../../protocol/SignTag.js"
import type {
  ChannelRecord,
  Exposure,
  Intent,
  PendingOperation,
  StoredRecord
} from "../../services/ChannelStore.js"
import type { Decision, Decline, Proposal, UnverifiedProposal } from "../../services/ProposalPolicy.js"
import type { SigningDetails } from "../../services/Signer.js"
import type { Poi } from "../../state/Poi.js"
import type { Trees } from "../../state/Trees.js"
import type { Update } from "../../state/Update.js"
import type {
  Balances,
  ChannelEvent,
  ClosedChannel,
  Contract,
  CoSignedState,
  FlowError,
  OffChainState,
  Phase,
  SoloTransaction
} from "../ChannelEvent.js"
import type { RequestIdTable } from "../RequestIds.js"
import type { Answered, Verdicts } from "./agreement.js"
import type { ChainQuestion, ChainTold, Execution, Unexecuted } from "./execution.js"
import type { Missed } from "./history.js"

/** What does not change in the life of a channel. */
export interface ClientConfig {
  readonly role: Role
  readonly own: AccountAddress
  readonly peer: AccountAddress
  readonly terms: ChannelTerms
  readonly parameters: OpenParameters
  readonly networkId: string
  readonly protocol: number
  /** Aettos that an on-chain transaction may cost at most; absent: a hundred times the usual minimum. */
  readonly maximumFee: bigint | undefined
  readonly requestIds: RequestIdTable
  readonly firstRequestId: bigint
  /** Milliseconds that the node may take for an answer that needs nobody else. */
  readonly requestTimeout: number
  /** Milliseconds until a transaction of ours alone is seen on chain. */
  readonly chainTimeout: number
  /** Whether an older state on chain is answered with ours by itself. */
  readonly autoSlash: boolean
  /** Whether a connection that is lost is made again by itself. */
  readonly reconnects: boolean
  /** Whether our account authenticates by a contract on chain. */
  readonly generalized?: boolean
}

/** Pure functions that a transition may use. */
export interface ClientEnvironment {
  readonly crypto: CryptoService
  /** The frame of a request, for finding the request that a refusal echoes. */
  readonly encodeRequest: (request: Request, id?: Json) => string
}

/** Names a caller's question. */
export type CallId = number
/** Names a piece of work given to the policy, the signer or the store. */
export type WorkId = number

/** What a caller can ask for that takes the channel's turn. */
export type OperationRequest =
  | Transfer
  | NewContract
  | CallContract
  | ForceProgress
  | Deposit
  | Withdraw
  | Shutdown
  | Leave
  | SnapshotSolo
  | CloseSolo
  | Slash
  | Settle

/** What we can start: the opening, and what callers ask for. */
export type OwnKind =
  | "open"
  | "transfer"
  | "new_contract"
  | "call_contract"
  | "force_progress"
  | "deposit"
  | "withdraw"
  | "shutdown"
  | "leave"
  | "snapshot_solo"
  | "close_solo"
  | "slash"
  | "settle"

/** What a caller can ask. */
export type Command =
  | { readonly _tag: "Open" }
  | { readonly _tag: "Resume" }
  | { readonly _tag: "Reconnect" }
  | { readonly _tag: "Operate"; readonly request: OperationRequest }
  | { readonly _tag: "Abort"; readonly code: number }
  | { readonly _tag: "SendMessage"; readonly text: string }
  | { readonly _tag: "Ping" }
  | { readonly _tag: "Stop" }
  | { readonly _tag: "AssumeMinimumDepth"; readonly txHash: TxHash }
  | { readonly _tag: "Balances"; readonly accounts: ReadonlyArray<AccountAddress> }
  | {
      readonly _tag: "Poi"
      readonly accounts: ReadonlyArray<AccountAddress>
      readonly contracts: ReadonlyArray<ContractId>
    }
  | { readonly _tag: "OffChainState" }
  | { readonly _tag: "History"; readonly filter: Omit<FetchHistory, "_tag"> }
  | { readonly _tag: "DryRun"; readonly request: DryRunContract }
  | { readonly _tag: "GetCall"; readonly request: GetContractCall }
  | { readonly _tag: "GetContract"; readonly contractId: ContractId }
  | { readonly _tag: "CleanCalls" }

/** A command that is answered by one reply. */
export type Question = Exclude<Command, { readonly _tag: "Open" | "Resume" | "Reconnect" | "Operate" }>

/** How a question ends well. */
export type CallResult =
  | { readonly _tag: "Done" }
  /** `verified`: whether it was computed here before we signed it. */
  | { readonly _tag: "CoSigned"; readonly state: CoSignedState; readonly verified?: boolean }
  | { readonly _tag: "Seen"; readonly transaction: SoloTransaction }
  | { readonly _tag: "Closed"; readonly closed: ClosedChannel }
  | { readonly _tag: "Balances"; readonly balances: ReadonlyArray<Balance> }
  | { readonly _tag: "Poi"; readonly poi: Poi }
  | { readonly _tag: "OffChainState"; readonly state: OffChainState }
  | { readonly _tag: "History"; readonly entries: ReadonlyArray<HistoryEntry> }
  /** `verified`: whether it was computed here, or is what the node and the policy say. */
  | {
      readonly _tag: "Forced"
      readonly transaction: SoloTransaction
      readonly state: CoSignedState
      readonly verified: boolean
    }
  | { readonly _tag: "ContractCall"; readonly call: ContractCallResult; readonly verified: boolean }
  | { readonly _tag: "Contract"; readonly contract: Contract }

/** A question that is answered by one reply. */
export interface PendingCall {
  readonly callId: CallId
  readonly command: Question
  readonly request: Request
  readonly requestId: Json | undefined
  /** Whether the caller still waits; if not, the entry is there to know a refusal by. */
  readonly waiting: boolean
}

/** A call to be tried that has not been sent. */
export interface WaitingDryRun {
  readonly callId: CallId
  readonly command: Extract<Question, { readonly _tag: "DryRun" }>
}

/** A signature under way: verified, in one of its steps. */
export interface Signing {
  readonly tag: SignTag
  readonly signedTx: SignedTx
  /** The request shows no signatures, and the answer brings ours alone. */
  readonly bare?: true
  readonly updates: ReadonlyArray<Update>
  readonly txHash: TxHash
  readonly channelId: ChannelId
  readonly round: number
  /** The parties' balances when it is complete; nothing where that is not known. */
  readonly after: Balances
  /** The state that it leads to, if contracts run in it: what was computed once is not computed again. */
  readonly trees?: Trees
  /** What came of the contract. */
  readonly call?: CallObject
  /** Why it could not be computed. */
  readonly unexecuted?: Unexecuted
  /** What was asked of the chain to compute it; absent again when it is known. */
  readonly execution?: Execution
  /** The work that the next event must name. */
  readonly work: WorkId
}

/**
 * Where an operation is.
 *
 * - `waiting`: for its turn
 * - `requested`: at the node, which has not asked for a signature yet
 * - `held`: the peer's proposal, while an own request that the node will let collide with it is under way
 * - `loading`, `deciding`, `signing`: at our store, policy (or, to be computed, chain reader), signer
 * - `signed`: our signature is out
 * - `aborting`: we refused to sign; the node has not confirmed it yet
 */
export type Step =
  | "waiting"
  | "requested"
  | "held"
  | "loading"
  | "deciding"
  | "signing"
  | "signed"
  | "aborting"

/** What we started. */
export interface OwnOperation {
  readonly callId: CallId
  readonly kind: OwnKind
  /** What the node was or will be asked; the opening was asked for by connecting. */
  readonly request: OperationRequest | undefined
  readonly requestId: Json | undefined
  /** Whether the node has answered that it takes the request. */
  readonly taken: boolean
  /** The signing request to come. */
  readonly tag: SignTag | undefined
  readonly step: Step
  /** Whether the caller still waits. */
  readonly waiting: boolean
  /** Our own doing: it goes on although no caller waits. */
  readonly byItself: boolean
  readonly signing: Signing | undefined
  /** What our signer made, while the store is asked about the channel that it opens. */
  readonly made?: SignedTx
  /** The request with which we answered the signing request. */
  readonly answer: SentRequest | undefined
  /** Calls of `abort` that wait for the end of this operation. */
  readonly aborts: ReadonlyArray<CallId>
  /** Our refusal's code. */
  readonly abortCode: number | undefined
}

/** What the peer started. */
export interface PeerOperation {
  readonly tag: SignTag
  readonly step: Step
  readonly signing: Signing | undefined
  readonly answer: SentRequest | undefined
  readonly aborts: ReadonlyArray<CallId>
  readonly abortCode: number | undefined
}

/** A request as it was sent. */
export interface SentRequest {
  readonly request: Request
  readonly requestId: Json | undefined
}

/** What a transaction with our signature leads to. */
export interface Prepared {
  readonly txHash: TxHash
  readonly round: number
  readonly trees: Trees
}

/** Why nothing is signed any more: what became of the store, or of what should be in it. */
export interface Freeze {
  readonly reason: StoreError["reason"]
  readonly detail: string
}

/**
 * What the node has said about the depth of the deposit or withdrawal under way: its own, and the peer's. Who comes
 * back has missed reports, and begins with `unknown`: then the node's new state counts as its word for it.
 */
export type Locks = { readonly own: boolean; readonly peer: boolean } | "unknown"

/**
 * Whether one party alone is closing the channel on chain, and with what: `older` than our latest state, or one that is
 * as new.
 */
export type SoloClosing = "no" | "older" | "current"

/** Who waits for a return, and how that call ends well. */
export interface Returning {
  readonly callId: CallId
  readonly ends: "CoSigned" | "Done"
}

/**
 * A return to the node, as long as it lasts: nothing is signed, and no operation begins.
 *
 * - `away`: there is no connection
 * - `greeting`: there is one, and the node has not said yet which machine it leads to
 * - `agreeing`: a new machine looks for the peer's
 * - `comparing`: the node was asked what it holds
 * - `clearing`: the same machine was told what becomes of what was left over; the node is asked again
 */
export interface Coming {
  readonly step: "away" | "greeting" | "agreeing" | "comparing" | "clearing"
  /** Whether this is the return of a process, and not of a connection. */
  readonly isResumed: boolean
  readonly isNewMachine: boolean
  readonly callers: ReadonlyArray<Returning>
  /** What was sent and is not answered yet. */
  readonly sent: ReadonlyArray<SentRequest>
  /** Signatures for which the node did not wait when we called them off. */
  readonly refused: ReadonlySet<SignTag>
  /** What was under way when the record was written. */
  readonly left: PendingOperation | undefined
  /** Questions that wait for the return. */
  readonly held: ReadonlyArray<{ readonly callId: CallId; readonly command: Question }>
  /** A signing request that waits for it. */
  readonly request: ReportedMessage | undefined
  /** What was forced on chain meanwhile, and what else on chain shows, oldest first; it is taken over at the end. */
  readonly forced: ReadonlyArray<SignedTx>
  /** What the node's log says that we have missed, until it is taken note of. */
  readonly missed: Missed | undefined
}

/**
 * A state that both have signed, or that was forced, and that could not be computed at once: the chain, the policy or,
 * for trees with the hash that was signed, the node is asked. What the node says meanwhile waits.
 */
export interface Settling {
  readonly signedTx: SignedTx
  readonly work: WorkId
  /** What the chain was asked. */
  readonly execution: Execution | undefined
  /** What the node was asked. */
  readonly sent: SentRequest | undefined
  /** The policy has no longer than the node has for an answer: the channel is being closed. */
  readonly isUrgent: boolean
  readonly held: ReadonlyArray<NodeMessage>
}

/** A report as it came. */
export type ReportedMessage = Extract<NodeMessage, { readonly _tag: "Reported" }>

/** The whole state of a client. */
export interface ClientState {
  readonly config: ClientConfig
  readonly phase: Phase
  readonly channelId: ChannelId | null
  readonly fsmId: FsmId | undefined
  readonly peerConnected: boolean
  /** The return to the node that is under way. */
  readonly coming: Coming | undefined
  /** Why nothing is signed any more, as told and stored. */
  readonly frozen: string | undefined
  /** The same as errors have it. */
  readonly freeze: Freeze | undefined
  /** Trees of the latest co-signed round; of the terms before it. */
  readonly trees: Trees
  readonly latest: CoSignedState | undefined
  /** While that one was forced: the latest that both signed. Forks may drop what was forced on it, however often. */
  readonly ground: CoSignedState | undefined
  /** Who was generalized when the channel was created, where that is known: it never changes. */
  readonly generalized: ReadonlyArray<AccountAddress> | undefined
  readonly exposure: ReadonlyArray<Exposure>
  /** States of rounds with contracts that we have signed. */
  readonly prepared: ReadonlyArray<Prepared>
  readonly intents: ReadonlyArray<Intent>
  /** Version of the stored record; 0: none. */
  readonly version: number
  /** Whether that record names a pending operation. */
  readonly hasStoredPending: boolean
  readonly own: OwnOperation | undefined
  /** What only we signed and gave to the node, until it is seen on chain. It does not keep others from their turn. */
  readonly watched: ReadonlyArray<OwnOperation>
  readonly queue: ReadonlyArray<OwnOperation>
  /** Calls to be tried when nothing is under way: a node takes them for second proposals. */
  readonly dryRuns: ReadonlyArray<WaitingDryRun>
  /** A state that is there, and that is still to be computed. */
  readonly settling: Settling | undefined
  readonly peer: PeerOperation | undefined
  readonly calls: ReadonlyArray<PendingCall>
  /** The node said `open`. */
  readonly nodeOpen: boolean
  readonly locks: Locks
  readonly soloClosing: SoloClosing
  /** How often our own answer to an older state was refused by the mempool since the chain showed that state. */
  readonly slashesRefused: number
  readonly closeTx: SignedTx | undefined
  readonly closeConfirmed: boolean
  readonly end: TransportError | undefined
  readonly nextRequestId: bigint
  readonly nextWork: WorkId
  /** What generalized accounts have agreed to, and what not. */
  readonly verdicts: Verdicts
}

/** What can happen to a client. */
export type ClientEvent =
  | { readonly _tag: "Received"; readonly message: NodeMessage }
  /**
   * A frame that is no message. `id` is the reply id it shows, and `tag` that of the signing request as which it shows
   * itself, if it does.
   */
  | {
      readonly _tag: "Undecodable"
      readonly error: DecodeError
      readonly id: Json | undefined
      readonly tag?: SignTag | undefined
    }
  /** The connection is over, or could not be made; `isFinal`: nobody will try again. */
  | { readonly _tag: "Disconnected"; readonly error: TransportError; readonly isFinal?: boolean }
  /** There is a new connection in place of the last. */
  | { readonly _tag: "Connected" }
  | { readonly _tag: "Asked"; readonly callId: CallId; readonly command: Command }
  /** The caller does not wait any more. */
  | { readonly _tag: "CallerGone"; readonly callId: CallId }
  | { readonly _tag: "Loaded"; readonly work: WorkId; readonly stored: StoredRecord | undefined }
  | { readonly _tag: "Decided"; readonly work: WorkId; readonly decision: Decision }
  /** What is known of transactions that generalized accounts are said to have authenticated. */
  | { readonly _tag: "Authenticated"; readonly answers: ReadonlyArray<Answered> }
  /** The chain has answered. */
  | { readonly _tag: "Told"; readonly work: WorkId; readonly told: ChainTold }
  | { readonly _tag: "Signed"; readonly work: WorkId; readonly signedTx: SignedTx }
  | { readonly _tag: "NotSigned"; readonly work: WorkId; readonly reason: SignerError | Decline }
  /** A read, or the write of a transition, failed. A transition whose write failed has not happened. */
  | { readonly _tag: "StoreFailed"; readonly error: StoreError; readonly during: ClientEvent | undefined }
  | { readonly _tag: "TimerFired"; readonly callId: CallId }

/** What a client asks of its shell. */
export type ClientEffect =
  /** Comes first, at most once in a transition; if it fails, the transition has not happened. */
  | { readonly _tag: "Persist"; readonly record: ChannelRecord; readonly expected: number }
  | { readonly _tag: "Load"; readonly work: WorkId; readonly channelId: ChannelId }
  | { readonly _tag: "Send"; readonly request: Request; readonly id: Json | undefined }
  | { readonly _tag: "AskPolicy"; readonly work: WorkId; readonly proposal: Proposal }
  | { readonly _tag: "AskUnverified"; readonly work: WorkId; readonly proposal: UnverifiedProposal }
  | { readonly _tag: "AskChain"; readonly work: WorkId; readonly question: ChainQuestion }
  | { readonly _tag: "AskSigner"; readonly work: WorkId; readonly details: SigningDetails }
  /** The policy's or signer's answer is not wanted any more. */
  | { readonly _tag: "CallOff"; readonly work: WorkId }
  | { readonly _tag: "Succeed"; readonly callId: CallId; readonly result: CallResult }
  | { readonly _tag: "Fail"; readonly callId: CallId; readonly error: FlowError }
  | { readonly _tag: "Emit"; readonly event: ChannelEvent }
  | { readonly _tag: "SetTimer"; readonly callId: CallId; readonly milliseconds: number | undefined }
  | { readonly _tag: "Disconnect" }
  /**
   * A new connection, which leads back to the channel, in place of the one there is. `after`: how that ended, or how the
   * last attempt did; without it there is no time to lose.
   */
  | {
      readonly _tag: "Connect"
      readonly parameters: ReconnectParameters
      readonly after: TransportError | undefined
    }

/** A transition's outcome. */
export interface Transition {
  readonly state: ClientState
  readonly effects: ReadonlyArray<ClientEffect>
}
