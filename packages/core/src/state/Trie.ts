/**
 * A persistent Merkle-Patricia trie: a map from byte keys to non-empty byte values whose root hash depends on its
 * content only, never on the order of insertion.
 *
 * An update makes new nodes along one path, at most two per nibble of the key, and shares all others with the trie it
 * came from. Encodings and hashes are computed when first asked for and stay with their nodes, so hashing after an
 * update costs one hash per new node. Old versions stay valid for ever.
 *
 * Byte arrays that go in or come out are shared, not copied: do not write into them.
 *
 * Implements the tree of "æternity serializations" (Merkle Patricia tree; mtree, tag 63; mtree_value, tag 64).
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Bytes from "../encoding/Bytes.js"
import * as DecodeError from "../encoding/DecodeError.js"
import * as Rlp from "../encoding/Rlp.js"
import { encodedEntries, mtreeValue } from "./internal/mtree.js"
import { bytesField, listField, objectFields } from "./internal/objects.js"
import type { ObjectKind } from "./internal/objects.js"
import {
  agreement,
  Branch,
  commonPrefix,
  Extension,
  fromNibbles,
  hashOf,
  isInline,
  Leaf,
  nibbleAt,
  nibblesFrom,
  toNibbles
} from "./internal/TrieNode.js"
import type { Nibbles, TrieNode } from "./internal/TrieNode.js"

/**
 * What marks a value as a trie.
 *
 * @since 0.1.0
 * @category models
 */
export const TypeId: unique symbol = Symbol.for("@aechannel/core/Trie")

/**
 * A trie. Make one with {@link empty}, {@link fromEntries} or {@link put}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Trie {
  readonly [TypeId]: typeof TypeId
  /** @internal */
  readonly root: TrieNode | undefined
}

/**
 * A key with its value.
 *
 * @since 0.1.0
 * @category models
 */
export type Entry = readonly [key: Uint8Array, value: Uint8Array]

/**
 * The trie without keys. It has no root hash.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: Trie = { [TypeId]: TypeId, root: undefined }

/**
 * Whether a trie has no keys.
 *
 * @since 0.1.0
 * @category getters
 */
export const isEmpty = (trie: Trie): boolean => trie.root === undefined

const make = (root: TrieNode | undefined): Trie => (root === undefined ? empty : { [TypeId]: TypeId, root })

/**
 * The value under a key, `undefined` if there is none.
 *
 * @since 0.1.0
 * @category getters
 */
export const get = (trie: Trie, key: Uint8Array): Uint8Array | undefined => find(trie, key)?.value

/**
 * The node that holds the value of a key.
 *
 * @internal
 */
export const find = (trie: Trie, key: Uint8Array): Leaf | Branch | undefined => {
  const length = key.length * 2
  let node: TrieNode | undefined = trie.root
  let at = 0
  while (node !== undefined) {
    if (node.kind === "branch") {
      if (at === length) return node
      node = node.children[nibbleAt(key, at)]
      at++
    } else {
      const shared = agreement(node.path, key, at)
      if (shared !== node.path.length) return undefined
      at += shared
      if (node.kind === "leaf") return at === length ? node : undefined
      node = node.child
    }
  }
  return undefined
}

/**
 * Whether a key has a value.
 *
 * @since 0.1.0
 * @category getters
 */
export const has = (trie: Trie, key: Uint8Array): boolean => get(trie, key) !== undefined

// What was passed on the way down, to be rebuilt on the way up. `nibble` is the branch's child that was taken.
type Step =
  | { readonly node: Branch; readonly nibble: number }
  | { readonly node: Extension; readonly nibble: undefined }

const noChildren: ReadonlyArray<TrieNode | undefined> = Array.from({ length: 16 }, () => undefined)

const withChild = (branch: Branch, nibble: number, child: TrieNode | undefined): Branch =>
  new Branch(branch.children.with(nibble, child), branch.value)

