/** Calls that one party has the chain run, and what both machines make of them. */
import { describe, expect, it } from "@effect/vitest"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type * as Transaction from "../../../src/chain/Transaction.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { Request } from "../../../src/protocol/Request.js"
import * as Trees from "../../../src/state/Trees.js"
import * as Update from "../../../src/state/Update.js"
import * as Meter from "./Meter.js"
import { comeBack, leave, meet } from "./Returns.js"
import { amounts, keyPairs, openWorld, other, roles, type World } from "./World.js"

const bad = "refused -32603"

/** An open channel in round 2, with a contract of the initiator's. */
const withContract = (options: Parameters<typeof openWorld>[0] = {}) => {
  const world = openWorld(options)
  const id = Meter.create(world, "initiator")
  return { world: world.clear(), id }
}

const forceTx = ({ tx }: SignedTx.SignedTx): Transaction.ChannelForceProgressTx => {
  if (tx._tag !== "ChannelForceProgressTx") throw new Error("no forced progress")
  return tx
}

/** What is in the pool is held back. */
const held = (world: World): SignedTx.SignedTx => {
  const [signedTx] = world.chain.pool.splice(0)
  if (signedTx === undefined) throw new Error("nothing was given to the chain")
  return signedTx
}

/** A forced call that is signed and that no block has taken. */
const pooled = (world: World, role: Role, id: ApiEncoding.ContractId, n = 5n): SignedTx.SignedTx => {
  expect(world.ask(role, Meter.forced(id, "add", [n]))).toBe("ok")
  world.sign(role, "force_progress_tx")
  return held(world)
}

const mine = (world: World, ...txs: ReadonlyArray<SignedTx.SignedTx>): void => {
  world.chain.pool.push(...txs)
  world.mine([])
  world.settle()
}

const total = (world: World, id: ApiEncoding.ContractId, role: Role = "initiator"): unknown =>
  Meter.returned(Meter.run(world, role, id, "total"))

const expectSame = (world: World, round: number): void => {
  expect(world.rounds()).toEqual([round, round])
  const [one, two] = roles.map((role) => Trees.stateHashText(world.state(role).offChain.trees))
  expect(two).toBe(one)
}

const goesOn = (world: World): void => {
  const [round = 0] = world.rounds()
  for (const role of roles) world.transfer(role)
  expectSame(world, round + 2)
}

