/**
 * The transactions a channel's state machine makes for its client: create, off-chain update, deposit, withdrawal, mutual
 * close; with their fees and the block they are pinned to.
 *
 * Specification: channel state machine, fees and pinned environment.
 *
 * @since 0.1.0
 */
import * as Account from "../../chain/Account.js"
import * as Fee from "../../chain/Fee.js"
import * as Protocol from "../../chain/Protocol.js"
import * as SignedTx from "../../chain/SignedTx.js"
import type * as Transaction from "../../chain/Transaction.js"
import * as ApiEncoding from "../../encoding/ApiEncoding.js"
import type { AccountAddress, BlockHash } from "../../encoding/ApiEncoding.js"
import type { OnChainOptions } from "../../protocol/Request.js"
import * as Trees from "../../state/Trees.js"
import * as Update from "../../state/Update.js"
import type { ChainView } from "../ChainView.js"
import type { FsmState } from "./State.js"
import type { Step } from "./Step.js"

/**
 * The block hash that means "not pinned": 32 zero bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const notPinned: BlockHash = ApiEncoding.encode("kh", new Uint8Array(32))

/** Whether a block hash means "not pinned". @since 0.1.0 @category predicates */
export const isNotPinned = (hash: BlockHash): boolean => ApiEncoding.viewOf(hash).every((byte) => byte === 0)

/**
 * The block a proposal is pinned to: what the client asked for (`undefined` when the chain does not know it), else what
 * the node picks by its window.
 *
 * @since 0.1.0
 * @category constructors
 */
export const pickBlock = (step: Step, asked: BlockHash | undefined): BlockHash | undefined => {
  const { chain } = step.env
  if (asked !== undefined) {
    if (isNotPinned(asked)) return notPinned
    return chain.heightOf(asked) === undefined ? undefined : asked
  }
  const { notNewerThan, notOlderThan, pick } = step.state.options.blockHashDelta
  const height = chain.topHeight - notNewerThan - Math.min(notOlderThan, notNewerThan + pick)
  return chain.keyBlockAt(Math.max(height, 0)) ?? chain.topHash
}

/**
 * Why a proposal may not be pinned to this block, if so: unknown, too new, too old.
 *
 * @since 0.1.0
 * @category predicates
 */
export const blockFault = (step: Step, hash: BlockHash): string | undefined => {
  if (isNotPinned(hash)) return undefined
  const { chain } = step.env
  const { notNewerThan, notOlderThan } = step.state.options.blockHashDelta
  const height = chain.heightOf(hash)
  if (height === undefined) return "unknown_block_hash"
  if (height > chain.topHeight - notNewerThan) return "block_hash_too_new"
  if (height < chain.topHeight - notOlderThan) return "block_hash_too_old"
  return undefined
}

const largest = (a: bigint, b: bigint): bigint => (a > b ? a : b)

const gasPriceOf = (chain: ChainView, given: bigint | undefined): bigint =>
  given ?? largest(chain.minimumGasPrice, Fee.consensusGasPrice(chain.protocol))

/** What a fee that was given and one that was computed come to: the given one alone unless there is a price too. */
const chosenFee = (options: OnChainOptions, computed: () => bigint): bigint => {
  if (options.fee === undefined) return computed()
  return options.gasPrice === undefined ? options.fee : largest(options.fee, computed())
}

/**
 * Whether a fee is below what consensus asks for, whatever the miners want.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isTooLow = (chain: ChainView, tx: Transaction.Transaction & { readonly fee: bigint }): boolean =>
  tx.fee < Fee.gas(tx, chain.protocol) * Fee.consensusGasPrice(chain.protocol)

/** The nonce a transaction of this account gets: 0 for a generalized one. */
const nonceOf = (chain: ChainView, id: AccountAddress, given: bigint | undefined): bigint => {
  if (given !== undefined) return given
  const account = chain.account(id)
  return account !== undefined && Account.isGeneralized(account) ? 0n : chain.nextNonce(id)
}

/**
 * A transaction that an account pays for.
 *
 * @since 0.1.0
 * @category models
 */
export type Paid = Transaction.Transaction & {
  readonly fee: bigint
  readonly nonce: bigint
  readonly ttl: number
}

