import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Exit, FastCheck, Fiber, Layer, Queue, Scope } from "effect"
import { TransportError } from "../../src/protocol/Errors.js"
import { type Connection, Transport } from "../../src/services/Transport.js"
import * as Faults from "../../src/testing/Faults.js"
import { runSeeded } from "../../src/testing/SeededScheduler.js"

type Direction = Faults.Place["direction"]

/** A connection whose other end is in the hands of the test. */
class Wire {
  readonly sent: Array<string> = []
  readonly queue = Effect.runSync(Queue.unbounded<Exit.Exit<string, TransportError>>())
  closed = false

  readonly connection: Connection = {
    send: (text) =>
      Effect.suspend(() =>
        this.closed
          ? Effect.fail(new TransportError({ reason: "closed_by_us", operation: "send", detail: "closed" }))
          : Effect.sync(() => void this.sent.push(text))
      ),
    receive: Effect.flatten(Queue.take(this.queue))
  }

  give(...texts: ReadonlyArray<string>): void {
    for (const text of texts) this.queue.unsafeOffer(Exit.succeed(text))
  }

  end(): void {
    this.queue.unsafeOffer(
      Exit.fail(
        new TransportError({ reason: "closed_by_node", operation: "receive", detail: "", closeCode: 1000 })
      )
    )
  }
}

const layerWires = (wires: Array<Wire>) =>
  Layer.succeed(Transport, {
    connect: () =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const wire = new Wire()
          wires.push(wire)
          return wire
        }),
        (wire) => Effect.sync(() => void (wire.closed = true))
      ).pipe(Effect.map(({ connection }) => connection))
  })

/** What one connection has been through: three frames each way, and the end that the node makes. */
interface Story {
  readonly sent: ReadonlyArray<string>
  readonly sends: ReadonlyArray<string>
  readonly received: ReadonlyArray<string>
  readonly closed: boolean
  /** Milliseconds after the start. */
  readonly times: ReadonlyArray<number>
  readonly faults: ReadonlyArray<string>
}

const story = (plan: Faults.Plan | ReadonlyArray<Faults.PlannedFault>): Story =>
  Effect.gen(function* () {
    const wires: Array<Wire> = []
    const faults: Array<string> = []
    const onFault = ({ connection, direction, frame, text }: Faults.Place, fault: Faults.Fault) =>
      Effect.sync(() => void faults.push(`${connection} ${direction} ${frame} ${text} ${fault._tag}`))
    const scope = yield* Scope.make()
    const { connect } = yield* Effect.provide(
      Transport,
      Layer.provide(Faults.layer(plan, { onFault }), layerWires(wires))
    )
    const { receive, send } = yield* Scope.extend(connect("query"), scope)
    const wire = wires[0] ?? new Wire()
    const start = yield* Clock.currentTimeMillis
    const sends = yield* Effect.forEach(["a", "b", "c"], (text) => Effect.either(send(text)))
    wire.give("x", "y", "z")
    wire.end()
    const times: Array<number> = []
    const received: Array<string> = []
    const reading = yield* Effect.fork(
      Effect.forever(
        Effect.flatMap(
          Effect.tapError(receive, ({ reason }) => Effect.sync(() => received.push(reason))),
          (text) =>
            Effect.map(Clock.currentTimeMillis, (now) => {
              times.push(now - start)
              received.push(text)
            })
        )
      )
    )
    yield* Effect.sleep("1 minute")
    const closed = wire.closed
    yield* Fiber.interrupt(reading)
    yield* Scope.close(scope, Exit.void)
    const last = yield* Effect.either(receive)
    if (last._tag === "Right") received.push(`still ${last.right}`)
    return {
      sent: wire.sent,
      sends: sends.map((end) => (end._tag === "Left" ? end.left.reason : "sent")),
      received,
      closed,
      times,
      faults
    }
  }).pipe((program) => runSeeded(1, program), Effect.runSync)

