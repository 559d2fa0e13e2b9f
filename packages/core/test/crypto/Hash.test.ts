import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import sodium from "libsodium-wrappers"
import * as NodeCrypto from "node:crypto"
import * as Hash from "../../src/crypto/Hash.js"
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
