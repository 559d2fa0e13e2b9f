/**
 * Asking for what a new state could not be computed without.
 *
 * @internal
 */
import type { SignedTx } from "../../chain/SignedTx.js"
import type { Draft } from "./draft.js"
import type { Execution } from "./execution.js"
import type { CallId, Settling } from "./model.js"

/** The key of the timer that guards the node's answer; callers' keys are positive. */
export const settleTimer: CallId = -5

const begun = (draft: Draft, signedTx: SignedTx): Settling => ({
  signedTx,
  work: draft.newWork(),
  execution: undefined,
  sent: undefined,
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

/** Begins to ask somebody else; the work to name. */
export const wait = (draft: Draft, signedTx: SignedTx): Settling => {
  const settling = draft.state.settling ?? begun(draft, signedTx)
  draft.patch({ settling })
  return settling
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
