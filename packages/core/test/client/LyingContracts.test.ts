/**
 * A node that lies about a round with a contract gets no signature: whatever the lie is about, it shows in the state hash
 * or in a field that was asked for. What cannot be computed is not signed either, unless the policy says so.
 */
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer } from "effect"
import * as CallObject from "../../src/chain/CallObject.js"
import * as ContractObject from "../../src/chain/ContractObject.js"
import * as Ids from "../../src/chain/Ids.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { ChannelForceProgressTx } from "../../src/chain/Transaction.js"
import type { FlowError } from "../../src/client/ChannelEvent.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import type { BlockHash } from "../../src/encoding/ApiEncoding.js"
import type * as Json from "../../src/encoding/Json.js"
import * as CallData from "../../src/fate/CallData.js"
import * as FateContracts from "../../src/fate/Contracts.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"
import { VerificationError } from "../../src/protocol/Errors.js"
import * as ChainReader from "../../src/services/ChainReader.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Trees from "../../src/state/Trees.js"
import * as Trie from "../../src/state/Trie.js"
import * as Update from "../../src/state/Update.js"
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
  withCall,
  withContract,
  withSpend,
  withStore
} from "./support/Computed.js"
import { account, input } from "./support/Contracting.js"
import { eventOf } from "./support/Flow.js"
import { meta, transfer } from "./support/Rounds.js"
import {
  errorOf,
  initialTrees,
  initiator,
  openScripted,
  responder,
  type ScriptedNode,
  signedBy,
  signedTxOf
} from "./support/ScriptedNode.js"

let lies = 0
afterAll(() => console.log(`lies about contracts: ${lies}, none signed`))

const stranger = keyPairOf("stranger")

const verificationOf = (exit: Exit.Exit<unknown, FlowError>): VerificationError => {
  if (Exit.isSuccess(exit)) throw new Error("it succeeded")
  const error = Cause.squash(exit.cause)
  if (!(error instanceof VerificationError)) throw error
  return error
}

/** What does not end fails the test, and does not hold it up. */
const soon = <A>(effect: Effect.Effect<A>): Effect.Effect<A> =>
  effect.pipe(Effect.timeout("2 seconds"), Effect.orDie)

/** What the node asks to be signed for an update, and the field in which it is found out. */
interface Lie {
  readonly name: string
  readonly field: string
  readonly trees?: Trees.Trees
  readonly updates?: ReadonlyArray<Update.Update>
}

/** Lies about a round that follows from `before` by one honest update. */
const liesAbout = (
  honest: Update.OffChainNewContract | Update.OffChainCallContract,
  round: number,
  before: Trees.Trees
): ReadonlyArray<Lie> => {
  const trees = computed([honest], round, before)
  const [left, right] = [initiator.address, responder.address]
  const outOf = ApiEncoding.encode("ak", ApiEncoding.bytesOf(contractId))
  const hash = (name: string, changed: Trees.Trees): Lie => ({ name, field: "stateHash", trees: changed })
  return [
    hash("a state hash of its own", initialTrees),
    hash("that nothing happened", Trees.withoutCalls(before)),
    hash(
      "a return value of its own",
      withCall(trees, (call) => ({ ...call, returnValue: ValueCodec.encode(999n) }))
    ),
    hash(
      "that the call failed",
      withCall(trees, (call) => ({ ...call, returnType: "revert" }))
    ),
    hash(
      "gas that was not used",
      withCall(trees, (call) => ({ ...call, gasUsed: call.gasUsed + 1n }))
    ),
    hash(
      "another gas price",
      withCall(trees, (call) => ({ ...call, gasPrice: call.gasPrice + 1n }))
    ),
    hash(
      "an event that nobody told",
      withCall(trees, (call) => ({
        ...call,
        log: [...call.log, { address: new Uint8Array(32), topics: [], data: Uint8Array.of(1) }]
      }))
    ),
    hash("no call", Trees.withoutCalls(trees)),
    hash("another store", withStore(trees, ValueCodec.encode(10n ** 9n))),
    hash("a hidden spend to the peer", withSpend(trees, left, right, 1n)),
    hash("a hidden spend to us", withSpend(trees, right, left, 1n)),
    hash("a hidden payment out of the contract", withSpend(trees, outOf, right, 3n)),
    hash("a forgotten contract", { ...trees, contracts: Trie.empty }),
    { name: "a second update", field: "updates", updates: [honest, transfer(left, right, 1n)] },
    { name: "a text that nobody said", field: "updates", updates: [honest, meta("psst")] }
  ]
}

