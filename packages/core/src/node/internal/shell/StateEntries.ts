/**
 * The state cache of a node: of each end of a channel the sealed state, by channel and role. All of it is in memory;
 * with a storage every change is appended to a log there, which begins anew once it has grown long.
 */
import type { ChannelId } from "../../../encoding/ApiEncoding.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"
import { DecodeError } from "../../../encoding/DecodeError.js"
import * as Rlp from "../../../encoding/Rlp.js"
import type { Role } from "../../../protocol/OpenParameters.js"
import { NodeStateError, NodeStorageError, type NodeStorageService } from "../../NodeStorage.js"

/** The same state, sealed under each of the ids that open it. */
export type Entry = ReadonlyArray<Uint8Array>

/** One end of a channel. */
export interface End {
  readonly channelId: ChannelId
  readonly role: Role
}

const keyOf = ({ channelId, role }: End): string => `${channelId}.${role}`

interface Kept {
  readonly end: End
  /** Undefined once it is removed. */
  readonly entry: Entry | undefined
}

/** What a state cache held at one moment. */
export type KeptStates = ReadonlyArray<{ readonly end: End; readonly entry: Entry }>

const version = 1
const snapshotName = "states"
const logPrefix = "states."

/** A log shorter than this, in bytes, is not worth a new beginning. */
const longLog = 1 << 20

const damaged = (): NodeStateError =>
  new NodeStateError({
    reason: "damaged",
    detail: "its channel states cannot be read; restore it from a copy, or use another storage"
  })

const encodeEntries = (entries: Iterable<Kept>): Array<Rlp.Rlp> =>
  Array.from(entries, ({ end, entry }) => [
    ApiEncoding.bytesOf(end.channelId),
    Bytes.utf8(end.role),
    entry ?? []
  ])

const decodeEntries = (item: Rlp.Rlp): ReadonlyArray<Kept> | undefined => {
  if (item instanceof Uint8Array) return undefined
  const entries: Array<Kept> = []
  for (const each of item) {
    if (each instanceof Uint8Array) return undefined
    const [channelId, roleBytes, sealed] = each
    if (!(channelId instanceof Uint8Array) || !(roleBytes instanceof Uint8Array)) return undefined
    if (sealed === undefined || sealed instanceof Uint8Array || channelId.length !== 32) return undefined
    const role = Bytes.fromUtf8OrThrow(roleBytes)
    if (role !== "initiator" && role !== "responder") return undefined
    const entry = sealed.filter((part) => part instanceof Uint8Array)
    entries.push({
      end: { channelId: ApiEncoding.encode("ch", channelId), role },
      entry: entry.length === 0 ? undefined : entry
    })
  }
  return entries
}

/** States as bytes, and back. */
export const encodeStates = (states: KeptStates): Uint8Array => Rlp.encode(encodeEntries(states))

export const decodeStates = (bytes: Uint8Array): KeptStates | NodeStateError => {
  try {
    const kept = decodeEntries(Rlp.decodeOrThrow(bytes))
    if (kept === undefined) return damaged()
    return kept.flatMap(({ end, entry }) => (entry === undefined ? [] : [{ end, entry }]))
  } catch (error) {
    if (error instanceof DecodeError) return damaged()
    throw error
  }
}

export class StateEntries {
  private readonly entries = new Map<string, { readonly end: End; readonly entry: Entry }>()
  private readonly changed = new Map<string, Kept>()
  private generation = 0
  private logged = 0
  private limit = longLog

  private constructor(private readonly storage: NodeStorageService | undefined) {}

  static inMemory(): StateEntries {
    return new StateEntries(undefined)
  }

  /** The state cache of a storage. */
  static open(storage: NodeStorageService): StateEntries | NodeStorageError | NodeStateError {
    const opened = new StateEntries(storage)
    try {
      return opened.load(storage) ?? opened
    } catch (error) {
      if (error instanceof DecodeError) return damaged()
      throw error
    }
  }

  get(end: End): Entry | undefined {
    return this.entries.get(keyOf(end))?.entry
  }

  /** All of which there is something, as it is now. */
  list(): ReadonlyArray<End> {
    return Array.from(this.entries.values(), ({ end }) => end)
  }

