/**
 * A state channel as its user sees it: opening, transfers, messages, queries, closing, and what happens meanwhile.
 *
 * ```ts
 * const program = Effect.gen(function* () {
 *   const channel = yield* Channel.open({ role: "initiator", networkId: "ae_dev", ...terms })
 *   const state = yield* channel.transfer({ amount: 5n })
 *   yield* channel.shutdown()
 * })
 * ```
 *
 * Specification: channel WebSocket API.
 *
 * @since 0.1.0
 */
import { Duration, Effect, type Schedule, type Scope, type Stream, type Subscribable } from "effect"
import type { Crypto } from "../crypto/Crypto.js"
import type { AccountAddress, BlockHash, ChannelId, ContractId, TxHash } from "../encoding/ApiEncoding.js"
import * as DecodeError from "../encoding/DecodeError.js"
import * as Fee from "../chain/Fee.js"
import * as Ids from "../chain/Ids.js"
import * as Protocol from "../chain/Protocol.js"
import { Codec, type Dialect } from "../protocol/Codec.js"
import { SignerError, StoreError, type TransportError, VerificationError } from "../protocol/Errors.js"
import type { Balance, FsmId, HistoryEntry } from "../protocol/NodeMessage.js"
import type { ChannelTerms, OpenParameters, Role } from "../protocol/OpenParameters.js"
import type {
  ContractCallInput,
  HistoryTag,
  HistoryType,
  OnChainOptions,
  UpdateOptions
} from "../protocol/Request.js"
import { ChannelStore } from "../services/ChannelStore.js"
import type { ProposalPolicy } from "../services/ProposalPolicy.js"
import { Signer } from "../services/Signer.js"
import type { Transport } from "../services/Transport.js"
import type { Poi } from "../state/Poi.js"
import type {
  ChannelError,
  ChannelEvent,
  ChannelStatus,
  ClosedChannel,
  Contract,
  CoSignedState,
  FlowError,
  OffChainState,
  SoloTransaction
} from "./ChannelEvent.js"
import type { ClientConfig, Command, OperationRequest } from "./ClientMachine.js"
import { type ContractCall, fromObject, fromResult } from "./ContractCall.js"
import * as Given from "./internal/given.js"
import * as Shell from "./internal/shell.js"
import * as FateContracts from "../fate/Contracts.js"
import * as RequestIds from "./RequestIds.js"

