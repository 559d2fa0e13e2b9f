/**
 * The hash functions of æternity.
 *
 * @since 0.1.0
 */
import { blake2b } from "@noble/hashes/blake2.js"
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js"

const options = { dkLen: 32 }

/**
 * BLAKE2b with 32 bytes of output and no key: transaction hashes, ids, tree nodes.
 *
 * Specification: æternity consensus, "cryptography".
 *
 * @since 0.1.0
 * @category hashing
 */
export const blake2b256 = (bytes: Uint8Array): Uint8Array => blake2b(bytes, options)

/**
 * SHA-256.
 *
 * @since 0.1.0
 * @category hashing
 */
export const sha256 = (bytes: Uint8Array): Uint8Array => nobleSha256(bytes)
