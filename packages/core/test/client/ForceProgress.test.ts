/** Forced progress, through the client, on the embedded node: own, the peer's, and what follows from it. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import type * as Channel from "../../src/client/Channel.js"
import type { CoSignedState } from "../../src/client/ChannelEvent.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as Ledger from "../../src/node/Ledger.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Poi from "../../src/state/Poi.js"
import * as Trees from "../../src/state/Trees.js"
import * as Update from "../../src/state/Update.js"
import { closeWithFirst, submit } from "../support/Chain.js"
import { coin, initiator, layer, responder } from "../support/NodeUnderTest.js"
import * as TestCrypto from "../support/TestCrypto.js"
import { computed } from "./support/Computed.js"
import { create, init, inRound, input, reader } from "./support/Contracting.js"
import { eventOf } from "./support/Flow.js"
import { openBoth, type Party } from "./support/Parties.js"
import { returners } from "./support/Returns.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]
const addressOf = (role: Role) => (role === "initiator" ? initiator : responder).address
const node = ChannelNode.ChannelNode
const view = Effect.flatMap(node, ({ ledger }) =>
  Effect.map(ledger, (chain) => Ledger.view(chain, TestCrypto.native))
)
const onChain = (role: Role) => Effect.map(view, ({ account }) => account(addressOf(role))?.balance ?? 0n)

const opened = (role: Role, parties: { readonly own?: Party; readonly peer?: Party } = {}) =>
  Effect.map(
    openBoth(
      role === "initiator"
        ? { initiator: parties.own ?? {}, responder: parties.peer ?? {} }
        : { initiator: parties.peer ?? {}, responder: parties.own ?? {} }
    ),
    ([left, right]) => (role === "initiator" ? ([left, right] as const) : ([right, left] as const))
  )

const sameAsNode = (channel: Channel.Channel) =>
  Effect.gen(function* () {
    const { trees } = yield* channel.offChainState
    expect(Trees.stateHashText(trees)).toBe(Trees.stateHashText((yield* channel.latest.get).trees))
  })

const withReader = Layer.provideMerge(reader, layer())
const gasPrice = 1_000_000_000n

describe.each(roles)("progress that the %s forces", (role) => {
  it.scopedLive("is the latest state of both, and both go on", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* opened(role)
      const { contractId } = yield* create(ours, theirs, { callData: init(4n) })
      const before = yield* onChain(role)
      const forced = yield* ours.forceProgress({ ...input(contractId, "add", 3n), amount: 5n })
      expect(forced).toMatchObject({
        state: { round: 3 },
        call: { value: 7n, returnType: "ok", verified: true, gasPrice, callerId: addressOf(role) }
      })
      const { tx } = forced.signedTx
      const paid = Transaction.fee(tx) + forced.call.gasUsed * gasPrice
      expect(yield* onChain(role)).toBe(before - paid)
      expect((yield* view).channel(ours.id)).toMatchObject({ round: 3, soloRound: 3 })
      yield* inRound(theirs, 3)
      expect(yield* eventOf(theirs, "ProgressForced")).toMatchObject({
        txHash: forced.txHash,
        type: "channel_force_progress_tx",
        state: { round: 3 }
      })
      for (const each of [ours, theirs]) yield* sameAsNode(each)
      const again = yield* theirs.contracts.getCall({ contractId, callerId: addressOf(role), round: 3 })
      expect(again).toEqual(forced.call)

      // Once more, on top of a forced state, and then together again.
      const second = yield* theirs.forceProgress(input(contractId, "add", 1n))
      expect(second).toMatchObject({ state: { round: 4 }, call: { value: 8n } })
      yield* inRound(ours, 4)
      const third = yield* ours.contracts.call(input(contractId, "add", 1n))
      expect(third).toMatchObject({ state: { round: 5 }, call: { value: 9n } })
      yield* inRound(theirs, 5)
      expect((yield* theirs.transfer({ amount: 1n })).round).toBe(6)
      yield* inRound(ours, 6)
      for (const each of [ours, theirs]) yield* sameAsNode(each)
      expect(yield* Effect.exit(ours.snapshotSolo())).toMatchObject({ _tag: "Success" })
      expect((yield* ours.shutdown()).confirmed).toBe(true)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("ends what is under way, without a signature of ours", () =>
    Effect.gen(function* () {
      const never = ProposalPolicy.make(({ operation, signedTx }) =>
        operation === "open" || ("round" in signedTx.tx && signedTx.tx.round === 2)
          ? ProposalPolicy.accept
          : Effect.never
      )
      const [ours, theirs] = yield* opened(role, { own: { policy: never } })
      const { contractId } = yield* create(ours, theirs)
      const waiting = yield* Effect.fork(Effect.flip(theirs.transfer({ amount: 1n })))
      yield* Stream.runHead(
        Stream.filter(ours.events, (event) => event._tag === "SignatureAsked" && event.round === 3)
      )
      // Our turn comes when theirs is over.
      yield* ours.abort(300)
      expect(yield* waiting).toMatchObject({ _tag: "UserDefinedError" })
      const forced = yield* ours.forceProgress(input(contractId, "add", 3n))
      expect(forced.state.round).toBe(3)
      yield* inRound(theirs, 3)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("after a close that is being settled with it: nothing to slash, and it counts", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* opened(role)
      const { contractId } = yield* create(ours, theirs, { deposit: coin })
      yield* theirs.closeSolo()
      yield* Stream.runHead(Stream.filter(ours.status.changes, ({ phase }) => phase === "closing"))
      const payTo = { ...input(contractId, "add", 2n), amount: 1n }
      const forced = yield* ours.forceProgress(payTo)
      expect(forced.state.round).toBe(3)
      yield* inRound(theirs, 3)
      expect((yield* ours.status.get).phase).toBe("closing")
      yield* Effect.flatMap(node, ({ mine }) => mine(20))
      const closed = yield* ours.settle()
      expect(closed.confirmed).toBe(true)
      expect(closed.signedTx.tx).toMatchObject({
        initiatorAmountFinal: forced.state.balances.initiator,
        responderAmountFinal: forced.state.balances.responder
      })
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("on a state that is older than the latest: it can be answered by a snapshot or a slash", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* opened(role)
      const first = yield* ours.latest.get
      const { contractId } = yield* create(ours, theirs)
      yield* ours.contracts.call(input(contractId, "add", 2n))
      yield* inRound(theirs, 3)
      const key = role === "initiator" ? responder : initiator
      yield* closeWithFirst(yield* node, key, first)
      // Our node tells, and the client slashes by itself.
      expect(yield* eventOf(ours, "CanSlash")).toMatchObject({ signedTx: { tx: { round: 3 } } })
      yield* Stream.runHead(
        Stream.filter(
          ours.events,
          (event) => event._tag === "SoloClosing" && event.type === "channel_slash_tx"
        )
      )
      const channel = (yield* view).channel(ours.id)
      expect(channel).toMatchObject({ round: 3, soloRound: 0 })
    }).pipe(Effect.provide(layer()))
  )
})

/** The other party forces a call on the state before the latest; the chain takes it. */
const forceOnOlder = (
  theirs: KeyPair,
  state: CoSignedState,
  contractId: Channel.CreatedContract["contractId"],
  /** None where the chain holds that state. */
  payload = SignedTx.encode(state.signedTx)
) =>
  Effect.gen(function* () {
    const update: Update.Update = {
      _tag: "OffChainCallContract",
      callerId: theirs.address,
      abiVersion: 3,
      amount: 0n,
      gas: 100_000n,
      gasPrice,
      callStack: [],
      ...input(contractId, "add", 9n)
    }
    const trees = computed([update], state.round + 1, state.trees)
    yield* submit(yield* node, theirs, (nonce) => ({
      _tag: "ChannelForceProgressTx",
      version: 1,
      channelId: state.channelId,
      fromId: theirs.address,
      payload,
      round: state.round + 1,
      update: Update.encode(update),
      stateHash: Trees.stateHash(trees),
      offchainTrees: Trees.encode(state.trees),
      ttl: 0,
      fee: 0n,
      nonce
    }))
  })

