/**
 * Mutations of text: blind ones, and ones that know the text encodings, JSON and query strings.
 */
import { base58, base64 } from "@scure/base"
import * as Hash from "../src/crypto/Hash.js"
import * as ApiEncoding from "../src/encoding/ApiEncoding.js"
import * as Bytes from "../src/encoding/Bytes.js"
import { DecodeError } from "../src/encoding/DecodeError.js"
import * as Json from "../src/encoding/Json.js"
import * as MutateBytes from "./MutateBytes.js"
import type { Rng } from "./Rng.js"

/** Hands out another input of the corpus, for splices. */
export type Other = () => string

const spliceAt = (text: string, at: number, removed: number, added: string): string =>
  text.slice(0, at) + added + text.slice(at + removed)

const marks = [...'"\\{}[],:0123456789-+.eEtfnu_=&%?/ \n\t'].concat([
  "\u0000",
  "\u007f",
  "é",
  "\u2028",
  "\ud83d\ude00",
  "\ud800",
  "\udc80",
  "\uffff",
  "__proto__",
  "null",
  "\\u0000",
  "\\ud800",
  "1e999",
  "%ff",
  "%"
])

type Operation = (rng: Rng, text: string, other: Other) => string

const blind: ReadonlyArray<Operation> = [
  (rng, text) => spliceAt(text, rng.below(text.length), 1, rng.pick(marks)),
  (rng, text) => spliceAt(text, rng.below(text.length), 1, String.fromCharCode(32 + rng.below(96))),
  (rng, text) => {
    const at = rng.below(text.length)
    return spliceAt(text, at, 1, String.fromCharCode(text.charCodeAt(at) ^ (1 << rng.below(7))))
  },
  (rng, text) => spliceAt(text, rng.below(text.length + 1), 0, rng.pick(marks)),
  (rng, text) => spliceAt(text, rng.below(text.length + 1), 0, String.fromCharCode(rng.below(32))),
  (rng, text) => spliceAt(text, rng.below(text.length), 1 + rng.below(8), ""),
  (rng, text) => text.slice(0, rng.below(text.length)),
  (rng, text) => text.slice(rng.below(Math.min(text.length, 8))),
  (rng, text) => {
    const from = rng.below(text.length)
    return spliceAt(text, from, 0, text.slice(from, from + 1 + rng.below(32)))
  },
  (rng, text, other) => {
    const second = other()
    const from = rng.below(second.length)
    return spliceAt(text, rng.below(text.length + 1), rng.below(16), second.slice(from, from + rng.below(64)))
  },
  (rng, text, other) => {
    const second = other()
    return text.slice(0, rng.below(text.length)) + second.slice(rng.below(second.length))
  }
]

/** A few blind changes: other characters, cuts, insertions, splices of two inputs. */
export const anyText = (rng: Rng, input: string, other: Other): string => {
  let text = input
  for (let i = 1 + rng.below(3); i > 0; i--) text = rng.pick(blind)(rng, text, other)
  return text
}

// Encoded texts.

const prefixNames = Object.keys(ApiEncoding.prefixes) as ReadonlyArray<ApiEncoding.Prefix>

/** A text with the right checksum whatever the size of the payload, which `ApiEncoding.encode` would not write. */
const withChecksum = (prefix: ApiEncoding.Prefix, payload: Uint8Array): string => {
  const all = Bytes.concat(payload, Hash.sha256(Hash.sha256(payload)).subarray(0, 4))
  return `${prefix}_${ApiEncoding.prefixes[prefix].encoding === "base58" ? base58.encode(all) : base64.encode(all)}`
}

