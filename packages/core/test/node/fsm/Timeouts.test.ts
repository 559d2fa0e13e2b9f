import { describe, expect, it } from "@effect/vitest"
import { defaultTimeouts, type StateName, states } from "../../../src/node/fsm/States.js"
import type { Role, TimerName } from "../../../src/protocol/OpenParameters.js"
import { openWorld, other, roles, World, type WorldOptions } from "./World.js"

/** How to bring one side into a state. The other side is wherever it then is. */
const ways: Partial<Record<StateName, (role: Role, options: WorldOptions) => World>> = {
  awaiting_connect: (_, options) => new World(options).start(),
  awaiting_open: (_, options) => new World(options).start(),
  initialized: (_, options) => new World(options).start().link(),
  accepted: (_, options) => {
    const world = new World(options).start().link()
    world.settle()
    return world
  },
  half_signed: (_, options) => {
    const world = new World(options).start().link()
    world.settle()
    world.sign("initiator")
    return world
  },
  awaiting_locked: (_, options) => {
    const world = new World(options).start().link()
    world.settle()
    world.sign("initiator")
    world.settle()
    world.sign("responder")
    world.settle()
    return world
  },
  signed: (role, options) => {
    const world = ways.awaiting_locked?.(role, options) ?? new World(options)
    world.mine([role])
    return world
  },
  open: (_, options) => openWorld(options),
  awaiting_signature: (role, options) => {
    const world = openWorld(options)
    world.propose(role)
    return world
  },
  awaiting_update_ack: (role, options) => {
    const world = openWorld(options)
    world.propose(role)
    world.sign(role)
    return world
  },
  awaiting_leave_ack: (role, options) => {
    const world = openWorld(options)
    world.call(role, { _tag: "Leave" })
    return world
  },
  mutual_closing: (role, options) => {
    const world = openWorld(options)
    world.call(role, { _tag: "Shutdown" })
    world.sign(role)
    return world
  },
  mutual_closed: (role, options) => {
    const world = openWorld(options)
    world.call(role, { _tag: "Shutdown" })
    world.sign(role)
    world.settle()
    world.sign(other(role))
    world.settle()
    return world
  },
  channel_closing: (_, options) => {
    const world = openWorld(options)
    closeAlone(world)
    return world
  },
  channel_closed: (_, options) => {
    const world = openWorld(options)
    world.call("initiator", { _tag: "Shutdown" })
    world.sign("initiator")
    world.settle()
    world.sign("responder")
    world.settle()
    world.mine([])
    return world
  }
}

/** Somebody closes alone with the latest state. */
const closeAlone = (world: World): void => {
  const { createTx, offChain } = world.state("initiator")
  if (createTx === undefined || offChain.signedTx === undefined) throw new Error("not open")
  const channel = world.channelObject(new Uint8Array(32), {
    round: offChain.round,
    lockedUntil: world.chain.height + 10
  })
  world.chain.channel = channel
  for (const role of roles) {
    world.event(role, { _tag: "ChainSaid", event: { _tag: "ChannelClosing", tx: createTx, channel } })
  }
}

const died = ["info timeout", "info died", "close"]
const bare = (lines: ReadonlyArray<string>) => lines.map((line) => line.replace(" (no channel id)", ""))

/** What a timeout does: what the client sees and where the machine is then. */
interface Outcome {
  readonly seen: ReadonlyArray<string>
  readonly then: string
}
const fatal: Outcome = { seen: died, then: "stopped" }
const ignored = (state: StateName): Outcome => ({ seen: [], then: state })
const recovers: Outcome = { seen: ["conflict 3 timeout @1"], then: "open" }
const silent: Outcome = { seen: ["info died", "close"], then: "stopped" }

/** One row for each state: the initiator's outcome (also that of a responder that does not keep running). */
const outcomes: Partial<Record<StateName, { readonly fatal: Outcome; readonly kept?: Outcome }>> = {
  awaiting_connect: { fatal },
  initialized: { fatal },
  awaiting_open: { fatal, kept: ignored("awaiting_open") },
  accepted: { fatal, kept: ignored("accepted") },
  half_signed: { fatal },
  open: { fatal, kept: ignored("open") },
  awaiting_signature: { fatal: recovers, kept: recovers },
  awaiting_update_ack: { fatal: recovers, kept: recovers },
  awaiting_leave_ack: { fatal, kept: ignored("awaiting_leave_ack") },
  mutual_closing: { fatal: recovers, kept: recovers },
  mutual_closed: { fatal: silent, kept: silent },
  channel_closing: { fatal, kept: ignored("channel_closing") },
  channel_closed: { fatal, kept: ignored("channel_closed") }
}

