/**
 * Reads the known answers of transactions and objects: snake case fields, integers as decimal strings, bytes as
 * hexadecimal digits.
 */
import type { CryptoService } from "../../src/crypto/Crypto.js"
import * as KeyPair from "../../src/crypto/KeyPair.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import type { Json } from "../../src/encoding/Json.js"
import { type AnyField, type Fields, snakeCase } from "../../src/chain/internal/fields.js"
import * as Transaction from "../../src/chain/Transaction.js"
import { fixture } from "../support/Shared.js"

export type Raw = string | number | boolean | null | ReadonlyArray<Raw> | { readonly [key: string]: Raw }

const fieldValue = (field: AnyField, raw: Raw): unknown => {
  if (Array.isArray(raw)) {
    return raw.map((each) => (/^[a-z]{2}_/.test(String(each)) ? each : Bytes.fromHex(String(each))))
  }
  if (typeof raw !== "string") return raw
  switch (field.kind) {
    case "int":
      return BigInt(raw)
    case "safe_int":
      return Number(raw)
    case "id":
      return raw
    default:
      return Bytes.fromHex(raw)
  }
}

export const valuesOf = (fields: Fields, raw: { readonly [key: string]: Raw }) =>
  Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, fieldValue(field, raw[snakeCase(name)] ?? null)])
  )

export const rowFor = (typeName: string, version: number): Transaction.Row => {
  const row = Transaction.rows.find((each) => each.typeName === typeName && each.version === version)
  if (row === undefined) throw new Error(`no row for ${typeName} ${version}`)
  return row
}

/** The transaction of a known answer, built from its fields. */
export const transactionOf = (
  typeName: string,
  version: number,
  raw: { readonly [key: string]: Raw }
): Transaction.Transaction => {
  const row = rowFor(typeName, version)
  return { _tag: row.name, version, ...valuesOf(row.fields, raw) } as Transaction.Transaction
}

/** JSON with every number as a decimal string, as the known answers write it. */
export const withDecimals = (json: Json): unknown => {
  if (typeof json === "number" || typeof json === "bigint") return String(json)
  if (Array.isArray(json)) return json.map(withDecimals)
  if (typeof json === "object" && json !== null) {
    return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, withDecimals(value)]))
  }
  return json
}

interface KnownKey {
  readonly name: string
  readonly seed: string
}

/** The named key pairs of the known answers. */
export const namedKeys = (crypto: CryptoService): ReadonlyMap<string, KeyPair.KeyPair> =>
  new Map(
    (fixture("ed25519").keys as ReadonlyArray<KnownKey>).map((key) => [
      key.name,
      KeyPair.fromSeed(crypto, Bytes.fromHex(key.seed))
    ])
  )

/** Settings of a property test: always the same values unless `FAST_CHECK_SEED` says otherwise. */
export const runs = (numRuns: number): { readonly numRuns: number; readonly seed: number } => ({
  numRuns,
  seed: Number(process.env["FAST_CHECK_SEED"] ?? 20_240_601)
})
