/**
 * The methods of the client, one row each: name, parameters and how a node takes them. Both ends are derived from it.
 *
 * Specification: channel WebSocket API, client to node messages.
 */
import * as SignedTx from "../../chain/SignedTx.js"
import { DecodeError } from "../../encoding/DecodeError.js"
import * as Json from "../../encoding/Json.js"
import type { Swallowed } from "../Codec.js"
import * as ErrorCodes from "../ErrorCodes.js"
import type { Refusal } from "../NodeMessage.js"
import type { HistoryTag, HistoryType, Request, SigningError, SigningReply } from "../Request.js"
import { signTags } from "../SignTag.js"
import type { SignTag } from "../SignTag.js"
import { formIn, formOf } from "./accent.js"
import type { Accent, SigningForm } from "./accent.js"
import * as Fields from "./fields.js"
import { bad, swallowed } from "./fields.js"
import type { Field } from "./fields.js"

/** What a node does with a request that is not of the given shape, or the request. */
export type Taken<R> = R | Refusal | Swallowed

/** Requests that answer signing requests have rows of their own: the signing table. */
export type Plain = Exclude<Request, SigningReply | SigningError>
type PlainTag = Plain["_tag"]
type ByTag<T extends PlainTag> = Extract<Plain, { readonly _tag: T }>

type FieldsOf<R> = { readonly [K in Exclude<keyof R, "_tag">]-?: Field<Exclude<R[K], undefined>> }

/**
 * What a node does with `params` that are no object: `required`: -32601, also without them. `optional`: without them
 * is as with none. `present`: -32601 only without them. In the latter two the handler breaks on anything that is no
 * object. `ignored`: it does not look.
 */
type Params = "required" | "optional" | "present" | "ignored"

const unhandled = ErrorCodes.reasons.unhandled

interface Options<R> {
  readonly params: Params
  /** Parameters with one value each; they tell methods apart. */
  readonly constant: Json.JsonObject
  /** Checked last. */
  readonly guard: (request: R) => Refusal | Swallowed | undefined
  /** Method of the value notification, without prefix; undefined where no value is due. */
  readonly reply: string | undefined
}

/** One method, ready for use at both ends. */
interface Row {
  /** Without the prefix `channels.`. */
  readonly method: string
  readonly params: Params
  readonly constant: ReadonlyArray<readonly [string, Json.Json]>
  readonly reply: string | undefined
  readonly read: (params: Json.JsonObject) => Taken<Plain>
  readonly write: (request: Request) => Json.JsonObject
}

type Rows = { readonly [T in PlainTag]: Row }

interface Entry {
  readonly key: string
  readonly field: Field<unknown>
}

/** The value of a field, its default, or `bad`. */
const readField = (params: Json.JsonObject, field: Field<unknown>): unknown => {
  const json = Object.hasOwn(params, field.wire) ? params[field.wire] : undefined
  return json === undefined ? field.absent : field.read(json)
}

/** One after the other: the first bad one ends it. */
const readEach = (
  params: Json.JsonObject,
  entries: ReadonlyArray<Entry>,
  request: Record<string, unknown>
): Refusal | Swallowed | undefined => {
  for (const { key, field } of entries) {
    const value = readField(params, field)
    if (value === bad) return field.onBad
    if (value !== undefined) request[key] = value
  }
  return undefined
}

/** All together: every kind of bad one is told, once. */
const readTogether = (
  params: Json.JsonObject,
  entries: ReadonlyArray<Entry>,
  request: Record<string, unknown>
): Refusal | Swallowed | undefined => {
  let refusal: Refusal | undefined
  for (const { key, field } of entries) {
    const value = readField(params, field)
    if (value !== bad) {
      if (value !== undefined) request[key] = value
    } else if (field.onBad._tag === "Swallowed") {
      return field.onBad
    } else {
      const codes: ReadonlyArray<number> = refusal?.data ?? []
      const more = field.onBad.data.filter((code) => !codes.includes(code))
      refusal = ErrorCodes.make(field.onBad.code, [...codes, ...more])
    }
  }
  return refusal
}

