/**
 * Operations on signatures.
 */
import { secp256k1 } from "@noble/curves/secp256k1.js"
import { keccak_256 } from "@noble/hashes/sha3.js"
import * as Bytes from "../../../encoding/Bytes.js"
import * as Value from "../../Value.js"
import * as Errors from "../errorTexts.js"
import { crash, fail, type Operation, type Operations } from "../machine.js"
import { isBytes, isReference, keyLength } from "./operands.js"
import { work } from "./work.js"

const hashLength = 32
const signatureLength = 64

/** Nanoseconds to verify a byte of a message. */
const verifyTime = 10

/** Before FATE 3 only hashes could be verified. */
const verifySig: Operation = (machine, [to, one, two, three]) => {
  const message = machine.read(one)
  const account = machine.read(two)
  const signature = machine.read(three)
  const anyMessage = machine.vm >= 8
  if (
    !isBytes(message, anyMessage ? undefined : hashLength) ||
    !isReference(account, "address") ||
    !isBytes(signature, signatureLength)
  ) {
    const name = anyMessage ? "verify_sig" : "verify_sig_of_hash"
    return fail(() => Errors.badArguments(name, [message, account, signature]))
  }
  if (account.bytes.length !== keyLength) return crash("an address that is no public key")
  work(machine, verifyTime * message.bytes.length)
  machine.write(to, machine.crypto.verify(signature.bytes, message.bytes, account.bytes))
}

const uncompressed = Uint8Array.of(4)
const options = { prehash: false, lowS: false } as const

/** Whether a signature r ‖ s of a hash is good; the public key has no prefix. Signatures with a high s are good too. */
const isGood = (hash: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): boolean => {
  const key = Bytes.concat(uncompressed, publicKey)
  if (!secp256k1.utils.isValidPublicKey(key, false)) return crash("not a public key of secp256k1")
  try {
    return secp256k1.verify(signature, hash, key, options)
  } catch {
    return false
  }
}

const verifySecp256k1: Operation = (machine, [to, one, two, three]) => {
  const hash = machine.read(one)
  const publicKey = machine.read(two)
  const signature = machine.read(three)
  if (!isBytes(hash, hashLength) || !isBytes(publicKey, 64) || !isBytes(signature, signatureLength))
    return fail(() => Errors.badArguments("verify_sig_secp256k1", [hash, publicKey, signature]))
  machine.write(to, isGood(hash.bytes, publicKey.bytes, signature.bytes))
}

/** Bytes of v ‖ r ‖ s, v being 27 for an even y and 28 for an odd one. */
const recoverableLength = 65
const firstV = 27
const addressLength = 20

/** The address of who signed: the end of the hash of the public key. */
const recover = (hash: Uint8Array, signature: Uint8Array): Uint8Array | undefined => {
  const recovery = (signature[0] ?? 0) - firstV
  if (recovery !== 0 && recovery !== 1) return undefined
  try {
    const parsed = secp256k1.Signature.fromBytes(signature.subarray(1), "compact")
    const point = parsed.addRecoveryBit(recovery).recoverPublicKey(hash)
    return keccak_256(point.toBytes(false).subarray(1)).subarray(hashLength - addressLength)
  } catch {
    return undefined
  }
}

const ecverify: Operation = (machine, [to, one, two, three]) => {
  const hash = machine.read(one)
  const address = machine.read(two)
  const signature = machine.read(three)
  if (
    !isBytes(hash, hashLength) ||
    !isBytes(address, addressLength) ||
    !isBytes(signature, recoverableLength)
  )
    return fail(() => Errors.badArguments("ecverify_secp256k1", [hash, address, signature]))
  const signer = recover(hash.bytes, signature.bytes)
  machine.write(to, signer !== undefined && Bytes.equals(signer, address.bytes))
}

const ecrecover: Operation = (machine, [to, one, two]) => {
  const hash = machine.read(one)
  const signature = machine.read(two)
  if (!isBytes(hash, hashLength) || !isBytes(signature, recoverableLength))
    return fail(() => Errors.badArguments("ecrecover_secp256k1", [hash, signature]))
  const signer = recover(hash.bytes, signature.bytes)
  machine.write(to, signer === undefined ? Value.none : Value.some(Value.bytes(signer)))
}

export const signatures: Operations = {
  ECRECOVER_SECP256K1: ecrecover,
  ECVERIFY_SECP256K1: ecverify,
  VERIFY_SIG: verifySig,
  VERIFY_SIG_SECP256K1: verifySecp256k1
}
