/** Progress is forced, and more happens in the same block: machines are told of its newest transaction only. */
import { describe, expect, it } from "@effect/vitest"
import type * as SignedTx from "../../../src/chain/SignedTx.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { Request } from "../../../src/protocol/Request.js"
import * as Meter from "./Meter.js"
import { openWorld, other, roles, type World } from "./World.js"

/** What the party signs alone, and no block has taken yet. */
const alone = (world: World, role: Role, request: Request): SignedTx.SignedTx => {
  expect(world.ask(role, request)).toBe("ok")
  world.sign(role)
  const [signedTx] = world.chain.pool.splice(0)
  if (signedTx === undefined) throw new Error("nothing was given to the chain")
  return signedTx
}

/** All are in a block, and the machines look at the chain after that. */
const inOneBlock = (world: World, ...txs: ReadonlyArray<SignedTx.SignedTx>): void => {
  const tell = world.tellOfChain.bind(world)
  world.tellOfChain = () => undefined
  world.chain.pool.push(...txs)
  world.mine([])
  world.tellOfChain = tell
  const newest = txs.at(-1)
  if (newest !== undefined) for (const role of roles) tell(role, newest)
  world.settle()
}

const closeSolo: Request = { _tag: "CloseSolo" }

describe.each(roles)("a call forced by the %s, and something else in the same block", (role) => {
  it.each([false, true])("a close: both are told; a withdrawal waits that no block takes: %s", (waits) => {
    const world = openWorld()
    const id = Meter.create(world, "initiator")
    const close = alone(world, other(role), closeSolo)
    const call = alone(world, role, Meter.forced(id, "add", [5n]))
    if (waits) world.moveUntilLocked(role, "withdraw")
    world.chain.pool.splice(0)
    world.clear()
    inOneBlock(world, close, call)
    for (const each of roles)
      expect(world.seen(each)).toEqual([
        "on_chain_tx solo_closing",
        "on_chain_tx consumed_forced_progress",
        "info closing"
      ])
    expect(world.names()).toBe("channel_closing channel_closing")
    expect(world.rounds()).toEqual([3, 3])
    expect(world.ask(role, { _tag: "Settle" })).toBe("ok")
  })

  it.each([
    ["another call upon it", "on_chain_tx consumed_forced_progress", 4],
    ["a close", "on_chain_tx solo_closing", 3]
  ] as const)(
    "what is not told because %s came after it is taken over all the same",
    (what, report, round) => {
      const begin = () => {
        const world = openWorld()
        const id = Meter.create(world, "initiator")
        return { world, id, call: alone(world, role, Meter.forced(id, "add", [5n])) }
      }
      const { call, world } = begin()
      // What comes after it is what is signed where both have seen it.
      const before = begin()
      inOneBlock(before.world, before.call)
      const next = what === "a close" ? closeSolo : Meter.forced(before.id, "add", [6n])
      const after = alone(before.world, other(role), next)
      world.clear()
      inOneBlock(world, call, after)
      for (const each of roles)
        expect(world.seen(each).slice(0, 2)).toEqual(["on_chain_tx consumed_forced_progress", report])
      expect(world.rounds()).toEqual([round, round])
    }
  )

  it("a close that takes its place, and another call: that one counts", () => {
    const world = openWorld()
    const id = Meter.create(world, "initiator")
    const [replaced, close, last] = [
      alone(world, role, Meter.forced(id, "add", [5n])),
      alone(world, other(role), closeSolo),
      alone(world, other(role), Meter.forced(id, "add", [6n]))
    ]
    inOneBlock(world, replaced, close, last)
    for (const each of roles) expect(world.state(each).offChain).toMatchObject({ round: 3, signedTx: last })
  })

  it("forced in vain, and closed with an older state: that is told", () => {
    const world = openWorld()
    const id = Meter.create(world, "initiator")
    const close = alone(world, other(role), closeSolo)
    world.transfer(role)
    const call = alone(world, role, Meter.forced(id, "add", [5n]))
    world.clear()
    // The chain finds that it leads elsewhere.
    world.runsInVain = true
    inOneBlock(world, close, call)
    for (const each of roles) expect(world.seen(each)).toEqual(["on_chain_tx can_slash", "info closing"])
    expect(world.rounds()).toEqual([3, 3])
    expect(world.ask(role, { _tag: "Slash" })).toBe("ok")
  })
})
