/**
 * BLAKE2b in WebAssembly. A module of its own, loaded when it is needed: it is large, and many a command of the command
 * line hashes next to nothing.
 */
import type { HashFunction } from "@aechannel/core/crypto/Hash"
import { createBLAKE2b } from "hash-wasm"

/** One hasher will do: nothing else runs between its three steps. */
export const makeBlake2b256 = async (): Promise<HashFunction> => {
  const hasher = await createBLAKE2b(256)
  return (bytes) => hasher.init().update(bytes).digest("binary")
}
