import { describe, expect, it } from "@effect/vitest"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as ChannelFsm from "../../../src/node/ChannelFsm.js"
import type { PeerMessage } from "../../../src/node/PeerMessage.js"
import * as Trees from "../../../src/state/Trees.js"
import { blockAt, networkId, other, outsider, roles, type World } from "./World.js"
import { native } from "../../support/TestCrypto.js"

import { advanced, bothLeft, closeAlone, comeBack, connect, goesOn, meet, restore } from "./Returns.js"

describe("what happened on chain meanwhile", () => {
  for (const role of roles) {
    it(`the ${role} is told of every transaction before fsm_up, once`, () => {
      const world = bothLeft()
      const snapshot = SignedTx.unsigned({
        _tag: "ChannelSnapshotSoloTx",
        version: 1,
        channelId: world.channelId(),
        fromId: outsider.address,
        payload: new Uint8Array(0),
        ttl: 0,
        fee: 1n,
        nonce: 1n
      })
      world.chain.mined.push(snapshot, { ...snapshot, txBytes: new Uint8Array([1]) })
      comeBack(world, role)
      expect(world.seen(role)).toEqual([
        "on_chain_tx channel_changed",
        "on_chain_tx channel_changed",
        "info fsm_up +fsm_id"
      ])
      world.event(role, { _tag: "ClientGone" })
      comeBack(world, role)
      expect(world.seen(role).slice(-1)).toEqual(["info fsm_up +fsm_id"])
    })

    it(`a deposit that was not locked is the state when it is deep: the ${role} is the first to come back`, () => {
      const world = advanced()
      world.moveUntilLocked("responder", "deposit", 9n)
      for (const each of roles) world.call(each, { _tag: "Stop" })
      world.settle()
      world.mine([])
      world.chain.height += 3
      comeBack(world, role)
      // The responder follows the initiator.
      expect(world.state(role).offChain.round).toBe(role === "initiator" ? 3 : 2)
      comeBack(world, other(role))
      meet(world)
      const { offChain } = world.state(role)
      expect(offChain.round).toBe(3)
      expect(offChain.signedTx?.tx._tag).toBe("ChannelDepositTx")
      expect(Trees.stateHash(offChain.trees)).toEqual(
        offChain.signedTx !== undefined &&
          "stateHash" in offChain.signedTx.tx &&
          offChain.signedTx.tx.stateHash
      )
      expect(world.names()).toBe("open open")
      goesOn(world)
    })
  }

  it("registers with the watcher when it starts", () => {
    const world = bothLeft()
    restore(world, "initiator")
    const { effects } = ChannelFsm.transition(
      world.state("initiator"),
      { _tag: "Started" },
      {
        chain: {
          networkId,
          protocol: 6,
          topHeight: 100,
          topHash: blockAt(100),
          genesisHash: blockAt(0),
          minimumGasPrice: 1n,
          heightOf: () => undefined,
          keyBlockAt: blockAt,
          account: () => undefined,
          channel: () => world.chain.channel,
          nextNonce: () => 1n,
          hasUsed: () => false,
          admits: () => "ok",
          channelTransactions: () => world.chain.mined,
          locate: () => undefined,
          isGeneralized: () => false,
          metaFault: () => undefined,
          environmentAt: () => undefined
        },
        crypto: native,
        now: 0,
        helpfulErrors: false
      }
    )
    expect(effects.map(({ _tag }) => _tag)).toEqual(["Report", "WatchChannel", "SetTimer"])
  })

  it("an older state closes: can_slash before fsm_up, every time, and no peer is needed to answer", () => {
    for (const role of roles) {
      const world = bothLeft()
      closeAlone(world, 1)
      for (let time = 0; time < 2; time++) {
        comeBack(world, role)
        expect(world.seen(role).slice(0, 2)).toEqual(["on_chain_tx can_slash", "info fsm_up +fsm_id"])
        expect(
          world.sides[role].reports.find((each) => each._tag === "OnChainTx" && each.info === "can_slash")
        ).toMatchObject({ type: "channel_close_solo_tx" })
        world.call(role, { _tag: "Stop" })
        world.clear()
      }
      comeBack(world, role)
      world.clear()
      expect(world.ask(role, { _tag: "Slash" })).toBe("ok")
      world.sign(role, "slash_tx")
      expect(world.name(role)).toBe("channel_closing")
      expect(world.chain.pool.map(({ tx }) => tx._tag)).toEqual(["ChannelSlashTx"])
      expect(world.seen(role).filter((each) => each === "info closing" || each === "update 2")).toEqual(
        role === "initiator" ? ["info closing", "update 2"] : []
      )
      expect(world.state(role).clientMayDisconnect).toBe(true)
    }
  })

  it("the same state closes: with its peer the initiator is told as usual", () => {
    const world = bothLeft()
    closeAlone(world, 2)
    comeBack(world, "responder")
    expect(world.seen("responder")).toEqual([
      "on_chain_tx channel_changed",
      "info fsm_up +fsm_id",
      "info closing",
      "update 2"
    ])
    comeBack(world, "initiator")
    meet(world)
    expect(world.seen("initiator")).toEqual([
      "on_chain_tx channel_changed",
      "info fsm_up +fsm_id",
      "info channel_reestablished",
      "info closing",
      "update 2"
    ])
    expect(world.seen("responder")).toEqual(["info channel_reestablished"])
    expect(world.names()).toBe("channel_closing channel_closing")
    // Together again, they can close together.
    world.call("initiator", { _tag: "Shutdown" })
    world.sign("initiator")
    world.settle()
    world.sign("responder")
    world.settle()
    expect(world.names()).toBe("mutual_closed mutual_closed")
  })

  it("the initiator of a closing channel finds nobody: it goes on alone, and settles", () => {
    for (const end of ["LinkDown", "TimerFired"] as const) {
      const world = bothLeft()
      closeAlone(world, 2)
      comeBack(world, "initiator")
      world.event("initiator", { _tag: "LinkUp" })
      world.clear()
      world.event("initiator", { _tag: end })
      expect(world.seen("initiator")).toEqual(["info closing", "update 2"])
      world.chain.height = 201
      expect(world.ask("initiator", { _tag: "Settle" })).toBe("ok")
      world.sign("initiator", "settle_sign")
      expect(world.chain.pool.map(({ tx }) => tx._tag)).toEqual(["ChannelSettleTx"])
    }
  })

  it("a watch that begins with the newest transaction tells nothing new", () => {
    for (const round of [1, 2]) {
      for (const role of roles) {
        const world = bothLeft()
        const [create] = world.chain.mined
        if (create === undefined) throw new Error("no create transaction")
        comeBack(world, role)
        world.clear()
        world.tellOfChain(role, create)
        expect(world.seen(role)).toEqual([])
        world.call(role, { _tag: "Stop" })
        closeAlone(world, round)
        const [close] = world.chain.mined.slice(-1)
        if (close === undefined) throw new Error("no close")
        comeBack(world, role)
        const { name } = world.state(role)
        world.clear()
        world.tellOfChain(role, close)
        expect(world.seen(role)).toEqual([])
        expect(world.name(role)).toBe(name)
        // A newer one is.
        const slash = { ...close, txBytes: new Uint8Array([9]) }
        world.chain.mined.push(slash)
        world.tellOfChain(role, slash)
        expect(world.seen(role)[0]).toBe(`on_chain_tx ${round === 1 ? "can_slash" : "solo_closing"}`)
        expect(world.name(role)).toBe("channel_closing")
      }
    }
  })

  it("somebody closes while the peer is awaited", () => {
    const world = bothLeft()
    comeBack(world, "responder")
    world.clear()
    closeAlone(world, 1)
    const [close] = world.chain.mined.slice(-1)
    if (close === undefined) throw new Error("no close")
    world.tellOfChain("responder", close)
    expect(world.seen("responder")).toEqual(["on_chain_tx can_slash", "info closing", "update 2"])
    comeBack(world, "initiator")
    meet(world)
    expect(world.names()).toBe("channel_closing channel_closing")
    expect(world.seen("responder")).toEqual(["info channel_reestablished"])
  })
})

