/** What the faults of a connection do to a channel: every request ends, typed, and both parties stay in step. */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, FastCheck, Fiber, Scope } from "effect"
import type { Channel } from "../../src/client/Channel.js"
import type { ChannelError, CoSignedState } from "../../src/client/ChannelEvent.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import * as Faults from "../../src/testing/Faults.js"
import { Simulation } from "../../src/testing/SeededScheduler.js"
import * as TestNode from "../../src/testing/TestNode.js"
import { native } from "../support/TestCrypto.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]

/** How each request ended, and the last state that each party believes in. */
interface Outcome {
  readonly ends: Readonly<Record<Role, ReadonlyArray<string>>>
  readonly states: Readonly<Record<Role, CoSignedState | undefined>>
  readonly faults: number
  /** Fibers that are left when everything is closed. */
  readonly left: number
}

const nameOf = (exit: Exit.Exit<unknown, ChannelError>): string =>
  Exit.match(exit, {
    onSuccess: () => "ok",
    onFailure: (cause) => {
      const [failure] = Cause.failures(cause)
      if (failure === undefined) return Cause.pretty(cause)
      return failure._tag === "TransportError"
        ? `TransportError ${failure.reason}`
        : failure._tag === "RejectedError"
          ? `RejectedError ${failure.code}`
          : failure._tag
    }
  })

/**
 * Both parties open, then the initiator pays, asks and says something, the responder pays back, and the initiator
 * closes. All have an hour; then the scopes are closed.
 */
const live = (role: Role, plan: Faults.Plan | ReadonlyArray<Faults.PlannedFault>, seed = 1): Outcome => {
  const world = new Simulation(seed)
  let faults = 0
  const ends: Record<Role, Array<string>> = { initiator: [], responder: [] }
  const states: Record<Role, CoSignedState | undefined> = { initiator: undefined, responder: undefined }
  const transport = Faults.layer(plan, { onFault: () => Effect.sync(() => void faults++) })
  const party = (who: Role) =>
    Effect.gen(function* () {
      const note = <A>(name: string, effect: Effect.Effect<A, ChannelError, TestNode.Requirements>) =>
        Effect.tap(Effect.exit(effect), (exit) =>
          Effect.sync(() => ends[who].push(`${name}: ${nameOf(exit)}`))
        )
      const opened = yield* note(
        "open",
        TestNode.open(who, {
          ...(who === role ? { transport } : {}),
          options: { timeouts: { sign: 5_000, accept: 3_000, idle: 100_000_000 } }
        })
      )
      if (Exit.isFailure(opened)) return
      const channel: Channel = opened.value
      if (who === "initiator") {
        yield* note("transfer", channel.transfer({ amount: 5n }))
        yield* note("balances", channel.balances())
        yield* note("message", channel.sendMessage("hello"))
        yield* Effect.sleep("1 second")
        states[who] = yield* channel.latest.get
        yield* note("shutdown", channel.shutdown())
      } else {
        yield* Effect.sleep("500 millis")
        yield* note("transfer", channel.transfer({ amount: 2n }))
        states[who] = yield* channel.latest.get
      }
    })
  const program = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const fibers = yield* Effect.forEach(roles, (who) => Effect.fork(Scope.extend(party(who), scope)))
    yield* Effect.sleep("1 hour")
    yield* Scope.close(scope, Exit.void)
    yield* Effect.forEach(fibers, Fiber.join)
  }).pipe(Effect.provide(TestNode.layer({ crypto: native })), Effect.orDie)
  world.run(program)
  return { ends, states, faults, left: world.living }
}

const allOk = [
  ["open", "transfer", "balances", "message", "shutdown"].map((name) => `${name}: ok`),
  ["open", "transfer"].map((name) => `${name}: ok`)
]

const total = 20n * TestNode.AE

const judge = ({ ends, left, states }: Outcome, why: string): void => {
  expect(left, why).toBe(0)
  for (const role of roles)
    for (const end of ends[role]) expect(end, why).toMatch(/^\w+: (ok|(\w+Error)( [\w-]+)?)$/)
  const { initiator, responder } = states
  for (const state of [initiator, responder])
    if (state !== undefined) expect(state.balances.initiator + state.balances.responder, why).toBe(total)
  if (initiator !== undefined && responder !== undefined && initiator.round === responder.round)
    expect(initiator.balances, why).toEqual(responder.balances)
}