const ownCall = (key: KeyPair) => calling(key.address, contractId, "add", [3n], { amount: 7n })

const updateLies =
  (update: Update.Update, before: Trees.Trees, round: number) =>
  ({ name, field, ...changes }: { name: string; field: string } & Record<string, unknown>): Lie => {
    const changed = { ...update, ...changes } as Update.Update
    return {
      name,
      field,
      updates: [changed],
      trees: attempt(() => computed([changed], round, before)) ?? before
    }
  }

const attempt = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch {
    return undefined
  }
}

/** Asks for a signature of the second or third round, and finds a refusal. */
const refused = (node: ScriptedNode, tag: "update" | "update_ack", before: number) =>
  Effect.gen(function* () {
    expect(errorOf(yield* node.expect(tag))).toBe(1)
    expect(node.signedSince(before)).toBe(false)
    lies += 1
  })

const roles = ["initiator", "responder"] as const
const keyOf = (role: (typeof roles)[number]) => (role === "initiator" ? initiator : responder)

describe("lies about a contract that we create", () => {
  const honest = creating(initiator.address)
  const of = updateLies(honest, initialTrees, 2)
  const other = creating(initiator.address, { callData: CallData.encode("init", [6n]) })
  const cases: ReadonlyArray<Lie> = [
    ...liesAbout(honest, 2, initialTrees).filter(({ name }) => name !== "a text that nobody said"),
    of({ name: "another code", field: "code", code: Uint8Array.from([...code.slice(0, -1), 0x32]) }),
    of({ name: "another call of init", field: "callData", callData: other.callData }),
    of({ name: "another deposit", field: "deposit", deposit: 11n }),
    of({
      name: "another machine",
      field: "ctVersion",
      ctVersion: ContractObject.packVersions({ vmVersion: 7, abiVersion: 3 })
    }),
    of({ name: "the peer's contract", field: "owner", owner: responder.address }),
    {
      name: "a transfer instead",
      field: "updates",
      updates: [transfer(initiator.address, responder.address, 10n)]
    },
    { name: "a text that was not said", field: "updates", updates: [honest, meta("psst")] },
    {
      name: "the code of another compiler in the state",
      field: "stateHash",
      trees: computed(
        [
          creating(initiator.address, {
            ctVersion: ContractObject.packVersions({ vmVersion: 7, abiVersion: 3 })
          })
        ],
        2,
        initialTrees
      )
    }
  ]
  it.live.each(cases)("$name", ({ field, trees, updates = [honest] }) =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const { callData, deposit } = honest
      const fiber = yield* Effect.fork(channel.contracts.create({ code, callData, deposit }))
      yield* node.expect("update.new_contract")
      const tx = body(trees ?? attempt(() => computed(updates, 2, initialTrees)) ?? initialTrees, 2)
      const before = node.log.length
      node.ask("update", SignedTx.unsigned(tx), updates)
      expect(verificationOf(yield* soon(Fiber.await(fiber)))).toMatchObject({
        field,
        operation: "new_contract"
      })
      yield* refused(node, "update", before)
    }).pipe(Effect.scoped)
  )
})

