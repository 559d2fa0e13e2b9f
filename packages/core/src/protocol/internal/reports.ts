/**
 * What a node says of its own accord, one row per kind of report.
 *
 * Specification: channel WebSocket API, signing requests and node to client reports.
 */
import * as Redacted from "effect/Redacted"
import * as SignedTx from "../../chain/SignedTx.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import type { ChannelId } from "../../encoding/ApiEncoding.js"
import * as DecodeError from "../../encoding/DecodeError.js"
import * as Json from "../../encoding/Json.js"
import * as Update from "../../state/Update.js"
import { infoEvents, onChainInfos } from "../NodeMessage.js"
import type { FsmId, Info, InfoEvent, OnChainInfo, Report, SignRequest } from "../NodeMessage.js"
import { signTags } from "../SignTag.js"
import type { SignTag } from "../SignTag.js"
import { formIn, formOf, readToSign, writeToSign } from "./accent.js"
import type { Accent } from "./accent.js"

const prefix = "channels."
const signPrefix = `${prefix}sign.`

type Kind = Exclude<Report["_tag"], "SignRequest" | "UnknownReport">
type ByKind<K extends Kind> = Extract<Report, { readonly _tag: K }>

/** A report that this library does not know. */
export const unknown = (method: string, data: Json.Json): Report => ({ _tag: "UnknownReport", method, data })

const fail = (detail: string): never => {
  throw DecodeError.make("report", "invalid_field", detail)
}

/** Reads one member; an error tells its name. */
const member = <A>(data: Json.JsonObject, name: string, read: (value: Json.Json | undefined) => A): A =>
  DecodeError.within([name], () => read(data[name]))

const text = (value: Json.Json | undefined): string =>
  typeof value === "string" ? value : fail("expected a string here")

const small = (value: Json.Json | undefined): number =>
  typeof value === "number" && value >= 0 ? value : fail("expected a small non-negative integer here")

const list = (value: Json.Json | undefined): ReadonlyArray<Json.Json> =>
  Json.isArray(value) ? value : fail("expected a list here")

const account = (value: Json.Json | undefined) => ApiEncoding.parseOrThrow("ak", text(value))

const secret = (value: Json.Json | undefined): FsmId =>
  Redacted.make(ApiEncoding.parseOrThrow("ba", text(value)))

const optionalText = (data: Json.JsonObject, name: string): string | undefined => {
  const value = data[name]
  return typeof value === "string" ? value : undefined
}

const eventOf = (word: Json.Json | undefined): InfoEvent | undefined =>
  infoEvents.find((event) => event === word)

const onChainInfoOf = (word: Json.Json | undefined): OnChainInfo | undefined =>
  onChainInfos.find((info) => info === word)

/** Two events name the type of their transaction differently. */
const typeKey = (event: InfoEvent): string => (event === "min_depth_achieved" ? "type" : "tx_type")

const readInfo = (data: Json.JsonObject): Info | undefined => {
  const event = eventOf(data["event"])
  if (event === undefined) return undefined
  const txType = optionalText(data, typeKey(event))
  const txHash = optionalText(data, "tx_hash")
  const notice = optionalText(data, "notice")
  return {
    _tag: "Info",
    event,
    ...(data["fsm_id"] !== undefined && { fsmId: member(data, "fsm_id", secret) }),
    ...(txType !== undefined && { txType }),
    ...(txHash !== undefined && { txHash }),
    ...(notice !== undefined && { notice })
  }
}

const writeInfo = ({ event, fsmId, notice, txHash, txType }: Info): Json.JsonObject => ({
  event,
  ...(fsmId !== undefined && { fsm_id: Redacted.value(fsmId) }),
  ...(notice !== undefined && { notice }),
  ...(txHash !== undefined && { tx_hash: txHash }),
  ...(txType !== undefined && { [typeKey(event)]: txType })
})

/** One kind of report: its method without prefix, its data, and the way back (undefined: not of this kind). */
interface Row<R> {
  readonly method: string
  write(report: R, channelId: ChannelId | null): Json.Json
  read(data: Json.JsonObject): R | undefined
}

type Rows = { readonly [K in Kind]: Row<ByKind<K>> }

