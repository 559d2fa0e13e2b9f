import * as Hash from "@aechannel/core/crypto/Hash"
import * as Effect from "effect/Effect"
import { groups } from "../../core/bench/Hashing.js"
import * as Harness from "../../core/bench/Harness.js"
import * as NativeCrypto from "../src/NativeCrypto.js"

/** The portable hash functions next to those of this platform. */
export const hashing: Harness.Theme = {
  name: "hashing",
  run: async (options) => {
    await Effect.runPromise(NativeCrypto.accelerateHashes)
    const accelerated = { blake2b256: Hash.blake2b256, sha256: Hash.sha256 }
    return groups({
      "portable (noble)": Hash.portable,
      "fast (BLAKE2b in WebAssembly, SHA-256 of Node)": accelerated
    }).map((group) => Harness.tableOf(group, options))
  }
}
