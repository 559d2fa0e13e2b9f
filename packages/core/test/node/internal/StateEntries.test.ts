import { describe, expect, it } from "@effect/vitest"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import { StateEntries } from "../../../src/node/internal/shell/StateEntries.js"
import {
  makeMemory,
  NodeStateError,
  NodeStorageError,
  type NodeStorageService
} from "../../../src/node/NodeStorage.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"

const channel = (n: number) => ApiEncoding.encode("ch", new Uint8Array(32).fill(n))
const end = (channelId: ApiEncoding.ChannelId, role: Role) => ({ channelId, role })
const open = (storage: NodeStorageService): StateEntries => {
  const opened = StateEntries.open(storage)
  if (opened instanceof NodeStorageError || opened instanceof NodeStateError) throw opened
  return opened
}
const box = (n: number, length = 10) => [new Uint8Array(length).fill(n)]

describe("StateEntries", () => {
  it("keeps what was committed, by channel and role", () => {
    const storage = makeMemory()
    const entries = open(storage)
    entries.put(end(channel(1), "initiator"), box(1))
    entries.put(end(channel(1), "responder"), [...box(2), ...box(3)])
    entries.put(end(channel(2), "responder"), box(4))
    expect(entries.commit()).toBeUndefined()
    entries.remove(end(channel(2), "responder"))
    entries.put(end(channel(1), "initiator"), box(5))
    expect(entries.commit()).toBeUndefined()
    entries.put(end(channel(9), "initiator"), box(6))

    const later = open(storage)
    expect(later.get(end(channel(1), "initiator"))).toEqual(box(5))
    expect(later.get(end(channel(1), "responder"))).toEqual([...box(2), ...box(3)])
    expect(later.list()).toEqual([end(channel(1), "initiator"), end(channel(1), "responder")])
  })

  it("begins its log anew once it is long, and loses nothing with it, wherever that is cut short", () => {
    const storage = makeMemory()
    const names = new Set<string>()
    const cuts: Array<{ readonly storage: NodeStorageService; readonly n: number }> = []
    const copy = (): NodeStorageService => {
      const other = makeMemory()
      for (const name of storage.names() as ReadonlyArray<string>) {
        const value = storage.read(name)
        if (value instanceof Uint8Array) other.write(name, value)
        for (const record of storage.readLog(name) as ReadonlyArray<Uint8Array>) other.append(name, record)
      }
      return other
    }
    let n = 0
    const watched: NodeStorageService = {
      ...storage,
      write: (name, value) => {
        storage.write(name, value)
        cuts.push({ storage: copy(), n })
      },
      remove: (name) => {
        storage.remove(name)
        cuts.push({ storage: copy(), n })
      }
    }
    const entries = open(watched)
    for (n = 1; n <= 40; n++) {
      entries.put(end(channel(n % 3), "initiator"), box(n, 100_000))
      expect(entries.commit()).toBeUndefined()
      for (const name of storage.names() as ReadonlyArray<string>) names.add(name)
      expect(open(copy()).get(end(channel(n % 3), "initiator"))?.[0]?.[0]).toBe(n)
    }
    expect([...names].toSorted()).toEqual(["states", "states.0", "states.1", "states.2", "states.3"])
    expect(cuts.length).toBeGreaterThan(1)
    for (const cut of cuts) {
      const found = open(cut.storage)
      expect(found.get(end(channel(cut.n % 3), "initiator"))?.[0]?.[0]).toBe(cut.n)
      expect((cut.storage.names() as ReadonlyArray<string>).filter((name) => name !== "states")).toHaveLength(
        0
      )
    }
  })

  for (const [name, spoil] of [
    ["a snapshot that is none", (storage: NodeStorageService) => storage.write("states", new Uint8Array(3))],
    [
      "a record that is none",
      (storage: NodeStorageService) => storage.append("states.0", new Uint8Array([1]))
    ],
    ["a record of nothing", (storage: NodeStorageService) => storage.append("states.0", new Uint8Array(0))]
  ] as const)
    it(`refuses ${name}`, () => {
      const storage = makeMemory()
      spoil(storage)
      expect(StateEntries.open(storage)).toBeInstanceOf(NodeStateError)
    })
})