describe("forced progress", () => {
  it.scopedLive("on an older state of an open channel: the latest can be put in its place", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const { contractId, state } = yield* create(alice, bob)
      yield* alice.contracts.call(input(contractId, "add", 2n))
      yield* inRound(bob, 3)
      yield* forceOnOlder(responder, state, contractId)
      for (const each of [alice, bob])
        expect(yield* eventOf(each, "CanSnapshot")).toMatchObject({ type: "channel_force_progress_tx" })
      expect((yield* alice.latest.get).round).toBe(3)
      expect((yield* view).channel(alice.id)).toMatchObject({ round: 3, soloRound: 3 })
      yield* alice.snapshotSolo()
      expect((yield* view).channel(alice.id)).toMatchObject({ round: 3, soloRound: 0 })
      expect((yield* alice.forceProgress(input(contractId, "add", 1n))).call.value).toBe(3n)
      yield* inRound(bob, 4)
      for (const each of [alice, bob]) yield* sameAsNode(each)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("on an older state of a channel that is being closed: the latest slashes it", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth({
        initiator: { changes: { autoSlash: false } },
        responder: { changes: { autoSlash: false } }
      })
      const { contractId, state } = yield* create(alice, bob)
      yield* alice.contracts.call(input(contractId, "add", 2n))
      yield* inRound(bob, 3)
      const poi = Poi.build(state.trees, { accounts: [initiator.address, responder.address] })
      if (poi instanceof Poi.NotFound) throw poi
      yield* submit(yield* node, responder, (nonce) => ({
        _tag: "ChannelCloseSoloTx",
        version: 1,
        channelId: alice.id,
        fromId: responder.address,
        payload: SignedTx.encode(state.signedTx),
        poi: Poi.encode(poi),
        ttl: 0,
        fee: 0n,
        nonce
      }))
      yield* forceOnOlder(responder, state, contractId, new Uint8Array())
      yield* Stream.runHead(
        Stream.filter(
          alice.events,
          (event) => event._tag === "CanSlash" && event.type === "channel_force_progress_tx"
        )
      )
      expect((yield* view).channel(alice.id)).toMatchObject({ round: 3, soloRound: 3 })
      expect((yield* alice.latest.get).round).toBe(3)
      yield* Effect.fork(alice.slash())
      const { trees } = yield* alice.latest.get
      const onChain = Effect.map(view, ({ channel }) => channel(alice.id)?.stateHash ?? new Uint8Array(0))
      yield* Effect.repeat(Effect.zipLeft(onChain, Effect.sleep("5 millis")), {
        until: (hash) => Bytes.equals(hash, Trees.stateHash(trees)),
        times: 200
      })
      expect(yield* onChain).toEqual(Trees.stateHash(trees))
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("that cannot be computed is believed where a policy says so", () =>
    Effect.gen(function* () {
      const policy = ProposalPolicy.make(
        () => ProposalPolicy.accept,
        () => ProposalPolicy.accept
      )
      const [alice, bob] = yield* openBoth({ initiator: { policy }, responder: { policy } })
      const { contractId } = yield* create(alice, bob)
      const forced = yield* alice.forceProgress(input(contractId, "height"))
      expect(forced).toMatchObject({ state: { round: 3 }, call: { returnType: "ok", verified: false } })
      yield* inRound(bob, 3)
      for (const each of [alice, bob]) yield* sameAsNode(each)
      expect((yield* bob.transfer({ amount: 1n })).round).toBe(4)
    }).pipe(Effect.provide(layer()))
  )

  const believing = ProposalPolicy.make(
    () => ProposalPolicy.accept,
    () => ProposalPolicy.accept
  )

  it.scopedLive.each([
    ["it is computed", withReader, {}],
    ["a policy believes what cannot be computed", layer(), { policy: believing }]
  ] as const)(
    "several times while we were away: all of it is taken over, in order; %s",
    ([, world, client]) =>
      Effect.gen(function* () {
        const { initiator: left, responder: right } = yield* returners
        const [alice, bob] = yield* Effect.all([left.open(client), right.open(client)], { concurrency: 2 })
        const { contractId } = yield* create(alice, bob)
        yield* right.kill
        for (const [round, name] of [
          [3, "add"],
          [4, "height"],
          [5, "height"]
        ] as const) {
          const options = name === "add" ? input(contractId, "add", 1n) : input(contractId, "height")
          expect((yield* alice.forceProgress(options)).state.round).toBe(round)
        }
        const back = yield* right.resume(alice.id, client)
        expect((yield* inRound(back, 5)).round).toBe(5)
        yield* sameAsNode(back)
        const told = yield* Stream.runCollect(
          Stream.take(
            Stream.filterMap(back.events, (event) =>
              event._tag === "ProgressForced" ? Option.some(event.state.round) : Option.none()
            ),
            3
          )
        )
        expect(Array.from(told)).toEqual([3, 4, 5])
        expect((yield* back.contracts.call(input(contractId, "add", 1n))).state.round).toBe(6)
      }).pipe(Effect.provide(world))
  )

  it.scopedLive("of a contract that looks at the block finds another one on chain: nothing comes of it", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth({ initiator: { changes: { chainTimeout: 400 } } })
      const { contractId } = yield* create(alice, bob)
      const error = yield* Effect.flip(alice.forceProgress(input(contractId, "time")))
      expect(error).toMatchObject({ _tag: "TimeoutError", operation: "force_progress", step: "chain" })
      expect((yield* alice.latest.get).round).toBe(2)
      expect((yield* alice.transfer({ amount: 1n })).round).toBe(3)
    }).pipe(Effect.provide(withReader))
  )

  it.scopedLive("of a contract that looks at the chain takes a reader", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const { contractId } = yield* create(alice, bob)
      expect(yield* Effect.flip(alice.forceProgress(input(contractId, "height")))).toMatchObject({
        _tag: "VerificationError",
        operation: "force_progress",
        field: "updates"
      })
      expect((yield* alice.transfer({ amount: 1n })).round).toBe(3)
      yield* inRound(bob, 3)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("is refused where it cannot be, and by a mempool that wants more", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const { contractId } = yield* create(alice, bob)
      const abi = yield* Effect.flip(alice.forceProgress({ ...input(contractId, "total"), abiVersion: 1 }))
      expect(abi).toMatchObject({ _tag: "RejectedError", data: [{ code: 1019 }] })
      const rich = yield* Effect.flip(
        alice.forceProgress({ ...input(contractId, "add", 1n), amount: 99n * coin })
      )
      expect(rich).toMatchObject({ _tag: "RejectedError", data: [{ code: 1001 }] })
      const nonce = yield* Effect.flip(alice.forceProgress({ ...input(contractId, "add", 1n), nonce: 99n }))
      expect(nonce).toMatchObject({ _tag: "RejectedOnChainError", code: 5 })
      expect((yield* alice.forceProgress(input(contractId, "add", 1n))).call.value).toBe(1n)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive(
    "is stored: a client that comes back goes on with the forced state, also one that was away",
    () =>
      Effect.gen(function* () {
        const { initiator: left, responder: right } = yield* returners
        const [alice, bob] = yield* Effect.all([left.open(), right.open()], { concurrency: 2 })
        const { contractId } = yield* create(alice, bob)
        yield* alice.forceProgress(input(contractId, "add", 3n))
        yield* inRound(bob, 3)
        yield* left.kill
        const back = yield* left.resume(alice.id)
        expect(yield* back.latest.get).toMatchObject({ round: 3, signedTx: { signatures: { length: 1 } } })
        yield* sameAsNode(back)
        yield* right.kill
        const forced = yield* back.forceProgress(input(contractId, "add", 4n))
        expect(forced).toMatchObject({ state: { round: 4 }, call: { value: 7n } })
        const bobBack = yield* right.resume(alice.id)
        expect((yield* inRound(bobBack, 4)).round).toBe(4)
        yield* sameAsNode(bobBack)
        const { call } = yield* bobBack.contracts.call(input(contractId, "add", 1n))
        expect(call.value).toBe(8n)
      }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("a contract round that was completed while we were away is taken over", () =>
    Effect.gen(function* () {
      const { initiator: left, responder: right } = yield* returners
      const [alice, bob] = yield* Effect.all([left.open(), right.open()], { concurrency: 2 })
      const { contractId } = yield* create(alice, bob)
      yield* alice.contracts.call(input(contractId, "add", 3n))
      yield* inRound(bob, 3)
      for (const each of [left, right]) yield* each.kill
      const aliceBack = yield* left.resume(alice.id)
      const bobBack = yield* right.resume(alice.id)
      expect((yield* bobBack.contracts.call(input(contractId, "add", 1n))).call.value).toBe(4n)
      yield* inRound(aliceBack, 4)
      yield* sameAsNode(aliceBack)
      const { record } = (yield* left.store.read({ channelId: alice.id, role: "initiator" })) ?? {}
      expect(record === undefined ? undefined : Trees.stateHashText(Trees.decodeOrThrow(record.trees))).toBe(
        Trees.stateHashText((yield* aliceBack.latest.get).trees)
      )
    }).pipe(Effect.provide(layer()))
  )
})