describe.each(roles)("lies to the %s about a call of its own", (role) => {
  const key = keyOf(role)
  const peer = key === initiator ? responder : initiator
  const honest = ownCall(key)
  const of = updateLies(honest, created, 3)
  const cases: ReadonlyArray<Lie> = [
    ...liesAbout(honest, 3, created),
    of({ name: "another contract", field: "contractId", contractId: Ids.contractId(responder.address, 2) }),
    of({ name: "another amount", field: "amount", amount: 8n }),
    of({ name: "other arguments", field: "callData", callData: CallData.encode("add", [4n]) }),
    of({ name: "another function", field: "callData", callData: CallData.encode("total", []) }),
    of({ name: "less gas", field: "gas", gas: 10n }),
    of({ name: "more gas", field: "gas", gas: 2_000_000n }),
    of({ name: "another gas price", field: "gasPrice", gasPrice: 2n }),
    of({ name: "another abi", field: "abiVersion", abiVersion: 1 }),
    of({ name: "the peer as caller", field: "callerId", callerId: peer.address }),
    of({ name: "a call stack", field: "callStack", callStack: [1n] })
  ]
  it.live.each(cases)("$name", ({ field, trees, updates = [honest] }) =>
    Effect.gen(function* () {
      const open = yield* openScripted(role)
      const { node, channel } = open
      yield* withContract(open)
      const fiber = yield* Effect.fork(
        channel.contracts.call({ ...input(contractId, "add", 3n), amount: 7n })
      )
      yield* node.expect("update.call_contract")
      const tx = body(trees ?? computed(updates, 3, created), 3)
      const before = node.log.length
      node.ask("update", SignedTx.unsigned(tx), updates)
      expect(verificationOf(yield* soon(Fiber.await(fiber)))).toMatchObject({
        field,
        operation: "call_contract"
      })
      yield* refused(node, "update", before)
      // The honest round is signed.
      node.info("aborted_update")
      const again = yield* Effect.fork(
        channel.contracts.call({ ...input(contractId, "add", 3n), amount: 7n })
      )
      yield* node.expect("update.call_contract")
      const right = body(computed([honest], 3, created), 3)
      node.ask("update", SignedTx.unsigned(right), [honest])
      yield* node.expect("update")
      node.say({ _tag: "StateUpdate", state: signedBy(right, [initiator, responder]) })
      expect(yield* Fiber.join(again)).toMatchObject({ state: { round: 3 }, call: { value: 8n } })
    }).pipe(Effect.scoped)
  )
})

describe.each(roles)("lies to the %s about the peer's call", (role) => {
  const own = keyOf(role)
  const peer = own === initiator ? responder : initiator
  const honest = ownCall(peer)
  const of = updateLies(honest, created, 3)
  const cases: ReadonlyArray<Lie> = [
    ...liesAbout(honest, 3, created).filter(({ name }) => name !== "a text that nobody said"),
    of({ name: "us as caller", field: "callerId", callerId: own.address }),
    {
      name: "a contract that is not there",
      field: "updates",
      updates: [calling(peer.address, Ids.contractId(responder.address, 9), "add", [3n])],
      trees: created
    },
    {
      name: "a contract of ours",
      field: "owner",
      updates: [creating(own.address)],
      trees: computed([creating(own.address)], 3, created)
    },
    {
      name: "more than the peer has",
      field: "updates",
      updates: [{ ...honest, amount: 10n ** 21n }],
      trees: created
    },
    { name: "another abi", field: "updates", updates: [{ ...honest, abiVersion: 1 }], trees: created },
    of({ name: "more gas than a call gets", field: "gas", gas: 1_000_001n }),
    { name: "a deposit in the same round", field: "updates", updates: [honest, honest], trees: created }
  ]
  it.live.each(cases)("$name", ({ field, trees, updates = [honest] }) =>
    Effect.gen(function* () {
      const open = yield* openScripted(role)
      const { node, channel } = open
      yield* withContract(open)
      const tx = body(trees ?? computed(updates, 3, created), 3)
      const before = node.log.length
      node.info("update")
      node.ask("update_ack", signedBy(tx, [peer]), updates)
      yield* refused(node, "update_ack", before)
      expect((yield* eventOf(channel, "VerificationFailed")).error.field).toBe(field)
      node.info("aborted_update")
      const right = body(computed([honest], 3, created), 3)
      node.ask("update_ack", signedBy(right, [peer]), [honest])
      expect(signedTxOf(yield* node.expect("update_ack")).signatures).toHaveLength(2)
    }).pipe(Effect.scoped)
  )
})

