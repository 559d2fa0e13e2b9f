/** The examples in the docstrings of this room are files, so that they are compiled, and run here. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { expect, it } from "@effect/vitest"

const room = new URL("../../src/testing/", import.meta.url)
const folder = new URL("../../examples/testing/", import.meta.url)

interface Example {
  readonly file: string
  readonly text: string
}

const examplesOf = (module: string): ReadonlyArray<Example> =>
  [
    ...readFileSync(new URL(module, room), "utf8").matchAll(
      /@example\n \* ```ts\n((?: \*.*\n)*?) \* ```\n(?: \*.*\n)*? \*\/\n(?:export (?:const|class) (\w+))?/g
    )
  ].map(([, text = "", name]) => ({
    file: `${[module.replace(/\.ts$/, ""), name].filter((part) => part !== undefined).join(".")}.ts`,
    text: text.replaceAll(/^ \* ?/gm, "")
  }))

const examples = readdirSync(room)
  .filter((name) => name.endsWith(".ts"))
  .flatMap(examplesOf)

it.each(examples)("$file is the example in the docstring, and it runs", async ({ file, text }) => {
  const path = new URL(file, folder)
  expect(existsSync(path) ? readFileSync(path, "utf8") : "").toBe(text)
  await import(path.href)
})

it("every example file is one of a docstring", () => {
  expect(readdirSync(folder).sort()).toEqual(examples.map(({ file }) => file).sort())
  expect(examples.length).toBeGreaterThan(6)
})
