/** What goes over the chain: deposits and withdrawals from both sides, what we do alone, and how a channel ends there. */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Layer, Stream, TestClock } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { ChannelEvent } from "../../src/client/ChannelEvent.js"
import * as Json from "../../src/encoding/Json.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Trees from "../../src/state/Trees.js"
import { eventOf, failure, propose } from "./support/Flow.js"
import {
  closeSoloTx,
  complete,
  depositing,
  depositTx,
  lockAndTell,
  oldClose,
  openPaid,
  paidState,
  paidTrees,
  settleTx,
  slashTx,
  snapshotTx,
  tell,
  withdrawing,
  withdrawTx
} from "./support/OnChain.js"
import { closeTx, meta, treesAfter } from "./support/Rounds.js"
import {
  channelId,
  errorOf,
  initiator,
  keysOf,
  type Open,
  openScripted,
  responder,
  settle,
  signedBy,
  signedTxOf
} from "./support/ScriptedNode.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]
const moves = ["deposit", "withdraw"] as const
type Move = (typeof moves)[number]
const amount = 5n

const moveOf = (kind: Move, role: Role, texts: ReadonlyArray<string> = []) => {
  const party = keysOf(role).own
  const updates = [
    kind === "deposit" ? depositing(party, amount) : withdrawing(party, amount),
    ...texts.map(meta)
  ]
  const tx = kind === "deposit" ? depositTx(party, amount) : withdrawTx(party, amount)
  const change = kind === "deposit" ? amount : -amount
  return { updates, tx, change }
}

const total = ({ initiator: a, responder: b }: { readonly initiator: bigint; readonly responder: bigint }) =>
  a + b

/** Our deposit or withdrawal, with our signature out. */
const moved = ({ channel, node }: Open, kind: Move, role: Role) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(channel[kind]({ amount }))
    node.reply(yield* node.expect(kind), "ok")
    const { tx, updates } = moveOf(kind, role)
    node.ask(`${kind}_tx`, SignedTx.unsigned(tx), updates)
    node.reply(yield* node.expect(`${kind}_tx`), "ok")
    return { fiber, tx, updates }
  })

const each = roles.flatMap((role) => moves.map((kind) => [kind, role] as const))

