/** Many channels at one node at the same time, over WebSocket. */
import * as Effect from "effect/Effect"
import type * as Harness from "../../core/bench/Harness.js"
import * as NativeCrypto from "../src/NativeCrypto.js"
import * as Lanes from "./Lanes.js"
import * as World from "./World.js"

const widths = [1, 10, 100]

const program = (quick: boolean): Effect.Effect<ReadonlyArray<Lanes.Figures>> =>
  Effect.gen(function* () {
    const couples = Array.from({ length: Math.max(...widths) }, (_, index) => World.coupleOf(index))
    const world = yield* World.make(NativeCrypto.make, couples)
    // One after the other: the blocks of one opening would make the proposals of the others too old.
    const pairs = yield* Effect.forEach(couples, (couple) => world.open("over WebSocket", couple))
    const loops = pairs.map((pair) => Lanes.ownLoop(pair, "one direction"))
    const lanes = widths.map((width) => ({
      name: `${width} ${width === 1 ? "channel" : "channels at a time"}`,
      run: Lanes.together(loops.slice(0, width)),
      ...(quick ? { warmUp: 200, updates: 200 } : { warmUp: 1000, updates: 800 })
    }))
    return yield* Lanes.inTurns(world, lanes, quick ? 3 : 7)
  }).pipe(Effect.scoped)

export const measure = ({ quick }: Harness.Options): Promise<ReadonlyArray<Lanes.Figures>> =>
  Effect.runPromise(program(quick))

export const tables = (all: ReadonlyArray<Lanes.Figures>): ReadonlyArray<Harness.Table> => [
  {
    title: "Channels at a time, over WebSocket",
    heads: Lanes.heads,
    rows: all.map((figures) => [figures.name, ...Lanes.cells(figures)]),
    notes: ["per second: of all channels together; p50, p99: of one update while the others work too"]
  }
]

export const parallel: Harness.Theme = {
  name: "parallel",
  run: async (options) => tables(await measure(options))
}
