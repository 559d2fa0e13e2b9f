/**
 * Questions about contracts: replies against our own state, as far as that goes.
 *
 * @internal
 */
import type { CallObject } from "../../chain/CallObject.js"
import * as ContractObject from "../../chain/ContractObject.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import * as Json from "../../encoding/Json.js"
import * as FateContracts from "../../fate/Contracts.js"
import type { ContractCallResult, ReplyValue } from "../../protocol/NodeMessage.js"
import type { DryRunContract, GetContractCall } from "../../protocol/Request.js"
import * as Trees from "../../state/Trees.js"
import { type Check, type Context, firstWrong, hex, same, sameBytes, wrong } from "./checks.js"
import type { Draft } from "./draft.js"
import { unexecutedBy, withoutChain } from "./execution.js"
import type { Question } from "./model.js"
import { differs, type Outcome } from "./outcomes.js"
import * as Apply from "../../state/Apply.js"
import * as Update from "../../state/Update.js"

function* callChecks(ours: CallObject, theirs: ContractCallResult): Generator<Check> {
  yield same("callerId", ours.callerId, theirs.callerId)
  yield same("callerNonce", ours.callerNonce, theirs.callerNonce)
  yield same("height", ours.height, theirs.height)
  yield same("contractId", ours.contractId, theirs.contractId)
  yield same("gasPrice", ours.gasPrice, theirs.gasPrice)
  yield same("gasUsed", ours.gasUsed, theirs.gasUsed)
  yield same("returnType", ours.returnType, theirs.returnType)
  yield sameBytes("returnValue", ours.returnValue, theirs.returnValue)
  if (!isSameLog(ours, theirs)) yield same("log", logOf(ours), logOfResult(theirs))
}

const isSameLog = (ours: CallObject, theirs: ContractCallResult): boolean =>
  ours.log.length === theirs.log.length &&
  ours.log.every(({ address, data, topics }, index) => {
    const event = theirs.log[index]
    return (
      event !== undefined &&
      Bytes.equals(address, ApiEncoding.viewOf(event.address)) &&
      Bytes.equals(data, event.data) &&
      topics.length === event.topics.length &&
      topics.every((topic, i) => Bytes.toBigInt(topic) === event.topics[i])
    )
  })

const logOf = ({ log }: CallObject): string =>
  log.map(({ address, data, topics }) => [address, ...topics, data].map(hex).join(" ")).join(", ")

const topicOf = (topic: bigint): string => topic.toString(16).padStart(64, "0")

const logOfResult = ({ log }: ContractCallResult): string =>
  log
    .map(({ address, data, topics }) =>
      [hex(ApiEncoding.bytesOf(address)), ...topics.map(topicOf), hex(data)].join(" ")
    )
    .join(", ")

/** Ours and theirs are the same; without ours nothing can be said. */
const compared = (
  draft: Draft,
  context: Context,
  ours: CallObject | undefined,
  theirs: ContractCallResult
): Outcome => {
  const error = ours === undefined ? undefined : firstWrong(context, callChecks(ours, theirs))
  return error === undefined
    ? { _tag: "ContractCall", call: theirs, verified: ours !== undefined }
    : differs(draft, error)
}

/** A call's result, as the node says. */
export const checkedCall = (draft: Draft, call: ContractCallResult, command: Question): Outcome => {
  if (command._tag === "DryRun") return checkedDryRun(draft, call, command.request)
  return command._tag === "GetCall" ? checkedPast(draft, call, command.request) : { _tag: "Done" }
}

const checkedDryRun = (draft: Draft, call: ContractCallResult, request: DryRunContract): Outcome => {
  const { config, latest } = draft.state
  const context = draft.context("dry_run")
  const asked = firstWrong(context, [
    same("contractId", request.contractId, call.contractId),
    same("callerId", config.own, call.callerId)
  ])
  if (asked !== undefined) return { error: asked }
  if (latest === undefined) return compared(draft, context, undefined, call)
  const ours = FateContracts.tryOut(
    latest.trees,
    Update.call(config.own, request),
    { round: latest.round + 1, channelReserve: config.terms.channelReserve },
    withoutChain(config),
    draft.env.crypto
  )
  if (!("reason" in ours)) return compared(draft, context, ours, call)
  // The chain may know what we do not, and the node may have what we have not.
  if (isUnexecutable(ours.reason)) return compared(draft, context, undefined, call)
  return differs(draft, wrong(context, "callData", `a call that fails (${ours.reason})`, call.returnType))
}

const isUnexecutable = (reason: Apply.UpdateErrorReason): boolean =>
  unexecutedBy(new Apply.UpdateError({ reason, update: { _tag: "OffChainMeta", data: "" }, index: 0 })) !==
  undefined

/** A call of the latest round stands in our trees; of those before the node's word is all there is. */
const checkedPast = (
  draft: Draft,
  call: ContractCallResult,
  { callerId, contractId, round }: GetContractCall
): Outcome => {
  const { latest } = draft.state
  const context = draft.context("get.contract_call")
  const asked = firstWrong(context, [
    same("contractId", contractId, call.contractId),
    same("callerId", callerId, call.callerId),
    same("round", round, call.height)
  ])
  if (asked !== undefined) return { error: asked }
  if (latest === undefined || round < latest.round) return compared(draft, context, undefined, call)
  const ours = FateContracts.callObject(latest.trees, contractId, callerId, round)
  if (ours !== undefined) return compared(draft, context, ours, call)
  return differs(draft, wrong(context, "round", "no call of this round", call.returnType))
}

/** A contract, as the node says: the same as ours, without the code. */
export const checkedContract = (
  draft: Draft,
  value: Extract<ReplyValue, { readonly _tag: "Contract" }>,
  command: Question
): Outcome => {
  if (command._tag !== "GetContract") return { _tag: "Done" }
  const { contractId } = command
  const { trees } = draft.state
  const context = draft.context("get.contract")
  const object = Trees.contract(trees, contractId)
  if (object === undefined) return differs(draft, wrong(context, "contractId", "no contract", contractId))
  const error = firstWrong(context, [
    same(
      "contract",
      Json.stringifySorted(ContractObject.toClientForm(contractId, object)),
      Json.stringifySorted(value.contract)
    ),
    same(
      "store",
      Json.stringifySorted({ ...FateContracts.storeForm(trees, contractId) }),
      Json.stringifySorted(value.store)
    )
  ])
  if (error !== undefined) return differs(draft, error)
  const balance = Trees.balance(trees, contractId) ?? 0n
  const store = Trees.contractStore(trees, contractId)
  return { _tag: "Contract", contract: { contractId, object, balance, store } }
}
