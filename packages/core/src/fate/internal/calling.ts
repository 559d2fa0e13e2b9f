/** Calls of contracts off chain: what surrounds a run of the engine. */
import * as CallObject from "../../chain/CallObject.js"
import * as ContractObject from "../../chain/ContractObject.js"
import * as Ids from "../../chain/Ids.js"
import * as Protocol from "../../chain/Protocol.js"
import type { CryptoService } from "../../crypto/Crypto.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import type { AccountAddress, ContractId } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import * as Apply from "../../state/Apply.js"
import * as Trees from "../../state/Trees.js"
import * as Trie from "../../state/Trie.js"
import type { OffChainCallContract } from "../../state/Update.js"
import type * as Engine from "../Engine.js"
import { execute } from "../Engine.js"
import type { Environment } from "../Environment.js"

type Result = Trees.Trees | Apply.UpdateErrorReason | Apply.UpdateFailure

const fateAbi = 3
const aevmAbi = 1

export const aevmNotSupported: Apply.UpdateFailure = {
  reason: "contracts_not_supported",
  detail: "contracts of the AEVM cannot be run"
}

/** What the versions of a contract allow: it can be run, it is one of the AEVM, or nothing has such versions. */
export const kindOf = (ctVersion: number): "fate" | "aevm" | "illegal" => {
  const { abiVersion, vmVersion } = ContractObject.unpackVersions(ctVersion)
  if (abiVersion === fateAbi) return [5, 7, 8].includes(vmVersion) ? "fate" : "illegal"
  return abiVersion === aevmAbi && [1, 3, 4, 6].includes(vmVersion) ? "aevm" : "illegal"
}

/** A run that has an outcome. */
export type Finished = Extract<Engine.Outcome, { readonly _tag: "Finished" }>

/** Why there is no outcome, or the outcome. */
export const outcomeOf = (outcome: Engine.Outcome): Finished | Apply.UpdateFailure => {
  switch (outcome._tag) {
    case "Finished":
      return outcome
    case "Crashed":
      return { reason: "contract_crashed", detail: outcome.reason }
    case "MissingRead":
      return { reason: "chain_data_unavailable", read: outcome.read, gasUsed: outcome.gasUsed }
  }
}

/** Whose call of which contract, and what it may cost. */
export interface Called {
  readonly caller: AccountAddress
  readonly contractId: ContractId
  readonly round: number
  readonly gasPrice: bigint
}

const callKey = ({ caller, contractId, round }: Called): Uint8Array =>
  Bytes.concat(ApiEncoding.viewOf(contractId), Ids.callId(caller, round, contractId))

export const hasCall = (trees: Trees.Trees, called: Called): boolean =>
  !Trie.isEmpty(trees.calls) && Trie.has(trees.calls, callKey(called))

const objectOf = (called: Called, finished: Finished): CallObject.CallObject => ({
  callerId: called.caller,
  callerNonce: BigInt(called.round),
  height: called.round,
  contractId: called.contractId,
  gasPrice: called.gasPrice,
  gasUsed: BigInt(finished.gasUsed),
  returnValue: finished.returnValue,
  returnType: finished.returnType,
  log: finished.log
})

/** The trees of a run with its call object. */
export const withCall = (trees: Trees.Trees, called: Called, finished: Finished): Trees.Trees => ({
  ...trees,
  calls: Trie.put(trees.calls, callKey(called), CallObject.encode(objectOf(called, finished)))
})

/** Nobody's node gives a call more gas than a block has, and nothing should run for longer. */
const tooMuchGas: Apply.UpdateFailure = {
  reason: "contract_crashed",
  detail: "it is given more gas than a block has"
}

/** The amount moved from the caller to the contract. */
const paid = (
  trees: Trees.Trees,
  { amount, callerId, contractId }: OffChainCallContract,
  reserve: bigint
): Trees.Trees | Apply.UpdateErrorReason => {
  const debited = Apply.debit(trees, callerId, amount, reserve)
  if (typeof debited === "string") return debited
  const credited = Apply.credit(debited, contractId, amount)
  return credited === "account_not_found" ? "contract_not_found" : credited
}

/** A call that has an outcome, and the trees that it leaves, without the call object. */
interface Ran {
  readonly trees: Trees.Trees
  readonly called: Called
  readonly finished: Finished
}

const run = (
  trees: Trees.Trees,
  update: OffChainCallContract,
  { channelReserve, round }: Apply.Round,
  environment: Environment,
  crypto: CryptoService
): Ran | Apply.UpdateErrorReason | Apply.UpdateFailure => {
  const { callerId, contractId, gasPrice } = update
  const before = paid(trees, update, channelReserve)
  if (typeof before === "string") return before
  const contract = Trees.contract(before, contractId)
  if (contract === undefined) return "contract_not_found"
  if (ContractObject.unpackVersions(contract.ctVersion).abiVersion !== update.abiVersion)
    return "wrong_abi_version"
  const kind = kindOf(contract.ctVersion)
  if (kind !== "fate") return kind === "aevm" ? aevmNotSupported : "wrong_vm_version"
  if (update.gas > BigInt(environment.gasLimit)) return tooMuchGas
  const called = { caller: callerId, contractId, round, gasPrice }
  if (hasCall(before, called)) return "call_already_exists"
  const caller = ApiEncoding.bytesOf(callerId)
  const call: Engine.Call = {
    trees: before,
    contract: ApiEncoding.bytesOf(contractId),
    caller,
    origin: caller,
    value: update.amount,
    gas: Number(update.gas),
    gasPrice,
    fee: 0n,
    callData: update.callData,
    allowInit: false
  }
  const finished = outcomeOf(execute(call, environment, crypto))
  if ("reason" in finished) return finished
  if (finished.returnType === "ok") return { trees: finished.trees, called, finished }
  // From Iris on who called in vain keeps the amount.
  return { trees: environment.protocol >= Protocol.iris ? trees : before, called, finished }
}

export const call = (
  trees: Trees.Trees,
  update: OffChainCallContract,
  round: Apply.Round,
  environment: Environment,
  crypto: CryptoService
): Result => {
  const ran = run(trees, update, round, environment, crypto)
  return typeof ran === "string" || "reason" in ran ? ran : withCall(ran.trees, ran.called, ran.finished)
}

/** The call object alone. */
export const tryOut = (
  trees: Trees.Trees,
  update: OffChainCallContract,
  round: Apply.Round,
  environment: Environment,
  crypto: CryptoService
): CallObject.CallObject | Apply.UpdateFailure => {
  const ran = run(Trees.withoutCalls(trees), update, round, environment, crypto)
  if (typeof ran === "string") return { reason: ran }
  return "reason" in ran ? ran : objectOf(ran.called, ran.finished)
}
