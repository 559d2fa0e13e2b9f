import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type { AccountAddress } from "../../src/encoding/ApiEncoding.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import * as Fee from "../../src/chain/Fee.js"
import * as Ids from "../../src/chain/Ids.js"
import * as Protocol from "../../src/chain/Protocol.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import { fixture } from "../support/Shared.js"
import { keyPairOf, native } from "../support/TestCrypto.js"
import { type Raw, runs, transactionOf } from "./known.js"

const networkId = "ae_dev"
const options = { networkId, crypto: native }
const initiator = keyPairOf("initiator")
const responder = keyPairOf("responder")
const stranger = keyPairOf("stranger")
const both: ReadonlyArray<AccountAddress> = [initiator.address, responder.address]
const channelId = Ids.channelId(initiator.address, 1n, responder.address)

const round = (n: number): Transaction.ChannelOffchainTx => ({
  _tag: "ChannelOffchainTx",
  version: 2,
  channelId,
  round: n,
  stateHash: new Uint8Array(32).fill(n % 256)
})

const once = SignedTx.sign(SignedTx.unsigned(round(2)), initiator, options)
const twice = SignedTx.sign(once, responder, options)

const errorOf = (run: () => unknown): DecodeError => {
  try {
    run()
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
  throw new Error("no error")
}

const envelope = (signatures: Rlp.Rlp, tx: Rlp.Rlp): Uint8Array =>
  Rlp.encode([Uint8Array.of(11), Uint8Array.of(1), signatures, tx])

const signatureOf = (n: number): Uint8Array => new Uint8Array(64).fill(n)

describe("reading and writing", () => {
  it("is a round trip, and the hash covers the signatures", () => {
    for (const signed of [SignedTx.unsigned(round(2)), once, twice]) {
      const text = SignedTx.toText(signed)
      expect(SignedTx.fromTextOrThrow(text)).toEqual(signed)
      expect(SignedTx.decodeOrThrow(SignedTx.encode(signed))).toEqual(signed)
    }
    expect(new Set([SignedTx.unsigned(round(2)), once, twice].map(SignedTx.hash)).size).toBe(3)
  })

  it("sorts signatures that are not sorted, and hashes them sorted", () => {
    const [first, second] = twice.signatures as [Uint8Array, Uint8Array]
    const unsorted = SignedTx.decodeOrThrow(envelope([second, first], twice.txBytes))
    expect(unsorted).toEqual(twice)
    expect(SignedTx.toText(unsorted)).toBe(SignedTx.toText(twice))
    expect(SignedTx.hash(unsorted)).toBe(SignedTx.hash(twice))
  })

  it("tells bad text from text that holds something else", () => {
    const good = SignedTx.toText(twice)
    const reasons = [
      "tx_broken",
      `${good.slice(0, -4)}AAAA`,
      "garbage",
      ApiEncoding.encode("ba", SignedTx.encode(twice)),
      ApiEncoding.encode("tx", Transaction.encode(round(2))),
      ApiEncoding.encode("tx", Bytes.utf8("garbage")),
      ApiEncoding.encode("tx", new Uint8Array())
    ].map((text) => errorOf(() => SignedTx.fromTextOrThrow(text)).reason)
    expect(reasons).toEqual([
      "invalid_encoding",
      "invalid_encoding",
      "invalid_encoding",
      "invalid_prefix",
      "not_a_signed_tx",
      "not_a_signed_tx",
      "not_a_signed_tx"
    ])
  })

  it.each([
    ["no list of signatures", envelope(Uint8Array.of(1), twice.txBytes), "not_a_signed_tx", []],
    ["a list in place of a signature", envelope([[]], twice.txBytes), "not_a_signed_tx", []],
    ["a list in place of the transaction", envelope([], []), "not_a_signed_tx", []],
    [
      "a field too many",
      Rlp.encode([Uint8Array.of(11), Uint8Array.of(1), [], twice.txBytes, []]),
      "not_a_signed_tx",
      []
    ],
    [
      "another version",
      Rlp.encode([Uint8Array.of(11), Uint8Array.of(2), [], twice.txBytes]),
      "not_a_signed_tx",
      []
    ],
    [
      "a short signature",
      envelope([signatureOf(1), signatureOf(2).subarray(1)], twice.txBytes),
      "bad_signature_length",
      ["signatures", 1]
    ],
    [
      "a long signature",
      envelope([new Uint8Array(65)], twice.txBytes),
      "bad_signature_length",
      ["signatures", 0]
    ],
    [
      "a signature twice",
      envelope([signatureOf(1), signatureOf(1)], twice.txBytes),
      "duplicate_signature",
      ["signatures"]
    ],
    [
      "a signature twice, apart",
      envelope([signatureOf(3), signatureOf(1), signatureOf(3)], twice.txBytes),
      "duplicate_signature",
      ["signatures"]
    ],
    [
      "an unknown transaction",
      envelope([], Rlp.encode([Uint8Array.of(99), Uint8Array.of(1)])),
      "unknown_type",
      ["tx"]
    ],
    ["another signed transaction", envelope([], SignedTx.encode(twice)), "unknown_type", ["tx"]]
  ] as const)("%s", (_, bytes, reason, where) => {
    const error = errorOf(() => SignedTx.decodeOrThrow(bytes))
    expect([error.reason, error.where]).toEqual([reason, where])
  })

  it("no damage crashes the reader, and what it accepts is canonical up to the order of signatures", () => {
    const bytes = SignedTx.encode(twice)
    let accepted = 0
    for (let at = 0; at < bytes.length; at++) {
      expect(errorOf(() => SignedTx.decodeOrThrow(bytes.subarray(0, at)))._tag).toBe("DecodeError")
      for (let bit = 0; bit < 8; bit++) {
        const damaged = new Uint8Array(bytes)
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
        try {
          const signed = SignedTx.decodeOrThrow(damaged)
          accepted++
          const again = SignedTx.decodeOrThrow(SignedTx.encode({ ...signed }))
          expect(again).toEqual(signed)
          expect(SignedTx.verify(signed, both, options)).toBe("signature_check_failed")
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
      }
    }
    expect(accepted).toBeGreaterThan(0)
  })

  it("does not share the caller's bytes", () => {
    const bytes = new Uint8Array(SignedTx.encode(twice))
    const signed = SignedTx.decodeOrThrow(bytes)
    bytes.fill(0)
    expect(signed).toEqual(twice)
    expect(SignedTx.toText(signed)).toBe(SignedTx.toText(twice))
  })

  it.effect("decode and fromText fail with DecodeError", () =>
    Effect.gen(function* () {
      expect(yield* SignedTx.fromText(SignedTx.toText(twice))).toEqual(twice)
      expect(yield* SignedTx.decode(SignedTx.encode(twice))).toEqual(twice)
      const [text, bytes] = [
        yield* Effect.flip(SignedTx.fromText("tx_")),
        yield* Effect.flip(SignedTx.decode(twice.txBytes))
      ]
      expect([text.reason, bytes.reason]).toEqual(["invalid_encoding", "not_a_signed_tx"])
    })
  )
})

describe("the set of signatures", () => {
  it("is sorted and distinct whatever the order of adding", () => {
    const signature = FastCheck.uint8Array({ minLength: 64, maxLength: 64 })
    FastCheck.assert(
      FastCheck.property(FastCheck.array(signature, { maxLength: 5 }), (signatures) => {
        const start = SignedTx.unsigned(round(2))
        const added = [...signatures, ...signatures].reduce(SignedTx.addSignature, start)
        const merged = [...signatures]
          .reverse()
          .map((each) => SignedTx.addSignature(start, each))
          .reduce((a, b) => {
            const both = SignedTx.merge(a, b)
            if (both instanceof DecodeError) throw both
            return both
          }, start)
        expect(added).toEqual(merged)
        const hex = added.signatures.map(Bytes.toHex)
        expect(hex).toEqual(Array.from(new Set(signatures.map(Bytes.toHex))).sort())
      }),
      runs(100)
    )
  })

  it("a signature of another length is a defect", () => {
    expect(() => SignedTx.addSignature(once, new Uint8Array(63))).toThrow(RangeError)
  })

  it("merges only what signs the same bytes", () => {
    const theirs = SignedTx.sign(SignedTx.unsigned(round(2)), responder, options)
    expect(SignedTx.merge(once, theirs)).toEqual(twice)
    expect(SignedTx.merge(once, SignedTx.unsigned(round(3)))).toMatchObject({
      _tag: "DecodeError",
      reason: "different_transactions"
    })
  })
})

describe("verifying", () => {
  it("needs each signer once and nothing else", () => {
    expect(SignedTx.verify(twice, both, options)).toBe("ok")
    for (const [signed, signers] of [
      [once, both],
      [twice, [initiator.address]],
      [twice, [initiator.address, initiator.address]],
      [twice, [initiator.address, stranger.address]],
      [SignedTx.sign(twice, stranger, options), both],
      [SignedTx.unsigned(round(2)), both]
    ] as const) {
      expect(SignedTx.verify(signed, signers, options)).toBe("signature_check_failed")
    }
    expect(SignedTx.verify(SignedTx.unsigned(round(2)), [], options)).toBe("ok")
  })

  it("counts the network, the inner mark and the mode", () => {
    expect(SignedTx.isSignedBy(once, initiator.address, options)).toBe(true)
    expect(SignedTx.isSignedBy(once, responder.address, options)).toBe(false)
    expect(SignedTx.isSignedBy(once, initiator.address, { ...options, networkId: "ae_uat" })).toBe(false)
    expect(SignedTx.isSignedBy(once, initiator.address, { ...options, innerTx: true })).toBe(false)
    expect(SignedTx.isSignedBy(once, initiator.address, { ...options, protocol: Protocol.fortuna })).toBe(
      false
    )
    const inner = SignedTx.sign(SignedTx.unsigned(round(2)), initiator, { ...options, innerTx: true })
    expect(SignedTx.isSignedBy(inner, initiator.address, { ...options, innerTx: true })).toBe(true)
    expect(SignedTx.isSignedBy(inner, initiator.address, options)).toBe(false)
  })

  it("takes signatures in different modes on one transaction", () => {
    const raw = native.sign(SignedTx.signingMessage(once.txBytes, networkId, "raw"), responder.secretKey)
    const mixed = SignedTx.addSignature(once, raw)
    expect(SignedTx.verify(mixed, both, options)).toBe("ok")
    expect(SignedTx.verify(mixed, both, { ...options, protocol: Protocol.fortuna })).toBe(
      "signature_check_failed"
    )
  })

  it("one account's two signatures in both modes do not stand for two accounts", () => {
    const raw = native.sign(SignedTx.signingMessage(once.txBytes, networkId, "raw"), initiator.secretKey)
    expect(SignedTx.verify(SignedTx.addSignature(once, raw), both, options)).toBe("signature_check_failed")
  })
})

interface KnownGa {
  readonly note: string
  readonly networkId: string
  readonly innerUnsigned: string
  readonly innerSigned: string
  readonly fields: { readonly [key: string]: Raw }
  readonly metaV2: string
  readonly metaV1_ttl0: string
  readonly outerSignedTx: string
  readonly outerHash: string
  readonly authId: string
  readonly authTxHashBeforeCeres: string
  readonly authTxHashFromCeres: string
  readonly feeGas: number
  readonly channelIdWithGaInitiator?: string
  readonly authentications: number
  readonly validAtProtocolsV2: ReadonlyArray<number>
  readonly validAtProtocolsV1: ReadonlyArray<number>
}

describe("a signature is proven once", () => {
  const counting = () => {
    let checks = 0
    const crypto = {
      ...native,
      verify: (...args: Parameters<typeof native.verify>) => {
        checks++
        return native.verify(...args)
      }
    }
    return { crypto, checks: () => checks }
  }
  const read = () => SignedTx.decodeOrThrow(SignedTx.encode(once))

  it("by the value that holds it, or by who made it", () => {
    const { checks, crypto } = counting()
    const received = read()
    for (const _ of [1, 2, 3])
      expect(SignedTx.isSignedBy(received, initiator.address, { networkId, crypto })).toBe(true)
    expect(checks()).toBe(1)
    const own = SignedTx.sign(SignedTx.unsigned(round(7)), initiator, { networkId, crypto })
    expect(SignedTx.isSignedBy(own, initiator.address, { networkId, crypto })).toBe(true)
    expect(checks()).toBe(1)
  })

  it("and by the values that are made of it", () => {
    const { checks, crypto } = counting()
    const received = read()
    expect(SignedTx.isSignedBy(received, initiator.address, { networkId, crypto })).toBe(true)
    const both = SignedTx.sign(received, responder, { networkId, crypto })
    const merged = SignedTx.merge(SignedTx.unsigned(round(2)), both)
    if (merged instanceof DecodeError) throw merged
    for (const signed of [both, merged])
      expect(SignedTx.verify(signed, [initiator.address, responder.address], { networkId, crypto })).toBe(
        "ok"
      )
    expect(checks()).toBe(1)
  })

  it("but not by another value with the same bytes: whoever else reads it verifies it again", () => {
    const { checks, crypto } = counting()
    for (const _ of [1, 2])
      expect(SignedTx.isSignedBy(read(), initiator.address, { networkId, crypto })).toBe(true)
    expect(checks()).toBe(2)
  })

  it("for one account, network, mode, protocol and transaction", () => {
    const received = read()
    const [signature] = received.signatures
    if (signature === undefined) throw new Error("no signature")
    expect(SignedTx.isSignedBy(received, initiator.address, options)).toBe(true)
    expect(SignedTx.isSignedBy(received, responder.address, options)).toBe(false)
    expect(SignedTx.isSignedBy(received, initiator.address, { ...options, networkId: "ae_uat" })).toBe(false)
    expect(SignedTx.isSignedBy(received, initiator.address, { ...options, innerTx: true })).toBe(false)
    expect(SignedTx.isSignedBy(received, initiator.address, { ...options, protocol: Protocol.fortuna })).toBe(
      false
    )
    const moved = SignedTx.addSignature(SignedTx.unsigned(round(3)), signature)
    expect(SignedTx.isSignedBy(moved, initiator.address, options)).toBe(false)
  })

  it("and not if its bytes were written over since", () => {
    const received = read()
    expect(SignedTx.isSignedBy(received, initiator.address, options)).toBe(true)
    received.signatures[0]?.fill(1)
    expect(SignedTx.isSignedBy(received, initiator.address, options)).toBe(false)
  })
})

describe("generalized accounts", () => {
  const rows: ReadonlyArray<KnownGa> = fixture("ga").rows

  it.each(rows.map((row) => [row.note, row] as const))("%s", (_, row) => {
    const innerTx = Transaction.decodeOrThrow(Bytes.fromHex(row.innerUnsigned))
    const inner = SignedTx.decodeOrThrow(Bytes.fromHex(row.innerSigned))
    expect(inner.tx).toEqual(innerTx)
    const meta = transactionOf("ga_meta_tx", 2, row.fields)
    if (meta._tag !== "GaMetaTx") throw new Error(meta._tag)
    expect(Bytes.toHex(Transaction.encode(meta))).toBe(row.metaV2)
    const { tx: _tx, _tag, version: _version, ...parts } = meta
    const outer = SignedTx.wrapMeta(inner, parts)
    expect(SignedTx.toText(outer)).toBe(row.outerSignedTx)
    expect(SignedTx.hash(outer)).toBe(row.outerHash)
    expect(SignedTx.fromTextOrThrow(row.outerSignedTx)).toEqual(outer)
    const old = SignedTx.wrapMeta(inner, parts, Protocol.lima)
    expect(Bytes.toHex(old.txBytes)).toBe(row.metaV1_ttl0)

    expect(SignedTx.innermost(outer)).toEqual(inner)
    expect(SignedTx.authentications(outer)).toEqual({
      gaIds: [meta.gaId],
      signatures: inner.signatures.length,
      total: row.authentications
    })
    expect(SignedTx.sameTransaction(outer, SignedTx.unsigned(innerTx))).toBe(true)
    expect(SignedTx.sameTransaction(outer, once)).toBe(false)
    expect(Bytes.toHex(Ids.authId(meta.gaId, meta.authData))).toBe(row.authId)
    const authHash = (protocol: number) =>
      Bytes.toHex(SignedTx.authTxHash(inner.txBytes, meta, row.networkId, protocol))
    expect(authHash(Protocol.iris)).toBe(row.authTxHashBeforeCeres)
    expect(authHash(Protocol.ceres)).toBe(row.authTxHashFromCeres)
    expect(Fee.gas(meta)).toBe(BigInt(row.feeGas))
    if (row.channelIdWithGaInitiator !== undefined) {
      expect(Ids.channelIdOf(outer)).toBe(row.channelIdWithGaInitiator)
    }
    const legal = (tx: Transaction.Transaction) =>
      Protocol.all.filter((protocol) => Transaction.validAtProtocol(tx, protocol))
    expect(legal(outer.tx)).toEqual(row.validAtProtocolsV2)
    expect(legal(old.tx)).toEqual(row.validAtProtocolsV1)
    console.log(`ga.json: ${row.note}`)
  })

  it("keys sign what is inside of all, and not the meta transactions, which have no signatures", () => {
    const meta = { gaId: initiator.address, abiVersion: 3, fee: 1n, gas: 1n, gasPrice: 1n }
    const wrap = (signed: SignedTx.SignedTx, data: number) =>
      SignedTx.wrapMeta(signed, { ...meta, authData: Uint8Array.of(data) })
    const bare = SignedTx.unsigned(once.tx)
    const options = { networkId: "ae_dev", crypto: native }
    const inside = wrap(wrap(SignedTx.sign(bare, responder, options), 1), 2)
    const signed = SignedTx.sign(wrap(wrap(bare, 1), 2), responder, options)
    expect(SignedTx.toText(signed)).toBe(SignedTx.toText(inside))
    expect(signed.signatures).toEqual([])
    const [signature] = SignedTx.innermost(signed).signatures
    if (signature === undefined) throw new Error("no signature")
    expect(SignedTx.addSignature(wrap(bare, 1), signature)).toEqual(
      wrap(SignedTx.addSignature(bare, signature), 1)
    )
    expect(SignedTx.addSignature(inside, signature)).toBe(inside)
    expect(new Set([bare, signed, inside].map(SignedTx.bodyHash)).size).toBe(1)
  })

  it("layers nest, one for each account; the outer account of two does not make the channel id", () => {
    const create: Transaction.ChannelCreateTx = {
      _tag: "ChannelCreateTx",
      version: 2,
      initiatorId: initiator.address,
      initiatorAmount: 10n,
      responderId: responder.address,
      responderAmount: 10n,
      channelReserve: 1n,
      lockPeriod: 1,
      ttl: 0,
      fee: 1n,
      initiatorDelegateIds: [],
      responderDelegateIds: [],
      stateHash: new Uint8Array(32),
      nonce: 0n
    }
    const layer = (gaId: AccountAddress, data: number) => (signed: SignedTx.SignedTx) =>
      SignedTx.wrapMeta(signed, {
        gaId,
        authData: Uint8Array.of(data),
        abiVersion: 3,
        fee: 1n,
        gas: 1n,
        gasPrice: 1n
      })
    const inner = layer(initiator.address, 1)(SignedTx.unsigned(create))
    const signed = layer(initiator.address, 3)(layer(responder.address, 2)(inner))
    expect(SignedTx.authentications(signed)).toEqual({
      gaIds: [initiator.address, responder.address],
      signatures: 0,
      total: 2
    })
    const expected = Ids.channelId(
      initiator.address,
      Ids.authId(initiator.address, Uint8Array.of(1)),
      responder.address
    )
    expect(Ids.channelIdOf(signed)).toBe(expected)
    expect(Ids.channelIdOf(layer(responder.address, 2)(SignedTx.unsigned(create)))).toBe(
      Ids.channelId(initiator.address, 0n, responder.address)
    )
    expect(Ids.channelIdOf(twice)).toBeUndefined()
    expect(SignedTx.metaLayers(signed).map((meta) => Bytes.toHex(meta.authData))).toEqual(["03", "02", "01"])
    expect(SignedTx.inner(SignedTx.unsigned(create))).toBeUndefined()
  })
})
