import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Bytes from "../../../src/encoding/Bytes.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import { openWorld, other, reserve, roles, total, World } from "./World.js"

type Action =
  | { readonly kind: "propose"; readonly role: Role; readonly from: Role; readonly amount: bigint }
  | { readonly kind: "decline"; readonly role: Role; readonly code: number }
  | {
      readonly kind: "move"
      readonly role: Role
      readonly operation: "deposit" | "withdraw"
      readonly amount: bigint
    }
  | {
      readonly kind:
        | "sign"
        | "badSign"
        | "deliver"
        | "fire"
        | "shutdown"
        | "leave"
        | "stop"
        | "message"
        | "query"
        | "gone"
        | "back"
        | "mine"
        | "confirm"
        | "reach"
        | "refuse"
      readonly role: Role
    }

const role = FastCheck.constantFrom<Role>("initiator", "responder")
const simple = (kind: Exclude<Action["kind"], "propose" | "decline" | "move">) =>
  FastCheck.record({ kind: FastCheck.constant(kind), role })

const action = (endings: boolean): FastCheck.Arbitrary<Action> =>
  FastCheck.oneof(
    {
      weight: 6,
      arbitrary: FastCheck.record({
        kind: FastCheck.constant("propose" as const),
        role,
        from: role,
        amount: FastCheck.oneof(FastCheck.bigInt(0n, 1_000n), FastCheck.constant(total))
      })
    },
    { weight: 8, arbitrary: simple("sign") },
    { weight: 12, arbitrary: simple("deliver") },
    { weight: 3, arbitrary: simple("fire") },
    { weight: 1, arbitrary: simple("badSign") },
    {
      weight: 1,
      arbitrary: FastCheck.record({
        kind: FastCheck.constant("decline" as const),
        role,
        code: FastCheck.constantFrom(1, 2, 3, 4, 42, 128, 65_535)
      })
    },
    {
      weight: 4,
      arbitrary: FastCheck.record({
        kind: FastCheck.constant("move" as const),
        role,
        operation: FastCheck.constantFrom("deposit" as const, "withdraw" as const),
        amount: FastCheck.oneof(FastCheck.bigInt(1n, 1_000n), FastCheck.constant(total))
      })
    },
    { weight: 2, arbitrary: simple("confirm") },
    { weight: 4, arbitrary: simple("reach") },
    { weight: 1, arbitrary: simple("refuse") },
    { weight: 1, arbitrary: simple("shutdown") },
    { weight: 1, arbitrary: simple("message") },
    { weight: 1, arbitrary: simple("query") },
    { weight: 1, arbitrary: simple("gone") },
    { weight: 1, arbitrary: simple("back") },
    ...(endings
      ? [
          { weight: 1, arbitrary: simple("leave") },
          { weight: 1, arbitrary: simple("stop") },
          { weight: 1, arbitrary: simple("mine") }
        ]
      : [])
  )

const refusesAll = (): boolean => true

const perform = (world: World, each: Action): void => {
  const { role } = each
  const state = world.state(role)
  const asked = world.sides[role].lastSign
  switch (each.kind) {
    case "propose":
      world.propose(role, each.amount, each.from)
      return
    case "move":
      world.move(role, each.operation, each.amount)
      return
    case "confirm":
      world.mineMoves()
      return
    case "reach":
      world.reach(role)
      return
    case "refuse": {
      const { refuses } = world.chain
      const now = refuses === refusesAll ? () => false : refusesAll
      world.chain.refuses = now
      return
    }
    case "sign":
      // Also answers what is no longer asked: late and repeated signatures are part of life.
      if (asked !== undefined && state.clientConnected) world.sign(role)
      return
    case "badSign":
      if (asked !== undefined) {
        world.reply(role, asked.tag, SignedTx.addSignature(asked.signedTx, new Uint8Array(64).fill(7)))
      }
      return
    case "decline":
      if (asked !== undefined) world.decline(role, asked.tag, each.code)
      return
    case "deliver":
      world.deliver(role)
      return
    case "fire":
      // An idle initiator that hears nothing for so long ends: no matter for this test.
      if (state.name !== "open" && state.name !== "mutual_closed" && !state.isStopped) world.fire(role)
      return
    case "shutdown":
      world.call(role, { _tag: "Shutdown" })
      return
    case "leave":
      world.call(role, { _tag: "Leave" })
      return
    case "stop":
      world.call(role, { _tag: "Stop" })
      return
    case "message":
      world.call(role, { _tag: "SendMessage", to: world.state(other(role)).options.ownAddress, info: "x" })
      return
    case "query":
      world.call(role, { _tag: "GetOffChainState" })
      return
    case "gone":
      if (!state.isStopped) world.event(role, { _tag: "ClientGone" })
      return
    case "back":
      if (!state.isStopped && !state.clientConnected) world.event(role, { _tag: "ClientAttached" })
      return
    case "mine":
      world.mine([])
      for (const each of roles) world.reach(each)
  }
}

/** Lets both sides come to rest: everything is delivered, nobody signs any more, timers run out. */
const rest = (world: World): void => {
  const idle = new Set(["open", "mutual_closed", "stopped"])
  world.chain.refuses = () => false
  for (let turn = 0; turn < 50; turn++) {
    world.settle()
    world.mineMoves()
    for (const each of roles) world.reach(each)
    world.settle()
    const waiting = roles.filter((each) => !idle.has(world.name(each)))
    if (waiting.length === 0) return
    for (const each of waiting) if (!idle.has(world.name(each))) world.fire(each)
  }
  throw new Error(`no rest: ${world.names()}`)
}

