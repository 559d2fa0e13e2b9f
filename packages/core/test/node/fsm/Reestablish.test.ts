import { describe, expect, it } from "@effect/vitest"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as ChannelFsm from "../../../src/node/ChannelFsm.js"
import type { PeerMessage } from "../../../src/node/PeerMessage.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { Request } from "../../../src/protocol/Request.js"
import { blockAt, openWorld, roles, type World } from "./World.js"

import {
  advanced,
  bothLeft,
  comeBack,
  connect,
  goesOn,
  leave,
  meet,
  newId,
  restore,
  stayed
} from "./Returns.js"

const bad = "refused -32603"
describe("leave", () => {
  it("by the initiator: both end where the responder does not keep running", () => {
    const world = advanced({ responder: { keepRunning: false } })
    leave(world, "initiator")
    expect(world.seen("initiator")).toEqual(["ok", "leave 2", "info died", "close"])
    expect(world.seen("responder")).toEqual(["leave 2", "info died", "close"])
  })

  it("by the initiator: the responder keeps running", () => {
    const world = advanced()
    leave(world, "initiator")
    expect(world.seen("initiator")).toEqual(["ok", "leave 2", "info died", "close"])
    expect(world.seen("responder")).toEqual(["leave 2", "info peer_disconnected"])
    expect(world.names()).toBe("stopped open")
  })

  it("by the responder: both end", () => {
    const world = advanced()
    leave(world, "responder")
    expect(world.seen("initiator")).toEqual(["leave 2", "info died", "close"])
    expect(world.seen("responder")).toEqual(["ok", "leave 2", "info died", "close"])
  })

  it("leaves that cross end both", () => {
    const world = advanced()
    for (const role of roles) world.call(role, { _tag: "Leave" })
    world.settle()
    for (const role of roles) expect(world.seen(role)).toEqual(["ok", "leave 2", "info died", "close"])
  })

  it("without a peer it ends at once", () => {
    const world = stayed()
    leave(world, "responder")
    expect(world.seen("responder")).toEqual(["ok", "leave 2", "info died", "close"])
  })

  it("a peer that dies meanwhile does not hold it up", () => {
    const world = advanced()
    world.call("responder", { _tag: "Leave" })
    world.event("responder", { _tag: "LinkDown" })
    expect(world.seen("responder")).toEqual(["ok", "leave 2", "info died", "close"])
  })

  it("in other states it is swallowed", () => {
    const world = advanced()
    world.call("initiator", { _tag: "Shutdown" })
    world.sign("initiator")
    world.settle()
    world.sign("responder")
    world.settle()
    expect(world.ask("initiator", { _tag: "Leave" })).toBe("ok")
    expect(world.names()).toBe("mutual_closed mutual_closed")
  })
})