describe("deposit and withdrawal", () => {
  it.live.each(each)(
    "I3: ours, %s by the %s: nothing changes before both nodes see it deep enough",
    ([kind, role]) =>
      Effect.gen(function* () {
        const { node, channel } = yield* openScripted(role)
        const before = yield* channel.latest.get
        const fiber = yield* Effect.fork(
          channel[kind]({ amount, meta: ["for rent"], fee: 10n ** 14n, nonce: 2n })
        )
        const sent = yield* node.expect(kind)
        expect(sent["params"]).toEqual({ amount: 5, meta: ["for rent"], fee: 100_000_000_000_000, nonce: 2 })
        node.reply(sent, "ok")
        const { tx, updates, change } = moveOf(kind, role, ["for rent"])
        const priced = { ...tx, fee: 10n ** 14n }
        node.ask(`${kind}_tx`, SignedTx.unsigned(priced), updates)
        yield* node.expect(`${kind}_tx`)
        const state = complete(priced)
        tell(node, `${kind}_signed`, state)
        tell(node, "channel_changed", state)
        node.info(`own_${kind}_locked`)
        yield* settle
        expect(yield* channel.latest.get).toBe(before)
        node.info(`${kind}_locked`)
        node.say({ _tag: "StateUpdate", state })
        const after = yield* Fiber.join(fiber)
        expect(after.round).toBe(2)
        expect(after.balances[role]).toBe(before.balances[role] + change)
        expect(total(after.balances)).toBe(total(before.balances) + change)
        expect(yield* channel.latest.get).toBe(after)
        const types = yield* channel.events.pipe(
          Stream.takeUntil((event) => event._tag === "CoSigned" && event.state.round === 2),
          Stream.runCollect
        )
        expect(
          Chunk.toReadonlyArray(types).flatMap((event) =>
            event._tag === "ChannelChanged" ? [event.type] : []
          )
        ).toEqual(["channel_create_tx", `channel_${kind}_tx`])
      }).pipe(Effect.scoped)
  )

  it.live.each(each)(
    "I3: the peer's, %s seen by the %s: the policy is asked, and what is ours stays",
    ([kind, role]) =>
      Effect.gen(function* () {
        const seen: Array<ProposalPolicy.Proposal> = []
        const policy = ProposalPolicy.make((proposal) => {
          seen.push(proposal)
          return ProposalPolicy.accept
        })
        const { node, channel, peer } = yield* openScripted(role, { policy })
        const other = role === "initiator" ? "responder" : "initiator"
        const { tx, updates, change } = moveOf(kind, other)
        const before = yield* channel.latest.get
        node.info(`${kind}_created`)
        node.ask(`${kind}_ack`, signedBy(tx, [peer]), updates)
        expect(SignedTx.bodyHash(signedTxOf(yield* node.expect(`${kind}_ack`)))).toBe(
          SignedTx.bodyHash(SignedTx.unsigned(tx))
        )
        expect(seen.at(-1)).toMatchObject({
          operation: kind,
          tag: `${kind}_ack`,
          proposer: peer.address,
          round: 2,
          before: { own: before.balances[role], peer: before.balances[other] },
          after: { own: before.balances[role], peer: before.balances[other] + change },
          worstOwnBalance: before.balances[role]
        })
        tell(node, `${kind}_created`, complete(tx))
        lockAndTell(node, kind, complete(tx))
        yield* Stream.runHead(Stream.filter(channel.latest.changes, ({ round }) => round === 2))
        const { balances } = yield* channel.latest.get
        expect(balances[role]).toBe(before.balances[role])
        expect(balances[other]).toBe(before.balances[other] + change)
        // The turn is free again.
        yield* Effect.fork(channel.transfer({ amount: 1n }))
        yield* node.expect("update.new")
      }).pipe(Effect.scoped)
  )

  it.live.each(each)("I3: a new state that comes too early is not believed [%s, %s]", ([kind, role]) =>
    Effect.gen(function* () {
      for (const said of [[], [`own_${kind}_locked`], [`${kind}_locked`]] as const) {
        const open = yield* openScripted(role)
        const { fiber, tx } = yield* moved(open, kind, role)
        for (const event of said) open.node.info(event)
        open.node.say({ _tag: "StateUpdate", state: complete(tx) })
        expect(yield* failure(fiber)).toMatchObject({ _tag: "VerificationError", field: "depth" })
        expect((yield* open.channel.latest.get).round).toBe(1)
        // When it is true it is taken over, although nobody waits any more.
        lockAndTell(open.node, kind, complete(tx))
        yield* Stream.runHead(Stream.filter(open.channel.latest.changes, ({ round }) => round === 2))
      }
      // What was said of one is not said of the next.
      const open = yield* openScripted(role)
      const first = yield* moved(open, kind, role)
      lockAndTell(open.node, kind, complete(first.tx))
      const { trees } = yield* Fiber.join(first.fiber)
      const next = treesAfter(first.updates, 3, trees)
      const tx = { ...first.tx, round: 3, stateHash: Trees.stateHash(next) }
      const fiber = yield* Effect.fork(open.channel[kind]({ amount }))
      yield* open.node.expect(kind)
      open.node.ask(`${kind}_tx`, SignedTx.unsigned(tx), first.updates)
      yield* open.node.expect(`${kind}_tx`)
      open.node.say({ _tag: "StateUpdate", state: complete(tx) })
      expect(yield* failure(fiber)).toMatchObject({ _tag: "VerificationError", field: "depth" })
    }).pipe(Effect.scoped)
  )

  const codes = [
    [1, "ValidationError", "peer"],
    [2, "ConflictError", "peer"],
    [3, "TimeoutError", "node"],
    [4, "AbortError", "peer"],
    [5, "RejectedOnChainError", "node"],
    [147, "UserDefinedError", "peer"]
  ] as const
  it.live.each(codes)("ends with code %s as %s", ([code, tag, endedBy]) =>
    Effect.gen(function* () {
      for (const [kind, role] of each) {
        const open = yield* openScripted(role)
        const { fiber } = yield* moved(open, kind, role)
        open.node.conflict(code, 1)
        expect(yield* failure(fiber)).toMatchObject({
          _tag: tag,
          code,
          endedBy,
          operation: kind,
          step: "awaiting the peer's signature",
          round: 1,
          channelId
        })
        yield* Effect.fork(open.channel.transfer({ amount: 1n }))
        yield* open.node.expect("update.new")
      }
    }).pipe(Effect.scoped)
  )

  it.live.each(each)("I4b: what timed out stays exposed, and may still be mined [%s, %s]", ([kind, role]) =>
    Effect.gen(function* () {
      const store = yield* ChannelStore.makeMemory
      const open = yield* openScripted(role, { store: Layer.succeed(ChannelStore.ChannelStore, store) })
      const record = Effect.map(store.read({ channelId, role }), (stored) => stored?.record)
      const { fiber, tx } = yield* moved(open, kind, role)
      expect((yield* record)?.pending).toMatchObject({ kind })
      open.node.conflict(3, 1)
      expect(yield* failure(fiber)).toMatchObject({ _tag: "TimeoutError" })
      expect(yield* record).toMatchObject({ pending: undefined, exposure: [{ tag: `${kind}_tx`, round: 2 }] })
      lockAndTell(open.node, kind, complete(tx))
      yield* Stream.runHead(Stream.filter(open.channel.latest.changes, ({ round }) => round === 2))
      expect(yield* record).toMatchObject({ round: 2, exposure: [] })
    }).pipe(Effect.scoped)
  )

  it.live(
    "meets a proposal of the peer: one conflict ends both, unsigned; or ours is refused and the peer's goes on",
    () =>
      Effect.gen(function* () {
        for (const kind of moves) {
          const open = yield* openScripted("responder")
          const fiber = yield* Effect.fork(open.channel[kind]({ amount }))
          const sent = yield* open.node.expect(kind)
          open.node.reply(sent, "ok")
          propose(open.node)
          yield* settle
          open.node.conflict(2, 1)
          expect(yield* failure(fiber)).toMatchObject({ _tag: "ConflictError", operation: kind })
          expect(open.node.methods).not.toContain("channels.update_ack")

          const again = yield* Effect.fork(open.channel[kind]({ amount }))
          const second = yield* open.node.expect(kind)
          propose(open.node)
          yield* settle
          open.node.refuse(second, -32603, [])
          expect(yield* failure(again)).toMatchObject({ _tag: "RejectedError", operation: kind })
          yield* open.node.expect("update_ack")
        }
      }).pipe(Effect.scoped)
  )

  it.live("is called off, by us and by the peer; by the peer's end and the connection's", () =>
    Effect.gen(function* () {
      for (const [kind, role] of each) {
        const early = yield* openScripted(role)
        const calledOff = yield* Effect.fork(early.channel[kind]({ amount }))
        early.node.reply(yield* early.node.expect(kind), "ok")
        const abort = yield* Effect.fork(early.channel.abort(147))
        yield* settle
        early.node.ask(`${kind}_tx`, SignedTx.unsigned(moveOf(kind, role).tx), moveOf(kind, role).updates)
        expect(errorOf(yield* early.node.expect(`${kind}_tx`))).toBe(147)
        expect(yield* failure(calledOff)).toMatchObject({ _tag: "UserDefinedError", endedBy: "we" })
        early.node.info("aborted_update")
        yield* Fiber.join(abort)

        const gone = yield* openScripted(role)
        const { fiber } = yield* moved(gone, kind, role)
        gone.node.info("peer_disconnected")
        expect(yield* failure(fiber)).toMatchObject({ _tag: "AbortError", endedBy: "peer" })

        const lost = yield* openScripted(role)
        const { fiber: waiting } = yield* moved(lost, kind, role)
        yield* lost.node.close()
        expect(yield* failure(waiting)).toMatchObject({ _tag: "TransportError", operation: kind })

        const declining = yield* openScripted(role, { policy: declineMoves })
        const other = role === "initiator" ? "responder" : "initiator"
        const proposal = moveOf(kind, other)
        declining.node.ask(`${kind}_ack`, signedBy(proposal.tx, [declining.peer]), proposal.updates)
        expect(errorOf(yield* declining.node.expect(`${kind}_ack`))).toBe(300)
      }
    }).pipe(Effect.scoped)
  )

  const declineMoves = ProposalPolicy.make((proposal) =>
    proposal.operation === "open" ? ProposalPolicy.accept : ProposalPolicy.decline(300)
  )

  it.live("is dropped without a word when one party closes on chain; the caller is told", () =>
    Effect.gen(function* () {
      for (const kind of moves) {
        const open = yield* openScripted("initiator")
        const { fiber } = yield* moved(open, kind, "initiator")
        tell(open.node, "solo_closing", oldClose(responder))
        expect(yield* failure(fiber)).toMatchObject({
          _tag: "AbortError",
          step: "the channel is closing",
          endedBy: "node"
        })
        expect((yield* open.channel.status.get).phase).toBe("closing")
      }
    }).pipe(Effect.scoped)
  )
})