/**
 * What it takes to open a channel: the opening parameters and the client's own settings.
 *
 * - `networkId`: part of every signature, e.g. `ae_mainnet`, `ae_uat`, `ae_dev`
 * - `protocol`: the chain's protocol version; default 6 (Ceres). Decides which transactions and signatures are legal, and
 *   how contracts run that do not look at the chain.
 * - `maximumFee`: aettos that a transaction may cost which we pay for; default a hundred times the usual minimum. Does
 *   not bind fees and gas prices that we name ourselves.
 * - `requestTimeout`: how long the node may take for answers that need nobody else (default 60 seconds). What needs the
 *   peer is bounded by the node's own timers.
 * - `chainTimeout`: how long a transaction that only we have signed may take to be seen on chain (default 6 minutes)
 * - `autoSlash`: whether the client answers an older state on chain with its own latest by itself, as soon as the node
 *   tells of it (default true); never once the channel is frozen
 * - `requestIds`: which requests carry an id; default all but signatures, with the older dialects only queries, or none
 * - `firstRequestId`: the first id; the next are one more each. Default 1.
 * - `eventBuffer`: events kept for listeners that come late or are slow; default 1024
 * - `reconnect`: when a connection that is lost is made again, by itself: the schedule is told how the connection, or the
 *   last attempt, ended, begins anew after every return, and gives up where it ends. Default: never. Only an open channel
 *   comes back, and only to a node that has not said that it is over (`died`).
 *
 * The reports `info`, `update`, `conflict`, `leave` and `on_chain_tx` should stay on: the channel lives by them.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenOptions extends OpenParameters, ClientOptions {
  readonly networkId: string
}

/**
 * The client's own settings; see {@link OpenOptions}.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientOptions {
  readonly protocol?: number
  readonly maximumFee?: bigint
  readonly requestTimeout?: Duration.DurationInput
  readonly chainTimeout?: Duration.DurationInput
  readonly autoSlash?: boolean
  readonly requestIds?: RequestIds.RequestIdTable
  readonly firstRequestId?: bigint
  readonly eventBuffer?: number
  readonly reconnect?: Schedule.Schedule<unknown, TransportError>
}

/**
 * What it takes to come back to a channel: which it is, as which party, and the client's own settings as with
 * {@link OpenOptions}. All else is in the store.
 *
 * - `ttl`: the default for on-chain transactions that the channel was opened with, if there was one
 * - `host`, `port`: where the responder's node listens for the initiator's; a node that comes back to a channel knows
 *   it, but wants to be given one. Default `localhost`, 3333.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResumeOptions extends ClientOptions {
  readonly channelId: ChannelId
  readonly role: Role
  readonly networkId: string
  readonly ttl?: number
  readonly host?: string
  readonly port?: number
}

/**
 * A transfer: `amount` aettos, from us to the peer unless `from` or `to` say otherwise. `meta` are texts that the peer
 * sees with it; `blockHash` pins the block in whose state it is computed.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransferOptions {
  readonly amount: bigint
  readonly from?: AccountAddress
  readonly to?: AccountAddress
  readonly meta?: ReadonlyArray<string>
  readonly blockHash?: BlockHash
}

/**
 * A deposit: `amount` aettos of our account on chain come into the channel. `meta` are texts that the peer sees with it,
 * `blockHash` pins the block in whose state it is computed; fee, gas price and nonce are of the transaction, for which
 * we pay.
 *
 * @since 0.1.0
 * @category models
 */
export interface DepositOptions extends OnChainOptions {
  readonly amount: bigint
  readonly meta?: ReadonlyArray<string>
  readonly blockHash?: BlockHash
}

/**
 * A withdrawal: `amount` aettos of our balance in the channel go to our account on chain. The rest as with a deposit.
 *
 * @since 0.1.0
 * @category models
 */
export interface WithdrawOptions extends DepositOptions {}

/**
 * Bytes, or the same as text with the prefix `cb_`, as compilers and encoders of call data have it.
 *
 * @since 0.1.0
 * @category models
 */
export type ContractBytes = Uint8Array | string

/**
 * A new contract: `code` is a compiled contract, `callData` a call of its `init`; `deposit` aettos (default 0) go from us
 * to it. `vmVersion` (default 8, FATE 3) and `abiVersion` (default 3) are those that it was compiled for. `meta` are texts
 * that the peer sees with it, `blockHash` pins the block in which `init` runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface CreateContractOptions {
  readonly code: ContractBytes
  readonly callData: ContractBytes
  readonly deposit?: bigint
  readonly vmVersion?: number
  readonly abiVersion?: number
  readonly meta?: ReadonlyArray<string>
  readonly blockHash?: BlockHash
}

/**
 * A call: `amount` aettos (default 0) go from us to the contract. The rest as with a new contract.
 *
 * @since 0.1.0
 * @category models
 */
export interface CallContractOptions {
  readonly contractId: ContractId
  readonly callData: ContractBytes
  readonly amount?: bigint
  readonly abiVersion?: number
  readonly meta?: ReadonlyArray<string>
  readonly blockHash?: BlockHash
}

/**
 * A call that the chain is to run. We pay for it there: at most `gas` units (default 1000000) at `gasPrice` aettos (default
 * 10^9), next to the transaction's fee, which is of that price too.
 *
 * @since 0.1.0
 * @category models
 */
export interface ForceProgressOptions {
  readonly contractId: ContractId
  readonly callData: ContractBytes
  readonly amount?: bigint
  readonly abiVersion?: number
  readonly gas?: bigint
  readonly gasPrice?: bigint
  readonly nonce?: bigint
}

