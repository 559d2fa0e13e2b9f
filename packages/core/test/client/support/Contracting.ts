/** Parties with a contract: a till that adds up, pays, fails, and looks at the chain. */
import { readFileSync } from "node:fs"
import { Effect, Layer, type Scope, Stream } from "effect"
import type * as Channel from "../../../src/client/Channel.js"
import type { ChannelError, CoSignedState } from "../../../src/client/ChannelEvent.js"
import { Crypto } from "../../../src/crypto/Crypto.js"
import * as ApiEncoding from "../../../src/encoding/ApiEncoding.js"
import * as CallData from "../../../src/fate/CallData.js"
import * as Value from "../../../src/fate/Value.js"
import type { ChannelNode } from "../../../src/node/ChannelNode.js"
import type { ChainReader } from "../../../src/services/ChainReader.js"
import type { Transport } from "../../../src/services/Transport.js"
import * as ChainReaders from "../../../src/testing/ChainReaders.js"
import * as TestCrypto from "../../support/TestCrypto.js"

const till = JSON.parse(readFileSync(new URL("../../fixtures/fate/till.json", import.meta.url), "utf8")) as {
  readonly Till: { readonly code: ApiEncoding.Encoded<"cb"> }
}

export const code = till.Till.code

export const init = (first = 0n): Uint8Array => CallData.encode("init", [first])

export const account = (address: ApiEncoding.AccountAddress): Value.Value =>
  Value.reference("address", ApiEncoding.bytesOf(address))

export const input = (
  contractId: ApiEncoding.ContractId,
  name: string,
  ...args: ReadonlyArray<Value.Value>
) => ({ contractId, callData: CallData.encode(name, args) })

/** The chain of the node. */
export const reader: Layer.Layer<ChainReader, never, ChannelNode> = Layer.provide(
  ChainReaders.ofNode,
  Layer.succeed(Crypto, TestCrypto.native)
)

export type World = Transport | ChannelNode | Scope.Scope

/** Waits until a channel is in a round. */
export const inRound = (channel: Channel.Channel, round: number): Effect.Effect<CoSignedState> =>
  Stream.runHead(Stream.filter(channel.latest.changes, (state) => state.round >= round)).pipe(
    Effect.flatten,
    Effect.timeout("3 seconds"),
    Effect.orDie
  )

/** A contract of this party, in both parties' states. */
export const create = (
  own: Channel.Channel,
  peer: Channel.Channel,
  options: Partial<Channel.CreateContractOptions> = {}
): Effect.Effect<Channel.CreatedContract, ChannelError> =>
  Effect.tap(own.contracts.create({ code, callData: init(), ...options }), ({ state }) =>
    inRound(peer, state.round)
  )
