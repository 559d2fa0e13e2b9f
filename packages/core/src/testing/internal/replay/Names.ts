/**
 * Which id of the session being replayed stands for which id of the recording. Ids are known by their bytes, whatever
 * their prefix: an account may come as `ak_`, `ct_` or inside a transaction.
 */
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"
import * as Json from "../../../encoding/Json.js"
import { unescape } from "./query.js"

const idText = /^(ak|ba|ch|ct|kh|mh|nm|ok|st|th)_[A-Za-z0-9+/=]+$/
const idsInText = /\b(?:ak|ba|ch|ct|kh|mh|st|th)_[A-Za-z0-9+/=]+/g

/** The bytes of an id (32 of them), in hexadecimal digits. */
export const idOf = (
  text: string
): { readonly prefix: ApiEncoding.Prefix; readonly hex: string } | undefined => {
  const prefix = idText.test(text) ? ApiEncoding.prefixOf(text) : undefined
  if (prefix === undefined) return undefined
  try {
    const bytes = ApiEncoding.decodeOrThrow(prefix, text)
    return bytes.length === 32 ? { prefix, hex: Bytes.toHex(bytes) } : undefined
  } catch {
    return undefined
  }
}

/** A pair of names that shall mean the same, by what they name. */
export interface Pair {
  readonly recorded: string
  readonly actual: string
}

/** Texts of bytes that may hold ids: code and call data, keys and values of a contract's store. */
const bytesText = /^(cb|ck|cv)_[A-Za-z0-9+/=]+$/

/** The bytes of a text that may hold ids. */
export const bytesOf = (
  text: string
): { readonly prefix: ApiEncoding.Prefix; readonly bytes: Uint8Array } | undefined => {
  const prefix = bytesText.test(text) ? ApiEncoding.prefixOf(text) : undefined
  if (prefix === undefined) return undefined
  try {
    return { prefix, bytes: ApiEncoding.decodeOrThrow(prefix, text) }
  } catch {
    return undefined
  }
}

const idLength = 32

export class Names {
  private readonly toActual = new Map<string, string>()
  private readonly toRecorded = new Map<string, string>()
  /** Contracts of the recording, by the hexadecimal digits of their ids. */
  readonly contracts = new Set<string>()

  /** Whether the two may mean the same: both are new, or known as a pair. */
  agree({ actual, recorded }: Pair, also: ReadonlyArray<Pair> = []): boolean {
    const known = (
      from: Map<string, string>,
      key: string,
      side: "recorded" | "actual",
      other: "recorded" | "actual"
    ) => from.get(key) ?? also.find((pair) => pair[side] === key)?.[other]
    return (
      (known(this.toActual, recorded, "recorded", "actual") ?? actual) === actual &&
      (known(this.toRecorded, actual, "actual", "recorded") ?? recorded) === recorded
    )
  }

  learn({ actual, recorded }: Pair): void {
    this.toActual.set(recorded, actual)
    this.toRecorded.set(actual, recorded)
  }

  learnTexts(recorded: string, actual: string): void {
    const [a, b] = [idOf(recorded), idOf(actual)]
    if (a !== undefined && b !== undefined) this.learn({ recorded: a.hex, actual: b.hex })
  }

  actual(hex: string): string | undefined {
    return this.toActual.get(hex)
  }

  /** Bytes of the recording with the ids of this session in them. */
  inBytes(recorded: Uint8Array): Uint8Array {
    const found = new Uint8Array(recorded)
    for (let at = 0; at + idLength <= recorded.length; at++) {
      const hex = this.toActual.get(Bytes.toHex(recorded.subarray(at, at + idLength)))
      if (hex === undefined) continue
      found.set(Bytes.fromHex(hex), at)
      at += idLength - 1
    }
    return found
  }

  /** An id of the recording, or bytes that hold such, as they are here; themselves, where nothing stands for them. */
  text(recorded: string): string {
    const bytes = bytesOf(recorded)
    if (bytes !== undefined) return ApiEncoding.encode(bytes.prefix, this.inBytes(bytes.bytes))
    const id = idOf(recorded)
    const hex = id && this.toActual.get(id.hex)
    return id === undefined || hex === undefined
      ? recorded
      : ApiEncoding.encode(id.prefix, Bytes.fromHex(hex))
  }

  /** All ids inside a text. */
  inText(recorded: string): string {
    return recorded.replaceAll(idsInText, (id) => this.text(id))
  }

  /** A query with the ids of this session; what names nothing known stays as it was written. */
  query(recorded: string): string {
    return recorded
      .split("&")
      .map((part) => {
        const at = part.indexOf("=")
        if (at < 0) return part
        const value = unescape(part.slice(at + 1))
        const here = this.text(value)
        return here === value ? part : `${part.slice(0, at)}=${encodeURIComponent(here)}`
      })
      .join("&")
  }

  /** A value of JSON with the ids of this session; `strings` says what other strings become. */
  json(recorded: Json.Json, strings: (text: string) => string): Json.Json {
    if (typeof recorded === "string") return strings(this.text(recorded))
    if (Json.isArray(recorded)) return recorded.map((item) => this.json(item, strings))
    if (!Json.isObject(recorded)) return recorded
    return Object.fromEntries(
      Object.entries(recorded).map(([key, value]) => [key, this.json(value, strings)])
    )
  }
}
