/**
 * A state that is being settled: what the chain, the policy and the node say to it.
 *
 * @internal
 */
import { VerificationError } from "../../protocol/Errors.js"
import type { NodeMessage } from "../../protocol/NodeMessage.js"
import { Accept, type Decision } from "../../services/ProposalPolicy.js"
import * as SignedTx from "../../chain/SignedTx.js"
import * as Trees from "../../state/Trees.js"
import { matcher, sameId } from "./calls.js"
import { wrong } from "./checks.js"
import { contentOf } from "./agreement.js"
import type { Draft } from "./draft.js"
import * as Execution from "./execution.js"
import { adoptForced, askUnverified, type Base, baseOf, endUntaken, forcedIn, judgeForced } from "./forced.js"
import type { Settling } from "./model.js"
import { adopt } from "./reports.js"
import { askChain, askNode, hurry, isClosing, isWithPolicy, settled, tellsOfEnd } from "./settling.js"
import { sameHash } from "./verifyForced.js"
import { reading } from "./verifySolo.js"

/** The chain has answered: a forced state is computed with that. */
export const onTold = (draft: Draft, told: Execution.ChainTold): void => {
  const { config, settling } = draft.state
  if (settling?.execution === undefined) return
  const { execution, signedTx } = settling
  const progress = Execution.next(execution, told, config, (environment) =>
    judgeForced(draft, signedTx, environment)
  )
  if ("execution" in progress) return askChain(draft, signedTx, progress.execution)
  const { verdict } = progress
  if (verdict instanceof VerificationError && verdict.field === "stateHash")
    askUnverified(draft, signedTx, elsewhere)
  else if (verdict instanceof VerificationError) refuse(draft, settling, verdict)
  else if (Execution.isUnexecuted(verdict)) askUnverified(draft, signedTx, verdict)
  else take(draft, settling, verdict, true)
}

/** The chain has taken it at some time, and nobody says when. */
const elsewhere: Execution.Unexecuted = {
  _tag: "Unexecuted",
  reason: "chain_data",
  detail: "the contract looks at the chain, and in none of the latest blocks that leads to this state"
}

/** The policy believes a forced state that could not be computed, or not. */
export const onDecided = (draft: Draft, decision: Decision): void => {
  const { settling } = draft.state
  if (settling === undefined) return
  if (decision instanceof Accept) {
    const shown = settling.held.map((each) => shownTrees(settling, each)).find((trees) => trees !== undefined)
    return shown === undefined ? askNode(draft, settling.signedTx) : take(draft, settling, shown, false)
  }
  refuse(draft, settling, notBelieved(draft))
}

const notBelieved = (draft: Draft): VerificationError =>
  wrong(draft.context("force_progress"), "update", "a call that can be computed here", "one that cannot")

/** What the node says: the answer, or something that waits for it. */
export const onMessage = (draft: Draft, message: NodeMessage): void => {
  const { settling } = draft.state
  if (settling === undefined) return
  const { sent } = settling
  const hold = (): void => {
    draft.patch({ settling: { ...settling, held: [...settling.held, message] } })
    if (tellsOfEnd(message)) hurry(draft)
    const base = baseIn(draft, message)
    const isBase = base !== undefined && SignedTx.bodyHash(settling.signedTx) === base.known.txHash
    // Before it was asked nobody has said that it may be believed.
    const shown = isBase ? base.trees : sent === undefined ? undefined : shownTrees(settling, message)
    if (shown !== undefined) take(draft, draft.state.settling ?? settling, shown, false)
  }
  if (message._tag === "Reported" && message.report._tag === "Info" && message.report.event === "died")
    return settledWith(draft, message)
  if (sent === undefined) return hold()
  if (message._tag === "Replied" && message.value._tag === "OffChainState") {
    if (message.id !== undefined && !sameId(sent.requestId, message.id)) return hold()
    const { trees: text } = message.value
    const trees = reading(() => Trees.fromTextOrThrow(text))
    return trees === undefined ? unreadable(draft, settling) : onTrees(draft, settling, trees)
  }
  if (message._tag === "Refused" && matcher(draft, message)(sent)) return unreadable(draft, settling)
  hold()
}

