/**
 * A simulated æternity chain as a value: accounts, channels, a mempool and blocks. Nothing is mined by itself; whoever
 * holds the value says when. An older value stays what it was, and shares with its successors what did not change.
 *
 * It knows no miners: fees are collected and counted. Of the kinds of transactions it supports {@link supportedKinds};
 * the mempool refuses others with `not_supported: …`. Its blocks follow the protocols of a schedule, Ceres unless told
 * otherwise, and it can drop its newest blocks again ({@link fork}).
 *
 * Every operation is a deterministic function of its arguments: the same options and the same operations in the same
 * order lead to an equal chain, block hashes included.
 *
 * Specification: æternity consensus (processing of transactions, blocks), æternity node (mempool).
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Account from "../chain/Account.js"
import type { CallObject } from "../chain/CallObject.js"
import type { ChannelObject } from "../chain/ChannelObject.js"
import * as Fee from "../chain/Fee.js"
import * as Protocol from "../chain/Protocol.js"
import * as SignedTx from "../chain/SignedTx.js"
import type { CryptoService } from "../crypto/Crypto.js"
import type { AccountAddress, BlockHash, ChannelId, TxHash } from "../encoding/ApiEncoding.js"
import type * as Fate from "../fate/Environment.js"
import * as Trees from "../state/Trees.js"
import type { ChainView } from "./ChainView.js"
import * as FateAuthenticator from "./FateAuthenticator.js"
import type { GaAuthenticator } from "./GaAuthenticator.js"
import * as Agreement from "./internal/ledger/Agreement.js"
import * as Block from "./internal/ledger/Block.js"
import * as Books from "./internal/ledger/Books.js"
import * as ChainState from "./internal/ledger/ChainState.js"
import * as Mempool from "./internal/ledger/Mempool.js"
import * as Pinned from "./internal/ledger/Pinned.js"
import { Refused } from "./internal/ledger/Rule.js"
import * as Rules from "./internal/ledger/Rules.js"

/**
 * A key block. Its micro blocks have its height. Times are milliseconds since the epoch.
 *
 * @since 0.1.0
 * @category models
 */
export type KeyBlock = Block.KeyBlock

/**
 * A micro block: transactions in the order in which they took effect.
 *
 * @since 0.1.0
 * @category models
 */
export type MicroBlock = Block.MicroBlock

/**
 * A transaction in a block. `height` is that of the block.
 *
 * @since 0.1.0
 * @category models
 */
export interface MinedTransaction {
  readonly signedTx: SignedTx.SignedTx
  readonly txHash: TxHash
  readonly blockHash: BlockHash
  readonly height: number
}

/**
 * A transaction that waits for a block. `failures` counts the generations in which a block could not take it;
 * `lastFailure` is why, the last time.
 *
 * @since 0.1.0
 * @category models
 */
export interface PendingTransaction {
  readonly signedTx: SignedTx.SignedTx
  readonly txHash: TxHash
  readonly since: number
  readonly failures: number
  readonly lastFailure: string | undefined
}

/**
 * What marks a value as a ledger.
 *
 * @since 0.1.0
 * @category models
 */
export const TypeId: unique symbol = Symbol.for("@aechannel/core/Ledger")

/**
 * The chain. Make one with {@link make}; look into it with the functions of this module.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ledger {
  readonly [TypeId]: typeof TypeId
  readonly networkId: string
  /** The protocol version of the key block on top and of micro blocks on it (6 is Ceres). */
  readonly protocol: number
  /** Aettos for each unit of gas below which the mempool refuses. */
  readonly minimumGasPrice: bigint
  readonly genesis: KeyBlock
  /** The key block on top. */
  readonly top: KeyBlock
  /** @internal The newest block: `top` or a micro block on it. */
  readonly tip: Block.Block
  /** @internal */
  readonly state: ChainState.ChainState
  /** @internal */
  readonly mempool: Mempool.Mempool
  /** @internal */
  readonly blocks: HashMap.HashMap<BlockHash, Block.Block>
  /** @internal The state after each block. */
  readonly states: HashMap.HashMap<BlockHash, ChainState.ChainState>
  /** @internal */
  readonly keyBlocks: HashMap.HashMap<number, Block.KeyBlock>
  /** @internal */
  readonly transactions: HashMap.HashMap<TxHash, MinedTransaction>
  /** @internal Transactions of a channel, oldest first. */
  readonly history: HashMap.HashMap<ChannelId, ReadonlyArray<TxHash>>
  /** @internal The first height of each protocol, lowest first. */
  readonly schedule: ReadonlyArray<readonly [height: number, protocol: number]>
  /** @internal */
  readonly authenticator: GaAuthenticator
  /** @internal The chain as it was before its top key block. */
  readonly below: Below | undefined
  /** @internal What {@link fund} gave, the newest first: money out of nothing survives forks. */
  readonly grants: Grant | undefined
}

