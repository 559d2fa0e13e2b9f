/** Contracts among other things under way: which of them a conflict ends, when a call is tried, and how late a block is. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, type Layer } from "effect"
import * as CallObject from "../../src/chain/CallObject.js"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { BlockHash } from "../../src/encoding/ApiEncoding.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as FateContracts from "../../src/fate/Contracts.js"
import * as ChainReader from "../../src/services/ChainReader.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import {
  at,
  body,
  calling,
  computed,
  contractId,
  created,
  forcing,
  withContract
} from "./support/Computed.js"
import { input } from "./support/Contracting.js"
import { transfer, treesAfter } from "./support/Rounds.js"
import {
  errorOf,
  initiator,
  type Open,
  openScripted,
  responder,
  settle,
  signedBy,
  signedTxOf
} from "./support/ScriptedNode.js"

const ours = transfer(initiator.address, responder.address, 1n)
const theirs = transfer(responder.address, initiator.address, 1n)
const third = (update: typeof ours) => body(treesAfter([update], 3, created), 3)

type Policy = Layer.Layer<ProposalPolicy.ProposalPolicy>

/** What is said to the peer's proposals. */
const toPeer = (decision: ProposalPolicy.Decision | Effect.Effect<ProposalPolicy.Decision>): Policy =>
  ProposalPolicy.make(({ tag }) => (tag === "update_ack" ? decision : ProposalPolicy.accept))

/** We have asked for a transfer; the node has taken the request. */
const transferring = ({ channel, node }: Open) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.flip(channel.transfer({ amount: 1n })))
    const request = yield* node.expect("update.new")
    return { fiber, request }
  })

/** We have signed the transfer that we had asked for. */
const transferred = (open: Open) =>
  Effect.gen(function* () {
    const { fiber, request } = yield* transferring(open)
    open.node.reply(request, "ok")
    open.node.ask("update", SignedTx.unsigned(third(ours)), [ours])
    yield* open.node.expect("update")
    return fiber
  })

/** The peer's proposal of a transfer. */
const proposed = ({ node }: Open): void => {
  node.info("update")
  node.ask("update_ack", signedBy(third(theirs), [responder]), [theirs])
}

describe("a conflict while a transaction of ours is waited for", () => {
  const forced = calling(initiator.address, contractId, "add", [3n], { gasPrice: 1_000_000_000n })

  const waiting = (policy?: Policy) =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator", policy === undefined ? {} : { policy })
      const { channel, node } = open
      yield* withContract(open)
      const fiber = yield* Effect.fork(channel.forceProgress(input(contractId, "add", 3n)))
      yield* node.expect("force_progress")
      node.ask("force_progress_tx", SignedTx.unsigned(forcing(forced)), [forced])
      const tx = signedTxOf(yield* node.expect("force_progress_sign"))
      return { open, fiber, tx }
    })

  const succeeds = ({ fiber, open, tx }: Effect.Effect.Success<ReturnType<typeof waiting>>) =>
    Effect.gen(function* () {
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
      const type = "channel_force_progress_tx"
      open.node.say({ _tag: "OnChainTx", info: "consumed_forced_progress", type, tx })
      expect(yield* Fiber.join(fiber)).toMatchObject({ state: { round: 3 } })
    })

  it.live.each([1, 2, 3, 4, 5, 6, 777])("is of the update that the peer declines: code %i", (code) =>
    Effect.gen(function* () {
      const all = yield* waiting()
      const update = yield* transferred(all.open)
      all.open.node.conflict(code, 2)
      expect(yield* Fiber.join(update)).toMatchObject({ operation: "transfer", code })
      yield* succeeds(all)
    }).pipe(Effect.scoped)
  )

  it.live("is of the update that we call off ourselves with the mempool's code", () =>
    Effect.gen(function* () {
      const all = yield* waiting()
      const { channel, node } = all.open
      const { fiber, request } = yield* transferring(all.open)
      yield* channel.abort(5).pipe(Effect.fork)
      yield* settle
      node.reply(request, "ok")
      node.ask("update", SignedTx.unsigned(third(ours)), [ours])
      expect(errorOf(yield* node.expect("update"))).toBe(5)
      expect(yield* Fiber.join(fiber)).toMatchObject({ operation: "transfer", endedBy: "we" })
      node.conflict(5, 2)
      yield* settle
      yield* succeeds(all)
    }).pipe(Effect.scoped)
  )

  it.live("is of the peer's proposal that we decline with the mempool's code", () =>
    Effect.gen(function* () {
      const all = yield* waiting(toPeer(ProposalPolicy.decline(5)))
      proposed(all.open)
      expect(errorOf(yield* all.open.node.expect("update_ack"))).toBe(5)
      all.open.node.conflict(5, 2)
      yield* settle
      yield* succeeds(all)
    }).pipe(Effect.scoped)
  )

  it.live.each(["shutdown", "transfer"] as const)("is not of the %s that the node has not come to", (what) =>
    Effect.gen(function* () {
      const all = yield* waiting()
      const { channel, node } = all.open
      const asking =
        what === "shutdown"
          ? Effect.asVoid(channel.shutdown())
          : Effect.asVoid(channel.transfer({ amount: 5n }))
      const fiber = yield* Effect.fork(asking)
      const request = yield* node.expect(what === "shutdown" ? "shutdown" : "update.new")
      node.conflict(2, 2)
      yield* settle
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
      node.reply(request, "ok")
      yield* settle
      node.conflict(2, 2)
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "ConflictError", operation: what })
    }).pipe(Effect.scoped)
  )

  it.live("is of that transaction as long as the node has not come to what we asked next", () =>
    Effect.gen(function* () {
      const { open, fiber } = yield* waiting()
      const next = yield* transferring(open)
      open.node.conflict(5, 2)
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({
        _tag: "RejectedOnChainError",
        operation: "force_progress"
      })
      expect(yield* Fiber.poll(next.fiber)).toMatchObject({ _tag: "None" })
    }).pipe(Effect.scoped)
  )
})

