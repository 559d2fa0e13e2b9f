/** A channel from its opening to its end on chain, between parties that run on either library. */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Json from "@aechannel/core/encoding/Json"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as Effect from "effect/Effect"
import { expect } from "vitest"
import * as Own from "./OwnParty.js"
import { type Library, agreed } from "./Party.js"
import * as Sdk from "./SdkParty.js"
import { type World as InWorld, World, balanceOf, look } from "./World.js"

export type Pairing = readonly [initiator: Library, responder: Library]

export const open = { sdk: Sdk.open, own: Own.open } as const
const updates = 20

/** Lives it and checks every step; the round at the end. */
export const life = ([left, right]: Pairing, closer: Role): Effect.Effect<number, never, InWorld> =>
  Effect.gen(function* () {
    const { initiator: alice, meeting, responder: bob } = yield* World
    const before = yield* balanceOf(bob.address)

    const [initiator, responder] = yield* Effect.all(
      [open[left]("initiator", alice, meeting), open[right]("responder", bob, meeting)],
      { concurrency: 2 }
    )
    const both = [initiator, responder]
    let round = 1
    let paid = meeting.pushAmount
    const opening = yield* agreed(both, round)
    const { channelId } = initiator
    expect(responder.channelId).toBe(channelId)
    expect(yield* look(`/v3/channels/${channelId}`)).toMatchObject({
      initiator_id: alice.address,
      responder_id: bob.address
    })
    expect(both.map(({ asked }) => asked.map(({ tag }) => tag))).toEqual([
      ["initiator_sign"],
      ["responder_sign"]
    ])

    // Twenty updates each way, the direction changing every time.
    for (let n = 1; n <= updates; n++) {
      for (const [from, amount] of [
        [initiator, BigInt(n) * 1_000_000n],
        [responder, BigInt(n)]
      ] as const) {
        expect(yield* from.pay(amount)).toEqual({ _tag: "Accepted", round: ++round })
        yield* agreed(both, round)
        paid += from === initiator ? amount : -amount
      }
    }
    expect(initiator.asked.at(-1)?.updates).toHaveLength(1)

    // Both ways: declined by the peer with a code of its own and without, called off by the proposer.
    for (const [proposer, peer] of [
      [initiator, responder],
      [responder, initiator]
    ] as const) {
      peer.answerWith("refuse")
      expect(yield* proposer.pay(7n)).toEqual({ _tag: "Declined", code: 1 })
      peer.answerWith(147)
      expect(yield* proposer.pay(7n)).toEqual({ _tag: "Declined", code: 147 })
      peer.answerWith("sign")
      expect(yield* proposer.pay(7n, 4242)).toEqual({ _tag: "Aborted" })
      yield* agreed(both, round)
      expect(yield* proposer.pay(7n)).toEqual({ _tag: "Accepted", round: ++round })
      paid += proposer === initiator ? 7n : -7n
      yield* agreed(both, round)
    }

    // Messages both ways, a text and an object.
    for (const [sender, listener, from] of [
      [initiator, responder, alice.address],
      [responder, initiator, bob.address]
    ] as const) {
      for (const note of ["grüß Gött", { order: [1, 2], paid: true }]) {
        yield* sender.say(note)
        const text = typeof note === "string" ? note : JSON.stringify(note)
        expect(yield* listener.hear).toEqual({ from, text })
      }
    }

    // What the node knows, to either party.
    const expected = {
      initiator: meeting.initiatorAmount - paid,
      responder: meeting.responderAmount + paid
    }
    const latest = yield* agreed(both, round)
    expect(latest).not.toBe(opening)
    for (const party of both) {
      expect(yield* party.balances).toEqual(expected)
      expect(yield* party.state).toEqual({ ...expected, signedTx: latest })
    }
    const [proof, otherProof] = yield* Effect.forEach(both, (party) => party.proof)
    expect(proof).toMatchObject(expected)
    expect(otherProof).toEqual(proof)

    // The end, on both sockets and on chain.
    const closing = SignedTx.fromTextOrThrow(yield* (closer === "initiator" ? initiator : responder).shutdown)
    for (const party of both) expect(yield* party.ended).toEqual([])
    expect(yield* look(`/v3/channels/${channelId}`)).toMatchObject({ reason: "Channel not found" })
    const onChain = yield* look(`/v3/transactions/${SignedTx.hash(closing)}`)
    expect(Json.field(onChain, "encoded_tx")).toBe(SignedTx.toText(closing))
    expect(Json.field(onChain, "block_height")).toBeGreaterThan(0)
    if (closing.tx._tag !== "ChannelCloseMutualTx") throw new Error(`closed with a ${closing.tx._tag}`)
    const { fee, initiatorAmountFinal, responderAmountFinal } = closing.tx
    expect(initiatorAmountFinal + responderAmountFinal + fee).toBe(expected.initiator + expected.responder)
    expect((yield* balanceOf(bob.address)) - before).toBe(responderAmountFinal - meeting.responderAmount)
    return round
  }).pipe(Effect.scoped)
