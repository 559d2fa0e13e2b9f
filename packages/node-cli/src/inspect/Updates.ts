/**
 * Off-chain updates.
 *
 * @since 0.1.0
 */
import * as Json from "@aechannel/core/encoding/Json"
import * as Update from "@aechannel/core/state/Update"
import * as Effect from "effect/Effect"
import { type Fact, type Value, fact, facts, list, quoted, text, unitsOf } from "./Explanation.js"
import { noteOf, numberOf } from "./Numbers.js"

const valueOf = (name: string, json: Json.Json): Value => {
  if (typeof json === "number" || typeof json === "bigint") return numberOf(name, json)
  if (Json.isArray(json)) return list(json.map((item) => valueOf(name, item)))
  return text(typeof json === "string" ? json : Json.stringify(json))
}

/**
 * The update in the client form: `op` first, then its fields.
 *
 * @since 0.1.0
 * @category formatting
 */
export const updateFacts = (update: Update.Update): ReadonlyArray<Fact> => {
  const { op: _op, data, ...rest } = Update.toJson(update)
  const fields = Object.entries(rest).map(([name, json]) =>
    fact(name, valueOf(name, json), typeof json === "number" ? noteOf(name, json) : undefined)
  )
  const note = typeof data === "string" ? [fact("data", quoted(data))] : []
  return [fact("op", text(update._tag)), ...note, ...fields, unitsOf(fields)]
}

/**
 * A serialized update inside a transaction; bytes that are none are shown as what is wrong with them.
 *
 * @since 0.1.0
 * @category formatting
 */
export const updateValue = (bytes: Uint8Array): Effect.Effect<Value> =>
  Update.decode(bytes).pipe(
    Effect.map((update) => facts(updateFacts(update))),
    Effect.catchTag("DecodeError", (error) =>
      Effect.succeed(facts([fact("unreadable", text(error.message))]))
    )
  )
