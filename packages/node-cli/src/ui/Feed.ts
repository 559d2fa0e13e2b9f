/**
 * What the page is told while it is open: server-sent events with JSON.
 *
 * - `session`: a channel's parties; sent again when more is known of it
 * - `rows`: HTML that a channel's diagram grows by
 * - `channels`: the ends of channels whose machines run
 * - `chain`: the top, the latest blocks, what waits, and the funded accounts
 *
 * @since 0.1.0
 */
import type { AccountAddress } from "@aechannel/core/encoding/ApiEncoding"
import type { Json, JsonObject } from "@aechannel/core/encoding/Json"
import * as JsonText from "@aechannel/core/encoding/Json"
import type { ChannelEnd, ChannelNodeService } from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Session, Sessions } from "./Sessions.js"

/** A page that has not taken so many events is cut off, and asks for all anew. */
const mostWaiting = 10_000
const mostEnds = 400
const blocksShown = 12

const event = (name: string, data: Json): string => `event: ${name}\ndata: ${JsonText.stringify(data)}\n\n`

const sessionEvent = ({ channelId, initiatorId, key, port, responderId }: Session): string =>
  event("session", {
    key,
    port,
    initiatorId: initiatorId ?? null,
    responderId: responderId ?? null,
    channelId: channelId ?? null
  })

const rowsEvent = (key: string, rows: ReadonlyArray<string>): string =>
  event("rows", { key, html: rows.join("") })

/** Aettos as text: numbers of this size are nothing for a page's script. */
const endOf = (end: ChannelEnd): JsonObject => ({
  role: end.role,
  channelId: end.channelId ?? null,
  state: end.fsmState,
  round: end.round,
  client: end.clientConnected,
  peer: end.peerConnected,
  initiatorBalance: end.initiatorBalance?.toString() ?? null,
  responderBalance: end.responderBalance?.toString() ?? null
})

const blockOf = (ledger: Ledger.Ledger, key: Ledger.KeyBlock): JsonObject => ({
  height: key.height,
  hash: key.hash,
  time: key.timeMs,
  transactions: (Ledger.microBlocks(ledger, key.hash) ?? []).reduce(
    (sum, { txHashes }) => sum + txHashes.length,
    0
  )
})

const chainOf = (ledger: Ledger.Ledger, accounts: ReadonlyArray<AccountAddress>): JsonObject => {
  const { height } = ledger.top
  const blocks = Array.from({ length: Math.min(blocksShown, height + 1) }, (_, n) =>
    Ledger.keyBlock(ledger, height - n)
  )
  return {
    network: ledger.networkId,
    height,
    time: ledger.top.timeMs,
    pending: Ledger.pending(ledger).map(({ txHash }) => txHash),
    blocks: blocks.flatMap((key) => (key === undefined ? [] : [blockOf(ledger, key)])),
    accounts: accounts.map((address) => ({ address, balance: Ledger.balance(ledger, address).toString() }))
  }
}

/**
 * Watches a node until the scope closes. `open` gives the events for one page: all there is, then what happens.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  node: ChannelNodeService,
  accounts: ReadonlyArray<AccountAddress>
): Effect.Effect<{ readonly open: Stream.Stream<string> }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sessions = new Sessions()
    const pages = new Set<Queue.Queue<string>>()
    const told = { channels: "", chain: "" }

    const tell = (text: string): void => {
      for (const page of pages)
        if (!page.unsafeOffer(text)) {
          pages.delete(page)
          Effect.runFork(Queue.shutdown(page))
        }
    }
    yield* node.observe((traffic, at) => {
      const taken = sessions.take(traffic, at)
      if (taken === undefined || pages.size === 0) return
      tell(sessionEvent(taken.session))
      if (taken.rows.length > 0) tell(rowsEvent(taken.session.key, taken.rows))
    })

    const picture = Effect.gen(function* () {
      const ends = yield* node.channels
      const chain = yield* node.ledger
      return {
        channels: event("channels", { count: ends.length, ends: ends.slice(-mostEnds).map(endOf) }),
        chain: event("chain", chainOf(chain, accounts))
      }
    })
    // What a page shows of the chain and the machines is read when it may have changed, not told at each step.
    yield* Effect.gen(function* () {
      yield* Effect.sleep("200 millis")
      if (pages.size === 0) return
      const now = yield* picture
      for (const name of ["chain", "channels"] as const) if (told[name] !== now[name]) tell(now[name])
      Object.assign(told, now)
    }).pipe(Effect.forever, Effect.forkScoped)

    const open = Stream.unwrapScoped(
      Effect.gen(function* () {
        const page = yield* Queue.dropping<string>(mostWaiting)
        const now = yield* picture
        yield* Queue.offer(page, event("hello", {}))
        yield* Queue.offerAll(page, [now.chain, now.channels])
        for (const session of sessions.all) {
          yield* Queue.offer(page, sessionEvent(session))
          yield* Queue.offer(page, rowsEvent(session.key, session.rows))
        }
        pages.add(page)
        yield* Effect.addFinalizer(() =>
          Effect.zipRight(
            Effect.sync(() => pages.delete(page)),
            Queue.shutdown(page)
          )
        )
        return Stream.fromQueue(page)
      })
    )
    return { open }
  })
