/**
 * A channel's conversation in words: one line for each frame, as it passes.
 *
 * @since 0.1.0
 */
import type { SignedTx } from "@aechannel/core/chain/SignedTx"
import { innermost } from "@aechannel/core/chain/SignedTx"
import { typeName } from "@aechannel/core/chain/Transaction"
import type { NodeMessage, Report } from "@aechannel/core/protocol/NodeMessage"
import type { Request } from "@aechannel/core/protocol/Request"
import { signTagRow } from "@aechannel/core/protocol/SignTag"
import type { Update } from "@aechannel/core/state/Update"
import { formatAe } from "./Amounts.js"

/**
 * What a party is called in the conversation, by address.
 *
 * @since 0.1.0
 * @category models
 */
export type Names = (address: string) => string

const roundOf = (signedTx: SignedTx): string => {
  const { tx } = innermost(signedTx)
  if (tx._tag === "ChannelCreateTx") return "round 1"
  return "round" in tx ? `round ${tx.round}` : ""
}

const describeTx = (signedTx: SignedTx, names: Names): string => {
  const { tx } = innermost(signedTx)
  const signatures = `${signedTx.signatures.length} signature${signedTx.signatures.length === 1 ? "" : "s"}`
  const facts = [roundOf(signedTx), signatures].filter((fact) => fact !== "").join(", ")
  switch (tx._tag) {
    case "ChannelCreateTx":
      return `create (${names(tx.initiatorId)} ${formatAe(tx.initiatorAmount)}, ${names(tx.responderId)} ${formatAe(tx.responderAmount)}, fee ${formatAe(tx.fee)}; ${facts})`
    case "ChannelCloseMutualTx":
      return `close (${formatAe(tx.initiatorAmountFinal)} and ${formatAe(tx.responderAmountFinal)} paid out, fee ${formatAe(tx.fee)}; ${facts})`
    case "ChannelOffchainTx":
      return `state (${facts})`
    case "ChannelDepositTx":
      return `deposit (${formatAe(tx.amount)} by ${names(tx.fromId)}, fee ${formatAe(tx.fee)}; ${facts})`
    case "ChannelWithdrawTx":
      return `withdrawal (${formatAe(tx.amount)} by ${names(tx.toId)}, fee ${formatAe(tx.fee)}; ${facts})`
    case "ChannelSnapshotSoloTx":
      return `snapshot (by ${names(tx.fromId)}, fee ${formatAe(tx.fee)}; ${facts})`
    case "ChannelCloseSoloTx":
      return `solo closing (by ${names(tx.fromId)}, fee ${formatAe(tx.fee)}; ${facts})`
    case "ChannelSlashTx":
      return `slash (by ${names(tx.fromId)}, fee ${formatAe(tx.fee)}; ${facts})`
    case "ChannelSettleTx":
      return `settlement (${formatAe(tx.initiatorAmountFinal)} and ${formatAe(tx.responderAmountFinal)} paid out, by ${names(tx.fromId)}, fee ${formatAe(tx.fee)}; ${facts})`
    case "ChannelForceProgressTx":
      return `forced progress (by ${names(tx.fromId)}, fee ${formatAe(tx.fee)}; ${facts})`
    default:
      return `${typeName(tx)} (${facts})`
  }
}

const withAmount = (amount: bigint): string => (amount === 0n ? "" : ` with ${formatAe(amount)}`)

const describeUpdate = (update: Update, names: Names): string => {
  switch (update._tag) {
    case "OffChainTransfer":
      return `${formatAe(update.amount)} from ${names(update.from)} to ${names(update.to)}`
    case "OffChainMeta":
      return `note “${update.data}”`
    case "OffChainDeposit":
      return `deposit of ${formatAe(update.amount)} by ${names(update.from)}`
    case "OffChainWithdrawal":
      return `withdrawal of ${formatAe(update.amount)} by ${names(update.to)}`
    case "OffChainNewContract":
      return `new contract of ${names(update.owner)}${withAmount(update.deposit)}`
    case "OffChainCallContract":
      return `call of ${update.contractId} by ${names(update.callerId)}${withAmount(update.amount)}`
  }
}

/**
 * A request of a client in words; nothing for what would only be noise.
 *
 * @since 0.1.0
 * @category formatting
 */