/** The payload of an encoded text, or `undefined` if it is none. */
export const payloadOf = (text: string): Uint8Array | undefined => {
  const prefix = ApiEncoding.prefixOf(text)
  if (prefix === undefined) return undefined
  try {
    return ApiEncoding.decodeOrThrow(prefix, text)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

// Base58 of much takes quadratic time; the encoder takes no more than this.
const longest = 1_000

/** An encoded text with a changed payload but a right checksum, with another prefix, or blindly changed. */
export const encoded = (rng: Rng, input: string, other: Other): string => {
  const prefix = ApiEncoding.prefixOf(input)
  const payload = payloadOf(input)
  const choice = rng.below(100)
  if (choice < 4) return input
  if (prefix === undefined || payload === undefined || choice < 35) return anyText(rng, input, other)
  if (choice < 45) return rng.pick(prefixNames) + input.slice(2)
  const otherBytes = () => payloadOf(other()) ?? payload
  const changed = MutateBytes.object(rng, payload, otherBytes)
  const written = choice < 50 ? rng.pick(prefixNames) : prefix
  const size = ApiEncoding.prefixes[written].encoding === "base58" ? longest : 200_000
  return withChecksum(written, changed.subarray(0, size))
}

// JSON.

const huge = (rng: Rng): bigint => (rng.chance(0.5) ? -1n : 1n) * 2n ** BigInt(53 + rng.below(300))

const nested = (depth: number): Json.Json => {
  let json: Json.Json = []
  for (let i = 0; i < depth; i++) json = i % 2 === 0 ? [json] : { a: json }
  return json
}

const scalars: ReadonlyArray<Json.Json> = [
  null,
  true,
  false,
  0,
  1,
  -1,
  2,
  100,
  65_535,
  65_536,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  new Json.JsonNumber("1.0"),
  new Json.JsonNumber("1e400"),
  new Json.JsonNumber("-0.0"),
  new Json.JsonNumber("1E-7"),
  "",
  "0",
  "any",
  "ok",
  "__proto__",
  "\u0000",
  "\ud800",
  [],
  {}
]

const keys = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "length",
  "0",
  "",
  "id",
  "params",
  "data"
]

const randomJson = (rng: Rng, other: () => Json.Json): Json.Json => {
  const choice = rng.below(100)
  if (choice < 15) return huge(rng)
  if (choice < 17) return nested(rng.below(520))
  if (choice < 20) return "x".repeat(rng.below(70_000))
  if (choice < 45) return partOf(rng, other())
  return rng.pick(scalars)
}

/** A random part of a value, or the value. */
const partOf = (rng: Rng, json: Json.Json): Json.Json => {
  let part = json
  for (let steps = rng.below(5); steps > 0; steps--) {
    const children: ReadonlyArray<Json.Json> = Json.isArray(part)
      ? part
      : Json.isObject(part)
        ? Object.values(part)
        : []
    if (children.length === 0) return part
    part = rng.pick(children)
  }
  return part
}

const changeString = (rng: Rng, text: string, other: () => Json.Json): Json.Json => {
  if (rng.chance(0.25)) return randomJson(rng, other)
  const second = () => {
    const part = partOf(rng, other())
    return typeof part === "string" ? part : text
  }
  return payloadOf(text) === undefined ? anyText(rng, text, second) : encoded(rng, text, second)
}

type Members = ReadonlyArray<readonly [key: string, value: Json.Json]>

const fromMembers = (members: Members): Json.JsonObject => {
  const object: { [key: string]: Json.Json } = Object.create(null)
  for (const [key, value] of members) object[key] = value
  return object
}

const changeMembers = (rng: Rng, members: Members, other: () => Json.Json): Members => {
  const at = rng.below(members.length)
  const [key, value] = members[at] ?? ["a", null]
  switch (members.length === 0 ? 3 : rng.below(4)) {
    case 0:
      return members.toSpliced(at, 1)
    case 1:
      return members.with(at, [rng.pick(keys), value])
    case 2:
      return members.with(at, [key, randomJson(rng, other)])
    default:
      return [...members, [rng.pick(keys), randomJson(rng, other)]]
  }
}

// More text would measure the machine, not the reader.
const longestArray = 200_000

const repeated = (rng: Rng, array: ReadonlyArray<Json.Json>): Json.Json => {
  const item = rng.pick(array)
  const most = Math.min(2_000, longestArray / Json.stringify(item).length)
  return Array.from({ length: rng.below(most) }, () => item)
}

const changeArray = (rng: Rng, array: ReadonlyArray<Json.Json>, other: () => Json.Json): Json.Json => {
  const at = rng.below(array.length)
  switch (array.length === 0 ? 1 : rng.below(4)) {
    case 0:
      return array.toSpliced(at, 1)
    case 1:
      return array.toSpliced(at, 0, randomJson(rng, other))
    case 2:
      return array.toSpliced(at, 0, rng.pick(array))
    default:
      return rng.chance(0.05) ? repeated(rng, array) : array.toReversed()
  }
}

/** One change somewhere in a value: another type, a huge number, a member more or less. */
export const json = (rng: Rng, input: Json.Json, other: () => Json.Json): Json.Json => {
  if (rng.chance(0.08)) return rng.chance(0.2) ? [input] : randomJson(rng, other)
  if (typeof input === "string") return changeString(rng, input, other)
  if (Json.isArray(input)) {
    if (input.length === 0 || rng.chance(0.2)) return changeArray(rng, input, other)
    const at = rng.below(input.length)
    return input.with(at, json(rng, input[at] ?? null, other))
  }
  if (Json.isObject(input)) {
    const members = Object.entries(input)
    if (members.length === 0 || rng.chance(0.2)) return fromMembers(changeMembers(rng, members, other))
    const at = rng.below(members.length)
    const [key, value] = members[at] ?? ["a", null]
    return fromMembers(members.with(at, [key, json(rng, value, other)]))
  }
  return randomJson(rng, other)
}

const readJson = (text: string): Json.Json | undefined => {
  try {
    return Json.parseOrThrow(text)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

const longDigits = (rng: Rng): string => "9".repeat(1 + rng.below(rng.chance(0.1) ? 200_000 : 400))

/** JSON text with a changed value, or blindly changed; seldom very deep or with a very long number. */
export const jsonText = (rng: Rng, input: string, other: Other): string => {
  const choice = rng.below(1000)
  if (choice < 40) return input
  if (choice < 43) return "[".repeat(rng.below(100_000)) + input
  if (choice < 46) {
    const depth = 500 + rng.below(30)
    return `${'{"a":'.repeat(depth)}${input}${"}".repeat(depth)}`
  }
  if (choice < 60) return input.replace(/-?\d+/g, (digits) => (rng.chance(0.3) ? longDigits(rng) : digits))
  const value = choice < 250 ? undefined : readJson(input)
  if (value === undefined) return anyText(rng, input, other)
  let changed = value
  for (let i = 1 + rng.below(2); i > 0; i--) changed = json(rng, changed, () => readJson(other()) ?? value)
  return Json.stringify(changed)
}

// Query strings.

const queryValues = [
  "",
  "0",
  "-1",
  "+5",
  "00",
  "1.0",
  "1e3",
  "any",
  "true",
  "false",
  "json-rpc",
  "initiator",
  "responder",
  "9007199254740993",
  "-9007199254740993",
  "99999999999999999999999999999999999999",
  "%",
  "%zz",
  "%ff",
  "%00",
  "%F0%9F%98%80",
  "a+b",
  "plain",
  "txfee"
]

// No request line can hold half of a surrogate pair.
const loneSurrogate = /\p{Surrogate}/gu

/** A query string with changed, doubled, missing or foreign parameters, or blindly changed. */
export const query = (rng: Rng, input: string, other: Other): string =>
  anyQuery(rng, input, other).replace(loneSurrogate, "\ufffd")

const anyQuery = (rng: Rng, input: string, other: Other): string => {
  const choice = rng.below(1000)
  if (choice < 40) return input
  if (choice < 150) return anyText(rng, input, other)
  let pairs = input.split("&")
  for (let i = 1 + rng.below(3); i > 0; i--) {
    const at = rng.below(pairs.length)
    const [name = ""] = (pairs[at] ?? "").split("=")
    switch (rng.below(7)) {
      case 0:
        pairs = pairs.toSpliced(at, 1)
        break
      case 1:
        pairs = pairs.with(at, name)
        break
      case 2:
        pairs = pairs.toSpliced(rng.below(pairs.length + 1), 0, rng.pick(other().split("&")))
        break
      case 3:
        pairs = pairs.with(at, `${name}=${rng.chance(0.05) ? longDigits(rng) : rng.below(1_000_000)}`)
        break
      case 4:
        pairs = pairs.with(at, anyText(rng, pairs[at] ?? "", other))
        break
      default:
        pairs = pairs.with(at, `${name}=${rng.pick(queryValues)}`)
    }
  }
  return pairs.join("&")
}
