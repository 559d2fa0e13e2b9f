/** I16: an older state on chain is answered with the latest one, by the client itself. */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Stream, TestClock } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import { eventOf, failure, hasTag, transferAt } from "./support/Flow.js"
import {
  closeSoloTx,
  complete,
  oldClose,
  openPaid,
  paidState,
  settleTx,
  slashTx,
  tell
} from "./support/OnChain.js"
import {
  errorOf,
  initiator,
  type Open,
  openScripted,
  responder,
  settle,
  signedBy,
  signedTxOf
} from "./support/ScriptedNode.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]

describe("I16: an older state on chain", () => {
  const slashes = (open: Open) =>
    Effect.map(settle, () => open.node.methods.filter((method) => method === "channels.slash").length)

  it.live.each(roles)("is answered by the %s's client itself", (role) =>
    Effect.gen(function* () {
      const open = yield* openPaid(role)
      const { channel, node, own } = open
      // What is under way is dropped, and does not keep the answer.
      const [transfer] = yield* transferAt(open, "requested")
      node.ask("update", SignedTx.unsigned(paidState.tx), [])
      const queued = yield* Effect.fork(Effect.either(channel.transfer({ amount: 1n })))
      tell(node, "can_slash", paidState)
      node.info("closing")
      yield* failure(transfer)
      yield* node.expect("update")
      node.info("aborted_update")
      yield* node.expect("slash")
      expect(yield* slashes(open)).toBe(1)
      node.ask("slash_tx", SignedTx.unsigned(slashTx(own)))
      const tx = signedTxOf(yield* node.expect("slash_sign"))
      tell(node, "solo_closing", tx)
      expect(yield* eventOf(channel, "SoloClosing")).toMatchObject({ type: "channel_slash_tx" })
      expect(yield* eventOf(channel, "CanSlash")).toMatchObject({ type: "channel_offchain_tx" })
      expect(yield* slashes(open)).toBe(1)
      yield* Fiber.interrupt(queued)
    }).pipe(Effect.scoped)
  )

  it.live("is answered again when the mempool refuses the answer, but not for ever", () =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator")
      const { channel, node, own } = open
      const round = (yield* channel.latest.get).round
      for (const shown of [1, 2]) {
        tell(node, "can_slash", paidState)
        for (const _ of [1, 2, 3]) {
          yield* node.expect("slash")
          node.ask("slash_tx", SignedTx.unsigned(slashTx(own)))
          yield* node.expect("slash_sign")
          node.conflict(5, round)
        }
        expect(yield* slashes(open)).toBe(3 * shown)
      }
    }).pipe(Effect.scoped)
  )

  it.live("is not answered when that is switched off, when frozen, or by what is on chain itself", () =>
    Effect.gen(function* () {
      const off = yield* openPaid("initiator", { changes: { autoSlash: false } })
      tell(off.node, "can_slash", paidState)
      expect(yield* slashes(off)).toBe(0)

      const frozen = yield* openPaid("initiator")
      frozen.node.say({
        _tag: "StateUpdate",
        state: complete({ ...paidState.tx, round: 9 } as typeof paidState.tx)
      })
      yield* Stream.runHead(
        Stream.filter(frozen.channel.status.changes, (status) => status.frozen !== undefined)
      )
      tell(frozen.node, "can_slash", paidState)
      expect(yield* slashes(frozen)).toBe(0)
      frozen.node.info("died")
      const events = Chunk.toReadonlyArray(yield* Stream.runCollect(frozen.channel.events))
      expect(events.filter((event) => event._tag === "OperationFailed")).toEqual([])

      const first = yield* openScripted("initiator")
      tell(first.node, "can_slash", oldClose(responder))
      expect(yield* slashes(first)).toBe(0)
    }).pipe(Effect.scoped)
  )

  it.live("never when the state on chain is as new as ours", () =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator")
      tell(open.node, "solo_closing", signedBy(closeSoloTx(responder), [responder]))
      expect(yield* slashes(open)).toBe(0)
      // The node calls it older, but the transaction shows our own round.
      tell(open.node, "can_slash", signedBy(closeSoloTx(responder), [responder]))
      expect(yield* slashes(open)).toBe(0)
      tell(open.node, "can_slash", oldClose(responder))
      expect(yield* slashes(open)).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.live("is answered once, and not beside a slash that was asked for; nobody can call it off", () =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator")
      const asked = yield* Effect.fork(Effect.either(open.channel.slash()))
      yield* open.node.expect("slash")
      tell(open.node, "can_slash", paidState)
      expect(yield* slashes(open)).toBe(1)
      yield* Fiber.interrupt(asked)

      const alone = yield* openPaid("initiator")
      tell(alone.node, "can_slash", paidState)
      tell(alone.node, "can_slash", paidState)
      expect(yield* slashes(alone)).toBe(1)
      yield* alone.channel.abort()
      alone.node.ask("slash_tx", SignedTx.unsigned(slashTx(initiator)))
      expect(errorOf(yield* alone.node.expect("slash"))).toBeUndefined()
      expect(errorOf(yield* alone.node.expect("slash_sign"))).toBeUndefined()
    }).pipe(Effect.scoped)
  )

  it.scoped("is answered again when nothing comes of it, and the failure is told", () =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator", { changes: { chainTimeout: "10 seconds" } })
      tell(open.node, "can_slash", paidState)
      yield* open.node.expect("slash")
      open.node.ask("slash_tx", SignedTx.unsigned(slashTx(initiator)))
      yield* open.node.expect("slash_sign")
      yield* settle
      yield* TestClock.adjust("10 seconds")
      yield* open.node.expect("slash")
      const failed = yield* Stream.runHead(
        Stream.filter(open.channel.events, (event) => hasTag(event, "OperationFailed"))
      )
      expect(failed).toMatchObject({
        value: { operation: "slash", error: { _tag: "TimeoutError", step: "chain" } }
      })
    })
  )

  it.live("a settlement that waits does not keep the answer", () =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator")
      tell(open.node, "solo_closing", signedBy(closeSoloTx(responder), [responder]))
      yield* Effect.fork(Effect.either(open.channel.settle()))
      yield* open.node.expect("settle")
      open.node.ask("settle_sign", SignedTx.unsigned(settleTx(initiator)))
      yield* open.node.expect("settle_sign")
      tell(open.node, "can_slash", paidState)
      yield* open.node.expect("slash")
    }).pipe(Effect.scoped)
  )
})
