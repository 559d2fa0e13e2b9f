/**
 * What every channel store must do, as cases that any test runner can run: those of this library pass them, and so must
 * one of your own.
 *
 * @example
 * ```ts
 * import { ChannelStore } from "@aechannel/core"
 * import { ChannelStoreSuite } from "@aechannel/core/testing"
 * import { Effect } from "effect"
 *
 * // Your store instead of the one in memory: opened a second time, it must show what was written the first time.
 * const fresh = Effect.map(ChannelStore.makeMemory, (store) => ({ open: Effect.succeed(store) }))
 *
 * // With a test runner: for (const { name, run } of cases) test(name, () => Effect.runPromise(run(fresh)))
 * await Effect.runPromise(Effect.forEach(ChannelStoreSuite.cases, ({ run }) => run(fresh)))
 * ```
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Bytes from "../encoding/Bytes.js"
import type { StoreError } from "../protocol/Errors.js"
import type {
  ChannelRecord,
  ChannelStoreService,
  Expected,
  RecordKey,
  StoredRecord
} from "../services/ChannelStore.js"
import * as RecordCodec from "../services/RecordCodec.js"
import * as Arbitraries from "./Arbitraries.js"

/**
 * A store does not do what it must.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuiteError extends Data.TaggedError("SuiteError")<{
  readonly case: string
  readonly detail: string
}> {
  override get message(): string {
    return `${this.case}: ${this.detail}`
  }
}

/**
 * A store that nobody has used yet. `open` opens it; it is asked for several times, also while an earlier one is open.
 * What a scope has opened is closed when the scope ends.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoreUnderTest<E> {
  readonly open: Effect.Effect<ChannelStoreService, E, Scope.Scope>
}

/**
 * One case; succeeds when the store passes it. `fresh` makes a store for this case alone.
 *
 * @since 0.1.0
 * @category models
 */
export interface Case {
  readonly name: string
  readonly run: <E, E2, R>(
    fresh: Effect.Effect<StoreUnderTest<E>, E2, R>
  ) => Effect.Effect<void, SuiteError | StoreError | E | E2, Exclude<R, Scope.Scope>>
}

type Outcome = Effect.Effect<void, string | StoreError>
type Body = <E>(
  open: Effect.Effect<ChannelStoreService, E, Scope.Scope>
) => Effect.Effect<void, string | StoreError | E>

const make = (name: string, body: Body): Case => ({
  name,
  run: (fresh) =>
    Effect.scoped(Effect.flatMap(fresh, ({ open }) => body(open))).pipe(
      Effect.catchIf(
        (error): error is string & typeof error => typeof error === "string",
        (detail) => new SuiteError({ case: name, detail })
      )
    )
})

/** A case that needs to open the store only once. */
const simple = (name: string, body: (store: ChannelStoreService) => Outcome): Case =>
  make(name, (open) => Effect.scoped(Effect.flatMap(open, body)))

// The records of a run are the same every time.
const sampleOf = (count: number): ReadonlyArray<ChannelRecord> =>
  FastCheck.sample(Arbitraries.channelRecord, { seed: 4, numRuns: count })
const [sample] = FastCheck.sample(Arbitraries.channelRecord, { seed: 1, numRuns: 1 })

const recordOf = (round: number, changes: Partial<ChannelRecord> = {}): ChannelRecord => {
  if (sample === undefined) throw new Error("no record was generated")
  return { ...sample, role: "initiator", round, ...changes }
}
const key: RecordKey = { channelId: recordOf(0).channelId, role: "initiator" }

const check = (condition: boolean, detail: string): Outcome => (condition ? Effect.void : Effect.fail(detail))

const shown = (stored: StoredRecord | undefined): string =>
  stored === undefined ? "no record" : `round ${stored.record.round} in version ${stored.version}`

const same = (a: StoredRecord, b: StoredRecord): boolean =>
  Bytes.equals(RecordCodec.encode(a), RecordCodec.encode(b))

/** The store holds exactly this record in this version. */
const holds = (store: ChannelStoreService, version: number, record: ChannelRecord): Outcome =>
  Effect.flatMap(store.read(record), (stored) =>
    check(
      stored !== undefined && same(stored, { version, record }),
      `${shown({ version, record })} was expected, and there is ${shown(stored)}${
        stored?.version === version && stored.record.round === record.round ? " with other contents" : ""
      }`
    )
  )

