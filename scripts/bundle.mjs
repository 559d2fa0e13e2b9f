// The command line in two files: importing the unbundled libraries costs more time than most commands take, and the
// entry (`--version`) needs none of them.
import { readFileSync, readdirSync, rmSync } from "node:fs"
import { basename, join } from "node:path"
import { build } from "esbuild"
import { root } from "./bootstrap.mjs"

const folder = join(root, "packages/node-cli")
const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))

const { metafile } = await build({
  absWorkingDir: folder,
  entryPoints: ["src/bin.ts"],
  outdir: "dist",
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  metafile: true,
  // Identifiers stay: names of functions are part of messages, and keeping them by `keepNames` costs each closure a table.
  minifyWhitespace: true,
  minifySyntax: true,
  platform: "node",
  target: "node20",
  format: "esm",
  conditions: ["@aechannel/source"],
  external: ["ws", "lmdb"],
  define: { AECHANNEL_VERSION: JSON.stringify(version) },
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as aechannelRequire } from 'node:module';const require = aechannelRequire(import.meta.url);"
  },
  logLevel: "warning"
})

const current = new Set(Object.keys(metafile.outputs).map((file) => basename(file)))
for (const file of readdirSync(join(folder, "dist/chunks")))
  if (!current.has(file)) rmSync(join(folder, "dist/chunks", file))