const join = (a: Nibbles, b: Nibbles): Nibbles => Bytes.concat(a, b)

/** Puts a stretch of path in front of a node, keeping the shape canonical. */
const prepend = (path: Nibbles, node: TrieNode): TrieNode => {
  if (path.length === 0) return node
  if (node.kind === "leaf") return new Leaf(join(path, node.path), node.value)
  if (node.kind === "extension") return new Extension(join(path, node.path), node.child)
  return new Extension(path, node)
}

/** Hangs `node` below `branch` or makes its value the branch's, depending on whether its path is used up. */
const placeBelow = (branch: Branch, node: Leaf | Extension, at: number): Branch => {
  const rest = node.path.subarray(at)
  if (node.kind === "leaf") {
    return rest.length === 0
      ? new Branch(branch.children, node.value)
      : withChild(branch, rest[0] as number, new Leaf(rest.subarray(1), node.value))
  }
  return withChild(branch, rest[0] as number, prepend(rest.subarray(1), node.child))
}

/** Rebuilds the nodes above a replaced one. Only for a replacement that keeps every node above in its shape. */
const rebuild = (steps: ReadonlyArray<Step>, replacement: TrieNode): TrieNode => {
  let node = replacement
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i] as Step
    node = step.nibble === undefined ? prepend(step.node.path, node) : withChild(step.node, step.nibble, node)
  }
  return node
}

/**
 * A trie with `value` under `key`. The empty value stands for absence, so writing it removes the key. Writing what is
 * there already returns the trie itself.
 *
 * @since 0.1.0
 * @category combinators
 */
export const put = (trie: Trie, key: Uint8Array, value: Uint8Array): Trie => {
  if (value.length === 0) return remove(trie, key)
  const length = key.length * 2
  const steps: Array<Step> = []
  let node: TrieNode | undefined = trie.root
  let at = 0
  for (;;) {
    if (node === undefined) return make(rebuild(steps, new Leaf(nibblesFrom(key, at), value)))
    if (node.kind === "branch") {
      if (at === length) {
        if (node.value !== undefined && Bytes.equals(node.value, value)) return trie
        return make(rebuild(steps, new Branch(node.children, value)))
      }
      const nibble = nibbleAt(key, at)
      steps.push({ node, nibble })
      node = node.children[nibble]
      at++
      continue
    }
    const shared = agreement(node.path, key, at)
    if (shared === node.path.length) {
      if (node.kind === "extension") {
        steps.push({ node, nibble: undefined })
        at += shared
        node = node.child
        continue
      }
      if (at + shared === length) {
        if (Bytes.equals(node.value, value)) return trie
        return make(rebuild(steps, new Leaf(node.path, value)))
      }
    }
    // The paths part inside this leaf or extension: a fork takes its place.
    const old = placeBelow(new Branch(noChildren, undefined), node, shared)
    const fork = placeBelow(old, new Leaf(nibblesFrom(key, at), value), shared)
    return make(rebuild(steps, prepend(node.path.subarray(0, shared), fork)))
  }
}

/** A branch after a loss: if a single child or only the value is left, it is no fork any more. */
const collapse = (branch: Branch): TrieNode => {
  let only = -1
  for (let i = 0; i < 16; i++) {
    if (branch.children[i] === undefined) continue
    if (only >= 0 || branch.value !== undefined) return branch
    only = i
  }
  if (only >= 0) return prepend(Uint8Array.of(only), branch.children[only] as TrieNode)
  return new Leaf(new Uint8Array(0), branch.value as Uint8Array)
}

/**
 * A trie without `key`; the trie itself if the key is not there.
 *
 * @since 0.1.0
 * @category combinators
 */
