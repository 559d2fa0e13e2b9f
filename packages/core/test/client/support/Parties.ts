/** Two clients on one node in memory, each with its own signer, policy and store. */
import { Effect, Layer, type Scope } from "effect"
import * as Channel from "../../../src/client/Channel.js"
import type { ChannelError } from "../../../src/client/ChannelEvent.js"
import { Crypto } from "../../../src/crypto/Crypto.js"
import * as JsonRpcSignedTx from "../../../src/protocol/JsonRpcSignedTx.js"
import type { Role } from "../../../src/protocol/OpenParameters.js"
import * as ChannelStore from "../../../src/services/ChannelStore.js"
import * as ProposalPolicy from "../../../src/services/ProposalPolicy.js"
import * as Signer from "../../../src/services/Signer.js"
import type { Transport } from "../../../src/services/Transport.js"
import { initiator, networkId, parameters, responder } from "../../support/NodeUnderTest.js"
import * as TestCrypto from "../../support/TestCrypto.js"

export const options = (role: Role, changes: Partial<Channel.OpenOptions> = {}): Channel.OpenOptions => ({
  ...parameters(role),
  initiatorId: initiator.address,
  networkId,
  ...changes
})

export interface Party {
  readonly policy?: Layer.Layer<ProposalPolicy.ProposalPolicy>
  readonly signer?: Layer.Layer<Signer.Signer>
  readonly store?: Layer.Layer<ChannelStore.ChannelStore>
  readonly changes?: Partial<Channel.OpenOptions>
}

/** Everything a party brings but the transport. */
export const layerParty = (role: Role, { policy, signer, store }: Party = {}) => {
  const keyPair = role === "initiator" ? initiator : responder
  const crypto = Layer.succeed(Crypto, TestCrypto.native)
  return Layer.mergeAll(
    crypto,
    JsonRpcSignedTx.layer,
    signer ?? Layer.provide(Signer.layerKeyPair(keyPair, networkId), crypto),
    policy ?? ProposalPolicy.acceptAll,
    store ?? ChannelStore.layerMemory
  )
}

export const open = (
  role: Role,
  party: Party = {}
): Effect.Effect<Channel.Channel, ChannelError, Transport | Scope.Scope> =>
  Effect.provide(Channel.open(options(role, party.changes)), layerParty(role, party))

/** Both parties' open channels. */
export const openBoth = (
  parties: { readonly initiator?: Party; readonly responder?: Party } = {}
): Effect.Effect<readonly [Channel.Channel, Channel.Channel], ChannelError, Transport | Scope.Scope> =>
  Effect.all([open("initiator", parties.initiator), open("responder", parties.responder)], {
    concurrency: "unbounded"
  })
