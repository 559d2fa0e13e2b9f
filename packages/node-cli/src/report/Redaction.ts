/**
 * What must not stand in a report: whoever has an fsm id can take the channel's place in the node.
 *
 * @since 0.1.0
 */
import * as Json from "@aechannel/core/encoding/Json"

const hidden = "(hidden)"

// In JSON text a slash may be escaped, in a URL the signs of base 64 are.
const secretText = /\b(ba|sk)(_|%5[fF])[A-Za-z0-9+/=\\%]+/g
const secretInQuery = /(existing_fsm_id=)[^&\s"]*/g
const secretKeys: ReadonlySet<string> = new Set(["fsm_id", "existing_fsm_id", "secret_key", "secretKey"])

/**
 * A text without fsm ids and secret keys.
 *
 * @since 0.1.0
 * @category combinators
 */
export const ofText = (text: string): string =>
  text
    .replaceAll(secretInQuery, (_, name: string) => `${name}${hidden}`)
    .replaceAll(secretText, (_, prefix: string) => `${prefix}_${hidden}`)

/**
 * A JSON value without fsm ids and secret keys, however deep they stand in it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const ofJson = (json: Json.Json): Json.Json => {
  if (typeof json === "string") return ofText(json)
  if (Json.isArray(json)) return json.map(ofJson)
  if (!Json.isObject(json)) return json
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      ofText(key),
      secretKeys.has(key) && typeof value === "string" ? hidden : ofJson(value)
    ])
  )
}

const pretty = (json: Json.Json, indent: string): string => {
  const inner = `${indent}  `
  if (Json.isArray(json)) {
    if (json.length === 0) return "[]"
    return `[\n${json.map((item) => inner + pretty(item, inner)).join(",\n")}\n${indent}]`
  }
  if (!Json.isObject(json)) return Json.stringify(json)
  const entries = Object.entries(json)
  if (entries.length === 0) return "{}"
  const lines = entries.map(([key, value]) => `${inner}${JSON.stringify(key)}: ${pretty(value, inner)}`)
  return `{\n${lines.join(",\n")}\n${indent}}`
}

/**
 * A JSON value on several lines, without its secrets. Integers keep all their digits.
 *
 * @since 0.1.0
 * @category formatting
 */
export const prettyJson = (json: Json.Json): string => pretty(ofJson(json), "")
