/** What every storage of a node must do; each layer runs it. */
import { expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { NodeStorageError, type NodeStorageService } from "../../src/node/NodeStorage.js"

const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

export const good = <A>(result: A | NodeStorageError): A => {
  if (result instanceof NodeStorageError) throw result
  return result
}

/**
 * `open` gives a storage on an empty ground; `again` one on the same ground, as another process would find it.
 */
export const suite = (
  open: () => {
    readonly storage: NodeStorageService
    readonly again: () => NodeStorageService
  }
): void => {
  it("has nothing at first", () => {
    const { storage } = open()
    expect(good(storage.read("a"))).toBeUndefined()
    expect(good(storage.readLog("a"))).toEqual([])
    expect(good(storage.names())).toEqual([])
    good(storage.remove("a"))
  })

  it("keeps and replaces values", () => {
    const { again, storage } = open()
    good(storage.write("a", bytes(1, 2, 3)))
    good(storage.write("b", bytes()))
    expect(good(storage.read("a"))).toEqual(bytes(1, 2, 3))
    good(storage.write("a", bytes(4)))
    const later = again()
    expect(good(later.read("a"))).toEqual(bytes(4))
    expect(good(later.read("b"))).toEqual(bytes())
    expect(good(later.names())).toEqual(["a", "b"])
  })

  it("keeps the records of a log in their order, empty ones too", () => {
    const { again, storage } = open()
    const records = [bytes(1), bytes(), bytes(0, 0, 0, 0), new Uint8Array(5_000).fill(7), bytes(2)]
    for (const record of records) good(storage.append("log", record))
    expect(good(storage.readLog("log"))).toEqual(records)
    const later = again()
    expect(good(later.readLog("log"))).toEqual(records)
    good(later.append("log", bytes(9)))
    expect(good(later.readLog("log"))).toEqual([...records, bytes(9)])
    expect(good(later.names())).toEqual(["log"])
  })

  it("removes values and logs, and begins them anew", () => {
    const { again, storage } = open()
    good(storage.write("a", bytes(1)))
    good(storage.append("b", bytes(1)))
    good(storage.append("b", bytes(2)))
    good(storage.remove("a"))
    good(storage.remove("b"))
    expect(good(storage.names())).toEqual([])
    good(storage.append("b", bytes(3)))
    expect(good(again().readLog("b"))).toEqual([bytes(3)])
  })

  it("keeps its own copies", () => {
    const { storage } = open()
    const given = bytes(1, 2)
    good(storage.write("a", given))
    good(storage.append("b", given))
    given.fill(9)
    expect(good(storage.read("a"))).toEqual(bytes(1, 2))
    expect(good(storage.readLog("b"))).toEqual([bytes(1, 2)])
    good(storage.read("a"))?.fill(9)
    expect(good(storage.read("a"))).toEqual(bytes(1, 2))
  })

  it("takes names of letters, digits and some signs", () => {
    const { storage } = open()
    const names = ["Chain-1", "states.0", "states.12", "_x", "0"].toSorted()
    for (const name of names) good(storage.write(name, bytes(1)))
    expect(good(storage.names())).toEqual(names)
  })

  it("does the same as a map, whatever is done in whatever order", () => {
    const name = FastCheck.constantFrom("a", "b", "c.1")
    const data = FastCheck.uint8Array({ maxLength: 40 })
    const step = FastCheck.oneof(
      FastCheck.record({ kind: FastCheck.constant("write" as const), name, data }),
      FastCheck.record({
        kind: FastCheck.constant("append" as const),
        name: FastCheck.constantFrom("l", "m.2"),
        data
      }),
      FastCheck.record({
        kind: FastCheck.constant("remove" as const),
        name: FastCheck.constantFrom("a", "b", "l"),
        data
      }),
      FastCheck.record({ kind: FastCheck.constant("again" as const), name, data })
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(step, { maxLength: 20 }), (steps) => {
        const ground = open()
        let { storage } = ground
        const values = new Map<string, Uint8Array>()
        const logs = new Map<string, Array<Uint8Array>>()
        for (const { data, kind, name } of steps) {
          if (kind === "write") {
            good(storage.write(name, data))
            values.set(name, data)
          } else if (kind === "append") {
            good(storage.append(name, data))
            logs.set(name, [...(logs.get(name) ?? []), data])
          } else if (kind === "remove") {
            good(storage.remove(name))
            values.delete(name)
            logs.delete(name)
          } else storage = ground.again()
        }
        expect(good(storage.names())).toEqual([...values.keys(), ...logs.keys()].toSorted())
        for (const [key, value] of values) expect(good(storage.read(key))).toEqual(value)
        for (const [key, log] of logs) expect(good(storage.readLog(key))).toEqual(log)
      }),
      { numRuns: 30, seed: 1 }
    )
  })
}