// ---------------------------------------------------------------- the chain

const hashOf = (height: number): BlockHash => ApiEncoding.encode("kh", new Uint8Array(32).fill(height))

/** A chain of so many blocks. */
const chainOf = (top: number) =>
  ChainReader.layerMemory({
    top: { height: top, newest: hashOf(top) },
    keyBlockAt: (height) => (height <= top ? hashOf(height) : undefined),
    environmentAt: (hash) => {
      const height = ApiEncoding.bytesOf(hash)[0] ?? 0
      return height === 0 || height > top ? undefined : at(height)
    }
  })
const chain = chainOf(100)

describe("lies about the block", () => {
  const looking = calling(initiator.address, contractId, "height")

  const asked = (blockHash: BlockHash | undefined, height: number) =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { node, channel } = open
      yield* withContract(open)
      const pin = blockHash === undefined ? {} : { blockHash }
      const fiber = yield* Effect.fork(channel.contracts.call({ ...input(contractId, "height"), ...pin }))
      yield* node.expect("update.call_contract")
      const before = node.log.length
      node.ask("update", SignedTx.unsigned(body(computed([looking], 3, created, at(height)), 3)), [looking])
      return { node, fiber, before }
    }).pipe(Effect.provide(chain))

  it.live.each([
    ["another block than the one that we named", hashOf(95), 96],
    ["a block that is far older than our node takes", undefined, 84],
    ["a block that does not exist yet", undefined, 101]
  ] as const)("%s", ([, blockHash, height]) =>
    Effect.gen(function* () {
      const { node, fiber, before } = yield* asked(blockHash, height)
      expect(verificationOf(yield* soon(Fiber.await(fiber)))).toMatchObject({ field: "stateHash" })
      yield* refused(node, "update", before)
    }).pipe(Effect.scoped)
  )

  it.live.each([
    [hashOf(95), 95],
    [undefined, 100],
    [undefined, 90]
  ] as const)("%s: the right one is signed (%s)", ([blockHash, height]) =>
    Effect.gen(function* () {
      const { node } = yield* asked(blockHash, height)
      expect(signedTxOf(yield* node.expect("update")).signatures).toHaveLength(1)
    }).pipe(Effect.scoped)
  )

  it.live("a block that the reader does not know: nobody can say, and the policy declines", () =>
    Effect.gen(function* () {
      const { fiber } = yield* asked(hashOf(200), 200)
      expect(verificationOf(yield* soon(Fiber.await(fiber)))).toMatchObject({
        field: "updates",
        actual: expect.stringContaining("no such block")
      })
    }).pipe(Effect.scoped)
  )

  it.live("something that the reader does not answer: nobody can say, and the policy declines", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { node, channel } = open
      yield* withContract(open)
      const rich = calling(responder.address, contractId, "holds", [account(stranger.address)])
      const known = { ...at(100), chain: { ...at(100).chain, balance: () => 7n } }
      node.info("update")
      node.ask("update_ack", signedBy(body(computed([rich], 3, created, known), 3), [responder]), [rich])
      expect(errorOf(yield* node.expect("update_ack"))).toBe(4)
      expect(yield* eventOf(channel, "RoundUnverified")).toMatchObject({
        reason: "chain_data",
        detail: expect.stringContaining("Balance")
      })
    }).pipe(Effect.provide(chain), Effect.scoped)
  )

  it.live.each([
    [
      "a reader that fails is asked once",
      1,
      Effect.fail(new ChainReader.ChainReadError({ detail: "not today" }))
    ],
    [
      "what asks for too much is given up",
      100,
      Effect.succeed({ _tag: "BlockHash", value: new Uint8Array(32) } as const)
    ]
  ] as const)("%s", ([, expected, answer]) =>
    Effect.gen(function* () {
      let reads = 0
      const counted = Layer.effect(
        ChainReader.ChainReader,
        Effect.map(ChainReader.ChainReader, (known) => ({
          ...known,
          read: () =>
            Effect.suspend(() => {
              reads += 1
              return answer
            })
        }))
      )
      const open = yield* Effect.provide(openScripted("initiator"), Layer.provide(counted, chainOf(200)))
      const { node, channel } = open
      yield* withContract(open)
      const update = calling(responder.address, contractId, "scan", [150n])
      const known = { ...at(200), chain: { ...at(200).chain, blockHash: () => new Uint8Array(32) } }
      node.info("update")
      node.ask("update_ack", signedBy(body(computed([update], 3, created, known), 3), [responder]), [update])
      expect(errorOf(yield* node.expect("update_ack"))).toBe(4)
      expect(reads).toBe(expected)
      expect((yield* eventOf(channel, "RoundUnverified")).detail).toContain(
        expected === 1 ? "not today" : "asked 100 times"
      )
    }).pipe(Effect.scoped)
  )
})

