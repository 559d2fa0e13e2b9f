/** A party that sends its peer long messages at a steady rate, and a peer that reads them, or does not. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { performance } from "node:perf_hooks"
import type { Pair, Parties } from "./Crowd.js"
import { textOf } from "./Watch.js"

export interface FloodOptions {
  readonly pair: Pair
  readonly parties: Parties
  readonly index: number
  /** Bytes a second; as fast as it goes unless given. */
  readonly rate?: number
  readonly isOver: () => boolean
  /** Whether the node still has the responder's socket. */
  readonly isConnected: Effect.Effect<boolean>
}

export interface Flooded {
  /** What the initiator sent, in bytes. */
  readonly bytes: number
  /** What it had sent when the node had cut the responder off. */
  readonly cutAfter: number | undefined
}

/** The most that a message may hold is 65,000 bytes. */
const size = 64_000

/** Messages that are under way at a time. */
const batch = Array.from({ length: 16 }, (_, index) => index)

/** Sends until it is over, or until the responder is cut off. */
export const flood = ({
  index,
  isConnected,
  isOver,
  pair,
  parties: [initiator],
  rate
}: FloodOptions): Effect.Effect<Flooded> =>
  Effect.gen(function* () {
    const begin = performance.now()
    const text = textOf(index, "x".repeat(size))
    let bytes = 0
    let looked = begin
    while (!isOver()) {
      yield* Effect.forEach(batch, () => initiator.sendMessage(text), {
        concurrency: "unbounded",
        discard: true
      })
      bytes += batch.length * text.length
      const now = performance.now()
      if (now - looked > 100) {
        looked = now
        // A node lets go of who sends no byte for a minute. Also who reads nothing can send.
        pair.sockets[1]?.()?.ping()
        if (!(yield* isConnected)) return { bytes, cutAfter: bytes }
      }
      if (rate === undefined) continue
      const ahead = begin + (bytes / rate) * 1000 - now
      if (ahead > 0) yield* Effect.sleep(Duration.millis(ahead))
    }
    return { bytes, cutAfter: undefined }
  }).pipe(Effect.orDie)

/** The same while the responder reads nothing; it comes back afterwards. */
export const floodUnread = (options: FloodOptions): Effect.Effect<Flooded> =>
  Effect.suspend(() => {
    const socket = options.pair.sockets[1]?.()
    socket?.pause()
    return Effect.tap(flood(options), () => {
      socket?.terminate()
      return Effect.orDie(options.parties[1].reconnect)
    })
  })
