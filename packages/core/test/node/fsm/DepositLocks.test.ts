import { describe, expect, it } from "@effect/vitest"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type * as Transaction from "../../../src/chain/Transaction.js"
import type { PeerMessage } from "../../../src/node/PeerMessage.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { native } from "../../support/TestCrypto.js"
import { keyPairs, networkId, openWorld, other, roles, World, type WorldOptions } from "./World.js"

type Operation = "deposit" | "withdraw"
const operations: ReadonlyArray<Operation> = ["deposit", "withdraw"]
const cases = operations.flatMap((operation) => roles.map((role) => [operation, role] as const))
const prefix = { deposit: "dep", withdraw: "wdraw" } as const
const timeout = "conflict 3 timeout @1"

const half = (role: Role, operation: Operation, options: WorldOptions = {}): World => {
  const world = openWorld(options)
  world.move(role, operation)
  world.sign(role)
  return world.clear()
}
const locked = (role: Role, operation: Operation, options: WorldOptions = {}): World => {
  const world = openWorld(options)
  world.moveUntilLocked(role, operation)
  return world.clear()
}
const goesOn = (world: World, round: number): void => {
  expect(world.names()).toBe("open open")
  expect(world.rounds()).toEqual([round, round])
  for (const role of roles) {
    expect(world.state(role).exposed).toEqual([])
    world.transfer(role)
  }
  expect(world.rounds()).toEqual([round + 2, round + 2])
}
/** Mines what waits, and everything that follows from it happens. */
const conclude = (world: World): void => {
  world.mine()
  world.settle()
}

