/**
 * Where updates are measured: a node with its chain and its WebSocket server, and couples of parties that open channels
 * there, all in this process.
 */
import * as Channels from "@aechannel/core/client/Channel"
import type { Channel } from "@aechannel/core/client/Channel"
import { Crypto, type CryptoService } from "@aechannel/core/crypto/Crypto"
import * as Hash from "@aechannel/core/crypto/Hash"
import * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as InMemoryTransport from "@aechannel/core/node/InMemoryTransport"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import type { ChannelTerms, Role } from "@aechannel/core/protocol/OpenParameters"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Signer from "@aechannel/core/services/Signer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { digest } from "../../core/bench/Fixtures.js"
import * as NativeCrypto from "../src/NativeCrypto.js"
import * as NodeServer from "../src/NodeServer.js"
import * as WebSocketTransport from "../src/WebSocketTransport.js"

export const networkId = "ae_dev"

/** Initiator and responder of one channel. */
export type Couple = readonly [initiator: KeyPair.KeyPair, responder: KeyPair.KeyPair]

/** The two parties with this number. */
export const coupleOf = (index: number): Couple => {
  const crypto = NativeCrypto.make()
  const party = (role: Role) => KeyPair.fromSeed(crypto, digest(`${role} ${index}`))
  return [party("initiator"), party("responder")]
}

/** What a couple agrees on; amounts that the JavaScript SDK, which has them as numbers, can write in digits. */
export const termsOf = ([initiator, responder]: Couple): ChannelTerms => ({
  initiatorId: initiator.address,
  responderId: responder.address,
  initiatorAmount: 10n ** 15n,
  responderAmount: 10n ** 15n,
  pushAmount: 0n,
  channelReserve: 0n,
  lockPeriod: 10
})

export const port = 13_179

/** How often signatures were made and verified, by clients and node together. */
export interface Calls {
  readonly sign: number
  readonly verify: number
}

export type Way = "in memory" | "over WebSocket"

/** Makes the cryptography of one party: what one of them remembers, another does not know. */
export type Cryptography = () => CryptoService

export interface World {
  readonly cryptography: Cryptography
  /** Of the channel WebSocket. */
  readonly url: string
  readonly calls: () => Calls
  /** Opens a channel with both parties on this library. */
  readonly open: (
    way: Way,
    couple: Couple
  ) => Effect.Effect<readonly [initiator: Channel, responder: Channel], never, Scope.Scope>
}

const counting = (make: Cryptography) => {
  const calls = { sign: 0, verify: 0 }
  const counted: Cryptography = () => {
    const crypto = make()
    return {
      ...crypto,
      sign: (message, secretKey) => {
        calls.sign++
        return crypto.sign(message, secretKey)
      },
      verify: (signature, message, publicKey) => {
        calls.verify++
        return crypto.verify(signature, message, publicKey)
      }
    }
  }
  return { calls, counted }
}

/** A world in which these couples have money; it ends with the scope. */
export const make = (
  cryptography: Cryptography,
  couples: ReadonlyArray<Couple>
): Effect.Effect<World, never, Scope.Scope> =>
  Effect.gen(function* () {
    yield* cryptography === NativeCrypto.make
      ? NativeCrypto.accelerateHashes
      : Effect.orDie(Hash.accelerate(Hash.portable))
    const { calls, counted } = counting(cryptography)
    const servicesOfParty = () => Layer.merge(Layer.sync(Crypto, counted), JsonRpcSignedTx.layer)
    const node = ChannelNode.layer({
      ledger: Ledger.make({
        networkId,
        accounts: couples.flat().map(({ address }) => ({ address, balance: 10n ** 24n }))
      })
    })
    const inside = yield* Layer.build(
      Layer.merge(InMemoryTransport.layer, NodeServer.layer({ port: 0 })).pipe(
        Layer.provide(node),
        Layer.provide(servicesOfParty()),
        Layer.orDie
      )
    )
    const { url } = yield* Effect.provide(NodeServer.NodeServer, inside)
    const outside = yield* Layer.build(WebSocketTransport.layerNode({ url }))
    const transports = { "in memory": inside, "over WebSocket": outside }

    const openAs = (role: Role, key: KeyPair.KeyPair, couple: Couple, way: Way) =>
      Channels.open({ ...termsOf(couple), role, networkId, host: "localhost", port }).pipe(
        Effect.provide(transports[way]),
        Effect.provide([
          Signer.layerKeyPair(key, networkId),
          ProposalPolicy.acceptAll,
          ChannelStore.layerMemory
        ]),
        Effect.provide(servicesOfParty()),
        Effect.orDie
      )
    return {
      cryptography,
      url,
      calls: () => ({ ...calls }),
      open: (way, couple) =>
        Effect.all(
          [openAs("initiator", couple[0], couple, way), openAs("responder", couple[1], couple, way)],
          { concurrency: 2 }
        )
    }
  })
