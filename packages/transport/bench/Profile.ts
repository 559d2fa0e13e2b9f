/**
 * Where the processor's time goes while a channel is updated over WebSocket: a sampling profile of this process, whose
 * functions are assigned to what they are for.
 */
import * as Effect from "effect/Effect"
import * as Inspector from "node:inspector"
import { findSourceMap, type SourceMapping } from "node:module"
import { performance } from "node:perf_hooks"
import type * as Harness from "../../core/bench/Harness.js"
import * as NativeCrypto from "../src/NativeCrypto.js"
import * as Lanes from "./Lanes.js"
import { type Frame, type Group, groupOf, groups } from "./ProfileGroups.js"
import * as World from "./World.js"

/** Time of one group or function. */
export interface Part {
  readonly name: string
  /** Of the time in which the process was busy. */
  readonly share: number
  /** Microseconds of one update. */
  readonly micros: number
}

export interface Profile {
  readonly groups: ReadonlyArray<Part>
  /** The functions with most time of their own. */
  readonly functions: ReadonlyArray<Part>
  readonly updates: number
  /** Updates per second while the profile was taken. */
  readonly perSecond: number
}

const samplingMicros = 200

const ask = <A>(send: (callback: (error: Error | null, result: A) => void) => void): Effect.Effect<A> =>
  Effect.async((resume) =>
    send((error, result) => resume(error === null ? Effect.succeed(result) : Effect.die(error)))
  )

/** The profile of what an effect does. */
const profiled = (effect: Effect.Effect<unknown>): Effect.Effect<Inspector.Profiler.Profile> =>
  Effect.scoped(
    Effect.gen(function* () {
      const session = yield* Effect.acquireRelease(
        Effect.sync(() => new Inspector.Session()),
        (open) => Effect.sync(() => open.disconnect())
      )
      session.connect()
      yield* ask<unknown>((done) => session.post("Profiler.enable", done))
      yield* ask<unknown>((done) =>
        session.post("Profiler.setSamplingInterval", { interval: samplingMicros }, done)
      )
      yield* ask<unknown>((done) => session.post("Profiler.start", done))
      yield* effect
      const { profile } = yield* ask<Inspector.Profiler.StopReturnType>((done) =>
        session.post("Profiler.stop", done)
      )
      return profile
    })
  )

const isMapping = (entry: object): entry is SourceMapping => "originalSource" in entry

/** A function by its source; those of the bundle are looked up in its source map. */
const frameOf = ({ columnNumber, functionName, lineNumber, url }: Inspector.Runtime.CallFrame): Frame => {
  const entry = url.startsWith("file:") ? findSourceMap(url)?.findEntry(lineNumber, columnNumber) : undefined
  const [file, line] =
    entry !== undefined && isMapping(entry)
      ? [entry.originalSource, entry.originalLine + 1]
      : [url, lineNumber + 1]
  return { file: decodeURI(file).replaceAll("\\", "/"), line, name: functionName }
}

