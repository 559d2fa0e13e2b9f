/**
 * Memory for byte strings. Beyond the size that engines keep among the small objects, a byte string of its own costs as
 * much as hashing it; so those of middling size are cut from a common slab, each byte of which is given out once.
 *
 * @since 0.1.0
 */

const slabSize = 4096
const smallest = 64
const largest = 1024

let slab = new Uint8Array(slabSize)
let used = 0

/** So many zero bytes for the caller alone. A long-lived one may keep a whole slab in memory. */
export const allocate = (length: number): Uint8Array => {
  if (length <= smallest || length > largest) return new Uint8Array(length)
  if (used + length > slabSize) {
    slab = new Uint8Array(slabSize)
    used = 0
  }
  const bytes = slab.subarray(used, used + length)
  used += length
  return bytes
}