describe.each(roles)("forced by the %s", (role) => {
  const peer = other(role)

  it("the order of messages", () => {
    const { id, world } = withContract()
    expect(world.ask(role, Meter.forced(id, "add", [5n]))).toBe("ok")
    expect(world.name(role)).toBe("awaiting_signature")
    world.sign(role, "force_progress_tx")
    expect(world.names()).toBe("open open")
    world.mine()
    world.settle()
    // The report is all: no update follows.
    expect(world.seen(role)).toEqual([
      "ok",
      "sign.force_progress_tx",
      "ok",
      "on_chain_tx consumed_forced_progress"
    ])
    expect(world.seen(peer)).toEqual(["on_chain_tx consumed_forced_progress"])
    expectSame(world, 3)
    for (const side of roles) {
      expect(Meter.result(world, side, id, role, 3)).toMatchObject({
        gasPrice: 1_000_000_000n,
        height: 3,
        returnType: "ok"
      })
    }
    expect(total(world, id, peer)).toBe(5n)
    goesOn(world)
  })

  it("what is to be signed: the state with both signatures, the call, the state after it", () => {
    const { id, world } = withContract()
    const { signedTx: latest, trees } = world.state(role).offChain
    world.ask(
      role,
      Meter.forced(id, "add", [5n], { amount: 70n, gas: 90_000n, gasPrice: 2_000_000_000n, nonce: 9n })
    )
    const request = world.sides[role].lastSign
    if (request === undefined || latest === undefined) throw new Error("nothing to sign")
    const tx = forceTx(request.signedTx)
    const update = {
      _tag: "OffChainCallContract",
      ...Meter.input(id, "add", 5n),
      amount: 70n,
      callerId: keyPairs[role].address,
      gas: 90_000n,
      gasPrice: 2_000_000_000n,
      callStack: []
    }
    expect(request.updates).toEqual([update])
    expect(Update.decodeOrThrow(tx.update)).toEqual(update)
    expect(tx).toMatchObject({ fromId: keyPairs[role].address, nonce: 9n, round: 3, ttl: 0 })
    expect(tx.payload).toEqual(SignedTx.encode(latest))
    expect(tx.offchainTrees).toEqual(Trees.encode(trees))
    world.sign(role)
    world.mine([])
    expect(tx.stateHash).toEqual(Trees.stateHash(world.state(peer).offChain.trees))
    expect(world.balance(peer, role)).toBe(amounts[`${role}Amount`] - (role === "initiator" ? 80n : 70n))
  })

  it("several in a row need no payload", () => {
    const { id, world } = withContract()
    expect(forceTx(Meter.force(world, role, id, "add", [1n])).payload.length).toBeGreaterThan(0)
    expect(forceTx(Meter.force(world, peer, id, "add", [2n])).payload.length).toBe(0)
    expect(forceTx(Meter.force(world, role, id, "add", [3n])).payload.length).toBe(0)
    expectSame(world, 5)
    expect(total(world, id)).toBe(6n)
    expect(world.seen(peer).filter((line) => line.startsWith("on_chain_tx"))).toEqual(
      Array.from({ length: 3 }, () => "on_chain_tx consumed_forced_progress")
    )
    goesOn(world)
    // With co-signed rounds in between the next one is based on the latest of them, and counts.
    expect(forceTx(Meter.force(world, peer, id, "add", [4n])).payload.length).toBeGreaterThan(0)
    expectSame(world, 8)
    expect(total(world, id)).toBe(10n)
  })

  it("a client that comes back is told of all that was forced since the latest co-signed state", () => {
    const { id, world } = withContract()
    Meter.force(world, role, id, "add", [1n])
    goesOn(world)
    const forced = [role, peer, peer].map((side) => {
      Meter.force(world, side, id, "add", [1n])
      return world.chain.mined.at(-1)
    })
    const told = () =>
      world.sides[role].reports.flatMap((report) => (report._tag === "OnChainTx" ? [report.tx] : []))
    world.event(role, { _tag: "ClientGone" })
    world.clear()
    world.event(role, { _tag: "ClientAttached" })
    expect(world.seen(role)).toEqual([
      "info fsm_up +fsm_id",
      ...forced.map(() => "on_chain_tx consumed_forced_progress")
    ])
    expect(told().slice(-forced.length)).toEqual(forced)
    goesOn(world)
    world.event(role, { _tag: "ClientGone" })
    world.clear()
    world.event(role, { _tag: "ClientAttached" })
    expect(world.seen(role)).toEqual(["info fsm_up +fsm_id"])
  })

  describe.each([true, false])("again after co-signed rounds, on a young chain: %s", (young) => {
    it("is taken over", () => {
      const { id, world } = withContract({ young })
      Meter.force(world, role, id, "add", [1n])
      goesOn(world)
      Meter.force(world, peer, id, "add", [4n])
      expect(world.chain.channel).toMatchObject({ round: 6, soloRound: young ? 3 : 6 })
      expectSame(world, 6)
      expect(total(world, id)).toBe(5n)
    })

    it("is taken over by real nodes only where the chain forgets the first one", () => {
      const { id, world } = withContract({ takesForcedAgain: false, young })
      Meter.force(world, role, id, "add", [1n])
      Meter.force(world, role, id, "add", [2n])
      expectSame(world, 4)
      goesOn(world)
      world.clear()
      Meter.force(world, peer, id, "add", [4n])
      for (const side of roles)
        expect(world.seen(side)).toContain(
          `on_chain_tx ${young ? "can_snapshot" : "consumed_forced_progress"}`
        )
      expectSame(world, young ? 6 : 7)
      expect(total(world, id)).toBe(young ? 3n : 7n)
      goesOn(world)
    })
  })

  it("a call that reverts is progress too", () => {
    const { id, world } = withContract()
    Meter.force(world, role, id, "add", [0n], { amount: 5n })
    expectSame(world, 3)
    expect(Meter.result(world, peer, id, role, 3)?.returnType).toBe("revert")
    expect(world.balance(peer, role)).toBe(world.balance(role, role))
  })

  it("based on an older state: both are told, keep theirs, and a snapshot takes its place", () => {
    const { id, world } = withContract()
    const old = pooled(world, role, id)
    world.transfer(peer)
    world.transfer(role)
    world.clear()
    mine(world, old)
    for (const side of roles) expect(world.seen(side)).toEqual(["on_chain_tx can_snapshot"])
    expectSame(world, 4)
    expect(world.names()).toBe("open open")
    expect(total(world, id)).toBe(0n)
    expect(world.ask(peer, { _tag: "SnapshotSolo" })).toBe("ok")
    world.sign(peer, "snapshot_solo_tx")
    world.mine([])
    expect(world.chain.channel).toMatchObject({ round: 4, soloRound: 0 })
    expect(world.seen(role)).toEqual(
      ["ContractCallResult", "on_chain_tx channel_changed"].slice(role === "initiator" ? 0 : 1)
    )
    goesOn(world)
    Meter.force(world, peer, id, "add", [4n])
    expectSame(world, 7)
  })

  it("a state of the same round that both signed takes its place, also when the chain has gone further", () => {
    const { id, world } = withContract()
    const old = pooled(world, role, id)
    world.transfer(peer)
    world.clear()
    mine(world, old)
    for (const side of roles) expect(world.seen(side)).toEqual(["on_chain_tx can_snapshot"])
    expect(world.chain.channel).toMatchObject({ round: 3, soloRound: 3 })
    expect(world.ask(peer, { _tag: "SnapshotSolo" })).toBe("ok")
  })

  it("while it is being closed", () => {
    const { id, world } = withContract()
    world.ask(peer, { _tag: "CloseSolo" })
    world.sign(peer, "close_solo_sign")
    world.mine([])
    expect(world.names()).toBe("channel_closing channel_closing")
    world.clear()
    Meter.force(world, role, id, "pay", [Meter.address(role), 10n])
    expect(world.names()).toBe("channel_closing channel_closing")
    expect(world.seen(role)).toEqual([
      "ok",
      "sign.force_progress_tx",
      "ok",
      "on_chain_tx consumed_forced_progress"
    ])
    expect(world.seen(peer)).toEqual(["on_chain_tx consumed_forced_progress"])
    expectSame(world, 3)
    expect(world.ask(peer, { _tag: "Slash" })).toBe(bad)
    // Nothing beats it: a client that comes is told of it and of the closing, but not to slash.
    world.event(role, { _tag: "ClientGone" })
    world.event(role, { _tag: "ClientAttached" })
    expect(world.seen(role)).toEqual([
      "info fsm_up +fsm_id",
      "on_chain_tx consumed_forced_progress",
      "on_chain_tx solo_closing"
    ])
    world.chain.height = (world.chain.channel?.lockedUntil ?? 0) + 1
    world.ask(role, { _tag: "Settle" })
    world.sign(role, "settle_sign")
    const [settle] = world.chain.pool
    const gain = (side: Role): bigint =>
      amounts[`${side}Amount`] - (side === "initiator" ? 10n : 0n) + (side === role ? 10n : 0n)
    expect(settle?.tx).toMatchObject({
      initiatorAmountFinal: gain("initiator"),
      responderAmountFinal: gain("responder")
    })
  })

  it("while it is being closed, based on an older state: both can slash", () => {
    const { id, world } = withContract()
    const old = pooled(world, role, id)
    world.ask(role, { _tag: "CloseSolo" })
    world.sign(role, "close_solo_sign")
    const close = held(world)
    world.transfer(peer)
    world.clear()
    mine(world, close, old)
    for (const side of roles) {
      expect(world.seen(side)).toEqual(["on_chain_tx can_slash", "info closing", "on_chain_tx can_slash"])
    }
    expect(world.ask(peer, { _tag: "Slash" })).toBe("ok")
    world.sign(peer, "slash_tx")
    world.mine([])
    for (const side of roles) expect(world.seen(side).at(-1)).toBe("on_chain_tx solo_closing")
    expect(world.chain.channel).toMatchObject({ round: 3, soloRound: 0 })
  })

  it("in the state that closes the channel there is nothing to slash", () => {
    const { id, world } = withContract()
    Meter.force(world, role, id, "add", [1n])
    world.clear()
    world.ask(peer, { _tag: "CloseSolo" })
    const request = world.sides[peer].lastSign
    expect(request?.signedTx.tx).toMatchObject({ payload: new Uint8Array(0) })
    world.sign(peer, "close_solo_sign")
    world.mine([])
    expect(world.seen(role)).toEqual(["on_chain_tx solo_closing", "info closing"])
    expect(world.names()).toBe("channel_closing channel_closing")
  })

  it("what was forced before the state that closes the channel does not make that an older one", () => {
    const { id, world } = withContract()
    Meter.force(world, role, id, "add", [1n])
    world.transfer(peer)
    world.ask(role, { _tag: "CloseSolo" })
    world.sign(role, "close_solo_sign")
    const close = held(world)
    const { round, trees } = world.state(role).offChain
    const { channel } = world.chain
    if (channel === undefined) throw new Error("no channel")
    // Up to a height the chain remembers the round that was forced.
    world.chain.channel = { ...channel, round, stateHash: Trees.stateHash(trees), lockedUntil: 200 }
    expect(world.chain.channel.soloRound).toBe(3)
    world.clear()
    for (const side of roles) {
      world.tellOfChain(side, close)
      expect(world.seen(side)).toEqual(["on_chain_tx solo_closing", "info closing"])
    }
  })

  it("a later state that both signed can slash it", () => {
    const { id, world } = withContract()
    Meter.force(world, role, id, "add", [1n])
    world.ask(role, { _tag: "CloseSolo" })
    world.sign(role, "close_solo_sign")
    const close = held(world)
    world.transfer(peer)
    world.clear()
    mine(world, close)
    for (const side of roles) expect(world.seen(side)).toEqual(["on_chain_tx can_slash", "info closing"])
  })

  it("what is under way ends without a conflict report, on both sides", () => {
    const { id, world } = withContract()
    const forced = pooled(world, role, id)
    world.propose(peer)
    world.sign(peer, "update")
    world.settle()
    world.clear()
    mine(world, forced)
    expect(world.names()).toBe("open open")
    for (const side of roles) expect(world.seen(side)).toEqual(["on_chain_tx consumed_forced_progress"])
    expectSame(world, 3)
    goesOn(world)
    expect(total(world, id)).toBe(5n)
  })

  it("a co-signature that is on its way still counts: it beats what was forced", () => {
    const { id, world } = withContract()
    const forced = pooled(world, role, id)
    world.propose(peer)
    world.sign(peer, "update")
    world.settle()
    world.sign(role, "update_ack")
    // The proposer sees the block before the answer.
    expect(world.state(role).offChain.round).toBe(3)
    world.clear()
    mine(world, forced)
    expect(world.seen(peer)).toEqual(["on_chain_tx consumed_forced_progress", "update 3"])
    expect(world.seen(role)).toEqual(["on_chain_tx can_snapshot"])
    expectSame(world, 3)
    expect(total(world, id)).toBe(0n)
    goesOn(world)
  })

  it("of the same client, again while the first waits for a block: the second takes its place or is never mined", () => {
    const { id, world } = withContract()
    pooled(world, role, id, 1n)
    expect(world.ask(role, Meter.forced(id, "add", [2n]))).toBe("ok")
    expect(world.sides[role].lastSign?.signedTx.tx).toMatchObject({ round: 3 })
  })
})

