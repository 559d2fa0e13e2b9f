/** What things cost: the traversal of values. All of it is pure, and none of it is recursive: values are as deep as gas lets them be. */
import { isCons, removed, type ListValue, type Value } from "../Value.js"
import type { Type } from "../Type.js"
import { crash, type TraversalModel } from "./machine.js"
import { contains } from "./rebuild.js"
import * as SortedMap from "./sortedMap.js"

/** In thousandths of gas: for every node, for every byte of a leaf, for every entry of a store map that is unfolded. */
interface Cost {
  readonly node: number
  readonly leaf: number
  readonly unfold: number
}

const costs: { readonly [model in TraversalModel]: Cost } = {
  simple: { node: 800, leaf: 0, unfold: 0 },
  serial: { node: 800, leaf: 300, unfold: 0 },
  unfold: { node: 800, leaf: 0, unfold: 20_000_000 },
  unfold_compare: { node: 800, leaf: 4, unfold: 20_000_000 },
  unfold_serial: { node: 800, leaf: 300, unfold: 20_000_000 },
  final: { node: 800, leaf: 1000, unfold: 0 }
}

/** Where a walk that unfolds finds the stored maps. */
export interface StoredMaps {
  readonly size: (id: number) => number
  readonly entries: (id: number) => SortedMap.SortedMap<Value>
}

type Part = Value | typeof removed

/** What is left of a container that a walk is in: a list, or an array whose next index stands elsewhere. */
type Frame = ReadonlyArray<Value> | ListValue | MapFrame

interface MapFrame {
  readonly _tag: "map"
  readonly entries: Iterator<readonly [Value, Part]>
  value: Part | undefined
}

const isArray = (frame: Frame): frame is ReadonlyArray<Value> => Array.isArray(frame)

const keyBytes = 32

/** The bytes of the magnitude, at least one. */
export const integerSize = (value: bigint): number => {
  const magnitude = value < 0n ? -value : value
  if (magnitude < 256n) return 1
  return magnitude < 0x1_0000_0000n
    ? Math.ceil((32 - Math.clz32(Number(magnitude))) / 8)
    : (magnitude.toString(16).length + 1) >> 1
}

/**
 * The thousandths of gas that are left of `milli` after a walk over a value; less than 0 if there were too few.
 * Without `stored`, store maps are not looked into.
 */
export const walk = (
  milli: number,
  value: Value,
  model: TraversalModel,
  stored: StoredMaps | undefined
): number => {
  const { leaf, node, unfold } = costs[model]
  const frames: Array<Frame> = []
  const indexes: Array<number> = []
  let left = milli
  let next: Part | undefined = value
  for (;;) {
    if (next !== undefined) {
      if (left < 0) return left
      const part: Part = next
      next = undefined
      if (typeof part === "bigint") left -= leaf === 0 ? node : node + leaf * integerSize(part)
      else if (typeof part !== "object") left -= node + leaf
      else {
        switch (part._tag) {
          case "tuple":
            if (part.elements.length === 0) left -= node + leaf
            else {
              left -= node
              frames.push(part.elements)
              indexes.push(0)
            }
            break
          case "variant":
            left -= node
            frames.push(part.values)
            indexes.push(0)
            break
          case "list":
            frames.push(part)
            break
          case "map":
            left -= node
            frames.push(mapFrame(part.entries))
            break
          case "store_map":
            left -= node
            if (stored === undefined) left -= node + leaf
            else {
              left -= stored.size(part.id) * unfold
              if (left < 0) return left
            }
            left -= node
            frames.push(mapFrame(part.cache))
            if (stored !== undefined) {
              left -= node
              frames.push(mapFrame(stored.entries(part.id)))
            }
            break
          case "bits":
            left -= leaf === 0 ? node : node + leaf * integerSize(part.bits)
            break
          case "string":
          case "bytes":
            left -= node + leaf * part.bytes.length
            break
          case "typerep":
            left = walkType(left - node, part.type, node, leaf)
            break
          case "contract_bytearray":
            return crash("the gas of walking over a byte array is not defined")
          default:
            left -= node + leaf * keyBytes
        }
      }
    }
    const frame = frames[frames.length - 1]
    if (frame === undefined) return left
    if (isArray(frame)) {
      left -= node
      const index = indexes.pop() as number
      if (index < frame.length) {
        next = frame[index]
        indexes.push(index + 1)
      } else frames.pop()
    } else if (frame._tag === "list") {
      left -= node
      if (isCons(frame)) {
        next = frame.head
        frames[frames.length - 1] = frame.tail
      } else frames.pop()
    } else if (frame.value !== undefined) {
      next = frame.value
      frame.value = undefined
    } else {
      const entry = frame.entries.next()
      if (entry.done === true) frames.pop()
      else {
        left -= node
        next = entry.value[0]
        frame.value = entry.value[1]
      }
    }
  }
}

const mapFrame = (entries: SortedMap.SortedMap<Part>): MapFrame => ({
  _tag: "map",
  entries: SortedMap.entries(entries)[Symbol.iterator](),
  value: undefined
})

/** What a walk over a type comes to; `undefined` where that is not defined. */
interface TypeCount {
  readonly nodes: number
  readonly leaves: number
  readonly undefinedAt: string | undefined
}

const typeCounts = new WeakMap<Type, TypeCount>()

const countType = (type: Type): TypeCount => {
  // `undefined` is the end of a list of types.
  const rest: Array<Type | undefined> = [type]
  let nodes = 0
  let leaves = 0
  while (rest.length > 0) {
    const part = rest.pop()
    if (part === undefined) leaves++
    else {
      switch (part._tag) {
        case "list":
          nodes++
          rest.push(part.element)
          break
        case "map":
          nodes++
          rest.push(part.value, part.key)
          break
        case "tuple":
        case "variant": {
          nodes++
          rest.push(undefined)
          const types = part._tag === "tuple" ? part.elements : part.constructors
          for (let i = types.length - 1; i >= 0; i--) rest.push(types[i])
          break
        }
        case "bytes":
        case "tvar":
        case "any":
        case "oracle_query":
          return { nodes, leaves, undefinedAt: part._tag }
        default:
          leaves++
      }
    }
  }
  return { nodes, leaves, undefinedAt: undefined }
}

/** Types are walked over once, for their atoms cost nothing as a rule. */
const walkType = (milli: number, type: Type, node: number, leaf: number): number => {
  let count = typeCounts.get(type)
  if (count === undefined) typeCounts.set(type, (count = countType(type)))
  const left = milli - count.nodes * node - count.leaves * leaf
  return count.undefinedAt === undefined || left < 0
    ? left
    : crash(`the gas of walking over the type ${count.undefinedAt} is not defined`)
}

/** Whether there is a store map anywhere in a value. */
export const hasStoreMap = (value: Value): boolean => contains(value, ({ _tag }) => _tag === "store_map")
