import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import * as Hash from "../../src/crypto/Hash.js"
import * as Fee from "../../src/chain/Fee.js"
import * as Ids from "../../src/chain/Ids.js"
import * as Protocol from "../../src/chain/Protocol.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import * as Update from "../../src/state/Update.js"
import * as Any from "../../src/testing/Arbitraries.js"
import { fixture } from "../support/Shared.js"
import { native } from "../support/TestCrypto.js"
import { type Raw, namedKeys, runs, transactionOf, withDecimals } from "./known.js"

interface KnownSignatures {
  readonly bySigner: { readonly [name: string]: { readonly hashMode: string; readonly rawMode: string } }
  readonly signedTx: string
  readonly hash: string
  readonly signedTxRawMode: string
}

interface KnownTx {
  readonly type: string
  readonly tag: number
  readonly version: number
  readonly fields: { readonly [key: string]: Raw }
  readonly unsigned: string
  readonly unsignedTx: string
  readonly innerHash: string
  readonly sizeBytes: number
  readonly minFee?: { readonly at1e6: string; readonly at1e9: string }
  readonly signatures: { readonly [networkId: string]: KnownSignatures }
  readonly validAtProtocols: ReadonlyArray<number>
  readonly clientForm: { readonly [key: string]: Raw }
  readonly gas: { readonly feeGas: number }
  readonly channelId?: string
  readonly authentications: number
}

const known: ReadonlyArray<KnownTx> = fixture("tx").transactions
const networkIds: ReadonlyArray<string> = fixture("tx").networkIds
const keys = namedKeys(native)

const keyOf = (name: string) => {
  const key = keys.get(name)
  if (key === undefined) throw new Error(`no key named ${name}`)
  return key
}