/** The row of a method, from its parameters in the order in which a node looks at those of one pass. */
const row = <R extends Plain>(
  tag: R["_tag"],
  method: string,
  fields: FieldsOf<R>,
  options: Partial<Options<R>> = {}
): Row => {
  const entries = (Object.entries(fields) as ReadonlyArray<readonly [string, Field<unknown>]>).map(
    ([key, field]): Entry => ({ key, field })
  )
  const inPass = (pass: Fields.Pass) => entries.filter(({ field }) => field.pass === pass)
  const [integers, encodings, rest] = [inPass("integer"), inPass("encoding"), inPass("rest")]
  const needed = entries.filter(({ field }) => field.required).map(({ field }) => field.wire)
  const { constant = {}, guard } = options
  return {
    method,
    params: options.params ?? "required",
    constant: Object.entries(constant),
    reply: options.reply,
    read: (params) => {
      for (const name of needed) if (!Object.hasOwn(params, name)) return unhandled
      const request: Record<string, unknown> = { _tag: tag }
      const outcome =
        readEach(params, integers, request) ??
        readTogether(params, encodings, request) ??
        readEach(params, rest, request)
      if (outcome !== undefined) return outcome
      const whole = request as R
      return guard?.(whole) ?? whole
    },
    write: (request) => {
      const source: { readonly [key: string]: unknown } = { ...request }
      const params: Record<string, Json.Json> = { ...constant }
      for (const { key, field } of entries) {
        const value = source[key]
        const json = value === undefined ? undefined : field.write(value)
        if (json !== undefined) params[field.wire] = json
      }
      return params
    }
  }
}

const notAnObject = swallowed("params", "params that are no object break the node's handler")

const onChainOptions = {
  nonce: Fields.onChainInteger("nonce"),
  fee: Fields.onChainInteger("fee"),
  gasPrice: Fields.onChainInteger("gas_price")
}

const updateOptions = { blockHash: Fields.blockHash("block_hash"), meta: Fields.meta("meta") }

// A node looks at these the other way round where the update is also an on-chain transaction.
const depositOptions = {
  meta: Fields.meta("meta"),
  blockHash: Fields.blockHash("block_hash"),
  ...onChainOptions
}

const contractCall = ({ names }: Accent) => ({
  amount: Fields.integer("amount"),
  abiVersion: Fields.smallInteger("abi_version"),
  contractId: Fields.contract(names.contract),
  callData: Fields.bytes("call_data")
})

const noNegative = ({ amount }: { readonly amount: bigint }): Refusal | undefined =>
  amount < 0n ? ErrorCodes.reasons.negative_amount : undefined

const negative = swallowed(
  "negative",
  "a negative amount, deposit, gas or gas price breaks the node's handler"
)

const noRound = swallowed("round", "a round that is not positive breaks the node's handler")

const breaksIfNegative = ({ amount }: { readonly amount: bigint }): Swallowed | undefined =>
  amount < 0n ? negative : undefined

const historyTypes: ReadonlyArray<HistoryType> = ["rpt", "rcv", "snd", "req"]

const historyTags: ReadonlyArray<HistoryTag> = [
  "info",
  "on_chain_tx",
  "conflict",
  "update",
  "leave",
  "error",
  "debug"
]

/** Gas of a forced call that names none. */
const defaultGas = 1_000_000n

/** UTF-8 bytes that fit into one message between nodes. */
const maximumMessage = 65_000

