/**
 * The whole life of a channel in random order: transfers, what one party does alone, leaving, dying and coming back,
 * blocks and forks. What is said on a link arrives before the link breaks, as between machines of one node.
 */
import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import type { ChannelObject } from "../../../src/chain/ChannelObject.js"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import * as ChannelFsm from "../../../src/node/ChannelFsm.js"
import { stateRow } from "../../../src/node/fsm/States.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as Poi from "../../../src/state/Poi.js"
import { openWorld, other, roles, total, type World } from "./World.js"

const kinds = [
  "transfer",
  "propose",
  "sign",
  "decline",
  "fire",
  "SnapshotSolo",
  "CloseSolo",
  "Slash",
  "Settle",
  "Shutdown",
  "Leave",
  "Stop",
  "gone",
  "back",
  "comeBack",
  "connect",
  "mine",
  "fork",
  "deepen",
  "unlock"
] as const
type Kind = (typeof kinds)[number]
const weights: Partial<Record<Kind, number>> = {
  transfer: 5,
  sign: 6,
  CloseSolo: 2,
  Slash: 3,
  Settle: 2,
  comeBack: 8,
  connect: 6,
  mine: 4,
  deepen: 2
}

interface Action {
  readonly kind: Kind
  readonly role: Role
}

const action = FastCheck.record({
  kind: FastCheck.oneof(
    ...kinds.map((kind) => ({ weight: weights[kind] ?? 1, arbitrary: FastCheck.constant(kind) }))
  ),
  role: FastCheck.constantFrom<Role>("initiator", "responder")
})

/** A block that a fork can drop. */
interface Block {
  readonly channel: ChannelObject | undefined
  readonly mined: number
}

/** The rules of the chain, as far as they matter here. */
const isValid = (
  channel: ChannelObject | undefined,
  signedTx: SignedTx.SignedTx,
  height: number
): boolean => {
  const { tx } = signedTx
  if (channel === undefined) return false
  const active = channel.lockedUntil === 0
  const payload = "payload" in tx && tx.payload.length > 0 ? SignedTx.decodeOrThrow(tx.payload).tx : undefined
  const isNewer = payload !== undefined && "round" in payload && payload.round > channel.round
  switch (tx._tag) {
    case "ChannelSnapshotSoloTx":
      return active && isNewer
    case "ChannelCloseSoloTx": {
      const proven = Poi.stateHash(Poi.decodeOrThrow(tx.poi))
      return active && (payload === undefined ? Bytes.equals(proven, channel.stateHash) : isNewer)
    }
    case "ChannelSlashTx":
      return !active && isNewer
    case "ChannelSettleTx":
      return (
        !active &&
        channel.lockedUntil <= height &&
        tx.initiatorAmountFinal === channel.initiatorAmount &&
        tx.responderAmountFinal === channel.responderAmount
      )
    default:
      return tx._tag === "ChannelCloseMutualTx"
  }
}

class Life {
  readonly world: World = openWorld()
  readonly blocks: Array<Block> = []
  readonly bodies = new Map<number, Uint8Array>()
  readonly highest: Record<Role, number> = { initiator: 1, responder: 1 }
  mismatches = 0
  private coins = 0

  /** Mostly true. */
  private nextCoin(): boolean {
    this.coins += 1
    return this.coins % 4 !== 0
  }

  alive(role: Role): boolean {
    return !this.world.state(role).isStopped
  }

  sign(role: Role): void {
    const asked = this.world.sides[role].lastSign
    if (asked !== undefined && this.alive(role)) this.world.sign(role)
  }

  /** A block of the oldest waiting transaction that can be in one; what never can is forgotten. */
  mine(): void {
    const { chain } = this.world
    for (let left = chain.pool.length; left > 0; left--) {
      const [tx, ...others] = chain.pool.splice(0)
      if (tx === undefined) return
      if (!isValid(chain.channel, tx, chain.height)) {
        chain.known.delete(SignedTx.hash(tx))
        chain.pool.push(...others)
        continue
      }
      this.blocks.push({ channel: chain.channel, mined: chain.mined.length })
      chain.pool.push(tx)
      this.world.mine([])
      chain.pool.push(...others)
    }
  }

