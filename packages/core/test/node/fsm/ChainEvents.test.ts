import { describe, expect, it } from "@effect/vitest"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type { ChannelObject } from "../../../src/chain/ChannelObject.js"
import type { StateName } from "../../../src/node/ChannelFsm.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { Request } from "../../../src/protocol/Request.js"
import { openWorld, other, outsider, responder, roles, type World } from "./World.js"

const advanced = (): World => {
  const world = openWorld()
  world.transfer("initiator")
  return world.clear()
}

const run = (world: World, role: Role, request: Request): void => {
  expect(world.ask(role, request)).toBe("ok")
  world.sign(role)
}

const closeTogether = (world: World, role: Role = "initiator"): World => {
  run(world, role, { _tag: "Shutdown" })
  world.settle()
  world.sign(other(role), "shutdown_sign_ack")
  world.settle()
  return world
}

const closing = (): World => {
  const world = advanced()
  run(world, "initiator", { _tag: "CloseSolo" })
  world.mine()
  return world.clear()
}

/** How to come to a state from an open channel in round 2, at the initiator. */
const ways: Partial<Record<StateName, (world: World) => void>> = {
  open: () => undefined,
  awaiting_signature: (world) => void world.propose("initiator"),
  awaiting_update_ack: (world) => run(world, "initiator", world.transferRequest(1n)),
  awaiting_leave_ack: (world) => void world.call("initiator", { _tag: "Leave" }),
  dep_half_signed: (world) => run(world, "initiator", { _tag: "Deposit", amount: 1n, meta: [] }),
  wdraw_half_signed: (world) => run(world, "initiator", { _tag: "Withdraw", amount: 1n, meta: [] }),
  awaiting_locked: (world) => world.moveUntilLocked("initiator", "deposit"),
  mutual_closing: (world) => run(world, "initiator", { _tag: "Shutdown" }),
  mutual_closed: (world) => void closeTogether(world)
}

const snapshotBy = (world: World, round: number): SignedTx.SignedTx =>
  SignedTx.unsigned({
    _tag: "ChannelSnapshotSoloTx",
    version: 1,
    channelId: world.channelId(),
    fromId: outsider.address,
    payload: new Uint8Array(0),
    ttl: 0,
    fee: 1n,
    nonce: BigInt(round)
  })

const closeBy = (world: World): SignedTx.SignedTx =>
  SignedTx.unsigned({
    _tag: "ChannelCloseSoloTx",
    version: 1,
    channelId: world.channelId(),
    fromId: responder.address,
    payload: new Uint8Array(0),
    poi: new Uint8Array(0),
    ttl: 0,
    fee: 1n,
    nonce: 1n
  })

const set = (world: World, change: Partial<ChannelObject>): void => {
  if (world.chain.channel === undefined) throw new Error("no channel")
  world.chain.channel = { ...world.chain.channel, ...change } as ChannelObject
}

