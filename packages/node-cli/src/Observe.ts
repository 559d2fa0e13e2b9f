/**
 * A party's frames, told one by one as they pass.
 *
 * @since 0.1.0
 */
import type { CodecService } from "@aechannel/core/protocol/Codec"
import type { NodeMessage } from "@aechannel/core/protocol/NodeMessage"
import type { Request } from "@aechannel/core/protocol/Request"
import type { PassingFrame } from "@aechannel/core/services/Transport"
import * as Effect from "effect/Effect"
import * as Conversation from "./Conversation.js"

/** What of it is said once however often it comes in a row: who comes back calls off whatever may be left over. */
const sameAgain = (message: Request | NodeMessage): string | undefined => {
  if (message._tag === "SigningError") return `declined ${message.code}`
  return message._tag === "Refused"
    ? `refused ${[message.code, ...message.data.map(({ code }) => code)].join(" ")}`
    : undefined
}

/**
 * Tells each frame of a party's socket in words, who says it and to whom first; for `Transport.layerTapped`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const observe = (options: {
  readonly codec: CodecService
  readonly party: string
  readonly names: Conversation.Names
  readonly say: (from: string, to: string, what: string) => Effect.Effect<void>
}): ((frame: PassingFrame) => Effect.Effect<void>) => {
  const { codec, party, names, say } = options
  let last: { readonly what: string | undefined; readonly from: string; readonly to: string; more: number } =
    {
      what: undefined,
      from: party,
      to: party,
      more: 0
    }
  const tell = (from: string, to: string, message: Request | NodeMessage, words: string) =>
    Effect.suspend(() => {
      const what = sameAgain(message)
      if (what !== undefined && what === last.what) {
        last.more += 1
        return Effect.void
      }
      const before = last
      last = { what, from, to, more: 0 }
      return Effect.zipRight(
        before.more === 0
          ? Effect.void
          : say(before.from, before.to, `… and ${before.more} more of the same`),
        say(from, to, words)
      )
    })
  return (frame) =>
    Effect.gen(function* () {
      if (frame.direction === "in") {
        for (const message of yield* codec.decodeNodeFrame(frame.text))
          yield* tell("node", party, message, Conversation.describeNodeMessage(message, names))
        return
      }
      const decoded = codec.decodeClientFrame(frame.text)
      if (decoded._tag === "Dropped") return
      for (const { request } of decoded.calls)
        if (request._tag !== "Refusal" && request._tag !== "Swallowed")
          yield* tell(party, "node", request, Conversation.describeRequest(request, names))
    }).pipe(
      Effect.catchTag("DecodeError", (error) => say("node", party, `(unreadable frame: ${error.message})`))
    )
}
