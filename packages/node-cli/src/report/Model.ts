/**
 * A recorded session as a diagram: what happened on which lane, in order, in words.
 *
 * @since 0.1.0
 */
import type { SignedTx } from "@aechannel/core/chain/SignedTx"
import { bodyHash, innermost } from "@aechannel/core/chain/SignedTx"
import * as Json from "@aechannel/core/encoding/Json"
import type { CodecService } from "@aechannel/core/protocol/Codec"
import * as JsonRpc from "@aechannel/core/protocol/JsonRpc"
import * as Legacy from "@aechannel/core/protocol/Legacy"
import type { NodeMessage } from "@aechannel/core/protocol/NodeMessage"
import type { Line, Recording } from "@aechannel/core/testing/Replay"
import type { Update } from "@aechannel/core/state/Update"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { cut } from "./Markup.js"
import * as Redaction from "./Redaction.js"
import * as Words from "./Words.js"

/** @since 0.1.0 @category models */
export type Role = "initiator" | "responder"

/** What each party has in the channel, in aettos. @since 0.1.0 @category models */
export type Balances = { readonly [R in Role]: bigint }

interface At {
  /** Line of the recording, from 1. */
  readonly seq: number
  /** Milliseconds since the recording began, where they were recorded. */
  readonly at: number | undefined
}

/** A frame between a client and the node. @since 0.1.0 @category models */
export interface Frame extends At {
  readonly _tag: "Frame"
  readonly who: Role
  readonly direction: "toNode" | "toClient"
  /** As on the wire, such as `sign.update`; of an answer, what it answers. */
  readonly kind: string
  readonly text: string
  readonly tone: Words.Tone
  readonly round: number | undefined
  /** Fields of the transaction in the frame. */
  readonly facts: ReadonlyArray<readonly [name: string, value: string]>
  /** The frame on several lines, without secrets. */
  readonly content: string
}

/** A socket comes into being, ends, or is refused. @since 0.1.0 @category models */
export interface SocketEvent extends At {
  readonly _tag: "SocketEvent"
  readonly who: Role
  readonly event: "opened" | "closed" | "refused"
  readonly text: string
  /** Whether it ended in a way that needs explanation. */
  readonly bad: boolean
  readonly facts: ReadonlyArray<readonly [name: string, value: string]>
}

/** What whoever recorded it had to say or looked up. @since 0.1.0 @category models */
export interface Note extends At {
  readonly _tag: "Note"
  readonly text: string
  readonly content: string | undefined
}

/** Something that both parties have reached. @since 0.1.0 @category models */
export interface Milestone {
  readonly _tag: "Milestone"
  /** Line of the frame that shows it first. */
  readonly seq: number
  readonly channelId: string | null
  readonly text: string
  readonly round: number | undefined
  /** Undefined where the recording does not tell. */
  readonly balances: Balances | undefined
}

/** @since 0.1.0 @category models */
export type Row = (Frame | SocketEvent | Note | Milestone) & {
  /** The sockets that are open when it has happened. */
  readonly open: { readonly [R in Role]: boolean }
}

/** @since 0.1.0 @category models */
export interface Diagram {
  readonly title: string
  readonly dialect: "legacy" | "JSON-RPC"
  readonly parties: { readonly [R in Role]: string | undefined }
  readonly channelIds: ReadonlyArray<string>
  readonly frames: number
  readonly sockets: number
  /** Milliseconds, where they were recorded. */
  readonly duration: number | undefined
  readonly rows: ReadonlyArray<Row>
}

/** Whether a row is something that went wrong. @since 0.1.0 @category predicates */
export const isProblem = (row: Row): boolean =>
  row._tag === "Frame"
    ? row.tone === "error" || row.tone === "conflict"
    : row._tag === "SocketEvent" && row.bad

type Accounts = ReadonlyMap<string, Role>

const accountsIn = (query: string): ReadonlyArray<readonly [string, Role]> => {
  const params = new URLSearchParams(query)
  return (["initiator", "responder"] as const).flatMap((role): Array<readonly [string, Role]> => {
    const id = params.get(`${role}_id`)
    return id?.startsWith("ak") === true ? [[id, role]] : []
  })
}

