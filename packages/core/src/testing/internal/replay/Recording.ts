/**
 * Recorded sessions: one JSON object on each line, in the order in which it happened.
 *
 * | kind | further keys |
 * | --- | --- |
 * | `open` | `url` of the WebSocket |
 * | `frame` | `dir`: `out` from the client to the node, `in` from the node; `msg`: the JSON value, or `text` where it is none |
 * | `close` | `code`, where it is known |
 * | `http` | `status`; with `who` the answer to an opening that was refused, else a look at the chain (`path`) |
 * | `info`, `other` | what whoever recorded it had to say |
 *
 * All have `seq` (from 1, without gaps), most `who` (`initiator` or `responder`), `conn` (which socket of that party) and
 * `ts` (milliseconds).
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import { DecodeError } from "../../../encoding/DecodeError.js"
import * as Json from "../../../encoding/Json.js"
import type { Role } from "../../../protocol/OpenParameters.js"

/**
 * A recording that is damaged: what is wrong, and in which line (from 1; 0 for the whole).
 *
 * @since 0.1.0
 * @category errors
 */
export class RecordingError extends Data.TaggedError("RecordingError")<{
  readonly file: string
  readonly line: number
  readonly detail: string
}> {
  override get message(): string {
    return `${this.file}${this.line === 0 ? "" : `, line ${this.line}`}: the recording is damaged: ${this.detail}`
  }
}

interface Common {
  readonly seq: number
  /** Milliseconds since the recording began, where they were recorded. */
  readonly at: number | undefined
}

/** What belongs to a socket. */
interface OnSocket extends Common {
  readonly who: Role
  /** Which socket: an index into {@link Recording.sockets}. */
  readonly socket: number
}

export interface Open extends OnSocket {
  readonly _tag: "Open"
  /** Path of the URL. */
  readonly path: string
  /** The query of the URL, without `?`. */
  readonly query: string
}
export interface Sent extends OnSocket {
  readonly _tag: "Sent"
  /** Undefined where the frame was no JSON. */
  readonly json: Json.Json | undefined
  readonly text: string
  /** Why it cannot be sent again: it was a binary frame, or the recorder cut it short. */
  readonly unsendable: "binary" | "cut" | undefined
}
export interface Came extends OnSocket {
  readonly _tag: "Came"
  readonly json: Json.Json
}
export interface Closed extends OnSocket {
  readonly _tag: "Closed"
  readonly code: number | undefined
}
/** The node did not let the socket come into being. */
export interface Refused extends OnSocket {
  readonly _tag: "Refused"
  readonly status: number
}
export interface Asked extends Common {
  readonly _tag: "Asked"
  readonly path: string
  readonly json: Json.Json | undefined
}
export interface Note extends Common {
  readonly _tag: "Note"
  readonly text: string
}

/**
 * What happened, in one line of a recorded session.
 *
 * @since 0.1.0
 * @category models
 */
export type Line = Open | Sent | Came | Closed | Refused | Asked | Note

/**
 * A recorded session. Read one with {@link read}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Recording {
  readonly file: string
  readonly lines: ReadonlyArray<Line>
  /** Who each socket is of. */
  readonly sockets: ReadonlyArray<Role>
  /** @internal Sockets that were open before the recording began. */
  readonly inherited: ReadonlySet<number>
}

/** How recorders end a text that they cut short. */
const cutShort = /(…|\.\.\.\[\d+ chars\])$/

/** The ids and texts of the wire, as they stand in strings. */
const encodedText = /^(ak|ba|cb|ch|ck|cs|ct|cv|kh|mh|pi|sg|ss|st|th|tx)_[A-Za-z0-9+/=]+$/

/** Strings of the node's frames that are encoded and do not decode: the frame was damaged. */
const brokenText = (json: Json.Json): string | undefined => {
  if (typeof json === "string") {
    const prefix = encodedText.test(json) ? ApiEncoding.prefixOf(json) : undefined
    if (prefix === undefined) return undefined
    try {
      ApiEncoding.decodeOrThrow(prefix, json)
      return undefined
    } catch {
      return json
    }
  }
  if (Json.isArray(json)) return firstOf(json, brokenText)
  if (!Json.isObject(json)) return undefined
  // What clients said may be wrong: requests come back with errors, words with messages.
  return firstOf(
    Object.entries(json).filter(([key]) => key !== "request" && key !== "message" && key !== "info"),
    ([, value]) => brokenText(value)
  )
}

const firstOf = <A, B>(items: ReadonlyArray<A>, f: (item: A) => B | undefined): B | undefined => {
  for (const item of items) {
    const found = f(item)
    if (found !== undefined) return found
  }
  return undefined
}

