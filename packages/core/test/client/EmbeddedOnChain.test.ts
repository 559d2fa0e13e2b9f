/** What goes over the chain, on the embedded node: both parties, its own mempool and its own blocks. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, identity, Option, Stream } from "effect"
import * as Fee from "../../src/chain/Fee.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import type * as Channel from "../../src/client/Channel.js"
import type { FlowError } from "../../src/client/ChannelEvent.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import type { AccountAddress } from "../../src/encoding/ApiEncoding.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as Ledger from "../../src/node/Ledger.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import { coin, initiator, layer, responder } from "../support/NodeUnderTest.js"
import * as TestCrypto from "../support/TestCrypto.js"
import { cheat } from "./support/Cheating.js"
import { eventOf } from "./support/Flow.js"
import { openBoth, type Party } from "./support/Parties.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]
const keyOf = (role: Role): KeyPair => (role === "initiator" ? initiator : responder)

const chain = Effect.flatMap(ChannelNode.ChannelNode, (node) =>
  Effect.map(node.ledger, (ledger) => Ledger.view(ledger, TestCrypto.native))
)
const balanceOnChain = (account: AccountAddress) =>
  Effect.map(chain, (view) => view.account(account)?.balance ?? 0n)
const mine = (blocks: number) => Effect.flatMap(ChannelNode.ChannelNode, (node) => node.mine(blocks))

const feeOf = ({ tx }: SignedTx.SignedTx): bigint => Transaction.fee(tx)

/** Ours and theirs, seen from one role. */
const opened = (role: Role, parties: { readonly own?: Party; readonly peer?: Party } = {}) =>
  Effect.map(
    openBoth(
      role === "initiator"
        ? { initiator: parties.own ?? {}, responder: parties.peer ?? {} }
        : { initiator: parties.peer ?? {}, responder: parties.own ?? {} }
    ),
    ([left, right]) => (role === "initiator" ? ([left, right] as const) : ([right, left] as const))
  )

const reaches = (channel: Channel.Channel, round: number) =>
  Stream.runHead(Stream.filter(channel.latest.changes, (state) => state.round === round))

const sum = ({ initiator: a, responder: b }: { readonly initiator: bigint; readonly responder: bigint }) =>
  a + b