const other = (role: Role): Role => (role === "initiator" ? "responder" : "initiator")

const isAccount = (json: Json.Json | undefined): json is string =>
  typeof json === "string" && /^ak[_$]/.test(json)

const starterOf: { readonly [op: string]: ReadonlyArray<string> } = {
  OffChainNewContract: ["owner"],
  OffChainCallContract: ["caller_id", "caller"],
  OffChainDeposit: ["from", "account"],
  OffChainWithdrawal: ["to", "account"]
}

/** Who proposes, where only the proposer can be meant. */
const proposerIn = (json: Json.Json, data: Json.Json | undefined): string | undefined => {
  if (!/^sign\.(update|deposit_tx|withdraw_tx)$/.test(wireName(json) ?? "")) return undefined
  const updates = Json.field(data, "updates")
  for (const update of Json.isArray(updates) ? updates : []) {
    const keys = starterOf[String(Json.field(update, "op"))] ?? []
    const found = keys.map((key) => Json.field(update, key)).find(isAccount)
    if (found !== undefined) return found
  }
  return undefined
}

/** Who is who in a session that was recorded from its middle on: messages say who gets them, requests to sign who proposes. */
const accountsByMessages = (lines: ReadonlyArray<Line>): ReadonlyArray<readonly [string, Role]> =>
  lines.flatMap((line): Array<readonly [string, Role]> => {
    if (line._tag !== "Came") return []
    const body = Json.field(line.json, "params") ?? Json.field(line.json, "payload")
    const data = Json.field(body, "data") ?? body
    const message = Json.field(data, "message")
    const [to, from] = [Json.field(message, "to"), Json.field(message, "from")]
    const proposer = proposerIn(line.json, data)
    return [
      ...(proposer === undefined ? [] : [[proposer, line.who] as const]),
      ...(isAccount(to) ? [[to, line.who] as const] : []),
      ...(isAccount(from) ? [[from, other(line.who)] as const] : [])
    ]
  })

const wireName = (json: Json.Json | undefined): string | undefined => {
  const method = Json.field(json, "method")
  if (typeof method === "string") {
    const action = method === "channels.system" ? Json.field(Json.field(json, "params"), "action") : undefined
    return [method.replace(/^channels\./, ""), ...(typeof action === "string" ? [action] : [])].join(".")
  }
  const [action, tag] = [Json.field(json, "action"), Json.field(json, "tag")]
  if (typeof action !== "string") return undefined
  return typeof tag === "string" ? `${action}.${tag}` : action
}

const idOf = (json: Json.Json | undefined): string | undefined => {
  const id = Json.field(json, "id")
  return id === undefined || id === null ? undefined : Json.stringify(id)
}

const gravity: ReadonlyArray<Words.Tone> = ["error", "conflict", "chain", "state", "sign"]

/** Of several messages in one frame the gravest. */
const worst = (tones: ReadonlyArray<Words.Tone>): Words.Tone =>
  gravity.find((tone) => tones.includes(tone)) ?? tones[0] ?? "quiet"

const apply = (balances: Balances, updates: ReadonlyArray<Update>, accounts: Accounts) => {
  let now: Balances | undefined = balances
  const add = (address: string, delta: bigint) => {
    const role = accounts.get(address)
    if (role === undefined) now = undefined
    else if (now !== undefined) now = { ...now, [role]: now[role] + delta }
  }
  for (const update of updates) {
    switch (update._tag) {
      case "OffChainTransfer":
        add(update.from, -update.amount)
        add(update.to, update.amount)
        break
      case "OffChainDeposit":
        add(update.from, update.amount)
        break
      case "OffChainWithdrawal":
        add(update.to, -update.amount)
        break
      case "OffChainNewContract":
      case "OffChainCallContract":
        // What a contract does with coins stands nowhere in the frames.
        now = undefined
        break
      case "OffChainMeta":
        break
    }
  }
  return now
}

/** What is known of one channel while its frames pass. */
interface Known {
  balances: Balances | undefined
}

/**
 * A diagram that grows: takes what happens line by line, and knows what was said before.
 *
 * @since 0.1.0
 * @category models
 */
