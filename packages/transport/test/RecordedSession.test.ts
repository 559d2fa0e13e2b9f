/**
 * The recorded session of the API document (open, messages, balances, aborted updates, stop), played against the
 * embedded node over real WebSockets, frame by frame.
 */
import type { KeyPair } from "@aechannel/core/crypto/KeyPair"
import * as SignedTx from "@aechannel/core/chain/SignedTx"
import { Crypto } from "@aechannel/core/crypto/Crypto"
import * as Keys from "@aechannel/core/crypto/KeyPair"
import * as Json from "@aechannel/core/encoding/Json"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import type { Connection } from "@aechannel/core/services/Transport"
import * as NativeCrypto from "@aechannel/transport/NativeCrypto"
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as WebSocketTransport from "@aechannel/transport/WebSocketTransport"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { acceptedDifferences, type AcceptedDifference, differences } from "./support/Comparison.js"
import {
  at,
  recordedAddresses,
  recordedChannelId,
  type Role,
  session
} from "../../core/test/support/RecordedSession.js"

const networkId = "ae_dev"
const roles: ReadonlyArray<Role> = ["initiator", "responder"]
const funds = 10n ** 18n

const keyPairs = Effect.map(Crypto, (crypto) => ({
  initiator: Keys.fromSeed(crypto, new Uint8Array(32).fill(1)),
  responder: Keys.fromSeed(crypto, new Uint8Array(32).fill(2))
}))

const layerFor = (accounts: Readonly<Record<Role, KeyPair>>) =>
  NodeServer.layer({ port: 0 }).pipe(
    Layer.provideMerge(
      ChannelNode.layer({
        ledger: Ledger.make({
          networkId,
          accounts: roles.map((role) => ({ address: accounts[role].address, balance: funds }))
        }),
        mining: { automatic: false, keyBlocksAfter: 0 },
        acceptDelay: "1 millis",
        // The recorded initiator asks to stop when its machine has just died: the socket must still be there.
        closeDelay: "300 millis"
      })
    ),
    Layer.provide(JsonRpcSignedTx.layer)
  )

it.scopedLive("the recorded session of the API document gives the same frames in the same order", () =>
  Effect.gen(function* () {
    const crypto = yield* Crypto
    const accounts = yield* keyPairs
    const met = new Set<AcceptedDifference>()
    const found: Array<string> = []
    let compared = 0

    yield* Effect.gen(function* () {
      const node = yield* ChannelNode.ChannelNode
      const { url } = yield* NodeServer.NodeServer
      const transport = yield* WebSocketTransport.make({ url })
      const clients: Partial<Record<Role, Connection>> = {}
      const names = {
        recorded: new Map<string, string>([
          ...roles.map((role) => [recordedAddresses[role], role] as const),
          [recordedChannelId, "channel"]
        ]),
        actual: new Map<string, string>(roles.map((role) => [accounts[role].address, role] as const))
      }
      /** The transaction last put before each party. */
      const toSign: Partial<Record<Role, SignedTx.SignedTx>> = {}
      let microBlocks = 0
      let keyBlocks = 0

      const substitute = (text: string): string =>
        roles.reduce(
          (result, role) => result.replaceAll(recordedAddresses[role], accounts[role].address),
          text
        )

      for (const line of session) {
        if (line.kind === "open") {
          clients[line.who] = yield* transport.connect(substitute(line.query))
          continue
        }
        const client = clients[line.who]
        if (client === undefined) throw new Error("the session speaks before it opens")
        switch (line.kind) {
          case "out": {
            const proposed = toSign[line.who]
            const signed =
              at(line.msg, "params", "signed_tx") !== undefined && proposed !== undefined
                ? SignedTx.toText(SignedTx.sign(proposed, accounts[line.who], { networkId, crypto }))
                : undefined
            const text = substitute(Json.stringify(line.msg))
            yield* client.send(signed === undefined ? text : text.replace(/tx_[^"]+/, signed))
            break
          }
          case "in": {
            // Blocks are made when the next line needs them.
            if (at(line.msg, "params", "data", "info") === "channel_changed" && microBlocks === 0) {
              microBlocks += 1
              yield* node.mineMicro
            }
            if (at(line.msg, "params", "data", "event") === "own_funding_locked" && keyBlocks === 0) {
              keyBlocks = 3
              yield* node.mine(keyBlocks)
            }
            const frame = yield* client.receive
            const actual = Json.parseOrThrow(frame)
            const proposal = at(actual, "params", "data", "signed_tx")
            if (typeof proposal === "string") toSign[line.who] = SignedTx.fromTextOrThrow(proposal)
            const channelId = at(actual, "params", "channel_id")
            if (typeof channelId === "string") names.actual.set(channelId, "channel")
            compared += 1
            found.push(
              ...differences(line.msg, actual, names, met).map(
                (difference) => `${line.who}, frame ${compared}: ${difference}`
              )
            )
            break
          }
          case "close":
            // Nothing is left to be said, and the node closes.
            expect(yield* Effect.flip(client.receive)).toMatchObject({ closeCode: 1000 })
        }
      }
    }).pipe(Effect.provide([layerFor(accounts), WebSocketTransport.layerWs]))

    console.log(
      `recorded session: ${compared} node frames compared; accepted differences met: ${[...met].join("; ")}`
    )
    expect(found).toEqual([])
    // Each accepted difference is really one: a row that is never met goes.
    expect([...met].sort()).toEqual(Object.keys(acceptedDifferences).sort())
  }).pipe(Effect.provide(NativeCrypto.layer))
)
