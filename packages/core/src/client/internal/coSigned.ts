/**
 * What must hold before we believe that something has both signatures, or ours.
 *
 * @internal
 */
import * as Ids from "../../chain/Ids.js"
import * as SignedTx from "../../chain/SignedTx.js"
import * as Transaction from "../../chain/Transaction.js"
import type { AccountAddress, ChannelId } from "../../encoding/ApiEncoding.js"
import type { VerificationError } from "../../protocol/Errors.js"
import type { SignRequest } from "../../protocol/NodeMessage.js"
import { signTagRow } from "../../protocol/SignTag.js"
import {
  agreedOf,
  contentOf,
  isByContract,
  isInHalfTheRightWays,
  isInRightWays,
  layersBeyond,
  layersOf,
  sameBody,
  type Verdict
} from "./agreement.js"
import {
  type Check,
  type Context,
  firstWrong,
  nonceCheck,
  same,
  sameBytes,
  verifyOptions,
  wrong
} from "./checks.js"

/** What is known of the contracts that are said to agree to a transaction. */
const verdictOn = ({ verdicts }: Context, agreed: SignedTx.SignedTx): Verdict =>
  verdicts.get(SignedTx.hash(agreed)) ?? { unknown: "nobody was asked" }

/** Whether a contract that is said to agree to a transaction was asked, and does not. */
export const isDenied = ({ verdicts }: Context, signedTx: SignedTx.SignedTx): boolean =>
  verdicts.get(SignedTx.hash(agreedOf(signedTx))) === false

/**
 * Whether the transaction has been authenticated by both parties, and by nobody else. What we have sent ourselves (`sent`:
 * by us, and by the peer if it came first) was verified then.
 */
export const isCoSigned = (
  context: Context,
  signedTx: SignedTx.SignedTx,
  sent?: SignedTx.SignedTx
): boolean => {
  const { own, peer } = context.config
  const agreed = agreedOf(signedTx)
  const layers = layersOf(agreed)
  if (layers === undefined || !isInRightWays(agreed, context)) return false
  if (contentOf(agreed).tx._tag === "ChannelOffchainTx" && !isOfRightVersion(context, agreed)) return false
  if (layers.length === 0) return isSignedByBoth(context, agreed, sent)
  if (sent !== undefined && !sameBody(agreed, sent)) return false
  const ids = layers.map(({ gaId }) => gaId)
  const plain = [own, peer].filter((id) => !ids.includes(id))
  if (plain.length + ids.length !== 2) return false
  if (plain.includes(own) === (context.config.generalized === true)) return false
  if (SignedTx.verify(contentOf(agreed), plain, verifyOptions(context)) !== "ok") return false
  return layersBeyond(layers, sent).length === 0 || verdictOn(context, agreed) === true
}

/**
 * Whether layers are of a version that the chain takes. In another form a state would be no evidence, and the peer may
 * hold it in the right one.
 */
const isOfRightVersion = ({ config: { protocol } }: Context, agreed: SignedTx.SignedTx): boolean =>
  agreed.tx._tag !== "GaMetaTx" || Transaction.validAtProtocol(agreed.tx, protocol)

/** The same where both are plain accounts. */
const isSignedByBoth = (
  context: Context,
  agreed: SignedTx.SignedTx,
  sent: SignedTx.SignedTx | undefined
): boolean => {
  const { own, peer } = context.config
  const options = verifyOptions(context)
  const missing = sent?.signatures.length === 1 ? [peer] : []
  if (sent !== undefined && SignedTx.verifyBeyond(sent, agreed, missing, options) === "ok") return true
  // Ours may be there in the other mode.
  return SignedTx.verify(agreed, [own, peer], options) === "ok"
}

/**
 * Whether a state has what it takes to count: that both have authenticated it or, if one party had the chain make it, that
 * this one has. Of the peer's generalized account there is the node's word where nobody can ask its contract: the chain
 * has. `sent` is what we know of it.
 */
export const isAuthentic = (
  context: Context,
  signedTx: SignedTx.SignedTx,
  sent?: SignedTx.SignedTx
): boolean => {
  const agreed = agreedOf(signedTx)
  const content = contentOf(agreed)
  const { tx } = content
  if (tx._tag !== "ChannelForceProgressTx") return isCoSigned(context, signedTx, sent)
  const layers = layersOf(agreed)
  if (layers === undefined) return false
  const [layer] = layers
  if (layer === undefined) return SignedTx.isSignedBy(content, tx.fromId, verifyOptions(context))
  if (layers.length > 1 || layer.gaId !== tx.fromId) return false
  const verdict = context.verdicts.get(SignedTx.hash(agreed))
  // What was never asked, or is forgotten, may have been denied.
  if (tx.fromId === context.config.peer) return verdict !== undefined && verdict !== false
  if (context.config.generalized !== true) return false
  return verdict === true || (sent !== undefined && layersBeyond(layers, sent).length === 0)
}

