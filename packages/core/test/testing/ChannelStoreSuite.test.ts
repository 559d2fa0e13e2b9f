/** The suite can fail: stores that each do one thing wrong, and the cases that find it. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { StoreError } from "../../src/protocol/Errors.js"
import * as ChannelStore from "../../src/services/ChannelStore.js"
import * as ChannelStoreSuite from "../../src/testing/ChannelStoreSuite.js"

type Service = ChannelStore.ChannelStoreService
type Change = (store: Service) => Partial<Service>

/** Writes although the claim is another one, or whatever version is there. */
const writesOn =
  (which: "any claim" | "any version"): Change =>
  (store) => ({
    write: (record, expected) =>
      Effect.catchIf(
        store.write(record, expected),
        ({ reason }) => reason === (which === "any claim" ? "lease_lost" : "conflict"),
        (error) => {
          const [, stored = 0] = /(\d+)/.exec(error.detail) ?? []
          return which === "any claim"
            ? store.write(record, { ...expected, fence: Number(stored) })
            : store.write(record, { ...expected, version: Number(stored) })
        }
      )
  })

const broken: { readonly [name: string]: Change } = {
  "writes on any claim": writesOn("any claim"),
  "writes on any version": writesOn("any version"),
  "fails for the right reason under the wrong name": (store) => ({
    write: (record, expected) =>
      Effect.mapError(
        store.write(record, expected),
        (error) => new StoreError({ operation: "write", reason: "write", detail: error.detail })
      )
  }),
  "forgets what it says it has written": () => ({ write: () => Effect.void }),
  "loses a field": (store) => ({
    write: (record, expected) => store.write({ ...record, pending: undefined }, expected)
  }),
  "mixes the parties up": (store) => ({
    read: ({ channelId }) => store.read({ channelId, role: "initiator" })
  }),
  "lists nothing": () => ({ list: Effect.succeed([]) }),
  "lists in any order": (store) => ({ list: Effect.map(store.list, (keys) => [...keys].reverse()) }),
  "gives one claim to all": (store) => ({ claim: (key) => Effect.as(store.claim(key), 1) }),
  "reads old versions": (store) => {
    let old: ChannelStore.StoredRecord | undefined
    return {
      read: (key) =>
        Effect.map(store.read(key), (stored) => {
          const before = old
          old = stored
          return before ?? stored
        })
    }
  }
}

const failed = (change: Change) =>
  Effect.map(
    Effect.forEach(ChannelStoreSuite.cases, ({ name, run }) =>
      Effect.map(
        Effect.either(
          run(
            Effect.map(ChannelStore.makeMemory, (store) => ({
              open: Effect.succeed({ ...store, ...change(store) })
            }))
          )
        ),
        (result) => (result._tag === "Left" ? [{ name, error: result.left }] : [])
      )
    ),
    (found) => found.flat()
  )

describe("ChannelStoreSuite", () => {
  for (const [name, change] of Object.entries(broken))
    it.live(`finds a store that ${name}`, () =>
      Effect.gen(function* () {
        const found = yield* failed(change)
        expect(found.length).toBeGreaterThan(0)
        for (const { error, name } of found)
          if (error._tag === "SuiteError") expect(error.message.startsWith(`${name}: `)).toBe(true)
      })
    )

  it.live("finds a store that is gone when it is opened again", () =>
    Effect.gen(function* () {
      const fresh = Effect.succeed({ open: ChannelStore.makeMemory })
      const results = yield* Effect.forEach(ChannelStoreSuite.cases, ({ name, run }) =>
        Effect.map(Effect.either(run(fresh)), (result) => (result._tag === "Left" ? [name] : []))
      )
      expect(results.flat()).toEqual([
        "what was written is there when the store is opened again",
        "I11: two that have the store open see each other's writes and claims"
      ])
    })
  )
})
