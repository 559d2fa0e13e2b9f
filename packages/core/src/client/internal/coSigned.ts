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
import {
  type Check,
  type Context,
  firstWrong,
  isNonce,
  same,
  sameBytes,
  verifyOptions,
  wrong
} from "./checks.js"

/**
 * Whether the transaction has exactly the signatures of both parties. What we have sent ourselves (`sent`: ours, and
 * the peer's if it came first) was verified then.
 */
export const isCoSigned = (
  context: Context,
  signedTx: SignedTx.SignedTx,
  sent?: SignedTx.SignedTx
): boolean => {
  const { own, peer } = context.config
  const options = verifyOptions(context)
  const missing = sent?.signatures.length === 1 ? [peer] : []
  if (sent !== undefined && SignedTx.verifyBeyond(sent, signedTx, missing, options) === "ok") return true
  // Ours may be there in the other mode.
  return SignedTx.verify(signedTx, [own, peer], options) === "ok"
}

/** A transaction without the layers of those who pay for it or authenticate it in another way. */
export const contentOf = (signedTx: SignedTx.SignedTx): SignedTx.SignedTx => {
  const inner = SignedTx.inner(signedTx)
  return inner === undefined ? signedTx : contentOf(inner)
}

/** Whether a generalized account has authenticated a transaction, or so it says: only the chain can tell. */
const isInMetaOf = (signedTx: SignedTx.SignedTx, account: AccountAddress): boolean => {
  const inner = SignedTx.inner(signedTx)
  if (inner === undefined) return false
  const { tx } = signedTx
  return (tx._tag === "GaMetaTx" && tx.gaId === account) || isInMetaOf(inner, account)
}

/**
 * Whether a state has what it takes to count: both signatures or, if one party had the chain make it, that party's. We
 * always sign ourselves; of the peer's generalized account there is the node's word. `sent` is what we know of it.
 */
export const isAuthentic = (
  context: Context,
  signedTx: SignedTx.SignedTx,
  sent?: SignedTx.SignedTx
): boolean => {
  const content = contentOf(signedTx)
  const { tx } = content
  if (tx._tag !== "ChannelForceProgressTx") return isCoSigned(context, signedTx, sent)
  if (tx.fromId === context.config.peer && isInMetaOf(signedTx, tx.fromId)) return true
  return SignedTx.isSignedBy(content, tx.fromId, verifyOptions(context))
}

/** Whether the signer did what it was asked: the same bytes, the given signatures, ours, and at most the peer's. */
export const isSignedAsAsked = (
  context: Context,
  asked: SignedTx.SignedTx,
  signed: SignedTx.SignedTx
): boolean => {
  const { own, peer } = context.config
  const further = signed.signatures.length - asked.signatures.length === 1 ? [own] : [own, peer]
  return SignedTx.verifyBeyond(asked, signed, further, verifyOptions(context)) === "ok"
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
  { tx }: SignedTx.SignedTx,
  expected: Expected | undefined
): Generator<Check> {
  const known = context.channelId ?? "none yet"
  if (tx._tag === "ChannelCreateTx") {
    yield ["nonce", isNonce(tx.nonce), "at least 1, in 32 bytes", `${tx.nonce}`]
    yield same("channelId", known, Ids.channelId(tx.initiatorId, tx.nonce, tx.responderId))
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
