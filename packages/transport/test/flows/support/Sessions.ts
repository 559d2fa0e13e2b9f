/** Opening, leaving, coming back, and what else passes on the sockets of two parties next to their operations. */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import type { Channel } from "@aechannel/core/client/Channel"
import type { ChannelError, FlowError } from "@aechannel/core/client/ChannelEvent"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import type { SignTag } from "@aechannel/core/protocol/SignTag"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { expect } from "vitest"
import { returnQuery } from "../../../../core/test/support/OpenedChannel.js"
import * as RawClient from "../../../../core/test/support/RawClient.js"
import * as TestCrypto from "../../../../core/test/support/TestCrypto.js"
import { compare } from "./Case.js"
import { frames, type Sockets } from "./Flows.js"
import { FrameLog } from "../../../../core/test/support/FrameLog.js"
import { clear, coin, keyOf, networkId, other, pay, quiet } from "./World.js"
import * as World from "./World.js"

type Part = (world: World.World, starter: Role) => Effect.Effect<unknown, ChannelError, Scope.Scope>

/** What happens, and what both sockets show of it. */
interface Step {
  readonly does: Part
  readonly shows: (starter: Role) => Sockets
}

interface Session {
  readonly world?: World.WorldOptions
  readonly prepare?: Part
  readonly steps: ReadonlyArray<Step>
}

const same = (starter: string, peer: string) => (): Sockets => ({
  starter: frames(starter),
  peer: frames(peer)
})

const byRole =
  (ofInitiator: Sockets, ofResponder: Sockets) =>
  (starter: Role): Sockets =>
    starter === "initiator" ? ofInitiator : ofResponder

const channelOf = (world: World.World, role: Role): Channel => world.sides[role].channel

const reestablished = "info channel_reestablished; info open; update"

/** A party that left comes back on a new socket, which has no library behind it. */
const returnRaw = (world: World.World, role: Role, fsmId: string, log: FrameLog) =>
  RawClient.connect(
    returnQuery(role, world.first.channelId, fsmId),
    keyOf(role),
    TestCrypto.native,
    networkId
  ).pipe(
    Effect.provide(world.transport(log)),
    Effect.tap((client) => Effect.forkScoped(client.end))
  )

const fsmIdOf = (world: World.World, role: Role): Effect.Effect<string> =>
  Effect.map(channelOf(world, role).fsmId, (fsmId) => (fsmId === undefined ? "" : Redacted.value(fsmId)))

/** Everybody whose session is over comes back, the responder first; from then on the logs are of the new sockets. */
const comeBackRaw: Part = (world) =>
  Effect.forEach(["responder", "initiator"] as const, (role) =>
    Effect.gen(function* () {
      const side = world.sides[role]
      if ((yield* side.channel.status.get).end === undefined) return
      const log = new FrameLog()
      yield* returnRaw(world, role, yield* fsmIdOf(world, role), log)
      world.sides[role] = { ...side, log }
    })
  )

/** The same with the library: what it asks by itself, and calls off to be sure, is not of interest. */
const comeBack: Part = (world) =>
  Effect.gen(function* () {
    const ended = yield* Effect.filter(World.roles, (role) =>
      Effect.map(channelOf(world, role).status.get, ({ end }) => end !== undefined)
    )
    const back = yield* Effect.forEach(ended, (role) => world.comeBack(role), { concurrency: 2 })
    for (const side of back) world.sides[side.role] = side
    yield* quiet(world)
    for (const { log } of back)
      log.lines = log.lines.filter((line) => !/^(>|result|ok|error 3 1018)/.test(line))
  })

const leaves: Step["does"] = (world, starter) =>
  Effect.gen(function* () {
    yield* channelOf(world, starter).leave
    yield* world.sides[starter].log.reaches("close 1000")
  })