/** How many frames pass in each direction when nothing goes wrong. */
const framesOf = (role: Role): Readonly<Record<"out" | "in", number>> => {
  const count = { out: 0, in: 0 }
  live(role, ({ direction }) => {
    count[direction]++
    return undefined
  })
  return count
}

describe("a channel with a faulty connection", () => {
  it("works as long as nothing happens", () => {
    const outcome = live("initiator", [])
    expect([outcome.ends.initiator, outcome.ends.responder]).toEqual(allOk)
    expect(outcome.faults).toBe(0)
    judge(outcome, "nothing")
    expect(outcome.states.initiator?.round).toBe(3)
  })

  const transferFails = (how: string) => ["open: ok", `transfer: ${how}`]
  /** Of the initiator: 1 and 2 are its signature of the opening and its request; 3 its signature of the transfer. */
  const known: ReadonlyArray<readonly [Faults.Fault, "out" | "in", number, ReadonlyArray<string>]> = [
    [Faults.closeBefore, "out", 3, transferFails("TransportError connection_lost")],
    [Faults.closeAfter, "out", 3, transferFails("TransportError connection_lost")],
    // The node waits for the signature until the other party's proposal collides with ours.
    [Faults.drop, "out", 3, transferFails("ConflictError")],
    [Faults.truncate(10), "out", 3, transferFails("ConflictError")],
    [Faults.garbage(), "out", 3, transferFails("ConflictError")],
    [Faults.delay("3 seconds"), "out", 3, transferFails("ConflictError")],
    [Faults.delay("100 millis"), "out", 3, transferFails("ok")],
    [Faults.duplicate, "out", 3, transferFails("ok")],
    [Faults.blackhole, "out", 4, [...transferFails("ok"), "balances: TimeoutError"]],
    [Faults.closeAfter, "in", 1, ["open: TransportError connection_lost"]],
    [Faults.garbage(), "in", 1, ["open: DecodeError"]],
    [Faults.drop, "out", 1, ["open: TimeoutError"]],
    [Faults.blackhole, "in", 1, ["open: TransportError closed_by_us"]]
  ]
  it.each(known)("$_tag %s, frame %i", (fault, direction, frame, ends) => {
    const outcome = live("initiator", [{ direction, frame, fault }])
    expect(outcome.faults).toBe(1)
    expect(outcome.ends.initiator.slice(0, ends.length)).toEqual(ends)
  })

  it.each(roles)(
    "I13: every request of both parties ends, whatever happens at any frame of the %s",
    (role) => {
      const frames = framesOf(role)
      const tally = new Map<string, number>()
      let runs = 0
      for (const fault of Faults.all)
        for (const direction of ["out", "in"] as const)
          for (let frame = 1; frame <= frames[direction]; frame++) {
            const outcome = live(role, [{ direction, frame, fault }])
            judge(outcome, `${fault._tag} ${direction} ${frame}`)
            runs += outcome.faults
            for (const end of [...outcome.ends.initiator, ...outcome.ends.responder])
              tally.set(end, (tally.get(end) ?? 0) + 1)
          }
      console.log(
        `${runs} faults of the ${role} (${frames.out} frames out, ${frames.in} in):`,
        Object.fromEntries(tally)
      )
      expect(runs).toBe(Faults.all.length * (frames.out + frames.in))
    }
  )

  it("several faults at once, in any order of events", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.constantFrom(...roles),
        Faults.arbitraryPlan({ frames: 20, faults: 5 }),
        FastCheck.nat(),
        (role, plan, seed) => judge(live(role, plan, seed), JSON.stringify(plan))
      ),
      { numRuns: 40 }
    )
  })

  it("by a seed, which replays", () => {
    const plan = Faults.seeded(5, { rate: 0.2 })
    const [first, second] = [live("responder", plan), live("responder", plan)]
    expect(first.faults).toBeGreaterThan(0)
    expect(first).toEqual(second)
  })
})