/**
 * A chain before its top key block: what {@link fork} cannot take from the books of a newer one. Those are not kept with
 * each block, where they would take most of a long chain's memory.
 */
interface Below extends Pick<Ledger, "protocol" | "top" | "tip" | "state" | "below" | "grants"> {}

/** One gift of the faucet, and those before it. */
interface Grant {
  readonly address: AccountAddress
  readonly amount: bigint
  readonly before: Grant | undefined
}

/**
 * Which protocol is in force from which height on, for example `{ 1: 5, 100: 6 }`. Below the lowest height it is Roma.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProtocolSchedule {
  readonly [height: number]: number
}

/**
 * Why the mempool refuses a transaction: the reference node's names, among them `already_accepted` (it is in a block),
 * `already_known` (it waits), `invalid_at_protocol`, `signature_check_failed`, `nonce_too_low`, `nonce_too_high`,
 * `too_much_gas_for_auth_function`, `too_low_fee`, `too_low_gas_price`, `too_low_gas_price_for_miner`,
 * `account_is_not_payable`, `ttl_expired`; `broken_tx` for a proof of inclusion, an update or
 * off-chain trees that are none; and `not_supported: <type>`
 * for a kind this chain does not know.
 *
 * @since 0.1.0
 * @category errors
 */
export class MempoolError extends Data.TaggedError("MempoolError")<{
  readonly reason: string
  readonly txHash: TxHash
}> {
  override get message(): string {
    return `The mempool refuses ${this.txHash}: ${this.reason}`
  }
}

/**
 * Why a chain cannot do what was asked of it: `not_enough_blocks`, it has fewer key blocks above its first ones than it
 * should drop; `invalid_number`, the number of key blocks is no integer of at least 0.
 *
 * @since 0.1.0
 * @category errors
 */
export class LedgerError extends Data.TaggedError("LedgerError")<{
  readonly reason: "not_enough_blocks" | "invalid_number"
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}

/**
 * What mining did: the chain afterwards, the transactions that went into blocks, in order, and the newest block of the
 * call; `undefined` where nothing was mined.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mined {
  readonly ledger: Ledger
  readonly included: ReadonlyArray<MinedTransaction>
  readonly block: KeyBlock | MicroBlock | undefined
}

/**
 * The kinds of transactions (`_tag`) this chain supports.
 *
 * @since 0.1.0
 * @category constants
 */
export const supportedKinds: ReadonlyArray<string> = Rules.kinds

type Schedule = Ledger["schedule"]

const scheduleOf = (protocol: number | ProtocolSchedule): Schedule =>
  typeof protocol === "number"
    ? [[0, protocol]]
    : Object.entries(protocol)
        .map(([height, each]): Schedule[number] => [Number(height), each])
        .sort(([a], [b]) => a - b)

const protocolIn = (schedule: Schedule, height: number): number =>
  schedule.findLast(([from]) => from <= height)?.[1] ?? Protocol.roma