  /** Drops the newest block; its transactions wait again, or are lost. */
  fork(lost: boolean): void {
    const { chain } = this.world
    // What is deep enough no fork drops.
    if (roles.some((role) => this.world.state(role).closedConfirmed)) return
    const block = this.blocks.pop()
    if (block === undefined) return
    const before = chain.channel
    const dropped = chain.mined.splice(block.mined)
    chain.channel = block.channel
    for (const tx of dropped) {
      if (lost) chain.known.delete(SignedTx.hash(tx))
      else {
        chain.known.set(SignedTx.hash(tx), "pending")
        chain.pool.push(tx)
      }
    }
    const newest = chain.mined.at(-1)
    if (newest === undefined || chain.channel === undefined || chain.channel === before) return
    for (const role of roles) this.world.tellOfChain(role, newest)
  }

  /** Only what is in a block can be deep. */
  deepen(role: Role): void {
    const side = this.world.sides[role]
    for (const watch of side.watches.splice(0)) {
      const place = this.world.chain.known.get(watch.txHash)
      if (typeof place !== "object") {
        side.watches.push(watch)
        continue
      }
      const txHash = watch.txHash as ApiEncoding.TxHash
      this.world.event(role, { _tag: "ChainSaid", event: { _tag: "MinimumDepthReached", txHash } })
    }
  }

  unlock(role: Role): void {
    const { channel } = this.world.chain
    if (channel === undefined) return
    this.world.chain.height = Math.max(this.world.chain.height, channel.lockedUntil + 1)
    if (this.world.sides[role].unlocks === 0) return
    this.world.event(role, { _tag: "ChainSaid", event: { _tag: "ChannelUnlocked" } })
  }

  comeBack(role: Role): void {
    const { world } = this
    const cached = ChannelFsm.cachedOf(world.state(role))
    if (this.alive(role) || cached === undefined || world.chain.channel === undefined) return
    const side = world.sides[role]
    const fsmId = Redacted.make(ApiEncoding.encode("ba", new Uint8Array(32).fill(9)))
    side.state = ChannelFsm.restored(cached, { fsmId, temporaryChannelId: "33".repeat(32) })
    side.inbox.length = 0
    side.watches.length = 0
    side.unlocks = 0
    side.lastSign = undefined
    world.event(role, { _tag: "Started" })
  }

  connect(): void {
    const { world } = this
    const ready = roles.every((role) => {
      const { channelId, peerConnected, reestablish } = world.state(role)
      return this.alive(role) && channelId !== null && !peerConnected && reestablish !== "none"
    })
    if (!ready) return
    for (const role of roles) world.sides[role].inbox.length = 0
    world.event("initiator", { _tag: "LinkUp" })
    world.event("responder", { _tag: "LinkUp" })
    const equal = roles.map((role) => world.state(role).offChain.round)
    if (equal[0] !== equal[1]) this.mismatches += 1
  }

  perform({ kind, role }: Action): void {
    const { world } = this
    switch (kind) {
      case "transfer":
      case "propose":
        world.propose(role, 1n)
        if (kind === "propose") return
        for (const each of [role, other(role)]) {
          this.sign(each)
          world.settle()
        }
        return
      case "sign":
        return this.sign(role)
      case "decline": {
        const asked = world.sides[role].lastSign
        if (asked !== undefined) world.decline(role, asked.tag, 4)
        return
      }
      case "fire":
        if (this.alive(role)) world.fire(role)
        return
      case "gone":
        if (this.alive(role)) world.event(role, { _tag: "ClientGone" })
        return
      case "back":
        if (this.alive(role) && !world.state(role).clientConnected)
          world.event(role, { _tag: "ClientAttached" })
        return
      case "comeBack":
        return this.comeBack(role)
      case "connect":
        return this.connect()
      case "mine":
        return this.mine()
      case "fork":
        return this.fork(role === "initiator")
      case "deepen":
        return this.deepen(role)
      case "unlock":
        return this.unlock(role)
      case "SnapshotSolo":
      case "CloseSolo":
      case "Slash":
      case "Settle":
        if (world.ask(role, { _tag: kind }) === "ok" && this.nextCoin()) this.sign(role)
        return
      default:
        world.call(role, { _tag: kind })
    }
  }

