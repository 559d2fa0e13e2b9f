/** Small helpers that the tests of this room share. */
import * as Json from "../../src/encoding/Json.js"

/** JSON with every number written as a string, as the known answers have it. */
export const numbersAsText = (json: Json.Json): unknown => {
  if (typeof json === "number" || typeof json === "bigint") return String(json)
  if (Json.isArray(json)) return json.map(numbersAsText)
  if (Json.isObject(json)) {
    return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, numbersAsText(value)]))
  }
  return json
}
