import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { ChannelId, TxHash } from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as ChainWatcher from "../../src/node/ChainWatcher.js"
import * as Ledger from "../../src/node/Ledger.js"
import { runs } from "../chain/known.js"
import { native } from "../support/TestCrypto.js"
import { type Operation, type World, opening, operation, start, step } from "./support/Operations.js"
import { AE, Scene, alice, bob, carol, chain, payingFor, signed, submit } from "./support/Transactions.js"

const kinds: { readonly [tag: string]: string } = {
  ChannelCreateTx: "create",
  ChannelCloseSoloTx: "close_solo",
  ChannelSlashTx: "slash",
  ChannelSettleTx: "settle",
  ChannelCloseMutualTx: "close_mutual",
  ChannelSnapshotSoloTx: "snapshot",
  ChannelDepositTx: "deposit",
  PayingForTx: "paying_for"
}

/** A chain and one machine that watches, with what it was told as short texts. */
class Watched {
  ledger = chain()
  watcher = ChainWatcher.empty
  readonly scene = new Scene()
  constructor() {
    this.watcher = ChainWatcher.watchChannel(this.watcher, "m", this.scene.id)
  }
  look(included: ReadonlyArray<Ledger.MinedTransaction> = []): ReadonlyArray<string> {
    const { watcher, events } = ChainWatcher.advance(this.watcher, this.ledger, included)
    this.watcher = watcher
    return events.map(({ event }) =>
      "tx" in event ? `${event._tag} ${kinds[event.tx.tx._tag] ?? event.tx.tx._tag}` : event._tag
    )
  }
  micro(...txs: ReadonlyArray<SignedTx.SignedTx>): ReadonlyArray<string> {
    const { ledger, included } = Ledger.mineMicroBlock(txs.reduce(submit, this.ledger), native)
    this.ledger = ledger
    return this.look(included)
  }
  keys(n = 1): ReadonlyArray<string> {
    const told: Array<string> = []
    for (let i = 0; i < n; i++) {
      const { ledger, included } = Ledger.mineKeyBlock(this.ledger, native)
      this.ledger = ledger
      told.push(...this.look(included))
    }
    return told
  }
  fork(n: number, returnTransactions = true): ReadonlyArray<string> {
    const after = Ledger.fork(this.ledger, n, { returnTransactions })
    if (after instanceof Ledger.LedgerError) throw after
    this.ledger = after
    return this.look()
  }
  depth(tx: SignedTx.SignedTx, depth: number): void {
    this.watcher = ChainWatcher.watchDepth(this.watcher, "m", SignedTx.hash(tx), depth)
  }
  unlock(): void {
    this.watcher = ChainWatcher.watchUnlock(this.watcher, "m", this.scene.id)
  }
}

describe("ChainWatcher: a dispute", () => {
  it("closing, slashed, unlocked, settled: each is told once", () => {
    const world = new Watched()
    const { scene } = world
    const newer = scene.state(AE, 4n * AE)
    const payload = scene.payload(9, newer)
    expect(world.micro(scene.opening)).toEqual(["ChannelChanged create"])
    expect(world.micro(scene.closeSolo(alice))).toEqual(["ChannelClosing close_solo"])
    world.unlock()
    expect(world.keys(3)).toEqual([])
    expect(world.micro(scene.slash(bob, { payload, poi: scene.poi(newer), nonce: 1n }))).toEqual([
      "ChannelClosing slash"
    ])
    // Locked up to 200013: one more key block than the height from which settle is possible.
    expect([world.keys(10), world.ledger.top.height]).toEqual([[], 200_013])
    expect([world.keys(), world.keys()]).toEqual([["ChannelUnlocked"], []])
    const settle = scene.settle(bob, { initiatorAmountFinal: AE, responderAmountFinal: 4n * AE, nonce: 2n })
    world.depth(settle, 2)
    expect(world.micro(settle)).toEqual(["ChannelClosed settle"])
    expect([world.keys(), world.keys(), world.keys()]).toEqual([[], ["MinimumDepthReached"], []])
  })

  it("a channel that is not locked is unlocked at once; one that is not there never; unwatching is for all", () => {
    const world = new Watched()
    world.unlock()
    expect([world.look(), world.keys(3)]).toEqual([[], []])
    expect(world.micro(world.scene.opening)).toEqual(["ChannelChanged create", "ChannelUnlocked"])
    world.unlock()
    world.unlock()
    expect([world.look(), world.look()]).toEqual([["ChannelUnlocked"], []])
    world.unlock()
    world.watcher = ChainWatcher.unwatch(world.watcher, "m")
    expect(world.look()).toEqual([])
  })

  it("what is inside other transactions counts: a mutual close that another pays for closes", () => {
    const world = new Watched()
    const { scene } = world
    world.micro(scene.opening)
    const inner = signed(scene.closeMutual(alice, { fee: 10n ** 15n }).tx, [alice, bob], true)
    expect(world.micro(payingFor(carol, inner, 1n))).toEqual(["ChannelClosed paying_for"])
  })
})

