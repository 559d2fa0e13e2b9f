/**
 * A node or peer that lies about what is for the chain gets no signature, whatever field the lie is in: deposits,
 * withdrawals, and what we sign alone.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Fee from "../../src/chain/Fee.js"
import * as Ids from "../../src/chain/Ids.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { Transaction } from "../../src/chain/Transaction.js"
import type { FlowError } from "../../src/client/ChannelEvent.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import type { OnChainOptions } from "../../src/protocol/Request.js"
import { type SignTag, signTagRow } from "../../src/protocol/SignTag.js"
import type { Update } from "../../src/state/Update.js"
import { keyPairOf } from "../support/TestCrypto.js"
import { eventOf, failure } from "./support/Flow.js"
import {
  closeSoloTx,
  complete,
  depositing,
  depositTx,
  openPaid,
  paidState,
  paidTrees,
  proofOf,
  settleTx,
  slashTx,
  snapshotTx,
  tell,
  withdrawing,
  withdrawTx
} from "./support/OnChain.js"
import { closeTx, meta, offChainTx, transfer, treesAfter } from "./support/Rounds.js"
import {
  createTx,
  errorOf,
  initialTrees,
  initiator,
  type Open,
  openScripted,
  responder,
  signedBy,
  terms
} from "./support/ScriptedNode.js"

const stranger = keyPairOf("stranger")
const otherHash = new Uint8Array(32).fill(7)
const otherId = Ids.channelId(terms.initiatorId, 9n, terms.responderId)

interface Lie {
  readonly field: string
  readonly tx?: Transaction
  readonly updates?: ReadonlyArray<Update>
  readonly keys?: ReadonlyArray<KeyPair>
  readonly network?: string
}

const lie = (field: string, changes: Omit<Lie, "field">): Lie => ({ field, ...changes })

/** What deposits and withdrawals can lie about, by who moves the coins and whose signatures are there. */
const moveLies = (party: KeyPair, other: KeyPair, keys: ReadonlyArray<KeyPair>) => {
  const deposit = depositTx(party, 5n)
  const withdraw = withdrawTx(party, 5n)
  const priceLies = (tx: typeof deposit | typeof withdraw): ReadonlyArray<Lie> => [
    lie("channelId", { tx: { ...tx, channelId: otherId } }),
    lie("round", { tx: { ...tx, round: 1 } }),
    lie("round", { tx: { ...tx, round: 3 } }),
    lie("ttl", { tx: { ...tx, ttl: 7 } }),
    lie("nonce", { tx: { ...tx, nonce: 0n } }),
    lie("nonce", { tx: { ...tx, nonce: 1n << 256n } }),
    lie("fee", { tx: { ...tx, fee: 1n } }),
    lie("amount", { tx: { ...tx, amount: 6n } }),
    lie("stateHash", { tx: { ...tx, stateHash: otherHash } }),
    lie("type", { tx: offChainTx(treesAfter([transfer(party.address, other.address, 5n)], 2), 2) }),
    lie("type", { tx: createTx() }),
    lie("type", { tx: closeTx(party.address) }),
    lie("signatures", { keys: [...keys, stranger] }),
    ...(keys.length === 0
      ? // Another account pays for the peer's.
        [lie("fee", { tx: { ...tx, fee: tx.fee * 101n } })]
      : [
          lie("signatures", { keys: [] }),
          lie("signature", { keys: [stranger] }),
          lie("signature", { keys: [other] }),
          lie("signature", { keys, network: "ae_mainnet" })
        ])
  ]
  const deposits: ReadonlyArray<Lie> = [
    ...priceLies(deposit),
    lie("fromId", { tx: { ...deposit, fromId: other.address } }),
    lie("fromId", { tx: { ...deposit, fromId: stranger.address } }),
    lie("type", { tx: withdrawTx(party, 5n), updates: [withdrawing(party, 5n)] }),
    lie("from", { tx: depositTx(other, 5n), updates: [depositing(other, 5n)] }),
    lie("updates", { updates: [withdrawing(party, 5n)] }),
    lie("updates", { updates: [transfer(other.address, party.address, 5n)] }),
    lie("updates", { updates: [] }),
    lie("updates", {
      updates: [depositing(party, 5n), depositing(party, 5n)]
    }),
    // Coins that come in on chain are coins that come in off chain.
    lie("amount", {
      tx: depositTx(party, 777n, { stateHash: depositTx(party, 5n).stateHash }),
      updates: [depositing(party, 5n)]
    })
  ]
  const withdrawals: ReadonlyArray<Lie> = [
    ...priceLies(withdraw),
    lie("toId", { tx: { ...withdraw, toId: other.address } }),
    lie("toId", { tx: { ...withdraw, toId: stranger.address } }),
    lie("type", { tx: depositTx(party, 5n), updates: [depositing(party, 5n)] }),
    lie("to", { tx: withdrawTx(other, 5n), updates: [withdrawing(other, 5n)] }),
    lie("updates", { updates: [depositing(party, 5n)] }),
    lie("updates", { updates: [transfer(party.address, other.address, 5n)] }),
    lie("updates", { updates: [] }),
    lie("updates", { updates: [withdrawing(party, 5n), withdrawing(party, 5n)] }),
    lie("amount", {
      tx: withdrawTx(party, 777n, { stateHash: withdrawTx(party, 5n).stateHash }),
      updates: [withdrawing(party, 5n)]
    })
  ]
  return { deposits, withdrawals }
}

