import * as Hash from "../src/crypto/Hash.js"
import { digest } from "./Fixtures.js"
import * as Harness from "./Harness.js"

export const hashing = Harness.theme("hashing", () => {
  const bytes = new Uint8Array(300).fill(7)
  const key = digest("a key")
  return [
    {
      title: "Hashes",
      cases: [
        { name: "blake2b-256 of 300 bytes", run: () => Hash.blake2b256(bytes) },
        { name: "blake2b-256 of 32 bytes", run: () => Hash.blake2b256(key) },
        { name: "sha-256 of 300 bytes", run: () => Hash.sha256(bytes) }
      ]
    }
  ]
})
