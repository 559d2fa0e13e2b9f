// Builds the three packages: declarations and modules with tsc, the command line as one bundle.
import { existsSync } from "node:fs"
import { join } from "node:path"
import { bin, install, root, run } from "./bootstrap.mjs"

export const build = () => {
  run(bin("tsc"), ["-b", "packages/node-cli"])
  const entry = join(root, "packages/node-cli/src/bin.ts")
  if (existsSync(entry)) run("node", [join(root, "scripts/bundle.mjs")])
}

if (process.argv[1] === import.meta.filename) {
  install()
  build()
}