describe("on the embedded node", () => {
  it.scopedLive.each(roles)("deposit, withdraw and transfers between them, by the %s", (role) =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* opened(role)
      const { address } = keyOf(role)
      const first = yield* ours.latest.get
      const before = yield* balanceOnChain(address)
      const second = yield* ours.deposit({ amount: 3n * coin, meta: ["rent"] })
      expect(second.round).toBe(2)
      expect(second.balances[role]).toBe(first.balances[role] + 3n * coin)
      expect(yield* balanceOnChain(address)).toBe(before - 3n * coin - feeOf(second.signedTx))
      yield* reaches(theirs, 2)
      const third = yield* theirs.transfer({ amount: coin })
      yield* reaches(ours, 3)
      const fourth = yield* ours.withdraw({ amount: 2n * coin })
      expect(sum(fourth.balances)).toBe(sum(third.balances) - 2n * coin)
      yield* reaches(theirs, 4)
      expect((yield* theirs.latest.get).balances).toEqual(fourth.balances)
      yield* ours.balances()
      yield* theirs.offChainState
      const closed = yield* theirs.shutdown()
      expect(closed.confirmed).toBe(true)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("fee, gas price and nonce are what we name", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* opened("initiator")
      const price = 2n * Fee.defaultMinerGasPrice
      const priced = yield* ours.deposit({ amount: coin, gasPrice: price })
      expect(feeOf(priced.signedTx)).toBe(Fee.minimumFee(priced.signedTx.tx, price))
      const named = yield* ours.withdraw({ amount: coin, fee: 10n ** 15n })
      expect(feeOf(named.signedTx)).toBe(10n ** 15n)
      yield* reaches(theirs, 3)
      const refused = yield* Effect.flip(theirs.deposit({ amount: coin, nonce: 99n }))
      expect(refused).toMatchObject({ _tag: "RejectedOnChainError", operation: "deposit", code: 5 })
      expect(yield* Effect.flip(ours.deposit({ amount: 0n }))).toMatchObject({ _tag: "RejectedError" })
      // We have acknowledged what came to nothing, so that the next for its round has to be ours.
      expect((yield* ours.transfer({ amount: 1n })).round).toBe(4)
      yield* reaches(theirs, 4)
      expect((yield* theirs.deposit({ amount: coin })).round).toBe(5)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive.each(roles)("snapshot, close alone, settle: by the %s", (role) =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* opened(role)
      yield* ours.transfer({ amount: coin })
      yield* reaches(theirs, 2)
      const snapshot = yield* ours.snapshotSolo()
      expect(snapshot.signedTx.tx._tag).toBe("ChannelSnapshotSoloTx")
      expect(yield* Effect.flip(ours.snapshotSolo())).toMatchObject({
        _tag: "RejectedError",
        data: [{ code: 1013 }]
      })
      yield* ours.transfer({ amount: coin })
      yield* reaches(theirs, 3)
      const closing = yield* ours.closeSolo()
      expect(closing.signedTx.tx._tag).toBe("ChannelCloseSoloTx")
      for (const each of [ours, theirs]) {
        expect(yield* eventOf(each, "SoloClosing")).toMatchObject({ txHash: closing.txHash })
        yield* Stream.runHead(Stream.filter(each.status.changes, ({ phase }) => phase === "closing"))
      }
      const { balances } = yield* ours.latest.get
      const before = yield* Effect.all([initiator, responder].map(({ address }) => balanceOnChain(address)))
      yield* mine(20)
      const closed = yield* ours.settle()
      expect(closed).toMatchObject({ confirmed: true })
      const after = yield* Effect.all([initiator, responder].map(({ address }) => balanceOnChain(address)))
      const fees = roles.map((each) => (each === role ? feeOf(closed.signedTx) : 0n))
      expect(after.map((each, index) => each - (before[index] ?? 0n) + (fees[index] ?? 0n))).toEqual([
        balances.initiator,
        balances.responder
      ])
      expect(yield* Stream.runLast(theirs.events)).toMatchObject({ value: { _tag: "Ended" } })
      expect((yield* theirs.status.get).phase).toBe("closed")
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive.each(roles)(
    "I16, I17: the %s's client answers a cheater by itself, and is paid its latest balance",
    (role) =>
      Effect.gen(function* () {
        // The cheater's client would not slash its own cheat either.
        const [ours, theirs] = yield* opened(role, { peer: { changes: { autoSlash: false } } })
        const first = yield* ours.latest.get
        yield* theirs.transfer({ amount: coin })
        yield* reaches(ours, 2)
        yield* cheat(keyOf(role === "initiator" ? "responder" : "initiator"), first, ours.id)
        expect(yield* eventOf(ours, "CanSlash")).toMatchObject({ type: "channel_offchain_tx" })
        const slashed = yield* Stream.runHead(
          Stream.filter(
            ours.events,
            (event) => event._tag === "SoloClosing" && event.type === "channel_slash_tx"
          )
        )
        expect(slashed._tag).toBe("Some")
        yield* mine(20)
        const { address } = keyOf(role)
        const { balances } = yield* ours.latest.get
        const before = yield* balanceOnChain(address)
        const closed = yield* ours.settle()
        expect(yield* balanceOnChain(address)).toBe(before + balances[role] - feeOf(closed.signedTx))
      }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("a deposit meets a transfer: each ends, and both stay usable", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* opened("responder")
      const outcomes = yield* Effect.all(
        [
          Effect.either<unknown, FlowError, never>(ours.deposit({ amount: coin })),
          Effect.either<unknown, FlowError, never>(theirs.transfer({ amount: 1n }))
        ],
        { concurrency: "unbounded" }
      )
      for (const outcome of outcomes)
        if (outcome._tag === "Left") expect(outcome.left).toMatchObject({ _tag: "ConflictError" })
      const next = yield* theirs.withdraw({ amount: coin })
      yield* reaches(ours, next.round)
      expect((yield* ours.transfer({ amount: 1n })).round).toBe(next.round + 1)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive(
    "settle before the lock period is over waits for it; a closing channel can be closed together",
    () =>
      Effect.gen(function* () {
        const [ours, theirs] = yield* opened("initiator")
        yield* ours.transfer({ amount: coin })
        yield* reaches(theirs, 2)
        yield* ours.closeSolo()
        const settling = yield* Effect.fork(ours.settle())
        yield* Stream.runHead(
          Stream.filter(
            ours.events,
            (event) => event._tag === "SignatureGiven" && event.tag === "settle_sign"
          )
        )
        expect(yield* Fiber.poll(settling)).toMatchObject({ _tag: "None" })
        yield* mine(20)
        expect(yield* Fiber.join(settling)).toMatchObject({ confirmed: true })
      }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("closing alone, then together", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* opened("initiator")
      yield* ours.transfer({ amount: coin })
      yield* reaches(theirs, 2)
      yield* ours.closeSolo()
      yield* Stream.runHead(Stream.filter(theirs.status.changes, ({ phase }) => phase === "closing"))
      const closed = yield* theirs.shutdown()
      expect(closed.signedTx.tx._tag).toBe("ChannelCloseMutualTx")
      expect((yield* theirs.status.get).phase).toBe("closed")
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("assumeMinimumDepth and history", () =>
    Effect.gen(function* () {
      const blocks = Effect.forever(Effect.zipRight(Effect.sleep("20 millis"), mine(1)))
      const [ours, theirs] = yield* Effect.raceFirst(opened("initiator"), blocks)
      const fiber = yield* Effect.fork(ours.deposit({ amount: coin }))
      const { txHash } = yield* Effect.flatMap(
        Stream.runHead(
          Stream.filterMap(ours.events, (event) =>
            event._tag === "ChannelChanged" && event.type === "channel_deposit_tx"
              ? Option.some(event)
              : Option.none()
          )
        ),
        identity
      )
      // No key block comes by itself: both are told to take it as deep enough.
      for (const each of [ours, theirs]) yield* each.assumeMinimumDepth(txHash)
      expect(yield* Fiber.join(fiber)).toMatchObject({ round: 2 })
      yield* reaches(theirs, 2)
      const entries = yield* theirs.history({ n: 3, types: ["rpt"] })
      expect(entries).toHaveLength(3)
      expect(yield* Effect.flip(ours.assumeMinimumDepth(txHash))).toMatchObject({ _tag: "RejectedError" })
    }).pipe(Effect.provide(layer({ mining: { keyBlocksAfter: 0 } })), Effect.timeout("10 seconds"))
  )
})
