/**
 * Every timer of a channel's state machine in every state in which it runs, for either party: with both parties' clients
 * at a node in memory, in virtual time. The timer is given by its name, nothing happens until it is due, and then exactly
 * what is told.
 */
import { expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, type Scope, Stream, TestServices } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { Channel } from "../../src/client/Channel.js"
import type { FlowError } from "../../src/client/ChannelEvent.js"
import type { MiningOptions } from "../../src/node/ChannelNode.js"
import { defaultTimeouts, type StateName, stateRow, states } from "../../src/node/fsm/States.js"
import type { Role, TimerName } from "../../src/protocol/OpenParameters.js"
import type { SignTag } from "../../src/protocol/SignTag.js"
import { closeWithFirst } from "../support/Chain.js"
import { coin, initiator } from "../support/NodeUnderTest.js"
import * as RawClient from "../support/RawClient.js"
import { make, pass, type Timed } from "./support/Timed.js"

/** What the party does, or its peer, while the time runs. */
type Doing = Fiber.Fiber<unknown, FlowError> | undefined

interface Row {
  /** The state in which the time runs out, and what led there where that is not all. */
  readonly state: StateName
  readonly how?: string
  readonly of: Role
  readonly keepRunning?: boolean
  readonly mining?: MiningOptions
  readonly acceptDelay?: number
  /** How long the time has run when the party is there; default not at all. */
  readonly gone?: number
  /** Blocks until a transaction is deep enough for the party, and for its peer. */
  readonly depths?: readonly [own: number, peers: number]
  /** Leads there. */
  readonly reach: (world: Timed, of: Role) => Effect.Effect<Doing, FlowError, Scope.Scope>
  /** What the party's socket shows, and its peer's. */
  readonly own: string
  readonly peer?: string
  /** How what was done ends, if it does. */
  readonly ends?: "TimeoutError" | "ended with the session" | undefined
  /** After some more time. */
  readonly later?: number
  /** Once there are blocks, both have this round. */
  readonly round?: number
}

const roles: ReadonlyArray<Role> = ["initiator", "responder"]
const other = (role: Role): Role => (role === "initiator" ? "responder" : "initiator")
const noBlocks: MiningOptions = { automatic: false }
const noKeyBlocks: MiningOptions = { keyBlocksAfter: 0 }

const over = "info timeout; info died; close 1000"
const died = "info died; close 1000"
const lost = "info peer_disconnected"
const conflict = "conflict 3"

// ---------------------------------------------------------------- the ways

type Reach = Row["reach"]
const nothing = Effect.succeed(undefined)

/** Both begin to open, and each leaves unsigned what is named. */
const opening =
  (held: Partial<Record<Role, SignTag>> = {}, until?: readonly [Role, string]): Reach =>
  (world) =>
    Effect.gen(function* () {
      for (const role of ["responder", "initiator"] as const) {
        const tag = held[role]
        yield* world.connect(role, ...(tag === undefined ? [] : [tag]))
      }
      yield* pass(10)
      if (until !== undefined) yield* world.side(until[0]).log.reaches(until[1])
      return undefined
    })

/** An operation under way; `of` says whose, and `tag` what nobody signs. */
const doing =
  (
    by: "own" | "peer",
    run: (channel: Channel) => Effect.Effect<unknown, FlowError>,
    held: readonly ["own" | "peer", SignTag] | undefined,
    until: readonly ["own" | "peer", string]
  ): Reach =>
  (world, of) =>
    Effect.gen(function* () {
      const roleOf = (who: "own" | "peer"): Role => (who === "own" ? of : other(of))
      if (held !== undefined) world.side(roleOf(held[0])).holds.add(held[1])
      const channel = yield* world.channel(roleOf(by))
      const fiber = yield* Effect.forkScoped(run(channel))
      yield* world.side(roleOf(until[0])).log.reaches(until[1])
      return fiber
    })

const opened =
  (reach: Reach = () => nothing): Reach =>
  (world, of) =>
    Effect.zipRight(world.open, reach(world, of))

/** One of them is closing alone. */
const closing =
  (reach: Reach = () => nothing): Reach =>
  (world, of) =>
    Effect.gen(function* () {
      yield* world.open
      const channel = yield* world.channel("initiator")
      yield* channel.closeSolo()
      for (const role of roles) yield* world.side(role).log.reaches("info closing")
      return yield* reach(world, of)
    })

