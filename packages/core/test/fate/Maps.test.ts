import { describe, expect, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import {
  bytes,
  elements,
  list,
  type ListValue,
  string,
  text,
  tuple,
  type Value
} from "../../src/fate/Value.js"
import { exhaust, longest, outcome, perform, plainMachine } from "./support/plainMachine.js"
import { runGroup } from "./support/vectors.js"

runGroup("ops-basic", "map")

const run = (mnemonic: string, ...values: ReadonlyArray<Value>): Value =>
  perform(plainMachine({ gas: 100_000_000 }), mnemonic, ...values)

const key = fc.oneof<[fc.Arbitrary<Value>, fc.Arbitrary<Value>, fc.Arbitrary<Value>]>(
  fc.bigInt({ min: -9n, max: 9n }),
  fc.constantFrom("a", "b", "ab", "ba").map(text),
  fc.tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 3n })).map(tuple)
)

// What tells keys apart in a map of the language.
const keyText = (value: Value): string =>
  JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part))

describe("maps", () => {
  it("hold what was put last", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.option(fc.bigInt()))), (changes) => {
        const wanted = new Map<string, Value>()
        let map = run("MAP_EMPTY")
        for (const [k, v] of changes) {
          if (v === null) wanted.delete(keyText(k))
          else wanted.set(keyText(k), v)
          map = v === null ? run("MAP_DELETE", map, k) : run("MAP_UPDATE", map, k, v)
        }
        expect(run("MAP_SIZE", map)).toBe(BigInt(wanted.size))
        for (const [k] of changes) {
          const value = wanted.get(keyText(k))
          expect(run("MAP_MEMBER", map, k)).toBe(value !== undefined)
          expect(run("MAP_LOOKUPD", map, k, text("none"))).toEqual(value ?? text("none"))
        }
        const pairs = run("MAP_TO_LIST", map) as ListValue
        expect(run("MAP_SIZE", run("MAP_FROM_LIST", pairs))).toBe(BigInt(pairs.length))
        const keys = elements(pairs).map(
          (pair) => (pair as { elements: ReadonlyArray<Value> }).elements[0] as Value
        )
        for (let i = 1; i < keys.length; i++)
          expect(run("LT", keys[i - 1] as Value, keys[i] as Value)).toBe(true)
      })
    )
  })

  it("are not the keys of others", () => {
    const map = run("MAP_EMPTY")
    expect(outcome({}, "MAP_UPDATE", map, map, 1n)).toHaveProperty("failed")
    expect(outcome({}, "MAP_LOOKUP", map, map)).toEqual({ failed: "Maps: Key does not exist" })
    expect(outcome({ protocol: 4 }, "MAP_LOOKUP", 1n, map)).toHaveProperty("crashed")
  })

  it("of large keys or long lists cost what they cost", () => {
    const large = (last: number): Value => string(new Uint8Array(1_000_000).fill(1).fill(last, 999_999))
    const map = run("MAP_UPDATE", run("MAP_EMPTY"), large(1), 1n)
    expect(exhaust("MAP_MEMBER", map, large(2)).elapsed).toBeLessThan(longest)
    const same = list(Array.from({ length: 100_000 }, () => tuple([bytes(new Uint8Array(32)), 1n])))
    expect(exhaust("MAP_FROM_LIST", same).elapsed).toBeLessThan(longest)
    expect(exhaust("APPEND", same, same).elapsed).toBeLessThan(longest)
  })
})
