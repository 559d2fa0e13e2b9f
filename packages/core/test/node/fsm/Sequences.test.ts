import { describe, expect, it } from "@effect/vitest"
import * as Ids from "../../../src/chain/Ids.js"
import { initiator, openWorld, other, responder, roles, total, World } from "./World.js"

describe("orders of messages", () => {
  it("opens a channel", () => {
    const world = new World().start()
    expect(world.names()).toBe("awaiting_connect awaiting_open")
    world.link()
    world.settle()
    expect(world.names()).toBe("awaiting_signature accepted")
    world.sign("initiator", "initiator_sign")
    expect(world.name("initiator")).toBe("half_signed")
    world.settle()
    world.sign("responder", "responder_sign")
    expect(world.name("responder")).toBe("awaiting_locked")
    world.settle()
    expect(world.names()).toBe("awaiting_locked awaiting_locked")
    world.mine(["initiator"])
    world.settle()
    expect(world.names()).toBe("signed awaiting_locked")
    world.deepen("responder")
    world.settle()
    expect(world.names()).toBe("open open")
    expect(world.seen("initiator")).toEqual([
      "info fsm_up +fsm_id (no channel id)",
      "info channel_accept (no channel id)",
      "sign.initiator_sign (no channel id)",
      "ok",
      "info funding_signed +fsm_id",
      "on_chain_tx funding_signed",
      "on_chain_tx channel_changed",
      "info own_funding_locked",
      "info funding_locked",
      "info open",
      "update 1"
    ])
    expect(world.seen("responder")).toEqual([
      "info fsm_up +fsm_id (no channel id)",
      "info channel_open (no channel id)",
      "info funding_created +fsm_id",
      "sign.responder_sign",
      "ok",
      "on_chain_tx funding_created",
      "on_chain_tx channel_changed",
      "info own_funding_locked",
      "info funding_locked",
      "info open",
      "update 1"
    ])
    expect(world.state("initiator").channelId).toBe(Ids.channelId(initiator.address, 7n, responder.address))
    expect(world.state("responder").channelId).toBe(world.state("initiator").channelId)
    // The fee of about 18000 gas at the miner's price, tenth root: three blocks.
    expect(world.state("initiator").minimumDepth).toEqual({ strategy: "txfee", value: 10 })
  })

  it("opens for whoever comes when the responder takes any initiator", () => {
    const world = openWorld({ anyInitiator: true })
    expect(world.state("responder").initiatorId).toBe(initiator.address)
    world.transfer("initiator")
    expect(world.rounds()).toEqual([2, 2])
  })

  it("moves the push amount in the first state", () => {
    const world = openWorld({ initiator: { pushAmount: 9n }, responder: { pushAmount: 9n } })
    expect(world.balance("responder", "initiator")).toBe(
      world.state("initiator").options.parameters.initiatorAmount - 9n
    )
    expect(world.balance("initiator", "initiator") + world.balance("initiator", "responder")).toBe(total)
  })

  for (const role of roles) {
    const peer = other(role)
    it(`transfers by the ${role}`, () => {
      const world = openWorld()
      world.transfer(role, 5n)
      expect(world.seen(role)).toEqual(["ok", "sign.update", "ok", "update 2"])
      expect(world.seen(peer)).toEqual(["info update", "sign.update_ack", "ok", "update 2"])
      expect(world.balance(peer, role)).toBe(world.balance(role, role))
      world.transfer(role, 5n)
      expect(world.rounds()).toEqual([3, 3])
    })

    it(`closes by the ${role}`, () => {
      const world = openWorld()
      world.transfer("initiator")
      world.clear()
      expect(world.ask(role, { _tag: "Shutdown" })).toBe("ok")
      world.sign(role, "shutdown_sign")
      expect(world.name(role)).toBe("mutual_closing")
      world.settle()
      world.sign(peer, "shutdown_sign_ack")
      expect(world.name(peer)).toBe("mutual_closed")
      world.settle()
      expect(world.chain.pool.map(({ tx }) => tx._tag)).toEqual(["ChannelCloseMutualTx"])
      world.mine()
      expect(world.names()).toBe("stopped stopped")
      const end = [
        "on_chain_tx close_mutual",
        "info closing",
        "on_chain_tx channel_closed",
        "info closed_confirmed",
        "info died",
        "close"
      ]
      expect(world.seen(role)).toEqual(["ok", "sign.shutdown_sign", "ok", ...end])
      expect(world.seen(peer)).toEqual(["info shutdown", "sign.shutdown_sign_ack", "ok", ...end])
    })

    it(`aborts an own update of the ${role}`, () => {
      const world = openWorld()
      world.propose(role)
      expect(world.decline(role, "update", 42)).toBe("ok")
      world.settle()
      expect(world.seen(role)).toEqual(["ok", "sign.update", "ok", "info aborted_update"])
      expect(world.seen(peer)).toEqual([])
      expect(world.names()).toBe("open open")
    })

    it(`aborts the peer's update at the ${role}`, () => {
      const world = openWorld()
      world.propose(peer)
      world.sign(peer)
      world.settle()
      expect(world.decline(role, "update_ack", 42)).toBe("ok")
      world.settle()
      expect(world.seen(role)).toEqual(["info update", "sign.update_ack", "ok", "info aborted_update"])
      expect(world.seen(peer)).toEqual(["ok", "sign.update", "ok", "conflict 42 unknown @1"])
      expect(world.names()).toBe("open open")
      world.transfer(role)
      expect(world.rounds()).toEqual([2, 2])
    })

    it(`stops at once by the ${role}`, () => {
      const world = openWorld()
      expect(world.ask(role, { _tag: "Stop" })).toBe("ok")
      expect(world.seen(role)).toEqual(["ok", "info died", "close"])
      world.settle()
      expect(world.seen(peer)).toEqual(
        peer === "responder" ? ["info peer_disconnected"] : ["info died", "close"]
      )
      expect(world.name(peer)).toBe(peer === "responder" ? "open" : "stopped")
    })

    it(`leaves by the ${role} without keep_running`, () => {
      const world = openWorld({ responder: { keepRunning: false } })
      world.transfer("initiator")
      world.clear()
      world.call(role, { _tag: "Leave" })
      world.settle()
      expect(world.seen(role)).toEqual(["ok", "leave 2", "info died", "close"])
      expect(world.seen(peer)).toEqual(["leave 2", "info died", "close"])
    })
  }

  it("leaves by the initiator; the responder keeps running", () => {
    const world = openWorld()
    world.call("initiator", { _tag: "Leave" })
    world.settle()
    expect(world.seen("initiator")).toEqual(["ok", "leave 1", "info died", "close"])
    expect(world.seen("responder")).toEqual(["leave 1", "info peer_disconnected"])
    expect(world.name("responder")).toBe("open")
    world.call("responder", { _tag: "Leave" })
    expect(world.seen("responder")).toEqual(["ok", "leave 1", "info died", "close"])
  })

  it("leaves by the responder: both end", () => {
    const world = openWorld()
    world.call("responder", { _tag: "Leave" })
    world.settle()
    expect(world.seen("responder")).toEqual(["ok", "leave 1", "info died", "close"])
    expect(world.seen("initiator")).toEqual(["leave 1", "info died", "close"])
  })

  it("ends both when leaves cross, keep_running or not", () => {
    const world = openWorld()
    for (const role of roles) world.call(role, { _tag: "Leave" })
    world.settle()
    for (const role of roles) expect(world.seen(role)).toEqual(["ok", "leave 1", "info died", "close"])
  })

  it("hears a leave after its own update has run out of time", () => {
    const world = openWorld()
    world.propose("initiator")
    world.call("responder", { _tag: "Leave" })
    world.sign("initiator")
    world.settle()
    expect(world.names()).toBe("awaiting_update_ack awaiting_leave_ack")
    world.fire("initiator")
    world.settle()
    expect(world.seen("initiator")).toEqual([
      "ok",
      "sign.update",
      "ok",
      "conflict 3 timeout @1",
      "leave 1",
      "info died",
      "close"
    ])
    expect(world.names()).toBe("stopped stopped")
  })

  it("passes messages", () => {
    const world = openWorld()
    const message = { _tag: "SendMessage", to: responder.address, info: "hello" } as const
    expect(world.ask("initiator", message)).toBe("ok")
    world.settle()
    expect(world.seen("responder")).toEqual(["message hello"])
    expect(world.ask("initiator", { ...message, from: responder.address })).toBe("refused -32603")
    expect(world.ask("initiator", { ...message, to: initiator.address })).toBe("refused -32603")
  })
})