describe.each(Object.keys(ways) as ReadonlyArray<StateName>)("%s", (state) => {
  const there = (): World => {
    const world = advanced()
    ways[state]?.(world)
    expect(world.name("initiator")).toBe(state)
    return world.clear()
  }

  it("a snapshot is told and changes nothing", () => {
    const world = there()
    const tx = snapshotBy(world, 2)
    set(world, { round: 2 })
    world.tellOfChain("initiator", tx)
    expect(world.seen("initiator")).toEqual(["on_chain_tx channel_changed"])
    expect(world.name("initiator")).toBe(state)
    expect(world.state("initiator").lastChannelChange).toBe(SignedTx.hash(tx))
  })

  for (const [round, info] of [
    [2, "solo_closing"],
    [1, "can_slash"]
  ] as const) {
    it(`a solo close with round ${round} ends what is under way`, () => {
      const world = there()
      set(world, { round, lockedUntil: 200 })
      world.tellOfChain("initiator", closeBy(world))
      // A mutual close had told that the channel closes.
      expect(world.seen("initiator")).toEqual([
        `on_chain_tx ${info}`,
        ...(state === "mutual_closed" ? [] : ["info closing"])
      ])
      expect(world.name("initiator")).toBe("channel_closing")
      expect(world.state("initiator").pending).toBeUndefined()
      expect(world.state("initiator").depthWatch).toBeUndefined()
      // A late signature is ignored, and the machine can do what a closing channel needs.
      if (world.sides.initiator.lastSign !== undefined) world.sign("initiator")
      expect(world.name("initiator")).toBe("channel_closing")
      expect(world.ask("initiator", { _tag: "Slash" })).toBe("ok")
      world.sign("initiator", "slash_tx")
      expect(world.name("initiator")).toBe("channel_closing")
    })
  }

  it("a close of the channel ends everything", () => {
    const world = there()
    const [mutual] = closeTogether(advanced()).chain.pool
    if (mutual === undefined) throw new Error("no close")
    world.chain.channel = undefined
    world.tellOfChain("initiator", mutual)
    expect(world.seen("initiator")).toEqual(["on_chain_tx channel_closed"])
    expect(world.name("initiator")).toBe("channel_closed")
    // Told twice, reported once.
    world.tellOfChain("initiator", mutual)
    expect(world.seen("initiator")).toEqual([])
    world.deepen("initiator")
    expect(world.seen("initiator").slice(-3)).toEqual(["info closed_confirmed", "info died", "close"])
    expect(world.state("initiator").closedConfirmed).toBe(true)
  })
})

describe("closing events", () => {
  it("a co-signature that comes late makes a close an old one", () => {
    const world = advanced()
    run(world, "initiator", world.transferRequest(1n))
    world.deliver("responder")
    world.sign("responder", "update_ack")
    set(world, { round: 2, lockedUntil: 200 })
    world.clear()
    world.tellOfChain("initiator", closeBy(world))
    expect(world.seen("initiator")).toEqual(["on_chain_tx solo_closing", "info closing"])
    world.deliver("initiator")
    expect(world.seen("initiator")).toEqual(["on_chain_tx can_slash", "update 3"])
    expect(world.rounds()).toEqual([3, 3])
  })

  it("a slash with the latest state is no second `closing`; forced rounds do not count", () => {
    const world = closing()
    set(world, { round: 2 })
    world.tellOfChain("initiator", closeBy(world))
    expect(world.seen("initiator")).toEqual(["on_chain_tx solo_closing"])
    set(world, { round: 5, soloRound: 2 })
    world.tellOfChain("initiator", closeBy(world))
    expect(world.seen("initiator")).toEqual(["on_chain_tx can_slash"])
  })

  it("a proposal that was with the peer is over for both: they can still close together", () => {
    const proposals: ReadonlyArray<Request> = [
      openWorld().transferRequest(1n),
      { _tag: "Deposit", amount: 1n, meta: [] },
      { _tag: "Shutdown" }
    ]
    for (const request of proposals) {
      // Signed by the starter; on its way, or waiting for the acknowledger's signature, or behind something else.
      for (const how of ["on its way", "asked", "postponed"] as const) {
        const world = advanced()
        if (how === "postponed") world.ask("responder", { _tag: "SnapshotSolo" })
        run(world, "initiator", request)
        if (how !== "on its way") world.settle()
        set(world, { round: 2, lockedUntil: 200 })
        world.clear()
        for (const role of roles) world.tellOfChain(role, closeBy(world))
        if (how === "on its way") world.sides.responder.inbox.splice(1)
        world.settle()
        if (world.name("responder") === "awaiting_signature")
          world.decline("responder", "shutdown_sign_ack", 4)
        world.settle()
        expect(world.names()).toBe("channel_closing channel_closing")
        expect(world.state("initiator").exposed).toEqual([])
        // Only who was asked to sign after the close hears that it need not.
        const askedLate = request._tag === "Shutdown" && how === "postponed"
        const conflicts = (role: Role): number =>
          world.seen(role).filter((each) => each.startsWith("conflict 2")).length
        expect([conflicts("initiator"), conflicts("responder")]).toEqual([0, askedLate ? 1 : 0])
        closeTogether(world, "responder")
        expect(world.names()).toBe("mutual_closed mutual_closed")
      }
    }
  })

  it("before the channel is open: what it was created with is its state", () => {
    const world = openWorld()
    const fresh = openWorld()
    const { createTx } = fresh.state("initiator")
    if (createTx === undefined) throw new Error("no create transaction")
    // A machine that still waits for the depth of the create transaction.
    world.sides.initiator.state = {
      ...world.state("initiator"),
      name: "awaiting_locked",
      status: "undefined",
      lastReportedRound: 0,
      depthWatch: { kind: "create", txHash: SignedTx.hash(createTx) },
      offChain: { ...world.state("initiator").offChain, round: 0, signedTx: undefined }
    }
    set(world, { round: 1, lockedUntil: 200 })
    world.tellOfChain("initiator", closeBy(world))
    expect(world.seen("initiator")).toEqual(["on_chain_tx solo_closing", "info closing", "update 1"])
    expect(world.ask("initiator", { _tag: "Settle" })).toBe("ok")
  })

  it("a mutual close while the channel closes", () => {
    const world = closeTogether(closing())
    expect(world.names()).toBe("mutual_closed mutual_closed")
    expect(world.seen("initiator")).not.toContain("info closing")
    world.mine()
    expect(world.names()).toBe("stopped stopped")
  })

  it("an unlocked channel without a settle is no news", () => {
    const world = closing()
    world.event("initiator", { _tag: "ChainSaid", event: { _tag: "ChannelUnlocked" } })
    expect(world.seen("initiator")).toEqual([])
    const idle = openWorld()
    idle.event("initiator", { _tag: "ChainSaid", event: { _tag: "ChannelUnlocked" } })
    expect(idle.names()).toBe("open open")
  })
})

