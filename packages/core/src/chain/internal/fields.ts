/**
 * The field kinds of chain objects. An object is `rlp([tag, version, field, …])`; each kind says how a value
 * of it is validated, serialized, read back and shown in the node's JSON. Tables of fields (transactions,
 * accounts, channels, …) are built from these and from nothing else.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import * as DecodeError from "../../encoding/DecodeError.js"
import type { Json } from "../../encoding/Json.js"
import * as Rlp from "../../encoding/Rlp.js"

/** What a table may hold: a field of any value type. Methods, so that `Field<A>` is one whatever A is. */
export interface AnyField {
  readonly kind: string
  readonly schema: Schema.Schema.AnyNoContext
  toRlp(value: unknown): Rlp.Rlp
  fromRlpOrThrow(item: Rlp.Rlp): unknown
  toClient(value: unknown): Json
}

/**
 * One field kind. `toRlp` and `toClient` are total for values the schema accepts; `fromRlpOrThrow` throws a
 * `DecodeError` whose path is relative to the field.
 */
export interface Field<A> extends AnyField {
  readonly schema: Schema.Schema<A>
  toRlp(value: A): Rlp.Rlp
  fromRlpOrThrow(item: Rlp.Rlp): A
  toClient(value: A): Json
}

/** Fields in their serialized order: the order of the keys. */
export type Fields = { readonly [name: string]: AnyField }

/** The value a field holds. */
export type ValueOf<F> = F extends Field<infer A> ? A : never

/** The values of a table of fields. */
export type Values<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> }

/** A `DecodeError` at the place it is thrown from; callers put their own step in front of the path. */
export const failure = (reason: string, detail: string): DecodeError.DecodeError =>
  DecodeError.make("object", reason, detail)

/** The same error seen from one step further out; anything but a `DecodeError` is passed through. */
export const inside = (error: unknown, step: string | number): unknown =>
  error instanceof DecodeError.DecodeError
    ? DecodeError.make(error.what, error.reason, error.detail, [step, ...error.where])
    : error

/** The same error about something else: a `DecodeError` of a part becomes one of the whole. */
export const about = (error: unknown, what: string, reason?: string): unknown =>
  error instanceof DecodeError.DecodeError
    ? DecodeError.make(what, reason ?? error.reason, error.detail, error.where)
    : error

const bytesOrThrow = (item: Rlp.Rlp): Uint8Array => {
  if (item instanceof Uint8Array) return item
  throw failure("wrong_structure", "a list stands where bytes are expected")
}

const itemsOrThrow = (item: Rlp.Rlp): ReadonlyArray<Rlp.Rlp> => {
  if (item instanceof Uint8Array) throw failure("wrong_structure", "bytes stand where a list is expected")
  return item
}

/** An integer in the node's JSON: a number where it is exact, else a bigint. */
export const clientInt = (value: bigint): Json =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value

const wide = { arbitrary: () => (fc: typeof import("effect/FastCheck")) => wideInt(fc) }
// Small values and values around the byte boundaries matter more than uniformly large ones.
const wideInt = (fc: typeof import("effect/FastCheck")) =>
  fc.oneof(
    fc.bigInt({ min: 0n, max: 300n }),
    fc.bigInt({ min: 0n, max: 2n ** 64n }),
    fc.bigInt({ min: 0n, max: 2n ** 130n })
  )

/** An unbounded integer of at least zero: amounts, fees, gas prices (aettos), gas and nonces. */
export const int: Field<bigint> = {
  kind: "int",
  schema: Schema.BigIntFromSelf.pipe(Schema.filter((n) => n >= 0n)).annotations(wide),
  toRlp: (value) => Bytes.uintToBytes(value),
  fromRlpOrThrow: (item) => Bytes.uintFromBytesOrThrow(bytesOrThrow(item)),
  toClient: clientInt
}

