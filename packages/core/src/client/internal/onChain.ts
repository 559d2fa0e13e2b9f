/**
 * What the node tells of transactions on their way to the chain and on it: which of our operations they end, what they
 * say about the channel's life, and the answer to an older state.
 *
 * @internal
 */
import * as Ids from "../../chain/Ids.js"
import * as SignedTx from "../../chain/SignedTx.js"
import * as Transaction from "../../chain/Transaction.js"
import type { OnChainInfo, OnChainTx } from "../../protocol/NodeMessage.js"
import type { OnChainTransaction } from "../ChannelEvent.js"
import { type Context, wrong } from "./checks.js"
import { agreedOf, contentOf } from "./agreement.js"
import { isCoSigned, isDenied, isSignedAsAsked, roundOf } from "./coSigned.js"
import { type Draft, peerTimer } from "./draft.js"
import { dropOwn, keepShown, takeForced } from "./forced.js"
import type { OwnOperation } from "./model.js"
import { kinds, slashByItself } from "./operations.js"
import { canShow, readPayload, shownBy } from "./verifySolo.js"

/** A report about a transaction of the channel. */
export const onOnChainTx = (draft: Draft, report: OnChainTx): void => {
  const signedTx = contentOf(report.tx)
  const agreed = agreedOf(report.tx)
  const foreign = foreignChannel(draft, agreed)
  if (foreign !== undefined) {
    draft.lie(wrong(draft.context("report"), "channelId", String(draft.state.channelId), foreign))
    return
  }
  if (isForged(draft, agreed)) {
    draft.lie(wrong(draft.context("report"), "signature", "our signature", "another"))
    return
  }
  const shown = shownBy(signedTx)
  if (shown !== undefined) keepShown(draft, shown)
  const seen: Seen = {
    agreed,
    signedTx,
    told: {
      signedTx: report.tx,
      txHash: SignedTx.hash(report.tx),
      type: report.type ?? Transaction.typeName(signedTx.tx)
    }
  }
  if (report.info !== undefined) reactions[report.info](draft, seen)
  // The oldest nodes do not say what it is about.
  else if (signedTx.tx._tag === "ChannelCloseMutualTx") takeClosing(draft, seen)
}

/** A transaction, and how it is told of. */
interface Seen {
  /** Without those who only pay for it. */
  readonly agreed: SignedTx.SignedTx
  /** Without the layers of those who pay for it or authenticate it in another way. */
  readonly signedTx: SignedTx.SignedTx
  readonly told: OnChainTransaction
}

/** The channel that a transaction is of, if it is not ours; nothing is known of it before the channel has an id. */
const foreignChannel = ({ state: { channelId } }: Draft, agreed: SignedTx.SignedTx): string | undefined => {
  if (channelId === null) return undefined
  const { tx } = contentOf(agreed)
  const actual = "channelId" in tx ? tx.channelId : Ids.channelIdOf(agreed)
  return actual === channelId ? undefined : (actual ?? Transaction.typeName(tx))
}

const nothing = (): void => undefined

/** A deposit or withdrawal that both have signed is on its way to the chain. */
const onHandedIn = (draft: Draft, { agreed }: Seen): void => {
  checkCompleted(draft, draft.context(draft.state.own?.kind ?? "update"), agreed)
}

/** Whether we have signed this, and the peer too; if not, we were lied to. */
const checkCompleted = (draft: Draft, context: Context, signedTx: SignedTx.SignedTx): boolean => {
  const txHash = SignedTx.bodyHash(signedTx)
  const { exposure, latest } = draft.state
  const known =
    latest !== undefined && SignedTx.bodyHash(latest.signedTx) === txHash
      ? latest
      : exposure.find((each) => each.txHash === txHash)
  if (known === undefined) {
    draft.lie(wrong(context, "body", "a transaction that we have signed", txHash))
    return false
  }
  const isComplete = isCoSigned(context, signedTx, known.signedTx)
  if (!isComplete) draft.lie(wrong(context, "signature", "the signatures of both parties", "others"))
  return isComplete
}

