import { describe, expect, it } from "@effect/vitest"
import { Context, Duration, Effect, FastCheck, Fiber, Layer, Ref, TestClock } from "effect"
import type { Channel } from "../../src/client/Channel.js"
import * as CallData from "../../src/fate/CallData.js"
import { ChannelNode } from "../../src/node/ChannelNode.js"
import * as Ledger from "../../src/node/Ledger.js"
import { ChannelStore, makeMemory } from "../../src/services/ChannelStore.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Signer from "../../src/services/Signer.js"
import { layerTapped } from "../../src/services/Transport.js"
import * as Arbitraries from "../../src/testing/Arbitraries.js"
import { runSeeded } from "../../src/testing/SeededScheduler.js"
import * as TestCrypto from "../../src/testing/TestCrypto.js"
import * as TestNode from "../../src/testing/TestNode.js"
import { native } from "../support/TestCrypto.js"

const layer = (options: TestNode.TestNodeOptions = {}) => TestNode.layer({ crypto: native, ...options })

interface Step {
  readonly who: "initiator" | "responder"
  readonly what: "transfer" | "message" | "wait"
  readonly amount: bigint
}

const steps = FastCheck.array(
  FastCheck.record({
    who: FastCheck.constantFrom<Step["who"]>("initiator", "responder"),
    what: FastCheck.constantFrom<Step["what"]>("transfer", "message", "wait"),
    amount: FastCheck.bigInt({ min: 0n, max: 12n * TestNode.AE })
  }),
  { maxLength: 8 }
)

/** All frames of both parties, with their times, and how every step ended. */
const log = (steps: ReadonlyArray<Step>, seed: number): string =>
  Effect.gen(function* () {
    const lines = yield* Ref.make<ReadonlyArray<string>>([])
    const write = (who: string, text: string) =>
      Effect.flatMap(Effect.clock, (clock) =>
        Ref.update(lines, (all) => [...all, `${clock.unsafeCurrentTimeMillis()} ${who} ${text}`])
      )
    const tapped = (who: string) => ({
      transport: layerTapped(({ direction, text }) => write(who, `${direction} ${text}`))
    })
    const pair = yield* TestNode.openPair({ initiator: tapped("i"), responder: tapped("r") })
    yield* Effect.forEach(
      steps,
      ({ amount, what, who }) => {
        const channel: Channel = pair[who]
        const step: Effect.Effect<unknown, { readonly _tag: string }> =
          what === "transfer"
            ? Effect.map(channel.transfer({ amount }), ({ round }) => round)
            : what === "message"
              ? channel.sendMessage(`${amount}`)
              : Effect.sleep(Duration.millis(Number(amount % 100_000n)))
        return Effect.flatMap(Effect.either(step), (end) =>
          write(who, end._tag === "Left" ? end.left._tag : String(end.right))
        )
      },
      { concurrency: "unbounded" }
    )
    yield* pair.initiator.shutdown()
    return (yield* lines).join("\n")
  }).pipe(
    Effect.scoped,
    Effect.provide(layer({ seed })),
    Effect.orDie,
    (program) => runSeeded(seed, program),
    Effect.runSync
  )

