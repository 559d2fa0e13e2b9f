/**
 * The texts in which æternity shows bytes: `ak_…`, `ch_…`, `tx_…` and so on. A text is a prefix that names the type,
 * `_`, and the payload with a four byte checksum in base58 or base64.
 *
 * Reading is strict: every payload has exactly one text. Whitespace, missing padding, non-zero spare bits, wrong
 * lengths and wrong checksums are refused.
 *
 * Specification: æternity API encoding.
 *
 * @since 0.1.0
 */
import { base58 } from "@scure/base"
import type * as Brand from "effect/Brand"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Bytes from "./Bytes.js"
import * as DecodeError from "./DecodeError.js"
import * as Base64 from "./internal/base64.js"
import * as BoundedCache from "./internal/BoundedCache.js"
import * as Hashes from "./internal/hashes.js"

/**
 * One row of the table of prefixes: the meaning, the text encoding and the exact payload size in bytes (`undefined`:
 * any size). A `secret` payload is never cached and its text is never part of an error.
 *
 * @since 0.1.0
 * @category models
 */
export interface PrefixRow {
  readonly meaning: string
  readonly encoding: "base58" | "base64"
  readonly size: number | undefined
  readonly secret: boolean
}

const row = (meaning: string, encoding: "base58" | "base64", size?: number, secret = false): PrefixRow => ({
  meaning,
  encoding,
  size,
  secret
})

/**
 * Every known prefix.
 *
 * Specification: æternity API encoding, "Encoding scheme for API identifiers and byte arrays".
 *
 * @since 0.1.0
 * @category constants
 */
export const prefixes = {
  ak: row("account public key", "base58", 32),
  sk: row("account secret key", "base58", 32, true),
  ct: row("contract", "base58", 32),
  ch: row("channel", "base58", 32),
  ok: row("oracle", "base58", 32),
  oq: row("oracle query id", "base58", 32),
  nm: row("name", "base58"),
  cm: row("name commitment", "base58", 32),
  pp: row("peer key", "base58", 32),
  kh: row("key block hash", "base58", 32),
  mh: row("micro block hash", "base58", 32),
  bf: row("block proof of fraud hash", "base58", 32),
  bx: row("block transactions hash", "base58", 32),
  bs: row("block state hash", "base58", 32),
  th: row("transaction hash", "base58", 32),
  sg: row("signature", "base58", 64),
  st: row("state hash", "base64", 32),
  tx: row("transaction", "base64"),
  ss: row("state trees", "base64"),
  cs: row("call state tree", "base64"),
  pi: row("proof of inclusion", "base64"),
  cb: row("contract byte array", "base64"),
  ck: row("contract store key", "base64"),
  cv: row("contract store value", "base64"),
  ov: row("oracle query", "base64"),
  or: row("oracle response", "base64"),
  // The fsm_id, a secret, is written with this prefix.
  ba: row("byte array", "base64", undefined, true)
} as const satisfies Record<string, PrefixRow>

const named = ({ meaning }: PrefixRow): string => `${/^[aeiou]/.test(meaning) ? "an" : "a"} ${meaning}`

/**
 * A known prefix.
 *
 * @since 0.1.0
 * @category models
 */
export type Prefix = keyof typeof prefixes

/**
 * A text that was checked (or made) by this module; a string at run time. Of several prefixes it is the union of
 * their texts.
 *
 * @since 0.1.0
 * @category models
 */
export type Encoded<P extends Prefix> = P extends Prefix ? `${P}_${string}` & Brand.Brand<P> : never

