/**
 * The encodings: every prefix of text, recursive length prefix, lossless JSON.
 */
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Json from "../../src/encoding/Json.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import type { Corpus } from "../Corpus.js"
import * as MutateBytes from "../MutateBytes.js"
import * as MutateText from "../MutateText.js"
import { ofBytes, ofText, promise, read, type Target } from "../Target.js"

// The beginning of a text, its prefix apart, is enough to recognize it by.
const secretOf = (text: string): string | undefined => (text.length < 16 ? undefined : text.slice(3, 16))

const text = (prefix: ApiEncoding.Prefix, corpus: Corpus): Target =>
  ofText(`text/${prefix}`, {
    seeds: corpus.texts(prefix),
    mutate: MutateText.encoded,
    check: (input) => {
      const payload = read(() => ApiEncoding.decodeOrThrow(prefix, input), secretOf(input))
      const accepted = payload !== undefined
      promise(ApiEncoding.is(prefix, input) === accepted, "is and decode disagree")
      const parsed = read(() => ApiEncoding.parseOrThrow(prefix, input))
      promise((parsed !== undefined) === accepted, "parse and decode disagree")
      if (payload === undefined || parsed === undefined) return false
      promise(ApiEncoding.encode(prefix, payload) === input, "the text is not canonical")
      promise(ApiEncoding.prefixOf(input) === prefix, "prefixOf names another prefix")
      promise(Bytes.equals(ApiEncoding.bytesOf(parsed), payload), "bytesOf and decode disagree")
      return true
    }
  })

const rlp = (corpus: Corpus): Target =>
  ofBytes("rlp", {
    seeds: corpus.rlp,
    mutate: MutateBytes.object,
    check: (input) => {
      const item = read(() => Rlp.decodeOrThrow(input))
      if (item === undefined) return false
      promise(Bytes.equals(Rlp.encode(item), input), "the encoding is not canonical")
      return true
    }
  })

const parsed = (input: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(input) }
  } catch {
    return undefined
  }
}

/** The reader of the platform as a second opinion: it rounds numbers, but knows what JSON is. */
const agrees = (input: string, json: Json.Json | undefined): boolean => {
  const other = parsed(input)
  if (json === undefined || other === undefined) return json === undefined && other === undefined
  return JSON.stringify(parsed(Json.stringify(json))?.value) === JSON.stringify(other.value)
}

const limits = ["too_deep", "integer_too_long"]

const json = (corpus: Corpus): Target =>
  ofText("json", {
    seeds: corpus.json,
    mutate: MutateText.jsonText,
    check: (input) => {
      let isBeyondLimits = false
      const value = read(() => {
        try {
          return Json.parseOrThrow(input)
        } catch (error) {
          isBeyondLimits =
            error instanceof Error && "reason" in error && limits.includes(String(error.reason))
          throw error
        }
      })
      if (isBeyondLimits) return false
      promise(agrees(input, value), "the platform's reader sees another value")
      if (value === undefined) return false
      const written = Json.stringify(value)
      promise(
        Json.stringify(Json.parseOrThrow(written)) === written,
        "written and read again it is another value"
      )
      const sorted = Json.stringifySorted(value)
      promise(Json.stringifySorted(Json.parseOrThrow(sorted)) === sorted, "sorting is not stable")
      return true
    }
  })

export const make = (corpus: Corpus): ReadonlyArray<Target> => [
  ...(Object.keys(ApiEncoding.prefixes) as ReadonlyArray<ApiEncoding.Prefix>).map((prefix) =>
    text(prefix, corpus)
  ),
  rlp(corpus),
  json(corpus)
]
