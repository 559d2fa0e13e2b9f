/**
 * Ends the process when one input does not come to an end: then no exception and no budget can tell.
 */
import { Worker } from "node:worker_threads"

// Runs beside the fuzzed code, which may block its own thread for ever.
const script = `
const { workerData } = require("node:worker_threads")
const { writeSync } = require("node:fs")
const { shared, names, seed, limit } = workerData
const state = new Int32Array(shared)
let last = ""
let since = Date.now()
setInterval(() => {
  const now = state[0] + "/" + state[1]
  if (now !== last || state[0] < 0) { last = now; since = Date.now(); return }
  if (Date.now() - since < limit) return
  writeSync(2, "\\nFAILED " + names[state[0]] + ": run " + state[1] + " of seed " + seed + " does not end; repeat it with --seed " + seed + " --only " + state[1] + " " + names[state[0]] + "\\n")
  process.kill(process.pid, "SIGKILL")
}, 500)
`

export interface Watchdog {
  readonly onRun: (target: number, run: number) => void
  readonly stop: () => Promise<void>
}

/** Watches runs; `limit` in milliseconds is what one may take before the process is ended. */
export const start = (names: ReadonlyArray<string>, seed: number, limit: number): Watchdog => {
  const shared = new SharedArrayBuffer(8)
  const state = new Int32Array(shared)
  state[0] = -1
  const worker = new Worker(script, { eval: true, workerData: { shared, names, seed, limit } })
  worker.unref()
  return {
    onRun: (target, run) => {
      state[1] = run
      state[0] = target
    },
    stop: async () => {
      state[0] = -1
      await worker.terminate()
    }
  }
}
