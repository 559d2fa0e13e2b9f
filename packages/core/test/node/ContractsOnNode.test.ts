/** Contracts by the words of the protocol: a node with a chain and a storage, and clients without a library. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, TestClock } from "effect"
import * as Ids from "../../src/chain/Ids.js"
import { Crypto } from "../../src/crypto/Crypto.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Json from "../../src/encoding/Json.js"
import * as CallData from "../../src/fate/CallData.js"
import type * as Value from "../../src/fate/Value.js"
import * as ValueCodec from "../../src/fate/ValueCodec.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as InMemoryTransport from "../../src/node/InMemoryTransport.js"
import * as Ledger from "../../src/node/Ledger.js"
import { makeMemory, NodeStorage, type NodeStorageService } from "../../src/node/NodeStorage.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import { initiator, ledger, responder } from "../support/NodeUnderTest.js"
import { channelIdOf, comeBack, openQuietly } from "../support/OpenedChannel.js"
import * as RawClient from "../support/RawClient.js"
import * as TestCrypto from "../support/TestCrypto.js"
import { code } from "./fsm/Meter.js"

const durable = (storage: NodeStorageService, seed = "node") =>
  Layer.provideMerge(
    InMemoryTransport.layer,
    ChannelNode.layerDurable({ ledger }).pipe(
      Layer.provide([
        Layer.succeed(NodeStorage, storage),
        Layer.succeed(Crypto, TestCrypto.seededDouble(seed)),
        JsonRpcSignedTx.layer
      ])
    )
  )

type Client = RawClient.RawClient

const cb = (bytes: Uint8Array): string => ApiEncoding.encode("cb", bytes)

const callOf = (contractId: string, name: string, ...args: ReadonlyArray<Value.Value>) => ({
  contract_id: contractId,
  abi_version: 3,
  amount: 0,
  call_data: cb(CallData.encode(name, args))
})

/** Time goes on until it is done. */
const passing = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* TestClock.adjust("20 seconds")
    return yield* Fiber.join(fiber)
  })

const both = (name: string, ...clients: ReadonlyArray<Client>) =>
  Effect.all(
    clients.map((client) => client.until(name)),
    { concurrency: "unbounded", discard: true }
  )

const propose = (from: Client, to: Client, method: string, params: Json.JsonObject) =>
  Effect.zipRight(from.send(method, params), passing(both("update", from, to)))

/** The frame that answers a request. */
const ask = (client: Client, method: string, params: Json.Json) =>
  Effect.gen(function* () {
    yield* client.send(method, params, 7)
    const frame = yield* client.next
    return RawClient.at(frame, "result") ?? RawClient.at(frame, "error")
  })

const callAt = (client: Client, contractId: string, caller: string, round: number) =>
  ask(client, "get.contract_call", { contract_id: contractId, caller_id: caller, round })

const valueOf = (call: Json.Json | undefined): unknown =>
  ValueCodec.decodeOrThrow(ApiEncoding.decodeOrThrow("cb", String(RawClient.at(call, "return_value"))))

describe("contracts at a node", () => {
  it.effect("are created, called, tried out, forced, and there after a restart", () =>
    Effect.gen(function* () {
      const storage = makeMemory()
      const contractId = Ids.contractId(initiator.address, 2)
      const before = yield* Effect.scoped(
        Effect.gen(function* () {
          const node = yield* ChannelNode.ChannelNode
          const { i, r } = yield* openQuietly()
          yield* propose(i, r, "update.new_contract", {
            vm_version: 8,
            abi_version: 3,
            deposit: 10,
            code: cb(code),
            call_data: cb(CallData.encode("init", [1n]))
          })
          yield* propose(r, i, "update.call_contract", callOf(contractId, "add", 5n))
          const call = yield* callAt(i, contractId, responder.address, 3)
          expect(RawClient.at(call, "return_type")).toBe("ok")
          expect(valueOf(call)).toBe(6n)
          // Topics are numbers that JavaScript would round.
          const topic = BigInt(`0x${Bytes.toHex(ApiEncoding.bytesOf(responder.address))}`)
          expect(i.texts.at(-1)).toContain(`"topics":[`)
          expect(i.texts.at(-1)).toContain(`,${topic},6]`)
          expect(valueOf(yield* ask(r, "dry_run.call_contract", callOf(contractId, "total")))).toBe(6n)
          const refused = yield* ask(i, "dry_run.call_contract", {
            ...callOf(contractId, "total"),
            abi_version: 1
          })
          expect(RawClient.at(refused, "data")).toEqual([{ code: 1019, message: "ABI version mismatch" }])

          yield* i.send("force_progress", { ...callOf(contractId, "add", 4n), gas_price: 1_000_000_000 })
          yield* passing(i.until("sign.force_progress_tx"))
          const consumed = yield* Effect.fork(both("on_chain_tx consumed_forced_progress", i, r))
          yield* node.mineMicro
          yield* TestClock.adjust("20 seconds")
          yield* Fiber.join(consumed)
          const id = ApiEncoding.parseOrThrow("ch", channelIdOf(i))
          expect(Ledger.channel(yield* node.ledger, id)).toMatchObject({ round: 4, soloRound: 4 })
          yield* propose(r, i, "update.call_contract", callOf(contractId, "add", 2n))
          expect(yield* ask(r, "clean_contract_calls", {})).toEqual({ action: "calls_pruned" })
          return { i, r }
        }).pipe(Effect.provide(durable(storage)))
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const r = yield* comeBack("responder", before.r)
          const i = yield* comeBack("initiator", before.i)
          yield* passing(both("update", i, r))
          for (const [round, caller, value] of [
            [3, responder.address, 6n],
            [4, initiator.address, 10n],
            [5, responder.address, 12n]
          ] as const) {
            expect(valueOf(yield* callAt(i, contractId, caller, round))).toBe(value)
            const forgotten = yield* callAt(r, contractId, caller, round)
            expect(RawClient.at(forgotten, "data")).toEqual([{ code: 1004, message: "Call not found" }])
          }
          const [one, two] = [
            yield* ask(i, "get.contract", { pubkey: contractId }),
            yield* ask(r, "get.contract", { pubkey: contractId })
          ]
          expect(one).toEqual(two)
          expect(RawClient.at(one, "contract", "deposit")).toBe(10)
          yield* propose(i, r, "update.call_contract", callOf(contractId, "add", 1n))
          expect(valueOf(yield* callAt(r, contractId, initiator.address, 6))).toBe(13n)
        }).pipe(Effect.provide(durable(storage, "second")))
      )
    })
  )
})
