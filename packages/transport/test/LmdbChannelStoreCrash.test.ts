/** A store on disk whose process is killed, whose disk is full, whose file is damaged, and which several share. */
import { Crypto } from "@aechannel/core/crypto/Crypto"
import { TestCrypto } from "@aechannel/core/testing"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fs from "node:fs"
import { join } from "node:path"
import * as LmdbChannelStore from "../src/LmdbChannelStore.js"
import { buildChild, type Ended, start, temporaryDirectory } from "./support/StoreProcess.js"
import { recordOf, records } from "./support/StoreRecords.js"

const { path: directory, remove } = temporaryDirectory()
const child = buildChild()
afterAll(() => {
  remove()
  child.remove()
})

let files = 0
const newPath = (): string => join(directory, `channels-${files++}.db`)

const openAt = (path: string) =>
  Effect.provideService(LmdbChannelStore.make({ path }), Crypto, TestCrypto.seeded("store"))

const inNode = (args: ReadonlyArray<string>, onLine?: Parameters<typeof start>[2]): Promise<Ended> =>
  start(process.execPath, [child.path, ...args], onLine).ended

/** The version that is stored; the record is the one that was written with it. */
const versionIn = (path: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const stored = yield* Effect.flatMap(openAt(path), (store) => store.read(recordOf(0)))
      const { record, version = 0 } = stored ?? {}
      if (record !== undefined) {
        expect(record.round).toBe(version)
        expect(record.trees).toStrictEqual(recordOf(version).trees)
      }
      return version
    })
  )

describe("LmdbChannelStore and processes that die", () => {
  it.live(
    "I10: kill -9 after any write loses nothing that was acknowledged",
    () =>
      Effect.gen(function* () {
        const points = [0, 1, 2, 3, 4, 5, 7, 10, 13, 17, 22, 30, 41, 55, 74, 100]
        let lost = 0
        let ahead = 0
        const path = newPath()
        let last = 0
        for (const point of points) {
          const { lines, signal } = yield* Effect.promise(() =>
            inNode(["write", path, "100000"], (_, count, process) => {
              // Some of the time in the middle of the next write, some of the time later.
              if (count > point) process.kill("SIGKILL")
            })
          )
          expect(signal).toBe("SIGKILL")
          const acknowledged = Number(lines.at(-1))
          const version = yield* versionIn(path)
          expect(acknowledged).toBe(last + lines.length)
          if (version < acknowledged) lost += 1
          if (version > acknowledged) ahead += 1
          expect(version - acknowledged).toBeLessThanOrEqual(1)
          last = version
        }
        expect(lost).toBe(0)
        console.log(
          `kill -9 at ${points.length} points of writing, ${last} writes: none lost, ${ahead} written and not yet acknowledged`
        )
      }),
    120_000
  )

  it.live(
    "I10: kill -9 while the file is made and opened leaves none or a good one",
    () =>
      Effect.gen(function* () {
        const killed: Array<string> = []
        for (let milliseconds = 0; milliseconds < 160; milliseconds += 10) {
          const path = newPath()
          const { lines } = yield* Effect.promise(() =>
            inNode(["start", path, "100000"], (line, count, process) => {
              if (line === "ready") setTimeout(() => process.kill("SIGKILL"), milliseconds)
              if (count > 5) process.kill("SIGKILL")
            })
          )
          killed.push(!fs.existsSync(path) ? "no file" : lines.length === 1 ? "no write" : "writing")
          const version = yield* versionIn(path)
          expect(version).toBeGreaterThanOrEqual(Number(lines.slice(1).at(-1) ?? 0))
        }
        console.log(`kill -9 at ${killed.length} moments of the start: ${killed.join(", ")}`)
      }),
    120_000
  )

  it.live(
    "I11: processes that take the lease from each other never both write a version",
    () =>
      Effect.gen(function* () {
        const path = newPath()
        const ended = yield* Effect.promise(() =>
          Promise.all([1, 2, 3].map(() => inNode(["fight", path, "40"])))
        )
        const lines = ended.flatMap((each) => each.lines)
        for (const { code, errors } of ended) expect({ code, errors }).toEqual({ code: 0, errors: "" })
        const written = lines
          .filter((line) => line.startsWith("wrote"))
          .map((line) => line.split(" ").slice(1).map(Number))
          .sort(([a = 0], [b = 0]) => a - b)
        expect(written.map(([version]) => version)).toEqual(Array.from({ length: 120 }, (_, i) => i + 1))
        // The later version has the later claim.
        const fences = written.map(([, fence = 0]) => fence)
        expect(fences).toEqual([...fences].sort((a, b) => a - b))
        const lost = lines.filter((line) => line === "lost lease_lost").length
        expect(lines.filter((line) => line.startsWith("lost")).length).toBe(lost)
        expect(yield* versionIn(path)).toBe(120)
        console.log(
          `three processes: 120 writes, ${new Set(fences).size} claims that wrote, ${lost} leases lost`
        )
      }),
    120_000
  )
})

