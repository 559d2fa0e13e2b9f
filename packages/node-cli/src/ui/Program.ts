/**
 * The page of `aechannel node --ui`, as answers of the node's HTTP port.
 *
 * @since 0.1.0
 */
import type { AccountAddress } from "@aechannel/core/encoding/ApiEncoding"
import { ChannelNode } from "@aechannel/core/node/ChannelNode"
import type { NodePage } from "@aechannel/transport/NodeHttp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Feed from "./Feed.js"
import { html } from "./Page.js"
import { script } from "./Script.js"

/**
 * Where the page is.
 *
 * @since 0.1.0
 * @category constants
 */
export const path = "/ui"

/** Nothing is loaded from elsewhere; frames are shown as text and cannot run anything. */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

const text = (body: string, contentType: string) =>
  Effect.succeed(
    HttpServerResponse.text(body, {
      contentType: `${contentType}; charset=utf-8`,
      headers: { "content-security-policy": policy, "x-content-type-options": "nosniff" }
    })
  )

/**
 * The page, its script and its events. It watches the node until the scope closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const pages = (
  accounts: ReadonlyArray<AccountAddress>
): Effect.Effect<ReadonlyArray<NodePage>, never, ChannelNode | Scope.Scope> =>
  Effect.map(
    Effect.flatMap(ChannelNode, (node) => Feed.make(node, accounts)),
    (feed): ReadonlyArray<NodePage> => [
      { path, answer: text(html, "text/html") },
      { path: `${path}/script.js`, answer: text(script, "text/javascript") },
      {
        path: `${path}/events`,
        answer: Effect.succeed(
          HttpServerResponse.stream(Stream.encodeText(feed.open), {
            contentType: "text/event-stream",
            headers: { "cache-control": "no-store" }
          })
        )
      }
    ]
  )
