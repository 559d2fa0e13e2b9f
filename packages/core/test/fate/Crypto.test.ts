import { describe, expect, it } from "@effect/vitest"
import { secp256k1 } from "@noble/curves/secp256k1.js"
import { keccak_256 } from "@noble/hashes/sha3.js"
import * as fc from "effect/FastCheck"
import { blake2b256 } from "../../src/crypto/Hash.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Poseidon from "../../src/fate/internal/poseidon.js"
import * as Value from "../../src/fate/Value.js"
import { chainMachine } from "./support/chainMachine.js"
import { perform } from "./support/plainMachine.js"
import { runGroup } from "./support/vectors.js"

runGroup("ops-chain", "crypto")

const run = (mnemonic: string, ...values: ReadonlyArray<Value.Value>) =>
  perform(chainMachine(), mnemonic, ...values)

const { bytes } = Value

/** The other signature that is as good. */
const highS = (signature: Uint8Array): Uint8Array => {
  const { Fn } = secp256k1.Point
  const s = Fn.fromBytes(signature.subarray(32))
  return Bytes.concat(signature.subarray(0, 32), Fn.toBytes(Fn.neg(s)))
}

describe("signatures of secp256k1", () => {
  const signed = fc
    .tuple(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.bigInt({ min: 1n, max: 1n << 250n }))
    .map(([hash, secret]) => {
      const key = Bytes.uintToFixed(secret, 32)
      const signature = secp256k1.sign(hash, key, { prehash: false, format: "recovered" })
      const publicKey = secp256k1.getPublicKey(key, false).subarray(1)
      return { hash, publicKey, recovery: signature[0] ?? 0, signature: signature.subarray(1) }
    })

  it("are good with a low and with a high s", () => {
    fc.assert(
      fc.property(signed, ({ hash, publicKey, signature }) => {
        const high = highS(signature)
        for (const one of [signature, high])
          expect(run("VERIFY_SIG_SECP256K1", bytes(hash), bytes(publicKey), bytes(one))).toBe(true)
        const other = bytes(blake2b256(hash))
        expect(run("VERIFY_SIG_SECP256K1", other, bytes(publicKey), bytes(signature))).toBe(false)
      }),
      { numRuns: 10 }
    )
  })

  it("tell who signed", () => {
    fc.assert(
      fc.property(signed, ({ hash, publicKey, recovery, signature }) => {
        const address = bytes(keccak_256(publicKey).subarray(12))
        const recoverable = bytes(Bytes.concat(Uint8Array.of(27 + recovery), signature))
        expect(run("ECRECOVER_SECP256K1", bytes(hash), recoverable)).toEqual(Value.some(address))
        expect(run("ECVERIFY_SECP256K1", bytes(hash), address, recoverable)).toBe(true)
        const other = highS(signature)
        const high = bytes(Bytes.concat(Uint8Array.of(28 - recovery), other))
        expect(run("ECRECOVER_SECP256K1", bytes(hash), high)).toEqual(Value.some(address))
      }),
      { numRuns: 10 }
    )
  })

  it("of numbers that are none are not good, and of keys that are none cannot be asked about", () => {
    const hash = bytes(new Uint8Array(32).fill(1))
    const key = bytes(secp256k1.getPublicKey(new Uint8Array(32).fill(1), false).subarray(1))
    for (const byte of [0, 255])
      expect(run("VERIFY_SIG_SECP256K1", hash, key, bytes(new Uint8Array(64).fill(byte)))).toBe(false)
    const noKey = bytes(new Uint8Array(64).fill(1))
    expect(() => run("VERIFY_SIG_SECP256K1", hash, noKey, bytes(new Uint8Array(64).fill(1)))).toThrow(
      expect.objectContaining({ _tag: "Crash" })
    )
    for (const v of [0, 26, 29]) {
      const signature = bytes(Bytes.concat(Uint8Array.of(v), new Uint8Array(64).fill(1)))
      expect(run("ECRECOVER_SECP256K1", hash, signature)).toEqual(Value.none)
    }
  })
})

describe("Poseidon", () => {
  it("has the parameters of the reference", () => {
    const { constants, matrix } = Poseidon.parameters()
    const digest = (numbers: ReadonlyArray<bigint>) =>
      Bytes.toHex(blake2b256(Bytes.concat(...numbers.map((n) => Bytes.uintToFixed(n, 32)))))
    expect([constants.length, digest(constants)]).toEqual([
      195,
      "926d20d3900b74c5835e31d5685559b5ec60029dcc50c98445c9ab3146a69db4"
    ])
    expect([matrix.flat().length, digest(matrix.flat())]).toEqual([
      9,
      "fd5b4975cb062ac0b567aff13a69e3b2628201037c1606d278d0de67d556a9ab"
    ])
  })
})
