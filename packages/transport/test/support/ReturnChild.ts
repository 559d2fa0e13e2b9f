/**
 * A client in a process of its own, with its store on disk: opens a channel or comes back to it, waits for the peer's
 * message and transfer, begins a transfer or answers one, and kills itself at a given write, send or receive. Says in
 * lines what happens; a line is out when the call that wrote it returns.
 */
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import * as Channel from "@aechannel/core/client/Channel"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as Hash from "@aechannel/core/crypto/Hash"
import * as ApiEncoding from "@aechannel/core/encoding/ApiEncoding"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import { ChannelStore, type ChannelStoreService } from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Signer from "@aechannel/core/services/Signer"
import { Transport, type Connection } from "@aechannel/core/services/Transport"
import { TestCrypto } from "@aechannel/core/testing"
import { Effect, Layer, Redacted, Stream } from "effect"
import * as fs from "node:fs"
import * as LmdbChannelStore from "../../src/LmdbChannelStore.js"
import * as NativeCrypto from "../../src/NativeCrypto.js"
import * as WebSocketTransport from "../../src/WebSocketTransport.js"
import { networkId, openOptions, partyOf } from "./ReturnParties.js"

const say = (...words: ReadonlyArray<string | number>): void => {
  fs.writeSync(1, `${words.join(" ")}\n`)
}

const [, , roleText, part, url = "", path = "", atText, channelId = ""] = process.argv
const role: Role = roleText === "initiator" ? "initiator" : "responder"
const at = Number(atText)

/** All processes of one party know it. */
const sealedWith = Redacted.make(Hash.sha256(new TextEncoder().encode(`store of the ${role}`)))

let counting = false
let boundaries = 0
const boundary = (name: string): Effect.Effect<void> =>
  Effect.sync(() => {
    if (!counting) return
    boundaries += 1
    if (boundaries !== at) return
    say("dies", name)
    process.kill(process.pid, "SIGKILL")
    for (;;);
  })

const around = <A, E>(what: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  boundary(`before ${what}`).pipe(Effect.zipRight(effect), Effect.zipLeft(boundary(`after ${what}`)))

const watchedStore = (store: ChannelStoreService): ChannelStoreService => ({
  ...store,
  write: (record, expected) => around("write", store.write(record, expected))
})

const watchedConnection = ({ receive, send }: Connection): Connection => ({
  send: (text) => around("send", send(text)),
  receive: Effect.zipLeft(receive, boundary("receive"))
})

const crypto = Layer.succeed(Crypto, TestCrypto.seeded(`${role} ${process.pid}`, NativeCrypto.make()))
const services = Layer.mergeAll(
  JsonRpcSignedTx.layer,
  ProposalPolicy.acceptAll,
  Signer.layerKeyPair(partyOf(role), networkId),
  Layer.effect(ChannelStore, Effect.map(LmdbChannelStore.make({ path, key: sealedWith }), watchedStore)).pipe(
    Layer.orDie
  ),
  Layer.effect(
    Transport,
    Effect.map(Transport, ({ connect }) => ({
      connect: (query: string) => Effect.map(connect(query), watchedConnection)
    }))
  ).pipe(Layer.provide(WebSocketTransport.layerNode({ url })))
).pipe(Layer.provideMerge(crypto))

const reaches = (channel: Channel.Channel, round: number) =>
  Stream.runHead(Stream.filter(channel.latest.changes, (state) => state.round >= round))

const program = Effect.gen(function* () {
  const channel =
    channelId === ""
      ? yield* Channel.open(openOptions(role))
      : yield* Channel.resume({ channelId: yield* ApiEncoding.parse("ch", channelId), role, networkId })
  say("up", channel.id)
  // What the last process sent may still have been on its way: the peer has waited for the end of it.
  yield* Stream.runHead(Stream.filter(channel.events, ({ _tag }) => _tag === "MessageReceived"))
  const { round, signedTx } = yield* channel.latest.get
  say("back", round, SignedTx.bodyHash(signedTx))
  // The peer's transfer shows that the channel goes on.
  yield* reaches(channel, round + 1)
  counting = true
  say("begins")
  if (part === "starter") yield* channel.transfer({ amount: 1n })
  else yield* reaches(channel, round + 2)
  counting = false
  say("lives", boundaries)
})

await Effect.runPromise(program.pipe(Effect.provide(services), Effect.scoped))
