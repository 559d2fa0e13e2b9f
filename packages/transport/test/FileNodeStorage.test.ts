import { NodeStorageError } from "@aechannel/core/node/NodeStorage"
import { afterEach, describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { good, suite } from "../../core/test/support/NodeStorageSuite.js"
import * as FileNodeStorage from "../src/FileNodeStorage.js"
import { type Files, files } from "../src/internal/files.js"

const grounds: Array<string> = []
const ground = (): string => {
  const directory = Fs.mkdtempSync(join(tmpdir(), "aechannel-storage-"))
  grounds.push(directory)
  return directory
}
afterEach(() => {
  for (const directory of grounds.splice(0)) Fs.rmSync(directory, { recursive: true })
})

/** Without the lock, which is tested by itself. */
const over = (directory: string, io: Files = files) => FileNodeStorage.overFiles(directory, io).storage

const record = (n: number) => new Uint8Array(10 + n).fill(n)
const write = (directory: string, count: number): void => {
  const storage = over(directory)
  for (let n = 0; n < count; n++) good(storage.append("log", record(n)))
}
const logOf = (directory: string) => join(directory, "log.log")
const records = (count: number) => Array.from({ length: count }, (_, n) => record(n))

describe("FileNodeStorage", () => {
  suite(() => {
    const directory = ground()
    return { storage: over(directory), again: () => over(directory) }
  })

  it("I10: cuts a torn last record at every length, and goes on behind the one before it", () => {
    const directory = ground()
    write(directory, 3)
    const whole = Fs.readFileSync(logOf(directory))
    good(over(directory).append("log", record(3)))
    const longer = Fs.readFileSync(logOf(directory))
    for (let length = whole.length; length < longer.length; length++) {
      Fs.writeFileSync(logOf(directory), longer.subarray(0, length))
      const torn = over(directory)
      expect(good(torn.readLog("log"))).toEqual(records(3))
      good(torn.append("log", record(3)))
      expect(Fs.readFileSync(logOf(directory)).equals(longer)).toBe(true)
    }
    console.log(`a record torn at each of ${longer.length - whole.length} lengths`)
  })

  it("I10: begins anew where not even the mark of a log was finished", () => {
    for (let length = 0; length < 8; length++) {
      const directory = ground()
      write(directory, 1)
      Fs.truncateSync(logOf(directory), length)
      expect(good(over(directory).readLog("log"))).toEqual([])
      write(directory, 2)
      expect(good(over(directory).readLog("log"))).toEqual(records(2))
    }
  })

  it("I10: cuts what stands behind the last record and is none", () => {
    for (const garbage of [
      new Uint8Array(1),
      new Uint8Array(4096),
      new Uint8Array(500).fill(255),
      Uint8Array.from({ length: 3000 }, (_, n) => (n * 97) % 251)
    ]) {
      const directory = ground()
      write(directory, 3)
      const good3 = Fs.readFileSync(logOf(directory))
      Fs.appendFileSync(logOf(directory), garbage)
      expect(good(over(directory).readLog("log"))).toEqual(records(3))
      good(over(directory).append("log", record(3)))
      expect(good(over(directory).readLog("log"))).toEqual(records(4))
      expect(good3.equals(Fs.readFileSync(logOf(directory)).subarray(0, good3.length))).toBe(true)
    }
  })

  it("I10: a changed byte of the last record drops that one; one before it is damage, and nothing is cut", () => {
    const directory = ground()
    write(directory, 4)
    const whole = Fs.readFileSync(logOf(directory))
    const last = whole.length - 16 - record(3).length
    let damaged = 0
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 1
      Fs.writeFileSync(logOf(directory), changed)
      const read = over(directory).readLog("log")
      if (at >= last) expect(good(read)).toEqual(records(3))
      else {
        expect(read).toBeInstanceOf(NodeStorageError)
        expect(over(directory).append("log", record(9))).toBeInstanceOf(NodeStorageError)
        expect(Fs.readFileSync(logOf(directory)).equals(changed)).toBe(true)
        damaged += 1
      }
    }
    console.log(
      `${whole.length} changed bytes: ${damaged} refused, ${whole.length - damaged} in the last record`
    )
  })

  it("a half-written replacement of a value is not looked at", () => {
    const directory = ground()
    good(over(directory).write("a", record(1)))
    Fs.writeFileSync(join(directory, "a.value.part"), "half")
    expect(good(over(directory).read("a"))).toEqual(record(1))
    expect(good(over(directory).names())).toEqual(["a"])
    good(over(directory).write("a", record(2)))
    expect(good(over(directory).read("a"))).toEqual(record(2))
  })

  it("what is written is for its owner only", () => {
    const directory = join(ground(), "made", "here")
    Effect.runSync(
      Effect.scoped(
        Effect.map(FileNodeStorage.make({ directory }), (storage) => {
          good(storage.write("a", record(1)))
          good(storage.append("b", record(1)))
          const modes = Fs.readdirSync(directory).map(
            (name) => Fs.statSync(join(directory, name)).mode & 0o777
          )
          expect(modes).toEqual([0o600, 0o600, 0o600])
          expect(Fs.statSync(directory).mode & 0o777).toBe(0o700)
        })
      )
    )
  })

  it("names that are none are refused", () => {
    const storage = over(ground())
    for (const name of ["", ".", "..", "../a", "a/b", ".a", "a b", "é", "a".repeat(300)])
      expect(storage.write(name, record(1))).toBeInstanceOf(NodeStorageError)
  })

  for (const code of ["ENOSPC", "EIO"])
    it(`a disk that fails with ${code} at any call changes nothing that was kept`, () => {
      const calls = ["openSync", "writeSync", "fsyncSync", "renameSync", "ftruncateSync", "rmSync"] as const
      let failures = 0
      for (let k = 1; ; k++) {
        const directory = ground()
        write(directory, 2)
        good(over(directory).write("a", record(1)))
        let left = k
        const fail = (): void => {
          left -= 1
          if (left === 0) throw Object.assign(new Error(`${code}: no such luck`), { code })
        }
        const io: Files = { ...files }
        for (const name of calls)
          Object.assign(io, {
            [name]: (...given: ReadonlyArray<unknown>) => {
              // A full disk takes a part before it takes no more.
              if (name === "writeSync" && left === 1)
                Fs.writeSync(Number(given[0]), Buffer.from("part"), 0, 4, Number(given[4]))
              fail()
              return Reflect.apply(files[name], undefined, [...given])
            }
          })
        const storage = over(directory, io)
        const results = [
          storage.append("log", record(2)),
          storage.write("a", record(2)),
          storage.append("log", record(3))
        ]
        const failed = results.filter((result) => result instanceof NodeStorageError)
        if (left > 0) break
        failures += 1
        expect(failed).toHaveLength(1)
        expect(failed[0]?.message).toMatch(code === "ENOSPC" ? /no space left/ : /EIO/)
        const expected = [
          0,
          1,
          ...(results[0] === undefined ? [2] : []),
          ...(results[2] === undefined ? [3] : [])
        ]
        const found = good(over(directory).readLog("log"))
        expect(found).toEqual(expected.map(record))
        const value = good(over(directory).read("a"))
        // The replacement may be there although its directory could not be synced.
        expect([record(1), record(2)]).toContainEqual(value)
        if (results[1] === undefined) expect(value).toEqual(record(2))
      }
      console.log(`${code} at each of ${failures} calls`)
      expect(failures).toBeGreaterThan(10)
    })

  it.effect("belongs to one at a time", () =>
    Effect.gen(function* () {
      const directory = ground()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* FileNodeStorage.make({ directory })
          const error = yield* Effect.flip(Effect.scoped(FileNodeStorage.make({ directory })))
          expect(error.operation).toBe("open")
          expect(error.message).toMatch(new RegExp(`process ${process.pid} uses it`))
        })
      )
      yield* Effect.scoped(FileNodeStorage.make({ directory }))
      expect(Fs.readdirSync(directory)).toEqual([])
    })
  )

  it.effect("takes over the lock of a process that is gone, also when its number is used again", () =>
    Effect.gen(function* () {
      const gone = spawnSync(process.execPath, ["-e", ""]).pid
      for (const lock of [
        `${gone}\n\nabc\n`,
        `${process.pid}\nother boot 1\nabc\n`,
        `1\nother boot 1\nabc\n`,
        "rubbish"
      ]) {
        const directory = ground()
        Fs.writeFileSync(join(directory, "lock"), lock)
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* FileNodeStorage.make({ directory })
            expect(yield* Effect.flip(Effect.scoped(FileNodeStorage.make({ directory })))).toMatchObject({
              operation: "open"
            })
          })
        )
        expect(Fs.readdirSync(directory)).toEqual([])
      }
    })
  )

  it.effect("a directory that cannot be is an error", () =>
    Effect.gen(function* () {
      const file = join(ground(), "file")
      Fs.writeFileSync(file, "")
      for (const directory of [file, join(file, "below")])
        expect(
          yield* Effect.flip(Effect.scoped(Layer.build(FileNodeStorage.layer({ directory }))))
        ).toBeInstanceOf(NodeStorageError)
    })
  )

  it("I10: a process that is killed at any time has lost nothing it had said to be durable", async () => {
    const built = new URL("../dist/FileNodeStorage.js", import.meta.url)
    if (!Fs.existsSync(fileURLToPath(built)))
      throw new Error("packages/transport/dist is missing: build first")
    const program = `
      import { make } from ${JSON.stringify(built.href)}
      import { Effect } from "effect"
      const storage = Effect.runSync(Effect.scoped(Effect.flatMap(make({ directory: process.argv[1] }), (storage) => {
        for (let n = Number(process.argv[2]); ; n++) {
          storage.append("log", new Uint8Array(8 + n % 3000).fill(n % 256))
          storage.write("value", new TextEncoder().encode(String(n)))
          process.stdout.write(n + "\\n")
          if (n === 1e6) return Effect.void
        }
      })))`
    const directory = ground()
    let total = 0
    for (let run = 0; run < 3; run++) {
      const child = spawn(
        process.execPath,
        ["--input-type=module", "-e", program, directory, String(total)],
        { stdio: ["ignore", "pipe", "inherit"], cwd: fileURLToPath(new URL("..", import.meta.url)) }
      )
      let said = ""
      child.stdout.on("data", (data) => {
        said += String(data)
        if (said.length > 100 + run * 37) child.kill("SIGKILL")
      })
      await new Promise((resolve) => child.on("close", resolve))
      const last = Number(said.trimEnd().split("\n").at(-1))
      const storage = over(directory)
      const log = good(storage.readLog("log"))
      expect(log.length).toBeGreaterThan(last)
      expect(log).toEqual(log.map((_, n) => new Uint8Array(8 + (n % 3000)).fill(n % 256)))
      expect(Number(new TextDecoder().decode(good(storage.read("value"))))).toBeGreaterThanOrEqual(last)
      total = log.length
    }
    console.log(`killed 3 times, ${total} records kept`)
  })
})