const solos = {
  snapshotSolo: ["snapshot_solo", "snapshot_solo_tx", "snapshot_solo_sign", "channel_changed", snapshotTx],
  closeSolo: ["close_solo", "close_solo_sign", "close_solo_sign", "solo_closing", closeSoloTx],
  slash: ["slash", "slash_tx", "slash_sign", "solo_closing", slashTx]
} as const
type Solo = keyof typeof solos
const eachSolo = roles.flatMap((role) =>
  (Object.keys(solos) as ReadonlyArray<Solo>).map((name) => [name, role] as const)
)

/** A transaction of ours alone, with the node. */
const signedAlone = (open: Open, name: Solo, role: Role) =>
  Effect.gen(function* () {
    const [request, tag, reply, info, make] = solos[name]
    const fiber = yield* Effect.fork(open.channel[name]())
    open.node.reply(yield* open.node.expect(request), "ok")
    open.node.ask(tag, SignedTx.unsigned(make(keysOf(role).own)))
    const sent = yield* open.node.expect(reply)
    return { fiber, sent, tx: signedTxOf(sent), info, operation: request }
  })

describe("what we sign alone", () => {
  it.live.each(eachSolo)("%s by the %s ends when it is on chain; others work meanwhile", ([name, role]) =>
    Effect.gen(function* () {
      const open = yield* openPaid(role)
      const { fiber, tx, info } = yield* signedAlone(open, name, role)
      const next = yield* Effect.fork(open.channel.transfer({ amount: 1n }))
      yield* open.node.expect("update.new")
      yield* Fiber.interrupt(next)
      // Another transaction of the channel is not ours.
      tell(open.node, "channel_changed", complete(depositTx(responder, 9n)))
      yield* settle
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
      tell(open.node, info, tx)
      expect(yield* Fiber.join(fiber)).toEqual({ signedTx: tx, txHash: SignedTx.hash(tx) })
    }).pipe(Effect.scoped)
  )

  it.live.each(eachSolo)(
    "%s by the %s: refused by the mempool, by the node, by our signer's absence",
    ([name, role]) =>
      Effect.gen(function* () {
        const open = yield* openPaid(role)
        const { fiber, operation } = yield* signedAlone(open, name, role)
        open.node.conflict(5, 2)
        expect(yield* failure(fiber)).toMatchObject({
          _tag: "RejectedOnChainError",
          step: "chain",
          operation
        })
        const second = yield* Effect.fork(open.channel[name]())
        open.node.refuse(yield* open.node.expect(solos[name][0]), 3, [1013])
        expect(yield* failure(second)).toMatchObject({ _tag: "RejectedError", operation })
        const third = yield* signedAlone(open, name, role)
        open.node.refuse(third.sent, 3, [1010])
        expect(yield* failure(third.fiber)).toMatchObject({ _tag: "RejectedError", operation })
        expect(errorOf(yield* open.node.expect(solos[name][2]))).toBe(4)
      }).pipe(Effect.scoped)
  )

  it.live("a conflict of code 5 is of what both have signed, if there is such", () =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator")
      const { fiber, tx } = yield* signedAlone(open, "snapshotSolo", "initiator")
      const closing = yield* Effect.fork(open.channel.shutdown())
      yield* open.node.expect("shutdown")
      open.node.ask("shutdown_sign", SignedTx.unsigned(closeTx(initiator.address, paidTrees)))
      yield* open.node.expect("shutdown_sign")
      open.node.conflict(5, 2)
      expect(yield* failure(closing)).toMatchObject({ _tag: "RejectedOnChainError", operation: "shutdown" })
      tell(open.node, "channel_changed", tx)
      yield* Fiber.join(fiber)
    }).pipe(Effect.scoped)
  )

  it.scoped.each(eachSolo)("%s by the %s: nothing comes for as long as we wait", ([name, role]) =>
    Effect.gen(function* () {
      const open = yield* openPaid(role, { changes: { chainTimeout: "10 seconds" } })
      const { fiber, operation } = yield* signedAlone(open, name, role)
      yield* settle
      yield* TestClock.adjust("9999 millis")
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({
        _tag: "TimeoutError",
        step: "chain",
        endedBy: "we",
        operation
      })
    })
  )

  it.live("is overtaken by another transaction", () =>
    Effect.gen(function* () {
      for (const [name, info] of [
        ["snapshotSolo", "solo_closing"],
        ["closeSolo", "solo_closing"],
        ["closeSolo", "can_slash"],
        ["slash", "solo_closing"]
      ] as const) {
        const open = yield* openPaid("initiator", { changes: { autoSlash: false } })
        const { fiber } = yield* signedAlone(open, name, "initiator")
        tell(open.node, info, info === "can_slash" ? paidState : signedBy(slashTx(responder), [responder]))
        expect(yield* failure(fiber)).toMatchObject({ _tag: "ConflictError", step: "chain", endedBy: "peer" })
      }
      // An older state once more does not keep ours from being mined.
      const open = yield* openPaid("initiator")
      const { fiber, tx } = yield* signedAlone(open, "slash", "initiator")
      tell(open.node, "can_slash", paidState)
      tell(open.node, "solo_closing", tx)
      yield* Fiber.join(fiber)
    }).pipe(Effect.scoped)
  )

  it.live("a lie about our own transaction: without our signature it is not what we wait for", () =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator")
      const { fiber, tx } = yield* signedAlone(open, "closeSolo", "initiator")
      tell(open.node, "solo_closing", signedBy(tx.tx, [responder]))
      expect((yield* eventOf(open.channel, "VerificationFailed")).error).toMatchObject({ field: "signature" })
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
    }).pipe(Effect.scoped)
  )

  it.live("meets a proposal of the peer: it waits until the node has decided", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("responder")
      yield* Effect.fork(open.channel.closeSolo())
      const sent = yield* open.node.expect("close_solo")
      propose(open.node)
      yield* settle
      expect(open.node.methods).not.toContain("channels.update_ack")
      open.node.refuse(sent, -32603, [])
      yield* open.node.expect("update_ack")

      const replaced = yield* openPaid("responder")
      yield* Effect.fork(replaced.channel.closeSolo())
      yield* replaced.node.expect("close_solo")
      const { tx, updates } = {
        tx: depositTx(initiator, 5n, {}, 3, treesAfter([depositing(initiator, 5n)], 3, paidTrees)),
        updates: [depositing(initiator, 5n)]
      }
      replaced.node.ask("deposit_ack", signedBy(tx, [initiator]), updates)
      yield* settle
      replaced.node.ask("close_solo_sign", SignedTx.unsigned(closeSoloTx(responder)))
      yield* replaced.node.expect("close_solo_sign")
      expect(yield* eventOf(replaced.channel, "ProposalEnded")).toMatchObject({ tag: "deposit_ack", code: 2 })
      expect(replaced.node.methods).not.toContain("channels.deposit_ack")
    }).pipe(Effect.scoped)
  )

  it.live("the peer's end is not its end; the connection's is", () =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator")
      const { fiber } = yield* signedAlone(open, "closeSolo", "initiator")
      open.node.info("peer_disconnected")
      yield* settle
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
      open.node.info("died")
      expect(yield* failure(fiber)).toMatchObject({ _tag: "TransportError", reason: "channel_ended" })
    }).pipe(Effect.scoped)
  )
})

