import * as Command from "@effect/cli/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { demo } from "./Demo.js"
import { reportFailure } from "./Failure.js"
import { node } from "./Node.js"

declare const AECHANNEL_VERSION: string

const aechannel = Command.make("aechannel").pipe(
  Command.withDescription("æternity state channels: watch a channel live, or run a node for your own."),
  Command.withSubcommands([demo, node])
)

const cli = Command.run(aechannel, { name: "aechannel", version: AECHANNEL_VERSION })

NodeRuntime.runMain(
  cli(process.argv).pipe(Effect.tapErrorCause(reportFailure), Effect.provide(NodeContext.layer)),
  { disableErrorReporting: true }
)