describe.each(cases)("time runs out: %s by the %s", (operation, role) => {
  const peer = other(role)

  it("while the starter signs: its own affair", () => {
    const world = openWorld()
    world.move(role, operation)
    world.clear()
    expect(world.sides[role].timer).toBe(500_000)
    world.fire(role)
    world.settle()
    expect(world.seen(role)).toEqual([timeout])
    expect(world.seen(peer)).toEqual([])
    goesOn(world, 1)
  })

  it("while the acknowledger signs: both hear of it", () => {
    const world = half(role, operation)
    world.settle()
    world.clear()
    expect(world.sides[peer].timer).toBe(500_000)
    world.fire(peer)
    world.settle()
    for (const each of roles) expect(world.seen(each)).toEqual([timeout])
    goesOn(world, 1)
  })

  it("while the starter waits for the co-signature: the acknowledger need not sign any more", () => {
    const world = half(role, operation)
    world.settle()
    world.clear()
    expect(world.sides[role].timer).toBe(120_000)
    world.fire(role)
    world.settle()
    for (const each of roles) expect(world.seen(each)).toEqual([timeout])
    world.sign(peer)
    world.settle()
    expect(world.chain.pool).toEqual([])
    goesOn(world, 1)
  })

  it("while the co-signature is on its way: it counts", () => {
    const world = half(role, operation)
    world.settle()
    world.sign(peer)
    world.clear()
    world.fire(role)
    world.settle()
    expect(world.seen(role)).toEqual([timeout, `on_chain_tx ${operation}_signed`])
    expect(world.seen(peer)).toEqual([])
    conclude(world)
    goesOn(world, 2)
  })

  it("while the co-signature is on its way and the starter has begun something else", () => {
    for (const begun of ["update", "shutdown", "deposit", "withdraw"] as const) {
      for (const signs of [false, true]) {
        const world = half(role, operation)
        world.settle()
        world.sign(peer)
        world.fire(role)
        if (begun === "update") world.propose(role)
        else if (begun === "shutdown") world.call(role, { _tag: "Shutdown" })
        else world.move(role, begun, 9n)
        if (signs) world.sign(role)
        world.settle()
        expect(world.names()).toBe("awaiting_locked awaiting_locked")
        conclude(world)
        goesOn(world, 2)
      }
    }
  })

  it("while the co-signature is on its way and the mempool refuses it", () => {
    const world = half(role, operation)
    world.settle()
    world.sign(peer)
    world.fire(role)
    world.chain.refuses = () => true
    world.clear()
    world.settle()
    expect(world.seen(peer)).toEqual(["conflict 5 rejected on-chain @1"])
    world.chain.refuses = () => false
    goesOn(world, 1)
  })

  it("while the starter leaves: its transaction gets on chain all the same", () => {
    const world = half(role, operation, { responder: { keepRunning: false } })
    world.settle()
    world.sign(peer)
    world.fire(role)
    world.call(role, { _tag: "Leave" })
    world.settle()
    expect(world.chain.pool.length).toBe(1)
    expect(world.names()).toBe(
      role === "initiator" ? "awaiting_leave_ack awaiting_locked" : "awaiting_locked awaiting_leave_ack"
    )
    conclude(world)
    expect(world.rounds()).toEqual([2, 2])
    expect(world.names()).toBe("stopped stopped")
  })

  it("while the chain is waited for: nothing is given up, but the client need not wait", () => {
    for (const late of roles) {
      const world = locked(role, operation)
      expect(world.sides[late].timer).toBe(360_000)
      const waits = world.call(late, { _tag: "Shutdown" })
      world.fire(late)
      world.fire(late)
      world.settle()
      expect(world.answer(late, waits)).toBe("refused -32603")
      expect(world.seen(late)).toEqual([timeout, "refused -32603"])
      expect(world.seen(other(late))).toEqual([])
      expect(world.chain.pool.length).toBe(1)
      world.mine([late])
      world.settle()
      expect(world.name(late)).toBe(`${prefix[operation]}_signed`)
      expect(world.sides[late].timer).toBe(360_000)
      world.clear()
      world.fire(other(late))
      expect(world.seen(other(late))).toEqual([timeout])
      world.deepen(other(late))
      world.settle()
      goesOn(world, 2)
    }
  })

  it("while the peer's word is waited for: the state counts; the peer follows", () => {
    for (const late of roles) {
      const slow = other(late)
      const world = locked(role, operation)
      world.mine([late])
      world.clear()
      world.fire(late)
      world.settle()
      expect(world.seen(late)).toEqual([`info ${operation}_locked`, "update 2"])
      expect(world.name(late)).toBe("open")
      // The peer is not ready yet.
      world.propose(late)
      world.sign(late)
      world.settle()
      expect(world.seen(late).at(-1)).toBe("conflict 2 conflict @1")
      expect(world.seen(slow)).toEqual([])
      expect(world.name(slow)).toBe("awaiting_locked")
      world.deepen(slow)
      world.settle()
      goesOn(world, 2)
    }
  })

  it("a client may close alone when no block takes the transaction", () => {
    for (const own of roles) {
      const world = locked(role, operation)
      expect(world.ask(own, { _tag: "CloseSolo" })).toBe("refused -32603")
      world.fire(own)
      for (const end of ["refused", "declined", "timeout"] as const) {
        world.clear()
        const fee = end === "refused" ? { fee: 1n } : {}
        expect(world.ask(own, { _tag: "CloseSolo", ...fee })).toBe(
          end === "refused" ? "refused -32603" : "ok"
        )
        if (end === "declined") world.decline(own, "close_solo_sign", 4)
        if (end === "timeout") world.fire(own)
        expect(world.name(own)).toBe("awaiting_locked")
      }
      // The depth is reached while the client thinks about it.
      world.mine(roles)
      world.settle()
      expect(world.names()).toBe("open open")
      const again = locked(role, operation)
      again.fire(own)
      again.call(own, { _tag: "CloseSolo" })
      again.mine(roles)
      again.settle()
      again.decline(own, "close_solo_sign", 4)
      again.deepen(own)
      again.settle()
      goesOn(again, 2)
      const closes = locked(role, operation)
      closes.fire(own)
      closes.call(own, { _tag: "CloseSolo" })
      closes.sign(own)
      expect(closes.chain.pool.map(({ tx }) => tx._tag)).toContain("ChannelCloseSoloTx")
      expect(closes.name(own)).toBe("awaiting_locked")
    }
  })

  it("while the mempool has forgotten the transaction: it is given to it again", () => {
    const world = locked(role, operation)
    world.chain.pool.length = 0
    world.chain.known.clear()
    world.fire(peer)
    expect(world.chain.pool.length).toBe(1)
    conclude(world)
    goesOn(world, 2)
  })

  it("when the transaction cannot get on chain any more: both give it up", () => {
    for (const late of roles) {
      for (const [name, kill] of [
        ["its nonce is used", (world: World) => void (world.chain.nonce = 7n)],
        ["its time is over", (world: World) => void (world.chain.height = 501)],
        [
          "a block has it, and its meta transaction was paid for in vain",
          (world: World, txHash: string) => void world.chain.known.set(txHash, "in_vain")
        ]
      ] as const) {
        const world = locked(role, operation, { initiator: { ttl: 500 }, responder: { ttl: 500 } })
        const txHash = world.chain.pool.map(SignedTx.hash).join()
        world.chain.pool.length = 0
        world.chain.known.clear()
        world.chain.refuses = () => true
        // Refused for now is not refused for ever.
        world.fire(late)
        expect(world.name(late), name).toBe("awaiting_locked")
        kill(world, txHash)
        world.fire(late)
        world.settle()
        for (const each of roles) expect(world.seen(each)).toEqual([timeout])
        world.chain.refuses = () => false
        goesOn(world, 1)
      }
    }
  })
})