const refuses = (
  store: ChannelStoreService,
  record: ChannelRecord,
  expected: Expected,
  reason: StoreError["reason"]
): Outcome =>
  Effect.matchEffect(store.write(record, expected), {
    onFailure: (error) =>
      check(error.reason === reason, `the write was to fail with ${reason} and failed with ${error.reason}`),
    onSuccess: () =>
      Effect.fail(
        `the write on version ${expected.version}, claim ${expected.fence} was to fail with ${reason}`
      )
  })

const claimed = (store: ChannelStoreService, fence: number, of: RecordKey = key): Outcome =>
  Effect.flatMap(store.claim(of), (got) =>
    check(got === fence, `claim ${got} was given where ${fence} was due`)
  )

/** Writes rounds 1 to `last` under the first claim. */
const filled = (store: ChannelStoreService, last: number): Outcome =>
  Effect.zipRight(
    claimed(store, 1),
    Effect.forEach(
      Array.from({ length: last }, (_, version) => version),
      (version) => store.write(recordOf(version + 1), { version, fence: 1 }),
      { discard: true }
    )
  )

const others = (count: number): ReadonlyArray<ChannelRecord> =>
  FastCheck.sample(Arbitraries.channelId, { seed: 2, numRuns: count }).map((channelId, i) =>
    recordOf(i, { channelId })
  )

/**
 * The cases.
 *
 * @since 0.1.0
 * @category cases
 */
