/**
 * `aechannel run`: a scripted session.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const script = Args.text({ name: "script" }).pipe(
  Args.withDefault("-"),
  Args.withDescription(
    "a YAML or JSON file; without it, or with -, the script is read from stdin, step by step"
  )
)
const url = Options.text("url").pipe(
  Options.optional,
  Options.withDescription(
    "channel WebSocket of a node, such as ws://localhost:3014/channel; default: a node in this run"
  )
)
const httpUrl = Options.text("http-url").pipe(
  Options.optional,
  Options.withDescription("HTTP API of that node, for steps that look at the chain or make blocks")
)
const networkId = Options.text("network-id").pipe(
  Options.optional,
  Options.withDescription("network id, part of every signature; needed with --url; default ae_dev")
)
const keyFile = Options.text("key-file").pipe(
  Options.repeated,
  Options.withDescription(
    "secret keys, default: made up for this run. A file with one key, as NAME=FILE; a JSON file with keys by party; or what `aechannel node --config-out` wrote. May be repeated"
  )
)
const json = Options.boolean("json").pipe(
  Options.withDescription("one JSON value per line: events, each step's outcome, the end")
)
const quiet = Options.boolean("quiet").pipe(
  Options.withAlias("q"),
  Options.withDescription("steps and their outcome only, without the conversation")
)
const keepGoing = Options.boolean("keep-going").pipe(
  Options.withDescription("go on after a step that failed; the exit code still tells")
)
const steps = Options.boolean("steps").pipe(
  Options.withDescription("list the kinds of steps, with what each takes, and end")
)

/**
 * @since 0.1.0
 * @category commands
 */
export const run = Command.make(
  "run",
  { script, url, httpUrl, networkId, keyFile, json, quiet, keepGoing, steps },
  (options) =>
    // Loaded when it is needed: the other commands start faster without it.
    Effect.flatMap(
      Effect.promise(() => import("./Program.js")),
      (program) =>
        options.steps
          ? program.listSteps
          : program.run({
              ...options,
              url: Option.getOrUndefined(options.url),
              httpUrl: Option.getOrUndefined(options.httpUrl),
              networkId: Option.getOrUndefined(options.networkId),
              keyFiles: options.keyFile
            })
    )
).pipe(
  Command.withDescription(
    "Run a script of a channel: open, transfer, message, expect, decline, race, close. Ends with an exit code other than 0 at the first step that does not do what the script says. SCRIPTS.md of the package describes the steps; its examples folder has scripts to begin with."
  )
)
