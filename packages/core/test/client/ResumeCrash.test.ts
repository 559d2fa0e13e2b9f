/**
 * A client that dies at any point of an operation and comes back: both parties hold the same round, and go on.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import type { Channel } from "../../src/client/Channel.js"
import type { ChannelEvent, CoSignedState } from "../../src/client/ChannelEvent.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import { coin, layer } from "../support/NodeUnderTest.js"
import { Death } from "./support/Deaths.js"
import { returners, type Returner } from "./support/Returns.js"

type Operation = "transfer" | "deposit" | "withdraw"
type Part = "starter" | "acknowledger"

const reaches = (channel: Channel, round: number): Effect.Effect<CoSignedState> =>
  channel.latest.changes.pipe(
    Stream.filter((state) => state.round >= round),
    Stream.runHead,
    Effect.flatten,
    Effect.timeout("5 seconds"),
    Effect.orDie
  )

const begin = (channel: Channel, operation: Operation) =>
  operation === "transfer" ? channel.transfer({ amount: 7n }) : channel[operation]({ amount: coin })

/** What the one that dies was told about the operation that it had begun. */
const resolved = (channel: Channel): Effect.Effect<string> =>
  channel.events.pipe(
    Stream.takeUntil((event) => event._tag === "Reconnected"),
    Stream.runCollect,
    Effect.map((events) => {
      const all: ReadonlyArray<ChannelEvent> = Array.from(events)
      const found = all.find((event) => event._tag === "PendingResolved")
      return found?._tag === "PendingResolved" ? found.outcome : "nothing"
    })
  )

interface Outcome {
  readonly boundaries: ReadonlyArray<string>
  readonly died: boolean
  readonly round: number
  readonly resolved: string
}

/**
 * One run: the client of `role` dies at boundary `at` of the operation (0: it lives) and comes back; if `again` is given,
 * the one that comes back dies at that boundary of its return, and another one comes.
 */
const run = (role: Role, part: Part, operation: Operation, at: number, again?: number) =>
  Effect.gen(function* () {
    const parties = yield* returners
    const [own, other] =
      role === "initiator" ? [parties.initiator, parties.responder] : [parties.responder, parties.initiator]
    const death = new Death(at)
    const [dying, peer] = yield* Effect.all(
      [own.open({ store: death.store, transport: death.transport }), other.open()],
      { concurrency: 2 }
    )
    death.start()
    const starter = part === "starter" ? dying : peer
    const operating = yield* Effect.fork(Effect.either(begin(starter, operation)))
    const finished = Effect.zipRight(Fiber.join(operating), Effect.all([reaches(dying, 2), reaches(peer, 2)]))
    const died = yield* Effect.raceFirst(Effect.as(death.death, true), Effect.as(finished, false))
    death.stop()
    yield* own.kill
    const second = again === undefined ? undefined : yield* dieAgain(own, dying, again)
    const back = yield* own.resume(dying.id)
    const told = yield* resolved(back)
    const outcome = yield* goOn(back, peer)
    return {
      boundaries: second?.boundaries ?? death.boundaries,
      died: second?.died ?? died,
      round: outcome,
      resolved: told
    } satisfies Outcome
  }).pipe(Effect.scoped, Effect.timeout("20 seconds"), Effect.provide(layer()))

/** A client that dies at boundary `at` of its return, or when it is back. */
const dieAgain = (own: Returner, before: Channel, at: number) =>
  Effect.gen(function* () {
    const death = new Death(at)
    death.start()
    const returning = own.resume(before.id, { store: death.store, transport: death.transport })
    const died = yield* Effect.raceFirst(Effect.as(death.death, true), Effect.as(returning, false))
    death.stop()
    yield* own.kill
    return { boundaries: death.boundaries, died }
  })

/** The round that both hold; then a transfer in each direction. */
const goOn = (back: Channel, peer: Channel) =>
  Effect.gen(function* () {
    const states = yield* Effect.repeat(
      Effect.zipLeft(Effect.all([back.latest.get, peer.latest.get]), Effect.sleep("1 millis")),
      { until: ([one, two]) => one.round === two.round, times: 100 }
    )
    const [one, two] = states
    // I12: both hold the same last co-signed round, to the byte.
    expect(one.signedTx.txBytes).toEqual(two.signedTx.txBytes)
    expect(one.balances).toEqual(two.balances)
    const next = yield* peer.transfer({ amount: 1n })
    expect(next.round).toBe(one.round + 1)
    yield* reaches(back, next.round)
    const last = yield* back.transfer({ amount: 1n })
    expect(last.round).toBe(one.round + 2)
    return one.round
  })

describe("I12: a client that dies anywhere in an operation", () => {
  for (const operation of ["transfer", "deposit", "withdraw"] as const)
    for (const part of ["starter", "acknowledger"] as const)
      for (const role of ["initiator", "responder"] as const)
        it.live(`${operation}: the ${part}, which is the ${role}, comes back to the same round`, () =>
          Effect.gen(function* () {
            const { boundaries } = yield* run(role, part, operation, 0)
            const outcomes: Array<Outcome> = []
            for (let at = 1; at <= boundaries.length; at++) {
              const outcome = yield* Effect.mapError(
                run(role, part, operation, at),
                (error) => new Error(`at ${at}, ${boundaries[at - 1]}: ${String(error)}`)
              )
              expect(outcome.died).toBe(true)
              outcomes.push(outcome)
            }
            const done = outcomes.filter(({ round }) => round === 2).length
            const told = [...new Set(outcomes.map((each) => each.resolved))].sort()
            console.log(
              `${operation}, ${part}, ${role}: N = ${boundaries.length} boundaries; ${done} times it was done, ${boundaries.length - done} times it never was; told: ${told.join(", ")}`
            )
          })
        )
})

describe("I12: a client that dies anywhere in an operation, and anywhere in its return", () => {
  for (const [part, role] of [
    ["starter", "initiator"],
    ["acknowledger", "responder"]
  ] as const)
    it.live(
      `transfer: the ${part}, which is the ${role}`,
      () =>
        Effect.gen(function* () {
          const { boundaries } = yield* run(role, part, "transfer", 0)
          let pairs = 0
          const longest: Array<number> = []
          for (let first = 1; first <= boundaries.length; first++) {
            let died = true
            // Every third, another third each time.
            let second = (first % 3) - 2
            while (died) {
              second += 3
              const outcome = yield* Effect.mapError(
                run(role, part, "transfer", first, second),
                (error) => new Error(`at ${first} (${boundaries[first - 1]}) and ${second}: ${String(error)}`)
              )
              died = outcome.died
              if (died) pairs += 1
            }
            longest.push(second - 3)
          }
          expect(Math.min(...longest)).toBeGreaterThan(10)
          console.log(
            `transfer, ${part}, ${role}: N = ${boundaries.length} boundaries, each with every third of up to ${Math.max(...longest)} of the return: ${pairs} pairs`
          )
        }),
      120_000
    )
})
