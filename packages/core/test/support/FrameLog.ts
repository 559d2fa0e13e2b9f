/** What passed on one socket, frame by frame, each in short, and the socket's end. */
import * as Json from "../../src/encoding/Json.js"
import { Transport, type TransportService, layerTapped } from "../../src/services/Transport.js"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import { at } from "./RawClient.js"

const text = (json: Json.Json | undefined): string =>
  typeof json === "string" || typeof json === "number" ? String(json) : ""

/** `> deposit` and `> deposit_tx error 4` from the client, `sign.deposit_tx`, `info closing`, `ok`, … from the node. */
export const labelOf = (direction: "in" | "out", frame: Json.Json): string => {
  const method = text(at(frame, "method")).replace("channels.", "")
  if (direction === "out") {
    const code = at(frame, "params", "error")
    if (code !== undefined) return `> ${method} error ${text(code)}`
    return at(frame, "params", "action") === "stop" ? `> ${method} stop` : `> ${method}`
  }
  if (method === "") {
    const data = at(frame, "error", "data")
    const codes = Array.isArray(data) ? data.map((each: Json.Json) => ` ${text(at(each, "code"))}`) : []
    if (at(frame, "error") !== undefined) return `error ${text(at(frame, "error", "code"))}${codes.join("")}`
    return at(frame, "result") === "ok" ? "ok" : "result"
  }
  const data = (key: string): string => text(at(frame, "params", "data", key))
  switch (method) {
    case "info":
      return `info ${data("event")}`
    case "on_chain_tx":
      return `on_chain_tx ${data("info")} ${data("type")}`
    case "conflict":
      return `conflict ${data("error_code")}`
    default:
      return method
  }
}

export class FrameLog {
  lines: Array<string> = []
  private readonly frames: Array<Json.Json> = []
  private waiting: Array<{ readonly is: () => boolean; readonly done: Deferred.Deferred<void> }> = []

  add(line: string, frame?: Json.Json): void {
    this.lines.push(line)
    if (frame !== undefined) this.frames.push(frame)
    this.waiting = this.waiting.filter(({ done, is }) => {
      if (!is()) return true
      Deferred.unsafeDone(done, Effect.void)
      return false
    })
  }

  /** From now on only what comes. */
  clear(): void {
    this.lines = []
  }

  /** The frames that have come ever, the latest first, that are called so. */
  seen(...names: ReadonlyArray<string>): ReadonlyArray<Json.Json> {
    return this.frames
      .filter((frame) => names.some((name) => labelOf("in", frame).startsWith(name)))
      .reverse()
  }

  /** Until the log is as told. */
  until(is: (lines: ReadonlyArray<string>) => boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (is(this.lines)) return Effect.void
      const done = Deferred.unsafeMake<void>(FiberId.none)
      this.waiting.push({ is: () => is(this.lines), done })
      return Deferred.await(done)
    })
  }

  /** Until this line is there, or so many lines. */
  reaches(line: string | number): Effect.Effect<void> {
    return this.until((lines) => (typeof line === "number" ? lines.length >= line : lines.includes(line)))
  }
}

/** A transport that keeps a log. */
export const layerLogged = (log: FrameLog): Layer.Layer<Transport, never, Transport> =>
  Layer.effect(
    Transport,
    Effect.map(
      Transport,
      (transport): TransportService => ({
        connect: (query) =>
          Effect.map(transport.connect(query), (connection) => ({
            send: connection.send,
            receive: Effect.tapError(connection.receive, ({ closeCode }) =>
              Effect.sync(() => log.add(`close ${closeCode ?? "without a code"}`))
            )
          }))
      })
    )
  ).pipe(
    Layer.provideMerge(
      layerTapped(({ direction, text: frame }) =>
        Effect.sync(() => {
          const json = Json.parseOrThrow(frame)
          log.add(labelOf(direction, json), direction === "in" ? json : undefined)
        })
      )
    )
  )
