/**
 * An æternity node for state channels, in the process of its clients: one state machine for each client's channel
 * end, a simulated chain, and blocks when they are wanted.
 *
 * The machines and the ledger are pure; this is the shell that feeds them with frames, timers and blocks, one event
 * at a time and in order. Time comes from `Clock`, ids from `Crypto`: with a test clock and a seeded double of
 * `Crypto`, two runs are equal to the byte.
 *
 * Specification: channel WebSocket API, connection and opening; æternity node, channel FSM.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { SignedTx } from "../chain/SignedTx.js"
import { Crypto } from "../crypto/Crypto.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import { DecodeError } from "../encoding/DecodeError.js"
import * as Rlp from "../encoding/Rlp.js"
import type { Role } from "../protocol/OpenParameters.js"
import { Codec } from "../protocol/Codec.js"
import type { CodecService } from "../protocol/Codec.js"
import * as Legacy from "../protocol/Legacy.js"
import { ChainLog } from "./internal/shell/ChainLog.js"
import type { Disturbance } from "./internal/shell/Conduit.js"
import type { ChannelEnd } from "./internal/shell/Ends.js"
import type { ClientLink } from "./internal/shell/Machine.js"
import { type Codecs, type Durable, type NodeDump, Shell } from "./internal/shell/Shell.js"
import { StateEntries } from "./internal/shell/StateEntries.js"
import type { TrafficListener } from "./internal/shell/Observers.js"
import { Timers } from "./internal/shell/Timers.js"
import * as Ledger from "./Ledger.js"
import { NodeStateError, NodeStorage, NodeStorageError } from "./NodeStorage.js"

export type { Disturbance } from "./internal/shell/Conduit.js"
export type { ChannelEnd } from "./internal/shell/Ends.js"
export type { ClientLink } from "./internal/shell/Machine.js"
export type { SocketTraffic, TrafficListener } from "./internal/shell/Observers.js"

/**
 * There is no snapshot of this number. A node that was started again has none.
 *
 * @since 0.1.0
 * @category errors
 */
export class SnapshotError extends Data.TaggedError("SnapshotError")<{ readonly snapshot: number }> {
  override get message(): string {
    return `There is no snapshot ${this.snapshot}: snapshots are counted from 1, and gone when the node stops`
  }
}

/**
 * A client's socket from the node's point of view; the transport calls it.
 *
 * @since 0.1.0
 * @category models
 */
