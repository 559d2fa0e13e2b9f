/** What a call to the HTTP port brings, and what it is answered. */
import type { ChannelNodeService } from "@aechannel/core/node/ChannelNode"
import type { Json, JsonObject } from "@aechannel/core/encoding/Json"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/** A request, as far as answers depend on it. */
export interface Call {
  readonly node: ChannelNodeService
  /** What stands in the place of the path's `{…}`, decoded; empty where the path has none. */
  readonly parameter: string
  /** The last value of this name in the query. */
  readonly query: (name: string) => string | undefined
  readonly body: Effect.Effect<string, HttpProblem>
  /** How long the server has been running. */
  readonly uptimeMillis: Effect.Effect<number>
}

/** A request that is refused: the status and body of the reply. */
export class HttpProblem extends Data.TaggedError("HttpProblem")<{
  readonly status: number
  readonly body: JsonObject
}> {}

/** The node's usual way to say no. */
export const problem = (status: number, reason: string, errorCode?: string): HttpProblem =>
  new HttpProblem({
    status,
    body: errorCode === undefined ? { reason } : { reason, error_code: errorCode }
  })

/** The node's way to say that a parameter or the body has not the form that its API description demands. */
export const invalidParameter = (parameter: string, info: JsonObject): HttpProblem =>
  new HttpProblem({ status: 400, body: { reason: "validation_error", parameter, info } })

/** One row of the table of routes. */
export interface Route {
  /** `*` takes any method. */
  readonly method: "GET" | "POST" | "*"
  /** With at most one variable segment, such as `/v3/accounts/{ak}`. */
  readonly path: `/${string}`
  readonly answer: (call: Call) => Effect.Effect<Json, HttpProblem>
}
