/**
 * Every transaction in recorded sessions of real nodes reads and writes back to the same bytes.
 */
import * as Fs from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import { DecodeError } from "../../src/encoding/DecodeError.js"
import * as Json from "../../src/encoding/Json.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import * as Fee from "../../src/chain/Fee.js"
import * as Ids from "../../src/chain/Ids.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import { hasShared, sharedJson, transcriptFiles } from "../support/Shared.js"
import { native } from "../support/TestCrypto.js"

const folders = ["signed_tx", "tx", "legacy", "v7", "seeds"] as const
const vectorFiles = ["ga-chain", "onchain", "contract", "recordings"] as const
type Source = (typeof folders)[number] | (typeof vectorFiles)[number]

interface Refused {
  readonly source: Source
  readonly matches: RegExp
  readonly reason: string
  readonly count: number
  readonly why: string
}

/** Every string that begins like a transaction and is none. */
const refused: ReadonlyArray<Refused> = [
  {
    source: "v7",
    matches: /^tx_broken$/,
    reason: "invalid_encoding",
    count: 1,
    why: "sent on purpose: no base64"
  },
  {
    source: "v7",
    matches: /^tx_Z2FyYmFnZWT29Y0=$/,
    reason: "trailing",
    count: 1,
    why: "sent on purpose: the word garbage with a good checksum"
  },
  {
    source: "seeds",
    matches: /\.\.\.$/,
    reason: "invalid_encoding",
    count: 21,
    why: "cut short in the documents"
  },
  {
    source: "onchain",
    matches: /^tx_nonce_/,
    reason: "invalid_encoding",
    count: 2,
    why: "names of errors"
  },
  {
    source: "onchain",
    matches: /^tx_\+/,
    reason: "wrong_length",
    count: 1,
    why: "made on purpose: a state hash of 31 bytes"
  },
  {
    source: "onchain",
    matches: /^tx_\+/,
    reason: "duplicate_signature",
    count: 1,
    why: "made on purpose: the same signature twice"
  },
  {
    source: "onchain",
    matches: /^tx_\+/,
    reason: "bad_signature_length",
    count: 1,
    why: "made on purpose: a signature of 63 bytes"
  }
]

interface Expected {
  readonly signed: number
  readonly bare: number
  /** Payloads that are no signed transaction: legal bytes, refused by the chain for what they say. */
  readonly otherPayloads: number
}

/** At least so many are signed or bare: data with fewer would prove less. */
const expected: { readonly [S in Source]: Expected } = {
  signed_tx: { signed: 1700, bare: 0, otherPayloads: 0 },
  tx: { signed: 291, bare: 97, otherPayloads: 0 },
  legacy: { signed: 291, bare: 97, otherPayloads: 0 },
  v7: { signed: 757, bare: 16, otherPayloads: 0 },
  seeds: { signed: 16, bare: 4, otherPayloads: 0 },
  "ga-chain": { signed: 26, bare: 0, otherPayloads: 0 },
  onchain: { signed: 116, bare: 0, otherPayloads: 1 },
  contract: { signed: 31, bare: 0, otherPayloads: 0 },
  recordings: { signed: 0, bare: 211, otherPayloads: 0 }
}

const stringsOf = (json: Json.Json, into: Set<string>): void => {
  if (typeof json === "string") {
    if (json.startsWith("tx_")) into.add(json)
  } else if (Json.isArray(json)) {
    for (const each of json) stringsOf(each, into)
  } else if (Json.isObject(json)) {
    for (const each of Object.values(json)) stringsOf(each, into)
  }
}

const transactionTexts = (folder: string): ReadonlySet<string> => {
  const texts = new Set<string>()
  for (const file of transcriptFiles(folder).filter((each) => each.endsWith(".jsonl"))) {
    for (const line of Fs.readFileSync(file, "utf8").split("\n")) {
      if (line === "") continue
      stringsOf(Json.parseOrThrow(line), texts)
    }
  }
  return texts
}

const signedOf = (folder: string): ReadonlyArray<SignedTx.SignedTx> =>
  Array.from(transactionTexts(folder)).flatMap((text) => {
    try {
      return [SignedTx.fromTextOrThrow(text)]
    } catch (error) {
      if (error instanceof DecodeError) return []
      throw error
    }
  })

