/**
 * Between clients and a node: passes every frame on, in both directions, and has it recorded.
 *
 * @since 0.1.0
 */
import { ChannelNode, type ChannelNodeService, type ClientLink } from "@aechannel/core/node/ChannelNode"
import type { TransportService } from "@aechannel/core/services/Transport"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { Recorder } from "./Recorder.js"

const none = Effect.dieMessage("a proxy has no chain")

/** Codes that stand for no close frame at all must not be sent. */
const isSendable = (code: number | undefined): code is number =>
  code !== undefined && code !== 1005 && code !== 1006 && code !== 1015

/**
 * The node elsewhere, as clients of this process see it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  transport: TransportService,
  recorder: Recorder,
  url: string
): Layer.Layer<ChannelNode> =>
  Layer.scoped(
    ChannelNode,
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const accept = (query: string | undefined, link: ClientLink) =>
        Effect.gen(function* () {
          const recorded = recorder.open(`${url}?${query ?? ""}`)
          const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
          const opened = yield* Effect.either(Scope.extend(transport.connect(query ?? ""), own))
          let over = false
          if (opened._tag === "Left") {
            const status = /HTTP (\d+)/.exec(opened.left.detail)?.[1]
            if (status !== undefined) recorded.refused(Number(status))
            recorded.closed(1006)
            link.terminate()
            return { receive: () => Effect.void, closed: Effect.void }
          }
          const { receive, send } = opened.right
          yield* Effect.forkIn(
            Effect.forever(
              Effect.tap(receive, (text) =>
                Effect.sync(() => {
                  recorded.came(text)
                  link.send(text)
                })
              )
            ).pipe(
              Effect.catchAll(({ closeCode }) =>
                Effect.sync(() => {
                  if (over) return
                  over = true
                  recorded.closed(closeCode ?? 1006)
                  if (isSendable(closeCode)) link.close(closeCode)
                  else link.terminate()
                })
              )
            ),
            own
          )
          return {
            receive: (text: string) =>
              Effect.zipRight(
                Effect.sync(() => recorded.sent(text)),
                Effect.ignore(send(text))
              ),
            closed: Effect.suspend(() => {
              if (!over) recorded.closed()
              over = true
              return Scope.close(own, Exit.void)
            })
          }
        })
      const service: ChannelNodeService = {
        accept,
        submit: () => none,
        mine: () => none,
        mineMicro: none,
        fund: () => none,
        fork: () => none,
        breakLinks: none,
        channels: none,
        disconnect: () => none,
        disturb: () => none,
        travel: () => none,
        dump: none,
        load: () => none,
        observe: () => none,
        snapshot: none,
        revert: () => none,
        auto: () => none,
        ledger: none,
        storageFailure: Effect.never
      }
      return service
    })
  )
