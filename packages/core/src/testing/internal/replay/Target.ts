/** A node that recordings are replayed against: the way to it, and what has to be done around it. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { SignedTx } from "../../../chain/SignedTx.js"
import { noble, type CryptoService } from "../../../crypto/Crypto.js"
import type { AccountAddress, BlockHash } from "../../../encoding/ApiEncoding.js"
import * as ChannelNode from "../../../node/ChannelNode.js"
import * as Ledger from "../../../node/Ledger.js"
import { Codec, type CodecService } from "../../../protocol/Codec.js"
import * as JsonRpcSignedTx from "../../../protocol/JsonRpcSignedTx.js"
import { Simulation } from "../../SeededScheduler.js"
import * as TestCrypto from "../../TestCrypto.js"

/** The node cannot be used for replaying. See `Replay`. */
export class TargetError extends Data.TaggedError("TargetError")<{ readonly message: string }> {}

/** How a connection ended: 1006 without a close frame. See `Replay`. */
export interface Ended {
  readonly closeCode: number
}

export interface Connection {
  /** False when the connection is gone. */
  readonly send: (text: string) => Effect.Effect<boolean>
  /** The next frame that has come, or how the connection ended; undefined while there is neither. */
  readonly poll: () => string | Ended | undefined
  readonly close: (code: number | undefined) => Effect.Effect<void>
}

/** An opening that was refused before there was a connection. */
export interface Refusal {
  readonly status: number
}

/** What is wanted on the chain before a recording begins. */
export interface Wanted {
  readonly accounts: ReadonlyArray<{
    readonly address: AccountAddress
    readonly balance: bigint
    /** The nonce it had last used when it was recorded. */
    readonly nonce: bigint
  }>
  /** The consensus protocol that the recorded node followed. */
  readonly protocol: number
}

export interface Target {
  readonly networkId: string
  /** The nonce that each account has last used. */
  readonly nonces: ReadonlyMap<AccountAddress, bigint>
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
  /** Lets time pass until something may have happened; false when nothing will. */
  readonly later: Effect.Effect<boolean>
  /** Lets time pass up to so many milliseconds from the beginning. */
  readonly until: (milliseconds: number) => Effect.Effect<void>
}

/** Prepares a node for one recording. */
export type Targets = (wanted: Wanted) => Effect.Effect<Target, TargetError, Scope.Scope>

export interface EmbeddedOptions {
  readonly crypto?: CryptoService
  readonly codec?: CodecService
  /** Of the node; blocks are made by the replay. */
  readonly node?: Partial<Omit<ChannelNode.ChannelNodeOptions, "ledger" | "mining">>
  /** What a frame becomes on its way from the node, for proxies: none, one or several. */
  readonly proxy?: (frame: string) => ReadonlyArray<string>
}

/** A recorded pause is over at once, but not all of time. */
const horizon = 24 * 60 * 60 * 1000

/** A node of its own for each recording, in memory, whose time passes when nothing else is left to do. */
export const embedded =
  (options: EmbeddedOptions = {}): Targets =>
  ({ accounts, protocol }) =>
    Effect.gen(function* () {
      const { codec = JsonRpcSignedTx.codec, crypto = noble, node: nodeOptions, proxy = (frame) => [frame] } = options
      const networkId = "ae_replay"
      const world = new Simulation(0)
      const began = world.now
      const scope = world.run(Scope.make())
      const layer = ChannelNode.layer({
        acceptDelay: 0,
        ...nodeOptions,
        ledger: Ledger.make({ networkId, accounts, protocol }),
        mining: { automatic: false, keyBlocksAfter: 0 }
      }).pipe(
        Layer.provide([TestCrypto.layerSeeded("replay", crypto), Layer.succeed(Codec, codec)])
      )
      const node = Context.get(world.run(Layer.buildWithScope(layer, scope)), ChannelNode.ChannelNode)
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          world.run(Scope.close(scope, Exit.void))
          world.close()
        })
      )
      const done = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A> => Effect.sync(() => world.run(effect))

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
        connect,
        top: done(Effect.map(node.ledger, ({ top }) => top.hash)),
        mineMicro: done(node.mineMicro),
        submit: (signedTx) =>
          Effect.asVoid(done(Effect.mapError(node.submit(signedTx), ({ message }) => new Error(message)))),
        mine: (keyBlocks) => done(node.mine(keyBlocks)),
        settle: Effect.sync(() => world.rest()),
        later: Effect.sync(() => world.advance(1, horizon)),
        until: (milliseconds) => Effect.sync(() => world.pass(Math.max(0, Math.ceil(began + milliseconds - world.now))))
      }
    })
