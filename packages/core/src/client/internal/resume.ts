/**
 * A client made from its record: what was co-signed, what we have signed, and what was under way.
 *
 * @internal
 */
import * as SignedTx from "../../chain/SignedTx.js"
import type { CryptoService } from "../../crypto/Crypto.js"
import * as Bytes from "../../encoding/Bytes.js"
import { DecodeError } from "../../encoding/DecodeError.js"
import { StoreError } from "../../protocol/Errors.js"
import { signTagRow } from "../../protocol/SignTag.js"
import type { ChannelRecord, Exposure, StoredRecord } from "../../services/ChannelStore.js"
import * as Trees from "../../state/Trees.js"
import type { CoSignedState } from "../ChannelEvent.js"
import { balancesOf } from "./checks.js"
import { type Answered, contentOf, generalizedIn, questionOf, withVerdicts } from "./agreement.js"
import { isAuthentic, roundOf } from "./coSigned.js"
import { beginning } from "./comingBack.js"
import { isForced } from "./forced.js"
import type {
  CallId,
  ClientConfig,
  ClientState,
  OwnOperation,
  PeerOperation,
  SentRequest,
  Signing
} from "./model.js"
import { isKind, isOperation, leadsToState, opening, operation } from "./operations.js"

/** The key of an operation of the process before; callers' keys are positive. */
const leftCall: CallId = -4

const corrupt = (detail: string): StoreError =>
  new StoreError({ operation: "resume", reason: "corrupt", detail })

/** The client of a record, about to come back; an error when what the record says does not fit together. */
export const restored = (
  initial: ClientState,
  { record, version }: StoredRecord,
  crypto: CryptoService
): ClientState | StoreError => {
  const { config } = initial
  const trees = treesOf(record)
  if (trees === undefined) return corrupt(unreadableTrees)
  const latest = latestOf(config, record, trees, crypto)
  if (latest instanceof StoreError) return latest
  const ground = groundOf(config, record, crypto)
  if (ground instanceof StoreError) return ground
  const { channelId, exposure, forced, frozen, fsmId, intents, pending } = record
  const told = (ground ?? latest)?.signedTx
  return {
    ...initial,
    channelId,
    fsmId,
    trees,
    latest,
    ground,
    generalized: record.generalized ?? (told === undefined ? undefined : generalizedIn(told)),
    exposure,
    intents,
    version,
    hasStoredPending: pending !== undefined,
    nodeOpen: latest !== undefined,
    locks: "unknown",
    verdicts: withVerdicts(initial.verdicts, forced.flatMap(askedBefore)),
    ...(frozen === undefined
      ? {}
      : {
          frozen,
          freeze: { reason: "state_lost", detail: `the channel was frozen before: ${frozen}` } as const
        }),
    ...underWay(config, record, trees),
    coming: { ...beginning, isResumed: true, left: pending, forced }
  }
}

/** What a contract does not agree to is not stored. */
const askedBefore = (signedTx: SignedTx.SignedTx): ReadonlyArray<Answered> => {
  const question = questionOf(signedTx)
  return question === undefined ? [] : [{ question, verdict: { unknown: "it was asked before" } }]
}

const unreadableTrees = "the off-chain trees of the record cannot be read"

