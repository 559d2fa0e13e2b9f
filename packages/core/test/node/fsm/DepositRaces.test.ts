import { describe, expect, it } from "@effect/vitest"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { openWorld, other, roles, type World } from "./World.js"

const conflict = "conflict 2 conflict @1"
const conflicts = (lines: ReadonlyArray<string>) => lines.filter((line) => line.startsWith("conflict"))

const starts = {
  update: { ask: (world: World, role: Role) => void world.propose(role), tag: "update" },
  deposit: { ask: (world: World, role: Role) => void world.move(role, "deposit"), tag: "deposit_tx" },
  withdraw: { ask: (world: World, role: Role) => void world.move(role, "withdraw"), tag: "withdraw_tx" },
  shutdown: {
    ask: (world: World, role: Role) => void world.call(role, { _tag: "Shutdown" }),
    tag: "shutdown_sign"
  }
} as const
type Kind = keyof typeof starts
const kinds = Object.keys(starts) as ReadonlyArray<Kind>
const moves = (kind: Kind): boolean => kind === "deposit" || kind === "withdraw"

/** Every pair of operations in which coins are moved on chain, and who starts first. */
const pairs = kinds.flatMap((first) =>
  kinds.flatMap((second) =>
    moves(first) || moves(second) ? roles.map((role) => [first, second, role] as const) : []
  )
)

/** Both idle at round 1, and each can still do everything. */
const isOver = (world: World): void => {
  expect(world.names()).toBe("open open")
  expect(world.rounds()).toEqual([1, 1])
  expect(world.chain.pool).toEqual([])
  for (const role of roles) expect(world.state(role).exposed).toEqual([])
  world.moveUntilLocked("responder", "deposit", 7n)
  world.mine()
  world.settle()
  world.transfer("initiator")
  expect(world.rounds()).toEqual([3, 3])
}
/** One conflict for each. */
const isRace = (world: World): void => {
  for (const role of roles) expect(conflicts(world.seen(role))).toEqual([conflict])
  isOver(world)
}

describe.each(pairs)("%s and %s, the %s first", (first, second, role) => {
  const peer = other(role)

  it("both signed before either arrives", () => {
    const world = openWorld()
    starts[first].ask(world, role)
    starts[second].ask(world, peer)
    world.sign(role)
    world.sign(peer)
    world.settle()
    isRace(world)
  })

  it("the second is being signed when the first arrives", () => {
    const world = openWorld()
    starts[first].ask(world, role)
    starts[second].ask(world, peer)
    world.sign(role)
    world.settle()
    if (first === "shutdown") {
      // It waits, and is met by the second or, after that is given up, answered.
      expect(world.name(peer)).toBe("awaiting_signature")
      const given = openWorld()
      starts[first].ask(given, role)
      starts[second].ask(given, peer)
      given.sign(role)
      given.settle()
      given.decline(peer, starts[second].tag, 4)
      given.sign(peer, "shutdown_sign_ack")
      given.settle()
      expect(given.names()).toBe("mutual_closed mutual_closed")
      world.sign(peer)
      world.settle()
    }
    isRace(world)
    // The late signature of what was dropped is of no effect.
  })

  it("the second is asked for while the first is co-signed", () => {
    const world = openWorld()
    starts[first].ask(world, role)
    world.sign(role)
    world.settle()
    starts[second].ask(world, peer)
    world.settle()
    if (second === "shutdown") {
      // A shutdown waits until the state changes.
      expect(world.name(peer)).toBe("awaiting_signature")
      world.sign(peer, first === "shutdown" ? "shutdown_sign_ack" : `${first}_ack`)
      world.settle()
      expect(world.name(role)).toBe(moves(first) ? "awaiting_locked" : world.name(role))
      return
    }
    isRace(world)
  })

  it("the second is asked for by the same client while it signs the first", () => {
    const world = openWorld()
    starts[first].ask(world, role)
    starts[second].ask(world, role)
    world.settle()
    if (second === "shutdown") {
      expect(world.name(role)).toBe("awaiting_signature")
      world.decline(role, starts[first].tag, 4)
      expect(world.sides[role].lastSign?.tag).toBe("shutdown_sign")
      world.decline(role, "shutdown_sign", 4)
      return isOver(world)
    }
    expect(world.seen(role).at(-1)).toBe(conflict)
    expect(world.seen(peer)).toEqual([])
    isOver(world)
  })

  it("the second arrives while the first is refused, taken back or out of time", () => {
    for (const end of ["declined", "timeout"] as const) {
      const world = openWorld()
      starts[first].ask(world, role)
      world.sign(role)
      world.settle()
      if (end === "declined")
        world.decline(peer, first === "shutdown" ? "shutdown_sign_ack" : `${first}_ack`, 42)
      else world.fire(role)
      // On its way while the peer does not know yet that the first is over.
      starts[second].ask(world, peer)
      if (world.sides[peer].lastSign?.tag === starts[second].tag) world.sign(peer)
      world.settle()
      const asked = world.sides[role].lastSign?.tag
      if (world.name(role) === "awaiting_signature" && asked !== undefined) {
        world.decline(role, asked, 4)
        world.settle()
      }
      if (world.name(peer) === "awaiting_signature") {
        world.fire(peer)
        world.settle()
      }
      isOver(world)
    }
  })

  it("a proposal meets a co-signed first", () => {
    if (!moves(first)) return
    const world = openWorld()
    starts[first].ask(world, role)
    world.sign(role)
    world.settle()
    world.sign(peer)
    // The starter has given up before the co-signature arrives, and proposes again.
    world.fire(role)
    starts[second].ask(world, role)
    world.sign(role)
    world.settle()
    expect(world.names()).toBe("awaiting_locked awaiting_locked")
    world.mine()
    world.settle()
    expect(world.names()).toBe("open open")
    expect(world.rounds()).toEqual([2, 2])
    for (const each of roles) expect(world.state(each).exposed).toEqual([])
  })
})

