/**
 * Kinds of request parameters: how each is read by a node, what a node says to a bad one, and how a client writes it.
 *
 * A node looks at a request's parameters in three passes, whatever their order in the request: integers (the first bad
 * one ends it), then texts that encode bytes (all bad ones are told together), then the rest one by one.
 */
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import type { AccountAddress, BlockHash, ContractId, TxHash } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import { DecodeError } from "../../encoding/DecodeError.js"
import * as DecodeErrors from "../../encoding/DecodeError.js"
import * as Json from "../../encoding/Json.js"
import type { Swallowed } from "../Codec.js"
import * as ErrorCodes from "../ErrorCodes.js"
import type { Refusal } from "../NodeMessage.js"

/** When a parameter is looked at. */
export type Pass = "integer" | "encoding" | "rest"

/** Readers give this for a value they do not take. */
export const bad = Symbol("bad")
export type Bad = typeof bad

/** One parameter of one method; `A` is its type in the domain. */
export interface Field<A> {
  readonly wire: string
  readonly pass: Pass
  read(json: Json.Json): A | Bad
  /** Nothing: the parameter is left out. */
  write(value: A): Json.Json | undefined
  readonly onBad: Refusal | Swallowed
  /** A request without it is no request of this method (-32601). */
  readonly required: boolean
  /** Taken when it is left out; undefined: the field is left out too. */
  readonly absent: A | undefined
}

/** How a real node's handler breaks; the reason is for logs. */
export const swallowed = (reason: string, detail: string): Swallowed => ({
  _tag: "Swallowed",
  error: DecodeErrors.make("request", reason, detail)
})

/** A number of any size as JSON. */
export const fromBigInt = (n: bigint): Json.Json => {
  const small = Number(n)
  return Number.isSafeInteger(small) ? small : n
}

const maximum = BigInt(Number.MAX_SAFE_INTEGER)

/** The nearest safe integer. */
export const toSafe = (n: bigint): number => Number(n > maximum ? maximum : n < -maximum ? -maximum : n)

const isText = (json: Json.Json): json is string => typeof json === "string"

const required = { required: true, absent: undefined } as const
const optional = { required: false, absent: undefined } as const

const internalError = ErrorCodes.reasons.internal_error

/** An integer that must be there. */
export const integer = (wire: string): Field<bigint> => ({
  wire,
  pass: "integer",
  read: (json) => Json.toBigInt(json) ?? bad,
  write: fromBigInt,
  onBad: ErrorCodes.reasons.not_a_number,
  ...required
})

/** An integer that must be there and is a version or a round: cut to a safe one, where it means nothing anyway. */
export const smallInteger = (wire: string): Field<number> => ({
  ...integer(wire),
  read: (json) => {
    const n = Json.toBigInt(json)
    return n === undefined ? bad : toSafe(n)
  },
  write: (n) => n,
  absent: undefined
})

/** An account that must be there. */
export const account = (wire: string): Field<AccountAddress> => ({
  wire,
  pass: "encoding",
  read: (json) => (ApiEncoding.is("ak", json) ? json : bad),
  write: (id) => id,
  onBad: ErrorCodes.reasons.broken_encoding_account,
  ...required
})

/** A contract that must be there. */
export const contract = (wire: string): Field<ContractId> => ({
  wire,
  pass: "encoding",
  read: (json) => (ApiEncoding.is("ct", json) ? json : bad),
  write: (id) => id,
  onBad: ErrorCodes.reasons.broken_encoding_contract,
  ...required
})

/** Contract code or call data that must be there. */
export const bytes = (wire: string): Field<Uint8Array> => ({
  wire,
  pass: "encoding",
  read: (json) => (isText(json) ? decodeBytes(json) : bad),
  write: (value) => ApiEncoding.encode("cb", value),
  onBad: ErrorCodes.reasons.broken_encoding_bytearray,
  ...required
})

const decodeBytes = (text: string): Uint8Array | Bad => {
  try {
    return ApiEncoding.decodeOrThrow("cb", text)
  } catch (error) {
    if (error instanceof DecodeError) return bad
    throw error
  }
}

/** A transaction hash that must be there. A node breaks while it prints the error of a bad one. */
export const txHash = (wire: string): Field<TxHash> => ({
  wire,
  pass: "encoding",
  read: (json) => (ApiEncoding.is("th", json) ? json : bad),
  write: (hash) => hash,
  onBad: {
    ...swallowed("broken_tx_hash", "tx_hash is no th_ text; a node says nothing to that"),
    silent: true
  },
  ...required
})

