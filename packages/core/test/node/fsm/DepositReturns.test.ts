/** Machines that end while a deposit or withdrawal waits for the chain, and come back. */
import { describe, expect, it } from "@effect/vitest"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { comeBack, connect, goesOn, meet } from "./Returns.js"
import { openWorld, other, roles, type World, type WorldOptions } from "./World.js"

type Operation = "deposit" | "withdraw"
const cases = (["deposit", "withdraw"] as const).flatMap((operation) =>
  roles.map((role) => [operation, role] as const)
)
const ends: WorldOptions = { responder: { keepRunning: false } }

const locked = (role: Role, operation: Operation, options: WorldOptions = {}): World => {
  const world = openWorld(options)
  world.moveUntilLocked(role, operation)
  return world.clear()
}
const stop = (world: World): World => {
  world.call("initiator", { _tag: "Stop" })
  world.settle()
  return world.clear()
}
const isBack = (world: World): void => {
  expect(world.names()).toBe("open open")
  expect(world.rounds()).toEqual([2, 2])
  goesOn(world)
}

describe.each(cases)("%s by the %s", (operation, role) => {
  it("both end and come back before it is in a block: it is awaited as before", () => {
    const world = stop(locked(role, operation, ends))
    expect(world.names()).toBe("stopped stopped")
    for (const each of roles) comeBack(world, each)
    meet(world)
    expect(world.names()).toBe("awaiting_locked awaiting_locked")
    for (const each of roles) expect(world.seen(each).slice(-2)).toEqual(["info open", "update 1"])
    world.mine()
    world.settle()
    isBack(world)
  })

  it("I3: both end and come back when it is deep in the chain: it is the state", () => {
    const world = stop(locked(role, operation, ends))
    world.mine([])
    world.chain.height += 3
    for (const each of roles) comeBack(world, each)
    meet(world)
    isBack(world)
  })

  it("I3: both end and come back when it is in a block and not deep: it is awaited as before", () => {
    const world = stop(locked(role, operation, ends))
    world.mine([])
    world.chain.height += 2
    for (const each of roles) comeBack(world, each)
    meet(world)
    expect(world.names()).toBe("awaiting_locked awaiting_locked")
    expect(world.rounds()).toEqual([1, 1])
    for (const each of roles) world.deepen(each)
    world.settle()
    isBack(world)
  })

  it("both saw it in a block before they ended: they find it when it is deep", () => {
    const world = locked(role, operation, ends)
    world.mine([])
    stop(world)
    world.chain.height += 3
    for (const each of roles) comeBack(world, each)
    meet(world)
    isBack(world)
  })

  it("both end and come back when it cannot get on chain any more: it is forgotten", () => {
    const world = stop(locked(role, operation, ends))
    world.chain.pool.length = 0
    world.chain.known.delete(SignedTx.hash(world.state("initiator").offChain.halfSignedTx ?? fail()))
    world.chain.nonce = 7n
    for (const each of roles) comeBack(world, each)
    meet(world)
    expect(world.names()).toBe("open open")
    expect(world.rounds()).toEqual([1, 1])
    goesOn(world)
  })

  it("the mempool has forgotten it meanwhile: it is given to it again", () => {
    const world = stop(locked(role, operation, ends))
    world.chain.pool.length = 0
    world.chain.known.delete(SignedTx.hash(world.state("initiator").offChain.halfSignedTx ?? fail()))
    for (const each of roles) comeBack(world, each)
    meet(world)
    expect(world.chain.pool.length).toBeGreaterThan(0)
    world.chain.pool.length = 1
    world.mine()
    world.settle()
    isBack(world)
  })

  it("only the acknowledger knows of the co-signature", () => {
    const world = openWorld(ends)
    world.move(role, operation)
    world.sign(role)
    world.settle()
    world.sign(other(role))
    world.sides[role].inbox.length = 0
    stop(world)
    for (const each of roles) comeBack(world, each)
    meet(world)
    expect(world.name(role)).toBe("open")
    expect(world.name(other(role))).toBe("awaiting_locked")
    // What the starter begins meanwhile is refused.
    world.propose(role)
    world.sign(role)
    world.settle()
    expect(world.name(role)).toBe("open")
    world.mine()
    world.settle()
    isBack(world)
  })

  it("the responder stays; the initiator comes back before or after it is in a block", () => {
    for (const mined of [false, true]) {
      const world = stop(locked(role, operation))
      expect(world.name("responder")).toBe("awaiting_locked")
      if (mined) world.mine([])
      comeBack(world, "initiator")
      meet(world)
      expect(world.names()).toBe("awaiting_locked awaiting_locked")
      world.mine()
      world.settle()
      isBack(world)
    }
  })

  it("the initiator comes back and ends again before it is heard", () => {
    const world = stop(locked(role, operation))
    comeBack(world, "initiator")
    connect(world)
    expect(world.name("responder")).toBe("awaiting_reestablish")
    world.sides.responder.inbox.length = 0
    stop(world)
    expect(world.name("responder")).toBe("awaiting_locked")
    comeBack(world, "initiator")
    meet(world)
    world.mine()
    world.settle()
    isBack(world)
  })

  it("the peer is lost while its shutdown is being signed: the depth was reached already", () => {
    const world = locked(role, operation)
    world.mine(["responder"])
    const { pending } = world.state("responder")
    world.sides.responder.state = {
      ...world.state("responder"),
      name: "awaiting_signature",
      suspended: { pending, ongoing: true },
      pending:
        pending === undefined
          ? undefined
          : {
              ...pending,
              stage: "sign",
              tag: "shutdown_sign_ack",
              origin: operation === "deposit" ? "dep_signed" : "wdraw_signed"
            }
    }
    stop(world)
    expect(world.name("responder")).toBe("open")
    expect(world.state("responder").offChain.round).toBe(2)
  })
})

const fail = (): never => {
  throw new Error("nothing was kept")
}