const at = (direction: Direction, fault: Faults.Fault, frame = 2): Story =>
  story([{ direction, frame, fault }])

const undisturbed: Story = {
  sent: ["a", "b", "c"],
  sends: ["sent", "sent", "sent"],
  received: ["x", "y", "z", "closed_by_node"],
  closed: false,
  times: [0, 0, 0],
  faults: []
}

describe("a connection", () => {
  it("without a plan is as it was", () => {
    expect(story([])).toEqual(undisturbed)
    expect(story(() => undefined)).toEqual(undisturbed)
    expect(story([{ connection: 2, direction: "out", frame: 1, fault: Faults.drop }])).toEqual(undisturbed)
  })

  const rows: ReadonlyArray<readonly [string, Direction, Faults.Fault, Partial<Story>]> = [
    [
      "close before send",
      "out",
      Faults.closeBefore,
      {
        sent: ["a"],
        sends: ["sent", "connection_lost", "connection_lost"],
        received: ["connection_lost"],
        closed: true,
        times: []
      }
    ],
    [
      "close after send",
      "out",
      Faults.closeAfter,
      {
        sent: ["a", "b"],
        sends: ["sent", "sent", "connection_lost"],
        received: ["connection_lost"],
        closed: true,
        times: []
      }
    ],
    [
      "close instead of receive",
      "in",
      Faults.closeBefore,
      { received: ["x", "connection_lost"], closed: true, times: [0] }
    ],
    [
      "close after receive",
      "in",
      Faults.closeAfter,
      { received: ["x", "y", "connection_lost"], closed: true, times: [0, 0] }
    ],
    ["drop", "out", Faults.drop, { sent: ["a", "c"] }],
    ["drop", "in", Faults.drop, { received: ["x", "z", "closed_by_node"], times: [0, 0] }],
    ["blackhole", "out", Faults.blackhole, { sent: ["a"] }],
    ["blackhole", "in", Faults.blackhole, { received: ["x"], times: [0] }],
    ["duplicate", "out", Faults.duplicate, { sent: ["a", "b", "b", "c"] }],
    [
      "duplicate",
      "in",
      Faults.duplicate,
      { received: ["x", "y", "y", "z", "closed_by_node"], times: [0, 0, 0, 0] }
    ],
    ["delay", "out", Faults.delay("2 seconds"), {}],
    ["delay", "in", Faults.delay("2 seconds"), { times: [0, 2000, 2000] }],
    ["truncate", "out", Faults.truncate(0), { sent: ["a", "", "c"] }],
    ["truncate", "in", Faults.truncate(0), { received: ["x", "", "z", "closed_by_node"] }],
    ["garbage", "out", Faults.garbage("?"), { sent: ["a", "?", "c"] }],
    ["garbage", "in", Faults.garbage("?"), { received: ["x", "?", "z", "closed_by_node"] }]
  ]

  it.each(rows)("%s: %s", (_, direction, fault, changes) => {
    const text = direction === "out" ? "b" : "y"
    expect(at(direction, fault)).toEqual({
      ...undisturbed,
      ...changes,
      faults: [`1 ${direction} 2 ${text} ${fault._tag}`]
    })
  })

  it("delays overlap, and nobody overtakes", () => {
    const delays = [3000, 1000, 5000]
    const plan: Faults.Plan = ({ direction, frame }) =>
      direction === "in" ? Faults.delay(delays[frame - 1] ?? 0) : undefined
    expect(story(plan)).toMatchObject({ received: undisturbed.received, times: [3000, 3000, 5000] })
  })

  it("frames that leave late leave in order, and not after the connection broke", () => {
    const late = (frame: number, fault: Faults.Fault) => ({ direction: "out" as const, frame, fault })
    expect(story([late(1, Faults.delay(1000)), late(2, Faults.duplicate)]).sent).toEqual(["a", "b", "b", "c"])
    expect(story([late(1, Faults.delay(1000)), late(3, Faults.closeBefore)])).toMatchObject({
      sent: [],
      closed: true
    })
  })

  it("counts connections, and frames in each", () => {
    const seen: Array<string> = []
    const plan: Faults.Plan = ({ connection, direction, frame }) => {
      seen.push(`${connection} ${direction} ${frame}`)
      return undefined
    }
    const program = Effect.gen(function* () {
      const wires: Array<Wire> = []
      const { connect } = yield* Effect.provide(
        Transport,
        Layer.provide(Faults.layer(plan), layerWires(wires))
      )
      const one = yield* connect("")
      const two = yield* connect("")
      yield* one.send("a")
      yield* two.send("b")
      yield* one.send("c")
      wires[1]?.give("d")
      yield* two.receive
    })
    Effect.runSync(runSeeded(0, Effect.scoped(program)))
    expect(seen).toEqual(["1 out 1", "2 out 1", "1 out 2", "2 in 1"])
  })

  it("a reader that was interrupted loses nothing", () => {
    const program = Effect.gen(function* () {
      const wires: Array<Wire> = []
      const { connect } = yield* Effect.provide(
        Transport,
        Layer.provide(
          Faults.layer([{ direction: "in", frame: 1, fault: Faults.delay(100) }]),
          layerWires(wires)
        )
      )
      const { receive } = yield* connect("")
      wires[0]?.give("x", "y")
      const nothing = yield* Effect.timeoutOption(receive, 50)
      return [nothing._tag, yield* receive, yield* receive]
    })
    expect(Effect.runSync(runSeeded(3, Effect.scoped(program)))).toEqual(["None", "x", "y"])
  })
})