describe("LmdbChannelStore and disks that fail", () => {
  it.live.skipIf(process.platform === "win32")(
    "a disk that is full is a typed error; what was written stays, and writing goes on when there is room",
    () =>
      Effect.gen(function* () {
        const path = newPath()
        // The file may have 512 kilobytes; the process is told so as by a full disk.
        const { code, lines } = yield* Effect.promise(
          () =>
            start("bash", ["-c", `ulimit -f 512; exec "$0" "$@"`, process.execPath, child.path, "fill", path])
              .ended
        )
        expect(code).toBe(0)
        const [failed, holds] = lines.slice(-2)
        const acknowledged = lines.length - 2
        expect(acknowledged).toBeGreaterThan(0)
        expect(failed).toMatch(
          /^failed write the (file may not grow any further|disk is full or does not work)/
        )
        expect(holds).toBe(`holds ${acknowledged} ${acknowledged}`)
        const again = yield* Effect.promise(() => inNode(["write", path, "50"]))
        expect(again.code).toBe(0)
        expect(yield* versionIn(path)).toBe(acknowledged + 50)
      }),
    60_000
  )
})

describe("LmdbChannelStore and damaged files", () => {
  /** A file with three versions of every record; what each of the damaged copies is called says what was done. */
  const good = Effect.gen(function* () {
    const path = newPath()
    yield* Effect.scoped(
      Effect.gen(function* () {
        const store = yield* openAt(path)
        for (const version of [0, 1, 2])
          for (const [index, record] of records.entries())
            yield* store.write(recordOf(version + 1, index), {
              version,
              fence: version === 0 ? yield* store.claim(record) : 1
            })
      })
    )
    return new Uint8Array(fs.readFileSync(path))
  })

  /** What became of each file; a process that dies of one is followed by another one for the rest. */
  const look = (damaged: ReadonlyMap<string, Uint8Array>) =>
    Effect.promise(async () => {
      const place = join(directory, `damaged-${files++}`)
      fs.mkdirSync(place)
      for (const [name, bytes] of damaged) fs.writeFileSync(join(place, name), bytes, { mode: 0o600 })
      const found = new Map<string, string>()
      for (let names = [...damaged.keys()]; names.length > 0; ) {
        const { lines, signal, code } = await inNode(["probe", place, ...names])
        for (const line of lines) {
          const [word, name = "", outcome = ""] = line.split(" ")
          if (word === "found") found.set(name, outcome)
        }
        const next = names.findIndex((name) => !found.has(name))
        if (next < 0) break
        found.set(names[next] ?? "", `died:${signal ?? code}`)
        names = names.slice(next + 1)
      }
      return found
    })

  const tallyOf = (found: ReadonlyMap<string, string>): string => {
    const tally: Record<string, number> = {}
    for (const outcome of found.values()) tally[outcome] = (tally[outcome] ?? 0) + 1
    return Object.entries(tally)
      .map(([outcome, count]) => `${outcome} ${count}`)
      .sort()
      .join(", ")
  }

  it.live(
    "I10: a file that was cut short is right or refused, and nothing in it is old or wrong",
    () =>
      Effect.gen(function* () {
        const bytes = yield* good
        const lengths = new Set([1, 24, 100, 4095, 4096, 8191, 8192])
        for (let i = 1; i <= 40; i++) lengths.add(Math.floor((bytes.length * i) / 41))
        for (const behind of [1, 100, 4096, 5000, 8192]) lengths.add(bytes.length - behind)
        const found = yield* look(
          new Map([...lengths].map((length) => [`cut-${length}`, bytes.subarray(0, length)]))
        )
        console.log(`${found.size} cuts of a file of ${bytes.length} bytes: ${tallyOf(found)}`)
        for (const [name, outcome] of found)
          expect([name, outcome]).toEqual([name, expect.stringMatching(safe)])
        expect([...found.values()].filter((outcome) => outcome === "open:corrupt").length).toBeGreaterThan(40)
      }),
    120_000
  )

  it.live(
    "I10: a flipped byte is found or does no harm, and no record is missed, old or wrong",
    () =>
      Effect.gen(function* () {
        const bytes = yield* good
        const flips = new Map([["same", bytes]])
        const flip = (at: number): void => {
          const copy = bytes.slice()
          copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8))
          flips.set(`flip-${at}`, copy)
        }
        const pages = bytes.length / 4096
        for (let page = 0; page < pages; page++) {
          for (const at of [0, 1, 8, 18, 20, 21, 22, 23, 24, 25, 27]) flip(page * 4096 + at)
          for (let i = 1; i <= 6; i++) flip(page * 4096 + ((i * 631 + page * 37) % 4096))
        }
        for (let at = 24; at < 160; at += 3) flip(at + 4096 * (at % 2))
        const found = yield* look(flips)
        expect(found.get("same")).toBe("right")
        console.log(`${found.size - 1} flipped bits in ${pages} pages: ${tallyOf(found)}`)
        for (const [name, outcome] of found)
          expect([name, outcome]).toEqual([name, expect.stringMatching(safe)])
      }),
    240_000
  )
})

/** Records that are right, or a typed error for some of them, for the whole file, or for the write that followed. */
const safe =
  /^(right|corrupt|corrupt\+right|right\+unsupported|unsupported|(open|claim|write):(corrupt|unsupported|read|write))$/
