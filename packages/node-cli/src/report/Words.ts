/**
 * What a frame says, in few words.
 *
 * @since 0.1.0
 */
import type { SignedTx } from "@aechannel/core/chain/SignedTx"
import { bodyHash, innermost, metaLayers } from "@aechannel/core/chain/SignedTx"
import { typeName } from "@aechannel/core/chain/Transaction"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import type { NodeMessage, Report } from "@aechannel/core/protocol/NodeMessage"
import type { Request } from "@aechannel/core/protocol/Request"
import type { Update } from "@aechannel/core/state/Update"
import { formatAe } from "../Amounts.js"

/**
 * What a frame is about; renderers choose colours by it.
 *
 * @since 0.1.0
 * @category models
 */
export type Tone =
  | "request"
  | "sign"
  | "state"
  | "chain"
  | "info"
  | "message"
  | "reply"
  | "quiet"
  | "conflict"
  | "error"

/** What an account is called. @since 0.1.0 @category models */
export type Names = (address: string) => string

/** What a message says. @since 0.1.0 @category models */
export interface Words {
  readonly tone: Tone
  readonly text: string
  readonly tx?: SignedTx
}

/** The first and last characters of an id. @since 0.1.0 @category formatting */
export const shorten = (id: string): string => (id.length > 20 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id)

/** An amount in AE with more characters than this is hard to read, unless it is more than one AE. */
const longestAe = 12

/**
 * An amount as AE where that is short, else in aettos with its digits in groups.
 *
 * @since 0.1.0
 * @category formatting
 */
export const amount = (aettos: bigint): string => {
  const absolute = aettos < 0n ? -aettos : aettos
  const inAe = formatAe(aettos)
  if (absolute >= 10n ** 18n || (absolute !== 0n && inAe.length <= longestAe)) return inAe
  const digits = absolute.toString().replaceAll(/\B(?=(\d{3})+$)/g, "\u202f")
  return `${aettos < 0n ? "-" : ""}${digits} ${absolute === 1n ? "aetto" : "aettos"}`
}

/** The round that a transaction belongs to. @since 0.1.0 @category accessors */
export const roundOf = (signedTx: SignedTx): number | undefined => {
  const { tx } = innermost(signedTx)
  if (tx._tag === "ChannelCreateTx") return 1
  return "round" in tx ? Number(tx.round) : undefined
}

const kindOf = (signedTx: SignedTx): string =>
  typeName(innermost(signedTx).tx)
    .replace(/^channel_/, "")
    .replace(/_tx$/, "")

const ofTx = (signedTx: SignedTx, names: Names): string => {
  const { tx } = innermost(signedTx)
  switch (tx._tag) {
    case "ChannelOffchainTx":
      return `round ${tx.round}`
    case "ChannelCreateTx":
      return `create: ${names(tx.initiatorId)} ${amount(tx.initiatorAmount)}, ${names(tx.responderId)} ${amount(tx.responderAmount)}`
    case "ChannelDepositTx":
      return `deposit of ${amount(tx.amount)} by ${names(tx.fromId)}`
    case "ChannelWithdrawTx":
      return `withdrawal of ${amount(tx.amount)} to ${names(tx.toId)}`
    case "ChannelCloseMutualTx":
    case "ChannelSettleTx":
      return `${tx._tag === "ChannelSettleTx" ? "settle" : "close"}: initiator ${amount(tx.initiatorAmountFinal)}, responder ${amount(tx.responderAmountFinal)}`
    case "ChannelSnapshotSoloTx":
    case "ChannelCloseSoloTx":
    case "ChannelSlashTx":
    case "ChannelForceProgressTx":
      return `${kindOf(signedTx).replaceAll("_", " ")} by ${names(tx.fromId)}`
    default:
      return kindOf(signedTx)
  }
}

/** Which transaction it is, for those who have seen what is in it. */
const named = (signedTx: SignedTx): string => {
  const { tx } = innermost(signedTx)
  return tx._tag === "ChannelOffchainTx" ? `round ${tx.round}` : kindOf(signedTx).replaceAll("_", " ")
}

