/**
 * `aechannel node`: the embedded node as a program.
 *
 * @since 0.1.0
 */
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as Json from "@aechannel/core/encoding/Json"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import { NodeStorage } from "@aechannel/core/node/NodeStorage"
import * as Devnet from "@aechannel/transport/Devnet"
import * as FileNodeStorage from "@aechannel/transport/FileNodeStorage"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as NodeHttp from "@aechannel/transport/NodeHttp"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as Command from "@effect/cli/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Accounts from "./Accounts.js"
import { ae, formatAe } from "./Amounts.js"
import * as Dialect from "./Dialect.js"
import * as Options from "./NodeOptions.js"
import * as Ui from "./ui/Program.js"

const networkId = "ae_dev"

class ConfigOutError extends Data.TaggedError("ConfigOutError")<{
  readonly file: string
  readonly detail: string
}> {
  override get message(): string {
    return `cannot write the configuration to ${this.file}: ${this.detail}. Choose another file with --config-out.`
  }
}

const secretKeyOf = (account: Devnet.FundedAccount): string => Redacted.value(KeyPair.toText(account.keyPair))

class MiningOptionsError extends Data.TaggedError("MiningOptionsError") {
  override get message(): string {
    return "--block-time makes blocks by itself and --no-mining makes none: choose one of them."
  }
}

const configuration = (
  accounts: ReadonlyArray<Devnet.FundedAccount>,
  httpUrl: string,
  channelUrl: string
): Json.JsonObject => ({
  networkId,
  httpUrl,
  channelUrl,
  accounts: accounts.map((account) => ({
    address: account.keyPair.address,
    secretKey: secretKeyOf(account),
    balance: account.balance
  }))
})

/** Writes to a neighbouring file first, so that a reader never sees half of it. Keys are in it: owner only. */
const writeConfiguration = (file: string, text: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* fs.writeFileString(`${file}.part`, `${text}\n`, { mode: 0o600 })
    yield* fs.rename(`${file}.part`, file)
  }).pipe(Effect.mapError((error) => new ConfigOutError({ file, detail: error.message })))

type NodeOptions = Command.Command.ParseConfig<typeof Options.all>

/** When blocks are made. */
const miningOf = ({
  blockTime,
  noMining
}: NodeOptions): Effect.Effect<ChannelNode.MiningOptions, MiningOptionsError> => {
  if (Option.isNone(blockTime)) return Effect.succeed({ automatic: !noMining })
  if (noMining) return new MiningOptionsError()
  return Effect.succeed({ automatic: false, interval: Duration.seconds(blockTime.value) })
}

/** The node over a chain that these accounts begin, on the storage if there is one. */
const nodeLayer = (
  accounts: ReadonlyArray<Devnet.FundedAccount>,
  storage: Context.Context<NodeStorage> | undefined,
  { maxChannels, protocol }: NodeOptions,
  mining: ChannelNode.MiningOptions
) => {
  const ledger = Ledger.make({
    networkId,
    protocol,
    accounts: accounts.map(({ balance, keyPair }) => ({ address: keyPair.address, balance }))
  })
  return storage === undefined
    ? ChannelNode.layer({ ledger, mining, maxChannels })
    : Layer.provide(ChannelNode.layerDurable({ ledger, mining, maxChannels }), Layer.succeedContext(storage))
}

/** A dump that cannot be read, or is none. */
class LoadError extends Data.TaggedError("LoadError")<{ readonly file: string; readonly detail: string }> {
  override get message(): string {
    return `cannot begin with ${this.file}: ${this.detail}. A file for --load comes from GET /devnet/dump of a node.`
  }
}