describe("coming back", () => {
  it("both: new ids, one handshake, and the channel goes on", () => {
    const world = bothLeft()
    comeBack(world, "responder")
    comeBack(world, "initiator")
    expect(world.names()).toBe("awaiting_connect awaiting_reestablish")
    for (const role of roles) expect(world.seen(role)).toEqual(["info fsm_up +fsm_id"])
    expect(world.state("initiator").options.fsmId).toEqual(newId("initiator"))
    connect(world)
    expect(world.names()).toBe("reestablish_init awaiting_reestablish")
    world.settle()
    expect(world.names()).toBe("open open")
    for (const role of roles) {
      expect(world.seen(role)).toEqual(["info channel_reestablished", "info open", "update 2"])
      expect(world.state(role).clientMayDisconnect).toBe(true)
    }
    goesOn(world)
    // And once more, from the newer state.
    leave(world, "responder")
    for (const role of roles) comeBack(world, role)
    world.clear()
    meet(world)
    expect(world.seen("initiator")).toEqual(["info channel_reestablished", "info open", "update 4"])
    goesOn(world)
  })

  it("the initiator, to a responder that stayed", () => {
    const world = stayed()
    comeBack(world, "initiator")
    world.event("initiator", { _tag: "LinkUp" })
    world.event("responder", { _tag: "LinkUp" })
    expect(world.names()).toBe("reestablish_init awaiting_reestablish")
    world.settle()
    expect(world.seen("initiator")).toEqual([
      "info fsm_up +fsm_id",
      "info channel_reestablished",
      "info open",
      "update 2"
    ])
    expect(world.seen("responder")).toEqual(["info channel_reestablished", "info open", "update 2"])
    goesOn(world)
  })

  it("the responder that stayed may be without its client", () => {
    const world = stayed()
    world.event("responder", { _tag: "ClientGone" })
    comeBack(world, "initiator")
    meet(world)
    expect(world.names()).toBe("open open")
    expect(world.seen("responder")).toEqual([])
    world.event("responder", { _tag: "ClientAttached" })
    goesOn(world)
  })

  it("the message may be there before the link is reported", () => {
    const world = stayed()
    comeBack(world, "initiator")
    world.event("initiator", { _tag: "LinkUp" })
    world.settle()
    expect(world.names()).toBe("open open")
    goesOn(world)
  })

  it("proposals are counted anew", () => {
    const world = advanced()
    for (let round = 0; round < 5; round++) world.transfer("initiator")
    leave(world, "initiator")
    comeBack(world, "initiator")
    meet(world)
    // Given up before it was signed: the responder must hear of it although the number is small.
    world.propose("initiator")
    world.sign("initiator")
    world.fire("initiator")
    world.settle()
    expect(world.names()).toBe("open open")
    expect(world.state("initiator").exposed).toEqual([])
    goesOn(world)
  })

  it("a machine that came back survives its client, and stays for its peer", () => {
    const world = bothLeft()
    for (const role of roles) comeBack(world, role)
    world.sides.responder.state = {
      ...world.state("responder"),
      options: { ...world.state("responder").options, keepRunning: true }
    }
    meet(world)
    for (const role of roles) {
      world.event(role, { _tag: "ClientGone" })
      expect(world.state(role).isStopped).toBe(false)
      world.event(role, { _tag: "ClientAttached" })
    }
    world.clear()
    world.call("initiator", { _tag: "Stop" })
    world.settle()
    expect(world.seen("responder")).toEqual(["info peer_disconnected"])
    comeBack(world, "initiator")
    meet(world)
    goesOn(world)
  })

  it("before the handshake the client's socket ends the machine, and nothing is lost by that", () => {
    const world = bothLeft()
    for (const role of roles) {
      comeBack(world, role)
      world.event(role, { _tag: "ClientGone" })
      expect(world.state(role).isStopped).toBe(true)
    }
    for (const role of roles) comeBack(world, role)
    meet(world)
    goesOn(world)
  })

  it("options that do not survive are the defaults again", () => {
    const world = openWorld({
      initiator: {
        minimumDepth: 2,
        minimumDepthStrategy: "plain",
        msgForwarding: true,
        ttl: 999,
        fee: 10n ** 15n,
        nonce: 7n,
        logKeep: 4,
        slogan: "hello",
        timeouts: { idle: 5_000 },
        reports: { debug: true },
        blockHashDelta: { notOlderThan: 5, notNewerThan: 1, pick: 1 }
      }
    })
    leave(world, "initiator")
    const cached = ChannelFsm.cachedOf(world.state("initiator"))
    expect(cached?.parameters).toMatchObject({ logKeep: 4, slogan: "hello", minimumDepth: 2 })
    expect(cached?.parameters).toMatchObject({ timeouts: { idle: 5_000 }, reports: { debug: true } })
    restore(world, "initiator")
    const { options } = world.state("initiator")
    expect(options.minimumDepth).toEqual({ strategy: "txfee", value: 2 })
    expect(options.msgForwarding).toBe(false)
    expect(options.blockHashDelta).toEqual({ notOlderThan: 10, notNewerThan: 0, pick: 0 })
    for (const name of ["ttl", "fee", "nonce", "minimumDepthStrategy"] as const) {
      expect(options.parameters[name]).toBeUndefined()
    }
  })

  it("the reserve is the chain's", () => {
    const world = bothLeft()
    if (world.chain.channel !== undefined)
      world.chain.channel = { ...world.chain.channel, channelReserve: 77n }
    comeBack(world, "initiator")
    expect(world.state("initiator").channelReserve).toBe(77n)
  })

  it("nothing is kept before the channel is open, nor when it is closed for good", () => {
    const world = openWorld()
    expect(ChannelFsm.cachedOf(world.state("initiator"))?.round).toBe(1)
    world.call("initiator", { _tag: "Shutdown" })
    world.sign("initiator")
    world.settle()
    world.sign("responder")
    world.settle()
    world.mine([])
    expect(ChannelFsm.cachedOf(world.state("initiator"))).toBeDefined()
    for (const role of roles) world.deepen(role)
    expect(world.names()).toBe("stopped stopped")
    for (const role of roles) expect(ChannelFsm.cachedOf(world.state(role))).toBeUndefined()
  })

  it("requests wait for nobody while the peer is awaited", () => {
    const requests: ReadonlyArray<Request> = [
      openWorld().transferRequest(1n),
      { _tag: "Deposit", amount: 1n, meta: [] },
      { _tag: "Shutdown" },
      { _tag: "CloseSolo" },
      { _tag: "SnapshotSolo" },
      { _tag: "Slash" },
      { _tag: "Settle" }
    ]
    for (const request of requests) {
      for (const role of roles) {
        const world = bothLeft()
        comeBack(world, role)
        expect(world.ask(role, request)).toBe(bad)
        if (role === "responder") continue
        world.event("initiator", { _tag: "LinkUp" })
        expect(world.name("initiator")).toBe("reestablish_init")
        expect(world.ask("initiator", request)).toBe(bad)
      }
    }
    const world = bothLeft()
    comeBack(world, "initiator")
    expect(world.ask("initiator", { _tag: "GetOffChainState" })).toBe("OffChainState")
    expect(world.ask("initiator", { _tag: "Leave" })).toBe("ok")
    expect(world.name("initiator")).toBe("awaiting_connect")
  })

  it("timers: an initiator ends, a responder that keeps running waits", () => {
    const world = bothLeft()
    comeBack(world, "initiator")
    world.clear()
    world.fire("initiator")
    expect(world.seen("initiator")).toEqual(["info timeout", "info died", "close"])
    comeBack(world, "initiator")
    world.event("initiator", { _tag: "LinkUp" })
    expect(world.sides.initiator.timer).toBe(120_000)
    world.clear()
    world.fire("initiator")
    expect(world.seen("initiator")).toEqual(["info timeout", "info died", "close"])
    comeBack(world, "responder")
    expect(world.sides.responder.timer).toBe(600_000)
    world.fire("responder")
    expect(world.name("responder")).toBe("stopped")
    const other_ = advanced()
    leave(other_, "responder")
    comeBack(other_, "responder")
    other_.fire("responder")
    expect(other_.name("responder")).toBe("awaiting_reestablish")
  })

  it("an initiator that finds nobody ends, and may try again", () => {
    const world = bothLeft()
    comeBack(world, "initiator")
    world.event("initiator", { _tag: "LinkUp" })
    world.clear()
    world.event("initiator", { _tag: "LinkDown" })
    expect(world.seen("initiator")).toEqual(["info died", "close"])
    for (const role of roles) comeBack(world, role)
    meet(world)
    goesOn(world)
  })
})

