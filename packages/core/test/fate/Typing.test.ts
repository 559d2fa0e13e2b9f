/** Types and gas of values, against plain recursion over the rules. */
import { describe, expect, it } from "@effect/vitest"
import { integerSize, walk } from "../../src/fate/internal/gas.js"
import type { TraversalModel } from "../../src/fate/internal/machine.js"
import * as SortedMap from "../../src/fate/internal/sortedMap.js"
import * as Typing from "../../src/fate/internal/typing.js"
import type { Bindings, Shape } from "../../src/fate/internal/typing.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import { plainMachine } from "./support/plainMachine.js"
import { Programs } from "./support/programs.js"

const machine = plainMachine()

class Mismatch extends Error {}

const any: Shape = { _tag: "any" }

const mismatch = (): never => {
  throw new Mismatch("the types do not agree")
}

const intersect = (a: Shape, b: Shape): Shape => {
  if (b._tag === "any") return a
  if (a._tag === "any") return b
  if (a._tag === "list" && b._tag === "list")
    return { _tag: "list", element: intersect(a.element, b.element) }
  if (a._tag === "map" && b._tag === "map")
    return { _tag: "map", key: intersect(a.key, b.key), value: intersect(a.value, b.value) }
  if (a._tag === "tuple" && b._tag === "tuple" && a.elements.length === b.elements.length)
    return { _tag: "tuple", elements: a.elements.map((each, i) => intersect(each, b.elements[i] as Shape)) }
  if (a._tag === "variant" && b._tag === "variant" && a.constructors.length === b.constructors.length)
    return {
      _tag: "variant",
      constructors: a.constructors.map((each, i) => {
        const other = b.constructors[i] ?? mismatch()
        if (typeof each === "number" || typeof other === "number") {
          const arity = (one: typeof each): number => (typeof one === "number" ? one : one.elements.length)
          if (arity(each) !== arity(other)) return mismatch()
          return typeof each === "number" ? other : each
        }
        const both = intersect(each, other)
        return both._tag === "tuple" ? both : mismatch()
      })
    }
  return JSON.stringify(a, printed) === JSON.stringify(b, printed) ? a : mismatch()
}

