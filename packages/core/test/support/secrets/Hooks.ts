/**
 * Lets a watch see what this process keeps secret and what it shows. Nothing of it changes what the watched functions do.
 */
import ChildProcess from "node:child_process"
import Fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join, sep } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import * as HashMap from "effect/HashMap"
import * as List from "effect/List"
import * as Option from "effect/Option"
import { gather } from "./Gather.js"
import type { Watch } from "./Watch.js"

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

type Around = (call: () => unknown, args: Array<unknown>, self: object) => unknown

/** Puts a function around a method; `call` calls the method with `args`, which may have been changed. */
const wrap = (owner: object, name: string, around: Around): void => {
  const original: unknown = Reflect.get(owner, name)
  if (typeof original !== "function") throw new Error(`secrets: ${name} is no longer there to be watched`)
  const wrapped = function (this: object, ...args: Array<unknown>): unknown {
    return around(() => Reflect.apply(original, this, args), args, this)
  }
  Reflect.set(owner, name, wrapped)
}

const before = (owner: object, name: string, look: (args: ReadonlyArray<unknown>, self: object) => void) =>
  wrap(owner, name, (call, args, self) => {
    look(args, self)
    return call()
  })

const prototypeOf = (value: object): object => Reflect.getPrototypeOf(value) ?? Object.prototype

/** Everything that `Redacted.make` wraps. */
const watchRedacted = (watch: Watch): void => {
  const registry = globalValue("effect/Redacted/redactedRegistry", () => new WeakMap<object, unknown>())
  before(registry, "set", ([, value]) => watch.learn(value))
}

const textOf = (chunk: unknown): string =>
  typeof chunk === "string" ? chunk : chunk instanceof Uint8Array ? Buffer.from(chunk).toString("utf8") : ""

/** While it is set, what is written to the console is seen by the watch alone. */
export const quiet = { on: false }

const watchConsole = (watch: Watch): void => {
  const streams = new Set<object>([process.stdout, process.stderr])
  for (const name of ["_stdout", "_stderr"]) {
    const stream: unknown = Reflect.get(globalThis.console, name)
    if (typeof stream === "object" && stream !== null) streams.add(stream)
  }
  for (const stream of streams)
    wrap(stream, "write", (call, [chunk]) => {
      watch.text("console", "standard output or error", textOf(chunk))
      return quiet.on ? true : call()
    })
}

/** Logs of every level, whatever loggers there are and whatever they leave out; failures of fibers are logged too. */
const watchFibers = (watch: Watch): void => {
  const read = (fiber: object, ref: object): unknown => {
    const get: unknown = Reflect.get(fiber, "getFiberRef")
    return typeof get === "function" ? Reflect.apply(get, fiber, [ref]) : undefined
  }
  before(prototypeOf(Effect.runFork(Effect.void)), "log", ([message, cause, level], fiber) => {
    const given = Option.isOption(level) && Option.isSome(level) ? level.value : undefined
    const about = [FiberRef.currentLogLevel, FiberRef.currentLogAnnotations, FiberRef.currentLogSpan]
    const [current, annotations, spans] = about.map((ref) => read(fiber, ref))
    const used = given ?? current
    const name = isObject(used) ? String(Reflect.get(used, "label")) : ""
    const entries = HashMap.isHashMap(annotations) ? [...annotations] : []
    const parts = [message, cause, entries, List.isList(spans) ? [...spans] : []]
    watch.text("log", `level ${name}`, gather(parts))
  })
}

const watchSpans = (watch: Watch): void => {
  const span = Effect.runSync(Effect.scoped(Effect.makeSpanScoped("secrets")))
  before(prototypeOf(span), "end", ([, exit], ended) => {
    const parts = ["name", "attributes", "events", "links"].map((key): unknown => Reflect.get(ended, key))
    const failure = Exit.isExit(exit) && Exit.isFailure(exit) ? exit.cause : undefined
    watch.text("span", String(Reflect.get(ended, "name")), gather([parts, failure]))
  })
}

/** Every error of Effect's kinds, ours among them, from the moment it is made, whether anybody shows it or not. */
const watchErrors = (watch: Watch): (() => void) => {
  const made: Array<Error> = []
  const seen = new WeakSet<object>()
  const flush = (): void => {
    for (const error of made.splice(0)) watch.text("error", error.name, gather(error, seen))
  }
  // The constructor of every such class ends with this one, before the fields are set.
  const recording = new Proxy(Error, {
    construct: (target, args, newTarget) => {
      if (made.length >= 256) flush()
      const error: Error = Reflect.construct(target, args, newTarget)
      made.push(error)
      return error
    }
  })
  const yieldable = Reflect.getPrototypeOf(Cause.NoSuchElementException) ?? Error
  if (Reflect.getPrototypeOf(yieldable) !== Error)
    throw new Error("secrets: Effect's errors changed their base")
  Reflect.setPrototypeOf(yieldable, recording)
  return flush
}

const filesAtMost = 1 << 24