const transfers = {
  Transfer: row<ByTag<"Transfer">>(
    "Transfer",
    "update.new",
    {
      amount: Fields.integer("amount"),
      from: Fields.account("from"),
      to: Fields.account("to"),
      ...updateOptions
    },
    { guard: noNegative }
  ),
  Deposit: row<ByTag<"Deposit">>(
    "Deposit",
    "deposit",
    { amount: Fields.integer("amount"), ...depositOptions },
    { guard: noNegative }
  ),
  Withdraw: row<ByTag<"Withdraw">>(
    "Withdraw",
    "withdraw",
    { amount: Fields.integer("amount"), ...depositOptions },
    { guard: noNegative }
  ),
  Shutdown: row<ByTag<"Shutdown">>("Shutdown", "shutdown", onChainOptions, { params: "optional" }),
  Leave: row<ByTag<"Leave">>("Leave", "leave", {}, { params: "ignored" }),
  SendMessage: row<ByTag<"SendMessage">>("SendMessage", "message", {
    to: Fields.account("to"),
    from: Fields.optionalAccount("from"),
    info: Fields.shortText("info", maximumMessage)
  }),
  Ping: row<ByTag<"Ping">>("Ping", "system", {}, { constant: { action: "ping" }, reply: "system.pong" }),
  Stop: row<ByTag<"Stop">>("Stop", "system", {}, { constant: { action: "stop" } }),
  AssumeMinimumDepth: row<ByTag<"AssumeMinimumDepth">>("AssumeMinimumDepth", "assume_minimum_depth", {
    txHash: Fields.txHash("tx_hash")
  })
}

const contracts = (accent: Accent) => ({
  NewContract: row<ByTag<"NewContract">>(
    "NewContract",
    "update.new_contract",
    {
      deposit: Fields.integer("deposit"),
      vmVersion: Fields.smallInteger("vm_version"),
      abiVersion: Fields.smallInteger("abi_version"),
      code: Fields.bytes("code"),
      callData: Fields.bytes("call_data"),
      ...updateOptions
    },
    { guard: ({ deposit }) => (deposit < 0n ? negative : undefined) }
  ),
  NewContractFromOnChain: row<ByTag<"NewContractFromOnChain">>(
    "NewContractFromOnChain",
    "update.new_contract_from_onchain",
    {
      deposit: Fields.integer("deposit"),
      contractId: Fields.contract(accent.names.contract),
      callData: Fields.bytes("call_data")
    },
    { guard: ({ deposit }) => (deposit < 0n ? negative : undefined) }
  ),
  CallContract: row<ByTag<"CallContract">>(
    "CallContract",
    "update.call_contract",
    { ...contractCall(accent), ...updateOptions },
    { guard: breaksIfNegative }
  ),
  DryRunContract: row<ByTag<"DryRunContract">>(
    "DryRunContract",
    "dry_run.call_contract",
    { ...contractCall(accent), ...updateOptions },
    { guard: breaksIfNegative, reply: "dry_run.call_contract.reply" }
  ),
  GetContractCall: row<ByTag<"GetContractCall">>(
    "GetContractCall",
    "get.contract_call",
    {
      round: Fields.smallInteger("round"),
      contractId: Fields.contract(accent.names.contract),
      callerId: Fields.account(accent.names.caller)
    },
    {
      guard: ({ round }) => (round > 0 ? undefined : noRound),
      reply: "get.contract_call.reply"
    }
  ),
  GetContract: row<ByTag<"GetContract">>(
    "GetContract",
    "get.contract",
    { contractId: Fields.contract("pubkey") },
    { reply: "get.contract.reply" }
  ),
  CleanContractCalls: row<ByTag<"CleanContractCalls">>(
    "CleanContractCalls",
    "clean_contract_calls",
    {},
    { params: "ignored", reply: "calls_pruned.reply" }
  ),
  ForceProgress: row<ByTag<"ForceProgress">>("ForceProgress", "force_progress", forcedCall(accent), {
    guard: ({ amount, gas, gasPrice }) => (amount < 0n || gas < 0n || gasPrice < 0n ? negative : undefined)
  })
})

