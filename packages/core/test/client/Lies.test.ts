/**
 * A node or peer that lies gets no signature, whatever field the lie is in, and the caller is told which one.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Chunk, Effect, Exit, Fiber, Option, Stream } from "effect"
import * as Ids from "../../src/chain/Ids.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { Transaction } from "../../src/chain/Transaction.js"
import type * as Channel from "../../src/client/Channel.js"
import type { FlowError } from "../../src/client/ChannelEvent.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import { VerificationError } from "../../src/protocol/Errors.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import * as Poi from "../../src/state/Poi.js"
import * as Trees from "../../src/state/Trees.js"
import type { Update } from "../../src/state/Update.js"
import { keyPairOf } from "../support/TestCrypto.js"
import { closeTx, meta, offChainTx, transfer, treesAfter } from "./support/Rounds.js"
import {
  askCreate,
  channelId,
  connect,
  createTx,
  errorOf,
  initialTrees,
  initiator,
  openScripted,
  responder,
  type ScriptedNode,
  signedBy,
  terms
} from "./support/ScriptedNode.js"

const stranger = keyPairOf("stranger")
const otherHash = new Uint8Array(32).fill(7)
const otherId = Ids.channelId(terms.initiatorId, 9n, terms.responderId)
const someField = ({ operation, field }: VerificationError) => Option.some(`${operation} ${field}`)

const verificationOf = (exit: Exit.Exit<unknown, FlowError>): VerificationError => {
  if (Exit.isSuccess(exit)) throw new Error("it succeeded")
  const error = Cause.squash(exit.cause)
  if (!(error instanceof VerificationError)) throw error
  return error
}

const oldCreateTx = (): Transaction => {
  const { initiatorDelegateIds, responderDelegateIds, ...rest } = createTx()
  return { ...rest, version: 1, delegateIds: [...initiatorDelegateIds, ...responderDelegateIds] }
}

/** What does not end fails the test, and does not hold it up. */
const soon = <A>(effect: Effect.Effect<A>): Effect.Effect<A> =>
  effect.pipe(Effect.timeout("2 seconds"), Effect.orDie)

/** The first lie that a channel tells of. */
const firstLie = (session: Channel.Session): Effect.Effect<VerificationError> =>
  Stream.runHead(Stream.filter(session.events, (event) => event._tag === "VerificationFailed")).pipe(
    Effect.timeout("2 seconds"),
    Effect.flatten,
    Effect.map((event) => {
      if (event._tag !== "VerificationFailed") throw new Error(event._tag)
      return event.error
    }),
    Effect.orDie
  )