/**
 * A new chain: a genesis block at height 0 whose state holds the given accounts (balances in aettos; an account given
 * twice has both), and on it a key block at `startHeight`, 1 unless given. The heights between the two have no blocks.
 * `protocol` is 6 (Ceres) at all heights unless given, as one number or as a schedule (see `Protocol.scheduleOf` for
 * those of real networks); `minimumGasPrice` is 10⁹ aettos unless given; `timeMs` (milliseconds, default 0) is the time
 * of both blocks. `gaAuthenticator` runs the contracts of generalized accounts, the library's own virtual machine
 * unless given.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly networkId: string
  readonly accounts: ReadonlyArray<{
    readonly address: AccountAddress
    readonly balance: bigint
    readonly nonce?: bigint
  }>
  readonly protocol?: number | ProtocolSchedule
  readonly startHeight?: number
  readonly minimumGasPrice?: bigint
  readonly timeMs?: number
  readonly gaAuthenticator?: GaAuthenticator
}): Ledger => {
  const schedule = scheduleOf(options.protocol ?? Protocol.latest)
  const timeMs = options.timeMs ?? 0
  const state = options.accounts.reduce((before, { address, balance, nonce }) => {
    const account = ChainState.account(before, address) ?? Account.make({ balance: 0n })
    const after = { ...account, balance: account.balance + balance, nonce: nonce ?? account.nonce }
    return ChainState.setAccount(before, address, after)
  }, ChainState.empty)
  const stateHash = Trees.stateHash(state.trees)
  const base = { stateHash, timeMs }
  const genesis = Block.keyBlock({
    ...base,
    height: 0,
    protocol: protocolIn(schedule, 0),
    prevHash: Block.noHash,
    prevKeyHash: Block.noHash
  })
  const height = Math.max(1, options.startHeight ?? 1)
  const protocol = protocolIn(schedule, height)
  const top = Block.keyBlock({
    ...base,
    height,
    protocol,
    prevHash: genesis.hash,
    prevKeyHash: genesis.hash
  })
  return {
    [TypeId]: TypeId,
    networkId: options.networkId,
    protocol,
    minimumGasPrice: options.minimumGasPrice ?? Fee.defaultMinerGasPrice,
    genesis,
    top,
    tip: top,
    state,
    mempool: Mempool.empty,
    blocks: HashMap.make<ReadonlyArray<readonly [BlockHash, Block.Block]>>(
      [genesis.hash, genesis],
      [top.hash, top]
    ),
    states: HashMap.make<ReadonlyArray<readonly [BlockHash, ChainState.ChainState]>>(
      [genesis.hash, state],
      [top.hash, state]
    ),
    keyBlocks: HashMap.make([0, genesis], [height, top]),
    transactions: HashMap.empty(),
    history: HashMap.empty(),
    schedule,
    authenticator: options.gaAuthenticator ?? FateAuthenticator.authenticator,
    below: undefined,
    grants: undefined
  }
}

const admit = (
  ledger: Ledger,
  signedTx: SignedTx.SignedTx,
  crypto: CryptoService
): Mempool.Entry | Refused => {
  const txHash = SignedTx.hash(signedTx)
  if (HashMap.has(ledger.transactions, txHash)) return new Refused({ reason: "already_accepted" })
  if (HashMap.has(ledger.mempool, txHash)) return new Refused({ reason: "already_known" })
  return Mempool.admit(signedTx, {
    state: ledger.state,
    environment: Pinned.nextBlock(ledger),
    minimumGasPrice: ledger.minimumGasPrice,
    crypto
  })
}

/**
 * Gives a transaction to the mempool. It waits there until a block takes it; that it was let in does not mean that one
 * will. A transaction that was dropped may be given again.
 *
 * @since 0.1.0
 * @category combinators
 */
export const submit = (
  ledger: Ledger,
  signedTx: SignedTx.SignedTx,
  crypto: CryptoService
): { readonly ledger: Ledger; readonly txHash: TxHash } | MempoolError => {
  const entry = admit(ledger, signedTx, crypto)
  if (entry instanceof Refused)
    return new MempoolError({ reason: entry.reason, txHash: SignedTx.hash(signedTx) })
  const { txHash } = entry
  return { ledger: { ...ledger, mempool: HashMap.set(ledger.mempool, txHash, entry) }, txHash }
}

/** A block's time, in whole milliseconds, is never before that of the block below it. */
const timeAfter = (ledger: Ledger, timeMs: number | undefined): number =>
  Math.max(ledger.tip.timeMs, Math.floor(timeMs ?? 0))

/**
 * The chain with a transaction in its books: which block holds it, and which channel it is about (none, where a meta
 * transaction was paid for in vain).
 *
 * @internal
 */
