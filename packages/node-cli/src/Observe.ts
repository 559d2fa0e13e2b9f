/**
 * A party's frames, told one by one as they pass.
 *
 * @since 0.1.0
 */
import type { CodecService } from "@aechannel/core/protocol/Codec"
import type { PassingFrame } from "@aechannel/core/services/Transport"
import * as Effect from "effect/Effect"
import * as Conversation from "./Conversation.js"

/**
 * Tells each frame of a party's socket in words, who says it and to whom first; for `Transport.layerTapped`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const observe =
  (options: {
    readonly codec: CodecService
    readonly party: string
    readonly names: Conversation.Names
    readonly say: (from: string, to: string, what: string) => Effect.Effect<void>
  }) =>
  (frame: PassingFrame): Effect.Effect<void> =>
    Effect.gen(function* () {
      const { codec, party, names, say } = options
      if (frame.direction === "in") {
        for (const message of yield* codec.decodeNodeFrame(frame.text))
          yield* say("node", party, Conversation.describeNodeMessage(message, names))
        return
      }
      const decoded = codec.decodeClientFrame(frame.text)
      if (decoded._tag === "Dropped") return
      for (const { request } of decoded.calls)
        if (request._tag !== "Refusal" && request._tag !== "Swallowed")
          yield* say(party, "node", Conversation.describeRequest(request, names))
    }).pipe(
      Effect.catchTag("DecodeError", (error) =>
        options.say("node", options.party, `(unreadable frame: ${error.message})`)
      )
    )
