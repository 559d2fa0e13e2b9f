/**
 * The key pair of an account.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import * as DecodeError from "../encoding/DecodeError.js"
import { Crypto, type CryptoService, type SecretKey } from "./Crypto.js"

/**
 * An account's address (`ak_…`), public key (32 bytes) and secret key (32 byte seed, redacted).
 *
 * @since 0.1.0
 * @category models
 */
export interface KeyPair {
  readonly address: ApiEncoding.AccountAddress
  readonly publicKey: Uint8Array
  readonly secretKey: SecretKey
}

const fromSecretKey = (crypto: CryptoService, secretKey: SecretKey): KeyPair => {
  const publicKey = crypto.publicKeyOf(secretKey)
  return { address: ApiEncoding.encode("ak", publicKey), publicKey, secretKey }
}

/**
 * The key pair of a 32 byte seed, which is copied. A seed of another size is a defect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSeed = (crypto: CryptoService, seed: Uint8Array): KeyPair => {
  if (seed.length !== 32) throw new RangeError(`the seed of a secret key has 32 bytes, not ${seed.length}`)
  return fromSecretKey(crypto, Redacted.make(Uint8Array.from(seed)))
}

/**
 * A new key pair from the randomness of the `Crypto` service.
 *
 * @since 0.1.0
 * @category constructors
 */
export const generate: Effect.Effect<KeyPair, never, Crypto> = /*#__PURE__*/ Effect.flatMap(
  Crypto,
  (crypto) => Effect.map(crypto.randomBytes(32), (seed) => fromSeed(crypto, seed))
)

const invalid = (reason: string, detail: string): DecodeError.DecodeError =>
  DecodeError.make("secret key", reason, detail)

const readSecret = (text: string): Uint8Array => {
  if (text.startsWith("sk_")) return ApiEncoding.decodeOrThrow("sk", text)
  if (!/^(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{128})$/.test(text))
    throw invalid(
      "invalid_secret_key",
      "expected sk_…, 64 hexadecimal digits (seed) or 128 (seed and public key)"
    )
  return Bytes.fromHex(text)
}

const readKeyPair = (crypto: CryptoService, text: string): KeyPair => {
  const secret = readSecret(text)
  const keyPair = fromSeed(crypto, secret.subarray(0, 32))
  if (secret.length === 64 && !Bytes.equals(secret.subarray(32), keyPair.publicKey))
    throw invalid("public_key_mismatch", "the second half is not the public key of the first half")
  return keyPair
}

/**
 * Reads a secret key: `sk_…`, 64 hexadecimal digits (the seed) or 128 (the seed and its public key, which must
 * match). Fails with `DecodeError`, which never holds the text.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromText = (
  text: Redacted.Redacted<string>
): Effect.Effect<KeyPair, DecodeError.DecodeError, Crypto> =>
  Effect.flatMap(Crypto, (crypto) => DecodeError.attempt(() => readKeyPair(crypto, Redacted.value(text))))

/**
 * The secret key as `sk_…`, redacted.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toText = (keyPair: KeyPair): Redacted.Redacted<string> =>
  Redacted.make(ApiEncoding.encode("sk", Redacted.value(keyPair.secretKey)))