// ---------------------------------------------------------------- what cannot be run

describe("contracts of the AEVM", () => {
  const aevm = creating(responder.address, {
    ctVersion: ContractObject.packVersions({ vmVersion: 6, abiVersion: 1 }),
    callData: Uint8Array.of(1, 2, 3)
  })
  const somewhere = withSpend(initialTrees, responder.address, initiator.address, 1n)

  it.live("of the peer are declined", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      node.info("update")
      node.ask("update_ack", signedBy(body(somewhere, 2), [responder]), [aevm])
      expect(errorOf(yield* node.expect("update_ack"))).toBe(4)
      expect(yield* eventOf(channel, "RoundUnverified")).toMatchObject({ reason: "no_engine", round: 2 })
    }).pipe(Effect.scoped)
  )

  it.live("that no transaction has room for are declined as well", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const long = creating(responder.address, { code: Bytes.concat(code, new Uint8Array(300_000)) })
      node.info("update")
      node.ask("update_ack", signedBy(body(somewhere, 2), [responder]), [long])
      expect(errorOf(yield* node.expect("update_ack"))).toBe(4)
      expect(yield* eventOf(channel, "RoundUnverified")).toMatchObject({
        reason: "no_engine",
        detail: expect.stringContaining("longer than any transaction"),
        round: 2
      })
    }).pipe(Effect.scoped)
  )

  it.live("of our own are not signed", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("responder")
      const fiber = yield* Effect.fork(
        channel.contracts.create({ code, callData: aevm.callData, deposit: 10n, vmVersion: 6, abiVersion: 1 })
      )
      yield* node.expect("update.new_contract")
      node.ask("update", SignedTx.unsigned(body(somewhere, 2)), [aevm])
      expect(verificationOf(yield* soon(Fiber.await(fiber)))).toMatchObject({
        field: "updates",
        operation: "new_contract"
      })
      expect(errorOf(yield* node.expect("update"))).toBe(4)
    }).pipe(Effect.scoped)
  )

  const trusting = ProposalPolicy.make(
    () => ProposalPolicy.accept,
    () => ProposalPolicy.accept
  )

  /** The peer's round is signed on trust, and complete; the client asks for its trees. */
  const trusted = Effect.gen(function* () {
    const { node, channel } = yield* openScripted("initiator", { policy: trusting })
    node.info("update")
    const tx = body(somewhere, 2)
    node.ask("update_ack", signedBy(tx, [responder]), [aevm])
    yield* node.expect("update_ack")
    const state = signedBy(tx, [initiator, responder])
    node.say({ _tag: "StateUpdate", state })
    const question = yield* node.expect("get.offchain_state")
    const answer = (trees: Trees.Trees): void =>
      node.reply(question, {
        trees: Trees.toText(trees),
        calls: Trees.callsToText(Trie.empty),
        signed_tx: SignedTx.toText(state),
        half_signed_tx: ""
      })
    return { answer, channel, node }
  })

  it.live("pass a policy that trusts the node, whose trees must have the hash that was signed", () =>
    Effect.gen(function* () {
      const { answer, channel, node } = yield* trusted
      // What comes meanwhile waits, and is heard then.
      const next = transfer(responder.address, initiator.address, 5n)
      const after = computed([next], 3, somewhere)
      node.ask("update_ack", signedBy(body(after, 3), [responder]), [next])
      answer(somewhere)
      expect(signedTxOf(yield* node.expect("update_ack")).tx).toMatchObject({ round: 3 })
      expect(yield* eventOf(channel, "CoSigned")).toMatchObject({ state: { round: 1 } })
      expect(yield* channel.latest.get).toMatchObject({
        round: 2,
        balances: { initiator: Trees.balance(somewhere, initiator.address) }
      })
    }).pipe(Effect.scoped)
  )

  it.live("with other trees than those that were signed nothing is signed any more", () =>
    Effect.gen(function* () {
      const { answer, channel, node } = yield* trusted
      answer(created)
      expect((yield* eventOf(channel, "VerificationFailed")).error).toMatchObject({ field: "stateHash" })
      expect((yield* channel.status.get).frozen).toContain("round 2")
      const before = node.log.length
      expect(yield* Effect.flip(channel.transfer({ amount: 1n }))).toMatchObject({ _tag: "StoreError" })
      expect(node.signedSince(before)).toBe(false)
      lies += 1
    }).pipe(Effect.scoped)
  )
})

