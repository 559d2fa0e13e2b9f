/**
 * What an adversary tried on rounds with contracts: states that nobody of the two has forced, policies that answer too
 * late, states whose trees nobody gives back, and co-signed states that take the place of forced ones.
 */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import * as ContractObject from "../../src/chain/ContractObject.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { Transaction } from "../../src/chain/Transaction.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import * as Fee from "../../src/chain/Fee.js"
import * as Ids from "../../src/chain/Ids.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as CallData from "../../src/fate/CallData.js"
import * as Type from "../../src/fate/Type.js"
import * as Value from "../../src/fate/Value.js"
import * as ChainReader from "../../src/services/ChainReader.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import * as A from "../fate/support/assembly.js"
import { keyPairOf } from "../support/TestCrypto.js"
import {
  at,
  body,
  calling,
  code,
  computed,
  contractId,
  created,
  creating,
  forcing,
  withContract,
  withSpend
} from "./support/Computed.js"
import { eventOf } from "./support/Flow.js"
import { transfer } from "./support/Rounds.js"
import {
  channelId,
  errorOf,
  initialTrees,
  initiator,
  openScripted,
  responder,
  type ScriptedNode,
  settle,
  signedBy,
  signedTxOf
} from "./support/ScriptedNode.js"
import { asked, comeBack, holds, refuseAll, returns, stored, up } from "./support/ScriptedReturn.js"

const stranger = keyPairOf("stranger")
const price = { gas: 1_000_000n, gasPrice: 1_000_000_000n }
const callOf = ({ address }: KeyPair) => calling(address, contractId, "add", [3n], { ...price, amount: 7n })

const tell = (node: ScriptedNode, tx: SignedTx.SignedTx): void =>
  node.say({ _tag: "OnChainTx", info: "consumed_forced_progress", type: "channel_force_progress_tx", tx })

const wrapped = (tx: SignedTx.SignedTx, gaId: ApiEncoding.AccountAddress): SignedTx.SignedTx =>
  SignedTx.wrapMeta(tx, { gaId, authData: Uint8Array.of(1), abiVersion: 3, fee: 1n, gas: 1n, gasPrice: 1n })

const paidFor = (tx: SignedTx.SignedTx): SignedTx.SignedTx =>
  SignedTx.unsigned({
    _tag: "PayingForTx",
    version: 1,
    payerId: stranger.address,
    nonce: 1n,
    fee: 1n,
    tx: SignedTx.encode(tx)
  })

describe("progress that a node says was forced, and neither party did", () => {
  const ours = callOf(initiator)
  const theirs = callOf(responder)
  const byStranger = (update: typeof ours) =>
    signedBy(forcing(update, { fromId: stranger.address }), [stranger])
  const unsigned = (update: typeof ours) => SignedTx.unsigned(forcing(update))
  it.live.each<[string, SignedTx.SignedTx]>([
    ["our call, by a stranger", byStranger(ours)],
    ["the peer's call, by a stranger", byStranger(theirs)],
    ["our call, by the peer", signedBy(forcing(ours, { fromId: responder.address }), [responder])],
    ["our call, in the meta transaction of a stranger", wrapped(unsigned(ours), stranger.address)],
    [
      "our call, in a meta transaction of ours, which we never make",
      wrapped(unsigned(ours), initiator.address)
    ],
    ["the peer's call, in the meta transaction of a stranger", wrapped(unsigned(theirs), stranger.address)],
    ["our call, unsigned, that a stranger pays for", paidFor(unsigned(ours))],
    ["the peer's call, unsigned, that a stranger pays for", paidFor(unsigned(theirs))]
  ])("%s", ([, tx]) =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { channel, node } = open
      yield* withContract(open)
      tell(node, tx)
      yield* eventOf(channel, "VerificationFailed")
      expect((yield* channel.latest.get).round).toBe(2)
    }).pipe(Effect.scoped)
  )

  it.live.each<[string, SignedTx.SignedTx]>([
    ["by the peer's generalized account", wrapped(unsigned(theirs), responder.address)],
    ["paid for by a stranger", paidFor(signedBy(forcing(theirs), [responder]))]
  ])("what the peer did is the latest: %s", ([, tx]) =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { channel, node } = open
      yield* withContract(open)
      tell(node, tx)
      expect(yield* eventOf(channel, "ProgressForced")).toMatchObject({ state: { round: 3 } })
    }).pipe(Effect.scoped)
  )
})

