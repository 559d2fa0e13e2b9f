/**
 * What the node says of its own accord, signing requests aside.
 *
 * @internal
 */
import * as SignedTx from "../../chain/SignedTx.js"
import type { ChannelId } from "../../encoding/ApiEncoding.js"
import { type EndedBy, TransportError, type VerificationError } from "../../protocol/Errors.js"
import type { Conflict, Info, NodeMessage } from "../../protocol/NodeMessage.js"
import { type SignTag, signTagRow } from "../../protocol/SignTag.js"
import type { Exposure } from "../../services/ChannelStore.js"
import * as Apply from "../../state/Apply.js"
import type { Trees } from "../../state/Trees.js"
import type { CoSignedState } from "../ChannelEvent.js"
import type { Draft } from "./draft.js"
import type { OwnOperation, Signing } from "./model.js"
import { onSignRequest, releaseHeld } from "./signing.js"
import { balancesOf, wrong } from "./checks.js"
import { contentOf, generalizedIn, sameBody } from "./agreement.js"
import { explainUnknownState, isAuthentic, isCoSigned, roundOf } from "./coSigned.js"
import { contractsFor, nextTrees, withoutChain } from "./execution.js"
import { groundOf, isForced, takeForced } from "./forced.js"
import { onOnChainTx, slashIfOlder, slashRefused } from "./onChain.js"
import { isOffChain, isSolo, kinds, leadsToState, needsDepth } from "./operations.js"
import { askNode } from "./settling.js"
import { sameHash } from "./verifyForced.js"

/** A report. */
export const onReported = (
  draft: Draft,
  message: Extract<NodeMessage, { readonly _tag: "Reported" }>
): void => {
  const { channelId, report } = message
  if (isOfOtherChannel(draft, channelId)) {
    const error = wrong(
      draft.context("report"),
      "channelId",
      String(draft.state.channelId),
      String(channelId)
    )
    draft.lie(error)
    if (report._tag === "SignRequest") refuseOtherChannel(draft, message, error)
    return
  }
  switch (report._tag) {
    case "SignRequest":
      onSignRequest(draft, channelId, report)
      break
    case "MessageReport":
      draft.emit({ _tag: "MessageReceived", from: report.from, to: report.to, text: report.info })
      break
    case "Info":
      draft.emit({ _tag: "Reported", channelId, report })
      onInfo(draft, report)
      break
    case "OnChainTx":
      draft.emit({ _tag: "Reported", channelId, report })
      onOnChainTx(draft, report)
      break
    case "StateUpdate":
      draft.emit({ _tag: "Reported", channelId, report })
      onState(draft, report.state)
      break
    case "LeaveReport":
      draft.emit({ _tag: "Reported", channelId, report })
      onLeave(draft, report.state)
      break
    case "Conflict":
      draft.emit({ _tag: "Reported", channelId, report })
      onConflict(draft, report)
      break
    default:
      draft.emit({ _tag: "Reported", channelId, report })
  }
}

const isOfOtherChannel = ({ state }: Draft, channelId: ChannelId | null): boolean =>
  channelId !== null && state.channelId !== null && channelId !== state.channelId

const refuseOtherChannel = (
  draft: Draft,
  { report }: Extract<NodeMessage, { readonly _tag: "Reported" }>,
  error: VerificationError
): void => {
  if (report._tag !== "SignRequest") return
  const { own } = draft.state
  if (own?.step === "requested" && own.tag === report.tag) {
    draft.failCaller(error)
    draft.refuseOwn(1)
  } else draft.sendRefusal(report.tag, 1)
}

const onInfo = (draft: Draft, info: Info): void => {
  const { state } = draft
  if (info.fsmId !== undefined) {
    draft.patch({ fsmId: info.fsmId })
    if (state.version > 0) draft.persist()
  }
  switch (info.event) {
    case "open":
      // What one party has begun on chain goes on, whatever the node's machine calls its state.
      draft.patch({
        nodeOpen: true,
        ...(state.phase === "closing" && state.soloClosing === "no" ? { phase: "open" as const } : {})
      })
      openIfReady(draft)
      break
    case "peer_disconnected":
      draft.patch({ peerConnected: false })
      onPeerGone(draft)
      break
    case "own_deposit_locked":
    case "own_withdraw_locked":
      lock(draft, { own: true })
      break
    case "deposit_locked":
    case "withdraw_locked":
      lock(draft, { peer: true })
      break
    case "channel_reestablished":
    case "channel_open":
    case "channel_accept":
      draft.patch({ peerConnected: true })
      break
    case "closing":
      if (state.phase !== "closed") draft.patch({ phase: "closing" })
      draft.startNext()
      break
    case "closed_confirmed":
    case "close_mutual":
      onClosed(draft, info.event === "closed_confirmed")
      break
    case "aborted_update":
      onAborted(draft)
      break
    case "bad_signature":
    case "bad_state_hash":
    case "not_create_tx":
      failOpening(draft, info.event, 1)
      break
    case "timeout":
      failOpening(draft, info.event, 3)
      break
    case "died":
      draft.endAll(
        new TransportError({
          reason: "channel_ended",
          operation: "channel",
          detail: "the node's state machine of this channel ended"
        }),
        true
      )
      break
    default:
  }
}

