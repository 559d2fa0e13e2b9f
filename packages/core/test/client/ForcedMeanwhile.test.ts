/** Progress is forced while a client is away, or while it leaves, and it has something of its own to do. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule, Stream } from "effect"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import { initiator, layer, responder } from "../support/NodeUnderTest.js"
import { calling, contractId, forcing, withContract } from "./support/Computed.js"
import { create, inRound, input, reader } from "./support/Contracting.js"
import { eventOf } from "./support/Flow.js"
import { openBoth } from "./support/Parties.js"
import { openScripted, settle, signedBy } from "./support/ScriptedNode.js"

describe("progress that is forced while a client is away", () => {
  it.scopedLive("is taken over, all of it, before what the client has been asked for begins", () =>
    Effect.gen(function* () {
      const reconnect = Schedule.spaced("50 millis")
      const [alice, bob] = yield* openBoth({ responder: { changes: { reconnect } } })
      const created = yield* create(alice, bob)
      const node = yield* ChannelNode.ChannelNode
      yield* node.disconnect(bob.id, { what: "client", role: "responder" })
      yield* Stream.runHead(Stream.filter(bob.status.changes, ({ connected }) => !connected))
      const own = yield* Effect.fork(bob.forceProgress(input(created.contractId, "add", 1n)))
      // The second looks at the chain, so that it takes longer to be computed than the first.
      yield* alice.forceProgress(input(created.contractId, "add", 2n))
      yield* alice.forceProgress(input(created.contractId, "height"))
      expect(yield* Fiber.join(own)).toMatchObject({ state: { round: 5 } })
      yield* inRound(alice, 5)
      expect(yield* bob.status.get).toMatchObject({ frozen: undefined })
    }).pipe(Effect.provide(Layer.provideMerge(reader, layer())), Effect.timeout("20 seconds"))
  )
})

describe("a node that leaves with a state that was forced, of which its client has not heard", () => {
  const call = calling(responder.address, contractId, "add", [1n])

  it.live("is believed: who comes back is told of it", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      yield* withContract(open)
      const left = yield* Effect.fork(open.channel.leave)
      yield* open.node.expect("leave")
      open.node.say({ _tag: "LeaveReport", state: signedBy(forcing(call), [responder]) })
      yield* Fiber.join(left)
      yield* settle
      expect((yield* open.channel.latest.get).round).toBe(2)
    }).pipe(Effect.scoped)
  )

  it.live("is not, where the one who forced it has not signed it", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      yield* withContract(open)
      open.node.say({ _tag: "LeaveReport", state: signedBy(forcing(call), [initiator]) })
      expect((yield* eventOf(open.channel, "VerificationFailed")).error).toMatchObject({
        field: "signature",
        operation: "leave"
      })
    }).pipe(Effect.scoped)
  )
})
