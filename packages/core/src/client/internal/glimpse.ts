/**
 * What a frame that is no message still shows, in whatever dialect it was meant to be.
 *
 * @internal
 */
import * as Json from "../../encoding/Json.js"
import { DecodeError } from "../../encoding/DecodeError.js"
import { type SignTag, signTags } from "../../protocol/SignTag.js"

/** The id of the request it answers, and the tag of the signing request that it is, each if there is one. */
export interface Glimpse {
  readonly id: Json.Json | undefined
  readonly tag: SignTag | undefined
}

const isSignTag = (name: string): name is SignTag => Object.hasOwn(signTags, name)

const tagOf = (name: Json.Json | undefined): SignTag | undefined =>
  typeof name === "string" && isSignTag(name) ? name : undefined

const prefix = "channels.sign."

const tagOfMethod = (method: Json.Json | undefined): SignTag | undefined =>
  typeof method === "string" && method.startsWith(prefix) ? tagOf(method.slice(prefix.length)) : undefined

// In a text inside of JSON the quotation marks are escaped, so that this finds a member and nothing else.
const method = /"method"\s*:\s*"channels\.sign\.([a-z_]+)"/

const ofJson = (json: Json.Json): Glimpse => ({
  id: Json.field(json, "id"),
  tag:
    Json.field(json, "action") === "sign"
      ? tagOf(Json.field(json, "tag"))
      : tagOfMethod(Json.field(json, "method"))
})

/**
 * Looks at a frame. One that is cut off or garbled shows its tag if its method can be read.
 */
export const glimpse = (text: string): Glimpse => {
  try {
    return ofJson(Json.parseOrThrow(text))
  } catch (error) {
    if (error instanceof DecodeError) return { id: undefined, tag: tagOf(method.exec(text)?.[1]) }
    throw error
  }
}
