/**
 * The packages as a stranger gets them: packed, installed with npm into an empty folder next to `effect@3`,
 * type-checked in both ways of resolution, run, and bundled for a browser.
 */
import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { chromium } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const root = fileURLToPath(new URL("../../../", import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "aechannel-install-"))
afterAll(() => rmSync(folder, { recursive: true }))

const execute = (command: string, args: ReadonlyArray<string>, cwd: string) =>
  new Promise<string>((resolve, reject) =>
    execFile(command, args, { cwd, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      error === null
        ? resolve(stdout)
        : reject(new Error(`${command} ${args.join(" ")}\n${stdout}\n${stderr}`))
    )
  )

const { packageManager: pnpm = "pnpm" }: { readonly packageManager?: string } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8")
)

const examples = ["quick-start", "over-a-websocket", "contracts", "devnet", "coming-back"]
const exampleOf = (name: string) => readFileSync(join(root, `packages/transport/examples/${name}.ts`), "utf8")
const example = exampleOf("quick-start")

/** What the README says to install, a command each, with the packed packages in place of their names. */
const installs = (tarballs: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
  [...readFileSync(join(root, "README.md"), "utf8").matchAll(/^npm install (@.+?)(?: +#.*)?$/gm)].map(
    ([, packages = ""]) =>
      packages.split(" ").map((name) => {
        const packed = name.replace("@aechannel/", "aechannel-")
        const tarball = tarballs.find((each) => packed !== name && each.startsWith(`${packed}-`))
        return tarball === undefined ? name : `./${tarball}`
      })
  )

beforeAll(async () => {
  for (const name of ["core", "transport", "node-cli"])
    await execute(
      "npx",
      ["--yes", "--prefer-offline", pnpm, "pack", "--pack-destination", folder],
      join(root, "packages", name)
    )
  const tarballs = readdirSync(folder).filter((name) => name.endsWith(".tgz"))
  expect(tarballs).toHaveLength(3)
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
  const commands = installs(tarballs)
  expect(commands).toHaveLength(2)
  const cli = tarballs.filter((name) => !commands.flat().includes(`./${name}`)).map((name) => `./${name}`)
  expect(cli).toHaveLength(1)
  for (const packages of [...commands, cli])
    await execute("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...packages], folder)
  for (const name of examples) writeFileSync(join(folder, `${name}.ts`), exampleOf(name))
}, 300_000)

const compiler = join(root, "node_modules/.bin/tsc")

describe("the packed packages", () => {
  it.each([
    ["node16", "node16"],
    ["esnext", "bundler"]
  ])("type-check with module %s and resolution %s, declarations included", async (module, resolution) => {
    await execute(
      compiler,
      [
        "--noEmit",
        "--strict",
        "--exactOptionalPropertyTypes",
        "--skipLibCheck",
        "false",
        "--target",
        "es2022",
        "--lib",
        "es2023,dom,dom.iterable",
        "--module",
        module,
        "--moduleResolution",
        resolution,
        ...examples.map((name) => `${name}.ts`)
      ],
      folder
    )
  })

  it("run the README's example", async () => {
    await build({
      entryPoints: [join(folder, "quick-start.ts")],
      outfile: join(folder, "example.js"),
      format: "esm"
    })
    expect(await execute(process.execPath, ["example.js"], folder)).toBe("round 2: Alice 70, Bob 80\n")
  })

  it("bring the command line", async () => {
    expect((await execute("npx", ["aechannel", "--version"], folder)).trim()).toBe("0.1.0")
  })

  it("do not show internals", async () => {
    writeFileSync(join(folder, "internal.js"), 'await import("@aechannel/core/node/internal/shell/Shell")')
    await expect(execute(process.execPath, ["internal.js"], folder)).rejects.toThrow(
      "ERR_PACKAGE_PATH_NOT_EXPORTED"
    )
  })
})

describe("core in a browser", () => {
  const bundle = async () => {
    const { errors, metafile, outputFiles } = await build({
      stdin: { contents: example, resolveDir: folder, loader: "ts" },
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      platform: "browser",
      target: "es2022"
    })
    expect(errors).toEqual([])
    return { text: outputFiles[0]?.text ?? "", inputs: Object.values(metafile.inputs) }
  }

  it("needs nothing of Node", async () => {
    const { inputs, text } = await bundle()
    const imported = inputs.flatMap(({ imports }) =>
      imports.filter(({ external }) => external).map(({ path }) => path)
    )
    expect(imported).toEqual([])
    expect(text).not.toMatch(/\bBuffer\.(from|alloc)\b/)
  })

  const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
    existsSync
  )
  if (browser === undefined) console.log("skipped: no Chromium here, so that the browser test does not run")
  it.skipIf(browser === undefined)("opens a channel and moves coins in headless Chromium", async () => {
    const { text } = await bundle()
    const instance = await chromium.launch({
      executablePath: browser ?? "",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync"
      ]
    })
    try {
      const page = await instance.newPage()
      const said = page.waitForEvent("console")
      await page.setContent(`<script type="module">${text.replaceAll("</script", "<\\/script")}</script>`)
      expect((await said).text()).toBe("round 2: Alice 70, Bob 80")
    } finally {
      await instance.close()
    }
  })
})
