/**
 * Turns blocks into what channel state machines are told about the chain. A value: registering a watch and looking at a
 * newer chain yield a new one.
 *
 * A watch only registers; its events come with the next {@link advance}. That goes for what is on the chain already
 * too: after registering, advance without transactions and a channel that is there, or a transaction that is deep
 * enough, is told at once.
 *
 * When the chain has dropped blocks that were looked at (a fork switch), all channels are looked at again: one that is
 * not as it was told is told as it is now, by its newest transaction that is still on the chain, and what comes again is
 * told again. Depths that were not reached yet count anew.
 *
 * Specification: æternity channel node, chain watching.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { ChannelObject } from "../chain/ChannelObject.js"
import type { BlockHash, ChannelId, TxHash } from "../encoding/ApiEncoding.js"
import * as Bytes from "../encoding/Bytes.js"
import type { ChainEvent } from "./ChainView.js"
import * as Agreement from "./internal/ledger/Agreement.js"
import * as Rules from "./internal/ledger/Rules.js"
import * as Ledger from "./Ledger.js"

/**
 * Names the state machine that watches. Unique among those that watch at the same time.
 *
 * @since 0.1.0
 * @category models
 */
export type MachineId = string

interface ChannelWatch {
  readonly machineId: MachineId
  readonly channelId: ChannelId
  /** Counts registrations: events come in this order. */
  readonly order: number
  /** The newest transaction this machine knows of. */
  readonly reported: TxHash | undefined
  /** What the channel looked like when the machine was told. */
  readonly version: string | undefined
}

interface UnlockWatch {
  readonly machineId: MachineId
  readonly channelId: ChannelId
}

interface DepthWatch {
  readonly machineId: MachineId
  readonly txHash: TxHash
  readonly depth: number
  readonly order: number
  /** The top height at which the transaction is deep enough; unknown until it is in a block. */
  readonly dueAt: number | undefined
}

/**
 * What marks a value as a chain watcher.
 *
 * @since 0.1.0
 * @category models
 */
export const TypeId: unique symbol = Symbol.for("@aechannel/core/ChainWatcher")

/**
 * All watches of a node. Start with {@link empty}.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChainWatcher {
  readonly [TypeId]: typeof TypeId
  /** @internal */
  readonly registrations: number
  /** @internal */
  readonly channels: HashMap.HashMap<ChannelId, ReadonlyArray<ChannelWatch>>
  /** @internal The channels that a machine watches. */
  readonly watched: HashMap.HashMap<MachineId, ReadonlyArray<ChannelId>>
  /** @internal Channels with a watch that has not looked at the chain yet. */
  readonly unseen: ReadonlyArray<ChannelId>
  /** @internal */
  readonly depths: ReadonlyArray<DepthWatch>
  /** @internal */
  readonly unlocks: ReadonlyArray<UnlockWatch>
  /** @internal The newest block of the last look. */
  readonly seen: BlockHash | undefined
}

/**
 * An event and the machine it is for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Notice {
  readonly machineId: MachineId
  readonly event: ChainEvent
}

/**
 * Nobody watches anything.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: ChainWatcher = {
  [TypeId]: TypeId,
  registrations: 0,
  channels: HashMap.empty(),
  watched: HashMap.empty(),
  unseen: [],
  depths: [],
  unlocks: [],
  seen: undefined
}

const watchedBy = (watcher: ChainWatcher, machineId: MachineId): ReadonlyArray<ChannelId> =>
  Option.getOrElse(HashMap.get(watcher.watched, machineId), () => [])

const watchesOf = (watcher: ChainWatcher, channelId: ChannelId): ReadonlyArray<ChannelWatch> =>
  Option.getOrElse(HashMap.get(watcher.channels, channelId), () => [])

/**
 * The machine is told once, by `ChannelUnlocked`, when the key block on top is higher than the height up to which the
 * channel is locked; at the next look where it is not locked at all. Watching the same channel again while the first
 * watch waits changes nothing. Of a channel that is not there nothing is told.
 *
 * @since 0.1.0
 * @category combinators
 */
export const watchUnlock = (
  watcher: ChainWatcher,
  machineId: MachineId,
  channelId: ChannelId
): ChainWatcher =>
  watcher.unlocks.some((watch) => watch.machineId === machineId && watch.channelId === channelId)
    ? watcher
    : { ...watcher, unlocks: [...watcher.unlocks, { machineId, channelId }] }

