/**
 * The embedded node's HTTP port: its controls (blocks when they are wanted) and the look-ups that channel tools make
 * first. Replies are JSON with bare integers of any size.
 *
 * | call | effect |
 * | --- | --- |
 * | `/emit_kb?n=N` (any method) | N key blocks, each of which takes the waiting transactions first |
 * | `/emit_mb` | one micro block of what waits |
 * | `/auto?on=true\|false` | automatic micro blocks on or off |
 * | `GET /v3/status` | network, version, protocols, height |
 * | `GET /v3/key-blocks/current` | the top key block |
 * | `GET /v3/accounts/{ak}` | balance and nonce |
 *
 * Specification: æternity node HTTP API.
 *
 * @since 0.1.0
 */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Json from "@aechannel/core/encoding/Json"
import { ChannelNode, type ChannelNodeService } from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { listenError, type ListenError } from "./internal/listen.js"

export { ListenError } from "./internal/listen.js"

/**
 * Options of the HTTP server.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpControlsOptions {
  /** Address to listen on. Default `127.0.0.1`: this machine only. */
  readonly host?: string
  /** Default 3013; 0 takes any free port. */
  readonly port?: number
}

/**
 * A running server.
 *
 * @since 0.1.0
 * @category models
 */
export interface HttpControlsService {
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
export class HttpControls extends Context.Tag("@aechannel/transport/HttpControls")<
  HttpControls,
  HttpControlsService
>() {}

/**
 * A request that cannot be answered: the HTTP status and the `reason` of the reply's body.
 *
 * @since 0.1.0
 * @category errors
 */
export class HttpProblem extends Data.TaggedError("HttpProblem")<{
  readonly status: number
  readonly reason: string
}> {
  override get message(): string {
    return `HTTP ${this.status}: ${this.reason}`
  }
}

/** The newest node whose behaviour is imitated; tools compare it with the versions they support. */
const nodeVersion = "7.2.2"
/** More blocks than this in one request would hold up every channel of the node. */
const mostBlocks = 10_000

const reply = (json: Json.Json, status = 200): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(Json.stringify(json), { status, contentType: "application/json" })

const problem = ({ reason, status }: HttpProblem): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.succeed(reply({ reason }, status))

const badRequest = (reason: string) => new HttpProblem({ status: 400, reason })

/** The query's last value of a name. */
const queryParameter = (
  name: string
): Effect.Effect<string | undefined, never, HttpServerRequest.HttpServerRequest> =>
  Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => {
    const at = url.indexOf("?")
    return at < 0 ? undefined : new URLSearchParams(url.slice(at + 1)).getAll(name).at(-1)
  })

const top = (node: ChannelNodeService): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.map(node.ledger, ({ top }) =>
    reply({
      hash: top.hash,
      height: top.height,
      prev_hash: top.prevHash,
      prev_key_hash: top.prevKeyHash,
      state_hash: top.stateHash,
      time: top.timeMs,
      version: top.protocol
    })
  )

const emitKeyBlocks = (node: ChannelNodeService) =>
  Effect.gen(function* () {
    const text = (yield* queryParameter("n")) ?? "1"
    const n = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (!(n >= 1 && n <= mostBlocks))
      return yield* badRequest(`n must be a number of blocks from 1 to ${mostBlocks}`)
    yield* node.mine(n)
    return yield* top(node)
  })

const automatic = (node: ChannelNodeService) =>
  Effect.gen(function* () {
    const on = yield* queryParameter("on")
    if (on !== "true" && on !== "false") return yield* badRequest("on must be true or false")
    yield* node.auto(on === "true")
    return reply({ auto: on === "true" })
  })

const status = (node: ChannelNodeService) =>
  Effect.map(node.ledger, (ledger) =>
    reply({
      genesis_key_block_hash: ledger.genesis.hash,
      listening: true,
      network_id: ledger.networkId,
      node_version: nodeVersion,
      peer_count: 0,
      pending_transactions_count: Ledger.pending(ledger).length,
      protocols: [{ effective_at_height: 0, version: ledger.protocol }],
      syncing: false,
      top_block_height: ledger.top.height,
      top_key_block_hash: ledger.top.hash
    })
  )

const account = (node: ChannelNodeService) =>
  Effect.gen(function* () {
    const { id } = yield* HttpRouter.params
    if (!ApiEncoding.is("ak", id)) return yield* badRequest("Invalid public key")
    const found = Ledger.account(yield* node.ledger, id)
    if (found === undefined) return yield* new HttpProblem({ status: 404, reason: "Account not found" })
    return reply({
      balance: found.balance,
      id,
      kind: found.authentication === undefined ? "basic" : "generalized",
      nonce: found.nonce,
      payable: (found.flags & 1) === 0
    })
  })

const router = (node: ChannelNodeService) =>
  HttpRouter.empty.pipe(
    HttpRouter.all("/emit_kb", emitKeyBlocks(node)),
    HttpRouter.all("/emit_mb", Effect.zipRight(node.mineMicro, top(node))),
    HttpRouter.all("/auto", automatic(node)),
    HttpRouter.get("/v3/key-blocks/current", top(node)),
    HttpRouter.get("/v3/status", status(node)),
    HttpRouter.get("/v3/accounts/:id", account(node)),
    // Around the whole router: what no route takes is not known to handlers inside it.
    Effect.catchTags({
      HttpProblem: problem,
      RouteNotFound: () => problem(new HttpProblem({ status: 404, reason: "Not found" }))
    }),
    Effect.catchAllCause((cause) =>
      Effect.zipRight(
        Effect.logError("An HTTP request failed", cause),
        problem(new HttpProblem({ status: 500, reason: "Internal server error" }))
      )
    )
  )

/**
 * Serves the node in the environment until the scope closes; then connections are cut at once. Fails with
 * `ListenError` when the port is taken or not allowed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: HttpControlsOptions = {}
): Effect.Effect<HttpControlsService, ListenError, ChannelNode | Scope.Scope> =>
  Effect.gen(function* () {
    const node = yield* ChannelNode
    const host = options.host ?? "127.0.0.1"
    const wanted = options.port ?? 3013
    const http = Http.createServer()
    const server = yield* Effect.mapError(
      NodeHttpServer.make(() => http, { host, port: wanted }),
      ({ cause }) =>
        listenError(cause, { host, port: wanted, service: "the node's HTTP API", option: "--port" })
    )
    // Runs before the server's own finalizer, which waits for open connections.
    yield* Effect.addFinalizer(() => Effect.sync(() => http.closeAllConnections()))
    yield* Effect.provideService(HttpServer.serveEffect(router(node)), HttpServer.HttpServer, server)
    const port = server.address._tag === "TcpAddress" ? server.address.port : wanted
    return { host, port, url: `http://${host.includes(":") ? `[${host}]` : host}:${port}` }
  })

/**
 * The server as a layer over the node it serves. See {@link make}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: HttpControlsOptions): Layer.Layer<HttpControls, ListenError, ChannelNode> =>
  Layer.scoped(HttpControls, make(options))
