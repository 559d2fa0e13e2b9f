/** Looks at every frame that a client gets: nothing in it may belong to somebody else. */
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as Socket from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as WS from "ws"
import type { Couple } from "../World.js"
import * as WebSocketTransport from "../../src/WebSocketTransport.js"
import type { Transport } from "@aechannel/core/services/Transport"

const tokens = /\b(?:ch|ba|ak|tx)_[A-Za-z0-9+/=]+/g
const mark = /pair (\d+) /g

/** What one client wants to be known by: its pair's number, and its socket while it has one. */
export interface Watched {
  readonly layer: Layer.Layer<Transport>
  /** The newest socket. */
  readonly socket: () => WS.WebSocket | undefined
}

/** The start of a text that a pair sends; whoever gets it must be of the same pair. */
export const textOf = (pair: number, rest: string): string => `pair ${pair} ${rest}`

export class Watch {
  frames = 0
  bytes = 0
  /** What came to the wrong client. */
  readonly wrong: Array<string> = []
  /** Ids of channels and of state machines, with the pair that saw them first. */
  private readonly owners = new Map<string, number>()
  private readonly channels = new Map<number, Array<Buffer>>()

  /** A client of the node at this URL. */
  client(url: string, pair: number, couple: Couple): Watched {
    let newest: WS.WebSocket | undefined
    const addresses = new Set<string>(couple.map(({ address }) => address))
    const keys = couple.map(({ publicKey }) => Buffer.from(publicKey))
    const constructor = Layer.effect(
      Socket.WebSocketConstructor,
      Effect.map(
        Socket.WebSocketConstructor,
        (construct) => (at: string, protocols?: string | Array<string>) => {
          const socket = construct(at, protocols)
          if (socket instanceof WS.WebSocket) {
            newest = socket
            socket.on("message", (data) => this.look(pair, addresses, keys, data.toString()))
          }
          return socket
        }
      )
    ).pipe(Layer.provide(WebSocketTransport.layerWs))
    return {
      layer: Layer.provide(WebSocketTransport.layer({ url }), constructor),
      socket: () => newest
    }
  }

  private look(
    pair: number,
    addresses: ReadonlySet<string>,
    keys: ReadonlyArray<Buffer>,
    text: string
  ): void {
    this.frames += 1
    this.bytes += text.length
    const foreign = (what: string): void => void this.wrong.push(`pair ${pair} got ${what}`)
    for (const [, number] of text.matchAll(mark)) if (Number(number) !== pair) foreign(`a text of ${number}`)
    const found = [...text.matchAll(tokens)].map(([token]) => token)
    for (const token of found) {
      if (token.startsWith("ak_")) {
        if (!addresses.has(token)) foreign(token)
      } else if (!token.startsWith("tx_")) this.claim(pair, token, foreign)
    }
    const known = [...keys, ...(this.channels.get(pair) ?? [])]
    for (const token of found) {
      if (!ApiEncoding.is("tx", token)) continue
      const bytes = Buffer.from(ApiEncoding.bytesOf(token))
      if (!known.some((needle) => bytes.includes(needle))) foreign(token)
    }
  }

  private claim(pair: number, token: string, foreign: (what: string) => void): void {
    const owner = this.owners.get(token)
    if (owner !== undefined) return owner === pair ? undefined : foreign(`${token}, of pair ${owner}`)
    this.owners.set(token, pair)
    if (!ApiEncoding.is("ch", token)) return
    const bytes = Buffer.from(ApiEncoding.bytesOf(token))
    this.channels.set(pair, [...(this.channels.get(pair) ?? []), bytes])
  }
}
