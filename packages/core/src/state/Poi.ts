/**
 * Proofs of inclusion: those nodes of the state trees that show some accounts and contracts to be part of a state, and
 * by their roots its state hash. The chain needs one to close a channel unilaterally.
 *
 * A proof says what is there, never what is absent: an account it does not lead to is simply not proven.
 *
 * Implements "æternity serializations" (trees_poi, tag 60) and the proof of inclusion of "State trees".
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Account from "../chain/Account.js"
import * as Hash from "../crypto/Hash.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import * as DecodeError from "../encoding/DecodeError.js"
import * as Rlp from "../encoding/Rlp.js"
import { bytesField, encodeObject, listField, objectFields } from "./internal/objects.js"
import type { ObjectKind } from "./internal/objects.js"
import * as StateHash from "./internal/stateHash.js"
import { commonPrefix, decodePath, fromNibbles, toNibbles } from "./internal/TrieNode.js"
import type { Nibbles } from "./internal/TrieNode.js"
import { readOrUndefined, storeMark } from "./Trees.js"
import type { Trees } from "./Trees.js"
import * as Trie from "./Trie.js"

/**
 * The proof for one tree: its root hash and nodes by hash (hexadecimal), each as the list of byte arrays it consists
 * of. Nodes are not checked until they are used: a wrong one proves nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface Part {
  readonly rootHash: Uint8Array
  readonly nodes: ReadonlyMap<string, ReadonlyArray<Uint8Array>>
}

/**
 * A proof of inclusion. An empty tree has no part.
 *
 * @since 0.1.0
 * @category models
 */
export type Poi = { readonly [N in StateHash.TreeName]: Part | undefined }

/**
 * An account or contract that a proof was asked for is not part of the state.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotFound extends Data.TaggedError("PoiNotFound")<{
  readonly id: ApiEncoding.AccountAddress | ApiEncoding.ContractId
}> {
  override get message(): string {
    return `There is no proof of inclusion for ${this.id}: it is not part of the state`
  }
}

const collect = (trie: Trie.Trie, key: Uint8Array, into: Map<string, ReadonlyArray<Uint8Array>>): boolean => {
  const path = Trie.proofNodes(trie, key)
  if (path === undefined) return false
  for (const node of path) {
    const hash = Bytes.toHex(node.hash)
    if (!into.has(hash)) into.set(hash, node.items())
  }
  return true
}

const storePrefix = (contract: Uint8Array): Uint8Array => Bytes.concat(contract, storeMark)

/**
 * The proof that the accounts and contracts are part of the trees, or the first that is not. A contract is proven with
 * its whole store, but without its account: to prove its balance too, name it among the accounts as well (what
 * `channels.get.poi` does).
 *
 * @since 0.1.0
 * @category constructors
 */
export const build = (
  trees: Trees,
  request: {
    readonly accounts: ReadonlyArray<ApiEncoding.AccountAddress | ApiEncoding.ContractId>
    readonly contracts?: ReadonlyArray<ApiEncoding.ContractId>
  }
): Poi | NotFound => {
  const accounts = new Map<string, ReadonlyArray<Uint8Array>>()
  for (const id of request.accounts) {
    if (!collect(trees.accounts, ApiEncoding.bytesOf(id), accounts)) return new NotFound({ id })
  }
  const contracts = new Map<string, ReadonlyArray<Uint8Array>>()
  for (const id of request.contracts ?? []) {
    const key = ApiEncoding.bytesOf(id)
    if (!collect(trees.contracts, key, contracts)) return new NotFound({ id })
    for (const [entry] of Trie.entries(trees.contracts, storePrefix(key)))
      collect(trees.contracts, entry, contracts)
  }
  const part = (trie: Trie.Trie, nodes: Part["nodes"]): Part | undefined => {
    const rootHash = Trie.rootHash(trie)
    return rootHash === undefined ? undefined : { rootHash, nodes }
  }
  return {
    accounts: part(trees.accounts, accounts),
    calls: part(trees.calls, new Map()),
    channels: part(trees.channels, new Map()),
    contracts: part(trees.contracts, contracts),
    ns: part(trees.ns, new Map()),
    oracles: part(trees.oracles, new Map())
  }
}

/**
 * The state hash (32 bytes) of the state the proof is about.
 *
 * @since 0.1.0
 * @category hashing
 */
export const stateHash = (poi: Poi): Uint8Array => StateHash.combine((name) => poi[name]?.rootHash)

// Reading a proof.

type Step =
  | { readonly kind: "branch"; readonly items: ReadonlyArray<Uint8Array> }
  | { readonly kind: "leaf" | "extension"; readonly path: Nibbles; readonly target: Uint8Array }

