/**
 * Strings as Unicode text. Strings of the machine are any bytes; the operations that look at characters work on the
 * composed normal form (NFC).
 */
import * as Bytes from "../../../encoding/Bytes.js"
import type { Machine } from "../machine.js"
import { work } from "./work.js"

/** Whether all bytes are ASCII, which is its own normal form. */
export const isAscii = (m: Machine, bytes: Uint8Array): boolean => {
  work(m, 2 * bytes.length)
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) > 127) return false
  return true
}

const maximumAscii = 127
const surrogates = { first: 0xd800, last: 0xdfff }
export const maximumCharacter = 0x10ffff

// Marks are put in their canonical order, for which engines need quadratic time.
const manyMarks = /\p{M}{100,}/gu

const noteMarks = (m: Machine, text: string): void => {
  for (const [run] of text.matchAll(manyMarks)) work(m, run.length * run.length * 0.2)
}

/** The text of UTF-8; `undefined` if the bytes are none. */
export const textOf = (m: Machine, bytes: Uint8Array): string | undefined => {
  work(m, 100 * bytes.length)
  try {
    return Bytes.fromUtf8OrThrow(bytes)
  } catch {
    return undefined
  }
}

/** The composed normal form. */
export const normalized = (m: Machine, text: string): string => {
  noteMarks(m, text)
  return text.normalize("NFC")
}

/** The characters (code points) of the normal form of UTF-8; `undefined` if the bytes are none. */
export const charactersOf = (m: Machine, bytes: Uint8Array): ReadonlyArray<number> | undefined => {
  if (isAscii(m, bytes)) {
    work(m, 40 * bytes.length)
    return Array.from(bytes)
  }
  const text = textOf(m, bytes)
  return text === undefined ? undefined : codePoints(normalized(m, text))
}

const codePoints = (text: string): ReadonlyArray<number> =>
  Array.from(text, (character) => character.codePointAt(0) as number)

// As many arguments as any engine takes.
const chunk = 4096

/** UTF-8 of the normal form of characters; `undefined` if there are surrogates among them, which have no encoding. */
export const fromCharacters = (m: Machine, characters: ReadonlyArray<number>): Uint8Array | undefined => {
  work(m, 100 * characters.length)
  let text = ""
  let highest = 0
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] as number
    if (character >= surrogates.first && character <= surrogates.last) return undefined
    if (character > highest) highest = character
  }
  if (highest <= maximumAscii) return Uint8Array.from(characters)
  for (let i = 0; i < characters.length; i += chunk)
    text += String.fromCodePoint(...characters.slice(i, i + chunk))
  return Bytes.utf8(normalized(m, text))
}

/** The single character of the normal form of a character; `undefined` if it is made of several. */
export const normalCharacter = (character: number): number | undefined => {
  const all = codePoints(String.fromCodePoint(character).normalize("NFC"))
  return all.length === 1 ? all[0] : undefined
}

/** Upper case of every character on its own. */
export const upperCase = (text: string): string => text.toUpperCase()

/** Lower case of every character on its own: a sigma at the end of a word is like any other. */
export const lowerCase = (text: string): string =>
  text
    .split("\u03a3")
    .map((part) => part.toLowerCase())
    .join("\u03c3")