// ---------------------------------------------------------------- answers

describe("lies in answers", () => {
  const answered = (
    method: string,
    result: (node: ScriptedNode) => Json.Json,
    ask: "dryRun" | "get" | "getCall"
  ) =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { node, channel } = open
      yield* withContract(open)
      const { contracts } = channel
      const question = {
        dryRun: contracts.dryRun(input(contractId, "total")),
        get: contracts.get(contractId),
        getCall: contracts.getCall({ contractId, round: 2 })
      }[ask]
      const fiber = yield* Effect.fork(question as Effect.Effect<unknown, FlowError>)
      node.reply(yield* node.expect(method), result(node))
      return yield* soon(Fiber.await(fiber))
    }).pipe(Effect.scoped)

  const dry = CallObject.toClientForm(
    FateContracts.callObject(
      computed([calling(initiator.address, contractId, "total")], 3, created),
      contractId,
      initiator.address,
      3
    ) as CallObject.CallObject
  )
  const first = CallObject.toClientForm(
    FateContracts.callObject(created, contractId, initiator.address, 2) as CallObject.CallObject
  )
  const contract = {
    contract: ContractObject.toClientForm(
      contractId,
      Trees.contract(created, contractId) as ContractObject.ContractObject
    ),
    contract_state: { ...FateContracts.storeForm(created, contractId) }
  }
  const nine = ApiEncoding.encode("cb", ValueCodec.encode(9n))

  it.live("what is true passes", () =>
    Effect.gen(function* () {
      expect(yield* answered("dry_run.call_contract", () => dry, "dryRun")).toMatchObject({
        value: { value: 5n, verified: true }
      })
      expect(yield* answered("get.contract", () => contract, "get")).toMatchObject({
        value: { balance: 10n }
      })
      expect(yield* answered("get.contract_call", () => first, "getCall")).toMatchObject({
        value: { returnType: "ok", verified: true }
      })
    })
  )

  it.live.each([
    ["returnValue", "dryRun", "dry_run.call_contract", { ...dry, return_value: nine }],
    ["returnType", "dryRun", "dry_run.call_contract", { ...dry, return_type: "error" }],
    ["gasUsed", "dryRun", "dry_run.call_contract", { ...dry, gas_used: 1 }],
    ["callerId", "dryRun", "dry_run.call_contract", { ...dry, caller_id: responder.address }],
    [
      "contractId",
      "dryRun",
      "dry_run.call_contract",
      { ...dry, contract_id: Ids.contractId(responder.address, 2) }
    ],
    ["height", "dryRun", "dry_run.call_contract", { ...dry, height: 7 }],
    ["returnValue", "getCall", "get.contract_call", { ...first, return_value: nine }],
    ["round", "getCall", "get.contract_call", { ...first, height: 1 }],
    ["store", "get", "get.contract", { ...contract, contract_state: {} }],
    ["contract", "get", "get.contract", { ...contract, contract: { ...contract.contract, deposit: 9 } }]
  ] as const)("%s in the answer to %s", ([field, ask, method, result]) =>
    Effect.gen(function* () {
      expect(verificationOf(yield* answered(method, () => result, ask))).toMatchObject({ field })
      lies += 1
    })
  )
})

