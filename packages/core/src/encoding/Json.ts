/**
 * Lossless JSON. `JSON.parse` rounds integers beyond 2^53, which on this wire are amounts, request ids and event
 * topics; here they become `bigint`, and a number that is no integer keeps its very characters.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as DecodeError from "./DecodeError.js"

/**
 * A number that is not written as an integer (`1.0`, `1e3`, `-0.5`), kept as it came.
 *
 * @since 0.1.0
 * @category models
 */
export class JsonNumber {
  /** The characters of the number. */
  readonly lexeme: string
  constructor(lexeme: string) {
    this.lexeme = lexeme
  }
}

/**
 * An object of JSON.
 *
 * @since 0.1.0
 * @category models
 */
export interface JsonObject {
  readonly [key: string]: Json
}

/**
 * A JSON value. An integer is a `number` when it is a safe one and a `bigint` beyond; any other number is a
 * `JsonNumber`.
 *
 * @since 0.1.0
 * @category models
 */
export type Json = null | boolean | string | number | bigint | JsonNumber | ReadonlyArray<Json> | JsonObject

/**
 * Arrays and objects may be nested this deep; deeper text is refused (`too_deep`) before it exhausts the stack.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximumDepth = 512

/**
 * An integer may have this many digits; a longer one is refused (`integer_too_long`), for its conversion takes more
 * than linear time.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximumDigits = 16_384

/**
 * Whether a value is an object of JSON (not an array, not null, not a number).
 *
 * @since 0.1.0
 * @category inspection
 */
export const isObject = (json: Json | undefined): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json) && !(json instanceof JsonNumber)

/**
 * Whether a value is an array of JSON.
 *
 * @since 0.1.0
 * @category inspection
 */
export const isArray = (json: Json | undefined): json is ReadonlyArray<Json> => Array.isArray(json)

/**
 * The value of a key of an object, or `undefined` when the value is no object or has no such key of its own.
 *
 * @since 0.1.0
 * @category inspection
 */
export const field = (json: Json | undefined, key: string): Json | undefined =>
  isObject(json) && Object.hasOwn(json, key) ? json[key] : undefined

/**
 * The integer of a value, or `undefined` when it is none (`1.0` is none).
 *
 * @since 0.1.0
 * @category inspection
 */
export const toBigInt = (json: Json | undefined): bigint | undefined => {
  if (typeof json === "bigint") return json
  return typeof json === "number" && Number.isSafeInteger(json) ? BigInt(json) : undefined
}

interface Input {
  readonly text: string
  offset: number
}

type MutableObject = { [key: string]: Json }

// The error never quotes the text: frames carry secrets such as the fsm_id.
const fail = (input: Input, reason: string, detail: string): never => {
  throw DecodeError.make("json", reason, `${detail} at character ${input.offset}`)
}

const unexpected = (input: Input): never =>
  input.offset >= input.text.length
    ? fail(input, "truncated", "the text ends too early")
    : fail(input, "unexpected_character", "unexpected character")

const skipSpace = (input: Input): number => {
  const { text } = input
  let code = text.charCodeAt(input.offset)
  while (code === 32 || code === 10 || code === 13 || code === 9) code = text.charCodeAt(++input.offset)
  return code
}

