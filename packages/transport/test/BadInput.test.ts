/**
 * Bad input over real sockets. To the node: openings, frames and signatures, each answered or dropped as the channel
 * API says, with the node alive and another channel unharmed after every one. To the client: frames that no good node
 * sends and connections that end at odd moments, each told as a typed failure or an event; nothing hangs, nothing is a
 * defect, and the channel works on for as long as its connection stands.
 */
import type * as Channel from "@aechannel/core/client/Channel"
import type { FlowError } from "@aechannel/core/client/ChannelEvent"
import * as Json from "@aechannel/core/encoding/Json"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as ErrorCodes from "@aechannel/core/protocol/ErrorCodes"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import { describe, expect, it, layer } from "@effect/vitest"
import { Array as Arr, type Cause, Chunk, Effect, Fiber, Stream } from "effect"
import { initiator, responder } from "../../core/test/support/NodeUnderTest.js"
import { at } from "../../core/test/support/RawClient.js"
import { breakRows } from "./support/bad/Breaks.js"
import { connected, type Connected, opened, opens } from "./support/bad/FakeNode.js"
import { frameRows, type Sender } from "./support/bad/Frames.js"
import { called, completes, moments, transfers } from "./support/bad/Moments.js"
import { type NodeFrameRow, nodeFrameRows } from "./support/bad/NodeFrames.js"
import { agreedRows, applied, backRows, lateRows, openingRows, type Outcome } from "./support/bad/Openings.js"
import { connect, inShort, type Party } from "./support/bad/Party.js"
import { type Asked, createRows, signatureRows } from "./support/bad/Signatures.js"
import * as World from "./support/bad/World.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]
const otherRole = (role: Role): Role => (role === "initiator" ? "responder" : "initiator")

/** Starts an operation; ends when a party is asked for its signature. */
const askedFor = async (tag: keyof typeof signatureRows, party: Party, peer: Party): Promise<Asked> => {
  const own = tag === "update" || tag === "shutdown_sign"
  const [starter, target] = own ? [party, peer] : [peer, party]
  if (tag.startsWith("shutdown")) starter.call("shutdown", {})
  else starter.call("update.new", { from: starter.keyPair.address, to: target.keyPair.address, amount: 1 })
  if (own) return { party, peer, signedTx: party.asked(await party.next()) }
  const first = await peer.next()
  peer.call(tag.replace("_ack", ""), { signed_tx: SignedTx.toText(peer.signed(peer.asked(first))) })
  return { party, peer, signedTx: party.asked(await party.until(`sign.${tag}`)) }
}

const seen = (outcome: Outcome) => ({
  code: outcome === "crashed" ? 1011 : 1000,
  frames:
    typeof outcome === "string"
      ? []
      : [
          {
            jsonrpc: "2.0",
            version: 1,
            id: null,
            channel_id: null,
            error: {
              code: 3,
              message: "Rejected",
              data: [{ code: outcome, message: ErrorCodes.dataText(outcome) }],
              request: {}
            }
          }
        ]
})

/** How an attempt fails; that it takes too long is a failure of another kind, and a success or a defect is none. */
const failureOf = <R>(
  attempt: Effect.Effect<unknown, FlowError, R>
): Effect.Effect<FlowError | Cause.TimeoutException, unknown, R> =>
  Effect.flip(Effect.timeout(attempt, "5 seconds"))

/** All events so far that come after the first co-signed state. */
const eventsOf = ({ node: { script }, role }: Connected, session: Channel.Session) => {
  const [own, peer] = role === "initiator" ? [initiator, responder] : [responder, initiator]
  script.say({ _tag: "MessageReport", from: peer.address, to: own.address, info: "that is all" })
  return Stream.takeUntil(
    session.events,
    (event) => event._tag === "MessageReceived" && event.text === "that is all"
  ).pipe(
    Stream.dropUntil((event) => event._tag === "CoSigned"),
    Stream.runCollect,
    Effect.timeout("5 seconds"),
    Effect.map((events) => Chunk.toReadonlyArray(events).slice(0, -1))
  )
}

