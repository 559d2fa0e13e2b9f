import { base58 } from "@scure/base"
import * as Bytes from "../../../encoding/Bytes.js"
import * as Hashes from "../../../encoding/internal/hashes.js"
import { bytes, list, nil, none, some, string, type Value } from "../../Value.js"
import { disabled, type Expected, typeErrorOnCall } from "../errorTexts.js"
import { crash, fail, type Machine, type Operation, type Operations, refuse } from "../machine.js"
import { bad, byteCells, charge, iris } from "./common.js"
import { isList } from "./lists.js"
import { isReference, isString, stringOf } from "./operands.js"
import * as Unicode from "./unicode.js"
import { afford, productTime, work, words } from "./work.js"

const mismatch = (value: Value, expected: Expected): never => fail(() => typeErrorOnCall(value, expected))

/** An operation with a string as its result, paid by the size of the result. */
const toString =
  (f: (m: Machine, value: Value) => Uint8Array): Operation =>
  (m, o) => {
    const result = f(m, m.read(o[1]))
    charge(m, o[0], byteCells(result.length) + 1, string(result))
  }

const joined = (m: Machine, a: Uint8Array, b: Uint8Array): Uint8Array => {
  afford(m, byteCells(a.length + b.length))
  work(m, a.length + b.length)
  return Bytes.concat(a, b)
}

// Nineteen digits fit into a word.
const digitsPerWord = 19

const decimal = (m: Machine, value: Value): Uint8Array => {
  if (typeof value !== "bigint") return bad("int_to_str", value)
  const size = words(value)
  if (size > 1) {
    afford(m, byteCells(digitsPerWord * (size - 1)))
    work(m, 5 * productTime(size, size))
  }
  return Bytes.utf8(value.toString())
}

const checksumSize = 4
/** Base58 is quadratic; keys have 32 bytes but where they were made up. */
const base58Time = (size: number): number => size * size * 2
/** What is longer is not written in base58. */
const longestKey = 1024

const addressText = (m: Machine, value: Value): Uint8Array => {
  if (!isReference(value, "address")) return bad("addr_to_str", value)
  if (value.bytes.length > longestKey) refuse("the text of an address that is far too long")
  work(m, base58Time(value.bytes.length))
  const { sha256 } = Hashes.inUse()
  const checksum = sha256(sha256(value.bytes)).subarray(0, checksumSize)
  return Bytes.utf8(`ak_${base58.encode(Bytes.concat(value.bytes, checksum))}`)
}

const reversed = (m: Machine, value: Value): Uint8Array => {
  const isOld = m.vm < 7
  if (!isString(value)) return bad(isOld ? "str_reverse" : "str_reverse_unicode", value)
  if (isOld || Unicode.isAscii(m, value.bytes)) {
    afford(m, byteCells(value.bytes.length))
    work(m, 4 * value.bytes.length)
    return value.bytes.slice().reverse()
  }
  const characters = Unicode.charactersOf(m, value.bytes)
  if (characters === undefined) return crash("the reverse of what is no UTF-8")
  return Unicode.fromCharacters(m, Array.from(characters).reverse()) ?? crash("a surrogate character")
}

const charactersOf = (m: Machine, value: Value): ReadonlyArray<number> =>
  Unicode.charactersOf(m, stringOf(value)) ?? mismatch(value, "string_utf8")

const listOfCharacters: Expected = { listOf: "char" }

const isCharacter = (value: Value): value is bigint =>
  typeof value === "bigint" && value >= 0n && value <= BigInt(Unicode.maximumCharacter)

const fromList = (m: Machine, value: Value): Uint8Array => {
  if (!isList(value)) return mismatch(value, listOfCharacters)
  m.traverse(value, "simple")
  const characters: Array<number> = []
  let rest = value
  while (rest.head !== undefined) {
    if (!isCharacter(rest.head))
      return m.environment.protocol < iris
        ? crash("a string of what are no characters")
        : mismatch(value, listOfCharacters)
    characters.push(Number(rest.head))
    rest = rest.tail
  }
  return Unicode.fromCharacters(m, characters) ?? crash("a surrogate character")
}

/** Maps the letters of a string; each byte of the result is a cell. */
const letters =
  (map: (text: string) => string): Operation =>
  (m, o) => {
    const value = stringOf(m.read(o[1]))
    const text = Unicode.textOf(m, value) ?? crash("the letters of what is no UTF-8")
    // Letters of both cases have at most three times the bytes of each other.
    afford(m, Math.floor(value.length / 4))
    const result = Bytes.utf8(map(text))
    charge(m, o[0], result.length, string(result))
  }

/** Operations on strings and characters. */
export const strings: Operations = {
  STR_JOIN: (m, o) => {
    const a = m.read(o[1])
    const b = m.read(o[2])
    const result = isString(a) && isString(b) ? joined(m, a.bytes, b.bytes) : bad("str_join", a, b)
    charge(m, o[0], byteCells(result.length) + 1, string(result))
  },
  INT_TO_STR: toString(decimal),
  ADDR_TO_STR: toString(addressText),
  STR_REVERSE: toString(reversed),
  STR_LENGTH: (m, o) => {
    const value = m.read(o[1])
    if (m.vm < 7) return m.write(o[0], BigInt(stringOf(value).length))
    const bytes = stringOf(value)
    if (Unicode.isAscii(m, bytes)) return charge(m, o[0], bytes.length, BigInt(bytes.length))
    const { length } = charactersOf(m, value)
    charge(m, o[0], length, BigInt(length))
  },
  STR_TO_LIST: (m, o) => {
    const value = m.read(o[1])
    // A character of the normal form has at most a few bytes.
    if (isString(value)) afford(m, value.bytes.length >> 4)
    const characters = charactersOf(m, value)
    m.cells(2 * characters.length + 1)
    m.write(o[0], characters.length === 0 ? nil : list(characters.map(BigInt)))
  },
  STR_FROM_LIST: toString(fromList),
  STR_TO_UPPER: letters(Unicode.upperCase),
  STR_TO_LOWER: letters(Unicode.lowerCase),
  CHAR_TO_INT: (m, o) => {
    const value = m.read(o[1])
    m.write(o[0], typeof value === "bigint" ? value : mismatch(value, "char"))
  },
  CHAR_FROM_INT: (m, o) => {
    const value = m.read(o[1])
    if (typeof value !== "bigint") return mismatch(value, "int")
    if (!isCharacter(value))
      return m.environment.protocol < iris ? crash("no character") : mismatch(value, "char")
    const character = Unicode.normalCharacter(Number(value))
    if (character === undefined) charge(m, o[0], 8, none)
    else charge(m, o[0], 9, some(BigInt(character)))
  },
  // The address of an integer: no version of the machine does it.
  INT_TO_ADDR: (m, o) => {
    const value = m.read(o[1])
    return typeof value === "bigint" ? fail(disabled("INT_TO_ADDR")) : bad("int_to_addr", value)
  },
  STR_TO_BYTES: (m, o) => {
    const value = m.read(o[1])
    if (!isString(value)) return bad("str_to_bytes", value)
    charge(m, o[0], byteCells(value.bytes.length) + 1, bytes(value.bytes))
  }
}