export class Builder {
  private rows: Array<Row> = []
  private readonly accounts = new Map<string, Role>()
  private readonly queries = new Map<number, string>()
  private readonly asked = new Map<string, string>()
  private readonly openSockets = new Map<number, Role>()
  private readonly updates = new Map<string, ReadonlyArray<Update>>()
  private readonly channels = new Map<string, Known>()
  private readonly reached = new Set<string>()
  /** Sockets of parties that have left or stopped, or whose channel is closed. */
  private readonly done = new Set<number>()
  private frames = 0
  private legacy = false

  /** One more line; gives the rows that it adds. */
  add(line: Line): ReadonlyArray<Row> {
    if (line._tag === "Open")
      for (const [address, role] of accountsIn(line.query)) this.accounts.set(address, role)
    this.rows = []
    this.take(line)
    return this.rows
  }

  build({ file, lines, sockets }: Recording): Diagram {
    for (const [address, role] of accountsByMessages(lines)) this.accounts.set(address, role)
    for (const line of lines.toReversed())
      if (line._tag === "Open")
        for (const [address, role] of accountsIn(line.query)) this.accounts.set(address, role)
    const opened = new Set(lines.flatMap((line) => (line._tag === "Open" ? [line.socket] : [])))
    for (const [socket, role] of sockets.entries())
      if (!opened.has(socket)) this.openSockets.set(socket, role)
    for (const line of lines) this.take(line)
    const times = lines.flatMap(({ at }) => (at === undefined ? [] : [at]))
    const addressOf = (role: Role) => [...this.accounts].find(([, its]) => its === role)?.[0]
    return {
      title: Redaction.ofText(file),
      dialect: this.legacy ? "legacy" : "JSON-RPC",
      parties: { initiator: addressOf("initiator"), responder: addressOf("responder") },
      channelIds: [...this.channels.keys()],
      frames: this.frames,
      sockets: sockets.length,
      duration: times.length < 2 ? undefined : Math.max(...times) - Math.min(...times),
      rows: this.rows
    }
  }

  private push(row: Frame | SocketEvent | Note | Milestone): void {
    const roles = [...this.openSockets.values()]
    const open = { initiator: roles.includes("initiator"), responder: roles.includes("responder") }
    this.rows.push({ ...row, open })
  }

  private take(line: Line): void {
    const { at, seq } = line
    switch (line._tag) {
      case "Open": {
        const { path, query, socket, who } = line
        for (const [address, role] of accountsIn(query)) this.accounts.set(address, role)
        this.queries.set(socket, query)
        this.openSockets.set(socket, who)
        const params = new URLSearchParams(query)
        const text = params.has("existing_channel_id")
          ? `connects again to ${Redaction.ofText(Words.shorten(params.get("existing_channel_id") ?? ""))}`
          : "connects"
        const facts = [["path", path] as const, ...params].map(([name, value]): readonly [string, string] => [
          name,
          secretFree(name, value)
        ])
        this.push({ _tag: "SocketEvent", seq, at, who, event: "opened", text, bad: false, facts })
        return
      }
      case "Closed": {
        const { code, socket, who } = line
        // What was refused was never open.
        const bad =
          this.openSockets.delete(socket) &&
          code !== undefined &&
          code !== 1000 &&
          code !== 1001 &&
          code !== 1005
        const text = code === undefined ? "disconnects" : `disconnected, close code ${code}`
        this.push({ _tag: "SocketEvent", seq, at, who, event: "closed", text, bad, facts: [] })
        return
      }
      case "Refused": {
        const { socket, status, who } = line
        this.openSockets.delete(socket)
        const text = `refused by the node: HTTP ${status}`
        this.push({ _tag: "SocketEvent", seq, at, who, event: "refused", text, bad: true, facts: [] })
        return
      }
      case "Note":
        if (line.text !== "")
          this.push({ _tag: "Note", seq, at, text: Redaction.ofText(line.text), content: undefined })
        return
      case "Asked": {
        const content = line.json === undefined ? undefined : Redaction.prettyJson(line.json)
        this.push({ _tag: "Note", seq, at, text: `HTTP ${Redaction.ofText(line.path)}`, content })
        return
      }
      case "Sent":
      case "Came":
        this.frame(line)
        return
    }
  }