describe("refused", () => {
  const nowhere = ApiEncoding.encode("ct", new Uint8Array(32).fill(9))
  const cases: Record<string, [(id: ApiEncoding.ContractId) => Request, string]> = {
    "another ABI": [(id) => Meter.forced(id, "add", [1n], { abiVersion: 1 }), "refused 3/1019"],
    "an amount beyond the reserve": [
      (id) => Meter.forced(id, "add", [1n], { amount: amounts.initiatorAmount }),
      "refused 3/1001"
    ],
    "a contract that is not there": [() => Meter.forced(nowhere, "add", [1n]), bad],
    "a call that breaks the machine": [
      (id) => Meter.forced(id, "pay", [Meter.address("initiator"), -1n]),
      bad
    ],
    "more gas than a block has": [(id) => Meter.forced(id, "add", [1n], { gas: 6_000_001n }), bad],
    "a price below that of the chain": [(id) => Meter.forced(id, "add", [1n], { gasPrice: 1n }), bad]
  }
  for (const [name, [request, expected]] of Object.entries(cases)) {
    it(name, () => {
      const { id, world } = withContract()
      expect(world.ask("initiator", request(id))).toBe(expected)
      expect(world.names()).toBe("open open")
      expect(world.seen("initiator")).toEqual([expected])
    })
  }

  it("by the own client: nothing happened", () => {
    const { id, world } = withContract()
    world.ask("responder", Meter.forced(id, "add", [1n]))
    expect(world.decline("responder", "force_progress_tx", 4)).toBe("ok")
    expect(world.seen("responder")).toEqual(["ok", "sign.force_progress_tx", "ok", "info aborted_update"])
    expect(world.names()).toBe("open open")
  })

  it("by the mempool: code 5, for the own client only", () => {
    const { id, world } = withContract()
    world.chain.refuses = () => true
    world.ask("responder", Meter.forced(id, "add", [1n]))
    world.sign("responder")
    expect(world.seen("responder").at(-1)).toMatch(/^conflict 5 /)
    expect(world.seen("initiator")).toEqual([])
    expect(world.names()).toBe("open open")
  })

  it("a signature that is none ends it without a word", () => {
    const { id, world } = withContract()
    world.ask("responder", Meter.forced(id, "add", [1n]))
    const request = world.sides.responder.lastSign
    if (request === undefined) throw new Error("nothing to sign")
    world.reply("responder", "force_progress_tx", world.signed("initiator", request.signedTx))
    expect(world.seen("responder")).toEqual(["ok", "sign.force_progress_tx", "ok"])
    expect(world.chain.pool).toEqual([])
    expect(world.names()).toBe("open open")
    goesOn(world)
  })

  it("without a client", () => {
    const { id, world } = withContract()
    world.event("responder", { _tag: "ClientGone" })
    expect(world.ask("responder", Meter.forced(id, "add", [1n]))).toBe(bad)
  })

  it("a state that was forced cannot be put on chain once more", () => {
    const { id, world } = withContract()
    Meter.force(world, "initiator", id, "add", [1n])
    expect(world.ask("initiator", { _tag: "SnapshotSolo" })).toBe("refused 2/1012")
  })
})