/** What pays the channel out. */
const takeClosing = (draft: Draft, seen: Seen): boolean => {
  const { tx } = seen.signedTx
  const isRight =
    tx._tag === "ChannelSettleTx"
      ? isSettlement(draft, tx)
      : checkCompleted(draft, draft.context("shutdown"), seen.agreed)
  if (!isRight) return false
  const { config, own, peer } = draft.state
  // The time for the block begins now; a node may wait for one for ever.
  if (own?.kind === "shutdown") draft.startTimer(own.callId, config.chainTimeout)
  if (peer?.tag === "shutdown_sign_ack") draft.startTimer(peerTimer, config.chainTimeout)
  draft.patch({ closeTx: seen.told.signedTx })
  return true
}

/** A settlement is one party's; its amounts are what the chain paid. */
const isSettlement = (draft: Draft, { fromId }: Transaction.ChannelSettleTx): boolean => {
  const { own, peer } = draft.state.config
  const context = draft.context("settle")
  const isParty = fromId === own || fromId === peer
  if (!isParty) draft.lie(wrong(context, "fromId", `${own} or ${peer}`, fromId))
  return isParty
}

const onCloseMutual = (draft: Draft, seen: Seen): void => {
  if (takeClosing(draft, seen)) draft.patch({ phase: "closing" })
}

const onChanged = (draft: Draft, seen: Seen): void => {
  draft.emit({ _tag: "ChannelChanged", ...seen.told })
  const { _tag } = seen.signedTx.tx
  // After a return the node tells of a solo closing that was missed in this way only.
  if (_tag === "ChannelCloseSoloTx" || _tag === "ChannelSlashTx") enterClosing(draft, seen, "current")
  // Some nodes say no more than this of what was forced.
  else if (_tag === "ChannelForceProgressTx") onForced(draft, seen)
  else {
    endSeen(draft, seen)
    draft.startNext()
  }
}

const onSoloClosing = (draft: Draft, seen: Seen): void => {
  draft.emit({ _tag: "SoloClosing", ...seen.told })
  enterClosing(draft, seen, "current")
}

const onCanSlash = (draft: Draft, seen: Seen): void => {
  draft.emit({ _tag: "CanSlash", ...seen.told })
  draft.patch({ slashesRefused: 0 })
  endStale(draft, seen)
  enterClosing(draft, seen, showsOlder(draft, seen.signedTx) ? "older" : "current")
}

/**
 * Whether the chain has an older state than ours, as far as the transaction shows it. Usually it is our own latest one,
 * and the node's word is all there is; but the one that closes shows what it closes with.
 */
const showsOlder = (draft: Draft, { tx }: SignedTx.SignedTx): boolean => {
  if (tx._tag !== "ChannelCloseSoloTx" && tx._tag !== "ChannelSlashTx") return true
  const payload = readPayload(tx.payload)
  return payload === undefined || (roundOf(contentOf(payload).tx) ?? 0) < draft.round
}

const onCanSnapshot = (draft: Draft, seen: Seen): void => {
  draft.emit({ _tag: "CanSnapshot", ...seen.told })
  endStale(draft, seen)
  draft.startNext()
}

/** What was forced is on chain, but a state that both have signed takes its place, or something that came first. */
const endStale = (draft: Draft, { signedTx }: Seen): void => {
  const own = watchedFor(draft, signedTx)
  if (own !== undefined && kinds[own.kind].ends === "forced") overtake(draft, own)
}

const onForced = (draft: Draft, { told }: Seen): void => {
  const { coming } = draft.state
  // Who comes back takes it over when both are known to hold the same.
  if (coming === undefined) return takeForced(draft, told.signedTx, told.type)
  const context = draft.context("force_progress")
  // The verdict may be forgotten by then.
  if (isDenied(context, told.signedTx))
    return draft.lie(wrong(context, "signature", "one to which its contract agrees", "another"))
  const isKnown = coming.forced.some((each) => SignedTx.bodyHash(each) === SignedTx.bodyHash(told.signedTx))
  if (isKnown) return
  draft.patch({ coming: { ...coming, forced: [...coming.forced, told.signedTx] } })
  draft.persist()
}

const onClosed = (draft: Draft, seen: Seen): void => {
  if (!takeClosing(draft, seen)) return
  draft.emit({ _tag: "ChannelClosed", ...seen.told })
  const { own, watched, phase, config } = draft.state
  draft.patch({ soloClosing: "no", ...(phase === "closed" ? {} : { phase: "closing" as const }) })
  for (const each of watched) {
    if (kinds[each.kind].ends === "closed") draft.startTimer(each.callId, config.chainTimeout)
    else overtake(draft, each)
  }
  if (own !== undefined && kinds[own.kind].ends !== "closed") dropOwn(draft, own, isClosing)
  draft.endPeer("node", 2)
}

