import * as assert from "node:assert"
import { Faults } from "@aechannel/core/testing"

const plan = Faults.seeded(1, { rate: 0.5, faults: [Faults.drop, Faults.delay("1 second")] })
const place = { connection: 1, direction: "out", text: "" } as const
const faults = Array.from({ length: 100 }, (_, frame) => plan({ ...place, frame }))

assert.deepStrictEqual(new Set(faults), new Set([undefined, Faults.drop, Faults.delay("1 second")]))
assert.deepStrictEqual(plan({ ...place, frame: 7 }), faults[7])
