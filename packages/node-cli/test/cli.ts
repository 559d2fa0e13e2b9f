/** The built command line as a child process. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly process: ChildProcess
  /** Ends when the output has such a line; rejects when the process ends before. */
  readonly line: (pattern: RegExp) => Promise<RegExpExecArray>
  readonly ended: Promise<Ended>
}

export const start = (...args: ReadonlyArray<string>): Running => {
  if (!existsSync(bin)) throw new Error("packages/node-cli/dist/bin.js is missing: run `npm run build` first")
  const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "pipe"] })
  let out = ""
  let err = ""
  const watchers = new Set<() => void>()
  child.stdout.on("data", (data) => {
    out += String(data)
    for (const watcher of watchers) watcher()
  })
  child.stderr.on("data", (data) => {
    err += String(data)
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => resolve({ code, signal, out, err }))
  })
  const line = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(out)
        if (found === null) return
        watchers.delete(look)
        resolve(found)
      }
      watchers.add(look)
      look()
      void ended.then((end) => reject(new Error(`ended before ${pattern}: ${JSON.stringify(end)}`)))
    })
  return { process: child, line, ended }
}

export const run = (...args: ReadonlyArray<string>): Promise<Ended> => start(...args).ended