const signatures = (signedTx: SignedTx): string => {
  const metas = metaLayers(signedTx).length
  const count = innermost(signedTx).signatures.length
  return [
    metas > 0 ? `${metas} meta` : "",
    count > 0 ? `${count} signature${count === 1 ? "" : "s"}` : metas === 0 ? "unsigned" : ""
  ]
    .filter((part) => part !== "")
    .join(" + ")
}

const ofUpdate = (update: Update, names: Names): string => {
  switch (update._tag) {
    case "OffChainTransfer":
      return `${amount(update.amount)} ${names(update.from)} → ${names(update.to)}`
    case "OffChainMeta":
      return `note “${update.data}”`
    case "OffChainDeposit":
      return `deposit ${amount(update.amount)}`
    case "OffChainWithdrawal":
      return `withdraw ${amount(update.amount)}`
    case "OffChainNewContract":
      return `new contract of ${names(update.owner)}, deposit ${amount(update.deposit)}`
    case "OffChainCallContract":
      return `${names(update.callerId)} calls ${shorten(update.contractId)} with ${amount(update.amount)}`
  }
}

const meta = (notes: ReadonlyArray<string>): string => notes.map((note) => `, note “${note}”`).join("")

/** A request of a client. @since 0.1.0 @category formatting */
export const ofRequest = (request: Request, names: Names): Words => {
  const say = (text: string, tone: Tone = "request"): Words => ({ tone, text })
  switch (request._tag) {
    case "Transfer":
      return say(
        `${amount(request.amount)} ${names(request.from)} → ${names(request.to)}${meta(request.meta)}`
      )
    case "Deposit":
    case "Withdraw":
      return say(`${amount(request.amount)}${meta(request.meta)}`)
    case "SendMessage":
      return say(`“${request.info}”`, "message")
    case "SigningReply":
      return {
        tone: "sign",
        text: `signed ${named(request.signedTx)} (${signatures(request.signedTx)})`,
        tx: request.signedTx
      }
    case "SigningError":
      return say(`declined with code ${request.code}`, "conflict")
    case "NewContract":
      return say(`new contract, deposit ${amount(request.deposit)}`)
    case "NewContractFromOnChain":
      return say(`code of ${shorten(request.contractId)}, deposit ${amount(request.deposit)}`)
    case "CallContract":
    case "DryRunContract":
    case "ForceProgress":
      return say(`call ${shorten(request.contractId)} with ${amount(request.amount)}`)
    case "GetContract":
      return say(shorten(request.contractId), "reply")
    case "GetContractCall":
      return say(`round ${request.round} of ${shorten(request.contractId)}`, "reply")
    case "GetBalances":
    case "GetPoi":
      return say(request.accounts.map(names).join(", "), "reply")
    case "AssumeMinimumDepth":
      return say(shorten(request.txHash))
    case "FetchHistory":
      return say(`${request.n} entries`, "reply")
    case "Ping":
      return say("", "quiet")
    case "GetOffChainState":
      return say("", "reply")
    default:
      return say("")
  }
}

const badEvents: ReadonlySet<string> = new Set([
  "died",
  "timeout",
  "bad_signature",
  "bad_state_hash",
  "not_create_tx",
  "zombie_channel"
])

