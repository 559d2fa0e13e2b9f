import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Redacted } from "effect"
import * as Hash from "../../src/crypto/Hash.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as DecodeError from "../../src/encoding/DecodeError.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import type { ChannelRecord, StoredRecord } from "../../src/services/ChannelStore.js"
import * as RecordCodec from "../../src/services/RecordCodec.js"
import * as Arbitraries from "../../src/testing/Arbitraries.js"

/** Secrets are compared as what they are: two that are equal are not the same object. */
const plain = ({ record, version }: StoredRecord) => ({
  version,
  record: { ...record, fsmId: record.fsmId === undefined ? undefined : Redacted.value(record.fsmId) }
})

const [sample] = FastCheck.sample(
  Arbitraries.storedRecord.filter(
    ({ record }) =>
      record.exposure.length > 0 &&
      record.intents.length > 0 &&
      record.coSigned !== undefined &&
      record.fsmId !== undefined &&
      record.frozen !== undefined &&
      record.pending?.request !== undefined
  ),
  { seed: 1, numRuns: 1 }
)
if (sample === undefined) throw new Error("no record was generated")
const bytes = RecordCodec.encode(sample)

const failureOf = (bytes: Uint8Array): string =>
  Effect.runSync(
    Effect.match(RecordCodec.decode(bytes), { onSuccess: () => "read", onFailure: ({ reason }) => reason })
  )

describe("RecordCodec", () => {
  it.prop(
    "I10: reads every record that it writes, with nothing lost",
    [Arbitraries.storedRecord],
    ([stored]) => {
      const encoded = RecordCodec.encode(stored)
      const again = Effect.runSync(RecordCodec.decode(encoded))
      expect(plain(again)).toStrictEqual(plain(stored))
      expect(RecordCodec.encode(again)).toStrictEqual(encoded)
    }
  )

  it("reads the whole record, each of its fields", () => {
    const fields: { readonly [K in keyof ChannelRecord]: true } = {
      channelId: true,
      role: true,
      ownAddress: true,
      networkId: true,
      terms: true,
      fsmId: true,
      round: true,
      coSigned: true,
      trees: true,
      ground: true,
      intents: true,
      exposure: true,
      frozen: true,
      pending: true,
      forced: true,
      generalized: true
    }
    const { record } = Effect.runSync(RecordCodec.decode(bytes))
    expect(Object.keys(record).sort()).toEqual(Object.keys(fields).sort())
  })

  it("shares no bytes with what it was read from", () => {
    const own = bytes.slice()
    const again = Effect.runSync(RecordCodec.decode(own))
    own.fill(0)
    expect(plain(again)).toStrictEqual(plain(sample))
  })

  it("I10: every flipped bit is an error, never another record", () => {
    const tally: Record<string, number> = {}
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice()
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
      const reason = failureOf(flipped)
      tally[reason] = (tally[reason] ?? 0) + 1
    }
    expect(tally).toEqual({ not_a_record: 4, bad_checksum: bytes.length - 4 })
    console.log(`flipped bits of a record of ${bytes.length} bytes: ${bytes.length}, all found`)
  })

  it("I10: every torn record is an error", () => {
    for (let length = 0; length < bytes.length; length++) {
      const reason = length < 4 ? "not_a_record" : length <= 36 ? "truncated" : "bad_checksum"
      expect(failureOf(bytes.slice(0, length))).toBe(reason)
    }
    expect(failureOf(Bytes.concat(bytes, Uint8Array.of(0)))).toBe("bad_checksum")
    // The length of a record is right, and its end was never written.
    const torn = bytes.slice()
    torn.fill(0, bytes.length >> 1)
    expect(failureOf(torn)).toBe("bad_checksum")
  })

  it("says that a record is of a later format, whatever follows", () => {
    const body = Uint8Array.of(RecordCodec.formatVersion + 1, 1, 2, 3)
    const later = Bytes.concat(Bytes.utf8("aecr"), Hash.blake2b256(body), body)
    expect(failureOf(later)).toBe("unsupported_version")
  })

  /** The bytes of a record in an older format: its fields, and those that format did not have. */
  const inFormat = (format: number, stored: StoredRecord, missing: ReadonlyArray<number>): Uint8Array => {
    const item = Rlp.decodeOrThrow(RecordCodec.encode(stored).subarray(37))
    const [version, fields] = item instanceof Uint8Array ? [] : item
    if (fields === undefined || fields instanceof Uint8Array || version === undefined)
      throw new Error("no record")
    for (const at of missing) expect(fields[at]).toEqual([])
    const older = fields.filter((_, at) => !missing.includes(at))
    const body = Bytes.concat(Uint8Array.of(format), Rlp.encode([version, older]))
    return Bytes.concat(Bytes.utf8("aecr"), Hash.blake2b256(body), body)
  }

  it.prop(
    "reads records of formats 1 to 3, which had less",
    [Arbitraries.storedRecord],
    ([{ record, version }]) => {
      const third: StoredRecord = { version, record: { ...record, generalized: undefined } }
      const second: StoredRecord = { version, record: { ...third.record, forced: [] } }
      const first: StoredRecord = { version, record: { ...second.record, ground: undefined } }
      for (const [format, stored, missing] of [
        [1, first, [9, 14, 15]],
        [2, second, [14, 15]],
        [3, third, [15]]
      ] as const) {
        const read = Effect.runSync(RecordCodec.decode(inFormat(format, stored, missing)))
        expect(plain(read)).toEqual(plain(stored))
      }
    }
  )

  it.prop("never throws anything else at bytes with a good checksum", [Arbitraries.bytes], ([rest]) => {
    const body = Bytes.concat(Uint8Array.of(RecordCodec.formatVersion), rest)
    const result = Effect.runSync(
      Effect.either(RecordCodec.decode(Bytes.concat(Bytes.utf8("aecr"), Hash.blake2b256(body), body)))
    )
    if (result._tag === "Left") expect(result.left).toBeInstanceOf(DecodeError.DecodeError)
  })
})