  private readonly names: Words.Names = (address) => this.accounts.get(address) ?? Words.shorten(address)

  private codecOf(socket: number, json: Json.Json | undefined): CodecService {
    const byQuery = new URLSearchParams(this.queries.get(socket) ?? "").get("protocol") === "legacy"
    const isLegacy = Json.field(json, "action") !== undefined
    if (isLegacy) this.legacy = true
    return byQuery || isLegacy ? Legacy.codec : JsonRpc.codec
  }

  private frame(line: Extract<Line, { readonly _tag: "Sent" | "Came" }>): void {
    const { at, seq, socket, who } = line
    const text = line._tag === "Sent" ? line.text : Json.stringify(line.json)
    const codec = this.codecOf(socket, line.json)
    const read = line._tag === "Sent" ? this.sent(codec, line, text) : this.came(codec, line, text)
    const [tx] = read.words.flatMap((words) => (words.tx === undefined ? [] : [words.tx]))
    this.frames += 1
    this.push({
      _tag: "Frame",
      seq,
      at,
      who,
      direction: line._tag === "Sent" ? "toNode" : "toClient",
      kind: Redaction.ofText(read.kind),
      text: Redaction.ofText(
        read.words
          .map(({ text }) => text)
          .filter((text) => text !== "")
          .join(" · ")
      ),
      tone: worst(read.words.map(({ tone }) => tone)),
      round: tx === undefined ? undefined : Words.roundOf(tx),
      facts: tx === undefined ? [] : Words.factsOf(tx),
      content: line.json === undefined ? Redaction.ofText(text) : Redaction.prettyJson(line.json)
    })
    for (const milestone of read.milestones) this.push(milestone)
  }

  private sent(codec: CodecService, line: Extract<Line, { readonly _tag: "Sent" }>, text: string): Read {
    const kind = wireName(line.json)
    for (const one of Json.isArray(line.json) ? line.json : [line.json]) {
      const id = idOf(one)
      if (id !== undefined) this.asked.set(`${line.socket} ${id}`, wireName(one) ?? "?")
    }
    const frame = codec.decodeClientFrame(text)
    if (frame._tag === "Dropped") {
      const words: Words.Words = { tone: "error", text: `not understood: ${frame.reason.detail}` }
      return { kind: kind ?? "frame", words: [words], milestones: [] }
    }
    const words = frame.calls.map(({ raw, request }): Words.Words => {
      if (request._tag === "Stop") this.done.add(line.socket)
      if (request._tag !== "Refusal" && request._tag !== "Swallowed")
        return Words.ofRequest(request, this.names)
      return { tone: "request", text: this.params(Json.field(raw, "params") ?? Json.field(raw, "payload")) }
    })
    return { kind: kind ?? (frame.batch ? `batch of ${frame.calls.length}` : "frame"), words, milestones: [] }
  }

  /** What a request says that the node cannot take. */
  private params(params: Json.Json | undefined): string {
    if (!Json.isObject(params)) return params === undefined ? "" : cut(Json.stringify(params), 80)
    return Object.entries(params)
      .map(([key, value]) => {
        const name = typeof value === "string" ? this.accounts.get(value) : undefined
        return `${key} ${name ?? cut(Json.stringify(value), 40)}`
      })
      .join(", ")
  }

  private came(codec: CodecService, line: Extract<Line, { readonly _tag: "Came" }>, text: string): Read {
    const { json } = line
    const id = idOf(Json.isArray(json) ? json[0] : json)
    const answered = id === undefined ? undefined : this.asked.get(`${line.socket} ${id}`)
    const kind = wireName(json) ?? answered ?? (Json.field(json, "error") === undefined ? "result" : "error")
    const decoded = Effect.runSync(Effect.either(codec.decodeNodeFrame(text)))
    if (Either.isLeft(decoded)) {
      const words: Words.Words = { tone: "error", text: `not understood: ${decoded.left.detail}` }
      return { kind, words: [words], milestones: [] }
    }
    const messages = decoded.right
    const words = messages.map((message) => this.message(message, line.socket))
    return { kind, words, milestones: messages.flatMap((message) => this.learn(message, line)) }
  }

