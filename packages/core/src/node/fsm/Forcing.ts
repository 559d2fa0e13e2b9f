/**
 * Forced progress: a party has the chain run a contract call on the latest state, without its peer. What was forced is
 * the latest state of both, once it is in a block.
 *
 * Specification: channel state machine, solo operations and force progress from chain.
 *
 * @since 0.1.0
 */
import type { ChannelObject } from "../../chain/ChannelObject.js"
import * as SignedTx from "../../chain/SignedTx.js"
import type * as Transaction from "../../chain/Transaction.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { ForceProgress } from "../../protocol/Request.js"
import * as Trees from "../../state/Trees.js"
import * as Update from "../../state/Update.js"
import type { CallId } from "../FsmEvent.js"
import { applied, refuseUpdate, withCalls } from "./Applying.js"
import { ownSignatureFault } from "./Checks.js"
import * as Solo from "./Solo.js"
import type { OffChain, Pending } from "./State.js"
import type { Outcome, Step } from "./Step.js"
import { notPinned } from "./Transactions.js"

/**
 * The own client forces a call. It is run once here, in the environment of the top: the state after it is part of the
 * transaction, and the chain takes it over if it finds the same. A state that is on chain already needs no payload.
 *
 * @since 0.1.0
 * @category handlers
 */
export const forceProgress = (step: Step, request: ForceProgress, callId: CallId): Outcome => {
  const ground = Solo.groundOf(step, callId)
  if (ground === undefined) return
  const { channelId, round } = ground
  const { gasPrice, nonce } = request
  const update = Update.call(step.ownAddress, request, request)
  const after = applied(step, [update], notPinned)
  if ("reason" in after) return refuseUpdate(step, callId, after)
  const draft: Transaction.ChannelForceProgressTx = {
    _tag: "ChannelForceProgressTx",
    version: 1,
    channelId,
    fromId: step.ownAddress,
    payload: Solo.payloadFor(step.state.offChain, ground),
    round: round + 1,
    update: Update.encode(update),
    stateHash: Trees.stateHash(after),
    offchainTrees: Trees.encode(step.state.offChain.trees),
    ttl: 0,
    fee: 0n,
    nonce: 0n
  }
  const options = nonce === undefined ? { gasPrice } : { gasPrice, nonce }
  const origin = step.state.name === "channel_closing" ? "channel_closing" : "open"
  Solo.ask(step, callId, "force_progress_tx", draft, options, origin, [update])
}

/**
 * The own client signed a forced progress. A bad signature ends it without a word.
 *
 * @since 0.1.0
 * @category handlers
 */
export const forceProgressSigned = (step: Step, signedTx: SignedTx.SignedTx, pending: Pending): Outcome => {
  const fault = ownSignatureFault(step, signedTx, pending)
  if (fault !== undefined) {
    step.error(fault)
    return Solo.done(step, pending)
  }
  step.log("rcv", "signed", { _tag: "Signed", signedTx })
  Solo.give(step, signedTx, pending)
}

/**
 * A transaction as one that forces progress, if it is one.
 *
 * @since 0.1.0
 * @category getters
 */
export const forcedOf = (signedTx: SignedTx.SignedTx): Transaction.ChannelForceProgressTx | undefined => {
  const { tx } = SignedTx.innermost(signedTx)
  return tx._tag === "ChannelForceProgressTx" ? tx : undefined
}

/** Whether the state on chain was forced in this round, or on top of it in a later one. */
const counts = (channel: ChannelObject, round: number): boolean =>
  channel.soloRound > 0 && channel.soloRound <= round && round <= channel.round

/** Whether the own state is one that was forced. */
const onForced = ({ state }: Step): boolean =>
  state.offChain.signedTx !== undefined && Solo.isForced(state.offChain.signedTx)

/**
 * Whether a forced progress is taken for an attempt to cheat, as the reference does where the chain remembers a call that
 * was forced before the co-signed rounds it follows.
 */
const isPassedOver = (step: Step, tx: Transaction.ChannelForceProgressTx, channel: ChannelObject): boolean =>
  step.env.takesForcedAgain === false && channel.soloRound !== tx.round && !onForced(step)

/**
 * The state after a forced progress that is in a block: the same call on the own state, in the environment of that block.
 * `undefined` if it is not of the next round, does not count any more, or leads elsewhere.
 *
 * @since 0.1.0
 * @category combinators
 */
