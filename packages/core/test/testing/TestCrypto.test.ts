import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { Crypto } from "../../src/crypto/Crypto.js"
import * as Hash from "../../src/crypto/Hash.js"
import * as KeyPair from "../../src/crypto/KeyPair.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as TestCrypto from "../../src/testing/TestCrypto.js"
import { native } from "../support/TestCrypto.js"

const draw = (lengths: ReadonlyArray<number>) =>
  Effect.flatMap(Crypto, (crypto) => Effect.forEach(lengths, crypto.randomBytes))

describe("TestCrypto", () => {
  it.prop(
    "the same seed gives the same bytes, of any lengths, each time that the layer is built",
    [FastCheck.oneof(FastCheck.nat(), FastCheck.string()), FastCheck.array(FastCheck.nat(100))],
    ([seed, lengths]) => {
      const layer = TestCrypto.layerSeeded(seed)
      const [first, second] = [1, 2].map(() => Effect.runSync(Effect.provide(draw(lengths), layer)))
      expect(first).toEqual(second)
      expect(first?.map((bytes) => bytes.length)).toEqual(lengths)
    }
  )

  it.effect("other seeds, and later draws, give other bytes", () =>
    Effect.gen(function* () {
      const all = yield* Effect.forEach([1, 2, "a", "b"], (seed) =>
        Effect.provide(draw([32, 32]), TestCrypto.layerSeeded(seed))
      )
      expect(new Set(all.flat().map(Bytes.toHex)).size).toBe(8)
    })
  )

  it("signs as others verify, whatever it is built on", () => {
    const message = Bytes.utf8("a message")
    const alice = TestCrypto.keyPair("alice")
    const portable = TestCrypto.seeded(1).sign(message, alice.secretKey)
    expect(TestCrypto.seeded(1, native).sign(message, alice.secretKey)).toEqual(portable)
    expect(native.verify(portable, message, alice.publicKey)).toBe(true)
    expect(TestCrypto.seeded(2).verify(portable, message, alice.publicKey)).toBe(true)
    expect(TestCrypto.seeded(2).verify(portable, message, TestCrypto.keyPair("bob").publicKey)).toBe(false)
  })

  it("a name is a key pair", () => {
    const seed = Hash.sha256(Bytes.utf8("alice"))
    expect(TestCrypto.keyPair("alice").address).toBe(KeyPair.fromSeed(native, seed).address)
  })
})
