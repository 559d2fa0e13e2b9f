import { describe } from "@effect/vitest"
import { makeMemory } from "../../src/node/NodeStorage.js"
import { suite } from "../support/NodeStorageSuite.js"

describe("NodeStorage in memory", () => {
  suite(() => {
    const storage = makeMemory()
    return { storage, again: () => storage }
  })
})