const ofReport = (report: Report, names: Names): Words => {
  switch (report._tag) {
    case "Info": {
      const { event, txType } = report
      const text = txType === undefined ? event : `${event} (${txType})`
      if (badEvents.has(event)) return { tone: "error", text }
      return { tone: event === "aborted_update" ? "conflict" : "info", text }
    }
    case "OnChainTx":
      return {
        tone: "chain",
        text: `${report.info === undefined ? "" : `${report.info} · `}${ofTx(report.tx, names)}`,
        tx: report.tx
      }
    case "StateUpdate":
      return { tone: "state", text: `co-signed ${ofTx(report.state, names)}`, tx: report.state }
    case "LeaveReport":
      return { tone: "state", text: `left at ${ofTx(report.state, names)}`, tx: report.state }
    case "Conflict":
      return {
        tone: "conflict",
        text: `${report.errorCode === undefined ? "" : `code ${report.errorCode}${report.errorMessage === undefined ? "" : ` ${report.errorMessage}`}, `}back to round ${report.round}`
      }
    case "MessageReport":
      return { tone: "message", text: `“${report.info}” from ${names(report.from)}` }
    case "SignRequest": {
      const updates = report.updates.map((update) => ofUpdate(update, names))
      const count = report.bare === true ? "" : ` (${signatures(report.signedTx)})`
      const what = ofTx(report.signedTx, names)
      const shown = innermost(report.signedTx).tx._tag === "ChannelOffchainTx" ? updates : []
      return {
        tone: "sign",
        text: `${[what, ...shown].join(": ")}${count}`,
        tx: report.signedTx
      }
    }
    case "ErrorReport":
      return { tone: "error", text: report.message }
    case "DebugReport":
      return { tone: "quiet", text: "debug" }
    case "UnknownReport":
      return { tone: "info", text: "unknown to this version" }
  }
}

/** A message of a node. @since 0.1.0 @category formatting */
export const ofNodeMessage = (message: NodeMessage, names: Names): Words => {
  if (message._tag === "Reported") return ofReport(message.report, names)
  if (message._tag === "Refused") {
    const reasons = message.data.map(({ code, message }) => `, ${code} ${message}`).join("")
    return { tone: "error", text: `refused: ${message.code} ${message.message}${reasons}` }
  }
  const { value } = message
  switch (value._tag) {
    case "Ok":
    case "Pong":
      return { tone: "quiet", text: value._tag.toLowerCase() }
    case "Balances":
      return {
        tone: "reply",
        text: value.balances.map(({ account, balance }) => `${names(account)} ${amount(balance)}`).join(", ")
      }
    case "OffChainState":
      return value.signedTx === undefined
        ? { tone: "reply", text: "the whole state" }
        : { tone: "reply", text: `the whole state, ${ofTx(value.signedTx, names)}`, tx: value.signedTx }
    case "ContractCallResult":
      return {
        tone: value.call.returnType === "ok" ? "reply" : "error",
        text: `${value.call.returnType}, ${value.call.gasUsed} gas used`
      }
    case "History":
      return { tone: "reply", text: `${value.entries.length} entries` }
    case "EmptyList":
      return { tone: "reply", text: "nothing" }
    case "Poi":
      return { tone: "reply", text: "proof of inclusion" }
    case "Contract":
      return { tone: "reply", text: "contract" }
    case "CallsPruned":
      return { tone: "reply", text: "calls forgotten" }
    case "UnknownValue":
      return { tone: "reply", text: "unknown to this version" }
  }
}

const shownValue = (key: string, value: unknown): string | undefined => {
  if (typeof value === "bigint") {
    return /amount|fee|reserve/i.test(key) ? amount(value) : value.toString()
  }
  if (typeof value === "string" || typeof value === "number") return String(value)
  if (value instanceof Uint8Array) {
    const hex = Bytes.toHex(value.subarray(0, 33))
    return value.length > 32 ? `${hex.slice(0, 64)}… (${value.length} bytes)` : hex
  }
  if (Array.isArray(value)) return value.map((item) => shownValue(key, item) ?? "…").join(", ") || "none"
  return undefined
}

const spaced = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

/**
 * The fields of a transaction, by name.
 *
 * @since 0.1.0
 * @category formatting
 */
export const factsOf = (signedTx: SignedTx): ReadonlyArray<readonly [name: string, value: string]> => {
  const body = innermost(signedTx)
  const fields = Object.entries(body.tx).flatMap(([key, value]): Array<readonly [string, string]> => {
    const shown = key === "_tag" ? undefined : shownValue(key, value)
    return shown === undefined ? [] : [[spaced(key), shown]]
  })
  return [
    ["transaction", typeName(body.tx)],
    ["hash", bodyHash(signedTx)],
    ["signed by", signatures(signedTx)],
    ...fields
  ]
}
