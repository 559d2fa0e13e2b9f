/**
 * What a channel's state machine knows: its options, the off-chain state, and what it waits for.
 *
 * @since 0.1.0
 */
import type { SignedTx } from "../../chain/SignedTx.js"
import type { AccountAddress, BlockHash, ChannelId, TxHash } from "../../encoding/ApiEncoding.js"
import type { FsmId } from "../../protocol/NodeMessage.js"
import type {
  MinimumDepthStrategy,
  OpenParameters,
  ReportClass,
  Role,
  TimerName
} from "../../protocol/OpenParameters.js"
import type { SignTag } from "../../protocol/SignTag.js"
import * as Trees from "../../state/Trees.js"
import * as Trie from "../../state/Trie.js"
import type { Update } from "../../state/Update.js"
import type { FsmEvent } from "../FsmEvent.js"
import type { MutualOperation, TemporaryChannelId } from "../PeerMessage.js"
import * as History from "./History.js"
import { type StateName, timeoutsOf } from "./States.js"

/**
 * What a state machine is started with. `initiatorId` is `any` at a responder that takes whoever comes first;
 * `temporaryChannelId` (32 random bytes as hex) counts at the initiator only.
 *
 * @since 0.1.0
 * @category models
 */
export interface FsmOptions {
  readonly role: Role
  readonly parameters: OpenParameters
  readonly fsmId: FsmId
  readonly temporaryChannelId: TemporaryChannelId
  /** The account of the own client. */
  readonly ownAddress: AccountAddress
  readonly initiatorId: AccountAddress | "any"
  /** How many key blocks old a pinned block may be where the opening does not say. Default 10. */
  readonly oldestPin?: number
}

/**
 * How deep a transaction must be: by the fee (`value` is the root's degree) or in blocks.
 *
 * @since 0.1.0
 * @category models
 */
export interface MinimumDepth {
  readonly strategy: MinimumDepthStrategy
  readonly value: number
}

/**
 * Which blocks a proposal may be pinned to: no older and no newer than so many key blocks below the top, and which one
 * the node picks itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface BlockHashDelta {
  readonly notOlderThan: number
  readonly notNewerThan: number
  readonly pick: number
}

/**
 * Options with every default filled in.
 *
 * @since 0.1.0
 * @category models
 */
export interface NormalizedOptions extends FsmOptions {
  /** Absent at an initiator that leaves it to the responder. */
  readonly minimumDepth: MinimumDepth | undefined
  readonly timeouts: Record<TimerName, number>
  readonly reports: Record<ReportClass, boolean>
  readonly logKeep: number
  readonly blockHashDelta: BlockHashDelta
  readonly keepRunning: boolean
  readonly msgForwarding: boolean
}

const allReports: Record<ReportClass, boolean> = {
  info: true,
  update: true,
  leave: true,
  conflict: true,
  message: true,
  error: true,
  debug: false,
  on_chain_tx: true,
  min_depth: true
}

/** The whole triple falls back when it contradicts itself. */
const deltaOf = (given: BlockHashDelta | undefined, notOlderThan: number): BlockHashDelta =>
  given !== undefined &&
  given.notOlderThan >= 0 &&
  given.notNewerThan >= 0 &&
  given.notOlderThan >= given.notNewerThan + given.pick
    ? given
    : { notOlderThan, notNewerThan: 0, pick: 0 }

/** The default depth of each strategy: a degree of 10 by fee, 3 blocks in plain. */
const defaultDepth: Record<MinimumDepthStrategy, number> = { txfee: 10, plain: 3 }

const minimumDepthOf = (role: Role, parameters: OpenParameters): MinimumDepth | undefined => {
  const { minimumDepth, minimumDepthStrategy } = parameters
  if (minimumDepth === undefined && minimumDepthStrategy === undefined && role === "initiator")
    return undefined
  const strategy = minimumDepthStrategy ?? "txfee"
  return { strategy, value: minimumDepth ?? defaultDepth[strategy] }
}

/**
 * What an initiator without a wish of its own takes over from the responder. A `plain` strategy does not survive the
 * way in the reference node: such an initiator counts by the fee.
 *
 * @since 0.1.0
 * @category constructors
 */
export const adoptedMinimumDepth = (value: number, strategy: MinimumDepthStrategy): MinimumDepth =>
  strategy === "txfee" ? { strategy, value } : { strategy: "txfee", value: defaultDepth.txfee }

