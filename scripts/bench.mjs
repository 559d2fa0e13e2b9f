// `pnpm bench [--quick] [theme…]`: what the library costs on this machine, measured from source.
import { install } from "./bootstrap.mjs"

install()
const { runSource } = await import("./source.mjs")
process.exitCode = await runSource("transport", "bench/main.ts")