// Whatever text is broken, the node says that an account's is. And it does not check the gas before it uses it.
const forcedCall = (accent: Accent) => {
  const call = contractCall(accent)
  return {
    amount: call.amount,
    abiVersion: call.abiVersion,
    gasPrice: Fields.integer("gas_price"),
    contractId: Fields.answering(call.contractId, ErrorCodes.reasons.broken_encoding_account),
    callData: Fields.answering(call.callData, ErrorCodes.reasons.broken_encoding_account),
    nonce: Fields.onChainInteger("nonce"),
    gas: Fields.answering(
      Fields.orElse<bigint>({ ...Fields.integer("gas"), pass: "rest" }, defaultGas, () => false),
      negative
    )
  }
}

const getters = {
  GetBalances: row<ByTag<"GetBalances">>(
    "GetBalances",
    "get.balances",
    { accounts: Fields.accounts("accounts") },
    { reply: "get.balances.reply" }
  ),
  GetPoi: row<ByTag<"GetPoi">>(
    "GetPoi",
    "get.poi",
    {
      accounts: Fields.orEmpty(Fields.accounts("accounts")),
      contracts: Fields.orEmpty(Fields.contracts("contracts"))
    },
    { params: "present", reply: "get.poi.reply" }
  ),
  GetOffChainState: row<ByTag<"GetOffChainState">>(
    "GetOffChainState",
    "get.offchain_state",
    {},
    { reply: "get.offchain_state.reply" }
  ),
  FetchHistory: row<ByTag<"FetchHistory">>(
    "FetchHistory",
    "history.fetch",
    {
      n: Fields.count("n", 10),
      types: Fields.words("type", historyTypes),
      tags: Fields.words("tag", historyTags)
    },
    { params: "present", reply: "history.fetch.reply" }
  )
}

const solo = {
  SnapshotSolo: row<ByTag<"SnapshotSolo">>("SnapshotSolo", "snapshot_solo", onChainOptions, {
    params: "optional"
  }),
  CloseSolo: row<ByTag<"CloseSolo">>("CloseSolo", "close_solo", onChainOptions, { params: "optional" }),
  Slash: row<ByTag<"Slash">>("Slash", "slash", onChainOptions, { params: "optional" }),
  Settle: row<ByTag<"Settle">>("Settle", "settle", onChainOptions, { params: "optional" })
}

/** A signing error code: 1 to 65535, decimal text counts as well. */
const errorCode = (json: Json.Json): number | undefined => {
  const code = typeof json === "string" ? Fields.decimal(json) : Json.toBigInt(json)
  return code !== undefined && code >= 1n && code <= 0xffffn ? Number(code) : undefined
}

/** The tag under which a node files the reply named like the request; it never matches. */
const misnamed = "snapshot_solo_tx"

const readSigningError = (json: Json.Json, tag: SignTag, isMisnamed: boolean): Taken<SigningError> => {
  const code = errorCode(json)
  if (code === undefined) return ErrorCodes.reasons.error_code
  return isMisnamed ? ErrorCodes.reasons.not_allowed_now : { _tag: "SigningError", tag, code }
}

const misleading = swallowed("misnamed", "the reply to sign.snapshot_solo_tx is named snapshot_solo_sign")

const textReasons = ["invalid_prefix", "invalid_encoding"]

const readSignedTx = (
  json: Json.Json,
  tag: SignTag,
  isMisnamed: boolean,
  { bare }: SigningForm
): Taken<SigningReply> => {
  if (typeof json !== "string") return ErrorCodes.reasons.broken_encoding_transaction
  try {
    const signedTx = SignedTx.fromTextOrThrow(json)
    return isMisnamed ? misleading : { _tag: "SigningReply", tag, signedTx, ...(bare && { bare: true }) }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const isAboutText = error.where.length === 0 && textReasons.includes(error.reason)
    return isAboutText ? ErrorCodes.reasons.broken_encoding_transaction : { _tag: "Swallowed", error }
  }
}

const isAcceptable = (params: Json.Json | undefined, how: Params): boolean =>
  Json.isObject(params) || how === "ignored" || (how === "optional" && params === undefined)

const misshapen = (params: Json.Json | undefined, how: Params): Refusal | Swallowed =>
  how === "required" || params === undefined ? unhandled : notAnObject