export const recorded = (ledger: Ledger, mined: MinedTransaction, inVain = false): Ledger => {
  const channelId = inVain ? undefined : Rules.channelOf(mined.signedTx)
  return {
    ...ledger,
    transactions: HashMap.set(ledger.transactions, mined.txHash, mined),
    history:
      channelId === undefined
        ? ledger.history
        : HashMap.set(ledger.history, channelId, [...channelHistory(ledger, channelId), mined.txHash])
  }
}

/**
 * Makes a micro block of the transactions that wait and can take effect now, the best paid first where one block cannot
 * hold them all, each account's in the order of nonces. A block that would be empty is not made (`included` is empty).
 * Those that could not be taken wait on, or are dropped when they have failed in too many generations. `timeMs` is the
 * time since the epoch; that of the block before unless given.
 *
 * @since 0.1.0
 * @category combinators
 */
export const mineMicroBlock = (ledger: Ledger, crypto: CryptoService, timeMs?: number): Mined => {
  if (HashMap.isEmpty(ledger.mempool)) return { ledger, included: [], block: undefined }
  const time = timeAfter(ledger, timeMs)
  const packed = Mempool.pack(ledger.mempool, ledger.state, Pinned.nextBlock(ledger, time), crypto)
  const { mempool, state } = packed
  if (packed.included.length === 0) return { ledger: { ...ledger, mempool }, included: [], block: undefined }
  const { height } = ledger.top
  const block = Block.microBlock(
    {
      height,
      protocol: ledger.protocol,
      prevHash: ledger.tip.hash,
      prevKeyHash: ledger.top.hash,
      stateHash: Trees.stateHash(state.trees),
      timeMs: time
    },
    packed.included.map((entry) => entry.txHash)
  )
  const included = packed.included.map(
    ({ signedTx, txHash }): MinedTransaction => ({ signedTx, txHash, blockHash: block.hash, height })
  )
  const blocks = HashMap.set(ledger.blocks, block.hash, block)
  return {
    ledger: included.reduce<Ledger>((each, mined) => recorded(each, mined, packed.inVain.has(mined.txHash)), {
      ...ledger,
      tip: block,
      state,
      mempool,
      blocks,
      states: HashMap.set(ledger.states, block.hash, state)
    }),
    included,
    block
  }
}

/**
 * Makes a key block on top, and before it as many micro blocks as the waiting transactions need. A transaction that
 * becomes valid with the new height waits for the next micro block.
 *
 * @since 0.1.0
 * @category combinators
 */
export const mineKeyBlock = (ledger: Ledger, crypto: CryptoService, timeMs?: number): Mined => {
  const included: Array<MinedTransaction> = []
  let before = ledger
  for (;;) {
    const micro = mineMicroBlock(before, crypto, timeMs)
    before = micro.ledger
    if (micro.block === undefined) break
    included.push(...micro.included)
  }
  const height = before.top.height + 1
  const protocol = protocolIn(before.schedule, height)
  // Call objects live for one generation.
  const state = ChainState.withoutCalls(before.state)
  const block = Block.keyBlock({
    height,
    protocol,
    prevHash: before.tip.hash,
    prevKeyHash: before.top.hash,
    stateHash: Trees.stateHash(state.trees),
    timeMs: timeAfter(before, timeMs)
  })
  const { below, grants, tip, top } = before
  const after: Ledger = {
    ...before,
    protocol,
    top: block,
    tip: block,
    state,
    below: { protocol: before.protocol, top, tip, state: before.state, below, grants },
    mempool: Mempool.collectGarbage(before.mempool, block.height),
    blocks: HashMap.set(before.blocks, block.hash, block),
    states: HashMap.set(before.states, block.hash, state),
    keyBlocks: HashMap.set(before.keyBlocks, block.height, block)
  }
  return { ledger: after, included, block }
}

/**
 * Gives an account money out of nothing (aettos), at once and without a transaction: the faucet of a test chain.
 *
 * @since 0.1.0
 * @category combinators
 */
export const fund = (ledger: Ledger, address: AccountAddress, amount: bigint): Ledger => ({
  ...ledger,
  state: ChainState.earn(ledger.state, address, amount),
  grants: { address, amount, before: ledger.grants }
})