describe("requests that wait for the chain", () => {
  for (const role of roles) {
    it(`of the ${role} run when the state changes`, () => {
      const world = openWorld()
      world.moveUntilLocked(role, "deposit")
      const waiting = world.call(role, world.transferRequest(1n, role))
      expect(world.answer(role, waiting)).toBeUndefined()
      world.mine([role])
      // The state after the own depth is no place for a request.
      expect(world.answer(role, waiting)).toBe("refused -32603")
      world.settle()
      world.deepen(other(role))
      world.settle()
      expect(world.rounds()).toEqual([2, 2])
    })
  }
})

describe("two in a row", () => {
  for (const role of roles) {
    it(`deposit and withdrawal of the ${role}: the coins are back`, () => {
      const world = openWorld()
      const before = roles.map((each) => world.balance(each, role))
      for (const operation of ["deposit", "withdraw"] as const) {
        world.moveUntilLocked(role, operation, 99n)
        world.mine()
        world.settle()
      }
      expect(world.rounds()).toEqual([3, 3])
      expect(roles.map((each) => world.balance(each, role))).toEqual(before)
    })
  }
})

describe("a co-signature that comes while somebody closes alone", () => {
  it("of a deposit is passed over: a closing channel takes none", () => {
    const world = openWorld()
    world.transfer("initiator")
    world.ask("initiator", { _tag: "CloseSolo" })
    world.sign("initiator", "close_solo_sign")
    world.move("initiator", "deposit")
    world.sign("initiator")
    world.settle()
    world.sign("responder")
    // The close is in a block before the co-signature arrives.
    world.mine([])
    world.settle()
    expect(world.names()).toBe("channel_closing channel_closing")
    expect(world.chain.pool).toEqual([])
    expect(world.rounds()).toEqual([2, 2])
  })
})

describe.each(roles)("the %s gives up what is co-signed, and makes the same again", (role) => {
  const peer = other(role)

  it.each(["deposit", "withdraw"] as const)(
    "a %s that the mempool refuses then: both learn of it",
    (kind) => {
      const world = openWorld()
      world.move(role, kind)
      world.sign(role)
      world.deliver(peer)
      world.sign(peer)
      expect(world.name(peer)).toBe("awaiting_locked")
      world.fire(role)
      world.move(role, kind)
      world.sign(role)
      world.chain.refuses = () => true
      world.clear().settle()
      expect(conflicts(world.seen(role))).toEqual(["conflict 5 rejected on-chain @1"])
      expect(conflicts(world.seen(peer))).toEqual(["conflict 5 rejected on-chain @1"])
      world.chain.refuses = () => false
      isOver(world)
    }
  )
})
