/**
 * `aechannel record`: records live sessions, for `aechannel replay`.
 *
 * @since 0.1.0
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const listen = Options.integer("listen").pipe(
  Options.withDescription(
    "port on this machine that clients connect to instead of the node's; 0 takes any free one"
  )
)
const isWebSocket = (text: string): boolean => URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol)

const to = Options.text("to").pipe(
  Options.withSchema(
    Schema.String.pipe(
      Schema.filter(isWebSocket, {
        message: ({ actual }) =>
          `--to takes the URL of a channel WebSocket, such as ws://localhost:3014/channel, not ${JSON.stringify(actual)}.`
      })
    )
  ),
  Options.withDescription("channel WebSocket of the node, such as ws://localhost:3014/channel")
)
const out = Options.file("out").pipe(
  Options.withAlias("o"),
  Options.withDescription("file to write, one line of JSON for each thing that happens; must not exist yet")
)

/**
 * @since 0.1.0
 * @category commands
 */
export const record = Command.make("record", { listen, to, out }, (options) =>
  // Loaded when it is needed: the other commands start faster without it.
  Effect.flatMap(
    Effect.promise(() => import("./Program.js")),
    (program) => program.run(options)
  )
).pipe(
  Command.withDescription(
    "Pass the frames of clients on to a node and back, and write each into a file that `aechannel replay` can replay. Fsm ids, which open channels, are replaced by others in the file."
  )
)
