/** How every operation ends: well, typed, or by interruption; and who ended it. */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { FlowError } from "../../src/client/ChannelEvent.js"
import { StoreError, TransportError } from "../../src/protocol/Errors.js"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import type { Party } from "./support/Parties.js"
import { closeTx, offChainTx, transfer, treesAfter } from "./support/Rounds.js"
import {
  askCreate,
  channelId,
  closedByNode,
  connect,
  createTx,
  errorOf,
  initiator,
  type Open,
  openScripted,
  responder,
  signedBy,
  signedTxOf,
  settle
} from "./support/ScriptedNode.js"
import {
  paying,
  body,
  coSigned,
  askUpdate,
  propose,
  failure,
  eventOf,
  stillWorks,
  transferAt,
  slowSigner
} from "./support/Flow.js"

describe("abort", () => {
  it.live("calls off the pending signature with a code; later the node refuses", () =>
    Effect.gen(function* () {
      const { layer, word, reached } = yield* slowSigner("initiator")
      const open = yield* openScripted("initiator", { signer: layer })
      const [fiber] = yield* transferAt(open, "requested")
      askUpdate(open.node)
      yield* reached("asked")
      const abort = yield* Effect.fork(open.channel.abort(300))
      expect(errorOf(yield* open.node.expect("update"))).toBe(300)
      expect(yield* failure(fiber)).toMatchObject({ _tag: "UserDefinedError", code: 300, endedBy: "we" })
      open.node.info("aborted_update")
      yield* Fiber.join(abort)
      yield* Deferred.succeed(word, "sign")
      const [again] = yield* transferAt(open, "signed")
      const late = yield* Effect.fork(open.channel.abort())
      const sent = yield* open.node.expect("update")
      expect(errorOf(sent)).toBe(4)
      open.node.refuse(sent, 3, [1018])
      expect(yield* failure(late)).toMatchObject({ _tag: "RejectedError", data: [{ code: 1018 }] })
      open.node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
      expect(yield* Fiber.join(again)).toMatchObject({ round: 2 })
      yield* open.channel.abort()
    }).pipe(Effect.scoped)
  )
})

describe("two proposals at once", () => {
  it.live(
    "the peer's is held while the node lets ours collide with it: one conflict ends both, unsigned",
    () =>
      Effect.gen(function* () {
        const open = yield* openScripted("responder")
        const fiber = yield* Effect.fork(open.channel.transfer({ amount: 3n }))
        open.node.reply(yield* open.node.expect("update.new"), "ok")
        propose(open.node)
        yield* settle
        open.node.conflict(2, 1)
        expect(yield* failure(fiber)).toMatchObject({ _tag: "ConflictError" })
        expect(yield* eventOf(open.channel, "ProposalEnded")).toMatchObject({ code: 2 })
        expect(open.node.methods).not.toContain("channels.update_ack")
        yield* stillWorks(open)
      }).pipe(Effect.scoped)
  )

  it.live("if ours is refused instead, the peer's goes on", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("responder")
      const fiber = yield* Effect.fork(open.channel.transfer({ amount: 3n }))
      const sent = yield* open.node.expect("update.new")
      propose(open.node)
      yield* settle
      open.node.refuse(sent, 3, [1001])
      expect(yield* failure(fiber)).toMatchObject({ _tag: "RejectedError" })
      const signed = signedTxOf(yield* open.node.expect("update_ack"))
      open.node.say({ _tag: "StateUpdate", state: signed })
      expect(yield* eventOf(open.channel, "CoSigned")).toMatchObject({ state: { round: 1 } })
      yield* Stream.runHead(Stream.filter(open.channel.latest.changes, ({ round }) => round === 2))
    }).pipe(Effect.scoped)
  )

  it.live("our operation waits while the peer's proposal is answered", () =>
    Effect.gen(function* () {
      const { layer, word, reached } = yield* slowSigner("responder")
      const open = yield* openScripted("responder", { signer: layer })
      propose(open.node)
      yield* reached("asked")
      yield* Effect.fork(open.channel.transfer({ amount: 3n }))
      yield* settle
      expect(open.node.methods).not.toContain("channels.update.new")
      yield* Deferred.succeed(word, "sign")
      open.node.say({ _tag: "StateUpdate", state: signedTxOf(yield* open.node.expect("update_ack")) })
      yield* open.node.expect("update.new")
    }).pipe(Effect.scoped)
  )

  it.live("the node postpones our shutdown while it acts for the peer: the proposal is answered", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("responder")
      const fiber = yield* Effect.fork(channel.shutdown())
      yield* node.expect("shutdown")
      propose(node)
      const signed = signedTxOf(yield* node.expect("update_ack"))
      node.say({ _tag: "StateUpdate", state: signed })
      const tx = closeTx(responder.address, treesAfter(paying(5n), 2))
      node.ask("shutdown_sign", SignedTx.unsigned(tx))
      yield* node.expect("shutdown_sign")
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.scoped)
  )
})

