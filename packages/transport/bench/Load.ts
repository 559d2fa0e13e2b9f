/**
 * `npm run bench -- --load[=seconds]`: 200 clients that come, pay, talk, drop and go at random, against `aechannel node`
 * as a child process; a party that is flooded and reads, and one that does not.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { performance } from "node:perf_hooks"
import * as Harness from "../../core/bench/Harness.js"
import * as NativeCrypto from "../src/NativeCrypto.js"
import { Crowd, type CrowdOptions, pairOf, type Tally, type Update } from "./load/Crowd.js"
import { flood, type Flooded, floodUnread } from "./load/Flood.js"
import * as NodeChild from "./load/NodeChild.js"
import { Watch } from "./load/Watch.js"
import * as Readme from "./Readme.js"
import * as Residents from "./Residents.js"
import { coupleOf } from "./World.js"

const { mebi } = Residents

const pairs = 100
const seed = 20_191

/** What a node holds at one moment of the load. */
interface Held extends NodeChild.Figures {
  readonly when: string
  readonly machines: number
  readonly height: number
}

interface Phase {
  readonly name: string
  readonly updates: ReadonlyArray<Update>
  readonly seconds: number
  /** The node's time of the processor, in milliseconds. */
  readonly cpu: number
  readonly flooded: Flooded | undefined
}

interface Loaded {
  readonly held: ReadonlyArray<Held>
  readonly phases: ReadonlyArray<Phase>
  readonly tally: Tally
  readonly watch: Watch
  readonly load: string
}

const program = (seconds: number): Effect.Effect<Loaded, never, Scope.Scope> =>
  Effect.gen(function* () {
    yield* NativeCrypto.accelerateHashes
    const child = yield* NodeChild.make()
    const couples = Array.from({ length: pairs + 1 }, (_, index) => coupleOf(index))
    yield* Effect.forEach(couples.flat(), ({ address }) => child.fund(address, 10n ** 24n), {
      concurrency: 20,
      discard: true
    })
    const held: Array<Held> = []
    const look = (when: string) =>
      Effect.gen(function* () {
        const [machines, height, figures] = yield* Effect.all([child.machines, child.height, child.figures])
        held.push({ when, machines, height, ...figures })
      })
    yield* look("before")

    const watch = new Watch()
    const lasting = (seconds * 1000) / 3
    let isOver = false
    const options: CrowdOptions = { url: child.channelUrl, watch, seed, isOver: () => isOver }
    const crowd = new Crowd(options)
    const running = yield* Effect.fork(crowd.run(pairs))

    // It takes part from the beginning, so that all phases have the same number of clients.
    const pair = yield* pairOf(child.channelUrl, watch, pairs, couples[pairs] ?? coupleOf(pairs))
    const parties = yield* Effect.orDie(pair.open)
    const isConnected = child.isConnected(parties[1].id, "responder")
    const phases: Array<Phase> = []
    const phase = (name: string, what: (until: () => boolean) => Effect.Effect<Flooded | undefined>) =>
      Effect.gen(function* () {
        const before = yield* child.figures
        const begin = performance.now()
        const until = begin + lasting
        const flooding = yield* Effect.fork(what(() => performance.now() > until))
        yield* Effect.sleep(lasting)
        const end = performance.now()
        const after = yield* child.figures
        const updates = crowd.tally.updates.filter(({ at }) => at >= begin && at <= end)
        const flooded = yield* Fiber.join(flooding)
        phases.push({ name, updates, seconds: (end - begin) / 1000, cpu: after.cpu - before.cpu, flooded })
        yield* look(name)
      })
    // What is sent to somebody who does not read must be more than the limit before the phase is over.
    const rate = (40 * 2 ** 20) / (lasting / 1000)
    const flooding = { pair, parties, index: pairs, rate, isConnected }
    yield* phase("nobody flooded", () => Effect.succeed(undefined))
    yield* phase("one flooded, reads", (until) => flood({ ...flooding, isOver: until }))
    yield* phase("one flooded, reads nothing", () => {
      // Whatever the rate came to, the limit must be seen.
      const giveUp = performance.now() + lasting + 30_000
      return floodUnread({ ...flooding, isOver: () => performance.now() > giveUp })
    })

    isOver = true
    yield* Effect.orDie(parties[0].transfer({ amount: 1n }))
    yield* Effect.orDie(parties[0].shutdown())
    yield* Fiber.join(running)
    // Until what was left in the moment of its opening has been idle for long enough.
    yield* Effect.repeat(Effect.delay(child.machines, "500 millis"), {
      until: (machines) => machines === 0,
      times: 30
    })
    yield* look("all gone")
    return { held, phases, tally: crowd.tally, watch, load: Harness.load() }
  })

const latency = ({ name, seconds, updates }: Phase): ReadonlyArray<string> => {
  const times = updates.map(({ took }) => took)
  return [
    name,
    Math.round(updates.length / seconds).toLocaleString("en-US"),
    ...[0.5, 0.9, 0.99].map((part) => Harness.micros(Harness.quantile(times, part)))
  ]
}