/**
 * Fills in the defaults: minimum depth, timers, report classes, log size, block hash window; `keepRunning` is a
 * responder's only.
 *
 * @since 0.1.0
 * @category constructors
 */
export const normalize = (options: FsmOptions): NormalizedOptions => {
  const { parameters, role } = options
  const logKeep = parameters.logKeep ?? 10
  return {
    ...options,
    minimumDepth: minimumDepthOf(role, parameters),
    timeouts: timeoutsOf(parameters.timeouts ?? {}),
    reports: { ...allReports, ...parameters.reports },
    logKeep: logKeep < 0 ? 10 : logKeep,
    blockHashDelta: deltaOf(parameters.blockHashDelta, options.oldestPin ?? 10),
    keepRunning: role === "responder" && (parameters.keepRunning ?? true),
    msgForwarding: parameters.msgForwarding ?? false
  }
}

/**
 * The latest co-signed state, and what is on its way to the next.
 *
 * @since 0.1.0
 * @category models
 */
export interface OffChain {
  readonly trees: Trees.Trees
  /** Results of the calls of earlier rounds. */
  readonly calls: Trie.Trie
  /** 0 until the create transaction is locked on both sides. */
  readonly round: number
  readonly signedTx: SignedTx | undefined
  /** Set at the proposer of an update while it waits for the acknowledgement. */
  readonly halfSignedTx: SignedTx | undefined
  /** While the state is one that was forced: the latest that both signed. */
  readonly coSigned?: OffChain | undefined
}

/**
 * An operation under way: a signature is awaited (`sign`), the peer's answer (`ack`), the depth of the transaction that
 * creates the channel or changes what it holds (`lock`), or the closing transaction's block (`close`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Pending {
  readonly stage: "sign" | "ack" | "lock" | "close"
  readonly tag: SignTag
  /** As the client got it at stage `sign`, afterwards as the client signed it. */
  readonly signedTx: SignedTx
  /** The serial of the proposal: the peer's at an acknowledger, the own one once it has left, else `undefined`. */
  readonly serial: number | undefined
  readonly updates: ReadonlyArray<Update>
  readonly blockHash: BlockHash
  /** The trees after the updates, computed once. */
  readonly trees: Trees.Trees | undefined
  /** Where the machine goes back to. */
  readonly origin: Origin
  /** At stage `lock`: the depth was not reached in the time that is given for it. */
  readonly overdue?: true
}

/**
 * Where an operation can begin: in an idle channel, in a closing one, while the peer's word is awaited that a transaction
 * is deep enough (the peer's shutdown), or while a depth is awaited that does not come (a solo close).
 *
 * @since 0.1.0
 * @category models
 */
export type Origin = "open" | "channel_closing" | "awaiting_locked" | "signed" | "dep_signed" | "wdraw_signed"

/**
 * What was awaited when another operation came in between; it is awaited again if that comes to nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface Suspended {
  readonly pending: Pending | undefined
  readonly ongoing: boolean
}

/**
 * An own half-signed proposal that the peer has and has not answered yet. As long as there is one the machine
 * co-signs no other body for the round, and a late acknowledgement of it still counts: that is what keeps both parties
 * in step whatever crosses on the way.
 *
 * @since 0.1.0
 * @category models
 */
export interface Exposed {
  readonly operation: MutualOperation
  readonly pending: Pending
}

/**
 * A signing reply that has been answered already and waits for its state.
 *
 * @since 0.1.0
 * @category models
 */
export interface Signed {
  readonly _tag: "Signed"
  readonly tag: SignTag
  readonly signedTx: SignedTx
}

/**
 * What the handlers of the table take: the events of the outside, and signing replies by themselves.
 *
 * @since 0.1.0
 * @category models
 */
export type InnerEvent = FsmEvent | Signed

/**
 * What the machine does when a transaction is deep enough depends on what the transaction is for.
 *
 * @since 0.1.0
 * @category models
 */
export type DepthKind = "create" | "deposit" | "withdraw" | "close"

/**
 * A transaction whose depth is awaited, and what it is.
 *
 * @since 0.1.0
 * @category models
 */
export interface DepthWatch {
  readonly kind: DepthKind
  readonly txHash: TxHash
}

