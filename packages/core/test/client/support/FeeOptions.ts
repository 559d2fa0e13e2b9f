/**
 * Fee, gas price and nonce of everything that goes on chain, by either party: what the node makes of the options, up to
 * the transaction in the block. The fees are computed here from the size in bytes.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, type Scope, Stream } from "effect"
import * as SignedTx from "../../../src/chain/SignedTx.js"
import * as Transaction from "../../../src/chain/Transaction.js"
import type { Channel } from "../../../src/client/Channel.js"
import type { ChannelError, FlowError } from "../../../src/client/ChannelEvent.js"
import type { KeyPair } from "../../../src/crypto/KeyPair.js"
import * as ChannelNode from "../../../src/node/ChannelNode.js"
import * as Ledger from "../../../src/node/Ledger.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import type { OnChainOptions } from "../../../src/protocol/Request.js"
import * as ProposalPolicy from "../../../src/services/ProposalPolicy.js"
import * as Signer from "../../../src/services/Signer.js"
import type { Transport } from "../../../src/services/Transport.js"
import { closeWithFirst, submit, view } from "../../support/Chain.js"
import { coin, initiator, layer, networkId, responder } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"
import { openBoth, type Party } from "./Parties.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]
const keyOf = (role: Role): KeyPair => (role === "initiator" ? initiator : responder)

// ---------------------------------------------------------------- what is due

export type Paid = Transaction.Transaction & { readonly fee: bigint; readonly nonce: bigint }

export const minerPrice = 1_000_000_000n
export const consensusPrice = 1_000_000n

const gas = (tx: Transaction.Transaction): bigint => BigInt(15_000 + 20 * Transaction.encode(tx).length)

/** Both pay half; the initiator one more where it is odd. */
const withFee = (tx: Paid, fee: bigint): Paid => {
  if (tx._tag !== "ChannelCloseMutualTx") return { ...tx, fee }
  const half = (of: bigint): readonly [bigint, bigint] => [(of + 1n) / 2n, of / 2n]
  const [[before, beforeR], [after, afterR]] = [half(tx.fee), half(fee)]
  return {
    ...tx,
    initiatorAmountFinal: tx.initiatorAmountFinal + before - after,
    responderAmountFinal: tx.responderAmountFinal + beforeR - afterR,
    fee
  }
}

/** The smallest fee that pays for the bytes, its own among them. */
export const minimum = (tx: Paid, price: bigint, priced = withFee): bigint => {
  let fee = 0n
  for (;;) {
    const needed = gas(priced(tx, fee)) * price
    if (needed === fee) return fee
    fee = needed
  }
}

/** The mempool divides the fee by the gas and rounds up. */
const leastTaken = (tx: Paid): bigint => {
  const fee = minimum(tx, minerPrice)
  return fee - gas(withFee(tx, fee)) + 1n
}

// ---------------------------------------------------------------- the operations

interface World {
  readonly node: ChannelNode.ChannelNodeService
  readonly role: Role
  readonly own: Channel
  readonly peer: Channel
}

interface Operation {
  readonly prepare?: (world: World) => Effect.Effect<unknown, FlowError>
  readonly run: (channel: Channel, options?: OnChainOptions) => Effect.Effect<unknown, FlowError>
  readonly type: string
}

const reaches = (channel: Channel, phase: "closing") =>
  Stream.runHead(Stream.filter(channel.status.changes, (status) => status.phase === phase))

const pays = ({ own, peer }: World) =>
  Effect.tap(own.transfer({ amount: coin }), ({ round }) =>
    Stream.runHead(Stream.filter(peer.latest.changes, (state) => state.round === round))
  )

const closing = (world: World) =>
  Effect.gen(function* () {
    yield* pays(world)
    yield* world.peer.closeSolo()
    for (const each of [world.own, world.peer]) yield* reaches(each, "closing")
  })

const cheated = (world: World) =>
  Effect.gen(function* () {
    const first = yield* world.own.latest.get
    yield* pays(world)
    yield* closeWithFirst(world.node, keyOf(world.role === "initiator" ? "responder" : "initiator"), first)
    for (const each of [world.own, world.peer]) yield* reaches(each, "closing")
  })

