/**
 * A contract's store in files, and what a call did to it.
 *
 * @since 0.1.0
 */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import * as Json from "@aechannel/core/encoding/Json"
import * as Effect from "effect/Effect"
import { readJson } from "./Input.js"
import { FateError } from "./Problem.js"
import * as Words from "./Words.js"

/** Entries by key in hexadecimal. @since 0.1.0 @category models */
export type Store = ReadonlyMap<string, Uint8Array>

/** The store of a contract before init. @since 0.1.0 @category constants */
export const first: Store = new Map([["0000", Uint8Array.of(0x2f, 0x00)]])

const part = (prefix: "ck" | "cv", json: Json.Json | undefined): Uint8Array | undefined => {
  if (typeof json !== "string") return undefined
  if (json.startsWith(`${prefix}_`)) return Words.orUndefined(ApiEncoding.decode(prefix, json))
  return /^(?:[0-9a-f]{2})+$/.test(json) ? Bytes.fromHex(json) : undefined
}

/**
 * Reads a store: an object of keys and values, in hexadecimal or as `ck_…` and `cv_…`; it may lie in `contract_state`,
 * as nodes answer. Fails with `FateError`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const read = (file: string) =>
  Effect.gen(function* () {
    const json = yield* readJson(file, "contract's store")
    const entries = Json.field(json, "contract_state") ?? json
    const bad = (what: string) =>
      new FateError({
        detail: `${JSON.stringify(file)} is no contract's store: ${what}. It takes an object of keys and values, in hexadecimal or as ck_… and cv_…, as --save writes it.`
      })
    if (!Json.isObject(entries)) return yield* bad("it is no object")
    const store = new Map<string, Uint8Array>()
    for (const [name, given] of Object.entries(entries)) {
      const key = part("ck", name)
      const value = part("cv", given)
      if (key === undefined || value === undefined || key.length === 0 || value.length === 0)
        return yield* bad(`the entry ${JSON.stringify(name.slice(0, 64))} cannot be read`)
      store.set(Bytes.toHex(key), value)
    }
    return store
  })

/** The store as JSON. @since 0.1.0 @category formatting */
export const toJson = (store: Store): Json.JsonObject =>
  Object.fromEntries(
    Array.from(store, ([key, value]) => [
      ApiEncoding.encode("ck", Bytes.fromHex(key)),
      ApiEncoding.encode("cv", value)
    ])
  )

/** An entry that a call wrote (`value`) or removed. @since 0.1.0 @category models */
export interface Change {
  readonly key: string
  readonly value: Uint8Array | undefined
}

/** The changed entries by ascending key. @since 0.1.0 @category combinators */
export const changes = (before: Store, after: Store): ReadonlyArray<Change> =>
  [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((key) => ({ key, value: after.get(key) }))
    .filter(({ key, value }) => {
      const old = before.get(key)
      return value === undefined || old === undefined ? value !== old : !Bytes.equals(value, old)
    })

/** Bytes of keys and values together. @since 0.1.0 @category getters */
export const bytesOf = (store: Store): number => {
  let sum = 0
  for (const [key, value] of store) sum += key.length / 2 + value.length
  return sum
}

const registers = 0x00
const maps = 0x01

/** What a key of the store stands for: a register, or an entry of a map. @since 0.1.0 @category formatting */
export const nameOf = (hex: string): string => {
  const key = Bytes.fromHex(hex)
  if (key[0] === registers && key.length > 1) {
    const register = BigInt(`0x${hex.slice(2)}`)
    return register === 0n ? "maps" : `register ${register}`
  }
  if (key[0] !== maps || key.length < 5) return `#${hex}`
  const id = BigInt(`0x${hex.slice(2, 10)}`)
  return key.length === 5 ? `map ${id}` : `map ${id}[${Words.ofValue(key.subarray(5))}]`
}

/** A change in one line. @since 0.1.0 @category formatting */
export const describe = ({ key, value }: Change): string => {
  if (value === undefined) return `${nameOf(key)} removed`
  return key.length === 10 && key.startsWith("01")
    ? `${nameOf(key)} is there`
    : `${nameOf(key)} = ${Words.ofValue(value)}`
}
