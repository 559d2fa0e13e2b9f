/** A conversation of two clients in any dialect: what is said, and what of it goes over the wire. */
import { expect } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Channel from "../../../src/client/Channel.js"
import { Crypto } from "../../../src/crypto/Crypto.js"
import * as ChannelNode from "../../../src/node/ChannelNode.js"
import { Codec } from "../../../src/protocol/Codec.js"
import type { CodecService } from "../../../src/protocol/Codec.js"
import * as JsonRpc from "../../../src/protocol/JsonRpc.js"
import * as JsonRpcSignedTx from "../../../src/protocol/JsonRpcSignedTx.js"
import * as JsonRpcTx from "../../../src/protocol/JsonRpcTx.js"
import * as Legacy from "../../../src/protocol/Legacy.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as ChannelStore from "../../../src/services/ChannelStore.js"
import * as ProposalPolicy from "../../../src/services/ProposalPolicy.js"
import * as Signer from "../../../src/services/Signer.js"
import * as Transport from "../../../src/services/Transport.js"
import { options } from "../../client/support/Parties.js"
import { coin, initiator, ledger, networkId, responder } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"

const crypto = Layer.succeed(Crypto, TestCrypto.native)

/** A node that speaks as its codec does. */
export const layerNode = ({ legacy, node }: Pair) =>
  ChannelNode.layer({ ledger, ...(legacy !== undefined && { legacy }) }).pipe(
    Layer.provide([crypto, Layer.succeed(Codec, node)])
  )

/** A client, with what goes over its wire. */
const openParty = (role: Role, codec: CodecService, frames: Array<string>) => {
  const wire = Layer.effect(
    Transport.Transport,
    Effect.map(Transport.Transport, (transport) => ({
      ...transport,
      connect: (query: string) =>
        Effect.map(transport.connect(query), (connection) => ({
          ...connection,
          send: (text: string) => {
            frames.push(`> ${text}`)
            return connection.send(text)
          },
          receive: Effect.tap(connection.receive, (text) => Effect.sync(() => frames.push(`< ${text}`)))
        }))
    }))
  )
  const party = Layer.mergeAll(
    crypto,
    Layer.succeed(Codec, codec),
    Layer.provide(Signer.layerKeyPair(role === "initiator" ? initiator : responder, networkId), crypto),
    ProposalPolicy.make((proposal) =>
      proposal.operation === "update" && proposal.after.own < proposal.before.own
        ? ProposalPolicy.decline(777)
        : ProposalPolicy.accept
    ),
    ChannelStore.layerMemory
  )
  return Channel.open(options(role)).pipe(Effect.provide(Layer.merge(party, wire)))
}

export interface Pair {
  readonly node: CodecService
  readonly legacy?: boolean
  readonly client: CodecService
  /** Whether the client's refusals to sign reach the peer with their code. */
  readonly tellsCodes: boolean
}

/** Clients and nodes that understand each other. */
export const pairs: Readonly<Record<string, Pair>> = {
  "json-rpc-signed-tx": { node: JsonRpcSignedTx.codec, client: JsonRpcSignedTx.codec, tellsCodes: true },
  "json-rpc-tx": { node: JsonRpcTx.codec, client: JsonRpcTx.codec, tellsCodes: false },
  legacy: { node: Legacy.codec, client: Legacy.codec, tellsCodes: false },
  "legacy, as the URL says": { node: JsonRpcTx.codec, client: Legacy.codec, tellsCodes: false },
  "legacy, next to the current": {
    node: JsonRpcSignedTx.codec,
    legacy: true,
    client: Legacy.codec,
    tellsCodes: false
  },
  "found out, with signed_tx": { node: JsonRpcSignedTx.codec, client: JsonRpc.codec, tellsCodes: true },
  "found out, with tx": { node: JsonRpcTx.codec, client: JsonRpc.codec, tellsCodes: false }
}

/** Opens, updates, conflicts, closes. */
export const converse = ({ client, node, tellsCodes }: Pair) =>
  Effect.gen(function* () {
    const [atAlice, atBob]: [Array<string>, Array<string>] = [[], []]
    const [alice, bob] = yield* Effect.all(
      [openParty("initiator", client, atAlice), openParty("responder", client, atBob)],
      { concurrency: "unbounded" }
    )
    expect(yield* alice.latest.get).toMatchObject({ round: 1, balances: { initiator: 9n * coin } })
    expect(yield* alice.transfer({ amount: coin })).toMatchObject({ round: 2 })
    expect(yield* bob.transfer({ amount: 2n * coin })).toMatchObject({ round: 3 })
    const refused = yield* Effect.flip(alice.transfer({ amount: 100n * coin }))
    expect(refused).toMatchObject({ _tag: "RejectedError", data: [{ code: 1001 }] })
    const declined = yield* Effect.flip(alice.transfer({ amount: 1n, from: responder.address }))
    expect(declined).toMatchObject(tellsCodes ? { code: 777, round: 3 } : { round: 3 })
    yield* alice.sendMessage("hello")
    expect(yield* alice.balances()).toMatchObject([{ balance: 10n * coin }, { balance: 5n * coin }])
    expect((yield* bob.shutdown()).confirmed).toBe(true)
    for (const frames of [atAlice, atBob]) {
      // Everything went over the wire in the dialect that was asked for.
      const isOlder = client.dialect === "legacy" || node.dialect === "json-rpc-tx"
      const signatures = frames.filter((frame) =>
        /^>.*(_sign|update|update_ack)".*"(tx|signed_tx)":/.test(frame)
      )
      expect(signatures.length).toBeGreaterThan(2)
      for (const frame of signatures) expect(frame.includes('"tx":')).toBe(isOlder)
      expect(frames.every((frame) => frame.includes('"jsonrpc":'))).toBe(client.dialect !== "legacy")
    }
  })