const lock = (draft: Draft, said: { readonly own: true } | { readonly peer: true }): void => {
  const { locks } = draft.state
  if (locks !== "unknown") draft.patch({ locks: { ...locks, ...said } })
}

/**
 * The node drops what was under way with the peer, without a word to either client. What it has not yet asked our
 * signature for, it still will.
 */
const onPeerGone = (draft: Draft): void => {
  const { own } = draft.state
  if (own?.step === "aborting") draft.endOwn("told")
  else if (own !== undefined && own.step !== "requested" && own.kind !== "open" && !isSolo(own.kind))
    draft.endOwn({ error: draft.ended(own.kind, "peer disconnected", "peer", 4) })
  draft.endPeer("peer", 4)
  draft.startNext()
}

/** The node gives up; `died` follows. */
const failOpening = (draft: Draft, step: string, code: number): void => {
  const { own } = draft.state
  if (own !== undefined) draft.failCaller(draft.ended(own.kind, step, "node", code))
}

/** The opening is complete when the node says so and the first state is co-signed. */
export const openIfReady = (draft: Draft): void => {
  const { own, latest, nodeOpen, phase, config } = draft.state
  const said = nodeOpen || config.parameters.reports?.info === false
  if (latest === undefined || !said) return
  if (phase === "opening") draft.patch({ phase: "open", peerConnected: true })
  if (own?.kind === "open") draft.endOwn({ result: { _tag: "CoSigned", state: latest } })
  draft.startNext()
}

const onClosed = (draft: Draft, confirmed: boolean): void => {
  draft.patch({ phase: "closed", closeConfirmed: confirmed })
  const { own, watched, closeTx } = draft.state
  if (closeTx !== undefined) {
    const result = { _tag: "Closed", closed: { signedTx: closeTx, confirmed } } as const
    if (own !== undefined && kinds[own.kind].ends === "closed") draft.endOwn({ result })
    for (const each of watched) if (kinds[each.kind].ends === "closed") draft.endWatched(each, { result })
  }
  if (draft.state.peer?.tag === "shutdown_sign_ack") draft.endPeer()
}

const onAborted = (draft: Draft): void => {
  const { own, peer } = draft.state
  if (own?.step === "aborting") {
    draft.endOwn("told")
    releaseHeld(draft)
  } else if (peer?.step === "aborting") draft.endPeer("we", peer.abortCode ?? 4)
  draft.startNext()
}

// Who ended it cannot be read from the frame: our node's own check and the peer's answer look the same. A timeout is
// our node's timer, a refusal by the mempool our node's or the chain's, where there is something for the chain; an
// invalid signature is the node's finding when ours was the second, since the peer says nothing after its own;
// everything else comes from the peer.
const endedBy = (code: number, tag: SignTag | undefined): EndedBy => {
  if (code === 3) return "node"
  if (code === 5) return tag !== undefined && isOffChain(tag) ? "peer" : "node"
  return code === 1 && tag !== undefined && signTagRow(tag).side === "acknowledger" ? "node" : "peer"
}

/**
 * Whether a conflict ends the own operation: not a request that the node has not answered yet (the conflict was on its
 * way), and not one that the node postpones while it acts for the peer.
 */
const isEndedByConflict = ({ kind, requestId, step, taken }: OwnOperation, withPeer: boolean): boolean => {
  const { tag, collides } = kinds[kind]
  if (tag === undefined) return false
  if (step !== "requested") return true
  return (taken || requestId === undefined) && (collides || !withPeer)
}

const awaitingPeer = "awaiting the peer's signature"

/**
 * Which of the transactions that only we have signed the mempool has refused. The node says so right after our signature,
 * before it comes to anything else: it is the last, and once the node has come to something else it is none. The peer can
 * decline with the same code.
 */
const refusedOnChain = ({ state: { own, peer, watched } }: Draft): OwnOperation | undefined =>
  peer !== undefined || (own !== undefined && (own.step !== "requested" || own.taken))
    ? undefined
    : watched.at(-1)