describe("lies about the create transaction", () => {
  const lies: ReadonlyArray<readonly [field: string, tx: Transaction]> = [
    ["type", offChainTx(initialTrees, 1)],
    ["version", oldCreateTx()],
    ["initiatorId", createTx({ initiatorId: stranger.address })],
    ["responderId", createTx({ responderId: stranger.address })],
    ["initiatorAmount", createTx({ initiatorAmount: terms.initiatorAmount + 1n })],
    ["responderAmount", createTx({ responderAmount: terms.responderAmount + 1n })],
    ["channelReserve", createTx({ channelReserve: 0n })],
    ["lockPeriod", createTx({ lockPeriod: 0 })],
    ["delegateIds", createTx({ initiatorDelegateIds: [stranger.address] })],
    ["delegateIds", createTx({ responderDelegateIds: [stranger.address] })],
    ["ttl", createTx({ ttl: 5 })],
    ["nonce", createTx({ nonce: 0n })],
    ["nonce", createTx({ nonce: 1n << 300n })],
    ["fee", createTx({ fee: 1n })],
    ["fee", createTx({ fee: createTx().fee * 101n })],
    ["stateHash", createTx({ stateHash: otherHash })]
  ]
  for (const role of ["initiator", "responder"] as const)
    it.live.each(lies)(`${role}: %s`, ([field, tx]) =>
      Effect.gen(function* () {
        const scripted = yield* connect(role)
        askCreate(scripted, tx)
        const error = verificationOf(yield* soon(Effect.exit(scripted.opening.opened)))
        expect(error).toMatchObject({ field, operation: "open" })
        expect(scripted.node.log).toEqual([])
        yield* Stream.runHead(
          Stream.filter(scripted.opening.status.changes, ({ phase }) => phase === "ended")
        )
      }).pipe(Effect.scoped)
    )

  const signatures: ReadonlyArray<
    readonly [field: string, role: Role, keys: ReadonlyArray<KeyPair>, network?: string]
  > = [
    ["signatures", "initiator", [stranger]],
    ["signatures", "initiator", [responder]],
    ["signatures", "responder", []],
    ["signatures", "responder", [initiator, stranger]],
    ["signature", "responder", [stranger]],
    ["signature", "responder", [initiator], "ae_mainnet"]
  ]
  it.live.each(signatures)("%s (%s)", ([field, role, keys, network]) =>
    Effect.gen(function* () {
      const { node, opening } = yield* connect(role)
      node.ask(
        role === "initiator" ? "initiator_sign" : "responder_sign",
        signedBy(createTx(), keys, network)
      )
      expect(verificationOf(yield* soon(Effect.exit(opening.opened))).field).toBe(field)
      expect(node.log).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("updates, channelId, and the wrong tag", () =>
    Effect.gen(function* () {
      for (const lie of ["updates", "channelId", "operation"] as const) {
        const { node, opening } = yield* connect("initiator")
        const foreign = lie === "channelId" ? otherId : null
        node.say(
          {
            _tag: "SignRequest",
            tag: lie === "operation" ? "update" : "initiator_sign",
            signedTx: SignedTx.unsigned(createTx()),
            updates: lie === "updates" ? [meta("x")] : []
          },
          foreign
        )
        expect(verificationOf(yield* soon(Effect.exit(opening.opened))).field).toBe(lie)
        expect(node.signedSince(0)).toBe(false)
      }
    }).pipe(Effect.scoped)
  )
})

interface Lie {
  readonly field: string
  readonly tx?: Transaction
  readonly updates?: ReadonlyArray<Update>
  readonly keys?: ReadonlyArray<KeyPair>
  readonly network?: string
}

const proposalLies = (from: KeyPair, to: KeyPair, keys: ReadonlyArray<KeyPair>): ReadonlyArray<Lie> => {
  const pay = transfer(from.address, to.address, 5n)
  const trees = treesAfter([pay], 2)
  const lie = (field: string, changes: Omit<Lie, "field">): Lie => ({ field, ...changes })
  return [
    lie("type", { tx: createTx() }),
    lie("type", { tx: closeTx(from.address) }),
    lie("version", {
      tx: {
        _tag: "ChannelOffchainTx",
        version: 1,
        channelId,
        round: 2,
        updates: [],
        stateHash: Trees.stateHash(trees)
      }
    }),
    lie("channelId", { tx: offChainTx(trees, 2, { channelId: otherId }) }),
    lie("round", { tx: offChainTx(trees, 1) }),
    lie("round", { tx: offChainTx(trees, 3) }),
    lie("stateHash", { tx: offChainTx(initialTrees, 2) }),
    lie("stateHash", { tx: offChainTx(trees, 2, { stateHash: otherHash }) }),
    lie("updates", { updates: [], tx: offChainTx(initialTrees, 2) }),
    lie("updates", { updates: [{ _tag: "OffChainWithdrawal", to: to.address, amount: 5n }] }),
    lie("updates", { updates: [{ _tag: "OffChainDeposit", from: from.address, amount: 5n }] }),
    lie("signatures", { keys: [...keys, stranger] }),
    ...(keys.length === 0
      ? []
      : [
          lie("signatures", { keys: [] }),
          lie("signature", { keys: [stranger] }),
          lie("signature", { keys: [to] }),
          lie("signature", { keys, network: "ae_mainnet" }),
          lie("updates", { updates: [pay, pay], tx: offChainTx(treesAfter([pay, pay], 2), 2) }),
          lie("updates", { updates: [transfer(from.address, to.address, terms.initiatorAmount * 9n)] }),
          lie("updates", { updates: [transfer(from.address, stranger.address, 5n)] }),
          lie("updates", { updates: [transfer(from.address, from.address, 5n)] })
        ])
  ]
}

describe("lies about our own transfer", () => {
  const { address: from } = initiator
  const { address: to } = responder
  const other = (update: Update, ...metas: ReadonlyArray<Update>): Omit<Lie, "field"> => {
    const updates = [update, ...metas]
    return { updates, tx: offChainTx(treesAfter(updates, 2), 2) }
  }
  const lies: ReadonlyArray<Lie> = [
    ...proposalLies(initiator, responder, []),
    { field: "from", ...other(transfer(to, from, 5n), meta("tea")) },
    { field: "to", updates: [transfer(from, stranger.address, 5n), meta("tea")] },
    { field: "amount", ...other(transfer(from, to, 6n), meta("tea")) },
    { field: "meta", ...other(transfer(from, to, 5n), meta("coffee")) },
    { field: "updates", ...other(transfer(from, to, 5n)) },
    { field: "updates", ...other(transfer(from, to, 5n), meta("tea"), meta("milk")) },
    { field: "meta", updates: [transfer(from, to, 5n), transfer(from, to, 5n)] }
  ]
  it.live.each(lies)("$field", (lie) =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const fiber = yield* Effect.fork(channel.transfer({ amount: 5n, meta: ["tea"] }))
      yield* node.expect("update.new")
      const asked = [transfer(from, to, 5n), meta("tea")]
      const tx = lie.tx ?? offChainTx(treesAfter(asked, 2), 2)
      const before = node.log.length
      node.ask("update", signedBy(tx, lie.keys ?? [], lie.network), lie.updates ?? asked)
      const error = verificationOf(yield* soon(Fiber.await(fiber)))
      expect(error).toMatchObject({ field: lie.field, operation: "transfer" })
      expect(errorOf(yield* node.expect("update"))).toBe(1)
      expect(node.signedSince(before)).toBe(false)
      yield* stillWorks(node, channel)
    }).pipe(Effect.scoped)
  )
})

/** After the node has let go of what we refused, a transfer from initiator to responder works. */
const stillWorks = (node: ScriptedNode, channel: Channel.Channel) =>
  Effect.gen(function* () {
    node.info("aborted_update")
    const fiber = yield* Effect.fork(channel.transfer({ amount: 5n, from: initiator.address }))
    yield* node.expect("update.new")
    const updates = [transfer(initiator.address, responder.address, 5n)]
    const tx = offChainTx(treesAfter(updates, 2), 2)
    node.ask("update", SignedTx.unsigned(tx), updates)
    yield* node.expect("update")
    node.say({ _tag: "StateUpdate", state: signedBy(tx, [initiator, responder]) })
    expect((yield* Fiber.join(fiber)).round).toBe(2)
  })

describe("lies about the peer's proposal", () => {
  it.live.each(proposalLies(responder, initiator, [responder]))("$field", (lie) =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const updates = [transfer(responder.address, initiator.address, 5n)]
      const tx = lie.tx ?? offChainTx(treesAfter(updates, 2), 2)
      const before = node.log.length
      node.info("update")
      node.ask("update_ack", signedBy(tx, lie.keys ?? [responder], lie.network), lie.updates ?? updates)
      expect(errorOf(yield* node.expect("update_ack"))).toBe(1)
      expect((yield* firstLie(channel)).field).toBe(lie.field)
      expect(node.signedSince(before)).toBe(false)
      yield* stillWorks(node, channel)
    }).pipe(Effect.scoped)
  )

  it.live("I4a: a second body for a round that we have acknowledged; the same bytes are signed again", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const propose = (amount: bigint): void => {
        const updates = [transfer(responder.address, initiator.address, amount)]
        node.ask("update_ack", signedBy(offChainTx(treesAfter(updates, 2), 2), [responder]), updates)
      }
      propose(5n)
      const first = yield* node.expect("update_ack")
      expect(errorOf(first)).toBeUndefined()
      node.conflict(3, 1)
      propose(6n)
      expect(errorOf(yield* node.expect("update_ack"))).toBe(1)
      expect(yield* firstLie(channel)).toMatchObject({ field: "body" })
      node.info("aborted_update")
      propose(5n)
      expect(Object(yield* node.expect("update_ack"))["params"]).toEqual(first["params"])
    }).pipe(Effect.scoped)
  )
})

