/** The chain of a node: the ledger, the watcher, and when blocks are made. */
import * as SignedTx from "../../../chain/SignedTx.js"
import type { CryptoService } from "../../../crypto/Crypto.js"
import type { AccountAddress, ChannelId, TxHash } from "../../../encoding/ApiEncoding.js"
import type { ChainEvent, ChainView } from "../../ChainView.js"
import * as ChainWatcher from "../../ChainWatcher.js"
import * as Ledger from "../../Ledger.js"
import { type ChainOperation, isRefused, perform } from "./ChainLog.js"
import type { Jobs } from "./Jobs.js"
import type { Timers } from "./Timers.js"

export interface BlocksOptions {
  readonly automatic: boolean
  readonly keyBlocksAfter: number
  /** Milliseconds. */
  readonly interval: number | undefined
}

/** The chain and who watches it, at one moment. */
export interface ChainMoment {
  readonly ledger: Ledger.Ledger
  readonly watcher: ChainWatcher.ChainWatcher
}

export interface BlocksListeners {
  readonly tell: (machineId: string, event: ChainEvent) => void
  /** Hears of every change of the ledger. */
  readonly changed: (operation: ChainOperation, after: Ledger.Ledger) => void
}

const stopped = (signedTx: SignedTx.SignedTx): Ledger.MempoolError =>
  new Ledger.MempoolError({ reason: "node_stopped", txHash: SignedTx.hash(signedTx) })

export class Blocks {
  private watcher = ChainWatcher.empty
  private automatic: boolean
  private miningDue = false
  private lookDue = false

  constructor(
    private readonly jobs: Jobs,
    private readonly timers: Timers,
    private readonly crypto: CryptoService,
    private current: Ledger.Ledger,
    private readonly options: BlocksOptions,
    private readonly on: BlocksListeners
  ) {
    this.automatic = options.automatic
    const { interval } = options
    if (interval !== undefined) {
      const timer = timers.timer(() => {
        timer.set(interval)
        this.mine(1)
      })
      timer.set(interval)
    }
  }

  get ledger(): Ledger.Ledger {
    return this.current
  }

  get view(): ChainView {
    return Ledger.view(this.current, this.crypto)
  }

  /** From outside of the jobs. */
  submit(signedTx: SignedTx.SignedTx): TxHash | Ledger.MempoolError {
    const taken = this.jobs.halted ? stopped(signedTx) : this.take(signedTx)
    this.jobs.dispatch(() => {})
    // It was taken, and the storage could not keep it.
    return this.jobs.halted ? stopped(signedTx) : taken
  }

  /** From inside of a job. */
  take(signedTx: SignedTx.SignedTx): TxHash | Ledger.MempoolError {
    const taken = this.perform({ _tag: "Submit", signedTx })
    if (taken instanceof Ledger.MempoolError) {
      this.jobs.logs.push({ level: "debug", message: taken.message })
      return taken
    }
    this.mineSoon()
    return SignedTx.hash(signedTx)
  }

  watchChannel(machineId: string, channelId: ChannelId): void {
    this.watcher = ChainWatcher.watchChannel(this.watcher, machineId, channelId)
    this.lookSoon()
  }

  watchDepth(machineId: string, txHash: TxHash, depth: number): void {
    this.watcher = ChainWatcher.watchDepth(this.watcher, machineId, txHash, depth)
    this.lookSoon()
  }

  watchUnlock(machineId: string, channelId: ChannelId): void {
    this.watcher = ChainWatcher.watchUnlock(this.watcher, machineId, channelId)
    this.lookSoon()
  }

  unwatch(machineId: string): void {
    this.watcher = ChainWatcher.unwatch(this.watcher, machineId)
  }

  mine(keyBlocks: number): void {
    this.jobs.dispatch(() => this.mineKeyBlocks(keyBlocks))
  }

  mineMicro(): void {
    this.jobs.dispatch(() => this.mineMicroBlock())
  }

  fund(address: AccountAddress, amount: bigint): void {
    this.jobs.dispatch(() => void this.perform({ _tag: "Fund", address, amount }))
  }

  fork(keyBlocks: number, returnTransactions: boolean): void | Ledger.LedgerError {
    let refused: Ledger.LedgerError | undefined
    this.jobs.dispatch(() => {
      const forked = this.perform({ _tag: "Fork", keyBlocks, returnTransactions })
      if (forked instanceof Ledger.LedgerError) refused = forked
      else this.look([])
      if (Ledger.hasPending(this.current)) this.mineSoon()
    })
    return refused
  }

  snapshot(): ChainMoment {
    return { ledger: this.current, watcher: this.watcher }
  }

  /** From inside of a job. Who began to watch since then watches no more. */
  revert({ ledger, watcher }: ChainMoment): void {
    this.current = ledger
    this.watcher = watcher
  }

  auto(on: boolean): void {
    this.automatic = on
    if (on && Ledger.hasPending(this.current)) this.jobs.dispatch(() => this.mineSoon())
  }

  /**
   * The key blocks come also when the micro block could not take the transaction: it may be one that becomes valid
   * with a greater height.
   */
  private mineSoon(): void {
    if (!this.automatic || this.miningDue) return
    this.miningDue = true
    this.jobs.enqueue(() => {
      this.miningDue = false
      this.mineMicroBlock()
      this.mineKeyBlocks(this.options.keyBlocksAfter)
    })
  }

  /** Each in a job of its own: what a block causes is under way when the next one comes. */
  private mineKeyBlocks(count: number): void {
    for (let i = 0; i < count; i++)
      this.jobs.enqueue(() => this.grow({ _tag: "KeyBlock", timeMs: this.timers.now() }))
  }

  private mineMicroBlock(): void {
    this.grow({ _tag: "MicroBlock", timeMs: this.timers.now() })
  }

  private grow(operation: ChainOperation): void {
    const mined = this.perform(operation)
    if (!isRefused(mined)) this.look(mined.included)
  }

  private perform(operation: ChainOperation): ReturnType<typeof perform> {
    const performed = perform(this.current, operation, this.crypto)
    if (isRefused(performed) || performed.ledger === this.current) return performed
    this.current = performed.ledger
    this.on.changed(operation, performed.ledger)
    return performed
  }

  /** What a new watch is for may be on the chain already. */
  private lookSoon(): void {
    if (this.lookDue) return
    this.lookDue = true
    this.jobs.enqueue(() => {
      this.lookDue = false
      this.look([])
    })
  }

  private look(included: Ledger.Mined["included"]): void {
    const { events, watcher } = ChainWatcher.advance(this.watcher, this.current, included)
    this.watcher = watcher
    for (const { event, machineId } of events) this.on.tell(machineId, event)
  }
}