const ours = moveLies(initiator, responder, [])
const theirs = moveLies(responder, initiator, [responder])

type Own = "deposit" | "withdraw"
const honestMove = (kind: Own, party: KeyPair, amount = 5n) =>
  kind === "deposit"
    ? { tx: depositTx(party, amount), updates: [depositing(party, amount)] }
    : { tx: withdrawTx(party, amount), updates: [withdrawing(party, amount)] }

describe("lies about our own deposit and withdrawal", () => {
  const rows = [
    ...ours.deposits.map((each) => ["deposit", each.field, each] as const),
    ...ours.withdrawals.map((each) => ["withdraw", each.field, each] as const),
    ["deposit", "amount", honestMove("deposit", initiator, 6n)] as const,
    ["withdraw", "amount", honestMove("withdraw", initiator, 6n)] as const,
    ["deposit", "updates", { updates: [depositing(initiator, 5n), meta("x")] }] as const
  ]
  it.live.each(rows)("%s: %s", ([kind, field, each]) =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const fiber = yield* Effect.fork(channel[kind]({ amount: 5n }))
      yield* node.expect(kind)
      const honest = honestMove(kind, initiator)
      const { tx = honest.tx, updates = honest.updates, keys = [], network }: Partial<Lie> = each
      const before = node.log.length
      node.ask(`${kind}_tx`, signedBy(tx, keys, network), updates)
      expect(yield* failure(fiber)).toMatchObject({ _tag: "VerificationError", field, operation: kind })
      expect(errorOf(yield* node.expect(`${kind}_tx`))).toBe(1)
      expect(node.signedSince(before)).toBe(false)
    }).pipe(Effect.scoped)
  )
})

describe("lies about the peer's deposit and withdrawal", () => {
  const rows = [
    ...theirs.deposits.map((each) => ["deposit", each.field, each] as const),
    ...theirs.withdrawals.map((each) => ["withdraw", each.field, each] as const),
    // What the peer does not have, and what it must keep.
    [
      "withdraw",
      "updates",
      {
        tx: withdrawTx(responder, terms.responderAmount * 9n, {}, 2, initialTrees),
        updates: [withdrawing(responder, terms.responderAmount * 9n)]
      }
    ] as const
  ]
  it.live.each(rows)("%s: %s", ([kind, field, each]) =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const honest = honestMove(kind, responder)
      const { tx = honest.tx, updates = honest.updates, keys = [responder], network }: Partial<Lie> = each
      const before = node.log.length
      node.info(`${kind}_created`)
      node.ask(`${kind}_ack`, signedBy(tx, keys, network), updates)
      expect(errorOf(yield* node.expect(`${kind}_ack`))).toBe(1)
      expect((yield* eventOf(channel, "VerificationFailed")).error).toMatchObject({
        field,
        operation: kind
      })
      expect(node.signedSince(before)).toBe(false)
    }).pipe(Effect.scoped)
  )

  it.live("the reserve", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const balance = (yield* channel.latest.get).balances.responder
      const amount = balance - terms.channelReserve + 1n
      node.ask("withdraw_ack", signedBy(withdrawTx(responder, amount, {}, 2, initialTrees), [responder]), [
        withdrawing(responder, amount)
      ])
      expect(errorOf(yield* node.expect("withdraw_ack"))).toBe(1)
      expect((yield* eventOf(channel, "VerificationFailed")).error).toMatchObject({
        field: "updates",
        actual: "insufficient_balance"
      })
    }).pipe(Effect.scoped)
  )

  it.live("I4a: a second body for a round that we have acknowledged, of whatever kind", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      node.ask("deposit_ack", signedBy(depositTx(responder, 5n), [responder]), [depositing(responder, 5n)])
      expect(errorOf(yield* node.expect("deposit_ack"))).toBeUndefined()
      node.conflict(5, 1)
      node.ask("withdraw_ack", signedBy(withdrawTx(responder, 5n), [responder]), [withdrawing(responder, 5n)])
      expect(errorOf(yield* node.expect("withdraw_ack"))).toBe(1)
      expect((yield* eventOf(channel, "VerificationFailed")).error).toMatchObject({ field: "body" })
    }).pipe(Effect.scoped)
  )
})