describe("RecordCodec.seal", () => {
  const key = Redacted.make(Hash.sha256(Bytes.utf8("key")))
  const nonce = Hash.sha256(Bytes.utf8("nonce")).subarray(0, RecordCodec.nonceLength)
  const sealed = RecordCodec.seal(bytes, { key, nonce })
  const reasonOf = (all: Uint8Array, with_ = key) =>
    Effect.runSync(
      Effect.match(RecordCodec.open(all, with_), {
        onSuccess: () => "opened",
        onFailure: ({ message, reason }) => {
          expect(message).not.toContain(Bytes.toHex(Redacted.value(key)))
          return reason
        }
      })
    )

  it("is opened with the same key", () => {
    expect(Effect.runSync(RecordCodec.open(sealed, key))).toStrictEqual(bytes)
  })

  it("I19: hides the secret that the plain bytes show", () => {
    const secret = sample.record.fsmId
    if (secret === undefined) throw new Error("no secret")
    const hex = Bytes.toHex(ApiEncoding.bytesOf(Redacted.value(secret)))
    expect(Bytes.toHex(bytes)).toContain(hex)
    expect(Bytes.toHex(sealed)).not.toContain(hex)
  })

  it("is not opened with another key, when damaged, or when it is none", () => {
    expect(reasonOf(sealed, Redacted.make(Hash.sha256(Bytes.utf8("other"))))).toBe("cannot_open")
    for (let at = 4; at < sealed.length; at += 7) {
      const flipped = sealed.slice()
      flipped[at] = (flipped[at] ?? 0) ^ 1
      expect(reasonOf(flipped)).toBe("cannot_open")
    }
    expect(reasonOf(sealed.slice(0, 20))).toBe("cannot_open")
    expect(reasonOf(bytes)).toBe("not_sealed")
    expect(failureOf(sealed)).toBe("sealed")
  })
})
