/**
 * Signing requests: from the node's question over verification, store, policy and signer to our answer.
 *
 * @internal
 */
import type { BlockHash, ChannelId } from "../../encoding/ApiEncoding.js"
import type { DecodeError } from "../../encoding/DecodeError.js"
import { SignerError, VerificationError } from "../../protocol/Errors.js"
import type { SignRequest } from "../../protocol/NodeMessage.js"
import type { SignTag } from "../../protocol/SignTag.js"
import { signTagRow } from "../../protocol/SignTag.js"
import type { Exposure, Intent, IntentDecision, StoredRecord } from "../../services/ChannelStore.js"
import type { Environment } from "../../fate/Environment.js"
import { isNotPinned } from "../../services/ChainReader.js"
import {
  Accept,
  Decline,
  type Decision,
  type PartyBalances,
  type Proposal,
  type UnverifiedProposal
} from "../../services/ProposalPolicy.js"
import * as Ids from "../../chain/Ids.js"
import * as SignedTx from "../../chain/SignedTx.js"
import type { Balances } from "../ChannelEvent.js"
import { type Draft, peerTimer } from "./draft.js"
import type { ClientState, OperationRequest, Signing, WorkId } from "./model.js"
import { type Context, type Verified, balancesOf, wrong } from "./checks.js"
import { contentOf } from "./agreement.js"
import { isSignedAsAsked } from "./coSigned.js"
import * as Execution from "./execution.js"
import { kinds, needsDepth } from "./operations.js"
import { unlocked, verifiers, verifyCreate } from "./verify.js"

/** Code of a refusal because of what was to be signed. */
const invalid = 1
/** Code of a refusal because the signer, the store or the caller does not want to. */
const abort = 4

/** How long the node waits for a signature unless told otherwise, in milliseconds. */
const defaultSignTimeout = 500_000

/** When the node has surely let go of what it wanted signed: its own time, and what an answer may take. */
const signTimeout = ({ state: { config } }: Draft): number =>
  (config.parameters.timeouts?.sign ?? defaultSignTimeout) + config.requestTimeout

const ownTags: ReadonlySet<SignTag> = new Set(["initiator_sign", "responder_sign"])

/** Whether we started what this signature is for; the opening is both parties' own. */
const isOwn = (tag: SignTag): boolean => signTagRow(tag).side !== "acknowledger" || ownTags.has(tag)

/** Balances as our side sees them. */
export const seenFromUs = (state: ClientState, { initiator, responder }: Balances): PartyBalances =>
  state.config.role === "initiator"
    ? { own: initiator, peer: responder }
    : { own: responder, peer: initiator }

/** The lowest that we could end with, by what the peer could still complete. */
export const worstOwnBalance = (state: ClientState): bigint => {
  const current = seenFromUs(state, balancesOf(state.config, state.trees)).own
  return state.exposure.reduce((worst, { ownBalance }) => (ownBalance < worst ? ownBalance : worst), current)
}

/** What the policy is asked about; what else we sign was asked for by our own side. */
const proposals: { readonly [T in SignTag]?: Proposal["operation"] } = {
  initiator_sign: "open",
  responder_sign: "open",
  update_ack: "update",
  deposit_ack: "deposit",
  withdraw_ack: "withdraw",
  shutdown_sign_ack: "shutdown"
}

const operationOf = (tag: SignTag): Proposal["operation"] => proposals[tag] ?? "update"

/** What nobody can know of a round that was not computed. */
const nothingKnown: Balances = { initiator: 0n, responder: 0n }

const roundIn = (signedTx: SignedTx.SignedTx): number => {
  const { tx } = contentOf(signedTx)
  return "round" in tx ? tx.round : 0
}

