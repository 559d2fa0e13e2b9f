/**
 * A client without a library: JSON in, JSON out, and a key. It keeps a log of every frame, and signs what it is asked
 * to sign.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as SignedTx from "../../src/chain/SignedTx.js"
import type { CryptoService } from "../../src/crypto/Crypto.js"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import * as Json from "../../src/encoding/Json.js"
import type { TransportError } from "../../src/protocol/Errors.js"
import { type Connection, Transport } from "../../src/services/Transport.js"

export interface Frame {
  readonly [key: string]: Json.Json
}

const isObject = (json: Json.Json | undefined): json is { readonly [key: string]: Json.Json } =>
  typeof json === "object" && json !== null && !Array.isArray(json)

/** The value at a path, `undefined` where there is none. */
export const at = (json: Json.Json | undefined, ...path: ReadonlyArray<string>): Json.Json | undefined =>
  path.reduce<Json.Json | undefined>((here, key) => (isObject(here) ? here[key] : undefined), json)

/** `info fsm_up`, `sign.update`, `on_chain_tx channel_changed`, `update`, `result`, `error`: a frame in short. */
export const name = (frame: Json.Json): string => {
  const method = at(frame, "method")
  if (typeof method !== "string") return at(frame, "error") === undefined ? "result" : "error"
  const short = method.replace(/^channels\./, "")
  const kind = at(frame, "params", "data", "event") ?? at(frame, "params", "data", "info")
  return (short === "info" || short === "on_chain_tx") && typeof kind === "string"
    ? `${short} ${kind}`
    : short
}

/** The method with which a signing request is answered. */
const replies: Readonly<Record<string, string>> = {
  initiator_sign: "initiator_sign",
  responder_sign: "responder_sign",
  update: "update",
  update_ack: "update_ack",
  shutdown_sign: "shutdown_sign",
  shutdown_sign_ack: "shutdown_sign_ack"
}

export class RawClient {
  /** Every frame received, as text. */
  readonly texts: Array<string> = []

  constructor(
    readonly connection: Connection,
    readonly keyPair: KeyPair,
    private readonly crypto: CryptoService,
    private readonly networkId: string
  ) {}

  get names(): ReadonlyArray<string> {
    return this.texts.map((text) => name(Json.parseOrThrow(text)))
  }

  send(method: string, params: Json.Json = {}, id?: Json.Json): Effect.Effect<void, TransportError> {
    return this.connection.send(
      Json.stringify({
        jsonrpc: "2.0",
        method: `channels.${method}`,
        params,
        ...(id === undefined ? {} : { id })
      })
    )
  }

  /** The next frame as it comes. */
  readonly next: Effect.Effect<Json.Json, TransportError> = Effect.suspend(() =>
    Effect.map(this.connection.receive, (text) => {
      this.texts.push(text)
      return Json.parseOrThrow(text)
    })
  )

  /** Answers a signing request with a signature. */
  sign(frame: Json.Json): Effect.Effect<void, TransportError> {
    const tag = name(frame).replace("sign.", "")
    const text = at(frame, "params", "data", "signed_tx")
    if (typeof text !== "string") throw new Error(`no signed_tx in ${Json.stringify(frame)}`)
    const signed = SignedTx.sign(SignedTx.fromTextOrThrow(text), this.keyPair, {
      networkId: this.networkId,
      crypto: this.crypto
    })
    return this.send(replies[tag] ?? tag, { signed_tx: SignedTx.toText(signed) })
  }

  /** Reads and signs until a frame of this name has come; gives that frame. */
  until(wanted: string): Effect.Effect<Json.Json, TransportError> {
    return Effect.flatMap(this.next, (frame) => {
      const it = name(frame)
      const onward = it === wanted ? Effect.succeed(frame) : this.until(wanted)
      return it.startsWith("sign.") ? Effect.zipRight(this.sign(frame), onward) : onward
    })
  }

  /** Reads and signs until the connection ends; gives how it ended. */
  get end(): Effect.Effect<TransportError> {
    return Effect.flip(
      Effect.forever(
        Effect.flatMap(this.next, (frame) =>
          name(frame).startsWith("sign.") ? this.sign(frame) : Effect.void
        )
      )
    )
  }
}

export const connect = (
  query: string,
  keyPair: KeyPair,
  crypto: CryptoService,
  networkId: string
): Effect.Effect<RawClient, TransportError, Transport | Scope.Scope> =>
  Effect.gen(function* () {
    const transport = yield* Transport
    return new RawClient(yield* transport.connect(query), keyPair, crypto, networkId)
  })