/**
 * A transaction of the account `from` with its fee, nonce and time to live filled in (what the draft has there does not
 * count): the fee that was given or the smallest that will do, the larger of both where a price is given too; the nonce
 * that was given or the next one; the opening's `ttl`. Fails with `too_low_fee`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const paid = <T extends Paid>(
  step: Step,
  from: AccountAddress,
  draft: T,
  options: OnChainOptions
): T | { readonly reason: string } => {
  const { chain } = step.env
  const nonce = nonceOf(chain, from, options.nonce)
  const ready: T = { ...draft, nonce, ttl: step.state.options.parameters.ttl ?? 0 }
  const fee = chosenFee(options, () =>
    Fee.minimumFee(ready, gasPriceOf(chain, options.gasPrice), chain.protocol)
  )
  const tx: T = { ...ready, fee }
  return isTooLow(chain, tx) ? { reason: "too_low_fee" } : tx
}

/**
 * The create transaction as the initiator's node makes it, or why it cannot.
 *
 * @since 0.1.0
 * @category constructors
 */
export const createTx = (step: Step): Transaction.ChannelCreateTx | { readonly reason: string } => {
  const { chain } = step.env
  const { options, offChain } = step.state
  const { parameters } = options
  const common = {
    _tag: "ChannelCreateTx" as const,
    initiatorId: step.ownAddress,
    initiatorAmount: parameters.initiatorAmount,
    responderId: parameters.responderId,
    responderAmount: parameters.responderAmount,
    channelReserve: parameters.channelReserve,
    lockPeriod: parameters.lockPeriod,
    ttl: 0,
    fee: 0n,
    stateHash: Trees.stateHash(offChain.trees),
    nonce: nonceOf(chain, step.ownAddress, parameters.nonce)
  }
  const draft: Transaction.ChannelCreateTx =
    chain.protocol >= Protocol.iris
      ? { ...common, version: 2, initiatorDelegateIds: [], responderDelegateIds: [] }
      : { ...common, version: 1, delegateIds: [] }
  const fee = chosenFee(parameters, () =>
    Fee.minimumFee(draft, gasPriceOf(chain, parameters.gasPrice), chain.protocol)
  )
  const tx = { ...draft, fee }
  return isTooLow(chain, tx) ? { reason: "too_low_fee" } : tx
}

/**
 * The off-chain transaction of the next round. Until Fortuna the updates are part of it; later they travel beside it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const offChainTx = (
  step: Step,
  trees: Trees.Trees,
  updates: ReadonlyArray<Update.Update>
): Transaction.ChannelOffchainTx | undefined => {
  const { channelId, offChain } = step.state
  if (channelId === null) return undefined
  const common = {
    _tag: "ChannelOffchainTx" as const,
    channelId,
    round: offChain.round + 1,
    stateHash: Trees.stateHash(trees)
  }
  return step.env.chain.protocol >= Protocol.fortuna
    ? { ...common, version: 2 }
    : { ...common, version: 1, updates: updates.map(Update.encode) }
}

/**
 * The transaction that moves coins of the own account into the channel or back, for the round after the latest. Fails
 * with `too_low_fee`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const movementTx = (
  step: Step,
  operation: "deposit" | "withdraw",
  amount: bigint,
  trees: Trees.Trees,
  options: OnChainOptions
): Movement | { readonly reason: string } => {
  const { channelId, offChain } = step.state
  if (channelId === null) return { reason: "unknown_request" }
  const common = {
    version: 1 as const,
    channelId,
    amount,
    ttl: 0,
    fee: 0n,
    stateHash: Trees.stateHash(trees),
    round: offChain.round + 1,
    nonce: 0n
  }
  return operation === "deposit"
    ? paid(step, step.ownAddress, { _tag: "ChannelDepositTx", fromId: step.ownAddress, ...common }, options)
    : paid(step, step.ownAddress, { _tag: "ChannelWithdrawTx", toId: step.ownAddress, ...common }, options)
}

/**
 * A transaction that changes what a channel holds.
 *
 * @since 0.1.0
 * @category models
 */
export type Movement = Transaction.ChannelDepositTx | Transaction.ChannelWithdrawTx

/**
 * Whether a transaction is there or can be: it is in a block or waits for one, or the mempool took it now. The other
 * party's client may have been faster, so that it is known is as good.
 *
 * @since 0.1.0
 * @category combinators
 */
