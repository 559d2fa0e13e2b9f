/**
 * Connections that a script can lose, as a network does.
 *
 * @since 0.1.0
 */
import { TransportError } from "@aechannel/core/protocol/Errors"
import type { TransportService } from "@aechannel/core/services/Transport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

/**
 * The transport, whose connections can be cut: `hold` is given each new one's end. Who uses a connection that was cut
 * learns that it was lost; the node sees its client go without a word.
 *
 * @since 0.1.0
 * @category combinators
 */
export const cuttable = (
  transport: TransportService,
  hold: (cut: Effect.Effect<void>) => void
): TransportService => ({
  connect: (query) =>
    Effect.gen(function* () {
      const wire = yield* Effect.acquireRelease(Scope.make(), (scope, exit) => Scope.close(scope, exit))
      const connection = yield* Scope.extend(transport.connect(query), wire)
      let isCut = false
      const explained = Effect.mapError((error: TransportError) =>
        isCut
          ? new TransportError({
              reason: "connection_lost",
              operation: error.operation,
              detail: "the script cut the connection"
            })
          : error
      )
      hold(
        Effect.suspend(() => {
          isCut = true
          return Scope.close(wire, Exit.void)
        })
      )
      return { send: (text) => explained(connection.send(text)), receive: explained(connection.receive) }
    })
})
