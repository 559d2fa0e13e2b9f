/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A whole devnet in this process, for tests in any framework: a chain with funded accounts, its HTTP port and its channel
 * WebSocket on free ports of this machine, and the controls.
 *
 * @since 0.1.0
 */
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as Hash from "@aechannel/core/crypto/Hash"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import * as DecodeError from "@aechannel/core/encoding/DecodeError"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as NativeCrypto from "./NativeCrypto.js"
import * as NodeHttp from "./NodeHttp.js"
import * as NodeServer from "./NodeServer.js"

/**
 * A key pair and what it holds on chain at the start, in aettos.
 *
 * @since 0.1.0
 * @category models
 */
export interface FundedAccount {
  readonly keyPair: KeyPair.KeyPair
  readonly balance: bigint
}

/**
 * The accounts of a seed: the same ones for the same text, however many.
 *
 * @since 0.1.0
 * @category constructors
 */
export const accountsOf = (
  seed: string,
  count: number,
  balance: bigint
): Effect.Effect<ReadonlyArray<FundedAccount>, never, Crypto> =>
  Effect.map(Crypto, (crypto) =>
    Array.from({ length: count }, (_, index) => ({
      keyPair: KeyPair.fromSeed(crypto, Hash.sha256(Bytes.utf8(`aechannel account ${index} of ${seed}`))),
      balance
    }))
  )

/**
 * - `accounts`: how many; default 2. `balance`: what each holds, in aettos; default 1000 AE. `seed`: which ones they are;
 *   default the same ones each time
 * - `networkId`: default `ae_dev`. `protocol`: default the newest
 * - `port`, `channelPort`: of the HTTP API and the channel WebSocket; default any free ones
 * - `allowOrigins`: of pages that may connect; default none
 *
 * The rest are options of the node.
 *
 * @since 0.1.0
 * @category models
 */
export interface DevnetOptions extends Omit<ChannelNode.ChannelNodeOptions, "ledger"> {
  readonly accounts?: number
  readonly balance?: bigint
  readonly seed?: string
  readonly networkId?: string
  readonly protocol?: number
  readonly port?: number
  readonly channelPort?: number
  readonly allowOrigins?: ReadonlyArray<string>
}

/**
 * A running devnet: where it is, who has money there (their keys are no secret: never use them elsewhere), and the node
 * with its controls.
 *
 * @since 0.1.0
 * @category models
 */
export interface DevnetService {
  readonly networkId: string
  /** Such as `http://127.0.0.1:40213`. */
  readonly httpUrl: string
  /** Such as `ws://127.0.0.1:40214/channel`. */
  readonly channelUrl: string
  readonly accounts: ReadonlyArray<FundedAccount>
  readonly node: ChannelNode.ChannelNodeService
}

/**
 * The devnet in use.
 *
 * @since 0.1.0
 * @category tags
 */
export class Devnet extends Context.Tag("@aechannel/transport/Devnet")<Devnet, DevnetService>() {}