export const describeRequest = (request: Request, names: Names): string => {
  switch (request._tag) {
    case "Transfer":
      return `propose ${formatAe(request.amount)} from ${names(request.from)} to ${names(request.to)}${request.meta.map((note) => `, note “${note}”`).join("")}`
    case "SendMessage":
      return `message to ${names(request.to)}: “${request.info}”`
    case "SigningReply":
      return `signed ${signTagRow(request.tag).reply}: ${describeTx(request.signedTx, names)}`
    case "SigningError":
      return `decline ${signTagRow(request.tag).reply} with code ${request.code}`
    case "Deposit":
      return `propose to deposit ${formatAe(request.amount)}${request.meta.map((note) => `, note “${note}”`).join("")}`
    case "Withdraw":
      return `propose to withdraw ${formatAe(request.amount)}${request.meta.map((note) => `, note “${note}”`).join("")}`
    case "NewContract":
      return `propose a contract${withAmount(request.deposit)}`
    case "CallContract":
      return `propose to call ${request.contractId}${withAmount(request.amount)}`
    case "DryRunContract":
      return `what would a call of ${request.contractId}${withAmount(request.amount)} come to?`
    case "ForceProgress":
      return `have the chain call ${request.contractId}${withAmount(request.amount)}`
    case "GetContract":
      return `what is in ${request.contractId}?`
    case "GetContractCall":
      return `what came of the call of ${request.contractId} by ${names(request.callerId)} in round ${request.round}?`
    case "CleanContractCalls":
      return "forget what came of earlier calls"
    case "Shutdown":
      return "propose to close the channel together"
    case "SnapshotSolo":
      return "put our latest state on chain"
    case "CloseSolo":
      return "close the channel alone, with our latest state"
    case "Slash":
      return "answer the older state on chain with our latest"
    case "Settle":
      return "pay out what the closing says"
    case "AssumeMinimumDepth":
      return "take the transaction as deep enough"
    case "FetchHistory":
      return "what is in the log?"
    case "Leave":
      return "leave the channel open and go"
    case "GetBalances":
      return "what are the balances?"
    case "GetOffChainState":
      return "what is the whole state?"
    case "GetPoi":
      return "a proof of inclusion, please"
    default:
      return request._tag
  }
}

const describeReport = (report: Report, names: Names): string => {
  switch (report._tag) {
    case "Info":
      return `info: ${report.event}`
    case "OnChainTx":
      return `on chain: ${report.info ?? "transaction"}, ${describeTx(report.tx, names)}`
    case "StateUpdate":
      return `co-signed: ${describeTx(report.state, names)}`
    case "LeaveReport":
      return `left with ${describeTx(report.state, names)}`
    case "Conflict":
      return `conflict: code ${report.errorCode ?? "?"} (${report.errorMessage ?? "no reason given"}), back to round ${report.round}`
    case "MessageReport":
      return `message from ${names(report.from)}: “${report.info}”`
    case "SignRequest":
      return `please sign ${report.tag}: ${describeTx(report.signedTx, names)}${report.updates.map((update) => `, ${describeUpdate(update, names)}`).join("")}`
    case "ErrorReport":
      return `error: ${report.message}`
    case "DebugReport":
      return "debug"
    case "UnknownReport":
      return `${report.method} (unknown to this version)`
  }
}

/**
 * A message of a node in words.
 *
 * @since 0.1.0
 * @category formatting
 */
export const describeNodeMessage = (message: NodeMessage, names: Names): string => {
  switch (message._tag) {
    case "Reported":
      return describeReport(message.report, names)
    case "Refused":
      return `refused: ${message.code} ${message.message}${message.data.map(({ code, message }) => `, ${code} ${message}`).join("")}`
    case "Replied":
      switch (message.value._tag) {
        case "Ok":
          return "ok"
        case "Balances":
          return `balances: ${message.value.balances.map(({ account, balance }) => `${names(account)} ${formatAe(balance)}`).join(", ")}`
        case "OffChainState": {
          const { signedTx } = message.value
          return `the whole state${signedTx === undefined ? "" : `: ${describeTx(signedTx, names)}`}`
        }
        case "ContractCallResult": {
          const { gasUsed, returnType } = message.value.call
          return `the call: ${returnType}, ${gasUsed} gas`
        }
        case "Contract":
          return "the contract and its store"
        case "CallsPruned":
          return "forgotten"
        case "History":
          return `the log, ${message.value.entries.length} entries`
        default:
          return message.value._tag
      }
  }
}
