/**
 * `aechannel replay`: checks a node against recorded sessions.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const transcripts = Args.file({ name: "transcript" }).pipe(
  Args.withDescription("recorded sessions (JSON lines, as `aechannel record` writes them)"),
  Args.repeated
)
const url = Options.text("url").pipe(
  Options.optional,
  Options.withDescription(
    "channel WebSocket of the node, such as ws://localhost:3014/channel; default: a node in this run, whose time costs none"
  )
)
const httpUrl = Options.text("http-url").pipe(
  Options.optional,
  Options.withDescription("HTTP API of that node, over which accounts are funded and blocks are made")
)
const networkId = Options.text("network-id").pipe(
  Options.withDefault("ae_dev"),
  Options.withDescription("network id of that node, part of every signature; default ae_dev")
)
const keyFile = Options.file("key-file").pipe(
  Options.optional,
  Options.withDescription(
    "secret key of an account of that node with at least 100 AE: a file with one key, or what `aechannel node --config-out` wrote"
  )
)
const timeout = Options.integer("timeout").pipe(
  Options.withDefault(10),
  Options.withDescription("seconds to wait for a frame of that node; default 10")
)
const json = Options.boolean("json").pipe(
  Options.withDescription("one JSON value per line: one for each recording, then the totals")
)
const variants = Options.boolean("variants").pipe(
  Options.withDescription(
    "list the differences that are accepted, and why recordings cannot be replayed, each with its reason"
  )
)

/**
 * @since 0.1.0
 * @category commands
 */
export const replay = Command.make(
  "replay",
  { transcripts, url, httpUrl, networkId, keyFile, timeout, json, variants },
  (options) =>
    // Loaded when it is needed: the other commands start faster without it.
    Effect.flatMap(
      Effect.promise(() => import("./Program.js")),
      (program) =>
        options.variants
          ? program.listVariants(options.json)
          : program.run({
              ...options,
              url: Option.getOrUndefined(options.url),
              httpUrl: Option.getOrUndefined(options.httpUrl),
              keyFile: Option.getOrUndefined(options.keyFile)
            })
    )
).pipe(
  Command.withDescription(
    "Drive a node with recorded sessions and compare every frame that it sends with the recorded one. Accounts get fresh keys, transactions are signed again, blocks are made when the next line needs one. For each recording: exact, with accepted variants, different (with the first difference), or not replayable. Ends with an exit code other than 0 when one is different or damaged."
  )
)
