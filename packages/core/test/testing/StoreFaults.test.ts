import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Fiber } from "effect"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import * as Arbitraries from "../../src/testing/Arbitraries.js"
import * as ChannelStoreSuite from "../../src/testing/ChannelStoreSuite.js"
import * as StoreFaults from "../../src/testing/StoreFaults.js"

const [record] = FastCheck.sample(Arbitraries.channelRecord, { seed: 1, numRuns: 1 })
if (record === undefined) throw new Error("no record was generated")

const withPlan = <A, E>(
  plan: StoreFaults.StorePlan,
  use: (store: ChannelStore.ChannelStoreService) => Effect.Effect<A, E>
) => Effect.flatMap(ChannelStore.makeMemory, (memory) => use(StoreFaults.make(memory, plan)))

describe("StoreFaults", () => {
  describe("without faults", () => {
    const fresh = Effect.map(ChannelStore.makeMemory, (memory) => ({
      open: Effect.succeed(StoreFaults.make(memory, () => undefined))
    }))
    for (const { name, run } of ChannelStoreSuite.cases) it.effect(name, () => run(fresh))
  })

  it.effect("fails at one operation, which is not done", () =>
    withPlan(StoreFaults.at("write", 2, StoreFaults.fail("disk full")), (store) =>
      Effect.gen(function* () {
        const fence = yield* store.claim(record)
        yield* store.write(record, { version: 0, fence })
        const error = yield* Effect.flip(store.write(record, { version: 1, fence }))
        expect(error).toMatchObject({ operation: "write", reason: "write", detail: "disk full" })
        expect(yield* store.read(record)).toMatchObject({ version: 1 })
        yield* store.write(record, { version: 1, fence })
      })
    )
  )

  it.effect("fails after the operation was done", () =>
    withPlan(StoreFaults.at("write", 1, StoreFaults.failAfter()), (store) =>
      Effect.gen(function* () {
        const fence = yield* store.claim(record)
        yield* Effect.flip(store.write(record, { version: 0, fence }))
        expect(yield* store.read(record)).toMatchObject({ version: 1 })
      })
    )
  )

  it.effect("fails from an operation on, for a reason of one's own", () =>
    withPlan(StoreFaults.from("read", 2, StoreFaults.fail("flipped", "corrupt")), (store) =>
      Effect.gen(function* () {
        yield* store.read(record)
        for (let i = 0; i < 2; i++)
          expect(yield* Effect.flip(store.read(record))).toMatchObject({ reason: "corrupt" })
        yield* store.list
      })
    )
  )

  it.effect("hangs, and lets itself be interrupted", () =>
    withPlan(StoreFaults.at("claim", 1, StoreFaults.hang), (store) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(store.claim(record))
        yield* Effect.yieldNow()
        expect((yield* Fiber.poll(fiber))._tag).toBe("None")
        yield* Fiber.interrupt(fiber)
        expect(yield* store.claim(record)).toBe(1)
      })
    )
  )
})