/**
 * From now on the machine is told when a transaction changes the channel. A machine that comes back and has seen some
 * of the channel's life says the last transaction it knows (`known`), which then is no news. Watching the same channel
 * again changes nothing.
 *
 * @since 0.1.0
 * @category combinators
 */
export const watchChannel = (
  watcher: ChainWatcher,
  machineId: MachineId,
  channelId: ChannelId,
  options?: { readonly known?: TxHash }
): ChainWatcher => {
  const watches = watchesOf(watcher, channelId)
  if (watches.some((watch) => watch.machineId === machineId)) return watcher
  const order = watcher.registrations
  const watch: ChannelWatch = { machineId, channelId, order, reported: options?.known, version: undefined }
  return {
    ...watcher,
    registrations: order + 1,
    channels: HashMap.set(watcher.channels, channelId, [...watches, watch]),
    watched: HashMap.set(watcher.watched, machineId, [...watchedBy(watcher, machineId), channelId]),
    unseen: [...watcher.unseen, channelId]
  }
}

/**
 * The machine is told once, when the transaction is on the chain and `depth` key blocks stand on its block's key block;
 * a depth of 0 is "in a block". Watching the same transaction again while the first watch waits replaces its depth.
 *
 * @since 0.1.0
 * @category combinators
 */
export const watchDepth = (
  watcher: ChainWatcher,
  machineId: MachineId,
  txHash: TxHash,
  depth: number
): ChainWatcher => {
  const order = watcher.registrations
  const watch: DepthWatch = { machineId, txHash, depth, order, dueAt: undefined }
  const others = watcher.depths.filter((each) => each.machineId !== machineId || each.txHash !== txHash)
  return { ...watcher, registrations: order + 1, depths: [...others, watch] }
}

/**
 * Drops all watches of a machine.
 *
 * @since 0.1.0
 * @category combinators
 */
export const unwatch = (watcher: ChainWatcher, machineId: MachineId): ChainWatcher => {
  let channels = watcher.channels
  for (const channelId of watchedBy(watcher, machineId)) {
    const left = watchesOf(watcher, channelId).filter((watch) => watch.machineId !== machineId)
    channels =
      left.length === 0 ? HashMap.remove(channels, channelId) : HashMap.set(channels, channelId, left)
  }
  const ofOthers = (watch: { readonly machineId: MachineId }): boolean => watch.machineId !== machineId
  return {
    ...watcher,
    channels,
    watched: HashMap.remove(watcher.watched, machineId),
    depths: watcher.depths.filter(ofOthers),
    unlocks: watcher.unlocks.filter(ofOthers)
  }
}

const isActive = (channel: ChannelObject): boolean => channel.lockedUntil === 0

/** What a transaction must change to be worth telling. */
const versionOf = (channel: ChannelObject): string =>
  [channel.round, channel.soloRound, channel.lockedUntil, Bytes.toHex(channel.stateHash)].join()

const endsChannel: ReadonlySet<string> = new Set(["ChannelCloseMutualTx", "ChannelSettleTx"])

interface Look {
  readonly watch: ChannelWatch
  readonly event: ChainEvent | undefined
}

/** The newest change of a channel, for one who has seen it as `watch` says. */
const lookAt = (watch: ChannelWatch, ledger: Ledger.Ledger): Look => {
  const last = Ledger.lastChannelTransaction(ledger, watch.channelId)
  // A channel that is on the chain no more, not even closed, is news when it comes again.
  if (last === undefined) {
    const isForgotten = watch.version !== undefined
    return {
      watch: isForgotten ? { ...watch, reported: undefined, version: undefined } : watch,
      event: undefined
    }
  }
  const channel = Ledger.channel(ledger, watch.channelId)
  const version = channel === undefined ? undefined : versionOf(channel)
  const isSame = watch.version === undefined || version === watch.version
  if (last.txHash === watch.reported && isSame) return { watch: { ...watch, version }, event: undefined }
  const tx = last.signedTx
  if (channel === undefined) {
    const isOver = endsChannel.has(Rules.coreOf(tx).tx._tag)
    return isOver
      ? { watch: { ...watch, reported: last.txHash, version }, event: { _tag: "ChannelClosed", tx } }
      : { watch, event: undefined }
  }
  if (version === watch.version) return { watch, event: undefined }
  return {
    watch: { ...watch, reported: last.txHash, version },
    event: isActive(channel)
      ? { _tag: "ChannelChanged", tx, channel }
      : { _tag: "ChannelClosing", tx, channel }
  }
}

