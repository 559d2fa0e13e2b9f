import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as SignedTx from "../../src/chain/SignedTx.js"
import * as ApiEncoding from "../../src/encoding/ApiEncoding.js"
import type { Role } from "../../src/protocol/OpenParameters.js"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import * as Trees from "../../src/state/Trees.js"
import { channelId, createTx, initialTrees, initiator, terms } from "../client/support/ScriptedNode.js"

const record = (role: Role, round: number): ChannelStore.ChannelRecord => ({
  channelId,
  role,
  ownAddress: initiator.address,
  networkId: "ae_test",
  terms,
  fsmId: Redacted.make(ApiEncoding.encode("ba", new Uint8Array(32))),
  round,
  coSigned: round === 0 ? undefined : SignedTx.unsigned(createTx()),
  trees: Trees.encode(initialTrees),
  intents: [],
  exposure: [],
  frozen: undefined
})
const key = (role: Role): ChannelStore.RecordKey => ({ channelId, role })

describe("ChannelStore.layerMemory", () => {
  const withStore = <A, E>(
    use: (store: ChannelStore.ChannelStoreService) => Effect.Effect<A, E>
  ): Effect.Effect<A, E> =>
    Effect.flatMap(ChannelStore.ChannelStore, use).pipe(Effect.provide(ChannelStore.layerMemory))

  it.effect("reads what was written, with its version", () =>
    withStore((store) =>
      Effect.gen(function* () {
        expect(yield* store.read(key("initiator"))).toBeUndefined()
        yield* store.write(record("initiator", 0), 0)
        yield* store.write(record("initiator", 1), 1)
        expect(yield* store.read(key("initiator"))).toMatchObject({ version: 2, record: { round: 1 } })
      })
    )
  )

  it.effect("keeps the two parties of a channel apart, and lists both", () =>
    withStore((store) =>
      Effect.gen(function* () {
        yield* store.write(record("initiator", 1), 0)
        yield* store.write(record("responder", 2), 0)
        expect(yield* store.read(key("initiator"))).toMatchObject({ record: { round: 1 } })
        expect(yield* store.read(key("responder"))).toMatchObject({ record: { round: 2 } })
        expect(yield* store.list).toEqual([key("initiator"), key("responder")])
      })
    )
  )

  it.effect("refuses a write on another version, and changes nothing", () =>
    withStore((store) =>
      Effect.gen(function* () {
        yield* store.write(record("initiator", 1), 0)
        for (const expected of [0, 2]) {
          const error = yield* Effect.flip(store.write(record("initiator", 9), expected))
          expect(error).toMatchObject({ _tag: "StoreError", reason: "conflict" })
        }
        expect(yield* store.read(key("initiator"))).toMatchObject({ version: 1, record: { round: 1 } })
      })
    )
  )

  it.effect("of many writers on one version one wins", () =>
    withStore((store) =>
      Effect.gen(function* () {
        const results = yield* Effect.all(
          Array.from({ length: 10 }, (_, i) => Effect.exit(store.write(record("initiator", i), 0))),
          { concurrency: "unbounded" }
        )
        expect(results.filter((exit) => exit._tag === "Success")).toHaveLength(1)
      })
    )
  )
})