describe("what a machine cannot make sense of", () => {
  it("a result that depends on the block: the own state stays", () => {
    const { id, world } = withContract()
    Meter.force(world, "initiator", id, "mark", [])
    for (const role of roles) expect(world.seen(role)).not.toContain("on_chain_tx consumed_forced_progress")
    expect(world.rounds()).toEqual([2, 2])
    expect(world.names()).toBe("open open")
  })

  it("a state that follows one which is not known here", () => {
    const { id, world } = withContract()
    const forced = pooled(world, "responder", id)
    const later = SignedTx.unsigned({ ...forceTx(forced), round: 7 })
    mine(world, world.signed("responder", later))
    for (const role of roles)
      expect(world.seen(role)).toEqual(role === "responder" ? ["ok", "sign.force_progress_tx", "ok"] : [])
    expect(world.rounds()).toEqual([2, 2])
  })

  it("the same one again", () => {
    const { id, world } = withContract()
    const forced = Meter.force(world, "responder", id, "add", [5n])
    world.clear()
    for (const role of roles) world.tellOfChain(role, forced)
    for (const role of roles) expect(world.seen(role)).toEqual([])
    expectSame(world, 3)
    // Nor when the newest of several comes off and on again.
    Meter.force(world, "responder", id, "add", [6n])
    world.clear()
    for (const role of roles) world.tellOfChain(role, forced)
    for (const role of roles) expect(world.seen(role)).toEqual([])
    expectSame(world, 4)
  })
})

