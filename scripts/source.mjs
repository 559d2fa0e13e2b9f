// Runs a TypeScript file of the packages from source: bundled into a folder that is not under version control, so
// that it needs no build and runs as plain modules, at full speed.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { build } from "esbuild"
import { root, run } from "./bootstrap.mjs"

// A bundle sits elsewhere than its sources, which look for their data beside them.
const keepPlaces = {
  name: "keep-places",
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      if (path.includes("node_modules")) return undefined
      const place = JSON.stringify(pathToFileURL(path).href)
      return { contents: readFileSync(path, "utf8").replaceAll("import.meta.url", place), loader: "ts" }
    })
  }
}

/** Runs `packages/<name>/<entry>` with the arguments of the command line; gives the exit code. */
export const runSource = async (name, entry, nodeOptions = []) => {
  const folder = join(root, "packages", name)
  const outfile = join(
    folder,
    "node_modules/.cache/aechannel",
    entry.replaceAll("/", "-").replace(/\.ts$/, ".mjs")
  )
  await build({
    absWorkingDir: folder,
    entryPoints: [entry],
    outfile,
    bundle: true,
    sourcemap: true,
    platform: "node",
    target: "node20",
    format: "esm",
    conditions: ["@aechannel/source"],
    external: ["ws", "lmdb", "@aeternity/aepp-sdk"],
    plugins: [keepPlaces],
    banner: {
      js: "import { createRequire as aechannelRequire } from 'node:module';const require = aechannelRequire(import.meta.url);"
    },
    logLevel: "warning"
  })
  const options = ["--enable-source-maps", ...nodeOptions, outfile, ...process.argv.slice(2)]
  return run(process.execPath, options, { check: false })
}
