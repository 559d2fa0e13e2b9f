/**
 * A double of `Crypto` for tests: real signatures, predictable randomness.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Crypto, type CryptoService, noble } from "../crypto/Crypto.js"
import * as Hash from "../crypto/Hash.js"
import * as KeyPair from "../crypto/KeyPair.js"
import * as Bytes from "../encoding/Bytes.js"
import * as BoundedCache from "../encoding/internal/BoundedCache.js"

/**
 * A double of `Crypto` whose randomness follows from the seed: the same seed gives the same bytes in the same order.
 * Nothing that is made with it is secret. Signatures are those of `base`, by default of the portable
 * implementation; the native one of `@aechannel/transport` is a good deal faster and gives the same.
 *
 * @since 0.1.0
 * @category constructors
 */
export const seeded = (seed: number | string, base: CryptoService = noble): CryptoService => {
  let blocks = 0
  const next = (n: number): Uint8Array => {
    const bytes = new Uint8Array(n)
    for (let offset = 0; offset < n; offset += 32) {
      const block = Hash.sha256(Bytes.utf8(`${seed}/${blocks++}`))
      bytes.set(block.subarray(0, Math.min(32, n - offset)), offset)
    }
    return bytes
  }
  return { ...base, randomBytes: (n) => Effect.sync(() => next(n)) }
}

/**
 * Provides {@link seeded}. Each time that the layer is built, the bytes start anew.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { Crypto } from "@aechannel/core"
 * import { TestCrypto } from "@aechannel/core/testing"
 * import { Effect } from "effect"
 *
 * const cookie = Effect.flatMap(Crypto.Crypto, ({ randomBytes }) => randomBytes(16))
 * const withSeed = (seed: number) => Effect.runSync(Effect.provide(cookie, TestCrypto.layerSeeded(seed)))
 *
 * assert.deepStrictEqual(withSeed(1), withSeed(1))
 * assert.notDeepStrictEqual(withSeed(1), withSeed(2))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSeeded = (seed: number | string, base?: CryptoService): Layer.Layer<Crypto> =>
  Layer.sync(Crypto, () => seeded(seed, base))

// A test is run many times with the same few names.
const keyPairs = /*#__PURE__*/ BoundedCache.make<KeyPair.KeyPair>(64)

/**
 * The key pair of a name. Everybody can compute it: never put coins on it.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { TestCrypto } from "@aechannel/core/testing"
 *
 * assert.strictEqual(TestCrypto.keyPair("alice").address, TestCrypto.keyPair("alice").address)
 * assert.notStrictEqual(TestCrypto.keyPair("alice").address, TestCrypto.keyPair("bob").address)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const keyPair = (name: string): KeyPair.KeyPair => {
  const known = keyPairs.get(name)
  if (known !== undefined) return known
  const made = KeyPair.fromSeed(noble, Hash.sha256(Bytes.utf8(name)))
  keyPairs.set(name, made)
  return made
}