/** A signature to be made. */
const signingOf = (
  draft: Draft,
  { bare, tag, signedTx, updates }: SignRequest,
  verified: Verified | Execution.Unexecuted
): Signing => {
  const request = {
    tag,
    signedTx,
    ...(bare && { bare }),
    updates,
    txHash: SignedTx.bodyHash(signedTx),
    work: draft.newWork()
  }
  if (!Execution.isUnexecuted(verified)) return { ...request, ...verified }
  const { latest } = draft.state
  // Only what follows from an open channel's state is ever computed.
  if (latest === undefined) throw new Error("a round follows from a state")
  // What we do alone is about the latest round, computed or not.
  const round = signTagRow(tag).side === "solo" ? latest.round : roundIn(signedTx)
  const { channelId } = latest
  return { ...request, channelId, round, after: nothingKnown, unexecuted: verified }
}

/** What every proposal says, computed or not. */
const proposalOf = ({ state }: Draft, { tag, signedTx, updates, channelId, round }: Signing) => {
  const { own, peer } = state.config
  return {
    tag,
    proposer: signTagRow(tag).side === "acknowledger" ? peer : own,
    channelId,
    signedTx,
    updates,
    round,
    before: seenFromUs(state, balancesOf(state.config, state.trees)),
    worstOwnBalance: worstOwnBalance(state)
  }
}

/** Asks the policy about a signature. */
const askPolicy = (draft: Draft, signing: Signing): void => {
  const { after, call, tag, unexecuted, work } = signing
  if (unexecuted !== undefined) return askUnverified(draft, signing, unexecuted)
  const proposal: Proposal = {
    operation: operationOf(tag),
    ...proposalOf(draft, signing),
    after: seenFromUs(draft.state, after),
    ...(call === undefined ? {} : { call })
  }
  draft.do({ _tag: "AskPolicy", work, proposal })
}

/** Asks the policy about what could not be computed. */
const askUnverified = (draft: Draft, signing: Signing, { detail, reason }: Execution.Unexecuted): void => {
  const { signedTx, tag, work } = signing
  const operation = tag === "force_progress_tx" ? "force_progress" : "update"
  // Nobody knows what the next round is, also where we make it alone.
  const round = roundIn(signedTx)
  const proposal: UnverifiedProposal = { operation, ...proposalOf(draft, signing), round, reason, detail }
  draft.emit({ _tag: "RoundUnverified", tag, round, reason, detail })
  draft.do({ _tag: "AskUnverified", work, proposal })
}

/** The node asks for a signature. `frameChannelId` is what its frame says. */
export const onSignRequest = (draft: Draft, frameChannelId: ChannelId | null, request: SignRequest): void =>
  isOwn(request.tag) ? onOwnRequest(draft, frameChannelId, request) : onPeerRequest(draft, request)

const verifyOwn = (
  draft: Draft,
  frameChannelId: ChannelId | null,
  request: SignRequest
): Execution.Verdict => {
  const { own } = draft.state
  const context = draft.context(own?.kind ?? request.tag)
  if (own === undefined || own.tag !== request.tag || own.step !== "requested")
    return wrong(
      context,
      "operation",
      own?.step === "requested" ? (own.tag ?? own.kind) : "no signing request",
      request.tag
    )
  if (own.kind === "open") return verifyCreate({ ...context, channelId: frameChannelId }, request)
  return (
    verifyOpen(draft, context, request, own.request) ?? wrong(context, "operation", own.kind, request.tag)
  )
}

/** Verifies what is signed in an open channel; undefined when nothing of the kind ever is. */
const verifyOpen = (
  { state: { config, latest, ground, exposure } }: Draft,
  context: Context,
  request: SignRequest,
  asked: OperationRequest | undefined,
  environment: Environment = Execution.withoutChain(config)
): Execution.Verdict | undefined => {
  if (latest === undefined) return wrong(context, "round", "an open channel", request.tag)
  return verifiers[request.tag]?.(context, { latest, ground, exposure, environment }, request, asked)
}

/**
 * A signing request that cannot be read is answered all the same, so that neither the node nor the peer waits for a
 * timer. In an opening there is nothing else to come.
 */
