/**
 * Nodes of the Merkle-Patricia trie: shape, path encoding, canonical bytes and hashes.
 *
 * Every node is immutable. Its hash is computed on first use and kept with the node, so a node shared by many versions
 * of a trie is hashed once; so is the encoding of a node without one. All walks are loops with an explicit stack: the depth of a trie
 * decoded from foreign bytes is not under our control.
 *
 * @since 0.1.0
 */
import type { Account } from "../../chain/Account.js"
import * as Hash from "../../crypto/Hash.js"
import { allocate } from "../../encoding/internal/allocate.js"
import * as Rlp from "../../encoding/Rlp.js"

/**
 * A path inside the trie: one element per nibble, each 0..15.
 *
 * @since 0.1.0
 * @category internal
 */
export type Nibbles = Uint8Array

const hashLength = 32
const emptyBytes = new Uint8Array(0)

/**
 * A key as nibbles, high nibble first.
 *
 * @since 0.1.0
 * @category paths
 */
export const toNibbles = (key: Uint8Array): Nibbles => {
  const nibbles = new Uint8Array(key.length * 2)
  for (let i = 0; i < key.length; i++) {
    const byte = key[i] as number
    nibbles[2 * i] = byte >> 4
    nibbles[2 * i + 1] = byte & 15
  }
  return nibbles
}

/**
 * The key whose nibbles are given; the number of nibbles must be even.
 *
 * @since 0.1.0
 * @category paths
 */
export const fromNibbles = (nibbles: ArrayLike<number>, length: number = nibbles.length): Uint8Array => {
  const key = allocate(length >> 1)
  for (let i = 0; i < key.length; i++) {
    key[i] = ((nibbles[2 * i] as number) << 4) | (nibbles[2 * i + 1] as number)
  }
  return key
}

/**
 * How many leading nibbles `a` and `b` (from `bOffset` on) have in common.
 *
 * @since 0.1.0
 * @category paths
 */
export const commonPrefix = (a: Nibbles, b: Nibbles, bOffset: number): number => {
  const limit = Math.min(a.length, b.length - bOffset)
  let i = 0
  while (i < limit && a[i] === b[bOffset + i]) i++
  return i
}

/**
 * The nibble of a key at a place, counted in nibbles.
 *
 * @since 0.1.0
 * @category paths
 */
export const nibbleAt = (key: Uint8Array, at: number): number => {
  const byte = key[at >> 1] as number
  return (at & 1) === 0 ? byte >> 4 : byte & 15
}

/**
 * The nibbles of a key from a place on: those of the whole key are seldom worth their memory.
 *
 * @since 0.1.0
 * @category paths
 */
export const nibblesFrom = (key: Uint8Array, at: number): Nibbles => {
  const nibbles = allocate(key.length * 2 - at)
  for (let i = 0; i < nibbles.length; i++) nibbles[i] = nibbleAt(key, at + i)
  return nibbles
}

/**
 * How many leading nibbles a path and a key, from a place on, have in common.
 *
 * @since 0.1.0
 * @category paths
 */
export const agreement = (path: Nibbles, key: Uint8Array, at: number): number => {
  const limit = Math.min(path.length, key.length * 2 - at)
  let i = 0
  while (i < limit && path[i] === nibbleAt(key, at + i)) i++
  return i
}

/**
 * Hex-prefix encoding of a path: the first nibble is 2 for a leaf plus 1 for an odd number of nibbles; an even path
 * gets one zero nibble as padding.
 *
 * @since 0.1.0
 * @category paths
 */
export const encodePath = (path: Nibbles, isLeaf: boolean): Uint8Array => {
  const odd = path.length & 1
  const flag = (isLeaf ? 2 : 0) + odd
  const bytes = allocate((path.length >> 1) + 1)
  bytes[0] = odd === 1 ? (flag << 4) | (path[0] as number) : flag << 4
  for (let i = odd, o = 1; i < path.length; i += 2, o++) {
    bytes[o] = ((path[i] as number) << 4) | (path[i + 1] as number)
  }
  return bytes
}

/**
 * The inverse of {@link encodePath}; `undefined` for bytes no path encodes to.
 *
 * @since 0.1.0
 * @category paths
 */
