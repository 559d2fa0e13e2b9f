/**
 * The embedded node's HTTP port: the part of the node's API that others use to fund accounts and to open, follow and
 * close channels (`@aeternity/aepp-sdk` works against it unchanged), and the node's controls.
 *
 * `GET /api` describes all calls (OpenAPI 3.0): status, blocks, generations, accounts, transactions, channels, gas prices
 * under `/v3`, and the controls, `/emit_kb`, `/emit_mb`, `/auto` of the reference node's dev mode and more under
 * `/devnet`.
 *
 * Replies are JSON with bare integers of any size, or with strings where `int-as-string=true` asks for them; other
 * query parameters are ignored. Refusals are `{"reason":…,"error_code":…}` as the node words them; a path that is not
 * known has an empty 404, a method that a path does not take an empty 405. Controls are for callers on this machine
 * unless told otherwise, and pages in a browser for origins that were named.
 *
 * Specification: æternity node HTTP API.
 *
 * @since 0.1.0
 */
import * as Json from "@aechannel/core/encoding/Json"
import { ChannelNode, type ChannelNodeService } from "@aechannel/core/node/ChannelNode"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { type Call, type Route, invalidParameter, problem } from "./internal/http/answer.js"
import { integersAsStrings } from "./internal/http/bodies.js"
import { type AllowedOrigins, isAllowed, isLoopback, refusal } from "./internal/http/guard.js"
import { routes } from "./internal/http/routes.js"
import { checkPort, listenError, type ListenError } from "./internal/listen.js"

export { ListenError } from "./internal/listen.js"

/**
 * Options of the HTTP server.
 *
 * @since 0.1.0
 * @category models
 */
export interface NodeHttpOptions {
  /** Address to listen on. Default `127.0.0.1`: this machine only. */
  readonly host?: string
  /** Default 3013; 0 takes any free port. */
  readonly port?: number
  /**
   * Origins whose pages may ask, such as `http://localhost:8080`; `*` for all. Default: none but the server's own.
   * Others get 403.
   */
  readonly allowOrigins?: ReadonlyArray<string>
  /** Who may use the controls. Default `local`: callers on this machine. Others get 403. */
  readonly controls?: "local" | "everybody" | "nobody"
  /** What else the port answers to `GET`: for the same callers as the controls. */
  readonly pages?: ReadonlyArray<NodePage>
  /** Bytes of the longest body; a longer one is refused with 400. Default 5,000,000, as a node has it. */
  readonly maxBodyBytes?: number
}

/**
 * An answer of its own at a path of the port, such as `/ui`.
 *
 * @since 0.1.0
 * @category models
 */
export interface NodePage {
  readonly path: `/${string}`
  readonly answer: Effect.Effect<HttpServerResponse.HttpServerResponse>
}

/**
 * A running server.
 *
 * @since 0.1.0
 * @category models
 */
export interface NodeHttpService {
  readonly host: string
  /** The port it listens on, also when 0 was asked for. */
  readonly port: number
  /** Such as `http://127.0.0.1:3013`. */
  readonly url: string
}

/**
 * The HTTP server of the node in the environment.
 *
 * @since 0.1.0
 * @category tags
 */
export class NodeHttp extends Context.Tag("@aechannel/transport/NodeHttp")<NodeHttp, NodeHttpService>() {}

const reply = (json: Json.Json, status = 200): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(Json.stringifySorted(json), { status, contentType: "application/json" })

const tooBig = invalidParameter("", { error: "body_too_big" })

/** A body that says beforehand that it is too big is not read at all; one that turns out to be is cut off. */
const bodyOf = (request: HttpServerRequest.HttpServerRequest, maximum: number): Call["body"] =>
  Number(request.headers["content-length"] ?? 0) > maximum
    ? Effect.fail(tooBig)
    : Effect.mapError(HttpServerRequest.withMaxBodySize(request.text, Option.some(maximum)), () => tooBig)

const queryOf = (url: string): URLSearchParams => {
  const at = url.indexOf("?")
  return new URLSearchParams(at < 0 ? "" : url.slice(at + 1))
}

/** What the application is made of, next to the table of routes. */
interface Served {
  readonly node: ChannelNodeService
  readonly uptimeMillis: Effect.Effect<number>
  readonly host: string
  readonly allowed: AllowedOrigins
  readonly controls: NonNullable<NodeHttpOptions["controls"]>
  readonly maxBodyBytes: number
  readonly pages: ReadonlyArray<NodePage>
}

/** Refuses whom the server does not listen to. */
const admit = (control: boolean, request: HttpServerRequest.HttpServerRequest, served: Served) => {
  const { host, origin, "sec-fetch-mode": mode, "sec-fetch-site": site } = request.headers
  const headers = { host, origin, "sec-fetch-mode": mode, "sec-fetch-site": site }
  // Where the controls are for everybody, other machines may call this one by its name among them.
  const closed = control && served.controls === "local"
  const refused = refusal(headers, { allowed: served.allowed, control: closed, ownHost: served.host })
  if (refused !== undefined) return Effect.fail(problem(403, refused, "origin_not_allowed"))
  if (!control || served.controls === "everybody") return Effect.void
  const caller = Option.getOrElse(request.remoteAddress, () => "")
  if (served.controls === "local" && isLoopback(caller)) return Effect.void
  return Effect.fail(
    problem(403, "The controls of this node are not for this caller", "controls_not_allowed")
  )
}