/** What a frame of a node can be, or what is wrong with it. */
const wrongFrame = (json: Json.Json): string | undefined => {
  const broken = brokenText(json)
  // Of what may be an fsm id, which is secret, only the prefix.
  if (broken !== undefined) return `${broken.slice(0, broken.startsWith("ba_") ? 3 : 24)}… does not decode`
  for (const frame of Json.isArray(json) ? json : [json]) {
    if (!Json.isObject(frame)) return "a frame of the node is no object"
    const method = frame["method"]
    const isRpc = frame["jsonrpc"] === "2.0"
    if (frame["version"] !== 1) return "a frame of the node has no version"
    if (isRpc && typeof method === "string" && Json.isObject(frame["params"])) continue
    if (isRpc && "id" in frame && ("result" in frame || "error" in frame)) continue
    if (!isRpc && typeof frame["action"] === "string") continue
    return "a frame of the node is neither notification nor answer"
  }
  return undefined
}

interface Raw {
  readonly index: number
  readonly seq: number
  readonly at: number | undefined
  readonly kind: string
  readonly who: Role | undefined
  /** `who` as it stands there: a role, and `#2` where a second client plays it. */
  readonly client: string
  readonly conn: number | undefined
  readonly object: Json.JsonObject
}

const text = (json: Json.Json | undefined): string | undefined =>
  typeof json === "string" ? json : undefined

const integer = (json: Json.Json | undefined): number | undefined =>
  typeof json === "number" ? json : undefined

const milliseconds = (json: Json.Json | undefined): number | undefined => {
  const value = json instanceof Json.JsonNumber ? Number(json.lexeme) : json
  return typeof value === "number" && Number.isFinite(value) ? value : undefined
}

const kinds: ReadonlySet<string> = new Set(["open", "frame", "close", "http", "info", "other"])

class Reader {
  private readonly lines: Array<Line> = []
  private readonly sockets: Array<Role> = []
  private readonly inherited = new Set<number>()
  /** The socket that a party's number stands for now. */
  private readonly numbered = new Map<string, number>()
  private readonly open = new Set<number>()
  /** Channels of sockets: recorders may have given the number of a party's latest socket to frames of an older one. */
  private readonly channels = new Map<number, string>()
  private start: number | undefined

  constructor(private readonly file: string) {}

  private fail(line: number, detail: string): never {
    throw new RecordingError({ file: this.file, line, detail })
  }

