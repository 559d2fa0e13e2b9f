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
import type { CryptoService } from "../../../crypto/Crypto.js"
import type { AccountAddress, ChannelId } from "../../../encoding/ApiEncoding.js"
import type * as Fate from "../../../fate/Environment.js"
import * as FateAuthenticator from "../../FateAuthenticator.js"
import type { GaAuthenticator } from "../../GaAuthenticator.js"
import * as ChainState from "./ChainState.js"
import * as World from "./World.js"

/** A transaction the chain does not accept, with the reference node's name for why. @internal */
export class Refused extends Data.TaggedError("Refused")<{ readonly reason: string }> {}

/** @internal */
export const refuse = (reason: string): Refused => new Refused({ reason })

/** What the reference node calls a transaction on which its own code breaks. @internal */
export const crash = "crash"

/** @internal */
export interface Environment {
  readonly networkId: string
  readonly protocol: number
  /** Height of the key block the transaction's block belongs to. */
  readonly height: number
  /** Of the transaction's block, in milliseconds; 0 unless given. */
  readonly timestamp?: number
  /** The hash (32 bytes) of the key block at a height; unknown unless given. */
  readonly blockHash?: (height: number) => Uint8Array | undefined
  /** Who runs the contracts of generalized accounts; the library's virtual machine unless given. */
  readonly authenticator?: GaAuthenticator | undefined
}

/** What contracts see of the chain in a state. @internal */
export const fateEnvironment = (
  { blockHash = () => undefined, height, networkId, protocol, timestamp = 0 }: Environment,
  state: ChainState.ChainState
): Fate.Environment => World.environment({ networkId, protocol, height, timestamp, blockHash }, state.trees)

/** @internal */
export const authenticatorOf = ({ authenticator }: Environment): GaAuthenticator =>
  authenticator ?? FateAuthenticator.authenticator

/** What the transactions around a transaction have settled. @internal */
export interface Surroundings {
  /** The signed transaction a block holds. */
  readonly outermost: SignedTx
  /** Who pays fees instead of the origin. */
  readonly payer: AccountAddress | undefined
  /** The generalized accounts that have authenticated, with their authentication ids (32 bytes). */
  readonly authenticated: ReadonlyMap<AccountAddress, Uint8Array>
  /** Whether a meta transaction is around it. */
  readonly inMeta: boolean
}

/** @internal */
export interface Context<T> {
  readonly state: ChainState.ChainState
  readonly tx: T
  readonly signedTx: SignedTx
  readonly environment: Environment
  readonly around: Surroundings
  readonly crypto: CryptoService
  /** Processes the transaction inside; its signatures count in the new surroundings. */
  readonly processInner: (
    state: ChainState.ChainState,
    inner: SignedTx,
    around: Surroundings
  ) => ChainState.ChainState | Refused
  /** Who must sign, as far as the state tells; `undefined` where it names a channel that is not there. */
  readonly signersOf: (
    state: ChainState.ChainState,
    signedTx: SignedTx
  ) => ReadonlyArray<AccountAddress> | undefined
}

/** The error's name, or `undefined` where all is well. @internal */
export type Check<T> = (context: Context<T>) => string | undefined

/** @internal */
export interface RuleSpec<K extends Transaction.Tag> {
  readonly kind: K
  /** In the order in which the chain looks: the first error counts. */
  readonly checks: ReadonlyArray<Check<Transaction.ByTag<K>>>
  /** The state afterwards; runs only where all checks passed. What wraps another transaction may still be refused. */
  readonly effect: (context: Context<Transaction.ByTag<K>>) => ChainState.ChainState | Refused
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
  crash: 1,
  insufficient_funds: 20,
  not_a_generalized_account: 15,
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
        if (reason !== undefined) return refuse(reason)
      }
      return spec.effect(context)
    }
  }
}

/** Who pays the fee of a transaction of `origin`. @internal */
export const payerOf = ({ around }: Context<unknown>, origin: AccountAddress): AccountAddress =>
  around.payer ?? origin

/**
 * The account of a transaction's origin exists and this is its next transaction: the next nonce of a plain account, 0
 * for a generalized one that has authenticated. Where another pays, the origin need not exist yet.
 *
 * @internal
 */
export const originNonce =
  <T extends { readonly nonce: bigint }>(origin: (tx: T) => AccountAddress): Check<T> =>
  ({ state, tx, around }) => {
    const id = origin(tx)
    const account =
      ChainState.account(state, id) ??
      (around.payer === undefined ? undefined : Account.make({ balance: 0n }))
    if (account === undefined) return "account_not_found"
    if (around.authenticated.has(id)) {
      if (!Account.isGeneralized(account)) return "not_a_generalized_account"
      return tx.nonce === 0n ? undefined : "nonce_in_ga_tx_should_be_zero"
    }
    if (Account.isGeneralized(account)) return "not_a_basic_account"
    return plainNonce(account.nonce, tx.nonce)
  }

const plainNonce = (used: bigint, nonce: bigint): string | undefined => {
  if (used + 1n === nonce) return undefined
  return used >= nonce ? "tx_nonce_already_used_for_account" : "tx_nonce_too_high_for_account"
}

/** An account exists and has what it needs (aettos). @internal */
export const funds =
  <T>(owner: (tx: T) => AccountAddress, need: (tx: T) => bigint): Check<T> =>
  ({ state, tx }) =>
    lacks(state, owner(tx), need(tx))

const lacks = (state: ChainState.ChainState, id: AccountAddress, need: bigint): string | undefined => {
  const account = ChainState.account(state, id)
  if (account === undefined) return "account_not_found"
  return account.balance >= need ? undefined : "insufficient_funds"
}

