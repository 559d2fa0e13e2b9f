/** A party made of a bare socket: it sends whatever it is told, keeps every frame, and signs only when told to. */
import type { KeyPair } from "@aechannel/core/crypto/KeyPair"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Json from "@aechannel/core/encoding/Json"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import WebSocket from "ws"
import { networkId } from "../../../../core/test/support/NodeUnderTest.js"
import { at, name } from "../../../../core/test/support/RawClient.js"
import * as TestCrypto from "../../../../core/test/support/TestCrypto.js"

const patience = 5000

/** A frame in a few words: its name, and what of it counts here. */
export const inShort = (frame: Json.Json): string => {
  if (Json.isArray(frame)) return `[${frame.map(inShort).join(", ")}]`
  const codes = [at(frame, "error", "code")]
  const data = at(frame, "error", "data")
  if (Json.isArray(data)) codes.push(...data.map((entry) => at(entry, "code")))
  switch (name(frame)) {
    case "error":
      return `error ${codes.join(" ")}`
    case "conflict":
      return `conflict ${String(at(frame, "params", "data", "error_code"))}`
    case "result":
      return `result ${Json.stringify(at(frame, "result") ?? null)}`
    default:
      return name(frame)
  }
}

export class Party {
  /** Every frame, parsed. */
  readonly log: Array<Json.Json> = []
  /** The close code, when there is one. */
  readonly closed: Promise<number>
  private taken = 0
  private wake = (): void => {}
  private fences = 0
  private code: number | undefined

  constructor(
    readonly socket: WebSocket,
    readonly keyPair: KeyPair
  ) {
    socket.on("message", (data) => {
      this.log.push(Json.parseOrThrow(data.toString()))
      this.wake()
    })
    socket.on("error", () => {})
    this.closed = new Promise((done) =>
      socket.on("close", (code) => {
        this.code = code
        this.wake()
        done(code)
      })
    )
  }

  send(frame: string | Uint8Array): void {
    this.socket.send(frame)
  }

  call(method: string, params: Json.Json, id?: Json.Json): void {
    const request = { jsonrpc: "2.0", method: `channels.${method}`, params }
    this.send(Json.stringify(id === undefined ? request : { ...request, id }))
  }

  /** The next frame. Waits no longer than a test's patience. */
  async next(): Promise<Json.Json> {
    const frame = this.log[this.taken]
    if (frame !== undefined) {
      this.taken += 1
      return frame
    }
    if (this.code !== undefined) throw new Error(`closed with ${this.code} where a frame was awaited`)
    let timer: ReturnType<typeof setTimeout> | undefined
    await new Promise<void>((done, fail) => {
      this.wake = done
      timer = setTimeout(
        () => fail(new Error(`no frame came after ${this.log.map(inShort).join("; ")}`)),
        patience
      )
    })
    clearTimeout(timer)
    return this.next()
  }

  /** All that came before the answer to a ping sent now: when it is here, whatever was sent before has been dealt with. */
  async settled(): Promise<ReadonlyArray<Json.Json>> {
    this.fences += 1
    const fence = `fence ${this.fences}`
    this.call("system", { action: "ping" }, fence)
    const frames: Array<Json.Json> = []
    for (;;) {
      const frame = await this.next()
      if (at(frame, "id") === fence) return frames
      frames.push(frame)
    }
  }

  /** The transaction of a signing request. */
  asked(frame: Json.Json): SignedTx.SignedTx {
    const text = at(frame, "params", "data", "signed_tx")
    if (typeof text !== "string") throw new Error(`no signing request: ${inShort(frame)}`)
    return SignedTx.fromTextOrThrow(text)
  }

  signed(tx: SignedTx.SignedTx, keyPair: KeyPair = this.keyPair, network = networkId): SignedTx.SignedTx {
    return SignedTx.sign(tx, keyPair, { networkId: network, crypto: TestCrypto.native })
  }

  private answer(frame: Json.Json): void {
    const it = name(frame)
    if (!it.startsWith("sign.")) return
    this.call(it.slice("sign.".length), { signed_tx: SignedTx.toText(this.signed(this.asked(frame))) })
  }

  /** Reads up to a frame of this name; signs what is asked before it. */
  async until(wanted: string): Promise<Json.Json> {
    for (;;) {
      const frame = await this.next()
      if (name(frame) === wanted) return frame
      this.answer(frame)
    }
  }

  /** Signs what is asked until the socket closes; gives the close code. */
  async end(): Promise<number> {
    const ended = this.closed.then((code) => ({ code }))
    for (;;) {
      const frame = await Promise.race([
        ended,
        this.next().then(
          (json) => ({ json }),
          () => ended
        )
      ])
      if ("code" in frame) return frame.code
      this.answer(frame.json)
    }
  }
}

/** Connects; ends when the socket is open. */
export const connect = (url: string, keyPair: KeyPair): Effect.Effect<Party, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<Party>((done, fail) => {
          const socket = new WebSocket(url, { perMessageDeflate: false })
          const party = new Party(socket, keyPair)
          socket.once("open", () => done(party))
          socket.once("error", fail)
        })
    ),
    ({ socket }) => Effect.sync(() => socket.terminate())
  )
