/**
 * A state that the node holds, against ours: which of both is behind, and whether that can be explained.
 *
 * @internal
 */
import * as SignedTx from "../../chain/SignedTx.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { VerificationError } from "../../protocol/Errors.js"
import type { Exposure } from "../../services/ChannelStore.js"
import { wrong } from "./checks.js"
import { explainUnknownState, isCoSigned, roundOf } from "./coSigned.js"
import type { Draft } from "./draft.js"

/**
 * - `same`: both hold the same
 * - `completes`: the node has what we signed last, with both signatures; we have not heard of it
 * - `state_lost`: both have signed what we know nothing of, so that our memory is older than the channel
 * - `node_behind`: the node holds an older state than ours
 * - `lie`: this was never signed by both
 */
export type Comparison =
  | { readonly _tag: "same" }
  | { readonly _tag: "completes"; readonly known: Exposure }
  | { readonly _tag: "state_lost" | "node_behind"; readonly detail: string }
  | { readonly _tag: "lie"; readonly error: VerificationError }

export const sameBody = (a: SignedTx.SignedTx, b: SignedTx.SignedTx): boolean =>
  Bytes.equals(a.txBytes, b.txBytes)

/** What the node shows as its latest co-signed state. */
export const compare = (draft: Draft, signedTx: SignedTx.SignedTx): Comparison => {
  const { exposure, latest } = draft.state
  if (latest !== undefined && sameBody(latest.signedTx, signedTx)) return { _tag: "same" }
  const context = draft.context("resume")
  const txHash = SignedTx.bodyHash(signedTx)
  const known = exposure.find((each) => each.txHash === txHash && each.round === draft.round + 1)
  if (!isCoSigned(context, signedTx, known?.signedTx)) {
    const unsigned = wrong(context, "signature", "the signatures of both parties", "others")
    return {
      _tag: "lie",
      error: known === undefined ? explainUnknownState(context, signedTx, undefined) : unsigned
    }
  }
  if (known !== undefined) return { _tag: "completes", known }
  const error = explainUnknownState(context, signedTx, undefined)
  // Both have signed it, but it is of another channel, or no state at all.
  if (error.field !== "body") return { _tag: "lie", error }
  const round = roundOf(signedTx.tx) ?? 0
  if (round < draft.round)
    return {
      _tag: "node_behind",
      detail: `the node holds round ${round} of the channel, and round ${draft.round} has both signatures; it has lost what it told us`
    }
  return {
    _tag: "state_lost",
    detail: `the node shows round ${round} with both signatures, of which the store, at round ${draft.round}, knows nothing; it may be an old copy`
  }
}