  all(): KeptStates {
    return [...this.entries.values()]
  }

  /** Holds this and nothing else. */
  replace(states: KeptStates): void {
    for (const end of this.list()) this.remove(end)
    for (const { end, entry } of states) this.put(end, entry)
  }

  put(end: End, entry: Entry): void {
    const key = keyOf(end)
    this.entries.set(key, { end, entry })
    if (this.storage !== undefined) this.changed.set(key, { end, entry })
  }

  remove(end: End): void {
    const key = keyOf(end)
    if (this.entries.delete(key) && this.storage !== undefined)
      this.changed.set(key, { end, entry: undefined })
  }

  /** Makes the changes durable, all of them in one record. */
  commit(): NodeStorageError | undefined {
    const { storage } = this
    if (storage === undefined || this.changed.size === 0) return undefined
    const record = Rlp.encode(encodeEntries(this.changed.values()))
    const failed =
      this.logged + record.length > this.limit ? this.beginAnew(storage) : this.append(storage, record)
    if (failed === undefined) this.changed.clear()
    return failed
  }

  private append(storage: NodeStorageService, record: Uint8Array): NodeStorageError | undefined {
    const failed = storage.append(`${logPrefix}${this.generation}`, record)
    if (failed !== undefined) return failed
    this.logged += record.length
    return undefined
  }

  /** All entries as one value; the log goes on empty, under another name. */
  private beginAnew(storage: NodeStorageService): NodeStorageError | undefined {
    const next = this.generation + 1
    const snapshot = Rlp.encode([
      Bytes.uintToBytes(version),
      Bytes.uintToBytes(next),
      encodeEntries(this.entries.values())
    ])
    const failed = storage.write(snapshotName, snapshot)
    if (failed !== undefined) return failed
    const last = `${logPrefix}${this.generation}`
    this.generation = next
    this.logged = 0
    this.limit = Math.max(longLog, 4 * snapshot.length)
    // Nobody reads the old log any more: one that stays behind is removed at the next start.
    storage.remove(last)
    return undefined
  }

  private load(storage: NodeStorageService): NodeStorageError | NodeStateError | undefined {
    const snapshot = storage.read(snapshotName)
    if (snapshot instanceof NodeStorageError) return snapshot
    if (snapshot !== undefined) {
      const problem = this.takeSnapshot(snapshot)
      if (problem !== undefined) return problem
    }
    const records = storage.readLog(`${logPrefix}${this.generation}`)
    if (records instanceof NodeStorageError) return records
    for (const record of records) {
      const entries = decodeEntries(Rlp.decodeOrThrow(record))
      if (entries === undefined) return damaged()
      this.take(entries)
      this.logged += record.length
    }
    return this.removeOldLogs(storage)
  }

  private take(entries: ReadonlyArray<Kept>): void {
    for (const { end, entry } of entries) {
      if (entry === undefined) this.entries.delete(keyOf(end))
      else this.entries.set(keyOf(end), { end, entry })
    }
  }

  private takeSnapshot(snapshot: Uint8Array): NodeStateError | undefined {
    const items = Rlp.decodeOrThrow(snapshot)
    const [written, generation, list] = items instanceof Uint8Array ? [] : items
    if (!(written instanceof Uint8Array) || !(generation instanceof Uint8Array) || list === undefined)
      return damaged()
    if (Bytes.uintFromBytesOrThrow(written) !== BigInt(version))
      return new NodeStateError({
        reason: "other_version",
        detail: `its channel states were written in another format than ${version}; use the version that wrote it, or another storage`
      })
    const entries = decodeEntries(list)
    if (entries === undefined) return damaged()
    this.take(entries)
    this.generation = Number(Bytes.uintFromBytesOrThrow(generation))
    this.limit = Math.max(longLog, 4 * snapshot.length)
    return undefined
  }

  private removeOldLogs(storage: NodeStorageService): NodeStorageError | undefined {
    const names = storage.names()
    if (names instanceof NodeStorageError) return names
    for (const name of names) {
      if (!name.startsWith(logPrefix) || name === `${logPrefix}${this.generation}`) continue
      const failed = storage.remove(name)
      if (failed !== undefined) return failed
    }
    return undefined
  }
}
