import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as Crypto from "../../src/crypto/Crypto.js"
import * as KeyPair from "../../src/crypto/KeyPair.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { fixture } from "../support/Shared.js"
import * as TestCrypto from "../support/TestCrypto.js"

const { keys } = fixture("ed25519")
const alice = keys[0]

describe("KeyPair", () => {
  it.effect("knows the keys in all three forms", () =>
    Effect.gen(function* () {
      const crypto = yield* Crypto.Crypto
      for (const { address, publicKey, secretKey64, secretString, seed } of keys) {
        const made = KeyPair.fromSeed(crypto, Bytes.fromHex(seed))
        expect([made.address, Bytes.toHex(made.publicKey)]).toEqual([address, publicKey])
        expect(Redacted.value(KeyPair.toText(made))).toBe(secretString)
        for (const text of [secretString, seed, secretKey64, seed.toUpperCase()]) {
          const read = yield* KeyPair.fromText(Redacted.make(text))
          expect(read.address).toBe(address)
          expect(Redacted.value(read.secretKey)).toEqual(Bytes.fromHex(seed))
        }
      }
    }).pipe(Effect.provide(Crypto.layerNoble))
  )

  it.effect("refuses other texts without quoting them", () =>
    Effect.gen(function* () {
      const { secretKey64, secretString, seed } = alice
      const other = keys[1].publicKey
      const cases: ReadonlyArray<readonly [string, string]> = [
        ["", "invalid_secret_key"],
        [seed.slice(1), "invalid_secret_key"],
        [`0x${seed}`, "invalid_secret_key"],
        [` ${seed}`, "invalid_secret_key"],
        [`${seed}\n`, "invalid_secret_key"],
        [`${seed}00`, "invalid_secret_key"],
        [secretString.slice(3), "invalid_secret_key"],
        [alice.address, "invalid_secret_key"],
        [seed + other, "public_key_mismatch"],
        [`${secretKey64}00`, "invalid_secret_key"],
        [secretString.slice(0, -1), "invalid_encoding"],
        [`${secretString} `, "invalid_encoding"],
        [secretString.replace("E", "F"), "invalid_encoding"],
        [alice.address.replace("ak_", "sk_").replace("m", "n"), "invalid_encoding"]
      ]
      for (const [text, reason] of cases) {
        const error = yield* Effect.flip(KeyPair.fromText(Redacted.make(text)))
        expect([text, error.reason]).toEqual([text, reason])
        const shown = inspect(error) + error.message + JSON.stringify(error)
        for (let i = 0; i + 8 <= text.length; i++) expect(shown.includes(text.slice(i, i + 8))).toBe(false)
      }
    }).pipe(Effect.provide(TestCrypto.layerNative))
  )

  it.effect("generates from the service's randomness, and shows no secret", () =>
    Effect.gen(function* () {
      const one = yield* Effect.provide(KeyPair.generate, TestCrypto.layerSeededDouble("a"))
      const same = yield* Effect.provide(KeyPair.generate, TestCrypto.layerSeededDouble("a"))
      const other = yield* Effect.provide(KeyPair.generate, TestCrypto.layerSeededDouble("b"))
      expect(same.address).toBe(one.address)
      expect(other.address).not.toBe(one.address)
      const seed = Redacted.value(one.secretKey)
      for (const shown of [inspect(one, { depth: 9 }), JSON.stringify(one), String(KeyPair.toText(one))]) {
        expect(shown).not.toContain(Bytes.toHex(seed))
        expect(shown).not.toContain([...seed].join())
        expect(shown).not.toContain([...seed].join(", "))
        expect(shown).not.toContain("sk_")
      }
    })
  )

  it("copies the seed and wants 32 bytes of it", () => {
    const seed = Buffer.from(alice.seed, "hex")
    const made = KeyPair.fromSeed(TestCrypto.native, seed)
    seed.fill(0)
    expect(Bytes.toHex(Redacted.value(made.secretKey))).toBe(alice.seed)
    for (const size of [0, 31, 33, 64])
      expect(() => KeyPair.fromSeed(TestCrypto.native, new Uint8Array(size))).toThrow(RangeError)
  })
})
