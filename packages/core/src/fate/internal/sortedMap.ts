/**
 * Maps from values to anything, in the order of FATE: weight-balanced trees. A changed map shares all but the path to
 * the change with the old one, and the depth is logarithmic, so that recursion over the tree is safe.
 */
import { compareKeys } from "../Order.js"
import type { Value } from "../Value.js"
import { empty, forEach, isNode, type Node, type SortedMap } from "./sortedTree.js"

export { empty, forEach, type SortedMap }

const node = <A>(key: Value, value: A, left: SortedMap<A>, right: SortedMap<A>): Node<A> => ({
  size: left.size + right.size + 1,
  key,
  value,
  left,
  right
})

// A subtree may weigh three times its sibling; a rotation is double where the inner grandchild weighs twice the outer.
const delta = 3
const ratio = 2

const rotateLeft = <A>(key: Value, value: A, left: SortedMap<A>, right: Node<A>): Node<A> => {
  const inner = right.left
  return isNode(inner) && inner.size >= ratio * right.right.size
    ? node(
        inner.key,
        inner.value,
        node(key, value, left, inner.left),
        node(right.key, right.value, inner.right, right.right)
      )
    : node(right.key, right.value, node(key, value, left, inner), right.right)
}

const rotateRight = <A>(key: Value, value: A, left: Node<A>, right: SortedMap<A>): Node<A> => {
  const inner = left.right
  return isNode(inner) && inner.size >= ratio * left.left.size
    ? node(
        inner.key,
        inner.value,
        node(left.key, left.value, left.left, inner.left),
        node(key, value, inner.right, right)
      )
    : node(left.key, left.value, left.left, node(key, value, inner, right))
}

const balance = <A>(key: Value, value: A, left: SortedMap<A>, right: SortedMap<A>): Node<A> => {
  if (left.size + right.size > 1) {
    if (isNode(right) && right.size > delta * left.size) return rotateLeft(key, value, left, right)
    if (isNode(left) && left.size > delta * right.size) return rotateRight(key, value, left, right)
  }
  return node(key, value, left, right)
}

const find = <A>(m: SortedMap<A>, key: Value): Node<A> | undefined => {
  let rest = m
  while (isNode(rest)) {
    const order = compareKeys(key, rest.key)
    if (order === 0) return rest
    rest = order < 0 ? rest.left : rest.right
  }
  return undefined
}

/** The value of a key. */
export const get = <A>(m: SortedMap<A>, key: Value): A | undefined => find(m, key)?.value

/** Whether there is an entry with this key. */
export const has = <A>(m: SortedMap<A>, key: Value): boolean => find(m, key) !== undefined

/** Adds an entry, or replaces the one with an equal key. */
export const set = <A>(m: SortedMap<A>, key: Value, value: A): SortedMap<A> => {
  if (!isNode(m)) return node(key, value, empty, empty)
  const order = compareKeys(key, m.key)
  if (order === 0) return { ...m, key, value }
  return order < 0
    ? balance(m.key, m.value, set(m.left, key, value), m.right)
    : balance(m.key, m.value, m.left, set(m.right, key, value))
}

const first = <A>(m: Node<A>): Node<A> => {
  let rest = m
  while (isNode(rest.left)) rest = rest.left
  return rest
}

const removeFirst = <A>(m: Node<A>): SortedMap<A> =>
  isNode(m.left) ? balance(m.key, m.value, removeFirst(m.left), m.right) : m.right

const join = <A>(left: SortedMap<A>, right: SortedMap<A>): SortedMap<A> => {
  if (!isNode(right)) return left
  const next = first(right)
  return balance(next.key, next.value, left, removeFirst(right))
}

/** The map without the entry of a key; the same map where there is none. */
export const remove = <A>(m: SortedMap<A>, key: Value): SortedMap<A> => {
  if (!isNode(m)) return m
  const order = compareKeys(key, m.key)
  if (order === 0) return join(m.left, m.right)
  const old = order < 0 ? m.left : m.right
  const changed = remove(old, key)
  if (changed === old) return m
  return order < 0 ? balance(m.key, m.value, changed, m.right) : balance(m.key, m.value, m.left, changed)
}

/** The same keys with other values. */
export const mapValues = <A, B>(m: SortedMap<A>, f: (value: A, key: Value) => B): SortedMap<B> => {
  if (!isNode(m)) return empty
  const left = mapValues(m.left, f)
  const value = f(m.value, m.key)
  return { size: m.size, key: m.key, value, left, right: mapValues(m.right, f) }
}

/** The entries in ascending order of the keys. */
export const entries = <A>(m: SortedMap<A>): ReadonlyArray<readonly [Value, A]> => {
  const result: Array<readonly [Value, A]> = []
  forEach(m, (key, value) => result.push([key, value]))
  return result
}

/** A map of entries in any order; of equal keys the last counts. */
export const fromEntries = <A>(from: Iterable<readonly [Value, A]>): SortedMap<A> => {
  let result: SortedMap<A> = empty
  for (const [key, value] of from) result = set(result, key, value)
  return result
}

const build = <A>(
  keys: ReadonlyArray<Value>,
  values: ReadonlyArray<A>,
  from: number,
  to: number
): SortedMap<A> => {
  if (from >= to) return empty
  const middle = (from + to) >>> 1
  return node(
    keys[middle] as Value,
    values[middle] as A,
    build(keys, values, from, middle),
    build(keys, values, middle + 1, to)
  )
}

/** A map of keys that are strictly ascending already, in linear time. */
export const fromSorted = <A>(keys: ReadonlyArray<Value>, values: ReadonlyArray<A>): SortedMap<A> =>
  build(keys, values, 0, keys.length)
