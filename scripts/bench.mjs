// `npm run bench -- [--quick] [--readme] [theme…]`: what the library costs on this machine, measured from source; only
// the start of the command line is measured as it is built.
import { existsSync } from "node:fs"
import { join } from "node:path"
import { install, root } from "./bootstrap.mjs"

install()
if (!existsSync(join(root, "packages/node-cli/dist/bin.js"))) (await import("./build.mjs")).build()
const { runSource } = await import("./source.mjs")
process.exitCode = await runSource("transport", "bench/main.ts")