const loadFrom = (node: ChannelNode.ChannelNodeService, file: string) =>
  Effect.gen(function* () {
    const text = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(file))
    const dump = Json.field(yield* Json.parse(text), "dump")
    if (typeof dump !== "string") return yield* new LoadError({ file, detail: "it holds no dump" })
    yield* node.load(Buffer.from(dump, "base64"))
  }).pipe(
    Effect.mapError((error) =>
      error._tag === "LoadError"
        ? error
        : new LoadError({ file, detail: "detail" in error ? error.detail : error.message })
    )
  )

/** For people. */
const announce = (
  { state }: NodeOptions,
  accounts: ReadonlyArray<Devnet.FundedAccount>,
  height: number,
  httpUrl: string,
  channelUrl: string,
  ui: boolean
) =>
  Effect.gen(function* () {
    const since = Option.isNone(state) ? "for this run only" : "as they began"
    yield* Console.log(
      `Accounts of ${networkId}, ${since}. Their keys are no secret: never use them elsewhere.`
    )
    for (const account of accounts)
      yield* Console.log(
        `  ${account.keyPair.address}  ${formatAe(account.balance)}\n    ${secretKeyOf(account)}`
      )
    if (Option.isSome(state)) yield* Console.log(`State:              ${state.value}, height ${height}`)
    yield* Console.log(`Chain and controls: ${httpUrl}`)
    yield* Console.log(`Channels:           ${channelUrl}`)
    if (ui) yield* Console.log(`Page:               ${httpUrl}${Ui.path}`)
    yield* Console.log("Ready. Stop with Ctrl-C.")
  })

const serve = (options: NodeOptions) =>
  Effect.gen(function* () {
    const mining = yield* miningOf(options)
    const storage = Option.isSome(options.state)
      ? yield* Layer.build(FileNodeStorage.layer({ directory: options.state.value }))
      : undefined
    const balance = ae(options.balance)
    const fresh = Option.match(options.seed, {
      onNone: () => Accounts.make(options.accounts, balance),
      onSome: (seed) => Devnet.accountsOf(seed, options.accounts, balance)
    })
    const accounts = yield* storage === undefined ? fresh : Effect.provide(Accounts.kept(fresh), storage)
    const { allowOrigins, controls, host } = options
    yield* Effect.gen(function* () {
      const node = yield* ChannelNode.ChannelNode
      const http = yield* NodeHttp.NodeHttp
      const server = yield* NodeServer.NodeServer
      if (Option.isSome(options.load)) yield* loadFrom(node, options.load.value)
      const written = configuration(accounts, http.url, server.url)
      if (Option.isSome(options.configOut))
        yield* writeConfiguration(options.configOut.value, Json.stringify(written))
      const { height } = (yield* node.ledger).top
      yield* options.json
        ? Console.log(Json.stringify({ ready: true, height, ...written }))
        : announce(options, accounts, height, http.url, server.url, options.ui)
      return yield* Effect.flatMap(node.storageFailure, Effect.fail)
    }).pipe(
      Effect.provide(
        // One after the other: where both ports are taken, one of them is enough to say so.
        NodeServer.layer({ port: options.channelPort, host, allowOrigins }).pipe(
          Layer.provideMerge(
            Layer.unwrapScoped(
              Effect.map(
                options.ui ? Ui.pages(accounts.map(({ keyPair }) => keyPair.address)) : Effect.succeed([]),
                (pages) => NodeHttp.layer({ port: options.port, host, allowOrigins, controls, pages })
              )
            )
          ),
          Layer.provideMerge(nodeLayer(accounts, storage, options, mining))
        )
      )
    )
  }).pipe(Effect.scoped, Effect.provide([NativeCrypto.layer, Dialect.layer(options.dialect)]))

/**
 * @since 0.1.0
 * @category commands
 */
export const node = Command.make("node", Options.all, serve).pipe(
  Command.withDescription(
    "Run an embedded node: a simulated chain with funded accounts and the channel WebSocket. Blocks are made when a transaction waits, unless --block-time or --no-mining say otherwise; what can be asked of it over HTTP, and its controls, are at /api."
  )
)
