import { describe, expect, it } from "@effect/vitest"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { openWorld, other, roles, type World } from "./World.js"

const conflict = "conflict 2 conflict @1"
const conflicts = (lines: ReadonlyArray<string>) => lines.filter((line) => line.startsWith("conflict"))

/** One conflict for each, both idle at round 1, and the channel goes on. */
const isRace = (world: World): void => {
  expect(world.names()).toBe("open open")
  for (const role of roles) expect(conflicts(world.seen(role))).toEqual([conflict])
  expect(world.rounds()).toEqual([1, 1])
  world.transfer("responder")
  expect(world.rounds()).toEqual([2, 2])
}

type Start = (world: World, role: Role) => void
const update: Start = (world, role) => world.propose(role)
const shutdown: Start = (world, role) => world.call(role, { _tag: "Shutdown" })
const starts = { update, shutdown }

describe("races", () => {
  for (const first of roles) {
    const second = other(first)
    for (const [name, start] of Object.entries(starts)) {
      for (const [otherName, otherStart] of Object.entries(starts)) {
        it(`${name} of the ${first} and ${otherName} of the ${second}, both signed before either arrives`, () => {
          const world = openWorld()
          start(world, first)
          otherStart(world, second)
          world.sign(first)
          world.sign(second)
          world.settle()
          isRace(world)
        })
      }

      it(`a signed update of the ${first} arrives while the ${second} signs its ${name}`, () => {
        const world = openWorld()
        world.propose(first)
        start(world, second)
        world.sign(first)
        world.settle()
        isRace(world)
      })

      it(`a signed shutdown of the ${first} waits while the ${second} signs its ${name}, and is met by it`, () => {
        const world = openWorld()
        shutdown(world, first)
        start(world, second)
        world.sign(first)
        world.settle()
        expect(world.name(second)).toBe("awaiting_signature")
        expect(conflicts(world.seen(second))).toEqual([])
        world.sign(second)
        world.settle()
        isRace(world)
      })

      it(`a signed shutdown of the ${first} is handled after the ${second} gave up its ${name}`, () => {
        const world = openWorld()
        shutdown(world, first)
        start(world, second)
        world.sign(first)
        world.settle()
        world.decline(second, name === "update" ? "update" : "shutdown_sign", 4)
        expect(world.seen(second).slice(-2)).toEqual(["info shutdown", "sign.shutdown_sign_ack"])
        world.sign(second)
        world.settle()
        expect(world.names()).toBe("mutual_closed mutual_closed")
      })
    }

    it(`a second proposal of the ${first}'s client while it signs the first`, () => {
      const world = openWorld()
      world.propose(first)
      expect(world.propose(first)).toBe("ok")
      world.settle()
      expect(world.seen(first)).toEqual(["ok", "sign.update", "ok", conflict])
      expect(world.seen(second)).toEqual([])
      expect(world.names()).toBe("open open")
      // The late signature of the dropped operation is of no effect.
      world.sign(first)
      expect(world.seen(first)).toEqual(["ok"])
      expect(world.names()).toBe("open open")
    })

    it(`a proposal of the ${first}'s client while it co-signs the peer's`, () => {
      const world = openWorld()
      world.propose(second)
      world.sign(second)
      world.settle()
      expect(world.propose(first)).toBe("ok")
      world.settle()
      isRace(world)
    })

    it(`a proposal of the ${first}'s client while it co-signs the peer's shutdown`, () => {
      const world = openWorld()
      shutdown(world, second)
      world.sign(second)
      world.settle()
      expect(world.propose(first)).toBe("ok")
      world.settle()
      isRace(world)
    })

    it(`a late co-signature of the ${second} still counts after the ${first} gave up`, () => {
      const world = openWorld()
      world.propose(first)
      world.sign(first)
      world.deliver(second)
      world.sign(second, "update_ack")
      // The co-signature is on its way when the starter's time is over.
      world.fire(first)
      world.settle()
      expect(world.rounds()).toEqual([2, 2])
      expect(world.seen(first)).toEqual(["ok", "sign.update", "ok", "conflict 3 timeout @1", "update 2"])
      expect(conflicts(world.seen(second))).toEqual([])
      world.transfer(second)
      expect(world.rounds()).toEqual([3, 3])
    })

    it(`a late co-signature takes the place of the next proposal of the ${first}`, () => {
      const world = openWorld()
      world.propose(first)
      world.sign(first)
      world.deliver(second)
      world.sign(second, "update_ack")
      world.fire(first)
      world.propose(first, 9n)
      world.sign(first)
      world.settle()
      expect(world.rounds()).toEqual([2, 2])
      expect(world.names()).toBe("open open")
      expect(conflicts(world.seen(first))).toEqual(["conflict 3 timeout @1", conflict])
      expect(world.state(first).exposed).toEqual([])
      world.transfer(second)
      expect(world.rounds()).toEqual([3, 3])
    })

    it(`a late co-signature of a shutdown closes the channel after the ${first} gave up`, () => {
      const world = openWorld()
      shutdown(world, first)
      world.sign(first)
      world.deliver(second)
      world.sign(second, "shutdown_sign_ack")
      world.fire(first)
      world.settle()
      expect(world.names()).toBe("mutual_closed mutual_closed")
      expect(world.chain.pool.length).toBe(1)
    })

    it(`a shutdown of the ${first}, given up and made again, is refused by the mempool: both learn of it`, () => {
      const world = openWorld()
      for (const _ of [1, 2]) {
        shutdown(world, first)
        world.sign(first)
        world.deliver(second)
        if (world.name(second) === "awaiting_signature") world.sign(second, "shutdown_sign_ack")
        if (world.name(first) === "mutual_closing" && world.state(first).nextSerial === 2) world.fire(first)
      }
      // The first is co-signed, and the second, the same transaction, is with the peer.
      expect(world.names()).toBe(
        first === "initiator" ? "mutual_closing mutual_closed" : "mutual_closed mutual_closing"
      )
      world.chain.refuses = () => true
      world.clear().settle()
      expect(conflicts(world.seen(first))).toEqual(["conflict 5 rejected on-chain @1"])
      expect(conflicts(world.seen(second))).toEqual(["conflict 5 rejected on-chain @1"])
      expect(world.names()).toBe("open open")
      expect(world.chain.pool).toEqual([])
      for (const role of roles) expect(world.state(role).exposed).toEqual([])
      world.chain.refuses = () => false
      world.transfer(second)
      expect(world.rounds()).toEqual([2, 2])
      shutdown(world, first)
      world.sign(first)
      world.settle()
      world.sign(second, "shutdown_sign_ack")
      world.settle()
      expect(world.names()).toBe("mutual_closed mutual_closed")
      expect(world.chain.pool.length).toBe(1)
    })

    it(`no other body is co-signed at the ${first} while its own may still be`, () => {
      const world = openWorld()
      world.propose(first)
      world.sign(first)
      world.fire(first)
      // The peer has not heard of the first proposal when it makes its own.
      world.propose(second)
      world.sign(second)
      world.deliver(first)
      expect(world.name(first)).toBe("open")
      world.settle()
      expect(world.names()).toBe("open open")
      expect(world.rounds()).toEqual([1, 1])
      world.transfer(first)
      expect(world.rounds()).toEqual([2, 2])
    })
  }

  it("a request that must wait runs when the state changes", () => {
    const world = openWorld()
    world.propose("initiator")
    const callId = world.call("initiator", { _tag: "Shutdown" })
    expect(world.answer("initiator", callId)).toBeUndefined()
    // Signing replies are taken meanwhile.
    world.decline("initiator", "update", 4)
    expect(world.answer("initiator", callId)).toBe("ok")
    expect(world.seen("initiator")).toEqual([
      "ok",
      "sign.update",
      "ok",
      "info aborted_update",
      "ok",
      "sign.shutdown_sign"
    ])
  })

  it("a request that waits is refused when the machine ends", () => {
    const world = openWorld()
    world.propose("initiator")
    const callId = world.call("initiator", { _tag: "Shutdown" })
    world.call("initiator", { _tag: "Stop" })
    expect(world.answer("initiator", callId)).toBe("refused -32603")
    expect(world.seen("initiator").slice(-4)).toEqual(["ok", "refused -32603", "info died", "close"])
    expect(world.ask("initiator", { _tag: "Shutdown" })).toBe("refused -32603")
  })
})
