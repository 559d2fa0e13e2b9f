/** What a call to the HTTP port brings, and what it is answered. */
import type { ChannelNodeService } from "@aechannel/core/node/ChannelNode"
import type { Json, JsonObject } from "@aechannel/core/encoding/Json"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { SchemaName } from "./schemas.js"

/** A request, as far as answers depend on it. */
export interface Call {
  readonly node: ChannelNodeService
  /** What stands in the place of the path's first `{…}`, decoded; empty where the path has none. */
  readonly parameter: string
  /** The same of the second. */
  readonly second: string
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

/** One row of the table of routes: how it is found, what it answers, and how it is described. */
export interface Route {
  /** `*` takes any method. */
  readonly method: "GET" | "POST" | "*"
  /** With at most two variable segments, such as `/v3/accounts/{ak}`. */
  readonly path: `/${string}`
  /** The name that clients generated from the description give to the call. */
  readonly operation: string
  readonly summary: string
  /** The name of the answer's schema. */
  readonly gives: SchemaName
  /** Query parameters and what they are for. */
  readonly query?: { readonly [name: string]: string }
  /** The name of the body's schema. */
  readonly takes?: SchemaName
  /** Where the body may be longer than other bodies: bytes. */
  readonly maxBodyBytes?: number
  /** Changes the node itself, and is not for everybody. */
  readonly control?: true
  readonly answer: (call: Call) => Effect.Effect<Json, HttpProblem>
}
