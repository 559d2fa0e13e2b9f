/** Moments of a client's life at which its connection may end, each with the call that is pending then. */
import type * as Channel from "@aechannel/core/client/Channel"
import type { ChannelError, FlowError } from "@aechannel/core/client/ChannelEvent"
import type * as Json from "@aechannel/core/encoding/Json"
import type { Role } from "@aechannel/core/protocol/OpenParameters"
import * as Signer from "@aechannel/core/services/Signer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { offChainTx, transfer, treesAfter } from "../../../../core/test/client/support/Rounds.js"
import {
  initiator,
  keysOf,
  responder,
  signedBy,
  signedTxOf
} from "../../../../core/test/client/support/ScriptedNode.js"
import { asksCreate, connected, type Connected, opened, type Opened } from "./FakeNode.js"

/** The next frame of the client that calls this method; what it said before is of no interest. */
export const called = (it: Connected, method: string): Effect.Effect<Json.JsonObject> =>
  Effect.flatMap(it.node.script.next, (sent) =>
    sent["method"] === `channels.${method}` ? Effect.succeed(sent) : called(it, method)
  )

/** Asks for the signature of our own transfer of one aetto, as a good node does. */
export const asksTransfer = (it: Opened): Effect.Effect<void> =>
  Effect.map(called(it, "update.new"), (request) => asksFor(it, request))

const asksFor = ({ node: { script }, role }: Opened, request: Json.JsonObject): void => {
  const { own, peer } = keysOf(role)
  const updates = [transfer(own.address, peer.address, 1n)]
  script.reply(request, "ok")
  script.ask("update", signedBy(offChainTx(treesAfter(updates, 2), 2), []), updates)
}

/** Sees a transfer of ours through, as a good node does, from the request on. */
export const completes = (it: Opened, request: Json.JsonObject): Effect.Effect<void> =>
  Effect.gen(function* () {
    asksFor(it, request)
    const signed = yield* called(it, "update")
    it.node.script.reply(signed, "ok")
    const state = signedBy(signedTxOf(signed).tx, [initiator, responder])
    it.node.script.say({ _tag: "StateUpdate", state })
  })

/** Sees a transfer of ours through, as a good node does; gives its round. */
export const transfers = (it: Opened): Effect.Effect<number, FlowError, Scope.Scope> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkScoped(it.channel.transfer({ amount: 1n }))
    yield* completes(it, yield* called(it, "update.new"))
    return (yield* Fiber.join(fiber)).round
  })

interface Held extends Connected {
  readonly session: Channel.Session
  readonly pending: Effect.Effect<unknown, FlowError>
}

export interface Moment {
  readonly name: string
  readonly reached: (role: Role) => Effect.Effect<Held, ChannelError, Scope.Scope>
}

/** A signer that does not answer for this operation, and tells that it was asked. */
const silent = (role: Role, operation: "open" | "transfer") => {
  const asked = Effect.runSync(Deferred.make<void>())
  const { own } = keysOf(role)
  const signer = Signer.layer({
    address: own.address,
    sign: (details) =>
      details.operation === operation
        ? Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never)
        : Effect.succeed(signedBy(details.signedTx.tx, [...(role === "initiator" ? [] : [initiator]), own]))
  })
  return { asked: Deferred.await(asked), party: { signer } }
}

/** In an open channel: makes a call and goes on until this moment. */
const inChannel = (
  name: string,
  call: (channel: Channel.Channel) => Effect.Effect<unknown, FlowError>,
  until: (it: Opened) => Effect.Effect<unknown>
): Moment => ({
  name,
  reached: (role) =>
    Effect.gen(function* () {
      const it = yield* opened(role)
      const fiber = yield* Effect.forkScoped(call(it.channel))
      yield* until(it)
      return { ...it, session: it.channel, pending: Fiber.join(fiber) }
    })
})

export const moments: ReadonlyArray<Moment> = [
  {
    name: "before the node has said anything",
    reached: (role) =>
      Effect.map(connected(role), (it) => ({ ...it, session: it.opening, pending: it.opening.opened }))
  },
  {
    name: "while our signer has the create transaction",
    reached: (role) =>
      Effect.gen(function* () {
        const { asked, party } = silent(role, "open")
        const it = yield* connected(role, party)
        asksCreate(it)
        yield* asked
        return { ...it, session: it.opening, pending: it.opening.opened }
      })
  },
  {
    name: "with the create transaction signed",
    reached: (role) =>
      Effect.gen(function* () {
        const it = yield* connected(role)
        asksCreate(it)
        yield* called(it, `${role}_sign`)
        return { ...it, session: it.opening, pending: it.opening.opened }
      })
  },
  {
    name: "while nothing is under way",
    reached: (role) =>
      Effect.map(opened(role), (it) => ({ ...it, session: it.channel, pending: it.channel.offChainState }))
  },
  inChannel(
    "while an answer is awaited",
    (channel) => channel.balances(),
    (it) => called(it, "get.balances")
  ),
  inChannel(
    "while the signing request is awaited",
    (channel) => channel.transfer({ amount: 1n }),
    (it) => called(it, "update.new")
  ),
  {
    name: "while our signer is asked",
    reached: (role) =>
      Effect.gen(function* () {
        const { asked, party } = silent(role, "transfer")
        const it = yield* opened(role, party)
        const fiber = yield* Effect.forkScoped(it.channel.transfer({ amount: 1n }))
        yield* asksTransfer(it)
        yield* asked
        return { ...it, session: it.channel, pending: Fiber.join(fiber) }
      })
  },
  inChannel(
    "with our signature out",
    (channel) => channel.transfer({ amount: 1n }),
    (it) => Effect.zipRight(asksTransfer(it), called(it, "update"))
  ),
  inChannel(
    "while we wait for our turn",
    (channel) =>
      Effect.zipRight(Effect.fork(channel.transfer({ amount: 1n })), channel.transfer({ amount: 2n })),
    (it) => called(it, "update.new")
  ),
  inChannel(
    "while we close",
    (channel) => channel.shutdown(),
    (it) => called(it, "shutdown")
  ),
  inChannel(
    "while we leave",
    (channel) => channel.leave,
    (it) => called(it, "leave")
  )
]