/** A path short enough for a table. */
const shortOf = (file: string): string =>
  file
    .replace(/^.*\/node_modules\//, "")
    .replace(/^.*\/packages\//, "")
    .replace("/src/", "/")

/** What a built-in function is for shows in its caller. */
const titleOf = ({ file, line, name }: Frame, caller: Frame | undefined): string =>
  file !== ""
    ? `${shortOf(file)}:${line}${name === "" ? "" : ` ${name}`}`
    : name.startsWith("(") || caller === undefined || caller.file === ""
      ? name
      : `${name} < ${shortOf(caller.file)} ${caller.name}`

type Node = Inspector.Profiler.ProfileNode

/** Microseconds by group and by function. */
const sums = ({ nodes, samples = [], timeDeltas = [] }: Inspector.Profiler.Profile) => {
  const frames = new Map(nodes.map((node) => [node.id, frameOf(node.callFrame)]))
  const parents = new Map(nodes.flatMap(({ children = [], id }) => children.map((child) => [child, id])))
  const known = new Map<Node["id"], Group>()
  /** What cannot be told by itself (a built-in function, a helper) is part of what called it. */
  const groupAt = (id: Node["id"]): Group => {
    const before = known.get(id)
    if (before !== undefined) return before
    const frame = frames.get(id)
    const parent = parents.get(id)
    const own = frame === undefined ? undefined : groupOf(frame)
    const group = own ?? (parent === undefined ? "everything else" : groupAt(parent))
    known.set(id, group)
    return group
  }
  const byGroup = new Map<Group, number>()
  const byFunction = new Map<string, number>()
  const add = <K>(map: Map<K, number>, key: K, time: number) => map.set(key, (map.get(key) ?? 0) + time)
  for (const [index, id] of samples.entries()) {
    const time = Math.max(0, timeDeltas[index] ?? 0)
    const group = groupAt(id)
    add(byGroup, group, time)
    if (group === "not counted") continue
    const frame = frames.get(id)
    if (frame !== undefined) add(byFunction, titleOf(frame, frames.get(parents.get(id) ?? -1)), time)
  }
  return { byGroup, byFunction }
}

const partsOf = (
  times: ReadonlyArray<readonly [string, number]>,
  busy: number,
  updates: number
): ReadonlyArray<Part> =>
  times
    .map(([name, time]) => ({ name, share: time / busy, micros: time / updates }))
    .sort((a, b) => b.micros - a.micros)

/** The profile of so many updates of a loop that has run warm. */
export const of = (loop: Lanes.Lane["run"], updates: number): Effect.Effect<Profile> =>
  Effect.gen(function* () {
    let milliseconds = Number.NaN
    const timed = Effect.suspend(() => {
      const start = performance.now()
      return Effect.tap(loop(updates), () => {
        milliseconds = performance.now() - start
      })
    })
    const { byFunction, byGroup } = sums(yield* profiled(timed))
    byGroup.delete("not counted")
    const busy = [...byGroup.values()].reduce((sum, time) => sum + time, 0)
    return {
      groups: partsOf(
        groups.flatMap((group) =>
          group === "not counted" ? [] : [[group, byGroup.get(group) ?? 0] as const]
        ),
        busy,
        updates
      ),
      functions: partsOf([...byFunction], busy, updates).slice(0, 20),
      updates,
      perSecond: (updates * 1000) / milliseconds
    }
  })

const program = (quick: boolean): Effect.Effect<Profile> =>
  Effect.gen(function* () {
    const couple = World.coupleOf(0)
    const world = yield* World.make(NativeCrypto.make, [couple])
    const loop = Lanes.ownLoop(yield* world.open("over WebSocket", couple), "one direction")
    const { updates, warmUp } = quick ? { warmUp: 200, updates: 500 } : { warmUp: 1500, updates: 4000 }
    yield* loop(warmUp)
    return yield* of(loop, updates)
  }).pipe(Effect.scoped)

const rest = "the rest"

const titles: ReadonlyMap<string, string> = new Map([
  ...groups
    .filter((group) => group.startsWith("codec: "))
    .map((group) => [group, "codec (JSON, RLP, base58 and base64, transactions, frames)"] as const),
  ["client", "clients and node"],
  ["node and chain", "clients and node"],
  ["contracts", "state trees"],
  ["event loop and native code", rest],
  ["everything else", rest]
])

export const measure = ({ quick }: Harness.Options): Promise<Profile> => Effect.runPromise(program(quick))

/** The same with kindred groups in one, the largest first. */
export const merged = ({ groups }: Profile): ReadonlyArray<Part> => {
  const parts = new Map<string, Part>()
  for (const { micros, name, share } of groups) {
    const title = titles.get(name) ?? name
    const before = parts.get(title)
    parts.set(title, {
      name: title,
      share: share + (before?.share ?? 0),
      micros: micros + (before?.micros ?? 0)
    })
  }
  const last = ({ name }: Part) => (name === rest ? 1 : 0)
  return [...parts.values()].sort((a, b) => last(a) - last(b) || b.micros - a.micros)
}

const rowOf = ({ micros, name, share }: Part) => [name, Lanes.percent(share), micros.toFixed(1)]

/** The tables of a profile; `what` was done meanwhile. */
export const tablesOf = (
  what: string,
  { functions, groups, perSecond, updates }: Profile
): ReadonlyArray<Harness.Table> => [
  {
    title: `Time of the processor, ${what}`,
    heads: ["share", "µs an update"],
    rows: groups.map(rowOf),
    notes: [
      `main thread, ${updates} updates, a sample every ${samplingMicros} µs; ${Math.round(perSecond)} updates a second meanwhile`
    ]
  },
  {
    title: "Functions with most time of their own",
    heads: ["share", "µs an update"],
    rows: functions.map(rowOf)
  }
]

export const tables = (profile: Profile): ReadonlyArray<Harness.Table> =>
  tablesOf("one channel over WebSocket", profile)

export const profile: Harness.Theme = {
  name: "profile",
  run: async (options) => tables(await measure(options))
}
