import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scope, TestClock } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as Transaction from "../../src/chain/Transaction.js"
import { Crypto } from "../../src/crypto/Crypto.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import * as Bytes from "../../src/encoding/Bytes.js"
import * as Json from "../../src/encoding/Json.js"
import * as Rlp from "../../src/encoding/Rlp.js"
import * as ChannelNode from "../../src/node/ChannelNode.js"
import * as InMemoryTransport from "../../src/node/InMemoryTransport.js"
import * as Ledger from "../../src/node/Ledger.js"
import {
  makeMemory,
  NodeStateError,
  NodeStorage,
  NodeStorageError,
  type NodeStorageService
} from "../../src/node/NodeStorage.js"
import * as JsonRpcSignedTx from "../../src/protocol/JsonRpcSignedTx.js"
import { coin, initiator, ledger, networkId, query, responder } from "../support/NodeUnderTest.js"
import { comeBack, connect, fsmIdOf, openQuietly, outcome } from "../support/OpenedChannel.js"
import * as RawClient from "../support/RawClient.js"
import * as TestCrypto from "../support/TestCrypto.js"

const durable = (
  storage: NodeStorageService,
  options: Partial<ChannelNode.ChannelNodeOptions> & { readonly seed?: string } = {}
) => {
  const { seed = "node", ...others } = options
  return Layer.provideMerge(
    InMemoryTransport.layer,
    ChannelNode.layerDurable({ ledger, ...others }).pipe(
      Layer.provide([
        Layer.succeed(NodeStorage, storage),
        Layer.succeed(Crypto, TestCrypto.seededDouble(seed)),
        JsonRpcSignedTx.layer
      ])
    )
  )
}

const copyOf = (storage: NodeStorageService): NodeStorageService => {
  const copy = makeMemory()
  const names = storage.names()
  if (names instanceof NodeStorageError) throw names
  for (const name of names) {
    const value = storage.read(name)
    const log = storage.readLog(name)
    if (value instanceof NodeStorageError || log instanceof NodeStorageError) throw new Error("unreadable")
    if (value !== undefined) copy.write(name, value)
    for (const record of log) copy.append(name, record)
  }
  return copy
}

/** The power goes at the k-th write: it and everything after it fails. */
const failingAt = (storage: NodeStorageService, k: number) => {
  let writes = 0
  const failure = (operation: "write" | "append" | "remove", name: string) =>
    ++writes >= k ? new NodeStorageError({ operation, name, detail: "the power is gone" }) : undefined
  return {
    writes: () => writes,
    storage: {
      ...storage,
      write: (name, value) => failure("write", name) ?? storage.write(name, value),
      append: (name, record) => failure("append", name) ?? storage.append(name, record),
      remove: (name) => failure("remove", name) ?? storage.remove(name)
    } satisfies NodeStorageService
  }
}

const roundsOf = (client: RawClient.RawClient): ReadonlyArray<number> =>
  client.texts
    .map((text) => Json.parseOrThrow(text))
    .filter((frame) => RawClient.name(frame) === "update")
    .map((frame) => {
      const state = RawClient.at(frame, "params", "data", "state")
      const { tx } = SignedTx.fromTextOrThrow(String(state))
      return tx._tag === "ChannelOffchainTx" ? tx.round : 1
    })

const transfer = (from: RawClient.RawClient, to: RawClient.RawClient, amount = coin) =>
  Effect.gen(function* () {
    yield* from.send("update.new", { from: from.keyPair.address, to: to.keyPair.address, amount })
    yield* Effect.all([from.until("update"), to.until("update")], { concurrency: "unbounded" })
  })

const bothComeBack = (i: RawClient.RawClient, r: RawClient.RawClient) =>
  Effect.gen(function* () {
    const backR = yield* comeBack("responder", r)
    const backI = yield* comeBack("initiator", i)
    yield* Effect.all([backI.until("update"), backR.until("update")], { concurrency: "unbounded" })
    return { i: backI, r: backR }
  })

/** Opens, and moves coins to and fro; ends where the node does. Gives what both have heard. */
const session = Effect.gen(function* () {
  const node = yield* ChannelNode.ChannelNode
  const r = yield* connect(query("responder"), responder)
  const i = yield* connect(query("initiator"), initiator)
  const life = Effect.gen(function* () {
    yield* Effect.all([i.until("update"), r.until("update")], { concurrency: "unbounded" })
    yield* transfer(i, r)
    yield* transfer(r, i, 2n * coin)
    yield* node.mine(1)
    yield* transfer(i, r)
  })
  const living = yield* Effect.fork(life)
  yield* TestClock.adjust("10 millis")
  yield* Fiber.await(living)
  return { i, r }
})