const readWord = <A>(input: Input, word: string, value: A): A => {
  if (!input.text.startsWith(word, input.offset)) return unexpected(input)
  input.offset += word.length
  return value
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57

const skipDigits = (input: Input): void => {
  if (!isDigit(input.text.charCodeAt(input.offset))) unexpected(input)
  while (isDigit(input.text.charCodeAt(input.offset))) input.offset++
}

const readNumber = (input: Input): number | bigint | JsonNumber => {
  const { text } = input
  const start = input.offset
  if (text.charCodeAt(start) === 45) input.offset++
  if (text.charCodeAt(input.offset) === 48) input.offset++
  else skipDigits(input)
  let isInteger = true
  if (text.charCodeAt(input.offset) === 46) {
    isInteger = false
    input.offset++
    skipDigits(input)
  }
  const exponent = text.charCodeAt(input.offset)
  if (exponent === 101 || exponent === 69) {
    isInteger = false
    const sign = text.charCodeAt(++input.offset)
    if (sign === 43 || sign === 45) input.offset++
    skipDigits(input)
  }
  const lexeme = text.slice(start, input.offset)
  if (!isInteger) return new JsonNumber(lexeme)
  const value = Number(lexeme)
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value
  if (lexeme.length > maximumDigits) return fail(input, "integer_too_long", "an integer has too many digits")
  return BigInt(lexeme)
}

const escapes: { readonly [code: number]: string } = {
  34: '"',
  92: "\\",
  47: "/",
  98: "\b",
  102: "\f",
  110: "\n",
  114: "\r",
  116: "\t"
}

const hexDigits = /^[0-9a-fA-F]{4}$/

const readEscape = (input: Input): string => {
  const code = input.text.charCodeAt(input.offset)
  if (code === 117) {
    const digits = input.text.slice(input.offset + 1, input.offset + 5)
    if (!hexDigits.test(digits)) return fail(input, "invalid_escape", "expected four hexadecimal digits")
    input.offset += 5
    return String.fromCharCode(Number.parseInt(digits, 16))
  }
  const escaped = escapes[code]
  if (escaped === undefined) return fail(input, "invalid_escape", "unknown escape")
  input.offset++
  return escaped
}

// Finds a backslash or a control character: whatever is not between the space and "[" or from "]" upward.
const needsCare = /[^ -[\]-\uffff]/

// `input.offset` is behind the opening quote. Most strings of the wire are long and plain.
const readString = (input: Input): string => {
  const end = input.text.indexOf('"', input.offset)
  const plain = end < 0 ? "\\" : input.text.slice(input.offset, end)
  if (needsCare.test(plain)) return readDelicateString(input)
  input.offset = end + 1
  return plain
}

const readDelicateString = (input: Input): string => {
  const { text } = input
  let start = input.offset
  let value = ""
  for (;;) {
    const code = text.charCodeAt(input.offset)
    if (code === 34) return value + text.slice(start, input.offset++)
    if (code === 92) {
      value += text.slice(start, input.offset++)
      value += readEscape(input)
      start = input.offset
    } else if (code < 32) {
      return fail(input, "control_character", "a control character inside a string must be escaped")
    } else if (code >= 32) {
      input.offset++
    } else {
      return unexpected(input)
    }
  }
}

const enter = (input: Input, depth: number): number => {
  if (depth >= maximumDepth)
    return fail(input, "too_deep", `arrays and objects are nested deeper than ${maximumDepth}`)
  return depth + 1
}

const readArray = (input: Input, outer: number): ReadonlyArray<Json> => {
  const depth = enter(input, outer)
  const items: Array<Json> = []
  input.offset++
  if (skipSpace(input) === 93) {
    input.offset++
    return items
  }
  for (;;) {
    items.push(readValue(input, depth))
    const code = skipSpace(input)
    if (code !== 44 && code !== 93) unexpected(input)
    input.offset++
    if (code === 93) return items
  }
}

const setProperty = (object: MutableObject, key: string, value: Json): void => {
  // Assigning to this name would replace the prototype instead of making a property.
  if (key === "__proto__")
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  else object[key] = value
}

const readObject = (input: Input, outer: number): JsonObject => {
  const depth = enter(input, outer)
  const object: MutableObject = {}
  input.offset++
  if (skipSpace(input) === 125) {
    input.offset++
    return object
  }
  for (;;) {
    if (skipSpace(input) !== 34) unexpected(input)
    input.offset++
    const key = readString(input)
    if (skipSpace(input) !== 58) unexpected(input)
    input.offset++
    setProperty(object, key, readValue(input, depth))
    const code = skipSpace(input)
    if (code !== 44 && code !== 125) unexpected(input)
    input.offset++
    if (code === 125) return object
  }
}

const readValue = (input: Input, depth: number): Json => {
  const code = skipSpace(input)
  if (code === 34) {
    input.offset++
    return readString(input)
  }
  if (code === 123) return readObject(input, depth)
  if (code === 91) return readArray(input, depth)
  if (code === 116) return readWord(input, "true", true)
  if (code === 102) return readWord(input, "false", false)
  if (code === 110) return readWord(input, "null", null)
  if (code === 45 || isDigit(code)) return readNumber(input)
  return unexpected(input)
}

/**
 * Reads one JSON value. Of equal keys the last wins; `__proto__` is an ordinary key; `-0` is `0`. Throws
 * `DecodeError`, which tells the place but never quotes the text.
 *
 * @internal
 * @since 0.1.0
 * @category decoding
 */
export const parseOrThrow = (text: string): Json => {
  const input: Input = { text, offset: 0 }
  const json = readValue(input, 0)
  skipSpace(input)
  if (input.offset !== text.length) fail(input, "trailing", "there is text after the value")
  return json
}

/**
 * Reads one JSON value. Of equal keys the last wins; `__proto__` is an ordinary key; `-0` is `0`. Fails with
 * `DecodeError`, which tells the place but never quotes the text.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parse = (text: string): Effect.Effect<Json, DecodeError.DecodeError> =>
  DecodeError.attempt(() => parseOrThrow(text))

const writeNumber = (n: number): string => {
  if (!Number.isFinite(n) || (Number.isInteger(n) && !Number.isSafeInteger(n)))
    throw new RangeError("a JSON number must be a safe integer: use bigint or JsonNumber")
  return n === 0 ? "0" : String(n)
}

const writeObject = (json: JsonObject, sorted: boolean): string => {
  const keys = Object.keys(json)
  if (sorted) keys.sort()
  let text = "{"
  for (const key of keys) {
    const value = json[key]
    // A key whose value is missing is left out, as everywhere in JavaScript.
    if (value === undefined) continue
    if (text.length > 1) text += ","
    text += `${JSON.stringify(key)}:${write(value, sorted)}`
  }
  return text + "}"
}

const write = (json: Json, sorted: boolean): string => {
  switch (typeof json) {
    case "string":
      return JSON.stringify(json)
    case "number":
      return writeNumber(json)
    case "bigint":
    case "boolean":
      return String(json)
    default:
      if (json === null) return "null"
      if (json instanceof JsonNumber) return json.lexeme
      if (isObject(json)) return writeObject(json, sorted)
      return `[${json.map((item) => write(item, sorted)).join(",")}]`
  }
}

/**
 * Writes a value without white space, keys in the order of the object. A number that is not finite or beyond the
 * safe integers is a defect.
 *
 * @since 0.1.0
 * @category encoding
 */
export const stringify = (json: Json): string => write(json, false)

/**
 * Writes a value without white space, the keys of every object sorted by their UTF-16 code units: equal values give
 * equal texts.
 *
 * @since 0.1.0
 * @category encoding
 */
export const stringifySorted = (json: Json): string => write(json, true)
