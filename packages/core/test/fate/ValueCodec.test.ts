import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Ids from "../../src/chain/Ids.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Bytecode from "../../src/fate/Bytecode.js"
import { Crash } from "../../src/fate/internal/machine.js"
import * as SortedMap from "../../src/fate/internal/sortedMap.js"
import * as Order from "../../src/fate/Order.js"
import * as Value from "../../src/fate/Value.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"
import * as Arbitraries from "../support/fate/Arbitraries.js"
import { fromJson, typeFromText } from "../support/fate/Values.js"
import { reasonOf } from "../support/Reason.js"
import { fixture } from "../support/Shared.js"

type Row =
  | { readonly kind: "value"; readonly value: unknown; readonly hex: string }
  | { readonly kind: "type"; readonly type: string; readonly hex: string }
  | { readonly kind: "decode"; readonly name: string; readonly hex: string; readonly decoded?: unknown }
  | { readonly kind: "function_id"; readonly name: string; readonly hex: string }
  | { readonly kind: "contract_id" | "call_id" }

const rows: ReadonlyArray<Row> = fixture("fate/encoding")
const { fromHex, toHex } = Bytes

const read = (hex: string): Value.Value => ValueCodec.decodeOrThrow(fromHex(hex))
const roundTrip = (value: Value.Value): Value.Value => ValueCodec.decodeOrThrow(ValueCodec.encode(value))

describe("the known answers of the codec", () => {
  it("are given for every value, type, input and function id", () => {
    const counts: { [kind: string]: number } = {}
    for (const row of rows) {
      counts[row.kind] = (counts[row.kind] ?? 0) + 1
      if (row.kind === "value") {
        expect(toHex(ValueCodec.encode(fromJson(row.value)))).toBe(row.hex)
        expect(Order.equals(read(row.hex), fromJson(row.value))).toBe(true)
      } else if (row.kind === "type") {
        const type = typeFromText(row.type)
        expect(toHex(ValueCodec.encodeType(type))).toBe(row.hex)
        expect(ValueCodec.decodeTypeOrThrow(fromHex(row.hex))).toStrictEqual(type)
        expect(ValueCodec.readTypeOrThrow(fromHex(`00${row.hex}00`), 1)).toStrictEqual({
          type,
          next: 1 + row.hex.length / 2
        })
        expect(read(row.hex)).toStrictEqual(Value.typeRepresentation(type))
      } else if (row.kind === "decode" && row.decoded !== undefined) {
        expect(Order.equals(read(row.hex), fromJson(row.decoded)), row.name).toBe(true)
      } else if (row.kind === "decode") {
        expect(() => read(row.hex), row.name).toThrow(DecodeError)
      } else if (row.kind === "function_id") {
        expect(toHex(Bytecode.functionId(row.name))).toBe(row.hex)
      }
    }
    console.log("known answers of the FATE codec:", JSON.stringify(counts))
    expect(counts).toMatchObject({ value: 74, type: 22, decode: 20, function_id: 6 })
  })

  it("are given for the ids of contracts and calls", () => {
    const of = (kind: Row["kind"]) => fixture("fate/encoding").filter((row: Row) => row.kind === kind)
    for (const { contract, nonce_or_round, owner } of of("contract_id"))
      expect(Ids.contractId(owner, nonce_or_round)).toBe(contract)
    for (const { caller, contract, hex, round } of of("call_id"))
      expect(toHex(Ids.callId(caller, round, contract))).toBe(hex)
    expect([of("contract_id").length, of("call_id").length]).toStrictEqual([8, 3])
  })

  it("give the reason of what they refuse", () => {
    const reasons = rows.flatMap((row) =>
      row.kind === "decode" && row.decoded === undefined
        ? [`${row.name}: ${reasonOf(() => read(row.hex))}`]
        : []
    )
    expect(reasons).toMatchInlineSnapshot(`
      [
        "negative zero small int: minus_zero",
        "trailing byte: trailing",
        "non-minimal big int (leading zero): not_minimal",
        "big int encoded as 0x8100: not_minimal",
        "map keys not sorted: keys_not_ascending",
        "map duplicate key: keys_not_ascending",
        "map with map key: map_in_key",
        "variant tag too large: unknown_constructor",
        "variant arity mismatch: wrong_arity",
        "neg bits zero: minus_zero",
        "unknown tag 0xb7: unknown_type",
        "empty: truncated",
        "truncated string: truncated",
        "object type 6: unknown_tag",
        "short string size 0 (0x01 is long string): truncated",
        "short tuple size 0 is long tuple tag: truncated",
        "empty map tag 0xdf: unknown_tag",
      ]
    `)
  })
})