describe("ChainWatcher: forks", () => {
  it("I18: what a fork undoes is told as it is now, and what comes again is told again", () => {
    const world = new Watched()
    const { scene } = world
    world.micro(scene.opening)
    world.keys()
    expect(world.micro(scene.closeSolo(alice))).toEqual(["ChannelClosing close_solo"])
    world.keys()
    expect(world.fork(2)).toEqual(["ChannelChanged create"])
    expect(world.keys()).toEqual(["ChannelClosing close_solo"])
  })

  it("the same transaction in another block: the lock ends at another height, and that is told", () => {
    const world = new Watched()
    const { scene } = world
    world.micro(scene.opening)
    world.keys()
    world.micro(scene.closeSolo(alice))
    world.keys()
    const back = Ledger.fork(world.ledger, 1, { returnTransactions: true })
    if (back instanceof Ledger.LedgerError) throw back
    world.ledger = back
    expect(world.look()).toEqual([])
    const deeper = Ledger.fork(world.ledger, 1)
    if (deeper instanceof Ledger.LedgerError) throw deeper
    const empty = { ...deeper, mempool: chain().mempool }
    const later = Ledger.mineKeyBlock(Ledger.mineKeyBlock(empty, native).ledger, native).ledger
    const again = Ledger.mineMicroBlock(submit(later, scene.closeSolo(alice)), native)
    world.ledger = again.ledger
    expect(world.look(again.included)).toEqual(["ChannelClosing close_solo"])
    expect(Ledger.channel(world.ledger, scene.id)?.lockedUntil).toBe(200_012)
  })

  it("I18: a close that a fork took away: the channel is there again, its depth counts anew", () => {
    const world = new Watched()
    const { scene } = world
    world.micro(scene.opening)
    world.keys()
    const close = scene.closeMutual(alice, { fee: 10n ** 15n })
    world.depth(close, 3)
    expect(world.micro(close)).toEqual(["ChannelClosed close_mutual"])
    expect(world.keys(2)).toEqual([])
    expect(world.fork(2)).toEqual([])
    expect(world.keys(2)).toEqual([])
    expect(world.fork(3)).toEqual(["ChannelChanged create"])
    expect(world.keys(2)).toEqual(["ChannelClosed close_mutual"])
    expect(world.keys()).toEqual(["MinimumDepthReached"])
    expect(world.keys(3)).toEqual([])
  })

  it("I18: a channel whose create a fork took away is news when it comes again", () => {
    const world = new Watched()
    world.keys()
    world.depth(world.scene.opening, 2)
    expect(world.micro(world.scene.opening)).toEqual(["ChannelChanged create"])
    world.keys()
    expect(world.fork(2)).toEqual([])
    expect(world.keys(3)).toEqual(["ChannelChanged create", "MinimumDepthReached"])
  })

  it("a fork and the new blocks in one look are enough", () => {
    const world = new Watched()
    const { scene } = world
    world.micro(scene.opening)
    world.keys()
    world.micro(scene.closeSolo(alice))
    world.keys(2)
    const back = Ledger.fork(world.ledger, 3, { returnTransactions: false })
    if (back instanceof Ledger.LedgerError) throw back
    world.ledger = Ledger.mineKeyBlock(Ledger.mineKeyBlock(back, native, 9).ledger, native, 9).ledger
    expect(world.look()).toEqual(["ChannelChanged create"])
  })

  it("a fork above everything that is watched tells nothing", () => {
    const world = new Watched()
    world.micro(world.scene.opening)
    world.keys(5)
    expect([world.fork(3), world.keys(5), world.fork(5)]).toEqual([[], [], []])
  })
})

