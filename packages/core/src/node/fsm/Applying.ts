/**
 * Applying updates to the latest state, contracts included: they run in the environment of the block that the proposal
 * is pinned to.
 *
 * Specification: channel state machine, update and pinned environment.
 *
 * @since 0.1.0
 */
import type { BlockHash } from "../../encoding/ApiEncoding.js"
import * as FateContracts from "../../fate/Contracts.js"
import * as Apply from "../../state/Apply.js"
import type * as Trees from "../../state/Trees.js"
import * as Trie from "../../state/Trie.js"
import type { Update } from "../../state/Update.js"
import type { Step } from "./Step.js"
import { isNotPinned, participants } from "./Transactions.js"

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
): Trees.Trees | { readonly reason: string } => {
  const { channelReserve, offChain } = step.state
  const both = participants(step.state)
  if (both === undefined) return { reason: "unknown_request" }
  const common = { round: offChain.round + 1, channelReserve, participants: both }
  if (!updates.some(runsCode)) return orReason(Apply.applyUpdates(offChain.trees, updates, common))
  const { chain, crypto } = step.env
  const environment = chain.environmentAt(isNotPinned(blockHash) ? undefined : blockHash)
  if (environment === undefined) return { reason: "unknown_block_hash" }
  const contracts = FateContracts.executor(environment, crypto)
  return orReason(Apply.applyUpdates(offChain.trees, updates, { ...common, contracts }))
}

const orReason = (trees: Trees.Trees | Apply.UpdateError): Trees.Trees | { readonly reason: string } =>
  trees instanceof Apply.UpdateError ? { reason: trees.reason } : trees

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