describe("values", () => {
  it("are read as they were written", () => {
    FastCheck.assert(
      FastCheck.property(Arbitraries.value, (value) => {
        const bytes = ValueCodec.encode(value)
        const again = ValueCodec.decodeOrThrow(bytes)
        expect(Order.equals(again, value)).toBe(true)
        expect(Bytes.equals(ValueCodec.encode(again), bytes)).toBe(true)
      }),
      { numRuns: 1000 }
    )
  })

  it("are found among other bytes", () => {
    FastCheck.assert(
      FastCheck.property(
        Arbitraries.value,
        FastCheck.uint8Array({ maxLength: 5 }),
        FastCheck.uint8Array({ maxLength: 5 }),
        (value, before, after) => {
          const bytes = ValueCodec.encode(value)
          const found = ValueCodec.readOrThrow(Bytes.concat(before, bytes, after), before.length)
          expect(found.next).toBe(before.length + bytes.length)
          expect(Order.equals(found.value, value)).toBe(true)
        }
      )
    )
  })

  it("have no second encoding", () => {
    // Apart from the sizes of references and arities, what is read is written again as it was.
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 6 }), (bytes) => {
        if (bytes.includes(0x9f) || bytes.includes(0xaf)) return
        const exit = Effect.runSyncExit(ValueCodec.decode(bytes))
        if (exit._tag === "Success") expect(ValueCodec.encode(exit.value)).toStrictEqual(bytes)
      }),
      { numRuns: 10_000 }
    )
  })

  it("of mutated bytes are values or errors", () => {
    let accepted = 0
    let refused = 0
    const mutation = FastCheck.tuple(FastCheck.nat(), FastCheck.nat(255), FastCheck.nat(3))
    const mutate = (bytes: Uint8Array, [at, by, how]: readonly [number, number, number]): Uint8Array => {
      const i = bytes.length === 0 ? 0 : at % bytes.length
      if (how === 0) return bytes.slice(0, i)
      if (how === 1) return Bytes.concat(bytes.slice(0, i), Uint8Array.of(by), bytes.slice(i))
      if (how === 2) return Bytes.concat(bytes.slice(0, i), bytes.slice(i + 1))
      return Bytes.concat(bytes.slice(0, i), Uint8Array.of(by), bytes.slice(i + 1))
    }
    FastCheck.assert(
      FastCheck.property(
        Arbitraries.value,
        FastCheck.array(mutation, { minLength: 1, maxLength: 3 }),
        (value, mutations) => {
          const bytes = mutations.reduce(mutate, ValueCodec.encode(value))
          try {
            const again = ValueCodec.decodeOrThrow(bytes)
            accepted++
            ValueCodec.encode(again)
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError)
            refused++
          }
        }
      ),
      { numRuns: 3000 }
    )
    console.log(`mutated values: ${accepted} accepted, ${refused} refused`)
    expect(Math.min(accepted, refused)).toBeGreaterThan(100)
  })

  it("fail with an error in the effect", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(ValueCodec.decode(fromHex("80")))
      expect(error.reason).toBe("minus_zero")
      expect((yield* Effect.flip(ValueCodec.decodeType(fromHex("0700")))).reason).toBe("trailing")
      expect(yield* ValueCodec.decode(fromHex("7f"))).toBe(false)
    }).pipe(Effect.runPromise))

  it("take sizes of references and arities that are longer than need be, as the machine does", () => {
    const key = "ab".repeat(32)
    expect(read(`9f00b820${key}`)).toStrictEqual(Value.reference("address", fromHex(key)))
    expect(read("9f008105")).toStrictEqual(Value.reference("address", fromHex("05")))
    expect(read("af8100003f")).toStrictEqual(Value.variant([0], 0, []))
    expect(reasonOf(() => read("9f00c0"))).toBe("unexpected_list")
    expect(reasonOf(() => read("9f00b900ff"))).toBe("leading_zero")
    expect(reasonOf(() => read("6fb801ff"))).toBe("not_minimal")
    expect(reasonOf(() => read("6f80"))).toBe("not_minimal")
  })

  it("keep maps out of keys however deep", () => {
    const map = Value.map(SortedMap.empty)
    const keys = [map, Value.storeMap(0, SortedMap.empty)].flatMap((inner) => [
      inner,
      Value.list([1n, inner]),
      Value.tuple([1n, inner]),
      Value.variant([0, 2], 1, [inner, 1n]),
      Value.tuple([Value.list([Value.tuple([inner])])])
    ])
    for (const key of keys) {
      expect(() => ValueCodec.encode(Value.map(SortedMap.set(SortedMap.empty, key, 1n)))).toThrow(Crash)
      const bytes = Bytes.concat(fromHex("2f01"), ValueCodec.encode(key), fromHex("02"))
      expect(reasonOf(() => ValueCodec.decodeOrThrow(bytes))).toBe("map_in_key")
    }
    // After a key, and in the value beside it, maps are allowed.
    const allowed = "2f021b022f0102041b042f00"
    expect(toHex(ValueCodec.encode(read(allowed)))).toBe(allowed)
    expect(reasonOf(() => read("2f021b022f0102041b2f002f00"))).toBe("map_in_key")
  })

  it("have no bytes with unwritten changes", () => {
    const changed = Value.storeMap(3, SortedMap.set(SortedMap.empty, 1n, Value.removed))
    expect(() => ValueCodec.encode(changed)).toThrow(Crash)
  })

  it("are plain byte arrays whatever the input is", () => {
    const value = ValueCodec.decodeOrThrow(Buffer.from("0561", "hex"))
    expect(value).toStrictEqual(Value.text("a"))
  })
})