/** The party's own node takes what is in the block as deep enough. */
const assuming =
  (reach: Reach, shown: string, then: string): Reach =>
  (world, of) =>
    Effect.gen(function* () {
      const fiber = yield* reach(world, of)
      const { log, session } = world.side(of)
      yield* log.reaches(shown)
      const [frame] = log.seen(shown)
      const tx = RawClient.at(frame ?? null, "params", "data", "tx")
      yield* session.assumeMinimumDepth(SignedTx.hash(SignedTx.fromTextOrThrow(String(tx))))
      yield* log.reaches(then)
      return fiber
    })

const inBlock = (type: string): string => `on_chain_tx channel_changed ${type}`

/** The responder leaves, and takes the initiator with it. */
const bothGone = (world: Timed) =>
  Effect.gen(function* () {
    yield* Effect.flatMap(world.channel("responder"), (channel) => channel.leave)
    for (const role of roles) yield* world.side(role).log.reaches("info died")
    yield* pass(5)
    for (const role of roles) yield* world.side(role).log.reaches("close 1000")
  })

// ---------------------------------------------------------------- the table

const both = (row: (of: Role) => Row): ReadonlyArray<Row> => roles.map(row)

const openingRows: ReadonlyArray<Row> = [
  {
    state: "awaiting_connect",
    of: "initiator",
    reach: (world) => Effect.as(world.connect("initiator"), undefined),
    own: over
  },
  {
    state: "initialized",
    of: "initiator",
    acceptDelay: 60_000,
    gone: 10,
    reach: opening({}, ["responder", "info channel_open"]),
    own: over,
    peer: died
  },
  ...[true, false].flatMap(
    (keepRunning): ReadonlyArray<Row> => [
      {
        state: "awaiting_open",
        of: "responder",
        keepRunning,
        reach: (world) => Effect.as(world.connect("responder"), undefined),
        own: keepRunning ? "" : over
      },
      {
        state: "accepted",
        of: "responder",
        keepRunning,
        gone: 10,
        reach: opening({ initiator: "initiator_sign" }, ["initiator", "sign.initiator_sign"]),
        own: keepRunning ? "" : over,
        peer: keepRunning ? "" : died
      },
      {
        state: "awaiting_signature",
        how: "of the opening",
        of: "responder",
        keepRunning,
        reach: opening({ responder: "responder_sign" }, ["responder", "sign.responder_sign"]),
        own: keepRunning ? "" : over,
        peer: keepRunning ? "" : died
      },
      {
        state: "awaiting_locked",
        how: "of the opening",
        of: "responder",
        keepRunning,
        mining: noBlocks,
        reach: opening({}, ["initiator", "info funding_signed"]),
        own: died,
        peer: died
      },
      {
        state: "signed",
        of: "responder",
        keepRunning,
        mining: noKeyBlocks,
        reach: assuming(opening(), inBlock("channel_create_tx"), "info own_funding_locked"),
        own: died,
        peer: died
      }
    ]
  ),
  {
    state: "awaiting_signature",
    how: "of the opening",
    of: "initiator",
    reach: opening({ initiator: "initiator_sign" }, ["initiator", "sign.initiator_sign"]),
    own: over,
    peer: died
  },
  {
    state: "half_signed",
    of: "initiator",
    reach: opening({ responder: "responder_sign" }, ["responder", "sign.responder_sign"]),
    own: over,
    peer: died
  },
  {
    state: "awaiting_locked",
    how: "of the opening",
    of: "initiator",
    mining: noBlocks,
    reach: opening({}, ["initiator", "info funding_signed"]),
    own: over,
    peer: `${lost}; ${died}`
  },
  {
    state: "signed",
    of: "initiator",
    mining: noKeyBlocks,
    reach: assuming(opening(), inBlock("channel_create_tx"), "info own_funding_locked"),
    own: over,
    peer: `${lost}; ${died}`
  }
]

/** A state that only a responder which keeps running survives. */
const fatal = (
  row: Pick<Row, "state" | "how" | "mining" | "reach" | "ends">,
  peerOfInitiator: string,
  peerOfResponder: string
): ReadonlyArray<Row> => [
  { ...row, of: "initiator", own: over, peer: peerOfInitiator },
  { ...row, of: "responder", keepRunning: false, own: over, peer: peerOfResponder },
  { ...row, of: "responder", keepRunning: true, own: "", peer: "" }
]

