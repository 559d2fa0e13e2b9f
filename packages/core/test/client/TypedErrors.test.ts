/**
 * Every way in which an operation can fail, from both roles: each is caught by its tag, says who ended it and where,
 * and what to do; and what still works afterwards, works. The rows are in `support/failures`.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Option, Stream } from "effect"
import type { CoSignedState, FlowError } from "../../src/client/ChannelEvent.js"
import * as ErrorCodes from "../../src/protocol/ErrorCodes.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import { layer } from "../support/NodeUnderTest.js"
import { lies, rejections, unreadable } from "./support/failures/Answers.js"
import { codeRows } from "./support/failures/Codes.js"
import { conflicts, timeouts, transports } from "./support/failures/Meetings.js"
import { openingRows } from "./support/failures/Openings.js"
import { signers, stores } from "./support/failures/OwnParts.js"
import {
  amount,
  type Attempt,
  both,
  failureOf,
  type OpenWorld,
  otherRole,
  type RowOf,
  says,
  type Tag,
  type World
} from "./support/failures/Row.js"
import { Puppet } from "./support/Puppets.js"
import { openScripted } from "./support/ScriptedNode.js"

const openRows = [
  ...codeRows,
  ...conflicts,
  ...timeouts,
  ...rejections,
  ...lies,
  ...unreadable,
  ...signers,
  ...stores,
  ...transports
]

const balancesOf = ({ balances }: CoSignedState) => balances.initiator + balances.responder

const works = {
  usable: ({ ours, theirs }: OpenWorld) =>
    Effect.gen(function* () {
      const before = yield* ours.latest.get
      const first = yield* ours.transfer({ amount: 1n })
      expect(first.round).toBe(before.round + 1)
      yield* Stream.runHead(Stream.filter(theirs.latest.changes, ({ round }) => round === first.round))
      const second = yield* theirs.transfer({ amount: 2n })
      expect(second.round).toBe(before.round + 2)
      expect([first, second].map(balancesOf)).toEqual([balancesOf(before), balancesOf(before)])
      expect(yield* ours.status.get).toMatchObject({ phase: "open", frozen: undefined, end: undefined })
    }),
  frozen: ({ ours, theirs }: OpenWorld) =>
    Effect.gen(function* () {
      expect((yield* ours.status.get).frozen).toBeDefined()
      expect(yield* failureOf(ours.transfer({ amount: 1n }))).toMatchObject({
        _tag: "StoreError",
        operation: "transfer"
      })
      yield* ours.ping
      yield* ours.sendMessage("still here")
      // What agrees with ours is told; what does not is no lie, since we may be behind.
      const round = (yield* ours.latest.get).round
      const isBehind = (yield* theirs.latest.get).round > round
      for (const question of [ours.balances(), ours.poi(), ours.offChainState]) {
        const answer = yield* Effect.either<unknown, FlowError, never>(question)
        expect(answer).toMatchObject(isBehind ? { left: { _tag: "StoreError" } } : { _tag: "Right" })
      }
      yield* theirs.sendMessage("that is all")
      const told = Stream.takeUntil(ours.events, ({ _tag }) => _tag === "MessageReceived")
      expect(yield* Stream.runHead(Stream.filter(told, ({ _tag }) => _tag === "VerificationFailed"))).toEqual(
        Option.none()
      )
    }),
  alone: ({ ours }: OpenWorld) =>
    Effect.gen(function* () {
      yield* ours.ping
      yield* ours.balances()
      expect((yield* ours.status.get).phase).toBe("open")
    }),
  ended: ({ ours }: OpenWorld, reason: string) =>
    Effect.gen(function* () {
      const { end, phase } = yield* ours.status.get
      expect([phase, end?.reason]).toEqual(["ended", reason])
      for (const call of [ours.ping, ours.transfer({ amount: 1n }), ours.leave])
        expect(yield* Effect.flip<void | CoSignedState, FlowError, never>(call)).toMatchObject({
          _tag: "TransportError",
          reason
        })
      expect(yield* Stream.runLast(ours.events)).toMatchObject({
        value: { _tag: "Ended", error: { reason } }
      })
    })
}

/** The node is well: two others open a channel and use it. */
const opensAnother = Effect.gen(function* () {
  const [ours, theirs] = both.map((role) => new Puppet(role))
  if (ours === undefined || theirs === undefined) throw new Error("two parties")
  const changes = { port: 4444 }
  const [channel] = yield* Effect.all([ours.open(changes), theirs.open(changes)], {
    concurrency: "unbounded"
  })
  expect((yield* channel.transfer({ amount: 1n })).round).toBe(2)
})