/**
 * Starts a devnet that runs until the scope closes. Fails with `ListenError` when a port is taken.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: DevnetOptions = {}
): Effect.Effect<DevnetService, NodeHttp.ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const {
      accounts: count = 2,
      allowOrigins = [],
      balance = 1000n * 10n ** 18n,
      channelPort = 0,
      networkId = "ae_dev",
      port = 0,
      protocol,
      seed = "devnet",
      ...node
    } = options
    const accounts = yield* accountsOf(seed, count, balance)
    const ledger = Ledger.make({
      networkId,
      accounts: accounts.map(({ balance, keyPair }) => ({ address: keyPair.address, balance })),
      ...(protocol === undefined ? {} : { protocol })
    })
    const running = yield* Layer.build(ChannelNode.layer({ ...node, ledger }))
    return yield* Effect.gen(function* () {
      const http = yield* NodeHttp.make({ port, allowOrigins })
      const server = yield* NodeServer.make({ port: channelPort, allowOrigins })
      const service = yield* ChannelNode.ChannelNode
      return { networkId, httpUrl: http.url, channelUrl: server.url, accounts, node: service }
    }).pipe(Effect.provide(running))
  }).pipe(Effect.provide([NativeCrypto.layer, JsonRpcSignedTx.layer]))

/**
 * A devnet as a layer. See {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: DevnetOptions): Layer.Layer<Devnet, NodeHttp.ListenError> =>
  Layer.scoped(Devnet, make(options))

/** Rejects with the tagged error itself. */
const run = async <A, E>(effect: Effect.Effect<A, E>): Promise<A> => {
  const exit = await Effect.runPromiseExit(effect)
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

type Node = ChannelNode.ChannelNodeService
type Arguments<K extends keyof Node> = Node[K] extends (...args: infer A) => unknown ? A : never

const wrong = (control: string, argument: string, wanted: string): DecodeError.DecodeError =>
  DecodeError.make(`the arguments of ${control}`, "invalid", `expected ${wanted}`, [argument])

/** Callers may be programs whose types nobody has checked, and the node takes what it is given. */
const checked = {
  fund: (address: unknown, amount: unknown) =>
    !ApiEncoding.is("ak", address)
      ? wrong("fund", "address", "an account, ak_…")
      : typeof amount === "bigint" && amount >= 0n
        ? Effect.void
        : wrong("fund", "amount", "a bigint that is not below zero, in aettos"),
  mine: (keyBlocks: unknown) =>
    typeof keyBlocks === "number" && Number.isSafeInteger(keyBlocks) && keyBlocks >= 0
      ? Effect.void
      : wrong("mine", "keyBlocks", "a number of blocks"),
  travel: (duration: unknown) =>
    Option.match(Option.filter(Duration.decodeUnknown(duration), Duration.isFinite), {
      onNone: () => wrong("travel", "duration", "a duration, such as “1 hour” or milliseconds"),
      onSome: () => Effect.void
    })
}

/** The controls of a node as functions that give promises; `ChannelNodeService` says what each does. */
const controlsOf = (node: Node) => ({
  auto: (...args: Arguments<"auto">) => run(node.auto(...args)),
  breakLinks: () => run(node.breakLinks),
  channels: () => run(node.channels),
  disconnect: (...args: Arguments<"disconnect">) => run(node.disconnect(...args)),
  disturb: (...args: Arguments<"disturb">) => run(node.disturb(...args)),
  dump: () => run(node.dump),
  fork: (...args: Arguments<"fork">) => run(node.fork(...args)),
  fund: (...args: Arguments<"fund">) =>
    run(
      Effect.zipRight(
        checked.fund(...args),
        Effect.suspend(() => node.fund(...args))
      )
    ),
  ledger: () => run(node.ledger),
  load: (...args: Arguments<"load">) => run(node.load(...args)),
  mine: (...args: Arguments<"mine">) =>
    run(
      Effect.zipRight(
        checked.mine(...args),
        Effect.suspend(() => node.mine(...args))
      )
    ),
  mineMicro: () => run(node.mineMicro),
  revert: (...args: Arguments<"revert">) => run(node.revert(...args)),
  snapshot: () => run(node.snapshot),
  submit: (...args: Arguments<"submit">) => run(node.submit(...args)),
  travel: (...args: Arguments<"travel">) =>
    run(
      Effect.zipRight(
        checked.travel(...args),
        Effect.suspend(() => node.travel(...args))
      )
    )
})

/**
 * The controls of a node as functions that give promises; see `ChannelNodeService`. They reject with its tagged errors, and with
 * `DecodeError` when an argument is no value of its type.
 *
 * @since 0.1.0
 * @category models
 */
export interface Controls extends Readonly<ReturnType<typeof controlsOf>> {}

/**
 * A devnet for programs that do not use Effect: the node's controls give promises, which reject with the tagged errors.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunningDevnet extends Omit<DevnetService, "node" | "accounts">, Controls {
  /** With the secret key as the SDK and the command line take it (`sk_…`). */
  readonly accounts: ReadonlyArray<{
    readonly address: KeyPair.KeyPair["address"]
    readonly secretKey: string
    readonly balance: bigint
  }>
  /** Stops it: clients are cut off, ports are free again. */
  readonly stop: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/**
 * Starts a devnet without Effect. Rejects with `ListenError` when a port is taken.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { Devnet } from "@aechannel/transport"
 *
 * const devnet = await Devnet.start()
 * const [alice] = devnet.accounts
 * assert.ok(alice?.secretKey.startsWith("sk_"))
 * await devnet.mine(3)
 * const top = await (await fetch(`${devnet.httpUrl}/v3/key-blocks/current/height`)).json()
 * assert.deepStrictEqual(top, { height: 4 })
 * await devnet.stop()
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const start = async (options?: DevnetOptions): Promise<RunningDevnet> => {
  const scope = await run(Scope.make())
  const stop = () => run(Scope.close(scope, Exit.void))
  const { accounts, node, ...rest } = await run(
    Effect.onError(Scope.extend(make(options), scope), () => Scope.close(scope, Exit.void))
  )
  return {
    ...rest,
    ...controlsOf(node),
    accounts: accounts.map(({ balance, keyPair }) => ({
      address: keyPair.address,
      secretKey: Redacted.value(KeyPair.toText(keyPair)),
      balance
    })),
    stop,
    [Symbol.asyncDispose]: stop
  }
}