const listOf = <A>(one: (json: Json.Json) => A | Bad, json: Json.Json): ReadonlyArray<A> | Bad => {
  if (!Json.isArray(json)) return bad
  const result: Array<A> = []
  for (const item of json) {
    const value = one(item)
    if (value === bad) return bad
    result.push(value)
  }
  return result
}

/** Accounts that must be there. */
export const accounts = (wire: string): Field<ReadonlyArray<AccountAddress>> => {
  const one = account(wire)
  return { ...one, read: (json) => listOf(one.read, json), write: (ids) => ids, absent: undefined }
}

/** Contracts that must be there. */
export const contracts = (wire: string): Field<ReadonlyArray<ContractId>> => {
  const one = contract(wire)
  return { ...one, read: (json) => listOf(one.read, json), write: (ids) => ids, absent: undefined }
}

/** The same, but it may be left out and is then this value; that value is not written. */
export const orElse = <A>(field: Field<A>, absent: A, isAbsent: (value: A) => boolean): Field<A> => ({
  ...field,
  required: false,
  absent,
  write: (value) => (isAbsent(value) ? undefined : field.write(value))
})

/** The same, with another answer to a bad value. */
export const answering = <A>(field: Field<A>, onBad: Refusal | Swallowed): Field<A> => ({ ...field, onBad })

const isEmpty = (list: ReadonlyArray<unknown>): boolean => list.length === 0

/** A list that may be left out. */
export const orEmpty = <A>(field: Field<ReadonlyArray<A>>): Field<ReadonlyArray<A>> =>
  orElse<ReadonlyArray<A>>(field, [], isEmpty)

/** Fee, gas price or nonce: not negative; decimal text counts as well. */
export const onChainInteger = (wire: string): Field<bigint> => ({
  wire,
  pass: "rest",
  read: (json) => {
    const n = isText(json) ? decimal(json) : Json.toBigInt(json)
    return n === undefined || n < 0n ? bad : n
  },
  write: fromBigInt,
  onBad: internalError,
  ...optional
})

// The bound keeps the quadratic conversion of hostile text short; no number of this API comes near it.
const decimalText = /^[+-]?[0-9]{1,1000}$/

/** What Erlang reads as an integer: an optional sign and decimal digits. */
export const decimal = (text: string): bigint | undefined => {
  if (!decimalText.test(text)) return undefined
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text.replace("+", ""))
}

/** The pinned block. */
export const blockHash = (wire: string): Field<BlockHash> => ({
  wire,
  pass: "rest",
  read: (json) => (ApiEncoding.is(["kh", "mh"], json) ? json : bad),
  write: (hash) => hash,
  onBad: internalError,
  ...optional
})

/** The texts of an update. */
export const meta = (wire: string): Field<ReadonlyArray<string>> =>
  orEmpty({
    wire,
    pass: "rest",
    read: (json) => listOf((item) => (isText(item) ? item : bad), json),
    write: (texts) => texts,
    onBad: ErrorCodes.reasons.invalid_meta,
    ...optional
  })

/** An account that may be left out. */
export const optionalAccount = (wire: string): Field<AccountAddress> => ({
  ...account(wire),
  pass: "rest",
  onBad: internalError,
  ...optional
})

/** Words of a filter. */
export const words = <W extends string>(wire: string, known: ReadonlyArray<W>): Field<ReadonlyArray<W>> => ({
  wire,
  pass: "rest",
  read: (json) => listOf((item) => known.find((word) => word === item) ?? bad, json),
  write: (list) => list,
  onBad: internalError,
  ...optional
})

/** Whether a text has at most so many UTF-8 bytes; cheap for short ones. */
const fits = (text: string, size: number): boolean =>
  text.length * 3 <= size || (text.length <= size && Bytes.utf8(text).length <= size)

/** A text of at most `size` UTF-8 bytes that must be there. */
export const shortText = (wire: string, size: number): Field<string> => ({
  wire,
  pass: "rest",
  read: (json) => (isText(json) && fits(json, size) ? json : bad),
  write: (text) => text,
  onBad: ErrorCodes.reasons.invalid_request,
  ...required
})

/** How many entries of the log: cut to a safe integer; decimal text counts as well. */
export const count = (wire: string, absent: number): Field<number> => ({
  wire,
  pass: "rest",
  read: (json) => {
    const n = isText(json) ? decimal(json) : Json.toBigInt(json)
    return n === undefined ? bad : toSafe(n)
  },
  write: (n) => n,
  onBad: internalError,
  required: false,
  absent
})
