/** A session of two clients of ours that passes through a recording proxy on its way to a node of ours. */
import * as Channels from "@aechannel/core/client/Channel"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Signer from "@aechannel/core/services/Signer"
import { Transport } from "@aechannel/core/services/Transport"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as NodeHttp from "@aechannel/transport/NodeHttp"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import { Effect, Layer, Redacted } from "effect"
import * as Program from "../src/record/Program.js"

export const networkId = "ae_dev"
const crypto = NativeCrypto.make()
const keyOf = (byte: number) => KeyPair.fromSeed(crypto, new Uint8Array(32).fill(byte))
const keys: Readonly<Record<Role, KeyPair.KeyPair>> = { initiator: keyOf(1), responder: keyOf(2) }
export const faucet = keyOf(3)

const ae = 10n ** 18n

/** A node of ours on free ports, with three accounts. */
export const nodeLayer = Layer.mergeAll(NodeServer.layer({ port: 0 }), NodeHttp.layer({ port: 0 })).pipe(
  Layer.provideMerge(
    ChannelNode.layer({
      ledger: Ledger.make({
        networkId,
        accounts: [keys.initiator, keys.responder, faucet].map(({ address }) => ({
          address,
          balance: 1000n * ae
        }))
      })
    })
  ),
  Layer.provideMerge(Layer.merge(NativeCrypto.layer, JsonRpcSignedTx.layer))
)

/**
 * Opens, pays, talks, deposits, declines, leaves, comes back and closes, through the proxy; gives the fsm ids that were
 * used.
 */
export const session = (out: string) =>
  Effect.gen(function* () {
    const { url: to } = yield* NodeServer.NodeServer
    const { url } = yield* Program.make({ listen: 0, to, out })
    const transport = yield* Effect.provide(WebSocketTransport.make({ url }), WebSocketTransport.layerWs)
    const stores = { initiator: yield* ChannelStore.makeMemory, responder: yield* ChannelStore.makeMemory }
    const party = (role: Role) =>
      Layer.mergeAll(
        Layer.succeed(Transport, transport),
        Layer.succeed(ChannelStore.ChannelStore, stores[role]),
        Signer.layerKeyPair(keys[role], networkId),
        // What is worth exactly 13 brings bad luck.
        ProposalPolicy.make(({ updates }) =>
          updates.some((update) => "amount" in update && update.amount === 13n)
            ? ProposalPolicy.decline(777)
            : ProposalPolicy.accept
        )
      )
    const open = (role: Role) =>
      Channels.open({
        role,
        networkId,
        ...(role === "initiator" ? { host: "localhost" } : {}),
        port: 3333,
        initiatorId: keys.initiator.address,
        responderId: keys.responder.address,
        initiatorAmount: 10n * ae,
        responderAmount: 10n * ae,
        pushAmount: 0n,
        channelReserve: 2n,
        lockPeriod: 10
      }).pipe(Effect.provide(party(role)))
    const both = <A, E, R>(f: (role: Role) => Effect.Effect<A, E, R>) =>
      Effect.all({ initiator: f("initiator"), responder: f("responder") }, { concurrency: 2 })
    const secrets: Array<string> = []

    yield* Effect.scoped(
      Effect.gen(function* () {
        const { initiator, responder } = yield* both(open)
        yield* initiator.transfer({ amount: 5n })
        yield* responder.sendMessage("thanks")
        yield* responder.ping
        yield* Effect.flip(initiator.transfer({ amount: 13n }))
        yield* responder.deposit({ amount: 7n })
        yield* responder.transfer({ amount: 2n })
        for (const { fsmId } of [initiator, responder]) {
          const id = yield* fsmId
          if (id !== undefined) secrets.push(Redacted.value(id))
        }
        const { channelId } = yield* initiator.latest.get
        yield* initiator.leave
        const back = yield* Channels.resume({ role: "initiator", networkId, channelId }).pipe(
          Effect.provide(party("initiator"))
        )
        yield* back.transfer({ amount: 1n })
        const id = yield* back.fsmId
        if (id !== undefined) secrets.push(Redacted.value(id))
        yield* back.shutdown()
      })
    )
    return secrets
  }).pipe(Effect.scoped)