export const remove = (trie: Trie, key: Uint8Array): Trie => {
  const length = key.length * 2
  const steps: Array<Step> = []
  let node: TrieNode | undefined = trie.root
  let at = 0
  for (;;) {
    if (node === undefined) return trie
    if (node.kind === "branch") {
      if (at === length) {
        if (node.value === undefined) return trie
        return make(rebuild(steps, collapse(new Branch(node.children, undefined))))
      }
      const nibble = nibbleAt(key, at)
      steps.push({ node, nibble })
      node = node.children[nibble]
      at++
      continue
    }
    const shared = agreement(node.path, key, at)
    if (shared !== node.path.length) return trie
    at += shared
    if (node.kind === "extension") {
      steps.push({ node, nibble: undefined })
      node = node.child
      continue
    }
    if (at !== length) return trie
    // A leaf goes. What is above it is a branch (an extension never ends in a leaf) or nothing.
    const above = steps.pop()
    if (above === undefined || above.nibble === undefined) return empty
    return make(rebuild(steps, collapse(withChild(above.node, above.nibble, undefined))))
  }
}

/**
 * The trie of some entries; of entries with equal keys the last one counts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromEntries = (entries: Iterable<Entry>): Trie => {
  let trie = empty
  for (const [key, value] of entries) trie = put(trie, key, value)
  return trie
}

/**
 * The root hash (32 bytes); the empty trie has none.
 *
 * @since 0.1.0
 * @category hashing
 */
export const rootHash = (trie: Trie): Uint8Array | undefined =>
  trie.root === undefined ? undefined : hashOf(trie.root)

/**
 * Whether two tries hold the same entries. Compares root hashes.
 *
 * @since 0.1.0
 * @category hashing
 */
export const equals = (a: Trie, b: Trie): boolean => {
  if (a.root === b.root) return true
  return a.root !== undefined && b.root !== undefined && Bytes.equals(hashOf(a.root), hashOf(b.root))
}

/**
 * The entries in ascending order of keys (as bytes; a key comes before those it is a prefix of), lazily. With `prefix`
 * only the entries whose keys start with it; keys are given whole.
 *
 * @since 0.1.0
 * @category getters
 */
export const entries = (trie: Trie, prefix?: Uint8Array): Iterable<Entry> => ({
  [Symbol.iterator]: () => walk(trie, prefix === undefined ? new Uint8Array(0) : toNibbles(prefix))
})

/** A node that is to be visited: where its path begins, after the nibble of the branch above (none: -1). */
interface Visit {
  readonly at: number
  readonly nibble: number
  readonly node: TrieNode
}

function* walk(trie: Trie, prefix: Nibbles): Generator<Entry, void> {
  if (trie.root === undefined) return
  // One path for all: who comes later shares what lies before its place with who was there before.
  let path = new Uint8Array(128)
  const stack: Array<Visit> = [{ at: 0, nibble: -1, node: trie.root }]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { at, nibble, node } = top
    const own = node.kind === "branch" ? 0 : node.path.length
    const begin = nibble < 0 ? at : at + 1
    const end = begin + own
    if (end > path.length) {
      const longer = new Uint8Array(2 * end)
      longer.set(path)
      path = longer
    }
    if (nibble >= 0) path[at] = nibble
    if (node.kind !== "branch") path.set(node.path, begin)
    // Above the prefix's end the paths must agree as far as both go; below it everything counts.
    if (!agrees(path, prefix, at, Math.min(end, prefix.length))) continue
    if (node.kind === "leaf") {
      if (end >= prefix.length) yield [fromNibbles(path, end), node.value]
    } else if (node.kind === "extension") {
      stack.push({ at: end, nibble: -1, node: node.child })
    } else {
      for (let i = 15; i >= 0; i--) {
        const child = node.children[i]
        if (child === undefined || (end < prefix.length && prefix[end] !== i)) continue
        stack.push({ at: end, nibble: i, node: child })
      }
      if (node.value !== undefined && end >= prefix.length) yield [fromNibbles(path, end), node.value]
    }
  }
}

