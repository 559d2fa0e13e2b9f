/**
 * What a channel's state machine checks before it takes a signature or a proposal. Each check says the reason of its
 * failure, or nothing.
 *
 * Specification: channel state machine, checks.
 *
 * @since 0.1.0
 */
import * as Protocol from "../../chain/Protocol.js"
import * as SignedTx from "../../chain/SignedTx.js"
import * as Transaction from "../../chain/Transaction.js"
import type { AccountAddress } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import { DecodeError } from "../../encoding/DecodeError.js"
import * as FateContracts from "../../fate/Contracts.js"
import type { SigningReply } from "../../protocol/Request.js"
import { signTags } from "../../protocol/SignTag.js"
import * as Trees from "../../state/Trees.js"
import { applied } from "./Applying.js"
import type { FsmState, Pending } from "./State.js"
import type { Step } from "./Step.js"
import type { Proposal } from "./Table.js"
import { blockFault, closeMutualTx, participants } from "./Transactions.js"

/**
 * Whether these accounts have authenticated a transaction, each once, and nobody else: generalized ones by meta
 * transactions, the others by signatures.
 */
const verify = (step: Step, signed: SignedTx.SignedTx, signers: ReadonlyArray<AccountAddress>): boolean => {
  const { chain, crypto } = step.env
  const { networkId, protocol } = chain
  const innermost = SignedTx.innermost(signed)
  const { tx } = innermost
  const channelId = tx._tag === "ChannelOffchainTx" ? tx.channelId : undefined
  const plain = plainSigners(signed, signers)
  if (plain === undefined) return false
  if (protocol >= Protocol.lima && plain.some((id) => chain.isGeneralized(id, channelId))) return false
  if (SignedTx.verify(innermost, plain, { networkId, crypto, protocol }) !== "ok") return false
  return innermost === signed || chain.metaFault(signed, channelId) === undefined
}

/**
 * Those of the signers that no meta transaction is by; `undefined` where there is one by somebody else, one too many, or
 * one that is signed, which none is.
 */
const plainSigners = (
  signed: SignedTx.SignedTx,
  signers: ReadonlyArray<AccountAddress>
): ReadonlyArray<AccountAddress> | undefined => {
  const plain = [...signers]
  for (let each: SignedTx.SignedTx | undefined = signed; each?.tx._tag === "GaMetaTx"; ) {
    const index = plain.indexOf(each.tx.gaId)
    if (index < 0 || each.signatures.length > 0) return undefined
    plain.splice(index, 1)
    each = SignedTx.inner(each)
  }
  return plain
}

/**
 * The transaction that a client has signed. In the older dialects the client has seen the transaction alone: its
 * signature is added to those that the transaction has. A signature for anything else stays by itself.
 *
 * @since 0.1.0
 * @category getters
 */
export const signedBy = ({ pending }: FsmState, { bare, signedTx, tag }: SigningReply): SignedTx.SignedTx => {
  if (bare !== true || pending?.stage !== "sign" || pending.tag !== tag) return signedTx
  const merged = SignedTx.merge(pending.signedTx, signedTx)
  return merged instanceof DecodeError ? signedTx : merged
}

/**
 * Whether both parties signed, and nobody else.
 *
 * @since 0.1.0
 * @category predicates
 */
export const signedByBoth = (step: Step, signed: SignedTx.SignedTx): boolean => {
  const both = participants(step.state)
  return both !== undefined && verify(step, signed, both)
}

/**
 * Whether both parties signed, where the one signature of `half` has been checked before: only the other one, which
 * must be that of `last`, is looked at.
 *
 * @since 0.1.0
 * @category predicates
 */
export const completedBy = (
  step: Step,
  signed: SignedTx.SignedTx,
  half: SignedTx.SignedTx,
  last: AccountAddress | undefined
): boolean => {
  const { chain, crypto } = step.env
  const { tx } = signed
  const channelId = tx._tag === "ChannelOffchainTx" ? tx.channelId : undefined
  if (
    last === undefined ||
    half.signatures.length !== 1 ||
    tx._tag === "GaMetaTx" ||
    chain.isGeneralized(last, channelId)
  ) {
    return signedByBoth(step, signed)
  }
  return (
    SignedTx.verifyBeyond(half, signed, [last], {
      networkId: chain.networkId,
      crypto,
      protocol: chain.protocol
    }) === "ok"
  )
}

/**
 * Whether the starter signed. One party is enough for a half-signed transaction; one that carries two authentications
 * must carry both.
 *
 * @since 0.1.0
 * @category predicates
 */
export const signedByStarter = (step: Step, signed: SignedTx.SignedTx, starter: AccountAddress): boolean =>
  SignedTx.authentications(signed).total < 2 ? verify(step, signed, [starter]) : signedByBoth(step, signed)

const wrongType: Partial<Record<Transaction.Tag, string>> = {
  ChannelCreateTx: "not_create_tx",
  ChannelOffchainTx: "not_offchain_tx",
  ChannelDepositTx: "not_deposit_tx",
  ChannelWithdrawTx: "not_withdraw_tx",
  ChannelCloseMutualTx: "not_close_mutual_tx",
  ChannelSettleTx: "not_settle_tx"
}

/** Where two transactions differ, in the node's order: channel id, round, state hash, type, and then any byte. */
const difference = (
  expected: Transaction.Transaction,
  actual: Transaction.Transaction
): string | undefined => {
  const wrong = wrongType[expected._tag] ?? "wrong_transaction_type"
  if ("channelId" in expected) {
    if (!("channelId" in actual)) return wrong
    if (actual.channelId !== expected.channelId) return "different_channel_id"
  }
  if ("round" in expected) {
    if (!("round" in actual)) return wrong
    if (actual.round !== expected.round) return "wrong_round"
  }
  if ("stateHash" in expected) {
    if (!("stateHash" in actual)) return wrong
    if (!Bytes.equals(actual.stateHash, expected.stateHash)) return "bad_state_hash"
  }
  return actual._tag === expected._tag ? undefined : wrong
}