interface SdkExample {
  readonly encodedTx: string
  readonly hash: string
  readonly channelId: string
  readonly fee: string
  readonly size: number
  readonly minFeeAt1e9: string
}

interface Counts {
  signed: number
  bare: number
  /** Signed, but with the signatures in another order than the node writes. */
  unsorted: number
  otherPayloads: number
  readonly kinds: Map<string, number>
  readonly failures: Array<readonly [reason: string, text: string]>
}

/** The text with the signatures in the order they came in, to see that nothing but the order differs. */
const writtenAsItCame = (bytes: Uint8Array, signed: SignedTx.SignedTx): string => {
  const position = (signature: Uint8Array) => Bytes.toHex(bytes).indexOf(Bytes.toHex(signature))
  const signatures = [...signed.signatures].sort((a, b) => position(a) - position(b))
  expect(signatures).not.toEqual(signed.signatures)
  return ApiEncoding.encode(
    "tx",
    Rlp.encode([Uint8Array.of(11), Uint8Array.of(1), signatures, signed.txBytes])
  )
}

const readPayload = (bytes: Uint8Array, counts: Counts): void => {
  try {
    const payload = SignedTx.decodeOrThrow(bytes)
    expect(SignedTx.encode({ ...payload, tx: { ...payload.tx } })).toEqual(bytes)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    counts.otherPayloads++
  }
}

const read = (text: string, counts: Counts): void => {
  const bytes = ApiEncoding.decodeOrThrow("tx", text)
  const count = (tx: Transaction.Transaction) => {
    const kind = `${tx._tag} ${tx.version}`
    counts.kinds.set(kind, (counts.kinds.get(kind) ?? 0) + 1)
  }
  try {
    const signed = SignedTx.fromTextOrThrow(text)
    // Without what decoding kept: written from the values alone.
    const rebuilt = SignedTx.toText(
      signed.signatures.reduce(SignedTx.addSignature, SignedTx.unsigned({ ...signed.tx }))
    )
    expect(SignedTx.toText(signed)).toBe(rebuilt)
    if (rebuilt !== text) {
      counts.unsorted++
      expect(writtenAsItCame(bytes, signed)).toBe(text)
    }
    counts.signed++
    for (
      let layer: SignedTx.SignedTx | undefined = signed;
      layer !== undefined;
      layer = SignedTx.inner(layer)
    ) {
      count(layer.tx)
      if ("payload" in layer.tx && layer.tx._tag !== "SpendTx" && layer.tx.payload.length > 0) {
        readPayload(layer.tx.payload, counts)
      }
    }
  } catch (error) {
    if (!(error instanceof DecodeError) || error.reason !== "not_a_signed_tx") throw error
    const tx = Transaction.decodeOrThrow(bytes)
    expect(ApiEncoding.encode("tx", Transaction.encode({ ...tx }))).toBe(text)
    counts.bare++
    count(tx)
  }
}

const readAll = (source: Source, texts: ReadonlySet<string>): void => {
  const counts: Counts = { signed: 0, bare: 0, unsorted: 0, otherPayloads: 0, kinds: new Map(), failures: [] }
  for (const text of texts) {
    try {
      read(text, counts)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      counts.failures.push([error.reason, text])
    }
  }
  const kinds = Array.from(counts.kinds, ([kind, n]) => `${kind}: ${n}`).sort()
  console.log(
    `${source}: ${texts.size} distinct tx_ strings, ${counts.signed} signed (${counts.unsorted} with ` +
      `unsorted signatures), ${counts.bare} bare, ${counts.failures.length} refused\n  ${kinds.join(", ")}`
  )
  const left = new Set(counts.failures)
  for (const row of refused.filter((each) => each.source === source)) {
    const found = counts.failures.filter(([reason, text]) => reason === row.reason && row.matches.test(text))
    for (const each of found) left.delete(each)
    console.log(`  refused ${found.length}: ${row.why} (${row.reason})`)
    expect(found.length).toBe(row.count)
  }
  expect(Array.from(left)).toEqual([])
  expect(counts.signed + counts.bare + counts.failures.length).toBe(texts.size)
  expect(counts.signed).toBeGreaterThanOrEqual(expected[source].signed)
  expect(counts.bare).toBeGreaterThanOrEqual(expected[source].bare)
  expect(counts.otherPayloads).toBe(expected[source].otherPayloads)
}

