/** How long the command line takes from nothing, as a user waits for it. */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { performance } from "node:perf_hooks"
import { fileURLToPath } from "node:url"
import * as Harness from "../../core/bench/Harness.js"

const bin = fileURLToPath(new URL("../../node-cli/dist/bin.js", import.meta.url))

interface Start {
  readonly name: string
  readonly arguments: ReadonlyArray<string>
  /** Ends the measurement when the program has written it; otherwise its end does. */
  readonly ready?: RegExp
  /** Milliseconds that it should not take. */
  readonly aim: number
}

const starts: ReadonlyArray<Start> = [
  { name: "aechannel --version", arguments: ["--version"], aim: 300 },
  {
    name: "aechannel node, until it is ready",
    arguments: ["node", "--port", "0", "--channel-port", "0"],
    ready: /^Ready/m,
    aim: 1000
  }
]

/** Milliseconds from the start of a process. */
const timeOf = ({ arguments: given, name, ready }: Start): Promise<number> =>
  new Promise((resolve, reject) => {
    const begin = performance.now()
    const child = spawn(process.execPath, [bin, ...given], { stdio: ["ignore", "pipe", "inherit"] })
    let out = ""
    let took: number | undefined
    child.stdout.on("data", (data) => {
      out += String(data)
      if (took !== undefined || ready?.test(out) !== true) return
      took = performance.now() - begin
      child.kill("SIGTERM")
    })
    child.on("error", reject)
    child.on("close", (code) => {
      if (ready === undefined && code === 0) took = performance.now() - begin
      if (took === undefined) reject(new Error(`${name} ended with ${code} and wrote: ${out}`))
      else resolve(took)
    })
  })

/** Milliseconds of one start. */
export interface Cold {
  readonly name: string
  readonly min: number
  readonly median: number
  readonly aim: number
}

export const measure = async ({ quick }: Harness.Options): Promise<ReadonlyArray<Cold>> => {
  if (!existsSync(bin)) throw new Error("packages/node-cli/dist/bin.js is missing: run `npm run build` first")
  const all = starts.map((start) => ({ start, times: new Array<number>() }))
  for (let i = 0; i < (quick ? 3 : 11); i++)
    for (const { start, times } of all) times.push(await timeOf(start))
  return all.map(({ start: { aim, name }, times }) => ({
    name,
    min: Math.min(...times),
    median: Harness.quantile(times, 0.5),
    aim
  }))
}

export const tables = (all: ReadonlyArray<Cold>): ReadonlyArray<Harness.Table> => [
  {
    title: "Cold start",
    heads: ["min ms", "median ms", "aim ms"],
    rows: all.map(({ aim, median, min, name }) => [name, min.toFixed(0), median.toFixed(0), `< ${aim}`])
  }
]

export const coldStart: Harness.Theme = {
  name: "cold-start",
  run: async (options) => tables(await measure(options))
}
