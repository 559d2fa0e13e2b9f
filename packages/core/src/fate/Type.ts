/**
 * Types of FATE values, as they stand in the signatures of functions and in type representations.
 *
 * Specification: æternity FATE virtual machine, types.
 *
 * @since 0.1.0
 */

/**
 * A type. `bytes` has a size in bytes or, from FATE 3 on, `"any"`; `tvar` is a type variable with its index; a `variant`
 * lists the tuple of each constructor.
 *
 * @since 0.1.0
 * @category models
 */
export type Type =
  | { readonly _tag: SimpleType }
  | { readonly _tag: "list"; readonly element: Type }
  | TupleType
  | { readonly _tag: "map"; readonly key: Type; readonly value: Type }
  | { readonly _tag: "bytes"; readonly size: bigint | "any" }
  | { readonly _tag: "variant"; readonly constructors: ReadonlyArray<TupleType> }
  | { readonly _tag: "tvar"; readonly index: number }

/**
 * The types without parts.
 *
 * @since 0.1.0
 * @category models
 */
export type SimpleType =
  | "integer"
  | "boolean"
  | "address"
  | "contract"
  | "oracle"
  | "oracle_query"
  | "channel"
  | "bits"
  | "string"
  | "contract_bytearray"
  | "any"

/**
 * The type of a tuple: the types of its elements in order.
 *
 * @since 0.1.0
 * @category models
 */
export interface TupleType {
  readonly _tag: "tuple"
  readonly elements: ReadonlyArray<Type>
}

/**
 * A type without parts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const simple = (name: SimpleType): Type => ({ _tag: name })

/** @since 0.1.0 @category constructors */
export const integer = simple("integer")
/** @since 0.1.0 @category constructors */
export const boolean = simple("boolean")
/** @since 0.1.0 @category constructors */
export const string = simple("string")
/** @since 0.1.0 @category constructors */
export const any = simple("any")

/** @since 0.1.0 @category constructors */
export const list = (element: Type): Type => ({ _tag: "list", element })
/** @since 0.1.0 @category constructors */
export const tuple = (elements: ReadonlyArray<Type>): TupleType => ({ _tag: "tuple", elements })
/** @since 0.1.0 @category constructors */
export const map = (key: Type, value: Type): Type => ({ _tag: "map", key, value })
/** @since 0.1.0 @category constructors */
export const bytes = (size: bigint | "any"): Type => ({ _tag: "bytes", size })
/** @since 0.1.0 @category constructors */
export const variant = (constructors: ReadonlyArray<TupleType>): Type => ({ _tag: "variant", constructors })
