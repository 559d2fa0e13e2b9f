/**
 * Types of values at run time: what type a value has, and whether it is one that was declared. Types and values are as
 * deep as whoever sent them likes, so nothing here uses the stack of JavaScript for depth.
 */
import {
  isCons,
  type ListValue,
  type MapValue,
  type TupleValue,
  type Value,
  type VariantValue
} from "../Value.js"
import type { SimpleType, Type } from "../Type.js"
import { atom, printDepth, type Term, tuple as tupleTerm } from "./terms.js"
import type { Machine } from "./machine.js"
import { work } from "./ops/work.js"
import * as SortedMap from "./sortedMap.js"

/** A type as it can be told from a value: of the constructors that a variant does not have only the arity is known. */
export type Shape =
  | { readonly _tag: SimpleType }
  | { readonly _tag: "list"; readonly element: Shape }
  | TupleShape
  | { readonly _tag: "map"; readonly key: Shape; readonly value: Shape }
  | { readonly _tag: "bytes"; readonly size: bigint | "any" }
  | { readonly _tag: "variant"; readonly constructors: ReadonlyArray<TupleShape | number> }
  | { readonly _tag: "tvar"; readonly index: number }

interface TupleShape {
  readonly _tag: "tuple"
  readonly elements: ReadonlyArray<Shape>
}

/** What the type variables of a signature stand for. */
export type Bindings = Map<number, Shape>

const any: Shape = { _tag: "any" }
const integer: Shape = { _tag: "integer" }
const boolean: Shape = { _tag: "boolean" }
const anyMap: Shape = { _tag: "map", key: any, value: any }

const scalars: { readonly [tag: string]: Shape } = {
  string: { _tag: "string" },
  address: { _tag: "address" },
  contract: { _tag: "contract" },
  oracle: { _tag: "oracle" },
  oracle_query: { _tag: "oracle_query" },
  bits: { _tag: "bits" },
  store_map: anyMap
}

/** A computation that asks for the results of parts; `undefined` is failure and ends the whole. */
type Task = Generator<Task | Shape | undefined, Shape | undefined, Shape>

// Types of the same parts many times over are larger than the values that they come from, which are what gas pays for.
const stepsNoted = 1000
const stepTime = 100

/** Runs tasks with a stack of their own. */
const perform = (task: Task, machine: Machine): Shape | undefined => {
  const waiting: Array<Task> = []
  let current = task
  let step = current.next()
  for (let steps = 1; ; steps++) {
    if (steps % stepsNoted === 0) work(machine, stepsNoted * stepTime)
    const result: Task | Shape | undefined = step.value
    if (result === undefined) return undefined
    if (step.done !== true && "next" in result) {
      waiting.push(current)
      current = result
      step = current.next()
      continue
    }
    if (step.done === true) {
      const outer = waiting.pop()
      if (outer === undefined) return result as Shape
      current = outer
    }
    step = current.next(result as Shape)
  }
}

const scalarShape = (value: Exclude<Value, Container>): Shape | undefined => {
  if (typeof value === "bigint") return integer
  if (typeof value === "boolean") return boolean
  if (value._tag === "bytes") return { _tag: "bytes", size: BigInt(value.bytes.length) }
  // Channels, type representations and byte arrays have no type of their own.
  return scalars[value._tag]
}

interface InferringMap {
  readonly _tag: "entries"
  readonly entries: Iterator<readonly [Value, Value]>
  /** The value of the key that is being looked at. */
  pending: Value | undefined
  inValue: boolean
  key: Shape
  value: Shape
}

/**
 * The values whose parts are being looked at, the innermost last, with the types of their parts so far: of a list, or
 * of a tuple and what of its parts is next. Deep values are mostly this, so it takes no objects.
 */
class Inferring {
  readonly #machine: Machine
  readonly #values: Array<TupleValue | VariantValue | ListValue | InferringMap> = []
  readonly #shapes: Array<Array<Shape> | Shape> = []
  readonly #indexes: Array<number> = []

  constructor(machine: Machine) {
    this.#machine = machine
  }

  get isEmpty(): boolean {
    return this.#values.length === 0
  }