export const onUnreadableRequest = (draft: Draft, tag: SignTag, error: DecodeError): void => {
  const { own, peer } = draft.state
  if (own?.step === "requested" && (isOwn(tag) || own.kind === "open")) {
    draft.failCaller(error)
    draft.patchOwn({ tag })
    draft.refuseOwn(invalid)
  } else if (isOwn(tag)) {
    // A second question while the first is being answered gets no answer of its own.
    if (own?.tag !== tag) draft.sendRefusal(tag, invalid)
  } else {
    // A new proposal means that the node has let go of the one before.
    if (peer?.step === "aborting") draft.endPeer("we", peer.abortCode ?? abort)
    else draft.endPeer("node", 2)
    // The node hears this before any request of ours, so that nothing needs to wait for what comes of it.
    draft.sendRefusal(tag, invalid)
    draft.startNext()
  }
}

const onOwnRequest = (draft: Draft, frameChannelId: ChannelId | null, request: SignRequest): void => {
  const { own } = draft.state
  // The node asked before it heard that we do not want to be asked.
  if (own?.step === "aborting" && own.tag === request.tag) return
  const verified = verifyOwn(draft, frameChannelId, request)
  if (verified instanceof VerificationError) {
    if (own?.step === "requested") {
      if (own.tag !== request.tag) draft.patchOwn({ tag: request.tag })
      return refuseLie(draft, "own", verified)
    }
    draft.lie(verified)
    // A second question while the first is being answered gets no answer of its own.
    if (own?.tag !== request.tag) draft.sendRefusal(request.tag, invalid)
    return
  }
  if (own === undefined) return
  draft.stopTimer(own.callId)
  if (own.kind === "shutdown" && draft.state.phase === "closing")
    draft.startTimer(own.callId, signTimeout(draft))
  if (draft.state.frozen !== undefined) {
    draft.failCaller(draft.frozenError(own.kind))
    draft.refuseOwn(abort)
    return
  }
  if (!own.waiting && !own.byItself && own.kind !== "open") {
    draft.refuseOwn(own.abortCode ?? abort)
    return
  }
  const signing = signingOf(draft, request, verified)
  // The node asks for ours only after it has let go of the peer's.
  if (draft.state.peer?.step === "held") draft.endPeer("node", 2)
  if (Execution.isUnexecuted(verified)) {
    draft.patchOwn({ step: "deciding" })
    compute(draft, "own", signing, verified)
    return
  }
  asked(draft, own.kind, signing)
  if (own.kind !== "open") {
    draft.patchOwn({ signing })
    beginSigning(draft, "own", "requested")
    return
  }
  if (isUnnamed(draft.state, request.tag)) {
    draft.patchOwn({ signing, step: "deciding" })
    return askPolicy(draft, signing)
  }
  draft.patchOwn({ signing, step: "loading" })
  draft.do({ _tag: "Load", work: signing.work, channelId: signing.channelId })
}

/**
 * Whether the channel has no name before we have signed: that of a generalized initiator is made of what it authenticates
 * with.
 */
const isUnnamed = ({ config: { generalized, role } }: ClientState, tag: SignTag): boolean =>
  generalized === true && role === "initiator" && tag === "initiator_sign"

/** What we were to sign is not what it should be. */
const refuseLie = (draft: Draft, side: Side, error: VerificationError): void => {
  draft.lie(error)
  if (side === "own") draft.failCaller(error)
  refuse(draft, side, invalid)
}

// ---------------------------------------------------------------- rounds that depend on the chain

const setSigning = (draft: Draft, side: Side, signing: Signing): void =>
  side === "own" ? draft.patchOwn({ signing }) : draft.patchPeer({ signing })

/** The block that our own request names, if it names one. */
const namedBlock = ({ state: { own } }: Draft, side: Side): BlockHash | undefined => {
  const request = side === "own" ? own?.request : undefined
  return request !== undefined && "blockHash" in request ? request.blockHash : undefined
}

/** Computes a round with what the chain says, if that can help; if not, the policy has to do without. */
const compute = (draft: Draft, side: Side, signing: Signing, unexecuted: Execution.Unexecuted): void => {
  if (unexecuted.read === undefined) {
    setSigning(draft, side, signing)
    return askPolicy(draft, signing)
  }
  const named = namedBlock(draft, side)
  const isNewest = signing.tag === "force_progress_tx" || (named !== undefined && isNotPinned(named))
  const execution = Execution.begin(unexecuted, isNewest ? undefined : named, isNewest)
  setSigning(draft, side, { ...signing, execution })
  draft.do({ _tag: "AskChain", work: signing.work, question: execution.question })
}

