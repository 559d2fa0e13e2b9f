// One file for the command line: importing the unbundled libraries costs more time than most commands take.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { build } from "esbuild"
import { root } from "./bootstrap.mjs"

const { version } = JSON.parse(readFileSync(join(root, "packages/node-cli/package.json"), "utf8"))

await build({
  absWorkingDir: join(root, "packages/node-cli"),
  entryPoints: ["src/bin.ts"],
  outfile: "dist/bin.js",
  bundle: true,
  minify: true,
  keepNames: true,
  platform: "node",
  target: "node20",
  format: "esm",
  conditions: ["@aechannel/source"],
  external: ["ws"],
  define: { AECHANNEL_VERSION: JSON.stringify(version) },
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as aechannelRequire } from 'node:module';const require = aechannelRequire(import.meta.url);"
  },
  logLevel: "warning"
})