  push(value: Container): void {
    if (value._tag === "map") {
      const entries = SortedMap.entries(value.entries)[Symbol.iterator]()
      this.#values.push({
        _tag: "entries",
        entries,
        pending: undefined,
        inValue: false,
        key: any,
        value: any
      })
    } else this.#values.push(value)
    const parts =
      value._tag === "tuple" ? value.elements : value._tag === "variant" ? value.values : undefined
    // Not grown by and by: deep values would take several times as much memory.
    this.#shapes.push(parts === undefined ? any : new Array<Shape>(parts.length))
    this.#indexes.push(0)
  }

  /** Takes in the type of a part; whether it agrees with the parts before. */
  absorb(shape: Shape): boolean {
    const last = this.#values.length - 1
    const value = this.#values[last]
    const shapes = this.#shapes[last]
    if (value === undefined || shapes === undefined) return false
    if (Array.isArray(shapes)) {
      shapes[this.#indexes[last] as number] = shape
      this.#indexes[last] = (this.#indexes[last] as number) + 1
      return true
    }
    const isMap = value._tag === "entries"
    const both = intersect(shape, isMap ? (value.inValue ? value.value : value.key) : shapes, this.#machine)
    if (both === undefined) return false
    if (!isMap) this.#shapes[last] = both
    else if (value.inValue) value.value = both
    else value.key = both
    return true
  }

  /** The next part of the innermost. */
  advance(): Value | undefined {
    const last = this.#values.length - 1
    const value = this.#values[last]
    switch (value?._tag) {
      case "tuple":
        return value.elements[this.#indexes[last] as number]
      case "variant":
        return value.values[this.#indexes[last] as number]
      case "list":
        if (isCons(value)) this.#values[last] = value.tail
        return value.head
      case "entries":
        return nextOf(value)
      case undefined:
        return undefined
    }
  }

  /** The type of the innermost, which is left. */
  conclude(): Shape {
    const value = this.#values.pop()
    const shapes = this.#shapes.pop() ?? any
    this.#indexes.pop()
    if (value?._tag === "entries") return { _tag: "map", key: value.key, value: value.value }
    if (!Array.isArray(shapes)) return { _tag: "list", element: shapes }
    const tuple: TupleShape = { _tag: "tuple", elements: shapes }
    return value?._tag !== "variant"
      ? tuple
      : {
          _tag: "variant",
          constructors: value.arities.map((arity, i) => (i === value.tag ? tuple : arity))
        }
  }
}

const nextOf = (map: InferringMap): Value | undefined => {
  if (map.pending !== undefined) {
    const value = map.pending
    map.pending = undefined
    map.inValue = true
    return value
  }
  const entry = map.entries.next()
  if (entry.done === true) return undefined
  map.pending = entry.value[1]
  map.inValue = false
  return entry.value[0]
}

/** Nanoseconds for every constructor of a variant. */
const arityTime = 40

type Container = TupleValue | VariantValue | ListValue | MapValue

const isContainer = (value: Value): value is Container =>
  typeof value === "object" &&
  (value._tag === "tuple" || value._tag === "variant" || value._tag === "list" || value._tag === "map")

/** The type of a value; `undefined` for one that has none, such as a list of different things. */
export const infer = (value: Value, machine: Machine): Shape | undefined => {
  if (!isContainer(value)) return scalarShape(value)
  const frames = new Inferring(machine)
  let next: Value | undefined = value
  for (;;) {
    let shape: Shape | undefined
    if (next === undefined) shape = frames.conclude()
    else if (isContainer(next)) {
      if (next._tag === "variant") {
        if (next.tag >= next.arities.length) return undefined
        work(machine, arityTime * next.arities.length)
      }
      frames.push(next)
      next = frames.advance()
      continue
    } else {
      shape = scalarShape(next)
      if (shape === undefined) return undefined
    }
    if (frames.isEmpty) return shape
    if (!frames.absorb(shape)) return undefined
    next = frames.advance()
  }
}

const intersectionOf = (a: Shape, b: Shape): Task | Shape | undefined => {
  if (a === b || b._tag === "any") return a
  if (a._tag === "any") return b
  if (a._tag === "list" && b._tag === "list") return intersectLists(a.element, b.element)
  if (a._tag === "tuple" && b._tag === "tuple") return intersectTuples(a, b)
  if (a._tag === "map" && b._tag === "map") return intersectMaps(a, b)
  if (a._tag === "variant" && b._tag === "variant") return intersectVariants(a.constructors, b.constructors)
  if (a._tag === "bytes" && b._tag === "bytes") return a.size === b.size ? a : undefined
  if (a._tag === "tvar" && b._tag === "tvar") return a.index === b.index ? a : undefined
  return a._tag === b._tag ? a : undefined
}

function* intersectLists(a: Shape, b: Shape): Task {
  return { _tag: "list", element: yield intersectionOf(a, b) }
}

function* intersectMaps(a: Shape & { readonly _tag: "map" }, b: Shape & { readonly _tag: "map" }): Task {
  return {
    _tag: "map",
    key: yield intersectionOf(a.key, b.key),
    value: yield intersectionOf(a.value, b.value)
  }
}

function* intersectTuples(a: TupleShape, b: TupleShape): Task {
  if (a.elements.length !== b.elements.length) return undefined
  const elements: Array<Shape> = []
  for (const [i, element] of a.elements.entries())
    elements.push(yield intersectionOf(element, b.elements[i] as Shape))
  return { _tag: "tuple", elements }
}

function* intersectVariants(
  a: ReadonlyArray<TupleShape | number>,
  b: ReadonlyArray<TupleShape | number>
): Task {
  if (a.length !== b.length) return undefined
  const constructors: Array<TupleShape | number> = []
  for (const [i, one] of a.entries()) {
    const other = b[i] as TupleShape | number
    if (typeof one !== "number" && typeof other !== "number")
      constructors.push((yield intersectionOf(one, other)) as TupleShape)
    else {
      if (arityOf(one) !== arityOf(other)) return undefined
      constructors.push(typeof one === "number" ? other : one)
    }
  }
  return { _tag: "variant", constructors }
}

const arityOf = (one: TupleShape | number): number => (typeof one === "number" ? one : one.elements.length)

const settle = (one: Task | Shape | undefined, machine: Machine): Shape | undefined =>
  one === undefined || !("next" in one) ? one : perform(one, machine)

const intersect = (a: Shape, b: Shape, machine: Machine): Shape | undefined =>
  settle(intersectionOf(a, b), machine)

/** The types of values; `undefined` if one has none. */
export const inferAll = (
  values: ReadonlyArray<Value>,
  machine: Machine
): ReadonlyArray<Shape> | undefined => {
  const shapes: Array<Shape> = []
  for (const value of values) {
    const shape = infer(value, machine)
    if (shape === undefined) return undefined
    shapes.push(shape)
  }
  return shapes
}

/** Binds a type variable; whether it can be. */
const bind = (bindings: Bindings, index: number, shape: Shape, machine: Machine): boolean => {
  const bound = bindings.get(index)
  const both = bound === undefined ? shape : intersect(bound, shape, machine)
  if (both === undefined) return false
  bindings.set(index, both)
  return true
}

/** Whether shapes are of declared types; `bindings` gets what the type variables stand for. */
export const matchAll = (
  types: ReadonlyArray<Shape>,
  shapes: ReadonlyArray<Shape>,
  machine: Machine,
  bindings: Bindings
): boolean => {
  if (types.length !== shapes.length) return false
  const left: Array<Shape> = [...types]
  const right: Array<Shape> = [...shapes]
  let steps = 0
  for (let type = left.pop(); type !== undefined; type = left.pop()) {
    if (++steps % stepsNoted === 0) work(machine, stepsNoted * stepTime)
    const shape = right.pop() as Shape
    if (type._tag === "any" || shape._tag === "any") continue
    if (type._tag === "tvar") {
      if (shape._tag === "tvar" && shape.index === type.index) continue
      if (!bind(bindings, type.index, shape, machine)) return false
      continue
    }
    if (type._tag !== shape._tag) return false
    switch (type._tag) {
      case "bytes":
        if (type.size !== (shape as typeof type).size && !(type.size === "any" && machine.vm >= 8))
          return false
        break
      case "list":
        left.push(type.element)
        right.push((shape as typeof type).element)
        break
      case "map":
        left.push(type.key, type.value)
        right.push((shape as typeof type).key, (shape as typeof type).value)
        break
      case "tuple": {
        const other = shape as typeof type
        if (type.elements.length !== other.elements.length) return false
        for (let i = 0; i < type.elements.length; i++) {
          left.push(type.elements[i] as Shape)
          right.push(other.elements[i] as Shape)
        }
        break
      }
      case "variant": {
        const other = shape as typeof type
        if (type.constructors.length !== other.constructors.length) return false
        for (const [i, one] of type.constructors.entries()) {
          const its = other.constructors[i] as TupleShape | number
          if (typeof one === "number" || arityOf(one) !== arityOf(its)) return false
          if (typeof its === "number") continue
          left.push(one)
          right.push(its)
        }
        break
      }
    }
  }
  return true
}

/** As {@link matchAll}, for one. */
export const match = (type: Shape, shape: Shape, machine: Machine, bindings: Bindings): boolean =>
  matchAll([type], [shape], machine, bindings)

/** Adds bindings to others; whether they agree. */
export const merge = (bindings: Bindings, others: ReadonlyMap<number, Shape>, machine: Machine): boolean => {
  for (const [index, shape] of others) if (!bind(bindings, index, shape, machine)) return false
  return true
}

const instanceOf = (type: Shape, bindings: ReadonlyMap<number, Shape>): Task | Shape => {
  switch (type._tag) {
    case "tvar":
      return bindings.get(type.index) ?? any
    case "list":
    case "map":
    case "tuple":
    case "variant":
      return instances(type, bindings)
    default:
      return type
  }
}

function* instances(type: Shape, bindings: ReadonlyMap<number, Shape>): Task {
  switch (type._tag) {
    case "list":
      return { _tag: "list", element: yield instanceOf(type.element, bindings) }
    case "map":
      return {
        _tag: "map",
        key: yield instanceOf(type.key, bindings),
        value: yield instanceOf(type.value, bindings)
      }
    case "tuple": {
      const elements: Array<Shape> = []
      for (const element of type.elements) elements.push(yield instanceOf(element, bindings))
      return { _tag: "tuple", elements }
    }
    case "variant": {
      const constructors: Array<TupleShape | number> = []
      for (const one of type.constructors)
        constructors.push(typeof one === "number" ? one : ((yield instanceOf(one, bindings)) as TupleShape))
      return { _tag: "variant", constructors }
    }
    default:
      return type
  }
}

/** A type with its variables replaced by what they stand for, unbound ones by `any`. */
export const instantiate = (type: Shape, bindings: ReadonlyMap<number, Shape>, machine: Machine): Shape =>
  settle(instanceOf(type, bindings), machine) ?? any

/** Whether there are type variables in types. */
export const hasVariables = (types: ReadonlyArray<Type>): boolean => {
  const rest: Array<Type> = [...types]
  for (let type = rest.pop(); type !== undefined; type = rest.pop()) {
    if (type._tag === "tvar") return true
    if (type._tag === "list") rest.push(type.element)
    else if (type._tag === "map") rest.push(type.key, type.value)
    else if (type._tag === "tuple") for (const element of type.elements) rest.push(element)
    else if (type._tag === "variant") for (const one of type.constructors) rest.push(one)
  }
  return false
}

// One more than are shown tells that there are more.
const mostShown = printDepth

/** The term that stands for a shape in error texts, cut below the depth that is printed. */
export const termOfShape = (shape: Shape | number, depth: number = printDepth): Term => {
  if (typeof shape === "number") return BigInt(shape)
  if (depth < 0) return atom("...")
  const part = (inner: Shape | number): Term => termOfShape(inner, depth - 1)
  switch (shape._tag) {
    case "list":
      return tupleTerm(atom("list"), part(shape.element))
    case "tuple":
      return tupleTerm(atom("tuple"), { list: shape.elements.slice(0, mostShown).map(part) })
    case "map":
      return tupleTerm(atom("map"), part(shape.key), part(shape.value))
    case "bytes":
      return tupleTerm(atom("bytes"), shape.size === "any" ? atom("any") : shape.size)
    case "variant":
      return tupleTerm(atom("variant"), { list: shape.constructors.slice(0, mostShown).map(part) })
    case "tvar":
      return tupleTerm(atom("tvar"), BigInt(shape.index))
    default:
      return atom(shape._tag)
  }
}