/** An integer of at least zero that must be exact as a number: rounds, heights, versions, lock periods. */
export const safeInt: Field<number> = {
  kind: "safe_int",
  schema: Schema.Number.pipe(Schema.filter((n) => Number.isSafeInteger(n) && n >= 0)).annotations({
    arbitrary: () => (fc) => fc.oneof(fc.nat(300), fc.maxSafeNat())
  }),
  toRlp: (value) => Bytes.uintToBytes(value),
  fromRlpOrThrow: (item) => {
    const bytes = bytesOrThrow(item)
    const value = Bytes.uintFromBytesOrThrow(bytes)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw failure("integer_too_large", `${value} is above ${Number.MAX_SAFE_INTEGER}`)
    }
    return Number(value)
  },
  toClient: (value) => value
}

/** One byte, 0 or 1. */
export const bool: Field<boolean> = {
  kind: "bool",
  schema: Schema.Boolean,
  toRlp: (value) => Uint8Array.of(value ? 1 : 0),
  fromRlpOrThrow: (item) => {
    const bytes = bytesOrThrow(item)
    if (bytes.length === 1 && bytes[0] === 0) return false
    if (bytes.length === 1 && bytes[0] === 1) return true
    throw failure("bad_boolean", "a boolean is one byte, 0 or 1")
  },
  toClient: (value) => value
}

const bytesSchema = (length?: number): Schema.Schema<Uint8Array> =>
  Schema.declare(
    (u: unknown): u is Uint8Array => u instanceof Uint8Array && (length === undefined || u.length === length)
  ).annotations({
    arbitrary: () => (fc) =>
      fc.uint8Array(length === undefined ? { maxLength: 80 } : { minLength: length, maxLength: length })
  })

const binaryOf = (
  kind: string,
  prefix: ApiEncoding.Prefix,
  length?: number,
  toClient?: (value: Uint8Array) => Json
): Field<Uint8Array> => ({
  kind,
  schema: bytesSchema(length),
  toRlp: (value) => {
    if (length !== undefined && value.length !== length) {
      throw new RangeError(`a ${kind} field takes ${length} bytes, not ${value.length}`)
    }
    return value
  },
  fromRlpOrThrow: (item) => {
    const bytes = bytesOrThrow(item)
    if (length !== undefined && bytes.length !== length) {
      throw failure("wrong_length", `${bytes.length} bytes instead of ${length}`)
    }
    return bytes
  },
  toClient: toClient ?? ((value) => ApiEncoding.encode(prefix, value))
})

/** Bytes as they are, of any length; the prefix is the one the node prints them with. */
export const binary = (prefix: ApiEncoding.Prefix): Field<Uint8Array> => binaryOf("binary", prefix)

/** Exactly this many bytes, printed as `0x` and hexadecimal digits. */
export const fixed = (length: number): Field<Uint8Array> =>
  binaryOf("fixed", "ba", length, (value) => `0x${Bytes.toHex(value)}`)

/** A 32 byte state hash, printed as `st_…`. */
export const stateHash: Field<Uint8Array> = binaryOf("state_hash", "st", 32)

/** Empty, or a serialized signed off-chain transaction: the state a solo transaction builds on. */
export const payload: Field<Uint8Array> = binaryOf("payload", "tx")

/** A serialized signed transaction inside another transaction. */
export const signedTx: Field<Uint8Array> = binaryOf("signed_tx", "tx")

/** A serialized off-chain update. */
export const update: Field<Uint8Array> = binaryOf("update", "ba")

/** Prefixes of 33 byte ids: one tag byte, then 32 bytes. */
export type IdPrefix = "ak" | "nm" | "cm" | "ok" | "ct" | "ch"

const idTags: { readonly [P in IdPrefix]: number } = { ak: 1, nm: 2, cm: 3, ok: 4, ct: 5, ch: 6 }
const idPrefixes: ReadonlyArray<IdPrefix | undefined> = [undefined, "ak", "nm", "cm", "ok", "ct", "ch"]

const isIdPrefix = (prefix: string): prefix is IdPrefix => Object.hasOwn(idTags, prefix)