const spend = Transaction.decodeOrThrow(
  Transaction.encode({
    _tag: "SpendTx",
    version: 1,
    senderId: initiator.address,
    recipientId: responder.address,
    amount: 1n,
    fee: 20_000n * 10n ** 9n,
    ttl: 0,
    nonce: 1n,
    payload: new Uint8Array(0)
  })
)

describe("a durable node", () => {
  it.effect("is stopped and started: chain, accounts and channels are as they were", () =>
    Effect.gen(function* () {
      const storage = makeMemory()
      const before = yield* Effect.scoped(
        Effect.gen(function* () {
          const node = yield* ChannelNode.ChannelNode
          const clients = yield* openQuietly()
          yield* transfer(clients.i, clients.r)
          yield* node.fund(initiator.address, 7n)
          yield* node.mine(2)
          yield* node.fork(1)
          yield* node.mine(3)
          return { ...clients, ledger: yield* node.ledger }
        }).pipe(Effect.provide(durable(storage)))
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const node = yield* ChannelNode.ChannelNode
          const now = yield* node.ledger
          expect(now.tip.hash).toBe(before.ledger.tip.hash)
          expect(now.top.height).toBe(before.ledger.top.height)
          expect(Ledger.accounts(now)).toEqual(Ledger.accounts(before.ledger))
          expect(Ledger.channels(now)).toEqual(Ledger.channels(before.ledger))
          const { i, r } = yield* bothComeBack(before.i, before.r)
          expect([roundsOf(i), roundsOf(r)]).toEqual([[2], [2]])
          yield* transfer(r, i)
          expect(roundsOf(i)).toEqual([2, 3])
        }).pipe(Effect.provide(durable(storage, { seed: "second" })))
      )
    })
  )

  it.effect("is killed: the same, from what the storage held at that moment", () =>
    Effect.gen(function* () {
      const storage = makeMemory()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(durable(storage), scope)
      const { i, r } = yield* Effect.provide(openQuietly(), context).pipe(Scope.extend(scope))
      for (let n = 0; n < 3; n++) yield* transfer(n % 2 === 0 ? i : r, n % 2 === 0 ? r : i)
      const left = copyOf(storage)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const back = yield* bothComeBack(i, r)
          expect(roundsOf(back.i)).toEqual([4])
          yield* transfer(back.i, back.r)
        }).pipe(Effect.provide(durable(left, { seed: "second" })))
      )
      yield* Scope.close(scope, Exit.void)
    })
  )

  it.effect(
    "loses power at any write: what clients were told is there afterwards, and equal on both sides",
    () =>
      Effect.gen(function* () {
        let total = 0
        let resumed = 0
        for (let k = 2; total === 0 || k <= total; k++) {
          const memory = makeMemory()
          const power = failingAt(memory, total === 0 ? Number.POSITIVE_INFINITY : k)
          const seen = yield* Effect.scoped(session.pipe(Effect.provide(durable(power.storage))))
          if (total === 0) {
            total = power.writes()
            k = 1
            continue
          }
          const { i, r } = seen
          const told = Math.max(0, ...roundsOf(i), ...roundsOf(r))
          if (told === 0) continue
          yield* Effect.scoped(
            Effect.gen(function* () {
              const back = yield* bothComeBack(i, r)
              expect(roundsOf(back.i)).toEqual(roundsOf(back.r))
              expect(roundsOf(back.i)[0]).toBeGreaterThanOrEqual(told)
              yield* transfer(back.r, back.i)
            }).pipe(Effect.provide(durable(memory, { seed: "second" })))
          )
          resumed += 1
        }
        console.log(`power lost at each of ${total} writes: ${resumed} times a channel went on`)
        expect(resumed).toBeGreaterThan(3)
      })
  )

  it.effect("stops when its storage fails, and says so", () =>
    Effect.gen(function* () {
      const power = failingAt(makeMemory(), 3)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const node = yield* ChannelNode.ChannelNode
          const failed = yield* Effect.fork(node.storageFailure)
          const client = yield* connect(query("responder"), responder)
          yield* client.until("info fsm_up")
          yield* node.mine(1)
          const { height } = (yield* node.ledger).top
          yield* node.mine(1)
          expect((yield* Fiber.join(failed)).detail).toBe("the power is gone")
          const end = yield* client.end
          expect([end.reason, end.closeCode]).toEqual(["connection_lost", 1006])

          yield* node.mine(5)
          expect((yield* node.ledger).top.height).toBeLessThanOrEqual(height + 1)
          expect(yield* outcome(yield* connect(query("responder"), responder))).toEqual({
            frames: [],
            code: 1011
          })
          const unsigned = SignedTx.unsigned(spend)
          expect((yield* Effect.flip(node.submit(unsigned))).reason).toBe("node_stopped")
        }).pipe(Effect.provide(durable(power.storage)))
      )
    })
  )

  it.effect("without a kept state lets a client go", () =>
    Effect.gen(function* () {
      const storage = makeMemory()
      const { i } = yield* Effect.scoped(openQuietly().pipe(Effect.provide(durable(storage))))
      storage.remove("states.0")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const back = yield* comeBack("initiator", i)
          expect(yield* outcome(back)).toEqual({ frames: [], code: 1000 })
        }).pipe(Effect.provide(durable(storage)))
      )
    })
  )

  it.effect("keeps states sealed: no id, and nothing to be read", () =>
    Effect.gen(function* () {
      const storage = makeMemory()
      const { i, r } = yield* Effect.scoped(openQuietly().pipe(Effect.provide(durable(storage))))
      const log = storage.readLog("states.0")
      if (log instanceof NodeStorageError) throw log
      const hex = log.map(Bytes.toHex).join("")
      for (const client of [i, r]) {
        expect(hex).not.toContain(Bytes.toHex(ApiEncoding.decodeOrThrow("ba", fsmIdOf(client))))
        expect(hex).not.toContain(Bytes.toHex(client.keyPair.publicKey))
      }
    })
  )

  const refusals: ReadonlyArray<readonly [string, Ledger.Ledger, RegExp]> = [
    [
      "of another network",
      Ledger.make({ networkId: "ae_other", accounts: [] }),
      /belongs to the network ae_test, not to ae_other/
    ],
    [
      "with another beginning",
      Ledger.make({ networkId, accounts: [{ address: initiator.address, balance: 1n }] }),
      /another genesis block/
    ],
    [
      "with another price",
      Ledger.make({
        networkId,
        accounts: Ledger.accounts(ledger).map(([address, { balance }]) => ({ address, balance })),
        minimumGasPrice: 5n
      }),
      /another minimum gas price/
    ]
  ]
  for (const [name, other, expected] of refusals)
    it.effect(`does not start on a chain ${name}`, () =>
      Effect.gen(function* () {
        const storage = makeMemory()
        yield* Effect.scoped(Layer.build(durable(storage)))
        const error = yield* Effect.flip(Effect.scoped(Layer.build(durable(storage, { ledger: other }))))
        expect(error).toBeInstanceOf(NodeStateError)
        expect(error).toMatchObject({ reason: "other_chain" })
        expect(error.message).toMatch(expected)
      })
    )

  for (const [name, record] of [
    ["no record", new Uint8Array([0x80])],
    ["no RLP", new Uint8Array([0xf8])],
    ["an unknown operation", Rlp.encode([[new Uint8Array([99]), new Uint8Array(32), new Uint8Array([1])]])],
    [
      "an operation that leads elsewhere",
      Rlp.encode([[new Uint8Array([4]), new Uint8Array(32), new Uint8Array([0])]])
    ]
  ] as const)
    it.effect(`does not start on a log with ${name}`, () =>
      Effect.gen(function* () {
        const storage = makeMemory()
        yield* Effect.scoped(Layer.build(durable(storage)))
        storage.append("chain", record)
        const error = yield* Effect.flip(Effect.scoped(Layer.build(durable(storage))))
        expect(error).toBeInstanceOf(NodeStateError)
      })
    )

  it.effect("does not start on a storage that cannot be read", () =>
    Effect.gen(function* () {
      const broken = new NodeStorageError({ operation: "read", name: "chain", detail: "no" })
      const storage = { ...makeMemory(), readLog: () => broken }
      expect(yield* Effect.flip(Effect.scoped(Layer.build(durable(storage))))).toBe(broken)
    })
  )
})