/**
 * What came of a call: the state with both signatures, and the outcome, which may be an error.
 *
 * @since 0.1.0
 * @category models
 */
export interface CalledContract {
  readonly state: CoSignedState
  readonly call: ContractCall
}

/**
 * A contract that was created: `call` is the outcome of its `init`.
 *
 * @since 0.1.0
 * @category models
 */
export interface CreatedContract extends CalledContract {
  readonly contractId: ContractId
}

/**
 * What was forced on chain: the transaction, and the state that it led to.
 *
 * @since 0.1.0
 * @category models
 */
export interface ForcedProgress extends SoloTransaction, CalledContract {}

/**
 * Contracts of a channel. A round with a contract is computed here before anything is signed for it; one that cannot be
 * (contracts of the AEVM; contracts that look at the chain, without a `ChainReader` that knows it) is left to the policy
 * as unverified, and fails with `VerificationError` unless that accepts it. Bytes that are no such text fail with
 * `DecodeError`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Contracts {
  /** Proposes a contract; ends when both have signed. Fails with `RejectedError` (1007) when `init` does not end well. */
  readonly create: (options: CreateContractOptions) => Effect.Effect<CreatedContract, FlowError>
  /**
   * Proposes a call; ends when both have signed. A call that ends in an error is a round too: see `ContractCall.value`,
   * and `dryRun` for looking first.
   */
  readonly call: (options: CallContractOptions) => Effect.Effect<CalledContract, FlowError>
  /** What a call would come to in the next round; nothing is proposed. Compared with what comes of it here. */
  readonly dryRun: (options: CallContractOptions) => Effect.Effect<ContractCall, FlowError>
  /** A contract of the latest state, compared with ours; fails with `RejectedError` (100) if there is none. */
  readonly get: (contractId: ContractId) => Effect.Effect<Contract, FlowError>
  /**
   * The outcome of an earlier call, as the node remembers it, default of our own; fails with `RejectedError` (1004) if it
   * does not. That of the latest round is compared with ours.
   */
  readonly getCall: (options: {
    readonly contractId: ContractId
    readonly callerId?: AccountAddress
    readonly round: number
  }) => Effect.Effect<ContractCall, FlowError>
  /** Lets the node forget the outcomes of earlier calls. */
  readonly cleanCalls: Effect.Effect<void, FlowError>
}

/**
 * Which entries of the node's log: the `n` newest (default 10) of these types and tags (default all).
 *
 * @since 0.1.0
 * @category models
 */
export interface HistoryOptions {
  readonly n?: number
  readonly types?: ReadonlyArray<HistoryType>
  readonly tags?: ReadonlyArray<HistoryTag>
}

/**
 * What works from the moment the connection stands.
 *
 * @since 0.1.0
 * @category models
 */
export interface Session {
  readonly role: Role
  readonly terms: ChannelTerms
  /** The channel's condition: now, and every change until the end. */
  readonly status: Subscribable.Subscribable<ChannelStatus>
  /**
   * Everything that happens, in order; ends with `Ended`. Each listener gets the last events that went before it came
   * (up to `eventBuffer`, so usually all), then the new ones. Nobody has to listen; who is more than `eventBuffer`
   * events behind loses the oldest.
   */
  readonly events: Stream.Stream<ChannelEvent>
  /** Sends a text to the peer, at most 65000 bytes in UTF-8; ends when the node has taken it. */
  readonly sendMessage: (text: string) => Effect.Effect<void, FlowError>
  /**
   * Off-chain balances as the node has them, compared with ours; default: of both parties. Once the channel is frozen
   * ours may be behind: where they differ this fails with `StoreError`, and so do `offChainState` and `poi`.
   */
  readonly balances: (
    accounts?: ReadonlyArray<AccountAddress>
  ) => Effect.Effect<ReadonlyArray<Balance>, FlowError>
  /** Keeps the socket alive; ends with the answer. */
  readonly ping: Effect.Effect<void, FlowError>
  /** Ends the node's state machine at once, without regard to the peer. A test helper. */
  readonly stop: Effect.Effect<void, FlowError>
  /**
   * Calls off the operation under way, ours or the peer's, while its signature is not out: our caller fails with this
   * code (default 4), and the node is told it, as soon as it asks for the signature if it has not yet. Too late: the node refuses (`RejectedError`, 1018) and the operation
   * goes on. Nothing under way: nothing happens.
   */
  readonly abort: (code?: number) => Effect.Effect<void, FlowError>
  /**
   * Lets our node take the transaction under way (create, deposit, withdrawal, closing) as deep enough; `txHash` is of
   * the signed transaction. The peer's node still waits for its own.
   */
  readonly assumeMinimumDepth: (txHash: TxHash) => Effect.Effect<void, FlowError>
  /** The newest entries of the node's log of this channel, newest first. */
  readonly history: (options?: HistoryOptions) => Effect.Effect<ReadonlyArray<HistoryEntry>, FlowError>
  /** The secret for coming back to the node's state machine, as last received. */
  readonly fsmId: Effect.Effect<FsmId | undefined>
}

