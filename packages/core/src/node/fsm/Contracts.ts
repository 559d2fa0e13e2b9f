/**
 * Contracts inside a channel: proposing them and their calls, trying a call out, and what can be read of them.
 *
 * Specification: channel state machine, update and pinned environment; channel WebSocket API, contracts.
 *
 * @since 0.1.0
 */
import * as ContractObject from "../../chain/ContractObject.js"
import * as Ids from "../../chain/Ids.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import type { JsonObject } from "../../encoding/Json.js"
import { contractCallResult } from "../../protocol/NodeMessage.js"
import type {
  CallContract,
  DryRunContract,
  GetContract,
  GetContractCall,
  NewContract
} from "../../protocol/Request.js"
import * as Trees from "../../state/Trees.js"
import * as Trie from "../../state/Trie.js"
import * as Update from "../../state/Update.js"
import type { CallId } from "../FsmEvent.js"
import { refuseUpdate, triedOut } from "./Applying.js"
import type { Outcome, Step } from "./Step.js"
import { pickBlock } from "./Transactions.js"
import { proposeUpdates } from "./Updates.js"

// ------------------------------------------------------------------ proposals

const metas = (meta: ReadonlyArray<string>): ReadonlyArray<Update.Update> =>
  meta.map((data): Update.Update => ({ _tag: "OffChainMeta", data }))

const isVersion = (version: number): boolean => version >= 0 && version <= 0xffff

/**
 * The own client proposes a contract. It is created, and its `init` run, once: here.
 *
 * @since 0.1.0
 * @category handlers
 */
export const newContract = (step: Step, request: NewContract, callId: CallId): Outcome => {
  const { abiVersion, blockHash, callData, code, deposit, meta, vmVersion } = request
  if (!step.state.clientConnected) return step.refuse(callId, "client_disconnected")
  // Wider numbers would be others once they are packed together.
  if (!isVersion(vmVersion) || !isVersion(abiVersion)) return step.refuse(callId, "unknown_vm_version")
  const ctVersion = ContractObject.packVersions({ vmVersion, abiVersion })
  const owner = step.ownAddress
  const update: Update.Update = { _tag: "OffChainNewContract", owner, ctVersion, code, deposit, callData }
  return proposeUpdates(step, [update, ...metas(meta)], blockHash, callId)
}

/**
 * The own client proposes a call. One that ends in an error is a proposal like any other: its result is part of the
 * new state.
 *
 * @since 0.1.0
 * @category handlers
 */
export const callContract = (step: Step, request: CallContract, callId: CallId): Outcome => {
  const { blockHash, meta } = request
  if (!step.state.clientConnected) return step.refuse(callId, "client_disconnected")
  return proposeUpdates(step, [Update.call(step.ownAddress, request), ...metas(meta)], blockHash, callId)
}

// --------------------------------------------------------------------- reading

/**
 * Runs a call on a copy of the latest state, as that of the next round, and tells its result.
 *
 * @since 0.1.0
 * @category handlers
 */
export const dryRun = (step: Step, request: DryRunContract, callId: CallId): Outcome => {
  const blockHash = pickBlock(step, request.blockHash)
  if (blockHash === undefined) return step.refuse(callId, "unknown_block_hash")
  const call = triedOut(step, Update.call(step.ownAddress, request), blockHash)
  if ("reason" in call) return refuseUpdate(step, callId, call)
  step.value(callId, { _tag: "ContractCallResult", call: contractCallResult(call) })
}

/**
 * The result of a call since the channel was opened or the calls were forgotten.
 *
 * @since 0.1.0
 * @category handlers
 */
export const getContractCall = (step: Step, request: GetContractCall, callId: CallId): Outcome => {
  const { callerId, contractId, round } = request
  const call = Trees.call(step.state.offChain.calls, contractId, Ids.callId(callerId, round, contractId))
  if (call === undefined) return step.refuse(callId, "call_not_found")
  step.value(callId, { _tag: "ContractCallResult", call: contractCallResult(call) })
}

/** A contract with its whole store, without its code. @since 0.1.0 @category handlers */
export const getContract = (step: Step, { contractId }: GetContract, callId: CallId): Outcome => {
  const { trees } = step.state.offChain
  const contract = Trees.contract(trees, contractId)
  if (contract === undefined) return step.refuse(callId, "not_found")
  const store: JsonObject = Object.fromEntries(
    Trees.contractStore(trees, contractId).map(([key, value]) => [
      ApiEncoding.encode("ck", key),
      ApiEncoding.encode("cv", value)
    ])
  )
  step.value(callId, { _tag: "Contract", contract: ContractObject.toClientForm(contractId, contract), store })
}

/** Forgets the results of earlier contract calls. @since 0.1.0 @category handlers */
export const cleanContractCalls = (step: Step, callId: CallId): Outcome => {
  step.setOffChain({ calls: Trie.empty })
  step.value(callId, { _tag: "CallsPruned" })
}
