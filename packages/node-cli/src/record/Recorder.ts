/**
 * Recorded sessions in the making: one line of JSON for each thing that happens, without the secrets.
 *
 * @since 0.1.0
 */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Bytes from "@aechannel/core/encoding/Bytes"
import * as Hash from "@aechannel/core/crypto/Hash"
import * as Json from "@aechannel/core/encoding/Json"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

const secretText = /ba_[A-Za-z0-9+/=]+/g

/** In a URL the signs of base 64 are escaped. */
const secretInQuery = /(existing_fsm_id=)([^&]*)/g

/**
 * @since 0.1.0
 * @category models
 */
export class Recorder {
  private seq = 0
  private readonly standIns = new Map<string, string>()
  private readonly sockets = new Map<string, number>()

  /** `write` is given each line, without a line break; `now` tells the time in milliseconds. */
  constructor(
    private readonly write: (line: string) => void,
    private readonly now: () => number
  ) {}

  /** A client has opened a socket at this URL. What happens on it is told to what is returned. */
  open(url: string): SocketRecorder {
    const role = /[?&]role=responder(&|$)/.test(url) ? "responder" : "initiator"
    const conn = (this.sockets.get(role) ?? 0) + 1
    this.sockets.set(role, conn)
    const line = (kind: string, more: Json.JsonObject) =>
      this.write(
        Json.stringify({ seq: ++this.seq, who: role, conn, kind, ts: Math.round(this.now()), ...more })
      )
    line("open", { url: this.withoutSecretsIn(url) })
    const frame = (dir: "in" | "out") => (text: string) => line("frame", { dir, ...this.content(text) })
    return {
      sent: frame("out"),
      came: frame("in"),
      closed: (code) => line("close", code === undefined ? {} : { code }),
      refused: (status) => line("http", { status })
    }
  }

  private content(text: string): Json.JsonObject {
    return Either.match(Effect.runSync(Effect.either(Json.parse(text))), {
      onLeft: () => ({ text: text.replaceAll(secretText, (secret) => this.standIn(secret)) }),
      onRight: (json) => ({ msg: this.withoutSecrets(json) })
    })
  }

  private withoutSecrets(json: Json.Json): Json.Json {
    if (typeof json === "string") return json.startsWith("ba_") ? this.standIn(json) : json
    if (Json.isArray(json)) return json.map((item) => this.withoutSecrets(item))
    if (!Json.isObject(json)) return json
    return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, this.withoutSecrets(value)]))
  }

  private withoutSecretsIn(url: string): string {
    return url.replaceAll(secretInQuery, (_, name: string, value: string) => {
      const text = decoded(value)
      return `${name}${text.startsWith("ba_") ? encodeURIComponent(this.standIn(text)) : value}`
    })
  }

  /** The same one for the same secret; what is no id of 32 bytes is none, and stays. */
  private standIn(text: string): string {
    if (!ApiEncoding.is("ba", text) || ApiEncoding.bytesOf(text).length !== 32) return text
    const known = this.standIns.get(text)
    if (known !== undefined) return known
    const bytes = Hash.sha256(Bytes.utf8(`fsm id ${this.standIns.size + 1}`))
    const made = ApiEncoding.encode("ba", bytes)
    this.standIns.set(text, made)
    return made
  }
}

const decoded = (value: string): string => {
  try {
    return decodeURIComponent(value.replaceAll("+", " "))
  } catch {
    return value
  }
}

/**
 * What can happen on a socket.
 *
 * @since 0.1.0
 * @category models
 */
export interface SocketRecorder {
  readonly sent: (text: string) => void
  readonly came: (text: string) => void
  /** With the close code of the node; without one where the client went. */
  readonly closed: (code?: number) => void
  /** The node did not let the socket come into being. */
  readonly refused: (status: number) => void
}