interface Solo {
  readonly tag: SignTag
  readonly request: string
  readonly honest: Transaction
  readonly ask: (open: Open, options?: OnChainOptions) => Effect.Effect<unknown, FlowError>
  readonly lies: ReadonlyArray<Lie>
}

const payloads = (make: (payload: Uint8Array) => Transaction): ReadonlyArray<Lie> => {
  const { tx } = paidState
  const later = offChainTx(paidTrees, 3)
  const encoded = (signed: SignedTx.SignedTx) => SignedTx.encode(signed)
  return [
    lie("payload", { tx: make(encoded(signedBy(offChainTx(initialTrees, 2), [initiator, responder]))) }),
    lie("payload", { tx: make(encoded(signedBy(later, [initiator, responder]))) }),
    lie("payload", { tx: make(encoded(complete(createTx()))) }),
    lie("payload", { tx: make(encoded(signedBy(tx, [initiator]))) }),
    lie("payload", { tx: make(encoded(signedBy(tx, [initiator, stranger]))) }),
    lie("payload", { tx: make(encoded(signedBy(tx, [initiator, responder, stranger]))) }),
    lie("payload", { tx: make(Uint8Array.of(1, 2, 3)) })
  ]
}

const proofs = (make: (poi: Uint8Array) => Transaction): ReadonlyArray<Lie> => [
  lie("stateHash", { tx: make(proofOf(initialTrees)) }),
  lie("poi", { tx: make(proofOf(paidTrees, [initiator.address])) }),
  lie("poi", { tx: make(proofOf(paidTrees, [responder.address])) }),
  lie("poi", { tx: make(proofOf(paidTrees, [])) }),
  lie("poi", { tx: make(new Uint8Array()) })
]

type SoloTx = Extract<
  Transaction,
  { readonly fromId: unknown; readonly channelId: unknown; readonly nonce: bigint; readonly ttl: number }
>

const common = (honest: SoloTx): ReadonlyArray<Lie> => [
  lie("type", { tx: closeTx(initiator.address) }),
  lie("type", { tx: paidState.tx }),
  lie("channelId", { tx: { ...honest, channelId: otherId } }),
  lie("fromId", { tx: { ...honest, fromId: responder.address } }),
  lie("ttl", { tx: { ...honest, ttl: 7 } }),
  lie("nonce", { tx: { ...honest, nonce: 0n } }),
  lie("fee", { tx: { ...honest, fee: 1n } }),
  lie("fee", { tx: { ...honest, fee: honest.fee * 101n } }),
  lie("updates", { updates: [meta("x")] }),
  lie("signatures", { keys: [stranger] }),
  lie("signatures", { keys: [initiator] })
]

const noBytes = new Uint8Array()
const solos: ReadonlyArray<Solo> = [
  {
    tag: "snapshot_solo_tx",
    request: "snapshot_solo",
    honest: snapshotTx(initiator),
    ask: ({ channel }, options) => channel.snapshotSolo(options),
    lies: [
      ...common(snapshotTx(initiator)),
      ...payloads((payload) => snapshotTx(initiator, { payload })),
      lie("payload", { tx: snapshotTx(initiator, { payload: noBytes }) })
    ]
  },
  {
    tag: "close_solo_sign",
    request: "close_solo",
    honest: closeSoloTx(initiator),
    ask: ({ channel }, options) => channel.closeSolo(options),
    lies: [
      ...common(closeSoloTx(initiator)),
      ...payloads((payload) => closeSoloTx(initiator, { payload })),
      ...proofs((poi) => closeSoloTx(initiator, { poi })),
      lie("stateHash", { tx: closeSoloTx(initiator, { payload: noBytes, poi: proofOf(initialTrees) }) })
    ]
  },
  {
    tag: "slash_tx",
    request: "slash",
    honest: slashTx(initiator),
    ask: ({ channel }, options) => channel.slash(options),
    lies: [
      ...common(slashTx(initiator)),
      ...payloads((payload) => slashTx(initiator, { payload })),
      ...proofs((poi) => slashTx(initiator, { poi })),
      lie("payload", { tx: slashTx(initiator, { payload: noBytes }) })
    ]
  },
  {
    tag: "settle_sign",
    request: "settle",
    honest: settleTx(initiator),
    ask: ({ channel }, options) => channel.settle(options),
    lies: [
      ...common(settleTx(initiator)),
      lie("initiatorAmountFinal", { tx: settleTx(initiator, {}, initialTrees) }),
      lie("initiatorAmountFinal", { tx: settleTx(initiator, { initiatorAmountFinal: 0n }) }),
      lie("responderAmountFinal", { tx: settleTx(initiator, { responderAmountFinal: 0n }) })
    ]
  }
]