describe("closing", () => {
  it.live("shutdown ends with the confirmed closing transaction", () =>
    Effect.gen(function* () {
      for (const last of ["closed_confirmed", "died"] as const) {
        const { node, channel } = yield* openScripted("initiator")
        const fiber = yield* Effect.fork(channel.shutdown())
        yield* node.expect("shutdown")
        node.ask("shutdown_sign", SignedTx.unsigned(closeTx(initiator.address)))
        yield* node.expect("shutdown_sign")
        const tx = signedBy(closeTx(initiator.address), [initiator, responder])
        const type = "channel_close_mutual_tx"
        node.say({ _tag: "OnChainTx", info: "close_mutual", type, tx })
        node.info("closing")
        node.say({ _tag: "OnChainTx", info: "channel_closed", type, tx })
        node.info(last)
        const closed = yield* Fiber.join(fiber)
        expect(closed.confirmed).toBe(last === "closed_confirmed")
        expect(SignedTx.hash(closed.signedTx)).toBe(SignedTx.hash(tx))
      }
    }).pipe(Effect.scoped)
  )

  it.live("the peer's shutdown is signed when it pays what we have", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      node.info("shutdown")
      node.ask("shutdown_sign_ack", signedBy(closeTx(responder.address), [responder]))
      expect(signedTxOf(yield* node.expect("shutdown_sign_ack")).signatures).toHaveLength(2)
      node.info("closing")
      node.info("closed_confirmed")
      node.info("died")
      yield* eventOf(channel, "Ended")
      expect(yield* channel.status.get).toMatchObject({ phase: "closed", end: { reason: "channel_ended" } })
    }).pipe(Effect.scoped)
  )

  it.live("leave ends with the report, stop with died", () =>
    Effect.gen(function* () {
      const first = yield* openScripted("initiator")
      const leaving = yield* Effect.fork(first.channel.leave)
      first.node.reply(yield* first.node.expect("leave"), "ok")
      first.node.say({ _tag: "LeaveReport", state: signedBy(createTx(), [initiator, responder]) })
      yield* Fiber.join(leaving)
      const { node, channel } = yield* openScripted("initiator")
      const stopping = yield* Effect.fork(channel.stop)
      yield* node.expect("system")
      node.info("died")
      yield* Fiber.join(stopping)
    }).pipe(Effect.scoped)
  )
})

