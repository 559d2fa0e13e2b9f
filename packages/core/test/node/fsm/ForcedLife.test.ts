/**
 * The life of a channel with a contract, in random order: transfers, calls, forced calls that come on chain at any time,
 * what one party does alone, machines that end and come back, and messages that are on their way meanwhile.
 */
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import type { ChannelObject } from "../../../src/chain/ChannelObject.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type { ContractId } from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as ChannelFsm from "../../../src/node/ChannelFsm.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as Poi from "../../../src/state/Poi.js"
import * as Trees from "../../../src/state/Trees.js"
import * as Meter from "./Meter.js"
import { restore } from "./Returns.js"
import { openWorld, other, roles, total, type World } from "./World.js"

const kinds = [
  "transfer",
  "call",
  "propose",
  "sign",
  "decline",
  "fire",
  "force",
  "mine",
  "SnapshotSolo",
  "CloseSolo",
  "Slash",
  "Leave",
  "comeBack",
  "connect",
  "deliver",
  "settle"
] as const
type Kind = (typeof kinds)[number]
const weights: Partial<Record<Kind, number>> = {
  transfer: 4,
  call: 4,
  force: 5,
  mine: 6,
  sign: 4,
  comeBack: 6,
  connect: 6,
  deliver: 6,
  settle: 6
}

interface Action {
  readonly kind: Kind
  readonly role: Role
  readonly pick: number
}

const action = FastCheck.record({
  kind: FastCheck.oneof(
    ...kinds.map((kind) => ({ weight: weights[kind] ?? 1, arbitrary: FastCheck.constant(kind) }))
  ),
  role: FastCheck.constantFrom<Role>("initiator", "responder"),
  pick: FastCheck.nat(5)
})

const closingRound = ({ round, soloRound }: ChannelObject): number => (soloRound > 0 ? soloRound - 1 : round)

/** The rules of the chain, as far as they matter here. */
const isValid = (channel: ChannelObject | undefined, { tx }: SignedTx.SignedTx): boolean => {
  if (channel === undefined) return false
  const active = channel.lockedUntil === 0
  const inside = "payload" in tx && tx.payload.length > 0 ? SignedTx.decodeOrThrow(tx.payload).tx : undefined
  if (inside !== undefined && inside._tag !== "ChannelOffchainTx") return false
  const isNewer = inside !== undefined && inside.round > closingRound(channel)
  switch (tx._tag) {
    case "ChannelSnapshotSoloTx":
      return active && isNewer
    case "ChannelCloseSoloTx": {
      const proven = Poi.stateHash(Poi.decodeOrThrow(tx.poi))
      return active && (inside === undefined ? Bytes.equals(proven, channel.stateHash) : isNewer)
    }
    case "ChannelSlashTx":
      return !active && isNewer
    case "ChannelForceProgressTx": {
      const base = inside ?? channel
      const hash = Trees.stateHash(Trees.decodeOrThrow(tx.offchainTrees))
      return tx.round > channel.round && base.round === tx.round - 1 && Bytes.equals(hash, base.stateHash)
    }
    default:
      return false
  }
}

const counts = { forced: 0, consumed: 0, snapshots: 0, slashes: 0 }

class Life {
  readonly world: World = openWorld()
  readonly id: ContractId = Meter.create(this.world, "initiator")

  alive(role: Role): boolean {
    return !this.world.state(role).isStopped
  }

  sign(role: Role): void {
    const asked = this.world.sides[role].lastSign
    if (asked !== undefined && this.alive(role)) this.world.sign(role)
  }

  /** A block with one of the waiting transactions, if it can be in one. */
  mine(pick: number): void {
    const { chain } = this.world
    const [tx] = chain.pool.splice(pick % Math.max(1, chain.pool.length), 1)
    if (tx === undefined) return
    if (!isValid(chain.channel, tx)) return void chain.known.delete(SignedTx.hash(tx))
    if (tx.tx._tag === "ChannelForceProgressTx") counts.forced += 1
    const others = chain.pool.splice(0)
    const before = roles.map((role) => this.world.sides[role].log.length)
    chain.pool.push(tx)
    this.world.mine([])
    chain.pool.push(...others)
    for (const [index, role] of roles.entries()) {
      for (const line of this.world.sides[role].log.slice(before[index])) {
        if (line.includes("consumed_forced_progress")) counts.consumed += 1
        if (line.includes("can_snapshot")) counts.snapshots += 1
        if (line.includes("can_slash")) counts.slashes += 1
      }
    }
  }

  comeBack(role: Role): void {
    const { world } = this
    if (this.alive(role) || ChannelFsm.cachedOf(world.state(role)) === undefined) return
    restore(world, role)
    world.sides[role].unlocks = 0
    world.event(role, { _tag: "Started" })
  }