/**
 * The origin has the amount and whoever pays has the fee. An origin for which another pays is looked at only where it
 * has to give something itself.
 *
 * @internal
 */
export const amountAndFee =
  <T extends { readonly fee: bigint }>(
    origin: (tx: T) => AccountAddress,
    amount: (tx: T) => bigint = () => 0n
  ): Check<T> =>
  (context) => {
    const { state, tx } = context
    const from = origin(tx)
    const payer = payerOf(context, from)
    if (payer === from) return lacks(state, from, amount(tx) + tx.fee)
    const own = amount(tx) === 0n ? undefined : lacks(state, from, amount(tx))
    return own ?? lacks(state, payer, tx.fee)
  }

/**
 * How solo transactions look at their origin: it exists, can pay what is needed, the fee unless told otherwise (or
 * whoever pays can), and this is its next transaction.
 *
 * @internal
 */
export const soloAccount =
  <T extends { readonly fee: bigint; readonly nonce: bigint; readonly fromId: AccountAddress }>(
    need: (tx: T) => bigint = ({ fee }) => fee
  ): Check<T> =>
  (context) => {
    const { state, tx, around } = context
    const account = ChainState.account(state, tx.fromId)
    if (account === undefined) return "account_not_found"
    const payer = payerOf(context, tx.fromId)
    if (payer === tx.fromId && account.balance < need(tx)) return "insufficient_funds"
    const nonce = Account.isGeneralized(account)
      ? tx.nonce !== 0n
        ? "nonce_in_ga_tx_should_be_zero"
        : around.authenticated.has(tx.fromId)
          ? undefined
          : "bad_ga_tx_env"
      : plainNonce(account.nonce, tx.nonce)
    return nonce ?? (payer === tx.fromId ? undefined : lacks(state, payer, need(tx)))
  }

/** From Lima on a generalized account does not count as having agreed by a plain signature. @internal */
export const signsPlainly =
  <T>(party: (context: Context<T>) => AccountAddress | undefined): Check<T> =>
  (context) => {
    if (context.environment.protocol < Protocol.lima) return undefined
    const id = party(context)
    if (id === undefined || context.around.authenticated.has(id)) return undefined
    const account = ChainState.account(context.state, id)
    return account !== undefined && Account.isGeneralized(account)
      ? "ga_using_signature_not_allowed"
      : undefined
  }

/** The transaction is counted: a plain origin's nonce is set, that of a generalized one stays. @internal */
export const counted = (
  { around, state }: Context<unknown>,
  origin: AccountAddress,
  nonce: bigint
): ChainState.ChainState => {
  if (around.authenticated.has(origin)) return state
  const account = ChainState.account(state, origin) ?? Account.make({ balance: 0n })
  return ChainState.setAccount(state, origin, { ...account, nonce })
}

/** Whoever pays has paid the fee. @internal */
export const feePaid = (
  context: Context<{ readonly fee: bigint }>,
  state: ChainState.ChainState,
  origin: AccountAddress
): ChainState.ChainState => {
  const { fee } = context.tx
  return ChainState.collectFee(ChainState.spend(state, payerOf(context, origin), fee), fee)
}

/** @internal */
export const isParticipant = (channel: ChannelObject, id: AccountAddress): boolean =>
  channel.initiatorId === id || channel.responderId === id

/** A check of the transaction's channel, which must be there. @internal */
export const ofChannel =
  <T extends { readonly channelId: ChannelId }>(
    check: (channel: ChannelObject, context: Context<T>) => string | undefined
  ): Check<T> =>
  (context) => {
    const channel = ChainState.channel(context.state, context.tx.channelId)
    return channel === undefined ? "channel_does_not_exist" : check(channel, context)
  }

/** The channel is there. @internal */
export const channelExists = <T extends { readonly channelId: ChannelId }>(): Check<T> =>
  ofChannel<T>(() => undefined)

/** Nobody closes the channel. @internal */
export const isActive = <T extends { readonly channelId: ChannelId }>(): Check<T> =>
  ofChannel<T>((channel) => (channel.lockedUntil === 0 ? undefined : "channel_not_active"))

/** The party is one of the channel's two. @internal */
export const isPeer = <T extends { readonly channelId: ChannelId }>(
  party: (tx: T) => AccountAddress
): Check<T> =>
  ofChannel<T>((channel, { tx }) => (isParticipant(channel, party(tx)) ? undefined : "account_not_peer"))

/** The other of a channel's two parties. @internal */
export const otherParty =
  <T extends { readonly channelId: ChannelId }>(
    party: (tx: T) => AccountAddress
  ): ((context: Context<T>) => AccountAddress | undefined) =>
  ({ state, tx }) => {
    const channel = ChainState.channel(state, tx.channelId)
    return channel?.initiatorId === party(tx) ? channel.responderId : channel?.initiatorId
  }

/**
 * Whether a round is newer than what the chain has. A co-signed state beats all forced ones from the first forced round
 * on, `solo_round`; a forced one must only be newer than the newest.
 *
 * @internal
 */
export const roundError = (channel: ChannelObject, round: number, forced = false): string | undefined => {
  const floor = channel.soloRound !== 0 && !forced ? channel.soloRound - 1 : channel.round
  if (round > floor) return undefined
  return round === floor ? "same_round" : "old_round"
}

/** A channel with changes that all versions of the object have. @internal */
export const changed = (
  channel: ChannelObject,
  changes: Partial<
    Pick<
      ChannelObject,
      | "channelAmount"
      | "initiatorAmount"
      | "responderAmount"
      | "stateHash"
      | "round"
      | "soloRound"
      | "lockedUntil"
    >
  >
): ChannelObject => ({ ...channel, ...changes })
