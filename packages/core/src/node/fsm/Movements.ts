/**
 * What deposits and withdrawals are: two rows of a table, their transactions, and the state after them.
 *
 * Specification: channel state machine, deposit and withdraw.
 *
 * @since 0.1.0
 */
import * as SignedTx from "../../chain/SignedTx.js"
import type * as Transaction from "../../chain/Transaction.js"
import type { AccountAddress } from "../../encoding/ApiEncoding.js"
import * as Bytes from "../../encoding/Bytes.js"
import type { InfoEvent, OnChainInfo } from "../../protocol/NodeMessage.js"
import type { SignTag } from "../../protocol/SignTag.js"
import * as Apply from "../../state/Apply.js"
import * as Trees from "../../state/Trees.js"
import type { Update } from "../../state/Update.js"
import type { FsmState, Pending } from "./State.js"
import type { Step } from "./Step.js"
import { operationOf } from "./Table.js"
import type { Movement } from "./Transactions.js"

/**
 * A deposit or a withdrawal.
 *
 * @since 0.1.0
 * @category models
 */
export type Operation = "deposit" | "withdraw"

/**
 * How an operation is called in every vocabulary, and what it does.
 *
 * @since 0.1.0
 * @category models
 */
export interface Row {
  readonly starts: SignTag
  readonly acknowledges: SignTag
  /** The peer's proposal is there. */
  readonly created: InfoEvent & OnChainInfo
  /** The own proposal is co-signed. */
  readonly signed: OnChainInfo
  readonly ownLocked: InfoEvent
  readonly locked: InfoEvent
  readonly halfSigned: "dep_half_signed" | "wdraw_half_signed"
  readonly deep: "dep_signed" | "wdraw_signed"
  readonly wrongType: string
  readonly update: (account: AccountAddress, amount: bigint) => Update
  /** What the account needs on chain for the transaction to get into a block. */
  readonly needs: (tx: Movement) => bigint
}

/**
 * The two operations.
 *
 * @since 0.1.0
 * @category tables
 */
export const rows: { readonly [O in Operation]: Row } = {
  deposit: {
    starts: "deposit_tx",
    acknowledges: "deposit_ack",
    created: "deposit_created",
    signed: "deposit_signed",
    ownLocked: "own_deposit_locked",
    locked: "deposit_locked",
    halfSigned: "dep_half_signed",
    deep: "dep_signed",
    wrongType: "not_deposit_tx",
    update: (from, amount) => ({ _tag: "OffChainDeposit", from, amount }),
    needs: (tx) => tx.amount + tx.fee
  },
  withdraw: {
    starts: "withdraw_tx",
    acknowledges: "withdraw_ack",
    created: "withdraw_created",
    signed: "withdraw_signed",
    ownLocked: "own_withdraw_locked",
    locked: "withdraw_locked",
    halfSigned: "wdraw_half_signed",
    deep: "wdraw_signed",
    wrongType: "not_withdraw_tx",
    update: (to, amount) => ({ _tag: "OffChainWithdrawal", to, amount }),
    needs: (tx) => tx.fee
  }
}

/**
 * A transaction as one that changes what a channel holds, if it is one.
 *
 * @since 0.1.0
 * @category getters
 */
export const movementOf = (tx: Transaction.Transaction): Movement | undefined =>
  tx._tag === "ChannelDepositTx" || tx._tag === "ChannelWithdrawTx" ? tx : undefined

/**
 * Which of the two operations a transaction is.
 *
 * @since 0.1.0
 * @category getters
 */
export const operationOfTx = (tx: Movement): Operation =>
  tx._tag === "ChannelDepositTx" ? "deposit" : "withdraw"

/**
 * Whose coins a transaction moves: that account also pays the fee.
 *
 * @since 0.1.0
 * @category getters
 */
export const accountOf = (tx: Movement): AccountAddress =>
  tx._tag === "ChannelDepositTx" ? tx.fromId : tx.toId

/**
 * Whether the account can pay for the transaction now.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isCovered = (step: Step, tx: Movement): boolean =>
  (step.env.chain.account(accountOf(tx))?.balance ?? 0n) >= rows[operationOfTx(tx)].needs(tx)

/**
 * A deposit or withdrawal that waits for the chain.
 *
 * @since 0.1.0
 * @category models
 */
export interface Locking {
  readonly pending: Pending
  readonly operation: Operation
  readonly row: Row
}

/**
 * The operation whose co-signed transaction is on its way to the chain or into its depth.
 *
 * @since 0.1.0
 * @category getters
 */
export const locking = (state: FsmState): Locking | undefined => {
  const { pending } = state
  if (pending?.stage !== "lock") return undefined
  const operation = operationOf(pending.tag)
  return operation === "deposit" || operation === "withdraw"
    ? { pending, operation, row: rows[operation] }
    : undefined
}

/**
 * The same where another operation came in between.
 *
 * @since 0.1.0
 * @category getters
 */
export const setAside = (state: FsmState): Locking | undefined =>
  state.suspended === undefined ? undefined : locking({ ...state, ...state.suspended })

/**
 * Whether a co-signed deposit or withdrawal waits for the chain.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isLocking = (state: FsmState): boolean => locking(state) !== undefined

/**
 * The trees after a deposit or withdrawal of the next round, if the transaction and the own state fit.
 *
 * @since 0.1.0
 * @category combinators
 */
export const treesAfter = (state: FsmState, tx: Movement): Trees.Trees | undefined => {
  const { channelId, channelReserve, offChain } = state
  const round = offChain.round + 1
  if (tx.channelId !== channelId || tx.round !== round) return undefined
  const update = rows[operationOfTx(tx)].update(accountOf(tx), tx.amount)
  const trees = Apply.applyUpdates(offChain.trees, [update], { round, channelReserve })
  if (trees instanceof Apply.UpdateError) return undefined
  return Bytes.equals(Trees.stateHash(trees), tx.stateHash) ? trees : undefined
}

/**
 * A state after a deposit or withdrawal that is on chain: both parties signed it, or it would not be there. `undefined`
 * if the transaction is no such, or not of the round after `state`'s latest.
 *
 * @since 0.1.0
 * @category combinators
 */
export const afterMovement = (state: FsmState, signedTx: SignedTx.SignedTx): FsmState | undefined => {
  const movement = movementOf(SignedTx.innermost(signedTx).tx)
  const trees = movement === undefined ? undefined : treesAfter(state, movement)
  if (trees === undefined) return undefined
  const { offChain } = state
  return {
    ...state,
    offChain: { ...offChain, trees, round: offChain.round + 1, signedTx, halfSignedTx: undefined }
  }
}