/** The methods of a dialect. */
export interface Methods {
  /** Node: takes a request apart. */
  readonly take: (method: Json.Json | undefined, params: Json.Json | undefined) => Taken<Request>
  /** Client: name and parameters. */
  readonly give: (request: Request) => { readonly method: string; readonly params: Json.JsonObject }
  /** Name of the notification that brings the value of a request without an id. */
  readonly replyMethod: (request: Request) => string | undefined
}

const prefix = "channels."

export const make = (accent: Accent): Methods => {
  const rows: Rows = { ...transfers, ...contracts(accent), ...getters, ...solo }
  const byMethod = new Map<string, ReadonlyArray<Row>>()
  for (const [tag, one] of Object.entries(rows) as ReadonlyArray<[PlainTag, Row]>) {
    if (accent.unknown.has(tag)) continue
    const method = `${prefix}${one.method}`
    byMethod.set(method, [...(byMethod.get(method) ?? []), one])
  }
  const signing = signingMethods()

  const takePlain = (candidates: ReadonlyArray<Row>, params: Json.Json | undefined): Taken<Plain> => {
    for (const one of candidates) {
      if (!isAcceptable(params, one.params)) return misshapen(params, one.params)
      const given = Json.isObject(params) ? params : {}
      if (one.constant.every(([name, value]) => given[name] === value)) return one.read(given)
    }
    return unhandled
  }

  const takeSigning = (method: string, tag: SignTag, params: Json.Json | undefined): Taken<Request> => {
    if (!Json.isObject(params)) return unhandled
    const isMisnamed = method === `${prefix}${misnamed}`
    // The error counts when both are there.
    const error = Object.hasOwn(params, "error") ? params["error"] : undefined
    if (error !== undefined) return readSigningError(error, tag, isMisnamed)
    const form = formIn(accent, params)
    const signed = form === undefined ? undefined : params[form.name]
    return form === undefined || signed === undefined
      ? unhandled
      : readSignedTx(signed, tag, isMisnamed, form)
  }

  /** Under their second names as well. */
  const twice = (params: Json.JsonObject): Json.JsonObject => {
    const more = Object.entries(params).flatMap(([name, value]) => {
      const also = accent.alsoNamed[name]
      return also === undefined ? [] : [[also, value] as const]
    })
    return more.length === 0 ? params : { ...params, ...Object.fromEntries(more) }
  }

  return {
    take: (method, params) => {
      if (typeof method !== "string") return unhandled
      const tag = signing.get(method)
      if (tag !== undefined) return takeSigning(method, tag, params)
      const candidates = byMethod.get(method)
      return candidates === undefined ? unhandled : takePlain(candidates, params)
    },
    give: (request) => {
      switch (request._tag) {
        case "SigningReply":
          return {
            method: `${prefix}${signTags[request.tag].reply}`,
            params: { [formOf(accent, request.bare).name]: SignedTx.toText(request.signedTx) }
          }
        case "SigningError":
          return { method: `${prefix}${signTags[request.tag].reply}`, params: { error: request.code } }
        default: {
          const one = rows[request._tag]
          return { method: `${prefix}${one.method}`, params: twice(one.write(request)) }
        }
      }
    },
    replyMethod: (request) => {
      if (request._tag === "SigningReply" || request._tag === "SigningError") return undefined
      const { reply } = rows[request._tag]
      return reply === undefined ? undefined : `${prefix}${reply}`
    }
  }
}

/** Every name of every signing reply. */
const signingMethods = (): ReadonlyMap<string, SignTag> => {
  const methods = new Map<string, SignTag>([[`${prefix}${misnamed}`, "snapshot_solo_tx"]])
  for (const tag of Object.keys(signTags) as ReadonlyArray<SignTag>) {
    const { alsoAccepted, reply } = signTags[tag]
    for (const name of [reply, ...alsoAccepted]) methods.set(`${prefix}${name}`, tag)
  }
  return methods
}