const printed = (_: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}` : value)

const infer = (value: Value.Value): Shape => {
  if (typeof value === "bigint") return { _tag: "integer" }
  if (typeof value === "boolean") return { _tag: "boolean" }
  switch (value._tag) {
    case "bytes":
      return { _tag: "bytes", size: BigInt(value.bytes.length) }
    case "tuple":
      return { _tag: "tuple", elements: value.elements.map(infer) }
    case "list":
      return {
        _tag: "list",
        element: Value.elements(value)
          .map(infer)
          .reduce((a, b) => intersect(b, a), any)
      }
    case "map": {
      const entries = [...SortedMap.entries(value.entries)]
      const key = entries.map(([k]) => infer(k)).reduce((a, b) => intersect(b, a), any)
      return {
        _tag: "map",
        key,
        value: entries.map(([, v]) => infer(v)).reduce((a, b) => intersect(b, a), any)
      }
    }
    case "variant":
      return {
        _tag: "variant",
        constructors: value.arities.map((arity, i) =>
          i === value.tag ? { _tag: "tuple", elements: value.values.map(infer) } : arity
        )
      }
    case "store_map":
      return { _tag: "map", key: any, value: any }
    case "channel":
    case "typerep":
    case "contract_bytearray":
      return mismatch()
    default:
      return { _tag: value._tag }
  }
}

const match = (type: Shape, shape: Shape, vm: number, bindings: Bindings): void => {
  if (type._tag === "any" || shape._tag === "any") return
  if (type._tag === "tvar") {
    const bound = bindings.get(type.index)
    bindings.set(type.index, bound === undefined ? shape : intersect(bound, shape))
  } else if (type._tag === "bytes" && shape._tag === "bytes") {
    if (type.size !== shape.size && !(type.size === "any" && vm >= 8)) mismatch()
  } else if (type._tag === "list" && shape._tag === "list") match(type.element, shape.element, vm, bindings)
  else if (type._tag === "map" && shape._tag === "map") {
    match(type.key, shape.key, vm, bindings)
    match(type.value, shape.value, vm, bindings)
  } else if (type._tag === "tuple" && shape._tag === "tuple") {
    if (type.elements.length !== shape.elements.length) mismatch()
    for (const [i, each] of type.elements.entries()) match(each, shape.elements[i] as Shape, vm, bindings)
  } else if (type._tag === "variant" && shape._tag === "variant") {
    if (type.constructors.length !== shape.constructors.length) mismatch()
    for (const [i, each] of type.constructors.entries()) {
      const its = shape.constructors[i] ?? mismatch()
      if (typeof each === "number") mismatch()
      else if (typeof its !== "number") match(each, its, vm, bindings)
      else if (each.elements.length !== its) mismatch()
    }
  } else if (type._tag !== shape._tag) mismatch()
}

const orUndefined = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch (error) {
    if (error instanceof Mismatch) return undefined
    throw error
  }
}

/** A type of which the value may well be. */
const likely = (programs: Programs, shape: Shape): Type.Type => {
  if (programs.chance(0.15)) return programs.type(1)
  switch (shape._tag) {
    case "list":
      return Type.list(likely(programs, shape.element))
    case "map":
      return Type.map(likely(programs, shape.key), likely(programs, shape.value))
    case "tuple":
      return Type.tuple(shape.elements.map((each) => likely(programs, each)))
    case "variant":
      return Type.variant(
        shape.constructors.map((each) =>
          Type.tuple(
            typeof each === "number"
              ? Array.from({ length: each }, () => programs.type(1))
              : each.elements.map((element) => likely(programs, element))
          )
        )
      )
    default:
      return shape
  }
}

describe("types", () => {
  it("of 20,000 values, matched with likely types", () => {
    const programs = new Programs(7)
    let typed = 0
    let matched = 0
    for (let i = 0; i < 20_000; i++) {
      const value = programs.value(3)
      const shape = orUndefined(() => infer(value))
      expect(Typing.infer(value, machine)).toEqual(shape)
      if (shape === undefined) continue
      typed++
      const type = likely(programs, shape)
      const vm = programs.pick([7, 8])
      const wanted = new Map<number, Shape>()
      const agrees = orUndefined(() => match(type, shape, vm, wanted) ?? true) !== undefined
      const bindings = new Map<number, Shape>()
      expect(Typing.match(type, shape, plainMachine({ vm }), bindings)).toBe(agrees)
      if (!agrees) continue
      matched++
      expect([...bindings].sort(([a], [b]) => a - b)).toEqual([...wanted].sort(([a], [b]) => a - b))
      expect(Typing.hasVariables([Typing.instantiate(type, bindings, machine) as Type.Type])).toBe(false)
    }
    console.log(`types: ${typed} of 20000 values have one, ${matched} match`)
    expect(matched).toBeGreaterThan(5000)
  })

  it("agree or not where a variable stands twice", () => {
    const twice = Type.tuple([
      { _tag: "tvar", index: 0 },
      { _tag: "tvar", index: 0 }
    ])
    const shape = (...values: ReadonlyArray<Value.Value>): Shape =>
      Typing.infer(Value.tuple(values), machine) ?? any
    const bindings = new Map<number, Shape>()
    expect(Typing.match(twice, shape(Value.none, Value.some(1n)), machine, bindings)).toBe(true)
    expect(bindings.get(0)).toEqual(
      Typing.instantiate(Type.variant([Type.tuple([]), Type.tuple([Type.integer])]), new Map(), machine)
    )
    expect(Typing.match(twice, shape(1n, true), machine, new Map())).toBe(false)
  })
})

const costs = {
  simple: [800, 0],
  serial: [800, 300],
  final: [800, 1000],
  unfold_compare: [800, 4]
} as const

/** The cost of a value without store maps, in thousandths of gas. */
const cost = (value: Value.Value, node: number, leaf: number): number => {
  const size = (n: bigint): number => {
    const magnitude = n < 0n ? -n : n
    return magnitude < 256n ? 1 : 1 + size(magnitude / 256n)
  }
  const sum = (values: ReadonlyArray<Value.Value>): number =>
    values.reduce<number>((total, each) => total + node + cost(each, node, leaf), node)
  if (typeof value === "bigint") return node + leaf * size(value)
  if (typeof value === "boolean") return node + leaf
  switch (value._tag) {
    case "tuple":
      return value.elements.length === 0 ? node + leaf : node + sum(value.elements)
    case "variant":
      return node + sum(value.values)
    case "list":
      return sum(Value.elements(value))
    case "map":
      return [...SortedMap.entries(value.entries)].reduce(
        (total, [k, v]) => total + node + cost(k, node, leaf) + cost(v, node, leaf),
        node
      )
    case "bits":
      return node + leaf * size(value.bits)
    case "string":
    case "bytes":
      return node + leaf * value.bytes.length
    default:
      return node + leaf * 32
  }
}

describe("gas", () => {
  it("of walking over 5,000 values", () => {
    const programs = new Programs(8)
    let walked = 0
    for (let i = 0; i < 5000; i++) {
      const value = programs.value(3)
      const model = programs.pick(Object.keys(costs) as ReadonlyArray<keyof typeof costs & TraversalModel>)
      let left: number
      try {
        left = walk(1e9, value, model, undefined)
      } catch {
        continue
      }
      if (JSON.stringify(value, printed).includes("typerep")) continue
      walked++
      const [node, leaf] = costs[model]
      const wanted = cost(value, node, leaf)
      expect(1e9 - left).toBe(wanted)
      expect(walk(wanted, value, model, undefined)).toBe(0)
      expect(walk(wanted - 1, value, model, undefined)).toBeLessThan(0)
    }
    expect(walked).toBeGreaterThan(4000)
  })

  it("of integers", () => {
    for (let bits = 0n; bits < 200n; bits++) {
      const bytes = Math.max(1, Math.ceil(Number(bits + 1n) / 8))
      expect([integerSize(1n << bits), integerSize(-(1n << bits)), integerSize((2n << bits) - 1n)]).toEqual([
        bytes,
        bytes,
        bytes
      ])
    }
  })
})
