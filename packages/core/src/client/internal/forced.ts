/**
 * States that one party has made on chain, by forcing progress: what makes them the latest.
 *
 * The node's word that the chain has taken one is all there is; but it has the signature of who forced it, follows from
 * our own latest state, and is what the call in it leads to here. One that cannot be computed is left to the policy: what
 * we sign next would be based on it.
 *
 * Specification: channel state machine, force progress from chain.
 *
 * @internal
 */
import * as SignedTx from "../../chain/SignedTx.js"
import * as Transaction from "../../chain/Transaction.js"
import type { Environment } from "../../fate/Environment.js"
import { VerificationError } from "../../protocol/Errors.js"
import type { Exposure } from "../../services/ChannelStore.js"
import * as Trees from "../../state/Trees.js"
import type { CoSignedState, FlowError } from "../ChannelEvent.js"
import { balancesOf, type Check, type Context, firstWrong, same, wrong } from "./checks.js"
import { agreedOf, contentOf } from "./agreement.js"
import { isAuthentic, isCoSigned } from "./coSigned.js"
import type { Draft } from "./draft.js"
import * as Execution from "./execution.js"
import type { OwnOperation } from "./model.js"
import { leadsToState } from "./operations.js"
import { askChain, askPolicy } from "./settling.js"
import { forcedTrees, groundChecks, isParty, sameHash, updateOf } from "./verifyForced.js"
import { reading, readPayload } from "./verifySolo.js"

type Forced = Transaction.ChannelForceProgressTx

/** The transaction that forces progress, if it is one. */
export const forcedIn = (signedTx: SignedTx.SignedTx): Forced | undefined => {
  const { tx } = contentOf(signedTx)
  return tx._tag === "ChannelForceProgressTx" ? tx : undefined
}

/**
 * The trees on which something that has our signature was made, if it can be the latest state now: it is of the next
 * round, or of one that was forced and that a state which both have signed takes the place of.
 */
export const groundOf = (
  { round, state: { ground, latest, trees } }: Draft,
  each: Pick<Exposure, "round" | "tag">
): Trees.Trees | undefined => {
  if (each.round === round + 1) return trees
  const forced = latest === undefined ? undefined : forcedIn(latest.signedTx)
  // What closes the channel has the latest round, and is no state.
  if (forced === undefined || !leadsToState(each.tag)) return undefined
  if (each.round - 1 === ground?.round) return ground.trees
  return each.round === round ? reading(() => Trees.decodeOrThrow(forced.offchainTrees)) : undefined
}

export const isForced = (signedTx: SignedTx.SignedTx): boolean => forcedIn(signedTx) !== undefined

const isOffChain = (signedTx: SignedTx.SignedTx): boolean =>
  contentOf(signedTx).tx._tag === "ChannelOffchainTx"

/** What a forced state was made on, where that has our signature and we have not heard of its end. */
export interface Base {
  readonly signedTx: SignedTx.SignedTx
  readonly known: Exposure
  readonly trees: Trees.Trees
}

/** What the node says is on chain, to a client that comes back. */
export const toldOf = ({ state: { coming } }: Draft): ReadonlyArray<SignedTx.SignedTx> => [
  ...(coming?.missed?.onChain ?? []),
  ...(coming?.forced ?? [])
]

/**
 * The state between ours and a forced one: what we have signed is complete if the forced transaction shows it with both
 * signatures, or if the chain has had to hold it, which takes something on chain that shows both signatures or a call that
 * we have forced. Its trees are in the forced transaction. Undefined if there is none, or none that can be believed.
 */
export const baseOf = (draft: Draft, signedTx: SignedTx.SignedTx): Base | undefined => {
  const context = draft.context("force_progress")
  const { exposure, latest } = draft.state
  const tx = forcedIn(signedTx)
  if (latest === undefined || tx === undefined || tx.channelId !== latest.channelId) return undefined
  const trees = reading(() => Trees.decodeOrThrow(tx.offchainTrees))
  if (trees === undefined || !isAuthentic(context, signedTx)) return undefined
  const payload = tx.payload.length === 0 ? undefined : readPayload(tx.payload)
  const isBase = ({ signedTx }: Pick<Exposure, "signedTx">): boolean => {
    const body = contentOf(signedTx).tx
    return (
      "round" in body &&
      body.round + 1 === tx.round &&
      "channelId" in body &&
      body.channelId === tx.channelId &&
      "stateHash" in body &&
      sameHash(trees, body.stateHash)
    )
  }
  if (tx.payload.length > 0) {
    if (payload === undefined || !isOffChain(payload) || !isBase({ signedTx: payload })) return undefined
    const txHash = SignedTx.bodyHash(payload)
    const known = exposure.find((each) => each.txHash === txHash && groundOf(draft, each) !== undefined)
    if (known === undefined || !isCoSigned(context, payload, known.signedTx)) return undefined
    return { signedTx: payload, known, trees }
  }
  // The chain may hold our latest state itself.
  if (isBase(latest)) return undefined
  for (const known of exposure) {
    if (!isBase(known) || groundOf(draft, known) === undefined) continue
    // What we have acknowledged has both signatures, whether the chain has seen it or not.
    const isShown = known.side === "starter" || !isOffChain(known.signedTx)
    const complete = [...(isShown ? [known.signedTx] : []), ...toldOf(draft).map(agreedOf)].find(
      (each) => SignedTx.bodyHash(each) === known.txHash && isAuthentic(context, each, known.signedTx)
    )
    if (complete !== undefined) return { signedTx: complete, known, trees }
  }
  return undefined
}