/** Whether the signer did what it was asked: the same bytes, what was there before, ours, and at most the peer's. */
export const isSignedAsAsked = (
  context: Context,
  asked: SignedTx.SignedTx,
  signed: SignedTx.SignedTx
): boolean => {
  const { own, peer } = context.config
  const layers = layersOf(signed)
  if (layers === undefined || !sameBody(asked, signed)) return false
  const added = layersBeyond(layers, asked).map(({ gaId }) => gaId)
  if (layers.length - added.length !== (layersOf(asked)?.length ?? -1)) return false
  const count = SignedTx.authentications(signed).total - SignedTx.authentications(asked).total
  const further = count === 1 ? [own] : [own, peer]
  if (
    !added.every((id) => further.includes(id)) ||
    added.includes(own) !== (context.config.generalized === true)
  )
    return false
  if (added.includes(peer) && verdictOn(context, signed) !== true) return false
  const plain = further.filter((id) => !added.includes(id))
  return SignedTx.verifyBeyond(contentOf(asked), contentOf(signed), plain, verifyOptions(context)) === "ok"
}

/** Whether the other party alone has authenticated a transaction, and why not, in words. */
const isHalfSignedBy = (
  context: Context,
  signedTx: SignedTx.SignedTx,
  other: AccountAddress
): true | string => {
  const layers = layersOf(signedTx)
  if (layers === undefined || !isInHalfTheRightWays(signedTx, context, other)) return "another"
  const [layer] = layers
  if (layer === undefined) return SignedTx.isSignedBy(signedTx, other, verifyOptions(context)) || "another"
  if (layer.gaId !== other) return `that of ${layer.gaId}`
  if (!isOfRightVersion(context, signedTx)) return `one of version ${layer.version}`
  const verdict = verdictOn(context, signedTx)
  if (verdict === true) return true
  return verdict === false ? "its contract does not agree" : `one that is not known: ${verdict.unknown}`
}

/**
 * The starter signs first, the acknowledger finds exactly the other's signature. In the older dialects nobody finds
 * any: whether the peer has signed shows when the co-signed state is reported, and until then our signature is out
 * like a starter's.
 */
export function* signatureChecks(
  context: Context,
  request: SignRequest,
  other: AccountAddress = context.config.peer
): Generator<Check> {
  const acknowledger = signTagRow(request.tag).side === "acknowledger" && request.bare !== true
  yield same("signatures", acknowledger ? 1 : 0, SignedTx.authentications(request.signedTx).total)
  if (!acknowledger) return
  const half = isHalfSignedBy(context, request.signedTx, other)
  yield [
    "signature",
    half === true,
    `a signature of ${other} for network ${context.config.networkId}`,
    half === true ? "" : half
  ]
}

/** What a state's transaction must say about itself. */
interface Expected {
  readonly round: number
  readonly stateHash: Uint8Array
}

type StateTx = Extract<Transaction.Transaction, { readonly channelId: ChannelId } & Expected>

const commits = (tx: Transaction.Transaction): tx is StateTx =>
  tx._tag === "ChannelOffchainTx" || tx._tag === "ChannelDepositTx" || tx._tag === "ChannelWithdrawTx"

function* coSignedChecks(
  context: Context,
  signedTx: SignedTx.SignedTx,
  expected: Expected | undefined
): Generator<Check> {
  const known = context.channelId ?? "none yet"
  const { tx } = contentOf(signedTx)
  if (tx._tag === "ChannelCreateTx") {
    const agreed = agreedOf(signedTx)
    yield nonceCheck(tx.nonce, undefined, isByContract(agreed, tx.initiatorId))
    yield same("channelId", known, Ids.channelIdOf(agreed) ?? "none")
  } else if (commits(tx)) yield same("channelId", known, tx.channelId)
  else {
    yield same("type", "channel_offchain_tx", Transaction.typeName(tx))
    return
  }
  if (expected === undefined) return
  yield same("round", expected.round, roundOf(tx) ?? 0)
  yield sameBytes("stateHash", expected.stateHash, tx.stateHash)
}

/**
 * What is wrong with a reported state that is none we have signed: the first field that differs from `expected` (the
 * state that our signature is out for, if there is one), or that it was never signed by us.
 */
export const explainUnknownState = (
  context: Context,
  signedTx: SignedTx.SignedTx,
  expected: Expected | undefined
): VerificationError =>
  firstWrong(context, coSignedChecks(context, signedTx, expected)) ??
  wrong(context, "body", "a transaction that we have signed", SignedTx.bodyHash(signedTx))

/** The round of a state's transaction; a create transaction's is 1. */
export const roundOf = (tx: Transaction.Transaction): number | undefined =>
  tx._tag === "ChannelCreateTx" ? 1 : "round" in tx ? tx.round : undefined