/** A node from its items; `undefined` for a list that is no node. */
const toStep = (items: ReadonlyArray<Uint8Array>): Step | undefined => {
  if (items.length === 17) return { kind: "branch", items }
  const [encodedPath, target] = items
  if (items.length !== 2 || encodedPath === undefined || target === undefined) return undefined
  const decoded = decodePath(encodedPath)
  return decoded && { kind: decoded.isLeaf ? "leaf" : "extension", path: decoded.path, target }
}

/** A node written inside its parent; `undefined` for bytes that are none. */
const inlineItems = (bytes: Uint8Array): ReadonlyArray<Uint8Array> | undefined => {
  return readOrUndefined(bytes, () =>
    listField(Rlp.decodeOrThrow(bytes), "node").map((item) => bytesField(item, "node"))
  )
}

/** Follows a reference: 32 bytes are the hash of a node of the proof, fewer are the node itself. */
const follow = (part: Part, reference: Uint8Array): Step | undefined => {
  if (reference.length > 32) return undefined
  if (reference.length < 32) {
    const items = inlineItems(reference)
    return items && toStep(items)
  }
  const items = part.nodes.get(Bytes.toHex(reference))
  if (items === undefined || !Bytes.equals(Hash.blake2b256(Rlp.encode(items)), reference)) return undefined
  return toStep(items)
}

const lookup = (part: Part | undefined, key: Uint8Array): Uint8Array | undefined => {
  if (part === undefined) return undefined
  const path = toNibbles(key)
  let at = 0
  let step = follow(part, part.rootHash)
  while (step !== undefined) {
    if (step.kind === "branch") {
      if (at === path.length) return nonEmpty(step.items[16])
      step = follow(part, step.items[path[at] as number] as Uint8Array)
      at++
      continue
    }
    if (commonPrefix(step.path, path, at) !== step.path.length) return undefined
    at += step.path.length
    if (step.kind === "leaf") return at === path.length ? nonEmpty(step.target) : undefined
    // Without progress a hostile proof could be long, though never endless: hashes cannot form a circle.
    step = follow(part, step.target)
  }
  return undefined
}

const nonEmpty = (bytes: Uint8Array | undefined): Uint8Array | undefined =>
  bytes === undefined || bytes.length === 0 ? undefined : bytes

// Nodes that refer to the same node again and again would make a small hostile proof a huge tree.
const maximumReferences = 65_536

/** All entries whose keys start with a prefix, ascending; `undefined` if one node on the way is missing or wrong. */
const lookupAll = (part: Part, prefix: Uint8Array): ReadonlyArray<Trie.Entry> | undefined => {
  const wanted = toNibbles(prefix)
  const found: Array<Trie.Entry> = []
  const stack: Array<readonly [path: Nibbles, reference: Uint8Array]> = [[new Uint8Array(0), part.rootHash]]
  let followed = 0
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [above, reference] = top
    if (++followed > maximumReferences) return undefined
    const step = follow(part, reference)
    if (step === undefined) return undefined
    const path = step.kind === "branch" ? above : Bytes.concat(above, step.path)
    if (commonPrefix(path, wanted, 0) !== Math.min(path.length, wanted.length)) continue
    const value = nonEmpty(
      step.kind === "branch" ? step.items[16] : step.kind === "leaf" ? step.target : undefined
    )
    if (step.kind === "extension") stack.push([path, step.target])
    if (step.kind === "branch") {
      for (let i = 15; i >= 0; i--) {
        const child = nonEmpty(step.items[i])
        if (child === undefined || (path.length < wanted.length && wanted[path.length] !== i)) continue
        stack.push([Bytes.concat(path, Uint8Array.of(i)), child])
      }
    }
    if (value !== undefined && path.length >= wanted.length) {
      if (path.length % 2 !== 0) return undefined
      found.push([fromNibbles(path), value])
    }
  }
  return found
}

/**
 * The account of a participant or a contract as the proof has it; `undefined` if the proof does not show it, for
 * whatever reason: the account is absent, a node on the way is missing or does not hash to what refers to it.
 *
 * @since 0.1.0
 * @category getters
 */
export const account = (
  poi: Poi,
  id: ApiEncoding.AccountAddress | ApiEncoding.ContractId
): Account.Account | undefined =>
  readOrUndefined(lookup(poi.accounts, ApiEncoding.bytesOf(id)), Account.decodeOrThrow)

