/**
 * A trie's entries as they stand in an mtree object. What lies below a branch is remembered in pieces of some kilobytes:
 * the next state shares most branches, so that only what has changed is encoded again. A branch never comes to stand
 * below another path, so that its piece has the right keys in every trie.
 */
import * as Bytes from "../../encoding/Bytes.js"
import * as Rlp from "../../encoding/Rlp.js"
import { encodeObject, type ObjectKind } from "./objects.js"
import { type Branch, fromNibbles, type TrieNode } from "./TrieNode.js"

export const mtreeValue: ObjectKind = { what: "mtree_value", tag: 64, version: 1, arity: 2 }

// A branch with more than the largest has children with at least the smallest, or values that are large themselves.
const smallestPiece = 512
const largestPiece = 16 * smallestPiece

const pieces = new WeakMap<Branch, Uint8Array>()

/** A node that is to be visited: where its path begins, after the nibble of the branch above (none: -1). */
interface Visit {
  readonly node: TrieNode
  readonly nibble: number
  readonly at: number
}

/** The end of a branch: where its path ends, and what was there before its entries. */
interface Leaving {
  readonly left: Branch
  readonly end: number
  readonly parts: number
  readonly size: number
}

/** RLP items in descending order of keys, some of them joined. */
export const encodedEntries = (root: TrieNode): ReadonlyArray<Uint8Array> => {
  const parts: Array<Uint8Array> = []
  let size = 0
  const add = (part: Uint8Array): void => {
    parts.push(part)
    size += part.length
  }
  let path = new Uint8Array(128)
  const addEntry = (end: number, value: Uint8Array): void =>
    add(Rlp.encode(encodeObject(mtreeValue.tag, mtreeValue.version, [fromNibbles(path, end), value])))
  const stack: Array<Visit | Leaving> = [{ node: root, nibble: -1, at: 0 }]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if ("left" in top) {
      const { end, left } = top
      if (left.value !== undefined) addEntry(end, left.value)
      const length = size - top.size
      if (length < smallestPiece || length > largestPiece) continue
      const piece = Bytes.concat(...parts.splice(top.parts))
      pieces.set(left, piece)
      parts.push(piece)
      continue
    }
    const { at, nibble, node } = top
    const known = node.kind === "branch" ? pieces.get(node) : undefined
    if (known !== undefined) {
      add(known)
      continue
    }
    const begin = nibble < 0 ? at : at + 1
    const end = begin + (node.kind === "branch" ? 0 : node.path.length)
    if (end > path.length) {
      const longer = new Uint8Array(2 * end)
      longer.set(path)
      path = longer
    }
    if (nibble >= 0) path[at] = nibble
    if (node.kind !== "branch") path.set(node.path, begin)
    if (node.kind === "leaf") addEntry(end, node.value)
    else if (node.kind === "extension") stack.push({ node: node.child, nibble: -1, at: end })
    else {
      stack.push({ left: node, end, parts: parts.length, size })
      for (let i = 0; i < 16; i++) {
        const child = node.children[i]
        if (child !== undefined) stack.push({ node: child, nibble: i, at: end })
      }
    }
  }
  return parts
}
