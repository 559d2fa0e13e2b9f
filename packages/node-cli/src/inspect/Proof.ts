/**
 * Everything a proof of inclusion shows, for those who do not know what to ask it for.
 *
 * @since 0.1.0
 */
import * as Hash from "@aechannel/core/crypto/Hash"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import * as Rlp from "@aechannel/core/encoding/Rlp"
import type { Part } from "@aechannel/core/state/Poi"
import type { Entry } from "@aechannel/core/state/Trie"
import * as Effect from "effect/Effect"

type Items = ReadonlyArray<Uint8Array>

/** Nodes that refer to the same node again and again would make a small hostile proof a huge tree. */
const maximumReferences = 65_536

const isItems = (node: Rlp.Rlp | undefined): node is Items =>
  node !== undefined && !(node instanceof Uint8Array) && node.every((item) => item instanceof Uint8Array)

/** The node a reference of a branch or an extension leads to: 32 bytes are its hash, fewer the node itself. */
const follow = (part: Part, reference: Uint8Array): Items | undefined => {
  if (reference.length < 32) {
    const node = Effect.runSync(Effect.orElseSucceed(Rlp.decode(reference), () => undefined))
    return isItems(node) ? node : undefined
  }
  const items = part.nodes.get(Bytes.toHex(reference))
  return items !== undefined && Bytes.equals(Hash.blake2b256(Rlp.encode(items)), reference)
    ? items
    : undefined
}

/** The path of a leaf or an extension as hexadecimal digits: the first digit says which one and whether it is odd. */
const readPath = (encoded: Uint8Array): { readonly digits: string; readonly isLeaf: boolean } => {
  const digits = Bytes.toHex(encoded)
  const flags = Number.parseInt(digits.slice(0, 1), 16)
  return { digits: digits.slice(flags % 2 === 1 ? 1 : 2), isLeaf: flags >= 2 }
}

/**
 * The entries of one tree that a proof shows, ascending by key: those to which an unbroken chain of hashes leads from
 * the root. A proof that refers to more than 65536 nodes shows what they hold.
 *
 * Specification: æternity consensus, "proof of inclusion".
 *
 * @since 0.1.0
 * @category accessors
 */
export const provenEntries = (part: Part | undefined): ReadonlyArray<Entry> => {
  if (part === undefined) return []
  const found: Array<Entry> = []
  const add = (path: string, value: Uint8Array | undefined): void => {
    if (value !== undefined && value.length > 0 && path.length % 2 === 0)
      found.push([Bytes.fromHex(path), value])
  }
  const stack: Array<readonly [path: string, reference: Uint8Array]> = [["", part.rootHash]]
  for (let followed = 0; followed < maximumReferences; followed++) {
    const top = stack.pop()
    if (top === undefined) break
    const [path, reference] = top
    const items = follow(part, reference)
    if (items === undefined) continue
    if (items.length === 17) {
      add(path, items[16])
      for (let digit = 15; digit >= 0; digit--) {
        const child = items[digit]
        if (child !== undefined && child.length > 0) stack.push([path + digit.toString(16), child])
      }
    } else if (items.length === 2 && items[0] !== undefined && items[1] !== undefined) {
      const { digits, isLeaf } = readPath(items[0])
      if (isLeaf) add(path + digits, items[1])
      else stack.push([path + digits, items[1]])
    }
  }
  return found
}