/**
 * Something on chain has the peer's signature under what we have signed first: it is kept, as the node may have forgotten
 * it when we need it.
 */
export const keepShown = (draft: Draft, shown: SignedTx.SignedTx): void => {
  const { exposure } = draft.state
  const txHash = SignedTx.bodyHash(shown)
  const known = exposure.find((each) => each.txHash === txHash)
  if (known === undefined || SignedTx.authentications(known.signedTx).total !== 1) return
  if (!isCoSigned(draft.context("report"), shown, known.signedTx)) return
  draft.patch({ exposure: exposure.map((each) => (each === known ? { ...each, signedTx: shown } : each)) })
  draft.persist()
}

/** Its trees have the hash that we signed: they need not be computed. */
export const prepareBase = (draft: Draft, { known: { round, txHash }, trees }: Base): void => {
  const others = draft.state.prepared.filter((each) => each.txHash !== txHash)
  draft.patch({ prepared: [...others, { txHash, round, trees }] })
}

function* checks(
  context: Context,
  latest: CoSignedState,
  signedTx: SignedTx.SignedTx,
  tx: Forced,
  sent: SignedTx.SignedTx | undefined
): Generator<Check> {
  yield* groundChecks(context, latest, tx)
  const caller = updateOf(tx)?.callerId
  if (caller === undefined) yield same("update", "OffChainCallContract", "another")
  else {
    yield ["callerId", isParty(context, caller), "a party", caller]
    // Nobody else can do it for a party: our channels have no delegates.
    yield same("fromId", caller, tx.fromId)
  }
  yield ["signature", isAuthentic(context, signedTx, sent), `a signature of ${tx.fromId}`, "another"]
}

/** What we sent ourselves, if it was we who did it. */
const sentOf = (draft: Draft, content: SignedTx.SignedTx): SignedTx.SignedTx | undefined => {
  const request = watchedFor(draft, content)?.answer?.request
  return request?._tag === "SigningReply" ? request.signedTx : undefined
}

/** What a forced state is, in an environment. */
export const judgeForced = (
  draft: Draft,
  signedTx: SignedTx.SignedTx,
  environment: Environment
): Trees.Trees | VerificationError | Execution.Unexecuted => {
  const context = draft.context("force_progress")
  const { latest, prepared } = draft.state
  const content = contentOf(signedTx)
  const tx = forcedIn(signedTx)
  const update = tx === undefined ? undefined : updateOf(tx)
  if (latest === undefined || tx === undefined)
    return wrong(context, "type", "channel_force_progress_tx", Transaction.typeName(content.tx))
  const error = firstWrong(context, checks(context, latest, signedTx, tx, sentOf(draft, content)))
  if (error !== undefined) return error
  const txHash = SignedTx.bodyHash(content)
  const known = prepared.find((each) => each.txHash === txHash)
  if (known !== undefined) return known.trees
  if (update === undefined) return wrong(context, "update", "OffChainCallContract", "another")
  return forcedTrees(context, latest, tx, update, environment)
}

/** The chain has taken a forced state, the node says. */
export const takeForced = (draft: Draft, signedTx: SignedTx.SignedTx, type?: string): void => {
  const { config, frozen, settling } = draft.state
  const content = contentOf(signedTx)
  const round = forcedIn(signedTx)?.round ?? 0
  // It is known, or something newer has taken its place.
  if (round <= draft.round || settling !== undefined) return
  // Once we are frozen the others may be ahead of us.
  if (frozen !== undefined && round > draft.round + 1) return
  if (goesBefore(draft, signedTx, type)) return
  const verdict = judgeForced(draft, signedTx, Execution.withoutChain(config))
  if (verdict instanceof VerificationError) {
    draft.lie(verdict)
    endUntaken(draft, content, verdict)
  } else if (!Execution.isUnexecuted(verdict)) adoptForced(draft, signedTx, verdict, true, type)
  else if (verdict.read === undefined) askUnverified(draft, signedTx, verdict)
  else askChain(draft, signedTx, Execution.begin(verdict, undefined, true))
}

