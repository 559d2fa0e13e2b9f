/** Machines that end and come back: what the tests of both have in common. */
import { expect } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as ChannelFsm from "../../../src/node/ChannelFsm.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { openWorld, outsider, roles, type World, type WorldOptions } from "./World.js"

export const newId = (role: Role) =>
  Redacted.make(ApiEncoding.encode("ba", new Uint8Array(32).fill(role === "initiator" ? 3 : 4)))

/** A new machine in the place of one that is over, from what was kept of it. */
export const restore = (world: World, role: Role): void => {
  const cached = ChannelFsm.cachedOf(world.state(role))
  if (cached === undefined) throw new Error(`nothing was kept of the ${role}`)
  const side = world.sides[role]
  side.state = ChannelFsm.restored(cached, { fsmId: newId(role), temporaryChannelId: "33".repeat(32) })
  side.inbox.length = 0
  side.watches.length = 0
  side.lastSign = undefined
}

export const comeBack = (world: World, role: Role): void => {
  restore(world, role)
  world.event(role, { _tag: "Started" })
}

/** As the shell does it: the initiator speaks on its link, then the responder hears that there is one. */
export const connect = (world: World): void => {
  world.event("initiator", { _tag: "LinkUp" })
  world.event("responder", { _tag: "LinkUp" })
}

export const meet = (world: World): void => {
  connect(world)
  world.settle()
}

/** An open channel in round 2. */
export const advanced = (options: WorldOptions = {}): World => {
  const world = openWorld(options)
  world.transfer("initiator")
  return world.clear()
}

export const leave = (world: World, role: Role): void => {
  world.call(role, { _tag: "Leave" })
  world.settle()
}

/** Both machines are over. */
export const bothLeft = (): World => {
  const world = advanced({ responder: { keepRunning: false } })
  leave(world, "initiator")
  expect(world.names()).toBe("stopped stopped")
  return world.clear()
}

/** The initiator is gone, the responder stayed. */
export const stayed = (): World => {
  const world = advanced()
  leave(world, "initiator")
  expect(world.names()).toBe("stopped open")
  return world.clear()
}

export const goesOn = (world: World): void => {
  const [round = 0] = world.rounds()
  for (const role of roles) world.transfer(role)
  expect(world.rounds()).toEqual([round + 2, round + 2])
}

export const closeAlone = (world: World, round: number): void => {
  const { channel } = world.chain
  if (channel === undefined) throw new Error("no channel")
  world.chain.channel = { ...channel, round, lockedUntil: 200 }
  const close = SignedTx.unsigned({
    _tag: "ChannelCloseSoloTx",
    version: 1,
    channelId: world.channelId(),
    fromId: outsider.address,
    payload: new Uint8Array(0),
    poi: new Uint8Array(0),
    ttl: 0,
    fee: 1n,
    nonce: 1n
  })
  world.chain.mined.push(close)
}
