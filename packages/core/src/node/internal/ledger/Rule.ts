/**
 * The shape of a consensus rule — one for each kind of transaction — and the checks that rules share.
 *
 * Specification: æternity consensus, processing of transactions.
 *
 * @internal
 */
import * as Data from "effect/Data"
import * as Account from "../../../chain/Account.js"
import type { ChannelObject } from "../../../chain/ChannelObject.js"
import * as Protocol from "../../../chain/Protocol.js"
import type { SignedTx } from "../../../chain/SignedTx.js"
import type * as Transaction from "../../../chain/Transaction.js"
import type { AccountAddress } from "../../../encoding/ApiEncoding.js"
import * as ChainState from "./ChainState.js"

/** A transaction the chain does not accept, with the reference node's name for why. @internal */
export class Refused extends Data.TaggedError("Refused")<{ readonly reason: string }> {}

/** @internal */
export interface Environment {
  readonly networkId: string
  readonly protocol: number
  /** Height of the key block the transaction's block belongs to. */
  readonly height: number
}

/** @internal */
export interface Context<T> {
  readonly state: ChainState.ChainState
  readonly tx: T
  readonly signedTx: SignedTx
  readonly environment: Environment
}

/** The error's name, or `undefined` where all is well. @internal */
export type Check<T> = (context: Context<T>) => string | undefined

/** @internal */
export interface RuleSpec<K extends Transaction.Tag> {
  readonly kind: K
  /** In the order in which the chain looks: the first error counts. */
  readonly checks: ReadonlyArray<Check<Transaction.ByTag<K>>>
  /** The state afterwards; runs only where all checks passed. */
  readonly effect: (context: Context<Transaction.ByTag<K>>) => ChainState.ChainState
  /** In how many generations a block may fail to take the transaction before the mempool drops it, by error. */
  readonly patience?: { readonly [reason: string]: number }
}

/** A rule, ready for any transaction of its kind. @internal */
export interface Rule {
  readonly kind: Transaction.Tag
  readonly run: (context: Context<Transaction.Transaction>) => ChainState.ChainState | Refused
  readonly patience: (reason: string) => number
}

const commonPatience: { readonly [reason: string]: number } = {
  insufficient_funds: 20,
  tx_nonce_already_used_for_account: 1,
  tx_nonce_too_high_for_account: 30
}
const otherPatience = 5

/** @internal */
export const make = <K extends Transaction.Tag>(spec: RuleSpec<K>): Rule => {
  const isKind = (tx: Transaction.Transaction): tx is Transaction.ByTag<K> => tx._tag === spec.kind
  const patience: { readonly [reason: string]: number } = { ...commonPatience, ...spec.patience }
  return {
    kind: spec.kind,
    patience: (reason) => patience[reason] ?? otherPatience,
    run: (any) => {
      const { tx } = any
      if (!isKind(tx)) throw new RangeError(`a ${tx._tag} was given to the rule of ${spec.kind}`)
      const context = { ...any, tx }
      for (const check of spec.checks) {
        const reason = check(context)
        if (reason !== undefined) return new Refused({ reason })
      }
      return spec.effect(context)
    }
  }
}

/** The account of a transaction's origin exists, is a plain one, and this is its next transaction. @internal */
export const originNonce =
  <T extends { readonly nonce: bigint }>(origin: (tx: T) => AccountAddress): Check<T> =>
  ({ state, tx }) => {
    const account = ChainState.account(state, origin(tx))
    if (account === undefined) return "account_not_found"
    if (Account.isGeneralized(account)) return "not_a_basic_account"
    if (account.nonce + 1n === tx.nonce) return undefined
    return account.nonce >= tx.nonce ? "tx_nonce_already_used_for_account" : "tx_nonce_too_high_for_account"
  }

/** An account exists and has what it needs (aettos). @internal */
export const funds =
  <T>(owner: (tx: T) => AccountAddress, need: (tx: T) => bigint): Check<T> =>
  ({ state, tx }) => {
    const account = ChainState.account(state, owner(tx))
    if (account === undefined) return "account_not_found"
    return account.balance >= need(tx) ? undefined : "insufficient_funds"
  }

/** From Lima on a generalized account does not count as having agreed by a plain signature. @internal */
export const signsPlainly =
  <T>(party: (context: Context<T>) => AccountAddress | undefined): Check<T> =>
  (context) => {
    if (context.environment.protocol < Protocol.lima) return undefined
    const id = party(context)
    const account = id === undefined ? undefined : ChainState.account(context.state, id)
    return account !== undefined && Account.isGeneralized(account)
      ? "ga_using_signature_not_allowed"
      : undefined
  }

/** @internal */
export const isParticipant = (channel: ChannelObject, id: AccountAddress): boolean =>
  channel.initiatorId === id || channel.responderId === id