describe("plans", () => {
  it("by a seed: equal for equal seeds, at the rate, among the faults", () => {
    const places = Array.from(
      { length: 4000 },
      (_, index): Faults.Place => ({
        connection: 1 + (index % 4),
        direction: index % 2 === 0 ? "out" : "in",
        frame: 1 + Math.floor(index / 4),
        text: ""
      })
    )
    const faults = [Faults.drop, Faults.duplicate]
    const draw = (seed: number) => places.map(Faults.seeded(seed, { rate: 0.1, faults, connections: 3 }))
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    const hit = draw(1).filter((fault) => fault !== undefined)
    expect(hit.length).toBeGreaterThan(200)
    expect(hit.length).toBeLessThan(400)
    expect(new Set(hit)).toEqual(new Set(faults))
    expect(draw(1).filter((fault, index) => fault !== undefined && places[index]?.connection === 4)).toEqual(
      []
    )
    expect(places.map(Faults.seeded(1, { rate: 0 })).every((fault) => fault === undefined)).toBe(true)
    expect(places.map(Faults.seeded(1, { rate: 1 })).every((fault) => fault !== undefined)).toBe(true)
  })

  it("by chance: within the limits, all faults, down to nothing", () => {
    const plans = FastCheck.sample(Faults.arbitraryPlan({ connections: 2, frames: 5, faults: 4 }), {
      numRuns: 500,
      seed: 1
    })
    const rows = plans.flat()
    expect(new Set(rows.map(({ fault }) => fault._tag)).size).toBe(8)
    expect(Math.max(...rows.map(({ frame }) => frame))).toBe(5)
    expect(Math.max(...rows.map(({ connection }) => connection ?? 0))).toBe(2)
    expect(Math.max(...plans.map(({ length }) => length))).toBeLessThanOrEqual(4)
    const found = FastCheck.check(
      FastCheck.property(Faults.arbitraryPlan(), (plan) => plan.every(({ fault }) => fault._tag !== "Drop")),
      { seed: 1 }
    )
    expect(found.counterexample?.[0]).toEqual([
      { connection: 1, direction: "out", frame: 1, fault: Faults.drop }
    ])
  })
})