/** A frame that no call can claim for itself: it may be what an operation waits for. */
const isNobodys = ({ event, frame }: NodeFrameRow): boolean =>
  event?._tag === "Undecodable" &&
  typeof frame === "string" &&
  !(frame.startsWith("{") && frame.endsWith("}") && frame.includes('"id":"x"'))

/** One that asks for a co-signature: nothing of ours waits for it, but the peer does. */
const isForThePeer = ({ frame }: NodeFrameRow): boolean => String(frame).includes("channels.sign.update_ack")

layer(World.layer, { excludeTestServices: true })("bad input to the node", (it) => {
  describe("openings", () => {
    it.scoped.each(openingRows.map((row) => [row.name, row] as const))("%s", ([, row]) =>
      Effect.gen(function* () {
        const { url } = yield* World.World
        const query = applied(World.opening(row.role, World.newPort()), row.changes)
        const client = yield* connect(`${url}?${query}`, initiator)
        const code = yield* Effect.promise(() => client.closed)
        expect({ code, frames: client.log }).toEqual(seen(row.outcome))
        expect(yield* World.unharmed).toEqual(World.quiet)
      })
    )
  })

  describe("coming back to a channel that somebody else uses", () => {
    it.scoped.each(backRows.map((row) => [row.name, row] as const))("%s", ([, row]) =>
      Effect.gen(function* () {
        const { url, victim } = yield* World.World
        const { log } = victim[row.role]
        const id = log
          .map((frame) => at(frame, "params", "channel_id"))
          .find((each) => typeof each === "string")
        const query = applied(World.opening(row.role, World.newPort()), {})
        const parameters = { existing_channel_id: String(id), existing_fsm_id: row.fsmId(victim) }
        const more = Object.entries(parameters).flatMap(([name, value]) =>
          value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]
        )
        const client = yield* connect(`${url}?${[query, ...more].join("&")}`, initiator)
        const code = yield* Effect.promise(() => client.closed)
        expect({ code, frames: client.log }).toEqual(seen(row.outcome))
        expect(yield* World.settled(victim)).toEqual(World.quiet)
        expect(yield* World.unharmed).toEqual(World.quiet)
      })
    )
  })

  describe("openings that fail later", () => {
    it.scoped.each(lateRows.map((row) => [row.name, row] as const))("%s", ([, row]) =>
      Effect.gen(function* () {
        const { url } = yield* World.World
        const pair = yield* World.connectBoth(url, row.changes)
        const codes = yield* Effect.promise(() => Promise.all([pair.initiator.end(), pair.responder.end()]))
        const heard = {
          initiator: pair.initiator.log.map(inShort),
          responder: pair.responder.log.map(inShort)
        }
        expect({ codes, ...heard }).toEqual({
          codes: [1000, 1000],
          initiator: ["info fsm_up", ...row.initiator],
          responder: ["info fsm_up", ...row.responder]
        })
        expect(yield* World.unharmed).toEqual(World.quiet)
      })
    )

    it.scoped.each(agreedRows)("not: %o, of which the initiator's counts", (changes) =>
      Effect.gen(function* () {
        const { url } = yield* World.World
        const pair = yield* World.connectBoth(url, { responder: changes })
        yield* World.bothUntil(pair, "update")
        yield* World.pay(pair)
        expect(yield* World.unharmed).toEqual(World.quiet)
      })
    )
  })

  describe("frames", () => {
    const rows = frameRows.flatMap((row) =>
      roles.map((role) => [`${row.name} [${role}]`, role, row] as const)
    )
    it.scoped.each(rows)("%s", ([, role, row]) =>
      Effect.gen(function* () {
        const { victim } = yield* World.World
        const party = victim[role]
        const update = party.log.findLast((frame) => at(frame, "params", "data", "state") !== undefined)
        const sender: Sender = {
          own: party.keyPair.address,
          peer: victim[otherRole(role)].keyPair.address,
          channelId: String(at(update ?? null, "params", "channel_id")),
          state: SignedTx.fromTextOrThrow(String(at(update ?? null, "params", "data", "state")))
        }
        party.send(row.send(sender))
        expect(yield* Effect.promise(() => party.settled())).toEqual(row.replies(sender))
        expect(yield* World.settled(victim)).toEqual(World.quiet)
        expect(yield* World.unharmed).toEqual(World.quiet)
      })
    )
  })

  describe("answers to signing requests", () => {
    const tags = ["update", "update_ack", "shutdown_sign", "shutdown_sign_ack"] as const
    const rows = tags.flatMap((tag) =>
      signatureRows[tag].flatMap((row) =>
        roles.map((role) => [`${tag}, ${row.name} [${role}]`, tag, role, row] as const)
      )
    )
    it.scoped.each(rows)("%s", ([, tag, role, row]) =>
      Effect.gen(function* () {
        const { victim } = yield* World.World
        const [party, peer] = [victim[role], victim[otherRole(role)]]
        const asked = yield* Effect.promise(() => askedFor(tag, party, peer))
        party.call(row.method ?? tag, row.params(asked), "answer")
        const own = (yield* Effect.promise(() => party.settled())).map(inShort)
        const others = (yield* Effect.promise(() => peer.settled())).map(inShort)
        expect({ own, peer: others }).toEqual({ own: row.own, peer: row.peer })
        if (row.fate === "waits" && tag.startsWith("update")) {
          party.call(tag, { signed_tx: SignedTx.toText(party.signed(asked.signedTx)) })
          yield* World.bothUntil(victim, "update")
        } else {
          if (row.fate === "waits") {
            party.call(tag, { error: 4 })
            yield* Effect.promise(() => party.until("info aborted_update"))
            if (tag.endsWith("ack")) yield* Effect.promise(() => peer.until("conflict"))
          }
          yield* World.pay(victim, role)
        }
        expect(yield* World.settled(victim)).toEqual(World.quiet)
        expect(yield* World.unharmed).toEqual(World.quiet)
      })
    )
  })

  describe("answers to the create transaction", () => {
    const rows = createRows.flatMap((row) =>
      roles.map((role) => [`${row.name} [${role}]`, role, row] as const)
    )
    it.scoped.each(rows)("%s", ([, role, row]) =>
      Effect.gen(function* () {
        const { url } = yield* World.World
        const pair = yield* World.connectBoth(url)
        const [party, peer] = [pair[role], pair[otherRole(role)]]
        const asked = yield* Effect.promise(async () => {
          const first = await pair.initiator.until("sign.initiator_sign")
          if (role === "initiator") return { party, peer, signedTx: party.asked(first) }
          const signed = pair.initiator.signed(pair.initiator.asked(first))
          pair.initiator.call("initiator_sign", { signed_tx: SignedTx.toText(signed) })
          return { party, peer, signedTx: party.asked(await party.until("sign.responder_sign")) }
        })
        party.call(row.method ?? `${role}_sign`, row.params(asked), "answer")
        expect((yield* Effect.promise(() => party.settled())).map(inShort)).toEqual(row.own)
        party.call(`${role}_sign`, { signed_tx: SignedTx.toText(party.signed(asked.signedTx)) })
        yield* World.bothUntil(pair, "update")
        expect(yield* World.unharmed).toEqual(World.quiet)
      })
    )
  })

  describe("afterwards", () => {
    it.scoped("the channel that was attacked and the other one work, and the node takes new ones", () =>
      Effect.gen(function* () {
        const { healthy, url, victim } = yield* World.World
        for (const pair of [healthy, victim, yield* World.openBoth(url)])
          for (const role of roles) yield* World.pay(pair, role)
        const answers = Object.values(signatureRows).flat().length + createRows.length
        console.log(
          `bad input to the node: ${openingRows.length + backRows.length + lateRows.length} openings, ${frameRows.length} frames and ${answers} answers to signing requests from each side`
        )
      })
    )
  })
})

