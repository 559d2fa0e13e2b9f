/**
 * Values of the FATE virtual machine. All are immutable; what changes a value makes a new one that shares the rest.
 *
 * Specification: æternity FATE virtual machine, values.
 *
 * @since 0.1.0
 */
import * as Bytes from "../encoding/Bytes.js"
import type { SortedMap } from "./internal/sortedMap.js"
import type { Type } from "./Type.js"

/**
 * A value. Integers are `bigint`, booleans `boolean`; everything else carries a `_tag`.
 *
 * @since 0.1.0
 * @category models
 */
export type Value =
  | bigint
  | boolean
  | StringValue
  | BytesValue
  | Reference
  | BitsValue
  | TupleValue
  | ListValue
  | MapValue
  | StoreMap
  | VariantValue
  | TypeRepresentation
  | ByteArray

/** Any bytes, most often UTF-8. @since 0.1.0 @category models */
export interface StringValue {
  readonly _tag: "string"
  readonly bytes: Uint8Array
}

/** @since 0.1.0 @category models */
export interface BytesValue {
  readonly _tag: "bytes"
  readonly bytes: Uint8Array
}

/** The kinds of reference. @since 0.1.0 @category models */
export type ReferenceKind = "address" | "contract" | "oracle" | "oracle_query" | "channel"

/** The key (32 bytes where it was made by the machine) of an account, a contract, … @since 0.1.0 @category models */
export interface Reference {
  readonly _tag: ReferenceKind
  readonly bytes: Uint8Array
}

/** A set of bits; a negative number is the infinite set of its two's complement. @since 0.1.0 @category models */
export interface BitsValue {
  readonly _tag: "bits"
  readonly bits: bigint
}

/** @since 0.1.0 @category models */
export interface TupleValue {
  readonly _tag: "tuple"
  readonly elements: ReadonlyArray<Value>
}

/**
 * A list as cells that share their tails: `length` 0 has neither head nor tail.
 *
 * @since 0.1.0
 * @category models
 */
export type ListValue = EmptyList | Cons

/** @since 0.1.0 @category models */
export interface EmptyList {
  readonly _tag: "list"
  readonly length: 0
  readonly head: undefined
  readonly tail: undefined
}

/** @since 0.1.0 @category models */
export interface Cons {
  readonly _tag: "list"
  readonly length: number
  readonly head: Value
  readonly tail: ListValue
}

/** A map held in memory, its entries in the order of the keys. @since 0.1.0 @category models */
export interface MapValue {
  readonly _tag: "map"
  readonly entries: SortedMap<Value>
}

/**
 * A map of the contract's store: what was changed since it was read (`removed` for a deleted key) over the stored map
 * with the number `id`.
 *
 * @since 0.1.0
 * @category models
 */
export interface StoreMap {
  readonly _tag: "store_map"
  readonly cache: SortedMap<Value | typeof removed>
  readonly id: number
}

/** Marks a key that was deleted from a {@link StoreMap}. @since 0.1.0 @category models */
export const removed: unique symbol = Symbol.for("@aechannel/core/fate/removed")

/** @since 0.1.0 @category models */
export interface VariantValue {
  readonly _tag: "variant"
  /** The number of values of each constructor (0 to 255). */
  readonly arities: ReadonlyArray<number>
  readonly tag: number
  readonly values: ReadonlyArray<Value>
}

/** @since 0.1.0 @category models */
export interface TypeRepresentation {
  readonly _tag: "typerep"
  readonly type: Type
}

/** The serialized code of a contract as a value. @since 0.1.0 @category models */
export interface ByteArray {
  readonly _tag: "contract_bytearray"
  readonly bytes: Uint8Array
}

/** @since 0.1.0 @category constructors */
export const string = (bytes: Uint8Array): StringValue => ({ _tag: "string", bytes })

/** A string from text (UTF-8). @since 0.1.0 @category constructors */
export const text = (value: string): StringValue => string(Bytes.utf8(value))

/** @since 0.1.0 @category constructors */
export const bytes = (value: Uint8Array): BytesValue => ({ _tag: "bytes", bytes: value })

/** @since 0.1.0 @category constructors */
export const reference = (kind: ReferenceKind, key: Uint8Array): Reference => ({ _tag: kind, bytes: key })

/** @since 0.1.0 @category constructors */
export const bits = (value: bigint): BitsValue => ({ _tag: "bits", bits: value })

/** @since 0.1.0 @category constructors */
export const tuple = (elements: ReadonlyArray<Value>): TupleValue => ({ _tag: "tuple", elements })

/** The empty tuple. @since 0.1.0 @category constructors */
export const unit: TupleValue = tuple([])

/** The empty list. @since 0.1.0 @category constructors */
export const nil: EmptyList = { _tag: "list", length: 0, head: undefined, tail: undefined }

/** @since 0.1.0 @category constructors */
export const cons = (head: Value, tail: ListValue): Cons => ({
  _tag: "list",
  length: tail.length + 1,
  head,
  tail
})

/** Whether a list has elements. @since 0.1.0 @category predicates */
export const isCons = (list: ListValue): list is Cons => list.length > 0

/** @since 0.1.0 @category constructors */
export const list = (elements: ReadonlyArray<Value>): ListValue => {
  let result: ListValue = nil
  for (let i = elements.length - 1; i >= 0; i--) result = cons(elements[i] as Value, result)
  return result
}

/** The elements of a list, first to last. @since 0.1.0 @category getters */
export const elements = (value: ListValue): ReadonlyArray<Value> => {
  const result: Array<Value> = []
  let rest = value
  while (isCons(rest)) {
    result.push(rest.head)
    rest = rest.tail
  }
  return result
}

/** @since 0.1.0 @category constructors */
export const map = (entries: SortedMap<Value>): MapValue => ({ _tag: "map", entries })

/** @since 0.1.0 @category constructors */
export const storeMap = (id: number, cache: SortedMap<Value | typeof removed>): StoreMap => ({
  _tag: "store_map",
  cache,
  id
})

/** @since 0.1.0 @category constructors */
export const variant = (
  arities: ReadonlyArray<number>,
  tag: number,
  values: ReadonlyArray<Value>
): VariantValue => ({ _tag: "variant", arities, tag, values })

const optionArities = [0, 1]

/** `None`. @since 0.1.0 @category constructors */
export const none: VariantValue = variant(optionArities, 0, [])

/** `Some(value)`. @since 0.1.0 @category constructors */
export const some = (value: Value): VariantValue => variant(optionArities, 1, [value])

/** @since 0.1.0 @category constructors */
export const typeRepresentation = (type: Type): TypeRepresentation => ({ _tag: "typerep", type })

/** @since 0.1.0 @category constructors */
export const byteArray = (code: Uint8Array): ByteArray => ({ _tag: "contract_bytearray", bytes: code })