export const afterForced = (
  step: Step,
  signedTx: SignedTx.SignedTx,
  channel: ChannelObject
): OffChain | undefined => {
  const tx = forcedOf(signedTx)
  const { offChain } = step.state
  if (tx === undefined || tx.round !== offChain.round + 1 || !counts(channel, tx.round)) return undefined
  if (isPassedOver(step, tx, channel)) return undefined
  const update = Trees.readOrUndefined(tx.update, Update.decodeOrThrow)
  const place = step.env.chain.locate(SignedTx.hash(signedTx))
  if (update === undefined || typeof place !== "object") return undefined
  const trees = applied(step, [update], place.blockHash)
  if ("reason" in trees || !Bytes.equals(Trees.stateHash(trees), tx.stateHash)) return undefined
  const calls = withCalls(offChain.calls, trees)
  const coSigned = onForced(step) ? offChain.coSigned : offChain
  return { trees, calls, round: tx.round, signedTx, halfSignedTx: undefined, coSigned }
}

/**
 * Goes back to the latest state that both signed, on top of which they have agreed on something that beats what was
 * forced.
 *
 * @since 0.1.0
 * @category transitions
 */
export const backToCoSigned = (step: Step, nextRound: number): void => {
  const { calls, coSigned } = step.state.offChain
  if (coSigned === undefined || coSigned.round + 1 !== nextRound) return
  step.set({ offChain: { ...coSigned, calls, halfSignedTx: undefined }, lastReportedRound: coSigned.round })
}

/**
 * The forced calls that have led to a state from one of an earlier round, oldest first: others can have been replaced by
 * older states.
 */
const pathTo = (
  state: { readonly round: number; readonly stateHash: Uint8Array },
  earlier: number,
  transactions: ReadonlyArray<SignedTx.SignedTx>
): ReadonlyArray<SignedTx.SignedTx> => {
  const path: Array<SignedTx.SignedTx> = []
  let { round, stateHash } = state
  for (const signedTx of transactions.toReversed()) {
    if (round <= earlier) break
    const tx = forcedOf(signedTx)
    if (tx?.round !== round || !Bytes.equals(tx.stateHash, stateHash)) continue
    path.unshift(signedTx)
    const base = Trees.readOrUndefined(tx.offchainTrees, Trees.decodeOrThrow)
    if (base === undefined) return path
    round -= 1
    stateHash = Trees.stateHash(base)
  }
  return path
}

/**
 * Takes over what was forced and is not known here: the co-signature of the state before was on its way, or something else
 * came in the same block after it.
 *
 * @since 0.1.0
 * @category transitions
 */
export const catchUp = (step: Step): void => {
  const { chain } = step.env
  const {
    channelId,
    offChain: { round }
  } = step.state
  const channel = channelId === null ? undefined : chain.channel(channelId)
  if (channelId === null || channel === undefined || channel.soloRound === 0) return
  // After every co-signed round: the chain has nothing newer as a rule.
  if (channel.round <= round) return
  for (const signedTx of pathTo(channel, round, chain.channelTransactions(channelId))) {
    const offChain = afterForced(step, signedTx, channel)
    if (offChain === undefined) continue
    step.set({ offChain, lastReportedRound: offChain.round })
    step.onChainTx("consumed_forced_progress", signedTx)
  }
}

/**
 * The calls that have been forced since the latest state that both signed, oldest first. A client that comes back may
 * have missed any of them, and needs all for knowing the latest.
 *
 * @since 0.1.0
 * @category getters
 */
export const sinceCoSigned = ({ env, state }: Step): ReadonlyArray<SignedTx.SignedTx> => {
  const { channelId, offChain } = state
  const latest = offChain.signedTx && forcedOf(offChain.signedTx)
  if (channelId === null || latest === undefined) return []
  return pathTo(latest, offChain.coSigned?.round ?? 0, env.chain.channelTransactions(channelId))
}

/**
 * Whether a forced progress was based on a state that is older than the latest one, which has both signatures: a
 * snapshot or a slash takes its place.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isStale = (step: Step, signedTx: SignedTx.SignedTx, channel: ChannelObject): boolean => {
  const tx = forcedOf(signedTx)
  if (tx === undefined || !counts(channel, tx.round) || !Solo.isAhead(step, channel)) return false
  const { round } = step.state.offChain
  return tx.round <= round || (tx.round === round + 1 && isPassedOver(step, tx, channel))
}