const onConflict = (draft: Draft, conflict: Conflict): void => {
  const { frozen, ground, own, peer } = draft.state
  const code = conflict.errorCode ?? 2
  // Once we are frozen the others may be ahead of us. What was forced on chain is not known to both nodes at once, and a
  // node lets go of it where it waits for a transaction that both signed before.
  const isKnown = conflict.round <= draft.round && conflict.round >= (ground?.round ?? draft.round)
  if (!isKnown && frozen === undefined)
    draft.lie(wrong(draft.context("conflict"), "round", `${draft.round}`, `${conflict.round}`))
  const refused = code === 5 ? refusedOnChain(draft) : undefined
  if (refused !== undefined) {
    draft.endWatched(refused, { error: draft.ended(refused.kind, "chain", "node", code) })
    if (refused.byItself) slashRefused(draft)
    draft.startNext()
    return
  }
  if (own !== undefined && isEndedByConflict(own, peer !== undefined)) {
    const step = own.step === "signed" ? awaitingPeer : `sign.${own.tag ?? ""}`
    if (own.abortCode !== undefined) draft.endOwn("told")
    else draft.endOwn({ error: draft.ended(own.kind, step, endedBy(code, own.tag), code) })
    const { phase, soloClosing } = draft.state
    if (phase === "closing" && own.kind === "shutdown" && soloClosing === "no") draft.patch({ phase: "open" })
  }
  if (peer !== undefined) {
    if (peer.step === "aborting") draft.endPeer("we", peer.abortCode ?? 4)
    else draft.endPeer(endedBy(code, peer.tag), code)
  }
  draft.startNext()
}

const onLeave = (draft: Draft, state: SignedTx.SignedTx): void => {
  const { frozen, own, latest } = draft.state
  const context = draft.context("leave")
  // Once we are frozen the node may leave with a later state than ours; what was forced is told again to who comes back.
  const mayBeLater = frozen !== undefined || isForced(state)
  const isLater = mayBeLater && (roundOf(contentOf(state).tx) ?? 0) > draft.round
  const error =
    !isLater && (latest === undefined || !sameBody(latest.signedTx, state))
      ? explainUnknownState(context, state, undefined)
      : isAuthentic(context, state, isLater ? undefined : latest?.signedTx)
        ? undefined
        : wrong(context, "signature", "the signatures of both parties", "others")
  if (error !== undefined) draft.lie(error)
  if (own?.kind !== "leave") return
  if (error === undefined) draft.endOwn({ result: { _tag: "Done" } })
  else draft.endOwn({ error })
  draft.startNext()
}

// Co-signed states.

const onState = (draft: Draft, signedTx: SignedTx.SignedTx): void => {
  const { latest, exposure } = draft.state
  if (latest !== undefined && sameBody(latest.signedTx, signedTx)) {
    openIfReady(draft)
    return
  }
  if (isForced(signedTx)) {
    takeForced(draft, signedTx)
    return
  }
  const context = draft.context(draft.state.own?.kind ?? "update")
  const txHash = SignedTx.bodyHash(signedTx)
  const known = exposure.find((each) => each.txHash === txHash && groundOf(draft, each) !== undefined)
  if (known === undefined) onUnknownState(draft, signedTx)
  else if (!isCoSigned(context, signedTx, known.signedTx))
    onLie(draft, wrong(context, "signature", "the signatures of both parties", "others"))
  else if (!isDeepEnough(draft, known))
    onLie(draft, wrong(context, "depth", "that both nodes said it is deep enough", "not said"))
  else adopt(draft, signedTx, known)
}

/**
 * Coins move on chain first: until both nodes have seen that deep enough, the channel holds what it held. Once one party
 * closes alone, what is in a block counts.
 */
const isDeepEnough = ({ state: { config, locks, phase } }: Draft, { tag }: Exposure): boolean =>
  !needsDepth(tag) ||
  phase === "closing" ||
  config.parameters.reports?.info === false ||
  locks === "unknown" ||
  (locks.own && locks.peer)

/**
 * The trees of a state that both have signed, computed before or now; `offered` are the node's, which count if they have
 * the hash that we signed. Undefined if nobody has them yet.
 */
const treesOf = (
  draft: Draft,
  signedTx: SignedTx.SignedTx,
  known: Exposure,
  offered: Trees | undefined
): Trees | Apply.UpdateError | undefined => {
  const { state, env } = draft
  const { config, prepared } = state
  const { crypto } = env
  const { round, txHash, updates } = known
  const { tx } = contentOf(signedTx)
  if (round === 1) return state.trees
  const trees = groundOf(draft, known)
  if (trees === undefined) return undefined
  const found = prepared.find((each) => each.txHash === txHash)
  if (found !== undefined) return found.trees
  const contracts = contractsFor(updates, withoutChain(config), crypto)
  const computed = nextTrees(config, trees, updates, round, contracts)
  if (contracts === undefined || !("stateHash" in tx)) return computed
  if (!(computed instanceof Apply.UpdateError) && sameHash(computed, tx.stateHash)) return computed
  return offered !== undefined && sameHash(offered, tx.stateHash) ? offered : undefined
}

