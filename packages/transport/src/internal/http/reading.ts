/** What calls bring: ids, heights, numbers, read or refused in the node's words. */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as Effect from "effect/Effect"
import { type Call, HttpProblem, invalidParameter, problem } from "./answer.js"

export type Answer = Effect.Effect<Json.Json, HttpProblem>

/** The path's variable as an id of one of these types, or what is said of one that is none. */
export const identifier = <P extends ApiEncoding.Prefix>(
  { parameter }: Call,
  prefix: P | ReadonlyArray<P>,
  what: "public key" | "hash"
): Effect.Effect<ApiEncoding.Encoded<P>, HttpProblem> =>
  Effect.mapError(ApiEncoding.parse(prefix, parameter), ({ reason }) =>
    problem(400, `Invalid ${what}`, reason)
  )

export const orElse = <A>(found: A | undefined, refusal: HttpProblem): Effect.Effect<A, HttpProblem> =>
  found === undefined ? Effect.fail(refusal) : Effect.succeed(found)

/** An answer that is only a look at the chain. */
export const look =
  (body: (ledger: Ledger.Ledger) => Json.Json | HttpProblem) =>
  ({ node }: Call): Answer =>
    Effect.flatMap(node.ledger, (ledger): Answer => {
      const found = body(ledger)
      return found instanceof HttpProblem ? Effect.fail(found) : Effect.succeed(found)
    })

/** The path's variable as a height. */
export const height = ({ parameter }: Call): Effect.Effect<number, HttpProblem> =>
  /^\d{1,15}$/.test(parameter)
    ? Effect.succeed(Number(parameter))
    : Effect.fail(invalidParameter("height", { data: parameter, error: "wrong_type" }))