describe("settle", () => {
  const settling = (open: Open, role: Role) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(open.channel.settle())
      yield* open.node.expect("settle")
      open.node.ask("settle_sign", SignedTx.unsigned(settleTx(keysOf(role).own)))
      const tx = signedTxOf(yield* open.node.expect("settle_sign"))
      return { fiber, tx }
    })

  it.live.each(roles)("open, closing, closed: by the %s", (role) =>
    Effect.gen(function* () {
      for (const whose of ["own", "peer"] as const) {
        const open = yield* openPaid(role)
        const { channel, node } = open
        const phase = Effect.map(channel.status.get, (status) => status.phase)
        expect(yield* phase).toBe("open")
        tell(node, "solo_closing", signedBy(closeSoloTx(responder), [responder]))
        node.info("closing")
        yield* settle
        expect(yield* phase).toBe("closing")
        const { fiber, tx } = yield* settling(open, role)
        const mined = whose === "own" ? tx : signedBy(settleTx(open.peer), [open.peer])
        tell(node, "channel_closed", mined)
        yield* settle
        expect([yield* phase, yield* Fiber.poll(fiber)]).toMatchObject(["closing", { _tag: "None" }])
        node.info("closed_confirmed")
        expect(yield* Fiber.join(fiber)).toEqual({ signedTx: mined, confirmed: true })
        expect(yield* phase).toBe("closed")
        expect(yield* eventOf(channel, "ChannelClosed")).toMatchObject({
          type: "channel_settle_tx",
          txHash: SignedTx.hash(mined)
        })
        node.info("died")
        yield* Stream.runDrain(channel.events)
        expect(yield* phase).toBe("closed")
      }
    }).pipe(Effect.scoped)
  )

  it.scoped("is given up when nothing comes; the wait begins anew once it is on chain", () =>
    Effect.gen(function* () {
      const never = yield* openPaid("initiator")
      const first = yield* settling(never, "initiator")
      yield* settle
      yield* TestClock.adjust("359999 millis")
      expect(yield* Fiber.poll(first.fiber)).toMatchObject({ _tag: "None" })
      tell(never.node, "channel_closed", first.tx)
      yield* settle
      yield* TestClock.adjust("359999 millis")
      expect(yield* Fiber.poll(first.fiber)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 millis")
      expect(yield* Effect.flip(Fiber.join(first.fiber))).toMatchObject({
        _tag: "TimeoutError",
        step: "chain"
      })
    })
  )

  it.live("code 5; a slash in between; and the node's open does not end a solo closing", () =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator")
      tell(open.node, "solo_closing", signedBy(closeSoloTx(responder), [responder]))
      const { fiber } = yield* settling(open, "initiator")
      open.node.conflict(5, 2)
      expect(yield* failure(fiber)).toMatchObject({ _tag: "RejectedOnChainError", operation: "settle" })
      const again = yield* settling(open, "initiator")
      tell(open.node, "solo_closing", signedBy(slashTx(responder), [responder]))
      open.node.info("open")
      yield* settle
      expect(yield* Fiber.poll(again.fiber)).toMatchObject({ _tag: "None" })
      expect((yield* open.channel.status.get).phase).toBe("closing")
    }).pipe(Effect.scoped)
  )

  it.live("a channel that is closing can still be closed together", () =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator")
      tell(open.node, "solo_closing", signedBy(closeSoloTx(responder), [responder]))
      const fiber = yield* Effect.fork(open.channel.shutdown())
      yield* open.node.expect("shutdown")
      const tx = closeTx(initiator.address, paidTrees)
      open.node.ask("shutdown_sign", SignedTx.unsigned(tx))
      yield* open.node.expect("shutdown_sign")
      tell(open.node, "close_mutual", complete(tx))
      // What both have signed can still be mined.
      tell(open.node, "solo_closing", signedBy(slashTx(responder), [responder]))
      tell(open.node, "channel_closed", complete(tx))
      open.node.info("closed_confirmed")
      expect(yield* Fiber.join(fiber)).toMatchObject({ confirmed: true })
      expect((yield* open.channel.status.get).phase).toBe("closed")
    }).pipe(Effect.scoped)
  )

  it.live("a shutdown that fails in a closing channel leaves it closing", () =>
    Effect.gen(function* () {
      const open = yield* openPaid("initiator")
      tell(open.node, "solo_closing", signedBy(closeSoloTx(responder), [responder]))
      const fiber = yield* Effect.fork(open.channel.shutdown())
      yield* open.node.expect("shutdown")
      open.node.ask("shutdown_sign", SignedTx.unsigned(closeTx(initiator.address, paidTrees)))
      yield* open.node.expect("shutdown_sign")
      open.node.conflict(147, 2)
      expect(yield* failure(fiber)).toMatchObject({ _tag: "UserDefinedError" })
      expect((yield* open.channel.status.get).phase).toBe("closing")
    }).pipe(Effect.scoped)
  )
})