export const operations = {
  deposit: {
    type: "channel_deposit_tx",
    run: (channel, options) => channel.deposit({ amount: coin, ...options })
  },
  withdraw: {
    type: "channel_withdraw_tx",
    run: (channel, options) => channel.withdraw({ amount: coin, ...options })
  },
  shutdown: { type: "channel_close_mutual_tx", run: (channel, options) => channel.shutdown(options) },
  "shutdown while closing": {
    type: "channel_close_mutual_tx",
    prepare: closing,
    run: (channel, options) => channel.shutdown(options)
  },
  snapshot: {
    type: "channel_snapshot_solo_tx",
    prepare: pays,
    run: (channel, options) => channel.snapshotSolo(options)
  },
  "close solo": {
    type: "channel_close_solo_tx",
    prepare: pays,
    run: (channel, options) => channel.closeSolo(options)
  },
  slash: { type: "channel_slash_tx", prepare: cheated, run: (channel, options) => channel.slash(options) },
  settle: {
    type: "channel_settle_tx",
    prepare: (world) => Effect.zipRight(closing(world), world.node.mine(20)),
    run: (channel, options) => channel.settle(options)
  }
} as const satisfies Record<string, Operation>

export type OperationName = keyof typeof operations

// ---------------------------------------------------------------- the options

interface Asked {
  readonly options: OnChainOptions
  /** The fee of the transaction in the block, or how it comes to nothing. */
  readonly outcome: bigint | "too low" | "refused by the mempool"
  readonly nonce?: bigint
}

/** What can be asked for. `draft` is the transaction without options; `next` the next nonce. */
const variants = {
  none: (draft) => ({ options: {}, outcome: minimum(draft, minerPrice) }),
  "a fee": () => ({ options: { fee: 10n ** 14n }, outcome: 10n ** 14n }),
  "the smallest fee that the mempool takes": (draft) => {
    const fee = leastTaken(draft)
    return { options: { fee }, outcome: fee }
  },
  "a gas price": (draft) => ({
    options: { gasPrice: 2n * minerPrice },
    outcome: minimum(draft, 2n * minerPrice)
  }),
  "a gas price that makes the fee longer": (draft) => ({
    options: { gasPrice: 70n * minerPrice },
    outcome: minimum(draft, 70n * minerPrice)
  }),
  "both, and the fee is larger": () => ({
    options: { fee: 10n ** 15n, gasPrice: 2n * minerPrice },
    outcome: 10n ** 15n
  }),
  "both, and the price gives more": (draft) => ({
    options: { fee: 1n, gasPrice: 3n * minerPrice },
    outcome: minimum(draft, 3n * minerPrice)
  }),
  "a fee below consensus": (draft) => ({
    options: { fee: minimum(draft, consensusPrice) - 1n },
    outcome: "too low"
  }),
  "no fee": () => ({ options: { fee: 0n }, outcome: "too low" }),
  "a gas price below consensus": () => ({ options: { gasPrice: consensusPrice - 1n }, outcome: "too low" }),
  "no gas price": () => ({ options: { gasPrice: 0n }, outcome: "too low" }),
  "a fee below the miner's": (draft) => ({
    options: { fee: leastTaken(draft) - 1n },
    outcome: "refused by the mempool"
  }),
  "the gas price of consensus": () => ({
    options: { gasPrice: consensusPrice },
    outcome: "refused by the mempool"
  }),
  "the next nonce": (draft, next) => ({
    options: { nonce: next },
    outcome: minimum(draft, minerPrice),
    nonce: next
  }),
  "a nonce that leaves a gap": (draft, next) => ({
    options: { nonce: next + 1n },
    outcome: minimum({ ...draft, nonce: next + 1n }, minerPrice),
    nonce: next + 1n
  }),
  "a used nonce": (_, next) => ({ options: { nonce: next - 1n }, outcome: "refused by the mempool" }),
  "a nonce too far ahead": (_, next) => ({
    options: { nonce: next + 50n },
    outcome: "refused by the mempool"
  })
} as const satisfies Record<string, (draft: Paid, next: bigint) => Asked>

type VariantName = keyof typeof variants

// ---------------------------------------------------------------- the test

export const isPaid = (tx: Transaction.Transaction): tx is Paid => "fee" in tx && "nonce" in tx