const left = "> leave; ok; leave; info died; close 1000"
const leaveBy = byRole(
  { starter: frames(left), peer: frames("leave; info peer_disconnected") },
  { starter: frames(left), peer: frames("leave; info died; close 1000") }
)
const backFrom = byRole(
  { starter: frames(`info fsm_up; ${reestablished}`), peer: frames(reestablished) },
  { starter: frames(`info fsm_up; ${reestablished}`), peer: frames(`info fsm_up; ${reestablished}`) }
)
const backBoth = same(`info fsm_up; ${reestablished}`, `info fsm_up; ${reestablished}`)

/** A transfer that goes on with the round before. */
const transfers: Step = {
  does: (world, starter) => pay(world, starter),
  shows: same(
    "> update.new; ok; sign.update; > update; ok; update",
    "info update; sign.update_ack; > update_ack; ok; update"
  )
}

const depositUpToBlock = (kind: string) =>
  same(
    `> deposit; ok; sign.deposit_tx; > deposit_tx; ok; on_chain_tx deposit_signed channel_${kind}; on_chain_tx channel_changed channel_${kind}`,
    `info deposit_created; sign.deposit_ack; > deposit_ack; ok; on_chain_tx deposit_created channel_${kind}; on_chain_tx channel_changed channel_${kind}`
  )

/** The signed transaction that the chain was given last. */
const assumes =
  (by: (starter: Role) => Role): Part =>
  (world, starter) =>
    Effect.gen(function* () {
      const { log } = world.sides[by(starter)]
      const [seen] = log.seen("on_chain_tx channel_changed", "on_chain_tx channel_closed")
      const tx = RawClient.at(seen ?? null, "params", "data", "tx")
      if (typeof tx !== "string") throw new Error("nothing is on chain")
      yield* channelOf(world, by(starter)).assumeMinimumDepth(SignedTx.hash(SignedTx.fromTextOrThrow(tx)))
    })

/** Both propose, and nobody signs before both are asked. The starter signs first. */
const meet =
  (
    own: (channel: Channel) => Effect.Effect<unknown, FlowError>,
    ownTag: SignTag,
    peers: (channel: Channel) => Effect.Effect<unknown, FlowError>,
    peersTag: SignTag
  ): Part =>
  (world, starter) =>
    Effect.gen(function* () {
      const [left, right] = [world.sides[starter], world.sides[other(starter)]]
      const [leftMay, rightMay] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      left.holds.set(ownTag, leftMay)
      right.holds.set(peersTag, rightMay)
      const fibers = [
        yield* Effect.fork(Effect.flip(own(left.channel))),
        yield* Effect.fork(Effect.flip(peers(right.channel)))
      ]
      yield* left.log.reaches(`sign.${ownTag}`)
      yield* right.log.reaches(`sign.${peersTag}`)
      yield* Deferred.succeed(leftMay, undefined)
      for (const fiber of fibers)
        expect(yield* Effect.orDie(Fiber.join(fiber))).toMatchObject({ _tag: "ConflictError", code: 2 })
      left.holds.clear()
      right.holds.clear()
    })