describe("lies about closing", () => {
  const lies = (starter: KeyPair, keys: ReadonlyArray<KeyPair>): ReadonlyArray<Lie> => {
    const honest = closeTx(starter.address)
    const richer = treesAfter([transfer(initiator.address, responder.address, 5n)], 2)
    const other = starter === initiator ? responder : initiator
    const lie = (field: string, tx: Transaction): Lie => ({ field, tx })
    return [
      lie("type", offChainTx(initialTrees, 2)),
      lie("channelId", { ...honest, channelId: otherId }),
      lie("fromId", closeTx(other.address)),
      lie("ttl", { ...honest, ttl: 1 }),
      lie("nonce", { ...honest, nonce: 0n }),
      lie("fee", closeTx(starter.address, initialTrees, { fee: 1n })),
      lie("fee", closeTx(starter.address, initialTrees, { fee: honest.fee * 101n })),
      lie("initiatorAmountFinal", { ...honest, initiatorAmountFinal: honest.initiatorAmountFinal - 1n }),
      lie("responderAmountFinal", { ...honest, responderAmountFinal: honest.responderAmountFinal - 1n }),
      lie("initiatorAmountFinal", closeTx(starter.address, richer)),
      { field: "updates", tx: honest, updates: [meta("x")] },
      { field: "signatures", tx: honest, keys: [...keys, stranger] },
      ...(keys.length === 0 ? [] : [{ field: "signature", tx: honest, keys: [stranger] }])
    ]
  }
  it.live.each(lies(initiator, []))("ours: $field", (lie) =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const fiber = yield* Effect.fork(channel.shutdown())
      yield* node.expect("shutdown")
      node.ask("shutdown_sign", signedBy(lie.tx ?? createTx(), lie.keys ?? []), lie.updates)
      expect(verificationOf(yield* soon(Fiber.await(fiber)))).toMatchObject({
        field: lie.field,
        operation: "shutdown"
      })
      expect(errorOf(yield* node.expect("shutdown_sign"))).toBe(1)
    }).pipe(Effect.scoped)
  )
  it.live.each(lies(responder, [responder]))("the peer's: $field", (lie) =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      node.info("shutdown")
      node.ask("shutdown_sign_ack", signedBy(lie.tx ?? createTx(), lie.keys ?? [responder]), lie.updates)
      expect(errorOf(yield* node.expect("shutdown_sign_ack"))).toBe(1)
      expect((yield* firstLie(channel)).field).toBe(lie.field)
    }).pipe(Effect.scoped)
  )
  it.live("what we asked for binds: fee and nonce", () =>
    Effect.gen(function* () {
      for (const [field, options] of [
        ["fee", { fee: 7n * 10n ** 13n }],
        ["nonce", { nonce: 44n }]
      ] as const) {
        const { node, channel } = yield* openScripted("initiator")
        const fiber = yield* Effect.fork(channel.shutdown(options))
        yield* node.expect("shutdown")
        node.ask("shutdown_sign", SignedTx.unsigned(closeTx(initiator.address)))
        expect(verificationOf(yield* soon(Fiber.await(fiber))).field).toBe(field)
      }
    }).pipe(Effect.scoped)
  )
})

