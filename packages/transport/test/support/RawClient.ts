/** A bare WebSocket client whose frames are taken one by one. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import WebSocket from "ws"

export interface RawClient {
  readonly send: (text: string) => void
  /** The next frame; rejects when the socket closes first or nothing comes within the patience of a test. */
  readonly next: () => Promise<string>
  /** What came before the socket closed and nobody took. */
  readonly rest: () => Promise<ReadonlyArray<string>>
}

const patience = 10_000

const connect = (url: string): Effect.Effect<RawClient, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{ readonly client: RawClient; readonly socket: WebSocket }>((resolve, reject) => {
          const socket = new WebSocket(url)
          const frames: Array<string> = []
          const waiting: Array<{
            readonly take: (frame: string) => void
            readonly fail: (error: Error) => void
          }> = []
          let closed: number | undefined
          const onClosed: Array<() => void> = []
          socket.on("message", (data) => {
            const frame = String(data)
            const waiter = waiting.shift()
            if (waiter === undefined) frames.push(frame)
            else waiter.take(frame)
          })
          socket.on("close", (code) => {
            closed = code
            for (const waiter of waiting)
              waiter.fail(new Error(`closed with ${code} while a frame was awaited`))
            for (const notify of onClosed) notify()
          })
          const client: RawClient = {
            send: (text) => socket.send(text),
            next: () =>
              new Promise((take, fail) => {
                const frame = frames.shift()
                if (frame !== undefined) return take(frame)
                if (closed !== undefined)
                  return fail(new Error(`closed with ${closed} while a frame was awaited`))
                const timer = setTimeout(() => fail(new Error("no frame came")), patience)
                waiting.push({
                  take: (value) => {
                    clearTimeout(timer)
                    take(value)
                  },
                  fail: (error) => {
                    clearTimeout(timer)
                    fail(error)
                  }
                })
              }),
            rest: () =>
              new Promise((done, fail) => {
                if (closed !== undefined) return done(frames)
                const timer = setTimeout(() => fail(new Error("the socket was not closed")), patience)
                onClosed.push(() => {
                  clearTimeout(timer)
                  done(frames)
                })
              })
          }
          socket.once("open", () => resolve({ client, socket }))
          socket.once("error", reject)
        })
    ),
    ({ socket }) => Effect.sync(() => socket.terminate())
  ).pipe(Effect.map(({ client }) => client))

export const RawClient = { connect }
