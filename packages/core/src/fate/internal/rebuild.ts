/** A walk over a value that makes a new one, without recursion: contracts build values of any depth. */
import { elements, list, map, tuple, variant } from "../Value.js"
import type { Value } from "../Value.js"
import * as SortedMap from "./sortedMap.js"

/** How a part of a value is made again from its children, which are rebuilt first, in this order. */
export interface Parts {
  readonly children: ReadonlyArray<Value>
  readonly make: (children: ReadonlyArray<Value>) => Value
}

interface Frame extends Parts {
  readonly done: Array<Value>
  readonly value: Value
  /** Made by the caller's rule: `make` is called even if no child changed. */
  readonly special: boolean
}

/**
 * Rebuilds a value depth first. `rule` says how a part is taken to pieces where that is not the obvious way (the
 * obvious one takes store maps and everything else without children as they are). A part whose children all come out
 * as they went in is kept.
 */
export const rebuild = (root: Value, rule: (value: Value) => Parts | undefined): Value => {
  const stack: Array<Frame> = []
  let result: Value | undefined
  let next: Value | undefined = root
  for (;;) {
    if (next !== undefined) {
      const special: Parts | undefined = rule(next)
      const parts: Parts | undefined = special ?? pieces(next)
      if (parts === undefined) result = next
      else {
        const { children, make } = parts
        stack.push({ children, make, done: [], value: next, special: special !== undefined })
      }
      next = undefined
    }
    const frame = stack.at(-1)
    if (frame === undefined) return result as Value
    if (result !== undefined) {
      frame.done.push(result)
      result = undefined
    }
    if (frame.done.length < frame.children.length) {
      next = frame.children[frame.done.length]
    } else {
      stack.pop()
      const same = !frame.special && frame.children.every((child, i) => child === frame.done[i])
      result = same ? frame.value : frame.make(frame.done)
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
