/**
 * Channel records as bytes, for stores that keep them outside the process: versioned, with nothing lost, and with a
 * checksum, so that damaged bytes are an error and never another record.
 *
 * The bytes hold the record's `fsm_id`, which is as good as a key to the channel's session at the node: keep them where
 * only their owner can read, or {@link seal} them.
 *
 * @since 0.1.0
 */
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js"
import { type Effect, Redacted } from "effect"
import * as SignedTx from "../chain/SignedTx.js"
import * as Hash from "../crypto/Hash.js"
import * as ApiEncoding from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import * as DecodeError from "../encoding/DecodeError.js"
import * as Rlp from "../encoding/Rlp.js"
import { codec } from "../protocol/JsonRpcSignedTx.js"
import type { FsmId } from "../protocol/NodeMessage.js"
import type { ChannelTerms, Role } from "../protocol/OpenParameters.js"
import type { Request } from "../protocol/Request.js"
import { type SignTag, signTags } from "../protocol/SignTag.js"
import * as Update from "../state/Update.js"
import type {
  ChannelRecord,
  Exposure,
  Intent,
  IntentDecision,
  PendingOperation,
  StoredRecord,
  StoredState
} from "./ChannelStore.js"

/**
 * The format that {@link encode} writes. {@link decode} reads it and all before it.
 *
 * @since 0.1.0
 * @category constants
 */
export const formatVersion = 4

/** Length of a key for {@link seal}, in bytes. @since 0.1.0 @category constants */
export const keyLength = 32

/** Length of a nonce for {@link seal}, in bytes. @since 0.1.0 @category constants */
export const nonceLength = 24

// What a file starts with whose bytes are a record, or a sealed one.
const plainMark = Bytes.utf8("aecr")
const sealedMark = Bytes.utf8("aecs")
const checksumLength = 32
const headerLength = plainMark.length + checksumLength

const fail = (reason: string, detail: string): DecodeError.DecodeError =>
  DecodeError.make("channel record", reason, detail)

// Values of one kind, there and back. A reader is given its place for errors.

interface Field<A> {
  readonly write: (value: A) => Rlp.Rlp
  readonly read: (item: Rlp.Rlp) => A
}

const bytesIn = (item: Rlp.Rlp): Uint8Array => {
  if (item instanceof Uint8Array) return item
  throw fail("invalid_field", "a list stands where bytes should be")
}
const listIn = (item: Rlp.Rlp): ReadonlyArray<Rlp.Rlp> => {
  if (item instanceof Uint8Array) throw fail("invalid_field", "bytes stand where a list should be")
  return item
}

const bytes: Field<Uint8Array> = { write: (value) => value, read: bytesIn }

const amount: Field<bigint> = {
  write: Bytes.uintToBytes,
  read: (item) => Bytes.uintFromBytesOrThrow(bytesIn(item))
}

const safeInteger: Field<number> = {
  write: Bytes.uintToBytes,
  read: (item) => {
    const value = Number(amount.read(item))
    if (!Number.isSafeInteger(value)) throw fail("invalid_field", "a number is too large")
    return value
  }
}

const text: Field<string> = {
  write: Bytes.utf8,
  read: (item) => Bytes.fromUtf8OrThrow(bytesIn(item))
}

const id = <P extends ApiEncoding.Prefix>(prefix: P): Field<ApiEncoding.Encoded<P>> => ({
  write: (value) => ApiEncoding.bytesOf(value),
  read: (item) => ApiEncoding.encode(prefix, bytesIn(item))
})

const oneOf = <A extends string>(values: ReadonlyArray<A>): Field<A> => ({
  write: text.write,
  read: (item) => {
    const found = values.find((value) => value === text.read(item))
    if (found === undefined) throw fail("invalid_field", `one of ${values.join(", ")} was expected`)
    return found
  }
})

const optional = <A>(field: Field<A>): Field<A | undefined> => ({
  write: (value) => (value === undefined ? [] : [field.write(value)]),
  read: (item) => {
    const [first, ...rest] = listIn(item)
    if (rest.length > 0) throw fail("invalid_field", "more than one value stands where at most one should be")
    return first === undefined ? undefined : field.read(first)
  }
})