  connect(): void {
    const { world } = this
    const ready = roles.every((role) => {
      const { peerConnected, reestablish } = world.state(role)
      return this.alive(role) && !peerConnected && reestablish !== "none"
    })
    if (!ready) return
    for (const role of roles) world.sides[role].inbox.length = 0
    world.event("initiator", { _tag: "LinkUp" })
    world.event("responder", { _tag: "LinkUp" })
    // The handshake is not interrupted by blocks.
    world.settle()
  }

  perform({ kind, pick, role }: Action): void {
    const { world } = this
    switch (kind) {
      case "transfer":
      case "propose":
        world.propose(role, 1n)
        if (kind === "propose") return
        return this.agree(role)
      case "call":
        world.ask(role, Meter.callContract(this.id, "add", [1n]))
        return this.agree(role)
      case "sign":
        return this.sign(role)
      case "decline": {
        const asked = world.sides[role].lastSign
        if (asked !== undefined) world.decline(role, asked.tag, 4)
        return
      }
      case "fire":
        // What is said on a link arrives before the link breaks, as between machines of one node.
        world.settle()
        if (this.alive(role)) world.fire(role)
        return
      case "force":
        if (world.ask(role, Meter.forced(this.id, "add", [BigInt(pick + 1)])) === "ok") this.sign(role)
        return
      case "mine":
        return this.mine(pick)
      case "comeBack":
        return this.comeBack(role)
      case "connect":
        return this.connect()
      case "deliver":
        world.deliver(role)
        return
      case "settle":
        return world.settle()
      case "Leave":
        world.settle()
        world.call(role, { _tag: "Leave" })
        return world.settle()
      default:
        if (world.ask(role, { _tag: kind }) === "ok") this.sign(role)
    }
  }

  private agree(role: Role): void {
    const { world } = this
    for (const each of [role, other(role)]) {
      this.sign(each)
      if (each === role) world.settle()
    }
  }

  /** Nothing is lost and, once nothing is on its way, what was forced is what the chain has. */
  check(): void {
    const { chain } = this.world
    for (const role of roles) {
      const { offChain } = this.world.state(role)
      const { round, signedTx, trees } = offChain
      expect(Trees.totalBalance(trees)).toBe(total)
      const tx = signedTx && SignedTx.innermost(signedTx).tx
      if (tx === undefined || !("stateHash" in tx)) continue
      expect(Bytes.equals(tx.stateHash, Trees.stateHash(trees))).toBe(true)
      if ("round" in tx) expect(tx.round).toBe(round)
      const isSettled = tx._tag === "ChannelForceProgressTx" && this.world.sides[role].inbox.length === 0
      if (isSettled && chain.channel?.round === round)
        expect(Bytes.equals(chain.channel.stateHash, tx.stateHash)).toBe(true)
    }
  }

  /** Both come to rest, and hold the same. */
  finish(): void {
    const { world } = this
    for (let turn = 0; turn < 40; turn++) {
      world.settle()
      while (world.chain.pool.length > 0) this.mine(0)
      world.settle()
      for (const role of roles) {
        this.comeBack(role)
        if (!this.alive(role)) continue
        const { name } = world.state(role)
        const asked = world.sides[role].lastSign
        if (name === "awaiting_signature" && asked !== undefined) world.decline(role, asked.tag, 4)
        if (name === "awaiting_update_ack") world.fire(role)
        if (name === "reestablish_init" && turn % 5 === 4) world.fire(role)
      }
      this.connect()
    }
    world.settle()
    const home = world.chain.channel?.lockedUntil === 0 ? "open" : "channel_closing"
    expect(world.names()).toBe(`${home} ${home}`)
    const [a, b] = world.rounds()
    expect(a).toBe(b)
    const [one, two] = roles.map((role) => Trees.stateHashText(world.state(role).offChain.trees))
    expect(two).toBe(one)
    if (home !== "open") return
    world.transfer("initiator", 0n)
    world.transfer("responder", 0n)
    expect(world.rounds()).toEqual([Number(a) + 2, Number(a) + 2])
  }
}

const runs = 250
const steps = 40

describe("the life of a channel with forced calls", () => {
  it(`both always come to hold the same state (${runs} runs of ${steps} steps)`, () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(action, { minLength: steps, maxLength: steps }), (actions) => {
        const life = new Life()
        for (const each of actions) {
          life.perform(each)
          life.check()
        }
        life.finish()
        life.check()
      }),
      { numRuns: runs, seed: 20_261_120 }
    )
    console.log(`forced calls in blocks and what became of them: ${JSON.stringify(counts)}`)
    expect(counts.consumed).toBeGreaterThan(runs)
    expect(counts.snapshots).toBeGreaterThan(0)
    expect(counts.slashes).toBeGreaterThan(0)
  })
})