  /** What must hold whenever all has been delivered. */
  check(): void {
    const { world } = this
    for (const role of roles) {
      const state = world.state(role)
      const { round, signedTx } = state.offChain
      const held = roles.map((of) => world.balance(role, of))
      expect(held.reduce((sum, amount) => sum + amount, 0n)).toBe(total)
      // I5, I9: what was co-signed is never lost, whatever ended the machine.
      expect(round).toBeGreaterThanOrEqual(this.highest[role])
      this.highest[role] = round
      if (signedTx === undefined) continue
      const known = this.bodies.get(round)
      if (known === undefined) this.bodies.set(round, signedTx.txBytes)
      else expect(Bytes.equals(known, signedTx.txBytes)).toBe(true)
      // I16, I18: a machine that knows of a close is where it can be answered, and leaves when it is dropped.
      const { channel } = world.chain
      if (state.isStopped || channel === undefined || state.name === "channel_closed") continue
      if (state.lastChannelChange !== SignedTx.hash(world.chain.mined.at(-1) ?? signedTx)) continue
      if (channel.lockedUntil === 0) expect(state.name).not.toBe("channel_closing")
      else expect(state.name).not.toBe("open")
    }
  }

  /** Brings the channel to a state in which both can work, or to its end. */
  finish(): void {
    const { world } = this
    for (let turn = 0; turn < 60; turn++) {
      world.settle()
      if (world.chain.pool.length > 0) this.mine()
      if (world.chain.channel === undefined) return
      for (const role of roles) {
        this.comeBack(role)
        const { clientConnected, name } = world.state(role)
        if (!this.alive(role)) continue
        if (!clientConnected) world.event(role, { _tag: "ClientAttached" })
        if (name === "awaiting_signature") {
          const asked = world.sides[role].lastSign
          if (asked === undefined) throw new Error("nothing to sign")
          world.decline(role, asked.tag, 4)
        }
        if (["awaiting_update_ack", "mutual_closing", "mutual_closed"].includes(name)) world.fire(role)
        if (name === "reestablish_init" && turn % 5 === 4) world.fire(role)
      }
      this.connect()
      world.settle()
      const names = world.names()
      if (names === "open open" && roles.every((role) => world.state(role).reestablish === "none")) break
      if (world.chain.channel.lockedUntil === 0) continue
      for (const role of roles) this.conclude(role)
    }
    if (world.chain.channel === undefined) return
    expect(world.names()).toBe("open open")
    const [a, b] = world.rounds()
    expect(a).toBe(b)
    world.transfer("initiator", 0n)
    world.transfer("responder", 0n)
    expect(world.rounds()).toEqual([Number(a) + 2, Number(a) + 2])
  }

  /** I13: calls that a machine that waits for nothing has not answered. */
  unanswered(): ReadonlyArray<string> {
    return roles.flatMap((role) => {
      const { answers, calls } = this.world.sides[role]
      if (this.alive(role) && stateRow(this.world.state(role).name).transition) return []
      return Array.from({ length: calls }, (_, index) => index + 1)
        .filter((callId) => !answers.has(callId))
        .map((callId) => `${role} ${callId}`)
    })
  }

  /** Slashes if that helps, else settles. */
  private conclude(role: Role): void {
    const { world } = this
    const { channel } = world.chain
    if (!this.alive(role) || channel === undefined || channel.lockedUntil === 0) return
    const newest = Math.max(...world.rounds())
    const { round } = world.state(role).offChain
    if (channel.round < newest && round === newest) {
      if (world.ask(role, { _tag: "Slash" }) === "ok") world.sign(role)
    } else if (channel.round === round) {
      world.chain.height = Math.max(world.chain.height, channel.lockedUntil + 1)
      if (world.ask(role, { _tag: "Settle" }) === "ok") world.sign(role)
    }
    if (world.chain.pool.length > 0) this.mine()
  }
}

const runs = 300
const steps = 50

describe("the whole life of a channel", () => {
  it(`I1, I4a, I5, I12, I13, I16, I18, I20: any order of operations, ends, returns, blocks and forks (${runs} runs of ${steps} steps)`, () => {
    const reached = new Map<string, number>()
    FastCheck.assert(
      FastCheck.property(FastCheck.array(action, { minLength: steps, maxLength: steps }), (actions) => {
        const life = new Life()
        for (const each of actions) {
          life.perform(each)
          life.world.settle()
          life.check()
          for (const role of roles) {
            const name = life.world.name(role)
            reached.set(name, (reached.get(name) ?? 0) + 1)
          }
        }
        life.finish()
        life.check()
        expect(life.unanswered()).toEqual([])
        // Both sides always come back to the same state.
        expect(life.mismatches).toBe(0)
      }),
      { numRuns: runs, seed: 20_261_120 }
    )
    console.log(`states seen: ${JSON.stringify(Object.fromEntries([...reached].sort()))}`)
    for (const name of ["channel_closing", "mutual_closed", "channel_closed", "awaiting_reestablish"]) {
      expect(reached.get(name) ?? 0).toBeGreaterThan(0)
    }
  })
})
