/**
 * The channel WebSocket of an embedded node: `ws://HOST:3014/channel?…`.
 *
 * Specification: channel WebSocket API, connection.
 *
 * @since 0.1.0
 */
import { ChannelNode } from "@aechannel/core/node/ChannelNode"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import type { Duplex } from "node:stream"
import * as WS from "ws"
import { attach, ClientSocket, Idle } from "./internal/connection.js"
import * as Guard from "./internal/http/guard.js"
import { checkPort, listenError, type ListenError } from "./internal/listen.js"

export { ListenError } from "./internal/listen.js"

/**
 * Options of the WebSocket server.
 *
 * @since 0.1.0
 * @category models
 */
export interface NodeServerOptions {
  /** Address to listen on. Default `127.0.0.1`: this machine only. */
  readonly host?: string
  /** Default 3014; 0 takes any free port. */
  readonly port?: number
  /**
   * Origins whose pages may connect, such as `http://localhost:8080`; `*` for all. Default: none. Others get 403 instead of the upgrade.
   */
  readonly allowOrigins?: ReadonlyArray<string>
  /** A client that has sent no byte for this long is closed with 1000. Default 60 seconds. */
  readonly idleTimeout?: Duration.DurationInput
  /** Bytes of the longest frame; a longer one closes with 1009. Default 16 MiB. */
  readonly maxFrameBytes?: number
  /** Bytes waiting for a client that does not read, above which it is cut off. Default 16 MiB. */
  readonly maxBufferedBytes?: number
}

/**
 * A running server.
 *
 * @since 0.1.0
 * @category models
 */
export interface NodeServerService {
  readonly host: string
  /** The port it listens on, also when 0 was asked for. */
  readonly port: number
  /** What a client is given, such as `ws://127.0.0.1:3014/channel`. */
  readonly url: string
}

/**
 * The WebSocket server of the node in the environment.
 *
 * @since 0.1.0
 * @category tags
 */
export class NodeServer extends Context.Tag("@aechannel/transport/NodeServer")<
  NodeServer,
  NodeServerService
>() {}

const path = "/channel"

const split = (url: string): { readonly path: string; readonly query: string } => {
  const at = url.indexOf("?")
  return at < 0 ? { path: url, query: "" } : { path: url.slice(0, at), query: url.slice(at + 1) }
}

/** The HTTP status with which a request is refused before it becomes a WebSocket. */
const refusal = (url: string, upgrade: boolean): number | undefined => {
  const request = split(url)
  if (request.path !== path) return 404
  if (request.query === "") return 500
  return upgrade ? undefined : 426
}

const refuseUpgrade = (socket: Duplex, status: number): void => {
  socket.on("error", () => {})
  socket.end(
    `HTTP/1.1 ${status} ${Http.STATUS_CODES[status] ?? ""}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
  )
}

const listen = (server: Http.Server, host: string, port: number): Effect.Effect<number, ListenError> => {
  const place = { host, port, service: "the channel WebSocket", option: "--channel-port" }
  const listening = Effect.async<number, ListenError>((resume) => {
    const onError = (cause: unknown) => resume(Effect.fail(listenError(cause, place)))
    server.once("error", onError)
    server.listen({ host, port }, () => {
      server.off("error", onError)
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    })
  })
  return Effect.zipRight(checkPort(place), listening)
}

/**
 * Serves the node in the environment until the scope closes. Then all clients are cut off without a close frame,
 * as a node that stops does, and nothing is waited for.
 *
 * Requests that are refused before the upgrade: 403 for pages of origins that were not named, 404 for another path, 500 without a query string, 426 for a request
 * that asks for no WebSocket. Everything else is upgraded, and what is wrong with the query is told on the socket.
 * Binary frames are ignored; no sub-protocol and no extension is ever agreed.
 *
 * Fails with `ListenError` when the port is taken or not allowed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: NodeServerOptions = {}
): Effect.Effect<NodeServerService, ListenError, ChannelNode | Scope.Scope> =>
  Effect.gen(function* () {
    const node = yield* ChannelNode
    const runtime = yield* Effect.runtime<never>()
    const clock = yield* Effect.clock
    const host = options.host ?? "127.0.0.1"
    const idle = new Idle(clock, Duration.toMillis(options.idleTimeout ?? "60 seconds"))
    const maxBufferedBytes = options.maxBufferedBytes ?? 16 * 1024 * 1024
    const served = { node, idle, maxBufferedBytes, runtime, clock }
    const run = yield* FiberSet.makeRuntime<never>()
    const sockets = new Set<ClientSocket>()
    const socketOptions = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      handleProtocols: () => false as const,
      maxPayload: options.maxFrameBytes ?? 16 * 1024 * 1024,
      WebSocket: ClientSocket,
      // How long a client may take to answer a close frame before it is cut off.
      closeTimeout: 2000
    }
    const upgrades = new WS.WebSocketServer(socketOptions)

    const server = Http.createServer((request, response) => {
      const status = refusal(request.url ?? "", false) ?? 426
      if (status === 426) response.setHeader("upgrade", "websocket")
      response.writeHead(status, { connection: "close", "content-length": 0 }).end()
    })
    server.on("upgrade", (request, socket, head) => {
      const allowed = options.allowOrigins ?? []
      const unwanted = Guard.refusal(request.headers, { allowed, control: false, ownHost: host })
      const status = unwanted === undefined ? refusal(request.url ?? "", true) : 403
      if (status !== undefined) return refuseUpgrade(socket, status)
      const { query } = split(request.url ?? "")
      upgrades.handleUpgrade(request, socket, head, (ws) => {
        sockets.add(ws)
        ws.on("close", () => sockets.delete(ws))
        run(attach(served, ws, socket, query))
      })
    })

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const ws of sockets) ws.terminate()
        server.close()
        server.closeAllConnections()
      })
    )
    yield* Effect.forkScoped(idle.run)
    const port = yield* listen(server, host, options.port ?? 3014)
    // Without a listener a failed accept, such as too many open files, would end the process.
    server.on("error", (cause) => void run(Effect.logError("The channel WebSocket server failed", cause)))
    return { host, port, url: `ws://${host.includes(":") ? `[${host}]` : host}:${port}${path}` }
  })

/**
 * The server as a layer over the node it serves. See {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: NodeServerOptions): Layer.Layer<NodeServer, ListenError, ChannelNode> =>
  Layer.scoped(NodeServer, make(options))
