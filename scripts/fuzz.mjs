// `pnpm fuzz [--runs N] [--seconds N] [--seed S] [target…]`: mutated inputs for every reader of the library.
import { install } from "./bootstrap.mjs"

install()
const { runSource } = await import("./source.mjs")
// Where memory is looked at, collecting it must not be put off.
const limits = process.argv.includes("--seconds")
  ? ["--max-old-space-size=128", "--max-semi-space-size=8"]
  : []
process.exitCode = await runSource("core", "fuzz/main.ts", limits)