const caught = (attempt: Attempt, tag: Tag) =>
  Effect.zipRight(attempt, Effect.dieMessage("it succeeded")).pipe(
    Effect.catchTag(tag, (error) => Effect.succeed<FlowError>(error))
  )

const checked = (error: FlowError, { fields, says }: Pick<RowOf<World>, "fields" | "says">) => {
  expect({ ...error, data: "data" in error ? error.data : undefined }).toMatchObject(fields)
  expect(error.message).toMatch(says)
  // One or more sentences, of which nothing but these is shown to a person.
  expect(error.message).toMatch(/^\S.*[.)]$/s)
  expect(error.message).not.toMatch(/undefined|\[object|sk_/)
  if ("operation" in error) expect(error.message).toContain(error.operation)
  if ("code" in error) expect(error.message).toContain(String(error.code))
}

const perRole = <R extends { readonly name: string; readonly roles?: ReadonlyArray<Role> }>(
  rows: ReadonlyArray<R>
): ReadonlyArray<readonly [name: string, role: Role, row: R]> =>
  rows.flatMap((each) => (each.roles ?? both).map((role) => [`${each.name} [${role}]`, role, each] as const))

const world = (role: Role): World => ({ role, own: new Puppet(role), peer: new Puppet(otherRole(role)) })

const layerPrompt = layer({ acceptDelay: 0 })
/** A node that closes a socket right after its last report. */
const layerHasty = layer({ acceptDelay: 0, closeDelay: 0 })

const inChannel = (role: Role, each: RowOf<OpenWorld>) =>
  Effect.gen(function* () {
    const { own, peer } = world(role)
    const [ours, theirs] = yield* Effect.all(
      [own.open(each.parameters?.own), peer.open(each.parameters?.peer)],
      { concurrency: "unbounded" }
    )
    yield* Effect.all([own.nextAsked, peer.nextAsked])
    const open: OpenWorld = { role, own, peer, ours, theirs }
    const error = yield* caught(each.fails(open), each.tag)
    checked(error, each)
    if ("channelId" in error) expect(error.channelId).toBe(ours.id)
    yield* each.mends?.(open) ?? Effect.void
    if (each.after !== "unopened") yield* works[each.after](open, "reason" in error ? error.reason : "")
  })

describe("typed errors", () => {
  it.scoped.each(perRole(openRows))("%s", ([, role, each]) =>
    Effect.provide(inChannel(role, each), layerPrompt)
  )

  it.scoped.each(perRole(transports))(
    "%s, with no time between the node's last word and its close",
    ([, role, each]) => Effect.provide(inChannel(role, each), layerHasty)
  )

  it.scoped.each(perRole(openingRows))("open, %s", ([, role, each]) =>
    Effect.gen(function* () {
      const parties = world(role)
      const error = yield* caught(each.fails(parties, each.parameters ?? {}), each.tag)
      checked(error, each)
      yield* opensAnother
    }).pipe(Effect.provide(layerPrompt))
  )

  const dataCodes = [...ErrorCodes.dataTexts.keys()]
  it.scopedLive.each(both)("RejectedError: every data code, from a node that may say anything [%s]", (role) =>
    Effect.gen(function* () {
      const { channel, node } = yield* openScripted(role)
      for (const code of [...dataCodes, 9999]) {
        const fiber = yield* Effect.fork(channel.transfer({ amount }))
        node.refuse(yield* node.expect("update.new"), 3, [code])
        const error = yield* Effect.catchTag(Fiber.join(fiber), "RejectedError", (it) => Effect.succeed(it))
        expect(error).toMatchObject({
          operation: "transfer",
          code: 3,
          channelId: channel.id,
          data: [{ code }]
        })
        if (!("_tag" in error)) throw new Error("it succeeded")
        expect(error.message).toMatch(/^The node refused transfer: 3 .* \(\d+ .*\)\. [A-Z].*\.$/)
      }
      expect((yield* channel.status.get).phase).toBe("open")
    })
  )

  it("covers every class", () => {
    const classes = new Set([...openRows, ...openingRows].map(({ tag }) => tag))
    expect([...classes].sort()).toEqual(Object.keys(says).sort())
    const rows = perRole(openRows).length + perRole(openingRows).length
    console.log(
      `typed errors: ${rows} rows (class × cause × role), ${classes.size} classes; ${dataCodes.length + 1} data codes for each role`
    )
  })
})
