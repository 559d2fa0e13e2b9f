/** A node that recordings are replayed against: the way to it, and what has to be done around it. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { SignedTx } from "../../../chain/SignedTx.js"
import { noble, type CryptoService } from "../../../crypto/Crypto.js"
import type { KeyPair } from "../../../crypto/KeyPair.js"
import type { AccountAddress, BlockHash } from "../../../encoding/ApiEncoding.js"
import * as ChannelNode from "../../../node/ChannelNode.js"
import * as Ledger from "../../../node/Ledger.js"
import { Codec, type CodecService } from "../../../protocol/Codec.js"
import * as JsonRpcSignedTx from "../../../protocol/JsonRpcSignedTx.js"
import { Simulation } from "../../SeededScheduler.js"
import * as TestCrypto from "../../TestCrypto.js"

/**
 * The node cannot be used for replaying; `message` says why.
 *
 * @since 0.1.0
 * @category errors
 */
export class TargetError extends Data.TaggedError("TargetError")<{ readonly message: string }> {}

/**
 * How a connection ended: with this close code; 1006 without a close frame.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ended {
  readonly closeCode: number
}

/**
 * A client's connection to the node, driven from outside.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  /** False when the connection is gone. */
  readonly send: (text: string) => Effect.Effect<boolean>
  /** The next frame that has come, or how the connection ended; undefined while there is neither. */
  readonly poll: () => string | Ended | undefined
  readonly close: (code: number | undefined) => Effect.Effect<void>
}

/**
 * An opening that was refused before there was a connection, with this HTTP status.
 *
 * @since 0.1.0
 * @category models
 */
export interface Refusal {
  readonly status: number
}

/**
 * Where a chain begins: the height of its first key block on top of the genesis, and its time in milliseconds since the
 * epoch.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChainStart {
  readonly height: number
  readonly timeMs: number
}

/**
 * What is wanted on the chain before a recording begins: accounts with their keys, balances (aettos; `need` is the least
 * that will do) and the nonces that they had last used, the consensus protocol that the recorded node followed and, once
 * a first replay has told, where the chain should begin so that its contracts see the height and the time of the recorded
 * one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Wanted {
  readonly accounts: ReadonlyArray<{
    readonly address: AccountAddress
    readonly keyPair: KeyPair
    readonly balance: bigint
    readonly need: bigint
    readonly nonce: bigint
  }>
  readonly protocol: number
  readonly start?: ChainStart
}

/**
 * A node that recordings are replayed against, and what has to be done around it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Target {
  readonly networkId: string
  /** The nonce that each account has last used; other than wanted where the node does not let it be chosen. */
  readonly nonces: ReadonlyMap<AccountAddress, bigint>
  /** Where its chain began; missing where that cannot be chosen. */
  readonly start?: ChainStart
  readonly connect: (path: string, query: string) => Effect.Effect<Connection | Refusal, TargetError>
  /** The hash of the key block on top. */
  readonly top: Effect.Effect<BlockHash, TargetError>
  /** Makes one micro block of what waits. */
  readonly mineMicro: Effect.Effect<void, TargetError>
  readonly mine: (keyBlocks: number) => Effect.Effect<void, TargetError>
  /** Gives a transaction to the mempool. */
  readonly submit: (signedTx: SignedTx) => Effect.Effect<void, TargetError>
  /** Until nothing more happens without time passing. */
  readonly settle: Effect.Effect<void>
  /** Lets time pass until something may have happened, for the nth time in a row; false when nothing will. */
  readonly later: (times: number) => Effect.Effect<boolean>
  /** Lets time pass up to so many milliseconds from the beginning, where time can be chosen. */
  readonly until: (milliseconds: number) => Effect.Effect<void>
}

/**
 * Prepares a node for one recording.
 *
 * @since 0.1.0
 * @category models
 */
export type Targets = (wanted: Wanted) => Effect.Effect<Target, TargetError, Scope.Scope>

