/** The same program and the same seed give the same frames in the same order on all connections, to the byte. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import type { Channel } from "../../src/client/Channel.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as InMemoryTransport from "../../src/node/InMemoryTransport.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import { openBoth } from "../client/support/Parties.js"
import { layerNode } from "../support/NodeUnderTest.js"
import * as TestCrypto from "../support/TestCrypto.js"
import { seed } from "./support/Check.js"
import { recorded, roles } from "./support/Doubles.js"
import { Journal } from "./support/Journal.js"
import { run } from "./support/Run.js"
import { scenario } from "./support/Steps.js"
import { horizon, System } from "./support/System.js"

/** Thirteen aettos are refused. */
const superstitious = ProposalPolicy.make(({ after, before }) =>
  before.peer - after.peer === 13n ? ProposalPolicy.decline(777) : ProposalPolicy.accept
)

/** Open, three transfers, a decline, messages, a getter, a conflict, another transfer, shutdown. */
const life = (alice: Channel, bob: Channel) =>
  Effect.gen(function* () {
    yield* alice.transfer({ amount: 5n, meta: ["for tea", "\u{1f375}"] })
    const third = yield* bob.transfer({ amount: 3n })
    yield* Stream.runHead(Stream.filter(alice.latest.changes, ({ round }) => round === third.round))
    const declined = yield* Effect.flip(alice.transfer({ amount: 13n }))
    expect(declined).toMatchObject({ _tag: "UserDefinedError", code: 777 })
    yield* Effect.all([alice.sendMessage("hello"), bob.sendMessage("hello back")], {
      concurrency: "unbounded"
    })
    yield* bob.offChainState
    const both = yield* Effect.all(
      [Effect.flip(alice.transfer({ amount: 1n })), Effect.flip(bob.transfer({ amount: 2n }))],
      { concurrency: "unbounded" }
    )
    expect(both.map(({ _tag }) => _tag)).toEqual(["ConflictError", "ConflictError"])
    yield* Effect.sleep("1 second")
    yield* bob.transfer({ amount: 7n })
    const closed = yield* alice.shutdown()
    expect(closed.confirmed).toBe(true)
    yield* Stream.runDrain(bob.events)
  })

/** The frames of a whole life under the test clock. */
const framesOfLife = (nodeSeed: string) =>
  Effect.gen(function* () {
    const journal = new Journal()
    const node = Layer.effect(
      ChannelNode.ChannelNode,
      Effect.map(ChannelNode.ChannelNode, (inner) => recorded(inner, journal).node)
    ).pipe(Layer.provide(layerNode({}, TestCrypto.seededDouble(nodeSeed))))
    const program = openBoth({ responder: { policy: superstitious } }).pipe(
      Effect.flatMap(([alice, bob]) => life(alice, bob)),
      Effect.scoped,
      Effect.provide(InMemoryTransport.layer),
      Effect.provide(node)
    )
    const fiber = yield* Effect.fork(program)
    for (let time = 0; fiber.unsafePoll() === null && time < 400; time++) yield* TestClock.adjust("20 millis")
    yield* Fiber.join(fiber)
    return journal.frames
  })

describe("the interleaved frame log", () => {
  it.effect("of two runs under the test clock is equal to the byte", () =>
    Effect.gen(function* () {
      const first = yield* framesOfLife("one")
      const second = yield* framesOfLife("one")
      const other = yield* framesOfLife("two")
      expect(second).toEqual(first)
      expect(other).not.toEqual(first)
      const log = first.join("\n")
      for (const part of [
        "channels.initiator_sign",
        "channels.update.new",
        '"error":777',
        "channels.message",
        "channels.get.offchain_state",
        "channels.conflict",
        "channels.shutdown_sign_ack",
        "closed_confirmed",
        '"died"'
      ])
        expect(log).toContain(part)
      console.log(`two runs under the test clock: ${first.length} frames, ${log.length} characters, equal`)
    })
  )

  it("of any scenario is equal to the byte when it is replayed, whoever goes on first", () => {
    let frames = 0
    const scenarios = [
      ...FastCheck.sample(scenario(30, "endings"), { numRuns: 8, seed }),
      ...FastCheck.sample(scenario(40, "life"), { numRuns: 8, seed })
    ]
    for (const each of scenarios) {
      const first = run(each).journal.frames
      expect(run(each).journal.frames, `AECHANNEL_SEED=${seed}`).toEqual(first)
      frames += first.length
    }
    console.log(`${scenarios.length} scenarios replayed, AECHANNEL_SEED=${seed}: ${frames} frames, equal`)
  })

  it("depends on who goes on first", () => {
    const frames = (schedule: number) => {
      const system = new System(schedule).open()
      for (const role of roles) system.transfer(role, role, 1n)
      system.simulation.settle(horizon)
      return system.journal.frames.join("\n")
    }
    const logs = new Set(Array.from({ length: 20 }, (_, schedule) => frames(schedule)))
    expect(logs.size).toBeGreaterThan(1)
  })
})
