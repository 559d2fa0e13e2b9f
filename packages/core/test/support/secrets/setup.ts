/**
 * For every test file of every package: what is kept secret must not show in a log, error, span, file or output. Fails
 * the file in which it does.
 */
import { appendFileSync } from "node:fs"
import { afterAll } from "vitest"
import { install } from "./Hooks.js"
import { report, Watch } from "./Watch.js"

const key = Symbol.for("aechannel/test/secrets")

const current = (): Watch => {
  const known: unknown = Reflect.get(globalThis, key)
  if (known instanceof Watch) return known
  const watch = new Watch()
  Reflect.set(globalThis, key, watch)
  install(watch)
  return watch
}

/** The watch of this test file. */
export const watch = current()

afterAll(() => {
  const findings = watch.take()
  for (const end of watch.atEnd) end()
  const { bytes, secrets, texts, weak } = watch.counts
  const file = process.env["AECHANNEL_SECRETS_COUNTS"]
  if (file !== undefined) appendFileSync(file, `${secrets} ${weak} ${texts} ${bytes} ${findings.length}\n`)
  if (findings.length > 0) throw new Error(report(findings))
})
