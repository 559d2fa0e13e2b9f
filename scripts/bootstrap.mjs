// Installs the workspace with pnpm (through npx) when the lockfile is not the one last installed.
// Node builtins only: this runs before there is any node_modules.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const [major, minor] = process.versions.node.split(".").map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`aechannel needs Node 20.19 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

/** Runs a command in the project's root with its output shown; ends this process if the command fails. */
export const run = (command, args, options = {}) => {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
    ...options
  })
  if (result.error) console.error(`${command}: ${result.error.message}`)
  if (result.status !== 0 && options.check !== false) process.exit(result.status ?? 1)
  return result.status ?? 1
}

/** The path of a binary that the install put into the workspace. */
export const bin = (name) =>
  join(root, "node_modules", ".bin", process.platform === "win32" ? `${name}.cmd` : name)

export const install = () => {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const stamp = join(root, "node_modules", ".aechannel-installed")
  const wanted = createHash("sha256")
    .update(process.versions.node.split(".")[0])
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .digest("hex")
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return
  run("npx", [
    "--yes",
    "--prefer-offline",
    packageManager,
    "install",
    "--frozen-lockfile",
    "--prefer-offline"
  ])
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, wanted)
}