describe.each(cases)("the peer's machine ends: %s by the %s", (operation, role) => {
  it("the initiator stops; the responder sees its depth and goes on", () => {
    for (const deepFirst of [false, true]) {
      const world = locked(role, operation)
      if (deepFirst) world.mine(["responder"])
      world.clear()
      world.call("initiator", { _tag: "Stop" })
      world.settle()
      if (deepFirst) {
        expect(world.seen("responder")).toEqual([
          "info peer_disconnected",
          `info ${operation}_locked`,
          "update 2"
        ])
      } else {
        expect(world.seen("responder")).toEqual(["info peer_disconnected"])
        expect(world.name("responder")).toBe("awaiting_locked")
        world.mine()
        expect(world.seen("responder")).toEqual([
          "on_chain_tx channel_changed",
          `info own_${operation}_locked`,
          `info ${operation}_locked`,
          "update 2"
        ])
      }
      expect(world.name("responder")).toBe("open")
      expect(world.state("responder").offChain.round).toBe(2)
    }
  })

  it("the responder gives the transaction to the chain if the initiator had not", () => {
    const world = half(role, operation)
    world.settle()
    if (role === "responder") return
    world.sign("responder")
    world.call("initiator", { _tag: "Stop" })
    world.settle()
    expect(world.chain.pool.length).toBe(1)
    world.mine()
    expect(world.state("responder").offChain.round).toBe(2)
  })

  it("without keep_running both end", () => {
    const world = locked(role, operation, { responder: { keepRunning: false } })
    world.call("initiator", { _tag: "Stop" })
    world.settle()
    expect(world.names()).toBe("stopped stopped")
  })
})

describe.each(cases)("the channel closes meanwhile: %s by the %s", (operation, role) => {
  const closing = (world: World, round: number): void => {
    const { createTx } = world.state("initiator")
    if (createTx === undefined) throw new Error("not open")
    const channel = world.channelObject(new Uint8Array(32), { round, lockedUntil: world.chain.height + 10 })
    world.chain.channel = channel
    for (const each of roles) {
      world.event(each, { _tag: "ChainSaid", event: { _tag: "ChannelClosing", tx: createTx, channel } })
    }
  }

  it("what is in a block counts, what is not does not", () => {
    const mined = locked(role, operation)
    mined.mine([])
    mined.clear()
    closing(mined, 2)
    for (const each of roles) {
      expect(mined.seen(each)).toEqual(["on_chain_tx solo_closing", "info closing", "update 2"])
      expect(mined.state(each).offChain.round).toBe(2)
      expect(mined.state(each).depthWatch).toBeUndefined()
    }
    const waiting = locked(role, operation)
    closing(waiting, 1)
    for (const each of roles) {
      expect(waiting.seen(each)).toEqual(["on_chain_tx solo_closing", "info closing"])
      expect(waiting.state(each).offChain.round).toBe(1)
    }
    expect(waiting.names()).toBe("channel_closing channel_closing")
  })
})

/** A mutual close of the other party, as it would make it in the state of this one. */
const shutdownOf = (world: World, peer: Role, own: Role, moved: boolean): PeerMessage => {
  const copy = openWorld()
  const trees = moved ? world.state(own).pending?.trees : undefined
  if (trees !== undefined) {
    const { offChain } = copy.state(peer)
    copy.sides[peer].state = { ...copy.state(peer), offChain: { ...offChain, trees } }
  }
  copy.call(peer, { _tag: "Shutdown" })
  copy.sign(peer)
  const message = copy.sides[own].inbox.pop()
  if (message === undefined || message === "down") throw new Error("no shutdown")
  return message
}

