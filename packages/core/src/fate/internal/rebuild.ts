/** Walks over a value that find something or make a new one, without recursion: contracts build values of any depth. */
import { elements, isCons, list, map, tuple, variant } from "../Value.js"
import type { ListValue, Value } from "../Value.js"
import * as SortedMap from "./sortedMap.js"

const pushObjects = (rest: Array<Value>, values: ReadonlyArray<Value>): void => {
  for (const value of values) if (typeof value === "object") rest.push(value)
}

/** Whether there is such a part anywhere in a value; keys of maps and what is over store maps are not looked into. */
export const contains = (
  value: Value,
  isWanted: (part: Exclude<Value, bigint | boolean>) => boolean
): boolean => {
  if (typeof value !== "object") return false
  const rest: Array<Value> = [value]
  for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
    if (typeof part !== "object") continue
    if (isWanted(part)) return true
    if (part._tag === "tuple") pushObjects(rest, part.elements)
    else if (part._tag === "variant") pushObjects(rest, part.values)
    else if (part._tag === "list") {
      for (let cells: ListValue = part; isCons(cells); cells = cells.tail)
        if (typeof cells.head === "object") rest.push(cells.head)
    } else if (part._tag === "map")
      SortedMap.forEach(part.entries, (_, inner) => {
        if (typeof inner === "object") rest.push(inner)
      })
  }
  return false
}

/** How a part of a value is made again from its children, which are rebuilt first, in this order. */
export interface Parts {
  readonly children: ReadonlyArray<Value>
  readonly make: (children: ReadonlyArray<Value>) => Value
}

interface Frame {
  readonly parts: Parts
  readonly value: Value
  /** Made by the caller's rule: `make` is called even if no child changed. */
  readonly special: boolean
  /** How many children were rebuilt, and into what; that is only kept once one has changed. */
  count: number
  done: Array<Value> | undefined
}

/**
 * Rebuilds a value depth first. `rule` says how a part is taken to pieces where that is not the obvious way (the
 * obvious one takes store maps and everything else without children as they are). A part whose children all come out
 * as they went in is kept.
 */
export const rebuild = (root: Value, rule: (value: Value) => Parts | undefined): Value => {
  const stack: Array<Frame> = []
  let value = root
  for (;;) {
    const special = rule(value)
    const parts = special ?? pieces(value)
    const { length = 0 } = parts?.children ?? []
    if (parts !== undefined && length > 0) {
      stack.push({ parts, value, special: special !== undefined, count: 0, done: undefined })
      value = parts.children[0] as Value
      continue
    }
    let result = special === undefined ? value : special.make([])
    for (;;) {
      const frame = stack.at(-1)
      if (frame === undefined) return result
      const { children, make } = frame.parts
      if (frame.done !== undefined) frame.done.push(result)
      else if (result !== children[frame.count]) frame.done = [...children.slice(0, frame.count), result]
      frame.count++
      if (frame.count < children.length) {
        value = children[frame.count] as Value
        break
      }
      stack.pop()
      const same = frame.done === undefined && !frame.special
      result = same ? frame.value : make(frame.done ?? children)
    }
  }
}

const pieces = (value: Value): Parts | undefined => {
  if (typeof value !== "object") return undefined
  switch (value._tag) {
    case "tuple":
      return { children: value.elements, make: tuple }
    case "list":
      return { children: elements(value), make: list }
    case "variant":
      return { children: value.values, make: (values) => variant(value.arities, value.tag, values) }
    case "map": {
      const entries = Array.from(SortedMap.entries(value.entries))
      return {
        children: entries.map(([, child]) => child),
        make: (values) =>
          map(SortedMap.fromEntries(entries.map(([key], i) => [key, values[i] as Value] as const)))
      }
    }
    default:
      return undefined
  }
}
