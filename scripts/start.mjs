// `npm start`: install, build, and watch two parties open, update and close a channel on the embedded node.
import { join } from "node:path"
import { install, root, run } from "./bootstrap.mjs"
import { build } from "./build.mjs"

install()
build()
process.exitCode = run(
  process.execPath,
  [join(root, "packages/node-cli/dist/bin.js"), "demo", ...process.argv.slice(2)],
  {
    check: false
  }
)