describe("lies about what is co-signed", () => {
  const updates = [transfer(initiator.address, responder.address, 5n)]
  const honest = offChainTx(treesAfter(updates, 2), 2)
  const states: ReadonlyArray<readonly [field: string, state: SignedTx.SignedTx]> = [
    ["signature", signedBy(honest, [initiator])],
    ["signature", signedBy(honest, [initiator, stranger])],
    ["signature", signedBy(honest, [initiator, responder, stranger])],
    ["channelId", signedBy({ ...honest, channelId: otherId }, [initiator, responder])],
    ["round", signedBy({ ...honest, round: 3 }, [initiator])],
    ["stateHash", signedBy({ ...honest, stateHash: otherHash }, [initiator])],
    ["nonce", signedBy(createTx({ nonce: 1n << 300n }), [initiator, responder])],
    ["type", signedBy(closeTx(initiator.address), [initiator, responder])]
  ]
  it.live.each(states)("update report: %s", ([field, state]) =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const fiber = yield* Effect.fork(channel.transfer({ amount: 5n }))
      yield* node.expect("update.new")
      node.ask("update", SignedTx.unsigned(honest), updates)
      yield* node.expect("update")
      node.say({ _tag: "StateUpdate", state })
      expect(verificationOf(yield* soon(Fiber.await(fiber))).field).toBe(field)
      expect((yield* channel.latest.get).round).toBe(1)
    }).pipe(Effect.scoped)
  )

  it.live("I7: a later state with both signatures that we know nothing of freezes the channel", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      node.say({ _tag: "StateUpdate", state: signedBy({ ...honest, round: 9 }, [initiator, responder]) })
      expect((yield* firstLie(channel)).field).toBe("body")
      yield* Effect.repeat(channel.status.get, { until: ({ frozen }) => frozen !== undefined })
      expect(yield* Effect.flip(channel.transfer({ amount: 1n }))).toMatchObject({ _tag: "StoreError" })
      node.ask("update_ack", signedBy(honest, [responder]), updates)
      expect(errorOf(yield* node.expect("update_ack"))).toBe(4)
    }).pipe(Effect.scoped)
  )

  it.live("the first state", () =>
    Effect.gen(function* () {
      const scripted = yield* connect("initiator")
      askCreate(scripted)
      yield* scripted.node.next
      scripted.node.info("open")
      scripted.node.say({ _tag: "StateUpdate", state: signedBy(createTx(), [initiator]) })
      expect(verificationOf(yield* soon(Effect.exit(scripted.opening.opened))).field).toBe("signature")
    }).pipe(Effect.scoped)
  )

  it.live(
    "leave, conflict round, frames of another channel, unasked signatures, a foreign closing transaction",
    () =>
      Effect.gen(function* () {
        const { node, channel } = yield* openScripted("initiator")
        node.say({ _tag: "LeaveReport", state: signedBy(honest, [initiator, responder]) })
        node.conflict(2, 7)
        node.say({ _tag: "Info", event: "update" }, otherId)
        node.ask("update", SignedTx.unsigned(honest), updates)
        expect(errorOf(yield* node.expect("update"))).toBe(1)
        node.ask("settle_sign", SignedTx.unsigned(honest), updates)
        expect(errorOf(yield* node.expect("settle_sign"))).toBe(1)
        const close = signedBy(closeTx(responder.address), [initiator, responder])
        node.say({ _tag: "OnChainTx", info: "close_mutual", type: "channel_close_mutual_tx", tx: close })
        const events = yield* channel.events.pipe(
          Stream.filterMap((event) =>
            event._tag === "VerificationFailed" ? someField(event.error) : Option.none()
          ),
          Stream.take(6),
          Stream.runCollect
        )
        expect(Chunk.toReadonlyArray(events)).toEqual([
          "leave body",
          "conflict round",
          "report channelId",
          "update operation",
          "settle_sign operation",
          "shutdown body"
        ])
        expect(node.signedSince(1)).toBe(false)
      }).pipe(Effect.scoped)
  )
})

