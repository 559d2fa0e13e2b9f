/** Contracts in a channel, through the client, on the embedded node. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type * as Channel from "../../src/client/Channel.js"
import * as ContractCall from "../../src/client/ContractCall.js"
import * as Ids from "../../src/chain/Ids.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as CallData from "../../src/fate/CallData.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as Ledger from "../../src/node/Ledger.js"
import * as ChainReader from "../../src/services/ChainReader.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Trees from "../../src/state/Trees.js"
import { coin, initiator, layer, other, responder } from "../support/NodeUnderTest.js"
import { account, code, create, init, inRound, input, reader } from "./support/Contracting.js"
import { eventOf } from "./support/Flow.js"
import { open, openBoth } from "./support/Parties.js"

const sameAsNode = (channel: {
  readonly offChainState: Effect.Effect<{ readonly trees: Trees.Trees }, unknown>
}) => Effect.map(channel.offChainState, ({ trees }) => Trees.stateHashText(trees))

describe("contracts", () => {
  it.scopedLive("are created, called, tried out, read and forgotten", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const created = yield* create(alice, bob, { deposit: 10n, callData: init(5n), meta: ["a till"] })
      const { contractId } = created
      expect(created).toMatchObject({
        state: { round: 2, balances: { initiator: 9n * coin - 10n } },
        call: { returnType: "ok", verified: true, round: 2, callerId: initiator.address }
      })
      const called = yield* bob.contracts.call({ ...input(contractId, "add", 3n), amount: 7n })
      expect(called).toMatchObject({
        state: { round: 3, balances: { responder: 6n * coin - 7n } },
        call: { value: 8n, returnType: "ok", callerId: responder.address, text: undefined, gasPrice: 1n }
      })
      expect(called.call.events).toHaveLength(1)
      expect(yield* ContractCall.value(called.call)).toBe(8n)
      yield* inRound(alice, 3)
      expect(yield* sameAsNode(alice)).toBe(yield* sameAsNode(bob))

      const dry = yield* alice.contracts.dryRun(input(contractId, "total"))
      expect(dry).toMatchObject({ value: 8n, verified: true, round: 4 })
      expect((yield* alice.latest.get).round).toBe(3)

      const contract = yield* alice.contracts.get(contractId)
      expect(contract).toMatchObject({ balance: 17n, object: { deposit: 10n, ownerId: initiator.address } })
      expect(contract.store.length).toBeGreaterThan(1)
      const again = yield* alice.contracts.getCall({ contractId, callerId: responder.address, round: 3 })
      expect(again).toEqual(called.call)
      const init2 = yield* bob.contracts.getCall({ contractId, callerId: initiator.address, round: 2 })
      expect(init2).toMatchObject({ returnType: "ok", verified: false })
      yield* bob.contracts.cleanCalls
      expect(yield* Effect.flip(bob.contracts.getCall({ contractId, round: 3 }))).toMatchObject({
        _tag: "RejectedError",
        data: [{ code: 1004 }]
      })
      // A transfer's state has no calls.
      const paid = yield* alice.transfer({ amount: 1n })
      expect(yield* sameAsNode(alice)).toBe(Trees.stateHashText(paid.trees))
      yield* alice.poi({ contracts: [contractId] })
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("that fail are rounds, and their outcome is told", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const { contractId } = yield* create(alice, bob)
      const failed = yield* alice.contracts.call({ ...input(contractId, "fail"), amount: 5n })
      expect(failed).toMatchObject({
        state: { round: 3, balances: { initiator: 9n * coin } },
        call: { returnType: "revert", text: "always", value: { _tag: "string" } }
      })
      expect(yield* Effect.flip(ContractCall.value(failed.call))).toMatchObject({
        _tag: "ContractCallFailed"
      })
      const stopped = yield* alice.contracts.call(input(contractId, "stop"))
      expect(stopped.call).toMatchObject({ returnType: "error", value: undefined })
      expect(stopped.call.text).toContain("division by zero")
      const refused = yield* Effect.flip(alice.contracts.create({ code, callData: init(), abiVersion: 1 }))
      expect(refused).toMatchObject({ _tag: "RejectedError" })
      expect(refused.message).toContain("Computed here: the contract's versions do not go together")
      const nothing = Ids.contractId(initiator.address, 9)
      const there = input(contractId, "add", 1n)
      const asked = [
        [alice.contracts.call(input(nothing, "add", 1n)), "contract_not_found"],
        [alice.contracts.dryRun(input(nothing, "add", 1n)), "contract_not_found"],
        [alice.forceProgress(input(nothing, "add", 1n)), "contract_not_found"],
        [alice.contracts.create({ code, callData: CallData.encode("init", []) }), "contract_init_failed"],
        [alice.contracts.create({ code, callData: init(), vmVersion: 9 }), "bad_contract_code"]
      ] as const
      for (const [request, reason] of asked) {
        const error: unknown = yield* Effect.flip<unknown, unknown, never>(request)
        expect(error).toMatchObject({ _tag: "RejectedError" })
        expect(String(error)).toContain(reason)
        expect(String(error)).toContain("Computed here: ")
      }
      // What only the chain can say is not guessed.
      expect(yield* Effect.flip(alice.contracts.call({ ...there, amount: 10n ** 30n }))).toMatchObject({
        data: [{ code: 1001 }]
      })
      const unreadable = yield* Effect.flip(alice.contracts.create({ code: "cb_no", callData: init() }))
      expect(unreadable).toMatchObject({ _tag: "DecodeError" })
      expect((yield* alice.transfer({ amount: 1n })).round).toBe(5)
      yield* inRound(bob, 5)
    }).pipe(Effect.provide(layer()))
  )
})

const withReader = Layer.provideMerge(reader, layer())
const mine = (blocks: number) => Effect.flatMap(ChannelNode.ChannelNode, (node) => node.mine(blocks))
const ledger = Effect.flatMap(ChannelNode.ChannelNode, (node) => node.ledger)

/** Both hold the same, and so do their nodes. */
const expectSame = (alice: Channel.Channel, bob: Channel.Channel, round: number) =>
  Effect.gen(function* () {
    yield* inRound(alice, round)
    yield* inRound(bob, round)
    const hashes = yield* Effect.all([alice, bob].map(sameAsNode))
    const own = yield* Effect.all([alice, bob].map((each) => each.latest.get))
    expect(new Set([...hashes, ...own.map(({ trees }) => Trees.stateHashText(trees))]).size).toBe(1)
  })

