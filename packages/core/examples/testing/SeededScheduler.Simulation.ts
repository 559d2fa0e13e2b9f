import * as assert from "node:assert"
import { SeededScheduler } from "@aechannel/core/testing"
import { Effect } from "effect"

const world = new SeededScheduler.Simulation(7)
const fiber = world.fork(Effect.as(Effect.sleep("1 hour"), "awake"))

world.pass(3_599_999)
assert.strictEqual(fiber.unsafePoll(), null)
world.pass(1)
assert.strictEqual(world.run(fiber), "awake")
