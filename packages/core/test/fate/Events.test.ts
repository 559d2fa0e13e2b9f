import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Value from "../../src/fate/Value.js"
import { chainMachine, perform } from "./support/chainMachine.js"
import { runGroup } from "./support/vectors.js"

runGroup("ops-chain", "log")

describe("events", () => {
  it("have topics of 32 bytes and cost 20 gas a byte", () => {
    const topic = fc.oneof(
      fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }).map((n) => [n, Bytes.uintToFixed(n, 32)] as const),
      fc.boolean().map((b) => [b, Bytes.uintToFixed(b ? 1 : 0, 32)] as const),
      fc
        .uint8Array({ maxLength: 32 })
        .map((bytes) => [Value.bytes(bytes), Bytes.concat(new Uint8Array(32 - bytes.length), bytes)] as const)
    )
    fc.assert(
      fc.property(
        fc.array(topic, { minLength: 1, maxLength: 4 }),
        fc.uint8Array({ maxLength: 50 }),
        (topics, data) => {
          const machine = chainMachine()
          const before = machine.gas
          perform(machine, `LOG${topics.length}`, Value.string(data), ...topics.map(([value]) => value))
          expect(machine.entries).toEqual([
            { address: machine.contract, topics: topics.map(([, bytes]) => bytes), data }
          ])
          expect(before - machine.gas).toBe(20 * (8 * topics.length + data.length))
        }
      )
    )
  })

  it("refuse what is no word", () => {
    for (const [value, text] of [
      [1n << 256n, `Illegal integer in log: ${1n << 256n}`],
      [Value.bits(-1n), "Illegal bits in log"],
      [Value.unit, "Type error on call: {tuple,{}} is not of type word"]
    ] as const)
      expect(() => perform(chainMachine(), "LOG1", Value.text("x"), value)).toThrow(
        expect.objectContaining({ text })
      )
  })
})