describe("timeouts", () => {
  for (const [key, { fatal: usual, kept }] of Object.entries(outcomes)) {
    const state = key as StateName
    const possible = roles.filter((role) => states[state].role === "both" || states[state].role === role)
    for (const role of possible) {
      for (const keepRunning of role === "responder" ? [false, true] : [true]) {
        const expected = role === "responder" && keepRunning ? kept : usual
        it(`${state} of the ${role}${role === "responder" ? ` (keep_running ${keepRunning})` : ""}`, () => {
          const world = ways[state]?.(role, { responder: { keepRunning } })
          if (world === undefined || expected === undefined) throw new Error("no way there")
          expect(world.name(role)).toBe(state)
          const { timeouts } = world.state(role).options
          expect(world.sides[role].timer).toBe(timeouts[states[state].timer])
          world.clear()
          world.fire(role)
          expect(bare(world.seen(role))).toEqual(expected.seen)
          expect(world.name(role)).toBe(expected.then)
        })
      }
    }
  }

  for (const state of ["awaiting_locked", "signed"] as const) {
    it(`${state} while the channel opens: the initiator times out`, () => {
      const world = ways[state]?.("initiator", {}) ?? new World()
      expect(world.name("initiator")).toBe(state)
      world.clear()
      world.fire("initiator")
      expect(world.seen("initiator")).toEqual(died)
      world.settle()
      // There is no state to fall back to, keep_running or not.
      expect(world.seen("responder").slice(-3)).toEqual(["info peer_disconnected", "info died", "close"])
    })

    it(`${state} while the channel opens: the responder ends without a word, keep_running or not`, () => {
      const world = ways[state]?.("responder", {}) ?? new World()
      expect(world.name("responder")).toBe(state)
      world.clear()
      world.fire("responder")
      expect(world.seen("responder")).toEqual(["info died", "close"])
      world.settle()
      expect(world.seen("initiator").slice(-2)).toEqual(["info died", "close"])
    })
  }

  it("the create transaction's signature is not ongoing: the initiator ends", () => {
    const world = new World().start().link()
    world.settle()
    expect(world.name("initiator")).toBe("awaiting_signature")
    world.clear()
    world.fire("initiator")
    expect(bare(world.seen("initiator"))).toEqual(died)
    world.settle()
    expect(bare(world.seen("responder"))).toEqual(["info died", "close"])
  })

  it("the responder's signature of the create transaction: keep_running waits", () => {
    const world = ways.half_signed?.("initiator", {}) ?? new World()
    world.settle()
    expect(world.name("responder")).toBe("awaiting_signature")
    world.fire("responder")
    expect(world.name("responder")).toBe("awaiting_signature")
  })

  for (const role of roles) {
    const peer = other(role)
    it(`the ${role} does not co-sign in time: both hear of it`, () => {
      const world = openWorld()
      world.propose(peer)
      world.sign(peer)
      world.settle()
      world.clear()
      world.fire(role)
      world.settle()
      expect(world.seen(role)).toEqual(["conflict 3 timeout @1"])
      expect(world.seen(peer)).toEqual(["conflict 3 timeout @1"])
      expect(world.names()).toBe("open open")
    })

    it(`the ${role} does not co-sign a shutdown in time: both hear of it`, () => {
      const world = openWorld()
      world.call(peer, { _tag: "Shutdown" })
      world.sign(peer)
      world.settle()
      world.clear()
      world.fire(role)
      world.settle()
      expect(world.seen(role)).toEqual(["conflict 3 timeout @1"])
      expect(world.seen(peer)).toEqual(["conflict 3 timeout @1"])
      expect(world.names()).toBe("open open")
    })

    it(`the ${role} gives up waiting for the co-signature: the peer need not sign any more`, () => {
      const world = openWorld()
      world.propose(role)
      world.sign(role)
      world.settle()
      world.clear()
      world.fire(role)
      world.settle()
      expect(world.seen(role)).toEqual(["conflict 3 timeout @1"])
      expect(world.seen(peer)).toEqual(["conflict 3 timeout @1"])
      world.sign(peer, "update_ack")
      world.settle()
      expect(world.rounds()).toEqual([1, 1])
      expect(world.state(role).exposed).toEqual([])
    })

    it(`a shutdown of the ${role} in a closing channel goes back to channel_closing without a report`, () => {
      for (const signs of [false, true]) {
        const world = openWorld()
        closeAlone(world)
        world.call(role, { _tag: "Shutdown" })
        if (signs) {
          world.sign(role)
          world.settle()
          expect(world.name(peer)).toBe("awaiting_signature")
        }
        world.clear()
        world.fire(role)
        expect(world.seen(role)).toEqual([])
        expect(world.name(role)).toBe("channel_closing")
        world.settle()
        expect(world.names()).toBe("channel_closing channel_closing")
      }
    })
  }

  it("any event starts the state's timer again, a ping does not", () => {
    const world = openWorld({ initiator: { timeouts: { idle: 77 } } })
    const side = world.sides.initiator
    side.timer = undefined
    world.call("initiator", { _tag: "Ping" })
    expect(side.timer).toBeUndefined()
    world.call("initiator", { _tag: "GetBalances", accounts: [] })
    expect(side.timer).toBe(77)
    world.propose("initiator")
    expect(side.timer).toBe(500_000)
  })

  it("every timer has its default, and single states their override", () => {
    const world = new World({
      initiator: { timeouts: { accept: 1, initialized: 2 } },
      responder: { timeouts: { idle: 3 } }
    })
    const names: ReadonlyArray<TimerName> = ["funding_create", "funding_sign", "funding_lock", "sign"]
    for (const name of names) {
      expect(world.state("initiator").options.timeouts[name]).toBe({ ...defaultTimeouts }[name as "sign"])
    }
    expect(world.state("initiator").options.timeouts).toMatchObject({
      accept: 1,
      initialized: 2,
      awaiting_open: 600_000
    })
    expect(world.state("responder").options.timeouts).toMatchObject({
      idle: 3,
      awaiting_open: 3,
      initialized: 120_000
    })
  })
})