/**
 * A channel that is being opened.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpeningChannel extends Session {
  /** The open channel; may be awaited any number of times. */
  readonly opened: Effect.Effect<Channel, ChannelError>
}

/**
 * An open channel. Own operations (`transfer`, `contracts.create`, `contracts.call`, `forceProgress`, `deposit`, `withdraw`,
 * `shutdown`, `leave`, `snapshotSolo`, `closeSolo`, `slash`, `settle`) run one at a time, in the order in which they were called, and never while a proposal of the peer is
 * being answered; all the rest works at any time. What only we sign makes room for the next as soon as the node has it,
 * and ends when it is on chain. An interrupted operation is aborted (code 4) if our signature is not out yet; otherwise it
 * goes on without its caller.
 *
 * @since 0.1.0
 * @category models
 */
export interface Channel extends Session {
  readonly id: ChannelId
  /** The latest co-signed state: now, and every new one until the end. */
  readonly latest: Subscribable.Subscribable<CoSignedState>
  /** Proposes a transfer; ends when both have signed and the state is stored. */
  readonly transfer: (options: TransferOptions) => Effect.Effect<CoSignedState, FlowError>
  /**
   * Brings coins into the channel; ends when both nodes have seen the transaction deep enough and the new state is
   * stored. Before that no balance changes. After a `TimeoutError` it may still be mined: the state is taken over when
   * the node tells it.
   */
  readonly deposit: (options: DepositOptions) => Effect.Effect<CoSignedState, FlowError>
  /** Takes coins of ours out of the channel; ends as a deposit does. */
  readonly withdraw: (options: WithdrawOptions) => Effect.Effect<CoSignedState, FlowError>
  /** Contracts in this channel. */
  readonly contracts: Contracts
  /**
   * Has the chain run a contract call on the latest state, without the peer; ends when the node has seen the
   * transaction there and the state that it led to is the latest. Fails as `snapshotSolo` does, with `ConflictError` also
   * when the chain's state was not the one that it follows from. A contract that looks at the block usually finds another
   * one on chain than here, and then nothing comes of it but the costs.
   */
  readonly forceProgress: (options: ForceProgressOptions) => Effect.Effect<ForcedProgress, FlowError>
  /** The node's whole state, compared with ours. */
  readonly offChainState: Effect.Effect<OffChainState, FlowError>
  /** A proof that accounts (default: both parties) and contracts are part of our latest state; verified. */
  readonly poi: (options?: {
    readonly accounts?: ReadonlyArray<AccountAddress>
    readonly contracts?: ReadonlyArray<ContractId>
  }) => Effect.Effect<Poi, FlowError>
  /** Proposes to close the channel; ends when the closing transaction is confirmed on chain. */
  readonly shutdown: (options?: OnChainOptions) => Effect.Effect<ClosedChannel, FlowError>
  /**
   * Puts the latest state on chain; ends when the node has seen the transaction there. Fails with `RejectedOnChainError`
   * when the mempool refuses it, with `TimeoutError` (step `chain`) when nothing comes for `chainTimeout`, and with
   * `ConflictError` (step `chain`) when another transaction came first; so do the next three.
   */
  readonly snapshotSolo: (options?: OnChainOptions) => Effect.Effect<SoloTransaction, FlowError>
  /** Begins to close the channel alone, with the latest state; ends when the node has seen the transaction on chain. */
  readonly closeSolo: (options?: OnChainOptions) => Effect.Effect<SoloTransaction, FlowError>
  /**
   * Answers an older state on chain with the latest; ends when the node has seen the transaction there. Usually the
   * client has done so already (`autoSlash`). Fails with `ValidationError` when our latest state came on chain by itself,
   * so that there is none older.
   */
  readonly slash: (options?: OnChainOptions) => Effect.Effect<SoloTransaction, FlowError>
  /**
   * Pays out after the lock period of a solo closing, and may be asked before it is over; ends when the channel's end is
   * confirmed, also when the peer's settlement came first. A lock period longer than `chainTimeout` ends it before.
   */
  readonly settle: (options?: OnChainOptions) => Effect.Effect<ClosedChannel, FlowError>
  /** Leaves: the session ends, the channel stays open on chain. */
  readonly leave: Effect.Effect<void, FlowError>
  /**
   * Puts a new connection in the place of the one there is, or tries at once if there is none; ends when both hold the
   * same again. Without the option `reconnect` the channel is over when that fails.
   */
  readonly reconnect: Effect.Effect<void, FlowError>
}

