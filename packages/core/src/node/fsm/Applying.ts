/**
 * Applying updates to the latest state, contracts included: they run in the environment of the block that the proposal
 * is pinned to.
 *
 * Specification: channel state machine, update and pinned environment.
 *
 * @since 0.1.0
 */
import type { CallObject } from "../../chain/CallObject.js"
import type { BlockHash } from "../../encoding/ApiEncoding.js"
import * as FateContracts from "../../fate/Contracts.js"
import type { Environment } from "../../fate/Environment.js"
import * as ErrorCodes from "../../protocol/ErrorCodes.js"
import * as Apply from "../../state/Apply.js"
import type * as Trees from "../../state/Trees.js"
import * as Trie from "../../state/Trie.js"
import type { OffChainCallContract, Update } from "../../state/Update.js"
import type { CallId } from "../FsmEvent.js"
import type { Step } from "./Step.js"
import { isNotPinned, participants } from "./Transactions.js"

/**
 * Why updates cannot be applied: the name of the reason, and a sentence for people.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failure {
  readonly reason: string
  readonly explanation?: string
}

/** Whether an update runs contract code. */
const runsCode = ({ _tag }: Update): boolean =>
  _tag === "OffChainNewContract" || _tag === "OffChainCallContract"

/**
 * The trees after the updates of the next round, or why they cannot be applied. Contracts see the chain as it is after
 * the block `blockHash` (all zero: the top).
 *
 * @since 0.1.0
 * @category combinators
 */
export const applied = (
  step: Step,
  updates: ReadonlyArray<Update>,
  blockHash: BlockHash
): Trees.Trees | Failure => {
  const { channelReserve, offChain } = step.state
  const both = participants(step.state)
  if (both === undefined) return { reason: "unknown_request" }
  const common = { round: offChain.round + 1, channelReserve, participants: both }
  if (!updates.some(runsCode)) return orReason(Apply.applyUpdates(offChain.trees, updates, common))
  const environment = environmentAt(step, blockHash)
  if (environment === undefined) return { reason: "unknown_block_hash" }
  const contracts = FateContracts.executor(environment, step.env.crypto)
  return orReason(Apply.applyUpdates(offChain.trees, updates, { ...common, contracts }))
}

/** What contracts see after a block; `undefined` for one that is not known. */
const environmentAt = ({ env }: Step, blockHash: BlockHash): Environment | undefined =>
  env.chain.environmentAt(isNotPinned(blockHash) ? undefined : blockHash)

/**
 * What a call would come to in the next round, or why it cannot be made.
 *
 * @since 0.1.0
 * @category combinators
 */
export const triedOut = (
  step: Step,
  update: OffChainCallContract,
  blockHash: BlockHash
): CallObject | Failure => {
  const { channelReserve, offChain } = step.state
  if (participants(step.state) === undefined) return { reason: "unknown_request" }
  const environment = environmentAt(step, blockHash)
  if (environment === undefined) return { reason: "unknown_block_hash" }
  const round = { round: offChain.round + 1, channelReserve }
  const tried = FateContracts.tryOut(offChain.trees, update, round, environment, step.env.crypto)
  if (!("reason" in tried)) return tried
  const { message: explanation, reason } = new Apply.UpdateError({ ...tried, update, index: 0 })
  return { reason, explanation }
}

const orReason = (trees: Trees.Trees | Apply.UpdateError): Trees.Trees | Failure =>
  trees instanceof Apply.UpdateError ? { reason: trees.reason, explanation: trees.message } : trees

/**
 * Refuses a request of the own client. Where the code says nothing, because a contract did what the virtual machine has
 * no answer to or asked for what is not known, a report can tell why.
 *
 * @since 0.1.0
 * @category transitions
 */
export const refuseUpdate = (step: Step, callId: CallId, { explanation, reason }: Failure): void => {
  step.refuse(callId, reason)
  const refusal = ErrorCodes.refusal(reason)
  if (explanation !== undefined && refusal.data.length === 0) step.error(explanation)
}

/**
 * A history of calls with those of a new state.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withCalls = (calls: Trie.Trie, trees: Trees.Trees): Trie.Trie => {
  let all = calls
  for (const [key, value] of Trie.entries(trees.calls)) all = Trie.put(all, key, value)
  return all
}