describe("a handshake that fails", () => {
  type Change = (
    message: Extract<PeerMessage, { readonly _tag: "Reestablish" | "ReestablishAck" }>,
    world: World
  ) => Partial<typeof message>
  const changes: Record<string, Change> = {
    chain_hash_mismatch: () => ({ chainHash: blockAt(1) }),
    channel_id_mismatch: () => ({ channelId: ApiEncoding.encode("ch", new Uint8Array(32)) }),
    not_mutually_signed: (message) => ({ signedTx: SignedTx.unsigned(message.signedTx.tx) }),
    not_latest_state: (message, world) => ({ signedTx: world.chain.mined[0] ?? message.signedTx })
  }
  const tamper = (world: World, at: Role, change: Change): void => {
    const { inbox } = world.sides[at]
    const index = inbox.findIndex(
      (each) => each !== "down" && (each._tag === "Reestablish" || each._tag === "ReestablishAck")
    )
    const message = inbox[index]
    if (message === undefined || message === "down") throw new Error("no message")
    if (message._tag !== "Reestablish" && message._tag !== "ReestablishAck") throw new Error(message._tag)
    inbox[index] = { ...message, ...change(message, world) }
  }

  for (const [reason, change] of Object.entries(changes)) {
    it(`${reason} at the responder that stayed: both end, and come back`, () => {
      const world = stayed()
      comeBack(world, "initiator")
      connect(world)
      tamper(world, "responder", change)
      world.clear()
      world.settle()
      expect(world.names()).toBe("stopped stopped")
      for (const role of roles) expect(world.seen(role)).toEqual(["info died", "close"])
      for (const role of roles) comeBack(world, role)
      meet(world)
      goesOn(world)
    })

    it(`${reason} at the initiator: both end`, () => {
      const world = stayed()
      comeBack(world, "initiator")
      connect(world)
      world.deliver("responder")
      tamper(world, "initiator", change)
      world.clear()
      world.deliver("initiator")
      expect(world.name("initiator")).toBe("stopped")
      expect(world.seen("initiator")).toEqual(["info died", "close"])
    })
  }

  it("says why with helpful errors", () => {
    const world = advanced({ helpfulErrors: true })
    leave(world, "initiator")
    comeBack(world, "initiator")
    connect(world)
    tamper(world, "responder", () => ({ chainHash: blockAt(1) }))
    world.clear()
    world.settle()
    expect(world.seen("responder")).toEqual(["error chain_hash_mismatch", "info died", "close"])
  })

  it("the channel is not on chain any more", () => {
    const world = stayed()
    comeBack(world, "initiator")
    connect(world)
    world.chain.channel = undefined
    world.settle()
    expect(world.names()).toBe("stopped stopped")
    comeBack(world, "initiator")
    expect(world.name("initiator")).toBe("stopped")
    expect(world.seen("initiator").slice(-3)).toEqual(["info fsm_up +fsm_id", "info died", "close"])
  })

  for (const [place, what] of [
    ["pending", "waits for a block"],
    [undefined, "is nowhere"]
  ] as const) {
    it(`a state whose transaction ${what}: the initiator ends`, () => {
      const world = openWorld()
      leave(world, "initiator")
      comeBack(world, "initiator")
      connect(world)
      const { createTx } = world.state("responder")
      if (createTx === undefined) throw new Error("no create transaction")
      if (place === undefined) world.chain.known.delete(SignedTx.hash(createTx))
      else world.chain.known.set(SignedTx.hash(createTx), place)
      world.deliver("responder")
      world.deliver("initiator")
      expect(world.name("initiator")).toBe("stopped")
      world.settle()
      expect(world.name("responder")).toBe("open")
    })
  }

  it("a link that breaks in between: the responder that stayed is as before", () => {
    const world = stayed()
    comeBack(world, "initiator")
    connect(world)
    world.sides.responder.inbox.length = 0
    world.call("initiator", { _tag: "Stop" })
    world.clear()
    world.settle()
    expect(world.seen("responder")).toEqual(["info peer_disconnected"])
    expect(world.name("responder")).toBe("open")
    comeBack(world, "initiator")
    meet(world)
    goesOn(world)
  })

  it("a machine that ends while a co-signature is on its way to it is a round behind: both end", () => {
    const world = advanced()
    world.propose("initiator")
    world.sign("initiator")
    world.settle()
    world.sign("responder", "update_ack")
    // Within one node this cannot be: what was said arrives before anything else happens.
    world.call("initiator", { _tag: "Stop" })
    world.settle()
    expect(world.rounds()).toEqual([2, 3])
    expect(ChannelFsm.cachedOf(world.state("initiator"))?.halfSignedTx).toBeDefined()
    comeBack(world, "initiator")
    meet(world)
    expect(world.names()).toBe("stopped stopped")
  })

  it("stray messages of the handshake are dropped", () => {
    const world = advanced()
    const { channelId, offChain } = world.state("initiator")
    if (channelId === null || offChain.signedTx === undefined) throw new Error("no state")
    for (const role of roles) {
      for (const _tag of ["Reestablish", "ReestablishAck"] as const) {
        const message = { _tag, chainHash: blockAt(0), channelId, signedTx: offChain.signedTx }
        world.event(role, { _tag: "PeerSaid", message })
        expect(world.state(role).postponed).toEqual([])
      }
      world.event(role, { _tag: "LinkUp" })
    }
    for (const role of roles) expect(world.seen(role)).toEqual([])
    goesOn(world)
  })
})