describe("types", () => {
  it("are read as they were written", () => {
    FastCheck.assert(
      FastCheck.property(Arbitraries.type, (type) => {
        expect(ValueCodec.decodeTypeOrThrow(ValueCodec.encodeType(type))).toStrictEqual(type)
      }),
      { numRuns: 1000 }
    )
  })

  it("that are none are refused", () => {
    for (const hex of [
      "",
      "b7",
      "4701",
      "4706",
      "2707".slice(0, 2),
      "3702",
      "870107",
      "9784",
      "6707",
      "37010700"
    ])
      expect(() => ValueCodec.decodeTypeOrThrow(fromHex(hex)), hex).toThrow(DecodeError)
  })
})

const megabyte = 1_000_000

/** The same bytes again and again, then an end. */
const repeated = (hex: string, end: string): Uint8Array => {
  const unit = fromHex(hex)
  const bytes = new Uint8Array(megabyte + end.length / 2)
  for (let i = 0; i < megabyte; i++) bytes[i] = unit[i % unit.length] ?? 0
  bytes.set(fromHex(end), megabyte - (megabyte % unit.length))
  return bytes.slice(0, megabyte - (megabyte % unit.length) + end.length / 2)
}

const hostile: { readonly [name: string]: Uint8Array } = {
  "nested lists": repeated("13", "03"),
  "nested tuples": repeated("1b", "3f"),
  "nested variants": repeated("af01001b", "3f"),
  "nested maps": repeated("2f0100", "00"),
  "list types": repeated("27", "07"),
  "tuple types": repeated("3701", "07"),
  "map types": repeated("6707", "07"),
  mixed: repeated("131b2f0100af01001b", "00"),
  "keys of nested lists": Bytes.concat(fromHex("2f02"), repeated("13", "0200"), repeated("13", "0300"))
}

describe("a megabyte of nested parts", () => {
  for (const [name, bytes] of Object.entries(hostile))
    it(`of ${name} is read, compared and written in time`, () => {
      const timed = <A>(name: string, f: () => A): A => {
        const start = performance.now()
        const result = f()
        times[name] = Math.round(performance.now() - start)
        return result
      }
      const times: { [name: string]: number } = {}
      const value = timed("read", () => ValueCodec.decodeOrThrow(bytes))
      expect(
        Bytes.equals(
          timed("written", () => ValueCodec.encode(value)),
          bytes
        )
      ).toBe(true)
      const other = ValueCodec.decodeOrThrow(bytes)
      expect(timed("compared", () => Order.equals(value, other))).toBe(true)
      console.log(`${name}, milliseconds: ${JSON.stringify(times)}`)
      // A fraction of a second for each on a machine of one's own; more than linear time would take minutes.
      for (const time of Object.values(times)) expect(time).toBeLessThan(5000)
    })

  it("that ends too early is refused", () => {
    for (const bytes of Object.values(hostile))
      expect(() => ValueCodec.decodeOrThrow(bytes.slice(0, -1))).toThrow(DecodeError)
    expect(reasonOf(() => read("1f85ffffffffff"))).toBe("truncated")
    expect(reasonOf(() => read("2f87ffffffffffffff"))).toBe("number_too_large")
    expect(reasonOf(() => read("016f88ffffffffffffffff"))).toBe("truncated")
  })
})

describe("a large value", () => {
  it("takes the time of its bytes", () => {
    const entries = Array.from({ length: 50_000 }, (_, i) => [BigInt(i), Value.text(`value ${i}`)] as const)
    const value = Value.tuple([
      Value.map(SortedMap.fromEntries(entries)),
      Value.list(entries.map(([key]) => key))
    ])
    const start = performance.now()
    const bytes = ValueCodec.encode(value)
    const written = performance.now()
    const again = ValueCodec.decodeOrThrow(bytes)
    const read = performance.now()
    console.log(
      `${bytes.length} bytes: written in ${Math.round(written - start)} ms, read in ${Math.round(read - written)} ms`
    )
    expect(Order.equals(again, value)).toBe(true)
    expect(Order.equals(roundTrip(2n ** 100_000n), 2n ** 100_000n)).toBe(true)
  })
})