// ---------------------------------------------------------------- what cannot be computed

const aevm = creating(initiator.address, {
  ctVersion: ContractObject.packVersions({ vmVersion: 6, abiVersion: 1 }),
  callData: Uint8Array.of(1, 2, 3)
})
const somewhere = withSpend(initialTrees, initiator.address, responder.address, 1n)
const trusted = body(somewhere, 2)
const coSigned = signedBy(trusted, [initiator, responder])

/** Proposes what nobody can compute here, and signs it because the policy trusts. */
const proposeUnknown = ({ channel, node }: Effect.Effect.Success<ReturnType<typeof openScripted>>) =>
  Effect.gen(function* () {
    const { callData } = aevm
    yield* Effect.fork(
      channel.contracts.create({ code, callData, deposit: 10n, vmVersion: 6, abiVersion: 1 })
    )
    yield* node.expect("update.new_contract")
    node.ask("update", SignedTx.unsigned(trusted), [aevm])
    yield* node.expect("update")
  })

describe("a round that cannot be computed", () => {
  it.live("once both have signed it, a policy's late word about another of that round does not count", () =>
    Effect.gen(function* () {
      const word = yield* Deferred.make<ProposalPolicy.Decision>()
      const policy = ProposalPolicy.make(
        ({ tag }) => (tag === "update_ack" ? Deferred.await(word) : ProposalPolicy.accept),
        () => ProposalPolicy.accept
      )
      const open = yield* openScripted("initiator", { policy })
      const { node } = open
      yield* proposeUnknown(open)
      const other = transfer(responder.address, initiator.address, 5n)
      node.ask("update_ack", signedBy(body(computed([other], 2, initialTrees), 2), [responder]), [other])
      yield* settle
      const before = node.log.length
      node.say({ _tag: "StateUpdate", state: coSigned })
      yield* settle
      yield* Deferred.succeed(word, ProposalPolicy.accept)
      yield* settle
      expect(node.signedSince(before)).toBe(false)
      expect(node.methods.slice(before)).toContain("channels.get.offchain_state")
    }).pipe(Effect.scoped)
  )

  it.live("whose trees the node does not give to a client that comes back: nothing is signed any more", () =>
    Effect.gen(function* () {
      const policy = ProposalPolicy.make(
        () => ProposalPolicy.accept,
        () => ProposalPolicy.accept
      )
      const kept = yield* stored("initiator", proposeUnknown, { policy })
      const { fiber, node } = yield* comeBack(kept, { policy })
      up(node, 1)
      const { question, before } = yield* asked(node)
      refuseAll(node, before)
      holds(node, question, coSigned, created)
      const second = yield* asked(node)
      refuseAll(node, second.before)
      holds(node, second.question, coSigned, created)
      const channel = yield* fiber
      expect((yield* channel.status.get).frozen).toContain("round 2")
      const length = node.log.length
      expect(yield* Effect.flip(channel.transfer({ amount: 1n }))).toMatchObject({ _tag: "StoreError" })
      expect(node.signedSince(length)).toBe(false)
    }).pipe(Effect.scoped)
  )
})

// ---------------------------------------------------------------- forced or co-signed