/**
 * What a client needs. If there is a `ChainReader` in the environment as well, rounds are checked with it whose contracts
 * look at the chain.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements = Scope.Scope | Transport | Codec | Signer | ProposalPolicy | ChannelStore | Crypto

const termsOf = (parameters: OpenParameters): ChannelTerms => ({
  initiatorId: parameters.initiatorId,
  responderId: parameters.responderId,
  initiatorAmount: parameters.initiatorAmount,
  responderAmount: parameters.responderAmount,
  pushAmount: parameters.pushAmount,
  channelReserve: parameters.channelReserve,
  lockPeriod: parameters.lockPeriod
})

/** The options as the machine has them. */
const configOf = (options: OpenOptions, dialect: Dialect): ClientConfig => {
  const {
    networkId,
    protocol = Protocol.latest,
    maximumFee,
    requestTimeout = Duration.seconds(60),
    chainTimeout = Duration.minutes(6),
    autoSlash = true,
    requestIds = RequestIds.byDialect[dialect],
    firstRequestId = 1n,
    eventBuffer: _,
    reconnect,
    ...parameters
  } = options
  const terms = termsOf(parameters)
  const { role } = parameters
  const [own, peer] =
    role === "initiator" ? [terms.initiatorId, terms.responderId] : [terms.responderId, terms.initiatorId]
  return {
    role,
    own,
    peer,
    terms,
    parameters,
    networkId,
    protocol,
    maximumFee,
    requestIds,
    firstRequestId,
    requestTimeout: Duration.toMillis(requestTimeout),
    chainTimeout: Duration.toMillis(chainTimeout),
    autoSlash,
    reconnects: reconnect !== undefined
  }
}

const start = (
  options: OpenOptions,
  resumes?: Shell.ShellOptions["resumes"]
): Effect.Effect<Started, ChannelError, Requirements> =>
  Effect.gen(function* () {
    const wrong = Given.wrongOpening(options)
    if (wrong !== undefined) return yield* wrong
    const { dialect } = yield* Codec
    const config = configOf(options, dialect)
    const { eventBuffer = 1024, reconnect } = options
    const shell = yield* Shell.make({ config, eventBuffer, reconnect, resumes })
    const session = sessionOf(shell, config)
    const opened = Effect.map(shell.opened, ({ channelId }) => channelOf(shell, config, session, channelId))
    return { opening: { ...session, opened }, close: shell.close }
  })

