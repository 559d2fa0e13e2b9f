/** Raw clients at a node in memory: how they open a channel, and how they come back to it. */
import { Effect, ExecutionStrategy, Exit, Fiber, Scope, TestClock } from "effect"
import type { KeyPair } from "../../src/crypto/KeyPair.js"
import * as Json from "../../src/encoding/Json.js"
import type { RequestedParameters, Role } from "../../src/protocol/OpenParameters.js"
import { initiator, networkId, query, responder } from "./NodeUnderTest.js"
import * as RawClient from "./RawClient.js"
import * as TestCrypto from "./TestCrypto.js"

const scopes = new WeakMap<RawClient.RawClient, Scope.CloseableScope>()

export const connect = Effect.fnUntraced(function* (query: string, keyPair: KeyPair) {
  const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
  const client = yield* Scope.extend(RawClient.connect(query, keyPair, TestCrypto.native, networkId), scope)
  scopes.set(client, scope)
  return client
})

/** The client closes its socket. */
export const disconnect = (client: RawClient.RawClient): Effect.Effect<void> => {
  const scope = scopes.get(client)
  return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
}

export const openQuietly = Effect.fnUntraced(function* (
  changes: Partial<RequestedParameters> = {},
  keys: { readonly initiator: KeyPair; readonly responder: KeyPair } = { initiator, responder }
) {
  const r = yield* connect(query("responder", changes), keys.responder)
  const i = yield* connect(query("initiator", changes), keys.initiator)
  const opened = yield* Effect.fork(
    Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
  )
  yield* TestClock.adjust("10 millis")
  yield* Fiber.join(opened)
  return { i, r }
})

const last = (client: RawClient.RawClient, ...path: ReadonlyArray<string>): string => {
  const found = client.texts
    .map((text) => RawClient.at(Json.parseOrThrow(text), ...path))
    .findLast((value) => typeof value === "string")
  if (typeof found !== "string") throw new Error(`no ${path.join(".")} in ${client.names.join(", ")}`)
  return found
}

export const channelIdOf = (client: RawClient.RawClient): string => last(client, "params", "channel_id")

/** The latest one. */
export const fsmIdOf = (client: RawClient.RawClient): string => last(client, "params", "data", "fsm_id")

/** Nothing but what coming back takes; everything else is the node's to know. */
export const returnQuery = (role: Role, channelId: string, fsmId: string): string =>
  `protocol=json-rpc&role=${role}&host=localhost&port=3333&existing_channel_id=${channelId}&existing_fsm_id=${encodeURIComponent(fsmId)}`

/** A new connection of the client that `before` was. */
export const comeBack = (role: Role, before: RawClient.RawClient, fsmId: string = fsmIdOf(before)) =>
  connect(returnQuery(role, channelIdOf(before), fsmId), before.keyPair)

/** What a connection that is refused or let go hears, and how it ends. */
export const outcome = Effect.fnUntraced(function* (client: RawClient.RawClient) {
  const end = yield* Effect.fork(client.end)
  yield* TestClock.adjust("5 millis")
  const error = yield* Fiber.join(end)
  return { frames: client.texts.map((text) => Json.parseOrThrow(text)), code: error.closeCode }
})

/** The raw clients of both parties. */
export interface RawPair {
  readonly i: RawClient.RawClient
  readonly r: RawClient.RawClient
}

/** Both read and sign until a frame of this name has come to each. */
export const both = Effect.fnUntraced(function* ({ i, r }: RawPair, wanted: string) {
  const done = yield* Effect.fork(
    Effect.all([i.until(wanted), r.until(wanted)], { concurrency: "unbounded" })
  )
  yield* TestClock.adjust("20 millis")
  yield* Fiber.join(done)
})

/** The initiator pays the responder. */
export const pay = (pair: RawPair, amount = 1) =>
  Effect.zipRight(
    pair.i.send("update.new", { from: initiator.address, to: responder.address, amount }),
    both(pair, "update")
  )
