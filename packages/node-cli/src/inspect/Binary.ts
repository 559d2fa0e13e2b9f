/**
 * Bytes without a form of their own.
 *
 * @since 0.1.0
 */
import * as CodeObject from "@aechannel/core/chain/CodeObject"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import * as Update from "@aechannel/core/state/Update"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Fact, count, fact, flag, nothing, quoted, text } from "./Explanation.js"
import { many, quote } from "./Render.js"
import { updateFacts } from "./Updates.js"

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * Bytes as text, if they are UTF-8 that can be shown.
 *
 * @since 0.1.0
 * @category formatting
 */
export const readable = (bytes: Uint8Array): string | undefined => {
  if (bytes.length === 0) return undefined
  try {
    const characters = decoder.decode(bytes)
    return /^[\P{C}\n\t]+$/u.test(characters) ? characters : undefined
  } catch {
    return undefined
  }
}

/**
 * How many bytes, and what they say if they are text; the note beside bytes that are shown anyway.
 *
 * @since 0.1.0
 * @category formatting
 */
export const noteOfBytes = (bytes: Uint8Array): string => {
  const words = readable(bytes)
  return `${many(bytes.length, "byte")}${words === undefined ? "" : `, the text ${quote(words)}`}`
}

/**
 * Size, hexadecimal digits and, if there is one, the text of bytes.
 *
 * @since 0.1.0
 * @category formatting
 */
export const bytesFacts = (bytes: Uint8Array): ReadonlyArray<Fact> => {
  const words = readable(bytes)
  return [
    fact("size", count(bytes.length, "bytes")),
    fact("hex", text(Bytes.toHex(bytes))),
    words === undefined
      ? { ...fact("text", nothing("not text")), jsonOnly: true }
      : fact("text", quoted(words))
  ]
}

/**
 * Bytes of a contract: compiled code, or call data, return values and error texts, which are shown as they are.
 *
 * @since 0.1.0
 * @category formatting
 */
export const contractBytesFacts = (bytes: Uint8Array): Effect.Effect<ReadonlyArray<Fact>> =>
  Effect.map(Effect.option(CodeObject.decode(bytes)), (decoded) => [
    ...bytesFacts(bytes),
    ...Option.match(decoded, {
      onNone: () => [],
      onSome: (code) => [
        fact("content", text("compiled contract")),
        fact("source_hash", text(Bytes.toHex(code.sourceHash))),
        fact("compiler_version", text(CodeObject.compilerVersionText(code) ?? "not text")),
        fact("byte_code_size", count(code.byteCode.length, "bytes")),
        fact("payable", flag(code.payable))
      ]
    })
  ])

/** The size of an fsm id, with which whoever has it takes over a channel's session. */
const fsmIdSize = 32

/**
 * A byte array: an off-chain update or other bytes. 32 bytes may be an fsm id, which is a secret: they are not shown.
 *
 * @since 0.1.0
 * @category formatting
 */
export const byteArrayFacts = (
  bytes: Uint8Array
): Effect.Effect<{ readonly secret: boolean; readonly facts: ReadonlyArray<Fact> }> => {
  if (bytes.length === fsmIdSize) {
    const why = "not shown: 32 bytes may be an fsm id, the secret with which a client reconnects"
    return Effect.succeed({
      secret: true,
      facts: [
        fact("size", count(bytes.length, "bytes")),
        fact("hex", nothing(why)),
        { ...fact("text", nothing(why)), jsonOnly: true }
      ]
    })
  }
  return Effect.map(Effect.option(Update.decode(bytes)), (decoded) => ({
    secret: false,
    facts: [
      ...bytesFacts(bytes),
      ...Option.match(decoded, {
        onNone: () => [],
        onSome: (update) => [fact("content", text("off-chain update")), ...updateFacts(update)]
      })
    ]
  }))
}