describe("the end of the connection", () => {
  type Prepare = (open: Open) => Effect.Effect<Fiber.Fiber<unknown, FlowError>>
  const points: ReadonlyArray<readonly [string, Prepare]> = [
    ["transfer requested", (open) => Effect.map(transferAt(open, "requested"), ([fiber]) => fiber)],
    ["transfer signed", (open) => Effect.map(transferAt(open, "signed"), ([fiber]) => fiber)],
    [
      "transfer queued",
      (open) =>
        Effect.zipRight(transferAt(open, "requested"), Effect.fork(open.channel.transfer({ amount: 1n })))
    ],
    ["balances", (open) => forkThen(open, open.channel.balances())],
    ["poi", (open) => forkThen(open, open.channel.poi())],
    ["state", (open) => forkThen(open, open.channel.offChainState)],
    ["ping", (open) => forkThen(open, open.channel.ping)],
    ["message", (open) => forkThen(open, open.channel.sendMessage("x"))],
    ["stop", (open) => forkThen(open, open.channel.stop)],
    ["leave", (open) => forkThen(open, open.channel.leave)],
    ["shutdown requested", (open) => forkThen(open, open.channel.shutdown())],
    [
      "shutdown signed",
      (open) =>
        Effect.gen(function* () {
          const fiber = yield* forkThen(open, open.channel.shutdown())
          open.node.ask("shutdown_sign", SignedTx.unsigned(closeTx(initiator.address)))
          yield* open.node.expect("shutdown_sign")
          return fiber
        })
    ]
  ]
  const forkThen = <A>(
    open: Open,
    call: Effect.Effect<A, FlowError>
  ): Effect.Effect<Fiber.Fiber<A, FlowError>> => Effect.zipLeft(Effect.fork(call), open.node.next)

  it.live.each(points)("I13: %s", ([, prepare]) =>
    Effect.gen(function* () {
      const ways: ReadonlyArray<readonly [string, (open: Open) => Effect.Effect<void>]> = [
        ["closed_by_node", ({ node }) => node.close()],
        [
          "connection_lost",
          ({ node }) =>
            node.close(
              new TransportError({ reason: "connection_lost", operation: "receive", detail: "gone" })
            )
        ]
      ]
      for (const [reason, end] of ways) {
        const open = yield* openScripted("initiator")
        const fiber = yield* prepare(open)
        yield* end(open)
        expect(yield* failure(fiber)).toMatchObject({ _tag: "TransportError", reason })
        expect(yield* Effect.flip(open.channel.ping)).toMatchObject({ _tag: "TransportError", reason })
        expect(yield* eventOf(open.channel, "Ended")).toMatchObject({ error: { reason } })
      }
    }).pipe(Effect.scoped)
  )

  it.live.each(points)("I13: died while %s", ([name, prepare]) =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const fiber = yield* prepare(open)
      open.node.info("died")
      if (name === "stop" || name === "leave") yield* Fiber.join(fiber)
      else expect(yield* failure(fiber)).toMatchObject({ _tag: "TransportError", reason: "channel_ended" })
    }).pipe(Effect.scoped)
  )

  it.live.each(points)("I13: our scope closes while %s", ([, prepare]) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const open = yield* Scope.extend(openScripted("initiator"), scope)
      const fiber = yield* prepare(open)
      yield* Scope.close(scope, Exit.void)
      expect(yield* failure(fiber)).toMatchObject({ _tag: "TransportError", reason: "closed_by_us" })
      expect(yield* Effect.flip(open.channel.ping)).toMatchObject({ reason: "closed_by_us" })
      const last = yield* Stream.runLast(open.channel.events)
      expect(last).toMatchObject({ value: { _tag: "Ended" } })
    })
  )

  it.live("I13: at every step of an opening", () =>
    Effect.gen(function* () {
      for (const steps of [0, 1, 2, 3, 4]) {
        const scripted = yield* connect("initiator")
        const { node, opening } = scripted
        if (steps > 0) askCreate(scripted)
        if (steps > 1) yield* node.next
        if (steps > 2) node.info("funding_signed")
        if (steps > 3) node.info("open")
        yield* node.close(closedByNode)
        expect(yield* Effect.flip(opening.opened)).toMatchObject({
          _tag: "TransportError",
          operation: "open",
          closeCode: 1000
        })
      }
    }).pipe(Effect.scoped)
  )

  it.live("openings that the node gives up are typed", () =>
    Effect.gen(function* () {
      for (const [event, tag] of [
        ["bad_state_hash", "ValidationError"],
        ["bad_signature", "ValidationError"],
        ["not_create_tx", "ValidationError"],
        ["timeout", "TimeoutError"],
        ["died", "TransportError"]
      ] as const) {
        const { node, opening } = yield* connect("initiator")
        node.info(event)
        expect(yield* Effect.flip(opening.opened)).toMatchObject({ _tag: tag, operation: "open" })
      }
      const { node, opening } = yield* connect("initiator")
      node.refuse({}, 3, [1011])
      expect(yield* Effect.flip(opening.opened)).toMatchObject({
        _tag: "RejectedError",
        data: [{ code: 1011 }]
      })
    }).pipe(Effect.scoped)
  )
})

