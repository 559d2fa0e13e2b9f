/**
 * Transactions that wait for a block: who is let in, in which order blocks take them, and who is dropped.
 *
 * A transaction that no block can hold yet (a nonce is missing, money is on its way, a channel is still locked) waits.
 * It is dropped when its ttl is over, after two weeks of blocks, or when blocks could not take it in more generations
 * than its error deserves.
 *
 * Specification: æternity node, mempool.
 *
 * @internal
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Account from "../../../chain/Account.js"
import * as Fee from "../../../chain/Fee.js"
import * as SignedTx from "../../../chain/SignedTx.js"
import * as Transaction from "../../../chain/Transaction.js"
import type { CryptoService } from "../../../crypto/Crypto.js"
import * as ApiEncoding from "../../../encoding/ApiEncoding.js"
import type { AccountAddress, TxHash } from "../../../encoding/ApiEncoding.js"
import * as Bytes from "../../../encoding/Bytes.js"
import * as Trie from "../../../state/Trie.js"
import * as ChainState from "./ChainState.js"
import * as Process from "./Process.js"
import { type Environment, Refused, refuse } from "./Rule.js"
import * as Rules from "./Rules.js"
import * as Spending from "./rules/Spending.js"

/** A waiting transaction. @internal */
export interface Entry {
  readonly signedTx: SignedTx.SignedTx
  readonly txHash: TxHash
  readonly origin: AccountAddress
  readonly nonce: bigint
  readonly fee: bigint
  /** Whose signatures were verified when it was let in. */
  readonly signers: ReadonlyArray<AccountAddress>
  /** Height of the key block on top when it was let in. */
  readonly since: number
  /** In how many generations blocks tried and could not take it. */
  readonly failures: number
  /** Why and at which height a block could not take it the last time. */
  readonly lastFailure: { readonly reason: string; readonly height: number } | undefined
}

/** @internal */
export type Mempool = HashMap.HashMap<TxHash, Entry>

/** @internal */
export const empty: Mempool = HashMap.empty()

/** How far a nonce may be ahead of its account's. @internal */
export const nonceOffset = 5n

/** The highest nonce of an account that is not there yet. */
const nonceBaseline = 1n

/** How many key blocks a transaction without ttl may wait: two weeks. @internal */
export const maximumWait = 6_720

/** What admission looks at. @internal */
export interface Gate {
  readonly state: ChainState.ChainState
  readonly environment: Environment
  readonly minimumGasPrice: bigint
  readonly crypto: CryptoService
}

const nonceError = (
  state: ChainState.ChainState,
  origin: AccountAddress,
  nonce: bigint
): string | undefined => {
  const account = ChainState.account(state, origin)
  if (account === undefined) return nonce <= nonceBaseline ? undefined : "nonce_too_high"
  if (Account.isGeneralized(account))
    return nonce === 0n ? undefined : "generalized_account_cant_sign_non_meta_tx"
  if (nonce <= account.nonce) return "nonce_too_low"
  return nonce <= account.nonce + nonceOffset ? undefined : "nonce_too_high"
}

const payableError = (state: ChainState.ChainState, tx: Transaction.Transaction): string | undefined => {
  if (tx._tag !== "SpendTx") return undefined
  const recipient = Spending.recipientOf(tx)
  if (recipient === undefined) return "could_not_resolve_recipient"
  return Spending.isPayable(state, recipient) ? undefined : "account_is_not_payable"
}

/** The most gas an authentication function may ask for. @internal */
export const maximumAuthenticationGas = 50_000n

/** Whether a meta transaction asks for more than that. @internal */
export const wantsTooMuchGas = (signedTx: SignedTx.SignedTx): boolean =>
  SignedTx.metaLayers(signedTx).some((meta) => meta.gas > maximumAuthenticationGas)

const entryOf = (
  signedTx: SignedTx.SignedTx,
  signers: ReadonlyArray<AccountAddress>,
  origin: AccountAddress,
  since: number
): Entry => ({
  signedTx,
  txHash: SignedTx.hash(signedTx),
  origin,
  nonce: Transaction.nonce(signedTx.tx) ?? 0n,
  fee: Transaction.fee(signedTx.tx),
  signers,
  since,
  failures: 0,
  lastFailure: undefined
})

