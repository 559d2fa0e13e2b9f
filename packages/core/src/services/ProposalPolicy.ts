/**
 * What we think of the peer's proposals: accept, or decline with a code. Asked after a proposal was verified and
 * before anything is signed.
 *
 * Specification: channel WebSocket API, signing requests and signing error replies.
 *
 * @since 0.1.0
 */
import { Context, Data, Effect, Layer } from "effect"
import type { CallObject } from "../chain/CallObject.js"
import type { SignedTx } from "../chain/SignedTx.js"
import type { AccountAddress, ChannelId } from "../encoding/ApiEncoding.js"
import type { SignTag } from "../protocol/SignTag.js"
import type { Update } from "../state/Update.js"

/**
 * Off-chain balances in aettos, seen from us.
 *
 * @since 0.1.0
 * @category models
 */
export interface PartyBalances {
  readonly own: bigint
  readonly peer: bigint
}

/**
 * A proposal that was verified: its bytes are what the other fields say.
 *
 * - `operation`: `open` (the create transaction: our own terms, so that it is ours as much as the peer's), `update`
 *   (a new off-chain state), `deposit` (the peer brings coins of its own), `withdraw` (the peer takes coins of its own)
 *   or `shutdown` (closing together)
 * - `round`: the round that the proposal leads to; with `shutdown` the round that is closed
 * - `before`, `after`: balances now and when it is done, for `shutdown` after the fee
 * - `worstOwnBalance`: the lowest own balance (aettos) of the co-signed state and of every transaction that we have
 *   signed and that the peer could still complete
 * - `call`: of a round that creates or calls a contract what came of it here; also when that is an error
 *
 * @since 0.1.0
 * @category models
 */
export interface Proposal {
  readonly operation: "open" | "update" | "deposit" | "withdraw" | "shutdown"
  readonly tag: SignTag
  readonly proposer: AccountAddress
  readonly channelId: ChannelId
  readonly signedTx: SignedTx
  readonly updates: ReadonlyArray<Update>
  readonly round: number
  readonly before: PartyBalances
  readonly after: PartyBalances
  readonly worstOwnBalance: bigint
  readonly call?: CallObject
}

/**
 * A round that creates or calls a contract and could not be computed here, so that nobody knows what it leads to:
 * neither balances nor the contract's result. Its form was verified, and that it is ours or the peer's as it should be;
 * the state hash is the node's word. Or a transaction that a generalized account is said to have authenticated, where
 * nobody could ask its contract: once that is believed, all else about it is verified as always.
 *
 * - `operation`: `update`, or `force_progress` for our own; of what a generalized account has authenticated whatever it is
 * - `reason`: `no_engine` (a contract of the AEVM, or code that cannot be run here), `chain_data` (the contract looks at
 *   something of the chain that could not be read, or that cost too much to read; or a call that was forced on chain looks
 *   at a block, and nobody knows at which) or `authentication` (a generalized account that could not be asked)
 * - `detail`: the same for people
 *
 * @since 0.1.0
 * @category models
 */
export interface UnverifiedProposal extends Omit<Proposal, "operation" | "after" | "call"> {
  readonly operation: Proposal["operation"] | "force_progress"
  readonly reason: "no_engine" | "chain_data" | "authentication"
  readonly detail: string
}

/**
 * Sign it.
 *
 * @since 0.1.0
 * @category models
 */
export class Accept extends Data.TaggedClass("Accept") {}

/**
 * Do not sign it, and tell the peer this code: 1 validation, 4 abort, 128 to 65535 what the parties agreed on. Codes
 * 2, 3 and 5 to 127 are possible but mean something else or nothing to others.
 *
 * @since 0.1.0
 * @category models
 */
export class Decline extends Data.TaggedClass("Decline")<{ readonly code: number }> {}

/**
 * @since 0.1.0
 * @category models
 */
export type Decision = Accept | Decline

/**
 * The decision to sign.
 *
 * @since 0.1.0
 * @category constructors
 */
export const accept: Decision = new Accept()

/**
 * The decision not to sign. A code outside 1 to 65535 is a defect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const decline = (code: number): Decline => {
  if (!Number.isInteger(code) || code < 1 || code > 65_535)
    throw new RangeError(`a signing error code is 1 to 65535, not ${code}`)
  return new Decline({ code })
}

/**
 * `decide` may take its time (a person may be asked); it is interrupted when the proposal is gone. `decideUnverified` is
 * asked about rounds that could not be computed here, the peer's and our own; without it they are declined. One that was
 * forced on chain holds up everything else: once the channel is being closed, or we ask for its end, the answer counts
 * only if it comes within the client's `requestTimeout`. If it does not and the channel goes on, it counts as declined. So
 * does a later answer about a generalized account's authentication, which holds up everything too.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProposalPolicyService {
  readonly decide: (proposal: Proposal) => Effect.Effect<Decision>
  readonly decideUnverified?: (proposal: UnverifiedProposal) => Effect.Effect<Decision>
}

/**
 * The policy in use.
 *
 * @since 0.1.0
 * @category tags
 */
export class ProposalPolicy extends Context.Tag("@aechannel/core/ProposalPolicy")<
  ProposalPolicy,
  ProposalPolicyService
>() {}

const decideBy =
  <P>(decide: (proposal: P) => Decision | Effect.Effect<Decision>) =>
  (proposal: P): Effect.Effect<Decision> =>
    Effect.suspend(() => {
      const decision = decide(proposal)
      return Effect.isEffect(decision) ? decision : Effect.succeed(decision)
    })

/**
 * A policy from a function: a decision at once, or an effect that comes to one. `decideUnverified` is for rounds that
 * could not be computed here, about which the other is never asked; without it they are declined.
 *
 * @since 0.1.0
 * @category layers
 */
export const make = (
  decide: (proposal: Proposal) => Decision | Effect.Effect<Decision>,
  decideUnverified?: (proposal: UnverifiedProposal) => Decision | Effect.Effect<Decision>
): Layer.Layer<ProposalPolicy> =>
  Layer.succeed(ProposalPolicy, {
    decide: decideBy(decide),
    ...(decideUnverified === undefined ? {} : { decideUnverified: decideBy(decideUnverified) })
  })

/**
 * Accepts every verified proposal, also those that lower our own balance; none that could not be computed here.
 *
 * @since 0.1.0
 * @category layers
 */
export const acceptAll: Layer.Layer<ProposalPolicy> = make(() => accept)

/**
 * Declines every proposal with a code, except the opening: that one is our own request, every term of it checked.
 *
 * @since 0.1.0
 * @category layers
 */
export const declineAll = (code: number): Layer.Layer<ProposalPolicy> => {
  const decision = decline(code)
  return make((proposal) => (proposal.operation === "open" ? accept : decision))
}
