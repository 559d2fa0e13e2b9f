/** Operations that end because of another one, of time, or of the connection. */
import { expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TransportError } from "../../../../src/protocol/Errors.js"
import {
  amount,
  awaiting,
  behaves,
  failureOf,
  fork,
  later,
  type OpenWorld,
  row,
  type RowOf,
  shutdown,
  timed,
  transfer,
  transferred,
  whileHeld
} from "./Row.js"

/** The peer proposes a transfer and does not sign it yet. */
const peerHolds = ({ peer, theirs }: OpenWorld) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    peer.sign = (details) => Effect.as(Deferred.await(gate), peer.signed(details))
    const fiber = yield* fork(theirs.transfer({ amount: 1n }))
    yield* peer.nextAsked
    return { fiber, release: Deferred.succeed(gate, undefined) }
  })

export const conflicts: ReadonlyArray<RowOf<OpenWorld>> = [
  row("ConflictError", "2, our signed proposal meets the peer's unsigned one", {
    fails: (world) =>
      Effect.gen(function* () {
        const { fiber } = yield* peerHolds(world)
        const error = yield* failureOf(world.ours.transfer({ amount }))
        expect(yield* failureOf(Fiber.join(fiber))).toMatchObject({
          _tag: "ConflictError",
          step: "sign.update",
          round: 1
        })
        return yield* Effect.fail(error)
      }),
    fields: transferred(awaiting, 2, "peer"),
    mends: ({ peer }) => behaves(peer),
    after: "usable"
  }),
  row("ConflictError", "2, our unsigned proposal meets the peer's signed one", {
    fails: whileHeld(transfer, ({ theirs }) =>
      Effect.map(failureOf(theirs.transfer({ amount: 1n })), (error) =>
        expect(error).toMatchObject({ _tag: "ConflictError", step: awaiting })
      )
    ),
    fields: transferred("sign.update", 2, "peer"),
    mends: ({ own }) => behaves(own),
    after: "usable"
  }),
  row("ConflictError", "2, our signed shutdown meets a transfer of the peer", {
    fails: (world) =>
      Effect.gen(function* () {
        const { fiber, release } = yield* peerHolds(world)
        const closing = yield* fork(world.ours.shutdown())
        yield* world.own.nextAsked
        yield* release
        expect(yield* failureOf(Fiber.join(fiber))).toMatchObject({ _tag: "ConflictError" })
        return yield* Fiber.join(closing)
      }),
    fields: { ...transferred(awaiting, 2, "peer"), operation: "shutdown" },
    mends: ({ peer }) => behaves(peer),
    after: "usable"
  }),
  row("ConflictError", "2, the peer's client is away", {
    fails: ({ ours, peer }) => Effect.zipRight(peer.close, ours.transfer({ amount })),
    fields: transferred(awaiting, 2, "peer"),
    after: "alone"
  })
]

export const timeouts: ReadonlyArray<RowOf<OpenWorld>> = [
  row("TimeoutError", "3, our signer is slower than the timer sign (transfer)", {
    fails: whileHeld(transfer, () => later(2000)),
    parameters: timed({ sign: 2000 }),
    fields: transferred("sign.update", 3, "node"),
    mends: ({ own }) => behaves(own),
    after: "usable"
  }),
  row("TimeoutError", "3, our signer is slower than the timer sign (shutdown)", {
    fails: whileHeld(shutdown, () => later(2000)),
    parameters: timed({ sign: 2000 }),
    fields: { ...transferred("sign.shutdown_sign", 3, "node"), operation: "shutdown" },
    mends: ({ own }) => behaves(own),
    after: "usable"
  }),
  ...(["transfer", "shutdown"] as const).map((operation) =>
    row<OpenWorld>("TimeoutError", `3, the peer is slower than our timer accept (${operation})`, {
      fails: ({ ours, peer }) =>
        Effect.gen(function* () {
          yield* peer.holds
          const fiber = yield* fork(operation === "transfer" ? ours.transfer({ amount }) : ours.shutdown())
          yield* peer.nextAsked
          yield* later(3000)
          return yield* Fiber.join(fiber)
        }),
      parameters: timed({ accept: 3000 }),
      fields: { ...transferred(awaiting, 3, "node"), operation },
      mends: ({ peer }) => behaves(peer),
      after: "usable"
    })
  ),
  row("TimeoutError", "3, the peer's node gives up before ours", {
    fails: ({ ours, peer }) =>
      Effect.gen(function* () {
        yield* peer.holds
        const fiber = yield* fork(ours.transfer({ amount }))
        yield* peer.nextAsked
        yield* later(1000)
        return yield* Fiber.join(fiber)
      }),
    parameters: { peer: { timeouts: { sign: 1000 } } },
    fields: transferred(awaiting, 3, "node"),
    mends: ({ peer }) => behaves(peer),
    after: "usable"
  }),
  row("TimeoutError", "3, our node does not answer a ping", {
    fails: ({ ours, own }) =>
      Effect.gen(function* () {
        own.damage = () => []
        const fiber = yield* fork(ours.ping)
        yield* later(60_000)
        return yield* Fiber.join(fiber)
      }),
    fields: { ...transferred("awaiting reply", 3, "node"), operation: "ping" },
    mends: ({ own }) => behaves(own),
    after: "usable"
  }),
  row("TimeoutError", "3, our node does not ask for the signature", {
    fails: ({ ours, own }) =>
      Effect.gen(function* () {
        own.damage = (text) => (text.includes("channels.sign.update") ? [] : [text])
        const fiber = yield* fork(ours.transfer({ amount }))
        yield* later(7000)
        return yield* Fiber.join(fiber)
      }),
    parameters: { own: { requestTimeout: "7 seconds", timeouts: { sign: 9000 } } },
    fields: transferred("awaiting the node", 3, "node"),
    mends: ({ own }) => Effect.zipRight(behaves(own), later(2000)),
    after: "usable"
  })
]

