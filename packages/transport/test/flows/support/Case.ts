/** One flow, started by one party, with one ending: played and compared. */
import type { FlowError } from "@aechannel/core/client/ChannelEvent"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import type { OnChainOptions } from "@aechannel/core/protocol/Request"
import { type SignTag, signTags } from "@aechannel/core/protocol/SignTag"
import * as Effect from "effect/Effect"
import { expect } from "vitest"
import * as Chain from "../../../../core/test/support/Chain.js"
import { type Flow, type FlowName, type Frames, flowOf, type Sockets } from "./Flows.js"
import * as World from "./World.js"

export const codes = [1, 4, 147] as const
/** Why the mempool does not want a transaction. */
export const refusals = ["a fee below the miner's", "a used nonce", "a nonce too far ahead"] as const

export type Ending =
  | { readonly _tag: "completes" }
  /** The starter, or its peer, does not sign. */
  | { readonly _tag: "aborted"; readonly by: "starter" | "peer"; readonly code: (typeof codes)[number] }
  | { readonly _tag: "refused"; readonly why: (typeof refusals)[number] }

export interface Row {
  readonly flow: FlowName
  readonly starter: Role
  readonly ending: Ending
}

/** The endings that a flow has: all that its signing requests and its transaction allow. */
export const endingsOf = (name: FlowName): ReadonlyArray<Ending> => {
  const { asks, refused } = flowOf(name)
  const parties = (["starter", "peer"] as const).slice(0, asks.length)
  return [
    { _tag: "completes" },
    ...parties.flatMap((by) => codes.map((code): Ending => ({ _tag: "aborted", by, code }))),
    ...(refused === undefined ? [] : refusals.map((why): Ending => ({ _tag: "refused", why })))
  ]
}

export const rowsOf = (name: FlowName): ReadonlyArray<Row> =>
  World.roles.flatMap((starter) => endingsOf(name).map((ending) => ({ flow: name, starter, ending })))

export const title = ({ ending }: Row): string =>
  ending._tag === "completes"
    ? "completes"
    : ending._tag === "aborted"
      ? `the ${ending.by} aborts with code ${ending.code}`
      : `refused for ${ending.why}`

const replyOf = (tag: SignTag): string => signTags[tag].reply

/** What passes up to the answer of a signing request. */
const upTo = (all: Frames, tag: SignTag): Frames => all.slice(0, all.indexOf(`> ${replyOf(tag)}`))

const abortedFrames = (flow: Flow, starter: Role, by: "starter" | "peer", code: number): Sockets => {
  const passes = flow.passes(starter)
  const [own, peers] = flow.asks
  if (own === undefined) throw new Error("nothing to abort")
  const refuses = (tag: SignTag): Frames => [`> ${replyOf(tag)} error ${code}`, "ok", "info aborted_update"]
  if (by === "starter") return { starter: [...upTo(passes.starter, own), ...refuses(own)], peer: [] }
  if (peers === undefined) throw new Error("the peer is not asked")
  return {
    starter: [...upTo(passes.starter, own), `> ${replyOf(own)}`, "ok", `conflict ${code}`],
    peer: [...upTo(passes.peer, peers), ...refuses(peers)]
  }
}

const refusedFrames = (flow: Flow, starter: Role): Sockets => {
  const passes = flow.passes(starter)
  const [own, peers] = flow.asks
  if (own === undefined || flow.refused === undefined) throw new Error("nothing to refuse")
  return {
    starter: [...upTo(passes.starter, own), `> ${replyOf(own)}`, "ok", ...flow.refused.starter],
    peer:
      peers === undefined
        ? flow.refused.peer
        : [...upTo(passes.peer, peers), `> ${replyOf(peers)}`, "ok", ...flow.refused.peer]
  }
}

/** Both sockets have shown exactly this. */
export const compare = (world: World.World, starter: Role, expected: Sockets) =>
  Effect.gen(function* () {
    const sides = { starter: world.sides[starter], peer: world.sides[World.other(starter)] }
    yield* World.within(
      Effect.all([
        sides.starter.log.reaches(expected.starter.length),
        sides.peer.log.reaches(expected.peer.length)
      ])
    )
    yield* World.quiet(world)
    const [starterLines, peerLines] = [[...sides.starter.log.lines], [...sides.peer.log.lines]]
    expect({ starter: starterLines, peer: peerLines }).toEqual(expected)
    World.clear(world)
  })

const optionsOf = (world: World.World, starter: Role, why: (typeof refusals)[number]) =>
  Effect.gen(function* () {
    const { address } = World.keyOf(starter)
    const next = (yield* Chain.view(world.node)).nextNonce(address)
    const options: Readonly<Record<(typeof refusals)[number], OnChainOptions>> = {
      "a fee below the miner's": { gasPrice: 1_000_000n },
      "a used nonce": { nonce: next - 1n },
      "a nonce too far ahead": { nonce: next + 50n }
    }
    return options[why]
  })

const errorOfCode = {
  1: "ValidationError",
  4: "AbortError",
  147: "UserDefinedError",
  5: "RejectedOnChainError"
} as const

const failed = (outcome: Effect.Effect<unknown, FlowError>, code: keyof typeof errorOfCode, by: string) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(outcome)
    expect(error).toMatchObject({ _tag: errorOfCode[code], code, endedBy: by })
  })

/** Plays it. After an ending that is no end, the same is done again and completes. Gives what both sockets have shown. */
export const play = ({
  ending,
  flow: name,
  starter
}: Row): Effect.Effect<Readonly<Record<Role, ReadonlyArray<string>>>, unknown> =>
  Effect.gen(function* () {
    const flow = flowOf(name)
    const world = yield* World.make(flow.world)
    const peer = World.other(starter)
    const shown: Record<Role, Array<string>> = { initiator: [], responder: [] }
    /** Looks at the sockets from now on. */
    const anew = Effect.map(World.quiet(world), () => {
      for (const role of World.roles) shown[role].push(...world.sides[role].log.lines)
      World.clear(world)
    })
    const shows = (expected: Sockets) =>
      Effect.map(compare(world, starter, expected), () => {
        shown[starter].push(...expected.starter)
        shown[peer].push(...expected.peer)
      })
    // Everybody has used a nonce.
    if (ending._tag === "refused") yield* World.spend(world)
    yield* flow.prepare?.(world, starter) ?? Effect.void
    yield* anew
    if (ending._tag === "aborted") {
      const by = ending.by === "starter" ? starter : peer
      const tag = flow.asks[ending.by === "starter" ? 0 : 1]
      if (tag === undefined) throw new Error("nothing to abort")
      const { refuses } = world.sides[by]
      refuses.set(tag, ending.code)
      yield* failed(flow.run(world, starter), ending.code, ending.by === "starter" ? "we" : "peer")
      yield* shows(abortedFrames(flow, starter, ending.by, ending.code))
      refuses.clear()
    }
    if (ending._tag === "refused") {
      const options = yield* optionsOf(world, starter, ending.why)
      yield* failed(flow.run(world, starter, options), 5, "node")
      yield* shows(refusedFrames(flow, starter))
      yield* flow.mend?.(world, starter) ?? Effect.void
      yield* anew
    }
    yield* flow.run(world, starter)
    yield* shows(flow.passes(starter))
    return shown
  }).pipe(Effect.scoped)