export interface NodeSession {
  /** A text frame of the client. Binary frames are not part of the protocol: do not pass them on. */
  readonly receive: (text: string) => Effect.Effect<void>
  /**
   * The way of `receive` without a fiber: takes the frame at once. What is left to be done then, if anything, is to be
   * run. A session need not have it.
   */
  readonly take?: (text: string) => Effect.Effect<void> | undefined
  /** The socket is gone, or the client has begun to close it. Later calls do nothing. */
  readonly closed: Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ChannelNodeService {
  /**
   * A client has connected with this query string (without `?`; `undefined` and empty are closed with 1011, where a
   * server answers HTTP 500). What is wrong with the query is told on the link: a refusal and 1000, 1000 alone, or
   * 1011. Never fails.
   */
  readonly accept: (query: string | undefined, link: ClientLink) => Effect.Effect<NodeSession>
  /** Gives a transaction to the mempool, as a post to the node's HTTP API does. */
  readonly submit: (signedTx: SignedTx) => Effect.Effect<ApiEncoding.TxHash, Ledger.MempoolError>
  /** Makes this many key blocks; each takes the waiting transactions first. */
  readonly mine: (keyBlocks: number) => Effect.Effect<void>
  /** Makes one micro block of the transactions that wait. */
  readonly mineMicro: Effect.Effect<void>
  /** Adds aettos to an account, or makes it: a faucet. */
  readonly fund: (address: ApiEncoding.AccountAddress, amount: bigint) => Effect.Effect<void>
  /**
   * Another chain takes over: drops this many of the newest key blocks and what is on them. The dropped transactions
   * wait for a block again where they still may, unless told otherwise. Fails where the chain has not so many blocks.
   */
  readonly fork: (
    keyBlocks: number,
    options?: { readonly returnTransactions?: boolean }
  ) => Effect.Effect<void, Ledger.LedgerError>
  /**
   * Breaks the links between all machines and their peers, as a network does that fails. Who outlives it may meet its
   * peer again when that comes back.
   */
  readonly breakLinks: Effect.Effect<void>
  /** The ends of channels whose machines run, those that are being opened included. */
  readonly channels: Effect.Effect<ReadonlyArray<ChannelEnd>>
  /**
   * Cuts off a channel's clients without a close frame, or breaks the link between its ends (both hear of it, whichever
   * is named); of one role or of both. Gives the number of ends that had something to cut.
   */
  readonly disconnect: (
    channelId: ApiEncoding.ChannelId,
    options: { readonly what: "client" | "link"; readonly role?: Role }
  ) => Effect.Effect<number>
  /**
   * Delays, loses or doubles what goes over a channel's sockets (`to_client`, `from_client`: each frame) or over the
   * link between its ends (what the named role hears from its peer); of one role or of both. What was set before is
   * replaced, so `{}` heals; a new socket begins undisturbed. Gives the number of ends that had such a way.
   */
  readonly disturb: (
    channelId: ApiEncoding.ChannelId,
    options: Disturbance & { readonly way: "to_client" | "from_client" | "link"; readonly role?: Role }
  ) => Effect.Effect<number>
  /**
   * Time travel: it is so much later, at once. Machines whose time is up act on it before this ends, and the next blocks
   * carry the new time; blocks are not made by it, but for one where they come by an interval.
   */
  readonly travel: (duration: Duration.DurationInput) => Effect.Effect<void>
  /**
   * Lets a listener hear of all that goes over the node's sockets, beginning with those that are open, until the scope
   * closes. It is called in order and in the midst of the work: it must return soon and must not throw.
   */
  readonly observe: (listener: TrafficListener) => Effect.Effect<void, never, Scope.Scope>
  /** Remembers the chain and all channels as they are now, under a number that it gives. */
  readonly snapshot: Effect.Effect<number>
  /**
   * The chain and all channels are again as they were at a snapshot, which stays. Clients are told by a close with 1012
   * (the service restarts) and come back with their latest `fsm_id`, or the one they had then; openings under way end.
   * A client that remembers a newer co-signed state is right not to go on from an older one; this library's fails with
   * `state_lost`, unless its store is taken back as well. Machines of a time that is undone are gone, also where their channel did not exist at the snapshot.
   */
  readonly revert: (snapshot: number) => Effect.Effect<void, SnapshotError>
  /**
   * The chain and all channels as bytes, for {@link ChannelNodeService.load}. States of channels are sealed under the
   * `fsm_id`s of their clients. Fails for a chain that did not begin as `Ledger.make` leaves it.
   */
  readonly dump: Effect.Effect<Uint8Array>
  /**
   * The node is as it was at a dump, its own or another node's: the chain, and the channels, to which clients come back
   * with the `fsm_id` they had then. Clients are told by a close with 1012; snapshots are gone. Fails with
   * `NodeStateError`, and nothing is changed, where the bytes are no dump or their chain has another outcome today.
   */
  readonly load: (dump: Uint8Array) => Effect.Effect<void, NodeStateError>
  /** Whether a micro block is made as soon as a transaction waits. */
  readonly auto: (on: boolean) => Effect.Effect<void>
  /** The chain as it is now. */
  readonly ledger: Effect.Effect<Ledger.Ledger>
  /**
   * Ends when the node's storage has failed, and with it the node: clients are cut off, nobody is let in, no block is
   * made. What clients were told until then is in the storage. Never ends for a node without a storage.
   */
  readonly storageFailure: Effect.Effect<NodeStorageError>
}

/**
 * The node.
 *
 * @since 0.1.0
 * @category tags
 */
export class ChannelNode extends Context.Tag("@aechannel/core/ChannelNode")<
  ChannelNode,
  ChannelNodeService
>() {}

/**
 * When blocks are made, next to those that are asked for.
 *
 * @since 0.1.0
 * @category models
 */
export interface MiningOptions {
  /** A micro block as soon as a transaction waits. Default true. */
  readonly automatic?: boolean
  /** Key blocks right after each such micro block. Default 5, which is deeper than the usual minimum depth of 3. */
  readonly keyBlocksAfter?: number
  /** A key block every so often. Default: none. */
  readonly interval?: Duration.DurationInput
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ChannelNodeOptions {
  /** The chain to start with. */
  readonly ledger: Ledger.Ledger
  readonly mining?: MiningOptions
  /** How long `channel_accept` takes from the responder to the initiator. Default 10 ms; less breaks the JavaScript SDK. */
  readonly acceptDelay?: Duration.DurationInput
  /** The time between the last report and the close of a socket. Default 5 ms. */
  readonly closeDelay?: Duration.DurationInput
  /**
   * Channels at a time, of two state machines each: an opening for which there is no room is refused with -32603.
   * Default 10,000.
   */
  readonly maxChannels?: number
  /**
   * How many key blocks may pass between a proposal's block and the proposal, where an opening does not say so itself
   * (`blockHashDelta`). Default 10, as a real node has it, where blocks are made on request or on an interval; 10000 where they are made
   * by themselves in bursts, which are no sign that time has passed.
   */
  readonly oldestPin?: number
  /**
   * Refuses with -32603 what a real node swallows, and sends `channels.error` reports, which a real node loses.
   * Default false: every frame as a real node sends it.
   */
  readonly helpfulErrors?: boolean
  /**
   * Whether a call that is forced on co-signed rounds is taken over where another was forced before them and the chain
   * still remembers that one (below height 168,300). A real node does not, although the chain has it: it tells both
   * clients `can_snapshot`, and stays a round behind. Default true.
   */
  readonly takesForcedAgain?: boolean
  /**
   * Whether clients may ask for the legacy dialect (`protocol=legacy`) next to the node's own (`Codec`). Default: where
   * the own dialect is one of the older two, as nodes of that time did; later ones end such connections with 1011.
   */
  readonly legacy?: boolean
}

/** One codec for each protocol that a URL can name. */
const codecsOf = (codec: CodecService, legacy: boolean | undefined): Codecs => {
  const own = codec.dialect === "legacy" ? "legacy" : "json-rpc"
  const both = legacy ?? codec.dialect === "json-rpc-tx"
  return {
    usual: codec,
    byProtocol: new Map([...(both ? [["legacy", Legacy.codec] as const] : []), [own, codec] as const])
  }
}

/** What a dump begins with. */
const dumpMark = Bytes.utf8("aechannel node 1")

const partsOf = (dump: Uint8Array): NodeDump | NodeStateError => {
  const none = new NodeStateError({ reason: "damaged", detail: "the bytes are no dump of a node" })
  try {
    const [mark, chain, states, ...rest] = Rlp.decodeOrThrow(dump)
    if (!(mark instanceof Uint8Array) || !Bytes.equals(mark, dumpMark)) return none
    if (!(chain instanceof Uint8Array) || !(states instanceof Uint8Array) || rest.length > 0) return none
    return { chain, states }
  } catch (error) {
    if (error instanceof DecodeError) return none
    throw error
  }
}

/** The chain and what belongs to it, as the node finds them. */
interface Beginning {
  readonly ledger: Ledger.Ledger
  readonly durable: Durable | undefined
}

const start = (
  options: ChannelNodeOptions,
  beginning: Beginning
): Effect.Effect<ChannelNodeService, never, Crypto | Codec | Scope.Scope> =>
  Effect.gen(function* () {
    const crypto = yield* Crypto
    const codec = yield* Codec
    const timers = new Timers(yield* Effect.clock)
    const storageFailure = yield* Deferred.make<NodeStorageError>()
    const { automatic = true, interval, keyBlocksAfter = 5 } = options.mining ?? {}
    const shellOptions = {
      automatic,
      keyBlocksAfter,
      interval: interval === undefined ? undefined : Duration.toMillis(interval),
      acceptDelay: Duration.toMillis(options.acceptDelay ?? 10),
      closeDelay: Duration.toMillis(options.closeDelay ?? 5),
      maxChannels: options.maxChannels ?? 10_000,
      oldestPin: options.oldestPin ?? (automatic && keyBlocksAfter > 0 ? 10_000 : 10),
      helpfulErrors: options.helpfulErrors ?? false,
      takesForcedAgain: options.takesForcedAgain ?? true
    }
    const shell = new Shell(
      codecsOf(codec, options.legacy),
      crypto,
      timers,
      beginning.ledger,
      shellOptions,
      beginning.durable,
      (error) => Deferred.unsafeDone(storageFailure, Effect.succeed(error))
    )

    const writeLogs = Effect.suspend(() =>
      Effect.forEach(
        shell.jobs.logs.splice(0),
        ({ cause, level, message }) =>
          level === "error" ? Effect.logError(message, cause) : Effect.logDebug(message),
        { discard: true }
      )
    )
    /** Lets the shell work, then writes what it has to say. */
    const work = <A>(f: (shell: Shell) => A): Effect.Effect<A> =>
      Effect.suspend(() => {
        const result = f(shell)
        return shell.jobs.logs.length === 0 ? Effect.succeed(result) : Effect.as(writeLogs, result)
      })

    const accept: ChannelNodeService["accept"] = (query, link) =>
      Effect.gen(function* () {
        const fsmId = yield* crypto.randomBytes(32)
        const temporaryChannelId = yield* crypto.randomBytes(32)
        const session = yield* work((shell) =>
          shell.open(query ?? "", link, {
            fsmId: Redacted.make(ApiEncoding.encode("ba", fsmId)),
            temporaryChannelId: Bytes.toHex(temporaryChannelId)
          })
        )
        return {
          receive: (text) => work((shell) => shell.receive(session, text)),
          take: (text) => {
            try {
              shell.receive(session, text)
            } catch (defect) {
              return Effect.die(defect)
            }
            return shell.jobs.logs.length === 0 ? undefined : writeLogs
          },
          closed: work((shell) => shell.closed(session))
        }
      })

    if (beginning.durable !== undefined) yield* Effect.addFinalizer(() => work((shell) => shell.close()))
    yield* Effect.forkScoped(timers.run(work(() => undefined)))
    return {
      accept,
      submit: (signedTx) =>
        Effect.flatMap(
          work((shell) => shell.blocks.submit(signedTx)),
          (taken) => (taken instanceof Ledger.MempoolError ? Effect.fail(taken) : Effect.succeed(taken))
        ),
      mine: (keyBlocks) => work((shell) => shell.blocks.mine(keyBlocks)),
      mineMicro: work((shell) => shell.blocks.mineMicro()),
      fund: (address, amount) => work((shell) => shell.blocks.fund(address, amount)),
      fork: (keyBlocks, { returnTransactions = true } = {}) =>
        Effect.flatMap(
          work((shell) => shell.blocks.fork(keyBlocks, returnTransactions)),
          (refused) => (refused === undefined ? Effect.void : Effect.fail(refused))
        ),
      breakLinks: work((shell) => shell.breakLinks()),
      channels: Effect.sync(() => shell.ends()),
      disconnect: (channelId, { role, what }) => work((shell) => shell.cutOff(channelId, role, what)),
      disturb: (channelId, { role, way, ...disturbance }) =>
        work((shell) => shell.disturb(channelId, role, way, disturbance)),
      travel: (duration) => work((shell) => shell.travel(Duration.toMillis(duration))),
      observe: (listener) =>
        Effect.acquireRelease(
          Effect.sync(() => shell.observers.add(listener)),
          (stop) => Effect.sync(stop)
        ).pipe(Effect.asVoid),
      snapshot: work((shell) => shell.snapshot()),
      revert: (snapshot) =>
        Effect.flatMap(
          work((shell) => shell.revert(snapshot)),
          (known) => (known ? Effect.void : new SnapshotError({ snapshot }))
        ),
      dump: Effect.map(
        work((shell) => shell.dump()),
        ({ chain, states }) => Rlp.encode([dumpMark, chain, states])
      ),
      load: (dump) =>
        Effect.suspend(() => {
          const parts = partsOf(dump)
          return parts instanceof NodeStateError ? Effect.fail(parts) : work((shell) => shell.load(parts))
        }).pipe(Effect.flatMap((refused) => (refused === undefined ? Effect.void : Effect.fail(refused)))),
      auto: (on) => work((shell) => shell.blocks.auto(on)),
      ledger: Effect.sync(() => shell.blocks.ledger),
      storageFailure: Deferred.await(storageFailure)
    }
  })

/**
 * Starts a node that runs until its scope closes; then its timers are gone, and sockets are left to their transport.
 *
 * Everything is in memory: the chain begins with `ledger`, and what clients come back to is gone with the node. See
 * {@link makeDurable} for a node that outlives its process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: ChannelNodeOptions
): Effect.Effect<ChannelNodeService, never, Crypto | Codec | Scope.Scope> =>
  start(options, { ledger: options.ledger, durable: undefined })

/**
 * Starts a node that goes on where the last one on the same storage was: with its chain, and with all channels that it
 * had.
 *
 * `ledger` must be the one the first of these nodes was started with; what was done since comes from the storage.
 * Nothing is told to a client before it is durable, so a node that is killed loses nothing its clients know of: they
 * reestablish their channels with their latest `fsm_id`. That costs a write for each co-signed round. States in the
 * storage are encrypted under these ids.
 *
 * Fails with `NodeStorageError` when the storage cannot be read or written, and with `NodeStateError` when it holds the
 * chain of another node. When it fails later, the node stops: see `storageFailure`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeDurable = (
  options: ChannelNodeOptions
): Effect.Effect<
  ChannelNodeService,
  NodeStorageError | NodeStateError,
  NodeStorage | Crypto | Codec | Scope.Scope
> =>
  Effect.gen(function* () {
    const storage = yield* NodeStorage
    const opened = ChainLog.open(storage, options.ledger, yield* Crypto)
    if (opened instanceof NodeStorageError || opened instanceof NodeStateError) return yield* opened
    const states = StateEntries.open(storage)
    if (states instanceof NodeStorageError || states instanceof NodeStateError) return yield* states
    return yield* start(options, { ledger: opened.ledger, durable: { chain: opened.log, states } })
  })

/**
 * The node as a layer. See {@link make}.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { ChannelNode, Crypto, JsonRpcSignedTx, Ledger } from "@aechannel/core"
 *
 * const node = ChannelNode.layer({ ledger: Ledger.make({ networkId: "ae_dev", accounts: [] }) }).pipe(
 *   Layer.provide([Crypto.layerNoble, JsonRpcSignedTx.layer])
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: ChannelNodeOptions): Layer.Layer<ChannelNode, never, Crypto | Codec> =>
  Layer.scoped(ChannelNode, make(options))

/**
 * The node on the storage in the environment as a layer. See {@link makeDurable}.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { ChannelNode, Crypto, JsonRpcSignedTx, Ledger, NodeStorage } from "@aechannel/core"
 *
 * // With `FileNodeStorage.layer({ directory })` of `@aechannel/transport` it outlives its process.
 * const node = ChannelNode.layerDurable({ ledger: Ledger.make({ networkId: "ae_dev", accounts: [] }) }).pipe(
 *   Layer.provide([NodeStorage.layerMemory, Crypto.layerNoble, JsonRpcSignedTx.layer])
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerDurable = (
  options: ChannelNodeOptions
): Layer.Layer<ChannelNode, NodeStorageError | NodeStateError, NodeStorage | Crypto | Codec> =>
  Layer.scoped(ChannelNode, makeDurable(options))