/** The 33 bytes of an id. A name hash of another length than 32 bytes is a defect. */
export const idToBytes = (text: ApiEncoding.Encoded<IdPrefix>): Uint8Array => {
  const prefix = text.slice(0, 2)
  const value = ApiEncoding.viewOf(text)
  if (!isIdPrefix(prefix) || value.length !== 32) throw new RangeError(`${text} is no id of 32 bytes`)
  const bytes = new Uint8Array(33)
  bytes[0] = idTags[prefix]
  bytes.set(value, 1)
  return bytes
}

/** An id that may have one of the given types. */
export const id = <P extends IdPrefix>(
  ...allowed: readonly [P, ...ReadonlyArray<P>]
): Field<ApiEncoding.Encoded<P>> => {
  const isAllowed = (prefix: IdPrefix | undefined): prefix is P =>
    prefix !== undefined && (allowed as ReadonlyArray<IdPrefix>).includes(prefix)
  return {
    kind: "id",
    schema: Schema.declare((u: unknown): u is ApiEncoding.Encoded<P> =>
      allowed.some((prefix) => ApiEncoding.is(prefix, u) && ApiEncoding.bytesOf(u).length === 32)
    ).annotations({
      arbitrary: () => (fc) =>
        fc
          .tuple(fc.constantFrom(...allowed), fc.uint8Array({ minLength: 32, maxLength: 32 }))
          .map(([prefix, value]) => ApiEncoding.encode(prefix, value) as ApiEncoding.Encoded<P>)
    }),
    toRlp: (value) => idToBytes(value),
    fromRlpOrThrow: (item) => {
      const bytes = bytesOrThrow(item)
      if (bytes.length !== 33) throw failure("bad_id", `an id has 33 bytes, not ${bytes.length}`)
      const prefix = idPrefixes[bytes[0] ?? 0]
      if (prefix === undefined) throw failure("bad_id", `there is no id tag ${bytes[0]}`)
      if (!isAllowed(prefix)) {
        throw failure("wrong_id_type", `a ${prefix}_ id stands where ${allowed.join("_ or ")}_ is expected`)
      }
      return ApiEncoding.encode(prefix, bytes.subarray(1)) as ApiEncoding.Encoded<P>
    },
    toClient: (value) => value
  }
}

/** A list of any length. */
export const list = <A>(element: Field<A>): Field<ReadonlyArray<A>> => ({
  kind: "list",
  schema: Schema.Array(element.schema),
  toRlp: (values) => values.map((value) => element.toRlp(value)),
  fromRlpOrThrow: (item) => {
    const items = itemsOrThrow(item)
    return items.map((each, index) => {
      try {
        return element.fromRlpOrThrow(each)
      } catch (error) {
        throw inside(error, index)
      }
    })
  },
  toClient: (values) => values.map((value) => element.toClient(value))
})

/** `initiatorId` as the node writes it: `initiator_id`. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)

/** The node writes its JSON objects with their keys in alphabetical order. */
export const sortKeys = (form: { readonly [key: string]: Json }): { readonly [key: string]: Json } =>
  Object.fromEntries(Object.entries(form).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))

/** A value whose fields are known by name only. */
export type Untyped = { readonly [name: string]: unknown }

/** Fields one after the other, whatever they are. Methods, so that `Sequence<F>` is one whatever F is. */
export interface AnySequence {
  readonly names: ReadonlyArray<string>
  readonly schema: Schema.Schema.AnyNoContext
  toItems(value: Untyped): Array<Rlp.Rlp>
  /** Reads `items` from index `from` on into `into`. */
  readOrThrow(items: ReadonlyArray<Rlp.Rlp>, from: number, into: { [name: string]: unknown }): void
  toClient(value: Untyped): { [name: string]: Json }
}

/** Fields one after the other, without tag and version. */
export interface Sequence<F extends Fields> extends AnySequence {
  readonly schema: Schema.Schema<Values<F>>
  toItems(value: Values<F>): Array<Rlp.Rlp>
  toClient(value: Values<F>): { [name: string]: Json }
}