/**
 * - `crypto`: what signs and verifies; default the portable implementation
 * - `codec`: the dialect of the node; default the current one
 * - `node`: further options of the node; blocks are made by the replay
 * - `proxy`: what a frame becomes on its way from the node: none, one or several
 *
 * @since 0.1.0
 * @category models
 */
export interface EmbeddedOptions {
  readonly crypto?: CryptoService
  readonly codec?: CodecService
  readonly node?: Partial<Omit<ChannelNode.ChannelNodeOptions, "ledger" | "mining">>
  readonly proxy?: (frame: string) => ReadonlyArray<string>
}

/** Machines whose timers begin again and again have nothing to say after so many of them. */
const mostAwakenings = 50

/**
 * Contracts see the height and the time, and pay gas for each byte of a number: ours has as many as those of chains that
 * have been there for a while.
 */
const usualStart: ChainStart = { height: 300, timeMs: 1_700_000_000_000 }

/** A recorded pause is over at once, but not all of time. */
const horizon = 24 * 60 * 60 * 1000

/**
 * A node of its own for each recording, in memory. Its clock goes with the times of the recording, and on when nothing
 * else is left to do: a timeout of ten minutes takes none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const embedded =
  (options: EmbeddedOptions = {}): Targets =>
  ({ accounts, protocol, start = usualStart }) =>
    Effect.gen(function* () {
      const {
        codec = JsonRpcSignedTx.codec,
        crypto = noble,
        node: nodeOptions,
        proxy = (frame) => [frame]
      } = options
      // Contracts pay for its length; this is how networks for tests are called.
      const networkId = "ae_dev"
      const { height: startHeight, timeMs } = start
      const world = new Simulation(0, { startTime: timeMs })
      const scope = world.run(Scope.make())
      const layer = ChannelNode.layer({
        acceptDelay: 0,
        takesForcedAgain: false,
        ...nodeOptions,
        ledger: Ledger.make({ networkId, accounts, protocol, startHeight, timeMs }),
        mining: { automatic: false, keyBlocksAfter: 0 }
      }).pipe(Layer.provide([TestCrypto.layerSeeded("replay", crypto), Layer.succeed(Codec, codec)]))
      const node = Context.get(world.run(Layer.buildWithScope(layer, scope)), ChannelNode.ChannelNode)
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          world.run(Scope.close(scope, Exit.void))
          world.close()
        })
      )
      const done = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A> =>
        Effect.sync(() => world.run(effect))

      const connect = (path: string, query: string): Effect.Effect<Connection | Refusal> =>
        Effect.sync(() => {
          if (path !== "/channel") return { status: 404 }
          if (query === "") return { status: 500 }
          const frames: Array<string> = []
          let ended: Ended | undefined
          const end = (closeCode: number): void => {
            ended ??= { closeCode }
          }
          const session = world.run(
            node.accept(query, {
              send: (text) => {
                if (ended === undefined) frames.push(...proxy(text))
              },
              close: end,
              terminate: () => end(1006)
            })
          )
          return {
            send: (text) =>
              Effect.sync(() => {
                if (ended !== undefined) return false
                world.run(session.receive(text))
                return true
              }),
            poll: () => frames.shift() ?? ended,
            close: (code) =>
              Effect.sync(() => {
                end(code ?? 1006)
                world.run(session.closed)
              })
          }
        })

      return {
        networkId,
        nonces: new Map(accounts.map(({ address, nonce }) => [address, nonce])),
        start,
        connect,
        top: done(Effect.map(node.ledger, ({ top }) => top.hash)),
        mineMicro: done(node.mineMicro),
        submit: (signedTx) =>
          Effect.asVoid(done(Effect.mapError(node.submit(signedTx), ({ message }) => new Error(message)))),
        mine: (keyBlocks) => done(node.mine(keyBlocks)),
        settle: Effect.sync(() => world.rest()),
        later: (times) => Effect.sync(() => times <= mostAwakenings && world.advance(1, horizon)),
        until: (milliseconds) =>
          Effect.sync(() => world.pass(Math.max(0, Math.ceil(timeMs + milliseconds - world.now))))
      }
    })