describe("a shutdown while the peer's `locked` is awaited", () => {
  it.each(cases)("%s by the %s: with the coins that moved", (operation, role) => {
    for (const own of roles) {
      const deep = (): World => {
        const world = locked(role, operation)
        world.mine([own])
        return world.clear()
      }
      const state = `${prefix[operation]}_signed`
      const peer = other(own)

      const closes = deep()
      closes.event(own, { _tag: "PeerSaid", message: shutdownOf(closes, peer, own, true) })
      expect(closes.seen(own)).toEqual(["info shutdown", "sign.shutdown_sign_ack"])
      closes.sign(own)
      expect(closes.name(own)).toBe("mutual_closed")

      for (const end of ["decline", "bad", "time", "withdrawn"] as const) {
        const world = deep()
        const message = shutdownOf(world, peer, own, true)
        world.event(own, { _tag: "PeerSaid", message })
        if (end === "decline") world.decline(own, "shutdown_sign_ack", 4)
        else if (end === "time") world.fire(own)
        else if (end === "bad") world.reply(own, "shutdown_sign_ack", SignedTx.unsigned(createOf(world)))
        else {
          world.event(own, {
            _tag: "PeerSaid",
            message: {
              _tag: "OperationError",
              operation: "shutdown",
              channelId: world.channelId(),
              round: 1,
              errorCode: 3,
              withdraws: 1
            }
          })
        }
        // The deposit or withdrawal is awaited as before.
        expect(world.name(own), end).toBe(state)
        world.settle()
        world.deepen(peer)
        world.settle()
        expect(world.rounds()).toEqual([2, 2])
      }

      // Without the coins that moved it would burn or hand out what is in the channel.
      const refused = deep()
      refused.event(own, { _tag: "PeerSaid", message: shutdownOf(refused, peer, own, false) })
      expect(refused.name(own)).toBe(state)
      expect(refused.seen(own)).toEqual([])
      expect(refused.sides[peer].inbox.at(-1)).toMatchObject({ _tag: "OperationError", errorCode: 1 })
    }
  })

  it("while the channel opens", () => {
    for (const own of roles) {
      const fresh = openWorld()
      const message = shutdownOf(fresh, other(own), own, false)
      const world = opening(own)
      world.event(own, { _tag: "PeerSaid", message })
      expect(world.seen(own)).toEqual(["info shutdown", "sign.shutdown_sign_ack"])
      world.decline(own, "shutdown_sign_ack", 4)
      expect(world.name(own)).toBe("signed")
      world.event(own, { _tag: "PeerSaid", message })
      world.fire(own)
      expect(world.name(own)).toBe("signed")
      world.event(own, { _tag: "PeerSaid", message })
      world.sign(own)
      expect(world.name(own)).toBe("mutual_closed")
    }
  })
})

const createOf = (world: World): Transaction.Transaction => {
  const { createTx } = world.state("initiator")
  if (createTx === undefined) throw new Error("not open")
  return createTx.tx
}

/** A channel whose create transaction is deep enough for one party. */
const opening = (deep: Role): World => {
  const world = new World().start().link()
  world.settle()
  for (const role of roles) {
    world.sign(role)
    world.settle()
  }
  world.mine([deep])
  return world.clear()
}

describe("what a peer cannot do", () => {
  it.each(cases)(
    "%s by the %s: an error does not undo what is co-signed and known to the chain",
    (operation, role) => {
      for (const own of roles) {
        for (const errorCode of [1, 2, 3, 4, 5, 42]) {
          for (const serial of [{}, own === role ? { refuses: 1 } : { withdraws: 1 }]) {
            const world = locked(role, operation)
            world.event(own, {
              _tag: "PeerSaid",
              message: {
                _tag: "OperationError",
                operation,
                channelId: world.channelId(),
                round: 1,
                errorCode,
                ...serial
              }
            })
            expect(world.seen(own)).toEqual([])
            expect(world.name(own)).toBe("awaiting_locked")
          }
        }
      }
    }
  )

  it("publishing a withdrawal that it had given up: the node takes it over", () => {
    for (const busy of ["idle", "signing", "proposed"] as const) {
      const world = half("initiator", "withdraw")
      world.settle()
      const asked = world.sides.responder.lastSign?.signedTx
      if (asked === undefined) throw new Error("not asked")
      world.fire("initiator")
      world.settle()
      if (busy !== "idle") world.propose("initiator")
      if (busy === "proposed") world.sign("initiator")
      world.clear()
      const tx = SignedTx.sign(asked, keyPairs.responder, { networkId, crypto: native })
      world.chain.pool.push(tx)
      world.mine()
      world.settle()
      expect(world.rounds()).toEqual([2, 2])
      for (const each of roles) expect(world.seen(each)).toContain("on_chain_tx channel_changed")
      goesOn(world, 2)
    }
  })
})
