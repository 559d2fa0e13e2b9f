import { describe, expect, it } from "@effect/vitest"
import type { NameState } from "../../src/fate/Environment.js"
import * as SortedMap from "../../src/fate/internal/sortedMap.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { blind, chainMachine, missingRead } from "./support/chainMachine.js"
import { perform } from "./support/plainMachine.js"

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const text = Value.text
const option = (type: Type.Type) =>
  Value.typeRepresentation(Type.variant([Type.tuple([]), Type.tuple([type])]))

type Pointers = NameState["pointers"]

const name = (pointers: Pointers, revoked = false): NameState => ({
  owner: key(9),
  ttl: 50,
  revoked,
  pointers
})

const pointers: Pointers = [
  { key: Bytes.utf8("account"), target: { _tag: "account", id: key(1) } },
  { key: Bytes.utf8("contract"), target: { _tag: "contract", id: key(2) } },
  { key: Bytes.utf8("oracle"), target: { _tag: "oracle", id: key(3) } },
  { key: Bytes.utf8("channel"), target: { _tag: "channel", id: key(4) } },
  { key: Bytes.utf8("data"), target: { _tag: "data", data: Uint8Array.of(5) } }
]

const run = (
  options: { state?: NameState | undefined; vm?: number },
  mnemonic: string,
  ...values: ReadonlyArray<Value.Value>
) => perform(chainMachine({ vm: options.vm ?? 8, chain: { name: () => options.state } }), mnemonic, ...values)

const resolve = (pointer: string, type: Type.Type, vm = 8) =>
  run({ state: name(pointers), vm }, "AENS_RESOLVE", text("one.chain"), text(pointer), option(type))

describe("names", () => {
  it("resolve to what is asked for", () => {
    const kinds = [
      ["account", "address", 1],
      ["contract", "contract", 2],
      ["oracle", "oracle", 3]
    ] as const
    for (const [pointer, kind, byte] of kinds) {
      const found = Value.some(Value.reference(kind, key(byte)))
      expect(resolve(pointer, Type.simple(kind))).toEqual(found)
      expect(resolve(pointer, Type.any)).toEqual(found)
      expect(resolve(pointer, Type.string)).toEqual(Value.some(Value.string(key(byte))))
      expect(resolve(pointer, Type.integer)).toEqual(Value.none)
    }
    expect(resolve("data", Type.string)).toEqual(Value.some(Value.string(Uint8Array.of(5))))
    expect(resolve("channel", Type.string)).toEqual(Value.some(Value.string(key(4))))
    for (const pointer of ["data", "channel"]) expect(resolve(pointer, Type.any)).toEqual(Value.none)
    expect(resolve("other", Type.any)).toEqual(Value.none)
  })

  it("resolve only to options, if there is something to resolve", () => {
    const bad = (state: NameState | undefined) =>
      run({ state }, "AENS_RESOLVE", text("one.chain"), text("account"), Value.typeRepresentation(Type.any))
    expect(() => bad(name(pointers))).toThrow(
      expect.objectContaining({ text: "Error in aens_resolve: bad_type" })
    )
    for (const state of [undefined, name([]), name(pointers, true)]) expect(bad(state)).toEqual(Value.none)
  })

  it("of a wrong shape are not looked up", () => {
    for (const wrong of ["chain", ".chain", "a.b.chain", "a.test.net", "a.CHAIN"]) {
      expect(
        missingRead(() => perform(chainMachine({ chain: blind.chain }), "AENS_LOOKUP", text(wrong)))
      ).toBeUndefined()
      expect(() =>
        run({ state: name(pointers), vm: 5 }, "AENS_RESOLVE", text(wrong), text("account"), option(Type.any))
      ).toThrow(expect.objectContaining({ _tag: "Crash" }))
    }
    const bytes = (...content: ReadonlyArray<number>) => Value.string(Uint8Array.from(content))
    for (const worse of [text(""), text("."), bytes(0xff, ...Bytes.utf8(".chain"))])
      expect(() => run({ state: name(pointers) }, "AENS_LOOKUP", worse)).toThrow(
        expect.objectContaining({ _tag: "Crash" })
      )
    expect(run({ state: name(pointers) }, "AENS_LOOKUP", bytes(0xff))).toEqual(Value.none)
    for (const right of ["a.chain", "a.test", "ä.chain", "a.chain."])
      expect(
        missingRead(() => perform(chainMachine({ chain: blind.chain }), "AENS_LOOKUP", text(right)))
      ).toEqual({ _tag: "Name", name: Bytes.utf8(right) })
  })

  it("have pointers, some of them since FATE 3", () => {
    const object = (arities: ReadonlyArray<number>, count: number) =>
      Value.some(
        Value.variant([3], 0, [
          Value.reference("address", key(9)),
          Value.variant([1, 1], 1, [50n]),
          Value.map(
            SortedMap.fromEntries(
              (
                [
                  ["account", 0, Value.reference("address", key(1))],
                  ["contract", 2, Value.reference("address", key(2))],
                  ["oracle", 1, Value.reference("address", key(3))],
                  ["channel", 3, Value.reference("address", key(4))],
                  ["data", 4, Value.bytes(Uint8Array.of(5))]
                ] as const
              )
                .slice(0, count)
                .map(
                  ([pointer, tag, value]) => [text(pointer), Value.variant(arities, tag, [value])] as const
                )
            )
          )
        ])
      )
    const look = (vm: number, some: Pointers) =>
      run({ state: name(some), vm }, "AENS_LOOKUP", text("a.chain"))
    expect(look(8, pointers)).toEqual(object([1, 1, 1, 1, 1], 5))
    expect(look(7, pointers.slice(0, 4))).toEqual(object([1, 1, 1, 1], 4))
    expect(() => look(7, pointers)).toThrow(
      expect.objectContaining({ text: "Error in aens_lookup: data_pointer_not_in_fate_vm_2" })
    )
    expect(run({ state: name(pointers, true) }, "AENS_LOOKUP", text("a.chain"))).toEqual(Value.none)
  })

  it("of before Iris are cleaned", () => {
    const target = { _tag: "account", id: key(1) } as const
    const many = Array.from({ length: 40 }, (_, i) => ({ key: Bytes.utf8(`${i}`), target }))
    const state = name([
      { key: new Uint8Array(257), target },
      { key: Bytes.utf8("0"), target },
      { key: Bytes.utf8("0"), target: { _tag: "account", id: key(2) } },
      ...many
    ])
    const found = run({ state }, "AENS_LOOKUP", text("a.chain"))
    const size = JSON.stringify(found, (_, v) => (typeof v === "bigint" ? String(v) : v)).match(/"size":32/)
    expect(size).not.toBeNull()
    expect(run({ state }, "AENS_RESOLVE", text("a.chain"), text("39"), option(Type.any))).toEqual(
      Value.some(Value.reference("address", key(1)))
    )
  })
})
