/**
 * Questions that one reply answers: the request of each, and what is checked in its reply.
 *
 * @internal
 */
import * as SignedTx from "../../chain/SignedTx.js"
import * as Bytes from "../../encoding/Bytes.js"
import * as DecodeError from "../../encoding/DecodeError.js"
import type { ReplyValue } from "../../protocol/NodeMessage.js"
import type { Request } from "../../protocol/Request.js"
import * as Poi from "../../state/Poi.js"
import * as Trees from "../../state/Trees.js"
import { wrong } from "./checks.js"
import type { Draft } from "./draft.js"
import { checkedCall, checkedContract } from "./contractQuestions.js"
import { differs, type Outcome } from "./outcomes.js"
import type { PendingCall, Question } from "./model.js"
import { operationOf } from "./operations.js"

/** What the node is asked. */
export const requestOf = (
  { state: { config } }: Draft,
  command: Exclude<Question, { readonly _tag: "Abort" }>
): Request => {
  switch (command._tag) {
    case "SendMessage":
      return { _tag: "SendMessage", to: config.peer, info: command.text }
    case "Ping":
      return { _tag: "Ping" }
    case "Stop":
      return { _tag: "Stop" }
    case "AssumeMinimumDepth":
      return command
    case "Balances":
      return { _tag: "GetBalances", accounts: command.accounts }
    case "Poi":
      return { _tag: "GetPoi", accounts: command.accounts, contracts: command.contracts }
    case "OffChainState":
      return { _tag: "GetOffChainState" }
    case "History":
      return { _tag: "FetchHistory", ...command.filter }
    case "DryRun":
    case "GetCall":
      return command.request
    case "GetContract":
      return { _tag: "GetContract", contractId: command.contractId }
    case "CleanCalls":
      return { _tag: "CleanContractCalls" }
  }
}

const replyTags: { readonly [T in Question["_tag"]]: ReadonlyArray<ReplyValue["_tag"]> } = {
  Abort: ["Ok"],
  SendMessage: ["Ok"],
  Ping: ["Pong"],
  Stop: ["Ok"],
  AssumeMinimumDepth: ["Ok"],
  Balances: ["Balances", "EmptyList"],
  Poi: ["Poi"],
  OffChainState: ["OffChainState"],
  History: ["History", "EmptyList"],
  DryRun: ["ContractCallResult"],
  GetCall: ["ContractCallResult"],
  GetContract: ["Contract"],
  CleanCalls: ["CallsPruned"]
}

/** Whether a request of this kind without an id has no reply. */
export const isSilent = ({ _tag }: Question): boolean =>
  _tag === "SendMessage" || _tag === "AssumeMinimumDepth"

/** Whether a value can be the reply. */
export const fits = (command: Question, value: ReplyValue): boolean =>
  replyTags[command._tag].includes(value._tag)

/** What a reply means, checked against our own state. */
export const resultOf = (draft: Draft, call: PendingCall, value: ReplyValue): Outcome => {
  const operation = operationOf(call.request)
  if (!fits(call.command, value))
    return {
      error: DecodeError.make(
        "reply",
        "unexpected_value",
        `the reply to ${operation} is ${value._tag}; the node may speak another dialect`
      )
    }
  switch (value._tag) {
    case "Balances":
      return checkedBalances(draft, value, call.command)
    case "History":
      return { _tag: "History", entries: value.entries }
    case "EmptyList":
      if (call.command._tag === "History") return { _tag: "History", entries: [] }
      return checkedBalances(draft, { _tag: "Balances", balances: [] }, call.command)
    case "Poi":
      return call.command._tag === "Poi" ? checkedPoi(draft, value.poi, call.command) : { _tag: "Done" }
    case "OffChainState":
      return checkedState(draft, value)
    case "ContractCallResult":
      return checkedCall(draft, value.call, call.command)
    case "Contract":
      return checkedContract(draft, value, call.command)
    default:
      return { _tag: "Done" }
  }
}

const checkedBalances = (
  draft: Draft,
  { balances }: Extract<ReplyValue, { readonly _tag: "Balances" }>,
  command: Question
): Outcome => {
  if (command._tag !== "Balances") return { _tag: "Done" }
  const context = draft.context("get.balances")
  for (const account of command.accounts) {
    const own = Trees.balance(draft.state.trees, account)
    const said = balances.find((each) => each.account === account)?.balance
    if (own !== said) return differs(draft, wrong(context, "balance", String(own), String(said)))
  }
  const foreign = balances.find((each) => !command.accounts.includes(each.account))
  if (foreign !== undefined)
    return { error: wrong(context, "account", command.accounts.join(", "), foreign.account) }
  return { _tag: "Balances", balances }
}

const reading = (read: () => Outcome): Outcome => {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError.DecodeError) return { error }
    throw error
  }
}

const checkedPoi = (
  draft: Draft,
  text: string,
  { accounts, contracts }: Extract<Question, { readonly _tag: "Poi" }>
): Outcome =>
  reading(() => {
    const poi = Poi.fromTextOrThrow(text)
    const context = draft.context("get.poi")
    const own = Trees.stateHash(draft.state.trees)
    const said = Poi.stateHash(poi)
    if (!Bytes.equals(own, said))
      return differs(draft, wrong(context, "stateHash", Bytes.toHex(own), Bytes.toHex(said)))
    for (const account of accounts)
      if (Poi.account(poi, account) === undefined)
        return { error: wrong(context, "account", account, "not in the proof") }
    for (const contract of contracts)
      if (Poi.contract(poi, contract) === undefined)
        return { error: wrong(context, "contract", contract, "not in the proof") }
    return { _tag: "Poi", poi }
  })

const checkedState = (
  draft: Draft,
  { trees, calls, signedTx, halfSignedTx }: Extract<ReplyValue, { readonly _tag: "OffChainState" }>
): Outcome =>
  reading(() => {
    const { state } = draft
    const context = draft.context("get.offchain_state")
    const read = Trees.fromTextOrThrow(trees)
    const own = Trees.stateHash(state.trees)
    const said = Trees.stateHash(read)
    if (!Bytes.equals(own, said))
      return differs(draft, wrong(context, "stateHash", Bytes.toHex(own), Bytes.toHex(said)))
    if (state.latest !== undefined && signedTx !== undefined) {
      const [ours, theirs] = [SignedTx.bodyHash(state.latest.signedTx), SignedTx.bodyHash(signedTx)]
      if (ours !== theirs) return differs(draft, wrong(context, "body", ours, theirs))
    }
    return { _tag: "OffChainState", state: { trees: read, calls, signedTx, halfSignedTx } }
  })
