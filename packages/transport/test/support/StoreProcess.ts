/** Starts processes that work on a channel store. */
import { buildSync } from "esbuild"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const here = dirname(fileURLToPath(import.meta.url))
const packageDirectory = join(here, "..", "..")

/** A directory for one test file; `remove` when it is over. */
export const temporaryDirectory = (): { readonly path: string; readonly remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), "aechannel-store-"))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Builds a program of this folder, where it finds its packages; returns its file. */
export const buildChild = (name = "StoreChild"): { readonly path: string; readonly remove: () => void } => {
  const path = join(packageDirectory, "node_modules", ".cache", `${name}-${process.pid}.mjs`)
  buildSync({
    entryPoints: [join(here, `${name}.ts`)],
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["@aechannel/source"],
    // All else in one file: many processes are started, and most of their time goes into loading modules.
    external: ["lmdb", "ws"],
    banner: {
      js: "import { createRequire as aechannelRequire } from 'node:module';const require = aechannelRequire(import.meta.url);"
    },
    outfile: path,
    logLevel: "error"
  })
  return { path, remove: () => rmSync(path, { force: true }) }
}

/** A process that ended. */
export interface Ended {
  readonly lines: ReadonlyArray<string>
  readonly errors: string
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process; `onLine` is called with each line it says and their number so far. */
export const start = (
  command: string,
  args: ReadonlyArray<string>,
  onLine: (line: string, count: number, child: ChildProcess) => void = () => {}
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } => {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] })
  const lines: Array<string> = []
  let rest = ""
  let errors = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n")
    rest = parts.pop() ?? ""
    for (const line of parts) {
      lines.push(line)
      onLine(line, lines.length, child)
    }
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => resolve({ lines, errors, code, signal }))
  })
  return { child, ended }
}
