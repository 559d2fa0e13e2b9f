/** The chain of a node: the ledger, the watcher, and when blocks are made. */
import type { SignedTx } from "../../../chain/SignedTx.js"
import type { CryptoService } from "../../../crypto/Crypto.js"
import type { AccountAddress, ChannelId, TxHash } from "../../../encoding/ApiEncoding.js"
import type { ChainEvent, ChainView } from "../../ChainView.js"
import * as ChainWatcher from "../../ChainWatcher.js"
import * as Ledger from "../../Ledger.js"
import type { Jobs } from "./Jobs.js"
import type { Timers } from "./Timers.js"

export interface BlocksOptions {
  readonly automatic: boolean
  readonly keyBlocksAfter: number
  /** Milliseconds. */
  readonly interval: number | undefined
}

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
    private readonly tell: (machineId: string, event: ChainEvent) => void
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
  submit(signedTx: SignedTx): TxHash | Ledger.MempoolError {
    const taken = this.take(signedTx)
    this.jobs.dispatch(() => {})
    return taken
  }

  /** From inside of a job. */
  take(signedTx: SignedTx): TxHash | Ledger.MempoolError {
    const taken = Ledger.submit(this.current, signedTx, this.crypto)
    if (taken instanceof Ledger.MempoolError) {
      this.jobs.logs.push({ level: "debug", message: taken.message })
      return taken
    }
    this.current = taken.ledger
    this.mineSoon()
    return taken.txHash
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
    this.current = Ledger.fund(this.current, address, amount)
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
      this.jobs.enqueue(() => this.grow(Ledger.mineKeyBlock(this.current, this.crypto, this.timers.now())))
  }

  private mineMicroBlock(): void {
    this.grow(Ledger.mineMicroBlock(this.current, this.crypto, this.timers.now()))
  }

  private grow(mined: Ledger.Mined): void {
    this.current = mined.ledger
    this.look(mined.included)
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
    for (const { event, machineId } of events) this.tell(machineId, event)
  }
}
