/**
 * Hash operations: of the bytes of a string or bytes, of the serialized value of everything else.
 */
import { keccak_256 } from "@noble/hashes/sha3.js"
import * as Hash from "../../../crypto/Hash.js"
import * as Value from "../../Value.js"
import * as ValueCodec from "../../ValueCodec.js"
import type { Operation, Operations } from "../machine.js"
import { isBytes, isString } from "./operands.js"
import { sizeOf, work, writeTime } from "./work.js"

/** Nanoseconds to hash a byte. */
export const hashTime = 30

const hashed =
  (hash: (bytes: Uint8Array) => Uint8Array): Operation =>
  (machine, [to, operand]) => {
    const value = machine.unfold(machine.read(operand), "unfold_serial")
    const isPlain = isString(value) || isBytes(value)
    // Gas pays for the parts of values but not for their bytes.
    work(machine, (isPlain ? hashTime : hashTime + writeTime) * sizeOf(value))
    const input = isPlain ? value.bytes : ValueCodec.encode(value)
    machine.write(to, Value.bytes(hash(input)))
  }

export const hashes: Operations = {
  BLAKE2B: hashed(Hash.blake2b256),
  SHA256: hashed(Hash.sha256),
  // Keccak with the padding of before the standard.
  SHA3: hashed((bytes) => keccak_256(bytes))
}