describe("among deposits", () => {
  it("waits until the deposit is done, and is passed over where that took its place", () => {
    const { id, world } = withContract()
    const forced = pooled(world, "responder", id)
    world.moveUntilLocked("initiator", "deposit", 50n)
    const deposit = held(world)
    world.clear()
    mine(world, forced)
    for (const role of roles) expect(world.seen(role)).toEqual([])
    expect(world.names()).toBe("awaiting_locked awaiting_locked")
    mine(world, deposit)
    for (const role of roles) world.reach(role)
    world.settle()
    expectSame(world, 3)
    for (const role of roles) {
      expect(world.seen(role)).toEqual([
        "on_chain_tx channel_changed",
        "info own_deposit_locked",
        "info deposit_locked",
        "update 3"
      ])
    }
    goesOn(world)
  })

  it("is what closes the channel while it is waited for a deposit that no block takes", () => {
    const { id, world } = withContract()
    const forced = pooled(world, "responder", id)
    world.moveUntilLocked("initiator", "deposit", 50n)
    const deposit = held(world)
    mine(world, forced)
    world.fire("responder")
    world.clear()
    expect(world.ask("responder", { _tag: "CloseSolo" })).toBe("ok")
    expect(world.seen("responder")).toContain("on_chain_tx consumed_forced_progress")
    // What both have signed last is none that the chain takes any more.
    const close = world.sides.responder.lastSign?.signedTx.tx
    expect(close).toMatchObject({ _tag: "ChannelCloseSoloTx", payload: new Uint8Array(0) })
    // If that comes to nothing the deposit still counts.
    world.decline("responder", "close_solo_sign", 4)
    expect(world.names()).toBe("awaiting_locked awaiting_locked")
    expect(world.rounds()).toEqual([2, 2])
    world.chain.pool.length = 0
    mine(world, deposit)
    for (const role of roles) world.reach(role)
    world.settle()
    expectSame(world, 3)
    goesOn(world)
  })

  it("based on a deposit that only the peer's word is missing for", () => {
    const { id, world } = withContract()
    world.moveUntilLocked("initiator", "deposit", 50n)
    world.mine([])
    // The responder takes it for done; the initiator waits.
    world.reach("responder")
    world.reach("initiator")
    expect(world.deliver("responder")).toBe(true)
    expect(world.names()).toBe("dep_signed open")
    world.clear()
    expect(world.ask("responder", Meter.forced(id, "add", [5n]))).toBe("ok")
    world.sign("responder")
    world.mine([])
    expect(world.seen("initiator")).toEqual([])
    world.settle()
    expect(world.seen("initiator")).toEqual([
      "info deposit_locked",
      "update 3",
      "on_chain_tx consumed_forced_progress"
    ])
    expectSame(world, 4)
  })
})

