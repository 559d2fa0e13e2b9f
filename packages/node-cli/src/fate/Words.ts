/**
 * Bytes in words.
 *
 * @since 0.1.0
 */
import type { DecodeError } from "@aechannel/core/encoding/DecodeError"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import * as Disassembly from "@aechannel/core/fate/Disassembly"
import * as ValueCodec from "@aechannel/core/fate/ValueCodec"
import * as Effect from "effect/Effect"
import { quote } from "../inspect/Render.js"

/** What a decoder answers; `undefined` where it fails. @since 0.1.0 @category combinators */
export const orUndefined = <A>(decoded: Effect.Effect<A, DecodeError>): A | undefined =>
  Effect.runSync(Effect.orElseSucceed(decoded, () => undefined))

/** A serialized value in one line; `#` and hexadecimal digits for other bytes. @since 0.1.0 @category formatting */
export const ofValue = (bytes: Uint8Array): string => {
  const value = orUndefined(ValueCodec.decode(bytes))
  return value === undefined ? `#${Bytes.toHex(bytes)}` : Disassembly.ofValue(value)
}

/** Bytes as text in quotes; `#` and hexadecimal digits if they are no UTF-8. @since 0.1.0 @category formatting */
export const ofText = (bytes: Uint8Array): string => {
  try {
    return quote(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    return `#${Bytes.toHex(bytes)}`
  }
}

/** A text of unknown origin without anything but lines that a terminal would act on. @since 0.1.0 @category formatting */
export const harmless = (text: string): string =>
  text.replaceAll(/[^\P{C}\n]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