const handler = (route: Route, served: Served) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    yield* admit(route.control === true, request, served)
    const parameters = queryOf(request.url)
    const [parameter = "", second = ""] = Object.values(yield* HttpRouter.params)
    const call: Call = {
      node: served.node,
      parameter,
      second,
      query: (name) => parameters.getAll(name).at(-1),
      body: bodyOf(request, route.maxBodyBytes ?? served.maxBodyBytes),
      uptimeMillis: served.uptimeMillis
    }
    const json = yield* route.answer(call)
    return reply(call.query("int-as-string") === "true" ? integersAsStrings(json) : json)
  })

const page = ({ answer, path }: NodePage, served: Served) =>
  HttpRouter.makeRoute(
    "GET",
    pattern(path),
    Effect.gen(function* () {
      yield* admit(true, yield* HttpServerRequest.HttpServerRequest, served)
      return yield* answer
    })
  )

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const

/** What a path answers to the methods it does not take. */
const notAllowed = ({ method, path }: Route) =>
  methods
    .filter((other) => method !== "*" && other !== method)
    .map((other) =>
      HttpRouter.makeRoute(
        other,
        pattern(path),
        HttpServerResponse.empty({ status: 405, headers: { allow: method } })
      )
    )

const pattern = (path: Route["path"]): HttpRouter.PathInput =>
  `/${path.slice(1).replace(/\{(\w+)\}/g, ":$1")}`

const application = (served: Served) =>
  HttpRouter.fromIterable([
    ...routes.flatMap((route) => [
      HttpRouter.makeRoute(route.method, pattern(route.path), handler(route, served)),
      ...notAllowed(route)
    ]),
    ...served.pages.map((extra) => page(extra, served))
  ]).pipe(
    // Around the whole router: what no route takes is not known to handlers inside it.
    Effect.catchTags({
      HttpProblem: (refusal) => Effect.succeed(reply(refusal.body, refusal.status)),
      // Without a body: that is how clients tell a path that a node does not know from something it has not got.
      RouteNotFound: () => Effect.succeed(HttpServerResponse.empty({ status: 404 }))
    }),
    Effect.catchAllCause((cause) =>
      Effect.as(
        Effect.logError("An HTTP request failed", cause),
        reply(problem(500, "Internal server error").body, 500)
      )
    )
  )

/** Pages of the origins that were named may read the answers. */
const crossOrigin = (allowed: AllowedOrigins) =>
  HttpMiddleware.cors({
    allowedOrigins: (origin: string | undefined) => isAllowed(origin, allowed),
    allowedMethods: methods,
    credentials: true,
    maxAge: 1800
  })

/**
 * A client of channels that comes to this port by mistake brings a secret in its query, which must not get into spans and
 * errors.
 */
const dropFsmId = (request: Http.IncomingMessage): void => {
  if (request.url !== undefined) request.url = request.url.replaceAll(/([?&]existing_fsm_id=)[^&]*/g, "$1")
}

/**
 * Serves the node in the environment until the scope closes; then connections are cut at once. Fails with
 * `ListenError` when the port is taken or not allowed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: NodeHttpOptions = {}
): Effect.Effect<NodeHttpService, ListenError, ChannelNode | Scope.Scope> =>
  Effect.gen(function* () {
    const node = yield* ChannelNode
    const started = yield* Clock.currentTimeMillis
    const uptimeMillis = Effect.map(Clock.currentTimeMillis, (now) => now - started)
    const host = options.host ?? "127.0.0.1"
    const wanted = options.port ?? 3013
    const served: Served = {
      node,
      uptimeMillis,
      host,
      allowed: options.allowOrigins ?? [],
      controls: options.controls ?? "local",
      maxBodyBytes: options.maxBodyBytes ?? 5_000_000,
      pages: options.pages ?? []
    }
    const place = { host, port: wanted, service: "the node's HTTP API", option: "--port" }
    yield* checkPort(place)
    // The first to be told of a request.
    const http = Http.createServer(dropFsmId).on("upgrade", dropFsmId)
    const server = yield* Effect.mapError(
      NodeHttpServer.make(() => http, { host, port: wanted }),
      ({ cause }) => listenError(cause, place)
    )
    // Runs before the server's own finalizer, which waits for open connections.
    yield* Effect.addFinalizer(() => Effect.sync(() => http.closeAllConnections()))
    yield* Effect.provideService(
      HttpServer.serveEffect(application(served), crossOrigin(served.allowed)),
      HttpServer.HttpServer,
      server
    )
    const port = server.address._tag === "TcpAddress" ? server.address.port : wanted
    return { host, port, url: `http://${host.includes(":") ? `[${host}]` : host}:${port}` }
  })

/**
 * The server as a layer over the node it serves. See {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: NodeHttpOptions): Layer.Layer<NodeHttp, ListenError, ChannelNode> =>
  Layer.scoped(NodeHttp, make(options))
