/**
 * The command line: its commands, and how it ends.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { stripVTControlCharacters } from "node:util"
import * as Arguments from "./Arguments.js"
import { demo } from "./demo/Demo.js"
import { reportFailure, reporting } from "./Failure.js"
import { fate } from "./fate/Fate.js"
import { inspect } from "./inspect/Inspect.js"
import { keys } from "./keys/Keys.js"
import { node } from "./Node.js"
import { record } from "./record/Record.js"
import { replay } from "./replay/Replay.js"
import { report } from "./report/Report.js"
import { run } from "./run/Run.js"

const commands = [demo, fate, inspect, keys, node, record, replay, report, run] as const

const aechannel = Command.make("aechannel").pipe(
  Command.withDescription(
    "æternity state channels: watch a channel live, run a node for your own, play scripted sessions, record sessions, draw them and check nodes against them, explain encoded strings, make keys."
  ),
  Command.withSubcommands(commands)
)

const isColourful = (): boolean => process.stdout.isTTY && process.env["NO_COLOR"] === undefined

/** Names of commands stand in a column as wide as the longest, which no terminal is: what each does, below it. */
const unpadded = (help: string): string => help.replaceAll(/^( +- \S.*?) {2,}(\S.*)$/gm, "$1\n      $2")

/**
 * What the parser prints to: help in colours only where they can be seen, and no errors, which are reported here in
 * one way for all.
 */
const parserConsole = (console: Console.Console): Console.Console => ({
  ...console,
  error: () => Effect.void,
  log: (...lines) =>
    console.log(
      ...lines.map((line) =>
        typeof line !== "string" ? line : unpadded(isColourful() ? line : stripVTControlCharacters(line))
      )
    )
})

/** The exit code of a program that Ctrl-C ended, as shells have it. */
const interrupted = 130

/**
 * Runs the command line of a process (`process.argv`, program and script included) and sets its exit code.
 *
 * @since 0.1.0
 * @category main
 */
export const main = (argv: ReadonlyArray<string>, version: string): void => {
  const program = Effect.gen(function* () {
    const console = yield* Console.consoleWith(Effect.succeed)
    const command = Command.transformHandler(aechannel, (effect) =>
      Console.withConsole(reporting(effect), console)
    )
    const args = yield* Arguments.prepare(argv, {
      name: "aechannel",
      commands: commands.map(Arguments.outlineOf)
    })
    yield* Console.withConsole(
      Command.run(command, { name: "aechannel", version })(args),
      parserConsole(console)
    )
  })
  NodeRuntime.runMain(program.pipe(Effect.tapErrorCause(reportFailure), Effect.provide(NodeContext.layer)), {
    disableErrorReporting: true,
    teardown: (exit, onExit) =>
      onExit(Exit.isSuccess(exit) ? 0 : Cause.isInterruptedOnly(exit.cause) ? interrupted : 1)
  })
}
