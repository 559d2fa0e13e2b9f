/**
 * The values of successful replies, one row per kind. A reply by id does not say what it replies to, so that each row
 * knows its own values.
 *
 * Specification: channel WebSocket API, direct replies.
 */
import * as SignedTx from "../../chain/SignedTx.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import type { Prefix } from "../../encoding/ApiEncoding.js"
import * as DecodeErrors from "../../encoding/DecodeError.js"
import { DecodeError } from "../../encoding/DecodeError.js"
import * as Json from "../../encoding/Json.js"
import type { Balance, ContractCallResult, HistoryEntry, ReplyValue } from "../NodeMessage.js"
import { fromBigInt } from "./fields.js"

type Tag = ReplyValue["_tag"]
type ByTag<T extends Tag> = Extract<ReplyValue, { readonly _tag: T }>

/** One kind of value. `isLike` looks at the outside only, `read` throws `DecodeError` for broken parts. */
interface Row<V> {
  isLike(json: Json.Json): boolean
  read(json: Json.Json): V
  write(value: V): Json.Json
}

type Rows = { readonly [T in Exclude<Tag, "UnknownValue">]: Row<ByTag<T>> }

const fail = (detail: string): never => {
  throw DecodeErrors.make("reply", "invalid_field", detail)
}

const objectOf = (json: Json.Json): Json.JsonObject =>
  Json.isObject(json) ? json : fail("expected an object here")

const listOf = (json: Json.Json | undefined): ReadonlyArray<Json.Json> =>
  Json.isArray(json) ? json : fail("expected a list here")

const text = (json: Json.Json | undefined): string =>
  typeof json === "string" ? json : fail("expected a string here")

const uint = (json: Json.Json | undefined): bigint => {
  const n = Json.toBigInt(json)
  return n !== undefined && n >= 0n ? n : fail("expected a non-negative integer here")
}

const encoded = <P extends Prefix>(prefix: P, json: Json.Json | undefined) =>
  ApiEncoding.parseOrThrow(prefix, text(json))

const contractBytes = (json: Json.Json | undefined): Uint8Array => ApiEncoding.decodeOrThrow("cb", text(json))

const hasKeys =
  (...keys: ReadonlyArray<string>) =>
  (json: Json.Json): boolean =>
    Json.isObject(json) && keys.every((key) => Object.hasOwn(json, key))

const isListOf =
  (isLike: (item: Json.Json) => boolean) =>
  (json: Json.Json): boolean =>
    Json.isArray(json) && json[0] !== undefined && isLike(json[0])

/** A value that is always the same. */
const constant = <V extends ReplyValue>(value: V, json: Json.JsonObject): Row<V> => {
  const members = Object.entries(json)
  return {
    isLike: (given) =>
      Json.isObject(given) &&
      Object.keys(given).length === members.length &&
      members.every(([key, member]) => given[key] === member),
    read: () => value,
    write: () => json
  }
}

const readBalance = (json: Json.Json): Balance => {
  const { account, balance } = objectOf(json)
  return { account: encoded("ak", account), balance: uint(balance) }
}

const returnTypes: ReadonlyArray<ContractCallResult["returnType"]> = ["ok", "error", "revert"]

const readCall = (json: Json.Json): ContractCallResult => {
  const call = objectOf(json)
  const returnType = returnTypes.find((type) => type === call["return_type"])
  const height = Number(uint(call["height"]))
  return {
    callerId: encoded("ak", call["caller_id"]),
    callerNonce: uint(call["caller_nonce"]),
    height: Number.isSafeInteger(height) ? height : fail("expected a height here"),
    contractId: encoded("ct", call["contract_id"]),
    gasPrice: uint(call["gas_price"]),
    gasUsed: uint(call["gas_used"]),
    log: listOf(call["log"]).map((entry) => {
      const { address, data, topics } = objectOf(entry)
      return { address: encoded("ct", address), topics: listOf(topics).map(uint), data: contractBytes(data) }
    }),
    returnType: returnType ?? fail("expected ok, error or revert here"),
    returnValue: contractBytes(call["return_value"])
  }
}

const writeCall = (call: ContractCallResult): Json.JsonObject => ({
  caller_id: call.callerId,
  caller_nonce: fromBigInt(call.callerNonce),
  contract_id: call.contractId,
  gas_price: fromBigInt(call.gasPrice),
  gas_used: fromBigInt(call.gasUsed),
  height: call.height,
  log: call.log.map(({ address, data, topics }) => ({
    address,
    data: ApiEncoding.encode("cb", data),
    topics: topics.map(fromBigInt)
  })),
  return_type: call.returnType,
  return_value: ApiEncoding.encode("cb", call.returnValue)
})

const entryTypes: ReadonlyArray<HistoryEntry["type"]> = ["report", "receive", "send", "request"]

