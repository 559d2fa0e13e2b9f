/**
 * How questions end.
 *
 * @internal
 */
import type { VerificationError } from "../../protocol/Errors.js"
import type { FlowError } from "../ChannelEvent.js"
import type { Draft } from "./draft.js"
import type { CallResult } from "./model.js"

/** How a question ends. */
export type Outcome = CallResult | { readonly error: FlowError }

/**
 * The node's state is not ours. Usually that is a lie; but once we are frozen we may be the ones who are behind, so that
 * nobody is blamed, and nothing that could not be compared is passed on.
 */
export const differs = (draft: Draft, error: VerificationError): Outcome => ({
  error: draft.state.frozen === undefined ? error : draft.frozenError(error.operation)
})