/** Whether two paths are the same between two places. */
const agrees = (a: Nibbles, b: Nibbles, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * How many keys a trie has. Walks the whole trie.
 *
 * @since 0.1.0
 * @category getters
 */
export const size = (trie: Trie): number => {
  let count = 0
  for (const _ of entries(trie)) count++
  return count
}

/**
 * Every node reachable from the root, each with whether its parent refers to it by hash (else it is written inside
 * its parent).
 *
 * @internal
 */
export function* nodes(trie: Trie): Generator<{ readonly node: TrieNode; readonly byHash: boolean }, void> {
  if (trie.root === undefined) return
  hashOf(trie.root)
  const stack: Array<{ readonly node: TrieNode; readonly byHash: boolean }> = [
    { node: trie.root, byHash: true }
  ]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    yield top
    if (top.node.kind === "extension") stack.push({ node: top.node.child, byHash: true })
    else if (top.node.kind === "branch") {
      for (const child of top.node.children) {
        if (child !== undefined) stack.push({ node: child, byHash: !isInline(child) })
      }
    }
  }
}

/**
 * The nodes on the way to a key that are referred to by hash, root first: what a proof of inclusion of the key needs.
 * `undefined` if the key is not there.
 *
 * @internal
 */
export const proofNodes = (trie: Trie, key: Uint8Array): ReadonlyArray<TrieNode> | undefined => {
  if (trie.root === undefined) return undefined
  hashOf(trie.root)
  const path = toNibbles(key)
  const proof: Array<TrieNode> = []
  let node: TrieNode | undefined = trie.root
  let byHash = true
  let at = 0
  while (node !== undefined) {
    if (byHash) proof.push(node)
    if (node.kind === "branch") {
      if (at === path.length) return node.value === undefined ? undefined : proof
      node = node.children[path[at] as number]
      byHash = node !== undefined && !isInline(node)
      at++
      continue
    }
    const shared = commonPrefix(node.path, path, at)
    if (shared !== node.path.length) return undefined
    at += shared
    if (node.kind === "leaf") return at === path.length ? proof : undefined
    node = node.child
    byHash = true
  }
  return undefined
}

const mtree: ObjectKind = { what: "mtree", tag: 63, version: 1, arity: 1 }

/**
 * The trie's content as an mtree object: the entries in descending order of keys.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeMtree = (trie: Trie): Uint8Array => {
  const values = trie.root === undefined ? [] : encodedEntries(trie.root)
  return Rlp.encodeList([Uint8Array.of(mtree.tag), Uint8Array.of(mtree.version), Rlp.encodeList(values)])
}

/**
 * Reads an mtree object. Entries may come in any order; a key that comes twice (`duplicate_key`) and an empty value
 * (`empty_value`) are refused.
 *
 * @internal
 */
export const decodeMtreeOrThrow = (bytes: Uint8Array): Trie => {
  const values = listField(objectFields(bytes, mtree)[0], mtree.what, "values")
  let trie = empty
  for (const [index, item] of values.entries()) {
    trie = DecodeError.within([index], () => {
      const fields = objectFields(bytesField(item, mtreeValue.what), mtreeValue)
      const key = bytesField(fields[0], mtreeValue.what, "key")
      const value = bytesField(fields[1], mtreeValue.what, "value")
      if (value.length === 0) {
        const detail = `the value under key ${Bytes.toHex(key)} is empty; leave absent keys out`
        throw DecodeError.make(mtree.what, "empty_value", detail)
      }
      if (has(trie, key)) {
        throw DecodeError.make(mtree.what, "duplicate_key", `key ${Bytes.toHex(key)} occurs more than once`)
      }
      // A copy: a leaf that lives for many rounds must not keep the whole dump it came from alive.
      return put(trie, key, value.slice())
    })
  }
  return trie
}

/**
 * Reads an mtree object; fails with a `DecodeError` where the bytes are not one.
 *
 * @since 0.1.0
 * @category encoding
 */
export const decodeMtree = (bytes: Uint8Array): Effect.Effect<Trie, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeMtreeOrThrow(bytes))
