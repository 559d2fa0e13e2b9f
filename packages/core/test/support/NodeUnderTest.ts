/** A node in memory with two rich accounts, and the queries with which they open a channel. */
import * as Layer from "effect/Layer"
import type { CryptoService } from "../../src/crypto/Crypto.js"
import { Crypto } from "../../src/crypto/Crypto.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as InMemoryTransport from "../../src/node/InMemoryTransport.js"
import * as Ledger from "../../src/node/Ledger.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import * as OpenParameters from "../../src/protocol/OpenParameters.js"
import * as TestCrypto from "./TestCrypto.js"

export const networkId = "ae_test"
export const coin = 10n ** 18n

export const initiator = TestCrypto.keyPairOf("initiator")
export const responder = TestCrypto.keyPairOf("responder")
export const other = TestCrypto.keyPairOf("other")

export const ledger = Ledger.make({
  networkId,
  accounts: [initiator, responder, other].map(({ address }) => ({ address, balance: 1000n * coin }))
})

export const parameters = (
  role: OpenParameters.Role,
  changes: Partial<OpenParameters.RequestedParameters> = {}
): OpenParameters.RequestedParameters => ({
  role,
  ...(role === "initiator" ? { host: "localhost" } : {}),
  port: 3333,
  initiatorId: initiator.address,
  responderId: responder.address,
  initiatorAmount: 10n * coin,
  responderAmount: 5n * coin,
  pushAmount: coin,
  channelReserve: coin / 10n,
  lockPeriod: 10,
  ...changes
})

export const query = (
  role: OpenParameters.Role,
  changes: Partial<OpenParameters.RequestedParameters> = {}
): string => OpenParameters.toQuery(parameters(role, changes))

export const layerNode = (
  options: Partial<ChannelNode.ChannelNodeOptions> = {},
  crypto: CryptoService = TestCrypto.seededDouble("node")
): Layer.Layer<ChannelNode.ChannelNode> =>
  ChannelNode.layer({ ledger, ...options }).pipe(
    Layer.provide([Layer.succeed(Crypto, crypto), JsonRpcSignedTx.layer])
  )

/** The node and the way to it. */
export const layer = (options?: Partial<ChannelNode.ChannelNodeOptions>, crypto?: CryptoService) =>
  Layer.provideMerge(InMemoryTransport.layer, layerNode(options, crypto))