/** What was given after `until`, the oldest first. */
const grantsSince = (grants: Grant | undefined, until: Grant | undefined): ReadonlyArray<Grant> => {
  const since: Array<Grant> = []
  for (let grant = grants; grant !== undefined && grant !== until; grant = grant.before) since.push(grant)
  return since.reverse()
}

/**
 * Another chain takes over: the newest `keyBlocks` key blocks are dropped, with all micro blocks on them; 0 drops
 * nothing. What is below stays as it is, the micro blocks of the generation that is on top then included. Their
 * transactions go back to the mempool, where they may still be valid by ttl and nonce (not with `returnTransactions:
 * false`); those that waited go on waiting. What {@link fund} gave stays given. The blocks of the first height and the
 * genesis block cannot be dropped: `LedgerError`.
 *
 * Mining the same again, with the same times, leads to the same chain.
 *
 * @since 0.1.0
 * @category combinators
 */
export const fork = (
  ledger: Ledger,
  keyBlocks: number,
  options?: { readonly returnTransactions?: boolean }
): Ledger | LedgerError => {
  if (!Number.isSafeInteger(keyBlocks) || keyBlocks < 0) {
    return new LedgerError({
      reason: "invalid_number",
      detail: `A chain drops a whole number of key blocks, at least 0, not ${keyBlocks}`
    })
  }
  if (keyBlocks === 0) return ledger
  let base: Below | undefined = ledger
  for (let n = 0; n < keyBlocks && base !== undefined; n++) base = base.below
  if (base === undefined) {
    return new LedgerError({
      reason: "not_enough_blocks",
      detail: `The chain cannot drop ${keyBlocks} key blocks: it has fewer above its first height`
    })
  }
  const state = grantsSince(ledger.grants, base.grants).reduce(
    (each, { address, amount }) => ChainState.earn(each, address, amount),
    base.state
  )
  const above = Books.blocksAbove(ledger, base.tip)
  const dropped = Books.transactionsIn(ledger, above)
  const back = options?.returnTransactions === false ? [] : dropped.map(({ signedTx }) => signedTx)
  const mempool = Mempool.takeBack(ledger.mempool, back, state, base.top.height)
  return {
    ...ledger,
    ...base,
    ...Books.without(ledger, above, dropped),
    state,
    grants: ledger.grants,
    mempool
  }
}

/**
 * An account, `undefined` where nobody ever paid into it.
 *
 * @since 0.1.0
 * @category accessors
 */
export const account = (ledger: Ledger, id: AccountAddress): Account.Account | undefined =>
  ChainState.account(ledger.state, id)

/**
 * An account as it was after a key or micro block of the chain; `"no block"` for a block that is not on it.
 *
 * @since 0.1.0
 * @category getters
 */
export const accountAfter = (
  ledger: Ledger,
  hash: BlockHash,
  id: AccountAddress
): Account.Account | undefined | "no block" => {
  const state = Option.getOrUndefined(HashMap.get(ledger.states, hash))
  return state === undefined ? "no block" : ChainState.account(state, id)
}

/**
 * The balance of an account in aettos, 0 where there is none.
 *
 * @since 0.1.0
 * @category accessors
 */
export const balance = (ledger: Ledger, id: AccountAddress): bigint => account(ledger, id)?.balance ?? 0n

/**
 * All accounts, in the order of their public keys.
 *
 * @since 0.1.0
 * @category accessors
 */
export const accounts = (ledger: Ledger): ReadonlyArray<readonly [AccountAddress, Account.Account]> => [
  ...ChainState.accounts(ledger.state)
]

/**
 * A channel, `undefined` where there is none (yet, or any more).
 *
 * @since 0.1.0
 * @category accessors
 */
export const channel = (ledger: Ledger, id: ChannelId): ChannelObject | undefined =>
  ChainState.channel(ledger.state, id)

/**
 * All open channels, in the order of their ids.
 *
 * @since 0.1.0
 * @category accessors
 */
export const channels = (ledger: Ledger): ReadonlyArray<readonly [ChannelId, ChannelObject]> => [
  ...ChainState.channels(ledger.state)
]