/** What a state adds to the channel's total. */
const movedBy = (world: World, signedTx: SignedTx.SignedTx | undefined): bigint => {
  const tx = signedTx?.tx
  if (signedTx === undefined || (tx?._tag !== "ChannelDepositTx" && tx?._tag !== "ChannelWithdrawTx"))
    return 0n
  expect(world.chain.known.get(SignedTx.hash(signedTx))).toMatchObject({ height: expect.any(Number) })
  return tx._tag === "ChannelDepositTx" ? tx.amount : -tx.amount
}

/** Checks what must hold after every event, and remembers every co-signed body. */
const watcher = (world: World) => {
  const bodies = new Map<number, Uint8Array>()
  const rounds: Record<Role, number> = { initiator: 1, responder: 1 }
  const totals: Record<Role, bigint> = { initiator: total, responder: total }
  return () => {
    for (const each of roles) {
      const { offChain } = world.state(each)
      const held = roles.map((of) => world.balance(each, of))
      // I5: rounds go up by one.
      expect([rounds[each], rounds[each] + 1]).toContain(offChain.round)
      // I3: only what is in a block changes the total, by exactly what it moves.
      if (rounds[each] !== offChain.round) totals[each] += movedBy(world, offChain.signedTx)
      rounds[each] = offChain.round
      // I1: nothing is made or lost, and the payer keeps the reserve.
      expect(held.reduce((sum, amount) => sum + amount, 0n)).toBe(totals[each])
      for (const amount of held) expect(amount >= reserve).toBe(true)
      // I4a: one co-signed body for a round, on whichever side.
      const { signedTx } = offChain
      if (signedTx === undefined) continue
      const known = bodies.get(offChain.round)
      if (known === undefined) bodies.set(offChain.round, signedTx.txBytes)
      else expect(Bytes.equals(known, signedTx.txBytes)).toBe(true)
    }
  }
}

const unanswered = (world: World): ReadonlyArray<string> =>
  roles.flatMap((each) => {
    const { answers, calls } = world.sides[each]
    return Array.from({ length: calls }, (_, index) => index + 1)
      .filter((callId) => !answers.has(callId))
      .map((callId) => `${each} ${callId}`)
  })

const runs = 400

describe("random interleavings", () => {
  it.prop(
    `I1, I3, I4a, I5, I12, I13: proposals, deposits, withdrawals, shutdowns, timeouts, declines (${runs} runs of 40 steps)`,
    [FastCheck.array(action(false), { minLength: 40, maxLength: 40 })],
    ([actions]) => {
      const world = openWorld()
      const check = watcher(world)
      for (const each of actions) {
        perform(world, each)
        check()
      }
      rest(world)
      check()
      // I12: both hold the same last co-signed round, or both close.
      const [a, b] = [world.state("initiator"), world.state("responder")]
      expect([a.isStopped, b.isStopped]).toEqual([false, false])
      expect(a.offChain.round).toBe(b.offChain.round)
      expect(SignedTx.hash(a.offChain.signedTx ?? SignedTx.unsigned(absurd()))).toBe(
        SignedTx.hash(b.offChain.signedTx ?? SignedTx.unsigned(absurd()))
      )
      for (const { name } of [a, b]) expect(["open", "mutual_closed"]).toContain(name)
      // A close that the starter's mempool refused may wait in the acknowledger's.
      const closes = a.name === "mutual_closed" || b.name === "mutual_closed"
      expect(world.chain.pool.length).toBe(closes ? 1 : 0)
      expect([a.exposed.length, b.exposed.length]).toEqual([0, 0])
      // I13: nobody waits for an answer.
      expect(unanswered(world)).toEqual([])
      // I20: the channel is still of use.
      if (closes) {
        world.mine()
        expect(world.names()).toBe("stopped stopped")
      } else {
        for (const each of roles) {
          if (!world.state(each).clientConnected) world.event(each, { _tag: "ClientAttached" })
        }
        const before = a.offChain.round
        world.transfer("initiator", 0n)
        expect(world.rounds()).toEqual([before + 1, before + 1])
      }
    },
    { fastCheck: { numRuns: runs } }
  )

  it.prop(
    `I1, I3, I4a, I5, I13: the same with sessions that end in the middle (${runs} runs of 40 steps)`,
    [FastCheck.array(action(true), { minLength: 40, maxLength: 40 }), FastCheck.boolean()],
    ([actions, keepRunning]) => {
      const world = openWorld({ responder: { keepRunning } })
      const check = watcher(world)
      for (const each of actions) {
        perform(world, each)
        check()
      }
      for (const each of roles) if (!world.state(each).isStopped) world.call(each, { _tag: "Stop" })
      world.settle()
      check()
      expect(world.names()).toBe("stopped stopped")
      expect(unanswered(world)).toEqual([])
      for (const each of roles) {
        expect(world.sides[each].log.filter((line) => line === "close").length).toBe(1)
        expect(world.sides[each].log.filter((line) => line.startsWith("info died")).length).toBeLessThan(2)
      }
    },
    { fastCheck: { numRuns: runs } }
  )
})

const absurd = (): never => {
  throw new Error("an open channel has a co-signed state")
}