describe("stores", () => {
  const memory = Effect.runSync(ChannelStore.makeMemory)
  const failing = (when: (record: ChannelStore.ChannelRecord, write: number) => boolean) => {
    let writes = 0
    return Effect.map(ChannelStore.makeMemory, (store) => ({
      ...store,
      write: (record: ChannelStore.ChannelRecord, expected: ChannelStore.Expected) =>
        Effect.suspend(() =>
          when(record, ++writes)
            ? Effect.fail(new StoreError({ operation: "write", reason: "write", detail: "disk full" }))
            : store.write(record, expected)
        )
    }))
  }
  const layerOf = (store: Effect.Effect<ChannelStore.ChannelStoreService>): Party => ({
    store: Layer.effect(ChannelStore.ChannelStore, store)
  })

  it.live(
    "I8, I9: intent and signed body are stored before the signature leaves, the state before the caller is told",
    () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const party = layerOf(
          Effect.map(ChannelStore.makeMemory, (store) => ({
            ...store,
            write: (record: ChannelStore.ChannelRecord, expected: ChannelStore.Expected) =>
              Effect.zipLeft(
                store.write(record, expected),
                Effect.sync(() =>
                  log.push(
                    `write ${record.round} ${record.intents.map((each) => each.decision)} ${record.exposure.length}`
                  )
                )
              )
          }))
        )
        const open = yield* openScripted("initiator", party)
        const [fiber] = yield* transferAt(open, "signed")
        log.push("sent")
        open.node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
        yield* Fiber.join(fiber)
        expect(log).toEqual([
          "write 0 requested 0",
          "write 0 requested 1",
          "write 1 requested 0",
          "write 1 requested,requested 0",
          "write 1 requested,requested 1",
          "sent",
          "write 2 requested 0"
        ])
      }).pipe(Effect.scoped)
  )

  it.live.each([1, 2, 3, 4, 5, 6])("I7: write %i fails: StoreError, and no signature after it", (k) =>
    Effect.gen(function* () {
      const scripted = yield* connect("initiator", layerOf(failing((_, write) => write === k)))
      const { node, opening } = scripted
      askCreate(scripted)
      if (k <= 2) {
        expect(yield* Effect.flip(opening.opened)).toMatchObject({ _tag: "StoreError" })
        expect(node.log).toEqual([])
        return
      }
      yield* node.next
      node.channelId = channelId
      node.info("open")
      node.say({ _tag: "StateUpdate", state: signedBy(createTx(), [initiator, responder]) })
      if (k === 3) {
        expect(yield* Effect.flip(opening.opened)).toMatchObject({ _tag: "StoreError" })
        return
      }
      const channel = yield* opening.opened
      const fiber = yield* Effect.fork(channel.transfer({ amount: 5n }))
      yield* node.expect("update.new")
      const before = node.log.length
      askUpdate(node)
      const answer = yield* node.expect("update")
      if (k < 6) expect(errorOf(answer)).toBe(4)
      else node.say({ _tag: "StateUpdate", state: coSigned(paying(5n)) })
      expect(yield* failure(fiber)).toMatchObject({ _tag: "StoreError" })
      if (k < 6) expect(node.signedSince(before)).toBe(false)
      expect((yield* channel.status.get).frozen).toBeDefined()
      expect((yield* channel.latest.get).round).toBe(1)
      const back = [transfer(responder.address, initiator.address, 1n)]
      node.ask("update_ack", signedBy(body(back), [responder]), back)
      expect(errorOf(yield* node.expect("update_ack"))).toBe(4)
    }).pipe(Effect.scoped)
  )

  it.live("I7: a channel that we already hold a state of is not opened again", () =>
    Effect.gen(function* () {
      const party = layerOf(Effect.succeed(memory))
      const first = yield* openScripted("initiator", party)
      yield* first.channel.latest.get
      const again = yield* connect("initiator", party)
      askCreate(again)
      expect(yield* Effect.flip(again.opening.opened)).toMatchObject({
        _tag: "VerificationError",
        field: "channelId"
      })
      expect(again.node.log).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.live("I4b: what we have half signed stays exposed until a higher round is co-signed", () =>
    Effect.gen(function* () {
      const store = yield* ChannelStore.makeMemory
      const seen: Array<bigint> = []
      const policy = ProposalPolicy.make((proposal) => {
        seen.push(proposal.worstOwnBalance)
        return ProposalPolicy.accept
      })
      const open = yield* openScripted("initiator", { ...layerOf(Effect.succeed(store)), policy })
      const exposed = Effect.map(store.read({ channelId, role: "initiator" }), (stored) =>
        stored?.record.exposure.map(({ round, side }) => `${side} ${round}`)
      )
      const [fiber] = yield* transferAt(open, "signed", 100n)
      open.node.conflict(2, 1)
      yield* failure(fiber)
      expect(yield* exposed).toEqual(["starter 2"])
      const back = [transfer(responder.address, initiator.address, 1n)]
      open.node.ask("update_ack", signedBy(body(back), [responder]), back)
      open.node.say({ _tag: "StateUpdate", state: signedTxOf(yield* open.node.expect("update_ack")) })
      yield* Stream.runHead(Stream.filter(open.channel.latest.changes, ({ round }) => round === 2))
      expect(yield* exposed).toEqual(["starter 2"])
      const [first, second] = seen
      expect(second).toBe((first ?? 0n) - 100n)
      const more = [transfer(responder.address, initiator.address, 2n)]
      const tx = offChainTx(treesAfter(more, 3, treesAfter(back, 2)), 3)
      open.node.ask("update_ack", signedBy(tx, [responder]), more)
      open.node.say({ _tag: "StateUpdate", state: signedTxOf(yield* open.node.expect("update_ack")) })
      yield* Stream.runHead(Stream.filter(open.channel.latest.changes, ({ round }) => round === 3))
      expect(yield* exposed).toEqual([])
    }).pipe(Effect.scoped)
  )
})

describe("frames that are no messages", () => {
  it.live("are told, end what waits for them, and do no harm", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator")
      const { node, channel } = open
      for (const text of [
        "",
        "{",
        "[]",
        "7",
        '{"jsonrpc":"2.0"}',
        "\u0000",
        '"x"',
        "[[[[",
        "x".repeat(1_000_000)
      ])
        node.raw(text)
      expect(yield* eventOf(channel, "Undecodable")).toMatchObject({ error: { _tag: "DecodeError" } })
      node.raw(
        '{"jsonrpc":"2.0","version":2,"method":"channels.future","params":{"channel_id":null,"data":{"x":1.0}}}'
      )
      const ping = yield* Effect.fork(channel.ping)
      const { id } = yield* node.expect("system")
      node.raw(`{"jsonrpc":"2.0","id":${String(id)},"nothing":1}`)
      expect(yield* failure(ping)).toMatchObject({ _tag: "DecodeError" })
      const [fiber] = yield* transferAt(open, "requested")
      node.raw(
        '{"jsonrpc":"2.0","version":1,"method":"channels.sign.update","params":{"channel_id":null,"data":{"signed_tx":"tx_AAAA","updates":[]}}}'
      )
      expect(yield* failure(fiber)).toMatchObject({ _tag: "DecodeError" })
      expect(errorOf(yield* node.expect("update"))).toBe(1)
      node.info("aborted_update")
      const proof = yield* Effect.fork(channel.poi())
      node.reply(yield* node.expect("get.poi"), { poi: "pi_x" })
      expect(yield* failure(proof)).toMatchObject({ _tag: "DecodeError" })
      const wrongKind = yield* Effect.fork(channel.balances())
      node.reply(yield* node.expect("get.balances"), "ok")
      expect(yield* failure(wrongKind)).toMatchObject({ _tag: "DecodeError" })
      yield* stillWorks(open)
    }).pipe(Effect.scoped)
  )
})

