/** A connection that is lost, and the next one in its place. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Schedule, Stream } from "effect"
import type { Channel } from "../../src/client/Channel.js"
import type { CoSignedState } from "../../src/client/ChannelEvent.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import * as Faults from "../../src/testing/Faults.js"
import { coin, layer } from "../support/NodeUnderTest.js"
import { returners } from "./support/Returns.js"

const soon = Schedule.spaced("1 millis")

const reaches = (channel: Channel, round: number): Effect.Effect<CoSignedState> =>
  channel.latest.changes.pipe(
    Stream.filter((state) => state.round >= round),
    Stream.runHead,
    Effect.flatten,
    Effect.timeout("5 seconds"),
    Effect.orDie
  )

/** Breaks the connection at the how manyth frame after `start`; counts frames. */
class Breaks {
  readonly frames: Array<string> = []
  private counting = false
  constructor(
    private readonly at: number,
    private readonly fault: Faults.Fault
  ) {}
  start(): void {
    this.counting = true
  }
  readonly layer = Faults.layer(({ direction, text }) => {
    if (!this.counting) return undefined
    this.frames.push(`${direction} ${/"method":"channels\.([^"]*)"/.exec(text)?.[1] ?? "reply"}`)
    return this.frames.length === this.at ? this.fault : undefined
  })
}

/** The round that both hold. */
const agree = (one: Channel, two: Channel) =>
  Effect.gen(function* () {
    const same = Effect.repeat(
      Effect.zipLeft(Effect.all([one.latest.get, two.latest.get]), Effect.sleep("1 millis")),
      { until: ([a, b]) => a.round === b.round, times: 200 }
    )
    const [a, b] = yield* same
    expect(a.signedTx.txBytes).toEqual(b.signedTx.txBytes)
    return a.round
  })

/** A transfer works in each direction. */
const goOn = (one: Channel, two: Channel) =>
  Effect.gen(function* () {
    yield* reaches(one, (yield* two.transfer({ amount: 1n })).round)
    yield* reaches(two, (yield* one.transfer({ amount: 1n })).round)
  })

type Operation = "transfer" | "deposit" | "withdraw"

const begin = (channel: Channel, operation: Operation) =>
  operation === "transfer" ? channel.transfer({ amount: 7n }) : channel[operation]({ amount: coin })

const run = (
  role: Role,
  part: "starter" | "acknowledger",
  operation: Operation,
  at: number,
  fault: Faults.Fault
) =>
  Effect.gen(function* () {
    const parties = yield* returners
    const [own, other] =
      role === "initiator" ? [parties.initiator, parties.responder] : [parties.responder, parties.initiator]
    const breaks = new Breaks(at, fault)
    const [broken, peer] = yield* Effect.all(
      [own.open({ faults: breaks.layer, changes: { reconnect: soon } }), other.open()],
      { concurrency: 2 }
    )
    breaks.start()
    const starter = part === "starter" ? broken : peer
    const outcome = yield* Effect.either(begin(starter, operation))
    yield* Effect.repeat(Effect.zipLeft(broken.status.get, Effect.sleep("1 millis")), {
      until: ({ connected }) => connected
    })
    const round = yield* agree(broken, peer)
    if (outcome._tag === "Right") expect(round).toBe(2)
    yield* Effect.sleep("2 millis")
    const frames = breaks.frames.slice()
    yield* goOn(broken, peer)
    return { frames, outcome, round }
  }).pipe(Effect.scoped, Effect.timeout("20 seconds"), Effect.provide(layer()))

describe("I12, I13: the connection breaks at any frame of an operation", () => {
  for (const operation of ["transfer", "deposit", "withdraw"] as const)
    for (const part of ["starter", "acknowledger"] as const)
      for (const role of ["initiator", "responder"] as const)
        it.live(`${operation}: the ${part}'s, who is the ${role}`, () =>
          Effect.gen(function* () {
            const quiet = yield* run(role, part, operation, 0, Faults.drop)
            const frames = quiet.frames.length
            let done = 0
            const ends = new Set<string>()
            for (let at = 1; at <= frames; at++)
              for (const fault of [Faults.closeBefore, Faults.closeAfter]) {
                const { outcome, round } = yield* Effect.mapError(
                  run(role, part, operation, at, fault),
                  (error) => new Error(`${fault._tag} at ${at}, ${quiet.frames[at - 1]}: ${String(error)}`)
                )
                if (round === 2) done += 1
                ends.add(outcome._tag === "Right" ? "done" : outcome.left._tag)
              }
            console.log(
              `${operation}, ${part}, ${role}: N = ${2 * frames} (${frames} frames); ${done} times it was done; caller: ${[...ends].sort().join(", ")}`
            )
          })
        )
})
