/**
 * `aechannel report`: draws recorded sessions.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const transcript = Args.file({ name: "transcript" }).pipe(
  Args.withDescription("recorded session (JSON lines, as `aechannel record` writes them)")
)
const out = Options.file("out").pipe(
  Options.withAlias("o"),
  Options.optional,
  Options.withDescription(
    "file to write; its ending says what is drawn: .html (a page), .svg (a picture), .md or .mmd (Mermaid). Default: the standard output"
  )
)
const format = Options.choice("format", ["html", "svg", "md", "mermaid"]).pipe(
  Options.optional,
  Options.withDescription("what to draw, whatever the file's name; default: a page")
)

/**
 * @since 0.1.0
 * @category commands
 */
export const report = Command.make("report", { transcript, out, format }, (options) =>
  // Loaded when it is needed: the other commands start faster without it.
  Effect.flatMap(
    Effect.promise(() => import("./Program.js")),
    (program) =>
      program.run({
        transcript: options.transcript,
        out: Option.getOrUndefined(options.out),
        format: Option.getOrUndefined(options.format)
      })
  )
).pipe(
  Command.withDescription(
    "Draw a recorded session as a sequence diagram: every frame between the clients and the node, with rounds, amounts and balances; errors and conflicts are marked. Fsm ids are hidden, but not what was said and paid."
  )
)
