import { build } from "esbuild"
import { expect, it } from "@effect/vitest"
import { fileURLToPath } from "node:url"
import { createContext, runInContext } from "node:vm"

const program = `
import { Arbitraries, Faults, SeededScheduler, TestNode } from "./testing.js"
import { Effect, FastCheck } from "effect"

const paid = Effect.gen(function* () {
  const transport = Faults.layer([{ direction: "in", frame: 2, fault: Faults.delay("1 second") }])
  const { initiator } = yield* TestNode.openPair({ responder: { transport } })
  return (yield* initiator.transfer({ amount: 7n })).balances.responder - 10n * TestNode.AE
}).pipe(Effect.scoped, Effect.provide(TestNode.layer()))

globalThis.result = [
  Effect.runSync(SeededScheduler.runSeeded(1, paid)),
  FastCheck.sample(Arbitraries.transaction, { numRuns: 20, seed: 1 }).length
]
`

it("needs nothing of Node: runs where there is only what every browser has", async () => {
  const { metafile, outputFiles } = await build({
    stdin: {
      contents: program,
      resolveDir: fileURLToPath(new URL("../../src", import.meta.url)),
      loader: "ts"
    },
    bundle: true,
    write: false,
    metafile: true,
    format: "iife",
    platform: "browser",
    target: "es2022"
  })
  const external = Object.values(metafile.inputs).flatMap(({ imports }) =>
    imports.filter((one) => one.external).map(({ path }) => path)
  )
  expect(external).toEqual([])
  const browser = {
    TextEncoder,
    TextDecoder,
    URL,
    URLSearchParams,
    crypto,
    setTimeout,
    setInterval,
    clearInterval,
    clearTimeout,
    AbortController
  }
  const context = createContext({ ...browser, result: undefined })
  runInContext(outputFiles[0]?.text ?? "", context)
  expect(Array.from(context["result"])).toEqual([7n, 20])
})
