/**
 * The table of rules: which kinds of transactions the simulated chain accepts. Another kind is another row.
 *
 * Specification: æternity consensus, processing of transactions; channel on-chain transactions.
 *
 * @internal
 */
import * as Ids from "../../../chain/Ids.js"
import * as SignedTx from "../../../chain/SignedTx.js"
import type * as Transaction from "../../../chain/Transaction.js"
import type { ChannelId } from "../../../encoding/ApiEncoding.js"
import type { Rule } from "./Rule.js"
import * as Attaching from "./rules/Attaching.js"
import * as Ending from "./rules/Ending.js"
import * as Forcing from "./rules/Forcing.js"
import * as Funding from "./rules/Funding.js"
import * as Opening from "./rules/Opening.js"
import * as Solo from "./rules/Solo.js"
import * as Spending from "./rules/Spending.js"
import * as Wrapping from "./rules/Wrapping.js"

const table: ReadonlyMap<Transaction.Tag, Rule> = new Map(
  [
    Spending.spend,
    Opening.create,
    Funding.deposit,
    Funding.withdraw,
    Solo.snapshotSolo,
    Solo.closeSolo,
    Solo.slash,
    Solo.setDelegates,
    Forcing.forceProgress,
    Ending.settle,
    Ending.closeMutual,
    Wrapping.payingFor,
    Attaching.attach,
    Wrapping.meta
  ].map((rule): [Transaction.Tag, Rule] => [rule.kind, rule])
)

/** The rule of a kind, `undefined` for a kind this chain does not support. @internal */
export const of = (tx: Transaction.Transaction): Rule | undefined => table.get(tx._tag)

/** The kinds this chain supports. @internal */
export const kinds: ReadonlyArray<Transaction.Tag> = [...table.keys()]

/** The transaction inside all meta and paying-for transactions. @internal */
export const coreOf = (signedTx: SignedTx.SignedTx): SignedTx.SignedTx => {
  const inner = SignedTx.inner(signedTx)
  return inner === undefined ? signedTx : coreOf(inner)
}

/** The channel a transaction is about, also where others are around it. @internal */
export const channelOf = (signedTx: SignedTx.SignedTx): ChannelId | undefined => {
  const { tx } = coreOf(signedTx)
  return "channelId" in tx ? tx.channelId : Ids.channelIdOf(signedTx)
}