describe("ChainWatcher: properties", () => {
  interface Belief {
    readonly state: "none" | "open" | "closing" | "closed"
    readonly facts: string
  }
  const unknown: Belief = { state: "none", facts: "" }

  const beliefOf = (event: ChainWatcher.Notice["event"], before: Belief): Belief => {
    if (event._tag === "ChannelClosed") return { state: "closed", facts: "" }
    if (event._tag !== "ChannelChanged" && event._tag !== "ChannelClosing") return before
    const { channel } = event
    return {
      state: event._tag === "ChannelChanged" ? "open" : "closing",
      facts: [channel.round, channel.soloRound, channel.lockedUntil, Bytes.toHex(channel.stateHash)].join()
    }
  }

  /** What is so, where anything about the channel is on the chain. */
  const truthOf = (ledger: Ledger.Ledger, id: ChannelId): Belief | undefined => {
    const channel = Ledger.channel(ledger, id)
    if (channel === undefined) {
      return Ledger.channelTransactions(ledger, id).length > 0 ? { state: "closed", facts: "" } : undefined
    }
    return {
      state: channel.lockedUntil === 0 ? "open" : "closing",
      facts: [channel.round, channel.soloRound, channel.lockedUntil, Bytes.toHex(channel.stateHash)].join()
    }
  }

  let told = 0
  let forks = 0

  it.prop(
    "I18: after any blocks and forks a machine knows the channel as it is; depths are told when they are reached, once",
    [FastCheck.array(operation, { minLength: 20, maxLength: 60, size: "max" }), FastCheck.nat({ max: 3 })],
    ([operations, depth]) => {
      let world: World = start()
      let watcher = ChainWatcher.empty
      const beliefs = new Map<string, Belief>()
      const deep = new Set<string>()
      const watched = new Set<TxHash>()
      const look = (before: World): void => {
        const included = world.included.slice(before.included.length)
        for (const id of world.scenes.keys()) {
          if (!beliefs.has(id)) {
            watcher = ChainWatcher.watchChannel(watcher, id, id)
            beliefs.set(id, unknown)
          }
        }
        for (const { txHash } of [...included, ...Ledger.pending(world.ledger)]) {
          if (!watched.has(txHash)) watcher = ChainWatcher.watchDepth(watcher, txHash, txHash, depth)
          watched.add(txHash)
        }
        const after = ChainWatcher.advance(watcher, world.ledger, included)
        watcher = after.watcher
        for (const { machineId, event } of after.events) {
          told++
          beliefs.set(machineId, beliefOf(event, beliefs.get(machineId) ?? unknown))
          if (event._tag !== "MinimumDepthReached") continue
          expect(deep.has(event.txHash)).toBe(false)
          deep.add(event.txHash)
          const { height } = Ledger.transaction(world.ledger, event.txHash) ?? { height: -1 }
          expect(height >= 0 && world.ledger.top.height - height >= depth).toBe(true)
        }
        for (const id of world.scenes.keys()) {
          const truth = truthOf(world.ledger, id)
          if (truth !== undefined) expect(beliefs.get(id)).toEqual(truth)
        }
        for (const txHash of watched) {
          const found = Ledger.transaction(world.ledger, txHash)
          const isDeep = found?.blockHash !== undefined && world.ledger.top.height - found.height >= depth
          if (isDeep) expect(deep.has(txHash)).toBe(true)
        }
      }
      const all: ReadonlyArray<Operation> = [...opening, ...operations, { kind: "key", seconds: 0 }]
      for (const op of all) {
        const before = world
        world = step(world, op)
        if (op.kind === "fork" && world !== before) forks++
        if (op.kind === "micro" || op.kind === "key" || op.kind === "fork") look(before)
      }
    },
    { fastCheck: runs(100) }
  )

  it("the random runs did something", () => {
    console.log(`random lives: ${told} events, ${forks} forks`)
    expect(told).toBeGreaterThan(500)
    expect(forks).toBeGreaterThan(50)
  })
})