describe("contracts that look at the chain", () => {
  it.scopedLive("are computed with a reader that knows it: heights, times, hashes, balances, oracles", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const { contractId } = yield* create(alice, bob)
      yield* mine(7)
      const { top } = yield* ledger
      const high = yield* alice.contracts.call(input(contractId, "height"))
      expect(high.call).toMatchObject({ value: BigInt(top.height), verified: true })
      yield* inRound(bob, 3)
      yield* mine(2)
      const timed = yield* bob.contracts.call(input(contractId, "time"))
      expect(timed.call.value).toBe(BigInt((yield* ledger).top.timeMs + 1))
      yield* inRound(alice, 4)
      const rich = yield* alice.contracts.call(input(contractId, "holds", account(other.address)))
      expect(rich.call.value).toBe(1000n * coin)
      yield* inRound(bob, 5)
      const hashed = yield* bob.contracts.call(input(contractId, "hash", BigInt(top.height)))
      expect(hashed.call.value).toMatchObject({ values: [{ bytes: ApiEncoding.bytesOf(top.hash) }] })
      yield* inRound(alice, 6)
      const none = yield* alice.contracts.call(input(contractId, "is_oracle", account(other.address)))
      expect(none.call.value).toBe(false)
      yield* expectSame(alice, bob, 7)
    }).pipe(Effect.provide(withReader))
  )

  it.scopedLive("are computed in the block that was named, or in the newest one", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const { contractId } = yield* create(alice, bob)
      yield* mine(12)
      const chain = yield* ledger
      const old = Ledger.keyBlock(chain, chain.top.height - 6)
      const { call } = yield* alice.contracts.call({
        ...input(contractId, "height"),
        ...(old === undefined ? {} : { blockHash: old.hash })
      })
      expect(call.value).toBe(BigInt(chain.top.height - 6))
      yield* inRound(bob, 3)
      const notPinned = ApiEncoding.encode("kh", new Uint8Array(32))
      const newest = yield* bob.contracts.call({ ...input(contractId, "height"), blockHash: notPinned })
      expect(newest.call.value).toBe(BigInt(chain.top.height))
      yield* expectSame(alice, bob, 4)
    }).pipe(Effect.provide(withReader))
  )

  it.scopedLive("are declined by a client that does not know the chain, own ones and the peer's", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const { contractId } = yield* create(alice, bob)
      const error = yield* Effect.flip(alice.contracts.call(input(contractId, "height")))
      expect(error).toMatchObject({ _tag: "VerificationError", operation: "call_contract", field: "updates" })
      expect(error.message).toContain("ChainReader")
      expect(yield* eventOf(alice, "RoundUnverified")).toMatchObject({ reason: "chain_data", round: 3 })
      expect((yield* alice.transfer({ amount: 1n })).round).toBe(3)
      yield* expectSame(alice, bob, 3)
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("are declined by a peer that does not know the chain", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* Effect.all(
        [open("initiator"), Effect.provide(open("responder"), ChainReader.layerNone)],
        { concurrency: 2 }
      )
      const { contractId } = yield* create(alice, bob)
      const error = yield* Effect.flip(alice.contracts.call(input(contractId, "height")))
      expect(error).toMatchObject({ _tag: "AbortError", endedBy: "peer", code: 4, round: 2 })
      expect(yield* eventOf(bob, "RoundUnverified")).toMatchObject({
        tag: "update_ack",
        reason: "chain_data"
      })
      expect((yield* alice.contracts.call(input(contractId, "add", 1n))).state.round).toBe(3)
      yield* expectSame(alice, bob, 3)
    }).pipe(Effect.provide(withReader))
  )

  it.scopedLive("pass where a policy accepts them unverified; the node's trees are taken over", () =>
    Effect.gen(function* () {
      const asked: Array<ProposalPolicy.UnverifiedProposal> = []
      const policy = ProposalPolicy.make(
        () => ProposalPolicy.accept,
        (proposal) => {
          asked.push(proposal)
          return ProposalPolicy.accept
        }
      )
      const [alice, bob] = yield* openBoth({ initiator: { policy }, responder: { policy } })
      const { contractId } = yield* create(alice, bob)
      const { call, state } = yield* alice.contracts.call(input(contractId, "height"))
      expect(call).toMatchObject({ value: BigInt((yield* ledger).top.height), verified: false })
      expect(state.round).toBe(3)
      yield* expectSame(alice, bob, 3)
      const third = yield* bob.contracts.call(input(contractId, "holds", account(other.address)))
      expect(third.call).toMatchObject({ value: 1000n * coin, verified: false })
      yield* expectSame(alice, bob, 4)
      const fourth = yield* alice.contracts.call(input(contractId, "add", 1n))
      expect(fourth.call).toMatchObject({ value: 1000n * coin + 1n, verified: true })
      yield* expectSame(alice, bob, 5)
      expect(asked.map(({ round, reason, proposer }) => [round, reason, proposer])).toEqual([
        [3, "chain_data", initiator.address],
        [3, "chain_data", initiator.address],
        [4, "chain_data", responder.address],
        [4, "chain_data", responder.address]
      ])
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("are tried out, with the node's word for it", () =>
    Effect.gen(function* () {
      const [alice, bob] = yield* openBoth()
      const { contractId } = yield* create(alice, bob)
      const dry = yield* bob.contracts.dryRun(input(contractId, "height"))
      expect(dry).toMatchObject({ value: BigInt((yield* ledger).top.height), verified: false })
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("an interrupted call is aborted, also while the chain is asked", () =>
    Effect.gen(function* () {
      const never = Layer.succeed(ChainReader.ChainReader, {
        top: Effect.never,
        block: () => Effect.never,
        read: () => Effect.never,
        authenticate: () => Effect.never
      })
      const [alice, bob] = yield* Effect.all([Effect.provide(open("initiator"), never), open("responder")], {
        concurrency: 2
      })
      const { contractId } = yield* create(alice, bob)
      const late = yield* Effect.either(
        Effect.timeout(alice.contracts.call(input(contractId, "height")), "300 millis")
      )
      expect(late).toMatchObject({ left: { _tag: "TimeoutException" } })
      expect((yield* alice.transfer({ amount: 1n })).round).toBe(3)
      yield* Effect.fork(Effect.delay(alice.abort(200), "100 millis"))
      const aborted = yield* Effect.flip(alice.contracts.call(input(contractId, "height")))
      expect(aborted).toMatchObject({ _tag: "UserDefinedError", code: 200, endedBy: "we" })
      expect((yield* alice.transfer({ amount: 1n })).round).toBe(4)
    }).pipe(Effect.provide(withReader))
  )
})
