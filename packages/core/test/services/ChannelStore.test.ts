import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import * as ChannelStoreSuite from "../../src/testing/ChannelStoreSuite.js"

describe("ChannelStore.layerMemory", () => {
  const fresh = ChannelStore.ChannelStore.pipe(
    Effect.map((store) => ({ open: Effect.succeed(store) })),
    Effect.provide(ChannelStore.layerMemory)
  )
  for (const { name, run } of ChannelStoreSuite.cases) it.effect(name, () => run(fresh))
})
