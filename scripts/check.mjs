// `npm run check`: types, lint and format, all three even when one fails.
import { bin, install, run } from "./bootstrap.mjs"

install()
const steps = [
  ["types", "tsc", ["-b"]],
  ["types of tests", "tsc", ["-p", "tsconfig.test.json"]],
  ["lint", "oxlint", ["-c", "oxlint.config.mjs", "--deny-warnings"]],
  ["format", "biome", ["format", "."]]
]
const failed = steps.filter(([, command, args]) => run(bin(command), args, { check: false }) !== 0)
for (const [name] of failed) console.error(`check failed: ${name}`)
process.exitCode = failed.length === 0 ? 0 : 1
