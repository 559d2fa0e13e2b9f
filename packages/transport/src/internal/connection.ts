/** One WebSocket of a client, from its upgrade to its end: the adapter between `ws` and a node's session. */
import type { ChannelNodeService, ClientLink, NodeSession } from "@aechannel/core/node/ChannelNode"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
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

/** A connection, as far as the one who closes silent ones sees it. */
interface Listened {
  readonly ws: ClientSocket
  /** When its last byte came. */
  lastReceived: number
}

/**
 * Closes clients from which nothing has come for a while. One fiber does it for all of them: one that slept for each
 * would take more memory than all the rest of a connection.
 */
export class Idle {
  private readonly connections = new Set<Listened>()

  constructor(
    private readonly clock: Clock.Clock,
    private readonly timeoutMillis: number
  ) {}

  /** From now on the connection is watched; give it its bytes by {@link heard}. */
  add(ws: ClientSocket): { readonly heard: () => void } {
    const connection: Listened = { ws, lastReceived: this.clock.unsafeCurrentTimeMillis() }
    this.connections.add(connection)
    ws.on("close", () => this.connections.delete(connection))
    return { heard: () => (connection.lastReceived = this.clock.unsafeCurrentTimeMillis()) }
  }

  /** A connection that comes while this sleeps is never due before it wakes. */
  readonly run: Effect.Effect<never> = Effect.suspend(() => {
    const now = this.clock.unsafeCurrentTimeMillis()
    let next = now + this.timeoutMillis
    for (const connection of this.connections) {
      const due = connection.lastReceived + this.timeoutMillis
      if (due > now) next = Math.min(next, due)
      else {
        this.connections.delete(connection)
        connection.ws.close(1000)
      }
    }
    return Effect.zipRight(this.clock.sleep(Duration.millis(next - now)), this.run)
  })
}

export interface Served {
  readonly node: ChannelNodeService
  readonly idle: Idle
  readonly maxBufferedBytes: number
  readonly runtime: Runtime.Runtime<never>
  readonly clock: Clock.Clock
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
const highWater = 256

/**
 * The frames of a client on their way to the node: one after the other, each in the turn in which it comes, unless the
 * one before is still being taken or the node has not let the client in yet.
 */
class Frames {
  private readonly waiting: Array<string> = []
  private session: NodeSession | undefined
  private taking = false
  /** A frame that the node takes its time for. */
  private slow: Fiber.RuntimeFiber<void> | undefined
  private ended = false
  private readonly end = Deferred.unsafeMake<void>(FiberId.none)

  constructor(
    private readonly ws: ClientSocket,
    private readonly run: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
  ) {}

  offer(text: string): void {
    if (this.ended) return
    this.waiting.push(text)
    if (this.waiting.length === highWater) this.ws.pause()
    this.take()
  }

  /** No frame comes any more; those that wait are still taken. */
  close(): void {
    this.ended = true
    this.take()
  }

  /** Takes all frames, also those that have come before; ends when there will be no more. */
  readonly serve = (session: NodeSession): Effect.Effect<void> =>
    Effect.suspend(() => {
      this.session = session
      this.take()
      return Effect.ensuring(
        Deferred.await(this.end),
        Effect.suspend(() => {
          this.session = undefined
          return this.slow === undefined ? Effect.void : Fiber.interrupt(this.slow)
        })
      )
    })

  private take(): void {
    if (this.taking) return
    while (this.session !== undefined) {
      const text = this.waiting.shift()
      if (this.waiting.length === 0 && this.ws.isPaused) this.ws.resume()
      if (text === undefined) {
        if (this.ended) Deferred.unsafeDone(this.end, Exit.void)
        return
      }
      this.taking = true
      const { receive, take } = this.session
      const rest = take === undefined ? receive(text) : take(text)
      if (rest === undefined) {
        this.taking = false
        continue
      }
      const fiber = this.run(rest)
      const exit = fiber.unsafePoll()
      if (exit === null) {
        this.slow = fiber
        return fiber.addObserver((exit) => void (this.taken(exit) && this.take()))
      }
      if (!this.taken(exit)) return
    }
  }

  private taken(exit: Exit.Exit<void>): boolean {
    this.taking = false
    this.slow = undefined
    if (Exit.isSuccess(exit)) return true
    Deferred.unsafeDone(this.end, exit)
    this.session = undefined
    return false
  }
}

/** A connection, listening already; the effect serves it until its end. Call it in the tick of the upgrade. */
export const attach = (
  { clock, idle, maxBufferedBytes, node, runtime }: Served,
  ws: ClientSocket,
  tcp: Duplex,
  query: string
): Effect.Effect<void> => {
  const incoming = new Frames(ws, Runtime.runFork(runtime))

  ws.on("message", (data: WS.RawData, isBinary: boolean) => {
    if (!isBinary) incoming.offer(data.toString())
  })
  const end = (): void => incoming.close()
  ws.onClosing(end)
  ws.on("close", end)
  // What a client did wrong is in the close code that `ws` has sent already (1002, 1007, 1009).
  ws.on("error", () => {})
  tcp.on("data", idle.add(ws).heard)

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
      if (ws.bufferedAmount > maxBufferedBytes) return ws.terminate()
      cork()
      ws.send(text)
    },
    close: (code) => ws.close(code),
    terminate: () => ws.terminate()
  }

  return Effect.zipRight(
    beforeFirstFrame(clock),
    Effect.acquireUseRelease(node.accept(query, link), incoming.serve, (session) => session.closed)
  ).pipe(
    Effect.catchAllDefect((defect) =>
      Effect.zipRight(
        Effect.logError("A channel connection failed", defect),
        Effect.sync(() => ws.close(1011))
      )
    )
  )
}