// ---------------------------------------------------------------- forced progress

const callOn = calling(initiator.address, contractId, "add", [3n], {
  gas: 1_000_000n,
  gasPrice: 1_000_000_000n
})

describe("lies about progress that we force", () => {
  const other = { ...callOn, callData: CallData.encode("add", [4n]) }
  const older = signedBy(body(initialTrees, 1), [initiator, responder])
  const half = signedBy(body(created, 2), [initiator])
  const cases: ReadonlyArray<
    readonly [name: string, field: string, tx: ChannelForceProgressTx, updates?: ReadonlyArray<Update.Update>]
  > = [
    ["another round", "round", forcing(callOn, { round: 4 })],
    ["another party's", "fromId", forcing(callOn, { fromId: responder.address })],
    ["an older state", "payload", forcing(callOn, { payload: SignedTx.encode(older) })],
    ["a state without the peer", "payload", forcing(callOn, { payload: SignedTx.encode(half) })],
    ["other trees", "offchainTrees", forcing(callOn, { offchainTrees: Trees.encode(initialTrees) })],
    ["no trees", "offchainTrees", forcing(callOn, { offchainTrees: Uint8Array.of(1) })],
    ["another call", "callData", forcing(other), [other]],
    ["another call in the transaction", "callData", forcing(other)],
    ["another call in the updates", "updates", forcing(callOn), [other]],
    ["more gas", "gas", forcing({ ...callOn, gas: 2_000_000n })],
    ["a higher price", "gasPrice", forcing({ ...callOn, gasPrice: 2_000_000_000n })],
    ["a higher fee", "fee", { ...forcing(callOn), fee: forcing(callOn).fee + 1n }],
    ["a state of its own", "stateHash", forcing(callOn, { stateHash: Trees.stateHash(initialTrees) })],
    [
      "a hidden spend",
      "stateHash",
      forcing(callOn, {}, withSpend(computed([callOn], 3, created), initiator.address, responder.address, 1n))
    ],
    ["no call", "update", forcing(callOn, { update: Update.encode(creating(initiator.address)) })]
  ]
  it.live.each(cases)("%s", ([, field, tx, updates = [callOn]]) =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { node, channel } = open
      yield* withContract(open)
      const fiber = yield* Effect.fork(channel.forceProgress(input(contractId, "add", 3n)))
      yield* node.expect("force_progress")
      const before = node.log.length
      node.ask("force_progress_tx", SignedTx.unsigned(tx), updates)
      expect(verificationOf(yield* soon(Fiber.await(fiber)))).toMatchObject({
        field,
        operation: "force_progress"
      })
      expect(errorOf(yield* node.expect("force_progress_sign"))).toBe(1)
      expect(node.signedSince(before)).toBe(false)
      lies += 1
    }).pipe(Effect.scoped)
  )

  it.live("the truth is signed; that the chain has it is told by the node", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { node, channel } = open
      yield* withContract(open)
      const fiber = yield* Effect.fork(channel.forceProgress(input(contractId, "add", 3n)))
      yield* node.expect("force_progress")
      node.ask("force_progress_tx", SignedTx.unsigned(forcing(callOn)), [callOn])
      const tx = signedTxOf(yield* node.expect("force_progress_sign"))
      node.say({ _tag: "OnChainTx", info: "consumed_forced_progress", type: "channel_force_progress_tx", tx })
      expect(yield* Fiber.join(fiber)).toMatchObject({ state: { round: 3 }, call: { value: 8n } })
    }).pipe(Effect.scoped)
  )

  it.live("an older state on chain: it came to nothing, and a snapshot can take its place", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { node, channel } = open
      yield* withContract(open)
      const fiber = yield* Effect.fork(channel.forceProgress(input(contractId, "add", 3n)))
      yield* node.expect("force_progress")
      node.ask("force_progress_tx", SignedTx.unsigned(forcing(callOn)), [callOn])
      const tx = signedTxOf(yield* node.expect("force_progress_sign"))
      node.say({ _tag: "OnChainTx", info: "can_snapshot", type: "channel_force_progress_tx", tx })
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "ConflictError", step: "chain" })
      expect((yield* channel.latest.get).round).toBe(2)
    }).pipe(Effect.scoped)
  )
})