/** An account, `ak_…`. @since 0.1.0 @category models */
export type AccountAddress = Encoded<"ak">
/** A channel, `ch_…`. @since 0.1.0 @category models */
export type ChannelId = Encoded<"ch">
/** A contract, `ct_…`. @since 0.1.0 @category models */
export type ContractId = Encoded<"ct">
/** An oracle, `ok_…`. @since 0.1.0 @category models */
export type OracleId = Encoded<"ok">
/** A name, `nm_…`. @since 0.1.0 @category models */
export type NameId = Encoded<"nm">
/** A name commitment, `cm_…`. @since 0.1.0 @category models */
export type CommitmentId = Encoded<"cm">
/** The hash of a signed transaction, `th_…`. @since 0.1.0 @category models */
export type TxHash = Encoded<"th">
/** The hash of a key block or a micro block, `kh_…` or `mh_…`. @since 0.1.0 @category models */
export type BlockHash = Encoded<"kh"> | Encoded<"mh">
/** A transaction, signed or not, `tx_…`. @since 0.1.0 @category models */
export type TransactionText = Encoded<"tx">
/** A signature, `sg_…`. @since 0.1.0 @category models */
export type SignatureText = Encoded<"sg">
/** The root hash of state trees, `st_…`. @since 0.1.0 @category models */
export type StateHashText = Encoded<"st">
/** Serialized state trees, `ss_…`. @since 0.1.0 @category models */
export type StateTreesText = Encoded<"ss">
/** A serialized calls tree, `cs_…`. @since 0.1.0 @category models */
export type CallsTreeText = Encoded<"cs">
/** A proof of inclusion, `pi_…`. @since 0.1.0 @category models */
export type PoiText = Encoded<"pi">
/** Contract code, call data or a return value, `cb_…`. @since 0.1.0 @category models */
export type ContractBytesText = Encoded<"cb">
/** The secret with which a client comes back to its FSM, `ba_…`. @since 0.1.0 @category models */
export type FsmIdText = Encoded<"ba">

// A name has at most 253 characters; the bound keeps the quadratic base58 conversion of hostile text short.
const maximumBase58Payload = 1024

const checksumSize = 4

const lookup: ReadonlyMap<string, PrefixRow> = new Map(Object.entries(prefixes))

const isPrefix = (text: string): text is Prefix => lookup.has(text)

const checksumOf = (payload: Uint8Array): Uint8Array => {
  const { sha256 } = Hashes.inUse()
  return sha256(sha256(payload))
}

// Public 32 byte ids come again and again; their texts cost a base58 conversion and two hashes each way. So do short
// byte strings: what contracts answer, calls without much to say, events without data.
const cacheSize = 4096
const textToBytes = BoundedCache.make<Uint8Array>(cacheSize)
const bytesToText = BoundedCache.make<string>(cacheSize)

const largestShort = 24
const longestRemembered = 64

const isCached = ({ encoding, secret, size }: PrefixRow, length: number): boolean =>
  !secret && (encoding === "base58" ? size === 32 : size === undefined && length <= largestShort)

const remember = (key: string, text: string, payload: Uint8Array): void => {
  // A real copy: `slice` of a Buffer would be a view that its owner can change.
  textToBytes.set(text, new Uint8Array(payload))
  bytesToText.set(key, text)
}

const cacheKey = (prefix: string, payload: Uint8Array): string => prefix + Base64.latin1(payload)

/**
 * How many texts are remembered in both directions together; bounded. For tests.
 *
 * @internal
 * @since 0.1.0
 * @category inspection
 */
export const rememberedTexts = (): number => textToBytes.size() + bytesToText.size()

/**
 * The bound of `rememberedTexts`.
 *
 * @internal
 * @since 0.1.0
 * @category constants
 */
export const maximumRememberedTexts = 4 * cacheSize

const refuse = (code: string, detail: string): never => {
  throw DecodeError.make("api encoding", "invalid_encoding", `${detail} (${code})`)
}

// The largest number of base58 characters for a payload: log(256)/log(58) < 1.3659 characters per byte.
const maximumBase58Length = (size: number): number => Math.ceil((size + checksumSize) * 1.3659) + 1

const decodeBody = (prefix: string, row: PrefixRow, body: string): Uint8Array => {
  const isBase58 = row.encoding === "base58"
  if (isBase58 && body.length > maximumBase58Length(row.size ?? maximumBase58Payload))
    return refuse("incorrect_size", `the text is longer than any ${prefix}_ text`)
  if (!isBase58)
    return (
      Base64.decode(body) ??
      refuse("invalid_base64", `after ${prefix}_ must stand base64 with its padding and nothing else`)
    )
  try {
    return base58.decode(body)
  } catch {
    // The cause quotes characters of the text, which may be secret.
    return refuse("invalid_base58_char", `after ${prefix}_ only characters of the base58 alphabet may stand`)
  }
}