export const cases: ReadonlyArray<Case> = [
  simple("a new store is empty", (store) =>
    Effect.gen(function* () {
      const stored = yield* store.read(key)
      yield* check(stored === undefined, `nothing was written, and there is ${shown(stored)}`)
      yield* check((yield* store.list).length === 0, "nothing was written, and something is listed")
    })
  ),

  simple("what was written is read, and every write is one version more", (store) =>
    Effect.gen(function* () {
      yield* claimed(store, 1)
      for (let version = 0; version < 5; version++) {
        yield* store.write(recordOf(version), { version, fence: 1 })
        yield* holds(store, version + 1, recordOf(version))
      }
    })
  ),

  simple("nothing of a record is lost", (store) =>
    Effect.forEach(
      sampleOf(100),
      (record) =>
        Effect.gen(function* () {
          const fence = yield* store.claim(record)
          const version = (yield* store.read(record))?.version ?? 0
          yield* store.write(record, { version, fence })
          yield* holds(store, version + 1, record)
        }),
      { discard: true }
    )
  ),

  simple("a record of a megabyte is written and read", (store) =>
    Effect.gen(function* () {
      const record = recordOf(1, { trees: Uint8Array.from({ length: 1_000_000 }, (_, i) => i % 251) })
      yield* claimed(store, 1)
      yield* store.write(record, { version: 0, fence: 1 })
      yield* holds(store, 1, record)
      yield* store.write(recordOf(2), { version: 1, fence: 1 })
      yield* holds(store, 2, recordOf(2))
    })
  ),

  simple("the two parties of a channel are kept apart", (store) =>
    Effect.gen(function* () {
      const [initiator, responder] = [recordOf(1), recordOf(2, { role: "responder" })]
      for (const record of [initiator, responder]) {
        yield* claimed(store, 1, record)
        yield* store.write(record, { version: 0, fence: 1 })
      }
      yield* holds(store, 1, initiator)
      yield* holds(store, 1, responder)
    })
  ),

  simple("what is written is listed, sorted; what is only claimed is not", (store) =>
    Effect.gen(function* () {
      const records = [
        ...others(20),
        ...others(20).map((record) => ({ ...record, role: "responder" as const }))
      ]
      const texts = records.map(({ channelId, role }) => `${channelId}/${role}`)
      yield* claimed(store, 1)
      for (const record of records) {
        yield* store.claim(record)
        yield* store.write(record, { version: 0, fence: 1 })
      }
      const listed = (yield* store.list).map(({ channelId, role }) => `${channelId}/${role}`)
      yield* check(
        listed.join(" ") === texts.sort().join(" "),
        `${texts.length} keys were expected, sorted, and ${listed.length} are listed: ${listed.join(", ")}`
      )
    })
  ),

  simple("a write on another version is a conflict and changes nothing", (store) =>
    Effect.gen(function* () {
      yield* filled(store, 3)
      for (const version of [0, 1, 2, 4, 5])
        yield* refuses(store, recordOf(9), { version, fence: 1 }, "conflict")
      yield* holds(store, 3, recordOf(3))
      yield* store.write(recordOf(4), { version: 3, fence: 1 })
      yield* holds(store, 4, recordOf(4))
    })
  ),

  simple("I11: nobody writes without a claim", (store) =>
    Effect.gen(function* () {
      yield* refuses(store, recordOf(1), { version: 0, fence: 1 }, "lease_lost")
      const stored = yield* store.read(key)
      yield* check(stored === undefined, `the write was refused, and there is ${shown(stored)}`)
      yield* check((yield* store.list).length === 0, "the write was refused, and something is listed")
    })
  ),

  simple("I11: every claim is one more, for each key alone, and changes no record", (store) =>
    Effect.gen(function* () {
      yield* claimed(store, 1)
      yield* claimed(store, 2)
      yield* claimed(store, 1, { ...key, role: "responder" })
      yield* store.write(recordOf(1), { version: 0, fence: 2 })
      yield* claimed(store, 3)
      yield* holds(store, 1, recordOf(1))
      yield* store.write(recordOf(2), { version: 1, fence: 3 })
      yield* claimed(store, 4)
      yield* holds(store, 2, recordOf(2))
    })
  ),

  simple("I11: who claimed before cannot write any more, and who claimed last goes on", (store) =>
    Effect.gen(function* () {
      yield* filled(store, 2)
      yield* claimed(store, 2)
      // Also before the new one has written, and whatever version the old one expects.
      for (const version of [0, 1, 2, 3])
        yield* refuses(store, recordOf(9), { version, fence: 1 }, "lease_lost")
      yield* holds(store, 2, recordOf(2))
      yield* store.write(recordOf(3), { version: 2, fence: 2 })
      yield* refuses(store, recordOf(9), { version: 3, fence: 1 }, "lease_lost")
      yield* refuses(store, recordOf(9), { version: 3, fence: 3 }, "lease_lost")
      yield* holds(store, 3, recordOf(3))
    })
  ),

  simple("of many writers on one version one wins", (store) =>
    Effect.gen(function* () {
      yield* claimed(store, 1)
      for (let version = 0; version < 5; version++) {
        const rounds = Array.from({ length: 20 }, (_, i) => 100 * version + i)
        const outcomes = yield* Effect.forEach(
          rounds,
          (round) => Effect.either(store.write(recordOf(round), { version, fence: 1 })),
          { concurrency: "unbounded" }
        )
        const winners = rounds.filter((_, i) => outcomes[i]?._tag === "Right")
        const [winner] = winners
        yield* check(
          winners.length === 1,
          `${winners.length} of ${rounds.length} writers were told that they had won`
        )
        for (const outcome of outcomes)
          yield* check(
            outcome._tag === "Right" || outcome.left.reason === "conflict",
            "the others were to fail with conflict"
          )
        yield* holds(store, version + 1, recordOf(winner ?? 0))
      }
    })
  ),

  simple("I11: of many claimants each gets a number of its own, and the last may write", (store) =>
    Effect.gen(function* () {
      const claims = yield* Effect.all(
        Array.from({ length: 20 }, () => store.claim(key)),
        { concurrency: "unbounded" }
      )
      const sorted = [...claims].sort((a, b) => a - b)
      yield* check(
        sorted.every((fence, i) => fence === i + 1),
        `claims 1 to 20 were due, and these were given: ${claims.join(", ")}`
      )
      const writes = claims.map((fence) => Effect.exit(store.write(recordOf(fence), { version: 0, fence })))
      yield* Effect.all(writes, { concurrency: "unbounded" })
      yield* holds(store, 1, recordOf(20))
    })
  ),

  simple("many channels are written at once, each in order", (store) =>
    Effect.gen(function* () {
      const rounds = Array.from({ length: 10 }, (_, i) => i)
      const records = others(100)
      yield* Effect.forEach(
        records,
        (record) =>
          Effect.gen(function* () {
            const fence = yield* store.claim(record)
            for (const round of rounds) yield* store.write({ ...record, round }, { version: round, fence })
          }),
        { concurrency: "unbounded", discard: true }
      )
      for (const record of records) yield* holds(store, 10, { ...record, round: 9 })
      yield* check((yield* store.list).length === 100, "not every channel is listed")
    })
  ),

  simple("a reader never sees less than it has seen", (store) =>
    Effect.gen(function* () {
      yield* claimed(store, 1)
      const writer = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 8 }, (_, version) => version),
          (version) => store.write(recordOf(version + 1), { version, fence: 1 }),
          { discard: true }
        )
      )
      let seen = 0
      for (let isOver = false; !isOver; ) {
        isOver = Option.isSome(yield* Fiber.poll(writer))
        const stored = yield* store.read(key)
        const { version = 0, record } = stored ?? {}
        yield* check(version >= seen, `version ${version} was read after version ${seen}`)
        yield* check(stored === undefined || record?.round === version, `${shown(stored)} is of two writes`)
        seen = version
        yield* Effect.yieldNow()
      }
      yield* check(seen === 8, `version ${seen} is there after 8 writes`)
      yield* Fiber.join(writer)
    })
  ),

  simple("an interrupted writer has written all or nothing", (store) =>
    Effect.gen(function* () {
      yield* claimed(store, 1)
      let version = 0
      for (let i = 0; i < 20; i++) {
        const started = yield* Deferred.make<void>()
        const writer = yield* Effect.fork(
          Effect.zipRight(
            Deferred.succeed(started, undefined),
            store.write(recordOf(i + 1), { version, fence: 1 })
          )
        )
        yield* Deferred.await(started)
        yield* Fiber.interrupt(writer)
        const stored = yield* store.read(key)
        const after = stored?.version ?? 0
        yield* check(
          after === version || after === version + 1,
          `version ${after} follows version ${version}`
        )
        if (stored !== undefined && after === version + 1) yield* holds(store, after, recordOf(i + 1))
        version = after
      }
      yield* store.write(recordOf(99), { version, fence: 1 })
      yield* holds(store, version + 1, recordOf(99))
    })
  ),

  make("what was written is there when the store is opened again", (open) =>
    Effect.gen(function* () {
      const records = others(10)
      yield* Effect.scoped(Effect.flatMap(open, (store) => filled(store, 7)))
      yield* Effect.scoped(
        Effect.flatMap(open, (store) =>
          Effect.gen(function* () {
            yield* holds(store, 7, recordOf(7))
            yield* claimed(store, 2)
            yield* store.write(recordOf(8), { version: 7, fence: 2 })
            for (const record of records)
              yield* store.write(record, { version: 0, fence: yield* store.claim(record) })
          })
        )
      )
      yield* Effect.scoped(
        Effect.flatMap(open, (store) =>
          Effect.gen(function* () {
            yield* holds(store, 8, recordOf(8))
            for (const record of records) yield* holds(store, 1, record)
            yield* check((yield* store.list).length === 11, "not every record is listed")
            yield* refuses(store, recordOf(9), { version: 8, fence: 1 }, "lease_lost")
          })
        )
      )
    })
  ),

  make("I11: two that have the store open see each other's writes and claims", (open) =>
    Effect.scoped(
      Effect.gen(function* () {
        const [first, second] = [yield* open, yield* open]
        yield* filled(first, 2)
        yield* holds(second, 2, recordOf(2))
        yield* claimed(second, 2)
        yield* refuses(first, recordOf(3), { version: 2, fence: 1 }, "lease_lost")
        yield* second.write(recordOf(3), { version: 2, fence: 2 })
        yield* holds(first, 3, recordOf(3))
        yield* claimed(first, 3)
        yield* refuses(second, recordOf(4), { version: 3, fence: 2 }, "lease_lost")
        yield* first.write(recordOf(4), { version: 3, fence: 3 })
        yield* holds(second, 4, recordOf(4))
      })
    )
  )
]
