/**
 * The options of `aechannel node`.
 *
 * @since 0.1.0
 */
import * as Protocol from "@aechannel/core/chain/Protocol"
import * as Options from "@effect/cli/Options"
import * as Schema from "effect/Schema"
import * as Dialect from "./Dialect.js"

/** An option's number within bounds. */
const within = (option: string, from: number, to: number) =>
  Options.withSchema(
    Schema.Number.pipe(
      Schema.between(from, to, {
        message: ({ actual }) => `--${option} takes a number from ${from} to ${to}, not ${String(actual)}.`
      })
    )
  )

const port = Options.integer("port").pipe(
  within("port", 0, 65_535),
  Options.withDefault(3013),
  Options.withDescription("HTTP port (controls and chain look-ups), default 3013; 0 takes any free one")
)
const channelPort = Options.integer("channel-port").pipe(
  within("channel-port", 0, 65_535),
  Options.withDefault(3014),
  Options.withDescription("channel WebSocket port, default 3014; 0 takes any free one")
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

const load = Options.file("load", { exists: "yes" }).pipe(
  Options.optional,
  Options.withDescription(
    "begin with the chain and the channels of this file, which GET /devnet/dump of a node has given; the accounts are those of --seed or new ones, without money unless the file's chain gives it to them"
  )
)

const host = Options.text("host").pipe(
  Options.withDefault("127.0.0.1"),
  Options.withDescription("address to listen on, for both ports; the default is for this machine only")
)

const isOrigin = (text: string): boolean =>
  text === "*" || (URL.canParse(text) && new URL(text).origin === text)

const allowOrigins = Options.text("allow-origin").pipe(
  Options.repeated,
  Options.withSchema(
    Schema.mutable(Schema.Array(Schema.String)).pipe(
      Schema.filter((all) => all.every(isOrigin), {
        message: ({ actual }) =>
          `--allow-origin takes an origin as browsers send it, such as http://localhost:8080, or *; not ${JSON.stringify(actual)}.`
      })
    )
  ),
  Options.withDescription(
    "let pages of this origin, such as http://localhost:8080, use both ports; can be given more than once, * is for all"
  )
)
const controls = Options.choice("controls", ["local", "everybody", "nobody"]).pipe(
  Options.withDefault("local" as const),
  Options.withDescription(
    "who may make blocks, fund accounts, fork, disconnect, revert: callers on this machine, unless told otherwise"
  )
)

const accounts = Options.integer("accounts").pipe(
  within("accounts", 1, 1000),
  Options.withDefault(4),
  Options.withDescription(
    "how many funded accounts, 1 to 1000, default 4; a --state that has accounts keeps them"
  )
)
const balance = Options.integer("balance").pipe(
  within("balance", 0, 1_000_000_000),
  Options.withDefault(1000),
  Options.withDescription("what each of them holds at the start, in AE; default 1000")
)
const seed = Options.text("seed").pipe(
  Options.optional,
  Options.withDescription(
    "make the accounts from this text: the same ones each time; without it they are random"
  )
)

const blockTime = Options.float("block-time").pipe(
  within("block-time", 0.01, 86_400),
  Options.optional,
  Options.withDescription("make a key block every so many seconds, and none because a transaction waits")
)
const noMining = Options.boolean("no-mining").pipe(
  Options.withDescription("make blocks only when they are asked for")
)
const protocol = Options.integer("protocol").pipe(
  within("protocol", 1, Protocol.latest),
  Options.withDefault(Protocol.latest),
  Options.withDescription(`the chain's protocol version, 1 (Roma) to ${Protocol.latest} (Ceres)`)
)
const maxChannels = Options.integer("max-channels").pipe(
  within("max-channels", 1, 1_000_000),
  Options.withDefault(10_000),
  Options.withDescription("how many channels at a time, default 10000; openings above that are refused")
)
const json = Options.boolean("json").pipe(
  Options.withDescription(
    "print one line of JSON once the node is ready, and nothing else: URLs, accounts with their keys, height"
  )
)

const ui = Options.boolean("ui").pipe(
  Options.withDescription(
    "serve a page at /ui of the HTTP port: live channels, their frames as they pass, blocks, and buttons for the controls"
  )
)

const dialect = Options.choice("dialect", Dialect.names).pipe(
  Options.withDefault("signed_tx"),
  Options.withDescription(
    "what clients are spoken to in: signed_tx as nodes since July 2019, tx as those before (which take protocol=legacy in the URL too), legacy as those of 2018"
  )
)

/**
 * @since 0.1.0
 * @category options
 */
export const all = {
  port,
  channelPort,
  host,
  allowOrigins,
  controls,
  accounts,
  balance,
  seed,
  blockTime,
  noMining,
  protocol,
  maxChannels,
  state,
  load,
  configOut,
  json,
  ui,
  dialect
}