const list = <A>(field: Field<A>): Field<ReadonlyArray<A>> => ({
  write: (values) => values.map(field.write),
  read: (item) => listIn(item).map((each, i) => DecodeError.within([i], () => field.read(each)))
})

/** A record as the list of its fields, in the order in which they stand here. */
const record = <A>(fields: { readonly [K in keyof A]: Field<A[K]> }): Field<A> => {
  const keys = Object.keys(fields) as Array<keyof A & string>
  return {
    write: (value) => keys.map((key) => fields[key].write(value[key])),
    read: (item) => {
      const items = listIn(item)
      if (items.length !== keys.length)
        throw fail("invalid_field", `${keys.length} fields were expected, there are ${items.length}`)
      return Object.fromEntries(
        keys.map((key, i) => [key, DecodeError.within([key], () => fields[key].read(items[i] ?? []))])
      ) as { readonly [K in keyof A]: A[K] }
    }
  }
}

const signedTx: Field<SignedTx.SignedTx> = {
  write: SignedTx.encode,
  read: (item) => SignedTx.decodeOrThrow(bytesIn(item))
}

const update: Field<Update.Update> = {
  write: Update.encode,
  read: (item) => Update.decodeOrThrow(bytesIn(item))
}

const fsmId: Field<FsmId> = {
  write: (value) => ApiEncoding.bytesOf(Redacted.value(value)),
  read: (item) => Redacted.make(ApiEncoding.encode("ba", bytesIn(item)))
}

/** A request stands as the frame that asks for it. */
const request: Field<Request> = {
  write: (value) => text.write(codec.encodeRequest(value)),
  read: (item) => {
    const frame = codec.decodeClientFrame(text.read(item))
    const found = frame._tag === "Calls" ? frame.calls[0]?.request : undefined
    if (found === undefined || found._tag === "Refusal" || found._tag === "Swallowed")
      throw fail("invalid_field", "a request was expected")
    return found
  }
}

const signTag = oneOf(Object.keys(signTags) as ReadonlyArray<SignTag>)
const role = oneOf<Role>(["initiator", "responder"])

const terms = record<ChannelTerms>({
  initiatorId: id("ak"),
  responderId: id("ak"),
  initiatorAmount: amount,
  responderAmount: amount,
  pushAmount: amount,
  channelReserve: amount,
  lockPeriod: safeInteger
})

const intent = record<Intent>({
  txHash: id("th"),
  tag: signTag,
  round: safeInteger,
  decision: oneOf<IntentDecision>(["requested", "policy accepted"])
})

const exposure = record<Exposure>({
  txHash: id("th"),
  tag: signTag,
  side: oneOf<Exposure["side"]>(["starter", "acknowledger"]),
  round: safeInteger,
  signedTx,
  updates: list(update),
  ownBalance: amount
})

const pending = record<PendingOperation>({
  kind: text,
  request: optional(request),
  txHash: optional(id("th"))
})

const state = record<StoredState>({ signedTx, trees: bytes })

const stored = record<StoredRecord>({
  version: safeInteger,
  record: record<ChannelRecord>({
    channelId: id("ch"),
    role,
    ownAddress: id("ak"),
    networkId: text,
    terms,
    fsmId: optional(fsmId),
    round: safeInteger,
    coSigned: optional(signedTx),
    trees: bytes,
    ground: optional(state),
    intents: list(intent),
    exposure: list(exposure),
    frozen: optional(text),
    pending: optional(pending),
    forced: list(signedTx),
    generalized: optional(list(id("ak")))
  })
})

/**
 * Where the ground of a forced state is, which format 1 did not know. Formats 1 and 2 did not know what was forced, and
 * those up to 3 not who was generalized.
 */
const groundAt = 9

