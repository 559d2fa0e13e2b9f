/**
 * What goes over a node's sockets, channel by channel, as rows of the diagrams that `aechannel report` draws.
 *
 * @since 0.1.0
 */
import type { SocketTraffic } from "@aechannel/core/node/ChannelNode"
import * as Json from "@aechannel/core/encoding/Json"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Html from "../report/Html.js"
import { Builder, type Role, type Row } from "../report/Model.js"

/** Rows of a channel beyond this are forgotten, the oldest first; so are channels. */
const mostRows = 2000
const mostSessions = 200

/**
 * The conversations of one channel's clients, from the first socket on. `key` names it on the page.
 *
 * @since 0.1.0
 * @category models
 */
export interface Session {
  readonly key: string
  readonly initiatorId: string | undefined
  readonly responderId: string | undefined
  readonly port: string
  readonly channelId: string | undefined
  /** The rows so far, as HTML. */
  readonly rows: ReadonlyArray<string>
}

interface Growing extends Session {
  initiatorId: string | undefined
  responderId: string | undefined
  channelId: string | undefined
  readonly rows: Array<string>
  readonly builder: Builder
  readonly roles: Set<Role>
  readonly began: number
  seq: number
}

interface Socket {
  readonly session: Growing
  readonly who: Role
}

const parse = (text: string): Json.Json | undefined =>
  Either.getOrUndefined(Effect.runSync(Effect.either(Json.parse(text))))

const account = (text: string | null): string | undefined => (text?.startsWith("ak_") ? text : undefined)

/**
 * Sorts traffic into sessions. Two openings belong together when they name the same parties and port; who comes back
 * names the channel.
 *
 * @since 0.1.0
 * @category models
 */
export class Sessions {
  private readonly sessions = new Map<string, Growing>()
  private readonly sockets = new Map<number, Socket>()
  private count = 0

  /** All sessions, oldest first. */
  get all(): ReadonlyArray<Session> {
    return [...this.sessions.values()]
  }

  /** Takes what happened; gives the session and its new rows, or nothing for what belongs to none. */
  take(
    traffic: SocketTraffic,
    at: number
  ): { readonly session: Session; readonly rows: ReadonlyArray<string> } | undefined {
    if (traffic._tag === "Opened") this.sockets.set(traffic.socket, this.enter(traffic.query, at))
    const socket = this.sockets.get(traffic.socket)
    if (socket === undefined) return undefined
    const { session } = socket
    if (traffic._tag === "Closed") this.sockets.delete(traffic.socket)
    const rows = this.rowsOf(traffic, socket, at).map((row) => Html.rowOf(row, 1))
    session.rows.push(...rows)
    if (session.rows.length > mostRows) session.rows.splice(0, session.rows.length - mostRows)
    return { session, rows }
  }

  private rowsOf(traffic: SocketTraffic, { session, who }: Socket, now: number): ReadonlyArray<Row> {
    const common = { seq: ++session.seq, at: now - session.began, socket: traffic.socket, who }
    switch (traffic._tag) {
      case "Opened":
        return session.builder.add({ ...common, _tag: "Open", path: "/channel", query: traffic.query })
      case "Closed":
        return session.builder.add({ ...common, _tag: "Closed", code: traffic.code })
      case "Received": {
        const { text } = traffic
        return session.builder.add({
          ...common,
          _tag: "Sent",
          text,
          json: parse(text),
          unsendable: undefined
        })
      }
      case "Sent": {
        const json = parse(traffic.text)
        if (json === undefined) return []
        this.learn(session, json)
        return session.builder.add({ ...common, _tag: "Came", json })
      }
    }
  }

  /** Reports carry the channel's id from the transaction that creates it on. */
  private learn(session: Growing, json: Json.Json): void {
    const of = Json.field(Json.field(json, "params") ?? json, "channel_id")
    if (typeof of === "string" && of.startsWith("ch_")) session.channelId = of
  }

  private enter(query: string, at: number): Socket {
    const parameters = new URLSearchParams(query)
    const who: Role = parameters.get("role") === "responder" ? "responder" : "initiator"
    const channelId = parameters.get("existing_channel_id")
    const session =
      (channelId === null ? this.opening(parameters, who) : this.of(channelId)) ??
      this.begin(parameters, channelId ?? undefined, at)
    session.roles.add(who)
    session.initiatorId ??= account(parameters.get("initiator_id"))
    session.responderId ??= account(parameters.get("responder_id"))
    return { session, who }
  }

  private of(channelId: string): Growing | undefined {
    return [...this.sessions.values()].findLast((session) => session.channelId === channelId)
  }

  /** The newest that waits for this end. */
  private opening(parameters: URLSearchParams, who: Role): Growing | undefined {
    const initiatorId = account(parameters.get("initiator_id"))
    return [...this.sessions.values()].findLast(
      (session) =>
        session.channelId === undefined &&
        !session.roles.has(who) &&
        session.port === (parameters.get("port") ?? "") &&
        session.responderId === account(parameters.get("responder_id")) &&
        (session.initiatorId === undefined ||
          initiatorId === undefined ||
          session.initiatorId === initiatorId)
    )
  }

  private begin(parameters: URLSearchParams, channelId: string | undefined, began: number): Growing {
    const session: Growing = {
      key: String(++this.count),
      initiatorId: undefined,
      responderId: undefined,
      port: parameters.get("port") ?? "",
      channelId,
      rows: [],
      builder: new Builder(),
      roles: new Set(),
      began,
      seq: 0
    }
    this.sessions.set(session.key, session)
    const [oldest] = this.sessions.keys()
    if (this.sessions.size > mostSessions && oldest !== undefined) this.sessions.delete(oldest)
    return session
  }
}