describe("the responder is busy when the initiator comes back", () => {
  const requests: ReadonlyArray<Request> = [
    openWorld().transferRequest(1n, "responder"),
    { _tag: "Deposit", amount: 1n, meta: [] },
    { _tag: "Shutdown" }
  ]
  for (const request of requests) {
    for (const signs of [false, true]) {
      it(`with a ${signs ? "signed" : "unsigned"} ${request._tag} that nobody heard: it ends`, () => {
        const world = stayed()
        expect(world.ask("responder", request)).toBe("ok")
        if (signs) world.sign("responder")
        comeBack(world, "initiator")
        world.clear()
        meet(world)
        expect(world.seen("responder")).toEqual([
          "conflict 3 timeout @2",
          "info channel_reestablished",
          "info open",
          "update 2"
        ])
        expect(world.names()).toBe("open open")
        goesOn(world)
      })
    }
  }

  it("with something it does alone: the initiator waits", () => {
    const world = stayed()
    world.ask("responder", { _tag: "SnapshotSolo" })
    comeBack(world, "initiator")
    meet(world)
    expect(world.names()).toBe("reestablish_init awaiting_signature")
    world.sign("responder")
    world.settle()
    expect(world.names()).toBe("open open")
    goesOn(world)
  })

  it("I3: with a deposit on its way into its depth: both agree on what they hold, then wait for it", () => {
    const world = advanced()
    world.moveUntilLocked("initiator", "deposit")
    world.call("initiator", { _tag: "Stop" })
    world.settle()
    expect(world.names()).toBe("stopped awaiting_locked")
    world.mine([])
    comeBack(world, "initiator")
    meet(world)
    expect(world.names()).toBe("awaiting_locked awaiting_locked")
    expect(world.rounds()).toEqual([2, 2])
    for (const role of roles) world.deepen(role)
    world.settle()
    expect(world.names()).toBe("open open")
    expect(world.rounds()).toEqual([3, 3])
    goesOn(world)
  })
})