/** What one signs and then the other, and how it ends where one of them does not. */
const mutual = (
  name: string,
  run: (channel: Channel) => Effect.Effect<unknown, FlowError>,
  [starts, acknowledges]: readonly [SignTag, SignTag],
  waits: StateName
): ReadonlyArray<Row> =>
  roles.flatMap(
    (of): ReadonlyArray<Row> => [
      {
        state: "awaiting_signature",
        how: `${name}, by who starts it`,
        of,
        reach: opened(doing("own", run, ["own", starts], ["own", `sign.${starts}`])),
        own: conflict,
        ends: "TimeoutError"
      },
      {
        state: "awaiting_signature",
        how: `${name}, by who acknowledges it`,
        of,
        reach: opened(doing("peer", run, ["own", acknowledges], ["own", `sign.${acknowledges}`])),
        own: conflict,
        peer: conflict,
        ends: "TimeoutError"
      },
      {
        state: waits,
        how: name,
        of,
        reach: opened(doing("own", run, ["peer", acknowledges], ["peer", `sign.${acknowledges}`])),
        own: conflict,
        peer: conflict,
        ends: "TimeoutError"
      }
    ]
  )

/** While one of them closes alone the party whose time runs out is told nothing. */
const shutdownWhileClosing = (run: (channel: Channel) => Effect.Effect<unknown, FlowError>) =>
  roles.flatMap((of): ReadonlyArray<Row> => {
    const how = "shutdown while closing"
    const [starts, acknowledges] = ["shutdown_sign", "shutdown_sign_ack"] as const
    return [
      {
        state: "awaiting_signature",
        how: `${how}, by who starts it`,
        of,
        reach: closing(doing("own", run, ["own", starts], ["own", `sign.${starts}`])),
        own: ""
      },
      {
        state: "awaiting_signature",
        how: `${how}, by who acknowledges it`,
        of,
        reach: closing(doing("peer", run, ["own", acknowledges], ["own", `sign.${acknowledges}`])),
        own: "",
        peer: conflict,
        ends: "TimeoutError"
      },
      {
        state: "mutual_closing",
        how,
        of,
        reach: closing(doing("own", run, ["peer", acknowledges], ["peer", `sign.${acknowledges}`])),
        own: "",
        peer: conflict,
        ends: "TimeoutError",
        later: 360_000
      }
    ]
  })

const alone = (
  name: string,
  run: (channel: Channel) => Effect.Effect<unknown, FlowError>,
  tag: SignTag,
  reachable: (reach: Reach) => Reach
): ReadonlyArray<Row> =>
  both((of) => ({
    state: "awaiting_signature",
    how: name,
    of,
    reach: reachable(doing("own", run, ["own", tag], ["own", `sign.${tag}`])),
    own: conflict,
    ends: "TimeoutError"
  }))

const moves = (kind: "deposit" | "withdraw"): ReadonlyArray<Row> => {
  const run = (channel: Channel) => channel[kind]({ amount: coin })
  const short = kind === "deposit" ? "dep" : "wdraw"
  const changed = inBlock(`channel_${kind}_tx`)
  return [
    ...mutual(kind, run, [`${kind}_tx`, `${kind}_ack`], `${short}_half_signed`),
    // Signed by both: it may get into a block at any time, so it is waited for.
    ...(["own", "peer"] as const).flatMap((by) =>
      both((of) => ({
        state: "awaiting_locked",
        how: `${kind} of ${by === "own" ? "its own" : "the peer"}`,
        of,
        mining: noBlocks,
        reach: opened(doing(by, run, undefined, [by, `on_chain_tx ${kind}_signed channel_${kind}_tx`])),
        own: conflict,
        ends: by === "own" ? "TimeoutError" : undefined,
        round: 2
      }))
    ),
    ...(["own", "peer"] as const).flatMap((by) =>
      both((of) => ({
        state: `${short}_signed` as const,
        how: `${kind} of ${by === "own" ? "its own" : "the peer"}, assumed to be deep enough`,
        of,
        mining: noKeyBlocks,
        reach: assuming(
          opened(doing(by, run, undefined, ["own", changed])),
          changed,
          `info own_${kind}_locked`
        ),
        own: conflict,
        ends: by === "own" ? "TimeoutError" : undefined,
        round: 2
      }))
    ),
    ...(["own", "peer"] as const).flatMap((by) =>
      both((of) => ({
        state: `${short}_signed` as const,
        how: `${kind} of ${by === "own" ? "its own" : "the peer"}, deep enough for one`,
        of,
        mining: { keyBlocksAfter: 5 },
        depths: [1, 20],
        reach: opened(doing(by, run, undefined, ["own", `info own_${kind}_locked`])),
        own: `info ${kind}_locked; update`,
        round: 2
      }))
    )
  ]
}

