/** The forms in which a secret can show in a text or file. */
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"

/** Bytes that betray a secret: its beginning or its end in one form, so that a shortened secret is found too. */
export interface Needle {
  readonly form: string
  readonly bytes: Uint8Array
}

/** This many bytes of a secret, or characters of a text, are taken for the secret: chance gives no 64 bits. */
const part = 8
const textPart = 12

const ascii = (text: string): Uint8Array => Buffer.from(text, "latin1")

/** Test keys such as 32 times 7, or 0 to 31, are found everywhere: nothing can be said about them. */
const isTelling = (bytes: Uint8Array): boolean => {
  const steps = new Set(bytes.subarray(1).map((byte, i) => byte - (bytes[i] ?? 0)))
  return new Set(bytes).size >= 5 && steps.size >= 3
}

const ends = (text: string, length: number): ReadonlyArray<string> =>
  text.length <= length ? [text] : [text.slice(0, length), text.slice(-length)]

/** The characters of base64 that hold nothing but these bytes, when `before` bytes (0, 1 or 2) come before them. */
const insideBase64 = (bytes: Uint8Array, before: number): string => {
  const text = Buffer.concat([new Uint8Array(before), bytes])
    .toString("base64")
    .replaceAll("=", "")
  const from = Math.ceil((before * 8) / 6)
  return text.slice(from, Math.floor(((before + bytes.length) * 8) / 6))
}

const formsOfBytes = (bytes: Uint8Array): ReadonlyArray<Needle> => {
  const needles: Array<Needle> = []
  const pieces = [bytes.subarray(0, part), bytes.subarray(-part)] as const
  for (const [index, piece] of pieces.entries()) {
    if (!isTelling(piece)) continue
    const hex = Buffer.from(piece).toString("hex")
    const place = index === 0 ? 0 : bytes.length - part
    needles.push(
      { form: "bytes", bytes: piece },
      { form: "hexadecimal", bytes: ascii(hex) },
      { form: "hexadecimal", bytes: ascii(hex.toUpperCase()) },
      { form: "spaced hexadecimal", bytes: ascii(hex.replaceAll(/(..)(?=.)/g, "$1 ")) },
      { form: "list of numbers", bytes: ascii(piece.join(",")) },
      {
        form: "JSON of bytes",
        bytes: ascii(Array.from(piece, (byte, i) => `"${place + i}":${byte}`).join(","))
      }
    )
    const longer = index === 0 ? bytes.subarray(0, part + 3) : bytes.subarray(-part - 3)
    for (const before of [0, 1, 2])
      needles.push({ form: "base64", bytes: ascii(insideBase64(longer, before).slice(0, textPart)) })
  }
  return needles
}

/** The forms of a secret key or of another secret of 32 bytes. */
const ofBytes = (bytes: Uint8Array): ReadonlyArray<Needle> => {
  const forms = formsOfBytes(bytes)
  if (forms.length === 0 || bytes.length !== 32) return forms
  const text = ApiEncoding.encode("sk", bytes).slice(3)
  return [...forms, ...ends(text, textPart).map((end) => ({ form: "sk_ text", bytes: ascii(end) }))]
}

const ofText = (text: string): ReadonlyArray<Needle> =>
  ends(text, textPart)
    .map(ascii)
    .filter((bytes) => bytes.length === textPart && isTelling(bytes))
    .map((bytes) => ({ form: "text", bytes }))

/** Where a text is an encoding of bytes: those bytes; `undefined` where its prefix says that it is public. */
const read = (text: string): Uint8Array | string | undefined => {
  if (/^(?:[0-9a-f]{64}|[0-9a-f]{128})$/i.test(text)) return Bytes.fromHex(text).subarray(0, 32)
  const prefix = ApiEncoding.prefixOf(text)
  if (prefix === undefined) return text
  if (prefix !== "sk" && prefix !== "ba") return undefined
  try {
    return ApiEncoding.decodeOrThrow(prefix, text).subarray(0, 32)
  } catch {
    return text.slice(3)
  }
}

/** All forms of a value that was kept secret; none when it is too short, too plain or public. */
export const needlesOf = (value: unknown): ReadonlyArray<Needle> => {
  const secret = typeof value === "string" ? read(value.trim()) : value
  if (typeof secret === "string") return ofText(secret)
  // What comes after the seed in 64 bytes is the public key.
  return secret instanceof Uint8Array && secret.length >= 16
    ? ofBytes(secret.length === 64 ? secret.subarray(0, 32) : secret)
    : []
}