/**
 * A proven contract: the serialized contract object (for `ContractObject.decode`) and its store, keys ascending and
 * without the contract's prefix.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProvenContract {
  readonly serialized: Uint8Array
  readonly store: ReadonlyArray<Trie.Entry>
}

/**
 * The contract and its whole store as the proof has them; `undefined` if the proof does not show all of it or the store
 * is larger than 65536 nodes.
 *
 * @since 0.1.0
 * @category getters
 */
export const contract = (poi: Poi, id: ApiEncoding.ContractId): ProvenContract | undefined => {
  const part = poi.contracts
  if (part === undefined) return undefined
  const key = ApiEncoding.bytesOf(id)
  const serialized = lookup(part, key)
  if (serialized === undefined) return undefined
  const prefix = storePrefix(key)
  const entries = lookupAll(part, prefix)
  if (entries === undefined) return undefined
  // The bare prefix only marks that there is a store.
  const store = entries.filter(([entry]) => entry.length > prefix.length)
  return { serialized, store: store.map(([entry, value]) => [entry.subarray(prefix.length), value]) }
}

const treesPoi: ObjectKind = { what: "proof of inclusion", tag: 60, version: 1, arity: 6 }

/**
 * The serialized proof (trees_poi object), nodes in ascending order of hashes.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (poi: Poi): Uint8Array =>
  encodeObject(
    treesPoi.tag,
    treesPoi.version,
    StateHash.hashOrder.map((name) => {
      const part = poi[name]
      if (part === undefined) return []
      // Hexadecimal digits sort as the bytes they stand for.
      const hashes = [...part.nodes.keys()].sort()
      return [[part.rootHash, hashes.map((hash) => [Bytes.fromHex(hash), part.nodes.get(hash) ?? []])]]
    })
  )

const decodePart = (item: Rlp.Rlp | undefined): Part | undefined => {
  const what = treesPoi.what
  const parts = listField(item, what)
  if (parts.length === 0) return undefined
  const [rootHash, nodes] = tuple(listField(tuple(parts, 1)[0], what), 2)
  const root = bytesField(rootHash, what, "root_hash")
  if (root.length !== 32)
    throw DecodeError.make(what, "invalid_root_hash", "a root hash has 32 bytes", ["root_hash"])
  const byHash = new Map<string, ReadonlyArray<Uint8Array>>()
  for (const [index, node] of listField(nodes, what, "nodes").entries()) {
    DecodeError.within(["nodes", index], () => {
      const [hash, items] = tuple(listField(node, what), 2)
      const key = Bytes.toHex(bytesField(hash, what, "hash"))
      if (byHash.has(key)) throw DecodeError.make(what, "duplicate_node", "two nodes have the same hash")
      byHash.set(
        key,
        listField(items, what, "node").map((part) => bytesField(part, what))
      )
    })
  }
  return { rootHash: root, nodes: byHash }
}

const tuple = (items: ReadonlyArray<Rlp.Rlp>, length: number): ReadonlyArray<Rlp.Rlp> => {
  if (items.length === length) return items
  const detail = `expected a list of ${length}, found one of ${items.length}`
  throw DecodeError.make(treesPoi.what, "wrong_field_count", detail)
}

/**
 * Reads a serialized proof. Nodes may come in any order, but none twice.
 *
 * @internal
 */
export const decodeOrThrow = (bytes: Uint8Array): Poi => {
  const fields = objectFields(bytes, treesPoi)
  const part = (name: StateHash.TreeName) =>
    DecodeError.within([name], () => decodePart(fields[StateHash.hashOrder.indexOf(name)]))
  return {
    accounts: part("accounts"),
    calls: part("calls"),
    channels: part("channels"),
    contracts: part("contracts"),
    ns: part("ns"),
    oracles: part("oracles")
  }
}

/**
 * Reads a serialized proof; fails with a `DecodeError` for other bytes. What the proof proves is not checked here but
 * whenever something is looked up in it.
 *
 * @since 0.1.0
 * @category encoding
 */
export const decode = (bytes: Uint8Array): Effect.Effect<Poi, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(bytes))

/**
 * The proof as text (`pi_`).
 *
 * @since 0.1.0
 * @category encoding
 */
export const toText = (poi: Poi): ApiEncoding.PoiText => ApiEncoding.encode("pi", encode(poi))

/**
 * Reads a proof from text (`pi_`).
 *
 * @internal
 */
export const fromTextOrThrow = (text: string): Poi => decodeOrThrow(ApiEncoding.decodeOrThrow("pi", text))

/**
 * Reads a proof from text (`pi_`); fails with a `DecodeError` for other text.
 *
 * @since 0.1.0
 * @category encoding
 */
export const fromText = (text: string): Effect.Effect<Poi, DecodeError.DecodeError> =>
  DecodeError.attempt(() => fromTextOrThrow(text))