/**
 * The fees of all transactions in blocks, in aettos.
 *
 * @since 0.1.0
 * @category accessors
 */
export const collectedFees = (ledger: Ledger): bigint => ledger.state.fees

/**
 * The nonce for an account's next transaction: after its own and its highest waiting one. 1 where there is no account,
 * 0 for a generalized account.
 *
 * @since 0.1.0
 * @category accessors
 */
export const nextNonce = (ledger: Ledger, id: AccountAddress): bigint => nonceAfter(ledger, id, () => true)

const nonceAfter = (
  ledger: Ledger,
  id: AccountAddress,
  counts: (entry: Mempool.Entry) => boolean
): bigint => {
  const known = account(ledger, id)
  if (known !== undefined && Account.isGeneralized(known)) return 0n
  const waiting = Mempool.highestNonce(ledger.mempool, id, counts) ?? 0n
  const used = known?.nonce ?? 0n
  return (waiting > used ? waiting : used) + 1n
}

/**
 * Whether a transaction of the account with this nonce is in a block or waits for one. Never for a generalized account,
 * which counts otherwise.
 *
 * @since 0.1.0
 * @category accessors
 */
export const hasUsed = (ledger: Ledger, id: AccountAddress, nonce: bigint): boolean => {
  const known = account(ledger, id)
  if (known !== undefined && Account.isGeneralized(known)) return false
  return nonce <= (known?.nonce ?? 0n) || Mempool.hasNonce(ledger.mempool, id, nonce)
}

/**
 * Where a transaction is: in a block, or in the mempool (`blockHash` is `undefined`, `height` -1). `undefined` where it
 * is unknown or was dropped.
 *
 * @since 0.1.0
 * @category accessors
 */
export const transaction = (
  ledger: Ledger,
  txHash: TxHash
):
  | {
      readonly signedTx: SignedTx.SignedTx
      readonly txHash: TxHash
      readonly blockHash: BlockHash | undefined
      readonly height: number
    }
  | undefined => {
  const mined = Option.getOrUndefined(HashMap.get(ledger.transactions, txHash))
  if (mined !== undefined) return mined
  const waiting = Mempool.get(ledger.mempool, txHash)
  return waiting === undefined
    ? undefined
    : { signedTx: waiting.signedTx, txHash, blockHash: undefined, height: -1 }
}

const channelHistory = (ledger: Ledger, id: ChannelId): ReadonlyArray<TxHash> =>
  Option.getOrElse(HashMap.get(ledger.history, id), () => [])

/**
 * The transactions of a channel that are in blocks, oldest first; also of a channel that is closed.
 *
 * @since 0.1.0
 * @category accessors
 */
export const channelTransactions = (ledger: Ledger, id: ChannelId): ReadonlyArray<MinedTransaction> =>
  channelHistory(ledger, id).flatMap((txHash) => Option.toArray(HashMap.get(ledger.transactions, txHash)))

/**
 * The newest transaction of a channel that is in a block.
 *
 * @since 0.1.0
 * @category accessors
 */
export const lastChannelTransaction = (ledger: Ledger, id: ChannelId): MinedTransaction | undefined => {
  const txHash = channelHistory(ledger, id).at(-1)
  return txHash === undefined ? undefined : Option.getOrUndefined(HashMap.get(ledger.transactions, txHash))
}

/**
 * The contract call that a transaction in a block has left on chain: that of a forced progress, where the hash of the
 * transaction stands in the place of the contract. `undefined` for all others.
 *
 * @since 0.1.0
 * @category accessors
 */
export const contractCall = (ledger: Ledger, txHash: TxHash): CallObject | undefined => {
  const mined = Option.getOrUndefined(HashMap.get(ledger.transactions, txHash))
  const state = mined && Option.getOrUndefined(HashMap.get(ledger.states, mined.blockHash))
  return state && ChainState.receipt(state, txHash)
}

/**
 * The transactions that wait for a block, the best paid first.
 *
 * @since 0.1.0
 * @category accessors
 */
export const pending = (ledger: Ledger): ReadonlyArray<PendingTransaction> =>
  Mempool.entries(ledger.mempool).map(({ signedTx, txHash, since, failures, lastFailure }) => ({
    signedTx,
    txHash,
    since,
    failures,
    lastFailure: lastFailure?.reason
  }))

