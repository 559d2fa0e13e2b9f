/**
 * Contracts in a channel: calls that both sign, next to transfers of the same channel, and calls that are only tried
 * out; by this library in memory and over WebSocket, and by the JavaScript SDK at the same node.
 */
import * as Bytecode from "@aechannel/core/fate/Bytecode"
import * as CallData from "@aechannel/core/fate/CallData"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { CallContractOptions, Channel } from "@aechannel/core/client/Channel"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { performance } from "node:perf_hooks"
import * as Harness from "../../core/bench/Harness.js"
import * as NativeCrypto from "../src/NativeCrypto.js"
import * as Lanes from "./Lanes.js"
import * as Profile from "./Profile.js"
import * as SdkPair from "./SdkPair.js"
import * as World from "./World.js"

const Compiled = Schema.parseJson(Schema.Struct({ Meter: Schema.Struct({ code: ApiEncoding.schema("cb") }) }))

/** A contract that counts, notes in a map who did so, and leaves an event. */
const meter = (): ApiEncoding.Encoded<"cb"> => {
  const url = new URL("../../core/test/fixtures/fate/sophia.json", import.meta.url)
  return Schema.decodeSync(Compiled)(readFileSync(url, "utf8")).Meter.code
}

const callDataOf = (name: string, ...args: ReadonlyArray<bigint>): Uint8Array =>
  CallData.encode(Bytecode.functionId(name), args)

const counting = callDataOf("add", 1n)

type Pair = readonly [Channel, Channel]

/** A channel with the contract, and how to call it. */
const withContract = ([caller, peer]: Pair) =>
  Effect.map(
    Effect.orDie(caller.contracts.create({ code: meter(), callData: callDataOf("init", 0n) })),
    ({ contractId }) => ({
      pair: [caller, peer] as const,
      options: { contractId, callData: counting } satisfies CallContractOptions
    })
  )

type Opened = Effect.Effect.Success<ReturnType<typeof withContract>>

const timed = (effect: Effect.Effect<unknown>): Effect.Effect<number> =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, () => performance.now() - start)
  })

/** The same again and again; so many at the same time. */
const loop =
  (effect: Effect.Effect<unknown>, concurrency = 1): Lanes.Lane["run"] =>
  (count) =>
    Effect.forEach(Array.from({ length: count }), () => timed(effect), { concurrency })

const callLoop = ({ options, pair: [caller] }: Opened): Lanes.Lane["run"] =>
  loop(Effect.orDie(caller.contracts.call(options)))

const dryRunLoop = ({ options, pair: [caller] }: Opened, concurrency?: number): Lanes.Lane["run"] =>
  loop(Effect.orDie(caller.contracts.dryRun(options)), concurrency)

/** Dry runs that are under way at the same time. */
const together = 32

export interface Measured {
  /** Transfers and calls in turn, of one way each. */
  readonly updates: ReadonlyArray<readonly [transfers: Lanes.Figures, calls: Lanes.Figures]>
  readonly dryRuns: ReadonlyArray<Lanes.Figures>
  readonly profile: Profile.Profile
}

const inPairs = (all: ReadonlyArray<Lanes.Figures>): Measured["updates"] =>
  all.flatMap((figures, index) => {
    const next = all[index + 1]
    return index % 2 === 0 && next !== undefined ? [[figures, next] as const] : []
  })