const decodeKnown = (prefix: string, row: PrefixRow, text: string): Uint8Array => {
  const cached = text.length <= longestRemembered ? textToBytes.get(text) : undefined
  if (cached !== undefined) return cached.slice()
  const all = decodeBody(prefix, row, text.slice(prefix.length + 1))
  const size = all.length - checksumSize
  if (size < 0) refuse("too_short", `the text of ${named(row)} is too short to hold its checksum`)
  const payload = all.subarray(0, size)
  const sum = checksumOf(payload)
  for (let i = 0; i < checksumSize; i++)
    if (all[size + i] !== sum[i])
      refuse("bad_checksum", `the checksum of ${named(row)} is wrong: look for a mistyped character`)
  if (row.size !== undefined && size !== row.size)
    refuse("incorrect_size", `${named(row)} has ${row.size} bytes, this one has ${size}`)
  if (isCached(row, size)) remember(cacheKey(prefix, payload), text, payload)
  return payload
}

/**
 * The text of a payload. A payload of the wrong size is a defect.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = <P extends Prefix>(prefix: P, payload: Uint8Array): Encoded<P> => {
  const row: PrefixRow = prefixes[prefix]
  if (row.size !== undefined && payload.length !== row.size)
    throw new RangeError(`${named(row)} has ${row.size} bytes, not ${payload.length}`)
  if (row.encoding === "base58" && payload.length > maximumBase58Payload)
    throw new RangeError(`${named(row)} has at most ${maximumBase58Payload} bytes`)
  const key = isCached(row, payload.length) ? cacheKey(prefix, payload) : undefined
  const cached = key === undefined ? undefined : bytesToText.get(key)
  if (cached !== undefined) return cached as Encoded<P>
  const all = Bytes.concat(payload, checksumOf(payload).subarray(0, checksumSize))
  const text = `${prefix}_${row.encoding === "base58" ? base58.encode(all) : Base64.encode(all)}`
  if (key !== undefined) remember(key, text, payload)
  return text as Encoded<P>
}

/**
 * The known prefix with which a text begins, or `undefined`. Looks at nothing but the characters before the first
 * `_`.
 *
 * @since 0.1.0
 * @category inspection
 */
export const prefixOf = (text: string): Prefix | undefined => {
  const end = text.indexOf("_")
  if (end < 0) return undefined
  const prefix = text.slice(0, end)
  return isPrefix(prefix) ? prefix : undefined
}

/**
 * The payload of a text of the given type or types. Throws `DecodeError`: `invalid_prefix` for a valid text of
 * another type, `invalid_encoding` for everything else. The error does not hold the text.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const decodeOrThrow = <P extends Prefix>(prefix: P | ReadonlyArray<P>, text: string): Uint8Array => {
  const found = prefixOf(text)
  if (found === undefined)
    return text.includes("_")
      ? refuse("unknown_prefix", `expected a text that begins with ${wanted(prefix)}`)
      : refuse("missing_prefix", `expected a text that begins with ${wanted(prefix)}, there is no "_"`)
  const payload = decodeKnown(found, prefixes[found], text)
  const matches =
    typeof prefix === "string" ? found === prefix : (prefix as ReadonlyArray<string>).includes(found)
  if (!matches)
    throw DecodeError.make(
      "api encoding",
      "invalid_prefix",
      `expected ${wanted(prefix)}, got ${named(prefixes[found])} (${found}_)`
    )
  return payload
}

const wanted = (prefix: Prefix | ReadonlyArray<Prefix>): string =>
  (typeof prefix === "string" ? [prefix] : prefix).map((one) => `${one}_`).join(" or ")

/**
 * The payload of a text of the given type or types. Fails with `DecodeError`: `invalid_prefix` for a valid text of
 * another type, `invalid_encoding` for everything else.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = <P extends Prefix>(
  prefix: P | ReadonlyArray<P>,
  text: string
): Effect.Effect<Uint8Array, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(prefix, text))

/**
 * Checks a text and brands it. Throws `DecodeError` like `decodeOrThrow`.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const parseOrThrow = <P extends Prefix>(prefix: P | ReadonlyArray<P>, text: string): Encoded<P> => {
  if (!(textToBytes.has(text) && isWanted(prefix, text))) decodeOrThrow(prefix, text)
  return text as Encoded<P>
}

const isWanted = (prefix: Prefix | ReadonlyArray<Prefix>, text: string): boolean => {
  const found = prefixOf(text)
  return typeof prefix === "string" ? found === prefix : found !== undefined && prefix.includes(found)
}

/**
 * Checks a text and brands it. Fails with `DecodeError` like `decode`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parse = <P extends Prefix>(
  prefix: P | ReadonlyArray<P>,
  text: string
): Effect.Effect<Encoded<P>, DecodeError.DecodeError> => DecodeError.attempt(() => parseOrThrow(prefix, text))

/**
 * Whether a value is a valid text of the given type or types.
 *
 * @since 0.1.0
 * @category inspection
 */