describe("lies about progress that the peer has forced", () => {
  const theirs = { ...callOn, callerId: responder.address }
  const told = (tx: ChannelForceProgressTx, keys: ReadonlyArray<KeyPair>) =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { node } = open
      yield* withContract(open)
      node.say({
        _tag: "OnChainTx",
        info: "consumed_forced_progress",
        type: "channel_force_progress_tx",
        tx: signedBy(tx, keys)
      })
      return open
    })

  it.live.each([
    ["signature", forcing(theirs), [initiator]],
    ["signature", forcing(theirs), []],
    ["round", forcing(theirs, { round: 4 }), [responder]],
    ["offchainTrees", forcing(theirs, { offchainTrees: Trees.encode(initialTrees) }), [responder]],
    ["stateHash", forcing(theirs, { stateHash: Trees.stateHash(initialTrees) }), [responder]],
    [
      "callerId",
      forcing({ ...theirs, callerId: stranger.address }, { fromId: responder.address }, created),
      [responder]
    ],
    [
      "payload",
      forcing(theirs, { payload: SignedTx.encode(signedBy(body(initialTrees, 1), [responder])) }),
      [responder]
    ]
  ] as const)("%s", ([field, tx, keys]) =>
    Effect.gen(function* () {
      const { channel } = yield* told(tx, keys)
      expect((yield* eventOf(channel, "VerificationFailed")).error.field).toBe(field)
      expect((yield* channel.latest.get).round).toBe(2)
      lies += 1
    }).pipe(Effect.scoped)
  )

  it.live("what follows from our state is the latest", () =>
    Effect.gen(function* () {
      const { channel } = yield* told(forcing(theirs), [responder])
      expect(yield* eventOf(channel, "ProgressForced")).toMatchObject({ state: { round: 3 } })
      expect((yield* channel.latest.get).round).toBe(3)
    }).pipe(Effect.scoped)
  )

  it.live("what cannot be computed is not believed, and nothing is signed on top of it", () =>
    Effect.gen(function* () {
      const looking = { ...theirs, callData: CallData.encode("height", []) }
      const { channel, node } = yield* told(forcing(looking), [responder])
      expect(yield* eventOf(channel, "RoundUnverified")).toMatchObject({
        tag: "force_progress_tx",
        reason: "chain_data"
      })
      expect((yield* eventOf(channel, "VerificationFailed")).error.field).toBe("update")
      expect((yield* channel.status.get).frozen).toContain("round 3")
      const before = node.log.length
      expect(yield* Effect.flip(channel.transfer({ amount: 1n }))).toMatchObject({ _tag: "StoreError" })
      expect(node.signedSince(before)).toBe(false)
      lies += 1
    }).pipe(Effect.scoped)
  )

  it.live("with a reader that knows the block it is computed", () =>
    Effect.gen(function* () {
      const looking = { ...theirs, callData: CallData.encode("height", []) }
      const { channel } = yield* told(forcing(looking), [responder])
      expect(yield* eventOf(channel, "ProgressForced")).toMatchObject({ state: { round: 3 } })
    }).pipe(Effect.provide(chain), Effect.scoped)
  )
})