export const sequence = <F extends Fields>(fields: F): Sequence<F> => {
  const names = Object.keys(fields)
  const entries: ReadonlyArray<readonly [string, string, AnyField]> = names.map((name) => [
    name,
    snakeCase(name),
    fields[name] as AnyField
  ])
  const struct = Schema.Struct(Object.fromEntries(entries.map(([name, , field]) => [name, field.schema])))
  return {
    names,
    schema: struct as Schema.Schema<Values<F>>,
    toItems: (value) => {
      const record: Untyped = value
      return entries.map(([name, , field]) => field.toRlp(record[name]))
    },
    readOrThrow: (items, from, into) => {
      if (items.length - from !== entries.length) {
        throw failure(
          "wrong_field_count",
          `${items.length - from} fields instead of ${entries.length} (${names.join(", ")})`
        )
      }
      for (let i = 0; i < entries.length; i++) {
        const [name, , field] = entries[i] as (typeof entries)[number]
        try {
          into[name] = field.fromRlpOrThrow(items[from + i] as Rlp.Rlp)
        } catch (error) {
          throw inside(error, name)
        }
      }
    },
    toClient: (value) => {
      const record: Untyped = value
      return Object.fromEntries(entries.map(([name, key, field]) => [key, field.toClient(record[name])]))
    }
  }
}

/** A list of exactly these fields, as a record. */
export const record = <F extends Fields>(fields: F): Field<Values<F>> => {
  const parts = sequence(fields)
  return {
    kind: "record",
    schema: parts.schema,
    toRlp: parts.toItems,
    fromRlpOrThrow: (item) => {
      const into: { [name: string]: unknown } = {}
      parts.readOrThrow(itemsOrThrow(item), 0, into)
      return into as Values<F>
    },
    toClient: parts.toClient
  }
}

/** Tag, version and the whole list of a serialized object; the fields start at index 2. */
export interface Header {
  readonly tag: number
  readonly version: number
  readonly items: ReadonlyArray<Rlp.Rlp>
}

const headerInt = (item: Rlp.Rlp | undefined, step: string): number => {
  try {
    return safeInt.fromRlpOrThrow(item ?? [])
  } catch (error) {
    throw inside(error, step)
  }
}

/** Reads `rlp([tag, version, …])` without looking at the fields. */
export const headerOrThrow = (bytes: Uint8Array): Header => {
  const items = Rlp.decodeOrThrow(bytes)
  if (items instanceof Uint8Array || items.length < 2) {
    throw failure("not_an_object", "a serialized object is a list that starts with a tag and a version")
  }
  return { tag: headerInt(items[0], "tag"), version: headerInt(items[1], "version"), items }
}

/** A serialized object with one tag and one version, whatever its fields. */
export interface AnyObjectCodec extends AnySequence {
  readonly tag: number
  readonly version: number
  encode(value: Untyped): Uint8Array
}

/** A serialized object with one tag and one version. */
export interface ObjectCodec<F extends Fields> extends Sequence<F> {
  readonly tag: number
  readonly version: number
  encode(value: Values<F>): Uint8Array
  /** The fields of an object whose header matched this codec. */
  fromItemsOrThrow(items: ReadonlyArray<Rlp.Rlp>): Values<F>
}

export const objectCodec = <F extends Fields>(tag: number, version: number, fields: F): ObjectCodec<F> => {
  const parts = sequence(fields)
  const head: ReadonlyArray<Uint8Array> = [Bytes.uintToBytes(tag), Bytes.uintToBytes(version)]
  return {
    ...parts,
    tag,
    version,
    encode: (value) => Rlp.encode([...head, ...parts.toItems(value)]),
    fromItemsOrThrow: (items) => {
      const into: { [name: string]: unknown } = {}
      parts.readOrThrow(items, 2, into)
      return into as Values<F>
    }
  }
}

/** Runs `read` on the header and turns every `DecodeError` into one about `what`. */
export const readObjectOrThrow = <A>(what: string, bytes: Uint8Array, read: (header: Header) => A): A => {
  try {
    return read(headerOrThrow(bytes))
  } catch (error) {
    throw about(error, what)
  }
}

/** The error for an object of another tag or version. */
export const unexpectedObject = (header: Header, expected: string): DecodeError.DecodeError =>
  failure("unknown_type", `tag ${header.tag} version ${header.version} is no ${expected}`)
