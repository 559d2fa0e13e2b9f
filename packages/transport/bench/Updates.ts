/**
 * Updates of one channel, one after the other: by this library in memory and over WebSocket, and by the JavaScript SDK
 * at the same node.
 */
import { noble } from "@aechannel/core/crypto/Crypto"
import * as Effect from "effect/Effect"
import * as Harness from "../../core/bench/Harness.js"
import * as NativeCrypto from "../src/NativeCrypto.js"
import * as Lanes from "./Lanes.js"
import * as SdkPair from "./SdkPair.js"
import * as World from "./World.js"

const directions: ReadonlyArray<Lanes.Direction> = ["one direction", "alternating"]

/** What a lane measures. */
export interface About {
  readonly direction: Lanes.Direction
  readonly way: World.Way
  readonly library: "own" | "sdk"
  readonly crypto: "native" | "portable"
}

/** A lane's figures next to those of the SDK in the same direction. */
export interface Compared {
  readonly about: About
  readonly figures: Lanes.Figures
  /** Times the SDK's speed. */
  readonly speed: number | undefined
}

const withNative = (quick: boolean): Effect.Effect<ReadonlyArray<Compared>> =>
  Effect.gen(function* () {
    const couples = [World.coupleOf(0), World.coupleOf(1), World.coupleOf(2)] as const
    const world = yield* World.make(NativeCrypto.make, couples)
    const inMemory = yield* world.open("in memory", couples[0])
    const overWebSocket = yield* world.open("over WebSocket", couples[1])
    const sdk = yield* SdkPair.open(couples[2], world.url)
    const many = quick ? { warmUp: 200, updates: 60 } : { warmUp: 750, updates: 300 }
    const few = quick ? { warmUp: 20, updates: 5 } : { warmUp: 50, updates: 30 }
    const lanes = directions.flatMap((direction): ReadonlyArray<{ about: About; lane: Lanes.Lane }> => {
      const own = { direction, library: "own", crypto: "native" } as const
      return [
        {
          about: { ...own, way: "in memory" },
          lane: { name: "in memory", run: Lanes.ownLoop(inMemory, direction), ...many }
        },
        {
          about: { ...own, way: "over WebSocket" },
          lane: { name: "over WebSocket", run: Lanes.ownLoop(overWebSocket, direction), ...many }
        },
        {
          about: { ...own, library: "sdk", way: "over WebSocket" },
          lane: { name: "JavaScript SDK, over WebSocket", run: Lanes.sdkLoop(sdk, direction), ...few }
        }
      ]
    })
    const measured = yield* Lanes.inTurns(
      world,
      lanes.map(({ lane }) => lane),
      quick ? 5 : 11
    )
    const rows = lanes.flatMap(({ about }, index) => {
      const figures = measured[index]
      return figures === undefined ? [] : [{ about, figures }]
    })
    return rows.map(({ about, figures }) => {
      const other = rows.find((row) => row.about.library === "sdk" && row.about.direction === about.direction)
      return { about, figures, speed: other && Lanes.ratio(figures, other.figures) }
    })
  }).pipe(Effect.scoped)

const withPortable = (quick: boolean): Effect.Effect<Compared> =>
  Effect.gen(function* () {
    const couple = World.coupleOf(0)
    const world = yield* World.make(() => noble, [couple])
    const about: About = {
      direction: "one direction",
      way: "in memory",
      library: "own",
      crypto: "portable"
    }
    const lane: Lanes.Lane = {
      name: "in memory, portable cryptography",
      run: Lanes.ownLoop(yield* world.open(about.way, couple), about.direction),
      ...(quick ? { warmUp: 10, updates: 10 } : { warmUp: 50, updates: 40 })
    }
    const [figures] = yield* Lanes.inTurns(world, [lane], quick ? 3 : 5)
    if (figures === undefined) throw new Error("one lane has figures")
    return { about, figures, speed: undefined }
  }).pipe(Effect.scoped)

export const measure = async ({ quick }: Harness.Options): Promise<ReadonlyArray<Compared>> => [
  ...(await Effect.runPromise(withNative(quick))),
  await Effect.runPromise(withPortable(quick))
]

export const tables = (all: ReadonlyArray<Compared>): ReadonlyArray<Harness.Table> =>
  directions.map((direction, index) => ({
    title: `Updates of one channel, ${direction}`,
    heads: [...Lanes.heads, "SDK = 1"],
    rows: all
      .filter(({ about }) => about.direction === direction)
      .map(({ figures, speed }) => [
        figures.name,
        ...Lanes.cells(figures),
        speed === undefined ? "" : `${speed.toFixed(1)}x`
      ]),
    notes:
      index === directions.length - 1
        ? [
            ...Lanes.notes(all[0]?.figures.floor ?? Number.NaN),
            `SDK: two clients of @aeternity/aepp-sdk ${SdkPair.version()}, which verify no signature, at the same node in the same run`
          ]
        : []
  }))

export const updates: Harness.Theme = {
  name: "updates",
  run: async (options) => tables(await measure(options))
}
