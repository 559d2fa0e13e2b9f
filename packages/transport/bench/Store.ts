/** Writes a second of the channel stores: by one channel, and by many at once. */
import * as Crypto from "@aechannel/core/crypto/Crypto"
import * as ChannelStore from "@aechannel/core/services/ChannelStore"
import * as RecordCodec from "@aechannel/core/services/RecordCodec"
import { Arbitraries } from "@aechannel/core/testing"
import { Effect, FastCheck, Redacted } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type * as Harness from "../../core/bench/Harness.js"
import * as LmdbChannelStore from "../src/LmdbChannelStore.js"
import * as NativeCrypto from "../src/NativeCrypto.js"

/** Records as they are in the life of a channel: two kilobytes, one exposed transaction. */
const records = FastCheck.sample(
  Arbitraries.channelRecord.filter(({ exposure }) => exposure.length === 1),
  { seed: 1, numRuns: 100 }
).map((record) => ({ ...record, trees: new Uint8Array(600) }))

/** Writes a second of so many channels, each of which waits for one write before it asks for the next. */
const rate = (store: ChannelStore.ChannelStoreService, channels: number, milliseconds: number) =>
  Effect.gen(function* () {
    const started = performance.now()
    let writes = 0
    yield* Effect.forEach(
      records.slice(0, channels),
      (record) =>
        Effect.gen(function* () {
          const fence = yield* store.claim(record)
          let version = (yield* store.read(record))?.version ?? 0
          while (performance.now() - started < milliseconds) {
            yield* store.write(record, { version, fence })
            version += 1
            writes += 1
          }
        }),
      { concurrency: "unbounded", discard: true }
    )
    return Math.round((writes * 1000) / (performance.now() - started))
  })

const tableOf = (milliseconds: number): Effect.Effect<Harness.Table> =>
  Effect.gen(function* () {
    yield* NativeCrypto.accelerateHashes
    const directory = mkdtempSync(join(tmpdir(), "aechannel-bench-"))
    const key = Redacted.make(new Uint8Array(RecordCodec.keyLength).fill(7))
    const lmdb = (name: string, options: { readonly key?: typeof key }) =>
      LmdbChannelStore.make({ path: join(directory, name), ...options })
    const layers = [
      ["in memory", ChannelStore.makeMemory],
      ["on disk (lmdb)", lmdb("plain.db", {})],
      ["on disk (lmdb), encrypted", lmdb("sealed.db", { key })]
    ] as const
    const rows: Array<ReadonlyArray<string>> = []
    for (const [name, make] of layers) {
      const cells: Array<string> = [name]
      for (const channels of [1, 10, 100])
        cells.push(
          (yield* Effect.scoped(
            Effect.flatMap(make, (store) => rate(store, channels, milliseconds))
          )).toLocaleString("en")
        )
      rows.push(cells)
    }
    rmSync(directory, { recursive: true, force: true })
    return {
      title: "Writes of channel records a second; each is on disk before the next of its channel",
      heads: ["store", "1 channel", "10 channels", "100 channels"],
      rows
    }
  }).pipe(Effect.provideService(Crypto.Crypto, NativeCrypto.make()), Effect.orDie)

export const store: Harness.Theme = {
  name: "store",
  run: async ({ quick }) => [await Effect.runPromise(tableOf(quick ? 500 : 3000))]
}