const brokenBy = (reason: TransportError["reason"], closeCode: number) =>
  new TransportError({ reason, operation: "receive", detail: "a test says so", closeCode })

export const transports: ReadonlyArray<RowOf<OpenWorld>> = [
  ...(
    [
      ["connection_lost", 1006, /Check the network/],
      ["closed_by_node", 1011, /the node's log/]
    ] as const
  ).flatMap(([reason, closeCode, advice]) => [
    row<OpenWorld>("TransportError", `${reason}, while we sign`, {
      fails: whileHeld(transfer, ({ own }) => own.disconnect(brokenBy(reason, closeCode))),
      fields: { operation: "transfer", reason, closeCode },
      says: advice,
      after: "ended"
    }),
    row<OpenWorld>("TransportError", `${reason}, while an answer is awaited`, {
      fails: ({ ours, own }) =>
        Effect.gen(function* () {
          own.damage = () => []
          const fiber = yield* fork(ours.offChainState)
          yield* Effect.yieldNow()
          yield* own.disconnect(brokenBy(reason, closeCode))
          return yield* Fiber.join(fiber)
        }),
      fields: { operation: "get.offchain_state", reason, closeCode },
      says: advice,
      after: "ended"
    })
  ]),
  row("TransportError", "channel_ended, the peer stops its machine while we sign", {
    fails: whileHeld(transfer, ({ theirs }) => theirs.stop),
    parameters: { own: { keepRunning: false } },
    fields: { operation: "transfer", reason: "channel_ended" },
    after: "ended"
  }),
  row("TransportError", "channel_ended, the peer leaves while we wait for our turn", {
    fails: ({ ours, theirs }) => Effect.zipRight(theirs.leave, ours.shutdown()),
    parameters: { own: { keepRunning: false } },
    fields: { reason: "channel_ended" },
    after: "ended"
  }),
  row("TransportError", "channel_ended, we have stopped it ourselves", {
    fails: ({ ours }) => Effect.zipRight(ours.stop, ours.transfer({ amount })),
    fields: { operation: "transfer", reason: "channel_ended" },
    after: "ended"
  }),
  row("TransportError", "channel_ended, nothing happened for the timer idle", {
    fails: ({ ours }) => Effect.zipRight(later(4000), ours.transfer({ amount })),
    parameters: { own: { keepRunning: false, timeouts: { idle: 4000 } } },
    fields: { operation: "transfer", reason: "channel_ended" },
    after: "ended"
  }),
  row("TransportError", "closed_by_us, while we sign", {
    fails: whileHeld(transfer, ({ own }) => own.close),
    fields: { operation: "transfer", reason: "closed_by_us" },
    says: /Keep the channel's scope open/,
    after: "ended"
  }),
  row("TransportError", "closed_by_us, asked afterwards", {
    fails: ({ ours, own }) => Effect.zipRight(own.close, ours.sendMessage("too late")),
    fields: { reason: "closed_by_us" },
    says: /Keep the channel's scope open/,
    after: "ended"
  })
]
