/**
 * The cryptography of Node (OpenSSL) for `@aechannel/core`: about twenty times the speed of the portable
 * implementation, with the same acceptance of signatures.
 *
 * @since 0.1.0
 */
import { Crypto, type CryptoService, isAcceptable, type SecretKey } from "@aechannel/core/crypto/Crypto"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as NodeCrypto from "node:crypto"

// The fixed beginnings of the DER forms of RFC 8410; 32 bytes of key follow.
const privateKeyStart = Buffer.from("302e020100300506032b657004220420", "hex")
const publicKeyStart = Buffer.from("302a300506032b6570032100", "hex")

const cacheSize = 512

const plain = (buffer: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(buffer.length)
  bytes.set(buffer)
  return bytes
}

const importPrivateKey = (secretKey: SecretKey): NodeCrypto.KeyObject => {
  const seed = Redacted.value(secretKey)
  if (seed.length !== 32) throw new RangeError(`the seed of a secret key has 32 bytes, not ${seed.length}`)
  // Not from the shared pool, and wiped, so that no second copy of the seed stays in memory.
  const der = Buffer.alloc(privateKeyStart.length + 32)
  der.set(privateKeyStart)
  der.set(seed, privateKeyStart.length)
  try {
    return NodeCrypto.createPrivateKey({ key: der, format: "der", type: "pkcs8" })
  } finally {
    der.fill(0)
  }
}

const makePrivateKeys = (): ((secretKey: SecretKey) => NodeCrypto.KeyObject) => {
  // Weak: the imported key lives exactly as long as the redacted one, and cannot be found without it.
  const keys = new WeakMap<SecretKey, NodeCrypto.KeyObject>()
  return (secretKey) => {
    const known = keys.get(secretKey)
    if (known !== undefined) return known
    const key = importPrivateKey(secretKey)
    keys.set(secretKey, key)
    return key
  }
}

const importPublicKey = (publicKey: Uint8Array): NodeCrypto.KeyObject =>
  NodeCrypto.createPublicKey({
    key: Buffer.concat([publicKeyStart, publicKey]),
    format: "der",
    type: "spki"
  })

const makePublicKeys = (): ((publicKey: Uint8Array) => NodeCrypto.KeyObject) => {
  // Two generations: a full young one becomes the old one, the old one is forgotten.
  let young = new Map<string, NodeCrypto.KeyObject>()
  let old = new Map<string, NodeCrypto.KeyObject>()
  return (publicKey) => {
    const name = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.byteLength).toString("latin1")
    const known = young.get(name)
    if (known !== undefined) return known
    const key = old.get(name) ?? importPublicKey(publicKey)
    if (young.size >= cacheSize) {
      old = young
      young = new Map()
    }
    young.set(name, key)
    return key
  }
}

/**
 * Makes the service, with caches of its own for imported keys: public ones bounded, secret ones for as long as the
 * caller holds the redacted key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): CryptoService => {
  const privateKeyOf = makePrivateKeys()
  const publicKeyObject = makePublicKeys()
  return {
    randomBytes: (n) => Effect.sync(() => plain(NodeCrypto.randomBytes(n))),
    sign: (message, secretKey) => plain(NodeCrypto.sign(null, message, privateKeyOf(secretKey))),
    verify: (signature, message, publicKey) =>
      isAcceptable(signature, publicKey) &&
      NodeCrypto.verify(null, message, publicKeyObject(publicKey), signature),
    publicKeyOf: (secretKey) => {
      const der = NodeCrypto.createPublicKey(privateKeyOf(secretKey)).export({ format: "der", type: "spki" })
      return plain(der.subarray(publicKeyStart.length))
    }
  }
}

/**
 * Provides `Crypto` from `node:crypto`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Crypto> = /*#__PURE__*/ Layer.sync(Crypto, make)
