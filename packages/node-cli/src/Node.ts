/**
 * `aechannel node`: the embedded node as a program.
 *
 * @since 0.1.0
 */
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as Json from "@aechannel/core/encoding/Json"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as NodeHttp from "@aechannel/transport/NodeHttp"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Accounts from "./Accounts.js"
import { ae, formatAe } from "./Amounts.js"

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

const serve = (options: {
  readonly port: number
  readonly channelPort: number
  readonly configOut: Option.Option<string>
}) =>
  Effect.gen(function* () {
    const accounts = yield* Accounts.make(accountCount, accountBalance)
    const ledger = Ledger.make({
      networkId,
      accounts: accounts.map(({ balance, keyPair }) => ({ address: keyPair.address, balance }))
    })
    yield* Effect.gen(function* () {
      const http = yield* NodeHttp.NodeHttp
      const server = yield* NodeServer.NodeServer
      yield* Console.log(
        `Accounts of ${networkId}, for this run only. Their keys are no secret: never use them elsewhere.`
      )
      for (const account of accounts)
        yield* Console.log(
          `  ${account.keyPair.address}  ${formatAe(account.balance)}\n    ${secretKeyOf(account)}`
        )
      if (Option.isSome(options.configOut))
        yield* writeConfiguration(options.configOut.value, configuration(accounts, http.url, server.url))
      yield* Console.log(`Chain and controls: ${http.url}`)
      yield* Console.log(`Channels:           ${server.url}`)
      yield* Console.log("Ready. Stop with Ctrl-C.")
      return yield* Effect.never
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          NodeHttp.layer({ port: options.port }),
          NodeServer.layer({ port: options.channelPort })
        ).pipe(Layer.provide(ChannelNode.layer({ ledger })))
      )
    )
  }).pipe(Effect.provide([NativeCrypto.layer, JsonRpcSignedTx.layer]))

/**
 * @since 0.1.0
 * @category commands
 */
export const node = Command.make("node", { port, channelPort, configOut }, serve).pipe(
  Command.withDescription(
    "Run an embedded node: a simulated chain with funded accounts and the channel WebSocket. Blocks are made when a transaction waits; more on the HTTP port: /emit_kb?n=N, /emit_mb, /auto?on=true|false."
  )
)
