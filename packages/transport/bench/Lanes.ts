/**
 * Lanes on which updates run, measured in turns: what else the machine does meets all of them alike, and ratios hold.
 */
import type { Channel } from "@aechannel/core/client/Channel"
import * as Effect from "effect/Effect"
import { performance } from "node:perf_hooks"
import { digest } from "../../core/bench/Fixtures.js"
import * as Harness from "../../core/bench/Harness.js"
import type { SdkParty } from "./SdkPair.js"
import { coupleOf, type Cryptography, type World } from "./World.js"

export interface Lane {
  readonly name: string
  /** Makes so many updates and gives the milliseconds of each, from the call to the co-signed state. */
  readonly run: (updates: number) => Effect.Effect<ReadonlyArray<number>>
  /** Updates of one turn. */
  readonly updates: number
  readonly warmUp: number
}

/** Who pays: always the initiator, or either party in turn. */
export type Direction = "one direction" | "alternating"

const payerOf = <A>([left, right]: readonly [A, A], direction: Direction) => {
  let round = 0
  return () => (direction === "alternating" && ++round % 2 === 0 ? right : left)
}

/** The updates of one channel, one after the other. */
export const ownLoop = (pair: readonly [Channel, Channel], direction: Direction): Lane["run"] => {
  const payer = payerOf(pair, direction)
  return (updates) =>
    Effect.gen(function* () {
      const times: Array<number> = []
      for (let i = 0; i < updates; i++) {
        const start = performance.now()
        yield* payer().transfer({ amount: 1n })
        times.push(performance.now() - start)
      }
      return times
    }).pipe(Effect.orDie)
}

/** The same with the JavaScript SDK. */
export const sdkLoop = (pair: readonly [SdkParty, SdkParty], direction: Direction): Lane["run"] => {
  const payer = payerOf(pair, direction)
  return (updates) =>
    Effect.promise(async () => {
      const times: Array<number> = []
      for (let i = 0; i < updates; i++) {
        const start = performance.now()
        await payer().pay(1)
        times.push(performance.now() - start)
      }
      return times
    })
}

/** The same updates spread over several channels that work at the same time. */
export const together =
  (loops: ReadonlyArray<Lane["run"]>): Lane["run"] =>
  (updates) =>
    Effect.map(
      Effect.forEach(loops, (run) => run(Math.ceil(updates / loops.length)), { concurrency: "unbounded" }),
      (times) => times.flat()
    )

/** What two signatures and two verifications take: no update can be had for less. Milliseconds. */
export const floorOf = (cryptography: Cryptography, repeats: number): number => {
  const [signer, verifier] = [cryptography(), cryptography()]
  const couple = coupleOf(0)
  const times = Array.from({ length: repeats + 1 }, (_, index) => {
    const message = digest(`message ${index}`)
    const start = performance.now()
    for (const { publicKey, secretKey } of couple)
      if (!verifier.verify(signer.sign(message, secretKey), message, publicKey))
        throw new Error("a bad signature")
    return performance.now() - start
  })
  // The first time, keys are imported.
  return Harness.quantile(times.slice(1), 0.5)
}

/** The figures of a lane; times in milliseconds. */
export interface Figures {
  readonly name: string
  readonly p50: number
  readonly p99: number
  /** The median of its turns. */
  readonly perSecond: number
  /** Updates per second of each turn; the turns of all lanes were run side by side. */
  readonly turns: ReadonlyArray<number>
  /** Time of the processor for one update, which other work on the machine does not lengthen. */
  readonly cpu: number
  /** Two signatures and two verifications, measured between the turns. */
  readonly floor: number
  /** The floor's part of the time that an update takes. */
  readonly share: number
  /** Signatures made and verified for one update, by clients and node together. */
  readonly signs: number
  readonly checks: number
}

interface Turn {
  readonly times: ReadonlyArray<number>
  readonly wall: number
  readonly cpu: number
  readonly floor: number
  readonly signs: number
  readonly checks: number
}

const turnOf = ({ run, updates }: Lane, world: World): Effect.Effect<Turn> =>
  Effect.gen(function* () {
    const floor = floorOf(world.cryptography, 20)
    const before = world.calls()
    const cpu = process.cpuUsage()
    const start = performance.now()
    const times = yield* run(updates)
    const wall = performance.now() - start
    const { system, user } = process.cpuUsage(cpu)
    const after = world.calls()
    return {
      times,
      wall,
      cpu: (system + user) / 1000,
      floor,
      signs: after.sign - before.sign,
      checks: after.verify - before.verify
    }
  })

const median = (values: ReadonlyArray<number>): number => Harness.quantile(values, 0.5)

const figuresOf = (name: string, all: ReadonlyArray<Turn>): Figures => {
  const times = all.flatMap((turn) => turn.times)
  const each = (pick: (turn: Turn) => number) => all.reduce((sum, turn) => sum + pick(turn), 0) / times.length
  const turns = all.map((turn) => (turn.times.length * 1000) / turn.wall)
  const perSecond = median(turns)
  const floor = median(all.map((turn) => turn.floor))
  return {
    name,
    p50: median(times),
    p99: Harness.quantile(times, 0.99),
    perSecond,
    turns,
    cpu: each(({ cpu }) => cpu),
    floor,
    share: (floor * perSecond) / 1000,
    signs: each(({ signs }) => signs),
    checks: each(({ checks }) => checks)
  }
}

/** Runs all lanes so often, each in its turn. */
export const inTurns = (
  world: World,
  lanes: ReadonlyArray<Lane>,
  turns: number
): Effect.Effect<ReadonlyArray<Figures>> =>
  Effect.gen(function* () {
    yield* Effect.forEach(lanes, ({ run, warmUp }) => run(warmUp), { discard: true })
    const measured = lanes.map(() => new Array<Turn>())
    for (let turn = 0; turn < turns; turn++)
      for (const [index, lane] of lanes.entries()) measured[index]?.push(yield* turnOf(lane, world))
    return lanes.map(({ name }, index) => figuresOf(name, measured[index] ?? []))
  })

/** How many times the second's speed the first has: the median over turns that were run side by side. */
export const ratio = (one: Figures, other: Figures): number =>
  median(one.turns.map((rate, index) => rate / (other.turns[index] ?? Number.NaN)))

/** Heads of the columns that {@link cells} fills. */
export const heads = ["per second", "p50 ms", "p99 ms", "cpu ms", "of the floor", "signs/checks"]

export const percent = (part: number): string =>
  part >= 0.0995 ? `${Math.round(part * 100)} %` : `${(part * 100).toFixed(1)} %`

export const cells = ({ checks, cpu, p50, p99, perSecond, share, signs }: Figures): ReadonlyArray<string> => [
  Math.round(perSecond).toLocaleString("en-US"),
  Harness.micros(p50),
  Harness.micros(p99),
  cpu.toFixed(2),
  percent(share),
  `${signs.toFixed(1)} / ${checks.toFixed(1)}`
]

/** What the columns mean. */
export const notes = (floor: number): ReadonlyArray<string> => [
  "from the call to the co-signed and stored state; clients, node and chain share one process",
  "cpu: time of the processor for one update, which other work on the machine does not lengthen",
  `of the floor: the part that two signatures and two verifications (${floor.toFixed(3)} ms) are of an update's time`,
  "signs/checks: signatures made and verified for one update, by all that use the library's cryptography"
]