export const is = <P extends Prefix>(prefix: P | ReadonlyArray<P>, u: unknown): u is Encoded<P> => {
  if (typeof u !== "string" || !isWanted(prefix, u)) return false
  try {
    parseOrThrow(prefix, u)
    return true
  } catch (error) {
    if (error instanceof DecodeError.DecodeError) return false
    throw error
  }
}

/**
 * The payload of a checked text.
 *
 * @since 0.1.0
 * @category decoding
 */
export const bytesOf = (id: Encoded<Prefix>): Uint8Array => {
  const cached = textToBytes.get(id)
  return cached === undefined ? decodedOf(id) : cached.slice()
}

/**
 * The payload of a checked text for who only reads it at once: others are given the same bytes.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const viewOf = (id: Encoded<Prefix>): Uint8Array => textToBytes.get(id) ?? decodedOf(id)

const decodedOf = (id: Encoded<Prefix>): Uint8Array => {
  const prefix = prefixOf(id)
  if (prefix === undefined) throw new RangeError("not a text of this module")
  return decodeKnown(prefix, prefixes[prefix], id)
}

// An oldest text is base58 whatever it holds; see `maximumBase58Payload`.
const maximumOldestPayload = 2040

const base58Only = /^[1-9A-HJ-NP-Za-km-z]+$/

const decodeOldest = (row: PrefixRow, body: string): Uint8Array | undefined => {
  if (body.length > maximumBase58Length(row.size ?? maximumOldestPayload) || !base58Only.test(body))
    return undefined
  const all = base58.decode(body)
  const size = all.length - checksumSize
  if (size < 0 || (row.size !== undefined && size !== row.size)) return undefined
  const payload = all.subarray(0, size)
  const sum = checksumOf(payload)
  return sum.subarray(0, checksumSize).every((byte, i) => byte === all[size + i]) ? payload : undefined
}

/**
 * The text of today for one of 2018: then `$` stood between prefix and payload, and every payload was base58, also
 * after `_` for some time. `undefined` for anything else, texts of today included. Payloads that are larger than 2040
 * bytes, or that have another size than today (keys of 65 bytes), are not read.
 *
 * Specification: æternity API encoding, releases before November 2018.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromOldest = (text: string): Encoded<Prefix> | undefined => {
  const separator = text.charAt(2)
  const prefix = text.slice(0, 2)
  if ((separator !== "$" && separator !== "_") || !isPrefix(prefix)) return undefined
  const row: PrefixRow = prefixes[prefix]
  if (row.secret || (separator === "_" && (row.encoding === "base58" || is(prefix, text)))) return undefined
  const payload = decodeOldest(row, text.slice(3))
  return payload === undefined ? undefined : encode(prefix, payload)
}

/**
 * The text of 2018 for a text of today: with `$`, in base58. The inverse of {@link fromOldest}; `undefined` for a payload
 * larger than 2040 bytes.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toOldest = (id: Encoded<Prefix>): string | undefined => {
  const payload = bytesOf(id)
  if (payload.length > maximumOldestPayload) return undefined
  const all = Bytes.concat(payload, checksumOf(payload).subarray(0, checksumSize))
  return `${id.slice(0, 2)}$${base58.encode(all)}`
}

/**
 * The schema of texts of one type. Generated values hold random payloads.
 *
 * @since 0.1.0
 * @category schemas
 */
export const schema = <P extends Prefix>(prefix: P): Schema.Schema<Encoded<P>, string> => {
  const row: PrefixRow = prefixes[prefix]
  return Schema.String.pipe(
    Schema.filter((text): text is Encoded<P> => is(prefix, text), {
      identifier: `${prefix}_`,
      // The default message quotes the value, which may be a secret.
      message: () => `expected ${named(row)} (${prefix}_…)`,
      arbitrary: () => (fc) =>
        fc
          .uint8Array({ minLength: row.size ?? 0, maxLength: row.size ?? 64 })
          .map((payload) => encode(prefix, payload))
    })
  )
}
