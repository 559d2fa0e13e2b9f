/**
 * Our client, fed with the node frames of the API document's recorded session and a signer that plays the recorded
 * signatures back, produces the recorded client frames.
 */
import { expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Channel from "../../src/client/Channel.js"
import * as RequestIds from "../../src/client/RequestIds.js"
import { Crypto } from "../../src/crypto/Crypto.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Json from "../../src/encoding/Json.js"
import { TransportError } from "../../src/protocol/Errors.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import * as ProposalPolicy from "../../src/services/ProposalPolicy.js"
import * as Signer from "../../src/services/Signer.js"
import { Transport } from "../../src/services/Transport.js"
import { at, recordedAddresses, recordedSignatures, type Role, session } from "../support/RecordedSession.js"
import * as TestCrypto from "../support/TestCrypto.js"

/** The recorded node: signatures are for a test network called after Iris, the create transaction is of Lima. */
const recordedNetwork = { networkId: "local_iris_testnet", protocol: 4 }

const declineCode = 42

/** What the recorded user did, told by the frame that the client wrote because of it. */
const act = (
  channel: Channel.OpeningChannel,
  msg: Json.Json
): Effect.Effect<unknown, unknown> | undefined => {
  const text = (...keys: ReadonlyArray<string>) => String(at(msg, ...keys))
  switch (at(msg, "method")) {
    case "channels.message":
      return channel.sendMessage(text("params", "info"))
    case "channels.get.balances":
      return channel.balances()
    case "channels.update.new":
      return Effect.flatMap(channel.opened, (open) =>
        open.transfer({
          amount: BigInt(text("params", "amount")),
          from: ApiEncoding.parseOrThrow("ak", text("params", "from")),
          to: ApiEncoding.parseOrThrow("ak", text("params", "to"))
        })
      )
    case "channels.system":
      return channel.stop
    default:
      return undefined
  }
}

const play = (who: Role) =>
  Effect.gen(function* () {
    const lines = session.filter((line) => line.who === who)
    const open = lines.find((line) => line.kind === "open")
    const sent = yield* Queue.unbounded<string>()
    const given = yield* Queue.unbounded<string>()
    const ended = yield* Deferred.make<never, TransportError>()
    const query = yield* Deferred.make<string>()

    const transport = Layer.succeed(Transport, {
      connect: (asked) =>
        Effect.as(Deferred.succeed(query, asked), {
          send: (text) => Effect.asVoid(Queue.offer(sent, text)),
          receive: Effect.raceFirst(Queue.take(given), Deferred.await(ended))
        })
    })
    // The recorded user signed or refused; a frame with an error is a refusal.
    const signatures = [...recordedSignatures(who)]
    const outFrames = lines.flatMap((line) => (line.kind === "out" ? [line.msg] : []))
    const refuses = outFrames.flatMap((msg) => {
      const method = at(msg, "method")
      if (method !== "channels.update") return []
      return [at(msg, "params", "error") !== undefined]
    })
    const signer = Signer.layer({
      address: ApiEncoding.parseOrThrow("ak", recordedAddresses[who]),
      sign: ({ signedTx, tag }) =>
        Effect.suspend(() => {
          if (tag === "update" && refuses.shift() === true)
            return Effect.fail(ProposalPolicy.decline(declineCode))
          const next = signatures.shift()
          return next !== undefined && SignedTx.sameTransaction(next, signedTx)
            ? Effect.succeed(next)
            : Effect.dieMessage(`no recorded signature fits ${tag}`)
        })
    })

    const parameters = new URLSearchParams(open?.kind === "open" ? open.query : "")
    const amount = (name: string) => BigInt(parameters.get(name) ?? "")
    const channel = yield* Channel.connect({
      ...recordedNetwork,
      role: who,
      ...(parameters.has("host") ? { host: String(parameters.get("host")) } : {}),
      port: Number(parameters.get("port")),
      initiatorId: ApiEncoding.parseOrThrow("ak", recordedAddresses.initiator),
      responderId: ApiEncoding.parseOrThrow("ak", recordedAddresses.responder),
      initiatorAmount: amount("initiator_amount"),
      responderAmount: amount("responder_amount"),
      pushAmount: amount("push_amount"),
      channelReserve: amount("channel_reserve"),
      lockPeriod: Number(parameters.get("lock_period")),
      keepRunning: false,
      requestIds: RequestIds.asDocumented
    }).pipe(
      Effect.provide([
        transport,
        signer,
        ProposalPolicy.make((proposal) =>
          proposal.operation === "open" ? ProposalPolicy.accept : ProposalPolicy.decline(declineCode)
        ),
        ChannelStore.layerMemory,
        JsonRpcSignedTx.layer,
        Layer.succeed(Crypto, TestCrypto.native)
      ])
    )

    const differences: Array<string> = []
    const asked = new URLSearchParams(yield* Deferred.await(query))
    for (const key of new Set([...asked.keys(), ...parameters.keys()]))
      if (asked.get(key) !== parameters.get(key))
        differences.push(`query ${key}: recorded ${parameters.get(key)}, sent ${asked.get(key)}`)

    const idOf = new Map<string, Json.Json>()
    const fibers: Array<Fiber.RuntimeFiber<unknown, unknown>> = []
    let signedAlready = false
    for (const line of lines) {
      if (line.kind === "in") {
        const id = at(line.msg, "id")
        const own = id === undefined ? undefined : idOf.get(Json.stringify(id))
        const msg = own === undefined || !Json.isObject(line.msg) ? line.msg : { ...line.msg, id: own }
        yield* Queue.offer(given, Json.stringify(msg))
        continue
      }
      if (line.kind === "close") {
        yield* Deferred.fail(
          ended,
          new TransportError({
            reason: "closed_by_node",
            operation: "receive",
            detail: "closed",
            closeCode: 1000
          })
        )
        continue
      }
      if (line.kind !== "out") continue
      const isLateAbort = signedAlready && at(line.msg, "params", "error") !== undefined
      const action = isLateAbort ? channel.abort(declineCode) : act(channel, line.msg)
      if (action !== undefined) fibers.push(yield* Effect.fork(action))
      if (at(line.msg, "method") === "channels.update")
        signedAlready = at(line.msg, "params", "signed_tx") !== undefined
      const frame = Json.parseOrThrow(yield* Queue.take(sent))
      const [recordedId, sentId] = [at(line.msg, "id"), at(frame, "id")]
      if (recordedId !== undefined && sentId !== undefined) idOf.set(Json.stringify(recordedId), sentId)
      const comparable = (json: Json.Json) =>
        Json.stringifySorted(Json.isObject(json) && "id" in json ? { ...json, id: "id" } : json)
      if (comparable(frame) !== comparable(line.msg))
        differences.push(`recorded ${comparable(line.msg)}\n    sent ${comparable(frame)}`)
    }
    const exits = yield* Effect.forEach(fibers, Fiber.await)
    const unexpected = yield* Queue.takeAll(sent)
    return { differences, exits, unexpected: [...unexpected], frames: outFrames.length }
  })

it.scopedLive.each<Role>(["initiator", "responder"])("the %s's client writes the recorded frames", (who) =>
  Effect.gen(function* () {
    const { differences, exits, frames, unexpected } = yield* play(who)
    console.log(`recorded session, ${who}: ${frames} client frames compared`)
    expect(differences).toEqual([])
    expect(unexpected).toEqual([])
    expect(exits).toHaveLength(who === "initiator" ? 6 : 3)
  }).pipe(Effect.timeout("20 seconds"))
)