  /** A state machine that ends when all is done has not failed. */
  private message(message: NodeMessage, socket: number): Words.Words {
    const words = Words.ofNodeMessage(message, this.names)
    if (message._tag !== "Reported") return words
    const { report } = message
    if (report._tag === "LeaveReport") this.done.add(socket)
    if (report._tag !== "Info") return words
    if (report.event === "closed_confirmed") this.done.add(socket)
    return report.event === "died" && this.done.has(socket) ? { ...words, tone: "info" } : words
  }

  private learn(
    message: NodeMessage,
    line: Extract<Line, { readonly _tag: "Came" }>
  ): ReadonlyArray<Milestone> {
    const { channelId } = message
    const known = this.knownOf(channelId)
    if (message._tag === "Replied") {
      if (message.value._tag === "Balances" && known !== undefined) {
        const found = new Map(
          message.value.balances.map(({ account, balance }) => [this.accounts.get(account), balance])
        )
        const [initiator, responder] = [found.get("initiator"), found.get("responder")]
        if (initiator !== undefined && responder !== undefined) known.balances = { initiator, responder }
      }
      return []
    }
    if (message._tag !== "Reported") return []
    const { report } = message
    switch (report._tag) {
      case "SignRequest":
        this.updates.set(bodyHash(innermost(report.signedTx)), report.updates)
        return []
      case "StateUpdate":
        return this.coSigned(report.state, channelId, known, line)
      case "OnChainTx":
        return this.onChain(report.tx, channelId, line)
      default:
        return []
    }
  }

  private knownOf(channelId: string | null): Known | undefined {
    if (channelId === null) return undefined
    const known = this.channels.get(channelId) ?? { balances: undefined }
    this.channels.set(channelId, known)
    return known
  }

  private coSigned(
    state: SignedTx,
    channelId: string | null,
    known: Known | undefined,
    line: Extract<Line, { readonly _tag: "Came" }>
  ): ReadonlyArray<Milestone> {
    const body = innermost(state)
    const hash = bodyHash(body)
    const round = Words.roundOf(state)
    if (this.reached.has(hash) || known === undefined || round === undefined) return []
    this.reached.add(hash)
    const { tx } = body
    if (tx._tag === "ChannelCreateTx") {
      const push = new URLSearchParams(this.queries.get(line.socket) ?? "").get("push_amount") ?? "0"
      const pushed = /^-?\d{1,40}$/.test(push) ? BigInt(push) : 0n
      known.balances = { initiator: tx.initiatorAmount - pushed, responder: tx.responderAmount + pushed }
    } else {
      const updates = this.updates.get(hash)
      known.balances =
        known.balances === undefined || updates === undefined
          ? undefined
          : apply(known.balances, updates, this.accounts)
    }
    const text = tx._tag === "ChannelCreateTx" ? "Channel open" : "Co-signed"
    return [{ _tag: "Milestone", seq: line.seq, channelId, text, round, balances: known.balances }]
  }

  private onChain(
    signedTx: SignedTx,
    channelId: string | null,
    line: Extract<Line, { readonly _tag: "Came" }>
  ): ReadonlyArray<Milestone> {
    const body = innermost(signedTx)
    const hash = bodyHash(body)
    const { tx } = body
    if (tx._tag !== "ChannelCloseMutualTx" && tx._tag !== "ChannelSettleTx") return []
    if (this.reached.has(hash)) return []
    this.reached.add(hash)
    const balances = { initiator: tx.initiatorAmountFinal, responder: tx.responderAmountFinal }
    const text = tx._tag === "ChannelSettleTx" ? "Settled on chain" : "Closed together on chain"
    return [{ _tag: "Milestone", seq: line.seq, channelId, text, round: undefined, balances }]
  }
}

interface Read {
  readonly kind: string
  readonly words: ReadonlyArray<Words.Words>
  readonly milestones: ReadonlyArray<Milestone>
}

const secretFree = (name: string, value: string): string =>
  name === "existing_fsm_id" ? "(hidden)" : Redaction.ofText(value)

/**
 * Draws up what a recording holds: one row for each frame, among them what the sockets did, the notes and what both
 * parties reached.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (recording: Recording): Diagram => new Builder().build(recording)
