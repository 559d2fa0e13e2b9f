/**
 * Frames of 2018 wrote ids and transactions in texts of their own. They are translated where a frame is read or
 * written, so that everything else knows one form only.
 */
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import type { Encoded, Prefix } from "../../encoding/ApiEncoding.js"
import * as Json from "../../encoding/Json.js"

/** Members that hold free text, or a request that is echoed as it came. */
const untouched: ReadonlySet<string> = new Set(["info", "meta", "reason", "slogan"])

const isUntouched = (key: string, value: Json.Json, owner: Json.JsonObject): boolean =>
  (untouched.has(key) && !Json.isObject(value)) ||
  key === "request" ||
  key === "id" ||
  (key === "data" && owner["op"] === "OffChainMeta")

const mapTexts = (json: Json.Json, f: (text: string) => string): Json.Json => {
  if (typeof json === "string") return f(json)
  if (Json.isArray(json)) return json.map((item) => mapTexts(item, f))
  if (!Json.isObject(json)) return json
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key,
      isUntouched(key, value, json) ? value : mapTexts(value, f)
    ])
  )
}

// Base58 takes time with the square of its length: hostile frames get no more than a few milliseconds.
const maximumLong = 16
const long = 100
const looksOld = /^..(\$|_[^+/=]*$)/

/** With texts of today in place of those of 2018. */
export const toPresent = (json: Json.Json): Json.Json => {
  let left = maximumLong
  return mapTexts(json, (text) => {
    if (text.length > long && looksOld.test(text) && left-- <= 0) return text
    return ApiEncoding.fromOldest(text) ?? text
  })
}

const prefixes = Object.keys(ApiEncoding.prefixes) as ReadonlyArray<Prefix>

const isEncoded = (text: string): text is Encoded<Prefix> => ApiEncoding.is(prefixes, text)

/** With texts of 2018 in place of those of today; what is too large for them stays. */
export const toOldest = (json: Json.Json): Json.Json =>
  mapTexts(json, (text) => (isEncoded(text) ? (ApiEncoding.toOldest(text) ?? text) : text))