describe("a state that both have signed, of a round that was forced meanwhile", () => {
  const theirs = callOf(responder)
  const paid = transfer(initiator.address, responder.address, 5n)
  const trees = computed([paid], 3, created)
  const own = body(trees, 3)

  it.live("takes its place", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { channel, node } = open
      yield* withContract(open)
      yield* Effect.fork(channel.transfer({ amount: 5n }))
      yield* node.expect("update.new")
      node.ask("update", SignedTx.unsigned(own), [paid])
      yield* node.expect("update")
      tell(node, signedBy(forcing(theirs), [responder]))
      expect(yield* eventOf(channel, "ProgressForced")).toMatchObject({ state: { round: 3 } })
      node.say({ _tag: "StateUpdate", state: signedBy(own, [initiator, responder]) })
      yield* settle
      const latest = yield* channel.latest.get
      expect(latest.signedTx.tx._tag).toBe("ChannelOffchainTx")
      expect(Trees.stateHashText(latest.trees)).toBe(Trees.stateHashText(trees))
    }).pipe(Effect.scoped)
  )

  it.live("takes its place when a client comes back, also after it was forced", () =>
    Effect.gen(function* () {
      const kept = yield* stored("initiator", (open) =>
        Effect.gen(function* () {
          const { channel, node } = open
          yield* withContract(open)
          yield* Effect.fork(channel.transfer({ amount: 5n }))
          yield* node.expect("update.new")
          node.ask("update", SignedTx.unsigned(own), [paid])
          yield* node.expect("update")
          tell(node, signedBy(forcing(theirs), [responder]))
          yield* eventOf(channel, "ProgressForced")
        })
      )
      const { fiber, node } = yield* comeBack(kept)
      const both = signedBy(own, [initiator, responder])
      const { channel } = yield* returns(node, fiber, both, trees)
      expect((yield* channel.status.get).frozen).toBeUndefined()
      expect((yield* channel.latest.get).signedTx.tx._tag).toBe("ChannelOffchainTx")
      expect((yield* channel.latest.get).balances.initiator).toBe(Trees.balance(trees, initiator.address))
    }).pipe(Effect.scoped)
  )

  it.live("is none that closes the channel", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { channel, node } = open
      yield* withContract(open)
      tell(node, signedBy(forcing(theirs), [responder]))
      yield* eventOf(channel, "ProgressForced")
      yield* Effect.fork(channel.shutdown())
      yield* node.expect("shutdown")
      const { balances } = yield* channel.latest.get
      const fee = 20_000n * Fee.defaultMinerGasPrice
      const split = Fee.closeMutualSplit({
        initiatorBalance: balances.initiator,
        responderBalance: balances.responder,
        fee
      })
      if (split instanceof Fee.InsufficientBalance) throw split
      const { initiatorAmountFinal, responderAmountFinal } = split
      const close: Transaction = {
        _tag: "ChannelCloseMutualTx",
        version: 1,
        channelId,
        fromId: initiator.address,
        initiatorAmountFinal,
        responderAmountFinal,
        ttl: 0,
        fee,
        nonce: 2n
      }
      node.ask("shutdown_sign", SignedTx.unsigned(close))
      expect(signedTxOf(yield* node.next).signatures).toHaveLength(1)
      node.say({ _tag: "StateUpdate", state: signedBy(close, [initiator, responder]) })
      yield* eventOf(channel, "VerificationFailed")
      expect((yield* channel.latest.get).signedTx.tx._tag).toBe("ChannelForceProgressTx")
    }).pipe(Effect.scoped)
  )

  it.live("does not, if it has not both signatures", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { channel, node } = open
      yield* withContract(open)
      yield* Effect.fork(channel.transfer({ amount: 5n }))
      yield* node.expect("update.new")
      node.ask("update", SignedTx.unsigned(own), [paid])
      yield* node.expect("update")
      tell(node, signedBy(forcing(theirs), [responder]))
      yield* eventOf(channel, "ProgressForced")
      node.say({ _tag: "StateUpdate", state: signedBy(own, [initiator]) })
      yield* eventOf(channel, "VerificationFailed")
      expect((yield* channel.latest.get).signedTx.tx._tag).toBe("ChannelForceProgressTx")
    }).pipe(Effect.scoped)
  )
})

// ---------------------------------------------------------------- blocks

describe("progress that was forced in a block that is not among the last ones", () => {
  const hashOf = (height: number) => ApiEncoding.encode("kh", new Uint8Array(32).fill(height))
  const chain = ChainReader.layerMemory({
    top: { height: 200, newest: hashOf(200) },
    keyBlockAt: hashOf,
    environmentAt: (hash) => at(ApiEncoding.bytesOf(hash)[0] ?? 0)
  })
  const looking = { ...callOf(responder), amount: 0n, callData: CallData.encode("height", []) }
  const tx = signedBy(forcing(looking, {}, computed([looking], 3, created, at(100))), [responder])

  it.live.each([true, false])("is the policy's (accepts: %s)", (accepts) =>
    Effect.gen(function* () {
      const policy = ProposalPolicy.make(
        () => ProposalPolicy.accept,
        () => (accepts ? ProposalPolicy.accept : ProposalPolicy.decline(4))
      )
      const open = yield* openScripted("initiator", { policy })
      const { channel, node } = open
      yield* withContract(open)
      tell(node, tx)
      expect(yield* eventOf(channel, "RoundUnverified")).toMatchObject({ reason: "chain_data", round: 3 })
      if (accepts) {
        const { question } = yield* asked(node)
        const trees = computed([looking], 3, created, at(100))
        node.reply(question, {
          trees: Trees.toText(trees),
          calls: Trees.callsToText(Trie.empty),
          signed_tx: SignedTx.toText(tx),
          half_signed_tx: ""
        })
        expect(yield* eventOf(channel, "ProgressForced")).toMatchObject({ state: { round: 3 } })
      } else {
        yield* eventOf(channel, "VerificationFailed")
        expect((yield* channel.status.get).frozen).toContain("round 3")
      }
    }).pipe(Effect.provide(chain), Effect.scoped)
  )
})