describe("reports about transactions", () => {
  it.live("each is an event with the transaction and its type, after the report itself", () =>
    Effect.gen(function* () {
      const { channel, node, peer } = yield* openPaid("initiator", { changes: { autoSlash: false } })
      const close = signedBy(closeSoloTx(responder), [responder])
      const settlement = signedBy(settleTx(responder), [responder])
      tell(node, "channel_changed", signedBy(snapshotTx(responder), [responder]))
      tell(node, "can_snapshot", signedBy(snapshotTx(responder), [responder]))
      tell(node, "channel_changed", close)
      tell(node, "can_slash", paidState)
      tell(node, "solo_closing", close)
      tell(node, "channel_closed", settlement)
      node.say({ _tag: "MessageReport", from: peer.address, to: peer.address, info: "that is all" })
      const events = yield* channel.events.pipe(
        Stream.takeUntil((event) => event._tag === "MessageReceived"),
        Stream.runCollect
      )
      const told = Chunk.toReadonlyArray(events).flatMap((event: ChannelEvent) =>
        "type" in event ? [[event._tag, event.type, event.txHash]] : []
      )
      const snapshot = SignedTx.hash(signedBy(snapshotTx(responder), [responder]))
      expect(told.slice(1)).toEqual([
        ["ChannelChanged", "channel_snapshot_solo_tx", snapshot],
        ["CanSnapshot", "channel_snapshot_solo_tx", snapshot],
        ["ChannelChanged", "channel_close_solo_tx", SignedTx.hash(close)],
        ["CanSlash", "channel_offchain_tx", SignedTx.hash(paidState)],
        ["SoloClosing", "channel_close_solo_tx", SignedTx.hash(close)],
        ["ChannelClosed", "channel_settle_tx", SignedTx.hash(settlement)]
      ])
    }).pipe(Effect.scoped)
  )

  it.live("a solo closing that was missed makes the channel closing", () =>
    Effect.gen(function* () {
      const { channel, node } = yield* openPaid("responder")
      tell(node, "channel_changed", signedBy(closeSoloTx(initiator), [initiator]))
      node.info("open")
      yield* settle
      expect((yield* channel.status.get).phase).toBe("closing")
    }).pipe(Effect.scoped)
  )
})

