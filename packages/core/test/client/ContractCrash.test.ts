/**
 * A client that dies at any point of a round with a contract, or while progress is being forced, and comes back: both
 * parties hold the same state, and go on.
 */
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import type { Channel } from "../../src/client/Channel.js"
import type { FlowError } from "../../src/client/ChannelEvent.js"
import type { ContractId } from "../../src/encoding/ApiEncoding.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import * as Trees from "../../src/state/Trees.js"
import { layer } from "../support/NodeUnderTest.js"
import { code, create, init, inRound, input, reader } from "./support/Contracting.js"
import { Death } from "./support/Deaths.js"
import { returners } from "./support/Returns.js"

type Part = "starter" | "acknowledger"

/** What one party does with the contract in the third round. */
const operations = {
  create: (channel) => channel.contracts.create({ code, callData: init(1n) }),
  call: (channel, id) => channel.contracts.call({ ...input(id, "add", 2n), amount: 3n }),
  "call that looks at the chain": (channel, id) => channel.contracts.call(input(id, "height")),
  "forced progress": (channel, id) => channel.forceProgress(input(id, "add", 2n)),
  "forced progress that looks at the chain": (channel, id) => channel.forceProgress(input(id, "height"))
} as const satisfies Record<string, (channel: Channel, id: ContractId) => Effect.Effect<unknown, FlowError>>

let runs = 0
afterAll(() => console.log(`deaths in rounds with contracts: ${runs}`))

/** The client of `role` dies at boundary `at` of the operation (0: it lives) and comes back. */
const run = (role: Role, part: Part, operation: keyof typeof operations, at: number) =>
  Effect.gen(function* () {
    const parties = yield* returners
    const [own, other] =
      role === "initiator" ? [parties.initiator, parties.responder] : [parties.responder, parties.initiator]
    const death = new Death(at)
    const [dying, peer] = yield* Effect.all(
      [own.open({ store: death.store, transport: death.transport }), other.open()],
      { concurrency: 2 }
    )
    const { contractId } = yield* create(peer, dying)
    death.start()
    const starter = part === "starter" ? dying : peer
    const operating = yield* Effect.fork(Effect.either(operations[operation](starter, contractId)))
    const finished = Effect.zipRight(Fiber.join(operating), Effect.all([inRound(dying, 3), inRound(peer, 3)]))
    const died = yield* Effect.raceFirst(Effect.as(death.death, true), Effect.as(finished, false))
    death.stop()
    yield* own.kill
    expect(died).toBe(at > 0)
    const back = yield* own.resume(dying.id)
    // What was sent may still be on its way through the peer and the chain.
    yield* Effect.sleep("50 millis")
    const [one, two] = yield* Effect.repeat(
      Effect.zipLeft(Effect.all([back.latest.get, peer.latest.get]), Effect.sleep("1 millis")),
      { until: ([left, right]) => left.round === right.round, times: 200 }
    )
    expect(Trees.stateHashText(one.trees)).toBe(Trees.stateHashText(two.trees))
    expect(one.round).toBe(two.round)
    const again = yield* peer.contracts.call(input(contractId, "add", 1n))
    expect(again.call.verified).toBe(true)
    expect(again.state.round).toBe(one.round + 1)
    yield* inRound(back, again.state.round)
    expect((yield* back.contracts.dryRun(input(contractId, "total"))).value).toEqual(again.call.value)
    expect((yield* back.transfer({ amount: 1n })).round).toBe(one.round + 2)
    runs += at > 0 ? 1 : 0
    return death.boundaries
  }).pipe(Effect.scoped, Effect.timeout("20 seconds"), Effect.provide(Layer.provideMerge(reader, layer())))

describe("a client that dies anywhere", () => {
  for (const operation of Object.keys(operations) as ReadonlyArray<keyof typeof operations>)
    for (const [part, role] of [
      ["starter", "initiator"],
      ["acknowledger", "responder"]
    ] as const)
      it.live(
        `${operation}: the ${part}, which is the ${role}`,
        () =>
          Effect.gen(function* () {
            const boundaries = yield* run(role, part, operation, 0)
            expect(boundaries.length).toBeGreaterThan(0)
            for (let at = 1; at <= boundaries.length; at++)
              yield* Effect.mapError(
                run(role, part, operation, at),
                (error) => new Error(`at ${at}, ${boundaries[at - 1]}: ${String(error)}`)
              )
          }),
        60_000
      )
})