/** The chain has answered, or not. */
export const onTold = (draft: Draft, work: WorkId, told: Execution.ChainTold): void => {
  const side = sideOf(draft.state, work, "deciding")
  const signing = side === undefined ? undefined : signingAt(draft.state, side)
  if (side === undefined || signing?.execution === undefined) return
  const { own, config } = draft.state
  const { execution, ...bare } = signing
  const request: SignRequest = { _tag: "SignRequest", ...bare }
  const operation = side === "own" ? (own?.kind ?? signing.tag) : operationOf(signing.tag)
  const context = draft.context(operation)
  const progress = Execution.next(
    execution,
    told,
    config,
    (environment) =>
      verifyOpen(draft, context, request, side === "own" ? own?.request : undefined, environment) ??
      wrong(context, "operation", operation, signing.tag)
  )
  if ("execution" in progress) {
    setSigning(draft, side, { ...signing, execution: progress.execution })
    draft.do({ _tag: "AskChain", work, question: progress.execution.question })
    return
  }
  const { verdict } = progress
  if (verdict instanceof VerificationError) return refuseLie(draft, side, verdict)
  const known = signingOf(draft, request, verdict)
  setSigning(draft, side, known)
  if (Execution.isUnexecuted(verdict)) return askPolicy(draft, known)
  asked(draft, operation, known)
  if (side === "own") beginSigning(draft, "own", "requested")
  else askPolicy(draft, known)
}

const asked = (draft: Draft, operation: string, { tag, round, txHash, updates }: Signing): void =>
  draft.emit({ _tag: "SignatureAsked", tag, operation, round, txHash, updates })

/** What we may already know of a channel that is about to be opened. */
export const onLoaded = (draft: Draft, work: WorkId, stored: StoredRecord | undefined): void => {
  const { own } = draft.state
  if (own?.step !== "loading" || own.signing?.work !== work) return
  const { signing } = own
  const { channelId } = signing
  if (stored !== undefined && stored.record.coSigned !== undefined) {
    const error = wrong(
      draft.context("open"),
      "channelId",
      "a new channel",
      `${channelId}, of which we hold round ${stored.record.round}`
    )
    draft.lie(error)
    draft.failCaller(error)
    draft.refuseOwn(invalid)
    return
  }
  if (stored?.record.frozen !== undefined) {
    const detail = `the channel was frozen before: ${stored.record.frozen}`
    draft.patch({ frozen: stored.record.frozen, freeze: { reason: "corrupt", detail } })
    draft.failCaller(draft.frozenError("open"))
    draft.refuseOwn(abort)
    return
  }
  draft.patch({
    channelId,
    version: stored?.version ?? 0,
    exposure: stored?.record.exposure ?? [],
    intents: stored?.record.intents ?? []
  })
  if (own.made !== undefined) return give(draft, "own", signing, own.made)
  draft.patchOwn({ step: "deciding" })
  askPolicy(draft, signing)
}

const onPeerRequest = (draft: Draft, request: SignRequest): void => {
  // A new proposal means that the node has let go of the one before.
  const before = draft.state.peer
  if (before?.step === "aborting") draft.endPeer("we", before.abortCode ?? abort)
  else draft.endPeer("node", 2)
  const { tag } = request
  const verified = verifyOpen(draft, draft.context(operationOf(tag)), request, undefined)
  draft.patch({
    peer: { tag, step: "deciding", signing: undefined, answer: undefined, aborts: [], abortCode: undefined }
  })
  if (verified instanceof VerificationError) return refuseLie(draft, "peer", verified)
  if (verified === undefined || draft.state.frozen !== undefined) {
    draft.refusePeer(abort)
    return
  }
  const signing = signingOf(draft, request, verified)
  draft.patchPeer({ signing })
  if (!Execution.isUnexecuted(verified)) asked(draft, operationOf(tag), signing)
  const { own, phase } = draft.state
  // While one party is closing alone the node lets go of a shutdown in time, and says nothing.
  if (tag === "shutdown_sign_ack" && phase === "closing") draft.startTimer(peerTimer, signTimeout(draft))
  // The node answers our request with a conflict that ends both, or refuses it; until then a signature would be lost.
  if (own?.step === "requested" && kinds[own.kind].collides) draft.patchPeer({ step: "held" })
  else decide(draft, signing)
}