/** What the mempool looks at, in the reference node's order; what depends on the rest of the state is left to the block. */
const admissionError = (signedTx: SignedTx.SignedTx, gate: Gate): string | undefined => {
  const { tx } = signedTx
  const { state, environment, crypto, minimumGasPrice } = gate
  const { height, protocol } = environment
  const unknown = Process.notSupported(signedTx)
  if (unknown !== undefined) return unknown
  if (Process.isBroken(signedTx)) return "broken_tx"
  if (!Process.isLegal(signedTx, protocol)) return "invalid_at_protocol"
  if (!Process.isSigned(state, signedTx, environment, crypto)) return "signature_check_failed"
  // Whose nonce counts is told by what is inside meta transactions.
  const { tx: innermost } = SignedTx.innermost(signedTx)
  const origin = Transaction.origin(innermost)
  if (origin === undefined) return "no_origin"
  const wrongNonce = nonceError(state, origin, Transaction.nonce(innermost) ?? 0n)
  if (wrongNonce !== undefined) return wrongNonce
  if (wantsTooMuchGas(signedTx)) return "too_much_gas_for_auth_function"
  if (Transaction.fee(tx) < Process.consensusFee(tx, protocol)) return "too_low_fee"
  if (Process.gasIsTooCheap(tx, protocol)) return "too_low_gas_price"
  if (Process.offeredGasPrice(signedTx, protocol) < minimumGasPrice) return "too_low_gas_price_for_miner"
  const notPayable = payableError(state, innermost)
  if (notPayable !== undefined) return notPayable
  const ttl = Transaction.ttl(tx)
  return ttl !== 0 && ttl < height ? "ttl_expired" : undefined
}

/**
 * A transaction as an entry of the mempool, or why it is not let in.
 *
 * @internal
 */
export const admit = (signedTx: SignedTx.SignedTx, gate: Gate): Entry | Refused => {
  const error = admissionError(signedTx, gate)
  if (error !== undefined) return refuse(error)
  const { state, environment, crypto } = gate
  const origin = Transaction.origin(signedTx.tx)
  if (origin === undefined) return refuse("no_origin")
  const signers = Process.signersOf(state, signedTx, environment, crypto) ?? []
  return entryOf(signedTx, signers, origin, environment.height)
}

/**
 * The mempool with transactions of blocks that were dropped: those that a later block may still hold, by ttl and nonce.
 * Their signatures are verified again by the block.
 *
 * @internal
 */
export const takeBack = (
  mempool: Mempool,
  transactions: Iterable<SignedTx.SignedTx>,
  state: ChainState.ChainState,
  height: number
): Mempool => {
  let all = mempool
  for (const signedTx of transactions) {
    const origin = Transaction.origin(signedTx.tx)
    if (origin === undefined) continue
    const entry = entryOf(signedTx, [], origin, height)
    const used = ChainState.account(state, origin)
    const isUsed = used !== undefined && !Account.isGeneralized(used) && entry.nonce <= used.nonce
    if (!isUsed) all = HashMap.set(all, entry.txHash, entry)
  }
  return collectGarbage(all, height)
}

/** The highest waiting nonce of an account, of those transactions that count. @internal */
export const highestNonce = (
  mempool: Mempool,
  origin: AccountAddress,
  counts: (entry: Entry) => boolean
): bigint | undefined => {
  let highest: bigint | undefined
  for (const entry of HashMap.values(mempool)) {
    if (entry.origin !== origin || !counts(entry)) continue
    if (highest === undefined || entry.nonce > highest) highest = entry.nonce
  }
  return highest
}

/** Whether a transaction of the account with this nonce waits. @internal */
export const hasNonce = (mempool: Mempool, origin: AccountAddress, nonce: bigint): boolean => {
  for (const entry of HashMap.values(mempool)) {
    if (entry.origin === origin && entry.nonce === nonce) return true
  }
  return false
}

const compareBigInt = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

const compareIds = (a: AccountAddress | TxHash, b: AccountAddress | TxHash): number =>
  a === b ? 0 : Bytes.compare(ApiEncoding.bytesOf(a), ApiEncoding.bytesOf(b))

/** The best paid first; the rest only makes the order one that does not depend on chance. */
const byProfit = (a: Entry, b: Entry): number =>
  compareBigInt(b.fee, a.fee) ||
  compareIds(a.origin, b.origin) ||
  compareBigInt(a.nonce, b.nonce) ||
  compareIds(a.txHash, b.txHash)