/** Takes the state that a forced one was made on; whether the forced one is to be heard again after that. */
const goesBefore = (draft: Draft, signedTx: SignedTx.SignedTx, type: string | undefined): boolean => {
  const base = baseOf(draft, signedTx)
  if (base === undefined) return false
  const { channelId } = draft.state
  const { _tag } = contentOf(base.signedTx).tx
  // Coins that move on chain count from when both nodes have seen that deep enough.
  if (_tag !== "ChannelOffchainTx" && _tag !== "ChannelForceProgressTx") return false
  prepareBase(draft, base)
  if (_tag === "ChannelForceProgressTx") {
    takeForced(draft, base.signedTx)
    return false
  }
  const told = { _tag: "OnChainTx", info: "consumed_forced_progress", tx: signedTx } as const
  draft.release([
    { _tag: "Reported", channelId, report: { _tag: "StateUpdate", state: base.signedTx } },
    { _tag: "Reported", channelId, report: type === undefined ? told : { ...told, type } }
  ])
  return true
}

/** Leaves a state that could not be computed to the policy. */
export const askUnverified = (
  draft: Draft,
  signedTx: SignedTx.SignedTx,
  { detail, reason }: Execution.Unexecuted
): void => {
  const { config, latest, trees } = draft.state
  const tx = forcedIn(signedTx)
  const update = tx === undefined ? undefined : updateOf(tx)
  if (latest === undefined || tx === undefined || update === undefined) return
  const { work } = askPolicy(draft, signedTx)
  const { initiator, responder } = balancesOf(config, trees)
  const [own, peer] = config.role === "initiator" ? [initiator, responder] : [responder, initiator]
  const { round } = tx
  draft.emit({ _tag: "RoundUnverified", tag: "force_progress_tx", round, reason, detail })
  draft.do({
    _tag: "AskUnverified",
    work,
    proposal: {
      operation: "force_progress",
      tag: "force_progress_tx",
      proposer: tx.fromId,
      channelId: latest.channelId,
      signedTx,
      updates: [update],
      round,
      before: { own, peer },
      worstOwnBalance: 0n,
      reason,
      detail
    }
  })
}

/** Our own forced transaction did not lead to a state that we believe. */
export const endUntaken = (draft: Draft, content: SignedTx.SignedTx, error: FlowError): void => {
  const own = watchedFor(draft, content)
  if (own !== undefined) draft.endWatched(own, { error })
}

const watchedFor = (draft: Draft, content: SignedTx.SignedTx): OwnOperation | undefined => {
  const txHash = SignedTx.bodyHash(content)
  return draft.state.watched.find(({ signing }) => signing?.txHash === txHash)
}

/** A forced state is the latest. What was under way is over: the node drops it without a word. */
export const adoptForced = (
  draft: Draft,
  signedTx: SignedTx.SignedTx,
  trees: Trees.Trees,
  verified = true,
  type = "channel_force_progress_tx"
): void => {
  const { channelId, config, exposure, intents, latest, prepared } = draft.state
  const content = contentOf(signedTx)
  const tx = forcedIn(signedTx)
  if (channelId === null || tx === undefined) return
  const { round } = tx
  const state: CoSignedState = {
    channelId,
    round,
    balances: balancesOf(config, trees),
    signedTx: agreedOf(signedTx),
    trees
  }
  const ground = latest === undefined || isForced(latest.signedTx) ? draft.state.ground : latest
  // A later state than the last that both have signed would take its place, if they have signed that too.
  const next = (ground?.round ?? round - 1) + 1
  draft.patch({
    trees,
    latest: state,
    ground,
    exposure: exposure.filter((each) => each.round >= next || each.tag.startsWith("shutdown_sign")),
    prepared: prepared.filter((each) => each.round >= next && each.trees !== trees),
    intents: intents.filter((each) => each.round >= round)
  })
  draft.persist()
  const txHash = SignedTx.hash(signedTx)
  draft.emit({ _tag: "ProgressForced", state, signedTx, txHash, type })
  const own = watchedFor(draft, content)
  if (own !== undefined)
    draft.endWatched(own, { result: { _tag: "Forced", transaction: { signedTx, txHash }, state, verified } })
  if (draft.state.own !== undefined) dropOwn(draft, draft.state.own, "progress was forced on chain")
  draft.endPeer("node", 2)
  draft.startNext()
}

/** Ends what the node has no place for any more; what it has not begun it will refuse itself. */
export const dropOwn = (draft: Draft, { kind, step }: OwnOperation, why: string): void => {
  if (step === "aborting") draft.endOwn("told")
  // A node that has begun to leave stays, and says nothing of it.
  else if (step !== "requested" || kind === "leave")
    draft.endOwn({ error: draft.ended(kind, why, "node", 4) })
}