/** What is to be thought of the peer's proposal. */
const decide = (draft: Draft, signing: Signing): void => {
  const { unexecuted } = signing
  if (unexecuted === undefined) askPolicy(draft, signing)
  else compute(draft, "peer", signing, unexecuted)
}

/** Goes on with a proposal that was held, now that no own request collides with it. */
export const releaseHeld = (draft: Draft): void => {
  const { peer, own } = draft.state
  if (peer?.step !== "held" || peer.signing === undefined) return
  if (own?.step === "requested" && kinds[own.kind].collides) return
  draft.patchPeer({ step: "deciding" })
  decide(draft, peer.signing)
}

type Side = "own" | "peer"

/** Whose signature a piece of work is for, if it is still wanted. */
const sideOf = ({ own, peer }: ClientState, work: WorkId, step: "deciding" | "signing"): Side | undefined => {
  if (own?.step === step && own.signing?.work === work) return "own"
  return peer?.step === step && peer.signing?.work === work ? "peer" : undefined
}

const signingAt = ({ own, peer }: ClientState, side: Side): Signing | undefined =>
  side === "own" ? own?.signing : peer?.signing

const refuse = (draft: Draft, side: Side, code: number): void =>
  side === "own" ? draft.refuseOwn(code) : draft.refusePeer(code)

/** The policy has decided. */
export const onDecided = (draft: Draft, work: WorkId, decision: Decision): void => {
  const side = sideOf(draft.state, work, "deciding")
  if (side === undefined) return
  if (decision instanceof Accept) beginSigning(draft, side, side === "own" ? "requested" : "policy accepted")
  else declineBy(draft, side, decision, "policy")
}

const declineBy = (draft: Draft, side: Side, { code }: Decline, step: string): void => {
  const { own } = draft.state
  const unexecuted = signingAt(draft.state, side)?.unexecuted
  if (side === "own" && own !== undefined)
    draft.failCaller(
      unexecuted !== undefined && step === "policy"
        ? unverified(draft, own.kind, unexecuted)
        : draft.ended(own.kind, step, "we", code)
    )
  refuse(draft, side, code)
}

/** Nobody need have lied, but nobody knows what it would have led to. */
const unverified = (
  draft: Draft,
  operation: string,
  { detail, reason }: Execution.Unexecuted
): VerificationError =>
  new VerificationError({
    operation,
    field: "updates",
    expected: "a round that can be computed here",
    actual: `one that cannot: ${detail}`,
    channelId: draft.state.channelId,
    advice:
      reason === "chain_data"
        ? "Give the client a ChainReader that knows the chain, or a policy that decides about unverified rounds."
        : "Contracts of the AEVM, and what this machine has no answer to, cannot be run here; only a policy that decides about unverified rounds lets them pass."
  })

/** The decision becomes durable, then the signer is asked. */
const beginSigning = (draft: Draft, side: Side, decision: IntentDecision): void => {
  const { state } = draft
  const signing = signingAt(state, side)
  if (signing === undefined) return
  const { tag, txHash, round, signedTx, updates, channelId, work } = signing
  const intent: Intent = { txHash, tag, round, decision }
  draft.patch({ intents: [...state.intents.filter((each) => each.txHash !== txHash), intent] })
  draft.persist()
  if (side === "own") draft.patchOwn({ step: "signing" })
  else draft.patchPeer({ step: "signing" })
  const operation = side === "own" ? (state.own?.kind ?? tag) : operationOf(tag)
  const { networkId } = state.config
  draft.do({
    _tag: "AskSigner",
    work,
    details: { tag, operation, signedTx, updates, round, channelId, networkId }
  })
}

