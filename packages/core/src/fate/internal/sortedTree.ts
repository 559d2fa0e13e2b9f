/** The trees of sorted maps, as far as they are looked at without comparing keys. */
import type { Value } from "../Value.js"

/** A map; `size` entries in ascending order of the keys. */
export type SortedMap<A> = Leaf | Node<A>

export interface Leaf {
  readonly size: 0
}

export interface Node<A> {
  readonly size: number
  readonly key: Value
  readonly value: A
  readonly left: SortedMap<A>
  readonly right: SortedMap<A>
}

/** The map without entries. */
export const empty: SortedMap<never> = { size: 0 }

export const isNode = <A>(m: SortedMap<A>): m is Node<A> => m.size > 0

/** Calls `f` for every entry, in ascending order. */
export const forEach = <A>(m: SortedMap<A>, f: (key: Value, value: A) => void): void => {
  if (!isNode(m)) return
  forEach(m.left, f)
  f(m.key, m.value)
  forEach(m.right, f)
}
