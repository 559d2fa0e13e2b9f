// `pnpm fuzz [--runs N] [--seed S] [target…]`: mutated inputs for every reader of the library.
import { install } from "./bootstrap.mjs"

install()
const { runSource } = await import("./source.mjs")
process.exitCode = await runSource("core", "fuzz/main.ts")
