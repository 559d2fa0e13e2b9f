/**
 * What there is to say about one encoded string, as data: the text for people and the JSON for programs are both made
 * from it.
 *
 * @since 0.1.0
 */
import type { AccountAddress, Prefix, StateHashText } from "@aechannel/core/encoding/ApiEncoding"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import type { Json, JsonObject } from "@aechannel/core/encoding/Json"

/**
 * What a number counts. Aettos are 10^-18 AE; `blocks` are key blocks.
 *
 * @since 0.1.0
 * @category models
 */
export type Unit = "aettos" | "aettos per gas" | "gas" | "blocks" | "key block height" | "bytes"

/**
 * One value.
 *
 * - `Text`: a string; ids, hashes and bytes in their text form
 * - `Quoted`: words of unknown origin, which people see in quotes and without control characters
 * - `Count`: an integer that is always exact as a number (rounds, heights, versions, sizes)
 * - `Amount`: an integer without bound (aettos, gas, nonces); in JSON a string of decimal digits, so that no reader of
 *   JSON loses any
 * - `Nothing`: known to be absent; `null` in JSON
 * - `Facts`: a record
 * - `Said`: a value for programs, and the line that people read instead
 * - `Nested`: a string inside the string
 *
 * @since 0.1.0
 * @category models
 */
export type Value =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Quoted"; readonly text: string }
  | { readonly _tag: "Count"; readonly count: number; readonly unit: Unit | undefined }
  | { readonly _tag: "Amount"; readonly amount: bigint; readonly unit: Unit | undefined }
  | { readonly _tag: "Flag"; readonly flag: boolean }
  | { readonly _tag: "Nothing"; readonly why: string }
  | { readonly _tag: "List"; readonly items: ReadonlyArray<Value> }
  | { readonly _tag: "Facts"; readonly facts: ReadonlyArray<Fact> }
  | { readonly _tag: "Said"; readonly value: Value; readonly line: string }
  | { readonly _tag: "Nested"; readonly explanation: Explanation }

/**
 * A value with a name in snake case, which is its key in JSON. `note` is for people only; a fact with `jsonOnly` for
 * programs only.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fact {
  readonly name: string
  readonly value: Value
  readonly note?: string | undefined
  readonly jsonOnly?: boolean
}

/**
 * The explanation of one string. `input` is the string, or only its prefix where it is a secret; `kind` says what it
 * is, and `summary` more of it, for people; `stateHash` is that of the off-chain state it is about, if it is about one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Explanation {
  readonly input: string
  readonly prefix: Prefix
  readonly kind: string
  readonly summary?: string
  readonly facts: ReadonlyArray<Fact>
  readonly stateHash?: StateHashText | undefined
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const text = (value: string): Value => ({ _tag: "Text", text: value })
/**
 * @since 0.1.0
 * @category constructors
 */
export const quoted = (value: string): Value => ({ _tag: "Quoted", text: value })
/**
 * @since 0.1.0
 * @category constructors
 */
export const count = (value: number, unit?: Unit): Value => ({ _tag: "Count", count: value, unit })
/**
 * @since 0.1.0
 * @category constructors
 */
export const amount = (value: bigint, unit?: Unit): Value => ({ _tag: "Amount", amount: value, unit })
/**
 * @since 0.1.0
 * @category constructors
 */
export const flag = (value: boolean): Value => ({ _tag: "Flag", flag: value })
/**
 * @since 0.1.0
 * @category constructors
 */
export const nothing = (why: string): Value => ({ _tag: "Nothing", why })
/**
 * @since 0.1.0
 * @category constructors
 */
export const list = (items: ReadonlyArray<Value>): Value => ({ _tag: "List", items })
/**
 * @since 0.1.0
 * @category constructors
 */
export const facts = (items: ReadonlyArray<Fact>): Value => ({ _tag: "Facts", facts: items })
/**
 * @since 0.1.0
 * @category constructors
 */
export const said = (value: Value, line: string): Value => ({ _tag: "Said", value, line })
/**
 * @since 0.1.0
 * @category constructors
 */
export const nested = (explanation: Explanation): Value => ({ _tag: "Nested", explanation })
/**
 * @since 0.1.0
 * @category constructors
 */
export const fact = (name: string, value: Value, note?: string): Fact => ({ name, value, note })

/**
 * The units of the facts that have one, by name.
 *
 * @since 0.1.0
 * @category accessors
 */
export const unitsOf = (items: ReadonlyArray<Fact>): Fact => ({
  name: "units",
  jsonOnly: true,
  value: facts(
    items.flatMap(({ name, value }) =>
      (value._tag === "Count" || value._tag === "Amount") && value.unit !== undefined
        ? [fact(name, text(value.unit))]
        : []
    )
  )
})

const factsToJson = (items: ReadonlyArray<Fact>): JsonObject =>
  Object.fromEntries(items.map(({ name, value }) => [name, valueToJson(value)]))

const valueToJson = (value: Value): Json => {
  switch (value._tag) {
    case "Text":
    case "Quoted":
      return value.text
    case "Count":
      return value.count
    case "Amount":
      return value.amount.toString()
    case "Flag":
      return value.flag
    case "Nothing":
      return null
    case "List":
      return value.items.map(valueToJson)
    case "Facts":
      return factsToJson(value.facts)
    case "Said":
      return valueToJson(value.value)
    case "Nested":
      return toJson(value.explanation)
  }
}

/**
 * The explanation as JSON: `input`, `prefix`, `kind`, then the facts by name. Integers without bound are strings of
 * decimal digits, all others are numbers; what is known to be absent is `null`.
 *
 * @since 0.1.0
 * @category formatting
 */
export const toJson = (explanation: Explanation): JsonObject => ({
  input: explanation.input,
  prefix: explanation.prefix,
  kind: explanation.kind,
  ...factsToJson(explanation.facts)
})

function* accountsInValue(value: Value): Generator<AccountAddress> {
  if (value._tag === "Text" && ApiEncoding.is("ak", value.text)) yield value.text
  else if (value._tag === "List") for (const item of value.items) yield* accountsInValue(item)
  else if (value._tag === "Facts") for (const item of value.facts) yield* accountsInValue(item.value)
  else if (value._tag === "Said") yield* accountsInValue(value.value)
  else if (value._tag === "Nested") yield* accountsIn(value.explanation)
}

/**
 * All account addresses an explanation holds, in order of appearance.
 *
 * @since 0.1.0
 * @category accessors
 */
export function* accountsIn(explanation: Explanation): Generator<AccountAddress> {
  if (ApiEncoding.is("ak", explanation.input)) yield explanation.input
  for (const { value } of explanation.facts) yield* accountsInValue(value)
}