/**
 * Whether any transaction waits for a block.
 *
 * @since 0.1.0
 * @category accessors
 */
export const hasPending = (ledger: Ledger): boolean => !HashMap.isEmpty(ledger.mempool)

/**
 * A key or micro block.
 *
 * @since 0.1.0
 * @category accessors
 */
export const block = (ledger: Ledger, hash: BlockHash): KeyBlock | MicroBlock | undefined =>
  Option.getOrUndefined(HashMap.get(ledger.blocks, hash))

/**
 * A key block by hash or height.
 *
 * @since 0.1.0
 * @category accessors
 */
export const keyBlock = (ledger: Ledger, hashOrHeight: BlockHash | number): KeyBlock | undefined => {
  if (typeof hashOrHeight === "number")
    return Option.getOrUndefined(HashMap.get(ledger.keyBlocks, hashOrHeight))
  const found = block(ledger, hashOrHeight)
  return found?._tag === "KeyBlock" ? found : undefined
}

/**
 * The micro blocks on a key block, oldest first; `undefined` where the chain has no such key block.
 *
 * @since 0.1.0
 * @category accessors
 */
export const microBlocks = (ledger: Ledger, hash: BlockHash): ReadonlyArray<MicroBlock> | undefined => {
  const key = keyBlock(ledger, hash)
  if (key === undefined) return undefined
  const next = keyBlock(ledger, key.height === 0 ? Books.firstHeight(ledger) : key.height + 1)
  return Books.microBlocksFrom(ledger, next === undefined ? ledger.tip : block(ledger, next.prevHash))
}

const environmentAt = (ledger: Ledger, hash: BlockHash | undefined): Fate.Environment | undefined => {
  if (hash === undefined) return Pinned.environmentNow(ledger)
  const at = block(ledger, hash)
  return at === undefined ? undefined : Pinned.environmentAfter(ledger, at)
}

const viewOf = (ledger: Ledger, crypto: CryptoService): ChainView => ({
  networkId: ledger.networkId,
  protocol: ledger.protocol,
  topHeight: ledger.top.height,
  topHash: ledger.top.hash,
  genesisHash: ledger.genesis.hash,
  minimumGasPrice: ledger.minimumGasPrice,
  heightOf: (hash) => block(ledger, hash)?.height,
  keyBlockAt: (height) => keyBlock(ledger, height)?.hash,
  account: (id) => account(ledger, id),
  channel: (id) => channel(ledger, id),
  // A transaction behind one that no block takes would never get into one either.
  nextNonce: (id) => nonceAfter(ledger, id, (entry) => entry.failures === 0),
  hasUsed: (id, nonce) => hasUsed(ledger, id, nonce),
  admits: (signedTx) => {
    const entry = admit(ledger, signedTx, crypto)
    return entry instanceof Refused ? { refused: entry.reason } : "ok"
  },
  channelTransactions: (id) => channelTransactions(ledger, id).map((mined) => mined.signedTx),
  locate: (hash) => {
    const found = transaction(ledger, hash)
    if (found === undefined) return undefined
    const { blockHash, height } = found
    if (blockHash === undefined) return "pending"
    return Agreement.isInVain(ledger, found.signedTx) ? "in_vain" : { height, blockHash }
  },
  isGeneralized: (id, channelId) => Agreement.isGeneralized(ledger, id, channelId),
  metaFault: (signedTx, channelId) => Agreement.metaFault(ledger, signedTx, channelId, crypto),
  environmentAt: (hash) => environmentAt(ledger, hash)
})

const views = new WeakMap<Ledger, { readonly crypto: CryptoService; readonly view: ChainView }>()

/**
 * What a channel's state machine may ask of this chain. Made once for each value; `crypto` verifies the signatures of
 * the transactions it is asked about.
 *
 * @since 0.1.0
 * @category accessors
 */
export const view = (ledger: Ledger, crypto: CryptoService): ChainView => {
  const known = views.get(ledger)
  if (known?.crypto === crypto) return known.view
  const made = viewOf(ledger, crypto)
  views.set(ledger, { crypto, view: made })
  return made
}