const decodes = (bytes: Uint8Array): Transaction.Transaction | DecodeError => {
  try {
    return Transaction.decodeOrThrow(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
}

const errorOf = (bytes: Uint8Array): DecodeError => {
  const result = decodes(bytes)
  if (result instanceof DecodeError) return result
  throw new Error(`decoded as ${result._tag}`)
}

describe("known answers", () => {
  it("fields, bytes, hashes and fees of every known transaction", () => {
    let fees = 0
    for (const each of known) {
      const tx = transactionOf(each.type, each.version, each.fields)
      expect(Bytes.toHex(Transaction.encode(tx))).toBe(each.unsigned)
      const decoded = Transaction.decodeOrThrow(Bytes.fromHex(each.unsigned))
      expect(decoded).toEqual(tx)
      expect(Transaction.typeName(decoded)).toBe(each.type)
      expect(Transaction.rowOf(decoded).tag).toBe(each.tag)
      expect(ApiEncoding.encode("tx", Transaction.encode(decoded))).toBe(each.unsignedTx)
      expect(Bytes.toHex(Hash.blake2b256(Transaction.encode(tx)))).toBe(each.innerHash)
      expect(Transaction.encode(tx).length).toBe(each.sizeBytes)
      expect(Fee.gas(tx)).toBe(BigInt(each.gas.feeGas))
      if (each.minFee === undefined) {
        expect(Fee.minimumFee(tx, Fee.defaultMinerGasPrice)).toBe(0n)
        continue
      }
      fees++
      expect(String(Fee.minimumFee(tx, Fee.defaultMinerGasPrice))).toBe(each.minFee.at1e9)
      expect(String(Fee.minimumFee(tx, Fee.consensusGasPrice(Protocol.latest)))).toBe(each.minFee.at1e6)
    }
    expect(known.length).toBe(17)
    console.log(`tx.json: ${known.length} transactions (bytes, fields, hash, gas), ${2 * fees} minimum fees`)
  })

  it("both signature modes on every network", () => {
    let signatures = 0
    let signed = 0
    for (const each of known) {
      const tx = transactionOf(each.type, each.version, each.fields)
      for (const networkId of networkIds) {
        const expected = each.signatures[networkId]
        if (expected === undefined) throw new Error(`no signatures for ${networkId}`)
        let hashed = SignedTx.unsigned(tx)
        let raw = SignedTx.unsigned(tx)
        const signers: Array<ApiEncoding.AccountAddress> = []
        for (const [name, { hashMode, rawMode }] of Object.entries(expected.bySigner)) {
          const key = keyOf(name)
          signers.push(key.address)
          hashed = SignedTx.sign(hashed, key, { networkId, crypto: native })
          const message = SignedTx.signingMessage(raw.txBytes, networkId, "raw")
          const signature = native.sign(message, key.secretKey)
          raw = SignedTx.addSignature(raw, signature)
          expect(Bytes.toHex(signature)).toBe(rawMode)
          expect(hashed.signatures.map(Bytes.toHex)).toContain(hashMode)
          signatures += 2
        }
        expect(SignedTx.toText(hashed)).toBe(expected.signedTx)
        expect(SignedTx.hash(hashed)).toBe(expected.hash)
        expect(SignedTx.toText(raw)).toBe(expected.signedTxRawMode)
        for (const text of [expected.signedTx, expected.signedTxRawMode]) {
          const decoded = SignedTx.fromTextOrThrow(text)
          expect(SignedTx.toText(decoded)).toBe(text)
          expect(SignedTx.verify(decoded, signers, { networkId, crypto: native })).toBe("ok")
          expect(SignedTx.verify(decoded, [...signers].reverse(), { networkId, crypto: native })).toBe("ok")
          expect(SignedTx.authentications(decoded).total).toBe(each.authentications)
          signed++
        }
        // Hash mode came with Lima.
        const atFortuna = { networkId, crypto: native, protocol: Protocol.fortuna }
        expect(SignedTx.verify(hashed, signers, atFortuna)).toBe("signature_check_failed")
        expect(SignedTx.verify(raw, signers, atFortuna)).toBe("ok")
      }
    }
    console.log(
      `tx.json: ${signatures} signatures, ${signed} signed transactions on ${networkIds.length} networks`
    )
  })

  it("client form, legal protocols and channel ids", () => {
    let ids = 0
    for (const each of known) {
      const tx = transactionOf(each.type, each.version, each.fields)
      const form = Transaction.toClientForm(tx, (bytes) => Update.toJson(Update.decodeOrThrow(bytes)))
      expect(withDecimals(form)).toEqual(each.clientForm)
      expect(Object.keys(form)).toEqual(Object.keys(form).sort())
      expect(Protocol.all.filter((protocol) => Transaction.validAtProtocol(tx, protocol))).toEqual(
        each.validAtProtocols
      )
      if (tx._tag === "ChannelCreateTx") {
        expect(Ids.channelIdOf(SignedTx.unsigned(tx))).toBe(each.channelId)
        ids++
      }
    }
    console.log(`tx.json: ${known.length} client forms and protocol lists, ${ids} channel ids`)
  })

  it("who signs", () => {
    const participants = [keyOf("alice").address, keyOf("bob").address] as const
    for (const each of known) {
      const tx = transactionOf(each.type, each.version, each.fields)
      const signers = Object.keys(each.signatures["ae_dev"]?.bySigner ?? {}).map(
        (name) => keyOf(name).address
      )
      expect(Transaction.signers(tx, participants)).toEqual(signers)
      if (Transaction.rowOf(tx).signers === "channel_participants") {
        expect(Transaction.signers(tx)).toBeUndefined()
      }
    }
  })
})

describe("the table", () => {
  it("has one row for each tag and version, and one tag for each name", () => {
    const pairs = Transaction.rows.map((row) => `${row.tag}.${row.version}`)
    expect(new Set(pairs).size).toBe(pairs.length)
    const names = new Map<string, number>()
    for (const row of Transaction.rows)
      expect(names.get(row.name) ?? row.tag).toBe(names.set(row.name, row.tag).get(row.name))
    expect(Transaction.rows.length).toBe(22)
  })

  it("names an origin that is a field, and no fields of two versions collide", () => {
    for (const row of Transaction.rows as ReadonlyArray<Transaction.Row>) {
      if (row.origin !== undefined) expect(row.fields[row.origin]?.kind).toBe("id")
      expect(row.fields).not.toHaveProperty("_tag")
      expect(row.fields).not.toHaveProperty("version")
    }
  })

  it("lets two versions of a kind overlap at one protocol only where the chain does", () => {
    const legal = (name: string) =>
      Protocol.all.map((protocol) =>
        Transaction.rows
          .filter(
            (row) =>
              row.name === name &&
              row.protocols !== "never" &&
              row.protocols[0] <= protocol &&
              protocol <= row.protocols[1]
          )
          .map((row) => row.version)
      )
    expect(legal("ChannelCreateTx")).toEqual([[1], [1], [1], [1], [2], [2]])
    expect(legal("ChannelOffchainTx")).toEqual([[1], [1], [1, 2], [2], [2], [2]])
    expect(legal("GaMetaTx")).toEqual([[], [], [1], [1], [2], [2]])
    expect(legal("ChannelSetDelegatesTx")).toEqual([[], [], [], [], [1], [1]])
    expect(legal("GaMetaAuthData")).toEqual([[], [], [], [], [], []])
  })
})

describe.each(Transaction.rows.map((row) => [`${row.name} ${row.version}`, row as Transaction.Row] as const))(
  "%s",
  (_, row) => {
    it("any value encodes, decodes to itself and is what its schema says", () => {
      FastCheck.assert(
        FastCheck.property(Any.transactionOf(row), (tx) => {
          const bytes = Transaction.encode(tx)
          const decoded = Transaction.decodeOrThrow(bytes)
          expect(decoded).toEqual(tx)
          expect(Schema.is(Transaction.schema)(decoded)).toBe(true)
          expect(Schema.is(Transaction.schemaOf(row))(decoded)).toBe(true)
          // Without the bytes that decoding kept.
          expect(Transaction.encode({ ...decoded })).toEqual(bytes)
        }),
        runs(60)
      )
    })

    it("truncated, prolonged and damaged bytes are DecodeErrors or other canonical transactions", () => {
      FastCheck.assert(
        FastCheck.property(
          Any.transactionOf(row),
          FastCheck.nat(),
          FastCheck.integer({ min: 1, max: 255 }),
          (tx, n, flip) => {
            const bytes = Transaction.encode(tx)
            expect(decodes(bytes.subarray(0, n % bytes.length))).toBeInstanceOf(DecodeError)
            expect(decodes(Bytes.concat(bytes, Uint8Array.of(flip)))).toBeInstanceOf(DecodeError)
            const damaged = new Uint8Array(bytes)
            damaged[n % bytes.length] = (damaged[n % bytes.length] ?? 0) ^ flip
            const result = decodes(damaged)
            if (!(result instanceof DecodeError)) expect(Transaction.encode({ ...result })).toEqual(damaged)
          }
        ),
        runs(100)
      )
    })

    it("a field too many or too few is wrong_field_count", () => {
      const [tx] = FastCheck.sample(Any.transactionOf(row), { numRuns: 1, seed: 7 }) as [
        Transaction.Transaction
      ]
      const items = Rlp.decodeOrThrow(Transaction.encode(tx)) as ReadonlyArray<Rlp.Rlp>
      expect(errorOf(Rlp.encode(items.slice(0, -1))).reason).toBe("wrong_field_count")
      expect(errorOf(Rlp.encode([...items, Uint8Array.of(1)])).reason).toBe("wrong_field_count")
    })

    it("each field refuses the other structure, at its own name", () => {
      const [tx] = FastCheck.sample(Any.transactionOf(row), { numRuns: 1, seed: 7 }) as [
        Transaction.Transaction
      ]
      const items = Rlp.decodeOrThrow(Transaction.encode(tx)) as ReadonlyArray<Rlp.Rlp>
      Object.keys(row.fields).forEach((name, index) => {
        const changed = items.map((item, at) =>
          at !== index + 2 ? item : item instanceof Uint8Array ? [item] : Uint8Array.of(1)
        )
        const error = errorOf(Rlp.encode(changed))
        expect([error.what, error.reason, error.where]).toEqual(["transaction", "wrong_structure", [name]])
      })
    })
  }
)

describe("strictness", () => {
  const create = known.find((each) => each.type === "channel_create_tx" && each.version === 2) as KnownTx
  const items = Rlp.decodeOrThrow(Bytes.fromHex(create.unsigned)) as ReadonlyArray<Rlp.Rlp>
  const names = Object.keys(
    Transaction.rowOf(Transaction.decodeOrThrow(Bytes.fromHex(create.unsigned))).fields
  )
  const change = (name: string, f: (item: Rlp.Rlp) => Rlp.Rlp): Uint8Array =>
    Rlp.encode(items.map((item, index) => (index === names.indexOf(name) + 2 ? f(item) : item)))
  const refused: ReadonlyArray<
    readonly [string, (item: Rlp.Rlp) => Rlp.Rlp, string, ReadonlyArray<string | number>]
  > = [
    ["nonce", () => Uint8Array.of(0, 5), "leading_zero", ["nonce"]],
    ["nonce", () => new Uint8Array(), "empty_integer", ["nonce"]],
    ["fee", () => Uint8Array.of(0, 0), "leading_zero", ["fee"]],
    ["lockPeriod", () => Uint8Array.of(0x20, 0, 0, 0, 0, 0, 0), "integer_too_large", ["lockPeriod"]],
    [
      "initiatorId",
      (item) => Bytes.concat(Uint8Array.of(5), (item as Uint8Array).subarray(1)),
      "wrong_id_type",
      ["initiatorId"]
    ],
    [
      "initiatorId",
      (item) => Bytes.concat(Uint8Array.of(7), (item as Uint8Array).subarray(1)),
      "bad_id",
      ["initiatorId"]
    ],
    ["initiatorId", (item) => (item as Uint8Array).subarray(1), "bad_id", ["initiatorId"]],
    ["stateHash", (item) => (item as Uint8Array).subarray(1), "wrong_length", ["stateHash"]],
    [
      "responderDelegateIds",
      () => [items[2] as Rlp.Rlp, Uint8Array.of(1)],
      "bad_id",
      ["responderDelegateIds", 1]
    ]
  ]

  it.each(refused)("%s", (name, f, reason, where) => {
    const error = errorOf(change(name, f))
    expect(error).toMatchObject({ _tag: "DecodeError", what: "transaction", reason, where })
    expect(error.message).toContain(where.join("."))
  })

  it("other objects are no transactions", () => {
    const one = Uint8Array.of(1)
    for (const [bytes, reason] of [
      [Rlp.encode([Uint8Array.of(11), one, [], one]), "unknown_type"],
      [Rlp.encode([Uint8Array.of(50), Uint8Array.of(3)]), "unknown_type"],
      [Rlp.encode([Uint8Array.of(49), Uint8Array.of(0x03, 0xea)]), "unknown_type"],
      [Rlp.encode([Uint8Array.of(50)]), "not_an_object"],
      [Rlp.encode(one), "not_an_object"],
      [Rlp.encode([[], one]), "wrong_structure"],
      [new Uint8Array(), "empty"]
    ] as const) {
      expect(errorOf(bytes)).toMatchObject({ what: "transaction", reason })
    }
  })

  it("no bytes at all crash the reader", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 200 }), (bytes) => {
        decodes(bytes)
      }),
      runs(2000)
    )
  })

  it("lists nested without end are a DecodeError", () => {
    let item: Rlp.Rlp = []
    for (let i = 0; i < 400; i++) item = [item]
    expect(errorOf(Rlp.encode([Uint8Array.of(57), Uint8Array.of(2), item, item, item]))._tag).toBe(
      "DecodeError"
    )
    expect(errorOf(new Uint8Array(100_000).fill(0xc1))._tag).toBe("DecodeError")
  })

  it("does not share the caller's bytes", () => {
    const bytes = Bytes.fromHex(create.unsigned)
    const tx = Transaction.decodeOrThrow(bytes)
    bytes.fill(0)
    expect(Bytes.toHex(Transaction.encode(tx))).toBe(create.unsigned)
    expect(tx).toEqual(transactionOf(create.type, create.version, create.fields))
  })

  it.effect("decode gives the same as a typed failure", () =>
    Effect.gen(function* () {
      const tx = yield* Transaction.decode(Bytes.fromHex(create.unsigned))
      expect(tx._tag).toBe("ChannelCreateTx")
      const error = yield* Effect.flip(Transaction.decode(Uint8Array.of(1)))
      expect(error.reason).toBe("not_an_object")
    })
  )
})

