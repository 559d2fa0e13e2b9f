/** One WebSocket of a client, from its upgrade to its end: the adapter between `ws` and a node's session. */
import type { ChannelNodeService, ClientLink, NodeSession } from "@aechannel/core/node/ChannelNode"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import type { Duplex } from "node:stream"
import * as WS from "ws"

/**
 * A server's socket that says when it begins to close, which is when the client's close frame has been read. The
 * `close` event comes only after the TCP connection has ended, and in between a peer's proposal would still be
 * taken for one that can be answered.
 */
export class ClientSocket extends WS.WebSocket {
  private closing: (() => void) | undefined

  onClosing(callback: () => void): void {
    this.closing = callback
  }

  override close(code?: number, data?: string | Buffer): void {
    super.close(code, data)
    this.closing?.()
  }
}

export interface ConnectionLimits {
  readonly idleTimeoutMillis: number
  readonly maxBufferedBytes: number
}

/** Ends after the sockets of this process have been read once more. */
const nextTurn = Effect.async<void>((resume) => {
  const turn = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(turn))
})

/**
 * The first frame does not travel with the answer to the upgrade: a client that gets both at once is handed the frame
 * before its program has been told that it is connected, and an error that nobody listens for yet ends some programs.
 * Time lets a client in another process read, the turn one in this process.
 */
const beforeFirstFrame = (clock: Clock.Clock): Effect.Effect<void> =>
  Effect.zipRight(clock.sleep(Duration.millis(1)), nextTurn)

/** Frames that may wait before the socket is no longer read. */
const inboxHighWater = 256

/** A connection, listening already; the effect serves it until its end. Call it in the tick of the upgrade. */
export const attach = (
  node: ChannelNodeService,
  ws: ClientSocket,
  tcp: Duplex,
  query: string,
  limits: ConnectionLimits,
  clock: Clock.Clock
): Effect.Effect<void> => {
  const inbox = Effect.runSync(Mailbox.make<string>())
  let waiting = 0
  let lastReceived = clock.unsafeCurrentTimeMillis()

  const end = (): void => {
    Effect.runSync(inbox.end)
  }
  ws.on("message", (data: WS.RawData, isBinary: boolean) => {
    if (isBinary) return
    waiting += 1
    if (waiting === inboxHighWater) ws.pause()
    inbox.unsafeOffer(data.toString())
  })
  ws.onClosing(end)
  ws.on("close", end)
  // What a client did wrong is in the close code that `ws` has sent already (1002, 1007, 1009).
  ws.on("error", () => {})
  tcp.on("data", () => {
    lastReceived = clock.unsafeCurrentTimeMillis()
  })

  // What the node says in one go leaves in one write.
  let corked = false
  const cork = (): void => {
    if (corked) return
    corked = true
    tcp.cork()
    process.nextTick(() => {
      corked = false
      tcp.uncork()
    })
  }

  const link: ClientLink = {
    send: (text) => {
      if (ws.readyState !== WS.WebSocket.OPEN) return
      if (ws.bufferedAmount > limits.maxBufferedBytes) return ws.terminate()
      cork()
      ws.send(text)
    },
    close: (code) => ws.close(code),
    terminate: () => ws.terminate()
  }

  // One sleep at a time, however much is received: a deadline that has moved is slept for again.
  const idle: Effect.Effect<void> = Effect.suspend(() => {
    const rest = lastReceived + limits.idleTimeoutMillis - clock.unsafeCurrentTimeMillis()
    return rest > 0
      ? Effect.zipRight(clock.sleep(Duration.millis(rest)), idle)
      : Effect.sync(() => ws.close(1000))
  })

  const serve = (session: NodeSession): Effect.Effect<void> =>
    Effect.catchTag(
      Effect.forever(
        Effect.flatMap(inbox.take, (text) => {
          waiting -= 1
          if (waiting === 0 && ws.isPaused) ws.resume()
          return session.receive(text)
        })
      ),
      "NoSuchElementException",
      () => Effect.void
    )

  const frames = Effect.zipRight(
    beforeFirstFrame(clock),
    Effect.acquireUseRelease(node.accept(query, link), serve, (session) => session.closed)
  )

  return Effect.raceFirst(frames, Effect.zipRight(idle, Effect.never)).pipe(
    Effect.catchAllDefect((defect) =>
      Effect.zipRight(
        Effect.logError("A channel connection failed", defect),
        Effect.sync(() => ws.close(1011))
      )
    )
  )
}
