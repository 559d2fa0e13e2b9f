import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Fiber } from "effect"
import { TransportError } from "../../src/protocol/Errors.js"
import { Arrived, type Connection, incomingOf, offerOf, sending } from "../../src/services/Transport.js"

const gone = new TransportError({ reason: "connection_lost", operation: "receive", detail: "gone" })
const late = new TransportError({ reason: "closed_by_us", operation: "receive", detail: "late" })

describe("Arrived", () => {
  it.prop(
    "gives all frames in order, however they are taken",
    [FastCheck.array(FastCheck.constantFrom("offer", "poll", "receive"), { maxLength: 60 })],
    ([steps]) => {
      const arrived = new Arrived()
      const offered: Array<string> = []
      const taken: Array<string> = []
      const waiting: Array<Fiber.RuntimeFiber<string, TransportError>> = []
      for (const step of steps) {
        if (step === "offer") {
          const text = `frame ${offered.length}`
          offered.push(text)
          arrived.offer(text)
        } else if (step === "poll") {
          const next = arrived.poll()
          if (typeof next === "string") taken.push(next)
        } else {
          // Whoever waits and is interrupted loses nothing.
          const fiber = Effect.runFork(arrived.receive)
          const exit = fiber.unsafePoll()
          if (exit?._tag === "Success") taken.push(exit.value)
          else waiting.push(fiber)
          fiber.unsafeInterruptAsFork(fiber.id())
        }
      }
      for (let next = arrived.poll(); typeof next === "string"; next = arrived.poll()) taken.push(next)
      expect(taken).toEqual(offered)
    }
  )

  it.effect("wakes who waits, and gives what came before the end, then the end again and again", () =>
    Effect.gen(function* () {
      const arrived = new Arrived()
      const waiting = yield* Effect.fork(arrived.receive)
      yield* Effect.yieldNow()
      arrived.offer("first")
      arrived.offer("second")
      expect(yield* Fiber.join(waiting)).toBe("first")
      arrived.close(gone)
      arrived.close(late)
      arrived.offer("after the end")
      expect(yield* arrived.receive).toBe("second")
      expect(yield* Effect.flip(arrived.receive)).toBe(gone)
      expect(arrived.poll()).toBe(gone)
      const ended = new Arrived()
      const last = yield* Effect.fork(Effect.flip(ended.receive))
      yield* Effect.yieldNow()
      ended.close(gone)
      expect(yield* Fiber.join(last)).toBe(gone)
    })
  )

  it("tells its reader of every frame and of the end", () => {
    const arrived = new Arrived()
    let calls = 0
    arrived.onReadable(() => void calls++)
    arrived.offer("a")
    arrived.offer("b")
    arrived.close(gone)
    arrived.close(late)
    expect(calls).toBe(3)
  })
})

describe("a connection that is wrapped", () => {
  it("has no way past the wrapper", () => {
    const arrived = new Arrived()
    const plain: Connection = {
      send: sending(
        () => Effect.void,
        () => true
      ),
      receive: arrived.receive
    }
    expect([offerOf(plain)?.("a frame"), incomingOf(plain)]).toEqual([true, arrived])
    expect(offerOf({ ...plain })).toBe(offerOf(plain))
    expect(offerOf({ ...plain, send: (text) => plain.send(text) })).toBeUndefined()
    expect(incomingOf({ ...plain, receive: Effect.tap(plain.receive, Effect.log) })).toBeUndefined()
  })
})