describe("TestNode", () => {
  it("the same seed gives the same log, byte for byte", () => {
    let bytes = 0
    FastCheck.assert(
      FastCheck.property(steps, FastCheck.nat(), (steps, seed) => {
        const first = log(steps, seed)
        bytes += first.length
        expect(log(steps, seed)).toBe(first)
      }),
      { numRuns: 25 }
    )
    console.log(`${bytes} bytes of frames replayed equally`)
    expect(bytes).toBeGreaterThan(100_000)
  })

  it("another seed gives other secrets", () => {
    expect(log([], 1)).not.toBe(log([], 2))
  })

  it.scoped("needs nobody to move the test clock", () =>
    Effect.gen(function* () {
      const { initiator, responder } = yield* TestNode.openPair()
      expect((yield* responder.transfer({ amount: 5n })).round).toBe(2)
      expect((yield* initiator.shutdown()).confirmed).toBe(true)
      expect(yield* TestClock.currentTimeMillis).toBe(0)
    }).pipe(Effect.provide(layer()))
  )

  it.scoped("has the accounts, balances, network and blocks that are asked for", () => {
    const alice = TestCrypto.keyPair("alice")
    const bob = TestCrypto.keyPair("bob")
    const carol = TestCrypto.keyPair("carol")
    return Effect.gen(function* () {
      const node = yield* ChannelNode
      const { networkId, parties } = yield* TestNode.TestNode
      expect([networkId, parties]).toEqual(["ae_mine", { initiator: alice, responder: bob }])
      const ledger = yield* node.ledger
      expect([alice, bob, carol].map(({ address }) => Ledger.balance(ledger, address))).toEqual([
        50n,
        50n,
        7n
      ])
      yield* Effect.forEach([alice, bob], ({ address }) => node.fund(address, 100n * TestNode.AE))
      const opening = yield* Effect.fork(TestNode.openPair())
      yield* TestClock.adjust(1)
      expect(opening.unsafePoll()).toBe(null)
      yield* node.mine(5)
      const { initiator } = yield* Fiber.join(opening)
      expect(initiator.terms.initiatorId).toBe(alice.address)
    }).pipe(
      Effect.provide(
        layer({
          networkId: "ae_mine",
          parties: { initiator: alice, responder: bob },
          balance: 50n,
          accounts: [{ address: carol.address, balance: 7n }],
          mining: { automatic: false }
        })
      )
    )
  })

  it.scoped("uses the signer, store, policy and options of each party", () =>
    Effect.gen(function* () {
      const { networkId, parties } = yield* TestNode.TestNode
      const memory = yield* makeMemory
      const signed = yield* Ref.make<ReadonlyArray<string>>([])
      const signer = Layer.map(Signer.layerKeyPair(parties.initiator, networkId), (context) => {
        const { address, sign } = Context.get(context, Signer.Signer)
        return Context.make(Signer.Signer, {
          address,
          sign: (details) =>
            Effect.zipRight(
              Ref.update(signed, (all) => [...all, details.tag]),
              sign(details)
            )
        })
      })
      const { initiator, responder } = yield* TestNode.openPair({
        initiator: { signer, options: { pushAmount: 3n } },
        responder: {
          policy: ProposalPolicy.declineAll(200),
          store: Layer.succeed(ChannelStore, memory),
          options: { pushAmount: 3n, eventBuffer: 1 }
        },
        options: { pushAmount: 4n, initiatorAmount: 50n * TestNode.AE }
      })
      expect(initiator.terms).toEqual(responder.terms)
      expect(initiator.terms).toMatchObject({ pushAmount: 3n, initiatorAmount: 50n * TestNode.AE })
      expect(yield* Effect.flip(initiator.transfer({ amount: 1n }))).toMatchObject({ code: 200 })
      expect(yield* signed).toEqual(["initiator_sign", "update"])
      expect(yield* memory.list).toEqual([{ channelId: initiator.id, role: "responder" }])
    }).pipe(Effect.provide(layer()))
  )

  it("opens with all amounts that fit", () => {
    FastCheck.assert(
      FastCheck.property(Arbitraries.amounts(20n * TestNode.AE), FastCheck.nat(), (amounts, seed) => {
        const program = Effect.gen(function* () {
          const { initiator, responder } = yield* TestNode.openPair({ options: amounts })
          const { balances } = yield* initiator.latest.get
          expect(balances).toEqual({
            initiator: amounts.initiatorAmount - amounts.pushAmount,
            responder: amounts.responderAmount + amounts.pushAmount
          })
          expect((yield* responder.latest.get).balances).toEqual(balances)
        }).pipe(Effect.scoped, Effect.provide(layer({ balance: 20n * TestNode.AE })))
        Effect.runSync(runSeeded(seed, program))
      }),
      { numRuns: 20 }
    )
  })

  it.scoped("fails as the end that fails first, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        TestNode.openPair({ responder: { options: { channelReserve: 30n * TestNode.AE } } })
      )
      expect(error).toMatchObject({ _tag: "RejectedError", operation: "open" })
      yield* TestNode.openPair()
    }).pipe(Effect.provide(layer()))
  )
})

describe("contracts that look at the chain", () => {
  // contract Look = entrypoint init() = (), entrypoint height() = Chain.block_height
  const code =
    "cb_+GdGA6BSNImtwVvsKwAYuQajZVzEebHKePvaVRsZBDV846jJAMC4Op3+OG8dqgA3AAdZAAD+RNZEHwA3ADcAGg6CPwEDP5gvAhE4bx2qGWhlaWdodBFE1kQfEWluaXSCLwCFOC4wLjAAUCxQbg=="

  it.scoped("are checked with the node's own", () =>
    Effect.gen(function* () {
      const { initiator, responder } = yield* TestNode.openPair()
      const { contractId } = yield* initiator.contracts.create({
        code,
        callData: CallData.encode("init", [])
      })
      const { call } = yield* responder.contracts.call({
        contractId,
        callData: CallData.encode("height", [])
      })
      expect(call).toMatchObject({ returnType: "ok", verified: true })
      expect(typeof call.value).toBe("bigint")
    }).pipe(Effect.provide(layer()))
  )
})
