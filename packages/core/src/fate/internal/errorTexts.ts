/**
 * The texts of errors. They are the return value of a failed call, thus part of the state that both participants sign.
 */
import type { Type } from "../Type.js"
import type { Value } from "../Value.js"
import { format } from "./printer.js"
import { atom, type Term, termOf, termOfType } from "./terms.js"

/** A type as operations name it: a type, a bare name such as `bytes64` or `string_utf8`, or a list of a bare name. */
export type Expected = Type | string | { readonly listOf: string }

const expectedTerm = (expected: Expected): Term =>
  typeof expected === "string"
    ? atom(expected)
    : "listOf" in expected
      ? { tuple: [atom("list"), atom(expected.listOf)] }
      : termOfType(expected)

const numbers = (bytes: Uint8Array): Term => ({ binary: bytes })

export const outOfGas = "Out of gas"
export const badCallData = "bad_call_data"
export const remoteTypeMismatch = "Type of remote function does not match expected type"
export const initNotAllowed = "Calling init is not allowed in this context"
export const reentrantCall = "Reentrant call"
export const divisionByZero = "Arithmetic error: division by zero"
export const moduloByZero = "Arithmetic error: mod by zero"
export const keyDoesNotExist = "Maps: Key does not exist"
export const headOnEmptyList = "Head on empty list"
export const tailOnEmptyList = "Tail on empty list"
export const illegalBits = "Illegal bits in log"

/** `op` is the internal name (`add`, `div`, `map_update`, …). */
export const badArguments = (op: string, args: ReadonlyArray<Value>): string =>
  format("Bad arguments to ~P: ~P", atom(op), { list: args.map(termOf) })

export const typeError = (where: "call" | "return", value: Term, type: Term): string =>
  format(`Type error on ${where}: ~P is not of type ~P`, value, type)

export const typeErrorOnCall = (value: Value, type: Expected): string =>
  typeError("call", termOf(value), expectedTerm(type))

export const wrongArity = (expected: number, got: number): string =>
  format("Expected ~P arguments, got ~P", BigInt(expected), BigInt(got))

/** `id` is what was given as the function's id, four bytes as a rule. */
export const undefinedFunction = (id: Uint8Array): string =>
  format("Trying to call undefined function: ~W", numbers(id))

export const privateFunction = (id: Uint8Array): string =>
  format("Function with hash ~W is private", numbers(id))

export const notPayable = (id: Uint8Array): string =>
  format("Function with hash ~W is not payable", numbers(id))

export const invalidContract = (key: Uint8Array): string =>
  format("Trying to call invalid contract: ~w", numbers(key))

/** `negative_value`, `insufficient_funds`, `account_is_not_payable`. */
export const errorInCall = (reason: string): string => format("Error in call: ~W", atom(reason))

export const badGasCap = (cap: bigint): string =>
  format("Error in call: ~W", { tuple: [atom("bad_gas_cap"), cap] })

/** `Error in <operation>: <reason>`, both internal names in lower case. */
export const errorIn = (operation: string, reason: string): string =>
  format("Error in ~W: ~W", atom(operation), atom(reason))

/** The operation does not exist in the contract's version of the machine. */
export const notSupported = (operation: string): string => errorIn(operation, "not_supported")

/** `negative_exponent`, `negative_bit_position`, `bits_sum_on_infinite_set`. */
export const arithmetic = (reason: string): string => format("Arithmetic error: ~P", atom(reason))

/** `op` is the internal name (`map_lookup`, …). */
export const expectedMap = (op: string, value: Value): string =>
  format("Operation ~P expected a map as argument, got ~P", atom(op), termOf(value))

/** `size` as it stood in the operand, which need not be an integer. */
export const invalidTupleSize = (size: Value): string => format("Invalid tuple size: ~P", termOf(size))

export const badElementIndex = (index: Value): string =>
  format("Bad index argument to element, Index: ~P", termOf(index))

export const switchWrongSize = (size: number): string =>
  format("Type error in switch: wrong size ~P", BigInt(size))

export const switchTag = (tag: number): string =>
  format("Type error in switch: tag ~P is larger than switch op", BigInt(tag))

export const stackOverflowPop = (count: number): string =>
  format("Stack overflow when pop:ing ~P elements", BigInt(count))

export const undefinedVariable = (kind: "var" | "arg", index: number): string =>
  format("Undefined var: ~P", { tuple: [atom(kind), BigInt(index)] })

export const noSuchBlock = (block: number | bigint): string =>
  format("Trying to jump to non existing bb: ~P", BigInt(block))

export const illegalInteger = (value: bigint): string => format("Illegal integer in log: ~W", value)

/** `op` is the mnemonic (`ORACLE_REGISTER`). */
export const notOffChain = (op: string): string => format("Operation ~P not allowed off chain", atom(op))

/** `op` is the mnemonic. */
export const notInGaAuth = (op: string): string =>
  format("Operation ~P not allowed in GA Authentication context", atom(op))

/** `op` is an internal name (`microblock`). */
export const notImplemented = (op: string): string => format("Operation ~P is not implemented", atom(op))

/** `op` is the mnemonic (`INT_TO_ADDR`). */
export const disabled = (op: string): string => format("Error: operation ~P is disabled", atom(op))