/** What was forced on a state shows its trees, which the node does not have any more. */
const baseIn = (draft: Draft, message: NodeMessage): Base | undefined => {
  if (message._tag !== "Reported") return undefined
  const { report } = message
  if (report._tag === "OnChainTx") return baseOf(draft, report.tx)
  return report._tag === "StateUpdate" ? baseOf(draft, report.state) : undefined
}

/** The trees of what was forced, as what was forced upon that shows them: the node has those of a later round by now. */
const shownTrees = ({ signedTx }: Settling, message: NodeMessage): Trees.Trees | undefined => {
  const forced = forcedIn(signedTx)
  if (forced === undefined || message._tag !== "Reported" || message.report._tag !== "OnChainTx")
    return undefined
  const next = forcedIn(message.report.tx)
  if (next?.channelId !== forced.channelId || next.round !== forced.round + 1) return undefined
  const trees = reading(() => Trees.decodeOrThrow(next.offchainTrees))
  return trees !== undefined && sameHash(trees, forced.stateHash) ? trees : undefined
}

const settledWith = (draft: Draft, message: NodeMessage): void => {
  settled(draft)
  draft.release([message])
}

const unreadable = (draft: Draft, settling: Settling): void =>
  refuse(
    draft,
    settling,
    wrong(draft.context("get.offchain_state"), "trees", "the trees of the latest state", "nothing to read")
  )

/** No answer came. */
export const onTimer = (draft: Draft): void => {
  const { settling } = draft.state
  if (settling === undefined) return
  if (isWithPolicy(settling)) withoutPolicy(draft, settling)
  else unreadable(draft, settling)
}

/**
 * The policy has not answered in time, and its answer counts no more. In a channel that is being closed nothing will be
 * signed on top of that state: what both have signed goes on to protect us, and the chain pays what it pays. Who leaves
 * is asked again after the return. Otherwise it is as if the policy had declined.
 */
const withoutPolicy = (draft: Draft, settling: Settling): void => {
  const { phase, queue } = draft.state
  const goesOn = !isClosing(phase) && !settling.held.some(tellsOfEnd)
  if (goesOn && !queue.some(({ kind }) => kind === "leave"))
    return refuse(draft, settling, notBelieved(draft))
  endUntaken(draft, contentOf(settling.signedTx), draft.ended("force_progress", "policy", "we", 3))
  settled(draft)
  draft.startNext()
}

const onTrees = (draft: Draft, settling: Settling, trees: Trees.Trees): void => {
  const { tx } = contentOf(settling.signedTx)
  const expected = "stateHash" in tx ? tx.stateHash : undefined
  if (expected !== undefined && sameHash(trees, expected)) return take(draft, settling, trees, false)
  refuse(
    draft,
    settling,
    wrong(draft.context("get.offchain_state"), "stateHash", "the hash that was signed", "another")
  )
}

/** The state is known: computed here, or as the node has it. */
const take = (draft: Draft, { signedTx }: Settling, trees: Trees.Trees, verified: boolean): void => {
  settled(draft)
  if (forcedIn(signedTx) !== undefined) return adoptForced(draft, signedTx, trees, verified)
  const txHash = SignedTx.bodyHash(signedTx)
  const known = draft.state.exposure.find((each) => each.txHash === txHash)
  if (known !== undefined) adopt(draft, signedTx, known, trees)
}

/** The state will not be known: nothing can be signed on top of it. */
const refuse = (draft: Draft, { signedTx }: Settling, error: VerificationError): void => {
  draft.lie(error)
  settled(draft)
  const content = contentOf(signedTx)
  endUntaken(draft, content, error)
  const round = "round" in content.tx ? content.tx.round : 0
  const detail = `round ${round} of the channel could not be computed here, and nobody else's word for it was taken`
  draft.freeze(detail, { reason: "state_lost", detail }, (operation) => draft.frozenError(operation))
  const { own } = draft.state
  if (own?.step === "signed") draft.endOwn({ error })
  draft.endPeer()
  draft.startNext()
}