/** Signs, or only looks at what it is to sign. */
const lookingSigner = (role: Role) => {
  let looking = false
  let seen: Transaction.Transaction | undefined
  const signer = Signer.layer({
    address: keyOf(role).address,
    sign: ({ signedTx }) =>
      Effect.suspend(() => {
        seen = signedTx.tx
        return looking
          ? Effect.fail(new ProposalPolicy.Decline({ code: 4 }))
          : Effect.sync(() => SignedTx.sign(signedTx, keyOf(role), { networkId, crypto: TestCrypto.native }))
      })
  })
  /** The transaction that an operation would have. */
  const look = (operation: Effect.Effect<unknown, FlowError>): Effect.Effect<Paid> =>
    Effect.gen(function* () {
      looking = true
      yield* Effect.orDie(Effect.flip(operation))
      looking = false
      if (seen === undefined || !isPaid(seen)) throw new Error("nothing was to be signed")
      return seen
    })
  return { look, signer }
}

const make = (
  role: Role
): Effect.Effect<
  World & { readonly look: ReturnType<typeof lookingSigner>["look"] },
  ChannelError,
  Scope.Scope | Transport | ChannelNode.ChannelNode
> =>
  Effect.gen(function* () {
    const { look, signer } = lookingSigner(role)
    const changes: Party["changes"] = { autoSlash: false }
    const [left, right] = yield* openBoth({
      initiator: { changes },
      responder: { changes },
      [role]: { changes, signer }
    })
    const node = yield* ChannelNode.ChannelNode
    const [own, peer] = role === "initiator" ? [left, right] : [right, left]
    return { node, role, own, peer, look }
  })

const spends = (world: World) =>
  submit(world.node, keyOf(world.role), (nonce) => ({
    _tag: "SpendTx",
    version: 1,
    senderId: keyOf(world.role).address,
    recipientId: keyOf(world.role).address,
    amount: 1n,
    fee: 0n,
    ttl: 0,
    nonce,
    payload: new Uint8Array()
  }))

/** The transaction of this kind with this nonce, if it is in a block. */
const onChain = ({ node, own }: World, type: string, nonce: bigint) =>
  Effect.map(node.ledger, (ledger) =>
    Ledger.channelTransactions(ledger, own.id)
      .map(({ signedTx }) => signedTx.tx)
      .find((tx) => Transaction.typeName(tx) === type && isPaid(tx) && tx.nonce === nonce)
  )

const play = (name: OperationName, variant: VariantName, role: Role) =>
  Effect.gen(function* () {
    const { prepare, run, type }: Operation = operations[name]
    const world = yield* make(role)
    // Everybody has used a nonce.
    yield* spends(world)
    yield* prepare?.(world) ?? Effect.void
    const draft = yield* world.look(run(world.own))
    const next = (yield* view(world.node)).nextNonce(keyOf(role).address)
    expect(draft.nonce).toBe(next)
    const asked: Asked = variants[variant](draft, next)
    const fiber = yield* Effect.fork(run(world.own, asked.options))
    if (variant === "a nonce that leaves a gap") {
      // It waits for the one before it.
      while (Ledger.pending(yield* world.node.ledger).length === 0) yield* Effect.yieldNow()
      yield* spends(world)
    }
    const exit = yield* Fiber.await(fiber)
    const { outcome } = asked
    if (typeof outcome === "bigint") {
      if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
      const tx = yield* onChain(world, type, asked.nonce ?? next)
      expect(tx).toMatchObject({ fee: outcome, nonce: asked.nonce ?? next })
      return
    }
    const error = Exit.match(exit, { onFailure: Cause.failureOption, onSuccess: () => Option.none() })
    expect(error).toMatchObject({
      _tag: "Some",
      value:
        outcome === "too low"
          ? { _tag: "RejectedError", code: -32603, data: [] }
          : { _tag: "RejectedOnChainError", code: 5 }
    })
  })

export const suite = (names: ReadonlyArray<OperationName>, expected: number): void => {
  let played = 0
  const kinds = Object.keys(variants) as ReadonlyArray<VariantName>

  describe.each(names)("%s", (name) => {
    describe.each(roles)("by the %s", (role) => {
      for (const variant of kinds)
        it.scopedLive(variant, () =>
          Effect.tap(play(name, variant, role), () => {
            played += 1
          }).pipe(Effect.provide(layer()))
        )
    })
  })

  it("every case was played", () => {
    console.log(
      `${played} cases: ${names.length} operations by either party with ${kinds.length} kinds of options`
    )
    expect(played).toBe(expected)
  })
}