describe("wrapped transactions", () => {
  const off = SignedTx.unsigned(
    transactionOf(
      "channel_offchain_tx",
      2,
      (known.find((each) => each.type === "channel_offchain_tx") as KnownTx).fields
    )
  )
  const settle = SignedTx.unsigned(
    transactionOf(
      "channel_settle_tx",
      1,
      (known.find((each) => each.type === "channel_settle_tx") as KnownTx).fields
    )
  )
  const payer = keyOf("alice").address
  const pay = (tx: Uint8Array): Transaction.PayingForTx => ({
    _tag: "PayingForTx",
    version: 1,
    payerId: payer,
    nonce: 1n,
    fee: 5n,
    tx
  })
  const meta = (signed: SignedTx.SignedTx) =>
    SignedTx.wrapMeta(signed, {
      gaId: payer,
      authData: Uint8Array.of(1),
      abiVersion: 3,
      fee: 1n,
      gas: 1n,
      gasPrice: 1n
    })

  it("garbage inside is refused with its path", () => {
    const error = errorOf(Transaction.encode(pay(Uint8Array.of(0xc0))))
    expect([error.reason, error.where]).toEqual(["not_a_signed_tx", ["tx"]])
    const bare = errorOf(Transaction.encode(pay(Transaction.encode(settle.tx))))
    expect([bare.reason, bare.where]).toEqual(["not_a_signed_tx", ["tx"]])
  })

  it("nobody pays for another payment or for an off-chain transaction, inside meta transactions or not", () => {
    const nested = SignedTx.encode(SignedTx.unsigned(pay(SignedTx.encode(settle))))
    for (const inner of [nested, SignedTx.encode(off), SignedTx.encode(meta(off))]) {
      expect(errorOf(Transaction.encode(pay(inner))).reason).toBe("not_allowed_to_pay_for")
    }
    expect(decodes(Transaction.encode(pay(SignedTx.encode(meta(settle)))))).toMatchObject({
      _tag: "PayingForTx"
    })
  })

  it("is legal only where the inner one is, and has its ttl", () => {
    expect(Transaction.validAtProtocol(pay(SignedTx.encode(settle)), Protocol.ceres)).toBe(true)
    expect(Transaction.validAtProtocol(pay(SignedTx.encode(settle)), Protocol.lima)).toBe(false)
    expect(Transaction.validAtProtocol(pay(Uint8Array.of(1)), Protocol.ceres)).toBe(false)
    const limited = SignedTx.unsigned({ ...settle.tx, ttl: 77 } as Transaction.ChannelSettleTx)
    expect(Transaction.ttl(pay(SignedTx.encode(limited)))).toBe(77)
    expect(Transaction.ttl(meta(limited).tx)).toBe(77)
  })

  it("too many layers are a DecodeError, not a stack overflow", () => {
    let signed = settle
    for (let i = 0; i < 30; i++) signed = meta(signed)
    expect(decodes(Transaction.encode(signed.tx))).toMatchObject({ _tag: "GaMetaTx" })
    for (let i = 0; i < 10; i++) signed = meta(signed)
    expect(errorOf(Transaction.encode(signed.tx)).reason).toBe("too_deep")
  })

  it("a payload must be a signed off-chain transaction that is legal too", () => {
    const solo = (payload: Uint8Array): Transaction.Transaction => ({
      _tag: "ChannelSnapshotSoloTx",
      version: 1,
      channelId: Ids.channelId(payer, 1n, keyOf("bob").address),
      fromId: payer,
      payload,
      ttl: 0,
      fee: 1n,
      nonce: 1n
    })
    const legal = (payload: Uint8Array) =>
      Protocol.all.filter((protocol) => Transaction.validAtProtocol(solo(payload), protocol))
    expect(legal(new Uint8Array())).toEqual([1, 2, 3, 4, 5, 6])
    expect(legal(SignedTx.encode(off))).toEqual([3, 4, 5, 6])
    expect(legal(SignedTx.encode(meta(off)))).toEqual([5, 6])
    expect(legal(SignedTx.encode(settle))).toEqual([])
    expect(legal(Transaction.encode(off.tx))).toEqual([])
    expect(legal(Uint8Array.of(1, 2, 3))).toEqual([])
  })

  it("is shown as the node shows it", () => {
    const form = Transaction.toClientForm(pay(SignedTx.encode(meta(settle))))
    expect(form).toMatchObject({
      type: "PayingForTx",
      tx: { tx: { type: "GAMetaTx", tx: { signatures: [], tx: { type: "ChannelSettleTx" } } } }
    })
    expect(Transaction.toClientForm(pay(Uint8Array.of(1)))).toMatchObject({
      tx: expect.stringMatching(/^tx_/)
    })
  })
})