const shutdown = (channel: Channel) => channel.shutdown()

const rows: ReadonlyArray<Row> = [
  ...openingRows,
  ...fatal({ state: "open", reach: opened() }, lost, died),
  ...mutual(
    "transfer",
    (channel) => channel.transfer({ amount: coin }),
    ["update", "update_ack"],
    "awaiting_update_ack"
  ),
  ...moves("deposit"),
  ...moves("withdraw"),
  ...mutual("shutdown", shutdown, ["shutdown_sign", "shutdown_sign_ack"], "mutual_closing"),
  ...shutdownWhileClosing(shutdown),
  ...(["own", "peer"] as const).flatMap((by) =>
    both((of) => ({
      state: "mutual_closed",
      how: `shutdown by ${by === "own" ? "itself" : "the peer"}`,
      of,
      mining: noBlocks,
      reach: opened(doing(by, shutdown, undefined, [by, "info closing"])),
      own: died,
      ends: by === "own" ? "ended with the session" : undefined
    }))
  ),
  ...alone(
    "snapshot",
    (channel) => channel.snapshotSolo(),
    "snapshot_solo_tx",
    (reach) => (world, of) =>
      Effect.gen(function* () {
        yield* world.open
        yield* Effect.flatMap(world.channel(of), (channel) => channel.transfer({ amount: 1n }))
        yield* world.side(other(of)).log.reaches("> update_ack")
        return yield* reach(world, of)
      })
  ),
  ...alone("close solo", (channel) => channel.closeSolo(), "close_solo_sign", opened),
  ...alone(
    "slash",
    (channel) => channel.slash(),
    "slash_tx",
    (reach) => (world, of) =>
      Effect.gen(function* () {
        yield* world.open
        const first = yield* Effect.flatMap(world.channel(of), ({ latest }) => latest.get)
        yield* Effect.flatMap(world.channel(of), (channel) => channel.transfer({ amount: 1n }))
        yield* closeWithFirst(world.node, initiator, first)
        for (const role of roles) yield* world.side(role).log.reaches("info closing")
        return yield* reach(world, of)
      })
  ),
  ...alone("settle", (channel) => channel.settle(), "settle_sign", closing),
  ...fatal(
    {
      state: "awaiting_leave_ack",
      how: "while the peer is asked to sign",
      reach: opened((world, of) =>
        Effect.gen(function* () {
          const peer = world.side(other(of))
          peer.holds.add("update")
          yield* Effect.forkScoped(
            Effect.flatMap(world.channel(other(of)), (channel) => channel.transfer({ amount: 1n }))
          )
          yield* peer.log.reaches("sign.update")
          const leaving = yield* Effect.forkScoped(
            Effect.flatMap(world.channel(of), (channel) => channel.leave)
          )
          yield* world.side(of).log.reaches("> leave")
          return leaving
        })
      )
    },
    lost,
    died
  ),
  ...[true, false].map(
    (keepRunning): Row => ({
      state: "awaiting_reestablish",
      of: "responder",
      keepRunning,
      reach: opened((world) =>
        Effect.as(Effect.zipRight(bothGone(world), world.comeBack("responder")), undefined)
      ),
      own: keepRunning ? "" : over
    })
  ),
  {
    state: "awaiting_connect",
    how: "when it comes back alone",
    of: "initiator",
    reach: opened((world) =>
      Effect.as(Effect.zipRight(bothGone(world), world.comeBack("initiator")), undefined)
    ),
    own: over
  },
  {
    state: "reestablish_init",
    of: "initiator",
    // The responder's node does nothing else while its client is asked to sign.
    reach: opened((world) =>
      Effect.gen(function* () {
        const responder = world.side("responder")
        responder.holds.add("close_solo_sign")
        yield* Effect.forkScoped(Effect.flatMap(world.channel("responder"), (channel) => channel.closeSolo()))
        yield* responder.log.reaches("sign.close_solo_sign")
        yield* Effect.ignore(world.side("initiator").session.stop)
        yield* world.side("initiator").log.reaches("info died")
        yield* world.comeBack("initiator")
        return undefined
      })
    ),
    own: over,
    peer: lost
  },
  ...fatal({ state: "channel_closing", reach: closing() }, "", ""),
  ...fatal(
    {
      state: "channel_closed",
      mining: noKeyBlocks,
      reach: opened(
        doing("own", shutdown, undefined, ["own", "on_chain_tx channel_closed channel_close_mutual_tx"])
      )
    },
    "",
    ""
  )
]

