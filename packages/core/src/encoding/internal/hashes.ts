/**
 * The hash functions in use. They live below the encodings, whose checksums need them too.
 *
 * @since 0.1.0
 */
import { blake2b } from "@noble/hashes/blake2.js"
import { sha256 } from "@noble/hashes/sha2.js"

/** From any bytes, which stay as they are, to 32 new ones. */
export type HashFunction = (bytes: Uint8Array) => Uint8Array

/** Both hash functions. */
export interface Hashes {
  readonly blake2b256: HashFunction
  readonly sha256: HashFunction
}

const options = { dkLen: 32 }

/** Pure JavaScript. */
export const portable: Hashes = {
  blake2b256: (bytes) => blake2b(bytes, options),
  sha256: (bytes) => sha256(bytes)
}

// Not state that anyone could notice: whatever is installed has been compared with the portable functions.
let current: Hashes = portable

export const use = (hashes: Hashes): void => {
  current = hashes
}

export const inUse = (): Hashes => current