describe("silence", () => {
  it.live("a node that does not answer ends the request, not the channel", () =>
    Effect.gen(function* () {
      const open = yield* openScripted("initiator", { changes: { requestTimeout: "30 millis" } })
      const { node, channel } = open
      for (const call of [
        channel.ping,
        channel.balances(),
        channel.transfer({ amount: 1n }),
        channel.leave
      ]) {
        const fiber = yield* Effect.fork(Effect.asVoid(call))
        yield* node.next
        expect(yield* failure(fiber)).toMatchObject({ _tag: "TimeoutError", code: 3, endedBy: "node" })
      }
      propose(node, [transfer(responder.address, initiator.address, 1n)])
      expect(errorOf(yield* node.expect("update_ack"))).toBe(1)
      yield* settle
      yield* stillWorks(open)
    }).pipe(Effect.scoped)
  )
})

describe("listening", () => {
  it.live("nobody has to; who comes late gets the last events", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator", { changes: { eventBuffer: 16 } })
      for (let i = 0; i < 500; i++)
        node.say({ _tag: "MessageReport", from: responder.address, to: initiator.address, info: `${i}` })
      const ping = yield* Effect.fork(channel.ping)
      node.reply(yield* node.expect("system"), { action: "system", tag: "pong" })
      yield* Fiber.join(ping)
      const last = yield* Stream.runCollect(Stream.take(channel.events, 16))
      expect(Chunk.toReadonlyArray(last)).toMatchObject(
        Array.from({ length: 16 }, (_, i) => ({ text: `${484 + i}` }))
      )
    }).pipe(Effect.scoped)
  )

  it.live("I19: no event and no stored text shows the fsm id", () =>
    Effect.gen(function* () {
      const { node, channel } = yield* openScripted("initiator")
      const secret = "ba_izrkYRITzyDUi0ZoQtjsoRv2bTzFlFk+SctfWrIkwCHETxxU"
      node.raw(
        `{"jsonrpc":"2.0","version":1,"method":"channels.info","params":{"channel_id":null,"data":{"event":"fsm_up","fsm_id":"${secret}"}}}`
      )
      yield* node.close()
      const events = yield* Stream.runCollect(channel.events)
      expect(yield* channel.fsmId).toBeDefined()
      const text = JSON.stringify(Chunk.toReadonlyArray(events), (_, value) =>
        typeof value === "bigint" ? `${value}` : value
      )
      expect(text).not.toContain(secret)
    }).pipe(Effect.scoped)
  )
})