export const sessions: Readonly<Record<string, Session>> = {
  "open, and a message": {
    steps: [
      {
        does: () => Effect.void,
        shows: (starter) => {
          const initiator = frames(
            "info fsm_up; info channel_accept; sign.initiator_sign; > initiator_sign; ok; info funding_signed; on_chain_tx funding_signed channel_create_tx; on_chain_tx channel_changed channel_create_tx; info own_funding_locked; info funding_locked; info open; update"
          )
          const responder = frames(
            "info fsm_up; info channel_open; info funding_created; sign.responder_sign; > responder_sign; ok; on_chain_tx funding_created channel_create_tx; on_chain_tx channel_changed channel_create_tx; info own_funding_locked; info funding_locked; info open; update"
          )
          return starter === "initiator"
            ? { starter: initiator, peer: responder }
            : { starter: responder, peer: initiator }
        }
      },
      {
        does: (world, starter) => channelOf(world, starter).sendMessage("hello"),
        shows: same("> message; ok", "message")
      }
    ]
  },
  "leave, and return": {
    steps: [
      { does: leaves, shows: leaveBy },
      { does: comeBackRaw, shows: backFrom }
    ]
  },
  "leave a responder that does not keep running, and return": {
    world: { changes: { keepRunning: false } },
    steps: [
      { does: leaves, shows: same(left, "leave; info died; close 1000") },
      { does: comeBackRaw, shows: backBoth }
    ]
  },
  "leave, return and go on, with the library on both sides": {
    prepare: (world) => pay(world, "responder"),
    steps: [
      { does: leaves, shows: leaveBy },
      { does: comeBack, shows: backFrom },
      transfers,
      { does: leaves, shows: leaveBy },
      { does: comeBack, shows: backFrom },
      transfers
    ]
  },
  "a lost socket, and another": {
    steps: [
      { does: (world, starter) => world.sides[starter].close, shows: same("", "") },
      { does: comeBackRaw, shows: same("info fsm_up", "") }
    ]
  },
  "a lost socket, and the library's return": {
    steps: [
      { does: (world, starter) => world.sides[starter].close, shows: same("", "") },
      { does: comeBack, shows: same("info fsm_up", "") },
      transfers
    ]
  },
  "assumed minimum depth": {
    world: { mining: { keyBlocksAfter: 0 } },
    steps: [
      {
        does: (world, starter) =>
          Effect.gen(function* () {
            yield* Effect.forkScoped(channelOf(world, starter).deposit({ amount: coin }))
            for (const role of World.roles)
              yield* world.sides[role].log.reaches("on_chain_tx channel_changed channel_deposit_tx")
          }),
        shows: depositUpToBlock("deposit_tx")
      },
      {
        does: assumes((starter) => starter),
        shows: same("> assume_minimum_depth; ok; info own_deposit_locked", "")
      },
      {
        does: assumes(other),
        shows: same(
          "info deposit_locked; update",
          "> assume_minimum_depth; ok; info own_deposit_locked; info deposit_locked; update"
        )
      },
      {
        does: (world) => world.node.mine(10),
        shows: same("info minimum_depth_achieved", "info minimum_depth_achieved")
      },
      transfers
    ]
  },
  "assumed minimum depth of the closing": {
    world: { mining: { keyBlocksAfter: 0 } },
    steps: [
      {
        does: (world, starter) =>
          Effect.gen(function* () {
            yield* Effect.forkScoped(channelOf(world, starter).shutdown())
            for (const role of World.roles)
              yield* world.sides[role].log.reaches("on_chain_tx channel_closed channel_close_mutual_tx")
          }),
        shows: same(
          "> shutdown; ok; sign.shutdown_sign; > shutdown_sign; ok; on_chain_tx close_mutual channel_close_mutual_tx; info closing; on_chain_tx channel_closed channel_close_mutual_tx",
          "info shutdown; sign.shutdown_sign_ack; > shutdown_sign_ack; ok; on_chain_tx close_mutual channel_close_mutual_tx; info closing; on_chain_tx channel_closed channel_close_mutual_tx"
        )
      },
      {
        does: assumes((starter) => starter),
        shows: same("> assume_minimum_depth; ok; info closed_confirmed; info died; close 1000", "")
      }
    ]
  },
  history: {
    steps: [
      transfers,
      {
        does: (world, starter) =>
          Effect.gen(function* () {
            const entries = yield* channelOf(world, starter).history({ n: 3, types: ["rpt"] })
            expect(entries.map(({ tag, type }) => [type, tag])).toEqual([
              ["report", "update"],
              ["report", "update"],
              ["report", "info"]
            ])
            const all = yield* channelOf(world, starter).history({ n: 100 })
            expect(all.length).toBeGreaterThanOrEqual(10)
          }),
        shows: same("> history.fetch; result; > history.fetch; result", "")
      }
    ]
  },
  "settle before the lock period is over": {
    prepare: (world, starter) =>
      Effect.gen(function* () {
        yield* channelOf(world, starter).closeSolo()
        for (const role of World.roles) yield* world.sides[role].log.reaches("info closing")
      }),
    steps: [
      {
        does: (world, starter) =>
          Effect.zipRight(
            Effect.forkScoped(channelOf(world, starter).settle()),
            world.sides[starter].log.reaches("> settle_sign")
          ),
        shows: same("> settle; ok; sign.settle_sign; > settle_sign; ok", "")
      },
      {
        does: (world) => world.node.mine(20),
        shows: same(
          "on_chain_tx channel_closed channel_settle_tx; info closed_confirmed; info died; close 1000",
          "on_chain_tx channel_closed channel_settle_tx; info closed_confirmed; info died; close 1000"
        )
      }
    ]
  },
  "two transfers at once": {
    steps: [
      {
        does: meet(
          (channel) => channel.transfer({ amount: 1n }),
          "update",
          (channel) => channel.transfer({ amount: 2n }),
          "update"
        ),
        shows: same(
          "> update.new; ok; sign.update; > update; ok; conflict 2",
          "> update.new; ok; sign.update; conflict 2"
        )
      },
      transfers
    ]
  },
  "a deposit and a withdrawal at once": {
    steps: [
      {
        does: meet(
          (channel) => channel.deposit({ amount: 1n }),
          "deposit_tx",
          (channel) => channel.withdraw({ amount: 2n }),
          "withdraw_tx"
        ),
        shows: same(
          "> deposit; ok; sign.deposit_tx; > deposit_tx; ok; conflict 2",
          "> withdraw; ok; sign.withdraw_tx; conflict 2"
        )
      },
      transfers
    ]
  },
  "a deposit and a transfer at once": {
    steps: [
      {
        does: meet(
          (channel) => channel.deposit({ amount: 1n }),
          "deposit_tx",
          (channel) => channel.transfer({ amount: 2n }),
          "update"
        ),
        shows: same(
          "> deposit; ok; sign.deposit_tx; > deposit_tx; ok; conflict 2",
          "> update.new; ok; sign.update; conflict 2"
        )
      },
      transfers
    ]
  },
  stop: {
    steps: [
      {
        does: (world, starter) => Effect.ignore(channelOf(world, starter).stop),
        shows: byRole(
          {
            starter: frames("> system stop; ok; info died; close 1000"),
            peer: frames("info peer_disconnected")
          },
          {
            starter: frames("> system stop; ok; info died; close 1000"),
            peer: frames("info died; close 1000")
          }
        )
      },
      { does: comeBackRaw, shows: backFrom }
    ]
  }
}

/** Plays one, started by this party; gives all that both sockets have shown. */
export const play = (
  name: string,
  starter: Role
): Effect.Effect<Readonly<Record<Role, ReadonlyArray<string>>>, ChannelError> =>
  Effect.gen(function* () {
    const session = sessions[name]
    if (session === undefined) throw new Error(`there is no ${name}`)
    const { prepare, steps, world: options } = session
    const world = yield* World.make(options)
    const shown: Record<Role, Array<string>> = { initiator: [], responder: [] }
    const note = () => {
      for (const role of World.roles) shown[role].push(...world.sides[role].log.lines)
    }
    if (prepare !== undefined) {
      yield* prepare(world, starter)
      yield* quiet(world)
    }
    // Of the opening only who looks at it wants to see.
    if (prepare !== undefined || !name.startsWith("open")) {
      note()
      clear(world)
    }
    for (const { does, shows } of steps) {
      yield* does(world, starter)
      const { peer, starter: own } = shows(starter)
      yield* compare(world, starter, { peer, starter: own })
      shown[starter].push(...own)
      shown[other(starter)].push(...peer)
    }
    return shown
  }).pipe(Effect.scoped)