const program = (quick: boolean): Effect.Effect<Measured> =>
  Effect.gen(function* () {
    const couples = [World.coupleOf(0), World.coupleOf(1), World.coupleOf(2)] as const
    const world = yield* World.make(NativeCrypto.make, couples)
    const inMemory = yield* Effect.flatMap(world.open("in memory", couples[0]), withContract)
    const overWebSocket = yield* Effect.flatMap(world.open("over WebSocket", couples[1]), withContract)
    const [sdk, sdkPeer] = yield* SdkPair.open(couples[2], world.url)
    const contract = yield* Effect.promise(() =>
      sdk.createContract(meter(), ApiEncoding.encode("cb", callDataOf("init", 0n)))
    )
    const callData = ApiEncoding.encode("cb", counting)

    const many = quick ? { warmUp: 200, updates: 60 } : { warmUp: 750, updates: 200 }
    const few = quick ? { warmUp: 20, updates: 5 } : { warmUp: 50, updates: 30 }
    const lanes: ReadonlyArray<Lanes.Lane> = [
      ...(
        [
          ["in memory", inMemory],
          ["over WebSocket", overWebSocket]
        ] as const
      ).flatMap(
        ([way, opened]): ReadonlyArray<Lanes.Lane> => [
          { name: `transfers, ${way}`, run: Lanes.ownLoop(opened.pair, "one direction"), ...many },
          { name: `contract calls, ${way}`, run: callLoop(opened), ...many }
        ]
      ),
      {
        name: "transfers, JavaScript SDK",
        run: Lanes.sdkLoop([sdk, sdkPeer], "one direction"),
        ...few
      },
      {
        name: "contract calls, JavaScript SDK",
        run: loop(Effect.promise(() => sdk.callContract(contract, callData))),
        ...few
      }
    ]
    const turns = quick ? 5 : 11
    const updates = inPairs(yield* Lanes.inTurns(world, lanes, turns))

    const tries = quick ? { warmUp: 500, updates: 300 } : { warmUp: 4000, updates: 2000 }
    const dryRuns = yield* Lanes.inTurns(
      world,
      [
        { name: "in memory, one after the other", run: dryRunLoop(inMemory), ...tries },
        { name: `in memory, ${together} at the same time`, run: dryRunLoop(inMemory, together), ...tries },
        { name: "over WebSocket, one after the other", run: dryRunLoop(overWebSocket), ...tries },
        {
          name: `over WebSocket, ${together} at the same time`,
          run: dryRunLoop(overWebSocket, together),
          ...tries
        },
        {
          name: "JavaScript SDK, one after the other",
          run: loop(Effect.promise(() => sdk.dryRun(contract, callData))),
          ...few
        }
      ],
      turns
    )
    const profile = yield* Profile.of(callLoop(overWebSocket), quick ? 500 : 3000)
    return { updates, dryRuns, profile }
  }).pipe(Effect.scoped)

export const measure = ({ quick }: Harness.Options): Promise<Measured> => Effect.runPromise(program(quick))

export const tables = ({ dryRuns, profile, updates }: Measured): ReadonlyArray<Harness.Table> => {
  const sdk = updates.at(-1)
  const sdkDryRuns = dryRuns.at(-1)
  const timesOf = (figures: Lanes.Figures, other: Lanes.Figures | undefined): string =>
    other === undefined ? "" : `${Lanes.ratio(figures, other).toFixed(1)}x`
  return [
    {
      title: "Contract calls that both sign, next to transfers of the same channel",
      heads: [...Lanes.heads, "cpu, transfer = 1", "SDK = 1"],
      rows: updates.flatMap(([transfers, calls]) => [
        [transfers.name, ...Lanes.cells(transfers), "", timesOf(transfers, sdk?.[0])],
        [
          calls.name,
          ...Lanes.cells(calls),
          `${(calls.cpu / transfers.cpu).toFixed(2)}x`,
          timesOf(calls, sdk?.[1])
        ]
      ]),
      notes: [
        ...Lanes.notes(updates[0]?.[0].floor ?? Number.NaN),
        "a call counts, notes in a map who called, and leaves an event; both clients run it before they sign, and both sides of the node"
      ]
    },
    {
      title: "Dry runs of the same call",
      heads: [...Lanes.heads.slice(0, 4), "SDK = 1"],
      rows: dryRuns.map((figures) => [
        figures.name,
        ...Lanes.cells(figures).slice(0, 4),
        timesOf(figures, sdkDryRuns)
      ]),
      notes: ["run by the node, and again by the client, which compares; the SDK does not"]
    },
    ...Profile.tablesOf("contract calls over WebSocket", profile)
  ]
}

export const contractUpdates: Harness.Theme = {
  name: "contract-updates",
  run: async (options) => tables(await measure(options))
}
