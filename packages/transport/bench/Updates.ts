/**
 * Updates of one channel: both clients, both state machines of the node and the chain in one process.
 */
import type { Channel } from "@aechannel/core/client/Channel"
import * as Channels from "@aechannel/core/client/Channel"
import { Crypto, type CryptoService, noble } from "@aechannel/core/crypto/Crypto"
import * as ChannelNode from "@aechannel/core/node/ChannelNode"
import * as InMemoryTransport from "@aechannel/core/node/InMemoryTransport"
import * as Ledger from "@aechannel/core/node/Ledger"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Signer from "@aechannel/core/services/Signer"
import type { Transport } from "@aechannel/core/services/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { performance } from "node:perf_hooks"
import { digest, initiator, responder } from "../../core/bench/Fixtures.js"
import * as Harness from "../../core/bench/Harness.js"
import * as NativeCrypto from "../src/NativeCrypto.js"
import * as NodeServer from "../src/NodeServer.js"
import * as WebSocketTransport from "../src/WebSocketTransport.js"

const networkId = "ae_dev"
const funds = 10n ** 24n

const terms = {
  initiatorId: initiator.address,
  responderId: responder.address,
  initiatorAmount: 10n ** 21n,
  responderAmount: 10n ** 21n,
  pushAmount: 0n,
  channelReserve: 10n ** 18n,
  lockPeriod: 10,
  host: "localhost",
  port: 13_179
}

const node = ChannelNode.layer({
  ledger: Ledger.make({
    networkId,
    accounts: [initiator, responder].map(({ address }) => ({ address, balance: funds }))
  })
})

const overWebSocket = Layer.unwrapScoped(
  Effect.map(NodeServer.NodeServer, ({ url }) => WebSocketTransport.layerNode({ url }))
).pipe(Layer.provide(NodeServer.layer({ port: 0 })), Layer.provide(node))

const transports = {
  "in memory": Layer.provide(InMemoryTransport.layer, node),
  "over WebSocket": overWebSocket
}

const openAs = (role: Role) =>
  Effect.provide(Channels.open({ ...terms, role, networkId }), [
    Signer.layerKeyPair(role === "initiator" ? initiator : responder, networkId),
    ProposalPolicy.acceptAll,
    ChannelStore.layerMemory
  ])

type Turn = (round: number, left: Channel, right: Channel) => Channel

const turns = {
  "one direction": (_: number, left: Channel) => left,
  alternating: (round: number, left: Channel, right: Channel) => (round % 2 === 0 ? left : right)
} satisfies Record<string, Turn>

interface Count {
  readonly warmUp: number
  readonly updates: number
}

/** Milliseconds of each transfer, from the call to the co-signed and stored state. */
const timesOf = (turn: Turn, { updates, warmUp }: Count, onWarm: () => void) =>
  Effect.gen(function* () {
    const [left, right] = yield* Effect.all([openAs("initiator"), openAs("responder")], { concurrency: 2 })
    const times: Array<number> = []
    for (let round = 0; round < warmUp + updates; round++) {
      if (round === warmUp) onWarm()
      const start = performance.now()
      yield* turn(round, left, right).transfer({ amount: 1n })
      if (round >= warmUp) times.push(performance.now() - start)
    }
    return times
  }).pipe(Effect.scoped)

/** What two signatures and two verifications take: no update can be had for less. Milliseconds. */
const floorOf = (crypto: CryptoService): number => {
  const message = digest("message")
  const both = [initiator, responder]
  const times = Array.from({ length: 100 }, () => {
    const start = performance.now()
    for (const { publicKey, secretKey } of both)
      if (!crypto.verify(crypto.sign(message, secretKey), message, publicKey))
        throw new Error("a bad signature")
    return performance.now() - start
  })
  return Harness.quantile(times, 0.5)
}

/** Counts what is asked of it. */
const counted = (crypto: CryptoService) => {
  const calls = { sign: 0, verify: 0 }
  const service: CryptoService = {
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
  return { calls, service }
}

interface Scenario {
  readonly transport: keyof typeof transports
  readonly turn: keyof typeof turns
  readonly cryptoName: string
  readonly crypto: CryptoService
  readonly count: Count
}

const row = async ({
  count,
  crypto,
  cryptoName,
  transport,
  turn
}: Scenario): Promise<ReadonlyArray<string>> => {
  const { calls, service } = counted(crypto)
  const services = Layer.mergeAll(Layer.succeed(Crypto, service), JsonRpcSignedTx.layer)
  const wire: Layer.Layer<Transport, unknown> = Layer.provide(transports[transport], services)
  // Before and after, since the machine may change its pace meanwhile.
  const before = floorOf(crypto)
  let cpu = process.cpuUsage()
  const reset = () => {
    Object.assign(calls, { sign: 0, verify: 0 })
    cpu = process.cpuUsage()
  }
  const program = timesOf(turns[turn], count, reset)
  const times = await Effect.runPromise(Effect.provide(program, Layer.merge(wire, services)))
  const { system, user } = process.cpuUsage(cpu)
  const floor = (before + floorOf(crypto)) / 2
  const median = Harness.quantile(times, 0.5)
  const total = times.reduce((sum, time) => sum + time, 0)
  return [
    `${transport}, ${turn}, ${cryptoName}`,
    median.toFixed(2),
    Harness.quantile(times, 0.99).toFixed(2),
    String(Math.round((times.length * 1000) / total)),
    ((system + user) / 1000 / count.updates).toFixed(2),
    floor.toFixed(2),
    `${Math.round((100 * floor) / median)} %`,
    `${(calls.sign / count.updates).toFixed(1)} / ${(calls.verify / count.updates).toFixed(1)}`
  ]
}

export const updates: Harness.Theme = {
  name: "updates",
  run: async ({ repeats }) => {
    const native = NativeCrypto.make()
    const many = repeats < 20 ? { warmUp: 100, updates: 300 } : { warmUp: 500, updates: 3_000 }
    const few = repeats < 20 ? { warmUp: 10, updates: 30 } : { warmUp: 50, updates: 200 }
    const scenarios: ReadonlyArray<Scenario> = [
      ...(["in memory", "over WebSocket"] as const).flatMap((transport) =>
        (["one direction", "alternating"] as const).map((turn) => ({
          transport,
          turn,
          cryptoName: "native",
          crypto: native,
          count: many
        }))
      ),
      { transport: "in memory", turn: "one direction", cryptoName: "portable", crypto: noble, count: few }
    ]
    const rows: Array<ReadonlyArray<string>> = []
    for (const scenario of scenarios) rows.push(await row(scenario))
    return [
      {
        title: "Transfers on one channel",
        heads: ["p50 ms", "p99 ms", "per second", "cpu ms", "floor ms", "share", "signs/checks"],
        rows,
        notes: [
          "from the call to the co-signed and stored state; clients, node and chain share one process",
          "cpu: time of the processor for one update, which other work on the machine does not lengthen",
          "floor: two signatures and two verifications; share: the floor's part of the median",
          "signs/checks: signatures made and verified for one update by all four together"
        ]
      }
    ]
  }
}