const isShutdown = ({ tag }: Exposure): boolean => tag === "shutdown_sign" || tag === "shutdown_sign_ack"

export const adopt = (draft: Draft, signedTx: SignedTx.SignedTx, known: Exposure, offered?: Trees): void => {
  const { config, channelId, coming, exposure, intents, own, peer, prepared } = draft.state
  const trees = treesOf(draft, signedTx, known, offered)
  if (trees instanceof Apply.UpdateError || channelId === null) return
  if (trees === undefined) {
    // Who comes back asks the node anyway.
    if (coming !== undefined) return
    dropUnsigned(draft)
    askNode(draft, signedTx)
    return
  }
  const { round, txHash } = known
  const state: CoSignedState = {
    channelId,
    round,
    balances: balancesOf(config, trees),
    signedTx,
    trees
  }
  draft.patch({
    trees,
    latest: state,
    ground: undefined,
    generalized: draft.state.generalized ?? generalizedIn(signedTx),
    // A closing transaction is not overtaken by a higher round: the chain would still take it.
    exposure: exposure.filter((each) => each.txHash !== txHash && (each.round >= round || isShutdown(each))),
    prepared: prepared.filter((each) => each.round > round),
    intents: intents.filter((each) => each.round >= round)
  })
  draft.persist()
  draft.emit({ _tag: "CoSigned", state })
  if (own !== undefined && own.kind !== "open" && own.signing?.txHash === txHash)
    draft.endOwn({ result: { _tag: "CoSigned", state, verified: own.signing.unexecuted === undefined } })
  if (peer?.signing?.txHash === txHash) draft.endPeer()
  dropOutdated(draft, round)
  // What the chain shows may have been as new as the state before.
  slashIfOlder(draft)
  if (own?.kind === "open") openIfReady(draft)
  else draft.startNext()
}

/**
 * What follows from the state before: with our policy or signer it must not be signed any more, and what was signed
 * cannot become the next state. Good nodes end it themselves before they show a new state.
 */
const dropOutdated = (draft: Draft, round: number): void => {
  const isOver = (signing: Signing | undefined): boolean =>
    signing !== undefined && leadsToState(signing.tag) && signing.round <= round
  dropUnsigned(draft)
  const { own, peer } = draft.state
  if (own?.step === "signed" && isOver(own.signing))
    draft.endOwn({ error: draft.ended(own.kind, awaitingPeer, "node", 2) })
  if (peer?.step === "signed" && isOver(peer.signing)) draft.endPeer("node", 2)
}

/** What our policy or signer has must not be signed any more. */
const dropUnsigned = (draft: Draft): void => {
  const { own, peer } = draft.state
  if (own?.step === "deciding" || own?.step === "signing") {
    draft.failCaller(draft.ended(own.kind, `sign.${own.tag ?? ""}`, "node", 2))
    draft.refuseOwn(2)
  }
  if (peer?.step === "deciding" || peer?.step === "signing" || peer?.step === "held") draft.refusePeer(2)
}

const onUnknownState = (draft: Draft, signedTx: SignedTx.SignedTx): void => {
  const { own, peer } = draft.state
  const signed = own?.step === "signed" ? own.signing : peer?.step === "signed" ? peer.signing : undefined
  const signedState = signed === undefined ? undefined : contentOf(signed.signedTx).tx
  const expected =
    signed !== undefined && signedState !== undefined && "stateHash" in signedState
      ? { round: signed.round, stateHash: signedState.stateHash }
      : undefined
  const context = draft.context(own?.kind ?? "update")
  const round = roundOf(contentOf(signedTx).tx) ?? 0
  // Both signatures on a later state than ours: we have forgotten something, and could sign against it.
  if (round > draft.round && isCoSigned(context, signedTx)) {
    const detail = `the node shows round ${round} with our signature, of which we know nothing`
    draft.freeze(detail, { reason: "corrupt", detail }, (operation) => draft.frozenError(operation))
    draft.persist()
  }
  onLie(draft, explainUnknownState(context, signedTx, expected))
}

/** What is reported as co-signed is not: the own operation fails with it. */
const onLie = (draft: Draft, error: VerificationError): void => {
  const { own } = draft.state
  draft.lie(error)
  if (own?.step !== "signed" || kinds[own.kind].ends !== "co-signed") return
  const { kind } = own
  draft.endOwn({ error })
  if (kind === "open") draft.do({ _tag: "Disconnect" })
  draft.startNext()
}
