import { Channel, ChannelStore, JsonRpcSignedTx, KeyPair, ProposalPolicy, Signer } from "@aechannel/core"
import { NativeCrypto, WebSocketTransport } from "@aechannel/transport"
import { Effect, Layer, Option, Redacted, Stream } from "effect"

// What `aechannel node --config-out FILE` wrote; with a real node, your own URL, network and key.
interface Config {
  readonly networkId: string
  readonly channelUrl: string
  readonly accounts: ReadonlyArray<{ readonly secretKey: string }>
}

const key = (config: Config, index: number) =>
  KeyPair.fromText(Redacted.make(config.accounts[index]?.secretKey ?? ""))

export const program = (config: Config) =>
  Effect.gen(function* () {
    const [alice, bob] = [yield* key(config, 0), yield* key(config, 1)]
    const terms = {
      initiatorId: alice.address,
      responderId: bob.address,
      initiatorAmount: 10n ** 17n, // 0.1 AE, in aettos
      responderAmount: 10n ** 17n,
      pushAmount: 0n,
      channelReserve: 2n,
      lockPeriod: 10,
      port: 3333,
      networkId: config.networkId
    }

    // Bob is asked before he signs anything that costs him something, and declines with a code of his own.
    const careful = ProposalPolicy.make((proposal) =>
      proposal.operation === "update" && proposal.after.own < proposal.before.own
        ? ProposalPolicy.decline(128)
        : ProposalPolicy.accept
    )
    const [left, right] = yield* Effect.all(
      [
        Channel.open({ ...terms, role: "initiator" }).pipe(
          Effect.provide([Signer.layerKeyPair(alice, config.networkId), ProposalPolicy.acceptAll])
        ),
        Channel.open({ ...terms, role: "responder" }).pipe(
          Effect.provide([Signer.layerKeyPair(bob, config.networkId), careful])
        )
      ],
      { concurrency: 2 }
    )

    yield* left.transfer({ amount: 10n ** 16n, meta: ["coffee"] })
    yield* left
      .transfer({ amount: 10n ** 15n, from: bob.address })
      .pipe(
        Effect.catchTag("UserDefinedError", ({ code, endedBy, round }) =>
          Effect.log(`${endedBy} said ${code}; both are still at round ${round}`)
        )
      )
    yield* left.sendMessage("good-bye")
    const said = yield* right.events.pipe(
      Stream.filterMap((event) =>
        event._tag === "MessageReceived" ? Option.some(event.text) : Option.none()
      ),
      Stream.runHead
    )
    const { signedTx } = yield* left.shutdown()
    return { said, signedTx }
  }).pipe(
    Effect.scoped,
    Effect.provide(WebSocketTransport.layerNode({ url: config.channelUrl })),
    Effect.provide(Layer.mergeAll(NativeCrypto.layer, JsonRpcSignedTx.layer, ChannelStore.layerMemory))
  )