interface Started {
  readonly opening: OpeningChannel
  /** Ends everything, also the connection. */
  readonly close: Effect.Effect<void>
}

const sessionOf = ({ ask, events, state, status }: Shell.Shell, { role, terms }: ClientConfig): Session => ({
  role,
  terms,
  status,
  events,
  sendMessage: (text) => Effect.asVoid(ask("Done", { _tag: "SendMessage", text })),
  balances: (accounts = [terms.initiatorId, terms.responderId]) =>
    Effect.map(ask("Balances", { _tag: "Balances", accounts }), ({ balances }) => balances),
  ping: Effect.asVoid(ask("Done", { _tag: "Ping" })),
  stop: Effect.asVoid(ask("Done", { _tag: "Stop" })),
  abort: (code = 4) =>
    reading(() =>
      Effect.asVoid(ask("Done", { _tag: "Abort", code: Given.codeOrThrow("abort", "code", code) }))
    ),
  assumeMinimumDepth: (txHash) => Effect.asVoid(ask("Done", { _tag: "AssumeMinimumDepth", txHash })),
  history: ({ n = 10, ...filter } = {}) =>
    Effect.map(ask("History", { _tag: "History", filter: { n, ...filter } }), ({ entries }) => entries),
  fsmId: Effect.sync(() => state().fsmId)
})

const channelOf = (
  { ask, latest }: Shell.Shell,
  { own, peer, terms }: ClientConfig,
  session: Session,
  id: ChannelId
): Channel => ({
  ...session,
  id,
  latest,
  transfer: ({ from, to, ...options }) =>
    reading(() => {
      const amount = Given.amountOrThrow("transfer", "amount", options.amount)
      const payer = from ?? (to === own ? peer : own)
      const payee = to ?? (payer === own ? peer : own)
      return coSigned(ask, { _tag: "Transfer", from: payer, to: payee, amount, ...updateOptions(options) })
    }),
  deposit: ({ meta = [], ...options }) =>
    reading(() => {
      const amount = Given.amountOrThrow("deposit", "amount", options.amount)
      return coSigned(ask, { _tag: "Deposit", meta, ...options, amount })
    }),
  withdraw: ({ meta = [], ...options }) =>
    reading(() => {
      const amount = Given.amountOrThrow("withdraw", "amount", options.amount)
      return coSigned(ask, { _tag: "Withdraw", meta, ...options, amount })
    }),
  contracts: contractsOf(ask, own),
  forceProgress: (options) =>
    reading(() => {
      const { gas = 1_000_000n, gasPrice = Fee.defaultMinerGasPrice, nonce } = options
      const price = nonce === undefined ? { gas, gasPrice } : { gas, gasPrice, nonce }
      const request = operate({ _tag: "ForceProgress", ...callInput(options), ...price })
      return Effect.flatMap(ask("Forced", request), ({ state, transaction, verified }) =>
        Effect.map(callOf(state, options.contractId, own, verified), (call) => ({
          ...transaction,
          state,
          call
        }))
      )
    }),
  offChainState: Effect.map(ask("OffChainState", { _tag: "OffChainState" }), ({ state: whole }) => whole),
  poi: ({ accounts = [terms.initiatorId, terms.responderId], contracts = [] } = {}) =>
    Effect.map(ask("Poi", { _tag: "Poi", accounts, contracts }), ({ poi }) => poi),
  shutdown: (options = {}) => closed(ask, { _tag: "Shutdown", ...options }),
  snapshotSolo: (options = {}) => seen(ask, { _tag: "SnapshotSolo", ...options }),
  closeSolo: (options = {}) => seen(ask, { _tag: "CloseSolo", ...options }),
  slash: (options = {}) => seen(ask, { _tag: "Slash", ...options }),
  settle: (options = {}) => closed(ask, { _tag: "Settle", ...options }),
  leave: Effect.asVoid(ask("Done", operate({ _tag: "Leave" }))),
  reconnect: Effect.asVoid(ask("Done", { _tag: "Reconnect" }))
})

