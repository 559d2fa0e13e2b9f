import { Channel, ChannelNode, ChannelStore, Crypto, InMemoryTransport } from "@aechannel/core"
import { JsonRpcSignedTx, KeyPair, Ledger, ProposalPolicy, Signer } from "@aechannel/core"
import { Effect, Layer } from "effect"

const networkId = "ae_dev"
const newKey = Effect.provide(KeyPair.generate, Crypto.layerNoble)
const [alice, bob] = [Effect.runSync(newKey), Effect.runSync(newKey)]
const accounts = [alice, bob].map(({ address }) => ({ address, balance: 10n ** 18n }))
const node = ChannelNode.layer({ ledger: Ledger.make({ networkId, accounts }) })
const parties = { initiatorId: alice.address, responderId: bob.address, networkId, port: 3333 }
const amounts = { initiatorAmount: 100n, responderAmount: 50n, pushAmount: 0n, channelReserve: 2n }
const open = (role: "initiator" | "responder", key: KeyPair.KeyPair) =>
  Channel.open({ ...parties, ...amounts, role, lockPeriod: 10 }).pipe(
    Effect.provide([Signer.layerKeyPair(key, networkId), ProposalPolicy.acceptAll, ChannelStore.layerMemory])
  )
const program = Effect.gen(function* () {
  const both = [open("initiator", alice), open("responder", bob)] as const
  const [channel] = yield* Effect.all(both, { concurrency: 2 })
  const { balances, round } = yield* channel.transfer({ amount: 30n })
  console.log(`round ${round}: Alice ${balances.initiator}, Bob ${balances.responder}`)
})
const services = Layer.provideMerge(InMemoryTransport.layer, node).pipe(
  Layer.provideMerge(Layer.merge(Crypto.layerNoble, JsonRpcSignedTx.layer))
)
await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(services)))
