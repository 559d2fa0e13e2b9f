/**
 * Asking for what a new state could not be computed without.
 *
 * @internal
 */
import type { SignedTx } from "../../chain/SignedTx.js"
import type { InfoEvent, NodeMessage, OnChainInfo } from "../../protocol/NodeMessage.js"
import type { Phase } from "../ChannelEvent.js"
import type { Draft } from "./draft.js"
import type { Execution } from "./execution.js"
import type { CallId, Settling } from "./model.js"
import { ends } from "./operations.js"

/** The key of the timer that guards the node's answer, or the policy's; callers' keys are positive. */
export const settleTimer: CallId = -5

const begun = (draft: Draft, signedTx: SignedTx): Settling => ({
  signedTx,
  work: draft.newWork(),
  execution: undefined,
  sent: undefined,
  isUrgent: false,
  held: []
})

/** Asks the node for its trees. */
export const askNode = (draft: Draft, signedTx: SignedTx): void => {
  const settling = draft.state.settling ?? begun(draft, signedTx)
  const sent = draft.send({ _tag: "GetOffChainState" })
  draft.patch({ settling: { ...settling, execution: undefined, sent } })
  draft.startTimer(settleTimer)
}

/** Asks the chain. */
export const askChain = (draft: Draft, signedTx: SignedTx, execution: Execution): void => {
  const settling = draft.state.settling ?? begun(draft, signedTx)
  draft.patch({ settling: { ...settling, execution } })
  draft.do({ _tag: "AskChain", work: settling.work, question: execution.question })
}

/** Begins to ask the policy; the work to name. */
export const askPolicy = (draft: Draft, signedTx: SignedTx): Settling => {
  const settling = { ...(draft.state.settling ?? begun(draft, signedTx)), execution: undefined }
  draft.patch({ settling })
  const { own, phase, queue, watched } = draft.state
  const isEnding = [own, ...watched, ...queue].some((each) => each !== undefined && ends(each.kind))
  if (isEnding || isClosing(phase) || settling.held.some(tellsOfEnd)) hurry(draft)
  return settling
}

/** Whether it is the policy that is asked, which may take its time. */
export const isWithPolicy = ({ execution, sent }: Settling): boolean =>
  execution === undefined && sent === undefined

/** What ends the channel does not wait for ever for a policy that thinks. */
export const hurry = (draft: Draft): void => {
  const { settling } = draft.state
  if (settling === undefined || settling.isUrgent || !isWithPolicy(settling)) return
  draft.patch({ settling: { ...settling, isUrgent: true } })
  draft.startTimer(settleTimer)
}

export const isClosing = (phase: Phase): boolean => phase === "closing" || phase === "closed"

const ending: ReadonlySet<string | undefined> = new Set<InfoEvent | OnChainInfo>([
  "closing",
  "closed_confirmed",
  "close_mutual",
  "solo_closing",
  "can_slash",
  "channel_closed"
])

/** Whether the node says that the channel is being closed. */
export const tellsOfEnd = (message: NodeMessage): boolean => {
  if (message._tag !== "Reported") return false
  const { report } = message
  return (
    (report._tag === "Info" && ending.has(report.event)) ||
    (report._tag === "OnChainTx" && ending.has(report.info))
  )
}

/** Nothing is asked any more, and what waited is lost with the connection. */
export const dropSettling = (draft: Draft): void => {
  const { settling } = draft.state
  if (settling === undefined) return
  draft.stopTimer(settleTimer)
  draft.do({ _tag: "CallOff", work: settling.work })
  draft.patch({ settling: undefined })
}

/** It is over: what the node has said meanwhile is heard. */
export const settled = (draft: Draft): void => {
  const { settling } = draft.state
  if (settling === undefined) return
  dropSettling(draft)
  draft.release(settling.held)
}