type Ask = Shell.Shell["ask"]

const contractsOf = (ask: Ask, own: AccountAddress): Contracts => ({
  create: (options) =>
    reading(() => {
      const { abiVersion = fateAbi, callData, code, deposit = 0n, vmVersion = fate3 } = options
      const request: OperationRequest = {
        _tag: "NewContract",
        vmVersion,
        abiVersion,
        deposit: Given.amountOrThrow("new_contract", "deposit", deposit),
        code: Given.bytesOrThrow("new_contract", "code", code),
        callData: Given.bytesOrThrow("new_contract", "callData", callData),
        ...updateOptions(options)
      }
      return Effect.flatMap(ask("CoSigned", operate(request)), ({ state, verified }) => {
        const contractId = Ids.contractId(own, state.round)
        return Effect.map(callOf(state, contractId, own, verified), (call) => ({ contractId, state, call }))
      })
    }),
  call: (options) =>
    reading(() => {
      const input = { ...callInput(options), ...updateOptions(options) }
      const request = operate({ _tag: "CallContract", ...input })
      return Effect.flatMap(ask("CoSigned", request), ({ state, verified }) =>
        Effect.map(callOf(state, options.contractId, own, verified), (call) => ({ state, call }))
      )
    }),
  dryRun: (options) =>
    reading(() => {
      const request = { _tag: "DryRunContract", ...callInput(options), ...updateOptions(options) } as const
      return Effect.map(ask("ContractCall", { _tag: "DryRun", request }), ({ call, verified }) =>
        fromResult(call, verified)
      )
    }),
  get: (contractId) =>
    Effect.map(ask("Contract", { _tag: "GetContract", contractId }), ({ contract }) => contract),
  getCall: ({ callerId = own, ...call }) =>
    Effect.map(
      ask("ContractCall", { _tag: "GetCall", request: { _tag: "GetContractCall", callerId, ...call } }),
      ({ call, verified }) => fromResult(call, verified)
    ),
  cleanCalls: Effect.asVoid(ask("Done", { _tag: "CleanCalls" }))
})

const fateAbi = 3
const fate3 = 8

/** What is read wrong fails; nothing is read before it is asked for. */
const reading = <A>(read: () => Effect.Effect<A, FlowError>): Effect.Effect<A, FlowError> =>
  Effect.flatten(Effect.suspend(() => DecodeError.attempt(read)))

const callInput = (options: CallContractOptions | ForceProgressOptions): ContractCallInput => {
  const { abiVersion = fateAbi, amount = 0n, callData, contractId } = options
  return {
    contractId,
    abiVersion,
    amount: Given.amountOrThrow("call_contract", "amount", amount),
    callData: Given.bytesOrThrow("call_contract", "callData", callData)
  }
}

const updateOptions = ({
  blockHash,
  meta = []
}: Pick<CallContractOptions, "blockHash" | "meta">): UpdateOptions =>
  blockHash === undefined ? { meta } : { meta, blockHash }

/** The outcome in the state of its own round, which was computed here, or was accepted as it is. */
const callOf = (
  state: CoSignedState,
  contractId: ContractId,
  own: AccountAddress,
  verified = true
): Effect.Effect<ContractCall, DecodeError.DecodeError> => {
  const call = FateContracts.callObject(state.trees, contractId, own, state.round)
  return call === undefined
    ? DecodeError.make("state", "no_call", `the state of round ${state.round} has no call of ${contractId}`)
    : Effect.succeed(fromObject(call, verified))
}

const operate = (request: OperationRequest): Command => ({ _tag: "Operate", request })

const coSigned = (ask: Ask, request: OperationRequest): Effect.Effect<CoSignedState, FlowError> =>
  Effect.map(ask("CoSigned", operate(request)), ({ state }) => state)

const seen = (ask: Ask, request: OperationRequest): Effect.Effect<SoloTransaction, FlowError> =>
  Effect.map(ask("Seen", operate(request)), ({ transaction }) => transaction)

