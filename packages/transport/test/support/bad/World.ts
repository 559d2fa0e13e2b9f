/** A node that serves over real sockets, a channel that nobody attacks, and one that is there to be attacked. */
import * as NodeServer from "@aechannel/transport/NodeServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Role, RequestedParameters } from "@aechannel/core/protocol/OpenParameters"
import { initiator, layerNode, query, responder } from "../../../../core/test/support/NodeUnderTest.js"
import { connect, inShort, type Party } from "./Party.js"

/** What each party puts into a channel: little, since there are many channels. */
export const amount = 10n ** 15n

export interface Pair {
  readonly initiator: Party
  readonly responder: Party
}

let nextPort = 1

const terms = { initiatorAmount: 2n * amount, responderAmount: amount, pushAmount: 0n, channelReserve: 0n }

/** The query of an opening on a port of its own. */
export const opening = (role: Role, port: number, changes: Partial<RequestedParameters> = {}): string =>
  query(role, { ...terms, port, ...changes })

export const newPort = (): number => nextPort++

/** Two parties that are connected, with nothing signed yet. */
export const connectBoth = (
  url: string,
  changes: {
    readonly initiator?: Partial<RequestedParameters>
    readonly responder?: Partial<RequestedParameters>
  } = {}
): Effect.Effect<Pair, never, Scope.Scope> =>
  Effect.gen(function* () {
    const port = newPort()
    const second = yield* connect(`${url}?${opening("responder", port, changes.responder)}`, responder)
    const first = yield* connect(`${url}?${opening("initiator", port, changes.initiator)}`, initiator)
    return { initiator: first, responder: second }
  })

/** Reads on both sides up to the same report. */
export const bothUntil = (pair: Pair, wanted: string) =>
  Effect.promise(() => Promise.all([pair.initiator.until(wanted), pair.responder.until(wanted)]))

export const openBoth = (url: string): Effect.Effect<Pair, never, Scope.Scope> =>
  Effect.tap(connectBoth(url), (pair) => bothUntil(pair, "update"))

/** A transfer in this channel, and the frames of both sides that it took. */
export const pay = (pair: Pair, from: Role = "initiator") =>
  Effect.gen(function* () {
    const [payer, payee] = [pair[from], pair[from === "initiator" ? "responder" : "initiator"]]
    payer.call("update.new", { from: payer.keyPair.address, to: payee.keyPair.address, amount: 1 })
    yield* bothUntil(pair, "update")
  })

/** What has come on both sides and was not read yet, in short. */
export const settled = (pair: Pair) =>
  Effect.promise(async () => {
    const first = await pair.initiator.settled()
    const second = await pair.responder.settled()
    return { initiator: first.map(inShort), responder: second.map(inShort) }
  })

export class World extends Context.Tag("@aechannel/transport/test/World")<
  World,
  { readonly url: string; readonly healthy: Pair; readonly victim: Pair }
>() {}

export const layer: Layer.Layer<World> = Layer.scoped(
  World,
  Effect.gen(function* () {
    const { url } = yield* NodeServer.NodeServer
    return { url, healthy: yield* openBoth(url), victim: yield* openBoth(url) }
  })
).pipe(Layer.provide(NodeServer.layer({ port: 0 })), Layer.provide(layerNode()), Layer.orDie)

/** Whatever was done to others: the healthy channel has heard nothing of it. */
export const unharmed = Effect.flatMap(World, ({ healthy }) => settled(healthy))

export const quiet: { readonly initiator: ReadonlyArray<string>; readonly responder: ReadonlyArray<string> } =
  {
    initiator: [],
    responder: []
  }
