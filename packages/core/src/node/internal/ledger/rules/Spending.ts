/**
 * The rule of spend transactions.
 *
 * @internal
 */
import type * as Transaction from "../../../../chain/Transaction.js"
import * as ApiEncoding from "../../../../encoding/ApiEncoding.js"
import type { AccountAddress } from "../../../../encoding/ApiEncoding.js"
import * as ChainState from "../ChainState.js"
import { type Rule, amountAndFee, counted, feePaid, make, originNonce } from "../Rule.js"

type Spend = Transaction.SpendTx

/** Oracles and contracts keep their money under their own key, like accounts. A name has no key. @internal */
export const recipientOf = (tx: Spend): AccountAddress | undefined =>
  ApiEncoding.prefixOf(tx.recipientId) === "nm"
    ? undefined
    : ApiEncoding.encode("ak", ApiEncoding.bytesOf(tx.recipientId))

const notPayable = 1

/** Whether money may be sent to an account; an account that is not there yet takes it. @internal */
export const isPayable = (state: ChainState.ChainState, id: AccountAddress): boolean => {
  const account = ChainState.account(state, id)
  return account === undefined || (account.flags & notPayable) === 0
}

/** @internal */
export const spend: Rule = make({
  kind: "SpendTx",
  checks: [
    originNonce((tx: Spend) => tx.senderId),
    ({ tx }) => (recipientOf(tx) === undefined ? "name_does_not_exist" : undefined),
    amountAndFee(
      (tx) => tx.senderId,
      (tx) => tx.amount
    ),
    ({ state, tx }) => {
      const recipient = recipientOf(tx)
      return recipient === undefined || isPayable(state, recipient) ? undefined : "account_is_not_payable"
    }
  ],
  effect: (context) => {
    const { tx } = context
    const paid = feePaid(context, counted(context, tx.senderId, tx.nonce), tx.senderId)
    const given = ChainState.spend(paid, tx.senderId, tx.amount)
    const recipient = recipientOf(tx)
    return recipient === undefined ? given : ChainState.earn(given, recipient, tx.amount)
  }
})