const closed = (ask: Ask, request: OperationRequest): Effect.Effect<ClosedChannel, FlowError> =>
  Effect.map(ask("Closed", operate(request)), (result) => result.closed)

/**
 * Connects and begins to open a channel; ends as soon as the connection stands. The opening goes on while the scope is
 * open, and everything ends with it. For those who want to see or do something before the channel is open; all others
 * use {@link open}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const connect = (options: OpenOptions): Effect.Effect<OpeningChannel, ChannelError, Requirements> =>
  Effect.map(start(options), ({ opening }) => opening)

/**
 * Opens a channel, for either role; ends when the channel is open and its first state is co-signed and stored. The
 * channel lives until its scope is closed, which closes the connection; the node's side lives on (see `leave` and
 * `shutdown`).
 *
 * Fails with `DecodeError` when an option is no value of its type (an amount that is no bigint, say), with `RejectedError` when
 * the node refuses the parameters, with `TransportError` when it closes the connection
 * or its state machine ends, with `VerificationError` when the create transaction is not what the parameters say, and
 * with the failures of signer, policy and store. Then the connection is closed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (options: OpenOptions): Effect.Effect<Channel, ChannelError, Requirements> =>
  Effect.flatMap(start(options), ({ opening, close }) => Effect.onError(opening.opened, () => close))

/**
 * Comes back to a channel that was opened before, in this process or another: with what the store has of it, to the
 * node's state machine if that still runs (reconnect), or to a new one that goes on where the last ended (reestablish),
 * for which the peer has to come back too. Nobody else writes the record any more.
 *
 * Ends when the node is known to hold what we hold: the last co-signed state, which may be one that was completed while
 * we were away. A signature that may not have arrived is sent again, and whatever else was under way is called off; the
 * event `PendingResolved` says what became of it. If one side has lost a state that both have signed, the channel is
 * there but frozen: `status` says why, and every operation fails with `StoreError` (`state_lost`).
 *
 * Fails with `StoreError` when the store has no record of the channel (`missing`) or cannot be used, with
 * `VerificationError` when the record is of another network or what the node shows was never signed by both, with
 * `SignerError` when the signer is another account's, with `RejectedError` when the node does not take the secret
 * (1016), with `TransportError` when it does not know the channel, or ends it because the peer holds another state or
 * does not come.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resume = (options: ResumeOptions): Effect.Effect<Channel, ChannelError, Requirements> =>
  Effect.gen(function* () {
    const { channelId, host = "localhost", networkId, port = 3333, role, ...settings } = options
    const key = { channelId, role }
    const store = yield* ChannelStore
    const missing = new StoreError({
      operation: "resume",
      reason: "missing",
      detail: `there is no record of ${channelId} as ${role}`
    })
    const found = yield* store.read(key)
    if (found === undefined) return yield* missing
    const { record } = found
    const signer = yield* Signer
    if (signer.address !== record.ownAddress)
      return yield* new SignerError({
        operation: "resume",
        reason: "invalid",
        detail: `the signer signs for ${signer.address}, but the ${role} of the channel is ${record.ownAddress}`
      })
    if (record.networkId !== networkId)
      return yield* new VerificationError({
        operation: "resume",
        field: "networkId",
        expected: record.networkId,
        actual: networkId,
        channelId,
        advice: "Name the network on which the channel was opened."
      })
    const fence = yield* store.claim(key)
    // Once more: whoever wrote before the claim has written for the last time.
    const stored = yield* store.read(key)
    if (stored?.record.fsmId === undefined)
      return yield* new StoreError({
        operation: "resume",
        reason: "missing",
        detail: `the record of ${channelId} has no secret to come back with`
      })
    const parameters = {
      ...record.terms,
      ...settings,
      role,
      networkId,
      port,
      ...(role === "initiator" ? { host } : {})
    }
    const { opening, close } = yield* start(parameters, { stored, fence })
    return yield* Effect.onError(opening.opened, () => close)
  })