export const decodePath = (
  bytes: Uint8Array
): { readonly path: Nibbles; readonly isLeaf: boolean } | undefined => {
  const first = bytes[0]
  if (first === undefined) return undefined
  const flag = first >> 4
  if (flag > 3 || ((flag & 1) === 0 && (first & 15) !== 0)) return undefined
  return { path: toNibbles(bytes).subarray((flag & 1) === 1 ? 1 : 2), isLeaf: flag >= 2 }
}

abstract class NodeBase {
  /** The node's value as an account, once somebody has read it as one. */
  account: Account | undefined = undefined
  #encoding: Uint8Array | undefined
  #hash: Uint8Array | undefined

  /** The node as its list of byte arrays; children must have their encodings computed before (see {@link hashOf}). */
  abstract items(): ReadonlyArray<Uint8Array>

  /** Whether the encoding or the hash is already known. */
  get isEncoded(): boolean {
    return this.#encoding !== undefined || this.#hash !== undefined
  }

  /** Whether the encoding is shorter than a hash. */
  get isInline(): boolean {
    // The encoding of a longer one goes with its hash.
    return this.#encoding === undefined && this.#hash !== undefined
      ? false
      : this.encoding.length < hashLength
  }

  /** Canonical RLP of the node. */
  get encoding(): Uint8Array {
    const encoding = this.#encoding ?? Rlp.encode(this.items())
    if (this.#hash === undefined) this.#encoding = encoding
    return encoding
  }

  /** BLAKE2b-256 of the canonical RLP, which then is forgotten if nobody has it inside: states live for long. */
  get hash(): Uint8Array {
    if (this.#hash === undefined) {
      const { encoding } = this
      this.#hash = Hash.blake2b256(encoding)
      if (encoding.length >= hashLength) this.#encoding = undefined
    }
    return this.#hash
  }
}

/**
 * The end of a key: the rest of its path and the value.
 *
 * @since 0.1.0
 * @category nodes
 */
export class Leaf extends NodeBase {
  readonly kind = "leaf"
  constructor(
    readonly path: Nibbles,
    readonly value: Uint8Array
  ) {
    super()
  }
  items(): ReadonlyArray<Uint8Array> {
    return [encodePath(this.path, true), this.value]
  }
}

/**
 * A stretch of path that all keys below share. The path is never empty and the child is always a branch.
 *
 * @since 0.1.0
 * @category nodes
 */
export class Extension extends NodeBase {
  readonly kind = "extension"
  constructor(
    readonly path: Nibbles,
    readonly child: Branch
  ) {
    super()
  }
  items(): ReadonlyArray<Uint8Array> {
    return [encodePath(this.path, false), this.child.hash]
  }
}

/**
 * A fork: up to 16 children and, for a key that ends here, a value; at least two of these are present.
 *
 * @since 0.1.0
 * @category nodes
 */
export class Branch extends NodeBase {
  readonly kind = "branch"
  constructor(
    readonly children: ReadonlyArray<TrieNode | undefined>,
    readonly value: Uint8Array | undefined
  ) {
    super()
  }
  items(): ReadonlyArray<Uint8Array> {
    const items = this.children.map((child) =>
      child === undefined ? emptyBytes : isInline(child) ? child.encoding : child.hash
    )
    items.push(this.value ?? emptyBytes)
    return items
  }
}

/**
 * A node of the trie.
 *
 * @since 0.1.0
 * @category nodes
 */
export type TrieNode = Leaf | Extension | Branch

/**
 * Whether a branch holds this child itself rather than its hash: encodings below 32 bytes are shorter than a hash.
 * The root and the child of an extension are referred to by hash whatever their size.
 *
 * @since 0.1.0
 * @category nodes
 */
export const isInline = (node: TrieNode): boolean => node.isInline

/**
 * The hash of a node. Encodes what below it is not encoded yet, children first.
 *
 * @since 0.1.0
 * @category nodes
 */
export const hashOf = (root: TrieNode): Uint8Array => {
  if (!root.isEncoded) {
    const pending: Array<TrieNode> = [root]
    while (pending.length > 0) {
      const node = pending[pending.length - 1] as TrieNode
      const before = pending.length
      if (node.kind === "branch") {
        for (const child of node.children) {
          if (child !== undefined && !child.isEncoded) pending.push(child)
        }
      } else if (node.kind === "extension" && !node.child.isEncoded) {
        pending.push(node.child)
      }
      if (pending.length === before) {
        void node.encoding
        pending.pop()
      }
    }
  }
  return root.hash
}