/** A record of an older format as one of the newest. */
const upgraded = (format: number, item: Rlp.Rlp): Rlp.Rlp => {
  if (format === formatVersion) return item
  const [version, fields, ...rest] = listIn(item)
  if (version === undefined || fields === undefined) return item
  const known = listIn(fields)
  const grounded = format === 1 ? [...known.slice(0, groundAt), [], ...known.slice(groundAt)] : known
  return [version, [...grounded, ...(format < 3 ? [[]] : []), []], ...rest]
}

const within = <A>(f: () => A): A => DecodeError.within(["record"], f)

/**
 * A record and its version as bytes: four letters, the checksum (blake2b-256) of all that follows, the format's number
 * (one byte), the fields as RLP.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (value: StoredRecord): Uint8Array => {
  const body = Bytes.concat(Uint8Array.of(formatVersion), Rlp.encode(stored.write(value)))
  return Bytes.concat(plainMark, Hash.blake2b256(body), body)
}

const startsWith = (all: Uint8Array, mark: Uint8Array): boolean =>
  Bytes.equals(all.subarray(0, mark.length), mark)

/**
 * See {@link decode}; throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const decodeOrThrow = (all: Uint8Array): StoredRecord => {
  if (startsWith(all, sealedMark))
    throw fail("sealed", "the record is sealed; give the key it was sealed with")
  if (!startsWith(all, plainMark)) throw fail("not_a_record", "these bytes are no channel record")
  if (all.length <= headerLength) throw fail("truncated", "the end of the record is missing")
  // A copy, since parts of it become parts of the record.
  const body = all.slice(headerLength)
  if (!Bytes.equals(Hash.blake2b256(body), all.subarray(plainMark.length, headerLength)))
    throw fail("bad_checksum", "the record was damaged after it was written")
  const [format = 0] = body
  if (format === 0 || format > formatVersion)
    throw fail(
      "unsupported_version",
      `the record has format ${format}, and this version of the library reads up to ${formatVersion}`
    )
  return within(() => stored.read(upgraded(format, Rlp.decodeOrThrow(body.subarray(1)))))
}

/**
 * Reads what {@link encode} wrote. Fails with `DecodeError`, reason `bad_checksum`, `truncated` or `not_a_record` for
 * damaged bytes, `unsupported_version` for those of a later format, `sealed` for sealed ones.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (all: Uint8Array): Effect.Effect<StoredRecord, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(all))

/**
 * Encrypts the bytes of a record (XSalsa20-Poly1305): four letters, the nonce, the ciphertext. Key: 32 random bytes
 * that are kept elsewhere; nonce: 24 random bytes, new for every record that is written.
 *
 * @since 0.1.0
 * @category encryption
 */
export const seal = (
  all: Uint8Array,
  options: { readonly key: Redacted.Redacted<Uint8Array>; readonly nonce: Uint8Array }
): Uint8Array =>
  Bytes.concat(
    sealedMark,
    options.nonce,
    xsalsa20poly1305(Redacted.value(options.key), options.nonce).encrypt(all)
  )

/**
 * See {@link open}; throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category encryption
 */
export const openOrThrow = (all: Uint8Array, key: Redacted.Redacted<Uint8Array>): Uint8Array => {
  if (!startsWith(all, sealedMark)) throw fail("not_sealed", "a sealed record was expected")
  const start = sealedMark.length + nonceLength
  // Its errors say nothing that helps, and every failure is the same to us.
  const opened = ((): Uint8Array | undefined => {
    try {
      return xsalsa20poly1305(Redacted.value(key), all.subarray(sealedMark.length, start)).decrypt(
        all.subarray(start)
      )
    } catch {
      return undefined
    }
  })()
  if (opened === undefined)
    throw fail("cannot_open", "the record was sealed with another key, or damaged after it was written")
  return opened
}

/**
 * Decrypts what {@link seal} encrypted. Fails with `DecodeError`: `cannot_open` when the key is another one or the bytes
 * are damaged, `not_sealed` when they were never sealed.
 *
 * @since 0.1.0
 * @category encryption
 */
export const open = (
  all: Uint8Array,
  key: Redacted.Redacted<Uint8Array>
): Effect.Effect<Uint8Array, DecodeError.DecodeError> => DecodeError.attempt(() => openOrThrow(all, key))
