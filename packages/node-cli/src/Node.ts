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
import * as FileNodeStorage from "@aechannel/transport/FileNodeStorage"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as NodeHttp from "@aechannel/transport/NodeHttp"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Accounts from "./Accounts.js"
import { ae, formatAe } from "./Amounts.js"
import * as Dialect from "./Dialect.js"

const networkId = "ae_dev"
const accountCount = 4
const accountBalance = ae(1000)

class ConfigOutError extends Data.TaggedError("ConfigOutError")<{
  readonly file: string
  readonly detail: string
}> {
  override get message(): string {
    return `cannot write the configuration to ${this.file}: ${this.detail}. Choose another file with --config-out.`
  }
}

const port = Options.integer("port").pipe(
  Options.withDefault(3013),
  Options.withDescription("HTTP port (controls and chain look-ups); 0 takes any free one")
)
const channelPort = Options.integer("channel-port").pipe(
  Options.withDefault(3014),
  Options.withDescription("channel WebSocket port; 0 takes any free one")
)
const configOut = Options.file("config-out").pipe(
  Options.optional,
  Options.withDescription(
    "write URLs and funded accounts, keys included, to this JSON file once the node is ready"
  )
)

const state = Options.directory("state").pipe(
  Options.optional,
  Options.withDescription(
    "keep the chain, the accounts and the states of channels in this directory: a node that is stopped or killed goes on where it was when it is started again"
  )
)

const dialect = Options.choice("dialect", Dialect.names).pipe(
  Options.withDefault("signed_tx"),
  Options.withDescription(
    "what clients are spoken to in: signed_tx as nodes since July 2019, tx as those before (which take protocol=legacy in the URL too), legacy as those of 2018"
  )
)

const secretKeyOf = (account: Accounts.FundedAccount): string =>
  Redacted.value(KeyPair.toText(account.keyPair))

const configuration = (
  accounts: ReadonlyArray<Accounts.FundedAccount>,
  httpUrl: string,
  channelUrl: string
): string =>
  Json.stringify({
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

/** The node over a chain that these accounts begin, on the storage if there is one. */
const nodeLayer = (
  accounts: ReadonlyArray<Accounts.FundedAccount>,
  storage: Context.Context<NodeStorage> | undefined
) => {
  const ledger = Ledger.make({
    networkId,
    accounts: accounts.map(({ balance, keyPair }) => ({ address: keyPair.address, balance }))
  })
  return storage === undefined
    ? ChannelNode.layer({ ledger })
    : Layer.provide(ChannelNode.layerDurable({ ledger }), Layer.succeedContext(storage))
}

const serve = (options: {
  readonly port: number
  readonly channelPort: number
  readonly configOut: Option.Option<string>
  readonly state: Option.Option<string>
  readonly dialect: Dialect.Dialect
}) =>
  Effect.gen(function* () {
    const storage = Option.isSome(options.state)
      ? yield* Layer.build(FileNodeStorage.layer({ directory: options.state.value }))
      : undefined
    const accounts =
      storage === undefined
        ? yield* Accounts.make(accountCount, accountBalance)
        : yield* Effect.provide(Accounts.kept(accountCount, accountBalance), storage)
    yield* Effect.gen(function* () {
      const node = yield* ChannelNode.ChannelNode
      const http = yield* NodeHttp.NodeHttp
      const server = yield* NodeServer.NodeServer
      yield* Console.log(
        storage === undefined
          ? `Accounts of ${networkId}, for this run only. Their keys are no secret: never use them elsewhere.`
          : `Accounts of ${networkId}, as they began. Their keys are no secret: never use them elsewhere.`
      )
      for (const account of accounts)
        yield* Console.log(
          `  ${account.keyPair.address}  ${formatAe(account.balance)}\n    ${secretKeyOf(account)}`
        )
      if (Option.isSome(options.configOut))
        yield* writeConfiguration(options.configOut.value, configuration(accounts, http.url, server.url))
      if (Option.isSome(options.state)) {
        const { top } = yield* node.ledger
        yield* Console.log(`State:              ${options.state.value}, height ${top.height}`)
      }
      yield* Console.log(`Chain and controls: ${http.url}`)
      yield* Console.log(`Channels:           ${server.url}`)
      yield* Console.log("Ready. Stop with Ctrl-C.")
      return yield* Effect.flatMap(node.storageFailure, Effect.fail)
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          NodeHttp.layer({ port: options.port }),
          NodeServer.layer({ port: options.channelPort })
        ).pipe(Layer.provideMerge(nodeLayer(accounts, storage)))
      )
    )
  }).pipe(Effect.scoped, Effect.provide([NativeCrypto.layer, Dialect.layer(options.dialect)]))

/**
 * @since 0.1.0
 * @category commands
 */
export const node = Command.make("node", { port, channelPort, configOut, state, dialect }, serve).pipe(
  Command.withDescription(
    "Run an embedded node: a simulated chain with funded accounts and the channel WebSocket. Blocks are made when a transaction waits; more on the HTTP port: /emit_kb?n=N, /emit_mb, /auto?on=true|false."
  )
)