describe("lies about what we sign alone", () => {
  const rows = solos.flatMap((each) =>
    each.lies.map((one) => [`${each.request}: ${one.field}`, each, one] as const)
  )
  it.live.each(rows)("%s", ([, { tag, request, honest, ask }, one]) =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator")
      const fiber = yield* Effect.fork(ask(open))
      yield* open.node.expect(request)
      const before = open.node.log.length
      open.node.ask(tag, signedBy(one.tx ?? honest, one.keys ?? []), one.updates)
      expect(yield* failure(fiber)).toMatchObject({
        _tag: "VerificationError",
        field: one.field,
        operation: request
      })
      expect(errorOf(yield* open.node.expect(signTagRow(tag).reply))).toBe(1)
      expect(open.node.signedSince(before)).toBe(false)
    }).pipe(Effect.scoped)
  )

  it.live("a state that came on chain by itself is no payload", () =>
    Effect.gen(function* () {
      const payload = SignedTx.encode(complete(createTx()))
      const poi = proofOf(initialTrees)
      // A slash with such a state is not even asked for.
      for (const { tag, request, ask } of solos.slice(0, 2)) {
        const open = yield* openScripted("initiator")
        const fiber = yield* Effect.fork(ask(open))
        yield* open.node.expect(request)
        const tx =
          request === "snapshot_solo"
            ? snapshotTx(initiator, { payload })
            : closeSoloTx(initiator, { payload, poi })
        open.node.ask(tag, SignedTx.unsigned(tx))
        expect(yield* failure(fiber)).toMatchObject({ _tag: "VerificationError", field: "payload" })
      }
    }).pipe(Effect.scoped)
  )
})

const all: ReadonlyArray<Omit<Solo, "lies"> & { readonly updates?: ReadonlyArray<Update> }> = [
  ...solos,
  {
    tag: "deposit_tx",
    request: "deposit",
    honest: depositTx(initiator, 5n, {}, 3, treesAfter([depositing(initiator, 5n)], 3, paidTrees)),
    updates: [depositing(initiator, 5n)],
    ask: ({ channel }, options) => channel.deposit({ amount: 5n, ...options })
  },
  {
    tag: "withdraw_tx",
    request: "withdraw",
    honest: withdrawTx(initiator, 5n, {}, 3, treesAfter([withdrawing(initiator, 5n)], 3, paidTrees)),
    updates: [withdrawing(initiator, 5n)],
    ask: ({ channel }, options) => channel.withdraw({ amount: 5n, ...options })
  }
]