/** Meta transactions have no nonce and come last, the best paid first. */
const inBlock = (a: Entry, b: Entry): number =>
  Number(a.nonce === 0n) - Number(b.nonce === 0n) ||
  (a.nonce === 0n ? byProfit(a, b) : compareIds(a.origin, b.origin) || compareBigInt(a.nonce, b.nonce))

/** The waiting transactions, the best paid first. @internal */
export const entries = (mempool: Mempool): ReadonlyArray<Entry> => [...HashMap.values(mempool)].sort(byProfit)

/**
 * What a block with this much gas left would try next: the best paid first, then in the order of origins and nonces.
 * Of two with the same origin and nonce the better paid one stays the first, and leaves nothing to the other.
 */
const select = (
  candidates: ReadonlyArray<Entry>,
  gas: bigint,
  protocol: number
): { readonly selected: ReadonlyArray<Entry>; readonly rest: ReadonlyArray<Entry> } => {
  const selected: Array<Entry> = []
  const rest: Array<Entry> = []
  let left = gas
  for (const entry of candidates) {
    const need = Process.gasLimit(entry.signedTx, protocol)
    if (need > left) {
      rest.push(entry)
    } else {
      left -= need
      selected.push(entry)
    }
  }
  return { selected: selected.sort(inBlock), rest }
}

const fail = (mempool: Mempool, entry: Entry, reason: string, height: number): Mempool => {
  const failures = entry.lastFailure?.height === height ? entry.failures : entry.failures + 1
  const patience = Rules.of(entry.signedTx.tx)?.patience(reason) ?? 0
  return failures >= patience
    ? HashMap.remove(mempool, entry.txHash)
    : HashMap.set(mempool, entry.txHash, { ...entry, failures, lastFailure: { reason, height } })
}

const sameChannels = (a: ChainState.ChainState, b: ChainState.ChainState): boolean =>
  a.trees.channels === b.trees.channels || Trie.equals(a.trees.channels, b.trees.channels)

/** Whether a meta transaction is around what a transaction does, be it that another account pays for it. */
const hasMeta = (signedTx: SignedTx.SignedTx): boolean => {
  const inner = SignedTx.inner(signedTx)
  return inner !== undefined && (signedTx.tx._tag === "GaMetaTx" || hasMeta(inner))
}

/** What goes into a micro block, and what is left. @internal */
export interface Packed {
  readonly state: ChainState.ChainState
  readonly mempool: Mempool
  readonly included: ReadonlyArray<Entry>
  /** Those of `included` that a meta transaction paid for in vain: what is inside failed. */
  readonly inVain: ReadonlySet<TxHash>
}

/**
 * Tries every waiting transaction once, as far as the gas of a block reaches.
 *
 * @internal
 */
export const pack = (
  mempool: Mempool,
  state: ChainState.ChainState,
  environment: Environment,
  crypto: CryptoService
): Packed => {
  const { height, protocol } = environment
  const included: Array<Entry> = []
  const inVain = new Set<TxHash>()
  let gas = Fee.blockGasLimit
  let left = mempool
  let now = state
  let candidates: ReadonlyArray<Entry> = [...HashMap.values(mempool)].sort(byProfit)
  for (;;) {
    const { selected, rest } = select(candidates, gas, protocol)
    if (selected.length === 0) return { state: now, mempool: left, included, inVain }
    for (const entry of selected) {
      const after = Process.apply(now, entry.signedTx, environment, crypto, entry.signers)
      if (after instanceof Refused) {
        left = fail(left, entry, after.reason, height)
      } else {
        if (hasMeta(entry.signedTx) && sameChannels(now, after)) {
          inVain.add(entry.txHash)
        }
        now = after
        gas -= Process.gasLimit(entry.signedTx, protocol)
        left = HashMap.remove(left, entry.txHash)
        included.push(entry)
      }
    }
    candidates = rest
  }
}

/** The mempool without those that no block at this height or above may hold. @internal */
export const collectGarbage = (mempool: Mempool, height: number): Mempool =>
  HashMap.filter(mempool, (entry) => {
    const ttl = Transaction.ttl(entry.signedTx.tx)
    return (ttl === 0 || ttl >= height) && entry.since + maximumWait > height
  })

/** @internal */
export const get = (mempool: Mempool, txHash: TxHash): Entry | undefined =>
  Option.getOrUndefined(HashMap.get(mempool, txHash))
