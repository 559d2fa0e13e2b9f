/** The built command line with something on its standard input. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../dist/bin.js", import.meta.url))

export const piped = (
  input: string,
  ...args: ReadonlyArray<string>
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { stdio: "pipe" })
    let out = ""
    let err = ""
    child.stdout.on("data", (data) => (out += String(data)))
    child.stderr.on("data", (data) => (err += String(data)))
    // Who does not read its input may be gone before it is written.
    child.stdin.on("error", () => undefined)
    child.stdin.end(input)
    child.on("error", reject)
    child.on("close", (code) => resolve({ code, out, err }))
  })
