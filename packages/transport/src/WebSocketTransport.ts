/**
 * The way to a node over a WebSocket.
 *
 * Every connection is a fresh socket: nothing written to one is ever delivered on another. Frames are queued
 * synchronously in the order in which they came, and the queue ends with how the connection ended.
 *
 * Specification: channel WebSocket API, connection.
 *
 * @since 0.1.0
 */
import { TransportError } from "@aechannel/core/protocol/Errors"
import {
  Arrived,
  type Connection,
  sending,
  Transport,
  type TransportService
} from "@aechannel/core/services/Transport"
import * as Socket from "@effect/platform/Socket"
import * as Deferred from "effect/Deferred"
import type { DurationInput } from "effect/Duration"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as WS from "ws"

/**
 * Options of the WebSocket transport.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebSocketTransportOptions {
  /** Where the node listens, such as `ws://localhost:3014/channel`; the query of each opening is appended. */
  readonly url: string
  /** How long the node may take to answer the connection attempt. Default 10 seconds. */
  readonly openTimeout?: DurationInput
  /** Bytes waiting to be written above which {@link Connection.send} waits for the node to read. Default 1 MiB. */
  readonly maxBufferedBytes?: number
  /** How long a node that does not read may stop a frame before the connection is given up. Default 30 seconds. */
  readonly drainTimeout?: DurationInput
}

const drainPollMillis = 5

const property = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && key in value
    ? (Object.getOwnPropertyDescriptor(value, key)?.value ?? Reflect.get(value, key))
    : undefined

/** What we call the failure of a constructor that does not take the URL. */
const unusable = "unusable_url"

/** The reason of a failed attempt, in words; a client must be told what to do about it. */
const connectDetail = (url: string, error: Socket.SocketError, openTimeout: Duration.Duration): string => {
  if (error.reason === "OpenTimeout")
    return `no answer from ${url} within ${Duration.format(openTimeout)}. Check that a node listens there and that no firewall is in between.`
  if (error.reason === "Close")
    return `${url} closed the connection before it was open (${error.code}). Check that this is a channel WebSocket.`
  const event = error.cause
  const inner = property(event, "error")
  const code = property(inner, "code")
  const message = property(inner, "message") ?? property(event, "message")
  const said =
    typeof code === "string" ? code : typeof message === "string" && message !== "" ? message : "unknown"
  const status = typeof message === "string" ? /server response: (\d+)/.exec(message)?.[1] : undefined
  if (status === "404")
    return `${url} is not served there (HTTP 404). The path of a channel WebSocket is /channel.`
  if (status === "500")
    return `${url} refused the query (HTTP 500). The parameters of the opening are missing.`
  if (status !== undefined) return `${url} answered HTTP ${status} and not as a channel WebSocket.`
  if (code === unusable)
    return `${url} cannot be the URL of a WebSocket here. Give one such as ws://localhost:3014/channel.`
  if (code === "ECONNREFUSED")
    return `nothing listens at ${url} (ECONNREFUSED). Start a node, for example with \`npx aechannel node\`, or correct the URL.`
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return `the host of ${url} is not known (${code}). Correct the URL.`
  return `no connection to ${url} (${said}). Check that a node listens there.`
}

const gone = (error: Socket.SocketError | undefined, operation: string): TransportError =>
  error?.reason === "Close" && error.code !== 1006
    ? new TransportError({
        reason: "closed_by_node",
        operation,
        detail: "the node closed the connection",
        closeCode: error.code
      })
    : new TransportError({
        reason: "connection_lost",
        operation,
        detail: "the connection to the node broke",
        closeCode: 1006
      })

const closedByUs = (operation: string): TransportError =>
  new TransportError({ reason: "closed_by_us", operation, detail: "the connection was closed by its owner" })

const isOpen = (ws: globalThis.WebSocket): boolean => ws.readyState === 1