describe.skipIf(!hasShared)("recorded transactions", () => {
  it.each(folders)("%s", (folder) => {
    readAll(folder, transactionTexts(folder))
  })

  it.each(vectorFiles)("%s.json", (name) => {
    const texts = new Set<string>()
    stringsOf(sharedJson("vectors", `${name}.json`) as Json.Json, texts)
    readAll(name, texts)
  })

  it("signatures are by the two parties of the channel", () => {
    const networkIds = ["ae_dev", "local_lima_testnet", "local_iris_testnet", "local_ceres_testnet", "ae_uat"]
    const counts = { transactions: 0, signatures: 0, foreign: 0 }
    for (const folder of ["signed_tx", "v7"]) {
      const all = signedOf(folder)
      const parties = new Map<string, ReadonlyArray<ApiEncoding.AccountAddress>>()
      for (const signed of all) {
        const { tx } = SignedTx.innermost(signed)
        const id = Ids.channelIdOf(signed)
        if (id !== undefined && tx._tag === "ChannelCreateTx")
          parties.set(id, [tx.initiatorId, tx.responderId])
      }
      // One signature is checked once, however often it was sent.
      const seen = new Set<string>()
      for (const signed of all) {
        const { tx } = signed
        const known =
          tx._tag === "ChannelCreateTx"
            ? [tx.initiatorId, tx.responderId]
            : "channelId" in tx
              ? parties.get(tx.channelId)
              : undefined
        if (known === undefined || signed.signatures.length === 0) continue
        counts.transactions++
        for (const signature of signed.signatures) {
          const key = Bytes.toHex(signature)
          if (seen.has(key)) continue
          seen.add(key)
          const alone = SignedTx.addSignature(SignedTx.unsigned(tx), signature)
          const good = networkIds.some((networkId) =>
            known.some((account) => SignedTx.isSignedBy(alone, account, { networkId, crypto: native }))
          )
          if (good) counts.signatures++
          else counts.foreign++
        }
      }
    }
    console.log(
      `signed_tx, v7: ${counts.signatures} distinct signatures by a party in ${counts.transactions} transactions, ` +
        `${counts.foreign} by others`
    )
    expect(counts.foreign).toBe(0)
    expect(counts.signatures).toBeGreaterThan(1000)
  })

  it("the documented example of the SDK", () => {
    const example = sharedJson("vectors", "sdk-example.json") as SdkExample
    const signed = SignedTx.fromTextOrThrow(example.encodedTx)
    expect(SignedTx.toText(signed)).toBe(example.encodedTx)
    expect(SignedTx.hash(signed)).toBe(example.hash)
    expect(Ids.channelIdOf(signed)).toBe(example.channelId)
    const { tx } = signed
    if (tx._tag !== "ChannelCreateTx" || tx.version !== 2) throw new Error(`a ${tx._tag} ${tx.version}`)
    expect(String(tx.fee)).toBe(example.fee)
    expect(signed.txBytes.length).toBe(example.size)
    expect(String(Fee.minimumFee(tx, Fee.defaultMinerGasPrice))).toBe(example.minFeeAt1e9)
    const networkId = "ae_dev"
    expect(SignedTx.verify(signed, [tx.initiatorId, tx.responderId], { networkId, crypto: native })).toBe(
      "ok"
    )
    const before = { networkId, crypto: native, protocol: 3 }
    expect(SignedTx.verify(signed, [tx.initiatorId, tx.responderId], before)).toBe("signature_check_failed")
    console.log("sdk-example.json: 1 create transaction, 2 signatures")
  })

  it("fees of recorded on-chain transactions are gas times a round gas price", () => {
    let count = 0
    for (const signed of signedOf("v7")) {
      const { tx } = signed
      if (!("fee" in tx) || tx._tag === "GaMetaTx") continue
      const minimum = Fee.minimumFee(tx, Fee.defaultMinerGasPrice)
      if (tx.fee === minimum) count++
      expect(tx.fee).toBeGreaterThanOrEqual(minimum)
    }
    console.log(`v7: ${count} fees are the minimum at the default gas price`)
    expect(count).toBeGreaterThan(100)
  })
})