/**
 * The whole value of a state machine. The shell reads `name`, `channelId`, `createTx`, `options`, `clientMayDisconnect`,
 * `clientConnected`, `peerConnected`, `offChain`, `isStopped`; everything else is the machine's own.
 *
 * @since 0.1.0
 * @category models
 */
export interface FsmState {
  readonly options: NormalizedOptions
  readonly name: StateName
  readonly status: "undefined" | "attached" | "open" | "closing"
  readonly isStopped: boolean
  readonly initiatorId: AccountAddress | "any"
  readonly responderId: AccountAddress
  /** The reserve the machine works with: the initiator's, which the responder adopts. */
  readonly channelReserve: bigint
  readonly temporaryChannelId: TemporaryChannelId
  readonly minimumDepth: MinimumDepth | undefined
  /** Null until the create transaction is known. */
  readonly channelId: ChannelId | null
  /** The co-signed create transaction; undefined until this machine waits for it on chain. */
  readonly createTx: SignedTx | undefined
  readonly offChain: OffChain
  readonly pending: Pending | undefined
  readonly suspended: Suspended | undefined
  readonly exposed: ReadonlyArray<Exposed>
  /** Serial of the next own proposal. */
  readonly nextSerial: number
  /** The highest serial of the peer's proposals that has got an answer. */
  readonly answeredSerial: number
  readonly depthWatch: DepthWatch | undefined
  readonly ongoing: boolean
  readonly clientConnected: boolean
  readonly clientMayDisconnect: boolean
  readonly peerConnected: boolean
  /** The round of the last `update` report. */
  readonly lastReportedRound: number
  /** The newest transaction of this channel that the machine saw on chain. */
  readonly lastChannelChange: TxHash | undefined
  /** Own snapshots in blocks whose depth is awaited. */
  readonly snapshots: ReadonlySet<TxHash>
  /** A signed settle that waits for the end of the lock period. */
  readonly pendingSettle: SignedTx | undefined
  /** What closed the channel, for as long as a fork can drop it. */
  readonly closeTx: SignedTx | undefined
  /** The channel is closed for good. */
  readonly closedConfirmed: boolean
  /**
   * Whether the link to the peer must begin with the handshake of an existing channel: not (`none`), it must (`due`),
   * or the initiator has begun it (`asked`).
   */
  readonly reestablish: "none" | "due" | "asked"
  readonly assumed: ReadonlyMap<TxHash, DepthWatch["kind"]>
  readonly postponed: ReadonlyArray<InnerEvent>
  readonly log: History.History
}

/**
 * The trees a channel starts with, from the machine's own amounts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initialTrees = (options: FsmOptions, initiatorId: AccountAddress): Trees.Trees =>
  Trees.initial({
    initiatorId,
    responderId: options.parameters.responderId,
    initiatorAmount: options.parameters.initiatorAmount,
    responderAmount: options.parameters.responderAmount,
    pushAmount: options.parameters.pushAmount
  })

/**
 * A state machine before its first event.
 *
 * @since 0.1.0
 * @category constructors
 */
export const initial = (given: FsmOptions): FsmState => {
  const options = normalize(given)
  const { initiatorId, parameters, role } = options
  return {
    options,
    name: role === "initiator" ? "awaiting_connect" : "awaiting_open",
    status: "undefined",
    isStopped: false,
    initiatorId,
    responderId: parameters.responderId,
    channelReserve: parameters.channelReserve,
    temporaryChannelId: options.temporaryChannelId,
    minimumDepth: options.minimumDepth,
    channelId: null,
    createTx: undefined,
    offChain: {
      trees: initiatorId === "any" ? Trees.empty : initialTrees(options, initiatorId),
      calls: Trie.empty,
      round: 0,
      signedTx: undefined,
      halfSignedTx: undefined
    },
    pending: undefined,
    suspended: undefined,
    exposed: [],
    nextSerial: 1,
    answeredSerial: 0,
    depthWatch: undefined,
    ongoing: false,
    clientConnected: true,
    clientMayDisconnect: false,
    peerConnected: false,
    lastReportedRound: 0,
    lastChannelChange: undefined,
    snapshots: new Set(),
    pendingSettle: undefined,
    closeTx: undefined,
    closedConfirmed: false,
    reestablish: "none",
    assumed: new Map(),
    postponed: [],
    log: History.make(options.logKeep)
  }
}
