import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Scope, TestClock } from "effect"
import type { ClientEvent } from "../../../../src/client/ClientMachine.js"
import { Fibers } from "../../../../src/client/internal/shell/Fibers.js"
import { Wire } from "../../../../src/client/internal/shell/Wire.js"
import type { CodecService } from "../../../../src/protocol/Codec.js"
import { TransportError } from "../../../../src/protocol/Errors.js"
import * as JsonRpcSignedTx from "../../../../src/protocol/JsonRpcSignedTx.js"
import { Arrived, type Connection, receiving, sending } from "../../../../src/services/Transport.js"

const gone = new TransportError({ reason: "connection_lost", operation: "receive", detail: "gone" })

/** Frames are numbers; each is as many messages as it says, by default one. */
const codec = (slow: boolean): CodecService => ({
  ...JsonRpcSignedTx.codec,
  decodeNodeFrame: (text) => {
    const [id = 0, count = 1] = text.split("x").map(Number)
    const messages = Array.from({ length: count }, () => ({
      _tag: "Replied" as const,
      id,
      channelId: null,
      value: { _tag: "Ok" as const }
    }))
    return slow ? Effect.zipRight(Effect.yieldNow(), Effect.succeed(messages)) : Exit.succeed(messages)
  }
})

interface Kind {
  readonly incoming: boolean
  readonly slow: boolean
}

const kinds: ReadonlyArray<Kind> = [
  { incoming: true, slow: false },
  { incoming: false, slow: false },
  { incoming: true, slow: true },
  { incoming: false, slow: true }
]

const setup = ({ incoming, slow }: Kind, send: Connection["send"] = () => Effect.void) =>
  Effect.gen(function* () {
    const fibers = new Fibers(yield* Effect.runtime<never>())
    yield* Effect.flatMap(Effect.scope, (scope) => Scope.addFinalizer(scope, fibers.close))
    const arrived = new Arrived()
    const told: Array<ClientEvent> = []
    const receive = incoming ? arrived.receive : Effect.suspend(() => arrived.receive)
    const connection: Connection = { send, receive }
    const wire = new Wire(connection, codec(slow), fibers, (event) => told.push(event))
    wire.open()
    return { arrived, told, wire }
  })

const settle = Effect.repeatN(Effect.yieldNow(), 500)

const idsOf = (told: ReadonlyArray<ClientEvent>) =>
  told.map((event) =>
    event._tag === "Received" && event.message._tag === "Replied" ? event.message.id : event._tag
  )

describe("Wire", () => {
  it.scoped.each(kinds)("reads in order, and not too far ahead [$incoming $slow]", (kind) =>
    Effect.gen(function* () {
      const { arrived, told, wire } = yield* setup(kind)
      for (let i = 0; i < 300; i++) arrived.offer(String(i))
      arrived.close(gone)
      yield* settle
      expect(told.length).toBe(64)
      for (let i = 0; i < 100; i++) wire.release()
      yield* settle
      expect(told.length).toBe(164)
      for (let i = 0; i < 300; i++) {
        wire.release()
        yield* Effect.yieldNow()
      }
      yield* settle
      expect(idsOf(told)).toEqual([...Array.from({ length: 300 }, (_, i) => i), "Disconnected"])
      expect(told.at(-1)).toMatchObject({ error: gone })
    })
  )

  it.scoped.each(kinds)("lets others go on while a node does not stop talking [$incoming $slow]", (kind) =>
    Effect.gen(function* () {
      const fibers = new Fibers(yield* Effect.runtime<never>())
      const told: Array<ClientEvent> = []
      const poll = () => (told.length < 5000 ? "1" : gone)
      const receive = Effect.suspend(() => (told.length < 5000 ? Effect.succeed("1") : Effect.fail(gone)))
      const send = () => Effect.void
      if (kind.incoming) receiving(receive, { poll, onReadable: () => {} })
      const connection: Connection = { send, receive }
      const wire: Wire = new Wire(connection, codec(kind.slow), fibers, (event) => {
        told.push(event)
        if (event._tag === "Received") wire.release()
      })
      wire.open()
      let turns = 0
      for (; told.length < 5000; turns++) yield* Effect.yieldNow()
      expect(turns).toBeGreaterThan(20)
    })
  )

  it.scoped("sends one frame after the other, however long each takes", () =>
    Effect.gen(function* () {
      const sent: Array<string> = []
      const { wire } = yield* setup({ incoming: true, slow: false }, (text) =>
        Effect.zipRight(
          text.startsWith("slow") ? Effect.sleep("1 second") : Effect.void,
          Effect.sync(() => sent.push(text))
        )
      )
      for (const text of ["a", "slow b", "c", "slow d", "e"]) wire.send(text)
      expect(sent).toEqual(["a"])
      yield* TestClock.adjust("1 second")
      expect(sent).toEqual(["a", "slow b", "c"])
      wire.send("f")
      yield* TestClock.adjust("1 second")
      expect(sent).toEqual(["a", "slow b", "c", "slow d", "e", "f"])
    })
  )

  it.scoped("offers frames first where it can, and keeps their order where it has to wait", () =>
    Effect.gen(function* () {
      const fibers = new Fibers(yield* Effect.runtime<never>())
      const sent: Array<string> = []
      const isSlow = (text: string) => text.startsWith("slow")
      const connection: Connection = {
        receive: new Arrived().receive,
        send: sending(
          (text) =>
            Effect.delay(
              Effect.sync(() => sent.push(`${text} sent`)),
              "1 second"
            ),
          (text) => !isSlow(text) && sent.push(text) > 0
        )
      }
      const wire = new Wire(connection, codec(false), fibers, () => {})
      for (const text of ["a", "b", "slow c", "d"]) wire.send(text)
      expect(sent).toEqual(["a", "b"])
      yield* TestClock.adjust("1 second")
      expect(sent).toEqual(["a", "b", "slow c sent", "d"])
    })
  )

  it.scoped.each(kinds)(
    "what cannot be sent ends it, unless the node still speaks [$incoming $slow]",
    (kind) =>
      Effect.gen(function* () {
        const fails = yield* Deferred.make<void, TransportError>()
        const { arrived, told, wire } = yield* setup(kind, () => Deferred.await(fails))
        wire.send("a")
        wire.send("b")
        yield* Deferred.fail(fails, gone)
        yield* TestClock.adjust("4 seconds")
        arrived.offer("1")
        yield* TestClock.adjust("4 seconds")
        expect(idsOf(told)).toEqual([1])
        yield* TestClock.adjust("6 seconds")
        expect(idsOf(told)).toEqual([1, "Disconnected"])
      })
  )

  it.scoped("a codec that breaks ends it typed", () =>
    Effect.gen(function* () {
      const fibers = new Fibers(yield* Effect.runtime<never>())
      const arrived = new Arrived()
      const told: Array<ClientEvent> = []
      const broken: CodecService = {
        ...codec(false),
        decodeNodeFrame: () => Effect.die("a bug in the codec")
      }
      const wire = new Wire({ send: () => Effect.void, receive: arrived.receive }, broken, fibers, (event) =>
        told.push(event)
      )
      wire.open()
      arrived.offer("1")
      yield* settle
      expect(told).toMatchObject([
        { _tag: "Disconnected", error: { _tag: "TransportError", reason: "connection_lost" } }
      ])
    })
  )
})