const tables = ({ held, load, phases, tally, watch }: Loaded): ReadonlyArray<Harness.Table> => [
  {
    title: `The node under ${2 * pairs + 2} clients`,
    heads: ["machines", "height", "RSS MiB", "heap MiB", "sockets", "timers", "fibers"],
    rows: held.map((each) => [
      each.when,
      String(each.machines),
      String(each.height),
      mebi(each.rss),
      mebi(each.heap),
      String(each.sockets),
      String(each.timers),
      String(each.fibers)
    ]),
    notes: [
      "after garbage collection; the chain keeps all its blocks, five for each opening and closing",
      `${tally.opened} channels opened, ${tally.closed} closed, ${tally.updates.length} updates, ${tally.messages} messages`,
      `${tally.drops} connections dropped, ${tally.droppedOpenings} openings, ${tally.resumed} channels left and resumed`,
      `${watch.frames} frames (${mebi(watch.bytes)} MiB) looked at, ${watch.wrong.length} at the wrong client; ${load}`
    ]
  },
  {
    title: "Updates of the others",
    heads: ["per second", "p50 ms", "p90 ms", "p99 ms", "node cpu ms", "flood MiB", "cut after MiB"],
    rows: phases.map((phase) => [
      ...latency(phase),
      (phase.cpu / phase.updates.length).toFixed(2),
      phase.flooded === undefined ? "" : mebi(phase.flooded.bytes),
      phase.flooded?.cutAfter === undefined ? "" : mebi(phase.flooded.cutAfter)
    ]),
    notes: [
      "all clients share one process, whose time these are mostly; node cpu: the node's time of the processor for an update",
      "and what comes with it (openings, messages, closings, the flood), which other work on the machine does not lengthen"
    ]
  }
]

/** What the README says of it, next to what open channels cost. */
const section = (loaded: Loaded, residents: Residents.Residents, seconds: number): string => {
  const { open, close } = Residents.middles(residents)
  const { held, openingAll, updates, updatingAll } = residents
  const { phases, tally, watch } = loaded
  const cutAfter = phases.at(-1)?.flooded?.cutAfter ?? Number.NaN
  return [
    Readme.paragraph(
      "`npm run bench -- --load --readme` writes this part: `aechannel node` as it is built, in a process of its own, " +
        `with clients in another one. These figures are of ${Harness.machine()}, on which other programs ran as well ` +
        `(${residents.load}; then ${loaded.load}).`
    ),
    ...Residents.tables(residents).map(Harness.markdown),
    Readme.paragraph(
      `Memory is after garbage collection. ${held.at(-1)?.channels} channels were opened in ${openingAll.toFixed(0)} s, ` +
        `${updates.toLocaleString("en-US")} updates made in ${updatingAll.toFixed(0)} s. One channel alone takes ` +
        `${open} to open, confirmations included, and ${close} to close (the reference node with instant ` +
        `mining: 98 ms for the opening).`
    ),
    Readme.paragraph(
      `${2 * pairs + 2} clients for ${seconds} seconds that open, pay, talk, lose their connections in the midst of it, ` +
        `leave and come back at random: ${tally.opened} channels, ${tally.updates.length} updates, ${tally.messages} ` +
        `messages, ${tally.drops + tally.droppedOpenings} dropped connections, ${tally.resumed} channels left and ` +
        "resumed. In a third of the time one of them is flooded with messages and reads them, in another third it reads " +
        "nothing."
    ),
    ...tables(loaded).map(Harness.markdown),
    Readme.paragraph(
      `When all are gone no state machine, socket, timer or fiber is left of them; what stays in memory is the chain, of ` +
        `which every block and transaction can be asked for. Each of the ${watch.frames.toLocaleString("en-US")} frames ` +
        `was looked at by its client: ${watch.wrong.length} had an id, an account, a transaction or a text of somebody ` +
        `else. Who did not read was cut off when 16 MiB waited for it, which was after ${mebi(cutAfter)} MiB, what ` +
        "the system's buffers hold included; times are long for all because the clients share one thread."
    )
  ].join("\n\n")
}

/** Runs for so long, prints what it saw, and gives the exit code. */
export const run = async (seconds: number, readme: boolean): Promise<number> => {
  console.log(`${Harness.machine()}, ${Harness.load()}`)
  const residents = readme ? await Residents.measure(Harness.optionsOf(false)) : undefined
  const loaded = await Effect.runPromise(Effect.scoped(program(seconds)))
  for (const table of [...(residents === undefined ? [] : Residents.tables(residents)), ...tables(loaded)])
    console.log(`\n${Harness.print(table)}`)
  if (residents !== undefined) Readme.replace("load", section(loaded, residents, seconds))
  const { tally, watch } = loaded
  if (Object.keys(tally.ended).length > 0) console.log("\noperations that were cut short", tally.ended)
  const failures = [...watch.wrong, ...tally.failures]
  if (loaded.phases.at(-1)?.flooded?.cutAfter === undefined) failures.push("who did not read was not cut off")
  if (loaded.held.at(-1)?.machines !== 0) failures.push("machines are left")
  for (const failure of failures.slice(0, 20)) console.log(`FAILED ${failure}`)
  return failures.length === 0 ? 0 : 1
}