/**
 * What is wrong with what the own client signed: it must be the very transaction it was asked to sign, with the own
 * signature (starter) or those of both parties (acknowledger).
 *
 * @since 0.1.0
 * @category predicates
 */
export const ownSignatureFault = (
  step: Step,
  signed: SignedTx.SignedTx,
  pending: Pending
): string | undefined => {
  const actual = SignedTx.innermost(signed)
  const different = difference(SignedTx.innermost(pending.signedTx).tx, actual.tx)
  if (different !== undefined) return different
  if (!SignedTx.sameTransaction(actual, pending.signedTx)) return "different_transaction"
  const good =
    signTags[pending.tag].side === "acknowledger"
      ? completedBy(step, signed, pending.signedTx, step.ownAddress)
      : signedByStarter(step, signed, step.ownAddress)
  return good ? undefined : "bad_signature"
}

/**
 * What is wrong with the create transaction the initiator signed. The first two reasons are reported to the client; a
 * block that is out of the window is not.
 *
 * @since 0.1.0
 * @category predicates
 */
export const createFault = (step: Step, signed: SignedTx.SignedTx): string | undefined => {
  const { tx } = SignedTx.innermost(signed)
  const both = participants(step.state)
  if (tx._tag !== "ChannelCreateTx") return "not_create_tx"
  if (both === undefined || tx.initiatorId !== both[0] || tx.responderId !== both[1]) return "bad_signature"
  return signedByStarter(step, signed, both[0]) ? undefined : "bad_signature"
}

/**
 * Whether a create transaction opens the channel in the state this machine computed.
 *
 * @since 0.1.0
 * @category predicates
 */
export const opensOwnState = (step: Step, tx: Transaction.Transaction): boolean =>
  tx._tag === "ChannelCreateTx" && Bytes.equals(tx.stateHash, Trees.stateHash(step.state.offChain.trees))

const mostGas = BigInt(FateContracts.gasOffChain)

/**
 * What is wrong with an update the peer proposes, or the trees after it: everything is computed again from the own
 * state.
 *
 * @since 0.1.0
 * @category predicates
 */
export const peerUpdate = (
  step: Step,
  message: Proposal
): { readonly reason: string } | { readonly trees: Trees.Trees } => {
  const { channelId, offChain } = step.state
  const { blockHash, signedTx, updates } = message
  const both = participants(step.state)
  const { tx } = SignedTx.innermost(signedTx)
  if (both === undefined || message.channelId !== channelId) return { reason: "channel_id_mismatch" }
  const block = blockFault(step, blockHash)
  if (block !== undefined) return { reason: block }
  if (tx._tag !== "ChannelOffchainTx") return { reason: "not_offchain_tx" }
  if (tx.channelId !== channelId) return { reason: "different_channel_id" }
  const round = offChain.round + 1
  if (tx.round !== round) return { reason: "wrong_round" }
  if (!Transaction.validAtProtocol(tx, step.env.chain.protocol)) return { reason: "invalid_at_protocol" }
  // Deposits and withdrawals change what the channel holds: in an off-chain transaction they are a fraud.
  if (updates.some((update) => update._tag === "OffChainDeposit" || update._tag === "OffChainWithdrawal")) {
    return { reason: "not_offchain_tx" }
  }
  // No node gives a call more, and whoever checks it should not have to compute for longer.
  if (updates.some((update) => update._tag === "OffChainCallContract" && update.gas > mostGas))
    return { reason: "too_much_gas" }
  // The reference node runs the updates first. Whatever is wrong is refused with the same code; but a contract is run for
  // the peer alone, and not for whoever can reach the link.
  const other = step.otherAddress
  if (other === undefined || !signedByStarter(step, signedTx, other)) return { reason: "bad_signature" }
  const trees = applied(step, updates, blockHash)
  if ("reason" in trees) return trees
  return Bytes.equals(Trees.stateHash(trees), tx.stateHash) ? { trees } : { reason: "bad_state_hash" }
}

/**
 * What is wrong with a mutual close the peer proposes: it is made again from the own state with the peer's fee and
 * must agree in everything but the nonce.
 *
 * @since 0.1.0
 * @category predicates
 */
export const peerShutdownFault = (step: Step, message: Proposal): string | undefined => {
  const { signedTx } = message
  const { tx } = SignedTx.innermost(signedTx)
  const other = step.otherAddress
  if (message.channelId !== step.state.channelId) return "channel_id_mismatch"
  if (tx._tag !== "ChannelCloseMutualTx") return "not_close_mutual_tx"
  if (other === undefined || tx.fromId !== other) return "invalid_shutdown"
  const block = blockFault(step, message.blockHash)
  if (block !== undefined) return block
  if (!signedByStarter(step, signedTx, other)) return "bad_signature"
  // While a deposit or withdrawal waits for the peer's word it is on chain already, so the close must count it.
  const trees = step.state.pending?.stage === "lock" ? step.state.pending.trees : undefined
  const own = closeMutualTx(step, other, { fee: tx.fee, nonce: tx.nonce }, trees)
  if ("reason" in own) return own.reason
  return Bytes.equals(Transaction.encode(own), SignedTx.innermost(signedTx).txBytes)
    ? undefined
    : "shutdown_tx_validation"
}
