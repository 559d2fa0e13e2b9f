/** Opens the channel that a recording goes on with, and brings it to the round in which it was. */
import * as Effect from "effect/Effect"
import * as SignedTx from "../../../chain/SignedTx.js"
import type { CryptoService } from "../../../crypto/Crypto.js"
import type { KeyPair } from "../../../crypto/KeyPair.js"
import type { AccountAddress } from "../../../encoding/ApiEncoding.js"
import * as Json from "../../../encoding/Json.js"
import type { Role } from "../../../protocol/OpenParameters.js"
import * as Query from "./query.js"
import type { Before } from "./Scene.js"
import { wrapped } from "./Bodies.js"
import type { Generalized } from "./StandIn.js"
import { type Connection, type Target, TargetError } from "./Target.js"

const roles: ReadonlyArray<Role> = ["initiator", "responder"]

const failed = (detail: string) =>
  new TargetError({ message: `the channel that the recording goes on with could not be opened: ${detail}` })

const queryOf = (before: Before, role: Role, addresses: Readonly<Record<Role, string>>): string =>
  Query.queryOf({
    protocol: "json-rpc",
    role,
    ...(role === "initiator" ? { host: "localhost" } : {}),
    port: "13179",
    initiator_id: addresses.initiator,
    responder_id: addresses.responder,
    lock_period: "10",
    push_amount: "0",
    initiator_amount: String(before.initiatorAmount),
    responder_amount: String(before.responderAmount),
    channel_reserve: "2",
    keep_running: "false"
  })

/** Opens the channel; gives both parties' connections, with nothing left to be read. */
export const openBefore = (
  before: Before,
  target: Target,
  keys: ReadonlyMap<AccountAddress, KeyPair>,
  crypto: CryptoService,
  generalized: Generalized
): Effect.Effect<Readonly<Record<Role, Connection>>, TargetError> =>
  Effect.gen(function* () {
    const [initiatorKey, responderKey] = [keys.get(before.initiatorId), keys.get(before.responderId)]
    if (initiatorKey === undefined || responderKey === undefined) return yield* failed("a party has no key")
    const keyPairs: Readonly<Record<Role, KeyPair>> = { initiator: initiatorKey, responder: responderKey }
    const metas = {
      initiator: generalized.get(before.initiatorId),
      responder: generalized.get(before.responderId)
    }
    const addresses = { initiator: initiatorKey.address, responder: responderKey.address }
    const connect = (role: Role) =>
      Effect.flatMap(target.connect("/channel", queryOf(before, role, addresses)), (opened) =>
        "status" in opened ? failed(`HTTP ${opened.status}`) : Effect.succeed(opened)
      )
    const responder = yield* connect("responder")
    const connections: Readonly<Record<Role, Connection>> = {
      responder,
      initiator: yield* connect("initiator")
    }
    const updates: Record<Role, number> = { initiator: 0, responder: 0 }

    /** Takes one frame, and signs where a signature is wanted. */
    const take = (role: Role, text: string) =>
      Effect.gen(function* () {
        const frame = Json.parseOrThrow(text)
        const method = String(Json.field(frame, "method"))
        if (method === "channels.update") updates[role] += 1
        if (Json.field(frame, "error") !== undefined) return yield* failed(text)
        if (!method.startsWith("channels.sign.")) return
        const request = Json.field(Json.field(Json.field(frame, "params"), "data"), "signed_tx")
        const asked = SignedTx.fromTextOrThrow(String(request))
        const meta = metas[role]
        const signed =
          meta === undefined
            ? SignedTx.sign(asked, keyPairs[role], { networkId: target.networkId, crypto })
            : wrapped(asked, meta, addresses[role])
        const reply = {
          method: method.replace(".sign.", "."),
          params: { signed_tx: SignedTx.toText(signed) }
        }
        yield* connections[role].send(Json.stringify({ jsonrpc: "2.0", ...reply }))
      })

    /** Reads until both have seen so many co-signed states. */
    const until = (states: number) =>
      Effect.gen(function* () {
        for (let idle = 0; roles.some((role) => updates[role] < states); ) {
          yield* target.settle
          let some = false
          for (const role of roles) {
            const come = connections[role].poll()
            if (typeof come === "object") return yield* failed(`closed with ${come.closeCode}`)
            if (come === undefined) continue
            some = true
            yield* take(role, come)
          }
          if (some) continue
          if (++idle > 100) return yield* failed("nothing comes any more")
          yield* target.mine(1)
        }
      })

    yield* until(1)
    for (let round = 2; round <= before.round; round++) {
      const params = { from: addresses.initiator, to: addresses.responder, amount: 0 }
      yield* connections.initiator.send(
        Json.stringify({ jsonrpc: "2.0", method: "channels.update.new", params })
      )
      yield* until(round)
    }
    yield* target.settle
    return connections
  })