const rowsOf = (accent: Accent): Rows => {
  const signed = (value: Json.Json | undefined) => SignedTx.fromTextOrThrow(text(value))
  return {
    Info: { method: "info", write: writeInfo, read: readInfo },
    OnChainTx: {
      method: "on_chain_tx",
      write: ({ info, tx, type }) => ({
        ...(info !== undefined && accent.onChain === undefined && { info }),
        tx: SignedTx.toText(tx),
        ...(type !== undefined && accent.onChain === undefined && { type })
      }),
      read: (data) => {
        const info = onChainInfoOf(data["info"])
        if (info === undefined && data["info"] !== undefined) return undefined
        const type = optionalText(data, "type")
        // Documents name the member `signed_tx`; nodes send `tx`.
        const tx = member(data, data["tx"] === undefined ? "signed_tx" : "tx", signed)
        return {
          _tag: "OnChainTx",
          ...(info !== undefined && { info }),
          ...(type !== undefined && { type }),
          tx
        }
      }
    },
    StateUpdate: {
      method: "update",
      write: ({ state }) => ({ state: SignedTx.toText(state) }),
      read: (data) => ({ _tag: "StateUpdate", state: member(data, "state", signed) })
    },
    LeaveReport: {
      method: "leave",
      write: ({ state }) => ({ state: SignedTx.toText(state) }),
      read: (data) => ({ _tag: "LeaveReport", state: member(data, "state", signed) })
    },
    Conflict: {
      method: "conflict",
      write: ({ errorCode, errorMessage, round }, channelId) => ({
        channel_id: channelId,
        ...(errorCode !== undefined && accent.conflictReason && { error_code: errorCode }),
        ...(errorMessage !== undefined && accent.conflictReason && { error_msg: errorMessage }),
        round
      }),
      read: (data) => {
        const errorMessage = optionalText(data, "error_msg")
        return {
          _tag: "Conflict",
          round: member(data, "round", small),
          ...(data["error_code"] !== undefined && { errorCode: member(data, "error_code", small) }),
          ...(errorMessage !== undefined && { errorMessage })
        }
      }
    },
    MessageReport: {
      method: "message",
      write: ({ from, info, to }, channelId) => ({ message: { channel_id: channelId, from, info, to } }),
      read: ({ message }) => {
        if (!Json.isObject(message)) return undefined
        return DecodeError.within(["message"], () => ({
          _tag: "MessageReport",
          from: member(message, "from", account),
          to: member(message, "to", account),
          info: member(message, "info", text)
        }))
      }
    },
    ErrorReport: {
      method: "error",
      write: ({ message }) => ({ message }),
      read: ({ message }) => (typeof message === "string" ? { _tag: "ErrorReport", message } : undefined)
    },
    DebugReport: {
      method: "debug",
      write: ({ data }) => data,
      read: (data) => ({ _tag: "DebugReport", data })
    }
  }
}

const tagOf = (name: string): SignTag | undefined =>
  Object.hasOwn(signTags, name) ? (name as SignTag) : undefined

// Updates name the parties of a contract call like requests do; they are understood under either name.
const renamed = (json: Json.JsonObject, from: string, to: string): Json.JsonObject => {
  const { [from]: value, ...rest } = json
  return value === undefined || rest[to] !== undefined ? json : { ...rest, [to]: value }
}

const readUpdate = (json: Json.Json): Update.Update =>
  Update.fromJsonOrThrow(
    Json.isObject(json) && json["op"] === "OffChainCallContract"
      ? renamed(renamed(json, "caller", "caller_id"), "contract", "contract_id")
      : json
  )

const writeUpdate = (update: Update.Update, { names }: Accent): Json.JsonObject => {
  const json = Update.toJson(update)
  return update._tag === "OffChainCallContract"
    ? renamed(renamed(json, "caller_id", names.caller), "contract_id", names.contract)
    : json
}

/** The reports of a dialect. */
export interface Reports {
  /** Node: method and data; undefined where the dialect has no such report. */
  readonly give: (
    report: Report,
    channelId: ChannelId | null
  ) => { readonly method: string; readonly data: Json.Json } | undefined
  /** Client: throws `DecodeError` for a known report with broken parts. */
  readonly take: (method: string, data: Json.Json) => Report
}

export const make = (accent: Accent): Reports => {
  const rows = rowsOf(accent)
  const byMethod: ReadonlyMap<string, Row<Report>> = new Map(
    Object.values(rows).map((row): [string, Row<Report>] => [`${prefix}${row.method}`, row as Row<Report>])
  )

  const giveKind = <K extends Kind>(kind: K, report: ByKind<K>, channelId: ChannelId | null) => {
    const row: Row<ByKind<K>> = rows[kind]
    return { method: `${prefix}${row.method}`, data: row.write(report, channelId) }
  }

  const takeSignRequest = (tag: SignTag, data: Json.JsonObject): SignRequest => {
    const form = formIn(accent, data) ?? accent.signing[0]
    return {
      _tag: "SignRequest",
      tag,
      signedTx: member(data, form.name, (value) => readToSign(form, text(value))),
      updates: member(data, "updates", (value = []) =>
        list(value).map((update, index) => DecodeError.within([index], () => readUpdate(update)))
      ),
      ...(form.bare && { bare: true as const })
    }
  }

  const giveSignRequest = ({ bare, signedTx, tag, updates }: SignRequest) => {
    const form = formOf(accent, bare)
    return {
      method: `${signPrefix}${tag}`,
      data: {
        [form.name]: writeToSign(form, signedTx),
        updates: updates.map((update) => writeUpdate(update, accent))
      }
    }
  }

  const isKept = (report: Report): boolean =>
    report._tag === "OnChainTx" && report.info !== undefined && accent.onChain?.has(report.info) === false

  return {
    give: (report, channelId) => {
      if (isKept(report)) return undefined
      switch (report._tag) {
        case "SignRequest":
          return giveSignRequest(report)
        case "UnknownReport":
          return report
        default:
          return giveKind(report._tag, report, channelId)
      }
    },
    take: (method, data) => {
      if (!Json.isObject(data)) return unknown(method, data)
      const tag = method.startsWith(signPrefix) ? tagOf(method.slice(signPrefix.length)) : undefined
      if (tag !== undefined) return takeSignRequest(tag, data)
      return byMethod.get(method)?.read(data) ?? unknown(method, data)
    }
  }
}
