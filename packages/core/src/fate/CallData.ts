/**
 * Call data: which function of a contract is called with which values.
 *
 * Specification: æternity FATE virtual machine, call data.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as DecodeError from "../encoding/DecodeError.js"
import { functionId } from "./Bytecode.js"
import { string, tuple, type Value } from "./Value.js"
import * as ValueCodec from "./ValueCodec.js"

/**
 * A function, by the first 4 bytes of the hash of its name, and the values it is called with.
 *
 * @since 0.1.0
 * @category models
 */
export interface FunctionCall {
  readonly functionId: Uint8Array
  readonly args: ReadonlyArray<Value>
}

/**
 * The call data of a function, given by name or id.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (nameOrId: string | Uint8Array, args: ReadonlyArray<Value>): Uint8Array => {
  const id = typeof nameOrId === "string" ? functionId(nameOrId) : nameOrId
  return ValueCodec.encode(tuple([string(id), tuple(args)]))
}

const callOf = (value: Value): FunctionCall | undefined => {
  if (typeof value !== "object" || value._tag !== "tuple" || value.elements.length !== 2) return undefined
  const [called, args] = value.elements
  if (typeof called !== "object" || called._tag !== "string") return undefined
  if (typeof args !== "object" || args._tag !== "tuple") return undefined
  return { functionId: called.bytes, args: args.elements }
}

/**
 * Reads call data; see `decode`. Throws `DecodeError`.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const decodeOrThrow = (callData: Uint8Array): FunctionCall => {
  const call = callOf(ValueCodec.decodeOrThrow(callData))
  if (call === undefined)
    throw DecodeError.make(
      "call data",
      "no_call",
      "expected a pair of a function id and a tuple of arguments"
    )
  return call
}

/**
 * Reads call data; `undefined` where it is none.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const read = (callData: Uint8Array): FunctionCall | undefined => {
  try {
    return callOf(ValueCodec.decodeOrThrow(callData))
  } catch (error) {
    if (error instanceof DecodeError.DecodeError) return undefined
    throw error
  }
}

/**
 * Reads call data. Fails with `DecodeError` (`no_call` for a value of another shape). The id may be of any length: only
 * the contract knows its functions.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (callData: Uint8Array): Effect.Effect<FunctionCall, DecodeError.DecodeError> =>
  DecodeError.attempt(() => decodeOrThrow(callData))