  private raw(line: string, index: number): Raw {
    let object: Json.Json
    try {
      object = Json.parseOrThrow(line)
    } catch (error) {
      this.fail(index + 1, error instanceof DecodeError ? `no JSON: ${error.detail}` : "no JSON")
    }
    if (!Json.isObject(object)) this.fail(index + 1, "no JSON object")
    const seq = integer(object["seq"])
    if (seq !== index + 1)
      this.fail(index + 1, `seq is ${String(seq)}: a line is missing, or lines were moved`)
    const kind = text(object["kind"]) ?? ""
    if (!kinds.has(kind)) this.fail(index + 1, `unknown kind “${kind.slice(0, 24)}”`)
    const client = object["who"] ?? null
    const [, role] = typeof client === "string" ? (/^(initiator|responder)(?:#\d+)?$/.exec(client) ?? []) : []
    if (client !== null && role === undefined) this.fail(index + 1, "who is nobody known")
    const who = role === "initiator" || role === "responder" ? role : undefined
    const conn = object["conn"] ?? null
    if (conn !== null && typeof conn !== "number") this.fail(index + 1, "conn is no number")
    const ts = milliseconds(object["ts"])
    this.start ??= ts
    return {
      index,
      seq,
      kind,
      object,
      who,
      client: String(client),
      conn: conn ?? undefined,
      at: ts === undefined || this.start === undefined ? undefined : ts - this.start
    }
  }

  read(content: string): Recording {
    const rows = content.replace(/\r?\n$/, "").split("\n")
    if (content === "" || rows.length === 0) this.fail(0, "it is empty")
    const all = rows.map((row, index) => this.raw(row, index))
    const hasOpen = all.some(({ kind }) => kind === "open")
    for (const raw of all) this.take(raw, all, hasOpen)
    return { file: this.file, lines: this.lines, sockets: this.sockets, inherited: this.inherited }
  }

  private newSocket(who: Role, { client, conn }: Raw): number {
    this.sockets.push(who)
    const socket = this.sockets.length - 1
    this.numbered.set(`${client} ${conn}`, socket)
    this.open.add(socket)
    return socket
  }

  private take(raw: Raw, all: ReadonlyArray<Raw>, hasOpen: boolean): void {
    const { at, client, conn, kind, object, seq, who } = raw
    const line = raw.index + 1
    if (kind === "info" || kind === "other" || (kind === "http" && who === undefined)) {
      if (kind === "http")
        this.lines.push({ _tag: "Asked", seq, at, path: text(object["path"]) ?? "", json: object["msg"] })
      else this.lines.push({ _tag: "Note", seq, at, text: text(object["note"] ?? object["event"]) ?? "" })
      return
    }
    if (who === undefined) this.fail(line, `a line of the kind ${kind} without who`)
    if (kind === "open") {
      const url = text(object["url"])
      if (url === undefined) this.fail(line, "an opening without url")
      const [, path = "", query = ""] =
        /^wss?:\/\/[^/?]*(\/[^?]*)?(?:\?(.*))?$/s.exec(url) ?? this.fail(line, "url is none")
      this.lines.push({ _tag: "Open", seq, at, who, socket: this.newSocket(who, raw), path, query })
      return
    }
    const own = this.numbered.get(`${client} ${conn}`) ?? (hasOpen ? undefined : this.inherit(who, raw))
    if (own === undefined) this.fail(line, "a socket that was never opened")
    if (kind === "http") {
      const status = integer(object["status"])
      if (status === undefined) this.fail(line, "an answer without status")
      this.lines.push({ _tag: "Refused", seq, at, who, socket: own, status })
      return
    }
    if (kind === "close") {
      const socket = this.closing(raw, own, all)
      this.open.delete(socket)
      this.lines.push({ _tag: "Closed", seq, at, who, socket, code: integer(object["code"]) })
      return
    }
    const socket = this.speaking(raw, own, all)
    if (!this.open.has(socket)) this.fail(line, "a frame on a socket that is closed")
    const msg = object["msg"]
    const plain = text(object["text"])
    const dir = object["dir"]
    if (dir === "out") {
      if (msg === undefined && plain === undefined) this.fail(line, "a frame without content")
      const json = plain === undefined ? msg : undefined
      const last = this.lines.at(-1)
      const unsendable =
        last?._tag === "Note" && last.text.startsWith("binary frame")
          ? "binary"
          : plain !== undefined && cutShort.test(plain)
            ? "cut"
            : undefined
      this.lines.push({
        _tag: "Sent",
        seq,
        at,
        who,
        socket,
        json,
        unsendable,
        text: plain ?? Json.stringify(msg ?? null)
      })
    } else if (dir === "in" && plain !== undefined && cutShort.test(plain)) {
      this.lines.push({ _tag: "Note", seq, at, text: "an answer that the recorder cut short" })
    } else if (dir === "in") {
      if (msg === undefined || msg === null) this.fail(line, "a frame without content")
      const wrong = wrongFrame(msg)
      if (wrong !== undefined) this.fail(line, wrong)
      this.lines.push({ _tag: "Came", seq, at, who, socket, json: msg })
    } else this.fail(line, "a frame without direction")
  }

  private inherit(who: Role, raw: Raw): number {
    const socket = this.newSocket(who, raw)
    this.inherited.add(socket)
    return socket
  }

  /** Other sockets of a party that are open, oldest first. */
  private others(who: Role, but: number): ReadonlyArray<number> {
    return [...this.open].filter((socket) => socket !== but && this.sockets[socket] === who)
  }

  /** Recorders may have noticed the end of a party's former socket after they had counted the next one. */
  private closing({ client, conn, index, who }: Raw, own: number, all: ReadonlyArray<Raw>): number {
    if (who === undefined) return own
    const died = this.others(who, own).find((socket) => this.dead.has(socket))
    if (died !== undefined && !this.dead.has(own)) return died
    const [oldest] = this.others(who, own)
    if (oldest === undefined) return own
    for (const next of all.slice(index + 1)) {
      if (next.client !== client || next.conn !== conn) continue
      if (next.kind === "open") break
      if (next.kind === "frame" || next.object["event"] === "open") return this.dead.has(own) ? own : oldest
    }
    return own
  }

  private readonly dead = new Set<number>()

  /** The socket that a frame belongs to: that of its channel, where the party has several. */
  private speaking(raw: Raw, own: number, all: ReadonlyArray<Raw>): number {
    const { index, object, who } = raw
    if (who === undefined) return own
    const mine = object["dir"] === "out" ? all.slice(index + 1).find((next) => isAnswerTo(raw, next)) : raw
    const channel = mine && channelOf(mine.object["msg"])
    const others = this.others(who, own)
    const right =
      channel === undefined || (this.channels.get(own) ?? channel) === channel
        ? undefined
        : others.find((socket) => this.channels.get(socket) === channel)
    const socket = right ?? own
    if (object["dir"] === "in" && channel !== undefined && !this.channels.has(socket))
      this.channels.set(socket, channel)
    if (Json.field(Json.field(Json.field(object["msg"], "params"), "data"), "event") === "died")
      this.dead.add(socket)
    return socket
  }
}

const isAnswerTo = (request: Raw, next: Raw): boolean =>
  next.kind === "frame" &&
  next.client === request.client &&
  next.conn === request.conn &&
  next.object["dir"] === "in"

const channelOf = (msg: Json.Json | undefined): string | undefined =>
  text(Json.field(Json.field(msg, "params"), "channel_id")) ?? text(Json.field(msg, "channel_id"))

/**
 * Reads a recording (the content of a file and its name). Fails with `RecordingError` where it is damaged: lines that are
 * missing, moved or no JSON, frames on sockets that are not open, frames that no node sends, encoded values whose
 * checksum is wrong.
 *
 * @since 0.1.0
 * @category constructors
 */
export const read = (file: string, content: string): Effect.Effect<Recording, RecordingError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(new Reader(file).read(content))
    } catch (error) {
      if (error instanceof RecordingError) return Effect.fail(error)
      throw error
    }
  })
