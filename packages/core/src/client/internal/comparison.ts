/**
 * A state that the node holds, against ours: which of both is behind, and whether that can be explained.
 *
 * @internal
 */
import * as SignedTx from "../../chain/SignedTx.js"
import type { VerificationError } from "../../protocol/Errors.js"
import type { Exposure } from "../../services/ChannelStore.js"
import { wrong } from "./checks.js"
import { contentOf, sameBody } from "./agreement.js"
import { explainUnknownState, isCoSigned, isDenied, roundOf } from "./coSigned.js"
import type { Draft } from "./draft.js"
import { type Base, baseOf, groundOf, isForced, toldOf } from "./forced.js"

/**
 * - `same`: both hold the same, or the node has let go of what was forced on that
 * - `forced`: the chain has a state that one party has made on top of ours, perhaps over others, which are known; or on
 *   top of `base`, which both have signed, and of which we have not heard
 * - `forced_beyond`: the same, on top of states that we know nothing of
 * - `completes`: the node has what we signed last, with both signatures; we have not heard of it
 * - `state_lost`: both have signed what we know nothing of, so that our memory is older than the channel
 * - `node_behind`: the node holds an older state than ours
 * - `lie`: this was never signed by both
 */
export type Comparison =
  | { readonly _tag: "same" }
  | ({ readonly _tag: "forced" } & Chain)
  | { readonly _tag: "completes"; readonly known: Exposure }
  | { readonly _tag: "state_lost" | "node_behind" | "forced_beyond"; readonly detail: string }
  | { readonly _tag: "lie"; readonly error: VerificationError }

interface Chain {
  readonly base: Base | undefined
  readonly chain: ReadonlyArray<SignedTx.SignedTx>
}

/** Forced states from ours to this one, as far as the node has told of them, or as they show what they were made on. */
const chainTo = (draft: Draft, last: SignedTx.SignedTx, lastRound: number): Chain | undefined => {
  if (lastRound <= draft.round) return undefined
  const told = toldOf(draft)
  const chain = [last]
  let first = last
  for (let before = lastRound - 1; ; before--) {
    const base = baseOf(draft, first)
    if (base !== undefined)
      return { base, chain: isForced(base.signedTx) ? [base.signedTx, ...chain] : chain }
    if (before <= draft.round) return { base, chain }
    const found = told.findLast((each) => isForced(each) && roundOf(contentOf(each).tx) === before)
    if (found === undefined) return undefined
    chain.unshift(found)
    first = found
  }
}

/** What the node shows as its latest co-signed state. */
export const compare = (draft: Draft, signedTx: SignedTx.SignedTx): Comparison => {
  const { exposure, ground, latest } = draft.state
  const content = contentOf(signedTx)
  if (latest !== undefined && sameBody(latest.signedTx, signedTx)) return { _tag: "same" }
  if (ground !== undefined && sameBody(ground.signedTx, signedTx)) return { _tag: "same" }
  const forced = isForced(signedTx) ? (roundOf(content.tx) ?? 0) : 0
  const chain = chainTo(draft, signedTx, forced)
  const context = draft.context("resume")
  if (chain?.chain.some((each) => isDenied(context, each)) === true)
    return { _tag: "lie", error: wrong(context, "signature", "one to which its contract agrees", "another") }
  if (chain !== undefined) return { _tag: "forced", ...chain }
  if (forced > draft.round)
    return {
      _tag: "forced_beyond",
      detail: `progress was forced on chain up to round ${forced}, and the store holds round ${draft.round}; what happened in between was not seen here`
    }
  const txHash = SignedTx.bodyHash(signedTx)
  const known = exposure.find((each) => each.txHash === txHash && groundOf(draft, each) !== undefined)
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
  const round = roundOf(content.tx) ?? 0
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