/** The signer has signed. What it gives back is checked, becomes durable and leaves. */
export const onSigned = (draft: Draft, work: WorkId, signedTx: SignedTx.SignedTx): void => {
  const side = sideOf(draft.state, work, "signing")
  const signing = side === undefined ? undefined : signingAt(draft.state, side)
  if (side === undefined || signing === undefined) return
  const { tag } = signing
  const context = draft.context(side === "own" ? (draft.state.own?.kind ?? tag) : operationOf(tag))
  if (!isSignedAsAsked(context, signing.signedTx, signedTx)) {
    onNotSigned(
      draft,
      work,
      new SignerError({
        operation: context.operation,
        reason: "invalid",
        detail: `what came back from the signer is not ${tag} with a valid signature of ${context.config.own}`
      })
    )
    return
  }
  const channelId = isUnnamed(draft.state, tag) ? Ids.channelIdOf(signedTx) : undefined
  if (channelId === undefined) return give(draft, side, signing, signedTx)
  draft.patchOwn({ step: "loading", signing: { ...signing, channelId }, made: signedTx })
  draft.do({ _tag: "Load", work, channelId })
}

/** What has our signature becomes durable and leaves. */
const give = (draft: Draft, side: Side, signing: Signing, signedTx: SignedTx.SignedTx): void => {
  const { bare, tag, txHash, round } = signing
  if (signTagRow(tag).side !== "solo") expose(draft, signing, signedTx)
  const { trees } = signing
  if (trees !== undefined) {
    const others = draft.state.prepared.filter((each) => each.txHash !== txHash)
    draft.patch({ prepared: [...others, { txHash, round: roundIn(signedTx), trees }] })
  }
  const answer = draft.send({ _tag: "SigningReply", tag, signedTx, ...(bare && { bare }) })
  draft.emit({ _tag: "SignatureGiven", tag, round, txHash })
  if (side === "peer") {
    draft.patchPeer({ step: "signed", answer })
    // It may have come too late for a node that says nothing of it; otherwise the closing transaction follows at once.
    if (tag === "shutdown_sign_ack" && draft.state.phase === "closing") draft.startTimer(peerTimer)
    return
  }
  draft.patchOwn({ step: "signed", answer })
  if (signTagRow(tag).side === "solo") draft.watchOwn()
  else guardClosing(draft)
}

/**
 * In a channel that one party is closing alone the node lets go of a shutdown that the peer does not answer, and says
 * nothing; and we may not know that it is being closed.
 */
const guardClosing = (draft: Draft): void => {
  const { config, own } = draft.state
  if (own?.kind === "shutdown") draft.startTimer(own.callId, config.chainTimeout)
}

/** What needs both signatures leaves us with one: from now on the peer may complete it, and the store knows. */
const expose = (
  draft: Draft,
  { tag, txHash, round, updates, after }: Signing,
  signedTx: SignedTx.SignedTx
): void => {
  const { state } = draft
  // What we once acknowledged may be complete, also when we propose the same bytes ourselves now.
  const acknowledged =
    signTagRow(tag).side === "acknowledger" ||
    state.exposure.some((each) => each.txHash === txHash && each.side === "acknowledger")
  const exposure: Exposure = {
    txHash,
    tag,
    side: acknowledged ? "acknowledger" : "starter",
    round,
    signedTx,
    updates,
    ownBalance: seenFromUs(state, after).own
  }
  draft.patch({
    exposure: [...state.exposure.filter((each) => each.txHash !== txHash), exposure],
    // What was said about depth was about another transaction.
    ...(needsDepth(tag) ? { locks: unlocked } : {})
  })
  draft.persist()
}

/** The signer has not signed. */
export const onNotSigned = (draft: Draft, work: WorkId, reason: SignerError | Decline): void => {
  const side = sideOf(draft.state, work, "signing")
  if (side === undefined) return
  if (reason instanceof Decline) {
    declineBy(draft, side, reason, `sign.${signingAt(draft.state, side)?.tag ?? ""}`)
    return
  }
  if (side === "own") draft.failCaller(reason)
  else draft.emit({ _tag: "SignerFailed", error: reason })
  refuse(draft, side, abort)
}