describe("forks", () => {
  const active = (world: World): void => {
    set(world, { lockedUntil: 0, round: 1 })
    const [create] = world.chain.mined
    if (create === undefined) throw new Error("no create transaction")
    for (const role of roles) world.tellOfChain(role, create)
  }

  it("a solo close is dropped: the channel goes on, and a close that comes back is looked at again", () => {
    const world = closing()
    active(world)
    for (const role of roles) {
      expect(world.seen(role)).toEqual(["on_chain_tx channel_changed", "info open"])
    }
    expect(world.names()).toBe("open open")
    world.transfer("responder")
    expect(world.rounds()).toEqual([3, 3])
    world.clear()
    set(world, { lockedUntil: 200, round: 2 })
    for (const role of roles) world.tellOfChain(role, closeBy(world))
    for (const role of roles) {
      expect(world.seen(role)).toEqual(["on_chain_tx can_slash", "info closing"])
    }
  })

  it("what only a closing channel has ends with code 2; a shutdown goes on", () => {
    for (const _tag of ["Slash", "Settle"] as const) {
      const world = closing()
      world.ask("initiator", { _tag })
      active(world)
      expect(world.seen("initiator").slice(-3)).toEqual([
        "on_chain_tx channel_changed",
        "conflict 2 conflict @2",
        "info open"
      ])
      expect(world.names()).toBe("open open")
    }
    const world = closing()
    world.ask("initiator", { _tag: "Shutdown" })
    active(world)
    world.sign("initiator", "shutdown_sign")
    world.settle()
    world.sign("responder", "shutdown_sign_ack")
    world.settle()
    expect(world.names()).toBe("mutual_closed mutual_closed")
    const aborted = closing()
    aborted.ask("initiator", { _tag: "Shutdown" })
    active(aborted)
    aborted.decline("initiator", "shutdown_sign", 4)
    expect(aborted.names()).toBe("open open")
  })

  it("a settle that waits is kept for the close that comes back", () => {
    const world = closing()
    run(world, "initiator", { _tag: "Settle" })
    const { unlocks } = world.sides.initiator
    active(world)
    // The watcher has nothing to wait for now.
    world.event("initiator", { _tag: "ChainSaid", event: { _tag: "ChannelUnlocked" } })
    expect(world.chain.pool).toEqual([])
    set(world, { lockedUntil: 200, round: 2 })
    world.tellOfChain("initiator", closeBy(world))
    expect(world.sides.initiator.unlocks).toBe(unlocks + 1)
    world.chain.height = 201
    world.event("initiator", { _tag: "ChainSaid", event: { _tag: "ChannelUnlocked" } })
    expect(world.chain.pool.map(({ tx }) => tx._tag)).toEqual(["ChannelSettleTx"])
  })

  for (const where of ["the mempool", "nowhere", "refused"] as const) {
    it(`a mutual close is dropped and is in ${where}`, () => {
      const world = closeTogether(advanced())
      world.mine([])
      const [close] = world.chain.mined.slice(-1)
      const { channel } = openWorld().chain
      if (close === undefined || channel === undefined) throw new Error("no close")
      world.clear()
      world.chain.channel = channel
      if (where === "the mempool") world.chain.known.set(SignedTx.hash(close), "pending")
      else world.chain.known.delete(SignedTx.hash(close))
      world.chain.refuses = () => where === "refused"
      const [create] = world.chain.mined
      if (create === undefined) throw new Error("no create transaction")
      world.tellOfChain("initiator", create)
      expect(world.state("initiator").depthWatch).toBeUndefined()
      if (where === "refused") {
        expect(world.seen("initiator")).toEqual(["on_chain_tx channel_changed", "info open"])
        expect(world.name("initiator")).toBe("open")
        return
      }
      expect(world.seen("initiator")).toEqual(["on_chain_tx channel_changed"])
      expect(world.name("initiator")).toBe("mutual_closed")
      expect(world.chain.pool).toEqual(where === "nowhere" ? [close] : [])
      world.chain.channel = undefined
      world.tellOfChain("initiator", close)
      world.deepen("initiator")
      expect(world.name("initiator")).toBe("stopped")
    })
  }

  it("a settle is dropped: the channel closes again, and the settle is given back to the chain", () => {
    const world = closing()
    world.chain.height = 200
    run(world, "responder", { _tag: "Settle" })
    const { channel } = world.chain
    world.mine([])
    expect(world.names()).toBe("channel_closed channel_closed")
    const [settle] = world.chain.mined.slice(-1)
    if (settle === undefined) throw new Error("no settle")
    world.clear()
    world.chain.channel = channel
    world.chain.known.delete(SignedTx.hash(settle))
    world.tellOfChain("initiator", closeBy(world))
    expect(world.seen("initiator")).toEqual(["on_chain_tx solo_closing"])
    expect(world.name("initiator")).toBe("channel_closing")
    expect(world.chain.pool).toEqual([settle])
  })

  it("the closing transaction seen again is no news", () => {
    const world = closeTogether(advanced())
    world.mine([])
    const [close] = world.chain.mined.slice(-1)
    if (close === undefined) throw new Error("no close")
    world.clear()
    world.event("initiator", {
      _tag: "ChainSaid",
      event: { _tag: "ChannelChanged", tx: close, channel: world.channelObject(new Uint8Array(32)) }
    })
    expect(world.seen("initiator")).toEqual([])
    expect(world.name("initiator")).toBe("channel_closed")
  })

  it("another close is in a block than the one before: its depth counts", () => {
    const world = closeTogether(closing())
    const [mutual] = world.chain.pool
    world.mine([])
    const [settle] = ((): World => {
      const other_ = closing()
      other_.chain.height = 200
      run(other_, "responder", { _tag: "Settle" })
      return other_
    })().chain.pool
    if (settle === undefined || mutual === undefined) throw new Error("no close")
    world.clear()
    world.tellOfChain("initiator", settle)
    expect(world.seen("initiator")).toEqual(["on_chain_tx channel_closed"])
    world.event("initiator", {
      _tag: "ChainSaid",
      event: { _tag: "MinimumDepthReached", txHash: SignedTx.hash(mutual) }
    })
    expect(world.name("initiator")).toBe("channel_closed")
    world.deepen("initiator")
    expect(world.name("initiator")).toBe("stopped")
  })
})
