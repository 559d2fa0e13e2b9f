/**
 * The hash over the roots of the six state trees, shared by trees and proofs of inclusion.
 *
 * @since 0.1.0
 */
import * as Hash from "../../crypto/Hash.js"
import * as Bytes from "../../encoding/Bytes.js"

/**
 * The six state trees in the order in which their roots are hashed and proofs of inclusion list them.
 *
 * @since 0.1.0
 * @category internal
 */
export const hashOrder = ["accounts", "calls", "channels", "contracts", "ns", "oracles"] as const

/**
 * The name of a state tree.
 *
 * @since 0.1.0
 * @category internal
 */
export type TreeName = (typeof hashOrder)[number]

const version = Bytes.uintToFixed(1, 8)
const noRoot = new Uint8Array(32)

// Written over by every call, which hashes it before the next one comes.
const input = Bytes.concat(version, ...hashOrder.map(() => noRoot))

/**
 * `H(BE(1, 8) || root...)`, where an empty tree counts as 32 zero bytes.
 *
 * @since 0.1.0
 * @category internal
 */
export const combine = (rootOf: (name: TreeName) => Uint8Array | undefined): Uint8Array => {
  const roots = hashOrder.map((name) => rootOf(name) ?? noRoot)
  for (const [index, root] of roots.entries()) input.set(root, version.length + 32 * index)
  return Hash.blake2b256(input)
}