const isClosing = "the channel is closing"

/** What each report leads to. */
const reactions: { readonly [I in OnChainInfo]: (draft: Draft, seen: Seen) => void } = {
  funding_created: nothing,
  funding_signed: nothing,
  deposit_created: onHandedIn,
  deposit_signed: onHandedIn,
  withdraw_created: onHandedIn,
  withdraw_signed: onHandedIn,
  close_mutual: onCloseMutual,
  channel_changed: onChanged,
  solo_closing: onSoloClosing,
  can_slash: onCanSlash,
  can_snapshot: onCanSnapshot,
  consumed_forced_progress: onForced,
  channel_closed: onClosed
}

/** Which of our operations this is the transaction of. */
const watchedFor = ({ state: { watched } }: Draft, signedTx: SignedTx.SignedTx): OwnOperation | undefined => {
  const txHash = SignedTx.bodyHash(signedTx)
  return watched.find(({ signing }) => signing?.txHash === txHash)
}

/** Whether this claims to be a transaction of ours, but has another signature than ours. */
const isForged = (draft: Draft, agreed: SignedTx.SignedTx): boolean => {
  const own = watchedFor(draft, agreed)
  return own?.signing !== undefined && !isSignedAsAsked(draft.context(own.kind), own.signing.signedTx, agreed)
}

/** Ends our operation if this is its transaction. */
const endSeen = (draft: Draft, { signedTx, told }: Seen): void => {
  const own = watchedFor(draft, signedTx)
  if (own === undefined || kinds[own.kind].ends !== "seen") return
  const transaction = { signedTx: told.signedTx, txHash: told.txHash }
  draft.endWatched(own, { result: { _tag: "Seen", transaction } })
}

/** One party alone is closing. What was under way with the peer is dropped by the node without a word. */
const enterClosing = (draft: Draft, seen: Seen, soloClosing: "older" | "current"): void => {
  const { phase } = draft.state
  // A call that is forced on an older state ends nothing at the node while the channel is being closed: our slash goes on.
  const keeps = phase === "closing" && seen.signedTx.tx._tag === "ChannelForceProgressTx"
  draft.patch({ soloClosing, ...(phase === "closed" ? {} : { phase: "closing" as const }) })
  endSeen(draft, seen)
  const { own, watched, closeTx } = draft.state
  for (const each of watched) if (!survives(each, soloClosing)) overtake(draft, each)
  // A closing transaction that both have signed can still be mined, but need not.
  if (own?.kind === "shutdown" && closeTx !== undefined)
    draft.startTimer(own.callId, draft.state.config.chainTimeout)
  else if (own !== undefined && !keeps) dropOwn(draft, own, isClosing)
  if (!keeps) draft.endPeer("node", 2)
  // Before anybody else has the turn.
  slashIfOlder(draft)
  draft.startNext()
}

/** What the chain can still take once one party is closing: a settlement, a forced state, and a newer state. */
const survives = ({ kind }: OwnOperation, soloClosing: "older" | "current"): boolean =>
  kind === "settle" || kind === "force_progress" || (kind === "slash" && soloClosing === "older")

/** Another transaction came first, and the chain does not take ours any more. */
const overtake = (draft: Draft, operation: OwnOperation): void =>
  draft.endWatched(operation, { error: draft.ended(operation.kind, "chain", "peer", 2) })

/** The mempool's refusals can have been of a nonce that something else took; not all of them. */
const mostRefusals = 3

/** The mempool has refused our answer to an older state: it is given again, with the nonce of then. */
export const slashRefused = (draft: Draft): void => {
  const slashesRefused = draft.state.slashesRefused + 1
  draft.patch({ slashesRefused })
  if (slashesRefused < mostRefusals) slashIfOlder(draft)
}

/**
 * Answers an older state on chain with ours, unless that is being done. A state that came on chain by itself cannot be
 * older than what is there.
 */
export const slashIfOlder = (draft: Draft): void => {
  const { config, frozen, own, watched, queue, soloClosing } = draft.state
  if (!config.autoSlash || soloClosing !== "older" || frozen !== undefined) return
  if (!canShow(draft.state)) return
  if ([own, ...watched, ...queue].some((each) => each?.kind === "slash" && each.step !== "aborting")) return
  draft.patch({ queue: [slashByItself, ...queue] })
}
