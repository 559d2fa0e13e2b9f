import { afterEach, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import sodium from "libsodium-wrappers"
import * as NodeCrypto from "node:crypto"
import * as Hash from "../../src/crypto/Hash.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"

await sodium.ready

describe("Hash", () => {
  it("knows the hashes of nothing and of abc", () => {
    expect(Bytes.toHex(Hash.blake2b256(new Uint8Array()))).toBe(
      "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
    )
    expect(Bytes.toHex(Hash.blake2b256(Bytes.utf8("abc")))).toBe(
      "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
    )
    expect(Bytes.toHex(Hash.sha256(Bytes.utf8("abc")))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
  })

  it.prop("agree with other implementations", [FastCheck.uint8Array({ maxLength: 400 })], ([bytes]) => {
    expect(Hash.blake2b256(bytes)).toEqual(sodium.crypto_generichash(32, bytes, null))
    expect(Bytes.toHex(Hash.sha256(bytes))).toBe(NodeCrypto.createHash("sha256").update(bytes).digest("hex"))
  })
})

describe("Hash.accelerate", () => {
  afterEach(() => Effect.runSync(Hash.accelerate(Hash.portable)))

  const counting = () => {
    let calls = 0
    const sha256: Hash.HashFunction = (bytes) => {
      calls++
      return Hash.portable.sha256(bytes)
    }
    return { sha256, calls: () => calls }
  }
  const input = Bytes.utf8("abc")

  it.effect("takes the functions it is given, tries each once, and leaves the others", () =>
    Effect.gen(function* () {
      const { calls, sha256 } = counting()
      yield* Hash.accelerate({ sha256 })
      const tried = calls()
      expect(Hash.sha256(input)).toEqual(Hash.portable.sha256(input))
      expect(Hash.blake2b256(input)).toEqual(Hash.portable.blake2b256(input))
      expect(calls()).toBe(tried + 1)
      yield* Hash.accelerate({ sha256 })
      expect(calls()).toBe(tried + 1)
    })
  )

  it.effect("checksums of texts are made with them too", () =>
    Effect.gen(function* () {
      const { calls, sha256 } = counting()
      yield* Hash.accelerate({ sha256 })
      const tried = calls()
      ApiEncoding.encode("tx", input)
      expect(calls()).toBe(tried + 2)
    })
  )

  const shared = new Uint8Array(32)
  const wrong: ReadonlyArray<readonly [why: string, hash: Hash.HashFunction]> = [
    ["is another function", (bytes) => Hash.portable.blake2b256(bytes)],
    ["is wrong for one length", (bytes) => Hash.portable.sha256(bytes.length === 128 ? input : bytes)],
    [
      "throws",
      () => {
        throw new Error("no")
      }
    ],
    ["gives a buffer", (bytes) => Buffer.from(Hash.portable.sha256(bytes))],
    [
      "writes over its last answer",
      (bytes) => {
        shared.set(Hash.portable.sha256(bytes))
        return shared
      }
    ],
    [
      "changes what it hashes",
      (bytes) => {
        const hash = Hash.portable.sha256(bytes)
        bytes.fill(0)
        return hash
      }
    ]
  ]

  it.effect.each(wrong)("refuses a function that %s, and changes nothing", ([, hash]) =>
    Effect.gen(function* () {
      const good = counting()
      yield* Hash.accelerate({ sha256: good.sha256 })
      const error = yield* Effect.flip(
        Hash.accelerate({ blake2b256: (bytes) => Hash.portable.blake2b256(bytes), sha256: hash })
      )
      expect(error).toBeInstanceOf(Hash.WrongHashError)
      expect(error).toMatchObject({ hash: "sha256", length: expect.any(Number) })
      expect(error.message).toContain(`${error.length} bytes`)
      const before = good.calls()
      expect(Hash.sha256(input)).toEqual(Hash.portable.sha256(input))
      expect(good.calls()).toBe(before + 1)
    })
  )
})
