import * as Crypto from "@aechannel/core/crypto/Crypto"
import * as Hash from "@aechannel/core/crypto/Hash"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import sodium from "libsodium-wrappers"
import { signatureCases, wrongSizes } from "../../core/test/crypto/oddSignatures.js"
import { fixture } from "../../core/test/support/Shared.js"
import * as NativeCrypto from "../src/NativeCrypto.js"

await sodium.ready

const native = NativeCrypto.make()
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"))

describe("NativeCrypto", () => {
  it("knows the answers of RFC 8032", () => {
    const { rfc8032 } = fixture("ed25519")
    for (const { message, publicKey, seed, signature } of rfc8032) {
      const secretKey = Redacted.make(fromHex(seed))
      expect(native.publicKeyOf(secretKey)).toEqual(fromHex(publicKey))
      expect(native.sign(fromHex(message), secretKey)).toEqual(fromHex(signature))
      expect(native.verify(fromHex(signature), fromHex(message), fromHex(publicKey))).toBe(true)
    }
    console.log(`ed25519.json: ${rfc8032.length} of RFC 8032`)
  })

  it("accepts exactly what the portable implementation and libsodium accept", () => {
    let accepted = 0
    for (const { message, publicKey, signature, why } of signatureCases) {
      const answer = sodium.crypto_sign_verify_detached(signature, message, publicKey)
      expect(native.verify(signature, message, publicKey), `native: ${why}`).toBe(answer)
      expect(Crypto.noble.verify(signature, message, publicKey), `noble: ${why}`).toBe(answer)
      if (answer) accepted++
    }
    for (const { message, publicKey, signature, why } of wrongSizes)
      expect(native.verify(signature, message, publicKey), why).toBe(false)
    expect(accepted).toBeGreaterThan(30)
    console.log(
      `odd signatures: ${signatureCases.length}, accepted ${accepted}, on all three implementations alike`
    )
  })

  it.prop(
    "signs like the portable implementation, in plain byte arrays",
    [
      FastCheck.uint8Array({ minLength: 32, maxLength: 32, size: "max" }),
      FastCheck.uint8Array({ maxLength: 300 })
    ],
    ([seed, message]) => {
      const secretKey = Redacted.make(seed)
      const signature = native.sign(message, secretKey)
      expect(signature).toEqual(Crypto.noble.sign(message, secretKey))
      expect(native.publicKeyOf(secretKey)).toEqual(Crypto.noble.publicKeyOf(secretKey))
      expect(Object.getPrototypeOf(signature)).toBe(Uint8Array.prototype)
      expect(native.verify(signature, message, native.publicKeyOf(secretKey))).toBe(true)
    }
  )

  it("thousands of keys pass through the bounded memory without confusion", () => {
    const message = Uint8Array.of(1, 2, 3)
    const keys = Array.from({ length: 1500 }, (_, i) => {
      const secretKey = Redacted.make(new Uint8Array(32).fill(i % 256).fill(i >> 8, 0, 1))
      return { publicKey: native.publicKeyOf(secretKey), signature: native.sign(message, secretKey) }
    })
    for (const round of [0, 1])
      for (const [i, { publicKey, signature }] of keys.entries()) {
        expect(native.verify(signature, message, publicKey)).toBe(true)
        const next = keys[(i + 1 + round) % keys.length]
        expect(next !== undefined && native.verify(signature, message, next.publicKey)).toBe(false)
      }
  })

  it("a seed of another size is a defect that does not show it", () => {
    for (const size of [0, 31, 33])
      expect(() => native.sign(new Uint8Array(), Redacted.make(new Uint8Array(size).fill(77)))).toThrow(
        /32 bytes, not \d+$/
      )
  })

  it.effect("its hashes are the portable ones, for every length", () =>
    Effect.gen(function* () {
      yield* NativeCrypto.accelerateHashes
      const cases = FastCheck.sample(
        FastCheck.uint8Array({ minLength: 2000, maxLength: 2000, size: "max" }),
        3
      )
      for (const bytes of cases)
        for (let length = 0; length <= 2000; length++) {
          const input = bytes.subarray(2000 - length)
          expect(Hash.blake2b256(input)).toEqual(Hash.portable.blake2b256(input))
          expect(Hash.sha256(input)).toEqual(Hash.portable.sha256(input))
        }
      yield* Hash.accelerate(Hash.portable)
    })
  )

  it.effect("its layer makes hashing fast", () =>
    Effect.gen(function* () {
      let portable = 0
      const blake2b256: Hash.HashFunction = (bytes) => {
        portable++
        return Hash.portable.blake2b256(bytes)
      }
      yield* Hash.accelerate({ blake2b256 })
      yield* Effect.provide(Effect.void, NativeCrypto.layer)
      const before = portable
      expect(Hash.blake2b256(Uint8Array.of(1))).toEqual(Hash.portable.blake2b256(Uint8Array.of(1)))
      expect(portable).toBe(before)
      yield* Hash.accelerate(Hash.portable)
    })
  )

  it.effect("randomness has the size asked for and does not repeat", () =>
    Effect.gen(function* () {
      const crypto = yield* Crypto.Crypto
      for (const n of [0, 1, 32, 100_000]) {
        const bytes = yield* crypto.randomBytes(n)
        expect(bytes.length).toBe(n)
        expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
      }
      expect(yield* crypto.randomBytes(32)).not.toEqual(yield* crypto.randomBytes(32))
    }).pipe(Effect.provide(NativeCrypto.layer))
  )
})
