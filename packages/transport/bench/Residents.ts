/** What open channels cost a node, in memory and in time: `aechannel node` as a child process, over WebSockets. */
import * as Channels from "@aechannel/core/client/Channel"
import type * as KeyPair from "@aechannel/core/crypto/KeyPair"
import * as JsonRpcSignedTx from "@aechannel/core/protocol/JsonRpcSignedTx"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as ProposalPolicy from "@aechannel/core/services/ProposalPolicy"
import * as Signer from "@aechannel/core/services/Signer"
import type { Transport } from "@aechannel/core/services/Transport"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { performance } from "node:perf_hooks"
import * as Harness from "../../core/bench/Harness.js"
import * as NativeCrypto from "../src/NativeCrypto.js"
import * as WebSocketTransport from "../src/WebSocketTransport.js"
import * as NodeChild from "./load/NodeChild.js"
import { type Couple, coupleOf, networkId, port, termsOf } from "./World.js"

type Pair = readonly [initiator: Channels.Channel, responder: Channels.Channel]

const openAs = (
  role: Role,
  key: KeyPair.KeyPair,
  couple: Couple
): Effect.Effect<Channels.Channel, never, Scope.Scope | Transport> =>
  Channels.open({
    ...termsOf(couple),
    role,
    networkId,
    host: "localhost",
    port,
    eventBuffer: 16
  }).pipe(
    Effect.provide([Signer.layerKeyPair(key, networkId), ProposalPolicy.acceptAll, ChannelStore.layerMemory]),
    Effect.provide([NativeCrypto.layer, JsonRpcSignedTx.layer]),
    Effect.orDie
  )

const openPair = (couple: Couple): Effect.Effect<Pair, never, Scope.Scope | Transport> =>
  Effect.all([openAs("initiator", couple[0], couple), openAs("responder", couple[1], couple)], {
    concurrency: 2
  })

/** What a node holds with so many channels. */
export interface Held extends NodeChild.Figures {
  readonly channels: number
  readonly machines: number
}

export interface Residents {
  readonly readyAfter: number
  readonly held: ReadonlyArray<Held>
  /** Milliseconds of each opening and closing, one after the other. */
  readonly opening: ReadonlyArray<number>
  readonly closing: ReadonlyArray<number>
  /** Seconds. */
  readonly openingAll: number
  readonly updatingAll: number
  readonly updates: number
  readonly load: string
}

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [A, number], E, R> =>
  Effect.suspend(() => {
    const begin = performance.now()
    return Effect.map(effect, (value) => [value, performance.now() - begin] as const)
  })

const updatesEach = 10

const program = (
  child: NodeChild.NodeChild,
  many: number
): Effect.Effect<Residents, never, Scope.Scope | Transport> =>
  Effect.gen(function* () {
    const couples = Array.from({ length: many + 20 }, (_, index) => coupleOf(index))
    yield* Effect.forEach(couples.flat(), ({ address }) => child.fund(address, 10n ** 20n), {
      concurrency: 20,
      discard: true
    })
    const held: Array<Held> = []
    const look = (channels: number) =>
      Effect.gen(function* () {
        held.push({ channels, machines: yield* child.machines, ...(yield* child.figures) })
      })
    yield* look(0)

    // One after the other, each closed before the next one.
    const [opening, closing]: [Array<number>, Array<number>] = [[], []]
    for (const couple of couples.slice(many)) {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const [[initiator], opened] = yield* timed(openPair(couple))
          opening.push(opened)
          const [, closed] = yield* timed(initiator.shutdown())
          closing.push(closed)
        })
      )
    }

    const pairs: Array<Pair> = []
    let openingAll = 0
    for (const count of [many / 10, many]) {
      const [, took] = yield* timed(
        Effect.forEach(
          couples.slice(pairs.length, count),
          (couple) => Effect.map(openPair(couple), (pair) => void pairs.push(pair)),
          { concurrency: 10, discard: true }
        )
      )
      openingAll += took / 1000
      yield* look(count)
    }
    const [, updated] = yield* timed(
      Effect.forEach(
        pairs,
        (pair) =>
          Effect.forEach(
            Array.from({ length: updatesEach }, (_, index) => index),
            (index) => (pair[index % 2] ?? pair[0]).transfer({ amount: 1n }),
            { discard: true }
          ),
        { concurrency: 50, discard: true }
      )
    )
    yield* look(many)
    const rounds = pairs.flatMap((pair) => pair.map((channel) => channel.latest))
    const behind = (yield* Effect.forEach(rounds, (latest) => latest.get)).filter(
      ({ round }) => round !== updatesEach + 1
    )
    if (behind.length > 0) throw new Error(`${behind.length} of ${rounds.length} ends lack updates`)
    return {
      readyAfter: child.readyAfter,
      held,
      opening,
      closing,
      openingAll,
      updatingAll: updated / 1000,
      updates: many * updatesEach,
      load: Harness.load()
    }
  }).pipe(Effect.orDie)

export const measure = ({ quick }: Harness.Options): Promise<Residents> =>
  Effect.gen(function* () {
    yield* NativeCrypto.accelerateHashes
    const child = yield* NodeChild.make()
    return yield* Effect.provide(
      program(child, quick ? 100 : 1000),
      WebSocketTransport.layerNode({ url: child.channelUrl })
    )
  }).pipe(Effect.scoped, Effect.runPromise)

const middle = (times: ReadonlyArray<number>): string =>
  `${Harness.micros(Harness.quantile(times, 0.5))} ms (at best ${Harness.micros(Math.min(...times))})`

/** What it takes to open and to close one channel. */
export const middles = ({
  closing,
  opening
}: Residents): { readonly open: string; readonly close: string } => ({
  open: middle(opening),
  close: middle(closing)
})

export const mebi = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

const perChannel = (first: Held, { channels, heap }: Held): string =>
  channels === 0 ? "" : ((heap - first.heap) / 1024 / channels).toFixed(1)

export const tables = (residents: Residents): ReadonlyArray<Harness.Table> => {
  const { held, load, opening, openingAll, readyAfter, updates, updatingAll } = residents
  const [first] = held
  const { close, open } = middles(residents)
  const many = held.at(-1)?.channels ?? 0
  return [
    {
      title: "aechannel node with open channels",
      heads: ["machines", "RSS MiB", "heap MiB", "KiB/channel", "sockets", "timers", "fibers"],
      rows: held.map((each, index) => [
        `${each.channels} channels${index === held.length - 1 ? `, ${updatesEach} updates on each` : ""}`,
        String(each.machines),
        mebi(each.rss),
        mebi(each.heap),
        first === undefined ? "" : perChannel(first, each),
        String(each.sockets),
        String(each.timers),
        String(each.fibers)
      ]),
      notes: [
        `ready after ${readyAfter.toFixed(0)} ms; one channel: ${open} to open, ${close} to close (medians of ${opening.length})`,
        `${many} channels opened in ${openingAll.toFixed(1)} s, ${updates} updates in ${updatingAll.toFixed(1)} s; ${load}`,
        "after garbage collection; clients in another process; both ends of a channel have a machine and a socket"
      ]
    }
  ]
}

export const residents: Harness.Theme = {
  name: "residents",
  run: async (options) => tables(await measure(options))
}