/** Files in temporary folders, when they are removed or when `flush` is called. */
const watchFiles = (watch: Watch): (() => void) => {
  const folders = new Set<string>()
  const look = (path: string, root: string): void => {
    const stat = Fs.lstatSync(path, { throwIfNoEntry: false })
    if (stat?.isDirectory() === true) {
      for (const name of Fs.readdirSync(path)) if (name !== "node_modules") look(join(path, name), root)
    } else if (stat?.isFile() === true && stat.size <= filesAtMost) {
      watch.file(path.slice(dirname(root).length + 1).replaceAll(sep, "/"), Fs.readFileSync(path))
    }
  }
  const removed = ([path]: ReadonlyArray<unknown>): void => {
    if (typeof path !== "string") return
    for (const folder of folders) {
      if (path === folder || path.startsWith(folder + sep)) look(path, folder)
      if (path === folder) folders.delete(folder)
    }
  }
  const added = (folder: unknown): unknown => {
    if (typeof folder === "string") folders.add(folder)
    return folder
  }
  wrap(Fs, "mkdtempSync", (call) => added(call()))
  wrap(Fs, "mkdtemp", (call, args) => {
    const done = args.pop()
    args.push((error: unknown, folder: unknown) => {
      added(folder)
      if (typeof done === "function") done(error, folder)
    })
    return call()
  })
  wrap(Fs.promises, "mkdtemp", (call) => Promise.resolve(call()).then(added))
  for (const name of ["rm", "rmSync", "rmdir", "rmdirSync", "unlink", "unlinkSync"]) before(Fs, name, removed)
  for (const name of ["rm", "rmdir", "unlink"]) before(Fs.promises, name, removed)
  return () => {
    for (const folder of folders) look(folder, folder)
  }
}

const preload = fileURLToPath(new URL("child.mjs", import.meta.url))

/** What child processes print, and, as far as they are Node, what they keep secret. */
const watchProcesses = (watch: Watch): (() => void) => {
  const printed: Array<{ readonly name: string; readonly pieces: Array<Uint8Array> }> = []
  // The real one: this folder is not one of those that are looked into.
  const makeFolder = Fs.mkdtempSync
  let folder: string | undefined
  const told = (): string => (folder ??= makeFolder(join(tmpdir(), "aechannel-watch-")))
  watch.atEnd.push(() => {
    if (folder !== undefined) Fs.rmSync(folder, { recursive: true, force: true })
    folder = undefined
  })
  const withVariables = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
    ...env,
    NODE_OPTIONS: `${env["NODE_OPTIONS"] ?? ""} --import ${pathToFileURL(preload).href}`.trim(),
    AECHANNEL_SECRETS: told()
  })

  const record = (stream: unknown, name: string): void => {
    if (!isObject(stream)) return
    const pieces: Array<Uint8Array> = []
    printed.push({ name, pieces })
    // Whoever reads the stream, and however: this is the way in.
    before(stream, "push", ([chunk]) => {
      if (chunk instanceof Uint8Array) pieces.push(chunk)
    })
  }
  wrap(ChildProcess.ChildProcess.prototype, "spawn", (call, [options], child) => {
    const [pairs, words]: ReadonlyArray<unknown> = isObject(options)
      ? [Reflect.get(options, "envPairs"), Reflect.get(options, "args")]
      : []
    if (isObject(options) && Array.isArray(pairs)) {
      const env = Object.fromEntries(
        pairs.map((pair) => [String(pair).split("=", 1)[0], String(pair).replace(/^[^=]*=/, "")])
      )
      const all = Object.entries(withVariables(env)).map(([name, value]) => `${name}=${value}`)
      Reflect.set(options, "envPairs", all)
    }
    const name = Array.isArray(words) ? words.join(" ") : ""
    const result = call()
    for (const stream of ["stdout", "stderr"]) record(Reflect.get(child, stream), name)
    return result
  })
  for (const method of ["spawnSync", "execFileSync", "execSync"])
    wrap(ChildProcess, method, (call, args) => {
      const last = args.at(-1)
      const options = isObject(last) && !Array.isArray(last) ? { ...last } : {}
      if (isObject(last) && !Array.isArray(last)) args.pop()
      const env: unknown = Reflect.get(options, "env")
      args.push({ ...options, env: withVariables(isObject(env) ? { ...env } : process.env) })
      const result = call()
      const outputs: ReadonlyArray<unknown> =
        method === "spawnSync" && isObject(result)
          ? [Reflect.get(result, "stdout"), Reflect.get(result, "stderr")]
          : [result]
      const name = args.slice(0, -1).flat().join(" ")
      for (const output of outputs) watch.text("output of a process", name, textOf(output))
      return result
    })

  return () => {
    for (const { name, pieces } of printed)
      watch.text("output of a process", name, Buffer.concat(pieces.splice(0)).toString("utf8"))
    if (folder === undefined) return
    for (const name of Fs.readdirSync(folder))
      for (const line of Fs.readFileSync(join(folder, name), "utf8").split("\n")) {
        const bytes = Buffer.from(line.slice(1), "base64")
        if (line.startsWith("t")) watch.learn(bytes.toString("utf8"))
        if (line.startsWith("b")) watch.learn(new Uint8Array(bytes))
      }
  }
}

/** Everything above, for as long as this process lives. Call it once, before what is to be watched is loaded. */
export const install = (watch: Watch): void => {
  watchRedacted(watch)
  watchConsole(watch)
  watchFibers(watch)
  watchSpans(watch)
  // First the processes: they take what makes folders as it is.
  watch.beforeLook.push(watchProcesses(watch), watchErrors(watch), watchFiles(watch))
  syncBuiltinESMExports()
}
