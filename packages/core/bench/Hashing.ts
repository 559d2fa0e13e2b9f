import * as Hash from "../src/crypto/Hash.js"
import { digest } from "./Fixtures.js"
import * as Harness from "./Harness.js"

/** Hash functions, each in every implementation. */
export const groups = (
  implementations: Readonly<Record<string, Hash.Implementation>>
): ReadonlyArray<Harness.Group> => {
  const inputs = [digest("a key"), new Uint8Array(300).fill(7), new Uint8Array(10_000).fill(7)]
  const names = [
    ["BLAKE2b-256", "blake2b256"],
    ["SHA-256", "sha256"]
  ] as const
  return names.flatMap(([title, name]) =>
    inputs.map((bytes) => ({
      title: `${title} of ${bytes.length} bytes`,
      compare: true,
      cases: Object.entries(implementations).map(([implementation, functions]) => ({
        name: implementation,
        run: () => functions[name](bytes)
      }))
    }))
  )
}