const treesOf = ({ trees }: Pick<ChannelRecord, "trees">): Trees.Trees | undefined => {
  try {
    return Trees.decodeOrThrow(trees)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** The latest state, which must be what the store says it is. */
const latestOf = (
  config: ClientConfig,
  { channelId, coSigned, round }: Pick<ChannelRecord, "channelId" | "coSigned" | "round">,
  trees: Trees.Trees,
  crypto: CryptoService
): CoSignedState | StoreError | undefined => {
  if (coSigned === undefined) return undefined
  const { tx } = contentOf(coSigned)
  if (roundOf(tx) !== round) return corrupt(`round ${round} is stored with a transaction of another round`)
  if (!("stateHash" in tx) || !Bytes.equals(tx.stateHash, Trees.stateHash(trees)))
    return corrupt("the stored trees are not those that were signed")
  // One that was authenticated in another way is kept without that.
  const isBare =
    tx._tag === "ChannelForceProgressTx" && coSigned.signatures.length === 0 && coSigned.tx === tx
  // What generalized accounts agreed to was asked before it was stored.
  const verdicts = new Map([[SignedTx.hash(coSigned), true]])
  const context = { config, crypto, operation: "resume", channelId, latest: undefined, verdicts }
  if (!isBare && !isAuthentic(context, coSigned))
    return corrupt("the stored state has not the signatures of both parties")
  return { channelId, round, balances: balancesOf(config, trees), signedTx: coSigned, trees }
}

/** What both signed before the latest state, where that was forced. */
const groundOf = (
  config: ClientConfig,
  { channelId, coSigned, ground }: ChannelRecord,
  crypto: CryptoService
): CoSignedState | StoreError | undefined => {
  if (ground === undefined) return undefined
  const trees = treesOf(ground)
  if (trees === undefined) return corrupt(unreadableTrees)
  const { tx } = contentOf(ground.signedTx)
  if (coSigned === undefined || !isForced(coSigned) || isForced(ground.signedTx))
    return corrupt("a state on which progress was forced is stored where none was")
  return latestOf(config, { channelId, coSigned: ground.signedTx, round: roundOf(tx) ?? 0 }, trees, crypto)
}

/** What of both sides has our signature, and may not have reached the node. */
const underWay = (
  config: ClientConfig,
  record: ChannelRecord,
  trees: Trees.Trees
): { readonly own: OwnOperation | undefined; readonly peer: PeerOperation | undefined } => {
  const { exposure, round } = record
  const isNext = (each: Exposure): boolean =>
    each.round === (leadsToState(each.tag) ? round + 1 : round) && each.tag !== "responder_sign"
  const own = ownOf(config, record, trees)
  const acknowledged = exposure.find(
    (each) => each.side === "acknowledger" && signTagRow(each.tag).side === "acknowledger" && isNext(each)
  )
  if (own !== undefined || acknowledged === undefined) return { own, peer: undefined }
  const peer: PeerOperation = {
    tag: acknowledged.tag,
    step: "signed",
    signing: signingOf(config, record, acknowledged, trees),
    answer: answerOf(acknowledged),
    aborts: [],
    abortCode: undefined
  }
  return { own, peer }
}

const ownOf = (config: ClientConfig, record: ChannelRecord, trees: Trees.Trees): OwnOperation | undefined => {
  const { coSigned, exposure, pending, round } = record
  const signed =
    coSigned === undefined
      ? exposure.find(({ tag }) => tag === "initiator_sign" || tag === "responder_sign")
      : exposure.find(({ txHash }) => txHash === pending?.txHash)
  const made =
    signed === undefined
      ? {}
      : {
          step: "signed" as const,
          tag: signed.tag,
          signing: signingOf(config, record, signed, trees),
          answer: answerOf(signed)
        }
  if (coSigned === undefined)
    return {
      ...opening(leftCall, config.role === "initiator" ? "initiator_sign" : "responder_sign"),
      ...made,
      waiting: false
    }
  const request = pending?.request
  if (signed === undefined || request === undefined || pending === undefined || !isKind(pending.kind))
    return undefined
  if (!isOperation(request) || (leadsToState(signed.tag) && signed.round !== round + 1)) return undefined
  return { ...operation(leftCall, request), ...made, taken: true, waiting: false }
}

const signingOf = (
  config: ClientConfig,
  { channelId }: ChannelRecord,
  { tag, signedTx, updates, txHash, round }: Exposure,
  trees: Trees.Trees
): Signing => ({
  tag,
  signedTx,
  updates,
  txHash,
  channelId,
  round,
  after: balancesOf(config, trees),
  work: 0
})

const answerOf = ({ tag, signedTx }: Exposure): SentRequest => {
  // The second of two signatures, and the first is not there: the request did not show it.
  const isBare = signTagRow(tag).side === "acknowledger" && SignedTx.authentications(signedTx).total === 1
  const request = { _tag: "SigningReply", tag, signedTx, ...(isBare && { bare: true as const }) } as const
  return { request, requestId: undefined }
}