describe("questions", () => {
  it.live("assumeMinimumDepth and history", () =>
    Effect.gen(function* () {
      const { channel, node } = yield* openScripted("initiator")
      const txHash = SignedTx.hash(complete(depositTx(initiator, 5n)))
      const assumed = yield* Effect.fork(channel.assumeMinimumDepth(txHash))
      const sent = yield* node.expect("assume_minimum_depth")
      expect(sent["params"]).toEqual({ tx_hash: txHash })
      node.reply(sent, "ok")
      yield* Fiber.join(assumed)
      const refused = yield* Effect.fork(channel.assumeMinimumDepth(txHash))
      node.refuse(yield* node.expect("assume_minimum_depth"), -32603, [])
      expect(yield* failure(refused)).toMatchObject({
        _tag: "RejectedError",
        operation: "assume_minimum_depth"
      })

      const ask = (options: Parameters<typeof channel.history>[0], result: Json.Json) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(channel.history(options))
          const question = yield* node.expect("history.fetch")
          node.reply(question, result)
          return [question["params"], yield* Fiber.join(fiber)] as const
        })
      const entry = {
        type: "report",
        tag: "info",
        time: "2026-11-20T12:00:00.000000Z",
        info: { event: "open" }
      }
      expect(yield* ask(undefined, [entry])).toEqual([{ n: 10 }, [entry]])
      expect(yield* ask({ n: 3, types: ["rpt"], tags: ["info"] }, [])).toEqual([
        { n: 3, type: ["rpt"], tag: ["info"] },
        []
      ])
      const wrong = yield* Effect.fork(channel.history())
      node.reply(yield* node.expect("history.fetch"), "ok")
      expect(yield* failure(wrong)).toMatchObject({ _tag: "DecodeError" })
    }).pipe(Effect.scoped)
  )
})