const touchedBy = (
  included: ReadonlyArray<Pick<Ledger.MinedTransaction, "signedTx">>
): ReadonlyArray<ChannelId> => included.flatMap(({ signedTx }) => Rules.channelOf(signedTx) ?? [])

const lookAtChannels = (
  watcher: ChainWatcher,
  ledger: Ledger.Ledger,
  touched: Iterable<ChannelId>
): { readonly channels: ChainWatcher["channels"]; readonly events: ReadonlyArray<Notice> } => {
  let channels = watcher.channels
  const told: Array<Notice & { readonly order: number }> = []
  for (const channelId of touched) {
    const watches = watchesOf(watcher, channelId)
    if (watches.length === 0) continue
    const looks = watches.map((watch) => lookAt(watch, ledger))
    channels = HashMap.set(
      channels,
      channelId,
      looks.map(({ watch }) => watch)
    )
    for (const { watch, event } of looks) {
      if (event !== undefined) told.push({ machineId: watch.machineId, event, order: watch.order })
    }
  }
  const events = told
    .sort((a, b) => a.order - b.order)
    .map(({ machineId, event }): Notice => ({ machineId, event }))
  return { channels, events }
}

const withDueHeight = (watch: DepthWatch, ledger: Ledger.Ledger): DepthWatch => {
  if (watch.dueAt !== undefined) return watch
  const found = Ledger.transaction(ledger, watch.txHash)
  // What was paid for in vain is never deep enough.
  return found?.blockHash === undefined || Agreement.isInVain(ledger, found.signedTx)
    ? watch
    : { ...watch, dueAt: found.height + watch.depth }
}

const isUnlocked = (watch: UnlockWatch, ledger: Ledger.Ledger): boolean => {
  const channel = Ledger.channel(ledger, watch.channelId)
  return channel !== undefined && channel.lockedUntil < ledger.top.height
}

/** Whether blocks that were looked at are on the chain no more. */
const hasForked = (watcher: ChainWatcher, ledger: Ledger.Ledger): boolean =>
  watcher.seen !== undefined && Ledger.block(ledger, watcher.seen) === undefined

/**
 * Looks at a newer chain: `included` are the transactions that went into blocks since the last look (none, right after
 * registering). A channel's machine is told about its newest transaction, with the channel as it is now, unless it knows
 * that transaction or the transaction left round, solo round, lock and state hash as they were. First come the events
 * of channels, then those of depths, then those of lock periods, each in the order of registration. After a fork switch
 * look before, or when, the new blocks are there: `included` need not name what was dropped.
 *
 * @since 0.1.0
 * @category combinators
 */
export const advance = (
  watcher: ChainWatcher,
  ledger: Ledger.Ledger,
  included: ReadonlyArray<Pick<Ledger.MinedTransaction, "signedTx">>
): { readonly watcher: ChainWatcher; readonly events: ReadonlyArray<Notice> } => {
  const forked = hasForked(watcher, ledger)
  const touched = forked
    ? HashMap.keys(watcher.channels)
    : new Set([...watcher.unseen, ...touchedBy(included)])
  const { channels, events } = lookAtChannels(watcher, ledger, touched)
  const depths = watcher.depths.map((watch) =>
    withDueHeight(forked ? { ...watch, dueAt: undefined } : watch, ledger)
  )
  const isDeep = (watch: DepthWatch): boolean => watch.dueAt !== undefined && watch.dueAt <= ledger.top.height
  const reached = depths
    .filter(isDeep)
    .map(({ machineId, txHash }): Notice => ({ machineId, event: { _tag: "MinimumDepthReached", txHash } }))
  const unlocked = watcher.unlocks
    .filter((watch) => isUnlocked(watch, ledger))
    .map(({ machineId }): Notice => ({ machineId, event: { _tag: "ChannelUnlocked" } }))
  return {
    watcher: {
      ...watcher,
      channels,
      unseen: [],
      depths: depths.filter((watch) => !isDeep(watch)),
      unlocks: watcher.unlocks.filter((watch) => !isUnlocked(watch, ledger)),
      seen: ledger.tip.hash
    },
    events: [...events, ...reached, ...unlocked]
  }
}
