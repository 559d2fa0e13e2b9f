/**
 * Where a node keeps what must outlive its process: the state cache and the chain.
 *
 * All functions are synchronous, since the node works on one event at a time and must not tell anybody of what is not
 * durable yet.
 *
 * @since 0.1.0
 */
import { Context, Data, Layer } from "effect"

/**
 * The storage failed; nothing was changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class NodeStorageError extends Data.TaggedError("NodeStorageError")<{
  readonly operation: "open" | "read" | "write" | "append" | "remove" | "list"
  /** Of the value or log; a storage that cannot be opened has its own, such as the directory. */
  readonly name: string
  /** A sentence: what went wrong and what to do. */
  readonly detail: string
}> {
  override get message(): string {
    return `The node's storage failed to ${this.operation} ${this.name}: ${this.detail}`
  }
}

/**
 * What is in the storage cannot be used, and was not changed.
 *
 * - `other_chain`: it was written by a node of another network, or whose chain began otherwise
 * - `other_version`: it was written by another version of this library
 * - `damaged`: its content contradicts itself
 *
 * @since 0.1.0
 * @category errors
 */
export class NodeStateError extends Data.TaggedError("NodeStateError")<{
  readonly reason: "other_chain" | "other_version" | "damaged"
  /** A sentence: what does not fit and what to do. */
  readonly detail: string
}> {
  override get message(): string {
    return `The node cannot start from its storage: ${this.detail}`
  }
}

/**
 * Named byte strings. Names are made of letters, digits, `_`, `-` and `.`, and do not begin
 * with a `.`. A value and a log do not have the same name.
 *
 * - `write`: replaces all of it, atomically; durable when it returns
 * - `append`: adds one record to a log; durable when it returns
 * - `readLog`: the records of a log, in order; a torn last record is dropped, and what came before it is not lost
 * - `remove`: removes a value or a log; nothing happens when there is none
 * - `names`: of all values and logs, sorted
 *
 * @since 0.1.0
 * @category models
 */
export interface NodeStorageService {
  readonly read: (name: string) => Uint8Array | undefined | NodeStorageError
  readonly write: (name: string, value: Uint8Array) => void | NodeStorageError
  readonly append: (name: string, record: Uint8Array) => void | NodeStorageError
  readonly readLog: (name: string) => ReadonlyArray<Uint8Array> | NodeStorageError
  readonly remove: (name: string) => void | NodeStorageError
  readonly names: () => ReadonlyArray<string> | NodeStorageError
}

/**
 * The storage in use.
 *
 * @since 0.1.0
 * @category tags
 */
export class NodeStorage extends Context.Tag("@aechannel/core/NodeStorage")<
  NodeStorage,
  NodeStorageService
>() {}

/**
 * A storage in memory; gone with the process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory = (): NodeStorageService => {
  const values = new Map<string, Uint8Array>()
  const logs = new Map<string, Array<Uint8Array>>()
  return {
    read: (name) => values.get(name)?.slice(),
    write: (name, value) => {
      values.set(name, value.slice())
    },
    append: (name, record) => {
      const log = logs.get(name)
      if (log === undefined) logs.set(name, [record.slice()])
      else log.push(record.slice())
    },
    readLog: (name) => (logs.get(name) ?? []).map((record) => record.slice()),
    remove: (name) => {
      values.delete(name)
      logs.delete(name)
    },
    names: () => [...values.keys(), ...logs.keys()].sort()
  }
}

/**
 * Provides a storage in memory.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<NodeStorage> = /*#__PURE__*/ Layer.sync(NodeStorage, makeMemory)