/**
 * Builds the transport over the constructor in the environment. See {@link layer}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: WebSocketTransportOptions
): Effect.Effect<TransportService, never, Socket.WebSocketConstructor> =>
  Effect.map(Socket.WebSocketConstructor, (construct) => {
    const openTimeout = Duration.decode(options.openTimeout ?? "10 seconds")
    const drainTimeout = Duration.decode(options.drainTimeout ?? "30 seconds")
    const maxBuffered = options.maxBufferedBytes ?? 1024 * 1024

    const connect = (query: string): Effect.Effect<Connection, TransportError, Scope.Scope> =>
      Effect.gen(function* () {
        const arrived = new Arrived()
        const opened = yield* Deferred.make<void, TransportError>()
        let current: globalThis.WebSocket | undefined
        let ended: ((operation: string) => TransportError) | undefined
        const end = (how: (operation: string) => TransportError): void => {
          ended ??= how
          arrived.close(ended("receive"))
        }
        const cannotConnect = (detail: string) =>
          new TransportError({ reason: "connect", operation: "connect", detail })

        const acquire = Effect.acquireRelease(
          Effect.try({
            try: () => (current = construct(query === "" ? options.url : `${options.url}?${query}`)),
            // What it throws names the whole URL: its query holds the fsm_id, a secret.
            catch: () =>
              new Socket.SocketGenericError({ reason: "Open", cause: { error: { code: unusable } } })
          }),
          (ws) =>
            Effect.sync(() => {
              // `ws` reports an error of a socket closed while connecting after everybody has stopped listening.
              ws.addEventListener("error", () => {})
              ws.close(1000)
            })
        )
        // A code that a peer's close frame carried is told as it is, 1006 included: none of them is a success here.
        const socket = yield* Socket.fromWebSocket(acquire, { closeCodeIsError: () => true, openTimeout })

        // The handler only offers: handlers that return an effect would run concurrently and lose the order.
        // Binary frames are not part of the protocol and are dropped, as nodes drop them.
        yield* socket
          .runRaw((data) => void (typeof data === "string" && arrived.offer(data)), {
            onOpen: Deferred.succeed(opened, undefined)
          })
          .pipe(
            Effect.onExit((exit) => {
              const failure =
                Exit.isFailure(exit) && exit.cause._tag === "Fail" ? exit.cause.error : undefined
              end((operation) => gone(failure, operation))
              return Deferred.fail(
                opened,
                cannotConnect(
                  failure === undefined
                    ? `the attempt to reach ${options.url} was called off`
                    : connectDetail(options.url, failure, openTimeout)
                )
              )
            }),
            Effect.ignore,
            Effect.forkScoped
          )
        yield* Effect.addFinalizer(() => Effect.sync(() => end(closedByUs)))
        yield* Deferred.await(opened)

        const notSent = () =>
          ended?.("send") ??
          new TransportError({
            reason: "connection_lost",
            operation: "send",
            detail: "the connection is being closed; nothing was sent"
          })

        const drained = (ws: globalThis.WebSocket, waited: number): Effect.Effect<void, TransportError> =>
          Effect.suspend(() => {
            if (!isOpen(ws)) return Effect.fail(notSent())
            if (ws.bufferedAmount <= maxBuffered) return Effect.void
            if (waited >= Duration.toMillis(drainTimeout))
              return Effect.fail(
                new TransportError({
                  reason: "connection_lost",
                  operation: "send",
                  detail: `the node has not read for ${Duration.format(drainTimeout)}; ${ws.bufferedAmount} bytes wait`
                })
              )
            return Effect.zipRight(
              Effect.sleep(Duration.millis(drainPollMillis)),
              drained(ws, waited + drainPollMillis)
            )
          })

        const offer = (text: string): boolean => {
          // A socket that is closing takes frames and forgets them.
          if (current === undefined || !isOpen(current) || current.bufferedAmount > maxBuffered) return false
          current.send(text)
          return true
        }

        const send = (text: string): Effect.Effect<void, TransportError> =>
          Effect.suspend(() => {
            if (offer(text)) return Effect.void
            const ws = current
            if (ws === undefined) return Effect.fail(notSent())
            return Effect.zipRight(
              drained(ws, 0),
              Effect.sync(() => ws.send(text))
            )
          })

        return { send: sending(send, offer), receive: arrived.receive }
      })

    return { connect }
  })

/**
 * The transport over the `WebSocketConstructor` in the environment: of a browser
 * (`Socket.layerWebSocketConstructorGlobal`), or `ws` by {@link layerNode}.
 *
 * `connect` fails with `TransportError` (`connect`) that says what to do. A connection ends with `closed_by_node`
 * and the close code, or with `connection_lost` (1006) when there was no close frame.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: WebSocketTransportOptions
): Layer.Layer<Transport, never, Socket.WebSocketConstructor> => Layer.effect(Transport, make(options))

// `ws` implements the W3C interface; its own types differ in the events only.
const isWebSocket = (socket: unknown): socket is globalThis.WebSocket => socket instanceof WS.WebSocket

/**
 * The constructor of `ws`, chosen whatever globals this version of Node has: no sub-protocol, no compression, and
 * a closing handshake that does not hold the process for more than two seconds.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWs: Layer.Layer<Socket.WebSocketConstructor> = Layer.succeed(
  Socket.WebSocketConstructor,
  (url, protocols) => {
    const options = { perMessageDeflate: false, maxPayload: 64 * 1024 * 1024, closeTimeout: 2000 }
    const socket: unknown = new WS.WebSocket(url, protocols, options)
    if (isWebSocket(socket)) {
      // The socket is the target of the events in errors; its URL holds the fsm_id, a secret.
      Object.defineProperty(socket, Inspectable.NodeInspectSymbol, { value: () => "WebSocket" })
      return socket
    }
    throw new Error("unreachable")
  }
)

/**
 * The transport over `ws`, for Node.
 *
 * @example
 * ```ts
 * import { WebSocketTransport } from "@aechannel/transport"
 *
 * const transport = WebSocketTransport.layerNode({ url: "ws://localhost:3014/channel" })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNode = (options: WebSocketTransportOptions): Layer.Layer<Transport> =>
  Layer.provide(layer(options), layerWs)
