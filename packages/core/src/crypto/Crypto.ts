/**
 * Signatures and randomness as a service, so that a platform can bring a faster implementation than the portable
 * one. Every implementation accepts exactly the same signatures.
 *
 * Specification: RFC 8032 (Ed25519), with the stricter acceptance of libsodium 1.0.16 … 1.0.22, on which the
 * reference node verifies.
 *
 * @since 0.1.0
 */
import { ed25519 } from "@noble/curves/ed25519.js"
import { sha512 } from "@noble/hashes/sha2.js"
import { randomBytes } from "@noble/hashes/utils.js"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Bytes from "../encoding/Bytes.js"
import * as BoundedCache from "../encoding/internal/BoundedCache.js"

/**
 * A secret signing key: the 32 byte seed of RFC 8032.
 *
 * @since 0.1.0
 * @category models
 */
export type SecretKey = Redacted.Redacted<Uint8Array>

/**
 * What the library needs of a platform's cryptography.
 *
 * - `randomBytes(n)`: `n` bytes, cryptographically strong (a test double says so in its name)
 * - `sign(message, secretKey)`: a signature of 64 bytes, deterministic (RFC 8032)
 * - `verify(signature, message, publicKey)`: whether the signature is good; never throws, wrong sizes are not good
 * - `publicKeyOf(secretKey)`: 32 bytes
 *
 * @since 0.1.0
 * @category models
 */
export interface CryptoService {
  readonly randomBytes: (n: number) => Effect.Effect<Uint8Array>
  readonly sign: (message: Uint8Array, secretKey: SecretKey) => Uint8Array
  readonly verify: (signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array) => boolean
  readonly publicKeyOf: (secretKey: SecretKey) => Uint8Array
}

/**
 * The cryptography service.
 *
 * @since 0.1.0
 * @category services
 */
export class Crypto extends Context.Tag("@aechannel/core/Crypto")<Crypto, CryptoService>() {}

// Little-endian: 2^252 + 27742317777372353535851937790883648493, the order of the base point.
const groupOrder = /*#__PURE__*/ Bytes.fromHex(
  "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"
)

// Little-endian: 2^255 - 19, the order of the field.
const fieldOrder = /*#__PURE__*/ Bytes.fromHex(
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
)

// Every encoding of a y coordinate of a point of order 1, 2, 4 or 8, without the sign bit: 0, 1, the two of order 8,
// -1, and the non-canonical p and p + 1.
const smallOrder: ReadonlySet<string> = /*#__PURE__*/ new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
])

// The first two bytes rule out almost every honest key before a text is built.
const smallOrderStart: ReadonlySet<number> = /*#__PURE__*/ new Set(
  Array.from(smallOrder, (hex) => Number.parseInt(hex.slice(0, 4), 16))
)

const hasSmallOrder = (point: Uint8Array): boolean => {
  if (!smallOrderStart.has((point[0] ?? 0) * 256 + (point[1] ?? 0))) return false
  // Not `slice`, which for a Buffer is no copy.
  const unsigned = new Uint8Array(point)
  unsigned[31] = (unsigned[31] ?? 0) & 0x7f
  return smallOrder.has(Bytes.toHex(unsigned))
}

const isBelow = (number: Uint8Array, offset: number, limit: Uint8Array, topMask: number): boolean => {
  for (let i = 31; i >= 0; i--) {
    const digit = (number[offset + i] ?? 0) & (i === 31 ? topMask : 0xff)
    const bound = limit[i] ?? 0
    if (digit !== bound) return digit < bound
  }
  return false
}

/**
 * The checks that come before the equation of Ed25519 and that every implementation of `Crypto` shares: a signature
 * R ‖ S of 64 bytes and a public key A of 32, S below the group order, A and R not of small order, A canonical.
 *
 * Without them a signature could be changed without the key, and some keys accept signatures of anything.
 *
 * @since 0.1.0
 * @category verification
 */
export const isAcceptable = (signature: Uint8Array, publicKey: Uint8Array): boolean =>
  signature.length === 64 &&
  publicKey.length === 32 &&
  isBelow(signature, 32, groupOrder, 0xff) &&
  isBelow(publicKey, 0, fieldOrder, 0x7f) &&
  !hasSmallOrder(publicKey) &&
  !hasSmallOrder(signature.subarray(0, 32))

const Point = ed25519.Point
type Point = ReturnType<typeof Point.fromBytes>

// Negated, ready for R' = S·B - h·A. Public keys of a process are few: a channel has two.
const points = /*#__PURE__*/ BoundedCache.make<Point>(256)

const negatedPoint = (publicKey: Uint8Array): Point | undefined => {
  const key = Bytes.toHex(publicKey)
  const cached = points.get(key)
  if (cached !== undefined) return cached
  try {
    const point = Point.fromBytes(publicKey).negate()
    points.set(key, point)
    return point
  } catch {
    return undefined
  }
}

// The built-in `verify` multiplies by the cofactor and so accepts signatures that the reference refuses. Here the
// point is recomputed and its canonical encoding compared with R as it came.
const verify = (signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean => {
  if (!isAcceptable(signature, publicKey)) return false
  const negatedA = negatedPoint(publicKey)
  if (negatedA === undefined) return false
  const r = signature.subarray(0, 32)
  const h = Point.Fn.create(littleEndian(sha512(Bytes.concat(r, publicKey, message))))
  const s = littleEndian(signature.subarray(32))
  const point = Point.BASE.multiplyUnsafe(s).add(negatedA.multiplyUnsafe(h))
  return Bytes.equals(point.toBytes(), r)
}

const littleEndian = (bytes: Uint8Array): bigint =>
  BigInt(`0x${Bytes.toHex(new Uint8Array(bytes).reverse())}`)

// The platform's generator hands out at most 65536 bytes at a time.
const strongBytes = (n: number): Uint8Array => {
  const bytes = new Uint8Array(n)
  for (let offset = 0; offset < n; offset += 65_536)
    bytes.set(randomBytes(Math.min(65_536, n - offset)), offset)
  return bytes
}

/**
 * The portable implementation: pure JavaScript, randomness from the platform's `globalThis.crypto`.
 *
 * @since 0.1.0
 * @category layers
 */
export const noble: CryptoService = {
  randomBytes: (n) => Effect.sync(() => strongBytes(n)),
  sign: (message, secretKey) => ed25519.sign(message, Redacted.value(secretKey)),
  verify,
  publicKeyOf: (secretKey) => ed25519.getPublicKey(Redacted.value(secretKey))
}

/**
 * Provides the portable implementation.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNoble: Layer.Layer<Crypto> = /*#__PURE__*/ Layer.succeed(Crypto, noble)
