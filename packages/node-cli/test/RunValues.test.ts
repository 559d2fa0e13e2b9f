/** The leaves of scripts, how input is cut into documents, what fits what. */
import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { formatAe } from "../src/Amounts.js"
import * as Events from "../src/run/Events.js"
import * as Header from "../src/run/Header.js"
import * as Source from "../src/run/Source.js"
import * as Values from "../src/run/Values.js"

const readAs = <A>(schema: Schema.Schema<A, unknown>, value: unknown): A | undefined =>
  Either.getOrUndefined(Values.read(schema, value))

describe("values", () => {
  it.prop("an amount is what its text says", [FastCheck.bigInt(-(10n ** 40n), 10n ** 40n)], ([aettos]) => {
    expect(readAs(Values.Amount, formatAe(aettos))).toBe(aettos)
    expect(readAs(Values.Amount, aettos.toString())).toBe(aettos)
    expect(readAs(Values.Amount, `${aettos} aettos`)).toBe(aettos)
    expect(readAs(Values.Amount, aettos)).toBe(aettos)
  })

  it.each([
    "",
    "AE",
    "1.",
    ".5 AE",
    "1e3",
    "1,5 AE",
    "0x10",
    "1.0000000000000000001 AE",
    "--1",
    0.5,
    null,
    {}
  ])("%j is no amount", (value) => expect(readAs(Values.Amount, value)).toBeUndefined())

  it("durations", () => {
    expect(["200 ms", "2s", "1.5 s", "1 min", 7].map((value) => readAs(Values.Millis, value))).toEqual([
      200, 2000, 1500, 60_000, 7
    ])
    for (const value of ["", "5", "1 h", "-1 s", -1, 0.5])
      expect(readAs(Values.Millis, value)).toBeUndefined()
  })

  it.prop(
    "a range holds what lies in it",
    [FastCheck.bigInt(), FastCheck.bigInt(), FastCheck.bigInt()],
    (all) => {
      const [low = 0n, middle = 0n, high = 0n] = [...all].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      const within = (range: unknown, amount: bigint) => {
        const found = readAs(Values.Range, range)
        return found !== undefined && Values.isWithin(amount, found)
      }
      expect(within({ atLeast: low, atMost: high }, middle)).toBe(true)
      expect(within({ atLeast: low }, high)).toBe(true)
      expect(within({ atMost: high }, low)).toBe(true)
      expect(within(middle, high)).toBe(middle === high)
      expect(within({ atLeast: middle }, low)).toBe(low === middle)
    }
  )

  it("nothing that looks like a key is shown", () => {
    for (const secret of [
      `sk_${"1".repeat(50)}`,
      "a".repeat(64),
      "0F".repeat(64),
      { key: ["sk_1"] },
      [{ a: "sk_1" }]
    ])
      expect(Values.show(secret)).toBe("what looks like a secret key")
    expect(Values.show("Alice")).toBe("“Alice”")
  })

  it("later terms win, timers one by one", () =>
    expect(
      Header.merge({ reserve: 1n, timeouts: { accept: 1, sign: 1 } }, undefined, {
        reserve: 2n,
        timeouts: { sign: 2 }
      })
    ).toEqual({ reserve: 2n, timeouts: { accept: 1, sign: 2 } }))
})

describe("what fits what", () => {
  const json = FastCheck.jsonValue().map((value): unknown => value)

  it.prop("everything fits itself, and no object fits what it has not", [json], ([value]) => {
    expect(Events.holds(value, value)).toBe(true)
    expect(Events.holds(value, { [Math.PI]: value })).toBe(false)
  })

  it("objects in part, lists as a whole, digits as numbers", () => {
    const facts = { code: 2, balances: { Alice: "10", Bob: "20" }, data: [1001, 107] }
    for (const wanted of [
      {},
      { code: 2 },
      { balances: { Bob: 20 } },
      { balances: { Alice: 10n } },
      { data: [1001, 107] }
    ])
      expect(Events.holds(facts, wanted)).toBe(true)
    for (const wanted of [
      { code: 3 },
      { codes: 2 },
      { balances: { Bob: 2 } },
      { data: [1001] },
      { code: { a: 1 } }
    ])
      expect(Events.holds(facts, wanted)).toBe(false)
  })
})

describe("documents", () => {
  const lines = (text: string) =>
    Effect.map(Stream.runCollect(Source.pieces(Stream.splitLines(Stream.make(text)))), Chunk.toReadonlyArray)
  const values = (text: string) =>
    Effect.gen(function* () {
      const found = []
      for (const piece of yield* lines(text)) found.push(...(yield* Source.documents("test", piece)))
      return found
    })

  const value = FastCheck.jsonValue()
    .filter((json) => typeof json === "object" && json !== null)
    // Keys that YAML reads as something else, and numbers that JSON writes in another way, are not what is tested.
    .map((json) => JSON.parse(JSON.stringify(json).replaceAll("__proto__", "proto").replaceAll(/\d+/g, "7")))

  it.effect.prop(
    "JSON values on lines or over lines, in any mixture, are taken one by one",
    [
      FastCheck.array(
        FastCheck.tuple(
          value,
          FastCheck.constantFrom(0, 2),
          FastCheck.constantFrom("\n", "\n---\n", "\n# note\n")
        )
      )
    ],
    ([all]) =>
      Effect.gen(function* () {
        const unique = all.filter(([json]) => JSON.stringify(json) !== "{}" && JSON.stringify(json) !== "[]")
        const text = unique
          .map(([json, indent, mark]) => `${JSON.stringify(json, null, indent)}${mark}`)
          .join("")
        expect((yield* lines(text)).map((piece) => JSON.parse(piece.text))).toEqual(
          unique.map(([json]) => json)
        )
      })
  )

  it.effect("YAML documents end with a mark, and know their lines", () =>
    Effect.gen(function* () {
      const found = yield* values(
        '# first\na:\n  - b: 1\n---\nopen\n...\n{c: d}\n{\n"e": [\n1]}\nlast: 12345678901234567890\n'
      )
      expect(found.map(({ raw }) => raw)).toEqual([
        { a: [{ b: 1 }] },
        "open",
        { c: "d" },
        { e: [1] },
        { last: 12345678901234567890n }
      ])
      expect(found.map(({ lineAt }) => lineAt([]))).toEqual([2, 5, 7, 8, 11])
      expect(found[0]?.lineAt(["a", 0, "b"])).toBe(3)
      expect(found[0]?.lineAt(["a", 0, "missing", "too"])).toBe(3)
      expect(found[3]?.lineAt(["e", 0])).toBe(10)
    })
  )

  it.effect("aliases that would fill the memory are refused", () =>
    Effect.gen(function* () {
      const levels = Array.from(
        { length: 12 },
        (_, level) =>
          `l${level}: &l${level} [${level === 0 ? "x" : Array.from({ length: 9 }, () => `*l${level - 1}`).join(", ")}]`
      )
      const error = yield* Effect.flip(values(levels.join("\n")))
      expect(error.message).toContain("Excessive alias count")
    })
  )
})