// ---------------------------------------------------------------- readers and costs

const { immediate, op, variable: v } = A
const int = (value: number) => immediate(BigInt(value))

/** Hashes for some 500,000 gas, and then a hundred looks at the chain. */
const busy = A.codeOf(
  A.byteCode({
    init: [[], Type.tuple([]), [[op("RETURNR", immediate(Value.tuple([])))]]],
    go: [
      [],
      Type.any,
      [
        [op("STORE", v(0), int(3000)), op("JUMP", int(1))],
        [
          op("BLAKE2B", v(1), immediate(Value.string(new Uint8Array(64)))),
          op("DEC", v(0)),
          op("EQ", v(2), v(0), int(0)),
          op("JUMPIF", v(2), int(3))
        ],
        [op("JUMP", int(1))],
        [...Array.from({ length: 100 }, (_, i) => op("BLOCKHASH", v(1), int(199 - i))), op("RETURNR", v(1))]
      ]
    ]
  })
)
const facts = at(200).block
const told = new Uint8Array(32).fill(200)

/** A chain of one block, which answers reads like this. */
const readerThat = (read: ChainReader.ChainReaderService["read"]) =>
  Layer.succeed(ChainReader.ChainReader, {
    top: Effect.succeed({ height: 200, newest: ApiEncoding.encode("kh", told) }),
    block: (which) =>
      Effect.succeed(
        facts._tag === "Unavailable" || (typeof which === "number" && which !== 200)
          ? undefined
          : { hash: ApiEncoding.encode("kh", told), protocol: 6, facts }
      ),
    read,
    authenticate: ChainReader.none.authenticate
  })

/** The peer's contract is there, and the peer calls it; what becomes of that. */
const calledBusy = (read: ChainReader.ChainReaderService["read"]) =>
  Effect.gen(function* () {
    const make = creating(responder.address, { code: busy, callData: CallData.encode("init", []) })
    const first = computed([make], 2, initialTrees)
    const call = calling(responder.address, Ids.contractId(responder.address, 2), "go")
    const open = yield* openScripted("initiator", { changes: { requestTimeout: 50 } })
    const { channel, node } = open
    node.ask("update_ack", signedBy(body(first, 2), [responder]), [make])
    yield* node.expect("update_ack")
    node.say({ _tag: "StateUpdate", state: signedBy(body(first, 2), [initiator, responder]) })
    node.ask("update_ack", signedBy(body(first, 3), [responder]), [call])
    const unverified = yield* eventOf(channel, "RoundUnverified")
    expect(errorOf(yield* node.expect("update_ack"))).toBe(4)
    return unverified
  }).pipe(Effect.provide(readerThat(read)), Effect.scoped)

describe("looking at the chain", () => {
  it.live("after hard work is given up before it takes minutes", () =>
    Effect.gen(function* () {
      let reads = 0
      const { detail, reason } = yield* calledBusy(({ _tag }) =>
        Effect.sync(() => {
          reads += 1
          return { _tag, value: told } as ChainReader.ChainAnswer
        })
      )
      expect(reason).toBe("chain_data")
      expect(detail).toMatch(/computed with \d+ gas/)
      expect(reads).toBeLessThan(25)
      expect(reads).toBeGreaterThan(5)
    })
  )

  it.live.each<[string, ChainReader.ChainReaderService["read"], RegExp]>([
    ["never answers", () => Effect.never, /no answer came for 50 ms/],
    ["dies", () => Effect.die(new Error("no")), /unexpected error/],
    [
      "throws",
      () => {
        throw new Error("no")
      },
      /unexpected error/
    ],
    ["is interrupted", () => Effect.interrupt, /unexpected error/],
    ["answers something else", () => Effect.succeed({ _tag: "Balance", value: 5n }), /asked 1 times/]
  ])("with a reader that %s comes to nothing, and the round is not signed", ([, read, says]) =>
    Effect.gen(function* () {
      expect((yield* calledBusy(read)).detail).toMatch(says)
    })
  )
})
