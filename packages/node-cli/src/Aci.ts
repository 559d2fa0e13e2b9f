/**
 * A contract's interface, as the compiler writes it beside the code: calls by name, results and events in its words.
 *
 * Values are JSON: integers of any size, bytes as `#` and hex digits, records as objects, a constructor as an object of
 * its arguments (`{"Some": [1]}`), maps as lists of pairs, `None` as null and `Some(x)` as x.
 *
 * @since 0.1.0
 */
import type { ContractEvent } from "@aechannel/core/client/ContractCall"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import { AciContractCallEncoder } from "@aeternity/aepp-calldata"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** A call that an interface cannot make, or what is no interface. @since 0.1.0 @category errors */
export class AciError extends Data.TaggedError("AciError")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/** A value as the encoder takes it. @since 0.1.0 @category models */
export type Native =
  | string
  | number
  | boolean
  | bigint
  | null
  | undefined
  | Uint8Array
  | ReadonlyArray<Native>
  | { readonly [key: string]: Native }

/**
 * JSON as the encoder takes it: integers are `bigint`, and what begins with `#` is bytes.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toNative = (json: Json.Json): Native => {
  if (json === null) return undefined
  if (typeof json === "number") return BigInt(json)
  if (typeof json === "string")
    return /^#(?:[0-9a-f]{2})+$/i.test(json) ? Uint8Array.from(Buffer.from(json.slice(1), "hex")) : json
  if (json instanceof Json.JsonNumber) return json.lexeme
  if (Json.isArray(json)) return json.map(toNative)
  if (Json.isObject(json))
    return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, toNative(value)]))
  return json as Native
}

/**
 * What the encoder answers, as JSON: integers are `bigint`, maps lists of pairs.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toJson = (value: unknown): Json.Json => {
  if (typeof value === "bigint" || typeof value === "number") return BigInt(value)
  if (typeof value === "string" || typeof value === "boolean") return value
  if (value instanceof Uint8Array) return `#${Buffer.from(value).toString("hex")}`
  if (value instanceof Map) return Array.from(value, ([key, each]) => [toJson(key), toJson(each)])
  if (value instanceof Set || Array.isArray(value)) return Array.from(value, toJson)
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toJson(each)]))
  return null
}

/** What an encoder complains about, on one line. @since 0.1.0 @category formatting */
export const complaint = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ").replace(/\.$/, "")

/**
 * The bytes that an encoder makes; fails with what it complains about.
 *
 * @since 0.1.0
 * @category conversions
 */
export const encoded = (encode: () => string): Effect.Effect<Uint8Array, AciError> =>
  Effect.try({ try: encode, catch: (error) => new AciError({ detail: complaint(error) }) }).pipe(
    Effect.flatMap((text) =>
      Effect.mapError(ApiEncoding.decode("cb", text), ({ detail }) => new AciError({ detail }))
    )
  )

const mainContract = (aci: Json.Json): Json.Json | undefined => {
  const contracts = (Json.isArray(aci) ? aci : []).map((each) => Json.field(each, "contract"))
  return contracts.find((each) => Json.field(each, "kind") === "contract_main") ?? contracts.at(-1)
}

/**
 * - `functions`: the names of what can be called, without `init`
 * - `encode`: call data; fails with what is wrong with the arguments, without a full stop
 * - `decode`: what a call gave back: its value, or the text of an error or a revert
 * - `event`: an event as an object of its name
 *
 * @since 0.1.0
 * @category models
 */
export interface Aci {
  readonly name: string
  readonly functions: ReadonlyArray<string>
  readonly encode: (called: string, args: ReadonlyArray<Json.Json>) => Effect.Effect<Uint8Array, AciError>
  readonly decode: (called: string, result: Uint8Array, returnType?: "ok" | "error" | "revert") => Json.Json
  readonly event: (event: Pick<ContractEvent, "data" | "topics">) => Json.Json
}

/**
 * Reads an interface. Fails with `AciError`; `what` names it there.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (aci: Json.Json, what: string): Effect.Effect<Aci, AciError> =>
  Effect.gen(function* () {
    const main = mainContract(aci)
    const name = Json.field(main, "name")
    if (typeof name !== "string")
      return yield* new AciError({
        detail: `${what} is no contract's interface: expected a list with {"contract": {"name": …}}, as the compiler's --create_json_aci writes it.`
      })
    const encoder = yield* Effect.try({
      try: () => new AciContractCallEncoder(JSON.parse(Json.stringify(aci))),
      catch: (error) => new AciError({ detail: `${what} is no contract's interface: ${complaint(error)}.` })
    })
    const listed = Json.field(main, "functions")
    const functions = (Json.isArray(listed) ? listed : []).flatMap((each) => {
      const called = Json.field(each, "name")
      return typeof called === "string" && called !== "init" ? [called] : []
    })
    return {
      name,
      functions,
      encode: (called, args) => encoded(() => encoder.encodeCall(name, called, [...args].map(toNative))),
      decode: (called, result, returnType = "ok") =>
        toJson(encoder.decodeResult(name, called, ApiEncoding.encode("cb", result), returnType)),
      event: ({ data, topics }) =>
        toJson(encoder.decodeEvent(name, ApiEncoding.encode("cb", data), [...topics]))
    }
  })
