/** One party closes alone, and a call is forced, in the same block: machines are told of the newest transaction only. */
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

/** Both are in a block, and the machines look at the chain after that. */
const inOneBlock = (
  world: World,
  close: SignedTx.SignedTx,
  call: SignedTx.SignedTx,
  isInVain: boolean
): void => {
  const { chain } = world
  const tell = world.tellOfChain.bind(world)
  world.tellOfChain = () => undefined
  chain.pool.push(close)
  world.mine([])
  const closing = chain.channel
  chain.pool.push(call)
  world.mine([])
  if (isInVain) chain.channel = closing
  world.tellOfChain = tell
  for (const role of roles) tell(role, call)
  world.settle()
}

const closeSolo: Request = { _tag: "CloseSolo" }

describe.each(roles)("a close, and a call forced by the %s, in one block", (role) => {
  it.each([false, true])("both are told; a withdrawal waits that no block takes: %s", (waits) => {
    const world = openWorld()
    const id = Meter.create(world, "initiator")
    const close = alone(world, other(role), closeSolo)
    const call = alone(world, role, Meter.forced(id, "add", [5n]))
    if (waits) world.moveUntilLocked(role, "withdraw")
    world.chain.pool.splice(0)
    world.clear()
    inOneBlock(world, close, call, false)
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

  it("forced in vain, and closed with an older state: that is told", () => {
    const world = openWorld()
    const id = Meter.create(world, "initiator")
    const close = alone(world, other(role), closeSolo)
    world.transfer(role)
    const call = alone(world, role, Meter.forced(id, "add", [5n]))
    world.clear()
    inOneBlock(world, close, call, true)
    for (const each of roles) expect(world.seen(each)).toEqual(["on_chain_tx can_slash", "info closing"])
    expect(world.rounds()).toEqual([3, 3])
    expect(world.ask(role, { _tag: "Slash" })).toBe("ok")
  })
})