describe("a call that is tried", () => {
  const method = "dry_run.call_contract"
  const total = calling(initiator.address, contractId, "total")
  const result = CallObject.toClientForm(
    FateContracts.callObject(
      computed([total], 3, created),
      contractId,
      initiator.address,
      3
    ) as CallObject.CallObject
  )
  const trying = ({ channel }: Open) =>
    Effect.tap(Effect.fork(channel.contracts.dryRun(input(contractId, "total"))), () => settle)
  const answered = ({ node }: Open, fiber: Effect.Effect.Success<ReturnType<typeof trying>>) =>
    Effect.gen(function* () {
      node.reply(yield* node.expect(method), result)
      expect(yield* Fiber.join(fiber)).toMatchObject({ value: 5n, verified: true })
    })
  const opened = (policy?: Policy) =>
    Effect.tap(openScripted("initiator", policy === undefined ? {} : { policy }), withContract)
  const undecided = toPeer(Effect.never)

  it.live("waits until nothing of ours is under way, and comes before what waits for its turn", () =>
    Effect.gen(function* () {
      const open = yield* opened()
      const fiber = yield* transferred(open)
      yield* Effect.fork(open.channel.transfer({ amount: 2n }))
      const tried = yield* trying(open)
      const gone = yield* trying(open)
      yield* Fiber.interrupt(gone)
      expect(open.node.methods).not.toContain(`channels.${method}`)
      open.node.conflict(2, 2)
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "ConflictError" })
      yield* answered(open, tried)
      yield* open.node.expect("update.new")
    }).pipe(Effect.scoped)
  )

  it.live("waits until nothing of the peer is under way", () =>
    Effect.gen(function* () {
      const open = yield* opened(undecided)
      proposed(open)
      yield* settle
      const tried = yield* trying(open)
      expect(open.node.methods).not.toContain(`channels.${method}`)
      open.node.conflict(3, 2)
      yield* answered(open, tried)
    }).pipe(Effect.scoped)
  )

  it.live("is tried again when the node takes it for a second proposal", () =>
    Effect.gen(function* () {
      const open = yield* opened(undecided)
      const tried = yield* trying(open)
      const request = yield* open.node.expect(method)
      proposed(open)
      open.node.reply(request, "ok")
      open.node.conflict(2, 2)
      yield* answered(open, tried)
    }).pipe(Effect.scoped)
  )

  it.live("ends with an error when the node takes it for a proposal without any other", () =>
    Effect.gen(function* () {
      const open = yield* opened()
      const tried = yield* trying(open)
      open.node.reply(yield* open.node.expect(method), "ok")
      expect(yield* Effect.flip(Fiber.join(tried))).toMatchObject({ _tag: "DecodeError" })
    }).pipe(Effect.scoped)
  )

  it.live("ends with the connection when it waits", () =>
    Effect.gen(function* () {
      const open = yield* opened()
      const fiber = yield* transferred(open)
      const tried = yield* trying(open)
      yield* open.node.close()
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TransportError" })
      expect(yield* Effect.flip(Fiber.join(tried))).toMatchObject({ _tag: "TransportError" })
    }).pipe(Effect.scoped)
  )
})

describe("a round that is pinned to the oldest block that the node takes", () => {
  const looking = calling(responder.address, contractId, "height")
  const hashOf = (height: number): BlockHash => ApiEncoding.encode("kh", new Uint8Array(32).fill(height))
  const chainOf = (top: number) =>
    ChainReader.layerMemory({
      top: { height: top, newest: hashOf(top) },
      keyBlockAt: (height) => (height <= top ? hashOf(height) : undefined),
      environmentAt: (hash) => at(ApiEncoding.bytesOf(hash)[0] ?? 0)
    })

  it.live.each([
    [100, true],
    [101, true],
    [105, true],
    [106, false]
  ] as const)("is looked at when the chain is at %i: signed %s", ([top, isSigned]) =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { node } = open
      yield* withContract(open)
      const tx = body(computed([looking], 3, created, at(90)), 3)
      node.info("update")
      node.ask("update_ack", signedBy(tx, [responder]), [looking])
      const answer = yield* node.expect("update_ack")
      if (isSigned) expect(signedTxOf(answer).signatures).toHaveLength(2)
      else expect(errorOf(answer)).toBe(1)
    }).pipe(Effect.provide(chainOf(top)), Effect.scoped)
  )
})
