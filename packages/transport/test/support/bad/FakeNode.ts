/**
 * A scripted node behind a real WebSocket server. Besides what its script says it can send bytes, cut the connection
 * and close it with any code; and what is on the wire below WebSocket frames.
 */
import type * as Channel from "@aechannel/core/client/Channel"
import type { ChannelError } from "@aechannel/core/client/ChannelEvent"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import { Transport } from "@aechannel/core/services/Transport"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { WebSocket, WebSocketServer } from "ws"
import * as Core from "@aechannel/core/client/Channel"
import { layerParty, options, type Party } from "../../../../core/test/client/support/Parties.js"
import {
  channelId,
  createTx,
  initiator,
  keysOf,
  responder,
  ScriptedNode,
  signedBy
} from "../../../../core/test/client/support/ScriptedNode.js"
import * as SignedTx from "@aechannel/core/chain/SignedTx"

export class FakeNode {
  readonly script = new ScriptedNode()
  private ws: WebSocket | undefined
  private tcp: Duplex | undefined

  constructor(readonly url: string) {}

  attach(ws: WebSocket, tcp: Duplex): void {
    this.ws = ws
    this.tcp = tcp
  }

  /** A frame with this text, or with these bytes. */
  send(frame: string | Uint8Array): void {
    this.ws?.send(frame)
  }

  /** Bytes that are no frame of `ws`. */
  write(bytes: Uint8Array): void {
    this.tcp?.write(bytes)
  }

  close(code?: number): void {
    this.ws?.close(code)
  }

  /** Ends the TCP connection without a close frame. */
  cut(): void {
    this.tcp?.destroy()
  }
}

/** Listens; everything ends with the scope. */
export const make: Effect.Effect<FakeNode, never, Scope.Scope> = Effect.gen(function* () {
  const run = yield* FiberSet.makeRuntime<never>()
  const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  const server = Http.createServer()
  const url = yield* Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<string>((done) =>
          server.listen(0, "127.0.0.1", () =>
            done(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/channel`)
          )
        )
    ),
    () =>
      Effect.sync(() => {
        for (const client of upgrades.clients) client.terminate()
        server.close()
        server.closeAllConnections()
      })
  )
  const node = new FakeNode(url)
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => {})
    upgrades.handleUpgrade(request, socket, head, (ws) => {
      node.attach(ws, socket)
      ws.on("error", () => {})
      const query = (request.url ?? "").split("?")[1] ?? ""
      const serve = Effect.gen(function* () {
        const { receive, send } = yield* Effect.flatMap(Transport, (transport) => transport.connect(query))
        ws.on("message", (data) => void run(Effect.ignore(send(data.toString()))))
        yield* Effect.forever(Effect.flatMap(receive, (text) => Effect.sync(() => ws.send(text))))
      })
      run(serve.pipe(Effect.scoped, Effect.provide(node.script.layer), Effect.ignore))
    })
  })
  return node
})

export interface Connected {
  readonly node: FakeNode
  readonly opening: Channel.OpeningChannel
  readonly role: Role
}

/** A client of ours that is connected to a fake node, which has said nothing yet. */
export const connected = (
  role: Role,
  party: Party = {}
): Effect.Effect<Connected, ChannelError, Scope.Scope> =>
  Effect.gen(function* () {
    const node = yield* make
    const opening = yield* Core.connect(options(role, party.changes)).pipe(
      Effect.provide(layerParty(role, party)),
      Effect.provide(WebSocketTransport.layerNode({ url: node.url }))
    )
    return { node, opening, role }
  })

/** Says what a good node says up to the signing request of the create transaction. */
export const asksCreate = ({ node: { script }, role }: Connected): void => {
  script.info("fsm_up")
  if (role === "initiator") {
    script.info("channel_accept")
    script.ask("initiator_sign", SignedTx.unsigned(createTx()))
  } else {
    script.info("channel_open")
    script.info("funding_created")
    script.ask("responder_sign", signedBy(createTx(), [keysOf(role).peer]))
  }
}

export interface Opened extends Connected {
  readonly channel: Channel.Channel
}

/** Opens the channel as a good node does. */
export const opens = (it: Connected): Effect.Effect<Opened, ChannelError> =>
  Effect.gen(function* () {
    const { node, opening, role } = it
    asksCreate(it)
    node.script.reply(yield* node.script.expect(`${role}_sign`), "ok")
    const state = signedBy(createTx(), [initiator, responder])
    node.script.channelId = channelId
    node.script.say({ _tag: "OnChainTx", info: "channel_changed", type: "channel_create_tx", tx: state })
    node.script.info("own_funding_locked")
    node.script.info("funding_locked")
    node.script.info("open")
    node.script.say({ _tag: "StateUpdate", state })
    return { ...it, channel: yield* opening.opened }
  })

export const opened = (role: Role, party?: Party): Effect.Effect<Opened, ChannelError, Scope.Scope> =>
  Effect.flatMap(connected(role, party), opens)