// ---------------------------------------------------------------- the test

const due = 7_000
const title = ({ how, keepRunning, of, state }: Row): string =>
  [
    `${stateRow(state).timer}: ${state} of the ${of}`,
    ...(how === undefined ? [] : [how]),
    ...(keepRunning === undefined ? [] : [`keep_running ${keepRunning}`])
  ].join(", ")

const lines = (text: string | undefined): ReadonlyArray<string> =>
  text === undefined || text === "" ? [] : text.split("; ")

/** Nothing that comes takes so long. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  TestServices.provideLive(Effect.timeoutOption(effect, "2 seconds"))

/** Until a party has seen all that the node has told it; the question itself is nobody's business. */
const heard = (world: Timed, role: Role) =>
  Effect.gen(function* () {
    const side = world.sides[role]
    if (side === undefined || (yield* side.session.status.get).end !== undefined) return
    yield* soon(Effect.ignore(side.session.ping))
    side.log.lines = side.log.lines.filter((line) => line !== "> system" && line !== "result")
  })

const quiet = (world: Timed) => Effect.forEach(roles, (role) => heard(world, role), { discard: true })

const seen = (world: Timed, of: Role) => ({
  own: [...world.side(of).log.lines],
  peer: [...(world.sides[other(of)]?.log.lines ?? [])]
})

const timerOf = (row: Row): TimerName => stateRow(row.state).timer

const played = new Set<string>()

it.scoped.each(rows.map((row) => [title(row), row] as const))("%s", ([, row]) =>
  Effect.gen(function* () {
    const { acceptDelay = 10, depths, gone = 0, keepRunning, mining, of } = row
    const depthOf = (minimumDepth: number | undefined) =>
      minimumDepth === undefined ? {} : { minimumDepth, minimumDepthStrategy: "plain" as const }
    const world = yield* make({
      node: { acceptDelay, ...(mining === undefined ? {} : { mining }) },
      [of]: {
        timeouts: { [timerOf(row)]: due },
        ...(keepRunning === undefined ? {} : { keepRunning }),
        ...depthOf(depths?.[0])
      },
      [other(of)]: depthOf(depths?.[1])
    })
    const fiber = yield* row.reach(world, of)
    yield* quiet(world)
    for (const role of roles) world.sides[role]?.log.clear()

    yield* pass(due - gone - 1)
    yield* quiet(world)
    expect(seen(world, of)).toEqual({ own: [], peer: [] })

    const expected = { own: lines(row.own), peer: lines(row.peer) }
    yield* pass(1)
    yield* quiet(world)
    yield* pass(5)
    yield* soon(world.side(of).log.reaches(expected.own.length))
    yield* soon(world.sides[other(of)]?.log.reaches(expected.peer.length) ?? Effect.void)
    yield* quiet(world)
    expect(seen(world, of)).toEqual(expected)

    if (row.ends !== undefined && fiber !== undefined) {
      if (row.later !== undefined) yield* pass(row.later)
      const exit = yield* soon(Fiber.await(fiber))
      if (row.ends === "TimeoutError") {
        const error = Option.map(exit, Exit.match({ onFailure: Cause.failureOption, onSuccess: Option.none }))
        expect(Option.flatten(error)).toMatchObject({ _tag: "Some", value: { _tag: row.ends, code: 3 } })
      } else expect(exit._tag).toBe("Some")
    }
    if (row.round !== undefined) {
      yield* world.node.mineMicro
      yield* world.node.mine(30)
      for (const role of roles) {
        const { latest } = yield* world.channel(role)
        const isThere = Stream.runHead(Stream.filter(latest.changes, ({ round }) => round === row.round))
        expect((yield* soon(isThere))._tag).toBe("Some")
      }
    }
    played.add(title(row))
  })
)

it("the table has every timer, and every state for each party", () => {
  const timers = new Set(rows.map(timerOf))
  expect([...timers].sort()).toEqual([...Object.keys(defaultTimeouts), "initialized", "awaiting_open"].sort())
  const missing = Object.entries(states).flatMap(([state, { role }]) =>
    roles
      .filter((of) => role === "both" || role === of)
      .filter((of) => !rows.some((row) => row.state === state && row.of === of))
      .map((of) => `${state} of the ${of}`)
  )
  expect(missing).toEqual([])
  console.log(`${rows.length} timeouts of ${timers.size} timers`)
  expect(played.size).toBe(rows.length)
})