const perRole = <R extends { readonly name: string }>(rows: ReadonlyArray<R>) =>
  rows.flatMap((row) => roles.map((role) => [`${row.name} [${role}]`, role, row] as const))

/** The roles take turns. */
const inTurn = <R extends { readonly name: string }>(rows: ReadonlyArray<R>) =>
  perRole(rows).filter((_, index) => index % 4 === 0 || index % 4 === 3)

describe("bad input to the client", () => {
  describe("while nothing is under way", () => {
    it.scopedLive.each(perRole(nodeFrameRows))("%s", ([, role, { event, frame }]) =>
      Effect.gen(function* () {
        const it = yield* opened(role)
        it.node.send(frame)
        const events = yield* eventsOf(it, it.channel)
        // What could be read is told as it came; what is wrong with it is told besides.
        const others = events.filter(({ _tag }) => _tag !== "Reported" || event?._tag === "Reported")
        expect(others).toMatchObject(event === undefined ? [] : [event])
        expect(yield* transfers(it)).toBe(2)
        expect(yield* it.channel.status.get).toMatchObject({
          phase: "open",
          frozen: undefined,
          end: undefined
        })
      })
    )
  })

  describe("while the channel is being opened", () => {
    it.scopedLive.each(inTurn(nodeFrameRows))("%s", ([, role, row]) =>
      Effect.gen(function* () {
        const it = yield* connected(role)
        it.node.send(row.frame)
        if (isNobodys(row)) {
          expect(yield* failureOf(it.opening.opened)).toMatchObject({ _tag: "DecodeError" })
          expect((yield* it.opening.status.get).phase).toBe("ended")
        } else if (
          row.event?.["_tag"] === "VerificationFailed" &&
          String(row.frame).includes("channels.sign.")
        ) {
          expect(yield* failureOf(it.opening.opened)).toMatchObject({
            _tag: "VerificationError",
            operation: "open"
          })
        } else expect(yield* transfers(yield* opens(it))).toBe(2)
      })
    )
  })

  describe("while our transfer waits for the node", () => {
    const [peers, nobodys] = Arr.partition(nodeFrameRows.filter(isNobodys), (row) => !isForThePeer(row))
    it.scopedLive.each(perRole(peers))("%s", ([, role, { frame }]) =>
      Effect.gen(function* () {
        const it = yield* opened(role)
        const fiber = yield* Effect.forkScoped(it.channel.transfer({ amount: 1n }))
        const request = yield* called(it, "update.new")
        it.node.send(frame)
        // The peer's proposal is refused; ours comes after it.
        expect((yield* called(it, "update_ack"))["params"]).toEqual({ error: 1 })
        yield* completes(it, request)
        expect((yield* Fiber.join(fiber)).round).toBe(2)
      })
    )

    it.scopedLive.each(inTurn(nobodys))("%s", ([, role, { frame }]) =>
      Effect.gen(function* () {
        const it = yield* opened(role)
        const fiber = yield* Effect.forkScoped(it.channel.transfer({ amount: 1n }))
        yield* called(it, "update.new")
        it.node.send(frame)
        expect(yield* failureOf(Fiber.join(fiber))).toMatchObject({ _tag: "DecodeError" })
        // It may have been the signing request: the node is told not to wait.
        const refusal = yield* called(it, "update")
        expect(refusal["params"]).toEqual({ error: 1 })
        it.node.script.reply(refusal, "ok")
        it.node.script.info("aborted_update")
        expect(yield* transfers(it)).toBe(2)
      })
    )
  })

  describe("in answer to a question", () => {
    const answers: ReadonlyArray<readonly [name: string, member: string, fails: string]> = [
      ["a value of another kind", '"result":{"tea":true}', "DecodeError"],
      ["a number", '"result":5', "DecodeError"],
      ["null", '"result":null', "DecodeError"],
      ["ok", '"result":"ok"', "DecodeError"],
      ["a pong", '"result":{"action":"system","tag":"pong"}', "DecodeError"],
      ["balances of nobody", '"result":[{"account":"ak_x","balance":1}]', "DecodeError"],
      ["balances as texts", `"result":[{"account":"${initiator.address}","balance":"1"}]`, "DecodeError"],
      ["a negative balance", `"result":[{"account":"${initiator.address}","balance":-1}]`, "DecodeError"],
      [
        "a fraction of a balance",
        `"result":[{"account":"${initiator.address}","balance":1.5}]`,
        "DecodeError"
      ],
      ["another balance", `"result":[{"account":"${initiator.address}","balance":1}]`, "VerificationError"],
      ["nothing", '"result":[]', "VerificationError"],
      ["a megabyte", `"result":"${"x".repeat(1024 * 1024)}"`, "DecodeError"],
      ["neither result nor error", '"nothing":1', "DecodeError"],
      ["an error without a code", '"error":{}', "DecodeError"],
      ["an error code as a text", '"error":{"code":"3"}', "DecodeError"],
      ["an error that is a text", '"error":"no"', "DecodeError"],
      ["an error and nothing else", '"error":{"code":-32603}', "RejectedError"]
    ]
    it.scopedLive.each(answers.flatMap((row) => roles.map((role) => [row[0], role, row] as const)))(
      "%s [%s]",
      ([, role, [, member, fails]]) =>
        Effect.gen(function* () {
          const it = yield* opened(role)
          const fiber = yield* Effect.forkScoped(it.channel.balances())
          const request = yield* called(it, "get.balances")
          it.node.send("{")
          it.node.send(
            `{"jsonrpc":"2.0","version":1,"id":${Json.stringify(request["id"] ?? null)},"channel_id":null,${member}}`
          )
          expect(yield* failureOf(Fiber.join(fiber))).toMatchObject({ _tag: fails })
          expect(yield* transfers(it)).toBe(2)
        })
    )
  })

  describe("the node goes", () => {
    const rows = moments.flatMap((moment, index) =>
      breakRows.map((each, at) => {
        // Every moment with every end; the roles take turns.
        const role = (index + at) % 2 === 0 ? "initiator" : "responder"
        return [`${moment.name}: ${each.name} [${role}]`, role, moment, each] as const
      })
    )
    it.scopedLive.each(rows)("%s", ([, role, moment, { breaks, closeCode, reason }]) =>
      Effect.gen(function* () {
        const { node, pending, session } = yield* moment.reached(role)
        breaks(node)
        const ended = { _tag: "TransportError", reason, closeCode }
        expect(yield* failureOf(pending)).toMatchObject(ended)
        for (const call of [session.ping, session.balances(), session.sendMessage("anybody?")])
          expect(yield* failureOf(call)).toMatchObject(ended)
        expect(yield* session.status.get).toMatchObject({ phase: "ended", end: { reason, closeCode } })
        expect(yield* Effect.timeout(Stream.runLast(session.events), "5 seconds")).toMatchObject({
          value: { _tag: "Ended", error: ended }
        })
      })
    )
  })

  it.scopedLive("a node that does not stop talking does not stop the client", () =>
    Effect.gen(function* () {
      const it = yield* opened("initiator")
      for (let i = 0; i < 5000; i++)
        it.node.send(
          `{"jsonrpc":"2.0","version":1,"method":"channels.noise","params":{"channel_id":null,"data":{"i":${i}}}}`
        )
      it.node.send("x".repeat(10 * 1024 * 1024))
      const ping = yield* Effect.forkScoped(it.channel.ping)
      it.node.script.reply(yield* called(it, "system"), { action: "system", tag: "pong" })
      yield* Fiber.join(ping)
      expect(yield* transfers(it)).toBe(2)
    })
  )

  it("has this many rows", () => {
    const noise = nodeFrameRows.length
    console.log(
      `bad input to the client: ${noise} frames in three situations, ${moments.length} moments × ${breakRows.length} ends`
    )
    expect(nodeFrameRows.filter(isNobodys).length).toBeGreaterThan(25)
  })
})