export const push = (step: Step, signedTx: SignedTx.SignedTx): boolean => {
  const { chain } = step.env
  const place = chain.locate(SignedTx.hash(signedTx))
  if (place !== undefined) return place !== "in_vain"
  if (chain.admits(signedTx) !== "ok") return false
  step.effects.push({ _tag: "Submit", signedTx })
  return true
}

/** The reference node gives up looking for a fixed point after so many rounds. */
const feeRounds = 5

/**
 * A mutual close of the latest state (or of `trees`): each side's balance less its part of the fee. Fails with `insufficient_balance`
 * when both together cannot pay, and with `too_low_fee`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const closeMutualTx = (
  step: Step,
  from: AccountAddress,
  options: OnChainOptions,
  trees: Trees.Trees = step.state.offChain.trees
): Transaction.ChannelCloseMutualTx | { readonly reason: string } => {
  const { chain } = step.env
  const { channelId, initiatorId, responderId } = step.state
  if (channelId === null || initiatorId === "any") return { reason: "unknown_request" }
  const initiatorBalance = Trees.balance(trees, initiatorId) ?? 0n
  const responderBalance = Trees.balance(trees, responderId) ?? 0n
  const nonce = nonceOf(chain, from, options.nonce)
  const withFee = (fee: bigint): Transaction.ChannelCloseMutualTx | Fee.InsufficientBalance => {
    const split = Fee.closeMutualSplit({ initiatorBalance, responderBalance, fee })
    if (split instanceof Fee.InsufficientBalance) return split
    return {
      _tag: "ChannelCloseMutualTx",
      version: 1,
      channelId,
      fromId: from,
      ...split,
      ttl: step.state.options.parameters.ttl ?? 0,
      fee,
      nonce
    }
  }
  // The fee depends on the size, which depends on the amounts, which depend on the fee.
  const computed = (): bigint => {
    const price = gasPriceOf(chain, options.gasPrice)
    let fee = 0n
    for (let round = 0; round < feeRounds; round++) {
      const tx = withFee(fee)
      if (tx instanceof Fee.InsufficientBalance) return fee
      const needed = Fee.gas(tx, chain.protocol) * price
      if (needed <= fee) return fee
      fee = needed
    }
    return fee
  }
  const tx = withFee(chosenFee(options, computed))
  if (tx instanceof Fee.InsufficientBalance) return { reason: "insufficient_balance" }
  return isTooLow(chain, tx) ? { reason: "too_low_fee" } : tx
}

/** The largest frame between two nodes, in bytes, and what a signature adds to a transaction in it. */
const largestFrame = 65_519
const signatureSize = 68
const proposalHead = 1 + 32 + 32

/**
 * Whether a proposal fits into a frame between two nodes. A larger one would never arrive.
 *
 * @since 0.1.0
 * @category predicates
 */
export const fitsFrame = (unsigned: SignedTx.SignedTx, updates: ReadonlyArray<Update.Update>): boolean => {
  // Only metas can be that large; transfers need no count.
  if (updates.length === 1 && updates[0]?._tag === "OffChainTransfer") return true
  return sizeOf(unsigned, updates) + signatureSize <= largestFrame
}

const sizeOf = (signedTx: SignedTx.SignedTx, updates: ReadonlyArray<Update.Update>): number => {
  const sizes = updates.map((update) => 2 + Update.encode(update).length)
  return sizes.reduce((sum, size) => sum + size, proposalHead + 2 + SignedTx.encode(signedTx).length)
}

/**
 * The same once it is signed: a meta transaction may be of any size.
 *
 * @since 0.1.0
 * @category predicates
 */
export const fitsSigned = (signed: SignedTx.SignedTx, updates: ReadonlyArray<Update.Update>): boolean =>
  signed.tx._tag !== "GaMetaTx" || sizeOf(signed, updates) <= largestFrame

/**
 * Both parties' accounts, once the initiator is known.
 *
 * @since 0.1.0
 * @category getters
 */
export const participants = (state: FsmState): readonly [AccountAddress, AccountAddress] | undefined =>
  state.initiatorId === "any" ? undefined : [state.initiatorId, state.responderId]