describe("what we asked for binds", () => {
  const price = 3n * Fee.defaultMinerGasPrice
  const signs = (each: (typeof all)[number], options: OnChainOptions, tx: Transaction, maximumFee?: bigint) =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator", maximumFee === undefined ? {} : { changes: { maximumFee } })
      const fiber = yield* Effect.fork(Effect.either(each.ask(open, options)))
      yield* open.node.expect(each.request)
      open.node.ask(each.tag, SignedTx.unsigned(tx), each.updates)
      const answer = yield* open.node.expect(signTagRow(each.tag).reply)
      yield* Fiber.interrupt(fiber)
      return errorOf(answer) === undefined
    }).pipe(Effect.scoped)
  it.live.each(all)("$request: fee, gas price, nonce, the highest fee", (each) =>
    Effect.gen(function* () {
      const { honest } = each
      if (!("fee" in honest) || !("nonce" in honest)) throw new Error("no price")
      const { fee } = honest
      const atPrice = Fee.minimumFee(honest, price)
      const of = (changes: OnChainOptions): Transaction => ({ ...honest, ...changes })
      expect(yield* signs(each, {}, honest)).toBe(true)
      expect(yield* signs(each, { fee: 2n * fee }, of({ fee: 2n * fee }))).toBe(true)
      expect(yield* signs(each, { fee: 2n * fee }, honest)).toBe(false)
      // One's own word goes beyond what is usual.
      expect(yield* signs(each, { fee: 500n * fee }, of({ fee: 500n * fee }))).toBe(true)
      expect(yield* signs(each, { gasPrice: price }, of({ fee: atPrice }))).toBe(true)
      expect(yield* signs(each, { gasPrice: price }, of({ fee: atPrice + 1n }))).toBe(false)
      expect(yield* signs(each, { gasPrice: price }, of({ fee: atPrice - 1n }))).toBe(false)
      expect(yield* signs(each, { gasPrice: price, fee }, of({ fee: atPrice }))).toBe(true)
      expect(yield* signs(each, { gasPrice: price, fee: 2n * atPrice }, of({ fee: 2n * atPrice }))).toBe(true)
      expect(yield* signs(each, { gasPrice: price, fee: 2n * atPrice }, of({ fee: atPrice }))).toBe(false)
      expect(yield* signs(each, { nonce: 44n }, of({ nonce: 44n }))).toBe(true)
      expect(yield* signs(each, { nonce: 44n }, honest)).toBe(false)
      // The create transaction has to be within the limit too.
      const limit = fee + createTx().fee
      expect(yield* signs(each, {}, of({ fee: limit }), limit)).toBe(true)
      expect(yield* signs(each, {}, of({ fee: limit + 1n }), limit)).toBe(false)
    })
  )
})

describe("lies about transactions on their way and on chain", () => {
  it.live("a deposit that we have not signed, or that has not both signatures", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const fiber = yield* Effect.fork(channel.deposit({ amount: 5n }))
      yield* node.expect("deposit")
      node.ask("deposit_tx", SignedTx.unsigned(depositTx(initiator, 5n)), [depositing(initiator, 5n)])
      yield* node.expect("deposit_tx")
      tell(node, "deposit_signed", complete(depositTx(initiator, 6n)))
      expect((yield* eventOf(channel, "VerificationFailed")).error).toMatchObject({ field: "body" })
      node.say({ _tag: "StateUpdate", state: signedBy(depositTx(initiator, 5n), [initiator, stranger]) })
      expect(yield* failure(fiber)).toMatchObject({ _tag: "VerificationError", field: "signature" })
      expect(yield* channel.latest.get).toMatchObject({ round: 1 })
    }).pipe(Effect.scoped)
  )

  it.live("half-signed in the report that both have signed", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      node.ask("withdraw_ack", signedBy(withdrawTx(responder, 5n), [responder]), [withdrawing(responder, 5n)])
      yield* node.expect("withdraw_ack")
      tell(node, "withdraw_created", signedBy(withdrawTx(responder, 5n), [responder]))
      expect((yield* eventOf(channel, "VerificationFailed")).error).toMatchObject({ field: "signature" })
    }).pipe(Effect.scoped)
  )

  const reports = ["channel_changed", "solo_closing", "can_slash", "can_snapshot", "channel_closed"] as const
  it.live.each(reports)("%s with a transaction of another channel is no event, and does nothing", (info) =>
    Effect.gen(function* () {
      const { node, channel } = yield* openPaid("initiator")
      const before = node.log.length
      for (const tx of [settleTx(responder, { channelId: otherId }), createTx({ nonce: 9n })])
        tell(node, info, signedBy(tx, [responder]))
      node.info("update")
      const lies = yield* eventOf(channel, "VerificationFailed")
      expect(lies.error).toMatchObject({ field: "channelId", actual: otherId, operation: "report" })
      expect((yield* channel.status.get).phase).toBe("open")
      expect(node.log).toHaveLength(before)
    }).pipe(Effect.scoped)
  )

  it.live("a settlement by a stranger, and a closing transaction that we have not signed", () =>
    Effect.gen(function* () {
      for (const [field, tx] of [
        ["fromId", signedBy(settleTx(stranger), [stranger])],
        ["body", complete(closeTx(responder.address))]
      ] as const) {
        const { node, channel } = yield* openPaid("initiator")
        tell(node, "channel_closed", tx)
        expect((yield* eventOf(channel, "VerificationFailed")).error).toMatchObject({ field })
      }
    }).pipe(Effect.scoped)
  )
})
