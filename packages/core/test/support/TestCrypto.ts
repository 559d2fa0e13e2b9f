/**
 * Cryptography for tests: the speed of node:crypto, and a double whose randomness is seeded.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as NodeCrypto from "node:crypto"
import { Crypto, type CryptoService, isAcceptable, type SecretKey } from "../../src/crypto/Crypto.js"
import * as Hash from "../../src/crypto/Hash.js"
import * as KeyPair from "../../src/crypto/KeyPair.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as TestCrypto from "../../src/testing/TestCrypto.js"

const privateKeyStart = Bytes.fromHex("302e020100300506032b657004220420")
const publicKeyStart = Bytes.fromHex("302a300506032b6570032100")

const privateKeys = new WeakMap<SecretKey, NodeCrypto.KeyObject>()
const publicKeys = new Map<string, NodeCrypto.KeyObject>()

const privateKeyOf = (secretKey: SecretKey): NodeCrypto.KeyObject => {
  const known = privateKeys.get(secretKey)
  if (known !== undefined) return known
  const key = NodeCrypto.createPrivateKey({
    key: Buffer.from(Bytes.concat(privateKeyStart, Redacted.value(secretKey))),
    format: "der",
    type: "pkcs8"
  })
  privateKeys.set(secretKey, key)
  return key
}

const publicKeyObject = (publicKey: Uint8Array): NodeCrypto.KeyObject => {
  const name = Buffer.from(publicKey).toString("latin1")
  const known = publicKeys.get(name)
  if (known !== undefined) return known
  const key = NodeCrypto.createPublicKey({
    key: Buffer.from(Bytes.concat(publicKeyStart, publicKey)),
    format: "der",
    type: "spki"
  })
  if (publicKeys.size > 4096) publicKeys.clear()
  publicKeys.set(name, key)
  return key
}

/** Real cryptography at native speed. */
export const native: CryptoService = {
  randomBytes: (n) => Effect.sync(() => new Uint8Array(NodeCrypto.randomBytes(n))),
  sign: (message, secretKey) => new Uint8Array(NodeCrypto.sign(null, message, privateKeyOf(secretKey))),
  verify: (signature, message, publicKey) =>
    isAcceptable(signature, publicKey) &&
    NodeCrypto.verify(null, message, publicKeyObject(publicKey), signature),
  publicKeyOf: (secretKey) => {
    const der = NodeCrypto.createPublicKey(privateKeyOf(secretKey)).export({ format: "der", type: "spki" })
    return new Uint8Array(der.subarray(publicKeyStart.length))
  }
}

/** Provides `native`. */
export const layerNative: Layer.Layer<Crypto> = Layer.succeed(Crypto, native)

/** `native` with predictable randomness. For tests only. */
export const seededDouble = (seed: number | string): CryptoService => TestCrypto.seeded(seed, native)

/** Provides `seededDouble`: the same seed gives the same bytes in the same order. For tests only. */
export const layerSeededDouble = (seed: number | string): Layer.Layer<Crypto> =>
  TestCrypto.layerSeeded(seed, native)

const keyPairs = new Map<string, KeyPair.KeyPair>()

/** The key pair of `TestCrypto.keyPair`, without the tables of the portable crypto, which each test file makes anew. */
export const keyPairOf = (name: string): KeyPair.KeyPair => {
  const known = keyPairs.get(name) ?? KeyPair.fromSeed(native, Hash.sha256(Bytes.utf8(name)))
  if (keyPairs.size >= 64) keyPairs.clear()
  keyPairs.set(name, known)
  return known
}
