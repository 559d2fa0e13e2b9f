/** Coins that come and go, and parties that leave and come back, between parties that run on either library. */
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { expect } from "vitest"
import { open, type Pairing } from "./Life.js"
import { type Meeting, type Party, agreed } from "./Party.js"
import { type World as InWorld, World, balanceOf, look } from "./World.js"

/** Both parties of an open channel, and what each of them must hold. */
class Couple {
  round = 1
  readonly holds: Record<Role, bigint>
  readonly parties: Record<Role, Party>

  constructor(initiator: Party, responder: Party, meeting: Meeting) {
    this.parties = { initiator, responder }
    this.holds = {
      initiator: meeting.initiatorAmount - meeting.pushAmount,
      responder: meeting.responderAmount + meeting.pushAmount
    }
  }

  get both(): ReadonlyArray<Party> {
    return [this.parties.initiator, this.parties.responder]
  }

  /** Both hold the same, and it is what is due. */
  get settled(): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      yield* agreed(this.both, this.round)
      for (const party of this.both) expect(yield* party.balances).toEqual(this.holds)
    })
  }

  /** A proposal that both accept, and what it changes. */
  private accepted(
    propose: () => Effect.Effect<unknown>,
    change: Partial<Record<Role, bigint>>
  ): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      this.round += 1
      this.holds.initiator += change.initiator ?? 0n
      this.holds.responder += change.responder ?? 0n
      expect(yield* propose()).toEqual({ _tag: "Accepted", round: this.round })
      yield* this.settled
    })
  }

  pay(from: Role, amount: bigint): Effect.Effect<void> {
    return this.accepted(() => this.parties[from].pay(amount), { [from]: -amount, [other(from)]: amount })
  }

  deposit(of: Role, amount: bigint): Effect.Effect<void> {
    return this.accepted(() => this.parties[of].deposit(amount), { [of]: amount })
  }

  withdraw(of: Role, amount: bigint): Effect.Effect<void> {
    return this.accepted(() => this.parties[of].withdraw(amount), { [of]: -amount })
  }

  /** A payment each way. */
  get goesOn(): Effect.Effect<void> {
    return Effect.zipRight(this.pay("initiator", 3n), this.pay("responder", 2n))
  }

  comeBack(
    roles: ReadonlyArray<Role>,
    to: "reconnect" | "reestablish"
  ): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen(this, function* () {
      const back = yield* Effect.forEach(roles, (role) => this.parties[role].comeBack(to), {
        concurrency: "unbounded"
      })
      for (const party of back) this.parties[party.role] = party
      yield* this.settled
    })
  }
}

const other = (role: Role): Role => (role === "initiator" ? "responder" : "initiator")

const start = ([left, right]: Pairing) =>
  Effect.gen(function* () {
    const { initiator: alice, meeting, responder: bob } = yield* World
    const [initiator, responder] = yield* Effect.all(
      [open[left]("initiator", alice, meeting), open[right]("responder", bob, meeting)],
      { concurrency: 2 }
    )
    const couple = new Couple(initiator, responder, meeting)
    yield* couple.settled
    return couple
  })

/** The channel closes, and everybody has on chain what it held, but for the fee. */
const closes = (couple: Couple, closer: Role) =>
  Effect.gen(function* () {
    const { initiator, responder } = yield* World
    const before = (yield* balanceOf(initiator.address)) + (yield* balanceOf(responder.address))
    yield* couple.parties[closer].shutdown
    for (const party of couple.both) expect(yield* party.ended).toEqual([])
    const after = (yield* balanceOf(initiator.address)) + (yield* balanceOf(responder.address))
    const paid = couple.holds.initiator + couple.holds.responder - (after - before)
    expect(paid).toBeGreaterThan(0n)
    expect(paid).toBeLessThan(10n ** 14n)
  })

/** Deposits and withdrawals by both, one of each declined; the round at the end. */
export const coins = (pairing: Pairing, first: Role): Effect.Effect<number, never, InWorld> =>
  Effect.gen(function* () {
    const couple = yield* start(pairing)
    const { channelId } = couple.parties.initiator
    for (const role of [first, other(first)]) {
      const { address } = (yield* World)[role]
      const before = yield* balanceOf(address)
      yield* couple.deposit(role, 2_000_000n)
      expect(yield* balanceOf(address)).toBeLessThan(before - 2_000_000n)
      yield* couple.pay(role, 10n)
      yield* couple.withdraw(role, 1_500_000n)
      yield* couple.pay(other(role), 5n)
      const peer = couple.parties[other(role)]
      for (const code of [1, 147]) {
        peer.answerWith(code)
        expect(yield* couple.parties[role].deposit(7n)).toEqual({ _tag: "Declined", code })
        expect(yield* couple.parties[role].withdraw(7n)).toEqual({ _tag: "Declined", code })
      }
      peer.answerWith("sign")
      yield* couple.settled
    }
    expect(couple.parties.initiator.asked.map(({ tag }) => tag)).toContain("deposit_ack")
    const { meeting } = yield* World
    expect(yield* look(`/v3/channels/${channelId}`)).toMatchObject({
      channel_amount: Number(meeting.initiatorAmount + meeting.responderAmount + 1_000_000n)
    })
    yield* closes(couple, first)
    return couple.round
  }).pipe(Effect.scoped)

/** One of them leaves and comes back, twice, and loses its socket and comes back; the round at the end. */
export const returns = (pairing: Pairing, leaver: Role): Effect.Effect<number, never, InWorld> =>
  Effect.gen(function* () {
    const couple = yield* start(pairing)
    yield* couple.goesOn
    // Also in a session that has been left before.
    for (let n = 0; n < 2; n++) {
      const leaving = couple.both
      yield* couple.parties[leaver].leave
      // A responder stays without the initiator, but not the other way round.
      const gone: ReadonlyArray<Role> = leaver === "initiator" ? [leaver] : ["responder", "initiator"]
      for (const role of gone)
        expect(yield* leaving[role === "initiator" ? 0 : 1]?.ended ?? Effect.succeed([])).toEqual([])
      yield* couple.comeBack(gone, "reestablish")
      yield* couple.goesOn
      yield* couple.parties[leaver].drop
      yield* couple.comeBack([leaver], "reconnect")
      yield* couple.goesOn
    }
    yield* couple.deposit(leaver, 1_000_000n)
    yield* closes(couple, leaver)
    return couple.round
  }).pipe(Effect.scoped)
