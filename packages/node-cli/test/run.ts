/** `aechannel run` as a child process, with its lines read. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { expect } from "vitest"
import * as Program from "../src/run/Program.js"

export const packageFolder = fileURLToPath(new URL("../", import.meta.url))
const bin = join(packageFolder, "dist/bin.js")

/** One line of `--json`. */
export type Line = Record<string, unknown> & { readonly type: string }

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly lines: ReadonlyArray<Line>
}

export interface Session {
  readonly process: ChildProcess
  readonly write: (text: string) => void
  readonly end: () => void
  /** The next line that fits; rejects when the process ends before. */
  readonly next: (fits: (line: Line) => boolean) => Promise<Line>
  readonly ended: Promise<Ended>
}

const linesOf = (out: string): ReadonlyArray<Line> =>
  out
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line): Line => JSON.parse(line))

export interface Options {
  readonly env?: Record<string, string>
  readonly cwd?: string
}

export const session = (args: ReadonlyArray<string>, options: Options = {}): Session => {
  const child = spawn(process.execPath, [bin, "run", ...args], {
    stdio: "pipe",
    cwd: options.cwd ?? packageFolder,
    env: { ...process.env, ...options.env }
  })
  let out = ""
  let err = ""
  let taken = 0
  const watchers = new Set<() => void>()
  child.stdout.on("data", (data) => {
    out += String(data)
    for (const watcher of watchers) watcher()
  })
  child.stderr.on("data", (data) => {
    err += String(data)
  })
  // A run that failed does not read on.
  child.stdin.on("error", () => undefined)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code) =>
      resolve({ code, out, err, lines: args.includes("--json") ? linesOf(out) : [] })
    )
  })
  return {
    process: child,
    write: (text) => void child.stdin.write(text),
    end: () => void child.stdin.end(),
    next: (fits) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const complete = linesOf(out.slice(0, out.lastIndexOf("\n") + 1))
          const index = complete.findIndex((line, place) => place >= taken && fits(line))
          const found = complete[index]
          if (found === undefined) return
          taken = index + 1
          watchers.delete(look)
          resolve(found)
        }
        watchers.add(look)
        look()
        void ended.then((end) => reject(new Error(`ended before: ${JSON.stringify(end)}`)))
      }),
    ended
  }
}

export const run = (args: ReadonlyArray<string>, input = "", options: Options = {}): Promise<Ended> => {
  const running = session(args, options)
  running.write(input)
  running.end()
  return running.ended
}

export const folder = (): string => mkdtempSync(join(tmpdir(), "aechannel-run-"))

export const head = `parties:
  Alice: { role: initiator, deposit: 10 AE }
  Bob: { role: responder, deposit: 10 AE }
`

/** Steps of the usual two parties, as a script. */
export const script = (steps: string): string =>
  `${head}steps:\n  - open\n${steps.replaceAll(/^(?=.)/gm, "  ")}`

/**
 * Runs a script in this process, as the command does: a child process for each of many small scripts takes too long.
 * What the command line adds (the name before the message, the exit code) is added here too.
 */
export const runHere = async (args: {
  readonly script: string
  readonly url?: string
  readonly httpUrl?: string
  readonly networkId?: string
  readonly keyFiles?: ReadonlyArray<string>
  readonly json?: boolean
}): Promise<Ended> => {
  let out = ""
  const log = (...lines: ReadonlyArray<unknown>) => Effect.sync(() => void (out += `${lines.join(" ")}\n`))
  const console = await Effect.runPromise(Console.consoleWith(Effect.succeed))
  const exit = await Effect.runPromiseExit(
    Program.run({
      url: undefined,
      httpUrl: undefined,
      networkId: undefined,
      keyFiles: [],
      json: false,
      quiet: true,
      keepGoing: false,
      ...args
    }).pipe(Effect.provide(NodeContext.layer), Console.withConsole({ ...console, log }))
  )
  const failure = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return {
    code: failure === undefined ? 0 : 1,
    out,
    err:
      failure === undefined
        ? ""
        : `aechannel: ${failure instanceof Error ? failure.message : String(failure)}\n`,
    lines: args.json === true ? linesOf(out) : []
  }
}

/** The same with the script's text. */
export const runTextHere = (text: string, options: { readonly json?: boolean } = {}): Promise<Ended> => {
  const file = join(folder(), "script.yaml")
  writeFileSync(file, text)
  return runHere({ script: file, ...options })
}

/** Runs a text as a script file. */
export const runText = (text: string, ...args: ReadonlyArray<string>): Promise<Ended> => {
  const file = join(folder(), "script.yaml")
  writeFileSync(file, text)
  return run([file, ...args])
}

/** It did what it says: nothing failed, nothing was complained about. */
export const expectSuccess = ({ code, err, out }: Ended): void => {
  expect(`${err}${code === 0 ? "" : out}`).toBe("")
  expect(code).toBe(0)
}

/** It ended with one readable paragraph. */
export const expectFailure = ({ code, err }: Ended): string => {
  expect(code).toBe(1)
  expect(err).toMatch(/^aechannel: .+\n$/)
  expect(err).not.toMatch(/\n\s+at /)
  return err
}

export const example = (name: string): string => join(packageFolder, "examples", name)

export const read = (name: string): string => readFileSync(join(packageFolder, name), "utf8")