describe("a peer that is lost while the channel closes", () => {
  const closing = (): World => {
    const world = advanced()
    world.ask("responder", { _tag: "CloseSolo" })
    world.sign("responder")
    world.mine()
    return world.clear()
  }

  it("is taken back by the responder that stayed", () => {
    const world = closing()
    world.call("initiator", { _tag: "Stop" })
    world.settle()
    expect(world.names()).toBe("stopped channel_closing")
    expect(world.seen("responder")).toEqual([])
    comeBack(world, "initiator")
    world.clear()
    meet(world)
    expect(world.seen("responder")).toEqual(["info channel_reestablished"])
    expect(world.seen("initiator")).toEqual(["info channel_reestablished", "info closing", "update 2"])
    expect(world.names()).toBe("channel_closing channel_closing")
  })

  it("is taken back by the initiator that stayed", () => {
    const world = closing()
    world.call("responder", { _tag: "Stop" })
    world.settle()
    expect(world.names()).toBe("channel_closing stopped")
    world.clear()
    comeBack(world, "responder")
    expect(world.name("responder")).toBe("channel_closing")
    meet(world)
    for (const role of roles) expect(world.seen(role).at(-1)).toBe("info channel_reestablished")
    expect(world.names()).toBe("channel_closing channel_closing")
  })

  it("takes its unanswered shutdown along", () => {
    const world = closing()
    world.call("initiator", { _tag: "Shutdown" })
    world.sign("initiator")
    world.settle()
    expect(world.name("responder")).toBe("awaiting_signature")
    world.call("initiator", { _tag: "Stop" })
    world.settle()
    expect(world.name("responder")).toBe("channel_closing")
  })

  it("with another state it is left alone: there is nothing it is needed for", () => {
    const world = closing()
    world.call("initiator", { _tag: "Stop" })
    world.settle()
    comeBack(world, "initiator")
    connect(world)
    const { inbox } = world.sides.responder
    const [message] = inbox
    const { createTx } = world.state("responder")
    if (message === undefined || message === "down" || createTx === undefined) throw new Error("no message")
    inbox[0] = { ...message, signedTx: createTx } as PeerMessage
    world.clear()
    world.settle()
    expect(world.seen("responder")).toEqual([])
    expect(world.names()).toBe("reestablish_init channel_closing")
    world.fire("initiator")
    expect(world.names()).toBe("channel_closing channel_closing")
  })
})
