/**
 * A client process that is killed at any write, send and receive of a transfer, and another one on the same file that
 * comes back for it.
 */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Channel from "@aechannel/core/client/Channel"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Signer from "@aechannel/core/services/Signer"
import { TestNode } from "@aechannel/core/testing"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as NodeServer from "@aechannel/transport/NodeServer"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Queue, Stream } from "effect"
import { join } from "node:path"
import { networkId, openOptions, partyOf } from "./support/ReturnParties.js"
import { buildChild, start, temporaryDirectory } from "./support/StoreProcess.js"

const { path: directory, remove } = temporaryDirectory()
const child = buildChild("ReturnChild")
afterAll(() => {
  remove()
  child.remove()
})

const layerNode = Layer.provideMerge(
  NodeServer.layer({ port: 0 }),
  TestNode.layer({ crypto: NativeCrypto.make() })
)

/** One process of a client: its lines as they come, and its end. */
const run = (args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const lines = yield* Queue.unbounded<string>()
      const { child: running, ended } = start(process.execPath, [child.path, ...args], (line) =>
        lines.unsafeOffer(line)
      )
      const end = Effect.promise(() => ended)
      const next = (word: string): Effect.Effect<ReadonlyArray<string>> =>
        Queue.take(lines).pipe(
          Effect.map((line) => line.split(" ")),
          Effect.repeat({ until: ([first]) => first === word }),
          Effect.raceFirst(
            Effect.flatMap(end, ({ code, errors }) =>
              Effect.dieMessage(`the process ended (${code}) and never said ${word}: ${errors}`)
            )
          )
        )
      return { next, ended: end, kill: () => running.kill("SIGKILL") }
    }),
    ({ kill }) => Effect.sync(kill)
  )

const same = (channel: Channel.Channel, round: number) =>
  Stream.runHead(Stream.filter(channel.latest.changes, (state) => state.round >= round)).pipe(
    Effect.flatten,
    Effect.timeout("10 seconds"),
    Effect.orDie
  )

/** The round of both ends at the node, once nothing of the process that died is under way any more. */
const atRest = Effect.gen(function* () {
  const node = yield* ChannelNode.ChannelNode
  const [{ round } = { round: 0 }] = yield* Effect.repeat(
    Effect.zipRight(Effect.sleep("2 millis"), node.channels),
    {
      until: (ends) =>
        ends.length === 2 &&
        ends.every(
          ({ clientConnected, fsmState, round }) =>
            fsmState === "open" && clientConnected && round === ends[0]?.round
        )
    }
  )
  return round
}).pipe(Effect.timeout("10 seconds"), Effect.orDie)

/** Kills the client of `role` at one boundary after the other, until it lives; `part` is its part in the transfer. */
const killAll = (role: Role, part: "starter" | "acknowledger") =>
  Effect.gen(function* () {
    const { url } = yield* NodeServer.NodeServer
    const other: Role = role === "initiator" ? "responder" : "initiator"
    const path = join(directory, `${role}-${part}.db`)
    const services = Layer.mergeAll(
      Signer.layerKeyPair(partyOf(other), networkId),
      ProposalPolicy.acceptAll,
      ChannelStore.layerMemory
    )
    const opening = yield* Effect.fork(Effect.provide(Channel.open(openOptions(other)), services))
    const died: Array<string> = []
    let peer: Channel.Channel | undefined
    let channelId = ""
    let pending: Fiber.Fiber<unknown, unknown> | undefined
    for (let at = 1; ; at++) {
      const client = yield* run([role, part, url, path, String(at), ...(channelId === "" ? [] : [channelId])])
      const [, id = ""] = yield* client.next("up")
      channelId = id
      peer ??= yield* Fiber.join(opening)
      if (pending !== undefined) yield* Fiber.await(pending)
      // I12: both hold the same last co-signed round, which is the node's.
      const round = yield* atRest
      const held = yield* same(peer, round)
      yield* peer.sendMessage("go on")
      const [, back, hash] = yield* client.next("back")
      expect([round, round, hash]).toEqual([held.round, Number(back), SignedTx.bodyHash(held.signedTx)])
      const { round: next } = yield* peer.transfer({ amount: 1n })
      expect(next).toBe(held.round + 1)
      yield* client.next("begins")
      pending = part === "acknowledger" ? yield* Effect.fork(peer.transfer({ amount: 1n })) : undefined
      const end = yield* client.ended
      if (end.signal === "SIGKILL") {
        died.push(end.lines.find((line) => line.startsWith("dies"))?.slice(5) ?? "?")
        continue
      }
      expect(end).toMatchObject({ code: 0, errors: "" })
      expect(end.lines.at(-1)).toBe(`lives ${at - 1}`)
      const { round: last } = yield* peer.latest.get
      // One round is the opening's, one is of the peer's transfer in each process.
      console.log(
        `kill -9 of the ${part}, who is the ${role}: N = ${died.length} boundaries (${died.join(", ")}); ${last - 2 - at} of ${died.length} transfers were done`
      )
      return died
    }
  }).pipe(Effect.scoped, Effect.provide(layerNode))

describe("a client process that is killed", () => {
  it.live(
    "I8, I9, I12: at every boundary of a transfer that it begins: the next process goes on at the same round",
    () => Effect.map(killAll("initiator", "starter"), (died) => expect(died.length).toBeGreaterThan(10)),
    120_000
  )

  it.live(
    "I8, I9, I12: at every boundary of a transfer that it answers: the next process goes on at the same round",
    () => Effect.map(killAll("responder", "acknowledger"), (died) => expect(died.length).toBeGreaterThan(8)),
    120_000
  )
})