const readEntry = (json: Json.Json): HistoryEntry => {
  const { info, tag, time, type } = objectOf(json)
  return {
    type: entryTypes.find((one) => one === type) ?? fail("expected report, receive, send or request here"),
    tag: text(tag),
    time: text(time),
    info: info ?? null
  }
}

const rows: Rows = {
  Ok: {
    isLike: (json) => json === "ok",
    read: () => ({ _tag: "Ok" }),
    write: () => "ok"
  },
  Pong: constant({ _tag: "Pong" }, { action: "system", tag: "pong" }),
  CallsPruned: constant({ _tag: "CallsPruned" }, { action: "calls_pruned" }),
  EmptyList: {
    isLike: (json) => Json.isArray(json) && json.length === 0,
    read: () => ({ _tag: "EmptyList" }),
    write: () => []
  },
  Balances: {
    isLike: isListOf(hasKeys("account", "balance")),
    read: (json) => ({ _tag: "Balances", balances: listOf(json).map(readBalance) }),
    write: ({ balances }) =>
      balances.map(({ account, balance }) => ({ account, balance: fromBigInt(balance) }))
  },
  History: {
    isLike: isListOf(hasKeys("type", "tag", "time", "info")),
    read: (json) => ({ _tag: "History", entries: listOf(json).map(readEntry) }),
    write: ({ entries }) => entries.map(({ info, tag, time, type }) => ({ info, tag, time, type }))
  },
  Poi: {
    isLike: hasKeys("poi"),
    read: (json) => ({ _tag: "Poi", poi: encoded("pi", objectOf(json)["poi"]) }),
    write: ({ poi }) => ({ poi })
  },
  OffChainState: {
    isLike: hasKeys("trees", "calls", "signed_tx", "half_signed_tx"),
    read: (json) => {
      const state = objectOf(json)
      const signed = (name: string) =>
        state[name] === "" ? undefined : SignedTx.fromTextOrThrow(text(state[name]))
      return {
        _tag: "OffChainState",
        trees: encoded("ss", state["trees"]),
        calls: encoded("cs", state["calls"]),
        signedTx: signed("signed_tx"),
        halfSignedTx: signed("half_signed_tx")
      }
    },
    write: ({ calls, halfSignedTx, signedTx, trees }) => ({
      calls,
      half_signed_tx: halfSignedTx === undefined ? "" : SignedTx.toText(halfSignedTx),
      signed_tx: signedTx === undefined ? "" : SignedTx.toText(signedTx),
      trees
    })
  },
  ContractCallResult: {
    isLike: hasKeys("caller_id", "return_type", "return_value"),
    read: (json) => ({ _tag: "ContractCallResult", call: readCall(json) }),
    write: ({ call }) => writeCall(call)
  },
  Contract: {
    isLike: hasKeys("contract", "contract_state"),
    read: (json) => {
      const { contract, contract_state: store } = objectOf(json)
      return { _tag: "Contract", contract: contract ?? null, store: store ?? null }
    },
    write: ({ contract, store }) => ({ contract, contract_state: store })
  }
}

/** Which kind a value notification brings. */
const kinds: ReadonlyMap<string, keyof Rows> = new Map([
  ["channels.system.pong", "Pong"],
  ["channels.calls_pruned.reply", "CallsPruned"],
  ["channels.get.balances.reply", "Balances"],
  ["channels.get.poi.reply", "Poi"],
  ["channels.get.offchain_state.reply", "OffChainState"],
  ["channels.get.contract_call.reply", "ContractCallResult"],
  ["channels.dry_run.call_contract.reply", "ContractCallResult"],
  ["channels.get.contract.reply", "Contract"],
  ["channels.history.fetch.reply", "History"]
])

const kept = (value: Json.Json): ReplyValue => ({ _tag: "UnknownValue", value })

const attempt = (row: Row<ReplyValue>, json: Json.Json): ReplyValue => {
  try {
    return row.read(json)
  } catch (error) {
    if (error instanceof DecodeError) return kept(json)
    throw error
  }
}

const all = Object.values(rows) as ReadonlyArray<Row<ReplyValue>>

const writeKind = <T extends keyof Rows>(tag: T, value: ByTag<T>): Json.Json => {
  const row: Row<ByTag<T>> = rows[tag]
  return row.write(value)
}

export const write = (value: ReplyValue): Json.Json =>
  value._tag === "UnknownValue" ? value.value : writeKind(value._tag, value)

/** Never fails: what is broken or not known is kept as it came, so that the reply still finds its request. */
export const read = (json: Json.Json): ReplyValue => {
  const row = all.find((one) => one.isLike(json))
  return row === undefined ? kept(json) : attempt(row, json)
}

/** The value of a value notification; undefined when the method is none. */
export const readNotified = (method: string, json: Json.Json): ReplyValue | undefined => {
  const kind = kinds.get(method)
  return kind === undefined ? undefined : attempt(rows[kind] as Row<ReplyValue>, json)
}