describe("lies in replies", () => {
  it.live("balances, proof and state are compared with ours", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const lie = <A>(call: Effect.Effect<A, FlowError>, result: Parameters<ScriptedNode["reply"]>[1]) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(call)
          node.reply(yield* node.next, result)
          return verificationOf(yield* soon(Fiber.await(fiber))).field
        })
      const own = { account: initiator.address, balance: terms.initiatorAmount - terms.pushAmount }
      const theirs = { account: responder.address, balance: terms.responderAmount + terms.pushAmount }
      expect(yield* lie(channel.balances(), [own])).toBe("balance")
      expect(yield* lie(channel.balances(), [])).toBe("balance")
      expect(yield* lie(channel.balances(), [own, { ...theirs, balance: theirs.balance + 1n }])).toBe(
        "balance"
      )
      expect(yield* lie(channel.balances([own.account]), [own, theirs])).toBe("account")

      const richer = treesAfter([transfer(initiator.address, responder.address, 5n)], 2)
      const poiOf = (trees: Trees.Trees, accounts: ReadonlyArray<typeof own.account>) => {
        const poi = Poi.build(trees, { accounts })
        if (poi instanceof Poi.NotFound) throw poi
        return { poi: Poi.toText(poi) }
      }
      expect(yield* lie(channel.poi(), poiOf(richer, [own.account, theirs.account]))).toBe("stateHash")
      expect(
        yield* lie(channel.poi({ accounts: [stranger.address] }), poiOf(initialTrees, [own.account]))
      ).toBe("account")

      const dump = (trees: Trees.Trees, state: SignedTx.SignedTx) => ({
        trees: Trees.toText(trees),
        calls: Trees.callsToText(trees.calls),
        signed_tx: SignedTx.toText(state),
        half_signed_tx: ""
      })
      const first = signedBy(createTx(), [initiator, responder])
      expect(yield* lie(channel.offChainState, dump(richer, first))).toBe("stateHash")
      const second = signedBy(offChainTx(initialTrees, 2), [initiator, responder])
      expect(yield* lie(channel.offChainState, dump(initialTrees, second))).toBe("body")
    }).pipe(Effect.scoped)
  )
})
