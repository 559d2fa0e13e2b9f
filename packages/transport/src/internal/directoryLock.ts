/**
 * One process for a directory: a file that names the process which has it. The lock of a process that is gone is taken
 * over; a process is known by its number and the time of its start, since numbers come again.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Crypto from "node:crypto"
import { codeOf, fileMode } from "./files.js"

interface Owner {
  readonly pid: number
  /** Where the system tells: the boot and the tick at which the process began. */
  readonly started: string | null
  readonly id: string
}

const read = (path: string): string | undefined => {
  try {
    return Fs.readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

/** Field 22 of Linux' `stat`; the name in field 2 may hold blanks and parentheses. */
const startOf = (pid: number): string | null => {
  const stat = read(`/proc/${pid}/stat`)
  const boot = read("/proc/sys/kernel/random/boot_id")
  if (stat === undefined || boot === undefined) return null
  const tick = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
  return tick === undefined ? null : `${boot.trim()} ${tick}`
}

const ownerOf = (text: string): Owner | undefined => {
  const [pid, started, id] = text.trimEnd().split("\n")
  if (pid === undefined || started === undefined || id === undefined || !/^[0-9]+$/.test(pid))
    return undefined
  return { pid: Number(pid), started: started === "" ? null : started, id }
}

const textOf = ({ id, pid, started }: Owner): string => `${pid}\n${started ?? ""}\n${id}\n`

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // There is one, of another user.
    return codeOf(cause) === "EPERM"
  }
}

/** Locks that this process has; one that names this process and is not among them is of an earlier one. */
const own = new Set<string>()

const isAlive = (owner: Owner): boolean => {
  if (owner.pid === process.pid) return own.has(owner.id)
  if (!exists(owner.pid)) return false
  const started = startOf(owner.pid)
  return started === null || owner.started === null || started === owner.started
}

/** Another process has the directory. */
export class LockedError extends Error {
  constructor(pid: number, path: string) {
    super(
      `process ${pid} uses it; stop that one first, or take another directory (if there is no such process, remove ${path})`
    )
  }
}

/** Whether the file was made; it is there whole or not at all. */
const put = (from: string, path: string): boolean => {
  try {
    Fs.linkSync(from, path)
    return true
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false
    throw cause
  }
}

/** Removes the lock of a process that is gone, unless somebody else has taken it over meanwhile. */
const removeStale = (path: string, stale: string, id: string): void => {
  const aside = `${path}.${id}.stale`
  try {
    Fs.renameSync(path, aside)
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return
    throw cause
  }
  if (read(aside) !== stale) put(aside, path)
  Fs.rmSync(aside, { force: true })
}

/** Takes the lock, and gives what releases it. Throws `LockedError` when a running process has it. */
export const acquire = (directory: string): (() => void) => {
  const path = Path.join(directory, "lock")
  const id = Crypto.randomBytes(8).toString("hex")
  const mine = `${path}.${id}`
  own.add(id)
  try {
    Fs.writeFileSync(mine, textOf({ pid: process.pid, started: startOf(process.pid), id }), {
      mode: fileMode
    })
    while (!put(mine, path)) {
      const text = read(path)
      if (text === undefined) continue
      const owner = ownerOf(text)
      if (owner !== undefined && isAlive(owner)) throw new LockedError(owner.pid, path)
      removeStale(path, text, id)
    }
  } catch (cause) {
    own.delete(id)
    throw cause
  } finally {
    Fs.rmSync(mine, { force: true })
  }
  return () => {
    own.delete(id)
    const text = read(path)
    if (text !== undefined && ownerOf(text)?.id === id) Fs.rmSync(path, { force: true })
  }
}