describe("while a machine is away", () => {
  it("it takes over what was forced when it comes back", () => {
    const { id, world } = withContract()
    leave(world, "initiator")
    Meter.force(world, "responder", id, "add", [5n])
    world.clear()
    comeBack(world, "initiator")
    expect(world.seen("initiator")).toEqual(["on_chain_tx channel_changed", "info fsm_up +fsm_id"])
    meet(world)
    expect(world.names()).toBe("open open")
    for (const role of roles) {
      expect(world.seen(role)).toEqual(["info channel_reestablished", "info open", "update 3"])
    }
    expectSame(world, 3)
    expect(Meter.result(world, "initiator", id, "responder", 3)?.returnType).toBe("ok")
    goesOn(world)
  })

  it("both do", () => {
    const { id, world } = withContract({ responder: { keepRunning: false } })
    const forced = pooled(world, "responder", id)
    leave(world, "initiator")
    expect(world.names()).toBe("stopped stopped")
    mine(world, forced)
    world.clear()
    for (const role of roles) comeBack(world, role)
    meet(world)
    expectSame(world, 3)
    expect(world.names()).toBe("open open")
    goesOn(world)
  })

  it("it is told of one that is based on an older state", () => {
    const { id, world } = withContract()
    const old = pooled(world, "responder", id)
    world.transfer("initiator")
    leave(world, "initiator")
    mine(world, old)
    world.clear()
    comeBack(world, "initiator")
    expect(world.seen("initiator")).toEqual(["on_chain_tx can_snapshot", "info fsm_up +fsm_id"])
    meet(world)
    expectSame(world, 3)
    expect(world.names()).toBe("open open")
    goesOn(world)
  })

  it("it takes over what is forced while it waits for its peer", () => {
    const { id, world } = withContract()
    leave(world, "initiator")
    comeBack(world, "initiator")
    world.clear()
    Meter.force(world, "responder", id, "add", [5n])
    expect(world.names()).toBe("awaiting_connect open")
    expect(world.seen("initiator")).toEqual(["on_chain_tx consumed_forced_progress"])
    meet(world)
    expect(world.names()).toBe("open open")
    expectSame(world, 3)
    goesOn(world)
  })
})
