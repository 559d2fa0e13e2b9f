import type { Channel } from "@aechannel/core"
import { Faults, SeededScheduler, TestNode } from "@aechannel/core/testing"
import { NativeCrypto } from "@aechannel/transport"
import { Effect, FastCheck, Schedule } from "effect"

// The application: pays, and tries again when the other party was paying at the same time.
const pay = (channel: Channel.Channel, amount: bigint) =>
  channel.transfer({ amount }).pipe(
    Effect.retry({
      while: ({ _tag }) => _tag === "ConflictError",
      schedule: Schedule.jittered(Schedule.spaced("1 second"))
    })
  )

const scenario = (amounts: readonly [bigint, bigint], plan: ReadonlyArray<Faults.PlannedFault>) =>
  Effect.gen(function* () {
    const transport = Faults.layer(plan)
    const { initiator, responder } = yield* TestNode.openPair({ initiator: { transport } })
    const before = (yield* responder.latest.get).balances.responder
    const payments = [pay(initiator, amounts[0]), pay(responder, amounts[1])].map(Effect.isSuccess)
    const [paid, paidBack] = yield* Effect.all(payments, { concurrency: 2 })
    yield* Effect.sleep("1 minute")
    return { paid, paidBack, change: (yield* responder.latest.get).balances.responder - before }
  }).pipe(
    Effect.timeoutOption("10 minutes"), // a connection may be silent for ever
    Effect.scoped,
    Effect.provide(TestNode.layer({ crypto: NativeCrypto.make() })),
    Effect.option
  )

// Whatever happens to the first party's frames, and in whatever order: who was told that it has paid, has paid once.
const amount = FastCheck.bigInt(1n, TestNode.AE)
const property = FastCheck.property(
  FastCheck.tuple(amount, amount),
  Faults.arbitraryPlan(),
  FastCheck.nat(),
  (amounts, plan, seed) => {
    const end = Effect.runSync(SeededScheduler.runSeeded(seed, scenario(amounts, plan)))
    if (end._tag === "None" || end.value._tag === "None") return true // no channel, no payment
    const { change, paid, paidBack } = end.value.value
    const received = paid === true ? [amounts[0]] : [amounts[0], 0n]
    const spent = paidBack === true ? [amounts[1]] : [amounts[1], 0n]
    return received.some((more) => spent.some((less) => change === more - less))
  }
)
FastCheck.assert(property, { numRuns: 50 })
console.log("no payment is lost or made twice")
